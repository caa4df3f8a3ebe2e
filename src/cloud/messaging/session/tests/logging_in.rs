//! Logging in, refreshing, and other programs that do so too.

use super::*;

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
                        logins.push(world.session.last_login().unwrap());
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
