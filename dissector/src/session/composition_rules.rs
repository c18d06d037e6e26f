//! Rules on a datagram as a whole: its size, the order of its messages, what
//! may not travel before the handshake is complete.

use super::channel::{Side, State};
use super::context::Context;
use super::input::Transport;
use super::live_rules;
use crate::finding::{Detail, FindingId};
use crate::wire::{ChunkRange, ChunkSize, Chunks, Located, Message};

/// Bytes of UDP payload that fit into an Ethernet frame over IPv4 and IPv6.
const LARGEST_IPV4: usize = 1472;
const LARGEST_IPV6: usize = 1452;
/// Bytes of a DATA message beside its chunk, with 32-bit chunk ranges.
const DATA_HEADER: usize = 17;
/// Messages, the HANDSHAKE among them, that still are minor payload: the RFC
/// speaks of "a large number of smaller messages" and leaves it at that.
const MINOR: usize = 17;

pub(super) fn check_size(context: &mut Context<'_, '_>) {
    let datagram = context.datagram;
    if datagram.transport != Transport::Udp {
        return;
    }
    let largest = if datagram.source.is_ipv4() {
        LARGEST_IPV4
    } else {
        LARGEST_IPV6
    };
    if datagram.fragments > 1 {
        context.findings.raise(
            FindingId::DatagramFragmented,
            Detail::Count(datagram.fragments.into(), "fragments"),
        );
    } else if datagram.wire_length > largest {
        context.findings.raise(
            FindingId::DatagramTooLarge,
            Detail::Count(datagram.wire_length as u64, "bytes"),
        );
    }
}

/// Rules on the messages of a datagram together.
pub(super) fn check_composition(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    let mut data = 0usize;
    let mut short = None;
    let mut misplaced = None;
    let mut heavy = None;
    let mut early_have = None;
    let mut hashes = 0usize;
    let mut signatures = false;
    let mut steps = HashOrder::default();
    for (index, located) in messages.iter().enumerate() {
        match &located.message {
            Message::Handshake(_) if index > 0 && !context.opening_legacy(messages) => {
                context.findings.raise_at(
                    FindingId::HandshakeNotFirst,
                    located.offset,
                    Detail::None,
                );
            }
            Message::Data { data_length, .. } => {
                data += 1;
                heavy = heavy.or(Some(located.offset));
                if matches!(context.layout.chunk_size, ChunkSize::Fixed(size) if *data_length < size as usize)
                {
                    short = Some(located.offset);
                }
            }
            Message::SignedIntegrity { .. } => {
                heavy = heavy.or(Some(located.offset));
                signatures = true;
            }
            Message::Have(_) => early_have = early_have.or(Some(located.offset)),
            Message::Integrity { spec, .. } => {
                hashes += 1;
                if let Chunks::Range(range) = spec.chunks(context.layout.chunk_size.or_assumed()) {
                    steps.add(range, located.offset);
                }
            }
            _ => {}
        }
        if data > 0 && !matches!(located.message, Message::Data { .. }) {
            misplaced = misplaced.or(Some(located.offset));
        }
    }
    if let Some(offset) = misplaced {
        context
            .findings
            .raise_at(FindingId::DataNotLast, offset, Detail::None);
    }
    if data > 1 {
        if context.layout.chunk_size == ChunkSize::Variable {
            context
                .findings
                .raise(FindingId::DataSeveralVariable, Detail::None);
        }
        if let Some(offset) = short {
            context
                .findings
                .raise_at(FindingId::DataSeveralShort, offset, Detail::None);
        }
    }
    if let Some(offset) = steps.wrong {
        context
            .findings
            .raise_at(FindingId::IntegrityAscending, offset, Detail::None);
    }
    if signatures {
        live_rules::check_signatures(context, messages);
    }
    if live_rules::is_tuning_in(context) {
        live_rules::check_tune_in(context, messages);
    }
    let before_check = context.opening
        || (context.sender == Side::Responder
            && matches!(context.channel.state, State::HalfOpen | State::Answered));
    if context.channel.from_start && before_check {
        if let Some(offset) = heavy {
            context
                .findings
                .raise_at(FindingId::HandshakeHeavyPayload, offset, Detail::None);
        }
        if messages.len() > MINOR {
            context.findings.raise(
                FindingId::HandshakeCrowded,
                Detail::Count(messages.len() as u64, "messages"),
            );
        }
        if context.opening
            && let Some(offset) = early_have
        {
            context
                .findings
                .raise_at(FindingId::HandshakeHaveEarly, offset, Detail::None);
        }
    }
    if hashes > 0
        && data == 0
        && !context.datagram.is_cut()
        && !context.opening
        && context.swarm.is_static()
        && context.datagram.wire_length
            + DATA_HEADER
            + context.layout.chunk_size.or_assumed() as usize
            <= LARGEST_IPV4
    {
        context.findings.raise(
            FindingId::IntegritySeparate,
            Detail::Count(hashes as u64, "hashes"),
        );
    }
}

impl Context<'_, '_> {
    /// Whether this is legacy swift's first datagram, whose HANDSHAKE comes
    /// behind the swarm's root hash.
    fn opening_legacy(&self, messages: &[Located<'_>]) -> bool {
        self.opening
            && !self.layout.dialect.handshake_options
            && matches!(messages.first(), Some(first) if matches!(first.message, Message::Integrity { .. }))
    }
}

/// Watches the order of hashes (RFC 7574, sections 5.4 and 5.6.2): first any
/// peaks, which follow each other from chunk 0 on and get smaller, then uncles
/// from the top of the tree downwards.
#[derive(Default)]
struct HashOrder {
    last: Option<ChunkRange>,
    uncles: bool,
    wrong: Option<usize>,
}

impl HashOrder {
    fn add(&mut self, range: ChunkRange, offset: usize) {
        let next_peak = match self.last {
            None => range.start() == 0,
            Some(last) => {
                last.end().checked_add(1) == Some(range.start()) && range.count() < last.count()
            }
        };
        if self.uncles {
            if self.last.is_some_and(|last| range.count() > last.count()) {
                self.wrong = self.wrong.or(Some(offset));
            }
        } else if !next_peak {
            self.uncles = true;
        }
        self.last = Some(range);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uncles_go_down_and_peaks_may_come_before_them() {
        let order = |ranges: &[(u64, u64)]| {
            let mut order = HashOrder::default();
            for (index, (start, end)) in ranges.iter().enumerate() {
                order.add(ChunkRange::new(*start, *end).expect("ordered"), index);
            }
            order.wrong
        };
        assert_eq!(order(&[(0, 3), (4, 5), (6, 6), (2, 3), (1, 1)]), None);
        assert_eq!(order(&[(4, 7), (2, 3), (1, 1)]), None);
        assert_eq!(order(&[(1, 1), (2, 3), (4, 7)]), Some(1));
        assert_eq!(order(&[(0, 3), (4, 4), (1, 1), (2, 3)]), Some(3));
    }
}
