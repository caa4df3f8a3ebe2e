//! Things that should not happen.

use super::*;

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
        world.step(Input::Arrived(Received::Text(text.to_owned())));
        assert!(matches!(world.take_events()[..], [Event::Unusable { kind: "frame", .. }]));
    }
    assert!(world.is_up());
}

proptest! {
    #[test]
    fn mangled_frames_never_panic(
        line in 0_usize..30, cuts in prop::collection::vec((any::<prop::sample::Index>(), "[\\PC]{0,3}"), 1..4),
    ) {
        let frames: Vec<String> = include_str!("../../../../../tests/data/messaging/golden_transcript.jsonl")
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["frame"].to_string())
            .chain(include_str!("../../../../../tests/data/messaging/server_frames.jsonl").lines().map(str::to_owned))
            .collect();
        let mut text: Vec<char> = frames[line % frames.len()].chars().collect();
        for (at, patch) in cuts {
            let at = at.index(text.len());
            text.splice(at..(at + 2).min(text.len()), patch.chars());
        }
        let mut world = World::up();
        world.call(1, history(None));
        world.step(Input::Arrived(Received::Text(text.into_iter().collect())));
        prop_assert!(world.is_up());
    }

    #[test]
    fn no_sequence_of_inputs_panics_or_leaves_the_session_without_a_next_step(
        inputs in prop::collection::vec((0_u8..18, any::<u16>()), 0..120),
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
                15 => world.command(Command::Reconnect),
                16 => world.live(secs(u64::from(number) % 300)),
                _ => world.frame(&json!({"kind": "resp", "reqId": number, "code": number, "body": [[]]})),
            }
            // Something is under way outside, or there is a time to wake.
            let session = &world.session;
            prop_assert!(session.is_under_way() || session.wake().is_some(), "{session:?}");
        }
    }
}
