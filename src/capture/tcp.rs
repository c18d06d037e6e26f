//! TCP streams put in order, in bounded memory.
//!
//! Only what may be PPSPP is kept: a direction that does not begin with a
//! framed datagram costs a small entry and nothing more.

use std::collections::{BTreeMap, HashMap};

use super::counters::Counters;
use super::flow::Flow;
use super::framing::{Framer, Ready};

/// Sequence numbers further than this from the expected one belong to another
/// connection between the same ports.
const FAR: i64 = 16 * 1024 * 1024;
/// What keeping a segment costs besides its bytes.
const OVERHEAD: usize = 96;

/// Caps on what streams may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) directions: usize,
    /// Bytes held by all directions.
    pub(super) bytes: usize,
    /// Bytes held by one direction out of order.
    pub(super) ahead: usize,
}

/// What the header of a segment says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) sequence: u32,
    pub(super) acknowledged: Option<u32>,
    pub(super) syn: bool,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

/// All directions of all connections.
pub(super) struct Streams {
    limits: Limits,
    directions: HashMap<Flow, Direction>,
    /// Bytes held by all of them.
    held: usize,
    /// Counts segments, to know which direction was used last.
    clock: u64,
    /// What the last segment completed.
    ready: Ready,
}

struct Direction {
    /// Position of the next byte; its lower half is the sequence number.
    next: u64,
    framer: Framer,
    /// Segments that came too early, by position.
    ahead: BTreeMap<u64, Early>,
    ahead_bytes: usize,
    used: u64,
    closed: bool,
    /// Segments that came while it was not clear what this is.
    undecided: u64,
}

struct Early {
    bytes: Box<[u8]>,
    wire: usize,
}

/// A datagram cut out of a stream: where it lies among the streams' bytes.
pub(super) struct Framed {
    pub(super) flow: Flow,
    start: usize,
    end: usize,
    pub(super) wire: usize,
}

impl Streams {
    /// None yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            directions: HashMap::new(),
            held: 0,
            clock: 0,
            ready: Ready::default(),
        }
    }

    /// The next datagram that the last segment completed.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<Framed> {
        let ready = self.ready.datagrams.pop_front()?;
        Some(Framed {
            flow: ready.flow,
            start: ready.start,
            end: ready.end,
            wire: ready.wire,
        })
    }

    /// The bytes of a datagram that `pop` gave last.
    pub(super) fn payload(&self, framed: &Framed) -> &[u8] {
        self.ready
            .bytes
            .get(framed.start..framed.end)
            .unwrap_or_default()
    }

    /// Takes a segment with its payload, of which `wire` bytes were sent.
    /// What it completes has to be popped before the next one.
    pub(super) fn push(
        &mut self,
        flow: Flow,
        segment: Segment,
        payload: &[u8],
        wire: usize,
        counters: &mut Counters,
    ) {
        self.begin();
        if let Some(acknowledged) = segment.acknowledged {
            self.acknowledge(flow.reversed(), acknowledged, counters);
        }
        if segment.syn {
            self.open(flow, segment.sequence, counters);
        }
        if segment.rst {
            self.close(flow.reversed(), counters);
        }
        if wire == 0 {
            counters.tcp_empty_segments += 1;
            if segment.fin || segment.rst {
                self.close(flow, counters);
            }
            return;
        }
        let sequence = segment.sequence.wrapping_add(u32::from(segment.syn));
        self.take(flow, sequence, payload, wire, counters);
        if segment.fin || segment.rst {
            self.close(flow, counters);
        }
        if self.held > self.limits.bytes {
            self.forget_oldest(self.limits.bytes / 4 * 3, usize::MAX, counters);
        }
    }

    /// At the end of the capture: gives up waiting in one direction that still
    /// waits, so that what it held can be popped; says whether there was one.
    pub(super) fn finish(&mut self, counters: &mut Counters) -> bool {
        self.begin();
        let waiting = self.directions.iter().filter(|(_, d)| !d.ahead.is_empty());
        let oldest = waiting.min_by_key(|(_, direction)| direction.used);
        if let Some((&flow, _)) = oldest {
            self.change(flow, |direction, ready| {
                direction.skip_holes(flow, ready, counters);
            });
            return true;
        }
        for (_, direction) in self.directions.drain() {
            counters.tcp_other_segments += direction.undecided;
        }
        self.held = 0;
        false
    }

    fn begin(&mut self) {
        self.ready.bytes.clear();
        self.ready.datagrams.clear();
        if self.ready.bytes.capacity() > 64 * 1024 {
            self.ready = Ready::default();
        }
    }

    /// Changes a direction, and keeps account of what it holds.
    fn change(&mut self, flow: Flow, how: impl FnOnce(&mut Direction, &mut Ready)) {
        if let Some(direction) = self.directions.get_mut(&flow) {
            let before = direction.footprint();
            how(direction, &mut self.ready);
            self.held = self.held - before + direction.footprint();
        }
    }

    /// A receiver acknowledged bytes: if they were never captured, they never
    /// will be.
    fn acknowledge(&mut self, flow: Flow, acknowledged: u32, counters: &mut Counters) {
        if self
            .directions
            .get(&flow)
            .is_some_and(|d| !d.ahead.is_empty())
        {
            self.change(flow, |direction, ready| {
                while let Some((&first, _)) = direction.ahead.first_key_value()
                    && direction.position(acknowledged) >= first
                {
                    direction.skip_hole(flow, ready, counters);
                }
            });
        }
    }

    /// A SYN: the start of a stream, unless it is a repeated one.
    fn open(&mut self, flow: Flow, sequence: u32, counters: &mut Counters) {
        let start = sequence.wrapping_add(1);
        let is_repeated = self
            .directions
            .get(&flow)
            .is_some_and(|direction| direction.next as u32 == start && !direction.closed);
        if !is_repeated {
            self.insert(flow, start, Framer::at_start(), counters);
        }
    }

    fn insert(&mut self, flow: Flow, next: u32, framer: Framer, counters: &mut Counters) {
        if let Some(old) = self.directions.remove(&flow) {
            self.held -= old.footprint();
            counters.tcp_other_segments += old.undecided;
        }
        if self.directions.len() >= self.limits.directions {
            self.forget_oldest(usize::MAX, self.limits.directions / 4 * 3, counters);
        }
        let direction = Direction {
            // The upper half keeps positions before the first one positive.
            next: 1 << 32 | u64::from(next),
            framer,
            ahead: BTreeMap::new(),
            ahead_bytes: 0,
            used: self.clock,
            closed: false,
            undecided: 0,
        };
        self.directions.insert(flow, direction);
    }

    fn take(
        &mut self,
        flow: Flow,
        sequence: u32,
        payload: &[u8],
        wire: usize,
        counters: &mut Counters,
    ) {
        self.clock += 1;
        let continues = self.directions.get(&flow).is_some_and(|direction| {
            let distance = direction.distance(sequence);
            distance.abs() <= FAR && !(direction.closed && distance >= 0)
        });
        if !continues {
            self.insert(flow, sequence, Framer::within(), counters);
        }
        let (clock, most_ahead) = (self.clock, self.limits.ahead);
        self.change(flow, |direction, ready| {
            direction.used = clock;
            if direction.framer.is_hopeless() {
                counters.tcp_other_segments += 1;
                return;
            }
            let position = direction.position(sequence);
            if position <= direction.next {
                direction.accept(flow, position, payload, wire, ready);
                direction.catch_up(flow, ready);
            } else {
                direction.keep(position, payload, wire);
                while direction.ahead_bytes > most_ahead {
                    direction.skip_hole(flow, ready, counters);
                }
            }
            direction.count(counters);
        });
    }

    /// The stream is over: what is missing will not come, nor the rest of a
    /// datagram. The entry stays, to know repeated segments by.
    fn close(&mut self, flow: Flow, counters: &mut Counters) {
        self.change(flow, |direction, ready| {
            direction.skip_holes(flow, ready, counters);
            direction.closed = true;
            counters.tcp_other_segments += std::mem::take(&mut direction.undecided);
            direction.framer = if direction.framer.is_framed() {
                Framer::within()
            } else {
                Framer::hopeless()
            };
        });
    }

    /// Forgets the directions that were not used for longest, until no more
    /// than so many bytes and entries are left.
    fn forget_oldest(&mut self, bytes: usize, entries: usize, counters: &mut Counters) {
        let mut by_age: Vec<_> = self.directions.iter().map(|(f, d)| (d.used, *f)).collect();
        by_age.sort_unstable_by_key(|(used, _)| *used);
        for (_, flow) in by_age {
            if self.held <= bytes && self.directions.len() <= entries {
                break;
            }
            if let Some(direction) = self.directions.remove(&flow) {
                self.held -= direction.footprint();
                counters.tcp_other_segments += direction.undecided;
                counters.tcp_dropped += 1;
            }
        }
    }
}

impl Direction {
    fn footprint(&self) -> usize {
        self.framer.footprint() + self.ahead_bytes
    }

    /// How far a sequence number lies behind the next byte.
    fn distance(&self, sequence: u32) -> i64 {
        i64::from(sequence.wrapping_sub(self.next as u32).cast_signed())
    }

    fn position(&self, sequence: u32) -> u64 {
        self.next.saturating_add_signed(self.distance(sequence))
    }

    /// Takes bytes that begin no later than the next one expected, dropping
    /// those that were there already.
    fn accept(&mut self, flow: Flow, position: u64, bytes: &[u8], wire: usize, ready: &mut Ready) {
        let known = usize::try_from(self.next.saturating_sub(position)).unwrap_or(usize::MAX);
        if known >= wire {
            return;
        }
        let fresh = bytes.get(known..).unwrap_or_default();
        if !fresh.is_empty() {
            self.framer.feed(flow, fresh, ready);
        }
        // What the snap length cut off is missing for good.
        let cut = wire - known - fresh.len();
        if cut > 0 {
            self.framer.hole(flow, cut, ready);
        }
        self.next = position + wire as u64;
    }

    /// Keeps bytes that came too early.
    fn keep(&mut self, position: u64, bytes: &[u8], wire: usize) {
        let early = Early {
            bytes: bytes.into(),
            wire,
        };
        match self.ahead.get(&position) {
            Some(known) if known.wire >= wire => {}
            _ => {
                self.ahead_bytes += early.cost();
                if let Some(shorter) = self.ahead.insert(position, early) {
                    self.ahead_bytes -= shorter.cost();
                }
            }
        }
    }

    /// Takes what came too early and is due now.
    fn catch_up(&mut self, flow: Flow, ready: &mut Ready) {
        while let Some(first) = self.ahead.first_entry()
            && *first.key() <= self.next
        {
            let (position, early) = first.remove_entry();
            self.ahead_bytes -= early.cost();
            self.accept(flow, position, &early.bytes, early.wire, ready);
        }
    }

    /// Gives up waiting for the bytes before the first early segment.
    fn skip_hole(&mut self, flow: Flow, ready: &mut Ready, counters: &mut Counters) {
        let Some((&first, _)) = self.ahead.first_key_value() else {
            return;
        };
        let missing = first.saturating_sub(self.next);
        if missing > 0 {
            counters.tcp_gaps += u64::from(self.framer.is_framed());
            let missing = usize::try_from(missing).unwrap_or(usize::MAX);
            self.framer.hole(flow, missing, ready);
            self.next = first;
        }
        self.catch_up(flow, ready);
    }

    fn skip_holes(&mut self, flow: Flow, ready: &mut Ready, counters: &mut Counters) {
        while !self.ahead.is_empty() {
            self.skip_hole(flow, ready, counters);
        }
    }

    /// Counts a segment, once it is clear what it belongs to.
    fn count(&mut self, counters: &mut Counters) {
        self.undecided += 1;
        let counter = if self.framer.is_framed() {
            &mut counters.tcp_framed_segments
        } else if self.framer.is_hopeless() {
            &mut counters.tcp_other_segments
        } else {
            return;
        };
        *counter += std::mem::take(&mut self.undecided);
    }
}

impl Early {
    fn cost(&self) -> usize {
        self.bytes.len() + OVERHEAD
    }
}
