//! The hall and its doors: build, run, drain.

pub mod availability;
pub mod hall;
mod report;
pub mod rings;
