//! Several connectors of one bot as real processes: one is killed, one goes, all are renewed, and two that were given
//! one agent by mistake.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::support::{
    Bot, Chatbot, Cloud, Connector, Crowd, Folder, Manner, Stream, Transport, configuration,
};

#[test]
fn when_one_of_two_is_killed_new_conversations_go_to_the_other() {
    let team = Team::of(2, "");
    let (mut first, second) = (team.online(0), team.online(1));
    first.program.kill();
    let started: Vec<String> =
        (0..5).map(|number| team.cloud.consumer_starts(&format!("hello{number}"))).collect();
    for conversation in &started {
        let with_her = |found: &Value| found["assigned"] == team.agents[1];
        team.cloud.sees(conversation, "the sister has it", with_her);
    }
    second.shows("she has five", |status| status["conversations"]["open"] == 5);
    // The dead one's share comes back with it.
    let again = team.online(0);
    team.cloud.agent_is(&team.agents[0], "ONLINE");
    again.is("Online");
}

#[test]
fn a_connector_that_goes_gives_its_conversations_to_the_other_under_load() {
    let team = Team::of(2, "[shutdown]\non_stop = \"return\"\n");
    let (mut first, second) = (team.online(0), team.online(1));
    let crowd = team.talks();
    first.shows("both are at work", |status| status["totals"]["accepted"] != 0);
    second.shows("both are at work", |status| status["totals"]["accepted"] != 0);
    crowd.goes_on_talking(40);
    first.program.signal("TERM");
    let ended = first.program.ends();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for conversation in team.open() {
        let with_her =
            |found: &Value| found["state"] == "CLOSE" || found["assigned"] == team.agents[1];
        team.cloud.sees(&conversation, "the sister has it", with_her);
    }
    crowd.goes_on_talking(40);
    team.is_well(crowd);
}

#[test]
fn a_rolling_restart_of_three_that_keep_their_conversations_loses_nothing_under_load() {
    rolling_restart("keep");
}

#[test]
fn a_rolling_restart_of_three_that_return_their_conversations_loses_nothing_under_load() {
    rolling_restart("return");
}

#[test]
fn two_with_one_agent_say_so_and_the_one_that_is_left_serves() {
    let cloud = Cloud::start();
    let (folders, bot) = ([Folder::new(), Folder::new()], Bot::echoing());
    let [mut first, second] =
        folders.each_ref().map(|folder| Connector::online(folder, &cloud, &bot, ""));
    let words = "another program seems to log in as support-bot";
    for one in [&first, &second] {
        one.shows("the status says so", |status| {
            status["conversationalCloud"]["lastError"].to_string().contains(words)
        });
        assert!(one.program.said(Stream::Out).contains(words), "so does the log");
    }
    let logins = cloud.get("counts")["logins"].as_u64().unwrap();
    assert!(logins <= 8, "{logins} log-ins until both had understood");
    first.program.kill();
    second.is("Online");
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
}

/// Three connectors are stopped and started one after another, twice, while consumers talk.
fn rolling_restart(on_stop: &str) {
    let team = Team::of(3, &format!("[shutdown]\non_stop = \"{on_stop}\"\n"));
    let mut all: Vec<Connector> = (0..3).map(|number| team.online(number)).collect();
    let crowd = team.talks();
    for round in 0..2 {
        for (number, connector) in all.iter_mut().enumerate() {
            connector.program.signal("TERM");
            let ended = connector.program.ends();
            assert_eq!(ended.code, Some(0), "{round}: {ended:?}");
            *connector = team.online(number);
            assert!(crowd.is_content(), "a consumer has complained");
            crowd.goes_on_talking(10);
        }
    }
    team.is_well(crowd);
}

/// Agents of one skill, a file for each, and one bot behind all.
struct Team {
    cloud: Arc<Cloud>,
    bot: Chatbot,
    agents: Vec<String>,
    folders: Vec<Folder>,
    settings: String,
}

impl Team {
    fn of(count: usize, settings: &str) -> Self {
        let cloud = Cloud::that("stateKept", 500);
        let agents: Vec<String> = (1..=count).map(|number| format!("sister-{number}")).collect();
        for agent in &agents {
            cloud.post(
                "agents",
                &json!({ "loginName": agent, "name": agent, "manager": true, "capacity": 900,
                    "skills": ["1122334455"],
                    "credentials": [{ "kind": "password", "password": format!("{agent}-password") }] }),
            );
        }
        let seed = fastrand::u64(..1_000_000);
        Self {
            cloud: Arc::new(cloud),
            bot: Chatbot::new(Transport::WebSocket, seed, 60),
            folders: agents.iter().map(|_| Folder::new()).collect(),
            agents,
            settings: settings.to_owned(),
        }
    }

    /// One of them, when it is Online.
    fn online(&self, number: usize) -> Connector {
        let agent = &self.agents[number];
        let own = format!(
            "[connector]\nmax_conversations = 900\nfallback_skill_id = \"-\"\n[credentials]\n\
             username = \"{agent}\"\napp_key = \"-\"\nsecret = \"-\"\naccess_token = \"-\"\n\
             access_token_secret = \"-\"\npassword = \"{agent}-password\"\n[bot]\n{}\
             [custom]\nretryMessageInterval = 500\nmessageResendMaxRetries = 5\n{}",
            self.bot.settings(),
            self.settings,
        );
        let folder = &self.folders[number];
        let text = configuration(folder, &self.cloud.url(), "http://127.0.0.1:1", &own);
        let connector = Connector::start(folder, &text, &[]);
        connector.is("Online");
        connector
    }

    fn talks(&self) -> Crowd {
        let manner =
            Manner { consumers: 20, pause: 20..300, messages: 3..14, leaves_some_open: true };
        Crowd::talks(&self.cloud, fastrand::u64(..), &manner)
    }

    /// The conversations that are open now.
    fn open(&self) -> Vec<String> {
        let state = self.cloud.get("state");
        let all = state["conversations"].as_array().unwrap().iter();
        let open = all.filter(|one| one["state"] == "OPEN");
        open.map(|one| one["id"].as_str().unwrap().to_owned()).collect()
    }

    fn is_well(&self, crowd: Crowd) {
        let talks = crowd.was_answered();
        assert!(talks.messages > 60, "that was no load: {talks:?}");
        assert_eq!(self.bot.complaints(), [""; 0]);
    }
}
