//! The indexing thread: reads, analyzes, keeps.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use ppspp_dissector::session::{Late, PageBudget, Record, Side, Swarm};

use super::keep::Keep;
use super::measure::{Budget, Conversation, measure};
use super::row::Row;
use super::segments::Segments;
use super::spool::Writer;
use super::store::{Measured, Shared, lock};
use crate::capture::Capture;
use crate::pipeline::{self, Manner};

/// Rows that are published together, at most.
const MOST_PENDING: usize = 1024;

/// How long rows may wait to be published.
const PATIENCE: Duration = Duration::from_millis(20);

/// Rows to an entry in the list of frames.
const STRIDE: usize = 1024;

/// What comes in, until it can be seen.
#[derive(Debug)]
pub(super) struct Intake {
    spool: Writer,
    pending: Vec<Row>,
    last_publication: Instant,
    /// The frame of every `STRIDE`th row, from row `first_stride * STRIDE` on.
    frames: VecDeque<u64>,
    first_stride: usize,
    late: Vec<Late>,
}

/// Indexes the whole capture into `shared`.
pub(super) fn index(shared: &Shared, mut capture: Capture, manner: Manner) {
    let result = pipeline::run_shared(
        &mut capture,
        &shared.analyzer,
        manner,
        |captured, record, progress| {
            let mut intake = lock(&shared.intake);
            intake.take(shared, captured, record, manner.at_once)?;
            if intake.pending.is_empty()
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
    let last = {
        let mut analyzer = shared.analyzer.lock();
        let mut intake = lock(&shared.intake);
        intake.late.extend(analyzer.close().0);
        let measured = &mut *shared.measured.lock();
        for (index, swarm) in analyzer.numbered_swarms() {
            let judged = measured.progress.since_last(index.number(), swarm);
            measured.series.add_at_end(judged.verified, judged.failed);
        }
        intake.publish(shared)
    };
    let mut status = lock(&shared.status);
    status.read = capture.progress().read;
    status.frames = capture.counters().frames;
    let faults = capture.faults().iter().map(ToString::to_string);
    status.faults.extend(faults);
    for error in [result.err(), last.err().map(Into::into)]
        .into_iter()
        .flatten()
    {
        status.faults.push(format!("{error:#}"));
    }
    status.done = true;
    // What nobody has shown anew by now is to be looked at once more.
    shared.changes.fetch_add(1, Ordering::Release);
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

impl Intake {
    /// Nothing yet.
    pub(super) fn new(segments: Arc<Segments>, keep: Keep) -> Self {
        Self {
            spool: Writer::new(segments, keep.bytes),
            pending: Vec::with_capacity(MOST_PENDING),
            last_publication: Instant::now(),
            frames: VecDeque::new(),
            first_stride: 0,
            late: Vec::new(),
        }
    }

    /// Forgets all that came in until now, seen or not.
    pub(super) fn forget(&mut self, shared: &Shared) -> io::Result<()> {
        self.spool.clear()?;
        self.late.clear();
        shared.change_rows(|rows| {
            // They are counted, though nobody will see them.
            for row in self.pending.drain(..) {
                rows.push(row);
            }
            rows.let_go(rows.end());
        });
        self.let_go_of_frames(shared.rows().first());
        Ok(())
    }

    fn take(
        &mut self,
        shared: &Shared,
        captured: &crate::capture::Captured<'_>,
        record: &ppspp_dissector::session::Record<'_, '_>,
        at_once: bool,
    ) -> Result<()> {
        let datagram = &captured.datagram;
        shared.note_start(captured.start);
        let (first, row) = {
            let rows = shared.rows();
            (rows.first(), rows.end() + self.pending.len())
        };
        let number = u32::try_from(row).unwrap_or(u32::MAX);
        let mut latency = None;
        {
            let mut measured = shared.measured.lock();
            let measured: &mut Measured = &mut measured;
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
            // Beyond four milliards of datagrams their places are not told.
            measured.origins.note(record, number);
            if let Some(time) = datagram.time {
                measured.series.add(row, time, &sample);
            }
            for finding in record.findings {
                measured.note_finding(finding.id, row, first);
            }
        }
        let plain = shared
            .inputs
            .get(captured.input)
            .is_some_and(Option::is_some);
        let place = self
            .spool
            .add(captured, record, latency, plain, &shared.words)?;
        if row.is_multiple_of(STRIDE) {
            self.frames.push_back(datagram.frame);
        }
        self.pending
            .push(Row::new(datagram.time, place, record, datagram.wire_length));
        self.late.extend_from_slice(record.late);
        let is_due = at_once
            || self.pending.len() >= MOST_PENDING
            || (row.is_multiple_of(64) && self.last_publication.elapsed() > PATIENCE);
        if is_due {
            self.publish(shared)?;
        }
        Ok(())
    }

    /// Makes what is pending visible, notes late verdicts, and lets go of what is
    /// beyond what is kept.
    fn publish(&mut self, shared: &Shared) -> io::Result<()> {
        self.spool.flush()?;
        shared.change_rows(|rows| {
            for row in self.pending.drain(..) {
                rows.push(row);
            }
        });
        self.let_go(shared);
        self.last_publication = Instant::now();
        if self.late.is_empty() {
            return Ok(());
        }
        for late in std::mem::take(&mut self.late) {
            self.settle(shared, &late)?;
        }
        shared.changes.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn let_go(&mut self, shared: &Shared) {
        let keep = shared.keep;
        let (first, place) = {
            let rows = shared.rows();
            let most = usize::try_from(keep.datagrams).unwrap_or(usize::MAX);
            let first = rows.end().saturating_sub(most).max(rows.first());
            (first, rows.get(first).map_or(0, |row| row.place()))
        };
        let left = shared.segments.let_go(place, keep.bytes);
        let first = if left > place {
            shared.rows().at_place(left)
        } else {
            first
        };
        if first == shared.rows().first() {
            return;
        }
        shared.change_rows(|rows| rows.let_go(first));
        self.let_go_of_frames(first);
    }

    fn let_go_of_frames(&mut self, first: usize) {
        while self.frames.len() > 1 && (self.first_stride + 1) * STRIDE <= first {
            self.frames.pop_front();
            self.first_stride += 1;
        }
    }

    fn settle(&self, shared: &Shared, late: &Late) -> io::Result<()> {
        let Some(mut number) = self.row_of(shared, late.frame)? else {
            return Ok(());
        };
        // Several datagrams of a TCP stream may end in one frame.
        while let Some(row) = shared.row(number) {
            if self.spool.frame(row)? != late.frame {
                break;
            }
            if let Some(worst) = self.spool.settle(row, late.offset, late.verdict)? {
                shared.change_rows(|rows| {
                    if let Some(row) = rows.get_mut(number) {
                        row.set_worst(worst);
                    }
                });
                break;
            }
            number += 1;
        }
        Ok(())
    }

    /// The first row of a frame.
    fn row_of(&self, shared: &Shared, frame: u64) -> io::Result<Option<usize>> {
        let (kept, end) = {
            let rows = shared.rows();
            (rows.first(), rows.end())
        };
        // The last stride that begins before the frame, or with it.
        let behind = self.frames.partition_point(|first| *first < frame);
        let stride = behind.saturating_sub(1);
        let start = (self.first_stride + stride) * STRIDE;
        let mut low = start.max(kept);
        let mut high = ((self.first_stride + behind) * STRIDE + 1).min(end);
        // Where every frame is a datagram, it is right here.
        let first = self.frames.get(stride).copied();
        let guess = start as u64 + frame.saturating_sub(first.unwrap_or(frame));
        let mut middle = usize::try_from(guess).unwrap_or(low);
        while low < high {
            middle = middle.clamp(low, high - 1);
            let Some(row) = shared.row(middle) else {
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
                    let before = shared.row(middle - 1);
                    let before = before.map(|row| self.spool.frame(row)).transpose()?;
                    if before != Some(frame) {
                        return Ok(Some(middle));
                    }
                }
            }
            middle = low + high.saturating_sub(low) / 2;
        }
        let found = shared.row(low);
        let found = found.map(|row| self.spool.frame(row)).transpose()?;
        Ok((found == Some(frame)).then_some(low))
    }
}
