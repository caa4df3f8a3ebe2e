//! A flood that lasts: what goes on meanwhile.

use crate::support::{Answer, BY_WEBHOOK, World, after, story};

/// One question at a time, each answered after twenty seconds: three a minute.
const NARROW: &str = "max_in_flight = 1\n";
const PATIENT: &str = "[connector]\nfallback_skill_id = \"\"\n\
                       [custom]\nfallbackEscalationTime = 0\nmaxConsumerMessageDelay = 6000\n";

#[tokio::test(start_paused = true)]
async fn receipts_keep_alives_and_the_status_go_on_for_ten_minutes_of_too_much() {
    story(async {
        let world = World::online(&format!("{BY_WEBHOOK}{NARROW}{PATIENT}")).await;
        world.webhook.always(Answer::EchoAfter(20.0));
        let talks: Vec<String> =
            (0..40).map(|n| world.consumer_starts(&format!("hello {n}"))).collect();
        after(10.0).await;
        let clocks = world.cloud.requests("GetClock").len();
        let mut said = 40;
        for round in 0..60 {
            for talk in &talks {
                world.cloud.consumer(talk).says(&format!("more {round}")).unwrap();
                said += 1;
            }
            after(10.0).await;
            assert_eq!(world.status().await.conversations.open, 40);
        }
        let receipts: usize = talks.iter().map(|talk| world.receipts(talk).len()).sum();
        assert_eq!(receipts, said, "one receipt for each message, while the bot lags behind");
        let times: Vec<u64> =
            world.cloud.requests("GetClock")[clocks..].iter().map(|one| one.time).collect();
        assert!(times.windows(2).all(|two| two[1] - two[0] <= 30_500), "{times:?}");
        assert!(times.len() >= 19, "{} keep-alives in ten minutes", times.len());
        assert_eq!(world.status().await.conversational_cloud.reconnects, 0);
    })
    .await;
}
