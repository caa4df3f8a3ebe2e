//! Pure: from what is known to the three words and their details.

use crate::{
    bot,
    cloud::{self, Availability, LinkPhase},
    conversation::settings::Kind,
};

use super::{BotStatus, CloudStatus, ConnectorStatus, Phase};

/// All that the three statuses depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Where the process stands.
    pub phase: Phase,
    /// Messaging and chat have different words.
    pub kind: Kind,
    /// The connection to the cloud.
    pub cloud: cloud::LinkState,
    /// Whether the cloud's first connection attempt has ended, either way.
    pub cloud_concluded: bool,
    /// The connection to the bot.
    pub bot: bot::LinkState,
    /// Whether the bot's first connection attempt has ended, either way.
    pub bot_concluded: bool,
    /// The agent's state that this connector wants.
    pub wanted: Wanted,
    /// What became of that.
    pub standing: Standing,
    /// The agent's state in the cloud's own word; none until it has told one.
    pub told: Option<String>,
}

/// The agent's state that this connector wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The state.
    pub state: Availability,
    /// Why, for people; empty when ONLINE.
    pub why: &'static str,
}

/// How it stands with the agent's state on this connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not decided for good, or not acknowledged: the open conversations come first.
    Undecided,
    /// The cloud has acknowledged it.
    Acknowledged,
    /// The cloud did not take it: why, for people. It is tried again.
    Failed(String),
}

/// The three statuses, each with its detail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// The connector as a whole.
    pub connector: (ConnectorStatus, String),
    /// The connection to the cloud.
    pub cloud: (CloudStatus, String),
    /// The connection to the bot.
    pub bot: (BotStatus, String),
}

/// Finds the words.
///
/// A bot of which nothing is known (a webhook that has not been called) does not keep the connector from being
/// Online. While the bot is down, the agent is put away by this connector, so that Away would say the wrong thing.
#[must_use]
pub fn words(facts: &Facts) -> Words {
    let bot = match facts.bot.connected {
        Some(true) => BotStatus::Connected,
        Some(false) => BotStatus::NotConnected,
        None => BotStatus::NotApplicable,
    };
    let cloud_up = is_up(facts.cloud.phase);
    let leaving = is_leaving(facts.phase);
    let away = if cloud_up && !leaving && bot != BotStatus::NotConnected {
        away_detail(facts)
    } else {
        None
    };
    let cloud = match (facts.kind, cloud_up, &away) {
        (Kind::Messaging | Kind::Chat, true, Some(_)) => CloudStatus::Away,
        (Kind::Messaging, true, None) => CloudStatus::Connected,
        (Kind::Messaging, false, _) => CloudStatus::NotConnected,
        (Kind::Chat, true, None) => CloudStatus::Online,
        (Kind::Chat, false, _) => CloudStatus::Offline,
    };
    Words {
        connector: connector(facts, cloud_up, bot, away.is_some()),
        cloud: (cloud, away.unwrap_or_else(|| facts.cloud.detail.clone())),
        bot: (bot, facts.bot.detail.clone()),
    }
}

fn connector(
    facts: &Facts,
    cloud_up: bool,
    bot: BotStatus,
    away: bool,
) -> (ConnectorStatus, String) {
    // What failed, and then what is being done about it.
    let because = |part: &str, error: Option<&str>, detail: &str| {
        let words = [error.unwrap_or_default(), detail];
        let words: Vec<&str> = words.into_iter().filter(|words| !words.is_empty()).collect();
        if words.is_empty() { part.to_owned() } else { format!("{part}: {}", words.join("; ")) }
    };
    match facts.phase {
        Phase::Draining => {
            let detail = "draining: finishes what is under way, takes nothing new";
            return (ConnectorStatus::Stopped, detail.to_owned());
        }
        Phase::Stopped => return (ConnectorStatus::Stopped, String::new()),
        Phase::Starting | Phase::Serving => {}
    }
    if !cloud_up {
        let status = if facts.cloud_concluded {
            ConnectorStatus::NotConnected
        } else {
            ConnectorStatus::ReadyToStart
        };
        return (
            status,
            because("Conversational Cloud", facts.cloud.error.as_deref(), &facts.cloud.detail),
        );
    }
    match bot {
        BotStatus::NotConnected => {
            let status = if facts.bot_concluded {
                ConnectorStatus::NotConnected
            } else {
                ConnectorStatus::ReadyToStart
            };
            (status, because("bot server", facts.bot.error.as_deref(), &facts.bot.detail))
        }
        BotStatus::Connected | BotStatus::NotApplicable => match &facts.standing {
            Standing::Undecided => {
                let status = if facts.phase == Phase::Starting {
                    ConnectorStatus::ReadyToStart
                } else {
                    ConnectorStatus::NotConnected
                };
                let detail = "the open conversations are being read, then the agent's state is set";
                (status, because("Conversational Cloud", None, detail))
            }
            Standing::Failed(_) => {
                let words = failed_detail(facts);
                (ConnectorStatus::NotConnected, because("Conversational Cloud", None, &words))
            }
            Standing::Acknowledged => {
                let detail =
                    if away { "gets no new conversations while the agent is away" } else { "" };
                (ConnectorStatus::Online, detail.to_owned())
            }
        },
    }
}

fn is_up(phase: LinkPhase) -> bool {
    match phase {
        LinkPhase::Up => true,
        LinkPhase::Domains
        | LinkPhase::LoggingIn
        | LinkPhase::Connecting
        | LinkPhase::Subscribing
        | LinkPhase::Waiting { .. }
        | LinkPhase::Stopped => false,
    }
}

fn is_leaving(phase: Phase) -> bool {
    match phase {
        Phase::Draining | Phase::Stopped => true,
        Phase::Starting | Phase::Serving => false,
    }
}

/// Why the agent gets no new conversations; none if it does, or if its state is not set yet.
fn away_detail(facts: &Facts) -> Option<String> {
    let wanted = &facts.wanted;
    match (&facts.standing, &facts.told) {
        (Standing::Undecided, _) => None,
        (Standing::Failed(_), _) => Some(failed_detail(facts)),
        (Standing::Acknowledged, Some(told)) if told != wanted.state.as_str() => {
            // Somebody who sets the agent online against this connector's will gets no Away.
            (told != Availability::Online.as_str()).then(|| {
                format!(
                    "set by somebody else: {told} (this connector asked for {}); \
                     set the agent online again to get conversations",
                    wanted.state.as_str()
                )
            })
        }
        (Standing::Acknowledged, Some(_) | None) => match wanted.state {
            Availability::Online => None,
            Availability::Away | Availability::Occupied => Some(wanted.why.to_owned()),
        },
    }
}

fn failed_detail(facts: &Facts) -> String {
    let Standing::Failed(error) = &facts.standing else { return String::new() };
    format!(
        "the agent's state could not be set to {}: {error}; it is tried again",
        facts.wanted.state.as_str()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_follow_the_situation() {
        const AWAY: Option<&str> = Some("AWAY");
        const ONLINE: Option<&str> = Some("ONLINE");
        use LinkPhase::{LoggingIn, Up, Waiting};
        let down = Waiting { reason: "network" };
        for (phase, kind, cloud, bot, told, expected) in [
            // started, nothing concluded
            (
                Phase::Starting,
                Kind::Messaging,
                LoggingIn,
                None,
                None,
                "Ready to Start | Not Connected | N/A",
            ),
            (Phase::Starting, Kind::Chat, LoggingIn, None, None, "Ready to Start | Offline | N/A"),
            // all is well
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(true),
                ONLINE,
                "Online | Connected | Connected",
            ),
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(true),
                None,
                "Online | Connected | Connected",
            ),
            (Phase::Serving, Kind::Messaging, Up, None, ONLINE, "Online | Connected | N/A"),
            (Phase::Serving, Kind::Chat, Up, Some(true), ONLINE, "Online | Online | Connected"),
            // one side down
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(false),
                AWAY,
                "Not Connected | Connected | Not Connected",
            ),
            (
                Phase::Serving,
                Kind::Chat,
                Up,
                Some(false),
                AWAY,
                "Not Connected | Online | Not Connected",
            ),
            (
                Phase::Serving,
                Kind::Messaging,
                down,
                Some(true),
                ONLINE,
                "Not Connected | Not Connected | Connected",
            ),
            (
                Phase::Serving,
                Kind::Chat,
                down,
                Some(true),
                None,
                "Not Connected | Offline | Connected",
            ),
            // away
            (Phase::Serving, Kind::Messaging, Up, Some(true), AWAY, "Online | Away | Connected"),
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(true),
                Some("OCCUPIED"),
                "Online | Away | Connected",
            ),
            (Phase::Serving, Kind::Chat, Up, Some(true), AWAY, "Online | Away | Connected"),
            // leaving
            (
                Phase::Draining,
                Kind::Messaging,
                Up,
                Some(true),
                AWAY,
                "Stopped | Connected | Connected",
            ),
            (
                Phase::Stopped,
                Kind::Messaging,
                LinkPhase::Stopped,
                Some(true),
                AWAY,
                "Stopped | Not Connected | Connected",
            ),
            (
                Phase::Stopped,
                Kind::Chat,
                LinkPhase::Stopped,
                Some(false),
                None,
                "Stopped | Offline | Not Connected",
            ),
        ] {
            let concluded = phase != Phase::Starting;
            let told = told.map(str::to_owned);
            let facts = Facts { phase, kind, told, ..facts(cloud, bot, concluded) };
            let found = words(&facts);
            let shown = [found.connector.0.word(), found.cloud.0.word(), found.bot.0.word()];
            assert_eq!(shown.join(" | "), expected, "{facts:?}");
        }
    }

    #[test]
    fn details_name_the_part_that_fails_and_what_its_link_says() {
        let cloud = facts(LinkPhase::Waiting { reason: "refused" }, Some(true), true);
        let found = words(&cloud);
        assert_eq!(found.connector.1, "Conversational Cloud: cloud detail");
        assert_eq!(found.cloud.1, "cloud detail");
        let bot = facts(LinkPhase::Up, Some(false), true);
        assert_eq!(words(&bot).connector.1, "bot server: bot detail");
        assert_eq!(words(&bot).bot.1, "bot detail");
    }

    #[test]
    fn an_away_agent_is_explained_by_who_wanted_it() {
        let calm = facts(LinkPhase::Up, None, true);
        for word in ["AWAY", "BACK_SOON", "OFFLINE", "SOMETHING_NEW"] {
            let away = Facts { told: Some(word.to_owned()), ..calm.clone() };
            let found = words(&away);
            assert_eq!(found.cloud.0, CloudStatus::Away, "{word}");
            assert!(found.cloud.1.starts_with(&format!("set by somebody else: {word}")));
            assert!(found.connector.1.ends_with("the agent is away"), "{found:?}");
        }
        let wanted = Wanted { state: Availability::Away, why: "max_conversations is reached" };
        for told in [Some("AWAY".to_owned()), None] {
            let own = Facts { wanted: wanted.clone(), told, ..calm.clone() };
            assert_eq!(
                words(&own).cloud,
                (CloudStatus::Away, "max_conversations is reached".to_owned())
            );
        }
    }

    #[test]
    fn until_the_first_state_is_acknowledged_nothing_is_online() {
        let undecided = Facts {
            standing: Standing::Undecided,
            told: Some("AWAY".to_owned()),
            ..facts(LinkPhase::Up, Some(true), true)
        };
        let found = words(&Facts { phase: Phase::Starting, ..undecided.clone() });
        assert_eq!(found.connector.0, ConnectorStatus::ReadyToStart);
        assert_eq!(found.cloud.0, CloudStatus::Connected);
        assert_eq!(words(&undecided).connector.0, ConnectorStatus::NotConnected);
    }

    #[test]
    fn a_state_that_the_cloud_does_not_take_is_told() {
        let failed = Facts {
            standing: Standing::Failed("agent state failed with 500".to_owned()),
            ..facts(LinkPhase::Up, Some(true), true)
        };
        let found = words(&failed);
        assert_eq!(found.connector.0, ConnectorStatus::NotConnected);
        assert!(found.connector.1.contains("ONLINE: agent state failed with 500"), "{found:?}");
        assert_eq!(found.cloud.0, CloudStatus::Away);
    }

    #[test]
    fn a_bot_that_is_still_being_connected_to_for_the_first_time_is_not_a_failure() {
        let facts = Facts { bot_concluded: false, ..facts(LinkPhase::Up, Some(false), true) };
        assert_eq!(words(&facts).connector.0, ConnectorStatus::ReadyToStart);
    }

    fn facts(cloud: LinkPhase, bot: Option<bool>, concluded: bool) -> Facts {
        Facts {
            phase: Phase::Serving,
            kind: Kind::Messaging,
            cloud: cloud::LinkState {
                phase: cloud,
                detail: "cloud detail".to_owned(),
                error: None,
            },
            cloud_concluded: concluded,
            bot: bot::LinkState { connected: bot, detail: "bot detail".to_owned(), error: None },
            bot_concluded: concluded,
            wanted: Wanted { state: Availability::Online, why: "" },
            standing: Standing::Acknowledged,
            told: None,
        }
    }
}
