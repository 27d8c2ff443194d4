//! Handles on a running engine: commands and figures.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::census::Census;
use super::registry::Registry;
use super::rows::Row;
use super::source::{ContainerKey, DaemonId, Source};
use super::tally::Tally;

/// A command to a running engine.
#[derive(Debug)]
pub(super) enum StreamCommand {
    /// Close this container's stream and open the next one, whatever its age.
    Rotate(ContainerKey),
}

/// The queue length for commands to the supervisor; a held-down key may exceed it.
pub(super) const COMMANDS_MAX: usize = 16;

/// Sends commands to running engines, from any thread.
#[derive(Clone, Debug)]
pub struct Control(pub(super) Arc<[(DaemonId, mpsc::Sender<StreamCommand>)]>);

impl Control {
    /// Rotates this container's stream now, or ends its backoff. Returns whether the queue had room for the command.
    pub fn rotate(&self, key: &ContainerKey) -> bool {
        let engine = self.0.iter().find(|(daemon, _)| *daemon == key.daemon);
        engine.is_some_and(|(_, commands)| {
            commands.try_send(StreamCommand::Rotate(key.clone())).is_ok()
        })
    }
}

/// Reads the census of a running engine, from any thread.
#[derive(Debug)]
pub struct Observer<S> {
    pub(super) source: Arc<S>,
    pub(super) registry: Registry,
    pub(super) tally: Arc<Tally>,
    pub(super) begun: CancellationToken,
}

// Written out: a derived one would require `S: Clone`.
impl<S> Clone for Observer<S> {
    fn clone(&self) -> Self {
        Self {
            source: Arc::clone(&self.source),
            registry: self.registry.clone(),
            tally: Arc::clone(&self.tally),
            begun: self.begun.clone(),
        }
    }
}

impl<S: Source> Observer<S> {
    /// The daemon's key.
    pub fn daemon(&self) -> DaemonId {
        self.source.daemon()
    }

    /// Waits until the daemon has answered and cmon has matched the selection.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// A row for each container that is followed, in no particular order.
    pub fn rows(&self) -> Vec<Row> {
        self.tally.rows()
    }

    /// The shown names of the followed containers, in no particular order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.tally.names()
    }

    /// The current census.
    pub fn census(&self) -> Census {
        let mut census = self.registry.census();
        self.tally.fill(&mut census);
        for away in &mut census.away {
            away.host = self.source.daemon().host().cloned();
        }
        census.requests = self.source.requests();
        census.connections = self.source.connections();
        census
    }
}
