//! Pure: text as chat windows want it, and as it was before.

/// What a chat window shows as `text`: escaped, in the wrapper that it is built for (Chat Agent API, send lines).
pub(super) fn to_html(text: &str, right_to_left: bool) -> String {
    let (direction, side) = if right_to_left { ("rtl", "right") } else { ("ltr", "left") };
    let mut html =
        format!("<div dir='{direction}' style='direction:{direction};text-align:{side};'>");
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' => html.push_str("<br/>"),
            '\r' => {}
            other => html.push(other),
        }
    }
    html.push_str("</div>");
    html
}

/// The text that a line of HTML shows: without tags, entities decoded, line breaks kept.
pub(super) fn of_html(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        let taken =
            if rest.starts_with('<') { tag(rest, &mut text) } else { entity(rest, &mut text) };
        rest = &rest[taken..];
    }
    text.push_str(rest);
    text
}

/// Whether a language, as the platform writes it (`he-IL`), is written from right to left.
pub(super) fn is_right_to_left(language: &str) -> bool {
    let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
    matches!(primary.as_str(), "ar" | "he" | "iw" | "fa" | "ur" | "yi" | "ps" | "dv")
}

/// Passes over a tag; what is no tag stands for itself. Tells how many bytes it took.
fn tag(rest: &str, text: &mut String) -> usize {
    let looks_like_one =
        rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
    let Some(end) = rest.find('>').filter(|_| looks_like_one) else {
        text.push('<');
        return 1;
    };
    let name = rest[1..end].trim_start_matches('/').to_ascii_lowercase();
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    let closes = rest[1..].starts_with('/');
    if name == "br" || (closes && matches!(name, "p" | "li") && rest.len() > end + 1) {
        text.push('\n');
    }
    end + 1
}

/// Decodes an entity; what is none stands for itself. Tells how many bytes it took.
fn entity(rest: &str, text: &mut String) -> usize {
    let name = rest[1..].split(';').next().unwrap_or_default();
    let decoded = if name.len() + 1 < rest.len() && name.len() <= LONGEST_ENTITY {
        decode(name)
    } else {
        None
    };
    match decoded {
        Some(letter) => {
            text.push(letter);
            name.len() + 2
        }
        None => {
            text.push('&');
            1
        }
    }
}

fn decode(name: &str) -> Option<char> {
    let code = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
            None => number.parse().ok()?,
        },
        None => {
            return Some(match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                "nbsp" => ' ',
                _ => return None,
            });
        }
    };
    char::from_u32(code)
}

/// `#x10FFFF`
const LONGEST_ENTITY: usize = 8;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_of_a_bot_is_shown_and_not_obeyed() {
        assert_eq!(
            to_html("<script>alert(\"1\")</script> & more", false),
            "<div dir='ltr' style='direction:ltr;text-align:left;'>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; \
             &amp; more</div>"
        );
    }

    #[test]
    fn hebrew_and_arabic_run_from_right_to_left() {
        assert!(to_html("שלום", is_right_to_left("he-IL")).starts_with("<div dir='rtl'"));
        assert!(is_right_to_left("ar"));
        assert!(!is_right_to_left("en-US"));
        assert!(!is_right_to_left(""));
    }

    #[test]
    fn a_visitors_html_is_read_as_text() {
        assert_eq!(of_html("<p dir='ltr'>a<br>b &lt;3 &amp;&#x41;&#66;</p>"), "a\nb <3 &AB");
        assert_eq!(of_html("1 < 2 & 3 > 2; &unknown; &"), "1 < 2 & 3 > 2; &unknown; &");
        assert_eq!(of_html("<p>one</p><p>two</p>"), "one\ntwo");
        assert_eq!(of_html("<unfinished"), "<unfinished");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_it_was(text in "[^\r]*", rtl: bool) {
            prop_assert_eq!(of_html(&to_html(&text, rtl)), text);
        }

        #[test]
        fn nothing_panics(html in ".*") {
            of_html(&html);
        }
    }
}
