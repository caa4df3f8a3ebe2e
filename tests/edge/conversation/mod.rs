//! A conversation from end to end: every field that shapes it, once at least.

mod answers;
mod consumer;
mod first_utterance;
