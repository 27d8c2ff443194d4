//! Hints for errors of a leak check.

use std::io;
use std::path::PathBuf;

use crate::probe::StartError;

/// A recording that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("could not read `{}`", .0.display())]
pub(super) struct Unread(pub(super) PathBuf);

/// A JSON report where a recording is needed.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is a report of `leak-check -o json`, not a recording", .0.display())]
pub(super) struct NotARecording(pub(super) PathBuf);

/// A file that is not one recording.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoRecording {
    #[error("it is empty")]
    Empty,
    #[error("line 1 is not a header")]
    NoHeader,
    #[error("line {line} is the header of another recording")]
    SecondHeader { line: usize },
    #[error("line {line} follows the end of the recording")]
    AfterEnd { line: usize },
    #[error("line {line} is older than a line before it")]
    TimeBack { line: usize },
}

/// A hint for the error, if there is one.
pub(crate) fn hint(error: &anyhow::Error) -> Option<String> {
    if let Some(StartError::Target { error, .. }) = error.downcast_ref() {
        return error.hint();
    }
    if error.is::<super::NothingToWatch>() {
        let hint =
            "name what to watch: --target pid:N or --target http://HOST:PORT; or start the daemon";
        return Some(hint.to_owned());
    }
    if let Some(error) = error.downcast_ref::<NoRecording>() {
        let hint = match error {
            NoRecording::Empty | NoRecording::NoHeader => {
                "`cmon leak-check --record FILE` writes a recording"
            }
            NoRecording::SecondHeader { .. }
            | NoRecording::AfterEnd { .. }
            | NoRecording::TimeBack { .. } => "give each recording in a file of its own",
        };
        return Some(hint.to_owned());
    }
    if error.is::<NotARecording>() {
        let hint = "run the check again with `--record FILE`, and give that FILE to --baseline or --replay";
        return Some(hint.to_owned());
    }
    let missing = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    let absent = error.is::<Unread>() && error.downcast_ref().is_some_and(missing);
    let hint =
        "a recording is written by `cmon leak-check --record FILE`; is it in another directory?";
    absent.then(|| hint.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::probe::reasons::ProcessError;
    use crate::probe::target::TargetStartError;

    #[test]
    fn an_error_of_a_target_has_its_own_hint() {
        let refused = |error: TargetStartError| {
            super::hint(&StartError::Target { target: "pid:7".to_owned(), error }.into())
        };
        let gone = ProcessError::Gone { pid: "7".to_owned() };
        let hint = "`ps -e` lists the processes; for one in a container, write container:NAME";
        assert_eq!(refused(gone.into()).as_deref(), Some(hint));
        assert_eq!(refused(TargetStartError::Timeout(Duration::from_secs(15))), None);
    }

    #[test]
    fn only_a_missing_recording_has_the_hint_to_record() {
        let dir = tempfile::tempdir().unwrap();
        let missing = crate::commands::leak_check::recording::recording(&dir.path().join("none"))
            .unwrap_err();
        assert!(hint(&missing).unwrap().contains("--record FILE"));
        assert_eq!(missing.to_string(), format!("could not read `{}/none`", dir.path().display()));
        // A directory exists, but is not a recording.
        assert_eq!(
            hint(&crate::commands::leak_check::recording::recording(dir.path()).unwrap_err()),
            None
        );
        let unwritten = io::Error::from(io::ErrorKind::NotFound);
        assert_eq!(hint(&anyhow::Error::new(unwritten).context("could not write `a/b`")), None);
    }
}
