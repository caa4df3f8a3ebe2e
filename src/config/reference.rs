//! Pure: the reference of the file, as Markdown.

use std::fmt::Write as _;

use super::keys::{self, Key, Keys, Kind, Presence, Section};

/// The reference of all keys (`docs/config.md`).
#[must_use]
pub fn reference() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in keys::SECTIONS {
        page.push_str(&self::section(section));
    }
    page.push_str(MOVED);
    for moved in keys::MOVED {
        let to = moved.to.map_or_else(|| "nothing".to_owned(), |to| format!("`{to}`"));
        push(&mut page, &format!("| `{}` | {to} |\n", moved.name));
    }
    page
}

fn section(section: &Section) -> String {
    let mut text = format!("\n## [{}]\n\n{}\n", section.name, section.doc);
    match section.keys {
        Keys::Known([]) => {}
        Keys::Known(known) => {
            text.push_str("\n| key | value | default | meaning |\n|---|---|---|---|\n");
            for key in known {
                push(&mut text, &row(key));
            }
        }
        Keys::Free(kind) => push(&mut text, &format!("\nEach value: {}.\n", kind.expected())),
    }
    text
}

fn row(key: &Key) -> String {
    let default = match key.presence {
        Presence::Required => "**required**".to_owned(),
        Presence::Default(text) => format!("`{text}`"),
        Presence::Optional("") => "none".to_owned(),
        Presence::Optional(words) => format!("none: {words}"),
    };
    let restart = if key.restart { " *(restart)*" } else { "" };
    format!(
        "| `{}` | {} | {} | {}{restart} |\n",
        key.name(),
        cell(&value(key.kind)),
        cell(&default),
        cell(key.doc)
    )
}

/// What a value may be, short enough for a column.
fn value(kind: Kind) -> String {
    match kind {
        Kind::Choice(words) => {
            words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
        }
        Kind::Count(min, max) => format!("{min} to {max}"),
        Kind::Span(min, max) => format!(
            "duration, `\"{}\"` to `\"{}\"`",
            super::words::write_span(min),
            super::words::write_span(max)
        ),
        Kind::Secret | Kind::SigningSecret => "[secret](#secrets)".to_owned(),
        Kind::Text(_)
        | Kind::Flag
        | Kind::Url(_)
        | Kind::Proxy
        | Kind::Path
        | Kind::Listen
        | Kind::Address
        | Kind::LogFilter
        | Kind::Texts
        | Kind::Patterns => kind.expected(),
    }
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn push(page: &mut String, text: &str) {
    // Writing to a String cannot fail.
    let _ = page.write_str(text);
}

const INTRODUCTION: &str = "\
# Configuration reference

<!-- Made from src/config/keys.rs; a test fails when it is stale. To renew it: UPDATE=1 cargo test --test config -->

One TOML file holds one connector. `connectord check --config FILE` says all that is wrong with it;
`connectord schema` prints a JSON Schema for editors. A file with every key is `config/connector.toml`.

An unknown key, a value of the wrong type or out of range, and a missing required key are mistakes; the daemon does
not start with one. At SIGHUP the file is read again: keys marked *(restart)* keep their old value until the next start.

Durations are texts with a unit: `ms`, `s`, `m` or `h`. The fields of `[custom]` have the units that their
description names. File names are relative to the folder of the configuration file.

## Secrets

A secret is a text, or a table that says where it comes from:

| value | source |
|---|---|
| `\"...\"` | the file itself; then only its owner should be able to read it |
| `{ file = \"app_key\" }` | a file; one newline at its end is removed |
| `{ env = \"NAME\" }` | an environment variable |
| `{ credential = \"NAME\" }` | a file of that name in `$CREDENTIALS_DIRECTORY`, as systemd's `LoadCredential=` provides |

Sources are read again at each log-in, so that a changed key works without a restart.

## Live chat

With `conversation_type = \"chat\"` all keys have their meaning but these; a file may hold them all the same, and
`connectord check` names them:

| key | in chat |
|---|---|
| `[connector] role` | always `agent`: chat has no managers |
| `[connector] late_messages` | nothing is late |
| `[custom]` | only `defaultGreetingMessage` and `disableGreetings` have an effect; the others hold with their defaults, as far as chat has such a thing at all |
| `messageDelay`, `acceptStatusEventValue`, `skipAgentMessage` | each line goes to the bot alone and at once, without a receipt; what was said to another agent before does not |
| `ringAcceptWait` | a chat is accepted at once |
| `messageResendMaxRetries`, `retryMessageInterval` | a webhook that fails at a line is asked again after 5, 10 and 15 s; a websocket is not |
| `fallbackEscalationTime` | a line that is not answered within `[bot] request_timeout`, or four times of it for a webhook, goes to the fallback skill; so does one that a webhook has failed at four times |
| `[shutdown] on_stop` | keep: with open chats there is no log-out, and the next start has to come within 40 seconds, or the cloud ends them; return: the log-out hands them back |
| `maxEscalationRetries` | a transfer that fails is followed by one to the fallback skill; if that fails too, the chat stays with the bot, which is told so once for each line |
";

const MOVED: &str = "
## Fields of older connectors

`[custom]` accepts these fields with a warning; they have no effect there.

| field | use instead |
|---|---|
";
