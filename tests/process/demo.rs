//! The demo: one command, one address, and nothing left when it ends.

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    process::Command,
};

use serde_json::{Value, json};

use crate::support::{
    Address, Cloud, Folder, HUMAN_SKILL, Program, Stream, example, free_port, until,
};

#[test]
fn the_demo_answers_hands_over_and_shows_what_happens_without_a_bot() {
    let folder = Folder::new();
    let (mut cloud, ports) = start(&folder, "config/demo.toml");
    let page = Address::Tcp(cloud.address()).get("/").unwrap();
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<html"), "{}", page.body);

    let first = cloud.consumer_starts("good morning");
    cloud.sees(&first, "it is answered", |found| {
        found["dialogs"].to_string().contains("You said: good morning")
    });
    cloud.consumer_says(&first, "agent");
    cloud.waits_for_a_human(&first);

    // A bot that takes events and answers nothing: it is asked again, then a human gets the conversation.
    cloud.post("bot", &json!({ "mode": "silent" }));
    let second = cloud.consumer_starts("is anybody there?");
    let health = Address::Tcp(([127, 0, 0, 1], ports[2]).into());
    until("it is asked again", || {
        let metrics = health.get("/metrics").unwrap().body;
        let resends = metrics.lines().find(|line| line.starts_with("connectord_resends_total"));
        match resends.is_some_and(|line| !line.ends_with(" 0")) {
            true => Ok(()),
            false => Err(metrics),
        }
    });
    cloud.waits_for_a_human(&second);
    let transfer = cloud.conversation(&second)["transfers"].to_string();
    assert!(transfer.contains(HUMAN_SKILL), "{transfer}");

    cloud.post("bot", &json!({ "mode": "stopped" }));
    let without = cloud.consumer_starts("is the bot there?");
    cloud.waits_for_a_human(&without);
    cloud.post("bot", &json!({ "mode": "answering" }));
    until("the bot has a connection again", || {
        let bot = cloud.get("state")["bot"].clone();
        if bot["connections"] == 1 { Ok(()) } else { Err(bot.to_string()) }
    });
    let third = cloud.consumer_starts("and now?");
    cloud.sees(&third, "it is answered", |found| {
        found["dialogs"].to_string().contains("You said: and now?")
    });

    cloud.program().signal("INT");
    let ended = cloud.program().ends();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Nothing listens any more, so no process is left.
    for port in ports {
        TcpListener::bind(("127.0.0.1", port)).unwrap_or_else(|why| panic!("{port}: {why}"));
    }
}

#[test]
fn the_demo_of_live_chat_greets_answers_and_hands_over() {
    let folder = Folder::new();
    let (mut cloud, _) = start(&folder, "config/demo-chat.toml");
    assert_eq!(cloud.program().said(Stream::Err), "", "nothing to complain of");
    let started = cloud.post("chats", &json!({ "lines": ["good morning"] }));
    let chat = started["chat"]["id"].as_str().unwrap().to_owned();
    let shows = |what: &str, is_so: &dyn Fn(&Value) -> bool| {
        until(what, || {
            let found = cloud.get(&format!("chats/{chat}"));
            if is_so(&found) { Ok(()) } else { Err(format!("{found:#}")) }
        });
    };
    shows("it is greeted", &|found| found["events"].to_string().contains("I am the demo's bot"));
    shows("it is answered", &|found| {
        found["events"].to_string().contains("You said: good morning")
    });
    cloud.post(&format!("chats/{chat}/visitor/say"), &json!({ "text": "agent" }));
    shows("people have to take it", &|found| {
        found["state"] == "waiting" && found["skill"] == HUMAN_SKILL
    });
    cloud.program().signal("INT");
    assert_eq!(cloud.program().ends().code, Some(0));
}

#[test]
fn the_demo_says_which_address_is_taken() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let mut demo = run(&folder, "config/demo.toml", [port, free_port(), free_port()]);
    let ended = demo.ends();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains(&format!("127.0.0.1:{port}")), "{ended:?}");
}

#[test]
fn the_demo_ends_with_its_connector() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    // The connector cannot have its health address.
    let mut demo = run(&folder, "config/demo.toml", [free_port(), free_port(), port]);
    let ended = demo.ends();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.contains("ended by itself"), "{ended:?}");
}

/// The demo on free ports, once its connector is online; the ports are those of cloud, bot and health.
fn start(folder: &Folder, file: &str) -> (Cloud, [u16; 3]) {
    let ports = [free_port(), free_port(), free_port()];
    let demo = run(folder, file, ports);
    let line = demo.says("The demo runs. Open ");
    let said = demo.said(Stream::Out);
    assert_eq!(said.matches("http://").count(), 1, "one address, no more: {said}");
    let (_, rest) = line.split_once("http://").unwrap();
    let address: SocketAddr = rest.split('/').next().unwrap().parse().unwrap();
    assert_eq!(address.port(), ports[0]);
    (Cloud::of(demo, address), ports)
}

/// Runs the demo with one of its own files, its three addresses replaced.
fn run(folder: &Folder, file: &str, ports: [u16; 3]) -> Program {
    let mut text = fs::read_to_string(example(file)).unwrap();
    for (known, port) in ["127.0.0.1:8788", "127.0.0.1:8789", "127.0.0.1:8790"].iter().zip(ports) {
        assert!(text.contains(known), "{known}");
        text = text.replace(known, &format!("127.0.0.1:{port}"));
    }
    let file = folder.write("demo.toml", &text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-simulator"));
    command.args(["demo", "--config", file.to_str().unwrap()]);
    Program::start_parent(command)
}
