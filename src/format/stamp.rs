//! Timestamps before lines, in the requested form and time zone.

use std::ops::Range;

use jiff::tz::TimeZone;

use crate::engine::timestamp::Timestamp;

/// The form of a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StampForm {
    /// `12:30:00.123`.
    Short,
    /// `2026-11-28T12:30:00.123+01:00`.
    Iso,
    /// `2026-11-28T12:30:00.123456789+01:00`. In UTC this is the daemon's form.
    Full,
}

/// Options of timestamps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The form.
    pub form: StampForm,
    /// The time zone.
    pub zone: TimeZone,
}

/// Writes timestamps. Formats the constant part once per second.
#[derive(Clone, Debug)]
pub(crate) struct StampWriter {
    stamp: Stamp,
    second: Option<Second>,
}

/// The last timestamp; others of its second differ only in the fraction.
#[derive(Clone, Debug)]
struct Second {
    starts: Timestamp,
    text: Vec<u8>,
    fraction: Range<usize>,
}

impl StampWriter {
    pub(crate) const fn new(stamp: Stamp) -> Self {
        Self { stamp, second: None }
    }

    /// In the daemon's form.
    pub(crate) const fn utc() -> Self {
        Self::new(Stamp { form: StampForm::Full, zone: TimeZone::UTC })
    }

    /// Appends a timestamp and a space.
    pub(crate) fn write(&mut self, time: Timestamp, into: &mut Vec<u8>) {
        self.write_alone(time, into);
        into.push(b' ');
    }

    /// Appends a timestamp, in UTC if the zone has no rule for the year.
    pub(crate) fn write_alone(&mut self, time: Timestamp, into: &mut Vec<u8>) {
        let starts = time.whole_second();
        let second = match &mut self.second {
            Some(second) if second.starts == starts => second,
            second => second.insert(self.stamp.second(starts)),
        };
        let digits = time.fraction();
        let fraction = &mut second.text[second.fraction.clone()];
        fraction.copy_from_slice(&digits[..fraction.len()]);
        into.extend_from_slice(&second.text);
    }
}

impl Stamp {
    fn second(&self, starts: Timestamp) -> Second {
        // RFC 3339 has offsets in whole minutes; some zones had seconds before standard time.
        let offset = starts.offset(&self.zone).unwrap_or_default() / 60 * 60;
        let mut text = Vec::new();
        match self.form {
            StampForm::Short => starts.write_time_to_point(offset, &mut text),
            StampForm::Iso | StampForm::Full => starts.write_to_point(offset, &mut text),
        }
        let places = match self.form {
            StampForm::Short | StampForm::Iso => 3,
            StampForm::Full => 9,
        };
        let fraction = text.len()..text.len() + places;
        text.resize(fraction.end, b'0');
        if self.form != StampForm::Short {
            zone(offset, &mut text);
        }
        Second { starts, text, fraction }
    }
}

/// An offset from UTC in seconds, in the form of RFC 3339.
fn zone(offset: i32, into: &mut Vec<u8>) {
    if offset == 0 {
        return into.push(b'Z');
    }
    let minutes = offset.unsigned_abs() / 60;
    let sign = if offset < 0 { '-' } else { '+' };
    into.extend_from_slice(format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(form: StampForm, zone: &str, time: &str) -> String {
        let mut stamp = StampWriter::new(Stamp { form, zone: TimeZone::get(zone).unwrap() });
        let (time, _) = Timestamp::strip(format!("{time} ").as_bytes()).unwrap();
        let mut into = Vec::new();
        stamp.write(time, &mut into);
        String::from_utf8(into).unwrap()
    }

    #[test]
    fn each_form_shows_the_time_in_its_zone() {
        use StampForm::{Full, Iso, Short};
        let time = "2026-11-28T23:30:05.123456789Z";
        for (form, zone, expected) in [
            (Full, "UTC", "2026-11-28T23:30:05.123456789Z "),
            (Full, "Europe/Berlin", "2026-11-29T00:30:05.123456789+01:00 "),
            (Iso, "UTC", "2026-11-28T23:30:05.123Z "),
            (Iso, "Europe/Berlin", "2026-11-29T00:30:05.123+01:00 "),
            (Iso, "America/St_Johns", "2026-11-28T20:00:05.123-03:30 "),
            (Short, "UTC", "23:30:05.123 "),
            (Short, "Asia/Kathmandu", "05:15:05.123 "),
        ] {
            assert_eq!(written(form, zone, time), expected);
        }
    }

    #[test]
    fn the_offset_is_that_of_the_time_of_the_year() {
        let iso = |time| written(StampForm::Iso, "Europe/Berlin", time);
        assert_eq!(iso("2026-07-01T10:00:00Z"), "2026-07-01T12:00:00.000+02:00 ");
        assert_eq!(iso("2026-10-25T00:59:59.999Z"), "2026-10-25T02:59:59.999+02:00 ");
        assert_eq!(iso("2026-10-25T01:00:00Z"), "2026-10-25T02:00:00.000+01:00 ");
    }

    #[test]
    fn cached_timestamps_equal_uncached_ones() {
        let form = StampForm::Iso;
        for zone in ["UTC", "Europe/Berlin"] {
            let mut stamps = StampWriter::new(Stamp { form, zone: TimeZone::get(zone).unwrap() });
            // The clock goes back an hour behind the second.
            for time in ["00:59:59", "00:59:59.5", "01:00:00", "00:59:59.999", "01:00:00.001"] {
                let time = format!("2026-10-25T{time}Z");
                let (at, _) = Timestamp::strip(format!("{time} ").as_bytes()).unwrap();
                let mut into = Vec::new();
                stamps.write(at, &mut into);
                assert_eq!(String::from_utf8(into).unwrap(), written(form, zone, &time));
            }
        }
    }

    #[test]
    fn a_time_that_no_zone_has_is_shown_in_utc() {
        let time = "9999-12-31T23:59:59.000000001-23:59";
        let full = written(StampForm::Full, "Europe/Berlin", time);
        assert_eq!(full, "+010000-01-01T23:58:59.000000001Z ");
        // The year 1, when clocks showed the local mean time: 53 minutes and 28 seconds.
        let first = written(StampForm::Iso, "Europe/Berlin", "0001-01-01T00:00:00Z");
        assert_eq!(first, "0001-01-01T00:53:00.000+00:53 ");
    }
}
