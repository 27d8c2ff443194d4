//! Every flag that has a variable, for every command: empty is unset, and an error names the variable.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::process::{Command, Output};

use clap::CommandFactory;

use super::support::Cmon;

/// Each command with a flag that has a variable: the command, the flag, the variable, and a value that the flag
/// refuses, if any.
fn flags() -> Vec<(String, String, String, Option<&'static str>)> {
    let mut cli = cmon::cli::Cli::command();
    cli.build();
    let mut flags = Vec::new();
    // `config` only shows them.
    for command in cli.get_subcommands().filter(|command| command.get_name() != "config") {
        for arg in command.get_arguments() {
            let Some(variable) = arg.get_env() else { continue };
            let bad = match arg.get_id().as_str() {
                // Any text is valid; its meaning is checked later.
                "host" => Some("nonsense"),
                "include" | "exclude" | "highlight" | "join" | "until_match" | "fail_on" => {
                    Some("(")
                }
                "labels" | "images" | "projects" => None,
                "excluded" => Some("/(/"),
                "template" => Some("{{"),
                _ if !arg.get_action().takes_values() => None,
                _ => Some("\u{2603} nonsense"),
            };
            flags.push((
                command.get_name().to_owned(),
                format!("--{}", arg.get_long().unwrap()),
                variable.to_str().unwrap().to_owned(),
                bad,
            ));
        }
    }
    assert!(25 < flags.len(), "{}", flags.len());
    flags
}

/// Runs a command against a missing daemon, with one variable.
fn run(command: &str, variable: &str, value: OsString, more: &[&str]) -> Output {
    let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
    let name: &[&str] = if command == "tail" { &["tail", "web"] } else { &[command] };
    cmon.args(name).args(more).env_clear().env("DOCKER_HOST", "unix:///nowhere/s");
    cmon.env(variable, value).output().unwrap()
}

#[test]
fn an_empty_variable_is_unset() {
    for (command, flag, variable, _) in flags() {
        let done = run(&command, &variable, OsString::new(), &[]);
        let stderr = String::from_utf8(done.stderr).unwrap();
        let away = "could not connect to `unix:///nowhere/s` (from DOCKER_HOST)";
        assert!(stderr.contains(away), "{command} {flag} {variable}: {stderr}");
    }
    for variable in ["DOCKER_HOST", "NO_COLOR", "CLICOLOR_FORCE", "TERM", "GITHUB_ACTIONS"] {
        let done = run("tail", variable, OsString::new(), &["--host", "unix:///nowhere/t"]);
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert!(stderr.starts_with("cmon: error: could not connect to"), "{variable}: {stderr}");
    }
}

#[test]
fn an_error_in_a_variable_names_the_variable_and_not_the_flag() {
    // A file may have any name.
    let files = ["--tlscacert", "--tlscert", "--tlskey", "--cursor", "--output-dir", "--config"];
    let texts = ["--host", "--exclude-container", "--template"];
    for (command, flag, variable, bad) in flags() {
        if files.contains(&flag.as_str()) {
            continue;
        }
        let not_utf8 = OsString::from_vec(vec![b'x', 0xff]);
        // A blank is a regular expression.
        let is_text = texts.contains(&flag.as_str()) || bad == Some("(");
        let blank = (bad.is_some() && !is_text).then(|| OsString::from(" "));
        let values = bad.map(OsString::from).into_iter().chain([not_utf8]).chain(blank);
        for value in values {
            let done = run(&command, &variable, value.clone(), &[]);
            let stderr = String::from_utf8(done.stderr).unwrap();
            let what = format!("{command} {variable}={}: {stderr}", value.display());
            assert_eq!(done.status.code(), Some(2), "{what}");
            let message = stderr.split("Usage:").next().unwrap();
            assert!(message.contains(&variable) && !message.contains(&flag), "{what}");
        }
    }
}

#[test]
fn a_typed_flag_wins_over_a_variable() {
    let message = |variable: &str, value: &str, args: &[&str]| {
        let done = run("tail", variable, value.into(), args);
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    let away = (Some(1), true);
    let is_away = |(code, stderr): (Option<i32>, String)| (code, stderr.contains("/nowhere/s"));
    assert_eq!(is_away(message("CMON_TAIL", "many", &["-n", "3"])), away, "it is not even read");
    assert_eq!(is_away(message("CMON_WAIT", "1", &["--no-follow"])), away);
    assert_eq!(is_away(message("CMON_NO_FOLLOW", "1", &["--exit-on-stop"])), away);
    assert_eq!(is_away(message("CMON_DEMO", "1", &["--host", "unix:///nowhere/s"])), away);
    let (code, stderr) = message("CMON_HOST", "unix:///x", &["--demo", "--no-follow"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stderr) = message("CMON_HOST", "unix:///nowhere/t", &[]);
    assert!(code == Some(1) && stderr.contains("`unix:///nowhere/t` (from CMON_HOST)"), "{stderr}");
}

#[test]
fn a_variable_selects_as_its_flag_does() {
    let run = |args: &[&str], variables: &[(&str, &str)]| {
        let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
        cmon.args(args).env_clear().envs(variables.iter().copied());
        let done = cmon.output().unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned(),
        )
    };
    let demo = ["tail", "--demo", "--no-follow", "-o", "json"];
    let (code, text) =
        run(&demo, &[("CMON_EXCLUDE_CONTAINER", "/^[^w]/"), ("CMON_FILTER", "name=we")]);
    assert!(code == Some(0) && text.contains(r#""container":"web""#), "{text}");
    assert!(
        !text.contains(r#""container":"worker""#) && !text.contains(r#""container":"api""#),
        "{text}"
    );
    for (variable, condition) in [
        ("CMON_LABEL", "--label none=1"),
        ("CMON_IMAGE", "--image none=1"),
        ("CMON_PROJECT", "--project none=1"),
    ] {
        let (code, text) = run(&demo, &[(variable, "none=1")]);
        assert!(code != Some(0) && (text.contains(condition) || text.contains(variable)), "{text}");
    }
    // A variable with a selection does not make a check without containers invalid.
    let passive = ["leak-check", "--passive", "--host", "unix:///nowhere/s"];
    let (_, text) = run(&passive, &[("CMON_LABEL", "app=web")]);
    assert!(text.contains("could not connect"), "{text}");
}

#[test]
fn variables_that_contradict_each_other_are_named() {
    for (others, message) in [
        ([("CMON_WAIT", "1"), ("CMON_NO_FOLLOW", "1")], "cannot be used with 'CMON_"),
        (
            [("CMON_DEMO", "1"), ("CMON_HOST", "unix:///s")],
            "CMON_DEMO has its own daemon, so CMON_HOST",
        ),
    ] {
        let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
        let done = cmon.args(["tail", "web"]).envs(others).output().unwrap();
        let stderr = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(2), "{stderr}");
        let found = others.iter().all(|(name, _)| stderr.contains(name));
        assert!(found && stderr.contains(message), "{stderr}");
    }
}

#[test]
fn the_help_shows_variables_that_are_empty_or_wrong() {
    let change = |command: &mut Command| {
        command.env("CMON_TAIL", "").env("CMON_MAX_LINE", "none");
    };
    let help = Cmon::start_with(&["tail", "--help"], change).done().code(0).text();
    assert!(
        help.contains("[env: CMON_TAIL=]") && help.contains("[env: CMON_MAX_LINE=none]"),
        "{help}"
    );
}

#[test]
fn a_flag_without_effect_is_refused_with_the_reason() {
    for (args, message) in [
        (
            &["leak-check", "--stream-timeout", "5s"][..],
            "'--stream-timeout <TIME>' has no effect in leak-check: leak-check chooses",
        ),
        (&["tail", "web", "--no-follow", "--exit-on-stop"], "it ends after the stored lines"),
        (
            &["tail", "web", "-o", "json", "-t"],
            "'--timestamps[=<FORM>]' cannot be used with '--output json'",
        ),
        (
            &["watch", "--once", "--interval", "1s"],
            "'--interval <TIME>' cannot be used with '--once'",
        ),
        (&["leak-check", "--passive", "--stale-after", "1s"], "no stream is opened"),
    ] {
        Cmon::run(args).code(2).says(message);
    }
    // A variable is for all commands, so it is no mistake if it has no effect.
    let change = |command: &mut Command| {
        command.env("CMON_STREAM_TIMEOUT", "5s").env("DOCKER_HOST", "unix:///nowhere/s");
    };
    Cmon::start_with(&["leak-check"], change).done().code(2).says("could not connect");
}
