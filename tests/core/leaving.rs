//! The bot gets nothing once the agent is not assigned any more.

use connectord::conversation::{
    Event,
    effect::{Disposition, DropReason, Fact},
    event::{BotEvent, Departure},
};

use crate::support::{
    Exits, Publishing, Talk, consumer, fallback_to, ms, refused, secs, text, transfer,
};

#[test]
fn what_waited_is_left_behind_and_the_bot_is_told_how_it_ended() {
    for (how, notice) in [(Departure::Closed, "d:0:ended"), (Departure::Moved, "d:0:transferred")] {
        let mut talk = Talk::quiet_with(|settings| settings.read_receipts = false);
        talk.consumer("hi");
        talk.leaves(how);
        assert_eq!(talk.notices(), [notice]);
        assert_eq!(talk.dispositions(), [(1, Disposition::LeftBehind)]);
        assert!(talk.asked().is_empty());
    }
}

#[test]
fn a_question_under_way_is_withdrawn() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.leaves(Departure::Moved);
    assert_eq!(talk.withdrawn(), ["d:0"]);
}

#[test]
fn what_arrived_while_the_history_was_read_is_left_behind_too() {
    let mut talk = Talk::prepared([], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    talk.consumer("hi");
    talk.leaves(Departure::Closed);
    assert_eq!(talk.dispositions(), [(1, Disposition::LeftBehind)]);
}

#[test]
fn nothing_is_asked_or_said_while_the_conversation_is_being_left() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.forget_all();
    talk.consumer("wait");
    talk.after(secs(100));
    talk.bot(BotEvent::Says(vec![text("news")]));
    assert!(talk.asked().is_empty() && talk.said().is_empty());
    assert!(talk.facts().contains(&Fact::AnswerDropped(DropReason::NotAssigned)));
}

#[test]
fn what_arrives_after_the_end_has_no_effect() {
    let talk = Talk::quiet();
    let mut conversation = talk.conversation().clone();
    let now = crate::support::an_instant();
    for event in [
        Event::Left(Departure::Closed),
        Event::Details(connectord::conversation::event::Details {
            dialog: "other".into(),
            consumer: "jane".into(),
            ..talk.details
        }),
        Event::Elapsed,
        Event::Message(consumer(9, "hello?")),
        Event::Return,
    ] {
        let is_end = event == Event::Left(Departure::Closed);
        let (next, effects) = conversation.step(event.clone(), now);
        assert!(is_end || effects.is_empty(), "{event:?}: {effects:?}");
        assert_eq!(next.wake(), None);
        conversation = next;
    }
}

#[test]
fn an_answer_that_is_half_said_ends_when_the_conversation_is_lost() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    talk.leaves(Departure::Moved);
    assert!(talk.said().is_empty());
}

#[test]
fn a_connection_lost_during_a_transfer_leads_to_another_try_if_the_conversation_is_still_there() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.link_down();
    talk.exits = Exits::Work;
    talk.link_up();
    assert_eq!(talk.exits(), ["transfer to 200, Bot", "transfer to 200, Bot"]);
    assert!(talk.gone);
}

#[test]
fn what_was_said_while_the_connection_was_away_is_not_lost_when_the_transfer_fails_afterwards() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.asked();
    talk.link_down();
    talk.stores(
        connectord::conversation::event::Speaker::Consumer,
        connectord::conversation::event::Content::Text("hello?".to_owned()),
        None,
    );
    talk.link_up();
    talk.errs(refused(&connectord::conversation::Call::Return));
    talk.answers([]);
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["_agent_escalation_failed_", "hello?"]);
}

#[test]
fn the_words_before_a_stuck_transfer_are_not_said_twice_over_a_lost_connection() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.stuck.retry = true;
        settings.stuck.escalate_to = Some("700".into());
        settings.stuck.escalation_message = "Let me connect you.".to_owned();
    });
    talk.consumer("hi");
    talk.after(ms(300) + secs(60));
    talk.said();
    talk.consumer("hi");
    talk.publishing = Publishing::Held;
    talk.after(ms(300) + secs(60));
    assert_eq!(talk.held_calls(), ["publish"]);
    talk.publishing = Publishing::Works;
    talk.link_down();
    talk.link_up();
    assert!(talk.said().is_empty());
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_fault_while_the_connection_is_away_escalates_when_it_is_back() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("hi");
    talk.after(ms(300));
    talk.link_down();
    talk.faults();
    talk.after(secs(60));
    assert!(talk.exits().is_empty());
    talk.link_up();
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_bot_that_owes_an_answer_is_told_as_soon_as_the_cloud_agrees_to_the_transfer() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    talk.sees();
    talk.consumer("second");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.answers([transfer("200")]);
    assert_eq!(talk.withdrawn(), ["d:2", "d:0"]);
    talk.leaves(Departure::Moved);
    assert!(talk.dispositions().contains(&(1, Disposition::Escalated)));
}

#[test]
fn a_fault_of_the_bot_during_a_transfer_does_not_set_off_another() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("first");
    talk.after(ms(300));
    let first = talk.last_id();
    talk.sees();
    talk.consumer("second");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    let event = connectord::conversation::event::EventId::parse(&first).unwrap();
    talk.bot(BotEvent::Fault { event, why: "404".to_owned() });
    assert_eq!(talk.exits(), ["transfer to 200, Bot"]);
    talk.acknowledges();
    assert!(talk.gone);
    assert!(talk.dispositions().contains(&(1, Disposition::Escalated)));
}

#[test]
fn a_new_main_dialog_begins_anew_and_leaves_the_old_words_behind() {
    let mut talk = Talk::quiet();
    talk.consumer("old words");
    talk.dialog.clear();
    talk.details(|details| details.dialog = "d2".into());
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
    assert!(talk.dispositions().contains(&(1, Disposition::LeftBehind)));
}

#[test]
fn a_transfer_that_could_not_be_sent_is_tried_again_by_itself() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.online = false;
    talk.answers([transfer("200")]);
    talk.online = true;
    talk.after(secs(1));
    assert_eq!(talk.exits(), ["transfer to 200, Bot"]);
}

#[test]
fn a_gap_in_the_dialog_does_not_call_a_transfer_off() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.fallback_skill = Some("900".into());
        settings.fallback_after = Some(ms(2_000));
    });
    talk.consumer("hi");
    talk.after(ms(300));
    let words = connectord::conversation::event::Content::Text("unheard".to_owned());
    talk.stores(connectord::conversation::event::Speaker::Consumer, words, None);
    talk.consumer("there");
    talk.exits = Exits::Held;
    // The fallback and the gap are due at once.
    talk.after(ms(2_000));
    assert_eq!(talk.exits().len(), 1);
    assert_eq!(talk.conversation().exit(), Some(connectord::conversation::ExitKind::Transfer));
    talk.acknowledges();
    assert!(talk.gone);
}

#[test]
fn a_bots_transfer_that_the_cloud_agrees_to_and_does_not_make_is_a_failed_one() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    let first = talk.last_id();
    talk.sees();
    talk.consumer("second");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.answers([transfer("200")]);
    talk.exits = Exits::Work;
    talk.asked();
    talk.after(secs(9));
    assert!(talk.asked().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    talk.answers_event(&first, [text("to the first")]);
    assert_eq!(talk.said(), ["to the first"]);
    let failed = |fact: &Fact| matches!(fact, Fact::TransferFailed(why) if why.contains("agreed"));
    let facts = talk.facts();
    assert!(facts.iter().any(failed));
    assert!(!facts.iter().any(|fact| matches!(fact, Fact::Transferred(_))));
}

#[test]
fn a_question_that_an_agreed_transfer_took_back_is_asked_again_if_nothing_comes_of_it() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.keywords = vec!["agent".to_owned()];
        settings.fallback_skill = Some("900".into());
    });
    talk.door = crate::support::Door::Attempts;
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.consumer("agent");
    assert_eq!(talk.withdrawn(), ["d:0"]);
    talk.asked();
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn a_fallback_transfer_that_the_cloud_agrees_to_and_does_not_make_is_tried_again() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.faults();
    talk.exits = Exits::Work;
    talk.after(secs(15));
    assert_eq!(talk.exits().len(), 2);
    assert!(talk.gone);
}

#[test]
fn a_close_or_return_that_the_cloud_agrees_to_and_does_not_make_leaves_the_conversation_served() {
    for close in [true, false] {
        let mut talk = Talk::quiet();
        talk.exits = Exits::AgreedOnly;
        if close {
            talk.bot(BotEvent::Says(vec![crate::support::close()]));
        } else {
            talk.step(Event::Return);
        }
        talk.exits = Exits::Work;
        talk.consumer("still there?");
        talk.after(secs(10));
        assert_eq!(talk.asked(), ["still there?"]);
    }
}

#[test]
fn a_transfer_is_counted_once_when_the_conversation_has_gone() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.answers([transfer("200")]);
    let moved = |fact: &Fact| matches!(fact, Fact::Transferred(_));
    assert!(!talk.facts().iter().any(moved));
    talk.leaves(Departure::Moved);
    assert_eq!(talk.facts().iter().filter(|fact| moved(fact)).count(), 1);
}

#[test]
fn the_rest_of_an_answer_is_said_when_the_transfer_that_interrupted_it_fails() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.keywords = vec!["agent".to_owned()];
        settings.fallback_skill = Some("900".into());
    });
    talk.consumer("hi");
    talk.after(ms(300));
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two"), text("three")]);
    talk.acknowledges();
    talk.exits = Exits::Held;
    talk.consumer("agent");
    talk.acknowledges();
    talk.publishing = Publishing::Works;
    talk.errs(refused(&connectord::conversation::Call::Return));
    assert_eq!(talk.own_words(), ["one", "two", "three"]);
}

#[test]
fn a_new_main_dialog_does_not_call_a_transfer_off_and_is_read_if_that_fails() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.dialog.clear();
    talk.details(|details| details.dialog = "d2".into());
    assert_eq!(talk.conversation().exit(), Some(connectord::conversation::ExitKind::Transfer));
    talk.calls.clear();
    talk.errs(refused(&connectord::conversation::Call::Return));
    assert_eq!(talk.conversation().exit(), None);
    assert!(talk.calls.iter().any(|call| call.name() == "history"));
}

#[test]
fn what_a_new_main_dialog_brings_while_a_transfer_is_under_way_is_asked_once_if_that_fails() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.asked();
    talk.dialog.clear();
    talk.next_sequence = 0;
    talk.details(|details| details.dialog = "d2".into());
    for words in ["new", "words"] {
        let words = connectord::conversation::event::Content::Text(words.to_owned());
        let sequence = talk.stores(connectord::conversation::event::Speaker::Consumer, words, None);
        talk.dialog.last_mut().unwrap().dialog = "d2".into();
        talk.arrives(sequence);
    }
    talk.errs(refused(&connectord::conversation::Call::Return));
    for _ in 0..3 {
        talk.after(ms(300));
        talk.answers([]);
    }
    assert_eq!(talk.asked(), ["new words", "_agent_escalation_failed_"]);
}

#[test]
fn what_arrives_on_the_way_back_to_the_queue_is_asked_once_if_that_is_shut() {
    let mut talk = Talk::prepared([consumer(0, "hello")], |settings| settings.greeting = None);
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    talk.history_held = false;
    talk.exits = Exits::Held;
    talk.step(Event::Return);
    talk.consumer("anybody?");
    talk.acknowledges();
    talk.forget_all();
    talk.errs(refused(&connectord::conversation::Call::Return));
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hello anybody?"]);
    assert_eq!(talk.dispositions(), [(2, Disposition::Asked)]);
}
