//! `defaultGreetingMessage` and `disableGreetings`.

use connectord::conversation::{
    event::Reach,
    settings::{Kind, Settings},
};

use crate::support::{Talk, agent, consumer, fallback_to, me, minutes, ms, secs, text};

#[test]
fn without_an_utterance_the_bot_is_greeted_three_seconds_after_joining() {
    let mut talk = Talk::assigned([]);
    talk.after(ms(2_999));
    assert!(talk.asked().is_empty());
    talk.after(ms(1));
    let question = talk.questions().remove(0);
    assert_eq!(
        (question.text.as_str(), question.event.to_string().as_str()),
        ("hi", "d:0:greeting")
    );
}

#[test]
fn a_message_within_the_three_seconds_cancels_the_greeting_even_in_an_open_window() {
    let mut talk = Talk::assigned_with([], |settings| settings.gather = secs(2));
    talk.after(ms(2_500));
    talk.consumer("I was first");
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["I was first"]);
}

#[test]
fn an_utterance_of_the_history_cancels_the_greeting() {
    let mut talk = Talk::assigned([agent(0, "hello")]);
    talk.answers([]);
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hello"]);
}

#[test]
fn no_greeting_if_it_is_empty_or_disabled() {
    let mut talk = Talk::assigned_with([], |settings: &mut Settings| settings.greeting = None);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn never_again_after_a_reconnect() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(3));
    talk.answers([text("welcome")]);
    talk.link_down();
    talk.link_up();
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn never_again_after_a_restart() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(3));
    talk.answers([text("welcome")]);
    talk.restarts();
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn not_after_a_restart_of_a_conversation_in_which_the_agent_has_spoken() {
    let mut talk = Talk::prepared([consumer(0, "a"), me(1, "b", "cd1:0:0/1")], |_| {});
    talk.begin(connectord::conversation::Arrival::Found);
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn in_chat_the_greeting_goes_out_on_accept_and_visitor_lines_follow_after_its_answer() {
    let chat = |settings: &mut Settings| settings.kind = Kind::Chat;
    let mut talk = Talk::assigned_with([], chat);
    assert_eq!(talk.asked(), ["hi"]);
    let mut talk = Talk::assigned_with([consumer(0, "anyone?")], chat);
    assert_eq!(talk.asked(), ["hi"]);
    talk.answers([text("welcome")]);
    assert_eq!(talk.asked(), ["anyone?"]);
}

#[test]
fn no_greeting_after_a_step_up() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(3));
    talk.answers([]);
    talk.details(|details| details.consumer = "jane".into());
    talk.answers([]);
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hi", "_STEPUP_"]);
}

#[test]
fn a_greeting_that_nobody_answers_is_resent_and_escalated() {
    let mut talk = Talk::assigned_with([], fallback_to("900"));
    talk.after(minutes(4));
    assert_eq!(talk.asked(), ["hi", "hi"]);
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_lost_connection_in_the_three_seconds_leads_to_one_greeting() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(1));
    talk.link_down();
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
    talk.link_up();
    talk.after(secs(10));
    talk.reach(Reach::Up);
    assert_eq!(talk.asked(), ["hi"]);
}
