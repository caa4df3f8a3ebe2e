//! Pure: the JSON of the Chat Agent API, before a dialect spells it.

use super::model::{ChatEvent, Happening};
use super::{Chat, Millis, World};
use serde_json::{Map, Value, json};

/// Where links lead: scheme, host and account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Base<'a> {
    /// Such as `https://cloud.test:443`.
    pub(super) origin: &'a str,
    pub(super) account: &'a str,
    /// Agent session id.
    pub(super) session: &'a str,
}

impl Base<'_> {
    /// The address of the agent session, or of something below it.
    pub(super) fn session(&self, below: &str) -> String {
        let Self { origin, account, session } = self;
        format!("{origin}/api/account/{account}/agentSession/{session}{below}")
    }

    /// The address of a chat, or of something below it.
    pub(super) fn chat(&self, chat: &str, below: &str) -> String {
        self.session(&format!("/chat/{chat}{below}"))
    }
}

/// A link.
pub(super) fn link(href: &str, rel: &str) -> Value {
    json!({ "@href": href, "@rel": rel })
}

/// A list of one link.
pub(super) fn one_link(href: &str, rel: &str) -> Value {
    json!([link(href, rel)])
}

impl World {
    /// The whole chat, with its events from one on.
    pub(super) fn wire_chat(&self, base: Base<'_>, chat: &Chat, from: u64) -> Value {
        let at = |below: &str| base.chat(&chat.id, below);
        let next = next_event(chat, from);
        json!({
            "link": [
                link(&at(""), "self"),
                link(&at("/events"), "events"),
                link(&at("/info"), "info"),
                link(&at(&format!("?from={next}")), "next"),
                link(&at("/collaborationChannels"), "collaboration-channels"),
                link(&base.session(&format!("/visits/visit/{}", visit_of(&chat.id))), "visit-id"),
                link(&at("/transfer"), "transfer"),
                link(&at("/transferAccount"), "transfer-account"),
                link(&at("/survey"), "agent-survey"),
            ],
            "events": wire_events(base, chat, from),
            "info": self.wire_info(base, chat),
        })
    }

    /// What is known about a chat beside its events.
    pub(super) fn wire_info(&self, base: Base<'_>, chat: &Chat) -> Value {
        let at = |below: &str| base.chat(&chat.id, below);
        let mut info = json!({
            "link": [
                link(&at("/info"), "self"),
                link(&at("/info/visitorName"), "visitor-name"),
                link(&at("/info/visitorTyping"), "visitor-typing"),
                link(&at("/info/agentTyping"), "agent-typing"),
            ],
            "state": chat.state.word(),
            "chatSessionKey": chat.id,
            "startTime": time(chat.started),
            "duration": self.now.saturating_sub(chat.started) / 1000,
            "lastUpdate": time(chat.last_request),
            "chatTimeout": self.options.chat.chat_timeout / 1000,
            "visitorId": chat.visitor.id,
            "visitorName": chat.visitor.name,
            "agentTyping": typing(chat.agent_typing),
            "visitorTyping": typing(chat.visitor_typing),
            "rtSessionId": 4_295_036_103_u64,
            "sharkVisitorId": format!("V{}", chat.visitor.id),
            "sharkSessionId": format!("S{}", chat.visitor.id),
            "sharkContextId": 1,
            "engagementId": 311_098_710,
            "campaignId": 311_098_610,
            "language": chat.visitor.language,
        });
        let agent = chat.owner.as_ref().and_then(|owner| self.agents.get(&owner.agent));
        if let (Some(members), Some(agent)) = (info.as_object_mut(), agent) {
            members.insert("agentName".into(), json!(agent.name));
            let other = || agent.user_id.chars().rev().collect();
            let id =
                if self.options.chat.other_agent_ids { other() } else { agent.user_id.clone() };
            members.insert("agentId".into(), numeric(&id));
        }
        if let (Some(members), Some(participant)) =
            (info.as_object_mut(), &chat.visitor.participant)
        {
            members.insert("participantId".into(), json!(participant));
        }
        info
    }
}

/// The events of a chat from one on, with the link to the next.
pub(super) fn wire_events(base: Base<'_>, chat: &Chat, from: u64) -> Value {
    let at = |below: &str| base.chat(&chat.id, below);
    let events: Vec<Value> =
        chat.events.iter().filter(|event| event.id >= from).map(wire_event).collect();
    let next = next_event(chat, from);
    json!({
        "link": [link(&at("/events"), "self"), link(&at(&format!("/events?from={next}")), "next")],
        "event": events,
    })
}

fn next_event(chat: &Chat, from: u64) -> u64 {
    from.max(chat.events.len() as u64)
}

fn wire_event(event: &ChatEvent) -> Value {
    let mut members = Map::new();
    let mut set = |key: &str, value: Value| {
        members.insert(key.to_owned(), value);
    };
    set("@id", json!(event.id.to_string()));
    let kind = match &event.what {
        Happening::State(state) => {
            set("state", json!(state.word()));
            "state"
        }
        Happening::Line(line) => {
            set("textType", json!(line.text_type));
            set("text", json!(line.text));
            set("by", json!(line.by));
            set("source", json!(line.source.word()));
            set("subType", json!(line.sub_type()));
            if let Some(system) = line.system {
                set("systemMessageId", json!(system));
            }
            if let Some(card) = &line.json {
                set("json", card.clone());
            }
            "line"
        }
    };
    set("@type", json!(kind));
    set("time", json!(time(event.time)));
    Value::Object(members)
}

/// The wire's word for typing.
pub(super) fn typing(typing: bool) -> &'static str {
    if typing { "typing" } else { "not-typing" }
}

/// The visit of a chat: the first `H` and `K` of its id with their digits.
pub(super) fn visit_of(chat: &str) -> String {
    let run = |letter: char| {
        let digits = chat.split_once(letter).map_or("", |(_, rest)| rest);
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        format!("{letter}{digits}")
    };
    format!("{}{}", run('H'), run('K'))
}

/// A number if it is one, else the text.
pub(super) fn numeric(text: &str) -> Value {
    text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number))
}

/// RFC 3339 with milliseconds, as a server five hours west of Greenwich writes it.
pub(super) fn time(at: Millis) -> String {
    let local = at.saturating_sub(5 * 3_600_000);
    let (days, rest) = (local / 86_400_000, local % 86_400_000);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1000 % 60, rest % 1000);
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}-05:00")
}

/// Year, month and day, so many days after 1970-01-01, in the Gregorian calendar.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted in eras of 400 years that begin with a March, so that leap days come last.
    let since = days + 719_468;
    let (era, day_of_era) = (since / 146_097, since % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_with_an_offset() {
        assert_eq!(time(1_700_000_000_123), "2023-11-14T17:13:20.123-05:00");
        assert_eq!(time(1_709_200_800_000), "2024-02-29T05:00:00.000-05:00");
    }

    #[test]
    fn the_visit_is_read_from_the_id_of_the_chat() {
        assert_eq!(visit_of("H217-b7d7K8457"), "H217K8457");
    }
}
