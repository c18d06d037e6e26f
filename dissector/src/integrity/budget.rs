//! How much all trees together may keep.

/// Pages of proven hashes that all trees together keep: 16 chunks and about
/// 850 bytes each, 8 million chunks in all.
pub const MAX_TREE_PAGES: usize = 512 * 1024;

/// Hashes that wait for a proof, in all trees together: about 250 bytes each.
pub const MAX_WAITING: usize = 256 * 1024;

/// Bytes of chunks that wait for their signature, in all swarms together.
pub const MAX_WAITING_BYTES: usize = 8 * 1024 * 1024;

/// What is left for the trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pages: usize,
    waiting: usize,
    bytes: usize,
    exhausted: bool,
}

impl Default for Budget {
    fn default() -> Self {
        Self::new(MAX_TREE_PAGES, MAX_WAITING)
    }
}

impl Budget {
    /// Room for so many pages of proven hashes and so many hashes that wait.
    pub const fn new(pages: usize, waiting: usize) -> Self {
        Self {
            pages,
            waiting,
            bytes: MAX_WAITING_BYTES,
            exhausted: false,
        }
    }

    /// Whether something had to be left out. What is kept is right all the
    /// same, but chunks may stay unverified.
    pub const fn is_exhausted(&self) -> bool {
        self.exhausted
    }

    /// Whether there is room for a page; says so where there is none.
    pub(super) const fn has_page(&mut self) -> bool {
        self.exhausted |= self.pages == 0;
        self.pages > 0
    }

    pub(super) const fn take_page(&mut self) -> bool {
        Self::take(&mut self.pages, 1, &mut self.exhausted)
    }

    pub(super) const fn take_waiting(&mut self) -> bool {
        Self::take(&mut self.waiting, 1, &mut self.exhausted)
    }

    pub(crate) const fn take_bytes(&mut self, count: usize) -> bool {
        Self::take(&mut self.bytes, count, &mut self.exhausted)
    }

    pub(crate) const fn give_bytes(&mut self, count: usize) {
        self.bytes += count;
    }

    pub(super) const fn give_waiting(&mut self, count: usize) {
        self.waiting += count;
    }

    pub(super) const fn give_pages(&mut self, count: usize) {
        self.pages += count;
    }

    const fn take(left: &mut usize, count: usize, exhausted: &mut bool) -> bool {
        if *left < count {
            *exhausted = true;
            return false;
        }
        *left -= count;
        true
    }
}
