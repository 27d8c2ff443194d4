//! Metrics for Prometheus: a real one scrapes them, and the alert rules work.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::support::{Cmon, Container, eventually};

const INSTALL: &str = "install Prometheus; on Debian: apt-get install prometheus";

fn rules(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib/prometheus").join(name)
}

#[track_caller]
fn promtool(verb: &str, file: &str) {
    let done = Command::new("promtool").args([verb, "rules"]).arg(rules(file)).output();
    let done = done.unwrap_or_else(|error| panic!("no promtool ({error}): {INSTALL}"));
    let told = [done.stdout, done.stderr].concat();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&told));
}

#[test]
fn the_alert_rules_fire_exactly_when_they_should() {
    promtool("check", "cmon.rules.yml");
    promtool("test", "cmon.test.yml");
}

/// A Prometheus for this test.
struct Prometheus {
    child: Child,
    address: String,
    _dir: tempfile::TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn scraping(target: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\n\
             rule_files: ['{}']\n\
             scrape_configs: [{{ job_name: cmon, static_configs: [{{ targets: ['{target}'] }}] }}]\n",
            rules("cmon.rules.yml").display(),
        );
        let path = dir.path().join("prometheus.yml");
        std::fs::write(&path, config).unwrap();
        // Free a moment ago; no other test takes unassigned ports.
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap().to_string();
        drop(free);
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("no Prometheus ({error}): {INSTALL}"));
        Self { child, address, _dir: dir }
    }

    /// Queries its API; `None` while it does not answer.
    fn ask(&self, path: &str) -> Option<Value> {
        let answer = get(&self.address, path)?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The value of an expression with one series.
    fn value(&self, expression: &str) -> Option<f64> {
        let answer = self.ask(&format!("/api/v1/query?query={expression}"))?;
        answer["data"]["result"][0]["value"][1].as_str()?.parse().ok()
    }
}

/// An answer by HTTP/1.0, head included.
pub(crate) fn get(address: &str, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn a_real_prometheus_scrapes_what_the_screen_shows() {
    let container = Container::run("while :; do echo hello; usleep 50000; done");
    let args =
        ["watch", "-o", "json", "--interval", "1s", "--stream-timeout", "1s", "--metrics", "0"];
    let cmon = Cmon::start(&[&args[..], &[&container.name]].concat()).read();
    let target = eventually("the address", || cmon.metrics());
    let scrape = eventually("a scrape by hand", || {
        get(&target, "/metrics").filter(|page| page.contains("cmon_streams_open 1"))
    });
    assert!(scrape.contains("text/plain; version=0.0.4"), "{scrape}");
    let prometheus = Prometheus::scraping(&target);
    eventually("a scrape", || prometheus.value("up").filter(|up| *up > 0.5));
    let name = &container.name;
    let at_least = |expression: &str, least: f64| {
        eventually(expression, || prometheus.value(expression).filter(|value| least <= *value))
    };
    at_least(&format!("cmon_stream_cycles_total{{container=\"{name}\"}}"), 2.0);
    at_least(&format!("cmon_lines_total{{container=\"{name}\"}}"), 20.0);
    at_least("cmon_stream_reopens_total{reason=\"rotated\"}", 2.0);
    at_least("cmon_daemon_goroutines", 10.0);
    at_least("cmon_daemon_open_fds", 10.0);
    at_least("process_resident_memory_bytes", 1e6);
    at_least("process_open_fds", 5.0);
    at_least("cmon_live_tasks{kind=\"events\"}", 1.0);
    at_least("cmon_gaps_total{cause=\"log_rotated\"}", 0.0);
    at_least(&format!("cmon_lag_seconds{{container=\"{name}\"}}"), 0.0);
    // The rules are evaluated without an error, and nothing fires.
    let groups = eventually("the rules", || {
        let answer = prometheus.ask("/api/v1/rules")?;
        let rules = answer["data"]["groups"][0]["rules"].as_array()?.clone();
        rules.iter().all(|rule| rule["health"] == "ok").then_some(rules)
    });
    assert_eq!(groups.len(), 15);
    for rule in groups {
        assert_ne!(rule["state"], "firing", "{rule}");
    }
    let done = cmon.interrupt().code(130);
    let last = done.objects("watch").pop().unwrap();
    assert_eq!(last["rows"][0]["container"], name.as_str(), "{done}");
}
