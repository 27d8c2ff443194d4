//! The embedded daemon from the user's side: `cmon tail --demo`, and the docker command on its socket.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use regex::Regex;
use rustix::process::Signal;

use super::support::{Cmon, Done};

/// The docker command with this socket.
fn docker(socket: &Path, args: &[&str]) -> Command {
    let mut docker = Command::new("docker");
    // Variables of the test's environment must not name another daemon.
    for variable in ["DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_API_VERSION", "DOCKER_TLS_VERIFY"] {
        docker.env_remove(variable);
    }
    docker.arg("-H").arg(format!("unix://{}", socket.display())).args(args);
    docker
}

/// Its stdout and stderr, if it succeeds.
#[track_caller]
fn prints(socket: &Path, args: &[&str]) -> String {
    let done = docker(socket, args).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{args:?}: {}", text(&done.stderr));
    text(&done.stdout) + &text(&done.stderr)
}

/// Its first lines; then it is killed.
#[track_caller]
fn begins(socket: &Path, args: &[&str], lines: usize) -> Vec<String> {
    let mut docker = docker(socket, args).stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(docker.stdout.take().unwrap());
    let read: Vec<String> = stdout.lines().take(lines).map(Result::unwrap).collect();
    docker.kill().unwrap();
    docker.wait().unwrap();
    read
}

#[test]
fn the_docker_command_lists_and_describes_the_demo() {
    let demo = cmon::demo::start().unwrap();
    let socket = demo.socket();
    let listed = prints(socket, &["ps", "-a", "--format", "{{.Names}} {{.Image}} {{.Status}}"]);
    assert_eq!(listed.lines().count(), 8, "{listed}");
    let web = Regex::new("(?m)^web nginx:1.25 Up 3 hours$").unwrap();
    assert!(web.is_match(&listed), "{listed}");
    assert!(prints(socket, &["ps"]).contains("CONTAINER ID"));
    let names = |args: &[&str]| {
        let text = prints(socket, &[&["ps", "-a", "--format", "{{.Names}}"], args].concat());
        let mut names: Vec<String> = text.lines().map(str::to_owned).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(names(&["--filter", "label=com.docker.compose.project=shop"]), "api db web");
    assert_eq!(names(&["--filter", "label=tier=data", "--filter", "status=running"]), "cache db");
    assert_eq!(names(&["--filter", "name=^w"]), "web worker");
    assert_eq!(names(&["--filter", "ancestor=redis"]), "cache");
    assert_eq!(names(&["--filter", "health=none", "--filter", "name=^w"]), "web worker");
    for health in ["starting", "healthy", "unhealthy"] {
        assert_eq!(names(&["--filter", &format!("health={health}")]), "", "no health checks");
    }
    assert_eq!(names(&["-n", "2"]), "console mail");
    for value in ["health=well", "status=well"] {
        let wrong = docker(socket, &["ps", "--filter", value]).output().unwrap();
        let wrong = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert!(
            wrong.contains("Unrecognised filter value for ") && wrong.contains("well"),
            "{wrong}"
        );
    }
    let unknown = docker(socket, &["ps", "--filter", "colour=red"]).output().unwrap();
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("nvalid filter 'colour'"));
    let service = "{{index .Config.Labels \"com.docker.compose.service\"}} {{.State.Status}}";
    assert_eq!(prints(socket, &["inspect", "web", "--format", service]), "web running\n");
    let inspected: serde_json::Value =
        serde_json::from_str(&prints(socket, &["inspect", "web", "db"])).unwrap();
    assert_eq!(inspected[1]["Name"], "/db");
    let missing = docker(socket, &["inspect", "nope"]).output().unwrap();
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("No such object: nope"));
    let info = prints(socket, &["info"]);
    assert!(info.contains("Containers: 8") && info.contains("Name: cmon-demo"), "{info}");
    assert!(!info.contains("WARNING"), "{info}");
    let version = prints(socket, &["version"]);
    assert!(version.contains("Server: cmon demo") && version.contains("24.0.9"), "{version}");
    let refused = docker(socket, &["stop", "web"]).output().unwrap();
    assert!(!refused.status.success(), "a container of the demo cannot be stopped");
}

#[test]
fn the_docker_command_reads_and_follows_the_logs_of_the_demo() {
    let demo = cmon::demo::start().unwrap();
    let socket = demo.socket();
    assert_eq!(prints(socket, &["logs", "--tail", "3", "db"]).lines().count(), 3);
    let all = prints(socket, &["logs", "web"]);
    assert!(all.starts_with("web is starting\n"), "{all}");
    let since = prints(socket, &["logs", "--since", "1h", "web"]);
    assert!(since.len() < all.len() && !since.contains("web is starting"), "{since}");
    let until = prints(socket, &["logs", "--since", "2h", "--until", "1h", "web"]);
    assert!(0 < until.lines().count() && until.len() < all.len(), "{until}");
    let details = prints(socket, &["logs", "--details", "--tail", "1", "cache"]);
    assert!(details.starts_with("tier=data ["), "{details}");
    // The last five are older, but at most those of the last minute are shown; then come live lines.
    let args = ["logs", "-f", "-t", "--tail", "5", "--since", "1m", "web"];
    let lines = begins(socket, &args, 12);
    let line = Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z GET /").unwrap();
    let times: Vec<&str> = lines.iter().map(|line| line.split(' ').next().unwrap()).collect();
    assert!(lines.len() == 12 && lines.iter().all(|text| line.is_match(text)), "{lines:?}");
    assert!(times.is_sorted_by(|one, next| one < next), "{times:?}");
    let console = prints(socket, &["logs", "--tail", "1", "console"]);
    assert!(console.ends_with("@shop:~$ uptime\r\n"), "a terminal's lines end so: {console:?}");
}

#[test]
fn the_docker_command_shows_events_of_the_demo() {
    let demo = cmon::demo::start().unwrap();
    let socket = demo.socket();
    let past = [
        "events",
        "--since",
        "4h",
        "--until",
        "0s",
        "--format",
        "{{.Action}} {{.Actor.Attributes.name}}",
    ];
    let events = prints(socket, &past);
    assert!(events.starts_with("create web\ncreate api\n"), "{events}");
    assert!(events.contains("start web\n") && events.contains("oom mail\ndie mail\n"), "{events}");
    let filter = ["--filter", "container=worker", "--filter", "event=die"];
    let dead = prints(socket, &[&past, &filter[..]].concat());
    assert!(dead.contains("die worker\n"), "{dead}");
    assert!(dead.lines().all(|line| line == "die worker"), "{dead}");
    let live =
        begins(socket, &["events", "--filter", "event=start", "--filter", "container=worker"], 1);
    assert!(live[0].contains("container start ") && live[0].contains("name=worker"), "{live:?}");
    // It ends by itself at a time that comes.
    prints(socket, &["events", "--until", "1s"]);
}

#[test]
fn go_s_pprof_reads_the_profiles_of_the_demo() {
    let demo = cmon::demo::start().unwrap();
    let profile =
        |query: &str| super::support::get(demo.socket(), &format!("/debug/pprof/{query}"));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("goroutine");
    std::fs::write(&file, profile("goroutine")).unwrap();
    let top = Command::new("go").args(["tool", "pprof", "-top"]).arg(&file).output().unwrap();
    let text = String::from_utf8_lossy(&top.stdout).into_owned();
    assert!(text.contains("Type: goroutine") && text.contains("30 total"), "{top:?}");
    let stacks = String::from_utf8(profile("goroutine?debug=2")).unwrap();
    assert_eq!(stacks.matches("\ngoroutine ").count(), 29, "{stacks}");
    assert!(String::from_utf8(profile("")).unwrap().contains("goroutine?debug=1"));
}

/// Runs `cmon tail --demo` on stored lines.
fn stored(args: &[&str]) -> Done {
    let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
    cmon.env_clear().args(["tail", "--demo", "--no-follow"]).args(args).stdout(Stdio::piped());
    Cmon::of(cmon).done().code(0)
}

#[test]
fn the_history_of_the_demo_has_every_form_of_line() {
    let forms = [
        ("web", r"^GET /\S* \d+ \d+ms$|^\[error\] "),
        ("api", r#"^\{"level":"|^Traceback|^  |^KeyError"#),
        ("db", r"^\S+ \S+ UTC \[27\] (LOG|ERROR):  "),
        ("cache", r"^\[(INFO|WARN)\] "),
        ("worker", r"^level=(info|warn) msg=|^panic: |^$|^goroutine 1|^main\.|^\t/src"),
        ("cron", r"^[IW]\d{4} \S+ +1 \w+\.go:\d+\] "),
        ("mail", r"^\S+ (INFO |ERROR) \[smtp-1\] Sender - |^java\.net|^\t"),
        ("console", r"^\x1b\[1m\w+\x1b\[0m@shop:~\$ uptime"),
    ];
    for (name, form) in forms {
        let (form, done) = (Regex::new(form).unwrap(), stored(&[name]));
        let mut lines = done.text();
        lines = lines.replace("\r\n", "\n");
        let others = lines.lines().filter(|line| !form.is_match(line));
        let greeting = Regex::new(&format!("^{name} is (starting|ready)$")).unwrap();
        let others: Vec<&str> = others.filter(|line| !greeting.is_match(line)).collect();
        assert!(others.is_empty() && 30 < lines.lines().count(), "{name}: {others:?}");
    }
}

#[test]
fn filters_and_forms_can_be_tried_on_the_history() {
    let count = |args: &[&str]| stored(&[&["-a"], args].concat()).text().lines().count();
    let all = count(&[]);
    let (warn, error) = (count(&["--level", "warn"]), count(&["--level", "error"]));
    assert!(0 < error && error < warn && warn < all, "{error} {warn} {all}");
    let hour = count(&["--since", "1h"]);
    assert!(all / 10 < hour && hour < all / 2, "{hour} of {all}");
    for (args, part) in [
        (&["api", "-o", "pretty", "--level", "warn"][..], "WARN  slow query ms="),
        (&["worker", "-o", "pretty"], "INFO  job done job="),
        (&["worker", "--join-stacks", "-i", "^panic:"], "\t/src/worker/queue.go:41\n"),
        (&["mail", "--join-stacks", "-i", "ConnectException"], "\tat shop.mail.Smtp.connect"),
        (&["api", "--join-stacks", "--level", "error"], "KeyError: 'blue-mug'\n"),
    ] {
        assert!(stored(args).text().contains(part), "{args:?}");
    }
    let project = stored(&["--project", "shop", "-o", "json"]).text();
    let of = |name: &str| project.contains(&format!(r#""container":"{name}""#));
    assert_eq!(["web", "api", "db", "cache"].map(of), [true, true, true, false]);
    let service = stored(&["--project", "shop/db", "-l", "tier=data", "-n", "5"]).text();
    assert_eq!(service.lines().count(), 5, "{service}");
}

#[test]
fn an_invalid_pattern_with_demo_is_reported_alone() {
    for pattern in ["wbe", "nothing-*", "/^$/"] {
        let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
        cmon.env_clear().args(["tail", "--demo", pattern]).stdout(Stdio::piped());
        let done = Cmon::of(cmon).read().done().code(1);
        assert!(done.stderr.starts_with("cmon: error: no container matches"), "{pattern}: {done}");
        assert!(!done.stderr.contains("docker -H"), "{pattern}: {done}");
    }
}

#[test]
fn a_following_demo_prints_its_address() {
    let run = |args: &[&str]| {
        let mut cmon = Command::new(env!("CARGO_BIN_EXE_cmon"));
        cmon.env_clear().args(["tail", "--demo"]).args(args).stdout(Stdio::piped());
        Cmon::of(cmon).read()
    };
    let cmon = run(&[]);
    cmon.wait_for_err("~ the demo daemon: docker -H unix:///");
    cmon.signal(Signal::INT);
    let done = cmon.done().code(130);
    let socket = done.stderr.split("docker -H unix://").nth(1).unwrap().split(' ').next().unwrap();
    assert!(!Path::new(socket).exists(), "it is removed at the end");
    let quiet = run(&["-q", "--until-match", "GET"]).done().code(0);
    assert!(quiet.stderr.is_empty(), "{quiet}");
    assert!(!stored(&["web"]).stderr.contains("docker -H"), "it is of no use to a finite read");
}
