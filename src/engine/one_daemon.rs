//! The engine of one daemon: start, supervisor, and an end within the deadline.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::backoff::Backoff;
use super::census::TaskKind;
use super::control::{COMMANDS_MAX, Control, Observer, StreamCommand};
use super::event::{About, Awaited, Event, Label, Note, Notice};
use super::group::{Activity, Member};
use super::limits;
use super::options::{Config, Outcome};
use super::position::{OtherDaemon, SavedDaemon};
use super::registry::Registry;
use super::selection::Selection;
use super::several::Engines;
use super::source::{Listed, Source, SourceError};
use super::start::{Chosen, Listing, StartError};
use super::subscription::Subscription;
use super::tally::Tally;
use super::waiting::SlowNotes;
use crate::engine::supervisor::Supervisor;

/// A daemon's first answer: the list, the events, and the daemon's own id.
type Look<E> = (Listing, Option<Subscription<E>>, Option<Arc<str>>);

/// The start state of an engine.
struct Begun<E> {
    chosen: Chosen,
    listed: Vec<Listed>,
    subscription: Option<Subscription<E>>,
    saved: Option<SavedDaemon>,
}

/// Follows the containers of one daemon.
#[derive(Debug)]
pub struct Engine<S> {
    pub(super) source: Arc<S>,
    pub(super) registry: Registry,
    pub(super) tally: Arc<Tally>,
    pub(super) config: Config,
    slow: Arc<SlowNotes>,
    pub(super) begun: CancellationToken,
    commands: (mpsc::Sender<StreamCommand>, mpsc::Receiver<StreamCommand>),
}

impl<S: Source> Engine<S> {
    /// An engine over this source; `registry` counts its tasks and those of the source.
    pub fn new(source: Arc<S>, registry: Registry, config: Config) -> Self {
        let (begun, commands) = (CancellationToken::new(), mpsc::channel(COMMANDS_MAX));
        let (tally, slow) = (Arc::default(), Arc::default());
        Self { source, registry, tally, config, slow, begun, commands }
    }

    /// A handle that sends commands to the engine while it runs.
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

    /// Follows the containers that `selection` matches and sends all events to `events`. Runs until `stop`, or
    /// until no more events can come; then closes everything.
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

    /// Runs as one of the engines of a run.
    pub(super) async fn run_in(
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
            // Boxed, so that the rest of the future does not carry its size.
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

    /// Subscribes, lists, and matches the selection. Waits for the daemon if configured, or if the run follows
    /// another one already. Returns the error of a daemon that is left out.
    async fn begin(
        &self,
        member: &mut Member,
        selection: &Selection,
        end: Option<Instant>,
        events: &mpsc::Sender<Event>,
    ) -> Result<Result<Begun<S::Events>, StartError>, StartError> {
        let say = async |what| send_note(events, About::Daemon(self.source.daemon()), what).await;
        let mut backoff = Backoff::default();
        let seed = self.config.seed;
        let mut random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
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
            if !self.config.follows() {
                return Ok(Err(error.into()));
            }
            let first = backoff.failures() == 0;
            let retry = backoff.next(random.f64());
            self.tally.daemon_away(Some(Instant::now() + retry));
            if first {
                say(Notice::DaemonAway { error: error.clone(), retry }).await;
            }
            let next = Instant::now() + retry;
            if let Some(end) = end.filter(|end| *end <= next) {
                // The daemon did not answer within the time limit.
                sleep_until(end).await;
                if !member.is_decided() {
                    member.answered(Err(error.clone()), selection, &self.config).await?;
                }
                return Ok(Err(error.into()));
            }
            sleep_until(next).await;
        }
    }

    /// The saved positions of the daemon with this id.
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

    /// Requests the events, the list, and the daemon's id if the cursor needs it.
    async fn look(
        &self,
        selection: &Selection,
        say: &impl AsyncFn(Notice),
    ) -> Result<Look<S::Events>, SourceError> {
        // Subscribe before the list is taken, so that no start falls between the two. Only the list is needed
        // to begin.
        let subscription = match self.config.follows() {
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

    /// Closes all that is still open and names the stragglers.
    async fn force(&self) -> Vec<String> {
        let stragglers = self.registry.labels(TaskKind::Reader);
        let closed = self.source.close_all();
        tracing::debug!(closed, ?stragglers, "the stop deadline has passed");
        // The end of the process ends the tasks that remain.
        let _ = timeout(limits::FORCED_STOP_TIMEOUT, self.registry.drained()).await;
        stragglers
    }
}

async fn send_note(events: &mpsc::Sender<Event>, about: About, what: Notice) {
    // A closed channel ends the run elsewhere.
    let _ = events.send(Event::Note(Note { about, what })).await;
}
