//! Receipts: `acceptStatusEventValue`.

use connectord::conversation::{
    Event,
    event::{Audience, Content, Departure, Message, ReceiptStatus, Speaker},
};

use crate::support::{
    Exits, Publishing, Talk, agent, consumer, fallback_to, message, minutes, ms, read, text,
    transfer,
};

#[test]
fn read_publishes_one_receipt_per_message_on_arrival() {
    let mut talk = Talk::quiet();
    let first = talk.consumer("hi");
    assert_eq!(talk.receipts(), [first]);
    let second = talk.consumer("there");
    assert_eq!(talk.receipts(), [second], "also in the middle of a window");
    talk.after(ms(300));
    let third = talk.consumer("hello?");
    assert_eq!(talk.receipts(), [third], "also while a turn is under way");
}

#[test]
fn a_receipt_does_not_wait_for_a_publish_under_way() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.publishing = Publishing::Held;
    talk.answers([text("hello")]);
    talk.receipts();
    let second = talk.consumer("more");
    assert_eq!(talk.receipts(), [second]);
}

#[test]
fn sent_publishes_no_receipt() {
    let mut talk = Talk::quiet_with(|settings| settings.read_receipts = false);
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("hello")]);
    assert!(talk.receipts().is_empty());
}

#[test]
fn a_message_that_arrives_again_gets_no_second_receipt() {
    let mut talk = Talk::quiet();
    let sequence = talk.consumer("hi");
    talk.arrives(sequence);
    assert_eq!(talk.receipts(), [sequence]);
}

#[test]
fn messages_of_the_history_without_a_receipt_get_one_and_those_with_one_do_not() {
    let history = [consumer(0, "hi"), read(1, &[0]), consumer(2, "there")];
    let mut talk = Talk::assigned(history);
    assert_eq!(talk.receipts(), [2]);
}

#[test]
fn no_receipt_for_own_messages_other_agents_or_private_ones() {
    let mut talk = Talk::assigned([agent(0, "hello")]);
    talk.answers([text("me")]);
    talk.agent("again");
    let private = Message { audience: Audience::Agents, ..consumer(20, "psst") };
    talk.step(Event::Message(private));
    assert!(talk.receipts().is_empty());
}

#[test]
fn text_clicks_rich_content_and_files_are_receipted_alike() {
    let mut talk = Talk::quiet();
    let rich = Content::Rich { content: crate::support::json("{}"), text: String::new() };
    let sequences = [
        talk.consumer("text"),
        talk.consumer_clicks("Yes", r#"[{"type":"ExternalId","id":"yes"}]"#),
        talk.consumer_sends_a_file("photo"),
        talk.sends(Speaker::Consumer, rich, None),
    ];
    assert_eq!(talk.receipts(), sequences);
}

#[test]
fn a_consumers_receipts_get_no_receipt() {
    let mut talk = Talk::quiet();
    let content = Content::Receipt { status: ReceiptStatus::Action, sequences: vec![0] };
    talk.sends(Speaker::Consumer, content, None);
    assert!(talk.receipts().is_empty());
}

#[test]
fn a_late_message_gets_none() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.answers([text("hello")]);
    talk.receipts();
    talk.after(minutes(31));
    talk.consumer("still there?");
    talk.restarts();
    assert!(talk.receipts().is_empty());
}

#[test]
fn no_receipt_once_the_cloud_has_agreed_to_the_transfer() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::AgreedOnly;
    talk.answers([transfer("200")]);
    talk.receipts();
    talk.consumer("wait");
    assert!(talk.receipts().is_empty());
    talk.leaves(Departure::Moved);
    assert!(talk.receipts().is_empty());
}

#[test]
fn a_message_that_comes_while_a_transfer_is_under_way_gets_its_receipt_at_once() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.receipts();
    let sequence = talk.consumer("wait");
    assert_eq!(talk.receipts(), [sequence]);
}

#[test]
fn receipts_that_were_lost_with_the_connection_are_sent_again_and_others_are_not() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.echoes = false;
    let lost = talk.consumer("there");
    let dialog_without_receipt: Vec<_> =
        talk.dialog.iter().filter(|m| m.sequence <= lost).cloned().collect();
    talk.dialog = dialog_without_receipt;
    talk.receipts();
    talk.link_down();
    talk.link_up();
    assert_eq!(talk.receipts(), [lost]);
}

#[test]
fn reading_the_history_again_for_a_lost_acknowledgement_repeats_no_receipt() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    talk.after(ms(300));
    talk.echoes = false;
    talk.publishing = Publishing::Lost;
    talk.history_held = true;
    talk.answers([text("hello")]);
    talk.history_held = false;
    talk.publishing = Publishing::Works;
    talk.receipts();
    let sequence = talk.consumer("quick");
    talk.acknowledges();
    assert_eq!(talk.receipts(), [sequence]);
}

#[test]
fn a_receipt_is_not_for_messages_of_another_dialog() {
    let mut talk = Talk::quiet();
    let other =
        message(7, Speaker::Consumer, Content::Text("5 stars".to_owned()), agent(0, "").time);
    talk.step(Event::Message(Message { dialog: "survey".into(), ..other }));
    assert!(talk.receipts().is_empty());
    talk.after(ms(300));
    assert!(talk.asked().is_empty());
}

#[test]
fn a_keyword_gets_its_receipt_before_the_agent_leaves() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.keywords = vec!["agent".to_owned()];
        settings.fallback_skill = Some("900".into());
    });
    let sequence = talk.consumer("agent");
    assert_eq!(talk.receipts(), [sequence]);
    let names: Vec<_> = talk.calls.iter().map(connectord::conversation::Call::name).collect();
    assert!(names.ends_with(&["receipt", "transfer"]), "{names:?}");
}
