//! Lists the metrics of a page, for error messages and hints.

use std::collections::{BTreeMap, BTreeSet};

use super::known;
use super::line::{lines, quoted, sample};
use super::page::Selector;
use crate::sort::sort_by;

/// The maximum of listed names.
const NAMES_SHOWN_MAX: usize = 8;
/// The maximum of characters per name.
const NAME_MAX_CHARS: usize = 60;
/// The maximum of names read from a page.
const NAMES_MAX: usize = 10_000;

/// The names of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Metrics that the user may select, counts first.
    figures: Vec<String>,
    /// Declared types by name.
    types: BTreeMap<String, String>,
}

/// Reads the names.
pub fn names(text: &str) -> Names {
    let types: BTreeMap<String, String> =
        text.lines().filter_map(declared).take(NAMES_MAX).collect();
    let mut found = Names { figures: Vec::new(), types };
    let mut seen = BTreeSet::new();
    for sample in lines(text).filter_map(sample) {
        if seen.len() < NAMES_MAX && seen.insert(sample.name.clone()) {
            found.figures.push(sample.name);
        }
    }
    let figures = std::mem::take(&mut found.figures);
    let (mut counts, mut others) = (Vec::new(), Vec::new());
    for name in figures {
        match found.rank(&name) {
            Rank::Count => counts.push(name),
            Rank::Other => others.push(name),
            Rank::NoFigure => {}
        }
    }
    counts.append(&mut others);
    found.figures = counts;
    found
}

/// How a page declares a metric that only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rising {
    Counter,
    /// A part of a histogram.
    Histogram,
    /// A part of a summary.
    Summary,
}

impl std::fmt::Display for Rising {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Counter => "a counter",
            Self::Histogram => "a part of a histogram",
            Self::Summary => "a part of a summary",
        })
    }
}

enum Rank {
    Count,
    Other,
    NoFigure,
}

impl Names {
    /// The first metrics, and the number of others.
    pub fn listed(&self) -> Option<String> {
        let shown = self.figures.iter().take(NAMES_SHOWN_MAX).map(|name| shown(name));
        let shown: Vec<String> = shown.collect();
        let more = self.figures.len().saturating_sub(NAMES_SHOWN_MAX);
        match (shown.is_empty(), more) {
            (true, _) => None,
            (_, 0) => Some(shown.join(", ")),
            (_, more) => Some(format!("{} and {more} more", shown.join(", "))),
        }
    }

    /// A metric that the user may select, as written after the `#`.
    pub fn example(&self) -> Option<String> {
        let selector =
            |name: &String| Selector { name: name.clone(), labels: Vec::new() }.to_string();
        self.figures.first().filter(|name| name.len() <= NAME_MAX_CHARS).map(selector)
    }

    /// Similar names.
    pub fn near(&self, selector: &Selector) -> Option<String> {
        let target = &selector.name;
        let closest = self.figures.iter().filter_map(|name| {
            let similarity = strsim::jaro_winkler(name, target);
            let part = name.contains(target.as_str()) || target.contains(name.as_str());
            (0.85 < similarity || part).then_some((similarity, name))
        });
        let mut closest: Vec<_> = closest.collect();
        sort_by(&mut closest, |a, b| b.0.total_cmp(&a.0));
        let shown: Vec<String> = closest.iter().take(3).map(|(_, name)| shown(name)).collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    }

    /// How the page declares a metric that only rises; `None` for others.
    pub fn rising(&self, selector: &Selector) -> Option<Rising> {
        let name = &selector.name;
        if self.kind(name) == Some("counter") {
            return Some(Rising::Counter);
        }
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end))?;
        match self.types.get(family)?.as_str() {
            "histogram" => Some(Rising::Histogram),
            "summary" => Some(Rising::Summary),
            _ => None,
        }
    }

    fn kind(&self, name: &str) -> Option<&str> {
        // OpenMetrics declares a counter without the suffix `_total`.
        let declared =
            self.types.get(name).or_else(|| self.types.get(name.strip_suffix("_total")?));
        declared.map(String::as_str)
    }

    fn rank(&self, name: &str) -> Rank {
        let part = ["_bucket", "_sum", "_count", "_created"].iter().any(|end| {
            let family = name.strip_suffix(end).and_then(|family| self.types.get(family));
            family.is_some_and(|kind| matches!(kind.as_str(), "histogram" | "summary" | "counter"))
        });
        let kind = self.kind(name);
        if part || matches!(kind, Some("counter" | "histogram" | "summary" | "info" | "stateset")) {
            return Rank::NoFigure;
        }
        let ends = ["_bytes", "_seconds", "_info", "_ratio", "_timestamp", "_created", "_max"];
        let untyped = kind.is_none() && name.ends_with("_total");
        let measure = untyped || ends.iter().any(|end| name.ends_with(end)) || name == "up";
        match measure || known::find(name).is_some() {
            true => Rank::Other,
            false => Rank::Count,
        }
    }
}

/// The names come from the target, so control characters are escaped.
fn shown(name: &str) -> String {
    let letters: String = name.chars().take(NAME_MAX_CHARS).collect();
    let cut = if letters.len() < name.len() { "…" } else { "" };
    format!("`{}{cut}`", letters.escape_debug())
}

/// Name and kind of a line `# TYPE name kind`.
fn declared(line: &str) -> Option<(String, String)> {
    let rest = line.trim().strip_prefix('#')?.trim_start().strip_prefix("TYPE")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim_start();
    let (name, kind) = match rest.starts_with('"') {
        true => quoted(rest)?,
        false => {
            let (name, kind) = rest.split_once([' ', '\t'])?;
            (name.to_owned(), kind)
        }
    };
    Some((name, kind.trim().to_ascii_lowercase()))
}
