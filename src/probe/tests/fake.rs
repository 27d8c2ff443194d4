//! A small HTTP server for the tests, which shares their runtime: it keeps connections as Go's does,
//! and is scripted by a function from path and number of the question to an answer.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a question.
#[derive(Clone, Debug)]
pub(in crate::probe) enum Reply {
    Is(u16, Vec<u8>),
    /// The body, and the connection is closed afterwards, which the head does not announce.
    ThenClose(&'static str),
    /// These bytes instead of HTTP, and the connection is closed.
    Raw(&'static [u8]),
    /// Nothing, until the client gives up.
    Never,
}

impl Reply {
    pub(in crate::probe) fn ok(body: impl AsRef<[u8]>) -> Self {
        Reply::Is(200, body.as_ref().to_vec())
    }

    pub(in crate::probe) fn none() -> Self {
        Reply::Is(404, b"404 page not found\n".to_vec())
    }
}

/// What the server has seen.
#[derive(Debug, Default)]
pub(in crate::probe) struct Seen {
    pub(in crate::probe) accepted: Cell<usize>,
    pub(in crate::probe) open: Cell<usize>,
    pub(in crate::probe) asked: RefCell<BTreeMap<String, usize>>,
}

/// Runs `test` with a server that answers by `script` (path, number of earlier requests).
pub(in crate::probe) async fn with_server(
    script: impl Fn(&str, usize) -> Reply,
    test: impl AsyncFnOnce(u16, &Seen),
) {
    with_server_at(0, script, test).await;
}

/// The same at this port: one that was used before is another start of the same server.
pub(in crate::probe) async fn with_server_at(
    port: u16,
    script: impl Fn(&str, usize) -> Reply,
    test: impl AsyncFnOnce(u16, &Seen),
) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Seen::default();
    let serving = async {
        let mut connections = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    seen.accepted.set(seen.accepted.get() + 1);
                    connections.push(converse(accepted.unwrap().0, &script, &seen));
                }
                Some(()) = connections.next() => {}
            }
        }
    };
    tokio::select! {
        () = serving => {}
        () = test(port, &seen) => {}
    }
}

/// Runs `test` on a clock that stands still: however slow the machine is, no deadline passes meanwhile.
///
/// A paused clock jumps to the next deadline when every task waits, and that includes waiting for a
/// socket. It does not jump while a blocking task runs.
pub(in crate::probe) async fn with_the_clock_stopped(test: impl Future<Output = ()>) {
    tokio::time::pause();
    let (release, held) = std::sync::mpsc::channel::<()>();
    // Dropped with the test, also by a panic, and the blocking task ends.
    let _release = release;
    let _holds_the_clock = tokio::task::spawn_blocking(move || held.recv());
    test.await;
}

async fn converse(mut socket: TcpStream, script: &impl Fn(&str, usize) -> Reply, seen: &Seen) {
    seen.open.set(seen.open.get() + 1);
    while let Some(path) = question(&mut socket).await {
        let before = {
            let mut asked = seen.asked.borrow_mut();
            let count = asked.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let (answer, close) = match script(&path, before) {
            Reply::Is(status, body) => (response(status, &body), false),
            Reply::ThenClose(body) => (response(200, body.as_bytes()), true),
            Reply::Raw(bytes) => (bytes.to_vec(), true),
            Reply::Never => {
                // A client that waits says nothing more: it gives up.
                let _ = socket.read_u8().await;
                break;
            }
        };
        // A client that does not read to the end closes instead.
        if socket.write_all(&answer).await.is_err() || close {
            break;
        }
    }
    seen.open.set(seen.open.get() - 1);
}

fn response(status: u16, body: &[u8]) -> Vec<u8> {
    let to = if status == 301 { "Location: /elsewhere\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{to}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The path that is asked for; `None` when the client has closed.
async fn question(socket: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("GET ")?.split(' ').next()?;
    // A request may name its host in the target too.
    Some(target.strip_prefix("http://docker").unwrap_or(target).to_owned())
}
