//! The events that the engine sends, and their order.
//!
//! Events travel over one bounded channel. The events of one container keep the order in which things
//! happened: its lines come before the note that its run ended, and a gap stands exactly where the lines
//! are missing. Events of different containers have no promised order.

use std::sync::Arc;
use std::time::Duration;

use super::position::Position;
use super::source::{ContainerKey, DaemonId, Exit, Lossy, SourceError, StdStream};
use super::start::StartError;
use super::timestamp::Timestamp;
use super::turns::Turn;

/// The names under which a container is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which container.
    pub key: ContainerKey,
    /// Its name.
    pub name: Arc<str>,
    /// The name in output: `HOST/NAME` if one run follows several daemons.
    pub title: Arc<str>,
    /// The container's details as the daemon writes them, if requested: `k=v,k2=v2`, percent-encoded.
    pub details: Option<Arc<str>>,
}

impl Label {
    /// The label of this container.
    pub fn new(key: ContainerKey, name: Arc<str>) -> Self {
        let title = match key.daemon.host() {
            Some(host) => format!("{host}/{name}").into(),
            None => Arc::clone(&name),
        };
        Self { key, name, title, details: None }
    }
}

/// One message from the engine to the output.
#[derive(Clone, Debug)]
pub enum Event {
    /// Lines of one container, as many as one read completed.
    Lines(Lines),
    /// Lines are missing here.
    Gap(Gap),
    /// Something happened to a container or to the daemon.
    Note(Note),
    /// The daemon's own id. A cursor stores it, so that a later run recognizes the daemon.
    Identity(DaemonId, Arc<str>),
    /// The daemon's stored lines of these containers follow; [`Event::CaughtUp`] ends each container's part.
    /// Sent only [in order of time](super::LineOrder::ByTime), as are the next two.
    Begins(DaemonId, Vec<ContainerKey>),
    /// cmon reads stored lines of a container, and has sent none for a second.
    Reading(ContainerKey),
    /// cmon has sent all lines of a container that were stored when it began to read.
    CaughtUp(ContainerKey),
}

impl Event {
    /// The container that the event is about, if there is one.
    pub fn container(&self) -> Option<&ContainerKey> {
        match self {
            Event::Lines(lines) => Some(&lines.label.key),
            Event::Gap(gap) => Some(&gap.label.key),
            Event::Note(note) => note.about.container().map(|label| &label.key),
            Event::Reading(key) | Event::CaughtUp(key) => Some(key),
            Event::Identity(..) | Event::Begins(..) => None,
        }
    }
}

/// A batch of lines of one container, in the daemon's order, in one buffer.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "lines is what it holds")]
pub struct Lines {
    /// The container that wrote them.
    pub label: Arc<Label>,
    /// The place in the container's log behind these lines; `None` without a cursor.
    pub position: Option<Box<Position>>,
    /// The batch's share of the channel, released once the lines are shown; `None` unless lines are ordered by time.
    pub turn: Option<Turn>,
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

/// One line, or one marked piece of a line that is longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The daemon's timestamp of its first byte.
    pub time: Timestamp,
    /// The container's output that it was written to.
    pub stream: StdStream,
    /// How the line ends.
    pub ending: Ending,
    /// The daemon sent it late, so it stands behind lines that were written after it.
    pub recovered: bool,
    start: u32,
    len: u32,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With `\n`.
    Lf,
    /// With `\r\n`, as a terminal writes it.
    CrLf,
    /// With nothing: the container's run ended in the middle of the line.
    Unterminated,
    /// The line is longer than allowed and does not end here: its next piece follows.
    Piece,
}

/// How much of a line a call adds to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it, or its last piece.
    Whole,
    /// A piece that others follow.
    Piece,
}

/// When a line is delivered, compared with the order of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At its place.
    InOrder,
    /// Late: an earlier stream did not deliver it.
    Recovered,
}

impl Lines {
    /// An empty batch.
    pub fn new(label: Arc<Label>) -> Self {
        Self { label, position: None, turn: None, bytes: Vec::new(), lines: Vec::new() }
    }

    /// Adds a line, or a piece of one, in two parts; the terminator is still at the end.
    ///
    /// # Panics
    /// If the batch grows beyond 4 GiB. Readers send a batch long before.
    pub fn push(
        &mut self,
        time: Timestamp,
        stream: StdStream,
        parts: [&[u8]; 2],
        extent: Extent,
        delivery: Delivery,
    ) {
        let start = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        self.bytes.extend_from_slice(parts[0]);
        if !parts[1].is_empty() {
            self.bytes.extend_from_slice(parts[1]);
        }
        let end = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        let text = &self.bytes[start as usize..];
        let ending = match text {
            _ if extent == Extent::Piece => Ending::Piece,
            [.., b'\r', b'\n'] => Ending::CrLf,
            [.., b'\n'] => Ending::Lf,
            _ => Ending::Unterminated,
        };
        let recovered = delivery == Delivery::Recovered;
        self.lines.push(Line { time, stream, ending, recovered, start, len: end - start });
    }

    /// The lines in order, each with its text without terminator.
    pub fn iter(&self) -> impl Iterator<Item = (Line, &[u8])> {
        self.lines.iter().map(|line| (*line, self.text(line)))
    }

    /// Marks all lines as recovered: they stand behind lines that were written after them.
    pub fn mark_recovered(&mut self) {
        self.lines.iter_mut().for_each(|line| line.recovered = true);
    }

    /// Drops all lines but the last `count`.
    pub fn keep_last(&mut self, count: usize) {
        let drop = self.lines.len().saturating_sub(count);
        self.lines.drain(..drop);
        let Some(from) = self.lines.first().map(|line| line.start) else {
            return self.bytes.clear();
        };
        self.bytes.drain(..from as usize);
        self.lines.iter_mut().for_each(|line| line.start -= from);
    }

    /// The line at `index`, with its text without terminator.
    pub fn get(&self, index: usize) -> Option<(Line, &[u8])> {
        self.lines.get(index).map(|line| (*line, self.text(line)))
    }

    /// Adds a copy of the line at `index` of another batch.
    ///
    /// # Panics
    /// If the batch grows beyond 4 GiB.
    pub fn push_from(&mut self, other: &Self, index: usize) {
        let Some(line) = other.lines.get(index) else { return };
        let start = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        let from = line.start as usize;
        self.bytes.extend_from_slice(&other.bytes[from..from + line.len as usize]);
        self.lines.push(Line { start, ..*line });
    }

    /// Adds a line with this text and the other properties of `like`.
    ///
    /// # Panics
    /// If the batch grows beyond 4 GiB.
    pub fn push_line(&mut self, like: Line, text: &[u8]) {
        let terminator: &[u8] = match like.ending {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
            Ending::Unterminated | Ending::Piece => b"",
        };
        let extent = if like.ending == Ending::Piece { Extent::Piece } else { Extent::Whole };
        let delivery = if like.recovered { Delivery::Recovered } else { Delivery::InOrder };
        self.push(like.time, like.stream, [text, terminator], extent, delivery);
    }

    /// Keeps the lines whose index `keep` accepts.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let (mut index, mut end) = (0, 0);
        let bytes = &mut self.bytes;
        self.lines.retain_mut(|line| {
            let kept = keep(index);
            index += 1;
            if kept {
                let start = line.start as usize;
                bytes.copy_within(start..start + line.len as usize, end as usize);
                line.start = end;
                end += line.len;
            }
            kept
        });
        bytes.truncate(end as usize);
    }

    /// Splits off the first `count` lines and returns them as a batch.
    #[must_use]
    pub fn split_front(&mut self, count: usize) -> Self {
        let mut rest = Self::new(Arc::clone(&self.label));
        if let Some(from) = self.lines.get(count).map(|line| line.start) {
            rest.bytes = self.bytes.split_off(from as usize);
            rest.lines = self.lines.split_off(count);
            rest.lines.iter_mut().for_each(|line| line.start -= from);
        }
        std::mem::replace(self, rest)
    }

    /// The text of one of the lines, without terminator.
    fn text(&self, line: &Line) -> &[u8] {
        let start = line.start as usize;
        let terminator = match line.ending {
            Ending::Lf => 1,
            Ending::CrLf => 2,
            Ending::Unterminated | Ending::Piece => 0,
        };
        &self.bytes[start..start + line.len as usize - terminator]
    }

    /// All bytes as the container wrote them, terminators included.
    pub fn raw(&self) -> &[u8] {
        &self.bytes
    }

    /// The number of lines and pieces.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// The timestamp of its last line.
    pub fn last_time(&self) -> Option<Timestamp> {
        self.lines.last().map(|line| line.time)
    }

    /// How its last line ends.
    pub fn last_ending(&self) -> Option<Ending> {
        self.lines.last().map(|line| line.ending)
    }

    /// The number of lines that end in this batch. Of a long line, only the last piece counts.
    pub fn whole(&self) -> usize {
        self.lines.iter().filter(|line| line.ending != Ending::Piece).count()
    }

    /// Counts the lines that end in this batch and are not older than `time`, and the bytes of all pieces since then.
    pub fn since(&self, time: Timestamp) -> (usize, usize) {
        let new = self.lines.iter().filter(|line| time <= line.time);
        new.fold((0, 0), |(count, bytes), line| {
            (count + usize::from(line.ending != Ending::Piece), bytes + line.len as usize)
        })
    }

    /// Whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// A place in a log where lines are missing, or may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The container that wrote them.
    pub label: Arc<Label>,
    /// The time of the last line that was delivered before the gap; `None` if there was none.
    pub from: Option<Timestamp>,
    /// The time of the first line that the daemon still holds after the gap; `None` if there is none.
    pub to: Option<Timestamp>,
    /// The cause.
    pub cause: GapCause,
}

/// Why lines are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapCause {
    /// The daemon no longer holds the last line that was delivered: its log files were rotated away,
    /// truncated or replaced.
    LogRotated,
    /// The container was removed before the rest of its log could be read.
    Removed,
    /// The daemon cannot decode a record that it stored.
    Unreadable,
}

impl GapCause {
    /// The cause in JSON and metrics.
    pub fn word(self) -> &'static str {
        match self {
            GapCause::LogRotated => "log_rotated",
            GapCause::Removed => "removed",
            GapCause::Unreadable => "unreadable",
        }
    }

    /// The cause in a message.
    pub fn as_str(self) -> &'static str {
        match self {
            GapCause::LogRotated => "the daemon no longer holds these lines",
            GapCause::Removed => "the container was removed before its log was read to the end",
            GapCause::Unreadable => "the daemon cannot decode a record of its log there",
        }
    }
}

/// A message that is neither a line nor a gap.
#[derive(Clone, Debug)]
pub struct Note {
    /// The subject.
    pub about: About,
    /// What happened.
    pub what: Notice,
}

/// The subject of a [`Note`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A container.
    Container(Arc<Label>),
    /// A daemon.
    Daemon(DaemonId),
    /// The whole run.
    Run,
}

impl About {
    /// The container, if it is one.
    pub fn container(&self) -> Option<&Arc<Label>> {
        match self {
            About::Container(label) => Some(label),
            About::Daemon(_) | About::Run => None,
        }
    }

    /// The name of the daemon, if one run follows several.
    pub fn host(&self) -> Option<&Arc<str>> {
        match self {
            About::Container(label) => label.key.daemon.host(),
            About::Daemon(daemon) => daemon.host(),
            About::Run => None,
        }
    }
}

/// The kinds of [`Note`].
#[derive(Clone, Debug)]
pub enum Notice {
    /// A container's run started, or cmon joined it: sent once per run, and before the first line if cmon saw the
    /// start.
    Started,
    /// Its restart policy will start it again; sent after the last line of the run.
    Restarting(Option<Exit>),
    /// Its run ended; sent after the last line of the run.
    Exited(Option<Exit>),
    /// It was removed; no more events of it follow.
    Removed,
    /// It was renamed; the label has the new name.
    Renamed {
        /// The old name.
        from: Arc<str>,
    },
    /// cmon itself runs in it, so cmon leaves it out.
    Own,
    /// Its new name is not selected: cmon follows it to the end of its run.
    Deselected,
    /// No container matches this pattern yet. cmon follows a later match from its first line.
    Waiting {
        /// The pattern as typed.
        pattern: String,
    },
    /// It has no run before its latest one, so cmon shows nothing of it.
    NoPreviousRun,
    /// The daemon no longer knows when its previous run began.
    PreviousRunUnbounded {
        /// The number of lines before the latest run that cmon shows; `None`: all.
        lines: Option<u64>,
    },
    /// Its log driver can lose lines, and nothing shows which.
    Lossy(Lossy),
    /// Its log driver keeps nothing that can be read, so cmon does not follow it.
    Unreadable {
        /// The driver's name.
        driver: Arc<str>,
        /// The daemon's refusal.
        error: SourceError,
    },
    /// Reading it failed repeatedly, and cmon gave it up. Only without a follow.
    GivenUp {
        /// The last failure.
        error: SourceError,
    },
    /// Its stream broke; cmon opens the next one after the wait.
    StreamBroke {
        /// The failure.
        error: SourceError,
        /// The time until the next try.
        retry: Duration,
    },
    /// Its stream was silent although the daemon had newer lines; cmon opens the next one at once.
    WentSilent,
    /// The daemon repeatedly ended the stream although the container runs.
    EndsEarly {
        /// The number of ends in a row without a new line.
        times: u32,
        /// The time until the next try.
        retry: Duration,
    },
    /// The daemon answers neither for its events nor for its list. Open streams continue if they can.
    DaemonAway {
        /// The failure.
        error: SourceError,
        /// The time until the next try.
        retry: Duration,
    },
    /// One of several daemons cannot be used, so cmon leaves it out.
    DaemonLeftOut {
        /// The failure.
        error: StartError,
    },
    /// The default socket does not exist, so cmon uses the only socket of another product.
    DaemonFound {
        /// The socket's address.
        endpoint: Arc<str>,
        /// The product that creates it.
        product: &'static str,
    },
    /// The embedded daemon serves other programs too.
    DemoListens {
        /// The socket's address.
        endpoint: Arc<str>,
    },
    /// The daemon refuses its events; cmon asks for its list every few seconds instead.
    NoEvents {
        /// The refusal.
        error: SourceError,
    },
    /// The daemon is slow to answer.
    StillWaiting {
        /// The request.
        what: Awaited,
    },
    /// The daemon answers again, and cmon has compared its list with the followed containers.
    DaemonBack,
    /// A reader panicked. cmon counts it and opens the stream again at the anchor.
    ReaderPanicked {
        /// The panic's message.
        message: String,
    },
    /// cmon dropped notes because nothing read the output.
    NotesDropped {
        /// The number of dropped notes.
        count: u64,
    },
}

/// A request that the daemon is slow to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The list of containers.
    List,
    /// The inspection of a container.
    Inspection,
    /// The log of a container.
    Log,
}

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It reached its maximum age; the next one opens at the anchor.
    Rotated,
    /// It was stale: silent although the daemon had newer lines. The next one opens at the anchor.
    Stale,
    /// The output fell behind, so the daemon may have rotated files away under the stream. The next stream
    /// reads them from the stored log first.
    HeldBack,
    /// The daemon sent frames again that are older than all keys in the anchor's ring. The next stream opens at
    /// the anchor.
    Disordered,
    /// The daemon ended it without an error.
    Eof,
    /// It could not be opened, or it broke.
    Failed(SourceError),
    /// cmon is stopping, or no longer wants the container.
    Cancelled,
    /// Its reader panicked, with this message.
    Panicked(String),
}

impl EndReason {
    /// The reason in JSON and metrics: `rotated`, `stale`, `cut`, and so on.
    pub fn word(&self) -> &'static str {
        match self {
            EndReason::Rotated => "rotated",
            EndReason::Stale => "stale",
            EndReason::HeldBack => "held_back",
            EndReason::Disordered => "disordered",
            EndReason::Eof => "ended",
            EndReason::Failed(error) => error.kind.as_str(),
            EndReason::Cancelled => "cancelled",
            EndReason::Panicked(_) => "panicked",
        }
    }
}
