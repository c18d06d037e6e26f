//! A datagram with all its fields: as a tree that can be walked, and as text for
//! `-V`.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::ops::Range;

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{Datagram, Known, Record, Side, Swarm, Time, Verdict};
use ppspp_dissector::wire::dialect::AckTime;
use ppspp_dissector::wire::{
    Bin, ChunkAddressing, ChunkSpec, Handshake, Layout, Located, Message, MessageType,
    ProtocolOption, bitmap_supports,
};

use super::format::{Calendar, Hex, printable};
use super::line::microseconds;
use super::style::Style;

/// Characters of hexadecimal digits that a chunk's or undecoded bytes begin with.
const SHOWN_OF_CHUNK: usize = 16;
const SHOWN_OF_UNDECODED: usize = 32;

/// What a line of the tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// The datagram.
    Heading,
    /// A message's name.
    Message,
    /// A field and its value.
    Field,
    /// What is said of a message's content.
    Verdict(Verdict),
    /// A finding.
    Finding(Severity),
    /// Decoding stopped here.
    Fault,
}

/// One line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// How deep it stands: the datagram 0, messages 1, their fields 2.
    pub depth: usize,
    /// What it is.
    pub kind: NodeKind,
    /// The text; of a finding and a fault, what goes before `rest`.
    pub text: String,
    /// What follows the text less prominently.
    pub rest: String,
    /// The bytes of the datagram that it is about.
    pub bytes: Option<Range<usize>>,
    /// Whether the text form tells those bytes.
    tells_bytes: bool,
}

impl Node {
    fn new(depth: usize, kind: NodeKind, text: impl Into<String>) -> Self {
        Self {
            depth,
            kind,
            text: text.into(),
            rest: String::new(),
            bytes: None,
            tells_bytes: false,
        }
    }

    fn at(mut self, bytes: Range<usize>) -> Self {
        self.bytes = Some(bytes);
        self
    }

    fn telling(mut self, bytes: Range<usize>) -> Self {
        self.tells_bytes = true;
        self.at(bytes)
    }
}

/// Writes a datagram as a tree: addresses, channel, swarm, every message with
/// its byte range and fields, what could not be decoded, every finding.
///
/// # Errors
/// What `out` answers.
pub fn write_tree(
    out: &mut impl Write,
    datagram: &Datagram<'_>,
    record: &Record<'_, '_>,
    comment: Option<&str>,
    style: Style,
) -> io::Result<()> {
    for node in tree(datagram, record, comment) {
        for _ in 0..node.depth {
            out.write_all(b"  ")?;
        }
        let text = &node.text;
        match node.kind {
            NodeKind::Heading => write!(out, "{}", style.heading(text))?,
            NodeKind::Message => write!(out, "{}", style.name(text))?,
            NodeKind::Finding(severity) => write!(out, "{}", style.severity(severity, text))?,
            NodeKind::Fault => write!(out, "{}", style.severity(Severity::Error, text))?,
            NodeKind::Field | NodeKind::Verdict(_) => write!(out, "{text}")?,
        }
        out.write_all(node.rest.as_bytes())?;
        if let Some(bytes) = node.bytes.filter(|_| node.tells_bytes) {
            let last = bytes.end.saturating_sub(1);
            let range = format_args!("[bytes {}-{last}]", bytes.start);
            write!(out, " {}", style.faint(range))?;
        }
        writeln!(out)?;
    }
    writeln!(out)
}

/// A datagram's lines: addresses, channel, swarm, every message with its fields,
/// what could not be decoded, every finding.
pub fn tree(datagram: &Datagram<'_>, record: &Record<'_, '_>, comment: Option<&str>) -> Vec<Node> {
    let field = |text: String| Node::new(1, NodeKind::Field, text);
    let mut nodes = Vec::with_capacity(16);
    let time = datagram.time.map_or_else(
        || "no time".to_owned(),
        |time| Calendar::default().rfc3339(time).to_owned(),
    );
    nodes.push(Node::new(
        0,
        NodeKind::Heading,
        format!(
            "Frame {}: {} → {}, {} bytes, {time}",
            datagram.frame, datagram.source, datagram.destination, datagram.wire_length
        ),
    ));
    if let Some(comment) = comment {
        let comment = printable(comment);
        nodes.extend(
            comment
                .lines()
                .map(|line| field(format!("Comment: {line}"))),
        );
    }
    if datagram.fragments > 1 {
        let count = datagram.fragments;
        nodes.push(field(format!("Reassembled from {count} IP fragments")));
    }
    if datagram.is_cut() {
        nodes.push(field(format!(
            "Cut by the capture: {} of {} bytes are there",
            datagram.payload.len(),
            datagram.wire_length
        )));
    }
    add_channel(&mut nodes, record);
    for (place, located) in record.messages.iter().enumerate() {
        add_message(&mut nodes, located, record);
        nodes.extend(verdict_node(record, place));
    }
    for late in record.late {
        nodes.push(field(format!(
            "Settled: {} {} of frame {} at byte {} is {}",
            late.kind, late.chunks, late.frame, late.offset, late.verdict
        )));
    }
    if record.is_keep_alive() {
        nodes.push(Node::new(1, NodeKind::Message, "KEEPALIVE"));
    }
    let undecoded = datagram.payload.len() - record.undecoded.len()..datagram.payload.len();
    if let Some(fault) = record.fault {
        let node = Node::new(1, NodeKind::Fault, format!("Malformed at {fault}"));
        nodes.push(node.at(undecoded.clone()));
    }
    if !record.undecoded.is_empty() {
        let shown = record.undecoded.len().min(SHOWN_OF_UNDECODED);
        let node = field(format!(
            "Not decoded: {} bytes: {}{}",
            record.undecoded.len(),
            Hex(&record.undecoded[..shown]),
            if shown < record.undecoded.len() {
                "…"
            } else {
                ""
            }
        ));
        nodes.push(node.at(undecoded));
    }
    for finding in record.findings {
        let entry = finding.id.entry();
        let text = format!("! {} {}", entry.severity.name(), entry.name);
        let mut node = Node::new(1, NodeKind::Finding(entry.severity), text);
        let rest = &mut node.rest;
        // Writing to a String does not fail.
        let _ = match finding.offset {
            Some(offset) => write!(rest, " at byte {offset}: {finding}"),
            None => write!(rest, ": {finding}"),
        };
        if !entry.section.is_empty() {
            let _ = write!(rest, " [RFC 7574, section {}]", entry.section);
        }
        node.bytes = finding.offset.and_then(|offset| {
            let messages = record.messages.iter();
            let mut ranges =
                messages.map(|located| located.offset..located.offset + located.length);
            ranges.find(|range| range.contains(&offset))
        });
        nodes.push(node);
    }
    nodes
}

fn add_channel(nodes: &mut Vec<Node>, record: &Record<'_, '_>) {
    let field = |text: String| Node::new(1, NodeKind::Field, text);
    let Some(id) = record.channel_id else {
        return;
    };
    let whose = match (record.channel, record.sender) {
        _ if id.is_zero() => " (opens a channel)",
        (Some(_), Some(Side::Initiator)) => " (the responder's)",
        (Some(_), Some(Side::Responder)) => " (the initiator's)",
        _ => " (not announced in this capture)",
    };
    nodes.push(field(format!("Destination channel: {id}{whose}")).at(0..4));
    if let Some(swarm) = record.swarm {
        nodes.push(match swarm.id.as_deref() {
            Some(id) => field(format!("Swarm: {}", Hex(id))),
            None => field("Swarm: not named in this capture".to_owned()),
        });
        nodes.push(field(format!(
            "Read as: {}",
            read_as(&record.layout, swarm)
        )));
    }
}

/// The layout in words, with what was inferred.
fn read_as(layout: &Layout, swarm: &Swarm) -> String {
    fn mark<T>(known: Option<Known<T>>) -> &'static str {
        if known.is_some_and(|known| known.inferred) {
            " (inferred)"
        } else {
            ""
        }
    }
    format!(
        "{}, {}{}, {}{}",
        layout.dialect.name,
        layout.addressing,
        mark(swarm.chunk_addressing),
        layout.hash_function,
        mark(swarm.hash_function),
    )
}

/// Adds fields one behind the other, each with its bytes.
struct Fields<'n> {
    nodes: &'n mut Vec<Node>,
    at: usize,
}

impl Fields<'_> {
    fn add(&mut self, length: usize, text: impl Into<String>) {
        let node = Node::new(2, NodeKind::Field, text);
        self.nodes.push(node.at(self.at..self.at + length));
        self.at += length;
    }

    /// The chunks, and how they were written where that is another way.
    fn spec(&mut self, spec: ChunkSpec, layout: &Layout) {
        let chunks = spec.chunks(layout.chunk_size.or_assumed());
        let text = match spec {
            ChunkSpec::Chunk32 { .. } | ChunkSpec::Chunk64 { .. } => format!("Chunks: {chunks}"),
            _ => format!("Chunks: {chunks} ({spec})"),
        };
        let width = match spec.addressing() {
            ChunkAddressing::Bin32 => 4,
            ChunkAddressing::Chunk32 | ChunkAddressing::Bin64 => 8,
            _ => 16,
        };
        self.add(width, text);
    }
}

fn add_message(nodes: &mut Vec<Node>, located: &Located<'_>, record: &Record<'_, '_>) {
    let end = located.offset + located.length;
    let name = Node::new(1, NodeKind::Message, located.message.name());
    nodes.push(name.telling(located.offset..end));
    let layout = &record.layout;
    let mut fields = Fields {
        nodes,
        at: located.offset + 1,
    };
    match &located.message {
        Message::Handshake(handshake) => add_handshake(&mut fields, handshake, record),
        Message::Data {
            spec,
            timestamp,
            data,
            data_length,
        } => {
            fields.spec(*spec, layout);
            if let Some(timestamp) = timestamp {
                let shown = unix_time(*timestamp);
                fields.add(8, format!("Timestamp: {timestamp} µs{shown}"));
            }
            let shown = data.len().min(SHOWN_OF_CHUNK);
            let text = format!(
                "Chunk: {data_length} bytes: {}{}",
                Hex(&data[..shown]),
                if shown < *data_length { "…" } else { "" }
            );
            fields.add(*data_length, text);
        }
        Message::Ack { spec, delay } => {
            fields.spec(*spec, layout);
            let text = match layout.dialect.ack_time {
                AckTime::OneWayDelay => format!("One-way delay sample: {}", microseconds(*delay)),
                AckTime::ReceiveTime => {
                    format!("Time of receipt: {delay} µs{}", unix_time(*delay))
                }
            };
            fields.add(8, text);
        }
        Message::Have(spec) | Message::Request(spec) | Message::Cancel(spec) => {
            fields.spec(*spec, layout);
        }
        Message::Integrity { spec, hash } => {
            fields.spec(*spec, layout);
            fields.add(hash.len(), format!("Hash: {}", Hex(hash)));
        }
        Message::SignedIntegrity {
            spec,
            timestamp,
            signature,
        } => {
            fields.spec(*spec, layout);
            let shown = ntp_time(*timestamp);
            fields.add(8, format!("Timestamp: {timestamp}{shown}"));
            fields.add(signature.len(), format!("Signature: {}", Hex(signature)));
        }
        Message::PexResV4 { address, port } => fields.add(6, format!("Peer: {address}:{port}")),
        Message::PexResV6 { address, port } => {
            fields.add(18, format!("Peer: [{address}]:{port}"));
        }
        Message::PexResCert { certificate } => {
            let text = format!("Certificate: {} bytes", certificate.len());
            fields.add(end.saturating_sub(fields.at), text);
        }
        Message::Randomize(value) => fields.add(4, format!("Value: {}", Hex(value))),
        Message::PexReq | Message::Choke | Message::Unchoke => {}
    }
}

/// Whether a chunk, hash or signature is what the swarm ID promises.
fn verdict_node(record: &Record<'_, '_>, place: usize) -> Option<Node> {
    let located = record.messages.get(place)?;
    let concerns = matches!(
        located.message,
        Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
    );
    if !concerns {
        return None;
    }
    let verdict = record.verdict(place);
    let text = match record.receiver_verdict(place) {
        Some(receiver) if receiver != verdict => {
            format!("Integrity: {verdict} (to its receiver: {receiver})")
        }
        _ => format!("Integrity: {verdict}"),
    };
    let mut node = Node::new(2, NodeKind::Verdict(verdict), text);
    if let Some(proof) = proof(record, place) {
        node.rest = format!(" by {proof}");
    }
    Some(node.at(located.offset..located.offset + located.length))
}

/// What a verified chunk is proven by: the way from its leaf up to the swarm ID or a
/// signed munro.
fn proof(record: &Record<'_, '_>, place: usize) -> Option<String> {
    let Message::Data { spec, .. } = record.messages.get(place)?.message else {
        return None;
    };
    let range = spec.chunks(record.layout.chunk_size.or_assumed()).range()?;
    if !range.is_single() || record.verdict(place) != Verdict::Verified {
        return None;
    }
    let found = record.swarm?.verification.as_deref()?;
    let mut node = Bin::leaf(range.start())?;
    let leaf = found.proven_beginning(node)?;
    let leaf = leaf.get(..4).unwrap_or_default();
    let mut text = format!("leaf {}…", Hex(leaf));
    while found.root_bin() != Some(node)
        && let Some(parent) = node.parent()
        && found.proven_beginning(parent).is_some()
    {
        node = parent;
        let range = node.range();
        // Writing to a String does not fail.
        let _ = write!(text, " → {range}");
    }
    text.push_str(if found.root_bin() == Some(node) {
        " (the swarm ID)"
    } else if found.size().is_none() {
        " (signed)"
    } else {
        " (proven)"
    });
    Some(text)
}

fn add_handshake(fields: &mut Fields<'_>, handshake: &Handshake<'_>, record: &Record<'_, '_>) {
    let (layout, cut) = (&record.layout, record.cut);
    let source = if handshake.is_closing() {
        "Source channel: 00000000 (closes the channel)".to_owned()
    } else {
        format!("Source channel: {}", handshake.source_channel)
    };
    fields.add(4, source);
    for option in &handshake.options {
        let length = option.wire_length(layout.dialect);
        let (name, value) = describe(option);
        fields.add(length, format!("{name}: {value}"));
        if let Some(node) = fields.nodes.last_mut() {
            node.tells_bytes = true;
        }
    }
    if layout.dialect.handshake_options && !handshake.has_end {
        let why = if cut { ": cut by the capture" } else { "" };
        fields.add(0, format!("No end option{why}"));
    }
}

fn describe(option: &ProtocolOption<'_>) -> (String, String) {
    let code = option.code().code();
    let (name, value) = match option {
        ProtocolOption::Version(value) => ("Version", value.to_string()),
        ProtocolOption::MinimumVersion(value) => ("Minimum version", value.to_string()),
        ProtocolOption::SwarmId(id) => ("Swarm ID", format!("{} ({} bytes)", Hex(id), id.len())),
        ProtocolOption::ContentIntegrity(value) => (
            "Content integrity protection method",
            coded(value, value.code()),
        ),
        ProtocolOption::HashFunction(value) => {
            ("Merkle tree hash function", coded(value, value.code()))
        }
        ProtocolOption::SignatureAlgorithm(value) => {
            ("Live signature algorithm", coded(value, value.code()))
        }
        ProtocolOption::ChunkAddressing(value) => {
            ("Chunk addressing method", coded(value, value.code()))
        }
        ProtocolOption::LiveDiscardWindow(window) if window.is_everything() => {
            ("Live discard window", "keeps everything".to_owned())
        }
        ProtocolOption::LiveDiscardWindow(window) => {
            ("Live discard window", window.value().to_string())
        }
        ProtocolOption::SupportedMessages(bitmap) => {
            let names: Vec<&str> = MessageType::ASSIGNED
                .iter()
                .filter(|kind| bitmap_supports(bitmap, **kind))
                .filter_map(|kind| kind.name())
                .collect();
            (
                "Supported messages",
                format!("{} ({})", Hex(bitmap), names.join(" ")),
            )
        }
        ProtocolOption::ChunkSize(u32::MAX) => ("Chunk size", "variable".to_owned()),
        ProtocolOption::ChunkSize(size) => ("Chunk size", format!("{size} bytes")),
        ProtocolOption::Foreign { name, value, .. } => {
            return (format!("Option {code}, {name}"), Hex(value).to_string());
        }
    };
    (format!("Option {code}, {name}"), value)
}

fn coded(name: impl std::fmt::Display, code: u8) -> String {
    format!("{name} ({code})")
}

/// A clock in Unix microseconds as a date, where it is one of our days.
fn unix_time(microseconds: u64) -> String {
    date(i64::try_from(microseconds).ok())
}

/// An NTP timestamp (RFC 5905) as a date, where it is one of our days.
fn ntp_time(timestamp: u64) -> String {
    let seconds = (timestamp >> 32) as i64 - Time::NTP_EPOCH;
    let fraction = ((timestamp & 0xffff_ffff) * 1_000_000) >> 32;
    let shown = date(Some(seconds * 1_000_000 + fraction as i64));
    if shown.is_empty() {
        // libswift writes Unix microseconds.
        unix_time(timestamp)
    } else {
        shown
    }
}

fn date(microseconds: Option<i64>) -> String {
    // 1990 to 2100.
    const SENSIBLE: std::ops::Range<i64> = 631_152_000_000_000..4_102_444_800_000_000;
    microseconds
        .filter(|value| SENSIBLE.contains(value))
        .and_then(|value| jiff::Timestamp::from_microsecond(value).ok())
        .map_or_else(String::new, |time| format!(" ({time})"))
}
