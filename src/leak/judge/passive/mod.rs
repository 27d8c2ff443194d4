//! Judges a target on its own load, which nobody can switch off: does it need a line?
//!
//! Readings are cut into blocks and the lowest of each is kept: bursts, garbage collection and
//! sawteeth live above this floor. Then the floor is fitted by shapes that end (a level, a step, a
//! pool that fills, both) and by the same with a line added. LEAK needs that the line is wanted
//! clearly (BIC), that its slope is above 0 with an interval, and that the floor rises by order
//! alone (Mann-Kendall). Tests of raw readings alarm on a third of quiet runs, since readings that
//! follow each other are alike; the floor of blocks does not.

mod fit;
mod naming;
mod power;

use serde::Serialize;

use self::fit::{Fit, Slope};
pub use self::power::smallest_leak;
use self::power::{GRAIN, TELLS, told, warms_up};
use super::plan::{MORE, RATE, WARMUP_CYCLES};
use super::shape::Shape;
use super::stats::{Z80, Z99, Z995, deviation, t_above, t_quantile};
use super::trend::{Kendall, mann_kendall, theil_sen};
use super::work::Work;
use super::{Interval, Options, Reading, Verdict, usable};

/// Nothing is decided below this many seconds: warm-up and leak look alike.
pub const LEAST: f64 = 180.0;
/// Nor, by readings at rest of a driven run, below these.
const LEAST_AT_REST: f64 = 300.0;
/// Lengths of blocks, seconds.
const BLOCKS: [f64; 6] = [15.0, 30.0, 60.0, 90.0, 180.0, 360.0];
/// How much the line must gain, and in runs below five minutes.
const GAIN: (f64, f64) = (10.0, 16.0);

/// What a passive run says of one metric.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Passive {
    /// LEAK, CLEAN, INCONCLUSIVE, or INVALID when there was no work.
    pub verdict: Verdict,
    /// What the series looks like.
    pub shape: Shape,
    /// The chance of so much without growth; nothing where nothing could be decided.
    pub p: Option<f64>,
    /// Growth per minute after warm-up, steps and all, by Theil and Sen (99 %).
    pub per_minute: Option<Interval>,
    /// Growth per minute that neither a step nor a pool explains (`1 - alpha` to each side).
    pub unexplained: Option<Interval>,
    /// By how much the line is wanted, in units of BIC.
    pub gain: Option<f64>,
    /// The rise by order alone, in standard deviations (Mann-Kendall).
    pub rise: Option<f64>,
    /// Where growth stopped, the part after that judged for itself.
    pub late: Option<Late>,
    /// What kept it from a verdict, where it has none.
    pub undecided: Option<Undecided>,
    /// Cycles went on meanwhile, and may have made some of the growth.
    pub cycles_may_add: bool,
    /// The work done, when it was counted.
    pub work: Option<Work>,
    /// The smallest growth per minute that this run would have found four times in five.
    pub smallest: Option<f64>,
    /// Seconds that would tell, when this run could not.
    pub run_at_least: Option<f64>,
    /// From when to when readings were judged, seconds since the start.
    pub window: (f64, f64),
    /// Readings judged.
    pub readings: usize,
}

/// The part of a run after its growth had stopped.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Late {
    /// Seconds since the start.
    pub since: f64,
    /// The verdict on this part alone.
    pub verdict: Verdict,
    /// Growth per minute in it.
    pub per_minute: Option<Interval>,
}

/// What kept a run from a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub enum Undecided {
    /// Too few readings, or over too short a time.
    TooShort {
        /// Seconds that are enough.
        least: f64,
    },
    /// It may be level, and growth above what is allowed cannot be ruled out.
    DetectionLimit {
        /// Growth per minute up to here cannot be ruled out.
        up_to: f64,
        /// Growth per minute that is allowed.
        allowed: f64,
    },
    /// It rises, and a pool that fills slowly, or one step, would look the same.
    WarmUp,
    /// It has risen near the end: once, or from now on.
    NearEnd,
    /// It grew by more than chance, and by less than `least` in all, or not surely more than is allowed.
    NearTolerance {
        /// Growth per minute that is allowed.
        allowed: f64,
    },
    /// It grew and stopped: something bounds it that may not be the program.
    Bounded,
}

impl Passive {
    /// Where nothing was looked at.
    pub fn unknown() -> Self {
        Self::undecided(Shape::Unknown, (0.0, 0.0), 0)
    }

    fn undecided(shape: Shape, window: (f64, f64), readings: usize) -> Self {
        Self {
            verdict: Verdict::Inconclusive,
            shape,
            p: None,
            per_minute: None,
            unexplained: None,
            gain: None,
            rise: None,
            late: None,
            undecided: None,
            cycles_may_add: false,
            work: None,
            smallest: None,
            run_at_least: None,
            window,
            readings,
        }
    }

    /// Whether growth per minute is above what is allowed, as far as it can be told.
    pub fn rising(&self, options: &Options) -> bool {
        self.verdict == Verdict::Leak
            || self.late.is_none()
                && self.unexplained.is_some_and(|slope| slope.low > options.max_per_minute)
    }

    /// Whether it grew by more than is allowed, and nobody could tell a leak from a warm-up or a
    /// step. Where the run was too short even for that, any growth that is larger than scatter.
    pub fn may_grow(&self, options: &Options) -> bool {
        let minutes = (self.window.1 - self.window.0) / 60.0;
        let grew = |slope: Interval| {
            self.unexplained.is_none()
                && slope.estimate > options.max_per_minute
                && slope.estimate * minutes >= 2.0 * options.least()
        };
        self.verdict == Verdict::Inconclusive
            && self.per_minute.is_some_and(|s| s.low > options.max_per_minute || grew(s))
    }
}

/// Judges the readings of a metric up to where the work stopped that was done meanwhile.
pub fn judge(readings: &[Reading], work: Option<&Work>, options: &Options) -> Passive {
    let readings = usable(readings);
    let stopped = work.and_then(|work| work.stopped_at);
    let end = stopped.unwrap_or(f64::INFINITY);
    let kept: Vec<Reading> = readings.into_iter().filter(|r| r.seconds <= end).collect();
    let mut judged = judge_window(&kept, LEAST, true, options);
    agree(&mut judged, options);
    if stopped.is_some() && judged.verdict != Verdict::Leak {
        judged.verdict = Verdict::Invalid;
    }
    judged.work = work.cloned();
    judged
}

/// Makes the rate that is shown hold what the verdict was made by. The slope by Theil and Sen has steps, pools and
/// ties in it; the verdict goes by what is left without them.
fn agree(judged: &mut Passive, options: &Options) {
    let (Some(shown), Some(decided)) = (judged.per_minute, judged.unexplained) else { return };
    if judged.late.is_some() || matches!(judged.shape, Shape::ChangePoint { .. }) {
        return;
    }
    let allowed = options.max_per_minute;
    judged.per_minute = Some(match judged.verdict {
        Verdict::Leak if shown.low <= 0.0 => decided,
        Verdict::Clean if allowed <= shown.high => decided,
        Verdict::Inconclusive if shown.high < allowed => Interval {
            low: shown.low.min(decided.low),
            high: shown.high.max(decided.high),
            ..shown
        },
        _ => shown,
    });
}

/// Judges readings at rest of a driven run, after its warm-up: what grows by time alone. What the
/// cycles left, `per_cycle` of them, is taken out, and what is not known of it makes the bounds
/// wider.
pub(super) fn judge_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let readings = usable(readings);
    let mut judged = judge_usable_at_rest(&readings, per_cycle, options);
    // Where it was too short, a longer run has to warm up as well.
    if let (None, Some(first), Some(last)) = (judged.p, readings.first(), readings.last()) {
        let apart = (last.seconds - first.seconds) / (readings.len() - 1).max(1) as f64;
        let least = long_enough(first.seconds, apart, options);
        (judged.run_at_least, judged.undecided) =
            (Some(least), Some(Undecided::TooShort { least }));
    }
    // Where cycles are, CLEAN goes by the whole, and LEAK by what they may not have made.
    if judged.verdict == Verdict::Inconclusive {
        agree(&mut judged, options);
    }
    judged
}

/// Seconds of a run that is long enough, by those of warm-up that this one had, and by how far its readings are
/// apart.
fn long_enough(had: f64, apart: f64, options: &Options) -> f64 {
    let cycles = options.warmup_cycles;
    let full = if cycles >= 1.0 { had * (WARMUP_CYCLES / cycles).max(1.0) } else { had };
    // A longer run of cycles that are slower than planned has not all of that.
    let most = (1.0 + MORE) * WARMUP_CYCLES / RATE;
    if full <= most.max(had) {
        // Of the whole it is a fifth at least.
        return LEAST_AT_REST + full.max(0.25 * LEAST_AT_REST);
    }
    // Readings enough for a floor; and the last pair may not fit.
    let window = LEAST_AT_REST.max(8.0 * apart) + 2.0 * apart;
    (window + had.max(most)).max(window / (1.0 - 0.2 * (1.0 + MORE)))
}

fn judge_usable_at_rest(
    readings: &[Reading],
    per_cycle: Option<Interval>,
    options: &Options,
) -> Passive {
    let whole = judge_window(readings, LEAST_AT_REST, false, options);
    let Some((per_cycle, pace)) = per_cycle.zip(pace(readings)) else { return whole };
    // Cycles take nothing away: what seems so is chance, and no reason to make more of the time.
    let left = match per_cycle.high < 0.0 {
        true => Interval { estimate: 0.0, high: 0.0, ..per_cycle },
        false => per_cycle,
    }
    .scaled(pace);
    let widened = |slope: Interval| {
        let estimate = slope.estimate - left.estimate;
        let reach = |slope: f64, left: f64| slope.hypot(left);
        Interval {
            estimate,
            low: estimate - reach(slope.estimate - slope.low, left.high - left.estimate),
            high: estimate + reach(slope.high - slope.estimate, left.estimate - left.low),
        }
    };
    // A rate per cycle that may be chance makes the bounds wider, and is no reason to shift the guess.
    let known = per_cycle.low > 0.0;
    let guess = |slope: Interval| {
        let widened = widened(slope);
        let estimate = if known { widened.estimate } else { slope.estimate };
        Interval { estimate: estimate.clamp(widened.low, widened.high), ..widened }
    };
    let unexplained = whole.unexplained.map(widened);
    let per_minute = whole.per_minute.map(guess);
    let grows =
        unexplained.is_some_and(|slope| slope.low > 0.0 && slope.estimate > options.max_per_minute);
    let allowed = unexplained.is_some_and(|slope| slope.high < options.max_per_minute);
    let mut judged = whole.clone();
    if known {
        let rest = |reading: &Reading| reading.value - per_cycle.estimate * reading.cycles;
        let rests: Vec<Reading> =
            readings.iter().map(|reading| Reading { value: rest(reading), ..*reading }).collect();
        judged = judge_window(&rests, LEAST_AT_REST, false, options);
    }
    // More than time and cycles may leave together: it grows, whichever of them it was.
    let both = options.max_per_minute + options.max_per_cycle * pace;
    let certain = !known
        && whole.verdict == Verdict::Leak
        && whole.unexplained.is_some_and(|slope| slope.low > both);
    judged.verdict = match (whole.verdict, judged.verdict) {
        // Nothing grew, with all the cycles.
        (Verdict::Clean, _) => Verdict::Clean,
        (_, Verdict::Leak) if certain => Verdict::Leak,
        (_, Verdict::Leak) if grows => Verdict::Leak,
        (_, Verdict::Clean) if allowed => Verdict::Clean,
        _ => Verdict::Inconclusive,
    };
    if let (Some(p), Some(slope), false) = (judged.p, unexplained, certain) {
        let error = (slope.estimate - slope.low) / t_quantile(1.0 - options.chance(), 10.0);
        judged.p = Some(p.max(t_above(slope.estimate / error.max(1e-9), 10.0)));
    }
    let wider = left.high - left.estimate;
    judged.smallest = whole.smallest.map(|smallest| smallest.hypot(wider));
    judged.cycles_may_add = per_minute.is_some_and(|slope| slope.low <= 0.0);
    (judged.unexplained, judged.per_minute) = (unexplained, per_minute);
    judged
}

/// Cycles per minute over the readings.
fn pace(readings: &[Reading]) -> Option<f64> {
    let (first, last) = (readings.first()?, readings.last()?);
    let seconds = last.seconds - first.seconds;
    (seconds > 0.0).then(|| (last.cycles - first.cycles) * 60.0 / seconds)
}

/// What the judge knows before it decides.
struct Floor {
    points: Vec<(f64, f64)>,
    ends: Fit,
    line: Fit,
    slope: Slope,
}

fn judge_window(readings: &[Reading], least: f64, warms: bool, options: &Options) -> Passive {
    let (Some(start), Some(end)) = (readings.first(), readings.last()) else {
        return Passive::unknown();
    };
    let length = end.seconds - start.seconds;
    let warmup = if warms { warms_up(length) } else { 0.0 };
    let window = (start.seconds + warmup, end.seconds);
    let kept: Vec<Reading> =
        readings.iter().copied().filter(|reading| reading.seconds >= window.0).collect();
    // Large values would lose their small changes.
    let zero = kept.first().map_or(0.0, |reading| reading.value);
    let points: Vec<(f64, f64)> =
        kept.iter().map(|reading| (reading.seconds - window.0, reading.value - zero)).collect();
    let Some(floor) = floor(&points, window.1 - window.0) else {
        let shape = naming::short(readings);
        let mut judged = Passive::undecided(shape, window, kept.len());
        judged.per_minute = theil_sen(&thin(&points), Z995)
            .map(|slope| coarse(slope.scaled(60.0), &points, window.1 - window.0));
        judged.run_at_least = Some(least);
        judged.undecided = Some(Undecided::TooShort { least });
        return judged;
    };
    let mut judged = weigh(&floor, &kept, window, options);
    judged.shape = naming::name(readings, &floor, &judged);
    if length + 1.0 < least {
        judged.p = None;
        judged.verdict = Verdict::Inconclusive;
        judged.run_at_least = Some(least);
        judged.undecided = Some(Undecided::TooShort { least });
        return judged;
    }
    decide(&mut judged, &floor, &points, length, options);
    let fine = finest(&floor, &points, window.1 - window.0);
    let floors: Vec<&Floor> = std::iter::once(&floor).chain(&fine).collect();
    begin(&mut judged, readings, &floors);
    stop(&mut judged, readings, &floors, least, options);
    judged
}

/// A slope per minute of a short run. Slopes of counts have many ties, and readings close together are much
/// alike: what the count went up and down by, and one at least, may as well be growth.
fn coarse(slope: Interval, points: &[(f64, f64)], seconds: f64) -> Interval {
    let values = points.iter().map(|point| point.1);
    let (low, high) = (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max));
    let reach = (high - low).max(1.0) * 60.0 / seconds.max(1.0);
    let (low, high) = (slope.estimate - reach, slope.estimate + reach);
    Interval { low: slope.low.min(low), high: slope.high.max(high), ..slope }
}

fn kendall(floor: &Floor) -> Kendall {
    mann_kendall(&floor.points.iter().map(|point| point.1).collect::<Vec<f64>>())
}

/// The floor whose slope is known best.
fn floor(points: &[(f64, f64)], window: f64) -> Option<Floor> {
    let long = [32.0, 16.0, 8.0].map(|blocks| window / blocks);
    let beyond = long.into_iter().filter(|length| *length > BLOCKS[5]);
    BLOCKS
        .into_iter()
        .chain(beyond)
        .filter(|length| (8.0..33.0).contains(&(window / length + 0.01).floor()))
        .filter_map(|length| {
            let points = lowest(points, length);
            if points.len() < 8 {
                return None;
            }
            let line = fit::best(&points, window, true);
            let slope = fit::slope(&points, &line)?;
            Some(Floor { ends: fit::best(&points, window, false), line, slope, points })
        })
        .min_by(|a, b| a.slope.error.total_cmp(&b.slope.error))
}

/// The floor of the shortest blocks, where the shape of the other is not plain: of few long blocks nobody sees where
/// they bend.
fn finest(floor: &Floor, points: &[(f64, f64)], window: f64) -> Option<Floor> {
    let plain = |fit: &Fit| usize::from(fit.tau.is_some()) + usize::from(fit.step.is_some());
    let line = floor.ends.bic - floor.line.bic >= 6.0;
    if plain(&floor.ends) < 2 && !(line && plain(&floor.line) > 0) {
        return None;
    }
    let blocks = BLOCKS.into_iter().map(|length| lowest(points, length));
    let points = blocks.filter(|blocks| (8..=32).contains(&blocks.len())).max_by_key(Vec::len)?;
    if points.len() <= floor.points.len() {
        return None;
    }
    let line = fit::best(&points, window, true);
    let slope = fit::slope(&points, &line)?;
    Some(Floor { ends: fit::best(&points, window, false), line, slope, points })
}

/// The lowest value of each block, at its own time: when it was first as low.
fn lowest(points: &[(f64, f64)], length: f64) -> Vec<(f64, f64)> {
    let block = |point: &(f64, f64)| (point.0 / length).floor();
    points
        .chunk_by(|a, b| block(a).total_cmp(&block(b)).is_eq())
        .filter_map(|part| part.iter().copied().min_by(|a, b| a.1.total_cmp(&b.1)))
        .collect()
}

/// At most some fifty points, evenly taken.
fn thin(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    points.iter().copied().step_by(points.len() / 50 + 1).collect()
}

/// The figures, without a verdict.
fn weigh(floor: &Floor, kept: &[Reading], window: (f64, f64), options: &Options) -> Passive {
    let slope = floor.slope;
    let reach = t_quantile(1.0 - options.chance(), slope.freedom) * slope.error;
    let estimate = slope.estimate;
    let unexplained = Interval { estimate, low: estimate - reach, high: estimate + reach };
    let order = kendall(floor);
    let by_slope = t_above(slope.estimate / slope.error, slope.freedom);
    let minutes = (window.1 - window.0) / 60.0;
    let residual = (floor.line.rss / floor.points.len() as f64).sqrt();
    let wanted = told(residual, minutes, options);
    // Holm's procedure may ask so much of it.
    let alpha = options.chance() / options.tests();
    let strict = (t_quantile(1.0 - alpha, slope.freedom) + Z80) * slope.error * 60.0;
    let mut judged = Passive::undecided(Shape::Unknown, window, kept.len());
    judged.p = Some(by_slope.max(order.p));
    judged.per_minute = theil_sen(&floor.points, Z995).map(|slope| slope.scaled(60.0));
    judged.unexplained = Some(unexplained.scaled(60.0));
    judged.gain = Some(floor.ends.bic - floor.line.bic);
    judged.rise = Some(order.z);
    judged.smallest = Some(wanted.max(strict));
    judged
}

/// So many blocks after a step tell that it was one.
const FEW: usize = 4;

/// Whether a step so near to the end may as well be growth that has begun: fewer blocks than a line takes follow it.
fn begins(floor: &Floor, minutes: f64, options: &Options) -> bool {
    let (points, ends) = (&floor.points, &floor.ends);
    ends.step.is_some_and(|at| points.len() < at + FEW)
        && options.max_per_minute.max(0.1) * minutes < fit::step_size(points, ends)
}

fn decide(
    judged: &mut Passive,
    floor: &Floor,
    points: &[(f64, f64)],
    length: f64,
    options: &Options,
) {
    let (order, window) = (kendall(floor), judged.window.1 - judged.window.0);
    let gain = if length < LEAST_AT_REST { GAIN.1 } else { GAIN.0 };
    let (Some(slope), Some(gained)) = (judged.unexplained, judged.gain) else { return };
    let minutes = (judged.window.1 - judged.window.0) / 60.0;
    let rises = |slope: Interval| {
        slope.low > 0.0
            && slope.estimate > options.max_per_minute
            && order.z > Z99
            && slope.estimate * minutes >= options.least()
    };
    let begun = begins(floor, minutes, options);
    let level = level(floor, options).filter(|level| {
        level.high < options.max_per_minute
            && judged.per_minute.is_some_and(|slope| slope.high < options.max_per_minute)
    });
    if (slope.high < options.max_per_minute || level.is_some()) && !begun {
        judged.verdict = Verdict::Clean;
        if let (Some(level), true) = (level, options.max_per_minute <= slope.high) {
            judged.unexplained = Some(level);
        }
        return;
    }
    // What falls back as far as it had risen is no growth.
    let back = matches!(judged.shape, Shape::FellBack { .. });
    if gained >= gain && rises(slope) && !back {
        judged.verdict = Verdict::Leak;
        return;
    }
    let even = even(points, window, options).filter(|(even, _)| rises(*even) && !back);
    if let Some((even, p)) = even {
        // A pool that fills rises less in the end than at first.
        judged.verdict = Verdict::Leak;
        (judged.unexplained, judged.p) = (Some(even), Some(p.max(order.p)));
        if matches!(judged.shape, Shape::Rising | Shape::WarmUp { .. } | Shape::Level) {
            let per_minute = judged.per_minute.map_or(even.estimate, |slope| slope.estimate);
            judged.shape = Shape::Line { per_minute };
        }
        return;
    }
    let (undecided, longer) = undecided(judged, floor, slope, begun, options);
    judged.undecided = Some(undecided);
    judged.run_at_least = Some((length * longer.clamp(1.5, 20.0) / 60.0).ceil() * 60.0);
}

/// What keeps a run from a verdict, and how many times as long a run would not be kept.
fn undecided(
    judged: &Passive,
    floor: &Floor,
    slope: Interval,
    begun: bool,
    options: &Options,
) -> (Undecided, f64) {
    let allowed = options.max_per_minute;
    let minutes = (judged.window.1 - judged.window.0) / 60.0;
    let values: Vec<f64> = floor.points.iter().map(|point| point.1).collect();
    let scatter = (floor.line.rss / values.len() as f64).sqrt().max(GRAIN);
    let growth = slope.estimate.max(allowed.max(0.1)) * minutes;
    let tells = if deviation(&values) > 0.0 { TELLS * scatter / growth } else { 2.0 };
    let shown = judged.per_minute.unwrap_or(slope);
    if begun && matches!(judged.shape, Shape::Step { .. } | Shape::Steps { .. }) {
        return (Undecided::NearEnd, tells);
    }
    let turns = matches!(judged.shape, Shape::FellBack { .. } | Shape::Sawtooth { .. });
    let steps = matches!(judged.shape, Shape::Steps { .. }) && shown.estimate > allowed;
    if !turns && (shown.low > 0.0 || slope.low > allowed || steps) {
        let near = shown.estimate <= allowed || shown.estimate * minutes < options.least();
        let why = if near { Undecided::NearTolerance { allowed } } else { Undecided::WarmUp };
        return (why, tells);
    }
    // The error of a slope falls with the length to the power of 1.5.
    let room = allowed - slope.estimate.max(0.0);
    let longer = match room > 0.1 * allowed {
        true => 1.1 * ((slope.high - slope.estimate) / room).max(1.0).powf(2.0 / 3.0),
        false => tells,
    };
    // Some falls of a sawtooth have to be seen.
    let longer =
        if matches!(judged.shape, Shape::FellBack { .. }) { longer.max(3.0) } else { longer };
    (Undecided::DetectionLimit { up_to: shown.high.max(slope.high), allowed }, longer)
}

/// The slope of a floor of which no shape says more than that it is level: with nothing else in it, it is known
/// better.
fn level(floor: &Floor, options: &Options) -> Option<Interval> {
    let level = floor.ends.tau.is_none() && floor.ends.step.is_none();
    let slope = fit::slope(&floor.points, &fit::LINE).filter(|_| level)?;
    Some(interval(slope, options))
}

fn interval(slope: Slope, options: &Options) -> Interval {
    let reach = t_quantile(1.0 - options.chance(), slope.freedom) * slope.error;
    let estimate = slope.estimate;
    Interval { estimate, low: estimate - reach, high: estimate + reach }.scaled(60.0)
}

/// The least that a third of the floor rises by beside another, where it rises in equal parts: a pool whose time
/// constant is three windows and less rises by less in its last third.
const EQUAL: f64 = 0.8;
/// How well each of these rises must be known.
const KNOWN: f64 = 0.1;
/// Fewer blocks have no thirds.
const THIRDS: usize = 6;

/// The slope per minute of a floor that rises by equal parts in its first, middle and last third, and the chance of
/// it: what fills rises ever less, and a step rises once. Blocks of the length of a sawtooth see its floor best, so
/// that those count about which the floor scatters least.
pub(super) fn even(
    points: &[(f64, f64)],
    window: f64,
    options: &Options,
) -> Option<(Interval, f64)> {
    // The last block has to be whole: a part of one may not have been to the floor.
    let whole = |length: f64| {
        let blocks = (window / length + 0.1).floor() * length;
        points.partition_point(|point| point.0 < blocks)
    };
    let floors = BLOCKS.into_iter().map(|length| lowest(&points[..whole(length)], length));
    let floors = floors.filter(|floor| (THIRDS..=32).contains(&floor.len()));
    let scatter = |floor: &[(f64, f64)]| (fit::straight(floor) / floor.len() as f64).sqrt();
    let floor = floors.min_by(|a, b| scatter(a).total_cmp(&scatter(b)))?;
    let (first, last) = (floor.first()?, floor.last()?);
    let at = |share: f64| {
        let moment = first.0 + share * (last.0 - first.0);
        let next = floor.partition_point(|point| point.0 < moment).clamp(1, floor.len() - 1);
        let (a, b) = (floor[next - 1], floor[next]);
        a.1 + (b.1 - a.1) * (moment - a.0) / (b.0 - a.0).max(1e-9)
    };
    let marks = [0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0].map(at);
    let rises = [marks[1] - marks[0], marks[2] - marks[1], marks[3] - marks[2]];
    let smallest = rises.into_iter().fold(f64::MAX, f64::min);
    let most = rises.into_iter().fold(f64::MIN, f64::max);
    let covered = last.0 - first.0 >= 0.75 * window;
    let known = scatter(&floor).max(ROUNDED) * std::f64::consts::SQRT_2 <= KNOWN * smallest;
    if !covered || !known || smallest < EQUAL * most {
        return None;
    }
    let slope = fit::slope(&floor, &fit::LINE)?;
    Some((interval(slope, options), t_above(slope.estimate / slope.error, slope.freedom)))
}

/// What rounding to whole numbers makes a count scatter by.
const ROUNDED: f64 = 0.29;

/// Where growth began within the run: the rate is that since then.
fn begin(judged: &mut Passive, readings: &[Reading], floors: &[&Floor]) {
    let mut begun = floors.iter().filter_map(|floor| naming::begun(readings, floor, judged));
    let Some((level_until, growth)) = begun.next() else { return };
    judged.per_minute = Some(growth.per_minute);
    if judged.verdict == Verdict::Leak && growth.per_minute.low <= 0.0 {
        judged.verdict = Verdict::Inconclusive;
    }
    if judged.verdict == Verdict::Inconclusive {
        judged.undecided = Some(Undecided::NearEnd);
    }
    judged.shape = Shape::ChangePoint { level_until, growth };
}

/// Growth that stopped is judged apart from what came after.
fn stop(
    judged: &mut Passive,
    readings: &[Reading],
    floors: &[&Floor],
    least: f64,
    options: &Options,
) {
    if matches!(judged.shape, Shape::Sawtooth { .. } | Shape::ChangePoint { .. }) {
        return;
    }
    let mut stopped = floors.iter().filter_map(|floor| naming::stopped(readings, floor, judged));
    let Some(stopped) = stopped.next() else { return };
    let Shape::Stopped { at, growth, .. } = stopped else { return };
    let late: Vec<Reading> = readings.iter().copied().filter(|r| r.seconds > at).collect();
    let alone = judge_window(&late, least, false, options);
    judged.late = Some(Late { since: at, verdict: alone.verdict, per_minute: alone.per_minute });
    (judged.shape, judged.per_minute) = (stopped, Some(growth.per_minute));
    judged.verdict = match alone.verdict {
        Verdict::Leak => Verdict::Leak,
        // A leak that something else bounds: neither clean nor growing.
        _ => Verdict::Inconclusive,
    };
    judged.undecided = (judged.verdict == Verdict::Inconclusive).then_some(Undecided::Bounded);
    judged.run_at_least = None;
}
