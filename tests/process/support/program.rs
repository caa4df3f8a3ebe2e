//! A program that runs as a child, with what it says.

use std::{
    io::{BufRead as _, BufReader, Read, Write as _},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use super::{until, wait::until_or_never};

/// A child process. It ends with the test, whatever happens.
pub(crate) struct Program {
    name: String,
    child: Child,
    out: Arc<Mutex<String>>,
    err: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// It has children of its own, which it takes along when it is asked to stop.
    has_children: bool,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// The exit code; none if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Where a program says something.
#[derive(Clone, Copy)]
pub(crate) enum Stream {
    Out,
    Err,
}

impl Program {
    /// Starts it, with nothing of the surroundings that could change what it does.
    pub(crate) fn start(mut command: Command) -> Self {
        for name in OF_NO_CONCERN {
            let set_by_the_test = command.get_envs().any(|(key, _)| key == *name);
            if !set_by_the_test {
                command.env_remove(name);
            }
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().unwrap_or_else(|why| panic!("cannot start {name}: {why}"));
        let (out, err) = (Arc::default(), Arc::default());
        let readers = vec![
            gather(child.stdout.take().unwrap(), Arc::clone(&out)),
            gather(child.stderr.take().unwrap(), Arc::clone(&err)),
        ];
        Self { name, child, out, err, readers, has_children: false }
    }

    /// The same, for a program that starts others: it is asked to stop before it is ended by force.
    pub(crate) fn start_parent(command: Command) -> Self {
        let mut program = Self::start(command);
        program.has_children = true;
        program
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything that it has said so far.
    pub(crate) fn said(&self, stream: Stream) -> String {
        match stream {
            Stream::Out => self.out.lock().unwrap().clone(),
            Stream::Err => self.err.lock().unwrap().clone(),
        }
    }

    /// Waits for a line that holds these words, and tells it.
    pub(crate) fn says(&self, words: &str) -> String {
        until(&format!("{} says {words:?}", self.name), || {
            let said = self.said(Stream::Out) + &self.said(Stream::Err);
            let line = said.lines().find(|line| line.contains(words)).map(str::to_owned);
            line.ok_or(said)
        })
    }

    /// Sends a signal, by its name without SIG.
    pub(crate) fn signal(&self, name: &str) {
        // The standard library can only kill.
        let script = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success(), "{script}: {status}");
    }

    /// Sends a signal, if it has not ended by itself meanwhile.
    pub(crate) fn signals_if_there(&self, name: &str) {
        let script = format!("kill -{name} {} 2>&1", self.child.id());
        let _ = Command::new("sh").args(["-c", &script]).stdout(Stdio::null()).status();
    }

    /// Ends it from one moment to the next.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end.
    pub(crate) fn ends(&mut self) -> Ended {
        let name = self.name.clone();
        let status = until(&format!("{name} ends"), || {
            let said = || self.out.lock().unwrap().clone();
            self.child.try_wait().unwrap().ok_or_else(said)
        });
        // What it said last may still be on its way.
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ended { code: status.code(), out: self.said(Stream::Out), err: self.said(Stream::Err) }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if self.has_children && matches!(self.child.try_wait(), Ok(None)) {
            self.signal("TERM");
            until_or_never(|| !matches!(self.child.try_wait(), Ok(None)));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let said = self.said(Stream::Out) + &self.said(Stream::Err);
            let _ = writeln!(std::io::stderr(), "--- {} said:\n{said}---", self.name);
        }
    }
}

/// Reads what a child says until it says no more.
fn gather(stream: impl Read + Send + 'static, into: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            into.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// Variables of the environment that change what a program of ours does.
const OF_NO_CONCERN: &[&str] = &[
    "CONNECTORD_CONFIG",
    "CREDENTIALS_DIRECTORY",
    "JOURNAL_STREAM",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    // With it the demo would build the connector first.
    "CARGO",
];
