//! The signals that end or suspend cmon, as values.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::exit::Exit;

/// A signal that ends cmon.
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

/// A stream of the signals from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Stream,
    terminate: Stream,
    /// `None` if it is ignored, as under nohup.
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

/// Whether cmon was started with SIGHUP ignored, as by nohup; read from `/proc` on Linux.
fn is_hang_up_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // The first bit is signal 1, SIGHUP.
    mask.is_some_and(|mask| mask & 1 == 1)
}

/// Job control from a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    /// SIGTSTP: suspend.
    Suspend,
    /// SIGCONT: continue.
    Resume,
}

/// Ctrl-Z and the way back: the shell suspends the process and continues it later.
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

    /// Waits for the next of the two signals.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn next(&mut self) -> Job {
        tokio::select! {
            _ = self.suspend.recv() => Job::Suspend,
            _ = self.resume.recv() => Job::Resume,
        }
    }

    /// Waits for SIGCONT.
    ///
    /// # Cancel safety
    /// Safe.
    pub(crate) async fn resumed(&mut self) {
        self.resume.recv().await;
    }

    /// Acts as a terminal on Ctrl-Z: sends SIGTSTP to the whole job. Without a shell to return to, sends nothing.
    pub(crate) fn suspend() {
        use rustix::process::{Signal, getpid, getsid, kill_current_process_group};
        if getsid(None).is_ok_and(|session| session != getpid()) {
            // The process is in its own group, so it can send the signal to that.
            let _ = kill_current_process_group(Signal::TSTP);
        }
    }

    /// Suspends this process here, until SIGCONT.
    pub(crate) fn stop_here() {
        use rustix::process::{Signal, getpid, kill_process};
        let _ = kill_process(getpid(), Signal::STOP);
    }
}
