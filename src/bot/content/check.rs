//! Pure: is this structured content that the platform will take? The limits are those of the web channel.
//!
//! The platform's schemas are closed: one wrong key and the whole card is refused. What is found here is told to
//! the bot's developer with its path; the content is published all the same, because the platform is the judge.

use serde_json::Value;

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as `elements[0].click.actions[1].text`; empty for the whole.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.path, self.what)
        }
    }
}

impl Problem {
    /// A problem found within `path`, seen from outside.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        Self { path: join(path, &self.path), what: self.what }
    }
}

/// Checks structured content, or quick replies (`"type": "quickReplies"`); at most 100 problems are told.
#[must_use]
pub fn check(content: &Value) -> Vec<Problem> {
    let mut check = Check::default();
    if content.get("type").and_then(Value::as_str) == Some(QUICK_REPLIES.name) {
        check.object(content, &QUICK_REPLIES, "");
    } else {
        check.one_of(content, ROOTS, "");
    }
    check.problems
}

/// A kind of object: its `type`, and every member it may have.
struct Shape {
    name: &'static str,
    members: &'static [&'static [Member]],
}

/// A member of an object: its key, what it holds, and whether it must be there.
struct Member(&'static str, Kind, Need);

#[derive(Clone, Copy, PartialEq)]
enum Need {
    Required,
    Optional,
}
use Need::{Optional, Required};

enum Kind {
    /// The object's own `type`; checked by whoever chose the shape.
    Type,
    /// At most so many characters.
    Text(usize),
    /// An absolute URI of at most so many characters.
    Uri(usize),
    /// An https address of at most so many characters.
    Https(usize),
    Flag,
    Number,
    Integer,
    Between(f64, f64),
    Word(&'static [&'static str]),
    /// An array of anything.
    Array,
    Numbers(usize),
    /// Between so many texts of at most so many characters.
    Texts(usize, usize, usize),
    Object(&'static Shape),
    /// Between so many objects of one kind.
    List(usize, usize, Of),
    /// Exactly one of these sequences of shapes.
    Sequence(&'static [&'static [&'static Shape]]),
    /// `role`, `tabindex` and `aria-*`, all texts.
    Aria,
}

/// What a list holds; by name where shapes hold each other.
enum Of {
    /// Whatever may stand at the root.
    Roots,
    /// What a carousel, a tab and the selects hold.
    Cards,
    /// What a press may do.
    Actions,
    /// Only this. Its `type` need not be told, key-value pairs have none.
    Only(&'static Shape),
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn one_of(&mut self, value: &Value, shapes: &[&'static Shape], path: &str) {
        let Some(members) = value.as_object() else {
            return self.problem(path, format!("must be an object, is {}", describe(value)));
        };
        match members.get("type").and_then(Value::as_str) {
            Some(name) => match shapes.iter().find(|shape| shape.name == name) {
                Some(shape) => self.object(value, shape, path),
                None => self.problem(
                    &join(path, "type"),
                    format!("`{}` is not allowed here; known: {}", short(name), names(shapes)),
                ),
            },
            None => self.problem(path, format!("`type` is missing; known: {}", names(shapes))),
        }
    }

    fn object(&mut self, value: &Value, shape: &Shape, path: &str) {
        let Some(object) = value.as_object() else {
            return self.problem(path, format!("must be an object, is {}", describe(value)));
        };
        let known = || shape.members.iter().copied().flatten();
        for (key, value) in object {
            let path = join(path, key);
            match known().find(|member| member.0 == key) {
                Some(member) => self.value(value, &member.1, &path),
                None => {
                    let allowed: Vec<_> = known().map(|member| member.0).collect();
                    let what = format!(
                        "unknown member of `{}`, which makes the platform refuse all of it; known: {}",
                        shape.name,
                        allowed.join(", ")
                    );
                    self.problem(&path, what);
                }
            }
        }
        for Member(key, _, need) in known() {
            if *need == Required && !object.contains_key(*key) {
                self.problem(path, format!("`{}` needs `{key}`", shape.name));
            }
        }
    }

    fn value(&mut self, value: &Value, kind: &Kind, path: &str) {
        match kind {
            Kind::Type => {}
            Kind::Text(max) => {
                self.text(value, *max, path);
            }
            Kind::Uri(max) => {
                if let Some(text) = self.text(value, *max, path)
                    && !is_absolute(text)
                {
                    self.problem(path, "must be an absolute URI, such as https://…".to_owned());
                }
            }
            Kind::Https(max) => {
                if let Some(text) = self.text(value, *max, path)
                    && !text.starts_with("https://")
                {
                    let what =
                        "must begin with https://, and its domain must be allowed for the account";
                    self.problem(path, what.to_owned());
                }
            }
            Kind::Flag => self.expect(value.is_boolean(), value, "true or false", path),
            Kind::Number => self.expect(value.is_number(), value, "a number", path),
            Kind::Integer => {
                self.expect(value.is_i64() || value.is_u64(), value, "a whole number", path)
            }
            Kind::Between(min, max) => {
                let fits = value.as_f64().is_some_and(|n| (*min..=*max).contains(&n));
                self.expect(fits, value, &format!("a number from {min} to {max}"), path);
            }
            Kind::Word(words) => {
                let fits = value.as_str().is_some_and(|word| words.contains(&word));
                self.expect(fits, value, &format!("one of {}", words.join(", ")), path);
            }
            Kind::Array => self.expect(value.is_array(), value, "an array", path),
            Kind::Numbers(max) => {
                for (item, path) in self.items(value, 0, *max, path) {
                    self.value(item, &Kind::Number, &path);
                }
            }
            Kind::Texts(min, max, length) => {
                for (item, path) in self.items(value, *min, *max, path) {
                    self.value(item, &Kind::Text(*length), &path);
                }
            }
            Kind::Object(shape) => self.object(value, shape, path),
            Kind::List(min, max, of) => {
                for (item, path) in self.items(value, *min, *max, path) {
                    match of {
                        Of::Roots => self.one_of(item, ROOTS, &path),
                        Of::Cards => self.one_of(item, CARDS, &path),
                        Of::Actions => self.one_of(item, ACTIONS, &path),
                        Of::Only(shape) if item.get("type").is_none() => {
                            self.object(item, shape, &path);
                        }
                        Of::Only(shape) => self.one_of(item, &[shape], &path),
                    }
                }
            }
            Kind::Sequence(sequences) => self.sequence(value, sequences, path),
            Kind::Aria => self.aria(value, path),
        }
    }

    fn text<'a>(&mut self, value: &'a Value, max: usize, path: &str) -> Option<&'a str> {
        let text = value.as_str();
        self.expect(text.is_some(), value, "a text", path);
        let length = text?.chars().count();
        if length > max {
            self.problem(path, format!("has {length} characters, at most {max} are allowed"));
        }
        text
    }

    fn items<'a>(
        &mut self,
        value: &'a Value,
        min: usize,
        max: usize,
        path: &str,
    ) -> Vec<(&'a Value, String)> {
        let Some(items) = value.as_array() else {
            self.expect(false, value, "an array", path);
            return Vec::new();
        };
        if !(min..=max).contains(&items.len()) {
            let what = format!("has {} entries, {min} to {max} are allowed", items.len());
            self.problem(path, what);
        }
        (items.iter().enumerate()).map(|(i, item)| (item, format!("{path}[{i}]"))).collect()
    }

    fn sequence(&mut self, value: &Value, sequences: &[&[&'static Shape]], path: &str) {
        let items = self.items(value, 0, usize::MAX, path);
        let Some(sequence) = sequences.iter().find(|s| s.len() == items.len()) else {
            let allowed: Vec<_> = sequences.iter().map(|s| names(s)).collect();
            let what = format!("must hold exactly {}", allowed.join(" or "));
            return self.problem(path, what);
        };
        for ((item, path), shape) in items.into_iter().zip(*sequence) {
            self.one_of(item, &[shape], &path);
        }
    }

    fn aria(&mut self, value: &Value, path: &str) {
        let Some(object) = value.as_object() else {
            return self.expect(false, value, "an object", path);
        };
        for (key, value) in object {
            let path = join(path, key);
            if key == "role" || key == "tabindex" || key.starts_with("aria-") {
                self.text(value, 1000, &path);
            } else {
                self.problem(&path, "only role, tabindex and aria-… are known here".to_owned());
            }
        }
    }

    fn expect(&mut self, fits: bool, value: &Value, wanted: &str, path: &str) {
        if !fits {
            self.problem(path, format!("must be {wanted}, is {}", describe(value)));
        }
    }

    fn problem(&mut self, path: &str, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            let path = path.to_owned();
            self.problems.push(Problem { path, what });
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) if key.starts_with('[') => format!("{path}{key}"),
        (path, key) => format!("{path}.{}", short(key)),
    }
}

fn names(shapes: &[&Shape]) -> String {
    let names: Vec<_> = shapes.iter().map(|shape| shape.name).collect();
    names.join(", ")
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", short(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn short(text: &str) -> String {
    super::cut(text, 40)
}

fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
            && !uri.contains(char::is_whitespace)
    })
}

const PROBLEMS_MAX: usize = 100;

// The tables below say what the published schemas of the web channel say; all numbers are theirs.

const ROOTS: &[&Shape] = &[
    &TEXT,
    &IMAGE,
    &BUTTON,
    &MAP,
    &LINK_PREVIEW,
    &TEMPLATE,
    &KEY_VALUE_PAIR_LIST,
    &VERTICAL,
    &HORIZONTAL,
    &CAROUSEL,
    &CAROUSEL_SELECT,
    &ACCORDION_SELECT,
    &LIST,
    &TABS,
];

/// What a carousel, a tab and the selects hold.
const CARDS: &[&Shape] = &[
    &TEXT,
    &IMAGE,
    &BUTTON,
    &MAP,
    &LINK_PREVIEW,
    &TEMPLATE,
    &KEY_VALUE_PAIR_LIST,
    &VERTICAL,
    &HORIZONTAL,
];

const TYPE: Member = Member("type", Kind::Type, Required);
const TOOLTIP: Member = Member("tooltip", Kind::Text(256), Optional);
const ALT: Member = Member("alt", Kind::Text(2000), Optional);
const TAG: Member = Member("tag", Kind::Text(64), Optional);
const TAG_VERSION: Member = Member("tagVersion", Kind::Text(64), Optional);
const STYLE_MEMBER: Member = Member("style", Kind::Object(&STYLE), Optional);
const ACCESSIBILITY_MEMBER: Member =
    Member("accessibility", Kind::Object(&ACCESSIBILITY), Optional);
const PADDING: Member = Member("padding", Kind::Between(0.0, 10.0), Optional);
const DISPLAY_MEMBER: Member = Member("display", Kind::Object(&DISPLAY), Optional);
const BORDER: Member =
    Member("border", Kind::Word(&["border", "borderLess", "dropShadow"]), Optional);

/// What every basic element may have.
const BASIC: &[Member] = &[
    TYPE,
    Member("rtl", Kind::Flag, Optional),
    TOOLTIP,
    TAG,
    TAG_VERSION,
    STYLE_MEMBER,
    ACCESSIBILITY_MEMBER,
];
const BASIC_CLICK: &[Member] = &[ALT, Member("click", Kind::Object(&CLICK), Optional)];

static TEXT: Shape = Shape {
    name: "text",
    members: &[BASIC, BASIC_CLICK, &[Member("text", Kind::Text(5000), Required)]],
};

static IMAGE: Shape = Shape {
    name: "image",
    members: &[
        BASIC,
        BASIC_CLICK,
        &[Member("url", Kind::Https(2048), Required), Member("caption", Kind::Text(128), Optional)],
    ],
};

static BUTTON: Shape = Shape {
    name: "button",
    members: &[
        BASIC,
        BASIC_CLICK,
        &[
            Member("title", Kind::Text(128), Required),
            Member("subtitle", Kind::Text(128), Optional),
            Member("class", Kind::Word(&["text", "button"]), Optional),
            Member("ref", Kind::Object(&REF), Optional),
        ],
    ],
};

static REF: Shape = Shape {
    name: "ref",
    members: &[&[
        Member("name", Kind::Text(200), Optional),
        Member("type", Kind::Word(&["carouselSelect", "accordionSelect"]), Optional),
    ]],
};

static MAP: Shape = Shape {
    name: "map",
    members: &[
        BASIC,
        BASIC_CLICK,
        &[Member("la", Kind::Number, Required), Member("lo", Kind::Number, Required)],
    ],
};

static LINK_PREVIEW: Shape = Shape {
    name: "linkPreview",
    members: &[
        BASIC,
        BASIC_CLICK,
        &[Member("url", Kind::Uri(2048), Required), Member("title", Kind::Text(128), Optional)],
    ],
};

static TEMPLATE: Shape = Shape {
    name: "template",
    members: &[
        BASIC,
        BASIC_CLICK,
        &[
            Member("templateType", Kind::Word(&["quickReply"]), Required),
            Member("title", Kind::Text(5000), Required),
            Member("resp", Kind::Texts(1, 32, 128), Required),
        ],
    ],
};

static KEY_VALUE_PAIR_LIST: Shape = Shape {
    name: "keyValuePairList",
    members: &[&[TYPE, Member("elements", Kind::List(1, 50, Of::Only(&PAIR)), Required)]],
};

static PAIR: Shape = Shape {
    name: "key-value pair",
    members: &[&[
        Member("key", Kind::Text(128), Required),
        Member("value", Kind::Text(2048), Optional),
    ]],
};

static VERTICAL: Shape = Shape {
    name: "vertical",
    members: &[&[
        TYPE,
        TAG,
        TAG_VERSION,
        BORDER,
        Member("scroll", Kind::Word(&["disable", "enable"]), Optional),
        Member("elements", Kind::List(0, 256, Of::Roots), Required),
        ALT,
        DISPLAY_MEMBER,
        STYLE_MEMBER,
        ACCESSIBILITY_MEMBER,
        Member("metadata", Kind::Array, Optional),
    ]],
};

static HORIZONTAL: Shape = Shape {
    name: "horizontal",
    members: &[&[
        TYPE,
        TAG,
        TAG_VERSION,
        BORDER,
        Member("borderLine", Kind::Flag, Optional),
        Member("percentages", Kind::Numbers(256), Optional),
        Member("elements", Kind::List(0, 256, Of::Roots), Required),
        ALT,
        ACCESSIBILITY_MEMBER,
        Member("metadata", Kind::Array, Optional),
    ]],
};

static CAROUSEL: Shape = Shape {
    name: "carousel",
    members: &[SLIDES, &[Member("elements", Kind::List(2, 10, Of::Cards), Required)]],
};

/// What a carousel and the selects share.
const SLIDES: &[Member] =
    &[TYPE, TOOLTIP, PADDING, ALT, DISPLAY_MEMBER, STYLE_MEMBER, ACCESSIBILITY_MEMBER];

static CAROUSEL_SELECT: Shape = Shape {
    name: "carouselSelect",
    members: &[
        SLIDES,
        &[
            Member("elements", Kind::List(1, 20, Of::Cards), Required),
            Member("selectMode", Kind::Object(&CAROUSEL_MODE), Required),
        ],
    ],
};

static CAROUSEL_MODE: Shape = Shape {
    name: "selectMode",
    members: &[&[
        Member("name", Kind::Text(200), Required),
        Member("type", Kind::Word(&["single", "multiple"]), Required),
    ]],
};

static ACCORDION_SELECT: Shape = Shape {
    name: "accordionSelect",
    members: &[
        SLIDES,
        &[
            Member("elements", Kind::List(1, 20, Of::Cards), Required),
            Member("selectMode", Kind::Object(&ACCORDION_MODE), Required),
            Member("titles", Kind::List(1, 20, Of::Only(&ACCORDION_TITLE)), Required),
        ],
    ],
};

static ACCORDION_MODE: Shape =
    Shape { name: "selectMode", members: &[&[Member("name", Kind::Text(200), Required)]] };

static ACCORDION_TITLE: Shape = Shape {
    name: "title",
    members: &[&[
        Member("name", Kind::Text(200), Required),
        Member("additional", Kind::Text(200), Optional),
    ]],
};

static TABS: Shape = Shape {
    name: "tabs",
    members: &[&[TYPE, STYLE_MEMBER, Member("elements", Kind::List(1, 10, Of::Cards), Required)]],
};

static LIST: Shape = Shape {
    name: "list",
    members: &[&[
        TYPE,
        TOOLTIP,
        ALT,
        Member("elements", Kind::Sequence(&[&[&TEXT, &SECTION_LIST, &BUTTON_LIST]]), Required),
    ]],
};

static SECTION_LIST: Shape = Shape {
    name: "sectionList",
    members: &[&[
        TYPE,
        TOOLTIP,
        ALT,
        Member("elements", Kind::List(1, 256, Of::Only(&SECTION)), Required),
    ]],
};

static SECTION: Shape = Shape {
    name: "section",
    members: &[&[
        TYPE,
        TOOLTIP,
        PADDING,
        ALT,
        ACCESSIBILITY_MEMBER,
        Member("sectionID", Kind::Text(256), Required),
        Member("elements", Kind::Sequence(&[&[&CHECKLIST], &[&TEXT, &CHECKLIST]]), Required),
    ]],
};

static CHECKLIST: Shape = Shape {
    name: "checklist",
    members: &[&[
        TYPE,
        TOOLTIP,
        PADDING,
        ALT,
        ACCESSIBILITY_MEMBER,
        Member("elements", Kind::List(2, 256, Of::Only(&CHECKBOX)), Required),
    ]],
};

static CHECKBOX: Shape = Shape {
    name: "checkbox",
    members: &[
        BASIC,
        &[
            Member("text", Kind::Text(5000), Required),
            Member("borderLine", Kind::Flag, Optional),
            Member("borderColor", Kind::Text(256), Optional),
            Member("click", Kind::Object(&CHECK_CLICK), Required),
        ],
    ],
};

static CHECK_CLICK: Shape = Shape {
    name: "click",
    members: &[&[
        Member("actions", Kind::List(0, 4, Of::Only(&CHECKED)), Optional),
        Member("metadata", Kind::Array, Optional),
    ]],
};

static CHECKED: Shape = Shape {
    name: "checked",
    members: &[&[TYPE, Member("publishText", Kind::Text(250), Required), ACCESSIBILITY_MEMBER]],
};

static BUTTON_LIST: Shape = Shape {
    name: "buttonList",
    members: &[&[
        TYPE,
        TOOLTIP,
        PADDING,
        ALT,
        Member(
            "elements",
            Kind::Sequence(&[&[&SUBMIT_BUTTON], &[&SUBMIT_BUTTON, &BUTTON]]),
            Required,
        ),
    ]],
};

static SUBMIT_BUTTON: Shape = Shape {
    name: "submitButton",
    members: &[
        BASIC,
        &[
            ALT,
            Member("title", Kind::Text(128), Required),
            Member("disabled", Kind::Flag, Optional),
            Member("click", Kind::Object(&SUBMIT_CLICK), Required),
        ],
    ],
};

static SUBMIT_CLICK: Shape = Shape {
    name: "click",
    members: &[&[
        Member("actions", Kind::List(0, 4, Of::Only(&SUBMIT_AS_TEXT)), Optional),
        Member("metadata", Kind::Array, Optional),
    ]],
};

static SUBMIT_AS_TEXT: Shape = Shape {
    name: "submitAsText",
    members: &[&[TYPE, Member("submit", Kind::Flag, Required), ACCESSIBILITY_MEMBER]],
};

static QUICK_REPLIES: Shape = Shape {
    name: "quickReplies",
    members: &[&[
        TYPE,
        Member("itemsPerRow", Kind::Between(1.0, 8.0), Required),
        Member("replies", Kind::List(1, 24, Of::Only(&BUTTON)), Required),
    ]],
};

static CLICK: Shape = Shape {
    name: "click",
    members: &[&[
        Member("actions", Kind::List(0, 4, Of::Actions), Optional),
        Member("metadata", Kind::Array, Optional),
    ]],
};

const ACTIONS: &[&Shape] =
    &[&PUBLISH_TEXT, &LINK, &NAVIGATE, &ADD_TO_CART, &CUSTOM, &DATE_PICKER, &SCHEDULE_SLOT_LIST];

static PUBLISH_TEXT: Shape =
    Shape { name: "publishText", members: &[&[TYPE, Member("text", Kind::Text(256), Required)]] };

static LINK: Shape = Shape {
    name: "link",
    members: &[&[
        TYPE,
        Member("uri", Kind::Uri(1024), Required),
        Member("name", Kind::Text(256), Optional),
        Member("ios", Kind::Object(&PLATFORM), Optional),
        Member("android", Kind::Object(&PLATFORM), Optional),
        Member("web", Kind::Object(&PLATFORM), Optional),
        Member("target", Kind::Word(&["self", "blank", "slideout"]), Optional),
        ACCESSIBILITY_MEMBER,
    ]],
};

static PLATFORM: Shape =
    Shape { name: "platform link", members: &[&[Member("uri", Kind::Uri(1024), Optional)]] };

static NAVIGATE: Shape = Shape {
    name: "navigate",
    members: &[&[
        TYPE,
        Member("la", Kind::Number, Required),
        Member("lo", Kind::Number, Required),
        Member("name", Kind::Text(256), Optional),
    ]],
};

static ADD_TO_CART: Shape = Shape {
    name: "addToCart",
    members: &[&[TYPE, Member("items", Kind::List(0, 10, Of::Only(&CART_ITEM)), Required)]],
};

static CART_ITEM: Shape = Shape {
    name: "item",
    members: &[&[
        Member("productId", Kind::Text(256), Optional),
        Member("quantity", Kind::Integer, Optional),
    ]],
};

static CUSTOM: Shape = Shape {
    name: "custom",
    members: &[&[TYPE, Member("data", Kind::List(0, 10, Of::Only(&PAIR)), Optional)]],
};

static DATE_PICKER: Shape = Shape {
    name: "datePicker",
    members: &[&[
        TYPE,
        Member("class", Kind::Word(&["single", "range"]), Required),
        Member("title", Kind::Text(40), Optional),
        Member("minDate", Kind::Integer, Optional),
        Member("maxDate", Kind::Integer, Optional),
        Member("dateFormat", Kind::Text(100), Optional),
    ]],
};

static SCHEDULE_SLOT_LIST: Shape = Shape {
    name: "scheduleSlotList",
    members: &[&[
        TYPE,
        Member("title", Kind::Text(40), Optional),
        Member("slots", Kind::List(0, 256, Of::Only(&SCHEDULE_SLOT)), Optional),
        Member("firstDayOfTheWeek", Kind::Word(&["sun", "mon"]), Optional),
    ]],
};

static SCHEDULE_SLOT: Shape = Shape {
    name: "scheduleSlot",
    members: &[&[
        TYPE,
        Member("id", Kind::Text(256), Required),
        Member("start", Kind::Integer, Required),
        Member("end", Kind::Integer, Optional),
        Member("title", Kind::Text(40), Optional),
        Member("description", Kind::Text(40), Optional),
        Member("imageUrl", Kind::Uri(1024), Optional),
    ]],
};

static STYLE: Shape = Shape {
    name: "style",
    members: &[&[
        Member("bold", Kind::Flag, Optional),
        Member("italic", Kind::Flag, Optional),
        Member("size", Kind::Word(&["small", "medium", "large"]), Optional),
        Member("color", Kind::Text(256), Optional),
        Member("color-hover", Kind::Text(256), Optional),
        Member("color-active", Kind::Text(256), Optional),
        Member("fill", Kind::Text(256), Optional),
        Member("font-family", Kind::Text(256), Optional),
        Member("background-color", Kind::Text(256), Optional),
        Member("background-color-active", Kind::Text(256), Optional),
        Member("background-color-hover", Kind::Text(256), Optional),
        Member("border-color", Kind::Text(256), Optional),
        Member("border-color-selected", Kind::Text(256), Optional),
        Member("border-color-hover", Kind::Text(256), Optional),
        Member("border-radius", Kind::Number, Optional),
    ]],
};

static DISPLAY: Shape = Shape {
    name: "display",
    members: &[&[
        Member("aspectRatio", Kind::Word(&["rectangle", "square", "horizontal"]), Optional),
        Member(
            "size",
            Kind::Word(&["cover", "contain", "large", "compact", "tall", "full"]),
            Optional,
        ),
    ]],
};

static ACCESSIBILITY: Shape =
    Shape { name: "accessibility", members: &[&[Member("web", Kind::Aria, Optional)]] };

#[cfg(test)]
mod tests {
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
        assert_one(
            json!({"type": "button", "title": "", "subtitle": long(129)}),
            "subtitle: has 129",
        );
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
        assert_one(
            json!({"type": "image", "url": format!("https://{}", long(2041))}),
            "url: has 2049",
        );
        assert_one(
            json!({"type": "image", "url": "https://a", "caption": long(129)}),
            "caption: has 129",
        );
        assert_one(
            json!({"type": "vertical", "elements": texts(257)}),
            "elements: has 257 entries",
        );
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
        assert_one(
            json!({"type": "tabs", "elements": texts(11)}),
            "elements: has 11 entries, 1 to 10",
        );
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
}
