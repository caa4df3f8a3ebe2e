//! Calls, their answers, and what becomes of them when there is none.

use super::*;

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

#[test]
fn a_thousand_returns_leave_a_few_at_a_time_and_each_has_its_own_time() {
    let mut world = World::up();
    for id in 0..1_000 {
        world.call(id, Call::Return);
    }
    let returns = |world: &World| {
        world.sent_methods().iter().filter(|name| *name == "UpdateConversationField").count()
    };
    let first = returns(&world);
    assert!(first < 50, "{first}");
    for _ in 0..1_000 {
        world.advance(ms(100));
        world.answer_clocks();
        world.answer("UpdateConversationField", 200, json!("OK"));
    }
    let outcomes = world.take_events();
    assert_eq!(outcomes.len(), 1_000);
    let done = |event: &Event| matches!(event, Event::Called { outcome: Ok(Outcome::Done), .. });
    assert!(outcomes.iter().all(done));
}

#[test]
fn a_ring_that_was_refused_with_429_is_not_taken_once_the_agent_is_to_be_away() {
    let mut world = World::up();
    world.command(Command::Availability(Availability::Online));
    world.answer_all();
    world.command(Command::AcceptRing("ring-1".into()));
    world.answer("UpdateRingState", 429, json!("Too many"));
    world.command(Command::AcceptRing("ring-2".into()));
    world.take_events();
    world.command(Command::Availability(Availability::Away));
    let failed =
        |ring: &str| Event::RingAccepted { ring: ring.into(), result: Err(CallError::NotSent) };
    assert_eq!(world.take_events(), [failed("ring-1"), failed("ring-2")]);
    world.advance(secs(5));
    assert!(!world.sent.iter().any(|frame| frame["type"] == ".ams.routing.UpdateRingState"));
}
