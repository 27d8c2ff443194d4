//! The whole screen: head, table or detail, foot, and overlays.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::style::{bar, quiet, title};
use super::{Look, detail, head, overlay, table};
use crate::ui::fit;
use crate::ui::model::{Model, Overlay};

/// Draws the whole screen.
pub(in crate::ui) fn draw(frame: &mut Frame<'_>, model: &Model) {
    let look = Look { colors: model.colors };
    if model.detail.is_some() {
        detail::draw(frame, model, look);
    } else {
        let layout = model.layout();
        let mut rest = frame.area();
        let mut take = |rows: u16| {
            let (part, below) = split(rest, rows);
            rest = below;
            part
        };
        head::draw(frame, take(layout.head), model, look);
        head::sparks(frame, take(layout.sparks), model);
        table::draw(frame, take(layout.rows + 1), model, look);
        foot(frame, take(layout.foot), model, look);
    }
    match model.overlay {
        Overlay::None => {}
        Overlay::Help(top) => overlay::help(frame, model.help_hidden(), top),
        Overlay::Columns(at) => overlay::columns(frame, model, at),
    }
}

/// The first `rows` of an area, and the rest of it.
pub(super) fn split(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let above = Rect { height: rows, ..area };
    let below = Rect { y: area.y + rows, height: area.height - rows, ..area };
    (above, below)
}

/// Row `at` of an area.
pub(super) fn row(area: Rect, at: u16) -> Rect {
    let (_, below) = split(area, at);
    split(below, 1).0
}

/// The last notice, and the keys or the typed text.
fn foot(frame: &mut Frame<'_>, area: Rect, model: &Model, look: Look) {
    let table = &model.table;
    let keys = if table.typing {
        Line::from(vec![
            Span::styled("filter: ", title()),
            Span::raw(table.filter.clone()),
            Span::styled("▏", title()),
            Span::styled("  Enter keeps it, Esc drops it", quiet()),
        ])
    } else {
        let keys = "q quit  ? help  Enter lines  / filter  s sort  r rotate  p pause  c columns";
        answer_or(model, keys)
    };
    if 1 < area.height {
        let headline = fit::cut(&model.seen().headline, usize::from(area.width));
        let style = match headline.chars().next() {
            Some('!') => look.wrong(),
            Some('~') => look.unusual(),
            _ => quiet(),
        };
        frame.render_widget(Line::styled(headline, style), row(area, 0));
    }
    frame.render_widget(keys, row(area, area.height.saturating_sub(1)));
}

/// The active filter's effect, and the key to clear it.
fn filtered(model: &Model) -> Option<String> {
    let (filter, snapshot) = (&model.table.filter, &model.seen().snapshot);
    let (some, all) = (model.table.rows(snapshot).len(), snapshot.rows.len());
    let is_kept = model.detail.is_none() && !filter.is_empty();
    is_kept.then(|| format!("filter `{filter}`: {some} of {all}, Esc shows all  "))
}

/// The result of the last key, or the keys.
pub(super) fn answer_or<'a>(model: &Model, keys: &'a str) -> Line<'a> {
    let mut spans = Vec::new();
    if model.is_paused() {
        spans.push(Span::styled(" PAUSED (p goes on) ", bar()));
        spans.push(Span::raw(" "));
    }
    if let Some(text) = filtered(model) {
        spans.push(Span::styled(text, title()));
    }
    match model.answer.is_empty() {
        true => spans.push(Span::styled(keys, quiet())),
        false => spans.push(Span::styled(model.answer.clone(), title())),
    }
    Line::from(spans)
}
