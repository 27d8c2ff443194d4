//! Injects a leak into cmon itself: leaks a reader or a connection for some of its follows.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context;
use futures_util::FutureExt;
use tokio::time::sleep;

use crate::docker::Docker;
use crate::docker::logs::Logs;
use crate::engine::census::Purpose;
use crate::engine::registry::Registry;
use crate::engine::source::{
    ListFilters, LogEnd, LogRequest, OutputKind, ReadMode, Source, Stored, Tail,
};

/// One in this many follows leaks.
const LEAK_EVERY_FOLLOWS: u64 = 10;
/// How often the follows are counted.
const COUNT_EVERY: Duration = Duration::from_millis(100);
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// What leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OwnLeak {
    /// A reader that never ends.
    Reader,
    /// A connection that is never closed.
    Connection,
}

impl OwnLeak {
    /// Counts the follows of `docker` and leaks for some of them, until dropped.
    ///
    /// # Errors
    /// A connection to leak cannot be opened.
    ///
    /// # Cancel safety
    /// Closes the leaked connections.
    pub(super) async fn inject(
        self,
        docker: &Docker,
        registry: &Registry,
    ) -> anyhow::Result<Infallible> {
        let mut kept = Vec::new();
        let mut leaked = 0;
        loop {
            sleep(COUNT_EVERY).await;
            let opened = docker.connections().get(&Purpose::Stream).map_or(0, |count| count.opened);
            // Leaked connections are no follows of the check.
            let follows = opened - kept.len() as u64;
            while leaked < follows / LEAK_EVERY_FOLLOWS {
                leaked += 1;
                match self {
                    OwnLeak::Reader => {
                        let endless = std::future::pending::<()>();
                        registry.spawn_reader(
                            "injected",
                            FOREVER,
                            (),
                            |()| endless.boxed(),
                            |(), _| {},
                        );
                    }
                    OwnLeak::Connection => kept.push(follow(docker).await?),
                }
            }
        }
    }
}

/// Opens a follow of any container.
async fn follow(docker: &Docker) -> anyhow::Result<Logs> {
    let rows = docker.list(&ListFilters::default()).await?;
    let row = rows.into_iter().next().context("the embedded daemon has no container")?;
    let (tail, stored) = (Tail::Last(1), Stored::Something);
    let (mode, end) = (ReadMode::Follow, LogEnd::Served);
    let request = LogRequest { key: row.key, output: OutputKind::Pipes, mode, tail, stored, end };
    Ok(docker.logs(&request).await?)
}
