//! Pure: the answers of the services that are asked over HTTP, as fuzzers hand them in.

use std::time::Duration;

use hyper::{Response, body::Bytes};
use secrecy::{ExposeSecret as _, SecretString};

use super::{
    ChatSettings, Credentials, Settings, domains,
    login::{Login, LoginError, RefreshError, read_login},
};
use crate::{
    conversation::Timestamp,
    net,
    ops::{backoff, logs::chain},
    secret::Secret,
};

/// An HTTP answer, read as one of the domain service, of a log-in, and of a refresh of that log-in.
pub(crate) fn services(data: &[u8]) {
    let Some(response) = net::fuzzing::response(data) else { return };
    for asked in [None, Some("agentVep")] {
        read_hosts(response.clone(), asked);
    }
    let login = read_login(&settings(), "https://va.agentvep.example.net", &response);
    if let Some(wait) = response.headers().get("retry-after").and_then(|value| value.to_str().ok())
    {
        let wait = backoff::retry_after(wait, Timestamp(1_700_000_000_000));
        assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(86_400)), "{wait:?}");
    }
    match login {
        Ok(login) => {
            says_nothing_of(&login.bearer, &format!("{login:?}"));
            match login.refreshed(&response) {
                Ok(login) => assert!(!login.user_id.is_empty()),
                Err(error) => refresh_error(&error),
            }
        }
        Err(error) => login_error(&error),
    }
    if let Err(error) = established().refreshed(&response) {
        refresh_error(&error);
    }
}

fn read_hosts(response: Response<Bytes>, asked: Option<&str>) {
    let mut services = domains::Services::default();
    match domains::read(&settings(), response) {
        Ok(Some(body)) => {
            let result = services.add(&body, asked);
            assert!(result.is_ok() || services.0.is_empty());
        }
        Ok(None) => {}
        Err(error) => assert!(chain(&error).to_string().len() < 2_000),
    }
    for host in services.0.values() {
        // Secrets go there: a host may not smuggle in a user, a path or another host.
        assert!(!host.contains(['/', '@', '?', '#', ' ', '\\']), "{host}");
    }
}

fn login_error(error: &LoginError) {
    let said = format!("{} {error:?}", chain(error));
    assert!(said.len() < 4_000, "{said}");
    assert!(!said.contains(OWN_SECRET), "{said}");
    let _ = error.result();
}

fn refresh_error(error: &RefreshError) {
    let said = format!("{} {error:?}", chain(error));
    assert!(said.len() < 4_000, "{said}");
}

/// Short secrets may stand in any text by chance.
fn says_nothing_of(secret: &SecretString, said: &str) {
    let secret = secret.expose_secret();
    assert!(secret.len() < 24 || !said.contains(secret), "{said}");
}

fn established() -> Login {
    let good = b"200\nset-cookie: session=c00kie\n\n{\"bearer\":\"b\",\"csrf\":\"c\",\"config\":{\"userId\":\"1\"}}";
    let login = net::fuzzing::response(good).and_then(|response| {
        read_login(&settings(), "https://va.agentvep.example.net", &response).ok()
    });
    match login {
        Some(login) => login,
        None => unreachable!("the answer is a good one"),
    }
}

pub(crate) fn settings() -> Settings {
    let secret = || Secret::Literal(SecretString::from(OWN_SECRET));
    Settings {
        account: "12345678".into(),
        username: "bot-greeter".into(),
        credentials: Credentials::OAuth2 { client_id: secret(), client_secret: secret() },
        domain_api: "https://api.example.net".into(),
        request_timeout: Duration::from_secs(10),
        keepalive_interval: Duration::from_secs(30),
        refresh_interval: Duration::from_secs(240),
        manager: false,
        chat: ChatSettings::default(),
    }
}

const OWN_SECRET: &str = "Zx9qJ7vK2w-own-secret";
