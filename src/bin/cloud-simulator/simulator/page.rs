//! The web page, built into the binary.

/// A file of the page: its media type and its text.
pub(super) fn file(path: &str) -> Option<(&'static str, &'static str)> {
    match path {
        "/" => Some(("text/html; charset=utf-8", include_str!("page.html"))),
        "/page.css" => Some(("text/css; charset=utf-8", include_str!("page.css"))),
        "/page.js" => Some(("text/javascript; charset=utf-8", include_str!("page.js"))),
        _ => None,
    }
}
