//! Reading chats: outages, answers that make no sense, many chats at once. No chat ends because it was not asked for.

use crate::{
    simulator::{Broken, CallName, ChatEnd, ChatOptions, Fault, Options, Trouble},
    support::{AGENT, World, after, story},
};

#[tokio::test(start_paused = true)]
async fn half_a_minute_of_failures_ends_no_chat_and_loses_no_line() {
    for trouble in [Trouble::Status(500), Trouble::DropAfter, Trouble::Silence, Trouble::HtmlBody] {
        for calls in [vec![CallName::Events, CallName::Chat], vec![CallName::Ring], vec![]] {
            story(outage(trouble, &calls)).await;
        }
    }
}

/// These calls fail for a while, or all do.
async fn outage(trouble: Trouble, calls: &[CallName]) {
    let world = World::chatting().await;
    world.bot_answers();
    let chats = world.some_chats(3).await;
    if calls.is_empty() {
        world.cloud.inject(Fault::Chat { call: None, path: None, what: trouble });
    }
    for call in calls {
        world.breaks(*call, trouble);
    }
    for tenths in 0..6 {
        for chat in &chats {
            world.visitor_says(chat, &format!("{tenths}"));
        }
        after(4.0).await;
    }
    world.cloud.clear_faults();
    world.are_answered(&chats).await;
    assert_eq!(world.status().await.conversations.open, 3, "{trouble:?} of {calls:?}");
    // What the cloud does not answer is no request to it: the pauses before another try make the silence longer.
    let mut rules = world.cloud.breaches().into_iter().map(|breach| breach.rule);
    assert!(rules.all(|rule| rule == Broken::SilentChat), "{trouble:?} of {calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_allows_one_request_a_second_of_each_thing_is_served_within_that() {
    story(async {
        let chat = ChatOptions { requests_per_second: Some(1), ..ChatOptions::default() };
        let world = World::chatting_with(Options { chat, ..Options::fixed() }, "").await;
        world.bot_answers();
        let chats = world.some_chats(8).await;
        for word in ["one", "two", "three", "four"] {
            for chat in &chats {
                world.visitor_says(chat, word);
            }
        }
        world.are_answered(&chats).await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_answers_end_no_chat() {
    for milliseconds in [1_000, 4_000, 7_900] {
        for trouble in [Trouble::Slow(milliseconds), Trouble::Late(milliseconds)] {
            story(async {
                let world = World::chatting().await;
                world.bot_answers();
                world.cloud.inject(Fault::Chat { call: None, path: None, what: trouble });
                let chats = [world.visitor_starts(), world.visitor_starts()];
                for word in ["one", "two"] {
                    for chat in &chats {
                        world.visitor_says(chat, word);
                    }
                    after(120.0).await;
                }
                world.are_answered(&chats).await;
                assert_eq!(world.forced_away(), 0, "{trouble:?}");
                world.broke_no_rule();
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_that_outlasts_a_chat_is_reported_and_the_next_chat_is_served() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let lost = world.some_chats(1).await.remove(0);
        let fault = Fault::Chat { call: None, path: None, what: Trouble::DropBefore };
        let fault = world.cloud.inject(fault);
        after(300.0).await;
        assert!(matches!(
            world.cloud.chat(&lost).unwrap().end,
            Some(ChatEnd::Timeout | ChatEnd::SessionLost)
        ));
        world.cloud.remove_fault(fault);
        world.is_online().await;
        after(5.0).await;
        assert_eq!(world.status().await.conversations.open, 0);
        assert!(world.count("protocol_errors_total", "chat_silent") >= 1.0);
        let next = world.visitor_starts();
        world.is_answered(&next).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_is_in_doubt_while_the_list_of_chats_cannot_be_had() {
    // 404 for one chat, which is a mistake, while the list fails for minutes.
    for trouble in [Trouble::Status(500), Trouble::Silence, Trouble::DropBefore] {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            let chats = world.some_chats(3).await;
            world.breaks(CallName::ChatSessions, trouble);
            for chat in &chats {
                let path = Some(format!("*/chat/{chat}/events"));
                let what = Trouble::Status(404);
                world.cloud.inject(Fault::Chat { call: None, path, what }.times(1));
                after(70.0).await;
                world.visitor_says(chat, "one");
            }
            after(60.0).await;
            world.cloud.clear_faults();
            world.are_answered(&chats).await;
            assert_eq!(world.status().await.conversations.open, 3, "{trouble:?}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_chat_that_cannot_be_read_does_not_hold_up_the_others() {
    let huge = Trouble::Huge(17 << 20);
    for trouble in [huge, Trouble::Status(500), Trouble::Silence, Trouble::ErrorIn200] {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            let chats = world.some_chats(3).await;
            let curse = world.curses(&chats[0], trouble);
            for word in ["one", "two", "three"] {
                for chat in &chats {
                    // One that is not looked after times out in the end.
                    let _ = world.cloud.visitor(chat).says(word);
                }
                after(20.0).await;
            }
            let start = world.cloud.clock().now();
            world.are_answered(&chats[1..]).await;
            assert!(world.cloud.clock().now() - start < 31_000, "{trouble:?}");
            world.cloud.remove_fault(curse);
            after(60.0).await;
            let (wanted, said) = world.answers(&chats[0]);
            if world.cloud.chat(&chats[0]).unwrap().is_over() {
                assert!(wanted.starts_with(&said), "{trouble:?}: {said:?}");
            } else {
                assert_eq!(wanted, said, "{trouble:?}");
            }
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn events_that_come_twice_in_reverse_or_among_odd_ones_are_each_answered_once() {
    for trouble in [Trouble::RepeatedEvents, Trouble::ReversedEvents, Trouble::UnknownEvents] {
        for several in [0, 2] {
            story(async {
                let settings = format!("[chat]\nmulti_chat_poll_threshold = {several}\n");
                let world = World::chatting_with(Options::fixed(), &settings).await;
                world.bot_answers();
                world.cloud.inject(Fault::Chat { call: None, path: None, what: trouble });
                let chats = world.some_chats(4).await;
                for round in 0..8 {
                    for chat in &chats {
                        world.visitor_says(chat, &format!("{round}, first"));
                        world.visitor_says(chat, &format!("{round}, then"));
                    }
                    after(1.3).await;
                }
                world.are_answered(&chats).await;
                world.broke_no_rule();
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_chats_are_read_together_and_each_by_itself_when_that_does_not_work() {
    let ways: [(Trouble, bool); 7] = [
        (Trouble::Status(404), true),
        (Trouble::ErrorIn200, true),
        (Trouble::EmptyBody, true),
        (Trouble::HtmlBody, true),
        (Trouble::Status(500), false),
        (Trouble::DropBefore, false),
        (Trouble::Silence, false),
    ];
    for (trouble, for_good) in ways {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            world.breaks(CallName::Chats, trouble);
            let chats = world.some_chats(13).await;
            for round in 0..5 {
                for chat in &chats {
                    world.visitor_says(chat, &format!("{round}"));
                }
                after(7.0).await;
            }
            world.are_answered(&chats).await;
            let asked = world.cloud.chat_count(CallName::Chats);
            world.cloud.clear_faults();
            after(320.0).await;
            let again = world.cloud.chat_count(CallName::Chats) > asked;
            assert_eq!(again, !for_good, "{trouble:?}");
            for chat in &chats {
                world.visitor_says(chat, "last");
            }
            world.are_answered(&chats).await;
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn chats_that_come_and_go_around_the_threshold_are_all_answered() {
    story(async {
        let settings = "[chat]\nmulti_chat_poll_threshold = 3\n";
        let world = World::chatting_with(super::otherwise(), settings).await;
        world.bot_answers();
        let mut chats = Vec::new();
        for round in 0..30 {
            if round % 3 < 2 {
                chats.push(world.visitor_starts());
            }
            for (place, chat) in chats.iter().enumerate() {
                if (place + round) % 4 == 0 {
                    world.visitor_says(chat, &format!("{round}"));
                }
            }
            after(1.7).await;
            if round % 4 == 3 {
                let leaver = chats.remove(round % chats.len());
                world.is_answered(&leaver).await;
                world.cloud.visitor(&leaver).ends().unwrap();
            }
        }
        world.are_answered(&chats).await;
        assert_eq!(world.status().await.conversations.open, chats.len());
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn sixty_chats_survive_an_outage_of_the_request_for_several() {
    story(async {
        let settings = "[connector]\nmax_conversations = 100\n";
        let world = World::chatting_with(Options::fixed(), settings).await;
        world.cloud.agent(AGENT).has_capacity(100).unwrap();
        world.bot_answers();
        let chats = world.some_chats(60).await;
        world.breaks(CallName::Chats, Trouble::Silence);
        for chat in &chats {
            world.visitor_says(chat, "one");
        }
        after(90.0).await;
        world.cloud.clear_faults();
        for chat in &chats {
            world.visitor_says(chat, "two");
        }
        world.are_answered(&chats).await;
        assert_eq!(world.status().await.conversations.open, 60);
        world.broke_no_rule();
    })
    .await;
}

impl World {
    /// So many chats that have been greeted.
    pub(super) async fn some_chats(&self, count: usize) -> Vec<String> {
        let chats: Vec<String> = (0..count).map(|_| self.visitor_starts()).collect();
        for chat in &chats {
            self.is_answered(chat).await;
        }
        chats
    }
}
