//! Daemons without a local unix socket: over TCP, over TCP with TLS, and over ssh.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};

use super::support::{Cmon, Container, Dockerd, Done, eventually};

/// A relay in front of a daemon that can cut its connections, or make them silent.
struct Relay {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
    /// Connections with a number below this one are silent.
    silent: Arc<AtomicUsize>,
    opened: Arc<AtomicUsize>,
    /// While it is locked, no bytes pass.
    gate: Arc<Mutex<()>>,
}

/// Both directions of a connection to a daemon.
trait Upstream: Read + Write + Send + 'static {
    fn again(&self) -> Self;
    fn end(&self);
}

impl Upstream for UnixStream {
    fn again(&self) -> Self {
        self.try_clone().unwrap()
    }

    fn end(&self) {
        // It may have ended before.
        let _ = self.shutdown(Shutdown::Both);
    }
}

impl Upstream for TcpStream {
    fn again(&self) -> Self {
        self.try_clone().unwrap()
    }

    fn end(&self) {
        let _ = self.shutdown(Shutdown::Both);
    }
}

/// Whether bytes of a connection pass.
enum Passage {
    Open,
    Silent,
}

fn copy(mut from: impl Upstream, mut to: impl Upstream, passage: impl Fn() -> Passage) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        match passage() {
            Passage::Open => {}
            // The bytes are lost, and the connection stays as it is.
            Passage::Silent => continue,
        }
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    from.end();
    to.end();
}

impl Relay {
    fn before<U: Upstream>(connect: impl Fn() -> U + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::<Mutex<Vec<TcpStream>>>::default();
        let shared = Arc::clone(&open);
        let (silent, opened) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (border, numbers) = (Arc::clone(&silent), Arc::clone(&opened));
        let gate = Arc::<Mutex<()>>::default();
        let passing = Arc::clone(&gate);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, upstream) = (client.unwrap(), connect());
                shared.lock().unwrap().push(client.try_clone().unwrap());
                let number = numbers.fetch_add(1, Ordering::SeqCst);
                let passage = {
                    let (border, gate) = (Arc::clone(&border), Arc::clone(&passing));
                    move || {
                        drop(gate.lock().unwrap());
                        match number < border.load(Ordering::SeqCst) {
                            true => Passage::Silent,
                            false => Passage::Open,
                        }
                    }
                };
                let (from, to) = (client.again(), upstream.again());
                let also = passage.clone();
                thread::spawn(move || copy(from, to, also));
                thread::spawn(move || copy(upstream, client, passage));
            }
        });
        Self { port, open, silent, opened, gate }
    }

    /// Makes the open connections silent without closing them, as if the other machine had vanished. New ones work.
    fn silence(&self) {
        self.silent.store(self.opened.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// No bytes pass for two seconds, in any direction and on any connection.
    fn freeze(&self) {
        let _shut = self.gate.lock().unwrap();
        thread::sleep(Duration::from_secs(2));
    }

    fn cut(&self) {
        self.open.lock().unwrap().drain(..).for_each(|stream| stream.end());
    }
}

/// Some 2,000 lines a second.
const COUNT: &str = "count 20000";
const ROTATING: [&str; 2] = ["--stream-timeout", "1s"];

/// Follows a container that counts to 20,000, while `cut` is called three times.
fn follow(
    container: &Container,
    args: &[&str],
    change: impl FnOnce(&mut Command),
    cut: impl Fn(),
) -> Done {
    let follow = ["tail", "-n", "all", "-o", "json", "--summary", "--exit-on-stop"];
    let args = [&follow[..], args, &[&container.name]].concat();
    let cmon = Cmon::start_with(&args, |command| {
        command.env_remove("DOCKER_HOST");
        change(command);
    });
    let cmon = cmon.read();
    for seen in ["\"4000\"", "\"9000\"", "\"15000\""] {
        cmon.wait_for_out(seen);
        cut();
    }
    cmon.done().code(0)
}

fn exact(container: &Container, done: &Done) {
    let numbers: Vec<String> = (1..=20_000).map(|number| number.to_string()).collect();
    assert_eq!(done.messages(&container.name, "stdout"), numbers, "{}", done.stderr);
    let summary = &done.objects("summary")[0];
    for field in ["gaps", "tasks", "connections", "streams_open"] {
        assert_eq!(summary[field], 0, "{summary}");
    }
}

#[test]
fn no_line_is_lost_over_tcp_through_cuts_and_rotations() {
    let container = Container::run(COUNT);
    let socket = container.daemon.socket();
    let relay = Relay::before(move || UnixStream::connect(&socket).unwrap());
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let args = [&ROTATING[..], &["--host", &url]].concat();
    let done = follow(&container, &args, |_| {}, || relay.cut());
    exact(&container, &done);
}

/// Rotation alone would not find it: streams stay open for five minutes.
const PROBED: [&str; 2] = ["--stale-after", "1s"];

/// Makes all connections silent; the third time it cuts them, so that events report the container's end.
fn fall_silent(relay: &Relay, times: &Mutex<usize>) {
    relay.silence();
    let mut times = times.lock().unwrap();
    *times += 1;
    if *times == 3 {
        relay.cut();
    }
}

/// Follows through a relay that falls silent three times.
fn follow_through_silence(container: &Container, relay: &Relay, change: impl FnOnce(&mut Command)) {
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let args = [&PROBED[..], &["--host", &url]].concat();
    let times = Mutex::new(0);
    let done = follow(container, &args, change, || fall_silent(relay, &times));
    exact(container, &done);
    assert_ne!(done.objects("summary")[0]["stale"], 0);
}

#[test]
fn a_silent_tcp_connection_is_found() {
    let container = Container::run(COUNT);
    let socket = container.daemon.socket();
    let relay = Relay::before(move || UnixStream::connect(&socket).unwrap());
    follow_through_silence(&container, &relay, |_| {});
}

#[test]
fn a_silent_tls_connection_is_found() {
    let secure = Secure::shared();
    let port = secure.port;
    let relay = Relay::before(move || TcpStream::connect(("127.0.0.1", port)).unwrap());
    let container = Container::on(&secure.daemon, COUNT);
    follow_through_silence(&container, &relay, |command| secure.trusted_by(command));
}

#[test]
fn no_line_is_lost_over_tcp_when_the_other_machine_freezes() {
    let container = Container::run(COUNT);
    let socket = container.daemon.socket();
    let relay = Relay::before(move || UnixStream::connect(&socket).unwrap());
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let args = [&ROTATING[..], &["--host", &url]].concat();
    let done = follow(&container, &args, |_| {}, || relay.freeze());
    exact(&container, &done);
}

#[test]
fn no_line_is_lost_over_tls_when_the_other_machine_freezes() {
    let secure = Secure::shared();
    let port = secure.port;
    let relay = Relay::before(move || TcpStream::connect(("127.0.0.1", port)).unwrap());
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let container = Container::on(&secure.daemon, COUNT);
    let args = [&ROTATING[..], &["--host", &url]].concat();
    let done = follow(&container, &args, |command| secure.trusted_by(command), || relay.freeze());
    exact(&container, &done);
}

/// Interrupts cmon while its connections are silent; all of them are closed at the end.
fn interrupt_in_silence(container: &Container, relay: &Relay, change: impl FnOnce(&mut Command)) {
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let args = ["tail", "-n", "all", "-o", "json", "--summary", "--host", &url, &container.name];
    let cmon = Cmon::start_with(&args, |command| {
        command.env_remove("DOCKER_HOST");
        change(command);
    });
    let cmon = cmon.read();
    cmon.wait_for_out("\"4000\"");
    relay.silence();
    let done = cmon.interrupt().code(130);
    let summary = &done.objects("summary")[0];
    for field in ["tasks", "connections", "streams_open"] {
        assert_eq!(summary[field], 0, "{summary}");
    }
}

#[test]
fn a_silent_connection_does_not_delay_the_end() {
    let container = Container::run(COUNT);
    let socket = container.daemon.socket();
    let relay = Relay::before(move || UnixStream::connect(&socket).unwrap());
    interrupt_in_silence(&container, &relay, |_| {});
    let secure = Secure::shared();
    let port = secure.port;
    let relay = Relay::before(move || TcpStream::connect(("127.0.0.1", port)).unwrap());
    let container = Container::on(&secure.daemon, COUNT);
    interrupt_in_silence(&container, &relay, |command| secure.trusted_by(command));
}

/// A daemon that listens with TLS, and the certificates.
struct Secure {
    dir: PathBuf,
    port: u16,
    daemon: Dockerd,
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Authority { certificate, issuer: Issuer::new(params, key) }
}

/// Writes `ca.pem`, `cert.pem` and `key.pem`.
fn write_certificates(dir: &Path, authority: &Authority, names: &[&str], from: &Authority) {
    write_certificates_until(dir, authority, names, from, 4000);
}

/// The same, valid up to the end of this year.
fn write_certificates_until(
    dir: &Path,
    authority: &Authority,
    names: &[&str],
    from: &Authority,
    year: i32,
) {
    fs::create_dir_all(dir).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(year, 12, 31);
    let certificate = params.signed_by(&key, &from.issuer).unwrap();
    fs::write(dir.join("ca.pem"), authority.certificate.pem()).unwrap();
    fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
    fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
}

impl Secure {
    fn shared() -> &'static Self {
        static SHARED: OnceLock<Secure> = OnceLock::new();
        SHARED.get_or_init(|| {
            let dir = tempfile::tempdir().unwrap().keep();
            let (own, other) = (authority(), authority());
            write_certificates(&dir.join("server"), &own, &["127.0.0.1", "right.test"], &own);
            write_certificates(&dir.join("client"), &own, &["me"], &own);
            write_certificates(&dir.join("stranger"), &own, &["me"], &other);
            write_certificates(&dir.join("distrust"), &other, &["me"], &own);
            write_certificates_until(&dir.join("expired"), &own, &["me"], &own, 2020);
            fs::create_dir_all(dir.join("no-client")).unwrap();
            fs::copy(dir.join("client/ca.pem"), dir.join("no-client/ca.pem")).unwrap();
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let file = |name: &str| dir.join("server").join(name).display().to_string();
            let listen = format!("tcp://127.0.0.1:{port}");
            let daemon = Dockerd::alone(&[
                "-H",
                &listen,
                "--tlsverify",
                "--tlscacert",
                &file("ca.pem"),
                "--tlscert",
                &file("cert.pem"),
                "--tlskey",
                &file("key.pem"),
            ]);
            Secure { dir, port, daemon }
        })
    }

    /// Configures a command with the right certificates, by the docker command's variables.
    fn trusted_by(&self, command: &mut Command) {
        command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", self.dir("client"));
    }

    fn dir(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }
}

#[test]
fn no_line_is_lost_over_tls_through_cuts_and_rotations() {
    let secure = Secure::shared();
    let port = secure.port;
    let relay = Relay::before(move || TcpStream::connect(("127.0.0.1", port)).unwrap());
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let container = Container::on(&secure.daemon, COUNT);
    let by_variables = |command: &mut Command| {
        command.env("DOCKER_HOST", &url);
        secure.trusted_by(command);
    };
    let done = follow(&container, &ROTATING, by_variables, || relay.cut());
    exact(&container, &done);
}

#[test]
fn a_context_of_the_docker_command_gives_address_and_certificates() {
    let secure = Secure::shared();
    let config = tempfile::tempdir().unwrap();
    let container = Container::on(&secure.daemon, "seq 20");
    container.wait();
    let docker = |args: &[&str]| {
        let mut command = Command::new("docker");
        command.env("DOCKER_CONFIG", config.path()).env_remove("DOCKER_HOST");
        let done = command.args(args).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let file = |name: &str| secure.dir.join("client").join(name).display().to_string();
    let endpoint = format!(
        "host=tcp://127.0.0.1:{},ca={},cert={},key={}",
        secure.port,
        file("ca.pem"),
        file("cert.pem"),
        file("key.pem")
    );
    docker(&["context", "create", "secure", "--docker", &endpoint]);
    let run = |args: &[&str]| {
        let tail = ["tail", "--no-follow", &container.name];
        Cmon::start_with(&[&tail[..], args].concat(), |command| {
            command.env("DOCKER_CONFIG", config.path()).env_remove("DOCKER_HOST");
        })
        .done()
    };
    let numbers: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
    let lines = numbers.join("\n") + "\n";
    assert_eq!(run(&["--context", "secure"]).code(0).stdout, lines.as_bytes());
    let done = run(&["--context", "nowhere"]).code(2);
    assert!(done.stderr.contains("context `nowhere`, from --context: there is no such context; there are: default, secure"), "{}", done.stderr);
    docker(&["context", "use", "secure"]);
    assert_eq!(run(&[]).code(0).stdout, lines.as_bytes());
    // Of three contexts two at once, of which one has the container too.
    let here = Container::named_on(Dockerd::shared(), &container.name, "seq 21 22");
    here.wait();
    let plain = format!("host={}", Dockerd::shared().url());
    docker(&["context", "create", "plain", "--docker", &plain]);
    docker(&["context", "create", "far", "--docker", "host=ssh://far.invalid"]);
    let done = run(&["-o", "json", "--context", "secure", "--context", "plain"]).code(0);
    let of = |host: &str| {
        let lines = done.objects("line").into_iter().filter(|line| line["host"] == host);
        lines.map(|line| line["msg"].as_str().unwrap().to_owned()).collect::<Vec<String>>()
    };
    assert_eq!(of("secure"), numbers);
    assert_eq!(of("plain"), ["21", "22"]);
}

#[test]
fn an_untrusted_daemon_is_an_error_with_a_hint() {
    let secure = Secure::shared();
    let url = format!("tcp://127.0.0.1:{}", secure.port);
    let by_name = format!("tcp://localhost:{}", secure.port);
    let cases: [(&str, Option<&str>, &[&str]); 8] = [
        (&url, Some("expired"), &["refused the one that cmon sent", "--tlscert"]),
        (&url, Some("distrust"), &["its certificate is not trusted", "try: ", "--tlscacert"]),
        (&by_name, Some("client"), &["its certificate is for "]),
        (&url, Some("no-client"), &["requires a client certificate", "--tlscert"]),
        (&url, Some("stranger"), &["refused the one that cmon sent", "--tlscert"]),
        (&url, None, &["HTTP request to an HTTPS server", "--tlsverify"]),
        (&url, Some("nowhere"), &["its certificate is not trusted"]),
        (
            "tcp://127.0.0.1:1",
            Some("client"),
            &["could not connect to `tcp://127.0.0.1:1` (from --host)", "connection refused"],
        ),
    ];
    let mut messages = String::new();
    for (url, dir, texts) in cases {
        let args = ["tail", "--host", url, "-a"];
        let done = Cmon::start_with(&args, |command| {
            if let Some(dir) = dir {
                command.env("DOCKER_TLS_VERIFY", "1").env("DOCKER_CERT_PATH", secure.dir(dir));
                // The certificates of this machine do not matter.
                command.env("SSL_CERT_FILE", "/dev/null");
            }
        })
        .done()
        .code(1);
        for word in texts {
            assert!(
                done.stderr.contains(*word),
                "{url} {dir:?}: `{word}` is not in\n{}",
                done.stderr
            );
        }
        let stderr = done.stderr.replace(&secure.port.to_string(), "PORT");
        let stderr = stderr.replace(&secure.dir.display().to_string(), "DIR");
        messages += dir.unwrap_or("no TLS");
        messages += ":\n";
        messages += &stderr;
        messages += "\n";
    }
    insta::assert_snapshot!("refusals_of_tls", messages);
    // TLS to a port without it.
    let socket = Dockerd::shared().socket();
    let relay = Relay::before(move || UnixStream::connect(&socket).unwrap());
    let url = format!("tcp://127.0.0.1:{}", relay.port);
    let ca = secure.dir.join("client/ca.pem").display().to_string();
    let done = Cmon::run(&["tail", "--host", &url, "--tlscacert", &ca, "-a"]).code(1);
    assert!(done.stderr.contains("it does not speak TLS"), "{}", done.stderr);
    let missing = secure.dir("none.pem");
    let done = Cmon::run(&["tail", "--host", &url, "--tlscacert", &missing, "-a"]).code(1);
    assert!(
        done.stderr.contains(&format!("cannot read {missing}: no such file")),
        "{}",
        done.stderr
    );
}

/// A directory with an `ssh` that starts its own sshd, without a port.
struct Ssh {
    dir: tempfile::TempDir,
}

impl Ssh {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name).display().to_string();
        for key in ["host", "user"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-f", &path(key)])
                .output()
                .expect("these tests need ssh; on Debian: apt-get install openssh-server openssh-client");
            assert!(made.status.success(), "{made:?}");
        }
        fs::create_dir_all("/run/sshd").unwrap();
        fs::write(
            path("sshd_config"),
            format!(
                "HostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n\
                 PasswordAuthentication no\n",
                path("host"),
                path("user.pub")
            ),
        )
        .unwrap();
        fs::write(
            path("ssh_config"),
            format!(
                "Host box\n User root\n IdentityFile {}\n IdentitiesOnly yes\n\
                 StrictHostKeyChecking no\n UserKnownHostsFile {}\n LogLevel ERROR\n\
                 ProxyCommand /usr/sbin/sshd -i -f {}\n",
                path("user"),
                path("known"),
                path("sshd_config")
            ),
        )
        .unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        let program = format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", path("ssh_config"));
        fs::write(path("bin/ssh"), program).unwrap();
        fs::set_permissions(path("bin/ssh"), fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn use_in(&self, command: &mut Command) {
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.dir.path().join("bin").display()));
        command.env_remove("SSH_AUTH_SOCK");
    }

    /// The ssh processes with this configuration.
    fn clients(&self) -> Vec<Pid> {
        let config = self.dir.path().join("ssh_config").display().to_string();
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|pid| {
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            command.starts_with("/usr/bin/ssh\0") && command.contains(&config)
        })
        .filter_map(Pid::from_raw)
        .collect()
    }
}

#[test]
fn no_line_is_lost_through_ssh_when_its_processes_are_killed() {
    let ssh = Ssh::new();
    let container = Container::run(COUNT);
    let url = format!("ssh://box{}", container.daemon.socket().display());
    let kill = || {
        for client in ssh.clients() {
            // One may have ended by itself.
            let _ = kill_process(client, Signal::KILL);
        }
    };
    let args = [&ROTATING[..], &["--host", &url]].concat();
    let done = follow(&container, &args, |command| ssh.use_in(command), kill);
    exact(&container, &done);
    eventually("the end of all ssh processes", || ssh.clients().is_empty().then_some(()));
}

#[test]
fn an_ssh_error_quotes_ssh() {
    let ssh = Ssh::new();
    let failing = |url: &str, path: Option<&str>| {
        Cmon::start_with(&["tail", "-a", "--host", url], |command| {
            ssh.use_in(command);
            if let Some(path) = path {
                command.env("PATH", path);
            }
        })
        .done()
        .code(1)
        .stderr
    };
    let text = failing("ssh://box/nowhere.sock", None);
    assert!(text.contains("`ssh://box/nowhere.sock` (from --host)"), "{text}");
    assert!(text.contains("dial unix /nowhere.sock: connect: no such file or directory"), "{text}");
    let text = failing("ssh://nobody-there.invalid", None);
    assert!(text.contains("Could not resolve hostname nobody-there.invalid"), "{text}");
    fs::remove_file(ssh.dir.path().join("user.pub")).unwrap();
    let text = failing("ssh://box", None);
    assert!(text.contains("Permission denied (publickey"), "{text}");
    let text = failing("ssh://box", Some("/nowhere"));
    assert!(text.contains("could not start `ssh`") && text.contains("OpenSSH client"), "{text}");
}

/// A server that answers each connection with these bytes.
fn answering(bytes: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            thread::spawn(move || {
                // The request is read first, since a close would reset the connection before its end.
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(bytes);
            });
        }
    });
    url
}

#[test]
fn errors_of_other_servers_and_ssh_have_address_and_reason() {
    let mut messages = String::new();
    let mut add = |what: &str, url: &str, change: &dyn Fn(&mut Command)| {
        let done = Cmon::start_with(&["tail", "-a", "--host", url], change).done().code(1);
        let stderr = done.stderr.replace(url, "URL");
        messages += &[what, ":\n", &stderr, "\n"].concat();
    };
    add("another protocol", &answering(b"SSH-2.0-OpenSSH_9.2\r\n"), &|_| {});
    let page = b"HTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n\r\n<h1>no</h1>\r\n";
    add("another server", &answering(page), &|_| {});
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    add("an answer that is no list", &answering(text), &|_| {});
    add("nothing", &answering(b""), &|_| {});
    add("a file that is no socket", "unix:///dev/null", &|_| {});
    for (what, message) in [
        ("refused", "ssh: connect to host box port 22: Connection refused"),
        ("no key", "me@box: Permission denied (publickey)."),
        ("unknown host key", "Host key verification failed."),
        ("no docker there", "bash: line 1: docker: command not found"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("ssh");
        fs::write(&program, format!("#!/bin/sh\necho '{message}' >&2\nexit 255\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", dir.path().display(), std::env::var("PATH").unwrap());
        add(what, "ssh://me@box", &|command| {
            command.env("PATH", &path);
        });
    }
    add("no ssh", "ssh://me@box", &|command| {
        command.env("PATH", "/nowhere");
    });
    insta::assert_snapshot!("refusals_of_others", messages);
}
