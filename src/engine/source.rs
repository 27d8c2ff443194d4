//! The outside as the engine sees it: a [`Source`] of containers, events and log streams.
//!
//! The engine is generic over this trait and knows nothing else of where logs come from, so
//! every promise of the engine can be tested against a scripted source on a paused clock. An
//! error is classified here, where it happens, by its [`ErrorKind`]; the engine decides on the
//! kind and never on text.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::census::{ConnectionCount, Purpose};
pub use super::failure::{ErrorKind, SourceError};
use super::timestamp::Timestamp;

/// One daemon, among the several that one run may follow.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DaemonId(Arc<DaemonNames>);

#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct DaemonNames {
    endpoint: String,
    host: Option<Arc<str>>,
}

impl DaemonId {
    /// The only daemon of a run, by its endpoint.
    pub fn new(endpoint: &str) -> Self {
        Self::of(endpoint, None)
    }

    /// One of several daemons. `host` is the name that users know it by.
    pub fn named(endpoint: &str, host: &str) -> Self {
        Self::of(endpoint, Some(host.into()))
    }

    fn of(endpoint: &str, host: Option<Arc<str>>) -> Self {
        Self(Arc::new(DaemonNames { endpoint: endpoint.to_owned(), host }))
    }

    /// The endpoint's address.
    pub fn as_str(&self) -> &str {
        &self.0.endpoint
    }

    /// Its name, where one run follows several daemons.
    pub fn host(&self) -> Option<&Arc<str>> {
        self.0.host.as_ref()
    }
}

/// A container's full id, as the daemon gives it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContainerId(Arc<str>);

impl ContainerId {
    /// Takes the id as text.
    pub fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve characters, as people know them from `docker ps`.
    pub fn short(&self) -> &str {
        self.0.get(..12).unwrap_or(&self.0)
    }
}

impl Borrow<str> for ContainerId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}

/// One container of one daemon: ids are only unique within a daemon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerKey {
    /// The daemon that runs it.
    pub daemon: DaemonId,
    /// Its id there.
    pub id: ContainerId,
}

/// The id alone: two daemons with containers of one id are rare, and keys are looked up for each batch of lines.
impl Hash for ContainerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// What a container is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Made, never started.
    Created,
    /// Running.
    Running,
    /// Running, frozen by `docker pause`.
    Paused,
    /// Between two runs: the restart policy waits.
    Restarting,
    /// Ended.
    Exited,
    /// On its way out, or half removed.
    Removing,
}

impl Phase {
    /// Whether a follow of its log stays open: the daemon ends one at once otherwise.
    pub fn is_live(self) -> bool {
        matches!(self, Phase::Running | Phase::Paused)
    }

    /// The daemon's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Created => "created",
            Phase::Running => "running",
            Phase::Paused => "paused",
            Phase::Restarting => "restarting",
            Phase::Exited => "exited",
            Phase::Removing => "removing",
        }
    }
}

/// How a run of a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The exit code.
    pub code: i64,
    /// Killed because memory ran out.
    pub oom: bool,
}

/// One row of the daemon's list: enough to select by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which container.
    pub key: ContainerKey,
    /// Its name, without the leading slash.
    pub name: Arc<str>,
    /// What it is doing.
    pub phase: Phase,
    /// What does not change as long as it lives.
    pub facts: Arc<Facts>,
    /// It meets the filters that the list was asked with; true when there was none.
    pub passes: bool,
}

/// Docker filters that the daemon applies itself, because its list and events lack what they look at:
/// the values by key. One value of a key must match, and each key.
pub type ListFilters = BTreeMap<String, Vec<String>>;

/// What a container was made with, as far as a selection looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image as it was named.
    pub image: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// How the daemon's log driver cuts lines, hence how pieces are joined again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceRule {
    /// All pieces of a line carry the timestamp of its first (json-file and local).
    SameTimestamp,
    /// Each piece has a timestamp of its own; all but the last are multiples of 16 KiB (journald and
    /// drivers that are not known).
    FullPieces,
    /// A line goes on until its newline (Podman, which stores what it reads at once).
    UntilNewline,
}

/// Whether the daemon can be asked for the end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// It serves the last messages as they are.
    Served,
    /// It does not serve them right, so the whole log is read and counted.
    Counted,
}

/// The facts from inspecting a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Which container.
    pub key: ContainerKey,
    /// Its name, without the leading slash.
    pub name: Arc<str>,
    /// What it is doing.
    pub phase: Phase,
    /// How its last run ended; `None` while it runs or before it ever ran.
    pub exit: Option<Exit>,
    /// The daemon's own text for the start of its latest run; only ever compared for equality.
    pub started_at: Arc<str>,
    /// When its latest run began, by the daemon's clock; `None` before its first run.
    pub started: Option<Timestamp>,
    /// When a run of it ended: the latest one, or the one before where the latest has not ended.
    pub finished: Option<Timestamp>,
    /// How often its restart policy restarted it.
    pub restarts: u64,
    /// An earlier run of it has ended, so its log is older than this run.
    pub ran_before: bool,
    /// Its output is one raw terminal stream.
    pub tty: bool,
    /// The log driver's name.
    pub driver: Arc<str>,
    /// How its lines are cut.
    pub pieces: PieceRule,
    /// How the end of its log is read.
    pub log_end: LogEnd,
    /// The daemon doubles the first line of each new log file inside one follow (dockerd before 23,
    /// drivers json-file and local).
    pub doubles: bool,
    /// The size at which its log driver begins a new file and may drop the oldest, in bytes;
    /// `None` when it never does.
    pub file_size: Option<u64>,
    /// Why lines may be missing in the log itself, where that can be known.
    pub lossy: Option<Lossy>,
}

/// Why a log can lose lines before anybody reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lossy {
    /// `mode=non-blocking`: the daemon drops lines when its buffer is full.
    NonBlocking,
    /// The driver sends lines elsewhere, and the daemon reads them from a cache that drops lines when
    /// it is full.
    Cache,
}

/// Something that happened to a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The container.
    pub key: ContainerKey,
    /// Its name at that time, where the daemon sends it.
    pub name: Option<Arc<str>>,
    /// What happened.
    pub kind: ContainerEventKind,
    /// Its image and labels, where a start or a new name may make it selected.
    pub facts: Arc<Facts>,
}

/// A moment in the life of a container that the daemon remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When, by the daemon's clock.
    pub time: Timestamp,
    /// What happened then.
    pub what: Remembered,
}

/// The kinds of [`Moment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The container was made.
    Created,
    /// A run of it had just begun; its first lines may be a few milliseconds older.
    Started,
    /// A run of it had ended, and the daemon had read all that it wrote.
    Died,
}

/// The kinds of [`ContainerEvent`] that matter to a follower of logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerEventKind {
    /// It started: a first run, a restart by policy or by hand.
    Started,
    /// Its run ended with this exit code.
    Died(i64),
    /// The kernel killed one of its processes because memory ran out.
    OutOfMemory,
    /// Its processes were frozen; its log stays as it is.
    Paused,
    /// They go on.
    Unpaused,
    /// It was removed.
    Destroyed,
    /// It has the name that the event carries from here on.
    Renamed,
    /// Its health check has another result.
    HealthChanged,
}

/// How much of the stored log a request asks for, counted in frames from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All that the daemon holds.
    All,
    /// At most this number of frames.
    Last(u64),
}

/// What a container's process writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A pipe for each of its outputs.
    Pipes,
    /// One terminal for both.
    Terminal,
}

impl OutputKind {
    /// By the daemon's field `Tty`.
    pub fn of(tty: bool) -> Self {
        if tty { Self::Terminal } else { Self::Pipes }
    }
}

/// How long a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// What is stored, and then what comes.
    Follow,
    /// What is stored.
    Once,
}

/// One request for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// Whose log.
    pub key: ContainerKey,
    /// From [`Container::tty`]: how the answer is framed.
    pub tty: bool,
    /// Stay and deliver what comes; otherwise end after what is stored.
    pub mode: ReadMode,
    /// How much of what is stored.
    pub tail: Tail,
    /// Whether something is stored.
    pub stored: Stored,
    /// From [`Container::log_end`].
    pub end: LogEnd,
}

/// Whether a log is known to hold something that the request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It does, so an answer comes at once.
    Something,
    /// It may be empty. Podman answers a follow of an empty log only when a line is written, so a
    /// follow is open although nothing was answered.
    MaybeNothing,
}

/// Which of the container's two outputs a frame came from; a terminal has only `Stdout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StdStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl StdStream {
    /// `stdout` or `stderr`.
    pub fn as_str(self) -> &'static str {
        match self {
            StdStream::Stdout => "stdout",
            StdStream::Stderr => "stderr",
        }
    }
}

/// One message of the log API: a line, or a piece of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where the container wrote it.
    pub stream: StdStream,
    /// The daemon's timestamp, already stripped from the payload.
    pub time: Timestamp,
    start: u32,
    len: u32,
}

/// A batch of frames with their payloads in one buffer, so that a busy stream costs no allocation
/// per line.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_field_names, reason = "frames is what it holds")]
pub struct Frames {
    bytes: Vec<u8>,
    frames: Vec<Frame>,
    details: Option<Arc<str>>,
}

impl Frames {
    /// Notes the details that the daemon gave with a frame. They are the container's, the same for all of its frames.
    pub fn set_details(&mut self, details: &str) {
        if self.details.as_deref().unwrap_or_default() != details {
            self.details = Some(details.into()).filter(|_| !details.is_empty());
        }
    }

    /// The details of the last frame, where the daemon was asked for any.
    pub fn details(&self) -> Option<&Arc<str>> {
        self.details.as_ref()
    }

    /// Adds a frame whose payload is `parts`, one after the other.
    ///
    /// # Panics
    /// When one batch passes 4 GiB; readers hand a batch on long before.
    pub fn push(&mut self, stream: StdStream, time: Timestamp, parts: [&[u8]; 2]) {
        let start = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        self.bytes.extend_from_slice(parts[0]);
        if !parts[1].is_empty() {
            self.bytes.extend_from_slice(parts[1]);
        }
        let end = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        self.frames.push(Frame { stream, time, start, len: end - start });
    }

    /// The frames in order, each with its payload.
    pub fn iter(&self) -> impl Iterator<Item = (Frame, &[u8])> {
        self.frames.iter().map(|frame| {
            let start = frame.start as usize;
            (*frame, &self.bytes[start..start + frame.len as usize])
        })
    }

    /// Drops the first `skip` frames, and all but the next `count` of the others.
    pub fn keep(&mut self, skip: usize, count: usize) {
        self.frames.truncate(skip.saturating_add(count));
        self.frames.drain(..skip.min(self.frames.len()));
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Bytes of payload in all.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all frames and keeps the memory, unless one long burst had made it large.
    pub fn clear(&mut self) {
        const KEPT_MAX_BYTES: usize = 1 << 18;
        self.frames.clear();
        self.bytes.clear();
        if KEPT_MAX_BYTES < self.bytes.capacity() {
            self.bytes.shrink_to(KEPT_MAX_BYTES);
        }
    }
}

/// What a read from an open log stream gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Bytes came; there may be frames.
    Some,
    /// The daemon ended the stream in good order; nothing more comes.
    End,
}

/// An open log stream. Dropping it closes its connection.
pub trait LogStream: Send {
    /// Waits until bytes came and appends the frames that they complete to `into`; frames may also
    /// come with the end, and before an error.
    /// # Cancel safety
    /// When the future is dropped before it is ready, nothing was appended and nothing is lost.
    fn read(&mut self, into: &mut Frames)
    -> impl Future<Output = Result<Read, SourceError>> + Send;
}

/// The daemon's events, from the moment that the subscription was confirmed.
pub trait EventStream: Send {
    /// The next event; an error ends the subscription.
    /// # Cancel safety
    /// Safe: a event is either returned or still to come.
    fn next(&mut self) -> impl Future<Output = Result<ContainerEvent, SourceError>> + Send;
}

/// Where containers and their logs come from. Every call has a deadline of its own.
pub trait Source: Send + Sync + 'static {
    /// An open log stream.
    type Logs: LogStream;
    /// An open subscription.
    type Events: EventStream;

    /// Which daemon it is.
    fn daemon(&self) -> DaemonId;

    /// All containers, stopped ones included. Those that `filters` leave out have `passes: false`.
    fn list(
        &self,
        filters: &ListFilters,
    ) -> impl Future<Output = Result<Vec<Listed>, SourceError>> + Send;

    /// The container that this process itself runs in, where it is one of these.
    fn own(&self, _: &[Listed]) -> impl Future<Output = Option<ContainerKey>> + Send {
        async { None }
    }

    /// What the daemon calls itself, the same over all its life; `None` where it has no such name.
    fn identity(&self) -> impl Future<Output = Result<Option<Arc<str>>, SourceError>> + Send {
        async { Ok(None) }
    }

    /// The daemon's clock; `None` where it is unknown.
    fn clock(&self) -> impl Future<Output = Option<Timestamp>> + Send {
        async { None }
    }

    /// One container.
    fn inspect(
        &self,
        key: &ContainerKey,
    ) -> impl Future<Output = Result<Container, SourceError>> + Send;

    /// Subscribes to events.
    fn events(&self) -> impl Future<Output = Result<Self::Events, SourceError>> + Send;

    /// What the daemon remembers of a container up to a moment of the past, in order. It may have forgotten what is
    /// older than some hundred events of all containers.
    fn remembered(
        &self,
        _: &ContainerKey,
        _until: Timestamp,
    ) -> impl Future<Output = Result<Vec<Moment>, SourceError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Opens a log, up to the head of the answer.
    fn logs(
        &self,
        request: &LogRequest,
    ) -> impl Future<Output = Result<Self::Logs, SourceError>> + Send;

    /// Connections by purpose.
    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount>;

    /// Short questions asked so far.
    fn requests(&self) -> u64;

    /// Closes every connection that is still open, and returns their number.
    fn close_all(&self) -> usize;
}
