//! Pure: reading JSON as the platform may send it.
//!
//! One-element arrays may come as the bare element, ids as numbers, numbers as strings, and whatever is
//! unknown is to be passed over (Messaging Window API, protocol overview). Each helper here is meant for
//! `#[serde(deserialize_with)]` and answers with nothing instead of an error.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A string; numbers and booleans are taken as they are written.
pub(crate) fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(raw(from)?.and_then(text_of))
}

/// A whole number; strings of digits count, fractions are cut off.
pub(crate) fn integer<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(raw(from)?.and_then(integer_of))
}

/// A truth value; `"true"` counts.
pub(crate) fn truth<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    Ok(raw(from)?.and_then(text_of).is_some_and(|t| t == "true"))
}

/// One or many strings.
pub(crate) fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    Ok(raw(from)?
        .map(elements)
        .unwrap_or_default()
        .into_iter()
        .filter_map(text_of)
        .collect())
}

/// One or many whole numbers.
pub(crate) fn integers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<i64>, D::Error> {
    Ok(raw(from)?
        .map(elements)
        .unwrap_or_default()
        .into_iter()
        .filter_map(integer_of)
        .collect())
}

/// One or many `T`; elements of another shape are left out.
pub(crate) fn many<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(raw(from)?.map(many_of).unwrap_or_default())
}

/// A `T`, or nothing if it has another shape.
pub(crate) fn maybe<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(raw(from)?.and_then(|raw| serde_json::from_str(raw.get()).ok()))
}

/// What [`text`] makes of a value.
pub(crate) fn text_of(raw: &RawValue) -> Option<String> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(json.to_owned()),
    }
}

/// What [`integer`] makes of a value.
pub(crate) fn integer_of(raw: &RawValue) -> Option<i64> {
    let text = text_of(raw)?;
    let text = text.trim();
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        // Casts from float saturate; what is not a number at all is not one here either.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates, which is wanted"
        )]
        float.is_finite().then_some(float as i64)
    })
}

/// What [`many`] makes of a value.
pub(crate) fn many_of<'de, T: Deserialize<'de>>(raw: &'de RawValue) -> Vec<T> {
    elements(raw)
        .into_iter()
        .filter_map(|element| serde_json::from_str(element.get()).ok())
        .collect()
}

/// The elements of an array, a bare element as one, nothing for `null`.
pub(crate) fn elements(raw: &RawValue) -> Vec<&RawValue> {
    match raw.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(raw.get()).unwrap_or_default(),
        Some(b'n') | None => Vec::new(),
        Some(_) => vec![raw],
    }
}

fn raw<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "text")]
        id: Option<String>,
        #[serde(deserialize_with = "integer")]
        count: Option<i64>,
        #[serde(deserialize_with = "truth")]
        done: bool,
        #[serde(deserialize_with = "texts")]
        names: Vec<String>,
        #[serde(deserialize_with = "integers")]
        list: Vec<i64>,
        #[serde(deserialize_with = "many")]
        inner: Vec<Inner>,
        #[serde(deserialize_with = "maybe")]
        one: Option<Inner>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    struct Inner {
        a: i64,
    }

    #[test]
    fn the_documented_shapes_are_read() {
        let sample: Sample = serde_json::from_str(
            r#"{"id":"x","count":3,"done":true,"names":["a","b"],"list":[1,2],"inner":[{"a":1}],"one":{"a":2}}"#,
        )
        .unwrap();
        assert_eq!(
            sample,
            Sample {
                id: Some("x".into()),
                count: Some(3),
                done: true,
                names: vec!["a".into(), "b".into()],
                list: vec![1, 2],
                inner: vec![Inner { a: 1 }],
                one: Some(Inner { a: 2 }),
            }
        );
    }

    #[test]
    fn bare_elements_numbers_as_strings_and_strings_as_numbers_are_read() {
        let sample: Sample = serde_json::from_str(
            r#"{"id":17,"count":"3","done":"true","names":"a","list":"7","inner":{"a":1},"one":5}"#,
        )
        .unwrap();
        assert_eq!(
            sample,
            Sample {
                id: Some("17".into()),
                count: Some(3),
                done: true,
                names: vec!["a".into()],
                list: vec![7],
                inner: vec![Inner { a: 1 }],
                one: None,
            }
        );
    }

    #[test]
    fn nulls_and_wrong_shapes_are_nothing() {
        for json in [
            "{}",
            r#"{"id":null,"count":null,"done":null,"names":null,"list":null,"inner":null,"one":null}"#,
            r#"{"id":{},"count":[],"done":"no","names":{},"list":["x"],"inner":["x",4],"one":[]}"#,
        ] {
            let sample: Sample = serde_json::from_str(json).unwrap();
            assert_eq!(sample, Sample::default(), "{json}");
        }
    }
}
