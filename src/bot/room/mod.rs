//! The room behind the door: one task that owns all that is known of the bot and hands events to the hall.

mod hall;
mod letters;

use std::time::Instant;

use secrecy::ExposeSecret as _;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::JoinSet,
};

use super::{
    Callback, Command, Event, Settings, Transport,
    callback::{self, Letter},
    dialect::native::{self, Frame, Malformed, Reply},
    register::{Register, State},
    webhook::{self, Outcome, Webhook},
    websocket::{self, Delivery, Link},
};
use crate::{
    conversation::{
        ConversationId,
        effect::{Notice, Question},
        event::{Answer, BotEvent, EventId},
    },
    net::Net,
    ops::{clock::Clock, logs::chain},
    secret::Secret,
};
use hall::{Hall, HallGone, listed};

/// Everything that one task owns.
pub(super) struct Room {
    settings: Settings,
    net: Net,
    clock: Clock,
    rng: fastrand::Rng,
    hall: Hall,
    register: Register,
    /// There in any case: after a change of transport its last attempts still end.
    webhook: Webhook,
    link: Option<Link>,
    server: Option<Server>,
    letters: (mpsc::Sender<Letter>, mpsc::Receiver<Letter>),
    stopping: bool,
}

/// The callback's server.
struct Server {
    task: JoinSet<()>,
    token: watch::Sender<Secret>,
}

impl Room {
    pub(super) fn new(
        settings: Settings,
        net: Net,
        clock: Clock,
        seed: u64,
        listener: Option<TcpListener>,
        events: mpsc::Sender<Event>,
    ) -> Self {
        let mut room = Self {
            webhook: Webhook::new(net.clone(), clock.clone(), settings.gone_after),
            rng: fastrand::Rng::with_seed(seed),
            register: Register::default(),
            link: None,
            server: None,
            letters: mpsc::channel(LETTERS),
            stopping: false,
            settings,
            net,
            clock,
            hall: Hall::new(events),
        };
        if let (Some(callback), Some(listener)) = (room.settings.callback.clone(), listener) {
            room.serve(&callback, listener);
        }
        room
    }

    /// Runs until [`Command::Stop`] is done, or the hall is gone.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        // The hall being gone is the one reason to end early, and then nobody is left to tell.
        let _ = self.serve_hall(&mut commands).await;
    }

    async fn serve_hall(&mut self, commands: &mut mpsc::Receiver<Command>) -> Result<(), HallGone> {
        self.begin_transport().await?;
        loop {
            if let Transport::Webhook(dialect) = self.settings.transport {
                self.webhook.begin(dialect, &self.settings);
            }
            if self.stopping && self.link.is_none() && self.webhook.is_idle() {
                return self.hall.tell(Event::Stopped).await;
            }
            tokio::select! {
                command = commands.recv() => match command {
                    Some(command) => self.command(command).await?,
                    None => return Err(HallGone),
                },
                happening = self.webhook.next(&self.settings) => self.webhook_happened(happening).await?,
                happening = next_of(&mut self.link) => self.link_happened(happening).await?,
                Some(letter) = self.letters.1.recv() => self.letter(letter).await?,
                // A server that ends has panicked; the room follows it, so that the hall sees it.
                () = ended(&mut self.server) => return Err(HallGone),
            }
        }
    }

    // --- the hall's commands ---

    async fn command(&mut self, command: Command) -> Result<(), HallGone> {
        match command {
            Command::Ask(question) => self.ask(question),
            Command::Withdraw(event) => {
                self.register.withdrawn(&event);
                self.webhook.withdraw(&event);
                if let Some(link) = &mut self.link {
                    link.withdraw(&event);
                }
            }
            Command::Notify(notice) => self.notify(notice),
            Command::Opened(conversation) => self.register.opened(&conversation),
            Command::Agent(id) => {
                if let Some(link) = &mut self.link {
                    link.agent(&id);
                }
                self.settings.connector.agent_id = Some(id);
            }
            Command::Reload(settings) => self.reload(*settings).await?,
            Command::Stop => {
                self.stopping = true;
                self.webhook.stop();
                if let Some(link) = &mut self.link {
                    link.close();
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, question: Box<Question>) {
        self.register.asked(&question.event, &question.about.conversation);
        match (self.settings.transport, &mut self.link) {
            (Transport::WebSocket, Some(link)) => {
                let frame = native::question_frame(&question, &self.settings.connector);
                link.ask(frame, delivery_of(&question));
            }
            (Transport::WebSocket, None) | (Transport::Webhook(_), _) => self.webhook.ask(question),
        }
    }

    fn notify(&mut self, notice: Box<Notice>) {
        self.register.closed(&notice.about.conversation);
        match (self.settings.transport, &mut self.link) {
            (Transport::WebSocket, Some(link)) => {
                link.tell(native::notice_frame(&notice, &self.settings.connector));
            }
            (Transport::WebSocket, None) | (Transport::Webhook(_), _) => self.webhook.tell(notice),
        }
    }

    async fn reload(&mut self, settings: Settings) -> Result<(), HallGone> {
        let old = std::mem::replace(&mut self.settings, settings);
        if self.settings.connector.agent_id.is_none() {
            self.settings.connector.agent_id = old.connector.agent_id.clone();
        }
        self.reload_callback(&old).await?;
        let elsewhere =
            old.url != self.settings.url || !same_secret(&old.token, &self.settings.token);
        match (old.transport, self.settings.transport) {
            (Transport::WebSocket, Transport::WebSocket) => {
                if let Some(link) = &mut self.link {
                    link.reload(self.settings.clone(), elsewhere);
                }
            }
            (Transport::Webhook(before), Transport::Webhook(after)) => {
                if elsewhere || before != after || old.gone_after != self.settings.gone_after {
                    self.begin_transport().await?;
                }
            }
            (Transport::Webhook(_), Transport::WebSocket) => {
                for question in self.webhook.take_waiting() {
                    self.hall.give_back(delivery_of(&question), self.clock.now()).await?;
                }
                self.begin_transport().await?;
            }
            (Transport::WebSocket, Transport::Webhook(_)) => {
                if let Some(link) = &mut self.link {
                    link.close();
                }
                self.begin_transport().await?;
            }
        }
        Ok(())
    }

    async fn begin_transport(&mut self) -> Result<(), HallGone> {
        match self.settings.transport {
            Transport::WebSocket => {
                // The generator moves on, or each link would wait alike.
                let rng = self.rng.fork();
                let (net, clock) = (self.net.clone(), self.clock.clone());
                self.link = Some(Link::new(net, clock, rng, self.settings.clone()));
                Ok(())
            }
            Transport::Webhook(_) => {
                let state = self.webhook.reset(self.settings.gone_after);
                self.hall.tell(Event::Link(state)).await
            }
        }
    }

    async fn reload_callback(&mut self, old: &Settings) -> Result<(), HallGone> {
        let before = old.callback.as_ref().map(|callback| callback.listen);
        match self.settings.callback.clone() {
            None => self.server = None,
            Some(callback) if before == Some(callback.listen) => {
                if let Some(server) = &self.server {
                    server.token.send_replace(callback.token);
                }
            }
            Some(callback) => match super::listen(&callback).await {
                Ok(listener) => self.serve(&callback, listener),
                Err(error) => {
                    let detail = format!("{}; the old address stays in use", chain(&error));
                    // The next reload compares with what is really in use.
                    self.settings.callback = old.callback.clone();
                    self.hall.unusable("callback", detail).await?;
                }
            },
        }
        Ok(())
    }

    fn serve(&mut self, callback: &Callback, listener: TcpListener) {
        let (token, reader) = watch::channel(callback.token.clone());
        let mut task = JoinSet::new();
        task.spawn(callback::serve(listener, reader, self.letters.0.clone()));
        self.server = Some(Server { task, token });
    }

    // --- what the transports tell ---

    async fn webhook_happened(&mut self, happening: webhook::Happening) -> Result<(), HallGone> {
        let webhook::Happening { what, link } = happening;
        // After a change of transport the last requests say nothing about the new connection.
        if let (Some(state), Transport::Webhook(_)) = (link, self.settings.transport) {
            self.hall.tell(Event::Link(state)).await?;
        }
        match what {
            webhook::What::Asked { conversation, event, attempt, at, outcome } => {
                self.hall.tell(Event::Attempt(outcome.word())).await?;
                let about = Delivery { conversation, event, attempt };
                self.asked(about, at, outcome).await
            }
            webhook::What::Told(outcome) => self.hall.tell(Event::Attempt(outcome.word())).await,
            webhook::What::Probed | webhook::What::GaveUp => Ok(()),
        }
    }

    async fn asked(
        &mut self,
        Delivery { conversation, event, attempt }: Delivery,
        at: Instant,
        outcome: Outcome,
    ) -> Result<(), HallGone> {
        let event = match outcome {
            Outcome::Answered(reply) => {
                self.hall.report(&event.to_string(), &reply).await?;
                return self.answered(event, conversation, at, reply).await;
            }
            Outcome::Seen { expects_answer } => BotEvent::Seen { event, expects_answer },
            // Nothing came, so there is nothing to complain of: the link's state tells why.
            Outcome::Silent { retry_after, .. } => BotEvent::Silent { event, attempt, retry_after },
            Outcome::Fault(why) => {
                self.hall.unusable("fault", format!("event {event}: {why}")).await?;
                BotEvent::Fault { event, why }
            }
        };
        self.hall.hand_over(conversation, at, event).await
    }

    async fn link_happened(&mut self, happening: websocket::Happening) -> Result<(), HallGone> {
        match happening {
            websocket::Happening::Link(state) => match self.settings.transport {
                Transport::WebSocket => self.hall.tell(Event::Link(state)).await,
                Transport::Webhook(_) => Ok(()),
            },
            websocket::Happening::Written(delivery) => {
                let Delivery { conversation, event, attempt } = delivery;
                let event = BotEvent::HandedOver { event, attempt };
                self.hall.hand_over(conversation, self.clock.now(), event).await
            }
            websocket::Happening::Unwritten(delivery) => {
                self.hall.give_back(delivery, self.clock.now()).await
            }
            websocket::Happening::Frame { text, at } => {
                match native::frame(text.as_str(), &self.settings.content) {
                    Ok(frame) => self.frame(frame, at).await,
                    Err(Malformed { what }) => self.refuse(None, "frame", what).await,
                }
            }
            websocket::Happening::Noise(kind, detail) => {
                if kind == "binary" {
                    return self.refuse(None, kind, detail).await;
                }
                self.hall.unusable(kind, detail).await
            }
            websocket::Happening::Closed => {
                self.link = None;
                Ok(())
            }
        }
    }

    async fn frame(&mut self, frame: Frame, at: Instant) -> Result<(), HallGone> {
        match frame {
            Frame::Seen(id) => match self.register.find(&id) {
                Some((event, entry)) => {
                    let conversation = entry.conversation.clone();
                    let expects_answer = true;
                    let event = BotEvent::Seen { event, expects_answer };
                    self.hall.hand_over(conversation, at, event).await
                }
                None => self.refuse(Some(&id), "unknown_event", "no such event".to_owned()).await,
            },
            Frame::Reply(reply) => {
                let id = reply.in_reply_to.clone().unwrap_or_default();
                let known = self.register.find(&id);
                match known.map(|(event, entry)| (event, entry.conversation.clone(), entry.state)) {
                    Some((event, conversation, state)) => {
                        self.complain(Some(&id), &reply).await?;
                        if state == State::Answered {
                            let what = "the event has already been answered".to_owned();
                            self.refuse(Some(&id), "second_answer", what).await?;
                        }
                        // The core has the last word on late and second answers, and counts them.
                        self.answered(event, conversation, at, reply).await
                    }
                    None => {
                        self.refuse(Some(&id), "unknown_event", "no such event".to_owned()).await
                    }
                }
            }
            Frame::Say(conversation, reply) => {
                let id = conversation.to_string();
                if !self.register.is_open(&conversation) {
                    let what =
                        "no such conversation, or it is not this agent's any more".to_owned();
                    return self.refuse(Some(&id), "unknown_conversation", what).await;
                }
                self.complain(Some(&id), &reply).await?;
                self.hall.hand_over(conversation, at, BotEvent::Says(reply.actions)).await
            }
            Frame::Error { id, message } => {
                if let Some(link) = &mut self.link {
                    link.bear();
                }
                let about = id.map_or_else(String::new, |id| format!("event {id}: "));
                let message = super::content::cut(&message, 500);
                self.hall.unusable("told_by_bot", format!("{about}{message}")).await
            }
        }
    }

    // --- telling ---

    async fn answered(
        &mut self,
        event: EventId,
        conversation: ConversationId,
        at: Instant,
        reply: Reply,
    ) -> Result<(), HallGone> {
        self.register.answered(&event);
        let answer = Answer { event, actions: reply.actions, intents: reply.intents };
        self.hall.hand_over(conversation, at, BotEvent::Answered(answer)).await
    }

    /// Tells the bot and the hall what of a reply could not be used.
    async fn complain(&mut self, id: Option<&str>, reply: &Reply) -> Result<(), HallGone> {
        if reply.problems.is_empty() {
            return Ok(());
        }
        if let Some(link) = &mut self.link {
            link.complain(id, &listed(&reply.problems));
        }
        self.hall.report(id.unwrap_or_default(), reply).await
    }

    /// Tells the bot and the hall that a frame is not used.
    async fn refuse(
        &mut self,
        id: Option<&str>,
        kind: &'static str,
        what: String,
    ) -> Result<(), HallGone> {
        if let Some(link) = &mut self.link
            && link.bear()
        {
            link.complain(id, &what);
        }
        let about = id.map_or_else(String::new, |id| format!("{}: ", super::content::cut(id, 100)));
        self.hall.unusable(kind, format!("{about}{what}")).await
    }
}

async fn next_of(link: &mut Option<Link>) -> websocket::Happening {
    match link {
        Some(link) => link.next().await,
        None => std::future::pending().await,
    }
}

async fn ended(server: &mut Option<Server>) {
    match server {
        Some(server) => drop(server.task.join_next().await),
        None => std::future::pending().await,
    }
}

fn delivery_of(question: &Question) -> Delivery {
    Delivery {
        conversation: question.about.conversation.clone(),
        event: question.event.clone(),
        attempt: question.attempt,
    }
}

fn same_secret(a: &Option<Secret>, b: &Option<Secret>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(Secret::Literal(a)), Some(Secret::Literal(b))) => {
            a.expose_secret() == b.expose_secret()
        }
        (Some(Secret::File(a)), Some(Secret::File(b))) => a == b,
        (Some(Secret::Env(a)), Some(Secret::Env(b)))
        | (Some(Secret::Credential(a)), Some(Secret::Credential(b))) => a == b,
        (None | Some(_), None | Some(_)) => false,
    }
}

/// Letters that wait while the hall does not keep up; more wait at their connections.
const LETTERS: usize = 16;
