//! Pages of figures that a small server serves: over TLS, behind a password, from several processes in turn,
//! and without anything that is judged.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::super::support::Done;
use super::check::{Check, NOWHERE, Report, cmon};

/// `me:secret`.
const LOGIN: &str = "authorization: Basic bWU6c2VjcmV0";

/// Serves these pages in turn, one connection each; gives the port. The threads end with the tests.
fn serve(pages: Vec<String>, login: bool, tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for (at, socket) in listener.incoming().flatten().enumerate() {
            let page = pages[at % pages.len()].clone();
            let tls = tls.clone();
            std::thread::spawn(move || match tls {
                None => answer(socket, login, &page),
                Some(config) => {
                    let server = ServerConnection::new(config).unwrap();
                    answer(StreamOwned::new(server, socket), login, &page);
                }
            });
        }
    });
    port
}

/// One answer; a client that does not trust the server asks nothing.
fn answer(socket: impl Read + Write, login: bool, page: &str) {
    let mut socket = BufReader::new(socket);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if socket.read_line(&mut head).is_ok_and(|read| 0 < read) {
            continue;
        }
        return;
    }
    let (status, body) = match !login || head.contains(LOGIN) {
        true if head.starts_with("GET /m ") => ("200 OK", page),
        true => ("404 Not Found", "no such page\n"),
        false => ("401 Unauthorized", "who are you?\n"),
    };
    let shown = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has gone needs no answer.
    let _ = socket.get_mut().write_all(shown.as_bytes());
    let _ = socket.get_mut().flush();
}

fn page(started: u32, goroutines: u32) -> String {
    format!("go_goroutines {goroutines}\nprocess_start_time_seconds {started}\n")
}

#[test]
fn a_target_over_tls_behind_a_password_is_watched_and_the_password_is_nowhere() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let port = serve(vec![page(9, 5)], true, Some(Arc::new(config)));
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(file("cert.pem"), certificate.pem()).unwrap();
    let url = format!("https://me:secret@localhost:{port}/m");
    let shown = format!("https://me:***@localhost:{port}/m");
    let trusting = |args: &[&str]| {
        let cert = file("cert.pem");
        cmon(NOWHERE, args, |command| {
            command.env("SSL_CERT_FILE", cert);
        })
    };
    let secret = |text: &str| text.contains("secret") || text.contains("bWU6c2VjcmV0");
    // The first line is what was typed.
    let printed = |done: &Done| done.to_string().split_once('\n').unwrap().1.to_owned();
    // The certificate is trusted by nobody but who is shown to.
    let own = cmon(NOWHERE, &["--passive", "--target", &url], |_| {}).done().code(2);
    let own =
        own.says(&format!("target `{shown}`: ")).says("not trusted").says("SSL_CERT_FILE=FILE");
    assert!(!secret(&printed(&own)), "{own}");
    let dry = trusting(&["--dry-run", "-vv", "--passive", "--target", &url]).done().code(0);
    assert!(dry.text().contains(&shown) && !secret(&printed(&dry)), "{dry}");
    let (record, html, junit) = (file("r"), file("h"), file("j"));
    let args = [
        "--duration",
        "10s",
        "-o",
        "json",
        "-vv",
        "--passive",
        "--target",
        &url,
        "--record",
        &record,
        "--html",
        &html,
        "--junit",
        &junit,
    ];
    let done = trusting(&args).read().done_within(Duration::from_secs(120));
    assert!(!secret(&printed(&done)), "{done}");
    let report = Report::of(done);
    assert_eq!(report.value["targets"][0], shown, "{report}");
    let metric = format!("target.port{port}.goroutines");
    assert_eq!(report.metric(&metric)["last"], 5.0, "{report}");
    for name in [&record, &html, &junit] {
        assert!(!secret(&std::fs::read_to_string(name).unwrap()), "{name}");
    }
    let wrong = format!("https://me:swrong@localhost:{port}/m");
    let wrong = trusting(&["--passive", "--target", &wrong]).done().code(2);
    let wrong = wrong.says("status 401: who are you?").says("http://USER:PASSWORD@HOST:PORT");
    assert!(!printed(&wrong).contains("swrong"), "{wrong}");
}

#[test]
fn several_processes_behind_one_address_make_the_check_invalid_at_once() {
    let pages = vec![page(1_000, 50), page(1_300, 80), page(1_100, 20), page(1_900, 61)];
    let url = format!("http://127.0.0.1:{}/m", serve(pages, false, None));
    // It does not go on to its end.
    let report = Check::run(NOWHERE, Duration::from_secs(3600), &["--passive", "--target", &url]);
    assert_eq!(report.verdict(), "INVALID", "{report}");
    let because = report.sentence();
    assert!(because.contains("several processes answer here (4 start times"), "{report}");
    assert!(because.contains(": name one of them"), "{report}");
}

#[test]
fn a_target_of_which_nothing_is_judged_is_refused_with_how_to_name_a_figure() {
    let memory = "process_resident_memory_bytes 2e8\napp_handles 5\n".to_owned();
    let url = format!("http://127.0.0.1:{}/m", serve(vec![memory], false, None));
    let done = cmon(NOWHERE, &["--passive", "--duration", "3m", "--target", &url], |_| {}).done();
    let done = done.code(2).says("`/m` has `app_handles`, `process_resident_memory_bytes`");
    let done = done.says(&format!("try: name a figure: --target '{url}#app_handles'"));
    assert_eq!(done.text(), "", "{done}");
    let named = format!("{url}#app_handles");
    let report = Check::run(NOWHERE, Duration::from_secs(10), &["--passive", "--target", &named]);
    let metric =
        report.metrics().iter().find(|one| one["name"].as_str().unwrap().ends_with(".app_handles"));
    assert_eq!(metric.unwrap()["gated"], true, "{report}");
}
