//! Golden traces.
