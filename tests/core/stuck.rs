//! The five stuck fields.

use connectord::conversation::{effect::Fact, settings::Settings};

use crate::support::{Talk, fallback_to, minutes, ms, secs, text};

fn retry(settings: &mut Settings) {
    settings.stuck.retry = true;
    settings.stuck.notification = "Say it again?".to_owned();
}

fn retry_and_escalate(settings: &mut Settings) {
    retry(settings);
    settings.stuck.escalate_to = Some("700".into());
    settings.stuck.escalation_message = "Let me connect you.".to_owned();
}

/// The consumer says something, and no attempt gets an answer.
fn gets_stuck(talk: &mut Talk, words: &str) {
    talk.consumer(words);
    talk.after(ms(300) + secs(60));
}

#[test]
fn by_default_a_stuck_bot_is_counted_and_nothing_is_said() {
    let mut talk = Talk::quiet();
    gets_stuck(&mut talk, "hi");
    assert!(talk.facts().contains(&Fact::Stuck));
    assert!(talk.said().is_empty());
}

#[test]
fn step_one_asks_the_consumer_to_say_it_again_once_all_attempts_are_used_up() {
    let mut talk = Talk::quiet_with(retry);
    talk.consumer("hi");
    talk.after(ms(300) + secs(59));
    assert!(talk.said().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.said(), ["Say it again?"]);
}

#[test]
fn stuck_again_within_ten_minutes_is_step_two() {
    let mut talk = Talk::quiet_with(retry_and_escalate);
    gets_stuck(&mut talk, "hi");
    talk.said();
    talk.after(minutes(2));
    gets_stuck(&mut talk, "hi again");
    assert_eq!(talk.said(), ["Let me connect you."]);
    assert_eq!(talk.exits(), ["transfer to 700, Error: the bot is stuck"]);
}

#[test]
fn an_answer_in_between_does_not_stop_the_ten_minutes() {
    let mut talk = Talk::quiet_with(retry_and_escalate);
    gets_stuck(&mut talk, "hi");
    talk.consumer("hi again");
    talk.after(ms(300));
    talk.answers([text("hello")]);
    talk.said();
    gets_stuck(&mut talk, "and now?");
    assert_eq!(talk.said(), ["Let me connect you."]);
}

#[test]
fn stuck_again_after_ten_minutes_is_step_one_again() {
    let mut talk = Talk::quiet_with(|settings| {
        retry_and_escalate(settings);
        settings.fallback_after = None;
    });
    gets_stuck(&mut talk, "hi");
    talk.said();
    talk.after(minutes(11));
    gets_stuck(&mut talk, "hi again");
    assert_eq!(talk.said(), ["Say it again?"]);
}

#[test]
fn without_a_skill_for_it_step_two_does_not_happen() {
    let mut talk = Talk::quiet_with(retry);
    gets_stuck(&mut talk, "hi");
    gets_stuck(&mut talk, "hi again");
    assert!(talk.exits().is_empty());
}

#[test]
fn the_text_of_step_one_restarts_the_fallback_timer() {
    let mut talk = Talk::quiet_with(|settings| {
        retry(settings);
        fallback_to("900")(settings);
    });
    gets_stuck(&mut talk, "hi");
    talk.after(secs(179));
    assert!(talk.exits().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_fallback_that_comes_first_wins() {
    let mut talk = Talk::quiet_with(|settings| {
        retry(settings);
        fallback_to("900")(settings);
        settings.fallback_after = Some(secs(20));
    });
    gets_stuck(&mut talk, "hi");
    assert_eq!(talk.exits().len(), 1);
}
