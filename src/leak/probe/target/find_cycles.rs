//! Finds the counter of cycles in one of the answers of a target.

use super::cycles::Place;
use super::http::{Http, value_of, whole};
use super::url::Choice;
use crate::leak::probe::counter::{Counter, Cycles};
use crate::leak::probe::get::MAX_DUMP;

impl Http {
    /// Looks for a counter of cycles in everything that it serves, to read it from now on. Returns where it is.
    ///
    /// # Errors
    /// It is nowhere, or no number: what was tried.
    pub(super) async fn count_cycles(&mut self, counter: &Counter) -> Result<String, String> {
        let figure = self.figure.as_ref().map(|figure| figure.path.clone());
        let page = self.figure.as_ref().is_some_and(|of| matches!(of.choice, Choice::Metric(_)));
        let places = [
            (Place::Metrics, self.metrics.clone()),
            (Place::Expvar, self.expvar.clone()),
            (Place::Figure, figure),
        ];
        let mut tried = Vec::new();
        for (place, path) in places {
            let Some(path) = path else {
                continue;
            };
            let found = match self.client.get(&path, MAX_DUMP).await {
                Ok(answer) if place == Place::Metrics || place == Place::Figure && page => {
                    whole(&answer).and_then(|_| counter.in_prometheus(&answer.text()))
                }
                Ok(answer) => value_of(&answer).and_then(|value| counter.in_json(&value)),
                Err(error) => Err(error.to_string()),
            };
            match found {
                Ok(first) => {
                    self.cycles = Some((place, Cycles::new(counter.clone(), first)));
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
}
