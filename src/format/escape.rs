//! Escapes untrusted names and stacks for each format of a report.

use std::fmt::Write;

use super::sanitize::{needs_escape, visible};

/// The maximum width of text, unless a name is longer.
pub(crate) const LINE_WIDTH: usize = 80;

/// For a terminal. Control characters become text, like `^[` for escape. Bidirectional and invisible characters become
/// code points. A space splits `##[error]`, which is a command for GitHub and Azure runners.
pub(crate) fn plain(text: &str) -> String {
    neutral(text, ["<", ">"])
}

/// The same for escaped HTML.
pub(crate) fn plain_html(text: &str) -> String {
    neutral(text, ["&lt;", "&gt;"])
}

fn neutral(text: &str, [open, close]: [&str; 2]) -> String {
    let mut into = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '#' if into.ends_with('#') => into.push_str(" #"),
            letter if letter == '\t' || needs_escape(letter) => {
                into.push_str(&visible(letter).replace('<', open).replace('>', close));
            }
            letter => into.push(letter),
        }
    }
    into
}

/// For XML text and attributes: [`plain`], with markup escaped. Also replaces U+FFFE and U+FFFF, which XML forbids.
pub(crate) fn markup(text: &str) -> String {
    let mut into = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => into.push('\u{fffd}'),
            letter => into.push(letter),
        }
    }
    into
}

/// For a cell of a Markdown table: [`plain`], with markup, mentions, links and cell ends escaped.
pub(crate) fn markdown(text: &str) -> String {
    let mut into = String::with_capacity(text.len());
    for letter in plain(text).chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '$' | '@' => {
                // A numeric escape, because a backslash would be visible inside code.
                let _ = write!(into, "&#{};", u32::from(letter));
            }
            letter => into.push(letter),
        }
    }
    // Prevents automatic links.
    into.replace("://", "&#58;//").replace("www.", "www&#46;")
}

/// For a shell, as one word.
pub(crate) fn shell(text: &str) -> String {
    let text = plain(text);
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&byte);
    match !text.is_empty() && text.bytes().all(harmless) {
        true => text,
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}

/// Wraps `text` at spaces into lines of at most `width` characters. Splits longer words.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if 0 < used && width < used + 1 + length {
            lines.push(String::new());
            used = 0;
        } else if 0 < used {
            push(&mut lines, ' ');
            used += 1;
        }
        for letter in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            push(&mut lines, letter);
            used += 1;
        }
    }
    lines
}

/// A title and a text with a hanging indent: the prefix and the text of each line.
pub(crate) fn hanging(title: &str, text: &str) -> Vec<(String, String)> {
    let indent = title.chars().count();
    let lines = wrap(&plain(text), LINE_WIDTH.saturating_sub(indent)).into_iter().enumerate();
    let before = |at| if at == 0 { title.to_owned() } else { " ".repeat(indent) };
    lines.map(|(at, line)| (before(at), line)).collect()
}

fn push(lines: &mut [String], letter: char) {
    if let Some(line) = lines.last_mut() {
        line.push(letter);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts that try to break each output format.
    pub(crate) fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<String>(),
            prop::sample::select(vec![
                "<script>alert(1)</script>",
                "]]>",
                "\" onload=\"x",
                "' x='",
                "&amp;&#x0;",
                "-->",
                "</svg>",
                "</script>",
                "\x1b[2J\x1b]0;t\x07",
                "\r\n::error::x",
                "%0A::stop-commands::x",
                "\u{9b}31m",
                "\u{fffe}\u{ffff}\u{0}",
                "\u{202e}",
                "| a | b |",
                "`",
                "https://x.test",
                "NaN",
                "::,:%",
                "main.x ##[error]y",
                "\u{a0}::error::x",
                " ::add-mask::x",
                "###[group]",
            ])
            .prop_map(str::to_owned),
        ];
        prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn runner_commands_are_split() {
        assert_eq!(plain("main.x ##[error]y"), "main.x # #[error]y");
        assert_eq!(plain("###[group]"), "# # #[group]");
    }

    /// Whether no line is a command for a GitHub runner.
    pub(crate) fn has_no_command(text: &str) -> bool {
        let lines = text.split(['\n', '\r']);
        !text.contains("##") && lines.into_iter().all(|line| !line.trim_start().starts_with("::"))
    }

    /// Whether there are no control characters except line ends, and no deceptive characters.
    pub(crate) fn is_harmless(text: &str) -> bool {
        text.chars().all(|letter| letter == '\n' || !(letter.is_control() || needs_escape(letter)))
    }

    #[test]
    fn control_characters_become_text() {
        assert_eq!(plain("a\x1b[2Jb\r\n\u{9b}c\u{202e}d\x7f"), "a^[[2Jb^M^JM-^[c<U+202E>d^?");
        assert_eq!(plain("caf\u{e9} (*T).f"), "caf\u{e9} (*T).f");
        assert_eq!(markup("<a href=\"x\">'&"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(markdown("a|b @you"), "a&#124;b &#64;you");
        assert_eq!(
            [shell("run.ndjson"), shell("it's"), shell("")],
            ["run.ndjson", "'it'\\''s'", "''"]
        );
    }

    #[test]
    fn a_summary_is_escaped_once() {
        assert_eq!(markdown("cmon's \"x\""), "cmon's \"x\"");
        assert_eq!(markdown("a & b <c> #1"), "a &amp; b &lt;c&gt; &#35;1");
        assert_eq!(markdown("(*T).f_g"), "(&#42;T).f&#95;g");
    }

    #[test]
    fn lines_break_at_spaces_and_long_words_are_cut() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh ij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup_or_a_control_character(text in hostile(), width in 0_usize..30) {
            prop_assert!(is_harmless(&plain(&text)) && !plain(&text).contains('\n'));
            let escaped = markup(&text);
            prop_assert!(is_harmless(&escaped) && !escaped.contains(['<', '>', '"', '\'']));
            let invalid = ['\u{fffe}', '\u{ffff}'];
            prop_assert!(!escaped.contains(invalid));
            prop_assert!(!markdown(&text).contains(['|', '`', '@', '[', '\n']));
            let wrapped = wrap(&text, width);
            prop_assert!(wrapped.iter().all(|line| line.chars().count() <= width.max(1)));
        }
    }
}
