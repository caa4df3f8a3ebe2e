//! The golden transcript of the protocol, with this session as its client.

use super::*;

#[test]
fn the_golden_transcript_is_played_to_its_end() {
    let mut world = World::subscribing();
    let mut answers: VecDeque<Value> =
        include_str!("../../../../../tests/data/messaging/golden_transcript.jsonl")
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
