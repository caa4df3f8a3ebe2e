//! Nothing secret is logged, shown, told to the bot or published, whatever the tests of this binary do.

#[path = "../secrecy/mod.rs"]
mod search;

use std::{fmt, panic, sync::Once};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::Interest,
};

pub(crate) use search::{check_here, search};

/// From now on every event and span of this binary, and every panic, is searched. At any level: what the log's own
/// filter lets through is the operator's choice, and a secret belongs in none of it.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = tracing::subscriber::set_global_default(Listener);
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            search("a panic", &panic.to_string());
            before(panic);
        }));
    });
}

/// Hears every event and span of the connector and of what it is made of.
struct Listener;

impl Subscriber for Listener {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::always()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // The simulated cloud, which is part of this binary, may know its own secrets.
        !metadata.target().starts_with("edge::simulator")
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut Fields(span.metadata()));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        if self.enabled(event.metadata()) {
            event.record(&mut Fields(event.metadata()));
        }
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Fields<'a>(&'a Metadata<'a>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        search(&format!("{} of a line of {}", field.name(), self.0.target()), value);
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut link = Some(value);
        while let Some(error) = link {
            self.record_str(field, &format!("{error} {error:?}"));
            link = error.source();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[test]
fn the_alarm_is_heard_when_a_secret_gets_into_a_line_a_span_an_error_or_a_panic() {
    listen();
    let leaks: [(&str, fn()); 5] = [
        ("a field", || tracing::trace!(target: "hyper", url = "wss://host/canary-bearer-1?v=2.1")),
        ("a message", || tracing::info!("logging in with {}", "support-bot-secret")),
        ("a span", || {
            drop(tracing::trace_span!("request", cookie = ?"Session_id=canary-cookie-1"))
        }),
        ("an error", || {
            let error = std::io::Error::other("canary-csrf-1");
            let error: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(error, "it failed");
        }),
        ("a panic", || drop(panic::catch_unwind(|| panic!("bad token: canary-bot-token")))),
    ];
    for (kind, leak) in leaks {
        leak();
        assert!(!search::alarms_here().is_empty(), "{kind} went by unheard");
    }
    tracing::info!("nothing secret");
    assert_eq!(search::alarms_here(), Vec::<String>::new());
}
