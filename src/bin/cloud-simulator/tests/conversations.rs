//! Rings, transfers, participants, dialogs.

use super::client::{BOT, BOT_2, BOT_SKILL, Client, HANNAH, HUMAN_SKILL};
use super::simulator;
use crate::simulator::{Options, Scope, Simulator, Start};
use serde_json::{Value, json};
use std::time::Duration;

fn removal(agent: &str) -> Value {
    json!({ "field": "ParticipantsChange", "type": "REMOVE", "role": "ASSIGNED_AGENT", "userId": agent })
}

fn to_skill(skill: Value) -> Value {
    json!({ "field": "Skill", "type": "UPDATE", "skill": skill })
}

fn update(conversation: &str, changes: Value) -> Value {
    json!({ "conversationId": conversation, "conversationField": changes })
}

#[tokio::test(start_paused = true)]
async fn an_unanswered_ring_expires_and_rings_again() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    let id = simulator.start(Start::default().saying("hello")).unwrap();
    let first = client.ring().await;
    client.good(".GetClock", json!({})).await;
    let mut states = Vec::new();
    for _ in 0..7 {
        tokio::time::sleep(Duration::from_secs(12)).await;
        client.good(".GetClock", json!({})).await;
    }
    for (_, body) in client.drain().await {
        let change = &body["changes"][0];
        states.push((
            change["type"].as_str().unwrap().to_owned(),
            change["result"]["ringsDetails"][0]["ringState"].clone(),
        ));
    }
    let expected = [("UPSERT", "EXPIRED"), ("DELETE", "EXPIRED"), ("UPSERT", "WAITING")];
    assert_eq!(states, expected.map(|(kind, state)| (kind.to_owned(), json!(state))));
    let late = json!({ "ringId": first["ringsDetails"][0]["ringId"], "ringState": "ACCEPTED" });
    assert_eq!(
        client.refused(".ams.routing.UpdateRingState", late).await,
        (400, "Ring is EXPIRED".into())
    );
    assert_eq!(simulator.queue(BOT_SKILL), [id]);
}

#[tokio::test(start_paused = true)]
async fn a_rejected_ring_goes_to_another_agent() {
    let simulator = simulator();
    let mut first = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default().saying("hello")).unwrap();
    let mut second = Client::ready(&simulator, "support-bot-2").await;
    let ring = first.ring().await;
    let reject = json!({ "ringId": ring["ringsDetails"][0]["ringId"], "ringState": "REJECTED" });
    first.good(".ams.routing.UpdateRingState", reject).await;
    assert_eq!(second.ring().await["conversationId"], ring["conversationId"]);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_rung_beyond_capacity_or_while_away() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.agent("support-bot").has_capacity(1).unwrap();
    simulator.start(Start::default()).unwrap();
    let taken = client.accepts().await;
    let waiting = simulator.start(Start::default()).unwrap();
    assert!(!client.drain().await.iter().any(|(kind, body)| {
        kind == "RoutingTaskNotification"
            && body["changes"][0]["result"]["conversationId"] == json!(waiting)
    }));
    client.set_state(BOT, "AWAY").await;
    simulator.close(&taken, "TIMEOUT").unwrap();
    assert!(simulator.read(|world| world.rings.is_empty()));
    client.set_state(BOT, "ONLINE").await;
    assert_eq!(client.ring().await["conversationId"], json!(waiting));
}

#[tokio::test(start_paused = true)]
async fn rings_that_wait_are_in_the_snapshot_of_a_new_subscription() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    client.set_state(BOT, "ONLINE").await;
    let id = simulator.start(Start::default()).unwrap();
    let rings = json!({ "channelType": "MESSAGING", "agentId": BOT, "brandId": "12345678" });
    client.good(".ams.routing.SubscribeRoutingTasks", rings).await;
    assert_eq!(client.ring().await["conversationId"], json!(id));
}

#[tokio::test(start_paused = true)]
async fn auto_accept_assigns_without_a_request() {
    let simulator = Simulator::new(Options { auto_accept: true, ..Options::fixed() });
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default()).unwrap();
    let body = client.notification("RoutingTaskNotification").await;
    assert_eq!(body["changes"][0]["result"]["ringsDetails"][0]["ringState"], "AUTO_ACCEPT");
    assert_eq!(client.conversation().await.0, "UPSERT");
}

#[tokio::test(start_paused = true)]
async fn back_to_the_queue_rings_again() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default()).unwrap();
    let id = client.accepts().await;
    client.good(".ams.cm.UpdateConversationField", update(&id, json!(removal(BOT)))).await;
    assert_eq!(client.ring().await["conversationId"], json!(id));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_applied_as_a_whole_or_not_at_all() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default()).unwrap();
    let id = client.accepts().await;
    let kind = ".ams.cm.UpdateConversationField";
    let unknown_skill = update(&id, json!([removal(BOT), to_skill(json!("99"))]));
    assert_eq!(client.refused(kind, unknown_skill).await.0, 400);
    let agent_stays = update(&id, json!([to_skill(json!(HUMAN_SKILL))]));
    assert_eq!(client.refused(kind, agent_stays).await.0, 400);
    let stored = simulator.conversation(&id).unwrap();
    assert_eq!((stored.skill.as_str(), stored.assigned()), (BOT_SKILL, Some(BOT)));
    let number = update(&id, json!([removal(BOT), to_skill(json!(4_129_463_410_u64))]));
    assert_eq!(client.good(kind, number).await, "OK Agent removed successfully");
    let text = client.refused(kind, update(&id, json!([removal(BOT)]))).await;
    assert_eq!(text, (400, "Agent does not exist in conversation".into()));
}

#[tokio::test(start_paused = true)]
async fn hannah_takes_answers_notes_and_hands_back_to_the_bot() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    let id = simulator.start(Start::in_skill(HUMAN_SKILL).saying("help")).unwrap();
    let hannah = simulator.agent("hannah");
    assert!(hannah.says(&id, "too early").is_err());
    hannah.takes(&id).unwrap();
    assert!(hannah.takes(&id).is_err());
    hannah.says(&id, "Hello, I am Hannah").unwrap();
    hannah.notes(&id, "a difficult one").unwrap();
    hannah.transfers(&id, BOT_SKILL).unwrap();
    assert_eq!(client.accepts().await, id);
    let history = client.history(&id).await;
    assert_eq!(history[1]["originatorId"], HANNAH);
    assert_eq!(history[2]["messageAudience"], "AGENTS_AND_MANAGERS");
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_an_agent_is_suggested_until_it_is_accepted() {
    let simulator = simulator();
    let mut first = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default()).unwrap();
    let id = first.accepts().await;
    let mut second = Client::ready(&simulator, "support-bot-2").await;
    second.set_state(BOT_2, "OCCUPIED").await;
    let offer = json!({ "field": "ParticipantsChange", "type": "SUGGEST", "role": "ASSIGNED_AGENT", "userId": BOT_2 });
    let changes = json!([removal(BOT), offer, to_skill(json!(BOT_SKILL))]);
    first.good(".ams.cm.UpdateConversationField", update(&id, changes)).await;
    let ring = second.ring().await;
    let (_, result) = second.conversation().await;
    let details = &result["conversationDetails"];
    assert_eq!(details["participants"]["ASSIGNED_AGENT"], json!([]));
    let entry = json!({ "id": BOT_2, "role": "ASSIGNED_AGENT", "state": "SUGGESTED" });
    assert!(details["dialogs"][0]["participantsDetails"].as_array().unwrap().contains(&entry));
    let before = second
        .publishes(
            &id,
            json!({ "type": "ContentEvent", "contentType": "text/plain", "message": "hi" }),
        )
        .await;
    assert_eq!(before["code"], 400);
    let accept = json!({ "ringId": ring["ringsDetails"][0]["ringId"], "ringState": "ACCEPTED" });
    second.good(".ams.routing.UpdateRingState", accept).await;
    assert_eq!(simulator.conversation(&id).unwrap().assigned(), Some(BOT_2));
}

#[tokio::test(start_paused = true)]
async fn an_offer_that_nobody_takes_falls_back_to_the_skills_queue() {
    let simulator = simulator();
    let id = simulator.start(Start::in_skill(HUMAN_SKILL)).unwrap();
    let hannah = simulator.agent("hannah");
    let _bot = Client::ready(&simulator, "support-bot-2").await;
    hannah.takes(&id).unwrap();
    hannah.offers(&id, "support-bot-2", None).unwrap();
    assert_eq!(simulator.conversation(&id).unwrap().suggested(), Some(BOT_2));
    simulator.wait_until("the offer to expire", |world| world.rings.is_empty()).await.unwrap();
    assert_eq!(simulator.conversation(&id).unwrap().suggested(), None);
    assert_eq!(simulator.queue(HUMAN_SKILL), [id]);
}

#[tokio::test(start_paused = true)]
async fn closing_the_dialog_lets_a_survey_follow_and_closing_the_conversation_does_not() {
    let mut options = Options::fixed();
    options.accounts[0].skills[0].survey = Some("31f55e51-0000-4000-8000-8c5fcc218048".into());
    let simulator = Simulator::new(options);
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default()).unwrap();
    let id = client.accepts().await;
    client.drain().await;
    let close = json!({
        "field": "DialogChange", "type": "UPDATE",
        "dialog": { "dialogId": id, "state": "CLOSE", "closedBy": "AGENT", "closedCause": "Resolved by bot" },
    });
    client.good(".ams.cm.UpdateConversationField", update(&id, json!([close]))).await;
    let (kind, result) = client.conversation().await;
    let details = &result["conversationDetails"];
    assert_eq!(kind, "DELETE");
    assert_eq!(
        (&details["state"], &details["stage"], &details["closeReason"]),
        (&json!("CLOSE"), &json!("OPEN"), &json!("AGENT"))
    );
    let survey = &details["dialogs"][1];
    assert_eq!((&survey["dialogType"], &survey["state"]), (&json!("POST_SURVEY"), &json!("OPEN")));
    assert_eq!(survey["metaData"]["appInstallId"], "31f55e51-0000-4000-8000-8c5fcc218048");
    simulator.consumer(&id).says("five stars").unwrap();
    assert_eq!(client.drain().await, []);
    simulator.consumer(&id).closes(Scope::Dialog).unwrap();
    assert!(simulator.conversation(&id).unwrap().ended.is_some());

    simulator.start(Start::default()).unwrap();
    let second = client.accepts().await;
    let close = json!({ "field": "ConversationStateField", "conversationState": "CLOSE" });
    client.good(".ams.cm.UpdateConversationField", update(&second, close)).await;
    assert_eq!(simulator.conversation(&second).unwrap().dialogs.len(), 1);
    let refused = client
        .refused(".ams.cm.UpdateConversationField", update(&second, json!(removal(BOT))))
        .await;
    assert_eq!(refused.0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_who_closes_or_steps_up_is_seen_by_the_agent() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.start(Start::default().by("guest")).unwrap();
    let id = client.accepts().await;
    client.drain().await;
    simulator.consumer(&id).steps_up(Some("crm-778")).unwrap();
    let (kind, result) = client.conversation().await;
    assert_eq!(
        (kind.as_str(), &result["conversationDetails"]["participants"]["CONSUMER"]),
        ("UPSERT", &json!(["crm-778"]))
    );
    let profile = client.good(".ams.userprofile.GetUserProfile", json!("crm-778")).await;
    assert_eq!(profile["claims"]["lp_sdes"][0]["info"]["customerId"], "crm-778");
    simulator.consumer(&id).closes(Scope::Conversation).unwrap();
    let (kind, result) = client.conversation().await;
    assert_eq!(
        (kind.as_str(), &result["conversationDetails"]["closeReason"]),
        ("DELETE", &json!("CONSUMER"))
    );
    assert_eq!(result["effectiveTTR"], -1);
}

#[tokio::test(start_paused = true)]
async fn a_manager_joins_sees_everything_and_leaves() {
    let simulator = simulator();
    let id = simulator.start(Start::in_skill(HUMAN_SKILL).saying("help")).unwrap();
    let mut client = Client::enter(&simulator, "support-bot").await;
    client.good(".ams.aam.SubscribeExConversations", json!({ "convState": "OPEN" })).await;
    assert_eq!(client.conversation().await.1["convId"], json!(id));
    let change = |kind: &str| json!({ "field": "ParticipantsChange", "type": kind, "role": "MANAGER", "userId": BOT });
    let kind = ".ams.cm.UpdateConversationField";
    assert_eq!(client.good(kind, update(&id, change("ADD"))).await, "OK Agent added successfully");
    client.says(&id, "May I help?").await;
    simulator.agent("hannah").takes(&id).unwrap();
    assert_eq!(
        client.good(kind, update(&id, change("REMOVE"))).await,
        "OK Agent removed successfully"
    );
    client.drain().await;
    simulator.consumer(&id).says("still there?").unwrap();
    assert!(!client.drain().await.iter().any(|(kind, _)| kind == "OnlineEventDistribution"));
}

#[tokio::test(start_paused = true)]
async fn an_agent_without_permission_sees_only_its_own_conversations() {
    let mut options = Options::fixed();
    options.accounts[0].agents[0].manager = false;
    let simulator = Simulator::new(options);
    let mut client = Client::enter(&simulator, "support-bot").await;
    let kind = ".ams.aam.SubscribeExConversations";
    assert_eq!(client.refused(kind, json!({ "convState": ["OPEN"] })).await.0, 403);
    assert_eq!(
        client.refused(kind, json!({ "convState": ["OPEN"], "agentIds": [BOT_2] })).await.0,
        403
    );
    client.good(kind, json!({ "convState": ["OPEN"], "agentIds": BOT })).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_open_conversations_come_as_a_snapshot_in_batches() {
    let simulator = simulator();
    simulator.crowd(1100, Some("support-bot"), &Start::default().saying("hello")).unwrap();
    let mut client = Client::enter(&simulator, "support-bot").await;
    client
        .good(
            ".ams.aam.SubscribeExConversations",
            json!({ "convState": ["OPEN"], "agentIds": [BOT] }),
        )
        .await;
    let batches = client.drain().await;
    let sizes: Vec<usize> =
        batches.iter().map(|(_, body)| body["changes"].as_array().unwrap().len()).collect();
    assert_eq!((sizes.len(), sizes.iter().sum::<usize>()), (20, 1000));
}
