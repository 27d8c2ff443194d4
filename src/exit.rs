//! The exit codes: one type, so that the code is decided in one place.

use std::process::ExitCode;

/// How cmon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Done, or the reader of our pipe went away.
    Done,
    /// The daemon cannot be reached, nothing matched, or stdout cannot be written. A leak check
    /// means a leak by it, and nothing else.
    Failed,
    /// The command line makes no sense, or a leak check could not measure.
    Usage,
    /// A leak check was inconclusive.
    Undecided,
    /// A line matched `--fail-on`.
    Matched,
    /// All selected containers ended before a line matched `--until-match`.
    Unmatched,
    /// The time of `--timeout` is over.
    TimedOut,
    /// By SIGHUP: the terminal went away.
    HungUp,
    /// By SIGINT.
    Interrupted,
    /// By SIGTERM.
    Terminated,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Undecided | Exit::Matched => 3,
            Exit::Unmatched => 4,
            Exit::TimedOut => 124,
            Exit::HungUp => 129,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
