//! Pure: what chat makes of a file: the keys that have no effect there, and what holds instead of them.

use super::{
    keys::{self, Key},
    values::Values,
};
use crate::conversation;

/// Whether the file is a chat connector's.
pub(super) fn is_meant(values: &Values) -> bool {
    values.text("connector.conversation_type") == "chat"
}

/// The keys that have no effect in chat.
pub(super) fn idle() -> impl Iterator<Item = &'static Key> {
    keys::all().filter(|key| match key.path.split_once('.') {
        Some(("custom", name)) => !HEEDED.contains(&name),
        Some(("connector", name)) => ["role", "late_messages"].contains(&name),
        Some(_) | None => false,
    })
}

/// Takes back what has no effect, so that what a file says there changes nothing.
pub(super) fn reset_idle(values: &mut Values) {
    if is_meant(values) {
        for key in idle() {
            values.reset(key);
        }
    }
}

/// The settings of a chat. A line is put to the bot again only when a webhook's attempt has failed.
pub(super) fn settings(
    messaging: conversation::Settings,
    values: &Values,
) -> conversation::Settings {
    let attempt = values.span("bot.request_timeout");
    let resends = match values.text("bot.transport") {
        "webhook" => RESENDS,
        _ => 0,
    };
    messaging.in_chat(attempt, resends)
}

/// The fields of `[custom]` that chat heeds (Deploying to Conversational Cloud, custom configuration fields; the
/// greeting can be turned off by its own switch too).
const HEEDED: [&str; 2] = ["defaultGreetingMessage", "disableGreetings"];

/// A webhook that fails is asked again as often as the platform asks of all REST calls (Retry Policy
/// Recommendations); the pauses between are the conversation's.
const RESENDS: u32 = 3;
