//! `-o pretty`: JSON and logfmt lines as `LEVEL message key=value`.
//!
//! All fields of a line are shown in their order, numbers as they were written. A value stays on its line: control
//! characters become escapes. A line that is neither JSON nor logfmt does not change.

use std::fmt::{self, Write};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::engine::timestamp::Timestamp;
use crate::format::Colors;
use crate::format::color::{DIM, GREEN, RED, YELLOW};
use crate::format::sanitize::strip_escapes;
use crate::level::Level;

/// The keys of message and time, in lower case.
const MESSAGES: [&str; 4] = ["msg", "message", "@message", "@m"];
const TIMES: [&str; 6] = ["time", "ts", "timestamp", "@timestamp", "@t", "t"];

/// The largest difference to the daemon's time at which a field repeats it.
const SAME_NANOS: i128 = 1_000_000_000;

/// The form of JSON and logfmt lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineForm {
    /// As the container wrote them.
    Plain,
    /// As `LEVEL message key=value`.
    Pretty,
}

impl LineForm {
    /// The other form.
    pub(crate) fn other(self) -> Self {
        match self {
            LineForm::Plain => LineForm::Pretty,
            LineForm::Pretty => LineForm::Plain,
        }
    }
}

/// Options of the form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    /// In colors.
    pub(crate) colors: Colors,
    /// Without escape sequences in values.
    pub(crate) strip: bool,
    /// The timestamp before the line: a field with the same time is left out.
    pub(crate) stamp: Option<Timestamp>,
}

/// The level of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    word: &'static str,
    color: &'static str,
}

/// A value of a line.
#[derive(Debug)]
enum Value {
    /// A string.
    Text(String),
    /// Any other value, as it is written.
    Verbatim(String),
}

/// A line in this form; `None` if it is neither JSON nor logfmt.
pub(crate) fn pretty(text: &[u8], look: Look) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let fields = match text.trim_start().starts_with('{') {
        true => json(text)?,
        false => logfmt(text)?,
    };
    let mut line = Line::new(look);
    let (mut level, mut message, mut rest) = (None, None, Vec::new());
    for (key, value) in fields {
        let name = key.to_ascii_lowercase();
        let is = |keys: &[&str]| keys.contains(&name.as_str());
        if level.is_none() && Level::is_key(name.as_bytes()) {
            level = self::level(&value);
            if level.is_some() {
                continue;
            }
        }
        match value {
            Value::Text(text) if message.is_none() && is(&MESSAGES) => message = Some(text),
            value if is(&TIMES) && look.stamp.is_some_and(|time| is_at(&value, time)) => {}
            value => rest.push((key, value)),
        }
    }
    level.into_iter().for_each(|level| line.level(level));
    message.iter().for_each(|message| line.message(message));
    rest.iter().for_each(|(key, value)| line.field(key, value));
    Some(line.text.into_bytes())
}

/// The members of a non-empty object.
fn json(text: &str) -> Option<Vec<(String, Value)>> {
    let Members(members) = serde_json::from_str(text).ok()?;
    let value = |raw: &RawValue| match serde_json::from_str(raw.get()) {
        Ok(text) => Value::Text(text),
        Err(_) => Value::Verbatim(compact(raw.get())),
    };
    let members: Vec<_> = members.into_iter().map(|(key, raw)| (key, value(raw))).collect();
    (!members.is_empty()).then_some(members)
}

/// All members of an object in their order, including duplicates.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// JSON without spaces outside of strings.
fn compact(json: &str) -> String {
    let (mut within, mut escaped) = (false, false);
    let keep = |c: &char| {
        let kept = within || !c.is_ascii_whitespace();
        match c {
            '"' if !escaped => within = !within,
            _ => {}
        }
        escaped = within && !escaped && *c == '\\';
        kept
    };
    json.chars().filter(keep).collect()
}

/// The pairs of a line that consists of pairs, with a level or a message among them. Text with a `=` somewhere is
/// not logfmt.
fn logfmt(text: &str) -> Option<Vec<(String, Value)>> {
    let mut pairs = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let is_key = |c: char| c.is_alphanumeric() || "_-.@/:".contains(c);
        if key.is_empty() || !key.chars().all(is_key) {
            return None;
        }
        let length = match after.strip_prefix('"') {
            Some(quoted) => end_of_quoted(quoted)? + 2,
            None => after.find(char::is_whitespace).unwrap_or(after.len()),
        };
        let (value, next) = after.split_at(length);
        let ends = next.is_empty() || next.starts_with(char::is_whitespace);
        if !ends || (!value.starts_with('"') && value.contains('"')) {
            return None;
        }
        pairs.push((key.to_owned(), value));
        rest = next.trim_start();
    }
    let mut known = false;
    let pairs = pairs.into_iter().map(|(key, raw)| {
        let name = key.to_ascii_lowercase();
        let is_message = MESSAGES.contains(&name.as_str());
        let value = Value::Text(unquoted(raw));
        let is_level = Level::is_key(name.as_bytes()) && level(&value).is_some();
        known |= is_message || is_level;
        let shown = is_message || is_level;
        (key, if shown { value } else { Value::Verbatim(raw.to_owned()) })
    });
    let pairs: Vec<_> = pairs.collect();
    known.then_some(pairs)
}

/// The index of the quote that ends this text.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

/// A logfmt value decoded; an invalid one stays as it is.
fn unquoted(raw: &str) -> String {
    let inner = raw.strip_prefix('"').and_then(|raw| raw.strip_suffix('"'));
    let text = inner.and_then(|inner| match inner.contains('\\') {
        true => serde_json::from_str(raw).ok(),
        false => Some(inner.to_owned()),
    });
    text.unwrap_or_else(|| raw.to_owned())
}

/// A logger's level, and the shown name.
fn level(value: &Value) -> Option<Shown> {
    let (Value::Text(text) | Value::Verbatim(text)) = value;
    let level = Level::of_value(text.as_bytes())?;
    let word = match text.to_ascii_lowercase().as_str() {
        // Names that are more precise than the level.
        "notice" => "NOTICE",
        "note" => "NOTE",
        "log" => "LOG",
        "default" => "DEFAULT",
        "verbose" => "VERBOSE",
        "fine" => "FINE",
        "finer" => "FINER",
        "finest" => "FINEST",
        "severe" => "SEVERE",
        "critical" | "crit" => "CRIT",
        "panic" | "dpanic" => "PANIC",
        "alert" => "ALERT",
        "emergency" | "emerg" => "EMERG",
        _ => level.as_str(),
    };
    let color = match level {
        Level::Trace | Level::Debug => DIM,
        Level::Info => GREEN,
        Level::Warn => YELLOW,
        Level::Error | Level::Fatal => RED,
    };
    Some(Shown { word, color })
}

/// Whether a value is this time: RFC 3339, or seconds, milliseconds, microseconds or nanoseconds since 1970.
fn is_at(value: &Value, time: Timestamp) -> bool {
    let (Value::Text(text) | Value::Verbatim(text)) = value;
    let text = text.trim_matches('"');
    let nanos = match text.parse::<jiff::Timestamp>() {
        Ok(time) => Some(time.as_nanosecond()),
        Err(_) => since_1970(text),
    };
    nanos.is_some_and(|nanos| (nanos - time.as_nanos()).abs() <= SAME_NANOS)
}

fn since_1970(text: &str) -> Option<i128> {
    let number: f64 = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    let unit = match number {
        ..1e11 => 1e9,
        ..1e14 => 1e6,
        ..1e17 => 1e3,
        _ => 1.0,
    };
    #[expect(clippy::cast_possible_truncation, reason = "it saturates, which is no time at hand")]
    Some((number * unit) as i128)
}

/// A line under construction.
struct Line {
    look: Look,
    text: String,
    /// Pad the level if more follows.
    padding: usize,
}

impl Line {
    fn new(look: Look) -> Self {
        Self { look, text: String::new(), padding: 0 }
    }

    fn colored(&mut self, color: &str, text: &str) {
        self.text.push_str(&self.look.colors.paint(color, text));
    }

    fn space(&mut self) {
        if !self.text.is_empty() {
            let spaces = std::mem::take(&mut self.padding) + 1;
            self.text.extend(std::iter::repeat_n(' ', spaces));
        }
    }

    fn level(&mut self, level: Shown) {
        self.colored(level.color, level.word);
        self.padding = 5_usize.saturating_sub(level.word.len());
    }

    fn message(&mut self, text: &str) {
        self.space();
        let text = self.stripped(text);
        for c in text.chars() {
            match c {
                '\t' => self.text.push(c),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                // Writing to a String cannot fail.
                c if c.is_control() => drop(write!(self.text, "\\u{:04x}", u32::from(c))),
                c => self.text.push(c),
            }
        }
    }

    fn field(&mut self, key: &str, value: &Value) {
        self.space();
        let key = quoted(self.stripped(key));
        self.colored(DIM, &format!("{key}="));
        let text = match value {
            Value::Text(text) => quoted(self.stripped(text)),
            Value::Verbatim(text) => text.clone(),
        };
        self.text.push_str(&text);
    }

    fn stripped(&self, text: &str) -> String {
        match self.look.strip {
            true => String::from_utf8_lossy(&strip_escapes(text.as_bytes())).into_owned(),
            false => text.to_owned(),
        }
    }
}

/// Text as one word, quoted if necessary.
fn quoted(text: String) -> String {
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '"' && c != '=';
    match !text.is_empty() && text.chars().all(plain) {
        true => text,
        false => serde_json::to_string(&text).unwrap_or(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOOK: Look = Look { colors: Colors::Off, strip: false, stamp: None };

    fn shown(text: &str, look: Look) -> String {
        pretty(text.as_bytes(), look)
            .map_or_else(|| "neither".to_owned(), |text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn json_and_logfmt_are_level_message_and_fields() {
        for (text, expected) in [
            (
                r#"{"level":"info","user":"anna","items":3,"msg":"order placed"}"#,
                "INFO  order placed user=anna items=3",
            ),
            (r#"{"severity":"WARNING","message":"slow","ms":812.50}"#, "WARN  slow ms=812.50"),
            (r#"{"level":50,"msg":"x"}"#, "ERROR x"),
            (r#" {"Message":"x","LogLevel":"Information"} "#, "INFO  x"),
            (r#"{"level":"error"}"#, "ERROR"),
            (r#"{"a":{"b": [1, 2, "x y"]},"c":null}"#, r#"a={"b":[1,2,"x y"]} c=null"#),
            (
                r#"{"big":12345678901234567890123,"e":1.50e400}"#,
                "big=12345678901234567890123 e=1.50e400",
            ),
            (r#"{"msg":"one","msg":"two","message":"three"}"#, "one msg=two message=three"),
            (r#"{"level":3,"msg":{"a":1}}"#, r#"ERROR msg={"a":1}"#),
            (r#"{"level":"basement","msg":"lift"}"#, "lift level=basement"),
            (
                r#"{"msg":"a\nb","stack":"at x\n\tat y","e":"","k v":"a=b"}"#,
                r#"a\nb stack="at x\n\tat y" e="" "k v"="a=b""#,
            ),
            (r#"{"msg":"\u001b[2Jgone","lone":"\ud800"}"#, r#"\u001b[2Jgone lone="\ud800""#),
            ("level=warn msg=\"slow query\" ms=812 q=\"a b\"", "WARN  slow query ms=812 q=\"a b\""),
            ("ts=1 lvl=ERR caller=a.go:7 msg=done", "ERROR done ts=1 caller=a.go:7"),
            (r#"msg="say \"hi\" \x41" a=\"#, r#""say \"hi\" \x41" a=\"#),
        ] {
            assert_eq!(shown(text, LOOK), expected, "{text}");
        }
    }

    #[test]
    fn a_line_of_another_form_stays_as_it_is() {
        for text in [
            "",
            "plain",
            "GET /cart?a=1 200",
            "a=1 b=2",
            "level=basement a=1",
            "level=info done",
            "panic: x=1 level=info",
            "level=info msg=\"open",
            "level=info a=b\"c",
            "msg=\"a\"b",
            "{}",
            "{\"a\":1",
            "[1,2]",
            "7",
            "{\"level\":\"info\"} tail",
            "{not json}",
        ] {
            assert_eq!(shown(text, LOOK), "neither", "{text}");
        }
        assert!(pretty(b"{\"msg\":\"\xff\"}", LOOK).is_none());
    }

    #[test]
    fn a_time_field_equal_to_the_timestamp_is_left_out() {
        let stamp = Timestamp::from_nanos(1_764_333_000_500_000_000);
        let look = Look { stamp: Some(stamp), ..LOOK };
        for (time, kept) in [
            (r#""2025-11-28T12:30:00.123Z""#, false),
            (r#""2025-11-28T13:30:00+01:00""#, false),
            ("1764333000.25", false),
            ("1764333000250", false),
            ("1764333000250000000", false),
            (r#""2025-11-28T12:30:02Z""#, true),
            ("7", true),
            (r#""noon""#, true),
        ] {
            let text = format!(r#"{{"ts":{time},"msg":"x"}}"#);
            assert_eq!(shown(&text, look) != "x", kept, "{text}");
            assert!(shown(&text, LOOK).starts_with("x ts="), "{text}");
        }
        let logfmt = "time=2025-11-28T12:30:00Z level=info msg=x";
        assert_eq!(shown(logfmt, look), "INFO  x");
        assert_eq!(shown(logfmt, LOOK), "INFO  x time=2025-11-28T12:30:00Z");
    }

    #[test]
    fn levels_have_colors_and_escapes_can_be_stripped() {
        let color = Look { colors: Colors::On, ..LOOK };
        let text = r#"{"level":"error","msg":"x","a":1}"#;
        assert_eq!(shown(text, color), "\x1b[31mERROR\x1b[0m x \x1b[2ma=\x1b[0m1");
        let strip = Look { strip: true, ..LOOK };
        let text = r#"{"msg":"\u001b[31mred\u001b[0m","a":"\u001b[1mb"}"#;
        assert_eq!(shown(text, strip), "red a=b");
    }

    proptest! {
        #[test]
        fn no_field_of_json_is_lost_and_a_line_stays_a_line(
            fields in prop::collection::vec(("[a-z@]{1,8}", "\\PC{0,12}|[0-9]{1,25}|[\n\"=\\\\ ]{0,4}"), 1..8)
        ) {
            let members: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", serde_json::json!(key), serde_json::json!(value)))
                .collect();
            let text = shown(&format!("{{{}}}", members.join(", ")), LOOK);
            prop_assert!(!text.contains('\n'));
            let escaped = |value: &str| serde_json::to_string(value).unwrap();
            for (key, value) in &fields {
                let is_level = level(&Value::Text(value.clone())).is_some();
                let field = format!("{key}={}", quoted(value.clone()));
                let quoted = escaped(value);
                let inner = &quoted[1..quoted.len() - 1];
                let message = value.replace('\n', "\\n");
                prop_assert!(
                    is_level || text.contains(&field) || text.contains(inner) || text.contains(&message),
                    "{key} {value:?} in {text}"
                );
            }
        }
    }

    #[test]
    fn pretty_and_filter_agree_about_levels() {
        let look = Look { colors: Colors::Off, strip: false, stamp: None };
        for (line, expected) in [
            (r#"{"level":"severe","msg":"x"}"#, "SEVERE x"),
            (r#"{"severitytext":"I","msg":"x"}"#, "INFO  x"),
            (r#"{"level":3,"msg":"x"}"#, "ERROR x"),
            (r#"{"level":"loud","msg":"x"}"#, "x level=loud"),
            ("level_name=wrn msg=x", "WARN  x"),
        ] {
            let shown = String::from_utf8(pretty(line.as_bytes(), look).unwrap()).unwrap();
            assert_eq!(shown, expected, "{line}");
        }
    }
}
