//! Single cases: what others do to the files, full disks, settings that change, and the real disk.

use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use flate2::read::GzDecoder;

use super::fake::FakeDisk;
use super::*;

const PLAIN: Settings =
    Settings { rotate_size: None, keep: 9, compression: Compression::None, open_files_max: 9 };
/// Each append but the first of a file begins another.
const ROTATING: Settings = Settings { rotate_size: Some(1), ..PLAIN };

type Records = Vec<(FileKey, FileRecord)>;

fn key(name: &str) -> FileKey {
    FileKey { host: None, name: name.to_owned() }
}

fn open<D: Disk>(disk: &D, settings: Settings, records: &Records) -> Directory<D> {
    Directory::open(disk.clone(), settings, records.clone()).unwrap()
}

/// Takes a checkpoint and saves it at once.
fn commit<D: Disk>(directory: &mut Directory<D>) -> Records {
    let checkpoint = directory.checkpoint().unwrap().unwrap();
    checkpoint.sync().unwrap();
    directory.committed(checkpoint.id()).unwrap();
    checkpoint.records().to_vec()
}

/// One file per text, each committed.
fn write<D: Disk>(directory: &mut Directory<D>, name: &str, texts: &[&str]) -> Records {
    let mut records = Vec::new();
    for text in texts {
        directory.append(&key(name), text.as_bytes()).unwrap();
        commit(directory);
        records = commit(directory);
    }
    records
}

fn compress<D: Disk>(directory: &mut Directory<D>) {
    while let Some(job) = directory.next_compression().unwrap() {
        directory.finish_compression(job.run(|| false)).unwrap();
    }
}

fn text(disk: &FakeDisk, path: &str) -> String {
    String::from_utf8(disk.read(path).unwrap()).unwrap()
}

fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

/// A run that wrote one line to `web.log`, saved and ended.
fn written(disk: &FakeDisk) -> Records {
    write(&mut open(disk, PLAIN, &Vec::new()), "web", &["one\n"])
}

fn removed() -> Finding {
    Finding::Removed { path: "web.log".to_owned(), recorded: 4 }
}

fn shortened(found: u64) -> Finding {
    Finding::Shortened { path: "web.log".to_owned(), recorded: 4, found }
}

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
fn containers_whose_safe_names_meet_have_a_file_each() {
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
        // Longer than what is missing, so the old length would cut within the line.
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

#[test]
fn a_full_disk_in_the_middle_of_an_append_loses_and_doubles_nothing() {
    for keeps_tails in [false, true] {
        let disk = FakeDisk::default();
        let mut directory = open(&disk, PLAIN, &Vec::new());
        write(&mut directory, "web", &["one\n"]);
        disk.set_space(Some(4));
        disk.keep_tails(keeps_tails);
        for _ in 0..3 {
            let error = directory.append(&key("web"), b"second\n").unwrap_err();
            assert!(error.is_temporary());
        }
        assert_eq!(text(&disk, "web.log"), if keeps_tails { "one\nseco" } else { "one\n" });
        // A checkpoint goes on to cover what was written before.
        assert_eq!(commit(&mut directory)[0].1.length, Some(4));
        disk.set_space(None);
        disk.keep_tails(false);
        // Not even the same bytes have to follow.
        write(&mut directory, "web", &["x\n"]);
        assert_eq!(text(&disk, "web.log"), "one\nx\n");
        assert_eq!(directory.take_findings(), []);
    }
}

#[test]
fn a_full_disk_is_named_and_says_what_to_do() {
    let disk = FakeDisk::default();
    disk.set_space(Some(0));
    let mut directory = open(&disk, PLAIN, &Vec::new());
    let error = directory.append(&key("web"), b"one\n").unwrap_err();
    assert_eq!(error.to_string(), "could not write `web.log.1.new`");
    assert!(matches!(error, Error::Full { .. }) && error.hint().contains("free space"));
}

#[test]
fn no_position_is_saved_after_a_sync_that_failed() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, PLAIN, &Vec::new());
    directory.append(&key("web"), b"one\n").unwrap();
    disk.fail_syncs();
    let checkpoint = directory.checkpoint().unwrap().unwrap();
    let error = checkpoint.sync().unwrap_err();
    assert!(!error.is_temporary(), "{error}");
    assert!(directory.checkpoint().unwrap().is_none());
}

#[test]
fn few_descriptors_are_open_however_many_files_there_are() {
    let disk = FakeDisk::default();
    let settings = Settings { open_files_max: 4, ..ROTATING };
    let mut directory = open(&disk, settings, &Vec::new());
    for round in 0..3 {
        for container in 0..20 {
            let line = format!("{round}\n");
            directory.append(&key(&format!("c{container}")), line.as_bytes()).unwrap();
        }
        commit(&mut directory);
    }
    // As many again belong to a checkpoint.
    assert!(disk.open_files_max() <= 8, "{}", disk.open_files_max());
    for container in 0..20 {
        assert_eq!(text(&disk, &format!("c{container}.log")), "2\n");
    }
}

#[test]
fn as_many_old_files_are_kept_as_were_asked_for() {
    for (keep, expected) in [
        (0, &["web.log"][..]),
        (1, &["web.log", "web.log.1"]),
        (2, &["web.log", "web.log.1", "web.log.2"]),
    ] {
        let disk = FakeDisk::default();
        let settings = Settings { keep, ..ROTATING };
        write(&mut open(&disk, settings, &Vec::new()), "web", &["1\n", "2\n", "3\n", "4\n"]);
        assert_eq!(disk.files(), expected);
        assert_eq!(text(&disk, "web.log"), "4\n");
    }
}

#[test]
fn another_number_of_old_files_holds_from_the_next_rotation() {
    let disk = FakeDisk::default();
    let records =
        write(&mut open(&disk, ROTATING, &Vec::new()), "web", &["1\n", "2\n", "3\n", "4\n", "5\n"]);
    let mut directory = open(&disk, Settings { keep: 2, ..ROTATING }, &records);
    assert_eq!(disk.files().len(), 5);
    let records = write(&mut directory, "web", &["6\n"]);
    assert_eq!(disk.files(), ["web.log", "web.log.1", "web.log.2"]);
    let mut directory = open(&disk, ROTATING, &records);
    write(&mut directory, "web", &["7\n"]);
    assert_eq!(disk.files(), ["web.log", "web.log.1", "web.log.2", "web.log.3"]);
    assert_eq!(text(&disk, "web.log.3"), "4\n");
}

#[test]
fn an_old_file_that_somebody_removed_leaves_no_hole() {
    let disk = FakeDisk::default();
    let mut directory = open(&disk, ROTATING, &Vec::new());
    write(&mut directory, "web", &["1\n", "2\n", "3\n", "4\n"]);
    disk.remove("web.log.2").unwrap();
    write(&mut directory, "web", &["5\n"]);
    let texts = disk.files().iter().map(|path| text(&disk, path)).collect::<String>();
    assert_eq!(texts, "5\n4\n3\n1\n");
}

#[test]
fn compression_may_be_switched_on_and_off_between_runs() {
    let disk = FakeDisk::default();
    let gzip = Settings { compression: Compression::Gzip, ..ROTATING };
    let records = write(&mut open(&disk, ROTATING, &Vec::new()), "web", &["1\n", "2\n", "3\n"]);
    let mut directory = open(&disk, gzip, &records);
    compress(&mut directory);
    assert_eq!(disk.files(), ["web.log", "web.log.1.gz", "web.log.2.gz"]);
    let mut directory = open(&disk, ROTATING, &records);
    let records = write(&mut directory, "web", &["4\n"]);
    compress(&mut directory);
    assert_eq!(disk.files(), ["web.log", "web.log.1", "web.log.2.gz", "web.log.3.gz"]);
    let mut directory = open(&disk, Settings { keep: 2, ..gzip }, &records);
    write(&mut directory, "web", &["5\n"]);
    compress(&mut directory);
    assert_eq!(disk.files(), ["web.log", "web.log.1.gz", "web.log.2.gz"]);
    assert_eq!(unzipped(&disk.read("web.log.2.gz").unwrap()), "3\n");
}

#[test]
fn a_file_that_rotates_while_it_is_compressed_gets_its_new_number() {
    let disk = FakeDisk::default();
    let gzip = Settings { compression: Compression::Gzip, ..ROTATING };
    let mut directory = open(&disk, gzip, &Vec::new());
    write(&mut directory, "web", &["1\n", "2\n"]);
    let job = directory.next_compression().unwrap().unwrap();
    assert!(directory.next_compression().unwrap().is_none(), "one at a time");
    let end = std::thread::spawn(move || job.run(|| false));
    write(&mut directory, "web", &["3\n", "4\n"]);
    directory.finish_compression(end.join().unwrap()).unwrap();
    assert_eq!(disk.files(), ["web.log", "web.log.1", "web.log.2", "web.log.3.gz"]);
    assert_eq!(unzipped(&disk.read("web.log.3.gz").unwrap()), "1\n");
    compress(&mut directory);
    assert_eq!(disk.files(), ["web.log", "web.log.1.gz", "web.log.2.gz", "web.log.3.gz"]);
}

#[test]
fn a_file_that_is_no_longer_kept_when_it_is_compressed_is_not_kept() {
    let disk = FakeDisk::default();
    let settings = Settings { compression: Compression::Gzip, keep: 1, ..ROTATING };
    let mut directory = open(&disk, settings, &Vec::new());
    write(&mut directory, "web", &["1\n", "2\n"]);
    let job = directory.next_compression().unwrap().unwrap();
    write(&mut directory, "web", &["3\n"]);
    directory.finish_compression(job.run(|| false)).unwrap();
    assert_eq!(disk.files(), ["web.log", "web.log.1"]);
    assert_eq!(text(&disk, "web.log.1"), "2\n");
}

#[test]
fn a_full_disk_ends_a_compression_and_keeps_the_old_file() {
    let disk = FakeDisk::default();
    let gzip = Settings { compression: Compression::Gzip, ..ROTATING };
    let mut directory = open(&disk, gzip, &Vec::new());
    let records = write(&mut directory, "web", &["1\n", "2\n"]);
    let job = directory.next_compression().unwrap().unwrap();
    disk.set_space(Some(5));
    let error = directory.finish_compression(job.run(|| false)).unwrap_err();
    assert!(matches!(error, Error::Full { .. }));
    assert_eq!(disk.files(), ["web.log", "web.log.1"]);
    disk.set_space(None);
    compress(&mut open(&disk, gzip, &records));
    assert_eq!(disk.files(), ["web.log", "web.log.1.gz"]);
}

#[test]
fn leftovers_of_a_killed_compression_are_removed() {
    let disk = FakeDisk::default();
    let gzip = Settings { compression: Compression::Gzip, ..ROTATING };
    let records = write(&mut open(&disk, gzip, &Vec::new()), "web", &["1\n", "2\n", "3\n"]);
    disk.write("web.log.gz.new", b"half");
    disk.write("web.log.2.gz", b"perhaps half");
    disk.write("other.log.gz.new", b"of a container without a record");
    disk.write("other.log.7.new", b"of a container without a record");
    let mut directory = open(&disk, gzip, &records);
    assert_eq!(disk.files(), ["web.log", "web.log.1", "web.log.2"]);
    compress(&mut directory);
    assert_eq!(unzipped(&disk.read("web.log.2.gz").unwrap()), "1\n");
    assert_eq!(disk.files(), ["web.log", "web.log.1.gz", "web.log.2.gz"]);
}

#[test]
fn files_of_others_are_left_alone() {
    let disk = FakeDisk::default();
    for path in ["notes.txt", "web.log.bak", "web.log.01", "cursor.json.new", "cursor.json"] {
        disk.write(path, b"theirs\n");
    }
    let before = disk.files();
    write(&mut open(&disk, Settings { keep: 0, ..ROTATING }, &Vec::new()), "web", &["1\n", "2\n"]);
    assert!(before.iter().all(|path| text(&disk, path) == "theirs\n"));
}

#[test]
fn the_real_disk_does_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let disk = LocalDisk::new(dir.path().to_owned());
    let gzip = Settings { compression: Compression::Gzip, rotate_size: Some(8), ..PLAIN };
    let mut records = Vec::new();
    let key = FileKey { host: Some("node/1".to_owned()), name: "web".to_owned() };
    for run in 0..3 {
        let mut directory = open(&disk, gzip, &records);
        for line in 0..2 {
            directory.append(&key, format!("{run}.{line}\n").as_bytes()).unwrap();
            records = commit(&mut directory);
        }
        compress(&mut directory);
        // Unsaved, so cut off.
        directory.append(&key, b"-\n").unwrap();
        assert_eq!(directory.take_findings(), []);
    }
    let mut directory = open(&disk, gzip, &records);
    compress(&mut directory);
    let host = dir.path().join(name::parent(&records[0].1.path));
    let mut names: Vec<_> = fs::read_dir(&host)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["web.log", "web.log.1.gz", "web.log.2.gz"]);
    let read = |name: &str| fs::read(host.join(name)).unwrap();
    assert_eq!(unzipped(&read("web.log.2.gz")), "0.0\n0.1\n");
    assert_eq!(unzipped(&read("web.log.1.gz")), "1.0\n1.1\n");
    assert_eq!(read("web.log"), b"2.0\n2.1\n");
    fs::remove_file(host.join("web.log")).unwrap();
    directory.append(&key, b"3\n").unwrap();
    assert!(matches!(directory.take_findings()[..], [Finding::Removed { recorded: 8, .. }]));
}

#[test]
fn only_their_owner_reads_files_unless_somebody_allows_more() {
    let dir = tempfile::tempdir().unwrap();
    let disk = LocalDisk::new(dir.path().to_owned());
    let mode =
        |path: &str| fs::metadata(dir.path().join(path)).unwrap().permissions().mode() & 0o777;
    let mut directory = open(&disk, ROTATING, &Vec::new());
    write(&mut directory, "web", &["1\n"]);
    let key = FileKey { host: Some("a".to_owned()), name: "web".to_owned() };
    directory.append(&key, b"1\n").unwrap();
    assert_eq!((mode("web.log"), mode("a")), (0o600, 0o700));
    fs::set_permissions(dir.path().join("web.log"), fs::Permissions::from_mode(0o640)).unwrap();
    write(&mut directory, "web", &["2\n"]);
    assert_eq!((mode("web.log"), mode("web.log.1")), (0o640, 0o640));
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let disk = LocalDisk::new(dir.path().to_owned());
    let other = dir.path().join("other");
    fs::write(&other, "theirs\n").unwrap();
    let records = write(&mut open(&disk, PLAIN, &Vec::new()), "web", &["1\n"]);
    fs::remove_file(dir.path().join("web.log")).unwrap();
    std::os::unix::fs::symlink(&other, dir.path().join("web.log")).unwrap();
    let mut directory = open(&disk, PLAIN, &records);
    write(&mut directory, "web", &["2\n"]);
    assert_eq!(fs::read(&other).unwrap(), b"theirs\n");
    assert_eq!(fs::read(dir.path().join("web.log")).unwrap(), b"2\n");
}

#[test]
fn a_daemons_directory_may_be_a_link_and_other_directories_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("a")).unwrap();
    fs::create_dir(dir.path().join("lost+found")).unwrap();
    fs::write(dir.path().join("lost+found/x.log.1.new"), "theirs\n").unwrap();
    let disk = LocalDisk::new(dir.path().to_owned());
    let key = FileKey { host: Some("a".to_owned()), name: "web".to_owned() };
    let mut records = Vec::new();
    for line in ["1\n", "2\n"] {
        let mut directory = open(&disk, PLAIN, &records);
        directory.append(&key, line.as_bytes()).unwrap();
        records = commit(&mut directory);
        directory.append(&key, b"-\n").unwrap();
        assert_eq!(directory.take_findings(), []);
    }
    open(&disk, PLAIN, &records);
    assert_eq!(fs::read(elsewhere.path().join("web.log")).unwrap(), b"1\n2\n");
    assert!(dir.path().join("lost+found/x.log.1.new").exists());
}

#[test]
fn the_real_disk_replaces_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let disk = LocalDisk::new(dir.path().to_owned());
    for path in ["a", "b"] {
        fs::write(dir.path().join(path), path).unwrap();
    }
    assert!(disk.rename("a", "b").is_err() && disk.create("a", None).is_err());
    disk.rename("a", "c").unwrap();
    assert_eq!(disk.metadata("a").unwrap(), None);
}
