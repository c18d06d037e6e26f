//! One datagram: what its bytes say, and how to write them.
//!
//! A datagram is the receiver's channel ID and any number of messages
//! (RFC 7574, section 8.2). [`Reader`] takes it apart under a [`Layout`];
//! [`encode_datagram`] puts it together.

mod chunk;
mod decode;
pub mod dialect;
mod encode;
mod error;
mod layout;
mod message;
mod pieces;
mod registry;

pub use chunk::{Bin, ChunkRange, ChunkSpec, Chunks};
pub use decode::Reader;
pub use dialect::Dialect;
pub use encode::{encode_datagram, encode_message};
pub use error::{Cause, DecodeError, EncodeError};
pub use layout::{ChunkSize, Layout};
pub use message::{
    ChannelId, DiscardWindow, Handshake, Located, Message, ProtocolOption, bitmap_of,
    bitmap_supports,
};
pub use pieces::{Piece, Pieces};
pub use registry::{
    ChunkAddressing, ContentIntegrity, HashFunction, MessageType, OptionCode, SignatureAlgorithm,
};

/// Decodes a whole datagram under one layout: its channel, its messages, and
/// the fault that ended decoding, if there was one. For callers without a
/// session; a HANDSHAKE in it does not change the layout.
pub fn decode_datagram<'a>(
    payload: &'a [u8],
    layout: &Layout,
) -> (Option<ChannelId>, Vec<Located<'a>>, Option<DecodeError>) {
    let (channel, mut reader) = match Reader::new(payload, payload.len()) {
        Ok(start) => start,
        Err(error) => return (None, Vec::new(), Some(error)),
    };
    let mut messages = Vec::new();
    while let Some(next) = reader.next(layout) {
        match next {
            Ok(located) => messages.push(located),
            Err(error) => return (Some(channel), messages, Some(error)),
        }
    }
    (Some(channel), messages, None)
}
