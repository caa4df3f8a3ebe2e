//! kill -9: the next process takes the chats over and repeats no line, whenever it happens.

use crate::{
    simulator::{CallName, ChatOptions, Options, Trouble},
    support::{World, after, story, text},
};

use super::{CHAT, otherwise};

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_moment_of_an_exchange_costs_no_line_and_repeats_none() {
    for options in [Options::fixed(), otherwise()] {
        for tenths in (0..90).step_by(2) {
            story(killed(options.clone(), "", f64::from(tenths) / 10.0, 0.0)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_with_lines_as_plain_text() {
    for tenths in (0..90).step_by(3) {
        let plain = "[chat]\nline_format = \"plain\"\n";
        story(killed(Options::fixed(), plain, f64::from(tenths) / 10.0, 0.0)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_within_answers_of_several_lines_repeats_none_and_what_comes_after_it_is_answered_whole()
 {
    for tenths in (0..60).step_by(2) {
        story(killed_within_answers(f64::from(tenths) / 10.0)).await;
    }
}

async fn killed_within_answers(at: f64) {
    let mut world = World::chatting().await;
    world.bot.answers_with(|said| [1, 2, 3].map(|n| text(&format!("{n}: {said}"))).to_vec());
    let chat = world.visitor_starts();
    for word in ["a", "b"] {
        world.visitor_says(&chat, word);
    }
    after(at).await;
    world.kill().await;
    world.start(CHAT).await;
    after(15.0).await;
    world.visitor_says(&chat, "c");
    after(30.0).await;
    let shown = world.shown(&chat);
    let mut said: Vec<&String> =
        shown.iter().filter(|(who, _)| who == "agent").map(|(_, line)| line).collect();
    let last: Vec<&String> = said[said.len() - 3..].to_vec();
    assert_eq!(last, ["1: c", "2: c", "3: c"], "killed at {at} s: {shown:?}");
    let place = |line: &String| {
        let (number, word) = line.split_once(": ").unwrap();
        (["hi", "a", "b", "c"].iter().position(|known| *known == word), number.to_owned())
    };
    assert!(said.is_sorted_by_key(|line| place(line)), "killed at {at} s: {shown:?}");
    let count = said.len();
    said.dedup();
    assert_eq!(said.len(), count, "killed at {at} s: {shown:?}");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_was_gone_for_half_a_minute_finds_its_chats() {
    for tenths in (0..90).step_by(5) {
        story(killed(Options::fixed(), "", f64::from(tenths) / 10.0, 30.0)).await;
    }
}

/// A visitor says three lines while waiting, and three more meanwhile; the process is killed at this moment.
async fn killed(options: Options, settings: &str, at: f64, gone_for: f64) {
    let mut world = World::with(options);
    world.starts_chatting(settings).await;
    world.bot_answers();
    let chat = world.visitor_starts();
    for word in ["a < b", "is it \"so\" & true?", "three"] {
        world.visitor_says(&chat, word);
    }
    after(at).await;
    world.kill().await;
    world.visitor_says(&chat, "four");
    after(gone_for).await;
    world.start(&super::chat(settings)).await;
    after(2.0).await;
    world.visitor_says(&chat, "five");
    world.visitor_says(&chat, "six");
    world.are_answered(std::slice::from_ref(&chat)).await;
    assert!(!world.cloud.chat(&chat).unwrap().is_over(), "killed at {at} s");
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_not_told_who_it_is_finds_its_chats_all_the_same() {
    for trouble in
        [Trouble::Status(500), Trouble::Slow(4_000), Trouble::EmptyBody, Trouble::Silence]
    {
        story(async {
            let chat = ChatOptions { other_agent_ids: true, ..ChatOptions::default() };
            let mut world = World::chatting_with(Options { chat, ..Options::fixed() }, "").await;
            world.bot_answers();
            let chats = world.some_chats(3).await;
            world.kill().await;
            world.breaks(CallName::Info, trouble);
            for chat in &chats {
                world.visitor_says(chat, "one");
            }
            world.starts_chatting("").await;
            world.are_answered(&chats).await;
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn kill_after_kill_costs_no_line() {
    story(async {
        let mut world = World::chatting().await;
        world.bot_answers();
        let chats: Vec<String> = (0..12).map(|_| world.visitor_starts()).collect();
        for round in 0..20 {
            for (place, chat) in chats.iter().enumerate() {
                world.visitor_says(chat, &format!("{round}.{place}"));
            }
            after(0.37 * f64::from(round)).await;
            world.kill().await;
            world.start(CHAT).await;
        }
        world.are_answered(&chats).await;
        assert_eq!(world.forced_away(), 0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_chat_that_ended_while_nobody_was_there_is_not_touched() {
    story(async {
        let mut world = World::chatting().await;
        world.bot_answers();
        let (stays, ends) = (world.visitor_starts(), world.visitor_starts());
        world.are_answered(&[stays.clone(), ends.clone()]).await;
        world.kill().await;
        world.visitor_says(&ends, "good bye");
        world.cloud.visitor(&ends).ends().unwrap();
        world.visitor_says(&stays, "hello?");
        world.starts_chatting("").await;
        world.are_answered(&[stays]).await;
        assert_eq!(world.status().await.conversations.open, 1);
        assert_eq!(world.shown(&ends).last().unwrap().1, "good bye");
        world.broke_no_rule();
    })
    .await;
}
