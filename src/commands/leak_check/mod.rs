//! `cmon leak-check`: plans a check, runs its session, judges the records, and reports.
//!
//! Streams, probes and commands share this thread; nothing here waits for the terminal but short lines
//! on stderr. The records are kept in memory and, with `--record`, written as they come, so that a check
//! that is cut off can still be judged.

mod containers;
mod dry_run;
mod hint;
mod progress;
mod reports;

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::cli::OnInconclusive;
use crate::config::{Check, Config, Daemon, LeakCheck, Work};
use crate::docker::Docker;
use crate::docker::endpoint::Endpoint;
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::source::{Listed, Phase, Source};
use crate::engine::{self, StartError};
use crate::exit::Exit;
use crate::leak::command::Commands;
use crate::leak::facts::Report;
use crate::leak::judge::Verdict;
use crate::leak::judge::design::CYCLES_PER_SECOND;
use crate::leak::judge::plan::Plan;
use crate::leak::probe::target::Target;
use crate::leak::probe::{self, Probes};
use crate::leak::record::{Drive, Header, Record, Rules, VERSION};
use crate::leak::session::{Load, Session};
use crate::leak::{selftest, verdict};
use crate::output::Sinks;
use crate::signal::Signals;
pub use hint::hint;
use progress::{Progress, Style};
use reports::Reports;

/// The self-test is the same each time.
const SEED: u64 = 5;
/// No stream is closed sooner.
const SHORTEST: f64 = 0.1;

/// Runs `cmon leak-check` against this daemon.
///
/// # Errors
/// The check could not begin, or what it found could not be written.
pub async fn run(
    config: Config,
    leak: LeakCheck,
    daemon: Daemon,
    sinks: Sinks,
) -> anyhow::Result<Exit> {
    let mut signals = Signals::new().context("could not take over the signals")?;
    let reports = Reports::new(&leak, &sinks);
    let baseline = match &leak.baseline {
        Some(file) => Some(recording(file)?),
        None => None,
    };
    let stop = CancellationToken::new();
    let work = async {
        match &leak.work {
            Work::SelfTest => self_test(&reports).await,
            Work::Replay(file) => {
                let mut records = recording(file)?;
                leak.overrides.apply(&mut records);
                let report = verdict::judge(&records, baseline.as_deref())
                    .with_context(|| format!("`{}` is no recording", file.display()))?;
                reports.report(&report)?;
                Ok(exit([&report], &leak))
            }
            Work::Check(check) => {
                let checking = Checking {
                    config: &config,
                    leak: &leak,
                    check,
                    daemon,
                    stop: stop.clone(),
                    reports: &reports,
                    baseline: baseline.as_deref(),
                    sinks: &sinks,
                };
                checking.run().await
            }
        }
    };
    tokio::pin!(work);
    // The first signal ends the check, and what there is is judged; the second ends cmon.
    let signal = tokio::select! {
        exit = &mut work => return exit,
        signal = signals.next() => signal,
    };
    stop.cancel();
    if matches!(leak.work, Work::SelfTest) {
        return Ok(signal.into());
    }
    tokio::select! {
        done = &mut work => done.map(|_| signal.into()),
        second = signals.next() => Ok(second.into()),
    }
}

/// One check, or several to compare.
struct Checking<'a> {
    config: &'a Config,
    leak: &'a LeakCheck,
    check: &'a Check,
    daemon: Daemon,
    stop: CancellationToken,
    reports: &'a Reports<'a>,
    baseline: Option<&'a [Record]>,
    sinks: &'a Sinks,
}

/// No target was named, and there is no daemon that could be watched instead.
#[derive(Debug, thiserror::Error)]
#[error("{} has nothing to watch: no --target is given, and there is no daemon: {why}", named(*drive))]
struct NothingToWatch {
    drive: Drive,
    why: String,
}

fn named(drive: Drive) -> &'static str {
    match drive {
        Drive::Command => "--drive-cmd",
        _ => "--passive",
    }
}

/// What is known before a check begins.
struct Known {
    header: Header,
    plan: Option<Plan>,
}

impl Checking<'_> {
    async fn run(self) -> anyhow::Result<Exit> {
        if self.check.dry_run {
            let each = self.check.compare.iter().copied().map(Some);
            let runs: Vec<Option<Duration>> = match self.check.compare.is_empty() {
                true => vec![None],
                false => each.collect(),
            };
            let mut plans = Vec::new();
            let mut first: Option<Vec<String>> = None;
            for timeout in runs {
                let looking = async {
                    let prepared = self.prepare(timeout, first.as_deref()).await?;
                    let (Known { header, plan }, probes) = prepared;
                    first.get_or_insert_with(|| header.containers.clone());
                    anyhow::Ok(dry_run::look(header, plan.as_ref(), probes).await)
                };
                match self.unless_stopped(Box::pin(looking)).await {
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

    /// What this gives, or nothing when the check is stopped first. Who is asked before a check begins
    /// may hang, and there is no verdict yet that would be worth waiting for.
    async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => None,
            done = work => Some(done),
        }
    }

    /// Runs one check and judges it; the second is whether the recording could be written, without
    /// which there is a verdict all the same. Nothing when it was stopped before it began. `first` are the
    /// containers of the first run, where there was one.
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
            progress.see(&record);
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
        let report =
            verdict::judge(&records, self.baseline).expect("a session begins with a header");
        Ok(Some((report, recorded)))
    }

    /// Asks who is there and decides how to drive them.
    async fn prepare(
        &self,
        timeout: Option<Duration>,
        first: Option<&[String]>,
    ) -> anyhow::Result<(Known, Probes)> {
        let check = self.check;
        let Daemon { route, origin } = self.daemon.clone();
        let docker = Arc::new(Docker::new(
            Endpoint::by(route.clone(), origin.clone()),
            self.config.requests,
        ));
        let drive = match (&check.command, check.passive) {
            (_, true) => Drive::Passive,
            (Some(_), _) => Drive::Command,
            (None, _) if timeout.is_some() => Drive::Held,
            (None, _) => Drive::Streams,
        };
        // Without streams to drive, targets alone may be watched, and no daemon is needed.
        let version = docker.api().version().await;
        let alone = !drive.opens_streams()
            && !check.targets.is_empty()
            && !check.targets.iter().any(Target::is_of_the_daemon);
        let daemon = match version {
            Ok(version) => Some(version),
            Err(_) if alone => None,
            Err(error) if !drive.opens_streams() && check.targets.is_empty() => {
                return Err(NothingToWatch { drive, why: error.to_string() }.into());
            }
            Err(error) => return Err(StartError::from(error).into()),
        };
        let mut containers = Vec::new();
        if drive.opens_streams() {
            let listed = docker
                .list(self.config.selection.list_filters())
                .await
                .map_err(StartError::from)?;
            let own = docker.own(&listed).await;
            let own = own.and_then(|key| listed.iter().find(|row| row.key == key));
            // It runs, whatever the list still says of a container that has just been started.
            let own = own.map(|row| Listed { phase: Phase::Running, ..row.clone() });
            let selection = match &own {
                None => self.config.selection.clone(),
                Some(row) => {
                    let rest = self.config.selection.without(row, &listed);
                    let rest = rest.map_err(StartError::from)?;
                    if self.config.selection.matches(row) && first.is_none() {
                        self.reports.left_out(row);
                    }
                    rest
                }
            };
            containers = containers::choose(&selection, &listed, first)?;
        }
        let count = containers.len() as f64;
        let natural = (count / CYCLES_PER_SECOND).max(SHORTEST);
        let stream_timeout = match drive {
            Drive::Streams | Drive::Held => {
                timeout.map_or(natural, |timeout| timeout.as_secs_f64())
            }
            Drive::Command | Drive::Passive => 0.0,
        };
        let per_second = match drive {
            Drive::Streams | Drive::Held => count / stream_timeout,
            Drive::Command => CYCLES_PER_SECOND,
            Drive::Passive => 0.0,
        };
        let seconds = check.duration.as_secs_f64();
        let plan = drive.has_phases().then(|| Plan::new(seconds, per_second, check.seed));
        let header = Header {
            v: VERSION,
            cmon: env!("CARGO_PKG_VERSION").to_owned(),
            started: jiff::Timestamp::now().to_string(),
            daemon: daemon.as_ref().map_or_else(String::new, |_| format!("{route} ({origin})")),
            daemon_version: daemon.as_ref().map_or_else(String::new, |v| v.version.clone()),
            containers,
            targets: check.targets.iter().map(ToString::to_string).collect(),
            cycles_metric: check
                .cycles_metric
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
            drive,
            duration: seconds,
            stream_timeout,
            seed: check.seed,
            rules: self.leak.rules.clone(),
        };
        let Daemon { route, origin } = self.daemon.clone();
        let mut probes = Probes::start(probe::Options {
            daemon: daemon.map(|_| Endpoint::by(route, origin)),
            targets: check.targets.clone(),
            cycles_metric: check.cycles_metric.clone(),
            requests: self.config.requests,
        })
        .await?;
        let names = probes.names().await;
        verdict::known(&header.rules, names.iter().map(String::as_str))?;
        // Who names the gate knows what decides.
        if header.rules.gate.is_empty() {
            probes.decides(|metric| verdict::is_gated(metric, &header.rules))?;
        }
        Ok((Known { header, plan }, probes))
    }

    fn load(&self, header: &Header, plan: Option<Plan>) -> Load<Docker> {
        let duration = self.check.duration;
        let Daemon { route, origin } = self.daemon.clone();
        let source = || Arc::new(Docker::new(Endpoint::by(route, origin), self.config.requests));
        let selection = match header.drive {
            // Runs that are compared keep to the containers that they began with.
            Drive::Held => Selection::named(&header.containers),
            _ => self.config.selection.clone(),
        };
        let config = || engine::Config {
            stream_timeout: Duration::from_secs_f64(header.stream_timeout),
            seed: Some(self.check.seed),
            ..self.config.engine.clone()
        };
        match (plan, &self.check.command) {
            (Some(plan), Some(command)) => {
                Load::Command { commands: Commands::new(command.clone()), plan }
            }
            (Some(plan), None) => {
                Load::Streams { source: source(), selection, config: config(), plan }
            }
            (None, _) if header.drive == Drive::Held => {
                Load::Held { source: source(), selection, config: config(), duration }
            }
            (None, _) => Load::Passive { duration },
        }
    }

    /// The file of the recording; of runs that are compared each has its own: `r.ndjson` becomes
    /// `r.30s.ndjson`.
    fn recorder(&self, timeout: Option<Duration>) -> anyhow::Result<Option<BufWriter<File>>> {
        let Some(path) = &self.leak.record else {
            return Ok(None);
        };
        let path = match timeout {
            None => path.clone(),
            Some(timeout) => {
                let timeout = humantime::format_duration(timeout).to_string().replace(' ', "");
                let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
                path.with_extension(match ending {
                    Some(ending) => format!("{timeout}.{ending}"),
                    None => timeout,
                })
            }
        };
        let file = File::create(&path);
        let file = file.with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Some(BufWriter::new(file)))
    }
}

/// Writes one line of a recording, to the disk: the next moment may be the last.
fn line(file: &mut BufWriter<File>, record: &Record) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, record)?;
    file.write_all(b"\n")?;
    file.flush()
}

/// Reads a recording. A last line that was cut off is left out.
fn recording(path: &Path) -> anyhow::Result<Vec<Record>> {
    let named = || hint::Unread(path.to_owned());
    let file = BufReader::new(File::open(path).with_context(named)?);
    let lines: Vec<String> = file.lines().collect::<Result<_, _>>().with_context(named)?;
    let mut records = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(Record::Header(header)) if header.v != VERSION => anyhow::bail!(
                "`{}` is a recording of form {}, made by cmon {}; this is cmon {}, which reads form \
                 {VERSION}",
                path.display(),
                header.v,
                header.cmon,
                env!("CARGO_PKG_VERSION")
            ),
            Ok(record) => records.push(record),
            Err(_) if at == 0 && is_report(line) => {
                return Err(hint::NotARecording(path.to_owned()).into());
            }
            Err(_) if at + 1 == lines.len() && 0 < at => {}
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "line {} of `{}` is not a record of a leak-check recording",
                        at + 1,
                        path.display()
                    )
                });
            }
        }
    }
    Ok(records)
}

/// Whether the line is a JSON report, of this version or of an earlier one.
fn is_report(line: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Report {
        verdict: Option<serde_json::Value>,
        runs: Option<serde::de::IgnoredAny>,
    }
    let report = serde_json::from_str::<Report>(line);
    report.is_ok_and(|report| report.verdict.is_some() || report.runs.is_some())
}

/// What verdicts mean for the shell: one leak is enough, and what could not be measured comes next.
fn exit<'a>(reports: impl IntoIterator<Item = &'a Report>, leak: &LeakCheck) -> Exit {
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

/// Lets the checker find what was injected, and only that.
async fn self_test(reports: &Reports<'_>) -> anyhow::Result<Exit> {
    let mut wrong = 0;
    for case in selftest::CASES {
        let outcome = selftest::run(case, Rules::default(), SEED).await?;
        wrong += usize::from(outcome.wrong.is_some());
        reports.case(&outcome)?;
    }
    reports.cases(selftest::CASES.len(), wrong)?;
    Ok(if wrong == 0 { Exit::Done } else { Exit::Failed })
}
