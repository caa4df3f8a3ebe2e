//! Pure: the spellings of the answers: `@` before attributes, lists of one, numbers as texts.

use super::calls::CallName;
use super::options::Dialect;
use serde_json::{Map, Number, Value};

/// Members that are lists.
const LISTS: &[&str] = &[
    "link",
    "event",
    "chat",
    "chatSession",
    "agent",
    "skill",
    "skillInfo",
    "question",
    "entry",
    "customVariable",
    "answer",
];
/// Members that are numbers, written as texts in the examples.
const NUMBERS: &[&str] = &[
    "id",
    "ringingCount",
    "maxChats",
    "onlineAgents",
    "chatState",
    "voiceState",
    "chats",
    "order",
];

#[derive(Clone, Copy)]
struct Spelling {
    prefixes: bool,
    collapses: bool,
    numbers: bool,
}

/// Spells an answer, which is written with `@`, with lists, and with numbers as the examples have them.
pub(super) fn spell(answer: Value, name: CallName, dialect: Dialect) -> Value {
    let spelling = match (dialect, name) {
        // These two pages show no `@`, whatever the others do.
        (Dialect::Prefixed, CallName::Chats | CallName::ChatSessions) => {
            Spelling { prefixes: false, collapses: true, numbers: true }
        }
        (Dialect::Prefixed, _) => Spelling { prefixes: true, collapses: true, numbers: false },
        (Dialect::Plain, _) => Spelling { prefixes: false, collapses: false, numbers: true },
    };
    value(answer, spelling)
}

fn value(given: Value, how: Spelling) -> Value {
    match given {
        Value::Object(members) => object(members, how),
        Value::Array(items) => items.into_iter().map(|item| value(item, how)).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => other,
    }
}

fn object(members: Map<String, Value>, how: Spelling) -> Value {
    let mut spelled = Map::new();
    let is_visitors = members.get("source").and_then(Value::as_str) == Some("visitor");
    for (key, given) in members {
        let key = if how.prefixes { key } else { key.trim_start_matches('@').to_owned() };
        let new = match (key.as_str(), given) {
            // What people and bots have written is nobody's to respell.
            ("json", card) => card,
            ("text", Value::String(text)) if how.numbers && !how.collapses && is_visitors => {
                number(&text).unwrap_or(Value::String(text))
            }
            (name, Value::Array(items)) if LISTS.contains(&name) => {
                let mut items: Vec<Value> = items.into_iter().map(|one| value(one, how)).collect();
                match items.len() {
                    0 if how.collapses => continue,
                    1 if how.collapses => items.remove(0),
                    _ => Value::Array(items),
                }
            }
            (name, Value::String(text))
                if how.numbers && NUMBERS.contains(&name.trim_start_matches('@')) =>
            {
                number(&text).unwrap_or(Value::String(text))
            }
            (_, other) => value(other, how),
        };
        spelled.insert(key, new);
    }
    Value::Object(spelled)
}

/// The number that a text is, if it is written as a number would be.
fn number(text: &str) -> Option<Value> {
    let number: i64 = text.parse().ok()?;
    (number.to_string() == text).then(|| Value::Number(Number::from(number)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "transfer": { "skill": [{ "id": "1", "onlineAgents": "2" }] },
            "events": {
                "link": [{ "@href": "x", "@rel": "self" }, { "@href": "y", "@rel": "next" }],
                "event": [],
            },
            "line": { "@id": "7", "source": "visitor", "text": "1", "json": { "link": [{ "@id": "1" }] } },
        })
    }

    #[test]
    fn the_usual_spelling_collapses_lists_and_keeps_prefixes() {
        let spelled = spell(answer(), CallName::Events, Dialect::Prefixed);
        let expected = json!({
            "transfer": { "skill": { "id": "1", "onlineAgents": "2" } },
            "events": { "link": [{ "@href": "x", "@rel": "self" }, { "@href": "y", "@rel": "next" }] },
            "line": { "@id": "7", "source": "visitor", "text": "1", "json": { "link": [{ "@id": "1" }] } },
        });
        assert_eq!(spelled, expected);
    }

    #[test]
    fn the_other_spelling_has_lists_and_numbers_and_no_prefixes() {
        let spelled = spell(answer(), CallName::Events, Dialect::Plain);
        let expected = json!({
            "transfer": { "skill": [{ "id": 1, "onlineAgents": 2 }] },
            "events": { "link": [{ "href": "x", "rel": "self" }, { "href": "y", "rel": "next" }], "event": [] },
            "line": { "id": 7, "source": "visitor", "text": 1, "json": { "link": [{ "@id": "1" }] } },
        });
        assert_eq!(spelled, expected);
    }
}
