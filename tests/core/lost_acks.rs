//! A publish whose acknowledgement was lost is looked for in the history before it is sent again.

use connectord::conversation::{Call, effect::Fact};

use crate::support::{Publishing, Talk, ms, refused, secs, text};

fn asked() -> Talk {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.forget_all();
    talk
}

#[test]
fn found_by_its_mark_it_is_not_sent_again_and_the_next_piece_follows() {
    let mut talk = asked();
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.held_calls(), ["history"]);
    talk.publishing = Publishing::Works;
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn not_found_it_is_sent_again() {
    let mut talk = asked();
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("one"), text("two")]);
    talk.publishing = Publishing::Works;
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn a_refusal_to_tell_whether_it_is_out_is_not_believed_at_once() {
    let mut talk = asked();
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers([text("one"), text("two")]);
    talk.publishing = Publishing::Works;
    talk.errs(refused(&Call::Return));
    assert_eq!(talk.held_calls(), [""; 0]);
    talk.after(secs(5));
    assert_eq!(talk.held_calls(), ["history"]);
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn where_the_mark_does_not_come_back_the_same_words_decide_and_that_is_counted() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.publishing = Publishing::Works;
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["one"]);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::Ambiguous { .. })));
}

#[test]
fn an_echo_that_overtakes_the_history_counts() {
    let mut talk = asked();
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.publishing = Publishing::Works;
    // The history was read before the message was stored, and the echo came before its answer.
    let stored = talk.dialog.pop().unwrap();
    talk.step(connectord::conversation::Event::Message(stored));
    talk.acknowledges();
    assert_eq!(talk.calls.iter().filter(|call| call.name() == "publish").count(), 1);
}

#[test]
fn an_unmarked_echo_that_overtakes_the_history_counts() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.publishing = Publishing::Works;
    let stored = talk.dialog.pop().unwrap();
    talk.step(connectord::conversation::Event::Message(stored));
    talk.acknowledges();
    assert_eq!(talk.calls.iter().filter(|call| call.name() == "publish").count(), 1);
}

#[test]
fn an_echo_that_came_before_the_time_out_is_found_even_if_more_was_said_since() {
    for marked in [true, false] {
        let mut talk = asked();
        talk.publishing = Publishing::Held;
        talk.answers([text("one")]);
        let Some(Call::Publish { mark, .. }) = talk.calls.last().cloned() else { panic!() };
        let words = connectord::conversation::event::Content::Text("one".to_owned());
        let sequence = talk.stores(connectord::conversation::event::Speaker::Me, words, None);
        talk.dialog.last_mut().unwrap().mark = mark.filter(|_| marked);
        talk.arrives(sequence);
        talk.consumer("more");
        talk.consumer("and more");
        talk.publishing = Publishing::Works;
        talk.errs(crate::support::no_answer(&Call::Return));
        assert_eq!(talk.own_words(), ["one"], "marked: {marked}");
    }
}

#[test]
fn the_same_words_said_earlier_are_not_taken_for_it() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.answers([text("yes")]);
    talk.consumer("really?");
    talk.after(ms(300));
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("yes")]);
    talk.publishing = Publishing::Works;
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["yes", "yes"]);
}

#[test]
fn a_bot_that_says_the_same_twice_is_heard_twice() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::Held;
    talk.answers([text("yes"), text("yes")]);
    talk.publishing = Publishing::Lost;
    talk.acknowledges();
    assert_eq!(talk.own_words(), ["yes", "yes"]);
}

#[test]
fn while_the_history_cannot_be_read_nothing_is_sent_again() {
    let mut talk = asked();
    talk.publishing = Publishing::Lost;
    let history = Call::History { dialog: "d".into(), after: None };
    talk.history_fails = Some(crate::support::failed(&history));
    talk.answers([text("one")]);
    talk.publishing = Publishing::Works;
    talk.after(secs(14));
    assert!(talk.own_words().is_empty());
    talk.history_fails = None;
    talk.after(secs(1));
    assert_eq!(talk.own_words(), ["one"]);
}

#[test]
fn a_call_that_never_left_is_made_again_without_looking() {
    let mut talk = asked();
    talk.online = false;
    talk.answers([text("one")]);
    talk.online = true;
    talk.after(secs(1));
    assert_eq!(talk.own_words(), ["one"]);
    assert!(!talk.calls.iter().any(|call| call.name() == "history"));
}

#[test]
fn messages_that_came_while_the_history_was_read_again_are_not_lost() {
    let mut talk = asked();
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.consumer("more");
    talk.publishing = Publishing::Works;
    talk.acknowledges();
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["more"]);
}
