//! Texts that people and other programs write: the configuration file, marks and event ids, single settings.

use std::path::Path;

use crate::{
    config as configuration,
    conversation::{
        Mark, Timestamp,
        event::{EventId, EventKey},
    },
    net,
    ops::{backoff, health, logs},
};

/// A configuration file. Where the input holds the word `CANARY`, a secret stands in the file.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace("CANARY", SECRET);
    let said = match configuration::parse(&text, Path::new("connector.toml")) {
        Ok(loaded) => {
            let again = configuration::parse(&text, Path::new("connector.toml"));
            let again = again.unwrap_or_else(|mistakes| panic!("once good, once bad: {mistakes}"));
            let changed = configuration::Config::needs_restart(&loaded.config, &again.config);
            assert!(changed.is_empty(), "{changed:?} differ from themselves");
            let warnings: String = loaded.warnings.iter().map(ToString::to_string).collect();
            format!("{loaded:?}{warnings}")
        }
        Err(mistakes) => {
            assert!(!mistakes.mistakes.is_empty() && mistakes.mistakes.len() <= 100);
            format!("{mistakes}{mistakes:?}")
        }
    };
    if all_are_values(&text) {
        assert!(!said.contains(&SECRET[..5]) && !said.contains(&SECRET[5..]), "{said}");
    }
}

/// Marks, event ids and keys; one in each line.
pub fn marks(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        if let Some(mark) = Mark::parse(line, vec![1]) {
            assert!(mark.index < mark.count);
            assert_eq!(Mark::parse(&mark.interaction_id(), vec![1]), Some(mark));
        }
        if let Some(key) = EventKey::parse(line) {
            assert_eq!(EventKey::parse(&key.to_string()), Some(key));
            let id = EventId { dialog: line.into(), key };
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
        if let Some(id) = EventId::parse(line) {
            assert_eq!(EventId::parse(&id.to_string()), Some(id));
        }
    }
}

/// Single settings: a log filter, an address, a `Retry-After`, a proxy with its exceptions and a target.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default();
    let (filter, address, wait) = (next(), next(), next());
    let (proxy, no_proxy, target) = (next(), next(), next());
    for content in [false, true] {
        match logs::filter(filter, content) {
            // Trace lines of targets that hold what people say are for those who ask for them.
            Ok(filter) => {
                let level = tracing_subscriber::filter::LevelFilter::ERROR;
                let _ = (filter.default_level() >= Some(level), filter.to_string());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if let Ok(address) = address.parse::<health::Address>() {
        assert_eq!(address.to_string().parse(), Ok(address));
    }
    if let Some(wait) = backoff::retry_after(wait, Timestamp(1_700_000_000_000)) {
        assert!(wait.as_secs() <= 86_400, "{wait:?}");
    }
    net::fuzzing::proxies(proxy, no_proxy, target);
}

/// Whether the secret stands only where a secret may stand: under `[credentials]`, in quotes, as the whole value.
///
/// Elsewhere it is a word like any other, and mistakes may show it.
fn all_are_values(text: &str) -> bool {
    let mut table = "";
    text.lines().all(|line| {
        if line.starts_with('[') {
            table = line;
        }
        let is_value = |key: &str| line == format!("{key} = \"{SECRET}\"");
        !line.contains(SECRET)
            || (table == "[credentials]" && SECRET_KEYS.into_iter().any(is_value))
    }) && !text.contains("\"\"\"")
        && !text.contains("'''")
}

/// No message, key or default contains it, nor either half of it.
const SECRET: &str = "Zx9qJ7vK2w";

const SECRET_KEYS: [&str; 6] =
    ["app_key", "secret", "access_token", "access_token_secret", "client_secret", "password"];
