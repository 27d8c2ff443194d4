//! The daemon's side of its socket: one question per connection, answered or failed by script.

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
use super::fault::{Fault, Route};
use super::plant;
use super::pprof;
use super::routes::{Question, Refusal, unknown};
use super::stream;
use super::valve::Valve;
use super::world::World;

/// The longest head of a request.
const MAX_HEAD: usize = 16 * 1024;

/// Answers what comes to this socket, until dropped; every connection ends with it.
pub async fn serve(world: World, listener: UnixListener) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    world.lock().connections += 1;
                    connections.spawn(converse(world.clone(), socket));
                }
                // Out of descriptors, say: the next one may fare better.
                Err(_) => sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => world.lock().connections -= 1,
        }
    }
}

/// Reads one question and answers it; ends early when the client goes or everything is cut.
async fn converse(world: World, socket: UnixStream) {
    let mut cuts = world.cuts();
    let (mut reader, writer) = socket.into_split();
    let conversing = async {
        let Some(Request { method, target }) = request(&mut reader).await else {
            return;
        };
        let mut valve = Valve::new(writer);
        valve.head_only = method == Method::Head;
        tokio::select! {
            // The client has closed, or sends what nobody asked for.
            _ = reader.read_u8() => {}
            // A failed write means that the client has gone, or that a fault said so.
            _ = answer(&world, method, &target, &mut valve) => {}
        }
    };
    tokio::select! {
        () = conversing => {}
        _ = cuts.changed() => {}
    }
}

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Get,
    /// The head of the answer alone.
    Head,
    /// To change something, which this daemon lets nobody do.
    Other,
}

/// The first line of a request.
struct Request {
    method: Method,
    /// Such as `/info`.
    target: String,
}

/// The request that comes; `None` when there is none.
async fn request(reader: &mut OwnedReadHalf) -> Option<Request> {
    let mut head = Vec::new();
    loop {
        if reader.read_buf(&mut head).await.ok()? == 0 || MAX_HEAD < head.len() {
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

async fn answer(world: &World, method: Method, target: &str, valve: &mut Valve) -> io::Result<()> {
    world.lock().asked(target);
    let question = Question::of(target).filter(|_| method != Method::Other);
    let Some(question) = question else {
        return refuse(world, valve, (404, "page not found".to_owned())).await;
    };
    let fault = world.lock().faults.take(question.route);
    let mut end_after = None;
    match fault {
        None => {}
        Some(Fault::Refuse) => return Ok(()),
        Some(Fault::Never) => std::future::pending().await,
        Some(Fault::Status(status, words)) => return refuse(world, valve, (status, words)).await,
        Some(Fault::HeadersLate(wait)) => sleep(wait).await,
        Some(Fault::RawBytes(bytes)) => return valve.write(&bytes).await,
        Some(Fault::CutAfter(bytes)) => valve.left = bytes,
        Some(Fault::SilentAfter(bytes)) => (valve.left, valve.then_close) = (bytes, false),
        Some(Fault::EndAfter(messages)) => end_after = Some(messages),
        Some(Fault::Drip(wait)) => valve.drip = Some(wait),
        Some(Fault::Reframe(reframe)) => valve.reframe = Some(reframe),
        Some(Fault::HeadHeld) => valve.held = Some(Vec::new()),
        Some(Fault::CutWhenSilent(wait)) => valve.cut_when_silent = Some(wait),
        Some(Fault::Rewrite(from, to)) => valve.rewrite = Some((from, to)),
    }
    match question.route {
        Route::Logs => match stream::Logs::open(world, &question, end_after) {
            Ok(logs) => logs.run(world, valve).await,
            Err(refusal) => refuse(world, valve, refusal).await,
        },
        Route::Events => match stream::Subscription::open(world, &question) {
            Ok(subscription) => subscription.run(world, valve).await,
            Err(refusal) => refuse(world, valve, refusal).await,
        },
        _ => match plain(world, &question) {
            Ok((kind, body)) => valve.whole(world, 200, kind, &body).await,
            Err(refusal) => refuse(world, valve, refusal).await,
        },
    }
}

/// The answers that are there at once: content type and body.
fn plain(world: &World, question: &Question) -> Result<(&'static str, Vec<u8>), Refusal> {
    let state = world.lock();
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
            object(answers::list(&state, scope, limit, &filters).map_err(|words| (400, words))?)
        }
        Route::Inspect => {
            let id = state.find(&question.container);
            let life = id.and_then(|id| state.lives.get(&id));
            object(answers::inspect(life.ok_or_else(|| unknown(&question.container))?))
        }
        Route::Profile => {
            let followers: usize = state.lives.values().map(|life| life.followers).sum();
            let groups = plant::groups(followers, state.planted());
            pprof::answer(&question.container, question.value("debug"), &groups)
                .ok_or_else(|| (404, "page not found".to_owned()))
        }
        Route::Logs | Route::Events => Err((500, "a stream is no object".to_owned())),
    }
}

async fn refuse(world: &World, valve: &mut Valve, (status, words): Refusal) -> io::Result<()> {
    let body = format!("{}\n", json!({ "message": words }));
    valve.whole(world, status, "application/json", body.as_bytes()).await
}
