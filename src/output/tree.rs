//! A datagram with all its fields, for `-V`.

use std::io::{self, Write};

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{Datagram, Known, Record, Side, Swarm, Time};
use ppspp_dissector::wire::dialect::AckTime;
use ppspp_dissector::wire::{
    ChunkSpec, Handshake, Layout, Located, Message, MessageType, ProtocolOption, bitmap_supports,
};

use super::format::{Calendar, Hex, printable};
use super::line::microseconds;
use super::style::Style;

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
    let time = datagram.time.map_or_else(
        || "no time".to_owned(),
        |time| Calendar::default().rfc3339(time).to_owned(),
    );
    writeln!(
        out,
        "{}",
        style.heading(format_args!(
            "Frame {}: {} → {}, {} bytes, {time}",
            datagram.frame, datagram.source, datagram.destination, datagram.wire_length
        ))
    )?;
    if let Some(comment) = comment {
        for line in printable(comment).lines() {
            writeln!(out, "  Comment: {line}")?;
        }
    }
    if datagram.fragments > 1 {
        writeln!(
            out,
            "  Reassembled from {} IP fragments",
            datagram.fragments
        )?;
    }
    if datagram.is_cut() {
        writeln!(
            out,
            "  Cut by the capture: {} of {} bytes are there",
            datagram.payload.len(),
            datagram.wire_length
        )?;
    }
    write_channel(out, record)?;
    for (place, located) in record.messages.iter().enumerate() {
        write_message(out, located, record, style)?;
        write_verdict(out, record, place)?;
    }
    for late in record.late {
        writeln!(
            out,
            "  Settled: {} {} of frame {} at byte {} is {}",
            late.kind, late.chunks, late.frame, late.offset, late.verdict
        )?;
    }
    if record.is_keep_alive() {
        writeln!(out, "  {}", style.name("KEEPALIVE"))?;
    }
    if let Some(fault) = record.fault {
        let text = format!("Malformed at {fault}");
        writeln!(out, "  {}", style.severity(Severity::Error, text))?;
    }
    if !record.undecoded.is_empty() {
        let shown = record.undecoded.len().min(32);
        writeln!(
            out,
            "  Not decoded: {} bytes: {}{}",
            record.undecoded.len(),
            Hex(&record.undecoded[..shown]),
            if shown < record.undecoded.len() {
                "…"
            } else {
                ""
            }
        )?;
    }
    for finding in record.findings {
        let entry = finding.id.entry();
        let place = finding
            .offset
            .map_or_else(String::new, |offset| format!(" at byte {offset}"));
        let section = if entry.section.is_empty() {
            String::new()
        } else {
            format!(" [RFC 7574, section {}]", entry.section)
        };
        writeln!(
            out,
            "  {}{place}: {finding}{section}",
            style.severity(
                entry.severity,
                format_args!("! {} {}", entry.severity.name(), entry.name)
            ),
        )?;
    }
    writeln!(out)
}

fn write_channel(out: &mut impl Write, record: &Record<'_, '_>) -> io::Result<()> {
    let Some(id) = record.channel_id else {
        return Ok(());
    };
    let whose = match (record.channel, record.sender) {
        _ if id.is_zero() => " (opens a channel)",
        (Some(_), Some(Side::Initiator)) => " (the responder's)",
        (Some(_), Some(Side::Responder)) => " (the initiator's)",
        _ => " (not announced in this capture)",
    };
    writeln!(out, "  Destination channel: {id}{whose}")?;
    if let Some(swarm) = record.swarm {
        match swarm.id.as_deref() {
            Some(id) => writeln!(out, "  Swarm: {}", Hex(id))?,
            None => writeln!(out, "  Swarm: not named in this capture")?,
        }
        writeln!(out, "  Read as: {}", read_as(&record.layout, swarm))?;
    }
    Ok(())
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

fn write_message(
    out: &mut impl Write,
    located: &Located<'_>,
    record: &Record<'_, '_>,
    style: Style,
) -> io::Result<()> {
    let last = (located.offset + located.length).saturating_sub(1);
    writeln!(
        out,
        "  {} {}",
        style.name(located.message.name()),
        style.faint(format_args!("[bytes {}-{last}]", located.offset))
    )?;
    let layout = &record.layout;
    match &located.message {
        Message::Handshake(handshake) => {
            write_handshake(out, handshake, located.offset, record, style)
        }
        Message::Data {
            spec,
            timestamp,
            data,
            data_length,
        } => {
            write_spec(out, *spec, layout)?;
            if let Some(timestamp) = timestamp {
                writeln!(
                    out,
                    "    Timestamp: {timestamp} µs{}",
                    unix_time(*timestamp)
                )?;
            }
            let shown = data.len().min(16);
            writeln!(
                out,
                "    Chunk: {data_length} bytes: {}{}",
                Hex(&data[..shown]),
                if shown < *data_length { "…" } else { "" }
            )
        }
        Message::Ack { spec, delay } => {
            write_spec(out, *spec, layout)?;
            match layout.dialect.ack_time {
                AckTime::OneWayDelay => {
                    writeln!(out, "    One-way delay sample: {}", microseconds(*delay))
                }
                AckTime::ReceiveTime => {
                    writeln!(out, "    Time of receipt: {delay} µs{}", unix_time(*delay))
                }
            }
        }
        Message::Have(spec) | Message::Request(spec) | Message::Cancel(spec) => {
            write_spec(out, *spec, layout)
        }
        Message::Integrity { spec, hash } => {
            write_spec(out, *spec, layout)?;
            writeln!(out, "    Hash: {}", Hex(hash))
        }
        Message::SignedIntegrity {
            spec,
            timestamp,
            signature,
        } => {
            write_spec(out, *spec, layout)?;
            writeln!(out, "    Timestamp: {timestamp}{}", ntp_time(*timestamp))?;
            writeln!(out, "    Signature: {}", Hex(signature))
        }
        Message::PexResV4 { address, port } => writeln!(out, "    Peer: {address}:{port}"),
        Message::PexResV6 { address, port } => writeln!(out, "    Peer: [{address}]:{port}"),
        Message::PexResCert { certificate } => {
            writeln!(out, "    Certificate: {} bytes", certificate.len())
        }
        Message::Randomize(value) => writeln!(out, "    Value: {}", Hex(value)),
        Message::PexReq | Message::Choke | Message::Unchoke => Ok(()),
    }
}

/// Whether a chunk, hash or signature is what the swarm ID promises.
fn write_verdict(out: &mut impl Write, record: &Record<'_, '_>, place: usize) -> io::Result<()> {
    let concerns = matches!(
        record.messages[place].message,
        Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
    );
    if !concerns {
        return Ok(());
    }
    let verdict = record.verdict(place);
    match record.receiver_verdict(place) {
        Some(receiver) if receiver != verdict => {
            writeln!(
                out,
                "    Integrity: {verdict} (to its receiver: {receiver})"
            )
        }
        _ => writeln!(out, "    Integrity: {verdict}"),
    }
}

/// The chunks, and how they were written where that is another way.
fn write_spec(out: &mut impl Write, spec: ChunkSpec, layout: &Layout) -> io::Result<()> {
    let chunks = spec.chunks(layout.chunk_size.or_assumed());
    match spec {
        ChunkSpec::Chunk32 { .. } | ChunkSpec::Chunk64 { .. } => {
            writeln!(out, "    Chunks: {chunks}")
        }
        _ => writeln!(out, "    Chunks: {chunks} ({spec})"),
    }
}

fn write_handshake(
    out: &mut impl Write,
    handshake: &Handshake<'_>,
    offset: usize,
    record: &Record<'_, '_>,
    style: Style,
) -> io::Result<()> {
    let (layout, cut) = (&record.layout, record.cut);
    if handshake.is_closing() {
        writeln!(out, "    Source channel: 00000000 (closes the channel)")?;
    } else {
        writeln!(out, "    Source channel: {}", handshake.source_channel)?;
    }
    let mut at = offset + 5;
    for option in &handshake.options {
        let length = option.wire_length(layout.dialect);
        let (name, value) = describe(option);
        writeln!(
            out,
            "    {name}: {value} {}",
            style.faint(format_args!("[bytes {at}-{}]", at + length - 1))
        )?;
        at += length;
    }
    if layout.dialect.handshake_options && !handshake.has_end {
        writeln!(
            out,
            "    No end option{}",
            if cut { ": cut by the capture" } else { "" }
        )?;
    }
    Ok(())
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
