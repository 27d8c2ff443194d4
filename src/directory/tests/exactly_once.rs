//! The main property: after any end of a run at any point, each line is in the files once and in order.
//!
//! A run appends numbered lines, saves checkpoints, rotates and compresses, until it is killed or the power is cut
//! after some number of disk operations. The next run continues from the last saved cursor, as cmon does from the
//! daemon's log.

use std::io::Read;

use flate2::read::MultiGzDecoder;
use proptest::collection::vec;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::fake_disk::{FakeDisk, PowerCut, Random};
use crate::directory::name::Role;
use crate::directory::{
    Checkpoint, Compression, CompressionJob, Directory, Error, FileKey, FileRecord, Settings,
};

const CONTAINERS_TRIED: usize = 3;
const CURSOR: &str = "cursor.json";

#[derive(Clone, Debug)]
enum Action {
    Append { container: usize, lines: u64 },
    TakeCheckpoint,
    SaveCheckpoint,
    StartCompression,
    FinishCompression { is_stopped: bool },
    FillDisk { space: usize, keeps_tails: bool },
}

#[derive(Clone, Copy, Debug)]
enum End {
    Kill,
    PowerCut(PowerCut, u64),
}

#[derive(Clone, Debug)]
struct Run {
    rotate_size: Option<u64>,
    is_compressed: bool,
    open_files_max: usize,
    actions: Vec<Action>,
    changes: u64,
    end: End,
}

#[derive(Default, Deserialize, Serialize)]
struct Cursor {
    records: Vec<(FileKey, FileRecord)>,
    positions: [u64; CONTAINERS_TRIED],
}

/// A run, and the position of each container's log.
struct Writer {
    disk: FakeDisk,
    directory: Directory<FakeDisk>,
    positions: [u64; CONTAINERS_TRIED],
    checkpoint: Option<(Checkpoint<FakeDisk>, [u64; CONTAINERS_TRIED])>,
    job: Option<CompressionJob<FakeDisk>>,
}

fn key(container: usize) -> FileKey {
    let host = (container == 2).then(|| "host".to_owned());
    FileKey { host, name: format!("c{container}") }
}

fn line(container: usize, number: u64) -> String {
    let length = usize::try_from(number % 7).unwrap() * 3;
    format!("{container}:{number}:{}\n", "x".repeat(length))
}

impl Writer {
    fn open(disk: &FakeDisk, settings: Settings) -> Result<Self, Error> {
        let text = disk.read(CURSOR);
        let cursor = text.map(|text| serde_json::from_slice::<Cursor>(&text).unwrap());
        let cursor = cursor.unwrap_or_default();
        let mut directory = Directory::open(disk.clone(), settings, cursor.records)?;
        assert_eq!(directory.take_findings(), []);
        let disk = disk.clone();
        Ok(Self { disk, directory, positions: cursor.positions, checkpoint: None, job: None })
    }

    fn act(&mut self, action: &Action) -> Result<(), Error> {
        match action {
            Action::Append { container, lines } => self.append(*container, *lines),
            Action::TakeCheckpoint => self.take_checkpoint(),
            Action::SaveCheckpoint => self.save_checkpoint(),
            Action::StartCompression => {
                if self.job.is_none() {
                    self.job = self.directory.next_compression()?;
                }
                Ok(())
            }
            Action::FinishCompression { is_stopped } => match self.job.take() {
                Some(job) => {
                    let end = job.run(|| *is_stopped);
                    self.directory.finish_compression(end)
                }
                None => Ok(()),
            },
            Action::FillDisk { space, keeps_tails } => {
                self.disk.set_space(Some(*space));
                self.disk.keep_tails(*keeps_tails);
                Ok(())
            }
        }
    }

    fn append(&mut self, container: usize, lines: u64) -> Result<(), Error> {
        let position = self.positions[container];
        let text: String =
            (position..position + lines).map(|number| line(container, number)).collect();
        self.directory.append(&key(container), text.as_bytes())?;
        self.positions[container] += lines;
        Ok(())
    }

    fn take_checkpoint(&mut self) -> Result<(), Error> {
        if let Some(checkpoint) = self.directory.checkpoint()? {
            self.checkpoint = Some((checkpoint, self.positions));
        }
        Ok(())
    }

    fn save_checkpoint(&mut self) -> Result<(), Error> {
        let Some((checkpoint, positions)) = &self.checkpoint else { return Ok(()) };
        let cursor = Cursor { records: checkpoint.records().to_vec(), positions: *positions };
        checkpoint.sync()?;
        let text = serde_json::to_vec(&cursor).unwrap();
        self.disk.save(CURSOR, &text).map_err(Error::of("save", CURSOR))?;
        let id = checkpoint.id();
        self.checkpoint = None;
        self.directory.committed(id)
    }

    /// Acts until the end, with more space whenever the disk is full.
    fn run(&mut self, actions: &[Action]) {
        for action in actions {
            let mut action = action.clone();
            while let Err(error) = self.act(&action) {
                if self.disk.is_dead() {
                    return;
                }
                assert!(matches!(error, Error::Full { .. }), "{action:?}: {error:?}");
                self.disk.set_space(None);
                self.disk.keep_tails(false);
                match &mut action {
                    // The repeated append may have other bytes.
                    Action::Append { lines, .. } => *lines = 1,
                    // The next run repeats a failed compression.
                    Action::FinishCompression { .. } => break,
                    _ => {}
                }
            }
        }
    }

    fn finish(&mut self) {
        for _ in 0..3 {
            self.run(&[Action::SaveCheckpoint, Action::TakeCheckpoint, Action::SaveCheckpoint]);
        }
        self.run(&[Action::FinishCompression { is_stopped: false }]);
        while let Some(job) = self.directory.next_compression().unwrap() {
            self.directory.finish_compression(job.run(|| false)).unwrap();
        }
    }
}

/// The content of a container's files, oldest first, and the number of old files.
fn lines_of(disk: &FakeDisk, container: usize) -> (String, usize) {
    let base = crate::directory::name::path(&key(container), 0);
    let mut files = Vec::new();
    for path in disk.files() {
        match Role::parse(&path) {
            Some((found, role)) if found == base => files.push((role, path)),
            Some(_) => {}
            None => assert!(path.starts_with(CURSOR), "{path}"),
        }
    }
    let number = |role: &Role| match role {
        Role::Current => 0,
        Role::Old(number) | Role::OldCompressed(number) => *number,
        Role::New(_) | Role::Compressing => panic!("{role:?} of {base} is left"),
    };
    files.sort_by_cached_key(|(role, _)| std::cmp::Reverse(number(role)));
    let mut text = String::new();
    for (role, path) in &files {
        let bytes = disk.read(path).unwrap();
        match role {
            Role::OldCompressed(_) => {
                MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
            }
            _ => text.push_str(std::str::from_utf8(&bytes).unwrap()),
        }
    }
    (text, files.iter().filter(|(role, _)| *role != Role::Current).count())
}

fn check(disk: &FakeDisk, positions: &[u64; CONTAINERS_TRIED], keep: usize) {
    for (container, position) in positions.iter().enumerate() {
        let expected: String = (0..*position).map(|number| line(container, number)).collect();
        let (found, old_files) = lines_of(disk, container);
        if keep == usize::MAX {
            assert_eq!(found, expected, "{:?}", disk.files());
        } else {
            assert!(expected.ends_with(&found), "{found} is not the end of {expected}");
            let is_whole = found.is_empty() || expected[..expected.len() - found.len()].is_empty();
            assert!(is_whole || expected[..expected.len() - found.len()].ends_with('\n'));
            assert!(old_files <= keep, "{:?}", disk.files());
        }
    }
}

/// Returns the number of disk operations of the runs.
fn hold(runs: &[Run], keep: usize) -> u64 {
    let disk = FakeDisk::default();
    let settings = |run: &Run| Settings {
        rotate_size: run.rotate_size,
        keep,
        compression: if run.is_compressed { Compression::Gzip } else { Compression::None },
        open_files_max: run.open_files_max,
    };
    for run in runs {
        disk.die_after(run.changes);
        match Writer::open(&disk, settings(run)) {
            Ok(mut writer) => {
                check(&disk, &writer.positions, keep);
                writer.run(&run.actions);
            }
            Err(error) => assert!(disk.is_dead(), "{error:?}"),
        }
        match run.end {
            End::Kill => disk.revive(),
            End::PowerCut(cut, seed) => disk.cut_power(cut, &mut Random(seed)),
        }
    }
    let changes = disk.changes_made();
    let Some(run) = runs.last() else { return changes };
    let mut writer = Writer::open(&disk, settings(run)).unwrap();
    check(&disk, &writer.positions, keep);
    for container in 0..CONTAINERS_TRIED {
        writer.append(container, 3).unwrap();
    }
    writer.finish();
    check(&disk, &writer.positions, keep);
    if run.is_compressed {
        assert!(
            !disk.files().iter().any(|path| matches!(Role::parse(path), Some((_, Role::Old(_)))))
        );
    }
    changes
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        8 => (0..CONTAINERS_TRIED, 1..4_u64)
            .prop_map(|(container, lines)| Action::Append { container, lines }),
        3 => Just(Action::TakeCheckpoint),
        4 => Just(Action::SaveCheckpoint),
        1 => Just(Action::StartCompression),
        1 => prop::bool::weighted(0.2).prop_map(|is_stopped| Action::FinishCompression { is_stopped }),
        1 => (0..60_usize, any::<bool>())
            .prop_map(|(space, keeps_tails)| Action::FillDisk { space, keeps_tails }),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        Just(End::Kill),
        any::<u64>().prop_map(|seed| End::PowerCut(PowerCut::Journal, seed)),
        any::<u64>().prop_map(|seed| End::PowerCut(PowerCut::Anything, seed)),
    ]
}

fn run() -> impl Strategy<Value = Run> {
    let rotate_size = prop_oneof![1 => Just(None), 5 => (1..120_u64).prop_map(Some)];
    (rotate_size, any::<bool>(), 1..4_usize, vec(action(), 0..60), 0..150_u64, end()).prop_map(
        |(rotate_size, is_compressed, open_files_max, actions, changes, end)| Run {
            rotate_size,
            is_compressed,
            open_files_max,
            actions,
            changes,
            end,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_ends_of_runs_leave_each_line_once_and_in_order(runs in vec(run(), 1..6)) {
        hold(&runs, usize::MAX);
    }

    #[test]
    fn few_kept_files_hold_the_newest_lines(runs in vec(run(), 1..6), keep in 0..3_usize) {
        hold(&runs, keep);
    }
}

#[test]
fn each_operation_can_be_the_last_of_a_run_or_recovery() {
    let round = [
        Action::Append { container: 0, lines: 2 },
        Action::TakeCheckpoint,
        Action::StartCompression,
        Action::Append { container: 0, lines: 3 },
        Action::SaveCheckpoint,
        Action::FinishCompression { is_stopped: false },
        Action::Append { container: 2, lines: 1 },
    ];
    let mut run = Run {
        rotate_size: Some(30),
        is_compressed: true,
        open_files_max: 2,
        actions: std::iter::repeat_n(round, 4).flatten().collect(),
        changes: u64::MAX,
        end: End::Kill,
    };
    let changes = hold(&[run.clone()], usize::MAX);
    for last in 0..changes {
        run.changes = last;
        let ends = [PowerCut::Journal, PowerCut::Anything].map(|cut| End::PowerCut(cut, last));
        for end in [End::Kill, ends[0], ends[1]] {
            for last_of_recovery in 0..12 {
                let recovery = Run { changes: last_of_recovery, end: ends[1], ..run.clone() };
                hold(&[Run { end, ..run.clone() }, recovery], usize::MAX);
            }
        }
    }
}

/// 256, or what `PROPTEST_CASES` asks for.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}
