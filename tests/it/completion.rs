//! Completion of names in real shells, on a real daemon. A loaded machine may miss the deadline of 300 ms, so each test
//! retries until the names come.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::support::{Cmon, Container, Dockerd, Terminal, eventually};

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("completions")
}

/// A shell with cmon in its path, and the address of the tests' daemon.
fn shell(program: &str, script: &str) -> Command {
    let bin = Path::new(env!("CARGO_BIN_EXE_cmon")).parent().unwrap();
    let mut shell = Dockerd::shared().command(program);
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    shell.env("PATH", path).env_remove("DOCKER_CONTEXT").env_remove("DOCKER_CONFIG");
    shell.args(if program == "zsh" { &["-f", "-c"][..] } else { &["-c"] }).arg(script);
    shell.current_dir(scripts()).stdout(Stdio::piped());
    shell
}

/// A script that completes a command line in bash: it calls the function as bash does.
fn in_bash(words: &str) -> String {
    let complete = r#"
        source cmon.bash
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _cmon cmon "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    format!("COMP_WORDS=({words}){complete}")
}

/// A script that completes a line in fish.
fn in_fish(line: &str) -> String {
    format!("source cmon.fish; complete -C '{line}'")
}

/// Runs a script with these variables until it prints these lines, and nothing on stderr.
#[track_caller]
fn gives(program: &str, script: &str, variables: &[(&str, &str)], expected: &[&str]) {
    let mut last = Vec::new();
    let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        eventually("names", || {
            let mut shell = shell(program, script);
            shell.envs(variables.iter().copied());
            let done = Cmon::of(shell).done();
            assert!(done.stderr.is_empty(), "{done}");
            last = String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect();
            (last == expected).then_some(())
        });
    }));
    assert!(found.is_ok(), "{program}: {script}: {last:?} instead of {expected:?}");
}

/// The containers of these tests, for one test at a time.
struct Containers {
    _containers: [Container; 3],
    _alone: MutexGuard<'static, ()>,
}

fn containers() -> Containers {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let project = ["--label", "com.docker.compose.project=blog"];
    let compose = [&project[..], &["--label", "com.docker.compose.service=cms"]].concat();
    let sleep = "sleep 1000";
    let containers = [
        Container::named("tabweb", &["--label", "tabtier=front"], sleep),
        Container::named("tabworker", &["--label", "tabtier=back end;x"], sleep),
        Container::named("tabcms", &compose, sleep),
    ];
    Containers { _containers: containers, _alone: alone }
}

#[test]
fn names_complete_in_bash_and_fish() {
    let _containers = containers();
    let contexts = contexts();
    let dir = contexts.path().to_str().unwrap();
    for (words, line, in_bash_they_are, in_fish_they_are) in [
        (
            "cmon tail tabw",
            "cmon tail tabw",
            &["tabweb", "tabworker"][..],
            &["tabweb", "tabworker"][..],
        ),
        ("cmon logs -n 5 tabwe", "cmon logs -n 5 tabwe", &["tabweb"], &["tabweb"]),
        ("cmon watch -E tabwo", "cmon watch -E tabwo", &["tabworker"], &["tabworker"]),
        ("cmon leak-check tabc", "cmon leak-check tabc", &["tabcms"], &["tabcms"]),
        ("cmon tail --project blo", "cmon tail --project blo", &["blog"], &["blog"]),
        ("cmon tail --project blog/", "cmon tail --project blog/", &["blog/cms"], &["blog/cms"]),
        // Bash splits words at `=`, and replaces the part behind it.
        ("cmon tail -l tabtier = fr", "cmon tail -l tabtier=fr", &["front"], &["tabtier=front"]),
        (
            "cmon tail --label = tabtier = b",
            "cmon tail --label=tabtier=b",
            &["back\\ end\\;x"],
            &["--label=tabtier=back end;x"],
        ),
        ("cmon tail --context tab", "cmon tail --context tab", &["tabremote"], &["tabremote"]),
        ("cmon --context tab", "cmon --context tab", &["tabremote"], &["tabremote"]),
    ] {
        let variables = [("DOCKER_CONFIG", dir)];
        gives("bash", &in_bash(words), &variables, in_bash_they_are);
        gives("fish", &in_fish(line), &variables, in_fish_they_are);
    }
    // Flags and their values still come from the script.
    gives("bash", &in_bash("cmon tail --timez"), &[], &["--timezone"]);
    gives("bash", &in_bash("cmon tail -o p"), &[], &["pretty"]);
}

#[test]
fn names_complete_in_zsh() {
    let _containers = containers();
    let terminal = Terminal::open(Some(&Dockerd::shared().url()));
    terminal.resize(160, 24);
    let bin = Path::new(env!("CARGO_BIN_EXE_cmon")).parent().unwrap();
    let start = format!("PATH={}:$PATH PS1='zsh> ' zsh -f -i", bin.display());
    terminal.run(&start);
    terminal.wait_for("zsh>");
    let load = format!(
        "fpath=({} $fpath); autoload -U compinit; compinit -u -D; clear; echo loaded",
        scripts().display()
    );
    terminal.keys(&[&load, "Enter"]);
    terminal.wait_for("loaded\nzsh>");
    for (typed, expected) in [
        ("cmon tail tabwe", "cmon tail tabweb "),
        ("cmon tail --label=tabtier=f", "--label=tabtier=front "),
        ("cmon tail --label tabtier=b", "--label tabtier=back\\ end\\;x "),
        ("cmon watch --project blo", "--project blog "),
        ("cmon tail --timez", "--timezone="),
    ] {
        terminal.keys(&[typed, "Tab"]);
        // A late answer completes nothing; the key is pressed again.
        eventually(expected, || {
            let done = terminal.screen().contains(expected.trim_end());
            if !done {
                thread::yield_now();
                terminal.keys(&["Tab"]);
            }
            done.then_some(())
        });
        terminal.keys(&["C-u"]);
    }
    terminal.keys(&["C-d"]);
}

#[test]
fn completion_uses_the_daemon_of_the_line_or_environment() {
    let _containers = containers();
    let url = Dockerd::shared().url();
    let broken = url.replace(':', " : ");
    let nowhere = [("DOCKER_HOST", "unix:///nowhere/s")];
    gives("bash", &in_bash("cmon tail tabwe"), &nowhere, &[""]);
    gives("bash", &in_bash(&format!("cmon --host {broken} tail tabwe")), &nowhere, &["tabweb"]);
    gives("fish", &in_fish(&format!("cmon tail --host={url} tabwe")), &nowhere, &["tabweb"]);
    let cmon = [nowhere[0], ("CMON_HOST", url.as_str())];
    gives("bash", &in_bash("cmon tail tabwe"), &cmon, &["tabweb"]);
    gives("bash", &in_bash("cmon tail --demo wor"), &nowhere, &["worker"]);
    gives("fish", &in_fish("cmon watch -l tier=da"), &[("CMON_DEMO", "1")], &["tier=data"]);
    let contexts = contexts();
    let here = [nowhere[0], ("DOCKER_CONFIG", contexts.path().to_str().unwrap())];
    gives("bash", &in_bash("cmon tail --context tabremote tabwe"), &here, &["tabweb"]);
}

/// A configuration directory of the docker command, with a context for the tests' daemon.
fn contexts() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let meta = dir.path().join("contexts/meta/1");
    std::fs::create_dir_all(&meta).unwrap();
    let endpoints = serde_json::json!({ "docker": { "Host": Dockerd::shared().url() } });
    let text = serde_json::json!({ "Name": "tabremote", "Endpoints": endpoints }).to_string();
    std::fs::write(meta.join("meta.json"), text).unwrap();
    dir
}

/// A daemon that answers each request with these bytes, or never.
struct Daemon {
    url: String,
    asked: mpsc::Receiver<UnixStream>,
    _dir: tempfile::TempDir,
}

impl Daemon {
    fn start(answer: Option<String>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let url = format!("unix://{}", dir.path().join("s").display());
        let (accepted, asked) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if let Some(answer) = &answer {
                    let _ = stream.read(&mut [0; 4096]);
                    let _ = stream.write_all(answer.as_bytes());
                } else if accepted.send(stream).is_err() {
                    return;
                }
            }
        });
        Self { url, asked, _dir: dir }
    }
}

/// Without the deadline it would wait for an hour.
#[test]
fn a_silent_daemon_completes_nothing_and_does_not_block_the_shell() {
    let daemon = Daemon::start(None);
    let variables = [("DOCKER_HOST", daemon.url.as_str()), ("CMON_REQUEST_TIMEOUT", "1h")];
    gives("bash", &in_bash("cmon tail w"), &variables, &[""]);
    gives("fish", &in_fish("cmon tail w"), &variables, &[]);
    assert!(daemon.asked.try_iter().count() != 0, "it was asked");
    // A silent daemon does not delay one that answers.
    let _containers = containers();
    let both =
        format!("cmon tail --host a={} --host b={} tabwe", daemon.url, Dockerd::shared().url());
    gives("fish", &in_fish(&both), &variables[1..], &["tabweb"]);
}

#[test]
fn hostile_names_are_not_completed() {
    let row = |name: &str, label: &str| {
        serde_json::json!({
            "Id": "ab12", "Names": [format!("/{name}")], "Image": "i", "State": "running",
            "Labels": { "x": label },
        })
    };
    let rows = serde_json::json!([
        row("good", "a b"),
        row("\u{1b}[2Jbad", "\u{1b}]0;bad\u{7}"),
        row("two\nlines", "$(touch pwned)"),
        row("-rf", "*"),
    ]);
    let body = rows.to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let daemon = Daemon::start(Some(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())));
    let host = [("DOCKER_HOST", daemon.url.as_str())];
    gives("bash", &in_bash("cmon tail ''"), &host, &["good"]);
    gives("fish", &in_fish("cmon tail go"), &host, &["good"]);
    let quoted = ["x=\\$\\(touch\\ pwned\\)", "x=\\*", "x=a\\ b"];
    gives("bash", &in_bash("cmon tail -l ''"), &host, &quoted);
    assert!(!scripts().join("pwned").exists());
}

#[test]
fn a_wrong_completion_call_fails_silently() {
    for args in [&[][..], &["tcsh", "", "cmon", ""], &["bash", "", "cmon", "ta"], &["zsh"]] {
        let done = Cmon::run(&[&["__complete"], args].concat()).code(1);
        assert!(done.stdout.is_empty() && done.stderr.is_empty(), "{done}");
    }
    let help = Cmon::run(&["--help"]).code(0).text();
    assert!(!help.contains("__complete"), "{help}");
}
