//! Pure: what live chat can show of what a bot says. It has no quick replies, no metadata but a click's, and no target
//! time to respond.

use serde_json::{Value, json};

use super::{
    ELEMENTS_MAX, PUBLISH_MAX, Problem, TEXT_MAX, TITLE_MAX, TOOLTIP_MAX, cut, length, vertical,
};
use crate::conversation::{
    Json,
    event::{Action, Audience},
};

/// An action as chat can carry it out, and what of it chat has not got.
#[derive(Debug, Default)]
pub struct Fitted {
    /// What is left; more than one where quick replies need a card of their own.
    pub actions: Vec<Action>,
    /// What is left out, with paths within the action.
    pub problems: Vec<Problem>,
}

/// Makes an action fit chat: quick replies become buttons on a card.
#[must_use]
pub fn fit(action: Action) -> Fitted {
    let mut fitted = Fitted::default();
    match action {
        Action::Text { text, audience: Audience::All, quick_replies: Some(replies) } => {
            let buttons = fitted.buttons(&replies);
            fitted.choice(text, buttons);
        }
        Action::Text { text, audience, quick_replies } => {
            if quick_replies.is_some() {
                fitted.problem("quickReplies", "agents cannot press them; they are left out");
            }
            fitted.actions.push(Action::Text { text, audience, quick_replies: None });
        }
        Action::Structured { content, metadata, quick_replies, text } => {
            if metadata.is_some() {
                fitted.problem("metadata", "chat has none for a whole message; it is left out");
            }
            let content = Action::Structured { content, metadata: None, quick_replies: None, text };
            fitted.actions.push(content);
            if let Some(replies) = quick_replies {
                let buttons = fitted.buttons(&replies);
                fitted.cards(None, &buttons);
            }
        }
        Action::ChangeTtr { .. } => {
            fitted.problem("", "chat has no target time to respond; the action is skipped");
        }
        Action::Pause { .. } | Action::Transfer { .. } | Action::Close { .. } => {
            fitted.actions.push(action);
        }
    }
    fitted
}

impl Fitted {
    /// A text and the choices below it.
    fn choice(&mut self, text: String, buttons: Vec<Value>) {
        if buttons.is_empty() || length(&text) > TEXT_MAX {
            let (audience, quick_replies) = (Audience::All, None);
            self.actions.push(Action::Text { text, audience, quick_replies });
            self.cards(None, &buttons);
        } else {
            self.cards(Some(&text), &buttons);
        }
    }

    /// Cards of a text and buttons, as many as they need.
    fn cards(&mut self, text: Option<&str>, buttons: &[Value]) {
        let head = text.map(|text| json!({ "type": "text", "text": text }));
        let first = ELEMENTS_MAX - usize::from(head.is_some());
        let (with_text, others) = buttons.split_at(buttons.len().min(first));
        let mut number = 0;
        let mut rest = others.chunks(ELEMENTS_MAX);
        let mut next = Some(with_text).filter(|buttons| !buttons.is_empty());
        let (mut head, mut text) = (head, text);
        while let Some(buttons) = next {
            let elements: Vec<Value> = head.take().into_iter().chain(buttons.to_vec()).collect();
            let mut lines: Vec<String> = text.take().map(str::to_owned).into_iter().collect();
            for button in buttons {
                number += 1;
                let title = button["title"].as_str().unwrap_or_default();
                lines.push(format!("{number}. {title}"));
            }
            self.actions.push(Action::Structured {
                content: Json::from_value(&vertical(&elements)),
                metadata: None,
                quick_replies: None,
                text: lines.join("\n"),
            });
            next = rest.next();
        }
    }

    /// The buttons that stand for the platform's quick replies.
    fn buttons(&mut self, replies: &Json) -> Vec<Value> {
        let value = replies.to_value();
        let Some(replies) = value.get("replies").and_then(Value::as_array) else {
            self.problem("quickReplies", "has no list of replies; it is left out");
            return Vec::new();
        };
        let replies = replies.iter().enumerate();
        replies.filter_map(|(i, reply)| self.button(reply, &format!("quickReplies[{i}]"))).collect()
    }

    fn button(&mut self, reply: &Value, path: &str) -> Option<Value> {
        let word = |key| reply.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(title) = word("title") else {
            self.problem(path, "has no title; it is left out");
            return None;
        };
        if length(title) > TITLE_MAX {
            self.problem(path, "has too long a title, which is cut");
        }
        let mut click = match reply.get("click") {
            Some(Value::Object(click)) => click.clone(),
            Some(_) | None => serde_json::Map::new(),
        };
        let shown = cut(title, TITLE_MAX);
        let actions = match click.remove("actions") {
            Some(Value::Array(actions)) if !actions.is_empty() => {
                actions.into_iter().take(ACTIONS_MAX).map(|action| said(action, &shown)).collect()
            }
            Some(_) | None => vec![json!({ "type": "publishText", "text": shown })],
        };
        click.insert("actions".to_owned(), Value::Array(actions));
        let mut element = json!({ "type": "button", "title": shown, "click": click });
        if let Some(tooltip) = word("tooltip") {
            element["tooltip"] = cut(tooltip, TOOLTIP_MAX).into();
        }
        Some(element)
    }

    fn problem(&mut self, path: &str, what: &str) {
        self.problems.push(Problem { path: path.to_owned(), what: what.to_owned() });
    }
}

/// What a click says must not be too long: then it says the title.
fn said(mut action: Value, title: &str) -> Value {
    let too_long = |text: &Value| text.as_str().is_none_or(|text| length(text) > PUBLISH_MAX);
    if action.get("type").and_then(Value::as_str) == Some("publishText")
        && action.get("text").is_none_or(too_long)
    {
        action["text"] = title.into();
    }
    action
}

/// A click does no more than this.
const ACTIONS_MAX: usize = 4;

#[cfg(test)]
mod tests {
    use super::{super::check, *};

    #[test]
    fn quick_replies_become_buttons_below_the_text() {
        let fitted = fit(text("Which city?", Some(replies(&["Paris", "Rome"]))));
        let [Action::Structured { content, metadata, quick_replies, text }] = &*fitted.actions
        else {
            panic!("{fitted:?}");
        };
        let button = |title: &str| {
            json!({ "type": "button", "title": title, "tooltip": title, "click": {
                "actions": [{ "type": "publishText", "text": title }],
                "metadata": [{ "type": "ExternalId", "id": title }]
            }})
        };
        let expected = json!({ "type": "vertical", "elements": [
            { "type": "text", "text": "Which city?" }, button("Paris"), button("Rome")
        ]});
        assert_eq!(content.to_value(), expected);
        assert_eq!(check(&expected), vec![]);
        assert_eq!(text, "Which city?\n1. Paris\n2. Rome");
        assert_eq!((metadata, quick_replies), (&None, &None));
        assert!(fitted.problems.is_empty());
    }

    #[test]
    fn quick_replies_of_a_card_stand_on_a_card_of_their_own() {
        let card = Json::from_value(&json!({ "type": "vertical", "elements": [] }));
        let fitted = fit(Action::Structured {
            content: card.clone(),
            metadata: None,
            quick_replies: Some(replies(&["Yes"])),
            text: "words".to_owned(),
        });
        let [first, Action::Structured { content, text, .. }] = &*fitted.actions else {
            panic!("{fitted:?}");
        };
        let plain = Action::Structured {
            content: card,
            metadata: None,
            quick_replies: None,
            text: "words".to_owned(),
        };
        assert_eq!(*first, plain);
        assert_eq!(content.to_value()["elements"][0]["title"], "Yes");
        assert_eq!(text, "1. Yes");
    }

    #[test]
    fn what_is_too_long_for_a_button_is_cut_or_said_by_its_title() {
        let long = json!({ "replies": [
            { "title": "t".repeat(129), "tooltip": "w".repeat(300), "click": { "actions": [
                { "type": "publishText", "text": "p".repeat(257) } ] } },
            { "title": "No click" },
            { "title": "" },
            { "title": "Page", "click": { "actions": vec![json!({ "type": "link", "uri": "https://a.example" }); 9] } },
        ]});
        let fitted = fit(text("Which?", Some(Json::from_value(&long))));
        let [Action::Structured { content, .. }] = &*fitted.actions else {
            panic!("{fitted:?}");
        };
        let card = content.to_value();
        let elements = card["elements"].as_array().unwrap();
        assert_eq!(elements.len(), 4);
        assert_eq!(elements[1]["title"].as_str().unwrap().chars().count(), 128);
        assert_eq!(elements[1]["tooltip"].as_str().unwrap().chars().count(), 256);
        assert_eq!(elements[1]["click"]["actions"][0]["text"], elements[1]["title"]);
        assert_eq!(elements[2]["click"]["actions"][0]["text"], "No click");
        assert_eq!(elements[3]["click"]["actions"].as_array().unwrap().len(), 4);
        let paths: Vec<_> = fitted.problems.iter().map(|problem| &*problem.path).collect();
        assert_eq!(paths, ["quickReplies[0]", "quickReplies[2]"]);
    }

    #[test]
    fn a_text_too_long_for_a_card_goes_before_it_and_many_choices_take_several_cards() {
        let titles: Vec<String> = (0..300).map(|n| n.to_string()).collect();
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let fitted = fit(text("Which?", Some(replies(&titles))));
        let sizes: Vec<usize> = (fitted.actions.iter())
            .map(|action| {
                let Action::Structured { content, .. } = action else {
                    panic!("{action:?}");
                };
                let card = content.to_value();
                assert_eq!(check(&card), vec![]);
                card["elements"].as_array().unwrap().len()
            })
            .collect();
        assert_eq!(sizes, [256, 45]);

        let long = "w".repeat(5_001);
        let fitted = fit(text(&long, Some(replies(&["Yes"]))));
        assert_eq!(fitted.actions.len(), 2);
        assert_eq!(fitted.actions[0], text(&long, None));
    }

    #[test]
    fn what_chat_has_not_got_is_left_out_and_told_and_the_rest_stays() {
        let ttr = Action::ChangeTtr { ttr_type: "URGENT".to_owned(), seconds: 60 };
        let fitted = fit(ttr);
        assert_eq!((fitted.actions.len(), fitted.problems.len()), (0, 1));

        let content = Json::from_value(&json!({ "type": "vertical", "elements": [] }));
        let metadata = Some(Json::from_value(&json!([{ "type": "ExternalId", "id": "x" }])));
        let text_of = String::new();
        let fitted =
            fit(Action::Structured { content, metadata, quick_replies: None, text: text_of });
        assert!(matches!(&*fitted.actions, [Action::Structured { metadata: None, .. }]));
        assert_eq!(fitted.problems[0].path, "metadata");

        let private = Action::Text {
            text: "for agents".to_owned(),
            audience: Audience::Agents,
            quick_replies: Some(replies(&["Yes"])),
        };
        let fitted = fit(private);
        assert!(matches!(&*fitted.actions, [Action::Text { quick_replies: None, .. }]));
        assert_eq!(fitted.problems.len(), 1);

        let useless = Some(Json::from_value(&json!({ "type": "quickReplies" })));
        let fitted = fit(text("Which?", useless));
        assert_eq!(fitted.actions, [text("Which?", None)]);
        assert_eq!(fitted.problems.len(), 1);

        let close = Action::Close { survey: true };
        assert_eq!(fit(close.clone()).actions, [close]);
    }

    fn text(text: &str, quick_replies: Option<Json>) -> Action {
        Action::Text { text: text.to_owned(), audience: Audience::All, quick_replies }
    }

    fn replies(titles: &[&str]) -> Json {
        let replies: Vec<Value> = (titles.iter())
            .map(|title| {
                json!({ "type": "button", "title": title, "tooltip": title, "click": {
                    "actions": [{ "type": "publishText", "text": title }],
                    "metadata": [{ "type": "ExternalId", "id": title }]
                }})
            })
            .collect();
        Json::from_value(&json!({ "type": "quickReplies", "itemsPerRow": 8, "replies": replies }))
    }
}
