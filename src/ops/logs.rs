//! Temporary.
use std::error::Error;
/// Filter.
pub struct Filter;
impl Filter {
    /// Set.
    pub fn set(&self, _level: &str) -> Result<(), std::io::Error> {
        Ok(())
    }
}
/// Init.
pub fn init(log: &crate::config::Log, _name: &str) -> Result<Filter, std::io::Error> {
    use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};
    let filter: tracing_subscriber::filter::Targets = log.level.parse().unwrap_or_default();
    tracing_subscriber::registry().with(tracing_subscriber::fmt::layer()).with(filter).init();
    Ok(Filter)
}
/// Chain.
pub fn chain(error: &dyn Error) -> String {
    error.to_string()
}
