//! A source in memory: one container with a log, a life and faults that a test controls.
//!
//! It follows the rules of the real source that matter to the engine. A follow reads stored lines and then new ones,
//! and ends normally at the end of the run. If the container does not run, a follow is a finite read. Faults come
//! from a list, one per opened stream.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{
    Container, ContainerEvent, ContainerEventKind, ContainerId, ContainerKey, DaemonId, ErrorKind,
    EventStream, Exit, Frames, ListFilters, Listed, LogEnd, LogRequest, LogStream, OutputKind,
    Phase, PieceRule, Read, ReadMode, Source, SourceError, StdStream, Tail,
};
use crate::engine::timestamp::Timestamp;

/// A fault of the next stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The open fails.
    NoOpen,
    /// The open never ends.
    HangingOpen,
    /// It breaks after this number of frames.
    CutAfter(usize),
    /// A follow ends normally after this number of frames. (For a finite read, this would look like a short log.)
    EndAfter(usize),
    /// A follow stays open and delivers no more after this number of frames.
    SilentAfter(usize),
    /// Its reader panics after this number of frames.
    PanicAfter(usize),
    /// Nothing.
    None,
}

/// One message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) stream: StdStream,
    pub(super) time: i64,
    pub(super) text: String,
}

/// The behavior of a daemon's reader at a record that it cannot decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It ends there; a follow continues with lines written after its opening.
    Stops,
    /// It drops this number of further records, and continues.
    Skips(usize),
    /// It shows the records before, and then an error in the stream.
    Fails,
    /// Each window with the record is refused, by an error in the stream.
    Refuses,
    /// Each window is refused, even one without the record.
    RefusesAll,
}

#[derive(Debug)]
struct State {
    name: Arc<str>,
    log: Vec<Stored>,
    /// The records that cannot be decoded.
    bad: BTreeSet<usize>,
    manner: Manner,
    /// A record is written before each of the next finite reads.
    grows: u32,
    doubles: u32,
    /// The duration of each read.
    read_time: Duration,
    /// The first message that is still stored.
    oldest: usize,
    phase: Phase,
    run: u32,
    faults: VecDeque<Fault>,
    /// Whether finite reads have faults too.
    all_fail: bool,
    pieces: PieceRule,
    follows: u64,
    most_follows: u64,
    requests: u64,
    /// The times of finite reads and follows.
    opened: Vec<Instant>,
    forced: bool,
    /// How often the open streams broke.
    cuts: u32,
}

/// The source; clones share the container.
#[derive(Clone, Debug)]
pub(super) struct Fake {
    state: Arc<Mutex<State>>,
    changed: Arc<watch::Sender<u64>>,
    happened: Arc<Mutex<VecDeque<ContainerEventKind>>>,
    rings: Arc<Notify>,
    given: Arc<AtomicUsize>,
}

impl Fake {
    pub(super) fn running(faults: impl IntoIterator<Item = Fault>) -> Self {
        let state = State {
            name: "web".into(),
            log: Vec::new(),
            bad: BTreeSet::new(),
            manner: Manner::Stops,
            grows: 0,
            doubles: 0,
            read_time: Duration::ZERO,
            oldest: 0,
            phase: Phase::Running,
            run: 1,
            faults: faults.into_iter().collect(),
            all_fail: false,
            pieces: PieceRule::SameTimestamp,
            follows: 0,
            most_follows: 0,
            requests: 0,
            opened: Vec::new(),
            forced: false,
            cuts: 0,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            changed: Arc::new(watch::Sender::new(0)),
            happened: Arc::default(),
            rings: Arc::default(),
            given: Arc::default(),
        }
    }

    /// A source that applies the faults to finite reads too.
    pub(super) fn failing(faults: impl IntoIterator<Item = Fault>) -> Self {
        let fake = Self::running(faults);
        fake.lock().all_fail = true;
        fake
    }

    /// A container in its second run, of which these records of the log cannot be decoded.
    pub(super) fn damaged(bad: impl IntoIterator<Item = usize>, manner: Manner) -> Self {
        let fake = Self::running([]);
        let mut state = fake.lock();
        state.run = 2;
        state.bad = bad.into_iter().collect();
        state.manner = manner;
        drop(state);
        fake
    }

    /// Sets the duration of each read of a message.
    pub(super) fn read_slowly(&self, time: Duration) {
        self.lock().read_time = time;
    }

    /// Breaks the open streams.
    pub(super) fn fail_follows(&self) {
        self.lock().cuts += 1;
        self.touch();
    }

    /// Writes a line before each of the next finite reads.
    pub(super) fn grow(&self, times: u32) {
        self.lock().grows = times;
    }

    /// Doubles the log before each of the next finite reads, each of which takes a second.
    pub(super) fn double(&self, times: u32) {
        self.lock().doubles = times;
    }

    /// Sets how the driver splits lines.
    pub(super) fn cut_lines(&self, pieces: PieceRule) {
        self.lock().pieces = pieces;
    }

    /// Writes a line; `tick` is the container's clock.
    pub(super) fn write(&self, stream: StdStream, time: i64, text: &str) {
        self.lock().log.push(Stored { stream, time, text: text.to_owned() });
        self.touch();
    }

    /// Ends the run.
    pub(super) fn exit(&self) {
        self.lock().phase = Phase::Exited;
        self.touch();
        self.happen(ContainerEventKind::Died(1));
    }

    /// Begins the next run.
    pub(super) fn start(&self) {
        let mut state = self.lock();
        state.phase = Phase::Running;
        state.run += 1;
        drop(state);
        self.happen(ContainerEventKind::Started);
    }

    pub(super) fn rename(&self, name: &str) {
        self.lock().name = name.into();
        self.happen(ContainerEventKind::Renamed);
    }

    /// Rotates the oldest messages away.
    pub(super) fn forget_all(&self) {
        let mut state = self.lock();
        state.oldest = state.log.len();
    }

    /// The number of messages read from it.
    pub(super) fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }

    pub(super) fn log(&self) -> Vec<Stored> {
        self.lock().log.clone()
    }

    /// The highest number of follows open at once.
    pub(super) fn most_follows(&self) -> u64 {
        self.lock().most_follows
    }

    /// The times of opened logs, finite reads included.
    pub(super) fn opened(&self) -> Vec<Instant> {
        self.lock().opened.clone()
    }

    /// The number of open follows.
    pub(super) fn follows(&self) -> u64 {
        self.lock().follows
    }

    pub(super) fn key() -> ContainerKey {
        ContainerKey { daemon: DaemonId::new("fake"), id: ContainerId::new("ab12") }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that fails while it holds the lock must not fail again in a destructor.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touch(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// Sends an event about it.
    pub(super) fn happen(&self, what: ContainerEventKind) {
        self.happened.lock().unwrap().push_back(what);
        self.rings.notify_one();
    }

    fn container(&self) -> Container {
        let state = self.lock();
        Container {
            key: Self::key(),
            name: Arc::clone(&state.name),
            phase: state.phase,
            exit: (state.phase == Phase::Exited).then_some(Exit { code: 1, oom: false }),
            started_at: state.run.to_string().into(),
            started: None,
            finished: None,
            restarts: 0,
            ran_before: 1 < state.run,
            output: OutputKind::Pipes,
            driver: "json-file".into(),
            pieces: state.pieces,
            log_end: LogEnd::Served,
            doubles: false,
            file_size: None,
            lossy: None,
        }
    }
}

impl Source for Fake {
    type Logs = FakeLogs;
    type Events = FakeEvents;

    fn daemon(&self) -> DaemonId {
        Self::key().daemon
    }

    async fn list(&self, _: &ListFilters) -> Result<Vec<Listed>, SourceError> {
        let state = self.lock();
        Ok(vec![Listed {
            key: Self::key(),
            name: Arc::clone(&state.name),
            phase: state.phase,
            facts: Arc::default(),
            passes: true,
        }])
    }

    async fn inspect(&self, _: &ContainerKey) -> Result<Container, SourceError> {
        self.lock().requests += 1;
        Ok(self.container())
    }

    async fn events(&self) -> Result<FakeEvents, SourceError> {
        Ok(FakeEvents(self.clone()))
    }

    async fn logs(&self, request: &LogRequest) -> Result<FakeLogs, SourceError> {
        let fault = {
            let mut state = self.lock();
            let turn = request.mode == ReadMode::Follow || state.all_fail;
            turn.then(|| state.faults.pop_front()).flatten().unwrap_or(Fault::None)
        };
        match fault {
            Fault::NoOpen => return Err(SourceError::new(ErrorKind::Unreachable, "refused")),
            Fault::HangingOpen => std::future::pending().await,
            _ => {}
        }
        if request.mode == ReadMode::Once && 0 < self.lock().doubles {
            sleep(Duration::from_secs(1)).await;
        }
        let mut state = self.lock();
        state.opened.push(Instant::now());
        let mut more = 0;
        if request.mode == ReadMode::Once && 0 < state.grows {
            state.grows -= 1;
            more = 1;
        }
        if request.mode == ReadMode::Once && 0 < state.doubles {
            state.doubles -= 1;
            more = state.log.len();
        }
        for _ in 0..more {
            let number = state.log.len();
            let (time, text) = (i64::try_from(number).unwrap(), format!("{number}\n"));
            state.log.push(Stored { stream: StdStream::Stdout, time, text });
            self.touch();
        }
        let held = state.log.len() - state.oldest;
        let shown = match request.tail {
            Tail::All => held,
            Tail::Last(frames) => held.min(usize::try_from(frames).unwrap()),
        };
        let (next, stored) = (state.log.len() - shown, state.log.len());
        let follow = request.mode == ReadMode::Follow && state.phase.is_live();
        if follow {
            state.follows += 1;
            state.most_follows = state.most_follows.max(state.follows);
        }
        let (run, cuts, version) = (state.run, state.cuts, self.changed.subscribe());
        drop(state);
        Ok(FakeLogs {
            fake: self.clone(),
            next,
            stored,
            follow,
            run,
            cuts,
            fault,
            given: 0,
            version,
        })
    }

    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount> {
        BTreeMap::from([(
            Purpose::Stream,
            ConnectionCount { open: self.follows(), ..Default::default() },
        )])
    }

    fn requests(&self) -> u64 {
        self.lock().requests
    }

    fn close_all(&self) -> usize {
        self.lock().forced = true;
        self.touch();
        1
    }
}

/// An open log of the fake.
#[derive(Debug)]
pub(super) struct FakeLogs {
    fake: Fake,
    next: usize,
    /// The number of breaks at its opening.
    stored: usize,
    follow: bool,
    run: u32,
    cuts: u32,
    fault: Fault,
    given: usize,
    version: watch::Receiver<u64>,
}

impl FakeLogs {
    /// One message at a time, so that a fault can fall between any two.
    fn step(&mut self, into: &mut Frames) -> Option<Result<Read, SourceError>> {
        match self.fault {
            Fault::CutAfter(frames) if frames <= self.given => {
                return Some(Err(SourceError::new(ErrorKind::Cut, "cut")));
            }
            Fault::EndAfter(frames) if self.follow && frames <= self.given => {
                return Some(Ok(Read::End));
            }
            Fault::SilentAfter(frames) if self.follow && frames <= self.given => return None,
            Fault::PanicAfter(frames) if frames <= self.given => panic!("by script"),
            _ => {}
        }
        let state = self.fake.lock();
        if state.cuts != self.cuts {
            return Some(Err(SourceError::new(ErrorKind::Cut, "cut")));
        }
        if state.forced {
            return Some(Err(SourceError::new(ErrorKind::Cut, "closed by force")));
        }
        if state.manner == Manner::Refuses
            && state.bad.iter().any(|at| (self.next..self.stored).contains(at))
        {
            return Some(Err(SourceError::new(ErrorKind::InBand, "a record cannot be decoded")));
        }
        if state.manner == Manner::RefusesAll && self.given == 0 && self.next < self.stored {
            return Some(Err(SourceError::new(ErrorKind::InBand, "a file cannot be unpacked")));
        }
        if state.manner == Manner::Fails
            && state.bad.contains(&self.next)
            && self.next < self.stored
        {
            return Some(Err(SourceError::new(ErrorKind::InBand, "a record cannot be decoded")));
        }
        while state.bad.contains(&self.next) && self.next < state.log.len() {
            self.next = match state.manner {
                Manner::Stops if self.follow => self.stored.max(self.next + 1),
                Manner::Stops | Manner::Fails | Manner::Refuses | Manner::RefusesAll => {
                    state.log.len()
                }
                Manner::Skips(more) => self.next + 1 + more,
            };
        }
        if let Some(stored) = state.log.get(self.next) {
            into.push(
                stored.stream,
                Timestamp::from_nanos(stored.time),
                [stored.text.as_bytes(), b""],
            );
            self.next += 1;
            self.given += 1;
            self.fake.given.fetch_add(1, Ordering::Relaxed);
            return Some(Ok(Read::Some));
        }
        let over = !self.follow || !state.phase.is_live() || state.run != self.run;
        over.then_some(Ok(Read::End))
    }
}

impl LogStream for FakeLogs {
    async fn read(&mut self, into: &mut Frames) -> Result<Read, SourceError> {
        let time = self.fake.lock().read_time;
        if !time.is_zero() {
            sleep(time).await;
        }
        loop {
            self.version.mark_unchanged();
            if let Some(read) = self.step(into) {
                return read;
            }
            self.version.changed().await.unwrap();
        }
    }
}

impl Drop for FakeLogs {
    fn drop(&mut self) {
        if self.follow {
            self.fake.lock().follows -= 1;
        }
    }
}

/// The event stream of the fake.
#[derive(Debug)]
pub(super) struct FakeEvents(Fake);

impl EventStream for FakeEvents {
    async fn next(&mut self) -> Result<ContainerEvent, SourceError> {
        loop {
            let what = self.0.happened.lock().unwrap().pop_front();
            if let Some(what) = what {
                return Ok(ContainerEvent {
                    key: Fake::key(),
                    name: Some(Arc::clone(&self.0.lock().name)),
                    kind: what,
                    facts: Arc::default(),
                });
            }
            self.0.rings.notified().await;
        }
    }
}
