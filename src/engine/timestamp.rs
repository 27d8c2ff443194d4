//! The daemon's timestamps: nanoseconds since 1970, read from and written as RFC 3339.
//!
//! The log API puts one before every message, always as thirty bytes in UTC with nine digits and
//! a `Z`, then a space. That form is read and written by hand, since it happens once per line;
//! any other RFC 3339 form (older Podman gives whole seconds with an offset) goes to jiff.

use std::fmt;

/// Length of the fixed form, without the space after it.
pub const LENGTH: usize = 30;

/// A moment as the daemon's clock told it, in nanoseconds since 1970, UTC.
///
/// It is compared with other timestamps of the same daemon and shown; it never takes part in a
/// decision about cmon's own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// This machine's clock; for what is shown only.
    pub fn now() -> Self {
        let now = jiff::Timestamp::now().as_nanosecond();
        Self(i64::try_from(now).unwrap_or_default())
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> i64 {
        self.0
    }

    /// Reads a timestamp and the space after it from the front of a message; gives the moment and
    /// how many bytes it took, the space included. `None` when the message does not begin so.
    pub fn strip(message: &[u8]) -> Option<(Self, usize)> {
        if let Some(time) = message.first_chunk::<{ LENGTH + 1 }>().and_then(fixed) {
            return Some((time, LENGTH + 1));
        }
        let head = &message[..message.len().min(40)];
        let space = head.iter().position(|byte| *byte == b' ')?;
        let text = std::str::from_utf8(&head[..space]).ok()?;
        if !text.as_bytes().first()?.is_ascii_digit() {
            return None;
        }
        let time: jiff::Timestamp = text.parse().ok()?;
        Some((Self(i64::try_from(time.as_nanosecond()).ok()?), space + 1))
    }

    /// Writes the fixed form, thirty bytes, to the end of `into`.
    pub fn write(self, into: &mut Vec<u8>) {
        let seconds = self.0.div_euclid(1_000_000_000);
        let (year, month, day) = civil(seconds.div_euclid(86_400));
        let of_day = seconds.rem_euclid(86_400);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        digits(&mut text[0..4], year);
        digits(&mut text[5..7], month);
        digits(&mut text[8..10], day);
        digits(&mut text[11..13], of_day / 3600);
        digits(&mut text[14..16], of_day / 60 % 60);
        digits(&mut text[17..19], of_day % 60);
        digits(&mut text[20..29], self.0.rem_euclid(1_000_000_000));
        into.extend_from_slice(&text);
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(LENGTH);
        self.write(&mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Fills `into` with the last digits of `value`.
fn digits(into: &mut [u8], mut value: i64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(value % 10).unwrap_or(0);
        value /= 10;
    }
}

fn fixed(text: &[u8; LENGTH + 1]) -> Option<Timestamp> {
    let marks = (text[4], text[7], text[10], text[13], text[16], text[19], text[29], text[30]);
    if marks != (b'-', b'-', b'T', b':', b':', b'.', b'Z', b' ') {
        return None;
    }
    let year = number(&text[0..4])?;
    let (month, day) = (number(&text[5..7])?, number(&text[8..10])?);
    let (hour, minute) = (number(&text[11..13])?, number(&text[14..16])?);
    let (second, nanos) = (number(&text[17..19])?, number(&text[20..29])?);
    let sound = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61
        && (1678..2262).contains(&year);
    if !sound {
        return None;
    }
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp(seconds * 1_000_000_000 + nanos))
}

fn number(text: &[u8]) -> Option<i64> {
    let mut value = 0;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if 9 < digit {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(value)
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar, by counting years from
/// March, so that the leap day is a year's last (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The reverse of [`days`]: year, month, day.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fixed_form_is_read_with_the_space_after_it() {
        let (time, used) = Timestamp::strip(b"2026-11-24T03:07:04.332701047Z hello").unwrap();
        assert_eq!(used, 31);
        assert_eq!(time.to_string(), "2026-11-24T03:07:04.332701047Z");
        assert_eq!(time.as_nanos(), 1_795_489_624_332_701_047);
    }

    #[test]
    fn other_forms_of_rfc_3339_are_read_too() {
        let (time, used) = Timestamp::strip(b"2026-11-24T04:07:04+01:00 x").unwrap();
        assert_eq!((used, time.to_string().as_str()), (26, "2026-11-24T03:07:04.000000000Z"));
    }

    #[test]
    fn what_is_not_a_timestamp_is_refused() {
        for text in [
            "",
            "x",
            "9999-11-24T03:07:04.332701047Z x",
            "2026-13-24T03:07:04.332701047Z x",
            "Error grabbing logs: x y z and some",
        ] {
            assert_eq!(Timestamp::strip(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Timestamp::strip(b"2026-11-24T03:07:04.332701047Z"), None, "no space");
    }

    proptest! {
        #[test]
        fn it_agrees_with_jiff(nanos in -9_000_000_000_000_000_000i64..9_000_000_000_000_000_000) {
            let theirs = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            let ours = Timestamp::from_nanos(nanos).to_string();
            prop_assert_eq!(&ours, &format!("{theirs:.9}"));
            let read = Timestamp::strip(format!("{ours} ").as_bytes());
            prop_assert_eq!(read, Some((Timestamp::from_nanos(nanos), 31)));
        }
    }
}
