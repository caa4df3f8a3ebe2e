//! Live chat: the same daemon at the other cloud.

mod life;
mod pace;

use crate::{
    simulator::ChatStart,
    support::{BOT_SKILL, World, after},
};

/// The settings of a chat connector.
const CHAT: &str = "[connector]\nconversation_type = \"chat\"\n";

impl World {
    /// A world with a chat connector that is Online.
    async fn chatting() -> Self {
        Self::online(CHAT).await
    }

    /// A visitor starts a chat with the bot agents' skill.
    fn visitor_starts(&self) -> String {
        self.cloud.chat_starts(ChatStart::in_skill(BOT_SKILL)).unwrap()
    }

    /// Waits until the visitor, and those who may see private lines, see just these lines.
    async fn shows(&self, chat: &str, lines: &[(&str, &str)]) {
        let wanted: Vec<(String, String)> =
            lines.iter().map(|(who, what)| ((*who).to_owned(), (*what).to_owned())).collect();
        for _ in 0..5_000 {
            if self.shown(chat) == wanted {
                return;
            }
            after(0.02).await;
        }
        panic!("wanted {wanted:#?}, the chat holds {:#?}", self.shown(chat));
    }

    /// What was said in a chat, but for the platform's own lines.
    fn shown(&self, chat: &str) -> Vec<(String, String)> {
        let lines = self.cloud.chat_lines(chat).into_iter();
        lines
            .filter(|(who, _)| *who != "system")
            .map(|(who, html)| (who.to_owned(), spoken(&html)))
            .collect()
    }

    /// No rule of the Chat Agent API has been broken.
    fn broke_no_rule(&self) {
        let breaches = self.cloud.breaches();
        assert!(breaches.is_empty(), "{breaches:#?}");
    }
}

/// The text of a line of HTML.
fn spoken(html: &str) -> String {
    let text = html
        .strip_prefix("<div dir='ltr' style='direction:ltr;text-align:left;'>")
        .and_then(|rest| rest.strip_suffix("</div>"))
        .unwrap_or(html);
    text.replace("<br/>", "\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
