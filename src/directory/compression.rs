//! Compression of old files, one after the other, on a thread that the caller chooses.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::write::GzEncoder;

use super::disk::{Disk, DiskFile, write_all};
use super::error::Error;
use super::file_writer::Directory;
use super::name::Role;
use super::plan::Operation;

/// The size of a read, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// An old file to compress. Run it on any thread, and pass its result to [`Directory::finish_compression`]. Appends and
/// rotations continue meanwhile.
pub(crate) struct CompressionJob<D: Disk> {
    source: D::File,
    target: Arc<D::File>,
    path: String,
}

/// How a [`CompressionJob`] ended.
#[derive(Debug)]
pub(crate) struct CompressionEnd(Result<Completion, Error>);

#[derive(Debug, Eq, PartialEq)]
enum Completion {
    Complete,
    Stopped,
}

impl<D: Disk> std::fmt::Debug for CompressionJob<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CompressionJob").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<D: Disk> CompressionJob<D> {
    /// Compresses the file, and returns when that is on disk: seconds for 100 MiB. Checks after each 64 KiB
    /// whether to stop; the next run restarts a stopped job.
    pub(crate) fn run(self, should_stop: impl Fn() -> bool) -> CompressionEnd {
        CompressionEnd(self.compress(&should_stop))
    }

    fn compress(&self, should_stop: &dyn Fn() -> bool) -> Result<Completion, Error> {
        let output = Output { file: Arc::clone(&self.target), offset: 0 };
        let mut encoder = GzEncoder::new(output, flate2::Compression::default());
        let mut buffer = vec![0; CHUNK_BYTES];
        let mut offset = 0;
        loop {
            if should_stop() {
                return Ok(Completion::Stopped);
            }
            match self.source.read_at(&mut buffer, offset) {
                Ok(0) => break,
                Ok(count) => {
                    let written = encoder.write_all(&buffer[..count]);
                    written.map_err(Error::of("compress", &self.path))?;
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::of("read", &self.path)(error)),
            }
        }
        let finished = encoder.finish().and_then(|output| output.file.sync());
        finished.map_err(Error::of("compress", &self.path))?;
        Ok(Completion::Complete)
    }
}

/// Writes several buffers in order into a file.
struct Output<F> {
    file: Arc<F>,
    offset: u64,
}

impl<F: DiskFile> Write for Output<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        write_all(&*self.file, bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<D: Disk> Directory<D> {
    /// The next old file to compress; `None` while one is being compressed. Lists the directory if there is one.
    ///
    /// # Errors
    /// The files cannot be opened. This container's old files stay uncompressed until its next rotation or the
    /// next run.
    pub(crate) fn next_compression(&mut self) -> Result<Option<CompressionJob<D>>, Error> {
        while self.compressing.is_none()
            && let Some(index) = self.to_compress.pop_front()
        {
            let base = self.entries[index].record.path.clone();
            let mut siblings = self.siblings(&base)?;
            let Some((number, has_more)) = siblings.uncompressed() else { continue };
            let (path, target) = (Role::Old(number).path(&base), Role::Compressing.path(&base));
            if siblings.has(Role::Compressing) {
                self.change_now(&base, &mut siblings, Operation::Remove(Role::Compressing))?;
            }
            let source = self.disk.open(&path).map_err(Error::of("open", &path))?;
            let target_file = self.disk.create(&target, Some(&path));
            let target = Arc::new(target_file.map_err(Error::of("create", &target))?);
            self.compressing = Some((index, number));
            if has_more {
                self.to_compress.push_back(index);
            }
            return Ok(Some(CompressionJob { source, target, path }));
        }
        Ok(None)
    }

    /// Takes the result of a job: the compressed file replaces the old one.
    ///
    /// # Errors
    /// It could not be compressed or replaced. The old file still exists.
    pub(crate) fn finish_compression(&mut self, end: CompressionEnd) -> Result<(), Error> {
        let Some((index, number)) = self.compressing.take() else { return Ok(()) };
        let base = self.entries[index].record.path.clone();
        let mut siblings = self.siblings(&base)?;
        let (old, compressed) = (Role::Old(number), Role::OldCompressed(number));
        // It may be beyond the kept ones by now.
        let is_wanted = siblings.has(old) && !siblings.has(compressed);
        let remove = [Operation::Remove(Role::Compressing)];
        let replace = [Operation::Rename(Role::Compressing, compressed), Operation::Remove(old)];
        let operations = match &end.0 {
            Ok(Completion::Complete) if is_wanted => &replace[..],
            _ => &remove[..],
        };
        let mut result = end.0.map(|_| ());
        for operation in operations {
            result = result.and(self.change_now(&base, &mut siblings, *operation));
            if result.is_err() && operations.len() == replace.len() {
                break;
            }
        }
        result
    }
}
