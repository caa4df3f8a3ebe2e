//! The life-cycle on hand-moved time: a world in which the test is the server, the network and the clock.

use std::collections::VecDeque;

use proptest::prelude::*;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::{
    cloud::{Availability, Credentials, Ring, messaging::identity::Identity},
    conversation::{
        Call, CallId, ConversationId, DialogId, RingId,
        effect::{Body, TransferReason},
        event::{Audience, Departure, Outcome},
    },
    secret::Secret,
};

const ME: &str = "12345678.4102938475";

// --- coming up ---

#[test]
fn the_way_up_is_hosts_log_in_socket_subscriptions() {
    let mut world = World::new();
    world.step(Input::Start);
    assert_eq!(world.deeds(), ["find hosts"]);
    world.step(Input::Hosts(Ok(())));
    assert_eq!(world.deeds(), ["log in"]);
    world.step(Input::LoggedIn(Ok(account())));
    assert_eq!(world.deeds(), ["connect"]);
    world.step(Input::Connected(Ok(())));
    assert_eq!(
        world.sent_methods(),
        [
            "SetAgentState",
            "GetClock",
            "SubscribeExConversations",
            "SubscribeRoutingTasks",
            "SubscribeAgentsState"
        ]
    );
    assert_eq!(
        world.phases,
        [LinkPhase::Domains, LinkPhase::LoggingIn, LinkPhase::Connecting, LinkPhase::Subscribing]
    );
    assert_eq!(
        world.take_events(),
        [Event::LoggedIn(LoginResult::Ok)],
        "not up before the subscriptions are answered"
    );
    world.answer_all();
    assert_eq!(world.take_events(), [Event::Up { agent: "4102938475".into() }]);
    assert_eq!(world.phases.last(), Some(&LinkPhase::Up));
}

#[test]
fn the_agent_is_away_until_told_otherwise() {
    let mut world = World::subscribing();
    let state = world.find("SetAgentState");
    assert_eq!(
        state["body"],
        json!({"availability": "AWAY", "channels": ["MESSAGING"], "agentUserId": ME})
    );
    world.answer_all();
    world.command(Command::Availability(Availability::Online));
    assert_eq!(world.find("SetAgentState")["body"]["availability"], "ONLINE");
    // A lost socket may have lost the state; the next one begins AWAY, whatever was commanded before.
    world.close(Some(1001));
    world.reconnect();
    assert_eq!(world.find("SetAgentState")["body"]["availability"], "AWAY");
}

#[test]
fn a_state_commanded_without_connection_is_not_remembered() {
    let mut world = World::new();
    world.step(Input::Start);
    world.command(Command::Availability(Availability::Online));
    world.reach_socket();
    assert!(
        !world.sent_methods().contains(&"SetAgentState".to_owned()) || {
            world.sent.iter().all(|frame| frame["body"]["availability"] != "ONLINE")
        }
    );
}

#[test]
fn subscriptions_name_the_agent_by_its_old_id() {
    let world = World::subscribing();
    assert_eq!(
        world.find("SubscribeExConversations")["body"],
        json!({"convState": ["OPEN"], "agentIds": [ME]})
    );
    assert_eq!(
        world.find("SubscribeRoutingTasks")["body"],
        json!({"channelType": "MESSAGING", "agentId": ME, "brandId": "12345678"})
    );
    assert_eq!(
        world.find("SubscribeAgentsState")["body"],
        json!({"brandId": "12345678", "agentId": ME})
    );
}

#[test]
fn a_manager_sees_all_conversations_and_takes_no_rings() {
    let mut world = World::with(Settings { manager: true, ..settings() });
    world.step(Input::Start);
    world.reach_socket();
    assert_eq!(world.find("SubscribeExConversations")["body"], json!({"convState": ["OPEN"]}));
    assert!(!world.sent_methods().contains(&"SubscribeRoutingTasks".into()));
    world.answer_all();
    assert!(world.is_up());
}

#[test]
fn what_is_told_before_the_subscriptions_are_answered_follows_up() {
    let mut world = World::subscribing();
    world.take_events();
    world.frame(&conversation("conv-1", 1));
    assert_eq!(world.take_events(), []);
    world.answer_all();
    let events = world.take_events();
    assert!(matches!(events[..], [Event::Up { .. }, Event::Conversation { .. }, Event::Listed]));
}

#[test]
fn listed_waits_for_an_answer_behind_the_first_list() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.frame(&conversation("conv-1", 1));
    world.frame(&conversation("conv-2", 1));
    assert!(!world.take_events().contains(&Event::Listed));
    world.advance(secs(3));
    assert!(
        !world.take_events().contains(&Event::Listed),
        "the list has begun, so the grace for an empty one does not count"
    );
    world.answer("GetClock", 200, clock(0));
    assert_eq!(world.take_events(), [Event::Listed]);
}

#[test]
fn listed_follows_after_two_seconds_if_no_list_comes() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.advance(ms(1_999));
    assert_eq!(world.take_events(), []);
    world.advance(ms(1));
    assert_eq!(world.take_events(), [Event::Listed]);
    world.advance(secs(5));
    assert_eq!(world.take_events(), [], "and only once");
}

#[test]
fn an_unanswered_clock_behind_the_list_does_not_hold_up_listed_for_ever() {
    let mut world = World::subscribing();
    world.answer_all();
    world.frame(&snapshot(&[]));
    world.take_events();
    world.advance(secs(10));
    assert!(world.take_events().contains(&Event::Listed));
}

#[test]
fn a_refused_subscription_is_told_and_tried_again_slowly() {
    let mut world = World::subscribing();
    world.answer("SubscribeExConversations", 403, json!("Agent not allowed"));
    assert_eq!(world.deeds(), ["disconnect"]);
    assert!(world.error().contains("403: Agent not allowed"));
    assert_eq!(world.phases.last(), Some(&waiting("refused")));
    world.advance(secs(50));
    assert_eq!(world.deeds(), [""; 0]);
    world.advance(secs(20));
    assert_eq!(world.deeds(), ["connect"], "with the same token");
}

#[test]
fn an_unanswered_subscription_means_another_socket() {
    let mut world = World::subscribing();
    world.advance(secs(10));
    assert_eq!(world.deeds(), ["disconnect"]);
    assert_eq!(world.phases.last(), Some(&waiting("dead")));
}

#[test]
fn the_agents_own_state_is_worth_having_and_not_needed() {
    let mut world = World::subscribing();
    world.answer("SubscribeAgentsState", 403, json!("no"));
    world.answer_all();
    assert!(world.is_up());
}

// --- the golden transcript ---

#[test]
fn the_golden_transcript_is_played_to_its_end() {
    let mut world = World::subscribing();
    let mut answers: VecDeque<Value> =
        include_str!("../../../../tests/data/messaging/golden_transcript.jsonl")
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
    let mut theirs = Vec::new();
    // What the client did in the transcript, in our order and with our first state.
    world.answer("GetClock", 200, clock(0));
    world.answer("SubscribeAgentsState", 200, json!({"subscriptionId": "s"}));
    while let Some(line) = answers.pop_front() {
        let frame = &line["frame"];
        if line["dir"] == "C" {
            theirs.push((frame["type"].clone(), frame["body"].clone()));
            let call =
                |call| Command::Call { conversation: "conv-1".into(), id: Some(CallId(0)), call };
            match frame["id"].as_str().unwrap() {
                "4" => world.command(Command::AcceptRing("conv-1_12345678_1700000000000".into())),
                "5" => world.command(call(history(None))),
                "6" => world
                    .command(call(Call::Receipt { dialog: "conv-1".into(), sequences: vec![0] })),
                "7" => world.command(call(say("Hi, how can I help?"))),
                "8" => world.command(call(Call::Transfer {
                    skill: Some("9911223344".into()),
                    agent: None,
                    reason: TransferReason::User,
                    words: None,
                })),
                _ => {}
            }
        } else if frame["kind"] == "resp" {
            let (method, mut body) = theirs.last().unwrap().clone();
            let ours = world.find(method.as_str().unwrap().rsplit('.').next().unwrap());
            if body["availability"] == "ONLINE" {
                body["availability"] = "AWAY".into();
            }
            assert_eq!((&ours["type"], &ours["body"]), (&method, &body));
            let mut answer = frame.clone();
            answer["reqId"] = ours["id"].clone();
            world.forget(&ours);
            world.frame(&answer);
        } else {
            world.frame(frame);
        }
    }
    world.answer_all();
    let told: Vec<String> = world.take_events().iter().map(brief).collect();
    assert_eq!(
        told,
        [
            "logged in",
            "up",
            "ring conv-1",
            "ring accepted",
            "conversation conv-1",
            "called History 1",
            "called Done",
            "called Published 2",
            "message 2 Me",
            "message 3 Consumer",
            "called Done",
            "gone Moved",
            "listed",
        ]
    );
}

// --- requests ---

#[test]
fn a_request_without_answer_ends_at_its_deadline_and_a_late_answer_is_dropped() {
    let mut world = World::up();
    world.call(1, say("hello"));
    let frame = world.find("PublishEvent");
    world.advance(ms(9_999));
    assert_eq!(world.take_events(), []);
    world.advance(ms(1));
    assert_eq!(world.take_events(), [called(1, Err(CallError::NoAnswer { call: "publish" }))]);
    world.frame(&answer_to(&frame, 200, &json!({"sequence": 4})));
    assert_eq!(world.take_events(), []);
    assert!(world.is_up(), "one slow request is no reason to reconnect");
}

#[test]
fn when_the_socket_is_lost_pending_calls_may_have_happened_and_later_ones_did_not() {
    let mut world = World::up();
    world.call(1, say("hello"));
    world.command(Command::AcceptRing("ring".into()));
    world.close(None);
    assert_eq!(
        world.take_events(),
        [
            called(1, Err(CallError::NoAnswer { call: "publish" })),
            Event::RingAccepted {
                ring: "ring".into(),
                result: Err(CallError::NoAnswer { call: "accept ring" })
            },
            Event::Down,
        ]
    );
    world.call(2, say("hello"));
    world.command(Command::AcceptRing("ring".into()));
    assert_eq!(
        world.take_events(),
        [
            called(2, Err(CallError::NotSent)),
            Event::RingAccepted { ring: "ring".into(), result: Err(CallError::NotSent) }
        ]
    );
}

#[test]
fn refusals_are_sorted_from_failures() {
    let mut world = World::up();
    for (id, code) in [(1, 400), (2, 401), (3, 500), (4, 502)] {
        world.call(id, say("hello"));
        world.answer("PublishEvent", code, json!("Agent does not exist"));
        let message = "Agent does not exist".to_owned();
        let call = "publish";
        let error = if code < 500 {
            CallError::Refused { call, code, message }
        } else {
            CallError::Failed { call, code, message }
        };
        assert_eq!(world.take_events(), [called(id, Err(error))]);
    }
}

#[test]
fn a_throttled_request_is_sent_again_after_a_second_in_order_and_answered_once() {
    let mut world = World::up();
    world.call(1, say("one"));
    world.call(2, say("two"));
    let (one, two) = (world.find_nth("PublishEvent", 0), world.find_nth("PublishEvent", 1));
    world.forget(&one);
    world.forget(&two);
    world.frame(&answer_to(&one, 429, &json!("slow down")));
    world.call(3, say("three"));
    world.frame(&answer_to(&two, 429, &json!("slow down")));
    assert_eq!(world.take_events(), []);
    assert!(!world.sent_methods().contains(&"PublishEvent".into()));
    for (id, text) in [(1, "one"), (2, "two"), (3, "three")] {
        world.advance(ms(1_000));
        let frame = world.find("PublishEvent");
        assert_eq!(frame["body"]["event"]["message"], text);
        world.answer("PublishEvent", 200, json!({"sequence": id}));
        assert_eq!(
            world.take_events(),
            [called(id, Ok(Outcome::Published(i64::try_from(id).unwrap())))]
        );
    }
    world.call(4, say("four"));
    assert_eq!(
        world.find("PublishEvent")["body"]["event"]["message"],
        "four",
        "nothing waits any more"
    );
}

#[test]
fn a_throttled_request_that_a_lost_socket_catches_was_not_sent() {
    let mut world = World::up();
    world.call(1, say("one"));
    world.answer("PublishEvent", 429, json!("slow down"));
    world.close(None);
    assert_eq!(world.take_events(), [called(1, Err(CallError::NotSent)), Event::Down]);
}

#[test]
fn what_nobody_waits_for_is_sent_and_its_answer_told_to_nobody() {
    let mut world = World::up();
    world.command(Command::Call {
        conversation: "conv-1".into(),
        id: None,
        call: Call::Typing { dialog: "conv-1".into(), composing: true },
    });
    world.answer("PublishEvent", 200, json!({"sequence": 0}));
    world.command(Command::Call {
        conversation: "conv-1".into(),
        id: None,
        call: Call::Typing { dialog: "conv-1".into(), composing: false },
    });
    world.answer("PublishEvent", 500, json!("x"));
    assert_eq!(world.take_events(), []);
}

#[test]
fn a_history_that_comes_in_pieces_is_told_as_one() {
    let mut world = World::up();
    world.frame(&live_message("conv-1", 3));
    world.take_events();
    world.call(1, history(None));
    let first = world.find("QueryMessages");
    assert_eq!(first["body"]["newerThanSequence"], 0);
    world.answer("QueryMessages", 200, json!([event(0), event(1)]));
    assert_eq!(world.take_events(), []);
    assert_eq!(world.find("QueryMessages")["body"]["newerThanSequence"], 0);
    world.answer("QueryMessages", 200, json!([event(1), event(2), event(3)]));
    let [Event::Called { outcome: Ok(Outcome::History(history)), .. }] = &world.take_events()[..]
    else {
        panic!("a history");
    };
    let sequences: Vec<_> = history.messages.iter().map(|m| m.sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3]);
}

// --- signs of life ---

#[test]
fn the_server_is_asked_for_its_time_at_every_interval() {
    let mut world = World::up();
    let mut asked = 0;
    for _ in 0..10 {
        world.advance(secs(30));
        asked += world.answer_clocks();
    }
    assert!((9..=11).contains(&asked), "{asked}");
    assert!(world.is_up());
}

#[test]
fn any_frame_is_a_sign_of_life_and_silence_for_twice_the_interval_is_death() {
    let mut world = World::up();
    for _ in 0..10 {
        world.advance(secs(59));
        world.step(Input::Alive);
    }
    assert!(world.is_up());
    world.take_events();
    world.deeds();
    world.advance(secs(60));
    assert_eq!(world.take_events(), [Event::Down]);
    assert_eq!(world.phases.last(), Some(&waiting("dead")));
    world.advance(secs(6));
    assert_eq!(world.deeds(), ["disconnect", "connect"], "with the same token");
}

#[test]
fn after_a_pause_of_our_own_the_silence_is_not_the_servers() {
    let mut world = World::up();
    world.now += secs(61);
    world.session.resumed(world.now);
    world.step(Input::Elapsed);
    assert!(world.is_up());
}

#[test]
fn a_rings_expiry_is_corrected_by_half_the_round_trip() {
    let mut world = World::new();
    world.step(Input::Start);
    world.reach_socket();
    // The question took a second each way; the server is 10 s ahead.
    let asked = world.wall;
    world.advance(secs(2));
    world.answer("GetClock", 200, clock(asked + 1_000 + 10_000));
    world.answer_all();
    world.frame(&snapshot(&[]));
    world.take_events();
    let server_now = world.wall + 10_000;
    world.frame(&ring("r", "WAITING", server_now + 5_000));
    let [Event::Ring(Ring { expires, .. })] = &world.take_events()[..] else {
        panic!("a ring");
    };
    assert_eq!(*expires, Some(world.now + secs(5)));
}

#[test]
fn a_ring_of_the_first_list_is_told_like_any_other_and_goes_like_any_other() {
    let mut world = World::subscribing();
    world.frame(&ring("r", "WAITING", 1));
    world.answer_all();
    let events = world.take_events();
    assert!(events.iter().any(|event| matches!(event, Event::Ring(_))));
    world.frame(&ring("r", "CANCELLED", 1));
    assert_eq!(world.take_events(), [Event::RingGone(RingId::from("r"))]);
}

#[test]
fn an_accepted_ring_is_acknowledged_or_not() {
    let mut world = World::up();
    world.command(Command::AcceptRing("r".into()));
    assert_eq!(
        world.find("UpdateRingState")["body"],
        json!({"ringId": "r", "ringState": "ACCEPTED"})
    );
    world.answer("UpdateRingState", 202, json!("Ring state updated"));
    world.command(Command::AcceptRing("q".into()));
    world.answer("UpdateRingState", 400, json!("expired"));
    assert_eq!(
        world.take_events(),
        [
            Event::RingAccepted { ring: "r".into(), result: Ok(()) },
            Event::RingAccepted {
                ring: "q".into(),
                result: Err(CallError::Refused {
                    call: "accept ring",
                    code: 400,
                    message: "expired".into()
                })
            }
        ]
    );
}

// --- losing the socket ---

#[test]
fn close_codes_keep_the_token_or_renew_it() {
    for (code, renews) in [
        (Some(4401), true),
        (Some(4407), true),
        (Some(1011), true),
        (Some(1008), true),
        (None, false),
        (Some(1000), false),
        (Some(1001), false),
        (Some(1012), false),
        (Some(4429), false),
        (Some(4999), false),
    ] {
        let mut world = World::up();
        world.live(secs(70));
        world.close(code);
        world.advance(secs(7));
        let expected = if renews { "find hosts" } else { "connect" };
        assert_eq!(world.deeds(), [expected], "{code:?}");
        if renews {
            world.step(Input::Hosts(Ok(())));
            assert_eq!(world.deeds(), ["log in"], "{code:?}");
        }
    }
}

#[test]
fn a_rate_limiting_close_waits_five_seconds_at_least() {
    for seed in 0..20 {
        let mut world = World::up_with_seed(seed);
        world.close(Some(4429));
        world.advance(ms(4_999));
        assert_eq!(world.deeds(), [""; 0]);
        assert_eq!(world.phases.last(), Some(&waiting("throttled")));
    }
}

#[test]
fn a_handshake_refused_with_401_renews_the_token_and_a_502_does_not() {
    for (kind, expected) in [(TroubleKind::Refused, "find hosts"), (TroubleKind::Failed, "connect")]
    {
        let mut world = World::up();
        world.close(Some(1001));
        world.advance(secs(7));
        assert_eq!(world.deeds(), ["connect"]);
        world.step(Input::Connected(Err(trouble(kind))));
        world.advance(secs(10));
        assert_eq!(world.deeds(), [expected]);
    }
}

#[test]
fn after_three_sockets_that_cannot_be_opened_the_hosts_are_asked_for_again_with_the_same_token() {
    let mut world = World::up();
    world.close(Some(1001));
    for _ in 0..3 {
        world.advance(secs(20));
        assert_eq!(world.deeds(), ["connect"]);
        world.step(Input::Connected(Err(trouble(TroubleKind::Failed))));
    }
    world.advance(secs(20));
    assert_eq!(world.deeds(), ["find hosts"]);
    world.step(Input::Hosts(Ok(())));
    assert_eq!(world.deeds(), ["connect"]);
}

#[test]
fn the_second_quick_break_in_a_row_renews_the_token() {
    let mut world = World::up();
    world.live(secs(70));
    world.close(None);
    world.reconnect();
    world.live(secs(30));
    world.close(None);
    world.reconnect();
    world.live(secs(30));
    world.close(None);
    world.advance(secs(10));
    assert_eq!(world.deeds(), ["find hosts"]);
}

#[test]
fn breaks_that_are_not_in_a_row_keep_the_token() {
    let mut world = World::with(Settings { refresh_interval: secs(3_600), ..settings() });
    world.step(Input::Start);
    world.come_up();
    world.deeds();
    for lasting in [30, 70, 30, 70, 30] {
        world.live(secs(lasting));
        world.close(None);
        world.advance(secs(30));
        assert_eq!(world.deeds(), ["connect"]);
        world.step(Input::Connected(Ok(())));
        world.answer_all();
    }
}

#[test]
fn waits_grow_until_a_connection_has_lasted_a_minute() {
    let mut world = World::up();
    let mut waits = Vec::new();
    for _ in 0..4 {
        world.close(Some(1001));
        waits.push(world.wait_for_next_try());
        world.step(Input::Connected(Ok(())));
        world.answer_all();
    }
    for (n, wait) in waits.iter().enumerate() {
        let plain = 5.0 * 1.25_f64.powi(i32::try_from(n).unwrap());
        assert!((plain * 0.79..=plain * 1.21).contains(&wait.as_secs_f64()), "{waits:?}");
    }
    world.live(secs(61));
    world.close(Some(1001));
    assert!(world.wait_for_next_try() <= secs(6), "begins anew");
}

// --- logging in ---

#[test]
fn there_is_at_most_one_log_in_in_five_seconds() {
    for seed in 0..30 {
        let mut world = World::with_seed(settings(), seed);
        world.step(Input::Start);
        let mut logins: Vec<Instant> = Vec::new();
        for _ in 0..200 {
            for deed in world.deeds() {
                match deed.as_str() {
                    "find hosts" => world.step(Input::Hosts(Ok(()))),
                    "log in" => {
                        logins.push(world.session.last_login.unwrap());
                        // The session is taken away at once, and somebody hurries.
                        world.step(Input::LoggedIn(Ok(account())));
                    }
                    "connect" => {
                        world.step(Input::Connected(Err(trouble(TroubleKind::Refused))));
                        world.command(Command::Reload(Box::new(settings())));
                    }
                    _ => {}
                }
            }
            world.advance(ms(500));
        }
        assert!(logins.len() > 2, "{}", logins.len());
        for pair in logins.windows(2) {
            assert!(pair[1] - pair[0] >= secs(5), "{:?}", pair[1] - pair[0]);
        }
    }
}

#[test]
fn refused_credentials_are_tried_again_after_one_minute_growing_to_ten() {
    let mut world = World::new();
    world.step(Input::Start);
    for minutes in [1, 2, 4, 8, 10, 10] {
        world.step(Input::Hosts(Ok(())));
        assert_eq!(world.deeds().last().unwrap(), "log in");
        world.step(Input::LoggedIn(Err(trouble(TroubleKind::Refused))));
        assert_eq!(world.take_events(), [Event::LoggedIn(LoginResult::Refused)]);
        assert_eq!(world.error(), "it did not work");
        assert_eq!(world.phases.last(), Some(&waiting("refused")));
        let wait = world.wait_for_next_try().as_secs_f64() / 60.0;
        let plain = f64::from(minutes);
        assert!((plain * 0.89..=plain * 1.11).contains(&wait), "{wait}");
    }
}

#[test]
fn reload_tries_at_once_and_with_the_new_settings() {
    let mut world = World::new();
    world.step(Input::Start);
    world.step(Input::Hosts(Ok(())));
    world.step(Input::LoggedIn(Err(trouble(TroubleKind::Refused))));
    world.deeds();
    world.advance(secs(6));
    world.command(Command::Reload(Box::new(Settings {
        username: "other-bot".into(),
        ..settings()
    })));
    assert_eq!(world.deeds(), ["find hosts"]);
    world.step(Input::Hosts(Ok(())));
    assert_eq!(world.deeds(), ["log in"]);
    assert!(world.detail.contains("other-bot"));
}

#[test]
fn reload_ends_a_truce_but_not_the_spacing_of_log_ins() {
    let mut world = World::up();
    for _ in 0..3 {
        world.close(Some(4401));
        world.advance(secs(70));
        world.step(Input::Hosts(Ok(())));
        world.step(Input::LoggedIn(Ok(account())));
        world.step(Input::Connected(Ok(())));
        world.answer_all();
    }
    world.close(Some(4401));
    assert_eq!(world.phases.last(), Some(&waiting("evicted")));
    world.deeds();
    world.command(Command::Reload(Box::new(settings())));
    world.step(Input::Hosts(Ok(())));
    assert!(!world.deeds().contains(&"log in".to_owned()));
    world.advance(secs(5));
    assert_eq!(world.deeds(), ["log in"]);
}

#[test]
fn reload_leaves_a_working_connection_alone() {
    let mut world = World::up();
    world.command(Command::Reload(Box::new(settings())));
    assert_eq!(world.deeds(), [""; 0]);
    assert!(world.is_up());
}

#[test]
fn every_kind_of_failed_log_in_is_counted_by_its_kind() {
    for (kind, result, longest) in [
        (TroubleKind::Throttled, LoginResult::Throttled, 10),
        (TroubleKind::Blocked, LoginResult::Blocked, 700),
        (TroubleKind::Secret, LoginResult::Secret, 70),
        (TroubleKind::Failed, LoginResult::Failed, 10),
    ] {
        let mut world = World::new();
        world.step(Input::Start);
        world.step(Input::Hosts(Ok(())));
        world.deeds();
        world.step(Input::LoggedIn(Err(trouble(kind))));
        assert_eq!(world.take_events(), [Event::LoggedIn(result)]);
        assert!(world.wait_for_next_try() <= secs(longest), "{kind:?}");
    }
}

// --- refreshing ---

#[test]
fn the_session_is_refreshed_every_four_minutes_give_or_take_a_tenth() {
    let mut world = World::up();
    let mut last = world.now;
    for _ in 0..20 {
        while !world.deeds().contains(&"refresh".to_owned()) {
            world.advance(secs(1));
            world.answer_clocks();
        }
        let period = (world.now - last).as_secs_f64();
        assert!((215.0..=265.0).contains(&period), "{period}");
        last = world.now;
        world.step(Input::Refreshed(Ok(())));
    }
    assert!(world.is_up());
}

#[test]
fn a_refresh_that_fails_is_tried_again_at_the_next_period() {
    let mut world = World::up();
    world.live_until_refresh();
    world.step(Input::Refreshed(Err(trouble(TroubleKind::Failed))));
    assert_eq!(world.error(), "it did not work");
    assert_eq!(world.phases.last(), Some(&LinkPhase::Up));
    world.live_until_refresh();
    assert!(world.is_up());
}

#[test]
fn a_refused_refresh_logs_in_again_and_only_then_replaces_the_socket() {
    let mut world = World::up();
    world.live_until_refresh();
    world.take_events();
    world.step(Input::Refreshed(Err(trouble(TroubleKind::Refused))));
    assert_eq!(world.deeds(), ["find hosts"]);
    world.step(Input::Hosts(Ok(())));
    assert_eq!(world.deeds(), ["log in"]);
    world.call(1, say("still working"));
    world.answer("PublishEvent", 200, json!({"sequence": 9}));
    assert_eq!(world.take_events(), [called(1, Ok(Outcome::Published(9)))]);
    assert_eq!(world.phases.last(), Some(&LinkPhase::Up));
    world.step(Input::LoggedIn(Ok(account())));
    assert_eq!(world.take_events(), [Event::LoggedIn(LoginResult::Ok), Event::Down]);
    assert_eq!(world.deeds(), ["disconnect", "connect"]);
    world.step(Input::Connected(Ok(())));
    world.answer_all();
    assert!(world.is_up());
}

#[test]
fn a_socket_that_dies_while_the_token_is_renewed_does_not_disturb_the_renewal() {
    let mut world = World::up();
    world.live_until_refresh();
    world.step(Input::Refreshed(Err(trouble(TroubleKind::Refused))));
    world.step(Input::Hosts(Ok(())));
    world.deeds();
    world.close(Some(4401));
    assert_eq!(world.deeds(), [""; 0]);
    assert_eq!(world.phases.last(), Some(&LinkPhase::LoggingIn));
    world.step(Input::LoggedIn(Ok(account())));
    assert_eq!(world.deeds(), ["connect"]);
}

#[test]
fn a_log_in_that_cannot_be_refreshed_is_not_refreshed() {
    let mut world = World::new();
    world.step(Input::Start);
    world.step(Input::Hosts(Ok(())));
    world.step(Input::LoggedIn(Ok(Account { refreshable: false, ..account() })));
    world.step(Input::Connected(Ok(())));
    world.answer_all();
    world.deeds();
    world.live(secs(1_200));
    assert_eq!(world.deeds(), [""; 0]);
}

// --- another program ---

#[test]
fn two_programs_that_evict_each_other_are_recognised_and_not_fought() {
    let mut world = World::up();
    let mut logins = vec![world.now];
    for _ in 0..6 {
        world.close(Some(4401));
        let mut connected = false;
        while !connected {
            world.advance(secs(1));
            for deed in world.deeds() {
                match deed.as_str() {
                    "find hosts" => world.step(Input::Hosts(Ok(()))),
                    "log in" => {
                        logins.push(world.now);
                        world.step(Input::LoggedIn(Ok(account())));
                    }
                    "connect" => {
                        world.step(Input::Connected(Ok(())));
                        connected = true;
                    }
                    _ => {}
                }
            }
        }
        world.answer_all();
    }
    assert!(world.phases.contains(&waiting("evicted")));
    assert!(
        world.error().contains("another program seems to log in as bot-greeter"),
        "{}",
        world.error()
    );
    for pair in logins[3..].windows(2) {
        assert!(pair[1] - pair[0] >= secs(60), "{logins:?}");
    }
}

#[test]
fn refused_refreshes_every_few_minutes_are_recognised_too() {
    let mut world = World::up();
    for n in 0..3 {
        world.live_until_refresh();
        world.step(Input::Refreshed(Err(trouble(TroubleKind::Refused))));
        assert_eq!(world.error().contains("another program"), n == 2, "{n}");
        world.step(Input::Hosts(Ok(())));
        world.step(Input::LoggedIn(Ok(account())));
        world.step(Input::Connected(Ok(())));
        world.answer_all();
    }
}

// --- stopping ---

#[test]
fn stop_logs_out_and_then_says_stopped() {
    let mut world = World::up();
    world.call(1, say("hello"));
    world.command(Command::Stop);
    assert_eq!(world.deeds(), ["disconnect", "log out"]);
    assert_eq!(
        world.take_events(),
        [called(1, Err(CallError::NoAnswer { call: "publish" })), Event::Down]
    );
    world.step(Input::LoggedOut);
    assert_eq!(world.take_events(), [Event::Stopped]);
    assert_eq!(world.phases.last(), Some(&LinkPhase::Stopped));
    assert!(world.session.is_stopped());
    assert_eq!(world.session.wake(), None);
    world.command(Command::Stop);
    world.step(Input::Elapsed);
    assert_eq!(world.take_events(), []);
}

#[test]
fn stop_without_a_session_is_immediate() {
    for inputs in 0..3 {
        let mut world = World::new();
        world.step(Input::Start);
        if inputs > 0 {
            world.step(Input::Hosts(Ok(())));
        }
        if inputs > 1 {
            world.step(Input::LoggedIn(Err(trouble(TroubleKind::Refused))));
        }
        world.command(Command::Stop);
        assert_eq!(world.take_events().last(), Some(&Event::Stopped));
    }
}

#[test]
fn stop_while_the_socket_is_being_opened_logs_out() {
    let mut world = World::new();
    world.step(Input::Start);
    world.step(Input::Hosts(Ok(())));
    world.step(Input::LoggedIn(Ok(account())));
    world.deeds();
    world.command(Command::Stop);
    assert_eq!(world.deeds(), ["disconnect", "log out"]);
}

// --- whatever comes ---

#[test]
fn a_conversation_that_ends_is_told_as_it_ended() {
    let mut world = World::up();
    world.frame(&conversation("conv-1", 1));
    world.take_events();
    world.frame(&json!({"kind": "notification", "type": ".ams.aam.ExConversationChangeNotification",
        "body": {"changes": {"type": "DELETE", "result": {"convId": "conv-1", "conversationDetails": {"state": "CLOSE"}}}}}));
    assert_eq!(
        world.take_events(),
        [Event::Gone { id: "conv-1".into(), how: Departure::Closed, csat: None }]
    );
}

#[test]
fn frames_that_cannot_be_used_are_counted_and_do_no_harm() {
    let mut world = World::up();
    for text in ["", "{", "[]", r#"{"kind":"req"}"#, r#"{"kind":"resp"}"#] {
        world.step(Input::Frame(text));
        assert!(matches!(world.take_events()[..], [Event::Unusable { kind: "frame", .. }]));
    }
    assert!(world.is_up());
}

proptest! {
    #[test]
    fn mangled_frames_never_panic(
        line in 0_usize..30, cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\PC]{0,3}"), 1..4),
    ) {
        let frames: Vec<String> = include_str!("../../../../tests/data/messaging/golden_transcript.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"].to_string())
            .chain(include_str!("../../../../tests/data/messaging/server_frames.jsonl").lines().map(str::to_owned))
            .collect();
        let mut text: Vec<char> = frames[line % frames.len()].chars().collect();
        for (at, patch) in cuts {
            let at = at.index(text.len());
            text.splice(at..(at + 2).min(text.len()), patch.chars());
        }
        let mut world = World::up();
        world.call(1, history(None));
        world.step(Input::Frame(&text.into_iter().collect::<String>()));
        prop_assert!(world.is_up());
    }

    #[test]
    fn no_sequence_of_inputs_panics_or_leaves_the_session_without_a_next_step(
        inputs in prop::collection::vec((0_u8..16, any::<u16>()), 0..120),
        seed in any::<u64>(),
    ) {
        let mut world = World::with_seed(settings(), seed);
        world.step(Input::Start);
        for (input, number) in inputs {
            match input {
                0 => world.step(Input::Hosts(Ok(()))),
                1 => world.step(Input::Hosts(Err(trouble(kind(number))))),
                2 => world.step(Input::LoggedIn(Ok(account()))),
                3 => world.step(Input::LoggedIn(Err(trouble(kind(number))))),
                4 => world.step(Input::Connected(Ok(()))),
                5 => world.step(Input::Connected(Err(trouble(kind(number))))),
                6 => world.close(None),
                7 => world.close(Some(4400 + number % 30)),
                8 => world.step(Input::Refreshed(Err(trouble(kind(number))))),
                9 => world.answer_all(),
                10 => world.advance(secs(u64::from(number) % 300)),
                11 => world.call(u64::from(number), say("x")),
                12 => world.frame(&conversation("conv-1", i64::from(number))),
                13 => world.command(Command::Reload(Box::new(settings()))),
                14 => world.command(Command::AcceptRing("r".into())),
                _ => world.frame(&json!({"kind": "resp", "reqId": number, "code": number, "body": [[]]})),
            }
            // Something is under way outside, or there is a time to wake.
            let under_way = matches!(
                world.session.phase,
                Phase::FindingHosts | Phase::LoggingIn | Phase::Connecting
            );
            prop_assert!(under_way || world.session.wake().is_some(), "{:?}", world.session.phase);
        }
    }
}

// --- the world ---

struct World {
    session: Session,
    now: Instant,
    wall: i64,
    out: Vec<Output>,
    sent: Vec<Value>,
    events: Vec<Event>,
    phases: Vec<LinkPhase>,
    detail: String,
    error: Option<String>,
}

impl World {
    fn new() -> Self {
        Self::with(settings())
    }

    fn with(settings: Settings) -> Self {
        Self::with_seed(settings, 1)
    }

    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn with_seed(settings: Settings, seed: u64) -> Self {
        Self {
            session: Session::new(settings, seed),
            now: Instant::now(),
            wall: 1_700_000_000_000,
            out: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            phases: Vec::new(),
            detail: String::new(),
            error: None,
        }
    }

    /// The socket is open and nothing is answered.
    fn subscribing() -> Self {
        let mut world = Self::new();
        world.step(Input::Start);
        world.reach_socket();
        world
    }

    /// Up, listed, and all that is told on the way forgotten.
    fn up() -> Self {
        Self::up_with_seed(1)
    }

    fn up_with_seed(seed: u64) -> Self {
        let mut world = Self::with_seed(settings(), seed);
        world.step(Input::Start);
        world.come_up();
        world.take_events();
        world.deeds();
        world
    }

    fn reach_socket(&mut self) {
        self.step(Input::Hosts(Ok(())));
        self.step(Input::LoggedIn(Ok(account())));
        self.step(Input::Connected(Ok(())));
        self.deeds();
    }

    fn come_up(&mut self) {
        self.reach_socket();
        self.answer_all();
        self.frame(&snapshot(&[]));
        self.answer_all();
    }

    fn reconnect(&mut self) {
        self.advance(secs(30));
        assert_eq!(self.deeds(), ["connect"]);
        self.step(Input::Connected(Ok(())));
        if self.sent.iter().any(|f| f["body"]["availability"] == "AWAY") {
            let away = self.find("SetAgentState");
            self.answer_all();
            self.sent.push(away);
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let outputs = self.session.step(input, self.now, Timestamp(self.wall));
        for output in outputs {
            match output {
                Output::Send(text) => self.sent.push(serde_json::from_str(&text).unwrap()),
                Output::Tell(Event::Link(link)) => {
                    self.phases.push(link.phase);
                    self.detail = link.detail;
                    self.error = link.error;
                }
                Output::Tell(event) => self.events.push(event),
                Output::Connect | Output::Disconnect => {
                    self.sent.clear();
                    self.out.push(output);
                }
                Output::FindHosts | Output::LogIn | Output::Refresh | Output::LogOut => {
                    self.out.push(output);
                }
            }
        }
    }

    fn command(&mut self, command: Command) {
        self.step(Input::Command(command));
    }

    fn call(&mut self, id: u64, call: Call) {
        self.command(Command::Call { conversation: "conv-1".into(), id: Some(CallId(id)), call });
    }

    fn frame(&mut self, frame: &Value) {
        self.step(Input::Frame(&frame.to_string()));
    }

    fn close(&mut self, code: Option<u16>) {
        self.sent.clear();
        self.step(Input::Closed { code, detail: "gone".into() });
    }

    /// Lets time pass, waking the session whenever it wants.
    fn advance(&mut self, length: Duration) {
        let end = self.now + length;
        while let Some((at, _)) = self.session.wake().filter(|(at, _)| *at <= end) {
            self.pass(at.max(self.now));
            self.step(Input::Elapsed);
        }
        self.pass(end);
    }

    fn pass(&mut self, to: Instant) {
        self.wall += i64::try_from((to - self.now).as_millis()).unwrap();
        self.now = to;
    }

    /// Lets time pass with a server that answers.
    fn live(&mut self, length: Duration) {
        let end = self.now + length;
        while self.now < end {
            self.advance(secs(1).min(end - self.now));
            self.answer_clocks();
        }
    }

    fn live_until_refresh(&mut self) {
        for _ in 0..400 {
            self.live(secs(1));
            if self.deeds().contains(&"refresh".to_owned()) {
                return;
            }
        }
        panic!("no refresh");
    }

    fn wait_for_next_try(&mut self) -> Duration {
        self.deeds();
        let start = self.now;
        while self.deeds().is_empty() {
            self.advance(ms(100));
        }
        self.now - start
    }

    fn answer(&mut self, method: &str, code: u16, body: Value) {
        let frame = self.find(method);
        self.forget(&frame);
        self.frame(&answer_to(&frame, code, &body));
    }

    fn answer_all(&mut self) {
        while let Some(frame) = self.sent.first().cloned() {
            self.forget(&frame);
            let body = if frame["type"] == ".GetClock" {
                clock(self.wall)
            } else {
                json!({"subscriptionId": "s"})
            };
            self.frame(&answer_to(&frame, 200, &body));
        }
    }

    fn answer_clocks(&mut self) -> usize {
        let clocks: Vec<Value> =
            self.sent.iter().filter(|frame| frame["type"] == ".GetClock").cloned().collect();
        for frame in &clocks {
            self.forget(frame);
            self.frame(&answer_to(frame, 200, &clock(self.wall)));
        }
        clocks.len()
    }

    /// The first unanswered request of this kind.
    fn find(&self, method: &str) -> Value {
        self.find_nth(method, 0)
    }

    fn find_nth(&self, method: &str, n: usize) -> Value {
        self.sent
            .iter()
            .filter(|frame| frame["type"].as_str().unwrap().ends_with(&format!(".{method}")))
            .nth(n)
            .unwrap_or_else(|| panic!("no {method} among {:?}", self.sent))
            .clone()
    }

    fn forget(&mut self, frame: &Value) {
        self.sent.retain(|sent| sent["id"] != frame["id"]);
    }

    fn sent_methods(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|frame| frame["type"].as_str().unwrap().rsplit('.').next().unwrap().to_owned())
            .collect()
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// What the session wanted done apart from sending and telling.
    fn deeds(&mut self) -> Vec<String> {
        std::mem::take(&mut self.out)
            .into_iter()
            .map(|output| match output {
                Output::FindHosts => "find hosts".to_owned(),
                Output::LogIn => "log in".to_owned(),
                Output::Connect => "connect".to_owned(),
                Output::Disconnect => "disconnect".to_owned(),
                Output::Refresh => "refresh".to_owned(),
                Output::LogOut => "log out".to_owned(),
                Output::Send(_) | Output::Tell(_) => unreachable!("kept elsewhere"),
            })
            .collect()
    }

    fn is_up(&self) -> bool {
        self.session.connection.as_ref().is_some_and(Connection::is_up)
    }

    fn error(&self) -> String {
        self.error.clone().unwrap_or_default()
    }
}

fn settings() -> Settings {
    let secret = || Secret::Literal(SecretString::from("s3cret"));
    Settings {
        account: "12345678".into(),
        username: "bot-greeter".into(),
        credentials: Credentials::OAuth2 { client_id: secret(), client_secret: secret() },
        domain_api: "https://api.example.net".into(),
        request_timeout: secs(10),
        keepalive_interval: secs(30),
        refresh_interval: secs(240),
        manager: false,
    }
}

fn account() -> Account {
    Account {
        identity: Identity::new(
            "12345678",
            "4102938475",
            Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2".into()),
            "bot-greeter",
        ),
        refreshable: true,
    }
}

fn trouble(kind: TroubleKind) -> Trouble {
    Trouble { kind, detail: "it did not work".into() }
}

fn kind(number: u16) -> TroubleKind {
    [
        TroubleKind::Refused,
        TroubleKind::Blocked,
        TroubleKind::Throttled,
        TroubleKind::Secret,
        TroubleKind::Failed,
    ][usize::from(number % 5)]
}

fn waiting(reason: &'static str) -> LinkPhase {
    LinkPhase::Waiting { reason }
}

fn say(text: &str) -> Call {
    Call::Publish {
        dialog: "conv-1".into(),
        body: Body::Text { text: text.into(), quick_replies: None },
        audience: Audience::All,
        mark: None,
        intents: vec![],
    }
}

fn history(after: Option<i64>) -> Call {
    Call::History { dialog: DialogId::from("conv-1"), after }
}

fn called(id: u64, outcome: Result<Outcome, CallError>) -> Event {
    Event::Called { conversation: ConversationId::from("conv-1"), id: CallId(id), outcome }
}

fn answer_to(frame: &Value, code: u16, body: &Value) -> Value {
    json!({"kind": "resp", "reqId": frame["id"], "code": code, "body": body})
}

fn clock(time: i64) -> Value {
    json!({"currentTime": time})
}

fn snapshot(changes: &[Value]) -> Value {
    json!({"kind": "notification", "type": ".ams.aam.ExConversationChangeNotification",
        "body": {"subscriptionId": "s", "changes": changes}})
}

fn conversation(id: &str, version: i64) -> Value {
    snapshot(&[json!({"type": "UPSERT", "result": {"convId": id, "conversationDetails": {
        "state": "OPEN", "startTs": 1, "metaDataLastUpdateTs": version,
        "participants": {"CONSUMER": ["cons-1"], "ASSIGNED_AGENT": [ME]}}}})])
}

fn ring(id: &str, state: &str, expires: i64) -> Value {
    json!({"kind": "notification", "type": ".ams.routing.RoutingTaskNotification", "body": {"changes": [
        {"type": "UPSERT", "result": {"conversationId": "conv-1", "ringsDetails":
            [{"ringId": id, "ringState": state, "ringExpiration": 72000, "ringExpirationTs": expires}]}}]}})
}

fn event(sequence: i64) -> Value {
    json!({"sequence": sequence, "dialogId": "conv-1", "originatorId": "cons-1",
        "event": {"type": "ContentEvent", "message": "x"}})
}

fn live_message(dialog: &str, sequence: i64) -> Value {
    json!({"kind": "notification", "type": ".ams.ms.OnlineEventDistribution", "body":
        {"sequence": sequence, "dialogId": dialog, "event": {"type": "ContentEvent", "message": "x"}}})
}

fn brief(event: &Event) -> String {
    match event {
        Event::Link(_) => "link".into(),
        Event::Up { .. } => "up".into(),
        Event::Listed => "listed".into(),
        Event::Down => "down".into(),
        Event::Ring(ring) => format!("ring {}", ring.conversation),
        Event::RingGone(_) => "ring gone".into(),
        Event::RingAccepted { result, .. } => match result {
            Ok(()) => "ring accepted".into(),
            Err(error) => error.to_string(),
        },
        Event::Conversation { id, .. } => format!("conversation {id}"),
        Event::Gone { how, .. } => format!("gone {how:?}"),
        Event::Message { message, .. } => {
            format!("message {} {:?}", message.sequence, message.from)
        }
        Event::Called { outcome, .. } => match outcome {
            Ok(Outcome::Done) => "called Done".into(),
            Ok(Outcome::Published(sequence)) => format!("called Published {sequence}"),
            Ok(Outcome::History(history)) => format!("called History {}", history.messages.len()),
            Ok(Outcome::Profile(_)) => "called Profile".into(),
            Err(error) => error.to_string(),
        },
        Event::AgentState(..) => "agent state".into(),
        Event::LoggedIn(_) => "logged in".into(),
        Event::Unusable { detail, .. } => detail.clone(),
        Event::Stopped => "stopped".into(),
    }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
