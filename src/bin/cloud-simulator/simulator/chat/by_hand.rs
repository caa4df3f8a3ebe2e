//! Pure: what people do by hand in chat: human agents, and the operator. An agent is named by log-in name.

use super::super::acts::Done;
use super::model::{ChatEnd, ChatState, Line, Owner, Source};
use super::session::ChatAvailability;
use super::transfer::Destination;
use super::{Part, World};

impl World {
    /// Takes a waiting chat.
    pub(crate) fn agent_takes_chat(&mut self, agent: &str, chat: &str) -> Done {
        let agent = self.agent(agent)?.id.clone();
        let found = self.chat(chat)?;
        if found.state != ChatState::Waiting {
            return Err(format!("chat {chat} does not wait: it is {}", found.state.word()));
        }
        self.give_chat(chat, Owner { agent, session: None });
        Ok(None)
    }

    /// Says a line in a chat, which only agents see if it is private.
    pub(crate) fn agent_says_in_chat(
        &mut self,
        agent: &str,
        chat: &str,
        text: &str,
        private: bool,
    ) -> Done {
        let name = self.owner_by_hand(agent, chat)?;
        if let Some(found) = self.chats.all.get_mut(chat) {
            found.agent_typing = false;
        }
        let line = Line::plain(Source::Agent, &name, text);
        self.agent_line(chat, Line { private, ..line }).map(Some).map_err(|(_, text)| text)
    }

    /// Types, or does not any more.
    pub(crate) fn agent_types_in_chat(&mut self, agent: &str, chat: &str, typing: bool) -> Done {
        self.owner_by_hand(agent, chat)?;
        if let Some(found) = self.chats.all.get_mut(chat) {
            found.agent_typing = typing;
        }
        self.touch_chat(chat);
        Ok(None)
    }

    /// Ends a chat.
    pub(crate) fn agent_ends_chat(&mut self, agent: &str, chat: &str) -> Done {
        self.owner_by_hand(agent, chat)?;
        Ok(self.end_chat(chat, ChatEnd::Agent))
    }

    /// Transfers a chat to a skill, or to an agent if one is named.
    pub(crate) fn agent_transfers_chat(
        &mut self,
        agent: &str,
        chat: &str,
        skill: Option<&str>,
        to_agent: Option<&str>,
        text: Option<&str>,
    ) -> Done {
        self.owner_by_hand(agent, chat)?;
        let to = match (to_agent, skill) {
            (Some(name), _) => Destination::Agent(self.agent(name)?.id.clone()),
            (None, Some(skill)) => Destination::Skill(skill.to_owned()),
            (None, None) => return Err("neither a skill nor an agent is named".into()),
        };
        let from = self.agent(agent)?.id.clone();
        self.transfer_chat(&from, chat, &to, text).map(|()| None)
    }

    /// Sets an agent's state in chat from outside; a human agent without an agent session has one by hand.
    pub(crate) fn set_agent_in_chat(
        &mut self,
        agent: &str,
        availability: ChatAvailability,
    ) -> Result<(), String> {
        let found = self.agent(agent)?;
        let (id, human) = (found.id.clone(), found.human);
        let sessions = self.agent_sessions_of(&id);
        if sessions.is_empty() && !human {
            return Err(format!("{agent} has no agent session"));
        }
        if human {
            self.chats.by_hand.insert(id, availability);
        }
        for session in sessions {
            self.set_chat_availability(&session, availability, None);
        }
        self.parts.insert(Part::Agents);
        Ok(())
    }

    /// Ends an agent's session in chat, as if it had been idle.
    pub(crate) fn end_chat_session(&mut self, agent: &str) -> Result<(), String> {
        let id = self.agent(agent)?.id.clone();
        self.end_agent_sessions(&id);
        Ok(())
    }

    /// The name of the agent, who must have the chat.
    fn owner_by_hand(&self, agent: &str, chat: &str) -> Result<String, String> {
        let agent = self.agent(agent)?;
        let found = self.chat(chat)?;
        let owner = found.owner.as_ref().map(|owner| owner.agent.as_str());
        if owner != Some(&agent.id) || found.is_over() {
            return Err(format!("{} does not have chat {chat}", agent.login_name));
        }
        Ok(agent.name.clone())
    }
}
