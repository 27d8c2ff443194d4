//! Creates engines for the named daemons.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::config::Daemon;
use crate::docker::endpoint::{Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::event::{About, Event, Note, Notice};
use crate::engine::registry::Registry;
use crate::engine::{self, Engine, Engines};

/// A daemon and its name; no name if it is the only one.
pub(crate) type NamedDaemon = (Option<String>, Daemon);

/// A source for each daemon, in the same order.
pub(super) fn sources(daemons: &[NamedDaemon], requests: RequestOptions) -> Vec<Arc<Docker>> {
    let source = |(name, daemon): &NamedDaemon| {
        let endpoint = Endpoint::by(daemon.route.clone(), daemon.origin.clone());
        let endpoint = match name {
            Some(name) => endpoint.named(name),
            None => endpoint,
        };
        Arc::new(Docker::new(endpoint, requests))
    };
    daemons.iter().map(source).collect()
}

/// An engine for each source, with its own registry.
pub(super) fn engines(sources: &[Arc<Docker>], config: &engine::Config) -> Engines<Docker> {
    let engine =
        |source: &Arc<Docker>| Engine::new(Arc::clone(source), Registry::default(), config.clone());
    Engines::new(sources.iter().map(engine).collect())
}

/// Sends a note if cmon chose the socket by itself.
pub(super) fn note_found(daemons: &[NamedDaemon], events: &mpsc::Sender<Event>) {
    for (_, daemon) in daemons {
        if let Origin::Found(product) = daemon.origin {
            let endpoint = daemon.route.to_string().into();
            let what = Notice::DaemonFound { endpoint, product };
            // The channel is still empty.
            let _ = events.try_send(Event::Note(Note { about: About::Run, what }));
        }
    }
}

/// The note with the embedded daemon's socket, for `docker -H`.
pub(super) fn demo_note(daemons: &[NamedDaemon]) -> Option<Event> {
    let (_, daemon) = daemons.iter().find(|(_, daemon)| daemon.origin == Origin::Demo)?;
    let what = Notice::DemoListens { endpoint: daemon.route.to_string().into() };
    Some(Event::Note(Note { about: About::Run, what }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::endpoint::{Address, Route};

    #[test]
    fn a_found_socket_is_noted() {
        let daemon = |origin| {
            let route = Route::Direct(Address::Unix("/h/.colima/docker.sock".into()));
            vec![(None, Daemon { route, origin })]
        };
        let (events, mut received) = mpsc::channel(1);
        note_found(&daemon(Origin::Default), &events);
        assert!(received.try_recv().is_err());
        note_found(&daemon(Origin::Found("Colima")), &events);
        let Ok(Event::Note(Note { about: About::Run, what })) = received.try_recv() else {
            panic!("a note");
        };
        let Notice::DaemonFound { endpoint, product } = what else { panic!("{what:?}") };
        assert_eq!((&*endpoint, product), ("unix:///h/.colima/docker.sock", "Colima"));
    }
}
