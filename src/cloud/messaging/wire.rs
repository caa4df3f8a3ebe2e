//! Pure: the envelope of the messaging protocol, version 2.1. One JSON object per text frame.
//!
//! The body stays unparsed until somebody needs it. Answers find their request by id alone, their `type` says
//! nothing reliable; notifications are known by the last segment of their type, since the platform has
//! written the part before it in more than one way.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    cloud::{lenient, report},
    conversation::Json,
};

/// What the server can send.
#[derive(Debug)]
pub(crate) enum Frame<'a> {
    /// The answer to a request.
    Response(Response<'a>),
    /// Something that happened.
    Notification(Notification<'a>),
}

/// The answer to a request.
#[derive(Debug)]
pub(crate) struct Response<'a> {
    /// The request's id.
    pub(crate) request: String,
    /// HTTP semantics; none is success.
    pub(crate) code: Option<u16>,
    /// Object, array or string.
    pub(crate) body: Option<&'a RawValue>,
}

/// Something that happened.
#[derive(Debug)]
pub(crate) struct Notification<'a> {
    /// Which kind.
    pub(crate) topic: Topic,
    /// Its content.
    pub(crate) body: Option<&'a RawValue>,
}

/// The kinds of notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    /// `ExConversationChangeNotification`: the state of conversations.
    Conversations,
    /// `OnlineEventDistribution`: a message, receipt or typing state.
    Message,
    /// `RoutingTaskNotification`: rings.
    Rings,
    /// `AgentStateNotification`: the agent's own state.
    AgentState,
    /// `RingUpdated`: deprecated, says nothing that the rings do not say.
    RingUpdated,
    /// A kind that nobody here knows.
    Unknown(String),
}

/// Why a frame could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// It is something else than a JSON object.
    #[error("a frame is not a JSON object")]
    NotObject,
    /// It is not JSON.
    #[error("a frame is not valid JSON")]
    Json(#[source] serde_json::Error),
    /// Its kind is neither `resp` nor `notification`.
    #[error("a frame is of the unknown kind {0:?}")]
    Kind(String),
    /// An answer without the id of its request.
    #[error("an answer names no request")]
    NoRequest,
}

/// Reads one text frame.
pub(crate) fn decode(text: &str) -> Result<Frame<'_>, FrameError> {
    if !text.trim_start().starts_with('{') {
        return Err(FrameError::NotObject);
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(FrameError::Json)?;
    match envelope.kind.as_deref() {
        Some("resp") => Ok(Frame::Response(Response {
            request: envelope.req_id.ok_or(FrameError::NoRequest)?,
            code: envelope.code.map(|code| u16::try_from(code.clamp(0, 999)).unwrap_or(0)),
            body: envelope.body,
        })),
        Some("notification") => Ok(Frame::Notification(Notification {
            topic: Topic::named(envelope.r#type.unwrap_or_default()),
            body: envelope.body,
        })),
        other => Err(FrameError::Kind(report::shortened(other.unwrap_or_default(), 40))),
    }
}

impl Response<'_> {
    /// Whether the request was carried out: no code, or one below 400.
    #[must_use]
    pub(crate) fn succeeded(&self) -> bool {
        self.code.is_none_or(|code| code < 400)
    }

    /// What the server said about it, for people.
    #[must_use]
    pub(crate) fn words(&self) -> String {
        let words =
            self.body.map(|body| lenient::text_of(body).unwrap_or_else(|| body.get().to_owned()));
        report::shortened(words.unwrap_or_default(), 200)
    }
}

impl Topic {
    fn named(name: String) -> Self {
        match name.rsplit('.').next().unwrap_or_default() {
            "ExConversationChangeNotification" => Self::Conversations,
            "OnlineEventDistribution" => Self::Message,
            "RoutingTaskNotification" => Self::Rings,
            "AgentStateNotification" => Self::AgentState,
            "RingUpdated" => Self::RingUpdated,
            _ => Self::Unknown(report::shortened(name, 80)),
        }
    }
}

/// A request, before it gets its id.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// Which.
    pub(crate) method: Method,
    /// Its content.
    pub(crate) body: Json,
    /// Stands beside the body.
    pub(crate) metadata: Vec<Json>,
}

/// The requests that this program makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// The server's time; also the sign of life.
    GetClock,
    /// The agent's availability.
    SetAgentState,
    /// Hear about conversations.
    SubscribeConversations,
    /// Hear no more of what a subscription told.
    Unsubscribe,
    /// Hear about rings.
    SubscribeRings,
    /// Hear about the agent's own state.
    SubscribeAgentState,
    /// Take a ring.
    UpdateRing,
    /// Publish a message, receipt or typing state.
    Publish,
    /// Read a dialog's history.
    QueryMessages,
    /// Transfer, join, leave, close.
    UpdateConversation,
    /// Read a consumer's profile.
    GetUserProfile,
}

impl Method {
    /// The type as it stands on the wire.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::GetClock => ".GetClock",
            Self::SetAgentState => ".ams.routing.SetAgentState",
            Self::SubscribeConversations => ".ams.aam.SubscribeExConversations",
            Self::Unsubscribe => ".ams.aam.UnsubscribeExConversations",
            Self::SubscribeRings => ".ams.routing.SubscribeRoutingTasks",
            Self::SubscribeAgentState => ".ams.routing.SubscribeAgentsState",
            Self::UpdateRing => ".ams.routing.UpdateRingState",
            Self::Publish => ".ams.ms.PublishEvent",
            Self::QueryMessages => ".ams.ms.QueryMessages",
            Self::UpdateConversation => ".ams.cm.UpdateConversationField",
            Self::GetUserProfile => ".ams.userprofile.GetUserProfile",
        }
    }
}

impl Request {
    /// A request without metadata.
    #[must_use]
    pub(crate) fn new(method: Method, body: &impl Serialize) -> Self {
        Self { method, body: Json::from_value(body), metadata: Vec::new() }
    }

    /// The text frame. `id` has 1 to 64 characters and is unique on its socket.
    #[must_use]
    pub(crate) fn encode(&self, id: &str) -> String {
        #[derive(Serialize)]
        struct Out<'a> {
            kind: &'static str,
            id: &'a str,
            r#type: &'static str,
            body: &'a Json,
            #[serde(skip_serializing_if = "<[Json]>::is_empty")]
            metadata: &'a [Json],
        }
        Json::from_value(&Out {
            kind: "req",
            id,
            r#type: self.method.as_str(),
            body: &self.body,
            metadata: &self.metadata,
        })
        .as_str()
        .to_owned()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(default, deserialize_with = "lenient::text")]
    kind: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    req_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::integer")]
    code: Option<i64>,
    #[serde(default, deserialize_with = "lenient::text")]
    r#type: Option<String>,
    #[serde(default, borrow)]
    body: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_golden_frame_of_the_server_is_read() {
        let mut seen = Vec::new();
        for line in include_str!("../../../tests/data/messaging/server_frames.jsonl").lines() {
            match decode(line).unwrap() {
                Frame::Response(response) => {
                    seen.push(format!("{} {:?}", response.request, response.code));
                }
                Frame::Notification(notification) => {
                    assert!(notification.body.is_some());
                    seen.push(format!("{:?}", notification.topic));
                }
            }
        }
        assert_eq!(
            seen,
            [
                "clk-1 Some(200)",
                "st-1 Some(202)",
                "c7a0 Some(400)",
                "6f2d9b0e-4f0f-4f57-8f2b-0f6f7c5a1b11 Some(200)",
                "42 None",
                "AgentState",
                "Rings",
                "Conversations",
                "Message",
                "Message",
                "RingUpdated",
                r#"Unknown("cqm.SomethingNew")"#,
            ]
        );
    }

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let Frame::Response(response) =
            decode(r#"{"kind":"resp","reqId":"1","code":400,"body":"Agent does not exist"}"#)
                .unwrap()
        else {
            panic!("an answer");
        };
        assert!(!response.succeeded());
        assert_eq!(response.words(), "Agent does not exist");
    }

    #[test]
    fn frames_that_cannot_be_used_say_why() {
        for (text, why) in [
            ("", "a frame is not a JSON object"),
            ("[]", "a frame is not a JSON object"),
            ("{", "a frame is not valid JSON"),
            ("{}", r#"a frame is of the unknown kind """#),
            (r#"{"kind":"req"}"#, r#"a frame is of the unknown kind "req""#),
            (r#"{"kind":"resp"}"#, "an answer names no request"),
        ] {
            assert_eq!(decode(text).unwrap_err().to_string(), why, "{text}");
        }
    }

    #[test]
    fn a_request_is_written_as_documented() {
        let mut request = Request::new(Method::Publish, &json!({"dialogId": "d"}));
        assert_eq!(
            request.encode("7"),
            r#"{"kind":"req","id":"7","type":".ams.ms.PublishEvent","body":{"dialogId":"d"}}"#
        );
        request.metadata = vec![Json::from_value(&json!({"type": "ExternalId"}))];
        assert_eq!(
            request.encode("7"),
            r#"{"kind":"req","id":"7","type":".ams.ms.PublishEvent","body":{"dialogId":"d"},"metadata":[{"type":"ExternalId"}]}"#
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in any::<String>()) {
            let _ = decode(&text);
        }
    }
}
