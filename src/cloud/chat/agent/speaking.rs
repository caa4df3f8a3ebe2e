//! Pure: what conversations want said and done in their chats.

use super::*;
use crate::{
    cloud::chat::{
        lines,
        pace::{self, PERIOD},
        text,
        transfer::{Stage as Step, Transfer},
        wire::Targets,
    },
    conversation::event::Departure,
};

impl AgentSession {
    pub(super) fn carry_out(
        &mut self,
        key: ConversationId,
        id: Option<CallId>,
        call: Call,
        now: Instant,
        out: &mut Out,
    ) {
        let name = call.name();
        let html = self.terms.html;
        let Some(talk) = self.talks.get_mut(&key) else {
            return;
        };
        match call {
            Call::Publish { body, audience, .. } => {
                let language = talk.info.language.as_deref().unwrap_or_default();
                let rtl = text::is_right_to_left(language);
                talk.outbox.push(lines::line(id, &body, audience, html, rtl));
            }
            Call::Close { .. } => talk.outbox.push(lines::end(id)),
            Call::Typing { composing, .. } => talk.typing.want(composing),
            Call::Transfer { .. } if talk.transfer.is_some() => {
                // One after another: the fate of the one under way is about to be known.
                Self::called(key, id, Err(CallError::NotSent), out);
            }
            Call::Transfer { skill, agent, words, .. } => {
                let words = words.unwrap_or_default();
                let transfer = Transfer::new(id, skill, agent, &words);
                let transfer = transfer.after(talk.targets_read.map(|at| at + PERIOD));
                talk.transfer = Some(transfer);
            }
            Call::History { after, .. } => self.history(key, id, after, now, out),
            Call::Profile(_) => self.profile(key, id, out),
            // There is no such request: the log-out that follows hands all chats back.
            Call::Return => {
                self.handing_back = true;
                Self::called(key.clone(), id, Ok(Outcome::Done), out);
                self.is_gone(&key, Departure::Moved, out);
            }
            Call::Receipt { .. } | Call::Join | Call::Ttr { .. } => {
                Self::complain("not_in_chat", format!("{name} does not exist in chat"), out);
                Self::called(key, id, Ok(Outcome::Done), out);
            }
        }
    }

    /// Whatever of it can leave now.
    pub(super) fn speak(&mut self, now: Instant, out: &mut Out) {
        let keys: Vec<ConversationId> = self
            .talks
            .values()
            .filter(|talk| talk.may_speak() && talk.has_something_to_say(now))
            .map(|talk| talk.key.clone())
            .collect();
        for key in keys {
            self.speak_in(&key, now, out);
        }
    }

    fn speak_in(&mut self, key: &ConversationId, now: Instant, out: &mut Out) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        let mut requests = Vec::new();
        let href = talk.href.clone();
        if let Some(post) = talk.take_post(now) {
            let body = post.body.clone();
            requests.push((
                Purpose::Post(key.clone(), post),
                Method::Post,
                format!("{href}/events"),
                Some(body),
            ));
        }
        if let Some(typing) = talk.typing.take(now) {
            let state = if typing { "typing" } else { "not-typing" };
            let body = json!({ "agentTyping": state }).to_string();
            let target = format!("{href}/info/agentTyping");
            requests.push((Purpose::Typing(key.clone()), Method::Put, target, Some(body)));
        }
        if let Some(transfer) = talk.transfer.as_mut().filter(|_| talk.outbox.is_idle())
            && transfer.is_due(now)
        {
            let target = format!("{href}/transfer");
            match transfer.to_agent() {
                Some(body) => {
                    transfer.stage = Step::Posted;
                    requests.push((
                        Purpose::Transfer(key.clone()),
                        Method::Post,
                        target,
                        Some(body),
                    ));
                }
                None => {
                    transfer.stage = Step::Asking;
                    requests.push((Purpose::Targets(key.clone()), Method::Get, target, None));
                }
            }
        }
        for (purpose, method, target, body) in requests {
            self.send(purpose, method, target, body, out);
        }
    }

    pub(super) fn posted(
        &mut self,
        key: &ConversationId,
        post: Post,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some(talk) = self.talks.get_mut(key) else {
            let outcome = result.map(|body| published(&body));
            let outcome = outcome.map_err(|failure| failure.to_call_error(post.kind.name()));
            return Self::called(key.clone(), post.call, outcome, out);
        };
        let failure = match result {
            Ok(body) => {
                talk.outbox.settled(now);
                let outcome = match post.kind {
                    Kind::Line => published(&body),
                    Kind::End => Outcome::Done,
                };
                if post.kind == Kind::End {
                    // The end is told among the events.
                    talk.leaving = true;
                    talk.left_at = Some(now);
                    talk.poll.hurry(now);
                }
                return Self::called(key.clone(), post.call, Ok(outcome), out);
            }
            Err(failure) => failure,
        };
        match (failure.kind, post) {
            (Trouble::TooMany(retry_after), post) => {
                let wait = retry_after.unwrap_or_default().clamp(SECOND, 10 * SECOND);
                talk.outbox.again(post, now + wait);
                let detail =
                    format!("a line waits, the cloud finds it too much: {}", failure.detail);
                Self::complain("too_many", detail, out);
            }
            (Trouble::Missing | Trouble::Forbidden, post @ Post { failures: 1.., .. }) => {
                // The chat was found to be there all the same: this is all that cannot be done.
                self.give_up(key, post, &failure, now, out);
            }
            (Trouble::Missing | Trouble::Forbidden, mut post) => {
                post.failures += 1;
                talk.outbox.again(post, now);
                self.doubt(key, now, out);
            }
            (Trouble::Refused, Post { plain: Some(plain), kind, call, .. }) => {
                Self::complain("html_refused", failure.detail, out);
                let post = Post { plain: None, body: plain, kind, call, failures: 0 };
                // A chat that is over refuses everything: it is given a moment to tell so.
                talk.poll.hurry(now);
                talk.outbox.again(post, now + MOMENT);
            }
            // Whether the chat is over, it tells itself; an end that comes twice does no harm.
            (
                Trouble::Refused | Trouble::Failed | Trouble::Unknown,
                mut post @ Post { kind: Kind::End, failures: 0..MOST_ENDS, .. },
            ) => {
                let wait = pace::pause(post.failures);
                post.failures += 1;
                talk.outbox.again(post, now + wait);
                talk.poll.hurry(now + PERIOD);
            }
            (Trouble::Refused | Trouble::Failed | Trouble::Unknown | Trouble::Expired, post) => {
                self.give_up(key, post, &failure, now, out);
            }
        }
    }

    fn give_up(
        &mut self,
        key: &ConversationId,
        post: Post,
        failure: &Failure,
        now: Instant,
        out: &mut Out,
    ) {
        if let Some(talk) = self.talks.get_mut(key) {
            talk.outbox.settled(now);
        }
        let error = failure.to_call_error(post.kind.name());
        Self::called(key.clone(), post.call, Err(error), out);
    }

    pub(super) fn targets_read(
        &mut self,
        key: &ConversationId,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        if let Some(talk) = self.talks.get_mut(key) {
            talk.targets_read = Some(now);
        }
        let Some((href, transfer)) = self.transfer_of(key) else {
            return;
        };
        let target = format!("{href}/transfer");
        match result {
            Ok(body) => {
                let targets: Targets = body.member("transfer");
                match transfer.to_skill(&targets.skill) {
                    Ok(body) => {
                        transfer.stage = Step::Posted;
                        let purpose = Purpose::Transfer(key.clone());
                        self.send(purpose, Method::Post, target, Some(body), out);
                    }
                    Err(why) => self.transfer_failed(key, why, now, out),
                }
            }
            Err(failure) => self.transfer_refused(key, failure, now, out),
        }
    }

    pub(super) fn transferred(
        &mut self,
        key: &ConversationId,
        result: Result<Body, Failure>,
        now: Instant,
        out: &mut Out,
    ) {
        let Some((_, transfer)) = self.transfer_of(key) else {
            return;
        };
        match result {
            Ok(_) => {
                let call = transfer.call;
                Self::called(key.clone(), call, Ok(Outcome::Done), out);
                if let Some(talk) = self.talks.get_mut(key) {
                    // Whether it has gone is asked once more; nothing is said meanwhile.
                    talk.transfer = None;
                    talk.leaving = true;
                    talk.left_at = Some(now);
                    talk.ask_whole(now + TRANSFER_TAKES);
                }
            }
            Err(failure) if matches!(failure.kind, Trouble::Failed | Trouble::Unknown) => {
                transfer.stage = Step::Unsure;
                self.ask_for_owner(key, now);
            }
            Err(failure) => self.transfer_refused(key, failure, now, out),
        }
    }

    /// The chat has been read, and it is this agent's.
    pub(super) fn is_still_here(&mut self, key: &ConversationId, now: Instant, out: &mut Out) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        match talk.left_at.map(|at| now.saturating_duration_since(at)) {
            Some(since) if since >= TRANSFER_SETTLES => {
                (talk.leaving, talk.left_at) = (false, None);
                let detail =
                    "a transfer or an end was agreed to, and the chat is still this agent's";
                Self::complain("exit_undone", detail.to_owned(), out);
            }
            Some(_) => talk.ask_whole(now + PERIOD),
            None => {}
        }
        let Some(talk) = self.talks.get(key) else {
            return;
        };
        let unsure = talk.transfer.as_ref().is_some_and(|it| it.stage == Step::Unsure);
        if unsure {
            let why = "it was not answered, and the chat is still this agent's".to_owned();
            self.transfer_failed(key, why, now, out);
        }
    }

    fn transfer_refused(
        &mut self,
        key: &ConversationId,
        failure: Failure,
        now: Instant,
        out: &mut Out,
    ) {
        if let Trouble::TooMany(retry_after) = failure.kind {
            if let Some((_, transfer)) = self.transfer_of(key) {
                transfer.too_much(now, retry_after);
            }
            return;
        }
        let missing = matches!(failure.kind, Trouble::Missing | Trouble::Forbidden);
        self.transfer_failed(key, failure.detail, now, out);
        if missing {
            self.doubt(key, now, out);
        }
    }

    fn transfer_failed(&mut self, key: &ConversationId, why: String, now: Instant, out: &mut Out) {
        let Some(talk) = self.talks.get_mut(key) else {
            return;
        };
        let Some(transfer) = &mut talk.transfer else {
            return;
        };
        if !transfer.failed(now) {
            let id = transfer.call;
            talk.transfer = None;
            let error = CallError::Refused { call: "transfer", code: NOT_POSSIBLE, message: why };
            Self::called(key.clone(), id, Err(error), out);
        }
    }

    /// The chat's URL, and its transfer.
    fn transfer_of(&mut self, key: &ConversationId) -> Option<(String, &mut Transfer)> {
        let talk = self.talks.get_mut(key)?;
        let href = talk.href.clone();
        Some((href, talk.transfer.as_mut()?))
    }
}

/// What a posted line's answer tells: the id of its event, which some answers leave out.
fn published(body: &Body) -> Outcome {
    let location = body.location("chatEventLocation").or_else(|| body.location("chatLocation"));
    location
        .and_then(|href| last_segment(&href).parse().ok())
        .map_or(Outcome::Done, Outcome::Published)
}

/// How often an end that fails is tried again.
const MOST_ENDS: u32 = 3;
const SECOND: Duration = Duration::from_secs(1);
/// As long as between two lines.
const MOMENT: Duration = Duration::from_millis(300);
/// A moment, so that the next look finds it done.
const TRANSFER_TAKES: Duration = Duration::from_secs(1);
/// The server may take a moment before its answers tell that a chat has gone.
const TRANSFER_SETTLES: Duration = Duration::from_secs(5);
/// Whatever the server said: it is not possible now, and the bot is to hear so.
const NOT_POSSIBLE: u16 = 400;
