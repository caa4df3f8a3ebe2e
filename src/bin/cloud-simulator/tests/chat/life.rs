//! The life of a chat, call by call.

use super::client::path_of;
use super::{Agent, BOT_SKILL, after, chatting, many, simulator, visitor, world_with};
use crate::simulator::{CallName, ChatEnd, ChatState};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn a_chat_rings_is_accepted_and_tells_its_events_from_the_cursor_on() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    assert_eq!(agent.rings().await, 0);
    let chat = simulator.chat_starts(visitor().named("Ada").saying("anybody?")).unwrap();
    let ringing = agent.get("/incomingRequests?v=1&NC=true").await.body;
    assert_eq!(ringing["incomingRequests"]["ringingCount"], "1");
    let ring = path_of(&ringing["incomingRequests"]["link"], "next");
    assert_eq!(ring, format!("{}/incomingRequests", agent.at));
    assert_eq!(agent.accepts().await, chat);

    let whole = agent.get(&format!("/chat/{chat}")).await.body["chat"].clone();
    assert_eq!(whole["info"]["chatSessionKey"], json!(chat));
    assert_eq!(whole["info"]["visitorName"], "Ada");
    assert_eq!(whole["info"]["agentId"], 4_102_938_475_u64);
    assert_eq!(whole["info"]["chatTimeout"], 40);
    let ids: Vec<Value> =
        many(&whole["events"]["event"]).iter().map(|one| one["@id"].clone()).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4"]);
    let next = path_of(&whole["events"]["link"], "next");
    assert_eq!(next, format!("{}/chat/{chat}/events?from=5", agent.at));

    assert_eq!(agent.events(&chat, 5).await, Vec::<Value>::new());
    simulator.visitor(&chat).says("hello").unwrap();
    let said = agent.events(&chat, 5).await;
    assert_eq!(said[0]["source"], "visitor");
    assert_eq!(said[0]["by"], "Ada");
    assert_eq!(said[0]["text"], "hello");
    assert_eq!(agent.events(&chat, 4).await.len(), 2, "from is the first that is wanted");
}

#[tokio::test(start_paused = true)]
async fn lines_come_back_as_the_agents_own_and_the_answer_names_their_event() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let said = agent.says(&chat, "Hello &amp; welcome").await;
    assert_eq!(said.status, 201);
    let place = path_of(&said.body["chatEventLocation"]["link"], "location");
    assert_eq!(place, format!("{}/chat/{chat}/events/4", agent.at));
    let private = json!({ "event": { "@type": "line", "textType": "plain", "subType": "ONLY_TO_REP", "text": "psst" } });
    assert_eq!(agent.post(&format!("/chat/{chat}/events.json"), private).await.status, 201);
    let card = json!({ "type": "vertical", "elements": [{ "type": "button", "title": "Paris",
        "click": { "actions": [{ "type": "publishText", "text": "Paris" }] } }] });
    let rich = json!({ "event": { "@type": "line", "textType": "rich-content", "text": "Where?", "json": card } });
    assert_eq!(agent.post(&format!("/chat/{chat}/events"), rich).await.status, 201);
    assert_eq!(simulator.visitor(&chat).clicks(6, "Paris"), Ok(Some(7)));

    let events = agent.events(&chat, 4).await;
    assert_eq!(events[0]["source"], "agent");
    assert_eq!(events[0]["by"], "Support Bot");
    assert_eq!(events[0]["subType"], "REGULAR");
    assert_eq!(events[1]["subType"], "ONLY_TO_REP");
    assert_eq!(events[2]["json"], card);
    assert_eq!(events[3]["text"], "Paris");
    let lines = simulator.chat_lines(&chat);
    assert_eq!(lines[2], ("agent", "<div>Hello &amp; welcome</div>".to_owned()));
    assert_eq!(lines[3], ("private", "psst".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn both_sides_see_the_other_type() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let typing = format!("/chat/{chat}/info/agentTyping");
    let set = agent.put(&typing, json!({ "agentTyping": "typing" })).await;
    assert_eq!((set.status, set.text.as_str()), (200, ""));
    assert!(simulator.chat(&chat).unwrap().agent_typing);
    assert_eq!(agent.get(&typing).await.body["agentTyping"], "typing");
    assert_eq!(agent.put(&typing, json!({ "agentTyping": "asleep" })).await.status, 400);
    let without = agent.post(&typing, json!({ "agentTyping": "typing" })).await;
    assert_eq!(without.status, 400, "a POST without the override");
    simulator.visitor(&chat).types(true).unwrap();
    let seen = agent.get(&format!("/chat/{chat}/info/visitorTyping")).await;
    assert_eq!(seen.body["visitorTyping"], "typing");
    simulator.visitor(&chat).says("x").unwrap();
    let seen = agent.get(&format!("/chat/{chat}/info")).await;
    assert_eq!(seen.body["info"]["visitorTyping"], "not-typing");
}

#[tokio::test(start_paused = true)]
async fn an_agent_ends_a_chat_which_can_still_be_read_but_not_written() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let end = json!({ "event": { "@type": "state", "state": "ended" } });
    let ended = agent.post(&format!("/chat/{chat}/events"), end.clone()).await;
    assert_eq!(ended.status, 201);
    let events = agent.events(&chat, 4).await;
    assert_eq!(events[0]["systemMessageId"], 5);
    assert_eq!((&events[1]["@type"], &events[1]["state"]), (&json!("state"), &json!("ended")));
    assert_eq!(agent.says(&chat, "too late").await.status, 400);
    assert_eq!(agent.post(&format!("/chat/{chat}/events"), end).await.status, 400);
    assert_eq!(simulator.chat(&chat).unwrap().end, Some(ChatEnd::Agent));
    assert_eq!(simulator.chat_count(CallName::End), 2);
}

#[tokio::test(start_paused = true)]
async fn a_visitor_ends_a_chat_or_just_goes() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    simulator.visitor(&chat).ends().unwrap();
    let events = agent.events(&chat, 4).await;
    assert_eq!((events.len(), &events[0]["state"]), (1, &json!("ended")));
    let gone = simulator.chat_starts(visitor()).unwrap();
    assert_eq!(agent.accepts().await, gone);
    simulator.visitor(&gone).leaves().unwrap();
    let events = agent.events(&gone, 4).await;
    assert_eq!(events[0]["systemMessageId"], 6);
    assert_eq!(events[1]["state"], "ended");
    assert!(simulator.visitor(&gone).says("hello?").is_err());
}

#[tokio::test(start_paused = true)]
async fn several_chats_are_read_in_one_call() {
    let simulator = simulator();
    let (agent, first) = chatting(&simulator).await;
    let second = simulator.chat_starts(visitor()).unwrap();
    assert_eq!(agent.accepts().await, second);
    simulator.visitor(&second).says("hello").unwrap();
    let asked =
        format!("/chat?chatSessionKeys={first},none,{second}&fromEventIds=4,0,4&v=1&NC=true");
    let chats = agent.get(&asked).await.body["chats"]["chat"].clone();
    let chats = chats.as_array().unwrap();
    assert_eq!(chats.len(), 2, "an unknown one is left out");
    assert_eq!(chats[0]["info"]["chatSessionKey"], json!(first));
    assert_eq!(chats[0]["events"].get("event"), None);
    assert_eq!(chats[1]["events"]["event"]["id"], 4);
    assert_eq!(chats[1]["events"]["event"]["text"], "hello");
}

#[tokio::test(start_paused = true)]
async fn who_the_agents_are_and_what_is_known_of_a_visitor_can_be_read() {
    let simulator = simulator();
    let agent = Agent::online(&simulator, "support-bot").await;
    let start = crate::simulator::ChatStart { participant: Some("p-1".into()), ..visitor() };
    let chat = simulator.chat_starts(start).unwrap();
    agent.accepts().await;
    let info = agent.get("/info.json").await.body["info"].clone();
    assert_eq!(info["loginName"], "support-bot");
    assert_eq!(info["skillsInfo"]["skillInfo"], json!({ "id": BOT_SKILL, "name": "Bot" }));
    assert_eq!(info["availability"]["chat"], "Online");
    let agents = agent.get("/availableAgents?v=1&chatState=Online").await.body;
    let agents = many(&agents["availableAgents"]["agents"]["agent"]);
    assert_eq!(agents.len(), 2, "the bot and the human");
    assert_eq!((&agents[0]["@chatState"], &agents[0]["chats"]), (&json!("2"), &json!("1")));
    let person = agent.get("/participantExtendedInfo/p-1").await;
    assert_eq!(person.body["authenticatedParticipantInfo"]["isUserAuthenticated"], true);
    assert_eq!(agent.get("/participantExtendedInfo/p-2").await.status, 404);
    let whole = agent.get(&format!("/chat/{chat}.json")).await.body;
    assert_eq!(whole["chat"]["info"]["participantId"], "p-1");
    let visit = path_of(&whole["chat"]["link"], "visit-id");
    let visit = agent.get(visit.strip_prefix(&agent.at).unwrap()).await.body;
    let variables = path_of(&visit["visitId"]["link"], "custom-variables");
    let variables = agent.get(variables.strip_prefix(&agent.at).unwrap()).await.body;
    assert_eq!(variables["customVariables"]["customVariable"]["value"], "refund");
    assert_eq!(agent.get(&format!("/chat/{chat}/survey")).await.body["survey"]["id"], "40216");
    assert_eq!(
        agent.put(&format!("/chat/{chat}/survey"), json!({ "survey": {} })).await.status,
        200
    );
    assert_eq!(agent.get("/chat/availableSlots?skill=Bot").await.body["availableSlots"], 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_api_does_not_know_is_refused() {
    let simulator = simulator();
    let (mut agent, chat) = chatting(&simulator).await;
    let other = Agent::online(&simulator, "support-bot-2").await;
    assert_eq!(other.get(&format!("/chat/{chat}")).await.status, 404, "another agent's chat");
    let foreign = Agent { at: agent.at.clone(), ..other };
    assert_eq!(foreign.get("/availability").await.status, 404, "another agent's session");
    assert_eq!(agent.get("/chat/H1-0K1").await.status, 404);
    assert_eq!(agent.post("/incomingRequests", json!({})).await.status, 404, "nothing rings");
    let refused = agent.put("/availability", json!({ "availability": { "chat": "Up" } })).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.body["error"]["internalCode"], 31);
    assert_eq!(agent.post("/availability", json!({})).await.status, 400, "no override");
    let wrong_lines = [
        json!({}),
        json!({ "event": { "@type": "line" } }),
        json!({ "event": { "@type": "line", "text": "x", "textType": "loud" } }),
        json!({ "event": { "@type": "line", "text": "x", "subType": "SECRET" } }),
        json!({ "event": { "@type": "line", "text": "x", "textType": "rich-content" } }),
        json!({ "event": { "@type": "line", "text": "x", "textType": "rich-content", "json": { "type": "hologram" } } }),
        json!({ "event": { "@type": "state", "state": "waiting" } }),
    ];
    for wrong in wrong_lines {
        let refused = agent.post(&format!("/chat/{chat}/events"), wrong.clone()).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    assert_eq!(agent.get("/weather").await.status, 404);
    agent.session.bearer = "stolen".into();
    let stranger = agent.get("/incomingRequests").await;
    assert_eq!(stranger.status, 401);
    assert_eq!(stranger.body["error"]["responseStatus"], "UNAUTHORIZED");
    assert_eq!(simulator.chat_lines(&chat).len(), 2, "nothing was said");
}

#[tokio::test(start_paused = true)]
async fn every_path_may_end_with_json() {
    let simulator = simulator();
    let (agent, chat) = chatting(&simulator).await;
    let reads = [
        "/chatSessions",
        "/availability",
        "/info",
        "/availableAgents",
        "/chat/availableSlots",
        "/incomingRequests",
        "/chat",
        "/chat/{chat}",
        "/chat/{chat}/events",
        "/chat/{chat}/info",
        "/chat/{chat}/info/visitorName",
        "/chat/{chat}/info/visitorTyping",
        "/chat/{chat}/info/agentTyping",
        "/chat/{chat}/transfer",
        "/chat/{chat}/survey",
        "/visits/visit/H217K1",
        "/visits/visit/H217K1/customVariables",
    ];
    for path in reads {
        let path = path.replace("{chat}", &chat);
        let plain = agent.get(&format!("{path}?v=1&NC=true")).await;
        let suffixed = agent.get(&format!("{path}.json?v=1&NC=true&__d=77")).await;
        assert_eq!((plain.status, suffixed.status), (200, 200), "{path}");
        assert_eq!(plain.body, suffixed.body, "{path}");
    }
    let resource = Agent { at: format!("{}.json", agent.at), ..agent };
    assert_eq!(resource.get("?cs=1").await.status, 200);
    let again = Agent { at: "/api/account/12345678/agentSession.json".into(), ..resource };
    assert_eq!(again.post("?v=1", json!({ "loginData": {} })).await.status, 201);
    assert_eq!(again.post("?v=1", json!({})).await.status, 400, "without loginData");
}

#[tokio::test(start_paused = true)]
async fn domains_are_answered_under_both_names() {
    let simulator = simulator();
    for prefix in ["api", "csdr"] {
        let path = format!("/{prefix}/account/12345678/service/agentVep/baseURI.json?version=1.0");
        let found = super::client::call(&simulator, "GET", &path, &[], "").await.unwrap();
        assert_eq!(found.body["baseURI"], "cloud.test:443");
    }
}

#[tokio::test(start_paused = true)]
async fn chats_go_to_the_agent_with_fewest_and_wait_when_all_are_full() {
    let simulator = simulator();
    let first = Agent::online(&simulator, "support-bot").await;
    let second = Agent::online(&simulator, "support-bot-2").await;
    for name in ["support-bot", "support-bot-2"] {
        simulator.agent(name).has_capacity(1).unwrap();
    }
    let chats: Vec<String> = (0..3).map(|_| simulator.chat_starts(visitor()).unwrap()).collect();
    assert_eq!((first.rings().await, second.rings().await), (1, 1));
    assert_eq!(first.accepts().await, chats[0]);
    assert_eq!(second.accepts().await, chats[1]);
    assert_eq!((first.rings().await, second.rings().await), (0, 0));
    simulator.visitor(&chats[0]).ends().unwrap();
    assert_eq!(first.accepts().await, chats[2]);
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused_when_the_world_wants_it() {
    let simulator = world_with(|chat| chat.requests_per_second = Some(2));
    let agent = Agent::online(&simulator, "support-bot").await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(agent.get("/incomingRequests").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    after(1.0).await;
    assert_eq!(agent.get("/incomingRequests").await.status, 200);
}

#[tokio::test(start_paused = true)]
async fn a_human_takes_a_chat_by_hand_and_ends_it() {
    let simulator = simulator();
    let chat = simulator.chat_starts(visitor()).unwrap();
    let hannah = simulator.agent("hannah");
    assert!(hannah.says_in_chat(&chat, "early").is_err());
    hannah.takes_chat(&chat).unwrap();
    hannah.says_in_chat(&chat, "This is Hannah").unwrap();
    hannah.notes_in_chat(&chat, "hm").unwrap();
    after(3600.0).await;
    assert_eq!(simulator.chat(&chat).unwrap().state, ChatState::Chatting, "people may be slow");
    hannah.ends_chat(&chat).unwrap();
    let lines = simulator.chat_lines(&chat);
    let sources: Vec<&str> = lines.iter().map(|(source, _)| *source).collect();
    assert_eq!(sources, ["system", "system", "agent", "private", "system"]);
}
