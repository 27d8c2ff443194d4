//! The printer on pipes that a test reads, leaves unread and closes. It runs on its own thread, in real time:
//! every wait is for the printer's end or for bytes.

use std::io::{PipeReader, Read, pipe};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc;

use super::*;
use crate::engine::Outcome;
use crate::engine::census::Census;
use crate::engine::event::{About, Delivery, Event, Extent, Label, Lines, Note, Notice};
use crate::engine::source::{ContainerId, ContainerKey, DaemonId, StdStream};
use crate::engine::timestamp::Timestamp;
use crate::filter::{Filter, MatchEnd, Patterns, Rules};
use crate::output::sink::Sinks;
use crate::output::{Config, Form, Sink};

/// Longer than any operation here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn label() -> Arc<Label> {
    let key = ContainerKey { daemon: DaemonId::new("d"), id: ContainerId::new("ab") };
    Arc::new(Label::new(key, "web".into()))
}

fn line(text: &str) -> Event {
    let mut lines = Lines::new(label());
    lines.push(
        Timestamp::from_nanos(1),
        StdStream::Stdout,
        [text.as_bytes(), b""],
        Extent::Whole,
        Delivery::InOrder,
    );
    Event::Lines(lines)
}

fn note(what: Notice) -> Event {
    Event::Note(Note { about: About::Container(label()), what })
}

/// A printer with the other ends of its outputs.
fn start(config: Config) -> (Printer, mpsc::Sender<Event>, PipeReader, PipeReader) {
    start_with(config, None)
}

/// A printer with a filter.
fn start_with(
    config: Config,
    filter: Option<Filter>,
) -> (Printer, mpsc::Sender<Event>, PipeReader, PipeReader) {
    let ((out, to_out), (err, to_err)) = (pipe().unwrap(), pipe().unwrap());
    let sinks = Sinks { out: Sink::of(&to_out).unwrap(), err: Sink::of(&to_err).unwrap() };
    let (events, received) = mpsc::channel(4);
    let passes = Passes { filter, ..Passes::default() };
    let printer =
        Printer::spawn(config, sinks, received, passes, Census::default, Vec::new).unwrap();
    (printer, events, out, err)
}

async fn ended(printer: &mut Printer) -> Ended {
    tokio::time::timeout(PATIENCE, printer.ended()).await.expect("it has to end")
}

fn text(mut from: PipeReader) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn lines_go_to_stdout_and_messages_to_stderr_in_order() {
    let (mut printer, events, out, err) = start(Config::plain(Form::Text { prefix: true }));
    for event in [line("one\n"), note(Notice::Started), line("two\n")] {
        events.send(event).await.unwrap();
    }
    drop(events);
    assert!(matches!(ended(&mut printer).await, Ended::Done));
    let census = Census { lines: 2, ..Census::default() };
    printer.summary(&Outcome { census, ..Outcome::default() }).unwrap();
    drop(printer);
    assert_eq!(text(out), "web  | one\nweb  | two\n");
    assert!(text(err).starts_with("+ web started\n2 lines, 0 B in 0.0 s"));
}

fn rules(until: &str, join: &str) -> Rules {
    let patterns = |text: &str| Patterns::compile(&[text.to_owned()]).unwrap();
    Rules { until: patterns(until), join: patterns(join), ..Rules::default() }
}

#[tokio::test]
async fn no_line_is_written_behind_a_match() {
    let filter = Filter::new(rules("two", "^ "));
    let (mut printer, events, out, err) = start_with(Config::plain(Form::Bare), Some(filter));
    let all = [line("one\n"), note(Notice::Started), line("two\n"), note(Notice::Exited(None))];
    for event in all {
        events.send(event).await.unwrap();
    }
    let Ended::Matched(matched) = ended(&mut printer).await else { panic!("it has to match") };
    assert_eq!((matched.end, &*matched.label.name), (MatchEnd::Until, "web"));
    assert!(events.send(line("three\n")).await.is_err(), "the channel is closed");
    drop(printer);
    assert_eq!((text(out), text(err)), ("one\ntwo\n".to_owned(), "+ web started\n".to_owned()));
}

#[tokio::test]
async fn a_held_event_is_written_at_its_deadline() {
    let filter = Filter::new(rules("nothing", "^ "));
    let (_printer, events, mut out, _err) = start_with(Config::plain(Form::Bare), Some(filter));
    events.send(line("one\n")).await.unwrap();
    let mut first = [0; 4];
    out.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"one\n");
}

#[tokio::test]
async fn highlights_are_written_in_each_form_of_text() {
    let highlight = Patterns::compile(&["n|w".to_owned()]).unwrap();
    let rules = Rules { highlight, ..Rules::default() };
    for (form, expected) in [
        (Form::Bare, "o^[7mn^[27me\nt^[7mw^[27mo"),
        (Form::Text { prefix: true }, "web  | o^[7mn^[27me\nweb  | t^[7mw^[27mo\n"),
    ] {
        let filter = Filter::new(rules.clone());
        let (mut printer, events, out, _err) = start_with(Config::plain(form), Some(filter));
        for event in [line("one\n"), line("two")] {
            events.send(event).await.unwrap();
        }
        drop(events);
        ended(&mut printer).await;
        drop(printer);
        assert_eq!(text(out).replace('\x1b', "^"), expected);
    }
}

#[tokio::test]
async fn quiet_drops_notes_and_keeps_errors_and_gaps() {
    let quiet = Config { quiet: true, ..Config::plain(Form::Bare) };
    let (mut printer, events, _out, err) = start(quiet);
    events.send(note(Notice::Started)).await.unwrap();
    events.send(note(Notice::ReaderPanicked { message: "boom".to_owned() })).await.unwrap();
    drop(events);
    ended(&mut printer).await;
    drop(printer);
    assert_eq!(
        text(err),
        "! web reader panicked: boom; the stream is opened again, nothing is lost\n"
    );
}

#[tokio::test]
async fn in_json_everything_is_on_stdout() {
    let (mut printer, events, out, err) = start(Config::plain(Form::Json));
    events.send(line("one\n")).await.unwrap();
    events.send(note(Notice::Started)).await.unwrap();
    drop(events);
    ended(&mut printer).await;
    printer.summary(&Outcome::default()).unwrap();
    drop(printer);
    let types: Vec<String> = text(out)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].to_string())
        .collect();
    assert_eq!(types, ["\"line\"", "\"note\"", "\"summary\""]);
    assert_eq!(text(err), "");
}

#[tokio::test]
async fn a_closed_stdout_is_noticed_without_a_write() {
    let (mut printer, _events, out, _err) = start(Config::plain(Form::Bare));
    drop(out);
    assert!(matches!(ended(&mut printer).await, Ended::Closed));
}

#[tokio::test]
async fn a_write_that_fails_is_reported() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (err, to_err) = pipe().unwrap();
    let sinks = Sinks { out: Sink::of(&full).unwrap(), err: Sink::of(&to_err).unwrap() };
    let (events, received) = mpsc::channel(4);
    let mut printer = Printer::spawn(
        Config::plain(Form::Bare),
        sinks,
        received,
        Passes::default(),
        Census::default,
        Vec::new,
    )
    .unwrap();
    events.send(line("one\n")).await.unwrap();
    let Ended::Failed(error) = ended(&mut printer).await else {
        panic!("it cannot have been written");
    };
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    drop(err);
}

#[tokio::test]
async fn a_blocked_stdout_holds_the_senders_back_and_loses_nothing() {
    let (mut printer, events, mut out, _err) = start(Config::plain(Form::Bare));
    let batch = format!("{}\n", "x".repeat(99_999));
    // More than pipe and channel can hold: the sends must block.
    let sending = thread::spawn(move || {
        for _ in 0..50 {
            events.blocking_send(line(&batch)).unwrap();
        }
    });
    let mut first = [0; 1];
    out.read_exact(&mut first).unwrap();
    assert!(!sending.is_finished(), "five megabytes fit nowhere");
    let rest = thread::spawn(move || text(out));
    sending.join().unwrap();
    assert!(matches!(ended(&mut printer).await, Ended::Done));
    drop(printer);
    assert_eq!(rest.join().unwrap().len(), 5_000_000 - 1);
}
