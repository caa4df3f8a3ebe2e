//! Logging in against a cloud in memory.

use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::{
    cloud::fake::{self, Answer as FakeAnswer, Asked, BEARER, CSRF, Cloud, SECRETS, settings},
    secret::Secret,
};

const BASE: &str = "https://vep.test";

#[tokio::test]
async fn the_three_ways_to_log_in_have_their_bodies() {
    let secret = |text: &str| Secret::Literal(SecretString::from(text));
    for (credentials, expected) in [
        (
            settings().credentials,
            json!({"username": "bot-greeter", "appKey": "app-k3y", "secret": "s3cret",
                "accessToken": "t0ken", "accessTokenSecret": "t0ken-s3cret"}),
        ),
        (
            Credentials::OAuth2 { client_id: secret("id"), client_secret: secret("cs") },
            json!({"username": "bot-greeter", "appKey": "id", "secret": "cs",
                "accessToken": "dummy", "accessTokenSecret": "dummy"}),
        ),
        (Credentials::Password(secret("pw")), json!({"username": "bot-greeter", "password": "pw"})),
    ] {
        let cloud = Cloud::new(fake::healthy);
        let settings = Settings { credentials, ..settings() };
        log_in(&cloud.net, &settings, BASE).await.unwrap();
        let asked = &cloud.asked()[0];
        assert_eq!(asked.method, "POST");
        assert_eq!(asked.url, "/api/account/12345678/login?v=1.3");
        let body: Value = serde_json::from_str(&asked.body).unwrap();
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn the_golden_answer_is_read() {
    let login =
        answered(200, include_str!("../../../tests/data/messaging/login.json")).await.unwrap();
    assert_eq!(login.user_id, "4102938475");
    assert_eq!(login.user_pid.as_deref(), Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2"));
    assert!(login.bearer.expose_secret().starts_with("5b1e0c2d"));
    assert!(login.is_refreshable());
}

#[tokio::test]
async fn a_sparse_answer_is_enough_and_a_lacking_one_is_not() {
    let login = answered(200, r#"{"bearer":"b","config":{"userId":7}}"#).await.unwrap();
    assert_eq!(login.user_id, "7");
    assert_eq!(login.user_pid, None);
    assert!(!login.is_refreshable());
    for (body, missing) in [
        (r#"{"bearer":"b","config":{}}"#, "config.userId"),
        (r#"{"bearer":"b"}"#, "config.userId"),
        (r#"{"config":{"userId":"7"}}"#, "bearer"),
        ("<html>", "config.userId"),
    ] {
        let error = answered(200, body).await.unwrap_err();
        assert!(error.to_string().contains(missing), "{error}");
        assert_eq!(error.result(), LoginResult::Failed);
    }
}

#[tokio::test]
async fn agent_sessions_are_where_the_answer_says_if_that_is_a_host_to_trust() {
    let told = |base: &'static str, hosts: Value| {
        let body =
            json!({"bearer": "b", "config": {"userId": "7"}, "csdsCollectionResponse": hosts});
        let response = Response::new(Bytes::from(body.to_string()));
        read_login(&settings(), base, &response).unwrap().agent_vep().to_owned()
    };
    let list = |host: &str| json!({"baseURIs": [{"service": "agentVep", "baseURI": host}]});
    assert_eq!(told(BASE, list("other.test")), "https://other.test");
    for unusable in [list("other.test/path"), list("a@b"), json!({"baseURIs": 7}), json!("x")] {
        assert_eq!(told(BASE, unusable.clone()), BASE, "{unusable}");
    }
    let simulator = "http://127.0.0.1:8788";
    assert_eq!(told(simulator, list("other.test")), simulator);
    assert_eq!(told(simulator, list("localhost:9")), "http://localhost:9");
}

#[tokio::test]
async fn failures_are_sorted_and_refusals_come_with_hints() {
    let body =
        r#"{"error":{"message":"who are you","internalCode":10,"responseStatus":"UNAUTHORIZED"}}"#;
    for (status, result) in [
        (400, LoginResult::Refused),
        (401, LoginResult::Refused),
        (403, LoginResult::Refused),
        (200, LoginResult::Refused),
        (429, LoginResult::Throttled),
        (451, LoginResult::Blocked),
        (500, LoginResult::Failed),
        (503, LoginResult::Failed),
        (302, LoginResult::Failed),
    ] {
        let error = answered(status, body).await.unwrap_err();
        assert_eq!(error.result(), result, "{status}");
        if result == LoginResult::Refused {
            let text = error.to_string();
            for hint in [
                "who are you, code 10",
                "IP restrictions",
                "disabled",
                "created by somebody else",
                "the end of four-part keys",
            ] {
                assert!(text.contains(hint), "{hint} in {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_named_by_its_key() {
    let cloud = Cloud::new(fake::healthy);
    let settings = Settings {
        credentials: Credentials::Password(Secret::File("/nonexistent/password".into())),
        ..settings()
    };
    let error = log_in(&cloud.net, &settings, BASE).await.unwrap_err();
    assert_eq!(error.result(), LoginResult::Secret);
    assert!(error.to_string().contains("password cannot be read"));
    assert!(cloud.asked().is_empty());
}

#[tokio::test]
async fn refresh_and_log_out_carry_cookies_and_csrf() {
    let cloud = Cloud::new(|asked| {
        if asked.url.contains("/refresh") {
            FakeAnswer {
                cookies: vec!["Session_id=n3w", "extra=1", "gone="],
                ..fake::json(200, &json!(null))
            }
        } else {
            let healthy = fake::healthy(asked);
            FakeAnswer { cookies: [healthy.cookies, vec!["gone=soon"]].concat(), ..healthy }
        }
    });
    let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
    let login = login.refresh(&cloud.net, Duration::from_secs(1)).await.unwrap();
    assert_eq!(login.bearer.expose_secret(), BEARER, "the bearer stays");
    login.log_out(&cloud.net).await;
    let asked = cloud.asked();
    assert_eq!(asked[1].url, "/api/account/12345678/refresh?v=1.3");
    assert_eq!(asked[1].cookie.as_deref(), Some("Session_id=s3ss10n; gone=soon"));
    assert_eq!(asked[1].body, json!({"csrf": CSRF}).to_string());
    assert_eq!(asked[2].url, "/api/account/12345678/logout?v=1.3");
    assert_eq!(asked[2].cookie.as_deref(), Some("Session_id=n3w; extra=1"));
    assert_eq!(asked[2].body, json!({"csrf": CSRF}).to_string());
}

#[tokio::test]
async fn a_refused_refresh_is_told_from_one_that_fails() {
    let refreshed = |status: u16, body: Value| async move {
        let cloud = Cloud::new(move |asked: &Asked| {
            if asked.url.contains("/refresh") {
                fake::json(status, &body)
            } else {
                fake::healthy(asked)
            }
        });
        let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
        login.refresh(&cloud.net, Duration::from_secs(1)).await.unwrap_err()
    };
    let unauthorized = json!({"error": {"responseStatus": "UNAUTHORIZED"}});
    for ended in [refreshed(401, json!(null)).await, refreshed(200, unauthorized).await] {
        assert!(matches!(ended, RefreshError::Ended { .. }), "{ended}");
    }
    let failed = refreshed(500, json!(null)).await;
    assert!(matches!(failed, RefreshError::Failed { status: 500, .. }));
}

#[tokio::test(start_paused = true)]
async fn a_log_out_that_is_not_answered_takes_two_seconds_at_most() {
    let cloud = Cloud::new(fake::healthy);
    let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
    let silent = Net::in_memory(std::sync::Arc::new(|_: &hyper::Uri| {
        let (ours, theirs) = tokio::io::duplex(1024);
        std::mem::forget(theirs);
        Ok(ours)
    }));
    tokio::time::timeout(Duration::from_millis(2_100), login.log_out(&silent)).await.unwrap();
}

#[tokio::test]
async fn nothing_secret_is_ever_printed() {
    let cloud = Cloud::new(fake::healthy);
    let login = log_in(&cloud.net, &settings(), BASE).await.unwrap();
    let refused = answered(401, r#"{"error":{"message":"no"},"bearer":"5b1e0c2d4f6a8b9c"}"#)
        .await
        .unwrap_err();
    let printed = format!("{login:?} {refused:?} {refused} {:?}", settings());
    for secret in SECRETS {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

async fn answered(status: u16, body: &str) -> Result<Login, LoginError> {
    let body = body.to_owned();
    let cloud = Cloud::new(move |_| FakeAnswer { status, cookies: vec![], body: body.clone() });
    log_in(&cloud.net, &settings(), BASE).await
}
