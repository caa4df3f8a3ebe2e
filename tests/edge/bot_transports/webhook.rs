//! A bot behind a webhook.

use connectord::ops::status::{BotStatus, ConnectorStatus};
use serde_json::json;

use crate::{
    simulator::Availability,
    support::{AGENT, Answer, BY_WEBHOOK, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn a_200_with_a_reply_is_the_answer() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.will([Answer::Actions(vec![text("hi"), text("how are you?")])]);
        let talk = world.consumer_starts("hello");
        world
            .reads(
                &talk,
                &[
                    ("CONSUMER", "hello"),
                    ("ASSIGNED_AGENT", "hi"),
                    ("ASSIGNED_AGENT", "how are you?"),
                ],
            )
            .await;
        assert_eq!(world.status().await.bot_server.status, BotStatus::Connected);
        assert_eq!(world.count("bot_requests_total", "answered"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn requests_carry_token_idempotency_key_trace_and_signature() {
    story(async {
        // `echo -n bot-signing-secret-bytes | base64`
        let settings = format!(
            "{BY_WEBHOOK}token = \"letmein\"\nsigning_secret = \"whsec_Ym90LXNpZ25pbmctc2VjcmV0LWJ5dGVz\"\n"
        );
        let world = World::online(&settings).await;
        world.consumer_starts("hello");
        let asked = world.webhook.hears("hello").await;
        let header = |name: &str| asked.headers[name].to_str().unwrap().to_owned();
        let id = asked.event["id"].as_str().unwrap();
        assert_eq!(header("authorization"), "Bearer letmein");
        assert_eq!(header("idempotency-key"), id);
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("webhook-id"), id);
        assert!(header("traceparent").starts_with("00-"));
        let signed = format!("{id}.{}.{}", header("webhook-timestamp"), asked.body);
        assert_eq!(header("webhook-signature"), signature(b"bot-signing-secret-bytes", &signed));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_the_defaults_a_dead_bot_is_asked_at_0_and_at_60_seconds_and_then_people_take_over() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.always(Answer::Never);
        let talk = world.consumer_starts("hello");
        let first = world.webhook.hears("hello").await;
        let second = world.webhook.hears("hello").await;
        let pause = (second.at - first.at).as_secs_f64();
        assert!((59.9..60.5).contains(&pause), "{pause} s");
        assert_eq!(first.event["id"], second.event["id"]);
        assert_eq!(second.event["attempt"], 2);
        assert_eq!(second.headers["idempotency-key"], first.headers["idempotency-key"]);
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert_eq!(world.webhook.unheard(), 0);
        assert_eq!(world.count("bot_requests_total", "timeout"), 2.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_204_is_an_answer_and_after_a_202_the_fallback_still_runs() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.will([Answer::Status(204)]);
        let talk = world.consumer_starts("hello");
        world.webhook.hears("hello").await;
        after(3_600.0).await;
        assert_eq!(world.webhook.unheard(), 0);
        assert!(world.transfers().is_empty());
        assert_eq!(world.cloud.lines(&talk).len(), 1);
    })
    .await;
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.will([Answer::Status(202)]);
        let talk = world.consumer_starts("hello");
        let asked = world.webhook.hears("hello").await;
        world.is_queued(&talk, HUMAN_SKILL).await;
        let waited = asked.ago();
        assert!((179.0..182.0).contains(&waited.as_secs_f64()), "{waited:?}");
        assert_eq!(world.webhook.unheard(), 0, "seen: no resend");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_a_202_the_next_batch_goes_out() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.will([Answer::Status(202), Answer::Actions(vec![text("yes")])]);
        let talk = world.consumer_starts("hello");
        world.webhook.hears("hello").await;
        after(5.0).await;
        world.cloud.consumer(&talk).says("anybody?").unwrap();
        world
            .reads(
                &talk,
                &[("CONSUMER", "hello"), ("CONSUMER", "anybody?"), ("ASSIGNED_AGENT", "yes")],
            )
            .await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn statuses_that_may_pass_are_asked_again_after_the_interval_or_a_longer_retry_after() {
    for (answer, seconds) in [
        (Answer::Status(408), 30.0),
        (Answer::Status(425), 30.0),
        (Answer::Status(429), 30.0),
        (Answer::Status(500), 30.0),
        (Answer::Status(503), 30.0),
        (Answer::Later(429, 5), 30.0),
        (Answer::Later(429, 100), 100.0),
        (Answer::Later(503, 100), 100.0),
    ] {
        story(async {
            let world = World::online(BY_WEBHOOK).await;
            world.webhook.will([answer.clone(), Answer::Actions(vec![text("hi")])]);
            let talk = world.consumer_starts("hello");
            let first = world.webhook.hears("hello").await;
            let second = world.webhook.hears("hello").await;
            let pause = (second.at - first.at).as_secs_f64();
            assert!((seconds..seconds + 0.5).contains(&pause), "{answer:?}: {pause} s");
            world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hi")]).await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_certain_fault_of_the_bot_is_not_resent_and_escalates_at_once() {
    let big = "x".repeat((1 << 20) + 1);
    for answer in [
        Answer::Status(400),
        Answer::Status(401),
        Answer::Status(404),
        Answer::Status(422),
        Answer::Body("{".to_owned()),
        Answer::Body("[]".to_owned()),
        Answer::Body("<html>".to_owned()),
        Answer::Body(json!({ "actions": "none" }).to_string()),
        Answer::Body(json!({ "actions": [{ "type": "text", "text": big }] }).to_string()),
    ] {
        story(async {
            let world = World::online(BY_WEBHOOK).await;
            world.webhook.will([answer]);
            let talk = world.consumer_starts("hello");
            let asked = world.webhook.hears("hello").await;
            world.is_queued(&talk, HUMAN_SKILL).await;
            let waited = asked.ago();
            assert!(waited.as_secs() < 5, "{waited:?}");
            assert_eq!(world.webhook.unheard(), 0);
            assert_eq!(world.count("fallback_escalations_total", "fault"), 1.0);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_names_another_event_is_not_said_in_this_conversation() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        let reply = json!({ "inReplyTo": "another:1", "actions": [text("not for you")] });
        world.webhook.will([Answer::Body(reply.to_string())]);
        let talk = world.consumer_starts("hello");
        world.webhook.hears("hello").await;
        after(10.0).await;
        let lines = world.cloud.lines(&talk);
        assert!(!lines.iter().any(|(_, text)| text == "not for you"), "{lines:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn conversations_do_not_wait_for_each_other_but_max_in_flight_bounds_them() {
    story(async {
        let world = World::online(&format!("{BY_WEBHOOK}max_in_flight = 2\n")).await;
        world.webhook.always(Answer::Never);
        for n in 0..3 {
            world.consumer_starts(&format!("hello {n}"));
        }
        after(20.0).await;
        assert_eq!(world.webhook.unheard(), 2);
        after(15.0).await;
        assert_eq!(world.webhook.unheard(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_fails_three_times_in_a_row_is_down_until_a_probe_finds_it() {
    story(async {
        let settings = format!("{BY_WEBHOOK}[connector]\nfallback_skill_id = \"\"\n");
        let world = World::online(&settings).await;
        world.webhook.goes_down();
        for n in 0..3 {
            world.consumer_starts(&format!("hello {n}"));
        }
        world.until("down", |s| s.bot_server.status == BotStatus::NotConnected).await;
        assert_eq!(world.status().await.agent_connector.status, ConnectorStatus::NotConnected);
        after(40.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Away);
        world.webhook.comes_up();
        world.is_online().await;
        assert!(world.webhook.probes() > 0);
        after(2.0).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_told_of_ends_and_transfers_by_webhook_too() {
    story(async {
        let world = World::online(BY_WEBHOOK).await;
        world.webhook.will([Answer::Actions(vec![json!({ "type": "transfer" })])]);
        world.consumer_starts("hello");
        let asked = world.webhook.next("conversationTransferred").await;
        assert!(asked.event["id"].as_str().unwrap().ends_with(":transferred"));
        world.webhook.will([Answer::Actions(vec![json!({ "type": "close" })])]);
        world.consumer_starts("bye");
        world.webhook.next("conversationEnded").await;
    })
    .await;
}

/// A Standard Webhooks signature.
fn signature(key: &[u8], signed: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key).unwrap();
    mac.update(signed.as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}
