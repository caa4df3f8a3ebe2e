//! IO: a look whether a WebSocket can be opened and answers.

use hyper::Uri;
use serde_json::json;

use super::{
    connection::Received,
    line,
    socket::Socket,
    wire::{self, Frame, Method, Request},
};
use crate::{
    cloud::{Settings, domains::Hosts, login::Login, report},
    net::Net,
    ops::clock::Clock,
};

/// Opens the WebSocket and asks for the time. Tells what was found, or what failed, for people.
pub(in crate::cloud) async fn look(
    settings: &Settings,
    net: &Net,
    clock: &Clock,
    hosts: &Hosts,
    login: &Login,
) -> Result<String, String> {
    let base = hosts.messaging().map_err(|error| report::chain(&error))?;
    let uri: Uri = line::address(&base, login).ok_or("the host's name cannot be used")?;
    let mut socket = Socket::open(net, &uri, settings.request_timeout)
        .await
        .map_err(|error| report::chain(&error))?;
    socket.send(Request::new(Method::GetClock, &json!({})).encode("1"));
    let asked = clock.now();
    let answer = tokio::time::timeout(settings.request_timeout, clock_answer(&mut socket)).await;
    let took = clock.now().saturating_duration_since(asked);
    socket.close().await;
    match answer {
        Ok(Ok(())) => Ok(format!("open, answers in {} ms", took.as_millis())),
        Ok(Err(why)) => Err(why),
        Err(_) => Err(format!(
            "open, but GetClock was not answered within {:?}",
            settings.request_timeout
        )),
    }
}

async fn clock_answer(socket: &mut Socket) -> Result<(), String> {
    loop {
        match socket.next(true).await {
            Received::Text(text) => match wire::decode(&text) {
                Ok(Frame::Response(response)) if response.request == "1" => {
                    return if response.succeeded() {
                        Ok(())
                    } else {
                        Err(format!("GetClock was refused: {}", response.words()))
                    };
                }
                Ok(Frame::Response(_) | Frame::Notification(_)) | Err(_) => {}
            },
            Received::Other => {}
            Received::Closed { code, detail } => {
                let code = code.map_or_else(|| "no code".to_owned(), |code| code.to_string());
                return Err(format!("opened, then closed with {code}: {detail}"));
            }
        }
    }
}
