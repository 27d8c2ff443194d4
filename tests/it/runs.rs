//! `--since-start` and `--previous`: which lines belong to which run of a container. Each run writes its own number.

use super::support::{Cmon, Container, Dockerd, eventually};

/// Writes the number of the run at once and at its end.
const NUMBERED: &str = r#"
n=$(cat /tmp/n 2>/dev/null || echo 0)
n=$((n + 1))
echo $n >/tmp/n
echo "run $n begins"
trap 'echo "run $n ends"; exit' TERM
"#;

const ENDS: &str = "echo \"run $n ends\"; exit 1";
const STAYS: &str = "while :; do usleep 10000; done";

fn numbered(args: &[&str], rest: &str) -> Container {
    Container::run_with(args, &format!("{NUMBERED}\n{rest}"))
}

/// The lines of a run that has ended.
fn whole(run: u32) -> String {
    format!("run {run} begins\nrun {run} ends\n")
}

/// The shown lines of this container.
#[track_caller]
fn shown(container: &Container, args: &[&str]) -> String {
    Cmon::run(&[&["tail", &container.name], args].concat()).code(0).text()
}

#[track_caller]
fn current(container: &Container) -> String {
    shown(container, &["--since-start", "--no-follow"])
}

#[track_caller]
fn previous(container: &Container) -> String {
    shown(container, &["-p"])
}

#[test]
fn runs_restarted_by_a_policy_are_distinguished() {
    let container = numbered(&["--restart", "on-failure:3"], ENDS);
    container.wait_for_log("run 4 ends");
    eventually("the end of the last run", || {
        let state = ["inspect", "-f", "{{.State.Status}}", &container.name];
        (container.daemon.docker(&state).trim() == "exited").then_some(())
    });
    assert_eq!(current(&container), whole(4));
    assert_eq!(previous(&container), whole(3));
    assert_eq!(shown(&container, &["-p", "-n", "1"]), "run 3 ends\n");
    assert_eq!(shown(&container, &["--since-start", "--no-follow", "-n", "1"]), "run 4 ends\n");
}

#[test]
fn runs_restarted_by_hand_are_distinguished() {
    let container = numbered(&[], STAYS);
    container.wait_for_log("run 1 begins");
    assert_eq!(current(&container), "run 1 begins\n");
    let done = Cmon::run(&["tail", "-p", &container.name]).code(0);
    assert_eq!(done.text(), "", "{done}");
    done.says(&format!("~ {} has no previous run", container.name));
    for run in 2..=4 {
        container.docker("restart");
        container.wait_for_log(&format!("run {run} begins"));
        assert_eq!(current(&container), format!("run {run} begins\n"));
        assert_eq!(previous(&container), whole(run - 1));
    }
    container.docker("stop");
    assert_eq!(current(&container), whole(4));
    assert_eq!(previous(&container), whole(3));
    container.docker("start");
    container.wait_for_log("run 5 begins");
    assert_eq!(current(&container), "run 5 begins\n");
    assert_eq!(previous(&container), whole(4));
}

#[test]
fn a_follow_since_the_start_includes_later_runs_and_containers() {
    let container = numbered(&[], STAYS);
    let other = numbered(&[], STAYS);
    for one in [&container, &other] {
        one.wait_for_log("run 1 begins");
        one.docker("restart");
        one.wait_for_log("run 2 begins");
    }
    let names = [&*container.name, &*other.name, "run-to-come"];
    let args = [&["tail", "--since-start", "--wait", "-o", "json"], &names[..]].concat();
    let cmon = Cmon::start(&args).read();
    for name in &names[..2] {
        eventually("the lines of the current run", || {
            let name = format!("\"{name}\"");
            cmon.out()
                .lines()
                .find(|line| line.contains(&name) && line.contains("run 2 begins"))?;
            Some(())
        });
    }
    container.docker("restart");
    cmon.wait_for_out("run 3 begins");
    let script = format!("{NUMBERED}\n{STAYS}");
    let later = Container::named("run-to-come", &[], &script);
    cmon.wait_for_out("run 1 begins");
    let done = cmon.interrupt().code(130);
    let lines = |name: &str| done.messages(name, "stdout");
    assert_eq!(lines(&container.name), ["run 2 begins", "run 2 ends", "run 3 begins"]);
    assert_eq!(lines(&other.name), ["run 2 begins"]);
    assert_eq!(lines(&later.name), ["run 1 begins"]);
}

#[test]
fn runs_stay_separate_if_the_daemon_has_forgotten_them() {
    // Its memory of events ends with the daemon.
    let daemon: &'static Dockerd = Box::leak(Box::new(Dockerd::alone(&["--live-restore"])));
    let script = format!("{NUMBERED}\n{STAYS}");
    let container = Container::on(daemon, &script);
    let at = |args: &[&str]| {
        let url = daemon.url();
        Cmon::run(&[&["tail", "--host", &url, &container.name], args].concat()).code(0)
    };
    for run in 2..=3 {
        container.wait_for_log(&format!("run {} begins", run - 1));
        container.docker("restart");
    }
    container.wait_for_log("run 3 begins");
    daemon.signal("TERM");
    daemon.start_again();
    let since_start = ["--since-start", "--no-follow"];
    assert_eq!(at(&since_start).text(), "run 3 begins\n");
    let done = at(&["-p"]);
    assert_eq!(done.text(), whole(1) + &whole(2));
    done.says("the daemon no longer knows when the previous run began");
    assert_eq!(at(&["-p", "-n", "2"]).text(), whole(2));
    container.docker("stop");
    assert_eq!(at(&since_start).text(), whole(3));
    assert_eq!(at(&["-p", "-n", "2"]).text(), whole(2));
}
