//! What the bot hears first.

use serde_json::json;

use crate::{
    simulator::{AgentHand, Start},
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn what_the_consumer_said_while_waiting_is_one_batch() {
    story(async {
        let mut world = World::new();
        let talk = world.consumer_starts("hello");
        world.cloud.consumer(&talk).says("anybody there?").unwrap();
        after(60.0).await;
        world.cloud.consumer(&talk).says("it is about my order").unwrap();
        world.start("").await;
        let event = world.bot.hears("hello anybody there? it is about my order").await;
        assert_eq!(event["message"]["origin"], "consumer");
        let sequences: Vec<u64> = event["message"]["parts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part["sequence"].as_u64().unwrap())
            .collect();
        assert_eq!(sequences, [0, 1, 2]);
        assert_eq!(event["id"], format!("{talk}:2"));
        assert_eq!(event["conversation"]["consumer"]["firstName"], "Ada");
        assert_eq!(event["connector"]["agentId"], "4102938475");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_skip_agent_message_the_bot_sees_the_last_utterance_whoever_said_it() {
    story(async {
        let world = World::online("").await;
        let talk = handed_over(&world);
        let event = world.bot.hears("I'll transfer you").await;
        assert_eq!(event["message"]["origin"], "agent");
        assert_eq!(event["id"].as_str().unwrap(), format!("{talk}:1:agent"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_skip_agent_message_the_bot_sees_the_last_consumer_message() {
    story(async {
        let world = World::online("[custom]\nskipAgentMessage = true").await;
        handed_over(&world);
        let event = world.bot.hears("my order is late").await;
        assert_eq!(event["message"]["origin"], "consumer");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn private_notes_and_own_old_messages_are_never_input() {
    story(async {
        let world = World::online("").await;
        let talk = world.consumer_starts("hello");
        let event = world.bot.hears("hello").await;
        world.bot.answers(&event, &[text("One moment."), json!({ "type": "transfer" })]);
        world.is_queued(&talk, HUMAN_SKILL).await;
        let hannah = world.cloud.agent("hannah");
        hannah.takes(&talk).unwrap();
        hannah.notes(&talk, "a nice person").unwrap();
        hannah.transfers(&talk, BOT_SKILL).unwrap();
        let event = world.bot.hears("hello").await;
        assert_eq!(event["message"]["origin"], "consumer", "{event:#}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn three_seconds_of_nothing_after_joining_greet_the_bot() {
    story(async {
        let world = World::online("").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        world.is_assigned(&talk).await;
        after(2.8).await;
        assert!(world.bot.unheard().is_empty());
        after(0.4).await;
        let event = world.bot.hears("hi").await;
        assert_eq!(event["message"]["origin"], "greeting");
        world.bot.answers(&event, &[text("How can I help?")]);
        world.reads(&talk, &[("ASSIGNED_AGENT", "How can I help?")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_message_within_three_seconds_takes_the_place_of_the_greeting() {
    story(async {
        let world = World::online("[custom]\nmessageDelay = 2000").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        world.is_assigned(&talk).await;
        after(2.0).await;
        world.cloud.consumer(&talk).says("hello").unwrap();
        world.bot.hears("hello").await;
        after(20.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_greeting_has_the_words_of_the_file_and_can_be_turned_off() {
    for (settings, wanted) in [
        ("[custom]\ndefaultGreetingMessage = \"/greet\"", Some("/greet")),
        ("[custom]\ndisableGreetings = true", None),
        ("[custom]\ndefaultGreetingMessage = \"\"", None),
    ] {
        story(async {
            let world = World::online(settings).await;
            let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
            world.is_assigned(&talk).await;
            after(20.0).await;
            let heard: Vec<String> = world.bot.unheard();
            assert_eq!(heard, wanted.map(str::to_owned).as_slice(), "{settings}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_not_said_again_after_a_reconnect() {
    story(async {
        let world = World::online("").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[]);
        world.settles().await;
        world.cloud.close_sockets(Some(AGENT), 1000, "");
        world.is_back().await;
        after(60.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert!(world.cloud.lines(&talk).is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_greeting_that_nobody_answers_is_resent_and_escalated_like_any_event() {
    story(async {
        let world = World::online("").await;
        let talk = world.cloud.start(Start::in_skill(BOT_SKILL)).unwrap();
        world.is_assigned(&talk).await;
        let first = world.bot.hears("hi").await;
        let second = world.bot.hears("hi").await;
        assert_eq!(first["id"], second["id"]);
        world.is_queued(&talk, HUMAN_SKILL).await;
    })
    .await;
}

/// A conversation that a person had and transferred to the bot.
fn handed_over(world: &World) -> String {
    let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("my order is late")).unwrap();
    let hannah: AgentHand<'_> = world.cloud.agent("hannah");
    hannah.takes(&talk).unwrap();
    hannah.says(&talk, "I'll transfer you").unwrap();
    hannah.transfers(&talk, BOT_SKILL).unwrap();
    assert_ne!(AGENT, "hannah");
    talk
}
