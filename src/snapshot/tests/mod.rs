//! The snapshots of a recorder over a running engine.

pub(crate) mod sample;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::demo::{FakeDaemon, serve};
use crate::docker::endpoint::{Address, Endpoint, Origin};
use crate::docker::{Docker, RequestOptions};
use crate::engine::registry::Registry;
use crate::engine::selection::Selection;
use crate::engine::{Config, Engine, Engines};
use crate::snapshot::{Recorder, Shared};

#[tokio::test(start_paused = true)]
async fn rows_are_sorted_by_name_and_cycles_are_summed_over_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    let fake = FakeDaemon::default();
    for name in ["web", "api", "db"] {
        fake.create(name);
        fake.start(name);
    }
    let listener = UnixListener::bind(&path).unwrap();
    let registry = Registry::default();
    let endpoint = Endpoint::new(Address::Unix(path), Origin::Demo);
    let docker = Arc::new(Docker::new(endpoint, RequestOptions::default()));
    let engine = Engine::new(docker, registry, Config { seed: Some(3), ..Config::default() });
    let engines = Engines::new(vec![engine]);
    let mut recorder = Recorder::new(engines.observers(), vec![Shared::new("here".to_owned())]);
    let (events, mut received) = mpsc::channel(8);
    let (selection, stop) = (Selection::all(), CancellationToken::new());
    let looking = async {
        // Just before the streams of five minutes are rotated for the third time.
        sleep(Duration::from_secs(3 * 300 - 100)).await;
        let snapshot = recorder.take();
        let names: Vec<&str> = snapshot.rows.iter().map(|row| &*row.name).collect();
        assert_eq!(names, ["api", "db", "web"]);
        let each: Vec<f64> = snapshot.rows.iter().map(|row| row.cycles_per_minute).collect();
        assert!(each.iter().all(|rate| (0.1..0.2).contains(rate)), "{each:?}");
        let all = snapshot.census.cycles_per_minute;
        assert!((all - each.iter().sum::<f64>()).abs() < 1e-9, "{all} of {each:?}");
        assert_eq!(snapshot.daemons[0].endpoint, "here");
        stop.cancel();
    };
    let running = engines.run(&selection, events, stop.clone());
    let taking = async { while received.recv().await.is_some() {} };
    tokio::select! {
        () = serve(fake.clone(), listener) => {}
        (outcome, (), ()) = async { tokio::join!(running, looking, taking) } => drop(outcome.unwrap()),
    }
}
