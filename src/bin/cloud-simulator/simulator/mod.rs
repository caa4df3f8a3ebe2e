//! A simulator of Conversational Cloud: domain service, log-in, the agents' WebSocket (UMS) and the file store, with
//! consumers, human agents and supervisors to act, and with faults to inject.
//!
//! ```text
//!   http ─┬─ session        (domain service, log-in, refresh, log-out) ─┐
//!         ├─ chat           (live chat: its own agent API) ─────────────┤
//!         ├─ websocket ── intake ── ums, publish, change ───────────────┤
//!         ├─ files                                                      ├── world: conversation, agent, routing, outbox
//!         └─ control ─┬─ consumer, staff, acts ─────────────────────────┘     (pure; everything happens at `now`)
//!   hands (tests) ────┘
//! ```
//!
//! One lock around one world: an act is carried out as a whole, its notifications are lined up for the sockets, and only
//! then does anything wait. Nothing here is shared with the daemon, or both could be wrong together.
//!
//! The module is a part of the binary `cloud-simulator`, and the daemon's tests include it by path; inside, siblings are
//! named by `super`.
#![expect(
    dead_code,
    reason = "each includer (the binary, its tests, the daemon's tests) uses a part of it"
)]

mod acts;
mod agent;
mod bodies;
mod change;
mod chat;
mod clock;
mod consumer;
mod content;
mod control;
mod conversation;
mod faults;
mod files;
mod hands;
mod http;
mod ids;
mod intake;
mod options;
mod outbox;
mod page;
mod publish;
mod routing;
mod session;
mod shape;
mod speech;
mod staff;
mod stream;
mod ums;
mod view;
mod websocket;
mod wire;
mod world;

#[expect(unused_imports, reason = "the names that includers may want")]
pub(crate) use {
    acts::Scope,
    agent::{Agent, Availability},
    chat::{
        AgentSession, Breach, Broken, CallName, Chat, ChatAvailability, ChatCall, ChatEnd,
        ChatEvent, ChatOptions, ChatStart, ChatState, Chats, Dialect, Happening, Line,
        NothingRings, Owner, Source, SystemTexts, Trouble, Visitor, VisitorHand,
    },
    clock::{Clock, Millis},
    consumer::{Button, Clicked},
    content::{check_card, check_quick_replies},
    conversation::{
        Audience, Conversation, Dialog, DialogKind, Event, Participant, Role, Transfer,
    },
    faults::{Fault, Mode, Route, Rule, Shape, When},
    hands::{AgentHand, ConsumerHand},
    options::{
        AccountOptions, AgentOptions, Credential, Options, RepeatedIds, SkillOptions, StripMetadata,
    },
    routing::{Ring, RingState},
    world::{Counts, Received, Start, World},
};

use serde_json::Value;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{broadcast, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long `wait_for` waits by default, in the clock's time.
const PATIENCE: Duration = Duration::from_secs(600);

/// A running simulator; clones are handles to the same one.
#[derive(Clone, Debug)]
pub(crate) struct Simulator {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    world: Mutex<World>,
    revision: watch::Sender<u64>,
    pages: broadcast::Sender<stream::Item>,
    bot_mode: watch::Sender<BotMode>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How the demo's bot behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum BotMode {
    /// It answers.
    Answering,
    /// It takes events and answers nothing.
    Silent,
    /// It accepts no connection.
    Stopped,
}

/// Nothing came of waiting.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s for {what}; the state is {state}", .limit.as_secs())]
pub(crate) struct Late {
    what: String,
    limit: Duration,
    state: Box<Value>,
}

/// Starting, serving, ending.
impl Simulator {
    /// Starts a world. Must be called inside a tokio runtime.
    pub(crate) fn new(options: Options) -> Self {
        let clock = Clock::starting_at(options.epoch);
        let world = Mutex::new(World::new(options, clock.now()));
        let simulator = Self {
            inner: Arc::new(Inner {
                clock,
                world,
                revision: watch::Sender::new(0),
                pages: broadcast::Sender::new(stream::CAPACITY),
                bot_mode: watch::Sender::new(BotMode::Answering),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        };
        simulator.inner.tasks.spawn(simulator.clone().keep_time());
        simulator
    }

    /// Serves HTTP and WebSocket on one connection until it ends.
    pub(crate) async fn serve_connection<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.serve_by(io, "http").await;
    }

    /// The same, with links of this scheme.
    async fn serve_by<S>(&self, io: S, scheme: &'static str)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let stop = self.inner.stop.clone();
        tokio::select! {
            () = http::serve(self.clone(), io, scheme) => {}
            () = stop.cancelled() => {}
        }
    }

    /// Serves one connection in the background.
    pub(crate) fn connect<S>(&self, io: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let simulator = self.clone();
        self.inner.tasks.spawn(async move { simulator.serve_connection(io).await });
    }

    /// Serves every connection of a listener until `stop`.
    pub(crate) async fn serve(&self, listener: TcpListener, tls: Option<TlsAcceptor>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.inner.stop.cancelled() => return,
            };
            let Ok((stream, _)) = accepted else {
                // Running out of descriptors passes; a tight loop would not help it to.
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            };
            // A client that has gone already shows when it is read from.
            let _ = stream.set_nodelay(true);
            let Some(tls) = tls.clone() else {
                self.connect(stream);
                continue;
            };
            let simulator = self.clone();
            self.inner.tasks.spawn(async move {
                let handshake = tokio::time::timeout(Duration::from_secs(10), tls.accept(stream));
                if let Ok(Ok(stream)) = handshake.await {
                    simulator.serve_by(stream, "https").await;
                }
            });
        }
    }

    /// Ends all connections and tasks.
    pub(crate) fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
    }

    /// Lets the world's own time-outs happen when they are due.
    async fn keep_time(self) {
        let mut changes = self.inner.revision.subscribe();
        loop {
            changes.borrow_and_update();
            let deadline = self.read(World::next_deadline);
            let due = async {
                match deadline {
                    Some(deadline) => self.inner.clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.act(|_| ()),
                changed = changes.changed() => if changed.is_err() { return },
                () = self.inner.stop.cancelled() => return,
            }
        }
    }
}

/// Acting and looking.
impl Simulator {
    /// Carries out an act at the present time and hands what it causes to the sockets.
    pub(crate) fn act<T>(&self, work: impl FnOnce(&mut World) -> T) -> T {
        let mut world = self.lock();
        world.now = self.inner.clock.now();
        world.advance();
        let result = work(&mut world);
        world.settle();
        self.tell(&mut world);
        result
    }

    /// Looks at the world.
    pub(crate) fn read<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.lock())
    }

    /// The number of changes so far; `changed` waits for the next one.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.revision.subscribe()
    }

    /// Waits, at most ten minutes of the clock, until `probe` finds something.
    pub(crate) async fn wait_for<T>(
        &self,
        what: &str,
        probe: impl FnMut(&World) -> Option<T>,
    ) -> Result<T, Late> {
        self.wait_at_most(PATIENCE, what, probe).await
    }

    /// Waits, at most ten minutes of the clock, until `holds` does.
    pub(crate) async fn wait_until(
        &self,
        what: &str,
        mut holds: impl FnMut(&World) -> bool,
    ) -> Result<(), Late> {
        self.wait_for(what, |world| holds(world).then_some(())).await
    }

    /// Waits at most `limit` until `probe` finds something. Looks again after each change, never in between.
    pub(crate) async fn wait_at_most<T>(
        &self,
        limit: Duration,
        what: &str,
        mut probe: impl FnMut(&World) -> Option<T>,
    ) -> Result<T, Late> {
        let mut changes = self.subscribe();
        let search = async {
            loop {
                changes.borrow_and_update();
                if let Some(found) = self.read(&mut probe) {
                    return found;
                }
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::time::timeout(limit, search).await.map_err(|_| Late {
            what: what.to_owned(),
            limit,
            state: Box::new(self.view()),
        })
    }

    /// The clock that the world lives by.
    pub(crate) fn clock(&self) -> Clock {
        self.inner.clock
    }

    /// The whole state, as the control API shows it.
    pub(crate) fn view(&self) -> Value {
        let revision = *self.inner.revision.borrow();
        let mut world = self.lock();
        world.now = self.inner.clock.now();
        world.view(revision)
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        // A panic in a test's probe must not hide the first failure behind a poisoned lock.
        self.inner.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells pages and waiting tests what an act has changed.
    fn tell(&self, world: &mut World) {
        let parts = std::mem::take(&mut world.parts);
        let frames = std::mem::take(&mut world.frames);
        if parts.is_empty() && frames.is_empty() {
            return;
        }
        self.inner.revision.send_modify(|revision| *revision += 1);
        let revision = *self.inner.revision.borrow();
        stream::tell(&self.inner.pages, world, revision, parts, frames);
    }
}

/// The demo's bot, when it runs in this process.
impl Simulator {
    /// Announces the bot; the receiver says how it has to behave.
    pub(crate) fn attach_bot(&self) -> watch::Receiver<BotMode> {
        self.show_bot(0, 0, 0);
        self.inner.bot_mode.subscribe()
    }

    /// Shows what the bot has done.
    pub(crate) fn show_bot(&self, connections: u64, events: u64, replies: u64) {
        let mode = *self.inner.bot_mode.borrow();
        self.act(|world| {
            world.bot = Some(serde_json::json!({
                "mode": mode, "connections": connections, "events": events, "replies": replies,
            }));
            world.parts.insert(world::Part::Bot);
        });
    }

    fn set_bot_mode(&self, mode: BotMode) -> Result<(), String> {
        if self.read(|world| world.bot.is_none()) {
            return Err("no bot runs in this process".into());
        }
        self.inner.bot_mode.send_replace(mode);
        self.act(|world| {
            if let Some(bot) = &mut world.bot {
                bot["mode"] = serde_json::json!(mode);
            }
            world.parts.insert(world::Part::Bot);
        });
        Ok(())
    }
}
