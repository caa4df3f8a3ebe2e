//! Which room may name which: the architecture in its shortest form.

use std::collections::BTreeSet;

use crate::files::{File, rust_files};

/// A file or folder below `src`, and the rooms that it may name beside itself. The longest name that fits counts.
const MAY_NAME: &[(&str, &[&str])] = &[
    // The middle room decides and knows nobody.
    ("conversation", &[]),
    // The doors know the words of the middle room, and never each other.
    ("cloud", &["conversation", "net", "ops", "secret"]),
    ("bot", &["conversation", "net", "ops", "secret"]),
    ("net", &[]),
    ("secret.rs", &[]),
    // What an operator sees, in the words of the rooms that it tells about.
    ("ops", &["bot", "cloud", "conversation"]),
    // Knows the settings of each room; no room knows it.
    ("config", &["bot", "cloud", "conversation", "net", "ops", "secret"]),
    // What the fuzz targets call; not part of any program.
    ("fuzzing", EVERYTHING),
    // The hall, and what starts it, see everything.
    ("daemon", EVERYTHING),
    ("cli.rs", EVERYTHING),
    ("main.rs", EVERYTHING),
    ("lib.rs", EVERYTHING),
    // A program of its own: it shares nothing with the connector, or both could be wrong together.
    ("bin/cloud-simulator", &["demo", "demo_bot", "serve", "simulator"]),
];

const EVERYTHING: &[&str] =
    &["bot", "cli", "cloud", "config", "conversation", "daemon", "net", "ops", "secret"];

#[test]
fn each_room_names_only_the_rooms_that_it_may() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let (place, allowed) = rule(&file);
        let own = place.split(['/', '.']).next().unwrap();
        for room in rooms(&file.code()) {
            if room != own && !allowed.contains(&room.as_str()) {
                wrong.push(format!("{} names {room}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_rule_has_its_file_or_folder() {
    let files = rust_files("src");
    for (place, _) in MAY_NAME {
        assert!(files.iter().any(|file| rule(file).0 == *place), "no file is in {place}");
    }
}

#[test]
fn the_connector_and_the_simulator_do_not_know_each_other() {
    for file in rust_files("src") {
        let code = file.code();
        if file.path.starts_with("src/bin/cloud-simulator/") {
            assert!(!code.contains("connectord::"), "{} names the connector", file.path);
        } else {
            assert!(!code.contains("simulator"), "{} names the simulator", file.path);
        }
    }
}

#[test]
fn a_file_that_calls_itself_pure_has_no_clock_no_socket_no_file_and_no_log() {
    let banned = [
        "tokio::",
        "tracing::",
        "std::net",
        "std::fs",
        "std::env",
        "std::thread",
        "Instant::now",
        "SystemTime::now",
        "getrandom",
    ];
    let pure: Vec<File> =
        rust_files("src").into_iter().filter(|file| file.text.starts_with("//! Pure:")).collect();
    assert!(pure.len() > 20, "only {} files are pure", pure.len());
    let mut wrong = Vec::new();
    for file in pure {
        for name in banned {
            // An address is a value; what is banned of std::net is what opens sockets.
            let code = ADDRESSES.iter().fold(file.code(), |code, value| code.replace(value, ""));
            if code.contains(name) {
                wrong.push(format!("{} calls itself pure and names {name}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_middle_room_is_pure_from_wall_to_wall() {
    for file in rust_files("src/conversation") {
        assert!(file.text.starts_with("//! Pure:"), "{} does not call itself pure", file.path);
        for word in crates(&file.code()) {
            let may = ["std", "core", "serde", "serde_json", "thiserror", "regex_lite", "fastrand"];
            assert!(may.contains(&word.as_str()), "{} uses {word}", file.path);
        }
    }
}

#[test]
fn only_the_clocks_ask_for_the_time() {
    for file in rust_files("src") {
        if file.path.ends_with("/clock.rs") {
            continue;
        }
        for question in ["Instant::now()", "SystemTime::now()", ".elapsed()"] {
            assert!(!file.code().contains(question), "{} asks {question}", file.path);
        }
    }
}

const ADDRESSES: &[&str] =
    &["std::net::IpAddr", "std::net::SocketAddr", "std::net::{IpAddr, SocketAddr}"];

/// The rule for a file: the longest place that fits.
fn rule(file: &File) -> (&'static str, &'static [&'static str]) {
    let path = file.path.strip_prefix("src/").unwrap();
    let fits = |place: &str| {
        path == place || path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/'))
    };
    let found = MAY_NAME.iter().filter(|(place, _)| fits(place)).max_by_key(|rule| rule.0.len());
    *found.unwrap_or_else(|| panic!("no rule says what {} may name", file.path))
}

/// The rooms that code names: what follows `crate::` or `connectord::`, one by one or in braces.
fn rooms(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for sign in ["crate::", "connectord::"] {
        for rest in code.split(sign).skip(1) {
            match rest.strip_prefix('{') {
                Some(list) => rooms.extend(heads(list)),
                None => drop(rooms.insert(word(rest))),
            }
        }
    }
    rooms.retain(|room| room.chars().next().is_some_and(char::is_lowercase));
    rooms
}

/// The first words of a list in braces, up to its end; what is in inner braces is left out.
fn heads(list: &str) -> Vec<String> {
    let mut depth = 1;
    let mut heads = Vec::new();
    let mut is_head = true;
    let mut rest = list;
    while let Some(letter) = rest.chars().next() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => is_head = true,
            _ if is_head && letter.is_alphanumeric() => {
                heads.push(word(rest));
                is_head = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        rest = &rest[letter.len_utf8()..];
    }
    heads
}

/// The heads of `use` lines that are crates.
fn crates(code: &str) -> BTreeSet<String> {
    let lines = code.lines().filter_map(|line| line.strip_prefix("use "));
    let mut heads: BTreeSet<String> = lines.map(word).collect();
    let modules = code.lines().filter_map(|line| line.strip_suffix(';')?.split("mod ").nth(1));
    for own in modules.chain(["crate", "super", "self"]) {
        heads.remove(own);
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

#[test]
fn rooms_are_found_in_every_way_to_write_them() {
    let code = "use crate::{\n    bot::{A, b},\n    cloud,\n    net::x,\n};\nlet x = crate::ops::clock::now();";
    let expected = ["bot", "cloud", "net", "ops"].map(str::to_owned);
    assert_eq!(rooms(code), BTreeSet::from(expected));
}
