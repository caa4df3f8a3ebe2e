//! Pure: what the requests of a connection are for, and who has to hear when they fail.

use serde::Serialize;
use serde_json::json;

use super::{
    history::Reader,
    identity::Identity,
    wire::{Method, Request},
};
use crate::{
    cloud::{Availability, Event},
    conversation::{CallError, CallId, ConversationId, DialogId, RingId, Timestamp},
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
        behind: Behind,
    },
    /// The state that every connection begins with; nobody waits for the answer.
    FirstState,
    State(Availability),
    Subscribe(Subscription),
    /// A second subscription, to see whether what should be told is told.
    Look(Subscription),
    /// Its end.
    EndLook(Subscription, String),
    /// The newest message of a conversation that a look's list told without it.
    LookInto {
        conversation: ConversationId,
        dialog: DialogId,
    },
    Ring(RingId),
    Call {
        conversation: ConversationId,
        id: Option<CallId>,
        call: &'static str,
        answer: Answer,
    },
}

/// What a question about the time is put behind: when it is answered, all that was sent before has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// The first list of conversations.
    FirstList,
    /// The lists of a look.
    Look,
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

    /// The request for it; of conversations, only those that have changed `since` (server time) are listed.
    pub(super) fn request(self, me: &Identity, manager: bool, since: Option<Timestamp>) -> Request {
        match self {
            Self::Conversations => Request::new(
                Method::SubscribeConversations,
                &OpenConversations {
                    conv_state: ["OPEN"],
                    // Without agents, all open conversations of the account are told.
                    agent_ids: (!manager).then_some([me.old_id.as_str()]),
                    min_last_updated_time: since.map(|since| since.0),
                },
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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OpenConversations<'a> {
    conv_state: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    agent_ids: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_last_updated_time: Option<i64>,
}

impl Purpose {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Clock { .. } => "clock",
            Self::FirstState | Self::State(_) => STATE,
            Self::Subscribe(_) => "subscription",
            Self::Look(_) | Self::EndLook(..) | Self::LookInto { .. } => "look",
            Self::Ring(_) => ACCEPT,
            Self::Call { call, .. } => call,
        }
    }

    /// What to tell whoever waits for it.
    pub(super) fn failed(self, error: CallError) -> Option<Event> {
        match self {
            Self::Clock { .. } | Self::FirstState | Self::Subscribe(_) => None,
            Self::Look(_) | Self::EndLook(..) | Self::LookInto { .. } => None,
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
