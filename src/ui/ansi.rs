//! Styles of the screen from a container's colors; and long lines in rows.
//!
//! The text is harmless already: of all control sequences, only colors (`ESC [ … m`) are left.

use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use unicode_segmentation::UnicodeSegmentation;

use super::fit;
use crate::filter::Patterns;
use crate::format::Colors;

/// The columns from one tab stop to the next.
const TAB: usize = 8;

/// A piece of text in one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) style: Style,
    pub(super) text: String,
}

impl Piece {
    fn part(&self, range: Range<usize>, style: Style) -> Self {
        Self { style, text: self.text[range].to_owned() }
    }
}

/// The pieces of a line with its tabs expanded. Without `color` they have no styles.
pub(super) fn pieces(line: &str, colors: Colors) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut style, mut column, mut rest) = (Style::default(), 0, line);
    loop {
        let (text, tail) = rest.split_once("\x1b[").unwrap_or((rest, ""));
        let text = spread(text, &mut column);
        if !text.is_empty() {
            pieces.push(Piece { style, text });
        }
        if tail.is_empty() {
            return pieces;
        }
        let (codes, after) = tail.split_once('m').unwrap_or((tail, ""));
        if colors == Colors::On {
            style = styled(style, codes);
        }
        rest = after;
    }
}

/// The pieces of a line, with the patterns' matches reversed.
pub(super) fn highlighted(pieces: Vec<Piece>, patterns: &Patterns) -> Vec<Piece> {
    let text: String = pieces.iter().map(|piece| &*piece.text).collect();
    // A byte pattern may match a part of a character.
    let whole = |range: &Range<usize>| text.get(range.clone()).is_some();
    let ranges: Vec<Range<usize>> =
        patterns.find_all(text.as_bytes()).into_iter().filter(whole).collect();
    let (mut cut, mut begin) = (Vec::new(), 0);
    for piece in pieces {
        let end = begin + piece.text.len();
        let mut at = begin;
        for range in ranges.iter().filter(|range| begin < range.end && range.start < end) {
            let (from, to) = (range.start.max(begin), range.end.min(end));
            cut.push(piece.part(at - begin..from - begin, piece.style));
            let style = piece.style.add_modifier(Modifier::REVERSED);
            cut.push(piece.part(from - begin..to - begin, style));
            at = to;
        }
        cut.push(piece.part(at - begin..end - begin, piece.style));
        begin = end;
    }
    cut.retain(|piece| !piece.text.is_empty());
    cut
}

/// The text of a line without its colors.
#[cfg(test)]
pub(super) fn plain(line: &str) -> String {
    pieces(line, Colors::Off).into_iter().map(|piece| piece.text).collect()
}

fn spread(text: &str, column: &mut usize) -> String {
    let mut spread = String::new();
    for grapheme in text.graphemes(true) {
        if grapheme == "\t" {
            let stop = TAB - *column % TAB;
            spread.extend(std::iter::repeat_n(' ', stop));
            *column += stop;
        } else {
            spread.push_str(grapheme);
            *column += fit::width(grapheme);
        }
    }
    spread
}

/// Applies these codes to a style.
fn styled(mut style: Style, codes: &str) -> Style {
    let mut codes = codes.split([';', ':']).map(|code| code.parse::<u8>().unwrap_or(0));
    while let Some(code) = codes.next() {
        style = match code {
            0 => Style::default(),
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            3 => style.add_modifier(Modifier::ITALIC),
            4 => style.add_modifier(Modifier::UNDERLINED),
            7 => style.add_modifier(Modifier::REVERSED),
            9 => style.add_modifier(Modifier::CROSSED_OUT),
            22 => style.remove_modifier(Modifier::BOLD | Modifier::DIM),
            23 => style.remove_modifier(Modifier::ITALIC),
            24 => style.remove_modifier(Modifier::UNDERLINED),
            27 => style.remove_modifier(Modifier::REVERSED),
            29 => style.remove_modifier(Modifier::CROSSED_OUT),
            30..=37 => style.fg(Color::Indexed(code - 30)),
            38 => extended(&mut codes).map_or(style, |color| style.fg(color)),
            39 => style.fg(Color::Reset),
            40..=47 => style.bg(Color::Indexed(code - 40)),
            48 => extended(&mut codes).map_or(style, |color| style.bg(color)),
            49 => style.bg(Color::Reset),
            90..=97 => style.fg(Color::Indexed(code - 82)),
            100..=107 => style.bg(Color::Indexed(code - 92)),
            _ => style,
        };
    }
    style
}

/// The color behind 38 or 48: one of 256, or red, green and blue.
fn extended(codes: &mut impl Iterator<Item = u8>) -> Option<Color> {
    match codes.next()? {
        5 => Some(Color::Indexed(codes.next()?)),
        2 => Some(Color::Rgb(codes.next()?, codes.next()?, codes.next()?)),
        _ => None,
    }
}

/// The rows of a line wrapped at `columns`; at least one.
pub(super) fn wrapped(pieces: &[Piece], columns: usize) -> Vec<Vec<Piece>> {
    let columns = columns.max(2);
    let mut rows = vec![Vec::new()];
    let mut taken = 0;
    for piece in pieces {
        let mut text = piece.text.as_str();
        while !text.is_empty() {
            let fits = fit::head(text, columns - taken);
            if fits.is_empty() {
                rows.push(Vec::new());
                taken = 0;
                // A grapheme that is wider than a row cannot be shown.
                if fit::head(text, columns).is_empty() {
                    text = text.graphemes(true).next().map_or("", |one| &text[one.len()..]);
                }
                continue;
            }
            taken += fit::width(fits);
            if let Some(row) = rows.last_mut() {
                row.push(Piece { style: piece.style, text: fits.to_owned() });
            }
            text = &text[fits.len()..];
        }
    }
    rows
}

/// The visible part of a line that is moved `columns` to the left.
pub(super) fn moved(pieces: Vec<Piece>, columns: usize) -> Vec<Piece> {
    let mut hidden = columns;
    let mut seen = Vec::new();
    for mut piece in pieces {
        if 0 < hidden {
            let gone = fit::head(&piece.text, hidden);
            let whole = gone.len() == piece.text.len();
            hidden -= fit::width(gone);
            let gone = gone.len();
            piece.text.drain(..gone);
            if whole {
                continue;
            }
            // The rest begins in this piece.
            hidden = 0;
        }
        seen.push(piece);
    }
    seen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(text: &str, style: Style) -> Piece {
        Piece { style, text: text.to_owned() }
    }

    #[test]
    fn colours_become_styles() {
        let line = "a\x1b[1;31mb\x1b[0mc\x1b[38;5;200md\x1b[48;2;1;2;3me\x1b[39mf\x1b[91mg";
        let pink = Style::default().fg(Color::Indexed(200));
        let on_blue = pink.bg(Color::Rgb(1, 2, 3));
        let expected = [
            piece("a", Style::default()),
            piece("b", Style::default().add_modifier(Modifier::BOLD).fg(Color::Indexed(1))),
            piece("c", Style::default()),
            piece("d", pink),
            piece("e", on_blue),
            piece("f", on_blue.fg(Color::Reset)),
            piece("g", on_blue.fg(Color::Indexed(9))),
        ];
        assert_eq!(pieces(line, Colors::On), expected);
        assert_eq!(plain(line), "abcdefg");
        assert!(pieces(line, Colors::Off).iter().all(|piece| piece.style == Style::default()));
        assert_eq!(plain("cut\x1b[31"), "cut");
    }

    #[test]
    fn tabs_reach_to_the_next_stop() {
        assert_eq!(plain("a\tb\t\tc"), "a       b               c");
        assert_eq!(plain("日本\x1b[1m\tx"), "日本    x");
    }

    fn rows(line: &str, columns: usize) -> Vec<String> {
        let text = |row: Vec<Piece>| row.into_iter().map(|piece| piece.text).collect();
        wrapped(&pieces(line, Colors::On), columns).into_iter().map(text).collect()
    }

    #[test]
    fn a_long_line_takes_several_rows_and_an_empty_one_takes_one() {
        assert_eq!(rows("", 10), [""]);
        assert_eq!(rows("abcdef", 3), ["abc", "def"]);
        assert_eq!(rows("ab\x1b[1mcdef", 3), ["abc", "def"]);
        assert_eq!(rows("日本語", 5), ["日本", "語"]);
    }

    #[test]
    fn a_line_can_be_looked_at_further_to_the_right() {
        let text = |columns: usize| -> String {
            let seen = moved(pieces("ab\x1b[1mcdef", Colors::On), columns);
            seen.into_iter().map(|piece| piece.text).collect()
        };
        assert_eq!([0, 1, 2, 3, 9].map(text), ["abcdef", "bcdef", "cdef", "def", ""]);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing_and_fits(line in "\\PC{0,80}", columns in 2usize..30) {
            let rows = rows(&line, columns);
            prop_assert!(rows.iter().all(|row| fit::width(row) <= columns));
            let plain = plain(&line);
            let shown = plain.graphemes(true).filter(|one| fit::width(one) <= columns);
            prop_assert_eq!(rows.concat(), shown.collect::<String>());
        }
    }
}
