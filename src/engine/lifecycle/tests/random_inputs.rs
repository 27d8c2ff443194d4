//! The rules of the state machine under any sequence of inputs.

use std::time::Duration;

use proptest::prelude::*;

use super::support::{container, error};
use crate::engine::event::EndReason;
use crate::engine::lifecycle::*;
use crate::engine::source::{ErrorKind, Phase, ReadMode};

/// The inputs from outside, and the answers to the machine's acts.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Answer(u8),
    /// The stream repeatedly ends, broken or not, without a new frame, and the container runs.
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

/// The acts of the machine that wait for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Stream,
    Drain,
    Question,
    Wait,
}

/// The maximum of requests without a wait or news in between: inspect, drain, inspect the next run, follow.
/// The shortest wait is 50 ms, and waits grow to 30 s.
const MOST: u32 = 6;

/// Plays the outside: never answers a request that was not made.
struct FakeContainer {
    driven: Lifecycle,
    open: Option<Open>,
    forgotten: bool,
    /// The follow is over.
    finished: bool,
    run: u32,
    /// Requests since the last wait, or since an input that takes time or is news.
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
                // Nothing is pending.
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

    /// Records an act: never two requests at once.
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
            // An input may cut a wait short: the supervisor holds one wake and forgets it.
            let free = self.open.is_none() || self.open == Some(Open::Wait);
            prop_assert!(free, "{asked:?} while {:?} is open", self.open);
            self.open = Some(asked);
            self.asked += u32::from(asked != Open::Wait);
            prop_assert!(self.asked <= MOST, "{} asked without a wait or news", self.asked);
        }
        Ok(())
    }
}

proptest! {
    /// With any inputs, there is at most one stream, drain or request. A follower that is neither done nor idle
    /// always has a pending act. A forgotten one makes no request.
    #[test]
    fn the_lifecycle_never_stalls_and_has_one_request_at_a_time(
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
            let resting = matches!(container.driven.state, State::Idle(RunEnd::Exits) | State::Done);
            prop_assert_eq!(container.open.is_none(), resting, "{:?}", container.driven);
            let idle = matches!(container.driven.state, State::Idle(_));
            prop_assert!(!(container.finished && idle), "it has an end");
        }
    }
}
