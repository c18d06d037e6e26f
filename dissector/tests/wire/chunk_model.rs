//! Chunk specifications against models that are slow and obviously right.

use std::collections::BTreeSet;

use ppspp_dissector::wire::{Bin, ChunkAddressing, ChunkRange, ChunkSpec, Chunks};
use proptest::prelude::*;
use proptest::test_runner::Config;

/// Finds a bin by walking down from the root of the tree over 2^`height`
/// chunks (RFC 7574, Figure 2): left when the number is smaller than the
/// node's, right when it is larger.
fn walk(number: u128, height: u32) -> (u128, u128) {
    let (mut node, mut step) = ((1_u128 << height) - 1, 1_u128 << height);
    let (mut start, mut count) = (0_u128, 1_u128 << height);
    while number != node {
        step /= 2;
        count /= 2;
        if number < node {
            node -= step;
        } else {
            node += step;
            start += count;
        }
        assert!(step > 0, "bin {number} is in no tree of height {height}");
    }
    (start, start + count - 1)
}

fn ends(range: ChunkRange) -> (u128, u128) {
    (range.start().into(), range.end().into())
}

/// Numbers of every size, and those next to powers of two.
fn number64() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        (0..64_u32, any::<u64>()).prop_map(|(shift, value)| value >> shift),
        (0..64_u32, 0..4_u64).prop_map(|(shift, less)| (1_u64 << shift).wrapping_sub(less)),
        (0..64_u32, 0..4_u64)
            .prop_map(|(shift, less)| u64::MAX.wrapping_shl(shift).wrapping_sub(less)),
    ]
}

proptest! {
    #![proptest_config(Config::with_cases(4096))]

    #[test]
    fn a_64_bit_bin_is_where_a_walk_down_the_tree_finds_it(number in number64()) {
        let meaning = ChunkSpec::Bin64(number).chunks(1024);
        match number {
            u64::MAX => prop_assert_eq!(meaning, Chunks::Nothing),
            0x7fff_ffff_ffff_ffff => prop_assert_eq!(meaning, Chunks::Everything),
            _ => {
                let range = meaning.range().expect("an ordinary bin is a range");
                prop_assert_eq!(ends(range), walk(number.into(), 63));
                let bin = Bin::new(number).expect("an ordinary bin");
                prop_assert_eq!(Bin::covering(range), Some(bin));
                prop_assert_eq!(range.count(), 1_u64 << bin.layer());
                prop_assert!(range.is_subtree());
            }
        }
    }

    #[test]
    fn a_32_bit_bin_is_where_a_walk_down_the_tree_finds_it(wide in number64()) {
        let number = wide as u32;
        let meaning = ChunkSpec::Bin32(number).chunks(1024);
        match number {
            u32::MAX => prop_assert_eq!(meaning, Chunks::Nothing),
            0x7fff_ffff => prop_assert_eq!(meaning, Chunks::Everything),
            _ => {
                let range = meaning.range().expect("an ordinary bin is a range");
                prop_assert_eq!(ends(range), walk(number.into(), 31));
            }
        }
    }

    #[test]
    fn what_a_method_can_name_it_names_with_the_same_meaning(
        one in number64(),
        two in number64(),
        size in prop_oneof![Just(1024_u32), 0..5000_u32, any::<u32>()],
    ) {
        let range = ChunkRange::new(one.min(two), one.max(two)).expect("ordered");
        for &addressing in ChunkAddressing::ASSIGNED {
            if let Some(spec) = ChunkSpec::of(range, addressing, size) {
                prop_assert_eq!(spec.addressing(), addressing);
                prop_assert_eq!(spec.chunks(size), Chunks::Range(range), "{}", spec);
            }
        }
    }

    #[test]
    fn the_parts_of_a_range_are_all_of_it_in_order(
        start in 0..100_000_u64,
        count in 1..100_000_u64,
        method in 0..5_usize,
        size in 1..5000_u32,
    ) {
        let method = ChunkAddressing::ASSIGNED[method];
        let range = ChunkRange::new(start, start + count - 1).expect("ordered");
        let parts: Vec<ChunkSpec> = ChunkSpec::parts(range, method, size).collect();
        if ChunkSpec::of(range, method, size).is_some() {
            prop_assert_eq!(parts.len(), 1);
        }
        let mut next = start;
        for part in parts {
            let Chunks::Range(part) = part.chunks(size) else {
                panic!("{part:?}");
            };
            prop_assert_eq!(part.start(), next);
            next = part.end() + 1;
        }
        prop_assert_eq!(next, start + count);
    }

    #[test]
    fn what_a_specification_means_leads_back_to_it(number in number64(), size in 1..5000_u32) {
        let specs = [
            ChunkSpec::Bin32(number as u32),
            ChunkSpec::Bin64(number),
            ChunkSpec::Chunk32 { start: 0, end: number as u32 },
            ChunkSpec::Chunk64 { start: number / 2, end: number },
        ];
        for spec in specs {
            if let Chunks::Range(range) = spec.chunks(size) {
                prop_assert_eq!(ChunkSpec::of(range, spec.addressing(), size), Some(spec));
            }
        }
    }

    #[test]
    fn a_byte_range_means_the_chunks_that_its_bytes_lie_in(
        start in 0..3000_u64,
        length in 1..600_u64,
        size in 1..600_u32,
    ) {
        let end = start + length - 1;
        let touched: BTreeSet<u64> = (start..=end).map(|byte| byte / u64::from(size)).collect();
        let range = ChunkSpec::Byte64 { start, end }.chunks(size).range().expect("ordered");
        prop_assert_eq!(touched, (range.start()..=range.end()).collect());
    }

    #[test]
    fn ends_in_the_wrong_order_are_kept_as_they_stand(one in any::<u32>(), two in any::<u32>()) {
        prop_assume!(one != two);
        let (start, end) = (one.max(two), one.min(two));
        let reversed = Chunks::Reversed { start: start.into(), end: end.into() };
        prop_assert_eq!(ChunkSpec::Chunk32 { start, end }.chunks(1024), reversed);
        prop_assert_eq!(
            ChunkSpec::Chunk64 { start: start.into(), end: end.into() }.chunks(1024),
            reversed
        );
    }
}

#[test]
fn exactly_the_subtrees_have_bins_among_all_small_ranges() {
    // Every node of a tree over 64 chunks, found by walking to every number.
    let nodes: BTreeSet<(u128, u128)> = (0..127).map(|number| walk(number, 6)).collect();
    for start in 0..64_u64 {
        for end in start..64 {
            let range = ChunkRange::new(start, end).expect("ordered");
            let is_node = nodes.contains(&ends(range));
            assert_eq!(range.is_subtree(), is_node, "{range}");
            for addressing in [ChunkAddressing::Bin32, ChunkAddressing::Bin64] {
                assert_eq!(
                    ChunkSpec::of(range, addressing, 1024).is_some(),
                    is_node,
                    "{range} as {addressing}"
                );
            }
        }
    }
}
