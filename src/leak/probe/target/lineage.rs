//! Who answers: the same process as before, one that was started again, or several behind one address. Pure.
//!
//! A start time alone proves nothing. Many libraries compute it from the machine's clock, which is set by
//! seconds now and then and wavers by hundredths all the time; and behind one address several processes
//! may answer in turn. So a restart takes a start time that moves forward by more than that, and something
//! else: a connection that broke, or a count that fell. What only rises while a process lives (processor
//! time, bytes allocated) proves more than any of them. A value that comes back again and again is no
//! restart at all: several processes answer.

use std::collections::{BTreeMap, VecDeque};

/// A clock that is set moves start times by this, in seconds.
const CLOCK_SET_MIN_SECONDS: f64 = 2.0;
/// A clock that is kept moves them by this.
const CLOCK_JITTER_SECONDS: f64 = 0.1;
/// This many returns are no chance.
const RETURNS_MIN: u32 = 3;
/// Processes that are remembered.
const SIGHTS_MAX: usize = 64;
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

/// What one reading shows of who answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sight {
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

/// What a reading says of who answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The same as before, for sure.
    Same,
    /// The same, as far as it shows.
    Unknown,
    /// Another one than before: why, in words.
    Another(String),
    /// Several that answer in turn: by what, in words.
    Several(String),
}

/// What has answered so far.
#[derive(Debug, Default)]
pub(super) struct Lineage {
    last: Option<Sight>,
    /// The connection was closed after the last answer already.
    closed: bool,
    habit: u32,
    known: VecDeque<(Key, Sight)>,
    returns: Returns,
    totals: Totals,
}

/// What identifies a process: start time in milliseconds, and number.
type Key = (Option<i64>, Option<u64>);

impl Lineage {
    /// Takes a reading.
    pub(super) fn see(&mut self, mut sight: Sight) -> Who {
        let link = sight.link;
        if self.closed {
            sight.link = sight.link.max(Link::Closed);
        }
        self.closed = false;
        let Some(before) = self.last.replace(sight.clone()) else {
            self.remember(&sight);
            return Who::Unknown;
        };
        let several = self.several(&before, &sight);
        self.remember(&sight);
        let who = several.unwrap_or_else(|| self.judge(&before, &sight));
        if sight.link == Link::Closed && !matches!(who, Who::Another(_)) {
            self.habit += 1;
        }
        // The end of a connection may be seen right after an answer, or only at the next question.
        self.closed = link == Link::Closed && !matches!(who, Who::Another(_));
        who
    }

    fn judge(&self, before: &Sight, now: &Sight) -> Who {
        let another = |why: String| Who::Another(format!("the target was started again ({why})"));
        let (fell, rose) = moved(&before.totals, &now.totals);
        let broke =
            Link::Failed <= now.link || now.link == Link::Closed && self.habit < HABIT_MIN_CLOSES;
        let count = fallen(&before.counts, &now.counts);
        let ahead = now.started.zip(before.started).map(|(now, before)| now - before);
        match (now.pid.zip(before.pid), ahead) {
            (Some((new, old)), _) if new != old => {
                return match self.returns.count {
                    0 => another(format!("pid {old} is now {new}")),
                    _ => Who::Unknown,
                };
            }
            (Some(_), None) => return Who::Same,
            (_, Some(ahead)) if ahead.abs() <= CLOCK_JITTER_SECONDS => return Who::Same,
            // While it is not clear who answers in turn, another start time is no restart.
            (_, Some(ahead)) if CLOCK_SET_MIN_SECONDS < ahead && self.returns.count == 0 => {
                let moved = format!("its start time moved forward by {}", seconds(ahead));
                if let Some(total) = fell {
                    return another(format!("{moved}, and {total}"));
                }
                if broke {
                    return another(format!("{moved}, and its connection broke"));
                }
                return match count {
                    Some(count) if !rose => another(format!("{moved}, and {count}")),
                    _ if rose => Who::Same,
                    _ => Who::Unknown,
                };
            }
            (_, Some(ahead)) if CLOCK_SET_MIN_SECONDS < ahead.abs() => {
                return if rose && fell.is_none() { Who::Same } else { Who::Unknown };
            }
            _ => {}
        }
        if let Some(total) = fell {
            return another(total);
        }
        if rose {
            return Who::Same;
        }
        let halved = |(now, before): (&f64, &f64)| *now < before / 2.0;
        let goroutines = now.counts.get("goroutines").zip(before.counts.get("goroutines"));
        match now.link {
            Link::Refused => Who::Another(
                "the target closed its connection and accepted no other for a while: it was started again"
                    .to_owned(),
            ),
            Link::Closed if goroutines.is_some_and(halved) => Who::Another(
                "the target closed its connection, and its goroutines fell below half: it was started \
                 again"
                    .to_owned(),
            ),
            _ => Who::Unknown,
        }
    }

    /// Whether several answer in turn, and by what that shows.
    fn several(&mut self, before: &Sight, now: &Sight) -> Option<Who> {
        let (old, new) = (key(before), key(now));
        let words = |count: usize, what: &str| {
            Who::Several(format!(
                "several processes answer here ({count} {what} come back in turn)"
            ))
        };
        if new == (None, None) {
            let falls = self.totals.see(before, now);
            let what = "its totals fall and come back in turn";
            return falls.then(|| Who::Several(format!("several processes answer here ({what})")));
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
        let what = if new.1.is_some() { "process numbers" } else { "start times" };
        self.returns.is_several().then(|| words(self.known.len().max(2), what))
    }

    fn remember(&mut self, sight: &Sight) {
        let key = key(sight);
        if key == (None, None) {
            return;
        }
        self.known.retain(|(known, _)| *known != key);
        if self.known.len() == SIGHTS_MAX {
            self.known.pop_front();
        }
        self.known.push_back((key, sight.clone()));
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a time in milliseconds, or it saturates")]
fn key(sight: &Sight) -> Key {
    (sight.started.map(|started| (started * 1000.0).round() as i64), sight.pid)
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
    fn switched(&mut self, before: &Sight, now: &Sight) {
        let (fell, rose) = moved(&before.totals, &now.totals);
        self.fell += u32::from(fell.is_some());
        self.rose += u32::from(rose && fell.is_none());
    }

    fn take(&mut self, own: &Sight, before: &Sight, now: &Sight, pid: bool) {
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

/// Totals of a target that shows nothing else of who it is.
#[derive(Debug, Default)]
struct Totals {
    fall: BTreeMap<String, f64>,
    back: u32,
}

impl Totals {
    /// Whether totals fall and come back at once too often for one that is started again.
    fn see(&mut self, before: &Sight, now: &Sight) -> bool {
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

/// The first total that fell, in words, and whether any rose.
fn moved(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> (Option<String>, bool) {
    let pairs = || now.iter().filter_map(|(name, now)| Some((name, *before.get(name)?, *now)));
    // Figures of a float wobble in their last digits.
    let fell = pairs().find(|(_, before, now)| *now < before - before.abs() * 1e-9);
    let fell = fell.map(|(name, before, now)| fell_from(name, before, now));
    (fell, pairs().any(|(_, before, now)| before < now))
}

fn fallen(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) -> Option<String> {
    let mut fell = now.iter().filter_map(|(name, now)| {
        let before = *before.get(name)?;
        (*now < before).then(|| fell_from(name, before, *now))
    });
    fell.next()
}

fn fell_from(name: &str, before: f64, now: f64) -> String {
    format!("`{name}` fell from {before} to {now}")
}

fn seconds(seconds: f64) -> String {
    match seconds {
        small if small < 10.0 => format!("{small:.1} s"),
        large => format!("{large:.0} s"),
    }
}
