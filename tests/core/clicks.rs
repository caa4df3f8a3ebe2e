//! Postback: clicks on buttons and quick replies.

use connectord::conversation::event::{Content, ReceiptStatus, Speaker};

use crate::support::{Talk, ms, secs, text};

#[test]
fn a_click_is_one_event_with_the_payload_from_its_metadata() {
    let mut talk = Talk::quiet();
    let metadata = r#"[{"type":"ExternalId","id":"book-yes"}]"#;
    talk.consumer_clicks("Yes", metadata);
    let action = Content::Receipt { status: ReceiptStatus::Action, sequences: vec![7] };
    talk.sends(Speaker::Consumer, action, Some(crate::support::json(metadata)));
    let questions = talk.questions();
    let postback = questions[0].postback.clone().unwrap();
    assert_eq!((questions[0].text.as_str(), postback.text.as_str()), ("Yes", "Yes"));
    assert_eq!(postback.payload, "book-yes");
    assert_eq!(postback.metadata.to_value()[0]["id"], "book-yes");
    talk.answers([text("booked")]);
    talk.after(secs(5));
    assert!(talk.asked().is_empty(), "the receipt is no event of its own");
}

#[test]
fn a_click_without_an_external_id_has_its_text_as_payload() {
    let mut talk = Talk::quiet();
    talk.consumer_clicks("Yes", r#"[{"type":"Other"}]"#);
    assert_eq!(talk.questions()[0].postback.clone().unwrap().payload, "Yes");
}

#[test]
fn a_file_reaches_the_bot_with_its_caption_type_and_path() {
    let mut talk = Talk::quiet();
    talk.consumer_sends_a_file("my invoice");
    let question = talk.questions().remove(0);
    assert_eq!(question.file.unwrap().file_type, "JPEG");
    assert_eq!(question.text, "my invoice");
}

#[test]
fn a_click_waits_behind_the_turn_under_way() {
    let mut talk = Talk::quiet();
    talk.consumer("question");
    talk.after(ms(300));
    talk.consumer_clicks("Yes", "[]");
    assert_eq!(talk.asked(), ["question"]);
    talk.answers([]);
    assert_eq!(talk.asked(), ["Yes"]);
}
