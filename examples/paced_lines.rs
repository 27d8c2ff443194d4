//! How long a line takes from where it is written to where it is printed.
//!
//!     paced_lines write RATE FILE...     writes RATE lines a second into each file, until it is ended
//!     FOLLOWER | paced_lines read        prints the p50 and p99 of the delays, in microseconds, and the lines
//!
//! Each line holds the time at which it was written. `scripts/bench.sh` lets a container copy the lines of a FIFO
//! to its log, and compares followers of that log.

#![expect(clippy::disallowed_methods, reason = "it keeps its own pace and asks for the real time")]

use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Digits of a line before its newline: 107 bytes with the daemon's timestamp.
const DIGITS: usize = 75;

fn main() -> io::Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["write", rate, ref files @ ..] if !files.is_empty() => {
            write(rate.parse().map_err(io::Error::other)?, files)
        }
        ["read"] => read(io::stdin().lock(), io::stdout().lock()),
        _ => Err(io::Error::other("usage: paced_lines write RATE FILE... | paced_lines read")),
    }
}

/// Nanoseconds since 1970.
fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// Spreads the lines over time and over the files in turn.
fn write(rate: u32, files: &[&str]) -> io::Result<()> {
    let open = |path: &&str| OpenOptions::new().read(true).write(true).open(path);
    let mut files: Vec<File> = files.iter().map(open).collect::<io::Result<_>>()?;
    let total = u128::from(rate) * files.len() as u128;
    let begun = now();
    let mut written = 0;
    loop {
        for file in &mut files {
            let due = begun + written * 1_000_000_000 / total;
            if let Some(early) = due.checked_sub(now()) {
                std::thread::sleep(Duration::from_nanos(u64::try_from(early).unwrap_or(0)));
            }
            file.write_all(format!("{:0DIGITS$}\n", now()).as_bytes())?;
            written += 1;
        }
    }
}

/// Reads until the end of the input. What it cannot read as a time does not count.
fn read(mut input: impl BufRead, mut output: impl Write) -> io::Result<()> {
    let mut delays = Vec::new();
    let mut line = String::new();
    while input.read_line(&mut line)? != 0 {
        // Followers of several containers put a label before the text.
        let stamp = line.split_whitespace().next_back().filter(|word| word.len() == DIGITS);
        if let Some(written) = stamp.and_then(|word| word.parse::<u128>().ok()) {
            delays.push(now().saturating_sub(written) / 1000);
        }
        line.clear();
    }
    delays.sort_unstable();
    let at = |part: usize| delays.get(delays.len() * part / 100).copied().unwrap_or(0);
    writeln!(output, "{} {} {}", at(50), at(99), delays.len())
}
