//! The acts and read-outs of chat for tests in the same process.

use super::super::acts::Done;
use super::super::consumer::Button;
use super::super::hands::AgentHand;
use super::{Breach, CallName, Chat, ChatAvailability, ChatCall, ChatEvent, ChatStart, Simulator};

/// The visitor of one chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct VisitorHand<'a> {
    simulator: &'a Simulator,
    chat: &'a str,
}

impl ChatStart {
    /// A chat for a skill, in which nothing is said yet.
    pub(crate) fn in_skill(skill: &str) -> Self {
        Self { skill: Some(skill.into()), ..Self::default() }
    }

    /// With one more line that the visitor says while waiting.
    pub(crate) fn saying(mut self, text: &str) -> Self {
        self.lines.push(text.into());
        self
    }

    /// Of a visitor of this name.
    pub(crate) fn named(self, name: &str) -> Self {
        Self { name: Some(name.into()), ..self }
    }
}

/// Acts.
impl Simulator {
    /// Starts a chat; its id.
    pub(crate) fn chat_starts(&self, start: ChatStart) -> Result<String, String> {
        self.act(|world| world.start_chat(start))
    }

    /// The visitor of a chat.
    pub(crate) fn visitor<'a>(&'a self, chat: &'a str) -> VisitorHand<'a> {
        VisitorHand { simulator: self, chat }
    }
}

/// Read-outs.
impl Simulator {
    /// A copy of a chat.
    pub(crate) fn chat(&self, id: &str) -> Result<Chat, String> {
        self.read(|world| world.chat(id).cloned())
    }

    /// Everything that happened in a chat, in order.
    pub(crate) fn chat_events(&self, id: &str) -> Vec<ChatEvent> {
        self.chat(id).map(|chat| chat.events).unwrap_or_default()
    }

    /// The lines of a chat as `(source, text)`; a private one has the source `private`.
    pub(crate) fn chat_lines(&self, id: &str) -> Vec<(&'static str, String)> {
        let events = self.chat_events(id);
        let lines = events.iter().filter_map(ChatEvent::line);
        lines
            .map(|line| {
                let source = if line.private { "private" } else { line.source.word() };
                (source, line.text.clone())
            })
            .collect()
    }

    /// The rules that clients have broken so far.
    pub(crate) fn breaches(&self) -> Vec<Breach> {
        self.read(|world| world.chats.breaches.clone())
    }

    /// How often a call came, whatever became of it.
    pub(crate) fn chat_count(&self, name: CallName) -> u64 {
        self.read(|world| world.chats.counts.get(&name).copied().unwrap_or_default())
    }

    /// How many calls came, of whichever kind.
    pub(crate) fn all_chat_calls(&self) -> u64 {
        self.read(|world| world.chats.counts.values().sum())
    }

    /// The remembered requests of a call, oldest first.
    pub(crate) fn chat_calls(&self, name: CallName) -> Vec<ChatCall> {
        self.read(|world| {
            world.chats.calls.iter().filter(|one| one.name == name).cloned().collect()
        })
    }

    /// An agent's state in chat, by log-in name; `None`: not there.
    pub(crate) fn chat_availability(&self, agent: &str) -> Option<ChatAvailability> {
        self.read(|world| world.chat_availability(&world.agent(agent).ok()?.id))
    }
}

impl VisitorHand<'_> {
    /// Says a line.
    pub(crate) fn says(&self, text: &str) -> Done {
        self.simulator.act(|world| world.visitor_says(self.chat, text))
    }

    /// Says a line of html.
    pub(crate) fn says_html(&self, text: &str) -> Done {
        self.simulator.act(|world| world.visitor_says_html(self.chat, text))
    }

    /// Presses a button of a card, which is the event of this id; the event of what it says.
    pub(crate) fn clicks(&self, event: u64, button: impl Into<Button>) -> Done {
        let button = button.into();
        let clicked = self.simulator.act(|world| world.visitor_clicks(self.chat, event, &button));
        clicked.map(|(said, _)| said)
    }

    /// Types, or does not any more.
    pub(crate) fn types(&self, typing: bool) -> Done {
        self.simulator.act(|world| world.visitor_types(self.chat, typing))
    }

    /// Goes without a word.
    pub(crate) fn leaves(&self) -> Done {
        self.simulator.act(|world| world.visitor_leaves(self.chat))
    }

    /// Ends the chat.
    pub(crate) fn ends(&self) -> Done {
        self.simulator.act(|world| world.visitor_ends(self.chat))
    }
}

/// Agents in chat.
impl AgentHand<'_> {
    /// Takes a waiting chat.
    pub(crate) fn takes_chat(&self, chat: &str) -> Done {
        self.act(|world, agent| world.agent_takes_chat(agent, chat))
    }

    /// Says a line.
    pub(crate) fn says_in_chat(&self, chat: &str, text: &str) -> Done {
        self.act(|world, agent| world.agent_says_in_chat(agent, chat, text, false))
    }

    /// Says a line that only agents see.
    pub(crate) fn notes_in_chat(&self, chat: &str, text: &str) -> Done {
        self.act(|world, agent| world.agent_says_in_chat(agent, chat, text, true))
    }

    /// Transfers to a skill.
    pub(crate) fn transfers_chat(&self, chat: &str, skill: &str, text: Option<&str>) -> Done {
        self.act(|world, agent| world.agent_transfers_chat(agent, chat, Some(skill), None, text))
    }

    /// Transfers to an agent.
    pub(crate) fn offers_chat(&self, chat: &str, to_agent: &str) -> Done {
        self.act(|world, agent| world.agent_transfers_chat(agent, chat, None, Some(to_agent), None))
    }

    /// Ends a chat.
    pub(crate) fn ends_chat(&self, chat: &str) -> Done {
        self.act(|world, agent| world.agent_ends_chat(agent, chat))
    }

    /// Is set to a state in chat from outside.
    pub(crate) fn is_set_in_chat(&self, availability: ChatAvailability) -> Result<(), String> {
        self.act(|world, agent| world.set_agent_in_chat(agent, availability))
    }

    /// Its agent session ends, as if it had been idle.
    pub(crate) fn loses_chat_session(&self) -> Result<(), String> {
        self.act(|world, agent| world.end_chat_session(agent))
    }
}
