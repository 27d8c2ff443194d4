//! A snapshot in Prometheus' text format, version 0.0.4.
//!
//! If one run follows several daemons, each series except those of cmon's own process has the label `host`.
//!
//! Names and units, as they are served (see also `# HELP` in the output):
//!
//! | name | type | what |
//! |---|---|---|
//! | `cmon_live_tasks{kind}` | gauge | tasks alive now: `reader`, `drain`, `events`, `request`, `connection` |
//! | `cmon_readers`, `cmon_streams_open` | gauge | always equal, or something leaks |
//! | `cmon_streams{state}` | gauge | containers by the state of their stream |
//! | `cmon_containers` | gauge | containers followed |
//! | `cmon_stream_cycles_total{container}` | counter | streams closed |
//! | `cmon_stream_cycles_expected_per_minute` | gauge | per minute, by rotation alone |
//! | `cmon_stream_reopens_total{reason}` | counter | reopened streams, by the end reason of the one before |
//! | `cmon_gaps_total{cause}` | counter | times that lines were lost |
//! | `cmon_lag_seconds{container}` | gauge | lag of the last line |
//! | `cmon_lines_total{container}`, `cmon_line_bytes_total{container}` | counter | delivered |
//! | `cmon_connections{purpose}` | gauge | open connections to the daemon |
//! | `cmon_requests_total`, `cmon_stale_probes_total` | counter | short requests to the daemon |
//! | `cmon_reader_panics_total` | counter | readers that panicked |
//! | `cmon_daemon_up` | gauge | 1 while the daemon answers |
//! | `cmon_daemon_goroutines`, `cmon_daemon_open_fds` | gauge | as the daemon reports; absent while it does not |
//! | `cmon_uptime_seconds` | gauge | since the start of cmon |
//! | `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, `process_threads` | | cmon itself |

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use crate::engine::census::{Census, Purpose, TaskKind};
use crate::engine::rows::Row;
use crate::snapshot::{DaemonSnapshot, Snapshot};

const TASKS: [TaskKind; 5] =
    [TaskKind::Reader, TaskKind::Drain, TaskKind::Events, TaskKind::Request, TaskKind::Connection];
const PURPOSES: [Purpose; 4] = [Purpose::Stream, Purpose::Read, Purpose::Events, Purpose::Request];
const STATES: [&str; 9] = [
    "opening",
    "streaming",
    "rotating",
    "catching_up",
    "stale",
    "backing_off",
    "draining",
    "waiting",
    "ended",
];
/// Shown as 0 from the start, so that the first one is seen as a rise.
const REASONS: [&str; 6] = ["rotated", "stale", "ended", "cut", "refused", "unreachable"];
const CAUSES: [&str; 3] = ["log_rotated", "removed", "unreadable"];

/// The figures of one daemon.
struct Part<'a> {
    /// Its name, if there are several.
    host: Option<&'a str>,
    census: &'a Census,
    rows: Vec<&'a Row>,
    daemon: Option<&'a DaemonSnapshot>,
}

fn parts(snapshot: &Snapshot) -> Vec<Part<'_>> {
    match snapshot.daemons.as_slice() {
        one @ ([] | [_]) => vec![Part {
            host: None,
            census: &snapshot.census,
            rows: snapshot.rows.iter().collect(),
            daemon: one.first(),
        }],
        several => several
            .iter()
            .map(|daemon| Part {
                host: daemon.host.as_deref(),
                census: &daemon.census,
                rows: snapshot.rows_of(daemon).collect(),
                daemon: Some(daemon),
            })
            .collect(),
    }
}

/// The text of a scrape.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let mut page = Page { text: String::new(), parts: parts(snapshot) };
    engine(&mut page);
    containers(&mut page);
    daemon(&mut page);
    own(snapshot, &mut page);
    page.text
}

fn engine(page: &mut Page<'_>) {
    let kinds = |part: &Part<'_>| {
        let tasks = &part.census.tasks;
        TASKS.map(|kind| (kind.as_str(), tasks.get(&kind).copied().unwrap_or(0))).to_vec()
    };
    page.family("cmon_live_tasks", "gauge", "Tasks alive now, by kind.", "kind", kinds);
    let help = "Readers; equal to cmon_streams_open.";
    page.single("cmon_readers", "gauge", help, |part| part.census.readers);
    let help = "Log streams open now.";
    page.single("cmon_streams_open", "gauge", help, |part| part.census.streams_open);
    let states = |part: &Part<'_>| {
        let in_state =
            |state: &str| part.rows.iter().filter(|row| row.stream.word() == state).count();
        STATES.map(|state| (state, in_state(state))).to_vec()
    };
    let help = "Containers by what their stream is doing.";
    page.family("cmon_streams", "gauge", help, "state", states);
    page.single("cmon_containers", "gauge", "Containers followed.", |part| part.census.containers);
    let help = "Streams closed per minute that rotation alone gives.";
    page.single("cmon_stream_cycles_expected_per_minute", "gauge", help, |part| {
        part.census.cycles_expected
    });
    let help = "Streams opened again, by how the one before ended.";
    page.family("cmon_stream_reopens_total", "counter", help, "reason", |part| {
        from_zero(&REASONS, &part.census.reopens)
    });
    page.family("cmon_gaps_total", "counter", "Times that lines were lost.", "cause", |part| {
        from_zero(&CAUSES, &part.census.gaps_by_cause)
    });
    let help = "Connections to the daemon open now.";
    page.family("cmon_connections", "gauge", help, "purpose", |part| {
        let connections = &part.census.connections;
        let open = |purpose: Purpose| connections.get(&purpose).map_or(0, |count| count.open);
        PURPOSES.map(|purpose| (purpose.as_str(), open(purpose))).to_vec()
    });
    let help = "Short questions asked of the daemon.";
    page.single("cmon_requests_total", "counter", help, |part| part.census.requests);
    let help = "Questions about quiet streams.";
    page.single("cmon_stale_probes_total", "counter", help, |part| part.census.probes);
    let help = "Readers that panicked.";
    page.single("cmon_reader_panics_total", "counter", help, |part| part.census.panics);
    let help = "Seconds since the start.";
    page.single("cmon_uptime_seconds", "gauge", help, |part| part.census.elapsed.as_secs_f64());
}

fn containers(page: &mut Page<'_>) {
    // Two rows may share a name for a moment; Prometheus takes a series once.
    fn by_name<'a>(
        part: &Part<'a>,
        figure: fn(&Row) -> f64,
        join: fn(f64, f64) -> f64,
    ) -> Vec<(&'a str, f64)> {
        let mut figures: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &part.rows {
            let known = figures.entry(&row.name).or_default();
            *known = join(*known, figure(row));
        }
        figures.into_iter().collect()
    }
    let sum = |one: f64, other: f64| one + other;
    page.family("cmon_stream_cycles_total", "counter", "Streams closed.", "container", |part| {
        by_name(part, |row| row.cycles as f64, sum)
    });
    page.family("cmon_lines_total", "counter", "Lines delivered.", "container", |part| {
        by_name(part, |row| row.lines as f64, sum)
    });
    let help = "Bytes of lines delivered.";
    page.family("cmon_line_bytes_total", "counter", help, "container", |part| {
        by_name(part, |row| row.bytes as f64, sum)
    });
    let help = "How far what was delivered is behind what the daemon has stored.";
    page.family("cmon_lag_seconds", "gauge", help, "container", |part| {
        by_name(part, |row| row.lag.as_secs_f64(), f64::max)
    });
}

fn daemon(page: &mut Page<'_>) {
    let up = |part: &Part<'_>| u8::from(part.census.away.is_empty());
    page.single("cmon_daemon_up", "gauge", "1 while the daemon answers.", up);
    let help = "Goroutines of the daemon.";
    page.known("cmon_daemon_goroutines", "gauge", help, |part| part.daemon?.goroutines);
    let help = "Open descriptors of the daemon.";
    page.known("cmon_daemon_open_fds", "gauge", help, |part| part.daemon?.descriptors);
}

fn own(snapshot: &Snapshot, page: &mut Page<'_>) {
    let Some(own) = snapshot.own else {
        return;
    };
    let help = "Processor time of cmon in seconds.";
    page.of_cmon("process_cpu_seconds_total", "counter", help, own.cpu_seconds);
    let help = "Resident memory of cmon in bytes.";
    page.of_cmon("process_resident_memory_bytes", "gauge", help, own.memory);
    let help = "Open descriptors of cmon.";
    page.of_cmon("process_open_fds", "gauge", help, own.descriptors);
    page.of_cmon("process_threads", "gauge", "Threads of cmon.", own.threads);
}

/// Counts; known labels start at 0.
fn from_zero<'a>(known: &[&'a str], counts: &BTreeMap<&'static str, u64>) -> Vec<(&'a str, u64)> {
    let mut all: BTreeMap<&str, u64> = known.iter().map(|word| (*word, 0)).collect();
    all.extend(counts.iter().map(|(word, count)| (*word, *count)));
    all.into_iter().collect()
}

/// The text under construction. Writing to a String cannot fail.
struct Page<'a> {
    text: String,
    parts: Vec<Part<'a>>,
}

impl<'a> Page<'a> {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// One series of cmon as a whole.
    fn of_cmon(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.text, "{name} {value}");
    }

    /// One series per daemon.
    fn single<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        figure: impl Fn(&Part<'a>) -> V,
    ) {
        self.known(name, kind, help, |part| Some(figure(part)));
    }

    /// One series per daemon with a known value.
    fn known<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        figure: impl Fn(&Part<'a>) -> Option<V>,
    ) {
        let figures = self.parts.iter().filter_map(|part| Some((part.host, figure(part)?)));
        let figures: Vec<(Option<&str>, V)> = figures.collect();
        if !figures.is_empty() {
            self.head(name, kind, help);
        }
        for (host, value) in figures {
            let labels = labels(host, None);
            let _ = writeln!(self.text, "{name}{labels} {value}");
        }
    }

    /// Series with an additional label, per daemon.
    fn family<V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl Fn(&Part<'a>) -> Vec<(&'a str, V)>,
    ) {
        self.head(name, kind, help);
        for part in &self.parts {
            for (of, value) in values(part) {
                let labels = labels(part.host, Some((label, of)));
                let _ = writeln!(self.text, "{name}{labels} {value}");
            }
        }
    }
}

/// `{host="build",container="web"}`, without the labels that are absent.
fn labels(host: Option<&str>, own: Option<(&str, &str)>) -> String {
    let host = host.map(|host| ("host", host));
    let labels: Vec<String> = [host, own]
        .into_iter()
        .flatten()
        .map(|(label, value)| format!("{label}=\"{}\"", escaped(value)))
        .collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

/// A label's value, escaped for quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::sample;

    #[test]
    fn a_scrape_has_all_figures_of_the_screen() {
        let mut rows = sample::rows();
        rows.retain(|row| ["flaky", "late"].contains(&&*row.name));
        insta::assert_snapshot!("scrape", text(&sample::of(rows)));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_label() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn no_series_is_repeated_for_any_names() {
        let mut snapshot = sample::snapshot();
        let lag = std::time::Duration::from_secs(9);
        let twins =
            [0, 1].map(|_| Row { key: sample::key("twin"), lag, ..sample::row("web", 1.0) });
        snapshot.rows.extend(twins);
        let page = text(&snapshot);
        for (series, value) in [
            ("cmon_stream_cycles_total", "42"),
            ("cmon_lines_total", "246912"),
            ("cmon_line_bytes_total", "15308642"),
            ("cmon_lag_seconds", "9"),
        ] {
            let line = format!("\n{series}{{container=\"web\"}} {value}\n");
            assert!(page.contains(&line), "counts are added, the longest lag is shown: {page}");
        }
        let mut series: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        let all = series.len();
        series.iter_mut().for_each(|line| *line = line.rsplit_once(' ').unwrap().0);
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), all);
    }

    /// The series of a family.
    fn figures(page: &str, family: &str) -> Vec<usize> {
        let of = |line: &&str| line.strip_prefix(family).is_some_and(|rest| rest.starts_with('{'));
        page.lines()
            .filter(of)
            .map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap())
            .collect()
    }

    #[test]
    fn each_container_is_in_one_state() {
        let snapshot = sample::snapshot();
        let states = figures(&text(&snapshot), "cmon_streams");
        assert!(states.iter().all(|count| 0 < *count), "there is one of each: {states:?}");
        assert_eq!(states.iter().sum::<usize>(), snapshot.rows.len());
    }

    #[test]
    fn an_absent_daemon_has_no_invented_values() {
        let mut snapshot = sample::away();
        snapshot.own = None;
        let page = text(&snapshot);
        assert!(page.contains("\ncmon_daemon_up 0\n"), "{page}");
        assert!(!page.contains("cmon_daemon_goroutines") && !page.contains("cmon_daemon_open_fds"));
        assert!(!page.contains("process_"), "{page}");
    }

    #[test]
    fn series_of_several_daemons_have_a_host_label() {
        let page = text(&sample::two_daemons());
        for series in [
            "cmon_daemon_up{host=\"build\"} 1",
            "cmon_daemon_up{host=\"prod\"} 0",
            "cmon_lines_total{host=\"build\",container=\"web\"} 123456",
            "cmon_lines_total{host=\"prod\",container=\"web\"} 123456",
            "cmon_containers{host=\"prod\"} 2",
            "cmon_streams{host=\"prod\",state=\"backing_off\"} 2",
            "cmon_daemon_goroutines{host=\"build\"} 71",
        ] {
            assert!(page.contains(&format!("\n{series}\n")), "{series}: {page}");
        }
        assert!(!page.contains("cmon_daemon_goroutines{host=\"prod\"}"), "{page}");
        let series = page.lines().filter(|line| line.starts_with("cmon_"));
        assert!(series.into_iter().all(|line| line.contains("{host=\"")), "{page}");
    }

    #[test]
    fn every_metric_of_the_alert_rules_is_served() {
        let rules = include_str!("../../contrib/prometheus/cmon.rules.yml");
        let page = text(&sample::snapshot());
        let rules: Vec<&str> = rules.lines().filter(|line| !line.trim().starts_with('#')).collect();
        let rules = rules.join("\n");
        let names =
            rules.split(|one: char| !one.is_ascii_alphanumeric() && one != '_' && one != ':');
        let used: std::collections::BTreeSet<&str> = names
            .filter(|word| word.starts_with("cmon_") || word.starts_with("process_"))
            .collect();
        assert!(10 < used.len(), "{used:?}");
        for name in used {
            assert!(page.contains(&format!("\n# TYPE {name} ")), "no {name}");
        }
    }
}
