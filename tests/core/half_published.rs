//! What a restart finds half published is completed, not repeated.

use connectord::conversation::effect::Fact;

use crate::support::{Exits, Publishing, Talk, agent, consumer, me, ms, secs, text, transfer};

fn restarted(history: impl IntoIterator<Item = connectord::conversation::event::Message>) -> Talk {
    let mut talk = Talk::prepared(history, |_| {});
    talk.begin(connectord::conversation::Arrival::Found);
    talk
}

#[test]
fn the_event_is_asked_again_under_its_id_and_only_the_missing_pieces_are_published() {
    let mut talk = restarted([consumer(0, "hi"), me(1, "one", "cd1:0:0/3")]);
    assert_eq!(talk.asked_ids(), ["0#1"]);
    talk.answers([text("one"), text("two"), text("three")]);
    assert_eq!(talk.own_words(), ["one", "two", "three"]);
    assert!(!talk.facts().iter().any(|fact| matches!(fact, Fact::Ambiguous { .. })));
}

#[test]
fn what_the_consumer_said_since_is_the_next_event() {
    let history =
        [consumer(0, "hi"), consumer(1, "there"), me(2, "one", "cd1:1:0/2"), consumer(3, "next")];
    let mut talk = restarted(history);
    assert_eq!(talk.asked(), ["hi there"]);
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.asked(), ["next"]);
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn an_answer_that_has_other_pieces_now_is_completed_as_far_as_possible_and_counted() {
    let mut talk = restarted([consumer(0, "hi"), me(1, "one", "cd1:0:0/3")]);
    talk.answers([text("uno"), text("dos")]);
    assert_eq!(talk.own_words(), ["one", "dos"]);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::Ambiguous { .. })));
}

#[test]
fn a_transfer_that_was_still_to_come_is_made() {
    let mut talk = restarted([consumer(0, "hi"), me(1, "one moment", "cd1:0:0/2")]);
    talk.answers([text("one moment"), transfer("200")]);
    assert_eq!(talk.own_words(), ["one moment"]);
    assert_eq!(talk.exits(), ["transfer to 200, Bot"]);
}

#[test]
fn a_half_published_greeting_is_completed() {
    let mut talk = restarted([me(0, "welcome", "cd1:0:greeting:0/2")]);
    assert_eq!(talk.asked_ids(), ["0:greeting#1"]);
    talk.answers([text("welcome"), text("how can I help?")]);
    assert_eq!(talk.own_words(), ["welcome", "how can I help?"]);
}

#[test]
fn a_half_published_greeting_is_completed_before_what_the_consumer_said_since() {
    let mut talk = restarted([me(0, "welcome", "cd1:0:greeting:0/2"), consumer(1, "hello")]);
    assert_eq!(talk.asked_ids(), ["0:greeting#1"]);
    talk.answers([text("welcome"), text("how can I help?")]);
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn a_half_published_answer_to_an_agents_utterance_is_completed() {
    let history = [consumer(0, "hi"), agent(1, "go on"), me(2, "one", "cd1:1:agent:0/2")];
    let mut talk = restarted(history);
    assert_eq!(talk.asked_ids(), ["1:agent#1"]);
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn a_complete_answer_to_an_agents_utterance_leaves_nothing_to_ask() {
    let history = [consumer(0, "hi"), agent(1, "go on"), me(2, "one", "cd1:1:agent:0/1")];
    let mut talk = restarted(history);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn an_escalation_whose_failure_the_bot_has_answered_is_not_tried_again() {
    let mut talk = Talk::quiet();
    talk.consumer("human please");
    talk.after(ms(300));
    talk.exits = Exits::Refused;
    talk.answers([text("one moment"), transfer("200")]);
    talk.answers([text("nobody is there")]);
    talk.forget_all();
    talk.restarts();
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn an_answer_with_a_changed_time_to_respond_is_complete_without_a_message_for_it() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    let ttr = connectord::conversation::event::Action::ChangeTtr {
        ttr_type: "URGENT".to_owned(),
        seconds: 60,
    };
    talk.answers([text("one"), ttr, text("two")]);
    talk.forget_all();
    talk.restarts();
    assert!(talk.asked().is_empty());
}

#[test]
fn killed_at_any_piece_the_consumer_sees_each_piece_once() {
    for killed_after in 0..3 {
        for acknowledged in [true, false] {
            let mut talk = Talk::quiet();
            talk.consumer("hi");
            talk.after(ms(300));
            talk.publishing = Publishing::Held;
            let answer = [text("one"), text("two"), text("three")];
            talk.answers(answer.clone());
            for _ in 0..killed_after {
                talk.acknowledges();
            }
            if !acknowledged {
                talk.publishing = Publishing::AckLost;
                talk.history_held = true;
            }
            talk.publishing = Publishing::Works;
            talk.history_held = false;
            talk.restarts();
            talk.answers(answer.clone());
            assert_eq!(talk.own_words(), ["one", "two", "three"], "killed after {killed_after}");
        }
    }
}

#[test]
fn without_marks_an_own_message_answers_what_stands_before_it_and_that_is_counted() {
    let mut talk = restarted([consumer(0, "hi"), me(1, "hello", ""), consumer(2, "next")]);
    assert_eq!(talk.asked(), ["next"]);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::Ambiguous { .. })));
}

#[test]
fn a_half_answered_event_of_several_messages_is_one_event_again_even_without_a_window() {
    let mut half = me(2, "one", "cd1:1:0/2");
    half.mark.as_mut().unwrap().covers = vec![0, 1];
    let history = [consumer(0, "hi"), consumer(1, "there"), half, consumer(3, "next")];
    let mut talk = Talk::prepared(history, |settings| settings.gather = ms(0));
    talk.begin(connectord::conversation::Arrival::Found);
    assert_eq!(talk.asked(), ["hi there"]);
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.own_words(), ["one", "two"]);
    assert_eq!(talk.asked(), ["next"]);
}
