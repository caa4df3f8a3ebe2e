//! Signals of the operating system, as words.

use std::{
    fmt, io,
    pin::Pin,
    sync::{Arc, atomic::AtomicBool},
    task::{Context, Poll, ready},
};

use futures_util::Stream;
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    flag,
};

/// What the operator wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM or SIGINT: drain, then stop.
    Stop,
    /// SIGHUP: read the configuration again.
    Reload,
    /// SIGUSR1: log the status.
    Report,
}

/// A stream of signals. It never ends.
///
/// The second SIGTERM or SIGINT does not come through here: it ends the process at once, from within the signal
/// handler, so that it works even when the loop that should read this stream is wedged.
pub struct Signals(signal_hook_tokio::Signals);

impl Signals {
    /// Takes over the four signals. Must be called within a tokio runtime, once in a process.
    ///
    /// # Errors
    /// The system refuses; that leaves a process which could not be stopped, so do not start.
    pub fn install() -> io::Result<Self> {
        let armed = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // Handlers run in this order: the first signal finds the flag down and raises it, the second finds it up.
            flag::register_conditional_shutdown(signal, exit_code(signal), armed.clone())?;
            flag::register(signal, armed.clone())?;
        }
        let signals = signal_hook_tokio::Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR1])?;
        Ok(Self(signals))
    }
}

impl fmt::Debug for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signals").finish_non_exhaustive()
    }
}

impl Stream for Signals {
    type Item = Signal;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Signal>> {
        let signal = match ready!(Pin::new(&mut self.0).poll_next(cx)) {
            Some(SIGHUP) => Signal::Reload,
            Some(SIGUSR1) => Signal::Report,
            // Only SIGTERM and SIGINT are left.
            Some(_) => Signal::Stop,
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(signal))
    }
}

/// As a shell shows a process that died of `signal`: it did not stop in good order.
fn exit_code(signal: i32) -> i32 {
    128 + signal
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        process::{Child, Command, Stdio},
        sync::atomic::Ordering,
        time::Duration,
    };

    use futures_util::StreamExt;
    use signal_hook::low_level::raise;

    use super::*;

    // One test, since signals belong to the whole process.
    #[tokio::test]
    async fn each_signal_comes_as_its_word() {
        let mut signals = Signals::install().unwrap();
        for (signal, word) in [
            (SIGHUP, Signal::Reload),
            (SIGUSR1, Signal::Report),
            (SIGHUP, Signal::Reload),
            (SIGTERM, Signal::Stop),
        ] {
            raise(signal).unwrap();
            let next = tokio::time::timeout(Duration::from_secs(20), signals.next());
            assert_eq!(next.await.unwrap(), Some(word));
        }
    }

    #[test]
    fn a_second_stop_ends_a_process_whose_loop_is_wedged() {
        for (first, second, code) in
            [("TERM", "TERM", 143), ("INT", "TERM", 143), ("TERM", "INT", 130)]
        {
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", "--nocapture", CHILD])
                .env(CHILD, "1")
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let mut wait_for = |word: &str| {
                assert!(lines.any(|line| line.unwrap().ends_with(word)), "no {word:?}");
            };
            wait_for("armed");
            kill(&child, first);
            wait_for("first");
            assert_eq!(child.try_wait().unwrap(), None, "{first}");
            kill(&child, second);
            assert_eq!(child.wait().unwrap().code(), Some(code), "{first} {second}");
        }
    }

    /// The process that the test above starts: it takes signals and never looks at them.
    #[test]
    #[ignore = "runs as a child of another test"]
    fn wedged_child() {
        if std::env::var_os(CHILD).is_none() {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let _signals = Signals::install().unwrap();
            let seen = Arc::new(AtomicBool::new(false));
            flag::register(SIGTERM, seen.clone()).unwrap();
            flag::register(SIGINT, seen.clone()).unwrap();
            let mut out = io::stdout();
            writeln!(out, "armed").unwrap();
            while !seen.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            writeln!(out, "first").unwrap();
            // Ends by itself should the test have died; no test waits for that.
            std::thread::sleep(Duration::from_secs(60));
        });
    }

    const CHILD: &str = "ops::signals::tests::wedged_child";

    fn kill(child: &Child, signal: &str) {
        let script = format!("kill -{signal} {}", child.id());
        let status = Command::new("sh").args(["-c", &script]).status().unwrap();
        assert!(status.success());
    }
}
