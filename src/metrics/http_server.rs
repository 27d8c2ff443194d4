//! The server of `/metrics`.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::exposition::text;
use crate::engine::source::Source;
use crate::snapshot::{Recorder, Snapshot};

/// The limit of concurrent connections; further ones wait.
const CONNECTIONS: usize = 16;
/// An idle connection is closed after this time; Prometheus scrapes at least once a minute.
const IDLE: Duration = Duration::from_secs(180);
/// The delay after a failure to accept, for example without free descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves the recorder's snapshots and never returns. Without a listener it only waits.
pub(crate) async fn serve<S: Source>(listener: Option<TcpListener>, mut recorder: Recorder<S>) {
    match listener {
        Some(listener) => serve_with(listener, move || recorder.take()).await,
        None => std::future::pending().await,
    }
}

async fn serve_with(listener: TcpListener, look: impl FnMut() -> Snapshot) {
    let look = Mutex::new(look);
    let mut connections = FuturesUnordered::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((socket, _)) => connections.push(connection(socket, &look)),
                Err(error) => {
                    tracing::debug!("metrics: {error}");
                    sleep(PAUSE).await;
                }
            },
            Some(()) = connections.next(), if !connections.is_empty() => {}
        }
    }
}

async fn connection(socket: TcpStream, look: &Mutex<impl FnMut() -> Snapshot>) {
    let service = service_fn(|request: Request<Incoming>| async move {
        Ok::<_, Infallible>(answer(request.method(), request.uri().path(), || {
            let mut look = look.lock().unwrap_or_else(PoisonError::into_inner);
            text(&look())
        }))
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(IDLE);
    if let Err(error) = http.serve_connection(TokioIo::new(socket), service).await {
        tracing::debug!("metrics: {error}");
    }
}

fn answer(method: &Method, path: &str, text: impl FnOnce() -> String) -> Response<String> {
    let (status, kind, body) = match (path, method) {
        ("/metrics", &Method::GET | &Method::HEAD) => {
            (StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text())
        }
        ("/", &Method::GET | &Method::HEAD) => {
            let page = "<a href=\"/metrics\">cmon's metrics</a>\n".to_owned();
            (StatusCode::OK, "text/html; charset=utf-8", page)
        }
        ("/" | "/metrics", _) => {
            (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "only GET\n".to_owned())
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "there is only /metrics\n".to_owned()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, hyper::header::HeaderValue::from_static("GET, HEAD"));
    }
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    /// Sends a request to the server on this socket, and reads until the connection ends.
    async fn ask(address: std::net::SocketAddr, request: &str) -> String {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }

    /// Runs a server during a request.
    async fn serving(asking: impl AsyncFnOnce(std::net::SocketAddr)) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::select! {
            () = serve_with(listener, Snapshot::default) => {}
            () = asking(address) => {}
        }
    }

    #[tokio::test]
    async fn metrics_are_found_at_their_path_and_nothing_elsewhere() {
        serving(async |address| {
            let close = "HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            let found = ask(address, &format!("GET /metrics {close}")).await;
            assert!(found.starts_with("HTTP/1.1 200 OK\r\n"), "{found}");
            assert!(found.contains("content-type: text/plain; version=0.0.4"), "{found}");
            assert!(found.contains("\ncmon_streams_open 0\n"), "{found}");
            for (request, status) in
                [("GET /nothing", "404"), ("POST /metrics", "405"), ("GET /", "200")]
            {
                let answer = ask(address, &format!("{request} {close}")).await;
                assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
            }
            let head = ask(address, &format!("HEAD /metrics {close}")).await;
            assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
            let refused = ask(address, &format!("DELETE /metrics {close}")).await;
            assert!(refused.contains("\r\nallow: GET, HEAD\r\n"), "{refused}");
            let garbage = ask(address, "\0\0\r\n\r\n").await;
            assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn clients_above_the_limit_wait() {
        serving(async |address| {
            let mut idle = Vec::new();
            for _ in 0..CONNECTIONS {
                idle.push(TcpStream::connect(address).await.unwrap());
            }
            let request = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            let mut late = std::pin::pin!(ask(address, request));
            assert!(timeout(IDLE / 2, &mut late).await.is_err(), "there is no room");
            idle.clear();
            let answer = late.await;
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        })
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_client_is_closed() {
        serving(async |address| {
            let mut mute = TcpStream::connect(address).await.unwrap();
            let mut slow = TcpStream::connect(address).await.unwrap();
            slow.write_all(b"GET /metrics HTTP/1.1\r\n").await.unwrap();
            let mut kept = TcpStream::connect(address).await.unwrap();
            kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let begun = tokio::time::Instant::now();
            for socket in [&mut mute, &mut slow, &mut kept] {
                let mut answer = Vec::new();
                timeout(2 * IDLE, socket.read_to_end(&mut answer)).await.unwrap().unwrap();
            }
            assert!(IDLE <= begun.elapsed() && begun.elapsed() < 2 * IDLE, "{:?}", begun.elapsed());
        })
        .await;
    }
}
