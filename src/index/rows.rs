//! The list of rows: numbered from the first datagram on, whatever was let go.

use std::collections::VecDeque;

use super::row::Row;

/// Rows to a page: no list is ever copied to grow.
const PAGE: usize = 4096;

/// The rows that are kept.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pages: VecDeque<Vec<Row>>,
    /// Pages that were let go.
    gone: usize,
    /// The first row that is kept; those before it in its page are not to be seen.
    first: usize,
}

impl Rows {
    /// The number of the first one.
    pub(super) const fn first(&self) -> usize {
        self.first
    }

    /// The number that the next one will have.
    pub(super) fn end(&self) -> usize {
        let last = self.pages.back().map_or(0, Vec::len);
        (self.gone + self.pages.len().saturating_sub(1)) * PAGE + last
    }

    /// One of them.
    pub(super) fn get(&self, row: usize) -> Option<&Row> {
        let page = (row / PAGE).checked_sub(self.gone)?;
        self.pages
            .get(page)?
            .get(row % PAGE)
            .filter(|_| row >= self.first)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, row: usize) -> Option<&mut Row> {
        let page = (row / PAGE).checked_sub(self.gone)?;
        let first = self.first;
        self.pages
            .get_mut(page)?
            .get_mut(row % PAGE)
            .filter(|_| row >= first)
    }

    pub(super) fn push(&mut self, row: Row) {
        match self.pages.back_mut() {
            Some(page) if page.len() < PAGE => page.push(row),
            _ => {
                let mut page = Vec::with_capacity(PAGE);
                page.push(row);
                self.pages.push_back(page);
            }
        }
    }

    /// The first row whose record begins at a place of the spool, or after it.
    pub(super) fn at_place(&self, place: u64) -> usize {
        let (mut low, mut high) = (self.first, self.end());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.get(middle).is_some_and(|row| row.place() < place) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Lets go of all rows before this one.
    pub(super) fn let_go(&mut self, first: usize) {
        self.first = self.first.max(first.min(self.end()));
        // The last page stays, for the numbers' sake.
        while self.pages.len() > 1 && (self.gone + 1) * PAGE <= self.first {
            self.pages.pop_front();
            self.gone += 1;
        }
    }

    /// Rows that memory is taken for.
    pub(super) fn capacity(&self) -> usize {
        self.pages.len() * PAGE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_numbers_when_the_oldest_are_let_go() {
        let mut rows = Rows::default();
        for number in 0..20_000_u64 {
            rows.push(Row::at(number * 10));
        }
        assert_eq!((rows.first(), rows.end()), (0, 20_000));
        rows.let_go(9_000);
        assert_eq!((rows.first(), rows.end()), (9_000, 20_000));
        assert!(rows.get(8_999).is_none());
        assert_eq!(rows.get(9_000).map(|row| row.place()), Some(90_000));
        assert_eq!(rows.capacity(), 3 * PAGE, "pages are given back");
        assert_eq!(rows.at_place(0), 9_000);
        assert_eq!(rows.at_place(100_001), 10_001);
        assert_eq!(rows.at_place(u64::MAX), 20_000);
        rows.let_go(100_000);
        assert_eq!((rows.first(), rows.end()), (20_000, 20_000));
        rows.push(Row::at(7));
        assert_eq!(rows.get(20_000).map(|row| row.place()), Some(7));
        assert!(rows.capacity() <= 2 * PAGE);
    }
}
