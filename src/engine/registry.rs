//! The registry: it spawns every task and counts it until its end. Nothing else spawns.
//!
//! A task's entry exists before the task runs, and goes when its future is dropped. So return, cancellation
//! and panic all count. A reader's entry is its stream too, under one lock: in every census, readers equal
//! streams, and opened equals closed plus open. The registry reports the outcome of a task after it has removed
//! the entry.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::panic::{AssertUnwindSafe, Location};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::census::{Census, TaskKind};

/// The period over which the cycle rate is measured.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// The shortest period for a rate: otherwise a few closings at the start would exaggerate it.
const RATE_MIN_TIME: Duration = Duration::from_secs(10);

/// Counts tasks. Clones share one count.
#[derive(Clone, Debug)]
pub struct Registry {
    tracker: TaskTracker,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    started: Instant,
    next: u64,
    live: BTreeMap<u64, TaskEntry>,
    streams_opened: u64,
    streams_closed: u64,
    panics: u64,
    /// Closed streams in each second of the last minute: seconds since `started`, count.
    recent: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct TaskEntry {
    kind: TaskKind,
    label: String,
    /// The place of the spawn.
    site: &'static Location<'static>,
    since: Instant,
    /// Cycles per minute by rotation alone, for a reader.
    expected: f64,
}

/// A task panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panicked {
    /// The panic's message.
    pub message: String,
}

impl Default for Registry {
    fn default() -> Self {
        let inner = Inner {
            started: Instant::now(),
            next: 0,
            live: BTreeMap::new(),
            streams_opened: 0,
            streams_closed: 0,
            panics: 0,
            recent: VecDeque::new(),
        };
        Self { tracker: TaskTracker::new(), inner: Arc::new(Mutex::new(inner)) }
    }
}

impl Registry {
    /// Spawns `task` and counts it under `kind`, `label` and the place of this call until it has ended.
    #[track_caller]
    pub fn spawn(
        &self,
        kind: TaskKind,
        label: &str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let entry = self.enter(kind, label, 0.0);
        self.run(entry, (), |()| task.boxed(), |(), _| {});
    }

    /// Spawns a task that works on a loan. When the task has ended and no longer counts, `then` receives the loan and
    /// the task's result. The registry does not call `then` if the runtime shuts down under the task.
    #[track_caller]
    pub fn spawn_lending<L: Send + 'static, T: Send + 'static>(
        &self,
        kind: TaskKind,
        label: &str,
        lent: L,
        task: impl FnOnce(&mut L) -> BoxFuture<'_, T> + Send + 'static,
        then: impl FnOnce(L, Result<T, Panicked>) + Send + 'static,
    ) {
        let entry = self.enter(kind, label, 0.0);
        self.run(entry, lent, task, then);
    }

    /// Spawns a reader: a task that is a stream and rotates every `age`. Its loan comes back as from
    /// [`Registry::spawn_lending`].
    #[track_caller]
    pub fn spawn_reader<L: Send + 'static, T: Send + 'static>(
        &self,
        label: &str,
        age: Duration,
        lent: L,
        reader: impl FnOnce(&mut L) -> BoxFuture<'_, T> + Send + 'static,
        then: impl FnOnce(L, Result<T, Panicked>) + Send + 'static,
    ) {
        let entry = self.enter(TaskKind::Reader, label, 60.0 / age.as_secs_f64());
        self.run(entry, lent, reader, then);
    }

    fn run<L: Send + 'static, T: Send + 'static>(
        &self,
        entry: TaskGuard,
        mut lent: L,
        task: impl FnOnce(&mut L) -> BoxFuture<'_, T> + Send + 'static,
        then: impl FnOnce(L, Result<T, Panicked>) + Send + 'static,
    ) {
        #[expect(clippy::disallowed_methods, reason = "the one place that spawns")]
        tokio::spawn(self.tracker.track_future(async move {
            let task = async { task(&mut lent).await };
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            let outcome = outcome.map_err(|panic| {
                entry.registry.lock().panics += 1;
                Panicked { message: message(panic.as_ref()) }
            });
            drop(entry);
            then(lent, outcome);
        }));
    }

    #[track_caller]
    fn enter(&self, kind: TaskKind, label: &str, expected: f64) -> TaskGuard {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        if kind == TaskKind::Reader {
            inner.streams_opened += 1;
        }
        let (label, site) = (label.to_owned(), Location::caller());
        let entry = TaskEntry { kind, label, site, since: Instant::now(), expected };
        inner.live.insert(number, entry);
        drop(inner);
        TaskGuard { registry: self.clone(), number }
    }

    /// Waits until no task is left.
    ///
    /// # Cancel safety
    /// Safe.
    pub async fn drained(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    /// The registry's state: live tasks, and the seconds of the window.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        let inner = self.lock();
        inner.live.len() + inner.recent.len()
    }

    /// Live tasks.
    pub fn live(&self) -> usize {
        self.lock().live.len()
    }

    /// The labels of the live tasks of one kind.
    pub fn labels(&self, kind: TaskKind) -> Vec<String> {
        let of_kind = |entry: &&TaskEntry| entry.kind == kind;
        self.lock().live.values().filter(of_kind).map(|entry| entry.label.clone()).collect()
    }

    /// All live tasks: kind, label with the place of the spawn, and age, the oldest first.
    pub fn survivors(&self) -> Vec<(TaskKind, String, Duration)> {
        let now = Instant::now();
        let described = |entry: &TaskEntry| {
            let site = format!("{}:{}", entry.site.file(), entry.site.line());
            (entry.kind, format!("{}, spawned at {site}", entry.label), now - entry.since)
        };
        self.lock().live.values().map(described).collect()
    }

    /// Adds the registry's counts to a census.
    pub fn census(&self) -> Census {
        let now = Instant::now();
        let inner = self.lock();
        let mut census = Census {
            elapsed: now - inner.started,
            streams_opened: inner.streams_opened,
            streams_closed: inner.streams_closed,
            panics: inner.panics,
            cycles_per_minute: inner.cycles_per_minute(now),
            ..Census::default()
        };
        for entry in inner.live.values() {
            *census.tasks.entry(entry.kind).or_default() += 1;
            let site = (entry.kind, entry.site.file(), entry.site.line());
            *census.sites.entry(site).or_default() += 1;
            if entry.kind == TaskKind::Reader {
                let age = now - entry.since;
                census.oldest = Some(census.oldest.map_or(age, |oldest| oldest.max(age)));
                census.cycles_expected += entry.expected;
            }
        }
        census.readers = census.tasks.get(&TaskKind::Reader).copied().unwrap_or(0);
        census.streams_open = inner.streams_opened - inner.streams_closed;
        census
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn close_stream(&mut self) {
        self.streams_closed += 1;
        let second = self.started.elapsed().as_secs();
        match self.recent.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.recent.push_back((second, 1)),
        }
        while self.recent.front().is_some_and(|(first, _)| first + RATE_WINDOW.as_secs() < second) {
            self.recent.pop_front();
        }
    }

    fn cycles_per_minute(&self, now: Instant) -> f64 {
        let elapsed = now - self.started;
        let from = elapsed.saturating_sub(RATE_WINDOW).as_secs();
        let recent = self.recent.iter().filter(|(second, _)| from <= *second);
        let count: u64 = recent.map(|(_, count)| count).sum();
        let over = elapsed.clamp(RATE_MIN_TIME, RATE_WINDOW);
        count as f64 * 60.0 / over.as_secs_f64()
    }
}

/// Counts one task until it is dropped.
#[derive(Debug)]
struct TaskGuard {
    registry: Registry,
    number: u64,
}

impl Drop for TaskGuard {
    fn drop(&mut self) {
        let mut inner = self.registry.lock();
        let Some(entry) = inner.live.remove(&self.number) else {
            return;
        };
        if entry.kind == TaskKind::Reader {
            inner.close_stream();
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::time::sleep;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const ALMOST: Duration = Duration::from_secs(3599);

    #[tokio::test(start_paused = true)]
    async fn a_reader_is_counted_until_it_ends() {
        let registry = Registry::default();
        let (tx, ended) = mpsc::channel();
        registry.spawn_reader(
            "web",
            HOUR,
            (),
            |()| sleep(HOUR).boxed(),
            move |(), outcome| tx.send(outcome).unwrap(),
        );
        sleep(ALMOST).await;
        let census = registry.census();
        assert_eq!((census.readers, census.streams_open, census.streams_closed), (1, 1, 0));
        assert_eq!(census.oldest, Some(ALMOST));
        registry.drained().await;
        let census = registry.census();
        assert_eq!((census.readers, census.streams_open, census.streams_closed), (0, 0, 1));
        assert_eq!(ended.try_recv(), Ok(Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_live_task_is_listed_with_its_spawn_location() {
        let registry = Registry::default();
        let line = line!() + 1;
        registry.spawn(TaskKind::Request, "list", sleep(HOUR));
        sleep(ALMOST).await;
        let site = format!("list, spawned at {}:{line}", file!());
        assert_eq!(registry.survivors(), [(TaskKind::Request, site, ALMOST)]);
        let sites = registry.census().sites;
        assert_eq!(
            sites.into_iter().collect::<Vec<_>>(),
            [((TaskKind::Request, file!(), line), 1)]
        );
        registry.drained().await;
        assert_eq!(registry.survivors(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_panicking_reader_is_counted_and_returns_its_loan() {
        let registry = Registry::default();
        let (tx, ended) = mpsc::channel();
        registry.spawn_reader(
            "web",
            HOUR,
            6,
            |lines| {
                *lines += 1;
                async { panic!("boom") }.boxed()
            },
            move |lines, outcome: Result<(), _>| tx.send((lines, outcome)).unwrap(),
        );
        registry.drained().await;
        assert_eq!((registry.live(), registry.census().panics), (0, 1));
        let panicked = Panicked { message: "boom".to_owned() };
        assert_eq!(ended.try_recv(), Ok((7, Err(panicked))));
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_is_reported_after_the_entry_is_gone() {
        let registry = Registry::default();
        let (tx, live) = mpsc::channel();
        let seen = registry.clone();
        registry.spawn_lending(
            TaskKind::Drain,
            "web",
            (),
            |()| sleep(HOUR).boxed(),
            move |(), _| {
                tx.send(seen.live()).unwrap();
            },
        );
        assert_eq!(registry.labels(TaskKind::Drain), ["web"]);
        registry.drained().await;
        assert_eq!(live.try_recv(), Ok(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_cycles_at_the_start_are_no_rate_of_a_minute() {
        let registry = Registry::default();
        let second = Duration::from_secs(1);
        for _ in 0..3 {
            registry.spawn_reader("web", second, (), move |()| sleep(second).boxed(), |(), _| {});
            sleep(second).await;
        }
        let rate = registry.census().cycles_per_minute;
        assert!((11.0..=19.0).contains(&rate), "{rate}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_cycle_rate_is_that_of_the_last_minute() {
        let registry = Registry::default();
        for _ in 0..240 {
            let second = Duration::from_secs(1);
            registry.spawn_reader(
                "web",
                2 * second,
                (),
                move |()| sleep(2 * second).boxed(),
                |(), _| {},
            );
            sleep(2 * second).await;
        }
        let rate = registry.census().cycles_per_minute;
        assert!((29.0..=31.0).contains(&rate), "{rate}");
        assert!(registry.lock().recent.len() <= 61, "the window is bounded");
    }
}
