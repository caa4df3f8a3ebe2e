//! Pure: made-up ids of the shapes that the service uses, repeatable from a seed.

use std::fmt::Write as _;

/// A source of ids; equal seeds give equal ids in equal order.
#[derive(Debug)]
pub(crate) struct Ids {
    random: fastrand::Rng,
}

impl Ids {
    /// A source that starts from `seed`.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    /// A UUID of version 4, as used for conversations, subscriptions and agents.
    pub(crate) fn uuid(&mut self) -> String {
        let bits = self.random.u128(..);
        let bits = (bits & !(0xf << 76)) | (0x4 << 76);
        let bits = (bits & !(0x3 << 62)) | (0x2 << 62);
        let hex = format!("{bits:032x}");
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }

    /// `bytes` random bytes in hexadecimal: consumers, bearers, csrf tokens, cookies.
    pub(crate) fn hex(&mut self, bytes: usize) -> String {
        (0..bytes).fold(String::with_capacity(bytes * 2), |mut text, _| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{:02x}", self.random.u8(..));
            text
        })
    }

    /// A number below `limit`.
    pub(crate) fn number(&mut self, limit: u64) -> u64 {
        self.random.u64(..limit)
    }

    /// A 22-character id as dialogs other than MAIN have.
    pub(crate) fn short(&mut self) -> String {
        (0..22).map(|_| self.random.alphanumeric()).collect()
    }
}
