//! Each way through the machine by example, and any sequence of events against its rules.

mod leaving;

use std::time::Duration;

use proptest::prelude::*;

use super::transitions::TRIES;
use super::*;
use crate::engine::event::{EndReason, Notice};
use crate::engine::source::{Container, ErrorKind, Exit, Phase, SourceError};
use crate::engine::source::{
    ContainerId, ContainerKey, DaemonId, LogEnd, Lossy, PieceRule, ReadMode,
};

/// What a test reads of an [`Act`].
fn show(acts: &[Act]) -> String {
    let show = |act: &Act| match act {
        Act::Say(Notice::Exited(Some(exit))) => format!("exited {}", exit.code),
        Act::Say(Notice::Exited(None)) => "exited".to_owned(),
        Act::Say(Notice::Restarting(_)) => "restarting".to_owned(),
        Act::Say(Notice::Started) => "started".to_owned(),
        Act::Say(Notice::Removed) => "removed".to_owned(),
        Act::Say(Notice::StreamBroke { .. }) => "broke".to_owned(),
        Act::Say(Notice::EndsEarly { times, .. }) => format!("ends early {times}"),
        Act::Say(Notice::Unreadable { .. }) => "unreadable".to_owned(),
        Act::Say(Notice::GivenUp { .. }) => "given up".to_owned(),
        Act::Say(Notice::ReaderPanicked { .. }) => "panicked".to_owned(),
        Act::Say(Notice::Lossy(_)) => "lossy".to_owned(),
        Act::Say(other) => format!("{other:?}"),
        Act::Wake(_) => "wake".to_owned(),
        Act::Flush(Some(cause)) => format!("lost {}", cause.word()),
        Act::Flush(None) => "flush".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    acts.iter().map(show).collect::<Vec<_>>().join(", ")
}

fn container(phase: Phase, started_at: &str) -> Container {
    Container {
        key: ContainerKey { daemon: DaemonId::new("unix:///d"), id: ContainerId::new("ab12") },
        name: "web".into(),
        phase,
        exit: (phase == Phase::Exited).then_some(Exit { code: 7, oom: false }),
        started_at: started_at.into(),
        started: None,
        finished: None,
        restarts: 0,
        ran_before: false,
        tty: false,
        driver: "json-file".into(),
        pieces: PieceRule::SameTimestamp,
        log_end: LogEnd::Served,
        doubles: false,
        file_size: None,
        lossy: None,
    }
}

fn error(kind: ErrorKind) -> SourceError {
    SourceError::new(kind, "no")
}

/// A follower, driven by short words.
struct Driven(Lifecycle);

impl Driven {
    fn new(mode: ReadMode, joined: Joined) -> Self {
        Self(Lifecycle::new(mode, joined))
    }

    fn step(&mut self, input: &Input<'_>) -> String {
        show(&self.0.step(input, 0.5))
    }

    fn inspected(&mut self, phase: Phase, run: &str) -> String {
        self.step(&Input::Inspected(Ok(&container(phase, run))))
    }

    fn ended(&mut self, reason: &EndReason, progress: Progress) -> String {
        self.step(&Input::StreamEnded { reason, progress, stood: Duration::from_secs(1) })
    }

    fn drained(&mut self) -> String {
        self.step(&Input::Drained(&EndReason::Eof))
    }

    /// One that was running at the start and is followed.
    fn following() -> Self {
        let mut driven = Self::new(ReadMode::Follow, Joined::AtStart);
        assert_eq!(driven.inspected(Phase::Running, "one"), "follow", "no news");
        driven
    }
}

#[test]
fn a_rotated_stream_is_opened_again_at_once() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::None), "follow");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "follow");
}

#[test]
fn a_restart_between_two_streams_is_reported_at_the_next_rotation() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(9));
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "exited 9, started, follow");
    assert_eq!(driven.step(&Input::Started), "");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "inspect", "the event came late");
    assert_eq!(driven.inspected(Phase::Running, "two"), "follow");
    assert_eq!(driven.ended(&EndReason::Rotated, Progress::Some), "follow");
}

#[test]
fn a_run_that_ends_is_drained_then_reported_then_followed_again() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
    assert!(!driven.0.is_settled(), "its log is not read to the end");
    assert_eq!(driven.drained(), "exited 7");
    assert!(driven.0.is_settled());
    assert_eq!(driven.step(&Input::Started), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "started, follow");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "three"), "exited, started, follow");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Exited, "three"), "drain");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_start_while_the_last_run_is_drained_is_not_missed() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    driven.inspected(Phase::Exited, "one");
    assert_eq!(driven.step(&Input::Started), "");
    assert_eq!(driven.drained(), "exited 7, inspect");
    assert_eq!(driven.inspected(Phase::Exited, "two"), "started, drain", "it was quick");
}

#[test]
fn a_restart_seen_only_as_a_newer_run_is_reported() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(3));
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "two"), "exited 3, started, follow");
}

#[test]
fn a_run_that_came_and_went_unseen_is_reported() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(3));
    driven.ended(&EndReason::Eof, Progress::Some);
    assert_eq!(driven.inspected(Phase::Exited, "two"), "exited 3, started, drain");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_container_that_its_policy_restarts_is_asked_about_now_and_then() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    assert_eq!(driven.inspected(Phase::Restarting, "one"), "drain");
    assert_eq!(driven.drained(), "restarting, wake");
    assert!(!driven.0.is_settled(), "it comes back");
    assert_eq!(driven.step(&Input::Woke), "inspect");
    assert_eq!(driven.inspected(Phase::Restarting, "one"), "wake", "reported once, drained once");
    driven.step(&Input::Woke);
    assert_eq!(driven.inspected(Phase::Running, "two"), "started, follow");
}

#[test]
fn an_end_of_file_of_a_running_container_backs_off_and_is_reported_when_it_goes_on() {
    let mut driven = Driven::following();
    for acts in ["wake", "wake", "ends early 3, wake"] {
        assert_eq!(driven.ended(&EndReason::Eof, Progress::None), "inspect");
        assert_eq!(driven.inspected(Phase::Running, "one"), acts, "no busy loop");
        assert_eq!(driven.step(&Input::Woke), "follow");
    }
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    assert_eq!(driven.inspected(Phase::Running, "one"), "follow", "progress starts over");
}

#[test]
fn a_broken_stream_is_reported_once_and_retried_until_it_stands() {
    let mut driven = Driven::following();
    let cut = EndReason::Failed(error(ErrorKind::Cut));
    assert_eq!(driven.ended(&cut, Progress::None), "broke, wake");
    assert_eq!(driven.step(&Input::Woke), "inspect", "it may have ended meanwhile");
    let away = error(ErrorKind::Unreachable);
    for _ in 0..20 {
        assert_eq!(driven.step(&Input::Inspected(Err(&away))), "wake");
        assert_eq!(driven.step(&Input::Woke), "inspect");
    }
    assert_eq!(driven.inspected(Phase::Running, "one"), "follow");
    assert_eq!(driven.ended(&cut, Progress::Some), "broke, wake", "it had worked in between");
}

#[test]
fn a_panic_is_reported_and_the_stream_is_opened_again() {
    let mut driven = Driven::following();
    let panicked = EndReason::Panicked("boom".to_owned());
    assert_eq!(driven.ended(&panicked, Progress::None), "panicked, wake");
    assert_eq!(driven.step(&Input::Woke), "follow");
}

#[test]
fn a_removed_container_is_read_to_the_end_first() {
    let mut driven = Driven::following();
    driven.step(&Input::Died(0));
    assert_eq!(driven.step(&Input::Destroyed), "", "its stream still has the rest");
    assert_eq!(driven.ended(&EndReason::Eof, Progress::Some), "inspect");
    let gone = error(ErrorKind::Gone);
    assert_eq!(
        driven.step(&Input::Inspected(Err(&gone))),
        "flush, exited 0, removed, forget(removed)"
    );
}

#[test]
fn the_rest_of_a_log_that_the_daemon_refuses_to_show_is_given_up() {
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    let refused = EndReason::Failed(SourceError::new(ErrorKind::InBand, "refused"));
    for tries in 0..TRIES {
        assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
        let waits = driven.step(&Input::Drained(&refused));
        assert!(waits.contains("wake"), "{tries}: {waits}");
        driven.step(&Input::Woke);
    }
    assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
    assert_eq!(driven.step(&Input::Drained(&refused)), "lost unreadable, exited 7");
    assert!(driven.0.is_settled());
    // A daemon that cannot be reached may come back.
    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    let away = EndReason::Failed(SourceError::new(ErrorKind::Unreachable, "away"));
    for _ in 0..3 * TRIES {
        assert_eq!(driven.inspected(Phase::Exited, "one"), "drain");
        driven.step(&Input::Drained(&away));
        driven.step(&Input::Woke);
    }
}

#[test]
fn unread_lines_of_a_removed_container_are_reported_lost() {
    let gone = error(ErrorKind::Gone);
    let cut = EndReason::Failed(error(ErrorKind::Cut));
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    let removed = "lost removed, removed, forget(removed)";
    assert_eq!(
        driven.step(&Input::Inspected(Err(&gone))),
        removed,
        "it was quicker than a question"
    );

    let mut driven = Driven::following();
    driven.ended(&cut, Progress::Some);
    assert_eq!(driven.step(&Input::Destroyed), removed, "its stream broke before the end");

    let mut driven = Driven::following();
    driven.ended(&EndReason::Eof, Progress::Some);
    driven.inspected(Phase::Exited, "one");
    driven.drained();
    driven.step(&Input::Started);
    assert_eq!(driven.step(&Input::Inspected(Err(&gone))), removed, "its second run was not read");
}

#[test]
fn a_driver_that_may_lose_lines_is_reported_once_and_before_any_read() {
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    let lossy =
        |run| Container { lossy: Some(Lossy::NonBlocking), ..container(Phase::Running, run) };
    let inspected = driven.step(&Input::Inspected(Ok(&lossy("one"))));
    assert_eq!(inspected, "started, lossy, follow");
    driven.ended(&EndReason::Eof, Progress::Some);
    let inspected = driven.step(&Input::Inspected(Ok(&lossy("two"))));
    assert_eq!(inspected, "exited, started, follow");
}

#[test]
fn a_stream_that_falls_behind_or_goes_back_is_opened_again_at_once() {
    let mut driven = Driven::following();
    assert_eq!(driven.ended(&EndReason::HeldBack, Progress::Some), "follow");
    assert_eq!(driven.ended(&EndReason::Disordered, Progress::Some), "follow");
    assert_eq!(driven.ended(&EndReason::Disordered, Progress::None), "wake", "no busy loop");
    assert_eq!(driven.step(&Input::Woke), "follow");
}

#[test]
fn a_driver_that_keeps_nothing_is_reported_and_never_asked_again() {
    let mut driven = Driven::following();
    let unreadable = EndReason::Failed(error(ErrorKind::Unreadable));
    assert_eq!(driven.ended(&unreadable, Progress::None), "unreadable");
    assert!(driven.0.is_done() && driven.0.failure().is_some());
    assert_eq!(driven.step(&Input::Started), "");
}

#[test]
fn without_a_follow_a_log_is_read_once_and_failures_end_it() {
    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    assert_eq!(driven.inspected(Phase::Running, "one"), "drain");
    assert_eq!(driven.drained(), "");
    assert!(driven.0.is_done() && driven.0.failure().is_none());

    let mut driven = Driven::new(ReadMode::Once, Joined::AtStart);
    let refused = error(ErrorKind::Refused);
    assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "broke, wake");
    for _ in 1..TRIES {
        driven.step(&Input::Woke);
        assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "wake");
    }
    driven.step(&Input::Woke);
    assert_eq!(driven.step(&Input::Inspected(Err(&refused))), "given up");
}

#[test]
fn a_container_that_joins_is_reported_and_one_that_was_there_is_not() {
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    assert_eq!(driven.inspected(Phase::Running, "one"), "started, follow");
    let mut driven = Driven::new(ReadMode::Follow, Joined::Later);
    assert_eq!(driven.inspected(Phase::Exited, "one"), "started, drain", "it was quick");
    assert_eq!(driven.drained(), "exited 7");
}

#[test]
fn a_kill_for_want_of_memory_is_part_of_the_exit() {
    let mut driven = Driven::following();
    driven.step(&Input::OutOfMemory);
    driven.step(&Input::Died(137));
    assert_eq!(driven.0.exit, Some(Exit { code: 137, oom: true }));
}

/// What the outside may do at any time, and what may come of what the machine asked for.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Answer(u8),
    /// Again and again the stream ends, broken or not, with nothing new, and the container runs.
    Stubborn(u8),
    Started,
    Live,
    Died,
    OutOfMemory,
    Destroyed,
    Finish,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => (0u8..16).prop_map(Turn::Answer),
        1 => prop_oneof![Just(1u8), Just(9), Just(15)].prop_map(Turn::Stubborn),
        1 => Just(Turn::Started),
        1 => Just(Turn::Live),
        1 => Just(Turn::Died),
        1 => Just(Turn::OutOfMemory),
        1 => Just(Turn::Destroyed),
        1 => Just(Turn::Finish),
    ]
}

/// What the machine has asked for and not been answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Stream,
    Drain,
    Question,
    Wait,
}

/// So much may be asked without a wait between, or any news: inspect, drain, inspect the next run, follow.
/// The shortest wait is 50 ms, and waits grow to 30 s.
const MOST: u32 = 6;

/// Plays the outside: never answers what was not asked.
struct FakeContainer {
    driven: Lifecycle,
    open: Option<Open>,
    forgotten: bool,
    /// The follow is over.
    finished: bool,
    run: u32,
    /// Things asked for since the last wait, or since something happened that takes time or is news.
    asked: u32,
}

impl FakeContainer {
    fn turn(&mut self, turn: Turn) -> Vec<Act> {
        let input = match turn {
            Turn::Answer(choice) => return self.answer(choice),
            Turn::Stubborn(end) => {
                let choice = if self.open == Some(Open::Question) { 4 } else { end };
                return self.answer(choice);
            }
            Turn::Started => Input::Started,
            Turn::Live => Input::Live,
            Turn::Died => Input::Died(1),
            Turn::OutOfMemory => Input::OutOfMemory,
            Turn::Destroyed => Input::Destroyed,
            Turn::Finish => {
                self.finished = true;
                // Nothing is waited for any more.
                self.open.take_if(|open| *open == Open::Wait);
                Input::Finish
            }
        };
        self.asked = 0;
        self.driven.step(&input, 0.5)
    }

    fn answer(&mut self, choice: u8) -> Vec<Act> {
        let Some(open) = self.open.take() else {
            return Vec::new();
        };
        let kinds = [ErrorKind::Cut, ErrorKind::Gone, ErrorKind::Unreachable, ErrorKind::Timeout];
        let failure = error(kinds[usize::from(choice % 4)]);
        let reason = match choice {
            0..4 => EndReason::Failed(failure.clone()),
            4..8 => EndReason::Rotated,
            8..14 => EndReason::Eof,
            _ => EndReason::Panicked("boom".to_owned()),
        };
        let phases = [Phase::Running, Phase::Exited, Phase::Restarting, Phase::Paused];
        self.run += u32::from(12 < choice);
        let container = container(phases[usize::from(choice % 4)], &self.run.to_string());
        let stood = Duration::from_secs(u64::from(choice) * 5);
        let input = match open {
            Open::Stream => {
                let takes_time = reason == EndReason::Rotated;
                self.asked *= u32::from(!takes_time && !choice.is_multiple_of(2));
                let progress =
                    if choice.is_multiple_of(2) { Progress::Some } else { Progress::None };
                Input::StreamEnded { reason: &reason, progress, stood }
            }
            Open::Drain => Input::Drained(&reason),
            Open::Question if choice < 4 => Input::Inspected(Err(&failure)),
            Open::Question => Input::Inspected(Ok(&container)),
            Open::Wait => Input::Woke,
        };
        self.driven.step(&input, 0.5)
    }

    /// Notes what was asked for: never two things at once.
    fn check(&mut self, acts: &[Act]) -> Result<(), TestCaseError> {
        for act in acts {
            let asked = match act {
                Act::Follow => {
                    prop_assert!(!self.finished, "nothing is followed any more");
                    Open::Stream
                }
                Act::Rotate => {
                    prop_assert_eq!(self.open, Some(Open::Stream), "there is a stream to end");
                    continue;
                }
                Act::Drain => Open::Drain,
                Act::Inspect => Open::Question,
                Act::Wake(wait) => {
                    prop_assert!(Duration::ZERO < *wait, "no busy loop");
                    self.asked = 0;
                    Open::Wait
                }
                Act::Forget(_) => {
                    self.forgotten = true;
                    continue;
                }
                Act::Say(_) | Act::Flush(_) => continue,
            };
            // A wait may be cut short by what happens: the supervisor holds one wake and forgets it.
            let free = self.open.is_none() || self.open == Some(Open::Wait);
            prop_assert!(free, "{asked:?} beside {:?}", self.open);
            self.open = Some(asked);
            self.asked += u32::from(asked != Open::Wait);
            prop_assert!(self.asked <= MOST, "{} asked without a wait or news", self.asked);
        }
        Ok(())
    }
}

proptest! {
    /// Whatever happens, there is never more than one stream, drain or question, a follower that
    /// is not done or idle always has something on its way, and one that is forgotten asks for nothing.
    #[test]
    fn it_never_stalls_and_never_does_two_things(
        follow: bool,
        initial: bool,
        turns in prop::collection::vec(turn(), 1..60),
    ) {
        let mode = if follow { ReadMode::Follow } else { ReadMode::Once };
        let joined = if initial { Joined::AtStart } else { Joined::Later };
        let driven = Lifecycle::new(mode, joined);
        let mut container = FakeContainer { driven, open: Some(Open::Question), forgotten: false, finished: false, run: 0, asked: 1 };
        let times = |turn: &Turn| if matches!(turn, Turn::Stubborn(_)) { 16 } else { 1 };
        for turn in turns.into_iter().flat_map(|turn| std::iter::repeat_n(turn, times(&turn))) {
            let acts = container.turn(turn);
            container.check(&acts)?;
            if container.forgotten {
                prop_assert!(container.driven.is_done() && container.open.is_none_or(|open| open == Open::Wait));
                break;
            }
            let resting = matches!(container.driven.state, State::Idle { restarting: false } | State::Done);
            prop_assert_eq!(container.open.is_none(), resting, "{:?}", container.driven);
            let idle = matches!(container.driven.state, State::Idle { .. });
            prop_assert!(!(container.finished && idle), "it has an end");
        }
    }
}
