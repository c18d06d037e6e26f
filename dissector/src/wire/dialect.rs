//! Dialects: how implementations in the wild write what the RFC writes
//! otherwise. Each is one value; decoding takes it as a parameter.

use super::registry::{ChunkAddressing, HashFunction};

/// The length of an option that the RFC does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionShape {
    /// This many bytes.
    Fixed(usize),
    /// A length octet, then that many bytes.
    LengthOctet,
}

/// An option that only one dialect knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignOption {
    /// Its code, one that Table 2 leaves unassigned.
    pub code: u8,
    /// A name for people and for JSON.
    pub name: &'static str,
    /// How long its value is.
    pub shape: OptionShape,
}

/// What an ACK carries besides its chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckTime {
    /// A one-way delay sample in microseconds (RFC 7574, section 8.7).
    OneWayDelay,
    /// The receiver's clock in microseconds when the chunk came.
    ReceiveTime,
}

/// The set of differences from the RFC that changes how bytes are read.
#[derive(Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Name, as in JSON's `dialect`.
    pub name: &'static str,
    /// Whether a HANDSHAKE carries a list of protocol options.
    pub handshake_options: bool,
    /// Options beyond Table 2.
    pub foreign_options: &'static [ForeignOption],
    /// Whether DATA carries a timestamp.
    pub data_timestamp: bool,
    /// What an ACK carries.
    pub ack_time: AckTime,
    /// Whether message type 10 is RANDOMIZE, with four bytes, and not CHOKE.
    pub randomize: bool,
    /// The one addressing method, where there is no option to name it.
    pub addressing: Option<ChunkAddressing>,
    /// The one hash function, where there is no option to name it.
    pub hash_function: Option<HashFunction>,
}

impl Dialect {
    /// The option with this code that only this dialect knows.
    pub fn foreign_option(&self, code: u8) -> Option<&'static ForeignOption> {
        self.foreign_options
            .iter()
            .find(|option| option.code == code)
    }
}

/// RFC 7574 as it is written.
pub static RFC7574: Dialect = Dialect {
    name: "rfc7574",
    handshake_options: true,
    foreign_options: &[],
    data_timestamp: true,
    ack_time: AckTime::OneWayDelay,
    randomize: false,
    addressing: None,
    hash_function: None,
};

/// The protocol of the program `swift` before the RFC (2012): no options, 32-bit
/// bins, SHA-1, no timestamp in DATA, the time of receipt in ACK. libswift falls
/// back to it when its handshakes are not answered.
pub static LEGACY_SWIFT: Dialect = Dialect {
    name: "legacy-swift",
    handshake_options: false,
    foreign_options: &[],
    data_timestamp: false,
    ack_time: AckTime::ReceiveTime,
    randomize: true,
    addressing: Some(ChunkAddressing::Bin32),
    hash_function: Some(HashFunction::Sha1),
};

/// `PyPPSPP`: option 10 is the peer's UUID.
pub static PYPPSPP: Dialect = Dialect {
    name: "pyppspp",
    foreign_options: &[ForeignOption {
        code: 10,
        name: "peer_uuid",
        shape: OptionShape::Fixed(16),
    }],
    ..RFC7574
};

/// libperegrine before 2020: file size, name and hash as options 10 to 12.
pub static PEREGRINE_2019: Dialect = Dialect {
    name: "peregrine-2019",
    foreign_options: &[
        ForeignOption {
            code: 10,
            name: "file_size",
            shape: OptionShape::Fixed(8),
        },
        ForeignOption {
            code: 11,
            name: "file_name",
            shape: OptionShape::LengthOctet,
        },
        ForeignOption {
            code: 12,
            name: "file_hash",
            shape: OptionShape::Fixed(20),
        },
    ],
    ..RFC7574
};

/// Every dialect that is known, the RFC first.
pub static DIALECTS: [&Dialect; 4] = [&RFC7574, &LEGACY_SWIFT, &PYPPSPP, &PEREGRINE_2019];
