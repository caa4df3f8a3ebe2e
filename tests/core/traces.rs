//! Golden traces: whole scenarios, event by event, with every effect, as a reviewer reads them.

use connectord::conversation::event::Departure;

use crate::support::{
    Exits, Publishing, Talk, card, consumer, fallback_to, ms, pause, secs, text, transfer,
};

#[test]
fn a_greeting_and_goodbye() {
    let mut talk = Talk::assigned([]);
    talk.after(secs(3));
    talk.answers([text("Welcome!"), card("Pick one")]);
    talk.after(secs(60));
    talk.leaves(Departure::Closed);
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn two_messages_become_one_batch_and_its_answer_is_typed() {
    let mut talk = Talk::assigned([consumer(0, "hello")]);
    talk.answers([text("Hi, how can I help?")]);
    talk.after(secs(5));
    talk.consumer("my parcel");
    talk.after(ms(200));
    talk.consumer("is late");
    talk.after(secs(1));
    talk.answers([text("Let me see."), pause(ms(800)), text("It comes today.")]);
    talk.after(secs(1));
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn a_silent_bot_is_asked_again_and_then_people_take_over() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("anybody?");
    talk.exits = Exits::Refused;
    talk.after(secs(182));
    talk.exits = Exits::Work;
    talk.after(secs(5));
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn a_bot_whose_transfers_fail_is_told_so_until_the_fallback_skill_gets_the_conversation() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.max_escalation_retries = 1;
        fallback_to("900")(settings);
    });
    talk.consumer("a human please");
    talk.after(ms(300));
    talk.exits = Exits::Refused;
    talk.answers([text("One moment."), transfer("200")]);
    talk.answers([text("Once more."), transfer("200")]);
    talk.exits = Exits::Work;
    talk.after(secs(5));
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn a_restart_completes_what_was_half_published() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two"), text("three")]);
    talk.acknowledges();
    talk.publishing = Publishing::Works;
    talk.restarts();
    talk.answers([text("one"), text("two"), text("three")]);
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn a_consumer_logs_in_in_mid_sentence() {
    let mut talk = Talk::quiet();
    talk.consumer("my order");
    talk.details(|details| details.consumer = "jane".into());
    talk.consumer("is late");
    talk.answers([text("Which one?")]);
    talk.answers([]);
    talk.after(secs(1));
    insta::assert_snapshot!(talk.trace.join("\n"));
}

#[test]
fn a_lost_connection_in_mid_answer() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.publishing = Publishing::Held;
    talk.answers([text("one"), text("two")]);
    talk.link_down();
    talk.publishing = Publishing::Works;
    talk.after(secs(4));
    talk.link_up();
    insta::assert_snapshot!(talk.trace.join("\n"));
}
