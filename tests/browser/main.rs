//! The simulator's web page in headless Chromium; the tests themselves are in `page.test.mjs`.
//!
//! Skipped with a message where node, npm's registry or Chromium cannot be had.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::fs;
use std::path::Path;
use std::process::Command;

/// What the tests consist of; copied, so that npm writes nothing into the sources.
const FILES: [&str; 4] = ["package.json", "package-lock.json", "harness.mjs", "page.test.mjs"];

#[test]
fn the_page_shows_the_simulated_world_and_acts_in_it() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    fs::create_dir_all(&folder).unwrap();
    for file in FILES {
        fs::copy(sources.join(file), folder.join(file)).unwrap();
    }
    if !folder.join("node_modules/playwright-core").exists() && !install(&folder) {
        eprintln!("skipped: npm cannot install playwright-core here");
        return;
    }

    let played = Command::new("node")
        .args(["--test", "--test-reporter=tap", "page.test.mjs"])
        .current_dir(&folder)
        .env("CLOUD_SIMULATOR", env!("CARGO_BIN_EXE_cloud-simulator"))
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&played.stdout);
    let complained = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success(), "{said}\n{complained}");
    for line in said.lines().filter(|line| line.contains("# SKIP")) {
        eprintln!("skipped: {line}");
    }
}

/// Whether npm could install what `package-lock.json` names.
fn install(folder: &Path) -> bool {
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
        .current_dir(folder)
        .output();
    npm.is_ok_and(|done| done.status.success())
}
