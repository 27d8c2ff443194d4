//! A target that tells of itself over HTTP: what it serves is found by asking.

use std::sync::Arc;

use super::{Lost, News, Url, name};
use crate::docker::endpoint::{Endpoint, Origin};
use crate::engine::registry::Registry;
use crate::leak::probe::Sample;
use crate::leak::probe::daemon::{PROFILE, groups, profile};
use crate::leak::probe::get::{Answer, Client, GetError, MAX_BODY, MAX_DUMP};
use crate::leak::probe::json;
use crate::leak::probe::metrics::{self, Metrics, Selector};
use crate::leak::probe::pprof;
use crate::leak::record::Groups;

/// Where the things usually are.
const METRICS: &str = "/metrics";
const EXPVAR: &str = "/debug/vars";

/// A server that is asked again and again, over one connection.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    /// The goroutine profile is here.
    profile: Option<String>,
    /// Prometheus' text is here.
    metrics: Option<String>,
    /// It has the goroutines too, so that the profile is not needed for their number.
    metrics_count: bool,
    /// Go's expvar is here.
    expvar: Option<String>,
    /// One figure of a JSON text: path, pointer, and the last part of the metric's name.
    figure: Option<(String, String, String)>,
    /// When the process began, and how much it had allocated: what tells a restart.
    started: Option<f64>,
    allocated: Option<f64>,
    cycles: Option<Cycles>,
    /// Its goroutines by the profile as they were read last.
    goroutines: Option<f64>,
    /// Its connection was closed after they were read.
    lost: bool,
}

/// The target's own count of cycles.
#[derive(Debug)]
struct Cycles {
    selector: Selector,
    last: f64,
    /// What was counted, over restarts.
    sum: f64,
}

impl Http {
    /// Asks what there is.
    pub(super) async fn start(url: &Url, registry: &Registry) -> Result<(Self, String), String> {
        let endpoint = Arc::new(Endpoint::new(url.address.clone(), Origin::Target));
        let mut http = Self {
            client: Client::new(endpoint, registry.clone()),
            profile: None,
            metrics: None,
            metrics_count: false,
            expvar: None,
            figure: None,
            started: None,
            allocated: None,
            cycles: None,
            goroutines: None,
            lost: false,
        };
        let mut missing = Vec::new();
        match (&url.path, &url.pointer) {
            (Some(path), Some(pointer)) => http.point(path, pointer).await?,
            (Some(path), None) => http.find_at(path).await?,
            (None, _) => {
                for path in [PROFILE, METRICS, EXPVAR] {
                    match http.find_at(path).await {
                        Ok(()) => {}
                        // Where nobody listens, nothing else will be heard.
                        Err(NotFound::Get(error @ GetError::Connect(_))) => {
                            return Err(error.to_string());
                        }
                        Err(why) => missing.push(String::from(why)),
                    }
                }
            }
        }
        if http.is_empty() {
            return Err(format!("nothing to measure was found: {}", missing.join("; ")));
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

    async fn point(&mut self, path: &str, pointer: &str) -> Result<(), String> {
        let answer = self.client.get(path, MAX_BODY).await.map_err(|error| error.to_string())?;
        pointed(&answer, path, pointer)?;
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
        if let Ok(found) = metrics::parse(&text) {
            self.metrics = Some(path.to_owned());
            self.metrics_count = found.figures.contains_key("goroutines");
            self.started = found.started;
            return Ok(());
        }
        let no_json = match json::parse(&answer.body).and_then(|value| json::expvar(&value)) {
            Ok(found) => {
                self.expvar = Some(path.to_owned());
                self.allocated = found.allocated;
                return Ok(());
            }
            Err(error) => error,
        };
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
        // Of the three refusals, the telling one.
        let why = match no_json {
            json::JsonError::NotExpvar => no_json.to_string(),
            _ => no_profile.to_string(),
        };
        Err(NotFound::Other(format!("`{path}`: {why}")))
    }

    pub(super) async fn count_cycles(&mut self, selector: &Selector) -> bool {
        let Some(path) = self.metrics.clone() else {
            return false;
        };
        let Ok(answer) = self.client.get(&path, MAX_BODY).await else {
            return false;
        };
        let Ok(last) = metrics::figure(&answer.text(), selector) else {
            return false;
        };
        self.cycles = Some(Cycles { selector: selector.clone(), last, sum: 0.0 });
        true
    }

    pub(super) async fn read(&mut self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let (had, said) = (into.values.len(), into.unavailable.len());
        let mut news = self.figures(source, into).await?;
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
            false => Ok(news),
            // With no figure at all it is the target that is lost, and not one of its metrics.
            true => {
                let why: Vec<String> = into.unavailable.drain(said..).map(|one| one.why).collect();
                Err(Lost::away(format!("nothing can be read any more: {}", why.join("; "))))
            }
        }
    }

    /// Whether the goroutines of a target that tells nothing else are less than half of what they were.
    fn fell(&mut self, source: &str, sample: &Sample) -> bool {
        if self.metrics.is_some() || self.expvar.is_some() {
            return false;
        }
        let now = sample.values.get(&format!("{source}.goroutines")).copied();
        let before = std::mem::replace(&mut self.goroutines, now);
        now.zip(before).is_some_and(|(now, before)| now < before / 2.0)
    }

    async fn figures(&mut self, source: &str, into: &mut Sample) -> Result<News, Lost> {
        let mut news = News::default();
        if let Some(path) = self.metrics.clone() {
            self.read_metrics(&path, source, into, &mut news).await?;
        }
        if let Some(path) = self.profile.clone().filter(|_| !self.metrics_count) {
            let metric = format!("{source}.goroutines");
            match self.client.get(&path, MAX_DUMP).await {
                Ok(answer) => {
                    let total = pprof::total(&answer.text()).map(|(_, total)| total);
                    into.value_or_why(&metric, total);
                }
                Err(error) => refused(into, &metric, error)?,
            }
        }
        if let Some(path) = self.expvar.clone() {
            self.read_expvar(&path, source, into, &mut news).await?;
        }
        if let Some((path, pointer, metric)) = self.figure.clone() {
            let metric = format!("{source}.{metric}");
            match self.client.get(&path, MAX_BODY).await {
                Ok(answer) => into.figure_or_why(&metric, pointed(&answer, &path, &pointer)),
                Err(error) => refused(into, &metric, error)?,
            }
        }
        Ok(news)
    }

    async fn read_metrics(
        &mut self,
        path: &str,
        source: &str,
        into: &mut Sample,
        news: &mut News,
    ) -> Result<(), Lost> {
        let answer = match self.client.get(path, MAX_BODY).await {
            Ok(answer) => answer,
            Err(error) => return refused(into, source, error),
        };
        let text = answer.text();
        let Metrics { figures, started, wrong } = match metrics::parse(&text) {
            Ok(found) => found,
            Err(error) => {
                into.unavailable(source, &format!("`{path}`: {error}"));
                return Ok(());
            }
        };
        for (figure, value) in figures {
            into.figure(&format!("{source}.{figure}"), value);
        }
        for (figure, error) in wrong {
            into.unavailable(&format!("{source}.{figure}"), &error);
        }
        let begun = self.started.zip(started).map(|(old, new)| 0.0 < (new - old).abs());
        match begun {
            Some(true) => {
                let why = "the target was started again (its start time has changed)";
                news.cut = Some(why.to_owned());
            }
            Some(false) => news.same = true,
            None => {}
        }
        self.started = started.or(self.started);
        if let Some(cycles) = &mut self.cycles {
            match metrics::figure(&text, &cycles.selector) {
                Ok(count) => {
                    let rose = cycles.last < count;
                    let fell = cycles.count(count).filter(|_| begun != Some(false));
                    news.cut = fell.or(news.cut.take());
                    news.same |= rose && news.cut.is_none();
                    into.cycles = Some(cycles.sum);
                }
                Err(error) => into.unavailable(&format!("{source}.cycles"), &error),
            }
        }
        Ok(())
    }

    async fn read_expvar(
        &mut self,
        path: &str,
        source: &str,
        into: &mut Sample,
        news: &mut News,
    ) -> Result<(), Lost> {
        let answer = match self.client.get(path, MAX_BODY).await {
            Ok(answer) => answer,
            Err(error) => return refused(into, source, error),
        };
        match json::parse(&answer.body).and_then(|value| json::expvar(&value)) {
            Ok(found) => {
                for (figure, value) in found.figures {
                    // The profile's and Prometheus' figures are of the same moment or better.
                    let metric = format!("{source}.{figure}");
                    if !into.values.contains_key(&metric) {
                        into.figure(&metric, value);
                    }
                }
                match found.allocated.zip(self.allocated) {
                    Some((now, before)) if now < before && !news.same => {
                        let why =
                            "the target was started again (it has allocated less than before)";
                        news.cut.get_or_insert(why.to_owned());
                    }
                    Some((now, before)) if before < now => news.same |= news.cut.is_none(),
                    _ => {}
                }
                self.allocated = found.allocated.or(self.allocated);
            }
            Err(error) => into.unavailable(source, &format!("`{path}`: {error}")),
        }
        Ok(())
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

impl Cycles {
    /// Takes the next count; tells when it has begun anew.
    fn count(&mut self, count: f64) -> Option<String> {
        let fell = count < self.last;
        let why = fell.then(|| {
            format!(
                "the target was started again (`{}` fell from {} to {count})",
                self.selector, self.last
            )
        });
        self.sum += if fell { count } else { count - self.last };
        self.last = count;
        why
    }
}

/// Why nothing was found at a path.
#[derive(Debug)]
enum NotFound {
    Get(GetError),
    Other(String),
}

impl From<GetError> for NotFound {
    fn from(error: GetError) -> Self {
        NotFound::Get(error)
    }
}

impl From<NotFound> for String {
    fn from(why: NotFound) -> Self {
        match why {
            NotFound::Get(error) => error.to_string(),
            NotFound::Other(why) => why,
        }
    }
}

/// A refusal is about this figure; without an answer the target is away.
fn refused(into: &mut Sample, metric: &str, error: GetError) -> Result<(), Lost> {
    match error {
        GetError::Status { .. } => {
            into.unavailable(metric, &error);
            Ok(())
        }
        error @ GetError::Late { .. } => Err(Lost::late(error)),
        error => Err(Lost::away(error)),
    }
}

fn pointed(answer: &Answer, path: &str, pointer: &str) -> Result<f64, String> {
    let figure = json::parse(&answer.body).and_then(|value| json::figure(&value, pointer));
    figure.map_err(|error| format!("`{path}`: {error}"))
}
