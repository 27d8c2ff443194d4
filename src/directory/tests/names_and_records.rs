//! Names of files, and the records that the cursor keeps of them.

use super::support::{PLAIN, ROTATING, commit, key, open, text, write, written};
use crate::directory::tests::fake_disk::FakeDisk;
use crate::directory::*;

#[test]
fn a_new_file_has_its_name_once_the_cursor_has_it() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    directory.append(&key("web"), b"one\n").unwrap();
    assert_eq!(disk.files(), ["web.log.1.new"]);
    assert!(directory.awaits_commit());
    let checkpoint = directory.checkpoint().unwrap().unwrap();
    directory.append(&key("web"), b"two\n").unwrap();
    assert!(directory.checkpoint().unwrap().is_none(), "the last one is not committed");
    checkpoint.sync().unwrap();
    directory.committed(checkpoint.id()).unwrap();
    assert_eq!(disk.files(), ["web.log"]);
    assert_eq!(text(&disk, "web.log"), "one\ntwo\n");
    assert!(!directory.awaits_commit());
    let expected = r#"{"path":"web.log","generation":1,"next":4}"#;
    assert_eq!(serde_json::to_string(&checkpoint.records()[0].1).unwrap(), expected);
    let expected = r#"[{"name":"web"},{"path":"web.log","length":8,"generation":1}]"#;
    assert_eq!(serde_json::to_string(&commit(&mut directory)[0]).unwrap(), expected);
}

#[test]
fn a_rotation_waits_for_the_commit_that_covers_it() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, ROTATING, &Vec::new());
    write(&mut directory, "web", &["one\n"]);
    let before = directory.checkpoint().unwrap().unwrap();
    directory.append(&key("web"), b"two\n").unwrap();
    directory.append(&key("web"), b"three\n").unwrap();
    before.sync().unwrap();
    directory.committed(before.id()).unwrap();
    assert_eq!(disk.files(), ["web.log", "web.log.2.new"]);
    commit(&mut directory);
    assert_eq!(disk.files(), ["web.log", "web.log.1"]);
    assert_eq!(text(&disk, "web.log.1"), "one\n");
    assert_eq!(text(&disk, "web.log"), "two\nthree\n");
}

#[test]
fn a_container_that_is_created_again_goes_on_in_the_same_file() {
    let disk = FakeDisk::default();
    let records = written(&disk);
    write(&mut open(&disk, PLAIN, &records), "web", &["again\n"]);
    assert_eq!(text(&disk, "web.log"), "one\nagain\n");
}

#[test]
fn containers_with_colliding_safe_names_have_a_file_each() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    let names = ["a/b", "a_b-796e173c", "A/B", "web", "Web", "WEB"];
    for _ in 0..2 {
        for name in names {
            directory.append(&key(name), format!("{name}\n").as_bytes()).unwrap();
        }
        let records = commit(&mut directory);
        directory = open(&disk, PLAIN, &records);
    }
    let mut texts: Vec<String> = disk.files().iter().map(|path| text(&disk, path)).collect();
    let mut expected = names.map(|name| format!("{name}\n{name}\n"));
    texts.sort();
    expected.sort();
    assert_eq!(texts, expected);
    let mut folded: Vec<String> = disk.files().iter().map(|path| path.to_lowercase()).collect();
    folded.sort();
    folded.dedup();
    assert_eq!(folded.len(), names.len());
}

#[test]
fn several_daemons_have_a_directory_each() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    for host in ["a", "b", "..", ""] {
        let key = FileKey { host: Some(host.to_owned()), name: "web".to_owned() };
        directory.append(&key, b"one\n").unwrap();
    }
    commit(&mut directory);
    assert_eq!(
        disk.files(),
        ["_-d0eb658a/web.log", "_.-a32b02ac/web.log", "a/web.log", "b/web.log"]
    );
}

#[test]
fn records_that_leave_the_directory_or_share_a_file_are_refused() {
    let record = |path: &str| FileRecord { path: path.to_owned(), ..FileRecord::default() };
    for records in [
        vec![(key("a"), record("../a.log"))],
        vec![(key("a"), record("cursor.json"))],
        vec![(key("a"), record("a.log")), (key("b"), record("a.log"))],
        vec![(key("a"), record("a.log")), (key("a"), record("b.log"))],
    ] {
        let error = Directory::open(FakeDisk::default(), PLAIN, records).unwrap_err();
        assert!(matches!(error, Error::Record { .. }), "{error}");
    }
}
