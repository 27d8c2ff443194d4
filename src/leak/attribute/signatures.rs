//! Matches growth with known leak patterns. No verdict depends on it.

use crate::grouped::by_key;
use crate::leak::facts::{
    Connections, Course, GroupGrowth, Metric, OtherSide, Report, Seen, Signature, StepSize, Steps,
    Verdict,
};
use crate::leak::judge::new_growth::By;
use crate::leak::judge::shape::{Shape, Stairs};
use crate::leak::record::{Drive, Survivor};
use crate::probe::metric::Source;
use crate::sort::sort_by;

/// Goroutines of one follower in dockerd.
const FOLLOWER_GOROUTINES: f64 = 5.0;
/// Descriptors of one follower in dockerd.
const FOLLOWER_DESCRIPTORS: f64 = 3.0;

/// A share of growth below this does not count.
const SMALL_PART: f64 = 0.1;

/// Fewer connections of a kind do not count.
const CONNECTIONS_MIN: f64 = 3.0;

/// The load and the tolerances of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub(crate) drive: Drive,
    /// Cycles per minute while driven.
    pub(crate) cycles_per_minute: f64,
    /// The tolerated growth per minute.
    pub(crate) max_per_min: f64,
    /// The tolerated growth per cycle.
    pub(crate) max_per_cycle: f64,
}

impl Run {
    pub(crate) fn of(report: &Report) -> Self {
        Self {
            drive: report.drive,
            cycles_per_minute: report.cycles_per_minute,
            max_per_min: report.rules.max_per_min,
            max_per_cycle: report.rules.max_per_cycle,
        }
    }
}

/// The patterns that the growth of these metrics matches, the most useful first.
pub(crate) fn signatures(
    metrics: &[Metric],
    survivors: &[Survivor],
    sides: &[OtherSide],
    run: Run,
) -> Vec<Signature> {
    let all = Growing { metrics };
    let mut found = own(&all, survivors);
    for source in all.sources() {
        found.extend(connections(&all, source));
        found.extend(followers(&all, source));
        found.extend(forgotten_sockets(&all, source));
    }
    found.extend(other_sides(sides));
    found.extend(stopped(&all, &found));
    found.extend(steps(&all, sides, run));
    found.extend(courses(&all, run));
    let mut distinct: Vec<Signature> = Vec::new();
    for signature in found {
        if !distinct.contains(&signature) {
            distinct.push(signature);
        }
    }
    distinct
}

/// The metrics by source.
struct Growing<'a> {
    metrics: &'a [Metric],
}

impl<'a> Growing<'a> {
    /// Sources with a metric that grows or may grow.
    fn sources(&self) -> Vec<&'a Source> {
        let growing = self.metrics.iter().filter(|metric| grows(metric));
        let mut sources: Vec<&Source> = growing.map(|metric| &metric.id.source).collect();
        sources.dedup();
        sources
    }

    fn metric(&self, source: &Source, quantity: &str) -> Option<&'a Metric> {
        let mut metrics = self.metrics.iter();
        metrics.find(|metric| metric.id.source == *source && metric.id.quantity == quantity)
    }

    /// The growth of the groups whose key contains all of `functions`.
    fn grown(&self, source: &Source, quantity: &str, functions: &[&str]) -> f64 {
        let groups = self.metric(source, quantity).map_or(&[][..], |metric| &metric.groups);
        let matches = |group: &&GroupGrowth| functions.iter().all(|name| group.key.contains(name));
        groups.iter().filter(matches).map(difference).sum()
    }

    /// Descriptors for each of `count` members, which grow at `per_minute`. `None` if unknown.
    fn descriptors_for_each(&self, source: &Source, count: f64, per_minute: f64) -> Option<f64> {
        let fds = self.metric(source, "fds")?;
        if !fds.groups.is_empty() {
            return Some(fds.groups.iter().map(difference).sum::<f64>() / count);
        }
        let (first, last) = (fds.series.first()?, fds.series.last()?);
        let minutes = (last.0 - first.0) / 60.0;
        (0.0 < minutes && 0.0 < per_minute).then(|| (last.2 - first.2) / minutes / per_minute)
    }
}

/// HTTP connections of a Go client. Each has a reading and a writing goroutine.
///
/// The reading one waits in `Peek` for the next response, or in `select` until the program has read or closed the body
/// of the last one. A consumer of a body has its own goroutine.
fn connections(all: &Growing<'_>, source: &Source) -> Vec<Signature> {
    let Some(goroutines) = all.metric(source, "goroutines") else { return Vec::new() };
    let loops = all.grown(source, "goroutines", &["persistConn).readLoop"]);
    let writers = all.grown(source, "goroutines", &["persistConn).writeLoop"]);
    if !near(loops, writers) {
        return Vec::new();
    }
    let idle = all.grown(source, "goroutines", &["persistConn).readLoop", ").Peek"]);
    let open = loops - idle;
    let groups = &goroutines.groups;
    let count = |matches: &dyn Fn(&GroupGrowth) -> bool| {
        groups.iter().filter(|group| matches(group)).map(difference).sum::<f64>()
    };
    let logs = count(&|group| reads(group) && reads_logs(group));
    let others = count(&|group| reads(group) && !reads_logs(group));
    let rest = open - logs - others;
    // As many consumers as connections leave none unclosed.
    let unclosed = if near(open, logs + others) { 0.0 } else { rest };
    let each = groups.iter().find(|group| group.key.contains("persistConn).readLoop"));
    let each = each.and_then(|group| all.descriptors_for_each(source, loops, group.per_minute));
    let descriptor = each.is_some_and(|each| (each - 1.0).abs() <= 0.25);
    let kinds = [
        (Connections::Idle, idle),
        (Connections::Unclosed, unclosed),
        (Connections::LogsRead, logs.min(open)),
        (Connections::Read, others.min(open)),
    ];
    let mut kinds: Vec<_> =
        kinds.into_iter().filter(|(_, count)| CONNECTIONS_MIN <= *count).collect();
    sort_by(&mut kinds, |(_, a), (_, b)| b.total_cmp(a));
    let signatures = kinds.into_iter().map(|(are, count)| Signature::Connections {
        are,
        count,
        descriptor,
        source: source.clone(),
    });
    signatures.collect()
}

/// Whether the stack reads the body of a response.
fn reads(group: &GroupGrowth) -> bool {
    const BODY_READERS: [&str; 4] =
        ["(*body).Read", "bodyEOFSignal).Read", "gzipReader).Read", "stdcopy.StdCopy"];
    BODY_READERS.iter().any(|name| group.key.contains(name))
}

/// Whether the stack reads a container's log.
fn reads_logs(group: &GroupGrowth) -> bool {
    ["stdcopy.StdCopy", "ontainerLogs"].iter().any(|name| group.key.contains(name))
}

/// Followers in the daemon, recognized by their stacks, or else by their goroutines and descriptors.
fn followers(all: &Growing<'_>, source: &Source) -> Option<Signature> {
    let goroutines = all.metric(source, "goroutines").filter(|metric| grows(metric))?;
    let fds = all.metric(source, "fds");
    let stacks: Vec<&GroupGrowth> = goroutines
        .groups
        .iter()
        .filter(|group| group.key.contains("Daemon).ContainerLogs.func"))
        .collect();
    if stacks.is_empty() {
        // Without stacks: by the numbers alone.
        let (goroutine_rate, fd_rate) = (goroutines.per_cycle?, fds?.per_cycle?);
        let fits = 0.0 < goroutine_rate.low && 0.0 < fd_rate.low && goroutines.groups.is_empty();
        let rate = goroutine_rate.estimate / FOLLOWER_GOROUTINES;
        let close = (fd_rate.estimate / FOLLOWER_DESCRIPTORS - rate).abs() <= 0.1 * rate;
        let is_follower = *source == Source::Daemon && fits && close;
        return is_follower.then_some(Signature::Followers {
            rate,
            by: By::Cycle,
            seen: Seen::Numbers,
        });
    }
    let sum = |value: fn(&GroupGrowth) -> f64| stacks.iter().map(|group| value(group)).sum::<f64>();
    let per_cycle = sum(|group| group.per_cycle.unwrap_or(f64::NAN));
    let by_cycles =
        goroutines.per_cycle.is_some() && per_cycle.is_finite() && !goroutines.grows_while_idle();
    let (rate, by) = match by_cycles {
        true => (per_cycle, By::Cycle),
        false => (sum(|group| group.per_minute), By::Minute),
    };
    let count = sum(difference);
    let goroutines_each = goroutines.groups.iter().map(difference).sum::<f64>() / count;
    let descriptors_each = all.descriptors_for_each(source, count, sum(|group| group.per_minute));
    let fits = is_about(goroutines_each, FOLLOWER_GOROUTINES)
        && descriptors_each.is_some_and(|each| is_about(each, FOLLOWER_DESCRIPTORS));
    let seen = if fits { Seen::StacksAndNumbers } else { Seen::Stacks };
    Some(Signature::Followers { rate, by, seen })
}

/// Sockets that the peer has closed, but the process has not.
fn forgotten_sockets(all: &Growing<'_>, source: &Source) -> Option<Signature> {
    let groups = &all.metric(source, "fds")?.groups;
    let waiting = groups.iter().filter(|group| group.key.contains("CLOSE_WAIT"));
    let count: f64 = waiting.map(difference).sum();
    (0.0 < count).then(|| Signature::ForgottenSockets { count, source: source.clone() })
}

/// cmon's own survivors and growing tasks, by kind.
fn own(all: &Growing<'_>, survivors: &[Survivor]) -> Vec<Signature> {
    let left = by_key(survivors.iter().map(|survivor| (&survivor.kind, ()))).into_iter();
    let left = left.map(|(kind, members)| {
        let (task, count) = (kind.clone(), members.len() as f64);
        Signature::Survivors { task, count }
    });
    let tasks = all.metric(&Source::Own, "tasks").filter(|metric| grows(metric));
    let groups = tasks.iter().flat_map(|metric| &metric.groups);
    let tasks = groups
        .map(|group| Signature::OwnTasks { title: group.title.clone(), count: difference(group) });
    left.chain(tasks).collect()
}

/// Growth of the daemon that mirrors another source.
fn other_sides(sides: &[OtherSide]) -> Vec<Signature> {
    let found = by_key(sides.iter().map(|side| (side.of.source.clone(), side.metric.clone())));
    found.into_iter().map(|(of, metrics)| Signature::OtherSide { metrics, of }).collect()
}

/// The period, the cause, and the metrics with their step sizes.
type Paced = (f64, Steps, Vec<StepSize>);

/// Periodic steps, grouped by period and cause.
fn steps(all: &Growing<'_>, sides: &[OtherSide], run: Run) -> Vec<Signature> {
    let own = |metric: &&Metric| sides.iter().all(|side| side.metric != metric.id.name);
    let mut found: Vec<Paced> = Vec::new();
    for metric in all.metrics.iter().filter(|metric| metric.verdict != Verdict::Clean).filter(own) {
        let Some(Stairs { size, period, .. }) = stairs(&metric.shape) else { continue };
        let cause = match (metric.grows_while_idle(), metric.per_cycle.is_some()) {
            (true, true) => Steps::Timer(run.drive),
            (true, false) => Steps::TimerOrCycles,
            (false, _) => Steps::Open,
        };
        let same =
            |other: &&mut Paced| (other.0 / period - 1.0).abs() <= SMALL_PART && other.1 == cause;
        let step = StepSize { metric: metric.id.name.clone(), size };
        match found.iter_mut().find(same) {
            Some((_, _, metrics)) => metrics.push(step),
            None => found.push((period, cause, vec![step])),
        }
    }
    let found = found.into_iter();
    let found = found.map(|(period, cause, metrics)| Signature::Steps { period, metrics, cause });
    found.collect()
}

fn stairs(shape: &Shape) -> Option<Stairs> {
    match shape {
        Shape::Staircase(stairs) => Some(*stairs),
        Shape::ChangePoint { growth, .. } | Shape::Stopped { growth, .. } => growth.stairs,
        _ => None,
    }
}

/// Growth that stopped, and the likely cause of the stop.
fn stopped(all: &Growing<'_>, found: &[Signature]) -> Vec<Signature> {
    let growing = all.metrics.iter().filter(|metric| metric.verdict != Verdict::Clean);
    let stopped = by_key(growing.filter_map(|metric| match metric.shape {
        Shape::Stopped { at, lifetime, .. } => Some((&metric.id.source, (at, lifetime, metric))),
        _ => None,
    }));
    let signatures = stopped.into_iter().map(|(source, stops)| {
        let idle_connections = found.iter().any(|signature| {
            matches!(
                signature,
                Signature::Connections { are: Connections::Idle, source: other, .. } if other == source
            )
        });
        let (at, lifetime, _) = stops[0];
        let metrics = stops.into_iter().map(|(.., metric)| metric.id.name.clone()).collect();
        Signature::Stopped { metrics, at, lifetime, idle_connections }
    });
    signatures.collect()
}

/// Whether growth depends on cycles or on time.
fn courses(all: &Growing<'_>, run: Run) -> Vec<Signature> {
    let course = |on: Course, matches: &dyn Fn(&Metric) -> bool| {
        let growing = all.metrics.iter().filter(|metric| metric.verdict == Verdict::Leak);
        let metrics: Vec<String> =
            growing.filter(|metric| matches(metric)).map(|metric| metric.id.name.clone()).collect();
        (!metrics.is_empty()).then_some(Signature::Course { metrics, on, drive: run.drive })
    };
    let by_cycles = |metric: &Metric| metric.per_cycle.is_some_and(|per_cycle| 0.0 < per_cycle.low);
    if !run.drive.has_phases() {
        // Without idle phases, cycles and time cannot be separated.
        let own = (run.drive == Drive::Passive).then(|| course(Course::OwnCycles, &by_cycles));
        return own.flatten().into_iter().collect();
    }
    let with_cycles = |metric: &Metric| metric.grows_while_idle() && metric.per_cycle.is_some();
    let no_time =
        |metric: &Metric| metric.per_minute.is_some_and(|per_minute| per_minute.low <= 0.0);
    let found = [
        course(Course::Time, &|metric| with_cycles(metric) && is_by_time_alone(metric, run)),
        course(Course::TimeAtLeast, &|metric| {
            with_cycles(metric) && !is_by_time_alone(metric, run)
        }),
        course(Course::Cycles, &|metric| by_cycles(metric) && is_by_cycles_alone(metric, run)),
        course(Course::CyclesAtLeast, &|metric| {
            by_cycles(metric) && no_time(metric) && !is_by_cycles_alone(metric, run)
        }),
    ];
    found.into_iter().flatten().collect()
}

/// Whether growth by time is below the tolerance, or a small share of growth by cycles. The upper bound decides,
/// because a short run detects little growth by time.
fn is_by_cycles_alone(metric: &Metric, run: Run) -> bool {
    let (Some(per_cycle), Some(per_minute)) = (metric.per_cycle, metric.per_minute) else {
        return false;
    };
    let min_by_cycles = per_cycle.low * run.cycles_per_minute;
    per_minute.low <= 0.0
        && (per_minute.high <= run.max_per_min || per_minute.high < SMALL_PART * min_by_cycles)
}

/// Whether growth by cycles is below the tolerance, or a small share of growth by time.
fn is_by_time_alone(metric: &Metric, run: Run) -> bool {
    let (Some(per_cycle), Some(per_minute)) = (metric.per_cycle, metric.per_minute) else {
        return false;
    };
    let max_by_cycles = per_cycle.high * run.cycles_per_minute;
    per_cycle.high <= run.max_per_cycle || max_by_cycles < SMALL_PART * per_minute.low
}

/// Whether it leaks or may leak.
fn grows(metric: &Metric) -> bool {
    match metric.verdict {
        Verdict::Leak => true,
        Verdict::Inconclusive => !metric.groups.is_empty(),
        Verdict::Clean | Verdict::Invalid => false,
    }
}

fn difference(group: &GroupGrowth) -> f64 {
    group.last as f64 - group.first as f64
}

/// Equal, up to 10 % and one standard deviation of a Poisson count.
fn near(a: f64, b: f64) -> bool {
    let larger = a.max(b).max(0.0);
    (a - b).abs() <= 0.1 * larger + larger.sqrt().max(2.0)
}

fn is_about(value: f64, expected: f64) -> bool {
    (value - expected).abs() <= 0.1 * expected
}
