//! Pure: the status as a page for people. No script, nothing from elsewhere, readable without colours.

use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::{
    conversation::Timestamp,
    ops::status::{
        BotStatus, CloudStatus, ConnectorStatus, Conversations, LastError, Phase, Status, Totals,
        length,
    },
};

/// The page.
pub(super) fn page(status: &Status, now: Timestamp) -> String {
    let connector = &status.agent_connector;
    let cloud = &status.conversational_cloud;
    let bot = &status.bot_server;
    let tone = connector_tone(status);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                meta http-equiv="refresh" content=(REFRESH_SECONDS);
                title { (connector.status.word()) " · " (status.name) }
                link rel="icon" href=(icon(tone));
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    header {
                        h1 { (status.name) }
                        p class="about" {
                            "Account " (status.account_id) ", " (status.conversation_type) ", " (status.environment)
                        }
                    }
                    section class="hero" {
                        h2 { "Agent connector" }
                        (word(connector.status.word(), tone))
                        (since(connector.since, now))
                        (detail(&connector.detail))
                    }
                    div class="pair" {
                        section {
                            h2 { "Conversational Cloud" }
                            (word(cloud.status.word(), cloud_tone(status)))
                            (since(cloud.since, now))
                            (small(&cloud_facts(status)))
                            (detail(&cloud.detail))
                            (last_error(cloud.last_error.as_ref(), now))
                        }
                        section {
                            h2 { "Bot server" }
                            (word(bot.status.word(), bot_tone(status)))
                            (since(bot.since, now))
                            (detail(&bot.detail))
                            (last_error(bot.last_error.as_ref(), now))
                        }
                    }
                    div class="pair" {
                        (conversations(status.conversations))
                        (totals(status.totals))
                    }
                    footer {
                        p {
                            "connectord " (status.version) ", up for " (length(status.started, now))
                            @if !status.custom_fingerprint.is_empty() {
                                ", custom fields " code { (status.custom_fingerprint) }
                            }
                        }
                        nav {
                            @for (path, name) in LINKS {
                                a href=(path) { (name) }
                            }
                        }
                    }
                }
            }
        }
    }
    .into_string()
}

/// The page's `Content-Security-Policy`: its own style, by hash, its icon, and nothing else.
pub(super) fn security_policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'"
    )
}

/// How a word is to be taken: a colour, and a shape for those who do not see it.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Wait,
    Bad,
    Idle,
}

fn connector_tone(status: &Status) -> Tone {
    match status.agent_connector.status {
        ConnectorStatus::Online => match cloud_tone(status) {
            Tone::Wait => Tone::Wait,
            Tone::Good | Tone::Bad | Tone::Idle => Tone::Good,
        },
        ConnectorStatus::NotConnected => Tone::Bad,
        ConnectorStatus::ReadyToStart => Tone::Wait,
        ConnectorStatus::Stopped => Tone::Idle,
    }
}

fn cloud_tone(status: &Status) -> Tone {
    match status.conversational_cloud.status {
        CloudStatus::Connected | CloudStatus::Online => Tone::Good,
        CloudStatus::Away => Tone::Wait,
        CloudStatus::NotConnected | CloudStatus::Offline => down(status.phase),
    }
}

fn bot_tone(status: &Status) -> Tone {
    match status.bot_server.status {
        BotStatus::Connected => Tone::Good,
        BotStatus::NotApplicable => Tone::Idle,
        BotStatus::NotConnected => down(status.phase),
    }
}

/// What is not connected is bad news only when it should be.
fn down(phase: Phase) -> Tone {
    match phase {
        Phase::Starting => Tone::Wait,
        Phase::Serving => Tone::Bad,
        Phase::Draining | Phase::Stopped => Tone::Idle,
    }
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Wait => "wait",
            Self::Bad => "bad",
            Self::Idle => "idle",
        }
    }

    /// Inside a box of 10 by 10: a disc, half a disc, a cross, a ring.
    fn shape(self) -> &'static str {
        match self {
            Self::Good => r#"<circle cx="5" cy="5" r="5" fill="currentColor"/>"#,
            Self::Wait => {
                r#"<circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6"/><path d="M5 1a4 4 0 0 1 0 8z" fill="currentColor"/>"#
            }
            Self::Bad => {
                r#"<path d="M1 1l8 8M9 1l-8 8" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>"#
            }
            Self::Idle => {
                r#"<circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" stroke-width="1.6"/>"#
            }
        }
    }

    /// Readable on a light and on a dark tab.
    fn icon_colour(self) -> &'static str {
        match self {
            Self::Good => "#2e9e68",
            Self::Wait => "#c98a10",
            Self::Bad => "#e0483d",
            Self::Idle => "#868b93",
        }
    }
}

fn icon(tone: Tone) -> String {
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 12 12" color="{}">{}</svg>"#,
        tone.icon_colour(),
        tone.shape()
    );
    format!("data:image/svg+xml,{}", utf8_percent_encode(&svg, NON_ALPHANUMERIC))
}

fn word(word: &str, tone: Tone) -> Markup {
    html! {
        p class={ "word " (tone.class()) } {
            svg viewBox="0 0 10 10" aria-hidden="true" { (PreEscaped(tone.shape())) }
            (word)
        }
    }
}

fn since(from: Timestamp, now: Timestamp) -> Markup {
    html! {
        p class="since" { "for " (length(from, now)) ", " span class="once" { "since " (moment(from)) } }
    }
}

fn detail(text: &str) -> Markup {
    html! { @if !text.is_empty() { p class="detail" { (sentence(text)) } } }
}

fn small(text: &str) -> Markup {
    html! { @if !text.is_empty() { p class="small" { (text) } } }
}

fn last_error(error: Option<&LastError>, now: Timestamp) -> Markup {
    html! {
        @if let Some(LastError { time, message }) = error {
            p class="error" {
                span { "Last error: " (message) }
                (length(*time, now)) " ago, " span class="once" { (moment(*time)) }
            }
        }
    }
}

fn cloud_facts(status: &Status) -> String {
    let cloud = &status.conversational_cloud;
    let state = cloud.agent_state.as_ref().map(|state| format!("Agent state {state}"));
    let reconnects =
        (cloud.reconnects > 0).then(|| times(cloud.reconnects, "reconnect", "reconnects"));
    let facts: Vec<_> = state.into_iter().chain(reconnects).collect();
    facts.join(", ")
}

fn conversations(counts: Conversations) -> Markup {
    let Conversations { open, limit, waiting_for_bot } = counts;
    // A limit that was lowered can lie below what is open; a bar cannot be longer than its track.
    let (length, filled) = (limit.max(1), open.min(limit.max(1)));
    let class = if open >= limit { "full" } else { "open" };
    html! {
        section {
            h2 { "Conversations" }
            p class="big" { (open) span { " of " (limit) } }
            svg class="meter" viewBox={ "0 0 " (length) " 1" } preserveAspectRatio="none" role="img"
                aria-label={ (open) " of " (limit) " conversations are open" } {
                rect class="track" width=(length) height="1" {}
                rect class=(class) width=(filled) height="1" {}
            }
            p class="small" {
                @if waiting_for_bot == 0 { "None waits for the bot" } @else {
                    (times(u64::try_from(waiting_for_bot).unwrap_or(u64::MAX), "waits", "wait")) " for the bot"
                }
            }
        }
    }
}

fn totals(totals: Totals) -> Markup {
    let Totals {
        accepted,
        resolved,
        transferred,
        fallback_escalations,
        consumer_messages,
        bot_replies,
        too_late,
    } = totals;
    html! {
        section {
            h2 { "Since the start" }
            dl {
                @for (name, count) in [
                    ("Accepted", accepted),
                    ("Resolved", resolved),
                    ("Transferred", transferred),
                    ("By fallback", fallback_escalations),
                    ("Consumer messages", consumer_messages),
                    ("Bot replies", bot_replies),
                    ("Too late", too_late),
                ] {
                    div { dt { (name) } dd { (grouped(count)) } }
                }
            }
        }
    }
}

fn moment(time: Timestamp) -> Markup {
    let text = time.to_string();
    // 2026-08-26T10:00:00.000Z: seconds are for machines.
    let (date, clock) = (text.get(..10).unwrap_or(&text), text.get(11..16).unwrap_or(""));
    html! { time datetime=(text) { (date) " " (clock) " UTC" } }
}

fn times(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// Details begin small, since they also stand after a colon.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Thousands apart, by a narrow space that does not break.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

const STYLE: &str = include_str!("page.css");
const REFRESH_SECONDS: &str = "10";
const LINKS: [(&str, &str); 4] = [
    ("/status", "JSON"),
    ("/metrics", "Metrics"),
    ("/readyz", "Readiness"),
    ("/livez", "Liveness"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::status::tests::{at, example};

    #[test]
    fn hostile_strings_are_shown_and_never_obeyed() {
        let attack = "<script>alert(1)</script>\"'><img src=x onerror=y>&lt;</title></style>";
        let mut status = example();
        for text in [
            &mut status.name,
            &mut status.version,
            &mut status.account_id,
            &mut status.environment,
            &mut status.conversation_type,
            &mut status.custom_fingerprint,
            &mut status.agent_connector.detail,
            &mut status.conversational_cloud.detail,
            &mut status.bot_server.detail,
        ] {
            *text = attack.to_owned();
        }
        status.conversational_cloud.agent_state = Some(attack.to_owned());
        for error in
            [&mut status.conversational_cloud.last_error, &mut status.bot_server.last_error]
        {
            *error = Some(LastError { time: at(0), message: attack.to_owned() });
        }
        let html = page(&status, at(1));
        for forbidden in ["<script", "<img", "\"'>"] {
            assert!(!html.contains(forbidden), "{forbidden} in {html}");
        }
        assert_eq!(html.matches("</title>").count(), 1);
        assert_eq!(html.matches("</style>").count(), 1);
        // Eleven places, the name twice.
        let shown = html.matches("script&gt;alert(1)&lt;/script&gt;&quot;'&gt;&lt;img").count();
        assert_eq!(shown, 13, "{html}");
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        let html = page(&example(), at(1));
        assert!(!html.contains("//"), "{html}");
        for (path, _) in LINKS {
            assert!(html.contains(&format!("href=\"{path}\"")));
        }
        for outside in ["url(", "@import", "http:", "https:"] {
            assert!(!STYLE.contains(outside), "{outside}");
        }
    }

    #[test]
    fn the_style_in_the_page_is_the_one_that_the_policy_names() {
        let html = page(&example(), at(1));
        let (_, rest) = html.split_once("<style>").unwrap();
        let (style, _) = rest.split_once("</style>").unwrap();
        let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
        assert!(security_policy().contains(&format!("'sha256-{hash}'")));
        assert!(!html.contains("style=\""), "inline styles would be refused by the policy");
    }

    #[test]
    fn each_state_has_its_word_its_tone_and_its_title() {
        let mut status = example();
        for (connector, phase, tone) in [
            (ConnectorStatus::Online, Phase::Serving, "good"),
            (ConnectorStatus::ReadyToStart, Phase::Starting, "wait"),
            (ConnectorStatus::NotConnected, Phase::Serving, "bad"),
            (ConnectorStatus::Stopped, Phase::Draining, "idle"),
        ] {
            (status.agent_connector.status, status.phase) = (connector, phase);
            let html = page(&status, at(1));
            let word = connector.word();
            assert!(html.contains(&format!("<title>{word} · support-bot-1</title>")), "{html}");
            let (_, hero) = html.split_once("class=\"hero\"").unwrap();
            assert!(hero.contains(&format!("<p class=\"word {tone}\">")), "{hero}");
        }
    }

    #[test]
    fn a_meter_never_overflows_and_numbers_are_grouped() {
        let html = conversations(Conversations { open: 7, limit: 5, waiting_for_bot: 1 }).0;
        assert!(
            html.contains("viewBox=\"0 0 5 1\"") && html.contains("class=\"full\" width=\"5\"")
        );
        assert!(html.contains("1 waits for the bot"), "{html}");
        let html = conversations(Conversations::default()).0;
        assert!(html.contains("viewBox=\"0 0 1 1\""), "{html}");
        let shown = [0, 999, 1_000, 1_234_567].map(grouped);
        assert_eq!(shown, ["0", "999", "1\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }
}
