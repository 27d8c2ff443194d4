//! Persistence: files of an output directory, and positions for the cursor.

use std::{io, thread};

use tokio::time::Instant;

use super::Thread;
use super::archive::{Archive, Saves};
use super::printing_thread::RETRY;
use super::show_events::FLUSH;
use crate::cursor::SaveReport;
use crate::directory;
use crate::engine::census::Census;
use crate::engine::event::Label;
use crate::format::note;

impl<C: Fn() -> Census> Thread<C> {
    /// Moves the buffer to the file of this container. Waits while the disk is full.
    #[expect(
        clippy::disallowed_methods,
        reason = "the printer's own thread may block, as it does in a write to stdout"
    )]
    pub(super) fn archive(&mut self, label: &Label) -> io::Result<()> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        let mut failed = false;
        while let Err(error) = archive.append(label, &self.buffer) {
            if !error.is_temporary() {
                return Err(io::Error::other(error));
            }
            if !failed {
                self.status.clear();
                // Messages are lost if stderr is closed; the data continues.
                let text = note::unwritten(&error, self.config.color_err);
                let _ = self.sinks.err.write_all(text.as_bytes());
            }
            failed = true;
            thread::sleep(RETRY);
        }
        self.buffer.clear();
        self.buffer.shrink_to(4 * FLUSH);
        if failed {
            self.talk(&note::written_again(self.config.color_err))?;
        }
        Ok(())
    }

    /// Takes the next checkpoint of the files if it is due.
    pub(super) fn keep_archive(&mut self) -> io::Result<()> {
        while let Some(report) = self.progress.try_report() {
            self.on_report(report)?;
        }
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        if self.progress.has_decided() {
            archive.changed();
        }
        if archive.due().is_some_and(|due| due <= Instant::now()) {
            self.submit()?;
        }
        Ok(())
    }

    /// Waits for the rotation of files that are too large: it needs a save.
    ///
    /// # Cancel safety
    /// Safe.
    pub(super) async fn rotate_full_files(&mut self) -> io::Result<()> {
        // The save that is under way, and one that covers the file.
        for _ in 0..2 {
            if !self.archive.as_ref().is_some_and(Archive::awaits_rotation) {
                return Ok(());
            }
            if !self.archive.as_ref().is_some_and(Archive::is_in_flight) {
                self.submit()?;
            }
            if self.archive.as_ref().is_some_and(Archive::is_in_flight) {
                let report = self.progress.report().await;
                self.on_report(report)?;
            }
        }
        if let Some(archive) = &mut self.archive {
            archive.delay_rotation();
        }
        Ok(())
    }

    /// Submits everything written to the keeper, unless it still saves the last checkpoint.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        let Some(archive) = &mut self.archive else {
            return Ok(());
        };
        match archive.checkpoint() {
            Ok(Some(checkpoint)) => self.progress.submit(checkpoint),
            Ok(None) => {}
            Err(error) => self.on_trouble(&error)?,
        }
        self.report_findings()
    }

    pub(super) fn on_report(&mut self, report: SaveReport) -> io::Result<()> {
        match report {
            SaveReport::Saved(id) => {
                let done = self.archive.as_mut().map_or(Ok(()), |archive| archive.saved(id));
                if let Err(error) = done {
                    self.on_trouble(&error)?;
                }
                self.report_findings()
            }
            SaveReport::Broken(error) => Err(io::Error::other(error)),
            SaveReport::Failed(_) | SaveReport::Works if self.archive.is_some() => {
                if let Some(archive) = &mut self.archive {
                    archive.saves = match report {
                        SaveReport::Failed(_) => Saves::Fail,
                        _ => Saves::Work,
                    };
                }
                self.talk(&note::save_report(&report, self.config.color_err))
            }
            report => self.talk(&note::save_report(&report, self.config.color_err)),
        }
    }

    pub(super) fn on_trouble(&mut self, error: &directory::Error) -> io::Result<()> {
        if !error.is_temporary() {
            return Err(io::Error::other(error.to_string()));
        }
        self.talk(&note::unwritten(error, self.config.color_err))
    }

    pub(super) fn report_findings(&mut self) -> io::Result<()> {
        for finding in self.archive.as_mut().map(Archive::findings).unwrap_or_default() {
            self.talk(&note::finding(&finding, self.config.color_err))?;
        }
        Ok(())
    }
}
