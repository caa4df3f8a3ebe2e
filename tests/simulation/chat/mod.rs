//! The same with live chat: visitors who come, talk and go, and a cloud that tells nothing unless it is asked.
//!
//! `CONNECTORD_SEED=7 cargo test --test simulation one_chat_run -- --nocapture` plays a run again and prints it; with
//! `CONNECTORD_CELL="kill -9/webhook"` it is a run of that cell of the table.

mod judge;
mod plan;
mod run;

use crate::{Played, expect_nothing_wrong, fresh, log_to_the_test, number, seeds, table::Sheet};
use judge::judge;
use plan::{Cause, Plan, Settings};

/// Fresh runs if nothing else is said.
const FRESH: u64 = 60;

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
