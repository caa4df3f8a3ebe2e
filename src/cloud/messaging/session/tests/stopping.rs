//! The end.

use super::*;

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
