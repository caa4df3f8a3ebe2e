//! Pure: actions and intents, read one by one; what is wrong with one does not touch the others.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{Malformed, Reply, WORDS_MAX, malformed};
use crate::{
    bot::{
        ContentSettings,
        content::{self, Builder, Button, Fitted, Press, Problem, Tile},
        protocol::{
            ACTIONS_MAX, AudienceWord, ButtonWords, ButtonsAction, CloseAction, Context,
            Intent as IntentWords, Number, PauseAction, StructuredAction, Tagged, TextAction,
            TileWords, TilesAction, TransferAction, TtrAction,
        },
    },
    conversation::{
        AgentId, Json,
        event::{Action, Audience, Intent, SkillRef, Target},
    },
};

/// Reads the parts of one reply.
pub(super) struct Reader<'a> {
    content: &'a ContentSettings,
    /// What was read so far.
    pub(super) reply: Reply,
}

/// Why one action, button or tile cannot be used.
type Skip = String;

impl<'a> Reader<'a> {
    pub(super) fn new(content: &'a ContentSettings) -> Self {
        let reply = Reply::default();
        Self { content, reply }
    }

    pub(super) fn actions(&mut self, actions: Option<&RawValue>) -> Result<(), Malformed> {
        let Some(actions) = actions else {
            self.problem("actions", "is missing; taken as an empty list");
            return Ok(());
        };
        let actions = list(actions).map_err(|what| malformed(format!("actions {what}")))?;
        if actions.len() > ACTIONS_MAX {
            let beyond = actions.len() - ACTIONS_MAX;
            self.reply.skipped += beyond;
            let what = format!("{beyond} beyond the first {ACTIONS_MAX} are ignored");
            self.problem("actions", what);
        }
        for (i, action) in actions.into_iter().take(ACTIONS_MAX).enumerate() {
            let path = format!("actions[{i}]");
            let before = self.reply.actions.len();
            if let Err(what) = self.action(action, &path) {
                self.reply.skipped += 1;
                self.problem(&path, format!("{what}; the action is skipped"));
            }
            if self.content.chat {
                self.fit_chat(before, &path);
            }
        }
        Ok(())
    }

    /// Makes what was read from here on fit chat.
    fn fit_chat(&mut self, from: usize, path: &str) {
        for action in self.reply.actions.split_off(from) {
            let Fitted { actions, problems } = content::fit_chat(action);
            self.reply.actions.extend(actions);
            self.tell(problems, path);
        }
    }

    fn action(&mut self, raw: &RawValue, path: &str) -> Result<(), Skip> {
        let tagged: Tagged = parse(raw)?;
        match &*tagged.kind {
            "text" => self.text(parse(raw)?, path),
            "pause" => self.pause(parse(raw)?, path),
            "structured" => self.structured(parse(raw)?, path),
            "buttons" => self.buttons(parse(raw)?, path),
            "tiles" => self.tiles(parse(raw)?, path),
            "transfer" => self.transfer(parse(raw)?, path),
            "close" => {
                let CloseAction { survey } = parse(raw)?;
                self.push(Action::Close { survey: survey.unwrap_or(true) });
                Ok(())
            }
            "ttr" => self.ttr(parse(raw)?),
            other => Err(format!(
                "unknown type {:?}; known: text, pause, structured, buttons, tiles, transfer, close, ttr",
                content::cut(other, 40)
            )),
        }
    }

    fn text(&mut self, words: TextAction<'_>, path: &str) -> Result<(), Skip> {
        if words.text.is_empty() {
            return Err("the text is empty".to_owned());
        }
        let quick_replies = self.quick_replies(words.quick_replies, path);
        self.push(Action::Text {
            text: words.text,
            audience: match words.audience {
                AudienceWord::All => Audience::All,
                AudienceWord::Agents => Audience::Agents,
            },
            quick_replies,
        });
        Ok(())
    }

    fn pause(&mut self, words: PauseAction, path: &str) -> Result<(), Skip> {
        let Number(milliseconds) = words.milliseconds;
        if milliseconds < 0.0 {
            return Err("milliseconds is negative".to_owned());
        }
        if milliseconds > PAUSE_MAX_MS {
            self.problem(path, format!("milliseconds is more than {PAUSE_MAX_MS}, which is used"));
        }
        self.push(Action::Pause {
            length: Duration::from_secs_f64(milliseconds.min(PAUSE_MAX_MS).round() / 1000.0),
            typing: words.typing.unwrap_or(true),
        });
        Ok(())
    }

    fn structured(&mut self, words: StructuredAction<'_>, path: &str) -> Result<(), Skip> {
        let mut content: Value = parse(words.content)?;
        if !content.is_object() {
            return Err("content is not an object".to_owned());
        }
        let path_of_content = format!("{path}.content");
        let found = content::check(&content);
        self.tell(found, &path_of_content);
        let changed = self.content.tooltips && content::add_tooltips(&mut content);
        let metadata = self.metadata(words.metadata, path);
        let quick_replies = self.quick_replies(words.quick_replies, path);
        self.push(Action::Structured {
            text: content::text_of(&content),
            content: if changed {
                Json::from_value(&content)
            } else {
                Json::from_raw(words.content)
            },
            metadata,
            quick_replies,
        });
        Ok(())
    }

    fn buttons(&mut self, words: ButtonsAction<'_>, path: &str) -> Result<(), Skip> {
        let buttons = self.button_list(words.buttons, &format!("{path}.buttons"))?;
        let text = words.text.filter(|text| !text.is_empty());
        let quick_replies = self.quick_replies(words.quick_replies, path);
        if buttons.is_empty() {
            let text = text.ok_or("there is neither a text nor a usable button")?;
            self.push(Action::Text { text, audience: Audience::All, quick_replies });
            return Ok(());
        }
        let above = self.too_long_for_a_card(text.as_deref());
        let within = if above { None } else { text.as_deref() };
        self.build(path, quick_replies, |builder| builder.buttons(within, &buttons));
        Ok(())
    }

    fn tiles(&mut self, words: TilesAction<'_>, path: &str) -> Result<(), Skip> {
        let mut tiles = Vec::new();
        for (i, raw) in list(words.tiles)?.into_iter().enumerate() {
            let path = format!("{path}.tiles[{i}]");
            match self.tile(raw, &path) {
                Ok(tile) => tiles.push(tile),
                Err(what) => self.problem(&path, format!("{what}; the tile is left out")),
            }
        }
        if tiles.is_empty() {
            return Err("there is no usable tile".to_owned());
        }
        let quick_replies = self.quick_replies(words.quick_replies, path);
        self.build(path, quick_replies, |builder| builder.tiles(&tiles));
        Ok(())
    }

    fn tile(&mut self, raw: &RawValue, path: &str) -> Result<Tile, Skip> {
        let words: TileWords<'_> = parse(raw)?;
        let buttons = match words.buttons {
            Some(raw) => self.button_list(raw, &format!("{path}.buttons"))?,
            None => Vec::new(),
        };
        let tile = Tile {
            title: words.title.filter(|text| !text.is_empty()),
            subtitle: words.subtitle.filter(|text| !text.is_empty()),
            image_url: words.image_url.filter(|text| !text.is_empty()),
            buttons,
        };
        if tile == Tile::default() {
            return Err("it has no title, subtitle, imageUrl or buttons".to_owned());
        }
        Ok(tile)
    }

    fn transfer(&mut self, words: TransferAction, path: &str) -> Result<(), Skip> {
        let skill_id = words.skill_id.map(|id| id.0).filter(|id| !id.is_empty());
        let skill = words.skill.filter(|name| !name.is_empty());
        if skill_id.is_some() && skill.is_some() {
            self.problem(path, "has both skillId and skill; skillId is used");
        }
        let agent = words.agent_id.map(|id| id.0).filter(|id| !id.is_empty());
        let by_user = words.requested_by.as_deref() == Some("consumer")
            || words.reason.as_deref() == Some("escalated_by_user");
        self.push(Action::Transfer {
            target: Target {
                skill: (skill_id.map(SkillRef::Id)).or_else(|| skill.map(SkillRef::Name)),
                agent: agent.map(AgentId::from),
            },
            reason: words.reason,
            by_user,
        });
        Ok(())
    }

    fn ttr(&mut self, words: TtrAction) -> Result<(), Skip> {
        let ttr_type = words.ttr_type.to_ascii_uppercase();
        if !TTR_TYPES.contains(&&*ttr_type) {
            return Err(format!("ttrType must be one of {}", TTR_TYPES.join(", ")));
        }
        let Number(seconds) = words.seconds;
        if !(1.0..=f64::from(u32::MAX)).contains(&seconds) {
            return Err("seconds must be at least 1".to_owned());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to be within 1 and u32::MAX"
        )]
        let seconds = seconds as u32;
        self.push(Action::ChangeTtr { ttr_type, seconds });
        Ok(())
    }

    /// Says a text that no card can hold before the card; true if it did.
    fn too_long_for_a_card(&mut self, text: Option<&str>) -> bool {
        let long = text.filter(|text| text.chars().count() > content::TEXT_MAX);
        if let Some(text) = long {
            self.push(Action::Text {
                text: text.to_owned(),
                audience: Audience::All,
                quick_replies: None,
            });
        }
        long.is_some()
    }

    /// Builds content; quick replies go below the last piece, since the next message would hide them.
    fn build(
        &mut self,
        path: &str,
        quick_replies: Option<Json>,
        make: impl FnOnce(&mut Builder<'_>) -> Vec<Value>,
    ) {
        let mut builder = Builder::new(self.content);
        let built = make(&mut builder);
        let bent = builder.problems();
        self.tell(bent, path);
        let last = built.len().saturating_sub(1);
        for (i, content) in built.iter().enumerate() {
            let found = content::check(content);
            self.tell(found, &format!("{path} (as structured content)"));
            let quick_replies = quick_replies.clone().filter(|_| i == last);
            self.push(content::action(content, quick_replies));
        }
    }

    fn button_list(&mut self, raw: &RawValue, path: &str) -> Result<Vec<Button>, Skip> {
        let mut buttons = Vec::new();
        for (i, raw) in list(raw)?.into_iter().enumerate() {
            match button(raw) {
                Ok(button) => buttons.push(button),
                Err(what) => {
                    self.problem(&format!("{path}[{i}]"), format!("{what}; it is left out"));
                }
            }
        }
        Ok(buttons)
    }

    /// The platform's object passes untouched; a list of titles and payloads is built. What is neither is
    /// reported and left out, the message still goes.
    fn quick_replies(&mut self, raw: Option<&RawValue>, path: &str) -> Option<Json> {
        let (raw, path) = (raw?, format!("{path}.quickReplies"));
        let mut value: Value = match parse(raw) {
            Ok(value) => value,
            Err(what) => {
                self.problem(&path, what);
                return None;
            }
        };
        match &value {
            Value::Null => None,
            Value::Object(object) if object.is_empty() => None,
            Value::Object(_) => {
                let found = content::check(&value);
                self.tell(found, &path);
                if self.content.tooltips && content::add_tooltips(&mut value) {
                    Some(Json::from_value(&value))
                } else {
                    Some(Json::from_raw(raw))
                }
            }
            Value::Array(_) => {
                let replies = self.button_list(raw, &path).ok()?;
                let mut builder = Builder::new(self.content);
                let built = builder.quick_replies(&replies);
                let bent = builder.problems();
                self.tell(bent, path.trim_end_matches(".quickReplies"));
                built.map(|value| Json::from_value(&value))
            }
            Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.problem(&path, "must be an object or a list; it is left out");
                None
            }
        }
    }

    /// An array as the platform wants it; one object is taken as an array of one.
    fn metadata(&mut self, raw: Option<&RawValue>, path: &str) -> Option<Json> {
        let raw = raw?;
        match parse::<Value>(raw) {
            Ok(Value::Null) => None,
            Ok(Value::Array(entries)) => (!entries.is_empty()).then(|| Json::from_raw(raw)),
            Ok(entry @ Value::Object(_)) => Some(Json::from_value(&[entry])),
            Ok(Value::Bool(_) | Value::Number(_) | Value::String(_)) | Err(_) => {
                let path = format!("{path}.metadata");
                self.problem(&path, "must be a list of objects; it is left out");
                None
            }
        }
    }

    pub(super) fn context(&mut self, raw: Option<&RawValue>) {
        let Some(raw) = raw else { return };
        let intents = match parse::<Option<Context<'_>>>(raw) {
            Ok(context) => context.and_then(|context| context.intents),
            Err(what) => return self.problem("context", what),
        };
        let Some(intents) = intents else { return };
        let intents = match list(intents) {
            Ok(intents) => intents,
            Err(what) => return self.problem("context.intents", what),
        };
        for (i, raw) in intents.into_iter().enumerate() {
            match parse::<IntentWords>(raw) {
                Ok(words) => self.reply.intents.push(Intent {
                    id: words.id.0,
                    name: words.name,
                    confidence: words.confidence_score.map(|Number(score)| score),
                }),
                Err(what) => {
                    let path = format!("context.intents[{i}]");
                    self.problem(&path, format!("{what}; it is left out"));
                }
            }
        }
    }

    fn push(&mut self, action: Action) {
        self.reply.actions.push(action);
    }

    fn tell(&mut self, problems: Vec<Problem>, path: &str) {
        let problems = problems.into_iter().map(|problem| problem.within(path));
        self.reply.problems.extend(problems);
        self.reply.problems.truncate(PROBLEMS_MAX);
    }

    fn problem(&mut self, path: &str, what: impl Into<String>) {
        let (path, what) = (path.to_owned(), what.into());
        self.tell(vec![Problem { path, what }], "");
    }
}

fn button(raw: &RawValue) -> Result<Button, Skip> {
    let words: ButtonWords = parse(raw)?;
    let title = words.title.0;
    if title.is_empty() {
        return Err("the title is empty".to_owned());
    }
    let payload = words.payload.map(|payload| payload.0);
    let press = match (payload.filter(|payload| !payload.is_empty()), words.url) {
        (Some(payload), _) => Press::Payload(payload),
        (None, Some(url)) => Press::Url(url),
        (None, None) => Press::Payload(title.clone()),
    };
    Ok(Button { title, press })
}

/// The entries of a list; a bare object is taken as a list of one, null as an empty one.
fn list(raw: &RawValue) -> Result<Vec<&RawValue>, Skip> {
    match raw.get().as_bytes().first() {
        Some(b'[') => parse(raw),
        Some(b'{') => Ok(vec![raw]),
        Some(b'n') => Ok(Vec::new()),
        Some(_) | None => Err("must be a list".to_owned()),
    }
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, Skip> {
    serde_json::from_str(raw.get()).map_err(|error| {
        // The position would be one within the fragment.
        let text = error.to_string();
        match text.rsplit_once(" at line ") {
            Some((what, _)) => content::cut(what, WORDS_MAX),
            None => content::cut(&text, WORDS_MAX),
        }
    })
}

/// Ten minutes: longer than that nobody waits for a bot.
const PAUSE_MAX_MS: f64 = 600_000.0;

const PROBLEMS_MAX: usize = 100;

const TTR_TYPES: &[&str] = &["URGENT", "NORMAL", "PRIORITIZED", "CUSTOM"];
