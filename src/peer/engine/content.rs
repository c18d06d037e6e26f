//! A swarm's content: what of it is there, which hashes are proven, and which a
//! receiver needs (RFC 7574, sections 5.3 to 5.6).

use ppspp_dissector::integrity::{Hash, Peak, TreeHash, peak_ranges, root_above};
use ppspp_dissector::wire::{Bin, ChunkRange, ContentIntegrity};

use super::config::SwarmConfig;
use super::store::{Chunks, Store, StoreError, last_of};

/// What a chunk turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    /// It is what the swarm ID promises.
    Right,
    /// A proven hash says otherwise.
    Wrong,
    /// It does not fit the hashes that came with it, one of which may be wrong.
    Misfit,
    /// Hashes are missing.
    Unproven,
}

/// Content, and the tree above it.
#[derive(Debug)]
pub(super) struct Content {
    function: TreeHash,
    /// The root hash, which is the swarm ID; `None` for a live stream and where
    /// nothing protects the content.
    root: Option<Hash>,
    protected: bool,
    /// Whether it ends, as no live stream does.
    ends: bool,
    chunk_size: u32,
    /// Bytes of the last chunk, where they are known before it comes.
    last_length: Option<u32>,
    store: Box<dyn Store>,
    /// The proven peaks of static content.
    peaks: Vec<Bin>,
    /// What is there and committed.
    present: Chunks,
    /// What is there and will be with the next commit.
    written: Vec<u64>,
    /// Hashes on the way up, and their siblings.
    path: Vec<(Bin, Hash)>,
}

impl Content {
    /// The content of a swarm that a store holds; static content has a `root`
    /// where hashes protect it.
    pub(super) fn new(
        function: TreeHash,
        root: Option<Hash>,
        config: &SwarmConfig,
        store: Box<dyn Store>,
    ) -> Self {
        let present = store.present().clone();
        let mut content = Self {
            function,
            root,
            protected: config.integrity != ContentIntegrity::None,
            ends: !config.is_live(),
            chunk_size: config.chunk_size,
            last_length: None,
            store,
            peaks: Vec::new(),
            present,
            written: Vec::new(),
            path: Vec::new(),
        };
        if let Some(size) = content.store.size() {
            content.peaks = peak_ranges(size).filter_map(Bin::covering).collect();
        }
        content
    }

    /// Number of chunks, where it is known.
    pub(super) fn size(&self) -> Option<u64> {
        self.store.size()
    }

    /// Bytes of a chunk; the last one may have fewer.
    pub(super) const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// Takes unprotected static content to have so many bytes.
    pub(super) fn set_length(&mut self, bytes: u64) -> Result<(), StoreError> {
        let chunk_size = u64::from(self.chunk_size);
        let chunks = bytes.div_ceil(chunk_size);
        self.set_size(chunks)?;
        // At most a chunk's size.
        let length = (bytes.saturating_sub(1) % chunk_size + 1) as u32;
        self.last_length = Some(length);
        let last = chunks.saturating_sub(1);
        if self.present.contains(&last) {
            let mut data = Vec::new();
            self.store.read(last, &mut data)?;
            if data.len() != length as usize {
                let there = last * chunk_size + data.len() as u64;
                return Err(StoreError {
                    what: format!("{bytes} bytes are not what is there"),
                    cause: format!("with its last chunk the content has {there}").into(),
                });
            }
        }
        Ok(())
    }

    /// Takes unprotected static content to have so many chunks.
    pub(super) fn set_size(&mut self, chunks: u64) -> Result<(), StoreError> {
        self.store.set_size(chunks)
    }

    /// Whether the number of chunks is to be found out without a root hash.
    pub(super) fn is_open_ended(&self) -> bool {
        !self.protected && self.ends && self.size().is_none()
    }

    /// Whether hashes protect the content.
    pub(super) const fn is_protected(&self) -> bool {
        self.protected
    }

    /// The chunks that are there.
    pub(super) const fn present(&self) -> &Chunks {
        &self.present
    }

    /// Whether all of it is there.
    pub(super) fn is_complete(&self) -> bool {
        self.size()
            .is_some_and(|size| size == 0 || self.present.gaps(&(0..=size - 1)).next().is_none())
    }

    /// Whether a chunk is there or on its way to the store.
    pub(super) fn has(&self, chunk: u64) -> bool {
        self.present.contains(&chunk) || self.written.contains(&chunk)
    }

    /// The proven peaks of static content.
    pub(super) fn peaks(&self) -> &[Bin] {
        &self.peaks
    }

    /// The proven hash of a node.
    pub(super) fn hash(&mut self, node: Bin) -> Result<Option<Hash>, StoreError> {
        self.store.hash(node)
    }

    /// Adds a chunk's bytes to `out`.
    pub(super) fn read(&mut self, chunk: u64, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.store.read(chunk, out)
    }

    /// Takes what may be the peaks, in their order (section 5.6.2); whether they
    /// are, and the content's size is known now.
    pub(super) fn offer_peaks(&mut self, peaks: &[Peak]) -> Result<bool, StoreError> {
        let Some(root) = self.root else {
            return Ok(false);
        };
        let mut above = Vec::new();
        let made = root_above(self.function, peaks, |bin, hash| above.push((bin, hash)));
        let Some(last) = peaks.last().filter(|_| made == Some(root)) else {
            return Ok(false);
        };
        let size = last.chunks.end() + 1;
        // Who sends the root hash alone seems to promise that all chunks below
        // it exist; a longer proof of fewer chunks is a better one.
        let is_news = self.size().is_none_or(|known| size < known);
        let is_again = self.size() == Some(size) && self.lacks_peaks()?;
        if !is_news && !is_again {
            return Ok(false);
        }
        self.store.set_size(size)?;
        for (bin, hash) in above {
            self.store.put_hash(bin, &hash)?;
        }
        self.peaks.clear();
        for peak in peaks {
            if let Some(bin) = Bin::covering(peak.chunks) {
                self.store.put_hash(bin, &peak.hash)?;
                self.peaks.push(bin);
            }
        }
        Ok(true)
    }

    /// Whether the size is known from an earlier process and the peaks are not.
    fn lacks_peaks(&mut self) -> Result<bool, StoreError> {
        for peak in &self.peaks {
            if self.store.hash(*peak)?.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether it is static content with a root hash.
    pub(super) const fn is_static(&self) -> bool {
        self.root.is_some()
    }

    /// The hash function of the tree.
    pub(super) const fn function(&self) -> TreeHash {
        self.function
    }

    /// Trusts the hash of a node: its signature was verified, or it is ours.
    pub(super) fn trust(&mut self, node: Bin, hash: &Hash) -> Result<(), StoreError> {
        self.store.put_hash(node, hash)
    }

    /// Keeps a chunk that needs no hashes: it is ours, or is signed.
    pub(super) fn keep(&mut self, chunk: u64, data: &[u8]) -> Result<(), StoreError> {
        self.store.write(chunk, data)?;
        self.written.push(chunk);
        Ok(())
    }

    /// Gives up chunks that have left the discard window.
    pub(super) fn discard(&mut self, chunks: ChunkRange) -> Result<(), StoreError> {
        self.written.retain(|chunk| !chunks.contains(*chunk));
        self.present.remove(chunks.start()..=chunks.end());
        self.store.discard(chunks)
    }

    /// Verifies a chunk with the hashes that `candidate` yields for its uncles,
    /// and keeps it when it is right. Where nothing protects the content all are
    /// that can be; of those, a short one is the last one, unless its sender has
    /// offered more: `offered` is the last chunk that it has.
    pub(super) fn take(
        &mut self,
        chunk: u64,
        data: &[u8],
        offered: Option<u64>,
        candidate: impl Fn(Bin) -> Option<Hash>,
    ) -> Result<Check, StoreError> {
        let is_short = data.len() < self.chunk_size as usize;
        if data.len() > self.chunk_size as usize || data.is_empty() {
            return Ok(Check::Wrong);
        }
        // Only the last chunk may be shorter; which one that is, is known before
        // static content can be verified.
        if is_short && self.size().is_some_and(|size| chunk + 1 != size) {
            return Ok(Check::Wrong);
        }
        if !self.protected && self.ends {
            let last = last_of(&self.present).max(offered);
            let is_beyond = |&it: &u64| it > chunk;
            let more_is_known = last.as_ref().is_some_and(is_beyond);
            if is_short && self.size().is_none() {
                if more_is_known || self.written.iter().any(is_beyond) {
                    return Ok(Check::Wrong);
                }
                self.store.set_size(chunk + 1)?;
            }
            let size = self.size();
            let is_last = size == Some(chunk + 1);
            let length = self.last_length.filter(|_| is_last);
            if size.is_some_and(|size| chunk >= size)
                || length.is_some_and(|length| length as usize != data.len())
            {
                return Ok(Check::Wrong);
            }
        }
        if self.protected {
            let check = self.climb(chunk, data, candidate)?;
            if check != Check::Right {
                return Ok(check);
            }
            for (node, hash) in std::mem::take(&mut self.path) {
                self.store.put_hash(node, &hash)?;
            }
        }
        self.store.write(chunk, data)?;
        self.written.push(chunk);
        Ok(Check::Right)
    }

    /// Goes up from a chunk until a hash is proven.
    fn climb(
        &mut self,
        chunk: u64,
        data: &[u8],
        candidate: impl Fn(Bin) -> Option<Hash>,
    ) -> Result<Check, StoreError> {
        self.path.clear();
        let Some(mut node) = Bin::leaf(chunk) else {
            return Ok(Check::Wrong);
        };
        if self.size().is_some_and(|size| chunk >= size) {
            return Ok(Check::Wrong);
        }
        let mut hash = self.function.chunk(data);
        loop {
            if let Some(known) = self.store.hash(node)? {
                return Ok(if known == hash {
                    Check::Right
                } else if self.path.is_empty() {
                    Check::Wrong
                } else {
                    Check::Misfit
                });
            }
            let (Some(sibling), Some(parent)) = (node.sibling(), node.parent()) else {
                return Ok(Check::Unproven);
            };
            let other = match self.store.hash(sibling)? {
                Some(known) => known,
                None => match candidate(sibling) {
                    Some(sent) => sent,
                    None => return Ok(Check::Unproven),
                },
            };
            self.path.push((node, hash));
            self.path.push((sibling, other));
            hash = if node.is_left() {
                self.function.parent(&hash, &other)
            } else {
                self.function.parent(&other, &hash)
            };
            node = parent;
        }
    }

    /// Commits what was written; returns those chunks, which may be announced
    /// now.
    pub(super) fn commit(&mut self) -> Result<Vec<u64>, StoreError> {
        if self.written.is_empty() {
            return Ok(Vec::new());
        }
        // What could not be committed is lost.
        let written = std::mem::take(&mut self.written);
        self.store.commit()?;
        for &chunk in &written {
            self.present.insert(chunk..=chunk);
        }
        Ok(written)
    }

    /// Whether something waits for a commit.
    pub(super) const fn has_written(&self) -> bool {
        !self.written.is_empty()
    }

    /// The peak that a chunk of static content hangs below.
    pub(super) fn peak_above(&self, chunk: u64) -> Option<Bin> {
        self.peaks
            .iter()
            .copied()
            .find(|peak| peak.range().contains(chunk))
    }
}

/// The uncles that a receiver needs for a chunk, the highest first, when it
/// has verified what `has_any` tells of a range (section 5.4).
pub(super) fn uncles(
    chunk: u64,
    top: Bin,
    has_any: impl Fn(ChunkRange) -> bool,
    uncles: &mut Vec<Bin>,
) {
    uncles.clear();
    let mut node = Bin::leaf(chunk);
    while let Some(at) = node
        && at != top
        && at.layer() < top.layer()
    {
        let Some(parent) = at.parent() else {
            break;
        };
        // Who has a chunk below the parent has proven both children.
        if has_any(parent.range()) {
            break;
        }
        uncles.extend(at.sibling());
        node = Some(parent);
    }
    uncles.reverse();
}
