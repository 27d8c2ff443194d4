//! Formats the report as text: the verdict first, then one line for each metric. Uses at most 80 columns unless a name
//! is longer, and escapes control characters.

use super::document::{
    Align, Body, Cell, Detail, Document, Head, Kind, Level, Room, Row, Section, Table,
};
use super::sections;
pub(crate) use crate::format::Colors;
use crate::format::color::{DIM, GREEN, RED, YELLOW};
use crate::format::escape::{self, LINE_WIDTH, plain, shell, wrap};
use crate::format::runner::inert;
use crate::leak::facts::{Report, Verdict};

/// The width of the first column: the longest verdict.
const VERDICT_COLUMN_WIDTH: usize = 14;
/// The least width of the names of metrics. A longer name has a line of its own.
const NAME_MIN_WIDTH: usize = 12;
/// The width of the titles of facts.
const FACT_TITLE_WIDTH: usize = 9;
/// The maximum of items in a list of a brief text.
const ITEMS_SHOWN: usize = 20;

/// The report as text. `again` are the arguments of `cmon leak-check` that judge the recording again; empty without a
/// recording.
pub(crate) fn text(report: &Report, detail: Detail, colors: Colors, again: &[String]) -> String {
    let mut document = sections::document(report, detail);
    let last = document.sections.last_mut().map(|section| &mut section.body);
    if let (false, Some(Body::Pairs(pairs))) = (again.is_empty(), last) {
        let args: Vec<String> = again.iter().map(|arg| shell(arg)).collect();
        pairs.push(("judge again".to_owned(), format!("cmon leak-check {}", args.join(" "))));
    }
    written(&document, detail, colors)
}

/// A document as text, up to this detail.
pub(super) fn written(document: &Document, detail: Detail, colors: Colors) -> String {
    let mut text = Text { into: String::new(), detail, colors };
    if let Some(head) = &document.head {
        text.head(head);
    }
    for section in document.sections.iter().filter(|section| section.from <= detail) {
        text.section(section);
    }
    inert(&text.into)
}

/// A document without tables and colors.
pub(super) fn outline(document: &Document) -> Vec<String> {
    let mut lines = Vec::new();
    for fact in document.head.iter().flat_map(|head| &head.facts) {
        lines.push(format!("{}: {}", fact.role.title(), fact.text));
    }
    for section in &document.sections {
        match &section.body {
            Body::Items(items) => {
                lines.push(format!("{}:", section.title));
                lines.extend(items.iter().map(|item| format!("- {item}")));
            }
            Body::Pairs(pairs) => {
                lines.extend(pairs.iter().map(|(name, value)| format!("{name}: {value}")));
            }
            Body::Table(_) => {}
        }
    }
    lines
}

struct Text {
    into: String,
    detail: Detail,
    colors: Colors,
}

impl Text {
    fn line(&mut self, line: &str) {
        self.into.push_str(line.trim_end());
        self.into.push('\n');
    }

    fn head(&mut self, head: &Head) {
        let word = head.verdict.as_str();
        let mut lines = wrap(&plain(&head.sentence), LINE_WIDTH - word.len() - 2).into_iter();
        let painted = self.colors.paint(head.verdict.color(), word);
        self.line(&format!("{painted}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            self.line(&format!("{:1$}{line}", "", word.len() + 2));
        }
        for fact in &head.facts {
            let title = format!("  {:<1$}", fact.role.title(), FACT_TITLE_WIDTH - 2);
            self.hanging(&title, &fact.text);
        }
    }

    /// A title and a text with a hanging indent.
    fn hanging(&mut self, title: &str, text: &str) {
        for (title, line) in escape::hanging(title, text) {
            self.line(&format!("{}{line}", self.colors.paint(DIM, &title)));
        }
    }

    fn section(&mut self, section: &Section) {
        if !self.into.is_empty() {
            self.line("");
        }
        if !section.title.is_empty() {
            for line in wrap(&format!("{}:", plain(&section.title)), LINE_WIDTH) {
                self.line(&line);
            }
        }
        match &section.body {
            Body::Table(table) => self.table(&table.within(Room::Terminal), section.kind),
            Body::Items(items) => {
                let shown = match self.detail {
                    Detail::Brief => items.len().min(ITEMS_SHOWN),
                    Detail::Full => items.len(),
                };
                for item in &items[..shown] {
                    for (at, line) in wrap(&plain(item), LINE_WIDTH - 4).iter().enumerate() {
                        let bullet = if at == 0 { "  - " } else { "    " };
                        self.line(&format!("{bullet}{line}"));
                    }
                }
                if shown < items.len() {
                    self.line(&format!("  and {} more (-v shows them)", items.len() - shown));
                }
            }
            Body::Pairs(pairs) => {
                let indent = if section.title.is_empty() { "" } else { "  " };
                let names: Vec<String> = pairs.iter().map(|(name, _)| plain(name)).collect();
                let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
                let width = (longest + 2).max(VERDICT_COLUMN_WIDTH - indent.len());
                for (name, (_, value)) in names.iter().zip(pairs) {
                    self.hanging(&format!("{indent}{name:<width$}"), value);
                }
            }
        }
    }

    fn table(&mut self, table: &Table, kind: Kind) {
        let widths = Widths::of(table, kind);
        let titles: Vec<(String, &'static str)> =
            table.columns.iter().map(|column| (column.title.clone(), "")).collect();
        let titles = self.row(&titles, table, &widths);
        for line in titles.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty()) {
            let line = self.colors.paint(DIM, line);
            self.line(&line);
        }
        for row in &table.rows {
            match row {
                Row::Heading(text) => {
                    let text = self.colors.paint(DIM, &plain(text));
                    self.line(&format!("{:1$}{text}", "", widths.indent));
                }
                Row::Cells { level, cells, below } => {
                    let mut cells: Vec<(String, &'static str)> = cells
                        .iter()
                        .map(|cell| match cell {
                            Cell::Verdict(verdict) => (cell.short(), verdict.color()),
                            other => (plain(&other.short()), ""),
                        })
                        .collect();
                    if let (Level::Part, Some((title, _))) = (level, cells.first_mut()) {
                        title.insert_str(0, "  ");
                    }
                    for line in self.row(&cells, table, &widths) {
                        self.line(&line);
                    }
                    for text in below {
                        for line in wrap(&plain(text), LINE_WIDTH - widths.indent) {
                            self.line(&format!("{:1$}{line}", "", widths.indent));
                        }
                    }
                }
            }
        }
        if table.rows.iter().any(Row::may_be_chance) {
            let note = self.colors.paint(DIM, "(in parentheses: may be chance)");
            self.line(&format!("{:1$}{note}", "", widths.indent));
        }
    }

    /// The lines of one row. A cell that is too long gets its own line, and the last column wraps.
    fn row(&self, cells: &[(String, &'static str)], table: &Table, widths: &Widths) -> Vec<String> {
        let mut lines = vec![String::new()];
        let mut at = 0;
        let last = cells.len().saturating_sub(1);
        for (n, ((text, color), column)) in cells.iter().zip(&table.columns).enumerate() {
            let width = widths.columns[n];
            if width == 0 {
                continue;
            }
            let length = text.chars().count();
            let mut put = |text: &str| {
                if let Some(line) = lines.last_mut() {
                    line.push_str(text);
                }
            };
            let paint = |text: &str| self.colors.paint(color, text);
            if n == last && column.align == Align::Left {
                let mut parts = wrap(text, (LINE_WIDTH.saturating_sub(at)).max(30)).into_iter();
                put(&paint(&parts.next().unwrap_or_default()));
                lines.extend(parts.map(|part| format!("{:at$}{}", "", paint(&part))));
            } else if width < length {
                put(text);
                at += width + 2;
                lines.push(format!("{:at$}", ""));
                continue;
            } else {
                let blanks = " ".repeat(width - length);
                match column.align {
                    Align::Left => put(&format!("{}{blanks}  ", paint(text))),
                    Align::Right => put(&format!("{blanks}{}  ", paint(text))),
                }
            }
            at += width + 2;
        }
        lines
    }
}

/// The widths of the columns; 0 for an empty column.
struct Widths {
    columns: Vec<usize>,
    /// The indent of lines below a row.
    indent: usize,
}

impl Widths {
    fn of(table: &Table, kind: Kind) -> Self {
        let mut columns: Vec<usize> = table
            .columns
            .iter()
            .enumerate()
            .map(|(n, column)| {
                let cells = table.rows.iter().filter_map(|row| match row {
                    Row::Cells { level, cells, .. } => Some((*level, cells.get(n)?)),
                    Row::Heading(_) => None,
                });
                let width = |(level, cell): (Level, &Cell)| match cell {
                    Cell::Verdict(_) => VERDICT_COLUMN_WIDTH - 2,
                    Cell::Absent => 0,
                    cell => {
                        let indent = if level == Level::Part && n == 0 { 2 } else { 0 };
                        indent + plain(&cell.short()).chars().count()
                    }
                };
                let widest = cells.map(width).max().unwrap_or_default();
                let title = column.title.chars().count();
                if widest == 0 { 0 } else { widest.max(title) }
            })
            .collect();
        if kind == Kind::Metrics {
            // Limits the width of names, so that numbers stay aligned.
            let rest: usize = columns
                .iter()
                .enumerate()
                .filter(|(n, _)| *n != 1)
                .map(|(_, width)| width + 2)
                .sum();
            if let Some(name) = columns.get_mut(1) {
                *name = (*name).min(LINE_WIDTH.saturating_sub(rest + 2).max(NAME_MIN_WIDTH));
            }
        }
        let indent = if kind == Kind::Metrics { VERDICT_COLUMN_WIDTH } else { 2 };
        Self { columns, indent }
    }
}

impl Verdict {
    /// Output never depends on the color alone.
    pub(super) fn color(self) -> &'static str {
        match self {
            Self::Leak | Self::Invalid => RED,
            Self::Clean => GREEN,
            Self::Inconclusive => YELLOW,
        }
    }
}
