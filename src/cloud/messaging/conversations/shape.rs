//! Pure: a conversation as it stands on the wire, and what can be read of it.

use serde::Deserialize;

use crate::{
    cloud::{identity::Identity, lenient},
    conversation::Sequence,
};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireChange {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) r#type: Option<String>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) result: Option<WireState>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireState {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) conv_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) last_update_time: Option<i64>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) conversation_details: Option<WireDetails>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) last_content_event_notification: Option<WireLastEvent>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireLastEvent {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) dialog_id: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) sequence: Option<Sequence>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireDetails {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) conv_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) skill_id: Option<String>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) participants: Option<Participants>,
    #[serde(deserialize_with = "lenient::maybe", rename = "participantsPId")]
    pub(super) participants_p_id: Option<Participants>,
    #[serde(deserialize_with = "lenient::many")]
    pub(super) dialogs: Vec<WireDialog>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) close_reason: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) start_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) meta_data_last_update_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) csat_rate: Option<i64>,
    #[serde(deserialize_with = "lenient::maybe")]
    pub(super) csat: Option<WireCsat>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) struct Participants {
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) consumer: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) assigned_agent: Vec<String>,
    #[serde(deserialize_with = "lenient::texts")]
    pub(super) manager: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireDialog {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) dialog_id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) dialog_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) channel_type: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) creation_ts: Option<i64>,
    #[serde(deserialize_with = "lenient::many")]
    pub(super) participants_details: Vec<WireParticipant>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireParticipant {
    #[serde(deserialize_with = "lenient::text")]
    pub(super) id: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) role: Option<String>,
    #[serde(deserialize_with = "lenient::text")]
    pub(super) state: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WireCsat {
    #[serde(deserialize_with = "lenient::integer")]
    pub(super) csat_rate: Option<i64>,
}

impl WireDetails {
    /// The open main dialog, else the main dialog; co-browsing is not a dialog to talk in.
    pub(super) fn main_dialog(&self) -> Option<&WireDialog> {
        let mut mains = self.dialogs.iter().filter(|dialog| {
            dialog.dialog_type.as_deref() == Some("MAIN")
                && dialog.channel_type.as_deref() != Some("COBROWSE")
        });
        mains.clone().find(|dialog| dialog.is_open()).or_else(|| mains.next())
    }

    /// Closed, or in the survey after the main dialog: nothing for this agent in either case.
    pub(super) fn is_closed(&self, main: Option<&WireDialog>) -> bool {
        self.state.as_deref() == Some("CLOSE")
            || self.close_reason.is_some()
            || main.is_some_and(|dialog| !dialog.is_open())
    }

    /// This agent's part in the conversation: none, or whether it has joined.
    pub(super) fn part(
        &self,
        me: &Identity,
        manager: bool,
        main: Option<&WireDialog>,
    ) -> Option<bool> {
        if manager {
            let inside = |role: fn(&Participants) -> &[String]| self.lists(me, role);
            let joined = inside(|all| &all.manager) || inside(|all| &all.assigned_agent);
            return Some(joined);
        }
        // A transfer that was offered and not accepted shows as SUGGESTED in the main dialog only.
        let entry = |suggested: bool| {
            main.is_some_and(|dialog| {
                dialog.participants_details.iter().any(|participant| {
                    participant.id.as_deref().is_some_and(|id| me.is_me(id))
                        && participant.role.as_deref() == Some("ASSIGNED_AGENT")
                        && (participant.state.as_deref() == Some("SUGGESTED")) == suggested
                })
            })
        };
        let listed = if self.participants.is_some() || self.participants_p_id.is_some() {
            self.lists(me, |all| &all.assigned_agent)
        } else {
            entry(false)
        };
        (listed && !entry(true)).then_some(true)
    }

    fn lists(&self, me: &Identity, role: fn(&Participants) -> &[String]) -> bool {
        [&self.participants_p_id, &self.participants]
            .into_iter()
            .flatten()
            .any(|all| role(all).iter().any(|id| me.is_me(id)))
    }

    pub(super) fn consumer<'a>(&'a self, main: Option<&'a WireDialog>) -> Option<&'a str> {
        let mapped = [&self.participants, &self.participants_p_id]
            .into_iter()
            .flatten()
            .flat_map(|all| &all.consumer)
            .map(String::as_str);
        let detailed = main
            .map(|dialog| dialog.participants_details.as_slice())
            .unwrap_or_default()
            .iter()
            .filter(|participant| participant.role.as_deref() == Some("CONSUMER"))
            .filter_map(|participant| participant.id.as_deref());
        mapped.chain(detailed).find(|id| !id.is_empty())
    }

    /// The consumer's rating; 0 means that there is none.
    pub(super) fn csat(&self) -> Option<u8> {
        let rate =
            self.csat_rate.filter(|rate| *rate > 0).or_else(|| self.csat.as_ref()?.csat_rate)?;
        u8::try_from(rate).ok().filter(|rate| *rate > 0)
    }
}

impl WireDialog {
    fn is_open(&self) -> bool {
        self.state.as_deref() != Some("CLOSE")
    }
}
