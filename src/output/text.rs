//! Lines as text: bare bytes, or one output line per line with a prefix.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::Value;

use super::{Config, Form};
use crate::engine::event::{Ending, Label, Line, Lines};
use crate::engine::source::{ContainerKey, StdStream};
use crate::filter::{Mark, visible};
use crate::format::Colors;
use crate::format::color::{Palette, RESET};
use crate::format::details;
use crate::format::pretty::{self, Look};
use crate::format::sanitize;
use crate::format::stamp::StampWriter;
use crate::format::template::{Renderer, Template};

/// The bounds of the width that names are padded to.
const WIDTH: std::ops::RangeInclusive<usize> = 4..=24;

/// The name of the template's environment; not shown.
const PLAIN: Look = Look { colors: Colors::Off, strip: false, stamp: None };

/// Writes lines as text.
pub(super) struct Text {
    config: Config,
    /// The timestamp writer, if timestamps are requested.
    stamps: Option<StampWriter>,
    /// The names of the followed containers.
    names: Box<dyn Fn() -> Vec<Arc<str>> + Send>,
    /// Each name as written, without padding, with its width.
    prefixes: HashMap<Arc<str>, Prefix>,
    palette: Palette,
    /// The width of the widest name.
    width: usize,
    /// Whether the bare form is in the middle of a line, per output.
    open: [bool; 2],
    /// The renderer of the template, if there is one.
    renderer: Option<Renderer>,
    /// The template's error for a line, and whether it was reported.
    failed: Option<String>,
    is_failure_known: bool,
    /// The container of the last line, if the bare form has not ended that line.
    unended: Option<ContainerKey>,
    /// The details before each line of the current batch, if requested.
    details: Option<Arc<str>>,
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text").field("config", &self.config).finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Prefix {
    written: Vec<u8>,
    width: usize,
}

impl Text {
    /// `names` returns those of the followed containers at each call.
    pub(super) fn new(config: Config, names: impl Fn() -> Vec<Arc<str>> + Send + 'static) -> Self {
        Self {
            renderer: config.template.as_ref().map(Template::renderer),
            failed: None,
            is_failure_known: false,
            stamps: config.stamp.clone().map(StampWriter::new),
            config,
            names: Box::new(names),
            prefixes: HashMap::new(),
            palette: Palette::default(),
            width: *WIDTH.start(),
            open: [false; 2],
            unended: None,
            details: None,
        }
    }

    /// The number of names.
    #[cfg(test)]
    fn held(&self) -> usize {
        self.prefixes.len().max(self.palette.len())
    }

    /// Appends a batch to `into`, with these parts highlighted.
    pub(super) fn marked(&mut self, lines: &Lines, marks: &[Mark], into: &mut Vec<u8>) {
        if marks.is_empty() {
            return self.lines(lines, into);
        }
        let (mut painted, mut marks) = (Lines::new(Arc::clone(&lines.label)), marks);
        for (place, (line, text)) in lines.iter().enumerate() {
            let count = marks.iter().take_while(|mark| mark.line == place).count();
            let (own, rest) = marks.split_at(count);
            let mut with = Vec::with_capacity(text.len() + 16 * count);
            // In another form, the byte offsets of a line differ.
            let own =
                if self.config.pretty && pretty::pretty(text, PLAIN).is_some() { &[] } else { own };
            visible::paint(text, own.iter().map(|mark| mark.range.clone()), &mut with);
            painted.push_line(line, &with);
            marks = rest;
        }
        self.lines(&painted, into);
    }

    /// Appends a batch to `into`.
    pub(super) fn lines(&mut self, lines: &Lines, into: &mut Vec<u8>) {
        self.details.clone_from(&lines.label.details);
        match self.config.form {
            Form::Bare => {
                self.part_from_others(lines, into);
                let Config { stamp, pretty, strip_escapes, sanitize, .. } = &self.config;
                match self.details.is_some()
                    || stamp.is_some()
                    || *pretty
                    || *strip_escapes
                    || *sanitize
                {
                    false => into.extend_from_slice(lines.raw()),
                    true => lines.iter().for_each(|(line, text)| self.bare(line, text, into)),
                }
            }
            Form::Text { prefix: true } => self.prefixed(lines, into),
            Form::Template => {
                lines
                    .iter()
                    .for_each(|(line, text)| self.templated(&lines.label, line, text, into));
            }
            Form::Text { .. } | Form::Json => {
                lines.iter().for_each(|(line, text)| self.line(line, text, into));
            }
        }
    }

    /// Another container's unterminated line must not run into these.
    fn part_from_others(&mut self, lines: &Lines, into: &mut Vec<u8>) {
        let key = &lines.label.key;
        if self.unended.take().is_some_and(|other| other != *key) {
            into.push(b'\n');
            self.open = [false; 2];
        }
        if matches!(lines.last_ending(), Some(Ending::Unterminated | Ending::Piece)) {
            self.unended = Some(key.clone());
        }
    }

    /// The unchanged bytes, with a timestamp at the beginning of each line.
    fn bare(&mut self, line: Line, text: &[u8], into: &mut Vec<u8>) {
        let open = &mut self.open[usize::from(line.stream == StdStream::Stderr)];
        let begins = !*open;
        if begins && let Some(stamps) = &mut self.stamps {
            stamps.write(line.time, into);
        }
        *open = line.ending == Ending::Piece;
        if begins {
            self.write_details(into);
        }
        self.content(line, text, into);
        into.extend_from_slice(match line.ending {
            Ending::Lf => b"\n",
            Ending::CrLf => b"\r\n",
            Ending::Unterminated | Ending::Piece => b"",
        });
    }

    fn prefixed(&mut self, lines: &Lines, into: &mut Vec<u8>) {
        let name = &lines.label.title;
        if !self.prefixes.contains_key(name) {
            self.learn(name);
        }
        let Prefix { written, width } = &self.prefixes[name];
        let padding = " ".repeat(self.width.saturating_sub(*width));
        let prefix = [written.as_slice(), padding.as_bytes(), b" | "].concat();
        for (line, text) in lines.iter() {
            into.extend_from_slice(&prefix);
            self.line(line, text, into);
        }
    }

    /// Handles a new name: all followed containers get a prefix now, so that colors and width do not depend on the
    /// order of lines. Names of removed containers are dropped. A late line of one makes its name new again.
    fn learn(&mut self, name: &Arc<str>) {
        let mut names: BTreeSet<Arc<str>> = (self.names)().into_iter().collect();
        names.insert(Arc::clone(name));
        self.palette.settle(&names);
        self.prefixes.retain(|name, _| names.contains(name));
        for name in names {
            if !self.prefixes.contains_key(&name) {
                let prefix = Prefix::new(&name, &self.config, self.palette.of(&name));
                self.prefixes.insert(name, prefix);
            }
        }
        let widest = self.prefixes.values().map(|prefix| prefix.width).max().unwrap_or_default();
        self.width = widest.clamp(*WIDTH.start(), *WIDTH.end());
    }

    /// A line from the template. If the template fails, the line is shown unchanged.
    fn templated(&mut self, label: &Label, line: Line, text: &[u8], into: &mut Vec<u8>) {
        let strip = self.config.strip_escapes;
        let shown = if strip { sanitize::strip_escapes(text) } else { Cow::Borrowed(text) };
        let mut time = Vec::new();
        match &mut self.stamps {
            Some(stamps) => stamps.write_alone(line.time, &mut time),
            None => line.time.write(&mut time),
        }
        let text_of = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes).into_owned());
        let mut variables = BTreeMap::from([
            ("v", Value::from(1)),
            ("type", Value::from("line")),
            ("time", text_of(&time)),
            ("container", Value::from(&*label.name)),
            ("id", Value::from(label.key.id.as_str())),
            ("stream", Value::from(line.stream.as_str())),
            ("msg", text_of(&shown)),
        ]);
        if let Some(host) = label.key.daemon.host() {
            variables.insert("host", Value::from(&**host));
        }
        if let Some(details) = &label.details {
            variables.insert("details", Value::from_pairs(details::pairs(details)));
        }
        if std::str::from_utf8(&shown).is_err() {
            variables.insert("msg_base64", Value::from(STANDARD.encode(&shown)));
        }
        if line.ending == Ending::Piece {
            variables.insert("partial", Value::from(true));
        }
        if line.recovered {
            variables.insert("recovered", Value::from(true));
        }
        match self.renderer.as_ref().map(|renderer| renderer.render(variables)) {
            Some(Ok(rendered)) if self.config.sanitize => {
                for (at, part) in rendered.split('\n').enumerate() {
                    if 0 < at {
                        into.push(b'\n');
                    }
                    sanitize::sanitize(part.as_bytes(), into);
                }
                if rendered.contains('\x1b') {
                    into.extend_from_slice(RESET.as_bytes());
                }
            }
            Some(Ok(rendered)) => into.extend_from_slice(rendered.as_bytes()),
            failed => {
                if let (Some(Err(error)), false) = (failed, self.is_failure_known) {
                    self.failed = Some(error);
                    self.is_failure_known = true;
                }
                self.content(line, text, into);
            }
        }
        into.push(b'\n');
    }

    /// The template's error for a line, once.
    pub(super) fn take_failure(&mut self) -> Option<String> {
        self.failed.take()
    }

    /// One output line, whatever terminator the container wrote.
    fn line(&mut self, line: Line, text: &[u8], into: &mut Vec<u8>) {
        if let Some(stamps) = &mut self.stamps {
            stamps.write(line.time, into);
        }
        if line.recovered {
            into.extend_from_slice(b"(late) ");
        }
        self.write_details(into);
        self.content(line, text, into);
        if line.ending == Ending::Piece {
            into.extend_from_slice("…".as_bytes());
        }
        into.push(b'\n');
    }
}

impl Text {
    /// The details as the daemon writes them, which is how docker shows them.
    fn write_details(&self, into: &mut Vec<u8>) {
        if let Some(details) = &self.details {
            match self.config.sanitize {
                true => sanitize::sanitize(details.as_bytes(), into),
                false => into.extend_from_slice(details.as_bytes()),
            }
            into.push(b' ');
        }
    }

    /// The text of a line in the requested form, made harmless for a terminal.
    fn content(&self, line: Line, text: &[u8], into: &mut Vec<u8>) {
        let Config { sanitize: harmless, strip_escapes: strip, .. } = self.config;
        let text = if strip { sanitize::strip_escapes(text) } else { Cow::Borrowed(text) };
        let look = || Look {
            colors: self.config.color_out,
            strip,
            stamp: self.config.stamp.is_some().then_some(line.time),
        };
        let pretty = if self.config.pretty { pretty::pretty(&text, look()) } else { None };
        match (harmless, pretty.as_deref().unwrap_or(&text)) {
            (true, shown) => sanitize::sanitize(shown, into),
            (false, shown) => into.extend_from_slice(shown),
        }
        // A color that the container left on must not affect the next container's line.
        if harmless && text.contains(&0x1b) {
            into.extend_from_slice(RESET.as_bytes());
        }
    }
}

impl Prefix {
    fn new(name: &str, config: &Config, color: &str) -> Self {
        let mut plain = Vec::new();
        sanitize::sanitize(name.as_bytes(), &mut plain);
        let width = String::from_utf8_lossy(&plain).chars().count();
        let written = match config.color_out {
            Colors::On => [color.as_bytes(), &plain, RESET.as_bytes()].concat(),
            Colors::Off => plain,
        };
        Self { written, width }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::engine::event::{Delivery, Extent};
    use crate::engine::source::{ContainerId, ContainerKey, DaemonId};
    use crate::engine::timestamp::Timestamp;
    use crate::format::stamp::{Stamp, StampForm};

    fn batch(name: &str, lines: &[&str]) -> Lines {
        batch_of(name, name, lines)
    }

    fn batch_of(id: &str, name: &str, lines: &[&str]) -> Lines {
        let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new(id) };
        let mut batch = Lines::new(Arc::new(Label::new(key, name.into())));
        for text in lines {
            let (text, extent) = match text.strip_suffix('>') {
                Some(piece) => (piece, Extent::Piece),
                None => (*text, Extent::Whole),
            };
            let parts = [text.as_bytes(), b""];
            batch.push(
                Timestamp::from_nanos(1),
                StdStream::Stdout,
                parts,
                extent,
                Delivery::InOrder,
            );
        }
        batch
    }

    fn text(config: Config, batches: &[Lines]) -> String {
        let (mut text, mut into) = (Text::new(config, Vec::new), Vec::new());
        batches.iter().for_each(|batch| text.lines(batch, &mut into));
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn bare_is_byte_for_byte() {
        let batches =
            [batch("web", &["one\n", "two\r\n", "long>"]), batch("web", &["er\n", "open"])];
        assert_eq!(text(Config::plain(Form::Bare), &batches), "one\ntwo\r\nlonger\nopen");
        let stamp = Some(Stamp { form: StampForm::Full, zone: TimeZone::UTC });
        let timed = Config { stamp, ..Config::plain(Form::Bare) };
        let time = "1970-01-01T00:00:00.000000001Z";
        let expected = format!("{time} one\n{time} two\r\n{time} longer\n{time} open");
        assert_eq!(text(timed, &batches), expected);
    }

    #[test]
    fn a_highlight_does_not_keep_json_from_being_pretty() {
        let batch = batch("web", &["{\"msg\":\"hit\"}\n", "hit\n"]);
        let marks = [Mark { line: 0, range: 8..11 }, Mark { line: 1, range: 0..3 }];
        let pretty = Config { pretty: true, color_out: Colors::On, ..Config::plain(Form::Bare) };
        let (mut text, mut into) = (Text::new(pretty, Vec::new), Vec::new());
        text.marked(&batch, &marks, &mut into);
        let shown = String::from_utf8(into).unwrap();
        let (first, second) = shown.split_once('\n').unwrap();
        assert_eq!(first, "hit");
        assert!(second.contains("\x1b[") && second.contains("hit"), "{second:?}");
    }

    #[test]
    fn a_template_formats_lines_and_failing_lines_stay_unchanged() {
        let templated = |source: &str| {
            let template = Some(Template::new(source).unwrap());
            Config { template, ..Config::plain(Form::Template) }
        };
        let batches = [batch("web", &["one\n", "\x1b[31mtwo\r\n", "long>"])];
        let shown = text(
            templated("{{container}} {{stream}} {{msg}}{% if partial %}+{% endif %}"),
            &batches,
        );
        assert_eq!(shown, "web stdout one\nweb stdout \x1b[31mtwo\nweb stdout long+\n");
        let stamp = Some(Stamp { form: StampForm::Short, zone: TimeZone::UTC });
        assert_eq!(
            text(Config { stamp, ..templated("{{time}}") }, &[batch("web", &["x\n"])]),
            "00:00:00.000\n"
        );
        assert_eq!(
            text(templated("{{time}}"), &[batch("web", &["x\n"])]),
            "1970-01-01T00:00:00.000000001Z\n"
        );
        let terminal = Config { sanitize: true, ..templated("{{msg|fromjson}}\n-") };
        let hostile = batch("web", &["\"\\u001b[2Ja\\u001b[31m\"\n"]);
        assert_eq!(text(terminal, &[hostile]), "^[[2Ja\x1b[31m\n-\x1b[0m\n");
        // A failure is reported once, and loses no line.
        let (mut writer, mut into) = (Text::new(templated("{{msg|int}}"), Vec::new), Vec::new());
        writer.lines(&batch("web", &["7\n", "x\n", "y\n"]), &mut into);
        assert_eq!(String::from_utf8(into).unwrap(), "7\nx\ny\n");
        assert!(writer.take_failure().is_some());
        writer.lines(&batch("web", &["z\n"]), &mut Vec::new());
        assert_eq!(writer.take_failure(), None);
    }

    #[test]
    fn bytes_that_are_no_text_reach_a_template_as_base64() {
        let template = Some(Template::new("{{msg_base64}} {{msg}}").unwrap());
        let config = Config { template, ..Config::plain(Form::Template) };
        let key = ContainerKey { daemon: DaemonId::named("d", "far"), id: ContainerId::new("ab") };
        let mut batch = Lines::new(Arc::new(Label::new(key, "web".into())));
        batch.push(
            Timestamp::from_nanos(1),
            StdStream::Stderr,
            [b"\xff\xfe\n", b""],
            Extent::Whole,
            Delivery::Recovered,
        );
        assert_eq!(text(config, &[batch.clone()]), "//4= \u{fffd}\u{fffd}\n");
        let template = Some(Template::new("{{v}}{{type}} {{host}} {{id}} {{recovered}}").unwrap());
        let config = Config { template, ..Config::plain(Form::Template) };
        assert_eq!(text(config, &[batch]), "1line far ab True\n");
    }

    #[test]
    fn lines_of_several_containers_stay_apart_in_raw_bytes() {
        let batches = [
            batch("web", &["one\n", "long>"]),
            batch("web", &["er>"]),
            batch("db", &["two\n", "open"]),
            batch("web", &["end\n"]),
        ];
        let raw = Config::plain(Form::Bare);
        assert_eq!(text(raw.clone(), &batches), "one\nlonger\ntwo\nopen\nend\n");
        let anew = [batch_of("old", "web", &["open"]), batch_of("new", "web", &["first\n"])];
        assert_eq!(text(raw.clone(), &anew), "open\nfirst\n", "one name, two containers");
        let stamp = Some(Stamp { form: StampForm::Short, zone: TimeZone::UTC });
        let timed = text(Config { stamp, ..raw.clone() }, &batches);
        assert_eq!(timed.replace("00:00:00.000", "T"), "T one\nT longer\nT two\nT open\nT end\n");
        let terminal = Config { sanitize: true, ..raw };
        let shown = text(terminal, &[batch("web", &["\x1b[2Ja\r\n", "\x1b[31mb>"])]);
        assert_eq!(shown, "^[[2Ja\x1b[0m\r\n\x1b[31mb\x1b[0m");
    }

    #[test]
    fn pretty_shows_json_and_leaves_other_lines_as_they_are() {
        let lines = [r#"{"level":"info","msg":"hi\u001b[2J","a":1}"#, "\n"].concat();
        let batches = [batch("web", &[&lines, "plain\x1b[31m  text\r\n", "\u{fffd}{\n"])];
        let pretty = Config { pretty: true, ..Config::plain(Form::Bare) };
        let plain = "INFO  hi\\u001b[2J a=1\nplain\x1b[31m  text\r\n\u{fffd}{\n";
        assert_eq!(text(pretty.clone(), &batches), plain);
        let named =
            Config { form: Form::Text { prefix: true }, color_out: Colors::Off, ..pretty.clone() };
        let shown = text(named, &batches);
        assert!(shown.starts_with("web  | INFO  hi\\u001b[2J a=1\nweb  | plain"), "{shown}");
        let terminal = Config { sanitize: true, color_out: Colors::On, ..pretty };
        let bidi = batch("web", &["{\"level\":\"warn\",\"msg\":\"a\\u202eb\"}\n"]);
        assert_eq!(text(terminal, &[bidi]), "\x1b[33mWARN\x1b[0m  a<U+202E>b\n");
    }

    #[test]
    fn escapes_are_stripped_on_request() {
        let batches = [batch("web", &["\x1b[31mred\x1b[0m\r\n", "\x1b]0;t\x07x\n"])];
        let bare = Config { strip_escapes: true, ..Config::plain(Form::Bare) };
        assert_eq!(text(bare.clone(), &batches), "red\r\nx\n");
        let terminal = Config { sanitize: true, form: Form::Text { prefix: true }, ..bare };
        assert_eq!(text(terminal, &batches), "web  | red\nweb  | x\n");
    }

    #[test]
    fn each_line_of_several_containers_has_its_name_and_its_end() {
        let batches = [batch("web", &["one\n", "two\r\n"]), batch("database", &["open", "long>"])];
        let expected = "web  | one\nweb  | two\ndatabase | open\ndatabase | long…\n";
        assert_eq!(text(Config::plain(Form::Text { prefix: true }), &batches), expected);
    }

    #[test]
    fn a_name_has_one_colour_and_it_ends_before_the_line() {
        let colored =
            Config { color_out: Colors::On, ..Config::plain(Form::Text { prefix: true }) };
        let text = text(colored, &[batch("web", &["x\n"]), batch("web", &["y\n"])]);
        let mut palette = Palette::default();
        palette.settle(&BTreeSet::from(["web".into()]));
        let color = palette.of("web");
        assert_eq!(text, format!("{color}web{RESET}  | x\n{color}web{RESET}  | y\n"));
    }

    #[test]
    fn colors_do_not_depend_on_the_order_of_lines() {
        let names = ["web", "db", "cache", "mail", "worker", "cron", "api"];
        let shown = |order: &mut dyn Iterator<Item = &&str>| {
            let config =
                Config { color_out: Colors::On, ..Config::plain(Form::Text { prefix: true }) };
            let mut text = Text::new(config, move || names.map(Arc::from).to_vec());
            let mut into = Vec::new();
            order.for_each(|name| text.lines(&batch(name, &["x\n"]), &mut into));
            let mut lines: Vec<String> =
                String::from_utf8(into).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        assert_eq!(shown(&mut names.iter()), shown(&mut names.iter().rev()));
    }

    #[test]
    fn names_of_removed_containers_are_dropped_and_late_lines_written() {
        let live = Arc::new(std::sync::Mutex::new(Vec::<Arc<str>>::new()));
        let names = Arc::clone(&live);
        let config = Config { color_out: Colors::On, ..Config::plain(Form::Text { prefix: true }) };
        let mut text = Text::new(config, move || names.lock().unwrap().clone());
        let mut into = Vec::new();
        for number in 0..10_000 {
            *live.lock().unwrap() = vec!["stays".into(), format!("job-{number}").into()];
            text.lines(&batch(&format!("job-{number}"), &["x\n"]), &mut into);
            if 0 < number {
                // One that is removed already.
                text.lines(&batch(&format!("job-{}", number - 1), &["late\n"]), &mut into);
            }
            assert!(text.held() <= 3, "{}", text.held());
        }
        let written = String::from_utf8(into).unwrap();
        assert_eq!(written.matches("late").count(), 9_999);
        assert_eq!(text.width, "job-9999".len());
    }

    #[test]
    fn bidi_characters_are_shown_on_a_terminal_and_kept_in_a_pipe() {
        let (name, line) = ("we\u{202e}b", "user \u{2067}nimda\u{2069} \u{200f}x\u{9b}2J\n");
        let piped = text(Config::plain(Form::Text { prefix: false }), &[batch(name, &[line])]);
        assert_eq!(piped, line);
        assert_eq!(text(Config::plain(Form::Bare), &[batch(name, &[line])]), line);
        let terminal = Config { sanitize: true, ..Config::plain(Form::Text { prefix: true }) };
        let shown = "we<U+202E>b | user <U+2067>nimda<U+2069> <U+200F>xM-^[2J\n";
        assert_eq!(text(terminal, &[batch(name, &[line])]), shown);
    }

    #[test]
    fn on_a_terminal_control_sequences_are_shown_and_colours_end_with_the_line() {
        let terminal = Config { sanitize: true, ..Config::plain(Form::Text { prefix: false }) };
        let text = text(terminal, &[batch("web", &["\x1b[31mred\n", "\x1b[2Jgone\n"])]);
        assert_eq!(text, "\x1b[31mred\x1b[0m\n^[[2Jgone\x1b[0m\n");
    }
}
