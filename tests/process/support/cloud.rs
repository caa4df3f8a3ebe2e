//! The simulated cloud as a child process, acted by its control API.

use std::{net::SocketAddr, process::Command};

use serde_json::{Value, json};

use super::{Address, Authority, Folder, Program, until};

/// The human agents' skill.
pub(crate) const HUMAN_SKILL: &str = "4129463410";

/// A simulated cloud.
pub(crate) struct Cloud {
    program: Program,
    at: SocketAddr,
    control: Address,
    scheme: &'static str,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(arguments: &[&str]) -> Self {
        let program = serve(arguments);
        let at = address(&program, "http");
        Self { program, at, control: Address::Tcp(at), scheme: "http" }
    }

    /// The usual one but for this key of its configuration.
    pub(crate) fn that(key: &str, value: impl Into<Value>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-simulator"));
        let usual = command.args(["serve", "--print-config"]).output().unwrap().stdout;
        let mut world: Value = serde_json::from_slice(&usual).unwrap();
        assert!(world.get(key).is_some(), "there is no {key} in {world:#}");
        world[key] = value.into();
        let folder = Folder::new();
        let file = folder.write("world.json", &world.to_string());
        Self::start_with(&["--config", file.to_str().unwrap()])
    }

    /// Over TLS, with a certificate of this authority.
    pub(crate) fn start_tls(authority: &Authority, names: &[&str]) -> Self {
        let (cert, key) = authority.issue(names);
        let program =
            serve(&["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
        let at = address(&program, "https");
        let control = Address::Tls(at, authority.client());
        Self { program, at, control, scheme: "https" }
    }

    /// Somebody else's, at this address.
    pub(crate) fn of(program: Program, at: SocketAddr) -> Self {
        Self { program, at, control: Address::Tcp(at), scheme: "http" }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.at
    }

    /// For `[cloud] domain_api`.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.at)
    }

    pub(crate) fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.control.get(&format!("/simulator/{path}")).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let path = format!("/simulator/{path}");
        let answer = self.control.ask("POST", &path, &[], &body.to_string()).unwrap();
        assert!(matches!(answer.status, 200 | 201), "{path}: {} {}", answer.status, answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Whether it was possible.
    pub(crate) fn tries(&self, path: &str, body: &Value) -> bool {
        let path = format!("/simulator/{path}");
        let answer = self.control.ask("POST", &path, &[], &body.to_string()).unwrap();
        matches!(answer.status, 200 | 201)
    }

    pub(crate) fn delete(&self, path: &str) {
        let path = format!("/simulator/{path}");
        let answer = self.control.ask("DELETE", &path, &[], "").unwrap();
        // What was used up meanwhile is not there any more.
        assert!(matches!(answer.status, 200 | 404), "{path}: {} {}", answer.status, answer.body);
    }

    /// A consumer starts a conversation by saying something.
    pub(crate) fn consumer_starts(&self, text: &str) -> String {
        let started = self.post("conversations", &json!({ "text": text }));
        started["conversation"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn consumer_says(&self, conversation: &str, text: &str) {
        let path = format!("conversations/{conversation}/consumer/say");
        self.post(&path, &json!({ "text": text }));
    }

    pub(crate) fn consumer_clicks(&self, conversation: &str, sequence: &Value, button: &str) {
        let path = format!("conversations/{conversation}/consumer/click");
        self.post(&path, &json!({ "sequence": sequence, "button": button }));
    }

    /// A visitor starts a chat by saying something.
    pub(crate) fn visitor_comes(&self, text: &str) -> String {
        let started = self.post("chats", &json!({ "lines": [text] }));
        started["chat"]["id"].as_str().unwrap().to_owned()
    }

    /// What a chat is; its lines as [`Cloud::lines`] tells them.
    pub(crate) fn chat(&self, id: &str) -> (Value, Vec<String>) {
        let chat = self.get(&format!("chats/{id}"));
        let lines = chat["events"].as_array().unwrap().iter().filter_map(chat_line).collect();
        (chat, lines)
    }

    pub(crate) fn conversation(&self, id: &str) -> Value {
        self.get(&format!("conversations/{id}"))
    }

    /// The lines of the main dialog: who ("consumer", "agent"), and what was said. A private note begins with "note".
    pub(crate) fn lines(&self, conversation: &str) -> Vec<String> {
        let conversation = self.conversation(conversation);
        let events = conversation["dialogs"][0]["events"].as_array().unwrap().iter();
        events.filter_map(line).collect()
    }

    /// Waits until the main dialog holds these lines and no others.
    pub(crate) fn reads(&self, conversation: &str, lines: &[&str]) {
        until(&format!("the dialog holds {lines:?}"), || {
            let found = self.lines(conversation);
            if found == lines { Ok(()) } else { Err(format!("it holds {found:#?}")) }
        });
    }

    /// Waits until the conversation is as wanted, and tells it.
    pub(crate) fn sees(
        &self,
        conversation: &str,
        what: &str,
        is_so: impl Fn(&Value) -> bool,
    ) -> Value {
        until(what, || {
            let found = self.conversation(conversation);
            if is_so(&found) { Ok(found) } else { Err(format!("{found:#}")) }
        })
    }

    /// Waits until it waits in the human agents' queue.
    pub(crate) fn waits_for_a_human(&self, conversation: &str) {
        self.sees(conversation, "it waits for a human", |found| {
            found["skill"] == HUMAN_SKILL && found["assigned"].is_null()
        });
    }

    /// Waits until the agent is in this state.
    pub(crate) fn agent_is(&self, agent: &str, availability: &str) {
        until(&format!("{agent} is {availability}"), || {
            let found = self.agent(agent);
            if found["availability"] == availability { Ok(()) } else { Err(found.to_string()) }
        });
    }

    /// What the cloud knows of an agent.
    pub(crate) fn agent(&self, name: &str) -> Value {
        let state = self.get("state");
        let agents = state["agents"].as_array().unwrap();
        agents.iter().find(|agent| agent["loginName"] == name).unwrap().clone()
    }
}

fn serve(more: &[&str]) -> Program {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloud-simulator"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).args(more);
    Program::start(command)
}

fn address(program: &Program, scheme: &str) -> SocketAddr {
    let line = program.says("listens on");
    let (_, address) = line.split_once(&format!("{scheme}://")).unwrap();
    address.parse().unwrap()
}

fn chat_line(event: &Value) -> Option<String> {
    let who = match event["source"].as_str()? {
        "visitor" => "consumer",
        "agent" => "agent",
        _ => return None,
    };
    let text = event["text"].as_str()?;
    let inner = text.split_once('>').and_then(|(_, rest)| rest.strip_suffix("</div>"));
    Some(format!("{who}: {}", inner.unwrap_or(text)))
}

fn line(event: &Value) -> Option<String> {
    let said = match event["event"]["type"].as_str()? {
        "ContentEvent" => event["event"]["message"].as_str()?,
        "RichContentEvent" => "(a card)",
        _ => return None,
    };
    let who = match (event["role"].as_str()?, event["audience"].as_str()?) {
        (_, "AGENTS_AND_MANAGERS") => "note",
        ("CONSUMER", _) => "consumer",
        _ => "agent",
    };
    Some(format!("{who}: {said}"))
}
