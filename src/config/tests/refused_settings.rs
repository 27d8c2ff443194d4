//! Settings that are refused, and the error messages.

use super::support::{around, config};
use crate::config::*;

#[test]
fn unusable_settings_are_explained() {
    let cases = [
        ("cmon tail", "which containers? Name them, or follow all of them with `-a`"),
        (
            "cmon tail web --host http://h",
            "`http://h` (from --host): write tcp:// in place of http://",
        ),
        ("cmon tail web --context x", "context `x`, from --context: there is no such context"),
        (
            "cmon tail web --host unix:///s --tlscacert ca.pem",
            "`unix:///s` (from --host): --tlsverify, --tlscacert, --tlscert and --tlskey are for tcp:// \
             addresses",
        ),
        (
            "cmon tail web --host docker.sock",
            "`docker.sock` (from --host) is no address of a daemon: it must begin with unix://, tcp:// or ssh://",
        ),
        (
            "cmon tail web --host unix://var/run/docker.sock",
            "`unix://var/run/docker.sock` (from --host): the path `var/run/docker.sock` is not absolute",
        ),
        (
            "cmon tail web --host unix://",
            "`unix://` (from --host): the path of the socket is empty",
        ),
        (
            "cmon tail web --host tcp://a --host x=tcp://a:2375",
            "`tcp://a:2375` is named twice, so each of its lines would come twice",
        ),
        (
            "cmon tail web --host unix:///a/docker.sock --host unix:///b/docker.sock",
            "`unix:///a/docker.sock` and `unix:///b/docker.sock` would both be called `docker`",
        ),
        (
            "cmon tail web --host my/box=tcp://a",
            "`my/box=tcp://a` (from --host): a daemon's name has letters, digits and the characters . _ - :",
        ),
        (
            "cmon leak-check --host tcp://a --host tcp://b",
            "leak-check measures one daemon at a time, and 2 are named",
        ),
        (
            "cmon tail --demo --host unix:///s",
            "--demo has its own daemon, so --host cannot be combined with it",
        ),
        (
            "cmon leak-check --passive web",
            "--passive opens no streams, so containers are of no use with it: leave them out",
        ),
        (
            "cmon leak-check -a --drive-cmd true",
            "--drive-cmd opens no streams, so containers are of no use with it: leave them out",
        ),
        (
            "cmon leak-check --compare 30s,5m,30000ms",
            "--compare names one stream timeout twice: there would be nothing to compare",
        ),
        (
            "cmon leak-check --replay r --junit r",
            "--replay and --junit name one file, `r`: writing one would destroy the other",
        ),
        (
            "cmon leak-check --demo --baseline r --record r",
            "--baseline and --record name one file, `r`: writing one would destroy the other",
        ),
        (
            "cmon tail web --template {{mgs}}",
            "--template, line 1, column 3: there is no variable mgs",
        ),
        ("cmon tail /(/", "`/(/` is not a regular expression: unclosed group"),
    ];
    for (args, message) in cases {
        assert_eq!(config(args, &around()).unwrap_err().to_string(), message);
    }
}

#[test]
fn filters_are_compiled_and_a_malformed_one_names_its_flag_and_place() {
    let events = |args: &str| match config(args, &around()) {
        Ok(Config { action: Action::Tail(events, _), .. }) => Ok(events),
        Ok(other) => panic!("it is `tail`, not {other:?}"),
        Err(error) => Err((error.to_string(), error.hint().unwrap_or_default())),
    };
    let rules =
        events("cmon tail web -i a --grep b -e -c --level error --join-stacks").unwrap().rules;
    assert_eq!(
        (rules.include.quoted(), rules.exclude.quoted()),
        ("`a`, `b`".into(), "`-c`".into())
    );
    assert!(rules.join_stacks && rules.level == Some(crate::filter::Level::Error));
    for (args, error) in [
        ("-i a(b", "--include `a(b`: unclosed group, at character 2"),
        ("--grep x -i [", "--include `[`: unclosed character class, at character 1"),
        ("-e *", "--exclude `*`: repetition operator missing expression, at character 1"),
        ("-H a -H b{2,1}", "--highlight `b{2,1}`: invalid repetition count range"),
        ("-i a --join )", "--join `)`: unopened group, at character 1"),
        ("--until-match (?x", "--until-match `(?x`: expected flag but got end of regex, at"),
        ("--fail-on \\", "--fail-on `\\`: incomplete escape sequence"),
        ("--join a", "--join has no effect by itself"),
        ("--join-stacks", "--join-stacks has no effect by itself"),
    ] {
        let (message, hint) = events(&format!("cmon tail web {args}")).unwrap_err();
        assert!(message.starts_with(error) && !hint.is_empty(), "{args}: {message}");
    }
}
