//! Events and effects as lines of text, for golden traces.

use connectord::conversation::{
    Call, Effect, Event,
    effect::Body,
    event::{Action, Audience, BotEvent, Content, Outcome, Speaker},
};

/// An event as one line; none for what would only be noise.
pub(crate) fn event(event: &Event) -> Option<String> {
    Some(match event {
        Event::Message(m) if m.from == Speaker::Me => return None,
        Event::Message(m) => format!("{:?} {}: {}", m.from, m.sequence, words(&m.content)?),
        Event::Newest { sequence, .. } => format!("newest is {sequence}"),
        Event::Details(details) => format!("details: consumer {}", details.consumer),
        Event::LinkDown => "link down".to_owned(),
        Event::LinkUp(_) => "link up".to_owned(),
        Event::Called { outcome: Ok(Outcome::Published(sequence)), .. } => {
            format!("published as {sequence}")
        }
        Event::Called { outcome: Ok(_), .. } => return None,
        Event::Called { outcome: Err(error), .. } => format!("error: {error}"),
        Event::Bot(event) => bot(event),
        Event::Reach(reach) => format!("bot is {reach:?}"),
        Event::Left(how) => format!("left: {how:?}"),
        Event::Elapsed => "elapsed".to_owned(),
        Event::Settings(_) => "settings".to_owned(),
        Event::Drain => "drain".to_owned(),
        Event::Return => "return".to_owned(),
    })
}

/// An effect as one line.
pub(crate) fn effect(effect: &Effect) -> Option<String> {
    Some(match effect {
        Effect::Call { call, .. } => self::call(call),
        Effect::Tell(call) => format!("tell {}", self::call(call)),
        Effect::Ask(question) => {
            format!("ask {} attempt {}: {:?}", question.event.key, question.attempt, question.text)
        }
        Effect::Withdraw(event) => format!("withdraw {}", event.key),
        Effect::Notify(notice) => format!("notify {}", notice.event.key),
        Effect::Report(fact) => format!("report {fact:?}"),
        Effect::Forget => "forget".to_owned(),
    })
}

/// A call as one line.
pub(crate) fn call(call: &Call) -> String {
    match call {
        Call::Publish { body, audience, mark, .. } => {
            let mark = mark.as_ref().map_or_else(String::new, |mark| {
                format!(" [{} covers {:?}]", mark.interaction_id(), mark.covers)
            });
            let private = if *audience == Audience::Agents { " for agents" } else { "" };
            match body {
                Body::Text { text, .. } => format!("publish{private} {text:?}{mark}"),
                Body::Rich { content, .. } => format!("publish{private} {content:?}{mark}"),
            }
        }
        Call::Receipt { sequences, .. } => format!("READ {sequences:?}"),
        Call::Typing { composing: true, .. } => "COMPOSING".to_owned(),
        Call::Typing { composing: false, .. } => "ACTIVE".to_owned(),
        Call::History { after, .. } => format!("history after {after:?}"),
        Call::Profile(consumer) => format!("profile of {consumer}"),
        Call::Transfer { skill, agent, reason, words } => {
            let mut line = "transfer".to_owned();
            if let Some(skill) = skill {
                line += &format!(" to {skill}");
            }
            if let Some(agent) = agent {
                line += &format!(" for {agent}");
            }
            line += &format!(", {reason:?}");
            if let Some(words) = words {
                line += &format!(": {words}");
            }
            line
        }
        Call::Return => "return".to_owned(),
        Call::Close { survey: true, .. } => "close dialog".to_owned(),
        Call::Close { survey: false, .. } => "close conversation".to_owned(),
        Call::Join => "join".to_owned(),
        Call::Ttr { ttr_type, seconds } => format!("ttr {ttr_type} {seconds}"),
    }
}

/// What can be read of a message; none for receipts and the unknown.
pub(crate) fn words(content: &Content) -> Option<String> {
    match content {
        Content::Text(text) => Some(text.clone()),
        Content::File(file) => Some(format!("file {:?}", file.caption)),
        Content::Rich { content, .. } => Some(content.as_str().to_owned()),
        Content::Receipt { .. } | Content::Unknown => None,
    }
}

fn bot(event: &BotEvent) -> String {
    match event {
        BotEvent::HandedOver { event, attempt } => {
            format!("bot has {} attempt {attempt}", event.key)
        }
        BotEvent::Undelivered { event, .. } => format!("no bot for {}", event.key),
        BotEvent::Seen { event, .. } => format!("bot saw {}", event.key),
        BotEvent::Silent { event, attempt, .. } => {
            format!("bot silent to {} attempt {attempt}", event.key)
        }
        BotEvent::Fault { event, why } => format!("bot fault at {}: {why}", event.key),
        BotEvent::Answered(answer) => {
            format!("bot answers {}: {}", answer.event.key, actions(&answer.actions))
        }
        BotEvent::Says(said) => format!("bot says {}", actions(said)),
    }
}

fn actions(actions: &[Action]) -> String {
    let words: Vec<String> = actions.iter().map(action).collect();
    words.join(", ")
}

fn action(action: &Action) -> String {
    match action {
        Action::Text { text, .. } => format!("{text:?}"),
        Action::Pause { length, .. } => format!("pause {length:?}"),
        Action::Structured { text, .. } => format!("card {text:?}"),
        Action::Transfer { target, .. } => format!("transfer {:?}", target.skill),
        Action::Close { survey } => format!("close, survey {survey}"),
        Action::ChangeTtr { ttr_type, .. } => format!("ttr {ttr_type}"),
    }
}
