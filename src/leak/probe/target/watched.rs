//! A target that is read again and again, whatever it is.

use std::sync::Arc;

use super::given::{Kind, Target};
use super::http::Http;
use super::local::{Container, Single};
use super::outcome::{CyclesError, ReadOutcome, TargetStartError};
use super::readable::TargetReadable;
use crate::docker::api::Api;
use crate::engine::registry::Registry;
use crate::leak::probe::Sample;
use crate::leak::probe::counter::Counter;
use crate::leak::reasons::{CutReason, FailureReason};
use crate::leak::record::Groups;

/// A target that is read again and again.
#[derive(Debug)]
pub(crate) struct Watched {
    source: String,
    what: What,
    /// It has failed since it was read last. One that is only late has not: its reading is dropped.
    away: bool,
}

#[derive(Debug)]
enum What {
    Process(Single),
    Container(Container),
    Http(Box<Http>),
}

impl Watched {
    /// Looks for the target; gives what of it can be read.
    pub(crate) async fn start(
        target: &Target,
        name: &str,
        registry: &Registry,
        api: Option<&Arc<Api>>,
    ) -> Result<(Self, TargetReadable), TargetStartError> {
        let source = format!("target.{name}");
        let (what, readable) = match &target.kind {
            Kind::Pid(pid) => {
                let (single, readable) = Single::start(*pid)?;
                (What::Process(single), readable)
            }
            Kind::Container(container) => {
                let api = api.ok_or(TargetStartError::NoDaemon)?;
                let (container, readable) = Container::start(Arc::clone(api), container).await?;
                (What::Container(container), readable)
            }
            Kind::Http(url) => {
                let (http, readable) = Http::start(url, registry).await?;
                (What::Http(Box::new(http)), readable)
            }
        };
        Ok((Self { source, what, away: false }, readable))
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Connections to it that are open.
    pub(crate) fn connections(&self) -> u64 {
        match &self.what {
            What::Http(http) => http.client.connections(),
            What::Process(_) | What::Container(_) => 0,
        }
    }

    /// Looks for a counter of its cycles, to read it from now on; returns where it is.
    ///
    /// # Errors
    /// It has none by this name.
    pub(crate) async fn count_cycles(
        &mut self,
        counter: &Counter,
    ) -> Result<TargetReadable, CyclesError> {
        match &mut self.what {
            What::Http(http) => http.count_cycles(counter).await,
            What::Process(_) | What::Container(_) => Err(CyclesError::NotHttp),
        }
    }

    /// Why nothing of it decides by these rules; nothing where something does.
    pub(crate) fn undecided(&self, is_gated: impl Fn(&str) -> bool) -> Option<TargetStartError> {
        let What::Http(http) = &self.what else {
            // Threads at least are had of every process.
            return None;
        };
        let decides = |figure: &String| is_gated(&format!("{}.{figure}", self.source));
        if http.known.iter().any(decides) {
            return None;
        }
        let (others, example) = (http.others.clone(), http.example.clone());
        Some(TargetStartError::NoDecidingFigure { others, example })
    }

    /// It counts the cycles.
    pub(crate) fn counts(&self) -> bool {
        matches!(&self.what, What::Http(http) if http.cycles.is_some())
    }

    pub(crate) async fn read(&mut self, at: f64, into: &mut Sample) {
        let source = &self.source;
        let read = match &mut self.what {
            What::Process(single) => single.read(source, into),
            What::Container(container) => container.read(source, into).await,
            What::Http(http) => http.read(source, into).await,
        };
        match read {
            Ok(ReadOutcome { several: Some(sign), .. }) => {
                let target = source.clone();
                into.invalid = Some(FailureReason::SeveralProcesses { target, sign });
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

    /// What its figures are made of; what cannot be had is left out.
    pub(crate) async fn groups(&mut self, at: f64, cycles: f64) -> Vec<Groups> {
        let groups = match &mut self.what {
            What::Process(single) => single.groups(&self.source),
            What::Container(container) => container.groups(&self.source).await,
            What::Http(http) => {
                return http.groups(&self.source, at, cycles).await.into_iter().collect();
            }
        };
        groups
            .into_iter()
            .map(|(metric, groups)| Groups::complete(at, cycles, metric, groups))
            .collect()
    }

    /// The ids of its descriptors and threads, where it runs on this machine.
    pub(crate) fn ids(&self) -> Vec<(String, Vec<u64>)> {
        match &self.what {
            What::Process(single) => single.ids(&self.source),
            What::Container(container) => container.ids(&self.source),
            What::Http(_) => Vec::new(),
        }
    }

    /// Goroutines that can provably never wake, when it has a proof.
    pub(crate) async fn proof(&mut self, at: f64, cycles: f64) -> Option<Groups> {
        match &mut self.what {
            What::Http(http) => http.proof(&self.source, at, cycles).await,
            What::Process(_) | What::Container(_) => None,
        }
    }
}
