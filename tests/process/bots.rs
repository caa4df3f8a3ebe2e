//! Bots in the whole chain: the examples of the documentation, and one that answers later.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{
    Address, Bot, Cloud, Connector, Folder, HUMAN_SKILL, Program, can_run, configuration, example,
    free_port, skipped, text, until,
};

#[test]
fn the_python_bot_talks_shows_buttons_transfers_and_closes() {
    let settings = format!("signing_secret = \"{SIGNING_SECRET}\"");
    let key = [("BOT_SIGNING_SECRET", SIGNING_SECRET)];
    let Some(bot) = ExampleBot::start("python3", "bot.py", &key) else { return };
    assert_talks(&bot, &settings);
}

#[test]
fn the_javascript_bot_talks_shows_buttons_transfers_and_closes() {
    let Some(bot) = ExampleBot::start("node", "bot.mjs", &[]) else { return };
    assert_talks(&bot, "transport = \"websocket\"");
}

#[test]
fn an_answer_may_come_later_over_the_callback_address() {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let bot = Bot::answering(|_| (202, Value::Null));
    let callback = Address::Tcp(([127, 0, 0, 1], free_port()).into());
    let Address::Tcp(address) = &callback else { unreachable!() };
    let settings = format!("[bot]\ncallback_listen = \"{address}\"\ncallback_token = \"hush\"");
    let _connector = Connector::online(&folder, &cloud, &bot, &settings);
    let conversation = cloud.consumer_starts("take your time");
    let event = bot.hears("take your time");

    let post = |path: &str, token: &str, body: &Value| {
        let authorization = format!("Bearer {token}");
        let headers = [("Authorization", authorization.as_str())];
        callback.ask("POST", path, &headers, &body.to_string()).unwrap()
    };
    let answer = json!({ "inReplyTo": event["id"], "actions": [text("here it is")] });
    assert_eq!(post("/v1/replies", "wrong", &answer).status, 401);
    let unknown = json!({ "inReplyTo": "never:1", "actions": [] });
    assert_eq!(post("/v1/replies", "hush", &unknown).status, 404);
    let unusable = post("/v1/replies", "hush", &json!({ "inReplyTo": event["id"], "actions": 7 }));
    assert_eq!(unusable.status, 422, "{}", unusable.body);
    let accepted = post("/v1/replies", "hush", &answer);
    assert_eq!(accepted.status, 202, "{}", accepted.body);
    cloud.reads(&conversation, &["consumer: take your time", "agent: here it is"]);
    until("the second answer is refused", || match post("/v1/replies", "hush", &answer).status {
        409 => Ok(()),
        other => Err(other.to_string()),
    });

    let say = json!({ "actions": [text("by the way")] });
    let path = format!("/v1/conversations/{conversation}/say");
    assert_eq!(post(&path, "hush", &say).status, 202);
    cloud.reads(
        &conversation,
        &["consumer: take your time", "agent: here it is", "agent: by the way"],
    );
    assert_eq!(post("/v1/conversations/nobody/say", "hush", &say).status, 404);
}

/// Small talk, a click on a button, a transfer to a human and the end of a conversation.
fn assert_talks(bot: &ExampleBot, bot_settings: &str) {
    let folder = Folder::new();
    let cloud = Cloud::start();
    let settings = format!("[bot]\ntoken = \"hush\"\n{bot_settings}");
    let text = configuration(&folder, &cloud.url(), &bot.url, &settings);
    let connector = Connector::start(&folder, &text, &[]);
    connector.is("Online");

    let first = cloud.consumer_starts("how are you?");
    cloud.reads(&first, &["consumer: how are you?", "agent: Fine, thank you. And you?"]);
    cloud.consumer_says(&first, "menu");
    let card = card(&cloud, &first, 1);
    cloud.consumer_clicks(&first, &card["sequence"], "Some tiles");
    self::card(&cloud, &first, 2);
    cloud.consumer_says(&first, "pause");
    cloud.sees(&first, "the pause is over", |found| {
        let found = found["dialogs"].to_string();
        found.contains("One moment...") && found.contains("Here I am again.")
    });
    cloud.consumer_says(&first, "agent");
    cloud.waits_for_a_human(&first);
    let lines = cloud.lines(&first);
    assert!(lines.iter().any(|line| line.starts_with("note: The consumer asked")), "{lines:?}");

    let second = cloud.consumer_starts("bye");
    cloud.sees(&second, "it is closed", |found| found["state"] == "CLOSE");
    assert_eq!(cloud.lines(&second), ["consumer: bye", "agent: Goodbye!"]);
    connector.shows("all of it is counted", |status| {
        status["totals"]["transferred"] == 1 && status["totals"]["resolved"] == 1
    });
    assert_eq!(cloud.conversation(&first)["skill"], HUMAN_SKILL);
}

/// The card number `count` of the conversation, once there are so many.
fn card(cloud: &Cloud, conversation: &str, count: usize) -> Value {
    until(&format!("card number {count}"), || {
        let found = cloud.conversation(conversation);
        let events = found["dialogs"][0]["events"].as_array().unwrap().iter();
        let mut cards = events.filter(|event| event["event"]["type"] == "RichContentEvent");
        cards.nth(count - 1).cloned().ok_or_else(|| format!("{found:#}"))
    })
}

/// A bot of the documentation. It ends with the test.
struct ExampleBot {
    _program: Program,
    url: String,
}

impl ExampleBot {
    /// None, with a word about it, where the interpreter is not installed, unless this is CI.
    fn start(interpreter: &str, file: &str, variables: &[(&str, &str)]) -> Option<Self> {
        if !can_run(interpreter, &["--version"]) {
            skipped(&format!("{file}, without {interpreter}"));
            return None;
        }
        let mut command = Command::new(interpreter);
        command
            .arg(example("docs/examples").join(file))
            .env("PORT", "0")
            .env("BOT_TOKEN", "hush")
            .env("PYTHONUNBUFFERED", "1")
            .envs(variables.iter().copied());
        let program = Program::start(command);
        let line = program.says("listening on ");
        let url = line.split("listening on ").nth(1).unwrap().trim().to_owned();
        Some(Self { _program: program, url })
    }
}

const SIGNING_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
