//! Pure: what the events of a chat mean.

use std::time::Duration;

use serde_json::Value;

use super::{
    text,
    wire::{Event, Events},
};
use crate::{
    cloud::{lenient, readable::readable},
    conversation::{
        DialogId, Json, Sequence, Timestamp,
        event::{Audience, Content, Message, Speaker},
    },
};

/// What was read of a chat's events.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    /// What they are to a conversation, oldest first, each id once.
    pub(super) messages: Vec<Message>,
    /// The id after the highest one.
    pub(super) next: Sequence,
    /// The chat is over.
    pub(super) ended: bool,
    /// The chat was moved to another agent, to a skill or back to the queue with this event; what stands before it
    /// was somebody else's to answer.
    pub(super) moved: Option<Sequence>,
    /// Events without an id, or that are none.
    pub(super) unusable: usize,
}

/// Reads the events from id `from` on; what is older is known.
pub(super) fn read(events: Option<&Events>, from: Sequence, dialog: &DialogId) -> Read {
    let mut read = Read { next: from, ..Read::default() };
    let raw = events.and_then(|events| events.event.as_deref());
    for element in raw.map(lenient::elements).unwrap_or_default() {
        let event: Event = serde_json::from_str(element.get()).unwrap_or_default();
        let Some(id) = event.id.filter(|id| (0..=HIGHEST_ID).contains(id)) else {
            read.unusable += 1;
            continue;
        };
        if id < from || read.messages.iter().any(|message| message.sequence == id) {
            continue;
        }
        read.next = read.next.max(id.saturating_add(1));
        let is_line = event.kind.as_deref() == Some("line");
        if event.kind.as_deref() == Some("state") && event.state.as_deref() == Some("ended") {
            read.ended = true;
        }
        if is_line && is_system(&event) && matches!(event.system_message_id, Some(13 | 15 | 23)) {
            read.moved = read.moved.max(Some(id));
        }
        read.messages.push(message(event, id, is_line, dialog));
    }
    read.messages.sort_by_key(|message| message.sequence);
    read
}

/// A time of the API, RFC 3339 with an offset, or milliseconds; none if it is neither.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(millis) = text.parse() {
        return Some(Timestamp(millis));
    }
    let (local, offset) = match text.len().checked_sub(OFFSET) {
        Some(at) if text.is_char_boundary(at) && text[at..].starts_with(['+', '-']) => {
            let (local, offset) = text.split_at(at);
            let (hours, minutes) = offset[1..].split_once(':')?;
            let minutes = 60 * hours.parse::<i64>().ok()? + minutes.parse::<i64>().ok()?;
            (local, if offset.starts_with('-') { -minutes } else { minutes })
        }
        Some(_) | None => (text.trim_end_matches(['Z', 'z']), 0),
    };
    let time = humantime::parse_rfc3339_weak(local).ok()?;
    let since: Duration = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    let millis = i64::try_from(since.as_millis()).ok()?;
    Some(Timestamp(millis - offset * 60_000))
}

fn message(event: Event, id: Sequence, is_line: bool, dialog: &DialogId) -> Message {
    let private = event.sub_type.as_deref() == Some("ONLY_TO_REP");
    // `by` is a name that people choose; only `source` tells who spoke.
    let from = match event.source.as_deref() {
        Some("visitor") if is_line && !private => Speaker::Consumer,
        Some("agent") if is_line => Speaker::Me,
        Some(_) | None => Speaker::System,
    };
    Message {
        dialog: dialog.clone(),
        sequence: id,
        time: event.time.as_deref().and_then(time).unwrap_or(Timestamp(0)),
        from,
        audience: if private { Audience::Agents } else { Audience::All },
        content: if is_line { content(event) } else { Content::Unknown },
        metadata: None,
        mark: None,
    }
}

fn content(event: Event) -> Content {
    let said = match event.text {
        Some(Value::String(text)) => text,
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    };
    match (event.text_type.as_deref(), event.json) {
        (Some("rich-content"), Some(card)) if !card.is_null() => {
            Content::Rich { text: readable(&card), content: Json::from_value(&card) }
        }
        (Some("html" | "rich-content"), _) => Content::Text(text::of_html(&said)),
        (Some(_) | None, _) => Content::Text(said),
    }
}

fn is_system(event: &Event) -> bool {
    event.source.as_deref() == Some("system")
}

/// `+02:00`
const OFFSET: usize = 6;
/// No chat gets on by so much; a higher id would make everything after it look old.
const HIGHEST_ID: Sequence = 10_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_events_of_a_chat_are_read() {
        let read = events(
            &json!([
                {"@id": "0", "@type": "state", "time": "2024-05-01T08:19:43.963-05:00", "state": "waiting"},
                {"@id": "1", "@type": "line", "textType": "plain", "text": "Someone will be with you soon.",
                    "by": "info", "source": "system", "systemMessageId": 4},
                {"@id": "2", "@type": "state", "state": "chatting"},
                {"@id": "3", "@type": "line", "textType": "plain", "text": 1, "by": "Ada", "source": "visitor"},
            ]),
            0,
        );
        let who: Vec<_> = read.messages.iter().map(|message| message.from).collect();
        assert_eq!(who, [Speaker::System, Speaker::System, Speaker::System, Speaker::Consumer]);
        assert_eq!(read.messages[3].content, Content::Text("1".into()));
        assert_eq!(read.messages[0].time, Timestamp(1_714_569_583_963));
        assert_eq!(read.messages[0].content, Content::Unknown);
        assert_eq!((read.next, read.ended, read.moved), (4, false, None));
    }

    #[test]
    fn what_is_known_is_not_told_again_and_the_order_is_by_id() {
        let line = |id: u64| json!({"id": id, "type": "line", "text": "x", "source": "visitor"});
        let read = events(&json!([line(7), line(5), line(4), line(6), line(5)]), 5);
        let ids: Vec<_> = read.messages.iter().map(|message| message.sequence).collect();
        assert_eq!(ids, [5, 6, 7]);
        assert_eq!(read.next, 8);
    }

    #[test]
    fn own_lines_are_read_as_they_were_said() {
        let html = text::to_html("a < b\n& so on", false);
        let read = events(
            &json!([
                {"id": 4, "type": "line", "textType": "html", "text": html, "source": "agent", "by": "Bot"},
                {"id": 5, "type": "line", "textType": "rich-content", "text": "Choose", "source": "agent",
                    "json": {"type": "text", "text": "Choose"}},
                {"id": 6, "type": "line", "text": "secret", "source": "agent", "subType": "ONLY_TO_REP"},
            ]),
            0,
        );
        assert!(read.messages.iter().all(|message| message.from == Speaker::Me));
        assert_eq!(read.messages[0].content, Content::Text("a < b\n& so on".into()));
        assert!(
            matches!(&read.messages[1].content, Content::Rich { text, .. } if text == "Choose")
        );
        assert_eq!(read.messages[2].audience, Audience::Agents);
    }

    #[test]
    fn the_end_and_a_move_are_noticed_by_ids_and_not_by_words() {
        let read = events(
            &json!([
                {"id": 4, "type": "line", "text": "x", "source": "system", "systemMessageId": "15"},
                {"id": 5, "type": "line", "text": "transferred", "source": "visitor", "systemMessageId": 23},
                {"id": 6, "type": "state", "state": "ended"},
            ]),
            0,
        );
        assert_eq!((read.moved, read.ended), (Some(4), true));
    }

    #[test]
    fn an_odd_event_hides_no_other_and_unknown_kinds_leave_no_gap() {
        let read = events(
            &json!([
                17,
                {"type": "line", "text": "without id"},
                {"id": 99_999_999_999_u64, "type": "line"},
                {"id": 4, "type": "a2a-transfer", "what": {}},
                {"id": 5, "type": "line", "text": "hello", "source": "visitor"},
            ]),
            4,
        );
        assert_eq!(read.unusable, 3);
        assert_eq!(read.messages.len(), 2);
        assert_eq!(read.messages[0].content, Content::Unknown);
        assert_eq!(read.messages[1].from, Speaker::Consumer);
    }

    #[test]
    fn times_are_read_with_and_without_offset_and_milliseconds() {
        for (text, millis) in [
            ("2018-01-29T08:19:43.963-05:00", Some(1_517_231_983_963)),
            ("2015-08-30T18:06:02+03:00", Some(1_440_947_162_000)),
            ("2015-08-30T15:06:02Z", Some(1_440_947_162_000)),
            ("1440934609097", Some(1_440_934_609_097)),
            ("yesterday", None),
            ("", None),
            ("+05:00", None),
        ] {
            assert_eq!(time(text), millis.map(Timestamp), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_time_panics(text in ".*") {
            time(&text);
        }
    }

    fn events(events: &Value, from: Sequence) -> Read {
        let text = json!({ "event": events }).to_string();
        let events: Events = serde_json::from_str(&text).unwrap();
        read(Some(&events), from, &DialogId::from("H1"))
    }
}
