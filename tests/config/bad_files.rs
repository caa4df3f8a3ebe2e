//! Bad files, and word for word what is said about them.

use std::{fs, path::Path};

use connectord::config;

use crate::{assert_same, toml_files};

#[test]
fn every_bad_file_is_answered_as_its_golden_text_says() {
    let files = toml_files("tests/data/config");
    assert!(files.len() > 10, "the table of bad files is missing");
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = Path::new(file.file_name().unwrap());
        let said = match config::parse(&text, name) {
            Ok(loaded) => loaded.warnings.iter().map(|warning| format!("{warning}\n")).collect(),
            Err(mistakes) => format!("{mistakes}\n"),
        };
        assert_same(&file.with_extension("txt"), &said);
    }
}

#[test]
fn a_file_that_is_not_there_is_a_mistake_and_says_which() {
    let mistakes = config::load(Path::new("/nonexistent/bot.toml")).unwrap_err();
    let said = mistakes.to_string();
    assert!(said.starts_with("/nonexistent/bot.toml: error: cannot read the file"), "{said}");
    assert!(said.ends_with("1 mistake"), "{said}");
}
