//! The format-independent document of a report, a comparison or a plan: a head, and sections with lists, pairs and
//! tables. Text renders all of it. HTML and Markdown show the metrics of a report in their own way.
//!
//! Texts are not escaped; each renderer escapes them.

use crate::leak::facts::Verdict;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// A plan has no verdict.
    pub(super) head: Option<Head>,
    pub(super) sections: Vec<Section>,
}

/// The first lines.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Head {
    pub(super) verdict: Verdict,
    /// The verdict's reason in one sentence.
    pub(super) sentence: String,
    pub(super) facts: Vec<Fact>,
}

/// A fact below the sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) role: Role,
    pub(super) text: String,
}

/// The role of a fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The position in the code.
    Where,
    /// The known pattern.
    What,
    /// Why there is no clear verdict.
    Why,
    /// The smallest leak that the check would have found.
    Limit,
    /// The advice.
    Todo,
}

impl Role {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Where => "where",
            Self::What => "what",
            Self::Why => "why",
            Self::Limit => "limit",
            Self::Todo => "to do",
        }
    }
}

/// The level of detail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    Brief,
    Full,
}

/// A part of the report below its head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    /// May be empty.
    pub(super) title: String,
    /// The minimum level of detail.
    pub(super) from: Detail,
    pub(super) body: Body,
}

/// The topic of a section. Some renderers treat topics differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Metrics,
    Groups,
    Meaning,
    Reasons,
    Baseline,
    Survivors,
    Unavailable,
    Cuts,
    Smallest,
    Advice,
    Rules,
    Work,
    /// A table of several runs.
    Compared,
    /// The plan of a dry run.
    Plan,
    /// The probes and the current metrics of a dry run.
    Readable,
}

/// The content of a section.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Items(Vec<String>),
    Pairs(Vec<(String, String)>),
    Table(Table),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Column {
    pub(super) title: String,
    pub(super) align: Align,
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Row {
    Cells {
        level: Level,
        cells: Vec<Cell>,
        /// More lines, for full reports.
        below: Vec<String>,
    },
    /// A line between rows.
    Heading(String),
}

/// The level of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Main,
    /// It belongs to the main row above.
    Part,
}

/// A cell of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Verdict(Verdict),
    Text(String),
    /// No value.
    Absent,
}

impl Column {
    pub(super) fn left(title: &str) -> Self {
        Self { title: title.to_owned(), align: Align::Left }
    }

    pub(super) fn right(title: &str) -> Self {
        Self { title: title.to_owned(), align: Align::Right }
    }
}

impl Row {
    pub(super) fn main(cells: Vec<Cell>) -> Self {
        Self::Cells { level: Level::Main, cells, below: Vec::new() }
    }
}

impl Section {
    pub(super) fn new(kind: Kind, title: &str, from: Detail, body: Body) -> Self {
        Self { kind, title: title.to_owned(), from, body }
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.body {
            Body::Items(items) => items.is_empty(),
            Body::Pairs(pairs) => pairs.is_empty(),
            Body::Table(table) => table.rows.is_empty(),
        }
    }
}

impl Document {
    /// The items of the section of this kind; empty without one.
    pub(super) fn items(&self, kind: Kind) -> &[String] {
        let section = self.sections.iter().find(|section| section.kind == kind);
        match section.map(|section| &section.body) {
            Some(Body::Items(items)) => items,
            _ => &[],
        }
    }
}
