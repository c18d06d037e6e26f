//! Putting IP fragments together, in bounded memory.
//!
//! Fragments are kept apart until all of a packet is there, so that memory is
//! never reserved for an offset that a hostile fragment claims. A fragment
//! that partly overlaps others dooms its packet, as in the Linux kernel and
//! RFC 5722: there is no telling which bytes the receiver took. A fragment
//! that lies wholly within what is there is a duplicate and is ignored.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

use etherparse::IpNumber;
use ppspp_dissector::session::Time;

use super::counters::Counters;
use super::ip::Fragment;
use super::piece::Piece;

/// The longest payload that fragments can make up, in bytes.
const LONGEST_PACKET: usize = 65_535;
/// What keeping a fragment costs besides its bytes.
const OVERHEAD: usize = 64;

/// Caps on what incomplete packets may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) packets: usize,
    pub(super) bytes: usize,
    /// Nanoseconds of capture time.
    pub(super) age: i64,
}

/// What fragments of one packet have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) identification: u32,
    /// Part of the identity in IPv4 only; `None` in IPv6.
    pub(super) protocol: Option<IpNumber>,
}

/// A packet put together again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// The payload, up to the first byte that the capture lacks.
    pub(super) bytes: Vec<u8>,
    /// Its length on the wire.
    pub(super) wire: usize,
    /// What it carries, as its first fragment says.
    pub(super) protocol: IpNumber,
    /// How many fragments it came in.
    pub(super) count: u16,
}

/// The incomplete packets.
pub(super) struct Fragments {
    limits: Limits,
    packets: HashMap<Key, Assembly>,
    /// Keys and serial numbers in order of creation. An entry whose serial
    /// number is not that of its packet any more is stale.
    order: VecDeque<(Key, u64)>,
    serial: u64,
    bytes: usize,
}

struct Assembly {
    serial: u64,
    since: Option<Time>,
    /// Sorted by start, never overlapping.
    parts: Vec<Part>,
    /// Sum of the parts' lengths on the wire.
    covered: usize,
    /// Length of the whole, once the last fragment is known.
    total: Option<usize>,
    protocol: Option<IpNumber>,
    footprint: usize,
    /// Overlaps were seen: ignore the rest.
    doomed: bool,
}

struct Part {
    start: usize,
    end: usize,
    /// Less than `start..end` when the capture cut the fragment.
    bytes: Box<[u8]>,
}

impl Fragments {
    /// None yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            packets: HashMap::new(),
            order: VecDeque::new(),
            serial: 0,
            bytes: 0,
        }
    }

    /// Number of packets that are incomplete.
    pub(super) fn unfinished(&self) -> u64 {
        self.packets
            .values()
            .filter(|packet| !packet.doomed)
            .count() as u64
    }

    /// Takes a fragment; gives the whole packet when this completed it.
    pub(super) fn add(
        &mut self,
        key: Key,
        protocol: IpNumber,
        fragment: Fragment,
        payload: Piece<'_>,
        now: Option<Time>,
        counters: &mut Counters,
    ) -> Option<Whole> {
        counters.fragments += 1;
        let end = fragment.offset + payload.wire();
        let aligned = payload.wire().is_multiple_of(8) || !fragment.more;
        if payload.wire() == 0 || !aligned || end > LONGEST_PACKET {
            counters.fragments_bad += 1;
            return None;
        }
        self.expire(now, counters);
        if !self.packets.contains_key(&key) {
            self.begin(key, now, counters);
        }
        let assembly = self.packets.get_mut(&key)?;
        if assembly.doomed {
            return None;
        }
        if fragment.offset == 0 {
            assembly.protocol.get_or_insert(protocol);
        }
        let part = Part {
            start: fragment.offset,
            end,
            bytes: payload.bytes().into(),
        };
        let before = assembly.footprint;
        if assembly.insert(part, !fragment.more).is_err() {
            assembly.doom();
            counters.fragments_overlapping += 1;
        }
        let whole = assembly.is_complete();
        self.bytes = self.bytes + assembly.footprint - before;
        if whole {
            let assembly = self.remove(&key)?;
            counters.reassembled += 1;
            return Some(assembly.join());
        }
        while self.bytes > self.limits.bytes && self.drop_oldest() {
            counters.fragments_dropped += 1;
        }
        None
    }

    fn begin(&mut self, key: Key, now: Option<Time>, counters: &mut Counters) {
        while self.packets.len() >= self.limits.packets && self.drop_oldest() {
            counters.fragments_dropped += 1;
        }
        // Stale entries must not pile up behind an old packet.
        if self.order.len() > 2 * self.packets.len() + 64 {
            let packets = &self.packets;
            self.order
                .retain(|(key, serial)| packets.get(key).is_some_and(|p| p.serial == *serial));
        }
        self.serial += 1;
        self.order.push_back((key, self.serial));
        self.bytes += OVERHEAD;
        let assembly = Assembly {
            serial: self.serial,
            since: now,
            parts: Vec::new(),
            covered: 0,
            total: None,
            protocol: None,
            footprint: OVERHEAD,
            doomed: false,
        };
        self.packets.insert(key, assembly);
    }

    fn remove(&mut self, key: &Key) -> Option<Assembly> {
        let assembly = self.packets.remove(key)?;
        self.bytes -= assembly.footprint;
        Some(assembly)
    }

    /// Gives up packets that have waited too long. Time may run backwards in
    /// a capture; then nothing expires.
    fn expire(&mut self, now: Option<Time>, counters: &mut Counters) {
        while let Some(&(key, serial)) = self.order.front() {
            match self.packets.get(&key) {
                Some(packet) if packet.serial == serial => {
                    let (Some(now), Some(since)) = (now, packet.since) else {
                        return;
                    };
                    if now.since(since) <= self.limits.age {
                        return;
                    }
                    counters.fragments_expired += u64::from(!packet.doomed);
                    self.remove(&key);
                }
                _ => {}
            }
            self.order.pop_front();
        }
    }

    /// Gives up the oldest packet; says whether there was one.
    fn drop_oldest(&mut self) -> bool {
        while let Some((key, serial)) = self.order.pop_front() {
            if self.packets.get(&key).is_some_and(|p| p.serial == serial) {
                self.remove(&key);
                return true;
            }
        }
        false
    }
}

/// A fragment that contradicts the others.
struct Overlap;

impl Assembly {
    fn insert(&mut self, part: Part, is_last: bool) -> Result<(), Overlap> {
        let reached = self.parts.last().map_or(0, |last| last.end);
        match self.total {
            Some(total) if part.end > total || (is_last && part.end != total) => {
                return Err(Overlap);
            }
            None if is_last && part.end < reached => return Err(Overlap),
            _ => {}
        }
        let at = self.parts.partition_point(|other| other.end <= part.start);
        let following = self.parts.get(at..).unwrap_or_default();
        if following.first().is_none_or(|next| part.end <= next.start) {
            self.covered += part.end - part.start;
            self.footprint += part.bytes.len() + OVERHEAD;
            if is_last {
                self.total = Some(part.end);
            }
            self.parts.insert(at, part);
            return Ok(());
        }
        // It touches others. Is all of it there already?
        let mut known = part.start;
        for other in following {
            if other.start > known || known >= part.end {
                break;
            }
            known = other.end;
        }
        if known < part.end {
            return Err(Overlap);
        }
        if is_last {
            self.total = Some(part.end);
        }
        Ok(())
    }

    fn is_complete(&self) -> bool {
        !self.doomed && self.total == Some(self.covered)
    }

    fn doom(&mut self) {
        self.doomed = true;
        self.parts = Vec::new();
        self.footprint = OVERHEAD;
    }

    fn join(self) -> Whole {
        let count = u16::try_from(self.parts.len()).unwrap_or(u16::MAX);
        let mut bytes = Vec::with_capacity(self.covered);
        for part in &self.parts {
            bytes.extend_from_slice(&part.bytes);
            if part.bytes.len() < part.end - part.start {
                // What was cut can't be made up, and what comes behind it
                // would stand in the wrong place.
                break;
            }
        }
        Whole {
            bytes,
            wire: self.covered,
            protocol: self.protocol.unwrap_or(IpNumber(0)),
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use etherparse::ip_number;
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        packets: 8,
        bytes: 100_000,
        age: 30_000_000_000,
    };

    fn key(identification: u32) -> Key {
        Key {
            source: Ipv4Addr::new(10, 0, 0, 1).into(),
            destination: Ipv4Addr::new(10, 0, 0, 2).into(),
            identification,
            protocol: Some(ip_number::UDP),
        }
    }

    struct Bench {
        fragments: Fragments,
        counters: Counters,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                fragments: Fragments::new(LIMITS),
                counters: Counters::default(),
            }
        }

        fn add_at(
            &mut self,
            seconds: i64,
            identification: u32,
            (offset, bytes, more): (usize, &[u8], bool),
        ) -> Option<Whole> {
            let fragment = Fragment {
                identification,
                offset,
                more,
            };
            let payload = Piece::new(bytes, bytes.len());
            let now = Some(Time::from_nanoseconds(seconds * 1_000_000_000));
            self.fragments.add(
                key(identification),
                ip_number::UDP,
                fragment,
                payload,
                now,
                &mut self.counters,
            )
        }

        fn add(&mut self, fragment: (usize, &[u8], bool)) -> Option<Whole> {
            self.add_at(0, 1, fragment)
        }
    }

    #[test]
    fn fragments_in_any_order_make_a_whole() {
        let mut bench = Bench::new();
        assert_eq!(bench.add((16, b"ccc", false)), None);
        assert_eq!(bench.add((0, b"aaaaaaaa", true)), None);
        let whole = bench.add((8, b"bbbbbbbb", true)).expect("a whole");
        assert_eq!(whole.bytes, b"aaaaaaaabbbbbbbbccc");
        assert_eq!((whole.wire, whole.count), (19, 3));
        assert_eq!(bench.fragments.bytes, 0);
    }

    #[test]
    fn duplicates_are_ignored() {
        let mut bench = Bench::new();
        bench.add((0, b"aaaaaaaa", true));
        bench.add((0, b"zzzzzzzz", true));
        let whole = bench.add((8, b"b", false)).expect("a whole");
        assert_eq!(whole.bytes, b"aaaaaaaab");
    }

    #[test]
    fn partial_overlaps_doom_the_packet() {
        let mut bench = Bench::new();
        bench.add((0, b"aaaaaaaaaaaaaaaa", true));
        assert_eq!(bench.add((8, b"bbbbbbbbbbbbbbbb", true)), None);
        assert_eq!(bench.add((24, b"c", false)), None);
        assert_eq!(bench.counters.fragments_overlapping, 1);
    }

    #[test]
    fn two_different_ends_doom_the_packet() {
        let mut bench = Bench::new();
        bench.add((16, b"end", false));
        bench.add((8, b"end", false));
        assert_eq!(bench.counters.fragments_overlapping, 1);
        bench.add_at(0, 2, (16, b"end", false));
        bench.add_at(0, 2, (24, b"behind the end..", true));
        assert_eq!(bench.counters.fragments_overlapping, 2);
    }

    #[test]
    fn impossible_fragments_are_dropped() {
        let mut bench = Bench::new();
        bench.add((0, b"", true));
        bench.add((0, b"seven..", true));
        bench.add((65_528, b"too far.", false));
        assert_eq!(bench.counters.fragments_bad, 3);
        assert_eq!(bench.fragments.unfinished(), 0);
    }

    #[test]
    fn fragments_wait_for_half_a_minute() {
        let mut bench = Bench::new();
        bench.add_at(100, 1, (0, b"aaaaaaaa", true));
        bench.add_at(110, 2, (0, b"aaaaaaaa", true));
        assert!(bench.add_at(130, 1, (8, b"b", false)).is_some());
        assert!(bench.add_at(141, 2, (8, b"b", false)).is_none());
        assert_eq!(bench.counters.fragments_expired, 1);
        // The late one begins anew.
        assert!(bench.add_at(142, 2, (0, b"aaaaaaaa", true)).is_some());
    }

    #[test]
    fn the_oldest_packets_give_way() {
        let mut bench = Bench::new();
        for identification in 0..20 {
            bench.add_at(0, identification, (0, b"aaaaaaaa", true));
        }
        assert_eq!(bench.fragments.unfinished(), 8);
        assert_eq!(bench.counters.fragments_dropped, 12);
        assert!(bench.add_at(0, 19, (8, b"b", false)).is_some());
        for identification in 100..108 {
            bench.add_at(0, identification, (0, &vec![1; 40_000], true));
            assert!(bench.fragments.bytes <= LIMITS.bytes);
        }
    }

    /// The slow model: an array of bytes, and the rules as they are written.
    struct Model {
        bytes: Vec<Option<u8>>,
        total: Option<usize>,
        doomed: bool,
    }

    impl Model {
        fn add(&mut self, offset: usize, bytes: &[u8], more: bool) -> Option<Vec<u8>> {
            if bytes.is_empty() || (more && !bytes.len().is_multiple_of(8)) {
                return None;
            }
            let end = offset + bytes.len();
            let reached = self
                .bytes
                .iter()
                .rposition(Option::is_some)
                .map_or(0, |at| at + 1);
            let known = (offset..end).filter(|&at| self.bytes[at].is_some()).count();
            let other_end = self
                .total
                .is_some_and(|total| end > total || (!more && end != total));
            let is_early_end = self.total.is_none() && !more && end < reached;
            if other_end || is_early_end || (known > 0 && known < bytes.len()) {
                self.doomed = true;
            }
            if self.doomed {
                return None;
            }
            for (at, byte) in (offset..end).zip(bytes) {
                self.bytes[at].get_or_insert(*byte);
            }
            if !more {
                self.total = Some(end);
            }
            self.bytes[..self.total?].iter().copied().collect()
        }
    }

    proptest! {
        #[test]
        fn reassembly_agrees_with_the_slow_model(
            parts in prop::collection::vec((0..12_usize, 0..40_usize, any::<bool>(), any::<u8>()), 1..24)
        ) {
            let mut bench = Bench::new();
            let mut model = Model { bytes: vec![None; 200], total: None, doomed: false };
            for (at, length, more, fill) in parts {
                let bytes = vec![fill; if more { length / 8 * 8 } else { length }];
                let found = bench.add((at * 8, &bytes, more)).map(|whole| whole.bytes);
                let expected = model.add(at * 8, &bytes, more);
                prop_assert_eq!(&found, &expected);
                if found.is_some() {
                    break;
                }
            }
        }
    }
}
