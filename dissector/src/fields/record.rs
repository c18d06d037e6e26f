//! The fields of a datagram with all that the session found out about it.

use std::cell::OnceCell;
use std::net::IpAddr;
use std::ops::ControlFlow;

use super::head::HeadValues;
use super::value::{Frame, Value, Values};
use super::words::{of_dialect, of_message, of_severity, of_side, of_verdict};
use super::{FieldId, Level};
use crate::finding::Finding;
use crate::session::{Datagram, Known, Late, Record, Verdict};
use crate::wire::dialect::AckTime;
use crate::wire::{
    ChunkRange, ChunkSpec, Chunks, Handshake, Message, MessageType, ProtocolOption, bitmap_supports,
};

type Visit<'v> = &'v mut dyn FnMut(Value<'_>) -> ControlFlow<()>;

/// Nothing more is wanted, or the next value.
const NEXT: ControlFlow<()> = ControlFlow::Continue(());

/// Knows all fields.
#[derive(Clone, Debug)]
pub struct RecordValues<'r, 's, 'a> {
    head: HeadValues<'r, 'a>,
    record: &'r Record<'s, 'a>,
    /// The findings by their offsets, once they are asked for message by
    /// message: a hostile datagram has tens of thousands of both.
    by_offset: OnceCell<Vec<&'s Finding>>,
}

impl<'r, 's, 'a> RecordValues<'r, 's, 'a> {
    /// The fields of this datagram in this frame, which turned out to be this.
    pub const fn new(
        datagram: &'r Datagram<'a>,
        record: &'r Record<'s, 'a>,
        frame: Frame<'r>,
    ) -> Self {
        Self {
            head: HeadValues::new(datagram, frame),
            record,
            by_offset: OnceCell::new(),
        }
    }

    fn of_datagram(&self, field: FieldId, visit: Visit<'_>) -> ControlFlow<()> {
        let record = self.record;
        let one = match field {
            FieldId::Ppspp => Some(Value::Present),
            FieldId::Swarm => {
                let id = record.swarm.and_then(|swarm| swarm.id.as_deref());
                id.map(Value::Bytes)
            }
            FieldId::Sender => record.sender.map(|side| Value::Word(of_side(side))),
            FieldId::Dialect => of_dialect(record.dialect().name).map(Value::Word),
            FieldId::Inferred => return self.inferred(visit),
            FieldId::Malformed => {
                return record
                    .fault
                    .map_or(NEXT, |fault| visit(Value::Text(&fault.to_string())));
            }
            FieldId::Undecoded => {
                (!record.undecoded.is_empty()).then_some(Value::Bytes(record.undecoded))
            }
            _ => None,
        };
        one.map_or(NEXT, visit)
    }

    /// In the order of [`super::Words::Inferred`].
    fn inferred(&self, visit: Visit<'_>) -> ControlFlow<()> {
        fn is<T>(known: Option<Known<T>>) -> bool {
            known.is_some_and(|known| known.inferred)
        }
        let Some(swarm) = self.record.swarm else {
            return NEXT;
        };
        let both = [is(swarm.chunk_addressing), is(swarm.hash_function)];
        (0..)
            .zip(both)
            .filter(|(_, inferred)| *inferred)
            .try_for_each(|(number, _)| visit(Value::Word(number)))
    }

    fn of_message(&self, field: FieldId, place: usize, visit: Visit<'_>) -> ControlFlow<()> {
        let Some(located) = self.record.messages.get(place) else {
            return if self.record.is_keep_alive() {
                of_keep_alive(field, visit)
            } else {
                NEXT
            };
        };
        let message = &located.message;
        let number = |number: u64| Some(Value::Number(number.into()));
        let one = match field {
            FieldId::MessageType => Some(Value::Word(of_message(Some(message)))),
            FieldId::MessageOffset => number(located.offset as u64),
            FieldId::MessageLength => number(located.length as u64),
            FieldId::Chunks
            | FieldId::ChunkStart
            | FieldId::ChunkEnd
            | FieldId::ChunkCount
            | FieldId::Bin
            | FieldId::ByteStart
            | FieldId::ByteEnd => message.spec().and_then(|spec| {
                let size = self.record.layout.chunk_size.or_assumed();
                of_chunks(field, spec, size)
            }),
            FieldId::Integrity => has_verdict(message).then(|| verdict(self.record.verdict(place))),
            FieldId::ReceiverIntegrity => self.record.receiver_verdict(place).map(verdict),
            _ => match message {
                Message::Handshake(handshake) => return of_handshake(field, handshake, visit),
                message => self.of_body(field, message),
            },
        };
        one.map_or(NEXT, visit)
    }

    /// What only one type of message has.
    fn of_body<'m>(&self, field: FieldId, message: &'m Message<'_>) -> Option<Value<'m>> {
        let number = |number: u64| Some(Value::Number(number.into()));
        match (field, message) {
            (FieldId::DataTimestamp, Message::Data { timestamp, .. }) => timestamp.and_then(number),
            (FieldId::DataLength, Message::Data { data_length, .. }) => number(*data_length as u64),
            (FieldId::DataPayload, Message::Data { data, .. }) => Some(Value::Bytes(data)),
            (FieldId::AckDelay, Message::Ack { delay, .. }) => {
                // Two clocks that differ can make a sample negative.
                let is_delay = self.record.dialect().ack_time == AckTime::OneWayDelay;
                is_delay.then_some(Value::Number((*delay as i64).into()))
            }
            (FieldId::AckReceived, Message::Ack { delay, .. }) => {
                let is_clock = self.record.dialect().ack_time == AckTime::ReceiveTime;
                number(*delay).filter(|_| is_clock)
            }
            (FieldId::Hash, Message::Integrity { hash, .. }) => Some(Value::Bytes(hash)),
            (FieldId::SignatureTimestamp, Message::SignedIntegrity { timestamp, .. }) => {
                number(*timestamp)
            }
            (FieldId::Signature, Message::SignedIntegrity { signature, .. }) => {
                Some(Value::Bytes(signature))
            }
            (FieldId::PexIpv4, Message::PexResV4 { address, .. }) => {
                Some(Value::Address(IpAddr::V4(*address)))
            }
            (FieldId::PexIpv6, Message::PexResV6 { address, .. }) => {
                Some(Value::Address(IpAddr::V6(*address)))
            }
            (FieldId::PexPort, Message::PexResV4 { port, .. } | Message::PexResV6 { port, .. }) => {
                number((*port).into())
            }
            (FieldId::PexCertificate, Message::PexResCert { certificate }) => {
                Some(Value::Bytes(certificate))
            }
            (FieldId::RandomizeValue, Message::Randomize(value)) => Some(Value::Bytes(value)),
            _ => None,
        }
    }

    /// The findings about the message at a place, or all.
    fn of_findings(
        &self,
        field: FieldId,
        message: Option<usize>,
        visit: Visit<'_>,
    ) -> ControlFlow<()> {
        let Some(place) = message else {
            let mut all = self.record.findings.iter();
            return all.try_for_each(|finding| of_finding(field, finding, visit));
        };
        let Some(located) = self.record.messages.get(place) else {
            return NEXT;
        };
        let sorted = self.by_offset.get_or_init(|| {
            let mut all: Vec<&Finding> = self.record.findings.iter().collect();
            all.retain(|finding| finding.offset.is_some());
            all.sort_by_key(|finding| finding.offset);
            all
        });
        let before = |offset: usize| sorted.partition_point(|it| it.offset < Some(offset));
        let (start, end) = (located.offset, located.offset + located.length);
        let about = sorted.get(before(start)..before(end)).unwrap_or_default();
        about
            .iter()
            .try_for_each(|finding| of_finding(field, finding, visit))
    }
}

impl Values for RecordValues<'_, '_, '_> {
    fn level(&self) -> Level {
        Level::Session
    }

    fn messages(&self) -> usize {
        self.record
            .messages
            .len()
            .max(usize::from(self.record.is_keep_alive()))
    }

    fn visit(&self, field: FieldId, message: Option<usize>, visit: Visit<'_>) -> ControlFlow<()> {
        if field.field().level == Level::Head {
            self.head.visit(field, message, visit)
        } else if field < FieldId::MessageType {
            self.of_datagram(field, visit)
        } else if field < FieldId::SettledFrame {
            match message {
                Some(place) => self.of_message(field, place, visit),
                None => (0..self.messages())
                    .try_for_each(|place| self.of_message(field, place, &mut *visit)),
            }
        } else if field < FieldId::FindingId {
            self.record
                .late
                .iter()
                .try_for_each(|late| visit(of_late(field, late)))
        } else {
            self.of_findings(field, message, visit)
        }
    }
}

fn of_finding(field: FieldId, finding: &Finding, visit: Visit<'_>) -> ControlFlow<()> {
    let entry = finding.id.entry();
    let one = match field {
        FieldId::FindingId => Some(Value::Word(finding.id as u16)),
        FieldId::FindingSeverity => Some(Value::Word(of_severity(entry.severity))),
        FieldId::FindingSection => {
            Some(Value::Text(entry.section)).filter(|_| !entry.section.is_empty())
        }
        FieldId::FindingText => return visit(Value::Text(&finding.to_string())),
        FieldId::FindingOffset => finding.offset.map(|offset| Value::Number(offset as i128)),
        _ => None,
    };
    one.map_or(NEXT, visit)
}

/// A keep-alive is shown as a message.
fn of_keep_alive(field: FieldId, visit: Visit<'_>) -> ControlFlow<()> {
    match field {
        FieldId::MessageType => visit(Value::Word(of_message(None))),
        FieldId::MessageOffset => visit(Value::Number(4)),
        FieldId::MessageLength => visit(Value::Number(0)),
        _ => NEXT,
    }
}

const fn has_verdict(message: &Message<'_>) -> bool {
    matches!(
        message,
        Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
    )
}

const fn verdict(verdict: Verdict) -> Value<'static> {
    Value::Word(of_verdict(verdict))
}

fn of_chunks(field: FieldId, spec: ChunkSpec, size: u32) -> Option<Value<'static>> {
    let number = |number: u64| Some(Value::Number(number.into()));
    match (field, spec) {
        (FieldId::Bin, ChunkSpec::Bin32(bin)) => return number(bin.into()),
        (FieldId::Bin, ChunkSpec::Bin64(bin)) => return number(bin),
        (FieldId::ByteStart, ChunkSpec::Byte64 { start, .. }) => return number(start),
        (FieldId::ByteEnd, ChunkSpec::Byte64 { end, .. }) => return number(end),
        _ => {}
    }
    let (start, end) = match spec.chunks(size) {
        Chunks::Nothing => return None,
        Chunks::Everything => (0, u64::MAX),
        Chunks::Range(range) => (range.start(), range.end()),
        Chunks::Reversed { start, end } => (start, end),
    };
    match field {
        // A reversed range names no chunk.
        FieldId::Chunks => ChunkRange::new(start, end).map(Value::Chunks),
        FieldId::ChunkStart => number(start),
        FieldId::ChunkEnd => number(end),
        // 2^64 of them is one more than 64 bits can tell.
        FieldId::ChunkCount => Some(Value::Number(
            (i128::from(end) - i128::from(start) + 1).max(0),
        )),
        _ => None,
    }
}

/// An option's value. Of one that stands twice, both.
fn of_handshake(field: FieldId, handshake: &Handshake<'_>, visit: Visit<'_>) -> ControlFlow<()> {
    if field == FieldId::SourceChannel {
        return visit(Value::Bytes(&handshake.source_channel.0.to_be_bytes()));
    }
    for option in &handshake.options {
        let number = |number: u64| Some(Value::Number(number.into()));
        let one = match (field, option) {
            (FieldId::Version, ProtocolOption::Version(value))
            | (FieldId::MinimumVersion, ProtocolOption::MinimumVersion(value)) => {
                number((*value).into())
            }
            (FieldId::SwarmId, ProtocolOption::SwarmId(id)) => Some(Value::Bytes(id)),
            (FieldId::ContentIntegrity, ProtocolOption::ContentIntegrity(value)) => {
                Some(Value::Word(value.code().into()))
            }
            (FieldId::HashFunction, ProtocolOption::HashFunction(value)) => {
                Some(Value::Word(value.code().into()))
            }
            (FieldId::SignatureAlgorithm, ProtocolOption::SignatureAlgorithm(value)) => {
                Some(Value::Word(value.code().into()))
            }
            (FieldId::ChunkAddressing, ProtocolOption::ChunkAddressing(value)) => {
                Some(Value::Word(value.code().into()))
            }
            (FieldId::LiveDiscardWindow, ProtocolOption::LiveDiscardWindow(window)) => {
                number(window.value())
            }
            (FieldId::SupportedMessages, ProtocolOption::SupportedMessages(bitmap)) => {
                for kind in MessageType::ASSIGNED {
                    if bitmap_supports(bitmap, *kind) {
                        visit(Value::Word(kind.code().into()))?;
                    }
                }
                None
            }
            (FieldId::ChunkSize, ProtocolOption::ChunkSize(size)) => number((*size).into()),
            (_, ProtocolOption::Foreign { name, value, .. }) if foreign(name) == Some(field) => {
                Some(Value::Bytes(value))
            }
            _ => None,
        };
        if let Some(value) = one {
            visit(value)?;
        }
    }
    NEXT
}

/// The field of an option that only a dialect knows.
fn foreign(name: &str) -> Option<FieldId> {
    Some(match name {
        "peer_uuid" => FieldId::PeerUuid,
        "file_size" => FieldId::FileSize,
        "file_name" => FieldId::FileName,
        "file_hash" => FieldId::FileHash,
        _ => return None,
    })
}

fn of_late(field: FieldId, late: &Late) -> Value<'static> {
    match field {
        FieldId::SettledFrame => Value::Number(late.frame.into()),
        FieldId::SettledType => Value::Word(late.kind.code().into()),
        FieldId::SettledOffset => Value::Number(late.offset as i128),
        FieldId::SettledChunks => Value::Chunks(late.chunks),
        _ => verdict(late.verdict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::dialect::DIALECTS;

    #[test]
    fn every_option_of_every_dialect_has_a_field() {
        for dialect in DIALECTS {
            for option in dialect.foreign_options {
                let field = foreign(option.name).expect("a field").field();
                assert_eq!(field.name, format!("ppspp.handshake.{}", option.name));
            }
        }
    }
}
