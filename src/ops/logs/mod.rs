//! Logs: one event a line on standard output, for journald, a person or a machine.
//!
//! Every line carries `connector`, and whatever the spans around it carry (`conversation`). Targets that begin with
//! `content` or `wire` hold what people say; they are off unless `message_content = true`, whatever the filter says.
//! Nothing here can tell a secret from a text: those are kept out by types that cannot be printed.

mod chain;
mod line;

use std::{
    fmt,
    io::{self, IsTerminal, Write},
    os::unix::fs::MetadataExt,
    str::FromStr,
    sync::Arc,
};

use tracing::{level_filters::LevelFilter, subscriber::SetGlobalDefaultError};
use tracing_subscriber::{
    Layer, Registry,
    filter::{ParseError, Targets},
    layer::SubscriberExt,
    reload,
};

pub use chain::{Chain, chain};
use line::Lines;

use super::clock::Clock;

/// `[log]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A level, or a list of `target=level` with a level for the rest: `connectord=debug,info`.
    pub level: String,
    /// How lines look.
    pub format: Format,
    /// Whether what consumers and bots say is logged too.
    pub message_content: bool,
}

/// `[log] format`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Journald under systemd, text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text with a priority and without the time, which journald knows.
    Journald,
    /// Text for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The level cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A part is neither a level nor `target=level`.
    #[error("{0:?} is not a level; write off, error, warn, info, debug, trace or target=level")]
    Level(String),
    /// The filter cannot be read.
    #[error(
        "{text:?} is not a log filter; write a level, or target=level pairs with commas between them"
    )]
    Filter {
        /// The text.
        text: String,
        /// Why.
        #[source]
        source: ParseError,
    },
}

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level cannot be read.
    #[error("[log] level cannot be used")]
    Filter(#[source] FilterError),
    /// Something else in this process has set up logging before.
    #[error("logging is set up already")]
    Twice(#[source] SetGlobalDefaultError),
}

/// The logs that have been set up.
pub struct Logs {
    filter: reload::Handle<Targets, Registry>,
}

impl Logs {
    /// Sets up logging for the whole process.
    ///
    /// # Errors
    /// A level that cannot be read; a second call.
    pub fn init(settings: &Settings, connector: &str, clock: Clock) -> Result<Self, LogError> {
        let shape = match settings.format {
            Format::Auto => detect(),
            Format::Journald => Shape::Journald,
            Format::Text => Shape::Text,
            Format::Json => Shape::Json,
        };
        // A line that cannot be written is lost: there is nowhere to complain.
        let write = Arc::new(|line: &str| drop(io::stdout().write_all(line.as_bytes())));
        let lines = Lines::new(shape, connector, clock, write);
        let (subscriber, logs) = Self::build(settings, lines).map_err(LogError::Filter)?;
        tracing::subscriber::set_global_default(subscriber).map_err(LogError::Twice)?;
        Ok(logs)
    }

    /// Uses another level from now on (SIGHUP). The format stays.
    ///
    /// # Errors
    /// The level cannot be read; the present one stays.
    pub fn reload(&self, settings: &Settings) -> Result<(), FilterError> {
        let filter = filter(&settings.level, settings.message_content)?;
        // Fails only when the subscriber is gone, which lives as long as the process.
        let _ = self.filter.reload(filter);
        Ok(())
    }

    fn build(
        settings: &Settings,
        lines: Lines,
    ) -> Result<(impl tracing::Subscriber + Send + Sync + use<>, Self), FilterError> {
        let filter = filter(&settings.level, settings.message_content)?;
        let (filter, handle) = reload::Layer::new(filter);
        let subscriber = Registry::default().with(lines.with_filter(filter));
        Ok((subscriber, Self { filter: handle }))
    }
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").finish_non_exhaustive()
    }
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "journald" => Ok(Self::Journald),
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("write auto, journald, text or json"),
        }
    }
}

/// Reads `[log] level`. Targets that hold what people say are off unless `message_content`.
///
/// # Errors
/// A part that is neither a level nor `target=level`.
pub fn filter(level: &str, message_content: bool) -> Result<Targets, FilterError> {
    for part in level.split(',') {
        let part = part.trim();
        // `Targets` would take a misspelt level for the name of a target, and nothing for an error level.
        let is_level = !part.is_empty() && part.parse::<LevelFilter>().is_ok();
        if !is_level && !part.contains('=') {
            return Err(FilterError::Level(part.to_owned()));
        }
    }
    let spaceless: String = level.split_whitespace().collect();
    let filter: Targets = spaceless
        .parse()
        .map_err(|source| FilterError::Filter { text: level.to_owned(), source })?;
    if message_content {
        return Ok(filter);
    }
    let is_content = |target: &str| CONTENT.iter().any(|content| target.starts_with(content));
    let default = filter.default_level().unwrap_or(LevelFilter::OFF);
    let harmless = filter
        .into_iter()
        .filter(|(target, _)| !is_content(target))
        .chain(CONTENT.map(|target| (target.to_owned(), LevelFilter::OFF)));
    Ok(harmless.collect::<Targets>().with_default(default))
}

/// How lines look, decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Journald,
    Text,
    Json,
}

fn detect() -> Shape {
    let stream = std::env::var("JOURNAL_STREAM").ok();
    let stdout = std::fs::metadata("/proc/self/fd/1").ok();
    let file = stdout.map(|file| (file.dev(), file.ino()));
    choose(stream.as_deref(), file, io::stdout().is_terminal())
}

/// `stream` is `$JOURNAL_STREAM`: `device:inode` of the journal's socket. It is inherited by children whose output
/// goes elsewhere, hence the comparison with the output's own.
fn choose(stream: Option<&str>, stdout: Option<(u64, u64)>, is_terminal: bool) -> Shape {
    let journal = stream.and_then(|stream| {
        let (device, inode) = stream.split_once(':')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    });
    if journal.is_some() && journal == stdout {
        Shape::Journald
    } else if is_terminal {
        Shape::Text
    } else {
        Shape::Json
    }
}

/// What people say, and the wire's text, which holds it and bearers too.
const CONTENT: [&str; 2] = ["content", "wire"];

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_or_a_list_of_targets_is_a_filter() {
        let plain = filter("info", false).unwrap();
        assert!(plain.would_enable("connectord::cloud", &Level::INFO));
        assert!(!plain.would_enable("connectord::cloud", &Level::DEBUG));
        let list = filter("connectord=debug, info", false).unwrap();
        assert!(list.would_enable("connectord::cloud", &Level::DEBUG));
        assert!(list.would_enable("hyper", &Level::INFO));
        assert!(!list.would_enable("hyper", &Level::DEBUG));
    }

    #[test]
    fn a_misspelt_level_is_an_error() {
        for text in ["", "inof", "connectord=debug,inof", "info,,debug", "a=b", "a=b=c"] {
            assert!(filter(text, false).is_err(), "{text}");
        }
        let error = filter("inof", false).unwrap_err();
        assert!(error.to_string().contains("\"inof\""), "{error}");
    }

    #[test]
    fn what_people_say_is_off_whatever_the_filter_says_unless_asked_for() {
        for level in
            ["trace", "content=trace,wire=trace,info", "wire::cloud=trace,info", "content::x=debug"]
        {
            let closed = filter(level, false).unwrap();
            for target in ["content", "content::x", "wire", "wire::cloud"] {
                assert!(!closed.would_enable(target, &Level::ERROR), "{level} {target}");
            }
        }
        assert!(filter("trace", true).unwrap().would_enable("wire::bot", &Level::TRACE));
    }

    #[test]
    fn the_format_follows_where_the_output_goes() {
        let here = Some((9, 1234));
        assert_eq!(choose(Some("9:1234"), here, false), Shape::Journald);
        // Inherited, but the output goes elsewhere.
        assert_eq!(choose(Some("9:1"), here, false), Shape::Json);
        assert_eq!(choose(Some("9:1"), here, true), Shape::Text);
        assert_eq!(choose(Some("garbage"), None, false), Shape::Json);
        assert_eq!(choose(None, None, true), Shape::Text);
    }

    #[test]
    fn a_reload_takes_effect_at_once_and_a_wrong_one_changes_nothing() {
        let (lines, written) = line::tests::captured(Shape::Text);
        let settings = |level: &str| Settings {
            level: level.to_owned(),
            format: Format::Text,
            message_content: false,
        };
        let (subscriber, logs) = Logs::build(&settings("warn"), lines).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("one");
            logs.reload(&settings("info")).unwrap();
            tracing::info!("two");
            assert!(logs.reload(&settings("nonsense")).is_err());
            tracing::info!("three");
        });
        let written = written.lock().unwrap();
        assert!(!written.contains("one"), "{written}");
        assert!(written.contains("two") && written.contains("three"), "{written}");
    }
}
