//! Reads of stored messages although the daemon cannot decode some records. A finite read that shows less
//! than it asked for is checked before its messages are delivered. If lines are missing, a survey finds the
//! readable parts; cmon reads them in file order, with a gap between.

use std::time::Duration;

use tokio::time::timeout;

use super::{Reader, StreamStep, silent};
use crate::engine::anchor::Key;
use crate::engine::event::{EndReason, Lines};
use crate::engine::limits::FINITE_READ_IDLE_TIMEOUT;
use crate::engine::resume::survey::{
    Before, Growth, Look, Map, Newest, Part, Stop, Windows, survey,
};
use crate::engine::resume::{Known, Proven, Reach, Resume};
use crate::engine::source::{
    ErrorKind, Frames, LogStream, Read, ReadMode, Source, SourceError, Tail,
};

/// The limit of payload and messages held until the window is checked. A longer read is delivered as it
/// comes, and checked afterwards.
const HELD_MAX_BYTES: usize = 2 << 20;
const HELD_MAX_MESSAGES: usize = if cfg!(test) { 1 << 10 } else { 1 << 15 };
/// The limit of keys that one look holds: 6 MiB.
const LOOK_MAX_KEYS: usize = 1 << 18;
/// The largest log, in messages, that cmon may read again from its beginning.
const SHORT_LOG_MAX_MESSAGES: u64 = 64;
/// The limit of surveys of a log that changes too fast for one.
pub(super) const SURVEYS_MAX: u32 = 3;
/// The limit of looks for the beginning of a growing log.
pub(super) const CHECKS_MAX: u32 = 16;
/// The time limit of such looks. If a container writes faster than cmon reads, they would never end.
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);
/// The limit of attempts to open a part that a growing log moves.
const PART_TRIES_MAX: u64 = 24;

/// Whether a window has shown all requested records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    All,
    LinesMissing,
}

/// The messages of a finite read up to now.
#[derive(Default)]
pub(super) struct Held {
    batches: Vec<Frames>,
    pub(super) keys: Vec<Key>,
    bytes: usize,
}

impl Held {
    fn push(&mut self, frames: Frames) {
        if !frames.is_empty() {
            self.keys.extend(frames.iter().map(|(frame, payload)| Key::of(frame, payload)));
            self.bytes += frames.bytes();
            self.batches.push(frames);
        }
    }
}

/// The windows of one container's log; keeps the daemon's last error.
pub(super) struct Log<'a, S: Source> {
    pub(super) reader: &'a Reader<S>,
    pub(super) resume: &'a Resume,
    pub(super) error: Option<SourceError>,
}

impl<S: Source> Windows for Log<'_, S> {
    async fn look(&mut self, window: Tail) -> Result<Look, EndReason> {
        let (look, error) = self.reader.look(self.resume, window).await?;
        tracing::trace!(?window, shown = look.keys.len(), ?error, "survey");
        self.error = error.or(self.error.take());
        Ok(look)
    }
}

impl<S: Source> Reader<S> {
    pub(super) fn may_be_damaged(&self, resume: &Resume) -> bool {
        resume.may_be_damaged(&self.container)
    }

    /// Reads a window of stored messages to its end and delivers the new ones.
    pub(super) async fn finite(&self, resume: &mut Resume, window: Tail) -> StreamStep {
        if !self.may_be_damaged(resume) {
            return self.stream(resume, ReadMode::Once, window, None).await;
        }
        let mut stream = match self.open(resume, ReadMode::Once, window).await {
            Ok(stream) => stream,
            Err(reason) => return StreamStep::Ended(reason),
        };
        let mut held = Held::default();
        let broken = loop {
            let mut frames = Frames::default();
            let read = self.read_finite(resume, &mut stream, &mut frames).await;
            held.push(frames);
            match read {
                Ok(Ok(Read::Some))
                    if held.bytes <= HELD_MAX_BYTES && held.keys.len() < HELD_MAX_MESSAGES => {}
                Ok(Ok(Read::Some)) => return self.long_read(resume, window, stream, held).await,
                Ok(Ok(Read::End)) => break None,
                Ok(Err(_)) => return StreamStep::LinesMissing,
                Err(reason) => break Some(reason),
            }
        };
        if broken.is_none() {
            match self.check(resume, window, &held.keys).await {
                Ok(Shown::All) => {}
                Ok(Shown::LinesMissing) => return StreamStep::LinesMissing,
                Err(reason) => return StreamStep::Ended(reason),
            }
        }
        if let Some(end) = self.take_held(resume, held).await {
            return end;
        }
        match broken {
            None => self.end_of_file(resume).await,
            Some(reason) => StreamStep::Ended(reason),
        }
    }

    pub(super) async fn take_held(&self, resume: &mut Resume, held: Held) -> Option<StreamStep> {
        for mut frames in held.batches {
            if let Some(end) = self.take(resume, &mut frames, ReadMode::Once).await {
                return Some(end);
            }
        }
        None
    }

    /// Whether a window with these keys has shown all of its records. A full one has. A shorter one has if the
    /// log is not longer: then a window with room for one more record begins with the same message.
    pub(super) async fn check(
        &self,
        resume: &mut Resume,
        window: Tail,
        keys: &[Key],
    ) -> Result<Shown, EndReason> {
        let shown = keys.len() as u64;
        if let Tail::Last(frames) = window
            && frames <= shown
        {
            let reach = Reach::Known(frames);
            resume.trust(&self.container, reach, Proven::Yes);
            return Ok(Shown::All);
        }
        let is_whole = match keys {
            [] => self.is_empty(resume).await,
            keys => {
                timeout(CHECK_TIMEOUT, self.begins_with(resume, keys)).await.unwrap_or(Ok(true))
            }
        };
        match is_whole {
            Ok(true) => {}
            Ok(false) => return Ok(Shown::LinesMissing),
            Err(reason) if is_gone(&reason) => {}
            Err(reason) => return Err(reason),
        }
        resume.trust(&self.container, Reach::All, Proven::No);
        if shown <= SHORT_LOG_MAX_MESSAGES {
            resume.saw_short_log();
        }
        Ok(Shown::All)
    }

    /// Whether a log that seems empty is: it may have bad records at both ends.
    async fn is_empty(&self, resume: &Resume) -> Result<bool, EndReason> {
        for room in 1..=2 {
            let (look, _) = self.look(resume, Tail::Last(room)).await?;
            if look.failed || !look.keys.is_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether the log begins with the first of these messages. If so, a window with room for exactly one more record
    /// than there are from it on begins with it too. If the log grows meanwhile, cmon looks again with room for
    /// that growth.
    async fn begins_with(&self, resume: &Resume, keys: &[Key]) -> Result<bool, EndReason> {
        let (mut count, mut growth) = (keys.len(), 0);
        for _ in 0..CHECKS_MAX {
            let room = count + growth + 1;
            let (look, _) = self.look(resume, Tail::Last(room as u64)).await?;
            let shown = &look.keys;
            let full = shown.len() == room;
            if look.failed || shown.len() > room || shown.is_empty() {
                return Ok(false);
            }
            // The number of messages between the first of them and the first shown one.
            let from = match (keys.iter().position(|key| *key == shown[0]), full) {
                (Some(from), _) if 0 < from && !full => return Ok(false),
                (Some(from), _) => from,
                (None, true) if !shown.contains(&keys[0]) => count,
                (None, _) => return Ok(false),
            };
            if !shown.iter().zip(&keys[from.min(keys.len())..]).all(|(one, other)| one == other) {
                return Ok(false);
            }
            if from == 0 && shown.len() + 1 == room {
                return Ok(count <= shown.len());
            }
            let now = from + shown.len();
            if now < count {
                // A larger window shows less.
                return Ok(false);
            }
            (growth, count) = (now - count, now);
        }
        Ok(true)
    }

    /// Reads the keys of a window. An inner error is an error of the log.
    pub(super) async fn look(
        &self,
        resume: &Resume,
        window: Tail,
    ) -> Result<(Look, Option<SourceError>), EndReason> {
        let stream = self.open(resume, ReadMode::Once, window).await?;
        self.keys_of(stream).await
    }

    /// Reads the keys of the messages in an answer.
    pub(super) async fn keys_of(
        &self,
        mut stream: S::Logs,
    ) -> Result<(Look, Option<SourceError>), EndReason> {
        let mut look = Look::default();
        let mut frames = Frames::default();
        loop {
            let read = self.read_once(&mut stream, &mut frames).await?;
            look.keys.extend(frames.iter().map(|(frame, payload)| Key::of(frame, payload)));
            frames.clear();
            match read {
                Ok(Read::Some) if look.keys.len() < LOOK_MAX_KEYS => {}
                Ok(_) => return Ok((look, None)),
                Err(error) => {
                    look.failed = true;
                    return Ok((look, Some(error)));
                }
            }
        }
    }

    /// One read of a finite answer whose messages are to be delivered.
    pub(super) async fn read_finite(
        &self,
        resume: &mut Resume,
        stream: &mut S::Logs,
        frames: &mut Frames,
    ) -> Result<Result<Read, SourceError>, EndReason> {
        let read = self.read_once(stream, frames).await;
        resume.take_details(frames);
        read
    }

    /// One read of a finite answer. An inner error is an error of the log: the messages before it are good.
    pub(super) async fn read_once(
        &self,
        stream: &mut S::Logs,
        frames: &mut Frames,
    ) -> Result<Result<Read, SourceError>, EndReason> {
        let read = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(EndReason::Cancelled),
            read = timeout(FINITE_READ_IDLE_TIMEOUT, stream.read(frames)) => read,
        };
        self.give_sign();
        match read {
            Err(_) => Err(EndReason::Failed(silent())),
            Ok(Err(error)) if error.kind != ErrorKind::InBand => Err(EndReason::Failed(error)),
            Ok(read) => Ok(read),
        }
    }

    /// Reads stored, undelivered messages, past records that cannot be decoded.
    /// [`EndReason::Eof`]: it has read all that are readable.
    pub(super) async fn past_holes(&self, resume: &mut Resume) -> EndReason {
        for _ in 0..SURVEYS_MAX {
            let goal = resume.goal();
            let mut log = Log { reader: self, resume, error: None };
            let map = match survey(&mut log, &goal, self.growth()).await {
                Ok(map) => map,
                Err(Stop::Ended(reason)) => return reason,
                Err(Stop::Moved) => continue,
            };
            if let (Some(error), true) = (log.error, map.parts.is_empty()) {
                if self.growth() == Growth::None {
                    return EndReason::Failed(error);
                }
                // The newest record is bad: later ones are readable as they come.
                resume.hole_at_end(&self.container);
                self.trust(resume, &map);
                return EndReason::Eof;
            }
            match self.read_map(resume, &map).await {
                Ok(Some(reason)) | Err(reason) => return reason,
                Ok(None) => {}
            }
        }
        self.without_a_map(resume).await
    }

    pub(super) fn growth(&self) -> Growth {
        match self.container.phase.is_live() {
            true => Growth::Possible,
            false => Growth::None,
        }
    }

    /// Reads the parts that a survey found. `None`: the log has moved meanwhile.
    async fn read_map(
        &self,
        resume: &mut Resume,
        map: &Map,
    ) -> Result<Option<EndReason>, EndReason> {
        let (parts, lost_before) = resume.undelivered(map);
        // In a read of everything, the daemon may skip messages that it shows in a window of the log's size.
        let by_window = map.is_whole() && !parts.is_empty() && !lost_before;
        if map.is_whole() && !(by_window && resume.wanted() == Tail::All) {
            self.trust(resume, map);
            let window = resume.open_window(resume.wanted());
            return Ok(Some(match self.stream(resume, ReadMode::Once, window, None).await {
                StreamStep::Ended(reason) => reason,
                StreamStep::Missed | StreamStep::LinesMissing => self.give_up(resume).await,
            }));
        }
        if let (Before::Anchored, Some(part)) = (map.before, map.parts.last()) {
            let window = Tail::Last(part.window);
            resume.open_window(window);
            return Ok(match self.stream(resume, ReadMode::Once, window, None).await {
                StreamStep::Ended(reason) => {
                    self.trust(resume, map);
                    Some(reason)
                }
                StreamStep::Missed | StreamStep::LinesMissing => None,
            });
        }
        let last = parts.len().saturating_sub(1);
        for (at, (part, skip)) in parts.iter().enumerate() {
            if 0 < at || lost_before {
                self.with_lines(resume, Resume::hole).await?;
            }
            if *skip < part.keys.len() || at == last {
                let end = if at == last { End::OfLog } else { End::OfPart };
                if !self.read_part(resume, part, *skip, end).await? {
                    return Ok(None);
                }
            }
        }
        if map.newest == Newest::Bad {
            resume.hole_at_end(&self.container);
        }
        self.trust(resume, map);
        Ok(Some(EndReason::Eof))
    }

    fn trust(&self, resume: &mut Resume, map: &Map) {
        let reach = if map.is_whole() { Reach::All } else { Reach::Hole(map.reach()) };
        resume.trust(&self.container, reach, Proven::No);
    }

    /// Changes the container's position in its log, and delivers the lines that this completes.
    pub(super) async fn with_lines(
        &self,
        resume: &mut Resume,
        act: impl FnOnce(&mut Resume, &mut Lines),
    ) -> Result<(), EndReason> {
        let permit = self.permit(resume, ReadMode::Once).await?;
        let mut lines = resume.batch();
        act(resume, &mut lines);
        self.hand_on(resume, permit, lines);
        Ok(())
    }

    /// Handles contradictory answers of the daemon: reports a gap and delivers the messages of one read of
    /// everything.
    async fn without_a_map(&self, resume: &mut Resume) -> EndReason {
        if let Err(reason) = self.with_lines(resume, Resume::hole).await {
            return reason;
        }
        resume.open_part(Known::Anchor);
        let reason = match self.stream(resume, ReadMode::Once, Tail::All, None).await {
            StreamStep::Ended(reason) => reason,
            StreamStep::Missed | StreamStep::LinesMissing => EndReason::Eof,
        };
        match self.emit_gap(resume, None).await {
            Ok(()) => reason,
            Err(reason) => reason,
        }
    }

    /// Reads a part without its first `skip` messages. `false`: a growing log has moved it.
    async fn read_part(
        &self,
        resume: &mut Resume,
        part: &Part,
        skip: usize,
        end: End,
    ) -> Result<bool, EndReason> {
        let Some((mut stream, first, mut skip)) = self.open_part(resume, part, skip).await? else {
            return Ok(false);
        };
        resume.open_part(Known::Nothing);
        let mut left = match end {
            End::OfLog => usize::MAX,
            End::OfPart => part.keys.len() - first.at,
        };
        let mut frames = first.frames;
        loop {
            let count = frames.len().min(left);
            left -= count;
            let skipped = skip.min(count);
            skip -= skipped;
            frames.keep(skipped, count - skipped);
            match self.take(resume, &mut frames, ReadMode::Once).await {
                Some(StreamStep::Ended(reason)) => return Err(reason),
                Some(StreamStep::Missed | StreamStep::LinesMissing) => return Ok(false),
                None => frames.clear(),
            }
            if left == 0 {
                return Ok(true);
            }
            match self.read_finite(resume, &mut stream, &mut frames).await? {
                Ok(Read::Some) => {}
                Ok(Read::End) if frames.is_empty() => return Ok(true),
                // Frames that came with the end are still to be processed.
                Ok(Read::End) => left = left.min(frames.len()),
                Err(_) if end == End::OfPart => left = left.min(frames.len()),
                Err(error) => return Err(EndReason::Failed(error)),
            }
            if frames.is_empty() && left == 0 {
                return Ok(true);
            }
        }
    }

    /// Opens the window of a part up to its first frames, and returns how many of them to skip.
    pub(super) async fn open_part(
        &self,
        resume: &mut Resume,
        part: &Part,
        skip: usize,
    ) -> Result<Option<(S::Logs, First, usize)>, EndReason> {
        let mut window = part.window;
        for _ in 0..PART_TRIES_MAX {
            let mut stream = self.open(resume, ReadMode::Once, Tail::Last(window)).await?;
            let mut frames = Frames::default();
            while frames.is_empty() {
                match self.read_finite(resume, &mut stream, &mut frames).await? {
                    Ok(Read::Some) => {}
                    Ok(Read::End) | Err(_) => break,
                }
            }
            let first = frames.iter().next().map(|(frame, payload)| Key::of(frame, payload));
            match part.keys.iter().position(|key| Some(*key) == first) {
                Some(at) if at <= skip => {
                    return Ok(Some((stream, First { frames, at }, skip - at)));
                }
                Some(at) => window += at as u64,
                None => window += 1,
            }
        }
        Ok(None)
    }
}

/// The first frames of a part.
pub(super) struct First {
    pub(super) frames: Frames,
    /// The number of the part's messages before them.
    pub(super) at: usize,
}

/// The end of the read of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    OfPart,
    OfLog,
}

pub(super) fn is_gone(reason: &EndReason) -> bool {
    matches!(reason, EndReason::Failed(error) if error.kind == ErrorKind::Gone)
}
