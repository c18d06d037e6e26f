//! Encoding: messages to bytes, the exact inverse of decoding.

use super::chunk::ChunkSpec;
use super::dialect::OptionShape;
use super::error::EncodeError;
use super::layout::Layout;
use super::message::{ChannelId, DiscardWindow, Handshake, Message, ProtocolOption};
use super::registry::OptionCode;

/// Writes one datagram: the receiver's channel, then the messages. No message
/// makes a keep-alive (RFC 7574, section 8.14).
///
/// # Errors
/// When a message does not fit the layout; `out` then holds what was written before.
pub fn encode_datagram(
    channel: ChannelId,
    messages: &[Message<'_>],
    layout: &Layout,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&channel.0.to_be_bytes());
    messages
        .iter()
        .try_for_each(|message| encode_message(message, layout, out))
}

/// Writes one message with its type octet.
///
/// # Errors
/// When the message does not fit the layout: another addressing method, a hash
/// or signature of another length, a timestamp that the dialect lacks or wants.
pub fn encode_message(
    message: &Message<'_>,
    layout: &Layout,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if matches!(message, Message::Choke) && layout.dialect.randomize {
        return Err(EncodeError::NotInDialect("CHOKE"));
    }
    out.push(message.kind().code());
    if let Some(spec) = message.spec() {
        encode_spec(spec, layout, out)?;
    }
    match message {
        Message::Handshake(handshake) => encode_handshake(handshake, layout, out)?,
        Message::Data {
            timestamp, data, ..
        } => {
            match (timestamp, layout.data_timestamp) {
                (Some(timestamp), true) => out.extend_from_slice(&timestamp.to_be_bytes()),
                (None, false) => {}
                (Some(_), false) => return Err(EncodeError::NotInDialect("timestamp in DATA")),
                (None, true) => return Err(EncodeError::NotInDialect("DATA without timestamp")),
            }
            out.extend_from_slice(data);
        }
        Message::Ack { delay, .. } => out.extend_from_slice(&delay.to_be_bytes()),
        Message::Integrity { hash, .. } => {
            exactly("a hash", layout.hash_function.length().unwrap_or(0), hash)?;
            out.extend_from_slice(hash);
        }
        Message::SignedIntegrity {
            timestamp,
            signature,
            ..
        } => {
            exactly(
                "a signature",
                layout.signature_length.unwrap_or(0),
                signature,
            )?;
            out.extend_from_slice(&timestamp.to_be_bytes());
            out.extend_from_slice(signature);
        }
        Message::PexResV4 { address, port } => {
            out.extend_from_slice(&address.octets());
            out.extend_from_slice(&port.to_be_bytes());
        }
        Message::PexResV6 { address, port } => {
            out.extend_from_slice(&address.octets());
            out.extend_from_slice(&port.to_be_bytes());
        }
        Message::PexResCert { certificate } => {
            let length = length16("a certificate", certificate)?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(certificate);
        }
        Message::Randomize(value) => {
            if !layout.dialect.randomize {
                return Err(EncodeError::NotInDialect("RANDOMIZE"));
            }
            out.extend_from_slice(value);
        }
        Message::Have(_)
        | Message::Request(_)
        | Message::Cancel(_)
        | Message::Choke
        | Message::Unchoke
        | Message::PexReq => {}
    }
    Ok(())
}

fn encode_spec(spec: ChunkSpec, layout: &Layout, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    if spec.addressing() != layout.addressing {
        return Err(EncodeError::Addressing {
            layout: layout.addressing,
            spec: spec.addressing(),
        });
    }
    match spec {
        ChunkSpec::Bin32(number) => out.extend_from_slice(&number.to_be_bytes()),
        ChunkSpec::Bin64(number) => out.extend_from_slice(&number.to_be_bytes()),
        ChunkSpec::Chunk32 { start, end } => {
            out.extend_from_slice(&start.to_be_bytes());
            out.extend_from_slice(&end.to_be_bytes());
        }
        ChunkSpec::Chunk64 { start, end } | ChunkSpec::Byte64 { start, end } => {
            out.extend_from_slice(&start.to_be_bytes());
            out.extend_from_slice(&end.to_be_bytes());
        }
    }
    Ok(())
}

fn encode_handshake(
    handshake: &Handshake<'_>,
    layout: &Layout,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.extend_from_slice(&handshake.source_channel.0.to_be_bytes());
    if !layout.dialect.handshake_options {
        return if handshake.options.is_empty() {
            Ok(())
        } else {
            Err(EncodeError::NotInDialect("protocol options"))
        };
    }
    for option in &handshake.options {
        encode_option(option, layout, out)?;
    }
    if handshake.has_end {
        out.push(OptionCode::End.code());
    }
    Ok(())
}

fn encode_option(
    option: &ProtocolOption<'_>,
    layout: &Layout,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(option.code().code());
    match option {
        ProtocolOption::Version(value) | ProtocolOption::MinimumVersion(value) => out.push(*value),
        ProtocolOption::SwarmId(id) => {
            out.extend_from_slice(&length16("a swarm ID", id)?.to_be_bytes());
            out.extend_from_slice(id);
        }
        ProtocolOption::ContentIntegrity(value) => out.push(value.code()),
        ProtocolOption::HashFunction(value) => out.push(value.code()),
        ProtocolOption::SignatureAlgorithm(value) => out.push(value.code()),
        ProtocolOption::ChunkAddressing(value) => out.push(value.code()),
        ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits32(value)) => {
            out.extend_from_slice(&value.to_be_bytes());
        }
        ProtocolOption::LiveDiscardWindow(DiscardWindow::Bits64(value)) => {
            out.extend_from_slice(&value.to_be_bytes());
        }
        ProtocolOption::SupportedMessages(bitmap) => {
            out.push(length8("a message bitmap", bitmap)?);
            out.extend_from_slice(bitmap);
        }
        ProtocolOption::ChunkSize(value) => out.extend_from_slice(&value.to_be_bytes()),
        ProtocolOption::Foreign { code, value, .. } => {
            let Some(foreign) = layout.dialect.foreign_option(*code) else {
                return Err(EncodeError::NotInDialect("option of this code"));
            };
            match foreign.shape {
                OptionShape::Fixed(length) => exactly(foreign.name, length, value)?,
                OptionShape::LengthOctet => out.push(length8(foreign.name, value)?),
            }
            out.extend_from_slice(value);
        }
    }
    Ok(())
}

fn exactly(field: &'static str, wanted: usize, value: &[u8]) -> Result<(), EncodeError> {
    if value.len() == wanted {
        Ok(())
    } else {
        Err(EncodeError::Length {
            field,
            wanted,
            found: value.len(),
        })
    }
}

fn length8(field: &'static str, value: &[u8]) -> Result<u8, EncodeError> {
    u8::try_from(value.len()).map_err(|_| EncodeError::Length {
        field,
        wanted: u8::MAX.into(),
        found: value.len(),
    })
}

fn length16(field: &'static str, value: &[u8]) -> Result<u16, EncodeError> {
    u16::try_from(value.len()).map_err(|_| EncodeError::Length {
        field,
        wanted: u16::MAX.into(),
        found: value.len(),
    })
}

impl ProtocolOption<'_> {
    /// Bytes of the option on the wire, code included.
    pub fn wire_length(&self, dialect: &super::Dialect) -> usize {
        1 + match self {
            Self::Version(_)
            | Self::MinimumVersion(_)
            | Self::ContentIntegrity(_)
            | Self::HashFunction(_)
            | Self::SignatureAlgorithm(_)
            | Self::ChunkAddressing(_) => 1,
            Self::SwarmId(id) => 2 + id.len(),
            Self::LiveDiscardWindow(DiscardWindow::Bits32(_)) | Self::ChunkSize(_) => 4,
            Self::LiveDiscardWindow(DiscardWindow::Bits64(_)) => 8,
            Self::SupportedMessages(bitmap) => 1 + bitmap.len(),
            Self::Foreign { code, value, .. } => {
                let prefix = dialect
                    .foreign_option(*code)
                    .is_some_and(|foreign| foreign.shape == OptionShape::LengthOctet);
                usize::from(prefix) + value.len()
            }
        }
    }
}
