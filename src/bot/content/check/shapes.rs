//! Pure: what the published schemas of the web channel say, as tables. All numbers are theirs.

use Need::{Optional, Required};

/// A kind of object: its `type`, and every member it may have.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) members: &'static [&'static [Member]],
}

/// A member of an object: its key, what it holds, and whether it must be there.
pub(super) struct Member(pub(super) &'static str, pub(super) Kind, pub(super) Need);

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Need {
    Required,
    Optional,
}

pub(super) enum Kind {
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
pub(super) enum Of {
    /// Whatever may stand at the root.
    Roots,
    /// What a carousel, a tab and the selects hold.
    Cards,
    /// What a press may do.
    Actions,
    /// Only this. Its `type` need not be told, key-value pairs have none.
    Only(&'static Shape),
}

pub(super) const ROOTS: &[&Shape] = &[
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
pub(super) const CARDS: &[&Shape] = &[
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

pub(super) static QUICK_REPLIES: Shape = Shape {
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

pub(super) const ACTIONS: &[&Shape] =
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
