//! The engine's source over the Docker API.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OnceCell;

use super::api::Api;
use super::endpoint::{Address, Endpoint, Route};
use super::http::Dialect;
use super::own::{Evidence, Traces};
use super::request::{Client, RequestOptions};
use super::{Docker, api, logs};
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{
    Container, ContainerKey, DaemonId, ErrorKind, ListFilters, Listed, LogRequest, Moment, Source,
    SourceError,
};
use crate::engine::timestamp::Timestamp;

/// The maximum number of inspections to find the container that cmon runs in.
const INSPECTED_MAX: usize = 500;

impl Docker {
    /// A source over this endpoint, without a connection.
    pub fn new(endpoint: Endpoint, options: RequestOptions) -> Self {
        let endpoint = Arc::new(endpoint);
        let client = Arc::new(Client::new(Arc::clone(&endpoint), options));
        let api = Api::over(Arc::clone(&client));
        Self { endpoint, client, api, dialect: OnceCell::new(), own: OnceCell::new() }
    }

    /// The client for requests other than following logs.
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The daemon's dialect, requested once; `None` if the answer does not show it. A proxy that removes the daemon's
    /// headers may refuse this request too, and following works without it.
    async fn dialect(&self) -> Option<Dialect> {
        let asked = self.dialect.get_or_try_init(|| async {
            match self.api.dialect().await {
                Ok(dialect) => Ok(dialect),
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    tracing::debug!("the daemon's version stays unknown: {error}");
                    Ok(None)
                }
                // A later request may succeed.
                Err(error) => Err(error),
            }
        });
        asked.await.ok().copied().flatten()
    }
}

impl Docker {
    /// Finds the container that cmon runs in, among these. If the daemon does not answer a request about it, cmon
    /// still leaves it out if its full id is known.
    async fn find_own(&self, listed: &[Listed]) -> Result<Option<ContainerKey>, ContainerKey> {
        let traces = Traces::read();
        let socket = match self.endpoint.route() {
            Route::Direct(Address::Unix(path)) => std::fs::canonicalize(path).ok(),
            _ => None,
        };
        let mut shared = false;
        for (evidence, key) in traces.candidates(listed) {
            match self.api.identity(key.id.as_str()).await {
                Ok(one) if traces.fit(evidence, &one, socket.as_deref()) => return Ok(Some(key)),
                Ok(_) => shared = true,
                Err(error) if error.kind == ErrorKind::Gone => {}
                Err(_) if evidence == Evidence::Hostname => {}
                Err(_) => return Err(key),
            }
        }
        // Traces of another container are shared with it, so this one is among the others.
        let others = listed.iter().filter(|one| shared && one.phase.is_live()).take(INSPECTED_MAX);
        for one in others {
            let identity = self.api.identity(one.key.id.as_str()).await;
            if identity.is_ok_and(|other| traces.has_root_of(&other) == Some(true)) {
                return Ok(Some(one.key.clone()));
            }
        }
        Ok(None)
    }
}

impl Source for Docker {
    type Logs = logs::Logs;
    type Events = api::Events;

    fn daemon(&self) -> DaemonId {
        self.endpoint.daemon()
    }

    async fn list(&self, filters: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        self.api.list(filters).await
    }

    async fn own(&self, listed: &[Listed]) -> Option<ContainerKey> {
        let found = self.own.get_or_try_init(|| self.find_own(listed)).await;
        found.cloned().unwrap_or_else(Some)
    }

    async fn identity(&self) -> Result<Option<Arc<str>>, SourceError> {
        // Podman creates a new id for each answer.
        if !matches!(self.dialect().await, Some(Dialect::Docker(_))) {
            return Ok(None);
        }
        match self.api.info().await {
            Ok(info) => Ok(Some(info.id.into()).filter(|id: &Arc<str>| !id.is_empty())),
            Err(error) if error.kind == ErrorKind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn clock(&self) -> Option<Timestamp> {
        self.api.info().await.ok()?.time
    }

    async fn inspect(&self, key: &ContainerKey) -> Result<Container, SourceError> {
        let inspection = self.api.inspect(key).await?;
        let dialect = match inspection.dialect {
            Some(dialect) => Some(dialect),
            None => self.dialect().await,
        };
        inspection.container(key, dialect)
    }

    async fn events(&self) -> Result<Self::Events, SourceError> {
        self.api.events().await
    }

    async fn remembered(
        &self,
        key: &ContainerKey,
        until: Timestamp,
    ) -> Result<Vec<Moment>, SourceError> {
        self.api.remembered(key, until).await
    }

    async fn logs(&self, request: &LogRequest) -> Result<Self::Logs, SourceError> {
        logs::Logs::open(&self.client, request).await
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
