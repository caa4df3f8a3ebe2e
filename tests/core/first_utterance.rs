//! First utterance: what the bot hears when a conversation is taken over (`skipAgentMessage`).

use connectord::conversation::{
    Call,
    event::{Audience, Content, Message, Speaker},
    settings::Settings,
};

use crate::support::{Talk, agent, card, consumer, me, message, ms, secs, text};

fn skip(settings: &mut Settings) {
    settings.skip_agent_message = true;
}

#[test]
fn on_assignment_the_whole_history_is_read() {
    let talk = Talk::assigned([consumer(0, "hi")]);
    assert!(talk.calls.iter().any(|call| matches!(call, Call::History { after: None, .. })));
}

#[test]
fn the_bot_sees_the_last_utterance_at_once_whoever_said_it() {
    let mut talk = Talk::assigned([consumer(0, "hi"), agent(1, "I'll transfer you")]);
    let [question] = &talk.questions()[..] else { panic!("one question") };
    assert_eq!(question.text, "I'll transfer you");
    assert_eq!(question.event.to_string(), "d:1:agent");
}

#[test]
fn with_skip_agent_message_the_bot_sees_the_last_consumer_message() {
    let mut talk = Talk::assigned_with([consumer(0, "hi"), agent(1, "I'll transfer you")], skip);
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn the_last_consumer_message_goes_to_the_bot_even_if_an_agent_has_answered_it() {
    let history = [consumer(0, "one"), agent(1, "yes?"), consumer(2, "two"), agent(3, "done")];
    let mut talk = Talk::assigned_with(history, skip);
    assert_eq!(talk.asked(), ["two"]);
}

#[test]
fn directly_preceding_consumer_messages_that_nobody_answered_belong_to_the_same_batch() {
    let history =
        [consumer(0, "old"), agent(1, "sure"), consumer(2, "new"), consumer(4, "question")];
    let mut talk = Talk::assigned(history);
    let [question] = &talk.questions()[..] else { panic!("one question") };
    assert_eq!(question.text, "new question");
    assert_eq!(question.parts.iter().map(|part| part.sequence).collect::<Vec<_>>(), [2, 4]);
    assert_eq!(question.event.to_string(), "d:4");
}

#[test]
fn what_was_said_while_waiting_is_one_batch_even_without_a_window() {
    let history = [consumer(0, "hi"), consumer(1, "are you there")];
    let mut talk = Talk::assigned_with(history, |settings| settings.gather = ms(0));
    assert_eq!(talk.asked(), ["hi are you there"]);
}

#[test]
fn own_old_messages_are_never_input() {
    let history = [consumer(0, "hi"), agent(1, "bye"), me(2, "I am the bot", "cd1:0:0/1")];
    let mut talk = Talk::assigned(history);
    assert_eq!(talk.asked(), ["bye"]);
}

#[test]
fn private_messages_and_system_lines_are_not_utterances() {
    let private = Message { audience: Audience::Agents, ..agent(1, "difficult one") };
    let system = message(2, Speaker::System, Content::Text("joined".to_owned()), agent(0, "").time);
    let mut talk = Talk::assigned([consumer(0, "hi"), private, system]);
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn an_agents_structured_content_counts_only_if_it_has_text() {
    let rich =
        |text: &str| Content::Rich { content: crate::support::json("{}"), text: text.to_owned() };
    let time = agent(0, "").time;
    let mut silent =
        Talk::assigned([consumer(0, "hi"), message(1, Speaker::Agent, rich(""), time)]);
    assert_eq!(silent.asked(), ["hi"]);
    let mut speaking =
        Talk::assigned([consumer(0, "hi"), message(1, Speaker::Agent, rich("Pick one"), time)]);
    assert_eq!(speaking.asked(), ["Pick one"]);
}

#[test]
fn live_messages_within_the_window_do_not_delay_what_the_history_held() {
    let mut talk = Talk::assigned([consumer(0, "hi")]);
    assert_eq!(talk.asked(), ["hi"]);
    talk.consumer("more");
    talk.answers([text("hello")]);
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["more"]);
}

#[test]
fn what_arrives_live_while_the_history_is_read_is_handled_once() {
    let mut talk = Talk::prepared([consumer(0, "hi")], |_| {});
    talk.history_held = true;
    talk.begin(connectord::conversation::Arrival::Assigned);
    talk.arrives(0);
    let second = talk.consumer("there");
    talk.acknowledges();
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hi there"]);
    assert_eq!(talk.receipts(), [0, second]);
}

#[test]
fn an_old_first_message_is_not_late_because_nothing_was_answered_before() {
    let mut talk = Talk::prepared([consumer(0, "hi")], |_| {});
    talk.sleeps(secs(100_000));
    talk.begin(connectord::conversation::Arrival::Assigned);
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn a_bot_that_gets_its_conversation_back_hears_what_was_said_meanwhile_only() {
    let history = [
        consumer(0, "hi"),
        me(1, "hello", "cd1:0:0/1"),
        agent(2, "human here"),
        consumer(3, "thanks"),
    ];
    let mut talk = Talk::assigned(history);
    assert_eq!(talk.asked(), ["thanks"]);
    talk.answers([text("welcome"), card("card")]);
    assert_eq!(talk.said().len(), 2);
}

#[test]
fn what_was_said_before_a_marked_answer_to_something_earlier_is_asked_when_the_agent_comes_back() {
    // The connector stopped and returned the conversation while more was waiting behind the answer.
    let history = [
        consumer(0, "one"),
        consumer(1, "two"),
        me(2, "answer to one", "cd1:0:0/1"),
        consumer(3, "three"),
    ];
    let mut talk = Talk::assigned(history);
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["two three"]);
}

#[test]
fn what_a_sister_has_not_answered_is_asked_and_what_she_has_is_not() {
    let answer = Message { from: Speaker::Agent, ..me(2, "answer to one", "cd1:0:0/1") };
    let history = [consumer(0, "one"), consumer(1, "two"), answer, consumer(3, "three")];
    let mut talk = Talk::assigned(history.clone());
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["two three"]);
    // Even when the answer is the last that was said.
    let mut talk = Talk::assigned(history.into_iter().take(3));
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["two"]);
}

#[test]
fn without_a_window_what_a_returned_conversation_holds_is_asked_as_it_is_after_a_restart() {
    // Were it one event here and several there, one id would mean two things.
    let history = [
        consumer(0, "one"),
        me(1, "answer to one", "cd1:0:0/1"),
        consumer(2, "two"),
        consumer(3, "three"),
    ];
    for killed_after in 0..2 {
        let mut talk = Talk::assigned_with(history.clone(), |settings| settings.gather = ms(0));
        for word in ["two", "three"].into_iter().take(killed_after) {
            assert_eq!(talk.asked(), [word]);
            talk.answers([text("yes")]);
        }
        let asked: Vec<_> = talk.questions().into_iter().map(|q| (q.event, q.text)).collect();
        talk.restarts();
        let again: Vec<_> = talk.questions().into_iter().map(|q| (q.event, q.text)).collect();
        assert_eq!(asked, again, "killed after {killed_after}");
    }
}
