//! Decodes compressed bodies, which some servers send unasked. Pure and bounded.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// The magic number of gzip.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why a body cannot be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EncodingError {
    #[error("its {0} body is damaged")]
    Damaged(&'static str),
    #[error("it is compressed as `{}`, which cmon did not ask for and cannot read", .0.escape_debug())]
    Unknown(String),
}

/// Decodes up to `max_bytes`, and returns whether there is more. `truncated`: the body is incomplete. A gzip
/// file without the header is decoded if it contains text.
///
/// # Errors
/// The encoding is unknown, or the body is damaged.
pub(super) fn decoded(
    encoding: &str,
    body: Vec<u8>,
    truncated: bool,
    max_bytes: usize,
) -> Result<(Vec<u8>, bool), EncodingError> {
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" if body.starts_with(&GZIP) => {
            match decode(MultiGzDecoder::new(body.as_slice()), truncated, max_bytes) {
                Some((text, more)) if is_text(&text) => Ok((text, more)),
                _ => Ok((body, truncated)),
            }
        }
        "" | "identity" => Ok((body, truncated)),
        "gzip" | "x-gzip" => decode(MultiGzDecoder::new(body.as_slice()), truncated, max_bytes)
            .ok_or(EncodingError::Damaged("gzip")),
        // Some servers omit the zlib header.
        "deflate" => decode(ZlibDecoder::new(body.as_slice()), truncated, max_bytes)
            .or_else(|| decode(DeflateDecoder::new(body.as_slice()), truncated, max_bytes))
            .ok_or(EncodingError::Damaged("deflate")),
        other => Err(EncodingError::Unknown(other.chars().take(20).collect())),
    }
}

/// Decodes up to `max_bytes`, and returns whether there is more. `None` for a damaged body, unless it is truncated.
fn decode(decoder: impl Read, truncated: bool, max_bytes: usize) -> Option<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    match decoder.take(limit).read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(_) if truncated && !bytes.is_empty() => {}
        Err(_) => return None,
    }
    let more = truncated || max_bytes < bytes.len();
    bytes.truncate(max_bytes);
    Some((bytes, more))
}

fn is_text(bytes: &[u8]) -> bool {
    !bytes.contains(&0) && std::str::from_utf8(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns endless bytes and counts them. Fails above 1 MiB.
    struct Endless<'a>(&'a mut usize);

    impl Read for Endless<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            if 1 << 20 < *self.0 {
                return Err(std::io::Error::other("it was asked for more than a MiB"));
            }
            into.fill(b'x');
            *self.0 += into.len();
            Ok(into.len())
        }
    }

    #[test]
    fn gzip_and_both_forms_of_deflate_are_decoded() {
        let text = b"go_goroutines 5\n".to_vec();
        let complete = |encoding: &str, body: &[u8]| decoded(encoding, body.to_vec(), false, 99);
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
        zlib.write_all(&text).unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&text).unwrap();
        let expected = Ok((text.clone(), false));
        assert_eq!(complete("gzip", &gzip(&text)), expected);
        assert_eq!(complete(" X-GZIP ", &gzip(&text)), expected);
        assert_eq!(complete("deflate", &zlib.finish().unwrap()), expected);
        assert_eq!(complete("deflate", &raw.finish().unwrap()), expected);
        assert_eq!(complete("identity", &text), expected);
        // Two gzip members in a row, as from a server that flushes.
        assert_eq!(complete("gzip", &[gzip(&text[..5]), gzip(&text[5..])].concat()), expected);
    }

    #[test]
    fn a_gzip_file_without_a_header_is_decoded_if_it_is_text() {
        let complete = |body: &[u8]| decoded("", body.to_vec(), false, 99).unwrap().0;
        assert_eq!(complete(&gzip(b"a 1\n")), b"a 1\n");
        let binary = gzip(b"\x0a\0\xff");
        assert_eq!(complete(&binary), binary);
        assert_eq!(complete(b"\x1f\x8bnot gzip"), b"\x1f\x8bnot gzip");
    }

    #[test]
    fn a_decompression_bomb_is_truncated_at_the_limit() {
        let bomb = gzip(&vec![b'x'; 64 << 20]);
        assert!(bomb.len() < 100_000);
        let (text, more) = decoded("gzip", bomb, false, 1000).unwrap();
        assert_eq!((text.len(), more), (1000, true));
        let exact = gzip(&[b'x'; 1000]);
        assert_eq!(decoded("gzip", exact, false, 1000).unwrap(), (vec![b'x'; 1000], false));
        // The decoder does not read far beyond the limit.
        let mut asked = 0;
        let endless = Endless(&mut asked);
        assert_eq!(decode(endless, false, 1000), Some((vec![b'x'; 1000], true)));
        assert!(asked <= 64 << 10, "{asked}");
    }

    #[test]
    fn a_damaged_or_unknown_encoding_is_refused() {
        let body = gzip(b"go_goroutines 5\n");
        let refused = |encoding: &str, body: &[u8]| decoded(encoding, body.to_vec(), false, 99);
        let damaged =
            |encoding: &str, body: &[u8]| refused(encoding, body).unwrap_err().to_string();
        assert_eq!(damaged("gzip", &body[..12]), "its gzip body is damaged");
        assert_eq!(damaged("gzip", b"a 1\n"), "its gzip body is damaged");
        assert_eq!(damaged("deflate", b"a 1\n"), "its deflate body is damaged");
        let brotli = "it is compressed as `br`, which cmon did not ask for and cannot read";
        assert_eq!(damaged("br", &body), brotli);
        // A truncated body is decoded as far as possible.
        let long: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        let packed = gzip(&long);
        let (text, more) =
            decoded("gzip", packed[..packed.len() / 2].to_vec(), true, 1 << 20).unwrap();
        assert!(more && !text.is_empty() && long.starts_with(&text));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(encoding in "(gzip|deflate|br|)", body in prop::collection::vec(any::<u8>(), 0..99)) {
            if let Ok((text, _)) = decoded(&encoding, [&GZIP[..], &body].concat(), false, 9) {
                prop_assert!(text.len() <= 9 || text.starts_with(&GZIP));
            }
            let _ = decoded(&encoding, body, true, 9);
        }
    }
}
