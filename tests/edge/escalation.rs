//! Handing a conversation to people: as the bot wants it, when that fails, and when the bot does.

use serde_json::{Value, json};

use crate::{
    simulator::Fault,
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

#[tokio::test(start_paused = true)]
async fn a_transfer_goes_to_a_skill_by_id_or_by_its_name_in_the_file_or_to_the_fallback_skill() {
    for action in [
        json!({ "type": "transfer", "skillId": HUMAN_SKILL }),
        json!({ "type": "transfer", "skill": "human" }),
        json!({ "type": "transfer" }),
    ] {
        story(async {
            let world = World::online(&format!("[skills]\nhuman = \"{HUMAN_SKILL}\"")).await;
            let (talk, event) = asked(&world).await;
            world.bot.answers(&event, &[text("One moment."), action.clone(), text("never said")]);
            world.bot.next("conversationTransferred").await;
            assert_eq!(world.cloud.queue(HUMAN_SKILL), [talk.as_str()], "{action}");
            assert_eq!(world.said(&talk).len(), 1, "nothing after a transfer");
            // The agent is removed and the skill set in one request.
            let request = &world.transfers()[0];
            let fields = request.body["conversationField"].to_string();
            assert!(fields.contains("REMOVE") && fields.contains(HUMAN_SKILL), "{fields}");
            assert_eq!(action_reason(&request.metadata), "escalated_by_bot");
            assert_eq!(world.transfers().len(), 1);
            assert_eq!(world.count("transfers_total", "escalated_by_bot"), 1.0);
            assert_eq!(world.count("conversations_total", "transferred"), 1.0);
            assert_eq!(world.status().await.totals.transferred, 1);
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_an_agent_offers_the_conversation_to_that_agent() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        world.bot.answers(
            &event,
            &[json!({ "type": "transfer", "skillId": HUMAN_SKILL, "agentId": "5500112233" })],
        );
        world.bot.next("conversationTransferred").await;
        let found = world.cloud.conversation(&talk).unwrap();
        assert_eq!(found.suggested(), Some("12345678.5500112233"));
        assert_eq!(found.skill, HUMAN_SKILL);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_bot_may_say_that_the_consumer_asked_for_it() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        world.bot.answers(&event, &[json!({ "type": "transfer", "requestedBy": "consumer" })]);
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert_eq!(action_reason(&world.transfers()[0].metadata), "escalated_by_user");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_waits_for_the_acknowledgement_of_the_last_text() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        let request = Some("PublishEvent".to_owned());
        world
            .cloud
            .inject(Fault::Answer { request, code: 429, body: None, handled: false }.times(2));
        world.bot.answers(&event, &[text("One moment."), json!({ "type": "transfer" })]);
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert_eq!(world.said(&talk)[0].text(), Some("One moment."));
        assert!(world.said(&talk)[0].time <= world.transfers()[0].time);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_failed_transfer_is_told_to_the_bot_up_to_max_escalation_retries_then_the_fallback_skill()
 {
    story(async {
        let world = World::online("[custom]\nmaxEscalationRetries = 2").await;
        let (talk, event) = asked(&world).await;
        let transfer = json!({ "type": "transfer", "skillId": "999" });
        world.cloud.inject(
            Fault::Answer {
                request: Some("UpdateConversationField".into()),
                code: 500,
                body: None,
                handled: false,
            }
            .times(3),
        );
        world.bot.answers(&event, std::slice::from_ref(&transfer));
        for n in 1..=2 {
            let failed = world.bot.hears("_agent_escalation_failed_").await;
            assert_eq!(failed["message"]["origin"], "escalationFailed");
            assert!(failed["id"].as_str().unwrap().ends_with(&format!("escalationFailed{n}")));
            world.bot.answers(&failed, std::slice::from_ref(&transfer));
        }
        world.is_queued(&talk, HUMAN_SKILL).await;
        assert!(world.bot.unheard().is_empty());
        assert_eq!(
            action_reason(&world.transfers().last().unwrap().metadata),
            "escalated_by_error"
        );
        assert_eq!(world.count("fallback_escalations_total", "escalation_failures"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_consumer_message_resets_the_count_of_failed_transfers() {
    story(async {
        let world = World::online("[custom]\nmaxEscalationRetries = 1").await;
        let (talk, event) = asked(&world).await;
        let transfer = json!({ "type": "transfer", "skill": "nobody" });
        world.bot.answers(&event, std::slice::from_ref(&transfer));
        let failed = world.bot.hears("_agent_escalation_failed_").await;
        world.bot.answers(&failed, &[text("Sorry.")]);
        world.settles().await;
        world.cloud.consumer(&talk).says("try again").unwrap();
        let again = world.bot.hears("try again").await;
        world.bot.answers(&again, std::slice::from_ref(&transfer));
        world.bot.hears("_agent_escalation_failed_").await;
        assert!(world.transfers().is_empty(), "an unknown name is never tried");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_name_and_an_id_that_is_no_number_fail_at_once_in_the_words_of_the_file() {
    for action in [
        json!({ "type": "transfer", "skill": "nobody" }),
        json!({ "type": "transfer", "skillId": "human" }),
    ] {
        story(async {
            let world =
                World::online("[bot]\nescalation_failed_text = \"__agent_escalation_failed__\"")
                    .await;
            let (_, event) = asked(&world).await;
            world.bot.answers(&event, std::slice::from_ref(&action));
            world.bot.hears("__agent_escalation_failed__").await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_is_never_answered_but_was_carried_out_is_not_told_as_failed() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        let request = Some("UpdateConversationField".to_owned());
        world.cloud.inject(Fault::Ignore { request, handled: true }.times(1));
        world.bot.answers(&event, &[json!({ "type": "transfer" })]);
        world.bot.next("conversationTransferred").await;
        after(60.0).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
        assert_eq!(world.cloud.queue(HUMAN_SKILL), [talk]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_that_is_never_answered_and_did_not_happen_is_told_as_failed() {
    story(async {
        let world = World::online("").await;
        let (_, event) = asked(&world).await;
        let request = Some("UpdateConversationField".to_owned());
        world.cloud.inject(Fault::Ignore { request, handled: false }.times(1));
        world.bot.answers(&event, &[json!({ "type": "transfer" })]);
        world.bot.hears("_agent_escalation_failed_").await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fallback_escalation_says_why_and_since_when_to_agents_only() {
    story(async {
        let world = World::online("").await;
        let (talk, _) = asked(&world).await;
        let asked_at = world.cloud.transcript(&talk)[0].time;
        world.is_queued(&talk, HUMAN_SKILL).await;
        let request = &world.transfers()[0];
        let waited = request.time - asked_at;
        assert!((180_000..182_000).contains(&waited), "{waited} ms");
        assert_eq!(action_reason(&request.metadata), "escalated_by_error");
        let said = world.said(&talk);
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].audience.word(), "AGENTS_AND_MANAGERS");
        let note = said[0].text().unwrap();
        assert!(note.contains("does not answer") && note.contains("180 s"), "{note}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_unanswered_batch_counts_and_seen_does_not_stop_it() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        world.bot.has_seen(&event);
        let asked_at = world.cloud.transcript(&talk)[0].time;
        after(100.0).await;
        world.cloud.consumer(&talk).says("and?").unwrap();
        let second = world.bot.hears("and?").await;
        world.bot.has_seen(&second);
        world.is_queued(&talk, HUMAN_SKILL).await;
        let waited = world.transfers()[0].time - asked_at;
        assert!((180_000..182_000).contains(&waited), "{waited} ms");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn any_answer_stops_the_fallback() {
    story(async {
        let world = World::online("").await;
        let (_, event) = asked(&world).await;
        after(170.0).await;
        world.bot.answers(&event, &[]);
        after(3_600.0).await;
        assert!(world.transfers().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_fallback_of_zero_never_fires() {
    story(async {
        let world = World::online("[custom]\nfallbackEscalationTime = 0").await;
        asked(&world).await;
        after(86_400.0).await;
        assert!(world.transfers().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_skill_it_is_counted_once_per_batch_and_the_conversation_stays() {
    story(async {
        let world = World::online("[connector]\nfallback_skill_id = \"\"").await;
        let (talk, event) = asked(&world).await;
        after(3_600.0).await;
        assert!(world.transfers().is_empty());
        assert_eq!(world.count("incidents_total", "fallback_without_skill"), 1.0);
        assert_eq!(world.status().await.conversations.open, 1);
        world.bot.answers(&event, &[text("sorry, I was away")]);
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "sorry, I was away")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_fallback_transfer_is_tried_again_after_5_10_and_15_seconds_then_every_period() {
    story(async {
        let world = World::online("").await;
        let (talk, _) = asked(&world).await;
        let request = Some("UpdateConversationField".to_owned());
        let fault = Fault::Answer { request, code: 500, body: None, handled: false };
        world.cloud.inject(fault.times(5));
        world.is_queued(&talk, HUMAN_SKILL).await;
        let times: Vec<u64> = world.transfers().iter().map(|one| one.time).collect();
        let pauses: Vec<u64> = times.windows(2).map(|two| (two[1] - two[0]) / 1000).collect();
        assert_eq!(pauses, [5, 10, 15, 180, 180]);
        let heard: Vec<String> = world.bot.unheard();
        assert!(!heard.contains(&"_agent_escalation_failed_".to_owned()), "{heard:?}");
        assert_eq!(world.said(&talk).len(), 1, "the note is written once");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_fallback_is_dropped_and_counted() {
    story(async {
        let world = World::online("").await;
        let (talk, event) = asked(&world).await;
        world.is_queued(&talk, HUMAN_SKILL).await;
        world.settles().await;
        world.bot.answers(&event, &[text("too late")]);
        world.settles().await;
        assert!(world.said(&talk).iter().all(|one| one.text() != Some("too late")));
        let dropped: f64 = ["given_up", "not_assigned", "unknown"]
            .iter()
            .map(|reason| world.count("answers_dropped_total", reason))
            .sum();
        assert_eq!(dropped, 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_transfer_to_the_skill_that_this_very_agent_serves_is_pointed_out() {
    story(async {
        let world =
            World::online(&format!("[connector]\nfallback_skill_id = \"{BOT_SKILL}\"")).await;
        let (_, event) = asked(&world).await;
        world.bot.answers(&event, &[json!({ "type": "transfer" })]);
        world.settles().await;
        assert!(world.count("incidents_total", "self_transfer") >= 1.0);
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 2, "it rang {AGENT} again");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_stuck_fields_ask_again_first_and_hand_over_when_it_is_stuck_again() {
    story(async {
        let world = World::online(&format!(
            "[custom]\nuserRetryOnStuckConversation = true\nescalateOnStuckConversation = true\n\
             escalationSkillIdOnStuckConversation = \"{HUMAN_SKILL}\"\n\
             userNotificationMessageOnStuckConversation = \"Once more, please.\"\n\
             escalationMessageOnStuckConversation = \"I'll get somebody.\""
        ))
        .await;
        let (talk, _) = asked(&world).await;
        world
            .reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "Once more, please.")])
            .await;
        world.cloud.consumer(&talk).says("hello again").unwrap();
        world.is_queued(&talk, HUMAN_SKILL).await;
        let lines = world.cloud.lines(&talk);
        assert_eq!(lines.last().unwrap().1, "I'll get somebody.");
        assert_eq!(action_reason(&world.transfers()[0].metadata), "escalated_by_error");
    })
    .await;
}

/// A conversation whose "hello" the bot has just been asked.
async fn asked(world: &World) -> (String, Value) {
    let talk = world.consumer_starts("hello");
    let event = world.bot.hears("hello").await;
    (talk, event)
}

fn action_reason(metadata: &Value) -> String {
    let items = metadata.as_array().expect("an array");
    let reason = items.iter().find(|one| one["type"] == "ActionReason").expect("a reason");
    reason["reason"].as_str().unwrap().to_owned()
}
