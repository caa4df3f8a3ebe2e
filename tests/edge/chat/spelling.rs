//! The documents spell many things in two ways and leave choices open: a whole chat under each of them.

use serde_json::json;

use crate::{
    simulator::{ChatOptions, ChatStart, Dialect, Options},
    support::{BOT_SKILL, HUMAN_SKILL, World, after, story, text},
};

use super::{card, note, otherwise, talkative};

#[tokio::test(start_paused = true)]
async fn a_whole_chat_is_the_same_in_both_spellings() {
    for dialect in [Dialect::Prefixed, Dialect::Plain] {
        for several in [0, 1] {
            for several_inclusive in [true, false] {
                for session_cookie in [true, false] {
                    let chat = ChatOptions {
                        dialect,
                        several_inclusive,
                        session_cookie,
                        ..ChatOptions::default()
                    };
                    let settings = format!("[chat]\nmulti_chat_poll_threshold = {several}\n");
                    story(whole(Options { chat, ..Options::fixed() }, &settings)).await;
                }
            }
        }
    }
}

/// Two chats beside each other; one ends, the other goes to people.
async fn whole(options: Options, settings: &str) {
    let world = World::chatting_with(options, settings).await;
    world.bot.answers_with(talkative);
    let start = ChatStart { participant: Some("p-1".into()), ..ChatStart::in_skill(BOT_SKILL) };
    let ends = world.cloud.chat_starts(start.clone().named("Ada")).unwrap();
    let leaves = world.cloud.chat_starts(start.saying("5")).unwrap();
    for chat in [&ends, &leaves] {
        world.visitor_says(chat, "one");
    }
    let answer = [
        ("agent", "1 < 2 & 3"),
        ("private", "a note"),
        ("agent", "Choose"),
        ("agent", "That's all."),
    ];
    let mut shown = vec![("visitor", "one"), ("agent", "Hello.")];
    shown.extend(answer);
    world.shows(&ends, &shown).await;
    world.visitor_says(&ends, "bye");
    shown.extend([("visitor", "bye"), ("agent", "Bye.")]);
    world.shows(&ends, &shown).await;
    let mut shown =
        vec![("visitor", "5"), ("visitor", "one"), ("agent", "Hello."), ("agent", "re: 5")];
    shown.extend(answer);
    world.shows(&leaves, &shown).await;
    world.visitor_says(&leaves, "people");
    world.until("both are gone", |status| status.conversations.open == 0).await;
    assert!(world.cloud.chat(&ends).unwrap().is_over());
    assert_eq!(world.cloud.chat(&leaves).unwrap().skill, HUMAN_SKILL);
    let totals = world.status().await.totals;
    assert_eq!((totals.accepted, totals.resolved, totals.transferred), (2, 1, 1));
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn what_visitors_type_arrives_as_they_typed_it() {
    let lines = [
        "1",
        "0",
        "true",
        "null",
        "3.50",
        "-7",
        "1e3",
        "{}",
        "[1,2]",
        "\"quoted\"",
        "a\nb",
        "  spaces  ",
        "<b>bold</b>",
        "&amp; &lt;",
        "Grüße 👋🏽",
        "\u{202e}right to left",
        "'",
        "\\",
        "@id",
        "ended",
    ];
    for options in [Options::fixed(), otherwise()] {
        story(async {
            let world = World::chatting_with(options.clone(), "").await;
            world.bot_answers();
            let chat = world.visitor_starts();
            for line in lines {
                world.visitor_says(&chat, line);
            }
            after(60.0).await;
            let heard: Vec<String> = world
                .bot
                .events()
                .iter()
                .filter(|event| event["type"] == "message")
                .skip(1)
                .map(|event| event["message"]["text"].as_str().unwrap().to_owned())
                .collect();
            let missing: Vec<_> = lines
                .iter()
                .filter(|line| !heard.iter().any(|h| h.trim() == line.trim()))
                .collect();
            assert!(missing.is_empty(), "{missing:?} of {heard:?}");
            assert_eq!(heard.len(), lines.len(), "{heard:?}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_of_html_is_read_as_words() {
    story(async {
        let world = World::chatting().await;
        world.bot.answers_by(|said| format!("[{said}]"));
        let chat = world.visitor_starts();
        after(5.0).await;
        world.cloud.visitor(&chat).says_html("<p>Is <b>5 &lt; 6</b>?</p>").unwrap();
        after(5.0).await;
        assert_eq!(world.shown(&chat).last().unwrap().1, "[Is 5 < 6?]");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_button_that_is_pressed_is_a_line_with_its_text() {
    for options in [Options::fixed(), otherwise()] {
        story(async {
            let world = World::chatting_with(options.clone(), "").await;
            world.bot.answers_with(|said| match said {
                "hi" => vec![json!({ "type": "text", "text": "Which?", "quickReplies": {
                    "type": "quickReplies", "replies": [{ "type": "button", "title": "Refund",
                        "tooltip": "Refund", "click": { "actions": [{ "type": "publishText", "text": "I want a refund" }] } }] } })],
                said => vec![text(&format!("re: {said}")), card("done"), note("noted")],
            });
            let chat = world.visitor_starts();
            after(5.0).await;
            let events = world.cloud.chat_events(&chat);
            let card = events.iter().find(|event| event.line().is_some_and(|line| line.json.is_some()));
            world.cloud.visitor(&chat).clicks(card.unwrap().id, 0).unwrap();
            after(5.0).await;
            let said: Vec<String> = world.shown(&chat).into_iter().map(|(_, line)| line).collect();
            assert_eq!(said[1..], ["I want a refund", "re: I want a refund", "done", "noted"]);
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_right_to_left_language_are_wrapped_that_way() {
    story(async {
        let world = World::chatting().await;
        world.bot.answers_by(|_| "שלום & <b>".to_owned());
        let start = ChatStart { language: Some("he-IL".into()), ..ChatStart::in_skill(BOT_SKILL) };
        let chat = world.cloud.chat_starts(start).unwrap();
        world.shows(&chat, &[("agent", "שלום & <b>")]).await;
        let (_, html) = world.cloud.chat_lines(&chat).pop().unwrap();
        assert!(html.starts_with("<div dir='rtl'"), "{html}");
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_long_answer_is_split_and_stands_in_order() {
    for options in [Options::fixed(), otherwise()] {
        story(async {
            let world = World::chatting_with(options.clone(), "").await;
            let long: String = (0..2_500).map(|n| format!("word {n}. ")).collect();
            let said = long.clone();
            world.bot.answers_by(move |_| said.clone());
            let chat = world.visitor_starts();
            after(20.0).await;
            let shown = world.shown(&chat);
            assert!(shown.len() > 3 && shown.iter().all(|(_, line)| line.chars().count() <= 5_000));
            let words = |text: &str| -> Vec<String> {
                text.split_whitespace().map(str::to_owned).collect()
            };
            let all: Vec<String> = shown.iter().flat_map(|(_, line)| words(line)).collect();
            assert_eq!(all, words(&long));
            world.broke_no_rule();
        })
        .await;
    }
}
