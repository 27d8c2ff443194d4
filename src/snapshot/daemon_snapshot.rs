//! The daemon's resource usage, requested every two seconds at most.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::docker::Info;
use crate::docker::api::Api;
use crate::engine::census::Census;

/// The shortest interval of these requests.
const REQUEST_MIN_INTERVAL: Duration = Duration::from_secs(2);

/// The state of a daemon.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct DaemonSnapshot {
    /// Its name, if one run follows several.
    pub host: Option<Arc<str>>,
    /// Its address.
    pub endpoint: String,
    /// Its name, which is the host's; empty until it has answered.
    pub name: String,
    /// Its version; empty until it has answered.
    pub version: String,
    /// Its goroutines at the last request; `None` if that failed.
    pub goroutines: Option<u64>,
    /// Its open descriptors.
    pub descriptors: Option<u64>,
    /// The engine's totals of its containers.
    pub census: Census,
}

/// The state of the daemon, shared by several readers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<DaemonSnapshot>>);

impl Shared {
    /// A daemon with only its address known.
    pub(crate) fn new(endpoint: String) -> Self {
        Self(Arc::new(Mutex::new(DaemonSnapshot { endpoint, ..DaemonSnapshot::default() })))
    }

    /// The current state.
    pub(crate) fn get(&self) -> DaemonSnapshot {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, info: Info) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !info.name.is_empty() {
            known.name = info.name;
        }
        if !info.version.is_empty() {
            known.version = info.version;
        }
        (known.goroutines, known.descriptors) = (info.goroutines, info.descriptors);
    }
}

/// Requests the daemon's resource usage at this interval. Never returns.
pub(crate) async fn sample(api: &Api, every: Duration, shared: &Shared) {
    loop {
        // Another indicator shows that it does not answer; its usage is unknown then.
        let info = api.info().await.unwrap_or_else(|error| {
            tracing::debug!("the daemon's figures: {error}");
            Info::default()
        });
        shared.learn(info);
        sleep(every.max(REQUEST_MIN_INTERVAL)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{FakeDaemon, serve};
    use crate::docker::endpoint::{Address, Endpoint, Origin};
    use crate::docker::{Docker, RequestOptions};

    #[test]
    fn a_silent_daemon_keeps_its_name_but_not_its_usage() {
        let shared = Shared::new("unix:///s".to_owned());
        let info = Info {
            id: "AB:CD".to_owned(),
            name: "host".to_owned(),
            version: "24.0".to_owned(),
            goroutines: Some(70),
            descriptors: Some(40),
            time: None,
        };
        shared.learn(info);
        assert_eq!(shared.get().goroutines, Some(70));
        shared.learn(Info::default());
        let known = shared.get();
        assert_eq!((known.name.as_str(), known.version.as_str()), ("host", "24.0"));
        assert_eq!((known.goroutines, known.descriptors), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn usage_is_requested_every_two_seconds_at_most() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = tokio::net::UnixListener::bind(&path).unwrap();
        let fake = FakeDaemon::default();
        let endpoint = Endpoint::new(Address::Unix(path), Origin::Demo);
        let docker = Docker::new(endpoint, RequestOptions::default());
        let shared = Shared::new(String::new());
        tokio::select! {
            () = serve(fake.clone(), listener) => {}
            () = sample(docker.api(), Duration::from_millis(100), &shared) => {}
            () = sleep(Duration::from_secs(61)) => {}
        }
        let requests = fake.requests().iter().filter(|one| one.contains("/info")).count();
        assert!((25..=31).contains(&requests), "{requests} requests within a minute");
        assert_eq!(shared.get().name, "cmon-demo");
    }
}
