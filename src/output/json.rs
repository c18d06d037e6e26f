//! JSON lines: one object a datagram, as DESIGN.md fixes it for other programs.

use std::io::{self, Write};

use ppspp_dissector::finding::Finding;
use ppspp_dissector::session::{Datagram, Declared, Late, Record, Transport};
use ppspp_dissector::wire::dialect::AckTime;
use ppspp_dissector::wire::{
    ChunkSpec, Chunks, Handshake, Located, Message, MessageType, ProtocolOption, bitmap_supports,
};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::format::{Calendar, Hex};

/// Writes a datagram as one line of JSON. `calendar` formats its time.
///
/// # Errors
/// What `out` answers.
pub fn write_json_line(
    out: &mut impl Write,
    datagram: &Datagram<'_>,
    record: &Record<'_, '_>,
    comment: Option<&str>,
    calendar: &mut JsonTimes,
) -> io::Result<()> {
    let line = Line {
        datagram,
        record,
        comment,
        time: datagram.time.map(|time| calendar.0.rfc3339(time)),
    };
    serde_json::to_writer(&mut *out, &line)?;
    out.write_all(b"\n")
}

/// What formatting times remembers from one line to the next.
#[derive(Clone, Debug, Default)]
pub struct JsonTimes(Calendar);

impl Serialize for Hex<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with(|digits| serializer.serialize_str(digits))
    }
}

struct Line<'r, 's, 'a> {
    datagram: &'r Datagram<'a>,
    record: &'r Record<'s, 'a>,
    comment: Option<&'r str>,
    time: Option<&'r str>,
}

impl Serialize for Line<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (datagram, record) = (self.datagram, self.record);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("frame", &datagram.frame)?;
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("src", &datagram.source)?;
        map.serialize_entry("dst", &datagram.destination)?;
        map.serialize_entry("length", &datagram.wire_length)?;
        map.serialize_entry(
            "channel",
            &record.channel_id.map(|id| Hex4(id.0.to_be_bytes())),
        )?;
        let id = record.swarm.and_then(|swarm| swarm.id.as_deref());
        map.serialize_entry("swarm", &id.map(Hex))?;
        map.serialize_entry("dialect", record.dialect().name)?;
        if datagram.transport != Transport::Udp {
            map.serialize_entry("transport", "tcp")?;
        }
        map.serialize_entry("messages", &Messages(record))?;
        map.serialize_entry("findings", &Findings(record.findings))?;
        if !record.late.is_empty() {
            map.serialize_entry("settled", &LateVerdicts(record.late))?;
        }
        if datagram.is_cut() {
            map.serialize_entry("captured", &datagram.payload.len())?;
        }
        if !record.undecoded.is_empty() {
            map.serialize_entry("undecoded", &Hex(record.undecoded))?;
        }
        let inferred = Inferred::of(record);
        if inferred != Inferred::default() {
            map.serialize_entry("inferred", &inferred)?;
        }
        if let Some(comment) = self.comment {
            map.serialize_entry("comment", comment)?;
        }
        map.end()
    }
}

/// Four bytes as digits, owned.
struct Hex4([u8; 4]);

impl Serialize for Hex4 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Hex(&self.0).serialize(serializer)
    }
}

/// What the datagram was read with that no handshake told.
#[derive(Default, PartialEq, Eq)]
struct Inferred {
    chunk_addressing: bool,
    hash_function: bool,
}

impl Inferred {
    fn of(record: &Record<'_, '_>) -> Self {
        record.swarm.map_or_else(Self::default, |swarm| Self {
            chunk_addressing: swarm.chunk_addressing.is_some_and(|known| known.inferred),
            hash_function: swarm.hash_function.is_some_and(|known| known.inferred),
        })
    }
}

impl Serialize for Inferred {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let names = [
            (self.chunk_addressing, "chunk_addressing"),
            (self.hash_function, "hash_function"),
        ];
        serializer.collect_seq(names.iter().filter(|(is, _)| *is).map(|(_, name)| name))
    }
}

struct Messages<'r, 's, 'a>(&'r Record<'s, 'a>);

impl Serialize for Messages<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let mut list = serializer.serialize_seq(None)?;
        if record.is_keep_alive() {
            list.serialize_element(&KeepAlive)?;
        }
        for (place, located) in record.messages.iter().enumerate() {
            list.serialize_element(&OneMessage {
                located,
                record,
                place,
            })?;
        }
        list.end()
    }
}

/// Verdicts on messages of earlier datagrams.
struct LateVerdicts<'r>(&'r [Late]);

impl Serialize for LateVerdicts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(LateVerdict))
    }
}

struct LateVerdict<'r>(&'r Late);

impl Serialize for LateVerdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let late = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("frame", &late.frame)?;
        map.serialize_entry("type", &Shown(late.kind))?;
        map.serialize_entry("offset", &late.offset)?;
        map.serialize_entry("chunks", &[late.chunks.start(), late.chunks.end()])?;
        map.serialize_entry("integrity", late.verdict.name())?;
        map.end()
    }
}

struct KeepAlive;

impl Serialize for KeepAlive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "KEEPALIVE")?;
        map.serialize_entry("offset", &4)?;
        map.serialize_entry("length", &0)?;
        map.end()
    }
}

struct OneMessage<'r, 's, 'a> {
    located: &'r Located<'a>,
    record: &'r Record<'s, 'a>,
    /// Its place among the messages.
    place: usize,
}

impl OneMessage<'_, '_, '_> {
    /// Chunks in numbers, and the specification as it was written where that
    /// says it in another way.
    fn chunks<M: SerializeMap>(&self, map: &mut M, spec: ChunkSpec) -> Result<(), M::Error> {
        let size = self.record.layout.chunk_size.or_assumed();
        map.serialize_entry("chunks", &ChunkNumbers(spec.chunks(size)))?;
        match spec {
            ChunkSpec::Chunk32 { .. } | ChunkSpec::Chunk64 { .. } => Ok(()),
            ChunkSpec::Bin32(bin) => map.serialize_entry("bin", &bin),
            ChunkSpec::Bin64(bin) => map.serialize_entry("bin", &bin),
            ChunkSpec::Byte64 { start, end } => map.serialize_entry("bytes", &[start, end]),
        }
    }

    /// Whether it is what the swarm ID promises, and of DATA, where that is
    /// another answer, whether its receiver could know it.
    fn integrity<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        let verdict = self.record.verdict(self.place);
        map.serialize_entry("integrity", verdict.name())?;
        match self.record.receiver_verdict(self.place) {
            Some(receiver) if receiver != verdict => {
                map.serialize_entry("receiver_integrity", receiver.name())
            }
            _ => Ok(()),
        }
    }
}

impl Serialize for OneMessage<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let located = self.located;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", located.message.name())?;
        map.serialize_entry("offset", &located.offset)?;
        map.serialize_entry("length", &located.length)?;
        match &located.message {
            Message::Handshake(handshake) => {
                let source = Hex4(handshake.source_channel.0.to_be_bytes());
                map.serialize_entry("source_channel", &source)?;
                map.serialize_entry("options", &Options(handshake))?;
            }
            Message::Data {
                spec,
                timestamp,
                data_length,
                ..
            } => {
                self.chunks(&mut map, *spec)?;
                if let Some(timestamp) = timestamp {
                    map.serialize_entry("timestamp_us", timestamp)?;
                }
                map.serialize_entry("data_length", data_length)?;
                self.integrity(&mut map)?;
            }
            Message::Ack { spec, delay } => {
                self.chunks(&mut map, *spec)?;
                match self.record.dialect().ack_time {
                    // Two clocks that differ can make a sample negative.
                    AckTime::OneWayDelay => map.serialize_entry("delay_us", &(*delay as i64))?,
                    AckTime::ReceiveTime => map.serialize_entry("received_us", delay)?,
                }
            }
            Message::Have(spec) | Message::Request(spec) | Message::Cancel(spec) => {
                self.chunks(&mut map, *spec)?;
            }
            Message::Integrity { spec, hash } => {
                self.chunks(&mut map, *spec)?;
                map.serialize_entry("hash", &Hex(hash))?;
                self.integrity(&mut map)?;
            }
            Message::SignedIntegrity {
                spec,
                timestamp,
                signature,
            } => {
                self.chunks(&mut map, *spec)?;
                map.serialize_entry("timestamp_ntp", timestamp)?;
                map.serialize_entry("signature", &Hex(signature))?;
                self.integrity(&mut map)?;
            }
            Message::PexResV4 { address, port } => {
                let address = std::net::SocketAddr::from((*address, *port));
                map.serialize_entry("address", &address)?;
            }
            Message::PexResV6 { address, port } => {
                let address = std::net::SocketAddr::from((*address, *port));
                map.serialize_entry("address", &address)?;
            }
            Message::PexResCert { certificate } => {
                map.serialize_entry("certificate", &Hex(certificate))?;
            }
            Message::Randomize(value) => map.serialize_entry("value", &Hex(value))?,
            Message::PexReq | Message::Choke | Message::Unchoke => {}
        }
        map.end()
    }
}

struct ChunkNumbers(Chunks);

impl Serialize for ChunkNumbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Chunks::Nothing => serializer.serialize_none(),
            Chunks::Everything => serializer.serialize_str("all"),
            Chunks::Range(range) => [range.start(), range.end()].serialize(serializer),
            Chunks::Reversed { start, end } => [start, end].serialize(serializer),
        }
    }
}

/// The options of a HANDSHAKE, those that are present.
struct Options<'r, 'a>(&'r Handshake<'a>);

impl Serialize for Options<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (index, option) in self.0.options.iter().enumerate() {
            // An object has each name once; of an option that stands twice the
            // last one counts, as in the session.
            let code = option.code();
            if self.0.options[index + 1..]
                .iter()
                .any(|later| later.code() == code)
            {
                continue;
            }
            let name = match option {
                ProtocolOption::Foreign { name, .. } => name,
                other => other.code().name().unwrap_or("unassigned"),
            };
            match option {
                ProtocolOption::Version(value) | ProtocolOption::MinimumVersion(value) => {
                    map.serialize_entry(name, value)?;
                }
                ProtocolOption::SwarmId(id) => map.serialize_entry(name, &Hex(id))?,
                ProtocolOption::ContentIntegrity(value) => {
                    map.serialize_entry(name, &Shown(value))?;
                }
                ProtocolOption::HashFunction(value) => map.serialize_entry(name, &Shown(value))?,
                ProtocolOption::SignatureAlgorithm(value) => {
                    map.serialize_entry(name, &Shown(value))?;
                }
                ProtocolOption::ChunkAddressing(value) => {
                    map.serialize_entry(name, &Shown(value))?;
                }
                ProtocolOption::LiveDiscardWindow(window) => {
                    map.serialize_entry(name, &window.value())?;
                }
                ProtocolOption::SupportedMessages(bitmap) => {
                    let mut mask = 0u32;
                    for kind in MessageType::ASSIGNED {
                        if bitmap_supports(bitmap, *kind) {
                            mask |= 1 << kind.code();
                        }
                    }
                    map.serialize_entry(name, &MessageNames(mask))?;
                }
                ProtocolOption::ChunkSize(size) => map.serialize_entry(name, size)?,
                ProtocolOption::Foreign { value, .. } => map.serialize_entry(name, &Hex(value))?,
            }
        }
        map.end()
    }
}

/// The same options, as the session kept them.
pub(super) struct DeclaredOptions<'r>(pub(super) &'r Declared);

impl Serialize for DeclaredOptions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let declared = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(value) = declared.version {
            map.serialize_entry("version", &value)?;
        }
        if let Some(value) = declared.minimum_version {
            map.serialize_entry("minimum_version", &value)?;
        }
        if let Some(id) = &declared.swarm_id {
            map.serialize_entry("swarm_id", &Hex(id))?;
        }
        if let Some(value) = declared.content_integrity {
            map.serialize_entry("content_integrity", &Shown(value))?;
        }
        if let Some(value) = declared.hash_function {
            map.serialize_entry("hash_function", &Shown(value))?;
        }
        if let Some(value) = declared.signature_algorithm {
            map.serialize_entry("signature_algorithm", &Shown(value))?;
        }
        if let Some(value) = declared.chunk_addressing {
            map.serialize_entry("chunk_addressing", &Shown(value))?;
        }
        if let Some(window) = declared.live_discard_window {
            map.serialize_entry("live_discard_window", &window.value())?;
        }
        if let Some(mask) = declared.supported_messages {
            map.serialize_entry("supported_messages", &MessageNames(mask))?;
        }
        if let Some(size) = declared.chunk_size {
            map.serialize_entry("chunk_size", &size)?;
        }
        map.end()
    }
}

/// Names of the message types whose bits are set.
struct MessageNames(u32);

impl Serialize for MessageNames {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            MessageType::ASSIGNED
                .iter()
                .filter(|kind| self.0 >> kind.code() & 1 == 1)
                .filter_map(|kind| kind.name()),
        )
    }
}

/// A value by its `Display`.
pub(super) struct Shown<T>(pub(super) T);

impl<T: std::fmt::Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

struct Findings<'r>(&'r [Finding]);

impl Serialize for Findings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(OneFinding))
    }
}

struct OneFinding<'r>(&'r Finding);

impl Serialize for OneFinding<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = self.0.id.entry();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", entry.name)?;
        map.serialize_entry("severity", entry.severity.name())?;
        map.serialize_entry("section", entry.section)?;
        map.serialize_entry("text", &Shown(self.0))?;
        if let Some(offset) = self.0.offset {
            map.serialize_entry("offset", &offset)?;
        }
        map.end()
    }
}
