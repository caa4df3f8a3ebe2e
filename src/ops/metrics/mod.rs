//! Every metric of the connector. No label holds an id of a conversation or a person.
//!
//! Series of known labels exist from the start, so that a rate sees the first event. All carry the labels
//! `connector` and `environment`.

mod label;
mod process;

use std::{borrow::Cow, time::Duration};

use prometheus_client::{
    encoding::text,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::{
    cloud::{LoginResult, Missed},
    conversation::effect::{
        Ambiguity, Disposition, DropReason, Escalation, Fact, FallbackReason, TransferReason,
    },
};

pub use label::{ConversationOutcome, Direction, Peer, RingResult};
use label::{Incident, Label};
use process::Process;

use super::status::{BotStatus, CloudStatus, ConnectorStatus, Conversations, Status};

/// The content type of [`Metrics::encode`]: the open form of Prometheus' text format.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The metrics. Methods take `&self`: handles are shared with the registry that encodes them.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Those whose names have no prefix.
    common: Registry,
    process: Process,
    tasks: Gauge,
    status: Family<Two, Gauge>,
    conversations_open: Gauge,
    conversations_limit: Gauge,
    rings: Family<One, Counter>,
    conversations: Family<One, Counter>,
    escalations: Family<One, Counter>,
    escalation_failures: Counter,
    transfers: Family<One, Counter>,
    csat: Histogram,
    consumer_messages: Family<One, Counter>,
    bot_events: Family<One, Counter>,
    bot_requests: Family<One, Counter>,
    answers_dropped: Family<One, Counter>,
    bot_response: Histogram,
    publish: Histogram,
    relay: Family<One, Histogram, fn() -> Histogram>,
    reconnects: Family<Two, Counter>,
    logins: Family<One, Counter>,
    resends: Counter,
    fallback_escalations: Family<One, Counter>,
    incidents: Family<One, Counter>,
    ambiguous: Family<One, Counter>,
    protocol_errors: Family<Two, Counter>,
    missed_notifications: Family<One, Counter>,
    agent_state_repairs: Counter,
    chat_polls: Family<One, Counter>,
}

impl Metrics {
    /// All metrics, at zero.
    #[must_use]
    pub fn new(connector: &str, environment: &str, version: &str) -> Self {
        let labels = [("connector", connector), ("environment", environment)]
            .map(|(name, value)| (Cow::Borrowed(name), Cow::Owned(value.to_owned())));
        let mut common = Registry::with_labels(labels.clone().into_iter());
        let registry = Registry::with_prefix_and_labels("connectord", labels.into_iter());
        let mut declare = Declare(registry);
        declare.info(version);
        let metrics = Self {
            status: declare
                .metric("status", "Status words of the three components: 1 for the one that holds"),
            conversations_open: declare.metric("conversations_open", "Conversations that are open"),
            conversations_limit: declare
                .metric("conversations_limit", "Conversations that may be open at once"),
            rings: declare.metric("rings", "Rings that were offered, by what became of them"),
            conversations: declare
                .metric("conversations", "Conversations that ended for this connector"),
            escalations: declare
                .metric("escalations", "How often people were wanted, by what wanted them"),
            escalation_failures: declare
                .metric("escalation_failures", "Transfers that were refused or led nowhere"),
            csat: declare.histogram(
                "csat_score",
                "What consumers gave in the satisfaction survey, 1 to 5",
                Histogram::new(SCORES),
            ),
            transfers: declare.metric("transfers", "Transfers to skills and agents"),
            consumer_messages: declare
                .metric("consumer_messages", "Messages of consumers, by what became of them"),
            bot_events: declare
                .metric("bot_events", "Events put to the bot, by kind; each attempt counts"),
            bot_requests: declare.metric("bot_requests", "Webhook attempts, by how they ended"),
            answers_dropped: declare
                .metric("answers_dropped", "Answers of the bot that were not used"),
            bot_response: declare.seconds(
                "bot_response",
                "From a batch being ready for the bot to the answer",
                Histogram::new(WAITS),
            ),
            publish: declare.seconds(
                "publish",
                "From a publish to the cloud's acknowledgement",
                Histogram::new(WAITS),
            ),
            relay: declare.seconds(
                "relay",
                "The connector's own share of the way, without waits that a setting asks for",
                Family::new_with_constructor(|| Histogram::new(SHARES)),
            ),
            reconnects: declare
                .metric("reconnects", "Connections that were lost or failed, by reason"),
            logins: declare.metric("logins", "Log-ins to the cloud"),
            resends: declare.metric("resends", "Events that were put to the bot again"),
            fallback_escalations: declare.metric(
                "fallback_escalations",
                "Conversations given to people because the bot failed",
            ),
            incidents: declare.metric("incidents", "What went wrong within conversations"),
            ambiguous: declare
                .metric("ambiguous", "What a dialog did not tell for certain, and a rule decided"),
            protocol_errors: declare
                .metric("protocol_errors", "What a peer sent that could not be used"),
            missed_notifications: declare.metric(
                "missed_notifications",
                "What the cloud should have told by itself and was found by looking",
            ),
            agent_state_repairs: declare.metric(
                "agent_state_repairs",
                "How often the cloud had put the agent in another state and it was set back",
            ),
            chat_polls: declare
                .metric("chat_polls", "Requests of a chat connector that only look for news"),
            tasks: declare.metric(
                "tasks",
                "Tasks of the runtime; they do not grow with conversations at rest",
            ),
            process: Process::declare(&mut common),
            common,
            registry: declare.0,
        };
        metrics.create_known_series();
        metrics
    }

    /// The text for a scrape, to be sent as [`CONTENT_TYPE`].
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::with_capacity(16 * 1024);
        let encoded = text::encode_registry(&mut text, &self.common)
            .and_then(|()| text::encode(&mut text, &self.registry));
        match encoded {
            Ok(()) => text,
            // Writing to a String does not fail; an empty exposition is valid all the same.
            Err(_) => "# EOF\n".to_owned(),
        }
    }

    /// Shows the status: its words, and how many conversations there are.
    pub fn status(&self, status: &Status) {
        let set = |component, all: &[&'static str], word| {
            for &each in all {
                let labels = [("component", component), ("status", each)];
                self.status.get_or_create(&labels).set(i64::from(each == word));
            }
        };
        set(
            "agent_connector",
            &ConnectorStatus::ALL.map(ConnectorStatus::word),
            status.agent_connector.status.word(),
        );
        set(
            "conversational_cloud",
            &CloudStatus::ALL.map(CloudStatus::word),
            status.conversational_cloud.status.word(),
        );
        set("bot_server", &BotStatus::ALL.map(BotStatus::word), status.bot_server.status.word());
        let Conversations { open, limit, .. } = status.conversations;
        let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.conversations_open.set(count(open));
        self.conversations_limit.set(count(limit));
    }

    /// Shows what the process uses: memory, descriptors, and this many tasks.
    pub fn usage(&self, tasks: usize) {
        self.tasks.set(i64::try_from(tasks).unwrap_or(i64::MAX));
        self.process.look();
    }

    /// Counts what a conversation reported.
    pub fn fact(&self, fact: &Fact) {
        match fact {
            // What became of it is what is counted here.
            Fact::Heard(_) => {}
            Fact::Consumer(count, disposition) => self.consumer_messages(*disposition, *count),
            Fact::Resent(_) => {
                self.resends.inc();
            }
            Fact::Answered(took) => self.bot_response.observe(took.as_secs_f64()),
            Fact::AnswerDropped(reason) => count(&self.answers_dropped, "reason", reason.label()),
            Fact::Published(took) => self.publish.observe(took.as_secs_f64()),
            Fact::Escalating(why) => count(&self.escalations, "reason", why.label()),
            Fact::Transferred(reason) => count(&self.transfers, "reason", reason.label()),
            Fact::Fallback { reason, possible: true } => {
                count(&self.fallback_escalations, "reason", reason.label());
            }
            Fact::Asked(kind) => count(&self.bot_events, "kind", label::event_kind(*kind)),
            // The hall counts it when the conversation goes, whoever closed it.
            Fact::Closed => {}
            Fact::Fallback { possible: false, .. } => self.incident(Incident::FallbackWithoutSkill),
            Fact::ActionSkipped(_) => self.incident(Incident::ActionSkipped),
            Fact::ContentRefused(_) => self.incident(Incident::ContentRefused),
            Fact::PublishFailed(_) => self.incident(Incident::PublishFailed),
            Fact::TransferFailed(_) => {
                self.escalation_failures.inc();
            }
            Fact::ReturnFailed(_) => self.incident(Incident::ReturnFailed),
            Fact::Stuck => self.incident(Incident::Stuck),
            Fact::Broken(_) => self.incident(Incident::Broken),
            Fact::Ambiguous { kind, times, .. } => {
                self.ambiguous
                    .get_or_create(&[("kind", kind.label())])
                    .inc_by(u64::try_from(*times).unwrap_or(u64::MAX));
            }
            Fact::HistoryFailed(_) => self.incident(Incident::HistoryFailed),
            Fact::Missed(messages) => self.missed(Missed::Message, *messages),
            Fact::SelfTransfer(_) => self.incident(Incident::SelfTransfer),
        }
    }

    /// Counts consumer messages by what became of them.
    pub fn consumer_messages(&self, disposition: Disposition, messages: usize) {
        self.consumer_messages
            .get_or_create(&[("disposition", disposition.label())])
            .inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }

    /// Counts a ring.
    pub fn ring(&self, result: RingResult) {
        count(&self.rings, "result", result.label());
    }

    /// Counts a conversation that ended for this connector.
    pub fn conversation(&self, outcome: ConversationOutcome) {
        count(&self.conversations, "outcome", outcome.label());
    }

    /// Counts a webhook attempt; `result` is one of the bot door's fixed words.
    pub fn bot_request(&self, result: &'static str) {
        count(&self.bot_requests, "result", result);
    }

    /// Counts a connection that was lost or could not be made; `reason` is one of the door's fixed words.
    pub fn reconnect(&self, component: Peer, reason: &'static str) {
        let labels = [("component", component.component()), ("reason", reason)];
        self.reconnects.get_or_create(&labels).inc();
    }

    /// Counts a log-in.
    pub fn login(&self, result: LoginResult) {
        count(&self.logins, "result", result.label());
    }

    /// Counts something unusable; `kind` is one of the door's fixed words.
    pub fn protocol_error(&self, peer: Peer, kind: &'static str) {
        let labels = [("peer", peer.label()), ("kind", kind)];
        self.protocol_errors.get_or_create(&labels).inc();
    }

    /// Counts what the cloud should have told by itself.
    pub fn missed(&self, kind: Missed, notifications: usize) {
        self.missed_notifications
            .get_or_create(&[("kind", kind.label())])
            .inc_by(u64::try_from(notifications).unwrap_or(u64::MAX));
    }

    /// Notes what a consumer gave in the satisfaction survey.
    pub fn csat(&self, score: u8) {
        self.csat.observe(f64::from(score));
    }

    /// Counts that the cloud had put the agent in another state than the wanted one, and that it was set back.
    pub fn agent_state_repaired(&self) {
        self.agent_state_repairs.inc();
    }

    /// Counts a request that only looks for news; `call` is one of the chat room's fixed words.
    pub fn chat_poll(&self, call: &'static str) {
        self.chat_polls.get_or_create(&[("call", call)]).inc();
    }

    /// Notes the connector's own share of one message's way.
    pub fn relay(&self, direction: Direction, took: Duration) {
        self.relay.get_or_create(&[("direction", direction.label())]).observe(took.as_secs_f64());
    }

    fn incident(&self, kind: Incident) {
        count(&self.incidents, "kind", kind.label());
    }

    fn create_known_series(&self) {
        create(&self.rings, "result", RingResult::ALL);
        create(&self.conversations, "outcome", ConversationOutcome::ALL);
        create(&self.escalations, "reason", Escalation::ALL);
        create(&self.transfers, "reason", TransferReason::ALL);
        create(&self.consumer_messages, "disposition", Disposition::ALL);
        create(&self.answers_dropped, "reason", DropReason::ALL);
        create(&self.logins, "result", LoginResult::ALL);
        create(&self.missed_notifications, "kind", Missed::ALL);
        create(&self.fallback_escalations, "reason", FallbackReason::ALL);
        create(&self.incidents, "kind", Incident::ALL);
        create(&self.ambiguous, "kind", Ambiguity::ALL);
        for direction in Direction::ALL {
            drop(self.relay.get_or_create(&[("direction", direction.label())]));
        }
    }
}

type One = [(&'static str, &'static str); 1];
type Two = [(&'static str, &'static str); 2];

/// Registers what it hands out. `_total` and `_seconds` are added to names by the registry.
struct Declare(Registry);

impl Declare {
    fn metric<M>(&mut self, name: &str, help: &str) -> M
    where
        M: prometheus_client::registry::Metric + Clone + Default,
    {
        let metric = M::default();
        self.0.register(name, help, metric.clone());
        metric
    }

    fn seconds<M>(&mut self, name: &str, help: &str, metric: M) -> M
    where
        M: prometheus_client::registry::Metric + Clone,
    {
        self.0.register_with_unit(name, help, Unit::Seconds, metric.clone());
        metric
    }

    fn histogram(&mut self, name: &str, help: &str, metric: Histogram) -> Histogram {
        self.0.register(name, help, metric.clone());
        metric
    }

    fn info(&mut self, version: &str) {
        let info = Info::new([("version", version.to_owned())]);
        self.0.register("build", "The program's version", info);
    }
}

fn count(family: &Family<One, Counter>, name: &'static str, value: &'static str) {
    family.get_or_create(&[(name, value)]).inc();
}

fn create<L: Label>(family: &Family<One, Counter>, name: &'static str, all: &[L]) {
    for each in all {
        drop(family.get_or_create(&[(name, each.label())]));
    }
}

/// For what others take: 10 ms to 2 min. A bot may think long, fallback comes after three minutes.
const WAITS: [f64; 14] =
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
/// For scores: one bucket each.
const SCORES: [f64; 5] = [1.0, 2.0, 3.0, 4.0, 5.0];
/// For our own share: 50 µs to 1 s.
const SHARES: [f64; 13] = [
    0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        conversation::{
            DialogId,
            event::{EventId, EventKind},
            mark::Mark,
        },
        ops::status::tests::example,
    };

    #[test]
    fn every_fact_moves_exactly_its_series() {
        let event = EventId {
            dialog: DialogId::from("secret-id"),
            key: Mark::parse("cd1:1:0/1", vec![]).unwrap().event,
        };
        let text = "secret-id".to_owned();
        let second = Duration::from_secs(1);
        for (fact, expected) in [
            (
                Fact::Consumer(3, Disposition::TooLate),
                "consumer_messages_total{disposition=\"too_late\"} 3",
            ),
            (Fact::Resent(event), "resends_total 1"),
            (Fact::Answered(second), "bot_response_seconds_sum 1.0"),
            (
                Fact::AnswerDropped(DropReason::GivenUp),
                "answers_dropped_total{reason=\"given_up\"} 1",
            ),
            (Fact::ActionSkipped(text.clone()), "incidents_total{kind=\"action_skipped\"} 1"),
            (Fact::Published(second), "publish_seconds_sum 1.0"),
            (Fact::ContentRefused(text.clone()), "incidents_total{kind=\"content_refused\"} 1"),
            (Fact::PublishFailed(text.clone()), "incidents_total{kind=\"publish_failed\"} 1"),
            (
                Fact::Transferred(TransferReason::User),
                "transfers_total{reason=\"escalated_by_user\"} 1",
            ),
            (Fact::Escalating(Escalation::Keyword), "escalations_total{reason=\"keyword\"} 1"),
            (Fact::TransferFailed(text.clone()), "escalation_failures_total 1"),
            (Fact::ReturnFailed(text.clone()), "incidents_total{kind=\"return_failed\"} 1"),
            (
                Fact::Fallback { reason: FallbackReason::Silence, possible: true },
                "fallback_escalations_total{reason=\"silence\"} 1",
            ),
            (
                Fact::Fallback { reason: FallbackReason::Silence, possible: false },
                "incidents_total{kind=\"fallback_without_skill\"} 1",
            ),
            (Fact::Stuck, "incidents_total{kind=\"stuck\"} 1"),
            (
                Fact::Ambiguous { kind: Ambiguity::AskedAgain, times: 2, what: text.clone() },
                "ambiguous_total{kind=\"asked_again\"} 2",
            ),
            (Fact::HistoryFailed(text), "incidents_total{kind=\"history_failed\"} 1"),
            (Fact::Missed(3), "missed_notifications_total{kind=\"message\"} 3"),
            (Fact::SelfTransfer("123".into()), "incidents_total{kind=\"self_transfer\"} 1"),
            (
                Fact::Asked(EventKind::EscalationFailed(2)),
                "bot_events_total{kind=\"escalation_failed\"} 1",
            ),
        ] {
            let metrics = Metrics::new("a", "demo", "0");
            metrics.fact(&fact);
            let samples = samples(&metrics);
            let moved: Vec<_> = samples
                .iter()
                .filter(|line| {
                    !line.ends_with(" 0") && !line.ends_with(" 0.0") && !line.contains("build_info")
                })
                .filter(|line| !line.contains("_bucket") && !line.contains("_count"))
                .collect();
            assert_eq!(moved, [expected], "{fact:?}");
        }
    }

    #[test]
    fn a_bots_close_is_counted_when_the_conversation_goes() {
        let metrics = Metrics::new("a", "demo", "0");
        let before = metrics.encode();
        metrics.fact(&Fact::Closed);
        assert_eq!(metrics.encode(), before);
        metrics.conversation(ConversationOutcome::Resolved);
        assert!(has(&metrics, "conversations_total{outcome=\"resolved\"} 1"));
    }

    #[test]
    fn the_status_is_one_for_the_word_that_holds_and_zero_for_the_others() {
        let metrics = Metrics::new("a", "demo", "0");
        let mut status = example();
        metrics.status(&status);
        for line in [
            "status{component=\"agent_connector\",status=\"Not Connected\"} 1",
            "status{component=\"agent_connector\",status=\"Online\"} 0",
            "status{component=\"conversational_cloud\",status=\"Connected\"} 1",
            "status{component=\"bot_server\",status=\"N/A\"} 0",
            "conversations_open 12",
            "conversations_limit 50",
        ] {
            assert!(has(&metrics, line), "{line}");
        }
        status.agent_connector.status = ConnectorStatus::Online;
        metrics.status(&status);
        assert!(has(&metrics, "status{component=\"agent_connector\",status=\"Not Connected\"} 0"));
        assert!(has(&metrics, "status{component=\"agent_connector\",status=\"Online\"} 1"));
    }

    #[test]
    fn doors_and_rings_are_counted_by_their_words() {
        let metrics = Metrics::new("a", "demo", "0");
        metrics.ring(RingResult::Left);
        metrics.bot_request("timeout");
        metrics.reconnect(Peer::Cloud, "evicted");
        metrics.login(LoginResult::Throttled);
        metrics.protocol_error(Peer::Bot, "json");
        metrics.relay(Direction::ToBot, Duration::from_millis(2));
        for line in [
            "rings_total{result=\"left\"} 1",
            "bot_requests_total{result=\"timeout\"} 1",
            "reconnects_total{component=\"conversational_cloud\",reason=\"evicted\"} 1",
            "logins_total{result=\"throttled\"} 1",
            "protocol_errors_total{peer=\"bot\",kind=\"json\"} 1",
            "relay_seconds_bucket{le=\"0.001\",direction=\"to_bot\"} 0",
            "relay_seconds_bucket{le=\"0.0025\",direction=\"to_bot\"} 1",
        ] {
            assert!(has(&metrics, line), "{line}\n{}", metrics.encode());
        }
    }

    #[test]
    fn what_consumers_gave_stands_in_one_bucket_for_each_score() {
        let metrics = Metrics::new("a", "demo", "0");
        for score in [5, 4, 4, 1] {
            metrics.csat(score);
        }
        for line in [
            "csat_score_sum 14.0",
            "csat_score_count 4",
            "csat_score_bucket{le=\"1.0\"} 1",
            "csat_score_bucket{le=\"3.0\"} 1",
            "csat_score_bucket{le=\"4.0\"} 3",
            "csat_score_bucket{le=\"5.0\"} 4",
        ] {
            assert!(has(&metrics, line), "{line}\n{}", metrics.encode());
        }
    }

    #[test]
    fn a_chat_rooms_looks_and_repairs_are_counted() {
        let metrics = Metrics::new("a", "demo", "0");
        metrics.agent_state_repaired();
        metrics.chat_poll("events");
        metrics.chat_poll("rings");
        for line in [
            "agent_state_repairs_total 1",
            "chat_polls_total{call=\"events\"} 1",
            "chat_polls_total{call=\"rings\"} 1",
        ] {
            assert!(has(&metrics, line), "{line}\n{}", metrics.encode());
        }
    }

    #[test]
    fn known_series_exist_before_anything_happened() {
        let metrics = Metrics::new("a", "demo", "0");
        for line in [
            "rings_total{result=\"accepted\"} 0",
            "fallback_escalations_total{reason=\"late\"} 0",
            "logins_total{result=\"refused\"} 0",
            "resends_total 0",
            "escalations_total{reason=\"configuration\"} 0",
            "escalation_failures_total 0",
            "csat_score_count 0",
            "agent_state_repairs_total 0",
        ] {
            assert!(has(&metrics, line), "{line}");
        }
    }

    #[test]
    fn every_series_names_connector_and_environment_and_values_are_escaped() {
        let metrics = Metrics::new("a\"b\\c\n", "demo", "1.2.3");
        metrics.status(&example());
        let text = metrics.encode();
        assert!(text.ends_with("# EOF\n"));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("connectord_") || line.starts_with("process_"), "{line}");
            assert!(line.contains(r#"connector="a\"b\\c\n",environment="demo""#), "{line}");
        }
        assert!(
            text.contains("connectord_build_info{version=\"1.2.3\",connector=")
                || text.contains("version=\"1.2.3\"")
        );
    }

    fn has(metrics: &Metrics, line: &str) -> bool {
        samples(metrics).iter().any(|sample| sample == line)
    }

    /// The sample lines, without prefix and constant labels.
    fn samples(metrics: &Metrics) -> Vec<String> {
        let text = metrics.encode();
        let samples = text.lines().filter(|line| line.starts_with("connectord_"));
        samples
            .map(|line| {
                let line = line.strip_prefix("connectord_").unwrap();
                let constant = "connector=\"a\",environment=\"demo\"";
                line.replace(&format!("{{{constant}}}"), "")
                    .replace(&format!("{constant},"), "")
                    .replace(&format!(",{constant}"), "")
            })
            .collect()
    }
}
