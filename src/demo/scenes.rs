//! The eight containers of `--demo`: a small shop with a history of three hours.
//!
//! Within the first five seconds all of them have written, and one has crashed and restarted. Later one is silent for a
//! while, another runs out of memory, and a line of 20 kB comes.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use super::fake_daemon::FakeDaemon;
use super::spec::Spec;
use super::voice::{self, Lines, Voice};
use crate::engine::timestamp::Timestamp;
use crate::sort::sort_by_key;

/// The age of the containers at the start of the daemon.
const HISTORY_LENGTH: Duration = Duration::from_secs(3 * 3600);

/// The containers, in the order of the fields of [`Cast`].
const NAMES: [&str; 8] = ["web", "api", "db", "cache", "worker", "cron", "mail", "console"];

/// The voices of the containers from now on.
#[derive(Debug)]
pub(super) struct Cast([Voice; NAMES.len()]);

fn spec(name: &str) -> Spec {
    let spec = match name {
        "web" => Spec::of("nginx:1.25", "nginx -g 'daemon off;'")
            .service("web", "api:service_started:false"),
        "api" => {
            Spec::of("shop/api:4.2", "python -m shop").service("api", "db:service_started:false")
        }
        "db" => Spec::of("postgres:16", "postgres").service("db", ""),
        "cache" => Spec::of("redis:7", "redis-server"),
        "worker" => Spec::of("shop/worker:4.2", "/worker"),
        "cron" => Spec::of("shop/cron:1.0", "/cron rotate"),
        "mail" => Spec::of("shop/mail:2.0", "java -jar mail.jar"),
        _ => Spec::of("debian:12", "bash").with_terminal(),
    };
    let tier = match name {
        "web" => "frontend",
        "db" | "cache" => "data",
        "console" => "tools",
        _ => "backend",
    };
    Spec { log_labels: &["tier"], ..spec.label("tier", tier) }
}

/// The name, image and labels of each container.
pub(super) fn containers() -> Vec<(&'static str, &'static str, BTreeMap<String, String>)> {
    let of = |name| {
        let Spec { image, labels, .. } = spec(name);
        (name, image, labels)
    };
    NAMES.map(of).into()
}

/// An event in a container's history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Start,
    Talk,
    Panic,
    Finish,
    KillForMemory,
}

/// Creates the containers with their history.
pub(super) fn enter(fake: &FakeDaemon) -> Cast {
    let mut cast = Cast(NAMES.map(Voice::new));
    let begin = fake.clock().saturating_nanos() - nanos(HISTORY_LENGTH);
    let at = |offset: Duration| Timestamp::from_nanos(begin + nanos(offset));
    fake.set_past(Some(at(Duration::ZERO)));
    NAMES.iter().for_each(|name| fake.create_of(name, spec(name)));
    let mut steps = Vec::new();
    for (number, voice) in cast.0.iter_mut().enumerate() {
        let container = history(voice, Duration::from_millis(400 * number as u64 + 300));
        steps.extend(container.into_iter().map(|(offset, step)| (offset, number, step)));
    }
    // Stable: events of one container at one moment keep their order.
    sort_by_key(&mut steps, |(offset, number, _)| (*offset, *number));
    for (offset, number, step) in steps {
        fake.set_past(Some(at(offset)));
        take(fake, &mut cast.0[number], step);
    }
    fake.set_past(None);
    cast
}

fn nanos(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// The history of a container since its start at `begin`, each event with its time.
fn history(voice: &mut Voice, begin: Duration) -> Vec<(Duration, Step)> {
    let (mean, runs) = match voice.name {
        "web" => (10_000, 0),
        "api" => (15_000, 0),
        "db" => (30_000, 0),
        "cache" => (40_000, 0),
        "worker" => (20_000, 110),
        "cron" => (20_000, 3),
        "mail" => (45_000, 150),
        _ => (120_000, 0),
    };
    let mut steps = vec![(begin, Step::Start)];
    let mut now = begin;
    let mut spoken = 0;
    loop {
        now += Duration::from_millis(voice.around(mean));
        // The last run begins before the live lines do.
        let pause = Duration::from_secs(if voice.name == "cron" { 840 } else { 2 });
        if HISTORY_LENGTH < now + Duration::from_secs(1) {
            return steps;
        }
        steps.push((now, Step::Talk));
        spoken += 1;
        if runs != 0 && spoken % runs == 0 {
            let end = match voice.name {
                "worker" => Step::Panic,
                "cron" => Step::Finish,
                _ => Step::KillForMemory,
            };
            now += Duration::from_millis(20);
            steps.push((now, end));
            now = (now + pause).min(HISTORY_LENGTH.saturating_sub(Duration::from_millis(600)));
            steps.push((now, Step::Start));
        }
        // A silence, visible as a gap in the timestamps.
        if voice.name == "cache" && spoken == 100 {
            now += Duration::from_secs(1200);
        }
    }
}

fn take(fake: &FakeDaemon, voice: &mut Voice, step: Step) {
    let name = voice.name;
    match step {
        Step::Start => {
            fake.start(name);
            write(fake, name, voice.greeting());
        }
        Step::Talk => {
            let lines = voice.next(fake.clock());
            write(fake, name, lines);
        }
        Step::Panic => {
            write(fake, name, voice::panic());
            fake.crash(name, 2);
        }
        Step::Finish => fake.exit(name, 0),
        Step::KillForMemory => fake.kill_for_memory(name),
    }
}

fn write(fake: &FakeDaemon, name: &str, lines: Lines) {
    let end = if name == "console" { "\r\n" } else { "\n" };
    for (stream, line) in lines {
        fake.write(name, stream, line + end);
    }
}

/// Makes them write, and never returns.
pub(super) async fn play(fake: &FakeDaemon, cast: &mut Cast) {
    let [web, api, db, cache, worker, cron, mail, console] = &mut cast.0;
    tokio::join!(
        steady(fake, web, 350),
        steady(fake, api, 600),
        steady(fake, db, 1500),
        run_cache(fake, cache),
        run_worker(fake, worker),
        run_cron(fake, cron),
        run_mail(fake, mail),
        steady(fake, console, 2500),
    );
}

/// A pause around this number of milliseconds.
async fn pause(voice: &mut Voice, millis: u64) {
    sleep(Duration::from_millis(voice.around(millis))).await;
}

/// Writes, and pauses.
async fn talk(fake: &FakeDaemon, voice: &mut Voice, millis: u64) {
    take(fake, voice, Step::Talk);
    pause(voice, millis).await;
}

async fn steady(fake: &FakeDaemon, voice: &mut Voice, millis: u64) {
    loop {
        talk(fake, voice, millis).await;
    }
}

/// Writes, then is silent for half a minute.
async fn run_cache(fake: &FakeDaemon, voice: &mut Voice) {
    loop {
        for _ in 0..30 {
            talk(fake, voice, 800).await;
        }
        sleep(Duration::from_secs(30)).await;
    }
}

/// Panics after three seconds, and then about every half minute; comes back after one second.
async fn run_worker(fake: &FakeDaemon, voice: &mut Voice) {
    let mut jobs = 4;
    loop {
        for _ in 0..jobs {
            talk(fake, voice, 600).await;
        }
        take(fake, voice, Step::Panic);
        sleep(Duration::from_secs(1)).await;
        take(fake, voice, Step::Start);
        jobs = 50;
    }
}

/// Runs, ends, and is started again.
async fn run_cron(fake: &FakeDaemon, voice: &mut Voice) {
    loop {
        talk(fake, voice, 1000).await;
        if !voice.is_between_jobs() {
            continue;
        }
        take(fake, voice, Step::Finish);
        sleep(Duration::from_secs(10)).await;
        take(fake, voice, Step::Start);
    }
}

/// Runs out of memory now and then.
async fn run_mail(fake: &FakeDaemon, voice: &mut Voice) {
    loop {
        for _ in 0..60 {
            talk(fake, voice, 1200).await;
        }
        take(fake, voice, Step::KillForMemory);
        sleep(Duration::from_secs(3)).await;
        take(fake, voice, Step::Start);
    }
}
