//! How many chunks static content has, by its peaks (RFC 7574, section 5.6).

use super::waiting::candidates;
use super::{Settled, SwarmTree};
use crate::integrity::budget::Budget;
use crate::integrity::content::Peak;
use crate::integrity::hash::Hash;
use crate::integrity::peaks::{peak_ranges, root_above};
use crate::wire::{Bin, ChunkRange};

impl<O: Copy> SwarmTree<O> {
    /// Peaks follow each other from chunk 0 on and get smaller (RFC 7574,
    /// section 5.6.2); when they make the root hash, the size is known.
    pub(super) fn follow_peaks(
        &mut self,
        bin: Bin,
        hash: Hash,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        let chunks = bin.range();
        if chunks.start() == 0 {
            self.run.clear();
        } else if !self.run.last().is_some_and(|last| {
            last.chunks.end() + 1 == chunks.start() && chunks.count() < last.chunks.count()
        }) {
            return;
        }
        self.run.push(Peak { chunks, hash });
        // A shorter content may have the same root: whoever sends the root
        // hash itself seems to promise that all its chunks exist.
        if self.size.is_none_or(|size| chunks.end() < size - 1) {
            let peaks = std::mem::take(&mut self.run);
            if root_above(self.function, &peaks, |_, _| {}) == self.root {
                self.accept(&peaks, settled, budget);
            }
            self.run = peaks;
        }
    }

    /// Whether the hashes that wait make the root hash of so many chunks; where
    /// two wait for a peak, one peak may be taken by its second.
    pub(super) fn try_size(
        &mut self,
        chunks: u64,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        let mut peaks = Vec::new();
        let mut others = Vec::new();
        for chunks in peak_ranges(chunks) {
            let Some(bin) = Bin::covering(chunks) else {
                return;
            };
            let candidates = candidates(&self.fresh, &self.waiting, bin);
            let [Some((&hash, _)), other] = candidates.hashes else {
                return;
            };
            others.extend(other.map(|(hash, _)| (peaks.len(), *hash)));
            peaks.push(Peak { chunks, hash });
        }
        let fits = |peaks: &[Peak]| root_above(self.function, peaks, |_, _| {}) == self.root;
        let swapped = || {
            others.iter().find_map(|&(place, hash)| {
                let mut peaks = peaks.clone();
                peaks[place].hash = hash;
                fits(&peaks).then_some(peaks)
            })
        };
        let found = if fits(&peaks) {
            Some(peaks.clone())
        } else {
            swapped()
        };
        if let Some(peaks) = found {
            self.accept(&peaks, settled, budget);
        }
    }

    /// Trusts peaks and the incomplete nodes above them.
    pub(super) fn accept(
        &mut self,
        peaks: &[Peak],
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) {
        let Some(last) = peaks.last() else {
            return;
        };
        self.size = Some(last.chunks.end() + 1);
        let mut above = Vec::new();
        self.root_bin = Bin::covering(last.chunks);
        root_above(self.function, peaks, |bin, hash| above.push((bin, hash)));
        for &(bin, hash) in above.iter().rev() {
            self.trust(bin, &hash, settled, budget);
        }
        if let Some((root, _)) = above.last() {
            self.root_bin = Some(*root);
        }
        for peak in peaks {
            if let Some(bin) = Bin::covering(peak.chunks) {
                self.trust(bin, &peak.hash, settled, budget);
            }
        }
        self.descend(settled, budget);
    }

    /// The chunks below each proven peak.
    pub fn peaks(&self) -> impl Iterator<Item = ChunkRange> {
        peak_ranges(self.size.unwrap_or(0))
    }
}
