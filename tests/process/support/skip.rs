//! What is not tested, because this machine lacks something.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Whether there is such a program, and it succeeds with these arguments.
pub(crate) fn can_run(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Says what is not tested. With `CI=true` nothing may be left out.
pub(crate) fn skipped(what: &str) {
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "cannot be tested here: {what}");
    let _ = writeln!(std::io::stderr(), "not tested: {what}");
}
