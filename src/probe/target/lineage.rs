//! Identifies the process that answers: the same as before, a restarted one, or several behind one address. Pure.
//!
//! A start time alone proves nothing. Many libraries compute it from the machine's clock, which jitters by hundredths
//! of a second and may be set. Also, several processes may answer in turn at one address. So a restart requires that
//! the start time moves forward, and that a connection broke or a count fell. Counters that only a restart resets
//! (processor time, allocated bytes) prove more. If values return repeatedly, several processes answer.

use std::collections::{BTreeMap, VecDeque};

use crate::probe::reasons::{Fall, RestartSign, SeveralSign};

/// The minimum change of a start time when a clock is set.
const CLOCK_SET_MIN_SECONDS: f64 = 2.0;
/// The maximum change of a start time from clock jitter.
const CLOCK_JITTER_SECONDS: f64 = 0.1;
/// The minimum of returns that show several processes.
const RETURNS_MIN: u32 = 3;
/// The maximum of remembered processes.
const OBSERVATIONS_MAX: usize = 64;
/// After closing this many idle connections, another closed connection is no evidence.
const IDLE_CLOSES_MIN: u32 = 2;

/// The state of the connection since the last reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Link {
    /// Open, or closed as announced.
    #[default]
    Kept,
    /// The peer closed it, maybe because it was idle.
    Closed,
    /// A reading failed.
    Failed,
    /// It was closed, and new connections failed for a while.
    Refused,
}

/// What one reading shows about the process.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Observation {
    /// Start time in seconds since 1970.
    pub(super) started: Option<f64>,
    pub(super) pid: Option<u64>,
    /// Counters that only a restart resets.
    pub(super) totals: BTreeMap<String, f64>,
    /// Goroutines, descriptors and other counts.
    pub(super) counts: BTreeMap<String, f64>,
    pub(super) link: Link,
}

/// The process that answered a reading.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Identity {
    /// Certainly the same as before.
    Same,
    /// Probably the same.
    Unknown,
    /// A restarted one.
    Restarted(RestartSign),
    /// Several processes answer in turn.
    Several(SeveralSign),
}

/// The processes that have answered.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    last: Option<Observation>,
    /// The connection was closed right after the last answer.
    closed: bool,
    /// How often the server closed a connection without a restart.
    idle_closes: u32,
    known: VecDeque<(Key, Observation)>,
    returns: Returns,
    totals: Totals,
}

/// Identifies a process: start time in milliseconds, and pid.
type Key = (Option<i64>, Option<u64>);

impl Lineage {
    /// Adds a reading.
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
            self.idle_closes += 1;
        }
        // The client may notice a closed connection right after an answer, or only at the next request.
        self.closed = link == Link::Closed && !matches!(identity, Identity::Restarted(_));
        identity
    }

    fn judge(&self, before: &Observation, now: &Observation) -> Identity {
        let (total, rose) = moved(&before.totals, &now.totals);
        let broke = Link::Failed <= now.link
            || now.link == Link::Closed && self.idle_closes < IDLE_CLOSES_MIN;
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
            // If several may answer in turn, another start time is no restart.
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

    /// The evidence that several processes answer in turn, if any.
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
            self.returns.add(own, before, now, new.1.is_some() && new.1 != old.1);
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

/// Tracks processes that return: do counts continue from the same key, or from the last reading?
#[derive(Debug, Default)]
struct Returns {
    count: u32,
    /// How often a pid returned.
    pids: u32,
    /// Start times differ by more than a clock change.
    apart: bool,
    /// How often counters fell, and rose, at a change of key.
    fell: u32,
    rose: u32,
    /// By quantity: total distance from the last value of the same key, and from the last reading.
    distances: BTreeMap<String, (f64, f64)>,
}

impl Returns {
    fn switched(&mut self, before: &Observation, now: &Observation) {
        let (fell, rose) = moved(&before.totals, &now.totals);
        self.fell += u32::from(fell.is_some());
        self.rose += u32::from(rose && fell.is_none());
    }

    fn add(&mut self, own: &Observation, before: &Observation, now: &Observation, pid: bool) {
        self.count += 1;
        self.pids += u32::from(pid);
        self.switched(before, now);
        for (name, value) in &now.counts {
            if let Some((own, all)) = own.counts.get(name).zip(before.counts.get(name)) {
                let distance = self.distances.entry(name.clone()).or_default();
                distance.0 += (value - own).abs();
                distance.1 += (value - all).abs();
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
        // Several processes answer if counts continue from the same key. Random counts may look the same for a while, so
        // a smaller ratio requires more returns.
        let nearer = |by: f64, count| {
            let nearer = |(own, all): &(f64, f64)| 3.0 <= *all && by * own < *all;
            count <= self.count && self.distances.values().any(nearer)
        };
        let each = nearer(4.0, 2 * RETURNS_MIN + 2) || nearer(2.0, 8 * RETURNS_MIN);
        let one = self.distances.values().any(|(own, all)| 3.0 <= *own && 1.2 * all < *own);
        each || self.apart && !one
    }
}

/// Counters of a target without a start time and a pid.
#[derive(Debug, Default)]
struct Totals {
    fall: BTreeMap<String, f64>,
    back: u32,
}

impl Totals {
    /// Whether counters fall and return too often for restarts.
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

/// The first value that fell, and whether any rose.
fn moved(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> (Option<Fall>, bool) {
    let pairs = || now.iter().filter_map(|(name, now)| Some((name, *before.get(name)?, *now)));
    // Ignores rounding errors.
    let fell = pairs().find(|(_, before, now)| *now < before - before.abs() * 1e-9);
    let fell = fell.map(|(name, from, to)| Fall { name: name.clone(), from, to });
    (fell, pairs().any(|(_, before, now)| before < now))
}
