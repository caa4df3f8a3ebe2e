//! What a simulated world is made of, as Rust values and as the JSON file of `--config`.

use super::chat::ChatOptions;
use super::clock::Millis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A world before it starts: who exists, and which choices the service makes where its documentation leaves one.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Options {
    /// The accounts; the first is the one meant where none is named.
    pub(crate) accounts: Vec<AccountOptions>,
    /// Seed of every made-up id.
    pub(crate) seed: u64,
    /// What the clock shows at the start; the time of day if left out.
    pub(crate) epoch: Option<Millis>,
    /// How long a ring waits for an answer (72 000 ms in every capture of the service).
    pub(crate) ring_life: Millis,
    /// How long a conversation waits before it rings again after a rejected or expired ring, ms.
    pub(crate) ring_again_after: Millis,
    /// A ring assigns the agent at once, without asking.
    pub(crate) auto_accept: bool,
    /// A socket that sends nothing for so long is closed, ms (the service: 60 to 120 s).
    pub(crate) idle_timeout: Millis,
    /// How long an agent's state outlives its last socket, ms.
    pub(crate) state_kept: Millis,
    /// How long a session lives without a refresh, ms (`sessionTTl`).
    pub(crate) session_life: Millis,
    /// Close code for the sockets of an evicted session; 1006 cuts the connection without a frame, 0 leaves them open:
    /// the evicted one hears of it when it refreshes its session.
    pub(crate) eviction_code: u16,
    /// Answers 429 to a log-in less than 5 s after the user's last one.
    pub(crate) strict_login_pace: bool,
    /// What a request whose id was used before on its socket does.
    pub(crate) repeated_request_ids: RepeatedIds,
    /// Where the metadata of what agents say gets lost.
    pub(crate) strip_metadata: StripMetadata,
    /// The account feature `Common.EncodedMetadata`: without it, messages with encoded metadata vanish.
    pub(crate) encoded_metadata: bool,
    /// Refuses structured content beyond the limits of the web channel's schemas.
    pub(crate) check_structured_content: bool,
    /// How many conversations a new subscription reports at most.
    pub(crate) snapshot_limit: usize,
    /// How many of them share one notification.
    pub(crate) snapshot_batch: usize,
    /// `host:port` of the directory's answers; the request's `Host` if left out.
    pub(crate) base_uri: Option<String>,
    /// The choices of live chat.
    pub(crate) chat: ChatOptions,
}

/// What a repeated request id does.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RepeatedIds {
    /// The request is carried out again: ids only match answers.
    Twice,
    /// The first answer is given again and nothing else happens.
    Once,
}

/// Where the metadata of what agents say gets lost; a consumer's clicks keep theirs.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub(crate) enum StripMetadata {
    /// Nowhere.
    #[default]
    None,
    /// In notifications, to whomever they go.
    Echoes,
    /// In the answers to `QueryMessages`.
    Histories,
    /// In both.
    Both,
}

impl StripMetadata {
    /// Whether notifications lose it.
    pub(crate) fn in_echoes(self) -> bool {
        matches!(self, Self::Echoes | Self::Both)
    }

    /// Whether histories lose it.
    pub(crate) fn in_histories(self) -> bool {
        matches!(self, Self::Histories | Self::Both)
    }
}

/// One account ("brand", "site").
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AccountOptions {
    /// The account id.
    pub(crate) id: String,
    /// Its skills; the first is where a conversation starts when nothing else is said.
    pub(crate) skills: Vec<SkillOptions>,
    /// Its agents.
    pub(crate) agents: Vec<AgentOptions>,
}

/// A skill: a queue that conversations wait in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct SkillOptions {
    /// Numeric id, as a string.
    pub(crate) id: String,
    /// Name for people.
    pub(crate) name: String,
    /// Served by human agents.
    #[serde(default)]
    pub(crate) human: bool,
    /// The app install id of the survey bot; `None`: no survey.
    #[serde(default)]
    pub(crate) survey: Option<String>,
}

/// An agent user.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct AgentOptions {
    /// Log-in name, unique in the account.
    pub(crate) login_name: String,
    /// Name for people; the log-in name if left out.
    #[serde(default)]
    pub(crate) name: Option<String>,
    /// Numeric user id; the old agent id is `{account}.{user_id}`. Made up if left out.
    #[serde(default)]
    pub(crate) user_id: Option<String>,
    /// Public id, a UUID. Made up if left out.
    #[serde(default)]
    pub(crate) pid: Option<String>,
    /// A person, acted by the control API.
    #[serde(default)]
    pub(crate) human: bool,
    /// May see all conversations, join them and take them.
    #[serde(default)]
    pub(crate) manager: bool,
    /// Skills served.
    #[serde(default)]
    pub(crate) skills: Vec<String>,
    /// Open conversations before routing stops offering.
    #[serde(default = "fifty")]
    pub(crate) capacity: usize,
    /// Ways to log in.
    #[serde(default)]
    pub(crate) credentials: Vec<Credential>,
}

/// One way to log in.
#[derive(Clone, Deserialize, Serialize)]
#[serde(
    tag = "kind",
    deny_unknown_fields,
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub(crate) enum Credential {
    /// The four-part API key of a bot user (the older way).
    ApiKey {
        /// `appKey`
        app_key: String,
        /// `secret`
        secret: String,
        /// `accessToken`
        access_token: String,
        /// `accessTokenSecret`
        access_token_secret: String,
    },
    /// OAuth 2.0 client credentials, sent in the same body with placeholder access tokens.
    Oauth2 {
        /// Sent as `appKey`.
        client_id: String,
        /// Sent as `secret`.
        client_secret: String,
    },
    /// A password.
    Password {
        /// The password.
        password: String,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey { .. } => "ApiKey(..)",
            Self::Oauth2 { .. } => "Oauth2(..)",
            Self::Password { .. } => "Password(..)",
        })
    }
}

impl Options {
    /// The default world with a clock that starts at a fixed time, for tests.
    pub(crate) fn fixed() -> Self {
        Self { epoch: Some(1_700_000_000_000), ..Self::default() }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accounts: vec![AccountOptions::example()],
            seed: 1,
            epoch: None,
            ring_life: 72_000,
            ring_again_after: 1_000,
            auto_accept: false,
            idle_timeout: 90_000,
            state_kept: 60_000,
            session_life: 28_800_000,
            eviction_code: 4401,
            strict_login_pace: false,
            repeated_request_ids: RepeatedIds::Twice,
            strip_metadata: StripMetadata::None,
            encoded_metadata: true,
            check_structured_content: true,
            snapshot_limit: 1000,
            snapshot_batch: 50,
            base_uri: None,
            chat: ChatOptions::default(),
        }
    }
}

impl AccountOptions {
    /// Account 12345678: two bot agents on the skill "Bot", hannah on the skill "Human".
    pub(crate) fn example() -> Self {
        let skill = |id: &str, name: &str, human| SkillOptions {
            id: id.into(),
            name: name.into(),
            human,
            survey: None,
        };
        Self {
            id: "12345678".into(),
            skills: vec![skill("1122334455", "Bot", false), skill("4129463410", "Human", true)],
            agents: vec![
                AgentOptions {
                    user_id: Some("4102938475".into()),
                    pid: Some("0f4c7a1e-6b52-5d1c-9c3e-2a7b8d90e1f2".into()),
                    ..AgentOptions::bot("support-bot", "Support Bot", "1122334455")
                },
                AgentOptions {
                    user_id: Some("4102938476".into()),
                    ..AgentOptions::bot("support-bot-2", "Support Bot 2", "1122334455")
                },
                AgentOptions {
                    user_id: Some("5500112233".into()),
                    human: true,
                    ..AgentOptions::bot("hannah", "Hannah", "4129463410")
                },
            ],
        }
    }
}

impl AgentOptions {
    /// A bot agent with one skill and all three kinds of credentials, made from its name.
    pub(crate) fn bot(login_name: &str, name: &str, skill: &str) -> Self {
        let secret = |part: &str| format!("{login_name}-{part}");
        Self {
            login_name: login_name.into(),
            name: Some(name.into()),
            user_id: None,
            pid: None,
            human: false,
            manager: true,
            skills: vec![skill.into()],
            capacity: fifty(),
            credentials: vec![
                Credential::ApiKey {
                    app_key: secret("key"),
                    secret: secret("secret"),
                    access_token: secret("token"),
                    access_token_secret: secret("token-secret"),
                },
                Credential::Oauth2 {
                    client_id: secret("client"),
                    client_secret: secret("client-secret"),
                },
                Credential::Password { password: secret("password") },
            ],
        }
    }
}

fn fifty() -> usize {
    50
}
