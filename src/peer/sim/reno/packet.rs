//! The two datagrams of a flow.

const MAGIC: [u8; 4] = *b"RENO";
/// PPSPP assigns neither as a message type.
const DATA: u8 = 0xf0;
const ACKNOWLEDGEMENT: u8 = 0xf1;

/// Bytes of a data packet without its padding.
pub(super) const HEADER: usize = 21;

/// What a datagram says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packet {
    /// Transmission `number`, which holds `segment`.
    Data { number: u64, segment: u64 },
    /// `number` is the highest that arrived; bit n of `before` says whether
    /// `number - 1 - n` did.
    Acknowledgement { number: u64, before: u64 },
}

impl Packet {
    pub(super) fn decode(datagram: &[u8]) -> Option<Self> {
        let (magic, rest) = datagram.split_first_chunk::<4>()?;
        let (&[kind], rest) = rest.split_first_chunk::<1>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        let (second, _) = rest.split_first_chunk::<8>()?;
        let number = u64::from_be_bytes(*number);
        let second = u64::from_be_bytes(*second);
        match kind {
            _ if *magic != MAGIC => None,
            DATA => Some(Self::Data {
                number,
                segment: second,
            }),
            ACKNOWLEDGEMENT => Some(Self::Acknowledgement {
                number,
                before: second,
            }),
            _ => None,
        }
    }

    /// Appends the packet's 21 bytes.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        let (kind, first, second) = match self {
            Self::Data { number, segment } => (DATA, number, segment),
            Self::Acknowledgement { number, before } => (ACKNOWLEDGEMENT, number, before),
        };
        out.extend_from_slice(&MAGIC);
        out.push(kind);
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&second.to_be_bytes());
    }
}
