//! The walk of a survey: it asks for windows until the parts are known.

use std::collections::HashSet;

use super::map::{Before, Map, Newest, Part};
use super::{Goal, Growth, Look, Stop, WINDOW_MAX_FRAMES, Windows};
use crate::engine::anchor::Key;
use crate::engine::event::EndReason;
use crate::engine::source::Tail;

/// The limit of looks in one survey.
pub(super) const LOOKS_MAX: u32 = 1000;
/// The limit of repetitions of a look because the log has grown.
const TRIES_MAX: u32 = 48;
/// The limit of bad records in a row that are checked one by one.
const SINGLE_STEPS_MAX: u64 = 32;

impl From<EndReason> for Stop {
    fn from(reason: EndReason) -> Self {
        Stop::Ended(reason)
    }
}

/// Finds the parts that the goal needs.
pub async fn survey(windows: &mut impl Windows, goal: &Goal, growth: Growth) -> Result<Map, Stop> {
    Survey::new(windows, goal, growth).run().await
}

/// Where a window must begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    Exactly,
    /// Anywhere near, as long as the place is known.
    Near,
}

struct Survey<'a, W> {
    windows: &'a mut W,
    goal: &'a Goal,
    /// The last delivered frames, if the goal is the messages behind them.
    delivered: HashSet<Key>,
    growth: Growth,
    looks: u32,
    /// The newest message at the first look.
    end: Option<Key>,
    /// The number of messages behind `end`, and how many of them came between the last two looks.
    shift: u64,
    pace: u64,
    /// From the newest on, at places as of the first look.
    parts: Vec<Part>,
    /// The keys of `parts`, and of messages since the first look.
    known: HashSet<Key>,
    /// The number of keys in `parts`.
    total: u64,
}

impl<'a, W: Windows> Survey<'a, W> {
    pub(super) fn new(windows: &'a mut W, goal: &'a Goal, growth: Growth) -> Self {
        let delivered = match goal {
            Goal::Anchor(anchor) => anchor.keys().copied().collect(),
            _ => HashSet::new(),
        };
        Self {
            windows,
            goal,
            delivered,
            growth,
            looks: 0,
            end: None,
            shift: 0,
            pace: 0,
            parts: Vec::new(),
            known: HashSet::new(),
            total: 0,
        }
    }

    async fn run(mut self) -> Result<Map, Stop> {
        let first = self.look(1).await?;
        self.end = first.keys.last().copied();
        let newest = if self.end.is_some() { Newest::Good } else { Newest::Bad };
        let mut base = 0;
        let mut before = match newest {
            Newest::Good => self.part(1, base).await?,
            Newest::Bad => Before::Unreadable,
        };
        while before == Before::Unreadable && base < WINDOW_MAX_FRAMES {
            base = self.parts.last().map_or(base, |part| part.window);
            // The record at `base + 1` is bad.
            let Some(begin) = self.beginning(base + 1).await? else {
                break;
            };
            before = self.part(begin, begin - 1).await?;
        }
        let shift = self.shift;
        let mut parts: Vec<Part> = self.parts.into_iter().rev().collect();
        parts.iter_mut().for_each(|part| part.window += shift);
        if parts.is_empty() && !first.failed {
            return Ok(Map::default());
        }
        Ok(Map { parts, newest, before })
    }

    async fn look(&mut self, window: u64) -> Result<Look, Stop> {
        self.looks += 1;
        if LOOKS_MAX < self.looks {
            return Err(Stop::Moved);
        }
        Ok(self.windows.look(Tail::Last(window)).await?)
    }

    /// Looks at the window that begins at this place. Returns the place at which it began, since the log may have
    /// grown, and its messages from the time of the first look.
    async fn exact(&mut self, place: u64, aim: Aim) -> Result<(u64, Look), Stop> {
        if self.growth == Growth::None {
            return Ok((place, self.look(place).await?));
        }
        let mut tries = 0;
        loop {
            let lead = if aim == Aim::Near { self.pace } else { 0 };
            let (before, window) = (self.shift, place + self.shift + lead);
            let mut look = self.look(window).await?;
            let shown = self.shift_in(&look);
            let shift = match shown {
                Some(shift) => shift,
                None => self.measure_shift().await?,
            };
            if shift < before {
                return Err(Stop::Moved);
            }
            (self.shift, self.pace) = (shift, shift - before);
            tries += 1;
            let is_good = match aim {
                Aim::Near => shown.is_some() || shift == before,
                Aim::Exactly => shift == before,
            };
            if is_good || TRIES_MAX <= tries {
                let end = look.keys.len() - usize::try_from(shown.unwrap_or(0)).unwrap_or(0);
                look.keys.truncate(end);
                return Ok((window.saturating_sub(shift), look));
            }
        }
    }

    /// The growth of the log, if the look shows its end.
    fn shift_in(&mut self, look: &Look) -> Option<u64> {
        let at = look.keys.iter().rposition(|key| Some(*key) == self.end)?;
        self.known.extend(&look.keys[at + 1..]);
        Some((look.keys.len() - 1 - at) as u64)
    }

    /// The growth of the log. Messages since the first look can be decoded.
    async fn measure_shift(&mut self) -> Result<u64, Stop> {
        // Windows that show only new messages, and windows that begin before the newest part.
        let (mut small, mut large): (u64, Option<u64>) = (self.shift, None);
        for _ in 0..TRIES_MAX {
            let window = match large {
                None => (2 * small).max(small + 1),
                Some(large) => small + (large - small).max(2) / 2,
            };
            let look = self.look(window).await?;
            if self.end.is_none() {
                // A record that cannot be read is no base for counting.
                return if look.keys.is_empty() { Ok(0) } else { Err(Stop::Moved) };
            }
            if let Some(shift) = self.shift_in(&look) {
                return Ok(shift);
            }
            match window <= look.keys.len() as u64 {
                true => small = window,
                false => large = Some(window),
            }
            if large.is_some_and(|large| large <= small + 1) {
                // The log has grown meanwhile.
                large = None;
            }
        }
        Err(Stop::Moved)
    }

    /// Finds the reach of the part that stands before `base`; its window `first` is sound.
    async fn part(&mut self, first: u64, base: u64) -> Result<Before, Stop> {
        let (mut sound, mut keys) = (base, Vec::<Key>::new());
        let mut unsound: Option<(u64, Look)> = None;
        let mut next = first;
        let before = loop {
            let (at, look) = self.exact(next.min(WINDOW_MAX_FRAMES), Aim::Near).await?;
            let fresh = &look.keys[..self.fresh(&look.keys)];
            let joins = keys.last().is_none_or(|last| fresh.last() == Some(last));
            if at <= base + fresh.len() as u64 && joins {
                if sound < at {
                    (sound, keys) = (at, fresh.to_vec());
                }
                if let Some(before) = self.is_enough(base, &keys) {
                    break before;
                }
                if WINDOW_MAX_FRAMES <= sound {
                    break Before::Unreadable;
                }
            } else if sound < at && unsound.as_ref().is_none_or(|(smallest, _)| at < *smallest) {
                // A window that begins no earlier than the known part proves nothing: the log has moved it.
                unsound = Some((at, look));
            }
            next = match &unsound {
                None => base + (4 * (sound - base)).max(16),
                Some((unsound, look)) if *unsound <= sound + 1 => {
                    // A window with one more record shows the same, unless that record exists and is bad.
                    let same = keys.first().is_some_and(|key| look.keys.first() == Some(key));
                    break if same { self.before(&keys).await? } else { Before::Unreadable };
                }
                Some((unsound, look)) => {
                    let guess = base + self.fresh(&look.keys) as u64;
                    if sound < guess && guess < *unsound {
                        // The log may hold no more than was shown.
                        guess
                    } else if keys.first().is_some_and(|key| look.keys.first() == Some(key)) {
                        sound + 1
                    } else {
                        sound + (unsound - sound) / 2
                    }
                }
            };
        };
        if keys.is_empty() {
            return Err(Stop::Moved);
        }
        let holds_delivered = keys.iter().any(|key| self.delivered.contains(key));
        self.known.extend(&keys);
        self.total += keys.len() as u64;
        if let Some(after) = self.parts.last_mut() {
            after.hole_before = true;
        }
        let before = match before {
            Before::Unreadable if holds_delivered => Before::Unneeded,
            before => before,
        };
        self.parts.push(Part { window: sound, keys, hole_before: before == Before::Unreadable });
        Ok(before)
    }

    /// What precedes the part that begins with `keys`: nothing, if a much larger window begins with the same
    /// message.
    async fn before(&mut self, keys: &[Key]) -> Result<Before, Stop> {
        let (_, look) = self.exact(WINDOW_MAX_FRAMES, Aim::Near).await?;
        let same = look.keys.first() == keys.first();
        Ok(if same { Before::Nothing } else { Before::Unreadable })
    }

    /// The number of leading keys that belong to no known part.
    fn fresh(&self, keys: &[Key]) -> usize {
        keys.iter().position(|key| self.known.contains(key)).unwrap_or(keys.len())
    }

    /// Finds the smallest window that shows a message before the bad record at this place.
    async fn beginning(&mut self, bad: u64) -> Result<Option<u64>, Stop> {
        let (mut empty, mut step) = (bad, 1);
        let mut refused = 0;
        let mut shows = loop {
            if WINDOW_MAX_FRAMES <= empty {
                return Ok(None);
            }
            let (at, look) =
                self.exact((empty + step).min(WINDOW_MAX_FRAMES), Aim::Exactly).await?;
            if 0 < self.fresh(&look.keys) {
                break at;
            }
            empty = empty.max(at);
            refused += u32::from(look.failed);
            if refused == 3 {
                let (_, whole) = self.exact(WINDOW_MAX_FRAMES, Aim::Near).await?;
                if whole.failed && whole.keys.is_empty() {
                    // The driver refuses each window that reaches the record.
                    return Ok(None);
                }
            }
            if SINGLE_STEPS_MAX <= empty - bad {
                step *= 2;
            }
        };
        while empty + 1 < shows {
            let (at, look) = self.exact(empty + (shows - empty) / 2, Aim::Exactly).await?;
            match self.fresh(&look.keys) {
                0 => empty = empty.max(at),
                _ => shows = shows.min(at),
            }
        }
        Ok(Some(shows))
    }

    /// Whether the goal needs nothing before this part, and what precedes it.
    fn is_enough(&self, base: u64, keys: &[Key]) -> Option<Before> {
        let enough = match self.goal {
            Goal::Anchor(anchor) if base == 0 => {
                return anchor.is_found_in(keys).then_some(Before::Anchored);
            }
            Goal::Anchor(_) => keys.iter().any(|key| self.delivered.contains(key)),
            Goal::Frames(frames) => *frames <= self.total + keys.len() as u64,
            Goal::All => false,
        };
        enough.then_some(Before::Unneeded)
    }
}
