//! The platform does not give the marks back: position and text decide, and each such case is counted.

use std::collections::{BTreeMap, BTreeSet};

use connectord::conversation::{
    Arrival, Sequence, Timestamp,
    effect::{Ambiguity, Fact},
    event::{Content, EventId, Message, Speaker},
};
use proptest::{prelude::*, test_runner::FileFailurePersistence};

use crate::support::{
    EPOCH, Exits, Publishing, Talk, card, consumer, for_agents, me, ms, no_answer, secs, text,
    transfer,
};

// ---- a lost acknowledgement, within one process ----

#[test]
fn a_piece_that_the_platform_changed_is_found_by_its_place() {
    let mut talk = asked();
    loses_acknowledgement_of(&mut talk, [text("one"), text("two")]);
    talk.dialog.last_mut().unwrap().content = Content::Text("0ne".to_owned());
    finds(&mut talk);
    assert_eq!(talk.own_words(), ["0ne", "two"]);
    assert_eq!(counts(&mut talk), [(Ambiguity::FoundByPosition, 1)].into());
}

#[test]
fn structured_content_is_found_by_its_json_value_whatever_the_order_of_its_members() {
    let mut talk = asked();
    loses_acknowledgement_of(&mut talk, [card("tiles"), text("two")]);
    let content = crate::support::json("{ \"type\" : \"vertical\" }");
    talk.dialog.last_mut().unwrap().content = Content::Rich { content, text: String::new() };
    finds(&mut talk);
    assert_eq!(talk.own_words().len(), 2);
    assert_eq!(counts(&mut talk), [(Ambiguity::FoundByText, 1)].into());
}

#[test]
fn where_marks_come_back_an_unmarked_message_is_somebody_elses() {
    let mut talk = asked();
    talk.answers([text("hello")]);
    talk.consumer("and?");
    talk.after(ms(300));
    // The history that is read now holds a mark.
    talk.link_down();
    talk.link_up();
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.stores(Speaker::Me, Content::Text("typed by a person".to_owned()), None);
    finds(&mut talk);
    assert_eq!(talk.own_words(), ["hello", "typed by a person", "one"]);
}

#[test]
fn what_only_agents_see_is_not_mistaken_for_what_all_see() {
    let mut talk = asked();
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([for_agents("note")]);
    talk.stores(Speaker::Me, Content::Text("public".to_owned()), None);
    finds(&mut talk);
    assert_eq!(talk.own_words(), ["public", "note"]);
}

#[test]
fn another_agents_message_is_never_the_piece() {
    let mut talk = asked();
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("one")]);
    talk.stores(Speaker::Agent, Content::Text("one".to_owned()), None);
    finds(&mut talk);
    assert_eq!(talk.own_words(), ["one"]);
}

#[test]
fn a_late_copy_of_the_piece_before_is_not_taken_for_the_present_one() {
    let mut talk = asked();
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    talk.errs(no_answer(&connectord::conversation::Call::Return));
    talk.acknowledges();
    let late = talk.stores(Speaker::Me, Content::Text("one".to_owned()), None);
    talk.arrives(late);
    talk.publishing = Publishing::Works;
    talk.errs(no_answer(&connectord::conversation::Call::Return));
    assert_eq!(talk.own_words(), ["one", "one", "two"]);
}

#[test]
fn no_piece_before_is_taken_for_the_present_one_where_the_cloud_does_not_tell_their_places() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two"), text("three")]);
    talk.acknowledges_without_a_place();
    talk.acknowledges_without_a_place();
    talk.publishing = Publishing::Works;
    talk.errs(no_answer(&connectord::conversation::Call::Return));
    assert_eq!(talk.own_words(), ["one", "two", "three"]);
}

#[test]
fn not_even_if_both_say_the_same() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::Held;
    talk.answers([text("well"), text("well")]);
    talk.acknowledges_without_a_place();
    talk.publishing = Publishing::Works;
    talk.errs(no_answer(&connectord::conversation::Call::Return));
    assert_eq!(talk.own_words(), ["well", "well"]);
}

#[test]
fn no_piece_of_the_answer_before_is_taken_for_the_present_one_either() {
    let mut talk = asked();
    talk.marks_come_back = false;
    talk.publishing = Publishing::Held;
    talk.answers([text("one")]);
    talk.consumer("and?");
    talk.acknowledges_without_a_place();
    talk.after(ms(300));
    talk.answers([text("two")]);
    talk.publishing = Publishing::Works;
    talk.errs(no_answer(&connectord::conversation::Call::Return));
    assert_eq!(talk.own_words(), ["one", "two"]);
}

#[test]
fn an_echo_that_comes_while_a_failed_piece_waits_is_the_piece() {
    let mut talk = asked();
    talk.publishing = Publishing::Fails;
    talk.answers([text("one")]);
    talk.publishing = Publishing::Works;
    let late = talk.stores(Speaker::Me, Content::Text("0ne".to_owned()), None);
    talk.arrives(late);
    talk.after(secs(60));
    assert_eq!(talk.own_words(), ["0ne"]);
}

// ---- a restart ----

#[test]
fn the_first_batch_of_the_last_run_is_answered_and_the_rest_is_asked_again() {
    let mut talk = found([said(0, 0), said(1, 10_000), said(2, 12_000), own(3, 13_000, "a")]);
    assert_eq!(talk.asked(), ["1 2"]);
    assert_eq!(talk.last_id(), "d:2");
    let counts = counts(&mut talk);
    assert_eq!(counts, [(Ambiguity::AnsweredByPosition, 1), (Ambiguity::AskedAgain, 2)].into());
}

#[test]
fn messages_within_the_window_of_the_first_are_one_batch() {
    let mut talk = found([said(0, 0), said(1, 299), own(2, 1_000, "a")]);
    assert!(talk.asked().is_empty());
}

#[test]
fn a_click_is_a_batch_of_its_own() {
    let click = Message { metadata: Some(crate::support::json("[]")), ..said(1, 100) };
    let mut talk = found([said(0, 0), click, own(2, 1_000, "a")]);
    assert_eq!(talk.asked(), ["1"]);
}

#[test]
fn what_was_said_after_the_last_own_message_is_asked_for_itself() {
    let mut talk = found([said(0, 0), said(1, 5_000), own(2, 6_000, "a"), said(3, 60_000)]);
    assert_eq!(talk.asked(), ["1"]);
    talk.answers([text("b")]);
    assert_eq!(talk.asked(), ["3"]);
}

#[test]
fn an_answer_that_lags_behind_settles_what_was_asked_then() {
    // 1 is said while 0 is with the bot, and 3 while 1 is.
    let history =
        [said(0, 0), said(1, 1_000), own(2, 2_000, "a"), said(3, 3_000), own(4, 4_000, "b")];
    let mut talk = found(history);
    assert_eq!(talk.asked(), ["3"]);
}

#[test]
fn one_answer_to_each_message_leaves_nothing_to_ask() {
    let history =
        (0..20).map(|n| if n % 2 == 0 { said(n, n * 5_000) } else { own(n, n * 5_000, "a") });
    let mut talk = found(history);
    assert!(talk.asked().is_empty());
}

#[test]
fn an_own_message_within_the_window_is_more_of_the_answer_before() {
    let mut talk = found([said(0, 0), own(1, 1_000, "a"), said(2, 2_000), own(3, 2_100, "b")]);
    assert_eq!(talk.asked(), ["2"]);
}

#[test]
fn what_stands_in_the_dialog_already_is_not_said_again() {
    let history = [said(0, 0), said(1, 5_000), own(2, 6_000, "a"), own(3, 7_000, "b")];
    let mut talk = found(history);
    assert_eq!(talk.asked(), ["1"]);
    talk.answers([text("b"), text("c")]);
    assert_eq!(talk.own_words(), ["a", "b", "c"]);
    assert_eq!(counts(&mut talk)[&Ambiguity::PublishedByText], 1);
}

#[test]
fn a_message_of_the_dialog_stands_for_one_piece_only() {
    let history = [said(0, 0), said(1, 5_000), own(2, 6_000, "a"), own(3, 7_000, "b")];
    let mut talk = found(history);
    talk.answers([text("b"), text("b")]);
    assert_eq!(talk.own_words(), ["a", "b", "b"]);
}

#[test]
fn words_before_the_message_are_no_answer_to_it() {
    let history =
        [said(0, 0), own(1, 1_000, "yes"), said(2, 10_000), said(3, 15_000), own(4, 16_000, "no")];
    let mut talk = found(history);
    assert_eq!(talk.asked(), ["3"]);
    talk.answers([text("yes")]);
    assert_eq!(talk.own_words(), ["yes", "no", "yes"]);
}

#[test]
fn a_half_published_answer_to_one_batch_is_taken_as_whole() {
    let mut talk = found([said(0, 0), own(1, 1_000, "one of two")]);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
    assert_eq!(counts(&mut talk), [(Ambiguity::AnsweredByPosition, 1)].into());
}

#[test]
fn what_may_have_been_answered_was_not_late() {
    let hours = |n: i64| n * 3_600_000;
    let history = [said(0, 0), said(1, 1_000), own(2, 2_000, "a"), said(3, hours(2))];
    let mut talk = found(history);
    assert_eq!(talk.asked(), ["1"]);
    talk.answers([text("b")]);
    assert!(talk.asked().is_empty(), "and what came two hours later still is");
}

#[test]
fn the_bot_is_not_greeted_twice_and_what_was_said_of_a_failed_transfer_is_the_answer() {
    let mut talk = found([own(0, 0, "welcome")]);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
    let mut talk =
        found([said(0, 0), own(1, 1_000, "one moment"), own(2, 3_000, "nobody is there")]);
    talk.after(secs(10));
    assert!(talk.asked().is_empty() && talk.exits().is_empty());
}

#[test]
fn beside_marked_messages_an_unmarked_one_answers_all_that_stands_before_it() {
    let marked = Message { time: at(30_000), ..me(4, "c", "cd1:3:0/1") };
    let history =
        [said(0, 0), said(1, 10_000), own(2, 11_000, "a person"), said(3, 20_000), marked];
    let mut talk = found(history);
    assert!(talk.asked().is_empty());
}

// ---- with marks ----

#[test]
fn how_often_the_bots_transfers_have_failed_survives_a_restart() {
    let mut talk = Talk::quiet();
    talk.consumer("human please");
    talk.after(ms(300));
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.exits = Exits::Held;
    talk.answers([text("sorry"), transfer("200")]);
    talk.forget_all();
    talk.exits = Exits::Refused;
    talk.restarts();
    assert_eq!(talk.asked_ids(), ["1:escalationFailed1#1"]);
    talk.answers([text("sorry"), transfer("200")]);
    let ids = talk.asked_ids();
    assert!(ids[0].ends_with(":escalationFailed2#1"), "{ids:?}");
}

// ---- whatever happens, with a bot that answers the same event alike ----

#[derive(Clone, Debug)]
enum Happens {
    Says,
    Clicks,
    Passes(u64),
    Answers,
    /// The process is killed when so many pieces of the answer are out.
    DiesAnswering(usize),
    Restart,
    LinkLost,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        5 => Just(Happens::Says),
        1 => Just(Happens::Clicks),
        3 => prop_oneof![Just(100), Just(400), Just(5_000)].prop_map(Happens::Passes),
        5 => Just(Happens::Answers),
        2 => (1_usize..3).prop_map(Happens::DiesAnswering),
        2 => Just(Happens::Restart),
        1 => Just(Happens::LinkLost),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("seeds"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_message_is_answered_and_no_piece_is_said_twice(
        events in prop::collection::vec(happens(), 1..40),
    ) {
        let mut world = World::new();
        for event in events {
            world.happens(&event);
        }
        world.happens(&Happens::Restart);
        for _ in 0..50 {
            world.happens(&Happens::Answers);
            world.talk.after(secs(1));
        }
        world.judge();
    }
}

struct World {
    talk: Talk,
    /// Asked of this process and not answered.
    open: Vec<String>,
    parts: BTreeMap<String, BTreeSet<Sequence>>,
}

impl World {
    fn new() -> Self {
        let mut talk = Talk::quiet_with(|settings| settings.max_consumer_delay = secs(1_000_000));
        talk.marks_come_back = false;
        Self { talk, open: Vec::new(), parts: BTreeMap::new() }
    }

    fn happens(&mut self, event: &Happens) {
        match event {
            Happens::Says => drop(self.talk.consumer("words")),
            Happens::Clicks => drop(self.talk.consumer_clicks("press", "[]")),
            Happens::Passes(millis) => self.talk.after(ms(*millis)),
            Happens::Answers => {
                if let Some(id) = self.open.pop() {
                    let actions = (0..pieces(&id)).map(|n| text(&format!("{id}/{n}")));
                    self.talk.answers_event(&id, actions.collect::<Vec<_>>());
                    // The consumer takes longer to answer than the window.
                    self.talk.after(ms(400));
                }
            }
            Happens::DiesAnswering(after) => {
                if let Some(id) = self.open.pop() {
                    self.talk.publishing = Publishing::Held;
                    let actions = (0..pieces(&id)).map(|n| text(&format!("{id}/{n}")));
                    self.talk.answers_event(&id, actions.collect::<Vec<_>>());
                    for _ in 0..(*after).min(self.talk.held_calls().len()) {
                        self.talk.acknowledges();
                    }
                    self.talk.publishing = Publishing::Works;
                    self.restarts();
                }
            }
            Happens::Restart => self.restarts(),
            Happens::LinkLost => {
                self.talk.link_down();
                self.talk.link_up();
            }
        }
        self.hears_questions();
    }

    fn hears_questions(&mut self) {
        for question in self.talk.questions() {
            let id = question.event.to_string();
            self.parts
                .entry(id.clone())
                .or_default()
                .extend(question.parts.iter().map(|p| p.sequence));
            self.open.retain(|open| *open != id);
            self.open.push(id);
        }
    }

    fn restarts(&mut self) {
        self.talk.after(ms(400));
        let _ = self.talk.questions();
        self.open.clear();
        self.talk.restarts();
        // Nobody speaks until the bot has caught up.
        self.hears_questions();
        while !self.open.is_empty() {
            self.happens(&Happens::Answers);
        }
    }

    fn judge(&self) {
        let trace = self.talk.trace.join("\n");
        let own = self.talk.own_words();
        let once: BTreeSet<&String> = own.iter().collect();
        assert_eq!(once.len(), own.len(), "{own:?}\n{trace}");
        let answered: BTreeSet<Sequence> = self
            .parts
            .iter()
            .filter(|(id, _)| own.contains(&format!("{id}/0")))
            .flat_map(|(_, parts)| parts.iter().copied())
            .collect();
        for message in self.talk.dialog.iter().filter(|m| m.from == Speaker::Consumer) {
            let sequence = message.sequence;
            assert!(answered.contains(&sequence), "{sequence} is not answered\n{trace}");
        }
    }
}

/// The same event has the same answer: one to three pieces.
fn pieces(id: &str) -> Sequence {
    EventId::parse(id).unwrap().key.sequence % 3 + 1
}

// ---- small words ----

fn asked() -> Talk {
    let mut talk = Talk::quiet();
    talk.marks_come_back = false;
    talk.consumer("hi");
    talk.after(ms(300));
    talk.forget_all();
    talk.marks_come_back = true;
    talk
}

fn loses_acknowledgement_of(
    talk: &mut Talk,
    actions: impl IntoIterator<Item = connectord::conversation::event::Action>,
) {
    talk.marks_come_back = false;
    talk.publishing = Publishing::AckLost;
    talk.history_held = true;
    talk.answers(actions);
}

/// The history that is being waited for comes, and everything works again.
fn finds(talk: &mut Talk) {
    talk.publishing = Publishing::Works;
    talk.history_held = false;
    talk.acknowledges();
}

fn found(history: impl IntoIterator<Item = Message>) -> Talk {
    let mut talk = Talk::prepared(history, |_| {});
    talk.marks_come_back = false;
    talk.begin(Arrival::Found);
    talk
}

fn at(millis: i64) -> Timestamp {
    Timestamp(EPOCH + millis)
}

/// A consumer's message whose text is its sequence.
fn said(sequence: Sequence, millis: i64) -> Message {
    Message { time: at(millis), ..consumer(sequence, &sequence.to_string()) }
}

fn own(sequence: Sequence, millis: i64, text: &str) -> Message {
    Message { time: at(millis), ..me(sequence, text, "") }
}

fn counts(talk: &mut Talk) -> BTreeMap<Ambiguity, usize> {
    let mut counts = BTreeMap::new();
    for fact in talk.facts() {
        if let Fact::Ambiguous { kind, times, .. } = fact {
            *counts.entry(kind).or_default() += times;
        }
    }
    counts
}
