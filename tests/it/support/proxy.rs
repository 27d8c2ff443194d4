//! A socket in front of the daemon's that counts requests for logs and can cut connections.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) struct Proxy {
    dir: tempfile::TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// The bytes of each client.
    sent: Vec<Vec<u8>>,
    open: Vec<UnixStream>,
}

impl Proxy {
    /// Its threads end with their connections; the one that accepts ends with the test's process.
    pub(crate) fn before(daemon: &Path) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let (daemon, state) = (daemon.to_owned(), Arc::<Mutex<State>>::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let upstream = UnixStream::connect(&daemon).unwrap();
                let number = {
                    let mut state = shared.lock().unwrap();
                    state.sent.push(Vec::new());
                    state.open.push(client.try_clone().unwrap());
                    state.sent.len() - 1
                };
                let (from, to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
                let recorded = Arc::clone(&shared);
                thread::spawn(move || {
                    copy(from, to, |bytes| recorded.lock().unwrap().sent[number].extend(bytes));
                });
                thread::spawn(move || copy(upstream, client, |_| {}));
            }
        });
        Self { dir, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join("s").display())
    }

    /// Cuts all connections that are open.
    pub(crate) fn cut(&self) {
        for stream in self.state.lock().unwrap().open.drain(..) {
            // It may have been closed before.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// The queries of the requests for logs up to now.
    pub(crate) fn logs(&self) -> Vec<String> {
        let state = self.state.lock().unwrap();
        let heads = state.sent.iter().flat_map(|sent| {
            let sent = String::from_utf8_lossy(sent).into_owned();
            sent.lines().map(str::to_owned).collect::<Vec<String>>()
        });
        heads.filter(|line| line.starts_with("GET ") && line.contains("/logs?")).collect()
    }
}

/// Copies until one side closes, then closes the other; `see` gets the bytes before they are sent.
pub(crate) fn copy(mut from: UnixStream, mut to: UnixStream, mut see: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(count) if 0 < count => {
                see(&buffer[..count]);
                if to.write_all(&buffer[..count]).is_err() {
                    break;
                }
            }
            _ => break,
        }
    }
    for side in [from, to] {
        // The other direction may have closed it.
        let _ = side.shutdown(Shutdown::Both);
    }
}
