//! Pure: how often a session may take a socket for deaf.
//!
//! That a second subscription brings a list of its own is how the service is documented, and not proof that every one
//! of its versions does it. A service that never does must not have its sockets replaced for ever.

use std::time::{Duration, Instant};

/// What is known of sockets that answer and tell nothing.
#[derive(Debug, Default)]
pub(crate) struct Deafness {
    /// A look's list has come on some socket.
    proven: bool,
    /// Sockets in a row that were lost to deafness.
    in_a_row: u32,
    last: Option<Instant>,
}

impl Deafness {
    /// A look's list came on the socket that is lost now.
    pub(super) fn heard(&mut self) {
        self.proven = true;
        self.in_a_row = 0;
    }

    /// A socket is given up because it tells nothing.
    pub(super) fn lost(&mut self, now: Instant) {
        self.in_a_row += 1;
        self.last = Some(now);
    }

    /// From when on the next socket may be given up for this; none: never.
    pub(super) fn counts_from(&self, now: Instant) -> Option<Instant> {
        if !self.proven && self.in_a_row >= TRIES {
            return None;
        }
        Some(self.last.map_or(now, |last| last + BETWEEN))
    }
}

/// Sockets that were given up before it is believed that the service simply tells no second list.
const TRIES: u32 = 2;
/// Whatever happens, one replacement in this time is enough.
const BETWEEN: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn one_socket_in_ten_minutes_is_given_up() {
        let start = Instant::now();
        let mut deafness = Deafness::default();
        assert_eq!(deafness.counts_from(start), Some(start));
        deafness.heard();
        deafness.lost(start);
        let later = start + Duration::from_secs(5);
        assert_eq!(deafness.counts_from(later), Some(start + BETWEEN));
    }

    #[test]
    fn a_service_that_never_tells_a_second_list_is_believed_after_two_sockets() {
        let start = Instant::now();
        let mut deafness = Deafness::default();
        deafness.lost(start);
        assert!(deafness.counts_from(start).is_some());
        deafness.lost(start + BETWEEN);
        assert_eq!(deafness.counts_from(start + 2 * BETWEEN), None);
        deafness.heard();
        assert!(deafness.counts_from(start + 2 * BETWEEN).is_some());
    }
}
