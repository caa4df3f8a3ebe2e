//! The search for secrets in everything that anybody might read, shared by the test binaries.
//!
//! The tests' secrets are made to be found: whatever the simulated cloud hands out begins with `canary-`, and so do
//! secrets that tests invent; the default world's credentials begin with `support-bot-` and a word that no name has.
//! A hit raises an alarm, which fails the test that hears of it.

use std::{
    sync::{Mutex, PoisonError},
    thread::{self, ThreadId},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};

/// The first place in `text` that holds a secret, in any spelling: plain, percent-encoded, hexadecimal or base64.
pub(crate) fn find(text: &str) -> Option<String> {
    let forms = FORMS.get_or_init(forms);
    let lower = text.contains('%').then(|| percent_decoded(text));
    let texts = [Some(text), lower.as_deref()];
    for text in texts.into_iter().flatten() {
        for form in forms {
            if let Some(at) = text.find(form.as_str()) {
                let around = text.char_indices().map(|(at, _)| at).filter(|place| *place <= at);
                let from = around.rev().nth(60).unwrap_or(0);
                let shown: String = text[from..].chars().take(160).collect();
                return Some(format!("…{shown}…"));
            }
        }
    }
    None
}

/// Raises an alarm if `text`, found at `place`, holds a secret.
pub(crate) fn search(place: &str, text: &str) {
    if let Some(found) = find(text) {
        alarms().push((thread::current().id(), format!("{place}: {found}")));
    }
}

/// The alarms that this thread has raised, and forgets them.
pub(crate) fn alarms_here() -> Vec<String> {
    let here = thread::current().id();
    let (mine, others) = std::mem::take(&mut *alarms()).into_iter().partition(|one| one.0 == here);
    *alarms() = others;
    let mine: Vec<(ThreadId, String)> = mine;
    mine.into_iter().map(|(_, what)| what).collect()
}

/// Fails the test if a secret has been seen on this thread. To be called when a test's world ends.
pub(crate) fn check_here() {
    let seen = alarms_here();
    assert!(seen.is_empty() || thread::panicking(), "secrets have been seen: {seen:#?}");
}

fn alarms() -> std::sync::MutexGuard<'static, Vec<(ThreadId, String)>> {
    ALARMS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Every word in every spelling.
fn forms() -> Vec<String> {
    let mut forms = Vec::new();
    for word in WORDS {
        forms.push((*word).to_owned());
        forms.push(word.bytes().map(|byte| format!("{byte:02x}")).collect());
        for before in 0..3 {
            // Where a word begins within three bytes decides about its letters in base64; both ends depend on neighbours.
            let text = STANDARD_NO_PAD.encode(format!("{}{word}", "-".repeat(before)));
            let (from, to) = ([0, 2, 3][before], (word.len() + before) / 3 * 4);
            forms.push(text[from..to].to_owned());
        }
    }
    forms
}

fn percent_decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

static ALARMS: Mutex<Vec<(ThreadId, String)>> = Mutex::new(Vec::new());
static FORMS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();

/// What every secret of the tests begins with.
const WORDS: &[&str] = &["canary-", "support-bot-key", "support-bot-secret", "support-bot-token"];

#[test]
fn a_secret_is_found_in_every_spelling() {
    let url = "wss://ann:canary-proxy@host/";
    let base64 = |text: &str| STANDARD_NO_PAD.encode(text);
    let texts = [
        url.to_owned(),
        "brand/canary%2Dbearer%2D0123".to_owned(),
        "%63%61%6e%61%72%79%2D1".to_owned(),
        "{\"bearer\":\"canary-bearer-0123\"}".to_owned(),
        "{\\\"secret\\\":\\\"support-bot-secret\\\"}".to_owned(),
        base64("canary-1"),
        base64("u:canary-1"),
        base64("me:canary-1"),
        base64("ann:support-bot-secret"),
        "63616e6172792d31".to_owned(),
    ];
    for text in texts {
        assert!(find(&text).is_some(), "{text}");
    }
    for text in ["", "support-bot", "a canary sings", "support-bot is Online", "100%", "Y2Fu"] {
        assert_eq!(find(text), None, "{text}");
    }
}
