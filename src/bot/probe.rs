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
                Ok(response) if response.status().is_server_error() => {
                    Err(format!("the bot's server answers {}", response.status()))
                }
                Ok(response) => Ok(format!("the bot's server answers {}", response.status())),
                Err(error) => Err(chain(&error).to_string()),
            }
        }
    }
}

const GOODBYE: std::time::Duration = std::time::Duration::from_secs(1);
