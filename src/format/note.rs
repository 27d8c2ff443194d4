//! Notes and gaps as sentences, one line each.
//!
//! `+` something appeared, `~` it is in transition, `-` it is gone, `!` something is wrong.

use std::fmt::Write;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Colors;
use super::color::{DIM, GREEN, RED, YELLOW};
use super::sanitize::clean;
use crate::cursor::SaveReport;
use crate::directory;
use crate::engine::event::{About, Awaited, Event, Gap, Note, Notice};
use crate::engine::rows::LastNotice;
use crate::engine::source::{Exit, Lossy};
use crate::engine::timestamp::Timestamp;

/// The sign at the front of a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    There,
    Between,
    Gone,
    Wrong,
}

impl Sign {
    fn as_str(self) -> &'static str {
        match self {
            Sign::There => "+",
            Sign::Between => "~",
            Sign::Gone => "-",
            Sign::Wrong => "!",
        }
    }

    fn color(self) -> &'static str {
        match self {
            Sign::There => GREEN,
            Sign::Between => YELLOW,
            Sign::Gone => DIM,
            Sign::Wrong => RED,
        }
    }
}

/// Whether a note reports a problem, so that `-q` keeps it. A possible problem of a log driver does not count.
pub(crate) fn is_error(notice: &Notice) -> bool {
    sign(notice) == Sign::Wrong && !matches!(notice, Notice::Lossy(_))
}

/// The note's name in JSON.
pub(crate) fn word(notice: &Notice) -> &'static str {
    match notice {
        Notice::Started => "started",
        Notice::Restarting(_) => "restarting",
        Notice::Exited(_) => "exited",
        Notice::Removed => "removed",
        Notice::Renamed { .. } => "renamed",
        Notice::Own => "own_container",
        Notice::Deselected => "deselected",
        Notice::Waiting { .. } => "waiting",
        Notice::NoPreviousRun => "no_previous_run",
        Notice::PreviousRunUnbounded { .. } => "previous_run_unbounded",
        Notice::Lossy(_) => "lossy",
        Notice::Unreadable { .. } => "unreadable",
        Notice::GivenUp { .. } => "given_up",
        Notice::StreamBroke { .. } => "stream_broke",
        Notice::WentSilent => "went_silent",
        Notice::EndsEarly { .. } => "ends_early",
        Notice::DaemonAway { .. } => "daemon_away",
        Notice::DaemonLeftOut { .. } => "daemon_left_out",
        Notice::DaemonFound { .. } => "daemon_found",
        Notice::DemoListens { .. } => "demo_listens",
        Notice::NoEvents { .. } => "no_events",
        Notice::StillWaiting { .. } => "still_waiting",
        Notice::DaemonBack => "daemon_back",
        Notice::ReaderPanicked { .. } => "reader_panicked",
        Notice::NotesDropped { .. } => "notes_dropped",
    }
}

/// A note as a line of text, its newline included.
pub(crate) fn note(note: &Note, colors: Colors) -> String {
    let sentence = sentence(&note.what);
    let what = match &note.about {
        About::Container(label) => format!("{} {sentence}", label.title),
        About::Daemon(daemon) => match daemon.host() {
            Some(host) => format!("{host} {sentence}"),
            None => format!("the daemon {sentence}"),
        },
        About::Run => sentence,
    };
    line(sign(&note.what), &what, colors)
}

/// The note about a file that cannot be written, as a line of text, its newline included.
pub(crate) fn unwritten(error: &directory::Error, colors: Colors) -> String {
    let reason = std::error::Error::source(error).map(|source| format!(": {source}"));
    let reason = reason.unwrap_or_default();
    let what = format!("{error}{reason}; cmon waits and tries again every second");
    line(Sign::Wrong, &what, colors)
}

/// The note that the file can be written again.
pub(crate) fn written_again(colors: Colors) -> String {
    line(Sign::There, "the file is written again; no line is missing", colors)
}

/// The note about another program's change to a file, as a line of text, its newline included.
pub(crate) fn finding(finding: &directory::Finding, colors: Colors) -> String {
    line(Sign::Wrong, &finding.to_string(), colors)
}

/// The note about saves of the cursor, as a line of text, its newline included.
pub(crate) fn save_report(report: &SaveReport, colors: Colors) -> String {
    match report {
        SaveReport::Failed(error) => {
            let what =
                format!("the cursor cannot be saved ({error}); cmon tries again every second");
            line(Sign::Wrong, &what, colors)
        }
        SaveReport::Works => line(Sign::There, "the cursor is saved again", colors),
        SaveReport::Saved(_) => String::new(),
        SaveReport::Broken(error) => line(Sign::Wrong, error, colors),
    }
}

/// An event as one line for the screen, without color or newline; `None` for lines.
pub(crate) fn headline(event: &Event, zone: &TimeZone) -> Option<String> {
    let mut text = match event {
        Event::Lines(_)
        | Event::Identity(..)
        | Event::Begins(..)
        | Event::Reading(_)
        | Event::CaughtUp(_) => {
            return None;
        }
        Event::Gap(lost) => gap(lost, zone, Colors::Off),
        Event::Note(what) => note(what, Colors::Off),
    };
    text.truncate(text.trim_end().len());
    Some(text)
}

/// The last notice of a container, as a sentence without its name.
pub(crate) fn last_notice(notice: &LastNotice) -> String {
    match notice {
        LastNotice::Note(notice) => sentence(notice),
        LastNotice::Gap(gap) => format!("gap: {}", gap.cause.as_str()),
    }
}

/// A gap as a line of text, its newline included. Times are in the given zone.
pub(crate) fn gap(gap: &Gap, zone: &TimeZone, colors: Colors) -> String {
    let clock = |time: Timestamp| clock(time, zone);
    let when = match (gap.from, gap.to) {
        (Some(from), Some(to)) => format!("{} to {}", clock(from), clock(to)),
        (Some(from), None) => format!("from {} on", clock(from)),
        (None, Some(to)) => format!("up to {}", clock(to)),
        (None, None) => "of unknown length".to_owned(),
    };
    let what = format!("{} gap {when} ({})", gap.label.title, gap.cause.as_str());
    line(Sign::Wrong, &what, colors)
}

fn line(sign: Sign, what: &str, colors: Colors) -> String {
    // Names and the daemon's messages are untrusted.
    let (what, mark) = (clean(what), sign.as_str());
    format!("{}\n", colors.paint(sign.color(), &format!("{mark} {what}")))
}

fn sign(notice: &Notice) -> Sign {
    match notice {
        Notice::Started | Notice::DaemonBack => Sign::There,
        Notice::Restarting(_)
        | Notice::Renamed { .. }
        | Notice::Own
        | Notice::Deselected
        | Notice::NoPreviousRun
        | Notice::Waiting { .. }
        | Notice::DaemonFound { .. }
        | Notice::DemoListens { .. }
        | Notice::NoEvents { .. }
        | Notice::StillWaiting { .. } => Sign::Between,
        Notice::Exited(_) | Notice::Removed => Sign::Gone,
        Notice::Lossy(_)
        | Notice::PreviousRunUnbounded { .. }
        | Notice::Unreadable { .. }
        | Notice::GivenUp { .. }
        | Notice::StreamBroke { .. }
        | Notice::WentSilent
        | Notice::EndsEarly { .. }
        | Notice::DaemonAway { .. }
        | Notice::DaemonLeftOut { .. }
        | Notice::ReaderPanicked { .. }
        | Notice::NotesDropped { .. } => Sign::Wrong,
    }
}

fn sentence(notice: &Notice) -> String {
    match notice {
        Notice::Started => "started".to_owned(),
        Notice::Restarting(exit) => format!("restarting{}", after(*exit)),
        Notice::Exited(exit) => format!("exited{}", after(*exit)),
        Notice::Removed => "removed".to_owned(),
        Notice::Renamed { from } => format!("is the new name of {from}"),
        Notice::Own => {
            "is left out: cmon runs in it, and its log would grow by each line that cmon prints"
                .to_owned()
        }
        Notice::Deselected => {
            "no longer matches; cmon follows it to the end of this run".to_owned()
        }
        Notice::Waiting { pattern } => format!("waiting for `{pattern}`, which is not there yet"),
        Notice::NoPreviousRun => "has no previous run".to_owned(),
        Notice::PreviousRunUnbounded { lines } => {
            let shown = match lines {
                Some(1) => "the last line before the latest run follows".to_owned(),
                Some(lines) => format!("the last {lines} lines before the latest run follow"),
                None => "all lines before the latest run follow".to_owned(),
            };
            format!(
                "may show older runs too: the daemon no longer knows when the previous run began, so \
                 {shown}; -n N shows the last N"
            )
        }
        Notice::Lossy(Lossy::NonBlocking) => {
            "can lose lines: its log mode is non-blocking, and the \
             daemon drops what its buffer cannot hold"
                .to_owned()
        }
        Notice::Lossy(Lossy::Cache) => {
            "can lose lines: its log driver sends them elsewhere, and the \
             daemon's own cache drops what it cannot hold"
                .to_owned()
        }
        Notice::Unreadable { driver, error } => {
            format!("cannot be read: its log driver `{driver}` keeps nothing ({error})")
        }
        Notice::GivenUp { error } => format!("given up: {error}"),
        Notice::StreamBroke { error, retry } => {
            format!("stream broke: {error}; next try in {}", short(*retry))
        }
        Notice::WentSilent => {
            "went silent although the daemon had more; its stream is opened again".to_owned()
        }
        Notice::EndsEarly { times, retry } => format!(
            "runs, but the daemon has ended its stream {times} times without a new line (a corrupt \
             log?); next try in {}",
            short(*retry)
        ),
        Notice::DaemonAway { error, retry } => {
            format!("does not answer: {error}; next try in {}", short(*retry))
        }
        Notice::DaemonLeftOut { error } => format!("is left out: {error}"),
        Notice::DaemonFound { endpoint, product } => format!(
            "using {endpoint} ({product}), because the usual socket /var/run/docker.sock is not there"
        ),
        Notice::DemoListens { endpoint } => {
            format!("the demo daemon: docker -H {endpoint} ps")
        }
        Notice::NoEvents { error } => format!(
            "does not send events, so cmon asks for the list of containers every few seconds: {error}"
        ),
        Notice::StillWaiting { what: Awaited::List } => {
            "is slow: cmon still waits for its list of containers".to_owned()
        }
        Notice::StillWaiting { what: Awaited::Inspection } => {
            "has no answer yet: the daemon has not described it".to_owned()
        }
        Notice::StillWaiting { what: Awaited::Log } => {
            "has no answer yet: the daemon has not opened its log".to_owned()
        }
        Notice::DaemonBack => "answers again".to_owned(),
        Notice::ReaderPanicked { message } => {
            format!("reader panicked: {message}; the stream is opened again, nothing is lost")
        }
        Notice::NotesDropped { count: 1 } => {
            "1 note was dropped because the output was not read".to_owned()
        }
        Notice::NotesDropped { count } => {
            format!("{count} notes were dropped because the output was not read")
        }
    }
}

/// ` 137 (OOM)`, or nothing if the daemon does not report it.
fn after(exit: Option<Exit>) -> String {
    let mut text = String::new();
    if let Some(Exit { code, oom }) = exit {
        // Writing to a String cannot fail.
        let _ = write!(text, " {code}{}", if oom { " (OOM)" } else { "" });
    }
    text
}

/// `250ms`, `4.2s`.
fn short(time: Duration) -> String {
    match time.as_millis() {
        millis @ ..1000 => format!("{millis}ms"),
        _ => format!("{:.1}s", time.as_secs_f64()),
    }
}

/// `12:03:04.1`.
pub(crate) fn clock(time: Timestamp, zone: &TimeZone) -> String {
    match time.civil(zone) {
        Some(time) => {
            format!("{}.{}", time.strftime("%H:%M:%S"), time.subsec_nanosecond() / 100_000_000)
        }
        None => time.to_string(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::event::{GapCause, Label};
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId, ErrorKind, SourceError};

    pub(crate) fn label() -> Arc<Label> {
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("ab12") };
        Arc::new(Label::new(key, "web".into()))
    }

    /// One note of each kind: the match does not compile if a kind is missing.
    pub(crate) fn each() -> Vec<Notice> {
        let error = SourceError::new(ErrorKind::Refused, "no");
        let exit = Some(Exit { code: 137, oom: true });
        let retry = Duration::from_millis(4200);
        let all = vec![
            Notice::Started,
            Notice::Restarting(Some(Exit { code: 1, oom: false })),
            Notice::Exited(exit),
            Notice::Exited(None),
            Notice::Removed,
            Notice::Renamed { from: "old".into() },
            Notice::Own,
            Notice::Deselected,
            Notice::Waiting { pattern: "we*".to_owned() },
            Notice::NoPreviousRun,
            Notice::PreviousRunUnbounded { lines: Some(1000) },
            Notice::PreviousRunUnbounded { lines: None },
            Notice::Lossy(Lossy::NonBlocking),
            Notice::Lossy(Lossy::Cache),
            Notice::Unreadable { driver: "none".into(), error: error.clone() },
            Notice::GivenUp { error: error.clone() },
            Notice::StreamBroke { error: error.clone(), retry },
            Notice::WentSilent,
            Notice::EndsEarly { times: 3, retry: Duration::from_millis(250) },
            Notice::DaemonAway { error: error.clone(), retry },
            Notice::DaemonLeftOut { error: error.clone().into() },
            Notice::DaemonFound { endpoint: "unix:///s".into(), product: "colima" },
            Notice::DemoListens { endpoint: "unix:///s".into() },
            Notice::NoEvents { error },
            Notice::StillWaiting { what: Awaited::List },
            Notice::StillWaiting { what: Awaited::Inspection },
            Notice::StillWaiting { what: Awaited::Log },
            Notice::DaemonBack,
            Notice::ReaderPanicked { message: "boom".to_owned() },
            Notice::NotesDropped { count: 7 },
        ];
        for notice in &all {
            match notice {
                Notice::Started
                | Notice::Restarting(_)
                | Notice::Exited(_)
                | Notice::Removed
                | Notice::Renamed { .. }
                | Notice::Own
                | Notice::Deselected
                | Notice::Waiting { .. }
                | Notice::NoPreviousRun
                | Notice::PreviousRunUnbounded { .. }
                | Notice::Lossy(_)
                | Notice::Unreadable { .. }
                | Notice::GivenUp { .. }
                | Notice::StreamBroke { .. }
                | Notice::WentSilent
                | Notice::EndsEarly { .. }
                | Notice::DaemonAway { .. }
                | Notice::DaemonLeftOut { .. }
                | Notice::DaemonFound { .. }
                | Notice::DemoListens { .. }
                | Notice::NoEvents { .. }
                | Notice::StillWaiting { .. }
                | Notice::DaemonBack
                | Notice::ReaderPanicked { .. }
                | Notice::NotesDropped { .. } => {}
            }
        }
        all
    }

    #[test]
    fn each_kind_of_note_has_a_sentence() {
        let lines: String = each()
            .into_iter()
            .map(|what| note(&Note { about: About::Container(label()), what }, Colors::Off))
            .collect();
        insta::assert_snapshot!(lines, @"
        + web started
        ~ web restarting 1
        - web exited 137 (OOM)
        - web exited
        - web removed
        ~ web is the new name of old
        ~ web is left out: cmon runs in it, and its log would grow by each line that cmon prints
        ~ web no longer matches; cmon follows it to the end of this run
        ~ web waiting for `we*`, which is not there yet
        ~ web has no previous run
        ! web may show older runs too: the daemon no longer knows when the previous run began, so the last 1000 lines before the latest run follow; -n N shows the last N
        ! web may show older runs too: the daemon no longer knows when the previous run began, so all lines before the latest run follow; -n N shows the last N
        ! web can lose lines: its log mode is non-blocking, and the daemon drops what its buffer cannot hold
        ! web can lose lines: its log driver sends them elsewhere, and the daemon's own cache drops what it cannot hold
        ! web cannot be read: its log driver `none` keeps nothing (no)
        ! web given up: no
        ! web stream broke: no; next try in 4.2s
        ! web went silent although the daemon had more; its stream is opened again
        ! web runs, but the daemon has ended its stream 3 times without a new line (a corrupt log?); next try in 250ms
        ! web does not answer: no; next try in 4.2s
        ! web is left out: no
        ~ web using unix:///s (colima), because the usual socket /var/run/docker.sock is not there
        ~ web the demo daemon: docker -H unix:///s ps
        ~ web does not send events, so cmon asks for the list of containers every few seconds: no
        ~ web is slow: cmon still waits for its list of containers
        ~ web has no answer yet: the daemon has not described it
        ~ web has no answer yet: the daemon has not opened its log
        + web answers again
        ! web reader panicked: boom; the stream is opened again, nothing is lost
        ! web 7 notes were dropped because the output was not read
        ");
    }

    #[test]
    fn notes_name_each_of_several_daemons() {
        let daemon = DaemonId::named("tcp://build:2375", "build");
        let key = ContainerKey { daemon: daemon.clone(), id: ContainerId::new("ab12") };
        let label = Arc::new(Label::new(key, "web".into()));
        let shown = |about, what| note(&Note { about, what }, Colors::Off);
        let container = About::Container(Arc::clone(&label));
        assert_eq!(shown(container, Notice::Started), "+ build/web started\n");
        let back = shown(About::Daemon(daemon), Notice::DaemonBack);
        assert_eq!(back, "+ build answers again\n");
        let only = About::Daemon(DaemonId::new("unix:///s"));
        assert_eq!(shown(only, Notice::DaemonBack), "+ the daemon answers again\n");
        let lost = Gap { label, from: None, to: None, cause: GapCause::Removed };
        assert!(gap(&lost, &TimeZone::UTC, Colors::Off).starts_with("! build/web gap of unknown"));
    }

    #[test]
    fn a_gap_shows_its_time_span_and_cause() {
        let tenth = 100_000_000;
        let shown = |from: Option<i64>, to: Option<i64>| {
            let time = |tenths: i64| Timestamp::from_nanos(tenths * tenth);
            let (from, to) = (from.map(time), to.map(time));
            gap(
                &Gap { label: label(), from, to, cause: GapCause::LogRotated },
                &TimeZone::UTC,
                Colors::Off,
            )
        };
        let cause = "(the daemon no longer holds these lines)";
        let expected = format!("! web gap 12:03:04.1 to 12:03:09.8 {cause}\n");
        assert_eq!(shown(Some(433_841), Some(433_898)), expected);
        assert_eq!(shown(Some(433_841), None), format!("! web gap from 12:03:04.1 on {cause}\n"));
        assert_eq!(shown(None, Some(0)), format!("! web gap up to 00:00:00.0 {cause}\n"));
    }

    #[test]
    fn a_name_cannot_drive_the_terminal() {
        let note = line(Sign::There, "we\x1b[2Jb started", Colors::On);
        assert_eq!(note, "\x1b[32m+ we^[[2Jb started\x1b[0m\n");
    }
}
