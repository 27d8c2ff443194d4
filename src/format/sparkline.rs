//! A series as a sparkline of a few characters.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The course of `series` (seconds, cycles, value) in at most `width` characters. Empty without readings, and the
/// lowest bar for a constant series.
pub(crate) fn sparkline(series: &[(f64, f64, f64)], width: usize) -> String {
    let known: Vec<f64> =
        series.iter().map(|(_, _, value)| *value).filter(|value| value.is_finite()).collect();
    let width = width.min(known.len());
    if width == 0 {
        return String::new();
    }
    // Picks the last reading of each part.
    let picked: Vec<f64> = (1..=width).map(|part| known[part * known.len() / width - 1]).collect();
    let low = picked.iter().copied().fold(f64::INFINITY, f64::min);
    let high = picked.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        let part = (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to 7; the cast of what is not a number gives 0"
        )]
        let step = (part * 7.0).round() as usize;
        BARS[step.min(BARS.len() - 1)]
    };
    picked.into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(values: &[f64], width: usize) -> String {
        let series: Vec<_> = values.iter().map(|value| (0.0, 0.0, *value)).collect();
        sparkline(&series, width)
    }

    #[test]
    fn the_sparkline_rises_with_the_values() {
        assert_eq!(line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(line(&[0.0, 0.0, 0.0, 7.0], 2), "▁█");
        assert_eq!(line(&[5.0, 5.0, 5.0], 8), "▁▁▁");
        assert_eq!(line(&[], 8), "");
        assert_eq!(line(&[f64::NAN, 3.0], 8), "▁");
    }

    proptest! {
        #[test]
        fn the_sparkline_has_at_most_the_given_width(values in prop::collection::vec(any::<f64>(), 0..99), width in 0_usize..30) {
            prop_assert!(line(&values, width).chars().count() <= width);
        }
    }
}
