//! Shows the progress of a leak check on stderr: on a terminal one line per gated metric, redrawn in place; otherwise a
//! line at intervals.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::format::figures::{count, signed};
use crate::format::units::{span, with_noun};
use crate::leak::record::{Header, Reading, Record, Rules, Stage};
use crate::leak::verdict::is_gated;
use crate::output::Sink;

/// Seconds between two lines without redrawing.
const LINE_INTERVAL_SECONDS: f64 = 30.0;
/// The maximum of displayed metrics.
const ROWS_MAX: usize = 12;

/// The progress of one check.
#[derive(Debug)]
pub(super) struct Progress<'a> {
    display: Display<'a>,
    rules: Rules,
    driven: bool,
    /// Planned, in seconds.
    duration: f64,
    /// When the last line was written.
    last_line: f64,
    last: Option<Reading>,
    pairs: f64,
    metrics: BTreeMap<String, Growth>,
}

/// The style of the display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Hidden,
    /// A line at intervals.
    Lines,
    /// Redrawn in place.
    InPlace,
}

/// The display with its state.
#[derive(Debug)]
enum Display<'a> {
    Hidden,
    InPlace { all: MultiProgress, head: ProgressBar, rows: BTreeMap<String, ProgressBar> },
    Lines(&'a Sink),
}

/// The growth of a metric so far, without any test.
#[derive(Debug, Default)]
struct Growth {
    driven: f64,
    cycles: f64,
    idle: f64,
    minutes: f64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(style: Style, err: &'a Sink, header: &Header, duration: Duration) -> Self {
        let display = match style {
            Style::Hidden => Display::Hidden,
            Style::Lines => Display::Lines(err),
            Style::InPlace => {
                let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(4));
                let head = all.add(bar());
                Display::InPlace { all, head, rows: BTreeMap::new() }
            }
        };
        Self {
            display,
            rules: header.rules.clone(),
            driven: header.drive.has_phases(),
            duration: duration.as_secs_f64(),
            last_line: -LINE_INTERVAL_SECONDS,
            last: None,
            pairs: 0.0,
            metrics: BTreeMap::new(),
        }
    }

    /// Adds the next record, and updates the display.
    pub(super) fn add(&mut self, record: &Record) {
        let Record::Reading(reading) = record else {
            return;
        };
        if reading.rest {
            let before = self.last.replace(reading.clone());
            if let (Some(before), Stage::Drive | Stage::Idle) = (before, reading.stage) {
                self.pairs += 0.5;
                self.add_phase(&before, reading);
            }
        }
        self.show(reading);
    }

    /// Clears the display.
    pub(super) fn clear(&self) {
        if let Display::InPlace { all, .. } = &self.display {
            // An error means that there is no terminal to clear.
            let _ = all.clear();
        }
    }

    fn add_phase(&mut self, before: &Reading, now: &Reading) {
        for (metric, value) in &now.values {
            let Some(before_value) = before.values.get(metric) else {
                continue;
            };
            let growth = self.metrics.entry(metric.clone()).or_default();
            match now.stage {
                Stage::Drive => {
                    growth.driven += value - before_value;
                    growth.cycles += now.cycles - before.cycles;
                }
                _ => {
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
            true => format!(" · {}", with_noun(&count(reading.cycles), "cycle")),
            false => String::new(),
        };
        let lines = match reading.lines {
            0.0 => String::new(),
            lines => format!(" · {}", with_noun(&count(lines), "line")),
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
            // Growth in idle phases is not caused by cycles.
            let per_cycle = (growth.driven - growth.idle) / growth.cycles;
            let per_cycle = signed((per_cycle * 1000.0).round() / 1000.0);
            let minutes = signed((minutes * 10.0).round() / 10.0);
            // Writing to a String cannot fail.
            let _ =
                write!(text, "  {per_cycle} per cycle, {minutes} per minute while idle, so far");
        }
        text
    }

    fn show(&mut self, reading: &Reading) {
        let head = self.head(reading);
        let gated = reading.values.iter().filter(|(metric, _)| is_gated(metric, &self.rules));
        let shown: Vec<(String, String)> = gated
            .take(ROWS_MAX)
            .map(|(metric, value)| (metric.clone(), self.row(metric, *value)))
            .collect();
        match &mut self.display {
            Display::InPlace { all, head: bar_of_head, rows } => {
                bar_of_head.set_message(head);
                bar_of_head.tick();
                for (metric, text) in shown {
                    let row = rows.entry(metric).or_insert_with(|| all.add(bar()));
                    row.set_message(text);
                    row.tick();
                }
            }
            Display::Lines(err) if self.last_line + LINE_INTERVAL_SECONDS <= reading.at => {
                self.last_line = reading.at;
                // A closed stderr is no error.
                let _ = err.write_all(format!("{head}\n").as_bytes());
            }
            Display::Hidden | Display::Lines(_) => {}
        }
    }
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_msg}").expect("a fixed template");
    ProgressBar::new_spinner().with_style(style)
}
