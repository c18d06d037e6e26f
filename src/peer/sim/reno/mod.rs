//! Traffic that competes with peers: a greedy bulk flow with the congestion
//! control of TCP Reno (RFC 5681), for tests of fairness.
//!
//! It is Reno with selective acknowledgements: slow start, additive increase
//! and multiplicative decrease, loss found when three later packets have
//! arrived, one decrease for each window, and a retransmission timeout (RFC
//! 6298, with 200 milliseconds at least, as Linux has it). Every transmission
//! has a number of its own, and every packet is acknowledged. Its datagrams
//! begin with `RENO` and are not PPSPP: where that has its first message type
//! they have one that the RFC does not assign.

mod packet;
mod receiver;
mod sender;

use std::net::SocketAddr;

use super::node::Node;
use crate::peer::engine::Moment;

pub use receiver::RenoReceiver;
pub use sender::{RenoSender, RenoSettings};

/// Either end of such flows.
#[derive(Debug)]
pub enum Reno {
    /// The end that has data.
    Sender(Box<RenoSender>),
    /// The end that wants it.
    Receiver(RenoReceiver),
}

impl Node for Reno {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        match self {
            Self::Sender(sender) => sender.receive(now, source, datagram),
            Self::Receiver(receiver) => receiver.receive(now, source, datagram),
        }
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        match self {
            Self::Sender(sender) => sender.transmit(now, out),
            Self::Receiver(receiver) => receiver.transmit(now, out),
        }
    }

    fn deadline(&self) -> Option<Moment> {
        match self {
            Self::Sender(sender) => sender.deadline(),
            Self::Receiver(receiver) => receiver.deadline(),
        }
    }

    fn elapse(&mut self, now: Moment) {
        match self {
            Self::Sender(sender) => sender.elapse(now),
            Self::Receiver(receiver) => receiver.elapse(now),
        }
    }
}

#[cfg(test)]
#[path = "../reno_tests.rs"]
mod tests;
