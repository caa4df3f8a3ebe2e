//! Drain, `on_stop`, and failing over.

use connectord::conversation::{Event, effect::Disposition};

use crate::support::{Exits, Publishing, Talk, fallback_to, ms, secs, text, transfer};

#[test]
fn a_drain_starts_nothing_new() {
    let mut talk = Talk::quiet();
    talk.step(Event::Drain);
    talk.consumer("hi");
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
    assert!(!talk.conversation().is_busy());
}

#[test]
fn a_drain_finishes_the_turn_and_the_answer_under_way() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.step(Event::Drain);
    assert!(talk.conversation().is_busy());
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    assert!(talk.conversation().is_busy());
    talk.acknowledges();
    talk.acknowledges();
    assert_eq!(talk.said(), ["one", "two"]);
    assert!(!talk.conversation().is_busy());
}

#[test]
fn with_keep_the_next_start_resumes_what_was_not_begun() {
    let mut talk = Talk::quiet();
    talk.step(Event::Drain);
    talk.consumer("hi");
    talk.after(secs(1));
    talk.restarts();
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn with_return_the_conversation_goes_back_to_its_skills_queue() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.step(Event::Drain);
    talk.step(Event::Return);
    assert_eq!(talk.exits(), ["return"]);
    assert!(talk.dispositions().contains(&(1, Disposition::LeftBehind)));
}

#[test]
fn a_return_while_a_transfer_is_under_way_does_not_cross_it() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.step(Event::Return);
    assert_eq!(talk.exits(), ["transfer to 200, Bot"]);
    assert!(talk.conversation().is_busy());
}

#[test]
fn a_refused_return_leaves_the_conversation_as_it_is() {
    let mut talk = Talk::quiet();
    talk.step(Event::Drain);
    talk.exits = Exits::Refused;
    talk.step(Event::Return);
    assert!(!talk.conversation().is_busy());
    talk.consumer("hi");
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn a_sister_that_takes_a_returned_conversation_over_hears_the_unanswered_words() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("hi");
    talk.step(Event::Drain);
    talk.step(Event::Return);
    let mut sister = Talk::assigned(talk.dialog.clone());
    assert_eq!(sister.asked(), ["hi"]);
}

#[test]
fn a_return_that_the_cloud_fails_at_is_tried_again_and_the_drain_waits_for_it() {
    let mut talk = Talk::quiet();
    talk.step(Event::Drain);
    talk.exits = Exits::TimeOut;
    talk.step(Event::Return);
    assert!(talk.conversation().is_busy());
    talk.after(secs(1));
    assert_eq!(talk.exits(), ["return", "return"]);
    talk.exits = Exits::Work;
    talk.after(secs(2));
    assert!(talk.gone);
}

#[test]
fn a_return_that_never_works_ends_and_the_next_start_has_the_conversation() {
    let mut talk = Talk::quiet();
    talk.step(Event::Drain);
    talk.exits = Exits::TimeOut;
    talk.step(Event::Return);
    talk.after(secs(8));
    assert_eq!(talk.exits().len(), 4);
    assert!(!talk.conversation().is_busy());
}

#[test]
fn a_drain_does_not_wait_for_a_bot_that_has_nothing_in_its_hands() {
    let mut down = Talk::quiet();
    down.door = crate::support::Door::Down;
    down.consumer("hi");
    down.after(ms(300));
    assert!(!down.conversation().is_busy());
    let mut silent = Talk::quiet();
    silent.door = crate::support::Door::Attempts;
    silent.consumer("hi");
    silent.after(ms(300));
    assert!(silent.conversation().is_busy());
    silent.is_silent();
    assert!(!silent.conversation().is_busy());
    for mut talk in [down, silent] {
        talk.step(Event::Drain);
        talk.step(Event::Return);
        assert_eq!(talk.exits(), ["return"]);
    }
}
