//! A target that is read again and again, whatever it is.

use std::sync::Arc;

use super::given::{Kind, Target};
use super::http::Http;
use super::local::{Container, Single};
use super::outcome::{Lost, News, Refused};
use crate::docker::api::Api;
use crate::engine::registry::Registry;
use crate::leak::probe::counter::Counter;
use crate::leak::probe::{Failure, Sample};
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

/// What to do with figures that mean nothing here.
const NO_FIGURE: &str = "give a page with process figures (most client libraries have them), the pprof address, or \
                         one figure by its name: URL#NAME of Prometheus, URL#/json/pointer of JSON";

impl Watched {
    /// Looks for the target; gives what of it can be read, in words.
    pub(crate) async fn start(
        target: &Target,
        name: &str,
        registry: &Registry,
        api: Option<&Arc<Api>>,
    ) -> Result<(Self, String), Refused> {
        let source = format!("target.{name}");
        let (what, words) = match &target.kind {
            Kind::Pid(pid) => {
                let (single, words) = Single::start(*pid)?;
                (What::Process(single), words)
            }
            Kind::Container(container) => {
                let api = api.ok_or_else(|| {
                    let why = "a container target needs a Docker daemon, and there is none";
                    Refused::with(why, Some("start the daemon, or name its socket with --host"))
                })?;
                let (container, words) = Container::start(Arc::clone(api), container).await?;
                (What::Container(container), words)
            }
            Kind::Http(url) => {
                let (http, words) = Http::start(url, registry).await?;
                (What::Http(Box::new(http)), words)
            }
        };
        Ok((Self { source, what, away: false }, words))
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
    /// It has none by this name: what was tried, in words.
    pub(crate) async fn count_cycles(&mut self, counter: &Counter) -> Result<String, String> {
        match &mut self.what {
            What::Http(http) => http.count_cycles(counter).await,
            What::Process(_) | What::Container(_) => {
                Err("it is read from outside; only http:// targets have counters".to_owned())
            }
        }
    }

    /// Why nothing of it decides by these rules, and how to name something that does; nothing where
    /// something does.
    pub(crate) fn undecided(&self, is_gated: impl Fn(&str) -> bool) -> Option<Refused> {
        let What::Http(http) = &self.what else {
            // Threads at least are had of every process.
            return None;
        };
        let decides = |figure: &String| is_gated(&format!("{}.{figure}", self.source));
        if http.known.iter().any(decides) {
            return None;
        }
        let others = http.others.clone().unwrap_or_else(|| "it has no figure at all".to_owned());
        let why = format!("it shows nothing that decides by itself: {others}");
        let name =
            http.example.as_ref().map(|example| format!("name a figure: --target '{example}'"));
        let hint = name.unwrap_or_else(|| NO_FIGURE.to_owned());
        Some(Refused { why, hint: Some(hint) })
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
            Ok(News { several: Some(why), .. }) => {
                into.invalid = Some(format!("{source}: {why}"));
            }
            Ok(news) => {
                let back = (std::mem::take(&mut self.away) && !news.same)
                    .then(|| "the target did not answer for a while, and answers again".to_owned());
                if let Some(why) = news.cut.or(back) {
                    into.cut(at, source, &why);
                }
            }
            Err(lost) => {
                self.away = true;
                let Lost { why, gone } = lost;
                into.failures.push(Failure { source: source.clone(), why, gone });
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
            .map(|(metric, groups)| Groups::whole(at, cycles, metric, groups))
            .collect()
    }

    /// Who its descriptors and threads are, where it runs on this machine.
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
