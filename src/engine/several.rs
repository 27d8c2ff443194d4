//! Several daemons in one run: an engine for each, so that no daemon delays another.

use std::sync::Arc;

use futures_util::future::{select_all, try_join_all};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::census::Census;
use super::event::Event;
use super::group::Member;
use super::rows::Row;
use super::selection::Selection;
use super::source::{DaemonId, Source};
use super::{Control, Engine, Observer, Outcome, StartError};

/// Follows the containers of several daemons at once. Each has its own supervisor, events, probes and backoff.
#[derive(Debug)]
pub struct Engines<S>(Vec<Engine<S>>);

impl<S: Source> Engines<S> {
    /// These engines, one per daemon.
    pub fn new(engines: Vec<Engine<S>>) -> Self {
        Self(engines)
    }

    /// A handle that sends commands to them while they run.
    pub fn control(&self) -> Control {
        Control(self.0.iter().flat_map(|engine| engine.control().0.to_vec()).collect())
    }

    /// A reader of their figures.
    pub fn observers(&self) -> Observers<S> {
        Observers(self.0.iter().map(Engine::observer).collect())
    }

    /// Follows the containers that `selection` matches on any of the daemons, as [`Engine::run`] does on one.
    /// Retries a daemon that is away while it follows others.
    ///
    /// # Errors
    /// Before anything is read: no daemon answers, or a pattern matches nothing on any of them.
    pub async fn run(
        self,
        selection: &Selection,
        events: mpsc::Sender<Event>,
        stop: CancellationToken,
    ) -> Result<Outcome, StartError> {
        let members = Member::of(self.0.len());
        let daemons: Vec<DaemonId> = self.0.iter().map(|engine| engine.source.daemon()).collect();
        let run = |(engine, member): (Engine<S>, Member)| {
            engine.run_in(member, selection, events.clone(), stop.clone())
        };
        let running: Vec<_> = self.0.into_iter().zip(members).map(run).collect();
        // The channel ends with the last engine.
        drop(events);
        let outcomes = try_join_all(running).await?;
        let mut all = Outcome::default();
        for (daemon, outcome) in daemons.into_iter().zip(outcomes) {
            all.census.add(&outcome.census);
            all.failures.extend(outcome.failures);
            all.left_out.extend(outcome.left_out);
            all.by_daemon.push((daemon, outcome.census));
        }
        if all.by_daemon.len() == 1 {
            all.by_daemon.clear();
        }
        Ok(all)
    }
}

/// Reads the figures of running engines, from any thread.
#[derive(Debug)]
pub struct Observers<S>(Vec<Observer<S>>);

impl<S> Clone for Observers<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: Source> Observers<S> {
    /// Waits until one of the daemons is followed.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn begun(&self) {
        let begun = self.0.iter().map(|observer| Box::pin(observer.begun()));
        select_all(begun).await;
    }

    /// A row for each container that is followed, in no particular order.
    pub fn rows(&self) -> Vec<Row> {
        self.0.iter().flat_map(Observer::rows).collect()
    }

    /// The shown names of the followed containers, in no particular order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.0.iter().flat_map(Observer::names).collect()
    }

    /// The current census of each daemon.
    pub fn by_daemon(&self) -> Vec<(DaemonId, Census)> {
        self.0.iter().map(|observer| (observer.daemon(), observer.census())).collect()
    }

    /// The current census of all daemons together.
    pub fn census(&self) -> Census {
        let mut all = Census::default();
        self.by_daemon().iter().for_each(|(_, census)| all.add(census));
        all
    }
}
