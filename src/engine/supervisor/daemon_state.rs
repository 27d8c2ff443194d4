//! How the supervisor learns about containers: from the daemon's events, and without events from its list.
//! Pure: it reads no clock and sends no request.
//!
//! Only the list decides whether the daemon answers. Events may end every few seconds, for example by an idle
//! timeout of a proxy. Then cmon compares the list and subscribes again.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::backoff::Backoff;
use crate::engine::limits::{POLL_INTERVAL, RELIST_INTERVAL};
use crate::engine::source::{ContainerKey, ErrorKind, Listed, Phase, SourceError};

/// Events that lasted this long were healthy; earlier failures no longer count.
const STABLE_MIN_AGE: Duration = Duration::from_secs(2);
/// The time until cmon subscribes again after a refusal: permissions may have changed.
const REFUSED_RETRY_INTERVAL: Duration = Duration::from_secs(60);

/// The state of the subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Events {
    /// Not needed.
    Unwanted,
    /// Requested, not confirmed.
    Asked,
    /// Confirmed at this time.
    Open(Instant),
    /// Ended; cmon subscribes again at this time.
    Ended(Instant),
}

/// The next request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Subscribe to the events.
    Subscribe,
    /// Ask for the list.
    List,
}

/// What to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Say {
    /// The daemon does not answer; cmon tries again after this time.
    Away(Duration),
    /// It answers again.
    Back,
    /// It refuses the events; cmon requests the list instead.
    NoEvents,
}

/// The state of the daemon.
#[derive(Debug)]
pub(super) struct DaemonState {
    events: Events,
    events_backoff: Backoff,
    events_refused: bool,
    list_backoff: Backoff,
    /// The time of the next list; `None` while one is requested.
    relist: Option<Instant>,
    away: bool,
    /// The containers of the last list.
    known: HashMap<ContainerKey, Phase>,
}

impl DaemonState {
    /// A daemon that has just sent this list.
    pub(super) fn new(listed: &[Listed], now: Instant) -> Self {
        Self {
            events: Events::Unwanted,
            events_backoff: Backoff::default(),
            events_refused: false,
            list_backoff: Backoff::default(),
            relist: Some(now + RELIST_INTERVAL),
            away: false,
            known: listed.iter().map(|row| (row.key.clone(), row.phase)).collect(),
        }
    }

    /// Records that the events were requested.
    pub(super) fn asked(&mut self, now: Instant) {
        self.events = Events::Asked;
        self.relist = self.relist.map(|at| at.min(now + POLL_INTERVAL));
    }

    /// Records that the events are confirmed. [`NextList::Now`] if the last list is older than the confirmation.
    pub(super) fn subscribed(&mut self, now: Instant, list: NextList) {
        self.events = Events::Open(now);
        self.events_refused = false;
        if self.relist.is_some() {
            self.relist = Some(match list {
                NextList::Now => now,
                NextList::Later => now + RELIST_INTERVAL,
            });
        }
    }

    /// Records that the events ended or were refused.
    pub(super) fn events_ended(
        &mut self,
        error: &SourceError,
        now: Instant,
        draw: f64,
    ) -> Option<Say> {
        if matches!(self.events, Events::Open(since) if STABLE_MIN_AGE <= now - since) {
            self.events_backoff.reset();
        }
        let retry = self.events_backoff.next(draw);
        if error.kind == ErrorKind::Forbidden {
            self.events = Events::Ended(now + REFUSED_RETRY_INTERVAL);
            self.relist = self.relist.map(|at| at.min(now + POLL_INTERVAL));
            return (!std::mem::replace(&mut self.events_refused, true)).then_some(Say::NoEvents);
        }
        self.events = Events::Ended(now + retry);
        // The list shows whether the daemon answers, and what has changed meanwhile.
        self.relist = self.relist.map(|at| if self.away { at } else { now });
        None
    }

    /// Takes a list.
    pub(super) fn listed(&mut self, now: Instant) -> Option<Say> {
        self.list_backoff.reset();
        let between =
            if matches!(self.events, Events::Open(_)) { RELIST_INTERVAL } else { POLL_INTERVAL };
        self.relist = Some(now + between);
        let back = std::mem::take(&mut self.away);
        if back && !self.events_refused {
            self.events = match self.events {
                Events::Ended(_) => Events::Ended(now),
                events => events,
            };
        }
        back.then_some(Say::Back)
    }

    /// Records that no list came.
    pub(super) fn not_listed(&mut self, now: Instant, draw: f64) -> Option<Say> {
        let retry = self.list_backoff.next(draw);
        self.relist = Some(now + retry);
        (!std::mem::replace(&mut self.away, true)).then_some(Say::Away(retry))
    }

    /// The time of the next try while the daemon does not answer.
    pub(super) fn away(&self) -> Option<Instant> {
        self.relist.filter(|_| self.away)
    }

    /// The requests that are due; they count as sent.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        if matches!(self.events, Events::Ended(at) if at <= now) {
            self.events = Events::Asked;
            steps.push(Step::Subscribe);
        }
        if self.relist.is_some_and(|at| at <= now) && self.events != Events::Unwanted {
            self.relist = None;
            steps.push(Step::List);
        }
        steps
    }

    /// The time of the next request.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let subscribe = match self.events {
            Events::Unwanted => return None,
            Events::Ended(at) => Some(at),
            Events::Asked | Events::Open(_) => None,
        };
        subscribe.into_iter().chain(self.relist).min()
    }

    /// Takes the rows of a new list. Returns the keys of containers that may have written since the last one:
    /// they run, or they have started and ended in between.
    pub(super) fn compare(&mut self, rows: &[Listed]) -> Vec<bool> {
        let wrote = rows.iter().map(|row| match row.phase {
            Phase::Running | Phase::Paused | Phase::Restarting => true,
            Phase::Exited | Phase::Removing => {
                matches!(self.known.get(&row.key), None | Some(Phase::Created))
            }
            Phase::Created => false,
        });
        let wrote = wrote.collect();
        self.known = rows.iter().map(|row| (row.key.clone(), row.phase)).collect();
        wrote
    }
}

/// When to request the list after the events are confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextList {
    /// At once: the last one is older than the confirmation.
    Now,
    /// At the regular interval.
    Later,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::source::{ContainerId, DaemonId};

    const SECOND: Duration = Duration::from_secs(1);

    fn error(kind: ErrorKind) -> SourceError {
        SourceError::new(kind, "x")
    }

    fn open(now: Instant) -> DaemonState {
        let mut daemon = DaemonState::new(&[], now);
        daemon.asked(now);
        daemon.subscribed(now, NextList::Later);
        daemon
    }

    #[tokio::test(start_paused = true)]
    async fn events_that_a_proxy_cuts_are_resubscribed_silently() {
        let mut now = Instant::now();
        let mut daemon = open(now);
        for _ in 0..100 {
            now += 4 * SECOND;
            assert_eq!(daemon.events_ended(&error(ErrorKind::Cut), now, 1.0), None);
            assert_eq!(daemon.due(now), [Step::List], "at once");
            assert_eq!(daemon.listed(now), None);
            let retry = daemon.next_wake().unwrap();
            assert!(retry - now <= SECOND / 4, "the wait does not grow");
            now = retry;
            assert_eq!(daemon.due(now), [Step::Subscribe]);
            daemon.subscribed(now, NextList::Now);
            assert_eq!(daemon.due(now), [Step::List], "nothing fell in between");
            assert_eq!(daemon.listed(now), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn resubscriptions_back_off_when_events_end_at_once() {
        let mut now = Instant::now();
        let mut daemon = open(now);
        let mut asked = 0;
        let end = now + 300 * SECOND;
        while now < end {
            daemon.events_ended(&error(ErrorKind::Cut), now, 1.0);
            loop {
                let steps = daemon.due(now);
                if steps.contains(&Step::List) {
                    daemon.listed(now);
                }
                if steps.contains(&Step::Subscribe) {
                    daemon.subscribed(now, NextList::Now);
                    asked += 1;
                    break;
                }
                now = daemon.next_wake().unwrap();
            }
        }
        assert!(asked < 25, "{asked} times in five minutes");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_events_are_reported_once_and_replaced_by_the_list() {
        let mut now = Instant::now();
        let mut daemon = DaemonState::new(&[], now);
        daemon.asked(now);
        let refused = error(ErrorKind::Forbidden);
        assert_eq!(daemon.events_ended(&refused, now, 0.5), Some(Say::NoEvents));
        let (mut lists, mut subscriptions) = (0, 0);
        let end = now + 600 * SECOND;
        while now < end {
            now = daemon.next_wake().unwrap();
            for step in daemon.due(now) {
                match step {
                    Step::List => {
                        lists += 1;
                        assert_eq!(daemon.listed(now), None);
                    }
                    Step::Subscribe => {
                        subscriptions += 1;
                        assert_eq!(daemon.events_ended(&refused, now, 0.5), None);
                    }
                }
            }
        }
        assert!((100..=125).contains(&lists), "every few seconds: {lists} in ten minutes");
        assert!((9..=10).contains(&subscriptions), "{subscriptions}");
        // The same after events that lasted a while.
        let mut open = open(now);
        assert_eq!(open.events_ended(&refused, now, 0.5), Some(Say::NoEvents));
        assert!(open.next_wake().unwrap() - now <= POLL_INTERVAL);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_failed_list_marks_the_daemon_away() {
        let now = Instant::now();
        let mut daemon = open(now);
        assert_eq!(daemon.events_ended(&error(ErrorKind::Unreachable), now, 0.5), None);
        assert_eq!(daemon.due(now), [Step::List]);
        assert!(matches!(daemon.not_listed(now, 0.5), Some(Say::Away(_))));
        assert_eq!(daemon.not_listed(now, 0.5), None, "reported once");
        assert!(daemon.away().is_some());
        assert_eq!(daemon.listed(now), Some(Say::Back));
        assert_eq!(daemon.due(now), [Step::Subscribe], "at once");
        assert_eq!(daemon.away(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_container_that_ran_between_two_lists_is_found() {
        let row = |id: &str, phase| Listed {
            key: ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) },
            name: id.into(),
            phase,
            facts: std::sync::Arc::default(),
            passes: true,
        };
        let first = [row("old", Phase::Exited), row("made", Phase::Created)];
        let mut daemon = DaemonState::new(&first, Instant::now());
        let second = [
            row("old", Phase::Exited),
            row("made", Phase::Exited),
            row("quick", Phase::Exited),
            row("runs", Phase::Running),
            row("loops", Phase::Restarting),
            row("later", Phase::Created),
        ];
        assert_eq!(daemon.compare(&second), [false, true, true, true, true, false]);
        assert_eq!(daemon.compare(&second), [false, false, false, true, true, false]);
    }
}
