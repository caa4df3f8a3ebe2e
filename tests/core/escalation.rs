//! Escalation by the bot, and what its failure means.

use connectord::conversation::{
    effect::{Disposition, DropReason, Fact},
    event::{Action, SkillRef, Target},
};

use crate::support::{
    Exits, Talk, fallback_to, ms, refused, secs, text, transfer, transfer_to_name,
};

fn asked(talk: &mut Talk) {
    talk.consumer("human please");
    talk.after(ms(300));
    talk.forget_all();
}

fn quiet_asked(change: impl FnOnce(&mut connectord::conversation::Settings)) -> Talk {
    let mut talk = Talk::quiet_with(change);
    asked(&mut talk);
    talk
}

#[test]
fn a_transfer_goes_to_the_skill_as_escalated_by_bot() {
    let mut talk = quiet_asked(|_| {});
    talk.answers([transfer("200")]);
    assert_eq!(talk.exits(), ["transfer to 200, Bot"]);
    assert_eq!(talk.notices(), ["d:1:transferred"]);
}

#[test]
fn the_bot_may_say_that_the_user_wanted_it_and_why() {
    let mut talk = quiet_asked(|_| {});
    let target = Target { skill: Some(SkillRef::Id("200".to_owned())), agent: Some("77".into()) };
    let reason = Some("wants a human".to_owned());
    talk.answers([Action::Transfer { target, reason, by_user: true }]);
    assert_eq!(talk.exits(), ["transfer to 200 for 77, User: wants a human"]);
}

#[test]
fn an_agent_alone_is_asked_for_within_the_present_skill() {
    let mut talk = quiet_asked(|_| {});
    let target = Target { skill: None, agent: Some("77".into()) };
    talk.answers([Action::Transfer { target, reason: None, by_user: false }]);
    assert_eq!(talk.exits(), ["transfer for 77, Bot"]);
}

#[test]
fn skill_names_are_looked_up() {
    let mut talk = quiet_asked(|settings| {
        settings.skills.insert("sales".to_owned(), "300".into());
    });
    talk.answers([transfer_to_name("sales")]);
    assert_eq!(talk.exits(), ["transfer to 300, Bot"]);
}

#[test]
fn without_a_target_it_goes_to_the_fallback_skill() {
    let mut talk = quiet_asked(fallback_to("900"));
    let target = Target { skill: None, agent: None };
    talk.answers([Action::Transfer { target, reason: None, by_user: false }]);
    assert_eq!(talk.exits(), ["transfer to 900, Bot"]);
}

#[test]
fn a_refused_transfer_is_told_to_the_bot() {
    let mut talk = quiet_asked(|_| {});
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    let question = talk.questions().remove(0);
    assert_eq!(question.text, "_agent_escalation_failed_");
    assert!(question.event.to_string().ends_with(":escalationFailed1"));
    talk.answers([text("sorry, nobody there")]);
    assert_eq!(talk.said(), ["sorry, nobody there"]);
}

#[test]
fn a_transfer_that_times_out_an_unknown_name_and_an_id_that_is_no_number_are_failures_too() {
    let mut talk = quiet_asked(|_| {});
    talk.exits = Exits::TimeOut;
    talk.answers([transfer("200")]);
    talk.answers([transfer_to_name("nobody")]);
    talk.answers([transfer("12a")]);
    assert_eq!(talk.asked().len(), 3);
    assert_eq!(talk.exits().len(), 1, "the last two are never attempted");
}

#[test]
fn the_bot_is_told_at_most_so_often_then_one_transfer_goes_to_the_fallback_skill() {
    let mut talk = quiet_asked(fallback_to("900"));
    talk.exits = Exits::Refused;
    for _ in 0..5 {
        talk.answers([transfer("200")]);
        assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    }
    talk.exits();
    talk.answers([transfer("200")]);
    assert!(talk.asked().is_empty());
    assert_eq!(
        talk.exits(),
        [
            "transfer to 200, Bot",
            "transfer to 900, Error: the bot's own transfers failed too often"
        ]
    );
}

#[test]
fn there_is_no_second_transfer_to_a_fallback_skill_that_has_just_failed() {
    let mut talk = quiet_asked(|settings| {
        settings.max_escalation_retries = 0;
        settings.fallback_skill = Some("900".into());
    });
    talk.exits = Exits::Refused;
    talk.answers([transfer("900")]);
    assert_eq!(talk.exits().len(), 1);
    assert!(talk.facts().iter().any(|fact| matches!(fact, Fact::Fallback { possible: false, .. })));
}

#[test]
fn zero_means_that_the_bot_is_never_told() {
    let mut talk = quiet_asked(|settings| settings.max_escalation_retries = 0);
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.after(secs(1_000));
    assert!(talk.asked().is_empty());
}

#[test]
fn a_consumer_message_resets_the_count() {
    let mut talk = quiet_asked(|settings| settings.max_escalation_retries = 1);
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.answers([transfer("200")]);
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    talk.consumer("again");
    talk.after(ms(300));
    talk.answers([transfer("200")]);
    assert_eq!(talk.asked(), ["again", "_agent_escalation_failed_"]);
}

#[test]
fn the_failure_arms_resend_and_fallback_like_a_consumer_message() {
    let mut talk = quiet_asked(fallback_to("900"));
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.exits = Exits::Work;
    talk.exits();
    talk.after(secs(180));
    assert_eq!(talk.asked().len(), 2);
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_target_skill_that_this_agent_serves_is_pointed_out() {
    let mut talk = quiet_asked(|_| {});
    talk.answers([transfer("100")]);
    assert!(talk.facts().contains(&Fact::SelfTransfer("100".into())));
}

#[test]
fn an_open_question_survives_a_transfer_that_fails() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    let first = talk.last_id();
    talk.sees();
    asked(&mut talk);
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.errs(refused(&connectord::conversation::Call::Return));
    talk.answers_event(&first, [text("to the first")]);
    assert_eq!(talk.said(), ["to the first"]);
}

#[test]
fn an_answer_that_comes_while_a_transfer_is_under_way_is_said_if_the_transfer_fails() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    let first = talk.last_id();
    talk.sees();
    asked(&mut talk);
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.answers_event(&first, [text("to the first")]);
    assert!(talk.said().is_empty());
    talk.errs(refused(&connectord::conversation::Call::Return));
    assert_eq!(talk.said(), ["to the first"]);
}

#[test]
fn an_answer_that_comes_while_a_transfer_is_under_way_is_dropped_and_counted_if_it_works() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    let first = talk.last_id();
    talk.sees();
    asked(&mut talk);
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.answers_event(&first, [text("to the first")]);
    talk.acknowledges();
    assert!(talk.said().is_empty());
    assert!(talk.facts().contains(&Fact::AnswerDropped(DropReason::NotAssigned)));
}

#[test]
fn open_questions_are_withdrawn_and_counted_as_escalated_when_the_transfer_works() {
    let mut talk = Talk::quiet();
    talk.consumer("first");
    talk.after(ms(300));
    talk.sees();
    asked(&mut talk);
    talk.consumer("waiting");
    talk.answers([transfer("200")]);
    assert_eq!(talk.withdrawn(), ["d:2", "d:0"]);
    assert_eq!(talk.dispositions(), [(2, Disposition::Escalated)]);
}

#[test]
fn a_close_that_is_refused_leaves_the_conversation_served() {
    let mut talk = quiet_asked(|_| {});
    talk.exits = Exits::Refused;
    talk.answers([crate::support::close()]);
    talk.consumer("still there?");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["still there?"]);
}
