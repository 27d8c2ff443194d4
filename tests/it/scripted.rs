//! The engine over the real connection layer against the embedded daemon, on a paused clock: faults at
//! any byte, and a day of them.

use std::time::Duration;

use super::support::scripted::{SECOND, config, exact, run, run_with, say};
use cmon::demo::{FakeDaemon, Fault, Route};
use cmon::engine::Config;
use cmon::engine::event::Notice;
use cmon::engine::source::StdStream::Stdout;
use tokio::time::sleep;

#[tokio::test(start_paused = true)]
async fn a_connection_may_be_cut_at_any_byte() {
    // The head is some 200 bytes, a short message some 60, a piece of a long line 16 KiB.
    let cuts = (0..500).step_by(7).chain((500..90_000).step_by(1499));
    let cuts: Vec<usize> = cuts.collect();
    let count = cuts.len();
    let script = async |fake: &FakeDaemon| {
        for (number, bytes) in cuts.into_iter().enumerate() {
            fake.fail(Route::Logs, 1, Fault::CutAfter(bytes));
            say(fake, number);
            sleep(Duration::from_millis(400)).await;
        }
        // Each cut without progress costs a wait of up to 30 s.
        sleep(7200 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(SECOND), script).await;
    exact(&outcome, &seen, &fake);
    assert!(count as u64 / 2 < outcome.census.reconnects, "{}", outcome.census.reconnects);
}

#[tokio::test(start_paused = true)]
async fn garbage_is_an_error_and_nothing_is_lost() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".as_slice();
    let chunk =
        |bytes: &[u8]| [head, format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let garbage = [
        chunk(&[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, b'4', b'G']),
        chunk(&[7, 0, 0, 0, 0, 0, 0, 5, b'h', b'e', b'l', b'l', b'o']),
        chunk(&[1, 0, 0, 0, 0, 0, 0, 5, b'h', b'e', b'l', b'l', b'o']),
        chunk(b"\x03\0\0\0\0\0\0\x24Error grabbing logs: invalid record\n"),
        [head, b"fffffffffffffffffff\r\n"].concat(),
        [head, b"5\r\nabcdefg\r\n"].concat(),
        [b"HTTP/1.1 200 OK\r\nX: ".as_slice(), "x".repeat(200_000).as_bytes()].concat(),
        b"SSH-2.0-OpenSSH_9\r\n".to_vec(),
        Vec::new(),
    ];
    let script = async |fake: &FakeDaemon| {
        for (number, bytes) in garbage.into_iter().enumerate() {
            fake.fail(Route::Logs, 1, Fault::RawBytes(bytes));
            say(fake, number);
            sleep(10 * SECOND).await;
        }
        sleep(60 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(SECOND), script).await;
    exact(&outcome, &seen, &fake);
    assert!(seen.notes.iter().any(|note| {
        matches!(note, Notice::StreamBroke { error, .. } if error.message.contains("Error grabbing logs"))
    }));
}

#[tokio::test(start_paused = true)]
async fn repeated_ends_of_a_stream_back_off_and_are_reported() {
    let script = async |fake: &FakeDaemon| {
        for number in 0..20 {
            say(fake, number);
        }
        fake.fail(Route::Logs, 12, Fault::EndAfter(0));
        sleep(600 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(300 * SECOND), script).await;
    exact(&outcome, &seen, &fake);
    let told = seen.notes.iter().filter(|note| matches!(note, Notice::EndsEarly { .. })).count();
    assert!((1..=12).contains(&told), "{told}");
    assert!(fake.requests().len() < 80, "no busy loop: {} in ten minutes", fake.requests().len());
}

#[tokio::test(start_paused = true)]
async fn repeated_lines_of_an_old_daemon_are_shown_once() {
    let script = async |fake: &FakeDaemon| {
        fake.set_version("20.10.24");
        for number in 0..300 {
            if number % 10 == 0 {
                fake.double_next("web");
            }
            fake.write("web", Stdout, "the same line\n");
            sleep(Duration::from_millis(50)).await;
        }
        sleep(5 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(SECOND), script).await;
    exact(&outcome, &seen, &fake);
    assert!(10 < outcome.census.doubles, "{}", outcome.census.doubles);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_goes_back_an_hour_changes_nothing() {
    let hour = 3_600_000_000_000;
    let script = async |fake: &FakeDaemon| {
        let begun = fake.messages("web").len();
        assert_eq!(begun, 0);
        for number in 0..200_i64 {
            let back = if 100 <= number { hour } else { 0 };
            let time = 1_767_225_600_000_000_000 + number * 50_000_000 - back;
            let time = cmon::engine::timestamp::Timestamp::from_nanos(time);
            fake.write_at("web", Stdout, time, format!("line {number}\n").as_bytes());
            sleep(Duration::from_millis(50)).await;
        }
        sleep(5 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(SECOND), script).await;
    exact(&outcome, &seen, &fake);
}

/// A small random generator, so that the day is the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        // Knuth's constants for a linear congruential generator (MMIX).
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// Injects a fault.
async fn mishap(fake: &FakeDaemon, dice: &mut Dice) {
    let bytes = usize::try_from(dice.below(2_000)).unwrap();
    let fault = match dice.below(12) {
        0..=2 => Fault::CutAfter(bytes),
        3 => Fault::SilentAfter(bytes.max(300)),
        4 => Fault::Refuse,
        5 => Fault::Never,
        6 => Fault::HeadersLate(4 * SECOND),
        7 => Fault::Status(500, "something is wrong".to_owned()),
        8 => return fake.cut_all(),
        9 => {
            fake.crash("web", 1);
            sleep(SECOND * u32::try_from(dice.below(20)).unwrap()).await;
            return fake.start("web");
        }
        10 => {
            fake.drop_event();
            fake.exit("web", 0);
            sleep(SECOND).await;
            return fake.start("web");
        }
        _ => {
            fake.fail(Route::Events, 2, Fault::Refuse);
            fake.fail(Route::Inspect, 1, Fault::Never);
            return fake.cut_all();
        }
    };
    fake.fail(Route::Logs, 1, fault);
}

#[tokio::test(start_paused = true)]
async fn a_day_of_rotations_and_mishaps() {
    let script = async |fake: &FakeDaemon| {
        let mut dice = Dice(42);
        for number in 0..5_000 {
            say(fake, number * 2 + 1);
            if dice.below(10) == 0 {
                mishap(fake, &mut dice).await;
            }
            sleep(Duration::from_millis(500 + dice.below(32_000))).await;
        }
        fake.heal();
        sleep(600 * SECOND).await;
    };
    let (outcome, seen, fake) = run(config(300 * SECOND), script).await;
    exact(&outcome, &seen, &fake);
    let census = &outcome.census;
    assert!(Duration::from_secs(80_000) < census.elapsed, "{:?}", census.elapsed);
    assert!(100 < census.rotations && 100 < census.reconnects, "{census:?}");
    let per_minute = fake.requests().len() as f64 * 60.0 / census.elapsed.as_secs_f64();
    assert!(per_minute < 8.0, "{per_minute} requests a minute");
}

#[tokio::test(start_paused = true)]
async fn stop_during_each_fault_ends_in_time_and_leaves_nothing() {
    let faults = [
        Fault::Refuse,
        Fault::Never,
        Fault::Status(500, "no".to_owned()),
        Fault::HeadersLate(8 * SECOND),
        Fault::RawBytes(b"garbage".to_vec()),
        Fault::CutAfter(400),
        Fault::SilentAfter(400),
        Fault::EndAfter(1),
        Fault::Slow(SECOND),
    ];
    let routes = [Route::Logs, Route::Inspect, Route::List, Route::Events, Route::Version];
    for fault in faults {
        for route in routes {
            let script = async |fake: &FakeDaemon| {
                (0..40).for_each(|number| say(fake, number));
                sleep(SECOND).await;
                fake.fail_always(route, fault.clone());
                fake.cut_all();
                say(fake, 40);
                sleep(20 * SECOND).await;
                say(fake, 41);
                sleep(Duration::from_millis(70)).await;
            };
            let (outcome, seen, fake) = run(config(SECOND), script).await;
            let took = outcome.census.elapsed;
            assert!(took < 28 * SECOND, "{route:?} {fault:?}: {took:?}");
            let census = &outcome.census;
            let left = (census.live_tasks(), census.open_connections(), census.streams_open);
            assert_eq!(left, (0, 0, 0), "{route:?} {fault:?}");
            assert_eq!(fake.followers("web"), 0, "{route:?} {fault:?}");
            assert!(census.stragglers.is_empty(), "{route:?} {fault:?}");
            // A stored log that ends after one message cannot be distinguished from a short one.
            assert!(seen.gaps == 0 || matches!(fault, Fault::EndAfter(_)), "{route:?} {fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_never_answers_does_not_accumulate_connections() {
    for fault in [Fault::Never, Fault::HeadersLate(15 * SECOND), Fault::SilentAfter(100)] {
        let script = async |fake: &FakeDaemon| {
            say(fake, 1);
            sleep(3 * SECOND).await;
            let routes = [Route::Logs, Route::Inspect, Route::List, Route::Events, Route::Version];
            for route in routes {
                fake.fail_always(route, fault.clone());
            }
            fake.cut_all();
            let before = fake.requests().len();
            for number in 2..40 {
                say(fake, number);
                sleep(15 * SECOND).await;
                assert!(fake.connections() <= 4, "{} connections", fake.connections());
            }
            let asked = fake.requests().len() - before;
            assert!(asked < 120, "{asked} requests in ten minutes");
            fake.heal();
            sleep(120 * SECOND).await;
        };
        let (outcome, seen, fake) = run(config(SECOND), script).await;
        exact(&outcome, &seen, &fake);
        // A daemon that answers after 15 s is slow and not away: a request may take 30 s.
        let slow = matches!(fault, Fault::HeadersLate(_));
        let back = seen.notes.iter().any(|note| matches!(note, Notice::DaemonBack));
        assert_eq!(back, !slow, "{fault:?}: {:?}", seen.notes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_is_found_by_one_probe() {
    let script = async |fake: &FakeDaemon| {
        // The head and the first lines come, then silence.
        fake.fail(Route::Logs, 1, Fault::SilentAfter(600));
        for number in 1..=40 {
            fake.write("web", Stdout, format!("line {number}\n"));
            sleep(SECOND).await;
        }
    };
    let (outcome, seen, fake) = run(config(3600 * SECOND), script).await;
    exact(&outcome, &seen, &fake);
    let census = &outcome.census;
    assert_eq!((census.stale, census.probes), (1, 1), "{census:?}");
    assert_eq!(census.reopens["stale"], 1);
}

#[tokio::test(start_paused = true)]
async fn containers_are_found_although_their_events_are_lost() {
    let script = async |fake: &FakeDaemon| {
        // Three hundred starts at once: more than the daemon holds for a subscriber.
        for number in 0..300 {
            let name = format!("c{number}");
            fake.create(&name);
            fake.start(&name);
            fake.write(&name, Stdout, "hello\n");
        }
        sleep(90 * SECOND).await;
        // A subscription that breaks while something starts.
        fake.fail(Route::Events, 3, Fault::Refuse);
        fake.cut_all();
        fake.create("missed");
        fake.start("missed");
        fake.write("missed", Stdout, "hello\n");
        sleep(60 * SECOND).await;
        // A lost event.
        fake.create("lost");
        fake.drop_event();
        fake.start("lost");
        fake.write("lost", Stdout, "hello\n");
        sleep(90 * SECOND).await;
    };
    let (outcome, seen, _) = run(config(3600 * SECOND), script).await;
    assert_eq!(seen.text[0].len(), 302 * "hello\n".len());
    assert_eq!((outcome.census.containers, outcome.census.gaps), (303, 0));
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_gone_before_it_was_read_is_a_gap() {
    let script = async |fake: &FakeDaemon| {
        sleep(SECOND).await;
        fake.fail(Route::Inspect, 1, Fault::HeadersLate(SECOND));
        fake.create("quick");
        fake.start("quick");
        fake.write("quick", Stdout, "hello\n");
        sleep(SECOND / 2).await;
        fake.exit("quick", 0);
        fake.remove("quick");
        sleep(10 * SECOND).await;
    };
    let (outcome, seen, _) = run(config(3600 * SECOND), script).await;
    assert_eq!((seen.gaps, outcome.census.gaps_by_cause["removed"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn cmon_may_start_before_the_daemon_answers() {
    let script = async |fake: &FakeDaemon| {
        say(fake, 1);
        sleep(40 * SECOND).await;
        fake.heal();
        sleep(60 * SECOND).await;
        say(fake, 2);
        sleep(2 * SECOND).await;
    };
    let config = Config { wait: true, ..config(3600 * SECOND) };
    let (outcome, seen, fake) = run_with(config, script, |fake| {
        fake.fail_always(Route::Events, Fault::Refuse);
        fake.fail_always(Route::List, Fault::Refuse);
    })
    .await;
    exact(&outcome, &seen, &fake);
    let kinds: Vec<_> = seen.notes.iter().map(std::mem::discriminant).collect();
    let error = cmon::engine::source::SourceError::new(cmon::engine::source::ErrorKind::Cut, "");
    let away = Notice::DaemonAway { error, retry: SECOND };
    let expected = [away, Notice::DaemonBack].map(|note| std::mem::discriminant(&note));
    assert_eq!(kinds, expected);
}
