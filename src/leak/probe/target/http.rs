//! A target that shows its own figures over HTTP, read again and again over one connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::absent::{NotFound, tried};
use super::cycles::{Place, counted};
use super::lineage::{Lineage, Link, Sight, Who};
use super::url::{Choice, Url};
use super::{Lost, News, Refused};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::tls::Tls;
use crate::engine::registry::Registry;
use crate::leak::metric::Unit;
use crate::leak::probe::Sample;
use crate::leak::probe::access::Scheme;
use crate::leak::probe::counter::Cycles;
use crate::leak::probe::daemon_figures::{groups, profile};
use crate::leak::probe::get::{Answer, Client, GetError, MAX_BODY, MAX_DUMP};
use crate::leak::probe::metrics::{self, Metrics};
use crate::leak::probe::{json, pprof};
use crate::leak::record::Groups;

/// A server that is asked again and again, over one connection.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) client: Client,
    /// The address as it is typed.
    pub(super) root: String,
    /// The goroutine profile is here.
    pub(super) profile: Option<String>,
    /// Prometheus' text is here.
    pub(super) metrics: Option<String>,
    /// It has the goroutines too, so that the profile is not needed for their number.
    pub(super) metrics_count: bool,
    /// Go's expvar is here.
    pub(super) expvar: Option<String>,
    /// The one figure that was asked for.
    pub(super) figure: Option<Figure>,
    /// Figures that it has shown, by the ends of their names.
    pub(super) known: BTreeSet<String>,
    /// What else could be named as a figure, in words, and one that could, as it is typed.
    pub(super) others: Option<String>,
    pub(super) example: Option<String>,
    /// The target's own count of cycles, and in which of its answers it is.
    pub(super) cycles: Option<(Place, Cycles)>,
    /// Who has answered so far.
    lineage: Lineage,
    /// What this reading shows of who answers.
    pub(super) sight: Sight,
    /// The count of cycles that this reading found.
    pub(super) count: Option<Result<f64, String>>,
    /// The last reading broke off.
    broke_off: bool,
}

/// One figure that was asked for.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) path: String,
    pub(super) choice: Choice,
    /// The last part of the metric's name.
    pub(super) metric: String,
}

impl Http {
    /// Asks what there is.
    pub(super) async fn start(url: &Url, registry: &Registry) -> Result<(Self, String), Refused> {
        let endpoint = Arc::new(Endpoint::new(url.address.clone(), Origin::Target));
        let root = url.root();
        let tls = match (url.access.scheme, &url.address) {
            (Scheme::Https, Address::Tcp { host, .. }) => {
                let tls = Tls::new(host, &root);
                Some(tls.map_err(|error| NotFound::from(GetError::from(error)).refused())?)
            }
            _ => None,
        };
        let client = Client::new(endpoint, registry.clone()).with(tls, url.access.login.clone());
        let mut http = Self {
            client,
            root,
            profile: None,
            metrics: None,
            metrics_count: false,
            expvar: None,
            figure: None,
            known: BTreeSet::new(),
            others: None,
            example: None,
            cycles: None,
            lineage: Lineage::default(),
            sight: Sight::default(),
            count: None,
            broke_off: false,
        };
        let missing = http.discover(url).await?;
        http.client.take_lost();
        let sight = std::mem::take(&mut http.sight);
        http.lineage.see(sight);
        let words = http.words(&missing);
        Ok((http, words))
    }

    pub(super) fn connections(&self) -> u64 {
        self.client.connections()
    }

    /// The ends of the names of the figures that it has shown.
    pub(super) fn known(&self) -> &BTreeSet<String> {
        &self.known
    }

    fn words(&self, missing: &[NotFound]) -> String {
        let mut words = Vec::new();
        let mut add = |what: &str, path: &Option<String>| {
            words.extend(path.as_ref().map(|path| format!("{what} at {path}")));
        };
        add("goroutines by the profile", &self.profile);
        add("Prometheus figures", &self.metrics);
        add("Go's expvar", &self.expvar);
        if let Some(Figure { path, choice, .. }) = &self.figure {
            words.push(format!("the figure `{choice}` at {path}"));
        }
        if !missing.is_empty() {
            words.push(format!("not: {}", tried(missing)));
        }
        words.join("; ")
    }

    pub(super) async fn read(&mut self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let (had, said) = (into.values.len(), into.unavailable.len());
        let (sight, count) = (Sight::default(), None);
        (self.sight, self.count) = (sight, count);
        if let Err(lost) = self.figures(source, into).await {
            self.broke_off = true;
            return Err(lost);
        }
        let news = self.who(source, into);
        match into.values.len() == had && into.cycles.is_none() {
            false => {
                self.miss(source, into);
                Ok(news)
            }
            // With no figure at all it is the target that is lost, and not one of its metrics.
            true => {
                let mut why: Vec<String> =
                    into.unavailable.drain(said..).map(|one| one.why).collect();
                if why.is_empty() {
                    why.push("it no longer shows its figures".to_owned());
                }
                Err(Lost::away(format!("nothing can be read any more: {}", why.join("; "))))
            }
        }
    }

    /// Decides who has answered, and takes the count of cycles accordingly.
    fn who(&mut self, source: &str, into: &mut Sample) -> News {
        let prefix = format!("{source}.");
        let counts = into.values.iter().filter_map(|(metric, value)| {
            let figure = metric.strip_prefix(&prefix)?;
            (Unit::of(figure) == Unit::Count).then(|| (figure.to_owned(), *value))
        });
        let failed = std::mem::take(&mut self.broke_off);
        let link = match (self.client.take_lost(), self.client.take_refused()) {
            _ if failed => Link::Failed,
            (true, true) => Link::Refused,
            (false, true) => Link::Failed,
            (true, false) => Link::Closed,
            (false, false) => Link::Kept,
        };
        let mut sight = std::mem::take(&mut self.sight);
        sight.counts = counts.collect();
        sight.link = link;
        let mut news = News::default();
        match self.lineage.see(sight) {
            Who::Same => news.same = true,
            Who::Unknown => {}
            Who::Another(why) => news.cut = Some(why),
            Who::Several(why) => {
                news.several = Some(format!(
                    "{why}: name one of them, by the address of one replica or worker, or as pid:N"
                ));
            }
        }
        if let (Some((_, cycles)), Some(count)) = (&mut self.cycles, self.count.take()) {
            counted(cycles, count, source, into, &mut news);
        }
        news
    }

    /// Reports the figures that are no longer shown.
    fn miss(&mut self, source: &str, into: &mut Sample) {
        let (prefix, why) = (format!("{source}."), "it is no longer shown");
        let shown = into.values.keys().filter_map(|name| name.strip_prefix(&prefix));
        self.known.extend(shown.map(str::to_owned));
        for figure in &self.known {
            let metric = format!("{prefix}{figure}");
            let said =
                into.unavailable.iter().any(|one| one.metric == metric || one.metric == source);
            if !said && !into.values.contains_key(&metric) {
                into.unavailable(&metric, &why);
            }
        }
    }

    async fn figures(&mut self, source: &str, into: &mut Sample) -> Result<(), Lost> {
        if let Some(path) = self.metrics.clone()
            && let Some(answer) = self.ask(&path, MAX_DUMP, source, into).await?
        {
            self.take_metrics(&path, &answer, source, into);
        }
        if let Some(path) = self.profile.clone().filter(|_| !self.metrics_count) {
            let metric = format!("{source}.goroutines");
            if let Some(answer) = self.ask(&path, MAX_DUMP, &metric, into).await? {
                let total = pprof::total(&answer.text()).map(|(_, total)| total);
                into.value_or_why(&metric, total);
            }
        }
        if let Some(path) = self.expvar.clone()
            && let Some(answer) = self.ask(&path, MAX_DUMP, source, into).await?
        {
            self.take_expvar(&path, &answer, source, into);
        }
        if let Some(Figure { path, choice, metric }) = self.figure.clone() {
            let metric = format!("{source}.{metric}");
            if let Some(answer) = self.ask(&path, choice.most(), &metric, into).await? {
                let figure = self.take_figure(&answer, &choice);
                into.figure_or_why(&metric, figure.map_err(|why| format!("`{path}`: {why}")));
            }
        }
        Ok(())
    }

    /// Asks for figures of this name; where the answer is a refusal, they cannot be had.
    async fn ask(
        &mut self,
        path: &str,
        most: usize,
        metric: &str,
        into: &mut Sample,
    ) -> Result<Option<Answer>, Lost> {
        match self.client.get(path, most).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error @ GetError::Status { .. }) => {
                into.unavailable(metric, &error);
                Ok(None)
            }
            // Without an answer the target is away.
            Err(error) => Err(Lost::away(error)),
        }
    }

    fn take_metrics(&mut self, path: &str, answer: &Answer, source: &str, into: &mut Sample) {
        let text = answer.text();
        let parsed = whole(answer).and_then(|_| metrics::parse(&text).map_err(words));
        let Metrics { figures, started, totals, wrong } = match parsed {
            Ok(found) => found,
            Err(error) => {
                into.unavailable(source, &format!("`{path}`: {error}"));
                return;
            }
        };
        for (figure, value) in figures {
            into.figure(&format!("{source}.{figure}"), value);
        }
        for (figure, error) in wrong {
            into.unavailable(&format!("{source}.{figure}"), &error);
        }
        self.sees(started, totals);
        if let Some((Place::Metrics, cycles)) = &self.cycles {
            self.count = Some(cycles.counter.in_prometheus(&text));
        }
    }

    fn take_expvar(&mut self, path: &str, answer: &Answer, source: &str, into: &mut Sample) {
        let value = value_of(answer);
        let parsed = value
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|value| json::expvar(value).map_err(words));
        match parsed {
            Ok(found) => {
                for (figure, value) in found.figures {
                    // The profile's and Prometheus' figures are of the same moment or better.
                    let metric = format!("{source}.{figure}");
                    if !into.values.contains_key(&metric) {
                        into.figure(&metric, value);
                    }
                }
                self.sees(None, found.allocated.map(|bytes| ("memstats.TotalAlloc", bytes)));
                self.sight.pid = self.sight.pid.or(found.pid);
                self.count_json(Place::Expvar, value);
            }
            Err(error) => into.unavailable(source, &format!("`{path}`: {error}")),
        }
    }

    /// Counts the cycles by this answer, where they are in it.
    fn count_json(&mut self, place: Place, value: Result<Value, String>) {
        if let Some((_, cycles)) = self.cycles.as_ref().filter(|(of, _)| *of == place) {
            self.count = Some(value.and_then(|value| cycles.counter.in_json(&value)));
        }
    }

    /// The figure that was asked for, with what the same answer shows of who gave it.
    pub(super) fn take_figure(&mut self, answer: &Answer, choice: &Choice) -> Result<f64, String> {
        match choice {
            Choice::Pointer(pointer) => {
                let value = value_of(answer);
                let figure = value.as_ref().map_err(Clone::clone);
                let figure = figure.and_then(|value| json::figure(value, pointer).map_err(words));
                self.sight.pid = value.as_ref().ok().and_then(json::pid).or(self.sight.pid);
                self.count_json(Place::Figure, value);
                figure
            }
            Choice::Metric(selector) => {
                let text = answer.text();
                let found = whole(answer).and_then(|_| metrics::parse(&text).map_err(words))?;
                self.sees(found.started, found.totals);
                if let Some((Place::Figure, cycles)) = &self.cycles {
                    self.count = Some(cycles.counter.in_prometheus(&text));
                }
                metrics::figure(&text, selector).map_err(words)
            }
        }
    }

    /// Notes what an answer shows of who gave it.
    pub(super) fn sees(
        &mut self,
        started: Option<f64>,
        totals: impl IntoIterator<Item = (&'static str, f64)>,
    ) {
        self.sight.started = started.or(self.sight.started);
        let totals = totals.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.sight.totals.extend(totals);
    }

    /// The goroutines by stack, where it serves them.
    pub(super) async fn groups(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.profile.clone()?;
        let profile = profile(&mut self.client, &path).await.ok()?.ok()?;
        Some(groups(at, cycles, format!("{source}.goroutines"), profile))
    }

    /// The goroutines that can never wake, where it serves them beside the others.
    pub(super) async fn proof(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.profile.as_ref()?.replace("/goroutine?", "/goroutineleak?");
        let profile = profile(&mut self.client, &path).await.ok()?.ok()?;
        let leaked = profile.kind == pprof::Kind::Leaked;
        leaked.then(|| groups(at, cycles, format!("{source}.goroutineleak"), profile))
    }
}

impl Choice {
    /// The most that is read of an answer.
    pub(super) fn most(&self) -> usize {
        match self {
            Choice::Pointer(_) => MAX_BODY,
            Choice::Metric(_) => MAX_DUMP,
        }
    }
}

/// The JSON text that an answer is.
pub(super) fn value_of(answer: &Answer) -> Result<Value, String> {
    whole(answer).and_then(|body| json::parse(body).map_err(words))
}

/// The body of an answer that was read to its end.
pub(super) fn whole(answer: &Answer) -> Result<&[u8], String> {
    answer.whole().map_err(words)
}

pub(super) fn words(error: impl std::error::Error) -> String {
    error.to_string()
}
