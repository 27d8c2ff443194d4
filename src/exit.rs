//! The exit codes, in one type.

use std::process::ExitCode;

/// How cmon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Success, or the reader of the pipe went away.
    Done,
    /// The daemon cannot be reached, nothing matched, or stdout cannot be written. In a leak check it means only a
    /// leak.
    Failed,
    /// The command line is invalid, or a leak check could not measure.
    Usage,
    /// A leak check was inconclusive.
    Undecided,
    /// A line matched `--fail-on`.
    Matched,
    /// All selected containers ended before a line matched `--until-match`.
    Unmatched,
    /// `--timeout` ended the run.
    TimedOut,
    /// By SIGHUP: the terminal went away.
    HungUp,
    /// By SIGINT.
    Interrupted,
    /// By SIGTERM.
    Terminated,
}

impl Exit {
    /// The number for the shell.
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
