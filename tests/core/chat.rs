//! Live chat: the agent speaks first, each line is a turn of its own, no mark comes back, and there may be nobody to
//! transfer to.

use connectord::conversation::{
    Arrival, Call, Settings,
    effect::{Disposition, Escalation, Fact},
    event::{Action, Audience, Content, Message, Reach, Speaker, Target},
};
use proptest::prelude::*;

use crate::support::{
    Door, Exits, Talk, consumer, fallback_to, me, message, ms, refused, secs, text, transfer,
    transfer_to_name,
};

/// A chat that has just been accepted. Marks never come back, and a bot has 30 s for an answer.
fn accepted(
    history: impl IntoIterator<Item = Message>,
    change: impl FnOnce(&mut Settings),
) -> Talk {
    let mut talk = prepared(history, 0, change);
    talk.begin(Arrival::Assigned);
    talk
}

/// A chat that was this agent's already when the process came up.
fn found(history: impl IntoIterator<Item = Message>) -> Talk {
    let mut talk = prepared(history, 0, |_| {});
    talk.begin(Arrival::Found);
    talk
}

fn prepared(
    history: impl IntoIterator<Item = Message>,
    resends: u32,
    change: impl FnOnce(&mut Settings),
) -> Talk {
    let mut talk = Talk::prepared(history, |settings| {
        *settings = std::mem::take(settings).in_chat(secs(30), resends);
        settings.unavailable = Some("Nobody is here now.".to_owned());
        change(settings);
    });
    talk.marks_come_back = false;
    talk
}

/// A chat in which the bot has greeted, and been asked for people.
fn greeted(change: impl FnOnce(&mut Settings)) -> Talk {
    let mut talk = accepted([], change);
    talk.answers([text("welcome")]);
    talk.consumer("a human please");
    talk.forget_all();
    talk
}

// ---- the first lines ----

#[test]
fn lines_that_wait_already_follow_the_greeting_one_by_one() {
    let system = message(0, Speaker::System, Content::Unknown, consumer(0, "").time);
    let waiting = [system, consumer(1, "hello?"), consumer(2, "refund"), consumer(3, "now")];
    let mut talk = accepted(waiting, |_| {});
    assert_eq!(talk.asked(), ["hi"]);
    talk.answers([text("welcome")]);
    assert_eq!(talk.asked(), ["hello?"]);
    talk.answers([text("one")]);
    assert_eq!(talk.asked(), ["refund"]);
    talk.answers([]);
    assert_eq!(talk.asked(), ["now"]);
    talk.answers([text("three")]);
    talk.after(secs(100));
    assert!(talk.asked().is_empty());
    assert_eq!(talk.said(), ["welcome", "one", "three"]);
}

#[test]
fn without_a_greeting_the_lines_that_wait_are_the_first_turns() {
    let mut talk =
        accepted([consumer(0, "a"), consumer(1, "b")], |settings| settings.greeting = None);
    assert_eq!(talk.asked(), ["a"]);
    talk.answers([]);
    assert_eq!(talk.asked(), ["b"]);
}

#[test]
fn lines_that_come_while_a_turn_is_under_way_go_out_one_by_one() {
    let mut talk = accepted([], |_| {});
    for line in ["a", "b", "c"] {
        talk.consumer(line);
    }
    assert_eq!(talk.asked(), ["hi"]);
    for line in ["a", "b", "c"] {
        talk.answers([text("x")]);
        assert_eq!(talk.asked(), [line]);
    }
}

#[test]
fn state_events_and_system_lines_are_passed_over_without_a_gap() {
    let mut talk = accepted([], |_| {});
    talk.answers([]);
    talk.forget_all();
    talk.sends(Speaker::System, Content::Unknown, None);
    talk.sends(Speaker::System, Content::Text("Bot One has joined.".to_owned()), None);
    talk.consumer("a");
    assert_eq!(talk.asked(), ["a"]);
    talk.after(secs(10));
    assert!(!talk.calls.iter().any(|call| matches!(call, Call::History { .. })));
    assert!(!talk.facts().iter().any(|fact| matches!(fact, Fact::Ambiguous { .. })));
}

#[test]
fn nothing_of_messaging_is_published() {
    let mut talk = accepted([consumer(0, "a")], |settings| settings.read_receipts = true);
    talk.answers([text("welcome")]);
    talk.consumer("b");
    talk.details(|details| details.consumer = "another".into());
    assert!(talk.receipts().is_empty());
    assert!(!talk.asked().contains(&"_STEPUP_".to_owned()));
}

#[test]
fn typing_shows_from_the_question_to_the_last_line_and_not_for_nothing() {
    let mut talk = accepted([], |settings| settings.greeting = None);
    talk.after(secs(10));
    assert!(talk.typing().is_empty());
    talk.consumer("a");
    talk.answers([text("one"), text("two")]);
    assert_eq!(talk.typing(), ["COMPOSING", "ACTIVE"]);
}

// ---- adoption ----

#[test]
fn an_adopted_chat_is_not_greeted_again_and_what_came_after_the_last_own_line_goes_to_the_bot() {
    let mut talk = found([
        me(0, "welcome", ""),
        consumer(1, "a"),
        me(2, "to a", ""),
        consumer(3, "b"),
        consumer(4, "c"),
    ]);
    assert_eq!(talk.asked(), ["b"]);
    talk.answers([text("to b")]);
    assert_eq!(talk.asked(), ["c"]);
    talk.answers([text("to c")]);
    talk.after(secs(60));
    assert!(talk.asked().is_empty());
    assert_eq!(talk.said(), ["to b", "to c"]);
}

#[test]
fn the_first_own_line_answers_the_greeting_and_not_what_the_visitor_had_said_before() {
    let mut talk = found([consumer(0, "anyone?"), me(1, "welcome", "")]);
    assert_eq!(talk.asked(), ["anyone?"]);
    let mut talk = prepared([consumer(0, "anyone?"), me(1, "yes", "")], 0, |settings| {
        settings.greeting = None;
    });
    talk.begin(Arrival::Found);
    talk.after(secs(10));
    assert!(talk.asked().is_empty(), "without a greeting it is the answer");
}

#[test]
fn each_own_line_answers_one_line() {
    let mut talk = found([
        me(0, "welcome", ""),
        consumer(1, "a"),
        consumer(2, "b"),
        me(3, "to a", ""),
        me(4, "to b", ""),
    ]);
    assert!(talk.asked().is_empty());
    talk.consumer("c");
    assert_eq!(talk.asked(), ["c"]);
}

#[test]
fn a_line_that_was_answered_already_is_not_said_again_by_a_bot_that_says_the_same() {
    // The bot had nothing to say to the first one.
    let mut talk =
        found([me(0, "welcome", ""), consumer(1, "a"), consumer(2, "b"), me(3, "to b", "")]);
    assert_eq!(talk.asked(), ["b"], "the own line may be for the first");
    talk.answers([text("to b")]);
    assert!(talk.said().is_empty());
}

#[test]
fn a_chat_without_an_own_line_begins_as_a_new_one_whoever_had_accepted_it() {
    let mut talk = found([consumer(0, "a"), consumer(1, "b")]);
    assert_eq!(talk.asked(), ["hi"]);
    talk.answers([text("welcome")]);
    talk.answers([text("to a")]);
    assert_eq!(talk.asked(), ["a", "b"]);
}

#[test]
fn lines_for_agents_are_neither_input_nor_answers() {
    let private = |sequence, from, words: &str| Message {
        audience: Audience::Agents,
        ..message(sequence, from, Content::Text(words.to_owned()), consumer(0, "").time)
    };
    let mut talk = found([
        me(0, "welcome", ""),
        consumer(1, "a"),
        private(2, Speaker::Me, "intent: a"),
        private(3, Speaker::Consumer, "whisper"),
    ]);
    assert_eq!(talk.asked(), ["a"]);
    talk.answers([]);
    assert!(talk.asked().is_empty());
}

#[test]
fn a_restart_asks_again_what_had_not_been_answered_and_nothing_else() {
    let mut talk = accepted([], |_| {});
    talk.answers([text("welcome")]);
    talk.consumer("a");
    talk.answers([text("to a")]);
    talk.consumer("b");
    talk.forget_all();
    talk.restarts();
    assert_eq!(talk.asked(), ["b"]);
    talk.answers([text("to b")]);
    talk.restarts();
    talk.after(secs(60));
    assert!(talk.asked().is_empty());
    assert_eq!(talk.own_words(), ["welcome", "to a", "to b"]);
}

// ---- people ----

#[test]
fn a_transfer_that_fails_goes_to_the_fallback_skill_and_the_bot_hears_nothing_of_it() {
    let mut talk = greeted(fallback_to("900"));
    talk.exits = Exits::Held;
    talk.answers([transfer("200")]);
    talk.errs(refused(&Call::Return));
    assert_eq!(
        talk.exits(),
        ["transfer to 200, Bot", "transfer to 900, Error: The transfer that was asked for failed."]
    );
    talk.acknowledges();
    assert!(talk.gone);
    assert!(talk.asked().is_empty());
    assert!(talk.said().is_empty());
}

#[test]
fn when_that_fails_too_the_consumer_is_told_and_the_bot_keeps_the_chat() {
    let mut talk = greeted(fallback_to("900"));
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    assert_eq!(talk.exits().len(), 2);
    assert_eq!(talk.said(), ["Nobody is here now."]);
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    talk.answers([text("I can help you with refunds.")]);
    assert_eq!(talk.said(), ["I can help you with refunds."]);
    talk.consumer("refund");
    assert_eq!(talk.asked(), ["refund"]);
    talk.after(secs(29));
    assert!(talk.exits().is_empty(), "nothing is tried again by itself");
}

#[test]
fn the_fallback_skill_is_not_tried_twice() {
    for target in [
        transfer("900"),
        Action::Transfer {
            target: Target { skill: None, agent: None },
            reason: None,
            by_user: false,
        },
    ] {
        let mut talk = greeted(fallback_to("900"));
        talk.exits = Exits::Refused;
        talk.answers([target]);
        assert_eq!(talk.exits(), ["transfer to 900, Bot"]);
        assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    }
}

#[test]
fn a_bot_that_insists_is_tried_and_told_no_more_until_the_visitor_says_something() {
    let mut talk = greeted(|_| {});
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    talk.answers([transfer("200")]);
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    assert_eq!(talk.said(), ["Nobody is here now."]);
    assert_eq!(talk.exits().len(), 2);
    talk.after(secs(1_000));
    assert!(talk.exits().is_empty());
    talk.consumer("please");
    talk.answers([transfer("200")]);
    assert_eq!(talk.asked(), ["please", "_agent_escalation_failed_"]);
    assert_eq!(talk.said(), ["Nobody is here now."]);
}

#[test]
fn a_skill_by_a_name_that_the_file_does_not_know_is_left_to_the_cloud_to_find() {
    let mut talk = greeted(|settings| {
        settings.skills.insert("sales".to_owned(), "300".into());
    });
    talk.answers([transfer_to_name("Support Tier 2")]);
    assert_eq!(talk.exits(), ["transfer to Support Tier 2, Bot"]);
    let mut talk = greeted(|settings| {
        settings.skills.insert("sales".to_owned(), "300".into());
    });
    talk.answers([transfer_to_name("sales")]);
    assert_eq!(talk.exits(), ["transfer to 300, Bot"]);
}

#[test]
fn a_keyword_is_escalated_without_the_bot_and_its_failure_is_told() {
    let keyword = |settings: &mut Settings| {
        settings.keywords = vec!["agent".to_owned()];
        settings.fallback_skill = Some("900".into());
    };
    let mut talk = accepted([], keyword);
    talk.answers([text("welcome")]);
    talk.exits = Exits::Refused;
    talk.forget_all();
    talk.consumer("Agent!");
    assert_eq!(talk.exits(), ["transfer to 900, User: keyword"]);
    assert_eq!(talk.said(), ["Nobody is here now."]);
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    let facts = talk.facts();
    assert!(facts.contains(&Fact::Escalating(Escalation::Keyword)));
    assert!(facts.contains(&Fact::Consumer(1, Disposition::Keyword)));
}

#[test]
fn an_answer_while_the_transfer_is_tried_is_said_when_it_fails() {
    let mut talk = accepted([], fallback_to("900"));
    talk.answers([text("welcome")]);
    talk.consumer("slow one");
    talk.exits = Exits::Held;
    talk.forget_all();
    talk.after(secs(30));
    assert_eq!(talk.exits().len(), 1);
    talk.answers([text("here I am")]);
    talk.errs(refused(&Call::Return));
    assert_eq!(talk.said(), ["here I am", "Nobody is here now."]);
}

// ---- a bot that fails ----

#[test]
fn a_bot_that_does_not_answer_in_its_time_loses_the_chat_with_a_word_for_who_takes_it() {
    let mut talk = accepted([], fallback_to("900"));
    talk.answers([text("welcome")]);
    talk.consumer("a");
    talk.forget_all();
    talk.after(ms(29_999));
    assert!(talk.exits().is_empty());
    talk.after(ms(1));
    assert_eq!(
        talk.exits(),
        ["transfer to 900, Error: Escalated by the connector: the bot does not answer. \
          The consumer has waited 30 s."]
    );
    assert!(talk.said().is_empty(), "the word goes with the transfer");
    assert!(talk.asked().is_empty(), "a websocket is not asked again");
    assert!(talk.dispositions().contains(&(1, Disposition::Escalated)));
}

#[test]
fn a_silent_bot_and_nobody_there_is_tried_once_and_a_late_answer_still_counts() {
    let mut talk = accepted([], fallback_to("900"));
    talk.answers([text("welcome")]);
    talk.consumer("a");
    let event = talk.last_id();
    talk.exits = Exits::Refused;
    talk.forget_all();
    talk.after(secs(30));
    assert_eq!(talk.exits().len(), 1);
    assert_eq!(talk.said(), ["Nobody is here now."]);
    talk.after(secs(1_000));
    assert!(talk.exits().is_empty());
    talk.answers_event(&event, [text("at last")]);
    assert_eq!(talk.said(), ["at last"]);
    talk.forget_all();
    talk.consumer("b");
    assert_eq!(talk.asked(), ["b"], "nothing holds it up");
    talk.after(secs(30));
    assert_eq!(talk.exits().len(), 1, "a new line calls for people anew");
}

#[test]
fn a_webhook_that_fails_is_asked_again_after_5_10_and_15_s_and_then_people_take_over_at_once() {
    let mut talk = prepared([], 3, fallback_to("900"));
    talk.door = Door::Attempts;
    talk.begin(Arrival::Assigned);
    assert_eq!(talk.asked_ids(), ["0:greeting#1"]);
    for (attempt, pause) in [(2, 5), (3, 10), (4, 15)] {
        talk.is_silent();
        talk.after(secs(pause) - ms(1));
        assert!(talk.asked_ids().is_empty(), "{attempt}");
        talk.after(ms(1));
        assert_eq!(talk.asked_ids(), [format!("0:greeting#{attempt}")]);
    }
    assert!(talk.exits().is_empty());
    talk.is_silent();
    talk.after(ms(0));
    assert_eq!(talk.exits().len(), 1);
    assert!(talk.gone);
}

#[test]
fn a_webhook_whose_attempts_hang_has_four_times_its_time() {
    let mut talk = prepared([], 3, fallback_to("900"));
    talk.door = Door::Attempts;
    talk.begin(Arrival::Assigned);
    talk.after(secs(119));
    assert!(talk.exits().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn a_certain_fault_escalates_at_once_and_holds_up_nothing_if_nobody_is_there() {
    let mut talk = prepared([], 3, fallback_to("900"));
    talk.door = Door::Attempts;
    talk.exits = Exits::Refused;
    talk.begin(Arrival::Assigned);
    talk.forget_all();
    talk.faults();
    assert_eq!(talk.exits().len(), 1);
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
    talk.faults();
    assert!(talk.exits().is_empty(), "a bot that fails at the news of it calls for nobody");
    talk.consumer("a");
    assert_eq!(talk.asked(), ["a"]);
}

#[test]
fn while_the_bot_is_gone_each_line_calls_for_people_once_and_waits_for_the_bot_if_there_are_none() {
    let mut talk = prepared([], 0, fallback_to("900"));
    talk.exits = Exits::Refused;
    talk.begin(Arrival::Assigned);
    talk.answers([text("welcome")]);
    talk.reach(Reach::Gone);
    talk.forget_all();
    for line in ["a", "b"] {
        talk.consumer(line);
        assert_eq!(talk.exits().len(), 1, "{line}");
        assert_eq!(talk.said(), ["Nobody is here now."], "{line}");
        assert!(talk.asked().is_empty());
    }
    talk.after(secs(1_000));
    assert!(talk.exits().is_empty());
    talk.reach(Reach::Up);
    assert_eq!(talk.asked(), ["a", "b"]);
    assert_eq!(talk.dispositions(), [(1, Disposition::Asked), (1, Disposition::Asked)]);
}

#[test]
fn a_connection_to_the_bot_that_is_lost_for_good_holds_up_no_line() {
    let mut talk = accepted([], fallback_to("900"));
    talk.answers([text("welcome")]);
    talk.exits = Exits::Refused;
    talk.reach(Reach::Down);
    talk.consumer("a");
    talk.after(secs(30));
    talk.reach(Reach::Gone);
    talk.forget_all();
    talk.consumer("b");
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn without_a_fallback_skill_the_consumer_is_told_that_nobody_can_come() {
    let mut talk = accepted([], |_| {});
    talk.answers([text("welcome")]);
    talk.consumer("a");
    talk.forget_all();
    talk.after(secs(30));
    assert_eq!(talk.said(), ["Nobody is here now."]);
    assert!(talk.exits().is_empty());
    talk.consumer("b");
    assert_eq!(talk.asked(), ["b"]);
}

#[test]
fn an_empty_text_is_not_said() {
    let mut talk = greeted(|settings| settings.unavailable = None);
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    assert!(talk.said().is_empty());
    assert_eq!(talk.asked(), ["_agent_escalation_failed_"]);
}

#[test]
fn what_calls_for_people_is_told_once_for_each_time() {
    let told = |talk: &mut Talk| -> Vec<Escalation> {
        let facts = talk.facts().into_iter();
        facts
            .filter_map(|fact| if let Fact::Escalating(why) = fact { Some(why) } else { None })
            .collect()
    };
    let mut talk = greeted(fallback_to("900"));
    talk.exits = Exits::Refused;
    talk.answers([transfer("200")]);
    assert_eq!(told(&mut talk), [Escalation::Bot], "the fallback skill is the same escalation");
    let mut talk = greeted(fallback_to("900"));
    let target = Target { skill: None, agent: None };
    talk.answers([Action::Transfer { target, reason: None, by_user: true }]);
    assert_eq!(told(&mut talk), [Escalation::User]);
    let mut talk = greeted(fallback_to("900"));
    talk.after(secs(30));
    assert_eq!(told(&mut talk), [Escalation::Error]);
}

// ---- whatever happens ----

/// One thing that may happen in a chat.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Says,
    Answers,
    Passes,
    Restart,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => Just(Happens::Says),
        4 => Just(Happens::Answers),
        2 => Just(Happens::Passes),
        1 => Just(Happens::Restart),
    ]
}

proptest! {
    /// A bot that says the same when it is asked the same, one line each time, is heard once whatever the restarts: no
    /// mark is needed for that.
    #[test]
    fn each_line_is_answered_once_across_restarts(
        events in prop::collection::vec(happens(), 1..60),
        waiting in 0..4_i64,
    ) {
        let mut talk = accepted((0..waiting).map(|n| consumer(n, &n.to_string())), |_| {});
        for event in events {
            match event {
                Happens::Says => {
                    let words = talk.next_sequence.to_string();
                    talk.consumer(&words);
                }
                Happens::Answers => answer(&mut talk),
                Happens::Passes => talk.after(secs(3)),
                Happens::Restart => {
                    let _ = talk.questions();
                    talk.restarts();
                }
            }
        }
        for _ in 0..200 {
            answer(&mut talk);
            talk.after(secs(1));
        }
        let lines = talk.dialog.iter().filter(|m| m.from == Speaker::Consumer);
        let lines: Vec<String> = lines.map(|m| m.sequence.to_string()).collect();
        let said = talk.own_words();
        for line in &lines {
            let answers = said.iter().filter(|words| **words == format!("to {line}")).count();
            let expected = usize::from(!is_silent_about(line));
            prop_assert_eq!(answers, expected, "{}: {:?}\n{}", line, said, talk.trace.join("\n"));
        }
    }
}

/// The bot answers what it was asked, unless it has nothing to say to that.
fn answer(talk: &mut Talk) {
    if let Some(question) = talk.questions().pop() {
        let words = format!("to {}", question.text);
        talk.answers((!is_silent_about(&question.text)).then(|| text(&words)));
    }
}

fn is_silent_about(line: &str) -> bool {
    line.ends_with('4')
}
