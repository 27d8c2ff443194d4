//! Disks that are full or fail, and the number of open files.

use super::support::{PLAIN, ROTATING, commit, key, open, text, write};
use crate::directory::tests::fake_disk::FakeDisk;
use crate::directory::*;

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
        // A checkpoint still covers earlier writes.
        assert_eq!(commit(&mut directory)[0].1.length, Some(4));
        disk.set_space(None);
        disk.keep_tails(false);
        // The repeated append may have other bytes.
        write(&mut directory, "web", &["x\n"]);
        assert_eq!(text(&disk, "web.log"), "one\nx\n");
        assert_eq!(directory.take_findings(), []);
    }
}

#[test]
fn a_full_disk_is_reported_with_a_hint() {
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
fn open_descriptors_are_bounded_for_any_number_of_files() {
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
    // A checkpoint holds as many again.
    assert!(disk.open_files_max() <= 8, "{}", disk.open_files_max());
    for container in 0..20 {
        assert_eq!(text(&disk, &format!("c{container}.log")), "2\n");
    }
}
