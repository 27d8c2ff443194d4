//! The report for people and for the logs of CI, made to be read at a glance: the verdict first,
//! then one line for each metric, then what it means and how it came to be. At most 100 columns
//! wherever names allow it, and never a control character from a name.

use std::fmt::Write;

use super::escape::{plain, shell, wrap};
use super::figures::{duration, share};
use super::{Metric, Report, Verdict, words};
use crate::leak::record::Drive;
use crate::output::color::{DIM, GREEN, RED, RESET, YELLOW};

/// Lines are no longer than this, unless a table of long names needs more.
const WIDTH: usize = 100;
/// What stands below a metric begins here: behind the longest verdict.
const INDENT: usize = 14;
/// So many groups are shown for each metric.
const GROUPS: usize = 5;
/// So many metrics that are well are shown, each with a line of its own.
const WELL: usize = 40;
/// So many items of a list are shown.
const ITEMS: usize = 20;

/// The report as text. `recording` is the file to judge again, where one was written.
pub fn text(report: &Report, color: bool, recording: Option<&str>) -> String {
    let mut text = Text { into: String::new(), color };
    text.verdict(report);
    text.metrics(report);
    text.list("what it means", &report.signatures);
    text.list("still alive at the end", &survivors(report));
    text.list("could not be had", &unavailable(report));
    text.list("a series began anew", &cuts(report));
    text.list("smallest leak that this run could have seen", &words::smallest(report));
    text.list("what helps", &report.advice);
    text.end(report, recording);
    text.into
}

struct Text {
    into: String,
    color: bool,
}

/// The columns of the table of metrics, without the verdict.
type Row = [String; 4];

impl Text {
    fn line(&mut self, line: &str) {
        self.into.push_str(line.trim_end());
        self.into.push('\n');
    }

    /// `text` in a colour, where there are colours.
    fn painted(&self, color: &str, text: &str) -> String {
        match self.color {
            true => format!("{color}{text}{RESET}"),
            false => text.to_owned(),
        }
    }

    fn verdict(&mut self, report: &Report) {
        let word = report.verdict.as_str();
        let because = plain(&words::because(report));
        let mut lines = wrap(&because, WIDTH - word.len() - 2).into_iter();
        let head = self.painted(color_of(report.verdict), word);
        self.line(&format!("{head}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.line(&format!("{:1$}{line}", "", word.len() + 2));
        }
    }

    fn metrics(&mut self, report: &Report) {
        if report.metrics.is_empty() {
            return;
        }
        let titles = titles(report);
        let rows: Vec<Row> = report.metrics.iter().map(row).collect();
        let widths = widths(&titles, &rows);
        self.line("");
        let header = joined(&titles, &widths);
        let header = self.painted(DIM, header.trim_end());
        self.line(&format!("{:INDENT$}{header}", ""));
        let mut well = 0;
        let mut told = false;
        for (metric, row) in report.metrics.iter().zip(&rows) {
            if !metric.gated && !told {
                told = true;
                let note = self.painted(DIM, "not part of the verdict:");
                self.line(&format!("{:INDENT$}{note}", ""));
            }
            well += usize::from(metric.verdict == Verdict::Clean);
            if metric.verdict == Verdict::Clean && WELL < well {
                continue;
            }
            let word = format!("{:<INDENT$}", metric.verdict.as_str());
            let word = self.painted(color_of(metric.verdict), &word);
            self.line(&format!("{word}{}", joined(row, &widths)));
            self.below(metric);
        }
        if WELL < well {
            self.line(&format!("{:<INDENT$}and {} more metrics", "CLEAN", well - WELL));
        }
    }

    /// What is said of one metric below its line.
    fn below(&mut self, metric: &Metric) {
        let detail = match metric.verdict {
            Verdict::Clean if words::has_no_figures(metric) => metric.because.clone(),
            Verdict::Clean => words::shape(metric).map(str::to_owned).unwrap_or_default(),
            Verdict::Leak => format!("{}; {}", words::course(metric), metric.because),
            Verdict::Inconclusive | Verdict::Invalid => metric.because.clone(),
        };
        if !detail.is_empty() {
            for line in wrap(&plain(&detail), WIDTH - INDENT) {
                self.line(&format!("{:INDENT$}{line}", ""));
            }
        }
        let shown = &metric.groups[..metric.groups.len().min(GROUPS)];
        let rates: Vec<String> =
            shown.iter().map(|group| words::group_rate(group, metric)).collect();
        let width = rates.iter().map(|rate| rate.chars().count()).max().unwrap_or_default();
        for (group, rate) in shown.iter().zip(rates) {
            let part = share(group.share);
            let head = format!("{part:>6}  {rate:<width$}  {} to {}  ", group.first, group.last);
            let indent = INDENT + head.chars().count();
            let room = WIDTH.saturating_sub(indent).max(30);
            let mut title = wrap(&plain(&group.title), room).into_iter();
            let first = title.next().unwrap_or_default();
            self.line(&format!("{:INDENT$}{head}{first}", ""));
            for line in title {
                self.line(&format!("{:indent$}{line}", ""));
            }
        }
        if shown.len() < metric.groups.len() {
            let more = metric.groups.len() - shown.len();
            self.line(&format!("{:INDENT$}{:>6}  and {more} more groups that grow", "", ""));
        }
        if let Some(rest) = words::rest(&metric.groups) {
            self.line(&format!(
                "{:INDENT$}{:>6}  in no group that grows for certain",
                "",
                share(rest)
            ));
        }
    }

    /// A heading and its items; nothing without items.
    fn list(&mut self, title: &str, items: &[String]) {
        if items.is_empty() {
            return;
        }
        self.line("");
        self.line(&format!("{title}:"));
        for item in &items[..items.len().min(ITEMS)] {
            for (at, line) in wrap(&plain(item), WIDTH - 4).iter().enumerate() {
                let bullet = if at == 0 { "  - " } else { "    " };
                self.line(&format!("{bullet}{line}"));
            }
        }
        if ITEMS < items.len() {
            self.line(&format!("  and {} more", items.len() - ITEMS));
        }
    }

    /// What was done, and how to do it again.
    fn end(&mut self, report: &Report, recording: Option<&str>) {
        self.line("");
        self.pair("work", &words::work(report));
        self.pair("checked", &words::checked(report));
        if !report.daemon.is_empty() {
            self.pair("daemon", &report.daemon);
        }
        if report.drive != Drive::Passive {
            self.pair("seed", &format!("{} (the same order again: --seed {0})", report.seed));
        }
        if let Some(file) = recording {
            self.pair("judge again", &format!("cmon leak-check --replay {}", shell(file)));
        }
    }

    fn pair(&mut self, name: &str, value: &str) {
        for (at, line) in wrap(&plain(value), WIDTH - INDENT).iter().enumerate() {
            let head = format!("{:<INDENT$}", if at == 0 { name } else { "" });
            let head = self.painted(DIM, &head);
            self.line(&format!("{head}{line}"));
        }
    }
}

/// Meaning never hangs on it: the word stands there too.
fn color_of(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Leak | Verdict::Invalid => RED,
        Verdict::Clean => GREEN,
        Verdict::Inconclusive => YELLOW,
    }
}

fn titles(report: &Report) -> Row {
    let per_cycle = report.metrics.iter().filter_map(|metric| metric.per_cycle.as_ref());
    let per_minute = report.metrics.iter().filter_map(|metric| metric.per_minute.as_ref());
    let minute = words::per_minute_title(report);
    [
        "metric".to_owned(),
        format!("per cycle{}", words::confidence(per_cycle)),
        format!("{minute}{}", words::confidence(per_minute)),
        "p".to_owned(),
    ]
}

fn row(metric: &Metric) -> Row {
    [plain(&metric.name), words::per_cycle(metric), words::per_minute(metric), words::p(metric)]
}

/// The width of each column; 0 where no metric has anything in it.
fn widths(titles: &Row, rows: &[Row]) -> [usize; 4] {
    std::array::from_fn(|column| {
        let cells = || rows.iter().map(|row| &row[column]);
        match cells().all(|cell| cell == super::figures::NONE) {
            true => 0,
            false => cells()
                .chain([&titles[column]])
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default(),
        }
    })
}

fn joined(row: &Row, widths: &[usize; 4]) -> String {
    let mut line = String::new();
    for (cell, width) in row.iter().zip(widths).filter(|(_, width)| 0 < **width) {
        // Writing to a String cannot fail.
        let _ = write!(line, "{cell:<width$}  ");
    }
    line.trim_end().to_owned()
}

fn survivors(report: &Report) -> Vec<String> {
    let all = report.survivors.iter();
    all.map(|it| format!("{} {}, {} old", it.kind, it.name, duration(it.age))).collect()
}

fn unavailable(report: &Report) -> Vec<String> {
    report.unavailable.iter().map(|it| format!("{}: {}", it.metric, it.why)).collect()
}

fn cuts(report: &Report) -> Vec<String> {
    let at = |milliseconds: u64| duration(milliseconds as f64 / 1000.0);
    let all = report.cuts.iter();
    all.map(|cut| format!("{} at {}: {}", cut.source, at(cut.at_ms), cut.why)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::escape::tests::{hostile, is_harmless};
    use super::super::sample;
    use super::*;

    #[test]
    fn a_leak_is_told_with_its_groups_and_what_it_means() {
        insta::assert_snapshot!(text(&sample::leak(), false, Some("run 1.ndjson")), @"
        LEAK: daemon.goroutines grows by 0.180 per cycle, and not while idle

                      metric             per cycle (99 %)         per minute while idle (99 %)  p
        LEAK          daemon.goroutines  +0.180 (0.070 to 0.290)  0.000 (-0.400 to 0.400)       0.0039
                      72 to 228; a line; it grows with each cycle, and not while idle
                        20 %  +0.030 per cycle  0 to 26  net/http.(*connReader).backgroundRead
                                                         net/http/server.go:674
                        20 %  +0.030 per cycle  0 to 26  daemon/logger/loggerutils.(*follow).waitRead
                                                         follow.go:112
                        20 %  +0.030 per cycle  0 to 26  api/server/httputils.WriteLogStream
                                                         write_log_stream.go:22
                        20 %  +0.030 per cycle  0 to 26  daemon.(*Daemon).ContainerLogs.func2
                                                         daemon/logs.go:118
                        10 %  +0.030 per cycle  0 to 26  github.com/fsnotify/fsnotify.(*Watcher).readEvents
                                                         inotify.go:174
                        10 %  in no group that grows for certain
        CLEAN         daemon.fds         0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1
        CLEAN         own.tasks          -                        -                             -
                      nothing was alive at the end
                      not part of the verdict:
        CLEAN         own.rss            -                        +0.01 MiB (-0.02 to 1.00)     -
                      one step of +3.1 MiB at 2m10s

        what it means:
          - 0.030 followers in the daemon per cycle: streams that are not closed

        still alive at the end:
          - reader web-3, 31s old

        could not be had:
          - target.web.threads: /proc/812/task may not be read by this user

        a series began anew:
          - target.web at 1m1s: the target was started again (pid 12 is now 40)

        smallest leak that this run could have seen:
          - 0.027 per cycle or 0.6 per minute: daemon.goroutines, daemon.fds
          - 1 in all: own.tasks

        work          1,860 cycles in 3m4s, 598.2 cycles/min while driven (600 expected), warm-up 1,000
                      cycles, 10 pairs, 14,352 lines
        checked       8 containers: web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8; target pid:812;
                      stream timeout 800ms
        daemon        dockerd 20.10.24 at unix:///run/docker.sock (default)
        seed          42 (the same order again: --seed 42)
        judge again   cmon leak-check --replay 'run 1.ndjson'
        ");
    }

    #[test]
    fn a_clean_run_says_what_it_could_have_seen() {
        insta::assert_snapshot!(text(&sample::clean(), false, None), @"
        CLEAN: nothing grows faster than is tolerated

                      metric                 per cycle (99 %)         per minute while idle (99 %)  p
        CLEAN         daemon.goroutines      0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1
        CLEAN         daemon.fds             0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1
        CLEAN         target.web.goroutines  0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1
                      one step of +25 at 2m10s

        smallest leak that this run could have seen:
          - 0.027 per cycle or 0.6 per minute: daemon.goroutines, daemon.fds, target.web.goroutines

        work          1,860 cycles in 3m4s, 598.2 cycles/min while driven (600 expected), warm-up 1,000
                      cycles, 10 pairs, 14,352 lines
        checked       8 containers: web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8; stream timeout
                      800ms
        daemon        dockerd 20.10.24 at unix:///run/docker.sock (default)
        seed          42 (the same order again: --seed 42)
        ");
    }

    #[test]
    fn a_run_that_could_not_tell_says_what_helps() {
        insta::assert_snapshot!(text(&sample::inconclusive(), false, None), @"
        INCONCLUSIVE: daemon.goroutines could not be judged: too few pairs

                      metric             per cycle (99 %)         per minute while idle (99 %)  p
        INCONCLUSIVE  daemon.goroutines  +5.000 (4.985 to 5.015)  0.000 (-0.400 to 0.400)       0.12
                      3 pairs cannot give a p below 0.125; at least 10 pairs are needed
        CLEAN         daemon.fds         0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1

        smallest leak that this run could have seen:
          - 0.09 per cycle or 0.6 per minute: daemon.goroutines
          - 0.027 per cycle or 0.6 per minute: daemon.fds

        what helps:
          - run for at least 3m: --duration 3m

        work          1,860 cycles in 1m1s, 598.2 cycles/min while driven (600 expected), warm-up 1,000
                      cycles, 3 pairs, 14,352 lines
        checked       8 containers: web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8; stream timeout
                      800ms
        daemon        dockerd 20.10.24 at unix:///run/docker.sock (default)
        seed          42 (the same order again: --seed 42)
        ");
    }

    #[test]
    fn a_run_without_lines_is_invalid() {
        insta::assert_snapshot!(text(&sample::invalid(), false, None), @"
        INVALID: the streams were opened and closed, but no line was read through them

                      metric
        INVALID       daemon.goroutines
                      no line was read

        smallest leak that this run could have seen:
          - unknown: daemon.goroutines

        what helps:
          - see that the containers write: docker logs -f web-1

        work          1,860 cycles in 3m4s, 12 cycles/min while driven (600 expected), warm-up 1,000 cycles,
                      10 pairs, 0 lines
        checked       8 containers: web-1, web-2, web-3, web-4, web-5, web-6, web-7, web-8; stream timeout
                      800ms
        daemon        dockerd 20.10.24 at unix:///run/docker.sock (default)
        seed          42 (the same order again: --seed 42)
        ");
    }

    #[test]
    fn an_interrupted_run_says_so_in_its_first_line() {
        insta::assert_snapshot!(text(&sample::interrupted(), false, None), @"
        LEAK: target.collector.fds grows by 16 per minute (interrupted after 4m52s: this is the verdict so
              far)

                      metric                per minute (99 %)     p
        LEAK          target.collector.fds  +16.0 (15.2 to 16.8)  < 0.0001
                      20 to 92; +8 every 30 s: a staircase; it grows over the whole run

        what it means:
          - +8 every 30 s: a timer, not the streams

        smallest leak that this run could have seen:
          - 0.6 per minute: target.collector.fds

        work          4m52s watched, 2,300 lines
        checked       target http://127.0.0.1:6060
        ");
    }

    #[test]
    fn an_empty_report_is_still_one() {
        insta::assert_snapshot!(text(&sample::empty(), false, None), @"
        INVALID: no metric could be read

        work          0s watched, 0 lines
        checked       nothing
        ");
    }

    #[test]
    fn colours_only_add_to_the_words() {
        for report in sample::all() {
            let mut colored = text(&report, true, None);
            assert!(colored.contains("\x1b["));
            for color in [DIM, GREEN, RED, YELLOW, RESET] {
                colored = colored.replace(color, "");
            }
            assert_eq!(colored, text(&report, false, None));
        }
    }

    #[test]
    fn it_is_narrow_and_tells_no_nan() {
        for report in sample::all() {
            let text = text(&report, false, None);
            let wide = text.lines().find(|line| WIDTH < line.chars().count());
            assert_eq!(wide, None);
        }
        let text = text(&sample::without_numbers(), false, None);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn of_many_metrics_the_bad_ones_are_all_shown() {
        let text = text(&sample::many(200), false, None);
        assert_eq!(text.lines().filter(|line| line.starts_with("LEAK  ")).count(), 67);
        assert_eq!(text.lines().filter(|line| line.starts_with("CLEAN ")).count(), 41);
        assert!(text.contains("and 26 more metrics"));
    }

    proptest! {
        #[test]
        fn no_name_can_drive_the_terminal(name in hostile()) {
            let text = text(&sample::with_text(&name), false, Some(&name));
            prop_assert!(is_harmless(&text));
        }
    }
}
