//! Pure: the looks at what a socket tells, as the connection carries them out.

use std::time::Instant;

use serde::Deserialize;

use super::{Connection, Loss};
use crate::{
    cloud::{
        Event, lenient,
        messaging::{
            Output, calls,
            hearing::Due,
            purpose::{Behind, Purpose, Subscription},
            wire::{Method, Request, Response},
        },
    },
    conversation::{ConversationId, DialogId, Timestamp},
};

impl Connection {
    /// Does whatever is due of the looks.
    pub(super) fn look_on(
        &mut self,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) -> Result<(), Loss> {
        if self.arrival.is_listed() {
            self.hearing.begin(now, self.skew.unwrap_or_default().server(wall));
        }
        match self.hearing.due(now) {
            None => {}
            Some(Due::Look) => {
                let server = self.skew.unwrap_or_default().server(wall);
                let here = self.translator.here();
                for asking in self.hearing.look(here, now, server) {
                    let subscription = asking.subscription;
                    let me = self.translator.me();
                    let request = subscription.request(me, self.manager, asking.since);
                    self.send_when_quiet(request, Purpose::Look(subscription), now, out);
                }
            }
            Some(Due::Question) => {
                self.hearing.asked();
                // It is a sign of life like any other.
                self.next_clock = now + self.keepalive;
                self.ask_clock(Behind::Look, now, wall, out);
            }
            Some(Due::Verdict) => return self.judge(now, out),
        }
        Ok(())
    }

    /// A subscription of a look was answered.
    pub(super) fn looked(
        &mut self,
        subscription: Subscription,
        response: &Response<'_>,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        if response.succeeded() {
            self.hearing.subscribed(subscription, subscription_id(response), now);
        } else {
            let code = response.code.unwrap_or_default();
            let words = response.words();
            self.look_failed(subscription, &format!("was refused with {code}: {words}"), now, out);
        }
    }

    pub(super) fn look_failed(
        &mut self,
        subscription: Subscription,
        how: &str,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        self.hearing.refused(subscription, now);
        let detail =
            format!("a second subscription to {}, made as a check, {how}", { subscription.name() });
        self.arrival.tell(Event::Unusable { kind: "look", detail }, out);
    }

    /// The lists of a look are in: what it has subscribed to is of no more use.
    pub(super) fn look_is_in(&mut self, answered: bool, now: Instant, out: &mut Vec<Output>) {
        for (subscription, id) in self.hearing.list_is_in(answered, now) {
            let request =
                Request::new(Method::Unsubscribe, &serde_json::json!({ "subscriptionId": id }));
            self.send_when_quiet(request, Purpose::EndLook(subscription, id), now, out);
        }
    }

    /// The newest message of a conversation that a list told without it.
    pub(super) fn looked_into(
        &mut self,
        conversation: ConversationId,
        dialog: DialogId,
        response: &Response<'_>,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let server = self.skew.unwrap_or_default().server(wall);
        let newest = self.translator.newest_of(conversation, dialog, response.body, server);
        if let Some(event) = newest {
            self.arrival.tell(event, out);
        }
    }

    fn judge(&mut self, now: Instant, out: &mut Vec<Output>) -> Result<(), Loss> {
        let verdict = self.hearing.judge(now);
        for id in verdict.gone {
            if let Some(event) = self.translator.left(id) {
                self.arrival.tell(event, out);
            }
        }
        for kind in verdict.missed {
            self.arrival.tell(Event::Missed(kind), out);
        }
        for (conversation, dialog) in
            self.translator.longest_unasked(verdict.bare, MOST_QUESTIONS, self.hearing.looks())
        {
            let request = calls::history(&dialog, self.translator.newest(&dialog));
            let purpose = Purpose::LookInto { conversation, dialog };
            self.send_when_quiet(request, purpose, now, out);
        }
        if verdict.given_up {
            let detail = "subscribing a second time failed again and again: what this connection does not tell \
                          will not be noticed";
            let event = Event::Unusable { kind: "look", detail: detail.to_owned() };
            self.arrival.tell(event, out);
        }
        if !verdict.deaf {
            return Ok(());
        }
        if self.deaf_from.is_some_and(|from| from <= now) {
            self.deaf = true;
            return Err(Loss::Deaf);
        }
        if !std::mem::replace(&mut self.kept, true) {
            let detail = "the cloud did not tell the list of a second subscription, as on the connection before \
                          this one, which is kept for now";
            let event = Event::Unusable { kind: "look", detail: detail.to_owned() };
            self.arrival.tell(event, out);
        }
        Ok(())
    }
}

/// The id of a subscription, which has been written in two ways.
pub(super) fn subscription_id(response: &Response<'_>) -> Option<String> {
    #[derive(Deserialize)]
    struct Subscribed {
        #[serde(
            default,
            rename = "subscriptionId",
            alias = "subScriptionId",
            deserialize_with = "lenient::text"
        )]
        id: Option<String>,
    }
    let body = response.body?;
    serde_json::from_str::<Subscribed>(body.get()).ok()?.id
}

/// How many conversations are asked for their newest message after one look.
const MOST_QUESTIONS: usize = 20;
