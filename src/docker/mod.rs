//! The Docker side of the engine's [`Source`]: connections, questions, log streams.
//!
//! ```text
//! Docker ─┬─▶ api ── bollard ──────────┐
//!         └─▶ logs ─▶ http ─▶ frames   ├─▶ endpoint ─▶ the daemon's socket
//!               └──────────────────────┘
//! ```

pub mod api;
mod driver;
pub mod endpoint;
pub mod frames;
pub mod http;
pub mod logs;
mod nap;
mod socket;
pub(crate) mod unix_path;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::registry::Registry;
use crate::engine::source::{Container, ContainerKey, Listed, LogRequest, Source, SourceError};
use api::{Api, Version};
use endpoint::Endpoint;

/// One Docker daemon as a [`Source`].
#[derive(Debug)]
pub struct Docker {
    endpoint: Arc<Endpoint>,
    api: Api,
    version: OnceCell<Version>,
}

impl Docker {
    /// A source over this endpoint, whose tasks are counted in `registry`; nothing is opened yet.
    pub fn new(endpoint: Endpoint, registry: Registry) -> Self {
        let endpoint = Arc::new(endpoint);
        let api = Api::new(Arc::clone(&endpoint), registry);
        Self { endpoint, api, version: OnceCell::new() }
    }

    /// Questions that are not part of following logs.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The daemon's version, asked once.
    async fn version(&self) -> Result<&Version, SourceError> {
        self.version.get_or_try_init(|| self.api.version()).await
    }
}

impl Source for Docker {
    type Logs = logs::Logs;
    type Events = api::Events;

    async fn list(&self) -> Result<Vec<Listed>, SourceError> {
        self.api.list().await
    }

    async fn inspect(&self, key: &ContainerKey) -> Result<Container, SourceError> {
        let version = self.version().await?;
        self.api.inspect(key, version).await
    }

    async fn events(&self) -> Result<Self::Events, SourceError> {
        self.api.events().await
    }

    async fn logs(&self, request: &LogRequest) -> Result<Self::Logs, SourceError> {
        logs::Logs::open(&self.endpoint, request).await
    }

    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        self.endpoint.connections()
    }

    fn requests(&self) -> u64 {
        self.api.requests()
    }

    fn close_all(&self) -> usize {
        self.endpoint.close_all()
    }
}
