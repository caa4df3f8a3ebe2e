//! Pure: what the file may say but this version cannot do yet. To make something available, remove its rule here.

use super::{finding::Notes, values::Values};

/// A key's value, and what to say about it.
const UNAVAILABLE: &[(&str, &str, &str)] = &[
    ("bot.dialect", "custom-endpoint", "dialect custom-endpoint is not available in this version"),
    ("bot.dialect", "rasa", "dialect rasa is not available in this version"),
    ("bot.dialect", "openai", "dialect openai is not available in this version"),
];

/// Refuses what is not available.
pub(super) fn refuse(values: &Values, notes: &mut Notes) {
    for (path, value, message) in UNAVAILABLE {
        if values.text(path) == *value {
            notes.error(values.at(path), *message);
        }
    }
}
