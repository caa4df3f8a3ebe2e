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
    /// The agent's state that this connector asked for.
    pub wanted: Availability,
    /// The agent's state as the cloud tells it, where it is known.
    pub told: Option<Availability>,
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
    let away = match facts.told {
        Some(Availability::Away | Availability::Occupied)
            if cloud_up && !leaving && bot != BotStatus::NotConnected =>
        {
            Some(away_detail(facts.wanted))
        }
        Some(Availability::Away | Availability::Occupied | Availability::Online) | None => None,
    };
    let cloud = match (facts.kind, cloud_up, away) {
        (Kind::Messaging | Kind::Chat, true, Some(_)) => CloudStatus::Away,
        (Kind::Messaging, true, None) => CloudStatus::Connected,
        (Kind::Messaging, false, _) => CloudStatus::NotConnected,
        (Kind::Chat, true, None) => CloudStatus::Online,
        (Kind::Chat, false, _) => CloudStatus::Offline,
    };
    Words {
        connector: connector(facts, cloud_up, bot, away),
        cloud: (cloud, away.unwrap_or(&facts.cloud.detail).to_owned()),
        bot: (bot, facts.bot.detail.clone()),
    }
}

fn connector(
    facts: &Facts,
    cloud_up: bool,
    bot: BotStatus,
    away: Option<&str>,
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
        BotStatus::Connected | BotStatus::NotApplicable => {
            let detail = away.map_or("", |_| "gets no new conversations while the agent is away");
            (ConnectorStatus::Online, detail.to_owned())
        }
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

fn away_detail(wanted: Availability) -> &'static str {
    match wanted {
        Availability::Online => {
            "the agent is away although this connector asked for online: somebody or a capacity rule set it; \
             set the agent online again to get conversations"
        }
        Availability::Away | Availability::Occupied => {
            "this connector has set the agent away and takes no new conversations"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_follow_the_situation() {
        use Availability::{Away, Occupied, Online as On};
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
                Some(On),
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
            (Phase::Serving, Kind::Messaging, Up, None, Some(On), "Online | Connected | N/A"),
            (Phase::Serving, Kind::Chat, Up, Some(true), Some(On), "Online | Online | Connected"),
            // one side down
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(false),
                Some(Away),
                "Not Connected | Connected | Not Connected",
            ),
            (
                Phase::Serving,
                Kind::Chat,
                Up,
                Some(false),
                Some(Away),
                "Not Connected | Online | Not Connected",
            ),
            (
                Phase::Serving,
                Kind::Messaging,
                down,
                Some(true),
                Some(On),
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
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(true),
                Some(Away),
                "Online | Away | Connected",
            ),
            (
                Phase::Serving,
                Kind::Messaging,
                Up,
                Some(true),
                Some(Occupied),
                "Online | Away | Connected",
            ),
            (Phase::Serving, Kind::Chat, Up, Some(true), Some(Away), "Online | Away | Connected"),
            // leaving
            (
                Phase::Draining,
                Kind::Messaging,
                Up,
                Some(true),
                Some(Away),
                "Stopped | Connected | Connected",
            ),
            (
                Phase::Stopped,
                Kind::Messaging,
                LinkPhase::Stopped,
                Some(true),
                Some(Away),
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
        let away = Facts { told: Some(Availability::Away), ..facts(LinkPhase::Up, None, true) };
        let found = words(&away);
        assert!(found.cloud.1.contains("somebody or a capacity rule"), "{found:?}");
        assert!(found.connector.1.ends_with("the agent is away"), "{found:?}");
        let own = Facts { wanted: Availability::Away, ..away };
        assert!(words(&own).cloud.1.starts_with("this connector has set"));
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
            wanted: Availability::Online,
            told: None,
        }
    }
}
