//! Reading datagrams back.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ppspp_dissector::fields::Frame;
use ppspp_dissector::session::{Analyzer, Datagram, Record, Transport, recycle};
use ppspp_dissector::wire::Located;

use super::row::Row;
use super::spool::{self, Bytes, Entry};
use super::store::{Shared, Store};

/// A datagram as the store has it.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The datagram.
    pub datagram: Datagram<'a>,
    /// What is known of its frame: its length, its comments.
    pub frame: Frame<'a>,
    /// Nanoseconds since its chunk was requested, where it brings one that was.
    pub latency: Option<u64>,
    /// What memory holds of it.
    pub row: Row,
    /// Whether its bytes are no longer in the capture file.
    pub is_lost: bool,
}

/// Reads datagrams; each reader has buffers of its own.
#[derive(Debug)]
pub struct Reader {
    shared: Arc<Shared>,
    ahead: usize,
    changes: u64,
    spool: Block,
    bytes: Block,
    entry: Entry,
    messages: Vec<Located<'static>>,
}

/// A file that datagrams are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Input(usize),
    /// The spool's file that begins at this place.
    Spool(u64),
}

/// A part of a file, read ahead.
#[derive(Debug, Default)]
struct Block {
    origin: Option<Origin>,
    start: u64,
    bytes: Vec<u8>,
}

impl Block {
    fn get(
        &mut self,
        file: &File,
        origin: Origin,
        offset: u64,
        length: usize,
        ahead: usize,
    ) -> &[u8] {
        let is_there = self.origin == Some(origin)
            && offset >= self.start
            && offset + length as u64 <= self.start + self.bytes.len() as u64;
        if !is_there {
            self.origin = Some(origin);
            self.start = offset;
            self.bytes.resize(length.max(ahead), 0);
            let mut filled = 0;
            while let Some(space) = self
                .bytes
                .get_mut(filled..)
                .filter(|space| !space.is_empty())
            {
                match file.read_at(space, offset + filled as u64) {
                    Ok(0) => break,
                    Ok(count) => filled += count,
                    Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                    Err(_) => break,
                }
            }
            self.bytes.truncate(filled);
        }
        let from = (offset - self.start) as usize;
        let to = (from + length).min(self.bytes.len());
        self.bytes.get(from..to).unwrap_or_default()
    }
}

impl Reader {
    /// A reader of single datagrams.
    pub fn new(store: &Store) -> Self {
        Self::ahead(store, 1024)
    }

    /// A reader of many datagrams in their order.
    pub fn sequential(store: &Store) -> Self {
        Self::ahead(store, 256 * 1024)
    }

    fn ahead(store: &Store, ahead: usize) -> Self {
        Self {
            shared: Arc::clone(&store.shared),
            ahead,
            changes: 0,
            spool: Block::default(),
            bytes: Block::default(),
            entry: Entry::default(),
            messages: Vec::new(),
        }
    }

    /// Gives a datagram to `use_it`, without its record, which takes no analyzer;
    /// `None` where there is no such row.
    pub fn head<T>(&mut self, row: usize, use_it: impl FnOnce(&Item<'_>) -> T) -> Option<T> {
        let (_, item) = self.item(row)?;
        Some(use_it(&item))
    }

    /// Gives a datagram and its record to `use_it`; `None` where there is no
    /// such row.
    pub fn row<T>(
        &mut self,
        analyzer: &Analyzer,
        row: usize,
        use_it: impl FnOnce(&Item<'_>, &Record<'_, '_>) -> T,
    ) -> Option<T> {
        let mut messages = recycle(std::mem::take(&mut self.messages));
        let (entry, item) = self.item(row)?;
        let used = use_it(
            &item,
            &analyzer.recall(&item.datagram, &entry.kept, &mut messages),
        );
        self.messages = recycle(messages);
        Some(used)
    }

    fn item(&mut self, row: usize) -> Option<(&Entry, Item<'_>)> {
        let changes = self.shared.changes.load(Ordering::Acquire);
        if self.changes != changes {
            self.changes = changes;
            self.spool = Block::default();
        }
        let row = self.shared.row(row)?;
        let (shared, ahead) = (&*self.shared, self.ahead);
        let segment = shared.segments.find(row.place())?;
        let origin = Origin::Spool(segment.start);
        let within = row.place() - segment.start;
        let head = self.spool.get(&segment.file, origin, within, 4, ahead);
        let length = u32::from_le_bytes(head.try_into().ok()?) as usize;
        let record = self.spool.get(&segment.file, origin, within, length, ahead);
        spool::decode(
            record,
            row.place(),
            row.channel(),
            &shared.words,
            &mut self.entry,
        )?;
        let entry = &self.entry;
        let comment = record.get(entry.comment.clone())?;
        let comment = Some(comment).filter(|comment| !comment.is_empty());
        let length = entry.payload_length;
        let payload = match entry.bytes? {
            Bytes::Input(input, offset) => match shared.inputs.get(input)? {
                Some(file) => {
                    let ahead = if ahead > 1024 { ahead } else { 0 };
                    self.bytes
                        .get(file, Origin::Input(input), offset, length, ahead)
                }
                None => &[],
            },
            Bytes::Spool(offset) => {
                let from = usize::try_from(offset - row.place()).ok()?;
                record.get(from..from + length)?
            }
        };
        let (source, destination) = entry.ends?;
        let is_lost = payload.len() < length;
        let item = Item {
            datagram: Datagram {
                frame: entry.frame,
                time: row.time(),
                source,
                destination,
                transport: entry.transport.unwrap_or(Transport::Udp),
                payload,
                wire_length: entry.wire_length,
                fragments: entry.fragments,
            },
            frame: Frame {
                length: Some(entry.frame_length),
                start: shared.start(),
                comment: comment.and_then(|comment| std::str::from_utf8(comment).ok()),
            },
            latency: entry.latency,
            row,
            is_lost,
        };
        Some((entry, item))
    }
}
