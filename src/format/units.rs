//! Numbers in few characters.

use std::time::Duration;

use crate::engine::census::Census;

/// `0.4s`, `12s`, `4m10s`, `2h05m`, `3d04h`.
pub(crate) fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if time < Duration::from_secs(10) => format!("{:.1}s", time.as_secs_f64()),
        () if minutes == 0 => format!("{seconds}s"),
        () if hours == 0 => format!("{minutes}m{:02}s", seconds % 60),
        () if days == 0 => format!("{hours}h{:02}m", minutes % 60),
        () => format!("{days}d{:02}h", hours % 24),
    }
}

/// A duration in seconds: `350ms`, `2.5s`, `45s`, `4m10s`, `10m`, `1h05m`; `?` if unknown.
pub(crate) fn span(seconds: f64) -> String {
    let Ok(span) = Duration::try_from_secs_f64(seconds) else {
        return "?".to_owned();
    };
    let shown = match seconds {
        0.0 => return "0s".to_owned(),
        short if short < 0.9995 => return format!("{:.0}ms", short * 1000.0),
        short if short < 9.95 => time(span),
        // Rounded, not truncated.
        _ => time(Duration::from_secs(span.saturating_add(Duration::from_millis(500)).as_secs())),
    };
    match shown.split_once(".0s") {
        Some((whole, "")) => format!("{whole}s"),
        _ => ["00s", "00m", "00h"]
            .iter()
            .find_map(|zero| shown.strip_suffix(zero))
            .unwrap_or(&shown)
            .to_owned(),
    }
}

/// A duration in whole seconds.
pub(crate) fn seconds(time: Duration) -> String {
    match time.as_secs() {
        short @ ..10 => format!("{short}s"),
        _ => self::time(time),
    }
}

/// `12ms`, `1.2s`; `-` for none.
pub(crate) fn lag(lag: Duration) -> String {
    match lag.as_millis() {
        0 => "-".to_owned(),
        millis @ ..1000 => format!("{millis}ms"),
        _ => time(lag),
    }
}

/// `0`, `3.4`, `120`, `12.3k`, `4.5M`.
pub(crate) fn rate(rate: f64) -> String {
    match rate {
        0.0 => "0".to_owned(),
        rate if rate < 99.95 => format!("{rate:.1}"),
        rate if rate < 9_999.5 => format!("{rate:.0}"),
        rate if rate < 999_950.0 => format!("{:.1}k", rate / 1e3),
        rate => format!("{:.1}M", rate / 1e6),
    }
}

/// `0`, `12`, `12.3k`.
pub(crate) fn count(count: u64) -> String {
    match count {
        0..=99_999 => count.to_string(),
        _ => rate(count as f64),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if 0 < at && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0 lines`, `1 line`, `1,200 lines`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    with_noun(&grouped(count), noun)
}

/// `0 lines`, `1 line`, for a number that is formatted already.
pub(crate) fn with_noun(figure: &str, noun: &str) -> String {
    match figure {
        "1" => format!("1 {noun}"),
        figure => format!("{figure} {noun}s"),
    }
}

/// `0 gaps`, `1 gap (removed)`, `3 gaps (2 log rotated, 1 removed)`.
pub(crate) fn gaps(census: &Census) -> String {
    let causes = census.gaps_by_cause.iter().filter(|(_, count)| 0 < **count);
    let causes: Vec<_> = causes.map(|(cause, count)| (cause.replace('_', " "), *count)).collect();
    let causes = match causes.as_slice() {
        [] => String::new(),
        [(cause, _)] => format!(" ({cause})"),
        several => {
            let each: Vec<_> = several.iter().map(|(cause, n)| format!("{n} {cause}")).collect();
            format!(" ({})", each.join(", "))
        }
    };
    format!("{}{causes}", counted(census.gaps, "gap"))
}

/// `512B`, `1.5K`, `3.0M`, `2.1G`.
pub(crate) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "K", "M", "G", "T"];
    let (mut value, mut unit) = (bytes, 0);
    // A value that would be shown as 1024 moves to the next unit.
    while 1023.95 <= value && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{value:.0}B"),
        _ => format!("{value:.1}{}", UNITS[unit]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_units_at_most() {
        let shown = [0, 9, 10, 59, 60, 250, 3600, 7500, 90_000, 260_000]
            .map(|seconds| time(Duration::from_secs(seconds)));
        let expected =
            ["0.0s", "9.0s", "10s", "59s", "1m00s", "4m10s", "1h00m", "2h05m", "1d01h", "3d00h"];
        assert_eq!(shown, expected);
        assert_eq!(seconds(Duration::from_millis(3900)), "3s");
        let spans = [
            0.0,
            0.35,
            1.0,
            2.5,
            9.96,
            45.0,
            100.0,
            250.4,
            600.0,
            3599.6,
            3900.0,
            90_000.0,
            f64::NAN,
        ];
        let expected = [
            "0s", "350ms", "1s", "2.5s", "10s", "45s", "1m40s", "4m10s", "10m", "1h", "1h05m",
            "1d01h", "?",
        ];
        assert_eq!(spans.map(span), expected);
        assert_eq!(
            [0, 12, 1200].map(|millis| lag(Duration::from_millis(millis))),
            ["-", "12ms", "1.2s"]
        );
    }

    #[test]
    fn gaps_are_counted_by_cause() {
        let shown = |causes: &[(&'static str, u64)]| {
            let gaps = causes.iter().map(|(_, count)| count).sum();
            let gaps_by_cause = causes.iter().copied().collect();
            super::gaps(&Census { gaps, gaps_by_cause, ..Census::default() })
        };
        assert_eq!(shown(&[("removed", 0)]), "0 gaps");
        assert_eq!(shown(&[("log_rotated", 0), ("removed", 1)]), "1 gap (removed)");
        let both = shown(&[("log_rotated", 2), ("removed", 1)]);
        assert_eq!(both, "3 gaps (2 log rotated, 1 removed)");
    }

    #[test]
    fn a_count_of_one_is_singular() {
        let shown = [0, 1, 2, 1200].map(|count| counted(count, "line"));
        assert_eq!(shown, ["0 lines", "1 line", "2 lines", "1,200 lines"]);
        assert_eq!([999, 1000, 1_234_567].map(grouped), ["999", "1,000", "1,234,567"]);
    }

    #[test]
    fn numbers_have_six_characters_at_most() {
        let rates = [0.0, 3.44, 99.9, 120.4, 9_999.0, 12_345.0, 4_500_000.0].map(rate);
        assert_eq!(rates, ["0", "3.4", "99.9", "120", "9999", "12.3k", "4.5M"]);
        let sizes = [0.0, 512.0, 1023.0, 1536.0, 1_048_570.0, 3.0 * 1_048_576.0].map(bytes);
        assert_eq!(sizes, ["0B", "512B", "1023B", "1.5K", "1.0M", "3.0M"]);
        assert_eq!([7, 99_999, 1_234_567].map(count), ["7", "99999", "1.2M"]);
    }
}
