//! Small words for tests: messages, actions, times, errors.

use std::time::{Duration, Instant};

use connectord::conversation::{
    Call, CallError, Json, Mark, Sequence, Settings, SkillId, Timestamp,
    event::{Action, Audience, Content, Message, ReceiptStatus, SkillRef, Speaker, Target},
};

pub(crate) fn text(text: &str) -> Action {
    Action::Text { text: text.to_owned(), audience: Audience::All, quick_replies: None }
}

pub(crate) fn for_agents(text: &str) -> Action {
    Action::Text { text: text.to_owned(), audience: Audience::Agents, quick_replies: None }
}

pub(crate) fn card(texts: &str) -> Action {
    Action::Structured {
        content: json(r#"{"type":"vertical"}"#),
        metadata: None,
        quick_replies: None,
        text: texts.to_owned(),
    }
}

pub(crate) fn pause(length: Duration) -> Action {
    Action::Pause { length, typing: true }
}

pub(crate) fn transfer(skill: &str) -> Action {
    let target = Target { skill: Some(SkillRef::Id(skill.to_owned())), agent: None };
    Action::Transfer { target, reason: None, by_user: false }
}

pub(crate) fn transfer_to_name(name: &str) -> Action {
    let target = Target { skill: Some(SkillRef::Name(name.to_owned())), agent: None };
    Action::Transfer { target, reason: None, by_user: false }
}

pub(crate) fn close() -> Action {
    Action::Close { survey: true }
}

pub(crate) fn fallback_to(skill: &str) -> impl FnOnce(&mut Settings) {
    let skill = SkillId::from(skill);
    move |settings| settings.fallback_skill = Some(skill)
}

pub(crate) fn consumer(sequence: Sequence, text: &str) -> Message {
    message(sequence, Speaker::Consumer, Content::Text(text.to_owned()), Timestamp(EPOCH))
}

pub(crate) fn agent(sequence: Sequence, text: &str) -> Message {
    message(sequence, Speaker::Agent, Content::Text(text.to_owned()), Timestamp(EPOCH))
}

/// An own message; `interaction` is the journal mark's text, empty for none.
pub(crate) fn me(sequence: Sequence, text: &str, interaction: &str) -> Message {
    let said = message(sequence, Speaker::Me, Content::Text(text.to_owned()), Timestamp(EPOCH));
    Message { mark: Mark::parse(interaction, Vec::new()), ..said }
}

pub(crate) fn read(sequence: Sequence, sequences: &[Sequence]) -> Message {
    let sequences = sequences.to_vec();
    let content = Content::Receipt { status: ReceiptStatus::Read, sequences };
    message(sequence, Speaker::Me, content, Timestamp(EPOCH))
}

pub(crate) fn message(
    sequence: Sequence,
    from: Speaker,
    content: Content,
    time: Timestamp,
) -> Message {
    Message {
        dialog: "d".into(),
        sequence,
        time,
        from,
        audience: Audience::All,
        content,
        metadata: None,
        mark: None,
    }
}

pub(crate) fn json(text: &str) -> Json {
    Json::from_value(&serde_json::from_str::<serde_json::Value>(text).unwrap())
}

pub(crate) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(crate) fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

pub(crate) fn no_answer(call: &Call) -> CallError {
    CallError::NoAnswer { call: call.name() }
}

pub(crate) fn refused(call: &Call) -> CallError {
    CallError::Refused { call: call.name(), code: 400, message: "no".to_owned() }
}

pub(crate) fn failed(call: &Call) -> CallError {
    CallError::Failed { call: call.name(), code: 500, message: "oh".to_owned() }
}

/// Some instant; which one does not matter, time is moved by hand from here.
pub(crate) fn an_instant() -> Instant {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin for hand-moved time")]
    Instant::now()
}

/// Server time when a test begins.
pub(crate) const EPOCH: i64 = 1_700_000_000_000;
