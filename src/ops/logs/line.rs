//! One event, one line.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use serde::Serialize;
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, SpanRef},
};

use super::Shape;
use crate::ops::clock::Clock;

/// Writes events as lines.
pub(super) struct Lines {
    shape: Shape,
    connector: String,
    clock: Clock,
    write: Write,
}

/// Takes one line, with its line break.
type Write = Arc<dyn Fn(&str) + Send + Sync>;

impl Lines {
    pub(super) fn new(shape: Shape, connector: &str, clock: Clock, write: Write) -> Self {
        Self { shape, connector: connector.to_owned(), clock, write }
    }

    /// What the spans around an event carry, the outermost first; then what the event itself does.
    fn fields<S>(&self, event: &Event<'_>, context: &Context<'_, S>) -> Fields
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut fields = Fields::default();
        fields.set("connector", Value::Text(self.connector.clone()));
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(own) = span.extensions().get::<Fields>() {
                fields.take(own);
            }
        }
        event.record(&mut fields);
        fields
    }

    fn text(&self, level: Level, target: &str, fields: &Fields) -> String {
        let mut line = match self.shape {
            Shape::Journald => format!("<{}>", priority(level)),
            Shape::Text | Shape::Json => format!("{} {level:<5} ", self.clock.wall()),
        };
        line.push_str(target.strip_prefix("connectord::").unwrap_or(target));
        line.push_str(": ");
        for letter in fields.message.chars() {
            // A line break would let a message forge the next line.
            if letter.is_control() {
                line.extend(letter.escape_default());
            } else {
                line.push(letter);
            }
        }
        for (name, value) in &fields.named {
            // Writing to a String cannot fail.
            let _ = write!(line, " {name}={value}");
        }
        line
    }

    fn json(&self, level: Level, target: &str, fields: &Fields) -> String {
        let time = self.clock.wall().to_string();
        let mut line = format!("{{\"time\":\"{time}\",\"level\":\"{level}\"");
        let mut add = |name: &str, value: &str| {
            let _ = write!(line, ",{}:{value}", json(name));
        };
        add("target", &json(target));
        add("message", &json(&fields.message));
        for (name, value) in &fields.named {
            add(name, &json(value));
        }
        line.push('}');
        line
    }
}

impl<S> Layer<S> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(
        &self,
        attributes: &span::Attributes<'_>,
        id: &span::Id,
        context: Context<'_, S>,
    ) {
        if let Some(span) = context.span(id) {
            record(&span, |fields| attributes.record(fields));
        }
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            record(&span, |fields| values.record(fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let fields = self.fields(event, &context);
        let (level, target) = (*event.metadata().level(), event.metadata().target());
        let mut line = match self.shape {
            Shape::Json => self.json(level, target, &fields),
            Shape::Journald | Shape::Text => self.text(level, target, &fields),
        };
        line.push('\n');
        (self.write)(&line);
    }
}

fn record<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>, visit: impl FnOnce(&mut Fields)) {
    // Visited before the span is locked: showing a value may itself log.
    let mut new = Fields::default();
    visit(&mut new);
    let mut extensions = span.extensions_mut();
    match extensions.get_mut::<Fields>() {
        Some(fields) => fields.take(&new),
        None => extensions.insert(new),
    }
}

/// The fields of an event or a span, in order; a later one of the same name takes the place of an earlier one.
#[derive(Default)]
struct Fields {
    message: String,
    named: Vec<(&'static str, Value)>,
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

impl Fields {
    fn set(&mut self, name: &'static str, value: Value) {
        match self.named.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.named.push((name, value)),
        }
    }

    fn take(&mut self, other: &Self) {
        for (name, value) in &other.named {
            self.set(name, value.clone());
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.set(field.name(), Value::Text(text));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.set(field.name(), Value::Text(value.to_owned()));
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field.name(), Value::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field.name(), Value::Unsigned(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field.name(), Value::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field.name(), Value::Bool(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.set(field.name(), Value::Text(super::chain(value).to_string()));
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => {
                let is_plain =
                    |c: char| !c.is_control() && !c.is_whitespace() && !"\"=\\".contains(c);
                if !text.is_empty() && text.chars().all(is_plain) {
                    f.write_str(text)
                } else {
                    write!(f, "{text:?}")
                }
            }
            Self::Signed(number) => number.fmt(f),
            Self::Unsigned(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
        }
    }
}

/// What syslog and journald call the levels.
fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Strings, numbers and bools can always be written.
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Mutex;

    use tracing::{error, info, info_span, subscriber::with_default};
    use tracing_subscriber::{Registry, layer::SubscriberExt};

    use super::*;
    use crate::conversation::Timestamp;

    #[tokio::test(start_paused = true)]
    async fn json_has_one_object_a_line_with_connector_and_conversation() {
        let written = log(Shape::Json, || {
            let span =
                info_span!("conversation", conversation = "c-1", skill = tracing::field::Empty);
            let _entered = span.enter();
            span.record("skill", 12);
            info!(count = 3, ratio = 0.5, done = true, "two\nlines \"quoted\"");
            info_span!("inner", conversation = "c-2").in_scope(|| error!(skill = 13, "replaced"));
        });
        let lines: Vec<serde_json::Value> =
            written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines,
            [
                serde_json::json!({
                    "time": "2023-11-14T22:13:20.123Z", "level": "INFO",
                    "target": "connectord::ops::logs::line::tests", "message": "two\nlines \"quoted\"",
                    "connector": "bot-1", "conversation": "c-1", "skill": 12,
                    "count": 3, "ratio": 0.5, "done": true,
                }),
                serde_json::json!({
                    "time": "2023-11-14T22:13:20.123Z", "level": "ERROR",
                    "target": "connectord::ops::logs::line::tests", "message": "replaced",
                    "connector": "bot-1", "conversation": "c-2", "skill": 13,
                }),
            ]
        );
        assert_eq!(written.matches("\"conversation\"").count(), 2, "{written}");
    }

    #[tokio::test(start_paused = true)]
    async fn text_is_for_people_and_journald_gets_the_priority_instead_of_the_time() {
        let say = || {
            info!(target: "connectord::cloud", detail = "a b", empty = "", code = "x1", "hello");
            error!(target: "other", "bad");
        };
        assert_eq!(
            log(Shape::Text, say),
            "2023-11-14T22:13:20.123Z INFO  cloud: hello connector=bot-1 detail=\"a b\" empty=\"\" code=x1\n\
             2023-11-14T22:13:20.123Z ERROR other: bad connector=bot-1\n"
        );
        assert_eq!(
            log(Shape::Journald, say),
            "<6>cloud: hello connector=bot-1 detail=\"a b\" empty=\"\" code=x1\n<3>other: bad connector=bot-1\n"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_that_is_logged_can_forge_a_line() {
        let attack = "a\n<0>forged\r\u{1b}[2J";
        for shape in [Shape::Text, Shape::Journald, Shape::Json] {
            let written = log(shape, || {
                info!(text = attack, shown = %attack, debug = ?attack, "{attack}");
            });
            assert_eq!(written.lines().count(), 1, "{written:?}");
            assert!(!written.trim_end().contains(char::is_control), "{written:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_field_shows_its_sources() {
        let source = std::io::Error::other("refused");
        let error =
            crate::net::NetError::Connect { host: "a:1".to_owned(), source: Arc::new(source) };
        let written = log(Shape::Text, || {
            error!(error = &error as &dyn std::error::Error, "failed");
        });
        assert!(written.contains("firewalls: refused\""), "{written}");
    }

    fn log(shape: Shape, say: impl FnOnce()) -> String {
        let (lines, written) = captured(shape);
        with_default(Registry::default().with(lines), say);
        let written = written.lock().unwrap();
        written.clone()
    }

    /// Lines that are kept. The time stands still within a test whose tokio clock is paused.
    pub(in crate::ops::logs) fn captured(shape: Shape) -> (Lines, Arc<Mutex<String>>) {
        let written = Arc::new(Mutex::new(String::new()));
        let sink = written.clone();
        let clock = Clock::simulated(Timestamp(1_700_000_000_123));
        let write = Arc::new(move |line: &str| sink.lock().unwrap().push_str(line));
        (Lines::new(shape, "bot-1", clock, write), written)
    }
}
