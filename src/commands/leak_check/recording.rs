//! Writes recordings, and reads them for a replay or as a baseline.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::Checking;
use super::hint::{self, NoRecording};
use crate::leak::record::{Record, VERSION};

impl Checking<'_> {
    /// Creates the file of `--record`. Each run of a comparison has its own: `r.ndjson` becomes `r.30s.ndjson`.
    pub(super) fn recorder(
        &self,
        timeout: Option<Duration>,
    ) -> anyhow::Result<Option<BufWriter<File>>> {
        let Some(path) = &self.leak.record else {
            return Ok(None);
        };
        let path = match timeout {
            None => path.clone(),
            Some(timeout) => {
                let timeout = humantime::format_duration(timeout).to_string().replace(' ', "");
                let ending = path.extension().map(|ending| ending.to_string_lossy().into_owned());
                path.with_extension(match ending {
                    Some(ending) => format!("{timeout}.{ending}"),
                    None => timeout,
                })
            }
        };
        let file = File::create(&path);
        let file = file.with_context(|| format!("could not write `{}`", path.display()))?;
        Ok(Some(BufWriter::new(file)))
    }
}

/// Writes and flushes one line of a recording, because cmon may be killed at any time.
pub(super) fn line(file: &mut BufWriter<File>, record: &Record) -> std::io::Result<()> {
    serde_json::to_writer(&mut *file, record)?;
    file.write_all(b"\n")?;
    file.flush()
}

/// Checks that the records are one recording, in order.
fn check(records: &[Record]) -> Result<(), NoRecording> {
    let mut last = f64::NEG_INFINITY;
    for (line, record) in (1..).zip(records) {
        match (line, record) {
            (1, Record::Header(_)) => {}
            (1, _) => return Err(NoRecording::NoHeader),
            (_, Record::Header(_)) => return Err(NoRecording::SecondHeader { line }),
            (_, _) if matches!(records[line - 2], Record::End(_)) => {
                return Err(NoRecording::AfterEnd { line });
            }
            (_, Record::Reading(reading)) if reading.at < last => {
                return Err(NoRecording::TimeBack { line });
            }
            (_, Record::Reading(reading)) => last = reading.at,
            _ => {}
        }
    }
    if records.is_empty() { Err(NoRecording::Empty) } else { Ok(()) }
}

/// Reads a recording. Ignores a truncated last line.
pub(super) fn recording(path: &Path) -> anyhow::Result<Vec<Record>> {
    let records = records(path)?;
    check(&records).with_context(|| format!("`{}` is not one recording", path.display()))?;
    Ok(records)
}

fn records(path: &Path) -> anyhow::Result<Vec<Record>> {
    let named = || hint::Unread(path.to_owned());
    let file = BufReader::new(File::open(path).with_context(named)?);
    let lines: Vec<String> = file.lines().collect::<Result<_, _>>().with_context(named)?;
    let mut records = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        match serde_json::from_str(line) {
            Ok(Record::Header(header)) if header.v != VERSION => anyhow::bail!(
                "`{}` is a recording of form {}, made by cmon {}; this is cmon {}, which reads form \
                 {VERSION}",
                path.display(),
                header.v,
                header.cmon,
                env!("CARGO_PKG_VERSION")
            ),
            Ok(record) => records.push(record),
            Err(_) if at == 0 && is_report(line) => {
                return Err(hint::NotARecording(path.to_owned()).into());
            }
            Err(_) if at + 1 == lines.len() && 0 < at => {}
            Err(error) => {
                return Err(error).with_context(|| {
                    format!(
                        "line {} of `{}` is not a record of a leak-check recording",
                        at + 1,
                        path.display()
                    )
                });
            }
        }
    }
    Ok(records)
}

/// Whether the line is a JSON report of any version.
fn is_report(line: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Report {
        verdict: Option<serde_json::Value>,
        runs: Option<serde::de::IgnoredAny>,
    }
    let report = serde_json::from_str::<Report>(line);
    report.is_ok_and(|report| report.verdict.is_some() || report.runs.is_some())
}
