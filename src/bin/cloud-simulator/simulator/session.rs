//! Pure: the domain service and the sessions of agents: log-in, refresh, log-out, eviction.

use super::agent::{Agent, Refused, Session};
use super::world::{Part, World};
use serde_json::{Value, json};

/// An answer of the REST services.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) body: Value,
    /// A cookie to set, without its attributes.
    pub(super) cookie: Option<String>,
}

/// The services of the directory. All of them live at the simulator's own address.
const SERVICES: &[&str] = &[
    "accountConfigReadOnly",
    "agentVep",
    "asyncMessagingEnt",
    "facadeMsg",
    "messagingRestApiDomain",
    "msgHist",
    "runtimeFormLogic",
    "sentinel",
    "swift",
];

/// Shortest time between two log-ins of one user in strict pace, ms.
const LOGIN_PACE: u64 = 5_000;

impl World {
    /// The domain service: all services of an account, or one.
    pub(super) fn domains(&mut self, account: &str, service: Option<&str>, host: &str) -> Reply {
        self.counts.domain_lookups += 1;
        self.parts.insert(Part::Counts);
        if !self.has_account(account) {
            return Reply::error(401, "unknown account", 1);
        }
        let host = self.options.base_uri.clone().unwrap_or_else(|| host.to_owned());
        let entry = |name: &str| json!({ "service": name, "account": account, "baseURI": host });
        match service {
            None => {
                let all: Vec<Value> = SERVICES.iter().map(|name| entry(name)).collect();
                Reply::ok(json!({ "baseURIs": all }))
            }
            Some(name) if SERVICES.contains(&name) => Reply::ok(entry(name)),
            Some(name) => Reply::error(404, &format!("unknown service {name}"), 2),
        }
    }

    /// Log-in with any of the documented bodies.
    pub(super) fn login(&mut self, account: &str, body: &Value, host: &str) -> Reply {
        self.parts.insert(Part::Counts);
        let reply = self.try_login(account, body, host);
        if reply.status == 200 {
            self.counts.logins += 1;
        } else {
            self.counts.refused_logins += 1;
        }
        reply
    }

    fn try_login(&mut self, account: &str, body: &Value, host: &str) -> Reply {
        let Some(username) = body["username"].as_str() else {
            let assertion = body["jwt"].is_string() && body["assertion"].is_string();
            return if assertion {
                Reply::error(401, "no identity provider is configured", 9)
            } else {
                Reply::error(400, "username is required", 3)
            };
        };
        let found = self
            .agents
            .values()
            .find(|agent| agent.account == account && agent.login_name == username);
        let Some(agent) = found else {
            return Reply::error(401, "wrong site, user or credentials", 4);
        };
        match agent.check(body) {
            Ok(()) => {}
            Err(Refused::Malformed) => {
                return Reply::error(400, "the body is none of the documented ones", 5);
            }
            Err(Refused::Wrong) => return Reply::error(401, "wrong site, user or credentials", 4),
        }
        if agent.blocked {
            return Reply::error(451, "the user is block-listed", 6);
        }
        if !agent.enabled {
            return Reply::error(401, "the user is disabled", 7);
        }
        let soon = agent.last_login.is_some_and(|last| self.now < last + LOGIN_PACE);
        if soon && self.options.strict_login_pace {
            return Reply::error(429, "too many log-ins of this user", 8);
        }
        let id = agent.id.clone();
        self.evict_for_login(&id);
        let session = Session {
            // Easy to recognise, so that tests find them wherever they should not be.
            bearer: format!("canary-bearer-{}", self.ids.hex(32)),
            csrf: format!("canary-csrf-{}", self.ids.hex(32)),
            cookie: format!("canary-cookie-{}", self.ids.hex(24)),
            expires: self.now + self.options.session_life,
        };
        let now = self.now;
        let Some(agent) = self.agents.get_mut(&id) else {
            return Reply::error(500, "the user is gone", 500);
        };
        agent.session = Some(session.clone());
        agent.last_login = Some(now);
        agent.logins += 1;
        self.parts.insert(Part::Agents);
        let cookie = Some(format!("Session_id={}", session.cookie));
        let directory = self.domains(account, None, host).body;
        self.counts.domain_lookups -= 1;
        Reply { cookie, ..Reply::ok(self.login_answer(&self.agents[&id], &session, &directory)) }
    }

    fn login_answer(&self, agent: &Agent, session: &Session, directory: &Value) -> Value {
        json!({
            "csrf": session.csrf,
            "wsuk": "112233445566778899",
            "config": {
                "loginName": agent.login_name,
                "userId": agent.user_id,
                "userPid": agent.pid,
                "userPrivileges": [100, 101, 1730],
                "serverCurrentTime": self.now,
                "timeDiff": 0,
                "serverTimeZoneName": "America/New_York",
                "serverTimeGMTDiff": -18_000_000,
                "isLPA": false,
                "isAdmin": false,
                "accountTimeZoneId": "America/New_York",
            },
            "csdsCollectionResponse": directory,
            "accountData": {
                "agentGroupsData": { "items": [{ "id": -1, "deleted": false, "name": "Main Group" }], "revision": 1 },
            },
            "sessionTTl": self.options.session_life.to_string(),
            "bearer": session.bearer,
        })
    }

    /// Prolongs the session that the cookie and the csrf token belong to.
    pub(super) fn refresh(&mut self, account: &str, cookies: &str, body: &Value) -> Reply {
        self.parts.insert(Part::Counts);
        let Some(id) = self.session_of(account, cookies, body) else {
            self.counts.refused_refreshes += 1;
            return Reply::error(401, "no such session", 10);
        };
        self.counts.refreshes += 1;
        let expires = self.now + self.options.session_life;
        let csrf = body["csrf"].as_str();
        let agent = self.agents.get_mut(&id);
        let mut sessions = agent.into_iter().flat_map(Agent::sessions_mut);
        let session = sessions.find(|session| Some(session.csrf.as_str()) == csrf);
        let cookie = session.map(|session| {
            session.expires = expires;
            format!("Session_id={}", session.cookie)
        });
        Reply { status: 200, body: Value::Null, cookie }
    }

    /// Ends the session that the cookie and the csrf token belong to.
    pub(super) fn logout(&mut self, account: &str, cookies: &str, body: &Value) -> Reply {
        self.parts.insert(Part::Counts);
        let Some(id) = self.session_of(account, cookies, body) else {
            return Reply::error(401, "no such session", 10);
        };
        self.counts.logouts += 1;
        self.end_session(&id, 1000, "logged out");
        self.end_agent_sessions(&id);
        Reply { status: 200, body: Value::Null, cookie: None }
    }

    /// The agent whose bearer this is.
    pub(super) fn bearer(&self, account: &str, bearer: &str) -> Option<&Agent> {
        let mut all = self.agents.values().filter(|agent| agent.account == account);
        all.find(|agent| {
            let valid = |one: &Session| one.bearer == bearer && self.now < one.expires;
            agent.sessions().any(valid)
        })
    }

    /// A log-in evicts what an earlier one of the same user has made.
    fn evict_for_login(&mut self, id: &str) {
        if self.options.chat.login_ends_session {
            self.end_agent_sessions(id);
        }
        if self.options.chat.login_voids_bearer {
            self.end_session(id, self.options.eviction_code, "evicted by another log-in");
        } else if let Some(agent) = self.agents.get_mut(id) {
            agent.former_sessions.extend(agent.session.take());
        }
    }

    /// Voids an agent's session and closes its sockets with `code`, if it is not 0.
    pub(super) fn end_session(&mut self, id: &str, code: u16, reason: &str) {
        let Some(agent) = self.agents.get_mut(id) else {
            return;
        };
        agent.former_sessions.clear();
        if agent.session.take().is_some() {
            if code != 0 {
                self.close_sockets(code, reason, |socket| socket.agent == id);
            }
            self.parts.insert(Part::Agents);
        }
    }

    pub(super) fn has_account(&self, account: &str) -> bool {
        self.options.accounts.iter().any(|one| one.id == account)
    }

    /// Log-in name of the agent to whom the session cookie belongs; empty if to nobody.
    pub(super) fn login_of_cookie(&self, account: &str, cookies: &str) -> String {
        let given = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("Session_id="));
        let mut all = self.agents.values().filter(|agent| agent.account == account);
        let mine =
            |agent: &&Agent| agent.sessions().any(|session| Some(session.cookie.as_str()) == given);
        all.find(mine).map(|agent| agent.login_name.clone()).unwrap_or_default()
    }

    fn session_of(&self, account: &str, cookies: &str, body: &Value) -> Option<String> {
        let csrf = body["csrf"].as_str()?;
        let given =
            cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("Session_id="))?;
        let mut all = self.agents.values().filter(|agent| agent.account == account);
        let matches = |session: &Session| session.csrf == csrf && session.cookie == given;
        all.find(|agent| agent.sessions().any(matches)).map(|agent| agent.id.clone())
    }
}

impl Reply {
    fn ok(body: Value) -> Self {
        Self { status: 200, body, cookie: None }
    }

    /// An error in the services' common form.
    pub(super) fn error(status: u16, message: &str, internal_code: u32) -> Self {
        let word = match status {
            400 => "BAD_REQUEST",
            401 => "UNAUTHORIZED",
            404 => "NOT_FOUND",
            429 => "TOO_MANY_REQUESTS",
            451 => "UNAVAILABLE_FOR_LEGAL_REASONS",
            _ => "INTERNAL_SERVER_ERROR",
        };
        let body = json!({
            "error": {
                "time": "Nov 14, 2023 10:13:20 PM",
                "message": message,
                "internalCode": internal_code,
                "responseStatus": word,
            },
        });
        Self { status, body, cookie: None }
    }
}
