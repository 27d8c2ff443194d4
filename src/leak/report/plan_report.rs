//! Formats the plan of a check (`--dry-run`) as text and JSON.

use serde::Serialize;

use super::document::{Body, Cell, Column, Detail, Document, Kind, Row, Section, Table};
use super::{json, text};
use crate::format::Colors;
use crate::format::figures::{amount, count, plural};
use crate::format::units::span;
use crate::leak::facts::{DaemonFacts, PlanReport};
use crate::leak::record::Drive;

/// One or more plans as one line of JSON with a line end.
pub(crate) fn json(plans: &[PlanReport]) -> String {
    let time = plans.first().map(|plan| plan.time.as_str());
    match plans {
        [plan] => json::line(json::Kind::Plan, time, plan),
        runs => {
            #[derive(Serialize)]
            struct PlanBody<'a> {
                seconds: f64,
                runs: &'a [PlanReport],
            }
            let all = PlanBody { seconds: total_seconds(runs), runs };
            json::line(json::Kind::PlanComparison, time, &all)
        }
    }
}

/// One or more plans as text.
pub(crate) fn text(plans: &[PlanReport], colors: Colors) -> String {
    text::written(&document(plans), Detail::Brief, colors)
}

fn document(plans: &[PlanReport]) -> Document {
    let mut sections: Vec<Section> = plans.iter().flat_map(of_plan).collect();
    if 1 < plans.len() {
        let together =
            format!("{}: {} runs, one after the other", span(total_seconds(plans)), plans.len());
        sections.push(pairs(Kind::Plan, "", vec![("in all".to_owned(), together)]));
    }
    sections.retain(|section| !section.is_empty());
    Document { head: None, sections }
}

fn pairs(kind: Kind, title: &str, pairs: Vec<(String, String)>) -> Section {
    Section::new(kind, title, Detail::Brief, Body::Pairs(pairs))
}

/// The total of seconds.
fn total_seconds(plans: &[PlanReport]) -> f64 {
    plans.iter().map(|plan| plan.seconds).sum()
}

fn of_plan(plan: &PlanReport) -> [Section; 3] {
    let steps = steps(plan).into_iter().map(|(title, text)| (title.to_owned(), text)).collect();
    let probes =
        plan.probes.iter().map(|probe| (probe.source.to_string(), probe.readable.to_string()));
    [
        pairs(Kind::Plan, "", steps),
        pairs(Kind::Readable, "probes", probes.collect()),
        Section::new(Kind::Readable, "now", Detail::Brief, Body::Table(now(plan))),
    ]
}

/// The steps of the check, in order.
fn steps(plan: &PlanReport) -> Vec<(&'static str, String)> {
    let daemon = match &plan.daemon {
        None => "none that answers".to_owned(),
        Some(DaemonFacts { address, version }) => format!("{version} at {address}"),
    };
    let mut steps = vec![("daemon", daemon), load(plan)];
    steps.extend(plan.targets.iter().map(|target| ("target", target.clone())));
    let per_minute = plan.cycles_per_minute.map(|rate| count((rate * 10.0).round() / 10.0));
    let timeout = span(plan.stream_timeout);
    match (plan.drive, per_minute) {
        (Drive::Streams, Some(rate)) => steps.push((
            "streams",
            format!("closed and opened again every {timeout}: {rate} cycles/min while driven"),
        )),
        (Drive::Held, Some(rate)) => steps.push((
            "streams",
            format!("held open; each closed and opened again after {timeout}: {rate} cycles/min"),
        )),
        _ => {}
    }
    let readings = match plan.drive.has_phases() {
        true => {
            let cycles = count(plan.warm_up_cycles);
            // The duration of the command is unknown.
            let at_most = if plan.drive == Drive::Command { "at most " } else { "" };
            steps.push(("warm-up", format!("{}, {at_most}{cycles} cycles", span(plan.warm_up))));
            let (pairs, seed) = (plural(plan.pairs as f64, "on/off pair"), plan.seed);
            let phases = "a drive and an idle phase, in random order";
            steps.push(("pairs", format!("{at_most}{pairs}: {phases} (--seed {seed})")));
            format!("{} at rest: before the first phase and at the end of each", 2 * plan.pairs + 1)
        }
        false => format!("one every {}", span(plan.reading_every)),
    };
    steps.extend([
        ("readings", readings),
        ("takes", span(plan.seconds)),
        ("finds", finds(plan)),
        ("gate", gate(plan)),
    ]);
    steps
}

/// The current values.
fn now(plan: &PlanReport) -> Table {
    let metrics = plan.metrics.iter().map(|metric| {
        let gated = if metric.gated { "decides" } else { "shown" };
        let value = amount(metric.value, metric.id.unit);
        Row::main([metric.id.name.clone(), value, gated.to_owned()].map(Cell::Text).into())
    });
    let unavailable = plan.unavailable.iter().map(|missing| {
        let reason = Cell::Text(format!("not available: {}", missing.reason));
        Row::main(vec![Cell::Text(missing.metric.clone()), Cell::Absent, reason])
    });
    let columns = vec![Column::left(""), Column::right(""), Column::left("")];
    Table { columns, rows: metrics.chain(unavailable).collect() }
}

/// The load.
fn load(plan: &PlanReport) -> (&'static str, String) {
    match plan.drive {
        Drive::Streams | Drive::Held => {
            let names = &plan.containers;
            ("containers", format!("{}: {}", names.len(), names.join(", ")))
        }
        Drive::Command => {
            let rate = plan
                .cycles_per_minute
                .map_or_else(String::new, |rate| format!(", {} a minute at most", count(rate)));
            ("cycles", format!("one run of the command each{rate}"))
        }
        Drive::Passive if plan.cycles_metric.is_empty() => {
            ("cycles", "none: targets on their own load".to_owned())
        }
        Drive::Passive => {
            ("cycles", format!("the target's own, counted by `{}`", plan.cycles_metric))
        }
    }
}

/// The smallest leak that the check would find.
fn finds(plan: &PlanReport) -> String {
    match plan.smallest_per_cycle {
        Some(smallest) => {
            let command = match (plan.drive, plan.cycles_per_minute) {
                (Drive::Command, Some(rate)) if 0.0 < rate => format!(
                    ", at best: a command that takes longer than {} makes fewer cycles and pairs, and finds \
                     larger leaks only",
                    span(60.0 / rate)
                ),
                _ => String::new(),
            };
            let (found, allowed) = (count(smallest), count(plan.rules.max_per_cycle));
            if smallest <= plan.rules.max_per_cycle {
                return format!(
                    "growth of {found} per cycle and more, where counts at rest scatter by 1; a leak is \
                     what is above --max-per-cycle {allowed}{command}"
                );
            }
            format!(
                "leaks of {found} per cycle and more, where counts at rest scatter by 1 \
                 (--max-per-cycle {allowed}){command}"
            )
        }
        None if plan.drive.has_phases() => {
            let longer = plan.long_enough.map_or_else(String::new, |seconds| {
                let fast = match (plan.drive, plan.cycles_per_minute) {
                    (Drive::Command, Some(rate)) if 0.0 < rate => {
                        format!(" for a command that takes {} at most", span(60.0 / rate))
                    }
                    _ => String::new(),
                };
                format!("; --duration {} has enough{fast}", span(seconds))
            });
            format!("nothing: too few on/off pairs{longer}")
        }
        None => match plan.smallest_per_minute {
            Some(smallest) => format!(
                "growth of {} per minute and more, where counts scatter by 1 (--max-per-min {})",
                count(smallest),
                count(plan.rules.max_per_min)
            ),
            None => {
                "nothing: a check without phases needs at least 3m; --duration 10m is recommended"
                    .to_owned()
            }
        },
    }
}

/// The gated metrics.
fn gate(plan: &PlanReport) -> String {
    let gated = plan.metrics.iter().filter(|metric| metric.gated).count();
    let gate = match plan.rules.gate.as_slice() {
        [] => "the default ones; --gate names others".to_owned(),
        gate => format!("--gate {}", gate.join(",")),
    };
    format!("{gated} of {} metrics decide ({gate})", plan.metrics.len())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::leak::facts::{Now, Phase, Readable, Unavailable};
    use crate::leak::record::Rules;
    use crate::leak::report::tests::example_reports;
    use crate::leak::report::tests::schema_check::violation;
    use crate::probe;
    use crate::probe::metric::{MetricId, Source};

    fn driven() -> PlanReport {
        let now = |name: &str, gated, value| Now { id: MetricId::parse(name), gated, value };
        PlanReport {
            cmon: "0.1.0".to_owned(),
            daemon: Some(DaemonFacts {
                address: "unix:///run/docker.sock (the default)".to_owned(),
                version: "20.10.24".to_owned(),
            }),
            time: "2026-11-24T12:00:00Z".to_owned(),
            containers: vec!["db".to_owned(), "web".to_owned()],
            targets: vec!["pid:12".to_owned()],
            drive: Drive::Streams,
            cycles_metric: String::new(),
            duration: 180.0,
            seconds: 178.0,
            stream_timeout: 0.2,
            cycles_per_minute: Some(600.0),
            warm_up: 100.0,
            warm_up_cycles: 1000.0,
            pairs: 1,
            phases: vec![
                Phase { from: 100.0, to: 103.0, driven: true },
                Phase { from: 103.0, to: 106.0, driven: false },
            ],
            smallest_per_cycle: Some(0.0412),
            smallest_per_minute: None,
            reading_every: 1.0,
            long_enough: Some(180.0),
            seed: 7,
            rules: Rules::default(),
            probes: vec![Readable { source: Source::Own, readable: probe::Readable::Own }],
            metrics: vec![now("own.tasks", true, 3.0), now("own.rss_bytes", false, 4096.0)],
            unavailable: vec![Unavailable {
                metric: "daemon.fds".to_owned(),
                reason: example_reports::recorded("it is not reported"),
                times: 1,
            }],
        }
    }

    /// A passive check of this length.
    fn passive(seconds: f64) -> PlanReport {
        PlanReport {
            daemon: None,
            containers: Vec::new(),
            drive: Drive::Passive,
            seconds,
            cycles_per_minute: None,
            pairs: 0,
            phases: Vec::new(),
            smallest_per_cycle: None,
            smallest_per_minute: (180.0 <= seconds).then_some(3.1),
            reading_every: 2.5,
            long_enough: None,
            ..driven()
        }
    }

    #[test]
    fn the_text_has_the_facts_in_order() {
        insta::assert_snapshot!(text(&[driven()], Colors::Off));
        let command = PlanReport { drive: Drive::Command, containers: Vec::new(), ..driven() };
        insta::assert_snapshot!(text(&[command], Colors::Off).split_once("gate").unwrap().0);
        let watched = PlanReport { cycles_metric: "turns".to_owned(), ..passive(600.0) };
        insta::assert_snapshot!(text(&[watched], Colors::Off).split_once("probes").unwrap().0);
    }

    #[test]
    fn a_plan_that_finds_nothing_suggests_a_longer_duration() {
        let few = PlanReport { smallest_per_cycle: None, ..driven() };
        let fine = PlanReport { smallest_per_cycle: Some(0.015), ..driven() };
        let flat = |plan: PlanReport| text(&[plan], Colors::Off).replace("\n              ", " ");
        let finds = "finds         growth of 0.015 per cycle and more, where counts at rest scatter by 1; a leak is what is above \
                    --max-per-cycle 0.03\n";
        assert!(flat(fine).contains(finds));
        let command = PlanReport { drive: Drive::Command, ..few.clone() };
        assert!(flat(few).contains("too few on/off pairs; --duration 3m has enough\n"));
        assert!(flat(command).contains("3m has enough for a command that takes 100ms at most\n"));
        assert!(
            text(&[passive(179.0)], Colors::Off)
                .contains("finds         nothing: a check without phases")
        );
        assert!(
            text(&[passive(180.0)], Colors::Off).contains("finds         growth of 3.1 per minute")
        );
    }

    #[test]
    fn a_long_source_name_stands_apart_from_its_value() {
        let probes = ["own", "target.port17461"].map(|source| Readable {
            source: Source::parse(source),
            readable: probe::Readable::Own,
        });
        let text = text(&[PlanReport { probes: probes.into(), ..driven() }], Colors::Off);
        let rows = "  own               tasks, streams, connections";
        assert!(text.contains(rows), "{text}");
        assert!(text.contains("  target.port17461  tasks, streams"), "{text}");
    }

    #[test]
    fn every_object_follows_the_schema() {
        for plans in [&[driven()][..], &[passive(600.0)], &[driven(), passive(600.0)]] {
            let value: Value = serde_json::from_str(&json(plans)).unwrap();
            assert_eq!(violation(&value), None);
        }
    }

    #[test]
    fn json_is_one_line_for_any_number_of_runs() {
        let value: Value = serde_json::from_str(&json(&[driven()])).unwrap();
        assert_eq!((&value["type"], &value["seed"]), (&"leak_plan".into(), &7.into()));
        assert_eq!(value["rules"]["gate"], Value::Array(Vec::new()));
        let text = json(&[driven(), passive(600.0)]);
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], "leak_plan_comparison");
        assert_eq!(value["runs"][1]["cycles_per_minute"], Value::Null);
        assert_eq!(value["seconds"], 778.0, "of both");
        let text = super::text(&[driven(), passive(600.0)], Colors::Off);
        assert_eq!(text.matches("\n\ndaemon").count(), 1);
        assert!(
            text.ends_with("\n\nin all        12m58s: 2 runs, one after the other\n"),
            "{text}"
        );
        assert!(!super::text(&[driven()], Colors::Off).contains("in all"), "one has its own line");
    }

    #[test]
    fn no_name_controls_the_terminal() {
        let name = "web\u{1b}[2J\u{9b}1m".to_owned();
        let plan = PlanReport { containers: vec![name], ..driven() };
        let has_no_controls = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
        assert!(has_no_controls(&text(std::slice::from_ref(&plan), Colors::Off)));
        assert!(has_no_controls(&json(&[plan])));
    }
}
