//! Where a hash leads upwards, by the siblings that are there.

use super::waiting::{Candidates, Waiting, candidates};
use super::{Ruling, Settled, SwarmTree};
use crate::integrity::ascent::Ascent;
use crate::integrity::budget::Budget;
use crate::integrity::hash::Hash;
use crate::wire::Bin;

/// How far a hash leads upwards.
enum Climb {
    Proven,
    /// Another hash is trusted at the end of the path.
    Refuted {
        /// Whether the path is the one node.
        directly: bool,
        /// Whether all its siblings were sent as hashes.
        by_hashes: bool,
    },
    Missing,
}

impl<O: Copy> SwarmTree<O> {
    /// Looks where a hash that nothing is known about leads.
    pub(super) fn weigh(
        &mut self,
        bin: Bin,
        hash: &Hash,
        ascent: Ascent<'_>,
        settled: &mut Vec<Settled<O>>,
        budget: &mut Budget,
    ) -> Ruling {
        let (mut outcome, choices) = self.climb(bin, hash, None, ascent);
        let mut ruling = match outcome {
            Climb::Refuted { directly: true, .. } => return Ruling::Refuted,
            // With several choices not all combinations are tried.
            Climb::Refuted {
                by_hashes: true, ..
            } if choices <= 1 => Ruling::Contradicted,
            _ => Ruling::Open,
        };
        // Where two hashes are there for a sibling, the other may be right.
        for choice in 0..choices {
            if matches!(outcome, Climb::Proven) {
                break;
            }
            self.keep_path(budget);
            (outcome, _) = self.climb(bin, hash, Some(choice), ascent);
            if matches!(outcome, Climb::Missing) {
                ruling = Ruling::Open;
            }
        }
        if !matches!(outcome, Climb::Proven) {
            self.keep_path(budget);
            return ruling;
        }
        // Taken out for as long as they are gone through.
        let path = std::mem::take(&mut self.path);
        let siblings = std::mem::take(&mut self.siblings);
        for (bin, hash) in path.iter().chain(&siblings) {
            self.trust(*bin, hash, settled, budget);
        }
        (self.path, self.siblings) = (path, siblings);
        self.descend(settled, budget);
        Ruling::Proven
    }

    /// Goes up from a node as far as siblings are there. At the `swap`th place
    /// where there is a choice the second hash is taken. Also returns at how
    /// many places there was one, four at most.
    fn climb(
        &mut self,
        bin: Bin,
        hash: &Hash,
        swap: Option<usize>,
        mut ascent: Ascent<'_>,
    ) -> (Climb, usize) {
        let Self {
            known,
            root,
            root_bin,
            fresh,
            waiting,
            path,
            siblings,
            ..
        } = self;
        path.clear();
        siblings.clear();
        path.push((bin, *hash));
        let mut by_hashes = true;
        let mut choices = 0;
        // The last one of the path is where the climb is.
        while let Some((node, hash)) = path.last() {
            let node = *node;
            match known.compare(node, hash) {
                Some(true) => {
                    path.pop();
                    return (Climb::Proven, choices);
                }
                Some(false) => {
                    path.pop();
                    let directly = path.is_empty();
                    return (
                        Climb::Refuted {
                            directly,
                            by_hashes,
                        },
                        choices,
                    );
                }
                None => {}
            }
            if node.range().start() == 0 && root.as_ref() == Some(hash) {
                root_bin.get_or_insert(node);
                return (Climb::Proven, choices);
            }
            let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) else {
                break;
            };
            let Candidates {
                hashes: [first, second],
                further,
            } = candidates(fresh, waiting, sibling);
            let mut chosen = first;
            if second.is_some() && choices < 4 {
                if swap == Some(choices) {
                    chosen = second;
                }
                choices += 1;
            }
            let Some((other, sent)) = chosen else {
                break;
            };
            by_hashes &= sent && !further;
            siblings.push((sibling, *other));
            let above = match ascent.step(sibling.is_left(), other) {
                Some(above) => above,
                None if node.is_left() => self.function.parent(hash, other),
                None => self.function.parent(other, hash),
            };
            path.push((parent, above));
        }
        (Climb::Missing, choices)
    }

    /// Keeps what was computed on the way up for those that come from the side.
    fn keep_path(&mut self, budget: &mut Budget) {
        for index in 1..self.path.len() {
            let (bin, hash) = self.path[index];
            let waiting = Waiting {
                hash,
                sent: None,
                contradicted: false,
            };
            self.wait(bin, waiting, budget);
        }
    }
}
