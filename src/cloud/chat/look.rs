//! IO: a look whether an agent session can be started, and what the agent is.

use std::time::Duration;

use serde_json::json;

use super::{
    carrier::Way,
    wire::{AgentInfo, Body, Method, Request},
};
use crate::{
    cloud::{Settings, login::Login},
    net::Net,
};

/// Starts an agent session and reads what the agent is. Tells what was found, or what failed, for people.
pub(in crate::cloud) async fn look(
    settings: &Settings,
    net: &Net,
    login: &Login,
) -> Result<String, String> {
    let mut way = Way::new(net.clone(), false);
    way.lead(login);
    let start = format!("/api/account/{}/agentSession", settings.account);
    let body = Some(json!({"loginData": ""}).to_string());
    let session = ask(&way, Method::Post, start, body, settings.request_timeout).await?;
    let href = session.location("agentSessionLocation").ok_or("the answer tells no session")?;
    let body =
        ask(&way, Method::Get, format!("{href}/info"), None, settings.request_timeout).await?;
    let info: AgentInfo = body.member("info");
    let skills: Vec<String> =
        info.skills_info.unwrap_or_default().skill.into_iter().filter_map(|s| s.name).collect();
    let most = match info.max_chats {
        Some(most @ 0..) => most.to_string(),
        Some(_) | None => "any number of".to_owned(),
    };
    let skills = if skills.is_empty() { "none".to_owned() } else { skills.join(", ") };
    Ok(format!("started; {most} chats at once, skills: {skills}"))
}

async fn ask(
    way: &Way,
    method: Method,
    target: String,
    body: Option<String>,
    timeout: Duration,
) -> Result<Body, String> {
    let (answer, _) = way.carry(Request { id: 0, method, target, body, timeout }).await;
    answer.read().map_err(|failure| failure.detail)
}
