//! Collecting the findings of one datagram and counting those of all.

use crate::finding::{CATALOGUE, Detail, Entry, Finding, FindingId};

/// The findings of the datagram at hand, and how many of each kind there were.
#[derive(Clone, Debug)]
pub(super) struct Findings {
    list: Vec<Finding>,
    counts: [u64; FindingId::COUNT],
}

impl Default for Findings {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            counts: [0; FindingId::COUNT],
        }
    }
}

impl Findings {
    /// Forgets the list, keeps the counts.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.list.clear();
    }

    /// A finding about the whole datagram or its channel.
    #[inline]
    pub(super) fn raise(&mut self, id: FindingId, detail: Detail) {
        self.push(id, None, detail);
    }

    /// A finding about the message at `offset`.
    #[inline]
    pub(super) fn raise_at(&mut self, id: FindingId, offset: usize, detail: Detail) {
        self.push(id, Some(offset), detail);
    }

    fn push(&mut self, id: FindingId, offset: Option<usize>, detail: Detail) {
        self.counts[id as usize] += 1;
        self.list.push(Finding { id, offset, detail });
    }

    /// The findings of this datagram.
    #[inline]
    pub(super) fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Every kind of finding that was raised, and how often.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&'static Entry, u64)> + '_ {
        CATALOGUE
            .iter()
            .zip(self.counts)
            .filter(|(_, count)| *count > 0)
    }
}
