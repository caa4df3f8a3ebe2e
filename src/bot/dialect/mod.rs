//! Pure: how an event becomes a request and a response becomes a reply, for each kind of bot.

pub(super) mod native;

use crate::conversation::{
    effect::{Notice, Question},
    event::EventId,
};

use super::{Connector, ContentSettings, Dialect};
use native::{Malformed, Reply};

impl Dialect {
    /// The request's body for a question.
    pub(super) fn question(self, question: &Question, connector: &Connector) -> String {
        match self {
            Self::Native => native::question(question, connector),
        }
    }

    /// The request's body for news.
    pub(super) fn notice(self, notice: &Notice, connector: &Connector) -> String {
        match self {
            Self::Native => native::notice(notice, connector),
        }
    }

    /// Reads the body of a response that answers `event`.
    pub(super) fn reply(
        self,
        body: &[u8],
        event: &EventId,
        content: &ContentSettings,
    ) -> Result<Reply, Malformed> {
        match self {
            Self::Native => native::response(body, event, content),
        }
    }
}
