//! The figures above the table, and the sparklines.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Sparkline;

use super::{Look, quiet, row, split, title};
use crate::format::clean;
use crate::format::units;
use crate::snapshot::{DaemonSnapshot, Snapshot};
use crate::sort::sort_by_key;
use crate::ui::fit;
use crate::ui::model::Model;

/// The separator of two parts.
const GAP: &str = "  ";
/// A part is cut rather than left out if this much of it is visible.
const PART_MIN_COLUMNS: usize = 16;

/// A figure with its label and style.
type Part = (String, Style);

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let snapshot = &model.seen().snapshot;
    let lines = [machinery(snapshot, look), rates(snapshot, look), costs(snapshot)];
    let width = usize::from(area.width);
    let mut lines: Vec<Vec<Part>> = lines.into_iter().collect();
    match area.height {
        // The most important figures, for little room.
        ..=1 => lines.truncate(1),
        2..=3 => lines = vec![lines[0].clone(), lines[1].clone()],
        height => {
            lines.insert(0, first(snapshot, look));
            let room = usize::from(height).saturating_sub(lines.len());
            lines.splice(1..1, hosts(snapshot, look).into_iter().take(room));
        }
    }
    if area.height < 4 {
        lines[0].splice(..0, away(snapshot, look));
    }
    for (at, parts) in (0..area.height).zip(lines) {
        frame.render_widget(joined(&parts, width), row(area, at));
    }
}

/// Parts side by side, as many as fit; the last may be cut.
fn joined(parts: &[Part], width: usize) -> Line<'static> {
    let mut spans = vec![Span::raw(" ")];
    let mut taken = 1;
    for (text, style) in parts {
        let left = width.saturating_sub(taken);
        if left < fit::width(text) && left < PART_MIN_COLUMNS {
            break;
        }
        let text = fit::cut(text, left);
        taken += fit::width(&text) + GAP.len();
        spans.push(Span::styled(text, *style));
        spans.push(Span::raw(GAP));
    }
    Line::from(spans)
}

fn first(snapshot: &Snapshot, look: Look) -> Vec<Part> {
    let plain = Style::default();
    let mut parts = vec![("cmon watch".to_owned(), title())];
    parts.extend(away(snapshot, look));
    match (snapshot.only_daemon(), snapshot.census.away.is_empty()) {
        (Some(daemon), _) => parts.push((named(daemon), plain)),
        (None, true) => parts.push((format!("{} daemons", snapshot.daemons.len()), plain)),
        (None, false) => {}
    }
    parts.push((format!("up {}", units::seconds(snapshot.census.elapsed)), quiet()));
    if let Some(daemon) = snapshot.only_daemon() {
        parts.push((daemon.endpoint.clone(), quiet()));
    }
    parts
}

/// A daemon's name and version.
fn named(daemon: &DaemonSnapshot) -> String {
    let known = |text: &str| if text.is_empty() { "?".to_owned() } else { clean(text) };
    format!("{} {}", known(&daemon.name), known(&daemon.version))
}

/// A line for each of several daemons; absent ones come first.
fn hosts(snapshot: &Snapshot, look: Look) -> Vec<Vec<Part>> {
    if snapshot.only_daemon().is_some() {
        return Vec::new();
    }
    let mut daemons: Vec<&DaemonSnapshot> = snapshot.daemons.iter().collect();
    sort_by_key(&mut daemons, |daemon| daemon.census.away.is_empty());
    daemons.into_iter().map(|daemon| host(daemon, snapshot, look)).collect()
}

fn host(daemon: &DaemonSnapshot, snapshot: &Snapshot, look: Look) -> Vec<Part> {
    let census = &daemon.census;
    let plain = Style::default();
    let name = daemon.host.as_ref().map_or_else(String::new, |host| clean(host));
    if let Some(away) = census.away.first() {
        let (since, next) = (units::time(away.since), units::time(away.next));
        let text = format!("! {name} AWAY for {since}, next try in {next}");
        return vec![(text, look.wrong()), (daemon.endpoint.clone(), quiet())];
    }
    let rate = snapshot.rows_of(daemon).fold(0.0, |sum, row| sum + row.lines_per_second);
    let known = |figure: Option<u64>| figure.map_or_else(|| "?".to_owned(), units::count);
    vec![
        (name, title()),
        (named(daemon), plain),
        (units::counted(census.streams_open, "stream"), plain),
        (format!("{} lines/s", units::rate(rate)), plain),
        (units::gaps(census), if census.gaps == 0 { plain } else { look.wrong() }),
        (format!("{} goroutines", known(daemon.goroutines)), quiet()),
        (daemon.endpoint.clone(), quiet()),
    ]
}

fn away(snapshot: &Snapshot, look: Look) -> Option<Part> {
    let text = match snapshot.census.away.as_slice() {
        [] => return None,
        [away] if snapshot.only_daemon().is_some() => {
            let (since, next) = (units::time(away.since), units::time(away.next));
            format!("! DAEMON AWAY for {since}, next try in {next}")
        }
        some => format!("! {} of {} daemons away", some.len(), snapshot.daemons.len()),
    };
    Some((text, look.wrong()))
}

fn machinery(snapshot: &Snapshot, look: Look) -> Vec<Part> {
    let census = &snapshot.census;
    let plain = Style::default();
    let equal = census.readers == census.streams_open;
    let (sign, style) = if equal { ("=", look.well()) } else { ("! not", look.wrong()) };
    let gaps = if census.gaps == 0 { plain } else { look.wrong() };
    let mark = if census.gaps == 0 { "" } else { "! " };
    let readers = units::counted(census.readers, "reader");
    let streams = units::counted(census.streams_open, "stream");
    vec![
        (format!("{readers} {sign} {streams}"), style),
        (units::counted(census.live_tasks(), "task"), plain),
        (units::counted(census.open_connections(), "connection"), plain),
        (format!("{mark}{}", units::gaps(census)), gaps),
        (units::counted(census.containers, "container"), plain),
    ]
}

fn rates(snapshot: &Snapshot, look: Look) -> Vec<Part> {
    let census = &snapshot.census;
    let plain = Style::default();
    let cycles = format!(
        "{:.1} cycles/min ({:.1} expected)",
        census.cycles_per_minute, census.cycles_expected
    );
    let mut parts = vec![
        (cycles, plain),
        (format!("{} lines/s", units::rate(snapshot.lines_per_second())), plain),
        (format!("{}/s", units::bytes(snapshot.bytes_per_second())), plain),
    ];
    let worst = census.worst_lag().filter(|(_, lag)| 0 < lag.as_millis());
    if let Some((name, lag)) = worst {
        let late = 2 <= lag.as_secs();
        let style = if late { look.wrong() } else { plain };
        let mark = if late { "! " } else { "" };
        parts.push((format!("{mark}lag {} ({})", units::lag(lag), clean(name)), style));
    }
    parts
}

fn costs(snapshot: &Snapshot) -> Vec<Part> {
    let plain = Style::default();
    let known = |figure: Option<u64>| figure.map_or_else(|| "?".to_owned(), units::count);
    let own = match snapshot.own {
        Some(own) => format!(
            "cmon {:.1}% cpu, {}, {} descriptors",
            own.cpu_percent,
            units::bytes(own.memory as f64),
            own.descriptors
        ),
        None => "cmon ?".to_owned(),
    };
    // Several have a line each.
    let theirs = snapshot.only_daemon().map(|daemon| {
        let theirs = format!(
            "daemon {} goroutines, {} descriptors",
            known(daemon.goroutines),
            known(daemon.descriptors)
        );
        (theirs, if daemon.goroutines.is_some() { plain } else { quiet() })
    });
    [(own, plain)].into_iter().chain(theirs).collect()
}

/// Tasks, cycles and lines over the last minutes, side by side.
pub(super) fn sparks(frame: &mut Frame<'_>, area: Rect, model: &Model) {
    if area.height == 0 {
        return;
    }
    let history = &model.seen().history;
    let each = area.width / 3;
    let named =
        [("tasks", &history.tasks), ("cycles/5s", &history.cycles), ("lines/s", &history.lines)];
    for (at, (name, bars)) in (0..).zip(named) {
        let part = Rect { x: area.x + at * each, width: each.saturating_sub(1), ..area };
        let shown = usize::from(part.width.saturating_sub(1));
        let last: Vec<u64> = bars.iter().rev().take(shown).rev().copied().collect();
        let peak = last.iter().max().copied().unwrap_or(0);
        let (title, below) = split(part, 1);
        let text = format!(" {name}, at most {}", units::count(peak));
        let text = fit::cut(&text, usize::from(part.width));
        frame.render_widget(Line::styled(text, quiet()), title);
        let bars = Rect { x: below.x + 1, width: below.width.saturating_sub(1), ..below };
        frame.render_widget(Sparkline::default().data(last).max(peak.max(1)), bars);
    }
}
