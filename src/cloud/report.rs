//! Pure: how failures are told to people: on one line, short, with their causes.

use std::{error::Error, fmt::Display};

use crate::ops::logs;

/// An error and all that lies below it, short enough for a status line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    shortened(logs::chain(error), 500)
}

/// At most `limit` characters of what a server said, on one line, for people.
pub(crate) fn shortened(text: impl Display, limit: usize) -> String {
    let text = text.to_string();
    let mut line = String::with_capacity(text.len().min(limit * 4));
    for (count, letter) in text.trim().chars().enumerate() {
        if count == limit {
            line.push('…');
            break;
        }
        line.push(if letter.is_control() { ' ' } else { letter });
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_with_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("outer")]
        struct Outer(#[source] std::fmt::Error);
        assert_eq!(chain(&Outer(std::fmt::Error)), format!("outer: {}", std::fmt::Error));
    }

    #[test]
    fn what_a_server_said_is_cut_and_kept_on_one_line() {
        assert_eq!(shortened(" a\nb ", 10), "a b");
        assert_eq!(shortened("äöü", 2), "äö…");
    }
}
