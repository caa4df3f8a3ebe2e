//! Pure: what is said in a dialog, and who hears it.

use super::conversation::{Audience, Dialog, Event, Role};
use super::wire::{self, Detail};
use super::world::{Part, World};
use serde_json::Value;
use std::sync::Arc;

/// Something to put into a dialog.
pub(super) struct Utterance {
    pub(super) originator: String,
    pub(super) event: Value,
    pub(super) metadata: Vec<Value>,
    pub(super) audience: Audience,
}

impl World {
    /// Puts something into a dialog and tells every participant's socket; its sequence, if it has one.
    /// Whoever calls has checked that both exist.
    pub(super) fn utter(
        &mut self,
        conversation: &str,
        dialog: &str,
        said: Utterance,
    ) -> Option<u64> {
        let pid = self
            .agents
            .get(&said.originator)
            .map_or_else(|| said.originator.clone(), |agent| agent.pid.clone());
        let now = self.now;
        let stored = self.conversations.get_mut(conversation)?;
        let place = stored.dialogs.iter_mut().find(|one| one.id == dialog)?;
        let role = place
            .participants
            .iter()
            .find(|one| one.id == said.originator)
            .map_or(Role::Consumer, |one| one.role);
        let chat_state = said.event["type"] == "ChatStateEvent";
        let event = Arc::new(Event {
            sequence: (!chat_state).then(|| place.next_sequence()),
            conversation: conversation.to_owned(),
            dialog: dialog.to_owned(),
            originator_pid: pid,
            role,
            time: now,
            audience: said.audience,
            event: said.event,
            metadata: said.metadata,
            originator: said.originator,
        });
        if chat_state {
            let state = event.event["chatState"].as_str().unwrap_or_default();
            stored.typing.insert(event.originator.clone(), state.to_owned());
        } else {
            place.events.push(Arc::clone(&event));
            count(place, &event);
            remember_receipts(place, &event);
        }
        if event.is_content() {
            stored.updated = now;
            if stored.typing.get(&event.originator).is_some_and(|state| state == "COMPOSING") {
                stored.typing.insert(event.originator.clone(), "ACTIVE".into());
            }
        }
        let listeners: Vec<String> = place
            .participants
            .iter()
            .filter(|one| !one.suggested)
            .map(|one| one.id.clone())
            .collect();
        self.parts.insert(Part::Conversation(conversation.to_owned()));
        let body = wire::event(&event, Detail::Live);
        let sockets: Vec<u64> = self
            .sockets
            .values()
            .filter(|one| listeners.contains(&one.agent))
            .map(|one| one.id)
            .collect();
        for socket in sockets {
            self.note(socket, ".ams.ms.OnlineEventDistribution", conversation, body.clone());
        }
        if event.is_content() {
            self.touch(conversation);
        }
        event.sequence
    }
}

impl Utterance {
    /// A public event without metadata.
    pub(super) fn by(originator: impl Into<String>, event: Value) -> Self {
        Self { originator: originator.into(), event, metadata: Vec::new(), audience: Audience::All }
    }
}

fn count(dialog: &mut Dialog, event: &Event) {
    if event.is_content() {
        let said = dialog.said.entry(event.originator.clone()).or_default();
        match event.audience {
            Audience::All => said.to_all += 1,
            Audience::AgentsAndManagers => said.to_agents += 1,
        }
    }
}

fn remember_receipts(dialog: &mut Dialog, event: &Event) {
    if event.kind() != "AcceptStatusEvent" {
        return;
    }
    let status = event.event["status"].as_str().unwrap_or_default();
    for sequence in
        wire::one_or_many(&event.event["sequenceList"]).iter().filter_map(wire::whole_number)
    {
        let by = dialog.receipts.entry(sequence).or_default();
        let is_new = by.entry(event.originator.clone()).or_default().insert(status.to_owned());
        let is_for_content = dialog
            .event(sequence)
            .is_some_and(|of| of.is_content() && of.originator != event.originator);
        if is_new && status == "READ" && is_for_content {
            *dialog.read.entry(event.originator.clone()).or_default() += 1;
        }
    }
}
