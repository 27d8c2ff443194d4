//! Text in a number of columns: wide characters take two, combining marks none.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The width of a text in columns.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The text, or its beginning with a mark that it was cut.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut shown = head(text, columns.saturating_sub(1)).to_owned();
    if 0 < columns {
        shown.push('…');
    }
    shown
}

/// As much of the beginning of a text as fits.
pub(super) fn head(text: &str, columns: usize) -> &str {
    let mut taken = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        taken += width(grapheme);
        if columns < taken {
            return &text[..at];
        }
    }
    text
}

/// Exactly `columns`: cut, or filled with spaces behind it.
pub(super) fn left(text: &str, columns: usize) -> String {
    let mut shown = cut(text, columns);
    shown.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(&shown))));
    shown
}

/// Exactly `columns`: cut, or filled with spaces before it.
pub(super) fn right(text: &str, columns: usize) -> String {
    let shown = cut(text, columns);
    format!("{}{shown}", " ".repeat(columns.saturating_sub(width(&shown))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_cut_with_a_mark() {
        assert_eq!(cut("container", 9), "container");
        assert_eq!(cut("container", 5), "cont…");
        assert_eq!((cut("web", 1), cut("web", 0)), ("…".to_owned(), String::new()));
        assert_eq!(left("web", 5), "web  ");
        assert_eq!(right("web", 5), "  web");
    }

    #[test]
    fn a_wide_character_is_not_cut_in_half() {
        assert_eq!(cut("日本語", 6), "日本語");
        assert_eq!(cut("日本語", 5), "日本…");
        assert_eq!(left("日本語", 4), "日… ", "what is left of a half is a space");
        assert_eq!(cut("e\u{301}tude", 3), "e\u{301}t…", "a mark stays with its letter");
    }

    proptest! {
        #[test]
        fn a_fitted_text_has_the_requested_width(text in "\\PC{0,40}", columns in 0usize..50) {
            prop_assert_eq!(width(&left(&text, columns)), columns);
            prop_assert_eq!(width(&right(&text, columns)), columns);
            prop_assert!(width(&cut(&text, columns)) <= columns);
        }
    }
}
