//! Pure: abstract buttons, tiles and quick replies become structured content.
//!
//! What a bot leaves abstract is shaped here by the settings `tileDisplay`, `enableButtonTextOnPostback` and
//! `accessibility`, and always keeps the platform's limits. Nothing is cut in silence except tooltips.

mod chat;
mod check;
mod text;

use serde_json::{Value, json};

pub use chat::{Fitted, fit as fit_chat};
pub use check::{Problem, check};
pub use text::{add_tooltips, text_of};

use super::ContentSettings;
use crate::conversation::{Json, event::Action, postback};

/// A button or quick reply as a bot describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What is written on it.
    pub title: String,
    /// What pressing it does.
    pub press: Press,
}

/// What pressing a button does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Press {
    /// Says something in the consumer's name, and hands this payload back to the bot.
    Payload(String),
    /// Opens a page; the bot does not hear of it.
    Url(String),
}

/// A tile as a bot describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tile {
    /// Bold, first.
    pub title: Option<String>,
    /// Below the title.
    pub subtitle: Option<String>,
    /// An https address.
    pub image_url: Option<String>,
    /// Below each other.
    pub buttons: Vec<Button>,
}

/// Builds content and collects what had to be bent to make it fit.
#[derive(Debug)]
pub struct Builder<'a> {
    settings: &'a ContentSettings,
    problems: Vec<Problem>,
}

impl<'a> Builder<'a> {
    /// A builder for one action.
    #[must_use]
    pub fn new(settings: &'a ContentSettings) -> Self {
        Self { settings, problems: Vec::new() }
    }

    /// What had to be bent so far, with the paths in the bot's own words (`buttons[0].title`).
    #[must_use]
    pub fn problems(self) -> Vec<Problem> {
        self.problems
    }

    /// A text with buttons below it; more buttons than one card holds make several cards.
    pub fn buttons(&mut self, text: Option<&str>, buttons: &[Button]) -> Vec<Value> {
        let head = text.map(|text| self.text(text));
        let mut elements: Vec<Value> = head.into_iter().collect();
        elements.extend(self.button_elements(buttons, ""));
        elements.chunks(ELEMENTS_MAX).map(vertical).collect()
    }

    /// Tiles below each other, or side by side in carousels of 2 to 10 (`tileDisplay`).
    pub fn tiles(&mut self, tiles: &[Tile]) -> Vec<Value> {
        let cards: Vec<Value> = (tiles.iter().enumerate())
            .map(|(i, tile)| self.tile(tile, &format!("tiles[{i}].")))
            .collect();
        if let [only] = &*cards {
            return vec![only.clone()];
        }
        if self.settings.horizontal_tiles {
            carousels(&cards)
        } else {
            cards.chunks(ELEMENTS_MAX).map(vertical).collect()
        }
    }

    /// Quick replies for below a message; none if there are none. A press always shows the title.
    pub fn quick_replies(&mut self, replies: &[Button]) -> Option<Value> {
        if replies.len() > REPLIES_MAX {
            let what = format!("only the first {REPLIES_MAX} of {} can be shown", replies.len());
            self.problem("quickReplies", what);
        }
        let replies: Vec<Value> = (replies.iter().take(REPLIES_MAX).enumerate())
            .filter_map(|(i, reply)| self.button(reply, true, &format!("quickReplies[{i}]")))
            .collect();
        (!replies.is_empty()).then(
            || json!({ "type": "quickReplies", "itemsPerRow": ITEMS_PER_ROW, "replies": replies }),
        )
    }

    fn tile(&mut self, tile: &Tile, path: &str) -> Value {
        let mut elements = Vec::new();
        if let Some(url) = &tile.image_url {
            let mut image = json!({ "type": "image", "url": url });
            self.tooltip(&mut image, tile.title.as_deref());
            elements.push(image);
        }
        if let Some(title) = &tile.title {
            let mut text = self.text(title);
            text["tag"] = "title".into();
            text["style"] = json!({ "bold": true });
            elements.push(text);
        }
        if let Some(subtitle) = &tile.subtitle {
            let mut text = self.text(subtitle);
            text["tag"] = "subtitle".into();
            elements.push(text);
        }
        elements.extend(self.button_elements(&tile.buttons, path));
        if elements.len() > ELEMENTS_MAX {
            let what = format!("only {ELEMENTS_MAX} elements can be shown");
            self.problem(path.trim_end_matches('.'), what);
            elements.truncate(ELEMENTS_MAX);
        }
        json!({ "type": "vertical", "tag": "generic", "elements": elements })
    }

    fn text(&self, text: &str) -> Value {
        let mut element = json!({ "type": "text", "text": cut(text, TEXT_MAX) });
        self.tooltip(&mut element, Some(text));
        element
    }

    fn button_elements(&mut self, buttons: &[Button], path: &str) -> Vec<Value> {
        let show_title = self.settings.button_text_on_postback;
        (buttons.iter().enumerate())
            .filter_map(|(i, button)| {
                self.button(button, show_title, &format!("{path}buttons[{i}]"))
            })
            .collect()
    }

    /// None, with a problem, if the payload is longer than any click can carry.
    fn button(&mut self, button: &Button, show_title: bool, path: &str) -> Option<Value> {
        let title = &button.title;
        if length(title) > TITLE_MAX {
            let what = format!("has {} characters, cut to {TITLE_MAX}", length(title));
            self.problem(&format!("{path}.title"), what);
        }
        let title = cut(title, TITLE_MAX);
        let click = match &button.press {
            Press::Url(uri) => {
                json!({ "actions": [{ "type": "link", "name": title, "uri": uri }] })
            }
            Press::Payload(payload) => {
                let Some(metadata) = postback::metadata(payload) else {
                    let what = "too long for a click to carry, the button is left out";
                    self.problem(&format!("{path}.payload"), what.to_owned());
                    return None;
                };
                let fits = length(payload) <= PUBLISH_MAX;
                if !show_title && !fits {
                    let what = format!(
                        "has more than {PUBLISH_MAX} characters, a press shows the title instead"
                    );
                    self.problem(&format!("{path}.payload"), what);
                }
                let shown = if show_title || !fits { &title } else { payload };
                json!({ "actions": [{ "type": "publishText", "text": shown }], "metadata": metadata })
            }
        };
        let mut element = json!({ "type": "button", "title": title, "click": click });
        self.tooltip(&mut element, Some(&button.title));
        Some(element)
    }

    fn tooltip(&self, element: &mut Value, words: Option<&str>) {
        if self.settings.tooltips
            && let Some(words) = words
            && !words.is_empty()
        {
            element["tooltip"] = cut(words, TOOLTIP_MAX).into();
        }
    }

    fn problem(&mut self, path: &str, what: String) {
        let path = path.to_owned();
        self.problems.push(Problem { path, what });
    }
}

/// The action that shows `content`, with its texts for a platform that refuses it.
#[must_use]
pub fn action(content: &Value, quick_replies: Option<Json>) -> Action {
    Action::Structured {
        content: Json::from_value(content),
        metadata: None,
        quick_replies,
        text: text_of(content),
    }
}

/// At most `max` characters of `text`; the last one is an ellipsis if there were more.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    if length(text) <= max {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(max.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A text longer than this does not fit a text element.
pub const TEXT_MAX: usize = 5000;

fn vertical(elements: &[Value]) -> Value {
    json!({ "type": "vertical", "elements": elements })
}

/// As few carousels as possible, of nearly equal size, so that none is left with a single card.
fn carousels(cards: &[Value]) -> Vec<Value> {
    let count = cards.len().div_ceil(CAROUSEL_MAX);
    (0..count)
        .map(|i| &cards[cards.len() * i / count..cards.len() * (i + 1) / count])
        .map(|cards| json!({ "type": "carousel", "elements": cards }))
        .collect()
}

fn length(text: &str) -> usize {
    text.chars().count()
}

const ELEMENTS_MAX: usize = 256;
const CAROUSEL_MAX: usize = 10;
const TITLE_MAX: usize = 128;
const TOOLTIP_MAX: usize = 256;
const PUBLISH_MAX: usize = 256;
const REPLIES_MAX: usize = 24;
const ITEMS_PER_ROW: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_press_shows_the_payload_or_the_title_as_the_setting_says() {
        let pressed = |button_text_on_postback| {
            let settings =
                ContentSettings { button_text_on_postback, ..ContentSettings::default() };
            let cards =
                Builder::new(&settings).buttons(Some("Which?"), &[button("10 % off", "coupon-10")]);
            cards[0]["elements"][1]["click"].clone()
        };
        let click = |text: &str| {
            json!({
                "actions": [{"type": "publishText", "text": text}],
                "metadata": [{"type": "ExternalId", "id": "coupon-10"}]
            })
        };
        assert_eq!(pressed(false), click("coupon-10"));
        assert_eq!(pressed(true), click("10 % off"));
    }

    #[test]
    fn a_quick_reply_shows_its_title_whatever_the_setting() {
        let replies = build(|b| b.quick_replies(&[button("Yes", "book-yes")]));
        assert_eq!(
            replies,
            Some(json!({
                "type": "quickReplies", "itemsPerRow": 8,
                "replies": [{
                    "type": "button", "title": "Yes",
                    "click": {
                        "actions": [{"type": "publishText", "text": "Yes"}],
                        "metadata": [{"type": "ExternalId", "id": "book-yes"}]
                    }
                }]
            }))
        );
        assert_eq!(build(|b| b.quick_replies(&[])), None);
    }

    #[test]
    fn a_tile_becomes_a_card_with_image_title_subtitle_and_buttons() {
        let settings = ContentSettings { tooltips: true, ..ContentSettings::default() };
        let cards = Builder::new(&settings).tiles(&[Tile {
            title: Some("Headphones".to_owned()),
            subtitle: Some("Fall sale".to_owned()),
            image_url: Some("https://a.example/h.png".to_owned()),
            buttons: vec![button("10 % off", "coupon-10")],
        }]);
        let card = json!({ "type": "vertical", "tag": "generic", "elements": [
            {"type": "image", "url": "https://a.example/h.png", "tooltip": "Headphones"},
            {"type": "text", "text": "Headphones", "tag": "title", "style": {"bold": true}, "tooltip": "Headphones"},
            {"type": "text", "text": "Fall sale", "tag": "subtitle", "tooltip": "Fall sale"},
            {"type": "button", "title": "10 % off", "tooltip": "10 % off", "click": {
                "actions": [{"type": "publishText", "text": "coupon-10"}],
                "metadata": [{"type": "ExternalId", "id": "coupon-10"}]
            }}
        ]});
        assert_eq!(cards, vec![card]);
        assert_eq!(check(&cards[0]), vec![]);
    }

    #[test]
    fn horizontal_tiles_stand_in_carousels_of_two_to_ten() {
        let settings = ContentSettings { horizontal_tiles: true, ..ContentSettings::default() };
        let sizes = |tiles: usize| -> Vec<(String, usize)> {
            Builder::new(&settings)
                .tiles(&vec![tile("t"); tiles])
                .iter()
                .inspect(|content| assert_eq!(check(content), vec![]))
                .map(|c| {
                    (
                        c["type"].as_str().unwrap().to_owned(),
                        c["elements"].as_array().unwrap().len(),
                    )
                })
                .collect()
        };
        let carousel = |n| ("carousel".to_owned(), n);
        assert_eq!(sizes(0), vec![]);
        assert_eq!(sizes(1), vec![("vertical".to_owned(), 1)]);
        assert_eq!(sizes(2), vec![carousel(2)]);
        assert_eq!(sizes(10), vec![carousel(10)]);
        assert_eq!(sizes(11), vec![carousel(5), carousel(6)]);
        assert_eq!(sizes(21), vec![carousel(7), carousel(7), carousel(7)]);
    }

    #[test]
    fn vertical_tiles_share_one_root() {
        let cards = build(|b| b.tiles(&[tile("a"), tile("b")]));
        assert_eq!(cards.len(), 1);
        assert_eq!(cards[0]["type"], "vertical");
        assert_eq!(cards[0]["elements"][1]["elements"][0]["text"], "b");
    }

    #[test]
    fn without_accessibility_nothing_carries_a_tooltip() {
        let cards = build(|b| b.tiles(&[tile("a"), tile("b")]));
        assert!(!cards[0].to_string().contains("tooltip"));
    }

    #[test]
    fn what_is_too_long_is_cut_or_left_out_and_told() {
        let settings = ContentSettings { tooltips: true, ..ContentSettings::default() };
        let mut builder = Builder::new(&settings);
        let cards = builder.buttons(
            Some(&"w".repeat(300)),
            &[
                button(&"t".repeat(129), "p"),
                button("a", &"p".repeat(257)),
                button("b", &"p".repeat(9000)),
            ],
        );
        let elements = cards[0]["elements"].as_array().unwrap();
        assert_eq!(elements[0]["tooltip"].as_str().unwrap().chars().count(), 256);
        assert_eq!(elements[1]["title"].as_str().unwrap().chars().count(), 128);
        assert_eq!(elements[2]["click"]["actions"][0]["text"], "a");
        assert_eq!(elements.len(), 3, "the third button cannot be shown");
        assert_eq!(check(&cards[0]), vec![]);
        let paths: Vec<_> = builder.problems().into_iter().map(|p| p.path).collect();
        assert_eq!(paths, ["buttons[0].title", "buttons[1].payload", "buttons[2].payload"]);
    }

    #[test]
    fn three_hundred_buttons_take_two_cards_and_thirty_quick_replies_lose_six() {
        let many = vec![button("b", "p"); 300];
        let cards = build(|b| b.buttons(Some("t"), &many));
        assert_eq!(cards.len(), 2);
        assert!(cards.iter().all(|card| check(card).is_empty()));
        let settings = ContentSettings::default();
        let mut builder = Builder::new(&settings);
        let replies = builder.quick_replies(&many[..30]).unwrap();
        assert_eq!(check(&replies), vec![]);
        assert_eq!(builder.problems().len(), 1);
    }

    fn build<T>(make: impl Fn(&mut Builder<'_>) -> T) -> T {
        make(&mut Builder::new(&ContentSettings::default()))
    }

    fn button(title: &str, payload: &str) -> Button {
        Button { title: title.to_owned(), press: Press::Payload(payload.to_owned()) }
    }

    fn tile(title: &str) -> Tile {
        Tile { title: Some(title.to_owned()), ..Tile::default() }
    }
}
