//! A report, a comparison or a plan as its writers see it: a head, and sections with lists, pairs and tables. Each
//! sentence stands here once; text, HTML, Markdown and `JUnit` only decide how it looks.
//!
//! Texts are not escaped yet: each writer does that in its own way.

use crate::leak::facts::Verdict;

/// All that is written of a check, of several, or of a plan.
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

/// One of the facts below the sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) role: Role,
    pub(super) text: String,
}

/// What a fact answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Where in the code.
    Where,
    /// What the pattern is.
    What,
    /// Why there is no clear verdict.
    Why,
    /// The smallest leak that the check would have found.
    Limit,
    /// One thing to do.
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

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// What one has to know.
    Brief,
    /// All there is.
    Full,
}

/// A part of the report below its head.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    pub(super) kind: Kind,
    /// Empty where the rows say enough.
    pub(super) title: String,
    /// From which detail on it is shown.
    pub(super) from: Detail,
    pub(super) body: Body,
}

/// What a section is about, for writers that show some of them in their own way.
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
    /// Several runs beside each other.
    Compared,
    /// What a check would do.
    Plan,
    /// What it could read now.
    Readable,
}

/// What a section holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Body {
    Items(Vec<String>),
    Pairs(Vec<(String, String)>),
    Table(Table),
}

/// Rows below titles.
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

/// Where the text of a column stands.
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
        /// More to it, shown in full reports only.
        below: Vec<String>,
    },
    /// A line between the rows: what follows is something else.
    Heading(String),
}

/// Whether a row stands for itself.
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
    /// There is no such figure.
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
    /// A row that stands for itself.
    pub(super) fn main(cells: Vec<Cell>) -> Self {
        Self::Cells { level: Level::Main, cells, below: Vec::new() }
    }
}

impl Section {
    pub(super) fn new(kind: Kind, title: &str, from: Detail, body: Body) -> Self {
        Self { kind, title: title.to_owned(), from, body }
    }

    /// Nothing of it is there.
    pub(super) fn is_empty(&self) -> bool {
        match &self.body {
            Body::Items(items) => items.is_empty(),
            Body::Pairs(pairs) => pairs.is_empty(),
            Body::Table(table) => table.rows.is_empty(),
        }
    }
}

impl Document {
    /// The items of one kind of section; nothing where there is none.
    pub(super) fn items(&self, kind: Kind) -> &[String] {
        let section = self.sections.iter().find(|section| section.kind == kind);
        match section.map(|section| &section.body) {
            Some(Body::Items(items)) => items,
            _ => &[],
        }
    }
}
