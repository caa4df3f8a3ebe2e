//! `connectord check --online`: can the bot be reached? Nothing is asked of it.

use tokio::time::timeout;

use super::{Settings, Transport, protocol::BODY_MAX, webhook, websocket};
use crate::{net::Net, ops::logs::chain};

/// Reaches the bot once; says what came of it.
///
/// # Errors
/// In words, when it cannot be reached.
pub async fn probe(settings: Settings, net: Net) -> Result<String, String> {
    match settings.transport {
        Transport::WebSocket => match Box::pin(websocket::open(net, settings)).await {
            Ok(mut opened) => {
                // Who only looks leaves politely, but does not wait for it.
                let _ = timeout(GOODBYE, opened.socket.close(None)).await;
                Ok(match opened.unnamed {
                    false => "the WebSocket opens".to_owned(),
                    true => "the WebSocket opens, without naming our subprotocol".to_owned(),
                })
            }
            Err(error) => Err(chain(&error).to_string()),
        },
        Transport::Webhook(_) => {
            let request = webhook::probe_request(&settings).map_err(|e| chain(&e).to_string())?;
            let wait = settings.request_timeout;
            match Box::pin(net.http(request, wait, BODY_MAX)).await {
                Ok(response) if !webhook::is_sign_of_life(response.status()) => {
                    Err(format!("the bot's server answers {}", response.status()))
                }
                Ok(response) => Ok(format!("the bot's server answers {}", response.status())),
                Err(error) => Err(chain(&error).to_string()),
            }
        }
    }
}

const GOODBYE: std::time::Duration = std::time::Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bot::testing::{http_bot, webhook_settings};

    #[tokio::test]
    async fn a_server_that_does_not_know_the_method_is_there_and_a_gateway_before_nobody_is_not() {
        for (status, is_there) in
            [(204, true), (405, true), (501, true), (500, false), (502, false)]
        {
            let (net, mut calls) = http_bot();
            let respond = async { calls.recv().await.unwrap().respond(status, "") };
            let (found, ()) = tokio::join!(probe(webhook_settings(), net), respond);
            assert_eq!(found.is_ok(), is_there, "{status}: {found:?}");
        }
    }
}
