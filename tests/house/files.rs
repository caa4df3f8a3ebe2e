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
    /// The program without its tests and comments.
    pub(crate) fn code(&self) -> String {
        let mut code = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            // More attributes may stand between the sign and the module.
            let next = lines.clone().take(8).find(|next| next.contains("mod "));
            if line == TESTS && next.is_some_and(|next| next.ends_with('{')) {
                // A module at the outer edge ends with the first brace there.
                lines.by_ref().find(|line| *line == "}");
            } else if !line.trim_start().starts_with("//") {
                code.push_str(line);
                code.push('\n');
            }
        }
        code
    }

    /// The modules that exist in tests only, as paths without an ending.
    fn test_modules(&self) -> Vec<String> {
        let own = self.path.trim_end_matches(".rs");
        let (folder, name) = own.rsplit_once('/').unwrap_or(("", own));
        let below = if matches!(name, "mod" | "main" | "lib") { folder } else { own };
        let after_signs = self.text.split(TESTS).skip(1);
        let declared = after_signs.filter_map(|rest| rest.trim_start().lines().next());
        declared
            .filter_map(|line| line.strip_suffix(';')?.split("mod ").nth(1))
            .map(|module| format!("{below}/{module}"))
            .collect()
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below this folder that is more than a test, in order.
pub(crate) fn rust_files(folder: &str) -> Vec<File> {
    let mut files = Vec::new();
    walk(&root().join(folder), &mut files);
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    let mut files: Vec<File> = files.iter().filter_map(|path| read(path)).collect();
    let tests: Vec<String> = files.iter().flat_map(File::test_modules).collect();
    files.retain(|file| {
        let is_in = |test: &String| {
            let rest = file.path.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        !tests.iter().any(is_in)
    });
    files
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

/// What stands before a module of tests.
const TESTS: &str = "#[cfg(test)]";
