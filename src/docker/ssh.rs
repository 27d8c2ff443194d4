//! A connection over ssh: a process that runs `docker system dial-stdio` on the other machine. That command copies
//! between its stdin and stdout and the daemon's socket there, as for the docker command itself (docker/cli,
//! `cli/connhelper/ssh`).
//!
//! The user's ssh configuration applies. cmon cannot prompt for a passphrase, so ssh must not need one.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

use super::address::SshHost;

/// The hint if ssh could not be started.
pub(super) const NO_PROGRAM: &str = "install the OpenSSH client, so that `ssh HOST` works";
/// The time limit for the process to end after its connection has.
const SSH_END_TIMEOUT: Duration = Duration::from_secs(2);
/// The limit of stderr that an error quotes, in bytes.
const STDERR_MAX_BYTES: u64 = 2048;

/// The ssh process of one connection, killed on drop.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    stderr: File,
}

/// Starts ssh, and returns the connection through it.
///
/// # Errors
/// ssh could not be started.
pub(super) fn open(host: &SshHost) -> io::Result<(UnixStream, Process)> {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    let stderr = tempfile::tempfile()?;
    let theirs = OwnedFd::from(theirs);
    let mut command = Command::new("ssh");
    command
        .args(arguments(host))
        .stdin(Stdio::from(theirs.try_clone()?))
        .stdout(Stdio::from(theirs))
        .stderr(Stdio::from(stderr.try_clone()?))
        .kill_on_drop(true)
        // Ctrl-C must reach only cmon, which still reads data in flight.
        .process_group(0);
    let child = command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("could not start `ssh`: {error}")))?;
    Ok((UnixStream::from_std(ours)?, Process { child, stderr }))
}

/// A host that begins with `-` is not an option: it follows `--`.
fn arguments(host: &SshHost) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15"].map(str::to_owned).to_vec();
    if let Some(user) = &host.user {
        arguments.extend(["-l".to_owned(), user.clone()]);
    }
    if let Some(port) = host.port {
        arguments.extend(["-p".to_owned(), port.to_string()]);
    }
    arguments.extend(["--", &host.host, "docker"].map(str::to_owned));
    if let Some(socket) = &host.socket {
        arguments.extend(["--host".to_owned(), format!("unix://{socket}")]);
    }
    arguments.extend(["system", "dial-stdio"].map(str::to_owned));
    arguments
}

impl Process {
    /// Its stderr, once it has ended or the time limit is over.
    pub(super) async fn stderr(&mut self) -> Option<String> {
        // A process that still runs is killed when the connection is dropped.
        let _ = timeout(SSH_END_TIMEOUT, self.child.wait()).await;
        let mut bytes = Vec::new();
        self.stderr.rewind().ok()?;
        self.stderr.by_ref().take(STDERR_MAX_BYTES).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        (!lines.is_empty()).then(|| lines.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_gets_the_host_and_never_an_option_in_its_place() {
        let host = SshHost {
            user: Some("me".to_owned()),
            host: "-oProxyCommand=x".to_owned(),
            port: Some(2222),
            socket: Some("/run/d.sock".to_owned()),
        };
        let all = arguments(&host).join(" ");
        assert!(
            all.ends_with(
                "-l me -p 2222 -- -oProxyCommand=x docker --host unix:///run/d.sock system dial-stdio"
            ),
            "{all}"
        );
        let host = SshHost { user: None, host: "box".to_owned(), port: None, socket: None };
        assert!(arguments(&host).join(" ").ends_with("-- box docker system dial-stdio"));
    }
}
