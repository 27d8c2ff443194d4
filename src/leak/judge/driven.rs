//! Judges a run in which cmon itself opened and closed streams: what a cycle leaves behind.
//!
//! Each pair gives one number, its growth while driven minus its growth while idle. A ramp, a slow
//! pool and a leak by time are in both rungs and go out; a coin decided which rung came first, so
//! that without a leak per cycle each number is as likely to have the other sign. The sign-flip
//! test (`signs.rs`) asks how many choices of signs give a sum as large: valid without
//! any model of the noise.
//!
//! Very large numbers are cut down, by a rule that looks at their sizes only and so keeps the test
//! exact: one burst or step shall not hide a leak.

use serde::Serialize;

use super::bursts::Calm;
use super::early::{self, Bet};
use super::passive::{self, Passive};
use super::rates::{PLAIN, Rates};
use super::signs::{Way, sign_flip};
use super::stats::{mean, median, spread};
use super::words::{count, signed};
use super::{Interval, Options, Reading, Verdict, sound};

/// How much longer a driven rung may be than the idle one that it is compared with.
const APART: (f64, f64) = (0.5, 2.0);

/// One rung and the readings at rest around it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rung {
    /// Whether streams were opened and closed in it.
    pub driven: bool,
    /// Seconds since the start at its end.
    pub at: f64,
    /// Cycles in it.
    pub cycles: f64,
    /// Seconds from the one reading to the other.
    pub seconds: f64,
    /// The reading at rest before it; not a number when it is missing.
    pub before: f64,
    /// The reading at rest after it; not a number when it is missing.
    pub after: f64,
}

/// A driven rung and an idle one, next to each other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Cycles of the driven rung above those of the idle one.
    pub cycles: f64,
    /// Growth in the driven rung.
    pub driven: f64,
    /// Growth in the idle rung, were it as long as the driven one.
    pub idle: f64,
}

impl Pair {
    /// Two rungs, one of them driven; nothing when a reading is missing, or one is far longer than the other.
    pub fn of(one: Rung, other: Rung) -> Option<Self> {
        let (driven, idle) = match (one.driven, other.driven) {
            (true, false) => (one, other),
            (false, true) => (other, one),
            _ => return None,
        };
        let numbers = [one.before, one.after, other.before, other.after, one.cycles, other.cycles];
        let growth = |rung: Rung| rung.after - rung.before;
        // What grows by time grows more in the longer one.
        let longer = driven.seconds / idle.seconds;
        let alike = APART.0 <= longer && longer <= APART.1;
        (alike && numbers.iter().copied().all(sound)).then(|| Self {
            cycles: (driven.cycles - idle.cycles).max(0.0),
            driven: growth(driven),
            idle: growth(idle) * longer,
        })
    }

    /// The pairs of a run in which something was opened and closed, and which of all they are.
    pub(super) fn turning(rungs: &[Rung]) -> impl Iterator<Item = (usize, Self)> {
        let pairs = rungs.chunks_exact(2).enumerate();
        pairs
            .filter_map(|(n, two)| Some((n, Self::of(two[0], two[1])?)))
            .filter(|(_, pair)| pair.cycles >= 0.5)
    }

    /// Growth while driven minus growth while idle.
    pub fn difference(self) -> f64 {
        self.driven - self.idle
    }
}

/// What a driven run says of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Driven {
    /// Whether a cycle leaves something behind. Growth by time alone is in `idle`.
    pub verdict: Verdict,
    /// Pairs judged.
    pub pairs: usize,
    /// Cycles per driven rung, on average.
    pub cycles: f64,
    /// Growth per cycle, with a t interval (`1 - alpha` to each side).
    pub per_cycle: Option<Interval>,
    /// The chance of so much without a leak, with the looks on the way paid for.
    pub p: Option<f64>,
    /// The fortune of the early stop at its end, and after which pair it sufficed.
    pub fortune: f64,
    /// After how many pairs the run could be stopped.
    pub stopped: Option<usize>,
    /// Growth per cycle fell by more than half: a pool that fills with cycles.
    pub fades: bool,
    /// Idle rungs take back what driven ones left.
    pub lingers: bool,
    /// The smallest leak per cycle that this run would have found four times in five.
    pub smallest: Option<f64>,
    /// What the same readings do by time alone, cycles taken out.
    pub idle: Passive,
    /// Why the verdict is what it is.
    pub why: String,
}

/// Cuts differences that are larger than most, for the test; signs are not looked at.
fn cut(differences: &[f64]) -> Vec<f64> {
    let sizes: Vec<f64> = differences.iter().map(|difference| difference.abs()).collect();
    let cap = median(&sizes) + spread(&sizes) + 1.0;
    differences.iter().map(|difference| difference.clamp(-cap, cap)).collect()
}

/// Judges the rungs of a run, two by two the pairs, of one metric.
pub fn judge(rungs: &[Rung], options: &Options) -> Driven {
    let (mut judged, calmed) = by_cycles(rungs, options);
    // Where idle rungs fall, nobody knows what the cycles left.
    let unknown = |rate: Interval| Interval { low: rate.low.min(0.0), ..rate };
    let left = judged.per_cycle.map(|rate| if judged.lingers { unknown(rate) } else { rate });
    judged.idle = passive::judge_at_rest(&at_rest(&calmed), left, options);
    if judged.lingers
        && judged.verdict == Verdict::Inconclusive
        && judged.idle.verdict == Verdict::Clean
        && judged.idle.per_minute.is_some_and(|slope| -options.max_per_minute <= slope.estimate)
    {
        // Nothing grows in the readings at rest, with all that the cycles left.
        judged.verdict = Verdict::Clean;
    }
    judged
}

/// What the cycles leave, growth by time not looked at; and the rungs without bursts.
pub(super) fn by_cycles(rungs: &[Rung], options: &Options) -> (Driven, Vec<Rung>) {
    let looks = Bet::on(rungs, options);
    let Calm { rungs, deep, unclear } = Calm::of(rungs);
    let all: Vec<(usize, Pair)> = Pair::turning(&rungs).collect();
    // The estimate may look at the coin.
    let clear = all.iter().filter(|(n, _)| !unclear.contains(n)).map(|(_, pair)| *pair);
    let clear: Vec<Pair> = clear.collect();
    let all: Vec<Pair> = all.into_iter().map(|(_, pair)| pair).collect();
    let cycles: Vec<f64> = all.iter().map(|pair| pair.cycles).collect();
    let told = if all.len() <= 3 * clear.len() { &clear } else { &all };
    let rates = Rates::of(told, all.len(), deep, options);
    let mut judged = Driven {
        verdict: Verdict::Invalid,
        pairs: all.len(),
        cycles: mean(&cycles),
        per_cycle: None,
        p: None,
        fortune: looks.fortune(),
        stopped: looks.stopped(),
        fades: false,
        lingers: false,
        smallest: None,
        idle: Passive::unknown(),
        why: "no cycles: nothing was opened and closed between two readings".to_owned(),
    };
    let Some(rates) = rates else {
        let stood_still = rungs.iter().any(|rung| rung.driven && rung.cycles <= 0.0);
        // One that was short, or cut short, has done no wrong.
        if !all.is_empty() || !stood_still {
            judged.verdict = Verdict::Inconclusive;
            "too few pairs of rungs to tell".clone_into(&mut judged.why);
        }
        return (judged, rungs);
    };
    // Which pairs tell may hang on which rung was driven, and so the test has all of them.
    let raw: Vec<f64> = all.iter().map(|pair| pair.difference()).collect();
    let differences = cut(&raw);
    (judged.per_cycle, judged.smallest) = (Some(rates.per_cycle), rates.smallest);
    (judged.fades, judged.lingers) = (rates.fades, rates.lingers);
    let way = Way::of(all.len(), options);
    let flipped = || sign_flip(&differences, &cycles, way, options.seed);
    let stopped = options.stopped || looks.stopped().is_some();
    let p = match (options.early_stop, stopped) {
        // A part of alpha is spent on the way. A run that was stopped has no end to test at.
        (true, true) => 1.0 / looks.fortune() / early::SHARE,
        (true, false) => flipped() / (1.0 - early::SHARE),
        (false, _) => flipped(),
    };
    judged.p = Some(p.min(1.0));
    (judged.verdict, judged.why) = decide(&rates, judged.p.unwrap_or(1.0), options);
    (judged, rungs)
}

fn decide(rates: &Rates, p: f64, options: &Options) -> (Verdict, String) {
    let rate = rates.per_cycle;
    let found = format!(
        "{} per cycle ({} .. {})",
        signed(rate.estimate),
        count(rate.low),
        count(rate.high)
    );
    let enough = options.warmup_cycles >= super::plan::WARM_CYCLES || rate.low >= PLAIN;
    if rates.smallest.is_some() && rates.at_most < options.max_per_cycle {
        return (Verdict::Clean, format!("{found}, allowed is {}", count(options.max_per_cycle)));
    }
    if rates.lingers {
        let why = "idle rungs take it back: it ends by itself later, or the count falls anyway";
        return (Verdict::Inconclusive, format!("{found}: {why}"));
    }
    if p > options.chance() || rate.low <= 0.0 || rates.sum < options.least() {
        let few = rates.smallest.is_none();
        let why = if few { "too few pairs to tell" } else { "may be chance" };
        return (Verdict::Inconclusive, format!("{found}: {why}"));
    }
    if rate.estimate <= options.max_per_cycle {
        let allowed = count(options.max_per_cycle);
        return (Verdict::Inconclusive, format!("{found}: too near to what is allowed, {allowed}"));
    }
    if rates.fades {
        return (Verdict::Inconclusive, format!("{found}, but it fades: a pool that fills"));
    }
    if !enough {
        let why = "too few cycles before the first rung: may be a pool that fills";
        return (Verdict::Inconclusive, format!("{found}: {why}"));
    }
    (Verdict::Leak, format!("{found}, p = {}", chance(p)))
}

/// A small chance in words.
fn chance(p: f64) -> String {
    if p < 0.0001 { "below 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// The readings at rest.
fn at_rest(rungs: &[Rung]) -> Vec<Reading> {
    let (mut cycles, mut readings) = (0.0, Vec::with_capacity(rungs.len() + 1));
    for (n, rung) in rungs.iter().enumerate() {
        if n == 0 {
            readings.push(Reading { seconds: rung.at - rung.seconds, cycles, value: rung.before });
        }
        cycles += if sound(rung.cycles) { rung.cycles } else { 0.0 };
        readings.push(Reading { seconds: rung.at, cycles, value: rung.after });
    }
    readings
}

impl Driven {
    /// It in words, both figures: "+1.00 per cycle (0.94 .. 1.06), p = 0.0001; 0 per minute while
    /// idle (-0.2 .. 0.3)", and where the latter decided nothing, that and how long a run would.
    pub fn words(&self) -> String {
        let Some(minute) = self.idle.per_minute else {
            return format!("{}; not judged by time", self.why);
        };
        let mut words = format!(
            "{}; {} per minute while idle ({} .. {})",
            self.why,
            signed(minute.estimate),
            count(minute.low),
            count(minute.high)
        );
        if self.idle.verdict == Verdict::Inconclusive {
            words += ", which decides nothing";
        }
        words
    }
}
