//! Pure: transfers: where a chat can go, and how it goes there.

use super::super::faults::Fault;
use super::model::{ChatState, Line, Source};
use super::session::ChatAvailability;
use super::{Chat, World};
use serde_json::{Value, json};

/// Where a chat is to go.
#[derive(Clone, Debug)]
pub(super) enum Destination {
    /// To a skill, by id.
    Skill(String),
    /// To an agent, by old id.
    Agent(String),
}

impl World {
    /// The skills for which another agent is Online.
    pub(super) fn transfer_targets(&self, chat: &Chat) -> Vec<Value> {
        let account = self.options.accounts.iter().find(|one| one.id == chat.account);
        let owner = chat.owner.as_ref().map(|owner| owner.agent.as_str());
        let skills = account.into_iter().flat_map(|account| &account.skills);
        skills
            .map(|skill| (self.others_online(&chat.account, &skill.id, owner), skill))
            .filter(|(online, _)| *online > 0)
            .map(|(online, skill)| {
                json!({ "id": skill.id, "name": skill.name, "onlineAgents": online.to_string() })
            })
            .collect()
    }

    /// An agent transfers over the wire.
    pub(super) fn agent_posts_transfer(
        &mut self,
        agent: &str,
        chat: &str,
        body: &Value,
    ) -> Result<(), (u16, String)> {
        let account = self.agents.get(agent).map(|one| one.account.clone()).unwrap_or_default();
        let id = |of: &Value| {
            of.get("id").map(|id| id.as_str().map_or_else(|| id.to_string(), str::to_owned))
        };
        let to = match (id(&body["agent"]), id(&body["skill"])) {
            (Some(agent), _) => Destination::Agent(format!("{account}.{agent}")),
            (None, Some(skill)) => Destination::Skill(skill),
            (None, None) => return Err((400, "neither a skill nor an agent is named".into())),
        };
        let login = self.agents.get(agent).map(|one| one.login_name.clone()).unwrap_or_default();
        let lose = |fault: &Fault| matches!(fault, Fault::LoseTransfer {}).then_some(());
        if self.faults.take(&login, lose).is_some() {
            return Ok(());
        }
        self.transfer_chat(agent, chat, &to, body["text"].as_str()).map_err(|text| (400, text))
    }

    /// Transfers a chat away from its agent.
    pub(super) fn transfer_chat(
        &mut self,
        from: &str,
        chat: &str,
        to: &Destination,
        text: Option<&str>,
    ) -> Result<(), String> {
        let found = self.chat(chat)?;
        let (account, mut skill) = (found.account.clone(), found.skill.clone());
        if found.state != ChatState::Chatting {
            return Err(format!("nobody chats in {chat}"));
        }
        let texts = &self.options.chat.texts;
        let (line, only_to) = match to {
            Destination::Skill(id) => {
                if self.others_online(&account, id, Some(from)) == 0 {
                    return Err(format!("no agent is available for skill {id}"));
                }
                skill.clone_from(id);
                let name = self.skill(&account, id).map_or("", |skill| skill.name.as_str());
                (Line::system(15, &texts.to_skill.replace("{skill}", name)), None)
            }
            Destination::Agent(id) => {
                let agent = self.agents.get(id).filter(|agent| agent.account == account);
                let agent = agent.ok_or_else(|| format!("there is no agent {id}"))?;
                match self.chat_availability(id) {
                    Some(ChatAvailability::Online | ChatAvailability::Occupied) if id != from => {}
                    _ => return Err(format!("agent {id} is not available")),
                }
                (
                    Line::system(13, &texts.to_agent.replace("{agent}", &agent.name)),
                    Some(id.clone()),
                )
            }
        };
        let by = self.agents.get(from).map_or("", |agent| agent.name.as_str());
        let summary = text.map(|text| Line::plain(Source::Agent, by, text).private());
        let (now, until) = (self.now, self.now + self.options.chat.readable_after_transfer);
        let Some(found) = self.chats.all.get_mut(chat) else {
            return Ok(());
        };
        let session = found.owner.take().and_then(|owner| owner.session);
        found.reader = session.map(|session| (session, until));
        found.skill = skill;
        found.only_to = only_to;
        found.not_to = Some(from.to_owned());
        found.agent_typing = false;
        // The state is told again only when it is another one than the last told.
        found.state = ChatState::Waiting;
        found.say(now, line);
        if let Some(summary) = summary {
            found.say(now, summary);
        }
        self.touch_chat(chat);
        Ok(())
    }
}
