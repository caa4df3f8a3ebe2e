//! `[escalation] keywords`.

use connectord::conversation::{effect::Disposition, settings::Settings};

use crate::support::{Exits, Talk, ms, refused, secs};

fn keywords(settings: &mut Settings) {
    settings.keywords = vec!["agent".to_owned(), "help me".to_owned()];
    settings.fallback_skill = Some("900".into());
}

#[test]
fn a_message_that_is_exactly_a_keyword_is_escalated_without_the_bot() {
    let mut talk = Talk::quiet_with(keywords);
    talk.consumer(" Agent ");
    talk.after(secs(10));
    assert_eq!(talk.exits(), ["transfer to 900, User: keyword"]);
    assert!(talk.asked().is_empty());
    assert!(talk.dispositions().contains(&(1, Disposition::Keyword)));
}

#[test]
fn neither_case_nor_punctuation_at_its_end_keeps_it_from_being_one() {
    for said in ["AGENT", "agent!", "Agent ...", "agent?!", "Help me."] {
        let mut talk = Talk::quiet_with(keywords);
        talk.consumer(said);
        assert_eq!(talk.exits().len(), 1, "{said}");
    }
    for said in ["no agent", "agents", "¡agent", "!", ""] {
        let mut talk = Talk::quiet_with(keywords);
        talk.consumer(said);
        assert!(talk.exits().is_empty(), "{said}");
    }
}

#[test]
fn a_message_that_only_contains_one_goes_to_the_bot() {
    let mut talk = Talk::quiet_with(keywords);
    talk.consumer("agent please");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["agent please"]);
}

#[test]
fn a_keyword_while_the_conversation_is_being_left_does_not_transfer_twice() {
    let mut talk = Talk::quiet_with(keywords);
    talk.exits = Exits::Held;
    talk.consumer("agent");
    talk.consumer("agent");
    talk.consumer("help me");
    assert_eq!(talk.exits().len(), 1);
    talk.acknowledges();
    assert_eq!(talk.exits().len(), 0);
}

#[test]
fn a_keyword_that_cannot_be_followed_is_told_to_the_bot_as_a_failed_escalation() {
    let mut talk = Talk::quiet_with(keywords);
    talk.exits = Exits::Held;
    talk.consumer("agent");
    talk.errs(refused(&connectord::conversation::Call::Return));
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
}

#[test]
fn without_a_fallback_skill_the_bot_gets_the_word() {
    let mut talk = Talk::quiet_with(|settings| settings.keywords = vec!["agent".to_owned()]);
    talk.consumer("agent");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["agent"]);
}

#[test]
fn a_keyword_in_the_history_counts_when_the_conversation_is_taken_over() {
    let mut talk = Talk::assigned_with([crate::support::consumer(0, "agent")], keywords);
    talk.after(secs(5));
    assert_eq!(talk.exits().len(), 1);
    assert!(talk.asked().is_empty());
}
