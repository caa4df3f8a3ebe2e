//! Bots that fail in a chat: a webhook is asked again by the platform's pauses, and then people take over, or the chat
//! goes on.

use crate::{
    simulator::{ChatStart, Options},
    support::{Answer, BOT_SKILL, BY_WEBHOOK, HUMAN_SKILL, World, after, story, text},
};

/// A webhook that has ten seconds for an answer, and four times as long for all attempts.
const TEN_SECONDS: &str =
    "[bot]\ntransport = \"webhook\"\nurl = \"http://127.0.0.1:3/bot\"\nrequest_timeout = \"10s\"\n";

#[tokio::test(start_paused = true)]
async fn a_webhook_that_fails_three_times_answers_the_fourth_time_and_the_line_is_answered_once() {
    for failure in [Answer::Status(500), Answer::Status(503), Answer::Cut("{}".into())] {
        story(async {
            let world = World::chatting_with(Options::fixed(), TEN_SECONDS).await;
            world.webhook.will([Answer::Actions(vec![text("Hello.")])]);
            let chat = world.visitor_starts();
            world.shows(&chat, &[("agent", "Hello.")]).await;
            world.webhook.will(vec![failure.clone(); 3]);
            world.webhook.will([Answer::Actions(vec![text("At last.")])]);
            world.visitor_says(&chat, "one");
            let lines = [("agent", "Hello."), ("visitor", "one"), ("agent", "At last.")];
            world.shows(&chat, &lines).await;
            after(60.0).await;
            world.shows(&chat, &lines).await;
            assert_eq!(world.count("resends_total", "edge"), 3.0, "{failure:?}");
            assert_eq!(world.count("escalations_total", "error"), 0.0, "{failure:?}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_fails_for_good_gives_the_chat_to_people() {
    for failure in [
        Answer::Status(500),
        Answer::Never,
        // Certain faults: no other attempt is made.
        Answer::Status(400),
        Answer::Body("no json".into()),
        Answer::Body("{\"actions\": 5}".into()),
    ] {
        story(async {
            let world = World::chatting_with(Options::fixed(), TEN_SECONDS).await;
            world.webhook.will([Answer::Actions(vec![text("Hello.")])]);
            let chat = world.visitor_starts();
            world.shows(&chat, &[("agent", "Hello.")]).await;
            world.webhook.always(failure.clone());
            world.visitor_says(&chat, "one");
            world.visitor_says(&chat, "two");
            world.until("transferred", |status| status.totals.transferred == 1).await;
            let found = world.cloud.chat(&chat).unwrap();
            assert!(!found.is_over(), "{failure:?}");
            assert_eq!(found.skill, HUMAN_SKILL, "{failure:?}");
            assert_eq!(world.count("escalations_total", "error"), 1.0, "{failure:?}");
            assert_eq!(world.count("transfers_total", "escalated_by_error"), 1.0, "{failure:?}");
            assert_eq!(world.count("consumer_messages_total", "escalated"), 2.0, "{failure:?}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_webhook_holds_up_no_other_chat_and_no_ring() {
    story(async {
        let world = World::chatting_with(Options::fixed(), BY_WEBHOOK).await;
        world.webhook.always(Answer::EchoAfter(12.0));
        let start = || ChatStart::in_skill(BOT_SKILL).saying("hello");
        let chats: Vec<String> =
            (0..20).map(|_| world.cloud.chat_starts(start()).unwrap()).collect();
        after(40.0).await;
        for chat in &chats {
            let said: Vec<String> = world.shown(chat).into_iter().map(|(_, line)| line).collect();
            assert_eq!(said.len(), 3, "{said:?}");
        }
        assert_eq!(world.forced_away(), 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_says_nothing_is_not_asked_for_more() {
    story(async {
        let world = World::chatting().await;
        world.bot.answers_with(|said| if said == "hi" { vec![] } else { vec![text(said)] });
        let chat = world.visitor_starts();
        after(100.0).await;
        assert!(world.shown(&chat).is_empty());
        world.visitor_says(&chat, "one");
        world.shows(&chat, &[("visitor", "one"), ("agent", "one")]).await;
        assert_eq!(world.count("escalations_total", "error"), 0.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_greeting_the_visitor_speaks_first() {
    for kill in [false, true] {
        story(async {
            let settings = "[custom]\ndisableGreetings = true\n";
            let mut world = World::chatting_with(Options::fixed(), settings).await;
            world.bot.answers_by(|said| format!("re: {said}"));
            let chat = world.visitor_starts();
            after(30.0).await;
            assert!(world.shown(&chat).is_empty());
            world.visitor_says(&chat, "one");
            world.shows(&chat, &[("visitor", "one"), ("agent", "re: one")]).await;
            if kill {
                world.kill().await;
                world.visitor_says(&chat, "two");
                world.starts_chatting(settings).await;
            } else {
                world.visitor_says(&chat, "two");
            }
            let lines = [
                ("visitor", "one"),
                ("agent", "re: one"),
                ("visitor", "two"),
                ("agent", "re: two"),
            ];
            world.shows(&chat, &lines).await;
            after(60.0).await;
            world.shows(&chat, &lines).await;
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_speaks_unasked_is_heard_once() {
    story(async {
        let world = World::chatting().await;
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[text("Hello.")]);
        after(5.0).await;
        world.bot.says(&chat, &[text("Are you there?"), text("Hello?")]);
        let lines = [("agent", "Hello."), ("agent", "Are you there?"), ("agent", "Hello?")];
        world.shows(&chat, &lines).await;
        world.ends_log_in();
        after(60.0).await;
        world.shows(&chat, &lines).await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn other_settings_take_effect_in_chats_that_go_on() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chat = world.some_chats(1).await.remove(0);
        let logins = world.cloud.logins();
        for keyword in ["human", "people"] {
            let settings = format!("[escalation]\nkeywords = [\"{keyword}\"]\n");
            world.reload(&super::chat(&settings)).await;
            world.reload_file("no = settings".to_owned()).await;
        }
        world.visitor_says(&chat, "human");
        world.is_answered(&chat).await;
        world.visitor_says(&chat, "people");
        world.until("transferred", |status| status.totals.transferred == 1).await;
        assert_eq!(world.cloud.logins(), logins);
        world.broke_no_rule();
    })
    .await;
}
