//! Short requests to the daemon, and its events.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::answers::{self, Info, Message, Process, Version};
use super::deadline::Question;
use super::endpoint::Endpoint;
use super::http::Dialect;
use super::lenient::Maybe;
use super::own::Identity;
use super::request::{Answer, Client, RequestOptions, encode};
use crate::engine::census::Purpose;
use crate::engine::source::{
    Container, ContainerEvent, ContainerKey, DaemonId, ErrorKind, EventStream, ListFilters, Listed,
    Moment, SourceError,
};
use crate::engine::timestamp::Timestamp;

const FILTER_HINT: &str = "the daemon applies this --filter; correct its value";
/// The longest accepted event, which contains all labels of its container.
const EVENT_MAX_BYTES: usize = 1 << 20;

/// Client of one daemon.
#[derive(Debug)]
pub struct Api {
    client: Arc<Client>,
}

impl Api {
    /// A client without a connection.
    pub fn new(endpoint: Arc<Endpoint>, options: RequestOptions) -> Self {
        Self::over(Arc::new(Client::new(endpoint, options)))
    }

    pub(super) fn over(client: Arc<Client>) -> Self {
        Self { client }
    }

    /// The number of short requests since the start.
    pub fn requests(&self) -> u64 {
        self.client.requests()
    }

    fn daemon(&self) -> DaemonId {
        self.client.endpoint().daemon()
    }

    /// Whether the daemon answers.
    pub async fn ping(&self) -> Result<(), SourceError> {
        self.client.get(Question::Ping, "/_ping").await.map(drop)
    }

    /// The daemon's version.
    pub async fn version(&self) -> Result<Version, SourceError> {
        self.ask(Question::Version, "/version", answers::version).await.map(|(version, _)| version)
    }

    /// The daemon's dialect, from its answer about its version.
    pub(super) async fn dialect(&self) -> Result<Option<Dialect>, SourceError> {
        self.ask(Question::Version, "/version", answers::version).await.map(|(_, dialect)| dialect)
    }

    /// The daemon's resource usage.
    pub async fn info(&self) -> Result<Info, SourceError> {
        self.ask(Question::Info, "/info", answers::info).await
    }

    /// All containers, stopped ones included. Those that `filters` exclude have `passes: false`, from a second request.
    pub async fn list(&self, filters: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        let list = |body: &[u8]| answers::list(&self.daemon(), body);
        let target = "/containers/json?all=1";
        let all = self.ask(Question::List, target, list);
        if filters.is_empty() {
            return all.await;
        }
        let filters = serde_json::json!(filters).to_string();
        let target = format!("{target}&filters={}", encode(&filters));
        let (all, passing) = tokio::join!(all, self.ask(Question::List, &target, list));
        let passing = passing.map_err(|error| match error.kind {
            ErrorKind::Refused => SourceError { hint: Some(FILTER_HINT), ..error },
            _ => error,
        })?;
        let passing: HashSet<ContainerKey> = passing.into_iter().map(|row| row.key).collect();
        let rows = all?.into_iter();
        Ok(rows.map(|row| Listed { passes: passing.contains(&row.key), ..row }).collect())
    }

    /// Inspects one container; also returns the dialect of the answer.
    pub(super) async fn inspect(&self, key: &ContainerKey) -> Result<Inspection, SourceError> {
        let target = format!("/containers/{}/json", encode(key.id.as_str()));
        let answer = self.client.get(Question::Inspect, &target).await?;
        let client = Arc::clone(&self.client);
        Ok(Inspection { client, target, body: answer.body, dialect: answer.dialect })
    }

    /// The process of the container with this name or id.
    pub async fn process(&self, container: &str) -> Result<Process, SourceError> {
        let target = format!("/containers/{}/json", encode(container));
        self.ask(Question::Inspect, &target, answers::process).await
    }

    /// Facts that show whether this process runs in the container with this name or id.
    pub(super) async fn identity(&self, container: &str) -> Result<Identity, SourceError> {
        let target = format!("/containers/{}/json", encode(container));
        let mut identity = self.ask(Question::Inspect, &target, answers::identity).await?;
        // The kernel shows the target of a link: /var/run is /run.
        for destination in &mut identity.destinations {
            if let Ok(real) = std::fs::canonicalize(&*destination) {
                *destination = real;
            }
        }
        Ok(identity)
    }

    /// The names of all threads of the container with this name or id.
    pub async fn threads(&self, container: &str) -> Result<Vec<String>, SourceError> {
        let args = encode("-eLo pid,tid,comm");
        let target = format!("/containers/{}/top?ps_args={args}", encode(container));
        self.ask(Question::Threads, &target, answers::threads).await
    }

    async fn ask<T>(
        &self,
        question: Question,
        target: &str,
        decode: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Result<T, SourceError> {
        let answer = self.client.get(question, target).await?;
        decode(&answer.body).ok_or_else(|| undecodable(&self.client, target, &answer.body))
    }

    /// The daemon's past events of a container until a moment.
    pub(super) async fn remembered(
        &self,
        key: &ContainerKey,
        until: Timestamp,
    ) -> Result<Vec<Moment>, SourceError> {
        let filters = serde_json::json!({
            "type": ["container"],
            "container": [key.id.as_str()],
            "event": ["create", "start", "die"],
        });
        let nanos = until.as_nanos();
        let (seconds, nanos) = (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000));
        // Podman ends the answer at once only with `stream=false`.
        let target = format!(
            "/events?since=0&until={seconds}.{nanos:09}&stream=false&filters={}",
            encode(&filters.to_string())
        );
        self.ask(Question::Events, &target, answers::remembered).await
    }

    /// Subscribes to the events of containers. Returns after the daemon's confirmation, which Podman sends with the
    /// first event.
    pub async fn events(&self) -> Result<Events, SourceError> {
        let filters = serde_json::json!({
            "type": ["container"],
            "event": ["start", "die", "oom", "pause", "unpause", "destroy", "rename", "health_status"],
        });
        let target = format!("/events?filters={}", encode(&filters.to_string()));
        let mut answer = self.client.open_early(Purpose::Events, &target, Duration::ZERO).await?;
        answer.finish_head().await.map_err(|error| answer.named(&error))?;
        Ok(Events { daemon: self.daemon(), answer, held: Vec::new() })
    }
}

/// The answer to an inspection.
#[derive(Debug)]
pub(super) struct Inspection {
    client: Arc<Client>,
    target: String,
    body: Vec<u8>,
    /// The dialect of the answer, as far as the head shows it.
    pub(super) dialect: Option<Dialect>,
}

impl Inspection {
    /// The container in this dialect.
    pub(super) fn container(
        &self,
        key: &ContainerKey,
        dialect: Option<Dialect>,
    ) -> Result<Container, SourceError> {
        let container = answers::container(key, &self.body, dialect);
        container.ok_or_else(|| undecodable(&self.client, &self.target, &self.body))
    }
}

fn undecodable(client: &Client, target: &str, body: &[u8]) -> SourceError {
    let quoted: String = String::from_utf8_lossy(body).chars().take(80).collect();
    let message = format!("the answer is not what Docker answers: `{quoted}`");
    client.name(target, SourceError::new(ErrorKind::Protocol, message))
}

/// An open subscription to the events of containers.
#[derive(Debug)]
pub struct Events {
    daemon: DaemonId,
    answer: Answer,
    /// Bytes of an incomplete event.
    held: Vec<u8>,
}

impl Events {
    /// Takes the next complete object off the buffer. Objects come in sequence, with or without a newline between them.
    fn next_held(&mut self) -> Result<Option<Maybe<Message>>, SourceError> {
        let mut objects = serde_json::Deserializer::from_slice(&self.held).into_iter();
        let next: Option<Result<Maybe<Message>, _>> = objects.next();
        let used = objects.byte_offset();
        match next {
            Some(Ok(message)) => {
                self.held.drain(..used);
                Ok(Some(message))
            }
            Some(Err(error)) if !error.is_eof() => Err(SourceError::new(
                ErrorKind::Protocol,
                format!("GET /events: what came is no event: {error}"),
            )),
            _ if EVENT_MAX_BYTES < self.held.len() => Err(SourceError::new(
                ErrorKind::Protocol,
                format!("GET /events: an event is longer than {} KiB", EVENT_MAX_BYTES >> 10),
            )),
            _ => Ok(None),
        }
    }
}

impl EventStream for Events {
    async fn next(&mut self) -> Result<ContainerEvent, SourceError> {
        loop {
            while let Some(message) = self.next_held()? {
                let message = message.known();
                let container_event =
                    message.and_then(|message| answers::container_event(&self.daemon, message));
                if let Some(container_event) = container_event {
                    return Ok(container_event);
                }
            }
            if !self.answer.read(&mut self.held).await? {
                let message = "GET /events: the answer ended";
                return Err(SourceError::new(ErrorKind::Cut, message));
            }
        }
    }
}
