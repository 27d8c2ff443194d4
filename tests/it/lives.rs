//! Lives of containers: short, crashing, and future ones.

use super::support::{Cmon, Container, Dockerd, eventually};

/// The numbers from 1 on, a line each.
fn numbers(to: u32) -> String {
    let lines: Vec<String> = (1..=to).map(|number| format!("{number}\n")).collect();
    lines.concat()
}

#[test]
fn five_restarts_lose_no_line() {
    let container = Container::run("i=0; while :; do i=$((i+1)); echo line $i; usleep 20000; done");
    let args = ["tail", "-n", "all", "--stream-timeout", "1s", &container.name];
    let cmon = Cmon::start(&args).read();
    for run in 1..=5 {
        eventually("lines of this run", || {
            (run <= cmon.out().matches("line 20\n").count()).then_some(())
        });
        container.daemon.docker(&["restart", "-t", "0", &container.name]);
    }
    eventually("lines of the last run", || {
        (cmon.out().matches("line 20\n").count() == 6).then_some(())
    });
    let done = cmon.interrupt().code(130);
    let held = String::from_utf8(container.logs().stdout).unwrap();
    assert!(held.starts_with(&done.text()), "{done}");
    let reports =
        |message: &str| done.stderr.matches(&format!("{} {message}\n", container.name)).count();
    assert_eq!((reports("exited 137"), reports("started")), (5, 5), "{done}");
}

#[test]
fn a_container_restarted_after_a_crash_is_followed() {
    // The first run waits until it is followed; the others do not.
    // By a file: a signal by `docker kill` would end the policy.
    let script =
        "echo begin; while [ ! -e /tmp/go ]; do usleep 20000; done; printf 'no newline'; exit 3";
    let container = Container::run_with(&["--restart", "on-failure:3"], script);
    let args = ["tail", "-n", "all", &container.name];
    let cmon = Cmon::start(&args).read();
    cmon.wait_for_out("begin\n");
    container.daemon.docker(&["exec", &container.name, "touch", "/tmp/go"]);
    eventually("one run and three more", || {
        (cmon.out().matches("no newline").count() == 4).then_some(())
    });
    let done = cmon.interrupt().code(130);
    let held = String::from_utf8(container.logs().stdout).unwrap();
    assert_eq!(done.text(), held, "{done}");
    assert!(!done.stderr.contains("removed"), "{done}");
}

#[test]
fn an_out_of_memory_kill_is_reported() {
    let script = "echo begin; hold; x=a; while :; do x=$x$x; done";
    let container = Container::run_with(&["-m", "12m"], script);
    let args = ["tail", "-n", "all", "--exit-on-stop", &container.name];
    let cmon = Cmon::start(&args).read();
    cmon.wait_for_out("begin\n");
    container.go();
    let done = cmon.done().code(0);
    assert_eq!(done.text(), "begin\n");
    done.says(&format!("- {} exited 137 (OOM)", container.name));
}

#[test]
fn a_short_lived_removed_container_is_shown_or_a_gap() {
    let daemon = Dockerd::shared();
    let cmon = Cmon::start(&["tail", "brief-*", "--wait", "-o", "json", "-n", "all"]).read();
    cmon.wait_for_out(r#""event":"waiting""#);
    for number in 0..10 {
        let name = format!("brief-{number}");
        let script = "seq 200; usleep 50000; echo last; printf end";
        daemon.docker(&[
            "run",
            "--rm",
            "--network",
            "none",
            "--name",
            &name,
            "box",
            "sh",
            "-c",
            script,
        ]);
        cmon.wait_for_out(&format!(r#""event":"removed","container":"{name}""#));
    }
    let done = cmon.interrupt().code(130);
    let numbers = (1..=200).map(|number| number.to_string());
    let whole: Vec<String> = numbers.chain(["last".to_owned(), "end".to_owned()]).collect();
    for number in 0..10 {
        let shown = done.messages(&format!("brief-{number}"), "stdout");
        assert!(whole.starts_with(&shown), "{number}: {shown:?}");
        // This daemon's follow may miss a last line without a newline, and on a busy machine the container may be
        // gone before the inspection: then a gap is reported.
        let told =
            done.objects("gap").iter().any(|gap| gap["container"] == format!("brief-{number}"));
        assert!(told || shown == whole, "{number}: {shown:?}");
    }
}

#[test]
fn a_container_created_later_is_followed() {
    let cmon = Cmon::start(&["tail", "later", "--wait"]).read();
    cmon.wait_for_err("~ waiting for `later`, which is not there yet");
    let container = Container::named("later", &[], "seq 300; sleep 600");
    cmon.wait_for_out("\n300\n");
    let done = cmon.interrupt().code(130);
    assert_eq!(done.text(), numbers(300));
    drop(container);
    let done = Cmon::run(&["tail", "later", "--wait", "--no-follow"]).code(2);
    done.says("cannot be used with");
}

#[test]
fn a_container_recreated_by_compose_is_followed() {
    let container = Container::named(
        "svc",
        &[],
        "echo old; trap 'echo bye; exit' TERM; while :; do usleep 10000; done",
    );
    container.wait_for_log("old");
    let cmon = Cmon::start(&["tail", "svc", "-n", "all"]).read();
    cmon.wait_for_out("old");
    // Compose renames the old one, makes the new one, stops the old one and starts the new one.
    let daemon = container.daemon;
    daemon.docker(&["rename", "svc", "abc_svc"]);
    daemon.docker(&[
        "create",
        "--network",
        "none",
        "--name",
        "svc",
        "box",
        "sh",
        "-c",
        "seq 50; sleep 600",
    ]);
    daemon.docker(&["stop", "-t", "60", "abc_svc"]);
    daemon.docker(&["rm", "abc_svc"]);
    daemon.docker(&["start", "svc"]);
    cmon.wait_for_out("\n50\n");
    daemon.docker(&["rm", "-f", "svc"]);
    let done = cmon.interrupt().code(130);
    assert_eq!(done.text(), format!("old\nbye\n{}", numbers(50)), "{done}");
}
