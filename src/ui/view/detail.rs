//! The last lines of one container.

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{Look, answer_or, bar, quiet, row, split, title};
use crate::engine::source::StdStream;
use crate::engine::timestamp::Timestamp;
use crate::format::columns::{Attention, Column};
use crate::format::pretty::LineForm;
use crate::format::units;
use crate::ui::fit;
use crate::ui::model::{Detail, DetailRow, Model};

pub(super) fn draw(frame: &mut Frame<'_>, model: &Model, look: Look) {
    let Some(detail) = &model.detail else {
        return;
    };
    let (title, below) = split(frame.area(), 1);
    let lines = Rect { height: model.layout().lines.min(below.height), ..below };
    let (_, foot) = split(below, lines.height);
    frame.render_widget(heading(model, detail, usize::from(title.width)), title);
    let size = (usize::from(lines.width), usize::from(lines.height));
    let rows = model.ring().map(|ring| detail.rows(ring, size, model.colors)).unwrap_or_default();
    if rows.is_empty() {
        let text = "no line yet; new lines appear here";
        frame.render_widget(Line::styled(text, quiet()), row(lines, 0));
    }
    for (at, one) in (0..lines.height).zip(&rows) {
        frame.render_widget(line(one, detail, &model.zone, look), row(lines, at));
    }
    frame.render_widget(keys(model, detail), row(foot, 0));
}

fn heading(model: &Model, detail: &Detail, width: usize) -> Line<'static> {
    let found = model.seen().snapshot.rows.iter().find(|row| row.key == detail.key);
    let Some(one) = found else {
        let text = format!("- {}  removed: these are its last lines", detail.name);
        return Line::styled(fit::left(&text, width), bar());
    };
    let text = |column: Column| column.text(one, &model.zone);
    let text = format!(
        "{} {}  {}  {} {}  {} lines/s  lag {}  {}",
        Attention::of(one).sign(),
        text(Column::Name),
        text(Column::State),
        text(Column::Stream),
        text(Column::Age),
        text(Column::Lines),
        text(Column::Lag),
        units::counted(one.gaps(), "gap"),
    );
    Line::styled(fit::left(&text, width), bar())
}

fn line(one: &DetailRow<'_>, detail: &Detail, zone: &TimeZone, look: Look) -> Line<'static> {
    let mut spans = Vec::new();
    let mark = match one.entry.stream {
        _ if !one.first => "  ",
        StdStream::Stderr => "e ",
        StdStream::Stdout if one.entry.recovered => "~ ",
        StdStream::Stdout => "  ",
    };
    spans.push(Span::styled(mark, look.unusual()));
    if detail.timestamps {
        let time = if one.first { clock(one.entry.time, zone) } else { String::new() };
        spans.push(Span::styled(format!("{time:<13}"), quiet()));
    }
    for piece in &one.pieces {
        mark_hits(&piece.text, piece.style, detail, &mut spans);
    }
    let line = Line::from(spans);
    match detail.hit {
        Some(hit) if hit == one.entry.number => line.patch_style(title()),
        _ => line,
    }
}

/// The text, with the searched text highlighted.
fn mark_hits(text: &str, style: Style, detail: &Detail, spans: &mut Vec<Span<'static>>) {
    let wanted = &detail.search;
    let exact = wanted.chars().any(char::is_uppercase);
    // Letters that change their length in lower case are not marked.
    let lower = if exact { text.to_owned() } else { text.to_lowercase() };
    if wanted.is_empty() || lower.len() != text.len() {
        spans.push(Span::styled(text.to_owned(), style));
        return;
    }
    let wanted = if exact { wanted.clone() } else { wanted.to_lowercase() };
    let mut done = 0;
    for (at, _) in lower.match_indices(&wanted) {
        let end = at + wanted.len();
        if text.is_char_boundary(at) && text.is_char_boundary(end) {
            spans.push(Span::styled(text[done..at].to_owned(), style));
            let found = style.add_modifier(Modifier::REVERSED);
            spans.push(Span::styled(text[at..end].to_owned(), found));
            done = end;
        }
    }
    spans.push(Span::styled(text[done..].to_owned(), style));
}

/// `12:03:04.123`.
fn clock(time: Timestamp, zone: &TimeZone) -> String {
    match time.civil(zone) {
        Some(time) => {
            format!("{}.{:03}", time.strftime("%H:%M:%S"), time.subsec_nanosecond() / 1_000_000)
        }
        None => time.to_string(),
    }
}

fn keys(model: &Model, detail: &Detail) -> Line<'static> {
    if detail.typing {
        return Line::from(vec![
            Span::styled("search: ", title()),
            Span::raw(detail.search.clone()),
            Span::styled("▏", title()),
            Span::styled("  Enter looks for it, Esc drops it", quiet()),
        ]);
    }
    let on = |yes: bool| if yes { "on" } else { "off" };
    let found = match detail.search.as_str() {
        "" => "/ search".to_owned(),
        wanted => format!("n/N `{wanted}`"),
    };
    // There is no room for all of it.
    let (esc, help) = match detail.search.as_str() {
        "" => ("Esc back", "  ? help"),
        _ => ("Esc ends search", ""),
    };
    let keys = format!(
        "{esc}  {found}  f follow {}  w wrap {}  t times {}  v pretty {}{help}",
        on(detail.follow),
        on(detail.wrap),
        on(detail.timestamps),
        on(detail.form == LineForm::Pretty),
    );
    let line = answer_or(model, &keys);
    Line::from(
        line.spans
            .into_iter()
            .map(|span| Span::styled(span.content.into_owned(), span.style))
            .collect::<Vec<_>>(),
    )
}
