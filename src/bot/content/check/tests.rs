use serde_json::json;

use super::*;

/// The problems of `content` as text, one line each.
fn lines(content: Value) -> Vec<String> {
    check(&content).iter().map(ToString::to_string).collect()
}

fn assert_one(content: Value, line: &str) {
    let lines = lines(content);
    assert!(lines.len() == 1 && lines[0].starts_with(line), "{lines:?}, expected {line}");
}

#[test]
fn one_of_every_element_within_its_limits_is_fine() {
    let click = json!({
        "actions": [
            {"type": "publishText", "text": "x"},
            {"type": "link", "uri": "https://a.example/?x=1", "name": "n", "target": "blank", "ios": {"uri": "app://x"}},
            {"type": "navigate", "la": 1.5, "lo": 2, "name": "there"},
            {"type": "custom", "data": [{"key": "k", "value": "v"}]}
        ],
        "metadata": [{"type": "ExternalId", "id": "i"}]
    });
    let text = json!({"type": "text", "text": "t", "tag": "title", "style": {"bold": true, "size": "large"}, "tooltip": "t"});
    let content = json!({"type": "vertical", "tag": "generic", "elements": [
        text,
        {"type": "image", "url": "https://a.example/a.png", "caption": "c", "click": click},
        {"type": "button", "title": "b", "class": "button", "click": {"actions": [
            {"type": "datePicker", "class": "range", "title": "When?", "minDate": 1, "maxDate": 2},
            {"type": "scheduleSlotList", "slots": [{"type": "scheduleSlot", "id": "1", "start": 5}]},
            {"type": "addToCart", "items": [{"productId": "p", "quantity": 1}]}
        ]}},
        {"type": "map", "la": 1, "lo": 2.5},
        {"type": "linkPreview", "url": "https://a.example", "title": "t"},
        {"type": "template", "templateType": "quickReply", "title": "t", "resp": ["a"]},
        {"type": "keyValuePairList", "elements": [{"key": "k", "value": "v"}]},
        {"type": "horizontal", "percentages": [50, 50], "elements": [text, text]},
        {"type": "carousel", "padding": 10, "elements": [text, text]},
        {"type": "carouselSelect", "selectMode": {"name": "n", "type": "single"}, "elements": [text]},
        {"type": "accordionSelect", "selectMode": {"name": "n"}, "titles": [{"name": "n"}], "elements": [text]},
        {"type": "tabs", "elements": [text]},
        {"type": "list", "elements": [
            text,
            {"type": "sectionList", "elements": [{"type": "section", "sectionID": "1", "elements": [
                text,
                {"type": "checklist", "elements": [
                    {"type": "checkbox", "text": "a", "click": {"actions": [{"type": "checked", "publishText": "a"}]}},
                    {"type": "checkbox", "text": "b", "click": {"actions": [{"type": "checked", "publishText": "b"}]}}
                ]}
            ]}]},
            {"type": "buttonList", "elements": [
                {"type": "submitButton", "title": "go", "click": {"actions": [{"type": "submitAsText", "submit": true}]}},
                {"type": "button", "title": "no", "accessibility": {"web": {"role": "button", "aria-label": "no"}}}
            ]}
        ]}
    ]});
    assert_eq!(lines(content), Vec::<String>::new());
}

#[test]
fn every_limit_is_told_with_the_path_to_what_breaks_it() {
    let text = |text: Value| json!({"type": "text", "text": text});
    let texts = |n: usize| vec![text(json!("t")); n];
    let long = |n: usize| "ä".repeat(n);
    assert_eq!(lines(text(json!(long(5000)))), Vec::<String>::new());
    assert_one(text(json!(long(5001))), "text: has 5001 characters, at most 5000");
    assert_one(text(json!(5)), "text: must be a text, is 5");
    assert_one(json!({"type": "text"}), "`text` needs `text`");
    assert_one(json!({"type": "text", "text": "", "tooltip": long(257)}), "tooltip: has 257");
    assert_one(json!({"type": "text", "text": "", "alt": long(2001)}), "alt: has 2001");
    assert_one(json!({"type": "text", "text": "", "tag": long(65)}), "tag: has 65");
    assert_one(json!({"type": "text", "text": "", "txt": 1}), "txt: unknown member of `text`");
    assert_one(json!({"type": "button", "title": long(129)}), "title: has 129");
    assert_one(json!({"type": "button", "title": "", "subtitle": long(129)}), "subtitle: has 129");
    assert_one(
        json!({"type": "button", "title": "", "click": {"actions": vec![json!({"type": "publishText", "text": "a"}); 5]}}),
        "click.actions: has 5 entries, 0 to 4",
    );
    let action =
        |action: Value| json!({"type": "button", "title": "", "click": {"actions": [action]}});
    assert_one(
        action(json!({"type": "publishText", "text": long(257)})),
        "click.actions[0].text: has 257",
    );
    assert_one(
        action(json!({"type": "link", "uri": "/local"})),
        "click.actions[0].uri: must be an absolute URI",
    );
    assert_one(
        action(json!({"type": "link", "uri": format!("https://{}", long(1017))})),
        "click.actions[0].uri: has 1025",
    );
    assert_one(
        action(json!({"type": "navigate", "la": 1})),
        "click.actions[0]: `navigate` needs `lo`",
    );
    assert_one(
        action(json!({"type": "dance"})),
        "click.actions[0].type: `dance` is not allowed here",
    );
    assert_one(
        action(json!({"type": "datePicker"})),
        "click.actions[0]: `datePicker` needs `class`",
    );
    assert_one(
        json!({"type": "image", "url": "http://a.example/a.png"}),
        "url: must begin with https://",
    );
    assert_one(json!({"type": "image", "url": format!("https://{}", long(2041))}), "url: has 2049");
    assert_one(
        json!({"type": "image", "url": "https://a", "caption": long(129)}),
        "caption: has 129",
    );
    assert_one(json!({"type": "vertical", "elements": texts(257)}), "elements: has 257 entries");
    assert_one(
        json!({"type": "carousel", "elements": texts(1)}),
        "elements: has 1 entries, 2 to 10",
    );
    assert_one(json!({"type": "carousel", "elements": texts(11)}), "elements: has 11 entries");
    assert_one(
        json!({"type": "carousel", "padding": 11, "elements": texts(2)}),
        "padding: must be a number from 0 to 10",
    );
    assert_one(
        json!({"type": "carousel", "elements": [text(json!("a")), {"type": "carousel", "elements": texts(2)}]}),
        "elements[1].type: `carousel` is not allowed here",
    );
    assert_one(json!({"type": "tabs", "elements": texts(11)}), "elements: has 11 entries, 1 to 10");
    assert_one(
        json!({"type": "list", "elements": texts(1)}),
        "elements: must hold exactly text, sectionList, buttonList",
    );
    assert_one(
        json!({"type": "keyValuePairList", "elements": []}),
        "elements: has 0 entries, 1 to 50",
    );
    assert_one(
        json!({"type": "quickReplies", "itemsPerRow": 9, "replies": [{"type": "button", "title": "a"}]}),
        "itemsPerRow: must be a number from 1 to 8",
    );
    assert_one(
        json!({"type": "quickReplies", "itemsPerRow": 1, "replies": []}),
        "replies: has 0 entries, 1 to 24",
    );
    assert_one(
        json!({"type": "quickReplies", "replies": [{"type": "button", "title": "a"}]}),
        "`quickReplies` needs `itemsPerRow`",
    );
    assert_one(json!("card"), "must be an object, is \"card\"");
    assert_one(json!({}), "`type` is missing");
    assert_one(json!({"type": "wheel"}), "type: `wheel` is not allowed here");
}

#[test]
fn a_thousand_mistakes_are_told_as_a_hundred() {
    let content = json!({"type": "vertical", "elements": vec![json!({"type": "x"}); 256]});
    assert_eq!(check(&content).len(), 100);
}
