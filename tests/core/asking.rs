//! Waiting for the bot: hand-over, seen, resend.

use connectord::conversation::{
    effect::{DropReason, Fact},
    event::BotEvent,
    event::Reach,
};

use crate::support::{Door, Talk, ms, secs, text};

fn asked_once(talk: &mut Talk) {
    talk.consumer("hi");
    talk.after(ms(300));
    assert_eq!(talk.asked().len(), 1);
}

#[test]
fn composing_is_shown_from_hand_over_until_the_answer_is_published_then_active() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    assert!(talk.typing().is_empty());
    talk.after(ms(300));
    assert_eq!(talk.typing(), ["COMPOSING"]);
    talk.publishing = crate::support::Publishing::Held;
    talk.answers([text("hello")]);
    assert!(talk.typing().is_empty());
    talk.acknowledges();
    assert_eq!(talk.typing(), ["ACTIVE"]);
}

#[test]
fn while_the_bot_cannot_be_reached_nobody_seems_to_type() {
    let mut talk = Talk::quiet();
    talk.reach(Reach::Down);
    talk.consumer("hi");
    talk.after(secs(100));
    assert!(talk.typing().is_empty());
    talk.reach(Reach::Up);
    assert_eq!(talk.typing(), ["COMPOSING"]);
    talk.door = Door::Down;
    talk.after(secs(30));
    assert_eq!(talk.typing(), ["ACTIVE"], "the connection broke unnoticed");
}

#[test]
fn composing_ends_before_the_conversation_is_handed_over() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.answers([text("one moment"), crate::support::transfer("200")]);
    assert_eq!(talk.typing(), ["COMPOSING", "ACTIVE"]);
}

#[test]
fn silence_for_the_retry_interval_resends_the_same_event_as_the_next_attempt() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    assert_eq!(talk.asked_ids(), ["0#1"]);
    talk.after(ms(29_999));
    assert!(talk.asked().is_empty());
    talk.after(ms(1));
    assert_eq!(talk.asked_ids(), ["0#2"]);
}

#[test]
fn it_is_resent_at_most_so_many_times() {
    let mut talk = Talk::quiet_with(|settings| settings.max_resends = 3);
    talk.consumer("hi");
    talk.after(secs(600));
    assert_eq!(talk.asked_ids(), ["0#1", "0#2", "0#3", "0#4"]);
}

#[test]
fn zero_means_never() {
    let mut talk = Talk::quiet_with(|settings| settings.max_resends = 0);
    asked_once(&mut talk);
    talk.after(secs(600));
    assert!(talk.asked().is_empty());
}

#[test]
fn seen_stops_the_resend() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.sees();
    talk.after(secs(170));
    assert!(talk.asked().is_empty());
    talk.answers([text("late but fine")]);
    assert_eq!(talk.said(), ["late but fine"]);
}

#[test]
fn seen_before_the_hand_over_is_known_counts() {
    let mut talk = Talk::quiet();
    talk.door = Door::Attempts;
    asked_once(&mut talk);
    talk.sees();
    let event = connectord::conversation::event::EventId::parse(&talk.last_id()).unwrap();
    talk.bot(BotEvent::HandedOver { event, attempt: 1 });
    talk.after(secs(170));
    assert!(talk.asked().is_empty());
}

#[test]
fn an_http_attempt_that_still_runs_is_not_resent_beside_it() {
    let mut talk = Talk::quiet();
    talk.door = Door::Attempts;
    asked_once(&mut talk);
    talk.after(secs(100));
    assert!(talk.asked().is_empty());
    talk.is_silent();
    talk.after(ms(29_999));
    assert!(talk.asked().is_empty());
    talk.after(ms(1));
    assert_eq!(talk.asked_ids(), ["0#2"]);
}

#[test]
fn a_longer_wait_that_the_bot_asks_for_is_honoured_and_a_shorter_one_is_not() {
    for (asked, waits) in [(90, 90), (5, 30)] {
        let mut talk = Talk::quiet();
        talk.door = Door::Attempts;
        asked_once(&mut talk);
        let event = connectord::conversation::event::EventId::parse(&talk.last_id()).unwrap();
        talk.bot(BotEvent::Silent { event, attempt: 1, retry_after: Some(secs(asked)) });
        talk.after(secs(waits) - ms(1));
        assert!(talk.asked().is_empty());
        talk.after(ms(1));
        assert_eq!(talk.asked_ids(), ["0#2"]);
    }
}

#[test]
fn an_answer_to_any_attempt_is_the_answer_and_a_second_one_is_dropped_and_counted() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.after(secs(30));
    talk.facts();
    talk.answers([text("first")]);
    talk.answers([text("second")]);
    assert_eq!(talk.said(), ["first"]);
    assert!(talk.facts().contains(&Fact::AnswerDropped(DropReason::AlreadyAnswered)));
    talk.after(secs(600));
    assert!(!talk.asked_ids().contains(&"0#3".to_owned()));
}

#[test]
fn an_answer_after_all_attempts_is_still_an_answer() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.after(secs(120));
    talk.answers([text("at last")]);
    assert_eq!(talk.said(), ["at last"]);
}

#[test]
fn an_answer_to_nothing_is_dropped_and_counted() {
    let mut talk = Talk::quiet();
    talk.answers_event("d:77", [text("who?")]);
    talk.answers_event("elsewhere:0", [text("who?")]);
    assert!(talk.said().is_empty());
    let dropped = Fact::AnswerDropped(DropReason::Unknown);
    assert_eq!(talk.facts().iter().filter(|fact| **fact == dropped).count(), 2);
}

#[test]
fn newer_messages_wait_behind_what_is_resent() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.consumer("more");
    talk.after(secs(30));
    assert_eq!(talk.asked(), ["hi"], "unchanged");
}

#[test]
fn a_204_is_an_answer_without_words() {
    let mut talk = Talk::quiet();
    talk.door = Door::Attempts;
    asked_once(&mut talk);
    let event = connectord::conversation::event::EventId::parse(&talk.last_id()).unwrap();
    talk.bot(BotEvent::Seen { event, expects_answer: false });
    assert_eq!(talk.typing(), ["COMPOSING", "ACTIVE"]);
    talk.after(secs(600));
    assert!(talk.asked().is_empty() && talk.said().is_empty());
    assert!(!talk.facts().iter().any(|fact| matches!(fact, Fact::Fallback { .. })));
}

#[test]
fn while_the_bot_is_away_nothing_is_lost_and_no_attempt_is_used_up() {
    let mut talk = Talk::quiet();
    talk.reach(Reach::Down);
    talk.consumer("hi");
    talk.after(ms(300));
    assert_eq!(talk.asked_ids(), ["0#1"]);
    talk.after(secs(10));
    talk.reach(Reach::Up);
    assert_eq!(talk.asked_ids(), ["0#1"]);
}

#[test]
fn a_bot_that_comes_back_after_the_fallback_had_nowhere_to_go_is_asked_all_the_same() {
    let mut talk = Talk::quiet();
    talk.reach(Reach::Down);
    talk.consumer("hi");
    talk.after(secs(400));
    talk.asked();
    talk.reach(Reach::Up);
    assert_eq!(talk.asked(), ["hi"]);
    talk.answers([text("sorry")]);
    assert_eq!(talk.said(), ["sorry"]);
}

#[test]
fn after_the_bots_reconnect_every_event_neither_seen_nor_answered_is_sent_again() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.sees();
    talk.consumer("two");
    talk.after(ms(300));
    talk.asked();
    talk.reach(Reach::Down);
    talk.after(secs(5));
    talk.reach(Reach::Up);
    let ids = talk.asked_ids();
    assert_eq!(ids.len(), 1, "the seen one is not: {ids:?}");
    assert!(ids[0].ends_with("#2"));
}

#[test]
fn an_event_whose_attempts_are_used_up_is_sent_again_after_the_bots_reconnect() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.after(secs(100));
    talk.asked();
    talk.reach(Reach::Down);
    talk.reach(Reach::Up);
    assert_eq!(talk.asked_ids(), ["0#3"]);
}

#[test]
fn a_bot_that_reconnects_while_the_cloud_is_away_is_asked_again_when_the_cloud_is_back() {
    let mut talk = Talk::quiet_with(|settings| settings.max_resends = 0);
    asked_once(&mut talk);
    talk.link_down();
    talk.reach(Reach::Down);
    talk.reach(Reach::Up);
    assert!(talk.asked().is_empty(), "it may not be ours any more");
    talk.link_up();
    assert_eq!(talk.asked_ids(), ["0#2"]);
}

#[test]
fn what_the_bot_says_unasked_is_an_answer_to_the_oldest_open_event() {
    let mut talk = Talk::quiet_with(crate::support::fallback_to("900"));
    asked_once(&mut talk);
    talk.bot(BotEvent::Says(vec![text("let me think")]));
    assert_eq!(talk.said(), ["let me think"]);
    talk.after(secs(600));
    assert!(talk.asked().is_empty(), "no resend");
    assert!(talk.exits().is_empty(), "no fallback");
    talk.answers([text("here it is")]);
    assert_eq!(talk.said(), ["here it is"]);
}

#[test]
fn a_note_for_agents_said_unasked_is_no_answer() {
    let mut talk = Talk::quiet();
    asked_once(&mut talk);
    talk.bot(BotEvent::Says(vec![crate::support::for_agents("angry consumer")]));
    talk.after(secs(30));
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn what_a_bot_says_unasked_does_not_swallow_a_question_that_has_not_reached_it() {
    let mut talk = Talk::quiet();
    talk.reach(Reach::Down);
    talk.consumer("hi");
    talk.after(ms(300));
    talk.asked();
    talk.bot(BotEvent::Says(vec![text("news")]));
    talk.reach(Reach::Up);
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn a_bot_that_sees_everything_and_answers_nothing_does_not_fill_the_memory() {
    let mut talk = Talk::quiet_with(|settings| settings.fallback_after = None);
    for _ in 0..200 {
        talk.consumer_clicks("again", "[]");
        talk.sees();
    }
    assert_eq!(talk.asked().len(), 200);
    let left = talk.dispositions();
    let given_up: usize = left
        .iter()
        .filter(|d| d.1 == connectord::conversation::effect::Disposition::LeftBehind)
        .map(|d| d.0)
        .sum();
    assert!(given_up > 100, "{given_up}");
}

#[test]
fn an_answer_to_what_was_seen_does_not_speak_to_what_was_asked_after_it_in_the_same_moment() {
    let mut talk = Talk::quiet_with(|settings| settings.gather = ms(0));
    talk.consumer("one");
    let first = talk.last_id();
    talk.consumer("two");
    talk.sees();
    assert_eq!(talk.asked(), ["one", "two"]);
    talk.answers_event(&first, [text("yes")]);
    talk.after(talk.settings.resend_after);
    assert_eq!(talk.asked(), ["two"], "the bot is silent about it");
}
