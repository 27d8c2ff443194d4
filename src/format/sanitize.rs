//! What a container writes must not drive the reader's terminal.
//!
//! Colours (SGR sequences, `ESC [ … m`) and tabs pass. Every other control character is shown as
//! text: `^[` for escape, `^G` for the bell, as `cat -v` does. Applied on a terminal only; a file
//! or a pipe gets the bytes as they are.

/// Appends `text` to `into`, made harmless.
pub(crate) fn sanitize(text: &[u8], into: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| is_control(*byte)) {
        let (plain, tail) = rest.split_at(at);
        into.extend_from_slice(plain);
        if let Some(length) = colour(tail) {
            into.extend_from_slice(&tail[..length]);
            rest = &tail[length..];
        } else {
            rest = show_control(tail, into);
        }
    }
    into.extend_from_slice(rest);
}

/// The same of text.
pub fn clean(text: &str) -> String {
    let mut clean = Vec::new();
    sanitize(text.as_bytes(), &mut clean);
    String::from_utf8_lossy(&clean).into_owned()
}

/// Control characters of ASCII, and the lead byte of those of Unicode (U+0080 to U+009F).
fn is_control(byte: u8) -> bool {
    (byte < 0x20 && byte != b'\t') || byte == 0x7f || byte == 0xc2
}

/// The length of the SGR sequence that `text` begins with.
fn colour(text: &[u8]) -> Option<usize> {
    let parameters = text.strip_prefix(b"\x1b[")?;
    let end = parameters.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
    (parameters[end] == b'm').then_some(end + 3)
}

fn show_control<'a>(text: &'a [u8], into: &mut Vec<u8>) -> &'a [u8] {
    match text {
        [0xc2, control @ 0x80..=0x9f, rest @ ..] => {
            into.extend_from_slice(&[b'M', b'-', b'^', control - 0x40]);
            rest
        }
        [0xc2, rest @ ..] => {
            into.push(0xc2);
            rest
        }
        [control, rest @ ..] => {
            into.extend_from_slice(&[b'^', control ^ 0x40]);
            rest
        }
        [] => text,
    }
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
    fn colours_pass_and_the_rest_is_shown() {
        let cases: [(&[u8], &str); 9] = [
            (b"plain\ttext", "plain\ttext"),
            (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
            (b"\x1b[2J\x1b[Hcleared", "^[[2J^[[Hcleared"),
            (b"\x1b]0;title\x07", "^[]0;title^G"),
            (b"over\rwritten", "over^Mwritten"),
            (b"del\x7f", "del^?"),
            (b"cut\x1b[31", "cut^[[31"),
            ("caf\u{e9} \u{ab}".as_bytes(), "caf\u{e9} \u{ab}"),
            ("\u{9b}2J".as_bytes(), "M-^[2J"),
        ];
        for (text, expected) in cases {
            assert_eq!(String::from_utf8_lossy(&clean(text)), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_but_colours_can_reach_the_terminal(text in prop::collection::vec(any::<u8>(), 0..200)) {
            let cleaned = clean(&text);
            let mut rest = cleaned.as_slice();
            while let Some((&byte, tail)) = rest.split_first() {
                let control = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
                prop_assert!(!control || colour(rest).is_some());
                rest = match colour(rest) {
                    Some(length) => &rest[length..],
                    None => tail,
                };
            }
        }

        #[test]
        fn text_without_controls_is_untouched(text in "[^\\p{Cc}]*") {
            prop_assert_eq!(clean(text.as_bytes()), text.as_bytes());
        }
    }
}
