//! The status line: the current activity, redrawn in place on stderr.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use tokio::time::Instant;

use crate::engine::census::Census;
use crate::format::clean;
use crate::format::units::{counted, grouped};

/// Columns reserved for the terminal's echo of Ctrl-C.
const ECHO: u16 = 3;
/// The smallest lag that is shown.
const LATE: Duration = Duration::from_secs(1);
/// The interval of redraws.
pub(super) const PERIOD: Duration = Duration::from_millis(500);

/// The status line, or nothing if disabled.
#[derive(Debug)]
pub(super) struct Status {
    bar: Option<ProgressBar>,
    drawn: Instant,
    /// Lines at the last drawing, for the rate.
    lines: u64,
}

impl Status {
    /// A status line that is drawn on stderr.
    pub(super) fn drawn() -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(Narrow));
        let bar = ProgressBar::with_draw_target(None, target);
        let style = ProgressStyle::with_template("{wide_msg}").expect("a fixed template");
        Self { bar: Some(bar.with_style(style)), ..Self::hidden() }
    }

    /// No status line.
    pub(super) fn hidden() -> Self {
        Self { bar: None, drawn: Instant::now(), lines: 0 }
    }

    /// The time of the next redraw; `None` without a status line.
    pub(super) fn due(&self) -> Option<Instant> {
        self.bar.as_ref().map(|_| self.drawn + PERIOD)
    }

    /// Draws the census.
    pub(super) fn draw(&mut self, census: &Census) {
        let Some(bar) = &self.bar else {
            return;
        };
        let now = Instant::now();
        let seconds = (now - self.drawn).as_secs_f64().max(0.001);
        let rate = (census.lines - self.lines) as f64 / seconds;
        (self.drawn, self.lines) = (now, census.lines);
        bar.set_message(text(census, rate));
        bar.tick();
    }

    /// Writes other output while the line is hidden.
    pub(super) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Removes the line at the end.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The terminal on stderr, reported a little narrower than it is. The line is padded to the whole width, and the
/// terminal's echo of Ctrl-C would wrap to a line that is never cleared.
#[derive(Debug)]
struct Narrow;

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        let columns = rustix::termios::tcgetwinsize(io::stderr()).map_or(80, |size| size.ws_col);
        columns.saturating_sub(ECHO).max(1)
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        moved(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        moved(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        moved(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        moved(n, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(format!("{text}\n").as_bytes())
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn moved(n: usize, direction: char) -> io::Result<()> {
    match n {
        0 => Ok(()),
        n => io::stderr().write_all(format!("\x1b[{n}{direction}").as_bytes()),
    }
}

pub(super) fn text(census: &Census, rate: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
    let rate = rate.round() as u64;
    let each = match census.streams_open {
        0 => String::new(),
        open => format!(", {:.1} each", census.cycles_per_minute / open as f64),
    };
    let mut text = format!(
        "{} · {} {} {} · {:.1} cycles/min{each} ({:.1} expected) · {} lines/s · {}",
        counted(census.live_tasks(), "task"),
        counted(census.readers, "reader"),
        if census.readers == census.streams_open { "=" } else { "!=" },
        counted(census.streams_open, "stream"),
        census.cycles_per_minute,
        census.cycles_expected,
        grouped(rate),
        counted(census.gaps, "gap"),
    );
    // Current problems come last. Writing to a String cannot fail.
    if let Some((name, lag)) = census.worst_lag().filter(|(_, lag)| LATE <= *lag) {
        let _ = write!(text, " · {} is {:.0} s behind", clean(name), lag.as_secs_f64());
    }
    for away in &census.away {
        let (since, next) = (away.since.as_secs_f64(), away.next.as_secs_f64());
        let name = away.host.as_ref().map_or_else(|| "daemon".to_owned(), |host| clean(host));
        let _ = write!(text, " · {name} away for {since:.0} s, next try in {next:.0} s");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::census::{Away, TaskKind};

    #[test]
    fn unequal_numbers_of_readers_and_streams_are_both_shown() {
        let census = Census { readers: 9, streams_open: 8, ..Census::default() };
        let text = text(&census, 0.0);
        assert!(text.contains("9 readers != 8 streams"), "{text}");
    }

    #[test]
    fn the_line_shows_tasks_readers_streams_and_rates() {
        let census = Census {
            tasks: BTreeMap::from([(TaskKind::Reader, 8), (TaskKind::Events, 1)]),
            readers: 8,
            streams_open: 8,
            cycles_per_minute: 239.2,
            cycles_expected: 240.0,
            ..Census::default()
        };
        insta::assert_snapshot!(
            text(&census, 1234.4),
            @"9 tasks · 8 readers = 8 streams · 239.2 cycles/min, 29.9 each (240.0 expected) · 1,234 lines/s · 0 gaps"
        );
        let (since, next) = (Duration::from_secs(12), Duration::from_secs(3));
        let away = Away { host: None, since, next };
        let lags = BTreeMap::from([("web".to_owned(), Duration::from_secs(4))]);
        let other = Away { host: Some("build".into()), ..away.clone() };
        let census = Census { away: vec![away, other], lags, ..Census::default() };
        insta::assert_snapshot!(
            text(&census, 0.0),
            @"0 tasks · 0 readers = 0 streams · 0.0 cycles/min (0.0 expected) · 0 lines/s · 0 gaps · web is 4 s behind · daemon away for 12 s, next try in 3 s · build away for 12 s, next try in 3 s"
        );
    }
}
