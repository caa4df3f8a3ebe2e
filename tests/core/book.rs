//! All conversations and who wakes next.

use std::sync::Arc;

use connectord::conversation::{
    Arrival, Book, Call, CallId, ConversationId, Effect, Event, Settings, Timestamp,
    effect::{Escalation, Fact, FallbackReason},
    event::{BotEvent, Departure, Details, EventId, History, Outcome, Reach},
    settings::{ManagerSettings, Role},
};

use crate::support::{an_instant, consumer, ms, secs};

fn details(dialog: &str) -> Details {
    Details {
        dialog: dialog.into(),
        skill: None,
        consumer: "visitor".into(),
        started: Timestamp(crate::support::EPOCH),
    }
}

/// A book with two conversations whose histories are empty.
fn two() -> (Book, std::time::Instant) {
    let (mut book, now) = (Book::default(), an_instant());
    for id in ["a", "b"] {
        let settings = Arc::new(Settings::default());
        let id = ConversationId::from(id);
        let effects = book.begin(&id, details("d"), Arrival::Assigned, settings, Reach::Up, now);
        for effect in effects {
            if let Effect::Call { id: call, call: Call::History { .. } } = effect {
                let outcome = Ok(Outcome::History(History::default()));
                book.step(&id, Event::Called { id: call, outcome }, now);
            }
        }
    }
    (book, now)
}

#[test]
fn the_earliest_conversation_is_woken_first_and_each_at_its_time() {
    let (mut book, now) = two();
    assert_eq!(book.wake(), Some(now + secs(3)));
    assert_eq!(book.due(now), None);
    let b = ConversationId::from("b");
    book.step(&b, Event::Message(consumer(0, "hi")), now);
    assert_eq!(book.wake(), Some(now + ms(300)));
    assert_eq!(book.due(now + ms(300)), Some(b.clone()));
    book.step(&b, Event::Elapsed, now + ms(300));
    assert_eq!(book.due(now + ms(300)), None);
    assert_eq!(book.wake(), Some(now + secs(3)));
}

#[test]
fn conversations_never_wait_for_each_other() {
    let (mut book, now) = two();
    let (a, b) = (ConversationId::from("a"), ConversationId::from("b"));
    for id in [&a, &b] {
        book.step(id, Event::Message(consumer(0, "hi")), now);
    }
    let asked = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Ask(_)));
    assert!(asked(&book.step(&a, Event::Elapsed, now + ms(300))));
    assert!(asked(&book.step(&b, Event::Elapsed, now + ms(300))));
}

#[test]
fn a_conversation_that_is_left_is_forgotten_and_never_wakes_again() {
    let (mut book, now) = two();
    for id in ["a", "b"] {
        book.step(&id.into(), Event::Left(Departure::Closed), now);
    }
    assert!(book.is_empty());
    assert_eq!(book.wake(), None);
}

#[test]
fn what_concerns_an_unknown_conversation_has_no_effect() {
    let mut book = Book::default();
    let id = ConversationId::from("x");
    let outcome = Ok(Outcome::Done);
    assert!(book.step(&id, Event::Called { id: CallId(1), outcome }, an_instant()).is_empty());
    assert!(book.step(&id, Event::Elapsed, an_instant()).is_empty());
}

#[test]
fn a_conversation_that_begins_again_replaces_the_old_one_and_its_alarm() {
    let (mut book, now) = two();
    let settings = Arc::new(Settings::default());
    book.begin(&"a".into(), details("d"), Arrival::Found, Arc::clone(&settings), Reach::Up, now);
    book.begin(&"b".into(), details("d"), Arrival::Found, settings, Reach::Up, now);
    assert_eq!(book.len(), 2);
    assert_eq!(book.wake(), None, "both read their history");
}

/// What comes of a step that panics: the clock cannot count as far as this retry interval.
fn broken(change: impl FnOnce(&mut Settings)) -> Vec<Effect> {
    let (mut book, now) = two();
    let a = ConversationId::from("a");
    let mut settings = Settings { resend_after: std::time::Duration::MAX, ..Settings::default() };
    change(&mut settings);
    book.step(&a, Event::Settings(Arc::new(settings)), now);
    book.step(&a, Event::Message(consumer(0, "hi")), now);
    book.step(&a, Event::Elapsed, now + ms(300));
    let event = EventId::parse("d:0").unwrap();
    let effects =
        book.step(&a, Event::Bot(BotEvent::HandedOver { event, attempt: 1 }), now + ms(300));
    assert_eq!(book.ids(), [ConversationId::from("b")], "the other one never notices");
    assert!(matches!(effects[0], Effect::Report(Fact::Broken(_))), "{effects:?}");
    assert_eq!(effects.last(), Some(&Effect::Forget));
    effects[1..effects.len() - 1].to_vec()
}

#[test]
fn a_conversation_at_which_the_connector_fails_goes_to_people() {
    let reason = FallbackReason::Internal;
    let told = broken(|settings| settings.fallback_skill = Some("900".into()));
    assert_eq!(told[0], Effect::Report(Fact::Escalating(Escalation::Error)));
    assert_eq!(told[1], Effect::Report(Fact::Fallback { reason, possible: true }));
    assert!(matches!(&told[2], Effect::Tell(Call::Transfer { .. })), "{told:?}");
    let told = broken(|_| {});
    assert_eq!(told[1], Effect::Report(Fact::Fallback { reason, possible: false }));
    assert_eq!(told[2], Effect::Tell(Call::Return));
}

#[test]
fn a_managers_conversation_at_which_the_connector_fails_is_not_touched() {
    let told = broken(|settings| settings.role = Role::Manager(ManagerSettings::default()));
    assert_eq!(told, []);
}
