//! Rings: from the offer to the conversation, and when they are left to others.

use connectord::ops::status::CloudStatus;

use crate::{
    simulator::{AgentOptions, Availability, Fault, Options, RingState, Start},
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

/// Long enough to see whether something happens that must not.
const A_WHILE: f64 = 20.0;

#[tokio::test(start_paused = true)]
async fn a_ring_is_accepted_after_ring_accept_wait_and_not_before() {
    story(async {
        let world = World::online("[custom]\nringAcceptWait = 5000").await;
        world.settles().await;
        let talk = world.consumer_starts("hello");
        after(4.9).await;
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 0);
        world.is_assigned(&talk).await;
        let accepted = &world.cloud.requests("UpdateRingState")[0];
        let created = world.cloud.read(|cloud| cloud.past_rings[0].created);
        assert!((5_000..5_200).contains(&(accepted.time - created)), "{accepted:?}");
        assert_eq!(accepted.body["ringState"], "ACCEPTED");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn waits_of_several_rings_run_side_by_side() {
    story(async {
        let world = World::online("[custom]\nringAcceptWait = 5000").await;
        world.settles().await;
        let talks = ["one", "two", "three"].map(|text| world.consumer_starts(text));
        after(5.5).await;
        assert_eq!(world.status().await.conversations.open, 3);
        for talk in &talks {
            world.is_assigned(talk).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_has_gone_before_the_wait_is_over_is_not_accepted() {
    story(async {
        let world = World::online("[custom]\nringAcceptWait = 5000").await;
        world.settles().await;
        let talk = world.consumer_starts("hello");
        after(1.0).await;
        world.cloud.move_to_skill(&talk, HUMAN_SKILL).unwrap();
        after(A_WHILE).await;
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 0);
        assert_eq!(world.count("rings_total", "gone"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_ring_that_expires_before_the_wait_is_over_is_not_accepted() {
    story(async {
        let mut world = World::with(Options { ring_life: 3_000, ..Options::fixed() });
        world.start("[custom]\nringAcceptWait = 5000").await;
        world.is_online().await;
        world.settles().await;
        world.consumer_starts("hello");
        after(3.5).await;
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 0);
        assert_eq!(world.count("rings_total", "gone"), 1.0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_leads_nowhere_is_counted_and_the_next_ring_is_taken() {
    for (fault, why) in [
        (Fault::CancelAfterAccept {}, "cancelled right after the 202"),
        (Fault::AcceptLeadsNowhere {}, "nothing after the 202"),
    ] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("");
            world.settles().await;
            world.cloud.inject(fault.times(1));
            let talk = world.consumer_starts("hello");
            world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
            after(15.0).await;
            assert_eq!(world.count("rings_total", "accepted"), 1.0, "{why}");
            assert_eq!(
                world.count("rings_total", "nowhere") + world.count("rings_total", "gone"),
                1.0,
                "{why}"
            );
            assert_eq!(world.status().await.totals.accepted, 1, "{why}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_conversation_begins_with_the_assignment_and_not_with_the_202() {
    story(async {
        let world = World::online("").await;
        world.settles().await;
        world.cloud.inject(Fault::AcceptLeadsNowhere {});
        world.consumer_starts("hello");
        after(0.9).await;
        assert_eq!(world.cloud.requests("UpdateRingState")[0].answered, Some(202));
        assert_eq!(world.status().await.conversations.open, 0);
        assert!(world.bot.unheard().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_that_is_refused_or_never_answered_does_not_stop_the_next_one() {
    let request = || Some("UpdateRingState".to_owned());
    for fault in [
        Fault::Answer { request: request(), code: 400, body: None, handled: false },
        Fault::Answer { request: request(), code: 500, body: None, handled: false },
        Fault::Answer { request: request(), code: 429, body: None, handled: false },
        Fault::Ignore { request: request(), handled: true },
        Fault::Ignore { request: request(), handled: false },
    ] {
        story(async {
            let world = World::online("").await;
            world.bot.echoes("");
            world.settles().await;
            world.cloud.inject(fault.clone().times(1));
            let talk = world.consumer_starts("hello");
            world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
            let second = world.consumer_starts("hello too");
            world
                .reads(&second, &[("CONSUMER", "hello too"), ("ASSIGNED_AGENT", "hello too")])
                .await;
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn at_max_conversations_the_agent_goes_away_and_comes_back_a_tenth_below_it() {
    story(async {
        let world = World::online("[connector]\nmax_conversations = 20").await;
        let talks: Vec<String> =
            (0..20).map(|n| world.consumer_starts(&format!("hello {n}"))).collect();
        world.until("full", |status| status.conversations.open == 20).await;
        world
            .cloud_until("AWAY", |cloud| {
                cloud.agent(AGENT).unwrap().availability == Availability::Away
            })
            .await;
        world.until("away", |s| s.conversational_cloud.status == CloudStatus::Away).await;
        // The next one waits in the queue for another connector: nothing rings here.
        let next = world.consumer_starts("one too many");
        after(A_WHILE).await;
        assert_eq!(world.cloud.queue(BOT_SKILL), [next.as_str()]);
        assert!(world.cloud.read(|cloud| cloud.rings.is_empty()));
        world.cloud.close(&talks[0], "SYSTEM").unwrap();
        after(A_WHILE).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Away, "hysteresis");
        world.cloud.close(&talks[1], "SYSTEM").unwrap();
        world.is_assigned(&next).await;
        assert_eq!(world.cloud.availability(AGENT).unwrap(), Availability::Online);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rings_above_max_conversations_are_left_to_others() {
    story(async {
        let mut world = World::new();
        // All of them ring at once, before the first is accepted.
        let talks: Vec<String> =
            (0..5).map(|n| world.consumer_starts(&format!("hello {n}"))).collect();
        world.start("[connector]\nmax_conversations = 3").await;
        world.until("full", |status| status.conversations.open == 3).await;
        after(A_WHILE).await;
        assert_eq!(world.status().await.conversations.open, 3);
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 3);
        assert_eq!(world.cloud.queue(BOT_SKILL).len(), 2);
        // They ring into silence until they expire, and not again while the agent is away.
        after(80.0).await;
        assert_eq!(world.count("rings_total", "left"), 2.0);
        assert!(world.cloud.read(|cloud| cloud.rings.is_empty()));
        assert!(talks.iter().all(|talk| world.cloud.conversation(talk).unwrap().open));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_second_connector_of_the_same_bot_gets_what_this_one_has_no_room_for() {
    story(async {
        let mut world = World::new();
        world.start("[connector]\nmax_conversations = 1").await;
        world.is_online().await;
        world.settles().await;
        world.cloud.agent("hannah").is_set(Availability::Online).unwrap();
        let first = world.consumer_starts("one");
        world.is_assigned(&first).await;
        world.settles().await;
        let second = world.consumer_starts("two");
        world.settles().await;
        world.cloud.agent("support-bot-2").takes(&second).unwrap();
        world.settles().await;
        assert_eq!(world.status().await.conversations.open, 1);
        let unheard = world.bot.unheard();
        assert_eq!(unheard, ["one"]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn rings_that_wait_when_it_comes_up_are_taken() {
    story(async {
        let mut world = World::new();
        world.bot.echoes("");
        world.start("").await;
        world.is_online().await;
        world.settles().await;
        world.kill().await;
        // The state outlives the socket for a while, so it rings although nobody is there.
        let talk = world.consumer_starts("hello");
        after(10.0).await;
        assert!(
            world.cloud.read(|cloud| cloud.rings.values().any(|r| r.state == RingState::Waiting))
        );
        world.start("").await;
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_auto_accepted_ring_begins_the_conversation_all_the_same() {
    story(async {
        let mut world = World::with(Options { auto_accept: true, ..Options::fixed() });
        world.bot.echoes("");
        world.start("").await;
        world.is_online().await;
        let talk = world.consumer_starts("hello");
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 0);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_conversation_that_is_assigned_without_a_ring_is_served() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("");
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.cloud.agent(AGENT).is_assigned(&talk).unwrap();
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_offer_by_another_agent_is_taken_like_any_ring() {
    story(async {
        let world = World::online("").await;
        world.bot.echoes("");
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.cloud.agent("hannah").takes(&talk).unwrap();
        world.cloud.agent("hannah").offers(&talk, AGENT, None).unwrap();
        world.is_assigned(&talk).await;
        world.reads(&talk, &[("CONSUMER", "hello"), ("ASSIGNED_AGENT", "hello")]).await;
    })
    .await;
}

const MANAGER: &str = "[connector]\nrole = \"manager\"\n";

fn with_manager() -> World {
    let mut options = Options::fixed();
    let agents = &mut options.accounts[0].agents;
    agents.push(AgentOptions { manager: true, ..AgentOptions::bot("other", "Other", BOT_SKILL) });
    World::with(options)
}

#[tokio::test(start_paused = true)]
async fn a_manager_stays_away_takes_no_rings_and_joins_every_open_conversation() {
    story(async {
        let mut world = with_manager();
        world.bot.echoes("psst: ");
        let before = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.cloud.agent("hannah").takes(&before).unwrap();
        world.start(MANAGER).await;
        world.is_online().await;
        let later = world.consumer_starts("hello bot skill");
        after(A_WHILE).await;
        assert_eq!(world.states().iter().filter(|state| *state == "ONLINE").count(), 0);
        assert_eq!(world.cloud.requests("UpdateRingState").len(), 0);
        world.cloud.consumer(&before).says("are you there?").unwrap();
        world.settles().await;
        let lines = world.cloud.lines(&before);
        assert!(lines.contains(&("MANAGER", "psst: are you there?".to_owned())), "{lines:?}");
        let roles: Vec<&str> = world.cloud.read(|cloud| {
            cloud.conversations[&later].main().participants.iter().map(|p| p.role.word()).collect()
        });
        assert_eq!(roles, ["CONSUMER", "MANAGER"]);
        assert!(world.receipts(&before).is_empty() && world.receipts(&later).is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_manager_whose_joining_fails_tries_again() {
    story(async {
        let mut world = with_manager();
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.cloud.agent("hannah").takes(&talk).unwrap();
        world.cloud.inject(
            Fault::Answer {
                request: Some("UpdateConversationField".into()),
                code: 500,
                body: None,
                handled: false,
            }
            .times(2),
        );
        world.start(MANAGER).await;
        let joined = |cloud: &crate::simulator::World| {
            let talk = cloud.conversations[&talk].main();
            talk.participants.iter().any(|one| one.role.word() == "MANAGER")
        };
        world.cloud_until("the manager to be in", joined).await;
        after(120.0).await;
        assert_eq!(world.cloud.requests("UpdateConversationField").len(), 3);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_manager_with_filter_patterns_hears_only_what_matches_and_ignores_late_and_stuck_rules() {
    story(async {
        let mut world = with_manager();
        let settings = "[custom]\nfilterPatterns = \"refund, ^help$\"\nmaxConsumerMessageDelay = 1\n\
                        fallbackEscalationTime = 10000\nuserRetryOnStuckConversation = true";
        world.start(&format!("{MANAGER}{settings}")).await;
        world.is_online().await;
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.cloud.agent("hannah").takes(&talk).unwrap();
        world.settles().await;
        world.cloud.consumer(&talk).says("where is my refund?").unwrap();
        let event = world.bot.hears("where is my refund?").await;
        world.bot.answers(&event, &[text("it is on its way")]);
        world.cloud.consumer(&talk).says("helpless").unwrap();
        after(3_600.0).await;
        world.cloud.consumer(&talk).says("help").unwrap();
        world.bot.hears("help").await;
        // Silence of the bot is not the manager's to act on.
        after(3_600.0).await;
        assert!(world.transfers().iter().all(|one| !one.body.to_string().contains("Skill")));
        let lines = world.cloud.lines(&talk);
        assert_eq!(lines.iter().filter(|(role, _)| *role == "MANAGER").count(), 1, "{lines:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_manager_publishes_receipts_only_if_ignore_accept_status_event_is_off() {
    story(async {
        let mut world = with_manager();
        world.start(&format!("{MANAGER}[custom]\nignoreAcceptStatusEvent = false")).await;
        world.is_online().await;
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL)).unwrap();
        world.settles().await;
        world.cloud.consumer(&talk).says("hello").unwrap();
        world.settles().await;
        assert_eq!(world.receipts(&talk), [0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_ignores_messaging_events_tells_the_bot_nothing() {
    story(async {
        let mut world = with_manager();
        world.start(&format!("{MANAGER}[custom]\nignoreSubscribeMessagingEvents = true")).await;
        world.is_online().await;
        let talk = world.cloud.start(Start::in_skill(HUMAN_SKILL).saying("hello")).unwrap();
        world.settles().await;
        world.cloud.consumer(&talk).says("hello?").unwrap();
        after(A_WHILE).await;
        assert!(world.bot.unheard().is_empty(), "{:?}", world.bot.unheard());
    })
    .await;
}
