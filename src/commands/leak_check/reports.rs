//! Writes the report of a check in each requested format.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::tz::TimeZone;

use crate::cli::OnInconclusive;
use crate::config::{LeakCheck, LeakForm};
use crate::engine::event::{About, Event, Label, Note, Notice};
use crate::engine::source::Listed;
use crate::exit::Exit;
use crate::format::headline;
use crate::format::runner::inert;
use crate::leak::facts::{Comparison, PlanReport, Report};
use crate::leak::judge::Verdict;
use crate::leak::report::json::Kind;
use crate::leak::report::junit::Unclear;
use crate::leak::report::{compare, github, html, json, junit, plan_report, text};
use crate::leak::{selftest, verdict};
use crate::output::Sinks;

/// The writer of reports.
pub(super) struct Reports<'a> {
    leak: &'a LeakCheck,
    sinks: &'a Sinks,
}

/// The contents of files, created on demand.
struct Forms<'a> {
    junit: &'a dyn Fn(Unclear) -> String,
    html: &'a dyn Fn() -> String,
    annotations: &'a dyn Fn() -> String,
    summary: &'a dyn Fn() -> String,
    verdict: Verdict,
}

impl<'a> Reports<'a> {
    pub(super) fn new(leak: &'a LeakCheck, sinks: &'a Sinks) -> Self {
        Self { leak, sinks }
    }

    /// Writes text or JSON to stdout. `inert` disables workflow commands in names of targets.
    pub(super) fn text(&self, text: &str) -> anyhow::Result<()> {
        match self.sinks.out.write_all(inert(text).as_bytes()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(anyhow::Error::new(error).context("could not write to stdout"))
            }
            _ => Ok(()),
        }
    }

    /// Notes that the check excludes cmon's own container.
    pub(super) fn left_out(&self, own: &Listed) {
        if !self.leak.quiet {
            let label = Label::new(own.key.clone(), Arc::clone(&own.name));
            let about = About::Container(Arc::new(label));
            let note = Event::Note(Note { about, what: Notice::Own });
            let text = headline(&note, &TimeZone::UTC).unwrap_or_default();
            // A closed stderr is no error.
            let _ = self.sinks.err.write_all(format!("{text}\n").as_bytes());
        }
    }

    /// Writes the plans of a dry run to stdout.
    pub(super) fn plans(&self, plans: &[PlanReport]) -> anyhow::Result<()> {
        self.text(&match self.leak.form {
            LeakForm::Json => plan_report::json(plans),
            LeakForm::Text { colors, .. } => plan_report::text(plans, colors),
        })
    }

    /// Notes on stderr that the check was stopped before it started. There is no verdict.
    pub(super) fn nothing_was_read(&self) -> Exit {
        let _ = self.sinks.err.write_all(b"~ interrupted before anything was read\n");
        Exit::Interrupted
    }

    /// Writes a report to stdout and to the requested files.
    pub(super) fn report(&self, report: &Report) -> anyhow::Result<()> {
        let written = match self.leak.form {
            LeakForm::Json => json::json(report),
            LeakForm::Text { colors, detail } => {
                text::text(report, detail, colors, &self.leak.again())
            }
        };
        // Writes the files even if stdout is closed.
        let files = self.files(report);
        self.text(&written)?;
        files
    }

    /// Checks before the measurement that the files are writable.
    pub(super) fn try_files(&self) -> anyhow::Result<()> {
        for path in [&self.leak.junit, &self.leak.html].into_iter().flatten() {
            let is_new = path.symlink_metadata().is_err();
            append(Some(path), "")?;
            if is_new {
                // A check that does not start leaves no empty report.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    fn files(&self, report: &Report) -> anyhow::Result<()> {
        self.write(&Forms {
            junit: &|unclear| junit::junit(report, unclear),
            html: &|| html::html(report),
            annotations: &|| github::annotations(report),
            summary: &|| github::summary(report),
            verdict: report.verdict,
        })
    }

    /// The same for a comparison: each file contains all runs.
    fn files_compared(&self, comparison: &Comparison) -> anyhow::Result<()> {
        self.write(&Forms {
            junit: &|unclear| junit::compared(comparison, unclear),
            html: &|| html::comparison(comparison),
            annotations: &|| github::annotations_compared(comparison),
            summary: &|| github::summary_compared(comparison),
            verdict: comparison.verdict(),
        })
    }

    fn write(&self, forms: &Forms<'_>) -> anyhow::Result<()> {
        if let Some(path) = &self.leak.junit {
            let unclear = match self.leak.on_inconclusive {
                OnInconclusive::Pass => Unclear::Skipped,
                OnInconclusive::Fail | OnInconclusive::Exit3 => Unclear::Error,
            };
            file(path, &(forms.junit)(unclear))?;
        }
        if let Some(path) = &self.leak.html {
            file(path, &(forms.html)())?;
        }
        if let Some(github) = &self.leak.github {
            // The runner reads annotations from both outputs; stdout is the report.
            let _ = self.sinks.err.write_all((forms.annotations)().as_bytes());
            append(github.summary.as_deref(), &(forms.summary)())?;
            append(github.output.as_deref(), &github::output(forms.verdict))?;
        }
        Ok(())
    }

    /// Writes one case of the self-test.
    pub(super) fn case(&self, outcome: &selftest::Outcome) -> anyhow::Result<()> {
        let report = &outcome.report;
        if self.leak.form == LeakForm::Json {
            let case = serde_json::json!({
                "name": outcome.case.name, "verdict": report.verdict, "reason": report.reason,
                "ok": outcome.error.is_none(), "wrong": outcome.error,
            });
            return self.text(&json::line(Kind::SelfTest, Some(&report.started), &case));
        }
        let mark = if outcome.error.is_none() { "ok   " } else { "WRONG" };
        let mut text = format!("{mark}  {:<12}  {}\n", report.verdict.as_str(), outcome.case.name);
        let signatures = report.signatures.iter().take(2).map(ToString::to_string);
        for line in outcome.error.iter().cloned().chain(signatures) {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{:21}{line}", "");
        }
        self.text(&text)
    }

    /// Writes the result of the self-test.
    pub(super) fn cases(&self, all: usize, wrong: usize) -> anyhow::Result<()> {
        match (self.leak.form, wrong) {
            (LeakForm::Json, _) => Ok(()),
            (_, 0) => self.text(&format!("all {all} cases classified correctly\n")),
            _ => self
                .text(&format!("{wrong} of {all} cases misclassified: do not trust this build\n")),
        }
    }

    /// Writes a comparison.
    pub(super) fn comparison(&self, reports: Vec<Report>) -> anyhow::Result<Exit> {
        let exit = exit(&reports, self.leak);
        let comparison = verdict::compared(reports);
        // Writes the files even if stdout is closed.
        let files = self.files_compared(&comparison);
        self.text(&match self.leak.form {
            LeakForm::Json => compare::json(&comparison),
            LeakForm::Text { colors, detail } => compare::text(&comparison, detail, colors),
        })?;
        files?;
        Ok(exit)
    }
}

/// Replaces a file.
fn file(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("could not write `{}`", path.display()))
}

/// Appends to the file, if there is a path.
fn append(path: Option<&Path>, text: &str) -> anyhow::Result<()> {
    let Some(path) = path else {
        return Ok(());
    };
    let file = fs::File::options().create(true).append(true).open(path);
    let written = file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    written.with_context(|| format!("could not write `{}`", path.display()))
}

/// The exit code of the worst verdict: LEAK, then INVALID, then INCONCLUSIVE.
pub(super) fn exit<'a>(reports: impl IntoIterator<Item = &'a Report>, leak: &LeakCheck) -> Exit {
    let verdicts: Vec<Verdict> = reports.into_iter().map(|report| report.verdict).collect();
    let any = |verdict| verdicts.contains(&verdict);
    match leak.on_inconclusive {
        _ if any(Verdict::Leak) => Exit::Failed,
        _ if any(Verdict::Invalid) => Exit::Usage,
        _ if !any(Verdict::Inconclusive) => Exit::Done,
        OnInconclusive::Exit3 => Exit::Undecided,
        OnInconclusive::Fail => Exit::Failed,
        OnInconclusive::Pass => Exit::Done,
    }
}
