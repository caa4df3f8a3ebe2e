//! Signals, and what is left after the sudden end of a process.

use std::{
    fs,
    sync::{Arc, Condvar, Mutex},
};

use serde_json::json;

use crate::support::{Bot, Cloud, Connector, Folder, Stream, reply, text, until};

#[test]
fn sigterm_lets_an_answer_under_way_be_published_then_logs_out_and_ends_with_0() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let (gate, bot) = gated_bot();
    let mut connector = Connector::online(&folder, &cloud, &bot, "");
    let conversation = cloud.consumer_starts("a hard question");
    bot.hears("a hard question");
    connector.program.signal("TERM");
    // No new ring from here on, while the answer is still awaited.
    cloud.agent_is("support-bot", "AWAY");
    assert!(!connector.answers("/readyz", 503).trim().is_empty());
    gate.open();
    let ended = connector.program.ends();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    cloud.reads(&conversation, &["consumer: a hard question", "agent: the answer"]);
    let after = cloud.conversation(&conversation);
    assert_eq!(after["assigned"], "support-bot", "on_stop is \"keep\"");
    let counts = cloud.get("counts");
    assert_eq!((&counts["logouts"], &counts["sockets"]), (&json!(1), &json!(0)), "{counts}");
}

#[test]
fn sigint_stops_as_well_and_returns_conversations_if_that_is_wanted() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let settings = "[shutdown]\non_stop = \"return\"";
    let mut connector = Connector::online(&folder, &cloud, &bot, settings);
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    connector.program.signal("INT");
    assert_eq!(connector.program.ends().code, Some(0));
    let after = cloud.conversation(&conversation);
    assert_eq!((&after["assigned"], &after["state"]), (&json!(null), &json!("OPEN")), "{after:#}");
}

#[test]
fn drain_timeout_ends_the_wait_for_a_bot_that_does_not_answer() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let (_gate, bot) = gated_bot();
    let settings = "[shutdown]\ndrain_timeout = \"1s\"";
    let mut connector = Connector::online(&folder, &cloud, &bot, settings);
    let conversation = cloud.consumer_starts("hello");
    bot.hears("hello");
    connector.program.signal("TERM");
    assert_eq!(connector.program.ends().code, Some(0));
    cloud.reads(&conversation, &["consumer: hello"]);
}

#[test]
fn a_second_sigterm_stops_at_once() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let (_gate, bot) = gated_bot();
    let settings = "[shutdown]\ndrain_timeout = \"1h\"";
    let mut connector = Connector::online(&folder, &cloud, &bot, settings);
    cloud.consumer_starts("hello");
    bot.hears("hello");
    connector.program.signal("TERM");
    cloud.agent_is("support-bot", "AWAY");
    assert!(!connector.program.has_ended(), "the first one waits for the bot");
    connector.program.signal("TERM");
    assert_eq!(connector.program.ends().code, Some(143));
}

#[test]
fn sighup_takes_a_good_file_over_without_a_new_connection_and_leaves_a_bad_one() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let mut connector = Connector::online(&folder, &cloud, &bot, "");
    let before = connector.shows("the agent is online", |status| {
        status["conversationalCloud"]["agentState"] == "ONLINE"
    });
    let good = fs::read_to_string(&connector.file).unwrap();

    let bad = good.replace("messageDelay = 0", "mesageDelay = 7");
    assert_ne!(good, bad);
    fs::write(&connector.file, bad).unwrap();
    connector.program.signal("HUP");
    connector.program.says("did you mean");
    assert_eq!(connector.status().unwrap()["customFingerprint"], before["customFingerprint"]);

    let other =
        good.replace("messageDelay = 0", "messageDelay = 7\nacceptStatusEventValue = \"SENT\"");
    let other = other.replace("[connector]", "[connector]\nmax_conversations = 7");
    let other = other + "[log]\nlevel = \"debug\"\n";
    assert!(!connector.program.said(Stream::Out).contains("\"DEBUG\""));
    fs::write(&connector.file, other).unwrap();
    connector.program.signal("HUP");
    let after = connector.shows("the limit is 7", |status| status["conversations"]["limit"] == 7);
    assert_ne!(after["customFingerprint"], before["customFingerprint"]);
    assert_eq!(after["conversationalCloud"]["since"], before["conversationalCloud"]["since"]);
    assert_eq!(cloud.get("counts")["upgrades"], 1, "the connection is the old one");
    cloud.consumer_starts("hello");
    connector.program.says("\"DEBUG\"");
    assert!(!connector.program.has_ended());
}

#[test]
fn sighup_tries_refused_credentials_at_once_with_the_new_secret() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let secret = folder.write("secret", "stale\n");
    let settings = format!("[credentials]\nsecret = {{ file = \"{}\" }}", secret.display());
    let text = crate::support::configuration(&folder, &cloud.url(), &bot.url(), &settings);
    let connector = Connector::start(&folder, &text, &[]);
    let status = connector.is("Not Connected");
    let why = status["conversationalCloud"]["lastError"]["message"].as_str().unwrap();
    assert!(why.contains("refuse"), "{why}");
    fs::write(&secret, "support-bot-secret\n").unwrap();
    connector.program.signal("HUP");
    connector.is("Online");
}

#[test]
fn sigusr1_logs_the_status() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let connector = Connector::online(&folder, &cloud, &bot, "");
    let before = connector.program.said(Stream::Out).matches("Online").count();
    connector.program.signal("USR1");
    until("the status is in the log", || {
        let said = connector.program.said(Stream::Out);
        if said.matches("Online").count() > before { Ok(()) } else { Err(said) }
    });
    connector.is("Online");
}

#[test]
fn after_kill_9_what_was_unanswered_is_answered_once_and_nothing_is_said_twice() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let (gate, bot) = gated_bot();
    gate.open();
    let mut first = Connector::online(&folder, &cloud, &bot, "");
    let answered = cloud.consumer_starts("one");
    cloud.reads(&answered, &["consumer: one", "agent: the answer"]);
    gate.close();
    cloud.consumer_says(&answered, "two");
    let asked = bot.hears("two");
    let open = cloud.consumer_starts("three");
    bot.hears("three");
    first.program.kill();
    // Said while nobody is there.
    cloud.consumer_says(&open, "four");
    gate.open();

    let _second = Connector::online(&folder, &cloud, &bot, "");
    cloud.reads(
        &answered,
        &["consumer: one", "agent: the answer", "consumer: two", "agent: the answer"],
    );
    until("every line of the other one is answered", || {
        let lines = cloud.lines(&open);
        match lines.last().is_some_and(|last| last.starts_with("agent")) {
            true => Ok(()),
            false => Err(format!("{lines:?}")),
        }
    });
    let again: Vec<_> =
        bot.events("message").into_iter().filter(|event| event["id"] == asked["id"]).collect();
    assert!(again.len() >= 2, "the event has its old id");
    // A last exchange shows that nothing else was on its way.
    cloud.consumer_says(&answered, "five");
    cloud.reads(
        &answered,
        &[
            "consumer: one",
            "agent: the answer",
            "consumer: two",
            "agent: the answer",
            "consumer: five",
            "agent: the answer",
        ],
    );
}

#[test]
fn kill_9_at_any_point_of_an_exchange_loses_nothing_and_repeats_nothing() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let mut connector = Connector::online(&folder, &cloud, &bot, "");
    let conversation = cloud.consumer_starts("start");
    cloud.reads(&conversation, &["consumer: start", "agent: You said: start"]);
    for round in 0..6 {
        let line = format!("line {round}");
        let answer = format!("agent: You said: {line}");
        cloud.consumer_says(&conversation, &line);
        match round % 3 {
            0 => {}
            1 => drop(bot.hears(&line)),
            _ => until("it is answered", || {
                let lines = cloud.lines(&conversation);
                if lines.contains(&answer) { Ok(()) } else { Err(format!("{lines:?}")) }
            }),
        }
        connector.program.kill();
        connector = Connector::online(&folder, &cloud, &bot, "");
        until(&format!("{line} is answered"), || {
            let lines = cloud.lines(&conversation);
            if lines.contains(&answer) { Ok(()) } else { Err(format!("{lines:?}")) }
        });
    }
    cloud.consumer_says(&conversation, "end");
    let exchange = |line: &str| [format!("consumer: {line}"), format!("agent: You said: {line}")];
    let mut expected = exchange("start").to_vec();
    for round in 0..6 {
        expected.extend(exchange(&format!("line {round}")));
    }
    expected.extend(exchange("end"));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    cloud.reads(&conversation, &expected);
}

/// A bot whose answers wait for a gate.
fn gated_bot() -> (Arc<Gate>, Bot) {
    let gate = Arc::new(Gate::default());
    let held = Arc::clone(&gate);
    let bot = Bot::answering(move |event| {
        held.pass();
        (200, reply(event, &[text("the answer")]))
    });
    (gate, bot)
}

#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn close(&self) {
        *self.open.lock().unwrap() = false;
    }

    fn pass(&self) {
        let closed = self.open.lock().unwrap();
        drop(self.changed.wait_while(closed, |open| !*open).unwrap());
    }
}
