//! When what was announced: so that availability can be shown as it was at any
//! moment, without going through the capture again.

use ppspp_dissector::session::ChunkSet;
use ppspp_dissector::wire::ChunkRange;

/// Cells of one timeline at most; beyond them, each two become one.
const MOST_CELLS: usize = 512;

/// Cells that all timelines may take together, eight bytes each.
pub(super) const MOST_CELLS_IN_ALL: usize = 512 * 1024;

/// A mark in the number of the last row: nothing can be added any more.
const COMPLETE: u32 = 1 << 31;

const NEVER: u32 = u32::MAX;

/// How much of a range is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Nothing.
    #[default]
    Nothing,
    /// Some of it.
    Some,
    /// All of it.
    All,
}

/// Neighbouring chunks: the rows that added the first and the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cell {
    first: u32,
    last: u32,
}

impl Cell {
    const EMPTY: Self = Self {
        first: NEVER,
        last: 0,
    };

    const fn is_complete(self) -> bool {
        self.last & COMPLETE != 0
    }

    const fn last(self) -> u32 {
        self.last & !COMPLETE
    }

    fn joined(self, other: Self) -> Self {
        let last = self.last().max(other.last());
        let complete = self.last & other.last & COMPLETE;
        Self {
            first: self.first.min(other.first),
            last: last | complete,
        }
    }
}

/// When the chunks of a set were added, by the rows that added them. A set that
/// has grown over more chunks than there are cells is known by groups of chunks
/// only.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    /// A cell is 2^layer chunks.
    layer: u32,
    /// The number of the first cell.
    base: u64,
    cells: Vec<Cell>,
    is_lost: bool,
}

impl Timeline {
    /// Whether it is there; all of them together have a limit.
    pub const fn is_kept(&self) -> bool {
        !self.is_lost
    }

    /// Notes that `row` is about to add a range to the set, which does not have it
    /// yet.
    pub(super) fn note(
        &mut self,
        range: ChunkRange,
        before: &ChunkSet,
        row: u32,
        budget: &mut usize,
    ) {
        if self.is_lost || before.contains_all(range) || !self.reach(range, budget) {
            return;
        }
        for number in range.start() >> self.layer..=range.end() >> self.layer {
            let Some(part) = self.range_of(number).and_then(|all| common(all, range)) else {
                continue;
            };
            let is_whole = self.range_of(number) == Some(part);
            let Some(cell) = self.cells.get_mut((number - self.base) as usize) else {
                return;
            };
            if cell.is_complete() || !is_whole && before.contains_all(part) {
                continue;
            }
            cell.first = cell.first.min(row);
            cell.last = row & !COMPLETE | if is_whole { COMPLETE } else { 0 };
        }
    }

    /// How much of a range was there once `row` had come. `set` is the set as it is
    /// now.
    pub fn extent(&self, range: ChunkRange, row: u32, set: &ChunkSet) -> Extent {
        let (mut has_some, mut has_all) = (false, true);
        let mut next = range.start() >> self.layer;
        let last = range.end() >> self.layer;
        let behind = self.base + self.cells.len() as u64;
        if next < self.base || last >= behind {
            has_all = false;
        }
        next = next.max(self.base);
        while next <= last && next < behind {
            let cell = self.cells.get((next - self.base) as usize);
            let part = self.range_of(next).and_then(|all| common(all, range));
            let (Some(cell), Some(part)) = (cell, part) else {
                break;
            };
            next += 1;
            // What is not there now never was.
            if cell.first > row || !set.overlaps(part) {
                has_all = false;
            } else if cell.last() > row {
                (has_some, has_all) = (true, false);
            } else if cell.is_complete() || set.contains_all(part) {
                has_some = true;
            } else {
                (has_some, has_all) = (true, false);
            }
            if has_some && !has_all {
                break;
            }
        }
        match (has_some, has_all) {
            (true, true) => Extent::All,
            (true, false) => Extent::Some,
            _ => Extent::Nothing,
        }
    }

    /// The row that completed a range; `None` where it is not complete.
    pub fn completed(&self, range: ChunkRange, set: &ChunkSet) -> Option<u32> {
        if self.is_lost || !set.contains_all(range) {
            return None;
        }
        let first = (range.start() >> self.layer).checked_sub(self.base)?;
        let last = (range.end() >> self.layer).checked_sub(self.base)?;
        let cells = self.cells.get(first as usize..=last as usize)?;
        cells.iter().map(|cell| cell.last()).max()
    }

    /// The chunks of a cell.
    fn range_of(&self, number: u64) -> Option<ChunkRange> {
        let start = number << self.layer;
        ChunkRange::new(start, start + ((1 << self.layer) - 1))
    }

    /// Makes room for a range; false where there is none.
    fn reach(&mut self, range: ChunkRange, budget: &mut usize) -> bool {
        loop {
            let (mut low, mut high) = (range.start() >> self.layer, range.end() >> self.layer);
            if let Some(end) = (self.cells.len() as u64).checked_sub(1) {
                low = low.min(self.base);
                high = high.max(self.base + end);
            }
            if high - low >= MOST_CELLS as u64 {
                self.widen(budget);
                continue;
            }
            let wanted = (high - low) as usize + 1;
            let more = wanted - self.cells.len();
            let Some(left) = budget.checked_sub(more) else {
                *budget += self.cells.len();
                self.cells = Vec::new();
                self.is_lost = true;
                return false;
            };
            *budget = left;
            if !self.cells.is_empty() {
                let before = (self.base - low) as usize;
                self.cells
                    .splice(0..0, std::iter::repeat_n(Cell::EMPTY, before));
            }
            self.cells.resize(wanted, Cell::EMPTY);
            self.base = low;
            return true;
        }
    }

    fn widen(&mut self, budget: &mut usize) {
        self.layer += 1;
        let before = self.cells.len();
        let mut cells = self.cells.drain(..);
        let mut wide = Vec::with_capacity(before / 2 + 1);
        // The first one may be the second half of a wide one.
        if self.base % 2 == 1 {
            wide.extend(cells.next().map(|cell| cell.joined(Cell::EMPTY)));
        }
        while let Some(cell) = cells.next() {
            wide.push(cell.joined(cells.next().unwrap_or(Cell::EMPTY)));
        }
        drop(cells);
        self.cells = wide;
        self.base /= 2;
        *budget += before - self.cells.len();
    }
}

/// What two ranges have in common.
fn common(one: ChunkRange, other: ChunkRange) -> Option<ChunkRange> {
    let start = one.start().max(other.start());
    ChunkRange::new(start, one.end().min(other.end()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use ppspp_dissector::session::PageBudget;

    fn range(start: u64, end: u64) -> ChunkRange {
        ChunkRange::new(start, end).expect("a range")
    }

    /// Adds ranges one after the other, a row each.
    fn filled(ranges: &[(u64, u64)]) -> (Timeline, ChunkSet) {
        let (mut timeline, mut set) = (Timeline::default(), ChunkSet::default());
        let (mut cells, mut pages) = (MOST_CELLS_IN_ALL, PageBudget::new(1 << 16));
        for (row, (start, end)) in ranges.iter().enumerate() {
            timeline.note(range(*start, *end), &set, row as u32, &mut cells);
            set.insert(range(*start, *end), &mut pages);
        }
        assert_eq!(cells + timeline.cells.len(), MOST_CELLS_IN_ALL);
        (timeline, set)
    }

    #[test]
    fn chunks_that_never_came_are_not_there_beside_others_that_did() {
        let (timeline, set) = filled(&[(686_433, 686_433), (686_083, 686_083), (0, 0)]);
        for row in 0..3 {
            let asked = range(682_597, 686_080);
            assert_eq!(timeline.extent(asked, row, &set), Extent::Nothing);
        }
    }

    proptest! {
        /// As long as a cell is one chunk, every moment is told exactly.
        #[test]
        fn small_content_is_known_at_every_moment(
            ranges in prop::collection::vec((0_u64..200, 0_u64..60), 1..40),
            asked in (0_u64..250, 0_u64..80),
        ) {
            let ranges: Vec<_> = ranges.iter().map(|(s, l)| (*s, s + l)).collect();
            let (timeline, set) = filled(&ranges);
            let asked = range(asked.0, asked.0 + asked.1);
            for row in 0..ranges.len() {
                let known = |chunk: u64| {
                    ranges[..=row].iter().any(|(start, end)| (*start..=*end).contains(&chunk))
                };
                let count = (asked.start()..=asked.end()).filter(|chunk| known(*chunk)).count();
                let expected = match count as u64 {
                    0 => Extent::Nothing,
                    count if count == asked.count() => Extent::All,
                    _ => Extent::Some,
                };
                prop_assert_eq!(timeline.extent(asked, row as u32, &set), expected);
            }
        }

        /// Of any content the last moment is exact, and what is said of earlier ones
        /// never shrinks.
        #[test]
        fn large_content_only_grows_and_ends_exactly(
            ranges in prop::collection::vec((0_u64..1_000_000, 0_u64..100_000), 1..30),
            asked in (0_u64..1_000_000, 0_u64..10_000),
        ) {
            let ranges: Vec<_> = ranges.iter().map(|(s, l)| (*s, s + l)).collect();
            let (timeline, set) = filled(&ranges);
            let asked = range(asked.0, asked.0 + asked.1);
            let extents: Vec<_> = (0..ranges.len())
                .map(|row| timeline.extent(asked, row as u32, &set))
                .collect();
            prop_assert!(extents.is_sorted());
            let expected = if set.contains_all(asked) {
                Extent::All
            } else if set.overlaps(asked) {
                Extent::Some
            } else {
                Extent::Nothing
            };
            prop_assert_eq!(extents.last(), Some(&expected));
        }
    }

    #[test]
    fn the_row_that_completed_a_range_is_known() {
        let (timeline, set) = filled(&[(0, 3), (6, 9), (4, 5), (20, 20)]);
        assert_eq!(timeline.completed(range(0, 9), &set), Some(2));
        assert_eq!(timeline.completed(range(0, 3), &set), Some(0));
        assert_eq!(timeline.completed(range(0, 10), &set), None);
    }

    #[test]
    fn ranges_without_end_and_an_empty_budget_do_no_harm() {
        let (timeline, set) = filled(&[(0, u64::MAX), (u64::MAX, u64::MAX), (5, u64::MAX - 1)]);
        assert_eq!(timeline.extent(range(0, 10), 0, &set), Extent::All);
        let (mut timeline, set) = (Timeline::default(), ChunkSet::default());
        let mut budget = 10;
        timeline.note(range(0, 9), &set, 0, &mut budget);
        assert!(timeline.is_kept());
        timeline.note(range(20, 20), &set, 1, &mut budget);
        assert!(!timeline.is_kept());
        assert_eq!(budget, 10, "what it had is given back");
    }
}
