//! Deterministic simulation: the whole daemon but its sockets, between the simulated cloud and a modelled bot, on virtual
//! time. All that happens in a run follows from its seed.
//!
//! `CONNECTORD_SEED=7 cargo test --test simulation one_run -- --nocapture` plays a run again and prints it;
//! with `CONNECTORD_CELL="kill -9/webhook"` it is a run of that cell of the table.
//! `CONNECTORD_RUNS=5000` makes more fresh runs; `CONNECTORD_TABLE=write` writes the guarantee table anew.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "test code, and what it finds is told"
)]

mod bot;
mod chat;
mod judge;
mod plan;
mod run;
#[path = "../edge/secrecy.rs"]
mod secrecy;
mod table;

#[path = "../../src/bin/cloud-simulator/simulator/mod.rs"]
mod simulator;
#[path = "../edge/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "the stage of the other tests can do more than is needed here"
)]
mod support;

use std::{
    collections::BTreeSet,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use judge::{Verdict, judge};
use plan::Plan;
use run::play;

/// Fresh runs if nothing else is said.
const FRESH: u64 = 200;

const AGAIN: &str = "one_run";

#[test]
fn the_seeds_that_once_found_something_find_nothing() {
    expect_nothing_wrong(&seeds(include_str!("seeds.txt")), told, AGAIN);
}

#[test]
fn fresh_seeds_find_nothing() {
    expect_nothing_wrong(&fresh(FRESH), told, AGAIN);
}

#[test]
fn one_seed_is_one_run_to_the_last_byte() {
    for seed in 0..6 {
        assert_eq!(told(seed).transcript, told(seed).transcript, "seed {seed}");
    }
}

/// They show that the simulation would notice: `tests/simulation/breaks/run`.
#[test]
fn the_deliberate_breaks_still_fit_the_code() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let patches = std::fs::read_dir(root.join("tests/simulation/breaks")).unwrap();
    let mut count = 0;
    for patch in patches.map(|entry| entry.unwrap().path()) {
        if patch.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let apply = ["apply", "--check"];
        let fits = Command::new("git").current_dir(root).args(apply).arg(&patch).status().unwrap();
        assert!(fits.success(), "{} does not fit any more", patch.display());
        count += 1;
    }
    assert!(count >= 5, "only {count} breaks");
}

#[test]
fn one_run() {
    let Some(seed) = number("CONNECTORD_SEED") else { return };
    log_to_the_test();
    let cell = std::env::var("CONNECTORD_CELL").ok();
    let plan = cell.map_or_else(|| Plan::of(seed), |cell| table::plan(&cell, seed));
    let Played { transcript, verdict } = perform(&plan);
    eprintln!("{transcript}\n{verdict:#?}");
    assert!(verdict.wrong.is_empty());
}

/// A run that is over.
pub(crate) struct Played {
    /// Everything that can be seen of it, byte for byte.
    pub(crate) transcript: String,
    pub(crate) verdict: Verdict,
}

fn told(seed: u64) -> Played {
    perform(&Plan::of(seed))
}

fn perform(plan: &Plan) -> Played {
    let record = play(plan);
    Played { transcript: record.transcript(), verdict: judge(&record) }
}

/// Plays all, on as many threads as there are processors, and tells the first three that went wrong in full, and with
/// which test each is played `again`.
pub(crate) fn expect_nothing_wrong(seeds: &[u64], play: fn(u64) -> Played, again: &str) {
    assert!(!seeds.is_empty());
    let next = AtomicU64::new(0);
    let play_on = || {
        let mut failed = Vec::new();
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let Played { transcript, verdict } = play(*seed);
            if !verdict.wrong.is_empty() {
                let wrong = verdict.wrong;
                eprintln!("seed {seed}: {}, {} in all", wrong[0], wrong.len());
                failed.push((*seed, format!("{transcript}\n{wrong:#?}")));
            }
        }
        failed
    };
    let failed: Vec<(u64, String)> = thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let players: Vec<_> = (0..threads).map(|_| scope.spawn(play_on)).collect();
        players.into_iter().flat_map(|player| player.join().unwrap()).collect()
    });
    for (seed, story) in failed.iter().take(3) {
        eprintln!(
            "{story}\nagain: CONNECTORD_SEED={seed} cargo test --test simulation {again} -- --nocapture"
        );
    }
    let failed: BTreeSet<u64> = failed.iter().map(|(seed, _)| *seed).collect();
    assert!(
        failed.is_empty(),
        "{} of {} seeds found something: {failed:?}",
        failed.len(),
        seeds.len()
    );
}

/// The seeds of a file: one a line, and why.
pub(crate) fn seeds(file: &str) -> Vec<u64> {
    file.lines().filter_map(|line| line.split('#').next()?.trim().parse().ok()).collect()
}

/// So many seeds that nobody has chosen, unless the environment has.
pub(crate) fn fresh(usual: u64) -> Vec<u64> {
    let base = number("CONNECTORD_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let runs = number("CONNECTORD_RUNS").unwrap_or(usual);
    eprintln!("the first fresh seed is {base}, {runs} runs");
    (0..runs).map(|n| base.wrapping_add(n)).collect()
}

pub(crate) fn log_to_the_test() {
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_test_writer();
    log.without_time().init();
}

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
