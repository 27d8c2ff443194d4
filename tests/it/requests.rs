//! The requests that each command sends to the daemon are those that SECURITY.md lists, and no others.

use std::collections::BTreeSet;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

use super::support::{Cmon, Container, Dockerd, copy};

/// A socket in front of the daemon's that records the clients' bytes.
struct Recorder {
    socket: PathBuf,
    /// All bytes of each connection's client.
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
    _dir: tempfile::TempDir,
}

impl Recorder {
    /// Its threads end with their connections; the one that accepts ends with the test's process.
    fn before(daemon: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let (daemon, sent) = (daemon.to_owned(), Arc::<Mutex<Vec<Vec<u8>>>>::default());
        let recorded = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let upstream = UnixStream::connect(&daemon).unwrap();
                let number = {
                    let mut sent = recorded.lock().unwrap();
                    sent.push(Vec::new());
                    sent.len() - 1
                };
                let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                let recorded = Arc::clone(&recorded);
                thread::spawn(move || {
                    copy(from, to, |bytes| recorded.lock().unwrap()[number].extend(bytes));
                });
                thread::spawn(move || copy(upstream, client, |_| {}));
            }
        });
        Self { socket, sent, _dir: dir }
    }

    /// The requests up to now: method and path, with `ID` for the name of a container.
    fn requests(&self) -> BTreeSet<String> {
        let sent = self.sent.lock().unwrap();
        let heads = sent.iter().flat_map(|sent| {
            let sent = String::from_utf8(sent.clone()).unwrap();
            sent.split("\r\n\r\n").filter(|head| !head.is_empty()).map(request).collect::<Vec<_>>()
        });
        heads.collect()
    }
}

/// `GET /containers/ID/json` of a head such as `GET /v1.41/containers/web/json?size=false HTTP/1.1`.
fn request(head: &str) -> String {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap_or_default());
    // bollard names the host in the target, as HTTP allows.
    let path = target.trim_start_matches("http://docker").split('?').next().unwrap();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let is_version = parts[0].starts_with("v1.");
    let mut parts = parts[usize::from(is_version)..].to_vec();
    if parts.len() == 3 && parts[0] == "containers" {
        parts[1] = "ID";
    }
    format!("{method} /{}", parts.join("/"))
}

/// The requests that SECURITY.md lists.
fn documented() -> BTreeSet<String> {
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/SECURITY.md");
    let text = std::fs::read_to_string(text).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `GET "));
    rows.map(|row| format!("GET {}", row.split('`').next().unwrap())).collect()
}

#[test]
fn commands_send_the_requests_that_security_md_lists_and_no_others() {
    let recorder = Recorder::before(&Dockerd::shared().socket());
    let host = format!("unix://{}", recorder.socket.display());
    let web = Container::run("echo ready; sleep 600");
    web.wait_for_log("ready");

    let tail = Cmon::start(&["tail", &web.name, "--host", &host, "--stream-timeout", "1s"]).read();
    tail.wait_for_out("ready");
    tail.interrupt().code(130);
    Cmon::run(&["watch", &web.name, "--host", &host, "--once"]).code(0);
    let target = format!("container:{}", web.name);
    let check = ["leak-check", "--dry-run", "--host", &host, "--target", &target, &web.name];
    Cmon::run(&check).code(0);

    let (sent, documented) = (recorder.requests(), documented());
    let unlisted: Vec<_> = sent.difference(&documented).collect();
    assert!(unlisted.is_empty(), "SECURITY.md does not list {unlisted:?}");
    let unused: Vec<_> = documented.difference(&sent).collect();
    // Only where the container's process is on another machine or in another PID namespace.
    assert_eq!(unused, ["GET /containers/ID/top"], "SECURITY.md lists what cmon does not send");
}

#[test]
fn heads_are_read_as_method_and_path() {
    assert_eq!(request("GET /v1.41/containers/json?all=true HTTP/1.1"), "GET /containers/json");
    assert_eq!(request("GET http://docker/events?type=x HTTP/1.1"), "GET /events");
    assert_eq!(request("POST /containers/web/start HTTP/1.1"), "POST /containers/ID/start");
    assert_eq!(request("GET /version HTTP/1.1\r\nHost: docker"), "GET /version");
}
