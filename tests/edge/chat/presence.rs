//! The agent's state: what the cloud has changed without a word is noticed, set back, counted, and said if it is too often.

use crate::{
    simulator::{CallName, ChatAvailability, Options, Trouble},
    support::{AGENT, World, after, story},
};

#[tokio::test(start_paused = true)]
async fn a_ring_that_was_not_taken_puts_the_agent_away_for_fifteen_seconds_at_most() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        // Nothing rings, as far as the connector can see.
        world.inject_chat(CallName::Ring, Trouble::ErrorIn200, 11);
        let chat = world.visitor_starts();
        while world.forced_away() == 0 {
            after(0.1).await;
        }
        let start = world.cloud.clock().now();
        while !world.takes_rings() {
            after(0.1).await;
        }
        let took = world.cloud.clock().now() - start;
        assert!(took <= 15_200, "{took} ms");
        world.is_answered(&chat).await;
        assert_eq!(world.count("agent_state_repairs_total", "edge"), 1.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn three_times_in_five_minutes_is_said_in_the_status() {
    story(async {
        let world = World::chatting().await;
        for times in 1..=3 {
            assert_eq!(told(&world).await, None, "after {} times", times - 1);
            is_put_away(&world).await;
            assert_eq!(world.count("agent_state_repairs_total", "edge"), f64::from(times));
        }
        let told = told(&world).await.unwrap();
        assert!(told.contains("has set the agent Away 3 times in five minutes"), "{told}");
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn now_and_then_is_no_trouble() {
    story(async {
        let world = World::chatting().await;
        for _ in 0..6 {
            is_put_away(&world).await;
            after(160.0).await;
        }
        assert_eq!(told(&world).await, None);
        assert_eq!(world.count("agent_state_repairs_total", "edge"), 6.0);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_state_that_the_cloud_does_not_take_is_asked_for_until_it_does() {
    for trouble in [
        Trouble::Status(500),
        Trouble::Status(400),
        Trouble::DropBefore,
        Trouble::Silence,
        Trouble::ErrorIn200,
        Trouble::TooMany(3),
    ] {
        story(async {
            let world = World::chatting().await;
            world.inject_chat(CallName::SetAvailability, trouble, 3);
            world.cloud.agent(AGENT).is_set_in_chat(ChatAvailability::Away).unwrap();
            for _ in 0..120 {
                after(1.0).await;
                if world.takes_rings() {
                    break;
                }
            }
            assert!(world.takes_rings(), "{trouble:?}");
            after(20.0).await;
            world.is_online().await;
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_connector_is_away_by_itself_and_is_not_set_back() {
    story(async {
        let settings = "[connector]\nmax_conversations = 2\n";
        let world = World::chatting_with(Options::fixed(), settings).await;
        world.bot_answers();
        let chats = [world.visitor_starts(), world.visitor_starts()];
        world.are_answered(&chats).await;
        assert_eq!(world.cloud.chat_availability(AGENT), Some(ChatAvailability::Away));
        let third = world.visitor_starts();
        after(120.0).await;
        assert!(world.shown(&third).is_empty());
        world.cloud.visitor(&chats[0]).ends().unwrap();
        world.is_answered(&third).await;
        assert_eq!(world.forced_away(), 0);
        assert_eq!(world.count("agent_state_repairs_total", "edge"), 0.0);
        world.broke_no_rule();
    })
    .await;
}

/// Somebody puts the agent away, and the connector sets it back.
async fn is_put_away(world: &World) {
    world.cloud.agent(AGENT).is_set_in_chat(ChatAvailability::Away).unwrap();
    while !world.takes_rings() {
        after(0.5).await;
    }
    world.is_online().await;
}

/// The last error of the way to the cloud.
async fn told(world: &World) -> Option<String> {
    world.status().await.conversational_cloud.last_error.map(|error| error.message)
}
