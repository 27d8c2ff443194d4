//! The settings of `watch`.

use super::support::{around, config, terminal};
use crate::config::*;
use crate::format::Colors;
use crate::format::pretty::LineForm;

/// The terminal by TERM.
#[derive(Clone, Copy, PartialEq)]
enum Term {
    Capable,
    Dumb,
}

fn watched(args: &str, stdout: FileKind, term: Term) -> Config {
    let dumb_terminal = term == Term::Dumb;
    let around = Surroundings { dumb_terminal, stdout, stderr_is_terminal: true, ..around() };
    config(args, &around).unwrap()
}

#[test]
fn the_output_form_follows_from_flags_and_stdout() {
    use FileKind::{Other, Terminal};
    let screen = WatchForm::Screen { colors: Colors::On, lines: LineForm::Plain };
    let cases = [
        ("cmon watch", Terminal, Term::Capable, screen),
        (
            "cmon watch --color never",
            Terminal,
            Term::Capable,
            WatchForm::Screen { colors: Colors::Off, lines: LineForm::Plain },
        ),
        ("cmon watch", Terminal, Term::Dumb, WatchForm::Lines),
        ("cmon watch", Other, Term::Capable, WatchForm::Lines),
        ("cmon watch --once", Terminal, Term::Capable, WatchForm::Table),
        ("cmon watch --once", Other, Term::Capable, WatchForm::Table),
        ("cmon watch -o json", Terminal, Term::Capable, WatchForm::Json { once: false }),
        ("cmon watch -o json --once", Other, Term::Capable, WatchForm::Json { once: true }),
    ];
    for (args, stdout, term, expected) in cases {
        let Action::Watch(watch) = watched(args, stdout, term).action else {
            panic!("{args} is `watch`");
        };
        assert_eq!(watch.form, expected, "{args}");
    }
}

#[test]
fn filters_of_watch_are_for_the_screen() {
    let Action::Watch(watch) =
        watched("cmon watch -i a -e b --level warn -o pretty", FileKind::Terminal, Term::Capable)
            .action
    else {
        panic!("it is `watch`");
    };
    assert_eq!(watch.form, WatchForm::Screen { colors: Colors::On, lines: LineForm::Pretty });
    assert_eq!(
        (watch.rules.include.quoted(), watch.rules.exclude.quoted()),
        ("`a`".into(), "`b`".into())
    );
    for args in ["-i a", "-e a --once", "--level warn -o json", "--join-stacks", "-o pretty"] {
        let error = config(&format!("cmon watch {args}"), &around()).unwrap_err();
        assert!(error.to_string().contains("decides what the full screen shows"), "{error}");
        assert!(error.hint().unwrap().contains("cmon tail"));
    }
    let error = config("cmon watch -i (", &around()).unwrap_err().to_string();
    assert!(error.starts_with("--include `(`: unclosed group"), "{error}");
    let error = config("cmon watch --join a", &terminal()).unwrap_err().to_string();
    assert!(error.contains("no effect by itself"), "{error}");
}

#[test]
fn without_a_name_watch_selects_running_containers() {
    let open = |args| watched(args, FileKind::Other, Term::Capable).selection.is_open();
    assert!(open("cmon watch") && open("cmon watch --demo"));
    assert!(!open("cmon watch -a") && !open("cmon watch web"));
}

#[test]
fn tracing_does_not_write_over_the_screen() {
    let refused = config("cmon watch -v", &terminal()).unwrap_err().to_string();
    assert!(refused.contains("redirect stderr"), "{refused}");
    let elsewhere = Surroundings { stderr_is_terminal: false, ..terminal() };
    assert_eq!(config("cmon watch -v", &elsewhere).unwrap().verbosity, 1);
    assert_eq!(watched("cmon watch -v --once", FileKind::Terminal, Term::Capable).verbosity, 1);
}
