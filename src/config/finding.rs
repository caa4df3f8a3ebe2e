//! Pure: what is wrong with a file, and how it is shown: place, message, the line with a caret, help.

use std::{fmt, ops::Range, path::Path};

use super::keys;

/// A mistake or a warning, ready to be shown. It holds no secret.
///
/// Of the file's line only that is kept which is known to be harmless: keys, and values of known keys that
/// are not secrets. The rest is shown as `***`, for a secret may stand behind a misspelt key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file as it was named.
    pub file: String,
    /// Line and column, counted from one; none: it concerns the file as a whole.
    pub place: Option<(usize, usize)>,
    /// Whether the file can be used in spite of it.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// The line and the marks under it.
    excerpt: Option<(String, String)>,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file can be used.
    Warning,
    /// The file cannot be used.
    Error,
}

/// A finding before it is tied to the text.
#[derive(Clone, Debug)]
pub(super) struct Note {
    pub(super) severity: Severity,
    /// Bytes of the text; none: the file as a whole.
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// All notes of a file while it is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes(Vec<Note>);

/// What is needed to show a place of the text.
#[derive(Debug)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
    /// The harmless parts of the text, in order and without overlap.
    pub(super) visible: Vec<Range<usize>>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        let word = match self.severity {
            Severity::Warning => "warning",
            Severity::Error => "error",
        };
        write!(f, ": {word}: {}", self.message)?;
        if let (Some((text, marks)), Some((line, _))) = (&self.excerpt, self.place) {
            write!(f, "\n{line:>5} | {text}\n      | {marks}")?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n      = help: {help}")?;
        }
        Ok(())
    }
}

impl Finding {
    /// A mistake that concerns the file as a whole.
    pub(super) fn of_file(path: &Path, message: String) -> Self {
        Self {
            file: path.display().to_string(),
            place: None,
            severity: Severity::Error,
            message,
            help: None,
            excerpt: None,
        }
    }
}

impl Notes {
    pub(super) fn error(&mut self, span: Option<Range<usize>>, message: impl Into<String>) {
        self.push(Severity::Error, span, message.into(), None);
    }

    pub(super) fn error_with_help(
        &mut self,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, span, message.into(), Some(help.into()));
    }

    pub(super) fn warn(
        &mut self,
        span: Option<Range<usize>>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Warning, span, message.into(), Some(help.into()));
    }

    pub(super) fn has_errors(&self) -> bool {
        self.0.iter().any(|note| note.severity == Severity::Error)
    }

    /// Keeps the notes that `keep` likes.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Note) -> bool) {
        self.0.retain(keep);
    }

    /// Errors and warnings, each in the order of the file; what concerns the whole file comes last.
    /// Of very many only the first are shown, and how many more there are.
    pub(super) fn show(mut self, source: &Source<'_>) -> (Vec<Finding>, Vec<Finding>) {
        self.0
            .sort_by_key(|note| note.span.as_ref().map_or(usize::MAX, |span| span.start));
        let (errors, warnings) = self
            .0
            .into_iter()
            .partition(|note| note.severity == Severity::Error);
        (source.show_first(errors), source.show_first(warnings))
    }

    fn push(
        &mut self,
        severity: Severity,
        span: Option<Range<usize>>,
        message: String,
        help: Option<String>,
    ) {
        self.0.push(Note {
            severity,
            span,
            message,
            help,
        });
    }
}

impl Source<'_> {
    fn show_first(&self, notes: Vec<Note>) -> Vec<Finding> {
        let more = notes.len().saturating_sub(MOST);
        let mut findings: Vec<_> = notes
            .into_iter()
            .take(MOST)
            .map(|note| self.show(note))
            .collect();
        if let Some(last) = findings.last_mut().filter(|_| more > 0) {
            last.help = Some(format!(
                "there are {more} more like this; is this the right file?"
            ));
        }
        findings
    }

    fn show(&self, note: Note) -> Finding {
        let mut finding = Finding {
            file: self.path.display().to_string(),
            place: None,
            severity: note.severity,
            message: note.message,
            help: note.help,
            excerpt: None,
        };
        if let Some(span) = note.span {
            let (line, column) = self.place(span.start);
            finding.place = Some((line, column));
            finding.excerpt = Some(self.excerpt(&span));
        }
        finding
    }

    /// Line and column of a byte, counted from one; columns are characters.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.up_to(at);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start(before)..].chars().count() + 1)
    }

    /// The line of a span without what might be secret, and the marks below it.
    fn excerpt(&self, span: &Range<usize>) -> (String, String) {
        let start = line_start(self.up_to(span.start));
        let rest = &self.text[start..];
        let line = rest[..rest.find('\n').unwrap_or(rest.len())].trim_end_matches('\r');
        let mut shown = String::new();
        let mut marks = (None, 0);
        let mut hidden = false;
        let key = key_part(line);
        for (offset, c) in line.char_indices() {
            let at = start + offset;
            let is_visible =
                self.is_visible(at) || key.as_ref().is_some_and(|key| key.contains(&offset));
            if is_visible && hidden {
                shown.push(' ');
            }
            let before = shown.chars().count();
            if before >= WIDEST {
                shown.push('…');
                break;
            }
            if is_visible {
                hidden = false;
                shown.push(if c.is_control() { ' ' } else { c });
            } else if hidden {
                // The stars stand for this one too.
            } else if c == '#' {
                break;
            } else if " \t=[]{},.".contains(c) {
                shown.push(if c == '\t' { ' ' } else { c });
            } else {
                hidden = true;
                shown.push_str("***");
            }
            if at >= span.start && at < span.end.max(span.start + 1) {
                marks.0 = marks
                    .0
                    .or_else(|| Some(before.min(shown.chars().count() - 1)));
                marks.1 = shown.chars().count();
            }
        }
        let shown = shown.trim_end().to_owned();
        let from = marks.0.unwrap_or_else(|| shown.chars().count());
        let carets = marks.1.min(shown.chars().count()).saturating_sub(from);
        (
            shown,
            format!("{}{}", " ".repeat(from), "^".repeat(carets.max(1))),
        )
    }

    fn is_visible(&self, at: usize) -> bool {
        let next = self.visible.partition_point(|range| range.end <= at);
        self.visible
            .get(next)
            .is_some_and(|range| range.start <= at)
    }

    /// The text before a byte, or before the character that holds it.
    fn up_to(&self, at: usize) -> &str {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        &self.text[..at]
    }
}

/// No more mistakes than this are shown; a file with more is not a configuration.
const MOST: usize = 100;

/// A line is not shown beyond this many characters.
const WIDEST: usize = 160;

/// The known words with which the key or header of a line begins. The parser does not tell all their places.
fn key_part(line: &str) -> Option<Range<usize>> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let start = line.find(|c| !" \t[".contains(c))?;
    let end = line[start..]
        .find(|c| !word(c))
        .map_or(line.len(), |end| start + end);
    let known = line[start..end]
        .split('.')
        .take_while(|word| keys::is_known_word(word))
        .map(|word| word.len() + 1)
        .sum::<usize>();
    (known > 0).then(|| start..(start + known).min(end))
}

fn line_start(before: &str) -> usize {
    before.rfind('\n').map_or(0, |newline| newline + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_shown_with_carets_under_the_span() {
        let shown = show("[a]\nname = 5\n", 4..12, 11..12);
        assert_eq!(
            shown,
            "x.toml:2:8: error: no\n    2 | name = 5\n      |        ^"
        );
    }

    #[test]
    fn what_is_not_known_to_be_harmless_is_hidden() {
        let shown = show("pasword = \"hunter2\" # old: hunter1", 0..7, 0..7);
        assert!(shown.contains("pasword = ***\n"), "{shown}");
        assert!(!shown.contains("hunter"), "{shown}");
    }

    #[test]
    fn a_place_beyond_the_end_is_the_end() {
        let shown = show("a = 1", 0..1, 99..100);
        assert!(shown.starts_with("x.toml:1:6: "), "{shown}");
    }

    fn show(text: &str, visible: Range<usize>, span: Range<usize>) -> String {
        let mut notes = Notes::default();
        notes.error(Some(span), "no");
        let source = Source {
            path: Path::new("x.toml"),
            text,
            visible: vec![visible],
        };
        notes.show(&source).0[0].to_string()
    }
}
