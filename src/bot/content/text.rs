//! Pure: the words in structured content: read out as plain text, or copied into missing tooltips.

use serde_json::Value;

/// All that can be read of structured content or quick replies, one line for each element.
///
/// It is what the consumer gets when the platform refuses the content: buttons become `- title`, and a button
/// that opens a page shows its address.
#[must_use]
pub fn text_of(content: &Value) -> String {
    let mut lines = Vec::new();
    read(content, &mut lines);
    lines.join("\n")
}

/// Gives every text, button, image and map that has none a tooltip of its own words, at most 256 characters.
///
/// Only where the web channel's schema allows one, never over one that is there, and not at all in a card that is
/// made for `WhatsApp` (its texts are tagged `header`, `body` or `footer`): its buttons must not carry a tooltip.
/// True if anything was added.
pub fn add_tooltips(content: &mut Value) -> bool {
    !is_for_whatsapp(content) && fill(content)
}

fn read(value: &Value, lines: &mut Vec<String>) {
    let word = |key: &str| {
        let text = value.get(key).and_then(Value::as_str).map(str::trim);
        text.filter(|text| !text.is_empty())
    };
    let mut say = |text: Option<&str>| lines.extend(text.map(str::to_owned));
    match word("type") {
        Some("text") => say(word("text")),
        Some("button" | "submitButton") => {
            let title = word("title").unwrap_or_default();
            let subtitle = word("subtitle").map_or_else(String::new, |s| format!(" ({s})"));
            let link = link_of(value).map_or_else(String::new, |uri| format!(": {uri}"));
            let line = format!("- {title}{subtitle}{link}");
            say((line != "- ").then_some(&*line));
        }
        Some("checkbox") => say(word("text").map(|text| format!("- {text}")).as_deref()),
        Some("image") => say(word("caption").or_else(|| word("alt"))),
        Some("map") => say(word("tooltip").or_else(|| word("alt"))),
        Some("linkPreview") => {
            say(word("title"));
            say(word("url"));
        }
        Some("template") => {
            say(word("title"));
            for reply in items(value, "resp").iter().filter_map(Value::as_str) {
                lines.push(format!("- {reply}"));
            }
        }
        Some("keyValuePairList") => {
            for pair in items(value, "elements") {
                let part = |key| pair.get(key).and_then(Value::as_str).unwrap_or_default();
                lines.push(format!("{}: {}", part("key"), part("value")));
            }
        }
        Some("accordionSelect") => {
            let titles = items(value, "titles");
            for (i, element) in items(value, "elements").iter().enumerate() {
                let title = titles.get(i).and_then(|title| title.get("name"));
                lines.extend(title.and_then(Value::as_str).map(str::to_owned));
                read(element, lines);
            }
        }
        // Whatever else there is or will be: containers, and roots whose words stand in their elements.
        Some(_) | None => {
            for element in items(value, "elements").iter().chain(items(value, "replies")) {
                read(element, lines);
            }
        }
    }
}

fn link_of(button: &Value) -> Option<&str> {
    items(button.get("click")?, "actions")
        .iter()
        .find(|action| action.get("type").and_then(Value::as_str) == Some("link"))?
        .get("uri")?
        .as_str()
}

fn fill(value: &mut Value) -> bool {
    let words = match value.get("type").and_then(Value::as_str) {
        Some("text") => value.get("text"),
        Some("button") => value.get("title"),
        Some("image") => value.get("caption").or_else(|| value.get("alt")),
        Some("map") => value.get("alt"),
        Some(_) | None => None,
    };
    let words = words.and_then(Value::as_str).filter(|words| !words.is_empty());
    let tooltip = words.map(|words| super::cut(words, super::TOOLTIP_MAX));
    let mut added = false;
    if let (Some(tooltip), Some(element)) = (tooltip, value.as_object_mut())
        && !element.contains_key("tooltip")
    {
        element.insert("tooltip".to_owned(), tooltip.into());
        added = true;
    }
    for key in ["elements", "replies"] {
        if let Some(elements) = value.get_mut(key).and_then(Value::as_array_mut) {
            for element in elements {
                added |= fill(element);
            }
        }
    }
    added
}

fn is_for_whatsapp(value: &Value) -> bool {
    let tag = value.get("tag").and_then(Value::as_str);
    matches!(tag, Some("header" | "body" | "footer"))
        || items(value, "elements").iter().any(is_for_whatsapp)
}

fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_card_reads_as_its_texts_and_buttons_from_top_to_bottom() {
        let content = json!({"type": "vertical", "elements": [
            {"type": "image", "url": "https://a.example/p.png", "caption": "A plan"},
            {"type": "text", "text": " Pick a plan "},
            {"type": "horizontal", "elements": [
                {"type": "button", "title": "Unlimited", "click": {"actions": [{"type": "publishText", "text": "u"}]}},
                {"type": "button", "title": "Web site", "click": {"actions": [{"type": "link", "uri": "https://a.example"}]}}
            ]},
            {"type": "keyValuePairList", "elements": [{"key": "Price", "value": "5"}]},
            {"type": "somethingNew", "elements": [{"type": "text", "text": "inside"}]},
            {"type": "template", "templateType": "quickReply", "title": "Well?", "resp": ["Yes", "No"]}
        ]});
        assert_eq!(
            text_of(&content),
            "A plan\nPick a plan\n- Unlimited\n- Web site: https://a.example\nPrice: 5\ninside\nWell?\n- Yes\n- No"
        );
    }

    #[test]
    fn content_without_words_and_content_that_is_none_read_as_nothing() {
        for content in [
            json!(null),
            json!("x"),
            json!({"type": "image", "url": "https://a"}),
            json!({"elements": 5}),
        ] {
            assert_eq!(text_of(&content), "");
        }
    }

    #[test]
    fn missing_tooltips_are_added_and_present_ones_kept() {
        let mut content = json!({"type": "vertical", "elements": [
            {"type": "text", "text": "a".repeat(300)},
            {"type": "button", "title": "b", "tooltip": "mine"},
            {"type": "image", "url": "https://a.example/p.png", "caption": "c"},
            {"type": "image", "url": "https://a.example/q.png"}
        ]});
        assert!(add_tooltips(&mut content));
        let elements = content["elements"].as_array().unwrap();
        assert_eq!(elements[0]["tooltip"].as_str().unwrap().chars().count(), 256);
        assert_eq!(elements[1]["tooltip"], "mine");
        assert_eq!(elements[2]["tooltip"], "c");
        assert_eq!(elements[3].get("tooltip"), None);
        assert_eq!(content.get("tooltip"), None, "a vertical must not have one");
        assert_eq!(super::super::check(&content), vec![]);
    }

    #[test]
    fn a_card_made_for_whatsapp_is_left_alone() {
        let mut content = json!({"type": "vertical", "tag": "generic", "elements": [
            {"type": "text", "text": "h", "tag": "header"},
            {"type": "button", "title": "b", "click": {}}
        ]});
        let before = content.clone();
        assert!(!add_tooltips(&mut content));
        assert_eq!(content, before);
    }
}
