//! A subscription to the daemon's events, which the daemon may confirm late.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::source::{Source, SourceError};

/// How long the first list waits for the confirmation, so that a second list is not needed. Docker confirms
/// within milliseconds; Podman 4 and 5 with the first event.
const CONFIRM_TIMEOUT: Duration = Duration::from_millis(500);

type Asking<E> = Pin<Box<dyn Future<Output = Result<E, SourceError>> + Send>>;

/// A requested subscription.
pub(super) enum Subscription<E> {
    /// The daemon has not answered yet.
    Asked(Asking<E>),
    /// It has, before anything was listed.
    Answered(Result<E, SourceError>),
}

impl<E: Send + 'static> Subscription<E> {
    /// Subscribes to the events and gives the daemon a moment to confirm.
    pub(super) async fn ask<S: Source<Events = E>>(source: &Arc<S>) -> Self {
        let source = Arc::clone(source);
        let mut asking: Asking<E> = Box::pin(async move { source.events().await });
        match timeout(CONFIRM_TIMEOUT, &mut asking).await {
            Ok(answer) => Self::Answered(answer),
            Err(_) => Self::Asked(asking),
        }
    }
}
