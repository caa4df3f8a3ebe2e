//! The simulator's acts and read-outs for tests in the same process.

use super::Simulator;
use super::acts::{Done, Scope};
use super::agent::Availability;
use super::consumer::{Button, Clicked};
use super::conversation::{Audience, Conversation, Event};
use super::faults::Rule;
use super::options::AgentOptions;
use super::world::{Received, Start, World};
use serde_json::Value;
use std::sync::Arc;

/// The consumer of one conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConsumerHand<'a> {
    simulator: &'a Simulator,
    conversation: &'a str,
}

/// An agent that is acted by the test, usually a human one; named by log-in name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AgentHand<'a> {
    simulator: &'a Simulator,
    agent: &'a str,
}

impl Start {
    /// A conversation in a skill, in which nothing is said yet.
    pub(crate) fn in_skill(skill: &str) -> Self {
        Self { skill: Some(skill.into()), ..Self::default() }
    }

    /// With a first text of the consumer.
    pub(crate) fn saying(self, text: &str) -> Self {
        Self { text: Some(text.into()), ..self }
    }

    /// By this consumer.
    pub(crate) fn by(self, consumer: &str) -> Self {
        Self { consumer: Some(consumer.into()), ..self }
    }
}

/// Acts.
impl Simulator {
    /// Starts a conversation; its id.
    pub(crate) fn start(&self, start: Start) -> Result<String, String> {
        self.act(|world| world.begin(start))
    }

    /// Starts `count` conversations, assigned to `agent` if one is named; their ids.
    pub(crate) fn crowd(
        &self,
        count: usize,
        agent: Option<&str>,
        start: &Start,
    ) -> Result<Vec<String>, String> {
        self.act(|world| world.crowd(count, agent, start))
    }

    /// The consumer of a conversation.
    pub(crate) fn consumer<'a>(&'a self, conversation: &'a str) -> ConsumerHand<'a> {
        ConsumerHand { simulator: self, conversation }
    }

    /// An agent to act with.
    pub(crate) fn agent<'a>(&'a self, login_name: &'a str) -> AgentHand<'a> {
        AgentHand { simulator: self, agent: login_name }
    }

    /// Adds an agent user to an account.
    pub(crate) fn add_agent(&self, account: &str, agent: &AgentOptions) -> String {
        self.act(|world| world.add_agent(account, agent))
    }

    /// A supervisor changes the skill of a conversation.
    pub(crate) fn move_to_skill(&self, conversation: &str, skill: &str) -> Done {
        self.act(|world| world.supervisor_moves(conversation, skill))
    }

    /// The service closes a conversation for `TIMEOUT` or `SYSTEM`.
    pub(crate) fn close(&self, conversation: &str, reason: &str) -> Done {
        self.act(|world| world.service_closes(conversation, reason))
    }

    /// Puts a fault in force; its id removes it again.
    pub(crate) fn inject(&self, rule: impl Into<Rule>) -> u64 {
        let rule = rule.into();
        self.act(|world| world.faults.add(rule))
    }

    /// Removes a fault.
    pub(crate) fn remove_fault(&self, id: u64) -> bool {
        self.act(|world| world.faults.remove(id))
    }

    /// Removes all faults.
    pub(crate) fn clear_faults(&self) {
        self.act(|world| world.faults.clear());
    }

    /// Closes the sockets of an agent, or all; 1006 cuts them off without a frame. How many.
    pub(crate) fn close_sockets(&self, agent: Option<&str>, code: u16, reason: &str) -> usize {
        self.act(|world| {
            world.close_sockets(code, reason, |socket| {
                agent.is_none_or(|name| socket.login_name == name)
            })
        })
    }

    /// The open sockets of an agent, or all, go dead: nothing is read from them or sent. How many.
    pub(crate) fn black_hole(&self, agent: Option<&str>) -> usize {
        self.act(|world| {
            world.black_hole_sockets(|socket| agent.is_none_or(|name| socket.login_name == name))
        })
    }

    /// Sends a raw text frame to the sockets of an agent, or all. How many.
    pub(crate) fn send_raw(&self, agent: Option<&str>, text: &str) -> usize {
        self.act(|world| {
            world.send_raw(text, |socket| agent.is_none_or(|name| socket.login_name == name))
        })
    }

    /// Sends a notification that fits nothing; see the control API for the names.
    pub(crate) fn send_stray(&self, agent: Option<&str>, what: &str) -> Result<usize, String> {
        self.act(|world| world.send_stray(agent, what))
    }
}

/// Read-outs.
impl Simulator {
    /// A copy of a conversation.
    pub(crate) fn conversation(&self, id: &str) -> Result<Conversation, String> {
        self.read(|world| world.conversation(id).cloned())
    }

    /// Everything that was said and receipted in the MAIN dialog, in order.
    pub(crate) fn transcript(&self, conversation: &str) -> Vec<Arc<Event>> {
        self.read(|world| {
            world
                .conversation(conversation)
                .map(|one| one.main().events.clone())
                .unwrap_or_default()
        })
    }

    /// The texts of the MAIN dialog as `(role, text)`, private notes included.
    pub(crate) fn lines(&self, conversation: &str) -> Vec<(&'static str, String)> {
        let transcript = self.transcript(conversation);
        transcript
            .iter()
            .filter_map(|event| Some((event.role.word(), event.text()?.to_owned())))
            .collect()
    }

    /// Ids of the conversations that wait in a skill's queue, the longest waiting first.
    pub(crate) fn queue(&self, skill: &str) -> Vec<String> {
        self.read(|world| {
            world
                .queue()
                .into_iter()
                .filter(|one| one.skill == skill)
                .map(|one| one.id.clone())
                .collect()
        })
    }

    /// The remembered requests whose type's last segment is `name`, oldest first.
    pub(crate) fn requests(&self, name: &str) -> Vec<Received> {
        self.read(|world| world.requests.iter().filter(|one| one.name() == name).cloned().collect())
    }

    /// How many sockets are open.
    pub(crate) fn sockets(&self) -> usize {
        self.read(|world| world.sockets.len())
    }

    /// How many log-ins have succeeded.
    pub(crate) fn logins(&self) -> u64 {
        self.read(|world| world.counts.logins)
    }

    /// An agent's state.
    pub(crate) fn availability(&self, agent: &str) -> Result<Availability, String> {
        self.read(|world| world.agent(agent).map(|found| found.availability))
    }
}

impl ConsumerHand<'_> {
    /// Says a text.
    pub(crate) fn says(&self, text: &str) -> Done {
        self.simulator.act(|world| world.consumer_says(self.conversation, text, Vec::new()))
    }

    /// Says a text with metadata, as channels do.
    pub(crate) fn says_with(&self, text: &str, metadata: Vec<Value>) -> Done {
        self.simulator.act(|world| world.consumer_says(self.conversation, text, metadata))
    }

    /// Presses a button or quick reply of an earlier message, by title or number.
    pub(crate) fn clicks(
        &self,
        sequence: u64,
        button: impl Into<Button>,
    ) -> Result<Clicked, String> {
        let button = button.into();
        self.simulator.act(|world| world.consumer_clicks(self.conversation, sequence, &button))
    }

    /// Sends a file.
    pub(crate) fn sends_file(&self, caption: &str, kind: &str, bytes: Vec<u8>) -> Done {
        self.simulator
            .act(|world| world.consumer_sends_file(self.conversation, caption, kind, bytes))
    }

    /// Sends structured content.
    pub(crate) fn sends_rich(&self, card: &Value, metadata: Vec<Value>) -> Done {
        self.simulator.act(|world| world.consumer_sends_rich(self.conversation, card, metadata))
    }

    /// Sends a chat state.
    pub(crate) fn types(&self, state: &str) -> Done {
        self.simulator.act(|world| world.consumer_types(self.conversation, state))
    }

    /// Reads everything.
    pub(crate) fn reads(&self) -> Done {
        self.simulator.act(|world| world.consumer_reads(self.conversation, "READ", None))
    }

    /// Sends a receipt for these sequences.
    pub(crate) fn receipts(&self, status: &str, sequences: Vec<u64>) -> Done {
        self.simulator.act(|world| world.consumer_reads(self.conversation, status, Some(sequences)))
    }

    /// Logs in; the new id.
    pub(crate) fn steps_up(&self, id: Option<&str>) -> Result<String, String> {
        self.simulator
            .act(|world| world.consumer_steps_up(self.conversation, id.map(str::to_owned)))
    }

    /// Leaves the window.
    pub(crate) fn leaves(&self) -> Done {
        self.simulator.act(|world| world.consumer_is_present(self.conversation, false))
    }

    /// Returns to the window.
    pub(crate) fn returns(&self) -> Done {
        self.simulator.act(|world| world.consumer_is_present(self.conversation, true))
    }

    /// Says how content they are, 1 to 5; it shows with the next change of the conversation.
    pub(crate) fn rates(&self, score: u8) -> Done {
        self.simulator.act(|world| world.consumer_rates(self.conversation, score))
    }

    /// Closes the conversation or its open dialog.
    pub(crate) fn closes(&self, scope: Scope) -> Done {
        self.simulator.act(|world| world.consumer_closes(self.conversation, scope))
    }
}

impl AgentHand<'_> {
    /// Does something as this agent.
    pub(super) fn act<T>(&self, work: impl FnOnce(&mut World, &str) -> T) -> T {
        self.simulator.act(|world| work(world, self.agent))
    }

    /// Takes a conversation from the queue.
    pub(crate) fn takes(&self, conversation: &str) -> Done {
        self.simulator.act(|world| world.agent_takes(self.agent, conversation))
    }

    /// Gets a conversation without a ring.
    pub(crate) fn is_assigned(&self, conversation: &str) -> Done {
        self.simulator.act(|world| world.supervisor_assigns(self.agent, conversation))
    }

    /// Says a text.
    pub(crate) fn says(&self, conversation: &str, text: &str) -> Done {
        self.simulator.act(|world| world.agent_says(self.agent, conversation, text))
    }

    /// Writes a private note.
    pub(crate) fn notes(&self, conversation: &str, text: &str) -> Done {
        self.simulator.act(|world| world.agent_notes(self.agent, conversation, text))
    }

    /// Publishes any event with metadata.
    pub(crate) fn publishes(&self, conversation: &str, event: &Value, metadata: &Value) -> Done {
        self.simulator.act(|world| {
            world.agent_publishes(self.agent, conversation, event, metadata, Audience::All)
        })
    }

    /// Sends a chat state.
    pub(crate) fn types(&self, conversation: &str, state: &str) -> Done {
        self.simulator.act(|world| world.agent_types(self.agent, conversation, state))
    }

    /// Reads everything.
    pub(crate) fn reads(&self, conversation: &str) -> Done {
        self.simulator.act(|world| world.agent_reads(self.agent, conversation))
    }

    /// Hands back to the queue of the same skill.
    pub(crate) fn hands_back(&self, conversation: &str) -> Done {
        self.simulator.act(|world| world.agent_returns(self.agent, conversation))
    }

    /// Transfers to a skill.
    pub(crate) fn transfers(&self, conversation: &str, skill: &str) -> Done {
        self.simulator
            .act(|world| world.agent_transfers(self.agent, conversation, Some(skill), None, None))
    }

    /// Offers to another agent.
    pub(crate) fn offers(&self, conversation: &str, to_agent: &str, skill: Option<&str>) -> Done {
        self.simulator.act(|world| {
            world.agent_transfers(self.agent, conversation, skill, Some(to_agent), None)
        })
    }

    /// Closes the conversation or its dialog.
    pub(crate) fn closes(&self, conversation: &str, scope: Scope) -> Done {
        self.simulator.act(|world| world.agent_closes(self.agent, conversation, scope))
    }

    /// Joins as `MANAGER` or `READER`.
    pub(crate) fn joins(&self, conversation: &str, role: &str) -> Done {
        self.simulator.act(|world| world.agent_joins(self.agent, conversation, role))
    }

    /// Leaves that role.
    pub(crate) fn leaves(&self, conversation: &str) -> Done {
        self.simulator.act(|world| world.agent_leaves(self.agent, conversation))
    }

    /// A supervisor sets the agent's state.
    pub(crate) fn is_set(&self, availability: Availability) -> Done {
        self.simulator.act(|world| world.supervisor_sets(self.agent, availability))
    }

    /// The agent's session is voided; its sockets close with `code`, or as configured.
    pub(crate) fn is_evicted(&self, code: Option<u16>) -> Done {
        self.simulator.act(|world| world.evict(self.agent, code))
    }

    /// Changes how many conversations the agent may have.
    pub(crate) fn has_capacity(&self, capacity: usize) -> Done {
        self.simulator.act(|world| world.limit_agent(self.agent, Some(capacity), None, None))
    }

    /// Disables the user: log-ins are 401.
    pub(crate) fn is_enabled(&self, enabled: bool) -> Done {
        self.simulator.act(|world| world.limit_agent(self.agent, None, Some(enabled), None))
    }

    /// Block-lists the user: log-ins are 451.
    pub(crate) fn is_blocked(&self, blocked: bool) -> Done {
        self.simulator.act(|world| world.limit_agent(self.agent, None, None, Some(blocked)))
    }
}
