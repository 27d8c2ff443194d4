//! A target that tells of itself over HTTP: what it serves is found by asking.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::absent::NotFound;
use super::cycles::{Place, counted};
use super::{Lost, News, Refused, Url, name};
use crate::docker::endpoint::{Endpoint, Origin};
use crate::engine::registry::Registry;
use crate::leak::probe::Sample;
use crate::leak::probe::counter::Cycles;
use crate::leak::probe::daemon::{PROFILE, groups, profile};
use crate::leak::probe::get::{Answer, Client, GetError, MAX_BODY, MAX_DUMP};
use crate::leak::probe::metrics::{self, Metrics};
use crate::leak::probe::{json, pprof};
use crate::leak::record::Groups;

/// Where the things usually are.
const METRICS: &str = "/metrics";
const EXPVAR: &str = "/debug/vars";

/// A server that is asked again and again, over one connection.
#[derive(Debug)]
pub(super) struct Http {
    pub(super) client: Client,
    /// The goroutine profile is here.
    profile: Option<String>,
    /// Prometheus' text is here.
    pub(super) metrics: Option<String>,
    /// It has the goroutines too, so that the profile is not needed for their number.
    metrics_count: bool,
    /// Go's expvar is here.
    pub(super) expvar: Option<String>,
    /// One figure of a JSON text: path, pointer, and the last part of the metric's name.
    pub(super) figure: Option<(String, String, String)>,
    /// Figures that it has told, by the ends of their names.
    known: BTreeSet<String>,
    /// When the process began, and how much it had allocated: what tells a restart.
    started: Option<f64>,
    allocated: Option<f64>,
    /// The target's own count of cycles, and in which of its answers it is.
    pub(super) cycles: Option<(Place, Cycles)>,
    /// Its goroutines as they were read last.
    goroutines: Option<f64>,
    /// Its connection was closed after they were read.
    lost: bool,
    /// What this reading has found out; a restart is kept until it is told, if the reading breaks off.
    pub(super) news: News,
}

impl Http {
    /// Asks what there is.
    pub(super) async fn start(url: &Url, registry: &Registry) -> Result<(Self, String), Refused> {
        let endpoint = Arc::new(Endpoint::new(url.address.clone(), Origin::Target));
        let mut http = Self {
            client: Client::new(endpoint, registry.clone()),
            profile: None,
            metrics: None,
            metrics_count: false,
            expvar: None,
            figure: None,
            known: BTreeSet::new(),
            started: None,
            allocated: None,
            cycles: None,
            goroutines: None,
            lost: false,
            news: News::default(),
        };
        let mut missing = Vec::new();
        let mut example = None;
        match (&url.path, &url.pointer) {
            (Some(path), Some(pointer)) => {
                http.point(path, pointer).await.map_err(|why| why.refused(url))?;
            }
            (Some(path), None) => {
                http.find_at(path).await.map_err(|why| why.refused(url))?;
            }
            (None, _) => {
                for path in [PROFILE, METRICS, EXPVAR] {
                    match http.find_at(path).await {
                        Ok(()) => {}
                        // Where nobody listens, nothing else will be heard.
                        Err(NotFound::Get(error @ GetError::Connect(_))) => {
                            return Err(NotFound::Get(error).refused(url));
                        }
                        Err(why) => {
                            missing.push(why.told());
                            example = example.or_else(|| why.hint(url));
                        }
                    }
                }
            }
        }
        if http.is_empty() {
            let (missing, example) = (missing.join("; "), example.unwrap_or_default());
            return Err(format!("nothing to measure was found: {missing}{example}").into());
        }
        http.client.take_lost();
        let words = http.words(&missing);
        Ok((http, words))
    }

    pub(super) fn connections(&self) -> u64 {
        self.client.connections()
    }

    fn is_empty(&self) -> bool {
        self.profile.is_none()
            && self.metrics.is_none()
            && self.expvar.is_none()
            && self.figure.is_none()
    }

    /// Why nothing of it can be judged, where that is so: a page of figures that are all the program's own.
    pub(super) fn tells_nothing(&self) -> Option<String> {
        let path = self.metrics.as_ref().filter(|_| self.known.is_empty())?;
        let other = self.profile.is_some() || self.expvar.is_some() || self.figure.is_some();
        (!other && self.cycles.is_none()).then(|| {
            format!("`{path}` has none of the metrics that are judged: {}", metrics::looked_for())
        })
    }

    fn words(&self, missing: &[String]) -> String {
        let mut words = Vec::new();
        let mut add = |what: &str, path: &Option<String>| {
            words.extend(path.as_ref().map(|path| format!("{what} at {path}")));
        };
        add("goroutines by the profile", &self.profile);
        add("Prometheus figures", &self.metrics);
        add("Go's expvar", &self.expvar);
        if let Some((path, pointer, _)) = &self.figure {
            words.push(format!("the figure `{pointer}` at {path}"));
        }
        words.extend(missing.iter().map(|why| format!("not: {why}")));
        words.join("; ")
    }

    async fn point(&mut self, path: &str, pointer: &str) -> Result<(), NotFound> {
        let answer = self.client.get(path, MAX_BODY).await?;
        pointed(&answer, path, pointer).map_err(NotFound::Other)?;
        let last = pointer.rsplit('/').next().unwrap_or_default();
        let metric = name::plain(last, "figure");
        self.figure = Some((path.to_owned(), pointer.to_owned(), metric));
        Ok(())
    }

    /// Finds out what is at this path, whatever the path is called.
    async fn find_at(&mut self, path: &str) -> Result<(), NotFound> {
        let answer = self.client.get(path, MAX_DUMP).await?;
        let text = answer.text();
        let Err(no_profile) = pprof::total(&text) else {
            self.profile = Some(path.to_owned());
            return Ok(());
        };
        let body = match answer.whole() {
            Ok(body) => body,
            Err(error) => return Err(NotFound::Other(format!("`{path}`: {error}"))),
        };
        if let Ok(found) = metrics::parse(&text) {
            self.metrics = Some(path.to_owned());
            self.metrics_count = found.figures.contains_key("goroutines");
            self.known.extend(found.figures.into_keys().map(str::to_owned));
            self.started = found.started;
            return Ok(());
        }
        if let Ok(value) = json::parse(body) {
            return match json::expvar(&value) {
                Ok(found) => {
                    self.expvar = Some(path.to_owned());
                    self.allocated = found.allocated;
                    Ok(())
                }
                Err(error) => Err(NotFound::Json {
                    why: format!("`{path}`: {error}"),
                    path: path.to_owned(),
                    pointer: json::example(&value)
                        // A figure that is the whole answer has no pointer that could be written.
                        .filter(|pointer| !pointer.is_empty())
                        .unwrap_or_else(|| "/json/pointer".to_owned()),
                }),
            };
        }
        // The binary form and the index are one question away from the counted form.
        let counted = match no_profile {
            pprof::PprofError::Binary if !path.contains('?') => Some(format!("{path}?debug=1")),
            pprof::PprofError::Html if path.trim_end_matches('/').ends_with("/pprof") => {
                Some(format!("{}/goroutine?debug=1", path.trim_end_matches('/')))
            }
            _ => None,
        };
        if let Some(path) = counted {
            return Box::pin(self.find_at(&path)).await;
        }
        Err(NotFound::Other(format!("`{path}`: {no_profile}")))
    }

    pub(super) async fn read(&mut self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let (had, said) = (into.values.len(), into.unavailable.len());
        self.news.same = false;
        self.figures(source, into).await?;
        let mut news = std::mem::take(&mut self.news);
        let refused = self.client.take_refused();
        let lost = self.client.take_lost();
        let fell = self.fell(source, into);
        // Many a server closes what is idle: the end of a connection says little, and what the target
        // tells of itself says all. It may be seen right after an answer, or only at the next question.
        if (lost || self.lost) && !news.same && (refused || fell) {
            let why = match refused {
                true => {
                    "the target closed its connection and took no other for a while: it was started again"
                }
                false => {
                    "the target closed its connection, and its goroutines fell below half: it was started again"
                }
            };
            news.cut.get_or_insert(why.to_owned());
        }
        self.lost = lost && news.cut.is_none();
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
                    why.push("it does not tell its figures any more".to_owned());
                }
                Err(Lost::away(format!("nothing can be read any more: {}", why.join("; "))))
            }
        }
    }

    /// Says which figures are not told any more.
    fn miss(&mut self, source: &str, into: &mut Sample) {
        let (prefix, why) = (format!("{source}."), "it is not told any more");
        let told = into.values.keys().filter_map(|name| name.strip_prefix(&prefix));
        self.known.extend(told.map(str::to_owned));
        for figure in &self.known {
            let metric = format!("{prefix}{figure}");
            let said =
                into.unavailable.iter().any(|one| one.metric == metric || one.metric == source);
            if !said && !into.values.contains_key(&metric) {
                into.unavailable(&metric, &why);
            }
        }
    }

    /// Whether its goroutines are less than half of what they were.
    fn fell(&mut self, source: &str, sample: &Sample) -> bool {
        let now = sample.values.get(&format!("{source}.goroutines")).copied();
        let before = std::mem::replace(&mut self.goroutines, now);
        now.zip(before).is_some_and(|(now, before)| now < before / 2.0)
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
        if let Some((path, pointer, metric)) = self.figure.clone() {
            let metric = format!("{source}.{metric}");
            if let Some(answer) = self.ask(&path, MAX_BODY, &metric, into).await? {
                into.figure_or_why(&metric, pointed(&answer, &path, &pointer));
                self.count_json(Place::Figure, &answer, source, into);
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
        let Metrics { figures, started, wrong } = match parsed {
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
        match self.started.zip(started).map(|(old, new)| 0.0 < (new - old).abs()) {
            Some(true) => {
                let why = "the target was started again (its start time has changed)";
                self.news.cut = Some(why.to_owned());
            }
            Some(false) => self.news.same = true,
            None => {}
        }
        self.started = started.or(self.started);
        if let Some((Place::Metrics, cycles)) = &mut self.cycles {
            let count = cycles.counter.in_prometheus(&text);
            counted(cycles, count, source, into, &mut self.news);
        }
    }

    fn take_expvar(&mut self, path: &str, answer: &Answer, source: &str, into: &mut Sample) {
        let parsed = value_of(answer).and_then(|value| json::expvar(&value).map_err(words));
        match parsed {
            Ok(found) => {
                for (figure, value) in found.figures {
                    // The profile's and Prometheus' figures are of the same moment or better.
                    let metric = format!("{source}.{figure}");
                    if !into.values.contains_key(&metric) {
                        into.figure(&metric, value);
                    }
                }
                match found.allocated.zip(self.allocated) {
                    Some((now, before)) if now < before && !self.news.same => {
                        let why =
                            "the target was started again (it has allocated less than before)";
                        self.news.cut.get_or_insert(why.to_owned());
                    }
                    Some((now, before)) if before < now => {
                        self.news.same |= self.news.cut.is_none();
                    }
                    _ => {}
                }
                self.allocated = found.allocated.or(self.allocated);
                self.count_json(Place::Expvar, answer, source, into);
            }
            Err(error) => into.unavailable(source, &format!("`{path}`: {error}")),
        }
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

fn pointed(answer: &Answer, path: &str, pointer: &str) -> Result<f64, String> {
    let figure = value_of(answer).and_then(|value| json::figure(&value, pointer).map_err(words));
    figure.map_err(|error| format!("`{path}`: {error}"))
}

/// The JSON text that an answer is.
pub(super) fn value_of(answer: &Answer) -> Result<Value, String> {
    whole(answer).and_then(|body| json::parse(body).map_err(words))
}

/// The body of an answer that was read to its end.
pub(super) fn whole(answer: &Answer) -> Result<&[u8], String> {
    answer.whole().map_err(words)
}

fn words(error: impl std::error::Error) -> String {
    error.to_string()
}
