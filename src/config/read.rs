//! Pure: TOML text against the table of keys; what comes out is checked key by key, not yet as a whole.

use std::{borrow::Cow, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    finding::Notes,
    keys::{self, Key, Keys, Kind, Presence, Section},
    nearest::nearest,
    sources,
    value::{self, Checked},
    values::Values,
    words::escape,
};

/// What reading a text came to.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) values: Values,
    pub(super) notes: Notes,
    /// The parts of the text that are harmless to show.
    pub(super) visible: Vec<Range<usize>>,
    /// The text is not TOML; the values are those that could be made out.
    pub(super) broken: bool,
    /// Sections that are no tables.
    misshapen: Vec<&'static str>,
}

/// Reads a text, collecting all mistakes that concern single keys.
pub(super) fn read(text: &str) -> Reading {
    let (document, mut errors) = DeTable::parse_recoverable(text);
    errors.sort_by_key(|error| error.span().map_or(0, |span| span.start));
    errors.truncate(MOST);
    let mut reading = Reading { broken: !errors.is_empty(), ..Reading::default() };
    reading.document(text, document.get_ref());
    if reading.broken {
        // Past a broken header, say, keys may have ended up in the wrong table: do not judge them.
        // Where only a value is broken, the rest of the file still means what it says.
        let broken: Vec<_> = errors
            .iter()
            .map(|error| line_of(text, error.span().map_or(0, |span| span.start)))
            .collect();
        let first =
            broken.iter().filter(|line| broken.len() == MOST || !is_one_value(text, **line)).min();
        reading.notes.retain(|note| {
            let line = note.span.as_ref().map(|span| line_of(text, span.start));
            line.is_some_and(|line| {
                first.is_none_or(|first| line < *first) && !broken.contains(&line)
            })
        });
        reading.syntax(text, &errors);
    } else {
        reading.missing();
    }
    reading.defaults();
    reading.visible.sort_by_key(|range| range.start);
    reading
}

impl Reading {
    fn document(&mut self, text: &str, document: &DeTable<'_>) {
        for (key, value) in document {
            self.show(key.span());
            match keys::section(key.get_ref()).filter(|section| !section.name.contains('.')) {
                Some(section) => self.section(text, section, key.span(), value),
                None => self.unknown_section(key),
            }
        }
    }

    /// Says where the text is not TOML, once for each line.
    fn syntax(&mut self, text: &str, errors: &[toml::de::Error]) {
        let mut last = None;
        for error in errors {
            let line = error.span().map(|span| line_of(text, span.start));
            if last.is_some() && last == line {
                continue;
            }
            last = line;
            let message = format!("not TOML: {}", error.message());
            self.notes.error(error.span(), message);
            if error.message().contains("between array elements") {
                // A list that is never closed takes the rest of the file for its items.
                break;
            }
        }
    }

    fn section(
        &mut self,
        text: &str,
        section: &'static Section,
        at: Range<usize>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let Some(table) = value.get_ref().as_table() else {
            let message = format!("`{}` is a table", section.name);
            let help =
                format!("write [{}] on a line of its own, once, and its keys below", section.name);
            self.notes.error_with_help(Some(at), message, help);
            self.misshapen.push(section.name);
            return;
        };
        self.values.sections.insert(section.name, at);
        for (key, value) in table {
            self.show(key.span());
            let name = key.get_ref().as_ref();
            let inner = format!("{}.{name}", section.name);
            if let Some(inner) = keys::section(&inner) {
                self.section(text, inner, key.span(), value);
                continue;
            }
            match section.keys {
                Keys::Known(known) => match known.iter().find(|key| key.name() == name) {
                    Some(known) => self.key(text, known, value),
                    None => self.unknown_key(section, key),
                },
                Keys::Free(kind) => self.free(text, section, kind, key, value),
            }
        }
    }

    fn key(&mut self, text: &str, key: &'static Key, value: &Spanned<DeValue<'_>>) {
        self.values.given.insert(key.path, value.span());
        if let (true, Some(source)) = (key.kind.is_secret(), value.get_ref().as_table()) {
            let known = |key: &&Spanned<_>| sources::SOURCES.contains(&Cow::as_ref(key.get_ref()));
            self.visible.extend(source.keys().filter(known).map(Spanned::span));
        } else if !key.kind.is_secret() && is_harmless(value) {
            self.show_value(text, value.span());
        }
        match value::check(key.kind, key.is_loose(), value.get_ref()) {
            Ok(checked) => {
                self.values.checked.insert(key.path, checked);
            }
            Err(refusal) => {
                let span = refusal.span.unwrap_or_else(|| value.span());
                let message = format!("`{}`: {}", key.name(), refusal.message);
                let help = refusal.help.unwrap_or_else(|| format!("{}: {}", key.name(), key.doc));
                self.notes.error_with_help(Some(span), message, help);
            }
        }
    }

    /// A key whose name is the user's own choice: a skill.
    fn free(
        &mut self,
        text: &str,
        section: &'static Section,
        kind: Kind,
        key: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let name = key.get_ref().as_ref();
        self.show_value(text, value.span());
        if name.bytes().all(|b| b.is_ascii_digit()) {
            let message = format!("\"{name}\" cannot be a name in [{}]", section.name);
            let help = "a name has at least one character that is not a digit; digits are ids";
            self.notes.error_with_help(Some(key.span()), message, help);
        }
        match value::check(kind, false, value.get_ref()) {
            Ok(Checked::Text(text)) => {
                self.values.skills.insert(name.to_owned(), text);
            }
            Ok(_) => {}
            Err(refusal) => {
                let message = format!("`{}`: {}", escape(name), refusal.message);
                let help = refusal.help.unwrap_or_else(|| section.doc.to_owned());
                self.notes.error_with_help(Some(value.span()), message, help);
            }
        }
    }

    fn unknown_section(&mut self, key: &Spanned<Cow<'_, str>>) {
        let name = key.get_ref().as_ref();
        let tables = || keys::SECTIONS.iter().map(|section| section.name);
        let help = if let Some(home) = keys::all().find(|key| key.name() == name) {
            format!("`{name}` belongs in [{}]", section_of(home))
        } else if let Some(table) = nearest(name, tables()) {
            format!("did you mean [{table}]?")
        } else {
            format!("the tables are {}", tables().collect::<Vec<_>>().join(", "))
        };
        let message = format!("unknown table or key `{}`", escape(name));
        self.notes.error_with_help(Some(key.span()), message, help);
    }

    fn unknown_key(&mut self, section: &'static Section, key: &Spanned<Cow<'_, str>>) {
        let name = key.get_ref().as_ref();
        let span = Some(key.span());
        let moved = keys::MOVED.iter().find(|moved| moved.name == name);
        if let Some(moved) = moved.filter(|_| section.name == "custom") {
            let help = match moved.to {
                Some(to) => format!("use {to} instead"),
                None => "connectord needs no such thing; remove it".to_owned(),
            };
            let message = format!("`{name}` has no effect in [custom]");
            self.notes.warn(span, message, help);
            return;
        }
        let prefix = format!("{}.", section.name);
        let inner = || keys::SECTIONS.iter().filter_map(|inner| inner.name.strip_prefix(&prefix));
        let own = || section.known().iter().map(Key::name).chain(inner());
        let home = keys::all().find(|key| key.name() == name);
        let help = if let Some(home) = home {
            format!("`{name}` belongs in [{}]", section_of(home))
        } else if let Some(near) = nearest(name, own()) {
            format!("did you mean `{near}`?")
        } else if let Some(near) = nearest(name, keys::all().map(|key| key.path))
            .or_else(|| nearest(name, keys::all().map(Key::name)))
            .and_then(|near| keys::all().find(|key| key.path == near || key.name() == near))
        {
            format!("did you mean `{}` in [{}]?", near.name(), section_of(near))
        } else {
            match own().collect::<Vec<_>>().join(", ") {
                keys if keys.is_empty() => format!("[{}] has no keys", section.name),
                keys => format!("the keys of [{}] are {keys}", section.name),
            }
        };
        let message = format!("unknown key `{}` in [{}]", escape(name), section.name);
        self.notes.error_with_help(span, message, help);
    }

    /// What must be there and is not.
    fn missing(&mut self) {
        for section in keys::SECTIONS {
            let missing: Vec<_> = section
                .known()
                .iter()
                .filter(|key| {
                    matches!(key.presence, Presence::Required) && !self.values.has(key.path)
                })
                .collect();
            let Some(at) = self.values.section_at(section.name) else {
                if !missing.is_empty() && !self.misshapen.contains(&section.name) {
                    let names: Vec<_> =
                        missing.iter().map(|key| format!("`{}`", key.name())).collect();
                    let message = format!("the table [{}] is missing", section.name);
                    let help = format!("it needs at least {}", names.join(" and "));
                    self.notes.error_with_help(None, message, help);
                }
                continue;
            };
            for key in missing {
                let message = format!("[{}] lacks `{}`", section.name, key.name());
                let help = format!("{}: {}; expected {}", key.name(), key.doc, key.kind.expected());
                self.notes.error_with_help(Some(at.clone()), message, help);
            }
        }
    }

    fn defaults(&mut self) {
        for key in keys::all() {
            if let Presence::Default(text) = key.presence
                && !self.values.checked.contains_key(key.path)
                && let Some(value) = default_value(key, text)
            {
                self.values.checked.insert(key.path, value);
            }
        }
    }

    fn show(&mut self, range: Range<usize>) {
        self.visible.push(range);
    }

    /// Text that goes over several lines may have swallowed a secret because of a missing quote.
    fn show_value(&mut self, text: &str, range: Range<usize>) {
        if text.get(range.clone()).is_some_and(|value| !value.contains('\n')) {
            self.show(range);
        }
    }
}

/// A text with more breaks than this is no TOML at all; the others are not looked at.
const MOST: usize = 50;

/// The value that a key has by default, of its text in the table of keys.
pub(super) fn default_value(key: &Key, text: &str) -> Option<Checked> {
    let value = DeValue::parse(text).ok()?;
    value::check(key.kind, key.is_loose(), value.get_ref()).ok()
}

/// Whether a value has no place where a secret might hide, such as a table, or a URL with a password.
fn is_harmless(value: &Spanned<DeValue<'_>>) -> bool {
    match value.get_ref() {
        DeValue::String(text) => !text.contains('@'),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
            true
        }
        DeValue::Array(items) => items.iter().all(is_harmless),
        DeValue::Table(_) => false,
    }
}

fn section_of(key: &Key) -> &'static str {
    key.path.rsplit_once('.').map_or("", |(section, _)| section)
}

/// Whether a broken line gives a known key some value, so that no more than this value is broken.
fn is_one_value(text: &str, line: usize) -> bool {
    text.lines().nth(line).and_then(|line| line.split_once('=')).is_some_and(|(key, value)| {
        keys::is_known_word(key.trim()) && !value.contains("\"\"\"") && !value.contains("'''")
    })
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_that_its_key_allows() {
        for key in keys::all() {
            if let Presence::Default(text) = key.presence {
                assert!(default_value(key, text).is_some(), "{}", key.path);
            }
        }
    }

    #[test]
    fn one_spelling_of_a_value_has_one_canonical_form() {
        let canonical = |text: &str| {
            let reading = read(&format!("[custom]\n{text}"));
            keys::section("custom")
                .unwrap()
                .known()
                .iter()
                .map(|key| reading.values.canonical(key.path))
                .collect::<Vec<_>>()
        };
        let plain = canonical("");
        assert_eq!(canonical("messageDelay = \"300\"\nskipAgentMessage = \"FALSE\""), plain);
        assert_ne!(canonical("messageDelay = 301"), plain);
    }
}
