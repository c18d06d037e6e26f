//! A chunk's way up the tree that somebody has computed before.

use super::hash::Hash;

/// The hash of an uncle of a chunk, in the datagram that brought both: beside the
/// chunk, or beside what that and the uncle before make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncle {
    /// Where in the datagram the hash begins, bytes.
    pub offset: u32,
    /// Bytes.
    pub length: u16,
    /// Whether it stands on the left.
    pub is_left: bool,
}

impl Uncle {
    /// Its hash in `payload`, the datagram that it was foreseen in.
    #[inline]
    pub fn of<'a>(&self, payload: &'a [u8]) -> &'a [u8] {
        let start = self.offset as usize;
        let end = start.saturating_add(self.length.into());
        payload.get(start..end).unwrap_or_default()
    }
}

/// The way of one chunk up the tree: its uncles, and what each makes together with the
/// node beside it. That is believed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ascent<'a> {
    payload: &'a [u8],
    uncles: &'a [Uncle],
    parents: &'a [Hash],
}

impl<'a> Ascent<'a> {
    /// The way by these `uncles` of the datagram `payload`, from the bottom up.
    /// `parents` has what the first one makes together with the chunk's hash, what the
    /// second one makes with that, and so on.
    pub const fn new(payload: &'a [u8], uncles: &'a [Uncle], parents: &'a [Hash]) -> Self {
        Self {
            payload,
            uncles,
            parents,
        }
    }

    /// Goes up past `sibling`, which stands on the left or not: the parent's hash.
    /// `None` when that is not the uncle that was foreseen here; then nothing above
    /// is known either.
    #[inline]
    pub(super) fn step(&mut self, is_left: bool, sibling: &Hash) -> Option<Hash> {
        let way = std::mem::take(self);
        let (uncle, uncles) = way.uncles.split_first()?;
        let (parent, parents) = way.parents.split_first()?;
        if uncle.is_left != is_left || uncle.of(way.payload) != sibling.as_bytes() {
            return None;
        }
        *self = Self::new(way.payload, uncles, parents);
        Some(*parent)
    }
}
