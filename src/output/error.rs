//! Errors that end cmon: the operation, the cause, the hint.

use super::Sink;
use crate::format::Colors;
use crate::format::color::RED;
use crate::format::runner::inert;
use crate::format::sanitize::clean;

/// Writes an error with its causes and a hint.
pub(crate) fn error(err: &Sink, error: &anyhow::Error, hint: Option<&str>, colors: Colors) {
    // A failure to write to stderr cannot be reported.
    let _ = err.write_all(text(error, hint, colors).as_bytes());
}

fn text(error: &anyhow::Error, hint: Option<&str>, colors: Colors) -> String {
    let mark = colors.paint(RED, "cmon: error:");
    let first = format!("{mark} {}\n", clean(&error.to_string()));
    let causes =
        error.chain().skip(1).map(|cause| format!("  because {}\n", clean(&cause.to_string())));
    let hint = hint.map(|hint| format!("  try: {}\n", clean(hint)));
    let text: String = [first].into_iter().chain(causes).chain(hint).collect();
    inert(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_cannot_change_the_text_direction() {
        let error = anyhow::anyhow!("no \u{2066}such\u{2069} thing").context("a\u{202e}b");
        let text = text(&error, Some("\u{200e}this"), Colors::Off);
        assert_eq!(
            text,
            "cmon: error: a<U+202E>b\n  because no <U+2066>such<U+2069> thing\n  try: <U+200E>this\n"
        );
    }

    #[test]
    fn an_error_cannot_be_a_command_for_a_ci_runner() {
        let error = anyhow::anyhow!("output ##[error]a").context("::error::b");
        let text = text(&error, Some("##vso[task.complete]c"), Colors::Off);
        assert!(!text.contains("##") && text.contains("# #[error]a"), "{text}");
    }

    #[test]
    fn an_error_has_its_causes_and_a_hint() {
        let error = anyhow::anyhow!("disk full").context("could not write");
        insta::assert_snapshot!(text(&error, Some("another disk"), Colors::Off), @"
        cmon: error: could not write
          because disk full
          try: another disk
        ");
    }
}
