//! Ends at random moments, under load: kill -9, SIGTERM and SIGHUP, again and again, with consumers who go on talking
//! and bots that take their time. Afterwards every dialog holds every answer once, in order.
//!
//! `CONNECTORD_KILLS` says how often each test ends the connector, `CONNECTORD_SEED` repeats the choices of a run
//! (the moments are the machine's own).

use std::{fs, io::Write as _, sync::Arc, thread, time::Duration};

use serde_json::json;

use crate::support::{
    Chatbot, Cloud, Connector, Crowd, Folder, Manner, Stream, Transport, Visitors, configuration,
    until,
};

#[test]
fn through_kills_a_websocket_bots_consumers_hear_each_answer_once_in_order() {
    storm(Transport::WebSocket, End::Kill);
}

#[test]
fn through_kills_a_webhook_bots_consumers_hear_each_answer_once_in_order() {
    storm(Transport::Webhook, End::Kill);
}

#[test]
fn through_stops_that_keep_conversations_each_answer_is_heard_once_in_order() {
    storm(Transport::WebSocket, End::Stop("keep"));
}

#[test]
fn through_stops_that_return_conversations_each_answer_is_heard_once_in_order() {
    storm(Transport::Webhook, End::Stop("return"));
}

#[test]
fn a_storm_of_reloads_loses_nothing_and_bad_files_change_nothing() {
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new(Transport::WebSocket, seed);
    let good = |limit: usize| {
        world
            .configuration("")
            .replace("max_conversations = 900", &format!("max_conversations = {limit}"))
    };
    let bad = |kind: usize| match kind {
        0 => good(800).replace("messageDelay", "mesageDelay"),
        1 => good(800).replace("[bot]", "[bot"),
        2 => good(0),
        _ => String::new(),
    };
    let connector = Connector::start(&world.folder, &good(900), &[]);
    connector.is("Online");
    let crowd = Crowd::talks(&world.cloud, seed, &BUSY);
    let refusals = || connector.program.said(Stream::Out).matches("\"ERROR\"").count();
    let limit_is = |limit: usize| {
        connector
            .shows("the limit is the file's", |status| status["conversations"]["limit"] == limit);
    };
    for round in 0..count(40) {
        let limit = 900 - round % 50;
        fs::write(&connector.file, good(limit)).unwrap();
        connector.program.signal("HUP");
        limit_is(limit);
        let before = (refusals(), connector.status().unwrap()["customFingerprint"].clone());
        fs::write(&connector.file, bad(rng.usize(..4))).unwrap();
        connector.program.signal("HUP");
        until("the bad file is complained of", || match refusals() > before.0 {
            true => Ok(()),
            false => Err(connector.program.said(Stream::Out)),
        });
        let status = connector.status().unwrap();
        assert_eq!(status["customFingerprint"], before.1);
        assert_eq!(status["conversations"]["limit"], limit);
        // And now without waiting, while the file changes under the reader's eyes.
        for _ in 0..rng.usize(..4) {
            let text = if rng.bool() { good(900) } else { bad(rng.usize(..4)) };
            fs::write(&connector.file, text).unwrap();
            connector.program.signal("HUP");
        }
        assert!(crowd.is_content());
    }
    fs::write(&connector.file, good(777)).unwrap();
    connector.program.signal("HUP");
    limit_is(777);
    let talks = crowd.was_answered();
    assert_eq!(world.bot.complaints(), [""; 0]);
    let counts = world.cloud.get("counts");
    assert_eq!((&counts["upgrades"], &counts["logins"]), (&json!(1), &json!(1)), "{counts}");
    say(&format!("reloads, seed {seed}: {talks:?}"));
}

#[test]
fn through_kills_visitors_of_chats_hear_each_answer_of_one_line_once_in_order() {
    storm_in_chat(Transport::Webhook, End::Kill, 1);
}

#[test]
fn through_kills_visitors_of_chats_hear_nothing_of_longer_answers_twice_or_out_of_order() {
    storm_in_chat(Transport::WebSocket, End::Kill, 3);
}

#[test]
fn through_stops_that_keep_chats_visitors_hear_each_answer_of_one_line_once_in_order() {
    storm_in_chat(Transport::WebSocket, End::Stop("keep"), 1);
}

#[test]
fn through_stops_that_return_chats_visitors_hear_nothing_twice_or_out_of_order() {
    storm_in_chat(Transport::Webhook, End::Stop("return"), 3);
}

/// How the connector is ended.
#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    /// SIGTERM with this `on_stop`, sometimes twice.
    Stop(&'static str),
}

/// A world with consumers who talk, in which the connector is ended and started again.
fn storm(transport: Transport, end: End) {
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::new(transport, seed);
    let (times, settings) = match end {
        End::Kill => (count(50), String::new()),
        End::Stop(on_stop) => (
            count(50) / 4,
            format!("[shutdown]\non_stop = \"{on_stop}\"\ndrain_timeout = \"2s\"\n"),
        ),
    };
    say(&format!("{times} times {end:?}, {transport:?}, seed {seed}"));
    let text = world.configuration(&settings);
    let crowd = Crowd::talks(&world.cloud, seed, &BUSY);
    let mut early = 0;
    for _ in 0..times {
        let mut connector = Connector::start(&world.folder, &text, &[]);
        let online = rng.u8(..4) != 0;
        if online {
            world.is_ready(&connector);
        } else {
            early += 1;
        }
        // Not waiting for anything: this is the random moment.
        thread::sleep(Duration::from_millis(rng.u64(if online { 0..120 } else { 0..80 })));
        match end {
            End::Kill => connector.program.kill(),
            End::Stop(_) => stop(&mut connector, online, rng.u8(..5) == 0),
        }
        assert!(crowd.is_content(), "a consumer has complained");
    }
    let said = crowd.said();
    crowd.falls_silent();
    let connector = Connector::start(&world.folder, &text, &[]);
    connector.is("Online");
    let talks = crowd.was_answered();
    assert_eq!(world.bot.complaints(), [""; 0]);
    say(&format!(
        "{times} times {end:?} ({early} before Online), {transport:?}, seed {seed}: {} conversations, \
         {} messages ({said} of them until the last end), each answered once, in order",
        talks.conversations, talks.messages,
    ));
    assert!(said >= times, "that was no load: {said} messages");
}

/// The same with live chat: visitors, and the Chat Agent API. What a process without marks can promise, the visitors
/// judge; of answers that have one line each, nothing may be missing.
fn storm_in_chat(transport: Transport, end: End, most_pieces: usize) {
    let seed = seed();
    let mut rng = fastrand::Rng::with_seed(seed);
    let world = World::of_chat(transport, seed, most_pieces);
    let (times, settings) = match end {
        End::Kill => (count(12), String::new()),
        End::Stop(on_stop) => (
            count(12) / 3,
            format!("[shutdown]\non_stop = \"{on_stop}\"\ndrain_timeout = \"2s\"\n"),
        ),
    };
    say(&format!("chat: {times} times {end:?}, {transport:?}, seed {seed}"));
    let text = world.chat_configuration(&settings);
    let visitors = Visitors::come(&world.cloud, seed, 16);
    for _ in 0..times {
        let mut connector = Connector::start(&world.folder, &text, &[]);
        let online = rng.u8(..5) != 0;
        if online {
            world.is_ready(&connector);
        }
        // Chats are read every two seconds: the moments of interest are spread over a while.
        thread::sleep(Duration::from_millis(rng.u64(if online { 0..4_000 } else { 0..80 })));
        match end {
            End::Kill => connector.program.kill(),
            End::Stop(_) => stop(&mut connector, online, rng.u8(..5) == 0),
        }
        visitors.notice_end();
        assert!(visitors.are_content(), "a visitor has complained");
    }
    let said = visitors.said();
    let connector = Connector::start(&world.folder, &text, &[]);
    connector.is("Online");
    let chats = visitors.are_served();
    assert_eq!(world.bot.complaints(), [""; 0]);
    say(&format!(
        "chat: {times} times {end:?}, {transport:?}, up to {most_pieces} lines, seed {seed}: {} chats, {} lines ({said} of them until the last end): \
         {} answered whole, {} cut by an end, {} left; none said twice or out of order",
        chats.chats, chats.lines, chats.whole, chats.cut, chats.left,
    ));
    assert!(most_pieces > 1 || chats.cut == 0, "{chats:?}");
    assert!(said >= 2 * times, "that was no load: {said} lines");
}

/// Asks it to stop, once or twice, and sees that it does.
fn stop(connector: &mut Connector, was_online: bool, twice: bool) {
    connector.program.signal("TERM");
    if twice {
        connector.program.signals_if_there("TERM");
    }
    let ended = connector.program.ends();
    match ended.code {
        Some(0) => {}
        Some(143) => assert!(twice, "{ended:?}"),
        // Before it has learnt to listen, the signal ends it by itself.
        None => assert!(!was_online, "{ended:?}"),
        Some(_) => panic!("{ended:?}"),
    }
}

/// A cloud, a bot and a folder.
struct World {
    folder: Folder,
    cloud: Arc<Cloud>,
    bot: Chatbot,
}

impl World {
    fn new(transport: Transport, seed: u64) -> Self {
        let cloud = Cloud::start();
        cloud.post("agents/support-bot/limits", &json!({ "capacity": 900 }));
        let bot = Chatbot::new(transport, seed, 40);
        Self { folder: Folder::new(), cloud: Arc::new(cloud), bot }
    }

    fn of_chat(transport: Transport, seed: u64, most_pieces: usize) -> Self {
        let bot = Chatbot::attentive(transport, seed, most_pieces);
        Self { folder: Folder::new(), cloud: Arc::new(Cloud::start()), bot }
    }

    fn chat_configuration(&self, settings: &str) -> String {
        let own = format!(
            "[connector]\nconversation_type = \"chat\"\nmax_conversations = 40\nfallback_skill_id = \"-\"\n\
             [bot]\n{}request_timeout = \"5s\"\n[custom]\ndisableGreetings = true\n{settings}",
            self.bot.settings()
        );
        configuration(&self.folder, &self.cloud.url(), "http://127.0.0.1:1", &own)
    }

    fn configuration(&self, settings: &str) -> String {
        // Without a fallback skill nobody but the bot can answer.
        let own = format!(
            "[connector]\nmax_conversations = 900\nfallback_skill_id = \"-\"\n\
             [bot]\n{}request_timeout = \"5s\"\n\
             [custom]\nretryMessageInterval = 500\nmessageResendMaxRetries = 5\n{settings}",
            self.bot.settings()
        );
        configuration(&self.folder, &self.cloud.url(), "http://127.0.0.1:1", &own)
    }

    /// As soon as the connector is Online.
    fn is_ready(&self, connector: &Connector) {
        until("it is Online", || {
            // Quicker than `until` looks: the first moments are the interesting ones.
            for _ in 0..8 {
                if connector.health.get("/readyz").is_ok_and(|answer| answer.status == 200) {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(3));
            }
            Err(connector.program.said(Stream::Out))
        });
    }
}

/// Some hundred messages a second at most, in as many conversations as fit a small team.
const BUSY: Manner =
    Manner { consumers: 24, pause: 20..300, messages: 3..14, leaves_some_open: true };

/// How often, unless the environment says otherwise.
fn count(usual: usize) -> usize {
    let wanted = std::env::var("CONNECTORD_KILLS").ok();
    wanted.map_or(usual, |wanted| wanted.parse().unwrap())
}

fn seed() -> u64 {
    let wanted = std::env::var("CONNECTORD_SEED").ok();
    wanted.map_or_else(|| fastrand::u64(..1_000_000), |wanted| wanted.parse().unwrap())
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
