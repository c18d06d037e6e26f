//! A set of chunk numbers that stays small for any traffic: scattered chunks
//! are bits in pages, whole pages are runs, so that neither ten million single
//! chunks nor one HAVE of 2^62 chunks costs much.

use std::collections::BTreeMap;

use crate::wire::ChunkRange;

const WORDS: usize = 16;
/// Chunks to a page.
const PAGE: u64 = WORDS as u64 * 64;

/// How many pages and runs all sets together may still take.
#[derive(Clone, Copy, Debug)]
pub struct PageBudget(usize);

impl PageBudget {
    /// A budget of `pages` pages and runs, about 200 bytes each.
    pub const fn new(pages: usize) -> Self {
        Self(pages)
    }

    fn take(&mut self) -> bool {
        let left = self.0.checked_sub(1);
        self.0 = left.unwrap_or(0);
        left.is_some()
    }

    const fn give(&mut self, count: usize) {
        self.0 += count;
    }
}

type Bits = [u64; WORDS];

/// Some chunks of a page, and how many.
#[derive(Clone, Debug, Default)]
struct Page {
    bits: Bits,
    count: u16,
}

impl Page {
    fn contains(&self, bit: u64) -> bool {
        self.bits[(bit / 64) as usize] >> (bit % 64) & 1 == 1
    }

    /// Whether any of the bits `low` to `high` is set.
    fn has_any(&self, low: u64, high: u64) -> bool {
        any_of(&self.bits, low, high)
    }

    /// Sets one bit; returns 1 when it was new, else 0.
    #[inline]
    fn set_one(&mut self, bit: u64) -> u64 {
        let slot = &mut self.bits[(bit / 64) as usize % WORDS];
        let mask = 1 << (bit % 64);
        let added = u64::from(*slot & mask == 0);
        *slot |= mask;
        self.count += added as u16;
        added
    }

    /// Sets the bits `low` to `high`; returns how many were new.
    fn set(&mut self, low: u64, high: u64) -> u64 {
        let mut added = 0;
        for word in low / 64..=high / 64 {
            let from = if word == low / 64 { low % 64 } else { 0 };
            let to = if word == high / 64 { high % 64 } else { 63 };
            let mask = (u64::MAX >> (63 - (to - from))) << from;
            let slot = &mut self.bits[word as usize];
            added += (mask & !*slot).count_ones();
            *slot |= mask;
        }
        self.count += added as u16;
        added.into()
    }
}

/// Whether any of the bits `low` to `high` is set.
fn any_of(bits: &Bits, low: u64, high: u64) -> bool {
    (low / 64..=high / 64).any(|word| {
        let from = if word == low / 64 { low % 64 } else { 0 };
        let to = if word == high / 64 { high % 64 } else { 63 };
        let mask = (u64::MAX >> (63 - (to - from))) << from;
        bits[word as usize] & mask != 0
    })
}

/// Pages that [`ChunkSet::has_more_than`] looks at, at most.
const MOST_LOOKED_AT: u64 = 16 * 1024;

/// Chunk numbers that something is true of. Numbers are only ever added.
#[derive(Clone, Debug, Default)]
pub struct ChunkSet {
    /// Pages with some chunks, by page number.
    partial: BTreeMap<u64, Box<Page>>,
    /// The page that was touched last, kept out of the table: chunks mostly
    /// come in order.
    hot: Option<(u64, Box<Page>)>,
    /// Runs of pages with all chunks: first page to last page.
    full: BTreeMap<u64, u64>,
    count: u64,
    saturated: bool,
}

impl ChunkSet {
    /// Number of chunks in the set, `u64::MAX` at most.
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether no chunk is in the set.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether chunks had to be left out to keep memory bounded. What is in
    /// the set is right all the same.
    pub const fn is_saturated(&self) -> bool {
        self.saturated
    }

    /// Adds a range; returns how many of its chunks were new.
    #[inline]
    pub fn insert(&mut self, range: ChunkRange, budget: &mut PageBudget) -> u64 {
        let (first, last) = (range.start() / PAGE, range.end() / PAGE);
        // By far most insertions are one chunk next to the one before.
        if let Some((number, hot)) = &mut self.hot
            && range.is_single()
            && *number == first
            && u64::from(hot.count) < PAGE - 1
        {
            let added = hot.set_one(range.start() % PAGE);
            self.count += added;
            return added;
        }
        let added = if first == last {
            self.insert_in_page(first, range.start() % PAGE, range.end() % PAGE, budget)
        } else {
            let head = self.insert_in_page(first, range.start() % PAGE, PAGE - 1, budget);
            let tail = self.insert_in_page(last, 0, range.end() % PAGE, budget);
            let middle = if last - first > 1 {
                self.insert_pages(first + 1, last - 1, budget)
            } else {
                0
            };
            head.saturating_add(middle).saturating_add(tail)
        };
        self.count = self.count.saturating_add(added);
        added
    }

    /// Takes every chunk out and gives the places back.
    pub fn clear(&mut self, budget: &mut PageBudget) {
        budget.give(self.pages().count() + self.full.len());
        *self = Self::default();
    }

    /// Whether `chunk` is in the set.
    #[inline]
    pub fn contains(&self, chunk: u64) -> bool {
        let (page, bit) = (chunk / PAGE, chunk % PAGE);
        match self.page(page) {
            Some(found) => found.contains(bit),
            None => self.full_run(page).is_some(),
        }
    }

    #[inline]
    fn page(&self, page: u64) -> Option<&Page> {
        match &self.hot {
            Some((number, hot)) if *number == page => Some(hot),
            _ => self.partial.get(&page).map(|found| &**found),
        }
    }

    /// The pages with some chunks.
    fn pages(&self) -> impl Iterator<Item = (u64, &Page)> {
        let hot = self.hot.as_ref().map(|(number, page)| (*number, &**page));
        hot.into_iter()
            .chain(self.partial.iter().map(|(number, page)| (*number, &**page)))
    }

    /// How many chunks of this set are not in `other`.
    pub fn count_missing_from(&self, other: &Self) -> u64 {
        let mut missing = 0u64;
        for (number, page) in self.pages() {
            if let Some(theirs) = other.page(number) {
                missing += page
                    .bits
                    .iter()
                    .zip(theirs.bits)
                    .map(|(mine, theirs)| u64::from((mine & !theirs).count_ones()))
                    .sum::<u64>();
            } else if other.full_run(number).is_none() {
                missing += u64::from(page.count);
            }
        }
        for (&first, &last) in &self.full {
            let mut covered = 0u64;
            for (&start, &end) in other.full.range(..=last).rev() {
                if end < first {
                    break;
                }
                covered = covered.saturating_add(end.min(last) - start.max(first) + 1);
            }
            let whole = (last - first + 1)
                .saturating_sub(covered)
                .saturating_mul(PAGE);
            let scattered: u64 = other
                .pages()
                .filter(|(number, _)| (first..=last).contains(number))
                .map(|(_, page)| u64::from(page.count))
                .sum();
            missing = missing.saturating_add(whole.saturating_sub(scattered));
        }
        missing
    }

    /// Whether any chunk of `range` is in the set.
    pub fn overlaps(&self, range: ChunkRange) -> bool {
        if self.contains(range.start()) || self.contains(range.end()) {
            return true;
        }
        let (first, last) = (range.start() / PAGE, range.end() / PAGE);
        let mut runs = self.full.range(..=last);
        if runs.next_back().is_some_and(|(_, &end)| end >= first) {
            return true;
        }
        let has_some = |number: u64, page: &Page| {
            let low = if number == first {
                range.start() % PAGE
            } else {
                0
            };
            let high = if number == last {
                range.end() % PAGE
            } else {
                PAGE - 1
            };
            page.has_any(low, high)
        };
        let hot = self.hot.as_ref();
        hot.is_some_and(|(number, page)| (first..=last).contains(number) && has_some(*number, page))
            || self
                .partial
                .range(first..=last)
                .any(|(&number, page)| has_some(number, page))
    }

    /// Whether a chunk of `range` is in this set and in none of the others. Of ranges
    /// of millions of chunks it may be said so where it can't be known.
    pub fn has_more_than(&self, others: &[&Self], range: ChunkRange) -> bool {
        let (first, last) = (range.start() / PAGE, range.end() / PAGE);
        if last - first >= MOST_LOOKED_AT {
            return !others.iter().any(|other| other.contains_all(range));
        }
        (first..=last).any(|number| {
            let mut bits = self.bits_of(number);
            for other in others {
                let theirs = other.bits_of(number);
                for (mine, theirs) in bits.iter_mut().zip(theirs) {
                    *mine &= !theirs;
                }
            }
            let low = if number == first {
                range.start() % PAGE
            } else {
                0
            };
            let high = if number == last {
                range.end() % PAGE
            } else {
                PAGE - 1
            };
            any_of(&bits, low, high)
        })
    }

    /// The chunks of a page as bits.
    fn bits_of(&self, number: u64) -> Bits {
        match self.page(number) {
            Some(page) => page.bits,
            None if self.full_run(number).is_some() => [u64::MAX; WORDS],
            None => [0; WORDS],
        }
    }

    /// The lowest chunk in the set.
    pub fn first(&self) -> Option<u64> {
        let pages = self.pages().filter(|(_, page)| page.count > 0);
        let scattered = pages.min_by_key(|(number, _)| *number);
        let scattered = scattered.and_then(|(number, page)| {
            let bit = (0..PAGE).find(|bit| page.contains(*bit))?;
            Some(number * PAGE + bit)
        });
        let run = self.full.keys().next().map(|page| page * PAGE);
        match (scattered, run) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        }
    }

    /// Whether every chunk of `range` is in the set.
    pub fn contains_all(&self, range: ChunkRange) -> bool {
        self.contains(range.start()) && self.run_end(range.start()) >= range.end()
    }

    /// The largest range of chunks in the set that contains `chunk`; `None`
    /// when `chunk` is not in it.
    pub fn interval_around(&self, chunk: u64) -> Option<ChunkRange> {
        if !self.contains(chunk) {
            return None;
        }
        ChunkRange::new(self.run_start(chunk), self.run_end(chunk))
    }

    fn full_run(&self, page: u64) -> Option<(u64, u64)> {
        let (&start, &end) = self.full.range(..=page).next_back()?;
        (end >= page).then_some((start, end))
    }

    fn insert_in_page(&mut self, page: u64, low: u64, high: u64, budget: &mut PageBudget) -> u64 {
        if self.hot.as_ref().is_none_or(|(number, _)| *number != page)
            && !self.make_hot(page, low == 0 && high == PAGE - 1, budget)
        {
            // Full already, to be filled at once, or no place left.
            return if low == 0 && high == PAGE - 1 {
                self.insert_pages(page, page, budget)
            } else {
                0
            };
        }
        let Some((_, hot)) = &mut self.hot else {
            return 0;
        };
        let added = hot.set(low, high);
        if u64::from(hot.count) == PAGE {
            self.hot = None;
            // The run takes the place in the budget that the page had.
            budget.give(1);
            self.join_run(page, page, budget);
        }
        added
    }

    /// Makes `page` the hot one; false where it is full, would be full at once
    /// (`whole`), or has no place in the budget.
    #[cold]
    fn make_hot(&mut self, page: u64, whole: bool, budget: &mut PageBudget) -> bool {
        if whole || self.full_run(page).is_some() {
            return false;
        }
        let next = match self.partial.remove(&page) {
            Some(found) => found,
            None if budget.take() => Box::default(),
            None => {
                self.saturated = true;
                return false;
            }
        };
        if let Some((number, cooled)) = self.hot.replace((page, next)) {
            self.partial.insert(number, cooled);
        }
        true
    }

    /// Marks whole pages; returns how many chunks were new.
    fn insert_pages(&mut self, first: u64, last: u64, budget: &mut PageBudget) -> u64 {
        // The hot page may be one of them.
        if let Some((number, cooled)) = self.hot.take() {
            self.partial.insert(number, cooled);
        }
        let before = self.partial.len();
        let pages = u128::from(last - first) + 1;
        let mut old = 0u128;
        for (&start, &end) in self.full.range(..=last).rev() {
            if end < first {
                break;
            }
            old += u128::from(end.min(last) - start.max(first) + 1) * u128::from(PAGE);
        }
        while let Some((&number, _)) = self.partial.range(first..=last).next() {
            if let Some(page) = self.partial.remove(&number) {
                old += u128::from(page.count);
            }
        }
        budget.give(before - self.partial.len());
        if !self.join_run(first, last, budget) {
            return 0;
        }
        let total = pages * u128::from(PAGE);
        u64::try_from(total.saturating_sub(old)).unwrap_or(u64::MAX)
    }

    /// Adds a run of full pages and joins it with its neighbours; false where
    /// the budget has no place for it.
    fn join_run(&mut self, mut first: u64, mut last: u64, budget: &mut PageBudget) -> bool {
        while let Some((&start, &end)) = self.full.range(..=last.saturating_add(1)).next_back() {
            if end.saturating_add(1) < first {
                break;
            }
            self.full.remove(&start);
            budget.give(1);
            first = first.min(start);
            last = last.max(end);
        }
        if !budget.take() {
            self.saturated = true;
            return false;
        }
        self.full.insert(first, last);
        true
    }

    /// Last chunk of the run that `chunk`, a member, lies in.
    fn run_end(&self, chunk: u64) -> u64 {
        let mut at = chunk;
        loop {
            let page = at / PAGE;
            let end = if let Some((_, last)) = self.full_run(page) {
                last * PAGE + (PAGE - 1)
            } else if let Some(found) = self.page(page) {
                match first_zero_from(&found.bits, at % PAGE) {
                    Some(bit) => return page * PAGE + bit - 1,
                    None => page * PAGE + (PAGE - 1),
                }
            } else {
                return at - 1;
            };
            match end.checked_add(1) {
                Some(next) if self.contains(next) => at = next,
                _ => return end,
            }
        }
    }

    /// First chunk of the run that `chunk`, a member, lies in.
    fn run_start(&self, chunk: u64) -> u64 {
        let mut at = chunk;
        loop {
            let page = at / PAGE;
            let start = if let Some((first, _)) = self.full_run(page) {
                first * PAGE
            } else if let Some(found) = self.page(page) {
                match last_zero_to(&found.bits, at % PAGE) {
                    Some(bit) => return page * PAGE + bit + 1,
                    None => page * PAGE,
                }
            } else {
                return at + 1;
            };
            match start.checked_sub(1) {
                Some(before) if self.contains(before) => at = before,
                _ => return start,
            }
        }
    }
}

fn first_zero_from(bits: &Bits, from: u64) -> Option<u64> {
    let mut word = from / 64;
    let mut zeros = !bits[word as usize] & (u64::MAX << (from % 64));
    while zeros == 0 {
        word += 1;
        zeros = !*bits.get(word as usize)?;
    }
    Some(word * 64 + u64::from(zeros.trailing_zeros()))
}

fn last_zero_to(bits: &Bits, to: u64) -> Option<u64> {
    let mut word = to / 64;
    let mut zeros = !bits[word as usize] & (u64::MAX >> (63 - to % 64));
    while zeros == 0 {
        word = word.checked_sub(1)?;
        zeros = !bits[word as usize];
    }
    Some(word * 64 + 63 - u64::from(zeros.leading_zeros()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn range(start: u64, end: u64) -> ChunkRange {
        ChunkRange::new(start, end).expect("ordered")
    }

    proptest! {
        #[test]
        fn it_behaves_like_a_plain_set(
            inserts in prop::collection::vec((0u64..8_000, 0u64..2_500), 1..40),
            probes in prop::collection::vec(0u64..11_000, 20),
        ) {
            let mut budget = PageBudget::new(1_000);
            let mut set = ChunkSet::default();
            let mut model = BTreeSet::new();
            for (start, length) in inserts {
                let before = model.len() as u64;
                model.extend(start..=start + length);
                prop_assert_eq!(
                    set.insert(range(start, start + length), &mut budget),
                    model.len() as u64 - before
                );
                prop_assert_eq!(set.len(), model.len() as u64);
            }
            for pair in probes.windows(2) {
                let probed = pair[0].min(pair[1])..=pair[0].max(pair[1]);
                let overlaps = model.range(probed.clone()).next().is_some();
                prop_assert_eq!(set.overlaps(range(*probed.start(), *probed.end())), overlaps);
            }
            for probe in probes {
                prop_assert_eq!(set.contains(probe), model.contains(&probe));
                let expected = model.contains(&probe).then(|| {
                    let start = (0..=probe).rev().take_while(|c| model.contains(c)).last();
                    let end = (probe..=20_000).take_while(|c| model.contains(c)).last();
                    range(start.unwrap_or(probe), end.unwrap_or(probe))
                });
                prop_assert_eq!(set.interval_around(probe), expected);
            }
        }
    }

    proptest! {
        #[test]
        fn missing_chunks_are_counted_as_in_plain_sets(
            mine in prop::collection::vec((0u64..8_000, 0u64..2_500), 0..8),
            theirs in prop::collection::vec((0u64..8_000, 0u64..2_500), 0..8),
            (start, length) in (0u64..9_000, 0u64..4_000),
        ) {
            let mut budget = PageBudget::new(1_000);
            let mut fill = |ranges: Vec<(u64, u64)>| {
                let mut set = ChunkSet::default();
                let mut model = BTreeSet::new();
                for (start, length) in ranges {
                    set.insert(range(start, start + length), &mut budget);
                    model.extend(start..=start + length);
                }
                (set, model)
            };
            let ((set, model), (other, other_model)) = (fill(mine), fill(theirs));
            prop_assert_eq!(
                set.count_missing_from(&other),
                model.difference(&other_model).count() as u64
            );
            let mut only_mine = model.difference(&other_model);
            prop_assert_eq!(
                set.has_more_than(&[&ChunkSet::default(), &other], range(start, start + length)),
                only_mine.any(|chunk| (start..=start + length).contains(chunk))
            );
        }
    }

    #[test]
    fn a_have_of_nearly_everything_costs_next_to_nothing() {
        let mut budget = PageBudget::new(10);
        let mut set = ChunkSet::default();
        assert_eq!(
            set.insert(range(5, (1 << 62) - 1), &mut budget),
            (1 << 62) - 5
        );
        let rest = u64::MAX - (1 << 62) + 6;
        assert_eq!(set.insert(range(0, u64::MAX), &mut budget), rest);
        assert!(set.partial.len() <= 2 && set.full.len() == 1);
        assert_eq!(set.interval_around(7), Some(range(0, u64::MAX)));
    }

    #[test]
    fn chunks_far_apart_stop_being_kept_and_the_set_says_so() {
        let mut budget = PageBudget::new(100);
        let mut set = ChunkSet::default();
        for i in 0..110 {
            set.insert(ChunkRange::single(i * 1_000_003), &mut budget);
        }
        assert!(set.is_saturated());
        assert_eq!(set.len(), 100);
        // What is full takes less room than what is scattered.
        set.insert(range(0, 1_000_003 * 50 - 1), &mut budget);
        set.insert(ChunkRange::single(u64::MAX), &mut budget);
        assert!(set.contains(u64::MAX));
    }
}
