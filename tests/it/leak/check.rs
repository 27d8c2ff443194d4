//! A check as a process, and its report.

use std::fmt::{self, Write as _};
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use super::super::support::{Cmon, Done, PATIENCE};

/// No daemon listens here: for checks of targets alone.
pub(super) const NOWHERE: &str = "unix:///nowhere/docker.sock";

/// A check that runs, against the daemon at `host`.
pub(super) struct Check {
    pub(super) cmon: Cmon,
    duration: Duration,
}

/// What it has reported.
pub(super) struct Report {
    pub(super) value: Value,
    pub(super) done: Done,
}

/// An estimate and its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub(super) estimate: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Any `cmon leak-check`, in surroundings that say nothing.
pub(super) fn cmon(host: &str, args: &[&str], change: impl FnOnce(&mut Command)) -> Cmon {
    Cmon::start_with(&[&["leak-check"], args].concat(), |command| {
        command.env("DOCKER_HOST", host);
        for name in ["GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "CMON_LEAK_DURATION"]
        {
            command.env_remove(name);
        }
        change(command);
    })
}

impl Check {
    /// Starts a check that reports in JSON.
    pub(super) fn start(host: &str, duration: Duration, args: &[&str]) -> Self {
        let time = format!("{}s", duration.as_secs());
        let args = [&["--duration", &time, "-o", "json"], args].concat();
        Self { cmon: cmon(host, &args, |_| {}).read(), duration }
    }

    /// Waits for its end and its report.
    #[track_caller]
    pub(super) fn report(self) -> Report {
        Report::of(self.cmon.done_within(self.duration + PATIENCE))
    }

    /// Runs a check to its end.
    #[track_caller]
    pub(super) fn run(host: &str, duration: Duration, args: &[&str]) -> Report {
        Self::start(host, duration, args).report()
    }
}

impl Report {
    /// The report of an ended check. Verdict and exit code must say the same.
    #[track_caller]
    pub(super) fn of(done: Done) -> Self {
        let text = done.text();
        let value: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {done}"));
        assert_eq!((&value["v"], &value["type"]), (&1.into(), &"leak_report".into()), "{done}");
        assert_eq!(super::schema_check::violation(&value), None, "{done}");
        assert_eq!(text.lines().count(), 1, "one object, one line: {done}");
        let report = Self { value, done };
        if report.value["interrupted"] == false {
            let code = match report.verdict() {
                "CLEAN" => 0,
                "LEAK" => 1,
                "INVALID" => 2,
                "INCONCLUSIVE" => 3,
                other => panic!("`{other}` is no verdict: {report}"),
            };
            assert_eq!(report.done.status.code(), Some(code), "{report}");
        }
        report
    }

    pub(super) fn verdict(&self) -> &str {
        self.value["verdict"].as_str().unwrap()
    }

    /// The verdict in one sentence.
    pub(super) fn sentence(&self) -> &str {
        self.value["text"]["verdict"].as_str().unwrap()
    }

    /// Why the verdict on a metric is what it is.
    #[track_caller]
    pub(super) fn explanation(&self, name: &str) -> &str {
        self.value["text"]["metrics"][name].as_str().unwrap()
    }

    pub(super) fn metrics(&self) -> &[Value] {
        self.value["metrics"].as_array().unwrap()
    }

    #[track_caller]
    pub(super) fn metric(&self, name: &str) -> &Value {
        let found = self.metrics().iter().find(|metric| metric["name"] == name);
        found.unwrap_or_else(|| panic!("no metric `{name}`: {self}"))
    }

    /// The verdict on one metric must be this one.
    #[track_caller]
    pub(super) fn says(&self, metric: &str, verdict: &str) -> &Self {
        assert_eq!(self.metric(metric)["verdict"], verdict, "{metric}: {self}");
        self
    }

    /// No metric at all may be called a leak, and so not the whole.
    #[track_caller]
    pub(super) fn has_no_leak(&self) -> &Self {
        assert!(self.metrics().iter().all(|metric| metric["verdict"] != "LEAK"), "{self}");
        assert_ne!(self.verdict(), "LEAK", "{self}");
        self
    }

    /// The growth `per_cycle` or `per_minute` of a metric.
    #[track_caller]
    pub(super) fn growth(&self, metric: &str, per: &str) -> Interval {
        let of = &self.metric(metric)[per];
        let figure = |name: &str| {
            of[name].as_f64().unwrap_or_else(|| panic!("{metric}: no {name} {per}: {self}"))
        };
        let [estimate, low, high] = ["estimate", "low", "high"].map(figure);
        Interval { estimate, low, high }
    }

    /// The growth of a metric must hold this value, to one in a hundred, and be known as well as `give`.
    #[track_caller]
    pub(super) fn grows(&self, metric: &str, per: &str, value: f64, give: f64) -> &Self {
        let Interval { estimate, low, high } = self.growth(metric, per);
        // Rates are per minute as clocks of two processes show it.
        let slack = 1e-9 + 0.01 * value.abs();
        let holds = low - slack <= value && value <= high + slack;
        let close = (estimate - value).abs() <= give;
        assert!(holds && close, "{metric} {per}: not {value} within {give}: {self}");
        self
    }

    /// The group that has grown most must have this in its title.
    #[track_caller]
    pub(super) fn blames(&self, metric: &str, function: &str) -> &Self {
        let group = &self.metric(metric)["groups"][0];
        let title = group["title"].as_str().unwrap_or_default();
        assert!(title.contains(function), "{metric}: not `{function}` but {group}: {self}");
        self
    }

    /// One of the signatures must hold this text.
    #[track_caller]
    pub(super) fn means(&self, words: &str) -> &Self {
        let all = self.value["text"]["signatures"].as_array().unwrap();
        let found = all.iter().any(|text| text.as_str().unwrap().contains(words));
        assert!(found, "no signature `{words}`: {self}");
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = &self.value;
        writeln!(f, "{}: {} ({})", value["verdict"], value["text"]["verdict"], self.done.status)?;
        for metric in self.metrics() {
            let text = |name: &str| metric[name].to_string();
            let [name, verdict, shape] = ["name", "verdict", "shape"].map(text);
            let why = &value["text"]["metrics"][metric["name"].as_str().unwrap_or_default()];
            writeln!(f, "  {name} {verdict}: {why} {shape}")?;
            for group in metric["groups"].as_array().into_iter().flatten().take(4) {
                writeln!(f, "    {} -> {} {}", group["first"], group["last"], group["title"])?;
            }
        }
        let mut rest = String::new();
        for name in ["cycles", "lines", "pairs", "signatures", "cuts", "unavailable", "survivors"] {
            write!(rest, "{name} {}; ", value[name])?;
        }
        writeln!(f, "{rest}\nstderr:\n{}", self.done.stderr)
    }
}
