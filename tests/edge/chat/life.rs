//! A chat from the ring to its end.

use connectord::daemon::End;
use serde_json::json;

use crate::{
    simulator::ChatAvailability,
    support::{AGENT, World, story, text},
};

#[tokio::test(start_paused = true)]
async fn the_bot_speaks_first_and_then_answers_line_by_line() {
    story(async {
        let world = World::chatting().await;
        assert_eq!(world.cloud.chat_availability(AGENT), Some(ChatAvailability::Online));
        world.bot.answers_by(|said| format!("you said: {said}"));
        let chat = world.visitor_starts();
        world.shows(&chat, &[("agent", "you said: hi")]).await;
        let visitor = world.cloud.visitor(&chat);
        visitor.says("one").unwrap();
        visitor.says("two < 3").unwrap();
        world
            .shows(
                &chat,
                &[
                    ("agent", "you said: hi"),
                    ("visitor", "one"),
                    ("visitor", "two < 3"),
                    ("agent", "you said: one"),
                    ("agent", "you said: two < 3"),
                ],
            )
            .await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_ends_the_chat() {
    story(async {
        let world = World::chatting().await;
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        assert_eq!(event["conversation"]["type"], "chat");
        world.bot.answers(&event, &[text("Bye."), json!({ "type": "close" })]);
        world.bot.next("conversationEnded").await;
        assert!(world.cloud.chat(&chat).unwrap().is_over());
        assert_eq!(world.shown(&chat), [("agent".to_owned(), "Bye.".to_owned())]);
        assert_eq!(world.status().await.conversations.open, 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_logs_out_when_no_chat_is_open() {
    story(async {
        let mut world = World::chatting().await;
        assert_eq!(world.stop().await, End::Stopped);
        assert_eq!(world.cloud.chat_availability(AGENT), None);
        world.broke_no_rule();
    })
    .await;
}
