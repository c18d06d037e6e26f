//! Values of fields, and where a filter gets them from.

use std::net::IpAddr;
use std::ops::ControlFlow;

use super::{FieldId, Level};
use crate::session::Time;
use crate::wire::ChunkRange;

/// One value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// It is there ([`super::Kind::Presence`]).
    Present,
    /// A number; of times and durations, nanoseconds, and of
    /// [`super::Kind::Microseconds`], those.
    Number(i128),
    /// An address.
    Address(IpAddr),
    /// Bytes; of channel IDs, four.
    Bytes(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// A word by its number among [`super::Words`].
    Word(u16),
    /// Chunk numbers, all of a range.
    Chunks(ChunkRange),
}

/// What is known of a frame beside the datagram in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its bytes on the wire, with all headers.
    pub length: Option<u64>,
    /// When the capture's first frame came.
    pub start: Option<Time>,
    /// The capture file's comment on it.
    pub comment: Option<&'a str>,
}

/// Something whose fields can be asked for.
pub trait Values {
    /// The highest level of which it knows the fields.
    fn level(&self) -> Level;

    /// How many messages it has; a keep-alive counts as one.
    fn messages(&self) -> usize;

    /// Brings every value of `field` before `visit`, until that breaks off: of
    /// all messages, or only of the one at the place `message` where the field
    /// is one of messages. There is none where the level is too low.
    fn visit(
        &self,
        field: FieldId,
        message: Option<usize>,
        visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()>;
}
