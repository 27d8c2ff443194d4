//! A target of any kind that a check reads repeatedly.

use std::sync::Arc;

use super::given::{Kind as Given, Target};
use super::http::Http;
use super::local::{Container, Single};
use super::outcome::{CyclesError, ReadOutcome, TargetStartError};
use super::readable::TargetReadable;
use crate::docker::api::Api;
use crate::engine::registry::Registry;
use crate::probe::Sample;
use crate::probe::counter::Counter;
use crate::probe::observed::Groups;
use crate::probe::reasons::{CutReason, SeveralProcesses};

#[derive(Debug)]
pub(crate) struct Watched {
    source: String,
    kind: Kind,
    /// It failed since the last reading. A timeout does not count, because it drops the reading.
    away: bool,
}

#[derive(Debug)]
enum Kind {
    Process(Single),
    Container(Container),
    Http(Box<Http>),
}

impl Watched {
    /// Discovers the metrics of the target.
    pub(crate) async fn start(
        target: &Target,
        name: &str,
        registry: &Registry,
        api: Option<&Arc<Api>>,
    ) -> Result<(Self, TargetReadable), TargetStartError> {
        let source = format!("target.{name}");
        let (kind, readable) = match &target.kind {
            Given::Pid(pid) => {
                let (single, readable) = Single::start(*pid)?;
                (Kind::Process(single), readable)
            }
            Given::Container(container) => {
                let api = api.ok_or(TargetStartError::NoDaemon)?;
                let (container, readable) = Container::start(Arc::clone(api), container).await?;
                (Kind::Container(container), readable)
            }
            Given::Http(url) => {
                let (http, readable) = Http::start(url, registry).await?;
                (Kind::Http(Box::new(http)), readable)
            }
        };
        Ok((Self { source, kind, away: false }, readable))
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Open connections to the target.
    pub(crate) fn connections(&self) -> u64 {
        match &self.kind {
            Kind::Http(http) => http.client.connections(),
            Kind::Process(_) | Kind::Container(_) => 0,
        }
    }

    /// Finds the counter of cycles. Later readings include it.
    ///
    /// # Errors
    /// The target does not have it.
    pub(crate) async fn count_cycles(
        &mut self,
        counter: &Counter,
    ) -> Result<TargetReadable, CyclesError> {
        match &mut self.kind {
            Kind::Http(http) => http.count_cycles(counter).await,
            Kind::Process(_) | Kind::Container(_) => Err(CyclesError::NotHttp),
        }
    }

    /// An error if the target has no gated metric.
    pub(crate) fn check_gated(&self, is_gated: impl Fn(&str) -> bool) -> Option<TargetStartError> {
        let Kind::Http(http) = &self.kind else {
            // Every process has threads, which are gated.
            return None;
        };
        let decides = |figure: &String| is_gated(&format!("{}.{figure}", self.source));
        if http.known.iter().any(decides) {
            return None;
        }
        let (others, example) = (http.others.clone(), http.example.clone());
        Some(TargetStartError::NoDecidingFigure { others, example })
    }

    /// Whether it counts the cycles.
    pub(crate) fn counts(&self) -> bool {
        matches!(&self.kind, Kind::Http(http) if http.cycles.is_some())
    }

    pub(crate) async fn read(&mut self, at: f64, into: &mut Sample) {
        let source = &self.source;
        let read = match &mut self.kind {
            Kind::Process(single) => single.read(source, into),
            Kind::Container(container) => container.read(source, into).await,
            Kind::Http(http) => http.read(source, into).await,
        };
        match read {
            Ok(ReadOutcome { several: Some(sign), .. }) => {
                let target = source.clone();
                into.invalid = Some(SeveralProcesses { target, sign });
            }
            Ok(outcome) => {
                let back = std::mem::take(&mut self.away) && !outcome.same;
                let back = back.then_some(CutReason::TargetBack);
                if let Some(reason) = outcome.restart.or(back) {
                    into.cut(at, source, reason);
                }
            }
            Err(reason) => {
                self.away = true;
                into.failed(source, reason);
            }
        }
    }

    /// The groups of its metrics, as far as they are readable.
    pub(crate) async fn groups(&mut self, at: f64, cycles: f64) -> Vec<Groups> {
        let groups = match &mut self.kind {
            Kind::Process(single) => single.groups(&self.source),
            Kind::Container(container) => container.groups(&self.source).await,
            Kind::Http(http) => {
                return http.groups(&self.source, at, cycles).await.into_iter().collect();
            }
        };
        groups
            .into_iter()
            .map(|(metric, groups)| Groups::complete(at, cycles, metric, groups))
            .collect()
    }

    /// The ids of its descriptors and threads; empty on another machine.
    pub(crate) fn ids(&self) -> Vec<(String, Vec<u64>)> {
        match &self.kind {
            Kind::Process(single) => single.ids(&self.source),
            Kind::Container(container) => container.ids(&self.source),
            Kind::Http(_) => Vec::new(),
        }
    }

    /// Goroutines that can never wake; `None` if it does not report them.
    pub(crate) async fn proof(&mut self, at: f64, cycles: f64) -> Option<Groups> {
        match &mut self.kind {
            Kind::Http(http) => http.proof(&self.source, at, cycles).await,
            Kind::Process(_) | Kind::Container(_) => None,
        }
    }
}
