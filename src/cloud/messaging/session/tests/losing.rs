//! How sockets end and what that means.

use super::*;

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
fn a_network_that_breaks_again_and_again_is_no_other_program() {
    let mut world = World::up();
    for _ in 0..8 {
        world.close(None);
        world.advance(secs(60));
        world.step(Input::Hosts(Ok(())));
        world.step(Input::LoggedIn(Ok(account())));
        world.step(Input::Connected(Ok(())));
        world.answer_all();
    }
    assert!(!world.phases.contains(&waiting("evicted")), "{:?}", world.phases);
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
