//! Files that another program removed, replaced, shortened or extended.

use super::support::{PLAIN, commit, key, open, removed, shortened, text, write, written};
use crate::directory::tests::fake_disk::FakeDisk;
use crate::directory::*;

#[test]
fn a_file_that_was_removed_between_runs_is_found_and_begun_anew() {
    let disk = FakeDisk::default();
    let records = written(&disk);
    disk.remove("web.log").unwrap();
    let mut directory = open(&disk, PLAIN, &records);
    assert_eq!(directory.take_findings(), [removed()]);
    // It is reported once.
    let records = commit(&mut directory);
    assert_eq!(records, []);
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(directory.take_findings(), []);
    assert_eq!(text(&disk, "web.log"), "two\n");
}

#[test]
fn a_file_that_is_removed_during_a_run_is_found_at_the_next_append() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    write(&mut directory, "web", &["one\n"]);
    disk.remove("web.log").unwrap();
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(directory.take_findings(), [removed()]);
    assert_eq!(text(&disk, "web.log"), "two\n");
}

#[test]
fn a_file_that_another_program_replaced_is_found_at_the_checkpoint_and_kept() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    directory.append(&key("web"), b"one\n").unwrap();
    commit(&mut directory);
    disk.rename("web.log", "web.log.bak").unwrap();
    disk.write("web.log", b"theirs\n");
    directory.append(&key("web"), b"two\n").unwrap();
    commit(&mut directory);
    let removed = Finding::Removed { path: "web.log".to_owned(), recorded: 8 };
    assert_eq!(directory.take_findings(), [removed]);
    write(&mut directory, "web", &["three\n"]);
    let unrecorded = Finding::Unrecorded { path: "web.log".to_owned() };
    assert_eq!(directory.take_findings(), [unrecorded]);
    assert_eq!(text(&disk, "web.log"), "three\n");
    assert_eq!(text(&disk, "web.log.1"), "theirs\n");
    assert_eq!(text(&disk, "web.log.bak"), "one\ntwo\n");
}

#[test]
fn a_file_that_was_shortened_between_runs_is_found_and_becomes_an_old_file() {
    let disk = FakeDisk::default();
    let records = written(&disk);
    disk.write("web.log", b"on");
    let mut directory = open(&disk, PLAIN, &records);
    assert_eq!(directory.take_findings(), [shortened(2)]);
    let records = write(&mut directory, "web", &["two\n"]);
    assert_eq!(text(&disk, "web.log"), "two\n");
    assert_eq!(text(&disk, "web.log.1"), "on");
    assert_eq!(open(&disk, PLAIN, &records).take_findings(), []);
}

#[test]
fn a_file_that_was_shortened_has_each_line_once_even_if_the_next_run_is_killed() {
    let disk = FakeDisk::default();
    let records = write(&mut open(&disk, PLAIN, &Vec::new()), "web", &["one\n", "two\n"]);
    disk.write("web.log", b"one\n");
    for _ in 0..2 {
        let mut directory = open(&disk, PLAIN, &records);
        let path = "web.log".to_owned();
        let shortened = Finding::Shortened { path, recorded: 8, found: 4 };
        assert_eq!(directory.take_findings(), [shortened]);
        // Longer than the missing part, so the old length would cut within the line.
        directory.append(&key("web"), b"three\n").unwrap();
    }
    let mut directory = open(&disk, PLAIN, &records);
    write(&mut directory, "web", &["three\n"]);
    assert_eq!(text(&disk, "web.log"), "three\n");
    assert_eq!(text(&disk, "web.log.1"), "one\n");
}

#[test]
fn a_file_that_ends_within_a_line_is_not_continued_by_a_later_run() {
    let disk = FakeDisk::default();
    let records = written(&disk);
    disk.write("web.log", b"on");
    let records = commit(&mut open(&disk, PLAIN, &records));
    let mut directory = open(&disk, PLAIN, &records);
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(directory.take_findings(), []);
    assert_eq!(text(&disk, "web.log"), "two\n");
    assert_eq!(text(&disk, "web.log.1"), "on");
}

#[test]
fn a_file_that_is_emptied_during_a_run_is_found_and_not_kept_as_an_old_file() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    write(&mut directory, "web", &["one\n"]);
    disk.write("web.log", b"");
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(directory.take_findings(), [shortened(0)]);
    assert_eq!(text(&disk, "web.log"), "two\n");
    assert_eq!(disk.files(), ["web.log"]);
}

#[test]
fn a_file_that_was_extended_between_runs_is_cut_back() {
    let disk = FakeDisk::default();
    let records = written(&disk);
    disk.write("web.log", b"one\nan unsaved tail");
    let mut directory = open(&disk, PLAIN, &records);
    assert_eq!(directory.take_findings(), []);
    assert_eq!(text(&disk, "web.log"), "one\n");
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(text(&disk, "web.log"), "one\ntwo\n");
}

#[test]
fn a_file_that_is_extended_during_a_run_is_cut_back_and_reported() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    write(&mut directory, "web", &["one\n"]);
    disk.write("web.log", b"one\nseveral\nlines\n");
    write(&mut directory, "web", &["two\n"]);
    let path = "web.log".to_owned();
    assert_eq!(directory.take_findings(), [Finding::Extended { path, recorded: 4, found: 18 }]);
    assert_eq!(text(&disk, "web.log"), "one\ntwo\n");
}

#[test]
fn a_file_that_the_cursor_does_not_have_is_kept_as_an_old_file() {
    let disk = FakeDisk::default();
    written(&disk);
    let mut directory = open(&disk, PLAIN, &Vec::new());
    write(&mut directory, "web", &["two\n"]);
    assert_eq!(directory.take_findings(), [Finding::Unrecorded { path: "web.log".to_owned() }]);
    assert_eq!(text(&disk, "web.log"), "two\n");
    assert_eq!(text(&disk, "web.log.1"), "one\n");
}
