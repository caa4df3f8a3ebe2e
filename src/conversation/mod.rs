//! Pure: the middle room. It decides what happens in a conversation and never does it.

pub mod effect;
pub mod event;
pub mod mark;
pub mod postback;
pub mod settings;
pub mod words;

pub use effect::{Call, CallId, Effect, Effects};
pub use event::{CallError, Event};
pub use mark::Mark;
pub use settings::Settings;
pub use words::{
    AgentId, ConsumerId, ConversationId, DialogId, Json, RingId, Sequence, SkillId, Timestamp,
};
