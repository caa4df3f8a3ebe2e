//! Pure: what can be read of structured content.

use serde_json::Value;

/// The texts that can be read of structured content, joined by spaces.
#[must_use]
pub(super) fn readable(content: &Value) -> String {
    let mut texts = Vec::new();
    collect(content, &mut texts);
    texts.join(" ")
}

fn collect<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, texts)),
        Value::Object(members) => {
            let word = |key: &str| members.get(key).and_then(Value::as_str);
            let text = match word("type") {
                Some("text") => word("text"),
                Some("button" | "linkPreview") => word("title"),
                _ => None,
            };
            texts.extend(text.map(str::trim).filter(|text| !text.is_empty()));
            members
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "click" | "style" | "metadata"))
                .for_each(|(_, member)| collect(member, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
