//! Live chat: the same daemon at the other cloud.

mod bots;
mod leaving;
mod life;
mod pace;
mod people;
mod posting;
mod presence;
mod reading;
mod recovery;
mod restart;
mod rings;
mod sessions;
mod spelling;
mod stopping;

use serde_json::{Value, json};

use crate::{
    simulator::{
        CallName, ChatAvailability, ChatOptions, ChatStart, Dialect, Fault, Options, Trouble,
    },
    support::{AGENT, BOT_SKILL, World, after, text},
};

/// The settings of a chat connector.
const CHAT: &str = "[connector]\nconversation_type = \"chat\"\n";

impl World {
    /// A world with a chat connector that is Online.
    async fn chatting() -> Self {
        Self::chatting_with(Options::fixed(), "").await
    }

    /// The same, with a cloud of its own options and more settings.
    async fn chatting_with(options: Options, settings: &str) -> Self {
        let mut world = Self::with(options);
        world.starts_chatting(settings).await;
        world
    }

    /// Starts a chat connector with these settings and waits until it is Online.
    async fn starts_chatting(&mut self, settings: &str) {
        self.start(&chat(settings)).await;
        self.is_online().await;
    }

    /// A visitor starts a chat with the bot agents' skill.
    fn visitor_starts(&self) -> String {
        self.cloud.chat_starts(ChatStart::in_skill(BOT_SKILL)).unwrap()
    }

    /// A visitor says a line.
    fn visitor_says(&self, chat: &str, line: &str) {
        self.cloud.visitor(chat).says(line).unwrap();
    }

    /// Waits until the visitor, and those who may see private lines, see just these lines.
    async fn shows(&self, chat: &str, lines: &[(&str, &str)]) {
        if let Err(shown) = self.comes_to_show(chat, lines).await {
            panic!("wanted {lines:#?}, the chat holds {shown:#?}");
        }
    }

    /// The same, at most ten minutes; else what it shows instead.
    async fn comes_to_show(
        &self,
        chat: &str,
        lines: &[(&str, &str)],
    ) -> Result<(), Vec<(String, String)>> {
        for _ in 0..6_000 {
            if is(&self.shown(chat), lines) {
                // Nothing more comes.
                after(0.001).await;
                return Ok(());
            }
            after(0.1).await;
        }
        Err(self.shown(chat))
    }

    /// What was said in a chat, but for the platform's own lines.
    fn shown(&self, chat: &str) -> Vec<(String, String)> {
        let lines = self.cloud.chat_lines(chat).into_iter();
        lines
            .filter(|(who, _)| *who != "system")
            .map(|(who, html)| (who.to_owned(), spoken(&html)))
            .collect()
    }

    /// A call goes wrong so many times from now on.
    fn inject_chat(&self, call: CallName, trouble: Trouble, times: u32) {
        self.cloud.inject(Fault::chat(call, trouble).times(times));
    }

    /// A call goes wrong from now on.
    fn breaks(&self, call: CallName, trouble: Trouble) {
        self.cloud.inject(Fault::chat(call, trouble));
    }

    /// From now on every event is answered by one line of its own, which [`World::is_answered`] knows.
    fn bot_answers(&self) {
        self.bot.answers_by(|said| format!("re: {said}"));
    }

    /// Waits until each line of the visitor has been answered once, in order, behind the greeting, and nothing else was
    /// said.
    async fn is_answered(&self, chat: &str) {
        for _ in 0..6_000 {
            let (wanted, said) = self.answers(chat);
            if wanted == said {
                // Nothing more comes.
                after(0.001).await;
                return;
            }
            after(0.1).await;
        }
        panic!("{chat}: {:#?}", self.shown(chat));
    }

    /// The same for all of these chats, and that it stays so.
    async fn are_answered(&self, chats: &[String]) {
        for chat in chats {
            self.is_answered(chat).await;
        }
        after(30.0).await;
        for chat in chats {
            let (wanted, said) = self.answers(chat);
            assert_eq!(wanted, said, "{chat}: {:#?}", self.shown(chat));
            let typing = self.cloud.chat(chat).unwrap().agent_typing;
            assert!(!typing, "{chat}: the visitor sees that something is being typed");
        }
    }

    /// What the agent has to have said, and what it has said.
    fn answers(&self, chat: &str) -> (Vec<String>, Vec<String>) {
        let shown = self.shown(chat);
        let by = |who: &'static str| {
            shown.iter().filter(move |(source, _)| source == who).map(|(_, line)| line)
        };
        let asked = std::iter::once("hi").chain(by("visitor").map(String::as_str));
        (asked.map(|line| format!("re: {line}")).collect(), by("agent").cloned().collect())
    }

    /// How often the cloud has set an agent Away because of a ring that was not taken.
    fn forced_away(&self) -> u64 {
        self.cloud.read(|cloud| cloud.chats.forced_away)
    }

    /// The agent takes rings.
    fn takes_rings(&self) -> bool {
        self.cloud.chat_availability(AGENT) == Some(ChatAvailability::Online)
    }

    /// The log-in of the agent ends from outside.
    fn ends_log_in(&self) {
        self.cloud.agent(AGENT).is_evicted(None).unwrap();
    }

    /// Whether people are there to take over.
    fn people_are(&self, there: bool) {
        let state = if there { ChatAvailability::Online } else { ChatAvailability::Away };
        self.cloud.agent("hannah").is_set_in_chat(state).unwrap();
    }

    /// No rule of the Chat Agent API has been broken.
    fn broke_no_rule(&self) {
        let breaches = self.cloud.breaches();
        assert!(breaches.is_empty(), "{breaches:#?}");
    }
}

/// A cloud of the other spelling, which makes the other choice wherever there is one.
fn otherwise() -> Options {
    let chat = ChatOptions {
        dialect: Dialect::Plain,
        several_inclusive: false,
        session_cookie: true,
        other_agent_ids: true,
        ..ChatOptions::default()
    };
    Options { chat, ..Options::fixed() }
}

/// Settings of a chat connector, with these on top.
fn chat(settings: &str) -> String {
    match settings.split_once("[connector]\n") {
        Some((before, after)) => format!("{before}{CHAT}{after}"),
        None => format!("{CHAT}{settings}"),
    }
}

/// Whether these lines are shown, and no others.
fn is(shown: &[(String, String)], lines: &[(&str, &str)]) -> bool {
    shown.iter().map(|(who, what)| (who.as_str(), what.as_str())).eq(lines.iter().copied())
}

/// A line that only agents see.
fn note(words: &str) -> Value {
    json!({ "type": "text", "text": words, "audience": "agents" })
}

/// A card that shows these words.
fn card(words: &str) -> Value {
    let words = json!({ "type": "text", "text": words });
    json!({ "type": "structured", "content": { "type": "vertical", "elements": [words] } })
}

/// A bot that answers everything at once, in several ways.
fn talkative(said: &str) -> Vec<Value> {
    match said {
        "hi" => vec![text("Hello.")],
        "one" => vec![text("1 < 2 & 3"), note("a note"), card("Choose"), text("That's all.")],
        "bye" => vec![text("Bye."), json!({ "type": "close" })],
        "people" => vec![text("One moment."), json!({ "type": "transfer" })],
        said => vec![text(&format!("re: {said}"))],
    }
}

/// The text of a line of HTML.
fn spoken(html: &str) -> String {
    let text = [
        "ltr' style='direction:ltr;text-align:left;",
        "rtl' style='direction:rtl;text-align:right;",
    ]
    .iter()
    .find_map(|way| html.strip_prefix(&format!("<div dir='{way}'>"))?.strip_suffix("</div>"));
    let Some(text) = text else { return html.to_owned() };
    [
        ("<br/>", "\n"),
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (entity, letter)| text.replace(entity, letter))
}
