//! Pure: one value of the file against what its key allows.

use std::{net::SocketAddr, ops::Range, path::PathBuf, time::Duration};

use toml::{Spanned, de::DeValue};
use tracing_subscriber::filter::Targets;

use super::{
    keys::{Form, Kind},
    nearest::nearest,
    patterns, sources,
    words::{UNITS, found, quote},
};
use crate::secret::Secret;

/// A value that its key allows.
#[derive(Clone, Debug)]
pub(super) enum Checked {
    Text(String),
    Flag(bool),
    Count(u64),
    Span(Duration),
    Path(PathBuf),
    Texts(Vec<String>),
    Secret(Secret),
}

/// Why a value is not allowed. Neither text holds a secret.
#[derive(Debug)]
pub(super) struct Refusal {
    /// A narrower place than the whole value.
    pub(super) span: Option<Range<usize>>,
    pub(super) message: String,
    pub(super) help: Option<String>,
}

/// Checks `value` for a key of this `kind`. A `loose` key takes numbers and booleans as texts, too.
pub(super) fn check(kind: Kind, loose: bool, value: &DeValue<'_>) -> Result<Checked, Refusal> {
    match kind {
        Kind::Text(form) => text_or_digits(form, loose, value).and_then(|text| form.check(text)),
        Kind::Choice(words) => choice(words, text(kind, value)?),
        Kind::Flag => flag(loose, value),
        Kind::Count(min, max) => count(min, max, loose, value),
        Kind::Span(min, max) => span(min, max, text(kind, value)?),
        Kind::Url(schemes) => url(schemes, text(kind, value)?),
        Kind::Proxy => proxy(text(kind, value)?),
        Kind::Path => Ok(Checked::Path(filled(kind, value)?.into())),
        Kind::Listen => listen(text(kind, value)?),
        Kind::Address => address(text(kind, value)?),
        Kind::LogFilter => log_filter(text(kind, value)?),
        Kind::Secret => sources::secret(kind, value).map(Checked::Secret),
        Kind::SigningSecret => sources::signing_secret(kind, value).map(Checked::Secret),
        Kind::Texts => texts(value),
        Kind::Patterns => patterns_list(text(kind, value)?),
    }
}

impl Form {
    pub(super) fn allows(self, text: &str) -> bool {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        match self {
            Self::Any => true,
            Self::Filled => !text.is_empty(),
            Self::Digits => !text.is_empty() && text.len() <= 32 && digits(text),
            Self::DigitsOrEmpty => text.len() <= 32 && digits(text),
            Self::Name => {
                let small = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
                text.len() <= 64
                    && text.bytes().next().is_some_and(small)
                    && text.bytes().all(|b| small(b) || b"._-".contains(&b))
            }
        }
    }

    fn check(self, text: String) -> Result<Checked, Refusal> {
        if self.allows(&text) {
            Ok(Checked::Text(text))
        } else {
            Err(expected(Kind::Text(self), &quote(&text)))
        }
    }
}

fn text<'a>(kind: Kind, value: &'a DeValue<'_>) -> Result<&'a str, Refusal> {
    value.as_str().ok_or_else(|| wrong_type(kind, value))
}

fn filled<'a>(kind: Kind, value: &'a DeValue<'_>) -> Result<&'a str, Refusal> {
    match text(kind, value)? {
        "" => Err(expected(kind, "an empty text")),
        text => Ok(text),
    }
}

fn text_or_digits(form: Form, loose: bool, value: &DeValue<'_>) -> Result<String, Refusal> {
    let number = value.as_integer().filter(|_| form.is_digits());
    match number.and_then(integer) {
        Some(number) if loose => Ok(number.to_string()),
        Some(number) => Err(Refusal {
            help: Some(format!("write it as a text: \"{number}\"")),
            ..wrong_type(Kind::Text(form), value)
        }),
        None => text(Kind::Text(form), value).map(str::to_owned),
    }
}

impl Form {
    fn is_digits(self) -> bool {
        match self {
            Self::Digits | Self::DigitsOrEmpty => true,
            Self::Any | Self::Filled | Self::Name => false,
        }
    }
}

fn choice(words: &'static [&'static str], text: &str) -> Result<Checked, Refusal> {
    if words.contains(&text) {
        return Ok(Checked::Text(text.to_owned()));
    }
    let refusal = expected(Kind::Choice(words), &quote(text));
    Err(Refusal {
        help: nearest(text, words.iter().copied()).map(|word| format!("did you mean \"{word}\"?")),
        ..refusal
    })
}

fn flag(loose: bool, value: &DeValue<'_>) -> Result<Checked, Refusal> {
    if let Some(flag) = value.as_bool() {
        return Ok(Checked::Flag(flag));
    }
    match value.as_str() {
        Some(text) if loose && text.eq_ignore_ascii_case("true") => Ok(Checked::Flag(true)),
        Some(text) if loose && text.eq_ignore_ascii_case("false") => Ok(Checked::Flag(false)),
        Some(text) if !loose && matches!(text, "true" | "false") => Err(Refusal {
            help: Some(format!("write it without quotes: {text}")),
            ..wrong_type(Kind::Flag, value)
        }),
        Some(text) if loose => Err(expected(Kind::Flag, &quote(text))),
        Some(_) | None => Err(wrong_type(Kind::Flag, value)),
    }
}

fn count(min: u64, max: u64, loose: bool, value: &DeValue<'_>) -> Result<Checked, Refusal> {
    let kind = Kind::Count(min, max);
    let in_range = |number: i128| {
        u64::try_from(number)
            .ok()
            .filter(|n| (min..=max).contains(n))
    };
    if let Some(number) = value.as_integer() {
        return integer(number)
            .and_then(in_range)
            .map(Checked::Count)
            .ok_or_else(|| expected(kind, &number.to_string()));
    }
    match value.as_str() {
        Some(text) if loose => text
            .trim()
            .parse()
            .ok()
            .and_then(in_range)
            .map(Checked::Count)
            .ok_or_else(|| expected(kind, &quote(text))),
        Some(text) if text.parse::<u64>().is_ok() => Err(Refusal {
            help: Some(format!("write it without quotes: {text}")),
            ..wrong_type(kind, value)
        }),
        Some(_) | None => Err(wrong_type(kind, value)),
    }
}

fn span(min: Duration, max: Duration, text: &str) -> Result<Checked, Refusal> {
    let refusal = || expected(Kind::Span(min, max), &quote(text));
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() && !number.is_empty() {
        return Err(Refusal {
            help: Some(format!("it needs a unit: \"{number}s\" or \"{number}ms\"")),
            ..refusal()
        });
    }
    let size = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, size)| *size);
    number
        .parse::<u64>()
        .ok()
        .zip(size)
        .and_then(|(number, size)| number.checked_mul(size))
        .map(Duration::from_millis)
        .filter(|span| (min..=max).contains(span))
        .map(Checked::Span)
        .ok_or_else(refusal)
}

fn url(schemes: &'static [&'static str], text: &str) -> Result<Checked, Refusal> {
    let kind = Kind::Url(schemes);
    // A URL may hold a password, so that it is shown only if it cannot.
    let found = if text.contains('@') {
        "another text".to_owned()
    } else {
        quote(text)
    };
    let uri = whole_url(text).ok_or_else(|| expected(kind, &found))?;
    if !schemes.contains(&uri.scheme_str().unwrap_or_default()) {
        return Err(expected(kind, &found));
    }
    Ok(Checked::Text(text.to_owned()))
}

fn proxy(text: &str) -> Result<Checked, Refusal> {
    let fits = |uri: &hyper::Uri| {
        uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none()
    };
    match whole_url(text).filter(fits) {
        Some(_) => Ok(Checked::Text(text.to_owned())),
        None => Err(expected(Kind::Proxy, "another text")),
    }
}

/// A URL with a scheme and a host, and with a port that is a number if it has one; a fragment has no meaning here.
fn whole_url(text: &str) -> Option<hyper::Uri> {
    let uri: hyper::Uri = text.parse().ok().filter(|_| !text.contains('#'))?;
    uri.scheme()?;
    let authority = uri.authority()?;
    let host = uri.host().filter(|host| !host.is_empty())?;
    let address = authority.as_str().rsplit('@').next()?;
    let port = address.strip_prefix(host)?;
    let has_good_port = port.is_empty() || uri.port_u16().is_some();
    has_good_port.then_some(uri)
}

fn listen(text: &str) -> Result<Checked, Refusal> {
    let socket = text.strip_prefix("unix:");
    let good = text == "off"
        || socket.is_some_and(|path| path.starts_with('/') && path.len() > 1)
        || text.parse::<SocketAddr>().is_ok();
    if good {
        return Ok(Checked::Text(text.to_owned()));
    }
    Err(Refusal {
        help: match socket {
            Some(_) => Some("the path of the socket must begin with /".to_owned()),
            None => numeric_host(text),
        },
        ..expected(Kind::Listen, &quote(text))
    })
}

fn address(text: &str) -> Result<Checked, Refusal> {
    if text.parse::<SocketAddr>().is_ok() {
        return Ok(Checked::Text(text.to_owned()));
    }
    Err(Refusal {
        help: numeric_host(text),
        ..expected(Kind::Address, &quote(text))
    })
}

fn numeric_host(text: &str) -> Option<String> {
    let port: u16 = text.rsplit_once(':')?.1.parse().ok()?;
    Some(format!(
        "write the address in numbers: \"127.0.0.1:{port}\" for this machine only, \"0.0.0.0:{port}\" for all"
    ))
}

fn log_filter(text: &str) -> Result<Checked, Refusal> {
    // A target without a level would mean "all of it": a misspelt level must not.
    let part = |part: &str| match part.split_once('=') {
        Some((target, level)) => !target.trim().is_empty() && is_level(level),
        None => is_level(part),
    };
    if text.split(',').all(|p| part(p.trim())) && text.parse::<Targets>().is_ok() {
        return Ok(Checked::Text(text.to_owned()));
    }
    Err(Refusal {
        help: nearest(text, LEVELS).map(|level| format!("did you mean \"{level}\"?")),
        ..expected(Kind::LogFilter, &quote(text))
    })
}

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn is_level(text: &str) -> bool {
    LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
}

fn texts(value: &DeValue<'_>) -> Result<Checked, Refusal> {
    let list = value
        .as_array()
        .ok_or_else(|| wrong_type(Kind::Texts, value))?;
    let one = |item: &Spanned<DeValue<'_>>| match item.get_ref().as_str() {
        Some(text) if !text.trim().is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err(Refusal {
            span: Some(item.span()),
            ..expected(Kind::Text(Form::Filled), found(item.get_ref()))
        }),
    };
    list.iter()
        .map(one)
        .collect::<Result<_, _>>()
        .map(Checked::Texts)
}

fn patterns_list(text: &str) -> Result<Checked, Refusal> {
    let list = patterns::split(text);
    for pattern in &list {
        regex_lite::Regex::new(pattern).map_err(|error| Refusal {
            span: None,
            message: format!(
                "the pattern {} is no regular expression: {error}",
                quote(pattern)
            ),
            help: None,
        })?;
    }
    Ok(Checked::Texts(list))
}

fn integer(number: &toml::de::DeInteger<'_>) -> Option<i128> {
    i128::from_str_radix(number.as_str(), number.radix()).ok()
}

pub(super) fn wrong_type(kind: Kind, value: &DeValue<'_>) -> Refusal {
    expected(kind, found(value))
}

pub(super) fn expected(kind: Kind, found: &str) -> Refusal {
    Refusal {
        span: None,
        message: format!("expected {}, found {found}", kind.expected()),
        help: None,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::words::write_span, *};

    #[test]
    fn durations_are_read_as_they_are_written() {
        for (text, millis) in [
            ("30s", 30_000),
            ("5m", 300_000),
            ("250ms", 250),
            ("2h", 7_200_000),
        ] {
            let span = span(Duration::ZERO, Duration::MAX, text).unwrap();
            assert!(
                matches!(span, Checked::Span(d) if d == Duration::from_millis(millis)),
                "{text}"
            );
            assert_eq!(write_span(Duration::from_millis(millis)), text);
        }
        for bad in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "1 s",
            "99999999999999999999s",
            "1d",
            "30S",
        ] {
            assert!(span(Duration::ZERO, Duration::MAX, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_misspelt_level_is_not_taken_for_a_target() {
        for good in [
            "info",
            "connectord=debug,info",
            "off",
            "wire::cloud=trace, warn",
        ] {
            assert!(log_filter(good).is_ok(), "{good}");
        }
        for bad in [
            "inof",
            "",
            "connectord=",
            "connectord",
            "=info",
            "debug,",
            "3",
        ] {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_is_whole_or_refused() {
        for good in [
            "http://a",
            "ws://[::1]:80/x?y=1",
            "https://me:word@a.example:443/",
        ] {
            assert!(whole_url(good).is_some(), "{good}");
        }
        for bad in [
            "a",
            "/a",
            "http://",
            "http://a:b",
            "http://a:99999",
            "http://a/#b",
            "http://:80",
        ] {
            assert!(whole_url(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn names_digits_and_addresses_have_their_form() {
        assert!(Form::Name.allows("support-bot_1.a"));
        assert!(!Form::Name.allows("-bot") && !Form::Name.allows("Bot") && !Form::Name.allows(""));
        assert!(!Form::Name.allows(&"a".repeat(65)));
        assert!(
            Form::Digits.allows("0123") && !Form::Digits.allows("") && !Form::Digits.allows("1a")
        );
        assert!(listen("unix:/run/a.sock").is_ok() && listen("unix:a").is_err());
        assert!(listen("[::1]:80").is_ok() && listen("localhost:80").is_err());
    }
}
