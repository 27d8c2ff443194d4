//! The [`Source`] trait: containers, events and log streams as the engine sees them.
//!
//! The engine is generic over this trait and knows nothing else about the origin of logs. So tests can
//! run every promise of the engine against a scripted source on a paused clock. A source classifies an
//! error where it happens, by its [`ErrorKind`]; the engine decides on the kind and never on text.

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

    /// One of several daemons; `host` is its name in flags and output.
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

    /// Its name, if one run follows several daemons.
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

    /// The full id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first twelve characters, as `docker ps` shows them.
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

/// The key of a container: its daemon and its id, since ids are unique only within a daemon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContainerKey {
    /// The daemon that runs it.
    pub daemon: DaemonId,
    /// Its id there.
    pub id: ContainerId,
}

/// Hashes the id alone: keys are looked up for each batch of lines, and ids rarely collide across daemons.
impl Hash for ContainerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

/// The state of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Created, never started.
    Created,
    /// Running.
    Running,
    /// Running, frozen by `docker pause`.
    Paused,
    /// Between two runs: the restart policy waits.
    Restarting,
    /// Ended.
    Exited,
    /// Being removed, or half removed.
    Removing,
}

impl Phase {
    /// Whether a follow of its log stays open. In all other states the daemon ends a follow at once.
    pub fn is_live(self) -> bool {
        matches!(self, Phase::Running | Phase::Paused)
    }

    /// The daemon's name for the state.
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

/// One row of the daemon's list: enough for a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which container.
    pub key: ContainerKey,
    /// Its name, without the leading slash.
    pub name: Arc<str>,
    /// Its state.
    pub phase: Phase,
    /// Properties that do not change during its life.
    pub facts: Arc<Facts>,
    /// Whether it matches the filters of the list request; true if there was none.
    pub passes: bool,
}

/// Docker filters that the daemon applies itself, because its list and events lack the fields.
/// Values by key: a container must match one value of each key.
pub type ListFilters = BTreeMap<String, Vec<String>>;

/// The properties of a container that a selection looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The image name as given at creation.
    pub image: String,
    /// The labels.
    pub labels: BTreeMap<String, String>,
}

/// How the daemon's log driver splits long lines into pieces, and so how cmon joins them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceRule {
    /// All pieces of a line carry the timestamp of its first (json-file and local).
    SameTimestamp,
    /// Each piece has its own timestamp; all but the last are multiples of 16 KiB (journald and unknown
    /// drivers).
    FullPieces,
    /// A line goes on until its newline (Podman, which stores what it reads at once).
    UntilNewline,
}

/// Whether a request for the last N messages of a log is reliable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogEnd {
    /// The daemon serves the last N messages correctly.
    Served,
    /// The daemon serves them wrongly, so cmon reads the whole log and counts.
    Counted,
}

/// The facts from inspecting a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// Which container.
    pub key: ContainerKey,
    /// Its name, without the leading slash.
    pub name: Arc<str>,
    /// Its state.
    pub phase: Phase,
    /// How its last run ended; `None` while it runs and before its first run.
    pub exit: Option<Exit>,
    /// The start of its latest run as the daemon writes it; cmon only compares it for equality.
    pub started_at: Arc<str>,
    /// When its latest run began, by the daemon's clock; `None` before its first run.
    pub started: Option<Timestamp>,
    /// The end of its latest run, or of the run before if the latest has not ended.
    pub finished: Option<Timestamp>,
    /// How often its restart policy restarted it.
    pub restarts: u64,
    /// An earlier run of it has ended, so its log is older than this run.
    pub ran_before: bool,
    /// What its process writes to.
    pub output: OutputKind,
    /// The log driver's name.
    pub driver: Arc<str>,
    /// How the driver splits long lines.
    pub pieces: PieceRule,
    /// How cmon reads the end of its log.
    pub log_end: LogEnd,
    /// The daemon repeats the first line of each new log file within one follow (dockerd before 23,
    /// drivers json-file and local).
    pub doubles: bool,
    /// The size in bytes at which its log driver begins a new file and may drop the oldest;
    /// `None` if it never does.
    pub file_size: Option<u64>,
    /// How its log driver can lose lines, if it can.
    pub lossy: Option<Lossy>,
}

/// How a log driver can lose lines before cmon reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lossy {
    /// `mode=non-blocking`: the daemon drops lines if its buffer is full.
    NonBlocking,
    /// The driver sends lines elsewhere. The daemon reads them from a cache, which drops lines if it is
    /// full.
    Cache,
}

/// An event of a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerEvent {
    /// The container.
    pub key: ContainerKey,
    /// Its name at that time, if the daemon sends it.
    pub name: Option<Arc<str>>,
    /// The kind of event.
    pub kind: ContainerEventKind,
    /// Its image and labels, if a start or a rename may make it selected.
    pub facts: Arc<Facts>,
}

/// A past event of a container that the daemon remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The time by the daemon's clock.
    pub time: Timestamp,
    /// The kind of event.
    pub what: Remembered,
}

/// The kinds of [`Moment`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remembered {
    /// The container was created.
    Created,
    /// A run had just begun; its first lines may be a few milliseconds older.
    Started,
    /// A run had ended, and the daemon had read all of its output.
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
    /// Its processes were frozen; its log does not change.
    Paused,
    /// Its processes were thawed.
    Unpaused,
    /// It was removed.
    Destroyed,
    /// It was renamed to the name in the event.
    Renamed,
    /// The result of its health check changed.
    HealthChanged,
}

/// How much of the stored log a request asks for, counted in frames from the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// All stored frames.
    All,
    /// At most this number of frames.
    Last(u64),
}

/// The kind of file that a container's process writes to. It decides the framing of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A pipe for each of its outputs.
    Pipes,
    /// One terminal for both: the log is raw.
    Terminal,
    /// The same with the log driver `local`, or the daemon's cache in its format. It writes no newline behind a line
    /// in pieces, and the last piece may be empty (dockerd 20.10).
    TerminalInLocal,
}

impl OutputKind {
    /// The kind for the daemon's field `Tty`.
    pub fn of(tty: bool) -> Self {
        if tty { Self::Terminal } else { Self::Pipes }
    }
}

/// When a read of a log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// Reads stored messages, then new ones.
    Follow,
    /// Reads stored messages, then ends.
    Once,
}

/// One request for a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRequest {
    /// The container.
    pub key: ContainerKey,
    /// From [`Container::output`].
    pub output: OutputKind,
    /// Whether the read follows the log or ends after the stored messages.
    pub mode: ReadMode,
    /// How much of the stored log to send.
    pub tail: Tail,
    /// Whether the log is known to hold messages.
    pub stored: Stored,
    /// From [`Container::log_end`].
    pub end: LogEnd,
}

/// Whether a log is known to hold messages for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It holds some, so the daemon answers at once.
    Something,
    /// It may be empty. Podman answers a follow of an empty log only when a line is written, so cmon counts
    /// such a follow as open before the answer.
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
    /// The container's output that it was written to.
    pub stream: StdStream,
    /// The daemon's timestamp; the payload does not contain it.
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
    /// Stores the details that the daemon sent with a frame. All frames of a container have the same.
    pub fn set_details(&mut self, details: &str) {
        if self.details.as_deref().unwrap_or_default() != details {
            self.details = Some(details.into()).filter(|_| !details.is_empty());
        }
    }

    /// The details of the last frame, if they were requested.
    pub fn details(&self) -> Option<&Arc<str>> {
        self.details.as_ref()
    }

    /// Adds a frame; its payload is the concatenation of `parts`.
    ///
    /// # Panics
    /// If the batch grows beyond 4 GiB. Readers send a batch long before.
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

    /// Drops the first `skip` frames, and all but `count` of the rest.
    pub fn keep(&mut self, skip: usize, count: usize) {
        self.frames.truncate(skip.saturating_add(count));
        self.frames.drain(..skip.min(self.frames.len()));
    }

    /// The number of frames.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// The total size of the payloads in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Removes all frames. Keeps the buffers, up to a limit, to avoid allocations.
    pub fn clear(&mut self) {
        const KEPT_MAX_BYTES: usize = 1 << 18;
        self.frames.clear();
        self.bytes.clear();
        if KEPT_MAX_BYTES < self.bytes.capacity() {
            self.bytes.shrink_to(KEPT_MAX_BYTES);
        }
    }
}

/// The result of a read from an open log stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The read got bytes, which may complete frames.
    Some,
    /// The daemon ended the stream without an error.
    End,
}

/// An open log stream. Dropping it closes its connection.
pub trait LogStream: Send {
    /// Waits for bytes and appends the frames that they complete to `into`. The end of the stream and an
    /// error can come with frames too.
    /// # Cancel safety
    /// Safe: if the future is dropped before it is ready, it has appended nothing and loses nothing.
    fn read(&mut self, into: &mut Frames)
    -> impl Future<Output = Result<Read, SourceError>> + Send;
}

/// The daemon's events since it confirmed the subscription.
pub trait EventStream: Send {
    /// The next event; an error ends the subscription.
    /// # Cancel safety
    /// Safe: each event is returned by this call or by a later one.
    fn next(&mut self) -> impl Future<Output = Result<ContainerEvent, SourceError>> + Send;
}

/// A daemon that serves containers and their logs. Every request has a deadline.
pub trait Source: Send + Sync + 'static {
    /// An open log stream.
    type Logs: LogStream;
    /// An open subscription.
    type Events: EventStream;

    /// The daemon's key.
    fn daemon(&self) -> DaemonId;

    /// All containers, stopped ones included. Those that `filters` exclude have `passes: false`.
    fn list(
        &self,
        filters: &ListFilters,
    ) -> impl Future<Output = Result<Vec<Listed>, SourceError>> + Send;

    /// The container that this process runs in, if it is in the list.
    fn own(&self, _: &[Listed]) -> impl Future<Output = Option<ContainerKey>> + Send {
        async { None }
    }

    /// The daemon's own id, constant over its life; `None` if it has none.
    fn identity(&self) -> impl Future<Output = Result<Option<Arc<str>>, SourceError>> + Send {
        async { Ok(None) }
    }

    /// The daemon's clock; `None` where it is unknown.
    fn clock(&self) -> impl Future<Output = Option<Timestamp>> + Send {
        async { None }
    }

    /// Inspects one container.
    fn inspect(
        &self,
        key: &ContainerKey,
    ) -> impl Future<Output = Result<Container, SourceError>> + Send;

    /// Subscribes to events.
    fn events(&self) -> impl Future<Output = Result<Self::Events, SourceError>> + Send;

    /// The daemon's past events of a container until a moment, in order. The daemon keeps only its last few
    /// hundred events over all containers.
    fn remembered(
        &self,
        _: &ContainerKey,
        _until: Timestamp,
    ) -> impl Future<Output = Result<Vec<Moment>, SourceError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Opens a log and reads the head of the answer.
    fn logs(
        &self,
        request: &LogRequest,
    ) -> impl Future<Output = Result<Self::Logs, SourceError>> + Send;

    /// Connections by purpose.
    fn connections(&self) -> BTreeMap<Purpose, ConnectionCount>;

    /// The number of short requests since the start.
    fn requests(&self) -> u64;

    /// Closes every connection that is still open, and returns their number.
    fn close_all(&self) -> usize;
}
