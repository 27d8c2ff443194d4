//! The server side of the daemon's socket: one request per connection, with scripted faults.

use std::io;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::answers;
use super::answers::Scope;
use super::fake_daemon::FakeDaemon;
use super::fault::{Fault, Route};
use super::injected_leak;
use super::pprof;
use super::response_writer::ResponseWriter;
use super::routes::{Question, Refusal, unknown};
use super::served_streams;

/// The longest head of a request.
const HEAD_MAX_BYTES: usize = 16 * 1024;

/// Serves this socket until dropped, which also ends every connection.
pub async fn serve(fake: FakeDaemon, listener: UnixListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    fake.lock().connections += 1;
                    connections.spawn(converse(fake.clone(), socket));
                }
                // For example out of descriptors: the next connection may succeed.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => fake.lock().connections -= 1,
        }
    }
}

/// Reads one request and answers it; ends early if the client leaves or everything is cut.
async fn converse(fake: FakeDaemon, socket: UnixStream) {
    let mut cuts = fake.cuts();
    let (mut reader, writer) = socket.into_split();
    let conversing = async {
        let Some(Request { method, target }) = request(&mut reader).await else {
            return;
        };
        let mut response = ResponseWriter::new(writer);
        response.head_only = method == Method::Head;
        tokio::select! {
            // The client has closed, or sends more than a request.
            _ = reader.read_u8() => {}
            // A failed write means that the client has left, or that a fault closed the connection.
            _ = answer(&fake, method, &target, &mut response) => {}
        }
    };
    tokio::select! {
        () = conversing => {}
        _ = cuts.changed() => {}
    }
}

/// The kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    /// Only the head of the answer.
    Head,
    /// A modification, which this daemon refuses.
    Other,
}

/// The first line of a request.
struct Request {
    method: Method,
    /// Such as `/info`.
    target: String,
}

/// The next request; `None` if there is none.
async fn request(reader: &mut OwnedReadHalf) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        if reader.read_buf(&mut head).await.ok()? == 0 || HEAD_MAX_BYTES < head.len() {
            return None;
        }
        let mut headers = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&head).ok()?.is_complete() {
            let method = match request.method? {
                "GET" => Method::Get,
                "HEAD" => Method::Head,
                _ => Method::Other,
            };
            return Some(Request { method, target: request.path?.to_owned() });
        }
    }
}

async fn answer(
    fake: &FakeDaemon,
    method: Method,
    target: &str,
    response: &mut ResponseWriter,
) -> io::Result<()> {
    fake.lock().asked(target);
    let question = Question::of(target).filter(|_| method != Method::Other);
    let Some(question) = question else {
        return refuse(fake, response, (404, "page not found".to_owned())).await;
    };
    let fault = fake.lock().faults.take(question.route);
    let mut end_after = None;
    match fault {
        None => {}
        Some(Fault::Refuse) => return Ok(()),
        Some(Fault::Never) => std::future::pending().await,
        Some(Fault::Status(status, message)) => {
            return refuse(fake, response, (status, message)).await;
        }
        Some(Fault::HeadersLate(wait)) => sleep(wait).await,
        Some(Fault::RawBytes(bytes)) => return response.write(&bytes).await,
        Some(Fault::CutAfter(bytes)) => response.left = bytes,
        Some(Fault::SilentAfter(bytes)) => (response.left, response.then_close) = (bytes, false),
        Some(Fault::EndAfter(messages)) => end_after = Some(messages),
        Some(Fault::Slow(wait)) => response.wait_per_piece = Some(wait),
        Some(Fault::Reframe(reframe)) => response.reframe = Some(reframe),
        Some(Fault::HeadHeld) => response.held = Some(Vec::new()),
        Some(Fault::CutWhenSilent(wait)) => response.cut_when_silent = Some(wait),
        Some(Fault::Rewrite(from, to)) => response.rewrite = Some((from, to)),
    }
    match question.route {
        Route::Logs => match served_streams::Logs::open(fake, &question, end_after) {
            Ok(logs) => logs.run(fake, response).await,
            Err(refusal) => refuse(fake, response, refusal).await,
        },
        Route::Events => match served_streams::Subscription::open(fake, &question) {
            Ok(subscription) => subscription.run(fake, response).await,
            Err(refusal) => refuse(fake, response, refusal).await,
        },
        _ => match plain(fake, &question) {
            Ok((kind, body)) => response.whole(fake, 200, kind, &body).await,
            Err(refusal) => refuse(fake, response, refusal).await,
        },
    }
}

/// Answers in one piece: content type and body.
fn plain(fake: &FakeDaemon, question: &Question) -> Result<(&'static str, Vec<u8>), Refusal> {
    let state = fake.lock();
    let object = |value: Value| Ok(("application/json", format!("{value}\n").into_bytes()));
    match question.route {
        Route::Ping => Ok(("text/plain; charset=utf-8", b"OK".to_vec())),
        Route::Version => object(answers::version(&state)),
        Route::Info => object(answers::info(&state)),
        Route::List => {
            let limit = question.value("limit").and_then(|limit| limit.parse().ok());
            let limit = limit.filter(|limit| *limit != 0).unwrap_or(usize::MAX);
            let scope = if question.flag("all") { Scope::All } else { Scope::Running };
            let filters = question.filters()?;
            object(answers::list(&state, scope, limit, &filters).map_err(|message| (400, message))?)
        }
        Route::Inspect => {
            let id = state.find(&question.container);
            let container = id.and_then(|id| state.containers.get(&id));
            object(answers::inspect(container.ok_or_else(|| unknown(&question.container))?))
        }
        Route::Profile => {
            let followers: usize =
                state.containers.values().map(|container| container.followers).sum();
            let groups = injected_leak::groups(followers, state.injected());
            pprof::answer(&question.container, question.value("debug"), &groups)
                .ok_or_else(|| (404, "page not found".to_owned()))
        }
        Route::Logs | Route::Events => Err((500, "a stream is no object".to_owned())),
    }
}

async fn refuse(
    fake: &FakeDaemon,
    response: &mut ResponseWriter,
    (status, message): Refusal,
) -> io::Result<()> {
    let body = format!("{}\n", json!({ "message": message }));
    response.whole(fake, status, "application/json", body.as_bytes()).await
}
