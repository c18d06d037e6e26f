//! What is kept of each datagram in memory: 24 bytes.

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{ChannelIndex, Record, Side, Time, Verdict};
use ppspp_dissector::wire::{Message, MessageType};

/// Which kinds of messages a datagram holds: bit N for message type N, and two
/// more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    const KEEP_ALIVE: u16 = 1 << 14;
    const OTHER: u16 = 1 << 15;

    /// Those of a record.
    pub(super) fn of(record: &Record<'_, '_>) -> Self {
        if record.is_keep_alive() {
            return Self(Self::KEEP_ALIVE);
        }
        let bit = |message: &Message<'_>| match message {
            Message::Randomize(_) => Self::OTHER,
            other => 1u16
                .checked_shl(other.kind().code().into())
                .unwrap_or(Self::OTHER),
        };
        let messages = record.messages.iter();
        Self(messages.fold(0, |bits, located| bits | bit(&located.message)))
    }

    /// Whether there is a message of this type.
    pub const fn has(self, kind: MessageType) -> bool {
        kind.code() < 14 && self.0 >> kind.code() & 1 == 1
    }

    /// Whether there is no message of another type than this.
    pub const fn only(self, kind: MessageType) -> bool {
        kind.code() < 14 && self.0 == 1 << kind.code()
    }

    /// Whether the datagram is a keep-alive.
    pub const fn is_keep_alive(self) -> bool {
        self.0 == Self::KEEP_ALIVE
    }
}

/// The worst verdict on the chunks, hashes and signatures of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worst {
    /// It has none.
    #[default]
    Nothing,
    /// All are what the swarm ID promises.
    Verified,
    /// Nothing protects some, and the others are verified.
    Unprotected,
    /// Some are not verified.
    Unverified,
    /// Some have failed.
    Failed,
}

impl Worst {
    /// The worst of a record's.
    pub(super) fn of(record: &Record<'_, '_>) -> Self {
        let judged = record.messages.iter().enumerate().filter(|(_, located)| {
            matches!(
                located.message,
                Message::Data { .. } | Message::Integrity { .. } | Message::SignedIntegrity { .. }
            )
        });
        judged
            .map(|(place, _)| record.verdict(place).into())
            .max()
            .unwrap_or_default()
    }

    const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Nothing,
            1 => Self::Verified,
            2 => Self::Unprotected,
            3 => Self::Unverified,
            _ => Self::Failed,
        }
    }
}

impl From<Verdict> for Worst {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Verified => Self::Verified,
            Verdict::Failed => Self::Failed,
            Verdict::Unverified => Self::Unverified,
            Verdict::Unprotected => Self::Unprotected,
        }
    }
}

/// One datagram, as far as it is kept in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Nanoseconds; `i64::MIN` where the capture has no time.
    time: i64,
    /// Offset in the spool: the upper 48 bits; the kinds of messages: the lower 16.
    place_and_kinds: u64,
    /// The channel's number; `u32::MAX` where there is none.
    channel: u32,
    /// Bits 0 to 2 the worst verdict, 3 and 4 the gravest finding, 5 whether the
    /// responder sent.
    signs: u8,
    /// Places left for what else lists may want to know at a glance.
    length: u16,
}

const _: () = assert!(size_of::<Row>() <= 24);

impl Row {
    const NO_TIME: i64 = i64::MIN;
    const NO_CHANNEL: u32 = u32::MAX;
    const RESPONDER: u8 = 1 << 5;

    pub(super) fn new(
        time: Option<Time>,
        place: u64,
        record: &Record<'_, '_>,
        length: usize,
    ) -> Self {
        let severity = record
            .findings
            .iter()
            .map(|finding| 1 + finding.id.entry().severity as u8)
            .max()
            .unwrap_or(0);
        let responder = if record.sender == Some(Side::Responder) {
            Self::RESPONDER
        } else {
            0
        };
        Self {
            time: time.map_or(Self::NO_TIME, Time::nanoseconds),
            place_and_kinds: place << 16 | u64::from(Kinds::of(record).0),
            channel: record
                .channel_index
                .map_or(Self::NO_CHANNEL, ChannelIndex::number),
            signs: Worst::of(record) as u8 | severity << 3 | responder,
            length: u16::try_from(length).unwrap_or(u16::MAX),
        }
    }

    /// When it was captured.
    pub fn time(self) -> Option<Time> {
        (self.time != Self::NO_TIME).then(|| Time::from_nanoseconds(self.time))
    }

    /// Where its record begins in the spool.
    pub(super) const fn place(self) -> u64 {
        self.place_and_kinds >> 16
    }

    /// What kinds of messages it has.
    pub const fn kinds(self) -> Kinds {
        Kinds(self.place_and_kinds as u16)
    }

    /// Its channel and which side sent.
    pub fn channel(self) -> Option<(ChannelIndex, Side)> {
        let side = if self.signs & Self::RESPONDER == 0 {
            Side::Initiator
        } else {
            Side::Responder
        };
        (self.channel != Self::NO_CHANNEL).then(|| (ChannelIndex::from_number(self.channel), side))
    }

    /// The worst verdict in it.
    pub const fn worst(self) -> Worst {
        Worst::from_number(self.signs & 7)
    }

    /// The gravest finding about it.
    pub const fn severity(self) -> Option<Severity> {
        match self.signs >> 3 & 3 {
            1 => Some(Severity::Note),
            2 => Some(Severity::Warning),
            3 => Some(Severity::Error),
            _ => None,
        }
    }

    /// Bytes of the datagram on the wire, 65,535 at most.
    pub const fn length(self) -> u16 {
        self.length
    }

    /// A row of nothing, for tests of the list.
    #[cfg(test)]
    pub(super) const fn at(place: u64) -> Self {
        Self {
            time: Self::NO_TIME,
            place_and_kinds: place << 16,
            channel: Self::NO_CHANNEL,
            signs: 0,
            length: 0,
        }
    }

    pub(super) fn set_worst(&mut self, worst: Worst) {
        self.signs = self.signs & !7 | worst as u8;
    }
}
