//! What comes over the callback: late answers, and what the bot says unasked.

use hyper::body::Bytes;

use super::{HallGone, Room};
use crate::{
    bot::{
        callback::{Letter, Recipient, Verdict},
        content::Problem,
        dialect::native::{self, Malformed, Reply},
        register::State,
    },
    conversation::{ConversationId, event::BotEvent},
};

impl Room {
    /// Decides about a request to the callback.
    pub(super) async fn letter(&mut self, letter: Letter) -> Result<(), HallGone> {
        let Letter { to, body, verdict } = letter;
        let decided = match to {
            Recipient::Event => self.late_reply(&body).await?,
            Recipient::Conversation(id) => self.say(&ConversationId::from(id), &body).await?,
        };
        // A caller that hung up does not matter: what it brought is in good hands.
        let _ = verdict.send(decided);
        Ok(())
    }

    async fn late_reply(&mut self, body: &Bytes) -> Result<Verdict, HallGone> {
        let at = self.clock.now();
        let reply = match native::reply(body, &self.settings.content) {
            Ok(reply) => reply,
            Err(malformed) => return Ok(unusable_body(malformed)),
        };
        let Some(id) = reply.in_reply_to.clone() else {
            let what = "is missing; put the event's id there".to_owned();
            let path = "inReplyTo".to_owned();
            return Ok(Verdict::Unusable(vec![Problem { path, what }]));
        };
        let Some((event, entry)) = self.register.find(&id) else {
            return Ok(Verdict::Unknown("no such event".to_owned()));
        };
        match entry.state {
            State::Open => {}
            State::Answered => return Ok(Verdict::Answered),
            State::Withdrawn => {
                return Ok(Verdict::Unknown("the event was given up".to_owned()));
            }
        }
        if is_nothing(&reply) {
            return Ok(Verdict::Unusable(reply.problems));
        }
        let conversation = entry.conversation.clone();
        self.hall.report(&id, &reply).await?;
        let problems = reply.problems.clone();
        self.answered(event, conversation, at, reply).await?;
        Ok(Verdict::Accepted(problems))
    }

    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "a shared borrow that lives through an await would ask the room to be Sync"
    )]
    async fn say(
        &mut self,
        conversation: &ConversationId,
        body: &Bytes,
    ) -> Result<Verdict, HallGone> {
        let at = self.clock.now();
        if !self.register.is_open(conversation) {
            let what = "no such conversation, or it is not this agent's any more";
            return Ok(Verdict::Unknown(what.to_owned()));
        }
        let reply = match native::said(body, &self.settings.content) {
            Ok(reply) => reply,
            Err(malformed) => return Ok(unusable_body(malformed)),
        };
        if is_nothing(&reply) || reply.actions.is_empty() {
            return Ok(Verdict::Unusable(reply.problems));
        }
        self.hall.report(conversation.as_str(), &reply).await?;
        let problems = reply.problems;
        self.hall.hand_over(conversation.clone(), at, BotEvent::Says(reply.actions)).await?;
        Ok(Verdict::Accepted(problems))
    }
}

/// Whether actions were sent and none of them can be used.
fn is_nothing(reply: &Reply) -> bool {
    reply.actions.is_empty() && reply.skipped > 0
}

fn unusable_body(Malformed { what }: Malformed) -> Verdict {
    let path = String::new();
    Verdict::Unusable(vec![Problem { path, what }])
}
