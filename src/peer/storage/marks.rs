//! The marks in a sidecar: which chunks are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use super::disk::NamedDisk;
use super::error::StorageError;
use super::layout::{GROUP_CHUNKS, Layout, MARK_BYTES};
use crate::peer::engine::Chunks;

type Page = Box<[u8; MARK_BYTES]>;

/// The bits of groups, for groups that have any.
#[derive(Default)]
struct Pages(BTreeMap<u64, Page>);

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} pages", self.0.len())
    }
}

/// Which chunks are there: a bit for each in the file and in memory, and the
/// same as ranges.
#[derive(Debug)]
pub(super) struct Marks {
    layout: Layout,
    pages: Pages,
    present: Chunks,
    /// Groups that differ from the file.
    changed: BTreeSet<u64>,
}

impl Marks {
    pub(super) fn new(layout: Layout) -> Self {
        Self {
            layout,
            pages: Pages::default(),
            present: Chunks::new(),
            changed: BTreeSet::new(),
        }
    }

    /// The marks of a sidecar.
    pub(super) fn read(layout: Layout, sidecar: &NamedDisk) -> Result<Self, StorageError> {
        let mut marks = Self::new(layout);
        for group in 0..layout.groups(sidecar.stamp()?.length) {
            let mut page: Page = Box::new([0; MARK_BYTES]);
            sidecar.read_or_zeros(&mut page[..], layout.marks(group))?;
            let first = group * GROUP_CHUNKS;
            for run in runs_of(&page) {
                marks
                    .present
                    .insert(first + run.start()..=first + run.end());
            }
            if page.iter().any(|byte| *byte != 0) {
                marks.pages.0.insert(group, page);
            }
        }
        Ok(marks)
    }

    /// The chunks that are there.
    pub(super) const fn present(&self) -> &Chunks {
        &self.present
    }

    /// Marks chunks, in the file first.
    pub(super) fn mark(
        &mut self,
        sidecar: &NamedDisk,
        runs: &[RangeInclusive<u64>],
    ) -> Result<(), StorageError> {
        let mut pieces = runs.iter().flat_map(by_group).peekable();
        let mut result = Ok(());
        while let Some((group, mut last)) = pieces.next() {
            let page = self
                .pages
                .0
                .entry(group)
                .or_insert_with(|| Box::new([0; MARK_BYTES]));
            set(page, last.clone(), true);
            let first_byte = last.start() / 8;
            // Runs whose marks are near each other take one write.
            while let Some((_, next)) = pieces
                .next_if(|(next, bits)| *next == group && bits.start() / 8 <= last.end() / 8 + 64)
            {
                set(page, next.clone(), true);
                last = next;
            }
            let bytes = first_byte..last.end() / 8 + 1;
            result = sidecar.write(
                &page[bytes.clone()],
                self.layout.marks(group) + bytes.start as u64,
            );
            if result.is_err() {
                break;
            }
        }
        if result.is_err() {
            // Those that were written are true, and a later process may find
            // them; this one does not count on them.
            for (group, bits) in runs.iter().flat_map(by_group) {
                if let Some(page) = self.pages.0.get_mut(&group) {
                    let first = group * GROUP_CHUNKS;
                    for bit in bits {
                        let is_there = self.present.contains(&(first + bit as u64));
                        set(page, bit..=bit, is_there);
                    }
                }
            }
            return result;
        }
        self.present.extend(runs.iter().cloned());
        Ok(())
    }

    /// Takes marks away, in memory until [`Marks::write`].
    pub(super) fn unmark(&mut self, chunks: RangeInclusive<u64>) {
        let gone: Vec<_> = self.present.overlapping(&chunks).cloned().collect();
        for run in gone {
            let run = *run.start().max(chunks.start())..=*run.end().min(chunks.end());
            for (group, bits) in by_group(&run) {
                if let Some(page) = self.pages.0.get_mut(&group) {
                    set(page, bits, false);
                    self.changed.insert(group);
                }
            }
        }
        self.present.remove(chunks);
    }

    /// Writes what [`Marks::unmark`] changed.
    pub(super) fn write(&mut self, sidecar: &NamedDisk) -> Result<(), StorageError> {
        for group in &self.changed {
            if let Some(page) = self.pages.0.get(group) {
                sidecar.write(&page[..], self.layout.marks(*group))?;
            }
        }
        self.changed.clear();
        Ok(())
    }
}

/// Chunks by group, as bits in its page.
fn by_group(chunks: &RangeInclusive<u64>) -> impl Iterator<Item = (u64, RangeInclusive<usize>)> {
    let (start, end) = (*chunks.start(), *chunks.end());
    (start / GROUP_CHUNKS..=end / GROUP_CHUNKS).map(move |group| {
        let first = group * GROUP_CHUNKS;
        let from = start.max(first) - first;
        let to = end.min(first + (GROUP_CHUNKS - 1)) - first;
        (group, from as usize..=to as usize)
    })
}

/// Sets or clears bits of a page.
fn set(page: &mut [u8; MARK_BYTES], bits: RangeInclusive<usize>, value: bool) {
    let mut bit = *bits.start();
    while bit <= *bits.end() {
        if bit.is_multiple_of(8) && bit + 7 <= *bits.end() {
            page[bit / 8] = if value { 0xff } else { 0 };
            bit += 8;
        } else {
            let mask = 1 << (bit % 8);
            if value {
                page[bit / 8] |= mask;
            } else {
                page[bit / 8] &= !mask;
            }
            bit += 1;
        }
    }
}

/// The runs of set bits of a page.
fn runs_of(page: &[u8; MARK_BYTES]) -> Vec<RangeInclusive<u64>> {
    let mut runs: Vec<RangeInclusive<u64>> = Vec::new();
    for (first, byte) in (0..).step_by(8).zip(page) {
        let mut bit = 0;
        while bit < 8 {
            let rest = byte >> bit;
            if rest == 0 {
                break;
            }
            let start = bit + rest.trailing_zeros();
            let count = (byte >> start).trailing_ones();
            let run = first + u64::from(start)..=first + u64::from(start + count - 1);
            match runs.last_mut() {
                Some(last) if last.end() + 1 == *run.start() => *last = *last.start()..=*run.end(),
                _ => runs.push(run),
            }
            bit = start + count;
        }
    }
    runs
}
