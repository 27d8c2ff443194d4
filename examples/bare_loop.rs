//! The floor for reading a log: a socket, a buffer, a pause; no decoding at all.
//!
//! `scripts/bench.sh` measures cmon against it.
//!
//!     bare_loop SOCKET CONTAINER PAUSE
//!
//! It pauses for that number of microseconds after each read of 2 KiB or more, so that the next read finds more.

#![expect(clippy::disallowed_methods, reason = "the pause that it measures is a blocking one")]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn main() -> io::Result<()> {
    let mut args = std::env::args().skip(1);
    let (Some(socket), Some(container), Some(pause)) = (args.next(), args.next(), args.next())
    else {
        return Err(io::Error::other("usage: bare_loop SOCKET CONTAINER PAUSE"));
    };
    let pause = Duration::from_micros(pause.parse().map_err(io::Error::other)?);
    let mut daemon = UnixStream::connect(socket)?;
    let target = format!("/containers/{container}/logs?stdout=1&stderr=1&timestamps=1");
    write!(daemon, "GET {target} HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n")?;
    let mut out = io::stdout().lock();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = daemon.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        out.write_all(&buffer[..count])?;
        if 2048 <= count {
            std::thread::sleep(pause);
        }
    }
}
