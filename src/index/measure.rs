//! What is counted of each channel beside what the session says: bytes,
//! repetitions, delays.

use ppspp_dissector::finding::FindingId;
use ppspp_dissector::session::{ChunkSet, PageBudget, Record, Side, Time};
use ppspp_dissector::wire::dialect::AckTime;
use ppspp_dissector::wire::{ChunkRange, Message};

use super::histogram::Histogram;
use super::series::Sample;
use super::timeline::{MOST_CELLS_IN_ALL, Timeline};

/// Requests of one end that are remembered until their data comes.
const MOST_REQUESTS: usize = 256;

/// Pages that all sets of chunks may take together, about 200 bytes each.
pub(super) const MOST_PAGES: usize = 48 * 1024;

/// What all conversations together may still take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Pages of sets of chunks.
    pub(super) pages: PageBudget,
    /// Cells of timelines.
    pub(super) cells: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            pages: PageBudget::new(MOST_PAGES),
            cells: MOST_CELLS_IN_ALL,
        }
    }
}

/// One channel in figures.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// When its first datagram came.
    pub first: Option<Time>,
    /// When its latest datagram came.
    pub last: Option<Time>,
    /// What the initiator sent, and what the responder sent.
    pub directions: [Direction; 2],
}

impl Conversation {
    /// What a side sent.
    pub const fn sent_by(&self, side: Side) -> &Direction {
        match side {
            Side::Initiator => &self.directions[0],
            Side::Responder => &self.directions[1],
        }
    }
}

/// What one side of a channel sent, and how the other side took it.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// Datagrams.
    pub datagrams: u64,
    /// Their bytes, UDP payload.
    pub bytes: u64,
    /// Bytes of chunks that came for the first time.
    pub content_bytes: u64,
    /// DATA messages.
    pub data: u64,
    /// DATA messages for chunks that had come before.
    pub duplicates: u64,
    /// DATA messages for a lower chunk than one before.
    pub reordered: u64,
    /// DATA messages for chunks that the other side had not asked for.
    pub unrequested: u64,
    /// Chunks that were requested again before they came: lost on their way,
    /// as far as a capture shows.
    pub requested_again: u64,
    /// From a request to the first DATA for it, nanoseconds.
    pub latency: Histogram,
    /// One-way delay above the lowest one, as the ACKs say, microseconds.
    pub delay: Histogram,
    base: Option<i64>,
    highest: Option<u64>,
    requests: Vec<(u64, u64, Time)>,
    requested: ChunkSet,
    received: ChunkSet,
    acknowledged: ChunkSet,
    announced: ChunkSet,
    announced_when: Timeline,
    sent_when: Timeline,
}

/// Takes a record into account.
pub(super) fn measure(
    conversation: &mut Conversation,
    row: u32,
    time: Option<Time>,
    length: usize,
    sender: Side,
    record: &Record<'_, '_>,
    budget: &mut Budget,
) -> (Option<u64>, Sample) {
    let mut sample = Sample {
        bytes: length as u64,
        ..Sample::default()
    };
    conversation.first = conversation.first.or(time);
    conversation.last = time.or(conversation.last);
    let [initiator, responder] = &mut conversation.directions;
    let (ours, theirs) = match sender {
        Side::Initiator => (initiator, responder),
        Side::Responder => (responder, initiator),
    };
    ours.datagrams += 1;
    ours.bytes += length as u64;
    let size = record.layout.chunk_size.or_assumed();
    let mut latency = None;
    for (place, located) in record.messages.iter().enumerate() {
        match &located.message {
            Message::Request(spec) => {
                if let Some(range) = spec.chunks(size).range() {
                    theirs.request(range, time, &mut budget.pages, &mut sample);
                }
            }
            Message::Data {
                spec, data_length, ..
            } => {
                if let Some(range) = spec.chunks(size).range() {
                    ours.sent_when
                        .note(range, &ours.received, row, &mut budget.cells);
                    let bytes = *data_length as u64;
                    let first = ours.data(range, bytes, &mut budget.pages, &mut sample);
                    if first {
                        latency = latency.or(ours.answer(range.start(), time));
                    }
                    sample.take_verdict(record.verdict(place), *data_length as u64);
                }
            }
            Message::Have(spec) => {
                if let Some(range) = spec.chunks(size).range() {
                    ours.announce(range, row, budget);
                }
            }
            Message::Ack { spec, delay } => {
                if let Some(range) = spec.chunks(size).range() {
                    ours.announce(range, row, budget);
                    let added = theirs.acknowledged.insert(range, &mut budget.pages);
                    sample.flight -= i64::try_from(added).unwrap_or(0);
                }
                if record.dialect().ack_time == AckTime::OneWayDelay {
                    sample.take_delay(theirs.delay_sample(*delay as i64));
                }
            }
            _ => {}
        }
    }
    let findings = record.findings.iter();
    let unrequested = findings.filter(|finding| finding.id == FindingId::DataUnrequested);
    ours.unrequested += unrequested.count() as u64;
    if let Some(latency) = latency {
        ours.latency.add(latency);
    }
    (latency, sample)
}

impl Direction {
    /// Chunks that were sent and requested by the other side, and not got yet,
    /// as far as the capture shows.
    pub const fn outstanding(&self) -> u64 {
        self.requested.len().saturating_sub(self.received.len())
    }

    /// Chunks that it sent.
    pub const fn sent(&self) -> &ChunkSet {
        &self.received
    }

    /// Chunks that it announced or acknowledged, which it has.
    pub const fn announced(&self) -> &ChunkSet {
        &self.announced
    }

    /// When it announced what it has.
    pub const fn announced_when(&self) -> &Timeline {
        &self.announced_when
    }

    /// When it sent chunks for the first time.
    pub const fn sent_when(&self) -> &Timeline {
        &self.sent_when
    }

    fn announce(&mut self, range: ChunkRange, row: u32, budget: &mut Budget) {
        self.announced_when
            .note(range, &self.announced, row, &mut budget.cells);
        self.announced.insert(range, &mut budget.pages);
    }

    /// Bytes beside content.
    pub const fn overhead(&self) -> u64 {
        self.bytes.saturating_sub(self.content_bytes)
    }

    fn request(
        &mut self,
        range: ChunkRange,
        time: Option<Time>,
        budget: &mut PageBudget,
        sample: &mut Sample,
    ) {
        let added = self.requested.insert(range, budget);
        let again = range.count().saturating_sub(added);
        self.requested_again = self.requested_again.saturating_add(again);
        // What a hostile range says does not count.
        sample.outstanding += i64::try_from(added).unwrap_or(0).min(1 << 40);
        if let Some(time) = time {
            if self.requests.len() >= MOST_REQUESTS {
                self.requests.remove(0);
            }
            self.requests.push((range.start(), range.end(), time));
        }
    }

    /// Takes a chunk; returns whether it came for the first time.
    fn data(
        &mut self,
        range: ChunkRange,
        length: u64,
        budget: &mut PageBudget,
        sample: &mut Sample,
    ) -> bool {
        self.data += 1;
        let added = self.received.insert(range, budget);
        if added == 0 {
            self.duplicates += 1;
            return false;
        }
        self.content_bytes += length;
        if self.highest.is_some_and(|highest| range.start() < highest) {
            self.reordered += 1;
        }
        self.highest = self.highest.max(Some(range.end()));
        let added = i64::try_from(added).unwrap_or(0).min(1 << 40);
        sample.flight += added;
        if self.requested.contains(range.start()) {
            sample.outstanding -= added;
        }
        true
    }

    /// How long ago a chunk was requested; what is answered is forgotten.
    fn answer(&mut self, chunk: u64, time: Option<Time>) -> Option<u64> {
        let place = self
            .requests
            .iter()
            .rposition(|(start, end, _)| (*start..=*end).contains(&chunk))?;
        let (start, end, asked) = self.requests[place];
        let is_used_up = chunk == end;
        if is_used_up {
            self.requests.remove(place);
        } else if chunk == start {
            self.requests[place].0 = chunk + 1;
        }
        u64::try_from(time?.since(asked)).ok()
    }

    /// A sample of the one-way delay in microseconds; returns how much it is
    /// above the lowest one so far.
    fn delay_sample(&mut self, delay: i64) -> u64 {
        let base = self.base.map_or(delay, |base| base.min(delay));
        self.base = Some(base);
        let above = delay.saturating_sub(base) as u64;
        self.delay.add(above);
        above
    }
}
