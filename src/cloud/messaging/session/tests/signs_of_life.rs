//! Keep-alive, silence, clocks and rings.

use super::*;

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
        world.step(Input::Arrived(Received::Other));
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
            Event::RingAccepted { ring: "r".into(), result: Ok(None) },
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
