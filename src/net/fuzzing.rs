//! Pure: what fuzzers reach of this room, and the text form of an HTTP answer that the other rooms' fuzzers use.

use hyper::{
    Response, StatusCode, Uri,
    body::Bytes,
    header::{HeaderName, HeaderValue},
};

use super::proxy::Proxies;

/// An HTTP answer written as a status, lines of headers, an empty line, and a body. None if there is no status.
pub(crate) fn response(data: &[u8]) -> Option<Response<Bytes>> {
    let mut rest = data;
    let status = std::str::from_utf8(line(&mut rest)).ok()?.trim().parse().ok()?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::from_u16(status).ok()?;
    loop {
        let header = line(&mut rest);
        let Some(colon) = header.iter().position(|byte| *byte == b':') else { break };
        let (name, value) = (&header[..colon], header[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            response.headers_mut().append(name, value);
        }
    }
    *response.body_mut() = Bytes::copy_from_slice(rest);
    Some(response)
}

/// The proxy setting, or the environment's variables, and where they lead a target.
pub(crate) fn proxies(proxy: &str, no_proxy: &str, target: &str) {
    let environment = |name: &str| match name {
        "https_proxy" => Some(proxy.to_owned()),
        "no_proxy" => Some(no_proxy.to_owned()),
        _ => None,
    };
    let Ok(target) = target.parse::<Uri>() else { return };
    for rules in [Proxies::always(proxy), Proxies::from_environment(&environment)] {
        match rules {
            Ok(rules) => {
                if let Some(found) = rules.find(&target) {
                    let _ = (found.host(), found.authorization());
                }
            }
            // Whoever reads it need not know the proxy's password.
            Err(error) => {
                let said = error.to_string();
                assert!(proxy.len() < 12 || !said.contains(proxy), "{said}");
            }
        }
    }
}

fn line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let line = &rest[..end];
    *rest = rest.get(end + 1..).unwrap_or_default();
    line
}
