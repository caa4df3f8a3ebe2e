//! `demo`: the simulated cloud and a bot in this process, the connector as a child.
pub(super) async fn run(_config: &std::path::Path) -> Result<std::process::ExitCode, String> {
    Err("later".into())
}
