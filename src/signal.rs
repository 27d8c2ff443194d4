//! The signals that end cmon, and those that stop it for a while, as values.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::exit::Exit;

/// What asked cmon to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT: Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
    /// SIGHUP: the terminal went away.
    HangUp,
}

impl From<Signal> for Exit {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate => Exit::Terminated,
            Signal::HangUp => Exit::HungUp,
        }
    }
}

/// The signals from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    /// Nothing where it is ignored, as under nohup.
    hang_up: Option<Stream>,
}

impl Signals {
    /// Takes the signals over from the system's default; needs a tokio runtime.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: (!is_hang_up_ignored()).then(|| signal(SignalKind::hangup())).transpose()?,
        })
    }

    /// Waits for the next signal.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Interrupt,
            _ = self.terminate.recv() => Signal::Terminate,
            Some(()) = received(&mut self.hang_up) => Signal::HangUp,
        }
    }
}

async fn received(stream: &mut Option<Stream>) -> Option<()> {
    match stream {
        Some(stream) => stream.recv().await,
        None => std::future::pending().await,
    }
}

/// Whether cmon was started with SIGHUP ignored, as nohup does; read from `/proc` on Linux.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first bit is that of signal 1, which SIGHUP is.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// What a shell wants of its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// SIGTSTP: stop for a while.
    Suspend,
    /// SIGCONT: go on.
    Resume,
}

/// Ctrl-Z and the way back: the process is stopped by the shell, and goes on when that says so.
#[derive(Debug)]
pub(crate) struct JobControl {
    suspend: Stream,
    resume: Stream,
}

impl JobControl {
    /// Takes the signals over from the system's default; needs a tokio runtime.
    pub(crate) fn new() -> io::Result<Self> {
        let kind = |which: rustix::process::Signal| SignalKind::from_raw(which.as_raw());
        Ok(Self {
            suspend: signal(kind(rustix::process::Signal::TSTP))?,
            resume: signal(kind(rustix::process::Signal::CONT))?,
        })
    }

    /// Waits for the next of the two.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn next(&mut self) -> Job {
        tokio::select! {
            _ = self.suspend.recv() => Job::Suspend,
            _ = self.resume.recv() => Job::Resume,
        }
    }

    /// Waits until somebody lets it go on.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn resumed(&mut self) {
        self.resume.recv().await;
    }

    /// Does what a terminal does on Ctrl-Z: all of the job are asked to stop. Without a shell to go back
    /// to, nobody is.
    pub(crate) fn suspend() {
        use rustix::process::{Signal, getpid, getsid, kill_current_process_group};
        if getsid(None).is_ok_and(|session| session != getpid()) {
            // The process is in its own group, so that can be asked.
            let _ = kill_current_process_group(Signal::TSTP);
        }
    }

    /// Stops this process, here, until somebody lets it go on.
    pub(crate) fn stop_here() {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::STOP);
    }
}
