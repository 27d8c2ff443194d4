//! The embedded daemon of `--demo`: its thread, its socket and its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{io, thread};

use tokio::net::UnixListener;
use tokio::sync::oneshot;

use super::fake_daemon::FakeDaemon;
use super::scenes;
use super::server::serve;
use crate::docker::unix_path;

/// The name, image and labels of each of its containers, without a start.
pub fn containers() -> Vec<(&'static str, &'static str, BTreeMap<String, String>)> {
    scenes::containers()
}

/// The running daemon; dropping it ends it and removes its socket.
#[derive(Debug)]
pub struct Handle {
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
    /// Private to this user: no other user can reach a socket in it.
    _dir: tempfile::TempDir,
}

impl Handle {
    /// Its address.
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
/// The system cannot create the socket, the runtime or the thread.
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
                // The handle was dropped.
                _ = stopped => {}
            }
        });
    })?;
    Ok(Handle { socket, stop: Some(stop), thread: Some(thread), _dir: dir })
}

/// A private directory for the socket. The variable for temporary files may be empty, or its path too long for a
/// socket: then `/tmp`.
fn private() -> io::Result<(tempfile::TempDir, PathBuf)> {
    let wanted = std::env::temp_dir();
    let fits = wanted.is_absolute()
        && unix_path::check(&wanted.join("cmon-demo-xxxxxx/docker.sock")).is_ok();
    let parent = if fits { wanted } else { PathBuf::from("/tmp") };
    let dir = tempfile::Builder::new().prefix("cmon-demo-").tempdir_in(parent)?;
    let socket = dir.path().join("docker.sock");
    Ok((dir, socket))
}
