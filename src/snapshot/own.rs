//! cmon's own resource usage, from Linux's `/proc/self`; unknown on other systems.

use std::fs;

use tokio::time::Instant;

/// The process's resource usage.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Own {
    /// Processor time since the start, in seconds.
    pub cpu_seconds: f64,
    /// Processor usage since the last look, in percent of one processor.
    pub cpu_percent: f64,
    /// Resident memory in bytes.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
}

/// Measures the process repeatedly.
#[derive(Debug)]
pub(crate) struct Process {
    /// The time of the last look, and the processor time then.
    before: (Instant, f64),
}

impl Default for Process {
    fn default() -> Self {
        Self { before: (Instant::now(), 0.0) }
    }
}

impl Process {
    /// The current usage.
    pub(crate) fn look(&mut self) -> Option<Own> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let mut own = parse(
            &stat,
            rustix::param::clock_ticks_per_second(),
            rustix::param::page_size() as u64,
        )?;
        // The directory itself is open during the read.
        own.descriptors = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1) as u64;
        let now = Instant::now();
        let (at, cpu) = self.before;
        let seconds = (now - at).as_secs_f64();
        if 0.0 < seconds {
            own.cpu_percent = (own.cpu_seconds - cpu) / seconds * 100.0;
        }
        self.before = (now, own.cpu_seconds);
        Some(own)
    }
}

/// Parses a line of `/proc/PID/stat`. The name in it may contain anything, so fields are counted from its end.
fn parse(stat: &str, ticks: u64, page: u64) -> Option<Own> {
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |number: usize| fields.get(number)?.parse::<u64>().ok();
    let (user, system) = (field(11)?, field(12)?);
    Some(Own {
        cpu_seconds: (user + system) as f64 / ticks.max(1) as f64,
        cpu_percent: 0.0,
        memory: field(21)? * page,
        descriptors: 0,
        threads: field(17)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat =
            "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 99 1000000 512 1844";
        let own = parse(stat, 100, 4096).unwrap();
        assert_eq!((own.cpu_seconds, own.memory, own.threads), (3.0, 512 * 4096, 3));
        assert_eq!(parse("7 (cut", 100, 4096), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_descriptor_that_is_opened_is_counted() {
        let mut process = Process::default();
        let before = process.look().unwrap();
        let held: Vec<_> = (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        let after = process.look().unwrap();
        // Other tests open and close descriptors.
        assert!(before.descriptors + 20 < after.descriptors, "{before:?} {after:?}");
        assert!(0 < after.memory && 0 < after.threads);
        drop(held);
    }
}
