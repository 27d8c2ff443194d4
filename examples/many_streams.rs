//! A daemon with many containers that talk a little: what one more stream costs.
//!
//!     many_streams SOCKET CONTAINERS RATE
//!
//! Its containers write RATE lines a second together, in turn, in the form that `paced_lines read` takes. It says on
//! stderr how long the first client took to open a stream for each container. It runs until it is ended.
//! `scripts/bench.sh` compares what cmon needs for 100 and for 1,000 streams at the same rate.

use std::env;
use std::io::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cmon::demo::{FakeDaemon, serve};
use cmon::engine::source::StdStream;
use tokio::net::UnixListener;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often lines are written. A follower that is woken for each line of its own sees them as single lines.
const TICK: Duration = Duration::from_millis(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let [socket, containers, rate] = &args[..] else {
        return Err(io::Error::other("usage: many_streams SOCKET CONTAINERS RATE"));
    };
    let containers: usize = containers.parse().map_err(io::Error::other)?;
    let rate: usize = rate.parse().map_err(io::Error::other)?;
    let daemon = FakeDaemon::now();
    let names: Vec<String> = (0..containers).map(|number| format!("talk-{number:04}")).collect();
    for name in &names {
        daemon.create(name);
        daemon.start(name);
    }
    let listener = UnixListener::bind(socket)?;
    tokio::select! {
        () = serve(daemon.clone(), listener) => Ok(()),
        ended = write(&daemon, &names, rate) => ended,
    }
}

/// Writes lines from the first request on.
async fn write(daemon: &FakeDaemon, names: &[String], rate: usize) -> io::Result<()> {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while daemon.connections() == 0 {
        ticks.tick().await;
    }
    let begun = Instant::now();
    let mut turns = names.iter().cycle();
    let mut opened = false;
    let mut written = 0;
    loop {
        ticks.tick().await;
        if !opened && names.iter().all(|name| daemon.followers(name) != 0) {
            opened = true;
            let took = begun.elapsed().as_secs_f64();
            writeln!(io::stderr(), "{} streams opened in {took:.2} s", names.len())?;
        }
        let due = begun.elapsed().as_micros() * rate as u128 / 1_000_000;
        while written < due
            && let Some(name) = turns.next()
        {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            daemon.write(name, StdStream::Stdout, format!("{:075}\n", now.as_nanos()));
            written += 1;
        }
    }
}
