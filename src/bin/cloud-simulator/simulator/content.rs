//! Pure: structured content: the limits of the web channel's schemas, and what can be clicked.

use serde_json::{Map, Value};

/// Checks a card; the error says where and what.
pub(crate) fn check_card(card: &Value) -> Result<(), String> {
    element(card, "content", &Kinds::Root)
}

/// Checks the `quickReplies` of a message.
pub(crate) fn check_quick_replies(value: &Value) -> Result<(), String> {
    let at = "quickReplies";
    let object = object(value, at)?;
    closed(object, at, &["type", "itemsPerRow", "replies"])?;
    require(
        object.get("type").and_then(Value::as_str) == Some("quickReplies"),
        at,
        "type must be \"quickReplies\"",
    )?;
    let per_row = object.get("itemsPerRow").and_then(Value::as_u64);
    require(per_row.is_some_and(|n| (1..=8).contains(&n)), at, "itemsPerRow must be 1 to 8")?;
    let replies = array(object, "replies", at, 1, 24)?;
    for (index, reply) in replies.iter().enumerate() {
        element(reply, &format!("{at}.replies[{index}]"), &Kinds::Only("button"))?;
    }
    Ok(())
}

/// Every element with a `click` of a message's event, in order of appearance: the card's, then the quick replies.
pub(crate) fn clickables(event: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    if let Some(card) = event.get("content") {
        collect(card, &mut found);
    }
    if let Some(replies) = event.get("quickReplies") {
        collect(replies, &mut found);
    }
    found
}

/// Which element types are allowed at a place.
enum Kinds {
    Root,
    Inner,
    Only(&'static str),
}

/// Members that any element may have.
const COMMON: &[&str] = &[
    "type",
    "tag",
    "tagVersion",
    "elementID",
    "alt",
    "tooltip",
    "rtl",
    "style",
    "class",
    "click",
    "display",
    "border",
    "borderLine",
    "scale",
    "scroll",
    "metadata",
    "accessibility",
];

fn element(value: &Value, at: &str, kinds: &Kinds) -> Result<(), String> {
    let object = object(value, at)?;
    let kind = object.get("type").and_then(Value::as_str).unwrap_or_default();
    if let Kinds::Only(only) = kinds {
        require(kind == *only, at, &format!("type must be \"{only}\""))?;
    }
    for (key, limit) in [("tooltip", 256), ("alt", 2000), ("tag", 64), ("tagVersion", 64)] {
        optional_text(object, key, at, limit)?;
    }
    if let Some(given) = object.get("click") {
        click(given, &format!("{at}.click"))?;
    }
    let own: &[&str] = match kind {
        "text" => {
            text(object, "text", at, 5000)?;
            &["text"]
        }
        "button" => {
            text(object, "title", at, 128)?;
            optional_text(object, "subtitle", at, 128)?;
            &["title", "subtitle", "disabled", "ref"]
        }
        "image" => {
            https(object, "url", at)?;
            optional_text(object, "caption", at, 128)?;
            &["url", "caption"]
        }
        "linkPreview" => {
            text(object, "url", at, 2048)?;
            &["url", "title", "description", "siteName", "image"]
        }
        "map" => {
            numbers(object, at)?;
            &["la", "lo"]
        }
        "template" => &["id", "templateId", "templateType", "title", "resp", "data", "params"],
        "vertical" | "horizontal" => {
            elements(object, at, 0, 256)?;
            &["elements", "percentages"]
        }
        "carousel" => {
            elements(object, at, 2, 10)?;
            let padding = object.get("padding").map_or(Some(0), Value::as_u64);
            require(padding.is_some_and(|n| n <= 10), at, "padding must be 0 to 10")?;
            &["elements", "padding"]
        }
        "carouselSelect" | "accordionSelect" | "tabs" => {
            let most = if kind == "tabs" { 10 } else { 20 };
            array(object, "elements", at, 1, most)?;
            return Ok(());
        }
        "list" => {
            array(object, "elements", at, 1, 256)?;
            return Ok(());
        }
        "keyValuePairList" if matches!(kinds, Kinds::Inner) => return Ok(()),
        other => return Err(format!("{at}: unknown element type \"{other}\"")),
    };
    let allowed = |key: &str| COMMON.contains(&key) || own.contains(&key);
    match object.keys().find(|key| !allowed(key)) {
        Some(key) => Err(format!("{at}: additional property \"{key}\" is not allowed")),
        None => Ok(()),
    }
}

fn elements(
    object: &Map<String, Value>,
    at: &str,
    least: usize,
    most: usize,
) -> Result<(), String> {
    for (index, inner) in array(object, "elements", at, least, most)?.iter().enumerate() {
        element(inner, &format!("{at}.elements[{index}]"), &Kinds::Inner)?;
    }
    Ok(())
}

fn click(value: &Value, at: &str) -> Result<(), String> {
    let object = object(value, at)?;
    closed(object, at, &["actions", "metadata", "encodedMetadata"])?;
    if let Some(metadata) = object.get("metadata") {
        require(metadata.is_array(), at, "metadata must be an array")?;
    }
    if object.get("actions").is_none() {
        return Ok(());
    }
    for (index, given) in array(object, "actions", at, 0, 4)?.iter().enumerate() {
        action(given, &format!("{at}.actions[{index}]"))?;
    }
    Ok(())
}

fn action(value: &Value, at: &str) -> Result<(), String> {
    let object = object(value, at)?;
    optional_text(object, "name", at, 256)?;
    match object.get("type").and_then(Value::as_str).unwrap_or_default() {
        "publishText" => {
            text(object, "text", at, 256)?;
            closed(object, at, &["type", "text", "name", "encodedMetadata"])
        }
        "link" => {
            text(object, "uri", at, 1024)?;
            let uri = object.get("uri").and_then(Value::as_str).unwrap_or_default();
            require(uri.contains(':'), at, "uri must be absolute")?;
            if let Some(target) = object.get("target").and_then(Value::as_str) {
                require(
                    matches!(target, "self" | "blank" | "slideout"),
                    at,
                    "target must be self, blank or slideout",
                )?;
            }
            closed(object, at, &["type", "uri", "name", "target", "ios", "android", "web"])
        }
        "navigate" => {
            numbers(object, at)?;
            closed(object, at, &["type", "la", "lo", "name"])
        }
        "custom" => {
            array(object, "data", at, 0, 10)?;
            Ok(())
        }
        "checked" | "submitAsText" | "datePicker" | "schedule" => Ok(()),
        other => Err(format!("{at}: unknown action type \"{other}\"")),
    }
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(object) => {
            if object.contains_key("click") {
                found.push(value);
            }
            // Document order, whatever order the map has: elements before replies, nothing else nests.
            for key in ["elements", "replies", "image"] {
                if let Some(inner) = object.get(key) {
                    collect(inner, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("{at}: must be an object"))
}

fn array<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    at: &str,
    least: usize,
    most: usize,
) -> Result<&'a [Value], String> {
    let items = object
        .get(key)
        .and_then(Value::as_array)
        .ok_or_else(|| format!("{at}: {key} must be an array"))?;
    require(
        (least..=most).contains(&items.len()),
        at,
        &format!("{key} must have {least} to {most} items"),
    )?;
    Ok(items)
}

fn text(object: &Map<String, Value>, key: &str, at: &str, limit: usize) -> Result<(), String> {
    require(object.get(key).is_some_and(Value::is_string), at, &format!("{key} is required"))?;
    optional_text(object, key, at, limit)
}

fn optional_text(
    object: &Map<String, Value>,
    key: &str,
    at: &str,
    limit: usize,
) -> Result<(), String> {
    let Some(value) = object.get(key) else {
        return Ok(());
    };
    let fits = value.as_str().is_some_and(|text| text.encode_utf16().count() <= limit);
    require(fits, at, &format!("{key} must be a string of at most {limit} characters"))
}

fn https(object: &Map<String, Value>, key: &str, at: &str) -> Result<(), String> {
    text(object, key, at, 2048)?;
    let url = object.get(key).and_then(Value::as_str).unwrap_or_default();
    require(url.starts_with("https://"), at, &format!("{key} must be an https URL"))
}

fn numbers(object: &Map<String, Value>, at: &str) -> Result<(), String> {
    let both = ["la", "lo"].iter().all(|key| object.get(*key).is_some_and(Value::is_number));
    require(both, at, "la and lo must be numbers")
}

fn closed(object: &Map<String, Value>, at: &str, allowed: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !allowed.contains(&key.as_str())) {
        Some(key) => Err(format!("{at}: additional property \"{key}\" is not allowed")),
        None => Ok(()),
    }
}

fn require(holds: bool, at: &str, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{at}: {otherwise}")) }
}
