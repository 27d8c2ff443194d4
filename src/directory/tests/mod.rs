//! Single cases: other programs' changes, full disks, changed settings, and the real disk.

mod changed_by_others;
mod exactly_once;
mod fake_disk;
mod full_disk;
mod names_and_records;
mod old_files;
mod real_disk;
mod support;
