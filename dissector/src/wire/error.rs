//! What was wrong with a datagram: where, what was expected, what was found.

use std::fmt;

use super::registry::{ChunkAddressing, MessageType};

/// Why bytes could not be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The datagram ends within a field.
    Truncated {
        /// The field.
        field: &'static str,
        /// Bytes that the field needs.
        needed: usize,
        /// Bytes that were left.
        available: usize,
    },
    /// A message type that Table 7 does not assign; nobody knows its length.
    UnknownMessage(u8),
    /// An option code that Table 2 does not assign; nobody knows its length.
    UnknownOption(u8),
    /// An addressing method that Table 6 does not assign; nobody knows its width.
    UnknownAddressing(u8),
    /// A hash function that Table 5 does not assign; nobody knows its width.
    UnknownHashFunction(u8),
    /// A signature whose length no handshake told.
    UnknownSignatureLength,
}

/// A datagram that could not be decoded to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Offset in the datagram of the first byte that could not be used.
    pub offset: usize,
    /// The message that the fault lies in; `None` outside any message.
    pub message: Option<MessageType>,
    /// What was wrong.
    pub cause: Cause,
}

impl DecodeError {
    /// Whether the same bytes with more behind them might have been all right.
    pub const fn is_truncation(&self) -> bool {
        matches!(self.cause, Cause::Truncated { .. })
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}", self.offset)?;
        if let Some(message) = self.message {
            write!(f, ", in {message}")?;
        }
        match self.cause {
            Cause::Truncated {
                field,
                needed,
                available,
            } => write!(
                f,
                ": expected {field} of {needed} {}, found {available}",
                if needed == 1 { "byte" } else { "bytes" }
            ),
            Cause::UnknownMessage(255) => {
                f.write_str(": expected a message type of Table 7, found 255, which is reserved")
            }
            Cause::UnknownMessage(code) => {
                write!(
                    f,
                    ": expected a message type of Table 7 (0 to 13), found {code}"
                )
            }
            Cause::UnknownOption(code) => {
                write!(
                    f,
                    ": expected an option of Table 2 (0 to 9, 255), found {code}"
                )
            }
            Cause::UnknownAddressing(code) => write!(
                f,
                ": expected a chunk addressing method of Table 6 (0 to 4), found {code}"
            ),
            Cause::UnknownHashFunction(code) => write!(
                f,
                ": expected a hash function of Table 5 (0 to 4), found {code}"
            ),
            Cause::UnknownSignatureLength => f.write_str(
                ": expected a signature, found no swarm key or algorithm that tells its length",
            ),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Why a value has no encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A chunk specification in another addressing method than the layout's.
    Addressing {
        /// The layout's method.
        layout: ChunkAddressing,
        /// The specification's method.
        spec: ChunkAddressing,
    },
    /// A value longer than its length field can say, or than its layout allows.
    Length {
        /// The field.
        field: &'static str,
        /// Bytes that the layout or the length field wants, at most or exactly.
        wanted: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// A value that the dialect has no place for.
    NotInDialect(&'static str),
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addressing { layout, spec } => {
                write!(f, "the channel names chunks as {layout}, not as {spec}")
            }
            Self::Length {
                field,
                wanted,
                found,
            } => write!(f, "{field} has {found} bytes where {wanted} fit"),
            Self::NotInDialect(what) => write!(f, "the dialect has no {what}"),
        }
    }
}

impl std::error::Error for EncodeError {}
