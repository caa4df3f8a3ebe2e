//! The bot of the demo.
