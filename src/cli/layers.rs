//! The layers of settings: the command line wins over variables, variables over the command's table in the
//! configuration file, and that over the rest of the file. A setting displaces the same flag, and flags that
//! exclude it, in lower layers. Pure.

/// The effect of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    /// It requests something.
    On,
    /// It is false or empty, so it excludes no other flag.
    Off,
}

/// The settled flags, those of the higher layers first.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled(Vec<(String, Weight)>);

impl Settled {
    /// Settles a flag.
    pub(super) fn add(&mut self, id: &str, weight: Weight) {
        self.0.push((id.to_owned(), weight));
    }

    /// Whether a settled flag displaces a setting of a lower layer.
    pub(super) fn displaces(
        &self,
        (id, weight): (&str, Weight),
        exclude: impl Fn(&str, &str) -> bool,
    ) -> bool {
        self.0.iter().any(|(other, other_weight)| {
            id == other || weight == Weight::On && *other_weight == Weight::On && exclude(id, other)
        })
    }
}

/// Two settings of one layer that exclude each other.
pub(super) fn contradiction<'a>(
    layer: impl IntoIterator<Item = (&'a str, Weight)>,
    exclude: impl Fn(&str, &str) -> bool,
) -> Option<(&'a str, &'a str)> {
    let on = layer.into_iter().filter(|(_, weight)| *weight == Weight::On).map(|(id, _)| id);
    let on: Vec<&str> = on.collect();
    let pairs = on
        .iter()
        .enumerate()
        .flat_map(|(at, one)| on[..at].iter().map(move |other| (*other, *one)));
    pairs.into_iter().find(|(one, other)| exclude(one, other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exclude(one: &str, other: &str) -> bool {
        matches!((one, other), ("host", "context") | ("context", "host"))
    }

    #[test]
    fn a_higher_source_displaces_the_same_flag_and_those_that_it_excludes() {
        let mut settled = Settled::default();
        settled.add("host", Weight::On);
        settled.add("quiet", Weight::Off);
        for (id, weight, displaced) in [
            ("host", Weight::On, true),
            ("host", Weight::Off, true),
            ("context", Weight::On, true),
            ("context", Weight::Off, false),
            ("quiet", Weight::On, true),
            ("color", Weight::On, false),
        ] {
            assert_eq!(settled.displaces((id, weight), exclude), displaced, "{id} {weight:?}");
        }
    }

    #[test]
    fn a_flag_that_is_off_contradicts_no_other() {
        let of = |context| contradiction([("host", Weight::On), ("context", context)], exclude);
        assert_eq!(of(Weight::On), Some(("host", "context")));
        assert_eq!(of(Weight::Off), None);
    }
}
