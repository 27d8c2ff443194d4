//! A target that shows its own figures over HTTP, read again and again over one connection.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::absent::{NotFound, tried};
use super::cycles::counted;
use super::lineage::{Lineage, Link, Sight, Who};
use super::outcome::{Lost, News, Refused};
use super::url::{Choice, Scheme, Url};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::tls::Tls;
use crate::engine::registry::Registry;
use crate::leak::metric::Unit;
use crate::leak::probe::Sample;
use crate::leak::probe::counter::Cycles;
use crate::leak::probe::daemon_figures::{groups, profile};
use crate::leak::probe::get::{Answer, Client, GetError, MAX_BODY, MAX_DUMP};
use crate::leak::probe::metrics::{self, ProcessFigures};
use crate::leak::probe::{json_figures, pprof};
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
    /// What else could be named as a figure, in words, and one that could, as it is typed.
    pub(super) others: Option<String>,
    pub(super) example: Option<String>,
    /// The path of the answer that has the target's own count of cycles, and the count.
    pub(super) cycles: Option<(String, Cycles)>,
    /// Who has answered so far.
    lineage: Lineage,
    /// What this reading shows of who answers.
    pub(super) sight: Sight,
    /// The count of cycles that this reading found.
    pub(super) count: Option<Result<f64, String>>,
    /// The last reading broke off.
    broke_off: bool,
}

/// An answer that is read, and what it is.
#[derive(Clone, Debug)]
pub(super) struct Page {
    pub(super) path: String,
    pub(super) form: Form,
}

/// What an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The goroutine profile.
    Profile,
    /// Prometheus' text.
    Metrics,
    /// Go's expvar.
    Expvar,
    /// The text of the one figure that was asked for.
    Figure(Choice),
}

impl Http {
    /// Asks what there is.
    pub(super) async fn start(url: &Url, registry: &Registry) -> Result<(Self, String), Refused> {
        let endpoint = Arc::new(Endpoint::new(url.address.clone(), Origin::Target));
        let root = url.root();
        let tls = match (url.scheme, &url.address) {
            (Scheme::Https, Address::Tcp { host, .. }) => {
                let tls = Tls::new(host, &root);
                Some(tls.map_err(|error| NotFound::from(GetError::from(error)).refused())?)
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

    fn words(&self, missing: &[NotFound]) -> String {
        let page = |Page { path, form }: &Page| match form {
            Form::Profile => format!("goroutines by the profile at {path}"),
            Form::Metrics => format!("Prometheus figures at {path}"),
            Form::Expvar => format!("Go's expvar at {path}"),
            Form::Figure(choice) => format!("the figure `{choice}` at {path}"),
        };
        let mut words: Vec<String> = self.pages.iter().map(page).collect();
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
        for Page { path, form } in self.pages.clone() {
            let (metric, most) = match &form {
                Form::Profile if self.metrics_count => continue,
                Form::Profile => (format!("{source}.goroutines"), MAX_DUMP),
                Form::Metrics | Form::Expvar => (source.to_owned(), MAX_DUMP),
                Form::Figure(choice) => (format!("{source}.{}", choice.figure()), choice.most()),
            };
            let Some(answer) = self.ask(&path, most, &metric, into).await? else { continue };
            let of_path = |why: String| format!("`{path}`: {why}");
            let found = match &form {
                Form::Profile => {
                    let total = pprof::total(&answer.text()).map(|(_, total)| total);
                    into.value_or_why(&metric, total);
                    continue;
                }
                Form::Figure(choice) => {
                    let figure = self.take_figure(&path, &answer, choice);
                    into.figure_or_why(&metric, figure.map_err(of_path));
                    continue;
                }
                Form::Metrics => self.take_metrics(&path, &answer),
                Form::Expvar => self.take_expvar(&path, &answer),
            };
            match found {
                Ok(found) => self.take(found, source, into),
                Err(why) => into.unavailable(source, &of_path(why)),
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

    /// Takes the figures of a process. Those of an answer before are of the same moment or better.
    fn take(&mut self, found: ProcessFigures, source: &str, into: &mut Sample) {
        for (figure, value) in found.figures {
            into.values.entry(format!("{source}.{figure}")).or_insert(value);
        }
        for (figure, error) in found.wrong {
            into.unavailable(&format!("{source}.{figure}"), &error);
        }
        self.sees(found.started, found.totals);
    }

    fn take_metrics(&mut self, path: &str, answer: &Answer) -> Result<ProcessFigures, String> {
        let text = answer.text();
        let found = whole(answer).and_then(|_| metrics::parse(&text).map_err(words))?;
        if let Some(cycles) = self.cycles_at(path) {
            self.count = Some(cycles.counter.in_prometheus(&text));
        }
        Ok(found)
    }

    fn take_expvar(&mut self, path: &str, answer: &Answer) -> Result<ProcessFigures, String> {
        let value = value_of(answer)?;
        let found = json_figures::expvar(&value).map_err(words)?;
        self.sight.pid = self.sight.pid.or(json_figures::pid(&value));
        self.count_json(path, Ok(value));
        Ok(found)
    }

    /// The count of cycles, where this answer has it.
    fn cycles_at(&self, path: &str) -> Option<&Cycles> {
        self.cycles.as_ref().filter(|(at, _)| at == path).map(|(_, cycles)| cycles)
    }

    fn count_json(&mut self, path: &str, value: Result<Value, String>) {
        if let Some(cycles) = self.cycles_at(path) {
            self.count = Some(value.and_then(|value| cycles.counter.in_json(&value)));
        }
    }

    /// The figure that was asked for, with what the same answer shows of who gave it.
    pub(super) fn take_figure(
        &mut self,
        path: &str,
        answer: &Answer,
        choice: &Choice,
    ) -> Result<f64, String> {
        match choice {
            Choice::Pointer(pointer) => {
                let value = value_of(answer);
                let figure = value.as_ref().map_err(Clone::clone);
                let figure =
                    figure.and_then(|value| json_figures::figure(value, pointer).map_err(words));
                self.sight.pid = value.as_ref().ok().and_then(json_figures::pid).or(self.sight.pid);
                self.count_json(path, value);
                figure
            }
            Choice::Metric(selector) => {
                let found = self.take_metrics(path, answer)?;
                self.sees(found.started, found.totals);
                metrics::figure(&answer.text(), selector).map_err(words)
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
pub(super) fn value_of(answer: &Answer) -> Result<Value, String> {
    whole(answer).and_then(|body| json_figures::parse(body).map_err(words))
}

/// The body of an answer that was read to its end.
pub(super) fn whole(answer: &Answer) -> Result<&[u8], String> {
    answer.whole().map_err(words)
}

pub(super) fn words(error: impl std::error::Error) -> String {
    error.to_string()
}
