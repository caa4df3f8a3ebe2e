//! Patience.

use std::{thread, time::Duration};

/// Looks until it is so. What `look` complains about last is told when it never is.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let mut why = String::new();
    for _ in 0..LOOKS {
        match look() {
            Ok(found) => return found,
            Err(now) => why = now,
        }
        thread::sleep(PAUSE);
    }
    panic!("waited in vain until {what}: {why}");
}

/// Looks until it is so, or has not become so for a long while.
pub(crate) fn until_or_never(mut is_so: impl FnMut() -> bool) {
    let _ = (0..LOOKS).find(|_| {
        let found = is_so();
        if !found {
            thread::sleep(PAUSE);
        }
        found
    });
}

/// More than a minute in all: the machine may be busy with something else.
const LOOKS: usize = 3000;
const PAUSE: Duration = Duration::from_millis(25);
