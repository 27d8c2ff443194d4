//! cmon from the user's side, with a proxy in front of a real daemon: nginx, and one that splits chunks.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::support::{Cmon, Container, Dockerd, eventually};
use cmon::docker::http::{Body, Head};

/// The behavior of a proxy.
#[derive(Clone)]
enum Does {
    /// Frames bodies again, in chunks of this many bytes.
    Rechunk(usize),
    /// Answers 403 to targets that contain this text.
    Refuse(&'static str),
    /// Passes only targets that begin with this text, as an allow-list does.
    Allow(&'static str),
}

/// A proxy in front of the shared daemon, until the tests end.
struct Proxy {
    dir: tempfile::TempDir,
}

impl Proxy {
    fn start(does: Does) -> Self {
        let dir = tempfile::Builder::new().prefix("cmon-it-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(dir.path().join("s")).unwrap();
        let daemon = Dockerd::shared().socket();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (does, daemon) = (does.clone(), daemon.clone());
                // The client or the daemon broke the connection.
                std::thread::spawn(move || drop(pass(client, &daemon, &does)));
            }
        });
        Self { dir }
    }

    fn url(&self) -> String {
        format!("unix://{}", self.dir.path().join("s").display())
    }
}

fn pass(mut client: UnixStream, daemon: &Path, does: &Does) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let line = String::from_utf8_lossy(&request).into_owned();
    let target = line.split(' ').nth(1).unwrap_or_default();
    let refused = match does {
        Does::Rechunk(_) => false,
        Does::Refuse(part) => target.contains(part),
        Does::Allow(prefix) => !target.starts_with(prefix),
    };
    if refused {
        let page = "<html><h1>403 Forbidden</h1></html>";
        let length = page.len();
        return write!(client, "HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\n\r\n{page}");
    }
    let mut upstream = UnixStream::connect(daemon)?;
    upstream.write_all(&request)?;
    let mut watched = client.try_clone()?;
    let closing = upstream.try_clone()?;
    std::thread::spawn(move || {
        // The client sends no more; its end is passed on.
        let _ = watched.read(&mut [0]);
        let _ = closing.shutdown(std::net::Shutdown::Both);
    });
    let mut bytes = vec![0; 65_536];
    let Does::Rechunk(size) = does else {
        loop {
            match upstream.read(&mut bytes)? {
                0 => return client.shutdown(std::net::Shutdown::Both),
                count => client.write_all(&bytes[..count])?,
            }
        }
    };
    let mut head = Vec::new();
    let (parsed, length) = loop {
        let count = upstream.read(&mut bytes)?;
        head.extend_from_slice(&bytes[..count]);
        if let Some(parsed) = Head::parse(&head).unwrap() {
            break parsed;
        }
    };
    let mut rest = head.split_off(length);
    let status = parsed.status;
    write!(client, "HTTP/1.1 {status} x\r\nTransfer-Encoding: chunked\r\n\r\n")?;
    let mut body = Body::new(parsed.framing);
    while !body.is_done() {
        let (mut input, mut chunks) = (rest.as_slice(), Vec::new());
        while let Some(part) = body.next(&mut input).unwrap() {
            for chunk in part.chunks(*size) {
                chunks.extend(format!("{:x}\r\n", chunk.len()).bytes());
                chunks.extend(chunk);
                chunks.extend(b"\r\n");
            }
        }
        client.write_all(&chunks)?;
        if !body.is_done() {
            let count = upstream.read(&mut bytes)?;
            if count == 0 {
                return client.shutdown(std::net::Shutdown::Both);
            }
            rest = bytes[..count].to_vec();
        }
    }
    client.write_all(b"0\r\n\r\n")?;
    client.shutdown(std::net::Shutdown::Both)
}

/// nginx in front of the shared daemon; dropping this value ends it.
struct Nginx {
    dir: tempfile::TempDir,
    child: Child,
}

impl Nginx {
    fn start(proxy_settings: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("cmon-it-").tempdir_in("/tmp").unwrap();
        let (at, daemon) = (dir.path().display(), Dockerd::shared().socket());
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{}}\n\
             http {{\n\
               access_log off;\n\
               client_body_temp_path {at}/b; proxy_temp_path {at}/p; fastcgi_temp_path {at}/f;\n\
               uwsgi_temp_path {at}/u; scgi_temp_path {at}/c;\n\
               server {{ listen unix:{at}/s;\n\
                 location / {{ proxy_pass http://unix:{}:; proxy_http_version 1.1; {proxy_settings} }}\n\
               }}\n\
             }}\n",
            daemon.display()
        );
        std::fs::write(dir.path().join("conf"), config).unwrap();
        let child = Command::new("nginx")
            .arg("-p")
            .arg(dir.path())
            .arg("-c")
            .arg(dir.path().join("conf"))
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx is needed: apt-get install nginx");
        let nginx = Self { dir, child };
        eventually("nginx to listen", || UnixStream::connect(nginx.socket()).ok());
        nginx
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        drop(ended);
    }
}

fn through(url: &str, args: &[&str]) -> Cmon {
    Cmon::start_with(args, |command| {
        command.env("DOCKER_HOST", url);
    })
}

/// The lines of a container that wrote the numbers up to `count`.
#[track_caller]
fn all_numbers(url: &str, container: &Container, count: usize) {
    let args = ["tail", &container.name, "-n", "all", "-o", "json", "--exit-on-stop"];
    let done = through(url, &args).done().code(0);
    let expected: Vec<String> = (1..=count).map(|number| number.to_string()).collect();
    let found = done.messages(&container.name, "stdout");
    assert!(found == expected, "{} of {count} lines; {}", found.len(), done.stderr);
    assert_eq!(done.objects("gap").len(), 0);
}

#[test]
fn no_line_is_cut_behind_a_proxy_that_splits_chunks() {
    for tty in [&["-t"][..], &[]] {
        let live = "i=0; while [ $i -lt 2000 ]; do seq $((i + 1)) $((i + 500)); \
                    i=$((i + 500)); sleep 1; done";
        let container = Container::run_with(tty, live);
        for size in [1, 7] {
            let proxy = Proxy::start(Does::Rechunk(size));
            all_numbers(&proxy.url(), &container, 2000);
        }
    }
}

#[test]
fn no_line_is_cut_behind_nginx() {
    let settings =
        ["proxy_buffering off; proxy_read_timeout 3s;", "proxy_buffering on; proxy_buffers 8 4k;"];
    for tty in [&["-t"][..], &[]] {
        let container = Container::run_with(tty, "seq 20000");
        container.wait();
        for settings in settings {
            let nginx = Nginx::start(settings);
            all_numbers(&nginx.url(), &container, 20_000);
        }
    }
}

#[test]
fn a_refused_request_is_reported_with_status_and_hint() {
    let container = Container::run("seq 3");
    container.wait();
    let tail = ["tail", &container.name, "--no-follow"];
    for needless in ["/version", "/info", "/_ping", "/events"] {
        let proxy = Proxy::start(Does::Refuse(needless));
        let done = through(&proxy.url(), &tail).done().code(0);
        assert_eq!(done.text(), "1\n2\n3\n", "{needless}");
    }
    let proxy = Proxy::start(Does::Refuse("/containers/json"));
    let done = through(&proxy.url(), &tail).done().code(1);
    let done = done
        .says("GET /containers/json at `unix:///")
        .says("refused with status 403: <html><h1>403 Forbidden");
    let done = done.says("DOCKER_API_VERSION");
    assert!(!done.stderr.contains("join the group"), "{}", done.stderr);
    let proxy = Proxy::start(Does::Refuse("/logs"));
    let done = through(&proxy.url(), &tail).done().code(1);
    let done = done.says("GET /containers/").says("/logs at `").says("refused with status 403");
    drop(done);
}

#[test]
fn docker_api_version_prefixes_every_path() {
    let container = Container::run("seq 3");
    container.wait();
    let proxy = Proxy::start(Does::Allow("/v1.41/containers/"));
    let tail = |version: &str| {
        Cmon::start_with(&["tail", &container.name, "--no-follow"], |command| {
            command.env("DOCKER_HOST", proxy.url()).env("DOCKER_API_VERSION", version);
        })
    };
    assert_eq!(tail("1.41").done().code(0).text(), "1\n2\n3\n");
    tail("").done().code(1).says("GET /containers/json at `unix:///");
    for bad in ["latest", "1", "1.41.2"] {
        let done = tail(bad).done().code(2);
        done.says(&format!("DOCKER_API_VERSION is `{bad}`"));
    }
}
