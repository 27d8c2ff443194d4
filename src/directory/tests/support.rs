//! Support for the directory's tests: settings, and short forms of its calls.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::directory::tests::fake_disk::FakeDisk;
use crate::directory::*;

pub(super) const PLAIN: Settings =
    Settings { rotate_size: None, keep: 9, compression: Compression::None, open_files_max: 9 };
/// Each append after the first of a file begins another.
pub(super) const ROTATING: Settings = Settings { rotate_size: Some(1), ..PLAIN };

type Records = Vec<(FileKey, FileRecord)>;

pub(super) fn key(name: &str) -> FileKey {
    FileKey { host: None, name: name.to_owned() }
}

pub(super) fn open<D: Disk>(disk: &D, settings: Settings, records: &Records) -> Directory<D> {
    Directory::open(disk.clone(), settings, records.clone()).unwrap()
}

/// Takes a checkpoint and saves it at once.
pub(super) fn commit<D: Disk>(directory: &mut Directory<D>) -> Records {
    let checkpoint = directory.checkpoint().unwrap().unwrap();
    checkpoint.sync().unwrap();
    directory.committed(checkpoint.id()).unwrap();
    checkpoint.records().to_vec()
}

/// One file per text, each committed.
pub(super) fn write<D: Disk>(directory: &mut Directory<D>, name: &str, texts: &[&str]) -> Records {
    let mut records = Vec::new();
    for text in texts {
        directory.append(&key(name), text.as_bytes()).unwrap();
        commit(directory);
        records = commit(directory);
    }
    records
}

pub(super) fn compress<D: Disk>(directory: &mut Directory<D>) {
    while let Some(job) = directory.next_compression().unwrap() {
        directory.finish_compression(job.run(|| false)).unwrap();
    }
}

pub(super) fn text(disk: &FakeDisk, path: &str) -> String {
    String::from_utf8(disk.read(path).unwrap()).unwrap()
}

pub(super) fn unzipped(bytes: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(bytes).read_to_string(&mut text).unwrap();
    text
}

/// A run that wrote one line to `web.log`, saved and ended.
pub(super) fn written(disk: &FakeDisk) -> Records {
    write(&mut open(disk, PLAIN, &Vec::new()), "web", &["one\n"])
}

pub(super) fn removed() -> Finding {
    Finding::Removed { path: "web.log".to_owned(), recorded: 4 }
}

pub(super) fn shortened(found: u64) -> Finding {
    Finding::Shortened { path: "web.log".to_owned(), recorded: 4, found }
}
