//! The daemon's timestamps: read from and written as RFC 3339, exact to the nanosecond.
//!
//! The log API puts one before every message, always with nine digits after the point, then a space.
//! Docker gives UTC with a `Z`, thirty bytes in all; that form is read and written by hand, since it
//! happens once per line. A record of the driver json-file may hold another offset, which Docker then
//! prints; older Podman gives whole seconds with an offset.
//!
//! A record may hold any time: without a `time` field it is the zero time of Go, in the year 1. Years 0
//! to 9999 do not fit into 64 bits of nanoseconds, so seconds and nanoseconds are kept apart.

use std::fmt;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// The years 2000 and 2200, in seconds since 1970.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800..7_258_118_400;
/// Length of the fixed form, without the space after it.
const FIXED_BYTES: usize = 30;
/// Length of date and time up to the point before the fraction.
const TO_POINT_BYTES: usize = 20;

/// A moment as the daemon's clock gave it, UTC.
///
/// It is compared with other timestamps of the same daemon and shown; it never takes part in a
/// decision about cmon's own time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp {
    /// Since 1970, rounded down.
    seconds: i64,
    /// Below [`SECOND`].
    nanos: u32,
}

/// Date and time up to the point of the last timestamp that was read in the fixed form, and what they mean.
#[derive(Clone, Debug, Default)]
pub struct LastSecond {
    text: [u8; TO_POINT_BYTES],
    seconds: i64,
}

impl Timestamp {
    /// Before every other.
    pub const MIN: Self = Self { seconds: i64::MIN, nanos: 0 };

    /// No other is after it.
    pub const MAX: Self = Self { seconds: i64::MAX, nanos: 999_999_999 };

    /// From nanoseconds since 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "0 to 1e9")]
        let below = nanos.rem_euclid(SECOND) as u32;
        Self { seconds: nanos.div_euclid(SECOND), nanos: below }
    }

    /// From nanoseconds since 1970; `None` above what 64 bits of seconds hold.
    pub fn from_wide_nanos(nanos: i128) -> Option<Self> {
        let second = i128::from(SECOND);
        let seconds = i64::try_from(nanos.div_euclid(second)).ok()?;
        Some(Self { seconds, nanos: u32::try_from(nanos.rem_euclid(second)).ok()? })
    }

    /// From the time of another library.
    pub fn from_jiff(time: jiff::Timestamp) -> Self {
        let nanos = time.as_nanosecond();
        Self::from_nanos(i64::try_from(nanos).unwrap_or(if nanos < 0 {
            i64::MIN
        } else {
            i64::MAX
        }))
    }

    /// This machine's clock; for what is shown only.
    pub fn now() -> Self {
        let now = jiff::Timestamp::now().as_nanosecond();
        Self::from_nanos(i64::try_from(now).unwrap_or_default())
    }

    /// Nanoseconds since 1970.
    pub const fn as_nanos(self) -> i128 {
        self.seconds as i128 * SECOND as i128 + self.nanos as i128
    }

    /// Nanoseconds since 1970; times before 1678 and after 2261 become the bounds of the type.
    pub fn saturating_nanos(self) -> i64 {
        let nanos = self.as_nanos();
        i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
    }

    /// The next moment, a nanosecond later.
    #[must_use]
    pub fn succ(self) -> Self {
        match self.nanos + 1 {
            nanos if i64::from(nanos) < SECOND => Self { nanos, ..self },
            _ => Self { seconds: self.seconds.saturating_add(1), nanos: 0 },
        }
    }

    /// The last moment before it, a nanosecond earlier.
    #[must_use]
    pub fn pred(self) -> Self {
        self.before(std::time::Duration::from_nanos(1))
    }

    /// The beginning of its second.
    #[must_use]
    pub const fn whole_second(self) -> Self {
        Self { nanos: 0, ..self }
    }

    /// The moment in the middle between two.
    #[must_use]
    pub fn middle(self, other: Self) -> Self {
        let sum = self.as_nanos() + other.as_nanos();
        Self::from_wide_nanos(sum.div_euclid(2)).unwrap_or(self)
    }

    /// The moment this long before it.
    #[must_use]
    pub fn before(self, time: std::time::Duration) -> Self {
        let nanos = self.as_nanos() - i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
        Self::from_wide_nanos(nanos).unwrap_or(Self::MIN)
    }

    /// Whether a daemon's clock can have stood there. A record without a time, or with a broken one,
    /// says nothing about how late it is.
    pub fn is_plausible(self) -> bool {
        PLAUSIBLE.contains(&self.seconds)
    }

    /// The time of the day in a zone, for people; UTC where the zone has no rule for the year.
    pub fn civil(self, zone: &jiff::tz::TimeZone) -> Option<jiff::civil::DateTime> {
        let time = jiff::Timestamp::from_nanosecond(self.as_nanos()).ok()?;
        Some(zone.to_datetime(time))
    }

    /// Reads a timestamp and the space after it from the front of a message; gives the moment and
    /// how many bytes it took, the space included. `None` when the message does not begin so.
    pub fn strip(message: &[u8]) -> Option<(Self, usize)> {
        if let Some(head) = message.first_chunk::<{ FIXED_BYTES + 1 }>()
            && let Some(time) = fixed(head)
        {
            return Some((time, FIXED_BYTES + 1));
        }
        let head = &message[..message.len().min(40)];
        let space = head.iter().position(|byte| *byte == b' ')?;
        Some((moment(&head[..space])?, space + 1))
    }

    /// [`Timestamp::strip`] for one message after another: most have the second of the one before.
    pub fn strip_next(message: &[u8], last: &mut LastSecond) -> Option<(Self, usize)> {
        if let Some(head) = message.first_chunk::<{ FIXED_BYTES + 1 }>()
            && head[..TO_POINT_BYTES] == last.text
            && head[FIXED_BYTES - 1..] == *b"Z "
            && let Some(nanos) = nine_digits(head)
        {
            return Some((Self { seconds: last.seconds, nanos }, FIXED_BYTES + 1));
        }
        let (time, used) = Self::strip(message)?;
        if used == FIXED_BYTES + 1
            && message[TO_POINT_BYTES - 1] == b'.'
            && message[FIXED_BYTES - 1] == b'Z'
        {
            last.text.copy_from_slice(&message[..TO_POINT_BYTES]);
            last.seconds = time.seconds;
        }
        Some((time, used))
    }

    /// Reads RFC 3339 with one to nine digits of a second's fraction or none, as an inspection has it.
    pub fn parse(text: &str) -> Option<Self> {
        moment(text.as_bytes())
    }

    /// The offset from UTC in a zone at this moment, in seconds; `None` where the zone has no rule for the year.
    pub fn offset(self, zone: &jiff::tz::TimeZone) -> Option<i32> {
        let time = jiff::Timestamp::new(self.seconds, i32::try_from(self.nanos).ok()?).ok()?;
        Some(zone.to_offset(time).seconds())
    }

    /// Writes the fixed form, thirty bytes, to the end of `into`. A year that has not four digits (an
    /// offset may lead there) has a sign and six digits.
    pub fn write(self, into: &mut Vec<u8>) {
        self.write_to_point(0, into);
        into.extend_from_slice(&self.fraction());
        into.push(b'Z');
    }

    /// Writes date and time as a clock with this offset from UTC shows them, up to the point before the fraction.
    pub fn write_to_point(self, offset: i32, into: &mut Vec<u8>) {
        let (year, text) = self.shown(offset);
        if (0..10_000).contains(&year) {
            into.extend_from_slice(&text);
        } else {
            let mut long = *b"+000000";
            if year < 0 {
                long[0] = b'-';
            }
            digits(&mut long[1..], year.saturating_abs());
            into.extend_from_slice(&long);
            into.extend_from_slice(&text[4..]);
        }
    }

    /// Writes the time of the day alone, as [`Timestamp::write_to_point`] does.
    pub fn write_time_to_point(self, offset: i32, into: &mut Vec<u8>) {
        let (_, text) = self.shown(offset);
        into.extend_from_slice(&text[11..]);
    }

    /// The nine digits of the second's fraction.
    pub fn fraction(self) -> [u8; 9] {
        let mut text = [b'0'; 9];
        two_digits(&mut text, 0, self.nanos / 10_000_000);
        two_digits(&mut text, 2, self.nanos / 100_000 % 100);
        two_digits(&mut text, 4, self.nanos / 1000 % 100);
        two_digits(&mut text, 6, self.nanos / 10 % 100);
        two_digits(&mut text, 7, self.nanos % 100);
        text
    }

    /// The year, and date and time with the last four digits of the year.
    fn shown(self, offset: i32) -> (i64, [u8; TO_POINT_BYTES]) {
        let seconds = self.seconds.saturating_add(offset.into());
        let days = seconds.div_euclid(86_400);
        let (year, month, day) = match u16::try_from(days) {
            Ok(days) => civil_soon(days),
            Err(_) => civil(days),
        };
        let of_day = below_u32(seconds.rem_euclid(86_400));
        let mut text = *b"0000-00-00T00:00:00.";
        let century = below_u32(year.max(0) % 10_000);
        two_digits(&mut text, 0, century / 100);
        two_digits(&mut text, 2, century % 100);
        two_digits(&mut text, 5, below_u32(month));
        two_digits(&mut text, 8, below_u32(day));
        two_digits(&mut text, 11, of_day / 3600);
        two_digits(&mut text, 14, of_day / 60 % 60);
        two_digits(&mut text, 17, of_day % 60);
        (year, text)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(FIXED_BYTES);
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

/// Writes two digits of a value below 100.
fn two_digits<const N: usize>(into: &mut [u8; N], at: usize, value: u32) {
    #[expect(clippy::cast_possible_truncation, reason = "below 100")]
    let value = value as u8;
    into[at] = b'0' + value / 10;
    into[at + 1] = b'0' + value % 10;
}

/// A value that its maker keeps below [`u32::MAX`].
fn below_u32(value: i64) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

/// The fixed form and the space after it, as Docker sends it before every message. `None` for anything else, which
/// [`moment`] may know.
fn fixed(head: &[u8; FIXED_BYTES + 1]) -> Option<Timestamp> {
    let marks = [4, 7, 10, 13, 16, 19, 29, 30].map(|at: usize| head[at]);
    if marks != *b"--T::.Z " {
        return None;
    }
    let mut wrong = 0;
    let mut digit = |at: usize| {
        let digit = head[at].wrapping_sub(b'0');
        wrong |= u8::from(9 < digit);
        // Four bits keep the sums below within 32 bits, whatever the bytes are.
        u32::from(digit & 15)
    };
    let mut two = |at: usize| digit(at) * 10 + digit(at + 1);
    let (year, month, day) = (two(0) * 100 + two(2), two(5), two(8));
    let (hour, minute, second) = (two(11), two(14), two(17));
    let nanos = two(20) * 10_000_000 + two(22) * 100_000 + two(24) * 1000 + two(26) * 10;
    let nanos = nanos + digit(28);
    let sound = wrong == 0
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let of_day = i64::from(hour * 3600 + minute * 60 + second);
    let days = days(year.into(), month.into(), day.into());
    sound.then_some(Timestamp { seconds: days * 86_400 + of_day, nanos })
}

/// The fraction of a second in the fixed form; `None` where a byte is no digit.
fn nine_digits(head: &[u8; FIXED_BYTES + 1]) -> Option<u32> {
    let eight: [u8; 8] = head[TO_POINT_BYTES..TO_POINT_BYTES + 8].try_into().ok()?;
    let last = head[TO_POINT_BYTES + 8].wrapping_sub(b'0');
    // Eight digits at once, the first in the lowest byte.
    let digits = u64::from_le_bytes(eight) ^ 0x3030_3030_3030_3030;
    let above_nine = digits.wrapping_add(0x7676_7676_7676_7676) | digits;
    if above_nine & 0x8080_8080_8080_8080 != 0 || 9 < last {
        return None;
    }
    // Neighbors become pairs, pairs become fours, and those the eight.
    let pairs = digits * 10 + (digits >> 8);
    let odd = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(100 + (1_000_000 << 32));
    let even = (pairs >> 16 & 0x0000_00ff_0000_00ff).wrapping_mul(1 + (10_000 << 32));
    let eight = u32::try_from(odd.wrapping_add(even) >> 32).ok()?;
    Some(eight * 10 + u32::from(last))
}

/// A date, a time of the day with or without a fraction of a second, and an offset.
fn moment(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked("0000-00-00T00:00:00".len())?;
    let marks = [date[4], date[7], date[10], date[13], date[16]];
    if marks != *b"--T::" {
        return None;
    }
    let year = number(&date[0..4])?;
    let (month, day) = (number(&date[5..7])?, number(&date[8..10])?);
    let (hour, minute) = (number(&date[11..13])?, number(&date[14..16])?);
    let second = number(&date[17..19])?;
    let sound = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let (nanos, zone) = match rest {
        [b'.', rest @ ..] => fraction(rest)?,
        zone => (0, zone),
    };
    let of_day = hour * 3600 + minute * 60 + second;
    let seconds = days(year, month, day) * 86_400 + of_day - offset(zone)?;
    sound.then_some(Timestamp { seconds, nanos })
}

/// One to nine digits as nanoseconds, and what follows them.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let places = u32::try_from(length).ok().filter(|places| (1..=9).contains(places))?;
    let (digits, rest) = text.split_at(length);
    let nanos = number(digits)? * 10_i64.pow(9 - places);
    Some((u32::try_from(nanos).ok()?, rest))
}

/// `Z`, or hours and minutes east of UTC, in seconds.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), hour @ .., b':', tens, ones] if hour.len() == 2 => {
            let seconds = number(hour)? * 3600 + number(&[*tens, *ones])? * 60;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
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

/// [`civil`] for the days from 1970 to 2149, in 32 bits: it is done for each line with a timestamp.
fn civil_soon(days: u16) -> (i64, i64, i64) {
    // Days since 1600-03-01. Four centuries from there end in 2000, on the leap day of an era.
    let of_era = u32::from(days) + 135_080;
    let (era, of_era) = (of_era / 146_097, of_era % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = 1600 + era * 400 + year + u32::from(month <= 2);
    (year.into(), month.into(), day.into())
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
        assert_eq!(time.as_nanos(), 1_795_489_624_332_701_047_i128);
    }

    #[test]
    fn fast_date_conversion_agrees_with_the_general_one() {
        for days in 0..=u16::MAX {
            assert_eq!(civil_soon(days), civil(days.into()), "{days}");
        }
    }

    #[test]
    fn other_forms_of_rfc_3339_are_read_too() {
        let (time, used) = Timestamp::strip(b"2026-11-24T04:07:04+01:00 x").unwrap();
        assert_eq!((used, time.to_string().as_str()), (26, "2026-11-24T03:07:04.000000000Z"));
    }

    #[test]
    fn a_malformed_timestamp_is_refused() {
        for text in [
            "",
            "x",
            "2026-13-24T03:07:04.332701047Z x",
            "2026-11-24T03:07:04.3327010471Z x",
            "2026-11-24T03:07:04. x",
            "2026-11-24T03:07:04 x",
            "2026-11-24T03:07:04+1:00 x",
            "Error grabbing logs: x y z and some",
        ] {
            assert_eq!(Timestamp::strip(text.as_bytes()), None, "{text}");
        }
        assert_eq!(Timestamp::strip(b"2026-11-24T03:07:04.332701047Z"), None, "no space");
    }

    #[test]
    fn any_time_that_a_record_can_hold_is_read_and_written() {
        for (text, utc) in [
            ("0001-01-01T00:00:00.000000000Z", ""),
            ("0000-01-01T00:00:00.000000000Z", ""),
            ("1677-09-21T00:12:43.145224191Z", ""),
            ("1969-12-31T23:59:59.999999999Z", ""),
            ("2262-04-11T23:47:16.854775808Z", ""),
            ("9999-12-31T23:59:59.999999999Z", ""),
            ("2026-11-24T03:07:04.000000000+05:45", "2026-11-23T21:22:04.000000000Z"),
            ("9999-12-31T23:59:59.000000001-23:59", "+010000-01-01T23:58:59.000000001Z"),
            ("0000-01-01T00:00:00.000000000+01:00", "-000001-12-31T23:00:00.000000000Z"),
        ] {
            let (time, used) = Timestamp::strip(format!("{text} x").as_bytes()).unwrap();
            let utc = if utc.is_empty() { text } else { utc };
            assert_eq!((time.to_string().as_str(), used), (utc, text.len() + 1));
            assert!(Timestamp::MIN < time && time < time.succ());
        }
    }

    #[test]
    fn the_bounds_of_64_bits_are_kept_by_arithmetic() {
        let year = |text: &str| Timestamp::strip(text.as_bytes()).unwrap().0;
        let (first, last) =
            (year("0001-01-01T00:00:00Z "), year("9999-12-31T23:59:59.999999999Z "));
        assert_eq!((first.saturating_nanos(), last.saturating_nanos()), (i64::MIN, i64::MAX));
        assert_eq!(last.succ().as_nanos() - last.as_nanos(), 1);
        assert!(!first.is_plausible() && !last.is_plausible() && Timestamp::now().is_plausible());
    }

    proptest! {
        #[test]
        fn timestamps_agree_with_jiff(
            seconds in -62_167_219_200_i64..253_402_207_200,
            nanos in 0..1_000_000_000_i64,
        ) {
            let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            let theirs = jiff::Timestamp::from_nanosecond(nanos).unwrap();
            let (ours, used) = Timestamp::strip(format!("{theirs:.9} ").as_bytes()).unwrap();
            prop_assert_eq!((ours.to_string(), used), (format!("{theirs:.9}"), 31));
            prop_assert_eq!(ours.as_nanos(), nanos);
        }

        #[test]
        fn the_fixed_form_parser_agrees_with_the_general_one(
            seconds in -62_135_596_800_i64..253_402_300_800,
            nanos in 0_u32..1_000_000_000,
            (at, byte) in (0..=FIXED_BYTES, proptest::sample::select(&b"09:-TZ.+ x/3\x00\xff"[..])),
        ) {
            let mut head = [b' '; FIXED_BYTES + 1];
            let text = Timestamp { seconds, nanos }.to_string();
            head[..FIXED_BYTES].copy_from_slice(text.as_bytes());
            prop_assert_eq!(fixed(&head), moment(&head[..FIXED_BYTES]));
            // One byte is another: what is read by hand is nothing else, or nothing at all.
            head[at] = byte;
            let any = moment(&head[..FIXED_BYTES]).filter(|_| head[FIXED_BYTES] == b' ');
            let is_fixed = head[19] == b'.' && head[29] == b'Z';
            prop_assert_eq!(fixed(&head), any.filter(|_| is_fixed));
            // Also behind one of the same second, and of another.
            for before in [text, "2026-11-24T03:07:04.332701047Z".to_owned()] {
                let mut last = LastSecond::default();
                Timestamp::strip_next(format!("{before} ").as_bytes(), &mut last).unwrap();
                let next = Timestamp::strip_next(&head, &mut last);
                prop_assert_eq!(next, Timestamp::strip(&head));
            }
        }

        #[test]
        fn times_are_ordered_as_their_text_is(
            one in "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{9}Z",
            other in "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{9}Z",
        ) {
            let read = |text: &str| Timestamp::strip(format!("{text} x").as_bytes()).unwrap().0;
            prop_assert_eq!(read(&one).to_string(), one.clone());
            prop_assert_eq!(read(&one).cmp(&read(&other)), one.cmp(&other));
        }
    }
}
