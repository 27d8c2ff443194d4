//! A time zone by name, from the system's time zone database.

use std::str::FromStr;

use jiff::tz::{self, TimeZone};

/// A time zone as it was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The local one.
    Local,
    /// Another one.
    Named(TimeZone),
}

impl FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim().to_ascii_lowercase().as_str() {
            "local" => return Ok(Zone::Local),
            "utc" => return Ok(Zone::Named(TimeZone::UTC)),
            _ => {}
        }
        let found = TimeZone::get(text.trim());
        found.map(Zone::Named).map_err(|_| {
            let names: Vec<String> = tz::db().available().map(|name| name.to_string()).collect();
            unknown(text, &names)
        })
    }
}

/// The error for an unknown name.
fn unknown(text: &str, names: &[String]) -> String {
    if names.is_empty() {
        return "this system has no time zone database; write local or UTC, or install tzdata"
            .to_owned();
    }
    let wanted = text.to_ascii_lowercase().replace(' ', "_");
    let likeness = |name: &&String| {
        let name = name.to_ascii_lowercase();
        // Users type the city alone.
        let city = name.rsplit('/').next().unwrap_or(&name);
        let like = |name| strsim::normalized_damerau_levenshtein(name, &wanted);
        like(&name).max(like(city))
    };
    let nearest = names.iter().map(|name| (likeness(&name), name));
    // Accepts a name if most of the characters agree.
    let nearest = nearest.filter(|(likeness, _)| 0.7 <= *likeness);
    match nearest.max_by(|one, other| one.0.total_cmp(&other.0)) {
        Some((_, name)) => format!("there is no such time zone; did you mean {name}?"),
        None => "there is no such time zone; write local, UTC, or a name such as Europe/Berlin"
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_local_utc_or_has_a_name() {
        assert_eq!("local".parse(), Ok(Zone::Local));
        assert_eq!("UTC".parse(), Ok(Zone::Named(TimeZone::UTC)));
        let Ok(Zone::Named(zone)) = "Europe/Berlin".parse() else { panic!("it is a zone") };
        assert_eq!(zone.iana_name(), Some("Europe/Berlin"));
    }

    #[test]
    fn an_unknown_zone_is_an_error_with_the_nearest_name() {
        let error = |text: &str| text.parse::<Zone>().unwrap_err();
        assert_eq!(
            error("Europe/Berln"),
            "there is no such time zone; did you mean Europe/Berlin?"
        );
        assert_eq!(error("new york"), "there is no such time zone; did you mean America/New_York?");
        assert!(error("xyzzy").ends_with("a name such as Europe/Berlin"), "{}", error("xyzzy"));
        assert!(unknown("Europe/Berlin", &[]).contains("install tzdata"));
    }
}
