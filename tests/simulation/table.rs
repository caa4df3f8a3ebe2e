//! The guarantee tables: what becomes of consumer messages, fault by fault and setting by setting.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::{
    judge::{Verdict, judge},
    number,
    plan::{self, Plan, Settings},
    run::play,
};

const DOCUMENT: &str = "docs/reliability.md";

/// Runs for each cell when the table is written.
const WRITTEN: u64 = 5;
/// Runs for each cell that every test run makes.
const CHECKED: u64 = 1;

#[test]
fn in_every_cell_of_the_table_nothing_is_lost_repeated_or_out_of_order() {
    SHEET.holds();
}

/// The run of a cell, named by its row and column: `kill -9/webhook`.
pub(crate) fn plan(cell: &str, seed: u64) -> Plan {
    let (row, column) = cell.split_once('/').unwrap();
    let causes = plan::rows();
    let cause = causes.iter().find(|cause| cause.name == row).unwrap();
    let settings = Settings::named().into_iter().find(|one| one.name == column).unwrap();
    Plan::under(cause, settings, seed)
}

/// The table of messaging.
const SHEET: Sheet = Sheet {
    name: "guarantee table",
    rows: || plan::rows().iter().map(|cause| cause.name).collect(),
    columns: || Settings::named().iter().map(|settings| settings.name).collect(),
    play: |cell, seed| judge(&play(&plan(cell, seed))),
    legend: "A cell tells answered / escalated / late messages; after them, if there were any, how many were **lost**, \
             **repeated** or **reordered**, and for how many the bot had no word or only said that it had seen them \
             (*kept by the bot*).",
    figures: |cell| format!("{} / {} / {}", cell.answered, cell.escalated, cell.late),
};

/// A table: what stands in it, and where.
pub(crate) struct Sheet {
    /// In the comments that stand around it in the document.
    pub(crate) name: &'static str,
    pub(crate) rows: fn() -> Vec<&'static str>,
    pub(crate) columns: fn() -> Vec<&'static str>,
    /// Plays a cell, named by its row and column, with a seed.
    pub(crate) play: fn(&str, u64) -> Verdict,
    pub(crate) legend: &'static str,
    /// What stands first in a cell.
    pub(crate) figures: fn(&Verdict) -> String,
}

type Row = (&'static str, Vec<Verdict>);

impl Sheet {
    /// Plays all cells, and writes what came of it if that is wanted.
    pub(crate) fn holds(&self) {
        let write = std::env::var("CONNECTORD_TABLE").is_ok_and(|word| word == "write");
        let runs = if write { number("CONNECTORD_RUNS").unwrap_or(WRITTEN) } else { CHECKED };
        let rows = self.play_all(runs);
        let wrong: Vec<String> = rows
            .iter()
            .flat_map(|(_, cells)| cells)
            .flat_map(|cell| cell.wrong.iter().cloned())
            .collect();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        if write {
            self.write_down(&self.render(&rows, runs));
        }
    }

    fn play_all(&self, runs: u64) -> Vec<Row> {
        let rows = (self.rows)();
        let (todo, done) = (Mutex::new(rows.into_iter().enumerate()), Mutex::new(Vec::new()));
        thread::scope(|scope| {
            for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
                scope.spawn(|| {
                    loop {
                        let Some((place, row)) = todo.lock().unwrap().next() else { return };
                        let cells = self.cells(row, runs);
                        done.lock().unwrap().push((place, (row, cells)));
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|(place, _)| *place);
        done.into_iter().map(|(_, row)| row).collect()
    }

    fn cells(&self, row: &str, runs: u64) -> Vec<Verdict> {
        let cell = |column: &str| {
            let name = format!("{row}/{column}");
            let mut cell = Verdict::default();
            for seed in 0..runs {
                let verdict = (self.play)(&name, seed);
                let wrong = verdict.wrong.iter().map(|what| format!("{name}, seed {seed}: {what}"));
                let wrong = wrong.collect();
                cell.add(&Verdict { wrong, ..verdict });
            }
            cell
        };
        (self.columns)().into_iter().map(cell).collect()
    }

    fn render(&self, rows: &[Row], runs: u64) -> String {
        let mut text =
            format!("Seeds 0 to {}, for each cell. {}\n\n| fault |", runs - 1, self.legend);
        let columns = (self.columns)();
        for one in &columns {
            let _ = write!(text, " {one} |");
        }
        let _ = write!(text, "\n|---|{}\n", "---|".repeat(columns.len()));
        for (row, cells) in rows {
            let _ = write!(text, "| {row} |");
            for cell in cells {
                let _ = write!(text, " {}{} |", (self.figures)(cell), remarks(cell));
            }
            text.push('\n');
        }
        let mut all = Verdict::default();
        rows.iter().flat_map(|(_, cells)| cells).for_each(|cell| all.add(cell));
        let _ = write!(text, "\nTogether: {} answered", all.answered);
        for (count, word) in [
            (all.escalated, "escalated"),
            (all.late, "late"),
            (all.given_up, "kept by the bot"),
            (all.left, "left"),
            (all.cut, "cut"),
            (all.taken, "taken as answered"),
            (all.refused, "refused"),
        ] {
            if count > 0 {
                let _ = write!(text, ", {count} {word}");
            }
        }
        let Verdict { lost, repeated, reordered, .. } = all;
        let _ = writeln!(text, "; {lost} lost, {repeated} repeated, {reordered} reordered.");
        text
    }

    fn write_down(&self, table: &str) {
        // Two tables stand in one document.
        static DOCUMENT_IS_WRITTEN: Mutex<()> = Mutex::new(());
        let _alone = DOCUMENT_IS_WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = format!("<!-- {}: begin -->\n", self.name);
        let end = format!("<!-- {}: end -->", self.name);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
        let document = fs::read_to_string(&path).unwrap();
        let (before, rest) = document.split_once(&begin).unwrap();
        let (_, after) = rest.split_once(&end).unwrap();
        fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    }
}

/// What stands behind the figures of a cell, if there were any.
fn remarks(cell: &Verdict) -> String {
    let mut text = String::new();
    for (count, word) in
        [(cell.lost, "lost"), (cell.repeated, "repeated"), (cell.reordered, "reordered")]
    {
        if count > 0 {
            let _ = write!(text, ", **{count} {word}**");
        }
    }
    for (count, word) in [
        (cell.given_up, "kept by the bot"),
        (cell.left, "left"),
        (cell.cut, "cut"),
        (cell.taken, "taken as answered"),
        (cell.refused, "refused"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}
