//! Pure: a button's payload as click metadata, and back.
//!
//! The platform hands a button's `click.metadata` back with the click. `ExternalId` is its entry for ids of
//! one's own, and holds at most 64 characters (Conversation Metadata Guide). A longer payload is cut into
//! numbered pieces that tell by themselves how they belong together, so that the click alone gives the payload
//! back: no memory, no history, and any instance can read what another one wrote.

use serde_json::{Value, json};

use super::words::Json;

/// The longest `ExternalId.id`, in UTF-16 units as the platform counts.
pub const ID_MAX: usize = 64;

/// Writes `payload` as click metadata: one `ExternalId` where it fits, else as many as it takes.
///
/// None if the payload is too long even so (more than about 5000 characters).
#[must_use]
pub fn metadata(payload: &str) -> Option<Vec<Value>> {
    if utf16_len(payload) <= ID_MAX && !payload.starts_with(PREFIX) {
        return Some(vec![external_id(payload)]);
    }
    let pieces = pieces(payload);
    let count = pieces.len();
    (count <= PIECES_MAX).then(|| {
        pieces
            .into_iter()
            .enumerate()
            .map(|(i, piece)| external_id(&format!("{PREFIX}{}/{count}:{piece}", i + 1)))
            .collect()
    })
}

/// The payload in a click's metadata; none if the metadata holds no `ExternalId`.
///
/// Metadata may be an array or a bare object, and ids may be numbers. Pieces may come in any order; pieces
/// that do not add up to a whole give none, since half a payload is worse than the button's text.
#[must_use]
pub fn payload(metadata: &Json) -> Option<String> {
    let entries = match metadata.to_value() {
        Value::Array(entries) => entries,
        entry @ Value::Object(_) => vec![entry],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return None,
    };
    let ids: Vec<String> = entries.iter().filter_map(id_of).collect();
    let pieces: Vec<Piece<'_>> = ids.iter().filter_map(|id| Piece::parse(id)).collect();
    if pieces.is_empty() {
        return ids.into_iter().next();
    }
    join(&pieces)
}

/// One piece of a payload that is too long for one id.
struct Piece<'a> {
    /// From 1.
    number: usize,
    count: usize,
    text: &'a str,
}

impl<'a> Piece<'a> {
    fn parse(id: &'a str) -> Option<Self> {
        let (place, text) = id.strip_prefix(PREFIX)?.split_once(':')?;
        let (number, count) = place.split_once('/')?;
        let (number, count) = (number.parse().ok()?, count.parse().ok()?);
        (1..=count).contains(&number).then_some(Self { number, count, text })
    }
}

fn join(pieces: &[Piece<'_>]) -> Option<String> {
    let count = pieces.first()?.count;
    (1..=count.min(PIECES_MAX + 1))
        .map(|number| {
            pieces
                .iter()
                .find(|piece| piece.number == number && piece.count == count)
                .map(|piece| piece.text)
        })
        .collect()
}

fn pieces(payload: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut length = 0;
    for c in payload.chars() {
        if length + c.len_utf16() > PIECE_MAX {
            pieces.push(String::new());
            length = 0;
        }
        length += c.len_utf16();
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

fn external_id(id: &str) -> Value {
    json!({ "type": "ExternalId", "id": id })
}

fn id_of(entry: &Value) -> Option<String> {
    if entry.get("type")?.as_str()? != "ExternalId" {
        return None;
    }
    match entry.get("id")? {
        Value::String(id) => Some(id.clone()),
        Value::Number(id) => Some(id.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Tells our pieces from other ids; the digit is the version of the format.
const PREFIX: &str = "cdp1:";

/// What is left of an id for the text after `cdp1:99/99:`.
const PIECE_MAX: usize = ID_MAX - PREFIX.len() - "99/99:".len();

/// So that a piece's place never takes more than two digits.
const PIECES_MAX: usize = 99;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_short_payload_is_one_plain_external_id() {
        assert_eq!(
            metadata("coupon-10"),
            Some(vec![json!({"type": "ExternalId", "id": "coupon-10"})])
        );
    }

    #[test]
    fn a_payload_of_65_characters_is_cut_and_comes_back_whole_in_any_order() {
        let long = "x".repeat(40) + &"ü".repeat(25);
        let mut entries = metadata(&long).unwrap();
        assert_eq!(entries.len(), 2);
        entries.reverse();
        entries.insert(0, json!({"type": "ConnectorPaymentResponse", "Status": true}));
        assert_eq!(payload(&Json::from_value(&entries)), Some(long));
    }

    #[test]
    fn a_payload_that_looks_like_a_piece_still_comes_back_as_it_was() {
        let entries = metadata("cdp1:1/1:trick").unwrap();
        assert_eq!(payload(&Json::from_value(&entries)), Some("cdp1:1/1:trick".to_owned()));
    }

    #[test]
    fn half_a_payload_is_no_payload() {
        let mut entries = metadata(&"y".repeat(200)).unwrap();
        entries.remove(1);
        assert_eq!(payload(&Json::from_value(&entries)), None);
    }

    #[test]
    fn pieces_of_different_payloads_are_not_put_together() {
        let ids = ["cdp1:1/2:a", "cdp1:2/3:b"].map(external_id);
        assert_eq!(payload(&Json::from_value(&ids)), None);
    }

    #[test]
    fn foreign_metadata_is_read_as_leniently_as_it_comes() {
        let read = |value: Value| payload(&Json::from_value(&value));
        assert_eq!(read(json!({"type": "ExternalId", "id": 7})), Some("7".to_owned()));
        assert_eq!(
            read(json!([{"type": "X"}, 5, {"type": "ExternalId", "id": "a"}])),
            Some("a".to_owned())
        );
        assert_eq!(read(json!([{"type": "ExternalId"}])), None);
        assert_eq!(read(json!("text")), None);
        assert_eq!(
            read(json!([{"type": "ExternalId", "id": format!("cdp1:1/{}:a", u64::MAX)}])),
            None
        );
    }

    #[test]
    fn what_no_99_pieces_can_hold_is_refused() {
        assert_eq!(metadata(&"z".repeat(PIECE_MAX * PIECES_MAX + 1)), None);
        assert!(metadata(&"z".repeat(PIECE_MAX * PIECES_MAX)).is_some());
    }

    proptest! {
        #[test]
        fn any_payload_comes_back_as_it_was_and_no_id_is_too_long(text in "(cdp1:)?.{0,400}") {
            let entries = metadata(&text).unwrap();
            for entry in &entries {
                prop_assert!(utf16_len(entry["id"].as_str().unwrap()) <= ID_MAX);
            }
            prop_assert_eq!(payload(&Json::from_value(&entries)), Some(text));
        }
    }
}
