//! `fallbackEscalationTime` and the fallback skill.

use connectord::conversation::{
    effect::{Disposition, DropReason, Fact, FallbackReason},
    event::Reach,
};

use crate::support::{Door, Exits, Talk, consumer, fallback_to, ms, secs, text};

fn asked(talk: &mut Talk) {
    talk.consumer("hi");
    talk.after(ms(300));
}

#[test]
fn a_silent_bot_loses_the_conversation_to_the_fallback_skill_with_a_note_for_agents() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.after(ms(179_999));
    assert!(talk.exits().is_empty());
    talk.after(ms(1));
    assert_eq!(talk.exits(), ["transfer to 900, Error: the bot does not answer"]);
    assert_eq!(
        talk.said(),
        ["Escalated by the connector: the bot does not answer. The consumer has waited 180 s."]
    );
    let note =
        talk.dialog.iter().rev().find(|m| m.from == connectord::conversation::event::Speaker::Me);
    assert_eq!(note.unwrap().audience, connectord::conversation::event::Audience::Agents);
    assert!(talk.dispositions().contains(&(1, Disposition::Escalated)));
}

#[test]
fn it_starts_when_the_batch_is_ready_even_if_the_bot_cannot_be_reached() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.reach(Reach::Down);
    asked(&mut talk);
    talk.after(secs(180));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn the_oldest_unanswered_batch_counts() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.sees();
    talk.after(secs(100));
    talk.consumer("hello?");
    talk.after(secs(79));
    assert!(talk.exits().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn any_answer_stops_it_even_an_empty_one_or_one_to_a_later_event() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.answers([]);
    talk.after(secs(600));
    assert!(talk.exits().is_empty());
    talk.consumer("one");
    talk.after(ms(300));
    talk.sees();
    talk.consumer("two");
    talk.after(ms(300));
    talk.answers([text("to the second")]);
    talk.after(secs(600));
    assert!(talk.exits().is_empty());
}

#[test]
fn seen_does_not_stop_it() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.sees();
    talk.after(secs(180));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn an_answer_that_arrives_afterwards_is_dropped_and_counted() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.exits = Exits::Held;
    talk.after(secs(180));
    assert_eq!(talk.withdrawn(), ["d:0"]);
    talk.said();
    talk.answers([text("sorry")]);
    assert!(talk.said().is_empty());
    assert!(talk.facts().contains(&Fact::AnswerDropped(DropReason::GivenUp)));
}

#[test]
fn without_a_fallback_skill_it_is_counted_once_per_batch_and_the_conversation_stays() {
    let mut talk = Talk::quiet();
    asked(&mut talk);
    talk.after(secs(1_000));
    let fired = Fact::Fallback { reason: FallbackReason::Silence, possible: false };
    assert_eq!(talk.facts().iter().filter(|fact| **fact == fired).count(), 1);
    assert!(talk.exits().is_empty());
    talk.answers([text("finally")]);
    assert_eq!(talk.said(), ["finally"]);
    talk.consumer("again");
    talk.after(secs(1_000));
    assert_eq!(talk.facts().iter().filter(|fact| **fact == fired).count(), 1);
}

#[test]
fn without_a_fallback_skill_the_typing_indicator_does_not_stay_for_ever() {
    let mut talk = Talk::quiet();
    asked(&mut talk);
    talk.after(secs(1_000));
    assert_eq!(talk.typing(), ["COMPOSING", "ACTIVE"]);
}

#[test]
fn a_failed_fallback_transfer_is_tried_again_after_5_10_15_s_then_every_period() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.exits = Exits::Refused;
    asked(&mut talk);
    talk.after(secs(180));
    assert_eq!(talk.exits().len(), 1);
    for pause in [5, 10, 15, 180, 180] {
        talk.after(secs(pause) - ms(1));
        assert!(talk.exits().is_empty(), "{pause}");
        talk.after(ms(1));
        assert_eq!(talk.exits().len(), 1, "{pause}");
    }
    assert_eq!(talk.asked(), ["hi", "hi"], "no escalation-failed event");
    assert_eq!(talk.said().len(), 1, "the note is published once");
    talk.exits = Exits::Work;
    talk.after(secs(180));
    assert!(talk.gone);
}

#[test]
fn a_history_that_cannot_be_read_again_does_not_hold_it_up() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    asked(&mut talk);
    talk.link_down();
    let call = connectord::conversation::Call::Return;
    talk.history_fails = Some(crate::support::failed(&call));
    talk.link_up();
    talk.after(secs(180));
    assert_eq!(talk.exits().len(), 1);
}

#[test]
fn zero_means_off() {
    let mut talk = Talk::quiet_with(|settings| {
        settings.fallback_after = None;
        settings.fallback_skill = Some("900".into());
    });
    asked(&mut talk);
    talk.after(secs(100_000));
    assert!(talk.exits().is_empty());
}

#[test]
fn a_certain_fault_of_the_bot_escalates_at_once() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.door = Door::Attempts;
    asked(&mut talk);
    talk.faults();
    assert_eq!(talk.exits(), ["transfer to 900, Error: the bot's answer cannot be used"]);
}

#[test]
fn a_fault_without_a_fallback_skill_gives_the_event_up_and_the_next_one_is_asked() {
    let mut talk = Talk::quiet();
    talk.door = Door::Attempts;
    asked(&mut talk);
    talk.consumer("next");
    talk.after(ms(300));
    talk.faults();
    assert_eq!(talk.asked(), ["hi", "next"]);
    talk.answers([]);
    talk.after(secs(1_000));
    assert!(talk.asked().is_empty());
}

#[test]
fn while_the_bot_is_gone_a_new_conversation_is_escalated_at_once() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.reach(Reach::Gone);
    asked(&mut talk);
    assert_eq!(talk.exits(), ["transfer to 900, Error: the bot cannot be reached"]);
    assert!(talk.asked().is_empty());
}

#[test]
fn while_the_bot_is_gone_without_a_fallback_skill_messages_wait_for_it() {
    let mut talk = Talk::quiet();
    talk.reach(Reach::Gone);
    asked(&mut talk);
    talk.after(secs(1_000));
    talk.asked();
    talk.reach(Reach::Up);
    assert_eq!(talk.asked(), ["hi"]);
}

#[test]
fn being_gone_ends_by_itself_when_the_bot_is_back() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.reach(Reach::Gone);
    talk.reach(Reach::Up);
    asked(&mut talk);
    assert_eq!(talk.asked(), ["hi"]);
    assert!(talk.exits().is_empty());
}

#[test]
fn a_step_up_is_nothing_to_escalate_for_while_the_bot_is_gone() {
    let mut talk = Talk::quiet_with(fallback_to("900"));
    talk.reach(Reach::Gone);
    talk.details(|details| details.consumer = "jane".into());
    talk.after(secs(1_000));
    assert!(talk.exits().is_empty());
}

#[test]
fn a_fallback_skill_that_this_agent_serves_is_pointed_out() {
    let mut talk = Talk::quiet_with(fallback_to("100"));
    asked(&mut talk);
    talk.after(secs(180));
    assert!(talk.facts().contains(&Fact::SelfTransfer("100".into())));
}

#[test]
fn after_a_restart_the_unanswered_batch_is_asked_again_and_the_period_starts_again() {
    let mut talk = Talk::assigned_with([consumer(0, "hi")], fallback_to("900"));
    talk.after(secs(170));
    talk.forget_all();
    talk.restarts();
    assert_eq!(talk.asked_ids(), ["0#1"]);
    talk.after(secs(179));
    assert!(talk.exits().is_empty());
    talk.after(secs(1));
    assert_eq!(talk.exits().len(), 1);
}
