//! The same with live chat: visitors who come, talk and go, and a cloud that tells nothing unless it is asked.
//!
//! `CONNECTORD_SEED=7 cargo test --test simulation one_chat_run -- --nocapture` plays a run again and prints it; with
//! `CONNECTORD_CELL="kill -9/webhook"` it is a run of that cell of the table.

mod judge;
mod plan;
mod run;

use std::collections::BTreeMap;

use crate::{Played, expect_nothing_wrong, fresh, log_to_the_test, number, seeds, table::Sheet};
use judge::judge;
use plan::{Cause, Plan, Settings};

/// Fresh runs if nothing else is said.
const FRESH: u64 = 40;

const AGAIN: &str = "one_chat_run";

#[test]
fn the_seeds_that_once_found_something_in_chat_find_nothing() {
    expect_nothing_wrong(&seeds(include_str!("seeds.txt")), told, AGAIN);
}

#[test]
fn fresh_seeds_of_chat_find_nothing() {
    expect_nothing_wrong(&fresh(FRESH), told, AGAIN);
}

#[test]
fn one_seed_of_chat_is_one_run_to_the_last_byte() {
    for seed in 0..4 {
        assert_eq!(told(seed).transcript, told(seed).transcript, "seed {seed}");
    }
}

/// Of everything that can go wrong there is enough among the plans, as often as the figure says in a thousand of them.
#[test]
fn a_thousand_plans_of_chat_hold_every_fault() {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for step in (0..1_000).flat_map(|seed| Plan::of(seed).steps) {
        let text = format!("{:?}", step.0);
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let words: Vec<&str> = words.collect();
        let name = match words[..] {
            ["Fault", call, trouble, ..] => format!("{call} {trouble}"),
            ["AnyFault", trouble, ..] => format!("any {trouble}"),
            [name, ..] => name.to_owned(),
            [] => continue,
        };
        *counts.entry(name).or_default() += 1;
    }
    eprintln!("{counts:#?}");
    for (name, at_least) in [
        ("Kill", 400),
        ("Stop", 400),
        ("Reload", 400),
        ("BotAway", 400),
        ("ForcedAway", 20),
        ("SessionLost", 50),
        ("LogInEnded", 50),
        ("any ExpireBearer", 50),
        ("any KillSession", 50),
        ("any ForceAway", 20),
        ("any TooMany", 50),
        ("any DropAfter", 20),
        ("any DropBefore", 20),
        ("any Status", 30),
        ("any Slow", 20),
        ("any Late", 20),
        ("Line DropAfter", 50),
        ("Line SilenceAfter", 20),
        ("Line Status", 20),
        ("Line StatusAfter", 20),
        ("Accept DropAfter", 10),
        ("Accept SilenceAfter", 10),
        ("Accept DropBefore", 10),
        ("Ring Status", 10),
        ("Events DropAfter", 5),
        ("Events Status", 20),
        ("Chats Status", 5),
        ("ChatSessions DropAfter", 10),
        ("SetAvailability DropAfter", 10),
        ("Transfer DropAfter", 10),
        ("Transfer StatusAfter", 10),
        ("Login Status", 50),
        ("Login DropAfter", 5),
        ("StartSession DropAfter", 5),
        ("Refresh Status", 50),
    ] {
        let found = counts.get(name).copied().unwrap_or_default();
        assert!(found >= at_least, "{name}: only {found}");
    }
}

#[test]
fn in_every_cell_of_the_chat_table_nothing_is_lost_repeated_or_out_of_order() {
    SHEET.holds();
}

#[test]
fn one_chat_run() {
    let Some(seed) = number("CONNECTORD_SEED") else { return };
    log_to_the_test();
    let cell = std::env::var("CONNECTORD_CELL").ok();
    let plan = cell.map_or_else(|| Plan::of(seed), |cell| in_cell(&cell, seed));
    let Played { transcript, verdict } = perform(&plan);
    eprintln!("{transcript}\n{verdict:#?}");
    assert!(verdict.wrong.is_empty());
}

/// The table of chat.
const SHEET: Sheet = Sheet {
    name: "chat guarantee table",
    rows: || plan::causes().iter().map(|cause| cause.name).collect(),
    columns: || Settings::named().iter().map(|settings| settings.name).collect(),
    play: |cell, seed| perform(&in_cell(cell, seed)).verdict,
    figures: |cell| format!("{} / {}", cell.answered, cell.escalated),
    legend: "A cell tells answered / escalated lines; after them, if there were any, how many were **lost**, **repeated** or \
             **reordered**, for how many the bot had no word or only said that it had seen them (*kept by the bot*), how many \
             stood in a chat that ended or went to others first (*left*), and over a restart, how many were answered in part \
             (*cut*) or not, since something was said behind them (*taken as answered*), and of how many answers the cloud \
             has refused a line (*refused*).",
};

fn in_cell(cell: &str, seed: u64) -> Plan {
    let (row, column) = cell.split_once('/').unwrap();
    let cause: Cause = plan::causes().into_iter().find(|cause| cause.name == row).unwrap();
    let settings = Settings::named().into_iter().find(|one| one.name == column).unwrap();
    Plan::under(&cause, settings, seed)
}

fn told(seed: u64) -> Played {
    perform(&Plan::of(seed))
}

fn perform(plan: &Plan) -> Played {
    let record = run::play(plan);
    Played { transcript: record.transcript(), verdict: judge(&record) }
}
