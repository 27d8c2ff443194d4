//! Several daemons in one run: real dockerds, of which one is killed, is away, or refuses.

use std::net::TcpListener;
use std::process::Command;
use std::sync::OnceLock;

use super::support::{Cmon, Container, Dockerd, Done, eventually};

/// A daemon for this test. It ends with the process of the tests.
fn daemon(args: &[&str]) -> &'static Dockerd {
    Box::leak(Box::new(Dockerd::alone(args)))
}

/// A second daemon besides the shared one, for tests that leave it unchanged.
fn far() -> &'static Dockerd {
    static FAR: OnceLock<&'static Dockerd> = OnceLock::new();
    FAR.get_or_init(|| daemon(&[]))
}

/// A port without a listener.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn start(args: &[&str]) -> Cmon {
    Cmon::start_with(args, |command: &mut Command| {
        command.env_remove("DOCKER_HOST");
    })
    .read()
}

/// The messages of a host's container.
fn messages(done: &Done, host: &str) -> Vec<String> {
    let lines = done.objects("line").into_iter().filter(|line| line["host"] == host);
    lines.map(|line| line["msg"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_daemon_is_killed_five_times_while_the_other_continues() {
    let steady = daemon(&[]);
    let shaky = daemon(&["--live-restore"]);
    let counts = "echo 0; hold; count 20000; hold";
    let [web, other] = [steady, shaky].map(|daemon| Container::named_on(daemon, "web", counts));
    let hosts = [format!("steady={}", steady.url()), format!("shaky={}", shaky.url())];
    let cmon = start(&[
        "tail",
        "web",
        "-n",
        "all",
        "-o",
        "json",
        "--summary",
        "--stream-timeout",
        "1s",
        "--host",
        &hosts[0],
        "--host",
        &hosts[1],
    ]);
    for host in ["steady", "shaky"] {
        cmon.wait_for_out(&format!(r#""host":"{host}","container":"web""#));
    }
    [&web, &other].into_iter().for_each(Container::go);
    let steady_has = |number: usize| {
        let line = r#""host":"steady","container":"web""#;
        let message = format!(r#""msg":"{number}""#);
        eventually(&format!("line {number} of the steady daemon"), || {
            let text = cmon.out();
            let mut lines = text.lines().filter(|text| text.contains(line));
            lines.any(|text| text.contains(&message)).then_some(())
        });
    };
    for number in [1000, 4000, 7000, 10_000, 13_000] {
        steady_has(number);
        shaky.signal("KILL");
        // While one daemon is away, the lines of the other come.
        steady_has(number + 2000);
        shaky.start_again();
    }
    steady_has(20_000);
    let held = |container: &Container| {
        let text = String::from_utf8(container.logs().stdout).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<String>>()
    };
    other.wait_for_log("20000");
    cmon.wait_for_out(r#""event":"daemon_back""#);
    let of_shaky = held(&other);
    let last = of_shaky.len();
    eventually("all that the shaky daemon holds", || {
        let text = cmon.out();
        let lines = text.lines().filter(|line| line.contains(r#""type":"line""#));
        (last <= lines.filter(|line| line.contains(r#""host":"shaky""#)).count()).then_some(())
    });
    let done = cmon.interrupt().code(130);
    let numbers: Vec<String> = (0..=20_000).map(|number| number.to_string()).collect();
    assert_eq!(messages(&done, "steady"), numbers);
    // A killed daemon can lose lines that it had read and not stored.
    assert_eq!(messages(&done, "shaky"), of_shaky);
    assert!(19_000 < last, "{last} lines are held");
    let summaries = done.objects("summary");
    let of = |host: &str| summaries.iter().find(|one| one["host"] == host).unwrap();
    assert_eq!(of("steady")["reconnects"], 0);
    assert_ne!(of("shaky")["reconnects"], 0);
    let all = summaries.iter().find(|one| one["host"].is_null()).unwrap();
    for field in ["gaps", "tasks", "connections", "streams_open", "panics"] {
        assert_eq!(all[field], 0, "{all}");
    }
    assert_eq!(all["lines"], 20_001 + last);
    let notes = done.objects("note");
    assert!(notes.iter().all(|note| note["host"] != "steady"), "{notes:?}");
}

#[test]
fn lines_have_their_daemons_name_and_an_absent_one_is_reported() {
    let (near, far) = (Dockerd::shared(), far());
    let here = Container::run("seq 3; hold");
    let there = Container::named_on(far, &here.name, "seq 4 6; hold");
    let port = free_port();
    let [near, far, away] = [
        format!("near={}", near.url()),
        format!("far={}", far.url()),
        format!("away=tcp://127.0.0.1:{port}"),
    ];
    let name = here.name.as_str();
    let cmon = start(&["tail", name, "--host", &near, "--host", &far, "--host", &away]);
    for line in [format!("near/{name} | 3\n"), format!("far/{name} "), "6\n".to_owned()] {
        cmon.wait_for_out(&line);
    }
    cmon.wait_for_err("! away does not answer: could not connect to `tcp://127.0.0.1:");
    let done = cmon.interrupt().code(130);
    let text = done.text();
    assert_eq!(text.lines().count(), 6, "{text}");
    // The last lines are the summary: of all, and of each.
    for line in ["near: 3 lines; containers: 1", "far: 3 lines; containers: 1", "away: 0 lines"] {
        assert!(done.stderr.contains(line), "{}", done.stderr);
    }
    // Without a follow, an absent daemon is left out, and the exit code shows that.
    let done = start(&["tail", name, "--no-follow", "--host", &near, "--host", &away]).done();
    let done = done.code(1);
    assert_eq!(done.text(), format!("near/{name} | 1\nnear/{name} | 2\nnear/{name} | 3\n"));
    assert!(done.stderr.contains("! away is left out: could not connect to"), "{}", done.stderr);
    drop(there);
}

#[test]
fn a_failed_start_names_the_daemon_and_the_reason() {
    let near = format!("near={}", Dockerd::shared().url());
    let [one, two] = [free_port(), free_port()].map(|port| format!("tcp://127.0.0.1:{port}"));
    let done = start(&["tail", "-a", "--host", &one, "--host", &two]).done().code(1);
    assert!(done.stderr.contains("no daemon answers: could not connect to `"), "{}", done.stderr);
    for url in [&one, &two] {
        assert!(done.stderr.contains(url.as_str()), "{url}: {}", done.stderr);
    }
    // Whether a name exists is known when all have answered.
    let far = far();
    let far = format!("far={}", far.url());
    let absent = ["tail", "no-such-name", "--host", &near, "--host", &far];
    start(&absent).done().code(1).says("no container matches `no-such-name`");
    // A permanent error ends cmon before it starts.
    let missing = ["tail", "-a", "--host", &near, "--host", "x=unix:///dev/null"];
    let done = start(&missing).done().code(1);
    assert!(done.stderr.contains("unix:///dev/null"), "{}", done.stderr);
    let several = ["leak-check", "--host", &near, "--host", &far];
    start(&several).done().code(2).says("one daemon at a time");
}

#[test]
fn watch_shows_a_column_and_a_line_for_each_daemon() {
    let far = far();
    let here = Container::run("seq 3; hold");
    let there = Container::named_on(far, &here.name, "seq 3; hold");
    let hosts = [format!("near={}", Dockerd::shared().url()), format!("far={}", far.url())];
    let args = ["watch", &here.name, "--host", &hosts[0], "--host", &hosts[1]];
    let table = start(&[&args[..], &["--once"]].concat()).done().code(0).text();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert!(table.contains(" HOST "), "{table}");
    for host in ["near", "far"] {
        assert!(rows.iter().any(|row| row.starts_with(&[host, &here.name, "running"])), "{table}");
        assert!(table.contains(&format!("{host}: daemon ")), "{table}");
    }
    let done = start(&[&args[..], &["--once", "-o", "json"]].concat()).done().code(0);
    let object = &done.objects("watch")[0];
    assert_eq!(object["containers"], 2, "{object}");
    assert!(object["daemon"].is_null());
    let daemons = object["daemons"].as_array().unwrap();
    let hosts: Vec<&str> = daemons.iter().map(|one| one["host"].as_str().unwrap()).collect();
    assert_eq!(hosts, ["near", "far"]);
    assert!(daemons.iter().all(|one| one["version"].is_string() && one["readers"] == 1));
    drop(there);
}
