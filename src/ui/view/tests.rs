//! Screens as text: each size, each state. Separate assertions check colors.

use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::draw;
use crate::engine::event::Event;
use crate::format::Colors;
use crate::format::columns::Column;
use crate::snapshot::Snapshot;
use crate::snapshot::tests::sample;
use crate::ui::model::{Input, Key, Model};
use crate::ui::ring::tests::lines;

const SIZES: [(u16, u16); 3] = [(80, 24), (120, 30), (200, 60)];

fn model(size: (u16, u16), snapshot: Snapshot) -> Model {
    let mut model = Model::new(size, Colors::On, TimeZone::UTC);
    model.update(Input::Looked(Box::new(snapshot)));
    model
}

fn buffer(model: &Model) -> Buffer {
    let (columns, rows) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| draw(frame, model)).unwrap();
    terminal.backend().buffer().clone()
}

/// The text on the screen, without trailing blanks.
fn screen(model: &Model) -> String {
    let buffer = buffer(model);
    let row = |y: u16| {
        let mut text = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            // The second half of a wide character is a separate cell.
            if hidden == 0 {
                text.push_str(symbol);
                hidden = crate::ui::fit::width(symbol).saturating_sub(1);
            } else {
                hidden -= 1;
            }
        }
        format!("{}\n", text.trim_end())
    };
    let text: String = (0..buffer.area.height).map(row).collect();
    text.trim_end().to_owned()
}

fn press(model: &mut Model, keys: &str) {
    for key in keys.chars() {
        model.update(Input::Key(match key {
            '\n' => Key::Enter,
            '\x1b' => Key::Esc,
            key => Key::Char(key),
        }));
    }
}

fn talk(model: &mut Model, id: &str, texts: &[&str]) {
    let mut lines = lines(id, texts);
    let label = crate::engine::event::Label::new(sample::key(id), id.into());
    lines.label = std::sync::Arc::new(label);
    model.update(Input::Event(Event::Lines(lines)));
}

/// One screen at the three sizes.
fn at_each_size(name: &str, snapshot: &Snapshot, keys: &str) {
    for size in SIZES {
        let mut model = model(size, snapshot.clone());
        press(&mut model, keys);
        insta::assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), screen(&model));
    }
}

#[test]
fn each_state_of_a_stream() {
    at_each_size("states", &sample::snapshot(), "");
}

#[test]
fn an_empty_screen_at_each_size() {
    at_each_size("empty", &sample::of(Vec::new()), "");
}

#[test]
fn missing_named_containers_are_shown_as_awaited() {
    let mut model = model((80, 24), sample::of(Vec::new()));
    model.named = true;
    let screen = screen(&model);
    assert!(screen.contains("none of the named containers is there yet"), "{screen}");
}

#[test]
fn three_hundred_containers_and_the_cursor_at_the_last() {
    at_each_size("many", &sample::many(300), "G");
}

#[test]
fn the_daemon_is_away() {
    at_each_size("away", &sample::away(), "");
}

#[test]
fn several_daemons_of_which_one_is_away() {
    at_each_size("hosts", &sample::two_daemons(), "");
}

#[test]
fn an_absent_daemon_is_shown_in_a_small_terminal() {
    for rows in 1..30 {
        let screen = screen(&model((80, rows), sample::away()));
        assert!(screen.contains("DAEMON AWAY for"), "{rows} rows:\n{screen}");
    }
}

#[test]
fn the_help_is_open() {
    at_each_size("help", &sample::snapshot(), "?");
}

#[test]
fn a_help_that_does_not_fit_can_be_scrolled() {
    let mut model = model((80, 12), sample::many(3));
    press(&mut model, "?");
    assert!(screen(&model).contains("q            quit"));
    press(&mut model, "jj");
    let shown = screen(&model);
    assert!(!shown.contains("q            quit") && shown.contains("PgUp PgDn"), "{shown}");
    model.update(Input::Key(Key::PageDown));
    model.update(Input::Key(Key::PageDown));
    assert!(screen(&model).contains("Any key closes this."));
    press(&mut model, "k");
    assert!(!screen(&model).contains("Any key closes this."));
    press(&mut model, "x");
    assert_eq!(model.overlay, crate::ui::model::Overlay::None);
}

#[test]
fn a_filter_is_typed() {
    at_each_size("filter", &sample::snapshot(), "/ed");
}

#[test]
fn an_active_filter_is_shown() {
    let foot = |keys: &str| {
        let mut model = model((120, 24), sample::many(12));
        press(&mut model, keys);
        screen(&model).lines().last().unwrap().to_owned()
    };
    let filtered = "filter `web-01`: 2 of 12, Esc shows all  ";
    assert_eq!(foot("/web-01\n").find(filtered), Some(0));
    assert!(foot("/web-01\nr").starts_with(&format!("{filtered}rotating web-010")));
    assert!(foot("/web-01\n\x1b").starts_with("q quit"));
}

#[test]
fn a_paused_screen_shows_the_key_to_continue() {
    for rows in 5..40 {
        let mut model = model((80, rows), sample::many(3));
        let foot = |model: &Model| screen(model).lines().last().unwrap().to_owned();
        press(&mut model, "p");
        assert!(foot(&model).starts_with(" PAUSED (p goes on)  q quit"), "{}", foot(&model));
        press(&mut model, "\n");
        assert!(foot(&model).starts_with(" PAUSED (p goes on)  Esc back"), "{}", foot(&model));
        press(&mut model, "p");
        assert!(foot(&model).starts_with("Esc back"), "{}", foot(&model));
    }
}

#[test]
fn the_sort_order_is_marked_or_named() {
    let mut snapshot = sample::many(3);
    snapshot.rows.iter_mut().for_each(|row| row.timeout = std::time::Duration::from_secs(300));
    for size in SIZES {
        let mut model = model(size, snapshot.clone());
        press(&mut model, "S");
        assert!(screen(&model).ends_with("sorted by attention, reversed"));
        for column in Column::of(1).iter().copied() {
            press(&mut model, "s");
            let screen = screen(&model);
            assert!(screen.ends_with(&format!("sorted by {}", column.title())), "{screen}");
            let heading = screen.lines().find(|line| line.contains("NAME")).unwrap();
            let is_shown = heading.contains(column.title());
            assert_eq!(heading.contains(['▲', '▼']), is_shown, "{heading}");
            press(&mut model, "S");
        }
    }
}

#[test]
fn columns_are_chosen() {
    at_each_size("columns", &sample::snapshot(), "cjj jj ");
}

#[test]
fn the_lines_of_a_container() {
    for size in SIZES {
        let mut model = model(size, sample::of(vec![sample::row("web", 3.0)]));
        let wide = "日本語 ".repeat(30);
        talk(
            &mut model,
            "web",
            &["GET / 200", "E:error: no route", "a\tb", &wide, "\x1b[31mred", "last"],
        );
        press(&mut model, "\ntw/ER\x1b/er\n");
        insta::assert_snapshot!(format!("lines_{}x{}", size.0, size.1), screen(&model));
    }
}

#[test]
fn the_hint_for_esc_names_its_next_effect() {
    let mut model = model((80, 24), sample::many(1));
    press(&mut model, "\n/x\nf");
    assert!(screen(&model).contains("Esc ends search  n/N `x`"));
    press(&mut model, "\x1b");
    assert!(screen(&model).contains("Esc back  / search"));
}

#[test]
fn lines_of_a_removed_container_stay_readable() {
    let mut model = model((80, 24), sample::of(vec![sample::row("web", 3.0)]));
    talk(&mut model, "web", &["its last line"]);
    press(&mut model, "\n");
    model.update(Input::Looked(Box::new(sample::of(Vec::new()))));
    let screen = screen(&model);
    assert!(screen.contains("web  removed") && screen.contains("its last line"), "{screen}");
    press(&mut model, "\x1b");
    assert!(model.detail.is_none());
}

#[test]
fn unequal_numbers_of_readers_and_streams_are_reported() {
    let mut snapshot = sample::many(8);
    snapshot.census.readers = 9;
    let screen = screen(&model((80, 24), snapshot));
    assert!(screen.contains("9 readers ! not 8 streams"), "{screen}");
}

#[test]
fn trouble_is_red_and_marked_without_color_too() {
    let shown = model((80, 24), sample::snapshot());
    let buffer = buffer(&shown);
    let find = |text: &str| {
        let area = buffer.area;
        (0..area.height).find(|y| {
            let row: String = (0..area.width).map(|x| buffer[(x, *y)].symbol()).collect();
            row.contains(text)
        })
    };
    let flaky = find("flaky").unwrap();
    assert_eq!((buffer[(2, flaky)].fg, buffer[(1, flaky)].symbol()), (Color::Red, "!"));
    let mut plain = shown;
    plain.colors = Colors::Off;
    let plain = super::tests::buffer(&plain);
    let colored = plain.content.iter().filter(|cell| cell.fg != Color::Reset).count();
    assert_eq!((colored, plain[(1, flaky)].symbol()), (0, "!"));
    assert!(plain[(2, flaky)].modifier.contains(Modifier::BOLD));
}

#[test]
fn any_terminal_size_can_be_drawn() {
    for columns in [1, 2, 10, 20, 40, 79, 80, 300, 500] {
        for rows in [1, 2, 3, 5, 8, 12, 18, 40, 200] {
            let mut shown = model((columns, rows), sample::snapshot());
            for keys in ["", "?", "\x1bc", "G ", "\n", "\n", "/x\n", "\x1b\x1bG"] {
                press(&mut shown, keys);
                screen(&shown);
            }
        }
    }
}
