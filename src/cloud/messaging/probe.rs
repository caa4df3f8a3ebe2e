//! IO: a walk up to the cloud and back, to see whether everything is as it should be.

use hyper::Uri;
use serde_json::json;

use super::{
    connection::Received,
    line,
    socket::Socket,
    wire::{self, Frame, Method, Request},
};
use crate::{
    cloud::{
        Settings,
        domains::{self, Hosts},
        login::{self, Login},
        report,
    },
    net::Net,
    ops::clock::Clock,
};

/// One step of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// What was found, or what failed and what to do about it; for people, without secrets.
    pub result: Result<String, String>,
}

/// Finds the hosts, logs in, opens the WebSocket, asks for the time, and logs out.
///
/// `tell` hears of each step as it ends. Returns whether all went well; the walk ends at the first step that fails,
/// but never without logging out.
///
/// It sets no state, subscribes to nothing and takes no ring. But a user has one session: a connector that
/// runs with the same user has to log in again after this.
pub async fn probe(
    settings: &Settings,
    net: &Net,
    clock: &Clock,
    mut tell: impl FnMut(Step),
) -> bool {
    let mut step = |name, result: Result<String, String>| {
        let went_well = result.is_ok();
        tell(Step { name, result });
        went_well
    };
    let (hosts, found) = match find(settings, net).await {
        Ok((hosts, found)) => (hosts, found),
        Err(why) => return step("domains", Err(why)),
    };
    step("domains", Ok(found));
    let (login, who) = match enter(settings, net, &hosts).await {
        Ok(entered) => entered,
        Err(why) => return step("log-in", Err(why)),
    };
    step("log-in", Ok(who));
    let socket = look(settings, net, clock, &hosts, &login).await;
    let went_well = step("WebSocket", socket);
    login.log_out(net).await;
    step("log-out", Ok("done".to_owned())) && went_well
}

async fn find(settings: &Settings, net: &Net) -> Result<(Hosts, String), String> {
    let hosts = domains::resolve(net, settings).await.map_err(|error| report::chain(&error))?;
    let login = hosts.agent_vep().map_err(|error| report::chain(&error))?;
    let socket = hosts.messaging().map_err(|error| report::chain(&error))?;
    let found = format!("log-in at {login}, WebSocket at {socket}");
    Ok((hosts, found))
}

async fn enter(settings: &Settings, net: &Net, hosts: &Hosts) -> Result<(Login, String), String> {
    let base = hosts.agent_vep().map_err(|error| report::chain(&error))?;
    let login = login::log_in(net, settings, &base).await.map_err(|error| report::chain(&error))?;
    let who = format!("{} is agent {}", login.username, login.user_id);
    Ok((login, who))
}

async fn look(
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
