//! Overlays: the help, and the choice of columns.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear};

use super::{bar, row};
use crate::ui::fit;
use crate::ui::model::{HELP_ROWS, Model, Sort};

const HELP: [&str; HELP_ROWS] = [
    "q            quit                     Ctrl-C  quit, exit code 130",
    "j k ↓ ↑      move                     g G     first, last",
    "PgUp PgDn    a page                   p       pause the screen",
    "/            filter by name or state; Esc drops it",
    "s S          sort by the next column, reverse",
    "c            choose columns           r       rotate this stream now",
    "Enter        the container's last lines; Esc goes back",
    "",
    "In the lines:",
    "/ n N        search, next, previous   f       follow the newest",
    "w            wrap long lines          t       times",
    "← → h l      sideways                 v       JSON and logfmt as LEVEL message",
    "e ~          in the margin: written to stderr, handed over late",
    "",
    "! before a name: something is wrong; ~: it was, or it does not run",
    "streaming    open, delivering         rotating     old: the next one opens",
    "stale        the daemon has more      backing off  failed: tried again soon",
    "draining     run over, reading rest   waiting      its restart is awaited",
    "catching up  reads what is stored     ended        nothing more to read, and why",
    "readers = streams: each open stream has one reader, or something leaks",
    "The mouse is the terminal's: select and copy as everywhere.",
    "Any key closes this.",
];

pub(super) fn help(frame: &mut Frame<'_>, hidden: usize, top: usize) {
    let widest = HELP.iter().map(|line| fit::width(line)).max().unwrap_or(0);
    let title = if hidden == 0 { " keys " } else { " keys: j k scroll, others close " };
    let inside = boxed(frame, title, widest, HELP.len());
    let shown = HELP.into_iter().skip(top.min(hidden));
    for (at, text) in (0..inside.height).zip(shown) {
        let style = if text.ends_with(':') { super::title() } else { Style::default() };
        let text = fit::cut(text, usize::from(inside.width));
        frame.render_widget(Line::styled(text, style), row(inside, at));
    }
}

pub(super) fn columns(frame: &mut Frame<'_>, model: &Model, at: usize) {
    let table = &model.table;
    let lines: Vec<String> = table
        .columns
        .iter()
        .map(|column| {
            let shown = if table.hidden.contains(column) { ' ' } else { 'x' };
            let sorted = if table.sort == Sort::By(*column) { "▼" } else { " " };
            format!("[{shown}]{sorted} {:<10} {}", column.title(), column.meaning())
        })
        .collect();
    let widest = lines.iter().map(|line| fit::width(line)).max().unwrap_or(0);
    let inside =
        boxed(frame, " columns: space shows or hides, s sorts, Enter closes ", widest, lines.len());
    // The cursor stays visible, however small the box is.
    let skip = (at + 1).saturating_sub(usize::from(inside.height));
    for (place, (number, text)) in (0..inside.height).zip(lines.iter().enumerate().skip(skip)) {
        let style = if number == at { bar() } else { Style::default() };
        let text = fit::left(text, usize::from(inside.width));
        frame.render_widget(Line::styled(text, style), row(inside, place));
    }
}

/// An empty box in the middle of the screen; returns its inside.
fn boxed(frame: &mut Frame<'_>, title: &str, width: usize, height: usize) -> Rect {
    let area = frame.area();
    let wide = width.max(fit::width(title)) + 2;
    let columns = u16::try_from(wide).unwrap_or(u16::MAX).min(area.width);
    let rows = u16::try_from(height + 2).unwrap_or(u16::MAX).min(area.height);
    let outer = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + (area.height - rows) / 2,
        width: columns,
        height: rows,
    };
    let block = Block::bordered().title(title.to_owned());
    let inside = block.inner(outer);
    frame.render_widget(Clear, outer);
    frame.render_widget(block, outer);
    inside
}
