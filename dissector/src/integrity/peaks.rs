//! Peaks and the root above them (RFC 7574, section 5.6).

use super::content::Peak;
use super::hash::{Hash, TreeHash};
use crate::wire::{Bin, ChunkRange};

/// The chunks below each peak of content of this many chunks, from the left:
/// every 1 in the number's binary representation is a peak.
pub fn peak_ranges(chunks: u64) -> impl Iterator<Item = ChunkRange> {
    let mut start = 0u64;
    (0..u64::BITS).rev().filter_map(move |layer| {
        let width = 1u64 << layer;
        if chunks & width == 0 {
            return None;
        }
        let range = ChunkRange::new(start, start + (width - 1));
        // Past the last peak the sum may be 2^64.
        start = start.wrapping_add(width);
        range
    })
}

/// The root hash above peaks that follow each other from chunk 0 and get
/// smaller: siblings that are missing on the right are empty (section 5.1).
/// Every incomplete node on the way, the root last, is given to `know`.
/// `None` when the list is not one of peaks.
pub fn root_above(
    function: TreeHash,
    peaks: &[Peak],
    mut know: impl FnMut(Bin, Hash),
) -> Option<Hash> {
    let (last, before) = peaks.split_last()?;
    if peaks.first()?.chunks.start() != 0 {
        return None;
    }
    let mut node = Bin::covering(last.chunks)?;
    let mut hash = last.hash;
    for peak in before.iter().rev() {
        let target = Bin::covering(peak.chunks)?;
        // Up to the layer of the next peak there are only empty siblings.
        while node.layer() < target.layer() {
            if !node.is_left() {
                return None;
            }
            hash = function.parent(&hash, &function.empty());
            node = node.parent()?;
            know(node, hash);
        }
        if node.is_left() || node.sibling() != Some(target) {
            return None;
        }
        hash = function.parent(&peak.hash, &hash);
        node = node.parent()?;
        know(node, hash);
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::integrity::ContentTree;
    use crate::wire::HashFunction;

    #[test]
    fn seven_chunks_have_the_peaks_of_figure_4() {
        let bins: Vec<u64> = peak_ranges(7)
            .filter_map(Bin::covering)
            .map(Bin::number)
            .collect();
        assert_eq!(bins, [3, 9, 12]);
        assert_eq!(peak_ranges(0).count(), 0);
        assert_eq!(peak_ranges(u64::MAX).count(), 64);
    }

    proptest! {
        #[test]
        fn the_root_above_the_peaks_is_that_of_the_content(count in 1u64..200) {
            let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
            let mut content = ContentTree::new(function);
            for chunk in 0..count {
                content.push(&chunk.to_be_bytes());
            }
            let ranges: Vec<_> = content.peaks().iter().map(|peak| peak.chunks).collect();
            prop_assert_eq!(peak_ranges(count).collect::<Vec<_>>(), ranges);
            let mut last = None;
            let root = root_above(function, content.peaks(), |bin, hash| last = Some((bin, hash)));
            prop_assert_eq!(root, content.root());
            if let Some((bin, hash)) = last {
                prop_assert_eq!(Some(hash), root);
                prop_assert_eq!(bin.range().count(), count.next_power_of_two());
            }
            // Without its first peak, or with two in the wrong order, it is no list of peaks.
            if content.peaks().len() > 1 {
                prop_assert_eq!(root_above(function, &content.peaks()[1..], |_, _| {}), None);
                let mut swapped = content.peaks().to_vec();
                swapped.reverse();
                prop_assert_eq!(root_above(function, &swapped, |_, _| {}), None);
            }
        }
    }
}
