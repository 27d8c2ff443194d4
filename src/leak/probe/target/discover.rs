//! What a server has, found by asking it once: at the path that was given, or at the usual ones.

use super::absent::{NotFound, refused_everywhere};
use super::http::{Form, Http, Page, value_of, whole};
use super::outcome::Refused;
use super::url::{Choice, Url};
use crate::leak::probe::counter::{Counter, Cycles};
use crate::leak::probe::daemon_figures::PROFILE_PATH;
use crate::leak::probe::get::{Answer, GetError, MAX_DUMP};
use crate::leak::probe::metrics::{self, ProcessFigures, Selector};
use crate::leak::probe::{json_figures, pprof};

/// Where Prometheus' text usually is: by most libraries, Spring Boot, Go programs that keep it beside their
/// profiles, Quarkus, and web frameworks.
const METRICS_PATHS: [&str; 6] = [
    "/metrics",
    "/actuator/prometheus",
    "/debug/metrics",
    "/q/metrics",
    "/api/metrics",
    "/prometheus",
];
/// Where Go's expvar is.
const EXPVAR_PATH: &str = "/debug/vars";

impl Http {
    /// Asks what there is; gives what is not.
    pub(super) async fn discover(&mut self, url: &Url) -> Result<Vec<NotFound>, Refused> {
        match (&url.path, &url.choice) {
            (Some(path), Some(choice)) => {
                self.choose(path, choice).await.map_err(|why| why.refused())?;
                Ok(Vec::new())
            }
            (Some(path), None) => {
                self.find_at(path).await.map_err(|why| why.refused())?;
                Ok(Vec::new())
            }
            (None, Some(choice)) => self.choose_anywhere(choice).await,
            (None, None) => self.find_anywhere().await,
        }
    }

    /// Looks at the usual paths: one page of Prometheus is enough.
    async fn find_anywhere(&mut self) -> Result<Vec<NotFound>, Refused> {
        let mut missing = Vec::new();
        for path in [PROFILE_PATH].into_iter().chain(METRICS_PATHS).chain([EXPVAR_PATH]) {
            if self.path(&Form::Metrics).is_some() && METRICS_PATHS.contains(&path) {
                continue;
            }
            match self.find_at(path).await {
                Ok(()) => {}
                // Where nobody listens, nothing else will be heard.
                Err(why) if why.is_final() => return Err(why.refused()),
                Err(why) => missing.push(why),
            }
        }
        if self.path(&Form::Metrics).is_some() {
            missing.retain(|why| !METRICS_PATHS.contains(&why.path.as_str()));
        }
        match self.pages.is_empty() {
            true => Err(refused_everywhere(&missing)),
            false => Ok(missing),
        }
    }

    async fn choose_anywhere(&mut self, choice: &Choice) -> Result<Vec<NotFound>, Refused> {
        let mut missing = Vec::new();
        for path in METRICS_PATHS {
            match self.choose(path, choice).await {
                Ok(()) => return Ok(Vec::new()),
                // A page without the figure is the page that was meant.
                Err(why) if why.is_final() || why.is_page() => return Err(why.refused()),
                Err(why) => missing.push(why),
            }
        }
        Err(refused_everywhere(&missing))
    }

    /// Looks for the one figure that was asked for.
    async fn choose(&mut self, path: &str, choice: &Choice) -> Result<(), NotFound> {
        let asked = self.client.get(path, choice.most()).await;
        let answer = asked.map_err(|error| NotFound::get(path, error))?;
        if let Err(why) = self.take_figure(path, &answer, choice) {
            let hint = self.other_form(path, &answer, choice);
            let page = metrics::check(&answer.text()).is_ok();
            return Err(NotFound::figure(path, why, hint, page));
        }
        if let Choice::Metric(selector) = choice {
            is_no_counter(path, &answer, selector)?;
        }
        self.known.insert(choice.figure());
        self.add(path, Form::Figure(choice.clone()));
        Ok(())
    }

    /// Looks for a counter of cycles in everything that it serves, to read it from now on. Returns where it is.
    ///
    /// # Errors
    /// It is nowhere, or no number: what was tried.
    pub(super) async fn count_cycles(&mut self, counter: &Counter) -> Result<String, String> {
        let mut tried = Vec::new();
        for Page { path, form } in self.pages.iter().filter(|page| page.form != Form::Profile) {
            let found = match self.client.get(path, MAX_DUMP).await {
                Ok(answer) if matches!(form, Form::Metrics | Form::Figure(Choice::Metric(_))) => {
                    whole(&answer).and_then(|_| counter.in_prometheus(&answer.text()))
                }
                Ok(answer) => value_of(&answer).and_then(|value| counter.in_json(&value)),
                Err(error) => Err(error.to_string()),
            };
            match found {
                Ok(first) => {
                    self.cycles = Some((path.clone(), Cycles::new(counter.clone(), first)));
                    return Ok(format!("cycles by `{counter}` at {path}, which is {first} now"));
                }
                Err(why) => tried.push(format!("`{path}`: {why}")),
            }
        }
        match tried.is_empty() {
            true => Err("it serves neither Prometheus figures nor JSON".to_owned()),
            false => Err(tried.join("; ")),
        }
    }

    /// What the answer has instead of the figure that was asked for, and how to name that.
    fn other_form(&self, path: &str, answer: &Answer, choice: &Choice) -> Option<String> {
        let text = answer.text();
        let at = format!("{}{path}", self.root);
        if pprof::total(&text).is_ok() {
            return Some(format!("it is a goroutine profile, which needs no #: {at}"));
        }
        if metrics::check(&text).is_ok() {
            let names = metrics::names(&text);
            return match choice {
                Choice::Pointer(_) => {
                    let example = names.example().unwrap_or_else(|| "NAME".to_owned());
                    Some(format!(
                        "it is Prometheus text, where a figure is named like {at}#{example}"
                    ))
                }
                Choice::Metric(selector) => names
                    .near(selector)
                    .or_else(|| names.words())
                    .map(|names| format!("it has {names}")),
            };
        }
        let value = whole(answer).ok().and_then(|body| json_figures::parse(body).ok())?;
        let named = |pointer| format!("it is JSON, where a figure is named like {at}#{pointer}");
        match choice {
            Choice::Pointer(_) => None,
            Choice::Metric(_) => Some(json_figures::example(&value).map_or_else(
                || "it is JSON, of which a figure is named by a pointer: #/json/pointer".to_owned(),
                named,
            )),
        }
    }

    /// Finds out what is at this path, whatever the path is called.
    async fn find_at(&mut self, path: &str) -> Result<(), NotFound> {
        let asked = self.client.get(path, MAX_DUMP).await;
        let answer = asked.map_err(|error| NotFound::get(path, error))?;
        let Err(no_profile) = self.take_found(path, &answer)? else {
            return Ok(());
        };
        // The binary form and the index are one question away from the counted form.
        let counted = match no_profile {
            pprof::PprofError::Binary if !path.contains('?') => Some(format!("{path}?debug=1")),
            pprof::PprofError::Html if path.trim_end_matches('/').ends_with("/pprof") => {
                Some(format!("{}/goroutine?debug=1", path.trim_end_matches('/')))
            }
            _ => None,
        };
        if let Some(counted) = counted {
            let found = match self.client.get(&counted, MAX_DUMP).await {
                Ok(answer) => matches!(self.take_found(&counted, &answer), Ok(Ok(()))),
                // No connection at all is the target's; whatever else is wrong there is about an address that
                // nobody gave.
                Err(error @ (GetError::Connect(_) | GetError::Tls(_))) => {
                    return Err(NotFound::get(path, error));
                }
                Err(_) => false,
            };
            if found {
                return Ok(());
            }
        }
        Err(NotFound::other(path, no_profile.to_string()))
    }

    fn know(&mut self, found: ProcessFigures) {
        let wrong = found.wrong.into_iter().map(|(figure, _)| figure);
        self.known.extend(found.figures.into_keys().chain(wrong).map(str::to_owned));
        self.sees(found.started, found.totals);
    }

    /// Notes what this answer is; the inner error is that it is none of the forms.
    fn take_found(
        &mut self,
        path: &str,
        answer: &Answer,
    ) -> Result<Result<(), pprof::PprofError>, NotFound> {
        if answer.content_type.starts_with("application/vnd.google.protobuf") {
            let why =
                "the answer is in the protobuf form, which cmon did not ask for; it reads text";
            return Err(NotFound::other(path, why.to_owned()));
        }
        let text = answer.text();
        let Err(no_profile) = pprof::total(&text) else {
            self.add(path, Form::Profile);
            self.known.insert("goroutines".to_owned());
            return Ok(Ok(()));
        };
        let body = whole(answer).map_err(|why| NotFound::other(path, why))?;
        if let Ok(found) = metrics::parse(&text) {
            self.add(path, Form::Metrics);
            self.metrics_count = found.figures.contains_key("goroutines");
            self.know(found);
            let names = metrics::names(&text);
            self.others = names.words().map(|names| format!("`{path}` has {names}"));
            self.example = names.example().and_then(|name| Url::naming(&self.root, path, &name));
            return Ok(Ok(()));
        }
        let Ok(value) = json_figures::parse(body) else {
            return Ok(Err(no_profile));
        };
        match json_figures::expvar(&value) {
            Ok(found) => {
                self.add(path, Form::Expvar);
                self.know(found);
                self.sight.pid = json_figures::pid(&value);
                if self.others.is_none() {
                    self.others = Some(format!("`{path}` has no goroutines, only memory"));
                    let pointer = json_figures::own_example(&value);
                    self.example =
                        pointer.and_then(|pointer| Url::naming(&self.root, path, &pointer));
                }
                Ok(Ok(()))
            }
            Err(error) => {
                let pointer = json_figures::example(&value)
                    // A figure that is the whole answer has no pointer that could be written.
                    .filter(|pointer| !pointer.is_empty())
                    .unwrap_or_else(|| "/json/pointer".to_owned());
                let hint = Url::naming(&self.root, path, &pointer)
                    .map(|named| format!("name a figure by its JSON pointer, like {named}"));
                Err(NotFound::figure(path, error.to_string(), hint, false))
            }
        }
    }
}

/// A counter only rises: it would be a leak by nature.
fn is_no_counter(path: &str, answer: &Answer, selector: &Selector) -> Result<(), NotFound> {
    let names = metrics::names(&answer.text());
    if !names.is_counter(selector) {
        return Ok(());
    }
    let why =
        format!("the page declares `{selector}` as a counter, which only rises and shows no leak");
    let gauges = names.words().map(|names| format!("it has {names}"));
    let hint = match gauges {
        Some(gauges) => {
            format!("name a gauge ({gauges}), or count cycles with --cycles-metric")
        }
        None => "name a gauge, or count cycles with --cycles-metric".to_owned(),
    };
    Err(NotFound::figure(path, why, Some(hint), true))
}
