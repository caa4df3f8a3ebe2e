//! Stopping with chats open: `keep` leaves them for the next start, `return` hands them back.

use connectord::daemon::End;

use crate::{
    simulator::{CallName, ChatEnd, ChatState, Options, Trouble},
    support::{AGENT, BOT_SKILL, World, after, story, text},
};

const RETURNS: &str = "[shutdown]\non_stop = \"return\"\n";

#[tokio::test(start_paused = true)]
async fn keep_leaves_chats_where_the_next_start_finds_them() {
    for pause in [0.0, 5.0, 20.0] {
        story(async {
            let mut world = World::chatting().await;
            world.bot_answers();
            let chats = world.some_chats(3).await;
            for chat in &chats {
                world.visitor_says(chat, "one");
            }
            assert_eq!(world.stop().await, End::Stopped);
            for chat in &chats {
                world.visitor_says(chat, "two");
            }
            after(pause).await;
            world.starts_chatting("").await;
            world.are_answered(&chats).await;
            assert_eq!(world.status().await.conversations.open, 3);
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn return_hands_chats_to_whoever_serves_the_skill() {
    story(async {
        let mut options = Options::fixed();
        let people = options.accounts[0].agents.iter_mut().filter(|agent| agent.human);
        people.for_each(|agent| agent.skills.push(BOT_SKILL.to_owned()));
        let mut world = World::chatting_with(options, RETURNS).await;
        world.bot_answers();
        let chats = world.some_chats(3).await;
        assert_eq!(world.stop().await, End::Stopped);
        assert_eq!(world.cloud.chat_availability(AGENT), None, "logged out");
        for chat in &chats {
            let chat = world.cloud.chat(chat).unwrap();
            assert_eq!((chat.state, chat.owner.is_none()), (ChatState::Waiting, true));
        }
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn return_ends_the_chats_that_nobody_else_can_take() {
    story(async {
        let mut world = World::chatting_with(Options::fixed(), RETURNS).await;
        world.bot_answers();
        let chat = world.some_chats(1).await.remove(0);
        assert_eq!(world.stop().await, End::Stopped);
        assert_eq!(world.cloud.chat(&chat).unwrap().end, Some(ChatEnd::SessionLost));
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_way_is_finished_before_the_process_ends() {
    for settings in ["", RETURNS] {
        story(async {
            let mut world = World::chatting_with(Options::fixed(), settings).await;
            let chat = world.visitor_starts();
            let event = world.bot.hears("hi").await;
            world.ask_to_stop().await;
            after(5.0).await;
            let rings = world.visitor_starts();
            world.bot.answers(&event, &[text("Hello."), text("How are you?")]);
            assert_eq!(world.stops().await, End::Stopped);
            let shown: Vec<String> = world.shown(&chat).into_iter().map(|(_, line)| line).collect();
            assert_eq!(shown, ["Hello.", "How are you?"]);
            assert!(world.shown(&rings).is_empty(), "a drain takes no ring");
            assert_eq!(world.forced_away(), 0);
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_lasts_as_long_as_it_may_and_its_chats_live_on() {
    story(async {
        let settings = "[shutdown]\ndrain_timeout = \"55s\"\n";
        let mut world = World::chatting_with(Options::fixed(), settings).await;
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        world.bot.answers(&event, &[text("re: hi")]);
        world.visitor_says(&chat, "a hard one");
        world.bot.hears("a hard one").await;
        world.bot.has_seen(&event);
        assert_eq!(world.stop().await, End::Stopped);
        world.bot_answers();
        world.starts_chatting("").await;
        after(10.0).await;
        let over = world.cloud.chat(&chat).unwrap();
        // People may have taken over: the bot had its time.
        assert!(!over.is_over(), "{:?}", over.end);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_answers_nothing_does_not_hold_a_stop_up() {
    for call in [CallName::SetAvailability, CallName::Line, CallName::Logout] {
        story(async {
            let settings = "[shutdown]\ndrain_timeout = \"10s\"\non_stop = \"return\"\n";
            let mut world = World::chatting_with(Options::fixed(), settings).await;
            world.bot_answers();
            let chat = world.some_chats(1).await.remove(0);
            world.breaks(call, Trouble::Silence);
            world.visitor_says(&chat, "one");
            after(2.5).await;
            let start = world.cloud.clock().now();
            assert_eq!(world.stop().await, End::Stopped);
            let took = world.cloud.clock().now() - start;
            assert!(took <= 12_500, "{call:?}: {took} ms");
        })
        .await;
    }
}
