//! The way up, and what is told on it.

use super::*;

#[test]
fn the_way_up_is_hosts_log_in_socket_subscriptions() {
    let mut world = World::new();
    world.step(Input::Start);
    assert_eq!(world.deeds(), ["find hosts"]);
    world.step(Input::Hosts(Ok(())));
    assert_eq!(world.deeds(), ["log in"]);
    world.step(Input::LoggedIn(Ok(account())));
    assert_eq!(world.deeds(), ["connect"]);
    world.step(Input::Connected(Ok(())));
    assert_eq!(
        world.sent_methods(),
        [
            "SetAgentState",
            "GetClock",
            "SubscribeExConversations",
            "SubscribeRoutingTasks",
            "SubscribeAgentsState"
        ]
    );
    assert_eq!(
        world.phases,
        [LinkPhase::Domains, LinkPhase::LoggingIn, LinkPhase::Connecting, LinkPhase::Subscribing]
    );
    assert_eq!(
        world.take_events(),
        [Event::LoggedIn(LoginResult::Ok)],
        "not up before the subscriptions are answered"
    );
    world.answer_all();
    assert_eq!(world.take_events(), [Event::Up { agent: "4102938475".into() }]);
    assert_eq!(world.phases.last(), Some(&LinkPhase::Up));
}

#[test]
fn the_agent_is_away_until_told_otherwise() {
    let mut world = World::subscribing();
    let state = world.find("SetAgentState");
    assert_eq!(
        state["body"],
        json!({"availability": "AWAY", "channels": ["MESSAGING"], "agentUserId": ME})
    );
    world.answer_all();
    world.command(Command::Availability(Availability::Online));
    assert_eq!(world.find("SetAgentState")["body"]["availability"], "ONLINE");
    // A lost socket may have lost the state; the next one begins AWAY, whatever was commanded before.
    world.close(Some(1001));
    world.reconnect();
    assert_eq!(world.find("SetAgentState")["body"]["availability"], "AWAY");
}

#[test]
fn a_state_commanded_without_connection_is_not_remembered() {
    let mut world = World::new();
    world.step(Input::Start);
    world.command(Command::Availability(Availability::Online));
    world.reach_socket();
    assert!(
        !world.sent_methods().contains(&"SetAgentState".to_owned()) || {
            world.sent.iter().all(|frame| frame["body"]["availability"] != "ONLINE")
        }
    );
}

#[test]
fn subscriptions_name_the_agent_by_its_old_id() {
    let world = World::subscribing();
    assert_eq!(
        world.find("SubscribeExConversations")["body"],
        json!({"convState": ["OPEN"], "agentIds": [ME]})
    );
    assert_eq!(
        world.find("SubscribeRoutingTasks")["body"],
        json!({"channelType": "MESSAGING", "agentId": ME, "brandId": "12345678"})
    );
    assert_eq!(
        world.find("SubscribeAgentsState")["body"],
        json!({"brandId": "12345678", "agentId": ME})
    );
}

#[test]
fn a_manager_sees_all_conversations_and_takes_no_rings() {
    let mut world = World::with(Settings { manager: true, ..settings() });
    world.step(Input::Start);
    world.reach_socket();
    assert_eq!(world.find("SubscribeExConversations")["body"], json!({"convState": ["OPEN"]}));
    assert!(!world.sent_methods().contains(&"SubscribeRoutingTasks".into()));
    world.answer_all();
    assert!(world.is_up());
}

#[test]
fn what_is_told_before_the_subscriptions_are_answered_follows_up() {
    let mut world = World::subscribing();
    world.take_events();
    world.frame(&conversation("conv-1", 1));
    assert_eq!(world.take_events(), []);
    world.answer_all();
    let events = world.take_events();
    assert!(matches!(
        events[..],
        [Event::Up { .. }, Event::Conversation { .. }, Event::Listed { heard: true }]
    ));
}

#[test]
fn listed_waits_for_an_answer_behind_the_first_list() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.frame(&conversation("conv-1", 1));
    world.frame(&conversation("conv-2", 1));
    assert!(!world.take_events().contains(&HEARD));
    world.advance(secs(3));
    world.step(Input::Elapsed);
    assert!(!world.take_events().contains(&HEARD), "the list has begun, and is not all in");
    world.answer("GetClock", 200, clock(0));
    assert_eq!(world.take_events(), [HEARD]);
}

#[test]
fn without_any_list_listed_waits_for_the_length_of_a_request_and_an_answer_and_says_so() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.advance(ms(9_999));
    world.answer_clocks();
    assert_eq!(world.take_events(), []);
    world.advance(ms(1));
    assert_eq!(world.take_events(), [], "what was sent before the answer is still to come");
    world.answer("GetClock", 200, clock(0));
    assert_eq!(world.take_events(), [Event::Listed { heard: false }]);
    world.advance(secs(5));
    assert_eq!(world.take_events(), [], "and only once");
}

#[test]
fn a_late_list_is_heard_and_the_conversations_come_before_listed() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.advance(secs(9));
    world.frame(&conversation("conv-1", 1));
    world.answer_clocks();
    let events = world.take_events();
    assert!(matches!(events[..], [Event::Conversation { .. }, Event::Listed { heard: true }]));
}

#[test]
fn a_list_that_comes_while_the_last_question_is_under_way_counts() {
    let mut world = World::subscribing();
    world.answer_all();
    world.take_events();
    world.advance(secs(10));
    world.frame(&snapshot(&[]));
    world.answer_clocks();
    assert_eq!(world.take_events(), [Event::Listed { heard: true }]);
}

#[test]
fn the_outcome_of_a_state_is_told_whatever_it_is() {
    let told = |world: &mut World| {
        let events = world.take_events();
        let [Event::AvailabilitySet { state, result }] = &events[..] else {
            panic!("{events:?}");
        };
        assert_eq!(*state, Availability::Online);
        result.clone()
    };
    let mut world = World::up();
    let online = Command::Availability(Availability::Online);
    world.command(online.clone());
    world.answer("SetAgentState", 200, json!("ok"));
    assert_eq!(told(&mut world), Ok(()));
    world.command(online.clone());
    world.answer("SetAgentState", 500, json!("no"));
    assert!(matches!(told(&mut world), Err(CallError::Failed { .. })));
    world.command(online.clone());
    world.live(secs(11));
    assert!(matches!(told(&mut world), Err(CallError::NoAnswer { .. })));
    world.close(Some(1001));
    world.take_events();
    world.command(online);
    assert_eq!(told(&mut world), Err(CallError::NotSent));
}

#[test]
fn an_unanswered_clock_behind_the_list_does_not_hold_up_listed_for_ever() {
    let mut world = World::subscribing();
    world.answer_all();
    world.frame(&snapshot(&[]));
    world.take_events();
    world.advance(secs(10));
    assert!(world.take_events().contains(&HEARD));
}

#[test]
fn a_refused_subscription_is_told_and_tried_again_slowly() {
    let mut world = World::subscribing();
    world.answer("SubscribeExConversations", 403, json!("Agent not allowed"));
    assert_eq!(world.deeds(), ["disconnect"]);
    assert!(world.error().contains("403: Agent not allowed"));
    assert_eq!(world.phases.last(), Some(&waiting("refused")));
    world.advance(secs(50));
    assert_eq!(world.deeds(), [""; 0]);
    world.advance(secs(20));
    assert_eq!(world.deeds(), ["connect"], "with the same token");
}

#[test]
fn an_unanswered_subscription_means_another_socket() {
    let mut world = World::subscribing();
    world.advance(secs(10));
    assert_eq!(world.deeds(), ["disconnect"]);
    assert_eq!(world.phases.last(), Some(&waiting("dead")));
}

#[test]
fn the_agents_own_state_is_worth_having_and_not_needed() {
    let mut world = World::subscribing();
    world.answer("SubscribeAgentsState", 403, json!("no"));
    world.answer_all();
    assert!(world.is_up());
}

const HEARD: Event = Event::Listed { heard: true };
