//! How far a leak check is, on stderr: a line per metric that decides, redrawn in place on a terminal, and
//! elsewhere a line of words now and then.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::leak::judge::words::{count, signed, span};
use crate::leak::record::{Header, Reading, Record, Rules, Stage};
use crate::leak::verdict::is_gated;
use crate::output::Sink;

/// Between two lines where nothing is redrawn, in seconds.
const SELDOM: f64 = 30.0;
/// More metrics than this are not shown while it runs.
const ROWS: usize = 12;

/// The progress of one check.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    how: How<'a>,
    rules: Rules,
    driven: bool,
    /// Planned, in seconds.
    duration: f64,
    /// When the last line was written.
    told: f64,
    last: Option<Reading>,
    pairs: f64,
    metrics: BTreeMap<String, Growth>,
}

/// Where it goes.
#[derive(Debug)]
enum How<'a> {
    Nowhere,
    InPlace { all: MultiProgress, head: ProgressBar, rows: BTreeMap<String, ProgressBar> },
    Lines(&'a Sink),
}

/// What a metric did so far, without any test.
#[derive(Debug, Default)]
struct Growth {
    driven: f64,
    cycles: f64,
    idle: f64,
    minutes: f64,
}

impl<'a> Progress<'a> {
    /// The progress of a check that takes this long.
    pub(super) fn new(
        animate: bool,
        quiet: bool,
        err: &'a Sink,
        header: &Header,
        duration: Duration,
    ) -> Self {
        let how = match (quiet, animate) {
            (true, _) => How::Nowhere,
            (false, false) => How::Lines(err),
            (false, true) => {
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
                let head = all.add(bar());
                How::InPlace { all, head, rows: BTreeMap::new() }
            }
        };
        Self {
            how,
            rules: header.rules.clone(),
            driven: header.drive.has_rungs(),
            duration: duration.as_secs_f64(),
            told: -SELDOM,
            last: None,
            pairs: 0.0,
            metrics: BTreeMap::new(),
        }
    }

    /// Takes the next record.
    pub(super) fn see(&mut self, record: &Record) {
        let Record::Reading(reading) = record else {
            return;
        };
        if reading.rest {
            let before = self.last.replace(reading.clone());
            let driven = match reading.stage {
                Stage::Drive => Some(true),
                Stage::Idle => Some(false),
                _ => None,
            };
            if let (Some(before), Some(driven)) = (before, driven) {
                self.pairs += 0.5;
                self.grew(&before, reading, driven);
            }
        }
        self.tell(reading);
    }

    /// Takes it off the terminal.
    pub(super) fn clear(&self) {
        if let How::InPlace { all, .. } = &self.how {
            // What cannot be drawn on cannot be cleared, and need not be.
            let _ = all.clear();
        }
    }

    fn grew(&mut self, before: &Reading, now: &Reading, driven: bool) {
        for (metric, value) in &now.values {
            let Some(before_value) = before.values.get(metric) else {
                continue;
            };
            let growth = self.metrics.entry(metric.clone()).or_default();
            match driven {
                true => {
                    growth.driven += value - before_value;
                    growth.cycles += now.cycles - before.cycles;
                }
                false => {
                    growth.idle += value - before_value;
                    growth.minutes += (now.at - before.at) / 60.0;
                }
            }
        }
    }

    fn head(&self, reading: &Reading) -> String {
        let left = (self.duration - reading.at).max(0.0);
        let stage = match reading.stage {
            Stage::Start | Stage::WarmUp => "warming up".to_owned(),
            Stage::Drive | Stage::Idle => format!("pair {}", (self.pairs + 0.5).floor().max(1.0)),
            Stage::Passive => "watching".to_owned(),
        };
        let cycles = match self.driven || 0.0 < reading.cycles {
            true => format!(" · {} cycles", count(reading.cycles)),
            false => String::new(),
        };
        let lines = match reading.lines {
            0.0 => String::new(),
            lines => format!(" · {} lines", count(lines)),
        };
        format!(
            "{stage} · {}{cycles}{lines} · {} left",
            span(reading.at.round()),
            span(left.round())
        )
    }

    fn row(&self, metric: &str, value: f64) -> String {
        let mut text = format!("  {metric:<28} {:>8}", count(value));
        if let Some(growth) = self.metrics.get(metric).filter(|growth| 0.0 < growth.cycles) {
            let minutes = if 0.0 < growth.minutes { growth.idle / growth.minutes } else { 0.0 };
            // What an idle rung does as well is not the cycles' doing.
            let per_cycle = (growth.driven - growth.idle) / growth.cycles;
            let per_cycle = signed((per_cycle * 1000.0).round() / 1000.0);
            let minutes = signed((minutes * 10.0).round() / 10.0);
            // Writing to a String cannot fail.
            let _ =
                write!(text, "  {per_cycle} per cycle, {minutes} per minute while idle, so far");
        }
        text
    }

    fn tell(&mut self, reading: &Reading) {
        let head = self.head(reading);
        let gated = reading.values.iter().filter(|(metric, _)| is_gated(metric, &self.rules));
        let shown: Vec<(String, String)> = gated
            .take(ROWS)
            .map(|(metric, value)| (metric.clone(), self.row(metric, *value)))
            .collect();
        match &mut self.how {
            How::InPlace { all, head: bar_of_head, rows } => {
                bar_of_head.set_message(head);
                bar_of_head.tick();
                for (metric, text) in shown {
                    let row = rows.entry(metric).or_insert_with(|| all.add(bar()));
                    row.set_message(text);
                    row.tick();
                }
            }
            How::Lines(err) if self.told + SELDOM <= reading.at => {
                self.told = reading.at;
                // Talk: nothing failed when nobody can hear it.
                let _ = err.write_all(format!("{head}\n").as_bytes());
            }
            How::Nowhere | How::Lines(_) => {}
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("a fixed template");
    ProgressBar::new_spinner().with_style(style)
}
