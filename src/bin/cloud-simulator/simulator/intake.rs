//! Pure: frames of agents on their way in: parsing, faults, answers.

use super::faults::{Fault, When, names};
use super::options::RepeatedIds;
use super::shape;
use super::ums::{Answer, STRING};
use super::wire::{self, Request};
use super::world::{Part, Received, World};
use serde_json::{Value, json};

/// How many requests are remembered for tests and pages.
const REMEMBERED: usize = 5_000;

impl World {
    /// Takes a frame from a socket: ignores it, or carries the request out and lines up its answer.
    pub(super) fn receive(&mut self, socket: u64, frame: &str) {
        let Some(found) = self.sockets.get_mut(&socket) else {
            return;
        };
        found.received += 1;
        let (agent, login) = (found.agent.clone(), found.login_name.clone());
        self.show_frame(socket, "received", frame);
        let Some(request) = Request::parse(frame) else {
            self.counts.ignored_frames += 1;
            self.parts.insert(Part::Counts);
            return;
        };
        let record = Received {
            time: self.now,
            socket,
            agent: login.clone(),
            id: request.id.clone(),
            kind: request.kind.clone(),
            body: request.body.clone(),
            metadata: request.metadata.clone(),
            answered: None,
        };
        let name = record.name().to_owned();
        *self.counts.requests.entry(name.clone()).or_default() += 1;
        self.parts.insert(Part::Counts);
        let code = self.serve(socket, &agent, &login, &name, &request);
        if self.requests.len() == REMEMBERED {
            self.requests.pop_front();
        }
        self.requests.push_back(Received { answered: code, ..record });
    }

    /// Carries a request out under the faults in force; the code of the answer that was sent.
    fn serve(
        &mut self,
        socket: u64,
        agent: &str,
        login: &str,
        name: &str,
        request: &Request,
    ) -> Option<u16> {
        let closing = self.faults.closing_at(login, name);
        if let Some((When::BeforeHandling, code)) = closing {
            self.close_socket(socket, code);
            return None;
        }
        let forced = self.faults.take(login, |fault| {
            let Fault::Answer { request, code, body, handled } = fault else {
                return None;
            };
            names(request.as_ref(), name).then(|| (*code, body.clone(), *handled))
        });
        let ignored = self.faults.take(login, |fault| {
            let Fault::Ignore { request, handled } = fault else {
                return None;
            };
            names(request.as_ref(), name).then_some(*handled)
        });
        let late = self.faults.take(login, |fault| {
            let Fault::Slow { request, milliseconds } = fault else {
                return None;
            };
            names(request.as_ref(), name).then_some(*milliseconds)
        });
        let first = self.faults.take(login, |fault| {
            let Fault::NotificationsFirst { request } = fault else {
                return None;
            };
            names(request.as_ref(), name).then_some(())
        });
        let carried_out = forced.as_ref().is_none_or(|(_, _, handled)| *handled)
            && ignored.is_none_or(|handled| handled);
        let mut answer =
            if carried_out { self.once(socket, agent, login, request) } else { Value::Null };
        if let Some((code, body, _)) = forced {
            let body = body.unwrap_or_else(|| json!("Simulated failure"));
            answer = wire::response(&request.id, code, STRING, &body);
        }
        if first.is_some() {
            self.settle();
        }
        if ignored.is_some() {
            return None;
        }
        if let Some((When::BeforeAnswer, code)) = closing {
            self.close_socket(socket, code);
            return None;
        }
        self.answer(socket, &answer, late.unwrap_or(0));
        if let Some((When::AfterAnswer, code)) = closing {
            self.close_socket(socket, code);
        }
        answer["code"].as_u64().and_then(|code| u16::try_from(code).ok())
    }

    /// Carries a request out, or repeats the first answer to its id if the options say so.
    fn once(&mut self, socket: u64, agent: &str, login: &str, request: &Request) -> Value {
        if self.options.repeated_request_ids == RepeatedIds::Once
            && let Some(answer) =
                self.sockets.get(&socket).and_then(|one| one.answered.get(&request.id))
        {
            return answer.clone();
        }
        let answer = match self.dispatch(socket, agent, request) {
            Ok(Answer(code, kind, mut body)) => {
                if kind == ".ams.ms.QueryMessages$Response" {
                    self.bend(login, &mut body);
                    if self.options.strip_metadata.in_histories() {
                        shape::strip_metadata(&mut body);
                    }
                }
                wire::response(&request.id, code, kind, &body)
            }
            Err((code, text)) => wire::response(&request.id, code, STRING, &json!(text)),
        };
        if self.options.repeated_request_ids == RepeatedIds::Once
            && let Some(socket) = self.sockets.get_mut(&socket)
        {
            if socket.answered.len() == REMEMBERED {
                socket.answered.pop_first();
            }
            socket.answered.insert(request.id.clone(), answer.clone());
        }
        answer
    }
}
