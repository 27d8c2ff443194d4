//! A source of many short-lived containers, and the engine's memory after they are gone.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::support::container;
use super::support::{SECOND, Seen, config};
use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::event::Notice;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::StdStream::Stdout;
use crate::engine::source::{
    Container, ContainerEvent, ContainerEventKind, ContainerId, ContainerKey, DaemonId, ErrorKind,
    EventStream, Exit, Frames, ListFilters, Listed, LogRequest, LogStream, Phase, Read, ReadMode,
    Source, SourceError,
};
use crate::engine::timestamp::Timestamp;
use crate::engine::{Config, Engine};

/// Short-lived containers.
const CONTAINERS: u64 = 10_000;
/// The number that exists at the same time.
const AT_ONCE: u64 = 20;

/// Containers that have written one line each: running, or ended and removed soon after.
#[derive(Clone, Debug, Default)]
struct Crowd {
    state: Arc<Mutex<BTreeMap<u64, Phase>>>,
    happened: Arc<Mutex<VecDeque<ContainerEvent>>>,
    rings: Arc<Notify>,
    changed: Arc<Notify>,
    /// The duration of a list request.
    delay: Arc<Mutex<Duration>>,
    /// Notifies when a list was requested.
    listed: Arc<Notify>,
}

fn key(number: u64) -> ContainerKey {
    ContainerKey { daemon: DaemonId::new("crowd"), id: ContainerId::new(&number.to_string()) }
}

fn number(key: &ContainerKey) -> u64 {
    key.id.as_str().parse().unwrap()
}

impl Crowd {
    fn state(&self) -> MutexGuard<'_, BTreeMap<u64, Phase>> {
        self.state.lock().unwrap()
    }

    /// Changes a container's state; the daemon sends an event, unless it is lost.
    fn happen(&self, number: u64, phase: Option<Phase>, kind: Option<ContainerEventKind>) {
        match phase {
            Some(phase) => drop(self.state().insert(number, phase)),
            None => drop(self.state().remove(&number)),
        }
        if let Some(kind) = kind {
            let name = Some(format!("job-{number}").into());
            let container_event =
                ContainerEvent { key: key(number), name, kind, facts: Arc::default() };
            self.happened.lock().unwrap().push_back(container_event);
        }
        self.rings.notify_one();
        self.changed.notify_waiters();
    }

    fn phase(&self, key: &ContainerKey) -> Result<Phase, SourceError> {
        let gone = || SourceError::new(ErrorKind::Gone, "No such container");
        self.state().get(&number(key)).copied().ok_or_else(gone)
    }
}

impl Source for Crowd {
    type Logs = Line;
    type Events = Crowd;

    fn daemon(&self) -> DaemonId {
        key(0).daemon
    }

    async fn list(&self, _: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        let listed = |(number, phase): (&u64, &Phase)| Listed {
            key: key(*number),
            name: format!("job-{number}").into(),
            phase: *phase,
            facts: Arc::default(),
            passes: true,
        };
        let rows = self.state().iter().map(listed).collect();
        let delay = *self.delay.lock().unwrap();
        self.listed.notify_waiters();
        sleep(delay).await;
        Ok(rows)
    }

    async fn inspect(&self, key: &ContainerKey) -> Result<Container, SourceError> {
        let phase = self.phase(key)?;
        Ok(Container {
            key: key.clone(),
            name: format!("job-{}", key.id).into(),
            exit: (phase == Phase::Exited).then_some(Exit { code: 0, oom: false }),
            ..container(phase, "1")
        })
    }

    async fn events(&self) -> Result<Crowd, SourceError> {
        Ok(self.clone())
    }

    async fn logs(&self, request: &LogRequest) -> Result<Line, SourceError> {
        let live = self.phase(&request.key)?.is_live();
        let (crowd, key) = (self.clone(), request.key.clone());
        Ok(Line { crowd, key, given: false, follow: request.mode == ReadMode::Follow && live })
    }

    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        BTreeMap::new()
    }

    fn requests(&self) -> u64 {
        0
    }

    fn close_all(&self) -> usize {
        0
    }
}

impl EventStream for Crowd {
    async fn next(&mut self) -> Result<ContainerEvent, SourceError> {
        loop {
            let container_event = self.happened.lock().unwrap().pop_front();
            if let Some(container_event) = container_event {
                return Ok(container_event);
            }
            self.rings.notified().await;
        }
    }
}

/// The log of one container: one line, and the end when its run ends.
#[derive(Debug)]
struct Line {
    crowd: Crowd,
    key: ContainerKey,
    given: bool,
    follow: bool,
}

impl LogStream for Line {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        if !std::mem::replace(&mut self.given, true) {
            let text = format!("line of {}\n", self.key.id);
            let time = Timestamp::from_nanos(i64::try_from(number(&self.key)).unwrap());
            into.push(Stdout, time, [text.as_bytes(), b""]);
            return Ok(Read::Some);
        }
        loop {
            let changed = self.crowd.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if !self.follow || !self.crowd.phase(&self.key).is_ok_and(Phase::is_live) {
                return Ok(Read::End);
            }
            changed.await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_removed_containers_leave_only_totals() {
    let crowd = Crowd::default();
    crowd.happen(0, Some(Phase::Running), None);
    let registry = Registry::default();
    let config = Config { stream_timeout: 3600 * SECOND, ..config() };
    let engine = Engine::new(Arc::new(crowd.clone()), registry.clone(), config);
    let observer = engine.observer();
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let scripted = async {
        observer.begun().await;
        let mut max_held = 0;
        for first in (1..=CONTAINERS).step_by(usize::try_from(AT_ONCE).unwrap()) {
            let batch = first..first + AT_ONCE;
            for number in batch.clone() {
                crowd.happen(number, Some(Phase::Running), Some(ContainerEventKind::Started));
            }
            sleep(SECOND).await;
            for number in batch.clone() {
                crowd.happen(number, Some(Phase::Exited), Some(ContainerEventKind::Died(0)));
            }
            sleep(SECOND).await;
            for number in batch {
                // Some removals are missed; the next list shows them.
                let event = (number % 7 != 0).then_some(ContainerEventKind::Destroyed);
                crowd.happen(number, None, event);
            }
            sleep(SECOND).await;
            let census = observer.census();
            let held = [
                observer.rows().len(),
                observer.names().len(),
                census.cycles.len(),
                usize::try_from(census.containers).unwrap(),
                registry.held(),
            ];
            max_held = held.into_iter().max().unwrap().max(max_held);
        }
        sleep(130 * SECOND).await;
        assert_eq!(observer.rows().len(), 1, "only the one that lives");
        stop.cancel();
        max_held
    };
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let (outcome, max_held, seen) = tokio::join!(running, scripted, Seen::all(received));
    let census = outcome.unwrap().census;
    // Containers with a missed removal of the last minute, and a second of the window each.
    assert!(max_held < 160, "{max_held} are held of {CONTAINERS}");
    assert_eq!(
        (census.gone, census.cycles_of_gone, census.containers),
        (CONTAINERS, CONTAINERS, 1)
    );
    assert_eq!((census.cycles.len(), census.streams_closed), (1, CONTAINERS + 1));
    // No line was lost, including lines of containers that were gone before the write.
    let lines: std::collections::BTreeSet<&str> = seen.of(Stdout).into_iter().collect();
    assert_eq!((lines.len(), seen.lines.len()), (10_001, 10_001));
    assert_eq!(seen.gaps, []);
}

/// The list is in flight while the container ends and is removed; its start event comes again after that.
#[tokio::test(start_paused = true)]
async fn a_list_or_an_event_from_before_does_not_bring_a_removed_container_back() {
    let crowd = Crowd::default();
    crowd.happen(0, Some(Phase::Running), None);
    let engine = Engine::new(Arc::new(crowd.clone()), Registry::default(), config());
    let observer = engine.observer();
    let (events, received) = mpsc::channel(4);
    let stop = CancellationToken::new();
    let scripted = async {
        observer.begun().await;
        *crowd.delay.lock().unwrap() = 30 * SECOND;
        crowd.happen(1, Some(Phase::Running), Some(ContainerEventKind::Started));
        let asked = crowd.listed.notified();
        asked.await;
        sleep(SECOND).await;
        crowd.happen(1, Some(Phase::Exited), Some(ContainerEventKind::Died(0)));
        sleep(SECOND).await;
        crowd.happen(1, None, Some(ContainerEventKind::Destroyed));
        sleep(SECOND).await;
        assert_eq!(observer.census().gone, 1, "the list is still on its way");
        crowd.happen(1, None, Some(ContainerEventKind::Started));
        sleep(40 * SECOND).await;
        // The daemon could not remove all of it, and lists it again.
        crowd.state().insert(1, Phase::Removing);
        sleep(200 * SECOND).await;
        stop.cancel();
    };
    let selection = Selection::all();
    let running = engine.run(&selection, events, stop.clone());
    let (outcome, (), seen) = tokio::join!(running, scripted, Seen::all(received));
    assert_eq!(outcome.unwrap().census.gone, 1);
    assert_eq!(seen.of(Stdout).len(), 2, "one line of each");
    assert_eq!(seen.gaps, []);
    let removals = seen.notes.iter().filter(|note| matches!(note, Notice::Removed));
    assert_eq!(removals.count(), 1);
}
