//! The end that wants the data.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use rangemap::RangeInclusiveSet;

use super::packet::Packet;
use crate::peer::engine::Moment;
use crate::peer::sim::node::Node;

/// Acknowledges what any number of senders send, packet by packet.
#[derive(Debug, Default)]
pub struct RenoReceiver {
    flows: BTreeMap<SocketAddr, Flow>,
    answers: VecDeque<(SocketAddr, Packet)>,
}

#[derive(Debug, Default)]
struct Flow {
    segments: RangeInclusiveSet<u64>,
    useful_bytes: u64,
    last_useful: Option<Moment>,
    highest: Option<u64>,
    before: u64,
}

impl RenoReceiver {
    /// One that knows no sender yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes of payload from a sender, each segment once.
    pub fn useful_bytes(&self, sender: SocketAddr) -> u64 {
        self.flows.get(&sender).map_or(0, |flow| flow.useful_bytes)
    }

    /// The same from all senders.
    pub fn all_useful_bytes(&self) -> u64 {
        self.flows.values().map(|flow| flow.useful_bytes).sum()
    }

    /// When the last new segment of any sender came.
    pub fn last_useful(&self) -> Option<Moment> {
        self.flows
            .values()
            .filter_map(|flow| flow.last_useful)
            .max()
    }
}

impl Flow {
    fn accept(&mut self, now: Moment, number: u64, segment: u64, bytes: usize) -> Packet {
        if !self.segments.contains(&segment) {
            self.segments.insert(segment..=segment);
            self.useful_bytes += bytes as u64;
            self.last_useful = Some(now);
        }
        let highest = match self.highest {
            None => number,
            Some(highest) if number > highest => {
                let step = number - highest;
                // The former highest one itself becomes a bit.
                self.before = shifted(self.before, step) | shifted(1, step - 1);
                number
            }
            Some(highest) => {
                if highest > number {
                    self.before |= shifted(1, highest - number - 1);
                }
                highest
            }
        };
        self.highest = Some(highest);
        Packet::Acknowledgement {
            number: highest,
            before: self.before,
        }
    }
}

/// Bits shifted out are gone, however far.
fn shifted(bits: u64, by: u64) -> u64 {
    u32::try_from(by)
        .ok()
        .and_then(|by| bits.checked_shl(by))
        .unwrap_or_default()
}

impl Node for RenoReceiver {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        if let Some(Packet::Data { number, segment }) = Packet::decode(datagram) {
            let flow = self.flows.entry(source).or_default();
            let answer = flow.accept(now, number, segment, datagram.len());
            self.answers.push_back((source, answer));
        }
    }

    fn transmit(&mut self, _: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        let (destination, answer) = self.answers.pop_front()?;
        answer.encode(out);
        Some(destination)
    }

    fn deadline(&self) -> Option<Moment> {
        None
    }

    fn elapse(&mut self, _: Moment) {}
}
