//! The lines of the ladder: datagrams, and runs of such that look alike.

use std::collections::VecDeque;

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::ChannelIndex;
use ppspp_dissector::wire::MessageType;

use crate::index::{Row, Worst};

/// From this many on, datagrams of the same sort are one line.
const FOLDED: u32 = 3;

/// Lines of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) count: u32,
    /// The worst verdict in it, and whether any finding is above a note.
    pub(super) worst: Worst,
    pub(super) is_noted: bool,
}

impl Step {
    pub(super) fn of(number: usize, row: Row) -> Self {
        Self {
            first: number,
            last: number,
            count: 1,
            worst: row.worst(),
            is_noted: row.severity() > Some(Severity::Note),
        }
    }
}

/// Datagrams that look alike.
pub(super) type Sort = (Option<(ChannelIndex, bool)>, u16);

fn sort_of(row: Row) -> Option<Sort> {
    let kinds = row.kinds();
    let channel = row.channel();
    let is_initiators = |side| side == ppspp_dissector::session::Side::Initiator;
    if kinds.is_keep_alive() {
        // Both directions' are one run.
        return Some((channel.map(|(channel, _)| (channel, false)), 0));
    }
    let is_data = kinds.has(MessageType::Data)
        && !kinds.has(MessageType::Handshake)
        && !kinds.has(MessageType::Request);
    let bits = MessageType::ASSIGNED
        .iter()
        .filter(|kind| kinds.has(**kind) && **kind != MessageType::Integrity)
        .fold(0, |bits, kind| bits | 1 << kind.code());
    is_data.then(|| {
        (
            channel.map(|(channel, side)| (channel, is_initiators(side))),
            bits,
        )
    })
}

/// Adds a datagram to the ladder.
pub(super) fn add(steps: &mut VecDeque<Step>, latest: &mut Option<Sort>, number: usize, row: Row) {
    let sort = sort_of(row);
    if sort.is_some()
        && *latest == sort
        && let Some(step) = steps.back_mut()
    {
        step.last = number;
        step.count += 1;
        step.worst = step.worst.max(row.worst());
        step.is_noted |= row.severity() > Some(Severity::Note);
        return;
    }
    // A run of two is no run.
    if let Some(step) = steps.back().copied()
        && step.count > 1
        && step.count < FOLDED
    {
        steps.pop_back();
        for first in [step.first, step.last] {
            steps.push_back(Step {
                first,
                last: first,
                count: 1,
                ..step
            });
        }
    }
    *latest = sort;
    steps.push_back(Step::of(number, row));
}
