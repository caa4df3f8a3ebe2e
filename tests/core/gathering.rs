//! `messageDelay`, order and duplicates.

use connectord::conversation::{
    Event,
    effect::{Disposition, Fact},
    event::{Content, Message, Speaker},
};

use crate::support::{Talk, ms, secs, text};

#[test]
fn messages_within_the_window_become_one_batch_joined_by_one_space() {
    let mut talk = Talk::quiet();
    let first = talk.consumer("hi");
    talk.after(ms(299));
    let second = talk.consumer("how are you");
    assert!(talk.asked().is_empty());
    talk.after(ms(1));
    let [question] = &talk.questions()[..] else { panic!("one question") };
    assert_eq!(question.text, "hi how are you");
    assert_eq!(question.event.key.sequence, second);
    assert_eq!(question.parts[0].sequence, first);
    assert_eq!(question.parts[1].text, "how are you");
}

#[test]
fn the_window_is_fixed_from_the_first_message_and_does_not_slide() {
    let mut talk = Talk::quiet();
    talk.consumer("a");
    talk.after(ms(200));
    talk.consumer("b");
    talk.after(ms(100));
    assert_eq!(talk.asked(), ["a b"]);
    talk.consumer("c");
    talk.answers([text("yes")]);
    talk.after(ms(299));
    assert!(talk.asked().is_empty());
    talk.after(ms(1));
    assert_eq!(talk.asked(), ["c"]);
}

#[test]
fn inner_white_space_is_not_touched() {
    let mut talk = Talk::quiet();
    talk.consumer("a  b ");
    talk.consumer(" c");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["a  b   c"]);
}

#[test]
fn a_delay_of_zero_means_no_aggregation() {
    let mut talk = Talk::quiet_with(|settings| settings.gather = ms(0));
    talk.consumer("hi");
    assert_eq!(talk.asked(), ["hi"]);
    talk.consumer("how");
    talk.consumer("are you");
    talk.answers([]);
    assert_eq!(talk.asked(), ["how"]);
    talk.answers([]);
    assert_eq!(talk.asked(), ["are you"]);
}

#[test]
fn a_click_a_file_and_rich_content_are_not_merged_and_close_the_window() {
    for single in 0..3 {
        let mut talk = Talk::quiet();
        talk.consumer("before");
        match single {
            0 => talk.consumer_clicks("Yes", "[]"),
            1 => talk.consumer_sends_a_file("Yes"),
            _ => talk.sends(
                Speaker::Consumer,
                Content::Rich { content: crate::support::json("{}"), text: "Yes".to_owned() },
                None,
            ),
        };
        assert_eq!(talk.asked(), ["before"], "at once");
        talk.consumer("after");
        talk.answers([]);
        assert_eq!(talk.asked(), ["Yes"]);
        talk.answers([]);
        talk.after(ms(300));
        assert_eq!(talk.asked(), ["after"]);
    }
}

#[test]
fn order_is_by_sequence_not_by_arrival() {
    let mut talk = Talk::quiet();
    let consumer = |text: &str| Content::Text(text.to_owned());
    let first = talk.stores(Speaker::Consumer, consumer("one"), None);
    let second = talk.stores(Speaker::Consumer, consumer("two"), None);
    talk.arrives(second);
    talk.after(ms(100));
    talk.arrives(first);
    talk.after(ms(200));
    assert_eq!(talk.asked(), ["one two"]);
}

#[test]
fn a_message_is_handled_once_however_often_it_arrives() {
    let mut talk = Talk::quiet();
    let sequence = talk.consumer("hi");
    talk.arrives(sequence);
    talk.after(ms(300));
    talk.arrives(sequence);
    talk.answers([text("hello")]);
    talk.arrives(sequence);
    talk.after(secs(10));
    assert_eq!(talk.asked(), ["hi"]);
    let duplicates = talk.dispositions().iter().filter(|d| d.1 == Disposition::Duplicate).count();
    assert_eq!(duplicates, 3);
}

#[test]
fn while_a_turn_is_under_way_messages_collect_and_go_out_as_the_next_batch() {
    let mut talk = Talk::quiet();
    talk.consumer("one");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["one"]);
    talk.consumer("two");
    talk.after(secs(2));
    talk.consumer("three");
    talk.after(secs(2));
    assert!(talk.asked().is_empty());
    talk.answers([text("yes")]);
    assert_eq!(talk.asked(), ["two three"]);
}

#[test]
fn the_next_batch_waits_until_the_answer_is_published() {
    let mut talk = Talk::quiet();
    talk.consumer("one");
    talk.after(ms(300));
    talk.consumer("two");
    talk.after(secs(1));
    talk.asked();
    talk.publishing = crate::support::Publishing::Held;
    talk.answers([text("yes")]);
    assert!(talk.asked().is_empty());
    talk.acknowledges();
    assert_eq!(talk.asked(), ["two"]);
}

#[test]
fn a_turn_ends_with_seen() {
    let mut talk = Talk::quiet();
    talk.consumer("one");
    talk.after(ms(300));
    talk.consumer("two");
    talk.after(ms(300));
    talk.asked();
    talk.sees();
    assert_eq!(talk.asked(), ["two"]);
}

#[test]
fn very_many_messages_are_cut_into_batches_that_every_transport_can_carry() {
    let mut talk = Talk::quiet();
    for _ in 0..150 {
        talk.consumer("x");
    }
    talk.after(ms(300));
    let first = talk.questions();
    assert_eq!(first[0].parts.len(), 100);
    talk.answers([]);
    talk.after(ms(300));
    assert_eq!(talk.questions()[0].parts.len(), 50);
}

#[test]
fn a_sequence_that_cannot_be_is_passed_over_and_makes_nothing_after_it_look_old() {
    let mut talk = Talk::quiet();
    talk.consumer("hi");
    for sequence in [i64::MAX, i64::MIN, -1, 2_000_000] {
        let nonsense = Message { sequence, ..crate::support::consumer(0, "nonsense") };
        talk.step(Event::Message(nonsense.clone()));
        talk.dialog.push(nonsense);
        talk.link_down();
        talk.link_up();
        talk.dialog.pop();
    }
    talk.consumer("there");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["hi there"]);
    talk.dialog.push(crate::support::consumer(i64::MAX, "nonsense"));
    talk.restarts();
    talk.dialog.pop();
    assert_eq!(talk.asked(), ["hi there"]);
    talk.answers([text("yes")]);
    talk.consumer("more");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["more"]);
}

#[test]
fn each_consumer_message_is_counted_once_when_it_comes_in() {
    let mut talk = Talk::quiet();
    let first = talk.consumer("hi");
    talk.consumer("there");
    talk.arrives(first);
    talk.after(ms(300));
    talk.link_down();
    talk.link_up();
    let facts = talk.facts();
    let heard: usize =
        facts.iter().map(|fact| if let Fact::Heard(count) = fact { *count } else { 0 }).sum();
    assert_eq!(heard, 2);
}

#[test]
fn of_a_flood_a_part_waits_here_and_the_rest_in_the_history_and_all_is_asked_in_order() {
    let mut talk = Talk::quiet();
    let flood: Vec<_> = (0..10_000).map(|n| talk.consumer(&n.to_string())).collect();
    assert!(talk.receipts().len() <= 1_100, "what is not taken in has not been read");
    let mut asked = Vec::new();
    for _ in 0..200 {
        talk.after(secs(1));
        asked.extend(talk.questions().iter().flat_map(|q| q.parts.clone()).map(|p| p.sequence));
        if talk.conversation().waits_for_bot() {
            talk.answers([text("yes")]);
        }
    }
    assert_eq!(asked, flood);
    talk.consumer("still alive?");
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["still alive?"]);
}

#[test]
fn an_answer_goes_on_and_a_lost_connection_is_survived_in_the_middle_of_a_flood() {
    let mut talk = Talk::quiet();
    talk.publishing = crate::support::Publishing::Held;
    let mut flood: Vec<_> = (0..1_500).map(|n| talk.consumer(&n.to_string())).collect();
    talk.after(ms(300));
    let mut asked: Vec<_> = talk.questions().iter().flat_map(|q| q.parts.clone()).collect();
    talk.answers([text("one"), text("two")]);
    talk.acknowledges();
    talk.acknowledges();
    talk.publishing = crate::support::Publishing::Works;
    assert_eq!(talk.own_words(), ["one", "two"]);
    talk.link_down();
    talk.link_up();
    flood.push(talk.consumer("last"));
    for _ in 0..40 {
        talk.after(secs(1));
        asked.extend(talk.questions().iter().flat_map(|q| q.parts.clone()));
        if talk.conversation().waits_for_bot() {
            talk.answers([]);
        }
    }
    assert_eq!(asked.iter().map(|part| part.sequence).collect::<Vec<_>>(), flood);
}

#[test]
fn a_message_that_others_have_overtaken_is_waited_for_before_the_bot_is_asked() {
    let mut talk = Talk::quiet();
    let said = |text: &str| Content::Text(text.to_owned());
    let first = talk.stores(Speaker::Consumer, said("one"), None);
    talk.consumer("two");
    talk.after(ms(900));
    assert!(talk.asked().is_empty(), "\"one\" would come after \"two\"");
    talk.arrives(first);
    talk.after(ms(300));
    assert_eq!(talk.asked(), ["one two"]);
    // And if it never comes, the history has it.
    talk.answers([text("hello")]);
    talk.stores(Speaker::Consumer, said("three"), None);
    talk.consumer("four");
    talk.after(secs(3));
    assert_eq!(talk.asked(), ["three four"]);
}
