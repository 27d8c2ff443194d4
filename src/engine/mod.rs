//! Follows many log streams at once; knows neither Docker nor terminal nor command line.
//!
//! ```text
//!  events ──Started/Died──▶ ┌────────────┐ ◀──ended, and why── reader ┐
//!  stop ──────────────────▶ │ supervisor │ ──spawn, by registry─▶ reader ├──▶ bounded channel of Event
//!  wakes ─────────────────▶ └────────────┘                      reader ┘
//!                            owns one Lifecycle      each: open ▸ read ▸ Resume ▸ lines
//!                            per container           every wait races with stop
//! ```
//!
//! What it promises: every line that the daemon still holds is delivered once, in the daemon's
//! order, over rotation, reconnect and restart; one reader per container, counted until it has
//! ended; memory bounded by the longest line, a ring of keys and the channel; an end within the stop
//! deadline plus a second.

pub mod anchor;
pub mod backlog;
pub mod backoff;
pub mod census;
pub mod conditions;
pub mod event;
mod failure;
mod files;
mod group;
pub mod lag;
mod lifecycle;
pub mod limits;
pub mod lines;
mod pace;
mod pattern;
pub mod position;
pub mod preview;
mod reader;
pub mod registry;
pub mod resume;
pub mod rows;
mod runs;
pub mod selection;
mod several;
pub mod source;
pub mod stale;
mod start;
mod subscription;
mod supervisor;
pub mod tally;
pub mod timestamp;
mod trail;
pub mod turns;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use backlog::{Backlog, Outputs, Range};
use backoff::Backoff;
use census::{Census, TaskKind};
use event::{About, Awaited, Event, Label, Note, Notice};
use group::{Activity, Member};
use position::{OtherDaemon, Saved, SavedDaemon};
use registry::Registry;
use rows::Row;
pub use runs::Runs;
use selection::Selection;
pub use several::{Engines, Observers};
use source::{ContainerKey, DaemonId, Listed, Source, SourceError};
pub use start::StartError;
use start::{Chosen, Listing};
use subscription::Subscription;
use supervisor::Supervisor;
use tally::Tally;
use waiting::SlowNotes;

/// How the engine follows.
#[derive(Clone, Debug)]
pub struct Config {
    /// Stay and deliver what comes; otherwise end after what is stored.
    pub follow: bool,
    /// Follow for this long only, and then until the daemon's clock has passed the last wanted time.
    pub follow_for: Option<Duration>,
    /// End when none of the selected containers runs any more.
    pub exit_on_stop: bool,
    /// Wait for a daemon that does not answer yet, and for containers that are not there yet.
    pub wait: bool,
    /// What is shown first of the containers that are there at the start.
    pub backlog: Backlog,
    /// The runs that are shown of the containers that are there at the start.
    pub runs: Runs,
    /// Which outputs are delivered.
    pub outputs: Outputs,
    /// In which order lines of several containers are wanted.
    pub order: LineOrder,
    /// Lines above this many bytes pass in pieces.
    pub max_line: usize,
    /// The age at which a stream is rotated, give or take a tenth.
    pub stream_timeout: Duration,
    /// How long a stream may be quiet before the daemon is asked whether it has more.
    pub stale_after: Duration,
    /// How long stopping may take before everything is closed by force.
    pub stop_timeout: Duration,
    /// What earlier runs have saved. With it, lines come with the position that a later run needs.
    pub saved: Option<Arc<Saved>>,
    /// Fixes the jitter, for tests.
    pub seed: Option<u64>,
}

/// In which order whoever takes the events wants the lines of several containers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOrder {
    /// As they are read: each container as fast as it goes.
    AsRead,
    /// By their times. Events say which containers come first and when all that was stored of one has come, and no
    /// container runs far ahead of the others until then.
    ByTime,
}

impl Default for Config {
    /// All of both outputs, for as long as the containers are there, with the deadlines of the command line.
    fn default() -> Self {
        Self {
            follow: true,
            follow_for: None,
            exit_on_stop: false,
            wait: false,
            backlog: Backlog::All,
            runs: Runs::All,
            outputs: Outputs::BOTH,
            order: LineOrder::AsRead,
            max_line: 1 << 20,
            stream_timeout: Duration::from_secs(300),
            stale_after: Duration::from_secs(30),
            stop_timeout: Duration::from_secs(5),
            saved: None,
            seed: None,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The census after the end.
    pub census: Census,
    /// The same of each daemon, where there are several.
    pub by_daemon: Vec<(DaemonId, Census)>,
    /// Containers that were given up, with the reasons.
    pub failures: Vec<(String, SourceError)>,
    /// Daemons that were left out, with the reasons.
    pub left_out: Vec<(DaemonId, StartError)>,
}

/// A command to a running engine.
#[derive(Debug)]
enum StreamCommand {
    /// Close this container's stream and open the next one, whatever its age.
    Rotate(ContainerKey),
}

/// Orders that wait for the supervisor; more than that at once come from a key held down.
const COMMANDS: usize = 16;

/// Sends commands to running engines, from any thread.
#[derive(Clone, Debug)]
pub struct Control(Arc<[(DaemonId, mpsc::Sender<StreamCommand>)]>);

impl Control {
    /// Rotates this container's stream now; where it is backing off, it is tried now. Returns whether
    /// the order was taken.
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
    source: Arc<S>,
    registry: Registry,
    tally: Arc<Tally>,
    begun: CancellationToken,
}

// Written out, since a derived one would want a source that can be cloned.
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
    /// Which daemon it is.
    pub fn daemon(&self) -> DaemonId {
        self.source.daemon()
    }

    /// Waits until the daemon has answered and the selection was matched.
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

    /// The names of the containers that are followed as they are shown, in no particular order.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.tally.names()
    }

    /// The figures of this moment.
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

/// What a daemon answers first: the list, the events, and what it calls itself.
type Look<E> = (Listing, Option<Subscription<E>>, Option<Arc<str>>);

/// What an engine begins with.
struct Begun<E> {
    chosen: Chosen,
    listed: Vec<Listed>,
    subscription: Option<Subscription<E>>,
    saved: Option<SavedDaemon>,
}

/// Follows the containers of one daemon.
#[derive(Debug)]
pub struct Engine<S> {
    source: Arc<S>,
    registry: Registry,
    tally: Arc<Tally>,
    config: Config,
    slow: Arc<SlowNotes>,
    begun: CancellationToken,
    commands: (mpsc::Sender<StreamCommand>, mpsc::Receiver<StreamCommand>),
}

impl<S: Source> Engine<S> {
    /// An engine over this source; `registry` counts its tasks and those of the source.
    pub fn new(source: Arc<S>, registry: Registry, config: Config) -> Self {
        let (begun, commands) = (CancellationToken::new(), mpsc::channel(COMMANDS));
        let (tally, slow) = (Arc::default(), Arc::default());
        Self { source, registry, tally, config, slow, begun, commands }
    }

    /// Sends it commands while it runs.
    pub fn control(&self) -> Control {
        Control([(self.source.daemon(), self.commands.0.clone())].into())
    }

    /// A reader of the census.
    pub fn observer(&self) -> Observer<S> {
        Observer {
            source: Arc::clone(&self.source),
            registry: self.registry.clone(),
            tally: Arc::clone(&self.tally),
            begun: self.begun.clone(),
        }
    }

    /// Follows what `selection` matches and sends all that happens to `events`, until `stop` or
    /// until nothing more can come; then closes everything.
    ///
    /// # Errors
    /// Before anything is read: the daemon does not answer, or a pattern matches nothing.
    pub async fn run(
        self,
        selection: &Selection,
        events: mpsc::Sender<Event>,
        stop: CancellationToken,
    ) -> Result<Outcome, StartError> {
        Engines::new(vec![self]).run(selection, events, stop).await
    }

    /// The same as one of the engines of a run.
    async fn run_in(
        mut self,
        mut member: Member,
        selection: &Selection,
        events: mpsc::Sender<Event>,
        stop: CancellationToken,
    ) -> Result<Outcome, StartError> {
        let end = self.config.follow_for.map(|time| Instant::now() + time);
        let begun = tokio::select! {
            biased;
            () = stop.cancelled() => None,
            () = events.closed() => None,
            // Boxed: it needs room that the following does not.
            begun = Box::pin(self.begin(&mut member, selection, end, &events)) => Some(begun?),
        };
        let mut failures = Vec::new();
        let mut stragglers = Vec::new();
        let mut left_out = Vec::new();
        match begun {
            None => {}
            Some(Err(error)) => {
                let what = Notice::DaemonLeftOut { error: error.clone() };
                let note = send_note(&events, About::Daemon(self.source.daemon()), what);
                stop.run_until_cancelled(note).await;
                member.report(Activity::Stopped);
                left_out.push((self.source.daemon(), error));
            }
            Some(Ok(Begun { chosen, listed, subscription, saved })) => {
                let unreported = member.take_unreported();
                let mut supervisor = Supervisor::new(
                    Arc::clone(&self.source),
                    self.registry.clone(),
                    Arc::clone(&self.tally),
                    self.config.clone(),
                    (chosen.selection, &listed, saved),
                    (events, Arc::clone(&self.slow)),
                    (std::mem::replace(&mut self.commands.1, mpsc::channel(1).1), member, end),
                );
                if let Some(Listed { key, name, .. }) = chosen.left_out {
                    supervisor.say(About::Container(Label::new(key, name).into()), Notice::Own);
                }
                stop.run_until_cancelled(supervisor.announce(&listed)).await;
                supervisor.begin(listed, subscription, unreported);
                self.begun.cancel();
                supervisor.run(&stop).await;
                failures = supervisor.failures();
                supervisor.stop_token().cancel();
                let stopping = async {
                    supervisor.flush().await;
                    self.registry.drained().await;
                    supervisor.flush_lines().await;
                };
                if timeout(self.config.stop_timeout, stopping).await.is_err() {
                    stragglers = self.force().await;
                }
            }
        }
        let mut census = self.observer().census();
        census.stragglers = stragglers;
        Ok(Outcome { census, by_daemon: Vec::new(), failures, left_out })
    }

    /// Subscribes, lists, and matches the selection; waits for the daemon where that is wanted, or where
    /// another one is followed already. Gives the error of a daemon that is left out.
    async fn begin(
        &self,
        member: &mut Member,
        selection: &Selection,
        end: Option<Instant>,
        events: &mpsc::Sender<Event>,
    ) -> Result<Result<Begun<S::Events>, StartError>, StartError> {
        let say = async |what| send_note(events, About::Daemon(self.source.daemon()), what).await;
        let mut backoff = Backoff::default();
        loop {
            let error = match self.look(selection, &say).await {
                Ok((listing, subscription, identity)) => {
                    let saved = match self.saved(identity.as_ref()) {
                        Err(error) if member.is_decided() => return Ok(Err(error.into())),
                        saved => saved?,
                    };
                    if let Some(identity) = identity {
                        let _ = events.send(Event::Identity(self.source.daemon(), identity)).await;
                    }
                    if 0 < backoff.failures() {
                        self.tally.daemon_away(None);
                        say(Notice::DaemonBack).await;
                    }
                    let listing = Arc::new(listing);
                    member.answered(Ok(Arc::clone(&listing)), selection, &self.config).await?;
                    let chosen = listing.choose(selection);
                    let listed = listing.listed.clone();
                    return Ok(chosen.map(|chosen| Begun { chosen, listed, subscription, saved }));
                }
                Err(error) => error,
            };
            let is_awaited = self.config.wait && error.kind.may_pass();
            if !is_awaited && !member.is_decided() {
                member.answered(Err(error.clone()), selection, &self.config).await?;
            }
            if !self.config.follow {
                return Ok(Err(error.into()));
            }
            let first = backoff.failures() == 0;
            let retry = backoff.next(fastrand::f64());
            self.tally.daemon_away(Some(Instant::now() + retry));
            if first {
                say(Notice::DaemonAway { error: error.clone(), retry }).await;
            }
            let next = Instant::now() + retry;
            if let Some(end) = end.filter(|end| *end <= next) {
                // It did not come in the time that there was.
                sleep_until(end).await;
                if !member.is_decided() {
                    member.answered(Err(error.clone()), selection, &self.config).await?;
                }
                return Ok(Err(error.into()));
            }
            sleep_until(next).await;
        }
    }

    /// What earlier runs have saved of the daemon that calls itself so.
    fn saved(&self, identity: Option<&Arc<str>>) -> Result<Option<SavedDaemon>, OtherDaemon> {
        let Some(saved) = &self.config.saved else {
            return Ok(None);
        };
        let daemon = self.source.daemon();
        let at = saved.section(daemon.as_str(), identity)?;
        let nothing =
            || SavedDaemon { address: daemon.as_str().to_owned(), ..SavedDaemon::default() };
        Ok(Some(at.map_or_else(nothing, |at| saved.0[at].clone())))
    }

    /// Asks for the events, for the list, and who the daemon is, where that matters.
    async fn look(
        &self,
        selection: &Selection,
        say: &impl AsyncFn(Notice),
    ) -> Result<Look<S::Events>, SourceError> {
        // Asked for before the list is taken, so that no start falls between the two. The list alone
        // is needed to begin.
        let subscription = match self.config.follow {
            true => Some(Subscription::ask(&self.source).await),
            false => None,
        };
        let slow = async || say(Notice::StillWaiting { what: Awaited::List }).await;
        let listed = self.slow.watch(self.source.list(selection.list_filters()), slow).await?;
        let own = self.source.own(&listed).await;
        let identity = match self.config.saved {
            Some(_) => self.source.identity().await?,
            None => None,
        };
        Ok((Listing { listed, own }, subscription, identity))
    }

    /// Closes all that is still open and names the readers that did not end by themselves.
    async fn force(&self) -> Vec<String> {
        let stragglers = self.registry.labels(TaskKind::Reader);
        let closed = self.source.close_all();
        tracing::debug!(closed, ?stragglers, "the stop deadline has passed");
        // What does not end now is left to the end of the process.
        let _ = timeout(limits::FORCED, self.registry.drained()).await;
        stragglers
    }
}

async fn send_note(events: &mpsc::Sender<Event>, about: About, what: Notice) {
    // A closed channel ends the run elsewhere.
    let _ = events.send(Event::Note(Note { about, what })).await;
}

#[cfg(test)]
mod tests;
