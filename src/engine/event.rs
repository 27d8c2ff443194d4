//! Everything that the engine says, and in which order.
//!
//! Events travel over one bounded channel. For one container the order is the order of what
//! happened: its lines come before the note that its run ended, and a gap stands exactly where the
//! missing lines would have been. Between containers there is no promise.

use std::sync::Arc;
use std::time::Duration;

use super::position::Position;
use super::source::{ContainerKey, DaemonId, Exit, Lossy, SourceError, StdStream};
use super::start::StartError;
use super::timestamp::Timestamp;
use super::turns::Turn;

/// What a container is called where it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Which container.
    pub key: ContainerKey,
    /// Its name.
    pub name: Arc<str>,
    /// The same for people: `HOST/NAME` where one run follows several daemons.
    pub title: Arc<str>,
    /// Its details as the daemon writes them, where they were asked for: `k=v,k2=v2`, percent-encoded.
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
    /// Lines of one container: as many as one read gave.
    Lines(Lines),
    /// Lines are missing here.
    Gap(Gap),
    /// Something happened to a container or to the daemon.
    Note(Note),
    /// What a daemon calls itself: a later run must find the same.
    Identity(DaemonId, Arc<str>),
    /// The stored lines of these containers of a daemon come now, each ended by [`Event::CaughtUp`]. Only where lines
    /// are wanted [by their times](super::LineOrder::ByTime), as the next.
    Begins(DaemonId, Vec<ContainerKey>),
    /// Stored lines of a container are read, and for a second none of them could be handed on.
    Reading(ContainerKey),
    /// All lines of a container that were stored when it was begun have come.
    CaughtUp(ContainerKey),
}

impl Event {
    /// The container that it is about, where it is one.
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
    /// Whose lines.
    pub label: Arc<Label>,
    /// Where the container's log was read to with these lines, when a later run wants to know.
    pub position: Option<Box<Position>>,
    /// Held until they are shown, where lines are wanted by their times.
    pub turn: Option<Turn>,
    bytes: Vec<u8>,
    lines: Vec<Line>,
}

/// One line, or one marked piece of a line that is longer than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The daemon's timestamp of its first byte.
    pub time: Timestamp,
    /// Where the container wrote it.
    pub stream: StdStream,
    /// How it ends.
    pub ending: Ending,
    /// The daemon handed it over late, so it stands behind lines that were written after it.
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
    /// It does not: the line is longer than allowed, and its next piece follows.
    Piece,
}

/// How much of a line is added to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it, or its last piece.
    Whole,
    /// A piece that others follow.
    Piece,
}

/// How a line came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In its place.
    InOrder,
    /// Late: an earlier stream did not deliver it.
    Recovered,
}

impl Lines {
    /// An empty batch.
    pub fn new(label: Arc<Label>) -> Self {
        Self { label, position: None, turn: None, bytes: Vec::new(), lines: Vec::new() }
    }

    /// Adds a line, or a piece of one, given as two parts with its terminator still at the end.
    /// More of a line follows unless its extent is whole.
    ///
    /// # Panics
    /// When one batch passes 4 GiB; batches are handed on long before.
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

    /// The lines in order, each with its text; the terminator is not part of the text.
    pub fn iter(&self) -> impl Iterator<Item = (Line, &[u8])> {
        self.lines.iter().map(|line| (*line, self.text(line)))
    }

    /// All of them stand behind lines that were written after them.
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

    /// The line at this place, with its text as [`iter`](Self::iter) gives it.
    pub fn get(&self, index: usize) -> Option<(Line, &[u8])> {
        self.lines.get(index).map(|line| (*line, self.text(line)))
    }

    /// Adds a copy of the line that stands at this place in another batch.
    ///
    /// # Panics
    /// When one batch passes 4 GiB.
    pub fn push_from(&mut self, other: &Self, index: usize) {
        let Some(line) = other.lines.get(index) else { return };
        let start = u32::try_from(self.bytes.len()).expect("a batch is far below 4 GiB");
        let from = line.start as usize;
        self.bytes.extend_from_slice(&other.bytes[from..from + line.len as usize]);
        self.lines.push(Line { start, ..*line });
    }

    /// Adds a line that is like this one but for its text.
    ///
    /// # Panics
    /// When one batch passes 4 GiB.
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

    /// Keeps the lines at the places that `keep` accepts.
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

    /// Takes the first `count` lines away as a batch of their own.
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

    /// The text of one of its lines.
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

    /// How many lines (or pieces) it holds.
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

    /// How many lines end in this batch; the pieces of a long line but its last do not count.
    pub fn whole(&self) -> usize {
        self.lines.iter().filter(|line| line.ending != Ending::Piece).count()
    }

    /// How many lines that are not older than this end in this batch, and the bytes of all that are not.
    pub fn since(&self, time: Timestamp) -> (usize, usize) {
        let new = self.lines.iter().filter(|line| time <= line.time);
        new.fold((0, 0), |(count, bytes), line| {
            (count + usize::from(line.ending != Ending::Piece), bytes + line.len as usize)
        })
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// Lines that are known or must be feared to be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Whose lines.
    pub label: Arc<Label>,
    /// The last line that was delivered before it; `None` when there was none.
    pub from: Option<Timestamp>,
    /// The first line that the daemon still holds after it; `None` when there is none.
    pub to: Option<Timestamp>,
    /// Why they are missing.
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
    /// The daemon cannot decode a record that it stored there.
    Unreadable,
}

impl GapCause {
    /// One word for counting.
    pub fn word(self) -> &'static str {
        match self {
            GapCause::LogRotated => "log_rotated",
            GapCause::Removed => "removed",
            GapCause::Unreadable => "unreadable",
        }
    }

    /// A message for people.
    pub fn as_str(self) -> &'static str {
        match self {
            GapCause::LogRotated => "the daemon no longer holds these lines",
            GapCause::Removed => "the container was removed before its log was read to the end",
            GapCause::Unreadable => "the daemon cannot decode a record of its log there",
        }
    }
}

/// Something to report that is neither a line nor a gap.
#[derive(Clone, Debug)]
pub struct Note {
    /// What it is about.
    pub about: About,
    /// What happened.
    pub what: Notice,
}

/// What a [`Note`] is about.
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
    /// The container, where it is one.
    pub fn container(&self) -> Option<&Arc<Label>> {
        match self {
            About::Container(label) => Some(label),
            About::Daemon(_) | About::Run => None,
        }
    }

    /// The name of the daemon, where one run follows several.
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
    /// A container started or joined: sent once per run, before its first line where cmon saw the
    /// start.
    Started,
    /// Its restart policy will start it again; sent after the last line of the run.
    Restarting(Option<Exit>),
    /// Its run ended; sent after the last line of the run.
    Exited(Option<Exit>),
    /// It is gone; nothing of it follows.
    Removed,
    /// It has another name from here on; the label carries the new one.
    Renamed {
        /// The name before.
        from: Arc<str>,
    },
    /// cmon itself runs in it, so it is left out.
    Own,
    /// Its new name is not selected: it is followed to the end of its run.
    Deselected,
    /// Nothing matches this pattern yet; what will is followed from its first line.
    Waiting {
        /// As typed.
        pattern: String,
    },
    /// It has no run before its latest one, so nothing of it is shown.
    NoPreviousRun,
    /// The daemon no longer knows when its previous run began.
    PreviousRunUnbounded {
        /// The number of lines before the latest run that are shown; `None`: all.
        lines: Option<u64>,
    },
    /// Lines may be missing in its log itself, and it is not known which.
    Lossy(Lossy),
    /// Its log driver keeps nothing that can be read; nothing of it follows.
    Unreadable {
        /// The driver's name.
        driver: Arc<str>,
        /// The daemon's refusal.
        error: SourceError,
    },
    /// It could not be read, again and again; nothing of it follows. Only without a follow.
    GivenUp {
        /// Why.
        error: SourceError,
    },
    /// Its stream broke and is opened again after the wait.
    StreamBroke {
        /// Why.
        error: SourceError,
        /// How long until the next try.
        retry: Duration,
    },
    /// Its stream was silent although the daemon had more; it is opened again at once.
    WentSilent,
    /// The daemon ended the stream although the container runs, again and again.
    EndsEarly {
        /// How often in a row without a new line.
        times: u32,
        /// How long until the next try.
        retry: Duration,
    },
    /// The daemon does not answer with its events or its list; streams go on as they can.
    DaemonAway {
        /// Why.
        error: SourceError,
        /// How long until the next try.
        retry: Duration,
    },
    /// One of several daemons could not be reached or is no use, and nothing of it is shown.
    DaemonLeftOut {
        /// Why.
        error: StartError,
    },
    /// The usual socket is not there, so the only one that another product has made is used.
    DaemonFound {
        /// The socket's address.
        endpoint: Arc<str>,
        /// The product that made it.
        product: &'static str,
    },
    /// The embedded daemon serves other programs too.
    DemoListens {
        /// The socket's address.
        endpoint: Arc<str>,
    },
    /// The daemon refuses its events; cmon asks for its list every few seconds instead.
    NoEvents {
        /// Why.
        error: SourceError,
    },
    /// The daemon takes long to answer.
    StillWaiting {
        /// For what.
        what: Awaited,
    },
    /// The daemon answers again, and its list was compared with what is followed.
    DaemonBack,
    /// A reader panicked; it is counted, and the stream is opened again at the anchor.
    ReaderPanicked {
        /// The panic's message.
        message: String,
    },
    /// Notes were dropped because the output was not read.
    NotesDropped {
        /// How many.
        count: u64,
    },
}

/// What the daemon takes long to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The list of containers.
    List,
    /// The inspection of a container.
    Inspection,
    /// The log of a container.
    Log,
}

/// Why a stream ended: a value, never a guess.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It reached its age; the next one opens at the anchor.
    Rotated,
    /// It was quiet although the daemon had more; the next one opens at the anchor.
    Stale,
    /// The output did not take lines as fast as they came, so the daemon might have rotated files away
    /// under the stream; the next one reads them from the stored log first.
    HeldBack,
    /// The daemon handed over again what is older than all that cmon remembers; the next one opens at
    /// the anchor.
    Disordered,
    /// The daemon ended it in good order.
    Eof,
    /// It could not be opened, or it broke.
    Failed(SourceError),
    /// cmon is stopping, or no longer wants the container.
    Cancelled,
    /// Its reader panicked, with this message.
    Panicked(String),
}

impl EndReason {
    /// One word for counting: `rotated`, `stale`, `cut`, and so on.
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
