//! `maxConsumerMessageDelay` and `late_messages`.

use connectord::conversation::{
    Event,
    effect::Disposition,
    event::Message,
    settings::{LateMessages, Settings},
};

use crate::support::{Talk, consumer, minutes, ms, secs, text};

/// A conversation in which the bot has just answered a consumer message.
fn answered(change: impl FnOnce(&mut Settings)) -> Talk {
    let mut talk = Talk::quiet_with(change);
    talk.consumer("first");
    talk.after(talk.settings.gather);
    talk.answers([text("answer")]);
    talk.forget_all();
    talk
}

/// The consumer's first message was said at the very beginning, so this is its age now.
const PASSED: u64 = 300;

#[test]
fn a_message_exactly_at_the_limit_is_in_time() {
    let mut talk = answered(|_| {});
    talk.after(minutes(30) - ms(PASSED));
    talk.consumer("in time");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["in time"]);
}

#[test]
fn a_message_after_the_limit_is_ignored_in_silence_and_counted() {
    let mut talk = answered(|_| {});
    talk.after(minutes(30) - ms(PASSED) + ms(1));
    talk.consumer("too late");
    talk.after(minutes(10));
    assert!(talk.asked().is_empty());
    assert!(talk.typing().is_empty() && talk.exits().is_empty());
    assert_eq!(talk.dispositions(), [(1, Disposition::TooLate)]);
}

#[test]
fn a_late_message_does_not_move_the_anchor_so_the_next_is_late_too() {
    let mut talk = answered(|_| {});
    talk.after(minutes(31));
    talk.consumer("late");
    talk.after(minutes(1));
    talk.consumer("later");
    talk.after(ms(300));
    assert!(talk.asked().is_empty());
}

#[test]
fn the_anchor_is_the_last_message_that_the_bot_answered_not_the_last_one() {
    let mut talk = answered(|settings| settings.fallback_after = None);
    talk.after(minutes(20));
    talk.consumer("not answered");
    talk.after(minutes(20));
    talk.consumer("late");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["not answered", "not answered"], "it was resent, no more");
}

#[test]
fn an_answer_without_actions_moves_the_anchor_too() {
    let mut talk = answered(|_| {});
    talk.after(minutes(20));
    talk.consumer("second");
    talk.after(ms(300));
    talk.answers([]);
    talk.after(minutes(29));
    talk.consumer("third");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["second", "third"]);
}

#[test]
fn the_first_message_is_never_late() {
    let mut talk = Talk::quiet();
    talk.after(minutes(600));
    talk.consumer("hello");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn a_greeting_is_no_consumer_message_and_sets_no_anchor() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(3));
    talk.answers([text("welcome")]);
    talk.after(minutes(60));
    talk.consumer("hello");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hi", "hello"]);
}

#[test]
fn it_is_judged_by_server_time_not_by_arrival() {
    let mut talk = answered(|_| {});
    let sent = Message { time: talk.dialog[0].time, ..consumer(50, "was under way for long") };
    talk.after(minutes(45));
    talk.step(Event::Message(sent));
    // What it seems to have overtaken is looked for first.
    talk.after(secs(3));
    assert_eq!(talk.asked(), ["was under way for long"]);
}

#[test]
fn it_is_judged_per_message_before_aggregation() {
    let mut talk = answered(|settings| settings.gather = secs(10));
    talk.after(minutes(30) - secs(10));
    talk.consumer("in time");
    talk.after(secs(1));
    talk.consumer("late");
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["in time"]);
}

#[test]
fn the_anchor_is_rebuilt_from_the_history_after_a_restart() {
    let mut talk = answered(|_| {});
    talk.restarts();
    talk.after(minutes(31));
    talk.consumer("late");
    talk.after(ms(300));
    assert!(talk.asked().is_empty());
    talk.restarts();
    talk.after(secs(10));
    assert!(talk.asked().is_empty(), "late stays late");
}

#[test]
fn clicks_and_files_are_judged_alike() {
    let mut talk = answered(|_| {});
    talk.after(minutes(31));
    talk.consumer_clicks("Yes", "[]");
    talk.consumer_sends_a_file("photo");
    talk.after(ms(300));
    assert!(talk.asked().is_empty());
}

#[test]
fn as_a_new_conversation_a_late_message_follows_a_greeting() {
    let mut talk = answered(|settings| {
        settings.late = LateMessages::NewConversation;
        settings.greeting = Some("/start".to_owned());
    });
    talk.after(minutes(31));
    talk.consumer("hello again");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["/start"]);
    talk.answers([text("welcome back")]);
    assert_eq!(talk.asked(), ["hello again"]);
    talk.answers([text("yes?")]);
    talk.after(minutes(5));
    talk.consumer("in time again");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["in time again"]);
}

#[test]
fn escalated_a_late_message_goes_to_the_fallback_skill() {
    let mut talk = answered(|settings| {
        settings.late = LateMessages::Escalate;
        settings.fallback_skill = Some("900".into());
    });
    talk.after(minutes(31));
    talk.consumer("hello again");
    assert_eq!(
        talk.exits(),
        ["transfer to 900, Error: the consumer came back after the bot's time"]
    );
    assert!(talk.asked().is_empty());
}
