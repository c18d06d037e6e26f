//! What verifying a capture found out.

use std::io::{self, Write};

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{Analyzer, Failure, Swarm, Tally, Verification};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::format::{Hex, counts_in_words};
use super::json::Shown;
use super::stats::{ChunkCounts, content_length};
use super::style::Style;

/// What `verify` tells.
#[derive(Clone, Copy, Debug)]
pub struct VerificationSummary<'a> {
    /// What the session found out.
    pub analyzer: &'a Analyzer,
    /// The swarms that were asked for.
    pub swarms: &'a [&'a Swarm],
    /// Every failure in them, by frame.
    pub failures: &'a [Failure],
    /// Further failures that were counted only.
    pub further_failures: u64,
}

impl VerificationSummary<'_> {
    /// Whether nothing failed.
    pub const fn is_ok(&self) -> bool {
        self.failures.is_empty() && self.further_failures == 0
    }
}

/// Writes the result as one JSON object, as DESIGN.md fixes it.
///
/// # Errors
/// What `out` answers.
pub fn write_verification_json(
    out: &mut impl Write,
    summary: &VerificationSummary<'_>,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, summary)?;
    writeln!(out)
}

impl Serialize for VerificationSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ok", &self.is_ok())?;
        let swarms: Vec<_> = self.swarms.iter().map(|swarm| OneSwarm(swarm)).collect();
        map.serialize_entry("swarms", &swarms)?;
        let failures: Vec<_> = self
            .failures
            .iter()
            .map(|failure| OneFailure {
                failure,
                swarm: self.analyzer.swarm(failure.swarm),
            })
            .collect();
        map.serialize_entry("failures", &failures)?;
        if self.further_failures > 0 {
            map.serialize_entry("further_failures", &self.further_failures)?;
        }
        map.end()
    }
}

struct OneSwarm<'a>(&'a Swarm);

impl Serialize for OneSwarm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let swarm = self.0;
        let found = swarm.verification.as_deref();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &swarm.id.as_deref().map(Hex))?;
        map.serialize_entry("content_integrity", &swarm.content_integrity.map(Shown))?;
        map.serialize_entry(
            "hash_function",
            &swarm.hash_function.map(|known| Shown(known.value)),
        )?;
        map.serialize_entry("chunk_size", &swarm.chunk_size().map(|known| known.value))?;
        map.serialize_entry("chunks", &ChunkCounts::of(swarm))?;
        let signatures = found.map(|found| *found.signatures()).unwrap_or_default();
        map.serialize_entry("signatures", &Counts(&signatures))?;
        let messages = found.map(|found| *found.messages()).unwrap_or_default();
        map.serialize_entry("data_messages", &Counts(&messages))?;
        let is_complete = found.is_some_and(Verification::is_complete);
        map.serialize_entry("complete", &is_complete)?;
        map.serialize_entry("content_length", &content_length(swarm))?;
        let receivers: Vec<_> = found
            .into_iter()
            .flat_map(Verification::receivers)
            .filter(|(_, receiver)| *receiver.tally() != Tally::default())
            .map(|(address, receiver)| OneReceiver {
                address: address.to_string(),
                tally: receiver.tally(),
            })
            .collect();
        map.serialize_entry("receivers", &receivers)?;
        map.end()
    }
}

struct Counts<'a>(&'a Tally);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        serialize_tally(&mut map, self.0)?;
        map.end()
    }
}

fn serialize_tally<M: SerializeMap>(map: &mut M, tally: &Tally) -> Result<(), M::Error> {
    map.serialize_entry("verified", &tally.verified)?;
    map.serialize_entry("failed", &tally.failed)?;
    map.serialize_entry("unverified", &tally.unverified)?;
    map.serialize_entry("unprotected", &tally.unprotected)
}

/// What one receiver could verify of the DATA sent to it when that came.
struct OneReceiver<'a> {
    address: String,
    tally: &'a Tally,
}

impl Serialize for OneReceiver<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("address", &self.address)?;
        serialize_tally(&mut map, self.tally)?;
        map.end()
    }
}

struct OneFailure<'a> {
    failure: &'a Failure,
    swarm: &'a Swarm,
}

impl Serialize for OneFailure<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let failure = self.failure;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("frame", &failure.frame)?;
        map.serialize_entry("swarm", &self.swarm.id.as_deref().map(Hex))?;
        map.serialize_entry("chunk", &failure.chunks.start())?;
        map.serialize_entry("src", &failure.source)?;
        map.serialize_entry("reason", &Shown(failure.reason))?;
        map.serialize_entry("type", &Shown(failure.kind))?;
        map.serialize_entry("chunks", &[failure.chunks.start(), failure.chunks.end()])?;
        map.serialize_entry("offset", &failure.offset)?;
        map.end()
    }
}

/// Writes the result for people.
///
/// # Errors
/// What `out` answers.
pub fn write_verification(
    out: &mut impl Write,
    summary: &VerificationSummary<'_>,
    style: Style,
) -> io::Result<()> {
    for swarm in summary.swarms {
        write_swarm(out, swarm, style)?;
    }
    for failure in summary.failures {
        writeln!(
            out,
            "{} frame {}: {} {} from {}: {} (byte {})",
            style.severity(Severity::Error, "FAILED"),
            failure.frame,
            failure.kind,
            failure.chunks,
            failure.source,
            failure.reason,
            failure.offset,
        )?;
    }
    if summary.further_failures > 0 {
        writeln!(out, "… and {} more", summary.further_failures)?;
    }
    Ok(())
}

fn write_swarm(out: &mut impl Write, swarm: &Swarm, style: Style) -> io::Result<()> {
    let name = swarm
        .id
        .as_deref()
        .map_or_else(|| "(unknown swarm)".to_owned(), |id| Hex(id).to_string());
    writeln!(out, "{}", style.swarm(name))?;
    let chunks = ChunkCounts::of(swarm);
    let found = swarm.verification.as_deref();
    let total = chunks
        .total
        .map(|total| format!(" of {total}"))
        .unwrap_or_default();
    let verdicts = match chunks.in_words() {
        words if words.is_empty() => "none seen".to_owned(),
        words => words,
    };
    writeln!(out, "  {}{total} chunks: {verdicts}", chunks.seen)?;
    if let Some(length) = content_length(swarm) {
        let complete = if found.is_some_and(Verification::is_complete) {
            "complete"
        } else {
            "incomplete"
        };
        writeln!(out, "  {complete} content of {length} bytes")?;
    }
    let Some(found) = found else {
        return Ok(());
    };
    let signatures = in_words(found.signatures());
    if !signatures.is_empty() {
        writeln!(out, "  signatures: {signatures}")?;
    }
    for (address, receiver) in found.receivers() {
        let tally = receiver.tally();
        if tally.unverified + tally.failed > 0 {
            writeln!(
                out,
                "  {address} could verify {} of {} chunks when they came",
                tally.verified,
                tally.verified + tally.unverified + tally.failed
            )?;
        }
    }
    Ok(())
}

fn in_words(tally: &Tally) -> String {
    counts_in_words(&[
        (tally.verified, "verified"),
        (tally.failed, "failed"),
        (tally.unverified, "not verified"),
    ])
}
