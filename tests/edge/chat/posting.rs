//! POST has no key that would make it safe to send twice: each kind of it is lost at each place of an answer, carried
//! out or not, and nothing is said twice or left out.

use serde_json::{Value, json};

use crate::{
    simulator::{CallName, ChatEnd, Fault, Trouble},
    support::{HUMAN_SKILL, World, after, story, text},
};

use super::{card, note};

/// Ways in which the answer to a POST is lost, or tells nothing.
const LOST: [Trouble; 9] = [
    Trouble::DropBefore,
    Trouble::DropAfter,
    Trouble::Silence,
    Trouble::SilenceAfter,
    Trouble::Status(500),
    Trouble::StatusAfter(503),
    Trouble::EmptyBody,
    Trouble::HtmlBody,
    Trouble::TooMany(2),
];

/// What a long answer shows.
const ANSWER: [(&str, &str); 8] = [
    ("agent", "Hello."),
    ("visitor", "all of it"),
    ("agent", "the same"),
    ("agent", "the same"),
    ("private", "a note"),
    ("agent", "Choose"),
    ("agent", "Choose"),
    ("agent", "That's all."),
];

#[tokio::test(start_paused = true)]
async fn each_line_of_an_answer_may_be_lost_and_is_said_once() {
    for line in 0..6_usize {
        for trouble in LOST {
            let times = 1 + u32::from(line % 2 == 0);
            story(loses_a_line(line, trouble, times)).await;
        }
    }
}

fn long_answer(said: &str) -> Vec<Value> {
    match said {
        "hi" => vec![text("Hello.")],
        "all of it" => vec![
            text("the same"),
            text("the same"),
            note("a note"),
            card("Choose"),
            card("Choose"),
            text("That's all."),
        ],
        said => vec![text(&format!("re: {said}"))],
    }
}

/// Two lines that are the same, a note, two cards that are the same, and a last line; one of them is lost.
async fn loses_a_line(line: usize, trouble: Trouble, times: u32) {
    let world = World::chatting().await;
    world.bot.answers_with(long_answer);
    let chat = world.visitor_starts();
    world.shows(&chat, &ANSWER[..1]).await;
    if line == 0 {
        world.inject_chat(CallName::Line, trouble, times);
    }
    world.visitor_says(&chat, "all of it");
    if line > 0 {
        world.shows(&chat, &ANSWER[..2 + line]).await;
        world.inject_chat(CallName::Line, trouble, times);
    }
    let case = format!("line {line}, {trouble:?} {times} times");
    let shown = world.comes_to_show(&chat, &ANSWER).await;
    assert_eq!(shown, Ok(()), "{case}");
    world.visitor_says(&chat, "thanks");
    let mut all = ANSWER.to_vec();
    all.extend([("visitor", "thanks"), ("agent", "re: thanks")]);
    assert_eq!(world.comes_to_show(&chat, &all).await, Ok(()), "{case}");
    after(60.0).await;
    assert_eq!(world.comes_to_show(&chat, &all).await, Ok(()), "{case}");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_log_in_or_a_network_that_breaks_within_an_answer_costs_no_piece_of_it() {
    for tenths in (0..40).step_by(4) {
        for breaks in [
            (|world: &World| world.ends_log_in()) as fn(&World),
            |world| world.all_calls(Trouble::DropAfter, 4),
            |world| world.all_calls(Trouble::SilenceAfter, 3),
            |world| world.all_calls(Trouble::ExpireBearer, 1),
        ] {
            story(async {
                let world = World::chatting().await;
                world.bot.answers_with(long_answer);
                let chat = world.visitor_starts();
                world.shows(&chat, &ANSWER[..1]).await;
                world.visitor_says(&chat, "all of it");
                after(f64::from(tenths) / 10.0).await;
                breaks(&world);
                world.shows(&chat, &ANSWER).await;
                after(60.0).await;
                world.shows(&chat, &ANSWER).await;
                world.broke_no_rule();
            })
            .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_chat_may_be_lost_and_comes_once() {
    for trouble in LOST {
        story(async {
            let world = World::chatting().await;
            world.bot.answers_with(|_| vec![text("Bye."), json!({ "type": "close" })]);
            world.inject_chat(CallName::End, trouble, 2);
            let chat = world.visitor_starts();
            world.until("closed", |status| status.totals.resolved == 1).await;
            assert_eq!(world.cloud.chat(&chat).unwrap().end, Some(ChatEnd::Agent), "{trouble:?}");
            assert_eq!(world.shown(&chat), [("agent".to_owned(), "Bye.".to_owned())]);
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_may_be_lost_and_happens_once() {
    for trouble in LOST {
        story(async {
            let world = World::chatting().await;
            world.bot.answers_with(|_| {
                vec![text("One moment."), json!({ "type": "transfer", "skillId": HUMAN_SKILL })]
            });
            world.inject_chat(CallName::Transfer, trouble, 1);
            let chat = world.visitor_starts();
            world.until("transferred", |status| status.totals.transferred == 1).await;
            assert_eq!(world.cloud.chat(&chat).unwrap().skill, HUMAN_SKILL, "{trouble:?}");
            let lines: Vec<(String, String)> =
                world.shown(&chat).into_iter().filter(|(who, _)| who == "agent").collect();
            assert_eq!(lines, [("agent".to_owned(), "One moment.".to_owned())], "{trouble:?}");
            assert_eq!(world.count("transfers_total", "escalated_by_bot"), 1.0, "{trouble:?}");
            assert_eq!(world.status().await.conversations.open, 0);
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn typing_that_fails_holds_nothing_up() {
    for trouble in LOST {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            world.breaks(CallName::SetTyping, trouble);
            let chat = world.visitor_starts();
            let start = world.cloud.clock().now();
            for word in ["one", "two", "three"] {
                world.visitor_says(&chat, word);
            }
            world.is_answered(&chat).await;
            let took = world.cloud.clock().now() - start;
            assert!(took < 6_000, "{trouble:?}: {took} ms");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_too_much_for_minutes_are_said_afterwards_and_counted_meanwhile() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chats = world.some_chats(3).await;
        world.breaks(CallName::Line, Trouble::TooMany(5));
        for word in ["one", "two"] {
            for chat in &chats {
                world.visitor_says(chat, word);
            }
        }
        after(25.0).await;
        assert!(world.count("protocol_errors_total", "too_many") >= 9.0);
        world.cloud.clear_faults();
        world.are_answered(&chats).await;
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_card_that_is_refused_is_said_in_words() {
    story(async {
        let world = World::chatting().await;
        world.bot.answers_with(|_| vec![card(&"long ".repeat(2_000)), text("after it")]);
        let chat = world.visitor_starts();
        after(20.0).await;
        let shown = world.shown(&chat);
        let said: String = shown.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().concat();
        assert!(said.starts_with("long long"), "{shown:?}");
        assert_eq!(shown.last().unwrap().1, "after it", "{shown:?}");
        assert_eq!(world.count("incidents_total", "content_refused"), 1.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_line_that_is_refused_for_good_is_reported_and_the_next_one_is_said() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        // As html and as plain text.
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        world.inject_chat(CallName::Line, Trouble::Status(400), 2);
        world.visitor_says(&chat, "one");
        world.visitor_says(&chat, "two");
        after(20.0).await;
        let shown: Vec<String> = world.shown(&chat).into_iter().map(|(_, line)| line).collect();
        assert_eq!(shown, ["re: hi", "one", "two", "re: two"]);
        assert_eq!(world.count("incidents_total", "publish_failed"), 1.0);
        world.broke_no_rule();
    })
    .await;
}

impl World {
    /// Whatever is called next of an agent session goes wrong so many times.
    fn all_calls(&self, what: Trouble, times: u32) {
        self.cloud.inject(Fault::Chat { call: None, path: None, what }.times(times));
    }
}
