//! The history of the last minutes, for the sparklines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::snapshot::Snapshot;

/// The time that one bar covers.
const BAR: Duration = Duration::from_secs(5);
/// Ten minutes.
const BARS: usize = 120;

/// The data of the sparklines.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// Live tasks: the maximum in each bar's time.
    pub(super) tasks: VecDeque<u64>,
    /// Streams closed in each bar's time.
    pub(super) cycles: VecDeque<u64>,
    /// Lines per second: the maximum in each bar's time.
    pub(super) lines: VecDeque<u64>,
    /// The number of the current bar, and the streams closed before it.
    bar: Option<(u64, u64)>,
    /// Streams closed at the last snapshot.
    last: u64,
}

impl History {
    /// Takes a snapshot.
    pub(super) fn add(&mut self, snapshot: &Snapshot) {
        let census = &snapshot.census;
        let now = census.elapsed.as_secs() / BAR.as_secs();
        let closed = census.streams_closed;
        let base = match self.bar {
            Some((bar, base)) if now <= bar => base,
            begun => {
                let base = if begun.is_some() { self.last } else { closed };
                self.bar = Some((now, base));
                for bars in [&mut self.tasks, &mut self.cycles, &mut self.lines] {
                    if bars.len() == BARS {
                        bars.pop_front();
                    }
                    bars.push_back(0);
                }
                base
            }
        };
        let set = |bars: &mut VecDeque<u64>, figure: u64| {
            if let Some(last) = bars.back_mut() {
                *last = figure.max(*last);
            }
        };
        set(&mut self.tasks, census.live_tasks());
        set(&mut self.cycles, closed.saturating_sub(base));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is small")]
        set(&mut self.lines, snapshot.lines_per_second().round() as u64);
        self.last = closed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::sample::row;

    #[test]
    fn a_bar_is_five_seconds_and_there_are_ten_minutes_of_them() {
        let mut history = History::default();
        let mut snapshot = Snapshot::default();
        for second in 0..12 {
            snapshot.census.elapsed = Duration::from_secs(second);
            snapshot.rows = vec![row("web", 10.0 + second as f64)];
            snapshot.census.streams_closed = second / 4;
            history.add(&snapshot);
        }
        assert_eq!(history.lines, [14, 19, 21]);
        assert_eq!(history.cycles, [1, 1, 0]);
        for second in 12..10_000 {
            snapshot.census.elapsed = Duration::from_secs(second);
            history.add(&snapshot);
        }
        assert_eq!((history.lines.len(), history.tasks.len()), (BARS, BARS));
    }
}
