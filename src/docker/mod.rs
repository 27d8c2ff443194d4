//! The Docker side of the engine's [`Source`](crate::engine::source::Source): connections, requests, log streams.
//!
//! ```text
//! Docker ─┬─▶ api ─▶ answers           (lists, inspections, events: JSON)
//!         └─▶ logs ─▶ frames           (log streams)
//!               └─▶ request ─▶ http, endpoint ─▶ the daemon's socket
//! ```

mod address;
mod answers;
pub mod api;
mod connection;
mod counted;
mod deadline;
mod docker_source;
mod driver;
pub mod endpoint;
pub mod frames;
pub mod http;
mod lenient;
pub mod logs;
mod own;
mod read_pacing;
mod refusal;
mod request;
mod socket;
mod ssh;
mod stream;
pub(crate) mod tls;
mod tls_error;
pub(crate) mod unix_path;

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::engine::source::ContainerKey;
pub use answers::{Info, Process, Version};
use api::Api;
use endpoint::Endpoint;
use http::Dialect;
pub use read_pacing::pause_round;
use request::Client;
pub use request::{ApiVersion, Details, REQUEST_TIMEOUT, RequestOptions};

/// One Docker daemon as a [`Source`](crate::engine::source::Source).
#[derive(Debug)]
pub struct Docker {
    endpoint: Arc<Endpoint>,
    client: Arc<Client>,
    api: Api,
    /// The daemon's dialect, if the heads of its answers do not show it.
    dialect: OnceCell<Option<Dialect>>,
    /// The container that cmon runs in, once known.
    own: OnceCell<Option<ContainerKey>>,
}
