//! Pure: what the connector says about itself, in the words of the platform's Bot Status page.

mod board;
mod text;
mod words;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

pub use board::{Board, Identity};
pub use text::{length, text};
pub use words::{Facts, Standing, Wanted, Words, words};

use crate::conversation::{
    Timestamp,
    effect::{Disposition, Fact},
};

/// The status as `GET /status` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// `[connector] name`
    pub name: String,
    /// The program's version.
    pub version: String,
    /// `[connector] account_id`
    pub account_id: String,
    /// `[connector] environment`
    pub environment: String,
    /// `messaging` or `chat`.
    pub conversation_type: String,
    /// Where the process stands.
    pub phase: Phase,
    /// When the process started.
    #[serde(deserialize_with = "moment")]
    pub started: Timestamp,
    /// The connector as a whole.
    pub agent_connector: AgentConnector,
    /// Its connection to the cloud.
    pub conversational_cloud: ConversationalCloud,
    /// Its connection to the bot.
    pub bot_server: BotServer,
    /// The conversations that it is in.
    pub conversations: Conversations,
    /// Tells two sets of custom fields apart; not secret.
    pub custom_fingerprint: String,
    /// What it has done since it started.
    pub totals: Totals,
}

/// Where the process stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Until the first connection attempt is concluded, either way.
    Starting,
    /// Working, or trying to.
    Serving,
    /// Asked to stop: finishes what is under way.
    Draining,
    /// Logged out.
    Stopped,
}

/// The connector as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentConnector {
    /// The word.
    pub status: ConnectorStatus,
    /// Since when it holds.
    #[serde(deserialize_with = "moment")]
    pub since: Timestamp,
    /// Why, and what to do; empty if all is well.
    pub detail: String,
}

/// The connection to the cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationalCloud {
    /// The word.
    pub status: CloudStatus,
    /// Since when it holds.
    #[serde(deserialize_with = "moment")]
    pub since: Timestamp,
    /// What is being done, or what failed and what to do about it.
    pub detail: String,
    /// The agent's state as the cloud tells it; none until it has told one.
    pub agent_state: Option<String>,
    /// The last error, kept when it is over.
    pub last_error: Option<LastError>,
    /// How often the connection came back after it had been lost.
    pub reconnects: u64,
}

/// The connection to the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BotServer {
    /// The word.
    pub status: BotStatus,
    /// Since when it holds.
    #[serde(deserialize_with = "moment")]
    pub since: Timestamp,
    /// What is being done, or what failed and what to do about it.
    pub detail: String,
    /// The last error, kept when it is over.
    pub last_error: Option<LastError>,
}

/// An error and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastError {
    /// When it happened last.
    #[serde(deserialize_with = "moment")]
    pub time: Timestamp,
    /// For people.
    pub message: String,
}

/// How many conversations there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversations {
    /// Open ones.
    pub open: usize,
    /// `[connector] max_conversations`
    pub limit: usize,
    /// Those in which the bot owes an answer.
    pub waiting_for_bot: usize,
}

/// What has been done since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// Conversations that a ring brought.
    pub accepted: u64,
    /// Conversations that were closed while this connector was in them.
    pub resolved: u64,
    /// Conversations that this connector transferred.
    pub transferred: u64,
    /// Transfers because the bot failed.
    pub fallback_escalations: u64,
    /// Messages of consumers, each counted once.
    pub consumer_messages: u64,
    /// Answers of the bot that were used.
    pub bot_replies: u64,
    /// Messages that came after `maxConsumerMessageDelay`.
    pub too_late: u64,
}

/// The words for the connector as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConnectorStatus {
    /// A part that it needs is not connected.
    #[serde(rename = "Not Connected")]
    NotConnected,
    /// Started; the first connection attempt is not concluded.
    #[serde(rename = "Ready to Start")]
    ReadyToStart,
    /// Working.
    Online,
    /// Draining or stopped, as asked.
    Stopped,
}

/// The words for the connection to the cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloudStatus {
    /// Messaging: there is no connection.
    #[serde(rename = "Not Connected")]
    NotConnected,
    /// Messaging: connected and subscribed.
    Connected,
    /// Chat: logged in.
    Online,
    /// Chat: not logged in.
    Offline,
    /// Connected, but the agent takes no new conversations.
    Away,
}

/// The words for the connection to the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BotStatus {
    /// The bot cannot be reached.
    #[serde(rename = "Not Connected")]
    NotConnected,
    /// The bot can be reached.
    Connected,
    /// A webhook that has not been called yet.
    #[serde(rename = "N/A")]
    NotApplicable,
}

impl ConnectorStatus {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::NotConnected, Self::ReadyToStart, Self::Online, Self::Stopped];

    /// As the Bot Status page writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotConnected => "Not Connected",
            Self::ReadyToStart => "Ready to Start",
            Self::Online => "Online",
            Self::Stopped => "Stopped",
        }
    }
}

impl CloudStatus {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::NotConnected, Self::Connected, Self::Online, Self::Offline, Self::Away];

    /// As the Bot Status page writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotConnected => "Not Connected",
            Self::Connected => "Connected",
            Self::Online => "Online",
            Self::Offline => "Offline",
            Self::Away => "Away",
        }
    }
}

impl BotStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::NotConnected, Self::Connected, Self::NotApplicable];

    /// As the Bot Status page writes it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NotConnected => "Not Connected",
            Self::Connected => "Connected",
            Self::NotApplicable => "N/A",
        }
    }
}

impl Phase {
    /// For people.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Serving => "Serving",
            Self::Draining => "Draining",
            Self::Stopped => "Stopped",
        }
    }
}

impl Totals {
    /// Counts what a conversation reported. Accepted and resolved conversations are the hall's to count.
    pub fn fact(&mut self, fact: &Fact) {
        match fact {
            Fact::Heard(count) => {
                self.consumer_messages += u64::try_from(*count).unwrap_or(u64::MAX);
            }
            Fact::Consumer(count, Disposition::TooLate) => {
                self.too_late += u64::try_from(*count).unwrap_or(u64::MAX);
            }
            Fact::Consumer(
                _,
                Disposition::Asked
                | Disposition::Keyword
                | Disposition::Filtered
                | Disposition::Duplicate
                | Disposition::Escalated
                | Disposition::LeftBehind,
            ) => {}
            Fact::Answered(_) => self.bot_replies += 1,
            Fact::Transferred(_) => self.transferred += 1,
            Fact::Fallback { possible, .. } => self.fallback_escalations += u64::from(*possible),
            Fact::Resent(_)
            | Fact::AnswerDropped(_)
            | Fact::ActionSkipped(_)
            | Fact::Published(_)
            | Fact::ContentRefused(_)
            | Fact::PublishFailed(_)
            | Fact::Escalating(_)
            | Fact::TransferFailed(_)
            | Fact::ReturnFailed(_)
            | Fact::Stuck
            | Fact::Closed
            | Fact::Ambiguous { .. }
            | Fact::HistoryFailed(_)
            | Fact::Missed(_)
            | Fact::SelfTransfer(_)
            | Fact::Broken(_)
            | Fact::Asked(_) => {}
        }
    }
}

impl Status {
    /// True once the first attempt to connect is concluded, either way: time for systemd's `READY=1`.
    #[must_use]
    pub fn settled(&self) -> bool {
        match self.agent_connector.status {
            ConnectorStatus::ReadyToStart => false,
            ConnectorStatus::NotConnected | ConnectorStatus::Online | ConnectorStatus::Stopped => {
                true
            }
        }
    }

    /// One line: for the log at SIGUSR1 and for systemd's `STATUS=`.
    #[must_use]
    pub fn summary(&self) -> String {
        let Conversations { open, limit, waiting_for_bot } = self.conversations;
        let mut line = self.agent_connector.status.word().to_owned();
        if !self.agent_connector.detail.is_empty() {
            line.push_str(" (");
            line.push_str(&self.agent_connector.detail);
            line.push(')');
        }
        line.push_str(&format!("; cloud {}", self.conversational_cloud.status.word()));
        line.push_str(&format!("; bot {}", self.bot_server.status.word()));
        line.push_str(&format!("; {open} of {limit} conversations"));
        if waiting_for_bot > 0 {
            line.push_str(&format!(", {waiting_for_bot} waiting for the bot"));
        }
        one_line(&line)
    }
}

/// Whether the connector can take conversations; if not, why, in one line.
pub fn readiness(status: &Status) -> Result<(), String> {
    let connector = &status.agent_connector;
    match connector.status {
        ConnectorStatus::Online => Ok(()),
        ConnectorStatus::NotConnected
        | ConnectorStatus::ReadyToStart
        | ConnectorStatus::Stopped => {
            let word = connector.status.word();
            if connector.detail.is_empty() {
                Err(word.to_owned())
            } else {
                Err(one_line(&format!("{word}: {}", connector.detail)))
            }
        }
    }
}

/// Control characters become spaces: details hold what other programs said.
fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Reads RFC 3339, as [`Timestamp`] is written.
fn moment<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(deserializer)?;
    let time = humantime::parse_rfc3339_weak(&text).map_err(D::Error::custom)?;
    let since = time.duration_since(std::time::UNIX_EPOCH).map_err(D::Error::custom)?;
    i64::try_from(since.as_millis()).map(Timestamp).map_err(D::Error::custom)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::conversation::effect::{FallbackReason, TransferReason};

    #[test]
    fn the_json_is_that_of_the_contract() {
        let json = serde_json::to_string_pretty(&example()).unwrap();
        assert_eq!(
            json,
            r#"{
  "name": "support-bot-1",
  "version": "0.1.0",
  "accountId": "12345678",
  "environment": "production",
  "conversationType": "messaging",
  "phase": "Serving",
  "started": "2026-08-26T08:00:00.000Z",
  "agentConnector": {
    "status": "Not Connected",
    "since": "2026-08-26T10:00:00.000Z",
    "detail": "bot server: connection refused; start the bot"
  },
  "conversationalCloud": {
    "status": "Connected",
    "since": "2026-08-26T09:30:00.000Z",
    "detail": "",
    "agentState": "ONLINE",
    "lastError": {
      "time": "2026-08-26T09:29:00.000Z",
      "message": "closed by the cloud with 1006"
    },
    "reconnects": 2
  },
  "botServer": {
    "status": "Not Connected",
    "since": "2026-08-26T10:00:00.000Z",
    "detail": "connection refused; start the bot",
    "lastError": null
  },
  "conversations": {
    "open": 12,
    "limit": 50,
    "waitingForBot": 1
  },
  "customFingerprint": "3f1c9a7b",
  "totals": {
    "accepted": 140,
    "resolved": 90,
    "transferred": 38,
    "fallbackEscalations": 2,
    "consumerMessages": 812,
    "botReplies": 809,
    "tooLate": 4
  }
}"#
        );
        assert_eq!(serde_json::from_str::<Status>(&json).unwrap(), example());
    }

    #[test]
    fn every_word_is_written_as_the_json_writes_it() {
        let json = |value: serde_json::Value| value.as_str().map(str::to_owned);
        for status in ConnectorStatus::ALL {
            let written = json(serde_json::to_value(status).unwrap());
            assert_eq!(written.as_deref(), Some(status.word()));
        }
        for status in CloudStatus::ALL {
            let written = json(serde_json::to_value(status).unwrap());
            assert_eq!(written.as_deref(), Some(status.word()));
        }
        for status in BotStatus::ALL {
            let written = json(serde_json::to_value(status).unwrap());
            assert_eq!(written.as_deref(), Some(status.word()));
        }
    }

    #[test]
    fn a_newer_programs_additional_fields_are_passed_over() {
        let mut json = serde_json::to_value(example()).unwrap();
        json["news"] = serde_json::json!({"a": 1});
        json["botServer"]["news"] = 1.into();
        assert_eq!(serde_json::from_value::<Status>(json).unwrap(), example());
    }

    #[test]
    fn only_online_is_ready_and_the_reason_is_one_line() {
        let mut status = example();
        assert_eq!(
            readiness(&status).unwrap_err(),
            "Not Connected: bot server: connection refused; start the bot"
        );
        status.agent_connector.detail = "a\r\nb".to_owned();
        assert_eq!(readiness(&status).unwrap_err(), "Not Connected: a  b");
        status.agent_connector.detail.clear();
        status.agent_connector.status = ConnectorStatus::Stopped;
        assert_eq!(readiness(&status).unwrap_err(), "Stopped");
        status.agent_connector.status = ConnectorStatus::Online;
        assert_eq!(readiness(&status), Ok(()));
    }

    #[test]
    fn the_summary_is_one_line() {
        assert_eq!(
            example().summary(),
            "Not Connected (bot server: connection refused; start the bot); cloud Connected; \
             bot Not Connected; 12 of 50 conversations, 1 waiting for the bot"
        );
    }

    #[test]
    fn totals_count_each_consumer_message_once() {
        let mut totals = Totals::default();
        for fact in [
            Fact::Heard(2),
            Fact::Consumer(1, Disposition::Asked),
            Fact::Consumer(1, Disposition::LeftBehind),
            Fact::Consumer(2, Disposition::Duplicate),
            Fact::Consumer(1, Disposition::TooLate),
            Fact::Answered(Duration::from_secs(1)),
            Fact::Transferred(TransferReason::Error),
            Fact::Fallback { reason: FallbackReason::Silence, possible: true },
            Fact::Fallback { reason: FallbackReason::Silence, possible: false },
        ] {
            totals.fact(&fact);
        }
        let expected = Totals {
            transferred: 1,
            fallback_escalations: 1,
            consumer_messages: 2,
            bot_replies: 1,
            too_late: 1,
            ..Totals::default()
        };
        assert_eq!(totals, expected);
    }

    /// 2026-08-26T10:00:00Z, plus minutes.
    pub(crate) fn at(minutes: i64) -> Timestamp {
        Timestamp(1_787_738_400_000 + minutes * 60_000)
    }

    pub(crate) fn example() -> Status {
        Status {
            name: "support-bot-1".to_owned(),
            version: "0.1.0".to_owned(),
            account_id: "12345678".to_owned(),
            environment: "production".to_owned(),
            conversation_type: "messaging".to_owned(),
            phase: Phase::Serving,
            started: at(-120),
            agent_connector: AgentConnector {
                status: ConnectorStatus::NotConnected,
                since: at(0),
                detail: "bot server: connection refused; start the bot".to_owned(),
            },
            conversational_cloud: ConversationalCloud {
                status: CloudStatus::Connected,
                since: at(-30),
                detail: String::new(),
                agent_state: Some("ONLINE".to_owned()),
                last_error: Some(LastError {
                    time: at(-31),
                    message: "closed by the cloud with 1006".to_owned(),
                }),
                reconnects: 2,
            },
            bot_server: BotServer {
                status: BotStatus::NotConnected,
                since: at(0),
                detail: "connection refused; start the bot".to_owned(),
                last_error: None,
            },
            conversations: Conversations { open: 12, limit: 50, waiting_for_bot: 1 },
            custom_fingerprint: "3f1c9a7b".to_owned(),
            totals: Totals {
                accepted: 140,
                resolved: 90,
                transferred: 38,
                fallback_escalations: 2,
                consumer_messages: 812,
                bot_replies: 809,
                too_late: 4,
            },
        }
    }
}
