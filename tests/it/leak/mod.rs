//! `cmon leak-check` from end to end: real daemons, real programs that leak or only seem to, and cmon
//! as a process.
//!
//! A check takes its time, so what can wait beside each other does: the cases of one test are threads.
//! With `CMON_LONG=1` all of it runs at full length; without, as long as a verdict needs.

mod away;
mod check;
mod clean;
mod collector;
mod compared;
mod counters;
mod daemons;
mod ends;
mod followers;
mod forms;
mod pages;
mod programs;
mod recording;
mod refusals;
#[path = "../../../src/leak/report/tests/schema_check.rs"]
mod schema_check;

use std::time::Duration;

/// Whether there is time for everything.
fn is_long() -> bool {
    std::env::var("CMON_LONG").is_ok_and(|value| value == "1")
}

/// The one or the other.
fn length(short: u64, long: u64) -> Duration {
    Duration::from_secs(if is_long() { long } else { short })
}

/// For a check of a leak that ends as soon as it is sure: what a slow machine needs. There the warm-up takes up to
/// 150 s, and the pairs that a certain leak takes have to fit into the rest.
fn until_sure() -> Duration {
    length(300, 600)
}

type Case<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Cases that wait beside each other.
#[derive(Default)]
struct Cases<'a>(Vec<(&'static str, Case<'a>)>);

impl<'a> Cases<'a> {
    fn add(mut self, name: &'static str, case: impl FnOnce() + Send + 'a) -> Self {
        self.0.push((name, Box::new(case)));
        self
    }

    /// Runs all of them, each to its end, and fails when any of them has.
    #[track_caller]
    fn run(self) {
        let failed: Vec<&str> = std::thread::scope(|scope| {
            let started = self.0.into_iter().map(|(name, case)| (name, scope.spawn(case)));
            let started: Vec<_> = started.collect();
            let ended = started.into_iter().map(|(name, thread)| (name, thread.join()));
            ended.filter(|(_, ended)| ended.is_err()).map(|(name, _)| name).collect()
        });
        assert!(failed.is_empty(), "failed: {}", failed.join(", "));
    }
}
