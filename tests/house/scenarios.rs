//! The list of faults and their scenarios.

use crate::files::{File, all_texts};

#[test]
fn every_scenario_in_the_list_of_faults_exists() {
    let texts = all_texts();
    let tests: Vec<&File> =
        texts.iter().filter(|file| file.path.starts_with("tests/edge/")).collect();
    let list = tests.iter().find(|file| file.path == "tests/edge/recovery/mod.rs").unwrap();
    let rows: Vec<&str> =
        list.text.lines().filter(|line| line.starts_with("//! | ")).skip(1).collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    let mut lost = Vec::new();
    for row in rows {
        let named: Vec<&str> =
            row.rsplit_once(" | ").unwrap().1.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "no scenario in {row}");
        for name in named {
            let head = format!("\nasync fn {name}() {{");
            let wrapped = format!("\nasync fn {name}()\n{{");
            if !tests.iter().any(|file| file.text.contains(&head) || file.text.contains(&wrapped)) {
                lost.push(name);
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
