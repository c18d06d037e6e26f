//! Decoding: bytes to messages, zero-copy, with nom.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::bytes::complete::take;
use nom::error::{ErrorKind, ParseError};
use nom::number::complete as number;
use nom::{IResult, Parser};

use super::chunk::{ChunkSpec, Chunks};
use super::dialect::{Dialect, OptionShape};
use super::error::{Cause, DecodeError};
use super::layout::{ChunkSize, Layout};
use super::message::{ChannelId, DiscardWindow, Handshake, Located, Message, ProtocolOption};
use super::registry::{
    ChunkAddressing, ContentIntegrity, HashFunction, MessageType, OptionCode, SignatureAlgorithm,
};

/// Reads the messages of one datagram one after the other.
///
/// The layout is an argument of every step, because a HANDSHAKE changes how
/// the messages behind it in the same datagram are to be read.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    payload: &'a [u8],
    wire_length: usize,
    position: usize,
    /// Set behind a HANDSHAKE that the capture cut: what follows is the rest
    /// of its options and no message.
    finished: bool,
}

impl<'a> Reader<'a> {
    /// Starts behind the channel ID. `wire_length` is the datagram's length on
    /// the wire, of which `payload` may hold only the beginning.
    ///
    /// # Errors
    /// When there are fewer than four bytes.
    #[inline]
    pub fn new(payload: &'a [u8], wire_length: usize) -> Result<(ChannelId, Self), DecodeError> {
        let Some((channel, _)) = payload.split_first_chunk::<4>() else {
            return Err(DecodeError {
                offset: 0,
                message: None,
                cause: Cause::Truncated {
                    field: "a channel ID",
                    needed: 4,
                    available: payload.len(),
                },
            });
        };
        Ok((
            ChannelId(u32::from_be_bytes(*channel)),
            Self {
                payload,
                wire_length: wire_length.max(payload.len()),
                position: 4,
                finished: false,
            },
        ))
    }

    /// Offset of the next message.
    #[inline]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// The bytes not read yet.
    #[inline]
    pub fn rest(&self) -> &'a [u8] {
        self.payload.get(self.position..).unwrap_or_default()
    }

    /// Reads the next message under `layout`; `None` at the end of the datagram.
    ///
    /// # Errors
    /// When the bytes are no message. The reader then stays before them.
    #[inline]
    pub fn next(&mut self, layout: &Layout) -> Option<Result<Located<'a>, DecodeError>> {
        self.next_into(layout, |located| located)
    }

    /// The same, with what `take` makes of the message. Kinds of messages give
    /// theirs to `take` each on its own, so that it is built where it is to
    /// stay: copying it out of a common place costs more than reading it.
    #[inline]
    pub(crate) fn next_into<R>(
        &mut self,
        layout: &Layout,
        take: impl FnOnce(Located<'a>) -> R,
    ) -> Option<Result<R, DecodeError>> {
        if self.finished {
            return None;
        }
        let input = self.rest();
        let (&code, body) = input.split_first()?;
        let beyond = self.wire_length - self.payload.len();
        let taken = match MessageType::from_code(code) {
            MessageType::Data => data(body, layout, beyond, |rest, message| {
                // One that the capture cut has its length on the wire.
                let missing = match &message {
                    Message::Data {
                        data, data_length, ..
                    } => data_length - data.len(),
                    _ => 0,
                };
                take(self.located(message, rest, missing))
            }),
            MessageType::Integrity => integrity(body, layout, |rest, message| {
                take(self.located(message, rest, 0))
            }),
            kind => message_of(kind, body, layout, beyond).map(|(rest, message)| {
                if let Message::Handshake(handshake) = &message {
                    self.finished = beyond > 0 && !handshake.has_end;
                }
                take(self.located(message, rest, 0))
            }),
        };
        Some(taken.map_err(|error| self.locate(code, error)))
    }

    /// Moves on to `rest`, behind `message`, of which `missing` bytes were cut off.
    #[inline]
    fn located(&mut self, message: Message<'a>, rest: &[u8], missing: usize) -> Located<'a> {
        let offset = self.position;
        self.position = self.payload.len() - rest.len();
        Located {
            message,
            offset,
            length: self.position - offset + missing,
        }
    }

    /// Moves past messages whose length their type tells, up to an INTEGRITY or
    /// DATA, anything else, or the end.
    #[inline]
    pub(crate) fn skip_to_content(&mut self, layout: &Layout) {
        while !self.finished
            && let Some((&code, body)) = self.rest().split_first()
        {
            let kind = MessageType::from_code(code);
            if kind == MessageType::Integrity {
                return;
            }
            match width_of(kind, layout) {
                Some(width) if width <= body.len() => self.position += 1 + width,
                _ => return,
            }
        }
    }

    #[cold]
    fn locate(&self, code: u8, error: nom::Err<Fault<'a>>) -> DecodeError {
        let kind = MessageType::from_code(code);
        match error {
            nom::Err::Error(fault) | nom::Err::Failure(fault) => DecodeError {
                offset: match fault.cause {
                    Cause::UnknownMessage(_) => self.position,
                    _ => self.payload.len() - fault.rest.len(),
                },
                message: kind.is_assigned().then_some(kind),
                cause: fault.cause,
            },
            // The parsers are nom's complete ones; should one ask for more all
            // the same, that is a truncated message.
            nom::Err::Incomplete(_) => DecodeError {
                offset: self.payload.len(),
                message: kind.is_assigned().then_some(kind),
                cause: Cause::Truncated {
                    field: "a message",
                    needed: 1,
                    available: 0,
                },
            },
        }
    }
}

/// nom's error for this format: the cause, and the bytes from the fault on.
#[derive(Debug)]
struct Fault<'a> {
    rest: &'a [u8],
    cause: Cause,
}

impl<'a> ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(rest: &'a [u8], _: ErrorKind) -> Self {
        Fault {
            rest,
            cause: Cause::Truncated {
                field: "a field",
                needed: rest.len() + 1,
                available: rest.len(),
            },
        }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

impl Fault<'_> {
    /// Whether the field may have been whole before the capture cut `beyond`
    /// bytes off.
    fn is_of_cut(&self, beyond: usize) -> bool {
        matches!(self.cause, Cause::Truncated { needed, available, .. }
            if needed <= available.saturating_add(beyond))
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T, Fault<'a>>;

#[cold]
fn fault<T>(rest: &[u8], cause: Cause) -> Result<T, nom::Err<Fault<'_>>> {
    Err(nom::Err::Error(Fault { rest, cause }))
}

/// Names the field that `parser` reads, so that its failure tells what was expected.
#[inline]
fn field<'a, T>(
    name: &'static str,
    width: usize,
    mut parser: impl Parser<&'a [u8], Output = T, Error = Fault<'a>>,
) -> impl FnMut(&'a [u8]) -> Parsed<'a, T> {
    move |input: &'a [u8]| {
        if input.len() < width {
            return fault(
                input,
                Cause::Truncated {
                    field: name,
                    needed: width,
                    available: input.len(),
                },
            );
        }
        parser.parse(input)
    }
}

#[inline]
fn octet<'a>(name: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u8> {
    field(name, 1, number::be_u8)
}

#[inline]
fn u16<'a>(name: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u16> {
    field(name, 2, number::be_u16)
}

#[inline]
fn u32<'a>(name: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u32> {
    field(name, 4, number::be_u32)
}

#[inline]
fn u64<'a>(name: &'static str) -> impl FnMut(&'a [u8]) -> Parsed<'a, u64> {
    field(name, 8, number::be_u64)
}

#[inline]
fn bytes<'a>(name: &'static str, count: usize) -> impl FnMut(&'a [u8]) -> Parsed<'a, &'a [u8]> {
    field(name, count, take(count))
}

/// Gives `then` a chunk specification and what follows it. That of the RFC's
/// default addressing does so on its own: what depends on the method is then
/// settled when this is compiled.
#[inline]
fn with_chunk_spec<'a, R>(
    input: &'a [u8],
    addressing: ChunkAddressing,
    then: impl FnOnce(&'a [u8], ChunkSpec) -> Result<R, nom::Err<Fault<'a>>>,
) -> Result<R, nom::Err<Fault<'a>>> {
    if addressing == ChunkAddressing::Chunk32
        && let Some((&[s0, s1, s2, s3, e0, e1, e2, e3], rest)) = input.split_first_chunk()
    {
        let start = u32::from_be_bytes([s0, s1, s2, s3]);
        let end = u32::from_be_bytes([e0, e1, e2, e3]);
        return then(rest, ChunkSpec::Chunk32 { start, end });
    }
    let (rest, spec) = chunk_spec(input, addressing)?;
    then(rest, spec)
}

fn chunk_spec(input: &[u8], addressing: ChunkAddressing) -> Parsed<'_, ChunkSpec> {
    match addressing {
        ChunkAddressing::Chunk32 => (u32("a start chunk"), u32("an end chunk"))
            .map(|(start, end)| ChunkSpec::Chunk32 { start, end })
            .parse(input),
        ChunkAddressing::Bin32 => u32("a bin").map(ChunkSpec::Bin32).parse(input),
        ChunkAddressing::Bin64 => u64("a bin").map(ChunkSpec::Bin64).parse(input),
        ChunkAddressing::Chunk64 => (u64("a start chunk"), u64("an end chunk"))
            .map(|(start, end)| ChunkSpec::Chunk64 { start, end })
            .parse(input),
        ChunkAddressing::Byte64 => (u64("a start byte"), u64("an end byte"))
            .map(|(start, end)| ChunkSpec::Byte64 { start, end })
            .parse(input),
        ChunkAddressing::Unassigned(code) => fault(input, Cause::UnknownAddressing(code)),
    }
}

/// How many bytes follow the type octet, where that does not depend on them;
/// `None` for DATA.
#[inline]
fn width_of(kind: MessageType, layout: &Layout) -> Option<usize> {
    let spec = match layout.addressing {
        ChunkAddressing::Bin32 => 4,
        ChunkAddressing::Chunk32 | ChunkAddressing::Bin64 => 8,
        ChunkAddressing::Chunk64 | ChunkAddressing::Byte64 => 16,
        ChunkAddressing::Unassigned(_) => return None,
    };
    match kind {
        MessageType::Have | MessageType::Request | MessageType::Cancel => Some(spec),
        MessageType::Ack => Some(spec + 8),
        MessageType::Integrity => Some(spec + layout.hash_function.length()?),
        MessageType::SignedIntegrity => Some(spec + 8 + layout.signature_length?),
        MessageType::PexResV4 => Some(4 + 2),
        MessageType::PexResV6 => Some(16 + 2),
        MessageType::Choke if layout.dialect.randomize => Some(4),
        MessageType::Choke | MessageType::Unchoke | MessageType::PexReq => Some(0),
        MessageType::Data
        | MessageType::Handshake
        | MessageType::PexResCert
        | MessageType::Unassigned(_) => None,
    }
}

/// Gives `done` a DATA message behind its type octet and what follows it. `beyond` is
/// how many bytes of the datagram the capture cut off.
#[inline]
fn data<'a, R>(
    input: &'a [u8],
    layout: &Layout,
    beyond: usize,
    done: impl FnOnce(&'a [u8], Message<'a>) -> R,
) -> Result<R, nom::Err<Fault<'a>>> {
    with_chunk_spec(input, layout.addressing, |input, spec| {
        let (input, timestamp) = match input.split_first_chunk() {
            Some((timestamp, rest)) if layout.data_timestamp => {
                (rest, Some(u64::from_be_bytes(*timestamp)))
            }
            _ if layout.data_timestamp => u64("a timestamp").map(Some).parse(input)?,
            _ => (input, None),
        };
        let data_length = data_length(spec, layout, input.len() + beyond);
        let (data, rest) = input.split_at(data_length.min(input.len()));
        let message = Message::Data {
            spec,
            timestamp,
            data,
            data_length,
        };
        Ok(done(rest, message))
    })
}

/// Gives `done` an INTEGRITY message behind its type octet and what follows it.
#[inline]
fn integrity<'a, R>(
    input: &'a [u8],
    layout: &Layout,
    done: impl FnOnce(&'a [u8], Message<'a>) -> R,
) -> Result<R, nom::Err<Fault<'a>>> {
    with_chunk_spec(input, layout.addressing, |input, spec| {
        let Some(length) = layout.hash_function.length() else {
            return fault(
                input,
                Cause::UnknownHashFunction(layout.hash_function.code()),
            );
        };
        let (hash, rest) = match input.split_at_checked(length) {
            Some(split) => split,
            None => bytes("a hash", length)(input).map(|(rest, hash)| (hash, rest))?,
        };
        Ok(done(rest, Message::Integrity { spec, hash }))
    })
}

/// The message of this type behind its type octet. DATA and INTEGRITY, which fill
/// captures, are read faster where they are given on at once.
fn message_of<'a>(
    kind: MessageType,
    input: &'a [u8],
    layout: &Layout,
    beyond: usize,
) -> Parsed<'a, Message<'a>> {
    let spec = |input| chunk_spec(input, layout.addressing);
    match kind {
        MessageType::Data => data(input, layout, beyond, |rest, message| (rest, message)),
        MessageType::Integrity => integrity(input, layout, |rest, message| (rest, message)),
        MessageType::Have => spec.map(Message::Have).parse(input),
        MessageType::Ack => (spec, u64("a delay sample"))
            .map(|(spec, delay)| Message::Ack { spec, delay })
            .parse(input),
        MessageType::Request => spec.map(Message::Request).parse(input),
        MessageType::Handshake => handshake(input, layout.dialect, beyond)
            .map(|(rest, handshake)| (rest, Message::Handshake(handshake))),
        MessageType::PexResV4 => (u32("an IPv4 address"), u16("a port"))
            .map(|(address, port)| Message::PexResV4 {
                address: Ipv4Addr::from_bits(address),
                port,
            })
            .parse(input),
        MessageType::PexReq => Ok((input, Message::PexReq)),
        MessageType::SignedIntegrity => {
            let (input, (spec, timestamp)) = (spec, u64("a timestamp")).parse(input)?;
            let Some(length) = layout.signature_length else {
                return fault(input, Cause::UnknownSignatureLength);
            };
            bytes("a signature", length)
                .map(|signature| Message::SignedIntegrity {
                    spec,
                    timestamp,
                    signature,
                })
                .parse(input)
        }
        MessageType::Cancel => spec.map(Message::Cancel).parse(input),
        MessageType::Choke if layout.dialect.randomize => {
            field("four random bytes", 4, number::be_u32)
                .map(|value: u32| Message::Randomize(value.to_be_bytes()))
                .parse(input)
        }
        MessageType::Choke => Ok((input, Message::Choke)),
        MessageType::Unchoke => Ok((input, Message::Unchoke)),
        MessageType::PexResV6 => (field("an IPv6 address", 16, number::be_u128), u16("a port"))
            .map(|(address, port)| Message::PexResV6 {
                address: Ipv6Addr::from_bits(address),
                port,
            })
            .parse(input),
        MessageType::PexResCert => {
            let (input, length) = u16("the size of a certificate")(input)?;
            bytes("a certificate", length.into())
                .map(|certificate| Message::PexResCert { certificate })
                .parse(input)
        }
        MessageType::Unassigned(code) => fault(input, Cause::UnknownMessage(code)),
    }
}

/// How many bytes the chunk of a DATA message has that names `spec`, where
/// `left` follow in the datagram.
#[inline]
fn data_length(spec: ChunkSpec, layout: &Layout, left: usize) -> usize {
    match layout.chunk_size {
        ChunkSize::Variable => match spec {
            // A byte range says how long its chunk is, whatever the others are.
            ChunkSpec::Byte64 { start, end } if start <= end => {
                usize::try_from((end - start).saturating_add(1))
                    .unwrap_or(usize::MAX)
                    .min(left)
            }
            _ => left,
        },
        ChunkSize::Unknown => left,
        ChunkSize::Fixed(size) => match (spec, spec.chunks(size)) {
            (ChunkSpec::Byte64 { start, end }, Chunks::Range(_)) => {
                usize::try_from((end - start).saturating_add(1)).unwrap_or(usize::MAX)
            }
            (_, Chunks::Range(range)) => {
                usize::try_from(range.count().saturating_mul(size.into())).unwrap_or(usize::MAX)
            }
            _ => left,
        }
        .min(left),
    }
}

fn handshake<'a>(input: &'a [u8], dialect: &Dialect, beyond: usize) -> Parsed<'a, Handshake<'a>> {
    let (mut input, source_channel) = u32("a source channel ID")(input)?;
    let mut handshake = Handshake {
        source_channel: ChannelId(source_channel),
        options: Vec::new(),
        has_end: !dialect.handshake_options,
    };
    if !dialect.handshake_options {
        return Ok((input, handshake));
    }
    let mut addressing = None;
    while let Some((&code, value)) = input.split_first() {
        if code == OptionCode::End.code() {
            handshake.has_end = true;
            return Ok((value, handshake));
        }
        let (rest, option) = match option(code, value, input, dialect, addressing) {
            Err(nom::Err::Error(fault)) if fault.is_of_cut(beyond) => break,
            other => other?,
        };
        if let ProtocolOption::ChunkAddressing(method) = option {
            addressing = Some(method);
        }
        handshake.options.push(option);
        input = rest;
    }
    // Either the capture cut the list, and these options are what it shows; or
    // the list reached the end of the datagram: readable, though not as the RFC
    // wants it. The session makes a finding of it.
    Ok((input, handshake))
}

/// The value of the option `code`. `whole` starts at the code, for the error's offset.
fn option<'a>(
    code: u8,
    input: &'a [u8],
    whole: &'a [u8],
    dialect: &Dialect,
    addressing: Option<ChunkAddressing>,
) -> Parsed<'a, ProtocolOption<'a>> {
    match OptionCode::from_code(code) {
        OptionCode::Version => octet("a version").map(ProtocolOption::Version).parse(input),
        OptionCode::MinimumVersion => octet("a minimum version")
            .map(ProtocolOption::MinimumVersion)
            .parse(input),
        OptionCode::SwarmId => {
            let (input, length) = u16("the length of a swarm ID")(input)?;
            bytes("a swarm ID", length.into())
                .map(ProtocolOption::SwarmId)
                .parse(input)
        }
        OptionCode::ContentIntegrity => octet("a content integrity protection method")
            .map(|code| ProtocolOption::ContentIntegrity(ContentIntegrity::from_code(code)))
            .parse(input),
        OptionCode::HashFunction => octet("a hash function")
            .map(|code| ProtocolOption::HashFunction(HashFunction::from_code(code)))
            .parse(input),
        OptionCode::SignatureAlgorithm => octet("a signature algorithm")
            .map(|code| ProtocolOption::SignatureAlgorithm(SignatureAlgorithm::from_code(code)))
            .parse(input),
        OptionCode::ChunkAddressing => octet("a chunk addressing method")
            .map(|code| ProtocolOption::ChunkAddressing(ChunkAddressing::from_code(code)))
            .parse(input),
        OptionCode::LiveDiscardWindow => {
            // Section 7.9 wants the addressing method before; the default is
            // 32-bit chunk ranges.
            let method = addressing.unwrap_or(ChunkAddressing::Chunk32);
            match DiscardWindow::is_wide(method) {
                Some(true) => u64("a live discard window")
                    .map(|value| ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits64(value)))
                    .parse(input),
                Some(false) => u32("a live discard window")
                    .map(|value| ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits32(value)))
                    .parse(input),
                None => fault(whole, Cause::UnknownAddressing(method.code())),
            }
        }
        OptionCode::SupportedMessages => {
            let (input, length) = octet("the length of a message bitmap")(input)?;
            bytes("a message bitmap", length.into())
                .map(ProtocolOption::SupportedMessages)
                .parse(input)
        }
        OptionCode::ChunkSize => u32("a chunk size")
            .map(ProtocolOption::ChunkSize)
            .parse(input),
        OptionCode::End | OptionCode::Unassigned(_) => match dialect.foreign_option(code) {
            None => fault(whole, Cause::UnknownOption(code)),
            Some(foreign) => {
                let (input, length) = match foreign.shape {
                    OptionShape::Fixed(length) => (input, length),
                    OptionShape::LengthOctet => octet("the length of an option")
                        .map(usize::from)
                        .parse(input)?,
                };
                bytes(foreign.name, length)
                    .map(|value| ProtocolOption::Foreign {
                        code,
                        name: foreign.name,
                        value,
                    })
                    .parse(input)
            }
        },
    }
}
