//! What the process itself uses, read when somebody asks.

use std::fs;

use prometheus_client::{metrics::gauge::Gauge, registry::Registry};

/// Gauges of the process. Two have the names that Prometheus' own clients give them, without a prefix; where there is no
/// `/proc`, they stay at zero.
#[derive(Debug, Default)]
pub(super) struct Process {
    open_fds: Gauge,
    resident_memory: Gauge,
}

impl Process {
    /// Declares them in a registry without prefix.
    pub(super) fn declare(registry: &mut Registry) -> Self {
        let process = Self::default();
        registry.register(
            "process_open_fds",
            "Open file descriptors, sockets among them",
            process.open_fds.clone(),
        );
        registry.register(
            "process_resident_memory_bytes",
            "Memory that the process has in use",
            process.resident_memory.clone(),
        );
        process
    }

    /// Looks again.
    pub(super) fn look(&self) {
        // Two small reads of a file system that is no disk: nothing waits for them.
        let descriptors = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
        self.open_fds.set(i64::try_from(descriptors).unwrap_or(i64::MAX));
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        self.resident_memory.set(resident_bytes(&status).unwrap_or(0));
    }
}

/// The line `VmRSS:   1234 kB` of the process' status.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes_and_nothing_from_anything_else() {
        assert_eq!(resident_bytes("Name:\ta\nVmRSS:\t    7188 kB\n"), Some(7188 * 1024));
        for strange in ["", "VmRSS:", "VmRSS: many kB", "VmRSS: 7"] {
            assert_eq!(resident_bytes(strange), None, "{strange:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_some_of_both() {
        let process = Process::default();
        process.look();
        assert!(process.open_fds.get() > 2 && process.resident_memory.get() > 100_000);
    }
}
