//! `--once`: the totals and the table as text, at their natural width; and a line of totals.

use std::fmt::Write;

use jiff::tz::TimeZone;
use unicode_width::UnicodeWidthStr;

use crate::engine::rows::Row;
use crate::format::columns::{Attention, Column};
use crate::format::note::clock;
use crate::format::sanitize::clean;
use crate::format::units::{self, counted};
use crate::output::status;
use crate::snapshot::{DaemonSnapshot, Snapshot};

/// A daemon in a line; one of several with its share of the work.
fn daemon(daemon: &DaemonSnapshot) -> String {
    let known = |figure: Option<u64>| figure.map_or_else(|| "?".to_owned(), units::count);
    let text = |text: &str| if text.is_empty() { "?".to_owned() } else { clean(text) };
    let mut line = format!(
        "daemon {} {} at {}: {} goroutines, {} descriptors",
        text(&daemon.name),
        text(&daemon.version),
        daemon.endpoint,
        known(daemon.goroutines),
        known(daemon.descriptors),
    );
    if let Some(host) = &daemon.host {
        let census = &daemon.census;
        line = format!(
            "{}: {line}; {}; {}; {}",
            clean(host),
            counted(census.containers, "container"),
            counted(census.streams_open, "stream"),
            units::gaps(census),
        );
    }
    line
}

/// The lines above the table: the daemons, the streams, the costs.
pub(super) fn head(snapshot: &Snapshot) -> Vec<String> {
    let census = &snapshot.census;
    let mut lines: Vec<String> = snapshot.daemons.iter().map(daemon).collect();
    lines.push(format!(
        "{}; {}; {} {} {}; {}; {:.1} cycles/min ({:.1} expected); {}",
        counted(census.containers, "container"),
        counted(census.live_tasks(), "task"),
        counted(census.readers, "reader"),
        if census.readers == census.streams_open { "=" } else { "!=" },
        counted(census.streams_open, "stream"),
        counted(census.open_connections(), "connection"),
        census.cycles_per_minute,
        census.cycles_expected,
        units::gaps(census),
    ));
    if let Some(own) = snapshot.own {
        lines.push(format!(
            "cmon: {:.1}% cpu; {} memory; {} descriptors; {} threads",
            own.cpu_percent,
            units::bytes(own.memory as f64),
            own.descriptors,
            own.threads,
        ));
    }
    for away in &census.away {
        let name = away.host.as_ref().map_or_else(|| "the daemon".to_owned(), |host| clean(host));
        lines.push(format!(
            "{name} has not answered for {}; next try in {}",
            units::time(away.since),
            units::time(away.next)
        ));
    }
    lines
}

/// The head, and a row per container.
pub(super) fn table(snapshot: &Snapshot, zone: &TimeZone) -> String {
    let mut text = head(snapshot).join("\n");
    text.push_str("\n\n");
    let columns = Column::of(snapshot.daemons.len());
    let heading: Vec<String> = columns.iter().map(|column| column.title().to_owned()).collect();
    let cells = |row: &Row| columns.iter().map(|column| column.text(row, zone)).collect();
    let cells: Vec<Vec<String>> =
        [heading].into_iter().chain(snapshot.rows.iter().map(cells)).collect();
    let widest = |at: usize| cells.iter().map(|row| row[at].width()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
    let signs = snapshot.rows.iter().map(|row| Attention::of(row).sign());
    for (sign, row) in [" "].into_iter().chain(signs).zip(&cells) {
        let mut line = sign.to_owned();
        for ((column, cell), width) in columns.iter().zip(row).zip(&widths) {
            let padding = " ".repeat(width - cell.width());
            // Writing to a String cannot fail.
            let _ = match column.is_figure() {
                true => write!(line, " {padding}{cell} "),
                false => write!(line, " {cell}{padding} "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The current totals, in one line.
pub(super) fn totals(snapshot: &Snapshot, zone: &TimeZone) -> String {
    let time = clock(snapshot.time, zone);
    let (time, _) = time.split_once('.').unwrap_or((&time, ""));
    let containers = counted(snapshot.census.containers, "container");
    let rate = snapshot.lines_per_second();
    format!("{time} {containers} · {}\n", status::text(&snapshot.census, rate))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::tests::sample;

    #[test]
    fn a_table_has_all_that_the_screen_has() {
        insta::assert_snapshot!("table", table(&sample::snapshot(), &TimeZone::UTC));
    }

    #[test]
    fn several_daemons_have_a_line_each_and_rows_have_a_host() {
        insta::assert_snapshot!("hosts", table(&sample::two_daemons(), &TimeZone::UTC));
    }

    #[test]
    fn an_absent_daemon_is_shown_with_the_time_of_its_absence() {
        let mut snapshot = sample::away();
        snapshot.census.readers += 1;
        insta::assert_snapshot!("away", head(&snapshot).join("\n"));
        insta::assert_snapshot!("totals", totals(&snapshot, &TimeZone::UTC));
    }
}
