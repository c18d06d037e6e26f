//! What each message does to the state of its channel, and where it departs
//! from the RFC.

use std::net::IpAddr;

use super::channel::{Channel, Side, State};
use super::chunk_set::{ChunkSet, PageBudget};
use super::evidence::{near_microseconds, near_ntp};
use super::findings::Findings;
use super::input::{Datagram, Transport};
use super::swarm::Swarm;
use crate::finding::{Detail, FindingId};
use crate::wire::dialect::AckTime;
use crate::wire::{
    Bin, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, Chunks, ContentIntegrity, Layout,
    Located, Message,
};

/// Bytes of UDP payload that fit into an Ethernet frame over IPv4 and IPv6.
const LARGEST_IPV4: usize = 1472;
const LARGEST_IPV6: usize = 1452;
/// Microseconds from which on a delay sample is odd: a minute.
const ODD_DELAY: u64 = 60_000_000;

/// All that the rules look at.
pub(super) struct Context<'s, 'd> {
    pub(super) channel: &'s mut Channel,
    pub(super) swarm: &'s mut Swarm,
    pub(super) sender: Side,
    /// The layout that the messages were read with.
    pub(super) layout: Layout,
    pub(super) datagram: &'s Datagram<'d>,
    /// Whether the datagram went to channel 0.
    pub(super) opening: bool,
    pub(super) findings: &'s mut Findings,
    pub(super) budget: &'s mut PageBudget,
}

/// Applies every message of a datagram to its channel.
pub(super) fn apply(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    check_size(context);
    let supported = context.channel.end(context.sender.other()).supported;
    for located in messages {
        let code = located.message.kind();
        if supported >> code.code() & 1 == 0 {
            context.findings.raise_at(
                FindingId::MessageUnsupported,
                located.offset,
                Detail::Message(code),
            );
        }
        apply_message(context, located);
    }
    check_composition(context, messages);
}

fn apply_message(context: &mut Context<'_, '_>, located: &Located<'_>) {
    let offset = located.offset;
    match &located.message {
        Message::Data {
            spec,
            timestamp,
            data_length,
            ..
        } => data(context, offset, *spec, *timestamp, *data_length),
        Message::Ack { spec, delay } => ack(context, offset, *spec, *delay),
        Message::Have(spec) => have(context, offset, *spec),
        Message::Integrity { spec, .. } => integrity(context, offset, *spec),
        Message::SignedIntegrity {
            timestamp,
            signature,
            ..
        } => signed_integrity(context, offset, *timestamp, signature),
        Message::Request(spec) => request(context, offset, *spec),
        Message::Cancel(spec) => cancel(context, offset, *spec),
        Message::Choke => context.channel.end_mut(context.sender).choking = true,
        Message::Unchoke => context.channel.end_mut(context.sender).choking = false,
        Message::PexReq => context.channel.end_mut(context.sender).pex_asked = true,
        Message::PexResV4 { address, port } => pex(context, offset, IpAddr::V4(*address), *port),
        Message::PexResV6 { address, port } => pex(context, offset, IpAddr::V6(*address), *port),
        Message::PexResCert { certificate } => pex_certificate(context, offset, certificate),
        Message::Handshake(_) | Message::Randomize(_) => {}
    }
}

/// The chunks of a specification, with findings for those that name none.
fn chunks_of(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) -> Option<ChunkRange> {
    let size = context.layout.chunk_size.or_assumed();
    match spec.chunks(size) {
        Chunks::Range(range) => {
            if let ChunkSpec::Byte64 { start, end } = spec {
                let size = u64::from(size);
                // The last chunk may end anywhere.
                if !start.is_multiple_of(size)
                    || (end % size != size - 1
                        && context.swarm.highest_chunk > Some(range.end()))
                {
                    context
                        .findings
                        .raise_at(FindingId::ChunksUnaligned, offset, Detail::Spec(spec));
                }
            }
            Some(range)
        }
        Chunks::Reversed { .. } => {
            context
                .findings
                .raise_at(FindingId::ChunksReversed, offset, Detail::Spec(spec));
            None
        }
        Chunks::Nothing | Chunks::Everything => None,
    }
}

/// Adds to a set, and says once when chunks had to be left out.
fn insert(
    set: &mut ChunkSet,
    range: ChunkRange,
    budget: &mut PageBudget,
    findings: &mut Findings,
) -> u64 {
    let before = set.is_saturated();
    let added = set.insert(range, budget);
    if set.is_saturated() && !before {
        findings.raise(FindingId::LimitChunks, Detail::None);
    }
    added
}

fn data(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
    timestamp: Option<u64>,
    length: usize,
) {
    if length == 0 {
        context
            .findings
            .raise_at(FindingId::DataEmpty, offset, Detail::None);
    }
    match timestamp {
        Some(timestamp) => {
            if near_microseconds(timestamp, context.datagram.time) == Some(false) {
                let detail = Detail::Count(timestamp, "µs");
                context
                    .findings
                    .raise_at(FindingId::DataTimestampOdd, offset, detail);
            }
        }
        None if context.layout.dialect.data_timestamp => {
            context
                .findings
                .raise_at(FindingId::DataTimestampMissing, offset, Detail::None);
        }
        None => {}
    }
    let Some(range) = chunks_of(context, offset, spec) else {
        if !matches!(spec.chunks(1), Chunks::Reversed { .. }) {
            context
                .findings
                .raise_at(FindingId::DataNoChunk, offset, Detail::Spec(spec));
        }
        return;
    };
    let swarm = &mut *context.swarm;
    swarm.data_messages += 1;
    if range.is_single() {
        swarm.longest_chunk = swarm.longest_chunk.max(length);
        if let ChunkSize::Fixed(size) = context.layout.chunk_size
            && length > 0
            && length < size as usize
            && swarm.highest_chunk > Some(range.end())
        {
            let detail = Detail::Mismatch(length as u64, size.into());
            context
                .findings
                .raise_at(FindingId::DataLength, offset, detail);
        }
    } else {
        let detail = Detail::Chunks(Chunks::Range(range));
        context
            .findings
            .raise_at(FindingId::DataManyChunks, offset, detail);
    }
    swarm.highest_chunk = swarm.highest_chunk.max(Some(range.end()));
    insert(&mut swarm.seen, range, context.budget, context.findings);

    let from_start = context.channel.from_start;
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    if sender.choking {
        context
            .findings
            .raise_at(FindingId::DataWhileChoking, offset, Detail::None);
    }
    let tracking = receiver.tracking();
    let detail = Detail::Chunks(Chunks::Range(range));
    if from_start && !tracking.requested.contains(range.start()) {
        context
            .findings
            .raise_at(FindingId::DataUnrequested, offset, detail);
    }
    let added = insert(
        &mut tracking.received,
        range,
        context.budget,
        context.findings,
    );
    if added == 0 && !tracking.received.is_saturated() {
        context
            .findings
            .raise_at(FindingId::DataDuplicate, offset, detail);
    }
}

/// What a peer announces must be the biggest interval around the chunks
/// (RFC 7574, section 4.3.1); returns that interval where it is bigger.
fn bigger_interval(
    announced: &ChunkSet,
    spec: ChunkSpec,
    range: ChunkRange,
    window: Option<u64>,
) -> Option<ChunkRange> {
    let around = announced.interval_around(range.start())?;
    // A peer that forgets chunks (section 6.2) no longer has those before the window.
    let start = match window {
        Some(window) => around
            .start()
            .max(around.end().saturating_sub(window.saturating_sub(1)))
            .min(range.start()),
        None => around.start(),
    };
    let around = ChunkRange::new(start, around.end())?;
    match spec.addressing() {
        ChunkAddressing::Bin32 | ChunkAddressing::Bin64 => {
            let layer = Bin::covering(range)?.layer();
            let width = 1u64.checked_shl(layer + 1)?;
            let start = range.start() / width * width;
            let parent = ChunkRange::new(start, start.checked_add(width - 1)?)?;
            (around.contains(parent.start()) && around.contains(parent.end())).then_some(parent)
        }
        _ => (around != range).then_some(around),
    }
}

fn have(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    announce(context, offset, spec, FindingId::HaveNotBiggest);
}

fn ack(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec, delay: u64) {
    if context.layout.dialect.ack_time == AckTime::OneWayDelay {
        if near_microseconds(delay, context.datagram.time) == Some(true) {
            let detail = Detail::Count(delay, "µs");
            context
                .findings
                .raise_at(FindingId::AckAbsoluteTime, offset, detail);
        } else if delay > ODD_DELAY {
            let detail = Detail::Count(delay, "µs");
            context
                .findings
                .raise_at(FindingId::AckDelayOdd, offset, detail);
        }
    }
    let from_start = context.channel.from_start;
    if let Some(range) = announce(context, offset, spec, FindingId::AckNotBiggest)
        && from_start
    {
        let received = &context.channel.end_mut(context.sender).tracking().received;
        if !received.contains(range.start()) && !received.contains(range.end()) {
            context.findings.raise_at(
                FindingId::AckUnsent,
                offset,
                Detail::Chunks(Chunks::Range(range)),
            );
        }
    }
}

/// HAVE and ACK both say that the sender has chunks.
fn announce(
    context: &mut Context<'_, '_>,
    offset: usize,
    spec: ChunkSpec,
    not_biggest: FindingId,
) -> Option<ChunkRange> {
    let range = chunks_of(context, offset, spec)?;
    context.swarm.highest_chunk = context.swarm.highest_chunk.max(Some(range.end()));
    let highest = context.swarm.highest_chunk.unwrap_or(0);
    let is_static = context.swarm.is_static();
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    let window = sender
        .declared
        .as_ref()
        .and_then(|declared| declared.live_discard_window)
        .filter(|window| !window.is_everything())
        .map(|window| match spec {
            ChunkSpec::Byte64 { .. } => {
                window.value() / u64::from(context.layout.chunk_size.or_assumed())
            }
            _ => window.value(),
        });
    let announced = &mut sender.tracking().announced;
    insert(announced, range, context.budget, context.findings);
    if let Some(bigger) = bigger_interval(announced, spec, range, window) {
        let detail = Detail::Interval(Chunks::Range(range), Chunks::Range(bigger));
        context.findings.raise_at(not_biggest, offset, detail);
    }
    if not_biggest == FindingId::HaveNotBiggest
        && is_static
        && !context.opening
        && let Some(theirs) = &receiver.tracking
        && let Some(all) = ChunkRange::new(0, highest)
        && theirs.announced.contains_all(all)
    {
        context
            .findings
            .raise_at(FindingId::HaveToSeeder, offset, Detail::None);
    }
    Some(range)
}

fn request(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    let Some(range) = chunks_of(context, offset, spec) else {
        return;
    };
    let from_start = context.channel.from_start;
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    let detail = Detail::Chunks(Chunks::Range(range));
    if receiver.choking {
        context
            .findings
            .raise_at(FindingId::RequestWhileChoked, offset, detail);
    }
    if from_start
        && !receiver
            .tracking
            .as_ref()
            .is_some_and(|theirs| theirs.announced.contains_all(range))
    {
        context
            .findings
            .raise_at(FindingId::RequestUnannounced, offset, detail);
    }
    let requested = &mut sender.tracking().requested;
    let added = insert(requested, range, context.budget, context.findings);
    if added == 0 && !requested.is_saturated() {
        context
            .findings
            .raise_at(FindingId::RequestRepeated, offset, detail);
    }
}

fn cancel(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    let Some(range) = chunks_of(context, offset, spec) else {
        return;
    };
    let from_start = context.channel.from_start;
    let sender = context.channel.end_mut(context.sender);
    if from_start && !sender.tracking().requested.contains(range.start()) {
        context.findings.raise_at(
            FindingId::CancelUnrequested,
            offset,
            Detail::Chunks(Chunks::Range(range)),
        );
    }
}

fn is_unprotected(context: &Context<'_, '_>) -> bool {
    context.layout.dialect.handshake_options
        && context.swarm.content_integrity == Some(ContentIntegrity::None)
}

fn integrity(context: &mut Context<'_, '_>, offset: usize, spec: ChunkSpec) {
    if is_unprotected(context) {
        context
            .findings
            .raise_at(FindingId::IntegrityUnprotected, offset, Detail::None);
    }
    // Legacy swift's first message names the swarm with bin ALL.
    let legacy_root = context.opening && spec.chunks(1) == Chunks::Everything;
    let subtree = chunks_of(context, offset, spec).is_some_and(ChunkRange::is_subtree);
    if !subtree && !legacy_root {
        context
            .findings
            .raise_at(FindingId::IntegrityNotSubtree, offset, Detail::Spec(spec));
    }
}

fn signed_integrity(
    context: &mut Context<'_, '_>,
    offset: usize,
    timestamp: u64,
    signature: &[u8],
) {
    if is_unprotected(context) {
        context
            .findings
            .raise_at(FindingId::IntegrityUnprotected, offset, Detail::None);
    } else if context.swarm.is_static() {
        context
            .findings
            .raise_at(FindingId::SignedStatic, offset, Detail::None);
    }
    if signature.len() == 20 && signature.iter().all(|&byte| byte == 0) {
        context
            .findings
            .raise_at(FindingId::SignedDummy, offset, Detail::None);
    }
    let time = context.datagram.time;
    if near_ntp(timestamp, time) == Some(false) {
        let id = if near_microseconds(timestamp, time) == Some(true) {
            FindingId::SignedTimestamp
        } else {
            FindingId::SignedTimestampOdd
        };
        context
            .findings
            .raise_at(id, offset, Detail::Count(timestamp, "as a number"));
    }
}

/// Whether an address belongs to the public Internet.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_unspecified()
                || v4.is_documentation())
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(IpAddr::V4(v4)),
            None => {
                let documentation = v6.segments()[..2] == [0x2001, 0xdb8];
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local()
                    || documentation)
            }
        },
    }
}

/// The addresses that RFC 7574, section 8.13, keeps from public peers:
/// private, unique-local, link-local and multicast ones.
fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_multicast(),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_internal(IpAddr::V4(v4)),
            None => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_multicast(),
        },
    }
}

fn pex(context: &mut Context<'_, '_>, offset: usize, address: IpAddr, port: u16) {
    let receiver = context.datagram.destination;
    let named = (address, port).into();
    let detail = Detail::Address(named);
    let mut raise = |id| context.findings.raise_at(id, offset, detail);
    if !context
        .channel
        .end(context.sender.other())
        .pex_asked
    {
        raise(FindingId::PexUnasked);
    }
    if named == receiver {
        raise(FindingId::PexNamesReceiver);
    }
    if port == 0 {
        raise(FindingId::PexPortZero);
    }
    if matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()) {
        raise(FindingId::PexMapped);
    }
    if is_internal(address) && is_public(receiver.ip()) {
        raise(FindingId::PexPrivate);
    }
    if is_public(receiver.ip()) && is_public(context.datagram.source.ip()) {
        raise(FindingId::PexUnprotected);
    }
}

/// The form of a membership certificate (RFC 7574, section 8.13): one DER
/// SEQUENCE, with a critical subject alternative name that is a `file:` URL.
/// Whether it is signed by whom one trusts is not looked at.
fn pex_certificate(context: &mut Context<'_, '_>, offset: usize, certificate: &[u8]) {
    let whole = match certificate {
        [0x30, 0x81, length, rest @ ..] => rest.len() == usize::from(*length),
        [0x30, 0x82, high, low, rest @ ..] => {
            rest.len() == usize::from(u16::from_be_bytes([*high, *low]))
        }
        [0x30, length @ 0..=0x7f, rest @ ..] => rest.len() == usize::from(*length),
        _ => false,
    };
    if !whole {
        context
            .findings
            .raise_at(FindingId::PexCertificate, offset, Detail::None);
        return;
    }
    // OID 2.5.29.17 and BOOLEAN TRUE; a GeneralName of type URI is tag [6].
    let critical = [0x06, 0x03, 0x55, 0x1d, 0x11, 0x01, 0x01, 0xff];
    let has = |needle: &[u8]| {
        certificate
            .windows(needle.len())
            .any(|window| window == needle)
    };
    let names_file = certificate
        .windows(7)
        .any(|window| window[0] == 0x86 && window[2..] == *b"file:");
    if !has(&critical) || !names_file {
        context
            .findings
            .raise_at(FindingId::PexCertificateName, offset, Detail::None);
    }
}

fn check_size(context: &mut Context<'_, '_>) {
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
fn check_composition(context: &mut Context<'_, '_>, messages: &[Located<'_>]) {
    let mut data = 0usize;
    let mut short = None;
    let mut misplaced = None;
    let mut heavy = None;
    let mut early_have = None;
    let mut hashes = 0usize;
    let mut steps = HashOrder::default();
    for (index, located) in messages.iter().enumerate() {
        match &located.message {
            Message::Handshake(_) if index > 0 && !context.opening_legacy(messages) => {
                context
                    .findings
                    .raise_at(FindingId::HandshakeNotFirst, located.offset, Detail::None);
            }
            Message::Data { data_length, .. } => {
                data += 1;
                heavy = heavy.or(Some(located.offset));
                if matches!(context.layout.chunk_size, ChunkSize::Fixed(size) if *data_length < size as usize)
                {
                    short = Some(located.offset);
                }
            }
            Message::SignedIntegrity { .. } => heavy = heavy.or(Some(located.offset)),
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
    let before_check = context.opening
        || (context.sender == Side::Responder
            && matches!(context.channel.state, State::HalfOpen | State::Answered));
    if context.channel.from_start && before_check {
        if let Some(offset) = heavy {
            context
                .findings
                .raise_at(FindingId::HandshakeHeavyPayload, offset, Detail::None);
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
        && !context.opening
        && context.swarm.is_static()
        && context.datagram.wire_length
            + 17
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
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn public_and_internal_addresses_are_told_apart() {
        let public = ["8.8.8.8", "2a00::1", "::ffff:8.8.8.8"];
        let internal = ["10.1.2.3", "fe80::1", "fd00::1", "224.0.0.1", "::ffff:10.0.0.1"];
        for address in public {
            let address = address.parse().expect("an address");
            assert!(is_public(address) && !is_internal(address), "{address}");
        }
        for address in internal {
            let address = address.parse().expect("an address");
            assert!(!is_public(address) && is_internal(address), "{address}");
        }
        let loopback = IpAddr::V6(Ipv6Addr::LOCALHOST);
        assert!(!is_public(loopback) && !is_internal(loopback));
    }

    #[test]
    fn the_biggest_interval_of_a_bin_is_a_bin() {
        let mut budget = PageBudget::new(10);
        let mut announced = ChunkSet::default();
        let range = |start, end| ChunkRange::new(start, end).expect("ordered");
        announced.insert(range(0, 6), &mut budget);
        let bigger = |start, end, addressing| {
            let range = range(start, end);
            let spec = ChunkSpec::of(range, addressing, 1024).expect("a bin");
            bigger_interval(&announced, spec, range, None)
        };
        assert_eq!(bigger(0, 3, ChunkAddressing::Bin32), None);
        assert_eq!(bigger(2, 3, ChunkAddressing::Bin32), Some(range(0, 3)));
        assert_eq!(bigger(4, 5, ChunkAddressing::Bin64), None);
        assert_eq!(bigger(0, 3, ChunkAddressing::Chunk32), Some(range(0, 6)));
        assert_eq!(bigger(0, 6, ChunkAddressing::Chunk32), None);
    }

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
