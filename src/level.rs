//! The level of a line, as loggers write it: JSON, logfmt, klog and glog, syslog, brackets and prefixes.
//!
//! No logger is configured here, so a word counts as a level only at places where loggers put it. A line that says
//! `0 errors found` has no level.

use std::fmt;

use memchr::memchr;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

/// The severity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For developers.
    Debug,
    /// Normal events, `notice` included.
    Info,
    /// Something may be wrong.
    Warn,
    /// Something failed.
    Error,
    /// The program cannot continue: `critical`, `panic`, `emergency`.
    Fatal,
}
use Level::{Error, Fatal, Info, Trace, Warn};

impl Level {
    /// The level of a line, given without control sequences.
    pub fn of(line: &[u8]) -> Option<Self> {
        let line = line.trim_ascii_start();
        match line.first()? {
            b'{' => json(line),
            b'<' => syslog(line).or_else(|| prefix(line)),
            _ => klog(line)
                .or_else(|| crash(line))
                .or_else(|| prefix(line))
                .or_else(|| logfmt(line))
                .or_else(|| json_after_time(line)),
        }
    }
}

impl Level {
    /// The level in the value of a field: a name, a letter or a number.
    pub(crate) fn of_value(text: &[u8]) -> Option<Self> {
        value(text)
    }

    /// Whether a field of this name holds the level.
    pub(crate) fn is_key(key: &[u8]) -> bool {
        const KEYS: [&[u8]; 11] = [
            b"level",
            b"lvl",
            b"severity",
            b"log.level",
            b"log_level",
            b"loglevel",
            b"levelname",
            b"level_name",
            b"severitytext",
            b"@l",
            b"@level",
        ];
        KEYS.iter().any(|known| key.eq_ignore_ascii_case(known))
    }

    /// Its name in capitals.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Trace => "TRACE",
            Level::Debug => "DEBUG",
            Info => "INFO",
            Warn => "WARN",
            Error => "ERROR",
            Fatal => "FATAL",
        }
    }
}

/// A level's name, in any case.
fn named(word: &[u8]) -> Option<Level> {
    let mut lower = [0; 13];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    let level = match &*lower {
        b"trace" | b"trc" | b"trce" | b"verbose" | b"finer" | b"finest" => Trace,
        b"debug" | b"dbg" | b"dbug" | b"fine" => Level::Debug,
        b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"note" | b"log"
        | b"default" => Info,
        b"warn" | b"warning" | b"wrn" => Warn,
        b"error" | b"err" | b"eror" | b"severe" | b"fail" => Error,
        b"fatal" | b"ftl" | b"crit" | b"critical" | b"panic" | b"dpanic" | b"alert" | b"emerg"
        | b"emergency" => Fatal,
        _ => return None,
    };
    Some(level)
}

/// A level's letter.
fn letter(byte: u8) -> Option<Level> {
    match byte {
        b'T' => Some(Trace),
        b'D' => Some(Level::Debug),
        b'I' => Some(Info),
        b'W' => Some(Warn),
        b'E' => Some(Error),
        b'F' | b'C' => Some(Fatal),
        _ => None,
    }
}

/// A severity of syslog (RFC 5424, 6.2.1).
fn severity(number: u64) -> Option<Level> {
    const SEVERITIES: [Level; 8] = [Fatal, Fatal, Fatal, Error, Warn, Info, Info, Level::Debug];
    SEVERITIES.get(usize::try_from(number).ok()?).copied()
}

/// A level's number: syslog's severities up to 7, else those of pino and bunyan.
fn numbered(number: u64) -> Option<Level> {
    let level = match number {
        0..=7 => return severity(number),
        8..=10 => Trace,
        11..=20 => Level::Debug,
        21..=30 => Info,
        31..=40 => Warn,
        41..=50 => Error,
        51..=100 => Fatal,
        _ => return None,
    };
    Some(level)
}

/// A level as the value of a field.
fn value(text: &[u8]) -> Option<Level> {
    let text = text.trim_ascii();
    let number = || std::str::from_utf8(text).ok()?.parse().ok().and_then(numbered);
    named(text).or_else(number).or_else(|| match text {
        [one] => letter(one.to_ascii_uppercase()),
        _ => None,
    })
}

/// The level of an object, from its fields in order. The object may be truncated behind the field.
fn json(line: &[u8]) -> Option<Level> {
    let mut found = None;
    let mut object = serde_json::Deserializer::from_slice(line);
    // An error also ends the parsing early.
    let _ = object.deserialize_map(Object(&mut found));
    found
}

struct Object<'a>(&'a mut Option<Level>);

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(is_level) = map.next_key_seed(Key)? {
            if is_level {
                *self.0 = map.next_value_seed(Value)?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
            if self.0.is_some() {
                return Err(de::Error::custom("enough"));
            }
        }
        Ok(())
    }
}

/// Whether a key is the level's.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(Level::is_key(key.as_bytes()))
    }
}

/// The level of a value.
struct Value;

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Option<Level>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Option<Level>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(value(text.as_bytes()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(numbered(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<S: de::SeqAccess<'de>>(self, mut of: S) -> Result<Self::Value, S::Error> {
        while of.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// An object behind a timestamp or a name.
fn json_after_time(line: &[u8]) -> Option<Level> {
    let begin = memchr(b'{', &line[..line.len().min(HEAD_MAX_BYTES)])?;
    line[begin..].starts_with(b"{\"").then(|| json(&line[begin..])).flatten()
}

/// `<PRIORITY>`: eight times the facility plus the severity.
fn syslog(line: &[u8]) -> Option<Level> {
    let end = memchr(b'>', &line[..line.len().min(5)])?;
    let priority: u64 = std::str::from_utf8(&line[1..end]).ok()?.parse().ok()?;
    (priority <= 191).then(|| severity(priority % 8)).flatten()
}

/// `E1128 12:00:00.000000` of klog and glog; newer versions of glog write the year too.
fn klog(line: &[u8]) -> Option<Level> {
    let (first, rest) = line.split_first()?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let time = rest.get(digits..digits + 4)?;
    let is_time =
        time[0] == b' ' && time[1].is_ascii_digit() && time[2].is_ascii_digit() && time[3] == b':';
    (matches!(digits, 4 | 8) && is_time).then(|| letter(*first)).flatten()
}

/// The first line of a crash, which contains no level.
fn crash(line: &[u8]) -> Option<Level> {
    let panicked = |line: &[u8]| {
        line.starts_with(b"thread '") && line.windows(13).any(|window| window == b"' panicked at")
    };
    let begins = |prefix: &[u8]| line.starts_with(prefix);
    match line[0] {
        b't' if panicked(&line[..line.len().min(HEAD_MAX_BYTES)]) => Some(Fatal),
        b'E' if begins(b"Exception in thread ") => Some(Error),
        b'U' if begins(b"Uncaught ") || begins(b"Unhandled ") => Some(Error),
        _ => None,
    }
}

/// The place of a level: within this number of bytes and words from the beginning.
const HEAD_MAX_BYTES: usize = 160;
const HEAD_MAX_WORDS: usize = 9;

/// A level in front of the message, perhaps behind a time, a process or a logger.
fn prefix(line: &[u8]) -> Option<Level> {
    let head = &line[..line.len().min(HEAD_MAX_BYTES)];
    let texts = head.split(|byte| matches!(byte, b' ' | b'\t')).filter(|word| !word.is_empty());
    // Before the level: nothing, a time or similar, and a few plain words.
    let (mut begun, mut plain) = (false, 0);
    for (index, word) in texts.enumerate().take(HEAD_MAX_WORDS) {
        if let Some((level, style)) = styled(word) {
            let credible = match style {
                Style::Marked => plain == 0 || begun,
                Style::Upper => index == 0 || begun,
                // `error connecting to`; a line that begins with `info` may be any sentence.
                Style::Lower => index == 0 && Warn <= level || begun && plain == 0,
            };
            if credible {
                return Some(level);
            }
        }
        // A digit, or a capital letter alone, as Ruby's logger begins with.
        let is_mark = word.iter().any(u8::is_ascii_digit)
            || matches!(word, [b'A'..=b'Z'] | [b'A'..=b'Z', b',']);
        if is_mark || matches!(word[0], b'[' | b'(' | b'<') {
            begun = true;
        } else if word.iter().any(u8::is_ascii_alphanumeric) {
            plain += 1;
            // A line that begins with several plain words is a sentence.
            if !begun || 3 < plain {
                return None;
            }
        }
    }
    None
}

/// The notation of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// In brackets, or with a colon or a bar behind it.
    Marked,
    /// In capital letters.
    Upper,
    /// In small letters.
    Lower,
}

/// The level of a word in a notation that loggers use.
fn styled(word: &[u8]) -> Option<(Level, Style)> {
    let bare = match word {
        [b'[' | b'(' | b'<' | b'|', rest @ ..] => rest,
        _ => word,
    };
    let opened = bare.len() < word.len();
    let letters = bare.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (name, rest) = bare.split_at(letters);
    match rest {
        // `app.ERROR:`, as Monolog has its channels.
        [b'.', rest @ ..] if rest.ends_with(b":") => {
            let name = &rest[..rest.len() - 1];
            return named(name).filter(|_| is_upper(name)).map(|level| (level, Style::Marked));
        }
        // `[core:warn]`, as Apache names its modules.
        [b':', rest @ ..] if opened && rest.ends_with(b"]") => {
            return named(&rest[..rest.len() - 1]).map(|level| (level, Style::Marked));
        }
        [] | [b':' | b']' | b')' | b'>' | b'|' | b',' | b'!', ..] => {}
        _ => return None,
    }
    if let ([one], true) = (name, opened) {
        return letter(*one).map(|level| (level, Style::Marked));
    }
    let level = named(name)?;
    let marked = matches!(rest, [b':' | b'|' | b'!', ..]) || opened && !rest.is_empty();
    let style = if marked {
        Style::Marked
    } else if is_upper(name) {
        Style::Upper
    } else if matches!(name, b"note" | b"log" | b"fine" | b"default" | b"fail") {
        return None;
    } else {
        Style::Lower
    };
    Some((level, style))
}

fn is_upper(name: &[u8]) -> bool {
    name.iter().all(u8::is_ascii_uppercase)
}

/// `level=warn` among fields; quoted text does not count.
fn logfmt(line: &[u8]) -> Option<Level> {
    let mut rest = line;
    while let Some(equals) = memchr(b'=', rest) {
        let (before, after) = (&rest[..equals], &rest[equals + 1..]);
        let begin = before.iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b',' | b'{'));
        let key = &before[begin.map_or(0, |at| at + 1)..];
        let (text, tail) = match after {
            [b'"', quoted @ ..] => until_quote(quoted),
            _ => {
                let end = after.iter().position(|byte| matches!(byte, b' ' | b'\t' | b','));
                after.split_at(end.unwrap_or(after.len()))
            }
        };
        if Level::is_key(key)
            && let Some(level) = value(text)
        {
            return Some(level);
        }
        rest = tail;
    }
    None
}

/// A quoted text and the rest behind it.
fn until_quote(quoted: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(byte) = quoted.get(at) {
        match byte {
            b'"' => return (&quoted[..at], &quoted[at + 1..]),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (quoted, &[])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(cases: &[(&str, Option<Level>)]) {
        for (line, expected) in cases {
            assert_eq!(Level::of(line.as_bytes()), *expected, "{line}");
        }
    }

    #[test]
    fn levels_in_json() {
        check(&[
            (r#"{"level":"warn","msg":"x"}"#, Some(Warn)),
            (r#"{"msg":"x","time":1,"Severity":"CRITICAL"}"#, Some(Fatal)),
            (r#"{"a":{"level":"error"},"b":[{"level":"error"}],"lvl":"dbg"}"#, Some(Level::Debug)),
            (r#"{"log.level":"INFO"}"#, Some(Info)),
            (r#"{"@t":"2026","@l":"Warning"}"#, Some(Warn)),
            (r#"{"level":50,"pid":1}"#, Some(Error)),
            (r#"{"level":30}"#, Some(Info)),
            (r#"{"level":60}"#, Some(Fatal)),
            (r#"{"level":"40"}"#, Some(Warn)),
            // Graylog's are those of syslog.
            (r#"{"version":"1.1","level":3}"#, Some(Error)),
            (r#"{"level":null,"severity":"error"}"#, Some(Error)),
            (r#"{"level":{"name":"error"},"severity":"info"}"#, Some(Info)),
            (r#"{"level":"error","msg":"cut o"#, Some(Error)),
            (r#"{"msg":"cut off before, "level":"#, None),
            (r#"{"msg":"level error"}"#, None),
            (r#"{"level":-1}"#, None),
            (r#"  {"level":"error"}"#, Some(Error)),
            (r#"2026-11-28T12:00:00Z {"level":"error"}"#, Some(Error)),
            (r#"{"lev\u0065l":"error"}"#, Some(Error)),
        ]);
    }

    #[test]
    fn levels_in_logfmt() {
        check(&[
            ("time=2026-11-28T12:00:00Z level=warning msg=\"slow query\" ms=812", Some(Warn)),
            ("lvl=eror msg=x", Some(Error)),
            ("msg=\"level=error typed by a user\" level=info", Some(Info)),
            ("msg=\"a \\\" level=error\" x=1", None),
            ("severity=\"critical\" x=y", Some(Fatal)),
            ("sublevel=error a=b", None),
            ("level= msg=x", None),
            ("request failed level=error", Some(Error)),
        ]);
    }

    #[test]
    fn levels_of_klog_glog_and_syslog() {
        check(&[
            ("E1128 12:00:00.000000       1 server.go:12] failed", Some(Error)),
            ("I1128 12:00:00.000000       1 server.go:12] ERROR counts: 0", Some(Info)),
            ("W20261128 12:00:00.000000 1 server.cc:12] x", Some(Warn)),
            ("F1128 12:00:00.000000 1 x.go:1] x", Some(Fatal)),
            ("E112 12:00:00 x", None),
            ("E1128 is a room", None),
            ("<3>disk failed", Some(Error)),
            ("<11>Nov 28 12:00:00 host app: x", Some(Error)),
            ("<165>1 2026-11-28T12:00:00Z host app - - - x", Some(Info)),
            ("<7>x", Some(Level::Debug)),
            ("<999>x", None),
            ("<p>x", None),
        ]);
    }

    #[test]
    fn levels_in_front_of_the_message() {
        check(&[
            ("ERROR: relation does not exist", Some(Error)),
            ("error: no such file", Some(Error)),
            ("Error: boom", Some(Error)),
            ("error upstream api: connection reset", Some(Error)),
            ("WARNING:root:careful", Some(Warn)),
            ("warn: Microsoft.AspNetCore[0]", Some(Warn)),
            ("fail: Microsoft.AspNetCore[0]", Some(Error)),
            ("npm ERR! code 1", None),
            ("[ERROR] x", Some(Error)),
            ("[error] x", Some(Error)),
            ("[E] x", Some(Error)),
            ("[I 2026-11-28 12:00:00.000 NotebookApp] x", Some(Info)),
            ("[12:00:00 WRN] x", Some(Warn)),
            ("2026-11-28 12:00:00,123 WARN  [main] c.e.App - x", Some(Warn)),
            ("2026-11-28T12:00:00.000Z  INFO 1 --- [main] c.e.App : ERROR rate 0", Some(Info)),
            ("2026-11-28 12:00:00.000 UTC [1] LOG:  database system is ready", Some(Info)),
            ("2026-11-28 12:00:00.000 UTC [1] FATAL:  role does not exist", Some(Fatal)),
            ("2026/11/28 12:00:00 [error] 1#1: *1 open() failed", Some(Error)),
            ("[Sat Nov 28 12:00:00 2026] [core:warn] [pid 1] x", Some(Warn)),
            ("2026-11-28 12:00:00,123 - root - ERROR - x", Some(Error)),
            ("2026-11-28T12:00:00Z error x", Some(Error)),
            ("[2026-11-28T12:00:00Z DEBUG app] x", Some(Level::Debug)),
            ("[2026-11-28T12:00:00.000+00:00] app.ERROR: x", Some(Error)),
            ("E, [2026-11-28T12:00:00.000 #1] ERROR -- : x", Some(Error)),
            ("[Nest] 1  - 11/28/2026, 12:00:00 PM   ERROR [App] x", Some(Error)),
            ("2026-11-28T12:00:00.000000Z 0 [Warning] [MY-010] x", Some(Warn)),
            ("2026-11-28 12:00:00 | NOTICE | x", Some(Info)),
            ("Nov 28 12:00:00 host app[1]: x", None),
            ("panic: index out of range [7] with length 7", Some(Fatal)),
            ("fatal error: all goroutines are asleep - deadlock!", Some(Fatal)),
            ("thread 'main' panicked at src/main.rs:2:5:", Some(Fatal)),
            ("thread 'main' (17) panicked at src/main.rs:2:5:", None),
            ("Exception in thread \"main\" java.lang.Error", Some(Error)),
        ]);
    }

    #[test]
    fn words_in_a_sentence_are_not_levels() {
        check(&[
            ("", None),
            ("   ", None),
            ("GET /error 200 3ms", None),
            ("0 errors found", None),
            ("no error", None),
            ("the level is INFO", None),
            ("info about everything", None),
            ("Debug mode is on", None),
            ("    at com.example.Error.raise(Error.java:1)", None),
            ("errors: 3", None),
            ("User selected WARN", None),
        ]);
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_level_or_none(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Level::of(&line);
        }

        #[test]
        fn log_like_text_has_a_level_or_none(
            line in "([<\\[{(]?(level|ERROR|warn|E|I1128|thread '|' panicked at|\"|\\\\|=|:|,|[0-9 .>\\])}]|é){1,3}){0,12}",
        ) {
            let _ = Level::of(line.as_bytes());
        }

        #[test]
        fn a_level_in_json_is_found_among_any_fields(
            key in "[a-z]{1,5}", text in ".{0,20}", level in 0..6_usize,
        ) {
            let (name, level) = [("trace", Trace), ("debug", Level::Debug), ("info", Info), ("warn", Warn),
                ("error", Error), ("fatal", Fatal)][level];
            prop_assume!(!Level::is_key(key.as_bytes()));
            let line = serde_json::json!({ "a": { "level": text }, key: text, "level": name });
            prop_assert_eq!(Level::of(line.to_string().as_bytes()), Some(level));
        }
    }
}
