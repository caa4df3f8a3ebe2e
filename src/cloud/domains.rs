//! IO: which hosts serve an account. The domain service is asked, hosts are never guessed.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{Request, Response, Uri, body::Bytes, header::ACCEPT};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Settings, lenient, report};
use crate::net::{Net, NetError};

/// The hosts of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    services: BTreeMap<String, String>,
    /// Plain text to a simulator on this machine; TLS everywhere else.
    plain: bool,
}

/// Remembers the hosts for a minute: they may change, so no longer.
#[derive(Debug, Default)]
pub struct Cache(Option<Entry>);

#[derive(Debug)]
struct Entry {
    until: Instant,
    domain_api: String,
    account: String,
    hosts: Hosts,
}

/// Why the hosts are not known.
#[derive(Debug, thiserror::Error)]
pub enum DomainError {
    /// `domain_api` is no URL that may be asked.
    #[error(
        "[cloud] domain_api {url:?} cannot be used; it must be https://host, or http:// to a loopback address"
    )]
    Url {
        /// As configured.
        url: String,
    },
    /// The service could not be asked.
    #[error("the domain service could not be asked")]
    Net(#[source] NetError),
    /// 401 or 400: the service knows no such account.
    #[error(
        "the domain service does not know account {account} ({status}); check [connector] account_id and [cloud] domain_api"
    )]
    UnknownAccount {
        /// The account.
        account: String,
        /// 400 or 401.
        status: u16,
    },
    /// 429.
    #[error("the domain service was asked too often")]
    Throttled,
    /// Another status, or an error in the answer.
    #[error("the domain service failed with {status}: {message}")]
    Failed {
        /// The status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// The answer lists no usable host at all.
    #[error(
        "the domain service lists no usable host for account {account}; check [cloud] domain_api"
    )]
    Empty {
        /// The account.
        account: String,
    },
    /// The answer does not list what is needed.
    #[error(
        "the domain service lists no host for {service}; ask LivePerson whether the account has this service"
    )]
    NoService {
        /// The service.
        service: &'static str,
    },
}

/// Asks the domain service for the hosts of the account.
pub async fn resolve(net: &Net, settings: &Settings) -> Result<Hosts, DomainError> {
    let plain = plaintext(&settings.domain_api)?;
    let mut services = Services::default();
    // The official client asks for all services at once, the documentation shows one at a time, and
    // each does so on another host. Whether the documented host knows the first form is written nowhere, so a
    // 404 there means: ask one by one.
    match fetch(net, settings, "").await? {
        Some(body) => services.add(&body, None)?,
        None => {
            for service in [AGENT_VEP, FACADE, MESSAGING] {
                if let Some(body) = fetch(net, settings, &format!("/{service}")).await? {
                    services.add(&body, Some(service))?;
                }
            }
        }
    }
    if services.0.is_empty() {
        return Err(DomainError::Empty { account: settings.account.clone() });
    }
    Ok(Hosts { services: services.0, plain })
}

impl Hosts {
    /// The base URL for log-in, refresh and log-out, without a trailing slash. Chat lives there too.
    pub fn agent_vep(&self) -> Result<String, DomainError> {
        let scheme = if self.plain { "http" } else { "https" };
        let host = self.host(AGENT_VEP).ok_or(DomainError::NoService { service: AGENT_VEP })?;
        Ok(format!("{scheme}://{host}"))
    }

    /// The base URL of the messaging WebSocket, without a trailing slash.
    pub fn messaging(&self) -> Result<String, DomainError> {
        let scheme = if self.plain { "ws" } else { "wss" };
        let host = self
            .host(FACADE)
            .or_else(|| self.host(MESSAGING))
            .ok_or(DomainError::NoService { service: "facadeMsg or asyncMessagingEnt" })?;
        Ok(format!("{scheme}://{host}"))
    }

    /// The host, perhaps with a port, of any service.
    #[must_use]
    pub fn host(&self, service: &str) -> Option<&str> {
        self.services.get(service).map(String::as_str)
    }
}

/// The base URL of the agents' host in a list of hosts that the log-in's answer repeats, if it may be used beside `base`:
/// from plain text to a simulator on this machine nothing leads elsewhere.
pub(super) fn agent_vep_beside(base: &str, list: &[u8]) -> Option<String> {
    let mut services = Services::default();
    services.add(list, None).ok()?;
    let host = services.0.get(AGENT_VEP)?;
    let (scheme, _) = base.split_once("://")?;
    let url = format!("{scheme}://{host}");
    (scheme == "https" || plaintext(&url).is_ok()).then_some(url)
}

impl Cache {
    /// What was kept, if it is for the same question and fresh.
    #[must_use]
    pub fn get(&self, settings: &Settings, now: Instant) -> Option<Hosts> {
        self.0
            .as_ref()
            .filter(|entry| {
                entry.until > now
                    && entry.domain_api == settings.domain_api
                    && entry.account == settings.account
            })
            .map(|entry| entry.hosts.clone())
    }

    /// Keeps `hosts`.
    pub fn put(&mut self, settings: &Settings, hosts: Hosts, now: Instant) {
        self.0 = Some(Entry {
            until: now + KEPT,
            domain_api: settings.domain_api.clone(),
            account: settings.account.clone(),
            hosts,
        });
    }
}

/// The body of a 200; none for 404.
async fn fetch(
    net: &Net,
    settings: &Settings,
    service: &str,
) -> Result<Option<Bytes>, DomainError> {
    let url = format!(
        "{}/api/account/{}/service{service}/baseURI.json?version=1.0",
        settings.domain_api, settings.account
    );
    let request = Request::get(&url)
        .header(ACCEPT, "application/json")
        .body(Full::default())
        .map_err(|_| DomainError::Url { url: settings.domain_api.clone() })?;
    let response =
        net.http(request, settings.request_timeout, MAX_BODY).await.map_err(DomainError::Net)?;
    read(settings, response)
}

/// What an answer of the service means.
pub(super) fn read(
    settings: &Settings,
    response: Response<Bytes>,
) -> Result<Option<Bytes>, DomainError> {
    match response.status().as_u16() {
        200..=299 => Ok(Some(response.into_body())),
        404 => Ok(None),
        status @ (400 | 401) => {
            Err(DomainError::UnknownAccount { account: settings.account.clone(), status })
        }
        429 => Err(DomainError::Throttled),
        status => Err(DomainError::Failed {
            status,
            message: report::shortened(String::from_utf8_lossy(response.body()), 200),
        }),
    }
}

/// Hosts by service; if one is listed twice, the last one counts.
#[derive(Default)]
pub(super) struct Services(pub(super) BTreeMap<String, String>);

impl Services {
    /// Reads a list or, for `asked`, a single entry.
    pub(super) fn add(&mut self, body: &[u8], asked: Option<&str>) -> Result<(), DomainError> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Answer<'a> {
            #[serde(rename = "baseURIs", deserialize_with = "lenient::many")]
            base_uris: Vec<Listed>,
            #[serde(deserialize_with = "lenient::text")]
            service: Option<String>,
            #[serde(rename = "baseURI", deserialize_with = "lenient::text")]
            base_uri: Option<String>,
            #[serde(borrow)]
            error: Option<&'a RawValue>,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Listed {
            #[serde(deserialize_with = "lenient::text")]
            service: Option<String>,
            #[serde(rename = "baseURI", deserialize_with = "lenient::text")]
            base_uri: Option<String>,
        }
        let answer: Answer<'_> = serde_json::from_slice(body).unwrap_or_default();
        if let Some(error) = answer.error {
            return Err(DomainError::Failed {
                status: 200,
                message: report::shortened(error.get(), 200),
            });
        }
        let single = Listed {
            service: answer.service.or_else(|| asked.map(str::to_owned)),
            base_uri: answer.base_uri,
        };
        for listed in answer.base_uris.into_iter().chain([single]) {
            if let (Some(service), Some(host)) = (listed.service, listed.base_uri)
                && let Some(host) = usable(&host)
            {
                self.0.insert(service, host);
            }
        }
        Ok(())
    }
}

/// A bare host, perhaps with a port; a scheme or a trailing slash does no harm, anything else would.
fn usable(host: &str) -> Option<String> {
    let host = host.trim();
    let host = host.split_once("://").map_or(host, |(_, host)| host);
    let host = host.trim_end_matches('/');
    let uri: Uri = format!("https://{host}/").parse().ok()?;
    let name = uri.host().filter(|name| !name.is_empty())?;
    // Whatever is more than a name and a port would change where secrets are sent.
    let plain = match uri.port_u16() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    };
    (plain == host).then_some(plain)
}

/// Whether the account's hosts are spoken to in plain text: only if the domain service itself is, on this machine.
fn plaintext(domain_api: &str) -> Result<bool, DomainError> {
    let unusable = || DomainError::Url { url: domain_api.to_owned() };
    let uri: Uri = domain_api.parse().map_err(|_| unusable())?;
    let host = uri.host().ok_or_else(unusable)?;
    match uri.scheme_str() {
        Some("https") => Ok(false),
        Some("http") if is_loopback(host) => Ok(true),
        Some(_) | None => Err(unusable()),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

const AGENT_VEP: &str = "agentVep";
/// The WebSocket's host since 2020.
const FACADE: &str = "facadeMsg";
/// The WebSocket's host before, and in the documentation.
const MESSAGING: &str = "asyncMessagingEnt";
const KEPT: Duration = Duration::from_secs(60);
/// An account has some hundred services of a hundred bytes each.
const MAX_BODY: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::cloud::fake::{self, Cloud, settings};

    #[tokio::test]
    async fn the_golden_list_names_both_hosts_and_prefers_the_newer_service() {
        let hosts =
            resolve_list(include_str!("../../tests/data/messaging/domains.json")).await.unwrap();
        assert_eq!(hosts.agent_vep().unwrap(), "https://va.agentvep.example.net");
        assert_eq!(hosts.messaging().unwrap(), "wss://va.msg.example.net");
        assert_eq!(hosts.host("swift"), Some("z1.objectstorage.example.net"));
    }

    #[tokio::test]
    async fn all_services_are_asked_for_in_one_request() {
        let cloud = Cloud::new(fake::healthy);
        resolve(&cloud.net, &settings()).await.unwrap();
        let urls: Vec<_> = cloud.asked().into_iter().map(|asked| asked.url).collect();
        assert_eq!(urls, ["/api/account/12345678/service/baseURI.json?version=1.0"]);
    }

    #[tokio::test]
    async fn a_host_that_knows_no_list_is_asked_service_by_service() {
        let cloud = Cloud::new(|asked| {
            let service = asked.url.split('/').nth(5).unwrap_or_default();
            match service {
                "agentVep" => fake::json(200, &json!({"service": service, "baseURI": "vep.test"})),
                "asyncMessagingEnt" => fake::json(200, &json!({"baseURI": "old.test:8443"})),
                _ => fake::json(404, &json!(null)),
            }
        });
        let hosts = resolve(&cloud.net, &settings()).await.unwrap();
        assert_eq!(hosts.agent_vep().unwrap(), "https://vep.test");
        assert_eq!(hosts.messaging().unwrap(), "wss://old.test:8443");
    }

    #[tokio::test]
    async fn a_bare_entry_is_a_list_of_one_and_the_last_of_two_counts() {
        let hosts =
            resolve_list(r#"{"baseURIs":{"service":"agentVep","baseURI":"https://a.test/"}}"#)
                .await
                .unwrap();
        assert_eq!(hosts.agent_vep().unwrap(), "https://a.test");
        assert_eq!(
            hosts.messaging().unwrap_err().to_string(),
            "the domain service lists no host for facadeMsg or asyncMessagingEnt; \
             ask LivePerson whether the account has this service"
        );
        let hosts = resolve_list(
            r#"{"baseURIs":[{"service":"agentVep","baseURI":"a.test"},{"service":"agentVep","baseURI":"b.test"}]}"#,
        )
        .await
        .unwrap();
        assert_eq!(hosts.agent_vep().unwrap(), "https://b.test");
    }

    #[tokio::test]
    async fn hosts_that_are_none_are_left_out() {
        for host in ["", "a.test/path", "user@a.test", "a test", "a.test?x", "a.test:port"] {
            let list = json!({"baseURIs": [{"service": "agentVep", "baseURI": host}]}).to_string();
            let error = resolve_list(&list).await.unwrap_err();
            assert!(matches!(error, DomainError::Empty { .. }), "{host}: {error}");
        }
    }

    #[tokio::test]
    async fn every_failure_says_what_to_do() {
        for (status, body, expected) in [
            (401, json!(null), "does not know account 12345678 (401); check"),
            (400, json!(null), "does not know account 12345678 (400); check"),
            (429, json!(null), "asked too often"),
            (500, json!("oops"), "failed with 500: \"oops\""),
            (302, json!(null), "failed with 302"),
            (200, json!({}), "lists no usable host"),
            (200, json!("x"), "lists no usable host"),
            (
                200,
                json!({"error": {"internalCode": 10}}),
                r#"failed with 200: {"internalCode":10}"#,
            ),
        ] {
            let error = resolve_status(status, &body).await.unwrap_err().to_string();
            assert!(error.contains(expected), "{status}: {error}");
        }
    }

    #[tokio::test]
    async fn plain_text_is_for_this_machine_only() {
        for (url, expected) in [
            ("http://127.0.0.1:9000", Some("http://vep.test")),
            ("http://localhost", Some("http://vep.test")),
            ("http://[::1]:9000", Some("http://vep.test")),
            ("https://api.test", Some("https://vep.test")),
            ("http://api.test", None),
            ("ftp://127.0.0.1", None),
            ("nonsense", None),
        ] {
            let cloud = Cloud::new(fake::healthy);
            let mut settings = settings();
            settings.domain_api = url.into();
            let hosts = resolve(&cloud.net, &settings).await;
            match expected {
                Some(base) => assert_eq!(hosts.unwrap().agent_vep().unwrap(), base, "{url}"),
                None => assert!(matches!(hosts, Err(DomainError::Url { .. })), "{url}"),
            }
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "tests need some instant to count from")]
    fn hosts_are_kept_for_a_minute_and_for_one_question() {
        let now = Instant::now();
        let hosts = Hosts { services: BTreeMap::new(), plain: false };
        let mut cache = Cache::default();
        assert_eq!(cache.get(&settings(), now), None);
        cache.put(&settings(), hosts.clone(), now);
        assert_eq!(cache.get(&settings(), now + Duration::from_secs(59)), Some(hosts));
        assert_eq!(cache.get(&settings(), now + KEPT), None);
        let mut other = settings();
        other.account = "87654321".into();
        assert_eq!(cache.get(&other, now), None);
    }

    async fn resolve_list(list: &str) -> Result<Hosts, DomainError> {
        resolve_status(200, &serde_json::from_str(list).unwrap()).await
    }

    async fn resolve_status(status: u16, body: &Value) -> Result<Hosts, DomainError> {
        let body = body.clone();
        let cloud = Cloud::new(move |_| fake::json(status, &body));
        resolve(&cloud.net, &settings()).await
    }
}
