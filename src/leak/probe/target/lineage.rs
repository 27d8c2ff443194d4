//! Which process answers: the same as before, one that was started again, or several behind one address. Pure.
//!
//! A start time alone proves nothing. Many libraries compute it from the machine's clock, which is set by
//! seconds now and then and wavers by hundredths all the time; and behind one address several processes
//! may answer in turn. So a restart takes a start time that moves forward by more than that, and something
//! else: a connection that broke, or a count that fell. What only rises while a process lives (processor
//! time, bytes allocated) proves more than any of them. A value that comes back again and again is no
//! restart at all: several processes answer.

use std::collections::{BTreeMap, VecDeque};

use crate::leak::reasons::{Fall, RestartSign, SeveralSign};

/// A clock that is set moves start times by this, in seconds.
const CLOCK_SET_MIN_SECONDS: f64 = 2.0;
/// A clock that is kept moves them by this.
const CLOCK_JITTER_SECONDS: f64 = 0.1;
/// This many returns are no chance.
const RETURNS_MIN: u32 = 3;
/// Processes that are remembered.
const OBSERVATIONS_MAX: usize = 64;
/// A server that has closed this many idle connections proves nothing by one more.
const HABIT_MIN_CLOSES: u32 = 2;

/// What became of the connection since the last reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// It was kept, or closed as announced.
    #[default]
    Kept,
    /// The peer closed it, as many do with what is idle.
    Closed,
    /// A reading broke off.
    Failed,
    /// It was closed, and for a while no other could be opened.
    Refused,
}

/// What one reading shows of the process that answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observation {
    /// When the process began, in seconds since 1970.
    pub(super) started: Option<f64>,
    /// Its number.
    pub(super) pid: Option<u64>,
    /// What only rises while it lives.
    pub(super) totals: BTreeMap<String, f64>,
    /// What is counted: goroutines, descriptors, and so on.
    pub(super) counts: BTreeMap<String, f64>,
    pub(super) link: Link,
}

/// Which process answered a reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Identity {
    /// The same as before, for sure.
    Same,
    /// The same, as far as it shows.
    Unknown,
    /// It was started again.
    Restarted(RestartSign),
    /// Several that answer in turn.
    Several(SeveralSign),
}

/// What has answered so far.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    last: Option<Observation>,
    /// The connection was closed after the last answer already.
    closed: bool,
    habit: u32,
    known: VecDeque<(Key, Observation)>,
    returns: Returns,
    totals: Totals,
}

/// What identifies a process: start time in milliseconds, and number.
type Key = (Option<i64>, Option<u64>);

impl Lineage {
    /// Takes a reading.
    pub(super) fn observe(&mut self, mut observation: Observation) -> Identity {
        let link = observation.link;
        if self.closed {
            observation.link = observation.link.max(Link::Closed);
        }
        self.closed = false;
        let Some(before) = self.last.replace(observation.clone()) else {
            self.remember(&observation);
            return Identity::Unknown;
        };
        let several = self.several(&before, &observation).map(Identity::Several);
        self.remember(&observation);
        let identity = several.unwrap_or_else(|| self.judge(&before, &observation));
        if observation.link == Link::Closed && !matches!(identity, Identity::Restarted(_)) {
            self.habit += 1;
        }
        // The end of a connection may be seen right after an answer, or only at the next question.
        self.closed = link == Link::Closed && !matches!(identity, Identity::Restarted(_));
        identity
    }

    fn judge(&self, before: &Observation, now: &Observation) -> Identity {
        let (total, rose) = moved(&before.totals, &now.totals);
        let broke =
            Link::Failed <= now.link || now.link == Link::Closed && self.habit < HABIT_MIN_CLOSES;
        let ahead = now.started.zip(before.started).map(|(now, before)| now - before);
        match (now.pid.zip(before.pid), ahead) {
            (Some((new, old)), _) if new != old => {
                return match self.returns.count {
                    0 => Identity::Restarted(RestartSign::PidChanged { old, new }),
                    _ => Identity::Unknown,
                };
            }
            (Some(_), None) => return Identity::Same,
            (_, Some(ahead)) if ahead.abs() <= CLOCK_JITTER_SECONDS => return Identity::Same,
            // While several may answer in turn, another start time is no restart.
            (_, Some(seconds)) if CLOCK_SET_MIN_SECONDS < seconds && self.returns.count == 0 => {
                let count = moved(&before.counts, &now.counts).0.filter(|_| !rose);
                let fell = total.or(count.filter(|_| !broke));
                return match (broke || fell.is_some(), rose) {
                    (true, _) => Identity::Restarted(RestartSign::StartTimeMoved { seconds, fell }),
                    (false, true) => Identity::Same,
                    (false, false) => Identity::Unknown,
                };
            }
            (_, Some(ahead)) if CLOCK_SET_MIN_SECONDS < ahead.abs() => {
                return if rose && total.is_none() { Identity::Same } else { Identity::Unknown };
            }
            _ => {}
        }
        if let Some(total) = total {
            return Identity::Restarted(RestartSign::TotalFell(total));
        }
        if rose {
            return Identity::Same;
        }
        let halved = |(now, before): (&f64, &f64)| *now < before / 2.0;
        let goroutines = now.counts.get("goroutines").zip(before.counts.get("goroutines"));
        match now.link {
            Link::Refused => Identity::Restarted(RestartSign::ConnectionRefused),
            Link::Closed if goroutines.is_some_and(halved) => {
                Identity::Restarted(RestartSign::GoroutinesHalved)
            }
            _ => Identity::Unknown,
        }
    }

    /// What shows that several answer in turn, if they do.
    fn several(&mut self, before: &Observation, now: &Observation) -> Option<SeveralSign> {
        let (old, new) = (key(before), key(now));
        if new == (None, None) {
            return self.totals.observe(before, now).then_some(SeveralSign::Totals);
        }
        if new == old {
            return None;
        }
        let known = self.known.iter().find(|(known, _)| *known == new);
        if let Some((_, own)) = known {
            self.returns.take(own, before, now, new.1.is_some() && new.1 != old.1);
        } else {
            self.returns.switched(before, now);
        }
        let apart = new
            .0
            .zip(old.0)
            .is_some_and(|(new, old)| CLOCK_SET_MIN_SECONDS * 1000.0 < (new - old).abs() as f64);
        self.returns.apart |= apart;
        let count = self.known.len().max(2);
        let sign = match new.1 {
            Some(_) => SeveralSign::ProcessNumbers { count },
            None => SeveralSign::StartTimes { count },
        };
        self.returns.is_several().then_some(sign)
    }

    fn remember(&mut self, observation: &Observation) {
        let key = key(observation);
        if key == (None, None) {
            return;
        }
        self.known.retain(|(known, _)| *known != key);
        if self.known.len() == OBSERVATIONS_MAX {
            self.known.pop_front();
        }
        self.known.push_back((key, observation.clone()));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds, or it saturates")]
fn key(observation: &Observation) -> Key {
    (observation.started.map(|started| (started * 1000.0).round() as i64), observation.pid)
}

/// How values went when another key came: along the line of the key, or along one line for all.
#[derive(Debug, Default)]
struct Returns {
    count: u32,
    /// Numbers of processes have come back.
    pids: u32,
    /// Start times are further apart than a clock is set.
    apart: bool,
    /// Totals that fell, and rose, at a change of key.
    fell: u32,
    rose: u32,
    /// By figure, the way from the last value of the same key, and from the last value of all.
    ways: BTreeMap<String, (f64, f64)>,
}

impl Returns {
    fn switched(&mut self, before: &Observation, now: &Observation) {
        let (fell, rose) = moved(&before.totals, &now.totals);
        self.fell += u32::from(fell.is_some());
        self.rose += u32::from(rose && fell.is_none());
    }

    fn take(&mut self, own: &Observation, before: &Observation, now: &Observation, pid: bool) {
        self.count += 1;
        self.pids += u32::from(pid);
        self.switched(before, now);
        for (name, value) in &now.counts {
            if let Some((own, all)) = own.counts.get(name).zip(before.counts.get(name)) {
                let ways = self.ways.entry(name.clone()).or_default();
                ways.0 += (value - own).abs();
                ways.1 += (value - all).abs();
            }
        }
    }

    fn is_several(&self) -> bool {
        if self.count < RETURNS_MIN {
            return false;
        }
        if RETURNS_MIN <= self.pids || 2 <= self.fell {
            return true;
        }
        if self.fell == 0 && RETURNS_MIN <= self.rose {
            return false;
        }
        // Each has its own counts where they are nearer to their own line than to that of all. Counts that
        // move by chance are so too for a while, the less likely the more there are.
        let nearer = |by: f64, count| {
            let nearer = |(own, all): &(f64, f64)| 3.0 <= *all && by * own < *all;
            count <= self.count && self.ways.values().any(nearer)
        };
        let each = nearer(4.0, 2 * RETURNS_MIN + 2) || nearer(2.0, 8 * RETURNS_MIN);
        let one = self.ways.values().any(|(own, all)| 3.0 <= *own && 1.2 * all < *own);
        each || self.apart && !one
    }
}

/// Totals of a target that shows nothing else of its identity.
#[derive(Debug, Default)]
struct Totals {
    fall: BTreeMap<String, f64>,
    back: u32,
}

impl Totals {
    /// Whether totals fall and come back at once too often for one that is started again.
    fn observe(&mut self, before: &Observation, now: &Observation) -> bool {
        let mut back = false;
        for (name, value) in &now.totals {
            let Some(old) = before.totals.get(name) else {
                continue;
            };
            if value < old {
                self.fall.insert(name.clone(), old - value);
            } else if let Some(fall) = self.fall.get(name)
                && 0.5 * fall < value - old
            {
                back = true;
                self.fall.remove(name);
            }
        }
        if Link::Failed <= now.link {
            self.fall.clear();
        }
        self.back += u32::from(back);
        RETURNS_MIN <= self.back
    }
}

/// The first figure that fell, and whether any rose.
fn moved(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> (Option<Fall>, bool) {
    let pairs = || now.iter().filter_map(|(name, now)| Some((name, *before.get(name)?, *now)));
    // Figures of a float wobble in their last digits.
    let fell = pairs().find(|(_, before, now)| *now < before - before.abs() * 1e-9);
    let fell = fell.map(|(name, from, to)| Fall { name: name.clone(), from, to });
    (fell, pairs().any(|(_, before, now)| before < now))
}
