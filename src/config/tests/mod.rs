//! The rules of the command line, as tables.

mod daemons;
mod flags;

use clap::{CommandFactory, Parser};

use super::*;
use crate::cli::Cli;
use crate::docker::endpoint::Origin;
use crate::docker::endpoint::{Address, Route};
use crate::engine::{Backlog, Runs};
use crate::format::Colors;
use crate::format::pretty::LineForm;
use crate::format::stamp::StampForm;
use crate::output::{Form, Summary};

fn around() -> Surroundings {
    Surroundings {
        docker_host: None,
        docker_context: None,
        contexts: Contexts::default(),
        docker_cert_path: None,
        docker_tls_verify: false,
        docker_tls: false,
        sockets: Vec::new(),
        project: Some("shop".to_owned()),
        docker_api_version: None,
        no_color: false,
        force_color: false,
        dumb_terminal: false,
        stdout: FileKind::Other,
        now: jiff::Timestamp::from_second(1_800_000_000)
            .unwrap()
            .to_zoned_datetime(jiff::tz::TimeZone::UTC),
        stderr_is_terminal: false,
        github: None,
    }
}

fn terminal() -> Surroundings {
    Surroundings { stdout: FileKind::Terminal, stderr_is_terminal: true, ..around() }
}

/// A directory of the docker command with a context `remote` that has certificates, and `far`.
fn docker_dir(current: &str) -> (tempfile::TempDir, Contexts) {
    let dir = tempfile::tempdir().unwrap();
    let context = |hash: &str, name: &str, host: &str| {
        let meta = dir.path().join("contexts/meta").join(hash);
        std::fs::create_dir_all(&meta).unwrap();
        let text = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"{host}"}}}}}}"#);
        std::fs::write(meta.join("meta.json"), text).unwrap();
    };
    context("aa", "remote", "tcp://remote:2376");
    context("bb", "far", "ssh://far");
    std::fs::create_dir_all(dir.path().join("contexts/tls/aa/docker")).unwrap();
    let text = format!(r#"{{"currentContext":"{current}"}}"#);
    std::fs::write(dir.path().join("config.json"), text).unwrap();
    let contexts = Contexts::in_dir(Some(dir.path().to_owned()));
    (dir, contexts)
}

fn config(args: &str, around: &Surroundings) -> Result<Config, UsageError> {
    let cli = Cli::try_parse_from(args.split_whitespace()).unwrap();
    Config::new(cli, around)
}

/// The only daemon.
fn only(config: Config) -> Daemon {
    match config.daemons {
        Daemons::One(daemon) => daemon,
        other => panic!("one daemon is meant, not {other:?}"),
    }
}

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
            "--demo brings its own daemon, so --host cannot be given beside it",
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
fn a_run_that_is_selected_excludes_other_times_cursors_and_a_follow_of_the_previous_one() {
    let of = |args: &str| {
        let engine = config(&format!("cmon tail web {args}"), &around()).unwrap().engine;
        (engine.runs, engine.follow)
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
fn an_output_is_left_out_only_when_the_other_is_asked_for() {
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
fn the_form_depends_on_how_many_and_on_the_terminal() {
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
fn the_status_line_is_never_beside_a_pipe() {
    let status = |args: &str, around: &Surroundings| config(args, around).unwrap().output.status;
    let to_file = Surroundings { stdout: FileKind::Regular, ..terminal() };
    let to_pipe = Surroundings { stdout: FileKind::Other, ..terminal() };
    assert!(status("cmon tail web", &terminal()) && status("cmon tail web", &to_file));
    assert!(!status("cmon tail web", &to_pipe) && !status("cmon tail web", &around()));
    assert!(!status("cmon tail web -q", &terminal()));
    assert!(!status("cmon tail web -o json", &terminal()));
}

#[test]
fn the_summary_is_for_people_signals_and_who_asks() {
    let summary = |args: &str, around: &Surroundings| config(args, around).unwrap().output.summary;
    assert_eq!(summary("cmon tail web", &terminal()), Summary::Always);
    assert_eq!(summary("cmon tail web", &around()), Summary::OnSignal);
    assert_eq!(summary("cmon tail web --summary", &around()), Summary::Always);
    assert_eq!(summary("cmon tail web --summary -q", &terminal()), Summary::Never);
}

#[test]
fn timestamps_have_the_form_and_zone_that_were_asked_for() {
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
    // A container's name is not taken for a form.
    let cli = Cli::try_parse_from(["cmon", "tail", "-t", "web"]).unwrap();
    let crate::cli::Command::Tail(tail) = cli.command else { panic!("it is `tail`") };
    assert_eq!(tail.containers, ["web"]);
    assert!(Cli::try_parse_from(["cmon", "tail", "-t=long", "web"]).is_err());
    let zone = |args: &str| config(args, &pipe).unwrap().output.zone.iana_name().map(str::to_owned);
    assert_eq!(zone("cmon tail web").as_deref(), Some("Europe/Berlin"));
    assert_eq!(zone("cmon tail web --timezone Asia/Tokyo").as_deref(), Some("Asia/Tokyo"));
}

fn watched(args: &str, stdout: FileKind, dumb_terminal: bool) -> Config {
    let around = Surroundings { dumb_terminal, stdout, stderr_is_terminal: true, ..around() };
    config(args, &around).unwrap()
}

#[test]
fn the_output_form_follows_from_flags_and_stdout() {
    use FileKind::{Other, Terminal};
    let screen = WatchForm::Screen { colors: Colors::On, lines: LineForm::Plain };
    let cases = [
        ("cmon watch", Terminal, false, screen),
        (
            "cmon watch --color never",
            Terminal,
            false,
            WatchForm::Screen { colors: Colors::Off, lines: LineForm::Plain },
        ),
        ("cmon watch", Terminal, true, WatchForm::Lines),
        ("cmon watch", Other, false, WatchForm::Lines),
        ("cmon watch --once", Terminal, false, WatchForm::Table),
        ("cmon watch --once", Other, false, WatchForm::Table),
        ("cmon watch -o json", Terminal, false, WatchForm::Json { once: false }),
        ("cmon watch -o json --once", Other, false, WatchForm::Json { once: true }),
    ];
    for (args, stdout, dumb, expected) in cases {
        let Action::Watch(watch) = watched(args, stdout, dumb).action else {
            panic!("{args} is `watch`");
        };
        assert_eq!(watch.form, expected, "{args}");
    }
}

#[test]
fn filters_of_watch_are_for_the_screen() {
    let Action::Watch(watch) =
        watched("cmon watch -i a -e b --level warn -o pretty", FileKind::Terminal, false).action
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
fn without_a_name_it_is_for_all_that_run() {
    let open = |args| watched(args, FileKind::Other, false).selection.is_open();
    assert!(open("cmon watch") && open("cmon watch --demo"));
    assert!(!open("cmon watch -a") && !open("cmon watch web"));
}

#[test]
fn tracing_does_not_write_over_the_screen() {
    let refused = config("cmon watch -v", &terminal()).unwrap_err().to_string();
    assert!(refused.contains("redirect stderr"), "{refused}");
    let elsewhere = Surroundings { stderr_is_terminal: false, ..terminal() };
    assert_eq!(config("cmon watch -v", &elsewhere).unwrap().verbosity, 1);
    assert_eq!(watched("cmon watch -v --once", FileKind::Terminal, false).verbosity, 1);
}

#[test]
fn a_recording_is_judged_again_by_the_same_rules() {
    let again = |args: &str| {
        let args = format!("cmon leak-check {args}");
        let Action::LeakCheck(leak) = config(&args, &around()).unwrap().action else {
            panic!("it is `leak-check`");
        };
        leak.again().join(" ")
    };
    // What a check was given is in its recording, but for the file that it was held against.
    assert_eq!(again("--record r --alpha 0.05 --baseline b"), "--replay r --baseline b");
    assert_eq!(
        again("--replay r --max-per-min 2 --gate own,daemon --alpha 0.05 --max-per-cycle 0.5"),
        "--replay r --alpha 0.05 --gate own,daemon --max-per-cycle 0.5 --max-per-min 2"
    );
    assert_eq!(again("--replay r --baseline b"), "--replay r --baseline b");
    assert_eq!([again("--alpha 0.05"), again("--self-test")], [String::new(), String::new()]);
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

#[test]
fn waiting_for_a_match_ends_when_nothing_can_come_any_more() {
    let ends = |args: &str| config(args, &around()).unwrap().engine.exit_on_stop;
    assert!(ends("cmon tail web --until-match ready"));
    assert!(!ends("cmon tail web --fail-on panic") && !ends("cmon tail web --timeout 1s"));
    assert!(!ends("cmon tail web --no-follow --until-match ready"), "that ends by itself");
}
