//! Error messages: the operation, the cause, the hint.

use super::support::{Cmon, Container, Dockerd};

#[test]
fn an_unknown_container_is_reported_with_the_nearest_name() {
    let container = Container::named("webserver", &[], "sleep 600");
    let done = Cmon::run(&["tail", "webservr"]).code(1);
    let done = done.says("no container matches `webservr`").says("did you mean `webserver`?");
    assert_eq!(done.stdout, b"");
    // An existing container does not hide a missing one: nothing is read before that is clear.
    Cmon::run(&["tail", "--no-follow", "webserver", "nothing-like-it"]).code(1);
    drop(container);
}

#[test]
fn a_missing_daemon_is_reported_with_its_address_and_origin() {
    Cmon::run(&["tail", "web", "--host", "unix:///nowhere/docker.sock"])
        .code(1)
        .says("could not connect to `unix:///nowhere/docker.sock` (from --host): no such file")
        .says("start the daemon");
    let change = |command: &mut std::process::Command| {
        command.env("DOCKER_HOST", "unix:///elsewhere.sock");
    };
    let done = Cmon::start_with(&["tail", "web"], change).done();
    done.code(1).says("`unix:///elsewhere.sock` (from DOCKER_HOST)");
}

#[test]
fn a_socket_without_permission_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    // A copy that other users may run, and a socket for this user only.
    let binary = dir.path().join("cmon");
    // A separate process: while this one has the copy open, a child of another test would keep it busy.
    let copied =
        std::process::Command::new("cp").arg(env!("CARGO_BIN_EXE_cmon")).arg(&binary).status();
    assert!(copied.unwrap().success());
    let socket = dir.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o700)).unwrap();
    let done = std::process::Command::new(&binary)
        .args(["tail", "web"])
        .env("DOCKER_HOST", format!("unix://{}", socket.display()))
        .uid(65_534)
        .output()
        .unwrap();
    let stderr = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("permission denied") && stderr.contains("`docker`"), "{stderr}");
    drop(listener);
}

#[test]
fn a_flag_may_come_from_the_environment() {
    let container = Container::run("seq 5");
    container.wait();
    let change = |command: &mut std::process::Command| {
        command.env("CMON_TAIL", "2").env("CMON_NO_FOLLOW", "1");
    };
    let done = Cmon::start_with(&["tail", &container.name], change).done().code(0);
    assert_eq!(done.text(), "4\n5\n");
}

#[test]
fn a_socket_without_a_daemon_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let url = format!("unix://{}", path.display());
    Cmon::run(&["tail", "web", "--host", &url]).code(1).says("connection refused");
}

#[test]
fn an_unusable_socket_path_is_explained() {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    std::fs::write(dir.path().join("f"), "").unwrap();
    let at = |name: &str| format!("unix://{}/{name}", dir.path().display());
    let long = format!("unix:///{}", "x".repeat(107));
    for (url, code, message, advice) in [
        (
            "unix://var/run/docker.sock",
            2,
            "`var/run/docker.sock` is not absolute",
            "unix:///var/run/",
        ),
        ("unix://", 2, "the path of the socket is empty", "unix:///var/run/docker.sock"),
        ("/var/run/docker.sock", 2, "must begin with unix://", "unix:///var/run/docker.sock"),
        (&long, 2, "the path has 108 bytes, and that of a unix socket has at most 107", "link"),
        (&at(""), 1, "it is a directory and not a socket", "name the socket itself"),
        (&at("f"), 1, "it is a regular file and not a socket", "name the socket itself"),
        (&at("f/s"), 1, "a part of the path is a file", "name the socket itself"),
        (&at("none"), 1, "no such file or directory", "start the daemon"),
    ] {
        for command in ["tail", "watch", "leak-check"] {
            let args: &[&str] = if command == "tail" { &["tail", "-a"] } else { &[command] };
            // A leak check uses exit code 1 only for a leak.
            let code = if command == "leak-check" { 2 } else { code };
            let done = Cmon::run(&[args, &["--host", url]].concat()).code(code).says(message);
            done.says(advice).says(url);
            let change = |command: &mut std::process::Command| {
                command.env("DOCKER_HOST", url);
            };
            let done = Cmon::start_with(args, change).done().code(code);
            done.says(message).says(advice).says("(from DOCKER_HOST)");
        }
    }
    // Waiting does not turn the file into a socket.
    Cmon::run(&["tail", "web", "--wait", "--host", &at("f")]).code(1).says("a regular file");
}

#[test]
fn the_embedded_daemon_starts_with_any_tmpdir() {
    let dir = tempfile::tempdir_in("/tmp").unwrap();
    let long = dir.path().join("x".repeat(100));
    std::fs::create_dir(&long).unwrap();
    for temporary in [long.to_str().unwrap(), "", "relative"] {
        let change = |command: &mut std::process::Command| {
            command.env("TMPDIR", temporary).current_dir(dir.path());
        };
        let done = Cmon::start_with(&["tail", "--demo", "--no-follow", "-n", "1"], change).done();
        assert!(!done.code(0).stdout.is_empty());
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing was left there");
}

#[test]
fn too_few_descriptors_are_an_error_and_not_a_panic() {
    let talks = Container::run("while :; do echo x; usleep 100000; done");
    let commands: [&[&str]; 7] = [
        &["tail", "-a", "--no-follow", "-n", "1"],
        &["tail", &talks.name, "--exit-on-stop", "-n", "1"],
        &["tail", "--demo", "--no-follow", "-n", "1"],
        &["watch", "--once", &talks.name],
        &["watch", "-o", "json", "--duration", "1s", "--metrics", "0"],
        &["leak-check", "--dry-run", &talks.name],
        &["leak-check", "--self-test"],
    ];
    for args in commands {
        for limit in (3..=20).chain([24, 28, 32, 36, 48]) {
            let script = format!("ulimit -n {limit} && exec \"$@\"");
            let mut command = Dockerd::shared().command("sh");
            command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_cmon")]).args(args);
            command.stdout(std::process::Stdio::piped());
            let cmon = Cmon::of(command);
            let follows = args.contains(&"--exit-on-stop");
            let starts = 40 < limit;
            if follows && starts {
                // Enough to start: it follows, and ends on a signal.
                let cmon = cmon.read();
                cmon.wait_for_out("x\n");
                cmon.interrupt().code(130);
                continue;
            }
            if args.contains(&"--self-test") && starts {
                continue;
            }
            let done = cmon.done();
            assert!(!done.stderr.contains("panicked"), "{limit}: {done}");
            if limit == 3 && done.stderr.contains("error while loading shared libraries") {
                // The system could not even start it.
                continue;
            }
            if limit <= 20 {
                assert!(!done.status.success() && done.status.code().is_some(), "{limit}: {done}");
                done.says("cmon: error: ").says("ulimit -n 1024");
            }
        }
    }
}

#[test]
fn a_driver_without_a_readable_log_is_named() {
    let container = Container::run_with(&["--log-driver", "none"], "echo lost; sleep 600");
    let done = Cmon::run(&["tail", &container.name]).code(1);
    done.says("cannot be read: its log driver `none` keeps nothing")
        .says("configured logging driver");
    Cmon::run(&["tail", "--no-follow", &container.name]).code(1).says("log driver `none`");
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for (args, message) in [
        (&["tail"][..], "which containers?"),
        (&["tail", "x", "--stream-timeout", "10ms"], "the shortest is 100ms"),
        (&["tail", "x", "-n", "many"], "neither a number nor `all`"),
        (&["tail", "/(/"], "not a regular expression"),
        (&["tail", "x", "--host", "http://h"], "write tcp:// in place of http://"),
        (&["tail", "x", "--host", "unix:///s", "--context", "c"], "cannot be used with"),
        (&["follow"], "unrecognized subcommand"),
    ] {
        let done = Cmon::run(args).code(2).says(message);
        assert_eq!(done.stdout, b"");
    }
}

#[test]
fn help_and_version_are_data() {
    assert!(Cmon::run(&["--version"]).code(0).text().starts_with("cmon "));
    assert!(Cmon::run(&["tail", "--help"]).code(0).text().contains("cmon tail 'web-*' db -n 100"));
}
