//! Documents that match the code.

use std::path::Path;

use connectord::{
    cli::{self, Command, Exit},
    config,
};

use crate::files::{File, all_texts, root};

#[test]
fn every_link_and_every_path_in_a_document_leads_somewhere() {
    let mut lost = Vec::new();
    for document in documents() {
        let folder = root().join(&document.path).parent().unwrap().to_owned();
        let links = links(&document.text);
        for link in links.iter().filter(|link| !link.contains("://") && !link.starts_with('#')) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let Ok(text) = std::fs::read(folder.join(file)) else {
                if !folder.join(file).is_dir() {
                    lost.push(format!("{}: the link {link}", document.path));
                }
                continue;
            };
            let text = String::from_utf8_lossy(&text);
            if !heading.is_empty() && !headings(&text).contains(&heading.to_owned()) {
                lost.push(format!("{}: the heading of {link}", document.path));
            }
        }
        for path in paths(&document.text) {
            if !root().join(path).exists() {
                lost.push(format!("{}: the path {path}", document.path));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

#[test]
fn every_configuration_in_the_readme_can_be_used() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let examples = blocks(&readme, "toml");
    assert!(!examples.is_empty());
    for example in examples {
        // The names of credentials mean something only under systemd; that they are names is checked.
        let loaded = config::parse(&example, Path::new("readme.toml"));
        loaded.unwrap_or_else(|mistakes| panic!("{mistakes}"));
    }
}

#[test]
fn every_command_line_in_a_document_is_understood() {
    let mut count = 0;
    for document in documents() {
        for block in ["sh", "bash", "console", "text", ""].map(|kind| blocks(&document.text, kind))
        {
            for line in block.iter().flat_map(|block| block.lines()) {
                let line = line.trim_start_matches("$ ");
                if !line.starts_with("connectord ") {
                    continue;
                }
                let words = line.split(" #").next().unwrap().split_whitespace();
                let words: Vec<&str> =
                    words.take_while(|word| !word.contains(['|', '>', '&'])).collect();
                if let Err(answer) = parse(&words) {
                    assert_eq!(answer, Exit::Ok, "{}: {line}", document.path);
                }
                count += 1;
            }
        }
    }
    assert!(count >= 3, "only {count} command lines were found");
}

#[test]
fn the_unit_file_starts_what_exists_and_knows_its_times_and_exit_codes() {
    let unit = std::fs::read_to_string(root().join("systemd/connectord@.service")).unwrap();
    let value = |key: &str| {
        let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("the unit has no {key}")).to_owned()
    };
    let start = value("ExecStart").replace("%i", "one");
    let mut words: Vec<&str> = start.split_whitespace().collect();
    words[0] = Path::new(words[0]).file_name().unwrap().to_str().unwrap();
    let expected = Command::Run { config: "/etc/connectord/one.toml".into() };
    assert_eq!(parse(&words), Ok(expected));

    let never_again = format!("{} {}", Exit::Usage.code(), Exit::Config.code());
    assert_eq!(value("RestartPreventExitStatus"), never_again);
    let drain = config::parse(EXAMPLE, Path::new("x.toml")).unwrap().config.shutdown.drain_timeout;
    let stop = value("TimeoutStopSec");
    let stop: u64 = stop.trim_end_matches('s').parse().unwrap();
    assert!(stop > drain.as_secs(), "a stop takes {drain:?}, systemd waits {stop} s");
    assert!(value("Type").starts_with("notify"));
}

#[test]
fn no_file_tells_of_the_place_where_it_was_written() {
    // In two parts, so that this file is not the first to be found.
    let words = [
        concat!("/wo", "rk/"),
        concat!("help", "er-"),
        concat!("/ro", "ot/"),
        concat!("npm", "js.org"),
        concat!("npm", "js.com"),
        concat!("127.0.0.1:4", "873"),
    ];
    let mut found = Vec::new();
    for file in all_texts() {
        // The lock names its registry by the word that cargo wants.
        if file.path == "Cargo.lock" {
            continue;
        }
        for word in words {
            if file.text.contains(word) {
                found.push(format!("{} says {word}", file.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn documents() -> Vec<File> {
    let mut all = all_texts();
    all.retain(|file| file.path.ends_with(".md"));
    assert!(all.iter().any(|file| file.path == "README.md"), "there is a README");
    all
}

/// The targets of `[text](target)`.
fn links(text: &str) -> Vec<String> {
    let rests = text.split("](").skip(1);
    rests.filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()).collect()
}

/// What looks like a path of this repository between backticks.
fn paths(text: &str) -> Vec<&str> {
    const FOLDERS: [&str; 8] =
        ["src/", "tests/", "docs/", "config/", "systemd/", "packaging/", "benches/", ".ci/"];
    let outside_of_blocks = text.split("```").step_by(2);
    let quoted = outside_of_blocks.flat_map(|part| part.split('`').skip(1).step_by(2));
    quoted
        .filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)))
        .filter(|word| !word.contains([' ', '*', '{', '<', '%']))
        .collect()
}

/// The anchors of a document's headings.
fn headings(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
            title
                .chars()
                .filter(|letter| letter.is_alphanumeric() || "-_".contains(*letter))
                .collect()
        })
        .collect()
}

/// The fenced blocks of this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(kind) = line.strip_prefix("```") {
            let block: Vec<&str> =
                lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            if kind.trim() == language {
                blocks.push(block.join("\n"));
            }
        }
    }
    blocks
}

fn parse(words: &[&str]) -> Result<Command, Exit> {
    cli::parse(words, |_| Some("from-the-environment.toml".into())).map_err(|answer| answer.exit)
}

const EXAMPLE: &str = r#"
[connector]
account_id = "12345678"
conversation_type = "messaging"

[credentials]
username = "support-bot"
password = { env = "PASSWORD" }

[bot]
transport = "websocket"
url = "wss://bots.example.com/support"
"#;
