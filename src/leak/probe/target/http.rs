//! A target that shows its own figures over HTTP, read again and again over one connection.

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
use crate::leak::metric::Unit;
use crate::leak::probe::Sample;
use crate::leak::probe::answer::{Answer, AnswerError};
use crate::leak::probe::counter::Cycles;
use crate::leak::probe::daemon_figures::{groups, profile};
use crate::leak::probe::get::{Client, GetError, MAX_BODY, MAX_DUMP};
use crate::leak::probe::metrics::{self, ProcessFigures};
use crate::leak::probe::{json_figures, pprof};
use crate::leak::reasons::{CutReason, UnavailableReason};
use crate::leak::record::Groups;

/// A server that is asked again and again, over one connection.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) client: Client,
    /// The address as it is typed.
    pub(super) root: String,
    /// Its answers that are read, in the order in which they were found.
    pub(super) pages: Vec<Page>,
    /// Prometheus' text has the goroutines too, so that the profile is not needed for their number.
    pub(super) metrics_count: bool,
    /// Figures that it has shown, by the ends of their names.
    pub(super) known: BTreeSet<String>,
    /// What else could be named as a figure, and one that could, as it is typed.
    pub(super) others: OtherFigures,
    pub(super) example: Option<String>,
    /// The path of the answer that has the target's own count of cycles, and the count.
    pub(super) cycles: Option<(String, Cycles)>,
    /// The processes that have answered so far.
    lineage: Lineage,
    /// What this reading shows of the process that answers.
    pub(super) observation: Observation,
    /// The count of cycles that this reading found.
    pub(super) count: Option<Result<f64, AnswerError>>,
    /// The last reading broke off.
    broke_off: bool,
}

impl Http {
    /// Asks what there is.
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

    /// Reads this answer from now on.
    pub(super) fn add(&mut self, path: &str, form: Form) {
        self.pages.retain(|page| page.form != form);
        self.pages.push(Page { path: path.to_owned(), form });
    }

    /// Where the answer of this form is.
    pub(super) fn path(&self, form: &Form) -> Option<&str> {
        let page = self.pages.iter().find(|page| page.form == *form);
        page.map(|page| page.path.as_str())
    }

    pub(super) async fn read(
        &mut self,
        source: &str,
        into: &mut Sample,
    ) -> Result<ReadOutcome, UnavailableReason> {
        let (had, reported) = (into.values.len(), into.unavailable.len());
        (self.observation, self.count) = (Observation::default(), None);
        if let Err(error) = self.figures(source, into).await {
            self.broke_off = true;
            return Err(error.into());
        }
        let outcome = self.identify(source, into);
        match into.values.len() == had && into.cycles.is_none() {
            false => {
                self.report_missing(source, into);
                Ok(outcome)
            }
            // With no figure at all it is the target that is lost, and not one of its metrics.
            true => {
                let causes = into.unavailable.drain(reported..).map(|one| one.reason).collect();
                Err(UnavailableReason::NothingReadable { causes })
            }
        }
    }

    /// Decides which process has answered, and takes the count of cycles accordingly.
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

    /// Reports the figures that are no longer shown.
    fn report_missing(&mut self, source: &str, into: &mut Sample) {
        let prefix = format!("{source}.");
        let shown = into.values.keys().filter_map(|name| name.strip_prefix(&prefix));
        self.known.extend(shown.map(str::to_owned));
        for figure in &self.known {
            let metric = format!("{prefix}{figure}");
            let reported =
                into.unavailable.iter().any(|one| one.metric == metric || one.metric == source);
            if !reported && !into.values.contains_key(&metric) {
                into.unavailable(&metric, UnavailableReason::NoLongerShown);
            }
        }
    }

    async fn figures(&mut self, source: &str, into: &mut Sample) -> Result<(), GetError> {
        for Page { path, form } in self.pages.clone() {
            let (metric, most) = match &form {
                Form::Profile if self.metrics_count => continue,
                Form::Profile => (format!("{source}.goroutines"), MAX_DUMP),
                Form::Metrics | Form::Expvar => (source.to_owned(), MAX_DUMP),
                Form::Figure(choice) => (format!("{source}.{}", choice.figure()), choice.most()),
            };
            let Some(answer) = self.ask(&path, most, &metric, into).await? else { continue };
            let of_path = |error: AnswerError| UnavailableReason::answer(&path, &error);
            let found = match &form {
                Form::Profile => {
                    let total = pprof::total(&answer.text()).map(|(_, total)| total);
                    into.value_or(&metric, total.map_err(|error| of_path(error.into())));
                    continue;
                }
                Form::Figure(choice) => {
                    let figure = self.take_figure(&path, &answer, choice);
                    into.figure_or(&metric, figure.map_err(of_path));
                    continue;
                }
                Form::Metrics => self.take_metrics(&path, &answer),
                Form::Expvar => self.take_expvar(&path, &answer),
            };
            match found {
                Ok(found) => self.take(found, source, into),
                Err(error) => into.unavailable(source, of_path(error)),
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
    ) -> Result<Option<Answer>, GetError> {
        match self.client.get(path, most).await {
            Ok(answer) => Ok(Some(answer)),
            Err(GetError::Status(refusal)) => {
                into.unavailable(metric, UnavailableReason::Status(*refusal));
                Ok(None)
            }
            // Without an answer the target is away.
            Err(error) => Err(error),
        }
    }

    /// Takes the figures of a process. Those of an answer before are of the same moment or better.
    fn take(&mut self, found: ProcessFigures, source: &str, into: &mut Sample) {
        for (figure, value) in found.figures {
            into.values.entry(format!("{source}.{figure}")).or_insert(value);
        }
        for (figure, error) in found.wrong {
            let reason = UnavailableReason::Figure { message: error.to_string() };
            into.unavailable(&format!("{source}.{figure}"), reason);
        }
        self.note_process(found.started, found.totals);
    }

    fn take_metrics(&mut self, path: &str, answer: &Answer) -> Result<ProcessFigures, AnswerError> {
        answer.whole()?;
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

    /// The count of cycles, where this answer has it.
    fn cycles_at(&self, path: &str) -> Option<&Cycles> {
        self.cycles.as_ref().filter(|(at, _)| at == path).map(|(_, cycles)| cycles)
    }

    fn count_json(&mut self, path: &str, value: Result<Value, AnswerError>) {
        if let Some(cycles) = self.cycles_at(path) {
            self.count = Some(value.and_then(|value| cycles.counter.in_json(&value)));
        }
    }

    /// The figure that was asked for; what the same answer shows of its process is noted.
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

    /// Notes what an answer shows of the process that gave it.
    pub(super) fn note_process(
        &mut self,
        started: Option<f64>,
        totals: impl IntoIterator<Item = (&'static str, f64)>,
    ) {
        self.observation.started = started.or(self.observation.started);
        let totals = totals.into_iter().map(|(name, value)| (name.to_owned(), value));
        self.observation.totals.extend(totals);
    }

    /// The goroutines by stack, where it serves them.
    pub(super) async fn groups(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.path(&Form::Profile)?.to_owned();
        let profile = profile(&mut self.client, &path).await.ok()?.ok()?;
        Some(groups(at, cycles, format!("{source}.goroutines"), profile))
    }

    /// The goroutines that can never wake, where it serves them beside the others.
    pub(super) async fn proof(&mut self, source: &str, at: f64, cycles: f64) -> Option<Groups> {
        let path = self.path(&Form::Profile)?.replace("/goroutine?", "/goroutineleak?");
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
pub(super) fn value_of(answer: &Answer) -> Result<Value, AnswerError> {
    Ok(json_figures::parse(answer.whole()?)?)
}
