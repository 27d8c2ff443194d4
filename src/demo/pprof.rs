//! Go's `/debug/pprof` as a daemon in debug mode serves it: the index, and profiles in each of their forms.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// Profiles that the index lists.
const PROFILES: [&str; 6] = ["allocs", "block", "goroutine", "heap", "mutex", "threadcreate"];

/// The content type and body of `/debug/pprof/NAME`.
///
/// `groups` are the goroutines: count, and the function on top of their stacks. The other profiles are empty.
pub(super) fn answer(
    name: &str,
    debug: Option<&str>,
    groups: &[(u64, &str)],
) -> Option<(&'static str, Vec<u8>)> {
    let groups = if name == "goroutine" { groups } else { &[] };
    let text = |text: String| Some(("text/plain; charset=utf-8", text.into_bytes()));
    match (name, debug.unwrap_or("0")) {
        ("", _) => Some(("text/html; charset=utf-8", index().into_bytes())),
        ("cmdline", _) => text("dockerd\0--debug".to_owned()),
        (name, _) if !PROFILES.contains(&name) => None,
        (_, "0") => Some(("application/octet-stream", encoded(groups))),
        ("goroutine", "1") => text(counted(groups)),
        ("goroutine", _) => text(stacks(groups)),
        ("heap" | "allocs", _) => text("heap profile: 0: 0 [0: 0] @ heap/1048576\n".to_owned()),
        (name, _) => text(format!("{name} profile: total 0\n")),
    }
}

fn index() -> String {
    let link = |name: &&str| format!("<a href=\"{name}?debug=1\">{name}</a>\n");
    let links: String = PROFILES.iter().map(link).collect();
    format!("<html><head><title>/debug/pprof/</title></head><body>\n{links}</body></html>\n")
}

fn address(group: usize) -> u64 {
    0x40_0000 + 0x100 * group as u64
}

/// `debug=1`: each group once, with its count.
fn counted(groups: &[(u64, &str)]) -> String {
    let total: u64 = groups.iter().map(|(count, _)| count).sum();
    let mut text = format!("goroutine profile: total {total}\n");
    for (at, (count, function)) in groups.iter().enumerate() {
        let address = address(at);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{count} @ {address:#x}\n#\t{address:#x}\t{function}+0x10\t/go/src/demo.go:{at}\n\n"
        );
    }
    text
}

/// `debug=2`: the stack of each goroutine.
fn stacks(groups: &[(u64, &str)]) -> String {
    let each = groups.iter().enumerate();
    let each = each.flat_map(|(at, (count, function))| (0..*count).map(move |_| (at, function)));
    let mut text = String::new();
    for (number, (at, function)) in each.enumerate() {
        let (number, state) = (number + 1, if at == 0 { "IO wait" } else { "select" });
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "goroutine {number} [{state}]:\n{function}()\n\t/go/src/demo.go:{at} +0x10\n\n"
        );
    }
    text
}

/// `debug=0`: the profile as pprof's protocol buffer, compressed (pprof's `proto/profile.proto`).
fn encoded(groups: &[(u64, &str)]) -> Vec<u8> {
    let mut profile = Message::default();
    profile.message(1, &Message::default().number(1, 1).number(2, 2));
    let mut strings = vec!["", "goroutine", "count", "/go/src/demo.go"];
    for (at, (count, function)) in groups.iter().enumerate() {
        let (id, name) = (at as u64 + 1, strings.len() as u64);
        strings.push(function);
        profile.message(2, &Message::default().number(1, id).number(2, *count));
        let line = Message::default().number(1, id).number(2, id);
        let mut location = Message::default().number(1, id).number(3, address(at));
        location.message(4, &line);
        profile.message(4, &location);
        profile.message(5, &Message::default().number(1, id).number(2, name).number(4, 3));
    }
    strings.iter().for_each(|string| profile.bytes(6, string.as_bytes()));
    profile.message(11, &Message::default().number(1, 1).number(2, 2));
    let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing to a Vec cannot fail.
    let _ = compressed.write_all(&profile.number(12, 1).0);
    compressed.finish().unwrap_or_default()
}

/// A message of protocol buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while 0x80 <= value {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    fn number(mut self, field: u64, value: u64) -> Self {
        self.varint(field << 3);
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: [(u64, &str); 2] = [(2, "net/http.read"), (30, "main.main")];

    #[test]
    fn profile_texts_sum_to_the_total() {
        let text = |debug| {
            let (_, body) = answer("goroutine", Some(debug), &GROUPS).unwrap();
            String::from_utf8(body).unwrap()
        };
        let (counted, stacks) = (text("1"), text("2"));
        assert!(counted.starts_with("goroutine profile: total 32\n2 @ 0x400000\n"), "{counted}");
        assert_eq!(stacks.matches("goroutine ").count(), 32);
        assert!(stacks.starts_with("goroutine 1 [IO wait]:\nnet/http.read()\n\t"), "{stacks}");
        assert_eq!(answer("nope", None, &GROUPS), None);
    }
}
