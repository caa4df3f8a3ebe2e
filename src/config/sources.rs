//! Pure: secrets as the file gives them. Nothing here shows one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::SecretString;
use toml::de::{DeTable, DeValue};

use super::{
    keys::{Form, Kind},
    nearest::nearest,
    value::{Refusal, expected, wrong_type},
    words::{escape, found},
};
use crate::secret::Secret;

/// A secret: a text, or a table that says where it comes from.
pub(super) fn secret(kind: Kind, value: &DeValue<'_>) -> Result<Secret, Refusal> {
    match value {
        DeValue::String(text) if text.is_empty() => Err(expected(kind, "an empty text")),
        DeValue::String(text) => Ok(Secret::Literal(SecretString::from(text.as_ref()))),
        DeValue::Table(table) => secret_source(kind, table),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_) => Err(wrong_type(kind, value)),
    }
}

/// The same, but a text must be what Standard Webhooks call a secret.
pub(super) fn signing_secret(kind: Kind, value: &DeValue<'_>) -> Result<Secret, Refusal> {
    let good = |text: &str| {
        text.strip_prefix("whsec_")
            .and_then(|base64| STANDARD.decode(base64).ok())
            .is_some_and(|bytes| (24..=64).contains(&bytes.len()))
    };
    if value.as_str().is_some_and(|text| !good(text)) {
        return Err(Refusal {
            span: None,
            message: "expected a Standard Webhooks secret: whsec_ and base64 of 24 to 64 bytes"
                .to_owned(),
            help: Some("make one: echo \"whsec_$(openssl rand -base64 32)\"".to_owned()),
        });
    }
    secret(kind, value)
}

/// The keys of a secret's table.
pub(super) const SOURCES: [&str; 3] = ["file", "env", "credential"];

fn secret_source(kind: Kind, table: &DeTable<'_>) -> Result<Secret, Refusal> {
    let mut entries = table.iter();
    let (Some((key, value)), None) = (entries.next(), entries.next()) else {
        let number = match table.len() {
            0 => "an empty table".to_owned(),
            many => format!("a table of {many} keys"),
        };
        return Err(expected(kind, &number));
    };
    let at = |span, refusal| Refusal {
        span: Some(span),
        ..refusal
    };
    let name = match value.get_ref().as_str() {
        Some(name) if !name.is_empty() => name,
        Some(_) | None => {
            let refusal = expected(Kind::Text(Form::Filled), found(value.get_ref()));
            return Err(at(value.span(), refusal));
        }
    };
    let unfit = |what: &str| {
        let message = format!("expected {what}");
        Err(at(
            value.span(),
            Refusal {
                span: None,
                message,
                help: None,
            },
        ))
    };
    match key.get_ref().as_ref() {
        "file" => Ok(Secret::File(name.into())),
        "env" if name.contains(['=', '\0']) => unfit("the name of an environment variable"),
        "env" => Ok(Secret::Env(name.to_owned())),
        "credential" if name.contains(['/', '\0']) || name.starts_with('.') => {
            unfit("the name of a credential: one file's name, without a folder")
        }
        "credential" => Ok(Secret::Credential(name.to_owned())),
        other => Err(at(
            key.span(),
            Refusal {
                help: nearest(other, SOURCES).map(|word| format!("did you mean `{word}`?")),
                ..expected(kind, &format!("a table with the key `{}`", escape(other)))
            },
        )),
    }
}
