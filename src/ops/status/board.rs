//! Pure: the board in the hall. Each piece of news is hung up with its time; the status is what the board shows.

use crate::{
    bot,
    cloud::{self, Availability, LinkPhase},
    conversation::{Timestamp, settings::Kind},
};

use super::{
    AgentConnector, BotServer, BotStatus, CloudStatus, ConnectorStatus, ConversationalCloud,
    Conversations, Facts, LastError, Phase, Standing, Status, Totals, Wanted, words,
};

/// Who the connector is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `[connector] name`
    pub name: String,
    /// The program's version.
    pub version: String,
    /// `[connector] account_id`
    pub account_id: String,
    /// `[connector] environment`
    pub environment: String,
    /// `[connector] conversation_type`
    pub kind: Kind,
}

/// Keeps the facts and the status that follows from them.
///
/// Methods that may change a status word say whether one did: time to log it and to tell systemd.
#[derive(Clone, Debug)]
pub struct Board {
    facts: Facts,
    status: Status,
    /// Whether the cloud has ever been up; only then does being up again count as a reconnect.
    was_up: bool,
}

impl Board {
    /// The board of a process that has just started.
    #[must_use]
    pub fn new(identity: Identity, now: Timestamp) -> Self {
        let facts = Facts {
            phase: Phase::Starting,
            kind: identity.kind,
            cloud: cloud::LinkState {
                phase: LinkPhase::Domains,
                detail: "starting".to_owned(),
                error: None,
            },
            cloud_concluded: false,
            bot: bot::LinkState { connected: None, detail: String::new(), error: None },
            bot_concluded: false,
            wanted: Wanted { state: Availability::Online, why: "" },
            standing: Standing::Undecided,
            told: None,
        };
        let status = Status {
            name: identity.name,
            version: identity.version,
            account_id: identity.account_id,
            environment: identity.environment,
            conversation_type: match identity.kind {
                Kind::Messaging => "messaging",
                Kind::Chat => "chat",
            }
            .to_owned(),
            phase: facts.phase,
            started: now,
            agent_connector: AgentConnector {
                status: ConnectorStatus::ReadyToStart,
                since: now,
                detail: String::new(),
            },
            conversational_cloud: ConversationalCloud {
                status: CloudStatus::NotConnected,
                since: now,
                detail: String::new(),
                agent_state: None,
                last_error: None,
                reconnects: 0,
            },
            bot_server: BotServer {
                status: BotStatus::NotApplicable,
                since: now,
                detail: String::new(),
                last_error: None,
            },
            conversations: Conversations::default(),
            custom_fingerprint: String::new(),
            totals: Totals::default(),
        };
        let mut board = Self { facts, status, was_up: false };
        board.show(now);
        board
    }

    /// What the board shows.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The process moves on. `Serving` is found by the board itself and need not be told.
    pub fn phase(&mut self, phase: Phase, now: Timestamp) -> bool {
        self.facts.phase = phase;
        self.show(now)
    }

    /// News of the connection to the cloud.
    pub fn cloud(&mut self, link: cloud::LinkState, now: Timestamp) -> bool {
        let (up, waiting) = match link.phase {
            LinkPhase::Up => (true, false),
            LinkPhase::Waiting { .. } => (false, true),
            LinkPhase::Domains
            | LinkPhase::LoggingIn
            | LinkPhase::Connecting
            | LinkPhase::Subscribing
            | LinkPhase::Stopped => (false, false),
        };
        let cloud = &mut self.status.conversational_cloud;
        if up && self.was_up && self.facts.cloud.phase != LinkPhase::Up {
            cloud.reconnects += 1;
        }
        if !up {
            // What the agent's state is now is for the next connection to tell.
            self.facts.told = None;
            self.facts.standing = Standing::Undecided;
            cloud.agent_state = None;
        }
        note_error(&mut cloud.last_error, link.error.as_deref(), waiting, now);
        self.was_up |= up;
        self.facts.cloud_concluded |= up || waiting;
        self.facts.cloud = link;
        self.show(now)
    }

    /// Something is wrong with the cloud although it is connected.
    pub fn cloud_trouble(&mut self, error: &str, now: Timestamp) -> bool {
        note_error(&mut self.status.conversational_cloud.last_error, Some(error), false, now);
        self.show(now)
    }

    /// News of the connection to the bot.
    pub fn bot(&mut self, link: bot::LinkState, now: Timestamp) -> bool {
        let bot = &mut self.status.bot_server;
        note_error(&mut bot.last_error, link.error.as_deref(), false, now);
        self.facts.bot_concluded |= link.connected == Some(true) || link.error.is_some();
        self.facts.bot = link;
        self.show(now)
    }

    /// The cloud told the agent's state, in its own word.
    pub fn agent(&mut self, word: &str, now: Timestamp) -> bool {
        self.facts.told = Some(word.to_owned());
        self.status.conversational_cloud.agent_state = Some(word.to_owned());
        self.show(now)
    }

    /// The connector wants this state of the agent, and why (for people; empty when ONLINE).
    pub fn wanted(&mut self, state: Availability, why: &'static str, now: Timestamp) -> bool {
        if self.facts.wanted.state != state {
            // Told of the state before; that of this one is on its way.
            self.facts.told = None;
        }
        self.facts.wanted = Wanted { state, why };
        self.show(now)
    }

    /// What became of the state that is wanted.
    pub fn standing(&mut self, standing: Standing, now: Timestamp) -> bool {
        let wanted = self.facts.wanted.state.as_str();
        if standing == Standing::Acknowledged
            && self.facts.told.as_deref().is_some_and(|told| told != wanted)
        {
            // Told before the change; the news of it is on its way.
            self.facts.told = None;
        }
        self.facts.standing = standing;
        self.show(now)
    }

    /// How many conversations there are, and how many may be.
    pub fn conversations(&mut self, conversations: Conversations) {
        self.status.conversations = conversations;
    }

    /// The fingerprint of the custom fields in use.
    pub fn custom_fingerprint(&mut self, fingerprint: String) {
        self.status.custom_fingerprint = fingerprint;
    }

    /// The totals, to be counted up.
    pub fn totals(&mut self) -> &mut Totals {
        &mut self.status.totals
    }

    /// Brings the status up to the facts. Since is the time of a word, not of its detail.
    fn show(&mut self, now: Timestamp) -> bool {
        let words = words(&self.facts);
        let settled = words.connector.0 != ConnectorStatus::ReadyToStart;
        if self.facts.phase == Phase::Starting && settled {
            self.facts.phase = Phase::Serving;
        }
        let status = &mut self.status;
        status.phase = self.facts.phase;
        let connector = &mut status.agent_connector;
        let cloud = &mut status.conversational_cloud;
        let bot = &mut status.bot_server;
        (connector.detail, cloud.detail, bot.detail) =
            (words.connector.1, words.cloud.1, words.bot.1);
        let mut changed =
            change(&mut connector.status, words.connector.0, &mut connector.since, now);
        changed |= change(&mut cloud.status, words.cloud.0, &mut cloud.since, now);
        changed |= change(&mut bot.status, words.bot.0, &mut bot.since, now);
        changed
    }
}

fn change<T: PartialEq>(word: &mut T, new: T, since: &mut Timestamp, now: Timestamp) -> bool {
    if *word == new {
        return false;
    }
    *word = new;
    *since = now;
    true
}

/// A link tells its last error again and again; it is a new one if its text is new or something just `failed`.
fn note_error(last: &mut Option<LastError>, error: Option<&str>, failed: bool, now: Timestamp) {
    let Some(message) = error else { return };
    let known = last.as_ref().is_some_and(|last| last.message == message);
    if failed || !known {
        *last = Some(LastError { time: now, message: message.to_owned() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::at;

    #[test]
    fn a_start_goes_from_ready_to_start_to_online_and_serving() {
        let mut board = board(Kind::Messaging);
        assert_eq!(shown(&board), "Starting: Ready to Start | Not Connected | N/A");
        assert!(!board.cloud(cloud(LinkPhase::LoggingIn, None), at(1)));
        assert!(!board.status().settled());
        assert!(board.bot(bot(Some(false), None), at(2)));
        assert!(board.cloud(cloud(LinkPhase::Up, None), at(3)));
        // The bot is still being connected to for the first time.
        assert_eq!(shown(&board), "Starting: Ready to Start | Connected | Not Connected");
        assert!(board.bot(bot(Some(true), None), at(4)));
        assert_eq!(shown(&board), "Starting: Ready to Start | Connected | Connected");
        assert!(board.standing(Standing::Acknowledged, at(5)));
        assert_eq!(shown(&board), "Serving: Online | Connected | Connected");
        assert_eq!(board.status().agent_connector.since, at(5));
        assert_eq!(board.status().conversational_cloud.since, at(3));
        assert!(board.status().settled());
    }

    #[test]
    fn a_start_that_fails_settles_on_why_not() {
        let mut board = board(Kind::Messaging);
        board.cloud(cloud(LinkPhase::Waiting { reason: "refused" }, Some("401")), at(1));
        assert_eq!(shown(&board), "Serving: Not Connected | Not Connected | N/A");
        assert!(board.status().settled());
    }

    #[test]
    fn since_moves_with_the_word_and_not_with_the_detail() {
        let mut board = board(Kind::Messaging);
        board.cloud(cloud(LinkPhase::Waiting { reason: "network" }, Some("a")), at(1));
        let changed = board.cloud(cloud(LinkPhase::Connecting, Some("a")), at(2));
        assert!(!changed);
        assert_eq!(board.status().conversational_cloud.since, at(0));
        assert_eq!(board.status().agent_connector.since, at(1));
    }

    #[test]
    fn coming_up_again_is_a_reconnect_and_the_first_time_is_not() {
        let mut board = board(Kind::Messaging);
        for minute in 0..3 {
            board.cloud(cloud(LinkPhase::Up, None), at(minute));
            board.cloud(cloud(LinkPhase::Up, None), at(minute));
            board.cloud(cloud(LinkPhase::Waiting { reason: "closed" }, None), at(minute));
        }
        assert_eq!(board.status().conversational_cloud.reconnects, 2);
    }

    #[test]
    fn the_last_error_keeps_the_time_of_the_last_failure() {
        let mut board = board(Kind::Messaging);
        let waiting = LinkPhase::Waiting { reason: "network" };
        board.cloud(cloud(waiting, Some("refused")), at(1));
        board.cloud(cloud(LinkPhase::Connecting, Some("refused")), at(2));
        assert_eq!(last_error(&board), Some((at(1), "refused")));
        board.cloud(cloud(waiting, Some("refused")), at(3));
        assert_eq!(last_error(&board), Some((at(3), "refused")));
        board.cloud(cloud(LinkPhase::Up, None), at(4));
        assert_eq!(last_error(&board), Some((at(3), "refused")));
    }

    #[test]
    fn the_agents_state_is_forgotten_with_the_connection() {
        let mut board = board(Kind::Messaging);
        board.cloud(cloud(LinkPhase::Up, None), at(1));
        assert!(!board.agent("AWAY", at(2)), "what a connection begins with");
        board.standing(Standing::Acknowledged, at(2));
        assert!(board.agent("AWAY", at(2)));
        assert_eq!(board.status().conversational_cloud.status, CloudStatus::Away);
        board.cloud(cloud(LinkPhase::Waiting { reason: "closed" }, None), at(3));
        board.cloud(cloud(LinkPhase::Up, None), at(4));
        assert_eq!(board.status().conversational_cloud.status, CloudStatus::Connected);
        assert_eq!(board.status().conversational_cloud.agent_state, None);
    }

    #[test]
    fn a_state_of_before_is_not_taken_for_somebody_elses() {
        let mut board = board(Kind::Messaging);
        board.cloud(cloud(LinkPhase::Up, None), at(1));
        for _ in 0..2 {
            for (state, why) in [(Availability::Away, "full"), (Availability::Online, "")] {
                board.wanted(state, why, at(2));
                let detail = &board.status().conversational_cloud.detail;
                assert!(!detail.contains("somebody"), "{detail}");
                board.standing(Standing::Acknowledged, at(2));
                board.agent(state.as_str(), at(2));
                assert_eq!(board.status().conversational_cloud.detail, why);
            }
        }
    }

    #[test]
    fn draining_is_stopped_from_its_first_moment() {
        let mut board = board(Kind::Chat);
        board.cloud(cloud(LinkPhase::Up, None), at(1));
        board.standing(Standing::Acknowledged, at(1));
        assert_eq!(shown(&board), "Serving: Online | Online | N/A");
        assert!(board.phase(Phase::Draining, at(2)));
        board.agent("AWAY", at(2));
        assert_eq!(shown(&board), "Draining: Stopped | Online | N/A");
        board.phase(Phase::Stopped, at(3));
        board.cloud(cloud(LinkPhase::Stopped, None), at(3));
        assert_eq!(shown(&board), "Stopped: Stopped | Offline | N/A");
        assert_eq!(board.status().agent_connector.since, at(2));
    }

    fn board(kind: Kind) -> Board {
        let text = str::to_owned;
        let identity = Identity {
            name: text("a"),
            version: text("0"),
            account_id: text("1"),
            environment: text("demo"),
            kind,
        };
        Board::new(identity, at(0))
    }

    fn cloud(phase: LinkPhase, error: Option<&str>) -> cloud::LinkState {
        cloud::LinkState { phase, detail: String::new(), error: error.map(str::to_owned) }
    }

    fn bot(connected: Option<bool>, error: Option<&str>) -> bot::LinkState {
        bot::LinkState { connected, detail: String::new(), error: error.map(str::to_owned) }
    }

    fn shown(board: &Board) -> String {
        let status = board.status();
        format!(
            "{}: {} | {} | {}",
            status.phase.word(),
            status.agent_connector.status.word(),
            status.conversational_cloud.status.word(),
            status.bot_server.status.word()
        )
    }

    fn last_error(board: &Board) -> Option<(Timestamp, &str)> {
        let error = board.status().conversational_cloud.last_error.as_ref()?;
        Some((error.time, &error.message))
    }
}
