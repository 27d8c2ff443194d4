//! The same on a real disk: permissions, links, and other programs' files.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::support::{PLAIN, ROTATING, commit, compress, open, unzipped, write};
use crate::directory::*;

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
fn files_are_private_unless_their_mode_is_changed() {
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
fn a_daemons_directory_may_be_a_link_and_other_directories_are_not_touched() {
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
