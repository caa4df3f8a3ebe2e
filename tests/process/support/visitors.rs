//! Many visitors of live chat, and what has to be in their chats while the connector is ended again and again.
//!
//! A chat carries no marks, so position tells a restarted process what was answered. What can be promised then, and is
//! judged here: no line of an answer is said twice, answers come in the order of what they answer, and whatever is
//! missing was cut off by an end of the process, or has something of the agent behind it that a new process may take for
//! its answer. Where no process ended since a line was said, it is answered whole.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Cloud, piece};

/// Visitors who come, say something now and then, wait for the answers, go, and come again.
pub(crate) struct Visitors {
    cloud: Arc<Cloud>,
    shared: Arc<Shared>,
    visitors: Vec<JoinHandle<Chats>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    /// How often the connector has ended.
    ends: AtomicUsize,
    said: AtomicUsize,
}

/// What was said and answered.
#[derive(Debug, Default)]
pub(crate) struct Chats {
    pub(crate) chats: usize,
    pub(crate) lines: usize,
    pub(crate) whole: usize,
    /// The end of the process was in the way: of these answers something is missing, or all.
    pub(crate) cut: usize,
    /// The chat ended first, as it does when the connector logs out.
    pub(crate) left: usize,
    over: Vec<Visit>,
}

/// A chat, and how often the connector had ended when each of its lines was said.
#[derive(Debug, Default)]
struct Visit {
    chat: String,
    said: BTreeMap<String, usize>,
}

impl Visitors {
    /// They begin.
    pub(crate) fn come(cloud: &Arc<Cloud>, seed: u64, count: usize) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let shared: Arc<Shared> = Arc::default();
        let visitors = (0..count).map(|number| {
            let visitor = Visitor {
                number,
                cloud: Arc::clone(cloud),
                shared: Arc::clone(&shared),
                rng: rng.fork(),
                words: 0,
            };
            thread::spawn(move || visitor.visit())
        });
        let visitors = visitors.collect();
        Self { cloud: Arc::clone(cloud), shared, visitors }
    }

    /// The connector has ended.
    pub(crate) fn notice_end(&self) {
        self.shared.ends.fetch_add(1, Ordering::SeqCst);
    }

    /// How much they have said so far.
    pub(crate) fn said(&self) -> usize {
        self.shared.said.load(Ordering::Relaxed)
    }

    /// Whether none of them has given up.
    pub(crate) fn are_content(&self) -> bool {
        !self.visitors.iter().any(JoinHandle::is_finished)
    }

    /// Waits until they have what they can have, and judges it.
    pub(crate) fn are_served(self) -> Chats {
        self.shared.stop.store(true, Ordering::SeqCst);
        let mut all = Chats::default();
        for visitor in self.visitors {
            let chats = visitor.join().unwrap_or_else(|why| std::panic::resume_unwind(why));
            all.over.extend(chats.over);
        }
        let ends = self.shared.ends.load(Ordering::SeqCst);
        for visit in std::mem::take(&mut all.over) {
            let (chat, lines) = self.cloud.chat(&visit.chat);
            let judged = judge(&lines, chat["end"] == "sessionLost", &visit.said, ends);
            let judged = judged.unwrap_or_else(|wrong| panic!("{wrong}: {visit:#?} {chat:#}"));
            all.chats += 1;
            all.lines += visit.said.len();
            all.whole += judged.whole;
            all.cut += judged.cut;
            all.left += judged.left;
        }
        all
    }
}

struct Visitor {
    number: usize,
    cloud: Arc<Cloud>,
    shared: Arc<Shared>,
    rng: fastrand::Rng,
    words: usize,
}

impl Visitor {
    fn visit(mut self) -> Chats {
        let mut chats = Chats::default();
        while !self.is_over() {
            let mut visit = Visit::default();
            let first = self.word(&mut visit);
            visit.chat = self.cloud.visitor_comes(&first);
            let mut newest = first;
            for _ in 1..self.rng.usize(2..6) {
                thread::sleep(Duration::from_millis(self.rng.u64(100..1_500)));
                if !self.is_over() {
                    newest = self.says(&mut visit).unwrap_or(newest);
                }
            }
            // An end may cut the last answer off: then it is asked for again.
            while !self.is_answered(&visit.chat, &newest) {
                newest = self.says(&mut visit).unwrap_or(newest);
            }
            self.cloud.tries(&format!("chats/{}/visitor/end", visit.chat), &json!({}));
            chats.over.push(visit);
        }
        chats
    }

    fn is_over(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    /// None if the chat is over.
    fn says(&mut self, visit: &mut Visit) -> Option<String> {
        let word = self.word(visit);
        let path = format!("chats/{}/visitor/say", visit.chat);
        if self.cloud.tries(&path, &json!({ "text": word })) {
            return Some(word);
        }
        visit.said.remove(&word);
        None
    }

    /// No word is said twice in the whole world.
    fn word(&mut self, visit: &mut Visit) -> String {
        self.words += 1;
        self.shared.said.fetch_add(1, Ordering::Relaxed);
        let word = format!("{}w{}", self.number, self.words);
        visit.said.insert(word.clone(), self.shared.ends.load(Ordering::SeqCst));
        word
    }

    /// Whether it was answered whole, or the chat is over; false after a good while in which the process has ended.
    fn is_answered(&self, chat: &str, word: &str) -> bool {
        let (begun, ends) = (now(), self.shared.ends.load(Ordering::SeqCst));
        loop {
            thread::sleep(Duration::from_millis(150));
            let (found, lines) = self.cloud.chat(chat);
            let mut pieces = lines.iter().filter_map(|line| piece(line.strip_prefix("agent: ")?));
            if pieces.any(|(text, index, count)| text == word && index == count) {
                return true;
            }
            if found["state"] == "ended" {
                return true;
            }
            let waited = now().duration_since(begun);
            if waited > PATIENCE && self.shared.ends.load(Ordering::SeqCst) > ends {
                return false;
            }
            assert!(waited < LONGEST, "{word:?} is not answered: {found:#}");
        }
    }
}

/// What became of the lines of a chat.
#[derive(Debug, Default, PartialEq, Eq)]
struct Judged {
    whole: usize,
    cut: usize,
    left: usize,
}

/// Reads a chat whose answers are made by [`super::pieces`]. `said`: how often the connector had ended when each line
/// was said; `ends`: how often it has by now.
fn judge(
    lines: &[String],
    was_left: bool,
    said: &BTreeMap<String, usize>,
    ends: usize,
) -> Result<Judged, String> {
    let mut order = Vec::new();
    let mut answers: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let mut newest = 0;
    for line in lines {
        if let Some(word) = line.strip_prefix("consumer: ") {
            order.push(word);
            continue;
        }
        let found = line.strip_prefix("agent: ").and_then(piece);
        let (word, index, count) = found.ok_or_else(|| format!("nobody has said {line:?}"))?;
        let place = order.iter().position(|said| *said == word);
        let place = place.ok_or_else(|| format!("{line:?} answers what was not said"))?;
        if place < newest {
            return Err(format!("{line:?} comes too late"));
        }
        newest = place;
        let have = answers.entry(word).or_default();
        if have.last().is_some_and(|(last, _)| *last >= index) {
            return Err(format!("{line:?} is said again"));
        }
        have.push((index, count));
    }
    let mut judged = Judged::default();
    for word in &order {
        let have = answers.get(word).map(Vec::as_slice).unwrap_or_default();
        let is_whole = have.first().is_some_and(|(_, count)| have.len() == *count);
        let has_ended = said.get(*word).is_some_and(|then| *then < ends);
        if is_whole {
            judged.whole += 1;
        } else if was_left {
            judged.left += 1;
        } else if has_ended && (!have.is_empty() || is_behind(lines, word)) {
            judged.cut += 1;
        } else {
            return Err(format!("{word:?} is not answered"));
        }
    }
    Ok(judged)
}

/// Whether the agent has said something behind this line of the visitor.
fn is_behind(lines: &[String], word: &str) -> bool {
    let after = lines.iter().skip_while(|line| line.strip_prefix("consumer: ") != Some(word));
    after.into_iter().any(|line| line.starts_with("agent: "))
}

#[expect(clippy::disallowed_methods, reason = "how long a real program takes")]
fn now() -> Instant {
    Instant::now()
}

/// After this, an answer that an end has cut off will not come any more.
const PATIENCE: Duration = Duration::from_secs(8);
/// Nothing takes longer.
const LONGEST: Duration = Duration::from_secs(90);

#[test]
fn the_judge_of_chats_sees_what_is_missing_repeated_and_out_of_order() {
    let judge = |lines: &[&str], ends| {
        let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        let said = [("a", 0), ("b", 1)].map(|(word, ends)| (word.to_owned(), ends)).into();
        judge(&lines, false, &said, ends)
    };
    let cut = ["consumer: a", "agent: a #1/2", "consumer: b", "agent: b #1/1"];
    assert_eq!(judge(&cut, 1), Ok(Judged { whole: 1, cut: 1, left: 0 }));
    assert!(judge(&cut, 0).is_err(), "no process has ended");
    let taken = ["consumer: a", "consumer: b", "agent: b #1/1"];
    assert_eq!(judge(&taken, 1), Ok(Judged { whole: 1, cut: 1, left: 0 }));
    for wrong in [
        &["consumer: a", "agent: a #1/1", "agent: a #1/1"][..],
        &["consumer: a", "agent: a #1/2", "agent: a #2/2", "agent: a #2/2"],
        &["consumer: a", "consumer: b", "agent: b #1/1", "agent: a #1/1"],
        &["consumer: a", "agent: hello"],
        &["consumer: a"],
        &["agent: a #1/1", "consumer: a"],
    ] {
        assert!(judge(wrong, 5).is_err(), "{wrong:?}");
    }
}
