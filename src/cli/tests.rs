//! The definition, the help, and the parsing of arguments.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use super::help::HELP_MAX_COLUMNS;
use super::values::{STREAM_TIMEOUT_MIN, listen, size, stream_timeout};
use super::*;

#[test]
fn the_definition_passes_claps_checks() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_has_80_columns_and_no_markup() {
    for name in ["cmon", "tail", "watch", "leak-check", "config", "completions", "man"] {
        // The variables of the test's environment do not count.
        let hidden = |command: clap::Command| command.mut_args(|arg| arg.hide_env_values(true));
        let mut cli = hidden(Cli::command()).mut_subcommands(hidden);
        cli.build();
        let command = match name {
            "cmon" => &mut cli,
            name => cli.find_subcommand_mut(name).unwrap(),
        };
        let help = command.render_long_help().to_string();
        let wide = help.lines().find(|line| HELP_MAX_COLUMNS < line.chars().count());
        assert_eq!(wide, None, "{name}");
        assert!(!help.contains('`'), "{help}");
        insta::assert_snapshot!(format!("help-{name}"), help);
    }
}

#[test]
fn sizes_are_read_in_their_units() {
    assert_eq!(size("64KiB"), Ok(65_536));
    assert_eq!(size("1m"), Ok(1 << 20));
    assert_eq!(size("4096"), Ok(4096));
    for bad in ["", "12q", "-1", "1.5m", "10", "2g", "99999999999999999999k"] {
        assert!(size(bad).is_err(), "{bad}");
    }
}

#[test]
fn metrics_are_served_on_loopback_by_default() {
    for text in ["9464", ":9464", "localhost:9464", "127.0.0.1:9464"] {
        assert_eq!(listen(text).unwrap().to_string(), "127.0.0.1:9464", "{text}");
    }
    assert_eq!(listen("[::]:80").unwrap().to_string(), "[::]:80");
    assert!(["", "web", "70000", "host:x"].iter().all(|text| listen(text).is_err()));
}

#[test]
fn a_stream_timeout_is_at_least_a_tenth_of_a_second() {
    assert_eq!(stream_timeout("100ms"), Ok(STREAM_TIMEOUT_MIN));
    assert_eq!(stream_timeout("99ms"), Err("the shortest is 100ms".to_owned()));
    assert!(stream_timeout("soon").is_err());
}

#[test]
fn habits_from_docker_and_compose_work() {
    let read = |args: &str| {
        let cli = Cli::try_parse_from(format!("cmon {args}").split(' ')).unwrap();
        let Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
        (tail.containers, tail.tail, tail.no_prefix)
    };
    let web = || vec!["web".to_owned()];
    assert_eq!(read("logs -f --tail -1 web"), (web(), Some(Lines::All), false));
    assert_eq!(read("logs -n -1 --no-log-prefix web"), (web(), Some(Lines::All), true));
    let cli = Cli::try_parse_from(["cmon", "logs", "web", "--only-log-lines"]).unwrap();
    assert!(cli.global.quiet);
    let ps = Cli::read(["cmon", "ps"].map(OsString::from)).unwrap_err();
    assert_eq!(ps.kind(), ErrorKind::InvalidSubcommand);
    assert!(
        ps.to_string().contains("unrecognized subcommand 'ps'\n\n  tip: cmon watch --once lists"),
        "{ps}"
    );
    let other = Cli::read(["cmon", "wach"].map(OsString::from)).unwrap_err();
    assert!(other.to_string().contains("'watch'"), "{other}");
    assert_eq!(read("tail --tail=all web"), (web(), Some(Lines::All), false));
    assert!(Cli::try_parse_from(["cmon", "tail", "-n", "-2", "web"]).is_err());
}

#[test]
fn the_last_of_follow_and_no_follow_counts() {
    let follow = |args: &[&str]| {
        let cli = Cli::try_parse_from([&["cmon", "tail", "web"], args].concat()).unwrap();
        let Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
        tail.follows()
    };
    assert!(follow(&[]) && follow(&["-f"]) && follow(&["--no-follow", "-f"]));
    assert!(!follow(&["-f", "--no-follow"]));
}
