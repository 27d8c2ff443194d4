//! Leaks and harmless shapes that a test injects into the daemon, to verify the leak checker.

use std::time::Duration;

/// The stack of a goroutine that belongs to an open follow.
const FOLLOWER: &str = "github.com/docker/docker/daemon.(*Daemon).ContainerLogs.func2";

/// A change of the daemon's own resource usage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InjectedLeak {
    /// This number of goroutines remain for each closed log stream.
    PerStream(f64),
    /// This number of new goroutines in each period of this length, independent of requests.
    PerTime(u64, Duration),
    /// A warm-up: up to this number of goroutines, two thirds of them after this time.
    Ramp(u64, Duration),
    /// This number of goroutines exist for the first third of each period of this length.
    Sawtooth(u64, Duration),
    /// This number of new goroutines, once, after this time.
    Step(u64, Duration),
}

impl InjectedLeak {
    /// The number of added goroutines after this time and this number of closed log streams.
    pub(super) fn goroutines(self, age: Duration, closed: u64) -> u64 {
        let part = |of: Duration| age.as_secs_f64() / of.as_secs_f64().max(1e-9);
        let count = match self {
            InjectedLeak::PerStream(each) => closed as f64 * each,
            InjectedLeak::PerTime(size, every) => size as f64 * part(every).floor(),
            InjectedLeak::Ramp(height, time) => height as f64 * (1.0 - (-part(time)).exp()),
            InjectedLeak::Sawtooth(height, period) => {
                if part(period).fract() < 1.0 / 3.0 {
                    height as f64
                } else {
                    0.0
                }
            }
            InjectedLeak::Step(height, after) => {
                if after <= age {
                    height as f64
                } else {
                    0.0
                }
            }
        };
        // Small, finite and not negative.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small, finite and not negative"
        )]
        {
            count as u64
        }
    }

    /// The function on top of their stacks.
    fn function(self) -> &'static str {
        match self {
            InjectedLeak::PerStream(_) => "demo.(*Planted).forgottenStream",
            InjectedLeak::PerTime(..) => "demo.(*Planted).healthCheck",
            InjectedLeak::Ramp(..) => "demo.(*Planted).worker",
            InjectedLeak::Sawtooth(..) => "demo.(*Planted).batch",
            InjectedLeak::Step(..) => "demo.(*Planted).reload",
        }
    }
}

/// Goroutines of the daemon: five for each open follow, as in the real one, a constant number, and the injected leak.
pub(super) fn goroutines(followers: usize, injected: Option<(InjectedLeak, u64)>) -> u64 {
    30 + 5 * followers as u64 + injected.map_or(0, |(_, count)| count)
}

/// The goroutines by the function on top of their stacks: count and function.
pub(super) fn groups(
    followers: usize,
    injected: Option<(InjectedLeak, u64)>,
) -> Vec<(u64, &'static str)> {
    let each = [
        "net/http.(*connReader).backgroundRead",
        "github.com/docker/docker/api/server/httputils.WriteLogStream",
        "github.com/docker/docker/daemon/logger/loggerutils.(*follow).waitRead",
        "github.com/fsnotify/fsnotify.(*Watcher).readEvents",
        FOLLOWER,
    ];
    let mut groups: Vec<(u64, &str)> = each.map(|function| (followers as u64, function)).to_vec();
    groups.push((30, "github.com/docker/docker/cmd/dockerd.main"));
    groups.extend(injected.map(|(leak, count)| (count, leak.function())));
    groups.retain(|(count, _)| 0 < *count);
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_injected_leak_has_its_shape() {
        let at = |leak: InjectedLeak, seconds: u64, closed| {
            leak.goroutines(Duration::from_secs(seconds), closed)
        };
        let minute = Duration::from_secs(60);
        let series = |leak| [0, 15, 30, 60, 90, 600].map(|seconds| at(leak, seconds, seconds));
        assert_eq!(series(InjectedLeak::PerStream(0.5)), [0, 7, 15, 30, 45, 300]);
        assert_eq!(series(InjectedLeak::PerTime(16, minute / 2)), [0, 0, 16, 32, 48, 320]);
        assert_eq!(series(InjectedLeak::Ramp(60, minute)), [0, 13, 23, 37, 46, 59]);
        assert_eq!(series(InjectedLeak::Sawtooth(9, minute)), [9, 9, 0, 9, 0, 9]);
        assert_eq!(series(InjectedLeak::Step(25, minute)), [0, 0, 0, 25, 25, 25]);
    }

    #[test]
    fn goroutine_groups_sum_to_the_total() {
        let injected = Some((InjectedLeak::PerTime(16, Duration::from_secs(30)), 32));
        let total: u64 = groups(3, injected).iter().map(|(count, _)| count).sum();
        assert_eq!((total, goroutines(3, injected)), (77, 77));
        assert_eq!(groups(0, None).len(), 1, "no group is empty");
    }
}
