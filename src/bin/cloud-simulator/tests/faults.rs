//! What goes wrong when it is told to.

use super::client::{BOT, Client, login, login_with};
use super::simulator;
use crate::simulator::{Fault, Mode, Route, Shape, Simulator, Start, When};
use serde_json::{Value, json};
use std::time::Duration;

async fn assigned(simulator: &Simulator) -> (Client, String) {
    let mut client = Client::ready(simulator, "support-bot").await;
    simulator.start(Start::default().saying("hello")).unwrap();
    let id = client.accepts().await;
    client.drain().await;
    (client, id)
}

fn publish(dialog: &str, message: &str) -> Value {
    json!({ "dialogId": dialog, "event": { "type": "ContentEvent", "contentType": "text/plain", "message": message } })
}

const PUBLISH: &str = ".ams.ms.PublishEvent";

fn on_publish() -> Option<String> {
    Some("PublishEvent".into())
}

#[tokio::test(start_paused = true)]
async fn log_ins_and_upgrades_fail_as_often_as_told() {
    let simulator = simulator();
    simulator.inject(Fault::Http { route: Route::Login, status: 500 }.times(2));
    let good = json!({ "username": "support-bot", "password": "support-bot-password" });
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(login_with(&simulator, good.clone()).await.status);
    }
    assert_eq!(statuses, [500, 500, 200]);
    let session = login(&simulator, "support-bot").await;
    simulator.inject(
        Fault::Http { route: Route::Upgrade, status: 502 }.times(1).for_agent("support-bot"),
    );
    assert_eq!(Client::open(&simulator, &session.bearer, "2.1").await.unwrap_err(), 502);
    assert!(Client::open(&simulator, &session.bearer, "2.1").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_forced_answer_prevents_the_request_unless_told_otherwise() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let forced =
        |handled| Fault::Answer { request: on_publish(), code: 429, body: None, handled }.times(1);
    simulator.inject(forced(false));
    assert_eq!(client.request(PUBLISH, publish(&id, "lost")).await["code"], 429);
    simulator.inject(forced(true));
    assert_eq!(client.request(PUBLISH, publish(&id, "kept")).await["code"], 429);
    assert_eq!(simulator.lines(&id).last().unwrap().1, "kept");
    assert_eq!(client.says(&id, "normal").await, 2);
    let answers: Vec<_> =
        simulator.requests("PublishEvent").iter().map(|one| one.answered).collect();
    assert_eq!(answers, [Some(429), Some(429), Some(200)]);
}

#[tokio::test(start_paused = true)]
async fn an_ignored_request_is_never_answered_and_a_slow_one_late() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    simulator.inject(Fault::Ignore { request: on_publish(), handled: true }.times(1));
    client.start_request(PUBLISH, publish(&id, "swallowed"), Value::Null).await;
    simulator
        .inject(Fault::Slow { request: Some("GetClock".into()), milliseconds: 3_000 }.times(1));
    let start = simulator.clock().now();
    client.good(".GetClock", json!({})).await;
    assert_eq!(simulator.clock().now() - start, 3_000);
    assert_eq!(simulator.lines(&id).last().unwrap().1, "swallowed");
    assert_eq!(simulator.requests("PublishEvent")[0].answered, None);
}

#[tokio::test(start_paused = true)]
async fn the_socket_closes_before_or_after_the_answer_of_the_chosen_request() {
    for (when, answered, stored) in
        [(When::BeforeHandling, 1, 2), (When::BeforeAnswer, 1, 3), (When::AfterAnswer, 2, 3)]
    {
        let simulator = simulator();
        let (mut client, id) = assigned(&simulator).await;
        simulator.inject(Fault::CloseAtRequest { request: on_publish(), nth: 2, when, code: 1011 });
        client.start_request(PUBLISH, publish(&id, "one"), Value::Null).await;
        client.start_request(PUBLISH, publish(&id, "two"), Value::Null).await;
        let mut answers = 0;
        while let Some(frame) = client.frame().await {
            answers += usize::from(frame["kind"] == "resp");
        }
        assert_eq!((answers, simulator.transcript(&id).len()), (answered, stored), "{when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn sockets_close_on_demand_and_after_a_number_of_frames() {
    let simulator = simulator();
    for code in [1000, 1001, 1006, 1011, 1012, 4401, 4407] {
        let mut client = Client::enter(&simulator, "support-bot").await;
        assert_eq!(simulator.close_sockets(Some("support-bot"), code, "because"), 1);
        assert_eq!(client.close_code().await, code);
    }
    let mut client = Client::enter(&simulator, "support-bot").await;
    simulator.inject(Fault::CloseAfterFrames { frames: 2, code: 1012 });
    client.good(".GetClock", json!({})).await;
    client.good(".GetClock", json!({})).await;
    assert_eq!(client.close_code().await, 1012);
}

#[tokio::test(start_paused = true)]
async fn a_deaf_socket_answers_and_tells_nothing_and_a_new_one_hears() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let deaf = simulator.inject(Fault::Deaf { notification: None, conversation: None });
    simulator.consumer(&id).says("unheard").unwrap();
    client.good(".GetClock", json!({})).await;
    let list = json!({ "convState": ["OPEN"], "agentIds": [BOT] });
    client.good(".ams.aam.SubscribeExConversations", list).await;
    assert_eq!(client.drain().await, [], "not even a list");
    let mut fresh = Client::enter(&simulator, "support-bot").await;
    fresh.drain().await;
    simulator.consumer(&id).says("heard").unwrap();
    assert!(!fresh.drain().await.is_empty());
    simulator.remove_fault(deaf);
}

#[tokio::test(start_paused = true)]
async fn deafness_can_be_for_one_kind_or_one_conversation() {
    for (notification, conversation, heard) in [
        (Some("OnlineEventDistribution"), false, "ExConversationChangeNotification"),
        (Some("ExConversationChangeNotification"), false, "OnlineEventDistribution"),
        (Some("RoutingTaskNotification"), false, "OnlineEventDistribution"),
        (None, true, ""),
    ] {
        let simulator = simulator();
        let (mut client, id) = assigned(&simulator).await;
        simulator.inject(Fault::Deaf {
            notification: notification.map(str::to_owned),
            conversation: conversation.then(|| id.clone()),
        });
        simulator.consumer(&id).says("x").unwrap();
        let kinds: Vec<String> = client.drain().await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds.contains(&heard.to_owned()), !heard.is_empty(), "{kinds:?}");
        let silent = notification.unwrap_or("OnlineEventDistribution").to_owned();
        assert!(!kinds.contains(&silent), "{kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_answers_nothing_until_it_is_lifted() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    let hole = simulator.inject(Fault::BlackHole {}.for_agent("support-bot"));
    client.start_request(".GetClock", json!({}), Value::Null).await;
    assert!(tokio::time::timeout(Duration::from_secs(20), client.frame()).await.is_err());
    simulator.remove_fault(hole);
    assert_eq!(client.frame().await.unwrap()["reqId"], "req-1");
    assert_eq!(simulator.black_hole(None), 1);
    client.start_request(".GetClock", json!({}), Value::Null).await;
    assert!(tokio::time::timeout(Duration::from_secs(20), client.frame()).await.is_err());
    let mut other = Client::enter(&simulator, "support-bot-2").await;
    other.good(".GetClock", json!({})).await;
}

#[tokio::test(start_paused = true)]
async fn notifications_are_duplicated_delayed_reordered_or_suppressed() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let inject = |mode, milliseconds| {
        simulator.inject(
            Fault::Notifications {
                mode,
                milliseconds,
                notification: Some("OnlineEventDistribution".into()),
                conversation: Some(id.clone()),
            }
            .times(1),
        );
    };
    let said = async |client: &mut Client| -> Vec<String> {
        let all = client.drain().await;
        let messages =
            all.iter().filter_map(|(_, body)| body["event"]["message"].as_str().map(str::to_owned));
        messages.collect()
    };
    inject(Mode::Duplicate, None);
    simulator.consumer(&id).says("twice").unwrap();
    assert_eq!(said(&mut client).await, ["twice", "twice"]);
    inject(Mode::Suppress, None);
    simulator.consumer(&id).says("never").unwrap();
    simulator.consumer(&id).says("seen").unwrap();
    assert_eq!(said(&mut client).await, ["seen"]);
    inject(Mode::Delay, Some(2_000));
    simulator.consumer(&id).says("late").unwrap();
    simulator.consumer(&id).says("early").unwrap();
    assert_eq!(said(&mut client).await, ["early", "late"]);
    inject(Mode::Reorder, None);
    simulator.consumer(&id).says("alone").unwrap();
    assert_eq!(said(&mut client).await, ["alone"]);
}

#[tokio::test(start_paused = true)]
async fn reordering_swaps_a_message_with_the_one_after_it() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let only = |notification: &str, mode| Fault::Notifications {
        mode,
        milliseconds: None,
        notification: Some(notification.into()),
        conversation: None,
    };
    simulator.inject(only("ExConversationChangeNotification", Mode::Suppress));
    simulator.inject(only("OnlineEventDistribution", Mode::Reorder).times(1));
    simulator.consumer(&id).says("first").unwrap();
    simulator.consumer(&id).says("second").unwrap();
    let order: Vec<_> =
        client.drain().await.into_iter().map(|(_, body)| body["sequence"].clone()).collect();
    assert_eq!(order, [json!(2), json!(1)]);
}

#[tokio::test(start_paused = true)]
async fn notifications_can_come_before_the_answer_that_causes_them() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    client.start_request(PUBLISH, publish(&id, "x"), Value::Null).await;
    assert_eq!(client.frame().await.unwrap()["kind"], "resp");
    client.drain().await;
    simulator.inject(Fault::NotificationsFirst { request: on_publish() });
    client.start_request(PUBLISH, publish(&id, "y"), Value::Null).await;
    assert_eq!(client.frame().await.unwrap()["kind"], "notification");
}

#[tokio::test(start_paused = true)]
async fn an_accepted_ring_can_be_cancelled_or_lead_nowhere() {
    let simulator = simulator();
    let mut client = Client::ready(&simulator, "support-bot").await;
    simulator.inject(Fault::CancelAfterAccept {}.times(1));
    simulator.start(Start::default()).unwrap();
    let id = client.accepts().await;
    let body = client.notification("RoutingTaskNotification").await;
    assert_eq!(body["changes"][0]["result"]["ringsDetails"][0]["ringState"], "CANCELLED");
    simulator.inject(Fault::AcceptLeadsNowhere {}.times(1));
    assert_eq!(client.accepts().await, id);
    assert_eq!(client.accepts().await, id);
    assert_eq!(simulator.conversation(&id).unwrap().assigned(), Some(BOT));
}

#[tokio::test(start_paused = true)]
async fn shapes_bend_what_is_sent() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    let mut changed = async |what, role: Option<&str>| -> Value {
        let fault = simulator.inject(Fault::Shape { what, role: role.map(str::to_owned) });
        simulator.consumer(&id).says("x").unwrap();
        let body = client.notification("ExConversationChangeNotification").await;
        simulator.remove_fault(fault);
        client.drain().await;
        body
    };
    let body = changed(Shape::NoLastContentEvent, None).await;
    assert!(body["changes"][0]["result"].get("lastContentEventNotification").is_none());
    let body = changed(Shape::NoRoleInPids, Some("CONSUMER")).await;
    let details = &body["changes"][0]["result"]["conversationDetails"];
    assert!(
        details["participantsPId"].get("CONSUMER").is_none()
            && details["participants"].get("CONSUMER").is_some()
    );
    let body = changed(Shape::NoParticipantsDetails, None).await;
    assert!(
        body["changes"][0]["result"]["conversationDetails"]["dialogs"][0]
            .get("participantsDetails")
            .is_none()
    );
    let body = changed(Shape::CobrowseDialog, None).await;
    assert_eq!(
        body["changes"][0]["result"]["conversationDetails"]["dialogs"][0]["channelType"],
        "COBROWSE"
    );
    let body = changed(Shape::BareArrays, None).await;
    assert_eq!(
        body["changes"]["result"]["conversationDetails"]["participants"]["ASSIGNED_AGENT"],
        BOT
    );
    let body = changed(Shape::UnknownEnums, None).await;
    assert_eq!(body["changes"][1]["type"], "RESHUFFLE");
    let body = changed(Shape::UnknownFields, None).await;
    assert!(body["fieldOfTheFuture"].is_object());
    let body = changed(Shape::PidsInDetails, None).await;
    let entry = &body["changes"][0]["result"]["conversationDetails"]["dialogs"][0]["participantsDetails"]
        [1];
    assert_eq!(entry["id"], "0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2");
}

#[tokio::test(start_paused = true)]
async fn metadata_can_be_stripped_from_echo_and_history() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    simulator.inject(Fault::Shape { what: Shape::NoMetadata, role: None });
    let mark = json!([{ "type": "BotResponse", "botInteractionId": "mark" }]);
    client.request_with(PUBLISH, publish(&id, "x"), mark).await;
    assert!(client.notification("OnlineEventDistribution").await.get("metadata").is_none());
    assert!(client.history(&id).await[1].get("metadata").is_none());
    assert_eq!(simulator.transcript(&id)[1].metadata.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_transfer_is_answered_but_does_nothing() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    simulator.inject(Fault::LoseTransfer {}.times(1));
    let transfer = json!({ "conversationId": id, "conversationField": [
        { "field": "ParticipantsChange", "type": "REMOVE", "role": "ASSIGNED_AGENT", "userId": BOT },
        { "field": "Skill", "type": "UPDATE", "skill": "4129463410" },
    ] });
    client.good(".ams.cm.UpdateConversationField", transfer).await;
    assert_eq!(simulator.conversation(&id).unwrap().assigned(), Some(BOT));
}

#[tokio::test(start_paused = true)]
async fn stray_and_broken_frames_are_sent_as_ordered() {
    let simulator = simulator();
    let mut client = Client::enter(&simulator, "support-bot").await;
    simulator.send_raw(None, "{ not json");
    assert_eq!(client.frame().await, Some(Value::Null));
    for what in ["unknownNotification", "deleteWithoutUpsert", "unknownDialog", "ringUpdated"] {
        assert_eq!(simulator.send_stray(Some("support-bot"), what), Ok(1));
        assert_eq!(client.frame().await.unwrap()["kind"], "notification");
    }
    assert!(simulator.send_stray(None, "nonsense").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_takes_one_frame_after_another_with_its_pause_between() {
    let simulator = simulator();
    let (mut client, id) = assigned(&simulator).await;
    simulator.inject(Fault::SlowReading { milliseconds: 2_000 });
    let start = simulator.clock().now();
    for word in ["one", "two", "three"] {
        client.says(&id, word).await;
    }
    let took = simulator.clock().now() - start;
    assert!((4_000..4_500).contains(&took), "{took} ms");
}
