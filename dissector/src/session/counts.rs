//! Counting messages by their names.

use super::analyzer::Record;
use crate::wire::{Message, MessageType};

/// Number of messages of each kind. A keep-alive, which has no message type,
/// and legacy swift's RANDOMIZE have places of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MessageCounts([u64; MessageCounts::KINDS]);

impl MessageCounts {
    const KINDS: usize = 16;
    const KEEP_ALIVE: usize = 14;
    const RANDOMIZE: usize = 15;

    /// Counts the messages of a datagram.
    pub fn count(&mut self, record: &Record<'_, '_>) {
        for located in record.messages {
            self.add(&located.message);
        }
        if record.is_keep_alive() {
            self.add_keep_alive();
        }
    }

    /// Counts one message.
    #[inline]
    pub(super) fn add(&mut self, message: &Message<'_>) {
        let place = match message {
            Message::Randomize(_) => Self::RANDOMIZE,
            other => usize::from(other.kind().code()),
        };
        if let Some(count) = self.0.get_mut(place) {
            *count += 1;
        }
    }

    /// Counts one keep-alive.
    #[inline]
    pub(super) fn add_keep_alive(&mut self) {
        self.0[Self::KEEP_ALIVE] += 1;
    }

    /// Adds the counts of other messages.
    pub fn merge(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count += more;
        }
    }

    /// How many messages of a type there were.
    pub fn of(&self, kind: MessageType) -> u64 {
        self.0
            .get(usize::from(kind.code()))
            .copied()
            .unwrap_or_default()
    }

    /// How many keep-alives there were.
    pub const fn keep_alives(&self) -> u64 {
        self.0[Self::KEEP_ALIVE]
    }

    /// Names and numbers of all kinds that occurred, sorted by name.
    pub fn named(&self) -> Vec<(&'static str, u64)> {
        let types = MessageType::ASSIGNED
            .iter()
            .filter_map(|kind| Some((kind.name()?, self.of(*kind))));
        let others = [
            ("KEEPALIVE", self.0[Self::KEEP_ALIVE]),
            ("RANDOMIZE", self.0[Self::RANDOMIZE]),
        ];
        let mut named: Vec<_> = types
            .chain(others)
            .filter(|(_, count)| *count > 0)
            .collect();
        named.sort_unstable();
        named
    }
}
