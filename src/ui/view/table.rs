//! The table: a row per container, in as many columns as fit.

use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{Look, bar, quiet, row, title};
use crate::engine::rows::{Row, StreamState};
use crate::format::columns::{Attention, Column};
use crate::format::units;
use crate::ui::fit;
use crate::ui::model::{Model, Sort, Table};

/// The width of the bar that shows a stream's age.
const BAR: usize = 5;
/// The sign before the name, and a space.
const SIGN: usize = 2;
/// The bounds of the width of names.
const NAME: (usize, usize) = (11, 40);
/// The minimum width at which the last note is shown.
const NOTE: usize = 16;

/// Columns by priority.
const FIRST: [Column; 12] = [
    Column::Name,
    Column::Host,
    Column::Stream,
    Column::State,
    Column::Age,
    Column::Lines,
    Column::Lag,
    Column::Gaps,
    Column::CycleRate,
    Column::Bytes,
    Column::Reopens,
    Column::Cycles,
];

/// The width of a column; the name and the note take the rest.
fn width(column: Column, sort: Sort) -> usize {
    let width = match column {
        Column::Name => NAME.0,
        Column::Host => 12,
        Column::State => 14,
        Column::Stream => 17,
        Column::Age => BAR + 7,
        Column::CycleRate | Column::Lines | Column::Bytes | Column::Reopens => 7,
        Column::Cycles | Column::Lag => 6,
        Column::Gaps => 4,
        Column::Note => NOTE,
    };
    // The sort order has a mark behind the heading.
    let marked = if sort == Sort::By(column) { fit::width(column.title()) + 1 } else { 0 };
    width.max(marked)
}

/// The visible columns with their widths.
pub(super) fn columns(table: &Table, room: usize, longest: usize) -> Vec<(Column, usize)> {
    let mut left = room.saturating_sub(SIGN);
    let mut taken = Vec::new();
    let there = |column: &Column| table.columns.contains(column) && !table.hidden.contains(column);
    for column in FIRST.into_iter().filter(there) {
        let width = width(column, table.sort) + usize::from(column != Column::Name);
        if left < width && column != Column::Name {
            break;
        }
        left = left.saturating_sub(width);
        taken.push(column);
    }
    let mut name = NAME.0.min(room.saturating_sub(SIGN));
    let more = longest.min(NAME.1).saturating_sub(name).min(left);
    name += more;
    left -= more;
    let mut shown: Vec<(Column, usize)> = Column::ALL
        .into_iter()
        .filter(|column| taken.contains(column))
        .map(|column| {
            let width = if column == Column::Name { name } else { width(column, table.sort) };
            (column, width)
        })
        .collect();
    if NOTE < left && !table.hidden.contains(&Column::Note) {
        shown.push((Column::Note, left - 1));
    }
    shown
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let snapshot = &model.seen().snapshot;
    let rows = model.table.rows(snapshot);
    let longest = rows.iter().map(|row| fit::width(&row.name)).max().unwrap_or(0);
    let columns = columns(&model.table, usize::from(area.width), longest);
    frame.render_widget(headings(&columns, model), row(area, 0));
    if rows.is_empty() {
        let filter = &model.table.filter;
        let text = match snapshot.rows.is_empty() {
            false => format!("  no container passes the filter `{filter}`; Esc shows all"),
            true if model.named => {
                "  none of the named containers is there yet; one that comes is shown".to_owned()
            }
            true => "  no container runs; one that starts is shown".to_owned(),
        };
        let text = fit::cut(&text, usize::from(area.width));
        frame.render_widget(Line::styled(text, quiet()), row(area, 1));
    }
    let shown = rows.iter().skip(model.table.offset);
    for (at, one) in (1..area.height).zip(shown) {
        let mut line = line(one, &columns, &model.zone, look);
        if Some(&one.key) == model.table.selected.as_ref() {
            line.spans[0] = Span::styled(">", title());
            line = line.style(bar());
        }
        frame.render_widget(line, row(area, at));
    }
}

fn headings(columns: &[(Column, usize)], model: &Model) -> Line<'static> {
    let mut text = " ".repeat(SIGN - 1);
    for (column, width) in columns {
        let mut title = column.title().to_owned();
        let sorted = model.table.sort == Sort::By(*column);
        if sorted {
            // Text sorts from A, numbers from the largest.
            let text =
                matches!(column, Column::Host | Column::Name | Column::State | Column::Stream);
            title.push(if text == model.table.reverse { '▼' } else { '▲' });
        }
        if *column == Column::Age
            && let Some(row) = model.seen().snapshot.rows.first()
        {
            title.push_str(if sorted { "/" } else { " of " });
            title.push_str(&units::seconds(row.timeout));
        }
        text.push(' ');
        text.push_str(&aligned(*column, &title, *width));
    }
    Line::styled(text, title())
}

fn aligned(column: Column, text: &str, width: usize) -> String {
    if column.is_figure() { fit::right(text, width) } else { fit::left(text, width) }
}

fn line(one: &Row, columns: &[(Column, usize)], zone: &TimeZone, look: Look) -> Line<'static> {
    let attention = Attention::of(one);
    let style = match attention {
        Attention::None => Style::default(),
        Attention::Some => look.unusual(),
        Attention::Now => look.wrong(),
    };
    // The cursor takes the place of the first span.
    let mut spans = vec![Span::raw(" "), Span::styled(attention.sign(), style)];
    for (column, width) in columns {
        let text = match column {
            Column::Age => age(one.age, one.timeout),
            _ => column.text(one, zone),
        };
        let style = match column {
            Column::Stream if one.stream == StreamState::Streaming => look.well(),
            Column::Host | Column::Name | Column::Stream => style,
            Column::Gaps if 0 < one.gaps() => look.wrong(),
            Column::Note => quiet(),
            _ => Style::default(),
        };
        spans.push(Span::raw(" "));
        spans.push(Span::styled(aligned(*column, &text, *width), style));
    }
    // The sign stands directly before the first column.
    spans.remove(2);
    Line::from(spans)
}

/// A bar, and the age as text.
fn age(age: Option<Duration>, timeout: Duration) -> String {
    let Some(age) = age else {
        return String::new();
    };
    let share = age.as_secs_f64() / timeout.as_secs_f64().max(f64::MIN_POSITIVE);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to BAR")]
    let full = (share.clamp(0.0, 1.0) * BAR as f64).round() as usize;
    format!("{}{} {}", "█".repeat(full), "░".repeat(BAR - full), units::seconds(age))
}
