//! Embeds the engine: follows containers through the library and prints their lines.
//!
//!     cargo run --example follow -- NAME...
//!
//! It follows the containers with these names, or without a name one of the embedded demo daemon. Ctrl-C ends it.
//! Lines go to stdout, gaps and errors to stderr.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cmon::demo;
use cmon::docker::endpoint::{Address, Endpoint, Origin};
use cmon::docker::{Docker, RequestOptions};
use cmon::engine::event::{About, Event, Notice};
use cmon::engine::registry::Registry;
use cmon::engine::selection::Selection;
use cmon::engine::{Config, Engine};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    // The demo daemon ends when this is dropped, so it lives as long as `main`.
    let mut demo = None;
    let address = if names.is_empty() {
        names.push("web".to_owned());
        Address::Unix(demo.insert(demo::start()?).socket().to_owned())
    } else {
        Address::Unix(PathBuf::from("/var/run/docker.sock"))
    };

    // One registry counts the tasks of the engine and those of its source.
    let registry = Registry::default();
    let docker = Docker::new(Endpoint::new(address, Origin::Host), RequestOptions::default());
    // Streams are closed and opened again every five minutes by default. No line is lost in between.
    let config = Config { stream_timeout: Duration::from_secs(60), ..Config::default() };
    let engine = Engine::new(Arc::new(docker), registry, config);

    // The channel is bounded: a reader that is slow slows the streams down, and memory stays the same.
    let (events, received) = mpsc::channel(32);
    let stop = CancellationToken::new();
    let selection = Selection::named(&names);
    let running =
        async { tokio::join!(engine.run(&selection, events, stop.clone()), print(received)) };
    tokio::pin!(running);
    // On Ctrl-C the engine closes its streams and then ends; all is ended too when every container is gone.
    let (outcome, printed) = tokio::select! {
        ended = &mut running => ended,
        signal = tokio::signal::ctrl_c() => {
            signal?;
            stop.cancel();
            running.await
        }
    };
    printed?;
    let census = outcome?.census;
    writeln!(
        io::stderr(),
        "{} lines; streams opened {} = closed {} + open {}",
        census.lines,
        census.streams_opened,
        census.streams_closed,
        census.streams_open
    )?;
    Ok(())
}

/// Prints what the engine sends until it ends, or until stdout is closed.
async fn print(mut events: mpsc::Receiver<Event>) -> io::Result<()> {
    while let Some(event) = events.recv().await {
        match event {
            // One batch holds the lines of one read of one container, in the daemon's order.
            Event::Lines(lines) => {
                let mut out = io::stdout().lock();
                for (line, text) in lines.iter() {
                    write!(out, "{} {:?} ", lines.label.name, line.stream)?;
                    out.write_all(text)?;
                    out.write_all(b"\n")?;
                }
            }
            // Lines are missing here, and the engine knows it.
            Event::Gap(gap) => {
                writeln!(io::stderr(), "{}: gap: {}", gap.label.name, gap.cause.as_str())?;
            }
            Event::Note(note) => match (&note.about, &note.what) {
                (About::Container(label), Notice::Exited(_)) => {
                    writeln!(io::stderr(), "{}: exited", label.name)?;
                }
                (_, Notice::DaemonAway { error, retry }) => {
                    writeln!(io::stderr(), "{error}; next try in {retry:.1?}")?;
                }
                _ => {}
            },
            // Only a run that goes on where an earlier one ended needs to know.
            Event::Identity(..) | Event::Begins(..) | Event::Reading(_) | Event::CaughtUp(_) => {}
        }
    }
    Ok(())
}
