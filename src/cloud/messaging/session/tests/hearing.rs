//! Looks: is everything told that should be?

use super::*;

/// Longer than the longest time between two looks.
const A_LOOK: Duration = Duration::from_secs(67);

#[test]
fn once_a_minute_it_subscribes_anew_asks_for_the_time_and_ends_what_it_began() {
    let mut world = World::listening();
    let start = world.now;
    world.until_look();
    let waited = world.now - start;
    assert!((secs(53)..=secs(66)).contains(&waited), "{waited:?}");
    let look = world.find("SubscribeExConversations")["body"].clone();
    assert_eq!(look["agentIds"], json!([ME]));
    let since = look["minLastUpdatedTime"].as_i64().unwrap();
    let expected = world.wall - i64::try_from(waited.as_millis()).unwrap() - 120_000;
    assert!((since - expected).abs() < 2_000, "{since} is not about {expected}");
    let first = world.wall;
    world.answers_look(&[], &[]);
    assert_eq!(world.ended(), ["look-c", "look-r"]);
    assert_eq!(world.told(), [""; 0]);
    world.until_look();
    let look = world.find("SubscribeExConversations")["body"].clone();
    let since = look["minLastUpdatedTime"].as_i64().unwrap();
    let expected = first - 120_000;
    assert!((since - expected).abs() < 2_000, "{since} is not about {expected}");
}

#[test]
fn every_tenth_look_lists_all() {
    let mut world = World::listening();
    let mut full = Vec::new();
    for n in 1..=20 {
        world.until_look();
        if world.find("SubscribeExConversations")["body"].get("minLastUpdatedTime").is_none() {
            full.push(n);
        }
        world.answers_look(&[], &[]);
        world.ended();
    }
    assert_eq!(full, [10, 20]);
    assert_eq!(world.told(), [""; 0]);
}

#[test]
fn a_manager_is_not_asked_for_rings() {
    let mut world = World::with(Settings { manager: true, ..settings() });
    world.step(Input::Start);
    world.comes_up_listening();
    world.until_look();
    assert!(!world.sent_methods().contains(&"SubscribeRoutingTasks".to_owned()));
}

#[test]
fn what_only_the_look_tells_is_told_and_counted() {
    let mut world = World::listening();
    world.until_look();
    world.answers_look(&["conv-1"], &["ring-1"]);
    assert_eq!(world.told(), ["conversation conv-1", "ring conv-9"], "at once");
    world.live(secs(3));
    assert_eq!(world.told(), ["missed Conversation", "missed Ring"]);
}

#[test]
fn what_is_told_by_itself_within_two_seconds_was_not_missed() {
    let mut world = World::listening();
    world.until_look();
    world.answers_look(&["conv-1"], &["ring-1"]);
    world.live(ms(1_900));
    world.frame(&conversations("s-c", &["conv-1"]));
    world.frame(&rings("s-r", &["ring-1"]));
    world.live(secs(5));
    assert!(!world.told().iter().any(|told| told.starts_with("missed")));
}

#[test]
fn what_was_known_before_is_no_miss() {
    let mut world = World::listening();
    world.frame(&conversations("s-c", &["conv-1"]));
    world.frame(&rings("s-r", &["ring-1"]));
    world.until_look();
    world.answers_look(&["conv-1"], &["ring-1"]);
    world.live(secs(5));
    assert!(!world.told().iter().any(|told| told.starts_with("missed")));
}

#[test]
fn a_list_that_overtakes_the_answer_is_the_looks_all_the_same() {
    let mut world = World::listening();
    world.until_look();
    world.frame(&conversations("look-c", &["conv-1"]));
    world.answers_look(&[], &[]);
    world.live(secs(3));
    assert_eq!(world.told(), ["conversation conv-1", "missed Conversation"]);
}

#[test]
fn a_full_list_without_a_conversation_says_that_it_was_left() {
    let mut world = World::listening();
    world.frame(&conversations("s-c", &["stays", "goes", "is told of meanwhile"]));
    for _ in 1..10 {
        world.until_look();
        world.answers_look(&[], &[]);
        world.live(secs(3));
    }
    world.take_events();
    world.until_look();
    world.frame(&conversations("s-c", &["is told of meanwhile"]));
    world.answers_look(&["stays"], &[]);
    world.live(secs(3));
    let told = world.told();
    let told: Vec<_> = told.iter().filter(|told| !told.starts_with("conversation")).collect();
    assert_eq!(told, ["gone Moved", "missed Gone"]);
    let gone = |event: &Event| matches!(event, Event::Gone { id, .. } if id.as_str() == "goes");
    assert!(world.past.iter().any(gone));
}

#[test]
fn a_full_list_that_was_cut_says_nothing_of_the_others() {
    let mut world = World::listening();
    world.frame(&conversations("s-c", &["old"]));
    for _ in 1..10 {
        world.until_look();
        world.answers_look(&[], &[]);
        world.live(secs(3));
    }
    world.take_events();
    world.until_look();
    let many: Vec<String> = (0..1_000).map(|n| format!("conv-{n}")).collect();
    world.answers_look(&many.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    world.live(secs(3));
    assert!(!world.told().contains(&"gone Moved".to_owned()));
}

#[test]
fn a_socket_on_which_no_list_comes_any_more_is_deaf_and_another_one_is_opened_at_once() {
    for heard_before in [0, 3] {
        let mut world = World::listening();
        for _ in 0..heard_before {
            world.until_look();
            world.answers_look(&[], &[]);
            world.live(secs(3));
        }
        world.until_look();
        world.subscribes_look();
        world.deeds();
        world.live(secs(8));
        assert_eq!(world.deeds(), ["disconnect", "connect"], "with the same token");
        assert!(world.phases.contains(&waiting("deaf")));
        assert!(world.error().contains("does not tell"), "{}", world.error());
    }
}

#[test]
fn one_list_that_does_not_come_is_enough_unless_its_kind_is_told_by_itself() {
    for (told, deaf) in [(None, true), (Some(rings("s-r", &["ring-1"])), false)] {
        let mut world = World::listening();
        world.until_look();
        world.subscribes_look();
        world.frame(&conversations("look-c", &[]));
        told.iter().for_each(|told| world.frame(told));
        world.deeds();
        world.live(secs(8));
        assert_eq!(!world.deeds().is_empty(), deaf);
    }
}

#[test]
fn a_list_that_the_cloud_never_tells_is_not_waited_for() {
    // Neither rings nor an empty list of conversations were told when the connection began.
    let mut world = World::new();
    world.step(Input::Start);
    world.reach_socket();
    world.subscribes_first();
    world.frame(&conversations("s-c", &["conv-1"]));
    world.answer_clocks();
    world.deeds();
    for _ in 0..5 {
        world.until_look();
        world.subscribes_look();
        world.live(secs(8));
    }
    assert!(!world.deeds().contains(&"connect".to_owned()));
}

#[test]
fn at_most_one_socket_in_ten_minutes_is_given_up_for_its_silence() {
    let mut world = World::listening();
    world.until_look();
    world.answers_look(&[], &[]);
    let lost = world.sockets_lost_to_silence();
    assert!((5..=7).contains(&lost), "{lost} in an hour");
}

#[test]
fn a_cloud_that_never_tells_a_second_list_is_believed_after_two_sockets() {
    assert_eq!(World::listening().sockets_lost_to_silence(), 2);
}

#[test]
fn a_look_that_is_refused_proves_nothing_and_after_three_there_are_no_more() {
    let mut world = World::listening();
    for _ in 0..3 {
        world.until_look();
        world.answer("SubscribeExConversations", 400, json!("no"));
        world.answer("SubscribeRoutingTasks", 500, json!("no"));
        world.live(secs(20));
    }
    let told = world.told();
    let refused = told.iter().filter(|told| told.contains("made as a check, was refused")).count();
    assert_eq!(refused, 6, "{told:?}");
    assert!(told.last().unwrap().contains("again and again"), "{told:?}");
    world.live(secs(600));
    assert_eq!(world.sent_methods(), [""; 0]);
    assert!(world.is_up());
}

#[test]
fn a_look_that_is_not_answered_is_counted_and_the_next_one_may_be() {
    let mut world = World::listening();
    world.until_look();
    world.live(secs(30));
    assert_eq!(world.told().len(), 2);
    world.sent.clear();
    world.until_look();
    world.answers_look(&["conv-1"], &[]);
    world.live(secs(3));
    assert_eq!(world.told(), ["conversation conv-1", "missed Conversation"]);
}

#[test]
fn a_question_that_is_not_answered_says_nothing_of_the_lists_before_it() {
    let mut world = World::listening();
    world.until_look();
    world.subscribes_look();
    world.deeds();
    for _ in 0..20 {
        world.advance(secs(1));
        // A sign of life that is no answer.
        world.step(Input::Arrived(Received::Other));
    }
    assert_eq!(world.deeds(), [""; 0]);
    assert!(world.is_up());
}

#[test]
fn looks_begin_whichever_subscription_is_answered_last() {
    let mut world = World::new();
    world.step(Input::Start);
    world.reach_socket();
    for (method, id) in [("SubscribeExConversations", "s-c"), ("SubscribeRoutingTasks", "s-r")] {
        world.answer(method, 200, json!({"subscriptionId": id}));
    }
    world.frame(&conversations("s-c", &[]));
    world.answer_clocks();
    world.answer_clocks();
    assert!(!world.is_up(), "the list is in before the last answer");
    world.answer_all();
    world.until_look();
}

#[test]
fn after_a_pause_of_our_own_what_was_told_meanwhile_is_waited_for() {
    let mut world = World::listening();
    world.until_look();
    world.answers_look(&["conv-1"], &[]);
    world.now += secs(20);
    world.session.resumed(world.now);
    world.step(Input::Elapsed);
    world.frame(&conversations("s-c", &["conv-1"]));
    world.live(secs(5));
    assert_eq!(world.told(), ["conversation conv-1"; 2]);
}

#[test]
fn a_silent_socket_that_is_kept_is_complained_of_once() {
    let mut world = World::listening();
    world.sockets_lost_to_silence();
    world.take_events();
    for _ in 0..5 {
        world.until_look();
        world.subscribes_look();
        world.live(secs(8));
    }
    let told = world.told();
    assert!(told.iter().filter(|told| told.contains("kept for now")).count() <= 1, "{told:?}");
}

#[test]
fn a_cloud_that_cannot_end_ring_subscriptions_gets_few_of_them() {
    let mut world = World::listening();
    let mut asked = Vec::new();
    for n in 1..=20 {
        world.until_look();
        if world.sent_methods().contains(&"SubscribeRoutingTasks".to_owned()) {
            asked.push(n);
        }
        world.answers_look(&[], &[]);
        while let Some(end) = world.find_end() {
            world.forget(&end);
            let refused = end["body"]["subscriptionId"] == "look-r";
            world.frame(&answer_to(&end, if refused { 400 } else { 200 }, &json!("")));
        }
        world.live(secs(3));
    }
    assert_eq!(asked, [1, 2, 4, 8, 16]);
    // What is left behind goes on telling, and is not taken for a look.
    world.until_look();
    world.frame(&rings("look-r", &["ring-1"]));
    world.answers_look(&[], &[]);
    world.live(secs(3));
    assert!(!world.told().contains(&"missed Ring".to_owned()));
}

#[test]
fn the_lasting_subscription_is_never_ended_even_if_the_cloud_names_both_alike() {
    let mut world = World::listening();
    world.until_look();
    world.answer("SubscribeExConversations", 200, json!({"subscriptionId": "s-c"}));
    world.answer("SubscribeRoutingTasks", 200, json!({"subscriptionId": "s-r"}));
    world.frame(&conversations("s-c", &[]));
    world.frame(&rings("s-r", &[]));
    world.live(secs(20));
    assert!(world.find_end().is_none());
    assert!(world.is_up());
}

#[test]
fn the_newest_message_is_told_where_it_has_not_arrived() {
    let mut world = World::listening();
    world.frame(&with_newest("s-c", 4));
    assert_eq!(world.told(), ["conversation conv-1", "newest 4"]);
    world.frame(&live_message("conv-1", 6));
    world.frame(&with_newest("s-c", 6));
    assert_eq!(world.told(), ["message 6 System", "conversation conv-1"]);
    world.until_look();
    world.answers_look(&[], &[]);
    world.frame(&with_newest("look-c", 7));
    assert_eq!(world.told(), ["conversation conv-1", "newest 7"]);
}

#[test]
fn conversations_listed_without_their_newest_message_are_asked_for_it_twenty_at_a_time() {
    let mut world = World::listening();
    let many: Vec<String> = (10..60).map(|n| format!("conv-{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    world.frame(&conversations("s-c", &many));
    let mut asked = Vec::new();
    for _ in 0..3 {
        world.until_look();
        world.answers_look(&many, &[]);
        world.live(secs(3));
        while world.sent_methods().contains(&"QueryMessages".to_owned()) {
            asked.push(world.find("QueryMessages")["body"]["dialogId"].clone());
            world.answer("QueryMessages", 200, json!([]));
        }
    }
    assert_eq!(asked.len(), 60);
    let mut unlike: Vec<String> = asked.iter().map(ToString::to_string).collect();
    unlike.sort();
    unlike.dedup();
    assert_eq!(unlike.len(), 50, "all of them in turn");
    world.take_events();
    world.until_look();
    world.answers_look(&["conv-1"], &[]);
    world.live(secs(3));
    world.answer("QueryMessages", 200, json!([event(3), event(8)]));
    assert!(world.told().contains(&"newest 8".to_owned()));
}

#[test]
fn the_hall_can_have_the_socket_replaced() {
    let mut world = World::listening();
    world.command(Command::Reconnect);
    assert_eq!(world.deeds(), ["disconnect", "connect"]);
    assert_eq!(world.told(), ["down"]);
    assert!(world.phases.contains(&waiting("deaf")));
    world.command(Command::Reconnect);
    assert_eq!(world.deeds(), [""; 0], "once is enough");
}

/// What these stories need of a world.
impl World {
    /// Up, with subscriptions of different names, and a cloud that tells empty lists too.
    fn listening() -> Self {
        let mut world = Self::new();
        world.step(Input::Start);
        world.comes_up_listening();
        world
    }

    fn comes_up_listening(&mut self) {
        self.reach_socket();
        self.subscribes_first();
        self.hears_first();
        self.take_events();
        self.deeds();
    }

    fn subscribes_first(&mut self) {
        for (method, id) in [("SubscribeExConversations", "s-c"), ("SubscribeRoutingTasks", "s-r")]
        {
            if self.sent_methods().contains(&method.to_owned()) {
                self.answer(method, 200, json!({"subscriptionId": id}));
            }
        }
        self.answer_all();
    }

    fn hears_first(&mut self) {
        self.frame(&conversations("s-c", &[]));
        self.frame(&rings("s-r", &[]));
        self.answer_all();
        self.take_events();
    }

    /// Lives until a look begins.
    fn until_look(&mut self) {
        let begin = self.now;
        while !self.sent_methods().contains(&"SubscribeExConversations".to_owned()) {
            assert!(self.now - begin < A_LOOK, "no look");
            self.advance(ms(500));
            self.answer_clocks();
        }
    }

    fn subscribes_look(&mut self) {
        self.answer("SubscribeExConversations", 200, json!({"subscriptionId": "look-c"}));
        if self.sent_methods().contains(&"SubscribeRoutingTasks".to_owned()) {
            self.answer("SubscribeRoutingTasks", 200, json!({"subscriptionId": "look-r"}));
        }
    }

    /// The cloud lists these conversations and rings.
    fn answers_look(&mut self, here: &[&str], ringing: &[&str]) {
        let rings_too = self.sent_methods().contains(&"SubscribeRoutingTasks".to_owned());
        self.subscribes_look();
        self.frame(&conversations("look-c", here));
        if rings_too {
            self.frame(&rings("look-r", ringing));
        }
        assert_eq!(self.answer_clocks(), 1, "the question behind the lists");
    }

    /// In an hour with a cloud that lists everything to a new socket and nothing to a look.
    fn sockets_lost_to_silence(&mut self) -> usize {
        let end = self.now + secs(3_600);
        let mut lost = 0;
        while self.now < end {
            self.deeds();
            self.until_look();
            self.subscribes_look();
            self.live(secs(8));
            if self.deeds().contains(&"connect".to_owned()) {
                lost += 1;
                self.step(Input::Connected(Ok(())));
                self.subscribes_first();
                self.hears_first();
            }
        }
        lost
    }

    fn find_end(&self) -> Option<Value> {
        let end = ".ams.aam.UnsubscribeExConversations";
        self.sent.iter().find(|frame| frame["type"] == end).cloned()
    }

    /// The subscriptions that were ended.
    fn ended(&mut self) -> Vec<String> {
        let mut ended = Vec::new();
        while let Some(end) = self.find_end() {
            self.forget(&end);
            ended.push(end["body"]["subscriptionId"].as_str().unwrap().to_owned());
            self.frame(&answer_to(&end, 200, &json!("ok")));
        }
        ended
    }

    fn told(&mut self) -> Vec<String> {
        self.past = self.take_events();
        self.past.iter().map(brief).collect()
    }
}

fn conversations(by: &str, ids: &[&str]) -> Value {
    let changes = ids.iter().map(|id| {
        json!({"type": "UPSERT", "result": {"convId": id, "conversationDetails": {
            "state": "OPEN", "startTs": 1, "metaDataLastUpdateTs": 1,
            "participants": {"CONSUMER": ["cons-1"], "ASSIGNED_AGENT": [ME]}}}})
    });
    json!({"kind": "notification", "type": ".ams.aam.ExConversationChangeNotification",
        "body": {"subscriptionId": by, "changes": changes.collect::<Vec<_>>()}})
}

fn with_newest(by: &str, sequence: i64) -> Value {
    let mut told = conversations(by, &["conv-1"]);
    told["body"]["changes"][0]["result"]["lastContentEventNotification"] =
        json!({"dialogId": "conv-1", "sequence": sequence});
    told
}

fn rings(by: &str, ids: &[&str]) -> Value {
    let changes = ids.iter().map(|id| {
        json!({"type": "UPSERT", "result": {"conversationId": "conv-9", "ringsDetails":
            [{"ringId": id, "ringState": "WAITING", "ringExpiration": 3_600_000}]}})
    });
    json!({"kind": "notification", "type": ".ams.routing.RoutingTaskNotification",
        "body": {"subscriptionId": by, "changes": changes.collect::<Vec<_>>()}})
}
