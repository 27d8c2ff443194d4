//! Runs one or several live sessions, and judges their records.

use std::time::Duration;

use super::progress::{Progress, Style};
use super::recording::line;
use super::reports::exit;
use super::{Checking, Known, dry_run};
use crate::engine::registry::Registry;
use crate::exit::Exit;
use crate::leak::facts::Report;
use crate::leak::record::Record;
use crate::leak::session::Session;
use crate::leak::verdict;

impl Checking<'_> {
    pub(super) async fn run(self) -> anyhow::Result<Exit> {
        if self.check.dry_run {
            let each = self.check.compare.iter().copied().map(Some);
            let runs: Vec<Option<Duration>> = match self.check.compare.is_empty() {
                true => vec![None],
                false => each.collect(),
            };
            let mut plans = Vec::new();
            let mut first: Option<Vec<String>> = None;
            for timeout in runs {
                let reading = async {
                    let prepared = self.prepare(timeout, first.as_deref()).await?;
                    let (Known { header, plan }, probes) = prepared;
                    first.get_or_insert_with(|| header.containers.clone());
                    anyhow::Ok(dry_run::read_plan(header, plan.as_ref(), probes).await)
                };
                match self.unless_stopped(Box::pin(reading)).await {
                    Some(plan) => plans.push(plan?),
                    None => return Ok(self.reports.nothing_was_read()),
                }
            }
            self.reports.plans(&plans)?;
            return Ok(Exit::Done);
        }
        self.reports.try_files()?;
        if self.check.compare.is_empty() {
            let Some((report, recorded)) = self.once(None, None).await? else {
                return Ok(self.reports.nothing_was_read());
            };
            self.reports.report(&report)?;
            recorded?;
            return Ok(exit([&report], self.leak));
        }
        let mut done: Vec<Report> = Vec::new();
        for timeout in &self.check.compare {
            if self.stop.is_cancelled() {
                break;
            }
            let first = done.first().map(|report| report.containers.as_slice());
            let Some((report, recorded)) = self.once(Some(*timeout), first).await? else {
                break;
            };
            done.push(report);
            recorded?;
        }
        if done.is_empty() {
            return Ok(self.reports.nothing_was_read());
        }
        self.reports.comparison(done)
    }

    /// The result of `work`, or `None` if the check is stopped first. Requests before the check may hang.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Runs one check and judges it. The second result is that of the recording, which the verdict does not need. `None`
    /// if the check was stopped before it started. `first` are the containers of the first run of a comparison.
    async fn once(
        &self,
        timeout: Option<Duration>,
        first: Option<&[String]>,
    ) -> anyhow::Result<Option<(Report, anyhow::Result<()>)>> {
        let preparing = Box::pin(self.prepare(timeout, first));
        let Some(prepared) = self.unless_stopped(preparing).await else {
            return Ok(None);
        };
        let (Known { header, plan }, probes) = prepared?;
        let registry = Registry::default();
        let load = self.load(&header, plan);
        let mut file = self.recorder(timeout)?;
        let mut records = Vec::new();
        let style = match (self.leak.quiet, self.leak.animate) {
            (true, _) => Style::Hidden,
            (false, true) => Style::InPlace,
            (false, false) => Style::Lines,
        };
        let mut progress = Progress::new(style, &self.sinks.err, &header, load.duration());
        let mut failed = None;
        let write = |record: Record| {
            if let Some(file) = &mut file
                && let Err(error) = line(file, &record)
            {
                failed.get_or_insert(error);
            }
            progress.add(&record);
            records.push(record);
        };
        let session = Session::new(load, registry, probes, write, self.stop.clone());
        let session = if self.baseline.is_some() { session.without_early_stop() } else { session };
        Box::pin(session.run(header)).await;
        progress.clear();
        let recorded = match failed {
            Some(error) => Err(anyhow::Error::new(error).context("could not write the recording")),
            None => Ok(()),
        };
        let report = verdict::judge(&records, self.baseline).expect("both begin with a header");
        Ok(Some((report, recorded)))
    }
}
