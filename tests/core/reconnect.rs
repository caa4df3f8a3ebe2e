//! A lost connection to the cloud: what was missed is read, what was half done is completed.

use connectord::conversation::event::{Content, Departure, Speaker};

use crate::support::{Publishing, Talk, agent, consumer, me, minutes, ms, secs, text};

fn missed(talk: &mut Talk, words: &str) -> i64 {
    talk.stores(Speaker::Consumer, Content::Text(words.to_owned()), None)
}

#[test]
fn messages_that_were_missed_are_asked_once() {
    let mut talk = Talk::quiet();
    talk.consumer("before");
    talk.after(ms(300));
    talk.answers([text("yes")]);
    talk.link_down();
    let sequence = missed(&mut talk, "during");
    talk.after(secs(5));
    talk.asked();
    talk.receipts();
    talk.link_up();
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["during"]);
    assert_eq!(talk.receipts(), [sequence]);
    talk.arrives(sequence);
    talk.after(secs(1));
    assert!(talk.asked().is_empty());
}

#[test]
fn sequences_that_a_reading_did_not_show_are_not_looked_for_again() {
    let mut talk = Talk::quiet();
    talk.consumer("before");
    talk.next_sequence += 5;
    let newest = talk.consumer("after a gap") + 1;
    for _ in 0..2 {
        talk.calls.clear();
        talk.link_down();
        talk.link_up();
    }
    let dialog = "d".into();
    assert_eq!(
        talk.calls.first(),
        Some(&connectord::conversation::Call::History { dialog, after: Some(newest) })
    );
}

#[test]
fn an_answer_that_came_while_the_connection_was_away_is_said_when_it_is_back() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.answers([text("hello")]);
    assert!(talk.said().is_empty());
    talk.link_up();
    assert_eq!(talk.said(), ["hello"]);
}

#[test]
fn a_publish_cut_off_by_the_lost_connection_is_completed_not_repeated() {
    for arrived in [true, false] {
        let mut talk = Talk::quiet();
        talk.consumer("hi");
        talk.after(ms(300));
        talk.publishing = Publishing::Held;
        talk.answers([text("one"), text("two")]);
        if arrived {
            let call = talk.calls.last().unwrap().clone();
            let connectord::conversation::Call::Publish { mark, .. } = call else { panic!() };
            talk.stores(Speaker::Me, Content::Text("one".to_owned()), None);
            talk.dialog.last_mut().unwrap().mark = mark;
        }
        talk.link_down();
        talk.publishing = Publishing::Works;
        talk.link_up();
        assert_eq!(talk.own_words(), ["one", "two"], "arrived: {arrived}");
    }
}

#[test]
fn a_batch_that_was_gathering_is_asked_with_what_was_missed() {
    let mut talk = Talk::quiet();
    talk.consumer("one");
    talk.link_down();
    missed(&mut talk, "two");
    talk.link_up();
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["one two"]);
}

#[test]
fn a_turn_under_way_goes_on() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.after(secs(5));
    talk.link_up();
    assert_eq!(talk.asked(), ["hi"], "the bot has it and is not asked again for this");
    talk.answers([text("hello")]);
    assert_eq!(talk.said(), ["hello"]);
}

#[test]
fn the_consumer_sees_typing_again_while_the_bot_is_still_at_it_and_its_end() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.typing();
    talk.link_up();
    assert_eq!(talk.typing(), ["COMPOSING"]);
    talk.answers([text("hello")]);
    assert_eq!(talk.typing(), ["ACTIVE"]);
}

#[test]
fn silence_and_fallback_are_judged_when_the_connection_is_back() {
    let mut talk = Talk::quiet_with(crate::support::fallback_to("900"));
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.after(minutes(10));
    assert!(talk.exits().is_empty());
    talk.link_up();
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_conversation_that_is_gone_when_the_connection_is_back_is_left() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.leaves(Departure::Moved);
    assert_eq!(talk.withdrawn(), ["d:0"]);
    assert_eq!(talk.notices().len(), 1);
}

#[test]
fn a_connection_lost_before_the_history_was_read_begins_anew() {
    let mut talk = Talk::prepared([agent(0, "hello")], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    talk.link_down();
    talk.history_held = false;
    talk.link_up();
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn a_step_up_during_the_gap_is_noticed() {
    let mut talk = Talk::quiet();
    talk.link_down();
    talk.details.consumer = "jane".into();
    talk.link_up();
    assert_eq!(talk.asked(), ["_STEPUP_"]);
}

#[test]
fn a_history_that_cannot_be_read_is_asked_for_again_after_5_10_15_s() {
    let mut talk = Talk::prepared([agent(0, "hello")], |_| {});
    let history = connectord::conversation::Call::Return;
    talk.history_fails = Some(crate::support::failed(&history));
    talk.begin(connectord::conversation::Arrival::Assigned);
    for pause in [5, 10, 15] {
        assert!(talk.asked().is_empty());
        talk.after(secs(pause) - ms(1));
        if pause == 15 {
            talk.history_fails = None;
        }
        talk.after(ms(1));
    }
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn a_flood_of_live_messages_while_the_history_is_read_loses_none() {
    let mut talk = Talk::prepared([], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    for _ in 0..1_200 {
        talk.consumer("x");
    }
    talk.history_held = false;
    let whole = talk.dialog.clone();
    talk.dialog.clear();
    talk.acknowledges_then(|talk| talk.dialog = whole);
    let mut parts = 0;
    for _ in 0..13 {
        talk.after(secs(1));
        parts += talk.questions().iter().map(|q| q.parts.len()).sum::<usize>();
        if talk.conversation().waits_for_bot() {
            talk.answers([]);
        }
    }
    assert_eq!(parts, 1_200);
}

#[test]
fn what_arrives_before_the_first_reading_after_a_lost_connection_is_asked_once() {
    // The news overtakes the list of conversations, or the list is lost on the way.
    let mut talk = Talk::prepared([consumer(0, "one")], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    talk.link_down();
    talk.history_held = false;
    let second = talk.consumer("two");
    talk.link_up();
    talk.after(secs(1));
    assert_eq!(talk.asked(), ["one two"]);
    assert_eq!(talk.receipts(), [0, second]);
}

#[test]
fn an_answered_message_that_arrives_again_before_the_first_reading_is_not_asked() {
    let history = [consumer(0, "one"), me(1, "yes", "cd1:0:0/1")];
    let mut talk = Talk::prepared(history, |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Found);
    talk.link_down();
    talk.history_held = false;
    talk.arrives(0);
    talk.link_up();
    talk.after(secs(1));
    assert!(talk.asked().is_empty());
}
