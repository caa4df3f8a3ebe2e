//! A restart: a new conversation from the history alone.

use connectord::conversation::Arrival;

use crate::support::{Talk, agent, consumer, me, ms, read, secs, text};

#[test]
fn what_was_answered_is_not_asked_again() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("hello")]);
    talk.forget_all();
    talk.restarts();
    talk.after(secs(10));
    assert!(talk.asked().is_empty() && talk.said().is_empty() && talk.receipts().is_empty());
}

#[test]
fn what_was_unanswered_is_asked_again_under_the_same_event_id() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.consumer("there");
    talk.after(ms(300));
    let id = talk.last_id();
    talk.asked();
    talk.restarts();
    assert_eq!(talk.asked(), ["hi there"]);
    assert_eq!(talk.last_id(), id);
}

#[test]
fn what_came_while_the_process_was_down_is_asked() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("hello")]);
    talk.asked();
    talk.stores(
        connectord::conversation::event::Speaker::Consumer,
        connectord::conversation::event::Content::Text("anyone?".to_owned()),
        None,
    );
    talk.restarts();
    assert_eq!(talk.asked(), ["anyone?"]);
}

#[test]
fn an_agents_words_in_a_conversation_in_which_the_bot_has_spoken_are_not_asked() {
    let history = [consumer(0, "hi"), me(1, "hello", "cd1:0:0/1"), agent(2, "supervisor here")];
    let mut talk = Talk::prepared(history, |_| {});
    talk.begin(Arrival::Found);
    assert!(talk.asked().is_empty());
}

#[test]
fn a_click_keeps_its_payload_and_stays_an_event_of_its_own() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.consumer_clicks("Yes", r#"[{"type":"ExternalId","id":"yes"}]"#);
    talk.asked();
    talk.restarts();
    assert_eq!(talk.asked(), ["first"]);
    talk.answers([text("ok")]);
    assert_eq!(talk.questions()[0].postback.clone().unwrap().payload, "yes");
}

#[test]
fn what_the_bot_said_unasked_answers_nothing_and_what_is_open_is_asked_again() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.bot(connectord::conversation::event::BotEvent::Says(vec![text("one moment")]));
    talk.asked();
    talk.restarts();
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn receipts_that_the_history_shows_are_not_repeated() {
    let history = [consumer(0, "hi"), read(1, &[0]), consumer(2, "there")];
    let mut talk = Talk::prepared(history, |_| {});
    talk.begin(Arrival::Found);
    assert_eq!(talk.receipts(), [2]);
    assert_eq!(talk.asked(), ["hi there"]);
}

#[test]
fn a_restart_at_any_moment_asks_for_the_same_words_as_none() {
    for moment in 0..4 {
        let mut talk = Talk::quiet();
        talk.consumer("one");
        if moment == 0 {
            talk.restarts();
        }
        talk.after(ms(300));
        if moment == 1 {
            talk.restarts();
        }
        talk.answers([text("1")]);
        if moment == 2 {
            talk.restarts();
        }
        talk.consumer("two");
        talk.after(ms(300));
        if moment == 3 {
            talk.restarts();
        }
        talk.answers([text("2")]);
        assert_eq!(talk.own_words(), ["1", "2"], "moment {moment}");
    }
}
