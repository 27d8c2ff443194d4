//! A scene: the embedded daemon on a private socket, controlled by a test. cmon runs against it as a process.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use cmon::demo::{FakeDaemon, serve};
use tokio::net::UnixListener;
use tokio::sync::oneshot;

use super::{Cmon, Done, eventually};

/// A running daemon with the containers of one test.
pub(crate) struct Scene {
    pub(crate) fake: FakeDaemon,
    socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    server: Option<thread::JoinHandle<()>>,
    _dir: tempfile::TempDir,
}

impl Scene {
    /// A daemon with these running containers.
    pub(crate) fn of(names: &[&str]) -> Self {
        let fake = FakeDaemon::now();
        for name in names {
            fake.create(name);
            fake.start(name);
        }
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let (stop, stopped) = oneshot::channel();
        let (up, is_up) = std::sync::mpsc::channel();
        let (clone, path) = (fake.clone(), socket.clone());
        let server = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = UnixListener::bind(&path).unwrap();
                up.send(()).unwrap();
                tokio::select! {
                    () = serve(clone, listener) => {}
                    _ = stopped => {}
                }
            });
        });
        is_up.recv().unwrap();
        Self { fake, socket, stop: Some(stop), server: Some(server), _dir: dir }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Starts cmon against it.
    pub(crate) fn start(&self, args: &[&str]) -> Cmon {
        self.start_with(args, |_| {})
    }

    /// Starts it, after a change to the command.
    pub(crate) fn start_with(&self, args: &[&str], change: impl FnOnce(&mut Command)) -> Cmon {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cmon"));
        command.args(args).env("DOCKER_HOST", self.url());
        command.stdout(Stdio::piped());
        change(&mut command);
        Cmon::of(command).read()
    }

    /// Waits until a stream of this container is open.
    #[track_caller]
    pub(crate) fn wait_for_follower(&self, name: &str) {
        eventually("a follower", || (0 < self.fake.followers(name)).then_some(()));
    }

    /// Runs cmon to its end.
    #[track_caller]
    pub(crate) fn run(&self, args: &[&str]) -> Done {
        self.start(args).done()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(server) = self.server.take() {
            // A panic there has failed the test already.
            let _ = server.join();
        }
    }
}
