//! Randomness that a seed settles.

use rand_chacha::ChaCha12Rng;
use rand_core::{Rng, SeedableRng};

/// What all randomness of a run comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

/// What a generator is for. Each purpose draws from a stream of its own, so
/// that one more node, or one more draw, does not change what others draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// A link's losses, jitter, reordering and duplication; by number.
    Link(u32),
    /// What a node draws itself; by number.
    Node(u32),
    /// The spread of start times in a group of nodes; by number.
    Start(u32),
    /// The bytes of the content.
    Content,
    /// Whom a tracker names to a node; by number.
    Tracker(u32),
    /// The bytes of a chunk of a live stream; by number.
    Stream(u32),
    /// The private key of a live stream.
    Key,
    /// What a rogue node draws, besides what its engine does; by number.
    Rogue(u32),
}

impl Seed {
    /// The generator for a purpose: always the same one.
    pub fn generator(self, purpose: Purpose) -> ChaCha12Rng {
        let (kind, number) = match purpose {
            Purpose::Link(number) => (1_u64, number),
            Purpose::Node(number) => (2, number),
            Purpose::Start(number) => (3, number),
            Purpose::Content => (4, 0),
            Purpose::Tracker(number) => (5, number),
            Purpose::Stream(number) => (6, number),
            Purpose::Key => (7, 0),
            Purpose::Rogue(number) => (8, number),
        };
        // Not `seed_from_u64`, which may change between versions.
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&self.0.to_le_bytes());
        let mut generator = ChaCha12Rng::from_seed(seed);
        generator.set_stream(kind << 32 | u64::from(number));
        generator
    }
}

/// A probability, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Probability(f64);

impl Probability {
    /// It never happens.
    pub const NEVER: Self = Self(0.0);
    /// It always happens.
    pub const ALWAYS: Self = Self(1.0);

    /// `None` unless `value` lies within 0 to 1.
    pub fn new(value: f64) -> Option<Self> {
        (0.0..=1.0).contains(&value).then_some(Self(value))
    }

    /// The number, 0 to 1.
    pub const fn value(self) -> f64 {
        self.0
    }

    /// Draws whether it happens. What never or always happens draws nothing.
    pub(super) fn happens(self, generator: &mut ChaCha12Rng) -> bool {
        if self.0 <= 0.0 {
            return false;
        }
        if self.0 >= 1.0 {
            return true;
        }
        // 53 bits, which is what a float holds exactly.
        let drawn = (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < self.0
    }
}

/// A number from 0 to `most`, both included, each as likely as the others.
pub(super) fn up_to(most: u64, generator: &mut ChaCha12Rng) -> u64 {
    // The bias of the multiplication is below 2^-20 for any delay of hours.
    let product = u128::from(generator.next_u64()) * (u128::from(most) + 1);
    (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_settles_what_is_drawn_and_purposes_draw_apart() {
        let draw = |seed, purpose| Seed(seed).generator(purpose).next_u64();
        assert_eq!(draw(1, Purpose::Link(3)), draw(1, Purpose::Link(3)));
        assert_ne!(draw(1, Purpose::Link(3)), draw(2, Purpose::Link(3)));
        assert_ne!(draw(1, Purpose::Link(3)), draw(1, Purpose::Link(4)));
        assert_ne!(draw(1, Purpose::Link(3)), draw(1, Purpose::Node(3)));
    }

    #[test]
    fn a_seed_means_the_same_with_every_version_of_the_generator() {
        let drawn = Seed(7).generator(Purpose::Link(0)).next_u64();
        assert_eq!(drawn, 13_550_328_662_960_666_736);
    }

    #[test]
    fn probabilities_lie_between_never_and_always() {
        assert_eq!(Probability::new(1.0), Some(Probability::ALWAYS));
        assert_eq!(Probability::new(-0.1), None);
        assert_eq!(Probability::new(1.1), None);
        assert_eq!(Probability::new(f64::NAN), None);
    }

    #[test]
    fn both_ends_of_a_range_are_drawn() {
        let mut generator = Seed(1).generator(Purpose::Content);
        let mut drawn = [0; 3];
        for _ in 0..3_000 {
            drawn[up_to(2, &mut generator) as usize] += 1;
        }
        assert!(drawn.iter().all(|count| (900..1_100).contains(count)));
    }
}
