//! The metrics of the Docker daemon: goroutines, descriptors and followers.
//!
//! Two requests on one persistent connection: `/info` (about 10 ms) and the goroutine profile (1 to 2 ms). Since 17.07
//! the daemon serves the profile without debug mode too.

use std::fmt;

use super::get::{Client, GetError, MAX_BODY, MAX_DUMP};
use super::json_figures::{self, JsonError};
use super::pprof::{self, Extent, Profile};
use super::sample::Sample;
use crate::probe::observed::Groups;
use crate::probe::reasons::{CutReason, UnavailableReason};

/// The path of the goroutine profile, grouped by stack.
pub(super) const PROFILE_PATH: &str = "/debug/pprof/goroutine?debug=1";

/// The readable metrics of the daemon.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct DaemonReadable {
    /// The goroutine profile, which contains the followers.
    profile: Result<(), UnavailableReason>,
    /// Whether `/info` has the number of goroutines, and of descriptors.
    goroutines: bool,
    descriptors: bool,
}

impl fmt::Display for DaemonReadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.profile {
            Ok(()) => f.write_str("goroutines and followers by its profile")?,
            Err(reason) if self.goroutines => {
                write!(f, "goroutines by `/info`, no followers ({reason})")?;
            }
            Err(reason) => write!(f, "no goroutines ({reason})")?,
        }
        f.write_str(match self.descriptors {
            true => ", descriptors by `/info`",
            false => ", no descriptors",
        })
    }
}

#[derive(Debug)]
pub(super) struct DaemonProbe {
    client: Client,
    /// A request failed since the last reading. A timeout does not count, because it drops the reading.
    away: bool,
    /// The daemon closed the connection after the last reading.
    lost: bool,
    /// Goroutines and descriptors of the last reading.
    counts: Vec<(&'static str, f64)>,
}

impl DaemonProbe {
    pub(super) fn new(client: Client) -> Self {
        Self { client, away: false, lost: false, counts: Vec::new() }
    }

    /// Finds the readable metrics, before the check.
    pub(super) async fn discover(&mut self) -> Result<DaemonReadable, GetError> {
        let info = self.client.get("/info", MAX_BODY).await?;
        let shown = json_figures::parse(&info.body).ok();
        let shown = |name| shown.as_ref().and_then(|info| json_figures::figure(info, name).ok());
        let has = |name| shown(name).is_some_and(|count| 0.0 < count);
        Ok(DaemonReadable {
            profile: self.profile().await?.map(drop),
            goroutines: has("/NGoroutines"),
            descriptors: has("/NFd"),
        })
    }

    pub(super) async fn read(&mut self, at: f64, into: &mut Sample) {
        if let Err(error) = self.figures(into).await {
            self.away = true;
            into.failed("daemon", error);
            return;
        }
        let lost = self.client.take_lost();
        let away = std::mem::take(&mut self.away) | self.client.take_refused();
        let fell = self.fell(into);
        let cut = match away {
            true => Some(CutReason::DaemonBack),
            // A proxy may close idle connections. After a restart the counts are much lower too.
            false => (fell && (lost || self.lost)).then_some(CutReason::DaemonRestarted),
        };
        // The client may notice a closed connection right after an answer, or only at the next request.
        self.lost = lost && cut.is_none();
        if let Some(reason) = cut {
            into.cut(at, "daemon", reason);
        }
    }

    /// Whether a count is less than half of its value in the last reading.
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
                    into.unavailable("daemon.followers", UnavailableReason::ProfileCutOff);
                } else {
                    into.value("daemon.followers", pprof::followers(&profile.groups));
                }
                Some(profile.total)
            }
            Err(reason) => {
                into.unavailable("daemon.followers", reason);
                None
            }
        };
        let wrong = |error: JsonError| UnavailableReason::answer("/info", &error);
        let answered = match self.client.get("/info", MAX_BODY).await {
            Err(GetError::Status(refusal)) => Err(UnavailableReason::Status(*refusal)),
            answer => json_figures::parse(&answer?.body).map_err(wrong),
        };
        // The daemon reports 0 for "unknown".
        let shown = |name: &str| {
            let answer = answered.as_ref().map_err(Clone::clone)?;
            match json_figures::figure(answer, name).map_err(wrong)? {
                0.0 => Err(UnavailableReason::ReportedZero {
                    path: "/info".to_owned(),
                    name: name.trim_start_matches('/').to_owned(),
                }),
                count => Ok(count),
            }
        };
        match goroutines {
            Some(total) => into.value("daemon.goroutines", total),
            None => into.figure_or("daemon.goroutines", shown("/NGoroutines")),
        }
        into.figure_or("daemon.fds", shown("/NFd"));
        Ok(())
    }

    /// The goroutines by stack; `None` if the daemon does not serve the profile.
    pub(super) async fn groups(&mut self, at: f64, cycles: f64) -> Option<Groups> {
        let profile = self.profile().await.ok()?.ok()?;
        Some(groups(at, cycles, "daemon.goroutines".to_owned(), profile))
    }

    /// The inner error: the daemon does not serve it.
    async fn profile(&mut self) -> Result<Result<Profile, UnavailableReason>, GetError> {
        profile(&mut self.client, PROFILE_PATH).await
    }
}

/// A goroutine profile. The inner error: there is none at this path.
pub(super) async fn profile(
    client: &mut Client,
    path: &str,
) -> Result<Result<Profile, UnavailableReason>, GetError> {
    match client.get(path, MAX_DUMP).await {
        Ok(answer) => {
            let extent = if answer.truncated { Extent::Truncated } else { Extent::Complete };
            let profile = pprof::parse(&answer.text(), extent);
            Ok(profile.map_err(|error| UnavailableReason::answer(path, &error)))
        }
        Err(GetError::Status(refusal)) => Ok(Err(UnavailableReason::Status(*refusal))),
        Err(error) => Err(error),
    }
}

pub(super) fn groups(at: f64, cycles: f64, metric: String, profile: Profile) -> Groups {
    Groups { at, cycles, metric, groups: profile.groups, truncated: profile.truncated }
}
