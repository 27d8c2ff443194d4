//! Counts, rates and spans of time in sentences.

/// A count or rate: "16", "3.2", "0.031".
pub(crate) fn count(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "?".to_owned();
    }
    let text = if size >= 100.0 || (size - size.round()).abs() < 0.005 && size >= 0.5 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    };
    match text.as_str() {
        "0.000" | "-0.000" | "-0" => "0".to_owned(),
        _ => text,
    }
}

/// A count with its sign: "+16".
pub(crate) fn signed(value: f64) -> String {
    let text = count(value);
    if value > 0.0 && text != "0" { format!("+{text}") } else { text }
}

/// A span of time or a moment of the run: "30 s", "2m10s", "1h05m".
pub(crate) fn span(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "?".to_owned();
    }
    if seconds < 9.95 && (seconds - seconds.round()).abs() > 0.05 {
        return format!("{seconds:.1} s");
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0")]
    let whole = seconds.round() as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60);
    match (hours, minutes, rest) {
        (0, 0, _) => format!("{rest} s"),
        (0, _, 0) => format!("{minutes}m"),
        (0, ..) => format!("{minutes}m{rest:02}s"),
        (_, 0, _) => format!("{hours}h"),
        _ => format!("{hours}h{minutes:02}m"),
    }
}

/// Names in a sentence, the first ten of them: "web-1, web-2 and 3 more".
pub(crate) fn names(names: &[String]) -> String {
    const SHOWN_MAX: usize = 10;
    let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
    match names.len() {
        0..=SHOWN_MAX => shown,
        count => format!("{shown} and {} more", count - SHOWN_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_spans_are_short() {
        let counts = [0.0, -0.0001, 0.031, 1.0, 1.254, 16.0, 31.96, 372.4, f64::NAN].map(count);
        assert_eq!(counts, ["0", "0", "0.031", "1", "1.25", "16", "32.0", "372", "?"]);
        assert_eq!([16.0, -3.2, 0.0].map(signed), ["+16", "-3.20", "0"]);
        let spans = [0.0, 2.5, 30.0, 60.0, 130.0, 305.2, 3600.0, 4000.0, -1.0].map(span);
        assert_eq!(spans, ["0 s", "2.5 s", "30 s", "1m", "2m10s", "5m05s", "1h", "1h06m", "?"]);
    }
}
