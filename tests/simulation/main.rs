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

use judge::judge;
use plan::Plan;
use run::play;

/// Fresh runs if nothing else is said.
const FRESH: u64 = 200;

#[test]
fn the_seeds_that_once_found_something_find_nothing() {
    let seeds: Vec<u64> = include_str!("seeds.txt")
        .lines()
        .filter_map(|line| line.split('#').next()?.trim().parse().ok())
        .collect();
    assert!(!seeds.is_empty());
    expect_nothing_wrong(&seeds);
}

#[test]
fn fresh_seeds_find_nothing() {
    let base = number("CONNECTORD_SEED").unwrap_or_else(|| fastrand::u64(..1 << 48));
    let runs = number("CONNECTORD_RUNS").unwrap_or(FRESH);
    eprintln!("the first fresh seed is {base}, {runs} runs");
    let seeds: Vec<u64> = (0..runs).map(|n| base.wrapping_add(n)).collect();
    expect_nothing_wrong(&seeds);
}

#[test]
fn one_seed_is_one_run_to_the_last_byte() {
    for seed in 0..6 {
        let plan = Plan::of(seed);
        assert_eq!(play(&plan).transcript(), play(&plan).transcript(), "seed {seed}");
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
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_test_writer();
    log.without_time().init();
    let cell = std::env::var("CONNECTORD_CELL").ok();
    let plan = cell.map_or_else(|| Plan::of(seed), |cell| table::plan(&cell, seed));
    let record = play(&plan);
    let verdict = judge(&record);
    eprintln!("{}\n{verdict:#?}", record.transcript());
    assert!(verdict.wrong.is_empty());
}

/// Plays all, on as many threads as there are processors, and tells the first three that went wrong in full.
fn expect_nothing_wrong(seeds: &[u64]) {
    let next = AtomicU64::new(0);
    let play_on = || {
        let mut failed = Vec::new();
        while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
            let record = play(&Plan::of(*seed));
            let verdict = judge(&record);
            if !verdict.wrong.is_empty() {
                failed.push((*seed, format!("{}\n{:#?}", record.transcript(), verdict.wrong)));
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
            "{story}\nagain: CONNECTORD_SEED={seed} cargo test --test simulation one_run -- --nocapture"
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

pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}
