//! A restart: a new conversation from the history alone.

use connectord::conversation::{Arrival, event::BotEvent};

use crate::support::{
    Exits, Publishing, Talk, agent, consumer, me, ms, read, secs, text, transfer,
};

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
    talk.bot(BotEvent::Says(vec![text("one moment")]));
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

#[test]
fn a_bot_that_took_an_event_and_answered_it_unasked_is_not_asked_it_again() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.sees();
    talk.bot(BotEvent::Says(vec![text("hello"), text("there")]));
    talk.consumer("and?");
    talk.after(ms(300));
    talk.sees();
    talk.asked();
    talk.restarts();
    assert_eq!(talk.asked(), ["and?"]);
}

#[test]
fn an_answer_cut_short_is_completed_although_the_bot_had_spoken_unasked_before_it() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.sees();
    talk.bot(BotEvent::Says(vec![text("one moment")]));
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    talk.acknowledges();
    talk.publishing = Publishing::Works;
    talk.asked();
    talk.restarts();
    assert_eq!(talk.asked(), ["hi"]);
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.own_words(), ["one moment", "one", "two"]);
}

#[test]
fn a_transfer_that_failed_is_not_tried_again_once_the_bot_has_spoken_to_that() {
    let mut talk = Talk::quiet();
    talk.consumer("human please");
    talk.after(ms(300));
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.answers([text("sorry")]);
    talk.forget_all();
    talk.restarts();
    talk.after(secs(10));
    assert!(talk.asked().is_empty() && talk.exits().is_empty());
}

#[test]
fn a_keyword_whose_transfer_failed_is_not_a_keyword_again_once_the_bot_has_spoken_to_that() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.keywords = vec!["agent".to_owned()];
        settings.fallback_skill = Some("900".into());
    });
    talk.exits = Exits::Refused;
    talk.consumer("agent");
    talk.answers([text("sorry")]);
    talk.forget_all();
    talk.restarts();
    assert!(talk.asked().is_empty() && talk.exits().is_empty());
}

#[test]
fn what_was_said_before_the_agent_came_is_the_same_event_after_a_restart_even_without_a_window() {
    let history = [consumer(0, "hi"), consumer(1, "there")];
    let mut talk = Talk::assigned_with(history, |settings| settings.gather = ms(0));
    let asked = |talk: &mut Talk| {
        let questions = talk.questions();
        questions.into_iter().map(|one| (one.event, one.text)).collect::<Vec<_>>()
    };
    let before = asked(&mut talk);
    assert_eq!(before.len(), 1);
    talk.restarts();
    assert_eq!(asked(&mut talk), before);
}

#[test]
fn a_history_in_any_order_with_anything_twice_is_put_to_the_bot_in_order_and_once() {
    let history = [2, 0, 1, 2].map(|sequence| consumer(sequence, &format!("word{sequence}")));
    let mut talk = Talk::assigned(history);
    talk.arrives(2);
    talk.arrives(0);
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["word0 word1 word2"]);
    talk.answers([]);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}
