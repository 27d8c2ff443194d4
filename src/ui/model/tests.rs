//! Keys without a terminal; no sequence of keys breaks anything.

use std::sync::Arc;

use jiff::tz::TimeZone;
use proptest::prelude::*;
use ratatui::style::{Color, Modifier};

use super::*;
use crate::engine::event::{About, Event, Label, Note, Notice};
use crate::filter::Patterns;
use crate::format::Colors;
use crate::format::columns::Column;
use crate::format::pretty::LineForm;
use crate::snapshot::Snapshot;
use crate::snapshot::tests::sample;
use crate::ui::ring::tests::lines;

fn model(snapshot: Snapshot) -> Model {
    let mut model = Model::new((80, 24), Colors::On, TimeZone::UTC);
    model.update(Input::Looked(Box::new(snapshot)));
    model
}

fn press(model: &mut Model, keys: &str) -> Effect {
    let mut effect = Effect::Nothing;
    for key in keys.chars() {
        effect = model.update(Input::Key(match key {
            '\n' => Key::Enter,
            '\x1b' => Key::Esc,
            '\x08' => Key::Backspace,
            key => Key::Char(key),
        }));
    }
    effect
}

fn talk(model: &mut Model, name: &str, texts: &[&str]) -> Effect {
    let mut lines = lines(name, texts);
    lines.label = std::sync::Arc::new(Label::new(sample::key(name), name.into()));
    model.update(Input::Event(Event::Lines(lines)))
}

fn names(model: &Model) -> Vec<String> {
    let rows = model.table.rows(&model.seen().snapshot);
    rows.iter().map(|row| row.name.to_string()).collect()
}

fn chosen(model: &Model) -> String {
    model.chosen().map(|key| key.id.as_str().to_owned()).unwrap_or_default()
}

fn shown(model: &Model) -> Vec<String> {
    let detail = model.detail.as_ref().unwrap();
    let size = (80, usize::from(model.layout().lines));
    let rows = detail.rows(model.ring().unwrap(), size, Colors::Off);
    let text = |row: &DetailRow<'_>| row.pieces.iter().map(|one| one.text.as_str()).collect();
    rows.iter().map(text).collect()
}

#[test]
fn lines_of_ten_thousand_removed_containers_are_dropped() {
    let mut model = model(sample::many(1));
    for number in 0..10_000 {
        let name = format!("job-{number}");
        talk(&mut model, &name, &["one line"]);
        let snapshot = sample::of(vec![sample::row("stays", 0.0), sample::row(&name, 1.0)]);
        model.update(Input::Looked(Box::new(snapshot)));
        assert!(model.live.rings.len() <= 1, "{}", model.live.rings.len());
    }
    model.update(Input::Looked(Box::new(sample::of(Vec::new()))));
    assert!(model.live.rings.is_empty());
}

#[test]
fn each_kind_of_end_is_distinguished() {
    let mut model = model(sample::many(3));
    assert_eq!(press(&mut model, "q"), Effect::Quit);
    assert_eq!(model.update(Input::Key(Key::Interrupt)), Effect::Interrupt);
    assert_eq!(model.update(Input::Key(Key::Suspend)), Effect::Suspend);
    press(&mut model, "/");
    assert_eq!(press(&mut model, "q"), Effect::Draw, "while one types it is a letter");
    assert_eq!(model.update(Input::Key(Key::Interrupt)), Effect::Interrupt, "always");
}

#[test]
fn troubled_containers_are_listed_first() {
    let model = model(sample::snapshot());
    let names = names(&model);
    assert_eq!(names[..4], ["flaky", "late", "mute", "stuck"]);
    assert_eq!(names[4..7], ["crashing", "gappy", "killed"]);
}

#[test]
fn the_cursor_moves_and_stays_within_the_rows() {
    let mut model = model(sample::many(30));
    assert_eq!(chosen(&model), "web-000");
    let page = usize::from(model.layout().rows);
    press(&mut model, "jjjk");
    assert_eq!(chosen(&model), "web-002");
    model.update(Input::Key(Key::PageDown));
    assert_eq!(chosen(&model), format!("web-{:03}", 2 + page - 1));
    assert_eq!(model.table.offset, 2, "the cursor is the last that is in sight");
    press(&mut model, "Gj");
    assert_eq!((chosen(&model), model.table.offset), ("web-029".to_owned(), 30 - page));
    press(&mut model, "gk");
    assert_eq!((chosen(&model), model.table.offset), ("web-000".to_owned(), 0));
}

#[test]
fn the_cursor_follows_its_container_or_keeps_its_row() {
    let mut model = model(sample::many(5));
    press(&mut model, "jj");
    let mut snapshot = sample::many(5);
    snapshot.rows.insert(0, sample::row("aaa", 1.0));
    model.update(Input::Looked(Box::new(snapshot)));
    assert_eq!(chosen(&model), "web-002");
    model.update(Input::Looked(Box::new(sample::many(2))));
    assert_eq!(chosen(&model), "web-001");
    model.update(Input::Looked(Box::new(sample::of(Vec::new()))));
    assert_eq!(chosen(&model), "");
}

#[test]
fn a_filter_is_live_and_esc_clears_it() {
    let mut model = model(sample::snapshot());
    let all = names(&model).len();
    press(&mut model, "/fla");
    assert_eq!(names(&model), ["flaky"]);
    press(&mut model, "\x08\x08\x08ENDED");
    assert!(names(&model).is_empty(), "large letters match only themselves");
    model.update(Input::Key(Key::Clear));
    press(&mut model, "oom\n");
    assert_eq!(names(&model), ["killed"], "states count too");
    assert!(!model.table.typing);
    press(&mut model, "\x1b");
    assert_eq!(names(&model).len(), all);
    press(&mut model, "/x\x1b");
    assert_eq!((model.table.typing, model.table.filter.as_str()), (false, ""));
}

#[test]
fn rows_are_sorted_by_the_chosen_column_in_both_directions() {
    let mut model = model(sample::snapshot());
    press(&mut model, "s");
    assert_eq!(model.table.sort, Sort::By(Column::Name));
    assert_eq!(
        names(&model)[..2],
        ["a-name-that-is-much-longer-than-any-column-can-be-on-a-small-screen", "api"]
    );
    press(&mut model, "S");
    assert_eq!(names(&model)[0], "日本語の名前がとても長いコンテナ");
    for _ in 0..6 {
        press(&mut model, "s");
    }
    assert_eq!((model.table.sort, model.table.reverse), (Sort::By(Column::Lines), false));
    assert_eq!(names(&model)[..2], ["behind", "late"], "the most first");
    for _ in 0..6 {
        press(&mut model, "s");
    }
    assert_eq!(model.table.sort, Sort::Attention, "after the last column");
}

#[test]
fn columns_can_be_hidden_but_not_the_name() {
    let mut model = model(sample::many(3));
    press(&mut model, "c j j ");
    assert_eq!(
        model.table.hidden.iter().copied().collect::<Vec<_>>(),
        [Column::State, Column::Stream]
    );
    press(&mut model, " s\n");
    assert!(!model.table.hidden.contains(&Column::Stream));
    assert_eq!((model.table.sort, model.overlay), (Sort::By(Column::Stream), Overlay::None));
}

#[test]
fn the_stream_under_the_cursor_is_rotated() {
    let mut model = model(sample::many(3));
    assert_eq!(press(&mut model, "jr"), Effect::Rotate(sample::key("web-001")));
    assert_eq!(model.answer, "rotating web-001");
    press(&mut model, "\nk");
    assert_eq!(model.answer, "", "until the next key");
    assert_eq!(press(&mut model, "r"), Effect::Rotate(sample::key("web-001")));
    let mut ended = super::tests::model(sample::snapshot());
    press(&mut ended, "/killed\n");
    assert_eq!(press(&mut ended, "r"), Effect::Draw);
    assert_eq!(ended.answer, "killed has no stream to rotate");
    press(&mut ended, "\x1b/flaky\n");
    assert_eq!(press(&mut ended, "r"), Effect::Rotate(sample::key("flaky")));
    assert_eq!(ended.answer, "trying flaky again now");
    let mut empty = super::tests::model(sample::of(Vec::new()));
    assert_eq!(press(&mut empty, "r\n"), Effect::Draw);
    assert!(empty.detail.is_none(), "there is nothing to open");
}

#[test]
fn a_paused_screen_does_not_move_and_then_shows_all() {
    let mut model = model(sample::many(2));
    talk(&mut model, "web-000", &["one"]);
    press(&mut model, "\np");
    assert_eq!(talk(&mut model, "web-000", &["two"]), Effect::Nothing);
    assert_eq!(model.update(Input::Looked(Box::new(sample::many(9)))), Effect::Nothing);
    let what = Notice::DaemonBack;
    assert_eq!(
        model.update(Input::Event(Event::Note(Note {
            about: About::Daemon(sample::key("x").daemon),
            what
        }))),
        Effect::Nothing
    );
    let mut later = sample::many(9);
    later.census.elapsed += std::time::Duration::from_secs(60);
    assert_eq!(model.update(Input::Looked(Box::new(later))), Effect::Nothing);
    assert_eq!((shown(&model), model.seen().snapshot.rows.len()), (vec!["one".to_owned()], 2));
    assert_eq!((model.seen().headline.as_str(), model.seen().history.lines.len()), ("", 1));
    press(&mut model, "p");
    assert_eq!((shown(&model).len(), model.seen().snapshot.rows.len()), (2, 9));
    assert_eq!(
        model.seen().history.lines,
        [90, 90],
        "what was meanwhile is in the figures of the minutes"
    );
    assert_eq!(model.seen().headline, "+ the daemon answers again");
}

#[test]
fn lines_of_other_containers_are_kept_but_not_drawn() {
    let mut model = model(sample::many(2));
    assert_eq!(talk(&mut model, "web-001", &["one"]), Effect::Nothing);
    press(&mut model, "\n");
    assert_eq!(talk(&mut model, "web-001", &["two"]), Effect::Nothing);
    assert_eq!(talk(&mut model, "web-000", &["mine"]), Effect::Draw);
    press(&mut model, "\x1bj\n");
    assert_eq!(shown(&model), ["one", "two"]);
}

fn talkative() -> Model {
    let mut model = model(sample::many(1));
    let texts: Vec<String> = (0..100).map(|number| format!("line {number}")).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    talk(&mut model, "web-000", &texts);
    press(&mut model, "\n");
    model
}

#[test]
fn the_newest_line_is_followed_until_one_scrolls() {
    let mut model = talkative();
    let ends = |model: &Model| {
        let shown = shown(model);
        (shown[0].clone(), shown[shown.len() - 1].clone())
    };
    let pair = |one: u32, other: u32| (format!("line {one}"), format!("line {other}"));
    assert_eq!(ends(&model), pair(78, 99));
    press(&mut model, "k");
    talk(&mut model, "web-000", &["line 100"]);
    assert_eq!(ends(&model), pair(77, 98), "it stays where one reads");
    press(&mut model, "g");
    assert_eq!(ends(&model), pair(0, 21));
    model.update(Input::Key(Key::PageDown));
    assert_eq!(ends(&model), pair(21, 42));
    press(&mut model, "jj");
    assert_eq!(ends(&model), pair(23, 44));
    press(&mut model, "G");
    talk(&mut model, "web-000", &["line 101"]);
    assert_eq!(ends(&model), pair(80, 101), "and is followed again");
    press(&mut model, "f");
    talk(&mut model, "web-000", &["line 102"]);
    assert_eq!(ends(&model), pair(80, 101));
}

#[test]
fn a_search_goes_from_the_newest_back_and_round() {
    let mut model = talkative();
    let hit = |model: &Model| model.detail.as_ref().unwrap().hit;
    press(&mut model, "/LINE 5\n");
    assert_eq!((hit(&model), model.answer.as_str()), (None, "`LINE 5` is in none of the lines"));
    press(&mut model, "/line 5\n");
    assert_eq!(hit(&model), Some(59));
    assert!(shown(&model).contains(&"line 59".to_owned()));
    press(&mut model, "N");
    assert_eq!(hit(&model), Some(58));
    press(&mut model, "nn");
    assert_eq!(hit(&model), Some(5), "round the end");
    press(&mut model, "N");
    assert_eq!(hit(&model), Some(59), "and back");
    press(&mut model, "\x1b");
    assert!(model.detail.as_ref().unwrap().search.is_empty(), "Esc drops the search first");
    press(&mut model, "\x1b");
    assert!(model.detail.is_none(), "then it goes back");
}

#[test]
fn lines_have_the_color_of_their_level_and_a_pretty_form() {
    let mut model = model(sample::many(1));
    let json = r#"{"level":"error","msg":"lost \u202e","n":7}"#;
    talk(&mut model, "web-000", &[json, "WARN hot", "plain", "\x1b[32mWARN\x1b[0m own"]);
    press(&mut model, "\n");
    let colors = |model: &Model| -> Vec<Option<Color>> {
        let detail = model.detail.as_ref().unwrap();
        let rows = detail.rows(model.ring().unwrap(), (80, 20), Colors::On);
        rows.iter().map(|row| row.pieces[0].style.fg).collect()
    };
    let [red, yellow, green] = [1, 3, 2].map(|color| Some(Color::Indexed(color)));
    assert_eq!(colors(&model), [red, yellow, None, green], "its own colors count more");
    press(&mut model, "v");
    assert_eq!(shown(&model)[..2], ["ERROR lost <U+202E> n=7", "WARN hot"]);
    assert_eq!(colors(&model), [red, yellow, None, green]);
    // The search covers the visible text.
    press(&mut model, "/lost <\n");
    assert_eq!(model.detail.as_ref().unwrap().hit, Some(0));
    press(&mut model, "v");
    assert_eq!(shown(&model)[0], json);
    model.form = LineForm::Pretty;
    press(&mut model, "\x1b\x1b\n");
    assert!(shown(&model)[0].starts_with("ERROR"), "as it was asked for");
}

#[test]
fn highlights_are_reversed_in_each_form_of_a_line_and_across_its_colors() {
    let mut model = model(sample::many(1));
    let patterns = ["lo+st", "o n", "(?-u)\\x82"].map(str::to_owned);
    model.highlight = Arc::new(Patterns::compile(&patterns).unwrap());
    let json = r#"{"level":"error","msg":"lost","n":7}"#;
    talk(&mut model, "web-000", &[json, "all lo\x1b[32most\x1b[0mo no \u{20ac}", "none"]);
    press(&mut model, "\n");
    let reversed = |model: &Model, color| -> Vec<String> {
        let detail = model.detail.as_ref().unwrap();
        let rows = detail.rows(model.ring().unwrap(), (80, 20), color);
        let parts = rows.iter().map(|row| {
            let parts = row.pieces.iter();
            let parts = parts.filter(|part| part.style.add_modifier.contains(Modifier::REVERSED));
            parts.map(|part| &*part.text).collect::<Vec<_>>().join("|")
        });
        parts.collect()
    };
    assert_eq!(reversed(&model, Colors::On), ["lost", "lo|ost|o n", ""], "text and colors stay");
    assert_eq!(shown(&model)[1], "all loosto no \u{20ac}");
    assert_eq!(reversed(&model, Colors::Off), ["lost", "lo|ost|o n", ""]);
    press(&mut model, "v");
    assert_eq!(reversed(&model, Colors::On)[0], "lost", "of a pretty line too");
}

#[test]
fn a_search_match_is_scrolled_into_view_in_a_long_line() {
    let mut model = model(sample::many(1));
    let mut texts: Vec<String> = (0..40).map(|at| format!("{at} {}", "x".repeat(300))).collect();
    texts[20] = format!("{} needle {}", "x".repeat(300), "x".repeat(3000));
    texts[30] = format!("needle {}", "x".repeat(300));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    talk(&mut model, "web-000", &texts);
    let found = |model: &Model| {
        let seen = |row: &String| row.chars().take(78).collect::<String>().contains("needle");
        shown(model).iter().any(seen)
    };
    press(&mut model, "\n/needle\n");
    assert!(found(&model), "at the left");
    press(&mut model, "N");
    assert!(found(&model), "far to the right");
    press(&mut model, "N");
    assert!(found(&model) && model.detail.as_ref().unwrap().left == 0, "and back");
    press(&mut model, "wN");
    assert!(found(&model), "in one of the rows of a line, wrapped");
    press(&mut model, "N");
    assert!(found(&model), "lines of several rows before it");
}

#[test]
fn long_lines_are_wrapped_or_looked_at_sideways() {
    let mut model = model(sample::many(1));
    let long = (0..20).map(|number| format!("{number:>8}")).collect::<Vec<_>>().concat();
    talk(&mut model, "web-000", &[&long, "end"]);
    press(&mut model, "\n");
    assert_eq!(shown(&model).len(), 2);
    press(&mut model, "w");
    assert_eq!(shown(&model).len(), 4, "160 columns in rows of 78");
    press(&mut model, "wl");
    assert!(shown(&model)[0].starts_with("       1"));
    model.update(Input::Key(Key::Left));
    assert!(shown(&model)[0].starts_with("       0"));
}

fn inputs() -> impl Strategy<Value = Input> {
    let keys = prop::sample::select("qpsScrjkgGhlfwtnNx/?e \n\x1b\x08".chars().collect::<Vec<_>>());
    let key = keys.prop_map(|key| match key {
        '\n' => Key::Enter,
        '\x1b' => Key::Esc,
        '\x08' => Key::Backspace,
        key => Key::Char(key),
    });
    let others = prop::sample::select(vec![
        Key::PageUp,
        Key::PageDown,
        Key::Up,
        Key::Down,
        Key::Left,
        Key::Right,
        Key::Home,
        Key::End,
        Key::Clear,
    ]);
    prop_oneof![
        8 => key.prop_map(Input::Key),
        3 => others.prop_map(Input::Key),
        1 => (0u16..250, 0u16..80).prop_map(|(columns, rows)| Input::Resized(columns, rows)),
        2 => (0usize..40).prop_map(|count| Input::Looked(Box::new(sample::many(count)))),
        1 => Just(Input::Looked(Box::new(sample::snapshot()))),
        3 => (0usize..3, "\\PC{0,300}", 1usize..60).prop_map(|(number, text, count)| {
            let name = format!("web-{number:03}");
            let mut lines = lines(&name, &vec![text.as_str(); count]);
            lines.label = std::sync::Arc::new(Label::new(sample::key(&name), name.as_str().into()));
            Input::Event(Event::Lines(lines))
        }),
    ]
}

proptest! {
    #[test]
    fn after_any_input_the_cursor_is_visible_and_drawing_works(
        inputs in prop::collection::vec(inputs(), 0..60)
    ) {
        let mut model = Model::new((80, 24), Colors::On, TimeZone::UTC);
        for input in inputs {
            model.update(input);
            let page = usize::from(model.layout().rows);
            let rows = model.table.rows(&model.seen().snapshot);
            let at = rows.iter().position(|row| Some(&row.key) == model.table.selected.as_ref());
            prop_assert!(rows.is_empty() || at.is_some() || model.table.typing || model.is_paused());
            if let Some(at) = at && 0 < page {
                prop_assert!((model.table.offset..model.table.offset + page).contains(&at));
            }
        }
        let (columns, rows) = model.size;
        let backend = ratatui::backend::TestBackend::new(columns, rows);
        let mut terminal = ratatui::Terminal::new(backend).unwrap();
        terminal.draw(|frame| crate::ui::view::draw(frame, &model)).unwrap();
    }
}
