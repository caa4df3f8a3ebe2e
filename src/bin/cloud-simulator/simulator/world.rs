//! Pure: the simulated world: who exists, what was said, who hears of it. Everything happens at `now`; nothing waits.

use super::agent::{Agent, Availability};
use super::chat::Chats;
use super::clock::Millis;
use super::conversation::{Consumer, Conversation, Dialog, DialogKind, Participant, Role};
use super::faults::FaultBook;
use super::files::Files;
use super::ids::Ids;
use super::options::{AgentOptions, Options, SkillOptions};
use super::outbox::{Note, Socket};
use super::routing::{Ring, RingState};
use super::speech::Utterance;
use super::wire;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The state of everything that is simulated.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    /// The time of the act under way.
    pub(crate) now: Millis,
    /// Old agent id to agent.
    pub(crate) agents: BTreeMap<String, Agent>,
    pub(crate) conversations: BTreeMap<String, Conversation>,
    /// Conversation ids, oldest first.
    pub(crate) order: Vec<String>,
    /// Waiting rings.
    pub(crate) rings: BTreeMap<String, Ring>,
    /// The last rings that have ended.
    pub(crate) past_rings: VecDeque<Ring>,
    pub(crate) sockets: BTreeMap<u64, Socket>,
    /// Live chat.
    pub(crate) chats: Chats,
    pub(crate) faults: FaultBook,
    pub(crate) counts: Counts,
    /// The last requests, oldest first.
    pub(crate) requests: VecDeque<Received>,
    /// The demo's bot, if it runs in this process.
    pub(crate) bot: Option<Value>,
    pub(super) files: Files,
    pub(super) ids: Ids,
    /// Dialog id to conversation id.
    pub(super) dialogs: BTreeMap<String, String>,
    pub(super) last_socket: u64,
    pub(super) offers: u64,
    /// Notifications of the act under way, in order.
    pub(super) pending: Vec<Note>,
    /// Conversations that changed in the act under way.
    pub(super) touched: BTreeSet<String>,
    /// What a page must be told of.
    pub(super) parts: BTreeSet<Part>,
    /// Frames of the act under way, for pages.
    pub(super) frames: Vec<Value>,
    /// The last frames, for pages that come later.
    pub(super) recent: VecDeque<super::stream::Item>,
}

/// How often things happened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) logins: u64,
    pub(crate) refused_logins: u64,
    pub(crate) logouts: u64,
    pub(crate) refreshes: u64,
    pub(crate) refused_refreshes: u64,
    pub(crate) upgrades: u64,
    pub(crate) refused_upgrades: u64,
    pub(crate) domain_lookups: u64,
    pub(crate) ignored_frames: u64,
    /// Last segment of the type to how many came.
    pub(crate) requests: BTreeMap<String, u64>,
}

/// A request that came over a socket.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) time: Millis,
    pub(crate) socket: u64,
    /// Log-in name.
    pub(crate) agent: String,
    pub(crate) id: String,
    /// The type as it was written.
    pub(crate) kind: String,
    pub(crate) body: Value,
    pub(crate) metadata: Value,
    /// The code of the answer; `None` if none was sent.
    pub(crate) answered: Option<u16>,
}

impl Received {
    /// The last segment of the type.
    pub(crate) fn name(&self) -> &str {
        self.kind.rsplit('.').next().unwrap_or_default()
    }
}

/// A part of the state that a page shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    All,
    Conversation(String),
    Chat(String),
    Agents,
    Queue,
    Rings,
    Sockets,
    Faults,
    Bot,
    /// Something that only tests look at.
    Counts,
}

/// What a new conversation starts with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    /// Account; the first one if `None`.
    pub(crate) account: Option<String>,
    /// Skill; the account's first one if `None`.
    pub(crate) skill: Option<String>,
    pub(crate) consumer: Option<String>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    /// What the consumer says first.
    pub(crate) text: Option<String>,
    /// What the consumer's channel can show.
    pub(crate) features: Option<Vec<String>>,
}

impl World {
    /// A world made of `options`, in which nothing has happened yet.
    pub(super) fn new(options: Options, now: Millis) -> Self {
        let ids = Ids::seeded(options.seed);
        let mut world = Self {
            now,
            agents: BTreeMap::new(),
            conversations: BTreeMap::new(),
            order: Vec::new(),
            rings: BTreeMap::new(),
            past_rings: VecDeque::new(),
            sockets: BTreeMap::new(),
            chats: Chats::default(),
            faults: FaultBook::default(),
            counts: Counts::default(),
            requests: VecDeque::new(),
            bot: None,
            files: Files::default(),
            ids,
            dialogs: BTreeMap::new(),
            last_socket: 0,
            offers: 0,
            pending: Vec::new(),
            touched: BTreeSet::new(),
            parts: BTreeSet::new(),
            frames: Vec::new(),
            recent: VecDeque::new(),
            options: options.clone(),
        };
        for account in &options.accounts {
            for agent in &account.agents {
                world.add_agent(&account.id, agent);
            }
        }
        world
    }

    /// Adds an agent user; its old id.
    pub(crate) fn add_agent(&mut self, account: &str, given: &AgentOptions) -> String {
        let user_id =
            given.user_id.clone().unwrap_or_else(|| format!("41{:08}", self.agents.len() + 50));
        let id = format!("{account}.{user_id}");
        let agent = Agent {
            id: id.clone(),
            account: account.to_owned(),
            user_id,
            pid: given.pid.clone().unwrap_or_else(|| self.ids.uuid()),
            login_name: given.login_name.clone(),
            name: given.name.clone().unwrap_or_else(|| given.login_name.clone()),
            human: given.human,
            manager: given.manager,
            skills: given.skills.iter().cloned().collect(),
            capacity: given.capacity,
            enabled: true,
            blocked: false,
            availability: Availability::Offline,
            offline_at: None,
            session: None,
            former_sessions: Vec::new(),
            last_login: None,
            logins: 0,
            credentials: given.credentials.clone(),
            last_offer: 0,
        };
        self.agents.insert(id.clone(), agent);
        self.parts.insert(Part::Agents);
        id
    }

    /// The agent with this log-in name.
    pub(crate) fn agent(&self, login_name: &str) -> Result<&Agent, String> {
        let found = self.agents.values().find(|agent| agent.login_name == login_name);
        found.ok_or_else(|| format!("no agent has the log-in name \"{login_name}\""))
    }

    /// The agent with this log-in name, to change it.
    pub(super) fn agent_mut(&mut self, login_name: &str) -> Result<&mut Agent, String> {
        let found = self.agents.values_mut().find(|agent| agent.login_name == login_name);
        found.ok_or_else(|| format!("no agent has the log-in name \"{login_name}\""))
    }

    /// The conversation with this id.
    pub(crate) fn conversation(&self, id: &str) -> Result<&Conversation, String> {
        self.conversations.get(id).ok_or_else(|| format!("there is no conversation \"{id}\""))
    }

    /// The skill of an account with this id.
    pub(crate) fn skill(&self, account: &str, skill: &str) -> Option<&SkillOptions> {
        let account = self.options.accounts.iter().find(|one| one.id == account)?;
        account.skills.iter().find(|one| one.id == skill)
    }

    /// Open conversations in which `agent` is the active assigned agent.
    pub(crate) fn assigned_to(&self, agent: &str) -> impl Iterator<Item = &Conversation> {
        self.conversations.values().filter(move |one| one.open && one.assigned() == Some(agent))
    }

    /// Open conversations with no active assigned agent, the longest waiting first.
    pub(crate) fn queue(&self) -> Vec<&Conversation> {
        let mut waiting: Vec<_> = self
            .order
            .iter()
            .map(|id| &self.conversations[id])
            .filter(|one| one.queued_since.is_some())
            .collect();
        waiting.sort_by_key(|one| one.queued_since);
        waiting
    }

    /// Opens a conversation; its id.
    pub(super) fn start(&mut self, start: Start) -> Result<String, String> {
        let account = match &start.account {
            Some(id) => self.options.accounts.iter().find(|one| one.id == *id),
            None => self.options.accounts.first(),
        };
        let account = account.ok_or_else(|| format!("there is no account {:?}", start.account))?;
        let account_id = account.id.clone();
        let first_skill =
            || account.skills.first().map_or_else(|| "-1".into(), |one| one.id.clone());
        let skill = start.skill.unwrap_or_else(first_skill);
        if skill != "-1" && self.skill(&account_id, &skill).is_none() {
            return Err(format!("account {account_id} has no skill {skill}"));
        }
        let id = self.ids.uuid();
        let consumer = start.consumer.unwrap_or_else(|| self.ids.hex(32));
        let first_conversation =
            !self.conversations.values().any(|one| one.consumer.id == consumer);
        let features = start.features.unwrap_or_else(|| {
            [
                "PHOTO_SHARING",
                "QUICK_REPLIES",
                "AUTO_MESSAGES",
                "MULTI_DIALOG",
                "FILE_SHARING",
                "RICH_CONTENT",
            ]
            .map(str::to_owned)
            .to_vec()
        });
        let dialog = Dialog {
            id: id.clone(),
            kind: DialogKind::Main,
            open: true,
            participants: vec![Participant::active(consumer.clone(), Role::Consumer)],
            created: self.now,
            ended: None,
            updated: self.now,
            closed_by: None,
            closed_cause: None,
            app_install_id: None,
            events: Vec::new(),
            receipts: BTreeMap::new(),
            said: BTreeMap::new(),
            read: BTreeMap::new(),
        };
        let conversation = Conversation {
            id: id.clone(),
            account: account_id,
            consumer: Consumer {
                id: consumer.clone(),
                first_name: start.first_name.unwrap_or_else(|| "Ada".into()),
                last_name: start.last_name.unwrap_or_else(|| "Example".into()),
                authenticated: false,
                present: true,
            },
            former_consumers: Vec::new(),
            skill,
            open: true,
            close_reason: None,
            csat: 0,
            started: self.now,
            ended: None,
            updated: self.now,
            first_conversation,
            ttr_type: "NORMAL".into(),
            ttr_seconds: 3600,
            note: String::new(),
            context: json!({
                "type": "CustomContext",
                "name": "Simulated Messenger",
                "clientProperties": {
                    "type": ".ClientProperties", "appId": "simulator", "ipAddress": "192.0.2.10", "features": features,
                },
            }),
            dialogs: vec![dialog],
            transfers: Vec::new(),
            queued_since: Some(self.now),
            ring_not_before: 0,
            typing: BTreeMap::new(),
        };
        self.dialogs.insert(id.clone(), id.clone());
        self.conversations.insert(id.clone(), conversation);
        self.order.push(id.clone());
        self.touch(&id);
        if let Some(text) = start.text {
            let event =
                json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" });
            self.utter(&id, &id, Utterance::by(consumer, event));
        }
        Ok(id)
    }

    /// Remembers that a conversation changed, so that its subscribers are told when the act ends.
    pub(super) fn touch(&mut self, conversation: &str) {
        if let Some(found) = self.conversations.get_mut(conversation) {
            found.updated = self.now;
        }
        self.touched.insert(conversation.to_owned());
        self.parts.insert(Part::Conversation(conversation.to_owned()));
        self.parts.insert(Part::Queue);
        self.parts.insert(Part::Agents);
    }

    /// Lines up a notification for a socket.
    pub(super) fn note(
        &mut self,
        socket: u64,
        kind: &'static str,
        conversation: &str,
        body: Value,
    ) {
        self.pending.push(Note { socket, kind, conversation: conversation.to_owned(), body });
    }

    /// Lets the time-outs of `now` happen: rings, agent states, sessions.
    pub(super) fn advance(&mut self) {
        let now = self.now;
        let expired: Vec<String> = self
            .rings
            .values()
            .filter(|ring| ring.expires <= now)
            .map(|ring| ring.id.clone())
            .collect();
        for ring in expired {
            self.end_ring(&ring, RingState::Expired);
        }
        let agents: Vec<String> = self.agents.keys().cloned().collect();
        for id in agents {
            let agent = &self.agents[&id];
            if agent.offline_at.is_some_and(|at| at <= now) {
                self.set_availability(&id, Availability::Offline);
            }
            let agent = &self.agents[&id];
            if agent.session.as_ref().is_some_and(|session| session.expires <= now) {
                self.end_session(&id, 4401, "session expired");
            }
        }
        self.advance_chats();
    }

    /// When `advance` must be called next.
    pub(super) fn next_deadline(&self) -> Option<Millis> {
        let rings = self.rings.values().map(|ring| ring.expires);
        let queue =
            self.queue().into_iter().map(|one| one.ring_not_before).filter(|at| *at > self.now);
        let states = self.agents.values().filter_map(|agent| agent.offline_at);
        let sessions =
            self.agents.values().filter_map(|agent| Some(agent.session.as_ref()?.expires));
        let chats = self.next_chat_deadline();
        rings.chain(queue).chain(states).chain(sessions).chain(chats).min()
    }

    /// Ends an act: routes, tells subscribers, hands all notifications to the sockets.
    pub(super) fn settle(&mut self) {
        loop {
            for id in std::mem::take(&mut self.touched) {
                self.tell_subscribers(&id);
            }
            if !self.route() && self.touched.is_empty() {
                break;
            }
        }
        self.route_chats();
        for note in std::mem::take(&mut self.pending) {
            self.deliver(note);
        }
        if std::mem::take(&mut self.faults.changed) {
            self.parts.insert(Part::Faults);
            self.wake_sockets();
        }
    }

    /// Sets an agent's state and tells its sockets.
    pub(super) fn set_availability(&mut self, id: &str, availability: Availability) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        agent.availability = availability;
        if availability == Availability::Offline {
            agent.offline_at = None;
        }
        let change = wire::agent_state_change(agent);
        self.parts.insert(Part::Agents);
        for (socket, subscription) in self.subscriptions(id, |one| one.is_agent_state()) {
            let body = json!({ "subscriptionId": subscription, "changes": [change] });
            self.note(socket, ".ams.routing.AgentStateNotification", "", body);
        }
        if availability == Availability::Offline {
            let waiting: Vec<String> = self.waiting_rings(|ring| ring.agent == id);
            for ring in waiting {
                self.end_ring(&ring, RingState::Cancelled);
            }
        }
    }

    /// Forgets what happened, keeps who exists and who is connected.
    pub(super) fn reset(&mut self) {
        let open: Vec<String> =
            self.order.iter().filter(|id| self.conversations[*id].stage_open()).cloned().collect();
        for id in open {
            self.close_for(&id, "SYSTEM");
        }
        self.settle();
        self.reset_chats();
        self.conversations.clear();
        self.order.clear();
        self.dialogs.clear();
        self.rings.clear();
        self.past_rings.clear();
        self.requests.clear();
        self.faults.clear();
        self.sockets.values_mut().for_each(Socket::forget_conversations);
        self.parts.insert(Part::All);
    }
}
