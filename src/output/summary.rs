//! The summary at the end, as text.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::format::Colors;
use crate::format::color::{DIM, RED, RESET};
use crate::format::sanitize::clean;
use crate::format::units::counted;
pub(crate) use crate::format::units::grouped;
use crate::sort::sort_by_key;

/// The summary as text of several lines: the total, and a line for each of several daemons.
pub(super) fn summary(outcome: &Outcome, colors: Colors) -> String {
    let census = &outcome.census;
    let mut text = String::new();
    let seconds = census.elapsed.as_secs_f64();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{}, {} in {seconds:.1} s; {}{}",
        counted(census.lines, "line"),
        bytes(census.bytes),
        counted(census.containers, "container"),
        match census.gone {
            0 => String::new(),
            1 => ", and 1 that is gone".to_owned(),
            gone => format!(", and {} that are gone", grouped(gone)),
        },
    );
    let over_all = census.streams_closed as f64 * 60.0 / seconds.max(1.0);
    let _ = writeln!(
        text,
        "{}, {over_all:.1}/min; streams opened again: {}",
        counted(census.streams_closed, "cycle"),
        by_word(&census.reopens),
    );
    let _ = writeln!(
        text,
        "gaps: {}; {} recovered; {} doubled and {} skipped; {}; longest lag \
         {:.1} s",
        by_word(&census.gaps_by_cause),
        census.recovered,
        grouped(census.doubles),
        counted(census.replayed, "replayed message"),
        counted(census.probes, "probe"),
        census.max_lag.as_secs_f64(),
    );
    if 1 < census.cycles.len() {
        let rate = |cycles: u64| cycles as f64 * 60.0 / seconds.max(1.0);
        let each = census.cycles.iter();
        let mut per_container: Vec<String> =
            each.map(|(name, cycles)| format!("{name} {:.1}", rate(*cycles))).collect();
        if 0 < census.cycles_of_gone {
            per_container.push(format!("those that are gone {:.1}", rate(census.cycles_of_gone)));
        }
        let _ = writeln!(text, "cycles/min: {}", clean(&per_container.join(", ")));
    }
    let _ = writeln!(
        text,
        "streams opened {} = closed {} + open {}; tasks left: {}, connections left: {}",
        census.streams_opened,
        census.streams_closed,
        census.streams_open,
        census.live_tasks(),
        census.open_connections(),
    );
    for (daemon, census) in &outcome.by_daemon {
        let host = daemon.host().map_or_else(String::new, |host| clean(host));
        let _ = writeln!(text, "{host}: {}", of_daemon(census));
    }
    if 0 < census.forced_closes() {
        let _ =
            writeln!(text, "closed by force: {}", counted(census.forced_closes(), "connection"));
    }
    if colors == Colors::On {
        text = format!("{DIM}{}{RESET}\n", text.trim_end());
    }
    if !census.stragglers.is_empty() {
        let names = clean(&census.stragglers.join(", "));
        let line = format!("! closed by force after the stop deadline: {names}");
        let _ = writeln!(text, "{}", colors.paint(RED, &line));
    }
    text
}

/// One of several daemons in a line.
fn of_daemon(census: &Census) -> String {
    format!(
        "{}; containers: {}; gaps: {}; streams opened {} = closed {} + open {}; tasks left: {}, \
         connections left: {}",
        counted(census.lines, "line"),
        census.containers,
        by_word(&census.gaps_by_cause),
        census.streams_opened,
        census.streams_closed,
        census.streams_open,
        census.live_tasks(),
        census.open_connections(),
    )
}

/// `12 (10 rotated, 2 cut)`, with the names from the JSON.
fn by_word(counts: &BTreeMap<&'static str, u64>) -> String {
    let all: u64 = counts.values().sum();
    let mut sorted: Vec<_> = counts.iter().collect();
    sort_by_key(&mut sorted, |(_, count)| std::cmp::Reverse(**count));
    let parts: Vec<String> =
        sorted.iter().map(|(word, count)| format!("{count} {}", word.replace('_', " "))).collect();
    match parts.is_empty() {
        true => "0".to_owned(),
        false => format!("{} ({})", grouped(all), parts.join(", ")),
    }
}

/// `1.5 MiB`.
fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut value = number as f64;
    while 1024.0 <= value && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{number} B"),
        _ => format!("{value:.1} {}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::engine::source::DaemonId;

    #[test]
    fn the_summary_has_counts_and_leftovers() {
        let census = Census {
            elapsed: Duration::from_secs(30),
            streams_opened: 240,
            streams_closed: 240,
            reopens: BTreeMap::from([("cut", 1), ("held_back", 2), ("rotated", 229)]),
            gaps_by_cause: BTreeMap::from([("log_rotated", 2)]),
            replayed: 14_848,
            max_lag: Duration::from_millis(250),
            cycles: BTreeMap::from([("db".to_owned(), 15), ("web".to_owned(), 16)]),
            containers: 8,
            gone: 1200,
            cycles_of_gone: 600,
            lines: 12_345,
            bytes: 2_000_000,
            stragglers: vec!["web".to_owned()],
            ..Census::default()
        };
        let outcome = Outcome { census, ..Outcome::default() };
        insta::assert_snapshot!(summary(&outcome, Colors::Off), @"
        12,345 lines, 1.9 MiB in 30.0 s; 8 containers, and 1,200 that are gone
        240 cycles, 480.0/min; streams opened again: 232 (229 rotated, 2 held back, 1 cut)
        gaps: 2 (2 log rotated); 0 recovered; 0 doubled and 14,848 replayed messages skipped; 0 probes; longest lag 0.2 s
        cycles/min: db 30.0, web 32.0, those that are gone 1200.0
        streams opened 240 = closed 240 + open 0; tasks left: 0, connections left: 0
        ! closed by force after the stop deadline: web
        ");
    }

    #[test]
    fn of_several_daemons_each_has_a_line() {
        let of = |lines| Census {
            lines,
            containers: 2,
            streams_opened: 3,
            streams_closed: 3,
            ..Census::default()
        };
        let (mut census, build, prod) = (Census::default(), of(12), of(3000));
        [&build, &prod].into_iter().for_each(|of| census.add(of));
        let named = |host| DaemonId::named("tcp://x", host);
        let by_daemon = vec![(named("build"), build), (named("prod"), prod)];
        let text = summary(&Outcome { census, by_daemon, ..Outcome::default() }, Colors::Off);
        let lines: Vec<&str> = text.lines().collect();
        insta::assert_snapshot!([lines[0], lines[3], lines[4], lines[5]].join("\n"), @"
        3,012 lines, 0 B in 0.0 s; 4 containers
        streams opened 6 = closed 6 + open 0; tasks left: 0, connections left: 0
        build: 12 lines; containers: 2; gaps: 0; streams opened 3 = closed 3 + open 0; tasks left: 0, connections left: 0
        prod: 3,000 lines; containers: 2; gaps: 0; streams opened 3 = closed 3 + open 0; tasks left: 0, connections left: 0
        ");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!([0, 1023, 1024, 1 << 20].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.0 MiB"]);
    }
}
