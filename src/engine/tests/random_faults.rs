//! The promises of the engine under random writes and faults.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::sleep;

use super::fake_source::{Fake, Fault};
use super::support::{SECOND, config, nothing_is_left, run, texts};
use crate::engine::source::StdStream::{Stderr, Stdout};
use crate::engine::{Config, Observer};

/// A step of a random script.
#[derive(Clone, Debug)]
enum Step {
    /// This number of lines at once on one output, in one tick of the clock or in several. The text is one
    /// of two.
    Burst { stderr: bool, lines: u8, same_tick: bool, text: bool },
    /// Nothing for this number of hundredths of a second.
    Quiet(u8),
    /// A piece of a line that goes on.
    Piece { stderr: bool },
    /// The run ends and the next begins.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (any::<bool>(), 1u8..90, prop::bool::weighted(0.2), any::<bool>())
            .prop_map(|(stderr, lines, same_tick, text)| Step::Burst { stderr, lines, same_tick, text }),
        4 => (0u8..250).prop_map(Step::Quiet),
        1 => any::<bool>().prop_map(|stderr| Step::Piece { stderr }),
        1 => Just(Step::Restart),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        3 => (0usize..200).prop_map(Fault::CutAfter),
        2 => (0usize..200).prop_map(Fault::EndAfter),
        1 => (0usize..200).prop_map(Fault::SilentAfter),
        1 => (0usize..200).prop_map(Fault::PanicAfter),
        1 => Just(Fault::NoOpen),
    ]
}

async fn play(fake: &Fake, steps: &[Step]) {
    let mut clock = 0;
    let mut open = [false; 2];
    for step in steps {
        match *step {
            Step::Burst { stderr, lines, same_tick, text } => {
                let stream = if stderr { Stderr } else { Stdout };
                clock += 1;
                for _ in 0..lines {
                    clock += i64::from(!same_tick);
                    let text = if text { "same\n".to_owned() } else { format!("{clock}\n") };
                    fake.write(stream, clock, &text);
                }
                open[usize::from(stderr)] = false;
            }
            Step::Quiet(hundredths) => {
                sleep(Duration::from_millis(10 * u64::from(hundredths))).await;
            }
            Step::Piece { stderr } => {
                clock += 1;
                fake.write(if stderr { Stderr } else { Stdout }, clock, "piece");
                open[usize::from(stderr)] = true;
            }
            Step::Restart => {
                fake.exit();
                sleep(SECOND / 4).await;
                fake.start();
                open = [false; 2];
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// With any writes and any faults, the bytes of each output arrive once and in order.
    #[test]
    fn every_byte_arrives_once_and_in_order(
        steps in prop::collection::vec(step(), 1..25),
        faults in prop::collection::vec(fault(), 0..12),
        seed: u64,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let fake = Fake::failing(faults.clone());
        let config = Config { seed: Some(seed), ..config() };
        let script = async |fake: &Fake, _: &Observer<Fake>| play(fake, &steps).await;
        // Long enough for every fault to be met and backed off from.
        let patience = 120 * SECOND;
        let (outcome, seen) = runtime.block_on(run(&fake, config, patience, script));
        let log = fake.log();
        for stream in [Stdout, Stderr] {
            prop_assert_eq!(seen.of(stream).concat(), texts(&log, stream).concat());
        }
        prop_assert!(seen.gaps.is_empty());
        prop_assert_eq!(fake.most_follows().min(2), fake.most_follows().min(1));
        nothing_is_left(&fake, &outcome.census);
    }
}
