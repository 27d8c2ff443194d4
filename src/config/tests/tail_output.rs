//! The form of `tail`'s output.

use clap::Parser;

use super::support::{around, config, terminal};
use crate::cli::Cli;
use crate::config::*;
use crate::format::Colors;
use crate::format::stamp::StampForm;
use crate::output::{Form, Summary};

#[test]
fn an_output_is_left_out_only_if_the_other_is_selected() {
    let outputs = |args: &str| {
        let outputs = config(args, &around()).unwrap().engine.outputs;
        (outputs.stdout, outputs.stderr)
    };
    assert_eq!(outputs("cmon tail web"), (true, true));
    assert_eq!(outputs("cmon tail web --stdout"), (true, false));
    assert_eq!(outputs("cmon tail web --stderr"), (false, true));
    assert_eq!(outputs("cmon tail web --stdout --stderr"), (true, true));
}

#[test]
fn the_form_depends_on_the_number_of_containers_and_the_terminal() {
    let form = |args: &str, around: &Surroundings| config(args, around).unwrap().output.form;
    assert_eq!(form("cmon tail web", &around()), Form::Bare);
    assert_eq!(form("cmon tail web", &terminal()), Form::Text { prefix: false });
    assert_eq!(form("cmon tail web db", &around()), Form::Text { prefix: true });
    assert_eq!(form("cmon tail web-*", &around()), Form::Text { prefix: true });
    assert_eq!(form("cmon tail -a --no-prefix", &around()), Form::Text { prefix: false });
    assert_eq!(form("cmon tail web -o json", &terminal()), Form::Json);
    assert_eq!(form("cmon tail web db -o raw", &around()), Form::Bare);
    assert_eq!(form("cmon tail web db -o raw", &terminal()), Form::Bare);
    assert_eq!(form("cmon tail web -o pretty", &around()), Form::Bare);
    assert_eq!(form("cmon tail web db -o pretty", &terminal()), Form::Text { prefix: true });
}

#[test]
fn colours_obey_the_flag_then_the_environment_then_the_terminal() {
    let no_color = Surroundings { no_color: true, ..terminal() };
    let forced = Surroundings { force_color: true, ..around() };
    let dumb = Surroundings { dumb_terminal: true, ..terminal() };
    let cases = [
        ("cmon tail web", &terminal(), true),
        ("cmon tail web", &around(), false),
        ("cmon tail web", &no_color, false),
        ("cmon tail web --color always", &no_color, true),
        ("cmon tail web --no-color", &forced, false),
        ("cmon tail --no-color web", &terminal(), false),
        ("cmon tail web --color always --no-color", &terminal(), false),
        ("cmon tail web --no-color --color always", &around(), true),
        ("cmon tail web", &forced, true),
        ("cmon tail web --color never", &forced, false),
        ("cmon tail web", &dumb, false),
    ];
    for (args, around, expected) in cases {
        let colors = config(args, around).unwrap().output.color_out;
        assert_eq!(colors == Colors::On, expected, "{args} {around:?}");
    }
}

#[test]
fn there_is_no_status_line_if_stdout_is_a_pipe() {
    let status = |args: &str, around: &Surroundings| config(args, around).unwrap().output.status;
    let to_file = Surroundings { stdout: FileKind::Regular, ..terminal() };
    let to_pipe = Surroundings { stdout: FileKind::Other, ..terminal() };
    assert!(status("cmon tail web", &terminal()) && status("cmon tail web", &to_file));
    assert!(!status("cmon tail web", &to_pipe) && !status("cmon tail web", &around()));
    assert!(!status("cmon tail web -q", &terminal()));
    assert!(!status("cmon tail web -o json", &terminal()));
}

#[test]
fn the_summary_is_for_terminals_signals_and_its_flag() {
    let summary = |args: &str, around: &Surroundings| config(args, around).unwrap().output.summary;
    assert_eq!(summary("cmon tail web", &terminal()), Summary::Always);
    assert_eq!(summary("cmon tail web", &around()), Summary::OnSignal);
    assert_eq!(summary("cmon tail web --summary", &around()), Summary::Always);
    assert_eq!(summary("cmon tail web --summary -q", &terminal()), Summary::Never);
}

#[test]
fn timestamps_have_the_requested_form_and_zone() {
    use StampForm::{Full, Iso, Short};
    let stamp = |args: &str, around: &Surroundings| {
        let stamp = config(args, around).unwrap().output.stamp?;
        Some((stamp.form, stamp.zone.iana_name().unwrap_or("UTC").to_owned()))
    };
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let with = |around: Surroundings| Surroundings {
        now: around.now.with_time_zone(berlin.clone()),
        ..around
    };
    let (pipe, screen) = (with(around()), with(terminal()));
    let form = |form, zone: &str| Some((form, zone.to_owned()));
    for (args, around, expected) in [
        ("", &screen, None),
        ("-t", &screen, form(Full, "UTC")),
        ("--timestamps", &pipe, form(Full, "UTC")),
        ("-t=short", &screen, form(Short, "Europe/Berlin")),
        ("-t=iso", &screen, form(Iso, "Europe/Berlin")),
        ("--timestamps=iso", &pipe, form(Iso, "UTC")),
        ("-t=short --timezone local", &pipe, form(Short, "Europe/Berlin")),
        ("-t=iso --timezone utc", &screen, form(Iso, "UTC")),
        ("-t --timezone Asia/Tokyo", &pipe, form(Full, "Asia/Tokyo")),
        ("-t=off", &pipe, None),
        ("--template {{time}}", &pipe, None),
        ("--template {{time}} --timezone local", &pipe, form(Full, "Europe/Berlin")),
        ("--template {{time}} -t=short", &screen, form(Short, "Europe/Berlin")),
    ] {
        assert_eq!(stamp(&format!("cmon tail web {args}"), around), expected, "{args}");
    }
    // A container's name is not parsed as a form.
    let cli = Cli::try_parse_from(["cmon", "tail", "-t", "web"]).unwrap();
    let crate::cli::Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
    assert_eq!(tail.containers, ["web"]);
    assert!(Cli::try_parse_from(["cmon", "tail", "-t=long", "web"]).is_err());
    let zone = |args: &str| config(args, &pipe).unwrap().output.zone.iana_name().map(str::to_owned);
    assert_eq!(zone("cmon tail web").as_deref(), Some("Europe/Berlin"));
    assert_eq!(zone("cmon tail web --timezone Asia/Tokyo").as_deref(), Some("Asia/Tokyo"));
}
