//! The range of the logs that `tail` shows.

use super::support::{around, config};
use crate::cli::Cli;
use crate::engine::{Backlog, Runs};

#[test]
fn the_first_lines_are_ten_of_a_follow_and_all_otherwise() {
    let backlog = |args: &str| config(args, &around()).unwrap().engine.backlog;
    assert_eq!(backlog("cmon tail web"), Backlog::Last(10));
    assert_eq!(backlog("cmon tail web --no-follow"), Backlog::All);
    assert_eq!(backlog("cmon tail web -n 3 --no-follow"), Backlog::Last(3));
    assert_eq!(backlog("cmon tail web -n all"), Backlog::All);
    assert_eq!(backlog("cmon tail web --since-start"), Backlog::Since);
    assert_eq!(backlog("cmon tail web --since-start -n all"), Backlog::Since);
    assert_eq!(backlog("cmon tail web --since-start -n 3"), Backlog::Last(3));
    assert_eq!(backlog("cmon tail web -p"), Backlog::Since);
    assert_eq!(backlog("cmon tail web -p -n all"), Backlog::All);
    assert_eq!(backlog("cmon tail web --previous -n 3"), Backlog::Last(3));
}

#[test]
fn a_selected_run_excludes_other_ranges_cursors_and_a_follow_of_the_previous_run() {
    let of = |args: &str| {
        let engine = config(&format!("cmon tail web {args}"), &around()).unwrap().engine;
        (engine.runs, engine.follows())
    };
    assert_eq!(of(""), (Runs::All, true));
    assert_eq!(of("--since-start"), (Runs::Current, true));
    assert_eq!(of("--since-start --no-follow"), (Runs::Current, false));
    assert_eq!(of("-p"), (Runs::Previous, false));
    for others in [
        "--since-start --since 5m",
        "--since-start --until +5m",
        "--since-start --cursor c",
        "--since-start --output-dir d",
        "--since-start -p",
        "-p --since 5m",
        "-p --until 5m",
        "-p --cursor c",
        "-p --output-dir d",
        "-p -f",
        "-p --exit-on-stop",
        "-p --wait",
        "-p --no-follow",
        "-p --stream-timeout 7s",
        "-p --stale-after 7s",
        "-p --order-window 7ms",
    ] {
        let args = format!("cmon tail web {others}");
        let error = Cli::read(args.split(' ').map(Into::into)).unwrap_err().to_string();
        assert!(error.contains("cannot be used with"), "{others}: {error}");
    }
}

#[test]
fn until_match_ends_after_all_containers_have_stopped() {
    let ends = |args: &str| config(args, &around()).unwrap().engine.exit_on_stop;
    assert!(ends("cmon tail web --until-match ready"));
    assert!(!ends("cmon tail web --fail-on panic") && !ends("cmon tail web --timeout 1s"));
    assert!(!ends("cmon tail web --no-follow --until-match ready"), "that ends by itself");
}

#[test]
fn all_containers_and_a_name_are_refused() {
    let error = config("cmon tail -a web", &around()).unwrap_err();
    let expected = "--all selects every container, so it cannot be combined with `web`";
    assert_eq!(error.to_string(), expected);
    assert!(error.hint().unwrap().contains("in any state"));
}
