//! Runs: which part of a log belongs to which run of its container. Pure.
//!
//! Docker keeps one log for all runs. dockerd 20.10 ends a run in this order: it reads the container's output to the
//! end, closes the logger, and sends `die`. Only then can the next run begin; dockerd takes its `StartedAt` when its
//! process already runs. So the time of a `die` separates two runs exactly. An inspection alone is off by some
//! milliseconds: a run's first lines may be older than its `StartedAt`, its last ones newer than its `FinishedAt`.

use std::time::Duration;

use super::backlog::{Backlog, Outputs};
use super::source::{Container, Moment, Phase, PieceRule, Remembered};
use super::timestamp::Timestamp;

/// The first lines of a run may be older than its `StartedAt` by less than this. The run before wrote its last
/// line earlier than that: dockerd waits 100 ms before each restart.
const BEFORE_STARTED: Duration = Duration::from_millis(100);
/// The number of lines shown if the beginning of the previous run is unknown.
pub(super) const LINES_OF_UNKNOWN_RUN: u64 = 1000;

/// The runs of a container that are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Runs {
    /// All runs in the log.
    #[default]
    All,
    /// The latest run when cmon begins, and later ones.
    Current,
    /// The run before the latest.
    Previous,
}

/// The part of one log that is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunWindow {
    /// From this time on, or from the beginning of the log.
    From(Option<Timestamp>),
    /// The previous run; the log may begin with it.
    Between(Option<Timestamp>, Timestamp),
    /// The previous run, which ended at this time; its beginning is unknown.
    UpTo(Timestamp),
    /// Nothing: there is no previous run.
    Nothing,
}

impl Runs {
    /// The time until which the daemon's past events are needed; `None` if the inspection is enough.
    pub(super) fn needs_memory(self, container: &Container) -> Option<Timestamp> {
        match self {
            Runs::All => None,
            Runs::Current | Runs::Previous if is_first(container) => None,
            Runs::Current | Runs::Previous => container.started,
        }
    }

    /// The part of this container's log that is shown; `None`: all of it. `moments`: the daemon's past events of it.
    pub(super) fn window(self, container: &Container, moments: &[Moment]) -> Option<RunWindow> {
        if self == Runs::All {
            return None;
        }
        let boundary = match container.started {
            Some(started) if !is_first(container) => boundary(container, started, moments),
            _ => None,
        };
        let window = match (self, boundary) {
            (Runs::Previous, None) => RunWindow::Nothing,
            (Runs::Previous, Some(boundary)) => previous(boundary.pred(), moments),
            (_, boundary) => RunWindow::From(boundary),
        };
        // Podman stamps lines with whole seconds. If a run ended and the next began in one second, both are shown.
        Some(match container.pieces {
            PieceRule::UntilNewline => window.of_whole_seconds(),
            PieceRule::SameTimestamp | PieceRule::FullPieces => window,
        })
    }
}

impl RunWindow {
    /// The part if timestamps of lines are whole seconds.
    fn of_whole_seconds(self) -> Self {
        let begin = |since: Option<Timestamp>| since.map(Timestamp::whole_second);
        match self {
            RunWindow::From(since) => RunWindow::From(begin(since)),
            RunWindow::Between(since, until) => RunWindow::Between(begin(since), until),
            RunWindow::UpTo(_) | RunWindow::Nothing => self,
        }
    }

    /// The range of the log that is shown, and its backlog.
    pub(super) fn apply(self, mut outputs: Outputs, backlog: Backlog) -> (Outputs, Backlog) {
        let instead_of_since = |other| if backlog == Backlog::Since { other } else { backlog };
        let backlog = match self {
            RunWindow::From(since) => {
                outputs.range.since = since;
                since.map_or_else(|| instead_of_since(Backlog::All), |_| backlog)
            }
            RunWindow::Between(since, until) => {
                outputs.range.since = since;
                outputs.range.until = Some(until);
                since.map_or_else(|| instead_of_since(Backlog::All), |_| backlog)
            }
            RunWindow::UpTo(until) => {
                outputs.range.until = Some(until);
                instead_of_since(Backlog::Last(LINES_OF_UNKNOWN_RUN))
            }
            RunWindow::Nothing => {
                outputs.range.until = Some(Timestamp::MIN);
                Backlog::Last(0)
            }
        };
        (outputs, backlog)
    }
}

/// Whether the inspection shows that the latest run is the first.
fn is_first(container: &Container) -> bool {
    container.phase == Phase::Created
        || container.started.is_none()
        || container.phase.is_live() && container.finished.is_none()
}

/// The first moment of the latest run; `None` if it is the first run.
fn boundary(container: &Container, started: Timestamp, moments: &[Moment]) -> Option<Timestamp> {
    let before = || moments.iter().filter(|moment| moment.time <= started);
    if let Some(died) = before().rfind(|moment| moment.what == Remembered::Died) {
        return Some(died.time.succ());
    }
    if before().any(|moment| moment.what == Remembered::Created) {
        return None;
    }
    // After the end of a run, `FinishedAt` belongs to the same run and does not describe the one before.
    let finished = container.finished.filter(|_| container.phase.is_live());
    Some(match finished {
        Some(finished) if finished < started => finished.middle(started),
        _ => started.before(BEFORE_STARTED),
    })
}

/// The run that ended at this moment.
fn previous(until: Timestamp, moments: &[Moment]) -> RunWindow {
    let began = moments
        .iter()
        .rposition(|moment| moment.what == Remembered::Started && moment.time <= until);
    let Some(began) = began else {
        return RunWindow::UpTo(until);
    };
    let last = moments[..began].iter().rfind(|moment| moment.what != Remembered::Started);
    RunWindow::Between(
        match last.map(|moment| moment.what) {
            Some(Remembered::Died) => last.map(|moment| moment.time.succ()),
            Some(_) => None,
            None => Some(moments[began].time.before(BEFORE_STARTED)),
        },
        until,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::backlog::Range;
    use crate::engine::tests::support;
    use Remembered::{Created, Died, Started};

    const MILLI: i64 = 1_000_000;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * MILLI)
    }

    fn container(phase: Phase, started: Option<i64>, finished: Option<i64>) -> Container {
        Container {
            started: started.map(at),
            finished: finished.map(at),
            ran_before: finished.is_some(),
            ..support::container(phase, "")
        }
    }

    fn moments(all: &[(i64, Remembered)]) -> Vec<Moment> {
        all.iter().map(|(time, what)| Moment { time: at(*time), what: *what }).collect()
    }

    #[test]
    fn the_current_run_begins_behind_the_die_before_it_or_else_near_its_start() {
        let after = |millis: i64| Some(at(millis).succ());
        let third = [(0, Created), (10, Started), (900, Died), (1200, Started), (4930, Died)];
        for (phase, started, finished, remembered, begins) in [
            // Between two runs the daemon sends `die`.
            (Phase::Running, Some(5300), Some(4900), &third[..], after(4930)),
            (Phase::Exited, Some(5300), Some(9000), &third[..], after(4930)),
            (Phase::Restarting, Some(5300), Some(9000), &third[..], after(4930)),
            // The end of the same run, and later events, do not date its beginning.
            (Phase::Exited, Some(1195), Some(4900), &third[..], after(900)),
            // The daemon has forgotten it.
            (Phase::Running, Some(5300), Some(4900), &[], Some(at(5100))),
            (Phase::Paused, Some(5300), Some(4900), &third[..1], None),
            (Phase::Exited, Some(5300), Some(9000), &[], Some(at(5200))),
            (Phase::Exited, Some(5300), Some(9000), &third[..1], None),
            // The first run.
            (Phase::Running, Some(5300), None, &[], None),
            (Phase::Created, None, None, &[], None),
            // The clock went back between two runs.
            (Phase::Running, Some(5300), Some(8000), &[], Some(at(5200))),
        ] {
            let container = container(phase, started, finished);
            let window = Runs::Current.window(&container, &moments(remembered));
            let expected = Some(RunWindow::From(begins));
            assert_eq!(window, expected, "{phase:?} {finished:?} {remembered:?}");
            assert_eq!(Runs::All.window(&container, &moments(remembered)), None);
        }
    }

    #[test]
    fn lines_that_are_stamped_with_whole_seconds_are_not_lost_at_the_boundary() {
        let all = [(0, Created), (10, Started), (1900, Died), (2200, Started), (4930, Died)];
        let latest = container(Phase::Running, Some(5300), Some(4900));
        let podman = Container { pieces: PieceRule::UntilNewline, ..latest };
        let of = |runs: Runs| runs.window(&podman, &moments(&all)).unwrap();
        assert_eq!(of(Runs::Current), RunWindow::From(Some(at(4000))));
        assert_eq!(of(Runs::Previous), RunWindow::Between(Some(at(1000)), at(4930)));
    }

    #[test]
    fn the_previous_run_reaches_from_the_die_before_it_to_its_own() {
        let third = [(0, Created), (10, Started), (900, Died), (1200, Started), (4930, Died)];
        let latest = container(Phase::Running, Some(5300), Some(4900));
        let of = |remembered: &[(i64, Remembered)]| {
            Runs::Previous.window(&latest, &moments(remembered)).unwrap()
        };
        assert_eq!(of(&third), RunWindow::Between(Some(at(900).succ()), at(4930)));
        assert_eq!(of(&third[..3]), RunWindow::Between(None, at(900)));
        assert_eq!(of(&third[3..]), RunWindow::Between(Some(at(1100)), at(4930)));
        assert_eq!(of(&third[4..]), RunWindow::UpTo(at(4930)));
        assert_eq!(of(&[]), RunWindow::UpTo(at(5100).pred()));
        let first = container(Phase::Running, Some(5300), None);
        assert_eq!(Runs::Previous.window(&first, &[]), Some(RunWindow::Nothing));
        let first = container(Phase::Exited, Some(5300), Some(6000));
        let created = moments(&third[..1]);
        assert_eq!(Runs::Previous.window(&first, &created), Some(RunWindow::Nothing));
    }

    #[test]
    fn old_events_are_requested_only_if_the_inspection_is_unclear() {
        for (phase, finished, needed) in [
            (Phase::Running, None, false),
            (Phase::Running, Some(1), true),
            (Phase::Exited, Some(3), true),
            (Phase::Created, None, false),
        ] {
            let container = container(phase, Some(2), finished);
            assert_eq!(Runs::All.needs_memory(&container), None);
            for runs in [Runs::Current, Runs::Previous] {
                assert_eq!(runs.needs_memory(&container).is_some(), needed, "{phase:?}");
            }
        }
    }

    #[test]
    fn a_window_keeps_the_requested_number_of_lines() {
        let of = |window: RunWindow, backlog| {
            let (Outputs { range: Range { since, until }, .. }, backlog) =
                window.apply(Outputs::BOTH, backlog);
            (since, until, backlog)
        };
        let (all, since, last) = (Backlog::All, Backlog::Since, Backlog::Last(3));
        let some = |millis| Some(at(millis));
        assert_eq!(of(RunWindow::From(None), since), (None, None, all));
        assert_eq!(of(RunWindow::From(some(1)), since), (some(1), None, since));
        assert_eq!(of(RunWindow::From(some(1)), last), (some(1), None, last));
        assert_eq!(of(RunWindow::Between(None, at(2)), since), (None, some(2), all));
        assert_eq!(of(RunWindow::Between(some(1), at(2)), since), (some(1), some(2), since));
        let held = Backlog::Last(LINES_OF_UNKNOWN_RUN);
        assert_eq!(of(RunWindow::UpTo(at(2)), since), (None, some(2), held));
        assert_eq!(of(RunWindow::UpTo(at(2)), last), (None, some(2), last));
        assert_eq!(of(RunWindow::UpTo(at(2)), all), (None, some(2), all));
        let nothing = (None, Some(Timestamp::MIN), Backlog::Last(0));
        assert_eq!(of(RunWindow::Nothing, all), nothing);
    }
}
