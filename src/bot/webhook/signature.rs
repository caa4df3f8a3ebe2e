//! Pure: the Standard Webhooks signature (version 1.0.0, symmetric), and trace ids.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};

/// The key that signs; it cannot be printed.
#[derive(Clone)]
pub(in crate::bot) struct SigningKey(Vec<u8>);

/// The secret is not a `whsec_` secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signing secret must be whsec_ followed by base64 of the key")]
pub struct NotASigningSecret;

impl SigningKey {
    /// Reads `whsec_` and base64; the prefix may be missing, as in the reference libraries.
    pub(in crate::bot) fn new(secret: &SecretString) -> Result<Self, NotASigningSecret> {
        let text = secret.expose_secret().trim();
        let text = text.strip_prefix("whsec_").unwrap_or(text);
        let lenient =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        match GeneralPurpose::new(&base64::alphabet::STANDARD, lenient).decode(text) {
            Ok(key) if !key.is_empty() => Ok(Self(key)),
            Ok(_) | Err(_) => Err(NotASigningSecret),
        }
    }

    /// The `webhook-signature` of `body` under `id` at `timestamp` (Unix seconds of this attempt).
    pub(in crate::bot) fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else {
            // HMAC takes keys of any length.
            return String::new();
        };
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body.as_bytes());
        let mac = mac.finalize().into_bytes();
        format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(mac))
    }
}

/// A `traceparent` (W3C Trace Context) for one attempt.
///
/// The trace is made from the event's id, so that all attempts at an event are one trace, whoever makes them; the
/// span is made from the attempt. Nothing is random and nothing has to be remembered.
pub(in crate::bot) fn traceparent(event: &str, attempt: u32) -> String {
    let hex = |text: &str, bytes: usize| -> String {
        let digest = Sha256::digest(text.as_bytes());
        digest.iter().take(bytes).map(|byte| format!("{byte:02x}")).collect()
    };
    format!("00-{}-{}-01", hex(event, 16), hex(&format!("{event} {attempt}"), 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_that_of_the_standards_test_vector() {
        let key = SigningKey::new(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()).unwrap();
        assert_eq!(
            key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn the_prefix_may_be_missing_and_nonsense_is_refused() {
        let key = |text: &str| SigningKey::new(&text.into());
        let (with, without) = (
            key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            key("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        );
        assert_eq!(with.unwrap().sign("a", 1, ""), without.unwrap().sign("a", 1, ""));
        assert!(key("whsec_").is_err());
        assert!(key("whsec_not base64!").is_err());
    }

    #[test]
    fn all_attempts_at_an_event_are_one_trace_of_different_spans() {
        let (first, second, other) =
            (traceparent("a:1", 1), traceparent("a:1", 2), traceparent("a:2", 1));
        assert_eq!(first.len(), 55);
        assert_eq!(first[..36], second[..36]);
        assert_ne!(first, second);
        assert_ne!(first[..36], other[..36]);
    }
}
