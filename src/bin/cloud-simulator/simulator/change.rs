//! Pure: changes of a conversation: participants, skill, dialogs, state. A request's list is applied as a whole or not at all.

use super::conversation::{Conversation, Dialog, DialogKind, Participant, Role, Transfer};
use super::routing::RingState;
use super::wire::{one_or_many, text_or_number, whole_number};
use super::world::{Part, World};
use serde_json::Value;

/// Whoever asks for a change.
#[derive(Clone, Copy, Debug)]
pub(super) enum Actor<'a> {
    /// An agent, by old id.
    Agent(&'a str),
    Consumer,
    /// The service itself, or a supervisor.
    System,
}

/// A refusal: code and text.
pub(super) type Refusal = (u16, String);

impl World {
    /// Carries out `UpdateConversationField`; the text of the answer.
    pub(super) fn update(
        &mut self,
        agent: &str,
        body: &Value,
        metadata: &[Value],
    ) -> Result<&'static str, Refusal> {
        let id =
            body["conversationId"].as_str().ok_or_else(|| refuse("conversationId is required"))?;
        let before =
            self.conversations.get(id).ok_or_else(|| refuse("Conversation does not exist"))?;
        let fields = one_or_many(&body["conversationField"]);
        if fields.is_empty() {
            return Err(refuse("conversationField is required"));
        }
        if before.account != self.agents[agent].account {
            return Err(refuse("Conversation does not exist"));
        }
        let joins =
            |field: &Value| field["field"] == "ParticipantsChange" && field["type"] == "ADD";
        let takes_part = before.dialogs.iter().any(|dialog| dialog.active(agent).is_some());
        if !takes_part && !fields.iter().all(joins) {
            return Err(refuse("Agent does not exist in conversation"));
        }
        let mut draft = before.clone();
        let mut answer = None;
        for field in &fields {
            let said = self.apply(agent, &mut draft, field)?;
            answer = answer.or(said);
        }
        let skill_changes = fields.iter().any(|field| field["field"] == "Skill");
        if skill_changes && draft.assigned().is_some() {
            return Err(refuse("The assigned agent must be removed in the same request"));
        }
        let lost = |fault: &super::faults::Fault| {
            matches!(fault, super::faults::Fault::LoseTransfer {}).then_some(())
        };
        let login = self.agents[agent].login_name.clone();
        if (skill_changes || draft.suggested().is_some())
            && self.faults.take(&login, lost).is_some()
        {
            return Ok(answer.unwrap_or("OK"));
        }
        self.install(Actor::Agent(agent), draft, metadata);
        Ok(answer.unwrap_or("OK"))
    }

    /// Closes a conversation for good.
    pub(super) fn close_for(&mut self, id: &str, reason: &'static str) {
        let Some(before) = self.conversations.get(id) else {
            return;
        };
        let mut draft = before.clone();
        close_conversation(&mut draft, reason, self.now);
        let actor = if reason == "CONSUMER" { Actor::Consumer } else { Actor::System };
        self.install(actor, draft, &[]);
    }

    /// Closes one dialog on behalf of the consumer.
    pub(super) fn close_dialog_for_consumer(
        &mut self,
        id: &str,
        dialog: &str,
    ) -> Result<(), String> {
        let mut draft = self.conversation(id)?.clone();
        self.close_dialog(&mut draft, dialog, "CONSUMER", Some("Closed by consumer"))
            .map_err(|(_, text)| text)?;
        self.install(Actor::Consumer, draft, &[]);
        Ok(())
    }

    /// Moves a conversation to another skill on behalf of a supervisor.
    pub(super) fn set_skill(&mut self, id: &str, skill: &str) -> Result<(), String> {
        let mut draft = self.conversation(id)?.clone();
        self.known_skill(&draft, skill).map_err(|(_, text)| text)?;
        draft.skill = skill.to_owned();
        self.install(Actor::System, draft, &[]);
        Ok(())
    }

    /// Puts a changed conversation in place of the old one and draws the consequences for queue and rings.
    fn install(&mut self, actor: Actor<'_>, mut draft: Conversation, metadata: &[Value]) {
        let id = draft.id.clone();
        let Some(before) = self.conversations.get(&id) else {
            return;
        };
        let moved = before.skill != draft.skill;
        let offered =
            draft.suggested().filter(|agent| before.suggested() != Some(agent)).map(str::to_owned);
        let freed = before.assigned().is_some() && draft.assigned().is_none();
        if moved || offered.is_some() {
            draft.transfers.push(Transfer {
                time: self.now,
                by: match actor {
                    Actor::Agent(agent) => agent.to_owned(),
                    Actor::Consumer => draft.consumer.id.clone(),
                    Actor::System => "SYSTEM".into(),
                },
                from_skill: before.skill.clone(),
                to_skill: draft.skill.clone(),
                to_agent: offered.clone(),
                metadata: metadata.to_vec(),
            });
        }
        let waits = draft.open && draft.assigned().is_none();
        draft.queued_since =
            waits.then(|| if freed { self.now } else { before.queued_since.unwrap_or(self.now) });
        if freed || moved {
            draft.ring_not_before = self.now;
        }
        for dialog in &mut draft.dialogs {
            let known = before.dialog(&dialog.id);
            if known.is_none_or(|old| {
                old.open != dialog.open || old.participants != dialog.participants
            }) {
                dialog.updated = self.now;
            }
            self.dialogs.insert(dialog.id.clone(), id.clone());
        }
        let stale = if moved || !waits || offered.is_some() {
            self.waiting_rings(|ring| ring.conversation == id)
        } else {
            Vec::new()
        };
        self.conversations.insert(id.clone(), draft);
        for ring in stale {
            self.end_ring(&ring, RingState::Cancelled);
        }
        if let Some(agent) = offered {
            self.ring(&id, &agent);
        }
        self.touch(&id);
        self.parts.insert(Part::Queue);
    }

    /// Applies one change to a draft; what the answer says about it.
    fn apply(
        &self,
        agent: &str,
        draft: &mut Conversation,
        field: &Value,
    ) -> Result<Option<&'static str>, Refusal> {
        if !draft.stage_open() {
            return Err(refuse("Conversation is closed"));
        }
        let word = |key: &str| field[key].as_str().unwrap_or_default();
        match word("field") {
            "ParticipantsChange" => self.change_participants(agent, draft, field).map(Some),
            "Skill" => {
                let skill =
                    text_or_number(&field["skill"]).ok_or_else(|| refuse("skill is required"))?;
                if word("type") != "UPDATE" {
                    return Err(refuse("type of a Skill change must be UPDATE"));
                }
                self.known_skill(draft, &skill)?;
                draft.skill = skill;
                Ok(None)
            }
            "ConversationStateField" => {
                if word("conversationState") != "CLOSE" {
                    return Err(refuse("conversationState must be CLOSE"));
                }
                close_conversation(draft, "AGENT", self.now);
                Ok(None)
            }
            "DialogChange" => {
                let dialog = &field["dialog"];
                let id = dialog["dialogId"]
                    .as_str()
                    .ok_or_else(|| refuse("dialog.dialogId is required"))?;
                if word("type") != "UPDATE" || dialog["state"] != "CLOSE" {
                    return Err(refuse("only UPDATE to state CLOSE is possible"));
                }
                let by = dialog["closedBy"].as_str().unwrap_or("AGENT");
                self.close_dialog(draft, id, by, dialog["closedCause"].as_str())?;
                Ok(None)
            }
            "TTRField" => {
                let kind = word("ttrType");
                if !["URGENT", "NORMAL", "PRIORITIZED", "CUSTOM"].contains(&kind) {
                    return Err(refuse(&format!("ttrType \"{kind}\" does not exist")));
                }
                draft.ttr_seconds =
                    whole_number(&field["value"]).ok_or_else(|| refuse("value is required"))?;
                draft.ttr_type = kind.to_owned();
                Ok(None)
            }
            "Note" => {
                let note = field["note"].as_str();
                draft.note = note.ok_or_else(|| refuse("note is required"))?.to_owned();
                Ok(None)
            }
            other => Err(refuse(&format!("field \"{other}\" cannot be changed"))),
        }
    }

    fn change_participants(
        &self,
        agent: &str,
        draft: &mut Conversation,
        field: &Value,
    ) -> Result<&'static str, Refusal> {
        let word = |key: &str| field[key].as_str().unwrap_or_default();
        let role = Role::parse(word("role")).ok_or_else(|| refuse("role is required"))?;
        let user = text_or_number(&field["userId"]).ok_or_else(|| refuse("userId is required"))?;
        // Both forms of an agent's id occur in official examples.
        let target = self
            .agents
            .values()
            .find(|one| one.account == draft.account && (one.id == user || one.pid == user));
        let target = target.ok_or_else(|| refuse("Agent does not exist"))?;
        let me = &self.agents[agent];
        let dialog_id = field["dialogId"].as_str().unwrap_or(&draft.id).to_owned();
        let place = draft.dialogs.iter_mut().find(|one| one.id == dialog_id);
        let place = place.ok_or_else(|| refuse("Dialog does not exist"))?;
        let listed = place.participants.iter().position(|one| one.id == target.id);
        match word("type") {
            "ADD" => {
                let survey = place.kind == DialogKind::PostSurvey && role == Role::Agent;
                if !survey && !me.manager {
                    return Err((403, "Agent not allowed".into()));
                }
                if listed.is_some() || (role == Role::AssignedAgent && draft.assigned().is_some()) {
                    return Err(refuse("Participant exists already"));
                }
                let place = draft.dialogs.iter_mut().find(|one| one.id == dialog_id);
                let place = place.ok_or_else(|| refuse("Dialog does not exist"))?;
                if matches!(role, Role::Consumer) || !place.open {
                    return Err(refuse("Participant cannot be added"));
                }
                place.participants.push(Participant::active(target.id.clone(), role));
                Ok("OK Agent added successfully")
            }
            "SUGGEST" => {
                if role != Role::AssignedAgent {
                    return Err(refuse("only an ASSIGNED_AGENT can be suggested"));
                }
                // A person who is acted by the control API has no session, and can be asked at any time.
                let acted = target.human && target.session.is_none();
                if !acted && !target.availability.takes_transfers() {
                    return Err(refuse("Agent is not available"));
                }
                if target.id == me.id {
                    return Err(refuse("Agent cannot be suggested to itself"));
                }
                place.participants.retain(|one| !one.suggested && one.id != target.id);
                place.participants.push(Participant {
                    id: target.id.clone(),
                    role,
                    suggested: true,
                });
                Ok("OK Agent added successfully")
            }
            "REMOVE" => {
                let found = listed.filter(|at| place.participants[*at].role == role);
                let at = found.ok_or_else(|| refuse("Agent does not exist in conversation"))?;
                if target.id != me.id && !me.manager {
                    return Err((403, "Agent not allowed".into()));
                }
                place.participants.remove(at);
                Ok("OK Agent removed successfully")
            }
            "UPDATE" => {
                let at = listed.ok_or_else(|| refuse("Agent does not exist in conversation"))?;
                place.participants[at].role = role;
                Ok("OK Agent updated successfully")
            }
            other => Err(refuse(&format!("type \"{other}\" does not exist"))),
        }
    }

    /// Closes a dialog of a draft. After MAIN a survey may follow; with the last dialog the conversation ends.
    fn close_dialog(
        &self,
        draft: &mut Conversation,
        id: &str,
        by: &str,
        cause: Option<&str>,
    ) -> Result<(), Refusal> {
        let now = self.now;
        let place = draft.dialogs.iter_mut().find(|one| one.id == id && one.open);
        let place = place.ok_or_else(|| refuse("Dialog does not exist or is closed"))?;
        shut(place, by, cause, now);
        let was_main = place.kind == DialogKind::Main;
        if was_main {
            let consumer = draft.consumer.id.clone();
            let app =
                self.skill(&draft.account, &draft.skill).and_then(|skill| skill.survey.clone());
            draft.open = false;
            draft.close_reason = Some(if by == "CONSUMER" { "CONSUMER" } else { "AGENT" });
            if let Some(app) = app {
                draft.dialogs.push(Dialog {
                    id: survey_id(&draft.id),
                    kind: DialogKind::PostSurvey,
                    open: true,
                    participants: vec![Participant::active(consumer, Role::Consumer)],
                    created: now,
                    ended: None,
                    updated: now,
                    closed_by: None,
                    closed_cause: None,
                    app_install_id: Some(app),
                    events: Vec::new(),
                    receipts: std::collections::BTreeMap::new(),
                    said: std::collections::BTreeMap::new(),
                    read: std::collections::BTreeMap::new(),
                });
            }
        }
        if !draft.stage_open() {
            draft.ended = Some(now);
        }
        Ok(())
    }

    fn known_skill(&self, draft: &Conversation, skill: &str) -> Result<(), Refusal> {
        let known = skill == "-1" || self.skill(&draft.account, skill).is_some();
        known.then_some(()).ok_or_else(|| refuse(&format!("Skill {skill} does not exist")))
    }
}

fn close_conversation(draft: &mut Conversation, reason: &'static str, now: u64) {
    draft.open = false;
    draft.close_reason = draft.close_reason.or(Some(reason));
    draft.ended = Some(now);
    for dialog in draft.dialogs.iter_mut().filter(|one| one.open) {
        shut(dialog, reason, None, now);
    }
}

fn shut(dialog: &mut Dialog, by: &str, cause: Option<&str>, now: u64) {
    dialog.open = false;
    dialog.ended = Some(now);
    dialog.closed_by = Some(by.to_owned());
    dialog.closed_cause = cause.map(str::to_owned);
    dialog.participants.retain(|one| !one.suggested);
}

/// The id of a conversation's survey dialog: 22 characters, as the service makes them.
fn survey_id(conversation: &str) -> String {
    conversation.chars().rev().filter(char::is_ascii_alphanumeric).take(22).collect()
}

fn refuse(text: &str) -> Refusal {
    (400, text.to_owned())
}
