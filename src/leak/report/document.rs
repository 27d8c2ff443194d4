//! The format-independent document of a report, a comparison or a plan: a head, and sections with lists, pairs and
//! tables.
//!
//! Texts are not escaped; each renderer escapes them.

use crate::format::figures::NONE;
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
    /// For pages, like the confidence of a column of rates: `99 %`.
    pub(super) note: Option<String>,
    pub(super) align: Align,
    pub(super) room: Room,
}

/// The room that a writer must have to show a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Room {
    /// Every writer shows it.
    Terminal,
    /// A terminal has it below the row.
    Page,
    /// For pages without charts.
    PageWithoutCharts,
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
    /// The name of a metric, and its index in the report.
    Metric {
        name: String,
        at: usize,
    },
    Rate {
        /// For a terminal, with the same number of decimals as the others of the column.
        short: String,
        significance: Significance,
        estimate: String,
        /// `0.070 to 0.290`.
        bounds: Option<String>,
    },
    /// No value.
    Absent,
}

/// Whether a rate may be chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Significance {
    Clear,
    /// Its interval contains 0.
    MayBeChance,
}

impl Cell {
    /// The text for a terminal.
    pub(super) fn short(&self) -> String {
        match self {
            Self::Verdict(verdict) => verdict.as_str().to_owned(),
            Self::Text(text) | Self::Metric { name: text, .. } => text.clone(),
            Self::Rate { short, significance: Significance::Clear, .. } => short.clone(),
            Self::Rate { short, significance: Significance::MayBeChance, .. } => {
                format!("({short})")
            }
            Self::Absent => NONE.to_owned(),
        }
    }

    /// The text with the bounds of a rate.
    pub(super) fn exact(&self) -> String {
        match self {
            Self::Rate { estimate, bounds: Some(bounds), .. } => format!("{estimate} ({bounds})"),
            Self::Rate { estimate, bounds: None, .. } => estimate.clone(),
            other => other.short(),
        }
    }
}

impl Column {
    pub(super) fn left(title: &str) -> Self {
        Self { title: title.to_owned(), note: None, align: Align::Left, room: Room::Terminal }
    }

    pub(super) fn right(title: &str) -> Self {
        Self { align: Align::Right, ..Self::left(title) }
    }

    pub(super) fn with_note(self, note: Option<String>) -> Self {
        Self { note, ..self }
    }

    pub(super) fn from(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// `per cycle (99 %)`.
    pub(super) fn title_and_note(&self) -> String {
        let note = self.note.as_ref().map_or_else(String::new, |note| format!(" ({note})"));
        format!("{}{note}", self.title)
    }
}

impl Table {
    /// The columns that a writer with this room shows.
    pub(super) fn within(&self, room: Room) -> Self {
        let shown = |column: &&Column| column.room <= room;
        let row = |row: &Row| match row {
            Row::Heading(text) => Row::Heading(text.clone()),
            Row::Cells { level, cells, below } => {
                let kept = cells.iter().zip(&self.columns).filter(|(_, column)| shown(column));
                let cells = kept.map(|(cell, _)| cell.clone()).collect();
                Row::Cells { level: *level, cells, below: below.clone() }
            }
        };
        Self {
            columns: self.columns.iter().filter(shown).cloned().collect(),
            rows: self.rows.iter().map(row).collect(),
        }
    }
}

impl Row {
    pub(super) fn main(cells: Vec<Cell>) -> Self {
        Self::Cells { level: Level::Main, cells, below: Vec::new() }
    }

    /// Whether it has a rate that may be chance.
    pub(super) fn may_be_chance(&self) -> bool {
        let is_unclear = |cell: &Cell| {
            matches!(cell, Cell::Rate { significance: Significance::MayBeChance, .. })
        };
        matches!(self, Self::Cells { cells, .. } if cells.iter().any(is_unclear))
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
    pub(super) fn section(&self, kind: Kind) -> Option<&Section> {
        self.sections.iter().find(|section| section.kind == kind)
    }

    /// The cells of a metric's row, with their titles: `per cycle (99 %): +32.0 (31.1 to 32.9)`.
    pub(super) fn figures_of(&self, metric: &str) -> Vec<String> {
        let Some(Body::Table(table)) = self.section(Kind::Metrics).map(|section| &section.body)
        else {
            return Vec::new();
        };
        let is_metric = |cell: &Cell| matches!(cell, Cell::Metric { name, .. } if name == metric);
        let row = table.rows.iter().find_map(|row| match row {
            Row::Cells { cells, .. } if cells.iter().any(is_metric) => Some(cells),
            _ => None,
        });
        let named = table.columns.iter().zip(row.into_iter().flatten());
        let figures = named.filter(|(_, cell)| {
            !matches!(cell, Cell::Verdict(_) | Cell::Metric { .. } | Cell::Absent)
                && !cell.exact().is_empty()
        });
        figures
            .map(|(column, cell)| format!("{}: {}", column.title_and_note(), cell.exact()))
            .collect()
    }
}
