//! IO: a walk up to the cloud and back, to see whether everything is as it should be.

use super::{
    Settings, chat,
    domains::{self, Hosts},
    login::{self, Login},
    messaging, report,
};
use crate::{conversation::settings::Kind, net::Net, ops::clock::Clock};

/// One step of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub name: &'static str,
    /// What was found, or what failed and what to do about it; for people, without secrets.
    pub result: Result<String, String>,
}

/// Finds the hosts, logs in, opens what this kind of conversation needs, asks a harmless question, and logs out.
///
/// `tell` hears of each step as it ends. Returns whether all went well; the walk ends at the first step that fails,
/// but never without logging out.
///
/// It sets no state, subscribes to nothing and takes no ring. But a user has one session: a connector that
/// runs with the same user has to log in again after this, and chats that it has go back to their queue.
pub async fn probe(
    kind: Kind,
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
    let (hosts, found) = match find(kind, settings, net).await {
        Ok((hosts, found)) => (hosts, found),
        Err(why) => return step("domains", Err(why)),
    };
    step("domains", Ok(found));
    let (login, who) = match enter(settings, net, &hosts).await {
        Ok(entered) => entered,
        Err(why) => return step("log-in", Err(why)),
    };
    step("log-in", Ok(who));
    let went_well = match kind {
        Kind::Messaging => {
            step("WebSocket", messaging::look(settings, net, clock, &hosts, &login).await)
        }
        Kind::Chat => step("agent session", chat::look(settings, net, &login).await),
    };
    login.log_out(net).await;
    step("log-out", Ok("done".to_owned())) && went_well
}

async fn find(kind: Kind, settings: &Settings, net: &Net) -> Result<(Hosts, String), String> {
    let hosts = domains::resolve(net, settings).await.map_err(|error| report::chain(&error))?;
    let login = hosts.agent_vep().map_err(|error| report::chain(&error))?;
    let found = match kind {
        Kind::Messaging => {
            let socket = hosts.messaging().map_err(|error| report::chain(&error))?;
            format!("log-in at {login}, WebSocket at {socket}")
        }
        Kind::Chat => format!("log-in and chat at {login}"),
    };
    Ok((hosts, found))
}

async fn enter(settings: &Settings, net: &Net, hosts: &Hosts) -> Result<(Login, String), String> {
    let base = hosts.agent_vep().map_err(|error| report::chain(&error))?;
    let login = login::log_in(net, settings, &base).await.map_err(|error| report::chain(&error))?;
    let who = format!("{} is agent {}", login.username, login.user_id);
    Ok((login, who))
}
