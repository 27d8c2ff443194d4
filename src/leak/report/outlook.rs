//! What a check would do and what it could find (`--dry-run`): one set of facts, as text and as JSON.

use std::fmt::Write;

use serde::Serialize;

use super::Rung;
use super::escape::{plain, wrap};
use super::figures::{Unit, amount};
use crate::leak::judge::words::{count, span};
use crate::leak::record::{Drive, Rules, Unavailable};

/// The name and version of the JSON form.
pub const SCHEMA: &str = "cmon.leak-check.dry-run/1";
/// The same of several, one for each stream timeout that would be compared.
pub const COMPARE_SCHEMA: &str = "cmon.leak-check.dry-run.compare/1";

/// Lines are no longer than this, unless names are.
const WIDTH: usize = 80;

/// What a check would do and what it could find.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outlook {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The version of cmon.
    pub cmon: String,
    /// The daemon in words; empty without one.
    pub daemon: String,
    /// Its version as it tells it; empty without one.
    pub daemon_version: String,
    /// The containers whose streams would be opened and closed.
    pub containers: Vec<String>,
    /// The targets as they were given.
    pub targets: Vec<String>,
    /// How the load would be made.
    pub drive: Drive,
    /// The metric by which a target counts its cycles; empty without one.
    pub cycles_metric: String,
    /// The length that was asked for, in seconds.
    pub duration: f64,
    /// How long it would take, in seconds, unless it is sure before.
    pub seconds: f64,
    /// The age in seconds at which each stream would be closed; 0 where cmon drives none.
    pub stream_timeout: f64,
    /// Cycles per minute while driven, at most; nothing where cmon drives none.
    pub cycles_per_minute: Option<f64>,
    /// How long it would drive before anything counts, in seconds.
    pub warm_up: f64,
    /// Cycles in that time.
    pub warm_up_cycles: f64,
    /// Pairs of a driven and an idle rung.
    pub pairs: u64,
    /// The rungs: begin and end in seconds, driven or not.
    pub rungs: Vec<Rung>,
    /// The smallest leak per cycle that it finds four times in five, where counts at rest scatter by 1.
    pub smallest_per_cycle: Option<f64>,
    /// The smallest growth per minute that it finds where counts scatter by 1; nothing with rungs, or where it is
    /// too short.
    pub smallest_per_minute: Option<f64>,
    /// Seconds between two readings; with rungs those that decide are at rest, one at the end of each.
    pub reading_every: f64,
    /// The length in seconds, of those that one asks for, that has pairs enough to find any; nothing without rungs.
    pub long_enough: Option<f64>,
    /// The random order comes from this.
    pub seed: u64,
    /// How the verdict would be made.
    pub rules: Rules,
    /// What was found to be readable.
    pub probes: Vec<Source>,
    /// What was read just now.
    pub metrics: Vec<Now>,
    /// What cannot be had.
    pub unavailable: Vec<Unavailable>,
}

/// What can be read of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    /// How its metrics' names begin.
    pub source: String,
    /// What of it, in words.
    pub readable: String,
}

/// A metric as it is now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Now {
    /// Its name.
    pub name: String,
    /// Whether it would take part in the verdict.
    pub gated: bool,
    /// Its value.
    pub value: f64,
}

/// One or more of them as one line of JSON, its end included.
pub fn json(outlooks: &[Outlook]) -> String {
    let written = match outlooks {
        [one] => serde_json::to_string(one),
        runs => {
            let seconds = in_all(runs);
            let all =
                serde_json::json!({ "schema": COMPARE_SCHEMA, "seconds": seconds, "runs": runs });
            Ok(all.to_string())
        }
    };
    super::json::harmless(&written.unwrap_or_else(|error| {
        serde_json::json!({ "schema": SCHEMA, "error": error.to_string() }).to_string()
    }))
}

/// One or more of them for people.
pub fn text(outlooks: &[Outlook]) -> String {
    let mut text = outlooks.iter().map(one).collect::<Vec<_>>().join("\n");
    if 1 < outlooks.len() {
        let (runs, time) = (outlooks.len(), span(in_all(outlooks)));
        text.push('\n');
        line(&mut text, "in all", &format!("{time}: {runs} runs, one after the other"));
    }
    text
}

/// Seconds that all of them take.
fn in_all(outlooks: &[Outlook]) -> f64 {
    outlooks.iter().map(|outlook| outlook.seconds).sum()
}

fn line(text: &mut String, title: &str, words: &str) {
    hanging(text, &format!("{title:<11} "), words);
}

/// A title, and behind it words that may take several lines.
fn hanging(text: &mut String, title: &str, words: &str) {
    let indent = title.chars().count();
    for (at, words) in wrap(&plain(words), WIDTH.saturating_sub(indent)).iter().enumerate() {
        let title = if at == 0 { title } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{title:<indent$}{words}");
    }
}

fn one(outlook: &Outlook) -> String {
    let mut text = String::new();
    let mut line = |title: &str, words: &str| line(&mut text, title, words);
    let daemon = match outlook.daemon.as_str() {
        "" => "none that answers".to_owned(),
        daemon => format!("{} at {daemon}", outlook.daemon_version),
    };
    line("daemon", &daemon);
    let (title, words) = load(outlook);
    line(title, &words);
    for target in &outlook.targets {
        line("target", target);
    }
    let per_minute = outlook.cycles_per_minute.map(|rate| count((rate * 10.0).round() / 10.0));
    let timeout = span(outlook.stream_timeout);
    match (outlook.drive, &per_minute) {
        (Drive::Streams, Some(rate)) => {
            let words =
                format!("closed and opened again every {timeout}: {rate} cycles/min while driven");
            line("streams", &words);
        }
        (Drive::Held, Some(rate)) => {
            let words = format!(
                "held open; each closed and opened again after {timeout}: {rate} cycles/min"
            );
            line("streams", &words);
        }
        _ => {}
    }
    if outlook.drive.has_rungs() {
        let (warm_up, cycles) = (span(outlook.warm_up), count(outlook.warm_up_cycles));
        // How long a command takes is not known before it runs.
        let at_most = if outlook.drive == Drive::Command { "at most " } else { "" };
        line("warm-up", &format!("{warm_up}, {at_most}{cycles} cycles"));
        let (pairs, seed) = (outlook.pairs, outlook.seed);
        let s = if pairs == 1 { "" } else { "s" };
        let words = format!(
            "{at_most}{pairs} on/off pair{s}: a drive and an idle phase, in random order (--seed {seed})"
        );
        line("pairs", &words);
    }
    let readings = match outlook.drive.has_rungs() {
        true => {
            format!(
                "{} at rest: before the first phase and at the end of each",
                2 * outlook.pairs + 1
            )
        }
        false => format!("one every {}", span(outlook.reading_every)),
    };
    line("readings", &readings);
    line("takes", &span(outlook.seconds));
    line("finds", &finds(outlook));
    line("gate", &gate(outlook));
    text.push_str("probes\n");
    for one in &outlook.probes {
        hanging(&mut text, &format!("  {}: ", plain(&one.source)), &one.readable);
    }
    text.push_str("now\n");
    for metric in &outlook.metrics {
        let gated = if metric.gated { "decides" } else { "shown" };
        let name = plain(&metric.name);
        let _ = writeln!(
            text,
            "  {name:<28} {:>10}  {gated}",
            amount(metric.value, Unit::of(&metric.name))
        );
    }
    for one in &outlook.unavailable {
        let name = plain(&one.metric);
        hanging(&mut text, &format!("  {name:<28} "), &format!("not available: {}", one.why));
    }
    text
}

/// Who makes the load.
fn load(outlook: &Outlook) -> (&'static str, String) {
    match outlook.drive {
        Drive::Streams | Drive::Held => {
            let names = &outlook.containers;
            ("containers", format!("{}: {}", names.len(), names.join(", ")))
        }
        Drive::Command => {
            let rate = outlook
                .cycles_per_minute
                .map_or_else(String::new, |rate| format!(", {} a minute at most", count(rate)));
            ("cycles", format!("one run of the command each{rate}"))
        }
        Drive::Passive if outlook.cycles_metric.is_empty() => {
            ("cycles", "none: targets on their own load".to_owned())
        }
        Drive::Passive => {
            ("cycles", format!("the target's own, counted by `{}`", outlook.cycles_metric))
        }
    }
}

/// How small a leak it could find.
fn finds(outlook: &Outlook) -> String {
    match outlook.smallest_per_cycle {
        Some(least) => {
            let command = match (outlook.drive, outlook.cycles_per_minute) {
                (Drive::Command, Some(rate)) if 0.0 < rate => format!(
                    ", at best: a command that takes longer than {} makes fewer cycles and pairs, and finds \
                     larger leaks only",
                    span(60.0 / rate)
                ),
                _ => String::new(),
            };
            let (found, allowed) = (count(least), count(outlook.rules.max_per_cycle));
            if least <= outlook.rules.max_per_cycle {
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
        None if outlook.drive.has_rungs() => {
            let longer = outlook.long_enough.map_or_else(String::new, |seconds| {
                let fast = match (outlook.drive, outlook.cycles_per_minute) {
                    (Drive::Command, Some(rate)) if 0.0 < rate => {
                        format!(" for a command that takes {} at most", span(60.0 / rate))
                    }
                    _ => String::new(),
                };
                format!("; --duration {} has enough{fast}", span(seconds))
            });
            format!("nothing for certain: too few on/off pairs{longer}")
        }
        None => match outlook.smallest_per_minute {
            Some(least) => format!(
                "growth of {} per minute and more, where counts scatter by 1 (--max-per-min {})",
                count(least),
                count(outlook.rules.max_per_min)
            ),
            None => "nothing for certain: a check that only watches takes 3m at least, and --duration 10m is a good length"
                .to_owned(),
        },
    }
}

/// Which metrics make the verdict.
fn gate(outlook: &Outlook) -> String {
    let gated = outlook.metrics.iter().filter(|metric| metric.gated).count();
    let gate = match outlook.rules.gate.as_slice() {
        [] => "the usual ones; --gate names others".to_owned(),
        gate => format!("--gate {}", gate.join(",")),
    };
    format!("{gated} of {} metrics decide ({gate})", outlook.metrics.len())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/leak-check-json.md");

    fn driven() -> Outlook {
        let now = |name: &str, gated, value| Now { name: name.to_owned(), gated, value };
        Outlook {
            schema: SCHEMA,
            cmon: "0.1.0".to_owned(),
            daemon: "unix:///run/docker.sock (the default)".to_owned(),
            daemon_version: "20.10.24".to_owned(),
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
            rungs: vec![
                Rung { from: 100.0, to: 103.0, driven: true },
                Rung { from: 103.0, to: 106.0, driven: false },
            ],
            smallest_per_cycle: Some(0.0412),
            smallest_per_minute: None,
            reading_every: 1.0,
            long_enough: Some(180.0),
            seed: 7,
            rules: Rules::default(),
            probes: vec![Source { source: "own".to_owned(), readable: "tasks".to_owned() }],
            metrics: vec![now("own.tasks", true, 3.0), now("own.rss_bytes", false, 4096.0)],
            unavailable: vec![Unavailable {
                metric: "daemon.fds".to_owned(),
                why: "it is not told".to_owned(),
            }],
        }
    }

    /// Targets on their own load, watched for so long.
    fn passive(seconds: f64) -> Outlook {
        Outlook {
            daemon: String::new(),
            containers: Vec::new(),
            drive: Drive::Passive,
            seconds,
            cycles_per_minute: None,
            pairs: 0,
            rungs: Vec::new(),
            smallest_per_cycle: None,
            smallest_per_minute: (180.0 <= seconds).then_some(3.1),
            reading_every: 2.5,
            long_enough: None,
            ..driven()
        }
    }

    #[test]
    fn the_text_has_the_facts_in_order() {
        insta::assert_snapshot!(text(&[driven()]));
        let command = Outlook { drive: Drive::Command, containers: Vec::new(), ..driven() };
        insta::assert_snapshot!(text(&[command]).split_once("gate").unwrap().0);
        let watched = Outlook { cycles_metric: "turns".to_owned(), ..passive(600.0) };
        insta::assert_snapshot!(text(&[watched]).split_once("probes").unwrap().0);
    }

    #[test]
    fn what_can_find_nothing_says_how_to_find_something() {
        let few = Outlook { smallest_per_cycle: None, ..driven() };
        let fine = Outlook { smallest_per_cycle: Some(0.015), ..driven() };
        let flat = |outlook: Outlook| text(&[outlook]).replace("\n            ", " ");
        let told = "finds       growth of 0.015 per cycle and more, where counts at rest scatter by 1; a leak is what is above \
                    --max-per-cycle 0.030\n";
        assert!(flat(fine).contains(told));
        let command = Outlook { drive: Drive::Command, ..few.clone() };
        assert!(flat(few).contains("too few on/off pairs; --duration 3m has enough\n"));
        assert!(flat(command).contains("3m has enough for a command that takes 0.1 s at most\n"));
        assert!(
            text(&[passive(179.0)]).contains("finds       nothing for certain: a check that only")
        );
        assert!(text(&[passive(180.0)]).contains("finds       growth of 3.10 per minute"));
    }

    #[test]
    fn every_field_is_documented_in_its_section() {
        let start = DOCUMENT.split_once("## `--dry-run`").unwrap().1;
        let section = start.split("\n## ").next().unwrap();
        let is_told = |text: &str, name: &String| text.contains(&format!("| `{name}` |"));
        let value: Value = serde_json::from_str(&json(&[driven()])).unwrap();
        for (name, value) in value.as_object().unwrap() {
            assert!(is_told(section, name), "`{name}` is not in the section on --dry-run");
            let own = ["probes", "metrics"].contains(&name.as_str());
            let inner = value.get(0).unwrap_or(value).as_object();
            for name in inner.into_iter().flat_map(|fields| fields.keys()) {
                let text = if own { section } else { DOCUMENT };
                assert!(is_told(text, name), "`{name}` is not in the document");
            }
        }
        assert!(section.contains(SCHEMA) && section.contains(COMPARE_SCHEMA));
    }

    #[test]
    fn json_is_one_document_however_many_runs_there_are() {
        let value: Value = serde_json::from_str(&json(&[driven()])).unwrap();
        assert_eq!((&value["schema"], &value["seed"]), (&SCHEMA.into(), &7.into()));
        assert_eq!(value["rules"]["gate"], Value::Array(Vec::new()));
        let text = json(&[driven(), passive(600.0)]);
        assert_eq!(text.lines().count(), 1);
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["schema"], COMPARE_SCHEMA);
        assert_eq!(value["runs"][1]["cycles_per_minute"], Value::Null);
        assert_eq!(value["seconds"], 778.0, "of both");
        let text = super::text(&[driven(), passive(600.0)]);
        assert_eq!(text.matches("\n\ndaemon").count(), 1);
        assert!(text.ends_with("\n\nin all      12m58s: 2 runs, one after the other\n"), "{text}");
        assert!(!super::text(&[driven()]).contains("in all"), "one has its own line");
    }

    #[test]
    fn no_name_can_drive_the_terminal() {
        let name = "web\u{1b}[2J\u{9b}1m".to_owned();
        let outlook = Outlook { containers: vec![name], ..driven() };
        let is_calm = |text: &str| !text.chars().any(|c| c.is_control() && c != '\n');
        assert!(is_calm(&text(std::slice::from_ref(&outlook))));
        assert!(is_calm(&json(&[outlook])));
    }
}
