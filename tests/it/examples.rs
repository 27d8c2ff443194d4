//! Runs each example of the help, the man pages and README.md on a daemon with containers of the examples' names. A new
//! example is tested without a change here.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use cmon::cli;
use cmon::config::UsageError;
use cmon::demo::{FakeDaemon, serve};
use cmon::engine::source::StdStream::Stdout;
use regex::Regex;
use rustix::process::Signal;

use super::support::{Cmon, PATIENCE, eventually};

/// An example that is parsed and not run: a part of it, and the reason.
const NOT_RUN: [(&str, &str); 3] = [
    ("ssh://", "it needs another machine"),
    ("tcp://", "it needs another machine"),
    ("container:", "the embedded daemon does not list the processes of containers"),
];

/// A command line, its place, and the error below it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Example {
    line: String,
    place: String,
    error: Option<String>,
}

impl Example {
    fn new(line: &str, place: &str) -> Self {
        // A pipe or a file behind cmon is the shell's part.
        let quoted = Regex::new(r#"^(?:'[^']*'|"[^"]*"|[^|>#'"])*"#).unwrap();
        let own = quoted.find(line).unwrap().as_str().trim();
        // `#` begins a comment only behind a space.
        let line = if line[own.len()..].starts_with('#') { line } else { own };
        Self { line: line.to_owned(), place: place.to_owned(), error: None }
    }

    /// Whether it ends by itself.
    fn ends(&self) -> bool {
        let follows = ["tail", "logs", "watch", "leak-check"];
        let command = self.line.split(' ').nth(1).unwrap_or_default();
        let ends = ["--no-follow", "--until", "--once", "--dry-run", "--self-test", "--help"];
        !follows.contains(&command)
            || ends.iter().any(|flag| self.line.contains(flag))
            || self.error.is_some()
    }

    fn reason_not_to_run(&self) -> Option<&'static str> {
        NOT_RUN.iter().find(|(part, _)| self.line.contains(part)).map(|(_, reason)| *reason)
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The examples below `Examples:` in a help. A description stands behind two spaces.
fn of_help(help: &str, place: &str) -> Vec<Example> {
    let block = help.split_once("Examples:\n").map_or("", |(_, rest)| rest);
    let lines = block.lines().take_while(|line| !line.trim().is_empty());
    let commands = lines.map(str::trim).filter(|line| line.starts_with("cmon "));
    commands.map(|line| Example::new(line.split("  ").next().unwrap(), place)).collect()
}

/// The examples of a man page.
fn of_man(page: &str, place: &str) -> Vec<Example> {
    let block = page.split_once(".SH EXAMPLES\n.nf\n").map_or("", |(_, rest)| rest);
    let block = block.split("\n.fi").next().unwrap();
    let text =
        block.replace("\\-", "-").replace("\\(aq", "'").replace("\\&", "").replace("\\e", "\\");
    of_help(&format!("Examples:\n{text}\n"), place)
}

/// The examples in the code blocks of a document: `$ cmon …` with its output below, or `cmon …`.
fn of_markdown(text: &str, place: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
            continue;
        }
        let command = line.strip_prefix("$ ").unwrap_or(line);
        let command = command.replacen("cargo run --release -- ", "cmon ", 1);
        let is_code = in_block || line.starts_with("    ");
        // In a block with prompts, a line without one is output.
        if is_code && command.starts_with("cmon ") && !command.starts_with("cmon:") {
            let comment = command.find("  #").unwrap_or(command.len());
            examples.push(Example::new(command[..comment].trim(), place));
        } else if let Some(last) = examples.last_mut()
            && in_block
            && line.starts_with("cmon: error: ")
        {
            last.error = Some(line.to_owned());
        }
    }
    examples
}

fn help(args: &[&str]) -> String {
    Cmon::run(&[args, &["--help"]].concat()).code(0).text()
}

/// The commands that the help lists.
fn commands() -> Vec<String> {
    let help = help(&[]);
    let block = help.split_once("Commands:\n").unwrap().1;
    let lines = block.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// All examples that must run, each command line once.
fn examples() -> Vec<Example> {
    let mut found = of_help(&help(&[]), "cmon --help");
    let commands = commands();
    assert!(5 <= commands.len(), "{commands:?}");
    for command in &commands {
        let place = format!("cmon {command} --help");
        let examples = of_help(&help(&[command]), &place);
        assert!(!examples.is_empty(), "{place} has no examples");
        found.extend(examples);
    }
    for entry in std::fs::read_dir(root().join("man")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let examples = of_man(&std::fs::read_to_string(&path).unwrap(), &name);
        assert!(!examples.is_empty(), "{name} has no examples");
        found.extend(examples);
    }
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let readme = of_markdown(&readme, "README.md");
    assert!(10 < readme.len(), "{readme:?}");
    // Last, so that the error below it is kept.
    found.extend(readme);
    let by_line = |example: Example| (example.line.clone(), example);
    found.into_iter().map(by_line).collect::<BTreeMap<_, _>>().into_values().collect()
}

/// A daemon with the containers of the examples.
struct Scene {
    dir: tempfile::TempDir,
    _stop: tokio::sync::oneshot::Sender<()>,
    http: String,
}

impl Scene {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("s");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (up, is_up) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let fake = FakeDaemon::now();
                let listener = tokio::net::UnixListener::bind(socket).unwrap();
                containers(&fake);
                up.send(()).unwrap();
                tokio::select! {
                    () = serve(fake.clone(), listener) => {}
                    () = write_lines(&fake) => {}
                    _ = stopped => {}
                }
            });
        });
        is_up.recv().unwrap();
        Self { dir, _stop: stop, http: serve_metrics() }
    }

    /// The line with existing paths and addresses of this machine.
    fn here(&self, line: &str) -> String {
        let http = Regex::new(r"http://127\.0\.0\.1:\d+").unwrap();
        let line = http.replace_all(line, self.http.as_str());
        // Another program may have taken the port.
        let line = line.replace("--metrics 9464", "--metrics 0");
        line.replace("pid:4711", &format!("pid:{}", std::process::id()))
    }

    fn run(&self, example: &Example) -> Result<(), String> {
        let bin = Path::new(env!("CARGO_BIN_EXE_cmon")).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let home = tempfile::tempdir_in(self.dir.path()).unwrap();
        // `--project .` is the project of the current directory.
        let shop = home.path().join("shop");
        std::fs::create_dir(&shop).unwrap();
        std::fs::write(shop.join("cmon.toml"), "[tail]\ntail = 20\n").unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec {}", self.here(&example.line))]);
        shell.env_clear().env("PATH", path).env("HOME", home.path()).current_dir(&shop);
        shell.env("DOCKER_HOST", format!("unix://{}", self.dir.path().join("s").display()));
        shell.stdout(Stdio::piped());
        let mut cmon = Cmon::of(shell).read();
        if !example.ends() {
            eventually(&format!("output of `{}`", example.line), || {
                let wrote = !cmon.out().is_empty() || !cmon.err().is_empty() || has_a_log(&shop);
                (wrote || cmon.try_status().is_some()).then_some(())
            });
            cmon.signal(Signal::INT);
        }
        let done = cmon.done_within(3 * PATIENCE);
        let code = done.status.code();
        let is_right = match (&example.error, example.ends()) {
            (Some(error), _) => code == Some(1) && done.stderr.contains(error),
            (None, true) => code == Some(0),
            // A check with a shortened time has no verdict.
            (None, false) if example.line.contains("leak-check") => {
                matches!(code, Some(0 | 3 | 130))
            }
            (None, false) => matches!(code, Some(0 | 130)),
        };
        match is_right && !done.stderr.contains("panicked") {
            true => Ok(()),
            false => Err(format!("{} of {}: {done}", example.line, example.place)),
        }
    }
}

/// Whether a file with lines is somewhere below a directory.
fn has_a_log(dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).any(|path| {
        let is_log = path.extension().is_some_and(|extension| extension == "log");
        if path.is_dir() {
            has_a_log(&path)
        } else {
            is_log && path.metadata().is_ok_and(|of| of.len() != 0)
        }
    })
}

/// Makes the containers that examples name.
fn containers(fake: &FakeDaemon) {
    let all = ["web", "web-1", "web-3", "worker-1", "db", "job"];
    for name in all {
        let labels = [
            ("app", name.split('-').next().unwrap()),
            ("com.docker.compose.project", "shop"),
            ("com.docker.compose.service", name),
        ];
        fake.create_labeled(name, "nginx:1.25", &labels);
        fake.start(name);
        fake.write(name, Stdout, "ready\n");
    }
}

/// Writes lines that the examples' filters match.
async fn write_lines(fake: &FakeDaemon) {
    for number in 0_u64.. {
        for name in ["web", "web-1", "web-3", "worker-1", "db", "job"] {
            let text = r#"{"level":"warn","msg":"login and checkout are slow"}"#;
            fake.write(name, Stdout, format!("{text}\nready: listening on 80 ({number})\n"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// A target to check: goroutines of Go on request, else a page for Prometheus.
fn serve_metrics() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = [0; 4096];
            let length = stream.read(&mut request).unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = match request.contains("/debug/pprof") {
                true => {
                    "goroutine profile: total 3\n3 @ 0x1\n#\t0x1\tmain.main+0x1\t/main.go:1\n\n"
                }
                false => "# TYPE queue_size gauge\nqueue_size 3\n",
            };
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n";
            let length = body.len();
            let _ = write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}");
        }
    });
    url
}

#[test]
#[expect(clippy::print_stdout, reason = "the test's output lists skipped examples with reasons")]
fn each_example_runs() {
    let scene = Scene::start();
    let (not_run, run): (Vec<Example>, Vec<Example>) =
        examples().into_iter().partition(|example| example.reason_not_to_run().is_some());
    assert!(40 < run.len(), "{run:?}");
    for example in &not_run {
        println!("parsed alone: `{}`: {}", example.line, example.reason_not_to_run().unwrap());
    }
    // Many of them wait for something, so several run at once.
    let failed: Vec<String> = thread::scope(|scope| {
        let parts: Vec<Vec<&Example>> =
            (0..4).map(|part| run.iter().skip(part).step_by(4).collect()).collect();
        let scene = &scene;
        let handles: Vec<_> = parts
            .into_iter()
            .map(|part| {
                scope.spawn(move || {
                    part.into_iter()
                        .filter_map(|example| scene.run(example).err())
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let failed = handles.into_iter().map(ScopedJoinHandle::join);
        failed
            .flat_map(|failed| failed.unwrap_or_else(|_| vec!["one has hung".to_owned()]))
            .collect()
    });
    assert!(failed.is_empty(), "{} examples fail:\n{}", failed.len(), failed.join("\n"));
}

/// Splits a command line into words as a shell does.
fn words(line: &str) -> Vec<String> {
    let line = line.replace("$XDG_RUNTIME_DIR", "/run/user/1000");
    let part = Regex::new(r#"(?:'[^']*'|"[^"]*"|[^\s'"])+"#).unwrap();
    let unquoted = |word: &str| word.replace(['\'', '"'], "");
    part.find_iter(&line).map(|word| unquoted(word.as_str())).collect()
}

#[test]
fn each_example_is_a_valid_command_line() {
    let mut all = examples();
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        all.extend(of_markdown(&std::fs::read_to_string(&path).unwrap(), &name));
    }
    assert!(70 < all.len(), "{}", all.len());
    let around = cmon::config::Surroundings::look();
    for Example { line, place, .. } in &all {
        let args = words(line).into_iter().map(Into::into);
        let cli =
            cli::Cli::read(args).unwrap_or_else(|error| panic!("`{line}` of {place}: {error}"));
        let asks_a_daemon = !matches!(
            cli.command,
            cli::Command::Completions(_) | cli::Command::Man(_) | cli::Command::Config(_)
        );
        if asks_a_daemon {
            let config = cmon::config::Config::new(cli, &around);
            // The contexts of examples are not on this machine.
            let missing =
                |error: &UsageError| error.to_string().contains("there is no such context");
            let is_right = config.as_ref().err().is_none_or(missing);
            assert!(is_right, "`{line}` of {place}: {config:?}");
        }
    }
    for (part, reason) in NOT_RUN {
        let stale = format!("no example has {part} any more, so the reason can go: {reason}");
        assert!(all.iter().any(|example| example.line.contains(part)), "{stale}");
    }
}

#[test]
fn examples_are_found_in_each_form() {
    let lines = |examples: Vec<Example>| -> Vec<String> {
        examples.into_iter().map(|example| example.line).collect()
    };
    let help = "Usage: x\n\nExamples:\n  cmon tail web -o json | jq .msg  write it\n  cmon watch\n      words\n\nOptions:\n  cmon x";
    assert_eq!(lines(of_help(help, "")), ["cmon tail web -o json", "cmon watch"]);
    let man = ".SH EXAMPLES\n.nf\ncmon tail \\(aqw\\-*\\(aq  words\n.fi\n.SH X\ncmon x\n";
    assert_eq!(lines(of_man(man, "")), ["cmon tail 'w-*'"]);
    let text = "```console\n$ cmon tail webs\ncmon: error: none\n$ cmon a --target 'x#y' >f\n```\ncmon follows\n";
    let found = of_markdown(text, "");
    assert_eq!(found[0].error.as_deref(), Some("cmon: error: none"));
    assert_eq!(lines(found), ["cmon tail webs", "cmon a --target 'x#y'"]);
}
