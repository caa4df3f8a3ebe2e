//! Step-up: the consumer logs in during the conversation.

use connectord::conversation::{Call, event::Profile};

use crate::support::{Talk, fallback_to, minutes, ms, secs, text};

fn log_in(talk: &mut Talk, consumer: &str) {
    talk.profile = Profile { first_name: Some(consumer.to_owned()), ..Profile::default() };
    talk.details(|details| details.consumer = consumer.into());
}

fn profile_of(talk: &Talk, consumer: &str) -> bool {
    talk.calls.iter().any(|call| *call == Call::Profile(consumer.into()))
}

#[test]
fn the_bot_is_told_with_the_new_id_and_the_profile_read_again() {
    let mut talk = Talk::quiet();
    log_in(&mut talk, "jane");
    assert!(profile_of(&talk, "jane"));
    let question = talk.questions().remove(0);
    assert_eq!(question.text, "_STEPUP_");
    assert_eq!(question.event.to_string(), "d:0:stepUp");
    assert_eq!(question.about.consumer.as_str(), "jane");
    assert_eq!(question.about.profile.clone().unwrap().first_name.as_deref(), Some("jane"));
}

#[test]
fn the_open_window_is_flushed_first_and_nothing_is_merged_across() {
    let mut talk = Talk::quiet();
    talk.consumer("before");
    log_in(&mut talk, "jane");
    assert_eq!(talk.asked(), ["before"]);
    talk.consumer("after");
    talk.after(secs(1));
    talk.answers([]);
    assert_eq!(talk.asked(), ["_STEPUP_"]);
    talk.answers([]);
    assert_eq!(talk.asked(), ["after"]);
}

#[test]
fn it_is_a_barrier_while_the_profile_is_read() {
    let mut talk = Talk::quiet();
    talk.profile_held = true;
    log_in(&mut talk, "jane");
    talk.consumer("after");
    talk.after(secs(5));
    assert!(talk.asked().is_empty());
    talk.acknowledges();
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn two_step_ups_in_a_row_are_told_in_order_and_block_nothing() {
    let mut talk = Talk::quiet();
    talk.profile_held = true;
    log_in(&mut talk, "jane");
    talk.consumer("between");
    log_in(&mut talk, "jane smith");
    talk.consumer("after");
    talk.acknowledges();
    talk.acknowledges();
    talk.after(secs(1));
    for _ in 0..3 {
        talk.answers([]);
    }
    assert_eq!(talk.asked(), ["_STEPUP_", "between", "_STEPUP_", "after"]);
}

#[test]
fn a_step_up_before_the_first_profile_has_come_is_told_all_the_same() {
    let mut talk = Talk::prepared([], |settings| settings.greeting = None);
    talk.profile_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    log_in(&mut talk, "jane");
    talk.acknowledges();
    talk.acknowledges();
    let question = talk.questions().remove(0);
    assert_eq!(question.text, "_STEPUP_");
    assert!(question.about.profile.is_some());
}

#[test]
fn without_a_profile_the_bot_is_told_all_the_same() {
    let mut talk = Talk::quiet();
    talk.profile_held = true;
    log_in(&mut talk, "jane");
    let call = Call::Profile("jane".into());
    talk.errs(crate::support::failed(&call));
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn once_per_new_id() {
    let mut talk = Talk::quiet();
    log_in(&mut talk, "jane");
    talk.answers([]);
    log_in(&mut talk, "jane");
    log_in(&mut talk, "visitor");
    log_in(&mut talk, "jane");
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn the_first_id_after_a_restart_is_the_baseline() {
    let mut talk = Talk::quiet();
    log_in(&mut talk, "jane");
    talk.answers([]);
    talk.asked();
    talk.restarts();
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn it_queues_behind_a_turn_under_way() {
    let mut talk = Talk::quiet();
    talk.consumer("question");
    talk.after(ms(300));
    log_in(&mut talk, "jane");
    assert_eq!(talk.asked(), ["question"]);
    talk.answers([text("answer")]);
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn it_arms_neither_resend_nor_fallback_and_does_not_block_for_ever() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    log_in(&mut talk, "jane");
    talk.after(minutes(10));
    assert_eq!(talk.asked(), ["_STEPUP_"]);
    assert!(talk.exits().is_empty() && talk.typing().is_empty());
    talk.consumer("hello");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn a_webhook_that_fails_at_it_is_not_asked_again() {
    let mut talk = Talk::quiet();
    talk.door = crate::support::Door::Attempts;
    log_in(&mut talk, "jane");
    talk.is_silent();
    talk.after(minutes(10));
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn a_bot_that_does_not_know_the_event_does_not_lose_the_conversation() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    log_in(&mut talk, "jane");
    talk.faults();
    assert!(talk.exits().is_empty(), "nobody waits for an answer to a step-up");
    talk.consumer("hello");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["_STEPUP_", "hello"]);
}
