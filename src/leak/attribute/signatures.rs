//! What growth means, in plain words: patterns that are known from programs that leaked.
//!
//! A pattern is named only where the counts fit it; nothing here changes a verdict.

use crate::leak::record::{Drive, Survivor};
use crate::leak::report::figures::{Unit, amount, plural};
use crate::leak::report::{GroupGrowth, Metric, Report, Verdict};

/// What one follow of a log takes inside of dockerd.
const FOLLOWER_GOROUTINES: f64 = 5.0;
/// The same in descriptors.
const FOLLOWER_DESCRIPTORS: f64 = 3.0;

/// What time may add at most while cycles are driven, as a part of what they add, where growth is put down
/// to them alone.
const SMALL_PART: f64 = 0.1;

/// The run whose growth it is.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// What a cycle is.
    pub drive: Drive,
    /// How many cycles it had in a minute while driven.
    pub cycles_per_minute: f64,
    /// Growth per minute that is tolerated.
    pub max_per_min: f64,
    /// Growth per cycle that is tolerated.
    pub max_per_cycle: f64,
}

impl Run {
    /// The run of this report.
    pub fn of(report: &Report) -> Self {
        Self {
            drive: report.drive,
            cycles_per_minute: report.cycles_per_minute,
            max_per_min: report.rules.max_per_min,
            max_per_cycle: report.rules.max_per_cycle,
        }
    }
}

/// What the growth of these metrics means, the telling ones first; nothing where nothing grows.
pub fn signatures(metrics: &[Metric], survivors: &[Survivor], run: Run) -> Vec<String> {
    let all = Growing { metrics };
    let mut found = Vec::new();
    found.extend(own(&all, survivors));
    for source in all.sources() {
        found.extend(idle_connections(&all, source));
        found.extend(open_follows(&all, source));
        found.extend(followers(&all, source));
        found.extend(forgotten_sockets(&all, source));
    }
    found.extend(courses(&all, run));
    let mut seen = Vec::new();
    found.retain(|text| {
        let new = !seen.contains(text);
        seen.push(text.clone());
        new
    });
    found
}

/// The metrics, asked by source: `daemon`, `target.web`.
struct Growing<'a> {
    metrics: &'a [Metric],
}

impl<'a> Growing<'a> {
    /// Sources of which something grows, or may.
    fn sources(&self) -> Vec<&'a str> {
        let mut sources: Vec<&str> =
            self.metrics.iter().filter(|metric| grows(metric)).map(source).collect();
        sources.dedup();
        sources
    }

    fn metric(&self, source: &str, kind: &str) -> Option<&'a Metric> {
        self.metrics.iter().find(|metric| {
            metric.name.strip_prefix(source).and_then(|rest| rest.strip_prefix('.')) == Some(kind)
        })
    }

    /// By how much the groups of a metric grow whose key holds all of `words`.
    fn grown(&self, source: &str, kind: &str, words: &[&str]) -> f64 {
        let groups = self.metric(source, kind).map_or(&[][..], |metric| &metric.groups);
        let fit = groups.iter().filter(|group| words.iter().all(|word| group.key.contains(word)));
        fit.map(difference).sum()
    }

    /// Descriptors for each of `count`, that grow at `per_minute`; nothing where they are not known.
    fn descriptors_for_each(&self, source: &str, count: f64, per_minute: f64) -> Option<f64> {
        let fds = self.metric(source, "fds")?;
        if !fds.groups.is_empty() {
            return Some(fds.groups.iter().map(difference).sum::<f64>() / count);
        }
        let (first, last) = (fds.series.first()?, fds.series.last()?);
        let minutes = (last.0 - first.0) / 60.0;
        (0.0 < minutes && 0.0 < per_minute).then(|| (last.2 - first.2) / minutes / per_minute)
    }
}

/// 2 goroutines and 1 descriptor each: a client was made, used, and never closed.
fn idle_connections(all: &Growing<'_>, source: &str) -> Option<String> {
    let idle = all.grown(source, "goroutines", &["persistConn).readLoop", ").Peek"]);
    let busy = all.grown(source, "goroutines", &["persistConn).readLoop"]) - idle;
    let writers = all.grown(source, "goroutines", &["persistConn).writeLoop"]);
    if idle < 3.0 || !near(idle + busy, writers) {
        return None;
    }
    let groups = &all.metric(source, "goroutines")?.groups;
    let per_minute =
        groups.iter().find(|group| group.key.contains("persistConn).readLoop"))?.per_minute;
    let each = match all.descriptors_for_each(source, idle + busy, per_minute) {
        Some(each) if (each - 1.0).abs() <= 0.25 => "2 goroutines and 1 descriptor each",
        _ => "2 goroutines each",
    };
    let (idle, place) = (amount(idle, Unit::Count), place(source));
    Some(format!(
        "{each}: idle HTTP connections of clients that are never closed ({idle} more {place})"
    ))
}

/// 3 goroutines and 1 descriptor each: a response that is still being read.
fn open_follows(all: &Growing<'_>, source: &str) -> Option<String> {
    let loops = all.grown(source, "goroutines", &["persistConn).readLoop"]);
    let open = loops - all.grown(source, "goroutines", &["persistConn).readLoop", ").Peek"]);
    let groups = &all.metric(source, "goroutines")?.groups;
    let reads = |group: &&GroupGrowth| {
        ["(*body).Read", "bodyEOFSignal).Read", "stdcopy.StdCopy"]
            .iter()
            .any(|word| group.key.contains(word))
    };
    let readers: f64 = groups.iter().filter(reads).map(difference).sum();
    if open < 3.0 || !near(open, readers) {
        return None;
    }
    let per_minute = groups.iter().find(reads)?.per_minute;
    let each = match all.descriptors_for_each(source, loops, per_minute) {
        Some(each) if (each - 1.0).abs() <= 0.25 => "3 goroutines and 1 descriptor each",
        _ => "3 goroutines each",
    };
    let (open, whose) = (amount(open, Unit::Count), whose(source));
    Some(format!("{each}: open follow streams in {whose} ({open} more)"))
}

/// Followers inside of the daemon, counted by their stacks, or else by what each of them takes.
fn followers(all: &Growing<'_>, source: &str) -> Option<String> {
    let goroutines = all.metric(source, "goroutines").filter(|metric| grows(metric))?;
    let fds = all.metric(source, "fds");
    let stacks: Vec<&GroupGrowth> = goroutines
        .groups
        .iter()
        .filter(|group| group.key.contains("Daemon).ContainerLogs.func"))
        .collect();
    let meaning = "streams that are not closed";
    if stacks.is_empty() {
        // No stacks: by the numbers alone.
        let (one, other) = (goroutines.per_cycle?, fds?.per_cycle?);
        let fits = 0.0 < one.low && 0.0 < other.low && goroutines.groups.is_empty();
        let count = one.estimate / FOLLOWER_GOROUTINES;
        let close = (other.estimate / FOLLOWER_DESCRIPTORS - count).abs() <= 0.1 * count;
        return (source == "daemon" && fits && close).then(|| {
            let count = followers_per(count, "cycle");
            format!(
                "5 goroutines and 3 descriptors each, as a follower takes them: {count}: {meaning}"
            )
        });
    }
    let sum = |of: fn(&GroupGrowth) -> f64| stacks.iter().map(|group| of(group)).sum::<f64>();
    let per_cycle = sum(|group| group.per_cycle.unwrap_or(f64::NAN));
    let rate = match goroutines.per_cycle.is_some() && per_cycle.is_finite() && !is_idle(goroutines)
    {
        true => followers_per(per_cycle, "cycle"),
        false => followers_per(sum(|group| group.per_minute), "minute"),
    };
    let count = sum(difference);
    let of_goroutines = goroutines.groups.iter().map(difference).sum::<f64>() / count;
    let of_descriptors = all.descriptors_for_each(source, count, sum(|group| group.per_minute));
    let fits = near_to(of_goroutines, FOLLOWER_GOROUTINES)
        && of_descriptors.is_some_and(|each| near_to(each, FOLLOWER_DESCRIPTORS));
    let each = if fits { " (5 goroutines and 3 descriptors each)" } else { "" };
    Some(format!("{rate}: {meaning}{each}"))
}

/// `1 follower in the daemon per cycle`; close to a whole number it is that number.
fn followers_per(count: f64, what: &str) -> String {
    let whole = count.round();
    let count = if 1.0 <= whole && (count - whole).abs() <= 0.06 * whole { whole } else { count };
    let counted = plural((count * 1000.0).round() / 1000.0, "follower");
    format!("{counted} in the daemon per {what}")
}

/// The other side has closed, and the process has not.
fn forgotten_sockets(all: &Growing<'_>, source: &str) -> Option<String> {
    let groups = &all.metric(source, "fds")?.groups;
    let waiting = groups.iter().filter(|group| group.key.contains("CLOSE_WAIT"));
    let count: f64 = waiting.map(difference).sum();
    let who = match source {
        "own" => "we forgot to close".to_owned(),
        source => format!("{} forgot to close", whose(source)),
    };
    (0.0 < count).then(|| {
        format!(
            "{} in CLOSE_WAIT that {who}: the other side has closed them",
            plural(count, "socket")
        )
    })
}

/// cmon's own: by kind, and what was left at the end.
fn own(all: &Growing<'_>, survivors: &[Survivor]) -> Vec<String> {
    let mut found = Vec::new();
    let mut kinds: Vec<(&str, f64)> = Vec::new();
    for survivor in survivors {
        match kinds.iter_mut().find(|(kind, _)| *kind == survivor.kind) {
            Some((_, count)) => *count += 1.0,
            None => kinds.push((&survivor.kind, 1.0)),
        }
    }
    for (kind, count) in kinds {
        let count = plural(count, kind);
        found.push(format!("{count} of cmon itself still alive after the end: a leak in cmon"));
    }
    let tasks = all.metric("own", "tasks").filter(|metric| grows(metric));
    for group in tasks.iter().flat_map(|metric| &metric.groups) {
        let count = plural(difference(group), "task");
        found.push(format!("{count} more in cmon itself: {}", group.title));
    }
    found
}

/// What growth depends on, and what it does not.
fn courses(all: &Growing<'_>, run: Run) -> Vec<String> {
    let mut found = Vec::new();
    let growing = || all.metrics.iter().filter(|metric| metric.verdict == Verdict::Leak);
    for metric in growing() {
        let shape = metric.shape.as_deref().unwrap_or_default();
        let step = shape.split([':', ';', ',']).next().unwrap_or_default();
        let step = step.split(" until ").next().unwrap_or_default();
        let name = &metric.name;
        if step.starts_with('+') && step.contains(" every ") {
            let cycles = if run.drive.opens_streams() { "streams" } else { "cycles" };
            found.push(match (is_idle(metric), metric.per_cycle.is_some()) {
                (true, true) => format!("{step}: a timer, not the {cycles} ({name})"),
                (true, false) => format!(
                    "{step}: a timer ({name}); whether it makes cycles cannot be told where none are \
                     counted"
                ),
                (false, _) => format!("{step}: in steps ({name})"),
            });
        }
    }
    // No LEAK as long as it stands still, and no CLEAN for what was forgotten before.
    let open = all.metrics.iter().filter(|metric| metric.verdict != Verdict::Clean);
    for metric in open {
        if !metric.shape.as_deref().unwrap_or_default().contains("growth that stopped") {
            continue;
        }
        let words = ["persistConn).readLoop", ").Peek"];
        let idle = 3.0 <= all.grown(source(metric), "goroutines", &words);
        let name = &metric.name;
        found.push(match idle {
            true => format!(
                "{name} grew and then stood still: the server drops idle connections after a while; \
                 with one that does not, they grow without bound"
            ),
            false => format!(
                "{name} grew and then stood still: what is forgotten is dropped by the other side \
                 after a while, so the leak is bounded and not gone"
            ),
        });
    }
    let names = |wanted: &dyn Fn(&Metric) -> bool| {
        let names: Vec<&str> =
            growing().filter(|metric| wanted(metric)).map(|metric| metric.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let by_cycles = |metric: &Metric| metric.per_cycle.is_some_and(|per_cycle| 0.0 < per_cycle.low);
    if !run.drive.has_rungs() {
        // Cycles and time go on together: nothing tells the one from the other.
        if run.drive == Drive::Passive
            && let Some(names) = names(&by_cycles)
        {
            found.push(format!(
                "a cycle is one of the target's own: whether they make {names} grow, or time does, \
                 cannot be told while they go on"
            ));
        }
        return found;
    }
    let streams = run.drive.opens_streams();
    let (cause, rest) = match streams {
        true => ("stream timeout", "no stream is opened or closed"),
        false => ("cycles", "the command does not run"),
    };
    if let Some(names) = names(&|metric| is_idle(metric) && is_by_time_alone(metric, run)) {
        found.push(format!("does not depend on the {cause}: {names} grows while {rest}"));
    }
    let unclear = |metric: &Metric| {
        is_idle(metric) && metric.per_cycle.is_some() && !is_by_time_alone(metric, run)
    };
    if let Some(names) = names(&unclear) {
        found.push(format!(
            "{names} grows while {rest}; whether cycles add to it is not known after this run"
        ));
    }
    if let Some(names) = names(&|metric| by_cycles(metric) && is_by_cycles_alone(metric, run)) {
        let so = match streams {
            true => "a longer stream timeout slows that down and does not end it",
            false => "a cycle is one run of the command",
        };
        found.push(format!("only cycles make {names} grow: {so}"));
    }
    let unclear = |metric: &Metric| {
        let none_seen = metric.per_minute.is_some_and(|per_minute| per_minute.low <= 0.0);
        by_cycles(metric) && none_seen && !is_by_cycles_alone(metric, run)
    };
    if let Some(names) = names(&unclear) {
        found.push(format!(
            "cycles make {names} grow; whether time does too is not known after this run"
        ));
    }
    found
}

/// What it may grow by while idle is known to be tolerated, or to be a small part of what the cycles
/// make. That nothing was seen is not enough: a short run sees little of time.
fn is_by_cycles_alone(metric: &Metric, run: Run) -> bool {
    let (Some(per_cycle), Some(per_minute)) = (metric.per_cycle, metric.per_minute) else {
        return false;
    };
    let least_by_cycles = per_cycle.low * run.cycles_per_minute;
    per_minute.low <= 0.0
        && (per_minute.high <= run.max_per_min || per_minute.high < SMALL_PART * least_by_cycles)
}

/// The same of what the cycles may make, beside what idle time does.
fn is_by_time_alone(metric: &Metric, run: Run) -> bool {
    let (Some(per_cycle), Some(per_minute)) = (metric.per_cycle, metric.per_minute) else {
        return false;
    };
    let most_by_cycles = per_cycle.high * run.cycles_per_minute;
    per_cycle.high <= run.max_per_cycle || most_by_cycles < SMALL_PART * per_minute.low
}

/// It grows while nothing is driven, and not with the cycles.
fn is_idle(metric: &Metric) -> bool {
    let idle = metric.per_minute.is_some_and(|per_minute| 0.0 < per_minute.low);
    idle && metric.per_cycle.is_none_or(|per_cycle| per_cycle.low <= 0.0)
}

/// A leak, or what may be one.
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

/// `target.web` of `target.web.fds`.
fn source(metric: &Metric) -> &str {
    metric.name.rsplit_once('.').map_or("", |(source, _)| source)
}

fn place(source: &str) -> String {
    match source {
        "own" => "in cmon itself".to_owned(),
        source => format!("in {}", whose(source)),
    }
}

fn whose(source: &str) -> String {
    match source {
        "daemon" => "the daemon".to_owned(),
        source => match source.strip_prefix("target.") {
            Some("collector") => "the collector".to_owned(),
            Some(name) => format!("the collector {name}"),
            None => source.to_owned(),
        },
    }
}

/// Equal, but for a few that came or went between two looks.
fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= (0.1 * one.max(other)).max(2.0)
}

fn near_to(value: f64, wanted: f64) -> bool {
    (value - wanted).abs() <= 0.1 * wanted
}
