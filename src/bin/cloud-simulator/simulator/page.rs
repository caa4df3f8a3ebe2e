//! The web page, built into the binary.

/// A file of the page: its media type and its text.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    let script = |text| Some(("text/javascript; charset=utf-8", text));
    match path {
        "/" => Some(("text/html; charset=utf-8", include_str!("page.html"))),
        "/page.css" => Some(("text/css; charset=utf-8", include_str!("page.css"))),
        "/page.js" => script(include_str!("page.js")),
        "/page/agent.js" => script(include_str!("page/agent.js")),
        "/page/card.js" => script(include_str!("page/card.js")),
        "/page/chat.js" => script(include_str!("page/chat.js")),
        "/page/consumer.js" => script(include_str!("page/consumer.js")),
        "/page/dom.js" => script(include_str!("page/dom.js")),
        "/page/frames.js" => script(include_str!("page/frames.js")),
        "/page/samples.js" => script(include_str!("page/samples.js")),
        "/page/store.js" => script(include_str!("page/store.js")),
        "/page/transcript.js" => script(include_str!("page/transcript.js")),
        "/page/typing.js" => script(include_str!("page/typing.js")),
        _ => None,
    }
}
