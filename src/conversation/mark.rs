//! Pure: the journal mark. Every published answer carries one, so that the history tells what was answered.

use super::{
    event::{EventId, EventKey, EventKind},
    words::{DialogId, Sequence},
};

/// What a published message answers, and which piece of the answer it is.
///
/// On the wire it is the platform's `BotResponse` metadata: `botInteractionId` holds [`Mark::interaction_id`],
/// `consumerUtteranceSequenceNumbers` holds [`Mark::covers`] (Conversation Metadata Guide).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The event that is answered; the dialog is the message's own.
    pub event: EventKey,
    /// Which piece, from 0.
    pub index: u32,
    /// How many pieces the answer has.
    pub count: u32,
    /// The consumer messages that the event covered, at most the 16 newest.
    pub covers: Vec<Sequence>,
}

impl Mark {
    /// The platform allows at most this many sequence numbers.
    pub const MAX_COVERS: usize = 16;

    /// `cd1:{event key}:{index}/{count}`, at most 64 characters as the platform demands.
    #[must_use]
    pub fn interaction_id(&self) -> String {
        format!("{PREFIX}{}:{}/{}", self.event, self.index, self.count)
    }

    /// Reads what [`Mark::interaction_id`] wrote; none for anybody else's ids.
    #[must_use]
    pub fn parse(interaction_id: &str, covers: Vec<Sequence>) -> Option<Self> {
        let rest = interaction_id.strip_prefix(PREFIX)?;
        let (key, piece) = rest.rsplit_once(':')?;
        let (index, count) = piece.split_once('/')?;
        let (index, count) = (index.parse().ok()?, count.parse().ok()?);
        (index < count).then_some(Self { event: EventKey::parse(key)?, index, count, covers })
    }
}

impl EventKey {
    /// Reads the text form: `12`, `12:greeting`, `12:escalationFailed2`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, suffix) = match text.split_once(':') {
            Some((sequence, suffix)) => (sequence, Some(suffix)),
            None => (text, None),
        };
        let kind = match suffix {
            None => EventKind::Consumer,
            Some("agent") => EventKind::Agent,
            Some("greeting") => EventKind::Greeting,
            Some("stepUp") => EventKind::StepUp,
            Some("ended") => EventKind::Ended,
            Some("transferred") => EventKind::Transferred,
            Some(other) => match other.strip_prefix("say") {
                Some(count) => EventKind::Say(count.parse().ok()?),
                None => EventKind::EscalationFailed(
                    other.strip_prefix("escalationFailed")?.parse().ok()?,
                ),
            },
        };
        Some(Self { sequence: sequence.parse().ok()?, kind })
    }
}

impl std::fmt::Display for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.sequence)?;
        match self.kind {
            EventKind::Consumer => Ok(()),
            EventKind::Agent => f.write_str(":agent"),
            EventKind::Greeting => f.write_str(":greeting"),
            EventKind::StepUp => f.write_str(":stepUp"),
            EventKind::EscalationFailed(n) => write!(f, ":escalationFailed{n}"),
            EventKind::Say(n) => write!(f, ":say{n}"),
            EventKind::Ended => f.write_str(":ended"),
            EventKind::Transferred => f.write_str(":transferred"),
        }
    }
}

impl EventId {
    /// Reads the text form; the dialog is everything before the key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        // The key is `n` or `n:suffix`, and a dialog id may itself hold colons: try the longer key first.
        let (head, last) = text.rsplit_once(':')?;
        if let Some((dialog, sequence)) = head.rsplit_once(':')
            && let Some(key) = EventKey::parse(&format!("{sequence}:{last}"))
        {
            return Some(Self { dialog: DialogId::from(dialog), key });
        }
        Some(Self { dialog: DialogId::from(head), key: EventKey::parse(last)? })
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.dialog, self.key)
    }
}

/// Tells our marks from other programs' interaction ids; the digit is the version of the format.
const PREFIX: &str = "cd1:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_as_written_for_every_kind_of_event() {
        for kind in [
            EventKind::Consumer,
            EventKind::Agent,
            EventKind::Greeting,
            EventKind::StepUp,
            EventKind::EscalationFailed(3),
            EventKind::Say(1),
            EventKind::Ended,
            EventKind::Transferred,
        ] {
            let event = EventKey { sequence: 12, kind };
            let mark = Mark { event, index: 1, count: 3, covers: vec![11, 12] };
            assert_eq!(Mark::parse(&mark.interaction_id(), vec![11, 12]), Some(mark));
            let id = EventId { dialog: DialogId::from("a:b"), key: event };
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
    }

    #[test]
    fn the_longest_mark_fits_the_platforms_64_characters() {
        let event = EventKey { sequence: i64::MAX, kind: EventKind::EscalationFailed(u32::MAX) };
        let mark = Mark { event, index: 9_999, count: 99_999, covers: vec![] };
        assert!(mark.interaction_id().len() <= 64, "{}", mark.interaction_id());
    }

    #[test]
    fn other_programs_interaction_ids_are_not_marks() {
        for text in ["", "cd1:", "cd1:x:0/1", "cd1:5:1/1", "cd1:5:0", "6f2d9b0e", "cd2:5:0/1"] {
            assert_eq!(Mark::parse(text, vec![]), None, "{text}");
        }
    }
}
