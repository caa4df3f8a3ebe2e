//! What may be published, who hears of it, and what the history says.

use super::client::{BOT, Client, HUMAN_SKILL, call};
use super::simulator;
use crate::simulator::{Options, RepeatedIds, Simulator, Start};
use hyper::Method;
use serde_json::{Value, json};

async fn assigned(simulator: &Simulator) -> (Client, String) {
    let mut client = Client::ready(simulator, "support-bot").await;
    simulator.start(Start::default().saying("hello")).unwrap();
    let id = client.accepts().await;
    client.drain().await;
    (client, id)
}

fn card() -> Value {
    json!({ "type": "vertical", "elements": [
        { "type": "text", "text": "Pick a plan", "tooltip": "plans" },
        { "type": "button", "title": "Unlimited", "click": {
            "actions": [{ "type": "publishText", "text": "Unlimited please" }],
            "metadata": [{ "type": "ExternalId", "id": "plan-unlimited" }],
        } },
        { "type": "button", "title": "Site", "click": { "actions": [{ "type": "link", "uri": "https://www.example.com" }] } },
    ] })
}

fn text(message: &str) -> Value {
    json!({ "type": "ContentEvent", "contentType": "text/plain", "message": message })
}

#[tokio::test(start_paused = true)]
async fn sequences_count_content_and_receipts_but_no_chat_states() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    assert_eq!(
        client.publishes(&id, json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" })).await
            ["body"],
        json!({ "sequence": 0 })
    );
    assert_eq!(client.says(&id, "one").await, 1);
    let read = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": 0 });
    assert_eq!(client.publishes(&id, read).await["body"]["sequence"], 2);
    assert_eq!(client.says(&id, "two").await, 3);
    let query = async |client: &mut Client, body: Value| -> Vec<u64> {
        let found = client.good(".ams.ms.QueryMessages", body).await;
        found.as_array().unwrap().iter().map(|event| event["sequence"].as_u64().unwrap()).collect()
    };
    assert_eq!(
        query(&mut client, json!({ "dialogId": id, "newerThanSequence": "0" })).await,
        [0, 1, 2, 3]
    );
    assert_eq!(query(&mut client, json!({ "dialogId": id, "newerThanSequence": 1 })).await, [2, 3]);
    assert_eq!(query(&mut client, json!({ "dialogId": id, "fromSeq": 1 })).await, [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_the_service_would_refuse_is_refused() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let long = "x".repeat(5001);
    let wrong = [
        json!({ "type": "ContentEvent", "contentType": "text/plain" }),
        json!({ "type": "ContentEvent", "contentType": "text/plain", "message": "" }),
        json!({ "type": "ContentEvent", "contentType": "text/html", "message": "<b>" }),
        json!({ "type": "ContentEvent", "contentType": "hosted/file", "message": { "relativePath": "/v1/no", "fileType": "PNG" } }),
        json!({ "type": "RichContentEvent", "message": card() }),
        json!({ "type": "RichContentEvent", "content": { "type": "hologram" } }),
        json!({ "type": "RichContentEvent", "content": { "type": "text", "text": long } }),
        json!({ "type": "RichContentEvent", "content": { "type": "text", "text": "x", "colour": "red" } }),
        json!({ "type": "RichContentEvent", "content": { "type": "button" } }),
        json!({ "type": "RichContentEvent", "content": { "type": "image", "url": "http://example.com/a.png" } }),
        json!({ "type": "RichContentEvent", "content": { "type": "carousel", "elements": [card()] } }),
        json!({ "type": "ContentEvent", "contentType": "text/plain", "message": "x", "quickReplies": { "type": "quickReplies", "replies": [] } }),
        json!({ "type": "AcceptStatusEvent", "status": "SENT", "sequenceList": [0] }),
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [] }),
        json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [99] }),
        json!({ "type": "ChatStateEvent", "chatState": "SINGING" }),
        json!({ "type": "SomethingElse" }),
    ];
    for event in wrong {
        let answer = client.publishes(&id, event.clone()).await;
        assert_eq!(answer["code"], 400, "{event} was answered {answer}");
        assert!(answer["body"].is_string(), "{answer}");
    }
    assert_eq!(client.publishes("nowhere", text("x")).await["code"], 400);
    let other = simulator.start(Start::in_skill(HUMAN_SKILL)).unwrap();
    let refused = client.publishes(&other, text("x")).await;
    assert_eq!(
        (&refused["code"], &refused["body"]),
        (&json!(400), &json!("Agent does not exist in conversation"))
    );
    assert_eq!(simulator.transcript(&id).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refused_card_names_the_place() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let mut card = card();
    card["elements"][1]["click"]["actions"][0]["text"] = json!("x".repeat(257));
    let answer =
        client.publishes(&id, json!({ "type": "RichContentEvent", "content": card })).await;
    let expected =
        "content.elements[1].click.actions[0]: text must be a string of at most 256 characters";
    assert_eq!(answer["body"], expected);
}

#[tokio::test(start_paused = true)]
async fn metadata_comes_back_in_echo_and_history_and_has_limits() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let mark = json!([{
        "type": "BotResponse", "botInteractionId": "11:0/1", "consumerUtteranceSequenceNumbers": [0],
        "intents": [{ "id": "greeting", "confidenceScore": 0.97 }],
    }]);
    let body = json!({ "dialogId": id, "event": text("hi") });
    let answer = client.request_with(".ams.ms.PublishEvent", body.clone(), mark.clone()).await;
    assert_eq!(answer["code"], 200);
    assert_eq!(client.notification("OnlineEventDistribution").await["metadata"], mark);
    assert_eq!(client.history(&id).await[1]["metadata"], mark);
    for wrong in [
        json!([{ "id": "no type" }]),
        json!([{ "type": "ExternalId", "id": "x".repeat(65) }]),
        json!([{ "type": "BotResponse", "intents": [{ "id": "a", "confidenceScore": 7 }] }]),
        json!([{ "type": "BotResponse", "botInteractionId": "x".repeat(65) }]),
    ] {
        let answer = client.request_with(".ams.ms.PublishEvent", body.clone(), wrong).await;
        assert_eq!(answer["code"], 400);
    }
}

#[tokio::test(start_paused = true)]
async fn a_click_yields_the_text_and_an_action_receipt_with_the_buttons_metadata() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let sent =
        client.publishes(&id, json!({ "type": "RichContentEvent", "content": card() })).await;
    let sequence = sent["body"]["sequence"].as_u64().unwrap();
    client.drain().await;
    simulator.consumer(&id).clicks(sequence, "Unlimited").unwrap();
    let said = client.notification("OnlineEventDistribution").await;
    let receipt = client.notification("OnlineEventDistribution").await;
    let metadata = json!([{ "type": "ExternalId", "id": "plan-unlimited" }]);
    assert_eq!(
        (&said["event"]["message"], &said["metadata"]),
        (&json!("Unlimited please"), &metadata)
    );
    let action =
        json!({ "type": "AcceptStatusEvent", "status": "ACTION", "sequenceList": [sequence] });
    assert_eq!((&receipt["event"], &receipt["metadata"]), (&action, &metadata));
    let link = simulator.consumer(&id).clicks(sequence, 1).unwrap();
    assert_eq!(
        (link.said, link.actions[0]["uri"].as_str()),
        (None, Some("https://www.example.com"))
    );
    assert!(simulator.consumer(&id).clicks(sequence, "Nothing").is_err());
}

#[tokio::test(start_paused = true)]
async fn quick_replies_can_be_clicked_too() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let mut event = text("Shall I book it?");
    event["quickReplies"] = json!({ "type": "quickReplies", "itemsPerRow": 8, "replies": [
        { "type": "button", "title": "Yes", "click": { "actions": [{ "type": "publishText", "text": "Yes" }] } },
    ] });
    let sequence = client.publishes(&id, event).await["body"]["sequence"].as_u64().unwrap();
    simulator.consumer(&id).clicks(sequence, "Yes").unwrap();
    assert_eq!(simulator.lines(&id).last().unwrap(), &("CONSUMER", "Yes".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn unread_counters_fall_with_read_receipts() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    assert_eq!(simulator.conversation(&id).unwrap().unread(BOT), 1);
    let read = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] });
    client.publishes(&id, read).await;
    assert_eq!(simulator.conversation(&id).unwrap().unread(BOT), 0);
    client.says(&id, "hi").await;
    let consumer = simulator.conversation(&id).unwrap().consumer.id;
    assert_eq!(simulator.conversation(&id).unwrap().unread(&consumer), 1);
    simulator.consumer(&id).reads().unwrap();
    assert_eq!(simulator.conversation(&id).unwrap().unread(&consumer), 0);
}

#[tokio::test(start_paused = true)]
async fn files_are_uploaded_published_and_downloaded() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let url = |answer: &Value| {
        let query = &answer["queryParams"];
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let (path, signature, expires) =
            (&answer["relativePath"], &query["temp_url_sig"], &query["temp_url_expires"]);
        format!(
            "{}?temp_url_sig={}&temp_url_expires={}",
            text(path),
            text(signature),
            text(expires)
        )
    };
    let plan = client
        .good(".ams.ms.GenerateURLForUploadFile", json!({ "fileSize": "5", "fileType": "PNG" }))
        .await;
    let early = json!({ "relativePath": plan["relativePath"] });
    assert_eq!(client.refused(".ams.ms.GenerateURLForDownloadFile", early.clone()).await.0, 500);
    let stored = call(&simulator, Method::PUT, &url(&plan), "", json!("abc")).await;
    assert_eq!(stored.status, 201);
    let event = json!({
        "type": "ContentEvent", "contentType": "hosted/file",
        "message": { "caption": "c", "relativePath": plan["relativePath"], "fileType": "PNG" },
    });
    assert_eq!(client.publishes(&id, event).await["code"], 200);
    let plan = client.good(".ams.ms.GenerateURLForDownloadFile", early).await;
    assert_eq!(
        call(&simulator, Method::GET, &url(&plan), "", Value::Null).await.body,
        json!("abc")
    );
    let unsigned = plan["relativePath"].as_str().unwrap();
    assert_eq!(call(&simulator, Method::GET, unsigned, "", Value::Null).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_id_is_carried_out_twice_or_once_as_configured() {
    for (repeated, messages) in [(RepeatedIds::Twice, 3), (RepeatedIds::Once, 2)] {
        let simulator =
            Simulator::new(Options { repeated_request_ids: repeated, ..Options::fixed() });
        let (mut client, id) = assigned(&simulator).await;
        let request = json!({ "kind": "req", "id": "again", "type": ".ams.ms.PublishEvent", "body": { "dialogId": id, "event": text("x") } });
        client.send(&request.to_string()).await;
        client.send(&request.to_string()).await;
        client.good(".GetClock", json!({})).await;
        assert_eq!(simulator.transcript(&id).len(), messages);
    }
}

#[tokio::test(start_paused = true)]
async fn encoded_metadata_makes_the_message_vanish_without_the_feature() {
    for (feature, messages) in [(true, 2), (false, 1)] {
        let simulator = Simulator::new(Options { encoded_metadata: feature, ..Options::fixed() });
        let (mut client, id) = assigned(&simulator).await;
        let body = json!({ "dialogId": id, "event": text("x") });
        let request = json!({ "kind": "req", "id": "e", "type": ".ams.ms.PublishEvent", "body": body, "encodedMetadata": "YWJj" });
        client.send(&request.to_string()).await;
        client.good(".GetClock", json!({})).await;
        assert_eq!(simulator.transcript(&id).len(), messages);
    }
}
