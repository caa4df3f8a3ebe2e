//! The configuration as its users meet it: files, examples, documents.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod bad_files;
mod documents;
mod examples;
mod properties;
mod settings;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file that is as short as it can be.
const SHORTEST: &str = r#"
[connector]
account_id = "12345678"
conversation_type = "messaging"
fallback_skill_id = "4129463410"

[credentials]
username = "support-bot"
app_key = { env = "APP_KEY" }
secret = { env = "SECRET" }
access_token = { env = "ACCESS_TOKEN" }
access_token_secret = { env = "ACCESS_TOKEN_SECRET" }

[bot]
transport = "websocket"
url = "wss://bots.example.com/support"
"#;

/// The files of a folder of the repository that end in `.toml`, in order.
fn toml_files(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml"))
        .collect();
    files.sort();
    files
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Compares with a file of the repository. With `UPDATE=1` the file is written instead.
fn assert_same(path: &Path, text: &str) {
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        expected == text,
        "{} is stale; renew it with UPDATE=1 cargo test --test config\n--- now:\n{text}",
        path.display()
    );
}
