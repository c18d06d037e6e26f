//! Whether a peer says more than anybody asked it for (RFC 7574, sections 12.6
//! and 12.7).

use ppspp_dissector::wire::{ChunkRange, Message};

use super::channel::{Channel, State};
use super::content::Content;
use super::time::Moment;

/// What messages weigh that are of no use; a hash is one of many that a chunk may
/// come with, a chunk is the largest of all.
const LIGHT: u32 = 1;
const SIGNATURE: u32 = 4;
const ODD: u32 = 8;
const CHUNK: u32 = 16;

/// What a chunk makes up for that was of use: one that came, with hashes that may
/// come twice, and one that went.
const RECEIVED: i64 = 32;
const SENT: i64 = 4;

/// The weight at which a peer is bad, and how much of it is forgiven each second.
const MOST: i64 = 16 * 1024;
const FORGIVEN: u64 = 64;

/// How much usefulness may be saved up: after a timeout, a window full of chunks
/// comes again.
const SAVED: i64 = 32 * 1024;

/// What a peer has said that was of no use, against what was.
#[derive(Clone, Debug, Default)]
pub(super) struct Conduct {
    /// Above zero, more of no use than forgiven; below, usefulness saved up.
    weight: i64,
    at: Moment,
}

impl Conduct {
    /// The peer has said something of this weight; whether that is too much.
    pub(super) fn blame(&mut self, now: Moment, weight: u32) -> bool {
        if weight == 0 {
            return false;
        }
        if self.weight > 0 {
            let seconds = now.since(self.at).as_micros() * u128::from(FORGIVEN) / 1_000_000;
            // Less than a whole one stays to be forgiven.
            if seconds > 0 {
                let forgiven = i64::try_from(seconds).unwrap_or(i64::MAX);
                self.weight = self.weight.saturating_sub(forgiven).max(0);
                self.at = now;
            }
        } else {
            self.at = now;
        }
        self.weight += i64::from(weight);
        self.weight > MOST
    }

    /// So many chunks were of use that the peer sent.
    pub(super) fn gave(&mut self, chunks: u64) {
        self.credit(RECEIVED, chunks);
    }

    /// So many chunks were of use to the peer.
    pub(super) fn took(&mut self, chunks: u64) {
        self.credit(SENT, chunks);
    }

    fn credit(&mut self, each: i64, chunks: u64) {
        let credit = each.saturating_mul(i64::try_from(chunks).unwrap_or(i64::MAX));
        self.weight = self.weight.saturating_sub(credit).max(-SAVED);
    }
}

/// What a message weighs that a peer sent: nothing where it tells something new
/// or was asked for. `wants` tells whether content is still fetched.
pub(super) fn weight(
    channel: &Channel,
    content: &Content,
    wants: bool,
    message: &Message<'_>,
    range: Option<ChunkRange>,
) -> u32 {
    let beyond = |range: ChunkRange| content.size().is_some_and(|size| range.end() >= size);
    match (message, range) {
        // All that opens the channel is due, and only once.
        (Message::Handshake(_), _) => {
            if channel.state == State::Opening {
                0
            } else {
                ODD
            }
        }
        (Message::Data { .. }, Some(range)) => {
            let is_due = channel.download.has_asked(range.start());
            let has = content.has(range.start());
            if is_due || wants && range.is_single() && !has && !beyond(range) {
                0
            } else if has {
                // Its ACK may have got lost.
                if wants { LIGHT } else { SIGNATURE }
            } else {
                CHUNK
            }
        }
        (Message::Have(_), Some(range)) => {
            let offered = range.start()..=range.end();
            if beyond(range) {
                ODD
            } else {
                u32::from(channel.has.gaps(&offered).next().is_none()) * LIGHT
            }
        }
        (Message::Ack { .. }, Some(range)) => {
            u32::from(!channel.upload.is_under_way(range)) * LIGHT
        }
        (Message::Request(_), Some(range)) => {
            if beyond(range) {
                ODD
            } else {
                LIGHT
            }
        }
        (Message::Cancel(_), Some(range)) => u32::from(!channel.upload.has_asked(range)) * LIGHT,
        (Message::Integrity { .. } | Message::PexReq, _) => LIGHT,
        (Message::SignedIntegrity { .. }, _) => SIGNATURE,
        (Message::Choke, _) => u32::from(channel.chokes_us) * LIGHT,
        (Message::Unchoke, _) => u32::from(!channel.chokes_us) * LIGHT,
        (Message::PexResV4 { .. } | Message::PexResV6 { .. } | Message::PexResCert { .. }, _) => {
            if channel.peers_due > 0 {
                0
            } else {
                ODD
            }
        }
        // A range that is none, or a message that is not the RFC's.
        _ => ODD,
    }
}

/// What a datagram weighs that holds nothing, or nothing that can be read to its
/// end.
pub(super) const fn emptiness(is_unreadable: bool) -> u32 {
    if is_unreadable { ODD } else { LIGHT }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_is_too_much_and_the_same_over_an_hour_is_not() {
        let start = Moment::from_microseconds(1_000_000_000);
        let mut flood = Conduct::default();
        let count = (0..u32::MAX)
            .take_while(|_| !flood.blame(start, CHUNK))
            .count();
        assert_eq!(count as i64, MOST / i64::from(CHUNK));
        let mut slow = Conduct::default();
        for step in 0..20_000 {
            let now = start + Duration::from_millis(200) * step;
            assert!(!slow.blame(now, ODD), "{step}");
        }
    }

    #[test]
    fn what_comes_often_is_forgiven_all_the_same() {
        // A thousandth of a second is no whole unit of weight.
        let mut conduct = Conduct::default();
        for step in 0..100_000u32 {
            let now = Moment::default() + Duration::from_millis(u64::from(step));
            let weight = u32::from(step % 20 == 0);
            assert!(!conduct.blame(now, weight), "{step}");
        }
        assert!(conduct.weight < 100, "{conduct:?}");
    }

    #[test]
    fn useful_chunks_make_up_for_some_and_not_for_ever() {
        let now = Moment::default();
        let mut conduct = Conduct::default();
        conduct.gave(u64::MAX);
        conduct.took(1);
        let count = (0..u32::MAX)
            .take_while(|_| !conduct.blame(now, CHUNK))
            .count();
        assert_eq!(count as i64, (MOST + SAVED) / i64::from(CHUNK));
    }
}
