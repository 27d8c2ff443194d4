//! The report for people, one of each verdict, and names that were made to break it.

use proptest::prelude::*;

use super::*;
use crate::leak::report::escape::tests::{hostile, is_harmless};
use crate::leak::report::sample;

#[test]
fn a_leak_is_told_with_its_groups_and_what_it_means() {
    insta::assert_snapshot!(text(&sample::leak(), false, &["--replay".into(), "run 1.ndjson".into()]), @"
        LEAK: daemon.goroutines grows by 0.180 per cycle, and not while idle

                      metric             per cycle (99 %)         per minute while idle (99 %)  p
        LEAK          daemon.goroutines  +0.180 (0.070 to 0.290)  0.000 (-0.400 to 0.400)       0.0039
                      72 to 228; a line of +51.0 per minute; it grows with each cycle, and not while idle
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

/// The text without what was done and where.
fn findings(report: &Report) -> String {
    let text = text(report, false, &[]);
    text.split("\nwork ").next().unwrap().to_owned()
}

#[test]
fn a_clean_run_says_what_it_could_have_seen() {
    insta::assert_snapshot!(text(&sample::clean(), false, &[]), @"
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
    insta::assert_snapshot!(findings(&sample::inconclusive()), @"
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
    ");
}

#[test]
fn a_run_without_lines_is_invalid() {
    insta::assert_snapshot!(findings(&sample::invalid()), @"
    INVALID: the streams were opened and closed, but no line was read through them

                  metric
    INVALID       daemon.goroutines
                  no line was read

    smallest leak that this run could have seen:
      - unknown: daemon.goroutines

    what helps:
      - see that the containers write: docker logs -f web-1
    ");
    let whole = text(&sample::invalid(), false, &[]);
    assert!(whole.contains("12 cycles/min while driven (600 expected)"), "{whole}");
    assert!(whole.contains("10 pairs, 0 lines"), "{whole}");
}

#[test]
fn growth_that_was_there_before_is_told_though_it_is_clean() {
    insta::assert_snapshot!(findings(&sample::as_before()), @"
    CLEAN: nothing new grows in 2 gated metrics, compared with the earlier run; daemon.goroutines grows
           as before: 0.5 per cycle

                  metric             per cycle (99 %)         per minute while idle (99 %)  p
    CLEAN         daemon.goroutines  +0.500 (0.490 to 0.510)  0.000 (-0.400 to 0.400)       1
                  no new growth: 0 per cycle (-0.005 .. 0.005) against the earlier run
    CLEAN         daemon.fds         0.000 (-0.009 to 0.009)  0.000 (-0.400 to 0.400)       1

    compared with the earlier run of 2026-11-17T12:00:00Z (LEAK):
      - daemon.goroutines grows as before: 0.5 per cycle, and 0.502 per cycle then
      - the earlier run took 3m4s, this one 10m: growth per minute is not compared

    smallest leak that this run could have seen:
      - 0.027 per cycle or 0.6 per minute: daemon.goroutines, daemon.fds
    ");
}

#[test]
fn an_interrupted_run_says_so_in_its_first_line() {
    insta::assert_snapshot!(text(&sample::interrupted(), false, &[]), @"
    LEAK: target.collector.fds grows by 16 per minute (interrupted after 4m52s: this is the verdict so
          far)

                  metric                per minute (99 %)     p
    LEAK          target.collector.fds  +16.0 (15.2 to 16.8)  < 0.0001
                  20 to 92; +8 every 30 s: a staircase; it grows over the whole run

    what it means:
      - +8 every 30 s: a timer (target.collector.fds); whether it makes cycles cannot be told where none
        are counted

    smallest leak that this run could have seen:
      - 0.6 per minute: target.collector.fds

    work          4m52s watched
    checked       target http://127.0.0.1:6060
    ");
}

#[test]
fn an_empty_report_is_still_one() {
    insta::assert_snapshot!(text(&sample::empty(), false, &[]), @"
    INVALID: no metric could be read

    work          0s watched
    checked       nothing
    ");
}

#[test]
fn colours_only_add_to_the_words() {
    for report in sample::all() {
        let mut colored = text(&report, true, &[]);
        assert!(colored.contains("\x1b["));
        for color in [DIM, GREEN, RED, YELLOW, RESET] {
            colored = colored.replace(color, "");
        }
        assert_eq!(colored, text(&report, false, &[]));
    }
}

#[test]
fn it_is_narrow_and_tells_no_nan() {
    let wordy = Report { advice: vec!["a ".repeat(200)], ..sample::leak() };
    for report in sample::all().into_iter().chain([wordy]) {
        let text = text(&report, false, &[]);
        let wide = text.lines().find(|line| 100 < line.chars().count());
        assert_eq!(wide, None);
    }
    let text = text(&sample::without_numbers(), false, &[]);
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}

#[test]
fn the_worst_comes_first_and_what_does_not_decide_last() {
    let order = |report: &Report| {
        let metrics = words::ordered(report).into_iter();
        metrics.map(|(_, metric)| (metric.verdict, metric.gated)).collect::<Vec<_>>()
    };
    let mut report = sample::many(3);
    report.metrics.reverse();
    report.metrics[2].gated = false;
    let expected = [(Verdict::Inconclusive, true), (Verdict::Clean, true), (Verdict::Leak, false)];
    assert_eq!(order(&report), expected);
}

#[test]
fn of_many_metrics_the_bad_ones_are_all_shown() {
    let text = text(&sample::many(200), false, &[]);
    assert_eq!(text.lines().filter(|line| line.starts_with("LEAK  ")).count(), 67);
    assert_eq!(text.lines().filter(|line| line.starts_with("CLEAN ")).count(), 41);
    assert!(text.contains("and 26 more metrics"));
}

proptest! {
    #[test]
    fn no_name_can_drive_the_terminal(name in hostile()) {
        let text = text(&sample::with_text(&name), false, &[name]);
        prop_assert!(is_harmless(&text));
    }
}
