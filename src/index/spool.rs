//! What is kept of each datagram on disk.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ppspp_dissector::session::{Datagram, Kept, Record, Side, Transport, Verdict};
use ppspp_dissector::wire::dialect::DIALECTS;
use ppspp_dissector::wire::{ChunkAddressing, ChunkSize, HashFunction, Layout, Message};

use super::codec::{Put, Take};
use super::finding_codec::{Words, put_finding, take_finding};
use super::row::{Row, Worst};
use super::segments::Segments;
use crate::capture::Captured;

/// Bytes that are collected before they are written.
const BUFFER: usize = 256 * 1024;

/// Stands for the spool where a record says in which input its bytes are.
const INLINE: u16 = u16::MAX;

const TCP: u8 = 1;
const CUT: u8 = 1 << 1;
const FAULTY: u8 = 1 << 2;
const HAS_SIGNATURE_LENGTH: u8 = 1 << 3;
const DATA_TIMESTAMP: u8 = 1 << 4;

/// Where a datagram's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bytes {
    /// In an input, from this offset on.
    Input(usize, u64),
    /// In the spool, from this offset on.
    Spool(u64),
}

/// What the spool says of a datagram, without what it borrows.
#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) frame: u64,
    pub(super) frame_length: u64,
    pub(super) ends: Option<(SocketAddr, SocketAddr)>,
    pub(super) transport: Option<Transport>,
    pub(super) fragments: u16,
    pub(super) wire_length: usize,
    pub(super) payload_length: usize,
    pub(super) bytes: Option<Bytes>,
    pub(super) latency: Option<u64>,
    pub(super) kept: Kept,
    /// Where in the record the comment is.
    pub(super) comment: std::ops::Range<usize>,
}

/// The spool, as who writes it sees it.
#[derive(Debug)]
pub(super) struct Writer {
    segments: Arc<Segments>,
    /// Bytes on disk at most.
    keep: u64,
    written: u64,
    buffer: Vec<u8>,
    record: Vec<u8>,
}

impl Writer {
    /// A writer that never has more than `keep` bytes on disk, but for what has to
    /// stand in one file.
    pub(super) fn new(segments: Arc<Segments>, keep: u64) -> Self {
        Self {
            segments,
            keep,
            written: 0,
            buffer: Vec::with_capacity(BUFFER + 64 * 1024),
            record: Vec::new(),
        }
    }

    /// Adds a record, and returns where it begins. `plain` says whether the
    /// bytes can be had from the input again.
    pub(super) fn add(
        &mut self,
        captured: &Captured<'_>,
        record: &Record<'_, '_>,
        latency: Option<u64>,
        plain: bool,
        words: &Words,
    ) -> io::Result<u64> {
        let place = self.written + self.buffer.len() as u64;
        let datagram = &captured.datagram;
        let stored = captured.stored.filter(|_| plain);
        let out = &mut self.record;
        out.clear();
        out.put_u32(0);
        put_head(out, datagram, captured.input, stored);
        out.put_u32(u32::try_from(captured.frame_length).unwrap_or(u32::MAX));
        put_kept(out, datagram, record, words);
        // Tenths of microseconds, for seven minutes.
        let latency = latency.map(|nanoseconds| u32::try_from(nanoseconds / 100));
        out.put_u32(latency.and_then(Result::ok).unwrap_or(u32::MAX));
        let comment = captured.comment.unwrap_or_default();
        let comment = comment.get(..floor(comment, 0xfffe)).unwrap_or_default();
        out.put_u16(comment.len() as u16);
        out.put(comment.as_bytes());
        if stored.is_none() {
            out.put(datagram.payload);
        }
        let length = (out.len() as u32).to_le_bytes();
        out[..4].copy_from_slice(&length);
        self.buffer.extend_from_slice(out);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(place)
    }

    /// Writes what is still in memory, for which the oldest files have to go where
    /// there is no room.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        if !self.buffer.is_empty() {
            let room = self.keep.saturating_sub(self.buffer.len() as u64);
            self.segments.let_go(0, room);
            self.segments.append(&self.buffer)?;
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Forgets what is in memory, and lets go of all files.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.segments.clear()
    }

    /// The frame of a record that was flushed.
    pub(super) fn frame(&self, row: Row) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.segments.read_exact_at(&mut bytes, row.place() + 4)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Notes a verdict that came later on the message at `offset`, in a record
    /// that was flushed. Returns the datagram's worst verdict then; `None` where
    /// the record has no such message that waits for a verdict.
    pub(super) fn settle(
        &self,
        row: Row,
        offset: usize,
        verdict: Verdict,
    ) -> io::Result<Option<Worst>> {
        let mut length = [0; 4];
        self.segments.read_exact_at(&mut length, row.place())?;
        let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
        self.segments.read_exact_at(&mut bytes, row.place())?;
        let Some(start) = verdicts_at(&bytes) else {
            return Ok(None);
        };
        let mut take = Take(bytes.get(start..).unwrap_or_default());
        let count = take.u16().unwrap_or(0);
        let (mut worst, mut found) = (Worst::Nothing, false);
        for number in 0..usize::from(count) {
            let (Some(at), Some(codes)) = (take.u16(), take.u8()) else {
                break;
            };
            let mut known = verdict_of(codes & 15);
            // What had failed may be proven right all the same.
            let is_open = known.is_some_and(|known| known != Verdict::Verified);
            if usize::from(at) == offset && is_open && !found {
                found = true;
                known = Some(verdict);
                let place = row.place() + (start + 2 + number * 3 + 2) as u64;
                self.segments
                    .overwrite(&[code_of(known) | codes & 0xf0], place)?;
            }
            worst = worst.max(known.map_or(Worst::Nothing, Into::into));
        }
        Ok(found.then_some(worst))
    }
}

/// The last boundary of a character at or before `most`.
fn floor(text: &str, most: usize) -> usize {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    end
}

fn put_head(out: &mut Vec<u8>, datagram: &Datagram<'_>, input: usize, stored: Option<u64>) {
    out.put_u64(datagram.frame);
    out.put_address(datagram.source);
    out.put_address(datagram.destination);
    out.put_u16(datagram.fragments);
    out.put_u32(datagram.wire_length as u32);
    out.put_u32(datagram.payload.len() as u32);
    match (u16::try_from(input), stored) {
        (Ok(input), Some(offset)) if input != INLINE => {
            out.put_u16(input);
            out.put_u64(offset);
        }
        _ => {
            out.put_u16(INLINE);
            out.put_u64(0);
        }
    }
}

fn put_kept(out: &mut Vec<u8>, datagram: &Datagram<'_>, record: &Record<'_, '_>, words: &Words) {
    let layout = &record.layout;
    let mut flags = 0;
    for (is_set, flag) in [
        (datagram.transport == Transport::TcpFramed, TCP),
        (record.cut, CUT),
        (record.fault.is_some(), FAULTY),
        (layout.signature_length.is_some(), HAS_SIGNATURE_LENGTH),
        (layout.data_timestamp, DATA_TIMESTAMP),
    ] {
        if is_set {
            flags |= flag;
        }
    }
    out.put_u8(flags);
    out.put_u32((datagram.payload.len() - record.undecoded.len()) as u32);
    let dialect = DIALECTS
        .iter()
        .position(|dialect| std::ptr::eq(*dialect, layout.dialect))
        .unwrap_or(0);
    out.put_u8(dialect as u8);
    out.put_u8(layout.addressing.code());
    out.put_u8(layout.hash_function.code());
    // Zero is no size, so that it can stand for an unknown one.
    out.put_u32(layout.chunk_size.to_option().unwrap_or(0));
    out.put_u32(layout.signature_length.unwrap_or(0) as u32);
    put_verdicts(out, record);
    out.put_u16(u16::try_from(record.findings.len()).unwrap_or(u16::MAX));
    for finding in record.findings.iter().take(usize::from(u16::MAX)) {
        put_finding(out, finding, words);
    }
}

fn put_verdicts(out: &mut Vec<u8>, record: &Record<'_, '_>) {
    let concerns = |message: &Message<'_>| {
        matches!(
            message,
            Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
        )
    };
    let last = record
        .messages
        .iter()
        .rposition(|located| concerns(&located.message));
    let count = last.map_or(0, |last| last + 1).min(usize::from(u16::MAX));
    out.put_u16(count as u16);
    for (place, located) in record.messages.iter().enumerate().take(count) {
        let verdict = concerns(&located.message).then(|| record.verdict(place));
        out.put_u16(u16::try_from(located.offset).unwrap_or(u16::MAX));
        out.put_u8(code_of(verdict) | code_of(record.receiver_verdict(place)) << 4);
    }
}

const fn code_of(verdict: Option<Verdict>) -> u8 {
    match verdict {
        None => 0,
        Some(Verdict::Verified) => 1,
        Some(Verdict::Failed) => 2,
        Some(Verdict::Unverified) => 3,
        Some(Verdict::Unprotected) => 4,
    }
}

const fn verdict_of(code: u8) -> Option<Verdict> {
    match code {
        1 => Some(Verdict::Verified),
        2 => Some(Verdict::Failed),
        3 => Some(Verdict::Unverified),
        4 => Some(Verdict::Unprotected),
        _ => None,
    }
}

/// Where in a record its verdicts begin.
fn verdicts_at(record: &[u8]) -> Option<usize> {
    let mut take = Take(record);
    take_head(&mut take, &mut Entry::default())?;
    take_layout(&mut take, &mut Entry::default())?;
    Some(record.len() - take.0.len())
}

fn take_head(take: &mut Take<'_>, entry: &mut Entry) -> Option<()> {
    take.u32()?;
    entry.frame = take.u64()?;
    entry.ends = Some((take.address()?, take.address()?));
    entry.fragments = take.u16()?;
    entry.wire_length = take.u32()? as usize;
    entry.payload_length = take.u32()? as usize;
    let (input, offset) = (take.u16()?, take.u64()?);
    entry.frame_length = take.u32()?.into();
    entry.bytes = (input != INLINE).then_some(Bytes::Input(input.into(), offset));
    Some(())
}

fn take_layout(take: &mut Take<'_>, entry: &mut Entry) -> Option<()> {
    let flags = take.u8()?;
    let has = |flag| flags & flag != 0;
    entry.transport = Some(if has(TCP) {
        Transport::TcpFramed
    } else {
        Transport::Udp
    });
    let kept = &mut entry.kept;
    kept.cut = has(CUT);
    kept.faulty = has(FAULTY);
    kept.decoded = take.u32()? as usize;
    let dialect = DIALECTS.get(usize::from(take.u8()?))?;
    kept.layout = Layout {
        dialect,
        addressing: ChunkAddressing::from_code(take.u8()?),
        hash_function: HashFunction::from_code(take.u8()?),
        chunk_size: ChunkSize::from_option(take.u32()?),
        signature_length: Some(take.u32()? as usize).filter(|_| has(HAS_SIGNATURE_LENGTH)),
        data_timestamp: has(DATA_TIMESTAMP),
    };
    Some(())
}

/// Reads a record, `place` being where it begins in the spool, into `entry`, whose
/// vectors are used again.
pub(super) fn decode(
    record: &[u8],
    place: u64,
    channel: Option<(ppspp_dissector::session::ChannelIndex, Side)>,
    words: &Words,
    entry: &mut Entry,
) -> Option<()> {
    let mut take = Take(record);
    take_head(&mut take, entry)?;
    take_layout(&mut take, entry)?;
    let kept = &mut entry.kept;
    kept.channel = channel;
    kept.verdicts.clear();
    kept.receiver_verdicts.clear();
    for _ in 0..take.u16()? {
        take.u16()?;
        let codes = take.u8()?;
        kept.verdicts.push(verdict_of(codes & 15));
        kept.receiver_verdicts.push(verdict_of(codes >> 4));
    }
    kept.findings.clear();
    for _ in 0..take.u16()? {
        kept.findings.push(take_finding(&mut take, words)?);
    }
    entry.latency = Some(take.u32()?)
        .filter(|tenths| *tenths != u32::MAX)
        .map(|tenths| u64::from(tenths) * 100);
    let comment = usize::from(take.u16()?);
    let at = record.len() - take.0.len();
    entry.comment = at..at + comment;
    take.bytes(comment)?;
    let at = (record.len() - take.0.len()) as u64;
    entry.bytes = entry.bytes.or(Some(Bytes::Spool(place + at)));
    Some(())
}
