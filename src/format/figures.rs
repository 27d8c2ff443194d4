//! Formats estimates for sentences and tables: counts, rates with intervals, sizes, shares. NaN becomes "unknown".
//!
//! `units.rs` formats what the status line and the watch table show in few characters.

use std::ops::RangeInclusive;

use serde::Serialize;

use super::units::grouped;

/// Stands for an absent value.
pub(crate) const NONE: &str = "-";

/// The unit of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Unit {
    /// A number of tasks, goroutines or descriptors.
    Count,
    Bytes,
    /// Seconds of processor time. They always rise, so they are never judged.
    Seconds,
}

impl Unit {
    /// Decimals, enough to show small leaks.
    fn places(self, largest: f64) -> usize {
        match (self, largest) {
            (_, large) if 1000.0 <= large => 0,
            (_, large) if 10.0 <= large => 1,
            (Unit::Count, _) => 3,
            (Unit::Bytes | Unit::Seconds, _) => 2,
        }
    }

    /// The divisor and the suffix for values up to `largest`.
    pub(crate) fn scale(self, largest: f64) -> (f64, &'static str) {
        const SIZES: [(f64, &str); 3] =
            [(1_073_741_824.0, " GiB"), (1_048_576.0, " MiB"), (1024.0, " KiB")];
        match self {
            Unit::Count => (1.0, ""),
            Unit::Seconds => (1.0, " s"),
            Unit::Bytes => {
                SIZES.into_iter().find(|(size, _)| *size <= largest).unwrap_or((1.0, " B"))
            }
        }
    }
}

/// `+0.180 (0.070 to 0.290)`.
pub(crate) fn interval(estimate: f64, bounds: RangeInclusive<f64>, unit: Unit) -> String {
    match estimate_and_bounds(estimate, bounds, unit) {
        (estimate, Some(bounds)) => format!("{estimate} ({bounds})"),
        (estimate, None) => estimate,
    }
}

/// `+0.180` and `0.070 to 0.290`; without bounds when the estimate is unknown.
pub(crate) fn estimate_and_bounds(
    estimate: f64,
    bounds: RangeInclusive<f64>,
    unit: Unit,
) -> (String, Option<String>) {
    let (low, high) = bounds.into_inner();
    if !estimate.is_finite() {
        return ("unknown".to_owned(), None);
    }
    let largest = [estimate, low, high]
        .iter()
        .filter(|end| end.is_finite())
        .fold(0.0_f64, |largest, end| largest.max(end.abs()));
    let (size, word) = unit.scale(largest);
    let places = unit.places(largest / size);
    let end = |end: f64| match end.is_finite() {
        true => fixed(end / size, places),
        false => "?".to_owned(),
    };
    (format!("{}{word}", plus(&end(estimate))), Some(format!("{} to {}", end(low), end(high))))
}

/// A formatted rate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rounded {
    pub(crate) text: String,
    /// All of its digits are zero.
    pub(crate) is_zero: bool,
}

/// Formats the rates of a column, counts with the same number of decimals: `+32.0`, `0.0`, `+1.5 KiB`. `None` without a
/// finite rate.
pub(crate) fn aligned(rates: &[(Option<f64>, Unit)]) -> Vec<Option<Rounded>> {
    let counts = rates.iter().filter(|(_, unit)| *unit == Unit::Count);
    let largest = counts
        .filter_map(|(rate, _)| rate.filter(|rate| rate.is_finite()))
        .fold(0.0_f64, |top, rate| top.max(rate.abs()));
    let places = match largest {
        large if 1000.0 <= large => 0,
        large if 10.0 <= large => 1,
        large if 1.0 <= large => 2,
        _ => 3,
    };
    let cell = |(rate, unit): &(Option<f64>, Unit)| {
        let rate = rate.filter(|rate| rate.is_finite())?;
        let text = match unit {
            Unit::Count | Unit::Seconds => plus(&fixed(rate, places)),
            // Less than a byte is nothing.
            Unit::Bytes if rate.abs() < 1.0 => "0 B".to_owned(),
            Unit::Bytes => growth(rate, Unit::Bytes),
        };
        Some(Rounded { is_zero: is_zero(&text), text })
    };
    rates.iter().map(cell).collect()
}

/// Whether an interval is wide enough to be worth showing.
pub(crate) fn is_wide(estimate: f64, bounds: RangeInclusive<f64>) -> bool {
    const WIDE_MIN_SHARE: f64 = 0.1;
    let (low, high) = bounds.into_inner();
    let half_width = (high - estimate).max(estimate - low);
    half_width.is_finite() && estimate.abs() * WIDE_MIN_SHARE < half_width && 0.001 < half_width
}

/// A count with two or three significant digits: `9`, `66`, `6.3`, `0.11`.
pub(crate) fn rough(value: f64) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    match value.abs() {
        size if 10.0 <= size => fixed(value, 0),
        size if 1.0 <= size => trimmed_point(&fixed(value, 1)),
        _ => trimmed_point(&fixed(value, 3)),
    }
}

fn trimmed_point(text: &str) -> String {
    if text.contains('.') { trimmed(text) } else { text.to_owned() }
}

pub(crate) fn is_one(value: f64) -> bool {
    (value - 1.0).abs() < f64::EPSILON
}

/// `+0.180`.
pub(crate) fn growth(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let (size, word) = unit.scale(value.abs());
    format!("{}{word}", plus(&fixed(value / size, unit.places((value / size).abs()))))
}

/// `0.18`, `32`, `1,234`, `1.5 MiB`.
pub(crate) fn amount(value: f64, unit: Unit) -> String {
    if !value.is_finite() {
        return "unknown".to_owned();
    }
    let (size, word) = unit.scale(value.abs());
    let text = fixed(value / size, unit.places((value / size).abs()));
    match text.contains('.') && !text.contains('e') {
        true => format!("{}{word}", trimmed(&text)),
        false => format!("{text}{word}"),
    }
}

/// A count or rate in a sentence: `16`, `3.2`, `0.031`.
pub(crate) fn count(value: f64) -> String {
    amount(value, Unit::Count)
}

/// The same with its sign: `+16`.
pub(crate) fn signed(value: f64) -> String {
    signed_amount(value, Unit::Count)
}

/// `+16`, `+3.05 MiB`.
pub(crate) fn signed_amount(value: f64, unit: Unit) -> String {
    plus(&amount(value, unit))
}

/// Two amounts of the same thing, in the same unit and with the same number of decimals: `21.9 MiB`, `22.0 MiB`.
pub(crate) fn pair(first: f64, last: f64, unit: Unit) -> [String; 2] {
    let largest = first.abs().max(last.abs());
    let (size, word) = unit.scale(largest);
    // Bytes without a prefix are whole.
    if unit == Unit::Count || !largest.is_finite() || largest < 1024.0 {
        return [first, last].map(|value| amount(value, unit));
    }
    let places = unit.places(largest / size);
    [first, last].map(|value| format!("{}{word}", fixed(value / size, places)))
}

fn fixed(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) if !is_zero(digits) => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", text.as_str()),
    };
    let (whole, rest) = digits.split_at(digits.find('.').unwrap_or(digits.len()));
    match whole.parse() {
        Ok(whole) => format!("{sign}{}{rest}", grouped(whole)),
        // Above 64 bits.
        Err(_) => format!("{value:e}"),
    }
}

fn plus(text: &str) -> String {
    match text.starts_with('-') || is_zero(text) {
        true => text.to_owned(),
        false => format!("+{text}"),
    }
}

/// Whether a formatted number has only zeros.
fn is_zero(number: &str) -> bool {
    !number.bytes().any(|byte| (b'1'..=b'9').contains(&byte))
}

/// `= 0.0039`, `< 0.0001`.
pub(crate) fn chance_with_sign(p: f64) -> String {
    if p < 0.0001 { chance(p) } else { format!("= {}", chance(p)) }
}

/// `0.0039`, `< 0.0001`.
pub(crate) fn chance(p: f64) -> String {
    match p {
        p if !p.is_finite() => "unknown".to_owned(),
        p if p < 0.0001 => "< 0.0001".to_owned(),
        p if p < 0.1 => trimmed(&format!("{p:.4}")),
        p => trimmed(&format!("{p:.2}")),
    }
}

fn trimmed(text: &str) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `99 %`; 99.5 stays 99.5.
pub(crate) fn percent(part: f64) -> String {
    match (part * 100.0).is_finite() {
        true => format!("{} %", trimmed(&format!("{:.1}", part * 100.0 + 0.0))),
        false => "unknown".to_owned(),
    }
}

/// `100 %`, whole percents.
pub(crate) fn share(part: f64) -> String {
    match (part * 100.0).is_finite() {
        true => format!("{} %", fixed(part * 100.0, 0)),
        false => "unknown".to_owned(),
    }
}

/// Names in a sentence, the first ten of them: `web-1, web-2 and 3 more`.
pub(crate) fn names(names: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0..=SHOWN_MAX => shown,
        count => format!("{shown} and {} more", count - SHOWN_MAX),
    }
}

/// `1 goroutine`, `3 goroutines`.
pub(crate) fn plural(count: f64, one: &str) -> String {
    match is_one(count) {
        true => format!("{} {one}", amount(count, Unit::Count)),
        false => format!("{} {one}s", amount(count, Unit::Count)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_decimals_of_a_rate_depend_on_its_size() {
        let cases = [
            (0.18, 0.07, 0.29, "+0.180 (0.070 to 0.290)"),
            (0.0, -0.0089, 0.0089, "0.000 (-0.009 to 0.009)"),
            (5.0, 4.985, 5.015, "+5.000 (4.985 to 5.015)"),
            (32.0, 31.1, 32.9, "+32.0 (31.1 to 32.9)"),
            (-0.0001, -1.0, 1.0, "0.000 (-1.000 to 1.000)"),
            (1.0, f64::NEG_INFINITY, f64::NAN, "+1.000 (? to ?)"),
            (f64::NAN, 0.0, 1.0, "unknown"),
        ];
        for (estimate, low, high, expected) in cases {
            assert_eq!(interval(estimate, low..=high, Unit::Count), expected);
        }
        let rss = interval(1_572_864.0, 1024.0..=3_145_728.0, Unit::Bytes);
        assert_eq!(rss, "+1.50 MiB (0.00 to 3.00)");
    }

    #[test]
    fn other_numbers_have_no_redundant_digits() {
        assert_eq!([16.0, -3.2, 0.0, -0.0001].map(signed), ["+16", "-3.2", "0", "0"]);
        let chances = [0.000_01, 0.0039, 0.004, 0.125, 1.0].map(chance);
        assert_eq!(chances, ["< 0.0001", "0.0039", "0.004", "0.12", "1"]);
        assert_eq!([0.99, 0.995, 0.8].map(percent), ["99 %", "99.5 %", "80 %"]);
        let amounts = [0.0, 12.0, 0.5, 1234.0, 1e30].map(|value| amount(value, Unit::Count));
        assert_eq!(amounts, ["0", "12", "0.5", "1,234", "1e30"]);
        assert_eq!([plural(1.0, "fd"), plural(0.5, "fd")], ["1 fd", "0.5 fds"]);
        let memory =
            |one: f64, other: f64| pair(one * 1_048_576.0, other * 1_048_576.0, Unit::Bytes);
        assert_eq!(memory(21.9, 22.0), ["21.9 MiB", "22.0 MiB"]);
        assert_eq!(memory(9.5, 10.25), ["9.5 MiB", "10.2 MiB"]);
        assert_eq!(memory(0.0, 0.0), ["0 B", "0 B"]);
    }

    proptest! {
        #[test]
        fn no_value_is_printed_as_nan(value in any::<f64>(), other in any::<f64>()) {
            let written = [
                interval(value, other..=value, Unit::Bytes),
                interval(value, other..=value, Unit::Count),
                growth(value, Unit::Count),
                amount(value, Unit::Bytes),
                chance(value),
                percent(value),
                share(value),
                signed(value),
                plural(value, "x"),
            ];
            prop_assert!(written.iter().all(|text| !text.contains("NaN") && !text.contains("inf")));
        }
    }
}
