//! Commands of CI runners: lines of a log that a runner executes. The output of a program under test must not become a
//! command.
//!
//! `actions/runner` (`ActionCommand.cs`) treats a line as a command if it begins with `::` after blanks, or contains
//! `##[`. Azure Pipelines has `##vso[`. Both end a line at a carriage return too.

/// A text of several lines without commands for a GitHub runner: `::error::` at the beginning of a line, also after any
/// blanks, and `##[error]` anywhere.
pub(crate) fn inert(text: &str) -> String {
    let mut into = String::with_capacity(text.len());
    for line in text.split_inclusive(['\n', '\r']) {
        let rest = line.trim_start();
        match rest.strip_prefix("::") {
            Some(after) => {
                into.push_str(&line[..line.len() - rest.len()]);
                into.push_str(": :");
                into.push_str(after);
            }
            None => into.push_str(line),
        }
    }
    while into.contains("##") {
        into = into.replace("##", "# #");
    }
    into
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runner_commands_in_a_line_are_defused() {
        for text in [
            "::error::x",
            "  ::error::x",
            "\u{3000}::stop-commands::token",
            "a\n::warning file=x::y",
            "a\r::error::y",
            "main.x ##[error]y",
            "main.x ##vso[task.complete]y",
            "####[group]y",
            "::::error",
        ] {
            let inert = inert(text);
            let lines = || inert.split(['\n', '\r']);
            assert!(!inert.contains("##"), "{inert:?}");
            assert!(lines().all(|line| !line.trim_start().starts_with("::")), "{inert:?}");
            assert_eq!(inert.replace(' ', ""), text.replace(' ', ""), "nothing is lost");
        }
        assert_eq!(inert("std::vec at a::b #1\n"), "std::vec at a::b #1\n");
    }
}
