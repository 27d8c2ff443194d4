//! Targets of which nothing is judged: no verdict is about them, whatever else was read.

use super::Judging;
use super::gate::is_gated;
use crate::leak::judge::words::span;

impl Judging<'_> {
    /// Why a target is not judged, in words: it has no figure that decides, or none any more. Nothing where
    /// each has one, and where the gate was named, since that says what is to be judged.
    pub(super) fn unjudged(&self) -> Option<String> {
        let (series, rules) = (self.series, &self.series.header.rules);
        if !rules.gate.is_empty() {
            return None;
        }
        let names = series.metrics();
        let decide = |name: &&&str| is_gated(name, rules);
        let mut unjudged = Vec::new();
        let mut others = names.iter().any(|name| name.starts_with("daemon.") && decide(&name));
        for source in series.sources() {
            let figures: Vec<&str> =
                names.iter().filter_map(|name| name.strip_prefix(&source)).collect();
            let of: Vec<&str> = names
                .iter()
                .filter(|name| name.starts_with(&source))
                .filter(decide)
                .copied()
                .collect();
            let target = source.trim_end_matches('.');
            // When the last of them was shown, where none is shown any more.
            let gone: Option<Vec<f64>> = of.iter().map(|name| series.missing_since(name)).collect();
            match gone {
                Some(gone) if of.is_empty() => {
                    debug_assert!(gone.is_empty());
                    let figures = match figures.as_slice() {
                        [] => "it shows no figure".to_owned(),
                        figures => format!("it shows {}", figures.join(", ")),
                    };
                    unjudged.push(format!(
                        "{target} has no figure that decides ({figures}): name one, as in --target URL#NAME"
                    ));
                }
                Some(gone) => {
                    let last = gone.into_iter().fold(0.0, f64::max);
                    let all = of.iter().map(|name| &name[source.len()..]).collect::<Vec<_>>();
                    unjudged.push(format!(
                        "{target}: what decides ({}) was shown until {} only",
                        all.join(", "),
                        span(last)
                    ));
                }
                None => others = true,
            }
        }
        // One that counts the cycles need not decide where something else than cmon itself does.
        let counts = series.counts_cycles() && others && unjudged.len() == 1;
        match unjudged.into_iter().next() {
            Some(why) if !counts => Some(why),
            _ => None,
        }
    }
}
