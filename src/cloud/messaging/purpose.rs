//! Pure: what the requests of a connection are for, and who has to hear when they fail.

use serde_json::json;

use super::{
    history::Reader,
    identity::Identity,
    wire::{Method, Request},
};
use crate::{
    cloud::{Availability, Event},
    conversation::{CallError, CallId, ConversationId, RingId, Timestamp},
};

/// What a connection wants to hear about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subscription {
    Conversations,
    Rings,
    AgentState,
}

/// What a request is for.
#[derive(Debug)]
pub(super) enum Purpose {
    Clock {
        sent: Timestamp,
        behind_snapshot: bool,
    },
    /// The state that every connection begins with; nobody waits for the answer.
    FirstState,
    State(Availability),
    Subscribe(Subscription),
    Ring(RingId),
    Call {
        conversation: ConversationId,
        id: Option<CallId>,
        call: &'static str,
        answer: Answer,
    },
}

/// How the answer to a call is read.
#[derive(Debug)]
pub(super) enum Answer {
    Nothing,
    Published,
    Profile,
    History(Reader),
}

impl Subscription {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Conversations => "conversations",
            Self::Rings => "rings",
            Self::AgentState => "the agent's state",
        }
    }

    pub(super) fn request(self, me: &Identity, manager: bool) -> Request {
        match self {
            // Without agents, all open conversations of the account are told.
            Self::Conversations if manager => {
                Request::new(Method::SubscribeConversations, &json!({"convState": ["OPEN"]}))
            }
            Self::Conversations => Request::new(
                Method::SubscribeConversations,
                &json!({"convState": ["OPEN"], "agentIds": [me.old_id]}),
            ),
            Self::Rings => Request::new(
                Method::SubscribeRings,
                &json!({"channelType": "MESSAGING", "agentId": me.old_id, "brandId": me.account}),
            ),
            Self::AgentState => Request::new(
                Method::SubscribeAgentState,
                &json!({"brandId": me.account, "agentId": me.old_id}),
            ),
        }
    }
}

impl Purpose {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Clock { .. } => "clock",
            Self::FirstState | Self::State(_) => STATE,
            Self::Subscribe(_) => "subscription",
            Self::Ring(_) => ACCEPT,
            Self::Call { call, .. } => call,
        }
    }

    /// What to tell whoever waits for it.
    pub(super) fn failed(self, error: CallError) -> Option<Event> {
        match self {
            Self::Clock { .. } | Self::FirstState | Self::Subscribe(_) => None,
            Self::State(state) => Some(Event::AvailabilitySet { state, result: Err(error) }),
            Self::Ring(ring) => Some(Event::RingAccepted { ring, result: Err(error) }),
            Self::Call { conversation, id, .. } => {
                id.map(|id| Event::Called { conversation, id, outcome: Err(error) })
            }
        }
    }
}

/// The name of a change of the agent's state in errors.
pub(super) const STATE: &str = "agent state";
/// The name of a ring's acceptance in errors.
pub(super) const ACCEPT: &str = "accept ring";
/// The name of a history read, as the call itself says it.
pub(super) const HISTORY: &str = "history";
