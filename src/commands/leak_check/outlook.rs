//! What a check would do and what it could find: `--dry-run`.

use std::fmt::Write;

use crate::engine::census::Census;
use crate::leak::judge::plan::Plan;
use crate::leak::judge::words;
use crate::leak::probe::Probes;
use crate::leak::record::{Drive, Header};
use crate::leak::verdict;

/// Counts at rest usually scatter by this much.
const SCATTER: f64 = 1.0;

/// The plan in words; reads each probe once, to tell which there are.
pub(super) async fn text(header: &Header, plan: Option<&Plan>, mut probes: Probes) -> String {
    let mut text = String::new();
    let sample = probes.read(0.0, &Census::default()).await;
    let deciding = |metric: &&String| verdict::is_gated(metric, &header.rules);
    let gated = sample.values.keys().filter(deciding).count();
    // Writing to a String cannot fail.
    let _ = write(&mut text, header, plan, gated);
    for found in probes.found() {
        let _ = writeln!(text, "  {}: {}", found.source, found.words);
    }
    let _ = writeln!(text, "now");
    for (metric, value) in &sample.values {
        let gated = if verdict::is_gated(metric, &header.rules) { "decides" } else { "shown" };
        let _ = writeln!(text, "  {metric:<28} {:>10}  {gated}", words::count(*value));
    }
    for one in &sample.unavailable {
        let _ = writeln!(text, "  {:<28} cannot be had: {}", one.metric, one.why);
    }
    text
}

fn write(
    text: &mut String,
    header: &Header,
    plan: Option<&Plan>,
    gated: usize,
) -> std::fmt::Result {
    let daemon = match header.daemon.as_str() {
        "" => "none that answers".to_owned(),
        daemon => format!("{} at {daemon}", header.daemon_version),
    };
    writeln!(text, "daemon      {daemon}")?;
    match header.drive {
        Drive::Streams | Drive::Held => writeln!(
            text,
            "containers  {}: {}",
            header.containers.len(),
            header.containers.join(", ")
        )?,
        Drive::Command => writeln!(text, "cycles      one run of the command each")?,
        Drive::Passive => writeln!(text, "cycles      none: targets on their own load")?,
    }
    for target in &header.targets {
        writeln!(text, "target      {target}")?;
    }
    let alpha = header.rules.alpha;
    match plan {
        Some(plan) => {
            if header.drive == Drive::Streams {
                writeln!(
                    text,
                    "streams     closed and opened again every {}: {} cycles/min while driven",
                    words::span(header.stream_timeout),
                    words::count(plan.cycles_per_second * 60.0)
                )?;
            }
            writeln!(
                text,
                "warm-up     {}, {} cycles",
                words::span(plan.warmup),
                words::count(plan.warmup_cycles)
            )?;
            writeln!(
                text,
                "rungs       {} pairs of a driven and an idle one, in random order (--seed {})",
                plan.pairs(),
                plan.seed
            )?;
            writeln!(text, "takes       {}", words::span(plan.seconds()))?;
            match plan.smallest_leak(SCATTER, alpha, 2 * gated.max(1)) {
                Some(least) => writeln!(
                    text,
                    "finds       leaks of {} per cycle and more, where counts at rest scatter by 1 \
                     (--max-per-cycle {})",
                    words::count(least),
                    words::count(header.rules.max_per_cycle)
                )?,
                None => writeln!(
                    text,
                    "finds       nothing for certain: too few pairs of rungs; --duration 3m has enough"
                )?,
            }
        }
        None => {
            if header.drive == Drive::Held {
                let per_minute = header.containers.len() as f64 * 60.0 / header.stream_timeout;
                writeln!(
                    text,
                    "streams     held open; each closed and opened again after {}: {} cycles/min",
                    words::span(header.stream_timeout),
                    words::count((per_minute * 10.0).round() / 10.0)
                )?;
            }
            writeln!(text, "takes       {}", words::span(header.duration))?;
        }
    }
    writeln!(text, "probes")
}
