//! The guarantee table: what becomes of consumer messages, fault by fault and setting by setting.

use std::{fmt::Write as _, fs, path::Path, sync::Mutex, thread};

use crate::{
    judge::{Verdict, judge},
    number,
    plan::{self, Cause, Plan, Settings},
    run::play,
};

const DOCUMENT: &str = "docs/reliability.md";
const BEGIN: &str = "<!-- guarantee table: begin -->\n";
const END: &str = "<!-- guarantee table: end -->";

/// Runs for each cell when the table is written.
const WRITTEN: u64 = 5;
/// Runs for each cell that every test run makes.
const CHECKED: u64 = 1;

#[test]
fn in_every_cell_of_the_table_nothing_is_lost_repeated_or_out_of_order() {
    let write = std::env::var("CONNECTORD_TABLE").is_ok_and(|word| word == "write");
    let runs = if write { number("CONNECTORD_RUNS").unwrap_or(WRITTEN) } else { CHECKED };
    let rows = rows(runs);
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|(cause, cells)| cells.iter().map(move |cell| (cause, cell)))
        .filter(|(_, cell)| !cell.wrong.is_empty())
        .map(|(cause, cell)| format!("{cause}: {:#?}", cell.wrong))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if write {
        write_down(&render(&rows, runs));
    }
}

/// The run of a cell, named by its row and column: `kill -9/webhook`.
pub(crate) fn plan(cell: &str, seed: u64) -> Plan {
    let (row, column) = cell.split_once('/').unwrap();
    let causes = plan::rows();
    let cause = causes.iter().find(|cause| cause.name == row).unwrap();
    let settings = Settings::named().into_iter().find(|one| one.name == column).unwrap();
    Plan::under(cause, settings, seed)
}

type Row = (&'static str, Vec<Verdict>);

fn rows(runs: u64) -> Vec<Row> {
    let causes = plan::rows();
    let (todo, done) = (Mutex::new(causes.iter().enumerate()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let Some((place, cause)) = todo.lock().unwrap().next() else { return };
                    let row = (place, (cause.name, cells(cause, runs)));
                    done.lock().unwrap().push(row);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, row)| row).collect()
}

fn cells(cause: &Cause, runs: u64) -> Vec<Verdict> {
    let cell = |settings: Settings| {
        let mut cell = Verdict::default();
        for seed in 0..runs {
            let verdict = judge(&play(&Plan::under(cause, settings.clone(), seed)));
            let name = settings.name;
            let wrong = verdict.wrong.iter().map(|what| format!("{name}, seed {seed}: {what}"));
            let wrong = wrong.collect();
            cell.add(&Verdict { wrong, ..verdict });
        }
        cell
    };
    Settings::named().into_iter().map(cell).collect()
}

fn render(rows: &[Row], runs: u64) -> String {
    let mut text = format!(
        "Seeds 0 to {}, for each cell. A cell tells answered / escalated / late messages; after them, if there were any, how \
         many were **lost**, **repeated** or **reordered**, and for how many the bot had no word or only said that it had \
         seen them (*kept by the bot*).\n\n| fault |",
        runs - 1
    );
    let settings = Settings::named();
    for one in &settings {
        let _ = write!(text, " {} |", one.name);
    }
    let _ = write!(text, "\n|---|{}\n", "---|".repeat(settings.len()));
    for (cause, cells) in rows {
        let _ = write!(text, "| {cause} |");
        for cell in cells {
            let _ = write!(text, " {} / {} / {}", cell.answered, cell.escalated, cell.late);
            for (count, word) in
                [(cell.lost, "lost"), (cell.repeated, "repeated"), (cell.reordered, "reordered")]
            {
                if count > 0 {
                    let _ = write!(text, ", **{count} {word}**");
                }
            }
            if cell.given_up > 0 {
                let _ = write!(text, ", {} kept by the bot", cell.given_up);
            }
            text.push_str(" |");
        }
        text.push('\n');
    }
    let mut all = Verdict::default();
    rows.iter().flat_map(|(_, cells)| cells).for_each(|cell| all.add(cell));
    let _ = write!(
        text,
        "\nTogether: {} answered, {} escalated, {} late, {} kept by the bot; {} lost, {} repeated, {} reordered.\n",
        all.answered, all.escalated, all.late, all.given_up, all.lost, all.repeated, all.reordered
    );
    text
}

fn write_down(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    fs::write(path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
}
