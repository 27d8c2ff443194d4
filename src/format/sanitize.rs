//! Makes a container's output harmless for the user's terminal.
//!
//! Colors (SGR sequences, `ESC [ … m`) and tabs pass. Every other control character is shown as text: `^[` for escape
//! and `^G` for the bell, as in `cat -v`. Characters that reorder or hide text are shown by number, `<U+202E>`, as in
//! `less`. This applies to terminals only; a file or a pipe gets the bytes unchanged.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::RangeInclusive;

/// Appends `text` to `into`, made harmless.
pub(crate) fn sanitize(text: &[u8], into: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        sanitize_text(chunk.valid(), into);
        for byte in chunk.invalid() {
            match byte {
                // A terminal without UTF-8 treats these as control characters.
                0x80..=0x9f => show_c1(*byte, into),
                _ => into.push(*byte),
            }
        }
    }
}

fn sanitize_text(text: &str, into: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.find(|character: char| is_control(character) || deceives(character)) {
        let (plain, tail) = rest.split_at(at);
        into.extend_from_slice(plain.as_bytes());
        if let Some(length) = color(tail.as_bytes()) {
            into.extend_from_slice(&tail.as_bytes()[..length]);
            rest = &tail[length..];
            continue;
        }
        let mut characters = tail.chars();
        if let Some(character) = characters.next() {
            show(character, into);
        }
        rest = characters.as_str();
    }
    into.extend_from_slice(rest.as_bytes());
}

/// The same of text.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = Vec::new();
    sanitize(text.as_bytes(), &mut clean);
    String::from_utf8_lossy(&clean).into_owned()
}

/// JSON with every character that could control or deceive a terminal as an escape; the value does not change. Such
/// characters can stand inside strings only.
pub(crate) fn clean_json(json: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(json.len());
    for character in String::from_utf8_lossy(json).chars() {
        let mut units = [0; 2];
        if character != '\n' && (is_control(character) || deceives(character)) {
            for unit in character.encode_utf16(&mut units) {
                clean.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        } else {
            clean.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    clean
}

/// Removes the escape sequences of a terminal (ECMA-48), in either encoding. Of an incomplete sequence, only the escape
/// character goes: no text is lost.
pub(crate) fn strip_escapes(text: &[u8]) -> Cow<'_, [u8]> {
    let begins = |at: &usize| matches!(text[*at], 0x1b | 0xc2);
    let Some(first) = (0..text.len()).find(|at| begins(at) && escape(&text[*at..]).is_some())
    else {
        return Cow::Borrowed(text);
    };
    let mut kept = text[..first].to_vec();
    let mut rest = &text[first..];
    while let [byte, tail @ ..] = rest {
        match escape(rest) {
            Some(length) => rest = &rest[length..],
            None => {
                kept.push(*byte);
                rest = tail;
            }
        }
    }
    Cow::Owned(kept)
}

/// The length of the escape sequence at the front of `text`.
fn escape(text: &[u8]) -> Option<usize> {
    let (kind, alone) = match text {
        [0x1b, kind, ..] => (*kind, 1),
        [0x1b] => return Some(1),
        // The introducers as one character each, in UTF-8.
        [0xc2, kind @ (0x90 | 0x98 | 0x9b | 0x9d..=0x9f), ..] => (kind - 0x40, 2),
        _ => return None,
    };
    let rest = &text[2..];
    let count = |from: usize, of: RangeInclusive<u8>| {
        rest[from..].iter().take_while(|byte| of.contains(byte)).count()
    };
    let length = match kind {
        b'[' => {
            let parameters = count(0, 0x30..=0x3f);
            let all = parameters + count(parameters, 0x20..=0x2f);
            rest.get(all).filter(|last| (0x40..=0x7e).contains(*last)).map(|_| all + 3)
        }
        // Strings: their text is a part of the sequence.
        b']' | b'P' | b'X' | b'^' | b'_' => (0..rest.len()).find_map(|at| match &rest[at..] {
            [7, ..] if kind == b']' => Some(at + 3),
            [0x1b, b'\\', ..] | [0xc2, 0x9c, ..] => Some(at + 4),
            _ => None,
        }),
        0x20..=0x2f => {
            let all = count(0, 0x20..=0x2f);
            rest.get(all).filter(|last| (0x30..=0x7e).contains(*last)).map(|_| all + 3)
        }
        0x30..=0x7e => Some(2),
        _ => None,
    };
    Some(length.unwrap_or(alone))
}

/// Whether a character must not reach a terminal unchanged.
pub(crate) fn needs_escape(character: char) -> bool {
    is_control(character) || deceives(character)
}

/// Control characters of ASCII and of Unicode (U+0080 to U+009F), except the tab.
fn is_control(character: char) -> bool {
    character != '\t' && character.is_control()
}

/// Invisible characters that change the text around them: they reorder it (so that a line reads as another), break it,
/// or make two names look alike. U+200C and U+200D, which join letters and emoji, are needed and pass.
fn deceives(character: char) -> bool {
    matches!(
        character,
        // Direction: Unicode Bidirectional Algorithm (UAX #9), section 2.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        // Separators of lines and paragraphs.
        | '\u{2028}' | '\u{2029}'
        // Zero width: spaces, joiners, old format controls, annotations, tags.
        | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

/// The length of the SGR sequence at the front of `text`.
fn color(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (parameters[end] == b'm').then_some(end + 3)
}

/// The visible form of a character that needs it: `^[`, `M-^[`, `<U+202E>`.
pub(crate) fn visible(character: char) -> String {
    let mut into = Vec::new();
    show(character, &mut into);
    String::from_utf8_lossy(&into).into_owned()
}

fn show(character: char, into: &mut Vec<u8>) {
    match u8::try_from(character) {
        Ok(code @ 0..=0x7f) => into.extend_from_slice(&[b'^', code ^ 0x40]),
        Ok(code @ 0x80..=0x9f) => show_c1(code, into),
        _ => {
            let mut text = String::new();
            // Writing to a String cannot fail.
            let _ = write!(text, "<U+{:04X}>", u32::from(character));
            into.extend_from_slice(text.as_bytes());
        }
    }
}

/// A control character of the upper half, in the form of `cat -v`.
fn show_c1(code: u8, into: &mut Vec<u8>) {
    into.extend_from_slice(&[b'M', b'-', b'^', code - 0x40]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(text: &[u8]) -> Vec<u8> {
        let mut into = Vec::new();
        sanitize(text, &mut into);
        into
    }

    #[test]
    fn colors_pass_and_the_rest_is_shown() {
        let cases: [(&[u8], &str); 10] = [
            (b"plain\ttext", "plain\ttext"),
            (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
            (b"\x1b[2J\x1b[Hcleared", "^[[2J^[[Hcleared"),
            (b"\x1b]0;title\x07", "^[]0;title^G"),
            (b"over\rwritten", "over^Mwritten"),
            (b"del\x7f", "del^?"),
            (b"cut\x1b[31", "cut^[[31"),
            ("caf\u{e9} \u{ab}".as_bytes(), "caf\u{e9} \u{ab}"),
            ("\u{9b}2J".as_bytes(), "M-^[2J"),
            // Bytes that are not UTF-8: 0x9b begins a sequence on an 8-bit terminal.
            (b"\x9b2J \x85", "M-^[2J M-^E"),
        ];
        for (text, expected) in cases {
            assert_eq!(String::from_utf8_lossy(&clean(text)), expected);
        }
    }

    #[test]
    fn characters_that_reorder_or_hide_text_are_shown_by_their_number() {
        let hidden = [
            0x61c, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068,
            0x2069, 0x2028, 0x2029, 0x180e, 0x200b, 0x2060, 0x2064, 0x206a, 0x206f, 0xfeff, 0xfff9,
            0xe0001, 0xe0041, 0xe007f,
        ];
        for code in hidden {
            let character = char::from_u32(code).unwrap();
            let text = format!("a{character}b");
            assert_eq!(clean(text.as_bytes()), format!("a<U+{code:04X}>b").into_bytes());
            // In front of, behind and inside of bytes that are not UTF-8.
            let broken = [b"\xe2", text.as_bytes(), b"\xe2\x80"].concat();
            let shown = format!("<U+{code:04X}>");
            assert!(String::from_utf8_lossy(&clean(&broken)).contains(&shown), "{shown}");
        }
        for written in
            ["\u{645}\u{6cc}\u{200c}\u{62e}", "👩\u{200d}🚀", "שלום", "❤\u{fe0f}", "日本"]
        {
            assert_eq!(clean(written.as_bytes()), written.as_bytes(), "{written}");
        }
    }

    #[test]
    fn json_on_a_terminal_has_the_same_value_and_no_such_character() {
        let value = serde_json::json!({ "msg": "a\u{202e}b\u{9b}2J\u{7f}\u{e0041}\tצ\n\u{1b}[2J" });
        let text = format!("{value}\n");
        let cleaned = String::from_utf8(clean_json(text.as_bytes())).unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&cleaned).unwrap(), value);
        assert!(cleaned.contains(r"a\u202eb\u009b2J\u007f\udb40\udc41"), "{cleaned}");
        assert!(!cleaned.trim_end().contains(|one| is_control(one) || deceives(one)), "{cleaned}");
    }

    #[test]
    fn escape_sequences_are_stripped_and_no_text_is() {
        for (text, expected) in [
            ("plain\ttext caf\u{e9} \u{ab}", "plain\ttext caf\u{e9} \u{ab}"),
            ("\x1b[1;31mred\x1b[0m end", "red end"),
            ("\x1b[38:2::1:2:3mred\x1b[?25l\x1b[2 q", "red"),
            ("\x1b]0;title\x07text\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "textlink"),
            ("\x1bP1$r0m\x1b\\a\x1b_b\x1b\\c", "ac"),
            ("\x1b(B\x1b7a\x1bMb\x1b#8", "ab"),
            ("\u{9b}31mred\u{9d}0;title\u{9c}.", "red."),
            // They do not end.
            ("a\x1b[31", "a[31"),
            ("a\x1b]0;title", "a]0;title"),
            ("a\x1b", "a"),
            ("a\u{9b}\x01", "a\x01"),
        ] {
            let stripped = strip_escapes(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&stripped), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn stripped_text_has_no_escape_and_keeps_its_order(
            text in prop::collection::vec(prop_oneof![Just(0x1b_u8), Just(b'['), Just(0xc2), Just(0x9b), any::<u8>()], 0..60)
        ) {
            let stripped = strip_escapes(&text);
            prop_assert!(!stripped.contains(&0x1b));
            let mut rest = text.iter();
            prop_assert!(stripped.iter().all(|byte| rest.any(|one| one == byte)));
        }

        #[test]
        fn only_color_sequences_reach_the_terminal(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let cleaned = clean(&text);
            let mut rest = cleaned.as_slice();
            while let Some((&byte, tail)) = rest.split_first() {
                let control = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                prop_assert!(!control || color(rest).is_some());
                rest = match color(rest) {
                    Some(length) => &rest[length..],
                    None => tail,
                };
            }
        }

        #[test]
        fn text_without_controls_is_untouched(text in "[^\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Cn}]*") {
            prop_assert_eq!(clean(text.as_bytes()), text.as_bytes());
        }
    }
}
