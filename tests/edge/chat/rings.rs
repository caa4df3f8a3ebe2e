//! Rings: each is taken within its 20 s, whatever else goes on, and one whose answer is lost is found again.

use crate::{
    simulator::{CallName, ChatOptions, ChatStart, NothingRings, Options, Trouble},
    support::{AGENT, BOT_SKILL, World, after, story},
};

/// Room for a crowd.
const CROWDED: &str = "[connector]\nmax_conversations = 900\n";

#[tokio::test(start_paused = true)]
async fn hundreds_of_rings_at_once_are_taken_within_their_twenty_seconds() {
    story(async {
        let world = World::chatting_with(Options::fixed(), CROWDED).await;
        world.cloud.agent(AGENT).has_capacity(900).unwrap();
        world.bot_answers();
        // One after another they would take a minute.
        world.breaks(CallName::Accept, Trouble::Slow(200));
        let chats: Vec<String> = (0..300).map(|_| world.visitor_starts()).collect();
        world.are_answered(&chats).await;
        assert_eq!(world.forced_away(), 0);
        assert_eq!(world.cloud.chat_count(CallName::Accept), 300);
        assert_eq!(world.count("rings_total", "accepted"), 300.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_finds_it_too_much_has_its_rings_taken_in_time_all_the_same() {
    story(async {
        let world = World::chatting_with(Options::fixed(), CROWDED).await;
        world.cloud.agent(AGENT).has_capacity(900).unwrap();
        world.bot_answers();
        world.inject_chat(CallName::Accept, Trouble::TooMany(2), 3);
        world.breaks(CallName::Accept, Trouble::Slow(100));
        let chats: Vec<String> = (0..60).map(|_| world.visitor_starts()).collect();
        world.are_answered(&chats).await;
        assert_eq!(world.forced_away(), 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_waits_neither_for_the_bot_nor_for_other_chats() {
    story(async {
        let world = World::chatting().await;
        // A bot that never answers, and a cloud that answers nothing that is about a chat.
        let first: Vec<String> = (0..5).map(|_| world.visitor_starts()).collect();
        world.until("five chats", |status| status.conversations.open == 5).await;
        for call in [CallName::Chat, CallName::Events, CallName::Line, CallName::SetTyping] {
            world.breaks(call, Trouble::Silence);
        }
        for chat in &first {
            world.visitor_says(chat, "anybody?");
        }
        after(3.0).await;
        let taken = world.cloud.chat_count(CallName::Accept);
        for _ in 0..5 {
            world.visitor_starts();
            after(2.5).await;
        }
        assert_eq!(world.cloud.chat_count(CallName::Accept), taken + 5);
        assert_eq!(world.forced_away(), 0);
        // What hung is answered when it hangs no more.
        world.cloud.clear_faults();
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn of_a_crowd_those_whose_acceptance_lost_its_answer_are_served_like_the_others() {
    for trouble in [
        Trouble::DropBefore,
        Trouble::DropAfter,
        Trouble::SilenceAfter,
        Trouble::StatusAfter(502),
        Trouble::Status(503),
        Trouble::EmptyBody,
        Trouble::HtmlBody,
        Trouble::ErrorIn200,
        Trouble::Late(9_000),
        Trouble::Slow(9_000),
    ] {
        for times in [1, 3] {
            story(loses_acceptances(trouble, times)).await;
        }
    }
}

/// Twelve chats ring at once, and some of their acceptances have no good answer.
async fn loses_acceptances(trouble: Trouble, times: u32) {
    let world = World::chatting().await;
    world.bot_answers();
    world.inject_chat(CallName::Accept, trouble, times);
    let start = || ChatStart::in_skill(BOT_SKILL).saying("I wait already");
    let chats: Vec<String> = (0..12).map(|_| world.cloud.chat_starts(start()).unwrap()).collect();
    world.are_answered(&chats).await;
    assert_eq!(world.status().await.conversations.open, 12, "{trouble:?} {times}");
    assert_eq!(world.forced_away(), 0, "{trouble:?} {times}");
    assert!(world.takes_rings(), "{trouble:?} {times}");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_is_gone_when_it_is_taken_leaves_nothing_behind() {
    let gone = [NothingRings::NotFound, NothingRings::NoLocation, NothingRings::ErrorIn200];
    for nothing_rings in gone {
        story(takes_what_is_gone(nothing_rings)).await;
    }
}

async fn takes_what_is_gone(nothing_rings: NothingRings) {
    let chat = ChatOptions { nothing_rings, ..ChatOptions::default() };
    let world = World::chatting_with(Options { chat, ..Options::fixed() }, "").await;
    world.bot_answers();
    world.inject_chat(CallName::Accept, Trouble::Late(1_000), 1);
    let hasty = world.visitor_starts();
    while world.cloud.chat_count(CallName::Accept) == 0 {
        after(0.05).await;
    }
    world.cloud.visitor(&hasty).ends().unwrap();
    let patient = world.visitor_starts();
    world.is_answered(&patient).await;
    after(30.0).await;
    assert_eq!(world.status().await.conversations.open, 1, "{nothing_rings:?}");
    assert!(world.shown(&hasty).is_empty());
    assert!(world.takes_rings());
    assert_eq!(world.forced_away(), 0);
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_of_the_ring_count_costs_no_ring() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        world.inject_chat(CallName::Ring, Trouble::Status(503), 2);
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        assert_eq!(world.forced_away(), 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_of_the_ring_count_is_said_and_repaired() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let fault =
            world.cloud.inject(crate::simulator::Fault::chat(CallName::Ring, Trouble::Status(503)));
        let chat = world.visitor_starts();
        after(300.0).await;
        // Once, and again after each try with another agent session.
        assert!((1..=3).contains(&world.forced_away()), "{}", world.forced_away());
        let told = format!("{:?}", world.status().await.conversational_cloud.last_error);
        assert!(told.contains("nothing was heard"), "{told}");
        world.cloud.remove_fault(fault);
        world.is_answered(&chat).await;
        assert!(world.takes_rings());
        world.broke_no_rule();
    })
    .await;
}
