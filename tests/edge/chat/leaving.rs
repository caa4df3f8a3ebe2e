//! Chats that others end or take, at every moment of an answer.

use serde_json::json;

use crate::{
    simulator::{Breach, CallName, ChatStart, Fault, Owner, Trouble},
    support::{BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn a_visitor_who_ends_the_chat_at_any_moment_of_an_answer_leaves_nothing_behind() {
    for tenths in (0..50).step_by(2) {
        for without_a_word in [false, true] {
            story(ends(f64::from(tenths) / 10.0, without_a_word)).await;
        }
    }
}

async fn ends(at: f64, without_a_word: bool) {
    let world = World::chatting().await;
    world.bot.answers_with(|said| vec![text(said), text("and more"), text("and more")]);
    let (other, chat) = (world.visitor_starts(), world.visitor_starts());
    world.visitor_says(&chat, "one");
    world.visitor_says(&chat, "two");
    after(at).await;
    let visitor = world.cloud.visitor(&chat);
    if without_a_word { visitor.leaves() } else { visitor.ends() }.unwrap();
    after(60.0).await;
    assert_eq!(world.status().await.conversations.open, 1, "ended at {at} s");
    assert_eq!(world.status().await.conversations.waiting_for_bot, 0, "ended at {at} s");
    world.visitor_says(&other, "still there?");
    after(10.0).await;
    assert_eq!(world.shown(&other).len(), 7, "ended at {at} s: {:?}", world.shown(&other));
    // Nothing is tried again and again in a chat that is over.
    assert!(world.cloud.chat_count(CallName::Line) < 20);
    assert!(world.takes_rings());
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn the_bot_hears_that_a_chat_has_ended_and_its_late_answer_is_dropped() {
    story(async {
        let world = World::chatting().await;
        let chat = world.visitor_starts();
        let greeting = world.bot.hears("hi").await;
        world.bot.answers(&greeting, &[text("Hello.")]);
        world.visitor_says(&chat, "a hard one");
        let event = world.bot.hears("a hard one").await;
        world.cloud.visitor(&chat).ends().unwrap();
        let ended = world.bot.next("conversationEnded").await;
        assert_eq!(ended["conversation"]["id"], chat.as_str());
        world.bot.answers(&event, &[text("too late")]);
        after(10.0).await;
        assert_eq!(world.shown(&chat).len(), 2);
        assert_eq!(world.status().await.totals.resolved, 1);
        assert_eq!(world.count("consumer_messages_total", "left_behind"), 1.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_last_line_that_was_said_with_the_end_is_told_or_counted() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        world.visitor_says(&chat, "bye");
        world.cloud.visitor(&chat).ends().unwrap();
        world.until("over", |status| status.conversations.open == 0).await;
        assert_eq!(world.count("consumer_messages_total", "left_behind"), 1.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_people_give_to_the_bot_begins_where_they_ended() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let start = ChatStart::in_skill(HUMAN_SKILL).saying("for people only");
        let chat = world.cloud.chat_starts(start).unwrap();
        let hannah = world.cloud.agent("hannah");
        hannah.takes_chat(&chat).unwrap();
        hannah.says_in_chat(&chat, "The bot will help you.").unwrap();
        world.visitor_says(&chat, "also for people");
        hannah.transfers_chat(&chat, BOT_SKILL, Some("please")).unwrap();
        world.visitor_says(&chat, "for the bot");
        after(20.0).await;
        let said: Vec<String> = world
            .shown(&chat)
            .into_iter()
            .filter(|(who, _)| who == "agent")
            .map(|(_, line)| line)
            .collect();
        assert_eq!(said, ["The bot will help you.", "re: hi", "re: for the bot"]);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_goes_to_people_and_comes_back_is_served_as_a_new_one() {
    story(async {
        let world = World::chatting().await;
        world.bot.answers_with(|said| match said {
            "people" => vec![json!({ "type": "transfer", "skillId": HUMAN_SKILL })],
            said => vec![text(&format!("re: {said}"))],
        });
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        world.visitor_says(&chat, "people");
        world.until("transferred", |status| status.totals.transferred == 1).await;
        after(5.0).await;
        let hannah = world.cloud.agent("hannah");
        hannah.takes_chat(&chat).unwrap();
        hannah.says_in_chat(&chat, "Done.").unwrap();
        hannah.transfers_chat(&chat, BOT_SKILL, None).unwrap();
        world.visitor_says(&chat, "again");
        after(20.0).await;
        let said: Vec<String> = world
            .shown(&chat)
            .into_iter()
            .filter(|(who, _)| who == "agent")
            .map(|(_, line)| line)
            .collect();
        assert_eq!(said, ["re: hi", "Done.", "re: hi", "re: again"]);
        assert_eq!(world.status().await.totals.accepted, 2);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_was_taken_away_without_a_word_is_not_spoken_in_any_more() {
    story(async {
        let world = World::chatting().await;
        let chat = world.visitor_starts();
        let event = world.bot.hears("hi").await;
        world.cloud.act(|cloud| {
            let agent = cloud.agent("hannah").unwrap().id.clone();
            cloud.chats.all.get_mut(&chat).unwrap().owner = Some(Owner { agent, session: None });
        });
        after(35.0).await;
        world.bot.answers(&event, &[text("not mine to say")]);
        after(10.0).await;
        assert!(world.shown(&chat).is_empty(), "{:?}", world.shown(&chat));
        assert_eq!(world.status().await.conversations.open, 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_whose_every_request_is_refused_is_given_up_and_the_others_go_on() {
    for trouble in [Trouble::Status(404), Trouble::Status(403), Trouble::Status(400)] {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            let (cursed, other) = (world.visitor_starts(), world.visitor_starts());
            world.is_answered(&cursed).await;
            world.is_answered(&other).await;
            world.curses(&cursed, trouble);
            after(60.0).await;
            world.visitor_says(&other, "and me?");
            world.is_answered(&other).await;
            assert_eq!(world.status().await.conversations.open, 1, "{trouble:?}");
            assert_eq!(world.cloud.logins(), 1, "{trouble:?}");
            let about_others = |breach: &Breach| breach.place != cursed;
            assert!(!world.cloud.breaches().iter().any(about_others), "{trouble:?}");
        })
        .await;
    }
}

impl World {
    /// Every request about this chat goes wrong from now on; returns what takes it away again.
    pub(super) fn curses(&self, chat: &str, what: Trouble) -> u64 {
        let path = Some(format!("*/chat/{chat}*"));
        self.cloud.inject(Fault::Chat { call: None, path, what })
    }
}
