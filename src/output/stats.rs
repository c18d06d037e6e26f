//! Statistics of a whole capture.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;

use ppspp_dissector::finding::Entry;
use ppspp_dissector::session::{
    Analyzer, Channel, Known, MessageCounts, Side, State, Swarm, Totals,
};
use ppspp_dissector::wire::ChannelId;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::format::{Hex, counts_in_words, printable, section};
use super::json::{DeclaredOptions, Shown};
use super::style::Style;
use crate::capture::Counters;
use crate::selection::{ChannelSelection, Selection};

/// What `stats` tells.
#[derive(Clone, Copy, Debug)]
pub struct CaptureSummary<'a> {
    /// What the capture held.
    pub counters: &'a Counters,
    /// What the session found out.
    pub analyzer: &'a Analyzer,
    /// What pcapng files say of themselves.
    pub comments: &'a [String],
    /// Of which datagrams it tells; `None` for all.
    pub selection: Option<&'a Selection>,
}

impl<'a> CaptureSummary<'a> {
    /// Of the datagrams that it tells of.
    fn totals(&self) -> Totals {
        let totals = self.analyzer.totals();
        match self.selection {
            Some(selection) => Totals {
                datagrams: selection.datagrams(),
                malformed: selection.malformed(),
                messages: selection.messages(),
                ..totals
            },
            None => totals,
        }
    }

    fn swarms(&self) -> Vec<&'a Swarm> {
        match self.selection {
            Some(selection) => selection.swarms(self.analyzer),
            None => self.analyzer.swarms().collect(),
        }
    }

    fn channels(&self) -> Vec<OneChannel<'a>> {
        let channels: Vec<(&Channel, ChannelSelection)> = if let Some(selection) = self.selection {
            selection.channels(self.analyzer)
        } else {
            let all = self.analyzer.channels();
            all.map(|channel| (channel, ChannelSelection::all_of(channel)))
                .collect()
        };
        let with_swarm = channels.into_iter().map(|(channel, counts)| OneChannel {
            channel,
            counts,
            swarm: self.analyzer.swarm_of(channel),
        });
        with_swarm.collect()
    }

    fn findings(&self) -> Vec<(&'static Entry, u64)> {
        match self.selection {
            Some(selection) => selection.findings().collect(),
            None => self.analyzer.finding_counts().collect(),
        }
    }

    /// UDP datagrams and TCP segments with payload that are not PPSPP.
    fn not_ppspp(&self, totals: &Totals) -> u64 {
        totals.not_ppspp + self.counters.tcp_other_segments
    }
}

/// Writes the statistics as one JSON object, as DESIGN.md fixes it.
///
/// # Errors
/// What `out` answers.
pub fn write_stats_json(out: &mut impl Write, summary: &CaptureSummary<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, summary)?;
    writeln!(out)
}

impl Serialize for CaptureSummary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let totals = self.totals();
        let mut map = serializer.serialize_map(None)?;
        if let Some(selection) = self.selection {
            map.serialize_entry("filter", &Shown(selection.filter()))?;
        }
        map.serialize_entry("frames", &self.counters.frames)?;
        map.serialize_entry("datagrams", &totals.datagrams)?;
        map.serialize_entry("not_ppspp", &self.not_ppspp(&totals))?;
        map.serialize_entry("malformed", &totals.malformed)?;
        map.serialize_entry("messages", &Counts(&totals.messages))?;
        let swarms: Vec<_> = self.swarms().into_iter().map(OneSwarm).collect();
        map.serialize_entry("swarms", &swarms)?;
        map.serialize_entry("channels", &self.channels())?;
        let findings: BTreeMap<_, _> = self
            .findings()
            .into_iter()
            .map(|(entry, count)| (entry.name, count))
            .collect();
        map.serialize_entry("findings", &findings)?;
        map.serialize_entry("other", &Other(self.counters))?;
        if !self.comments.is_empty() {
            map.serialize_entry("comments", self.comments)?;
        }
        map.end()
    }
}

struct Counts<'a>(&'a MessageCounts);

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.named())
    }
}

struct OneSwarm<'a>(&'a Swarm);

impl Serialize for OneSwarm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let swarm = self.0;
        let chunk_size = swarm.chunk_size();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &swarm.id.as_deref().map(Hex))?;
        map.serialize_entry("dialect", swarm.dialect.name)?;
        map.serialize_entry("content_integrity", &swarm.content_integrity.map(Shown))?;
        map.serialize_entry(
            "hash_function",
            &swarm.hash_function.map(|known| Shown(known.value)),
        )?;
        map.serialize_entry(
            "chunk_addressing",
            &swarm.chunk_addressing.map(|known| Shown(known.value)),
        )?;
        map.serialize_entry("chunk_size", &chunk_size.map(|known| known.value))?;
        map.serialize_entry("content_length", &content_length(swarm))?;
        map.serialize_entry("chunks", &ChunkCounts::of(swarm))?;
        map.serialize_entry("peers", &swarm.peers().collect::<Vec<_>>())?;
        let inferred: Vec<_> = inferred_of(swarm);
        if !inferred.is_empty() {
            map.serialize_entry("inferred", &inferred)?;
        }
        map.end()
    }
}

/// Names of a swarm's values that no handshake told.
fn inferred_of(swarm: &Swarm) -> Vec<&'static str> {
    fn is<T>(known: Option<Known<T>>) -> bool {
        known.is_some_and(|known| known.inferred)
    }
    [
        (is(swarm.hash_function), "hash_function"),
        (is(swarm.chunk_addressing), "chunk_addressing"),
        (is(swarm.chunk_size()), "chunk_size"),
    ]
    .into_iter()
    .filter_map(|(inferred, name)| inferred.then_some(name))
    .collect()
}

/// Bytes of static content, once its peaks and its last chunk are verified.
pub(super) fn content_length(swarm: &Swarm) -> Option<u64> {
    let size = swarm.chunk_size().map(|known| known.value);
    swarm.verification.as_ref()?.content_length(size)
}

/// Chunks of a swarm by verdict.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ChunkCounts {
    pub(super) total: Option<u64>,
    pub(super) seen: u64,
    pub(super) verified: u64,
    pub(super) failed: u64,
    pub(super) unverified: u64,
    pub(super) unprotected: u64,
}

impl ChunkCounts {
    pub(super) fn of(swarm: &Swarm) -> Self {
        let seen = swarm.seen.len();
        let Some(found) = &swarm.verification else {
            return Self {
                seen,
                unverified: seen,
                ..Self::default()
            };
        };
        Self {
            total: found.size(),
            seen,
            verified: found.verified().len(),
            failed: found.failed().len(),
            unverified: seen.saturating_sub(found.judged()),
            unprotected: found.unprotected().len(),
        }
    }

    /// Those that there are, in words.
    pub(super) fn in_words(self) -> String {
        counts_in_words(&[
            (self.verified, "verified"),
            (self.failed, "failed"),
            (self.unverified, "not verified"),
            (self.unprotected, "unprotected"),
        ])
    }
}

impl Serialize for ChunkCounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("total", &self.total)?;
        map.serialize_entry("seen", &self.seen)?;
        map.serialize_entry("verified", &self.verified)?;
        map.serialize_entry("failed", &self.failed)?;
        map.serialize_entry("unverified", &self.unverified)?;
        map.serialize_entry("unprotected", &self.unprotected)?;
        map.end()
    }
}

struct OneChannel<'a> {
    channel: &'a Channel,
    /// Of its datagrams, those that are told of.
    counts: ChannelSelection,
    swarm: &'a Swarm,
}

impl Serialize for OneChannel<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let channel = self.channel;
        let (initiator, responder) = (channel.end(Side::Initiator), channel.end(Side::Responder));
        let id = |id: Option<ChannelId>| id.map(Shown);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("swarm", &self.swarm.id.as_deref().map(Hex))?;
        map.serialize_entry("initiator", &initiator.address)?;
        map.serialize_entry("responder", &responder.address)?;
        map.serialize_entry("initiator_channel", &id(initiator.id))?;
        map.serialize_entry("responder_channel", &id(responder.id))?;
        map.serialize_entry("state", &state(channel))?;
        map.serialize_entry("dialect", initiator.layout.dialect.name)?;
        map.serialize_entry("datagrams", &self.counts.datagrams)?;
        map.serialize_entry("messages", &Counts(&self.counts.messages))?;
        for (name, end) in [
            ("initiator_options", initiator),
            ("responder_options", responder),
        ] {
            if let Some(declared) = &end.declared {
                map.serialize_entry(name, &DeclaredOptions(declared))?;
            }
        }
        map.end()
    }
}

/// A channel's state in words.
fn state(channel: &Channel) -> String {
    match channel.state {
        State::HalfOpen => "half-open".to_owned(),
        State::Answered | State::Established => "established".to_owned(),
        State::Joined => "joined".to_owned(),
        State::Closed(_) => match channel.closed_by() {
            Some(address) => format!("closed by {address}"),
            None => "closed".to_owned(),
        },
    }
}

/// Everything in the capture that is no datagram of ours.
struct Other<'a>(&'a Counters);

impl Other<'_> {
    fn named(&self) -> Vec<(String, u64)> {
        let c = self.0;
        let counts = [
            ("arp", c.arp),
            ("icmp", c.icmp),
            ("other_ip", c.other_ip),
            ("other_link", c.other_link),
            ("tcp_segments", c.tcp_other_segments),
            ("tcp_segments_empty", c.tcp_empty_segments),
            ("tcp_segments_framed", c.tcp_framed_segments),
            ("tcp_gaps", c.tcp_gaps),
            ("tcp_streams_dropped", c.tcp_dropped),
            ("tunnelled", c.tunnelled),
            ("tunnels_too_deep", c.too_deep),
            ("ip_fragments", c.fragments),
            ("ip_reassembled", c.reassembled),
            ("ip_fragments_bad", c.fragments_bad),
            ("ip_fragments_overlapping", c.fragments_overlapping),
            ("ip_fragments_dropped", c.fragments_dropped),
            ("ip_fragments_expired", c.fragments_expired),
            ("ip_fragments_unfinished", c.fragments_unfinished),
            ("headers_cut", c.cut_headers),
            ("headers_bad", c.bad_headers),
            ("udp_lengths_bad", c.bad_udp_lengths),
            ("unknown_interface", c.unknown_interface),
        ];
        let links = c
            .unsupported_links
            .iter()
            .map(|(link, count)| (format!("unsupported_link_type_{link}"), *count));
        counts
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count))
            .chain(links)
            .filter(|(_, count)| *count > 0)
            .collect()
    }
}

impl Serialize for Other<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.named())
    }
}

/// Writes the statistics for people.
///
/// # Errors
/// What `out` answers.
pub fn write_stats(
    out: &mut impl Write,
    summary: &CaptureSummary<'_>,
    style: Style,
) -> io::Result<()> {
    let totals = summary.totals();
    if let Some(selection) = summary.selection {
        let all = summary.analyzer.totals().datagrams;
        let (fit, filter) = (selection.datagrams(), selection.filter());
        writeln!(out, "Filter: {fit} of {all} PPSPP datagrams fit {filter}")?;
    }
    writeln!(
        out,
        "{} frames: {} PPSPP datagrams ({} malformed), {} not PPSPP",
        summary.counters.frames,
        totals.datagrams,
        totals.malformed,
        summary.not_ppspp(&totals),
    )?;
    for comment in summary.comments {
        writeln!(out, "Comment: {}", printable(comment))?;
    }
    let other = Other(summary.counters).named();
    if !other.is_empty() {
        let list: Vec<String> = other
            .iter()
            .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
            .collect();
        writeln!(out, "{}", style.faint(list.join(", ")))?;
    }
    let counts = totals.messages.named();
    if !counts.is_empty() {
        writeln!(out, "\n{}", style.heading("Messages"))?;
        for (name, count) in counts {
            writeln!(
                out,
                "  {} {count:>10}",
                style.name(format_args!("{name:<16}"))
            )?;
        }
    }
    let swarms = summary.swarms();
    if !swarms.is_empty() {
        writeln!(
            out,
            "\n{}",
            style.heading(format_args!("Swarms ({})", swarms.len()))
        )?;
        for swarm in swarms {
            write_swarm(out, swarm, style)?;
        }
    }
    let channels = summary.channels();
    if !channels.is_empty() {
        writeln!(
            out,
            "\n{}",
            style.heading(format_args!("Channels ({})", channels.len()))
        )?;
        for channel in channels {
            write_channel(out, &channel, style)?;
        }
    }
    let mut findings = summary.findings();
    if !findings.is_empty() {
        findings.sort_by_key(|(entry, _)| (std::cmp::Reverse(entry.severity), entry.name));
        writeln!(out, "\n{}", style.heading("Findings"))?;
        let width = findings.iter().map(|(entry, _)| entry.name.len()).max();
        let width = width.unwrap_or(0);
        for (entry, count) in findings {
            writeln!(
                out,
                "  {} {:<width$} {:<6} {count:>7} ×  {}",
                style.severity_column(entry.severity),
                entry.name,
                section(entry),
                entry.text
            )?;
        }
    }
    Ok(())
}

fn write_swarm(out: &mut impl Write, swarm: &Swarm, style: Style) -> io::Result<()> {
    fn known<T: std::fmt::Display>(known: Option<Known<T>>) -> Option<String> {
        known.map(|known| {
            let mark = if known.inferred { " (inferred)" } else { "" };
            format!("{}{mark}", known.value)
        })
    }
    let id = swarm
        .id
        .as_deref()
        .map_or_else(|| "(not named)".to_owned(), |id| Hex(id).to_string());
    writeln!(out, "  {}", style.swarm(id))?;
    let size = swarm.chunk_size().map(|size| {
        let mark = if size.inferred { " (inferred)" } else { "" };
        format!("chunks of {} bytes{mark}", size.value)
    });
    let facts: Vec<String> = [
        Some(swarm.dialect.name.to_owned()),
        swarm.content_integrity.map(|method| method.to_string()),
        known(swarm.hash_function),
        known(swarm.chunk_addressing),
        size,
    ]
    .into_iter()
    .flatten()
    .collect();
    writeln!(out, "    {}", facts.join(" · "))?;
    let chunks = ChunkCounts::of(swarm);
    let total = chunks
        .total
        .map(|total| format!(" of {total}"))
        .unwrap_or_default();
    let verdicts = match chunks.in_words() {
        words if words.is_empty() => String::new(),
        words => format!(" ({words})"),
    };
    let peers: Vec<String> = swarm.peers().map(SocketAddr::to_string).collect();
    writeln!(
        out,
        "    {}{total} chunks seen{verdicts} in {} DATA messages; {} peers: {}",
        chunks.seen,
        swarm.data_messages,
        peers.len(),
        abridged(&peers)
    )
}

/// The first few of a long list.
fn abridged(list: &[String]) -> String {
    const MOST: usize = 8;
    if list.len() <= MOST {
        list.join(" ")
    } else {
        format!(
            "{} … and {} more",
            list[..MOST].join(" "),
            list.len() - MOST
        )
    }
}

fn write_channel(out: &mut impl Write, one: &OneChannel<'_>, style: Style) -> io::Result<()> {
    let channel = one.channel;
    let end = |side| {
        let end = channel.end(side);
        match end.id {
            Some(id) => format!("{} ({id})", end.address),
            None => format!("{} (?)", end.address),
        }
    };
    let counts: Vec<String> = one
        .counts
        .messages
        .named()
        .into_iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    writeln!(
        out,
        "  {} → {}  {}  {}, {} datagrams",
        end(Side::Initiator),
        end(Side::Responder),
        style.swarm(super::format::short_swarm(Some(one.swarm))),
        state(channel),
        one.counts.datagrams,
    )?;
    writeln!(out, "    {}", style.faint(counts.join(", ")))
}
