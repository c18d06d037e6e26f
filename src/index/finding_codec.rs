//! Findings in the spool.

use std::sync::{Mutex, PoisonError};

use ppspp_dissector::finding::{CATALOGUE, Detail, Finding};
use ppspp_dissector::wire::{
    Cause, ChannelId, ChunkSpec, Chunks, DecodeError, MessageType, OptionCode,
};

use super::codec::{Put, Take};

/// The words that findings name: they stand in the program, so that there are few,
/// and a number will do for each.
#[derive(Debug, Default)]
pub(super) struct Words(Mutex<Vec<&'static str>>);

impl Words {
    fn number(&self, word: &'static str) -> u16 {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = words.iter().position(|known| *known == word);
        let place = place.unwrap_or_else(|| {
            words.push(word);
            words.len() - 1
        });
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    fn word(&self, number: u16) -> Option<&'static str> {
        let words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.get(usize::from(number)).copied()
    }
}

pub(super) fn put_finding(out: &mut Vec<u8>, finding: &Finding, words: &Words) {
    out.put_u8(finding.id as u8);
    out.put_u32(
        finding
            .offset
            .and_then(|offset| u32::try_from(offset).ok())
            .unwrap_or(u32::MAX),
    );
    match finding.detail {
        Detail::None => out.put_u8(0),
        Detail::Fault(error) => {
            out.put_u8(1);
            put_fault(out, &error, words);
        }
        Detail::Count(count, unit) => {
            out.put_u8(2);
            out.put_u64(count);
            out.put_u16(words.number(unit));
        }
        Detail::Mismatch(one, other) => {
            out.put_u8(3);
            out.put_u64(one);
            out.put_u64(other);
        }
        Detail::Chunks(chunks) => {
            out.put_u8(4);
            put_chunks(out, chunks);
        }
        Detail::Interval(sent, wanted) => {
            out.put_u8(5);
            put_chunks(out, sent);
            put_chunks(out, wanted);
        }
        Detail::Spec(spec) => {
            out.put_u8(6);
            put_spec(out, spec);
        }
        Detail::Address(address) => {
            out.put_u8(7);
            out.put_address(address);
        }
        Detail::Channel(channel) => {
            out.put_u8(8);
            out.put_u32(channel.0);
        }
        Detail::Message(message) => {
            out.put_u8(9);
            out.put_u8(message.code());
        }
        Detail::Option(code) => {
            out.put_u8(10);
            out.put_u8(code.code());
        }
        Detail::OptionValue(code, value) => {
            out.put_u8(11);
            out.put_u8(code.code());
            out.put_u8(value);
        }
        Detail::Word(word) => {
            out.put_u8(12);
            out.put_u16(words.number(word));
        }
    }
}

pub(super) fn take_finding(from: &mut Take<'_>, words: &Words) -> Option<Finding> {
    let id = CATALOGUE.get(usize::from(from.u8()?))?.id;
    let offset = Some(from.u32()?)
        .filter(|offset| *offset != u32::MAX)
        .map(|offset| offset as usize);
    let detail = match from.u8()? {
        0 => Detail::None,
        1 => Detail::Fault(take_fault(from, words)?),
        2 => Detail::Count(from.u64()?, words.word(from.u16()?)?),
        3 => Detail::Mismatch(from.u64()?, from.u64()?),
        4 => Detail::Chunks(take_chunks(from)?),
        5 => Detail::Interval(take_chunks(from)?, take_chunks(from)?),
        6 => Detail::Spec(take_spec(from)?),
        7 => Detail::Address(from.address()?),
        8 => Detail::Channel(ChannelId(from.u32()?)),
        9 => Detail::Message(MessageType::from_code(from.u8()?)),
        10 => Detail::Option(OptionCode::from_code(from.u8()?)),
        11 => Detail::OptionValue(OptionCode::from_code(from.u8()?), from.u8()?),
        12 => Detail::Word(words.word(from.u16()?)?),
        _ => return None,
    };
    Some(Finding { id, offset, detail })
}

fn put_fault(out: &mut Vec<u8>, error: &DecodeError, words: &Words) {
    out.put_u64(error.offset as u64);
    out.put_u16(error.message.map_or(u16::MAX, |kind| kind.code().into()));
    match error.cause {
        Cause::Truncated {
            field,
            needed,
            available,
        } => {
            out.put_u8(0);
            out.put_u16(words.number(field));
            out.put_u64(needed as u64);
            out.put_u64(available as u64);
        }
        Cause::UnknownMessage(code) => out.put(&[1, code]),
        Cause::UnknownOption(code) => out.put(&[2, code]),
        Cause::UnknownAddressing(code) => out.put(&[3, code]),
        Cause::UnknownHashFunction(code) => out.put(&[4, code]),
        Cause::UnknownSignatureLength => out.put_u8(5),
    }
}

fn take_fault(from: &mut Take<'_>, words: &Words) -> Option<DecodeError> {
    Some(DecodeError {
        offset: from.u64()? as usize,
        message: u8::try_from(from.u16()?).ok().map(MessageType::from_code),
        cause: match from.u8()? {
            0 => Cause::Truncated {
                field: words.word(from.u16()?)?,
                needed: from.u64()? as usize,
                available: from.u64()? as usize,
            },
            1 => Cause::UnknownMessage(from.u8()?),
            2 => Cause::UnknownOption(from.u8()?),
            3 => Cause::UnknownAddressing(from.u8()?),
            4 => Cause::UnknownHashFunction(from.u8()?),
            5 => Cause::UnknownSignatureLength,
            _ => return None,
        },
    })
}

fn put_chunks(out: &mut Vec<u8>, chunks: Chunks) {
    match chunks {
        Chunks::Nothing => out.put_u8(0),
        Chunks::Everything => out.put_u8(1),
        Chunks::Range(range) => {
            out.put_u8(2);
            out.put_range(range);
        }
        Chunks::Reversed { start, end } => {
            out.put_u8(3);
            out.put_u64(start);
            out.put_u64(end);
        }
    }
}

fn take_chunks(from: &mut Take<'_>) -> Option<Chunks> {
    Some(match from.u8()? {
        0 => Chunks::Nothing,
        1 => Chunks::Everything,
        2 => Chunks::Range(from.range()?),
        3 => Chunks::Reversed {
            start: from.u64()?,
            end: from.u64()?,
        },
        _ => return None,
    })
}

fn put_spec(out: &mut Vec<u8>, spec: ChunkSpec) {
    let (tag, one, other) = match spec {
        ChunkSpec::Bin32(bin) => (0, bin.into(), 0),
        ChunkSpec::Byte64 { start, end } => (1, start, end),
        ChunkSpec::Chunk32 { start, end } => (2, start.into(), end.into()),
        ChunkSpec::Bin64(bin) => (3, bin, 0),
        ChunkSpec::Chunk64 { start, end } => (4, start, end),
    };
    out.put_u8(tag);
    out.put_u64(one);
    out.put_u64(other);
}

fn take_spec(from: &mut Take<'_>) -> Option<ChunkSpec> {
    let (tag, start, end) = (from.u8()?, from.u64()?, from.u64()?);
    Some(match tag {
        0 => ChunkSpec::Bin32(start as u32),
        1 => ChunkSpec::Byte64 { start, end },
        2 => ChunkSpec::Chunk32 {
            start: start as u32,
            end: end as u32,
        },
        3 => ChunkSpec::Bin64(start),
        4 => ChunkSpec::Chunk64 { start, end },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::finding::FindingId;
    use ppspp_dissector::wire::ChunkRange;

    use super::*;

    #[test]
    fn every_finding_with_every_kind_of_detail_comes_back_as_it_was() {
        let fault = |cause| {
            Detail::Fault(DecodeError {
                offset: 17,
                message: Some(MessageType::Data),
                cause,
            })
        };
        let range = Chunks::Range(ChunkRange::single(7));
        let details = [
            Detail::None,
            fault(Cause::Truncated {
                field: "a hash",
                needed: 32,
                available: 3,
            }),
            fault(Cause::UnknownMessage(99)),
            fault(Cause::UnknownOption(10)),
            fault(Cause::UnknownAddressing(9)),
            fault(Cause::UnknownHashFunction(8)),
            fault(Cause::UnknownSignatureLength),
            Detail::Count(u64::MAX, "ms"),
            Detail::Mismatch(1, 2),
            Detail::Chunks(range),
            Detail::Chunks(Chunks::Everything),
            Detail::Interval(Chunks::Nothing, Chunks::Reversed { start: 4, end: 2 }),
            Detail::Spec(ChunkSpec::Bin32(5)),
            Detail::Spec(ChunkSpec::Byte64 { start: 0, end: 9 }),
            Detail::Spec(ChunkSpec::Chunk32 { start: 1, end: 2 }),
            Detail::Spec(ChunkSpec::Bin64(u64::MAX)),
            Detail::Spec(ChunkSpec::Chunk64 { start: 3, end: 4 }),
            Detail::Address("[2001:db8::1]:6778".parse().expect("an address")),
            Detail::Address("192.0.2.1:1".parse().expect("an address")),
            Detail::Channel(ChannelId(0xfc78_9664)),
            Detail::Message(MessageType::Unassigned(77)),
            Detail::Option(OptionCode::ChunkSize),
            Detail::OptionValue(OptionCode::Version, 2),
            Detail::Word("seeder"),
        ];
        let words = Words::default();
        for entry in CATALOGUE {
            for detail in details {
                for offset in [None, Some(0), Some(65_535)] {
                    let finding = Finding {
                        id: entry.id,
                        offset,
                        detail,
                    };
                    let mut record = Vec::new();
                    put_finding(&mut record, &finding, &words);
                    let mut take = Take(&record);
                    assert_eq!(take_finding(&mut take, &words), Some(finding));
                    assert!(take.0.is_empty());
                    let cut = &record[..record.len() - 1];
                    assert_eq!(take_finding(&mut Take(cut), &words), None);
                }
            }
        }
        assert_eq!(
            FindingId::by_name("datagram.cut"),
            Some(FindingId::DatagramCut)
        );
    }
}
