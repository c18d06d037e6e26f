//! Generators of layouts, messages and datagrams.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ppspp_dissector::wire::dialect::{DIALECTS, OptionShape};
use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, Dialect,
    DiscardWindow, Handshake, HashFunction, Layout, Message, ProtocolOption, SignatureAlgorithm,
    encode_datagram,
};
use proptest::prelude::*;
use proptest::sample::select;

/// Signature widths: unknown, P-256, P-384, RSA-1024 and RSA-2048.
const SIGNATURE_LENGTHS: [Option<usize>; 5] = [None, Some(64), Some(96), Some(128), Some(256)];

/// Chunk sizes that DATA is split by, with one that no power of two divides.
const CHUNK_SIZES: [ChunkSize; 5] = [
    ChunkSize::Unknown,
    ChunkSize::Variable,
    ChunkSize::Fixed(1),
    ChunkSize::Fixed(37),
    ChunkSize::Fixed(512),
];

/// Bytes that messages borrow, so that generated messages own nothing.
static POOL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state = 0x9e37_79b9_u32;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_be_bytes()[0]
    })
    .take(1 << 17)
    .collect()
});

/// Every combination of what changes the widths of messages.
pub(crate) fn every_layout() -> impl Iterator<Item = Layout> {
    DIALECTS.into_iter().flat_map(|dialect| {
        ChunkAddressing::ASSIGNED
            .iter()
            .copied()
            .flat_map(move |addressing| {
                HashFunction::ASSIGNED
                    .iter()
                    .copied()
                    .flat_map(move |hash_function| {
                        SIGNATURE_LENGTHS
                            .into_iter()
                            .map(move |signature_length| Layout {
                                dialect,
                                addressing,
                                hash_function,
                                signature_length,
                                ..Layout::of_dialect(dialect)
                            })
                    })
            })
    })
}

/// One of [`every_layout`] with any chunk size, with and without timestamps.
pub(crate) fn layout() -> impl Strategy<Value = Layout> {
    (
        select(every_layout().collect::<Vec<_>>()),
        select(CHUNK_SIZES.to_vec()),
        any::<bool>(),
    )
        .prop_map(|(layout, chunk_size, data_timestamp)| Layout {
            chunk_size,
            data_timestamp,
            ..layout
        })
}

/// A datagram and the values that it was made from.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) layout: Layout,
    pub(crate) channel: ChannelId,
    pub(crate) messages: Vec<Message<'static>>,
    pub(crate) bytes: Vec<u8>,
}

/// A datagram under one layout: any messages, and at its tail perhaps one that
/// can only stand there.
pub(crate) fn datagram(layout: Layout) -> impl Strategy<Value = Sample> {
    (
        any::<u32>(),
        prop::collection::vec(message(layout), 0..8),
        prop::option::of(tail_message(layout)),
    )
        .prop_map(move |(channel, mut messages, tail)| {
            messages.extend(tail);
            let channel = ChannelId(channel);
            let mut bytes = Vec::new();
            encode_datagram(channel, &messages, &layout, &mut bytes)
                .expect("generated messages fit their layout");
            Sample {
                layout,
                channel,
                messages,
                bytes,
            }
        })
}

/// A datagram under any layout.
pub(crate) fn any_datagram() -> impl Strategy<Value = Sample> {
    layout().prop_flat_map(datagram)
}

fn pool(length: usize) -> BoxedStrategy<&'static [u8]> {
    (0..POOL.len() - length)
        .prop_map(move |start| &POOL[start..start + length])
        .boxed()
}

fn pool_up_to(length: usize) -> BoxedStrategy<&'static [u8]> {
    (0..=length).prop_flat_map(pool).boxed()
}

/// Any chunk specification of a method, special and reversed ones included.
fn spec(addressing: ChunkAddressing) -> BoxedStrategy<ChunkSpec> {
    match addressing {
        ChunkAddressing::Bin32 => {
            prop_oneof![any::<u32>(), Just(u32::MAX), Just(u32::MAX >> 1), 0..64_u32]
                .prop_map(ChunkSpec::Bin32)
                .boxed()
        }
        ChunkAddressing::Bin64 => {
            prop_oneof![any::<u64>(), Just(u64::MAX), Just(u64::MAX >> 1), 0..64_u64]
                .prop_map(ChunkSpec::Bin64)
                .boxed()
        }
        ChunkAddressing::Chunk32 => any::<(u32, u32)>()
            .prop_map(|(start, end)| ChunkSpec::Chunk32 { start, end })
            .boxed(),
        ChunkAddressing::Chunk64 => any::<(u64, u64)>()
            .prop_map(|(start, end)| ChunkSpec::Chunk64 { start, end })
            .boxed(),
        ChunkAddressing::Byte64 => any::<(u64, u64)>()
            .prop_map(|(start, end)| ChunkSpec::Byte64 { start, end })
            .boxed(),
        ChunkAddressing::Unassigned(code) => unreachable!("no layout here has method {code}"),
    }
}

/// A message that may stand anywhere in a datagram.
fn message(layout: Layout) -> BoxedStrategy<Message<'static>> {
    let spec = || spec(layout.addressing);
    let hash_length = layout
        .hash_function
        .length()
        .expect("an assigned hash function");
    let mut kinds = vec![
        spec().prop_map(Message::Have).boxed(),
        spec().prop_map(Message::Request).boxed(),
        spec().prop_map(Message::Cancel).boxed(),
        (spec(), any::<u64>())
            .prop_map(|(spec, delay)| Message::Ack { spec, delay })
            .boxed(),
        (spec(), pool(hash_length))
            .prop_map(|(spec, hash)| Message::Integrity { spec, hash })
            .boxed(),
        Just(Message::PexReq).boxed(),
        Just(Message::Unchoke).boxed(),
        any::<(u32, u16)>()
            .prop_map(|(address, port)| Message::PexResV4 {
                address: Ipv4Addr::from_bits(address),
                port,
            })
            .boxed(),
        any::<(u128, u16)>()
            .prop_map(|(address, port)| Message::PexResV6 {
                address: Ipv6Addr::from_bits(address),
                port,
            })
            .boxed(),
        pool_up_to(300)
            .prop_map(|certificate| Message::PexResCert { certificate })
            .boxed(),
        handshake(layout.dialect, true),
        if layout.dialect.randomize {
            any::<[u8; 4]>().prop_map(Message::Randomize).boxed()
        } else {
            Just(Message::Choke).boxed()
        },
    ];
    if let Some(length) = layout.signature_length {
        kinds.push(
            (spec(), any::<u64>(), pool(length))
                .prop_map(|(spec, timestamp, signature)| Message::SignedIntegrity {
                    spec,
                    timestamp,
                    signature,
                })
                .boxed(),
        );
    }
    if let ChunkSize::Fixed(size) = layout.chunk_size {
        // Twice as often: several in one datagram are what needs a split.
        kinds.push(full_data(layout, size));
        kinds.push(full_data(layout, size));
    }
    proptest::strategy::Union::new(kinds).boxed()
}

/// A message that ends its datagram: DATA that reaches to the end, or a list
/// of options without its end.
fn tail_message(layout: Layout) -> BoxedStrategy<Message<'static>> {
    let longest = match layout.chunk_size {
        ChunkSize::Fixed(size) => size as usize,
        // A byte range tells the chunk's length, here of the assumed size.
        ChunkSize::Variable if layout.addressing == ChunkAddressing::Byte64 => {
            ChunkSize::ASSUMED as usize
        }
        ChunkSize::Variable | ChunkSize::Unknown => 1500,
    };
    let data = (any::<u16>(), any::<u64>(), pool_up_to(longest)).prop_map(
        move |(chunk, timestamp, data)| {
            let spec = ChunkSpec::of(
                ChunkRange::single(chunk.into()),
                layout.addressing,
                layout.chunk_size.or_assumed(),
            )
            .expect("one chunk has a specification under every method");
            data_message(layout, spec, timestamp, data)
        },
    );
    if layout.dialect.handshake_options {
        prop_oneof![data, handshake(layout.dialect, false)].boxed()
    } else {
        data.boxed()
    }
}

/// DATA with all bytes of one, two or four chunks of a fixed size.
fn full_data(layout: Layout, size: u32) -> BoxedStrategy<Message<'static>> {
    (any::<u16>(), 0..3_u32, any::<u64>())
        .prop_flat_map(move |(first, layer, timestamp)| {
            let count = 1_u64 << layer;
            let start = u64::from(first) * count;
            let range = ChunkRange::new(start, start + count - 1).expect("counts upwards");
            let spec = ChunkSpec::of(range, layout.addressing, size)
                .expect("a subtree has a specification under every method");
            pool(count as usize * size as usize)
                .prop_map(move |data| data_message(layout, spec, timestamp, data))
        })
        .boxed()
}

fn data_message(
    layout: Layout,
    spec: ChunkSpec,
    timestamp: u64,
    data: &'static [u8],
) -> Message<'static> {
    Message::Data {
        spec,
        timestamp: layout.data_timestamp.then_some(timestamp),
        data,
        data_length: data.len(),
    }
}

fn handshake(dialect: &'static Dialect, has_end: bool) -> BoxedStrategy<Message<'static>> {
    let options = if dialect.handshake_options {
        prop::collection::vec(option(dialect), 0..12).boxed()
    } else {
        Just(Vec::new()).boxed()
    };
    (any::<u32>(), options)
        .prop_map(move |(source_channel, options)| {
            Message::Handshake(Handshake {
                source_channel: ChannelId(source_channel),
                options: with_right_windows(options),
                has_end,
            })
        })
        .boxed()
}

/// One option. Discard windows come with 64 bits; [`with_right_windows`]
/// gives them their width.
fn option(dialect: &'static Dialect) -> BoxedStrategy<ProtocolOption<'static>> {
    let mut kinds = vec![
        any::<u8>().prop_map(ProtocolOption::Version).boxed(),
        any::<u8>().prop_map(ProtocolOption::MinimumVersion).boxed(),
        pool_up_to(300).prop_map(ProtocolOption::SwarmId).boxed(),
        any::<u8>()
            .prop_map(|code| ProtocolOption::ContentIntegrity(ContentIntegrity::from_code(code)))
            .boxed(),
        any::<u8>()
            .prop_map(|code| ProtocolOption::HashFunction(HashFunction::from_code(code)))
            .boxed(),
        any::<u8>()
            .prop_map(|code| {
                ProtocolOption::SignatureAlgorithm(SignatureAlgorithm::from_code(code))
            })
            .boxed(),
        (0..7_u8)
            .prop_map(|code| ProtocolOption::ChunkAddressing(ChunkAddressing::from_code(code)))
            .boxed(),
        any::<u64>()
            .prop_map(|window| ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits64(window)))
            .boxed(),
        pool_up_to(255)
            .prop_map(ProtocolOption::SupportedMessages)
            .boxed(),
        any::<u32>().prop_map(ProtocolOption::ChunkSize).boxed(),
    ];
    for foreign in dialect.foreign_options {
        let value = match foreign.shape {
            OptionShape::Fixed(length) => pool(length),
            OptionShape::LengthOctet => pool_up_to(255),
        };
        kinds.push(
            value
                .prop_map(|value| ProtocolOption::Foreign {
                    code: foreign.code,
                    name: foreign.name,
                    value,
                })
                .boxed(),
        );
    }
    proptest::strategy::Union::new(kinds).boxed()
}

/// Gives every discard window the width of the addressing method before it,
/// and leaves out those behind a method whose width nobody knows.
fn with_right_windows(options: Vec<ProtocolOption<'static>>) -> Vec<ProtocolOption<'static>> {
    let mut addressing = ChunkAddressing::Chunk32;
    options
        .into_iter()
        .filter_map(|option| match option {
            ProtocolOption::ChunkAddressing(method) => {
                addressing = method;
                Some(option)
            }
            ProtocolOption::LiveDiscardWindow(window) => {
                let window = if DiscardWindow::is_wide(addressing)? {
                    window
                } else {
                    DiscardWindow::Bits32(window.value() as u32)
                };
                Some(ProtocolOption::LiveDiscardWindow(window))
            }
            _ => Some(option),
        })
        .collect()
}
