//! Pure: how messages and the reference name kinds and values.

use std::time::Duration;

use toml::de::DeValue;

use super::keys::{Form, Kind};

impl Kind {
    /// What a value must be, to stand after "expected".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Text(form) => form.expected().to_owned(),
            Self::Choice(words) => either(words.iter().map(|word| format!("\"{word}\""))),
            Self::Flag => "true or false".to_owned(),
            Self::Count(min, max) => format!("a whole number from {min} to {max}"),
            Self::Span(min, max) => format!(
                "a duration from \"{}\" to \"{}\", such as \"30s\", \"5m\" or \"250ms\"",
                write_span(min),
                write_span(max)
            ),
            Self::Url(schemes) => {
                let begins = either(schemes.iter().map(|scheme| format!("{scheme}://")));
                format!("a URL that begins with {begins}")
            }
            Self::Proxy => "a URL that begins with http://".to_owned(),
            Self::Path => "the name of a file".to_owned(),
            Self::Listen => "\"off\", \"IP:PORT\" or \"unix:/path\"".to_owned(),
            Self::Address => "\"IP:PORT\"".to_owned(),
            Self::LogFilter => {
                "a level (error, warn, info, debug, trace, off) or a list of target=level"
                    .to_owned()
            }
            Self::Secret | Self::SigningSecret => {
                "a text, or one of { file = \"...\" }, { env = \"...\" }, { credential = \"...\" }"
                    .to_owned()
            }
            Self::Texts => "a list of texts".to_owned(),
            Self::Patterns => "regular expressions with commas between them".to_owned(),
        }
    }
}

impl Form {
    /// What a text must be, to stand after "expected".
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Any => "a text",
            Self::Filled => "a text that is not empty",
            Self::Digits => "a text of digits",
            Self::DigitsOrEmpty => "a text of digits, or an empty one",
            Self::Name => {
                "a name of up to 64 characters: a-z, 0-9, and after the first one also . _ -"
            }
        }
    }
}

/// A duration as the file writes it, in the largest unit that divides it.
pub(super) fn write_span(span: Duration) -> String {
    let millis = span.as_millis();
    UNITS
        .iter()
        .rev()
        .find(|(_, size)| millis != 0 && millis.is_multiple_of(u128::from(*size)))
        .map_or_else(
            || "0s".to_owned(),
            |(unit, size)| format!("{}{unit}", millis / u128::from(*size)),
        )
}

/// Units and their milliseconds, the smallest first.
pub(super) const UNITS: [(&str, u64); 4] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];

/// The type of a value, in words.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(text) if text.is_empty() => "an empty text",
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// `a`, `a or b`, `a, b or c`.
fn either(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<_> = words.collect();
    match (words.pop(), words.is_empty()) {
        (Some(last), false) => format!("{} or {last}", words.join(", ")),
        (Some(only), true) => only,
        (None, _) => String::new(),
    }
}

/// A text in quotes, without control characters, cut.
pub(super) fn quote(text: &str) -> String {
    if text.is_empty() {
        return "an empty text".to_owned();
    }
    format!("\"{}\"", escape(text))
}

/// A text that is safe on a terminal, cut.
pub(super) fn escape(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().count() > LONGEST {
        shown.push('…');
    }
    shown.replace("\\\"", "\"").replace("\\'", "'")
}
