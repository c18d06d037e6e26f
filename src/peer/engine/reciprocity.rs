//! Whom to serve (RFC 7574, section 3.8).

use rand_core::Rng;

/// Peers that are served for what they gave.
const BEST: usize = 3;

/// A way to decide, by its name on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reciprocity {
    /// Everybody is served.
    #[default]
    None,
    /// The three peers that give most, and one more that changes.
    TitForTat,
}

impl Reciprocity {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::None, Self::TitForTat];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::TitForTat => "tit-for-tat",
        }
    }

    /// A policy of this kind.
    pub(super) fn policy(self) -> Box<dyn Policy> {
        match self {
            Self::None => Box::new(Everybody),
            Self::TitForTat => Box::new(TitForTat { optimistic: None }),
        }
    }
}

/// What one peer has given and taken since the last review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Score<K> {
    pub(super) peer: K,
    /// Bytes of content from it, and to it.
    pub(super) received: u64,
    pub(super) sent: u64,
}

/// Decides who is served until the next review.
pub(super) trait Policy: std::fmt::Debug {
    /// The places in `scores` of those that are served. `complete` tells that we
    /// need nothing ourselves.
    fn served(
        &mut self,
        scores: &[Score<usize>],
        complete: bool,
        random: &mut dyn Rng,
    ) -> Vec<usize>;

    /// Whether a new peer is served until the next review.
    fn serves_new(&self) -> bool;
}

#[derive(Debug)]
struct Everybody;

impl Policy for Everybody {
    fn served(&mut self, scores: &[Score<usize>], _: bool, _: &mut dyn Rng) -> Vec<usize> {
        (0..scores.len()).collect()
    }

    fn serves_new(&self) -> bool {
        true
    }
}

#[derive(Debug)]
struct TitForTat {
    /// Whom we serve to see what comes back, and for how many reviews more.
    optimistic: Option<(usize, u8)>,
}

impl Policy for TitForTat {
    fn served(
        &mut self,
        scores: &[Score<usize>],
        complete: bool,
        random: &mut dyn Rng,
    ) -> Vec<usize> {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // Who needs nothing serves those that take it fastest.
        order.sort_by_key(|&place| {
            let score = &scores[place];
            std::cmp::Reverse(if complete { score.sent } else { score.received })
        });
        let mut served: Vec<usize> = order.iter().copied().take(BEST).collect();
        let others: Vec<usize> = order.into_iter().skip(BEST).collect();
        let kept = self.optimistic.and_then(|(peer, left)| {
            let left = left.checked_sub(1)?;
            let place = others.iter().find(|&&place| scores[place].peer == peer)?;
            Some((*place, left))
        });
        let chosen = kept.or_else(|| {
            let place = (random.next_u64() % (others.len().max(1) as u64)) as usize;
            Some((*others.get(place)?, 2))
        });
        self.optimistic = chosen.map(|(place, left)| (scores[place].peer, left));
        served.extend(chosen.map(|(place, _)| place));
        served
    }

    fn serves_new(&self) -> bool {
        false
    }
}
