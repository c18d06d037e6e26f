//! Packets of several interfaces in the order of their times.
//!
//! Each interface hands on batches up to some time after the packets came, so a
//! packet is kept back until the others' batches must have come, too.

use std::collections::BTreeMap;
use std::time::Duration;

use super::device::{Batch, Packet};

/// How long packets are kept back: more than twice as long as an interface
/// keeps them.
const PATIENCE: Duration = Duration::from_millis(60);

/// Puts packets in order. With one interface it changes nothing and copies
/// nothing.
#[derive(Debug)]
pub(super) struct Mixer {
    /// Whether there is more than one interface.
    is_needed: bool,
    /// By time and order of arrival.
    waiting: BTreeMap<(i64, u64), Box<[u8]>>,
    arrived: u64,
}

impl Mixer {
    /// For so many interfaces.
    pub(super) const fn new(interfaces: usize) -> Self {
        Self {
            is_needed: interfaces > 1,
            waiting: BTreeMap::new(),
            arrived: 0,
        }
    }

    /// Takes a batch, and gives what is in order by `now`, in nanoseconds since
    /// 1970.
    pub(super) fn mix(&mut self, batch: Batch, now: i64) -> Batch {
        if !self.is_needed {
            return batch;
        }
        let mut start = 0;
        for packet in &batch.packets {
            if let Some(block) = batch.bytes.get(start..packet.end) {
                self.waiting
                    .insert((packet.time, self.arrived), block.into());
                self.arrived += 1;
            }
            start = packet.end;
        }
        self.give(now.saturating_sub(PATIENCE.as_nanos() as i64))
    }

    /// Gives all that is left.
    pub(super) fn finish(&mut self) -> Batch {
        self.give(i64::MAX)
    }

    fn give(&mut self, until: i64) -> Batch {
        let mut batch = Batch::default();
        while let Some(entry) = self.waiting.first_entry() {
            let time = entry.key().0;
            if time > until {
                break;
            }
            batch.bytes.extend_from_slice(&entry.remove());
            batch.packets.push(Packet {
                time,
                end: batch.bytes.len(),
            });
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const NONE: [u8; 0] = [];

    fn batch(packets: &[(i64, u8)]) -> Batch {
        let mut batch = Batch::default();
        for &(milliseconds, byte) in packets {
            batch.bytes.extend([byte; 4]);
            batch.packets.push(Packet {
                time: milliseconds * MS,
                end: batch.bytes.len(),
            });
        }
        batch
    }

    fn bytes(batch: &Batch) -> Vec<u8> {
        batch.bytes.iter().copied().step_by(4).collect()
    }

    #[test]
    fn packets_of_two_interfaces_come_in_the_order_of_their_times() {
        let mut mixer = Mixer::new(2);
        assert_eq!(
            bytes(&mixer.mix(batch(&[(100, 1), (130, 3)]), 140 * MS)),
            NONE
        );
        let given = mixer.mix(batch(&[(100, 2), (120, 4), (199, 5)]), 200 * MS);
        assert_eq!(bytes(&given), [1, 2, 4, 3]);
        assert_eq!(given.packets.last().map(|packet| packet.end), Some(16));
        assert_eq!(bytes(&mixer.finish()), [5]);
    }

    #[test]
    fn packets_of_one_interface_are_not_kept_back() {
        let mut mixer = Mixer::new(1);
        assert_eq!(bytes(&mixer.mix(batch(&[(100, 1), (99, 2)]), 0)), [1, 2]);
        assert_eq!(bytes(&mixer.finish()), NONE);
    }
}
