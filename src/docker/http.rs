//! HTTP/1.1 answers as pure decoders: the head, and the framing of the body.
//!
//! They take bytes split anywhere, and never hold more than a bounded head or chunk-size line. No input makes them
//! panic, loop or grow. Sockets live in [`logs`](super::logs).

/// The longest accepted head of an answer.
pub const HEAD_MAX_BYTES: usize = 64 * 1024;
/// The longest chunk-size line, extensions included. Docker's are at most ten bytes.
const SIZE_LINE_MAX_BYTES: usize = 256;
/// The longest trailer section after the last chunk. Docker sends none.
const TRAILER_MAX_BYTES: usize = 16 * 1024;

/// A violation of HTTP in an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The head does not parse, or never ends.
    #[error("the answer's head is not HTTP: {0}")]
    Head(&'static str),
    /// A chunk size does not parse.
    #[error("the answer's chunk size is not a number")]
    ChunkSize,
    /// A chunk is not followed by an end of line.
    #[error("a chunk of the answer has no end")]
    ChunkEnd,
    /// The trailer never ends.
    #[error("the answer's trailer never ends")]
    Trailer,
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// With an empty chunk (chunked encoding).
    Chunked,
    /// After this number of bytes.
    Length(u64),
    /// With the connection.
    UntilClose,
}

/// The head of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The framing of the body.
    pub framing: Framing,
    /// The dialect, as far as the head shows it.
    pub dialect: Option<Dialect>,
}

/// The daemon's dialect: some versions of dockerd need special care (`driver.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// dockerd of this major version.
    Docker(u32),
    /// Podman, or another one.
    Other,
}

impl Dialect {
    /// dockerd of a version like `20.10.24`; `None` if it is not a version.
    pub(super) fn docker(version: &str) -> Option<Self> {
        version.split('.').next()?.parse().ok().map(Dialect::Docker)
    }

    /// The major version of dockerd.
    pub(super) fn docker_major(self) -> Option<u32> {
        match self {
            Dialect::Docker(major) => Some(major),
            Dialect::Other => None,
        }
    }

    /// From the head of an answer: `Server: Docker/20.10.24 (linux)`, or if a proxy replaces that header,
    /// `Api-Version: 1.41`. Podman sends both, and also `Libpod-Api-Version`.
    fn of(headers: &[httparse::Header<'_>]) -> Option<Self> {
        let text = |name| std::str::from_utf8(value(headers, name)?).ok();
        let server = text("server").unwrap_or_default();
        if value(headers, "libpod-api-version").is_some() || server.starts_with("Libpod/") {
            return Some(Dialect::Other);
        }
        if let Some(version) = server.strip_prefix("Docker/") {
            return Self::docker(version);
        }
        let minor: u32 = text("api-version")?.trim().strip_prefix("1.")?.parse().ok()?;
        // 1.41 is that of 20.10, 1.42 that of 23.0.
        Some(Dialect::Docker(if minor < 42 { 20 } else { 23 }))
    }
}

impl Head {
    /// Parses a head at the front of `bytes`; returns it with its length, or `None` if more bytes are needed.
    ///
    /// # Errors
    /// [`HttpError::Head`] if the bytes are not a head, or longer than [`HEAD_MAX_BYTES`].
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, HttpError> {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => {
                let status = response.code.unwrap_or(0);
                let framing = framing(status, response.headers)?;
                let dialect = Dialect::of(response.headers);
                Ok(Some((Self { status, framing, dialect }, length)))
            }
            Ok(httparse::Status::Partial) if bytes.len() < HEAD_MAX_BYTES => Ok(None),
            Ok(httparse::Status::Partial) => Err(HttpError::Head("it does not end")),
            Err(_) => Err(HttpError::Head("it does not parse")),
        }
    }
}

fn value<'a>(headers: &[httparse::Header<'a>], name: &str) -> Option<&'a [u8]> {
    let found = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    Some(found.value)
}

fn framing(status: u16, headers: &[httparse::Header<'_>]) -> Result<Framing, HttpError> {
    let value = |name: &str| value(headers, name);
    if status < 200 || status == 204 || status == 304 {
        return Ok(Framing::Length(0));
    }
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked")) {
        return Ok(Framing::Chunked);
    }
    let Some(length) = value("content-length") else {
        return Ok(Framing::UntilClose);
    };
    let length = std::str::from_utf8(length).ok().and_then(|text| text.trim().parse().ok());
    length.map(Framing::Length).ok_or(HttpError::Head("its content length is not a number"))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data { left: u64 },
    DataEnd,
    Trailer { seen: usize, line: usize },
    Raw,
    Done,
}

/// Removes the framing of a body.
#[derive(Clone, Debug)]
pub struct Body {
    state: State,
    chunked: bool,
    /// The beginning of a chunk-size line, or of the end of a chunk.
    carry: Vec<u8>,
}

impl Body {
    /// A body that has not begun.
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Chunked => State::Size,
            Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Data { left },
            Framing::UntilClose => State::Raw,
        };
        Self { state, chunked: framing == Framing::Chunked, carry: Vec::new() }
    }

    /// Whether the body has ended correctly.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the body ends correctly if the connection closes here.
    pub fn may_close(&self) -> bool {
        matches!(self.state, State::Done | State::Raw)
    }

    /// Takes the next run of body bytes off `input`; `None` if the input is used up or the body has ended.
    ///
    /// # Errors
    /// If the framing is broken; the body is unusable then.
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, HttpError> {
        while !input.is_empty() {
            match self.state {
                State::Done => return Ok(None),
                State::Raw => return Ok(Some(std::mem::take(input))),
                State::Data { left } => {
                    let take = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (bytes, rest) = input.split_at(take);
                    *input = rest;
                    self.state = match left - take as u64 {
                        0 if self.chunked => State::DataEnd,
                        0 => State::Done,
                        left => State::Data { left },
                    };
                    return Ok(Some(bytes));
                }
                State::Size => self.size(input)?,
                State::DataEnd => self.data_end(input)?,
                State::Trailer { seen, line } => self.trailer(input, seen, line)?,
            }
        }
        Ok(None)
    }

    fn size(&mut self, input: &mut &[u8]) -> Result<(), HttpError> {
        let end = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |at| at + 1);
        let (line, rest) = input.split_at(end);
        *input = rest;
        if SIZE_LINE_MAX_BYTES < self.carry.len() + line.len() {
            return Err(HttpError::ChunkSize);
        }
        let parsed = match self.carry.is_empty() {
            true => httparse::parse_chunk_size(line),
            false => {
                self.carry.extend_from_slice(line);
                httparse::parse_chunk_size(&self.carry)
            }
        };
        match parsed {
            Ok(httparse::Status::Complete((_, size))) => {
                self.carry.clear();
                self.begin_chunk(size);
                Ok(())
            }
            Ok(httparse::Status::Partial) if !line.ends_with(b"\n") => {
                if self.carry.is_empty() {
                    self.carry.extend_from_slice(line);
                }
                Ok(())
            }
            _ => Err(HttpError::ChunkSize),
        }
    }

    fn begin_chunk(&mut self, size: u64) {
        self.state = match size {
            0 => State::Trailer { seen: 0, line: 0 },
            left => State::Data { left },
        };
    }

    fn data_end(&mut self, input: &mut &[u8]) -> Result<(), HttpError> {
        if self.carry.is_empty()
            && let [b'\r', b'\n', rest @ ..] = input
        {
            *input = rest;
            self.state = State::Size;
            return Ok(());
        }
        let expected = if self.carry.is_empty() { b'\r' } else { b'\n' };
        if input[0] != expected {
            return Err(HttpError::ChunkEnd);
        }
        *input = &input[1..];
        if self.carry.is_empty() {
            self.carry.push(expected);
        } else {
            self.carry.clear();
            self.state = State::Size;
        }
        Ok(())
    }

    /// Skips trailer lines up to the empty one that ends the body.
    fn trailer(&mut self, input: &mut &[u8], seen: usize, line: usize) -> Result<(), HttpError> {
        if TRAILER_MAX_BYTES < seen {
            return Err(HttpError::Trailer);
        }
        let byte = input[0];
        *input = &input[1..];
        self.state = match byte {
            b'\n' if line == 0 => State::Done,
            b'\n' => State::Trailer { seen: seen + 1, line: 0 },
            b'\r' => State::Trailer { seen: seen + 1, line },
            _ => State::Trailer { seen: seen + 1, line: line + 1 },
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All body bytes and whether the body ended, with the input cut at `cuts`.
    fn decode(
        framing: Framing,
        input: &[u8],
        cuts: &[usize],
    ) -> Result<(Vec<u8>, bool), HttpError> {
        let mut body = Body::new(framing);
        let mut data = Vec::new();
        let mut from = 0;
        for to in cuts.iter().copied().chain([input.len()]) {
            let mut part = &input[from..to];
            from = to;
            while let Some(piece) = body.next(&mut part)? {
                data.extend_from_slice(piece);
            }
        }
        Ok((data, body.is_done()))
    }

    #[test]
    fn chunks_are_joined_and_the_empty_one_ends_the_body() {
        let input = b"5\r\nhello\r\n1;ext=1\r\n \r\n5\r\nworld\r\n0\r\nA: b\r\n\r\n";
        assert_eq!(decode(Framing::Chunked, input, &[]), Ok((b"hello world".to_vec(), true)));
    }

    #[test]
    fn a_body_cut_before_its_last_chunk_is_not_done() {
        assert_eq!(decode(Framing::Chunked, b"5\r\nhel", &[]), Ok((b"hel".to_vec(), false)));
        assert_eq!(decode(Framing::Length(9), b"hel", &[]), Ok((b"hel".to_vec(), false)));
    }

    #[test]
    fn a_bad_chunk_is_an_error() {
        assert_eq!(decode(Framing::Chunked, b"zz\r\n", &[]), Err(HttpError::ChunkSize));
        assert_eq!(decode(Framing::Chunked, b"1\r\nab\r\n", &[]), Err(HttpError::ChunkEnd));
        let endless = [b'1'; 1000];
        assert_eq!(decode(Framing::Chunked, &endless, &[]), Err(HttpError::ChunkSize));
        let mut endless = b"0\r\n".to_vec();
        endless.extend(vec![b'x'; 20_000]);
        assert_eq!(decode(Framing::Chunked, &endless, &[]), Err(HttpError::Trailer));
    }

    #[test]
    fn the_head_has_status_and_framing() {
        let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nrest";
        let expected = Head { status: 200, framing: Framing::Chunked, dialect: None };
        assert_eq!(Head::parse(head), Ok(Some((expected, head.len() - 4))));
        assert_eq!(Head::parse(&head[..20]), Ok(None));
        let head = b"HTTP/1.1 404 Not Found\r\ncontent-length: 7\r\n\r\n";
        assert_eq!(Head::parse(head).unwrap().unwrap().0.framing, Framing::Length(7));
        assert!(Head::parse(b"SSH-2.0-OpenSSH\r\n").is_err());
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".as_slice(), &vec![b'x'; HEAD_MAX_BYTES]].concat();
        assert!(Head::parse(&endless).is_err());
    }

    #[test]
    fn the_head_shows_which_daemon_answers() {
        let dialect = |lines: &str| {
            let head = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
            Head::parse(head.as_bytes()).unwrap().unwrap().0.dialect
        };
        let docker = |major| Some(Dialect::Docker(major));
        assert_eq!(dialect("Api-Version: 1.41\r\nServer: Docker/20.10.24 (linux)\r\n"), docker(20));
        assert_eq!(dialect("Api-Version: 1.48\r\nServer: Docker/28.0.1 (linux)\r\n"), docker(28));
        let podman = "Api-Version: 1.41\r\nLibpod-Api-Version: 4.3.1\r\n";
        assert_eq!(
            dialect(&format!("{podman}Server: Libpod/4.3.1 (linux)\r\n")),
            Some(Dialect::Other)
        );
        assert_eq!(dialect(&format!("{podman}Server: nginx\r\n")), Some(Dialect::Other));
        assert_eq!(dialect("Api-Version: 1.41\r\nServer: nginx/1.22.1\r\n"), docker(20));
        assert_eq!(dialect("api-version: 1.42\r\n"), docker(23));
        for unknown in ["", "Server: nginx\r\n", "Api-Version: 2.0\r\n", "Server: Docker/dev\r\n"] {
            assert_eq!(dialect(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn a_size_line_ends_at_its_newline_in_any_split() {
        let input = b"1;x\ny\r\nz\r\n0\r\n\r\n";
        for cut in 0..input.len() {
            assert_eq!(decode(Framing::Chunked, input, &[cut]), Err(HttpError::ChunkSize), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn the_body_does_not_depend_on_how_the_bytes_are_split(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let mut input = Vec::new();
            for chunk in &chunks {
                input.extend(format!("{:x}\r\n", chunk.len()).bytes());
                input.extend(chunk);
                input.extend(b"\r\n");
            }
            input.extend(b"0\r\n\r\n");
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(input.len())).collect();
            cuts.sort_unstable();
            let decoded = decode(Framing::Chunked, &input, &cuts);
            prop_assert_eq!(decoded, Ok((chunks.concat(), true)));
        }

        #[test]
        fn no_input_makes_the_decoders_panic(input in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = decode(Framing::Chunked, &input, &[input.len() / 2]);
            let _ = Head::parse(&input);
        }
    }
}
