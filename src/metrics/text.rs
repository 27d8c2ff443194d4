//! A snapshot in Prometheus' text format, version 0.0.4.
//!
//! Names and units, as they are served (see also `# HELP` in the output):
//!
//! | name | type | what |
//! |---|---|---|
//! | `cmon_live_tasks{kind}` | gauge | tasks alive now: `reader`, `drain`, `events`, `request`, `connection` |
//! | `cmon_readers`, `cmon_streams_open` | gauge | always equal, or something leaks |
//! | `cmon_streams{state}` | gauge | containers by what their stream is doing |
//! | `cmon_containers` | gauge | containers followed |
//! | `cmon_stream_cycles_total{container}` | counter | streams closed |
//! | `cmon_stream_cycles_expected_per_minute` | gauge | per minute, by rotation alone |
//! | `cmon_stream_reopens_total{reason}` | counter | streams opened again, by how the one before ended |
//! | `cmon_gaps_total{cause}` | counter | times that lines were lost |
//! | `cmon_lag_seconds{container}` | gauge | how far lines are behind |
//! | `cmon_lines_total{container}`, `cmon_line_bytes_total{container}` | counter | delivered |
//! | `cmon_connections{purpose}` | gauge | open connections to the daemon |
//! | `cmon_requests_total`, `cmon_stale_probes_total` | counter | questions asked of the daemon |
//! | `cmon_reader_panics_total` | counter | readers that panicked |
//! | `cmon_daemon_up` | gauge | 1 while the daemon answers |
//! | `cmon_daemon_goroutines`, `cmon_daemon_open_fds` | gauge | as the daemon tells; absent while it does not |
//! | `cmon_uptime_seconds` | gauge | since cmon began |
//! | `process_cpu_seconds_total`, `process_resident_memory_bytes`, `process_open_fds`, `process_threads` | | what cmon itself costs |

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::engine::census::{Purpose, TaskKind};
use crate::engine::rows::Row;
use crate::snapshot::Snapshot;

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

/// The text of a scrape.
pub fn text(snapshot: &Snapshot) -> String {
    let mut page = Page::default();
    engine(snapshot, &mut page);
    containers(snapshot, &mut page);
    daemon(snapshot, &mut page);
    own(snapshot, &mut page);
    page.0
}

fn engine(snapshot: &Snapshot, page: &mut Page) {
    let census = &snapshot.census;
    let kinds = TASKS.map(|kind| (kind.as_str(), census.tasks.get(&kind).copied().unwrap_or(0)));
    page.family("cmon_live_tasks", "gauge", "Tasks alive now, by kind.", "kind", kinds);
    page.single("cmon_readers", "gauge", "Readers; equal to cmon_streams_open.", census.readers);
    let open = census.streams_open;
    page.single("cmon_streams_open", "gauge", "Log streams open now.", open);
    let in_state =
        |state: &str| snapshot.rows.iter().filter(|row| row.stream.word() == state).count();
    let states = STATES.map(|state| (state, in_state(state)));
    let help = "Containers by what their stream is doing.";
    page.family("cmon_streams", "gauge", help, "state", states);
    page.single("cmon_containers", "gauge", "Containers followed.", census.containers);
    let help = "Streams closed per minute that rotation alone gives.";
    let expected = census.cycles_expected;
    page.single("cmon_stream_cycles_expected_per_minute", "gauge", help, expected);
    let help = "Streams opened again, by how the one before ended.";
    let reopens = from_zero(&REASONS, &census.reopens);
    page.family("cmon_stream_reopens_total", "counter", help, "reason", reopens);
    let gaps = from_zero(&CAUSES, &census.gaps_by_cause);
    page.family("cmon_gaps_total", "counter", "Times that lines were lost.", "cause", gaps);
    let open = |purpose: Purpose| census.connections.get(&purpose).map_or(0, |count| count.open);
    let connections = PURPOSES.map(|purpose| (purpose.as_str(), open(purpose)));
    let help = "Connections to the daemon open now.";
    page.family("cmon_connections", "gauge", help, "purpose", connections);
    let help = "Short questions asked of the daemon.";
    page.single("cmon_requests_total", "counter", help, census.requests);
    let help = "Questions about quiet streams.";
    page.single("cmon_stale_probes_total", "counter", help, census.probes);
    page.single("cmon_reader_panics_total", "counter", "Readers that panicked.", census.panics);
    let up = census.elapsed.as_secs_f64();
    page.single("cmon_uptime_seconds", "gauge", "Seconds since the start.", up);
}

fn containers(snapshot: &Snapshot, page: &mut Page) {
    // Two rows may share a name for a moment; Prometheus takes a series once.
    let by_name = |figure: fn(&Row) -> f64, join: fn(f64, f64) -> f64| {
        let mut figures: BTreeMap<&str, f64> = BTreeMap::new();
        for row in &snapshot.rows {
            let known = figures.entry(&row.name).or_default();
            *known = join(*known, figure(row));
        }
        figures
    };
    let sum = |one: f64, other: f64| one + other;
    let mut family = |name, kind, help, figures| {
        page.family(name, kind, help, "container", figures);
    };
    let cycles = by_name(|row| row.cycles as f64, sum);
    family("cmon_stream_cycles_total", "counter", "Streams closed.", cycles);
    let lines = by_name(|row| row.lines as f64, sum);
    family("cmon_lines_total", "counter", "Lines delivered.", lines);
    let bytes = by_name(|row| row.bytes as f64, sum);
    family("cmon_line_bytes_total", "counter", "Bytes of lines delivered.", bytes);
    let lags = by_name(|row| row.lag.as_secs_f64(), f64::max);
    let help = "How far what was delivered is behind what the daemon has stored.";
    family("cmon_lag_seconds", "gauge", help, lags);
}

fn daemon(snapshot: &Snapshot, page: &mut Page) {
    let up = u8::from(snapshot.census.away.is_none());
    page.single("cmon_daemon_up", "gauge", "1 while the daemon answers.", up);
    if let Some(goroutines) = snapshot.daemon.goroutines {
        let help = "Goroutines of the daemon.";
        page.single("cmon_daemon_goroutines", "gauge", help, goroutines);
    }
    if let Some(descriptors) = snapshot.daemon.descriptors {
        let help = "Open descriptors of the daemon.";
        page.single("cmon_daemon_open_fds", "gauge", help, descriptors);
    }
}

fn own(snapshot: &Snapshot, page: &mut Page) {
    let Some(own) = snapshot.own else {
        return;
    };
    let help = "Processor time of cmon in seconds.";
    page.single("process_cpu_seconds_total", "counter", help, own.cpu_seconds);
    let help = "Resident memory of cmon in bytes.";
    page.single("process_resident_memory_bytes", "gauge", help, own.memory);
    let help = "Open descriptors of cmon.";
    page.single("process_open_fds", "gauge", help, own.descriptors);
    page.single("process_threads", "gauge", "Threads of cmon.", own.threads);
}

/// Counts, those that are known beforehand from 0 on.
fn from_zero<'a>(
    known: &[&'a str],
    counts: &BTreeMap<&'static str, u64>,
) -> BTreeMap<&'a str, u64> {
    let mut all: BTreeMap<&str, u64> = known.iter().map(|word| (*word, 0)).collect();
    all.extend(counts.iter().map(|(word, count)| (*word, *count)));
    all
}

/// What is served. Writing to a String cannot fail.
#[derive(Debug, Default)]
struct Page(String);

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    fn family<'a, V: std::fmt::Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        label: &str,
        values: impl IntoIterator<Item = (&'a str, V)>,
    ) {
        self.head(name, kind, help);
        for (of, value) in values {
            let of = escaped(of);
            let _ = writeln!(self.0, "{name}{{{label}=\"{of}\"}} {value}");
        }
    }
}

/// A label's value between its quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn a_scrape_tells_all_that_the_screen_does() {
        let mut rows = sample::rows();
        rows.retain(|row| ["flaky", "late"].contains(&&*row.name));
        insta::assert_snapshot!("scrape", text(&sample::of(rows)));
    }

    #[test]
    fn a_name_cannot_break_out_of_its_label() {
        assert_eq!(escaped("a\"b\\c\nd"), "a\\\"b\\\\c\\nd");
    }

    #[test]
    fn a_series_comes_once_whatever_names_there_are() {
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
            assert!(page.contains(&line), "counts are added, the longest lag is told: {page}");
        }
        let mut series: Vec<&str> = page.lines().filter(|line| !line.starts_with('#')).collect();
        let all = series.len();
        series.iter_mut().for_each(|line| *line = line.rsplit_once(' ').unwrap().0);
        series.sort_unstable();
        series.dedup();
        assert_eq!(series.len(), all);
    }

    /// The figures of a family's series.
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
    fn of_a_daemon_that_is_away_nothing_is_made_up() {
        let mut snapshot = sample::away();
        snapshot.own = None;
        let page = text(&snapshot);
        assert!(page.contains("\ncmon_daemon_up 0\n"), "{page}");
        assert!(!page.contains("cmon_daemon_goroutines") && !page.contains("cmon_daemon_open_fds"));
        assert!(!page.contains("process_"), "{page}");
    }

    #[test]
    fn what_the_alert_rules_ask_for_is_served() {
        let rules = include_str!("../../contrib/prometheus/cmon.rules.yml");
        let page = text(&sample::snapshot());
        let rules: Vec<&str> = rules.lines().filter(|line| !line.trim().starts_with('#')).collect();
        let rules = rules.join("\n");
        let words =
            rules.split(|one: char| !one.is_ascii_alphanumeric() && one != '_' && one != ':');
        let asked: std::collections::BTreeSet<&str> = words
            .filter(|word| word.starts_with("cmon_") || word.starts_with("process_"))
            .collect();
        assert!(10 < asked.len(), "{asked:?}");
        for name in asked {
            assert!(page.contains(&format!("\n# TYPE {name} ")), "no {name}");
        }
    }
}
