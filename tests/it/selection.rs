//! Containers selected by other properties than their names, on a real daemon.

use super::support::{Cmon, Container, Dockerd};

const STAYS: &str = "echo of-$HOSTNAME-first; exec sleep 600";

fn labeled(name: &str, labels: &[&str], script: &str) -> Container {
    let labels = labels.iter().flat_map(|label| ["--label", *label]);
    Container::named(name, &[&["--hostname", name], &*labels.collect::<Vec<_>>()].concat(), script)
}

/// Waits until cmon has written the first line of these containers.
fn wait_for_first(cmon: &Cmon, names: &[&str]) {
    for name in names {
        cmon.wait_for_out(&format!("of-{name}-first"));
    }
}

/// The names of the containers that have lines, in order.
fn names(done: &super::support::Done) -> Vec<String> {
    let mut names: Vec<String> = done
        .objects("line")
        .iter()
        .map(|line| line["container"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The containers whose lines `tail --no-follow` reads.
fn read(args: &[&str]) -> Vec<String> {
    names(&Cmon::run(&[&["tail", "--no-follow", "-o", "json"], args].concat()).code(0))
}

#[test]
fn labels_projects_exclusions_and_filters_select_containers() {
    let project = |service: &str| {
        [
            "com.docker.compose.project=sel-shop".to_owned(),
            format!("com.docker.compose.service={service}"),
        ]
    };
    let web = project("web");
    let web: Vec<&str> = web.iter().map(String::as_str).chain(["sel=a", "tier"]).collect();
    let db = project("db");
    let db: Vec<&str> = db.iter().map(String::as_str).chain(["sel=a"]).collect();
    let containers = [
        labeled("sel-web", &web, STAYS),
        labeled("sel-db", &db, STAYS),
        labeled("sel-other", &["sel=b"], STAYS),
        labeled("sel-ended", &["sel=a"], "echo of-$HOSTNAME-first"),
    ];
    for container in &containers {
        container.wait_for_log("first");
    }
    containers[3].wait();
    let cases: [(&[&str], &[&str]); 9] = [
        (&["-l", "sel=a"], &["sel-db", "sel-web"]),
        (&["-a", "-l", "sel=a"], &["sel-db", "sel-ended", "sel-web"]),
        (&["sel-*", "-l", "sel=a"], &["sel-db", "sel-ended", "sel-web"]),
        (&["-l", "sel=a", "-l", "tier"], &["sel-web"]),
        (&["-l", "sel", "-E", "sel-w*", "-E", "/other/"], &["sel-db"]),
        (&["--project", "sel-shop"], &["sel-db", "sel-web"]),
        (&["--project", "sel-shop/db"], &["sel-db"]),
        (&["--filter", "label=sel=a", "--filter", "name=web"], &["sel-web"]),
        (&["--filter", "label=sel", "--filter", "status=exited"], &["sel-ended"]),
    ];
    for (args, expected) in cases {
        assert_eq!(read(args), expected, "{args:?}");
    }
    let table = Cmon::run(&["watch", "--once", "-l", "sel=a"]).code(0).text();
    assert!(table.contains("sel-web") && table.contains("sel-db"), "{table}");
    assert!(!table.contains("sel-other") && !table.contains("sel-ended"), "{table}");
    let plan = Cmon::run(&["leak-check", "--dry-run", "--project", "sel-shop/web", "-o", "json"]);
    let plan = plan.code(0).text();
    assert!(plan.contains("sel-web") && !plan.contains("sel-db"), "{plan}");
}

#[test]
fn an_image_selects_with_and_without_its_tag() {
    let daemon = Dockerd::shared();
    for tag in ["1", "2"] {
        let (image, name) = (format!("reg.test:5000/sel/img:{tag}"), format!("sel-img-{tag}"));
        daemon.docker(&["tag", "box", &image]);
        let run = ["run", "-d", "--network", "none", "--name", &name, &image];
        daemon.docker(&[&run[..], &["sh", "-c", "echo first; exec sleep 600"]].concat());
    }
    let cmon = Cmon::start(&["tail", "--image", "reg.test:5000/sel/img", "-o", "json"]).read();
    cmon.wait_for_out(r#""container":"sel-img-1""#);
    cmon.wait_for_out(r#""container":"sel-img-2""#);
    // A later container is selected by its event.
    let late =
        ["run", "-d", "--network", "none", "--name", "sel-img-late", "reg.test:5000/sel/img:2"];
    daemon.docker(&[&late[..], &["sh", "-c", "echo late-line; exec sleep 600"]].concat());
    cmon.wait_for_out("late-line");
    assert_eq!(names(&cmon.interrupt().code(130)), ["sel-img-1", "sel-img-2", "sel-img-late"]);
    assert_eq!(read(&["--image", "*/sel/img:1"]), ["sel-img-1"]);
    assert_eq!(read(&["--filter", "ancestor=reg.test:5000/sel/img:1"]), ["sel-img-1"]);
    daemon.docker(&["rm", "-f", "sel-img-1", "sel-img-2", "sel-img-late"]);
}

#[test]
fn a_later_container_joins_when_it_meets_the_conditions_and_no_other_does() {
    let daemon = Dockerd::shared();
    let first = labeled("sel-late-0", &["late=yes"], STAYS);
    first.wait_for_log("first");
    let cmon = Cmon::start(&["tail", "-l", "late=yes", "-E", "sel-late-x*", "-o", "json"]).read();
    wait_for_first(&cmon, &["sel-late-0"]);
    let mut rest = vec![
        labeled("sel-late-no", &["late=no"], STAYS),
        labeled("sel-late-bare", &[], STAYS),
        labeled("sel-late-x", &["late=yes"], STAYS),
        // One that ends at once is read from its first line too.
        labeled("sel-late-1", &["late=yes"], "echo of-$HOSTNAME-first; seq 30"),
    ];
    wait_for_first(&cmon, &["sel-late-1"]);
    // A new name ends its exclusion.
    daemon.docker(&["rename", "sel-late-x", "sel-late-2"]);
    cmon.wait_for_out("of-sel-late-x-first");
    // The daemon sent its events of the others before this one's start.
    rest.push(labeled("sel-late-3", &["late=yes"], STAYS));
    wait_for_first(&cmon, &["sel-late-3"]);
    let done = cmon.interrupt().code(130);
    assert_eq!(names(&done), ["sel-late-0", "sel-late-1", "sel-late-2", "sel-late-3"], "{done}");
    assert_eq!(done.messages("sel-late-1", "stdout").len(), 31, "{done}");
    daemon.docker(&["rm", "-f", "sel-late-2"]);
    drop((first, rest));
}

#[test]
fn a_label_that_events_do_not_carry_is_looked_up_in_the_list() {
    let cmon = Cmon::start(&["tail", "-l", "name=sel-own-label", "--wait", "-o", "json"]).read();
    cmon.wait_for_out(r#""event":"waiting""#);
    let other = labeled("sel-own-label", &["name=other"], STAYS);
    // It is removed before the next regular list, a minute after the start.
    let run = ["--hostname", "sel-wanted", "--label", "name=sel-own-label", "--rm"];
    let wanted = Container::named("sel-wanted", &run, "echo of-$HOSTNAME-first; sleep 20");
    wait_for_first(&cmon, &["sel-wanted"]);
    assert_eq!(names(&cmon.interrupt().code(130)), ["sel-wanted"]);
    drop((other, wanted));
}

#[test]
fn a_condition_without_a_match_is_an_error_or_awaited() {
    let none = Cmon::run(&["tail", "-l", "sel-none=1"]).code(1);
    let none = none.says("no container matches `--label sel-none=1`");
    drop(none.says("docker ps -a --format"));
    let ended = labeled("sel-none-ended", &["sel-stopped"], "echo first");
    ended.wait();
    for command in ["tail", "watch"] {
        let stopped = Cmon::run(&[command, "-l", "sel-stopped"]).code(1);
        drop(stopped.says("select it too with -a"));
    }
    let cmon = Cmon::start(&["tail", "-l", "sel-none=2", "--wait", "-o", "json"]).read();
    cmon.wait_for_out(r#""event":"waiting""#);
    let made = labeled("sel-none-made", &["sel-none=2"], STAYS);
    wait_for_first(&cmon, &["sel-none-made"]);
    drop(cmon.interrupt().code(130));
    let usage = Cmon::run(&["tail", "--filter", "netwrk=x"]).code(2);
    drop(usage.says("unknown key `netwrk`; expected one of ancestor, before, exited"));
    drop((ended, made));
}

#[test]
fn filters_that_only_the_daemon_can_apply_are_applied_by_it() {
    let run = |name: &str, args: &[&str], script: &str| {
        Container::named(
            name,
            &[&["--hostname", name, "--label", "sel-asked"], args].concat(),
            script,
        )
    };
    let healthy = "test -f /healthy";
    let check = ["--health-cmd", healthy, "--health-interval", "1s", "--health-retries", "1"];
    let containers = [
        run("sel-asked-a", &["-v", "/sel-asked-data"], STAYS),
        run("sel-asked-b", &check, STAYS),
        run("sel-asked-c", &["-v", "/sel-asked-data"], "echo of-$HOSTNAME-first; exit 77"),
    ];
    for container in &containers {
        container.wait_for_log("first");
    }
    containers[2].wait();
    let cases: [(&[&str], &[&str]); 7] = [
        (&["health=none"], &["sel-asked-a"]),
        (&["volume=/sel-asked-data"], &["sel-asked-a"]),
        (&["exited=77"], &["sel-asked-c"]),
        (&["network=none"], &["sel-asked-a", "sel-asked-b"]),
        (&["network=none", "volume=/sel-asked-data"], &["sel-asked-a"]),
        (&["since=sel-asked-a"], &["sel-asked-b"]),
        (&["before=sel-asked-c", "health=none"], &["sel-asked-a"]),
    ];
    for (filters, expected) in cases {
        let filters = filters.iter().flat_map(|filter| ["--filter", *filter]);
        let args: Vec<&str> = ["-l", "sel-asked"].into_iter().chain(filters).collect();
        assert_eq!(read(&args), expected, "{args:?}");
    }
    let args = ["tail", "-l", "sel-asked", "--filter", "health=healthy", "-o", "json"];
    let none = Cmon::run(&args).code(1);
    drop(none.says("`--filter health=healthy`"));
    let cmon = Cmon::start(&[&args[..], &["--wait"]].concat()).read();
    cmon.wait_for_out(r#""event":"waiting""#);
    // It joins when its health check first succeeds, and stays whatever the check says later.
    Dockerd::shared().docker(&["exec", "sel-asked-b", "touch", "/healthy"]);
    wait_for_first(&cmon, &["sel-asked-b"]);
    assert_eq!(names(&cmon.interrupt().code(130)), ["sel-asked-b"]);
    for (filter, reason) in [
        ("health=well", "Unrecognised filter value for health: well"),
        ("before=sel-nobody", "no such container sel-nobody"),
    ] {
        let refused = Cmon::run(&["tail", "--filter", filter]).code(1).says(reason);
        drop(refused.says("try: the daemon applies this --filter; correct its value"));
    }
    // An object named by a filter may be removed: the run continues with the followed containers.
    let script =
        "echo of-$HOSTNAME-first; test -f /again && echo second-run; touch /again; exec sleep 600";
    let first = run("sel-asked-d", &[], script);
    let cmon =
        Cmon::start(&["tail", "--filter", "since=sel-asked-c", "-l", "sel-asked", "-o", "json"]);
    let cmon = cmon.read();
    wait_for_first(&cmon, &["sel-asked-d"]);
    Dockerd::shared().docker(&["rm", "-f", "sel-asked-c"]);
    let later = run("sel-asked-e", &[], STAYS);
    later.wait_for_log("first");
    Dockerd::shared().docker(&["restart", "-t", "0", "sel-asked-d"]);
    cmon.wait_for_out("second-run");
    let done = cmon.interrupt().code(130);
    assert_eq!(names(&done), ["sel-asked-d"], "{done}");
    assert!(!done.text().contains("daemon_away"), "{done}");
    drop((first, later));
}

#[test]
fn a_dry_run_lists_containers_and_reads_no_log() {
    let run = |args: &[&str]| Cmon::run(args);
    let done =
        run(&["tail", "--demo", "--dry-run", "-vv", "/^w/", "cache", "-n", "3", "--since", "1h"])
            .code(0);
    let text = String::from_utf8(done.stdout.clone()).unwrap();
    let rows: Vec<Vec<&str>> = text
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().collect())
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ["CONTAINER", "cache", "web", "worker"], "{text}");
    assert_eq!((rows[1][1], rows[1][3], rows[2][3]), ("running", "cache", "/^w/"), "{text}");
    assert!(
        text.contains("\n3 containers on unix://") && text.contains("(the embedded daemon)\n"),
        "{text}"
    );
    assert!(text.contains("\nlines: the last 3 of each container since 20"), "{text}");
    assert!(text.ends_with(", then new ones\n"), "{text}");
    assert!(
        done.stderr.contains("/containers/json") && !done.stderr.contains("/logs"),
        "{}",
        done.stderr
    );
    let json = run(&["watch", "--demo", "--dry-run", "-o", "json", "web"]).code(0).text();
    assert!(json.starts_with(r#"{"v":1,"type":"selected","container":"web","id":""#), "{json}");
    assert!(json.ends_with("\"selected_by\":[\"web\"]}\n") && json.lines().count() == 1, "{json}");
    // Errors of the run are errors here too, and a cursor is not touched.
    for command in ["tail", "watch"] {
        // A note would contain the demo's address.
        let usual = run(&[command, "--demo", "wbe", "-q"]);
        let dry = run(&[command, "--demo", "wbe", "-q", "--dry-run"]);
        assert_eq!((dry.status.code(), &dry.stderr), (usual.status.code(), &usual.stderr));
        drop(dry.code(1).says("did you mean `web`?"));
    }
    drop(run(&["tail", "--dry-run"]).code(2).says("which containers?"));
    let waits = run(&["tail", "--demo", "--dry-run", "--wait", "job"]).code(0).text();
    assert!(
        waits.starts_with("0 containers on") && waits.contains("would wait for `job`\n"),
        "{waits}"
    );
}

#[test]
fn a_dry_run_does_not_touch_cursor_and_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let a = Container::run("echo a");
    for flag in [["--cursor", &path("c")], ["--output-dir", &path("d")]] {
        let done = Cmon::run(&[&["tail", &a.name, "--dry-run"][..], &flag].concat()).code(0).text();
        assert!(done.contains(&format!("\n{} ", a.name)), "{done}");
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
