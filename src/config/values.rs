//! Pure: the checked values of a file, for those who make settings of them.

use std::{
    collections::BTreeMap,
    ops::Range,
    path::{Path, PathBuf},
    time::Duration,
};

use super::{
    keys::{Key, Presence},
    read::default_value,
    value::Checked,
    words::write_span,
};
use crate::secret::Secret;

/// The values of a file, by the path of their key; defaults stand in for what is missing or mistaken.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// All keys that have a value.
    pub(super) checked: BTreeMap<&'static str, Checked>,
    /// Where the file gives a key: its value.
    pub(super) given: BTreeMap<&'static str, Range<usize>>,
    /// Where a table of the file begins.
    pub(super) sections: BTreeMap<&'static str, Range<usize>>,
    /// `[skills]`
    pub(super) skills: BTreeMap<String, String>,
}

impl Values {
    /// A text; empty if there is none.
    pub(super) fn text(&self, path: &str) -> &str {
        match self.checked.get(path) {
            Some(Checked::Text(text)) => text,
            _ => "",
        }
    }

    /// A text, if there is one that is not empty.
    pub(super) fn filled(&self, path: &str) -> Option<&str> {
        Some(self.text(path)).filter(|text| !text.is_empty())
    }

    pub(super) fn flag(&self, path: &str) -> bool {
        matches!(self.checked.get(path), Some(Checked::Flag(true)))
    }

    pub(super) fn count(&self, path: &str) -> u64 {
        match self.checked.get(path) {
            Some(Checked::Count(count)) => *count,
            _ => 0,
        }
    }

    /// A count of milliseconds.
    pub(super) fn millis(&self, path: &str) -> Duration {
        Duration::from_millis(self.count(path))
    }

    pub(super) fn span(&self, path: &str) -> Duration {
        match self.checked.get(path) {
            Some(Checked::Span(span)) => *span,
            _ => Duration::ZERO,
        }
    }

    pub(super) fn path(&self, path: &str) -> Option<&PathBuf> {
        match self.checked.get(path) {
            Some(Checked::Path(file)) => Some(file),
            _ => None,
        }
    }

    pub(super) fn texts(&self, path: &str) -> &[String] {
        match self.checked.get(path) {
            Some(Checked::Texts(texts)) => texts,
            _ => &[],
        }
    }

    pub(super) fn secret(&self, path: &str) -> Option<&Secret> {
        match self.checked.get(path) {
            Some(Checked::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    pub(super) fn skills(&self) -> &BTreeMap<String, String> {
        &self.skills
    }

    /// Where the file gives this key, even with a mistaken value.
    pub(super) fn at(&self, path: &str) -> Option<Range<usize>> {
        self.given.get(path).cloned()
    }

    pub(super) fn section_at(&self, name: &str) -> Option<Range<usize>> {
        self.sections.get(name).cloned()
    }

    /// Whether the file gives this key, even with a mistaken value.
    pub(super) fn has(&self, path: &str) -> bool {
        self.given.contains_key(path)
    }

    /// The value in one fixed spelling, however the file spells it. Secrets have none.
    pub(super) fn canonical(&self, path: &str) -> Option<String> {
        Some(match self.checked.get(path)? {
            Checked::Text(text) => format!("{text:?}"),
            Checked::Flag(flag) => flag.to_string(),
            Checked::Count(count) => count.to_string(),
            Checked::Span(span) => write_span(*span),
            Checked::Path(path) => format!("{path:?}"),
            Checked::Texts(texts) => format!("{texts:?}"),
            Checked::Secret(_) => return None,
        })
    }

    /// Takes the file's value back: what holds without the key, holds.
    pub(super) fn reset(&mut self, key: &Key) {
        let default = match key.presence {
            Presence::Default(text) => default_value(key, text),
            Presence::Required | Presence::Optional(_) => None,
        };
        match default {
            Some(value) => self.checked.insert(key.path, value),
            None => self.checked.remove(key.path),
        };
    }

    /// All secrets of the file, with their places.
    pub(super) fn secrets(&self) -> impl Iterator<Item = (Range<usize>, &Secret)> {
        self.checked.keys().filter_map(|path| Some((self.at(path)?, self.secret(path)?)))
    }

    /// All file names of the file that are no secrets, with their places.
    pub(super) fn paths(&self) -> impl Iterator<Item = (Range<usize>, &PathBuf)> {
        self.checked.keys().filter_map(|path| Some((self.at(path)?, self.path(path)?)))
    }

    /// Makes relative file names relative to `folder`.
    pub(super) fn resolve(&mut self, folder: &Path) {
        for value in self.checked.values_mut() {
            if let Checked::Path(path) | Checked::Secret(Secret::File(path)) = value {
                *path = folder.join(&*path);
            }
        }
    }
}
