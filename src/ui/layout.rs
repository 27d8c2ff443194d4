//! The layout for any size of the terminal.

/// Rows of the parts of the screen, from the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The figures above the table.
    pub(super) head: u16,
    /// The sparklines.
    pub(super) sparks: u16,
    /// The table, without its headings.
    pub(super) rows: u16,
    /// A container's lines, if they replace the table.
    pub(super) lines: u16,
    /// The last notice, and the keys.
    pub(super) foot: u16,
}

impl Layout {
    /// The layout of a terminal of this size, for this number of daemons.
    pub(super) fn of((_, rows): (u16, u16), daemons: usize) -> Self {
        let (head, sparks) = match rows {
            40.. => (4, 4),
            18.. => (4, 2),
            12.. => (4, 0),
            8.. => (2, 0),
            _ => (1, 0),
        };
        // Each of several daemons has a line, as long as containers keep most of the screen.
        let lines = match daemons {
            0 | 1 => 0,
            several => u16::try_from(several).unwrap_or(u16::MAX).min(rows.saturating_sub(12) / 4),
        };
        let head = head + lines;
        let foot = match rows {
            10.. => 2,
            5.. => 1,
            _ => 0,
        };
        let rest = rows.saturating_sub(head + sparks + foot);
        // The lines have one row with their container's figures above them.
        let lines = rows.saturating_sub(1 + foot.min(1));
        Self { head, sparks, rows: rest.saturating_sub(1), lines, foot }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_used_and_none_twice() {
        for (rows, daemons) in
            (0..200).flat_map(|rows| [0, 1, 2, 50].map(|daemons| (rows, daemons)))
        {
            let layout = Layout::of((80, rows), daemons);
            let used = layout.head + layout.sparks + 1 + layout.rows + layout.foot;
            assert!(used == rows || rows <= 2, "{rows}: {layout:?}");
            assert!(rows < 6 || 0 < layout.rows, "{rows}: there is room for a container");
        }
        assert_eq!(Layout::of((80, 24), 1).rows, 15);
        assert_eq!(Layout::of((80, 24), 2).rows, 13);
    }
}
