//! Secrets: where they come from, and a type that cannot be printed.

use std::path::PathBuf;

use secrecy::SecretString;

/// Where a secret comes from. It is read afresh at each use, so that a rotated key works without a restart.
#[derive(Clone, Debug)]
pub enum Secret {
    /// Written in the file.
    Literal(SecretString),
    /// In a file of its own; the path is absolute or relative to the working directory.
    File(PathBuf),
    /// In an environment variable.
    Env(String),
    /// In a file under `$CREDENTIALS_DIRECTORY` (systemd `LoadCredential=`).
    Credential(String),
}

/// Why a secret could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file could not be read.
    #[error("cannot read the secret file {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The variable is not set, or is not Unicode.
    #[error("the environment variable {0} is not set; set it or name another source")]
    Env(String),
    /// systemd gave no credentials.
    #[error(
        "$CREDENTIALS_DIRECTORY is not set; add LoadCredential={0}:... to the unit or name another source"
    )]
    NoCredentials(String),
    /// The source holds nothing.
    #[error("the secret from {0} is empty")]
    Empty(String),
}

impl Secret {
    /// Reads the secret; one trailing newline of a file is removed.
    pub fn read(&self) -> Result<SecretString, SecretError> {
        let (text, from) = match self {
            Self::Literal(secret) => return Ok(secret.clone()),
            Self::File(path) => (read_file(path.clone())?, path.display().to_string()),
            Self::Env(name) => {
                let text = std::env::var(name).map_err(|_| SecretError::Env(name.clone()))?;
                (text, format!("${name}"))
            }
            Self::Credential(name) => {
                let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
                    .ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
                (read_file(PathBuf::from(folder).join(name))?, format!("credential {name}"))
            }
        };
        if text.is_empty() { Err(SecretError::Empty(from)) } else { Ok(text.into()) }
    }
}

fn read_file(path: PathBuf) -> Result<String, SecretError> {
    let mut text =
        std::fs::read_to_string(&path).map_err(|source| SecretError::File { path, source })?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}
