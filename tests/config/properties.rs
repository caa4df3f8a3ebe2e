//! What holds for any text: no panic, no secret in sight.

use std::path::Path;

use connectord::config;
use proptest::prelude::*;

use crate::SHORTEST;

/// A secret that no message, key or default contains.
const SECRET: &str = "Zx9qJ7vK2w";

/// The file's words, so that random texts get beyond the first token.
const WORDS: [&str; 22] = [
    "[connector]",
    "[bot]",
    "[custom]",
    "[credentials]",
    "[skills]",
    "\n",
    "\n",
    "=",
    " ",
    "\"",
    "'''",
    "{",
    "}",
    "name",
    "url",
    "account_id",
    "\"ws://[::1]\"",
    "messageDelay",
    "{ file = \"a\" }",
    "5",
    "#",
    "é",
];

proptest! {
    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        let _ = config::parse(&text, Path::new("x.toml")).map_err(|m| m.to_string());
    }

    #[test]
    fn any_heap_of_the_files_own_words_is_answered(words in proptest::collection::vec(0..WORDS.len(), 0..60)) {
        let text: String = words.into_iter().map(|word| WORDS[word]).collect();
        let _ = config::parse(&text, Path::new("x.toml")).map_err(|m| m.to_string());
    }

    #[test]
    fn a_good_file_with_a_few_slips_of_the_pen_shows_no_secret(
        slips in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_u8, "[ -~\n\"=#é]"), 0..4),
    ) {
        let mut text = with_secrets();
        for (place, what, c) in slips {
            let at = place.index(text.len());
            slip(&mut text, at, what, &c);
        }
        let said = match config::parse(&text, Path::new("x.toml")) {
            Ok(loaded) => format!("{loaded:?}{}", loaded.warnings.iter().map(|w| w.to_string()).collect::<String>()),
            Err(mistakes) => format!("{mistakes}{mistakes:?}"),
        };
        // Half a secret is one, too.
        prop_assert!(!said.contains(&SECRET[..5]) && !said.contains(&SECRET[5..]), "{text}\n{said}");
    }
}

#[test]
fn no_secret_shows_in_the_debug_output_of_a_configuration() {
    let loaded = config::parse(&with_secrets(), Path::new("x.toml")).unwrap();
    let shown = format!("{loaded:?} {:#?}", loaded.config);
    assert!(shown.contains("support-bot"));
    assert!(!shown.contains(SECRET), "{shown}");
}

fn with_secrets() -> String {
    let mut text = SHORTEST
        .replace("{ env = \"APP_KEY\" }", "\"SECRET\"")
        .replace("{ env = \"SECRET\" }", "'SECRET'")
        .replace("{ env = \"ACCESS_TOKEN\" }", "\"\"\"SECRET\"\"\"");
    text.push_str(
        "token = \"SECRET\" # not \"SECRET\"\n[cloud]\nproxy = \"http://me:SECRET@proxy:3128\"\n",
    );
    text.push_str("[custom]\nlpPassword = \"SECRET\"\nmessageDelay = 3\n");
    text.replace("SECRET", SECRET).replace(&format!("ACCESS_TOKEN_{SECRET}"), "ACCESS_TOKEN_SECRET")
}

/// Changes one character, but not within a secret.
fn slip(text: &mut String, at: usize, what: u8, c: &str) {
    let in_secret = text
        .match_indices(SECRET)
        .any(|(start, secret)| (start + 1..start + secret.len()).contains(&at));
    if in_secret || !text.is_char_boundary(at) {
        return;
    }
    let end = (at + 1..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(at);
    let starts_secret = text[at..].starts_with(SECRET);
    match what {
        0 => text.insert_str(at, c),
        1 if !starts_secret => text.replace_range(at..end, ""),
        2 if !starts_secret => text.replace_range(at..end, c),
        _ => {}
    }
}

#[test]
fn a_text_that_is_no_configuration_at_all_gets_a_short_answer() {
    let unknown = |n: usize| format!("key{n} = 1\n");
    let mut texts = vec![(0..2000).map(unknown).collect::<String>()];
    texts.extend(["a b c\n", "[a\n", "k = \n", "[[\n", "\"\n"].map(|line| line.repeat(2000)));
    for text in texts {
        let mistakes = config::parse(&text, Path::new("x.toml")).unwrap_err();
        assert!(mistakes.mistakes.len() <= 100);
        assert!(mistakes.to_string().len() < 40_000);
    }
}
