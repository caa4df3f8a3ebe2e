//! The transcript that the protocol's description gives as an example.

use super::client::{BOT, Client};
use super::simulator;
use crate::simulator::Start;
use serde_json::{Value, json};

const PID: &str = "0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2";

#[tokio::test(start_paused = true)]
async fn the_golden_transcript_replays() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;

    let state = json!({ "availability": "ONLINE", "channels": ["MESSAGING"], "agentUserId": BOT });
    let answer = client.request(".ams.routing.SetAgentState", state).await;
    let expected = json!({
        "kind": "resp", "reqId": "req-1", "code": 202, "body": "Agent state updated successfully", "type": ".ReqBody$StringResp",
    });
    assert_eq!(answer, expected);

    let wanted = json!({ "convState": ["OPEN"], "agentIds": [BOT] });
    let answer = client.request(".ams.aam.SubscribeExConversations", wanted).await;
    assert_eq!(
        (&answer["code"], &answer["type"]),
        (&json!(200), &json!(".ams.aam.SubscribeExConversations$Response"))
    );
    let conversations = answer["body"]["subscriptionId"].clone();
    let snapshot = client.next_notification().await.unwrap();
    assert_eq!(snapshot["type"], ".ams.aam.ExConversationChangeNotification");
    assert_eq!(snapshot["body"], json!({ "subscriptionId": conversations, "changes": [] }));

    let wanted = json!({ "channelType": "MESSAGING", "agentId": BOT, "brandId": "12345678" });
    let answer = client.request(".ams.routing.SubscribeRoutingTasks", wanted).await;
    assert_eq!(
        (&answer["code"], &answer["type"]),
        (&json!(200), &json!(".ams.GenericSubscribe$Response"))
    );
    let rings = answer["body"]["subscriptionId"].clone();
    let snapshot = client.next_notification().await.unwrap();
    assert_eq!(snapshot["body"], json!({ "subscriptionId": rings, "changes": [] }));

    let started = simulator.clock().now();
    let id = simulator.start(Start::default().saying("hello").by("cons-1")).unwrap();
    let ring = client.next_notification().await.unwrap();
    let ring_id = format!("{id}_12345678_{started}");
    let task = ring["body"]["changes"][0]["result"]["routingTaskId"].clone();
    let expected = json!({
        "subscriptionId": rings,
        "changes": [{ "type": "UPSERT", "result": {
            "routingTaskId": task, "taskCompleted": false, "conversationId": id, "consumerId": "cons-1",
            "skillId": "1122334455", "brandId": "12345678", "assignedAgentId": "",
            "ringsDetails": [{
                "ringId": ring_id, "ringState": "WAITING", "ringExpiration": 72000, "ringExpirationTs": started + 72000,
                "weight": started + 3_600_000, "convId": id, "consumerId": "cons-1", "skillId": "1122334455",
                "brandId": "12345678",
            }],
        } }],
    });
    assert_eq!(ring["body"], expected);

    let accept = json!({ "ringId": ring_id, "ringState": "ACCEPTED" });
    let answer = client.request(".ams.routing.UpdateRingState", accept).await;
    assert_eq!(
        (&answer["code"], &answer["body"]),
        (&json!(202), &json!("Ring state updated successfully"))
    );
    let (kind, result) = client.conversation().await;
    assert_eq!(kind, "UPSERT");
    assert_assigned(&result, &id, started);

    let history = client.history(&id).await;
    let hello = &history[0];
    assert_eq!(hello["sequence"], 0);
    assert_eq!(hello["originatorMetadata"]["role"], "CONSUMER");
    assert_eq!(
        hello["event"],
        json!({ "type": "ContentEvent", "message": "hello", "contentType": "text/plain" })
    );
    assert_eq!(history.as_array().unwrap().len(), 1);

    let read = json!({ "type": "AcceptStatusEvent", "status": "READ", "sequenceList": [0] });
    assert_eq!(client.publishes(&id, read).await["body"], json!({ "sequence": 1 }));
    assert_eq!(client.says(&id, "Hi, how can I help?").await, 2);
    client.notification("OnlineEventDistribution").await;
    let echo = client.notification("OnlineEventDistribution").await;
    assert_eq!(echo["sequence"], 2);
    assert_eq!((&echo["originatorId"], &echo["originatorPId"]), (&json!(BOT), &json!(PID)));
    assert_eq!(echo["originatorMetadata"], json!({ "id": PID, "role": "ASSIGNED_AGENT" }));

    simulator.consumer(&id).types("COMPOSING").unwrap();
    let typing = client.notification("OnlineEventDistribution").await;
    assert_eq!(typing["event"], json!({ "type": "ChatStateEvent", "chatState": "COMPOSING" }));
    assert!(
        typing.get("sequence").is_none() && typing.get("serverTimestamp").is_none(),
        "{typing}"
    );
    simulator.consumer(&id).says("I want a human").unwrap();
    assert_eq!(client.notification("OnlineEventDistribution").await["sequence"], 3);
    client.drain().await;

    let transfer = json!({ "conversationId": id, "conversationField": [
        { "field": "ParticipantsChange", "type": "REMOVE", "role": "ASSIGNED_AGENT", "userId": BOT },
        { "field": "Skill", "type": "UPDATE", "skill": "4129463410" },
    ] });
    let why = json!([{ "type": "ActionReason", "reason": "escalated_by_user" }]);
    let answer =
        client.request_with(".ams.cm.UpdateConversationField", transfer, why.clone()).await;
    assert_eq!(
        (&answer["code"], &answer["body"]),
        (&json!(200), &json!("OK Agent removed successfully"))
    );
    let (kind, result) = client.conversation().await;
    assert_eq!(kind, "DELETE");
    let details = &result["conversationDetails"];
    assert_eq!(details["skillId"], "4129463410");
    assert_eq!(details["participants"]["ASSIGNED_AGENT"], json!([]));
    assert_eq!(client.drain().await, []);

    assert_eq!(simulator.queue("4129463410"), std::slice::from_ref(&id));
    let transfers = simulator.conversation(&id).unwrap().transfers;
    assert_eq!(json!(transfers[0].metadata), why);
    let lines = simulator.lines(&id);
    let said: Vec<_> = lines.iter().map(|(role, text)| (*role, text.as_str())).collect();
    let expected = [
        ("CONSUMER", "hello"),
        ("ASSIGNED_AGENT", "Hi, how can I help?"),
        ("CONSUMER", "I want a human"),
    ];
    assert_eq!(said, expected);
}

fn assert_assigned(result: &Value, id: &str, started: u64) {
    assert_eq!(result["convId"], id);
    assert_eq!(result["effectiveTTR"], started + 3_600_000);
    assert_eq!(result["lastContentEventNotification"]["event"]["message"], "hello");
    let details = &result["conversationDetails"];
    assert_eq!((&details["state"], &details["stage"]), (&json!("OPEN"), &json!("OPEN")));
    assert_eq!(details["participants"]["ASSIGNED_AGENT"], json!([BOT]));
    assert_eq!(details["participantsPId"]["ASSIGNED_AGENT"], json!([PID]));
    assert_eq!(details["participants"]["CONSUMER"], json!(["cons-1"]));
    assert_eq!(details["ttr"], json!({ "ttrType": "NORMAL", "value": 3600 }));
    assert_eq!(details["firstConversation"], true);
    let dialog = &details["dialogs"][0];
    assert_eq!((&dialog["dialogId"], &dialog["dialogType"]), (&json!(id), &json!("MAIN")));
    let present = json!([
        { "id": "cons-1", "role": "CONSUMER", "state": "ACTIVE" },
        { "id": BOT, "role": "ASSIGNED_AGENT", "state": "ACTIVE" },
    ]);
    assert_eq!(dialog["participantsDetails"], present);
}
