//! Prepares a check: probes, containers, plan, and load.

use std::sync::Arc;
use std::time::Duration;

use super::{Checking, Known, containers};
use crate::config::Daemon;
use crate::docker::Docker;
use crate::docker::endpoint::Endpoint;
use crate::engine;
use crate::engine::StartError;
use crate::engine::selection::Selection;
use crate::engine::source::{Listed, Phase, Source, SourceError};
use crate::leak::command::Commands;
use crate::leak::judge::design::CYCLES_PER_SECOND;
use crate::leak::judge::plan::Plan;
use crate::leak::record::{Drive, Header, VERSION};
use crate::leak::session::Load;
use crate::leak::verdict;
use crate::probe;
use crate::probe::Probes;
use crate::probe::target::Target;

/// The minimum age at which a stream is closed.
const STREAM_TIMEOUT_MIN_SECONDS: f64 = 0.1;

/// There is neither a target nor a daemon.
#[derive(Debug, thiserror::Error)]
#[error("{} has nothing to watch: no --target is given, and there is no daemon: {error}", named(*drive))]
pub(super) struct NothingToWatch {
    drive: Drive,
    error: SourceError,
}

fn named(drive: Drive) -> &'static str {
    match drive {
        Drive::Command => "--drive-cmd",
        _ => "--passive",
    }
}

impl Checking<'_> {
    /// Connects to the daemon and the targets, selects the containers, and makes the plan.
    pub(super) async fn prepare(
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
        // Without streams, a check of targets needs no daemon.
        let version = docker.api().version().await;
        let alone = !drive.opens_streams()
            && !check.targets.is_empty()
            && !check.targets.iter().any(Target::is_of_the_daemon);
        let daemon = match version {
            Ok(version) => Some(version),
            Err(_) if alone => None,
            Err(error) if !drive.opens_streams() && check.targets.is_empty() => {
                return Err(NothingToWatch { drive, error }.into());
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
            // The list may still say that a new container is not running.
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
        let natural = (count / CYCLES_PER_SECOND).max(STREAM_TIMEOUT_MIN_SECONDS);
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
        // An explicit gate needs no metric of each target.
        if header.rules.gate.is_empty() {
            probes.check_gated(|metric| verdict::is_gated(metric, &header.rules))?;
        }
        Ok((Known { header, plan }, probes))
    }

    pub(super) fn load(&self, header: &Header, plan: Option<Plan>) -> Load<Docker> {
        let duration = self.check.duration;
        let Daemon { route, origin } = self.daemon.clone();
        let source = || Arc::new(Docker::new(Endpoint::by(route, origin), self.config.requests));
        let selection = match header.drive {
            // A run of a comparison keeps its containers.
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
}
