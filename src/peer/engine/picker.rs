//! Which chunks to ask a peer for.

use std::collections::BTreeMap;

use ppspp_dissector::wire::ChunkRange;
use rand_core::Rng;

use super::store::{Chunks, last_of};

/// Missing chunks that are looked at to find the rarest of them.
const LOOKED_AT: u64 = 512;

/// Chunks that are chosen at random before the rarest ones are: whoever has
/// nothing yet needs something to give soon.
const RANDOM_FIRST: u64 = 4;

/// Chunks that one who plays wants one as much as the other.
const GROUP: u64 = 32;

/// Chunks that are looked for together where the rarest go first.
const RARE_GROUP: u64 = 8;

/// A way to choose, by its name on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Picking {
    /// From the first chunk on.
    #[default]
    Sequential,
    /// From the playhead on, group after group, what is urgent twice.
    InOrder,
    /// What the fewest peers have.
    RarestFirst,
}

impl Picking {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sequential, Self::InOrder, Self::RarestFirst];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::InOrder => "in-order",
            Self::RarestFirst => "rarest-first",
        }
    }

    /// A picker of this kind.
    pub(super) fn picker(self) -> Box<dyn Picker> {
        match self {
            Self::Sequential => Box::new(Sequential),
            Self::InOrder => Box::new(InOrder),
            Self::RarestFirst => Box::new(RarestFirst),
        }
    }
}

/// What there is to choose from.
pub(super) struct Choice<'a> {
    /// What is there, or is asked for already.
    pub(super) claimed: &'a Chunks,
    /// What the peer has.
    pub(super) offered: &'a Chunks,
    /// The first chunk that is of interest: where a player is.
    pub(super) from: u64,
    /// How many chunks are there.
    pub(super) present: u64,
    /// How many peers offer anything.
    pub(super) peers: usize,
    /// How many peers have a chunk.
    pub(super) copies: &'a dyn Fn(u64) -> usize,
}

impl Choice<'_> {
    /// Chunks from `from` on that are offered and not claimed, in order.
    fn open(&self, from: u64) -> impl Iterator<Item = ChunkRange> {
        let offered = self
            .offered
            .iter()
            .filter(move |range| *range.end() >= from)
            .map(move |range| (*range.start()).max(from)..=*range.end());
        offered.flat_map(|range| {
            let gaps: Vec<_> = self.claimed.gaps(&range).take(LOOKED_AT as usize).collect();
            gaps.into_iter()
                .filter_map(|gap| ChunkRange::new(*gap.start(), *gap.end()))
        })
    }
}

/// Chooses chunks. Implementations differ in nothing but the order.
pub(super) trait Picker: std::fmt::Debug {
    /// Up to `most` chunks, in the order in which they are wanted.
    fn pick(&self, choice: &Choice<'_>, most: u64, random: &mut dyn Rng) -> Vec<ChunkRange>;

    /// Whether late chunks near the playhead are asked of a second peer.
    fn is_urgent(&self) -> bool {
        false
    }
}

/// The first `most` chunks of some ranges.
fn first(ranges: impl Iterator<Item = ChunkRange>, most: u64) -> Vec<ChunkRange> {
    let mut left = most;
    let mut chosen = Vec::new();
    for range in ranges {
        if left == 0 {
            break;
        }
        let end = range.end().min(range.start().saturating_add(left - 1));
        if let Some(range) = ChunkRange::new(range.start(), end) {
            left -= range.count();
            chosen.push(range);
        }
    }
    chosen
}

#[derive(Debug)]
struct Sequential;

impl Picker for Sequential {
    fn pick(&self, choice: &Choice<'_>, most: u64, _: &mut dyn Rng) -> Vec<ChunkRange> {
        first(choice.open(choice.from), most)
    }
}

#[derive(Debug)]
struct InOrder;

impl Picker for InOrder {
    fn pick(&self, choice: &Choice<'_>, most: u64, random: &mut dyn Rng) -> Vec<ChunkRange> {
        if choice.peers < 2 {
            return first(choice.open(choice.from), most);
        }
        // Peers that play the same want the same next. Were they all to ask for it
        // in the same order, all would get the same from who has it, and have
        // nothing to give to each other.
        let open = first(choice.open(choice.from), most.max(GROUP) + GROUP);
        let mut chunks: Vec<_> = open
            .into_iter()
            .flat_map(|range| range.start()..=range.end())
            .map(|chunk| {
                (
                    chunk / GROUP,
                    (choice.copies)(chunk),
                    random.next_u32(),
                    chunk,
                )
            })
            .collect();
        chunks.sort_unstable();
        chunks.truncate(most as usize);
        let chosen = chunks.into_iter();
        chosen
            .map(|(.., chunk)| ChunkRange::single(chunk))
            .collect()
    }

    fn is_urgent(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct RarestFirst;

impl Picker for RarestFirst {
    fn pick(&self, choice: &Choice<'_>, most: u64, random: &mut dyn Rng) -> Vec<ChunkRange> {
        let Some(last) = last_of(choice.offered) else {
            return Vec::new();
        };
        // From anywhere on, and then from the beginning: peers that look at the
        // same chunks in the same order would all ask for the same ones.
        let span = last.saturating_sub(choice.from).saturating_add(1);
        let start = choice.from + random.next_u64() % span;
        let singles = |ranges: Vec<ChunkRange>| {
            ranges
                .into_iter()
                .flat_map(|range| range.start()..=range.end())
                .collect::<Vec<u64>>()
        };
        let mut chunks = singles(first(choice.open(start), LOOKED_AT));
        if (chunks.len() as u64) < most {
            let before = singles(first(choice.open(choice.from), LOOKED_AT));
            chunks.extend(before.into_iter().filter(|&chunk| chunk < start));
        }
        if choice.present >= RANDOM_FIRST {
            // Chunks of one group go together: those that follow each other need
            // fewer hashes, and are told of and asked for at once.
            let mut groups = BTreeMap::new();
            for &chunk in &chunks {
                let copies = (choice.copies)(chunk);
                let rarest = groups.entry(chunk / RARE_GROUP).or_insert(copies);
                *rarest = copies.min(*rarest);
            }
            chunks.sort_by_key(|chunk| groups.get(&(chunk / RARE_GROUP)));
        }
        chunks.truncate(most as usize);
        chunks.into_iter().map(ChunkRange::single).collect()
    }
}
