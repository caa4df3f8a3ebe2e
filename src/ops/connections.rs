//! The connections that a small server has open: a bounded number, of which the newest pushes out the oldest.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::task::{AbortHandle, JoinError, JoinSet};
use tracing::error;

/// The connections that are being served, oldest first.
#[derive(Debug)]
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    open: VecDeque<(AbortHandle, Trust)>,
    max: usize,
}

/// Whether who is at the other end has shown who it is. Clones share what was earned.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trust(Arc<AtomicBool>);

impl Trust {
    /// It has shown who it is.
    pub(crate) fn earn(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_earned(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Connections {
    /// At most `max` at once.
    pub(crate) fn new(max: usize) -> Self {
        Self { tasks: JoinSet::new(), open: VecDeque::new(), max }
    }

    /// Serves one more. Should there be too many, the oldest stranger has to go, or else the oldest.
    pub(crate) fn add(
        &mut self,
        trust: Trust,
        connection: impl Future<Output = ()> + Send + 'static,
    ) {
        while let Some(ended) = self.tasks.try_join_next() {
            note(ended);
        }
        self.open.retain(|(task, _)| !task.is_finished());
        if self.open.len() >= self.max {
            let stranger = self.open.iter().position(|(_, trust)| !trust.is_earned());
            if let Some((task, _)) = self.open.remove(stranger.unwrap_or(0)) {
                task.abort();
            }
        }
        self.open.push_back((self.tasks.spawn(connection), trust));
    }

    /// Waits until all have ended; what has not by then is cut off.
    pub(crate) async fn finish(mut self, wait: Duration) {
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                note(ended);
            }
        };
        let _ = tokio::time::timeout(wait, all).await;
    }
}

fn note(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "serving a connection failed: this is a bug");
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn the_newest_pushes_out_the_oldest() {
        let mut connections = Connections::new(2);
        let first = idle(&mut connections, Trust::default());
        let mut second = idle(&mut connections, Trust::default());
        let mut third = idle(&mut connections, Trust::default());
        ends(first).await;
        assert!(is_open(&mut second));
        assert!(is_open(&mut third));
    }

    #[tokio::test]
    async fn strangers_go_before_those_who_are_known() {
        let mut connections = Connections::new(2);
        let known = Trust::default();
        let mut first = idle(&mut connections, known.clone());
        known.earn();
        let second = idle(&mut connections, Trust::default());
        let mut third = idle(&mut connections, known.clone());
        ends(second).await;
        assert!(is_open(&mut first));
        let mut fourth = idle(&mut connections, Trust::default());
        // All are known: the oldest has to go.
        ends(first).await;
        assert!(is_open(&mut third));
        assert!(is_open(&mut fourth));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_ones_are_waited_for_but_not_for_long() {
        let mut connections = Connections::new(2);
        let idle = idle(&mut connections, Trust::default());
        connections.finish(Duration::from_secs(1)).await;
        ends(idle).await;
    }

    /// A connection on which nothing happens; the receiver sees its end.
    fn idle(connections: &mut Connections, trust: Trust) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        connections.add(trust, async move {
            std::future::pending::<()>().await;
            drop(sender);
        });
        receiver
    }

    /// Waits for the end of an idle connection.
    async fn ends(idle: oneshot::Receiver<()>) {
        let ended = tokio::time::timeout(Duration::from_secs(5), idle).await;
        assert!(ended.expect("the connection is still open").is_err());
    }

    fn is_open(idle: &mut oneshot::Receiver<()>) -> bool {
        matches!(idle.try_recv(), Err(oneshot::error::TryRecvError::Empty))
    }
}
