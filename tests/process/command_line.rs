//! The command line: every word, and every exit code but 70, which only a bug brings about.

use std::{fs, net::TcpListener};

use serde_json::Value;

use crate::support::{
    Address, Bot, Cloud, Connector, Ended, Folder, Program, configuration, connectord, example,
    until,
};

#[test]
fn help_and_version_are_answered_on_standard_output() {
    let help = run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    for word in ["run", "check", "status", "schema", "completions", "CONNECTORD_CONFIG", "78"] {
        assert!(help.out.contains(word), "{word}: {}", help.out);
    }
    let version = run(&["--version"]);
    assert_eq!(version.code, Some(0));
    assert_eq!(version.out, format!("connectord {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_ends_with_64_and_says_what_would_be_right() {
    for arguments in [
        &[][..],
        &["run"],
        &["check"],
        &["--config"],
        &["dance"],
        &["status", "--address", "no address"],
        &["status", "--address", "h:1", "--config", "f"],
        &["completions", "vi"],
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(64), "{arguments:?}: {ended:?}");
        assert_eq!(ended.out, "", "{arguments:?}");
        assert!(!ended.err.trim().is_empty(), "{arguments:?}");
    }
    assert!(run(&["run"]).err.contains("--config"), "it says how to name the file");
}

#[test]
fn an_unusable_file_ends_with_78_and_all_its_mistakes() {
    let folder = Folder::new();
    let file = folder.write(
        "bad.toml",
        "[connector]\naccount_id = \"12a\"\nconversation_type = \"post\"\n[custom]\nmesageDelay = 3\n",
    );
    let file = file.to_str().unwrap();
    for arguments in [
        ["run", "--config", file].as_slice(),
        &["--config", file],
        &["check", "--config", file],
        &["check", "--online", "--config", file],
        &["status", "--config", file],
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(78), "{arguments:?}: {ended:?}");
        let said = ended.out + &ended.err;
        for words in [
            "bad.toml:2:14",
            "bad.toml:3:21",
            "bad.toml:5:1",
            "did you mean `messageDelay`?",
            "[credentials]",
            "[bot]",
        ] {
            assert!(said.contains(words), "{arguments:?} does not say {words}:\n{said}");
        }
    }
    let missing = run(&["check", "--config", "/there/is/none.toml"]);
    assert_eq!(missing.code, Some(78));
    assert!(missing.out.contains("/there/is/none.toml"), "{missing:?}");
}

#[test]
fn a_good_file_passes_check_and_the_variable_names_it_as_well() {
    let folder = Folder::new();
    let text = configuration(&folder, "https://api.example", "https://bot.example/", "");
    let file = folder.write("good.toml", &text);
    let ended = run(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("good.toml: ok, connector process, account 12345678"), "{ended:?}");

    let mut command = connectord(&["check"]);
    command.env("CONNECTORD_CONFIG", &file);
    let by_variable = Program::start(command).ends();
    assert_eq!((by_variable.code, by_variable.out), (ended.code, ended.out));
}

#[test]
fn secrets_in_a_file_that_others_can_read_are_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let text = configuration(&folder, "https://api.example", "https://bot.example/", "");
    let file = folder.write("open.toml", &text);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let ended = run(&["check", "--config", file.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.out.contains("warning"), "{ended:?}");
}

#[test]
fn a_health_address_that_is_taken_ends_with_69() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = format!("[health]\nlisten = \"{}\"", taken.local_addr().unwrap());
    let text = configuration(&folder, "http://127.0.0.1:1", "http://127.0.0.1:1/", &listen);
    let mut connector = Connector::start(&folder, &text, &[]);
    let ended = connector.program.ends();
    assert_eq!(ended.code, Some(69), "{ended:?}");
    let said = ended.out + &ended.err;
    assert!(said.contains(&taken.local_addr().unwrap().to_string()), "{said}");
}

#[test]
fn a_cloud_that_cannot_be_reached_does_not_end_the_process() {
    let folder = Folder::new();
    let text = configuration(&folder, "http://127.0.0.1:1", "http://127.0.0.1:1/", "");
    let mut connector = Connector::start(&folder, &text, &[]);
    let status = connector.is("Not Connected");
    assert_eq!(status["conversationalCloud"]["status"], "Not Connected");
    assert!(!status["conversationalCloud"]["lastError"].is_null(), "{status:#}");
    assert!(!connector.program.has_ended());
}

#[test]
fn check_online_says_a_line_for_each_step_and_changes_nothing() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    // A ring that only waits for somebody to take it.
    let conversation = cloud.consumer_starts("is anybody there?");
    let ended = check_online(&folder, &configuration(&folder, &cloud.url(), &bot.url(), ""));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let steps: Vec<&str> = ended.out.lines().filter(|line| line.starts_with("ok ")).collect();
    assert_eq!(steps.len(), 5, "{}", ended.out);
    for (line, step) in steps.iter().zip(["domains", "log-in", "WebSocket", "log-out", "bot"]) {
        assert!(line.contains(step), "{step}: {line}");
    }
    let counts = cloud.get("counts");
    assert_eq!(counts["requests"], serde_json::json!({ "GetClock": 1 }), "{counts}");
    assert_eq!((&counts["logins"], &counts["logouts"]), (&1.into(), &1.into()), "{counts}");
    assert!(cloud.conversation(&conversation)["assigned"].is_null());
    assert_eq!(bot.events("message").len(), 0);
}

#[test]
fn check_online_fails_with_the_step_that_fails() {
    let folder = Folder::new();
    let (cloud, mut bot) = (Cloud::start(), Bot::echoing());
    let wrong = "[credentials]\nsecret = \"wrong\"";
    let ended = check_online(&folder, &configuration(&folder, &cloud.url(), &bot.url(), wrong));
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(line(&ended, "log-in").starts_with("failed"), "{}", ended.out);
    assert!(line(&ended, "bot").starts_with("ok"), "the bot is tried all the same: {}", ended.out);

    bot.goes_down();
    let ended = check_online(&folder, &configuration(&folder, &cloud.url(), &bot.url(), ""));
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(line(&ended, "log-in").starts_with("ok"), "{}", ended.out);
    assert!(line(&ended, "bot").starts_with("failed"), "{}", ended.out);

    let nowhere = configuration(&folder, "http://127.0.0.1:1", &bot.url(), "");
    let ended = check_online(&folder, &nowhere);
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(line(&ended, "domains").starts_with("failed"), "{}", ended.out);
}

#[test]
fn status_tells_people_and_programs_and_whether_it_is_online() {
    let folder = Folder::new();
    let (cloud, mut bot) = (Cloud::start(), Bot::echoing());
    let settings = "[custom]\nretryMessageInterval = 1000\nmessageResendMaxRetries = 10";
    let connector = Connector::online(&folder, &cloud, &bot, settings);
    let file = connector.file.to_str().unwrap().to_owned();
    let file = file.as_str();
    let text = run(&["status", "--config", file]);
    assert_eq!(text.code, Some(0), "{text:?}");
    assert!(text.out.contains("Agent connector") && text.out.contains("Online"), "{}", text.out);

    let Address::Unix(socket) = &connector.health else { unreachable!() };
    let address = format!("unix:{}", socket.display());
    let json = run(&["status", "--json", "--address", &address]);
    assert_eq!(json.code, Some(0), "{json:?}");
    let status: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(status["agentConnector"]["status"], "Online");

    bot.goes_down();
    let conversation = cloud.consumer_starts("hello");
    connector.is("Not Connected");
    let down = run(&["status", "--config", file]);
    assert_eq!(down.code, Some(1), "{down:?}");
    assert!(down.out.contains("Not Connected"), "{}", down.out);
    assert!(!cloud.lines(&conversation).is_empty());

    drop(connector);
    let gone = run(&["status", "--config", file]);
    assert_eq!((gone.code, gone.out.as_str()), (Some(1), ""));
    assert!(gone.err.contains(&address), "{}", gone.err);
}

#[test]
fn the_schema_is_one_and_takes_the_example() {
    let ended = run(&["schema"]);
    assert_eq!(ended.code, Some(0));
    let schema: Value = serde_json::from_str(&ended.out).unwrap();
    let mut schemas = boon::Schemas::new();
    let mut compiler = boon::Compiler::new();
    compiler.add_resource("config.json", schema).unwrap();
    let index = compiler.compile("config.json", &mut schemas).unwrap();
    let text = fs::read_to_string(example("config/connector.toml")).unwrap();
    schemas.validate(&toml::from_str(&text).unwrap(), index).unwrap();
    let wrong = toml::from_str("[connector]\nname = 5").unwrap();
    assert!(schemas.validate(&wrong, index).is_err());
}

#[test]
fn completions_are_written_for_three_shells() {
    for (shell, sign) in [
        ("bash", "complete -F"),
        ("zsh", "#compdef connectord"),
        ("fish", "complete -c connectord"),
    ] {
        let ended = run(&["completions", shell]);
        assert_eq!(ended.code, Some(0), "{shell}: {ended:?}");
        assert!(ended.out.contains(sign) && ended.out.contains("online"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut command = std::process::Command::new("sh");
    let script = format!("{} schema | true", env!("CARGO_BIN_EXE_connectord"));
    command.args(["-c", &script]);
    let ended = Program::start(command).ends();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
}

#[test]
fn the_file_may_turn_the_health_address_off() {
    let folder = Folder::new();
    let (cloud, bot) = (Cloud::start(), Bot::echoing());
    let off = "[health]\nlisten = \"off\"";
    let text = configuration(&folder, &cloud.url(), &bot.url(), off);
    let mut connector = Connector::start(&folder, &text, &[]);
    cloud.agent_is("support-bot", "ONLINE");
    let asked = run(&["status", "--config", connector.file.to_str().unwrap()]);
    assert_eq!(asked.code, Some(78), "{asked:?}");
    connector.program.signal("TERM");
    assert_eq!(connector.program.ends().code, Some(0));
    until("the log-out", || match &cloud.get("counts")["logouts"] {
        one if *one == 1 => Ok(()),
        other => Err(other.to_string()),
    });
}

fn run(arguments: &[&str]) -> Ended {
    Program::start(connectord(arguments)).ends()
}

fn check_online(folder: &Folder, text: &str) -> Ended {
    let file = folder.write("online.toml", text);
    run(&["check", "--online", "--config", file.to_str().unwrap()])
}

/// The line about a step.
fn line<'a>(ended: &'a Ended, step: &str) -> &'a str {
    let found = ended.out.lines().find(|line| line.contains(&format!(" {step}: ")));
    found.unwrap_or_else(|| panic!("nothing about {step}: {}", ended.out))
}
