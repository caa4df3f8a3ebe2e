//! The rules of the house, checked by reading its own files.

#![expect(clippy::unwrap_used, reason = "what the tests read the files with is test code too")]

mod documents;
mod files;
mod layering;
mod scenarios;
