//! How much chat asks of the cloud: `cargo test --test edge chat::pace -- --nocapture` prints the table that
//! docs/operations.md shows. Time is virtual, so the counts are exact and the same on every machine.

use std::collections::BTreeMap;

use crate::{
    simulator::CallName,
    support::{AGENT, World, after, story},
};

#[tokio::test(start_paused = true)]
async fn requests_per_second_grow_with_chats_up_to_ten_and_hardly_after_that() {
    story(async {
        let mut several = BTreeMap::new();
        let mut alone = BTreeMap::new();
        for chats in [0, 1, 5, 10, 11, 50, 51, 120] {
            several.insert(chats, requests_per_second(chats, "").await);
        }
        for chats in [1, 10, 50] {
            let rate = requests_per_second(chats, "[chat]\nmulti_chat_poll_threshold = 0\n").await;
            alone.insert(chats, format!("{rate:.2}"));
        }
        let mut table = String::from(
            "| chats | requests a second | the same with `multi_chat_poll_threshold = 0` |\n|--:|--:|--:|\n",
        );
        for (chats, rate) in &several {
            let alone = alone.get(chats).map_or("", String::as_str);
            table.push_str(&format!("| {chats} | {rate:.2} | {alone} |\n"));
        }
        #[expect(clippy::print_stdout, reason = "the table is what people run this for")]
        {
            println!("{table}");
        }
        // Asking for rings, and now and then for the agent's state.
        let idle = several[&0];
        assert!(idle < 0.6, "{table}");
        for (chats, rate) in several {
            let requests = if chats <= 10 { chats } else { usize::div_ceil(chats, 50) };
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let most = 0.5 * requests as f64;
            assert!(rate <= idle + most + 0.05, "{table}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn fifty_chats_are_asked_for_at_fifty_different_moments() {
    story(async {
        let world = with_chats(50, "[chat]\nmulti_chat_poll_threshold = 0\n").await;
        let calls = || world.cloud.chat_count(CallName::Events);
        let (mut seen, mut busiest) = (calls(), 0);
        // A period of 2 s in slices of 100 ms: 2.5 chats each, if they are spread evenly.
        for _ in 0..20 {
            after(0.1).await;
            busiest = busiest.max(calls() - seen);
            seen = calls();
        }
        assert!(busiest <= 10, "{busiest} of 50 chats were asked for within 100 ms");
        world.broke_no_rule();
    })
    .await;
}

/// How it is while nobody says anything.
async fn requests_per_second(chats: usize, settings: &str) -> f64 {
    const SECONDS: u32 = 30;
    let world = with_chats(chats, settings).await;
    let counted = || {
        let calls = ["rings", "events", "several", "state", "chats"];
        calls.into_iter().map(|call| world.count("chat_polls_total", call)).sum::<f64>()
    };
    let (calls, polls) = (world.cloud.all_chat_calls(), counted());
    after(f64::from(SECONDS)).await;
    let requests = world.cloud.all_chat_calls() - calls;
    assert_eq!(counted() - polls, f64::from(u32::try_from(requests).unwrap()), "polls counted");
    world.broke_no_rule();
    f64::from(u32::try_from(requests).unwrap()) / f64::from(SECONDS)
}

async fn with_chats(chats: usize, settings: &str) -> World {
    let settings =
        format!("[connector]\nconversation_type = \"chat\"\nmax_conversations = 900\n{settings}");
    let world = World::online(&settings).await;
    world.cloud.agent(AGENT).has_capacity(900).unwrap();
    world.bot.answers_by(|said| format!("you said: {said}"));
    for _ in 0..chats {
        world.visitor_starts();
    }
    world.until("all accepted", |status| status.conversations.open == chats).await;
    after(10.0).await;
    world
}
