//! What the daemon does wrong, as data.

use std::time::Duration;

/// Which question a fault answers.
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

/// What goes wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed without an answer.
    Refuse,
    /// Nothing is ever answered.
    Never,
    /// The answer is this status with this message.
    Status(u16, String),
    /// The answer begins this much later.
    HeadersLate(Duration),
    /// The answer is these bytes, head included, and then the connection is closed.
    RawBytes(Vec<u8>),
    /// So many bytes of the answer pass, then the connection is closed.
    CutAfter(usize),
    /// So many bytes of the answer pass, then nothing more comes.
    SilentAfter(usize),
    /// The log ends in good order after this number of messages, although the container runs.
    EndAfter(usize),
    /// The answer comes in pieces of seven bytes, this far apart.
    Slow(Duration),
    /// The body is framed anew, as by a proxy.
    Reframe(Reframe),
    /// The head comes with the first bytes of the body, as from Podman.
    HeadHeld,
    /// The connection is closed when nothing was sent for this long, as by a proxy's idle timeout.
    CutWhenSilent(Duration),
    /// In the answer, this text is replaced by that one; the length of the body is set right.
    Rewrite(&'static str, &'static str),
}

/// How a proxy may frame a body, whatever the daemon's own chunks.
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
    /// Times left; `None` is always.
    pub(super) times: Option<u32>,
    pub(super) fault: Fault,
}

/// The faults that wait.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Rule>);

impl Faults {
    pub(super) fn add(&mut self, rule: Rule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that this question meets, the oldest first.
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
