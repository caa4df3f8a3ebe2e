//! Many consumers who talk all the time, and what has to be in their dialogs afterwards.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use serde_json::json;

use super::{Cloud, until};

/// Consumers who start conversations, say something now and then, wait for the answers, and start anew.
pub(crate) struct Crowd {
    cloud: Arc<Cloud>,
    stop: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    consumers: Vec<JoinHandle<Talks>>,
}

/// How they talk.
#[derive(Clone)]
pub(crate) struct Manner {
    pub(crate) consumers: usize,
    /// Between two messages of one of them, ms.
    pub(crate) pause: Range<u64>,
    /// Messages in a conversation.
    pub(crate) messages: Range<usize>,
    /// Whether one conversation in six is left open for good.
    pub(crate) leaves_some_open: bool,
}

/// What was said and answered.
#[derive(Debug, Default)]
pub(crate) struct Talks {
    pub(crate) conversations: usize,
    pub(crate) messages: usize,
    /// Looked at once more in the end: nothing may have come late.
    open: Vec<String>,
}

impl Crowd {
    /// They begin.
    pub(crate) fn talks(cloud: &Arc<Cloud>, seed: u64, manner: &Manner) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (stop, said) = (Arc::default(), Arc::default());
        let consumers = (0..manner.consumers).map(|number| {
            let consumer = Consumer {
                number,
                cloud: Arc::clone(cloud),
                stop: Arc::clone(&stop),
                said: Arc::clone(&said),
                manner: manner.clone(),
                rng: rng.fork(),
            };
            thread::spawn(move || consumer.talk())
        });
        let consumers = consumers.collect();
        Self { cloud: Arc::clone(cloud), stop, said, consumers }
    }

    /// How much they have said so far.
    pub(crate) fn said(&self) -> usize {
        self.said.load(Ordering::Relaxed)
    }

    /// Waits until they have said so much more.
    pub(crate) fn goes_on_talking(&self, messages: usize) {
        let before = self.said();
        until("consumers have gone on talking", || match self.said() - before {
            said if said >= messages => Ok(()),
            said => Err(format!("{said} messages of {messages}")),
        });
    }

    /// Whether all of them still talk; one who was not answered rightly has panicked.
    pub(crate) fn is_content(&self) -> bool {
        let gone = self.consumers.iter().any(JoinHandle::is_finished);
        !gone || self.stop.load(Ordering::Relaxed)
    }

    /// They say nothing more; each waits for the answers to what it has said.
    pub(crate) fn falls_silent(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits until everything was answered, once and in order.
    pub(crate) fn was_answered(self) -> Talks {
        self.falls_silent();
        let mut all = Talks::default();
        for consumer in self.consumers {
            let talks = consumer.join().unwrap_or_else(|why| std::panic::resume_unwind(why));
            all.conversations += talks.conversations;
            all.messages += talks.messages;
            all.open.extend(talks.open);
        }
        for conversation in &all.open {
            let lines = self.cloud.lines(conversation);
            assert_eq!(judge(&lines), Ok(None), "{conversation}: {lines:#?}");
        }
        all
    }
}

struct Consumer {
    number: usize,
    cloud: Arc<Cloud>,
    stop: Arc<AtomicBool>,
    said: Arc<AtomicUsize>,
    manner: Manner,
    rng: fastrand::Rng,
}

impl Consumer {
    fn talk(mut self) -> Talks {
        let mut talks = Talks::default();
        while !self.stop.load(Ordering::Relaxed) {
            let first = self.word(&mut talks);
            let conversation = self.cloud.consumer_starts(&first);
            talks.conversations += 1;
            for _ in 1..self.rng.usize(self.manner.messages.clone()) {
                thread::sleep(Duration::from_millis(self.rng.u64(self.manner.pause.clone())));
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
                let word = self.word(&mut talks);
                self.cloud.consumer_says(&conversation, &word);
            }
            self.is_answered(&conversation);
            if self.manner.leaves_some_open && self.rng.u8(..6) == 0 {
                talks.open.push(conversation);
            } else {
                let path = format!("conversations/{conversation}/consumer/close");
                self.cloud.post(&path, &json!({}));
            }
        }
        talks
    }

    /// No word is said twice in the whole world.
    fn word(&self, talks: &mut Talks) -> String {
        talks.messages += 1;
        self.said.fetch_add(1, Ordering::Relaxed);
        format!("{}w{}", self.number, talks.messages)
    }

    fn is_answered(&self, conversation: &str) {
        let name = format!("everything in {conversation} is answered");
        until(&name, || {
            // One look costs a request; all of them together are not to be the load.
            thread::sleep(Duration::from_millis(50));
            let lines = self.cloud.lines(conversation);
            match judge(&lines) {
                Ok(None) => Ok(()),
                Ok(Some(missing)) => Err(format!("{missing}: {lines:#?}")),
                Err(wrong) => panic!("{conversation}: {wrong}: {lines:#?}"),
            }
        });
    }
}

/// The pieces of the answer to a text: each names the text, its number and how many there are.
pub(crate) fn pieces(text: &str, count: usize) -> Vec<String> {
    (1..=count).map(|index| format!("{text} #{index}/{count}")).collect()
}

/// Reads a dialog whose answers are made by [`pieces`]: what is still missing in it, or what is wrong for ever.
pub(crate) fn judge(lines: &[String]) -> Result<Option<String>, String> {
    let (mut said, mut answered) = (Vec::new(), 0);
    // The piece that has to come next: its text, number and count.
    let mut next: Option<(&str, usize, usize)> = None;
    for line in lines {
        if let Some(word) = line.strip_prefix("consumer: ") {
            said.push(word);
            continue;
        }
        let piece = line.strip_prefix("agent: ").and_then(piece);
        let (text, index, count) = piece.ok_or_else(|| format!("nobody has said {line:?}"))?;
        match next {
            Some(wanted) if wanted == (text, index, count) => {}
            Some(wanted) => return Err(format!("{line:?} instead of {wanted:?}")),
            None if index != 1 => return Err(format!("{line:?} has no beginning, or is repeated")),
            None => {
                for word in text.split(' ') {
                    if said.get(answered) != Some(&word) {
                        return Err(format!("{line:?} answers {word:?} out of turn"));
                    }
                    answered += 1;
                }
            }
        }
        next = (index < count).then_some((text, index + 1, count));
    }
    Ok(match (next, said.get(answered)) {
        (Some(piece), _) => Some(format!("{piece:?} is missing")),
        (None, Some(word)) => Some(format!("{word:?} is not answered")),
        (None, None) => None,
    })
}

/// The text, number and count of a piece.
pub(crate) fn piece(line: &str) -> Option<(&str, usize, usize)> {
    let (text, place) = line.rsplit_once(" #")?;
    let (index, count) = place.split_once('/')?;
    Some((text, index.parse().ok()?, count.parse().ok()?))
}

#[test]
fn the_judge_sees_what_is_missing_repeated_and_out_of_order() {
    let judge =
        |lines: &[&str]| judge(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
    let good = ["consumer: a", "agent: a #1/2", "consumer: b", "consumer: c", "agent: a #2/2"];
    assert!(judge(&good).unwrap().unwrap().contains("\"b\" is not answered"));
    assert!(judge(&good[..2]).unwrap().unwrap().contains("missing"));
    assert_eq!(judge(&[&good[..], &["agent: b c #1/1"]].concat()), Ok(None));
    for wrong in [
        &["consumer: a", "agent: a #1/1", "agent: a #1/1"][..],
        &["consumer: a", "agent: a #1/2", "agent: a #1/2"],
        &["consumer: a", "agent: a #2/2"],
        &["consumer: a", "agent: a #1/1", "agent: a #2/2"],
        &["consumer: a", "consumer: b", "agent: b #1/1"],
        &["consumer: a", "agent: hello"],
        &["agent: a #1/1", "consumer: a"],
    ] {
        assert!(judge(wrong).is_err(), "{wrong:?}");
    }
}
