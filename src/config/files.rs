//! What the machine adds to a configuration file: its text, who may read it, and whether the files it names are there.

use std::{fs::File, io::Read as _, path::Path};

use super::{
    finding::{Finding, Notes},
    values::Values,
};
use crate::secret::Secret;

/// No configuration is longer; a mistaken path may be.
const LONGEST: u64 = 256 * 1024;

/// The text of the file.
pub(super) fn read(path: &Path) -> Result<String, Box<Finding>> {
    let unreadable =
        |why: String| Box::new(Finding::of_file(path, format!("cannot read the file: {why}")));
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(error.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(unreadable("it is larger than 256 KiB".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8 text".to_owned()))
}

/// Says what is odd about the file itself and the files that it names.
pub(super) fn look(path: &Path, values: &Values, notes: &mut Notes) {
    readers(path, values, notes);
    for (at, secret) in values.secrets() {
        if let Secret::File(file) = secret
            && let Err(error) = File::open(file)
        {
            notes.warn(
                Some(at),
                format!("cannot read {}: {error}", file.display()),
                "the file is read at each log-in; it must be there by then",
            );
        }
    }
    for (at, file) in values.paths() {
        if let Err(error) = File::open(file) {
            notes.error(Some(at), format!("cannot read {}: {error}", file.display()));
        }
    }
}

#[cfg(unix)]
fn readers(path: &Path, values: &Values, notes: &mut Notes) {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    let literal = values
        .secrets()
        .filter(|(_, secret)| matches!(secret, Secret::Literal(_)))
        .map(|(at, _)| at)
        .min_by_key(|at| at.start);
    // A cloud that is spoken to without TLS is on this machine, so it is a simulated one, and its secrets open nothing.
    let is_simulated = values.text("cloud.domain_api").starts_with("http:");
    if mode & 0o044 != 0
        && !is_simulated
        && let Some(at) = literal
    {
        notes.warn(
            Some(at),
            "a secret stands in a file that other users can read",
            format!(
                "chmod 600 {}, or name another source: {{ file = \"...\" }}, {{ env = \"...\" }}, {{ credential = \"...\" }}",
                path.display()
            ),
        );
    }
}

#[cfg(not(unix))]
fn readers(_path: &Path, _values: &Values, _notes: &mut Notes) {}
