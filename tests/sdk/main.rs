//! The simulator against a client that nobody here wrote: LivePerson's own `node-agent-sdk`, over TLS.
//!
//! Skipped with a message where npm or its registry cannot be reached, unless `CI` is set.
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

#[test]
fn the_official_sdk_logs_in_answers_transfers_and_closes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sdk");
    let Some(modules) = install(&folder) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "npm must be able to install node-agent-sdk in CI"
        );
        eprintln!("skipped: npm cannot install node-agent-sdk here");
        return;
    };
    let issued = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, issued.cert.pem()).unwrap();
    std::fs::write(&key, issued.signing_key.serialize_pem()).unwrap();
    let (_simulator, port) = start(&certificate, &key);

    let played = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/agent.js"))
        .env("NODE_PATH", modules)
        .env("NODE_EXTRA_CA_CERTS", &certificate)
        .env("SIMULATOR", format!("localhost:{port}"))
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&played.stdout);
    let complained = String::from_utf8_lossy(&played.stderr);
    assert!(played.status.success() && said.trim().ends_with("ok"), "{said}\n{complained}");
}

/// A simulator process, ended with the test.
struct Simulator(Child);

impl Drop for Simulator {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(certificate: &Path, key: &Path) -> (Simulator, u16) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloud-simulator"))
        .args(["serve", "--listen", "127.0.0.1:0", "--tls-cert"])
        .arg(certificate)
        .arg("--tls-key")
        .arg(key)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the simulator starts");
    let stdout = child.stdout.take().expect("its output is a pipe");
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line).expect("it says where it listens");
    let port = line.trim().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
    (Simulator(child), port)
}

/// Installs the SDK once; where its modules are.
fn install(folder: &Path) -> Option<PathBuf> {
    let modules = folder.join("node_modules");
    if !modules.join("node-agent-sdk").exists() {
        std::fs::create_dir_all(folder).expect("a folder for the SDK");
        std::fs::write(folder.join("package.json"), r#"{ "name": "sdk-test", "private": true }"#)
            .expect("a package.json");
        let arguments = ["install", "--no-audit", "--no-fund", "--silent", "node-agent-sdk@^1.2.0"];
        let installed = Command::new("npm").args(arguments).current_dir(folder).status().ok()?;
        installed.success().then_some(())?;
    }
    Some(modules)
}
