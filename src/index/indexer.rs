//! The indexing thread: reads, analyzes, keeps.

use std::fs::File;
use std::io;
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use ppspp_dissector::session::{Late, PageBudget, Record, Side, Swarm};

use super::measure::{Budget, Conversation, measure};
use super::row::Row;
use super::spool::Writer;
use super::store::{Shared, lock};
use crate::capture::Capture;
use crate::pipeline::{self, Manner};

/// Rows that are published together, at most.
const MOST_PENDING: usize = 1024;

/// How long rows may wait to be published.
const PATIENCE: Duration = Duration::from_millis(20);

/// Rows to an entry in the list of frames.
const STRIDE: usize = 1024;

struct Indexer<'a> {
    shared: &'a Shared,
    spool: Writer,
    pending: Vec<Row>,
    published: usize,
    last_publication: Instant,
    /// The frame of every `STRIDE`th row.
    frames: Vec<u64>,
    late: Vec<Late>,
}

/// Indexes the whole capture into `shared`.
pub(super) fn index(shared: &Shared, mut capture: Capture, spool: File, manner: Manner) {
    let mut indexer = Indexer {
        shared,
        spool: Writer::new(spool),
        pending: Vec::with_capacity(MOST_PENDING),
        published: 0,
        last_publication: Instant::now(),
        frames: Vec::new(),
        late: Vec::new(),
    };
    let result = pipeline::run_shared(
        &mut capture,
        &shared.analyzer,
        manner,
        |captured, record, progress| {
            indexer.take(captured, record, manner.at_once)?;
            if indexer.pending.is_empty()
                && let Some(progress) = progress
            {
                lock(&shared.status).read = progress.read;
            }
            Ok(if shared.stopped.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            })
        },
    );
    let late = {
        let mut analyzer = lock(&shared.analyzer);
        let (late, _) = analyzer.close();
        let measured = &mut *lock(&shared.measured);
        for (index, swarm) in analyzer.numbered_swarms() {
            let judged = measured.progress.since_last(index.number(), swarm);
            measured.series.add_at_end(judged.verified, judged.failed);
        }
        late
    };
    indexer.late.extend(late);
    let last = indexer.publish();
    let mut status = lock(&shared.status);
    status.read = capture.progress().read;
    let faults = capture.faults().iter().map(ToString::to_string);
    status.faults.extend(faults);
    for error in [result.err(), last.err().map(Into::into)]
        .into_iter()
        .flatten()
    {
        status.faults.push(format!("{error:#}"));
    }
    status.done = true;
}

/// Whether a datagram belongs to a live stream: it is signed, or one of its peers
/// discards chunks after a while (RFC 7574, sections 6.1 and 7.9).
fn is_live(record: &Record<'_, '_>) -> bool {
    let is_static = record.swarm.is_some_and(Swarm::is_static);
    record.swarm.is_some_and(Swarm::is_live)
        || !is_static
            && record.channel.is_some_and(|channel| {
                [Side::Initiator, Side::Responder].into_iter().any(|side| {
                    let declared = channel.end(side).declared.as_deref();
                    declared.is_some_and(|declared| declared.live_discard_window.is_some())
                })
            })
}

impl Indexer<'_> {
    fn take(
        &mut self,
        captured: &crate::capture::Captured<'_>,
        record: &ppspp_dissector::session::Record<'_, '_>,
        at_once: bool,
    ) -> Result<()> {
        let datagram = &captured.datagram;
        self.shared.note_start(captured.start);
        let row = self.published + self.pending.len();
        let number = u32::try_from(row)?;
        let mut latency = None;
        {
            let mut measured = lock(&self.shared.measured);
            let measured = &mut *measured;
            measured.first = measured.first.or(datagram.time);
            measured.last = datagram.time.or(measured.last);
            let mut elsewhere = Conversation::default();
            let mut no_budget = Budget {
                pages: PageBudget::new(0),
                cells: 0,
            };
            let (conversation, budget) = match record.channel_index {
                Some(index) => {
                    let place = index.number() as usize;
                    if measured.conversations.len() <= place {
                        measured
                            .conversations
                            .resize_with(place + 1, Conversation::default);
                    }
                    (&mut measured.conversations[place], &mut measured.budget)
                }
                None => (&mut elsewhere, &mut no_budget),
            };
            let sender = record
                .sender
                .unwrap_or(ppspp_dissector::session::Side::Initiator);
            let (found, mut sample) = measure(
                conversation,
                number,
                datagram.time,
                datagram.wire_length,
                sender,
                record,
                budget,
            );
            latency = latency.or(found);
            if let (Some(channel), Some(swarm)) = (record.channel, record.swarm) {
                let judged = measured.progress.since_last(channel.swarm.number(), swarm);
                sample.verified = judged.verified;
                sample.failed = judged.failed;
                if let Some(now) = datagram.time
                    && is_live(record)
                    && let Some(lag) = measured.lag(channel.swarm, now)
                {
                    lag.take(now, datagram.source, datagram.destination, record);
                }
            }
            measured.origins.note(record, number);
            if let Some(time) = datagram.time {
                measured.series.add(number, time, &sample);
            }
            for finding in record.findings {
                measured.note_finding(finding.id, number);
            }
        }
        let plain = self
            .shared
            .inputs
            .get(captured.input)
            .is_some_and(Option::is_some);
        let place = self
            .spool
            .add(captured, record, latency, plain, &self.shared.words)?;
        if row.is_multiple_of(STRIDE) {
            self.frames.push(datagram.frame);
        }
        self.pending
            .push(Row::new(datagram.time, place, record, datagram.wire_length));
        self.late.extend_from_slice(record.late);
        let is_due = at_once
            || self.pending.len() >= MOST_PENDING
            || (row.is_multiple_of(64) && self.last_publication.elapsed() > PATIENCE);
        if is_due {
            self.publish()?;
        }
        Ok(())
    }

    /// Makes what is pending visible, and notes late verdicts.
    fn publish(&mut self) -> io::Result<()> {
        self.spool.flush()?;
        self.published += self.pending.len();
        self.shared.publish(&mut self.pending);
        self.last_publication = Instant::now();
        if self.late.is_empty() {
            return Ok(());
        }
        for late in std::mem::take(&mut self.late) {
            self.settle(&late)?;
        }
        self.shared.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn settle(&self, late: &Late) -> io::Result<()> {
        let Some(mut number) = self.row_of(late.frame)? else {
            return Ok(());
        };
        // Several datagrams of a TCP stream may end in one frame.
        while let Some(row) = self.shared.row(number) {
            if self.spool.frame(row)? != late.frame {
                break;
            }
            if let Some(worst) = self.spool.settle(row, late.offset, late.verdict)? {
                self.shared.change(number, |row| row.set_worst(worst));
                break;
            }
            number += 1;
        }
        Ok(())
    }

    /// The first row of a frame.
    fn row_of(&self, frame: u64) -> io::Result<Option<usize>> {
        // The last stride that begins before the frame, or with it.
        let stride = self.frames.partition_point(|first| *first < frame);
        let mut low = stride.saturating_sub(1) * STRIDE;
        let mut high = (stride * STRIDE + 1).min(self.published);
        // Where every frame is a datagram, it is right here.
        let first = self.frames.get(stride.saturating_sub(1)).copied();
        let guess = low as u64 + frame.saturating_sub(first.unwrap_or(frame));
        let mut middle = usize::try_from(guess).unwrap_or(low);
        while low < high {
            middle = middle.clamp(low, high - 1);
            let Some(row) = self.shared.row(middle) else {
                return Ok(None);
            };
            let found = self.spool.frame(row)?;
            if found < frame {
                low = middle + 1;
            } else {
                high = middle;
                if found == frame && middle == low {
                    break;
                }
                if found == frame {
                    // Its neighbour before tells whether it is the first.
                    let before = self.shared.row(middle - 1);
                    let before = before.map(|row| self.spool.frame(row)).transpose()?;
                    if before != Some(frame) {
                        return Ok(Some(middle));
                    }
                }
            }
            middle = low + (high - low) / 2;
        }
        let found = self.shared.row(low);
        let found = found.map(|row| self.spool.frame(row)).transpose()?;
        Ok((found == Some(frame)).then_some(low))
    }
}
