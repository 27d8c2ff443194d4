//! Values of flags that are not plain texts or numbers.

use std::net::SocketAddr;
use std::time::Duration;

use super::Lines;

pub(super) fn lines(text: &str) -> Result<Lines, String> {
    match text {
        // The order of docker and compose.
        "all" | "-1" => Ok(Lines::All),
        _ => text.parse().map(Lines::Last).map_err(|_| "neither a number nor `all`".to_owned()),
    }
}

/// The shortest stream timeout: below it, cmon would open streams faster than they can be read.
pub(super) const STREAM_TIMEOUT_MIN: Duration = Duration::from_millis(100);

pub(super) fn stream_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < STREAM_TIMEOUT_MIN => Err("the shortest is 100ms".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 30s or 5m")),
    }
}

/// The longest time that a line may wait for older ones.
const ORDER_WINDOW_MAX: Duration = Duration::from_secs(60);

pub(super) fn order_window(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if ORDER_WINDOW_MAX < time => Err("the longest is 1m".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 100ms or 2s")),
    }
}

pub(super) fn request_timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time < STREAM_TIMEOUT_MIN => Err("the shortest is 100ms".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; try 30s or 2m")),
    }
}

/// `9464`, `:9464`, `localhost:9464` or `ADDRESS:PORT`.
pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let port = text.strip_prefix("localhost:").or_else(|| text.strip_prefix(':')).unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::from(([127, 0, 0, 1], port))),
        Err(_) => text.parse().map_err(|_| "not an address; try 9464 or 127.0.0.1:9464".to_owned()),
    }
}

/// Bytes of a file: `0`, or from 1 KiB on.
pub(super) fn file_size(text: &str) -> Result<u64, String> {
    match bytes(text) {
        Some(0) => Ok(0),
        Some(size) if 1 << 10 <= size => Ok(size as u64),
        Some(_) => Err("the smallest is 1KiB".to_owned()),
        None => Err("not a size; try 10MiB or 1GiB".to_owned()),
    }
}

/// A number with a unit.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit: usize = match text[digits.len()..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" | "kib" => 1 << 10,
        "m" | "mb" | "mib" => 1 << 20,
        "g" | "gb" | "gib" => 1 << 30,
        _ => return None,
    };
    digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit))
}

/// Bytes, from 1 KiB to 1 GiB: `65536`, `64KiB`, `1MiB`.
pub(super) fn size(text: &str) -> Result<usize, String> {
    match bytes(text) {
        Some(size) if (1 << 10..=1 << 30).contains(&size) => Ok(size),
        Some(_) => Err("it must be from 1KiB to 1GiB".to_owned()),
        None => Err("not a size; try 64KiB or 1MiB".to_owned()),
    }
}
