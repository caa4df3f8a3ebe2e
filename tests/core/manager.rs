//! Role `manager`: it listens to conversations that are not its own.

use connectord::conversation::{
    Event, Settings,
    event::Reach,
    settings::{ManagerSettings, Pattern, Role},
};

use crate::support::{Door, Talk, ms, secs, text};

fn manager(settings: &mut Settings) {
    settings.role = Role::Manager(ManagerSettings::default());
    settings.greeting = None;
    settings.fallback_skill = Some("900".into());
}

fn with(change: impl FnOnce(&mut ManagerSettings)) -> Talk {
    Talk::assigned_with([], |settings| {
        manager(settings);
        let mut fields = ManagerSettings::default();
        change(&mut fields);
        settings.role = Role::Manager(fields);
    })
}

#[test]
fn it_hears_consumer_messages_and_may_answer() {
    let mut talk = with(|_| {});
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("psst")]);
    assert_eq!((talk.asked(), talk.said()), (vec!["hi".to_owned()], vec!["psst".to_owned()]));
}

#[test]
fn it_publishes_no_receipts_and_shows_no_typing() {
    let mut talk = with(|_| {});
    talk.consumer("hi");
    talk.after(ms(300));
    assert!(talk.receipts().is_empty() && talk.typing().is_empty());
}

#[test]
fn ignore_accept_status_event_false_publishes_receipts() {
    let mut talk = with(|fields| fields.ignore_receipts = false);
    let sequence = talk.consumer("hi");
    assert_eq!(talk.receipts(), [sequence]);
}

#[test]
fn filter_patterns_let_only_matching_messages_through() {
    let mut talk = with(|fields| fields.filters = vec![Pattern::new("(?i)refund").unwrap()]);
    talk.consumer("hello");
    talk.consumer("I want a REFUND");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["I want a REFUND"]);
}

#[test]
fn ignore_subscribe_messaging_events_hears_nothing() {
    let mut talk = with(|fields| fields.ignore_messages = true);
    talk.consumer("hello");
    talk.after(ms(300));
    assert!(talk.asked().is_empty());
}

#[test]
fn no_greeting() {
    let mut talk = Talk::assigned_with([], |settings| {
        manager(settings);
        settings.greeting = Some("hi".to_owned());
    });
    talk.after(secs(10));
    assert!(talk.asked().is_empty());
}

#[test]
fn no_late_rule() {
    let mut talk = with(|_| {});
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("psst")]);
    talk.after(secs(100_000));
    talk.consumer("later");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hi", "later"]);
}

#[test]
fn a_silent_or_faulty_or_absent_bot_neither_escalates_nor_blocks_the_conversation() {
    let mut talk = with(|_| {});
    talk.consumer("silence");
    talk.after(secs(1_000));
    talk.door = Door::Attempts;
    talk.consumer("fault");
    talk.after(ms(300));
    talk.faults();
    talk.door = Door::Down;
    talk.step(Event::Reach(Reach::Gone));
    talk.consumer("gone");
    talk.after(ms(300));
    talk.asked();
    talk.reach(Reach::Up);
    assert!(talk.asked().contains(&"gone".to_owned()));
    talk.consumer("next");
    talk.after(secs(100));
    assert!(talk.asked().contains(&"next".to_owned()));
    assert!(talk.exits().is_empty());
}

#[test]
fn a_keyword_is_not_its_business() {
    let mut talk = Talk::assigned_with([], |settings| {
        manager(settings);
        settings.keywords = vec!["agent".to_owned()];
    });
    talk.consumer("agent");
    talk.after(ms(300));
    assert!(talk.exits().is_empty());
    assert_eq!(talk.asked(), ["agent"]);
}

#[test]
fn stopping_returns_nothing_that_is_not_its_own() {
    let mut talk = with(|_| {});
    talk.step(Event::Return);
    assert!(talk.exits().is_empty());
}
