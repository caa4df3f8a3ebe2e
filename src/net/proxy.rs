//! Pure: which proxy, if any, stands before a target.

use std::net::IpAddr;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::{NetError, stream::host_of};

/// The rules: the setting, or the environment.
pub(super) struct Proxies {
    rules: Matcher,
    /// Loopback goes through a proxy only if the setting asks for it.
    loopback: bool,
}

/// One HTTP proxy. Not printable: it may hold a password.
pub(super) struct Proxy(Intercept);

impl Proxies {
    /// `[cloud] proxy`: for every target.
    pub(super) fn always(url: &str) -> Result<Self, NetError> {
        check(url, "the proxy setting")?;
        Ok(Self {
            rules: Matcher::builder().all(url).build(),
            loopback: true,
        })
    }

    /// `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, or their lower-case names, as curl reads them:
    /// `NO_PROXY` lists hosts (which stand for their subdomains too), addresses, networks, or `*`.
    pub(super) fn from_environment(
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, NetError> {
        let read = |upper: &'static str, lower: &'static str| {
            let given = |name| lookup(name).filter(|value| !value.trim().is_empty());
            match given(lower) {
                Some(value) => Some((lower, value)),
                None => given(upper).map(|value| (upper, value)),
            }
        };
        let proxy = |upper, lower| match read(upper, lower) {
            Some((name, url)) => check(&url, name).map(|()| url),
            None => Ok(String::new()),
        };
        let no = read("NO_PROXY", "no_proxy").map_or_else(String::new, |(_, list)| list);
        Ok(Self {
            rules: Matcher::builder()
                .all(proxy("ALL_PROXY", "all_proxy")?)
                .https(proxy("HTTPS_PROXY", "https_proxy")?)
                .http(proxy("HTTP_PROXY", "http_proxy")?)
                .no(no)
                .build(),
            loopback: false,
        })
    }

    /// The proxy for `target`, an `http` or `https` URI.
    pub(super) fn find(&self, target: &Uri) -> Option<Proxy> {
        if !self.loopback && is_loopback(target.host()?) {
            return None;
        }
        self.rules.intercept(target).map(Proxy)
    }
}

impl Proxy {
    /// Where it is, without its credentials.
    pub(super) fn uri(&self) -> &Uri {
        self.0.uri()
    }

    /// `host:port`, for errors.
    pub(super) fn host(&self) -> String {
        host_of(self.uri()).unwrap_or_default()
    }

    /// The value of `Proxy-Authorization`. A secret.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.0.basic_auth().and_then(|value| value.to_str().ok())
    }
}

/// Only `http://` proxies are spoken; without a scheme that is meant.
fn check(url: &str, from: &'static str) -> Result<(), NetError> {
    let uri: Uri = url.parse().map_err(|_| NetError::ProxyUrl { from })?;
    match uri.scheme_str() {
        None | Some("http") => {}
        Some(_) => return Err(NetError::ProxyUrl { from }),
    }
    match uri.host() {
        Some(host) if !host.is_empty() => Ok(()),
        Some(_) | None => Err(NetError::ProxyUrl { from }),
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_decides_by_scheme_and_no_proxy() {
        let all = [
            ("HTTPS_PROXY", "http://secure:1"),
            ("HTTP_PROXY", "http://plain:2"),
            (
                "NO_PROXY",
                "example.org, .inside.net,10.0.0.0/8 ,192.168.1.7,fd00::/8",
            ),
        ];
        for (target, expected) in [
            ("https://api.liveperson.net/", Some("secure:1")),
            ("http://api.liveperson.net/", Some("plain:2")),
            ("https://example.org/", None),
            ("https://EXAMPLE.org/", None),
            ("https://sub.example.org/", None),
            ("https://notexample.org/", Some("secure:1")),
            ("https://a.inside.net/", None),
            ("https://10.1.2.3/", None),
            ("https://11.1.2.3/", Some("secure:1")),
            ("https://192.168.1.7/", None),
            ("https://192.168.1.8/", Some("secure:1")),
            ("https://[fd00::1]/", None),
            ("https://[fe80::1]/", Some("secure:1")),
            // Loopback is never proxied from the environment.
            ("http://localhost:9000/", None),
            ("http://bot.localhost/", None),
            ("https://127.0.0.1/", None),
            ("https://127.8.8.8/", None),
            ("https://[::1]:8443/", None),
            ("https://[::ffff:127.0.0.1]/", None),
        ] {
            assert_eq!(
                found(&environment(&all), target).as_deref(),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn a_star_in_no_proxy_turns_the_proxy_off() {
        let rules = environment(&[("ALL_PROXY", "http://p:1"), ("NO_PROXY", "*")]);
        assert_eq!(found(&rules, "https://example.org/"), None);
    }

    #[test]
    fn all_proxy_stands_in_for_both_and_lower_case_names_count() {
        let rules = environment(&[("all_proxy", "p:1"), ("https_proxy", "http://q:2")]);
        assert_eq!(found(&rules, "http://a.example/").as_deref(), Some("p:1"));
        assert_eq!(found(&rules, "https://a.example/").as_deref(), Some("q:2"));
        assert_eq!(found(&environment(&[]), "https://a.example/"), None);
        let empty = environment(&[("HTTPS_PROXY", " ")]);
        assert_eq!(found(&empty, "https://a.example/"), None);
    }

    #[test]
    fn the_setting_holds_for_every_target() {
        let rules = Proxies::always("http://u:p@proxy:3128").unwrap();
        assert_eq!(
            found(&rules, "https://127.0.0.1/").as_deref(),
            Some("proxy:3128")
        );
        assert_eq!(
            found(&rules, "http://a.example/").as_deref(),
            Some("proxy:3128")
        );
    }

    #[test]
    fn credentials_are_percent_decoded_for_basic() {
        let rules = Proxies::always("http://us%40er:p%3Ass@proxy:3128").unwrap();
        let proxy = rules.find(&"https://a.example/".parse().unwrap()).unwrap();
        // printf 'us@er:p:ss' | base64
        assert_eq!(proxy.authorization(), Some("Basic dXNAZXI6cDpzcw=="));
        assert_eq!(proxy.host(), "proxy:3128");
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_refused_without_being_shown() {
        for url in [
            "socks5://u:hunter2@p:1",
            "https://p:1",
            "http://",
            "not a url",
            "http://:3128",
        ] {
            let error = Proxies::always(url).err().unwrap();
            assert!(matches!(error, NetError::ProxyUrl { .. }), "{url}");
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
        let error = Proxies::from_environment(&|name| {
            (name == "https_proxy").then(|| "socks5://p:1".to_owned())
        });
        let error = error.err().unwrap();
        assert!(
            error.to_string().starts_with("https_proxy is not"),
            "{error}"
        );
    }

    fn environment(variables: &[(&str, &str)]) -> Proxies {
        Proxies::from_environment(&|name| {
            let found = variables.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        })
        .unwrap()
    }

    fn found(rules: &Proxies, target: &str) -> Option<String> {
        rules
            .find(&target.parse().unwrap())
            .map(|proxy| proxy.host())
    }
}
