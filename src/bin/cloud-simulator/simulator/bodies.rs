//! Pure: the bodies that the control API takes. Unknown keys are refused, so that a typo is found.

use super::BotMode;
use super::acts::Scope;
use super::consumer::Button;
use super::world::Start;
use serde::Deserialize;
use serde_json::Value;

impl Begin {
    /// The start that is meant.
    pub(super) fn into_start(self) -> Start {
        let who = self.consumer.unwrap_or_default();
        Start {
            account: self.account,
            skill: self.skill,
            consumer: who.id,
            first_name: who.first_name,
            last_name: who.last_name,
            text: self.text,
            features: self.features,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Begin {
    pub(super) account: Option<String>,
    pub(super) skill: Option<String>,
    pub(super) text: Option<String>,
    pub(super) consumer: Option<Who>,
    pub(super) features: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Who {
    pub(super) id: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Crowd {
    pub(super) count: usize,
    pub(super) agent: Option<String>,
    pub(super) skill: Option<String>,
    pub(super) text: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Say {
    pub(super) text: String,
    #[serde(default)]
    pub(super) metadata: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Click {
    pub(super) sequence: u64,
    pub(super) button: Button,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct SendFile {
    #[serde(default)]
    pub(super) caption: String,
    pub(super) file_type: String,
    #[serde(default)]
    pub(super) base64: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rich {
    pub(super) content: Value,
    #[serde(default)]
    pub(super) metadata: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Structured {
    pub(super) content: Value,
    pub(super) quick_replies: Option<Value>,
    #[serde(default)]
    pub(super) metadata: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    pub(super) state: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reading {
    pub(super) sequences: Option<Vec<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StepUp {
    pub(super) consumer: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Close {
    pub(super) scope: Option<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct To {
    pub(super) skill: Option<String>,
    pub(super) to_agent: Option<String>,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    pub(super) role: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseFor {
    pub(super) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Assign {
    pub(super) agent: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    pub(super) skill: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetState {
    pub(super) availability: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Limits {
    pub(super) capacity: Option<usize>,
    pub(super) enabled: Option<bool>,
    pub(super) blocked: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Evict {
    pub(super) code: Option<u16>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseSockets {
    pub(super) code: u16,
    #[serde(default)]
    pub(super) reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Huge {
    pub(super) bytes: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stray {
    pub(super) what: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetBot {
    pub(super) mode: BotMode,
}
