//! What a simulated host runs.

use std::net::SocketAddr;

use crate::peer::engine::Moment;

/// A host's program, without sockets, clock or threads.
///
/// The network tells it the time, which never goes back. The first call is
/// [`elapse`](Self::elapse) at the moment when the host starts. After each
/// `receive`, `elapse` and `leave` the network calls
/// [`transmit`](Self::transmit) until it gives `None`, then asks for the
/// [`deadline`](Self::deadline).
pub trait Node {
    /// A datagram (UDP payload) from `source` has come.
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]);

    /// The next datagram to go out now, if any: its destination; its bytes are
    /// appended to `out`. Where there is none, nothing is appended.
    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr>;

    /// When [`elapse`](Self::elapse) is to be called next. A moment that is
    /// past means at once.
    fn deadline(&self) -> Option<Moment>;

    /// The deadline has come, or the host has just started.
    fn elapse(&mut self, now: Moment);

    /// The host is about to leave in good order: what it still transmits goes
    /// out, then it is gone. A host that crashes is not told.
    fn leave(&mut self, now: Moment) {
        let _ = now;
    }
}

impl<N: Node + ?Sized> Node for Box<N> {
    fn receive(&mut self, now: Moment, source: SocketAddr, datagram: &[u8]) {
        (**self).receive(now, source, datagram);
    }

    fn transmit(&mut self, now: Moment, out: &mut Vec<u8>) -> Option<SocketAddr> {
        (**self).transmit(now, out)
    }

    fn deadline(&self) -> Option<Moment> {
        (**self).deadline()
    }

    fn elapse(&mut self, now: Moment) {
        (**self).elapse(now);
    }

    fn leave(&mut self, now: Moment) {
        (**self).leave(now);
    }
}
