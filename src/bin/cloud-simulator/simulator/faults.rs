//! Pure: what can be made to go wrong, and for how many times.

use super::chat::{CallName, Trouble};
use super::clock::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One thing that goes wrong. Requests and notifications are named by the last segment of their type.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(
    tag = "kind",
    deny_unknown_fields,
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Fault {
    /// An HTTP route answers `status`, or never (0).
    Http { route: Route, status: u16 },
    /// Requests are answered with `code`; `handled` carries them out all the same.
    Answer {
        #[serde(default)]
        request: Option<String>,
        code: u16,
        #[serde(default)]
        body: Option<Value>,
        #[serde(default)]
        handled: bool,
    },
    /// Requests are never answered.
    Ignore {
        #[serde(default)]
        request: Option<String>,
        #[serde(default)]
        handled: bool,
    },
    /// Answers are held back.
    Slow {
        #[serde(default)]
        request: Option<String>,
        milliseconds: Millis,
    },
    /// Closes the socket at the `nth` request from now (1 is the next).
    CloseAtRequest {
        #[serde(default)]
        request: Option<String>,
        nth: u32,
        when: When,
        code: u16,
    },
    /// Closes the socket after so many more sent frames.
    CloseAfterFrames { frames: u32, code: u16 },
    /// Swallows what arrives and sends nothing.
    BlackHole {},
    /// Sockets that are open already answer requests and tell nothing, or nothing of this kind or conversation.
    Deaf {
        #[serde(default)]
        notification: Option<String>,
        #[serde(default)]
        conversation: Option<String>,
    },
    /// Frames are taken from the socket one by one, with this pause after each.
    SlowReading { milliseconds: Millis },
    /// What happens to notifications.
    Notifications {
        mode: Mode,
        #[serde(default)]
        milliseconds: Option<Millis>,
        #[serde(default)]
        notification: Option<String>,
        #[serde(default)]
        conversation: Option<String>,
    },
    /// Notifications that a request causes go out before its answer.
    NotificationsFirst {
        #[serde(default)]
        request: Option<String>,
    },
    /// Changes what is sent.
    Shape {
        what: Shape,
        #[serde(default)]
        role: Option<String>,
    },
    /// The ring is CANCELLED right after the 202.
    CancelAfterAccept {},
    /// 202, and nothing else.
    AcceptLeadsNowhere {},
    /// A transfer is answered 200 but nothing happens.
    LoseTransfer {},
    /// A call of the Chat Agent API, or of the log-in, goes wrong.
    Chat {
        /// `None`: all calls of agent sessions.
        #[serde(default)]
        call: Option<CallName>,
        /// A path without `.json`, with `*` for anything.
        #[serde(default)]
        path: Option<String>,
        what: Trouble,
    },
}

/// HTTP routes that can fail.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Route {
    /// The domain service.
    Domains,
    /// Log-in.
    Login,
    /// Session refresh.
    Refresh,
    /// Log-out.
    Logout,
    /// The WebSocket upgrade.
    Upgrade,
    /// Storing a file.
    Upload,
    /// Fetching a file.
    Download,
}

/// Where in a request's life the socket closes.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum When {
    /// The request is lost.
    BeforeHandling,
    /// The request is carried out, its answer is lost.
    BeforeAnswer,
    /// Right after the answer.
    AfterAnswer,
}

/// What happens to a notification.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Mode {
    /// It comes later.
    Delay,
    /// It comes twice.
    Duplicate,
    /// It comes after the one that follows it.
    Reorder,
    /// It never comes.
    Suppress,
}

/// How what is sent differs from the full shape. The service has been seen doing most of these.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Shape {
    /// Without `lastContentEventNotification`.
    NoLastContentEvent,
    /// `participantsPId` lacks a role.
    NoRoleInPids,
    /// Dialogs lack `participantsDetails`.
    NoParticipantsDetails,
    /// A COBROWSE dialog is listed too.
    CobrowseDialog,
    /// One-element arrays are sent as the bare element.
    BareArrays,
    /// Undocumented enum values appear.
    UnknownEnums,
    /// Undocumented members appear.
    UnknownFields,
    /// Echoes and histories carry no metadata.
    NoMetadata,
    /// Message events carry no `conversationId`.
    NoConversationId,
    /// Ring notifications name the conversation only inside `ringsDetails`.
    NoRingDetailsIds,
    /// `participantsDetails` name agents by public id.
    PidsInDetails,
}

/// A fault with its reach: for whom, and how many times.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) fault: Fault,
    /// Log-in name; `None`: everybody.
    pub(crate) agent: Option<String>,
    /// `None`: until it is removed.
    pub(crate) left: Option<u32>,
    /// The newest socket when it was put in force.
    pub(super) newest_socket: u64,
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self { fault, agent: None, left: None, newest_socket: 0 }
    }
}

impl Rule {
    /// Only `count` times.
    pub(crate) fn times(self, count: u32) -> Self {
        Self { left: Some(count), ..self }
    }

    /// Only for this agent.
    pub(crate) fn for_agent(self, login_name: &str) -> Self {
        Self { agent: Some(login_name.into()), ..self }
    }
}

impl Fault {
    /// The fault `count` times.
    pub(crate) fn times(self, count: u32) -> Rule {
        Rule::from(self).times(count)
    }

    /// A call of the Chat Agent API, or of the log-in, goes wrong.
    pub(crate) fn chat(call: CallName, what: Trouble) -> Self {
        Self::Chat { call: Some(call), path: None, what }
    }

    /// The fault for one agent only.
    pub(crate) fn for_agent(self, login_name: &str) -> Rule {
        Rule::from(self).for_agent(login_name)
    }
}

/// All faults that are in force.
#[derive(Debug, Default)]
pub(crate) struct FaultBook {
    last_id: u64,
    rules: BTreeMap<u64, Rule>,
    /// Set when a rule came, went or counted down.
    pub(super) changed: bool,
    /// The newest socket that has been opened.
    pub(super) newest_socket: u64,
}

impl FaultBook {
    /// Puts a rule in force; its id removes it again.
    pub(crate) fn add(&mut self, rule: Rule) -> u64 {
        self.last_id += 1;
        self.changed = true;
        let rule = Rule { newest_socket: self.newest_socket, ..rule };
        self.rules.insert(self.last_id, rule);
        self.last_id
    }

    /// Removes a rule; false if there is none.
    pub(crate) fn remove(&mut self, id: u64) -> bool {
        self.changed = true;
        self.rules.remove(&id).is_some()
    }

    /// Removes all.
    pub(crate) fn clear(&mut self) {
        self.changed = true;
        self.rules.clear();
    }

    /// All rules in force, oldest first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u64, &Rule)> {
        self.rules.iter().map(|(id, rule)| (*id, rule))
    }

    /// The first rule for `agent` that `pick` wants, used once.
    pub(super) fn take<T>(&mut self, agent: &str, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let (id, found) = self.first(agent, pick)?;
        self.use_up(id);
        Some(found)
    }

    /// The same, but a rule for so many times comes before one that stays.
    pub(super) fn take_passing<T>(
        &mut self,
        agent: &str,
        pick: impl Fn(&Fault) -> Option<T>,
    ) -> Option<T> {
        let passing = self.rules.iter().filter(|(_, rule)| rule.left.is_some());
        let mut passing = passing.filter(|(_, rule)| concerns(rule, agent));
        let found = passing.find_map(|(id, rule)| Some((*id, pick(&rule.fault)?)));
        let (id, found) = found.or_else(|| self.first(agent, pick))?;
        self.use_up(id);
        Some(found)
    }

    /// The first rule for `agent` that `pick` wants, without using it.
    pub(super) fn peek<T>(&self, agent: &str, pick: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        self.first(agent, pick).map(|(_, found)| found)
    }

    /// Whether a notification to this socket is swallowed by a `deaf` rule; counts it if so.
    pub(super) fn deafens(
        &mut self,
        agent: &str,
        socket: u64,
        notification: &str,
        conversation: &str,
    ) -> bool {
        let meant = |rule: &Rule| {
            let Fault::Deaf { notification: kind, conversation: one } = &rule.fault else {
                return false;
            };
            names(kind.as_ref(), notification)
                && names(one.as_ref(), conversation)
                && concerns(rule, agent)
                && socket <= rule.newest_socket
        };
        let Some(id) = self.rules.iter().find(|(_, rule)| meant(rule)).map(|(id, _)| *id) else {
            return false;
        };
        self.use_up(id);
        true
    }

    /// Counts a request towards `closeAtRequest`; says when to close and with which code if this is the one.
    pub(super) fn closing_at(&mut self, agent: &str, request: &str) -> Option<(When, u16)> {
        let mut due = None;
        for (id, rule) in &mut self.rules {
            if !concerns(rule, agent) {
                continue;
            }
            if let Fault::CloseAtRequest { request: wanted, nth, when, code } = &mut rule.fault
                && names(wanted.as_ref(), request)
            {
                *nth = nth.saturating_sub(1);
                self.changed = true;
                if *nth == 0 {
                    due = Some((*id, (*when, *code)));
                    break;
                }
            }
        }
        let (id, answer) = due?;
        self.rules.remove(&id);
        Some(answer)
    }

    /// Counts a sent frame towards `closeAfterFrames`; the code if the socket closes now.
    pub(super) fn closing_after_frame(&mut self, agent: &str) -> Option<u16> {
        let mut due = None;
        for (id, rule) in &mut self.rules {
            if !concerns(rule, agent) {
                continue;
            }
            if let Fault::CloseAfterFrames { frames, code } = &mut rule.fault {
                *frames = frames.saturating_sub(1);
                self.changed = true;
                if *frames == 0 {
                    due = Some((*id, *code));
                    break;
                }
            }
        }
        let (id, code) = due?;
        self.rules.remove(&id);
        Some(code)
    }

    fn first<T>(&self, agent: &str, pick: impl Fn(&Fault) -> Option<T>) -> Option<(u64, T)> {
        self.rules
            .iter()
            .filter(|(_, rule)| concerns(rule, agent))
            .find_map(|(id, rule)| pick(&rule.fault).map(|found| (*id, found)))
    }

    fn use_up(&mut self, id: u64) {
        let Some(rule) = self.rules.get_mut(&id) else {
            return;
        };
        let Some(left) = &mut rule.left else { return };
        *left = left.saturating_sub(1);
        self.changed = true;
        if *left == 0 {
            self.rules.remove(&id);
        }
    }
}

/// Whether a fault's optional name covers `name`.
pub(super) fn names(wanted: Option<&String>, name: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == name)
}

fn concerns(rule: &Rule, agent: &str) -> bool {
    rule.agent.as_deref().is_none_or(|wanted| wanted == agent)
}
