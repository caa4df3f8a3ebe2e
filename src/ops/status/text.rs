//! Pure: the status as `connectord status` prints it.

use std::fmt::Write as _;

use crate::conversation::Timestamp;

use super::{LastError, Status, Totals};

/// A few lines for a terminal. Control characters of other programs are taken out.
#[must_use]
pub fn text(status: &Status, now: Timestamp) -> String {
    let mut lines = Lines::default();
    lines.push(format!("{}  {}", status.name, about(status)));
    lines.push(String::new());

    let connector = &status.agent_connector;
    lines.part(
        "Agent connector",
        connector.status.word(),
        connector.since,
        now,
    );
    lines.indented(&connector.detail);

    let cloud = &status.conversational_cloud;
    lines.part(
        "Conversational Cloud",
        cloud.status.word(),
        cloud.since,
        now,
    );
    lines.indented(&cloud.detail);
    if let Some(state) = &cloud.agent_state {
        lines.indented(&format!("agent state {state}"));
    }
    if cloud.reconnects > 0 {
        lines.indented(&format!("reconnects: {}", cloud.reconnects));
    }
    lines.error(cloud.last_error.as_ref());

    let bot = &status.bot_server;
    lines.part("Bot server", bot.status.word(), bot.since, now);
    lines.indented(&bot.detail);
    lines.error(bot.last_error.as_ref());

    lines.push(String::new());
    let counts = &status.conversations;
    lines.push(format!(
        "{:<NAME$}{} open of at most {}, {} waiting for the bot",
        "Conversations", counts.open, counts.limit, counts.waiting_for_bot
    ));
    let Totals {
        accepted,
        resolved,
        transferred,
        fallback_escalations,
        consumer_messages,
        bot_replies,
        too_late,
    } = status.totals;
    lines.push(format!(
        "{:<NAME$}{accepted} accepted, {resolved} resolved, {transferred} transferred, \
         {fallback_escalations} by fallback",
        "Since it started"
    ));
    lines.push(format!(
        "{:<NAME$}{consumer_messages} consumer messages, {bot_replies} bot replies, {too_late} too late",
        ""
    ));
    lines.push(format!(
        "{:<NAME$}{}",
        "Custom fields", status.custom_fingerprint
    ));
    lines.0
}

/// A length of time in its two greatest units: `3 d 4 h`, `5 min 2 s`, `0 s`.
#[must_use]
pub fn length(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.millis_since(from).max(0) / 1000;
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::with_capacity(4);
    for (unit, size) in units {
        parts.push((rest / size, unit));
        rest %= size;
    }
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let mut text = String::new();
    for (count, unit) in parts.iter().skip(first).take(2).filter(|part| part.0 > 0) {
        let space = if text.is_empty() { "" } else { " " };
        // Writing to a String cannot fail.
        let _ = write!(text, "{space}{count} {unit}");
    }
    if text.is_empty() {
        "0 s".to_owned()
    } else {
        text
    }
}

fn about(status: &Status) -> String {
    format!(
        "connectord {}, account {}, {}, {}",
        status.version, status.account_id, status.conversation_type, status.environment
    )
}

#[derive(Default)]
struct Lines(String);

impl Lines {
    fn push(&mut self, line: String) {
        self.0
            .push_str(line.replace(char::is_control, " ").trim_end());
        self.0.push('\n');
    }

    fn part(&mut self, name: &str, word: &str, since: Timestamp, now: Timestamp) {
        self.push(format!("{name:<NAME$}{word:<16}for {}", length(since, now)));
    }

    fn indented(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(format!("{:<NAME$}{text}", ""));
        }
    }

    fn error(&mut self, error: Option<&LastError>) {
        if let Some(LastError { time, message }) = error {
            self.indented(&format!("last error {time}: {message}"));
        }
    }
}

/// The width of the first column.
const NAME: usize = 22;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::{at, example};

    #[test]
    fn the_text_says_all_that_an_operator_asks_first() {
        assert_eq!(
            text(&example(), at(75)),
            "\
support-bot-1  connectord 0.1.0, account 12345678, messaging, production

Agent connector       Not Connected   for 1 h 15 min
                      bot server: connection refused; start the bot
Conversational Cloud  Connected       for 1 h 45 min
                      agent state ONLINE
                      reconnects: 2
                      last error 2026-08-26T09:29:00.000Z: closed by the cloud with 1006
Bot server            Not Connected   for 1 h 15 min
                      connection refused; start the bot

Conversations         12 open of at most 50, 1 waiting for the bot
Since it started      140 accepted, 90 resolved, 38 transferred, 2 by fallback
                      812 consumer messages, 809 bot replies, 4 too late
Custom fields         3f1c9a7b
"
        );
    }

    #[test]
    fn control_characters_never_reach_the_terminal() {
        let mut status = example();
        status.bot_server.detail = "\u{1b}[2Jgone\nfake line\u{7}".to_owned();
        let shown = text(&status, at(0));
        assert!(
            !shown.replace('\n', "").contains(char::is_control),
            "{shown:?}"
        );
        assert!(shown.contains(" [2Jgone fake line"), "{shown}");
    }

    #[test]
    fn a_length_shows_its_two_greatest_units() {
        for (seconds, expected) in [
            (-5, "0 s"),
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (125, "2 min 5 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (5_400, "1 h 30 min"),
            (86_400 * 12 + 3_600, "12 d 1 h"),
        ] {
            let to = Timestamp(seconds * 1000);
            assert_eq!(length(Timestamp(0), to), expected);
        }
    }
}
