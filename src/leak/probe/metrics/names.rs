//! Which figures a page has, for somebody who is to name one.

use std::collections::{BTreeMap, BTreeSet};

use super::known;
use super::line::{lines, quoted, sample};
use super::page::Selector;
use crate::sort::sort_by;

/// Names that are shown, at most, and letters of each.
const NAMES_SHOWN_MAX: usize = 8;
const NAME_MAX_LETTERS: usize = 60;
/// Names that are looked at, at most: a page may be of any size.
const NAMES_MAX: usize = 10_000;

/// The names of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// What may be named as a figure, those that count something first.
    figures: Vec<String>,
    /// By name, what the page says that it is.
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

enum Rank {
    Count,
    Other,
    NoFigure,
}

impl Names {
    /// What may be named: the first few, and how many more.
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

    /// A figure that can be named, as it is written behind the `#`.
    pub fn example(&self) -> Option<String> {
        let of = |name: &String| Selector { name: name.clone(), labels: Vec::new() }.to_string();
        self.figures.first().filter(|name| name.len() <= NAME_MAX_LETTERS).map(of)
    }

    /// Names that are close to this one.
    pub fn near(&self, selector: &Selector) -> Option<String> {
        let wanted = &selector.name;
        let closest = self.figures.iter().filter_map(|name| {
            let alike = strsim::jaro_winkler(name, wanted);
            let part = name.contains(wanted.as_str()) || wanted.contains(name.as_str());
            (0.85 < alike || part).then_some((alike, name))
        });
        let mut closest: Vec<_> = closest.collect();
        sort_by(&mut closest, |a, b| b.0.total_cmp(&a.0));
        let shown: Vec<String> = closest.iter().take(3).map(|(_, name)| shown(name)).collect();
        (!shown.is_empty()).then(|| shown.join(", "))
    }

    /// The page says that this is a counter, which only rises.
    pub fn is_counter(&self, selector: &Selector) -> bool {
        self.kind(&selector.name) == Some("counter")
    }

    fn kind(&self, name: &str) -> Option<&str> {
        // OpenMetrics declares a counter without the end of its samples' names.
        let declared =
            self.types.get(name).or_else(|| self.types.get(name.strip_suffix("_total")?));
        declared.map(String::as_str)
    }

    fn rank(&self, name: &str) -> Rank {
        let part = ["_bucket", "_sum", "_count", "_created"].iter().any(|end| {
            let whole = name.strip_suffix(end).and_then(|whole| self.types.get(whole));
            whole.is_some_and(|kind| matches!(kind.as_str(), "histogram" | "summary" | "counter"))
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

/// The names are the target's: what could drive a terminal is shown as text.
fn shown(name: &str) -> String {
    let letters: String = name.chars().take(NAME_MAX_LETTERS).collect();
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
