//! Reads a goroutine profile: its total, and its groups. Pure.

use std::collections::BTreeMap;

use super::frames::{self, Frame, shorten};
use super::labels::SeenLabels;
use crate::probe::labels;
use crate::probe::observed::Group;
use crate::sort::sort_by;

/// Why a text is not a goroutine profile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PprofError {
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is an HTML page, not a goroutine profile")]
    Html,
    /// Protocol buffers (`debug=0`).
    #[error("the answer is a binary profile; the text form has `debug=1`")]
    Binary,
    /// A list of single goroutines (`debug=2`).
    #[error(
        "the answer lists each goroutine by itself (`debug=2`); the counted form has `debug=1`"
    )]
    Each,
    #[error("the answer is not a goroutine profile: it begins with `{0}`")]
    Other(String),
    #[error("the answer is a profile of something else: `{0}`")]
    OtherProfile(String),
    #[error("the profile's total is not a count: `{0}`")]
    Total(String),
}

/// The kind of a goroutine profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// All goroutines.
    All,
    /// Goroutines that can never wake (Go 1.27 and newer).
    Leaked,
}

/// A goroutine profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub kind: Kind,
    /// The total in the first line.
    pub total: u64,
    /// Groups by stack, regardless of labels, largest first.
    pub groups: Vec<Group>,
    /// The text is truncated or partly invalid, so groups are missing.
    pub truncated: bool,
}

/// The total in the first line. Does not parse the rest.
pub fn total(text: &str) -> Result<(Kind, u64), PprofError> {
    let first = text.lines().next().unwrap_or_default().trim_end();
    for (start, kind) in
        [("goroutine profile: total", Kind::All), ("goroutineleak profile: total", Kind::Leaked)]
    {
        if let Some(count) = first.strip_prefix(start) {
            let count = count.trim().parse();
            return count
                .map(|total| (kind, total))
                .map_err(|_| PprofError::Total(start_of(first)));
        }
    }
    let sniff = text.trim_start();
    Err(match () {
        () if sniff.is_empty() => PprofError::Empty,
        () if sniff.starts_with('<') => PprofError::Html,
        () if sniff.starts_with('\u{1f}') || first.contains('\0') => PprofError::Binary,
        () if is_each(first) => PprofError::Each,
        () if first.contains("profile: ") => PprofError::OtherProfile(start_of(first)),
        () => PprofError::Other(start_of(first)),
    })
}

/// Whether a text is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    Complete,
    Truncated,
}

/// Reads a profile.
///
/// # Errors
/// The text is no goroutine profile.
pub fn parse(text: &str, extent: Extent) -> Result<Profile, PprofError> {
    let (kind, total) = total(text)?;
    // A key may occur more than once, because two stacks may differ in addresses or labels alone.
    let mut groups: BTreeMap<String, (u64, String, SeenLabels<'_>)> = BTreeMap::new();
    let mut truncated = extent == Extent::Truncated;
    let mut counted: u64 = 0;
    let body = text.split_once('\n').map_or("", |(_, body)| body);
    let mut sections = body.split("\n\n").filter(|section| !section.trim().is_empty()).peekable();
    while let Some(section) = sections.next() {
        let last = sections.peek().is_none();
        // The last section of a truncated text is incomplete, so its key would be wrong.
        let broken_off = last && (extent == Extent::Truncated || !body.ends_with('\n'));
        match Section::parse(section).filter(|_| !broken_off) {
            Some(section) => {
                counted = counted.saturating_add(section.count);
                let new = || (0, section.title(), SeenLabels::default());
                let (count, _, labels) = groups.entry(section.key()).or_insert_with(new);
                *count = count.saturating_add(section.count);
                labels.add(section.labels);
            }
            None => truncated = true,
        }
    }
    truncated |= counted < total;
    let groups = groups.into_iter().map(|(key, (count, title, labels))| {
        let label_values = labels.summary();
        let labels = labels::text(&label_values);
        Group { key, title, count, label_values, labels }
    });
    let mut groups: Vec<Group> = groups.collect();
    sort_by(&mut groups, |a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
    Ok(Profile { kind, total, groups, truncated })
}

/// The prefix of a follower's function in dockerd.
const FOLLOWER: &str = ".ContainerLogs.func";

/// The number of followers in a daemon. Each has one goroutine in a function literal of `ContainerLogs`.
pub fn followers(groups: &[Group]) -> u64 {
    let followers = groups.iter().filter(|group| stack(&group.key).any(|f| f.contains(FOLLOWER)));
    followers.fold(0, |sum: u64, group| sum.saturating_add(group.count))
}

/// The functions of a key, innermost first.
pub(super) fn stack(key: &str) -> impl Iterator<Item = &str> {
    without_labels(key).split(';')
}

/// Whether a group's title names code of the program or a dependency, and not plumbing.
pub fn names_program(title: &str) -> bool {
    let function = title.split(' ').next().unwrap_or_default();
    frames::is_program(function)
}

/// The stack of a key. Recordings of older versions contain labels in their keys.
pub fn without_labels(key: &str) -> &str {
    key.split(" labels {").next().unwrap_or_default()
}

/// A section of the text: the goroutines of one stack.
#[derive(Clone, Debug)]
struct Section<'a> {
    count: u64,
    labels: &'a str,
    frames: Vec<Frame<'a>>,
}

impl<'a> Section<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut lines = text.lines().skip_while(|line| line.trim().is_empty());
        let (count, addresses) = lines.next()?.split_once(" @")?;
        let count = count.parse().ok()?;
        let (mut labels, mut frames) = ("", Vec::new());
        for line in lines {
            let line = line.strip_prefix('#')?;
            match line.strip_prefix(" labels: ") {
                Some(found) => labels = found.trim(),
                None => frames.push(Frame::parse(line)?),
            }
        }
        // A new goroutine has an address but no visible frame.
        if frames.is_empty() {
            let function = if addresses.trim().is_empty() { "(no stack)" } else { "(runtime)" };
            frames.push(Frame { function, place: "" });
        }
        Some(Self { count, labels, frames })
    }

    fn key(&self) -> String {
        let functions: Vec<&str> = self.frames.iter().map(|frame| frame.function).collect();
        functions.join(";")
    }

    /// The function that names the stack, and its position in the source.
    fn title(&self) -> String {
        let Some(frame) = frames::naming(&self.frames) else { return String::new() };
        match shorten(frame.place) {
            "" => frame.function.to_owned(),
            place => format!("{} {place}", frame.function),
        }
    }
}

/// Whether a line is like `goroutine 7 [running]:`. Since Go 1.26 labels follow the bracket. `GOTRACEBACK=system` adds
/// text before the bracket.
fn is_each(line: &str) -> bool {
    let number = line.strip_prefix("goroutine ").and_then(|rest| rest.split(' ').next());
    number.is_some_and(|number| number.parse::<u64>().is_ok())
        && line.contains('[')
        && line.ends_with(':')
}

/// The start of a line, for an error message.
fn start_of(line: &str) -> String {
    line.chars().take(60).map(|c| if c.is_control() { '.' } else { c }).collect()
}
