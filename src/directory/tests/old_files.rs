//! Old files: how many are kept, and how they are compressed.

use super::support::{ROTATING, compress, open, text, unzipped, write};
use crate::directory::tests::fake_disk::FakeDisk;
use crate::directory::*;

#[test]
fn the_configured_number_of_old_files_is_kept() {
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
fn a_changed_number_of_old_files_applies_from_the_next_rotation() {
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
fn a_removed_old_file_leaves_no_gap_in_the_numbers() {
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
fn files_of_other_programs_are_not_touched() {
    let disk = FakeDisk::default();
    for path in ["notes.txt", "web.log.bak", "web.log.01", "cursor.json.new", "cursor.json"] {
        disk.write(path, b"theirs\n");
    }
    let before = disk.files();
    write(&mut open(&disk, Settings { keep: 0, ..ROTATING }, &Vec::new()), "web", &["1\n", "2\n"]);
    assert!(before.iter().all(|path| text(&disk, path) == "theirs\n"));
}
