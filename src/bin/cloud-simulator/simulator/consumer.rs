//! Pure: what a consumer does.

use super::acts::{Done, Scope};
use super::content;
use super::conversation::Audience;
use super::conversation::Role;
use super::speech::Utterance;
use super::world::World;
use serde::Deserialize;
use serde_json::{Value, json};

/// A button of a message.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Button {
    /// Its number in order of appearance.
    Number(usize),
    /// Its title.
    Title(String),
}

impl From<&str> for Button {
    fn from(title: &str) -> Self {
        Self::Title(title.into())
    }
}

impl From<usize> for Button {
    fn from(number: usize) -> Self {
        Self::Number(number)
    }
}

/// What a click has done.
#[derive(Clone, Debug)]
pub(crate) struct Clicked {
    /// Sequence of the text that was said, if any.
    pub(crate) said: Option<u64>,
    /// Sequence of the ACTION receipt.
    pub(crate) action: Option<u64>,
    /// The element's actions, for a page that opens links.
    pub(crate) actions: Value,
}

/// The consumer.
impl World {
    /// Says a text.
    pub(crate) fn consumer_says(
        &mut self,
        conversation: &str,
        text: &str,
        metadata: Vec<Value>,
    ) -> Done {
        let event = json!({ "type": "ContentEvent", "message": text, "contentType": "text/plain" });
        self.consumer_utters(conversation, event, metadata)
    }

    /// Presses a button or quick reply of an earlier message.
    pub(crate) fn consumer_clicks(
        &mut self,
        conversation: &str,
        sequence: u64,
        button: &Button,
    ) -> Result<Clicked, String> {
        let found = self.conversation(conversation)?;
        let dialog = found.speaking().ok_or("the conversation is closed")?;
        let event =
            dialog.event(sequence).ok_or_else(|| format!("there is no sequence {sequence}"))?;
        let elements = content::clickables(&event.event);
        let element = match button {
            Button::Number(number) => elements.get(*number).copied(),
            Button::Title(title) => {
                elements.iter().copied().find(|one| one["title"] == json!(title))
            }
        };
        let element =
            element.ok_or_else(|| format!("message {sequence} has no button {button:?}"))?;
        let metadata: Vec<Value> =
            element["click"]["metadata"].as_array().cloned().unwrap_or_default();
        let actions = element["click"]["actions"].clone();
        let mut texts =
            actions.as_array().into_iter().flatten().filter(|one| one["type"] == "publishText");
        let text = texts.find_map(|one| one["text"].as_str()).map(str::to_owned);
        let said = match text {
            Some(text) => self.consumer_says(conversation, &text, metadata.clone())?,
            None => None,
        };
        let receipt =
            json!({ "type": "AcceptStatusEvent", "status": "ACTION", "sequenceList": [sequence] });
        let action = self.consumer_utters(conversation, receipt, metadata)?;
        Ok(Clicked { said, action, actions })
    }

    /// Uploads and sends a file.
    pub(crate) fn consumer_sends_file(
        &mut self,
        conversation: &str,
        caption: &str,
        kind: &str,
        bytes: Vec<u8>,
    ) -> Done {
        self.conversation(conversation)?;
        let path = self.files.put(&mut self.ids, kind, bytes);
        let event = json!({
            "type": "ContentEvent",
            "contentType": "hosted/file",
            "message": { "caption": caption, "relativePath": path, "fileType": kind },
        });
        self.consumer_utters(conversation, event, Vec::new())
    }

    /// Sends structured content.
    pub(crate) fn consumer_sends_rich(
        &mut self,
        conversation: &str,
        card: &Value,
        metadata: Vec<Value>,
    ) -> Done {
        let event = json!({ "type": "RichContentEvent", "content": card });
        self.consumer_utters(conversation, event, metadata)
    }

    /// Sends a chat state such as COMPOSING.
    pub(crate) fn consumer_types(&mut self, conversation: &str, state: &str) -> Done {
        self.consumer_utters(
            conversation,
            json!({ "type": "ChatStateEvent", "chatState": state }),
            Vec::new(),
        )
    }

    /// Sends a receipt, READ or another, for these sequences; without them, for everything of the others that has none yet.
    pub(crate) fn consumer_reads(
        &mut self,
        conversation: &str,
        status: &str,
        sequences: Option<Vec<u64>>,
    ) -> Done {
        let found = self.conversation(conversation)?;
        let consumer = found.consumer.id.clone();
        let sequences = sequences.unwrap_or_else(|| self.unseen(conversation, &consumer, status));
        if sequences.is_empty() {
            return Ok(None);
        }
        let event =
            json!({ "type": "AcceptStatusEvent", "status": status, "sequenceList": sequences });
        self.consumer_utters(conversation, event, Vec::new())
    }

    /// Logs in: the consumer's id is replaced in place.
    pub(crate) fn consumer_steps_up(
        &mut self,
        conversation: &str,
        id: Option<String>,
    ) -> Result<String, String> {
        self.conversation(conversation)?;
        let id = id.unwrap_or_else(|| self.ids.hex(32));
        let found = self.conversations.get_mut(conversation).ok_or("the conversation is gone")?;
        let old = std::mem::replace(&mut found.consumer.id, id.clone());
        found.consumer.authenticated = true;
        let everyone = found.dialogs.iter_mut().flat_map(|dialog| &mut dialog.participants);
        everyone.filter(|one| one.role == Role::Consumer).for_each(|one| one.id.clone_from(&id));
        found.former_consumers.push(old);
        self.touch(conversation);
        Ok(id)
    }

    /// Leaves the window (BACKGROUND) or returns to it (ACTIVE).
    pub(crate) fn consumer_is_present(&mut self, conversation: &str, present: bool) -> Done {
        self.conversation(conversation)?;
        if let Some(found) = self.conversations.get_mut(conversation) {
            found.consumer.present = present;
        }
        self.consumer_types(conversation, if present { "ACTIVE" } else { "BACKGROUND" })
    }

    /// Answers the question how content they are, 1 to 5. It shows with the next change of the conversation.
    pub(crate) fn consumer_rates(&mut self, conversation: &str, score: u8) -> Done {
        self.conversation(conversation)?;
        if let Some(found) = self.conversations.get_mut(conversation) {
            found.csat = score;
        }
        Ok(None)
    }

    /// Closes the conversation, or only its open dialog.
    pub(crate) fn consumer_closes(&mut self, conversation: &str, scope: Scope) -> Done {
        let dialog = self.open_dialog(conversation)?;
        match scope {
            Scope::Conversation => self.close_for(conversation, "CONSUMER"),
            Scope::Dialog => self.close_dialog_for_consumer(conversation, &dialog)?,
        }
        Ok(None)
    }

    fn consumer_utters(&mut self, conversation: &str, event: Value, metadata: Vec<Value>) -> Done {
        let dialog = self.open_dialog(conversation)?;
        let originator = self.conversation(conversation)?.consumer.id.clone();
        let said = Utterance { originator, event, metadata, audience: Audience::All };
        Ok(self.utter(conversation, &dialog, said))
    }
}
