//! IO: carries requests of the Chat Agent API and their answers, as many at once as there are.

use std::time::Duration;

use http_body_util::Full;
use hyper::{
    HeaderMap, Request as HttpRequest, Response as HttpResponse, Uri,
    body::Bytes,
    header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
};
use tokio::task::JoinSet;

use super::{
    agent::AgentSession,
    wire::{Answer, Method, Request, Response},
};
use crate::{
    cloud::{
        Settings,
        domains::{DomainError, Hosts},
        link::{Carried, Carrier, Work},
        login::Login,
        report,
    },
    net::{Net, NetError},
};

/// Requests under way.
pub(in crate::cloud) struct Requests {
    way: Way,
    /// It has been opened, which has not been told.
    opened: bool,
    under_way: JoinSet<(Answer, HeaderMap)>,
}

impl Carrier for Requests {
    type Connection = AgentSession;

    fn new(net: Net, log_content: bool) -> Self {
        Self { way: Way::new(net, log_content), opened: false, under_way: JoinSet::new() }
    }

    fn base(hosts: &Hosts) -> Result<String, DomainError> {
        hosts.agent_vep()
    }

    fn open(&mut self, _: &str, login: &Login, _: &Settings) {
        self.close();
        self.way.lead(login);
        self.opened = true;
    }

    fn send(&mut self, request: Request) {
        let way = self.way.clone();
        self.under_way.spawn(async move { way.carry(request).await });
    }

    fn close(&mut self) {
        self.opened = false;
        self.under_way = JoinSet::new();
    }

    fn good_bye(&mut self) -> Option<Work<()>> {
        None
    }

    async fn next(&mut self, read: bool) -> Carried<Answer> {
        if std::mem::take(&mut self.opened) {
            return Carried::Opened(Ok(()));
        }
        while read && let Some(ended) = self.under_way.join_next().await {
            // A request's task does not panic, and is not cancelled but with all others.
            if let Ok((answer, headers)) = ended {
                self.way.learn(&headers);
                return Carried::Received(answer);
            }
        }
        std::future::pending().await
    }
}

/// Where requests go, and as whom.
#[derive(Clone)]
pub(super) struct Way {
    net: Net,
    log_content: bool,
    base: Option<Uri>,
    login: Option<Login>,
}

impl Way {
    pub(super) fn new(net: Net, log_content: bool) -> Self {
        Self { net, log_content, base: None, login: None }
    }

    pub(super) fn lead(&mut self, login: &Login) {
        self.base = login.agent_vep().parse().ok();
        self.login = Some(login.clone());
    }

    /// The server may set cookies for an agent session; they go back to it with each request.
    pub(super) fn learn(&mut self, headers: &HeaderMap) {
        if let Some(login) = &mut self.login {
            login.learn_cookies(headers);
        }
    }

    pub(super) async fn carry(&self, request: Request) -> (Answer, HeaderMap) {
        let (id, timeout) = (request.id, request.timeout);
        if self.log_content {
            tracing::trace!(target: "wire::cloud", direction = "out", method = ?request.method,
                target = request.target, body = request.body);
        }
        match self.exchange(request, timeout).await {
            Ok(response) => {
                if self.log_content {
                    let body = String::from_utf8_lossy(response.body());
                    tracing::trace!(target: "wire::cloud", direction = "in",
                        status = response.status().as_u16(), body = &*body);
                }
                let (parts, body) = response.into_parts();
                let retry_after = retry_after(&parts.headers);
                let response = Response { status: parts.status.as_u16(), retry_after, body };
                (Answer { id, result: Ok(response) }, parts.headers)
            }
            Err(error) => (Answer { id, result: Err(report::chain(&error)) }, HeaderMap::new()),
        }
    }

    async fn exchange(
        &self,
        request: Request,
        timeout: Duration,
    ) -> Result<HttpResponse<Bytes>, NetError> {
        let (Some(base), Some(login)) = (&self.base, &self.login) else {
            return Err(NetError::Target("there is no log-in"));
        };
        let uri = resolve(base, &request.target)
            .ok_or(NetError::Target("a link leads to another host"))?;
        let mut http = HttpRequest::new(Full::from(request.body.unwrap_or_default()));
        *http.uri_mut() = uri;
        *http.method_mut() = match request.method {
            Method::Get => hyper::Method::GET,
            Method::Post | Method::Put => hyper::Method::POST,
        };
        let headers = http.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        // The platform's sample client sends it.
        headers.insert(REQUESTED_WITH, HeaderValue::from_static("XMLHttpRequest"));
        if request.method == Method::Put {
            headers.insert(METHOD_OVERRIDE, HeaderValue::from_static("PUT"));
        }
        login.authorise(headers);
        self.net.http(http, timeout, MAX_BODY).await
    }
}

/// The URL of a target, with what every request has; none if it leads to another host: the bearer goes with it.
fn resolve(base: &Uri, target: &str) -> Option<Uri> {
    let target: Uri = target.parse().ok()?;
    let at_home = target.authority().is_none() || target.authority() == base.authority();
    let path = target.path_and_query()?.as_str();
    if !at_home || !path.starts_with('/') {
        return None;
    }
    let joint = if path.contains('?') { '&' } else { '?' };
    let (scheme, host) = (base.scheme_str()?, base.authority()?);
    format!("{scheme}://{host}{path}{joint}v=1&NC=true").parse().ok()
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

const REQUESTED_WITH: HeaderName = HeaderName::from_static("x-requested-with");
/// A real PUT is not promised (Chat Agent API, set agent availability).
const METHOD_OVERRIDE: HeaderName = HeaderName::from_static("x-http-method-override");
/// Fifty chats of long lines.
const MAX_BODY: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_followed_to_the_accounts_host_only() {
        let base: Uri = "https://va.agentvep.example.net".parse().unwrap();
        let to = |target| resolve(&base, target).map(|uri| uri.to_string());
        assert_eq!(
            to("/api/x").as_deref(),
            Some("https://va.agentvep.example.net/api/x?v=1&NC=true")
        );
        assert_eq!(
            to("https://va.agentvep.example.net/api/x?from=4").as_deref(),
            Some("https://va.agentvep.example.net/api/x?from=4&v=1&NC=true")
        );
        // Whatever a link says, it is spoken to as the domain service says.
        assert_eq!(
            to("http://va.agentvep.example.net/api/x").as_deref(),
            Some("https://va.agentvep.example.net/api/x?v=1&NC=true")
        );
        for target in ["https://elsewhere.example.net/api/x", "not a link", "", "api/x"] {
            assert_eq!(to(target), None, "{target}");
        }
    }
}
