//! Everything at once, by the dice: whatever breaks, every consumer message is answered once.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::{
    simulator::{Fault, Mode, When},
    support::{AGENT, World, after, story},
};

/// How many worlds are tried. A failure names its seed; `world_of` plays that one again.
const SEEDS: u64 = 16;

/// No escalation: everything has to be answered by the bot in the end.
const SETTINGS: &str = "[connector]\nfallback_skill_id = \"\"\n\
                        [custom]\nfallbackEscalationTime = 0\nmaxConsumerMessageDelay = 600";

#[tokio::test(start_paused = true)]
async fn whatever_breaks_every_message_is_answered_once_and_no_word_is_said_twice() {
    for seed in 0..SEEDS {
        world_of(seed).await;
    }
}

async fn world_of(seed: u64) {
    story(async {
        let mut rng = Rng::with_seed(seed);
        let mut world = World::new();
        world.bot.echoes("");
        world.start(SETTINGS).await;
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut log = Vec::new();
        for step in 0..40 {
            let word = format!("w{step}");
            match rng.u32(..10) {
                0 | 1 if said.len() < 4 => {
                    said.insert(world.consumer_starts(&word), vec![word.clone()]);
                    log.push(format!("starts {word}"));
                }
                0..=5 if !said.is_empty() => {
                    let index = rng.usize(..said.len());
                    let (talk, words) = said.iter_mut().nth(index).unwrap();
                    world.cloud.consumer(talk).says(&word).unwrap();
                    words.push(word.clone());
                    log.push(format!("says {word}"));
                }
                6 => {
                    world.kill().await;
                    world.start(SETTINGS).await;
                    log.push("restart".to_owned());
                }
                7 => {
                    world.bot.goes_down();
                    after(rng.f64() * 20.0).await;
                    world.bot.comes_up();
                    log.push("bot away".to_owned());
                }
                8 => {
                    let code = rng.choice([1000, 1006, 1011, 4401]).unwrap();
                    world.cloud.close_sockets(Some(AGENT), code, "");
                    log.push(format!("closes {code}"));
                }
                _ => {
                    let fault = fault(&mut rng);
                    log.push(format!("{fault:?}"));
                    world.cloud.inject(fault.times(1 + rng.u32(..3)));
                }
            }
            after(rng.f64() * rng.f64() * 8.0).await;
        }
        world.cloud.clear_faults();
        after(900.0).await;
        for (talk, words) in &said {
            let own: Vec<String> = world
                .said(talk)
                .iter()
                .flat_map(|one| {
                    one.text().unwrap().split(' ').map(str::to_owned).collect::<Vec<_>>()
                })
                .collect();
            let mut answered = own.clone();
            // A greeting may have been answered too.
            answered.retain(|word| word != "hi");
            answered.sort();
            let mut wanted = words.clone();
            wanted.sort();
            assert_eq!(answered, wanted, "seed {seed}: {log:#?}\n{:#?}", world.cloud.lines(talk));
        }
    })
    .await;
}

fn fault(rng: &mut Rng) -> Fault {
    let publish = || Some("PublishEvent".to_owned());
    let notifications = |mode, milliseconds| Fault::Notifications {
        mode,
        milliseconds,
        notification: None,
        conversation: None,
    };
    match rng.u32(..9) {
        0 => Fault::Ignore { request: publish(), handled: true },
        1 => Fault::Ignore { request: publish(), handled: false },
        2 => Fault::Answer { request: None, code: 429, body: None, handled: false },
        3 => Fault::Answer { request: publish(), code: 500, body: None, handled: rng.bool() },
        4 => Fault::CloseAtRequest {
            request: None,
            nth: 1 + rng.u32(..3),
            when: rng
                .choice([When::BeforeHandling, When::BeforeAnswer, When::AfterAnswer])
                .unwrap(),
            code: 1006,
        },
        5 => notifications(Mode::Duplicate, None),
        6 => notifications(Mode::Delay, Some(1 + rng.u64(..1_500))),
        7 => notifications(Mode::Reorder, Some(500)),
        _ => Fault::Slow { request: None, milliseconds: rng.u64(..5_000) },
    }
}
