//! Pure: the JSON Schema of the file, with which editors complete and check it.

use serde_json::{Map, Value, json};

use super::{
    keys::{self, Form, Key, Keys, Kind, Presence, Section},
    rules,
};

/// The JSON Schema of the configuration file (draft 2020-12).
///
/// A file that the daemon takes is valid by it. The reverse does not hold: rules between keys are the daemon's.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "connectord",
        "description": "Configuration of one connector between Conversational Cloud and a bot",
        "$defs": { "secret": secret(json!({ "type": "string", "minLength": 1 })) },
    });
    let root = object(
        keys::SECTIONS
            .iter()
            .filter(|section| !section.name.contains('.'))
            .map(|section| (section.name, self::section(section), is_required(section))),
    );
    merge(&mut schema, root);
    schema
}

fn section(section: &Section) -> Value {
    let mut schema = match section.keys {
        Keys::Known(known) => {
            let own = known.iter().map(|key| {
                (
                    key.name(),
                    self::key(key),
                    matches!(key.presence, Presence::Required),
                )
            });
            let prefix = format!("{}.", section.name);
            let inner = keys::SECTIONS.iter().filter_map(|inner| {
                Some((
                    inner.name.strip_prefix(&prefix)?,
                    self::section(inner),
                    false,
                ))
            });
            object(own.chain(inner))
        }
        Keys::Free(kind) => json!({
            "type": "object",
            "propertyNames": { "pattern": "[^0-9]" },
            "additionalProperties": self::kind(kind, false),
        }),
    };
    if section.name == "custom" {
        for moved in keys::MOVED {
            schema["properties"][moved.name] = json!({
                "deprecated": true,
                "description": moved.to.map_or_else(
                    || "No effect.".to_owned(),
                    |to| format!("No effect. Use {to} instead."),
                ),
            });
        }
    }
    if section.name == "credentials" {
        schema["oneOf"] = rules::WAYS
            .iter()
            .map(|(way, keys)| {
                let names: Vec<_> = keys.iter().map(rules::name).collect();
                json!({ "title": way, "required": names })
            })
            .collect();
    }
    schema["description"] = section.doc.into();
    schema
}

fn key(key: &Key) -> Value {
    let mut schema = kind(key.kind, key.is_loose());
    schema["description"] = key.doc.into();
    if let Presence::Default(text) = key.presence
        && let Ok(value) = default_value(text)
    {
        schema["default"] = value;
    }
    schema
}

fn kind(kind: Kind, loose: bool) -> Value {
    match kind {
        Kind::Text(form) => text(form, loose),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Flag if loose => json!({
            "anyOf": [
                { "type": "boolean" },
                { "type": "string", "pattern": "^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])$" },
            ],
        }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Count(min, max) => {
            let number = json!({ "type": "integer", "minimum": min, "maximum": max });
            if loose {
                json!({ "anyOf": [number, { "type": "string", "pattern": "^\\s*\\+?[0-9]+\\s*$" }] })
            } else {
                number
            }
        }
        Kind::Span(_, _) => json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" }),
        Kind::Url(schemes) => json!({
            "type": "string",
            "pattern": format!("^({})://", schemes.join("|")),
        }),
        Kind::Proxy => json!({ "type": "string", "pattern": "^http://" }),
        Kind::Path => json!({ "type": "string", "minLength": 1 }),
        Kind::Listen => json!({ "type": "string", "pattern": "^(off|unix:/.+|.+:[0-9]+)$" }),
        Kind::Address => json!({ "type": "string", "pattern": "^.+:[0-9]+$" }),
        Kind::LogFilter => json!({ "type": "string", "minLength": 1 }),
        Kind::Secret => json!({ "$ref": "#/$defs/secret" }),
        Kind::SigningSecret => secret(json!({
            "type": "string",
            "pattern": "^whsec_[A-Za-z0-9+/]{32,86}={0,2}$",
        })),
        Kind::Texts => json!({
            "type": "array",
            "items": { "type": "string", "pattern": "\\S" },
        }),
        Kind::Patterns => json!({ "type": "string" }),
    }
}

fn text(form: Form, loose: bool) -> Value {
    let digits = |pattern: &str| {
        let text = json!({ "type": "string", "pattern": pattern });
        if loose {
            json!({ "anyOf": [text, { "type": "integer", "minimum": 0 }] })
        } else {
            text
        }
    };
    match form {
        Form::Any => json!({ "type": "string" }),
        Form::Filled => json!({ "type": "string", "minLength": 1 }),
        Form::Digits => digits("^[0-9]{1,32}$"),
        Form::DigitsOrEmpty => digits("^[0-9]{0,32}$"),
        Form::Name => json!({ "type": "string", "pattern": "^[a-z0-9][a-z0-9._-]{0,63}$" }),
    }
}

/// A text, or a table with exactly one source.
fn secret(literal: Value) -> Value {
    let name = json!({ "type": "string", "minLength": 1 });
    json!({
        "oneOf": [
            literal,
            {
                "type": "object",
                "properties": { "file": name, "env": name, "credential": name },
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ],
    })
}

fn is_required(section: &Section) -> bool {
    section
        .known()
        .iter()
        .any(|key| matches!(key.presence, Presence::Required))
}

/// An object of these properties and no others.
fn object<'a>(properties: impl Iterator<Item = (&'a str, Value, bool)>) -> Value {
    let mut known = Map::new();
    let mut required = Vec::new();
    for (name, schema, is_required) in properties {
        known.insert(name.to_owned(), schema);
        if is_required {
            required.push(name);
        }
    }
    json!({
        "type": "object",
        "properties": known,
        "required": required,
        "additionalProperties": false,
    })
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn default_value(text: &str) -> Result<Value, toml::de::Error> {
    use serde::Deserialize as _;
    Value::deserialize(toml::de::ValueDeserializer::parse(text)?)
}
