//! The datagrams of a probe as `read` shows them, for reports that stand without
//! the capture.

use std::collections::{BTreeMap, BTreeSet};

use ppspp_dissector::session::{Analyzer, Config, Datagram, Time, Transport, recycle};
use ppspp_dissector::wire::ChunkSize;

use super::line::sentence;
use super::probe::{ProbeSummary, frames};
use crate::probe::Frame;

/// Datagrams of one case that are shown.
const SHOWN: usize = 8;

/// A datagram that decided a case.
#[derive(Clone, Debug)]
pub(super) struct Shown<'a> {
    /// What it was.
    pub(super) frame: &'a Frame,
    /// Its messages, as a line of `read` has them.
    pub(super) messages: String,
}

/// The numbers, in the capture, of the datagrams of a case that are shown, and how
/// many more there are.
pub(super) fn shown(numbers: &[usize]) -> (&[usize], usize) {
    let (shown, more) = numbers.split_at(numbers.len().min(SHOWN));
    (shown, more.len())
}

/// The datagrams that decided cases, by their numbers in the capture. All are
/// analyzed, as what a datagram means depends on those before it.
pub(super) fn decisive<'a>(summary: &ProbeSummary<'a>) -> BTreeMap<usize, Shown<'a>> {
    let report = summary.report;
    let firsts = report.first_frames();
    let wanted: BTreeSet<usize> = report
        .cases
        .iter()
        .zip(firsts)
        .flat_map(|(case, first)| shown(&frames(case, first)).0.to_vec())
        .collect();
    let Some(last) = wanted.last() else {
        return BTreeMap::new();
    };
    let mut analyzer = Analyzer::new(Config {
        addressing: Some(summary.swarm.addressing),
        hash_function: Some(summary.swarm.hash_function),
        chunk_size: Some(ChunkSize::Fixed(summary.swarm.chunk_size)),
        verify: true,
        ..Config::default()
    });
    let cases = report.cases.iter().flat_map(|case| &case.record);
    let mut messages = Vec::new();
    let mut found = BTreeMap::new();
    for (index, frame) in report.record.iter().chain(cases).enumerate().take(*last) {
        let number = index + 1;
        let nanoseconds = frame.at.microseconds().saturating_mul(1_000);
        let datagram = Datagram {
            frame: number as u64,
            time: i64::try_from(nanoseconds).ok().map(Time::from_nanoseconds),
            source: frame.source,
            destination: frame.destination,
            transport: Transport::Udp,
            payload: &frame.bytes,
            wire_length: frame.bytes.len(),
            fragments: 1,
        };
        let record = analyzer.datagram(&datagram, &mut messages);
        if wanted.contains(&number) {
            let messages = match &record {
                Some(record) => sentence(record),
                None => "not PPSPP".to_owned(),
            };
            found.insert(number, Shown { frame, messages });
        }
        messages = recycle(std::mem::take(&mut messages));
    }
    found
}
