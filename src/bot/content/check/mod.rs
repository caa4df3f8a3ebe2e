//! Pure: is this structured content that the platform will take? The limits are those of the web channel.
//!
//! The platform's schemas are closed: one wrong key and the whole card is refused. What is found here is told to
//! the bot's developer with its path; the content is published all the same, because the platform is the judge.

mod shapes;

use serde_json::Value;

use shapes::{ACTIONS, CARDS, Kind, Member, Need, Of, QUICK_REPLIES, ROOTS, Shape};

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where, as `elements[0].click.actions[1].text`; empty for the whole.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.path, self.what)
        }
    }
}

impl Problem {
    /// A problem found within `path`, seen from outside.
    #[must_use]
    pub fn within(self, path: &str) -> Self {
        Self { path: join(path, &self.path), what: self.what }
    }
}

/// Checks structured content, or quick replies (`"type": "quickReplies"`); at most 100 problems are told.
#[must_use]
pub fn check(content: &Value) -> Vec<Problem> {
    let mut check = Check::default();
    if content.get("type").and_then(Value::as_str) == Some(QUICK_REPLIES.name) {
        check.object(content, &QUICK_REPLIES, "");
    } else {
        check.one_of(content, ROOTS, "");
    }
    check.problems
}

#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn one_of(&mut self, value: &Value, shapes: &[&'static Shape], path: &str) {
        let Some(members) = value.as_object() else {
            return self.problem(path, format!("must be an object, is {}", describe(value)));
        };
        match members.get("type").and_then(Value::as_str) {
            Some(name) => match shapes.iter().find(|shape| shape.name == name) {
                Some(shape) => self.object(value, shape, path),
                None => self.problem(
                    &join(path, "type"),
                    format!("`{}` is not allowed here; known: {}", short(name), names(shapes)),
                ),
            },
            None => self.problem(path, format!("`type` is missing; known: {}", names(shapes))),
        }
    }

    fn object(&mut self, value: &Value, shape: &Shape, path: &str) {
        let Some(object) = value.as_object() else {
            return self.problem(path, format!("must be an object, is {}", describe(value)));
        };
        let known = || shape.members.iter().copied().flatten();
        for (key, value) in object {
            let path = join(path, key);
            match known().find(|member| member.0 == key) {
                Some(member) => self.value(value, &member.1, &path),
                None => {
                    let allowed: Vec<_> = known().map(|member| member.0).collect();
                    let what = format!(
                        "unknown member of `{}`, which makes the platform refuse all of it; known: {}",
                        shape.name,
                        allowed.join(", ")
                    );
                    self.problem(&path, what);
                }
            }
        }
        for Member(key, _, need) in known() {
            if *need == Need::Required && !object.contains_key(*key) {
                self.problem(path, format!("`{}` needs `{key}`", shape.name));
            }
        }
    }

    fn value(&mut self, value: &Value, kind: &Kind, path: &str) {
        match kind {
            Kind::Type => {}
            Kind::Text(max) => {
                self.text(value, *max, path);
            }
            Kind::Uri(max) => {
                if let Some(text) = self.text(value, *max, path)
                    && !is_absolute(text)
                {
                    self.problem(path, "must be an absolute URI, such as https://…".to_owned());
                }
            }
            Kind::Https(max) => {
                if let Some(text) = self.text(value, *max, path)
                    && !text.starts_with("https://")
                {
                    let what =
                        "must begin with https://, and its domain must be allowed for the account";
                    self.problem(path, what.to_owned());
                }
            }
            Kind::Flag => self.expect(value.is_boolean(), value, "true or false", path),
            Kind::Number => self.expect(value.is_number(), value, "a number", path),
            Kind::Integer => {
                self.expect(value.is_i64() || value.is_u64(), value, "a whole number", path)
            }
            Kind::Between(min, max) => {
                let fits = value.as_f64().is_some_and(|n| (*min..=*max).contains(&n));
                self.expect(fits, value, &format!("a number from {min} to {max}"), path);
            }
            Kind::Word(words) => {
                let fits = value.as_str().is_some_and(|word| words.contains(&word));
                self.expect(fits, value, &format!("one of {}", words.join(", ")), path);
            }
            Kind::Array => self.expect(value.is_array(), value, "an array", path),
            Kind::Numbers(max) => {
                for (item, path) in self.items(value, 0, *max, path) {
                    self.value(item, &Kind::Number, &path);
                }
            }
            Kind::Texts(min, max, length) => {
                for (item, path) in self.items(value, *min, *max, path) {
                    self.value(item, &Kind::Text(*length), &path);
                }
            }
            Kind::Object(shape) => self.object(value, shape, path),
            Kind::List(min, max, of) => {
                for (item, path) in self.items(value, *min, *max, path) {
                    match of {
                        Of::Roots => self.one_of(item, ROOTS, &path),
                        Of::Cards => self.one_of(item, CARDS, &path),
                        Of::Actions => self.one_of(item, ACTIONS, &path),
                        Of::Only(shape) if item.get("type").is_none() => {
                            self.object(item, shape, &path);
                        }
                        Of::Only(shape) => self.one_of(item, &[shape], &path),
                    }
                }
            }
            Kind::Sequence(sequences) => self.sequence(value, sequences, path),
            Kind::Aria => self.aria(value, path),
        }
    }

    fn text<'a>(&mut self, value: &'a Value, max: usize, path: &str) -> Option<&'a str> {
        let text = value.as_str();
        self.expect(text.is_some(), value, "a text", path);
        let length = text?.chars().count();
        if length > max {
            self.problem(path, format!("has {length} characters, at most {max} are allowed"));
        }
        text
    }

    fn items<'a>(
        &mut self,
        value: &'a Value,
        min: usize,
        max: usize,
        path: &str,
    ) -> Vec<(&'a Value, String)> {
        let Some(items) = value.as_array() else {
            self.expect(false, value, "an array", path);
            return Vec::new();
        };
        if !(min..=max).contains(&items.len()) {
            let what = format!("has {} entries, {min} to {max} are allowed", items.len());
            self.problem(path, what);
        }
        (items.iter().enumerate()).map(|(i, item)| (item, format!("{path}[{i}]"))).collect()
    }

    fn sequence(&mut self, value: &Value, sequences: &[&[&'static Shape]], path: &str) {
        let items = self.items(value, 0, usize::MAX, path);
        let Some(sequence) = sequences.iter().find(|s| s.len() == items.len()) else {
            let allowed: Vec<_> = sequences.iter().map(|s| names(s)).collect();
            let what = format!("must hold exactly {}", allowed.join(" or "));
            return self.problem(path, what);
        };
        for ((item, path), shape) in items.into_iter().zip(*sequence) {
            self.one_of(item, &[shape], &path);
        }
    }

    fn aria(&mut self, value: &Value, path: &str) {
        let Some(object) = value.as_object() else {
            return self.expect(false, value, "an object", path);
        };
        for (key, value) in object {
            let path = join(path, key);
            if key == "role" || key == "tabindex" || key.starts_with("aria-") {
                self.text(value, 1000, &path);
            } else {
                self.problem(&path, "only role, tabindex and aria-… are known here".to_owned());
            }
        }
    }

    fn expect(&mut self, fits: bool, value: &Value, wanted: &str, path: &str) {
        if !fits {
            self.problem(path, format!("must be {wanted}, is {}", describe(value)));
        }
    }

    fn problem(&mut self, path: &str, what: String) {
        if self.problems.len() < PROBLEMS_MAX {
            let path = path.to_owned();
            self.problems.push(Problem { path, what });
        }
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        ("", key) => key.to_owned(),
        (path, "") => path.to_owned(),
        (path, key) if key.starts_with('[') => format!("{path}{key}"),
        (path, key) => format!("{path}.{}", short(key)),
    }
}

fn names(shapes: &[&Shape]) -> String {
    let names: Vec<_> = shapes.iter().map(|shape| shape.name).collect();
    names.join(", ")
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("{:?}", short(text)),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn short(text: &str) -> String {
    super::cut(text, 40)
}

fn is_absolute(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
            && !rest.is_empty()
            && !uri.contains(char::is_whitespace)
    })
}

const PROBLEMS_MAX: usize = 100;

#[cfg(test)]
mod tests;
