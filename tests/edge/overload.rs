//! More than the bot can take, and more than a person can type: nobody else suffers, and nothing is lost.

use serde_json::Value;

use crate::{
    simulator::{Audience, Availability},
    support::{AGENT, Answer, BY_WEBHOOK, World, after, story},
};

/// Ten times what waits in memory.
const FLOOD: usize = 10_000;
/// More than what a reading of a history keeps of its newest part.
const FLOOD_OVER_RESTARTS: usize = 4_000;

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_consumer_is_answered_whole_and_delays_nobody_else() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("");
        let flooder = world.consumer_starts("begin");
        let others: Vec<String> = (0..5).map(|_| world.consumer_starts("begin")).collect();
        world.settles().await;
        floods(&world, &flooder, FLOOD).await;
        let before = world.cloud.clock().now();
        for other in &others {
            world.cloud.consumer(other).says("and me?").unwrap();
        }
        for other in &others {
            let lines = [
                ("CONSUMER", "begin"),
                ("ASSIGNED_AGENT", "begin"),
                ("CONSUMER", "and me?"),
                ("ASSIGNED_AGENT", "and me?"),
            ];
            world.reads(other, &lines).await;
        }
        let waited = world.cloud.clock().now() - before;
        // A message waits for its window, whatever else goes on.
        assert!(waited < 1_000, "the others waited {waited} ms");
        after(120.0).await;
        is_answered_whole(&world, &flooder, FLOOD);
        assert_eq!(world.receipts(&flooder).len(), FLOOD + 1, "each is marked as read once");
        assert_eq!(world.count("protocol_errors_total", "queue_full"), 0.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_is_answered_whole_over_restarts_in_the_middle_of_it() {
    story(async {
        let mut world = World::online("").await;
        world.webhook.always(Answer::EchoAfter(0.5));
        world.kill().await;
        world.start(BY_WEBHOOK).await;
        let flooder = world.consumer_starts("begin");
        world.settles().await;
        floods(&world, &flooder, FLOOD_OVER_RESTARTS).await;
        for _ in 0..4 {
            after(3.0).await;
            world.kill().await;
            world.start(BY_WEBHOOK).await;
        }
        after(120.0).await;
        is_answered_whole(&world, &flooder, FLOOD_OVER_RESTARTS);
    })
    .await;
}

/// As fast as the network brings it: the service hangs up on a client that does not read.
async fn floods(world: &World, flooder: &str, count: usize) {
    for n in 0..count {
        world.cloud.consumer(flooder).says(&n.to_string()).unwrap();
        if n % 100 == 99 {
            after(0.001).await;
        }
    }
}

/// Every word was said back once, in order.
fn is_answered_whole(world: &World, flooder: &str, count: usize) {
    let said = world.said(flooder);
    let answered: Vec<&str> = said
        .iter()
        .flat_map(|one| one.text().unwrap().split(' '))
        .filter(|w| *w != "begin")
        .collect();
    let wanted: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    let first_wrong = answered.iter().zip(&wanted).find(|(have, want)| have != want);
    assert_eq!(first_wrong, None, "out of {}", answered.len());
    assert_eq!(answered.len(), wanted.len());
}

/// Two at once, three seconds each: forty a minute, and a hundred and eighty are said.
const SLOW_BOT: &str = "max_in_flight = 2\n[custom]\nfallbackEscalationTime = 60000\n";

#[tokio::test(start_paused = true)]
async fn a_bot_that_cannot_keep_up_is_asked_the_oldest_first_and_people_take_over_on_time() {
    story(async {
        let world = World::online(&format!("{BY_WEBHOOK}{SLOW_BOT}")).await;
        world.webhook.always(Answer::EchoAfter(3.0));
        let begin = world.cloud.clock().now();
        let mut talks = Vec::new();
        for second in 0..180_usize {
            if second % 2 == 0 && talks.len() < 45 {
                talks.push(world.consumer_starts(&format!("first of {second}")));
            }
            for talk in talks.iter().skip(second % 15).step_by(15) {
                // Who has been given to people, goes on talking to them.
                let _ = world.cloud.consumer(talk).says(&format!("at {second}"));
            }
            after(1.0).await;
            let status = world.status().await;
            assert!(status.conversations.waiting_for_bot <= status.conversations.open);
        }
        let overloaded_until = world.cloud.clock().now();
        after(300.0).await;

        let firsts: Vec<String> = world
            .webhook
            .messages()
            .iter()
            .map(|event| event["message"]["text"].as_str().unwrap().to_owned())
            .filter_map(|text| Some(text.strip_prefix("first of ")?.split(' ').next()?.to_owned()))
            .collect();
        let numbers: Vec<usize> = firsts.iter().map(|number| number.parse().unwrap()).collect();
        assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");

        let escalated = world.transfers();
        assert!(escalated.len() > 5, "only {} were given to people", escalated.len());
        for transfer in &escalated {
            let talk = transfer.body["conversationId"].as_str().unwrap();
            // Within the window of one batch.
            let waited = transfer.time - oldest_unanswered(&world, talk, transfer.time);
            assert!((59_700..62_000).contains(&waited), "{talk} waited {waited} ms");
        }
        for talk in &talks {
            let lines = world.cloud.lines(talk);
            let given = escalated.iter().any(|one| one.body["conversationId"] == talk.as_str());
            let answered = lines.last().is_some_and(|(who, _)| *who == "ASSIGNED_AGENT");
            assert!(given || answered, "{lines:?}");
        }

        // Meanwhile the connection was kept alive and the consumers saw that they were read.
        let clocks: Vec<_> = world.cloud.requests("GetClock").iter().map(|one| one.time).collect();
        let during = clocks.windows(2).filter(|two| two[0] >= begin && two[1] <= overloaded_until);
        assert!(during.map(|two| two[1] - two[0]).max().unwrap() <= 31_000, "{clocks:?}");
        for receipt in world.cloud.requests("PublishEvent") {
            let Some(sequences) = receipt.body["event"]["sequenceList"].as_array() else {
                continue;
            };
            let dialog = receipt.body["dialogId"].as_str().unwrap();
            for event in world.cloud.transcript(dialog) {
                if sequences.contains(&Value::from(event.sequence)) && event.time > begin {
                    let late = receipt.time - event.time;
                    assert!(late < 2_000, "read after {late} ms");
                }
            }
        }
        assert_eq!(world.count("protocol_errors_total", "queue_full"), 0.0);
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

/// When the first batch was ready for which there was no answer by `time`: its window was over, and so was the turn
/// before it.
fn oldest_unanswered(world: &World, talk: &str, time: u64) -> u64 {
    let (mut waiting, mut answered) = (Vec::new(), 0);
    for event in world.cloud.transcript(talk) {
        // A note for the people who take over is no answer.
        if !event.is_content() || event.time > time || event.audience != Audience::All {
            continue;
        }
        if event.role.word() == "CONSUMER" {
            waiting.push(event.time);
        } else if event.role.word() == "ASSIGNED_AGENT" {
            let words = event.text().unwrap().matches(" at ").count() + 1;
            waiting.drain(..words.min(waiting.len()));
            answered = event.time;
        }
    }
    waiting.first().map_or(time, |said| answered.max(said + 300))
}
