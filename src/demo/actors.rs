//! The eight containers of `--demo`: what a small shop says in a day, in a minute.
//!
//! Within the first five seconds all of them have talked, one has crashed and come back, and a line
//! of 40 kB has passed. Later one falls silent for a while, and another is short of memory.

use std::time::Duration;

use tokio::time::sleep;

use super::world::World;
use crate::engine::source::StdStream::{self, Stderr, Stdout};

const PATHS: [&str; 6] =
    ["/", "/cart", "/checkout", "/api/items?page=2", "/static/app.css", "/login"];
const WHO: [&str; 5] = ["anna", "bruno", "chen", "dora", "emil"];

/// Makes the containers, with some history.
pub(super) fn enter(world: &World) {
    for name in ["web", "api", "db", "cache", "worker", "cron", "mail"] {
        world.create(name);
    }
    world.create_with("console", true, "json-file");
    for name in ["web", "api", "db", "cache", "worker", "cron", "mail", "console"] {
        world.start(name);
        let end = if name == "console" { "\r\n" } else { "\n" };
        world.write(name, Stdout, format!("{name} is starting{end}{name} is ready{end}"));
    }
}

/// Lets them talk, for ever.
pub(super) async fn play(world: &World) {
    tokio::join!(
        web(world),
        api(world),
        db(world),
        cache(world),
        worker(world),
        cron(world),
        mail(world),
        console(world),
    );
}

fn pick<T: Copy>(of: &[T]) -> T {
    of[fastrand::usize(..of.len())]
}

/// A pause around this many milliseconds.
async fn pause(millis: u64) {
    sleep(Duration::from_millis(fastrand::u64(millis / 2..millis * 3 / 2))).await;
}

fn say(world: &World, name: &str, stream: StdStream, text: &str) {
    world.write(name, stream, format!("{text}\n"));
}

async fn web(world: &World) {
    loop {
        let status = pick(&[200, 200, 200, 200, 304, 404, 500]);
        let (path, millis) = (pick(&PATHS), fastrand::u32(1..80));
        say(world, "web", Stdout, &format!("GET {path} {status} {millis}ms"));
        if status == 500 {
            say(world, "web", Stderr, "\x1b[31merror\x1b[0m upstream api: connection reset");
        }
        pause(90).await;
    }
}

async fn api(world: &World) {
    loop {
        let (who, items) = (pick(&WHO), fastrand::u32(1..9));
        let text =
            format!(r#"{{"level":"info","user":"{who}","items":{items},"msg":"order placed"}}"#);
        say(world, "api", Stdout, &text);
        if fastrand::u8(..10) == 0 {
            let text = r#"{"level":"warn","msg":"slow query","ms":812}"#;
            say(world, "api", Stderr, text);
        }
        pause(200).await;
    }
}

/// Dumps a statement of 40 kB after two seconds, and then every twenty.
async fn db(world: &World) {
    let mut queries = 0;
    sleep(Duration::from_secs(1)).await;
    loop {
        if queries % 40 == 2 {
            let ids: Vec<String> = (0..6_700).map(|id| (10_000 + id).to_string()).collect();
            say(world, "db", Stderr, &format!("slow: SELECT * WHERE id IN ({})", ids.join(",")));
        }
        queries += 1;
        say(
            world,
            "db",
            Stdout,
            &format!("checkpoint complete: wrote {} buffers", fastrand::u32(1..900)),
        );
        pause(500).await;
    }
}

/// Talks, then is silent for half a minute.
async fn cache(world: &World) {
    loop {
        for _ in 0..30 {
            say(world, "cache", Stdout, &format!("{} keys evicted", fastrand::u32(1..200)));
            pause(300).await;
        }
        sleep(Duration::from_secs(30)).await;
    }
}

/// Crashes after three seconds, and then about every fifteen; comes back after one.
async fn worker(world: &World) {
    let mut jobs = 8;
    loop {
        for _ in 0..jobs {
            say(world, "worker", Stdout, &format!("job {} done", fastrand::u32(1000..9999)));
            pause(350).await;
        }
        say(world, "worker", Stderr, "panic: index out of range [7] with length 7");
        world.crash("worker", 2);
        sleep(Duration::from_secs(1)).await;
        world.start("worker");
        say(world, "worker", Stdout, "worker is starting");
        jobs = 40;
    }
}

/// Runs, ends, and is started again.
async fn cron(world: &World) {
    loop {
        say(world, "cron", Stdout, "running: rotate-reports");
        pause(1500).await;
        say(world, "cron", Stdout, "finished: rotate-reports");
        world.exit("cron", 0);
        sleep(Duration::from_secs(8)).await;
        world.start("cron");
    }
}

/// Now and then it is short of memory.
async fn mail(world: &World) {
    loop {
        for _ in 0..60 {
            say(world, "mail", Stdout, &format!("sent order confirmation to {}", pick(&WHO)));
            pause(800).await;
        }
        world.kill_for_memory("mail");
        sleep(Duration::from_secs(3)).await;
        world.start("mail");
    }
}

/// Has a terminal: no frames, and lines end with CR LF.
async fn console(world: &World) {
    loop {
        let text = format!("\x1b[1m{}\x1b[0m@shop:~$ uptime\r\n", pick(&WHO));
        world.write("console", Stdout, text);
        pause(1200).await;
    }
}
