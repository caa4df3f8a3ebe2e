//! TLS with an own authority, and proxies.

use crate::support::{
    Authority, Bot, Cloud, Connector, Ended, Folder, Program, Proxy, configuration, connectord,
};

#[test]
fn a_ca_file_is_trusted_for_rest_and_web_socket_alike() {
    let folder = Folder::new();
    let authority = Authority::new("right");
    let (cloud, bot) = (Cloud::start_tls(&authority, &["127.0.0.1"]), Bot::echoing());
    let text = configuration(&folder, &cloud.url(), &bot.url(), &trusting(&authority));
    let connector = Connector::start(&folder, &text, &[]);
    connector.is("Online");
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    let checked = check_online(&connector, &[]);
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

#[test]
fn a_certificate_of_nobody_we_trust_is_named_and_tried_again_until_the_file_is_right() {
    let folder = Folder::new();
    let (right, wrong) = (Authority::new("right"), Authority::new("wrong"));
    let (cloud, bot) = (Cloud::start_tls(&right, &["127.0.0.1"]), Bot::echoing());
    let text = configuration(&folder, &cloud.url(), &bot.url(), &trusting(&wrong));
    let mut connector = Connector::start(&folder, &text, &[]);
    let first = connector.is("Not Connected");
    let why = first["conversationalCloud"]["lastError"]["message"].as_str().unwrap().to_owned();
    for words in ["certificate", "ca_file", &cloud.address().to_string()] {
        assert!(why.contains(words), "{words}: {why}");
    }
    let again = connector.shows("it has tried again", |status| {
        let last = &status["conversationalCloud"]["lastError"]["time"];
        *last != first["conversationalCloud"]["lastError"]["time"]
    });
    assert_eq!(again["agentConnector"]["status"], "Not Connected");
    assert!(!connector.program.has_ended());
    let checked = check_online(&connector, &[]);
    assert_eq!(checked.code, Some(78), "{checked:?}");
    assert!(checked.out.contains("certificate"), "{checked:?}");
}

#[test]
fn everything_to_the_cloud_goes_through_the_proxy_of_the_file() {
    let folder = Folder::new();
    let authority = Authority::new("right");
    let (cloud, bot) = (Cloud::start_tls(&authority, &[NAME, "127.0.0.1"]), Bot::echoing());
    let proxy = Proxy::start(CREDENTIALS, cloud.address());
    let setting = format!("proxy = \"http://{USER}@{}\"", proxy.address());
    let settings = format!("{}\n{setting}", trusting(&authority));
    // A name that only the proxy knows: no way leads around it.
    let text = configuration(&folder, &format!("https://{NAME}"), &bot.url(), &settings);
    let connector = Connector::start(&folder, &text, &[]);
    connector.is("Online");
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    assert_only_connects(&proxy);
    // At least one tunnel for REST and one for the WebSocket.
    assert!(proxy.asked().len() >= 2, "{:?}", proxy.asked());
}

#[test]
fn without_a_setting_the_environment_names_the_proxy_and_its_exceptions() {
    let folder = Folder::new();
    let authority = Authority::new("right");
    let (cloud, bot) = (Cloud::start_tls(&authority, &[NAME, "127.0.0.1"]), Bot::echoing());
    let proxy = Proxy::start(CREDENTIALS, cloud.address());
    let url = format!("http://{USER}@{}", proxy.address());
    let text =
        configuration(&folder, &format!("https://{NAME}"), &bot.url(), &trusting(&authority));
    let connector = Connector::start(&folder, &text, &[("HTTPS_PROXY", &url)]);
    connector.is("Online");
    // The bot is on this machine, which no proxy of the environment is asked about.
    let conversation = cloud.consumer_starts("hello");
    cloud.reads(&conversation, &["consumer: hello", "agent: You said: hello"]);
    assert_only_connects(&proxy);

    let asked = proxy.asked();
    let except = [("HTTPS_PROXY", url.as_str()), ("NO_PROXY", "other.invalid,cloud.invalid")];
    let around = check_online(&connector, &except);
    assert_eq!(around.code, Some(78), "the name is known to the proxy alone: {around:?}");
    assert_eq!(proxy.asked(), asked, "the proxy is not asked");
}

#[test]
fn wrong_credentials_for_the_proxy_are_named_without_showing_them() {
    let folder = Folder::new();
    let authority = Authority::new("right");
    let (cloud, bot) = (Cloud::start_tls(&authority, &[NAME, "127.0.0.1"]), Bot::echoing());
    let proxy = Proxy::start(CREDENTIALS, cloud.address());
    let setting = format!("proxy = \"http://ann:hush-hush@{}\"", proxy.address());
    let settings = format!("{}\n{setting}", trusting(&authority));
    let text = configuration(&folder, &format!("https://{NAME}"), &bot.url(), &settings);
    let connector = Connector::start(&folder, &text, &[]);
    let status = connector.is("Not Connected").to_string();
    assert!(status.contains("407") || status.contains("credentials"), "{status}");
    assert!(status.contains("proxy") && !status.contains("hush-hush"), "{status}");
}

/// The cloud's name where a proxy finds it; nobody else does.
const NAME: &str = "cloud.invalid";
const USER: &str = "ann:p%40ss";
/// `ann:p@ss` in base64.
const CREDENTIALS: &str = "Basic YW5uOnBAc3M=";

fn trusting(authority: &Authority) -> String {
    format!("[cloud]\nca_file = \"{}\"", authority.file.display())
}

fn assert_only_connects(proxy: &Proxy) {
    for asked in proxy.asked() {
        assert_eq!(asked, format!("CONNECT {NAME}:443"));
    }
}

fn check_online(connector: &Connector, variables: &[(&str, &str)]) -> Ended {
    let file = connector.file.to_str().unwrap();
    let mut command = connectord(&["check", "--online", "--config", file]);
    command.envs(variables.iter().copied());
    Program::start(command).ends()
}
