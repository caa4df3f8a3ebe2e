//! People are wanted: keyword, bot, failure; somebody is there, or nobody; and each is counted by its reason.

use serde_json::{Value, json};

use crate::{
    simulator::{CallName, ChatAvailability, Fault, Options, Trouble},
    support::{BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

/// A keyword, and words for when nobody is there.
const ESCALATION: &str =
    "[escalation]\nkeywords = [\"agent\"]\nunavailable_text = \"Nobody is here now.\"\n";

#[tokio::test(start_paused = true)]
async fn a_keyword_gives_the_chat_to_people_without_asking_the_bot() {
    for line in ["agent", "  Agent. ", "AGENT!"] {
        story(async {
            let world = World::chatting_with(Options::fixed(), ESCALATION).await;
            world.bot_answers();
            let chat = world.visitor_starts();
            world.is_answered(&chat).await;
            world.visitor_says(&chat, line);
            world.is_with_people(&chat).await;
            assert_eq!(world.reasons(), [1.0, 0.0, 0.0, 0.0]);
            assert_eq!(world.count("transfers_total", "escalated_by_user"), 1.0);
            assert_eq!(world.said_in(&chat), ["re: hi"]);
            assert_eq!(world.bot.events().len(), 2, "the greeting, and that it is over");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_bot_names_a_skill_by_id_by_name_or_not_at_all() {
    for target in [
        json!({ "type": "transfer" }),
        json!({ "type": "transfer", "skillId": HUMAN_SKILL }),
        json!({ "type": "transfer", "skill": "Human" }),
    ] {
        for by_user in [false, true] {
            story(transfers(target.clone(), by_user)).await;
        }
    }
}

async fn transfers(mut target: Value, by_user: bool) {
    let world = World::chatting_with(Options::fixed(), ESCALATION).await;
    if by_user {
        target["requestedBy"] = json!("consumer");
    }
    let case = target.to_string();
    world.bot.answers_with(move |said| match said {
        "help" => vec![text("One moment."), target.clone()],
        said => vec![text(&format!("re: {said}"))],
    });
    let chat = world.visitor_starts();
    world.is_answered(&chat).await;
    world.visitor_says(&chat, "help");
    world.is_with_people(&chat).await;
    assert_eq!(world.said_in(&chat), ["re: hi", "One moment."], "{case}");
    let [bot, user] = if by_user { [0.0, 1.0] } else { [1.0, 0.0] };
    assert_eq!(world.reasons(), [0.0, bot, user, 0.0], "{case}");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn the_bot_names_an_agent() {
    story(async {
        let world = World::chatting_with(Options::fixed(), ESCALATION).await;
        world.bot.answers_with(|said| match said {
            "help" => vec![json!({ "type": "transfer", "agentId": "5500112233" })],
            said => vec![text(&format!("re: {said}"))],
        });
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        world.visitor_says(&chat, "help");
        world.until("transferred", |status| status.totals.transferred == 1).await;
        let to = world.cloud.chat(&chat).unwrap().only_to;
        assert_eq!(to.as_deref(), Some("12345678.5500112233"));
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn when_nobody_is_there_the_visitor_and_the_bot_are_told_and_the_chat_goes_on() {
    for wanted in [
        json!({ "type": "transfer" }),
        json!({ "type": "transfer", "skillId": "999" }),
        json!({ "type": "transfer", "skill": "No such skill" }),
        json!({ "type": "transfer", "agentId": "5500112233" }),
    ] {
        story(finds_nobody(wanted)).await;
    }
}

async fn finds_nobody(wanted: Value) {
    let world = World::chatting_with(Options::fixed(), ESCALATION).await;
    world.people_are(false);
    let case = wanted.to_string();
    world.bot.answers_with(move |said| match said {
        "help" => vec![wanted.clone()],
        said if said.contains("escalation_failed") => vec![text("Let me try myself.")],
        said => vec![text(&format!("re: {said}"))],
    });
    let chat = world.visitor_starts();
    world.is_answered(&chat).await;
    world.visitor_says(&chat, "help");
    after(40.0).await;
    world.visitor_says(&chat, "well?");
    after(10.0).await;
    assert_eq!(
        world.said_in(&chat),
        ["re: hi", "Nobody is here now.", "Let me try myself.", "re: well?"],
        "{case}"
    );
    assert_eq!(world.reasons(), [0.0, 1.0, 0.0, 0.0], "{case}");
    assert!(world.count("escalation_failures_total", "edge") >= 1.0, "{case}");
    assert_eq!(world.count("transfers_total", "escalated_by_bot"), 0.0, "{case}");
    // When somebody comes, the next wish is granted.
    world.people_are(true);
    world.visitor_says(&chat, "agent");
    world.is_with_people(&chat).await;
    assert_eq!(world.reasons(), [1.0, 1.0, 0.0, 0.0], "{case}");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_skill_without_agents_leads_to_the_fallback_skill() {
    for target in [
        json!({ "type": "transfer", "skillId": BOT_SKILL }),
        json!({ "type": "transfer", "agentId": "77" }),
    ] {
        story(async {
            let world = World::chatting_with(Options::fixed(), ESCALATION).await;
            let wanted = target.clone();
            world.bot.answers_with(move |said| match said {
                "help" => vec![wanted.clone()],
                said => vec![text(&format!("re: {said}"))],
            });
            let chat = world.visitor_starts();
            world.is_answered(&chat).await;
            world.visitor_says(&chat, "help");
            world.is_with_people(&chat).await;
            assert_eq!(world.reasons(), [0.0, 1.0, 0.0, 0.0], "{target}");
            assert_eq!(world.count("transfers_total", "escalated_by_error"), 1.0, "{target}");
            assert_eq!(world.said_in(&chat), ["re: hi"], "{target}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_silent_gone_or_wrong_gives_the_chat_to_people() {
    story(async {
        // Silent.
        let world = World::chatting_with(Options::fixed(), ESCALATION).await;
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[text("Hello.")]);
        world.visitor_says(&chat, "one");
        world.bot.hears("one").await;
        world.is_with_people(&chat).await;
        assert_eq!(world.reasons(), [0.0, 0.0, 0.0, 1.0]);
        // Gone.
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[text("Hello.")]);
        world.bot.goes_down();
        world.visitor_says(&chat, "one");
        world.is_with_people(&chat).await;
        assert_eq!(world.reasons(), [0.0, 0.0, 0.0, 2.0]);
        // And while it is, a new chat goes to people at once, and none rings in vain.
        let next = world.visitor_starts();
        world.is_with_people(&next).await;
        assert_eq!(world.forced_away(), 0);
        assert_eq!(world.count("transfers_total", "escalated_by_error"), 3.0);
        world.bot.comes_up();
        world.is_online().await;
        world.bot_answers();
        let last = world.visitor_starts();
        world.is_answered(&last).await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_bot_and_nobody_there_keeps_the_chat_alive_for_its_late_answer() {
    story(async {
        let world = World::chatting_with(Options::fixed(), ESCALATION).await;
        world.people_are(false);
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        after(300.0).await;
        assert_eq!(world.said_in(&chat), ["Nobody is here now."]);
        world.bot.answers(&event, &[text("Hello, at last.")]);
        after(10.0).await;
        assert_eq!(world.said_in(&chat), ["Nobody is here now.", "Hello, at last."]);
        assert!(!world.cloud.chat(&chat).unwrap().is_over());
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_gone_and_nobody_behind_it_puts_the_agent_away() {
    story(async {
        let settings = "[connector]\nfallback_skill_id = \"\"\n";
        let world = World::chatting_with(Options::fixed(), settings).await;
        world.bot.goes_down();
        world
            .cloud_until("the agent to be away", |cloud| {
                let agent = cloud.agent(crate::support::AGENT).unwrap().id.clone();
                cloud.chat_availability(&agent) == Some(ChatAvailability::Away)
            })
            .await;
        let chat = world.visitor_starts();
        after(100.0).await;
        assert_eq!(world.forced_away(), 0);
        world.bot.comes_up();
        world.bot_answers();
        world.is_answered(&chat).await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_was_agreed_to_and_did_not_happen_leaves_the_chat_with_the_bot() {
    story(async {
        let world = World::chatting_with(Options::fixed(), ESCALATION).await;
        world.bot.answers_with(|said| match said {
            "help" => vec![json!({ "type": "transfer" })],
            said => vec![text(&format!("re: {said}"))],
        });
        world.cloud.inject(Fault::LoseTransfer {}.times(1));
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        world.visitor_says(&chat, "help");
        after(60.0).await;
        world.visitor_says(&chat, "hello?");
        after(60.0).await;
        let found = world.cloud.chat(&chat).unwrap();
        let answered = world.said_in(&chat).contains(&"re: hello?".to_owned());
        assert!(answered || found.skill == HUMAN_SKILL, "{:?}", world.shown(&chat));
        assert!(world.count("protocol_errors_total", "exit_undone") >= 1.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_visitor_who_goes_on_talking_during_a_transfer_is_heard_by_whoever_has_the_chat() {
    for milliseconds in [500, 3_000, 7_000] {
        for call in [CallName::Targets, CallName::Transfer] {
            for trouble in [Trouble::Slow(milliseconds), Trouble::Late(milliseconds)] {
                story(talks_on(call, trouble)).await;
            }
        }
    }
}

async fn talks_on(call: CallName, trouble: Trouble) {
    let world = World::chatting_with(Options::fixed(), ESCALATION).await;
    world.bot_answers();
    world.inject_chat(call, trouble, 1);
    let chat = world.visitor_starts();
    world.is_answered(&chat).await;
    world.visitor_says(&chat, "agent");
    for word in ["please", "quickly", "anybody"] {
        after(1.1).await;
        world.visitor_says(&chat, word);
    }
    world.is_with_people(&chat).await;
    after(30.0).await;
    // What came before it was gone may have been answered, once and in order; the rest is for people.
    let said = world.said_in(&chat);
    let all = ["re: hi", "re: please", "re: quickly", "re: anybody"];
    assert!(all.starts_with(&said.iter().map(String::as_str).collect::<Vec<_>>()), "{said:?}");
    assert_eq!(world.status().await.conversations.open, 0);
    world.broke_no_rule();
}

impl World {
    /// Waits until the human agents' skill has the chat, and this connector does not.
    async fn is_with_people(&self, chat: &str) {
        let moved = |cloud: &crate::simulator::World| {
            let chat = cloud.chat(chat).unwrap();
            chat.skill == HUMAN_SKILL && !chat.is_over()
        };
        self.cloud_until("the chat to be with people", moved).await;
        let open = |status: &connectord::ops::status::Status| status.conversations.open == 0;
        self.until("left", open).await;
    }

    /// What agents have said to the visitor.
    fn said_in(&self, chat: &str) -> Vec<String> {
        let lines = self.shown(chat).into_iter();
        lines.filter(|(who, _)| who == "agent").map(|(_, line)| line).collect()
    }

    /// How often people were wanted by a keyword, the bot, the consumer through the bot, and an error.
    fn reasons(&self) -> [f64; 4] {
        ["keyword", "bot", "user", "error"].map(|reason| self.count("escalations_total", reason))
    }
}
