//! The visible text of a line: without sequences for colors or cursor movements. Highlights go around them into the
//! line.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

/// Reverse video, and its end: it keeps the colors of the text.
const REVERSE: (&[u8], &[u8]) = (b"\x1b[7m", b"\x1b[27m");

/// The text without its control sequences.
pub(crate) fn visible(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(0x1b, text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    for part in Parts(text) {
        if let Part::Text(text) = part {
            plain.extend_from_slice(text);
        }
    }
    Cow::Owned(plain)
}

/// Appends the line with these ranges of its visible text highlighted. The ranges are in order and do not overlap. The
/// line keeps its own colors.
pub(crate) fn paint(
    line: &[u8],
    mut ranges: impl Iterator<Item = Range<usize>>,
    into: &mut Vec<u8>,
) {
    let (mut at, mut next) = (0, ranges.next());
    // Whether the container's own sequences have reversed the text.
    let mut reversed = false;
    for part in Parts(line) {
        let mut text = match part {
            Part::Sequence(sequence) => {
                reversed = is_reversed(sequence).unwrap_or(reversed);
                into.extend_from_slice(sequence);
                continue;
            }
            Part::Text(text) => text,
        };
        let (on, off) = if reversed { (REVERSE.1, REVERSE.0) } else { REVERSE };
        while let Some(range) = next.clone() {
            let start = range.start.saturating_sub(at).min(text.len());
            let end = range.end.saturating_sub(at).min(text.len());
            into.extend_from_slice(&text[..start]);
            if start < end {
                into.extend_from_slice(on);
                into.extend_from_slice(&text[start..end]);
                into.extend_from_slice(off);
            }
            (text, at) = (&text[end..], at + end);
            if at < range.end {
                break;
            }
            next = ranges.next();
        }
        into.extend_from_slice(text);
        at += text.len();
    }
}

/// Whether text is reversed after this sequence; `None` if the sequence does not change that.
fn is_reversed(sequence: &[u8]) -> Option<bool> {
    let parameters = sequence.strip_prefix(b"\x1b[")?.strip_suffix(b"m")?;
    let mut reversed = None;
    let mut each = parameters.split(|byte| *byte == b';');
    while let Some(parameter) = each.next() {
        match parameter {
            b"7" => reversed = Some(true),
            b"" | b"0" | b"00" | b"27" => reversed = Some(false),
            // A color by number (5) or by parts (2); their arguments are not attributes.
            b"38" | b"48" | b"58" => {
                let count = if each.next() == Some(b"2") { 3 } else { 1 };
                each.by_ref().take(count).for_each(drop);
            }
            _ => {}
        }
    }
    reversed
}

/// A part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part<'a> {
    Text(&'a [u8]),
    Sequence(&'a [u8]),
}

/// The parts of a line in order, without gaps.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some(length) = sequence(self.0) {
            let (sequence, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some(Part::Sequence(sequence));
        }
        // An escape that begins no sequence is text.
        let begin = usize::from(self.0[0] == 0x1b);
        let end = memchr(0x1b, &self.0[begin..]).map_or(self.0.len(), |end| begin + end);
        let (text, rest) = self.0.split_at(end);
        self.0 = rest;
        Some(Part::Text(text))
    }
}

/// The length of the control sequence (ECMA-48, 5.4) or operating system command (title, link) at the front of `text`.
fn sequence(text: &[u8]) -> Option<usize> {
    match text.get(..2)? {
        b"\x1b[" => {
            let body = &text[2..];
            let end = body.iter().position(|byte| !matches!(byte, 0x20..=0x3f))?;
            matches!(body[end], 0x40..=0x7e).then_some(end + 3)
        }
        b"\x1b]" => {
            let end = text.iter().position(|byte| *byte == 0x07);
            let terminator = text.windows(2).position(|two| two == b"\x1b\\");
            match (end, terminator) {
                (Some(bell), Some(other)) if other < bell => Some(other + 2),
                (Some(bell), _) => Some(bell + 1),
                (None, other) => other.map(|at| at + 2),
            }
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn painted(line: &str, ranges: &[(usize, usize)]) -> String {
        let mut into = Vec::new();
        paint(line.as_bytes(), ranges.iter().map(|&(start, end)| start..end), &mut into);
        String::from_utf8(into).unwrap().replace('\x1b', "^")
    }

    #[test]
    fn control_sequences_are_not_part_of_the_visible_text() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\x1b[1;31merr\x1b[0mor", "error"),
            ("\x1b[2K\x1b[?25lgone", "gone"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
            ("cut \x1b[31", "cut \x1b[31"),
            ("\x1b", "\x1b"),
            ("\x1b\x1b[mx", "\x1bx"),
        ] {
            assert_eq!(String::from_utf8_lossy(&visible(text.as_bytes())), expected);
        }
    }

    #[test]
    fn a_highlight_keeps_the_colors_of_the_line() {
        for (line, ranges, expected) in [
            ("an error", &[(3, 8)][..], "an ^[7merror^[27m"),
            ("abc", &[(0, 1), (2, 3)], "^[7ma^[27mb^[7mc^[27m"),
            ("a\x1b[31mb\x1b[0mc", &[(0, 3)], "^[7ma^[27m^[31m^[7mb^[27m^[0m^[7mc^[27m"),
            // In the container's own reverse video, the highlight is not reversed.
            ("\x1b[1;7mab\x1b[0mc", &[(1, 3)], "^[1;7ma^[27mb^[7m^[0m^[7mc^[27m"),
            ("\x1b[38;5;7mab", &[(0, 1)], "^[38;5;7m^[7ma^[27mb"),
            ("x", &[], "x"),
        ] {
            assert_eq!(painted(line, ranges), expected);
        }
    }

    proptest! {
        #[test]
        fn painting_adds_nothing_visible(
            line in prop::collection::vec(prop::sample::select(b"a\x1b[7m;]\x07\xff".to_vec()), 0..40),
            start in 0..20_usize,
            length in 1..9_usize,
        ) {
            let plain = visible(&line).into_owned();
            let mut into = Vec::new();
            paint(&line, std::iter::once(start..start + length), &mut into);
            // A lone escape before the highlight would swallow its sequence.
            if !plain.contains(&0x1b) {
                prop_assert_eq!(visible(&into).into_owned(), plain);
            }
            into.clear();
            paint(&line, std::iter::empty(), &mut into);
            prop_assert_eq!(into, line);
        }
    }
}
