//! Recordings made up by the tests: what a check would have read, without the time that takes.

use std::fmt::Write;
use std::path::Path;

use serde_json::json;

/// Pairs of phases in it.
const PAIRS: usize = 14;

/// A driven check of three minutes with 20 cycles in each driven phase; the daemon gains this many
/// goroutines per cycle.
pub(super) fn driven(per_cycle: f64) -> String {
    let mut text = format!("{}\n", header());
    let mut reading = |at: f64, stage: &str, cycles: f64| {
        let goroutines = 70.0 + per_cycle * cycles;
        let reading = json!({
            "type": "reading", "at": at, "stage": stage, "rest": true, "settled": 0.2,
            "cycles": cycles, "lines": cycles, "values": {"daemon.goroutines": goroutines},
        });
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{reading}");
    };
    reading(0.2, "start", 0.0);
    reading(100.0, "warm_up", 1000.0);
    let (mut at, mut cycles) = (100.0, 1000.0);
    for pair in 0..PAIRS {
        let order = if pair % 2 == 0 { ["drive", "idle"] } else { ["idle", "drive"] };
        for stage in order {
            at += 3.0;
            cycles += if stage == "drive" { 20.0 } else { 0.0 };
            reading(at, stage, cycles);
        }
    }
    let end = json!({
        "type": "end", "at": at, "interrupted": false, "streams_opened": cycles,
        "streams_closed": cycles, "survivors": [], "failure": null,
    });
    // The counts of streams are whole numbers.
    text + &end.to_string().replace(".0,", ",").replace(".0}", "}") + "\n"
}

/// The first line of it.
pub(super) fn header() -> serde_json::Value {
    json!({
        "type": "header", "v": 1, "cmon": "0.1.0", "begun": "2026-01-02T03:04:05Z",
        "daemon": "unix:///run/docker.sock (the default)", "daemon_version": "20.10.24",
        "containers": ["web <&> \"db\""], "targets": [], "drive": "streams", "duration": 180.0,
        "stream_timeout": 0.1, "seed": 7,
        "rules": {"alpha": 0.01, "max_per_cycle": 0.03, "max_per_min": 1.0, "gate": []},
    })
}

/// Writes a recording; gives its path.
pub(super) fn write(dir: &Path, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}
