//! Discovers the metrics of a server, at the given path or at common ones.

use super::absent::{Naming, NotFound};
use super::http::{Http, value_of};
use super::outcome::{CyclesError, OtherFigures, TargetStartError};
use super::readable::{Form, Page, TargetReadable};
use super::url::{Choice, Url};
use crate::probe::answer::{Answer, AnswerError};
use crate::probe::counter::{Counter, Cycles};
use crate::probe::daemon_figures::PROFILE_PATH;
use crate::probe::get::{GetError, MAX_DUMP};
use crate::probe::metrics::{self, ProcessFigures, Selector};
use crate::probe::{json_figures, pprof};

/// Common paths of Prometheus text: most libraries, Spring Boot, Go programs, Quarkus, web frameworks.
const METRICS_PATHS: [&str; 6] = [
    "/metrics",
    "/actuator/prometheus",
    "/debug/metrics",
    "/q/metrics",
    "/api/metrics",
    "/prometheus",
];
/// The path of Go's expvar.
const EXPVAR_PATH: &str = "/debug/vars";

impl Http {
    /// Discovers the metrics. Returns the paths without any.
    pub(super) async fn discover(&mut self, url: &Url) -> Result<Vec<NotFound>, TargetStartError> {
        match (&url.path, &url.choice) {
            (Some(path), Some(choice)) => {
                self.choose(path, choice).await?;
                Ok(Vec::new())
            }
            (Some(path), None) => {
                self.find_at(path).await?;
                Ok(Vec::new())
            }
            (None, Some(choice)) => self.choose_anywhere(choice).await,
            (None, None) => self.find_anywhere().await,
        }
    }

    /// Tries the common paths. One page of Prometheus text is enough.
    async fn find_anywhere(&mut self) -> Result<Vec<NotFound>, TargetStartError> {
        let mut missing = Vec::new();
        for path in [PROFILE_PATH].into_iter().chain(METRICS_PATHS).chain([EXPVAR_PATH]) {
            if self.path(&Form::Metrics).is_some() && METRICS_PATHS.contains(&path) {
                continue;
            }
            match self.find_at(path).await {
                Ok(()) => {}
                // Without a connection, the other paths fail too.
                Err(error) if error.is_final() => return Err(error.into()),
                Err(error) => missing.push(error),
            }
        }
        if self.path(&Form::Metrics).is_some() {
            missing.retain(|path| !METRICS_PATHS.contains(&path.path.as_str()));
        }
        match self.pages.is_empty() {
            true => Err(TargetStartError::NothingFound(missing)),
            false => Ok(missing),
        }
    }

    async fn choose_anywhere(
        &mut self,
        choice: &Choice,
    ) -> Result<Vec<NotFound>, TargetStartError> {
        let mut missing = Vec::new();
        for path in METRICS_PATHS {
            match self.choose(path, choice).await {
                Ok(()) => return Ok(Vec::new()),
                // The first page in the exposition format decides.
                Err(error) if error.is_final() || error.is_page() => {
                    return Err(error.into());
                }
                Err(error) => missing.push(error),
            }
        }
        Err(TargetStartError::NothingFound(missing))
    }

    /// Discovers the selected metric at this path.
    async fn choose(&mut self, path: &str, choice: &Choice) -> Result<(), NotFound> {
        let answer = self.client.get(path, choice.max_bytes()).await;
        let answer = answer.map_err(|error| NotFound::get(path, error))?;
        if let Err(error) = self.take_figure(path, &answer, choice) {
            let form = self.other_form(path, &answer, choice);
            return Err(match metrics::check(&answer.text()) {
                Ok(()) => NotFound::page(path, error, form),
                Err(_) => NotFound::answer(path, error, form),
            });
        }
        if let Choice::Metric(selector) = choice {
            can_fall(path, &answer, selector)?;
        }
        self.known.insert(choice.figure());
        self.add(path, Form::Figure(choice.clone()));
        Ok(())
    }

    /// Finds the counter of cycles in one of the discovered pages. Later readings include it.
    ///
    /// # Errors
    /// No page has it, or it is not a count.
    pub(super) async fn count_cycles(
        &mut self,
        counter: &Counter,
    ) -> Result<TargetReadable, CyclesError> {
        let mut tried = Vec::new();
        for Page { path, form } in self.pages.iter().filter(|page| page.form != Form::Profile) {
            let found = match self.client.get(path, MAX_DUMP).await {
                Ok(answer) if matches!(form, Form::Metrics | Form::Figure(Choice::Metric(_))) => {
                    answer.complete_body().and_then(|_| counter.in_prometheus(&answer.text()))
                }
                Ok(answer) => value_of(&answer).and_then(|value| counter.in_json(&value)),
                Err(error) => {
                    tried.push(NotFound::get(path, error));
                    continue;
                }
            };
            match found {
                Ok(first) => {
                    self.cycles = Some((path.clone(), Cycles::new(counter.clone(), first)));
                    let (counter, path) = (counter.clone(), path.clone());
                    return Ok(TargetReadable::Cycles { counter, path, first });
                }
                Err(error) => tried.push(NotFound::answer(path, error, None)),
            }
        }
        Err(CyclesError::NotFound(tried))
    }

    /// The actual format of an answer without the selected metric, and how to select one.
    fn other_form(&self, path: &str, answer: &Answer, choice: &Choice) -> Option<Naming> {
        let text = answer.text();
        let at = format!("{}{path}", self.root);
        if pprof::total(&text).is_ok() {
            return Some(Naming::Profile { at });
        }
        if metrics::check(&text).is_ok() {
            let names = metrics::names(&text);
            return match choice {
                Choice::Pointer(_) => {
                    let example = names.example().unwrap_or_else(|| "NAME".to_owned());
                    Some(Naming::Prometheus { at, example })
                }
                Choice::Metric(selector) => names
                    .near(selector)
                    .or_else(|| names.listed())
                    .map(|names| Naming::Names { names }),
            };
        }
        let value = value_of(answer).ok()?;
        match (choice, json_figures::example(&value)) {
            (Choice::Pointer(_), _) => None,
            (Choice::Metric(_), Some(pointer)) => Some(Naming::Json { at, pointer }),
            (Choice::Metric(_), None) => Some(Naming::JsonAlone),
        }
    }

    /// Discovers the format of the answer at this path.
    async fn find_at(&mut self, path: &str) -> Result<(), NotFound> {
        let answer = self.client.get(path, MAX_DUMP).await;
        let answer = answer.map_err(|error| NotFound::get(path, error))?;
        let Err(no_profile) = self.add_page(path, &answer)? else {
            return Ok(());
        };
        // For the binary profile or the index, another path has the text profile.
        let counted = match no_profile {
            pprof::PprofError::Binary if !path.contains('?') => Some(format!("{path}?debug=1")),
            pprof::PprofError::Html if path.trim_end_matches('/').ends_with("/pprof") => {
                Some(format!("{}/goroutine?debug=1", path.trim_end_matches('/')))
            }
            _ => None,
        };
        if let Some(counted) = counted {
            let found = match self.client.get(&counted, MAX_DUMP).await {
                Ok(answer) => matches!(self.add_page(&counted, &answer), Ok(Ok(()))),
                // Other errors of this path would confuse, because the user did not give it.
                Err(error @ (GetError::Connect(_) | GetError::Tls(_))) => {
                    return Err(NotFound::get(path, error));
                }
                Err(_) => false,
            };
            if found {
                return Ok(());
            }
        }
        Err(NotFound::answer(path, no_profile.into(), None))
    }

    fn add_known(&mut self, found: ProcessFigures) {
        let invalid = found.invalid.into_iter().map(|(figure, _)| figure);
        self.known.extend(found.figures.into_keys().chain(invalid).map(str::to_owned));
        self.note_process(found.started, found.totals);
    }

    /// Adds the page if its format is known. The inner error: it is not.
    fn add_page(
        &mut self,
        path: &str,
        answer: &Answer,
    ) -> Result<Result<(), pprof::PprofError>, NotFound> {
        if answer.content_type.starts_with("application/vnd.google.protobuf") {
            return Err(NotFound::answer(path, AnswerError::Protobuf, None));
        }
        let text = answer.text();
        let Err(no_profile) = pprof::total(&text) else {
            self.add(path, Form::Profile);
            self.known.insert("goroutines".to_owned());
            return Ok(Ok(()));
        };
        let body = answer.complete_body().map_err(|error| NotFound::answer(path, error, None))?;
        if let Ok(found) = metrics::parse(&text) {
            self.add(path, Form::Metrics);
            self.metrics_count = found.figures.contains_key("goroutines");
            self.add_known(found);
            let names = metrics::names(&text);
            self.others = names.listed().map_or(OtherFigures::None, |names| OtherFigures::Named {
                path: path.to_owned(),
                names,
            });
            self.example = names.example().and_then(|name| Url::naming(&self.root, path, &name));
            return Ok(Ok(()));
        }
        let Ok(value) = json_figures::parse(body) else {
            return Ok(Err(no_profile));
        };
        match json_figures::expvar(&value) {
            Ok(found) => {
                self.add(path, Form::Expvar);
                self.add_known(found);
                self.observation.pid = json_figures::pid(&value);
                if self.others == OtherFigures::None {
                    self.others = OtherFigures::MemoryOnly { path: path.to_owned() };
                    let pointer = json_figures::own_example(&value);
                    self.example =
                        pointer.and_then(|pointer| Url::naming(&self.root, path, &pointer));
                }
                Ok(Ok(()))
            }
            Err(error) => {
                let pointer = json_figures::example(&value)
                    // The root has an empty pointer, which cannot be typed.
                    .filter(|pointer| !pointer.is_empty())
                    .unwrap_or_else(|| "/json/pointer".to_owned());
                let form = Url::naming(&self.root, path, &pointer)
                    .map(|example| Naming::Pointer { example });
                Err(NotFound::answer(path, error.into(), form))
            }
        }
    }
}

/// Refuses a metric that only rises, which would always look like a leak.
fn can_fall(path: &str, answer: &Answer, selector: &Selector) -> Result<(), NotFound> {
    let names = metrics::names(&answer.text());
    let Some(rising) = names.rising(selector) else { return Ok(()) };
    let form = Naming::Gauge { names: names.listed() };
    Err(NotFound::page(path, AnswerError::DeclaredRising(selector.clone(), rising), Some(form)))
}
