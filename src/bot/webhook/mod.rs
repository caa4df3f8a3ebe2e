//! A bot behind a webhook: one request for each event, the response answers.

mod health;
pub(super) mod outcome;
mod signature;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::Bytes,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
    http::request::Builder,
};
use percent_encoding::{CONTROLS, utf8_percent_encode};
use secrecy::ExposeSecret as _;
use tokio::task::JoinSet;

use health::Health;
use outcome::Reading;
pub(super) use outcome::{Outcome, is_sign_of_life};
pub use signature::NotASigningSecret;
use signature::SigningKey;

use super::{BotError, Dialect, LinkState, Settings, protocol::BODY_MAX};
use crate::{
    conversation::{
        ConversationId,
        effect::{Notice, Question},
        event::EventId,
    },
    net::{Net, NetError},
    ops::clock::Clock,
    secret::Secret,
};

/// Requests to the bot: those that wait, and those under way.
pub(super) struct Webhook {
    net: Net,
    clock: Clock,
    /// Bounded by the core, which has one event of a conversation under way.
    queue: VecDeque<Job>,
    questions: JoinSet<Ended>,
    notices: JoinSet<Ended>,
    /// At most one, which does not count against `max_in_flight`.
    probe: JoinSet<Ended>,
    health: Health,
    /// Once it stops: when what is left is given up.
    give_up_at: Option<Instant>,
}

/// How a request ended, and the connection's state if that changed it.
pub(super) struct Happening {
    pub(super) what: What,
    pub(super) link: Option<LinkState>,
}

/// What a request was about.
pub(super) enum What {
    /// A question's attempt ended.
    Asked {
        conversation: ConversationId,
        event: EventId,
        attempt: u32,
        /// When it ended.
        at: Instant,
        outcome: Outcome,
    },
    /// A notice's only attempt ended.
    Told(Outcome),
    /// A probe ended.
    Probed,
    /// The last news were given up: it is idle.
    GaveUp,
}

/// A request that waits for its turn.
enum Job {
    Ask(Box<Question>),
    Tell(Box<Notice>),
}

/// What an attempt was about.
enum Subject {
    Question { conversation: ConversationId, event: EventId, attempt: u32, dialect: Dialect },
    Notice,
    Probe,
}

struct Ended {
    subject: Subject,
    at: Instant,
    result: Result<Response<Bytes>, Failure>,
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub(in crate::bot) enum Failure {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("the request could not be made")]
    Request(#[source] BotError),
}

impl Webhook {
    pub(super) fn new(net: Net, clock: Clock, gone_after: Duration) -> Self {
        Self {
            net,
            clock,
            queue: VecDeque::new(),
            questions: JoinSet::new(),
            notices: JoinSet::new(),
            probe: JoinSet::new(),
            health: Health::new(gone_after),
            give_up_at: None,
        }
    }

    /// Forgets what is known of the bot: it is another one now, or asked in another way.
    pub(super) fn reset(&mut self, gone_after: Duration) -> LinkState {
        self.health = Health::new(gone_after);
        health::unknown()
    }

    pub(super) fn ask(&mut self, question: Box<Question>) {
        self.queue.push_back(Job::Ask(question));
    }

    pub(super) fn tell(&mut self, notice: Box<Notice>) {
        self.queue.push_back(Job::Tell(notice));
    }

    /// Takes a question back that still waits. One under way ends as it ends.
    pub(super) fn withdraw(&mut self, event: &EventId) {
        self.queue.retain(|job| match job {
            Job::Ask(question) => question.event != *event,
            Job::Tell(_) => true,
        });
    }

    /// Takes back all questions that still wait.
    pub(super) fn take_waiting(&mut self) -> Vec<Question> {
        (self.queue.drain(..))
            .filter_map(|job| match job {
                Job::Ask(question) => Some(*question),
                Job::Tell(_) => None,
            })
            .collect()
    }

    /// Gives up the questions, which are asked again after the next start; the news, which are not, have a moment to get out.
    pub(super) fn stop(&mut self) {
        self.queue.retain(|job| matches!(job, Job::Tell(_)));
        self.questions = JoinSet::new();
        self.give_up_at = Some(self.clock.now() + LAST_WORDS);
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight() == 0
    }

    fn in_flight(&self) -> usize {
        self.questions.len() + self.notices.len()
    }

    /// Begins as many requests as `settings` allow.
    pub(super) fn begin(&mut self, dialect: Dialect, settings: &Settings) {
        while self.in_flight() < settings.max_in_flight.max(1)
            && let Some(job) = self.queue.pop_front()
        {
            let (subject, request) = match job {
                Job::Ask(question) => {
                    let body = dialect.question(&question, &settings.connector);
                    let id = question.event.to_string();
                    let request = self.request(&id, question.attempt, body, settings);
                    let subject = Subject::Question {
                        conversation: question.about.conversation.clone(),
                        event: question.event,
                        attempt: question.attempt,
                        dialect,
                    };
                    (subject, request)
                }
                Job::Tell(notice) => {
                    let body = dialect.notice(&notice, &settings.connector);
                    let request = self.request(&notice.event.to_string(), 1, body, settings);
                    (Subject::Notice, request)
                }
            };
            self.spawn(subject, request, settings.request_timeout);
        }
    }

    /// The next request that ends; probes are begun when they are due. Cancel-safe.
    pub(super) async fn next(&mut self, settings: &Settings) -> Happening {
        loop {
            let probe_at = self.health.probe_at().filter(|_| self.probe.is_empty());
            let ended = tokio::select! {
                Some(ended) = self.questions.join_next() => ended,
                Some(ended) = self.notices.join_next() => ended,
                Some(ended) = self.probe.join_next() => ended,
                () = until(probe_at) => {
                    self.probe(settings);
                    continue;
                }
                () = until(self.give_up_at) => return self.give_up(),
            };
            match ended {
                Ok(ended) => return self.ended(ended, settings),
                // A panic in an attempt is a bug: it ends the room, in the open.
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => {}
            }
        }
    }

    fn ended(&mut self, ended: Ended, settings: &Settings) -> Happening {
        let wall = self.clock.wall();
        let Ended { subject, at, result } = ended;
        let (what, sign) = match subject {
            Subject::Question { conversation, event, attempt, dialect } => {
                let reading = Reading { dialect, event: &event, content: &settings.content };
                let (outcome, sign) = outcome::judge(result, Some(reading), wall);
                (What::Asked { conversation, event, attempt, at, outcome }, sign)
            }
            Subject::Notice => {
                let (outcome, sign) = outcome::judge(result, None, wall);
                (What::Told(outcome), sign)
            }
            Subject::Probe => {
                let link = self.health.saw_probe(outcome::of_probe(result), at);
                return Happening { what: What::Probed, link };
            }
        };
        let link = self.health.saw(sign, at);
        Happening { what, link }
    }

    fn give_up(&mut self) -> Happening {
        self.queue.clear();
        self.questions = JoinSet::new();
        self.notices = JoinSet::new();
        self.give_up_at = None;
        Happening { what: What::GaveUp, link: None }
    }

    fn probe(&mut self, settings: &Settings) {
        self.health.probed(self.clock.now());
        let request = probe_request(settings);
        let timeout = settings.request_timeout.min(PROBE_TIMEOUT);
        self.spawn(Subject::Probe, request, timeout);
    }

    /// The request that carries `body`, the event `id`.
    fn request(
        &self,
        id: &str,
        attempt: u32,
        body: String,
        settings: &Settings,
    ) -> Result<Request<Full<Bytes>>, BotError> {
        // Ids come from the cloud and are plain; should one not be, the header must still be legal.
        let id = utf8_percent_encode(id, CONTROLS).to_string();
        let mut builder = authorized(Request::post(&settings.url), settings.token.as_ref())?
            .header(CONTENT_TYPE, "application/json")
            .header(IDEMPOTENCY_KEY, &id)
            .header(TRACEPARENT, signature::traceparent(&id, attempt));
        if let Some(secret) = &settings.signing_secret {
            let timestamp = self.clock.wall().0.div_euclid(1000);
            let signature = signing_key(secret)?.sign(&id, timestamp, &body);
            builder = builder
                .header(WEBHOOK_ID, &id)
                .header(WEBHOOK_TIMESTAMP, timestamp)
                .header(WEBHOOK_SIGNATURE, signature);
        }
        finish(builder, Bytes::from(body))
    }

    fn spawn(
        &mut self,
        subject: Subject,
        request: Result<Request<Full<Bytes>>, BotError>,
        timeout: Duration,
    ) {
        let (net, clock) = (self.net.clone(), self.clock.clone());
        let attempts = match &subject {
            Subject::Question { .. } => &mut self.questions,
            Subject::Notice => &mut self.notices,
            Subject::Probe => &mut self.probe,
        };
        attempts.spawn(async move {
            let result = match request {
                Ok(request) => {
                    Box::pin(net.http(request, timeout, BODY_MAX)).await.map_err(Failure::Net)
                }
                Err(error) => Err(Failure::Request(error)),
            };
            let at = clock.now();
            Ended { subject, at, result }
        });
    }
}

/// A request that asks for nothing; [`is_sign_of_life`] judges the answer.
pub(super) fn probe_request(settings: &Settings) -> Result<Request<Full<Bytes>>, BotError> {
    authorized(Request::options(&settings.url), settings.token.as_ref())
        .and_then(|builder| finish(builder, Bytes::new()))
}

/// Reads the signing secret, afresh each time.
pub(super) fn signing_key(secret: &Secret) -> Result<SigningKey, BotError> {
    SigningKey::new(&secret.read().map_err(BotError::SigningSecret)?).map_err(BotError::SigningKey)
}

/// Reads the token, afresh each time, as the value of an `Authorization` header.
pub(super) fn bearer(token: &Secret) -> Result<HeaderValue, BotError> {
    let token = token.read().map_err(BotError::Token)?;
    let text = format!("Bearer {}", token.expose_secret());
    let mut value = HeaderValue::from_str(&text).map_err(|_| BotError::TokenCharacters)?;
    value.set_sensitive(true);
    Ok(value)
}

fn authorized(builder: Builder, token: Option<&Secret>) -> Result<Builder, BotError> {
    let builder = builder.header(ACCEPT, "application/json");
    Ok(match token {
        Some(token) => builder.header(AUTHORIZATION, bearer(token)?),
        None => builder,
    })
}

fn finish(builder: Builder, body: Bytes) -> Result<Request<Full<Bytes>>, BotError> {
    builder.body(Full::new(body)).map_err(BotError::Request)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time.into()).await,
        None => std::future::pending().await,
    }
}

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// How long news may still be under way after a stop.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// A probe asks for nothing that takes time.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
