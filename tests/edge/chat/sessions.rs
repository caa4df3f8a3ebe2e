//! Log-ins and agent sessions: what ends them from outside costs no line, and two programs with one agent do not fight.

use crate::{
    simulator::{CallName, ChatOptions, Millis, Options, Trouble},
    support::{AGENT, World, after, story, text},
};

use super::CHAT;

#[tokio::test(start_paused = true)]
async fn a_log_in_that_ends_in_the_middle_of_chats_costs_no_line_and_one_log_in() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chats = world.five_chats().await;
        for word in ["one", "two"] {
            for chat in &chats {
                world.visitor_says(chat, word);
            }
            after(1.0).await;
        }
        let logins = world.cloud.logins();
        world.ends_log_in();
        for chat in &chats {
            world.visitor_says(chat, "three");
        }
        world.are_answered(&chats).await;
        assert_eq!(world.cloud.logins(), logins + 1);
        assert_eq!(world.status().await.conversations.open, 5);
        assert!(world.takes_rings());
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_log_in_that_ends_at_any_moment_of_an_exchange_costs_no_line() {
    for tenths in (0..60).step_by(2) {
        story(async {
            let world = World::chatting().await;
            world.bot_answers();
            let chat = world.visitor_starts();
            world.visitor_says(&chat, "I wait");
            after(2.0).await;
            world.visitor_says(&chat, "one");
            world.visitor_says(&chat, "two");
            after(f64::from(tenths) / 10.0).await;
            world.ends_log_in();
            after(1.0).await;
            world.visitor_says(&chat, "three");
            world.are_answered(&[chat]).await;
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_shown_as_being_typed_ends_with_the_answer_whatever_was_lost_meanwhile() {
    for kills in [false, true] {
        story(async {
            let mut world = World::chatting().await;
            let chat = world.visitor_starts();
            let mut event = world.bot.hears("hi").await;
            after(2.0).await;
            assert!(world.cloud.chat(&chat).unwrap().agent_typing);
            if kills {
                world.kill().await;
                world.start(CHAT).await;
                event = world.bot.hears("hi").await;
            } else {
                world.ends_log_in();
            }
            after(15.0).await;
            world.bot.answers(&event, &[text("Hello.")]);
            world.shows(&chat, &[("agent", "Hello.")]).await;
            after(5.0).await;
            assert!(!world.cloud.chat(&chat).unwrap().agent_typing, "killed: {kills}");
            world.broke_no_rule();
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn chats_survive_a_log_in_that_takes_half_a_minute() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chats = world.five_chats().await;
        world.inject_chat(CallName::Login, Trouble::Status(503), 2);
        world.inject_chat(CallName::ChatSessions, Trouble::Status(500), 1);
        world.ends_log_in();
        for chat in &chats {
            world.visitor_says(chat, "still there?");
        }
        world.are_answered(&chats).await;
        assert_eq!(world.status().await.conversations.open, 5);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_session_that_the_cloud_ends_is_started_anew_and_its_chats_come_back_by_ringing() {
    story(async {
        let mut options = Options::fixed();
        // A colleague keeps the chats alive.
        let colleagues = options.accounts[0].agents.iter_mut().filter(|agent| agent.human);
        colleagues.for_each(|agent| agent.skills.push(crate::support::BOT_SKILL.to_owned()));
        let world = World::chatting_with(options, "").await;
        world.bot_answers();
        let chat = world.visitor_starts();
        world.visitor_says(&chat, "one");
        world.is_answered(&chat).await;
        let logins = world.cloud.logins();
        world.cloud.agent(AGENT).loses_chat_session().unwrap();
        after(60.0).await;
        assert_eq!(world.cloud.logins(), logins, "the bearer is as good as before");
        assert!(world.takes_rings());
        // Whoever gets a chat from the queue, greets.
        let said: Vec<String> = world.shown(&chat).into_iter().map(|(_, line)| line).collect();
        assert_eq!(said, ["one", "re: hi", "re: one", "re: hi"]);
        world.visitor_says(&chat, "two");
        after(10.0).await;
        assert_eq!(world.shown(&chat).last().unwrap().1, "re: two");
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_log_in_is_refreshed_for_hours_while_a_silent_visitor_is_kept() {
    story(async {
        let world = World::chatting().await;
        world.bot_answers();
        let chat = world.visitor_starts();
        world.is_answered(&chat).await;
        after(4.0 * 3_600.0).await;
        world.visitor_says(&chat, "I am back");
        world.are_answered(&[chat]).await;
        assert_eq!(world.cloud.logins(), 1);
        // Every 4 minutes, give or take.
        assert!(world.cloud.read(|cloud| cloud.counts.refreshes) >= 50);
        world.broke_no_rule();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_is_refused_logs_in_again_behind_chats_that_go_on() {
    for trouble in [Trouble::Status(401), Trouble::Status(500), Trouble::DropBefore] {
        story(async {
            let options = Options { session_life: 600_000, ..Options::fixed() };
            let world = World::chatting_with(options, "").await;
            world.bot_answers();
            let chat = world.visitor_starts();
            world.is_answered(&chat).await;
            world.inject_chat(CallName::Refresh, trouble, 4);
            for word in ["one", "two", "three", "four", "five", "six"] {
                after(200.0).await;
                world.visitor_says(&chat, word);
            }
            world.are_answered(&[chat]).await;
            assert_eq!(world.status().await.conversations.open, 1, "{trouble:?}");
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_is_said_and_not_tried_in_haste_until_it_is_allowed() {
    for call in [CallName::Ring, CallName::StartSession, CallName::Login] {
        for status in [400, 401, 403] {
            story(is_forbidden(call, status)).await;
        }
    }
}

async fn is_forbidden(call: CallName, status: u16) {
    let mut world = World::with(Options::fixed());
    world.breaks(call, Trouble::Status(status));
    world.start(CHAT).await;
    after(3_600.0).await;
    let case = format!("{call:?} {status}");
    // Asking for rings in vain is cheap; the others are log-ins, of which too many get a user disabled.
    let tries = world.cloud.chat_count(call);
    let logins = world.cloud.logins();
    assert!(logins <= 80, "{case}: {logins} log-ins in an hour, {tries} tries");
    let told = world.status().await.conversational_cloud.last_error;
    let rings_are_refused = (call, status) == (CallName::Ring, 400);
    let told = told.map(|error| error.message).unwrap_or_default();
    assert!(
        rings_are_refused || told.contains(&status.to_string()) || told.contains("another program"),
        "{case}: {told}"
    );
    if rings_are_refused {
        assert!(world.count("protocol_errors_total", "rings") > 100.0, "{case}");
    }
    world.cloud.clear_faults();
    world.bot_answers();
    let chat = world.visitor_starts();
    for _ in 0..20 {
        after(60.0).await;
        if !world.shown(&chat).is_empty() {
            break;
        }
    }
    world.are_answered(&[chat]).await;
    world.broke_no_rule();
}

#[tokio::test(start_paused = true)]
async fn two_connectors_with_one_agent_say_so_and_do_not_fight() {
    for choice in [
        ChatOptions::default(),
        ChatOptions { login_ends_session: true, ..ChatOptions::default() },
        ChatOptions { login_voids_bearer: false, ..ChatOptions::default() },
    ] {
        story(fight(choice)).await;
    }
}

/// An hour of two programs with one agent.
async fn fight(chat: ChatOptions) {
    let voids = (chat.login_voids_bearer, chat.login_ends_session);
    let mut world = World::with(Options { chat, ..Options::fixed() });
    world.starts_chatting("").await;
    let mut twin = world.sister();
    twin.start(CHAT).await;
    let both = [&world, &twin];
    let logins = || both.map(|one| one.count("logins_total", "ok"));
    let sessions = || world.cloud.chat_count(CallName::StartSession);
    let (mut before, mut minutes, mut started) = (logins(), Vec::new(), Vec::new());
    for _ in 0..60 {
        let count = sessions();
        after(60.0).await;
        let now = logins();
        minutes.push([now[0] - before[0], now[1] - before[1]]);
        started.push(sessions() - count);
        before = now;
    }
    let first: f64 = minutes[..3].iter().flatten().sum();
    assert!(first <= 10.0, "{voids:?}: {minutes:?}");
    let fought = minutes[3..].iter().flatten().any(|logins| *logins > 1.0);
    assert!(!fought, "{voids:?}: log-ins of each in each minute: {minutes:?}");
    let fought = started[3..].iter().any(|sessions| *sessions > 4);
    assert!(!fought, "{voids:?}: sessions of both in each minute: {started:?}");
    for one in both {
        let told = format!("{:?}", one.status().await.conversational_cloud);
        let words = format!("another program seems to log in as {AGENT}");
        assert!(told.contains(&words), "{voids:?}: {told}");
    }
    // When one of them is gone, the other serves soon.
    twin.kill().await;
    let start = world.now();
    world.is_online().await;
    world.bot_answers();
    let chat = world.visitor_starts();
    world.is_answered(&chat).await;
    let took = world.now() - start;
    assert!(took < 100_000, "{voids:?}: {took} ms");
}

impl World {
    /// Five chats that have been greeted.
    async fn five_chats(&self) -> Vec<String> {
        let chats: Vec<String> = (0..5).map(|_| self.visitor_starts()).collect();
        for chat in &chats {
            self.is_answered(chat).await;
        }
        chats
    }

    fn now(&self) -> Millis {
        self.cloud.clock().now()
    }
}
