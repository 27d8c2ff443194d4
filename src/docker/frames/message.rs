//! The content of a message in the log API.

use crate::engine::source::Frames;

/// The maximum length of an error's text.
pub(super) const ERROR_TEXT_MAX_BYTES: usize = 4096;

/// Stores the details at the front of a message; returns their length with the space after them. They contain no
/// space: dockerd escapes it (`daemon/logger/jsonfilelog`, moby `api/server/httputils/write_log_stream.go`).
pub(super) fn strip_details(message: &[u8], into: &mut Frames) -> Option<usize> {
    let space = memchr::memchr(b' ', message)?;
    into.set_details(&String::from_utf8_lossy(&message[..space]));
    Some(space + 1)
}

/// An error's text as it is shown.
pub(super) fn error_text(message: &[u8]) -> String {
    let message = &message[..message.len().min(ERROR_TEXT_MAX_BYTES)];
    String::from_utf8_lossy(message).trim_end().to_owned()
}
