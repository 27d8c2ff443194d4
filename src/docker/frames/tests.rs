//! The decoders on messages encoded as by the daemon, split anywhere.

use proptest::prelude::*;

use super::tty::PIECE_BYTES;
use super::*;
use crate::docker::request::Details;
use crate::engine::source::OutputKind;
use crate::engine::source::{Frames, StdStream};
use crate::engine::timestamp::Timestamp;

type Message = (StdStream, i64, Vec<u8>);

fn collect(frames: &Frames) -> Vec<Message> {
    let owned = |(frame, payload): (crate::engine::source::Frame, &[u8])| {
        (frame.stream, frame.time.saturating_nanos(), payload.to_vec())
    };
    frames.iter().map(owned).collect()
}

fn stamped(time: i64, payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    Timestamp::from_nanos(time).write(&mut message);
    message.push(b' ');
    message.extend_from_slice(payload);
    message
}

fn multiplexed(stream: StdStream, time: i64, payload: &[u8]) -> Vec<u8> {
    let message = stamped(time, payload);
    let mut frame = vec![if stream == StdStream::Stdout { 1 } else { 2 }, 0, 0, 0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    frame
}

/// Feeds chunks, each split at the given places, and ends the body.
fn decode(tty: bool, chunks: &[Vec<u8>], cuts: &[usize]) -> Result<Vec<Message>, FrameError> {
    let mut decoder = Decoder::new(OutputKind::of(tty));
    let mut frames = Frames::default();
    for chunk in chunks {
        let mut from = 0;
        for to in cuts.iter().copied().filter(|cut| *cut < chunk.len()).chain([chunk.len()]) {
            if from < to {
                decoder.feed(&chunk[from..to], &mut frames)?;
            }
            from = to.max(from);
        }
    }
    decoder.finish(&mut frames)?;
    Ok(collect(&frames))
}

#[test]
fn a_failure_inside_the_stream_is_an_error_after_the_frames_before_it() {
    let mut frames = Frames::default();
    let mut bytes = multiplexed(StdStream::Stdout, 5, b"good\n");
    bytes.extend([3, 0, 0, 0, 0, 0, 0, 26]);
    bytes.extend(b"Error grabbing logs: oops\n");
    let error = Decoder::new(OutputKind::Pipes).feed(&bytes, &mut frames);
    assert_eq!(error, Err(FrameError::Daemon("Error grabbing logs: oops".to_owned())));
    assert_eq!(collect(&frames), [(StdStream::Stdout, 5, b"good\n".to_vec())]);
}

#[test]
fn a_broken_header_is_an_error() {
    let feed = |bytes: &[u8]| Decoder::new(OutputKind::Pipes).feed(bytes, &mut Frames::default());
    assert_eq!(feed(&[9, 0, 0, 0, 0, 0, 0, 1]), Err(FrameError::UnknownType(9)));
    assert_eq!(feed(&[1, 0, 7, 0, 0, 0, 0, 1]), Err(FrameError::UnknownType(7)));
    assert_eq!(feed(&[1, 0, 0, 0, 255, 255, 255, 255]), Err(FrameError::TooLong(u32::MAX)));
    assert_eq!(feed(&[1, 0, 0, 0, 0, 0, 0, 2, b'h', b'i']), Err(FrameError::NoTimestamp));
}

#[test]
fn a_body_that_ends_inside_a_frame_is_incomplete() {
    let frame = multiplexed(StdStream::Stderr, 5, b"half\n");
    for end in 1..frame.len() {
        let cut = [frame[..end].to_vec()];
        assert_eq!(decode(false, &cut, &[]), Err(FrameError::Incomplete), "cut at {end}");
    }
}

#[test]
fn the_timestamps_inside_a_long_terminal_line_are_removed() {
    let (first, last) = (vec![b'x'; PIECE_BYTES], b"end\r\n".to_vec());
    let chunks = [stamped(7, &first), stamped(7, &last)];
    let expected = [(StdStream::Stdout, 7, first), (StdStream::Stdout, 7, last)];
    assert_eq!(decode(true, &chunks, &[]).unwrap(), expected);
    let glued = [chunks.concat()];
    assert_eq!(decode(true, &glued, &[]).unwrap(), expected, "with the chunks lost on the way");
}

#[test]
fn a_terminal_line_that_a_new_run_follows_ends_there() {
    let chunks = [stamped(7, b"no end"), stamped(9, b"next\r\n")];
    let expected =
        [(StdStream::Stdout, 7, b"no end".to_vec()), (StdStream::Stdout, 9, b"next\r\n".to_vec())];
    assert_eq!(decode(true, &chunks, &[]).unwrap(), expected);
}

#[test]
fn podmans_timestamp_before_a_terminal_newline_is_removed() {
    let second = 1_795_521_600_i64;
    let nanos = |second: i64| second * 1_000_000_000;
    let whole = |second: i64, text: &str| {
        format!("{} {text}", jiff::Timestamp::from_second(second).unwrap()).into_bytes()
    };
    let line =
        |second: i64, text: &str| (StdStream::Stdout, nanos(second), text.as_bytes().to_vec());
    for later in [0, 1] {
        let parts = [whole(second, "65"), whole(second + later, "\r\n"), whole(second, "66\r\n")];
        let expected = [line(second, "65\r\n"), line(second, "66\r\n")];
        assert_eq!(decode(true, &parts, &[]).unwrap(), expected, "{later}");
        assert_eq!(decode(true, &[parts.concat()], &[]).unwrap(), expected, "in one chunk");
    }
    // A time that the container wrote stays: in the middle, alone, or a different one.
    let text = String::from_utf8(whole(second, "")).unwrap();
    let old = String::from_utf8(whole(second - 5, "")).unwrap();
    for kept in [format!("at {text}ok\r\n"), format!("{text}\r\n"), format!("since {old}\r\n")] {
        let parts = [whole(second, &kept)];
        assert_eq!(decode(true, &parts, &[]).unwrap(), [line(second, &kept)]);
    }
}

#[test]
fn a_message_of_the_daemon_in_a_terminal_stream_is_an_error() {
    let chunks = [stamped(7, b"line\r\n"), b"Error grabbing logs: oops\n".to_vec()];
    let error = FrameError::Daemon("Error grabbing logs: oops".to_owned());
    assert_eq!(decode(true, &chunks, &[]), Err(error));
}

#[test]
fn a_terminal_line_may_begin_with_the_bytes_of_a_frame_header() {
    let payload = b"\x01\x00\x00\x00\xff\xff\xff\xff\x02\r\n".to_vec();
    let chunks = [stamped(7, &payload)];
    assert_eq!(decode(true, &chunks, &[]).unwrap(), [(StdStream::Stdout, 7, payload)]);
}

#[test]
fn a_terminal_stream_without_a_newline_is_held_in_bounded_memory() {
    let mut terminal = Terminal::default();
    let mut frames = Frames::default();
    terminal.feed(&stamped(7, b""), &mut frames).unwrap();
    for _ in 0..1000 {
        terminal.feed(&[b'.'; 5000], &mut frames).unwrap();
        assert!(terminal.held() <= 3 * PIECE_BYTES, "{} bytes are held", terminal.held());
    }
    assert_eq!(frames.bytes() / PIECE_BYTES, 5_000_000 / PIECE_BYTES);
}

#[test]
fn a_timestamp_that_the_container_wrote_is_text() {
    let second = 1_000_000_000;
    let year = 365 * 86_400 * second;
    let at = |time: i64| Timestamp::from_nanos(time).to_string();
    let now = 1_800_000_000 * second;
    let texts = [
        format!("{} at the front\r\n", at(now + 60 * second)),
        format!("written a moment ago: {} end\r\n", at(now - second)),
        format!("the same moment: {} end\r\n", at(now)),
        format!("expires {} end\r\n", at(now + year)),
        format!("next try at 2027-01-15T08:00:01Z {} end\r\n", at(now - year)),
        format!("no space behind it: {}\r\n", at(now + second)),
        format!("\u{1b}[32mT-T-T:T\u{1b}[0m {}\r\n", "T".repeat(200)),
    ];
    for text in texts {
        let chunks = [stamped(now, text.as_bytes())];
        let expected = [(StdStream::Stdout, now, text.clone().into_bytes())];
        assert_eq!(decode(true, &chunks, &[]).unwrap(), expected, "{text}");
    }
}

/// The messages of a terminal whose driver is `local`, split in two at any place.
fn in_local(bytes: &[u8]) -> Vec<Message> {
    let decoded: Vec<Vec<Message>> = (0..bytes.len())
        .step_by(1 + bytes.len() / 500)
        .map(|cut| {
            let mut decoder = Decoder::new(OutputKind::TerminalInLocal);
            let mut frames = Frames::default();
            decoder.feed(&bytes[..cut], &mut frames).unwrap();
            decoder.feed(&bytes[cut..], &mut frames).unwrap();
            decoder.finish(&mut frames).unwrap();
            collect(&frames)
        })
        .collect();
    assert!(decoded.windows(2).all(|pair| pair[0] == pair[1]), "a cut changes what is read");
    decoded[0].clone()
}

/// dockerd 20.10 stores a line of N x 16384 bytes in N pieces and an empty one, and `local` shows no newline.
#[test]
fn the_empty_last_piece_of_a_line_is_a_message() {
    let day = 86_400 * 1_000_000_000;
    let full = vec![b'z'; PIECE_BYTES];
    let line: [(i64, &[u8]); 7] = [
        (day, b"before\r\n"),
        (day + 1, &full),
        (day + 1, b""),
        (day + 2, b"after\r\n"),
        (day + 3, &full),
        (day + 3, &full),
        (day + 3, b""),
    ];
    let message = |(time, text): &(i64, &[u8])| (StdStream::Stdout, *time, text.to_vec());
    // A window may begin at each message, and the log may end at each.
    for from in 0..line.len() {
        for to in from + 1..=line.len() {
            let bytes: Vec<u8> =
                line[from..to].iter().flat_map(|(time, text)| stamped(*time, text)).collect();
            let expected: Vec<Message> = line[from..to].iter().map(message).collect();
            assert_eq!(in_local(&bytes), expected, "{from} to {to}");
        }
    }
    // Behind a newline, a message has text.
    let later = format!("{} at the front\r\n", Timestamp::from_nanos(day + 9));
    let bytes = [stamped(day, b"one\r\n"), stamped(day + 1, later.as_bytes())].concat();
    assert_eq!(in_local(&bytes)[1], message(&(day + 1, later.as_bytes())));
}

#[test]
fn podmans_timestamps_of_whole_seconds_begin_messages_too() {
    let bytes = b"2026-11-28T17:14:24+01:00 no end2026-11-28T17:14:31+01:00 next\r\n\
        2026-11-28T17:14:31Z last\r\n";
    let found = decode(true, &[bytes.to_vec()], &[]).unwrap();
    let texts: Vec<&[u8]> = found.iter().map(|(.., text)| text.as_slice()).collect();
    assert_eq!(texts, [b"no end".as_slice(), b"next\r\n", b"last\r\n"]);
}

/// The output of a terminal as dockerd stores it: runs of lines. Only the last line of a run may lack its newline, and
/// a long line is stored in pieces.
fn runs() -> impl Strategy<Value = Vec<Message>> {
    let long = (0..40_000usize).prop_map(|length| vec![b'x'; length]);
    let line =
        prop_oneof![6 => line(), 1 => long.prop_map(|text| [&text, b"\n".as_slice()].concat())];
    let unfinished = prop_oneof![
        Just(Vec::new()),
        Just(b"/ # ".to_vec()),
        Just(vec![b'x'; PIECE_BYTES]),
        (PIECE_BYTES - 50..PIECE_BYTES + 50).prop_map(|length| vec![b'x'; length]),
    ];
    let run = (prop::collection::vec(line, 0..6), unfinished);
    prop::collection::vec(run, 0..5).prop_map(|runs| {
        let mut time = 1_800_000_000_000_000_000;
        let mut stored = Vec::new();
        for (lines, unfinished) in runs {
            time += 3_600_000_000_000;
            for line in lines.iter().chain(Some(&unfinished)).filter(|line| !line.is_empty()) {
                time += 1;
                for piece in line.chunks(PIECE_BYTES) {
                    stored.push((StdStream::Stdout, time, piece.to_vec()));
                }
            }
        }
        stored
    })
}

/// A line as a container may write it: bytes without `\n`, then `\n`.
fn line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop_oneof![9 => any::<u8>(), 1 => Just(b' ')], 0..60).prop_map(
        |mut bytes| {
            bytes.retain(|byte| *byte != b'\n');
            bytes.push(b'\n');
            bytes
        },
    )
}

fn stream() -> impl Strategy<Value = StdStream> {
    prop_oneof![Just(StdStream::Stdout), Just(StdStream::Stderr)]
}

fn sorted(cuts: Vec<usize>) -> Vec<usize> {
    let mut cuts = cuts;
    cuts.sort_unstable();
    cuts
}

proptest! {
    #[test]
    fn frames_do_not_depend_on_how_the_bytes_are_split(
        messages in prop::collection::vec((stream(), 0..i64::MAX / 2, line()), 0..12),
        cuts in prop::collection::vec(1..100usize, 0..6),
    ) {
        let encode = |(stream, time, payload): &Message| multiplexed(*stream, *time, payload);
        let chunks: Vec<Vec<u8>> = messages.iter().map(encode).collect();
        let cuts = sorted(cuts);
        prop_assert_eq!(decode(false, &chunks, &cuts).unwrap(), messages.clone());
        let glued = [chunks.concat()];
        prop_assert_eq!(decode(false, &glued, &cuts).unwrap(), messages);
    }

    #[test]
    fn terminal_frames_do_not_depend_on_how_the_bytes_are_split(
        lines in prop::collection::vec((0..i64::MAX / 2, line()), 0..12),
        cuts in prop::collection::vec(1..100usize, 0..6),
    ) {
        let chunks: Vec<Vec<u8>> =
            lines.iter().map(|(time, payload)| stamped(*time, payload)).collect();
        let expected: Vec<Message> =
            lines.into_iter().map(|(time, line)| (StdStream::Stdout, time, line)).collect();
        let cuts = sorted(cuts);
        prop_assert_eq!(decode(true, &chunks, &cuts).unwrap(), expected.clone());
        let glued = [chunks.concat()];
        prop_assert_eq!(decode(true, &glued, &cuts).unwrap(), expected);
    }

    #[test]
    fn terminal_runs_and_pieces_do_not_depend_on_chunks(
        stored in runs(),
        cuts in prop::collection::vec(1..60_000usize, 0..12),
        step in prop_oneof![Just(1usize), Just(7), 2..40_000usize],
    ) {
        let bytes: Vec<u8> =
            stored.iter().flat_map(|(_, time, payload)| stamped(*time, payload)).collect();
        let glued = [bytes.clone()];
        prop_assert_eq!(&decode(true, &glued, &sorted(cuts)).unwrap(), &stored);
        let chunks: Vec<Vec<u8>> = bytes.chunks(step).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(&decode(true, &chunks, &[]).unwrap(), &stored);
    }

    #[test]
    fn no_input_makes_the_decoders_panic_or_hold_more_than_a_frame(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..8),
        tty: bool,
    ) {
        let mut decoder = Decoder::new(OutputKind::of(tty));
        let mut frames = Frames::default();
        for part in &parts {
            if decoder.feed(part, &mut frames).is_err() {
                return Ok(());
            }
        }
        let _ = decoder.finish(&mut frames);
    }
}

/// Decodes these bytes of messages with details, split in two at any place.
fn with_details(tty: bool, bytes: &[u8]) -> (Vec<Message>, Option<String>) {
    let decoded: Vec<_> = (1..bytes.len())
        .step_by(1 + bytes.len() / 300)
        .map(|cut| {
            let (mut decoder, mut frames) =
                (Decoder::with(OutputKind::of(tty), Details::With), Frames::default());
            decoder.feed(&bytes[..cut], &mut frames).unwrap();
            decoder.feed(&bytes[cut..], &mut frames).unwrap();
            decoder.finish(&mut frames).unwrap();
            (collect(&frames), frames.details().map(ToString::to_string))
        })
        .collect();
    assert!(decoded.windows(2).all(|pair| pair[0] == pair[1]), "a cut changes what is read");
    decoded[0].clone()
}

#[test]
fn details_are_removed_from_each_message() {
    // The container may write text that looks like details.
    for message in [&b"a=b c\n"[..], b" x\n", b"\n", b"plain\n"] {
        for details in ["", "app=web,k=a+b"] {
            let stamped = [details.as_bytes(), b" ", message].concat();
            let bytes = [
                multiplexed(StdStream::Stdout, 5, &stamped),
                multiplexed(StdStream::Stderr, 6, &stamped),
            ];
            let (frames, found) = with_details(false, &bytes.concat());
            let expected = [
                (StdStream::Stdout, 5, message.to_vec()),
                (StdStream::Stderr, 6, message.to_vec()),
            ];
            assert_eq!(frames, expected);
            assert_eq!(found.unwrap_or_default(), details);
        }
    }
    let mut decoder = Decoder::with(OutputKind::Pipes, Details::With);
    let none = multiplexed(StdStream::Stdout, 5, b"word\n");
    assert_eq!(decoder.feed(&none, &mut Frames::default()), Err(FrameError::NoDetails));
}

#[test]
fn details_of_a_terminal_stand_before_each_line_and_each_piece() {
    let day = 86_400 * 1_000_000_000;
    let message = |time, text: &[u8]| stamped(time, &[b"app=web ", text].concat());
    let long = vec![b'.'; PIECE_BYTES];
    let bytes = [
        message(day, b"one\r\n"),
        message(day + 1, &long),
        message(day + 1, b"end of it\r\n"),
        // A run that ended in the middle of a line, and the next one.
        message(day + 2, b"prompt> "),
        message(day + 3, b"again\r\n"),
    ];
    let (frames, found) = with_details(true, &bytes.concat());
    let texts: Vec<(i64, usize)> =
        frames.iter().map(|(_, time, text)| (time - day, text.len())).collect();
    assert_eq!(texts, [(0, 5), (1, PIECE_BYTES), (1, 11), (2, 8), (3, 7)]);
    assert_eq!(found.as_deref(), Some("app=web"));
}
