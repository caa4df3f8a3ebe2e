//! The files of the repository.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A file and its text.
pub(crate) struct File {
    /// From the root of the repository, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl File {
    /// The program without its tests: everything before the first module of tests, without comments.
    pub(crate) fn code(&self) -> String {
        let text = self.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        lines.map(|line| format!("{line}\n")).collect()
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below this folder, in order.
pub(crate) fn rust_files(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    files.iter().filter_map(|path| read(path)).collect()
}

/// Every text of the repository that git knows; everything but `target` where there is no git.
pub(crate) fn all_texts() -> Vec<File> {
    let known = Command::new("git").args(["ls-files", "-z"]).current_dir(root()).output();
    let known = known.ok().filter(|output| output.status.success() && !output.stdout.is_empty());
    let mut paths = Vec::new();
    match known {
        Some(output) => {
            let names = String::from_utf8(output.stdout).unwrap();
            paths.extend(names.split_terminator('\0').map(|name| root().join(name)));
        }
        None => walk(root(), &mut paths),
    }
    paths.sort();
    paths.iter().filter_map(|path| read(path)).collect()
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != "node_modules" {
                walk(&path, into);
            }
        } else {
            into.push(path);
        }
    }
}

/// None for what is no text, or has been removed but is still known.
fn read(path: &Path) -> Option<File> {
    let text = String::from_utf8(fs::read(path).ok()?).ok()?;
    let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
    Some(File { path, text })
}
