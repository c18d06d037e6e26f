//! What a peer at work tells: lines for people, or a JSON object a line.

use std::io::{self, Write};
use std::time::Duration;

use ppspp_dissector::wire::HashFunction;
use serde_json::{Value, json};

use super::format::Hex;
use crate::peer::engine::{Ending, Event, Moment, Peer, SwarmKey};

/// How far a swarm is.
#[derive(Clone, Copy, Debug)]
pub struct TransferSummary<'a> {
    /// The peer.
    pub peer: &'a Peer,
    /// The swarm.
    pub swarm: SwarmKey,
    /// Its ID.
    pub id: &'a [u8],
    /// Bytes of a chunk.
    pub chunk_size: u32,
    /// Bytes of content that came and went since the last summary, and in what
    /// time.
    pub received: u64,
    /// See `received`.
    pub sent: u64,
    /// See `received`.
    pub within: Duration,
}

impl TransferSummary<'_> {
    fn chunks(&self) -> u64 {
        let present = self.peer.present(self.swarm).into_iter();
        present
            .flat_map(rangemap::RangeInclusiveSet::iter)
            .map(|range| range.end() - range.start() + 1)
            .sum()
    }

    fn speed(&self, bytes: u64) -> u64 {
        let micros = self.within.as_micros().max(1);
        u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX)
    }
}

/// Writes a summary as one JSON object on a line.
///
/// # Errors
/// What `out` answers.
pub fn write_transfer_json(
    out: &mut impl Write,
    now: Moment,
    summary: &TransferSummary<'_>,
) -> io::Result<()> {
    let totals = summary.peer.totals(summary.swarm);
    let object = json!({
        "event": "progress",
        "time_us": now.microseconds(),
        "swarm": Hex(summary.id).to_string(),
        "chunks": summary.chunks(),
        "total": summary.peer.size(summary.swarm),
        "peers": summary.peer.channels(summary.swarm).filter(|channel| channel.open).count(),
        "received": totals.received,
        "sent": totals.sent,
        "receiving": summary.speed(summary.received),
        "sending": summary.speed(summary.sent),
        "duplicate": totals.duplicate,
        "wrong": totals.wrong,
        "unproven": totals.unproven,
        "resent": totals.resent,
    });
    line(out, &object)
}

/// Writes a summary for people, without line break.
///
/// # Errors
/// What `out` answers.
pub fn write_transfer(out: &mut impl Write, summary: &TransferSummary<'_>) -> io::Result<()> {
    let chunks = summary.chunks();
    match summary.peer.size(summary.swarm) {
        Some(total) => write!(
            out,
            "{:3} % of {total} chunks",
            chunks.saturating_mul(100) / total.max(1)
        )?,
        None => write!(out, "{chunks} chunks")?,
    }
    let peers = summary.peer.channels(summary.swarm);
    write!(
        out,
        ", {} peers, {} in, {} out",
        peers.filter(|channel| channel.open).count(),
        Speed(summary.speed(summary.received)),
        Speed(summary.speed(summary.sent)),
    )
}

/// What a comparison of complete content with its swarm ID has come to, where
/// nothing else vouches for it.
#[derive(Debug)]
pub struct Comparison {
    /// Whether the swarm ID is its root hash; `None` where it can be none.
    pub matches: Option<io::Result<bool>>,
    /// Bytes of the swarm ID.
    pub id_length: usize,
    /// The hash function of the root hash.
    pub function: Option<HashFunction>,
    /// Bytes of a chunk.
    pub chunk_size: u32,
}

/// Writes a comparison as one JSON object on a line: `matches` is null where the
/// swarm ID can be no root hash, or the content could not be read.
///
/// # Errors
/// What `out` answers.
pub fn write_comparison_json(
    out: &mut impl Write,
    now: Moment,
    comparison: &Comparison,
) -> io::Result<()> {
    let matches = match &comparison.matches {
        Some(Ok(matches)) => Some(matches),
        Some(Err(_)) | None => None,
    };
    let object = json!({
        "event": "compared",
        "time_us": now.microseconds(),
        "matches": matches,
        "detail": words(comparison),
    });
    line(out, &object)
}

/// Writes a comparison for people, without line break.
///
/// # Errors
/// What `out` answers.
pub fn write_comparison(out: &mut impl Write, comparison: &Comparison) -> io::Result<()> {
    write!(out, "{}", words(comparison))
}

fn words(comparison: &Comparison) -> String {
    let function = comparison.function.map(|it| it.to_string());
    let function = function.as_deref().unwrap_or_default();
    let size = comparison.chunk_size;
    match &comparison.matches {
        Some(Ok(true)) => "content matches swarm ID".to_owned(),
        Some(Ok(false)) => format!(
            "content does not match swarm ID, which is not its root hash ({function}, chunks of \
             {size} bytes): nothing vouches for it"
        ),
        Some(Err(error)) => {
            format!("content could not be compared with swarm ID ({error}): nothing vouches for it")
        }
        None => format!(
            "a swarm ID of {} bytes is no root hash: nothing vouches for the content",
            comparison.id_length
        ),
    }
}

/// Writes an event as one JSON object on a line.
///
/// # Errors
/// What `out` answers.
pub fn write_event_json(out: &mut impl Write, now: Moment, event: &Event) -> io::Result<()> {
    let (name, address, detail) = parts(event);
    let object = json!({
        "event": name,
        "time_us": now.microseconds(),
        "address": address,
        "detail": detail,
    });
    line(out, &object)
}

/// Writes an event for people, without line break.
///
/// # Errors
/// What `out` answers.
pub fn write_event(out: &mut impl Write, event: &Event) -> io::Result<()> {
    let (name, address, detail) = parts(event);
    write!(out, "{name}")?;
    if let Some(address) = address {
        write!(out, " {address}")?;
    }
    match detail {
        Some(detail) => write!(out, ": {detail}"),
        None => Ok(()),
    }
}

fn parts(event: &Event) -> (&'static str, Option<String>, Option<String>) {
    match event {
        Event::Connected { address, .. } => ("connected", Some(address.to_string()), None),
        Event::Disconnected {
            address, ending, ..
        } => {
            let why = match ending {
                Ending::ByPeer => "it closed the channel",
                Ending::ByUs => "we closed the channel",
                Ending::Unanswered => "it does not answer",
                Ending::Dead => "it fell silent",
                Ending::Incompatible(why) | Ending::Malicious(why) => why,
                Ending::Abusive => "it sent too much that nobody asked for",
            };
            (
                "disconnected",
                Some(address.to_string()),
                Some(why.to_owned()),
            )
        }
        Event::SizeKnown { chunks, .. } => ("size", None, Some(format!("{chunks} chunks"))),
        Event::TunedIn { chunk, .. } => ("tuned in", None, Some(format!("chunk {chunk}"))),
        Event::Complete { .. } => ("complete", None, None),
        Event::PeerFound { address, .. } => ("found", Some(address.to_string()), None),
        Event::MembershipClaimed { address, .. } => {
            ("membership claimed", Some(address.to_string()), None)
        }
        Event::MembershipRefused {
            address, reason, ..
        } => (
            "certificate refused",
            Some(address.to_string()),
            Some(reason.clone()),
        ),
        Event::StoreFailed { error, .. } => ("failed", None, Some(error.to_string())),
    }
}

fn line(out: &mut impl Write, object: &Value) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object)?;
    writeln!(out)
}

/// Bytes a second.
struct Speed(u64);

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0..10_000 => write!(f, "{} B/s", self.0),
            10_000..10_000_000 => write!(f, "{} kB/s", self.0 / 1_000),
            _ => write!(f, "{} MB/s", self.0 / 1_000_000),
        }
    }
}
