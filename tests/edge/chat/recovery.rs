//! One chat under every fault, one at a time: every line of the visitor is answered once and in order, whatever breaks.

use crate::{
    simulator::{CallName, ChatEnd, ChatStart, Options, Trouble},
    support::{AGENT, BOT_SKILL, HUMAN_SKILL, World, after, story},
};

use super::{CHAT, talkative};

/// Everything that a connector asks for on its way up.
const COMING_UP: [CallName; 6] = [
    CallName::Domains,
    CallName::Login,
    CallName::StartSession,
    CallName::ChatSessions,
    CallName::SetAvailability,
    CallName::Info,
];

/// Everything that it asks for again and again.
const LOOKING: [CallName; 4] =
    [CallName::Ring, CallName::Chat, CallName::Events, CallName::Availability];

/// Everything that it does in a chat.
const DOING: [CallName; 7] = [
    CallName::Accept,
    CallName::Line,
    CallName::SetTyping,
    CallName::Participant,
    CallName::Targets,
    CallName::Transfer,
    CallName::End,
];

#[tokio::test(start_paused = true)]
async fn every_call_may_fail_for_a_while_carried_out_or_not() {
    let troubles = [Trouble::Status(500), Trouble::Status(503), Trouble::StatusAfter(502)];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_may_lose_its_connection_before_and_after_it_was_carried_out() {
    let troubles = [Trouble::DropBefore, Trouble::DropAfter];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_may_go_unanswered_carried_out_or_not() {
    let troubles = [Trouble::Silence, Trouble::SilenceAfter];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_may_be_slow_and_late() {
    let troubles =
        [Trouble::Slow(3_000), Trouble::Late(3_000), Trouble::Slow(15_000), Trouble::Late(15_000)];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_may_be_too_much_for_a_while() {
    let troubles = [Trouble::TooMany(1), Trouble::TooMany(7)];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn every_call_may_be_refused_once() {
    let troubles = [
        Trouble::Status(400),
        Trouble::Status(403),
        Trouble::Status(404),
        Trouble::Status(410),
        Trouble::ErrorIn200,
    ];
    // One that does not log in waits for people; one that is refused the end of a chat keeps it.
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 1).await;
}

#[tokio::test(start_paused = true)]
async fn the_bearer_may_expire_at_every_call() {
    let troubles = [Trouble::ExpireBearer, Trouble::Status(401)];
    all_survive(&[&COMING_UP[2..], &LOOKING, &DOING], &troubles, 1).await;
}

#[tokio::test(start_paused = true)]
async fn every_answer_may_be_empty_a_page_long_or_of_the_other_dialect() {
    let troubles = [
        Trouble::EmptyBody,
        Trouble::HtmlBody,
        Trouble::Huge(200_000),
        Trouble::OtherDialect,
        Trouble::ForceAway,
    ];
    all_survive(&[&COMING_UP, &LOOKING, &DOING], &troubles, 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_20_megabytes_is_not_read() {
    let reads = [CallName::Ring, CallName::Chat, CallName::Events, CallName::ChatSessions];
    all_survive(&[&reads], &[Trouble::Huge(20 << 20)], 1).await;
}

#[tokio::test(start_paused = true)]
async fn events_may_come_twice_in_reverse_and_between_unknown_ones() {
    let troubles = [Trouble::RepeatedEvents, Trouble::ReversedEvents, Trouble::UnknownEvents];
    all_survive(&[&[CallName::Chat, CallName::Events]], &troubles, 60).await;
}

/// The chat with each of these calls in each trouble, so many times: from the start, and in the middle.
async fn all_survive(calls: &[&[CallName]], troubles: &[Trouble], times: u32) {
    let mut failures = Vec::new();
    let mut count = 0;
    for &call in calls.iter().copied().flatten() {
        for &trouble in troubles {
            for moment in [Moment::Start, Moment::Middle] {
                if moment == Moment::Middle && COMING_UP.contains(&call) {
                    continue;
                }
                // The second failure of a transfer is told to the bot.
                let times = if transfers(call) { 1 } else { times };
                let case = Case { call, trouble, times, moment };
                count += 1;
                if let Err(why) = story(case.survives()).await {
                    failures.push(format!("{case:?}: {why}"));
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {count}:\n{}", failures.len(), failures.join("\n"));
}

/// Whether it belongs to a transfer.
fn transfers(call: CallName) -> bool {
    matches!(call, CallName::Targets | CallName::Transfer)
}

/// When a fault comes into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Start,
    Middle,
}

/// What happens to which call, and how often.
#[derive(Clone, Copy, Debug)]
struct Case {
    call: CallName,
    trouble: Trouble,
    times: u32,
    moment: Moment,
}

impl Case {
    async fn survives(self) -> Result<(), String> {
        let mut world = World::with(Options::fixed());
        world.bot.answers_with(talkative);
        if self.moment == Moment::Start {
            world.inject_chat(self.call, self.trouble, self.times);
        }
        let start = ChatStart { participant: Some("p-1".into()), ..ChatStart::in_skill(BOT_SKILL) };
        world.start(CHAT).await;
        world.is_online().await;
        let chat = world.cloud.chat_starts(start).unwrap();
        let transfers = transfers(self.call);
        let last = if transfers { ("people", "One moment.") } else { ("bye", "Bye.") };
        let lines = [
            ("agent", "Hello."),
            ("visitor", "one"),
            ("agent", "1 < 2 & 3"),
            ("private", "a note"),
            ("agent", "Choose"),
            ("agent", "That's all."),
            ("visitor", "two"),
            ("visitor", "three"),
            ("agent", "re: two"),
            ("agent", "re: three"),
            ("visitor", last.0),
            ("agent", last.1),
        ];
        world.comes_to(&chat, &lines[..1]).await?;
        if self.moment == Moment::Middle {
            world.inject_chat(self.call, self.trouble, self.times);
        }
        world.visitor_says(&chat, "one");
        world.comes_to(&chat, &lines[..6]).await?;
        world.visitor_says(&chat, "two");
        world.visitor_says(&chat, "three");
        world.comes_to(&chat, &lines[..10]).await?;
        world.visitor_says(&chat, last.0);
        world.comes_to(&chat, &lines).await.or_else(|why| {
            // The words for whoever takes over may be there already.
            if transfers { Ok(()) } else { Err(why) }
        })?;
        after(120.0).await;
        let found = world.cloud.chat(&chat).unwrap();
        if transfers {
            if found.skill != HUMAN_SKILL || found.is_over() {
                return Err(format!("not transferred: {:?}", world.shown(&chat)));
            }
            let mut shown = world.shown(&chat);
            shown.retain(|(who, _)| who != "private");
            let wanted = lines.iter().filter(|(who, _)| *who != "private");
            if !shown.iter().map(|(a, b)| (a.as_str(), b.as_str())).eq(wanted.copied()) {
                return Err(format!("transferred with {shown:?}"));
            }
        } else {
            world.comes_to(&chat, &lines).await?;
            if found.end != Some(ChatEnd::Agent) {
                return Err(format!("ended by {:?}", found.end));
            }
        }
        let breaches = world.cloud.breaches();
        if !breaches.is_empty() {
            return Err(format!("{breaches:?}"));
        }
        if world.cloud.chat_availability(AGENT) != Some(crate::simulator::ChatAvailability::Online)
        {
            return Err("the agent is not Online".to_owned());
        }
        let open = world.status().await.conversations.open;
        if open != 0 {
            return Err(format!("{open} conversations are still open"));
        }
        Ok(())
    }
}

impl World {
    async fn comes_to(&self, chat: &str, lines: &[(&str, &str)]) -> Result<(), String> {
        let shown = self.comes_to_show(chat, lines).await;
        shown.map_err(|shown| format!("wanted {} lines, the chat holds {shown:?}", lines.len()))
    }
}
