//! The thread's loop: takes events, watches the clock and the reader of stdout, and ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio::time::{Instant, sleep_until};

use super::archive::Archive;
use super::show_events::FLUSH;
use super::written_positions::Progress;
use super::{Ended, Passes, Thread};
use crate::cursor::SaveReport;
use crate::engine::census::Census;
use crate::engine::event::Event;
use crate::engine::source::ContainerKey;
use crate::filter::{Filter, Match, Shown};
use crate::merge::Merge;
use crate::output::Config;
use crate::output::sink::{Sinks, Watch};
use crate::output::status::Status;
use crate::output::text::Text;

/// The interval of reads from the channel while events come continuously.
const ROUND_INTERVAL: Duration = Duration::from_millis(1);
/// The interval if all lines wait for the window: the channel is far from full by then.
const WINDOW_ROUND_MAX_INTERVAL: Duration = Duration::from_millis(4);
/// The share of the window that such a round may take, as a divisor.
const ROUNDS_PER_WINDOW: u32 = 8;
/// The number of lines that come together when a log is read at full speed.
const POURING_MIN_LINES: usize = 64;
/// The interval of retries for a file that cannot be written.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// Events since the channel was last empty.
#[derive(Clone, Copy, Debug, Default)]
struct Received {
    events: usize,
    lines: usize,
}

impl Received {
    fn add(&mut self, event: &Event) {
        self.events += 1;
        if let Event::Lines(lines) = event {
            self.lines += lines.len();
        }
    }
}

/// The time to continue without an event. In a round no event is received, so it ends in time whatever is due
/// later: the channel fills meanwhile.
fn wake(round: Option<Instant>, dues: [Option<Instant>; 4]) -> Option<Instant> {
    round.or_else(|| dues.into_iter().flatten().min())
}

impl<C: Fn() -> Census> Thread<C> {
    pub(super) fn new(
        config: Config,
        sinks: Sinks,
        Passes { filter, merge, cursor, directory, stop }: Passes,
        census: C,
        names: impl Fn() -> Vec<Arc<str>> + Send + 'static,
    ) -> Self {
        Self {
            sinks,
            filter,
            shown: Vec::new(),
            merge,
            census,
            status: if config.status { Status::drawn() } else { Status::hidden() },
            text: Text::new(config.clone(), names),
            config,
            buffer: Vec::with_capacity(2 * FLUSH),
            progress: Progress::new(cursor),
            archive: directory.map(|directory| Archive::new(directory, stop)),
        }
    }

    pub(super) async fn run(&mut self, mut events: mpsc::Receiver<Event>) -> io::Result<Ended> {
        let watched = self.sinks.out.duplicate()?;
        // stdout is not used, so its reader may go away.
        let watch = match self.archive {
            Some(_) => Watch::default(),
            None => watched.watch()?,
        };
        self.report_findings()?;
        let mut received = Received::default();
        loop {
            let event = match events.try_recv() {
                Ok(event) => Some(event),
                Err(TryRecvError::Disconnected) => None,
                Err(TryRecvError::Empty) => {
                    self.flush()?;
                    let round = self.round(std::mem::take(&mut received));
                    let dues = [
                        self.status.due(),
                        self.filter.as_ref().and_then(Filter::due),
                        self.merge.as_ref().and_then(Merge::due),
                        self.archive.as_ref().and_then(Archive::due),
                    ];
                    let wake = wake(round, dues);
                    tokio::select! {
                        biased;
                        () = watch.closed() => return Ok(Ended::Closed),
                        event = events.recv(), if round.is_none() => event,
                        report = self.progress.report() => {
                            self.on_report(report)?;
                            continue;
                        }
                        () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                            // Only here: the channel may hold lines that others wait for.
                            if let Some(merge) = &mut self.merge {
                                merge.expire(Instant::now());
                            }
                            if let Some(matched) = self.on_time()? {
                                return Ok(Ended::Matched(matched));
                            }
                            self.rotate_full_files().await?;
                            continue;
                        }
                    }
                }
            };
            let Some(event) = event else { break };
            received.add(&event);
            let matched = match self.take(event)? {
                None => self.on_time()?,
                matched => matched,
            };
            self.rotate_full_files().await?;
            if let Some(matched) = matched {
                return Ok(Ended::Matched(matched));
            }
        }
        let matched = self.filter.as_mut().and_then(|filter| filter.finish(&mut self.shown));
        self.show_filtered()?;
        self.show_all(matched.as_ref())?;
        Ok(matched.map_or(Ended::Done, Ended::Matched))
    }

    /// The time of the next read from the channel, if a wake-up per event is too expensive. In a burst the channel
    /// fills all the same. Lines that wait for the window wait anyway. Stored lines that others wait for are taken
    /// at once.
    fn round(&self, received: Received) -> Option<Instant> {
        let interval = match &self.merge {
            None => (POURING_MIN_LINES <= received.lines).then_some(ROUND_INTERVAL),
            Some(merge) => (merge.holds_live_lines() && 1 < received.events)
                .then(|| WINDOW_ROUND_MAX_INTERVAL.min(merge.window() / ROUNDS_PER_WINDOW)),
        };
        interval.map(|interval| Instant::now() + interval)
    }

    /// Does the work that is due. Returns the event that ends the run, if one is decided now.
    fn on_time(&mut self) -> io::Result<Option<Match>> {
        let now = Instant::now();
        let due = self.filter.as_ref().and_then(Filter::due);
        if let (Some(_), Some(filter)) = (due, &mut self.filter) {
            let merge = self.merge.as_ref();
            let is_behind = |key: &ContainerKey| merge.is_some_and(|merge| merge.is_behind(key));
            let matched = filter.expire(now, is_behind, &mut self.shown);
            self.show_filtered()?;
            if matched.is_some() {
                self.show_all(matched.as_ref())?;
                return Ok(matched);
            }
        }
        if let Some(merge) = &mut self.merge {
            if due.is_some_and(|due| due <= now) {
                merge.filtered_all(self.filter.as_ref());
            }
            self.show_merged()?;
        }
        self.decided();
        if self.status.due().is_some_and(|due| due <= Instant::now()) {
            self.status.draw(&(self.census)());
        }
        self.keep_archive()?;
        Ok(None)
    }

    /// Shows an event as far as the filter and the order allow. Returns the event that ends the run, if there is one.
    pub(super) fn take(&mut self, mut event: Event) -> io::Result<Option<Match>> {
        let now = Instant::now();
        let key = event.container().cloned();
        self.progress.take(&mut event);
        if let Some(merge) = &mut self.merge {
            merge.hear(&mut event, now);
        }
        let (filter, shown) = (self.filter.as_mut(), &mut self.shown);
        let (matched, other) = match (event, filter) {
            (Event::Lines(lines), None) => {
                shown.push(Shown::plain(lines));
                (None, None)
            }
            (Event::Lines(lines), Some(filter)) => (filter.lines(lines, now, shown), None),
            (other, filter) => {
                (filter.and_then(|filter| filter.before(&other, shown)), Some(other))
            }
        };
        self.show_filtered()?;
        if matched.is_some() {
            self.show_all(matched.as_ref())?;
            return Ok(matched);
        }
        if let (Some(merge), Some(key)) = (&mut self.merge, key) {
            merge.filtered(&key, self.filter.as_ref());
        }
        let now_or_later = match (&mut self.merge, other) {
            (Some(merge), Some(other)) => merge.event(other, now),
            (_, other) => other,
        };
        if let Some(event) = now_or_later {
            self.show(&event)?;
        }
        self.show_merged()?;
        self.decided();
        Ok(None)
    }

    /// Records that all released lines are in the buffer, or hidden.
    pub(super) fn decided(&mut self) {
        let (filter, merge) = (self.filter.as_ref(), self.merge.as_ref());
        self.progress.decided(|key| {
            let held = filter.map_or(0, |filter| filter.held(key));
            merge.map_or(held, |merge| merge.held(key, held))
        });
    }

    /// Saves all that was written. Blocks until it is on disk.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        for _ in 0..2 {
            while self.archive.as_ref().is_some_and(Archive::is_in_flight) {
                match self.progress.wait_for_report() {
                    Some(SaveReport::Failed(error)) => return Err(io::Error::other(error)),
                    Some(report) => self.on_report(report)?,
                    None => break,
                }
            }
            self.keep_all()?;
        }
        let compressed = self.archive.as_mut().map_or(Ok(()), Archive::compress_all);
        self.progress.finish()?;
        compressed.or_else(|error| self.on_trouble(&error))
    }

    fn keep_all(&mut self) -> io::Result<()> {
        if let Some(archive) = self.archive.as_mut().filter(|_| self.progress.has_decided()) {
            archive.changed();
        }
        self.submit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_ends_in_time() {
        let now = Instant::now();
        let at = |millis| Some(now + Duration::from_millis(millis));
        assert_eq!(wake(at(1), [at(500), None, None, None]), at(1), "the status line is due later");
        assert_eq!(wake(None, [at(500), None, at(90), None]), at(90));
        assert_eq!(wake(None, [None; 4]), None);
    }
}
