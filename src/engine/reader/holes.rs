//! Reading what is stored although the daemon cannot decode some of it: a survey finds the parts that can
//! be read, and they are read in file order, with a gap between.

use tokio::time::{Instant, sleep, timeout};

use super::super::anchor::Key;
use super::super::backlog::FirstView;
use super::super::event::{EndReason, Event, Lines};
use super::super::limits::{BLIND_POLL, FINITE_IDLE};
use super::super::resume::{Map, Part, Reached, Resume, Step, Survey};
use super::super::source::{ErrorKind, Frames, LogStream, Read, Source, SourceError, Tail};
use super::{Pumped, Reader, larger, silent};

/// How often a part is opened that a growing log moves away.
const TRIES: u32 = 24;
/// Keys that one look holds at most: 8 MiB.
const KEYS: usize = 1 << 18;

/// What one window has shown.
struct Look {
    keys: Vec<Key>,
    /// The daemon ended the window with an error that another window may not have.
    error: Option<SourceError>,
}

impl<S: Source> Reader<S> {
    /// Reads what is stored and not delivered yet, beginning with this window. [`EndReason::Eof`]: all of
    /// it was.
    pub(super) async fn stored_from(&self, mut first: Tail) -> EndReason {
        for _ in 0..super::SEARCHES {
            let survey = self.with_resume(|resume| resume.survey(first, &self.container));
            let map = match self.run_survey(survey).await {
                Ok(map) => map,
                Err(reason) => return reason,
            };
            match self.read_map(&map).await {
                Ok(Pumped::Ended(reason)) | Err(reason) => return reason,
                Ok(Pumped::Missed) => first = larger(first),
            }
        }
        EndReason::Failed(SourceError::new(ErrorKind::Protocol, super::UNSTABLE))
    }

    /// Looks at windows until the survey is complete.
    async fn run_survey(&self, mut survey: Survey) -> Result<Map, EndReason> {
        let mut error = None;
        while let Step::Look(window) = survey.step() {
            let look = self.look(window).await?;
            tracing::trace!(?window, shown = look.keys.len(), error = ?look.error, "survey");
            survey.saw(look.keys, look.error.is_some());
            error = look.error.or(error);
        }
        let map = survey.finish();
        match error {
            Some(error) if map.parts.iter().all(|part| part.keys.is_empty()) => {
                Err(EndReason::Failed(error))
            }
            _ => Ok(map),
        }
    }

    /// Reads the keys of a window.
    async fn look(&self, window: Tail) -> Result<Look, EndReason> {
        let look = self.read_keys(window).await;
        match &look {
            Ok(_) => self.with_resume(|resume| resume.shown(window)),
            // Before 23, one driver of the daemon panics over a broken record, and the daemon with it.
            Err(EndReason::Failed(error))
                if error.kind == ErrorKind::Cut
                    && self.container.doubles
                    && &*self.container.driver == "local" =>
            {
                self.with_resume(|resume| resume.cut_at(window));
            }
            Err(_) => {}
        }
        look
    }

    async fn read_keys(&self, window: Tail) -> Result<Look, EndReason> {
        let mut stream = self.open(false, window).await?;
        let mut look = Look { keys: Vec::new(), error: None };
        let mut frames = Frames::default();
        loop {
            let read = self.read_finite(&mut stream, &mut frames).await?;
            look.keys.extend(frames.iter().map(|(frame, payload)| Key::of(frame, payload)));
            frames.clear();
            match read {
                Ok(Read::Some) if look.keys.len() < KEYS => {}
                Ok(_) => return Ok(look),
                Err(error) => {
                    look.error = Some(error);
                    return Ok(look);
                }
            }
        }
    }

    /// One read of a finite answer. The inner error is of the log itself: what came before it is good.
    async fn read_finite(
        &self,
        stream: &mut S::Logs,
        frames: &mut Frames,
    ) -> Result<Result<Read, SourceError>, EndReason> {
        let read = tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(EndReason::Cancelled),
            read = timeout(FINITE_IDLE, stream.read(frames)) => read,
        };
        match read {
            Err(_) => Err(EndReason::Failed(silent())),
            Ok(Err(error)) if !matches!(error.kind, ErrorKind::InBand | ErrorKind::Protocol) => {
                Err(EndReason::Failed(error))
            }
            Ok(read) => Ok(read),
        }
    }

    /// Reads what a survey has found and hands on what was not delivered.
    async fn read_map(&self, map: &Map) -> Result<Pumped, EndReason> {
        let wanted = self.with_resume(|resume| {
            resume.surveyed(map);
            resume.wanted()
        });
        let ended = match (map.reached, map.parts.last()) {
            (Reached::AnchorInLast | Reached::Whole, Some(part)) => {
                self.with_resume(|resume| resume.open_window(part.window));
                match self.stream(false, part.window, None).await {
                    Pumped::Missed if map.reached == Reached::Whole => {
                        Pumped::Ended(self.search(part.window, true).await)
                    }
                    pumped => {
                        self.with_resume(|resume| resume.noted(part.window));
                        pumped
                    }
                }
            }
            (Reached::Limit, last) => {
                if let Some(window) = wanted {
                    return Ok(self.read_much(window).await);
                }
                let failed = last.map_or(Tail::Last(1), |part| part.window);
                Pumped::Ended(self.search(failed, false).await)
            }
            _ => self.read_parts(map).await?,
        };
        self.with_resume(|resume| resume.set_reach(map.reach));
        Ok(ended)
    }

    /// Reads more of a log than a survey looks at. Whether its end was reached is seen by the next.
    async fn read_much(&self, window: Tail) -> Pumped {
        let before = self.with_resume(|resume| resume.progress());
        self.with_resume(|resume| resume.open_window(window));
        match self.stream(false, window, None).await {
            Pumped::Ended(EndReason::Failed(error)) if error.kind == ErrorKind::InBand => {
                match self.with_resume(|resume| resume.progress()) == before {
                    true => Pumped::Ended(EndReason::Failed(error)),
                    false => Pumped::Missed,
                }
            }
            Pumped::Ended(EndReason::Eof) => Pumped::Missed,
            pumped => pumped,
        }
    }

    /// Reads parts between which stands what cannot be decoded.
    async fn read_parts(&self, map: &Map) -> Result<Pumped, EndReason> {
        let mut parts = map.parts.clone();
        let anchor_lost =
            map.reached == Reached::Begin && self.with_resume(|resume| resume.last().is_some());
        let mut known = false;
        if anchor_lost {
            let before = parts.len();
            self.with_resume(|resume| resume.without_delivered(&mut parts));
            if parts.len() == before && parts.first().is_none_or(|part| !part.hole_before) {
                self.with_lines(Resume::give_up).await?;
            } else if let Some(first) = parts.first_mut() {
                first.hole_before = true;
            }
        } else if let Some(first) = parts.first().filter(|part| part.skip == part.keys.len()) {
            known = !self.with_resume(|resume| resume.ends_at_anchor(first));
        }
        let last = parts.len().saturating_sub(1);
        for (at, part) in parts.iter().enumerate() {
            if part.hole_before {
                self.with_lines(|resume, lines| resume.hole(known && at == 1, lines)).await?;
            }
            self.with_resume(|resume| resume.open_part(part, anchor_lost));
            self.read_part(part, at == last).await?;
        }
        self.tell_gap(None).await?;
        Ok(Pumped::Ended(EndReason::Eof))
    }

    /// Changes the container's place in its log, and hands on the lines that this completes.
    async fn with_lines(&self, act: impl FnOnce(&mut Resume, &mut Lines)) -> Result<(), EndReason> {
        let permit = self.permit(false).await?;
        let lines = self.with_resume(|resume| {
            let mut lines = resume.batch();
            act(resume, &mut lines);
            lines
        });
        self.hand_on(permit, lines);
        Ok(())
    }

    async fn read_part(&self, part: &Part, last: bool) -> Result<(), EndReason> {
        let delivered = part.skip == part.keys.len() && !part.anchored;
        if part.keys.is_empty() || delivered && !last {
            return Ok(());
        }
        let (mut stream, mut frames, at) = self.open_part(part).await?;
        let mut skip = if part.anchored { 0 } else { part.skip.saturating_sub(at) };
        let mut left = if last { usize::MAX } else { part.keys.len() - at };
        loop {
            let count = frames.len().min(left);
            left -= count;
            let skipped = skip.min(count);
            skip -= skipped;
            frames.keep(skipped, count - skipped);
            if let Some(Pumped::Ended(reason)) = self.take(&mut frames, false).await {
                return Err(reason);
            }
            frames.clear();
            if left == 0 {
                return Ok(());
            }
            let read = self.read_finite(&mut stream, &mut frames).await?;
            match read {
                Ok(Read::Some) => {}
                Ok(Read::End) if frames.is_empty() => return Ok(()),
                Err(error) if last => return Err(EndReason::Failed(error)),
                Ok(Read::End) | Err(_) => left = left.min(frames.len()),
            }
        }
    }

    /// Opens the window of a part, its first frames, and how many of the part stand before those. A log
    /// that has grown has moved the window.
    async fn open_part(&self, part: &Part) -> Result<(S::Logs, Frames, usize), EndReason> {
        let mut window = part.window;
        for tries in 1.. {
            let mut stream = self.open(false, window).await?;
            let mut frames = Frames::default();
            while frames.is_empty()
                && let Ok(Read::Some) = self.read_finite(&mut stream, &mut frames).await?
            {
            }
            let first = frames.iter().next().map(|(frame, payload)| Key::of(frame, payload));
            let at = first.and_then(|first| part.keys.iter().position(|key| *key == first));
            let good = match at {
                Some(at) => at <= part.skip || !part.hole_before && part.skip == 0,
                None => !part.hole_before && part.skip == 0,
            };
            match (&mut window, at) {
                (_, at) if good || TRIES <= tries => return Ok((stream, frames, at.unwrap_or(0))),
                (Tail::All, _) => return Ok((stream, frames, 0)),
                (Tail::Last(window), Some(at)) => *window += at as u64,
                (Tail::Last(window), None) => *window = window.saturating_sub(1).max(1),
            }
        }
        unreachable!("the last try returns")
    }

    /// Nothing that is stored can be read, as the newest record cannot be decoded: waits until something
    /// follows it.
    pub(super) async fn wait_for_sight(&self, deadline: Instant) -> Result<(), EndReason> {
        while self.with_resume(|resume| resume.is_blind()) {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(EndReason::Cancelled),
                () = self.died.notified() => return Err(EndReason::Eof),
                () = self.rotate.notified() => return Err(EndReason::Rotated),
                () = sleep(BLIND_POLL) => {}
            }
            if deadline <= Instant::now() {
                return Err(EndReason::Rotated);
            }
            if !self.look(Tail::Last(1)).await?.keys.is_empty() {
                let reason = self.stored_from(Tail::Last(64)).await;
                if reason != EndReason::Eof {
                    return Err(reason);
                }
            }
        }
        Ok(())
    }

    /// Shows the last lines, up to this many.
    pub(super) async fn view(&self, wanted: u64, run_is_over: bool) -> Result<(), EndReason> {
        let windows = FirstView::windows(wanted);
        for frames in windows {
            let survey = self.with_resume(|resume| resume.survey_last(frames, &self.container));
            let map = self.run_survey(survey).await?;
            let begins = map.reached != Reached::Wanted;
            let (views, enough) = self.read_views(&map, wanted, run_is_over, begins).await?;
            if !enough && windows.last() != Some(&frames) {
                continue;
            }
            self.show(views).await?;
            self.with_resume(|resume| {
                resume.surveyed(&map);
                resume.set_reach(map.reach);
            });
            break;
        }
        Ok(())
    }

    /// Reads the parts from the newest on until there are enough lines; gives them in file order, each
    /// with whether something cannot be read before it.
    async fn read_views(
        &self,
        map: &Map,
        wanted: u64,
        run_is_over: bool,
        begins: bool,
    ) -> Result<(Vec<(bool, FirstView)>, bool), EndReason> {
        let mut views = Vec::new();
        let mut left = wanted;
        let mut enough = false;
        for (at, part) in map.parts.iter().enumerate().rev() {
            let last = at + 1 == map.parts.len();
            let mut view = self.with_resume(|resume| resume.first_view(left, run_is_over || !last));
            self.read_view(part, last, &mut view).await?;
            enough = view.is_enough(at == 0 && begins || 0 < at);
            left = left.saturating_sub(view.lines());
            views.push((part.hole_before, view));
            if left == 0 {
                break;
            }
        }
        views.reverse();
        Ok((views, enough || left == 0 || map.parts.is_empty()))
    }

    async fn read_view(
        &self,
        part: &Part,
        last: bool,
        view: &mut FirstView,
    ) -> Result<(), EndReason> {
        if part.keys.is_empty() {
            return Ok(());
        }
        let (mut stream, mut frames, at) = self.open_part(part).await?;
        let mut left = if last { usize::MAX } else { part.keys.len() - at };
        loop {
            let count = frames.len().min(left);
            frames.keep(0, count);
            view.feed(&frames);
            left -= count;
            frames.clear();
            if left == 0 {
                return Ok(());
            }
            match self.read_finite(&mut stream, &mut frames).await? {
                Ok(Read::Some) => {}
                Ok(Read::End) if frames.is_empty() => return Ok(()),
                Err(error) if last => return Err(EndReason::Failed(error)),
                Ok(Read::End) | Err(_) => left = left.min(frames.len()),
            }
        }
    }

    /// Hands on what was read to be shown first.
    async fn show(&self, views: Vec<(bool, FirstView)>) -> Result<(), EndReason> {
        if views.is_empty() {
            self.with_resume(Resume::viewed);
        }
        for (at, (hole_before, view)) in views.into_iter().enumerate() {
            let next = view.first_time();
            if 0 < at && hole_before {
                self.with_lines(|resume, lines| resume.hole(false, lines)).await?;
                let permit = self.permit(false).await?;
                if let Some(gap) = self.with_resume(|resume| resume.gap_to(next)) {
                    self.tally.gap(&self.card, &gap);
                    permit.send(Event::Gap(gap));
                }
            }
            let permit = self.permit(false).await?;
            let lines = self.with_resume(|resume| resume.view(view));
            self.hand_on(permit, lines);
        }
        Ok(())
    }
}
