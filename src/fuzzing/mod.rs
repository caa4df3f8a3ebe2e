//! What the fuzz targets call (`fuzz/`), and what CI replays: one function for each target.
//!
//! A function takes any bytes. It panics when something is wrong, which is what a fuzzer waits for; here the tests
//! feed it what fuzzers have found worth keeping (`fuzz/corpus`). Inputs are texts where they can be, so that people
//! can read and write them. Built for tests and with the feature `fuzzing`, never into a program.

mod chats;
mod conversation;
mod frames;
mod words;

pub use chats::chats;
pub use conversation::conversation;
pub use frames::frames;
pub use words::{config, marks, settings};

use crate::{bot, cloud};

/// An HTTP answer of the domain service, the log-in or the refresh.
pub fn services(data: &[u8]) {
    cloud::fuzzing::services(data);
}

/// An HTTP answer of a webhook bot, or a request of it to the callback.
pub fn replies(data: &[u8]) {
    bot::fuzzing::replies(data);
}

/// A frame of a bot's WebSocket.
pub fn bot_frames(data: &[u8]) {
    bot::fuzzing::frame(data);
}

/// Structured content and clicks.
pub fn content(data: &[u8]) {
    bot::fuzzing::content(data);
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    #[test]
    fn frames() {
        replay("frames", super::frames);
    }

    #[test]
    fn chats() {
        replay("chats", super::chats);
    }

    #[test]
    fn services() {
        replay("services", super::services);
    }

    #[test]
    fn replies() {
        replay("replies", super::replies);
    }

    #[test]
    fn bot_frames() {
        replay("bot_frames", super::bot_frames);
    }

    #[test]
    fn content() {
        replay("content", super::content);
    }

    #[test]
    fn config() {
        replay("config", super::config);
    }

    #[test]
    fn marks() {
        replay("marks", super::marks);
    }

    #[test]
    fn settings() {
        replay("settings", super::settings);
    }

    #[test]
    fn conversation() {
        replay("conversation", super::conversation);
    }

    #[test]
    fn every_target_has_a_function_a_test_and_a_corpus() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
        let here = include_str!("mod.rs");
        for entry in fs::read_dir(root.join("fuzz_targets")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            let call = format!("connectord::fuzzing::{name}(data)");
            assert!(fs::read_to_string(&path).unwrap().contains(&call), "{name} calls another");
            assert!(here.contains(&format!("replay(\"{name}\", super::{name})")), "{name}");
            assert!(root.join("corpus").join(name).is_dir(), "{name} has no corpus");
        }
    }

    /// Feeds a target with its corpus, and with each input cut off in the middle.
    fn replay(name: &str, target: fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
        let mut paths: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        assert!(!paths.is_empty(), "nothing in {}", folder.display());
        for path in paths {
            let data = fs::read(&path).unwrap();
            for data in [&data[..], &data[..data.len() / 2]] {
                let outcome = std::panic::catch_unwind(|| target(data));
                assert!(outcome.is_ok(), "{} fails, or its first half does", path.display());
            }
        }
    }
}
