//! The engine behind proxies and with daemons that differ from dockerd: simulated by the embedded daemon, on a paused
//! clock.

use std::time::Duration;

use super::support::scripted::{SECOND, Seen, config, exact, run_asking, run_with, say};
use cmon::demo::{FakeDaemon, Fault, Reframe, Route};
use cmon::docker::RequestOptions;
use cmon::engine::event::{Awaited, Notice};
use cmon::engine::source::StdStream::Stdout;
use cmon::engine::source::{ErrorKind, OutputKind, ReadMode};
use cmon::engine::{Config, Outcome};
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);

/// Lines in bursts, long ones among them, and two restarts; the last run ends without a newline.
async fn talk(fake: &FakeDaemon) {
    for number in 0..36 {
        match number {
            12 | 24 => {
                fake.write("web", Stdout, "/ # ");
                fake.crash("web", 1);
                sleep(SECOND).await;
                fake.start("web");
            }
            _ => say(fake, number),
        }
        sleep(Duration::from_millis(300)).await;
    }
    fake.write("web", Stdout, "no end");
    fake.exit("web", 0);
    sleep(20 * SECOND).await;
}

#[tokio::test(start_paused = true)]
async fn lines_do_not_depend_on_the_framing() {
    let framings = [
        Reframe::Chunks(1),
        Reframe::Chunks(7),
        Reframe::Chunks(4096),
        Reframe::Chunks(100_000),
        Reframe::UntilClose,
    ];
    for tty in [false, true] {
        for reframe in framings {
            let before = |fake: &FakeDaemon| {
                fake.remove("web");
                fake.create_with("web", OutputKind::of(tty), "json-file");
                fake.start("web");
                (0..30).for_each(|number| say(fake, number));
                fake.write("web", Stdout, "runs stop anywhere");
                fake.exit("web", 0);
                fake.start("web");
                for route in [Route::Logs, Route::List, Route::Inspect, Route::Events] {
                    fake.fail_always(route, Fault::Reframe(reframe));
                }
            };
            let (outcome, seen, fake) = run_with(config(SECOND), talk, before).await;
            assert_eq!(seen.gaps, 0, "{reframe:?}, terminal: {tty}");
            match tty {
                false => exact(&outcome, &seen, &fake),
                true => {
                    let written = text_of(&fake);
                    assert!(written == seen.text[0], "{reframe:?}: a terminal's bytes differ");
                }
            }
        }
    }
}

/// All written bytes, of either output: a terminal has one.
fn text_of(fake: &FakeDaemon) -> Vec<u8> {
    fake.messages("web").into_iter().flat_map(|message| message.payload).collect()
}

#[tokio::test(start_paused = true)]
async fn bodies_with_a_length_are_read_without_a_follow() {
    for tty in [false, true] {
        let before = |fake: &FakeDaemon| {
            fake.remove("web");
            fake.create_with("web", OutputKind::of(tty), "json-file");
            fake.start("web");
            (0..40).for_each(|number| say(fake, number));
            fake.exit("web", 0);
            for route in [Route::Logs, Route::List, Route::Inspect] {
                fake.fail_always(route, Fault::Reframe(Reframe::Length));
            }
        };
        let config = Config { mode: ReadMode::Once, ..config(HOUR) };
        let (outcome, seen, fake) = run_with(config, async |_| sleep(HOUR).await, before).await;
        assert!(outcome.failures.is_empty(), "{:?}", outcome.failures);
        match tty {
            false => exact(&outcome, &seen, &fake),
            true => assert!(text_of(&fake) == seen.text[0]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_terminal_line_is_not_shown_in_part() {
    let before = |fake: &FakeDaemon| {
        fake.remove("web");
        fake.create_with("web", OutputKind::Terminal, "json-file");
        fake.start("web");
        fake.fail_always(Route::Logs, Fault::Reframe(Reframe::UntilClose));
    };
    let script = async |fake: &FakeDaemon| {
        for number in 0..50 {
            fake.write("web", Stdout, format!("first half of {number}, "));
            sleep(SECOND).await;
            fake.cut_all();
            sleep(SECOND).await;
            fake.write("web", Stdout, format!("whole line {number}\n"));
            sleep(40 * SECOND).await;
        }
    };
    let (_, seen, fake) = run_with(config(HOUR), script, before).await;
    assert_eq!(seen.gaps, 0);
    let (found, written) = (&seen.text[0], text_of(&fake));
    let parted = written.iter().zip(found).position(|(written, found)| written != found);
    assert!(written == *found, "{} of {} bytes, parted at {parted:?}", found.len(), written.len());
}

/// Follows one container for a while, which writes now and then and restarts once.
async fn follow(fake: &FakeDaemon) {
    for number in 0..30 {
        say(fake, number);
        sleep(2 * SECOND).await;
        if number == 15 {
            fake.exit("web", 0);
            sleep(SECOND).await;
            fake.start("web");
        }
    }
    sleep(40 * SECOND).await;
}

fn notices(seen: &Seen) -> Vec<&Notice> {
    let of_the_run = |notice: &&Notice| !matches!(notice, Notice::Started | Notice::Exited(_));
    seen.notes.iter().filter(of_the_run).collect()
}

/// Follows behind a proxy that answers each of these routes with this status.
async fn refused(routes: &[Route], status: u16) -> (Outcome, Seen, FakeDaemon) {
    let before = |fake: &FakeDaemon| {
        for route in routes {
            fake.fail_always(*route, Fault::Status(status, "blocked".to_owned()));
        }
    };
    run_with(config(10 * SECOND), follow, before).await
}

#[tokio::test(start_paused = true)]
async fn a_proxy_may_refuse_optional_requests() {
    for status in [401, 403, 404, 405, 501] {
        let routes = [Route::Ping, Route::Version, Route::Info];
        let (outcome, seen, fake) = refused(&routes, status).await;
        exact(&outcome, &seen, &fake);
        assert_eq!(notices(&seen).len(), 0, "{status}: {:?}", seen.notes);
        let asked = fake.requests();
        let needless =
            asked.iter().any(|one| ["/version", "/info", "/_ping"].contains(&one.as_str()));
        assert!(!needless, "{asked:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_events_the_list_is_used_and_that_is_reported_once() {
    for status in [401, 403, 404, 405, 501] {
        let (outcome, seen, fake) = refused(&[Route::Events], status).await;
        exact(&outcome, &seen, &fake);
        let [Notice::NoEvents { error }] = notices(&seen)[..] else {
            panic!("{status}: {:?}", seen.notes);
        };
        assert_eq!(error.kind, ErrorKind::Forbidden);
        let named = format!("GET /events: refused with status {status}: blocked");
        assert_eq!(error.message, named);
    }
}

#[tokio::test(start_paused = true)]
async fn without_events_new_and_short_lived_containers_join() {
    let script = async |fake: &FakeDaemon| {
        sleep(20 * SECOND).await;
        fake.create("late");
        fake.start("late");
        fake.write("late", Stdout, "late\n");
        fake.create("made");
        sleep(7 * SECOND).await;
        fake.start("made");
        fake.write("made", Stdout, "made\n");
        fake.exit("made", 0);
        fake.create("quick");
        fake.start("quick");
        fake.write("quick", Stdout, "quick\n");
        fake.exit("quick", 0);
        sleep(20 * SECOND).await;
    };
    for fault in [Fault::Status(403, "no".to_owned()), Fault::HeadHeld, Fault::Never] {
        // Events are lost as well, if there are any.
        let before = |fake: &FakeDaemon| {
            fake.fail_always(Route::Events, fault.clone());
            (0..9).for_each(|_| fake.drop_event());
        };
        let (outcome, seen, _) = run_with(config(HOUR), script, before).await;
        let mut lines: Vec<&[u8]> = seen.text[0].split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        let expected = [b"late\n".as_slice(), b"made\n", b"quick\n"];
        assert_eq!(lines, expected, "{fault:?}");
        assert_eq!(outcome.census.gaps, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_log_names_the_request_and_the_status() {
    for (route, path) in [(Route::Logs, "logs"), (Route::Inspect, "json")] {
        let (_, seen, _) = refused(&[route], 403).await;
        let broke = seen.notes.iter().find_map(|note| match note {
            Notice::StreamBroke { error, .. } => Some(error),
            _ => None,
        });
        let error = broke.expect("the failure is reported");
        assert_eq!(error.kind, ErrorKind::Forbidden);
        let message = &error.message;
        assert!(message.starts_with("GET /containers/"), "{message}");
        assert!(
            message.contains(&format!("/{path} at `unix:///"))
                && message.ends_with("): refused with status 403: blocked"),
            "{message}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_request_has_the_origin_form_and_the_configured_version() {
    for version in [None, Some("1.41")] {
        let api_version = version.map(|text| text.parse().unwrap());
        let options = RequestOptions { api_version, ..RequestOptions::default() };
        let (outcome, seen, fake) = run_asking(options, config(10 * SECOND), follow, |_| {}).await;
        exact(&outcome, &seen, &fake);
        let prefix = version.map(|text| format!("/v{text}")).unwrap_or_default();
        let requests = fake.requests();
        for part in ["/containers/json?", "/events?", "/logs?", "/json"] {
            assert!(requests.iter().any(|target| target.contains(part)), "{part}: {requests:?}");
        }
        // All events that change the followed containers, including those that make a container match.
        let subscribed: Vec<&String> =
            requests.iter().filter(|target| target.contains("/events?")).collect();
        for word in ["start", "die", "oom", "pause", "unpause", "destroy", "rename"] {
            let quoted = format!("%22{word}%22");
            assert!(
                subscribed.iter().all(|target| target.contains(&quoted)),
                "{word}: {requests:?}"
            );
        }
        for target in requests {
            let rest = target.strip_prefix(&prefix).unwrap_or_else(|| panic!("{target}"));
            assert!(rest.starts_with("/containers/") || rest.starts_with("/events?"), "{target}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn events_cut_by_an_idle_timeout_are_resubscribed_silently() {
    let script = async |fake: &FakeDaemon| {
        for number in 0..60 {
            say(fake, number);
            sleep(11 * SECOND).await;
            let name = format!("c{number}");
            fake.create(&name);
            fake.start(&name);
            fake.write(&name, Stdout, "hello\n");
        }
        sleep(20 * SECOND).await;
    };
    let before = |fake: &FakeDaemon| {
        fake.fail_always(Route::Events, Fault::CutWhenSilent(4 * SECOND));
    };
    let (outcome, seen, fake) = run_with(config(HOUR), script, before).await;
    assert_eq!(notices(&seen).len(), 0, "{:?}", notices(&seen));
    assert_eq!((outcome.census.containers, outcome.census.gaps), (61, 0));
    let hellos = seen.text[0].windows(6).filter(|text| *text == b"hello\n").count();
    assert_eq!(hellos, 60);
    let subscribed = fake.requests().iter().filter(|one| one.contains("/events")).count();
    assert!((60..250).contains(&subscribed), "{subscribed}");
}

#[tokio::test(start_paused = true)]
async fn an_absent_daemon_is_still_noticed() {
    let script = async |fake: &FakeDaemon| {
        say(fake, 1);
        sleep(SECOND).await;
        let routes = [Route::List, Route::Events, Route::Inspect, Route::Logs];
        for route in routes {
            fake.fail_always(route, Fault::Refuse);
        }
        fake.cut_all();
        sleep(60 * SECOND).await;
        fake.heal();
        sleep(60 * SECOND).await;
        say(fake, 2);
        sleep(5 * SECOND).await;
    };
    let (outcome, seen, fake) = run_with(config(HOUR), script, |_| {}).await;
    exact(&outcome, &seen, &fake);
    let away = seen.notes.iter().filter(|note| matches!(note, Notice::DaemonAway { .. })).count();
    let back = seen.notes.iter().filter(|note| matches!(note, Notice::DaemonBack)).count();
    assert_eq!((away, back), (1, 1), "{:?}", seen.notes);
}

#[tokio::test(start_paused = true)]
async fn the_head_of_the_events_may_come_with_the_first_event_or_never() {
    for fault in [Fault::HeadHeld, Fault::Never, Fault::HeadersLate(40 * SECOND)] {
        let before = |fake: &FakeDaemon| fake.fail_always(Route::Events, fault.clone());
        let script = async |fake: &FakeDaemon| {
            // The list is enough to begin: the events delay nothing.
            sleep(2 * SECOND).await;
            let reads = fake.requests().iter().any(|target| target.contains("/logs?"));
            assert!(reads, "{fault:?}: {:?}", fake.requests());
            follow(fake).await;
        };
        let (outcome, seen, fake) = run_with(config(10 * SECOND), script, before).await;
        exact(&outcome, &seen, &fake);
        assert_eq!(notices(&seen).len(), 0, "{fault:?}: {:?}", seen.notes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_container_s_log_may_be_answered_with_its_first_line() {
    let script = async |fake: &FakeDaemon| {
        sleep(90 * SECOND).await;
        follow(fake).await;
    };
    for tty in [false, true] {
        let before = |fake: &FakeDaemon| {
            fake.remove("web");
            fake.create_with("web", OutputKind::of(tty), "json-file");
            fake.start("web");
            fake.fail_always(Route::Logs, Fault::HeadHeld);
            fake.fail_always(Route::Events, Fault::HeadHeld);
        };
        let (outcome, seen, fake) = run_with(config(20 * SECOND), script, before).await;
        assert!(!seen.notes.iter().any(|note| matches!(note, Notice::StreamBroke { .. })));
        assert!(outcome.failures.is_empty());
        match tty {
            false => exact(&outcome, &seen, &fake),
            true => assert!(text_of(&fake) == seen.text[0]),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_list_is_reported_after_two_seconds() {
    for (late, waits) in [(1, false), (12, true), (25, true)] {
        let before = |fake: &FakeDaemon| {
            fake.fail_always(Route::List, Fault::HeadersLate(late * SECOND));
        };
        let (outcome, seen, fake) = run_with(config(HOUR), follow, before).await;
        exact(&outcome, &seen, &fake);
        let notes = notices(&seen);
        match notes[..] {
            [Notice::StillWaiting { what: Awaited::List }] if waits => {}
            [] if !waits => {}
            _ => panic!("{late} s: {notes:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_inspection_and_a_slow_log_are_reported_once() {
    for (route, awaited) in [(Route::Inspect, Awaited::Inspection), (Route::Logs, Awaited::Log)] {
        let before = |fake: &FakeDaemon| {
            for number in 0..20 {
                let name = format!("c{number}");
                fake.create(&name);
                fake.start(&name);
                fake.write(&name, Stdout, "hello\n");
            }
            fake.fail_always(route, Fault::HeadersLate(8 * SECOND));
        };
        let script = async |_: &FakeDaemon| sleep(50 * SECOND).await;
        let (outcome, seen, _) = run_with(config(HOUR), script, before).await;
        assert_eq!(seen.text[0].len(), 20 * "hello\n".len());
        assert_eq!(outcome.census.gaps, 0);
        let notes = notices(&seen);
        let [Notice::StillWaiting { what }] = notes[..] else { panic!("{notes:?}") };
        assert_eq!(*what, awaited);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_list_succeeds_with_a_longer_deadline() {
    let before = |fake: &FakeDaemon| {
        fake.fail_always(Route::List, Fault::HeadersLate(50 * SECOND));
    };
    let script = async |fake: &FakeDaemon| {
        sleep(200 * SECOND).await;
        say(fake, 1);
        sleep(SECOND).await;
    };
    let config = Config { wait: true, ..config(HOUR) };
    let (outcome, seen, fake) = run_with(config, script, before).await;
    exact(&outcome, &seen, &fake);
    let away = notices(&seen).iter().any(|note| match note {
        Notice::DaemonAway { error, .. } => {
            error.message.starts_with("GET /containers/json: no answer from")
                && error.message.ends_with("within 30s")
        }
        _ => false,
    });
    assert!(away, "{:?}", seen.notes);
}

#[tokio::test(start_paused = true)]
async fn containers_in_unknown_states_do_not_hide_others() {
    let rewrites = [
        ("\"State\":\"created\"", "\"State\":\"stopped\""),
        ("\"State\":\"created\"", "\"State\":null"),
        ("\"State\":\"created\"", "\"State\":{\"Health\":\"unknown\"}"),
        ("\"Ports\":[]", "\"Ports\":[{\"Type\":\"quic\",\"PrivatePort\":-1}]"),
        ("\"Mounts\":[]", "\"Mounts\":\"none\""),
        ("\"Labels\":{}", "\"Labels\":null"),
        ("\"Created\":", "\"Health\":{\"Status\":\"dizzy\"},\"SizeRw\":"),
    ];
    for (from, to) in rewrites {
        let before = |fake: &FakeDaemon| {
            fake.create("unknown");
            for route in [Route::List, Route::Inspect, Route::Events] {
                fake.fail_always(route, Fault::Rewrite(from, to));
            }
        };
        let (outcome, seen, _) = run_with(config(10 * SECOND), follow, before).await;
        assert_eq!(outcome.census.containers, 2, "{to}");
        assert!(seen.text[0].starts_with(b"line 1\n"), "{to}");
        assert_eq!(notices(&seen).len(), 0, "{to}: {:?}", seen.notes);
    }
}
