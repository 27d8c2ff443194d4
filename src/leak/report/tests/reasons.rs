//! Records, reads and prints each reason.

use serde_json::{Value, json as value};

use crate::leak::facts::{self, VerdictReason};
use crate::leak::failure::{CommandFailure, FailureReason};
use crate::leak::record::{Cut, End, Record, Unavailable};
use crate::leak::report::json::json;
use crate::leak::report::tests::example_reports;
use crate::leak::report::tests::schema_check::violation;
use crate::probe::reasons::{
    CutReason, Fall, Noted, ProcessError, ProcessPart, Refusal, RestartSign, SeveralProcesses,
    SeveralSign, UnavailableReason,
};

fn fall() -> Fall {
    Fall { name: "turns".to_owned(), from: 130.0, to: 5.5 }
}

/// Writes a record, and reads and writes it again; returns the field with its sentence.
fn sentence(record: &Record, field: &str, typed: &str) -> String {
    let line = serde_json::to_string(record).unwrap();
    let again =
        |line: &str| serde_json::to_string(&serde_json::from_str::<Record>(line).unwrap()).unwrap();
    let parsed = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    assert_eq!(parsed(&again(&line)), parsed(&line));
    let mut value = parsed(&line);
    let sentence = value[field].as_str().unwrap().to_owned();
    assert!(value[typed]["kind"].is_string(), "{line}");
    // A newer cmon may write an unknown kind, which stays as it is.
    value[typed] = value!({ "kind": "of_the_future", "x": [1] });
    assert_eq!(parsed(&again(&value.to_string())), value);
    // An older one writes none.
    let recorded = value!({ "kind": "recorded", "text": sentence });
    value[typed] = Value::Null;
    assert_eq!(parsed(&again(&value.to_string()))[typed], recorded);
    value.as_object_mut().unwrap().remove(typed);
    let older = parsed(&again(&value.to_string()));
    assert_eq!((&older[field], &older[typed]), (&value!(sentence), &recorded));
    sentence
}

fn cut_cases() -> Vec<(CutReason, &'static str)> {
    let restarted = |sign| CutReason::TargetRestarted { sign };
    vec![
        (
            restarted(RestartSign::PidChanged { old: 12, new: 40 }),
            "the target was started again (pid 12 is now 40)",
        ),
        (
            restarted(RestartSign::StartTimeMoved { seconds: 30.0, fell: None }),
            "the target was started again (its start time moved forward by 30s, and its connection broke)",
        ),
        (
            restarted(RestartSign::StartTimeMoved { seconds: 2.5, fell: Some(fall()) }),
            "the target was started again (its start time moved forward by 2.5s, and `turns` fell from 130 \
             to 5.5)",
        ),
        (
            restarted(RestartSign::TotalFell(fall())),
            "the target was started again (`turns` fell from 130 to 5.5)",
        ),
        (
            restarted(RestartSign::ConnectionRefused),
            "the target closed its connection and accepted no other for a while: it was started again",
        ),
        (
            restarted(RestartSign::GoroutinesHalved),
            "the target closed its connection, and its goroutines fell below half: it was started again",
        ),
        (
            CutReason::ContainerRestarted { old_pid: 7, new_pid: 9 },
            "the container was started again (pid 7 is now 9)",
        ),
        (CutReason::TargetBack, "the target did not answer for a while, and answers again"),
        (
            CutReason::DaemonRestarted,
            "the daemon closed its connection, and its counts fell: it was started again",
        ),
        (CutReason::DaemonBack, "the daemon did not answer for a while, and answers again"),
    ]
}

#[test]
fn each_reason_of_a_cut_is_recorded_and_has_a_sentence() {
    for (reason, expected) in cut_cases() {
        let cut =
            Record::Cut(Cut { at_ms: 4000, source: "target.a".to_owned(), reason: reason.into() });
        assert_eq!(sentence(&cut, "why", "reason"), expected);
    }
}

fn unavailable_cases() -> Vec<(UnavailableReason, &'static str)> {
    use UnavailableReason as Reason;
    let text = |text: &str| text.to_owned();
    let part = ProcessPart::Descriptors;
    let (pid, path, message) = (text("7"), text("/m"), text("Broken pipe (os error 32)"));
    let refusal = |answer: &str, location: Option<&str>| {
        let location = location.map(ToOwned::to_owned);
        Reason::Status(Refusal { path: text("/m"), status: 404, answer: text(answer), location })
    };
    vec![
        (ProcessError::Gone { pid: pid.clone() }.into(), "process 7 does not exist"),
        (
            ProcessError::Denied { pid: pid.clone(), part }.into(),
            "not permitted to read the descriptors of process 7: run cmon as its user or as root",
        ),
        (
            ProcessError::NoProc { pid: pid.clone(), part: ProcessPart::ProcessorTime }.into(),
            "could not read the processor time of process 7: there is no /proc here",
        ),
        (
            ProcessError::Malformed { pid: pid.clone(), part: ProcessPart::State }.into(),
            "could not read the state of process 7: it is not in the form that Linux gives",
        ),
        (
            ProcessError::Io { pid, part: ProcessPart::Threads, message: message.clone() }.into(),
            "could not read the threads of process 7: Broken pipe (os error 32)",
        ),
        (
            Reason::ProcessReplaced { pid: 7 },
            "process 7 has ended, and another one has its number now",
        ),
        (Reason::ContainerRemoved { container: text("web") }, "container `web` no longer exists"),
        (
            Reason::ContainerNotRunning { container: text("web"), state: text("paused") },
            "container `web` does not run (paused)",
        ),
        (
            Reason::ContainerWithoutPid { container: text("web") },
            "container `web` runs, but the daemon reports no pid for it, so that its processes cannot be \
             found",
        ),
        (
            Reason::NotOnThisMachine,
            "the container's processes cannot be seen from here: the daemon runs on another machine, or cmon \
             in a container",
        ),
        (Reason::Connection { message: message.clone() }, "Broken pipe (os error 32)"),
        (refusal("", None), "`/m` was answered with status 404"),
        (refusal("no page", None), "`/m` was answered with status 404: no page"),
        (
            refusal("no page", Some("/n")),
            "`/m` was answered with status 404, which points to `/n`: cmon follows no redirects, so give that \
             address",
        ),
        (
            Reason::NotAnswered { path: path.clone(), seconds: 10.0 },
            "`/m` was not answered within 10s",
        ),
        (
            Reason::Broken { path: path.clone(), message: message.clone() },
            "`/m` could not be read: Broken pipe (os error 32)",
        ),
        (
            Reason::Answer { path: path.clone(), message: text("the answer is empty") },
            "`/m`: the answer is empty",
        ),
        (Reason::Figure { message: text("`a` is -1") }, "`a` is -1"),
        (
            Reason::ReportedZero { path, name: text("NFd") },
            "`/m` reports 0 for `NFd`, which means that it is unknown",
        ),
        (Reason::ProfileCutOff, "the daemon's profile is cut off"),
        (Reason::NoLongerShown, "it is no longer shown"),
        (
            Reason::NothingReadable { causes: Vec::new() },
            "nothing can be read any more: it no longer shows its figures",
        ),
        (
            Reason::NothingReadable {
                causes: vec![Reason::ProfileCutOff.into(), Reason::NoLongerShown.into()],
            },
            "nothing can be read any more: the daemon's profile is cut off; it is no longer shown",
        ),
        (
            Reason::CounterSetBack(fall()),
            "`turns` fell from 130 to 5.5, although the target was not restarted: the counter was reset, \
             and the cycles just before that are missing",
        ),
        (Reason::Timeout { seconds: 4.0 }, "it did not answer within 4s"),
        (Reason::Backoff, "it did not answer in time, and cmon waits before it asks again"),
        (
            Reason::Groups { cause: Box::new(Reason::Timeout { seconds: 5.0 }) },
            "its groups could not be read: it did not answer within 5s",
        ),
    ]
}

#[test]
fn each_reason_of_a_missing_figure_is_recorded_and_has_a_sentence() {
    for (reason, expected) in unavailable_cases() {
        let one = Record::Unavailable(Unavailable {
            metric: "own.fds".to_owned(),
            reason: reason.into(),
        });
        assert_eq!(sentence(&one, "why", "reason"), expected);
    }
}

#[test]
fn only_a_source_that_cannot_come_back_is_gone() {
    let container = |state: &str| UnavailableReason::ContainerNotRunning {
        container: "web".to_owned(),
        state: state.to_owned(),
    };
    assert!(container("exited").is_gone() && !container("restarting").is_gone());
    assert!(UnavailableReason::from(ProcessError::Gone { pid: "7".to_owned() }).is_gone());
    assert!(!UnavailableReason::Backoff.is_gone());
}

fn end(failure: Option<Noted<FailureReason>>) -> Record {
    Record::End(End {
        at: 9.0,
        interrupted: false,
        sure: false,
        streams_opened: 1,
        streams_closed: 1,
        survivors: Vec::new(),
        failure,
    })
}

fn failure_cases() -> Vec<(FailureReason, String)> {
    let several = |sign| {
        let target = "target.a".to_owned();
        FailureReason::SeveralProcesses(SeveralProcesses { target, sign })
    };
    let command = |failure| FailureReason::Command { command: "curl".to_owned(), failure };
    let (message, silent) = ("No such file".to_owned(), String::new());
    let by_address = "name one of them, by the address of one replica or worker, or as pid:N";
    let answers = "target.a: several processes answer here";
    vec![
        (
            several(SeveralSign::StartTimes { count: 4 }),
            format!("{answers} (4 start times come back in turn): {by_address}"),
        ),
        (
            several(SeveralSign::ProcessNumbers { count: 2 }),
            format!("{answers} (2 process numbers come back in turn): {by_address}"),
        ),
        (
            several(SeveralSign::Totals),
            format!("{answers} (its totals fall and come back in turn): {by_address}"),
        ),
        (
            command(CommandFailure::NotRun { message: message.clone() }),
            "the command of a cycle, `curl`, failed: No such file".to_owned(),
        ),
        (
            command(CommandFailure::Timeout { seconds: 60 }),
            "the command of a cycle, `curl`, failed: did not end within 1m after its phase"
                .to_owned(),
        ),
        (
            command(CommandFailure::Exit { wait_status: 3 << 8, stderr: "no app".to_owned() }),
            "the command of a cycle, `curl`, failed: exit status: 3: no app".to_owned(),
        ),
        (
            command(CommandFailure::Exit { wait_status: 9, stderr: silent }),
            "the command of a cycle, `curl`, failed: signal: 9 (SIGKILL)".to_owned(),
        ),
        (FailureReason::Streams { message }, "No such file".to_owned()),
    ]
}

#[test]
fn each_reason_of_a_failure_is_recorded_and_has_a_sentence() {
    for (reason, expected) in failure_cases() {
        assert_eq!(sentence(&end(Some(reason.into())), "failure", "failure_reason"), expected);
    }
    let line = serde_json::to_string(&end(None)).unwrap();
    assert!(line.contains(r#""failure":null"#), "{line}");
    assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), end(None));
}

#[test]
fn a_record_without_any_reason_is_refused() {
    let line = r#"{"type":"cut","at_ms":1,"source":"daemon"}"#;
    assert!(serde_json::from_str::<Record>(line).unwrap_err().to_string().contains("`why`"));
}

#[test]
fn a_report_with_each_reason_follows_its_schema() {
    let mut report = example_reports::leak();
    let cut = |(reason, _): (CutReason, _)| Cut {
        at_ms: 1,
        source: "daemon".to_owned(),
        reason: reason.into(),
    };
    report.cuts = cut_cases().into_iter().map(cut).collect();
    let one = |(reason, _): (UnavailableReason, _)| facts::Unavailable {
        metric: "own.fds".to_owned(),
        reason: reason.into(),
        times: 1,
    };
    report.unavailable = unavailable_cases().into_iter().map(one).collect();
    for (cause, sentence) in failure_cases() {
        report.reason = VerdictReason::Failed { cause: cause.into() };
        let value: Value = serde_json::from_str(&json(&report)).unwrap();
        assert_eq!(violation(&value), None);
        assert_eq!(value["reason"]["error"], sentence);
        let kind = &value["reason"]["cause"]["kind"];
        assert!(kind.is_string(), "{kind}");
    }
}
