//! Renames: a container joins when its name is selected, and leaves at the end of its run when its name no longer is.

use cmon::demo::{FakeDaemon, Fault, Route};
use cmon::engine::event::Notice;
use cmon::engine::selection::Selection;
use cmon::engine::source::ReadMode;
use cmon::engine::source::StdStream::Stdout;

use super::support::scripted::{SECOND, Seen, config, run_selected};
use super::support::{Cmon, Container, Dockerd};

/// A running container that writes `first` before it is renamed, and then text on request.
const TALK: &str =
    "mkfifo /tmp/o; exec 3<>/tmp/o; echo first; while read -r l; do echo $l; done < /tmp/o";

fn say(name: &str, line: &str) {
    let script = format!("echo {line} > /tmp/o");
    Dockerd::shared().docker(&["exec", name, "sh", "-c", &script]);
}

#[test]
fn a_renamed_container_joins_from_its_first_line() {
    let daemon = Dockerd::shared();
    let cmon = Cmon::start(&["tail", "rn-job", "rn-glob-*", "--wait", "-o", "json"]).read();
    cmon.wait_for_out(r#""event":"waiting""#);
    for (from, to) in [("rn-tmp-a", "rn-job"), ("rn-tmp-b", "rn-glob-b")] {
        let container = Container::named(from, &[], TALK);
        container.wait_for_log("first");
        say(from, "second");
        container.wait_for_log("second");
        daemon.docker(&["rename", from, to]);
        cmon.wait_for_out(&format!(r#""event":"started","container":"{to}""#));
        say(to, "third");
        let line = format!(r#""container":"{to}""#);
        super::support::eventually("its third line", || {
            cmon.out().lines().any(|one| one.contains(&line) && one.contains("third")).then_some(())
        });
        daemon.docker(&["rm", "-f", to]);
        cmon.wait_for_out(&format!(r#""event":"removed","container":"{to}""#));
        drop(container);
    }
    // A container that ends right after it got the name is still read.
    let brief = Container::named("rn-tmp-c", &[], "seq 50; sleep 600");
    brief.wait_for_log("50");
    daemon.docker(&["rename", "rn-tmp-c", "rn-glob-c"]);
    daemon.docker(&["kill", "rn-glob-c"]);
    cmon.wait_for_out(r#""event":"exited","container":"rn-glob-c""#);
    daemon.docker(&["rm", "rn-glob-c"]);
    let done = cmon.interrupt().code(130);
    for name in ["rn-job", "rn-glob-b"] {
        assert_eq!(done.messages(name, "stdout"), ["first", "second", "third"], "{done}");
    }
    let numbers: Vec<String> = (1..=50).map(|number| number.to_string()).collect();
    assert_eq!(done.messages("rn-glob-c", "stdout"), numbers, "{done}");
    drop(brief);
}

#[test]
fn a_container_that_loses_the_name_is_followed_to_the_end_of_its_run() {
    let daemon = Dockerd::shared();
    let container = Container::named("rn-away", &[], TALK);
    container.wait_for_log("first");
    let cmon = Cmon::start(&["tail", "rn-away", "-o", "json"]).read();
    cmon.wait_for_out("first");
    daemon.docker(&["rename", "rn-away", "rn-elsewhere"]);
    cmon.wait_for_out(r#""event":"deselected""#);
    say("rn-elsewhere", "last-text");
    cmon.wait_for_out("last-text");
    daemon.docker(&["kill", "rn-elsewhere"]);
    cmon.wait_for_out(r#""event":"exited""#);
    // No pattern matches its next run; a new container of the name matches.
    daemon.docker(&["start", "rn-elsewhere"]);
    let next = Container::named("rn-away", &[], "echo of the next; sleep 600");
    cmon.wait_for_out("of the next");
    daemon.docker(&["rm", "-f", "rn-elsewhere"]);
    let done = cmon.interrupt().code(130);
    let lines: Vec<String> = done.lines().into_iter().map(|line| line.msg).collect();
    assert_eq!(lines, ["first", "last-text", "of the next"], "{done}");
    drop((container, next));
}

fn texts(seen: &Seen) -> String {
    String::from_utf8(seen.text[0].clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_rename_is_enough_in_whichever_order_events_come() {
    let selection = || Selection::compile(&["job".into()]).unwrap();
    let waiting = || cmon::engine::Config { wait: true, ..config(30 * SECOND) };
    // `web` exists from the start, and is not selected.
    let script = async |fake: &FakeDaemon| {
        fake.write("web", Stdout, "before\n");
        tokio::time::sleep(SECOND).await;
        fake.rename("web", "job");
        tokio::time::sleep(2 * SECOND).await;
        fake.write("job", Stdout, "after\n");
        tokio::time::sleep(2 * SECOND).await;
    };
    let (_, seen, fake) = run_selected(waiting(), selection(), script).await;
    assert_eq!(texts(&seen), "before\nafter\n");
    let lists = fake.requests().iter().filter(|one| one.contains("/json?all")).count();
    assert!(lists <= 1, "the event was enough: {:?}", fake.requests());
    // Renamed, ended and removed at once: cmon shows the lines that the daemon still has, or reports a gap.
    let script = async |fake: &FakeDaemon| {
        fake.write("web", Stdout, "before\n");
        tokio::time::sleep(SECOND).await;
        fake.rename("web", "job");
        fake.exit("job", 3);
        tokio::time::sleep(2 * SECOND).await;
    };
    let (_, seen, _) = run_selected(waiting(), selection(), script).await;
    assert_eq!(texts(&seen), "before\n");
    let exited = |notice: &&Notice| matches!(notice, Notice::Exited(Some(exit)) if exit.code == 3);
    assert_eq!(seen.notes.iter().filter(exited).count(), 1, "{:?}", seen.notes);
    // The event is lost: the periodic list shows the name.
    let script = async |fake: &FakeDaemon| {
        fake.drop_event();
        fake.rename("web", "job");
        fake.write("job", Stdout, "unseen\n");
        tokio::time::sleep(70 * SECOND).await;
    };
    let (_, seen, _) = run_selected(waiting(), selection(), script).await;
    assert_eq!(texts(&seen), "unseen\n");
    // So is that of one that is followed.
    let script = async |fake: &FakeDaemon| {
        fake.rename("web", "job");
        tokio::time::sleep(SECOND).await;
        fake.drop_event();
        fake.rename("job", "else");
        tokio::time::sleep(70 * SECOND).await;
    };
    let (_, seen, _) = run_selected(waiting(), selection(), script).await;
    let renamed = seen.notes.iter().filter(|notice| matches!(notice, Notice::Renamed { .. }));
    assert_eq!(renamed.count(), 1, "{:?}", seen.notes);
    // There and back again within a run.
    let script = async |fake: &FakeDaemon| {
        for (from, name) in [("web", "job"), ("job", "else"), ("else", "job")] {
            fake.rename(from, name);
            tokio::time::sleep(SECOND).await;
            fake.write(name, Stdout, format!("as {name}\n"));
            tokio::time::sleep(SECOND).await;
        }
        fake.exit("job", 0);
        tokio::time::sleep(SECOND).await;
        fake.start("job");
        fake.write("job", Stdout, "again\n");
        tokio::time::sleep(2 * SECOND).await;
    };
    let (_, seen, fake) = run_selected(waiting(), selection(), script).await;
    assert_eq!(texts(&seen), "as job\nas else\nas job\nagain\n");
    let renamed = seen.notes.iter().filter(|notice| matches!(notice, Notice::Renamed { .. }));
    assert_eq!(renamed.count(), 2, "{:?}", seen.notes);
    let lists = fake.requests().iter().filter(|one| one.contains("/json?all")).count();
    assert!(lists <= 1, "the events were enough: {:?}", fake.requests());
}

#[tokio::test(start_paused = true)]
async fn without_a_follow_a_container_that_is_being_removed_is_a_failure() {
    let finite = || cmon::engine::Config { mode: ReadMode::Once, ..config(30 * SECOND) };
    let text = "can not get logs from container which is dead or marked for removal";
    for fault in [
        (Route::Logs, Fault::Status(409, text.to_owned())),
        (Route::Inspect, Fault::Status(404, "No such container: web".to_owned())),
        (Route::Logs, Fault::Status(404, "No such container: web".to_owned())),
    ] {
        let script = async |_: &FakeDaemon| tokio::time::sleep(60 * SECOND).await;
        let before = |fake: &FakeDaemon| {
            fake.write("web", Stdout, "never read\n");
            fake.fail_always(fault.0, fault.1.clone());
        };
        let (outcome, seen, _) = super::support::scripted::run_with(finite(), script, before).await;
        assert_eq!(outcome.failures.len(), 1, "{fault:?}: {:?}", seen.notes);
        let told = seen.notes.iter().any(|notice| matches!(notice, Notice::GivenUp { .. }));
        assert!(told && seen.gaps == 1, "{fault:?}: {:?}", seen.notes);
    }
}

#[test]
fn a_half_removed_container_is_a_failure() {
    let daemon = Dockerd::alone(&[]);
    daemon.docker(&[
        "run",
        "-d",
        "--network",
        "none",
        "--name",
        "half",
        "box",
        "sh",
        "-c",
        "echo lost",
    ]);
    daemon.docker(&["wait", "half"]);
    // A file of it cannot be removed, so the removal stops halfway.
    let path = daemon.docker(&["inspect", "-f", "{{.HostnamePath}}", "half"]);
    let change = |flag: &str| {
        let done = std::process::Command::new("chattr").args([flag, path.trim()]).output().unwrap();
        let text = "this test needs a file system with immutable files under /tmp, like ext4";
        assert!(done.status.success(), "{text}: {}", String::from_utf8_lossy(&done.stderr));
    };
    change("+i");
    let removed = daemon.command("docker").args(["rm", "half"]).output().unwrap();
    let url = daemon.url();
    let done = Cmon::run(&["tail", "half", "--no-follow", "--host", &url]);
    change("-i");
    assert!(!removed.status.success(), "it could not be removed");
    let done = done.code(1).says("half given up: ").says("removal");
    assert_eq!(done.text(), "");
    daemon.docker(&["rm", "half"]);
}

#[test]
fn short_lived_containers_leave_only_totals() {
    const CONTAINERS: usize = 120;
    let daemon = Dockerd::alone(&[]);
    daemon.docker(&["run", "-d", "--network", "none", "--name", "stays", "box", "sleep", "3600"]);
    let url = daemon.url();
    let args = ["tail", "-a", "-o", "json", "--summary", "--host", &url];
    let cmon = Cmon::start(&args).read();
    let watch = ["watch", "-a", "-o", "json", "--interval", "1s", "--host", &url];
    let watching = Cmon::start(&watch).read();
    watching.wait_for_out(r#""container":"stays""#);
    // Four at a time; each lives long enough for an inspection.
    let script = "for i in $(seq 30); do docker run --rm --network none --name s$1-$i box \
                  sh -c 'echo of $1-$0; sleep 0.3' $i $1 >/dev/null & wait; done";
    let children: Vec<_> = (0..4)
        .map(|at| daemon.command("sh").args(["-c", script, "sh", &at.to_string()]).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    super::support::eventually("the removal of all", || {
        (CONTAINERS <= cmon.out().matches(r#""event":"removed""#).count()).then_some(())
    });
    super::support::eventually("a snapshot of what is left", || {
        let out = watching.out();
        let last = out.lines().rev().nth(1)?;
        let last: serde_json::Value = serde_json::from_str(last).ok()?;
        let gone = last["containers_gone"].as_u64()? == u64::try_from(CONTAINERS).unwrap();
        let rows = last["rows"].as_array()?.len();
        (gone && rows == 1 && last["cycles"].as_object()?.len() <= 1).then_some(())
    });
    watching.interrupt().code(130);
    let done = cmon.interrupt().code(130);
    let summary = &done.objects("summary")[0];
    assert_eq!(
        (&summary["containers"], &summary["containers_gone"]),
        (&1.into(), &CONTAINERS.into())
    );
    assert!(summary["cycles"].as_object().unwrap().len() <= 1, "{summary}");
    assert!(CONTAINERS <= usize::try_from(summary["streams_closed"].as_u64().unwrap()).unwrap());
    // Each wrote one line, which is shown, or a gap reports that the container was removed too soon.
    let gaps = done.objects("gap").len();
    assert!(CONTAINERS <= done.lines().len() + gaps && gaps < 12, "{gaps} gaps: {done}");
    daemon.docker(&["rm", "-f", "stays"]);
}
