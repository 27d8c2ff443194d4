//! Faults of the daemon, as data.

use std::time::Duration;

/// The kind of request that a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/_ping`
    Ping,
    /// `/version`
    Version,
    /// `/info`
    Info,
    /// `/containers/json`
    List,
    /// `/containers/ID/json`
    Inspect,
    /// `/containers/ID/logs`
    Logs,
    /// `/events`
    Events,
    /// `/debug/pprof/…`
    Profile,
}

/// A fault of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Refuse,
    /// There is never an answer.
    Never,
    /// The answer has this status and message.
    Status(u16, String),
    /// The answer is delayed by this time.
    HeadersLate(Duration),
    /// The answer is these bytes, head included, then the connection is closed.
    RawBytes(Vec<u8>),
    /// This number of bytes of the answer pass, then the connection is closed.
    CutAfter(usize),
    /// This number of bytes of the answer pass, then the connection is silent.
    SilentAfter(usize),
    /// The log ends normally after this number of messages, although the container runs.
    EndAfter(usize),
    /// The answer comes in pieces of seven bytes, at this interval.
    Slow(Duration),
    /// The body has another framing, as after a proxy.
    Reframe(Reframe),
    /// The head comes with the first bytes of the body, as from Podman.
    HeadHeld,
    /// The connection is closed after this much silence, as by a proxy's idle timeout.
    CutWhenSilent(Duration),
    /// In the answer, this text is replaced by that one, with the length of the body adjusted.
    Rewrite(&'static str, &'static str),
}

/// The framing of a body by a proxy, independent of the daemon's chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reframe {
    /// In chunks of this many bytes.
    Chunks(usize),
    /// Without chunks, up to the end of the connection, as for an HTTP/1.0 client.
    UntilClose,
    /// As one body with its length; only an answer that ends.
    Length,
}

/// A fault, and the requests that it applies to.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) route: Route,
    /// The number of requests left; `None` for all.
    pub(super) times: Option<u32>,
    pub(super) fault: Fault,
}

/// The pending faults.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Rule>);

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault of this request, the oldest first.
    pub(super) fn take(&mut self, route: Route) -> Option<Fault> {
        let at = self.0.iter().position(|rule| rule.route == route)?;
        let rule = &mut self.0[at];
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times -= 1;
            if *times == 0 {
                self.0.remove(at);
            }
        }
        Some(fault)
    }
}
