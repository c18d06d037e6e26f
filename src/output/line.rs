//! One line a datagram, for people.

use std::fmt::Write as _;
use std::io::{self, Write};

use ppspp_dissector::finding::{Finding, Severity};
use ppspp_dissector::session::{Datagram, Record, Verdict};
use ppspp_dissector::wire::dialect::AckTime;
use ppspp_dissector::wire::{Handshake, Located, Message, MessageType, ProtocolOption};

use super::format::{Hex, TimeFormat, short_swarm};
use super::style::Style;

/// Bytes of a sentence that is only begun.
const MOST_BEGUN: usize = 2_000;

/// What stands between two messages.
const SEPARATOR: &str = " · ";

/// Writes a datagram's line: frame, time, source, destination, swarm, messages,
/// and behind a `!` the gravest finding.
///
/// # Errors
/// What `out` answers.
pub fn write_line(
    out: &mut impl Write,
    datagram: &Datagram<'_>,
    record: &Record<'_, '_>,
    times: &mut TimeFormat,
    style: Style,
) -> io::Result<()> {
    let time = times.next(datagram.time);
    let swarm = short_swarm(record.swarm);
    write!(
        out,
        "{:>6} {} {:<21} → {:<21} {} ",
        datagram.frame,
        style.faint(time),
        datagram.source.to_string(),
        datagram.destination.to_string(),
        style.swarm(format_args!("{swarm:<6}")),
    )?;
    write_messages(out, record, style)?;
    write_findings(out, record.findings, style)?;
    writeln!(out)
}

/// The messages of a datagram as one sentence: their names and numbers, with marks
/// for verdicts; runs of the same type share their name.
pub fn sentence(record: &Record<'_, '_>) -> String {
    let mut out = Vec::new();
    // Writing to a vector does not fail.
    let _ = write_messages(&mut out, record, Style::new(false));
    String::from_utf8(out).unwrap_or_default()
}

/// The beginning of [`sentence`], which is longer than any screen is wide: a datagram
/// may hold thousands of messages.
pub fn sentence_begun(record: &Record<'_, '_>) -> String {
    struct Begun(Vec<u8>);
    impl Write for Begun {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.len() > MOST_BEGUN {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.0.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut out = Begun(Vec::new());
    // An error says that it is long enough.
    let _ = write_messages(&mut out, record, Style::new(false));
    String::from_utf8(out.0).unwrap_or_default()
}

/// The messages as one sentence; runs of the same type share their name.
fn write_messages(out: &mut impl Write, record: &Record<'_, '_>, style: Style) -> io::Result<()> {
    let mut previous: Option<MessageType> = None;
    for (place, located) in record.messages.iter().enumerate() {
        let message = &located.message;
        let kind = message.kind();
        if previous == Some(kind) && merges(message) {
            write!(out, " {}", summary(located, record, place))?;
        } else {
            if previous.is_some() {
                out.write_all(SEPARATOR.as_bytes())?;
            }
            write!(out, "{}", style.name(message.name()))?;
            let summary = summary(located, record, place);
            if !summary.is_empty() {
                write!(out, " {summary}")?;
            }
        }
        previous = Some(kind);
    }
    if record.is_keep_alive() {
        write!(out, "{}", style.name("KEEPALIVE"))?;
    }
    let separator = if previous.is_some() { SEPARATOR } else { "" };
    if let Some(fault) = record.fault {
        write!(
            out,
            "{separator}{}",
            style.severity(Severity::Error, format_args!("malformed at {fault}"))
        )?;
    } else if record.cut && !record.undecoded.is_empty() {
        write!(out, "{separator}{}", style.faint("[cut by the capture]"))?;
    }
    Ok(())
}

/// Whether several of these are shown behind one name.
const fn merges(message: &Message<'_>) -> bool {
    matches!(
        message,
        Message::Have(_)
            | Message::Request(_)
            | Message::Cancel(_)
            | Message::Integrity { .. }
            | Message::Data { .. }
            | Message::PexResV4 { .. }
            | Message::PexResV6 { .. }
    )
}

/// A message's numbers in as few words as will do.
fn summary(located: &Located<'_>, record: &Record<'_, '_>, place: usize) -> String {
    let size = record.layout.chunk_size.or_assumed();
    match &located.message {
        Message::Handshake(handshake) => handshake_summary(handshake),
        Message::Data {
            spec, data_length, ..
        } => {
            let mark = mark(record.verdict(place));
            format!("{}({data_length}){mark}", spec.chunks(size))
        }
        Message::Ack { spec, delay } => match record.dialect().ack_time {
            AckTime::OneWayDelay => format!("{} ({})", spec.chunks(size), microseconds(*delay)),
            AckTime::ReceiveTime => format!("{} (received at {delay} µs)", spec.chunks(size)),
        },
        Message::Have(spec) | Message::Request(spec) | Message::Cancel(spec) => {
            spec.chunks(size).to_string()
        }
        Message::Integrity { spec, .. } | Message::SignedIntegrity { spec, .. } => {
            format!("{}{}", spec.chunks(size), mark(record.verdict(place)))
        }
        Message::PexResV4 { address, port } => format!("{address}:{port}"),
        Message::PexResV6 { address, port } => format!("[{address}]:{port}"),
        Message::PexResCert { certificate } => format!("({} bytes)", certificate.len()),
        Message::Randomize(value) => Hex(value).to_string(),
        Message::PexReq | Message::Choke | Message::Unchoke => String::new(),
    }
}

/// What stands behind a chunk or hash for its verdict.
pub const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "✓",
        Verdict::Failed => "✗",
        Verdict::Unverified => "?",
        Verdict::Unprotected => "·",
    }
}

/// `v1 merkle sha1 chunk32 1024`, or `close`.
fn handshake_summary(handshake: &Handshake<'_>) -> String {
    if handshake.is_closing() {
        return "close".to_owned();
    }
    let mut text = format!("ch {}", handshake.source_channel);
    // Writing to a String does not fail.
    let mut add = |part: std::fmt::Arguments<'_>| {
        let _ = write!(text, " {part}");
    };
    for option in &handshake.options {
        match option {
            ProtocolOption::Version(version) => add(format_args!("v{version}")),
            ProtocolOption::MinimumVersion(1) | ProtocolOption::SwarmId(_) => {}
            ProtocolOption::MinimumVersion(version) => add(format_args!("min v{version}")),
            ProtocolOption::ContentIntegrity(value) => add(format_args!("{value}")),
            ProtocolOption::HashFunction(value) => add(format_args!("{value}")),
            ProtocolOption::SignatureAlgorithm(value) => add(format_args!("{value}")),
            ProtocolOption::ChunkAddressing(value) => add(format_args!("{value}")),
            ProtocolOption::LiveDiscardWindow(window) if window.is_everything() => {
                add(format_args!("window all"));
            }
            ProtocolOption::LiveDiscardWindow(window) => {
                add(format_args!("window {}", window.value()));
            }
            ProtocolOption::SupportedMessages(bitmap) => {
                add(format_args!("supports {}", Hex(bitmap)));
            }
            ProtocolOption::ChunkSize(u32::MAX) => add(format_args!("chunks vary")),
            ProtocolOption::ChunkSize(size) => add(format_args!("{size} bytes")),
            ProtocolOption::Foreign { name, .. } => add(format_args!("{name}")),
        }
    }
    text
}

/// A delay sample; negative where the clocks differ that way.
pub(super) fn microseconds(delay: u64) -> String {
    format!("{} µs", delay as i64)
}

fn write_findings(out: &mut impl Write, findings: &[Finding], style: Style) -> io::Result<()> {
    let worth = |finding: &&Finding| finding.id.entry().severity > Severity::Note;
    let Some(gravest) = findings
        .iter()
        .filter(worth)
        .min_by_key(|finding| std::cmp::Reverse(finding.id.entry().severity))
    else {
        return Ok(());
    };
    let entry = gravest.id.entry();
    write!(
        out,
        "  {}",
        style.severity(entry.severity, format_args!("! {}", entry.name))
    )?;
    let more = findings.iter().filter(worth).count() - 1;
    if more > 0 {
        write!(out, " +{more}")?;
    }
    Ok(())
}
