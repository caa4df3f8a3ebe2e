//! Answers: order, marks, refusals, splitting, reserved words, pauses.

use connectord::conversation::{
    Call,
    effect::{Body, Fact},
    event::{Action, Answer, Audience, EventId, Intent},
};

use crate::support::{Publishing, Talk, card, close, json, ms, pause, secs, text, transfer};

/// The consumer has asked, the bot has the question.
fn asked() -> Talk {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.forget_all();
    talk
}

fn publishes(talk: &Talk) -> Vec<Call> {
    talk.calls.iter().filter(|call| call.name() == "publish").cloned().collect()
}

#[test]
fn actions_are_published_strictly_one_after_another() {
    let mut talk = asked();
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two"), text("three")]);
    for done in 1..=3 {
        assert_eq!(publishes(&talk).len(), done);
        talk.acknowledges();
    }
    assert_eq!(talk.said(), ["one", "two", "three"]);
}

#[test]
fn an_echo_does_not_stand_in_for_an_acknowledgement_that_is_still_to_come() {
    let mut talk = asked();
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    let Some(Call::Publish { mark, .. }) = publishes(&talk).pop() else { panic!("a publish") };
    let echo =
        connectord::conversation::event::Message { mark, ..crate::support::me(2, "one", "") };
    talk.step(connectord::conversation::Event::Message(echo));
    assert_eq!(publishes(&talk).len(), 1);
    talk.acknowledges();
    assert_eq!(publishes(&talk).len(), 2);
}

#[test]
fn a_transfer_or_close_goes_out_only_after_the_last_text_is_acknowledged() {
    for (end, call) in [(transfer("200"), "transfer"), (close(), "close")] {
        let mut talk = asked();
        talk.publishing = Publishing::Held;
        talk.answers([text("bye"), end]);
        assert!(talk.exits().is_empty());
        talk.acknowledges();
        assert_eq!(talk.calls.last().unwrap().name(), call);
    }
}

#[test]
fn nothing_is_published_after_a_transfer_or_close() {
    for end in [transfer("200"), close()] {
        let mut talk = asked();
        talk.answers([text("bye"), end, text("too late")]);
        assert_eq!(talk.said(), ["bye"]);
        assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::ActionSkipped(_))));
    }
}

#[test]
fn each_message_carries_the_journal_mark_and_the_intents() {
    let mut talk = Talk::quiet();
    let first = talk.consumer("hi");
    let second = talk.consumer("there");
    talk.after(ms(300));
    let intent = Intent { id: "greet".to_owned(), name: None, confidence: Some(0.9) };
    let answer = Answer {
        event: EventId::parse(&talk.last_id()).unwrap(),
        actions: vec![text("one"), card("two")],
        intents: vec![intent.clone()],
    };
    talk.bot(connectord::conversation::event::BotEvent::Answered(answer));
    let marks: Vec<_> = publishes(&talk)
        .into_iter()
        .map(|call| {
            let Call::Publish { mark: Some(mark), intents, .. } = call else { panic!("{call:?}") };
            assert_eq!(intents, std::slice::from_ref(&intent));
            assert_eq!(mark.covers, [first, second]);
            mark.interaction_id()
        })
        .collect();
    assert_eq!(marks, [format!("cd1:{second}:0/2"), format!("cd1:{second}:1/2")]);
}

#[test]
fn a_mark_names_at_most_the_16_newest_messages() {
    let mut talk = Talk::quiet();
    for _ in 0..20 {
        talk.consumer("x");
    }
    talk.after(ms(300));
    talk.answers([text("well")]);
    let Some(Call::Publish { mark: Some(mark), .. }) = publishes(&talk).pop() else { panic!() };
    assert_eq!(mark.covers.len(), 16);
    assert_eq!(mark.covers.last(), Some(&mark.event.sequence));
}

#[test]
fn structured_content_passes_untouched() {
    let mut talk = asked();
    talk.answers([card("plain")]);
    assert_eq!(talk.said(), [r#"{"type":"vertical"}"#]);
}

#[test]
fn structured_content_that_the_platform_refuses_is_said_as_plain_text() {
    let mut talk = asked();
    talk.publishing = Publishing::RefusesRich;
    talk.answers([text("before"), card("plain"), text("after")]);
    assert_eq!(talk.said(), ["before", "plain", "after"]);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::ContentRefused(_))));
}

#[test]
fn a_long_plain_text_of_refused_content_is_cut_to_what_the_platform_takes() {
    let mut talk = asked();
    talk.publishing = Publishing::RefusesRich;
    talk.answers([card(&"word ".repeat(3_000))]);
    assert!(talk.said().iter().all(|said| said.len() <= 5_000));
}

#[test]
fn a_text_whose_quick_replies_are_refused_is_said_without_them() {
    let mut talk = asked();
    talk.publishing = Publishing::RefusesRich;
    let quick_replies = Some(json("{}"));
    talk.answers([Action::Text {
        text: "Which?".to_owned(),
        audience: Audience::All,
        quick_replies,
    }]);
    assert_eq!(talk.said(), ["Which?"]);
}

#[test]
fn a_text_that_the_platform_refuses_is_given_up_and_the_rest_is_said() {
    let mut talk = asked();
    talk.publishing = Publishing::Refused;
    talk.answers([text("never")]);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::PublishFailed(_))));
    talk.publishing = Publishing::Works;
    talk.consumer("next");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["next"]);
}

#[test]
fn a_text_over_5000_characters_is_split_at_sentence_ends() {
    let mut talk = asked();
    talk.answers([text(&"A sentence of some length. ".repeat(300))]);
    let said = talk.said();
    assert_eq!(said.len(), 2);
    assert!(said.iter().all(|piece| piece.len() <= 5_000 && piece.trim_end().ends_with('.')));
}

#[test]
fn quick_replies_stay_with_the_last_piece_of_a_split_text() {
    let mut talk = asked();
    let text = "A sentence of some length. ".repeat(300);
    talk.answers([Action::Text { text, audience: Audience::All, quick_replies: Some(json("{}")) }]);
    let with: Vec<bool> = publishes(&talk)
        .iter()
        .map(|call| {
            matches!(call, Call::Publish { body: Body::Text { quick_replies: Some(_), .. }, .. })
        })
        .collect();
    assert_eq!(with, [false, true]);
}

#[test]
fn reserved_words_as_a_whole_text_have_their_known_meaning() {
    let mut talk = asked();
    talk.answers([text("BLANK_MESSAGE"), text("say BLANK_MESSAGE")]);
    assert_eq!(talk.said(), ["say BLANK_MESSAGE"]);
    let mut talk = asked();
    talk.answers([text("LP_CLOSEDIALOG")]);
    assert_eq!(talk.exits(), ["close dialog"]);
    let mut talk = asked();
    talk.answers([text("bye"), text("LP_CLOSECONVERSATION")]);
    assert_eq!(
        (talk.said(), talk.exits()),
        (vec!["bye".to_owned()], vec!["close conversation".to_owned()])
    );
    let mut talk = asked();
    talk.answers([text("SET_USER_PROFILE | {}")]);
    assert!(talk.said().is_empty());
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::ActionSkipped(_))));
}

#[test]
fn a_switch_turns_the_reserved_words_off() {
    let mut talk = Talk::quiet_with(|settings| settings.reserved_words = false);
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("LP_CLOSEDIALOG")]);
    assert_eq!(talk.said(), ["LP_CLOSEDIALOG"]);
    assert!(talk.exits().is_empty());
}

#[test]
fn a_close_closes_the_dialog_and_without_survey_the_conversation() {
    let mut talk = asked();
    talk.answers([Action::Close { survey: true }]);
    assert_eq!(talk.exits(), ["close dialog"]);
    let mut talk = asked();
    talk.answers([Action::Close { survey: false }]);
    assert_eq!(talk.exits(), ["close conversation"]);
}

#[test]
fn a_pause_holds_the_rest_back_with_the_typing_indicator_on() {
    let mut talk = asked();
    talk.answers([text("one"), pause(ms(800)), text("two")]);
    assert_eq!(talk.said(), ["one"]);
    assert!(talk.typing().is_empty(), "it is on already");
    talk.after(ms(799));
    assert!(talk.said().is_empty());
    talk.after(ms(1));
    assert_eq!(talk.said(), ["two"]);
    assert_eq!(talk.typing(), ["ACTIVE"]);
}

#[test]
fn a_pause_may_be_without_typing() {
    let mut talk = asked();
    talk.answers([Action::Pause { length: secs(1), typing: false }, text("one")]);
    assert_eq!(talk.typing(), ["ACTIVE"]);
}

#[test]
fn an_answer_without_actions_is_an_answer() {
    let mut talk = asked();
    talk.answers([]);
    assert_eq!(talk.typing(), ["ACTIVE"]);
    talk.after(secs(1_000));
    assert!(talk.asked().is_empty());
}

#[test]
fn a_private_text_is_published_for_agents_only() {
    let mut talk = asked();
    talk.answers([crate::support::for_agents("note")]);
    let Some(Call::Publish { audience, .. }) = publishes(&talk).pop() else { panic!() };
    assert_eq!(audience, Audience::Agents);
}

#[test]
fn a_change_of_the_time_to_respond_is_carried_out_in_its_place() {
    let mut talk = asked();
    let ttr = Action::ChangeTtr { ttr_type: "URGENT".to_owned(), seconds: 60 };
    talk.answers([text("one"), ttr, text("two")]);
    let names: Vec<_> = talk.calls.iter().map(Call::name).collect();
    assert_eq!(names, ["publish", "ttr", "publish", "typing"]);
}

#[test]
fn what_the_bot_says_unasked_is_published_after_what_is_being_said() {
    let mut talk = asked();
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    talk.bot(connectord::conversation::event::BotEvent::Says(vec![text("news")]));
    for _ in 0..3 {
        talk.acknowledges();
    }
    assert_eq!(talk.said(), ["one", "two", "news"]);
}

#[test]
fn a_cloud_that_fails_is_asked_again_after_5_10_15_s() {
    let mut talk = asked();
    talk.publishing = Publishing::Fails;
    talk.answers([text("hello")]);
    for pause in [5, 10, 15, 30, 30] {
        let before = publishes(&talk).len();
        talk.after(secs(pause) - ms(1));
        assert_eq!(publishes(&talk).len(), before, "{pause}");
        talk.after(ms(1));
        assert_eq!(publishes(&talk).len(), before + 1, "{pause}");
    }
    talk.publishing = Publishing::Works;
    talk.after(secs(30));
    assert_eq!(talk.said(), ["hello"]);
}
