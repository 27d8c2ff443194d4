//! A source in memory: one container whose log, life and faults a test decides.
//!
//! It keeps the rules of the real one that matter to the engine: a follow reads what is stored and
//! then what comes, ends in good order when the run ends, and is a finite read when the container
//! does not run. Faults are taken from a list, one per stream that is opened.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

use crate::engine::census::{ConnectionCount, Purpose};
use crate::engine::source::{
    Container, ContainerEvent, ContainerEventKind, ContainerId, ContainerKey, DaemonId, ErrorKind,
    EventStream, Exit, Frames, ListFilters, Listed, LogEnd, LogRequest, LogStream, Phase,
    PieceRule, Read, ReadMode, Source, SourceError, StdStream, Tail,
};
use crate::engine::timestamp::Timestamp;

/// What goes wrong with the next stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It cannot be opened.
    NoOpen,
    /// Opening never ends.
    HangingOpen,
    /// It breaks after this number of frames.
    CutAfter(usize),
    /// A follow ends in good order after this number of frames. (A finite read that does cannot be distinguished
    /// from a short log.)
    EndAfter(usize),
    /// A follow stays open and gives nothing more after this number of frames.
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

/// What a reader of the daemon does at a record that it cannot decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// It ends there; a follow goes on with what is written after its opening.
    Stops,
    /// It drops this many records more, and goes on.
    Skips(usize),
    /// It shows what stands before, and then an error in the stream.
    Fails,
    /// Each window that holds the record is refused, by an error in the stream.
    Refuses,
    /// Each window is refused, also those that do not hold the record.
    RefusesAll,
}

#[derive(Debug)]
struct State {
    name: Arc<str>,
    log: Vec<Stored>,
    /// Which of them cannot be decoded.
    bad: BTreeSet<usize>,
    manner: Manner,
    /// A record is written before each of the next finite reads.
    grows: u32,
    doubles: u32,
    /// How long each read takes.
    read_time: Duration,
    /// Messages before this one are no longer held.
    oldest: usize,
    phase: Phase,
    run: u32,
    faults: VecDeque<Fault>,
    /// Finite reads have faults too.
    all_fail: bool,
    pieces: PieceRule,
    follows: u64,
    most_follows: u64,
    requests: u64,
    /// Finite reads and follows, each with its moment.
    opened: Vec<Instant>,
    forced: bool,
    /// How often the streams that were open broke.
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

    /// The same, and finite reads take their turn in the faults.
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

    /// Each read of a message takes this long.
    pub(super) fn read_slowly(&self, time: Duration) {
        self.lock().read_time = time;
    }

    /// The streams that are open break.
    pub(super) fn fail_follows(&self) {
        self.lock().cuts += 1;
        self.touch();
    }

    /// A line is written before each of the next finite reads.
    pub(super) fn grow(&self, times: u32) {
        self.lock().grows = times;
    }

    /// The log doubles before each of the next finite reads, and each takes a second.
    pub(super) fn double(&self, times: u32) {
        self.lock().doubles = times;
    }

    /// Its lines are cut so.
    pub(super) fn cut_lines(&self, pieces: PieceRule) {
        self.lock().pieces = pieces;
    }

    /// The container writes; `tick` is its clock.
    pub(super) fn write(&self, stream: StdStream, time: i64, text: &str) {
        self.lock().log.push(Stored { stream, time, text: text.to_owned() });
        self.touch();
    }

    /// The run ends.
    pub(super) fn exit(&self) {
        self.lock().phase = Phase::Exited;
        self.touch();
        self.happen(ContainerEventKind::Died(1));
    }

    /// The next run begins.
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

    /// The oldest messages are rotated away.
    pub(super) fn forget_all(&self) {
        let mut state = self.lock();
        state.oldest = state.log.len();
    }

    /// How many messages were read from it.
    pub(super) fn given(&self) -> usize {
        self.given.load(Ordering::Relaxed)
    }

    pub(super) fn log(&self) -> Vec<Stored> {
        self.lock().log.clone()
    }

    /// The most follows that were ever open at once.
    pub(super) fn most_follows(&self) -> u64 {
        self.lock().most_follows
    }

    /// When logs were opened, finite reads included.
    pub(super) fn opened(&self) -> Vec<Instant> {
        self.lock().opened.clone()
    }

    /// Follows that are open now.
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

    /// The daemon sends an event about it.
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
            tty: false,
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
    /// How many there were when it was opened.
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

/// The fake's events.
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
