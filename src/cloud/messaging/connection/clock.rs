//! Pure: questions about the server's time. They tell the skew of the clocks, they are signs of life, and put behind a
//! list they tell that all of it has come.

use std::time::Instant;

use serde_json::json;

use super::Connection;
use crate::{
    cloud::{
        Skew, lenient,
        messaging::{
            Output,
            purpose::{Behind, Purpose},
            wire::{Method, Request, Response},
        },
    },
    conversation::Timestamp,
};

impl Connection {
    pub(super) fn question_is_over(
        &mut self,
        behind: Behind,
        answered: bool,
        now: Instant,
        out: &mut Vec<Output>,
    ) {
        match behind {
            Behind::Nothing => {}
            Behind::FirstList => {
                self.arrival.list_is_in(out);
            }
            Behind::Look => self.look_is_in(answered, now, out),
        }
    }

    pub(super) fn learn_skew(&mut self, response: &Response<'_>, sent: Timestamp, wall: Timestamp) {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Clock {
            #[serde(default, deserialize_with = "lenient::integer")]
            current_time: Option<i64>,
        }
        let time = response
            .body
            .and_then(|body| serde_json::from_str::<Clock>(body.get()).ok())
            .and_then(|clock| clock.current_time);
        if let Some(time) = time {
            // The server looked at its clock about halfway between question and answer.
            let halfway = sent.0.saturating_add(wall.millis_since(sent) / 2);
            self.skew = Some(Skew { millis: time.saturating_sub(halfway) });
        }
    }

    pub(super) fn ask_clock(
        &mut self,
        behind: Behind,
        now: Instant,
        wall: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let purpose = Purpose::Clock { sent: wall, behind };
        let request = Request::new(Method::GetClock, &json!({}));
        out.push(Output::Send(self.requests.send_at_once(request, purpose, now)));
    }
}
