//! A target with metrics over HTTP, read over one persistent connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::absent::NotFound;
use super::cycles::counted;
use super::lineage::{Identity, Lineage, Link, Observation};
use super::outcome::{OtherFigures, ReadOutcome, TargetStartError};
use super::readable::{Form, Page, TargetReadable};
use super::url::{Choice, Scheme, Url};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::tls::Tls;
use crate::engine::registry::Registry;
use crate::probe::Sample;
use crate::probe::answer::{Answer, AnswerError};
use crate::probe::counter::Cycles;
use crate::probe::daemon_figures::{groups, profile};
use crate::probe::get::{Client, GetError, MAX_BODY, MAX_DUMP};
use crate::probe::metric::Unit;
use crate::probe::metrics::{self, ProcessFigures};
use crate::probe::observed::Groups;
use crate::probe::reasons::{CutReason, UnavailableReason};
use crate::probe::{json_figures, pprof};

#[derive(Debug)]
pub(super) struct Http {
    pub(super) client: Client,
    /// The address as typed.
    pub(super) root: String,
    /// The pages to read, in order of discovery.
    pub(super) pages: Vec<Page>,
    /// The Prometheus text has the goroutines, so readings skip the profile.
    pub(super) metrics_count: bool,
    /// Quantities that it has reported.
    pub(super) known: BTreeSet<String>,
    /// Metrics that the user could select, and an example as typed.
    pub(super) others: OtherFigures,
    pub(super) example: Option<String>,
    /// The path with the counter of cycles, and the counter.
    pub(super) cycles: Option<(String, Cycles)>,
    lineage: Lineage,
    /// What this reading shows about the process.
    pub(super) observation: Observation,
    /// The counter of cycles in this reading.
    pub(super) count: Option<Result<f64, AnswerError>>,
    /// The last reading failed.
    broke_off: bool,
}

impl Http {
    pub(super) async fn start(
        url: &Url,
        registry: &Registry,
    ) -> Result<(Self, TargetReadable), TargetStartError> {
        let endpoint = Arc::new(Endpoint::new(url.address.clone(), Origin::Target));
        let root = url.root();
        let tls = match (url.scheme, &url.address) {
            (Scheme::Https, Address::Tcp { host, .. }) => {
                let tls = Tls::new(host, &root);
                Some(tls.map_err(|error| NotFound::from(GetError::from(error)))?)
            }
            _ => None,
        };
        let client = Client::new(endpoint, registry.clone()).with(tls, url.login.clone());
        let mut http = Self {
            client,
            root,
            pages: Vec::new(),
            metrics_count: false,
            known: BTreeSet::new(),
            others: OtherFigures::None,
            example: None,
            cycles: None,
            lineage: Lineage::default(),
            observation: Observation::default(),
            count: None,
            broke_off: false,
        };
        let missing = http.discover(url).await?;
        http.client.take_lost();
        http.lineage.observe(std::mem::take(&mut http.observation));
        let readable = TargetReadable::Http { pages: http.pages.clone(), missing };
        Ok((http, readable))
    }

    /// Adds a page to the readings.
    pub(super) fn add(&mut self, path: &str, form: Form) {
        self.pages.retain(|page| page.form != form);
        self.pages.push(Page { path: path.to_owned(), form });
    }

    /// The path of the page of this format.
    pub(super) fn path(&self, form: &Form) -> Option<&str> {
        let page = self.pages.iter().find(|page| page.form == *form);
        page.map(|page| page.path.as_str())
    }

    pub(super) async fn read(
        &mut self,
        source: &str,
        into: &mut Sample,
    ) -> Result<ReadOutcome, UnavailableReason> {
        let (before, reported) = (into.values.len(), into.unavailable.len());
        (self.observation, self.count) = (Observation::default(), None);
        if let Err(error) = self.figures(source, into).await {
            self.broke_off = true;
            return Err(error.into());
        }
        let outcome = self.identify(source, into);
        match into.values.len() == before && into.cycles.is_none() {
            false => {
                self.report_missing(source, into);
                Ok(outcome)
            }
            // Without any metric, the whole target failed.
            true => {
                let causes =
                    into.unavailable.drain(reported..).map(|record| record.reason).collect();
                Err(UnavailableReason::NothingReadable { causes })
            }
        }
    }

    /// Identifies the process that answered, and updates the counter of cycles.
    fn identify(&mut self, source: &str, into: &mut Sample) -> ReadOutcome {
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
        let mut observation = std::mem::take(&mut self.observation);
        observation.counts = counts.collect();
        observation.link = link;
        let mut outcome = ReadOutcome::default();
        match self.lineage.observe(observation) {
            Identity::Same => outcome.same = true,
            Identity::Unknown => {}
            Identity::Restarted(sign) => {
                outcome.restart = Some(CutReason::TargetRestarted { sign });
            }
            Identity::Several(sign) => outcome.several = Some(sign),
        }
        if let (Some((_, cycles)), Some(count)) = (&mut self.cycles, self.count.take()) {
            counted(cycles, count, source, into, &mut outcome);
        }
        outcome
    }

    /// Reports metrics that disappeared.
    fn report_missing(&mut self, source: &str, into: &mut Sample) {
        let prefix = format!("{source}.");
        let shown = into.values.keys().filter_map(|name| name.strip_prefix(&prefix));
        self.known.extend(shown.map(str::to_owned));
        for figure in &self.known {
            let metric = format!("{prefix}{figure}");
            let reported =
                into.unavailable.iter().any(|record| [&metric, source].contains(&&*record.metric));
            if !reported && !into.values.contains_key(&metric) {
                into.unavailable(&metric, UnavailableReason::NoLongerShown);
            }
        }
    }

    async fn figures(&mut self, source: &str, into: &mut Sample) -> Result<(), GetError> {
        for Page { path, form } in self.pages.clone() {
            let (metric, max_bytes) = match &form {
                Form::Profile if self.metrics_count => continue,
                Form::Profile => (format!("{source}.goroutines"), MAX_DUMP),
                Form::Metrics | Form::Expvar => (source.to_owned(), MAX_DUMP),
                Form::Figure(choice) => {
                    (format!("{source}.{}", choice.figure()), choice.max_bytes())
                }
            };
            let Some(answer) = self.ask(&path, max_bytes, &metric, into).await? else { continue };
            let reason = |error: AnswerError| UnavailableReason::answer(&path, &error);
            let found = match &form {
                Form::Profile => {
                    let total = pprof::total(&answer.text()).map(|(_, total)| total);
                    into.value_or(&metric, total.map_err(|error| reason(error.into())));
                    continue;
                }
                Form::Figure(choice) => {
                    let figure = self.take_figure(&path, &answer, choice);
                    into.figure_or(&metric, figure.map_err(reason));
                    continue;
                }
                Form::Metrics => self.take_metrics(&path, &answer),
                Form::Expvar => self.take_expvar(&path, &answer),
            };
            match found {
                Ok(found) => self.take(found, source, into),
                Err(error) => into.unavailable(source, reason(error)),
            }
        }
        Ok(())
    }

    /// Requests a page. With another status than 200, its metrics are unavailable.
    async fn ask(
        &mut self,
        path: &str,
        max_bytes: usize,
        metric: &str,
        into: &mut Sample,
    ) -> Result<Option<Answer>, GetError> {
        match self.client.get(path, max_bytes).await {
            Ok(answer) => Ok(Some(answer)),
            Err(GetError::Status(refusal)) => {
                into.unavailable(metric, UnavailableReason::Status(*refusal));
                Ok(None)
            }
            // Without an answer the whole target fails.
            Err(error) => Err(error),
        }
    }

    /// Adds the metrics of a process. Values of an earlier page have precedence.
    fn take(&mut self, found: ProcessFigures, source: &str, into: &mut Sample) {
        for (figure, value) in found.figures {
            into.values.entry(format!("{source}.{figure}")).or_insert(value);
        }
        for (figure, error) in found.invalid {
            let reason = UnavailableReason::Figure { message: error.to_string() };
            into.unavailable(&format!("{source}.{figure}"), reason);
        }
        self.note_process(found.started, found.totals);
    }

    fn take_metrics(&mut self, path: &str, answer: &Answer) -> Result<ProcessFigures, AnswerError> {
        answer.complete_body()?;
        let text = answer.text();
        let found = metrics::parse(&text)?;
        if let Some(cycles) = self.cycles_at(path) {
            self.count = Some(cycles.counter.in_prometheus(&text));
        }
        Ok(found)
    }

    fn take_expvar(&mut self, path: &str, answer: &Answer) -> Result<ProcessFigures, AnswerError> {
        let value = value_of(answer)?;
        let found = json_figures::expvar(&value)?;
        self.observation.pid = self.observation.pid.or(json_figures::pid(&value));
        self.count_json(path, Ok(value));
        Ok(found)
    }

    /// The counter of cycles, if it is at this path.
    fn cycles_at(&self, path: &str) -> Option<&Cycles> {
        self.cycles.as_ref().filter(|(at, _)| at == path).map(|(_, cycles)| cycles)
    }

    fn count_json(&mut self, path: &str, value: Result<Value, AnswerError>) {
        if let Some(cycles) = self.cycles_at(path) {
            self.count = Some(value.and_then(|value| cycles.counter.in_json(&value)));
        }
    }

    /// The selected metric. Also records what the answer shows about the process.
    pub(super) fn take_figure(
        &mut self,
        path: &str,
        answer: &Answer,
        choice: &Choice,
    ) -> Result<f64, AnswerError> {
        match choice {
            Choice::Pointer(pointer) => {
                let value = value_of(answer);
                let figure = value.as_ref().map_err(Clone::clone);
                let figure = figure.and_then(|value| Ok(json_figures::figure(value, pointer)?));
                self.observation.pid =
                    value.as_ref().ok().and_then(json_figures::pid).or(self.observation.pid);
                self.count_json(path, value);
                figure
            }
            Choice::Metric(selector) => {
                let found = self.take_metrics(path, answer)?;
                self.note_process(found.started, found.totals);
                Ok(metrics::figure(&answer.text(), selector)?)
            }
        }
    }

    /// Records what an answer shows about the process.
    pub(super) fn note_process(
        &mut self,
        started: Option<f64>,
        totals: impl IntoIterator<Item = (&'static str, f64)>,
    ) {
        self.observation.started = started.or(self.observation.started);
        let totals = totals.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.observation.totals.extend(totals);
    }

    /// The goroutines by stack; `None` if it does not serve them.
    pub(super) async fn groups(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.path(&Form::Profile)?.to_owned();
        let profile = profile(&mut self.client, &path).await.ok()?.ok()?;
        Some(groups(at, cycles, format!("{source}.goroutines"), profile))
    }

    /// The goroutines that can never wake; `None` if it does not serve them.
    pub(super) async fn proof(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.path(&Form::Profile)?.replace("/goroutine?", "/goroutineleak?");
        let profile = profile(&mut self.client, &path).await.ok()?.ok()?;
        let leaked = profile.kind == pprof::Kind::Leaked;
        leaked.then(|| groups(at, cycles, format!("{source}.goroutineleak"), profile))
    }
}

impl Choice {
    /// The read limit of an answer.
    pub(super) fn max_bytes(&self) -> usize {
        match self {
            Choice::Pointer(_) => MAX_BODY,
            Choice::Metric(_) => MAX_DUMP,
        }
    }
}

/// The answer as JSON.
pub(super) fn value_of(answer: &Answer) -> Result<Value, AnswerError> {
    Ok(json_figures::parse(answer.complete_body()?)?)
}
