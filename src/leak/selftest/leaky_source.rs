//! A source that leaks: it leaves a reader or a connection behind for some of its follows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::docker::Docker;
use crate::docker::logs::Logs;
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::registry::Registry;
use crate::engine::source::{
    Container, ContainerKey, DaemonId, ListFilters, Listed, LogRequest, ReadMode, Source,
    SourceError,
};

/// One in this many follows leaves something behind.
const LEAK_EVERY_FOLLOWS: u64 = 10;
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// What is left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnLeak {
    /// A reader that never ends.
    Reader,
    /// A connection that is never closed.
    Connection,
}

/// Opens the streams of a daemon, and leaves something behind for some of them.
#[derive(Debug)]
pub(super) struct LeakySource {
    docker: Docker,
    registry: Registry,
    plan: Option<OwnLeak>,
    follows: AtomicU64,
    kept: Mutex<Vec<Logs>>,
}

impl LeakySource {
    pub(super) fn new(docker: Docker, registry: Registry, plan: Option<OwnLeak>) -> Self {
        let (follows, kept) = (AtomicU64::new(0), Mutex::default());
        Self { docker, registry, plan, follows, kept }
    }
}

impl Source for LeakySource {
    type Logs = Logs;
    type Events = <Docker as Source>::Events;

    fn daemon(&self) -> DaemonId {
        self.docker.daemon()
    }

    async fn list(&self, filters: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        self.docker.list(filters).await
    }

    async fn inspect(&self, key: &ContainerKey) -> Result<Container, SourceError> {
        self.docker.inspect(key).await
    }

    async fn events(&self) -> Result<Self::Events, SourceError> {
        self.docker.events().await
    }

    async fn logs(&self, request: &LogRequest) -> Result<Self::Logs, SourceError> {
        let follows = || self.follows.fetch_add(1, Ordering::Relaxed);
        let forgets =
            request.mode == ReadMode::Follow && follows().is_multiple_of(LEAK_EVERY_FOLLOWS);
        match self.plan.filter(|_| forgets) {
            None => {}
            Some(OwnLeak::Reader) => {
                let label = "injected";
                self.registry.spawn_reader(label, FOREVER, std::future::pending::<()>(), drop);
            }
            Some(OwnLeak::Connection) => {
                let kept = self.docker.logs(request).await?;
                self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
            }
        }
        self.docker.logs(request).await
    }

    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        self.docker.connections()
    }

    fn requests(&self) -> u64 {
        self.docker.requests()
    }

    fn close_all(&self) -> usize {
        // What it forgot is not closed here either.
        0
    }
}
