//! The embedded daemon: a small one that speaks the Docker API on a private unix socket.
//!
//! [`start`] is `--demo`: it runs on a thread of its own with eight containers and three hours behind them, and every
//! command then works as on a real daemon, over a real socket; its tasks and descriptors are not in
//! cmon's census. [`FakeDaemon`] with [`serve`] is the same daemon for tests: a script decides what the
//! containers do and what goes wrong, and on a paused clock it shares the runtime of what it tests.

mod answers;
mod events;
mod fake_daemon;
mod fault;
mod filters;
mod injected_leak;
mod log;
mod pprof;
mod response_writer;
mod routes;
mod scenes;
mod server;
mod spec;
mod stream;
mod voice;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use tokio::net::UnixListener;
use tokio::sync::oneshot;

use crate::docker::unix_path;
pub use fake_daemon::FakeDaemon;
pub use fault::{Fault, Reframe, Route};
pub use injected_leak::InjectedLeak;
pub use log::Message;
pub use server::serve;

/// The name, image and labels of each of its containers, without starting it.
pub fn containers() -> Vec<(&'static str, &'static str, BTreeMap<String, String>)> {
    scenes::containers()
}

/// The running daemon; dropping it ends it and removes its socket.
#[derive(Debug)]
pub struct Handle {
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Private to this user: a socket in it can be reached by nobody else.
    _dir: tempfile::TempDir,
}

impl Handle {
    /// Where it listens.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The panic hook has written to stderr.
            let _ = thread.join();
        }
    }
}

/// Starts the daemon with its eight containers.
///
/// # Errors
/// The socket, the runtime or the thread cannot be had.
pub fn start() -> io::Result<Handle> {
    let (dir, socket) = private()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _entered = runtime.enter();
        UnixListener::bind(&socket)?
    };
    let (stop, stopped) = oneshot::channel();
    let thread = thread::Builder::new().name("demo".to_owned()).spawn(move || {
        runtime.block_on(async {
            let fake = FakeDaemon::now();
            let mut cast = scenes::enter(&fake);
            tokio::select! {
                () = serve(fake.clone(), listener) => {}
                () = scenes::play(&fake, &mut cast) => {}
                // Dropped by the handle.
                _ = stopped => {}
            }
        });
    })?;
    Ok(Handle { socket, stop: Some(stop), thread: Some(thread), _dir: dir })
}

/// A private directory for the socket. The directory for temporary files may be named by an empty
/// variable, or be too long for a socket: then `/tmp` has to do.
fn private() -> io::Result<(tempfile::TempDir, PathBuf)> {
    let wanted = std::env::temp_dir();
    let fits = wanted.is_absolute()
        && unix_path::check(&wanted.join("cmon-demo-xxxxxx/docker.sock")).is_ok();
    let parent = if fits { wanted } else { PathBuf::from("/tmp") };
    let dir = tempfile::Builder::new().prefix("cmon-demo-").tempdir_in(parent)?;
    let socket = dir.path().join("docker.sock");
    Ok((dir, socket))
}

#[cfg(test)]
mod tests;
