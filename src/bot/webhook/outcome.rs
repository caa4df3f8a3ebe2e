//! Pure: what a response, or the lack of one, means.

use std::time::Duration;

use hyper::{HeaderMap, Response, StatusCode, body::Bytes, header::RETRY_AFTER};

use super::{Failure, health::Sign};
use crate::{
    bot::{
        ContentSettings, Dialect,
        dialect::native::{Malformed, Reply},
        protocol::BODY_MAX,
    },
    conversation::{Timestamp, event::EventId},
    net::NetError,
    ops::{backoff, logs::chain},
};

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::bot) enum Outcome {
    /// 200 with a reply.
    Answered(Reply),
    /// 202: an answer may come later. 204: none will.
    Seen {
        /// Whether an answer may come.
        expects_answer: bool,
    },
    /// No answer; it may be tried again.
    Silent {
        /// The metric's word: `retry`, `timeout` or `error`.
        word: &'static str,
        /// What the bot asked for.
        retry_after: Option<Duration>,
    },
    /// The bot is certainly wrong.
    Fault(String),
}

impl Outcome {
    /// The metric's word for it.
    pub(in crate::bot) fn word(&self) -> &'static str {
        match self {
            Self::Answered(_) => "answered",
            Self::Seen { .. } => "seen",
            Self::Silent { word, .. } => word,
            Self::Fault(_) => "fault",
        }
    }
}

/// How to read the body of a 2xx.
pub(in crate::bot) struct Reading<'a> {
    pub(in crate::bot) dialect: Dialect,
    pub(in crate::bot) event: &'a EventId,
    pub(in crate::bot) content: &'a ContentSettings,
}

/// What the end of an attempt means; without `reading`, a body says nothing (news want no reply).
pub(in crate::bot) fn judge(
    result: Result<Response<Bytes>, Failure>,
    reading: Option<Reading<'_>>,
    now: Timestamp,
) -> (Outcome, Sign) {
    match result {
        Ok(response) => of_response(&response, reading, now),
        Err(Failure::Net(NetError::BodyTooBig { .. })) => {
            let why = format!("the body of the answer is longer than {BODY_MAX} bytes");
            (Outcome::Fault(why.clone()), Sign::Refuses(why))
        }
        Err(failure) => {
            let (timed_out, never_left) = match &failure {
                Failure::Net(error) => (error.is_timeout(), error.never_left()),
                Failure::Request(_) => (false, true),
            };
            let why = chain(&failure).to_string();
            let outcome = Outcome::Silent {
                word: if timed_out { "timeout" } else { "error" },
                retry_after: None,
            };
            (outcome, if never_left { Sign::Absent(why) } else { Sign::Fails(why) })
        }
    }
}

/// What the end of a probe means.
pub(super) fn of_probe(result: Result<Response<Bytes>, Failure>) -> Sign {
    match result {
        Ok(response) if !is_sign_of_life(response.status()) => {
            Sign::Fails(status_words(response.status()))
        }
        Ok(_) | Err(Failure::Net(NetError::BodyTooBig { .. })) => Sign::Works,
        Err(failure) => Sign::Fails(chain(&failure).to_string()),
    }
}

/// Whether this answer to a probe shows that the bot's own server is there and well.
///
/// It need not know the method: many a server says 405, Python's `http.server` says 501. But a gateway that says 502, 503 or 504
/// says that nobody is behind it.
pub(in crate::bot) fn is_sign_of_life(status: StatusCode) -> bool {
    status != StatusCode::INTERNAL_SERVER_ERROR && !is_of_gateway(status)
}

/// Whether a gateway says so when nobody answers behind it.
fn is_of_gateway(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

fn of_response(
    response: &Response<Bytes>,
    reading: Option<Reading<'_>>,
    now: Timestamp,
) -> (Outcome, Sign) {
    let status = response.status();
    let words = || status_words(status);
    let silent =
        || Outcome::Silent { word: "retry", retry_after: retry_after(response.headers(), now) };
    match status {
        StatusCode::ACCEPTED => {
            let expects_answer = true;
            (Outcome::Seen { expects_answer }, Sign::Works)
        }
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => {
            let expects_answer = false;
            (Outcome::Seen { expects_answer }, Sign::Works)
        }
        _ if status.is_success() => (of_body(response.body(), reading), Sign::Works),
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            (silent(), Sign::Refuses(words()))
        }
        _ if is_of_gateway(status) => (silent(), Sign::Absent(words())),
        _ if status.is_server_error() => (silent(), Sign::Fails(words())),
        _ if status.is_redirection() => {
            let why = format!(
                "{}; redirects are not followed, set [bot] url to the new address",
                words()
            );
            (Outcome::Fault(why.clone()), Sign::Refuses(why))
        }
        _ => (Outcome::Fault(words()), Sign::Refuses(words())),
    }
}

fn of_body(body: &[u8], reading: Option<Reading<'_>>) -> Outcome {
    let Some(Reading { dialect, event, content }) = reading else {
        let expects_answer = false;
        return Outcome::Seen { expects_answer };
    };
    match dialect.reply(body, event, content) {
        Ok(reply) => Outcome::Answered(reply),
        Err(Malformed { what }) => Outcome::Fault(format!("the answer cannot be used: {what}")),
    }
}

fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    backoff::retry_after(headers.get(RETRY_AFTER)?.to_str().ok()?, now)
}

fn status_words(status: StatusCode) -> String {
    format!("the bot answers {status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_means_what_the_contract_says() {
        for (status, body, word, works) in [
            (200, r#"{"actions":[]}"#, "answered", true),
            (201, r#"{"actions":[]}"#, "answered", true),
            (200, "", "fault", true),
            (200, "<html>", "fault", true),
            (200, "[]", "fault", true),
            (202, "", "seen", true),
            (204, "", "seen", true),
            (302, "", "fault", false),
            (400, "", "fault", false),
            (401, "", "fault", false),
            (404, "", "fault", false),
            (410, "", "fault", false),
            (422, "", "fault", false),
            (408, "", "retry", false),
            (425, "", "retry", false),
            (429, "", "retry", false),
            (500, "", "retry", false),
            (502, "", "retry", false),
            (503, "", "retry", false),
            (599, "", "retry", false),
        ] {
            let (outcome, sign) = judged(status, &[], body);
            assert_eq!(outcome.word(), word, "{status} {body}");
            assert_eq!(sign == Sign::Works, works, "{status} {body}");
        }
    }

    #[test]
    fn a_202_expects_an_answer_and_a_204_does_not() {
        let seen = |expects_answer| Outcome::Seen { expects_answer };
        assert_eq!(judged(202, &[], "").0, seen(true));
        assert_eq!(judged(204, &[], "").0, seen(false));
    }

    #[test]
    fn retry_after_is_read_as_seconds_and_as_a_date() {
        let asked = |value: &str| match judged(503, &[("retry-after", value)], "").0 {
            Outcome::Silent { retry_after, .. } => retry_after,
            Outcome::Answered(_) | Outcome::Seen { .. } | Outcome::Fault(_) => panic!(),
        };
        assert_eq!(asked("17"), Some(Duration::from_secs(17)));
        assert_eq!(asked("Thu, 01 Jan 1970 00:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn a_reply_to_another_event_is_a_fault() {
        let (outcome, _) = judged(200, &[], r#"{"inReplyTo":"a:2","actions":[]}"#);
        assert_eq!(outcome.word(), "fault");
        let (outcome, _) = judged(200, &[], r#"{"inReplyTo":"a:1","actions":[]}"#);
        assert_eq!(outcome.word(), "answered");
    }

    #[test]
    fn time_outs_broken_connections_and_endless_bodies_are_told_apart() {
        let host = || "bot.example:443".to_owned();
        let judged = |error| judge(Err(Failure::Net(error)), None, Timestamp(0)).0.word();
        let after = Duration::from_secs(30);
        assert_eq!(judged(NetError::Timeout { host: host(), after }), "timeout");
        assert_eq!(judged(NetError::ConnectTimeout { host: host(), after }), "timeout");
        assert_eq!(judged(NetError::Target("x")), "error");
        assert_eq!(judged(NetError::BodyTooBig { host: host(), limit: 1 }), "fault");
    }

    #[test]
    fn any_answer_of_the_bots_own_server_is_a_sign_of_life_to_a_probe() {
        let probe = |status: u16| {
            of_probe(Ok(Response::builder().status(status).body(Bytes::new()).unwrap()))
        };
        for status in [200, 204, 301, 401, 404, 405, 501, 505] {
            assert_eq!(probe(status), Sign::Works, "{status}");
        }
        for status in [500, 502, 503, 504] {
            assert!(matches!(probe(status), Sign::Fails(_)), "{status}");
        }
        assert!(matches!(of_probe(Err(Failure::Net(NetError::Target("x")))), Sign::Fails(_)));
    }

    #[test]
    fn a_bot_that_was_not_reached_is_told_from_one_that_fails() {
        for status in [502, 503, 504] {
            assert!(matches!(judged(status, &[], "").1, Sign::Absent(_)), "{status}");
        }
        for status in [500, 501] {
            assert!(matches!(judged(status, &[], "").1, Sign::Fails(_)), "{status}");
        }
        let judged = |error| judge(Err(Failure::Net(error)), None, Timestamp(0)).1;
        let host = || "bot.example:443".to_owned();
        let after = Duration::from_secs(30);
        let timeout = NetError::Timeout { host: host(), after };
        assert!(matches!(judged(timeout), Sign::Fails(_)));
        let timeout = NetError::ConnectTimeout { host: host(), after };
        assert!(matches!(judged(timeout), Sign::Absent(_)));
    }

    fn judged(status: u16, headers: &[(&'static str, &str)], body: &str) -> (Outcome, Sign) {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        let reading = Reading {
            dialect: Dialect::Native,
            event: &EventId::parse("a:1").unwrap(),
            content: &ContentSettings::default(),
        };
        judge(Ok(response), Some(reading), Timestamp(0))
    }
}
