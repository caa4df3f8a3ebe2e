//! Pure: what visitors do.

use super::super::acts::Done;
use super::super::consumer::Button;
use super::super::content;
use super::World;
use super::model::{Chat, ChatEnd, ChatState, Happening, Line, Source, Visitor};
use serde_json::{Value, json};

/// What a new chat starts with.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChatStart {
    /// Account; the first one if `None`.
    pub(crate) account: Option<String>,
    /// Skill; the account's first one if `None`.
    pub(crate) skill: Option<String>,
    /// `visitor` if `None`.
    pub(crate) name: Option<String>,
    /// `en-US` if `None`.
    pub(crate) language: Option<String>,
    /// Of a consumer who has signed in.
    pub(crate) participant: Option<String>,
    /// What the visitor says while waiting.
    pub(crate) lines: Vec<String>,
}

impl World {
    /// A visitor asks for a chat; its id.
    pub(crate) fn start_chat(&mut self, start: ChatStart) -> Result<String, String> {
        let mut accounts = self.options.accounts.iter();
        let account = match &start.account {
            Some(id) => accounts.find(|one| one.id == *id),
            None => accounts.next(),
        };
        let account = account.ok_or_else(|| format!("there is no account {:?}", start.account))?;
        let account_id = account.id.clone();
        let skill = start.skill.or_else(|| Some(account.skills.first()?.id.clone()));
        let skill = skill.ok_or_else(|| format!("account {account_id} has no skill"))?;
        if self.skill(&account_id, &skill).is_none() {
            return Err(format!("account {account_id} has no skill {skill}"));
        }
        let id = format!("H217-{}K{}", self.ids.hex(12), self.ids.number(10_000_000));
        let visitor = Visitor {
            // Larger than 2^32, as they are.
            id: 1_215_602_100_000_000 + self.ids.number(1_000_000_000),
            name: start.name.unwrap_or_else(|| "visitor".into()),
            language: start.language.unwrap_or_else(|| "en-US".into()),
            participant: start.participant,
        };
        let now = self.now;
        let mut chat = Chat {
            id: id.clone(),
            account: account_id,
            skill,
            state: ChatState::Waiting,
            events: Vec::new(),
            visitor,
            owner: None,
            ring: None,
            only_to: None,
            not_to: None,
            visitor_typing: false,
            agent_typing: false,
            started: now,
            ended: None,
            end: None,
            last_request: now,
            reader: None,
            survey: Value::Null,
            silence_told: None,
        };
        chat.add(now, Happening::State(ChatState::Waiting));
        chat.say(now, Line::system(4, &self.options.chat.texts.routing));
        self.chats.all.insert(id.clone(), chat);
        self.chats.order.push(id.clone());
        self.chats.open.push(id.clone());
        for line in start.lines {
            self.visitor_says(&id, &line)?;
        }
        self.touch_chat(&id);
        Ok(id)
    }

    /// Says a line.
    pub(crate) fn visitor_says(&mut self, chat: &str, text: &str) -> Done {
        self.visitor_line(chat, text, "plain")
    }

    /// Says a line of html, as some windows send it.
    pub(crate) fn visitor_says_html(&mut self, chat: &str, text: &str) -> Done {
        self.visitor_line(chat, text, "html")
    }

    /// Presses a button of a card: says its text.
    pub(crate) fn visitor_clicks(
        &mut self,
        chat: &str,
        event: u64,
        button: &Button,
    ) -> Result<(Option<u64>, Value), String> {
        let found = self.chat(chat)?;
        let line = found.events.iter().find(|one| one.id == event).and_then(|one| one.line());
        let card = line.and_then(|line| line.json.clone());
        let card = card.ok_or_else(|| format!("event {event} has no structured content"))?;
        let message = json!({ "content": card });
        let buttons = content::clickables(&message);
        let element = match button {
            Button::Number(number) => buttons.get(*number).copied(),
            Button::Title(title) => buttons.into_iter().find(|one| one["title"] == title.as_str()),
        };
        let element = element.ok_or_else(|| format!("event {event} has no button {button:?}"))?;
        let actions = element["click"]["actions"].clone();
        let mut said = None;
        for action in actions.as_array().into_iter().flatten() {
            if let (Some("publishText"), Some(text)) =
                (action["type"].as_str(), action["text"].as_str())
            {
                said = self.visitor_says(chat, text)?;
            }
        }
        Ok((said, actions))
    }

    /// Types, or does not any more.
    pub(crate) fn visitor_types(&mut self, chat: &str, typing: bool) -> Done {
        self.open_chat(chat)?.visitor_typing = typing;
        self.touch_chat(chat);
        Ok(None)
    }

    /// Goes without a word: the service sees it.
    pub(crate) fn visitor_leaves(&mut self, chat: &str) -> Done {
        self.open_chat(chat)?;
        Ok(self.end_chat(chat, ChatEnd::VisitorGone))
    }

    /// Ends the chat.
    pub(crate) fn visitor_ends(&mut self, chat: &str) -> Done {
        self.open_chat(chat)?;
        Ok(self.end_chat(chat, ChatEnd::Visitor))
    }

    fn visitor_line(&mut self, chat: &str, text: &str, text_type: &str) -> Done {
        let now = self.now;
        let found = self.open_chat(chat)?;
        found.visitor_typing = false;
        let name = found.visitor.name.clone();
        let line = Line::plain(Source::Visitor, &name, text);
        let id = found.say(now, Line { text_type: text_type.to_owned(), ..line });
        self.touch_chat(chat);
        Ok(Some(id))
    }

    fn open_chat(&mut self, chat: &str) -> Result<&mut Chat, String> {
        let found = self.chats.all.get_mut(chat).filter(|one| !one.is_over());
        found.ok_or_else(|| format!("there is no open chat \"{chat}\""))
    }
}
