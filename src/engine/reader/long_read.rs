//! Reads that are too long to hold until they are checked. Their lines are delivered as they come, so the
//! first does not wait for the last. Afterwards cmon counts the records. Lines that the
//! daemon skipped are delivered late, with a gap for each record that cannot be decoded.

use std::collections::{HashMap, VecDeque};

use super::holes::{CHECKS_MAX, Held, Log, SURVEYS_MAX, Shown, is_gone};
use super::{Reader, StreamStep};
use crate::engine::anchor::Key;
use crate::engine::event::{EndReason, Event, Gap, GapCause};
use crate::engine::resume::Resume;
use crate::engine::resume::survey::{
    Before, Goal, Growth, Map, Part, Stop, WINDOW_MAX_FRAMES, survey,
};
use crate::engine::source::{Frames, Read, ReadMode, Source, Tail};

/// The limit of messages in one batch.
const BATCH_MAX_MESSAGES: usize = 4096;

/// The delivered messages of a long read.
#[derive(Debug, Default)]
struct Delivered {
    first: Option<Key>,
    count: u64,
    /// The newest of them, up to the size of a survey.
    newest: VecDeque<Key>,
}

impl Delivered {
    fn extend(&mut self, keys: impl IntoIterator<Item = Key>) {
        for key in keys {
            self.first.get_or_insert(key);
            self.count += 1;
            if self.newest.len() as u64 == WINDOW_MAX_FRAMES {
                self.newest.pop_front();
            }
            self.newest.push_back(key);
        }
    }

    /// The number of messages before this one.
    fn before(&self, key: &Key) -> Option<u64> {
        let at = self.newest.iter().position(|known| known == key)?;
        Some(self.count - (self.newest.len() - at) as u64)
    }
}

impl<S: Source> Reader<S> {
    pub(super) async fn long_read(
        &self,
        resume: &mut Resume,
        window: Tail,
        mut stream: S::Logs,
        held: Held,
    ) -> StreamStep {
        let mut delivered = Delivered::default();
        delivered.extend(held.keys.iter().copied());
        if let Some(end) = self.take_held(resume, held).await {
            return end;
        }
        let mut frames = Frames::default();
        loop {
            let read = match self.read_finite(resume, &mut stream, &mut frames).await {
                Ok(read) => read,
                Err(reason) => return StreamStep::Ended(reason),
            };
            delivered.extend(frames.iter().map(|(frame, payload)| Key::of(frame, payload)));
            if let Some(end) = self.take(resume, &mut frames, ReadMode::Once).await {
                return end;
            }
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) => break,
                Err(_) => return StreamStep::LinesMissing,
            }
        }
        drop(stream);
        if let Some(end) = self.window_over(resume).await {
            return end;
        }
        match self.check_long_read(resume, window, delivered).await {
            Ok(Shown::All) => StreamStep::Ended(EndReason::Eof),
            Ok(Shown::LinesMissing) => StreamStep::LinesMissing,
            Err(reason) if is_gone(&reason) => StreamStep::Ended(EndReason::Eof),
            Err(reason) => StreamStep::Ended(reason),
        }
    }

    /// Delivers skipped messages. [`Shown::LinesMissing`]: there are lines behind the shown ones.
    async fn check_long_read(
        &self,
        resume: &mut Resume,
        window: Tail,
        delivered: Delivered,
    ) -> Result<Shown, EndReason> {
        if self.count(resume, window, &delivered).await? == Shown::LinesMissing {
            self.deliver_skipped(resume, &delivered).await?;
        }
        // The newest message must be among those that came.
        let (look, error) = self.look(resume, Tail::Last(1)).await?;
        let is_known = error.is_none() && look.keys.iter().all(|key| resume.knows(key));
        Ok(if is_known { Shown::All } else { Shown::LinesMissing })
    }

    /// Whether the log has no more records than were shown. If so, a window of that size begins with the same
    /// message, and so does one with room for one more. cmon first counts the messages that came after the read, so
    /// the log may grow meanwhile.
    async fn count(
        &self,
        resume: &Resume,
        window: Tail,
        delivered: &Delivered,
    ) -> Result<Shown, EndReason> {
        if let Tail::Last(frames) = window
            && frames <= delivered.count
        {
            return Ok(Shown::All);
        }
        let mut before = None;
        for _ in 0..CHECKS_MAX {
            let Some(growth) = self.growth_behind(resume, delivered.newest.back()).await? else {
                return Ok(Shown::All);
            };
            let size = delivered.count + growth;
            if self.first_of(resume, Tail::Last(size)).await? == delivered.first
                && self.first_of(resume, Tail::Last(size + 1)).await? == delivered.first
            {
                return Ok(Shown::All);
            }
            if before == Some(growth) {
                // The log driver may have dropped the oldest file during the read.
                let begins = self.first_of(resume, Tail::All).await?;
                let is_kept = begins == delivered.first;
                return Ok(if is_kept { Shown::LinesMissing } else { Shown::All });
            }
            before = Some(growth);
        }
        Ok(Shown::All)
    }

    /// The number of messages behind this one; `None`: it is not in the log.
    async fn growth_behind(
        &self,
        resume: &Resume,
        last: Option<&Key>,
    ) -> Result<Option<u64>, EndReason> {
        if self.growth() == Growth::None {
            return Ok(Some(0));
        }
        let mut size = 1;
        while size <= WINDOW_MAX_FRAMES {
            let (look, _) = self.look(resume, Tail::Last(size)).await?;
            if let Some(at) = look.keys.iter().rposition(|key| Some(key) == last) {
                return Ok(Some((look.keys.len() - 1 - at) as u64));
            }
            size *= 4;
        }
        Ok(None)
    }

    /// The first message that a window shows.
    pub(super) async fn first_of(
        &self,
        resume: &Resume,
        window: Tail,
    ) -> Result<Option<Key>, EndReason> {
        let mut stream = self.open(resume, ReadMode::Once, window).await?;
        let mut frames = Frames::default();
        loop {
            let read = self.read_once(&mut stream, &mut frames).await?;
            if let Some((frame, payload)) = frames.iter().next() {
                return Ok(Some(Key::of(frame, payload)));
            }
            if !matches!(read, Ok(Read::Some)) {
                return Ok(None);
            }
        }
    }

    async fn deliver_skipped(
        &self,
        resume: &mut Resume,
        delivered: &Delivered,
    ) -> Result<(), EndReason> {
        let mut known: HashMap<Key, u32> = HashMap::new();
        delivered.newest.iter().for_each(|key| *known.entry(*key).or_default() += 1);
        let last = delivered.newest.back();
        for _ in 0..SURVEYS_MAX {
            let mut log = Log { reader: self, resume, error: None };
            let map = match survey(&mut log, &Goal::All, self.growth()).await {
                Ok(map) => map,
                Err(Stop::Ended(reason)) => return Err(reason),
                Err(Stop::Moved) => continue,
            };
            let Some(map) = up_to(map, last) else {
                continue;
            };
            if self.deliver_parts(resume, &map.parts, &mut known).await? {
                resume.delivered_up_to_here(&map.parts);
                return self.report_gaps(resume, &map, delivered).await;
            }
        }
        // The daemon's answers contradict each other.
        let [from, to] = [delivered.first.as_ref(), last];
        self.report_unreadable(resume, from, to).await
    }

    /// Delivers the unknown messages of these parts and records them as known. `false`: the log has moved meanwhile.
    async fn deliver_parts(
        &self,
        resume: &mut Resume,
        parts: &[Part],
        known: &mut HashMap<Key, u32>,
    ) -> Result<bool, EndReason> {
        let mut unseen = known.clone();
        for part in parts {
            let is_late: Vec<bool> =
                part.keys.iter().map(|key| !take_one(&mut unseen, key)).collect();
            if is_late.contains(&true) && !self.deliver_part(resume, part, &is_late, known).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Delivers these messages of a part.
    async fn deliver_part(
        &self,
        resume: &mut Resume,
        part: &Part,
        is_late: &[bool],
        known: &mut HashMap<Key, u32>,
    ) -> Result<bool, EndReason> {
        let Some((mut stream, first, _)) = self.open_part(resume, part, 0).await? else {
            return Ok(false);
        };
        let mut is_late = is_late.iter();
        let mut late = Frames::default();
        let mut frames = first.frames;
        loop {
            for ((frame, payload), is_late) in frames.iter().zip(is_late.by_ref()) {
                if *is_late {
                    late.push(frame.stream, frame.time, [payload, &[]]);
                    *known.entry(Key::of(frame, payload)).or_default() += 1;
                }
            }
            if is_late.len() == 0 {
                break;
            }
            if BATCH_MAX_MESSAGES < late.len() {
                self.deliver_late(resume, &mut late).await?;
            }
            frames.clear();
            let read = self.read_finite(resume, &mut stream, &mut frames).await?;
            if !matches!(read, Ok(Read::Some)) && frames.is_empty() {
                break;
            }
        }
        self.deliver_late(resume, &mut late).await?;
        Ok(true)
    }

    async fn deliver_late(&self, resume: &mut Resume, late: &mut Frames) -> Result<(), EndReason> {
        if !late.is_empty() {
            self.with_lines(resume, |resume, lines| resume.skipped(late, lines)).await?;
            late.clear();
            self.tally.counted(resume.take_counts());
        }
        Ok(())
    }

    /// Reports the gaps between the parts, and before them if lines are missing there.
    async fn report_gaps(
        &self,
        resume: &mut Resume,
        map: &Map,
        delivered: &Delivered,
    ) -> Result<(), EndReason> {
        if let (Before::Unreadable, Some(part), Some(first)) =
            (map.before, map.parts.first(), delivered.first)
        {
            let begins_here = map.parts.iter().any(|part| part.keys.contains(&first));
            if begins_here {
                self.report_unreadable(resume, None, part.keys.first()).await?;
            } else if !self.is_whole_before(resume, part, delivered).await? {
                self.report_unreadable(resume, Some(&first), part.keys.first()).await?;
            }
        }
        for (before, after) in map.parts.iter().zip(map.parts.iter().skip(1)) {
            self.report_unreadable(resume, before.keys.last(), after.keys.first()).await?;
        }
        Ok(())
    }

    /// Whether the records before this part are exactly the delivered ones. A growing log moves it.
    async fn is_whole_before(
        &self,
        resume: &Resume,
        part: &Part,
        delivered: &Delivered,
    ) -> Result<bool, EndReason> {
        let Some(before) = delivered.before(&part.keys[0]) else {
            return Ok(false);
        };
        let mut window = part.window;
        for _ in 0..CHECKS_MAX {
            if self.first_of(resume, Tail::Last(window + before)).await? == delivered.first {
                return Ok(true);
            }
            let begins = self.first_of(resume, Tail::Last(window)).await?;
            match part.keys.iter().position(|key| Some(*key) == begins) {
                None | Some(0) => return Ok(false),
                Some(moved) => window += moved as u64,
            }
        }
        Ok(true)
    }

    async fn report_unreadable(
        &self,
        resume: &mut Resume,
        from: Option<&Key>,
        to: Option<&Key>,
    ) -> Result<(), EndReason> {
        let permit = self.permit(resume, ReadMode::Once).await?;
        let [from, to] = [from, to].map(|key| key.map(Key::time));
        let label = resume.label();
        let gap = Gap { label, from, to, cause: GapCause::Unreadable };
        self.tally.gap(&self.row_state, &gap);
        permit.send(Event::Gap(gap));
        Ok(())
    }
}

/// Removes one occurrence of this key; `false`: there is none.
fn take_one(known: &mut HashMap<Key, u32>, key: &Key) -> bool {
    match known.get_mut(key) {
        Some(count) if 0 < *count => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// The parts up to this message. Later messages are read in their turn.
fn up_to(mut map: Map, last: Option<&Key>) -> Option<Map> {
    let (part, at) = map.parts.iter().enumerate().rev().find_map(|(part, found)| {
        let at = found.keys.iter().rposition(|key| Some(key) == last)?;
        Some((part, at))
    })?;
    map.parts.truncate(part + 1);
    map.parts[part].keys.truncate(at + 1);
    Some(map)
}
