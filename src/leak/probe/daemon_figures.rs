//! The Docker daemon's own figures: goroutines, descriptors, and who follows its logs.
//!
//! Two questions on one kept connection: `/info` (about 10 ms), and the goroutine profile (1 to
//! 2 ms), which is served on the daemon's socket with or without its debug mode since 17.07.

use super::get::{Client, GetError, MAX_BODY, MAX_DUMP};
use super::json_figures;
use super::pprof::{self, Extent, Profile};
use super::sample::Sample;
use crate::leak::record::Groups;

/// The goroutine profile, counted by stack.
pub(super) const PROFILE_PATH: &str = "/debug/pprof/goroutine?debug=1";

#[derive(Debug)]
pub(super) struct DaemonProbe {
    client: Client,
    /// A question has failed since the last reading. One that is only late has not: its reading is dropped.
    away: bool,
    /// Its connection was closed after the figures of the last reading.
    lost: bool,
    /// Goroutines and descriptors as they were read last.
    counts: Vec<(&'static str, f64)>,
}

impl DaemonProbe {
    pub(super) fn new(client: Client) -> Self {
        Self { client, away: false, lost: false, counts: Vec::new() }
    }

    /// What is there, in words, before the check begins.
    pub(super) async fn discover(&mut self) -> Result<String, GetError> {
        let info = self.client.get("/info", MAX_BODY).await?;
        let shown = json_figures::parse(&info.body).ok();
        let shown = |name| shown.as_ref().and_then(|info| json_figures::figure(info, name).ok());
        let mut have = Vec::new();
        match self.profile().await? {
            Ok(_) => have.push("goroutines and followers by its profile".to_owned()),
            Err(why) if shown("/NGoroutines").is_some_and(|count| 0.0 < count) => {
                have.push(format!("goroutines by `/info`, no followers ({why})"));
            }
            Err(why) => have.push(format!("no goroutines ({why})")),
        }
        have.push(match shown("/NFd").is_some_and(|count| 0.0 < count) {
            true => "descriptors by `/info`".to_owned(),
            false => "no descriptors".to_owned(),
        });
        Ok(have.join(", "))
    }

    pub(super) async fn read(&mut self, at: f64, into: &mut Sample) {
        if let Err(error) = self.figures(into).await {
            self.away = true;
            into.silent("daemon", &error);
            return;
        }
        let lost = self.client.take_lost();
        let away = std::mem::take(&mut self.away) | self.client.take_refused();
        let fell = self.fell(into);
        let mut cut = true;
        if away {
            into.cut(at, "daemon", "the daemon did not answer for a while, and answers again");
        } else if fell && (lost || self.lost) {
            // A proxy closes what is idle; one that starts anew has much less of everything.
            into.cut(
                at,
                "daemon",
                "the daemon closed its connection, and its counts fell: it was started again",
            );
        } else {
            cut = false;
        }
        // The end of a connection may be seen right after an answer, or only at the next question.
        self.lost = lost && !cut;
    }

    /// Whether a count is less than half of what it was at the last reading.
    fn fell(&mut self, sample: &Sample) -> bool {
        let count = |metric| Some((metric, *sample.values.get(metric)?));
        let counts = ["daemon.goroutines", "daemon.fds"].into_iter().filter_map(count).collect();
        let before = std::mem::replace(&mut self.counts, counts);
        let is_less = |metric: &str, old: f64| {
            self.counts.iter().any(|(name, new)| *name == metric && *new < old / 2.0)
        };
        before.into_iter().any(|(metric, old)| is_less(metric, old))
    }

    async fn figures(&mut self, into: &mut Sample) -> Result<(), GetError> {
        let goroutines = match self.profile().await? {
            Ok(profile) => {
                if profile.truncated {
                    into.unavailable("daemon.followers", &"the daemon's profile is cut off");
                } else {
                    into.value("daemon.followers", pprof::followers(&profile.groups));
                }
                Some(profile.total)
            }
            Err(why) => {
                into.unavailable("daemon.followers", &format!("the daemon's profile: {why}"));
                None
            }
        };
        let answered = match self.client.get("/info", MAX_BODY).await {
            Err(GetError::Status { status, words, .. }) => {
                Err(format!("the daemon answered `/info` with status {status}{words}"))
            }
            answer => {
                json_figures::parse(&answer?.body).map_err(|error| format!("`/info`: {error}"))
            }
        };
        // 0 stands for "unknown".
        let shown = |name: &str| {
            let figure = json_figures::figure(answered.as_ref().map_err(Clone::clone)?, name);
            match figure.map_err(|error| format!("`/info`: {error}"))? {
                0.0 => {
                    let name = name.trim_start_matches('/');
                    Err(format!("`/info` reports 0 for `{name}`, which means that it is unknown"))
                }
                count => Ok(count),
            }
        };
        match goroutines {
            Some(total) => into.value("daemon.goroutines", total),
            None => into.figure_or_why("daemon.goroutines", shown("/NGoroutines")),
        }
        into.figure_or_why("daemon.fds", shown("/NFd"));
        Ok(())
    }

    /// The goroutines by stack, where the daemon serves them.
    pub(super) async fn groups(&mut self, at: f64, cycles: f64) -> Option<Groups> {
        let profile = self.profile().await.ok()?.ok()?;
        Some(groups(at, cycles, "daemon.goroutines".to_owned(), profile))
    }

    /// The inner error is that it is not served.
    async fn profile(&mut self) -> Result<Result<Profile, String>, GetError> {
        profile(&mut self.client, PROFILE_PATH).await
    }
}

/// A goroutine profile; the inner error is that there is none at this path.
pub(super) async fn profile(
    client: &mut Client,
    path: &str,
) -> Result<Result<Profile, String>, GetError> {
    match client.get(path, MAX_DUMP).await {
        Ok(answer) => {
            let extent = if answer.truncated { Extent::CutOff } else { Extent::Whole };
            let profile = pprof::parse(&answer.text(), extent);
            Ok(profile.map_err(|error| format!("`{path}`: {error}")))
        }
        Err(error @ GetError::Status { .. }) => Ok(Err(error.to_string())),
        Err(error) => Err(error),
    }
}

pub(super) fn groups(at: f64, cycles: f64, metric: String, profile: Profile) -> Groups {
    Groups { at, cycles, metric, groups: profile.groups, truncated: profile.truncated }
}
