//! Pure: what agents post into a chat over the wire: lines, its end, their typing.

use super::super::content;
use super::calls::member;
use super::model::{ChatEnd, Line, Source};
use super::{ChatState, World};
use serde_json::Value;

type Refused = (u16, String);

impl World {
    /// Checks and says an agent's line; the id of its event.
    pub(super) fn agent_posts_line(
        &mut self,
        agent: &str,
        chat: &str,
        event: &Value,
    ) -> Result<u64, Refused> {
        let line = self.line_of(agent, event)?;
        self.check_markup(agent, chat, &line.text_type, &line.text);
        self.agent_line(chat, line)
    }

    /// Says an agent's line; the id of its event.
    pub(super) fn agent_line(&mut self, chat: &str, line: Line) -> Result<u64, Refused> {
        let now = self.now;
        let found = self.chats.all.get_mut(chat);
        let found = found.filter(|one| one.state == ChatState::Chatting);
        let found = found.ok_or_else(|| (400, format!("nobody chats in {chat}")))?;
        let id = found.say(now, line);
        self.touch_chat(chat);
        Ok(id)
    }

    /// An agent ends the chat; the id of the event.
    pub(super) fn agent_posts_state(&mut self, chat: &str, event: &Value) -> Result<u64, Refused> {
        if event["state"] != "ended" {
            return Err((400, format!("an agent cannot set the state {}", event["state"])));
        }
        self.end_chat(chat, ChatEnd::Agent).ok_or_else(|| (400, "the chat has ended".to_owned()))
    }

    /// An agent types, or does not any more.
    pub(super) fn agent_posts_typing(&mut self, chat: &str, body: &Value) -> Result<(), Refused> {
        let typing = match body["agentTyping"].as_str() {
            Some("typing") => true,
            Some("not-typing") => false,
            _ => return Err((400, format!("{} is no typing status", body["agentTyping"]))),
        };
        if let Some(found) = self.chats.all.get_mut(chat) {
            found.agent_typing = typing;
        }
        self.touch_chat(chat);
        Ok(())
    }

    fn line_of(&self, agent: &str, event: &Value) -> Result<Line, Refused> {
        if member(event, "type") != Some("line") {
            return Err((400, "@type must be line or state".into()));
        }
        let text = event["text"].as_str().ok_or_else(|| (400, "text is required".to_owned()))?;
        let text_type = one_of(event, "textType", &["plain", "html", "rich-content"])?;
        let private = one_of(event, "subType", &["REGULAR", "ONLY_TO_REP"])? == "ONLY_TO_REP";
        let json = match event.get("json") {
            Some(card) if text_type == "rich-content" => {
                if self.options.check_structured_content {
                    content::check_card(card).map_err(|why| (400, why))?;
                }
                Some(card.clone())
            }
            Some(_) => return Err((400, "json needs the textType rich-content".into())),
            None if text_type == "rich-content" => return Err((400, "json is required".into())),
            None => None,
        };
        // Links open in a window of their own, whatever their author says.
        let text = match text_type {
            "html" => &text.replace("<a ", "<a target=\"_blank\" "),
            _ => text,
        };
        let by = self.agents.get(agent).map_or("", |agent| agent.name.as_str());
        let line = Line::plain(Source::Agent, by, text);
        Ok(Line { text_type: text_type.to_owned(), private, json, ..line })
    }
}

/// A member that has one of these values; the first if it is left out.
fn one_of<'a>(event: &'a Value, member: &str, values: &[&'a str]) -> Result<&'a str, Refused> {
    let given = event.get(member).unwrap_or(&Value::Null);
    let found = if given.is_null() {
        values.first()
    } else {
        values.iter().find(|value| *given == **value)
    };
    found.copied().ok_or_else(|| (400, format!("{given} is no {member}")))
}
