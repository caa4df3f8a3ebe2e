//! Messages that never arrive by themselves, and how they are found.

use connectord::conversation::{
    Call, Event, Sequence,
    effect::{Disposition, Fact},
    event::{Content, Speaker},
};

use crate::support::{Publishing, Talk, secs, text};

/// A message is stored and does not arrive; the cloud only says that it is the newest.
fn goes_unheard(talk: &mut Talk, words: &str) -> Sequence {
    let content = Content::Text(words.to_owned());
    let sequence = talk.stores(Speaker::Consumer, content, None);
    is_newest(talk, sequence);
    sequence
}

fn is_newest(talk: &mut Talk, sequence: Sequence) {
    talk.step(Event::Newest { dialog: "d".into(), sequence });
}

fn readings(talk: &mut Talk) -> usize {
    let calls = std::mem::take(&mut talk.calls);
    calls.iter().filter(|call| matches!(call, Call::History { .. })).count()
}

fn missed(talk: &mut Talk) -> usize {
    let facts = talk.facts();
    facts.iter().map(|fact| if let Fact::Missed(count) = fact { *count } else { 0 }).sum()
}

#[test]
fn a_message_that_is_only_told_of_is_read_after_two_seconds_and_counted() {
    let mut talk = Talk::quiet();
    readings(&mut talk);
    goes_unheard(&mut talk, "hello?");
    talk.after(secs(2) - crate::support::ms(1));
    assert_eq!(readings(&mut talk), 0);
    talk.after(secs(1));
    assert_eq!(readings(&mut talk), 1);
    assert_eq!(talk.asked(), ["hello?"]);
    assert_eq!(missed(&mut talk), 1);
}

#[test]
fn one_that_arrives_meanwhile_is_neither_read_nor_counted() {
    let mut talk = Talk::quiet();
    readings(&mut talk);
    let sequence = goes_unheard(&mut talk, "hello?");
    talk.after(secs(1));
    talk.arrives(sequence);
    talk.after(secs(60));
    assert_eq!(readings(&mut talk), 0);
    assert_eq!(missed(&mut talk), 0);
}

#[test]
fn what_is_known_already_is_no_news() {
    let mut talk = Talk::quiet();
    let sequence = talk.consumer("hi");
    readings(&mut talk);
    is_newest(&mut talk, sequence);
    is_newest(&mut talk, sequence - 1);
    talk.after(secs(60));
    assert_eq!(readings(&mut talk), 0);
}

#[test]
fn another_dialog_and_an_implausible_sequence_say_nothing() {
    let mut talk = Talk::quiet();
    readings(&mut talk);
    talk.step(Event::Newest { dialog: "survey".into(), sequence: 9 });
    is_newest(&mut talk, Sequence::MAX);
    is_newest(&mut talk, -5);
    talk.after(secs(60));
    assert_eq!(readings(&mut talk), 0);
}

#[test]
fn what_the_history_never_shows_is_looked_for_three_times() {
    let mut talk = Talk::quiet();
    readings(&mut talk);
    is_newest(&mut talk, 7);
    talk.after(secs(600));
    assert_eq!(readings(&mut talk), 3);
    assert_eq!(missed(&mut talk), 0);
    // And it is taken when it comes after all.
    talk.next_sequence = 7;
    talk.consumer("late");
    talk.after(secs(1));
    assert_eq!(talk.asked(), ["late"]);
}

#[test]
fn a_history_that_lags_behind_is_read_again() {
    let mut talk = Talk::quiet();
    readings(&mut talk);
    talk.next_sequence = 3;
    is_newest(&mut talk, 3);
    talk.after(secs(3));
    talk.stores(Speaker::Consumer, Content::Text("slow".to_owned()), None);
    talk.after(secs(3));
    assert_eq!(talk.asked(), ["slow"]);
    assert_eq!(missed(&mut talk), 1);
}

#[test]
fn a_skipped_sequence_that_the_history_fills_is_counted() {
    let mut talk = Talk::quiet();
    talk.stores(Speaker::Consumer, Content::Text("one".to_owned()), None);
    talk.stores(Speaker::Consumer, Content::Text("two".to_owned()), None);
    talk.consumer("three");
    talk.after(secs(3));
    assert_eq!(missed(&mut talk), 2);
}

#[test]
fn what_a_lost_connection_kept_away_is_not_counted() {
    let mut talk = Talk::quiet();
    talk.link_down();
    let sequence = talk.stores(Speaker::Consumer, Content::Text("hi".to_owned()), None);
    talk.link_up();
    is_newest(&mut talk, sequence);
    talk.after(secs(5));
    assert_eq!(talk.asked(), ["hi"]);
    assert_eq!(missed(&mut talk), 0);
}

#[test]
fn what_is_told_of_while_the_history_is_read_waits_for_it() {
    let mut talk = Talk::prepared([], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Found);
    let sequence = goes_unheard(&mut talk, "hi");
    talk.history_held = false;
    readings(&mut talk);
    talk.acknowledges();
    talk.after(secs(5));
    assert_eq!((readings(&mut talk), sequence), (0, 0));
    assert_eq!(missed(&mut talk), 0);
}

#[test]
fn what_is_said_while_the_history_is_read_for_another_is_not_counted() {
    let mut talk = Talk::quiet();
    goes_unheard(&mut talk, "one");
    talk.history_held = true;
    talk.after(secs(2));
    // It is in the history already, and its notification is still on its way.
    let late = talk.stores(Speaker::Consumer, Content::Text("two".to_owned()), None);
    talk.history_held = false;
    talk.acknowledges();
    talk.arrives(late);
    talk.after(secs(1));
    assert_eq!(missed(&mut talk), 1);
}

#[test]
fn an_own_message_without_an_echo_is_not_missed_if_it_was_acknowledged() {
    for acknowledged in [true, false] {
        let mut talk = Talk::quiet();
        talk.consumer("hi");
        talk.after(secs(1));
        talk.echoes = false;
        talk.publishing = if acknowledged { Publishing::Works } else { Publishing::AckLost };
        talk.answers([text("hello")]);
        let newest = talk.next_sequence - 1;
        is_newest(&mut talk, newest);
        talk.after(secs(30));
        assert_eq!(talk.own_words(), ["hello"]);
        assert_eq!(missed(&mut talk), 0, "acknowledged: {acknowledged}");
    }
}

#[test]
fn what_waits_in_the_history_for_room_is_not_missing() {
    let mut talk = Talk::quiet();
    let mut newest = 0;
    for _ in 0..3_000 {
        newest = talk.consumer("x");
    }
    is_newest(&mut talk, newest);
    let mut parts = 0;
    for _ in 0..60 {
        talk.after(secs(3));
        parts += talk.questions().iter().map(|q| q.parts.len()).sum::<usize>();
        if talk.conversation().waits_for_bot() {
            talk.answers([]);
        }
    }
    assert_eq!(parts, 3_000);
    assert_eq!(missed(&mut talk), 0);
}

#[test]
fn a_new_main_dialog_forgets_what_was_told_of_the_old_one() {
    let mut talk = Talk::quiet();
    is_newest(&mut talk, 5);
    talk.dialog.clear();
    talk.details(|details| details.dialog = "e".into());
    readings(&mut talk);
    talk.after(secs(60));
    assert_eq!(readings(&mut talk), 0);
}

#[test]
fn one_that_comes_by_itself_after_it_was_read_is_a_duplicate_and_not_asked_again() {
    let mut talk = Talk::quiet();
    let sequence = goes_unheard(&mut talk, "hi");
    talk.after(secs(3));
    talk.asked();
    talk.facts();
    talk.arrives(sequence);
    talk.after(secs(3));
    assert!(talk.asked().is_empty());
    assert!(talk.facts().contains(&Fact::Consumer(1, Disposition::Duplicate)));
}
