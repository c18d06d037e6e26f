//! Live streams: signed munros and signed chunks (RFC 7574, section 6).

use std::collections::BTreeMap;
use std::time::Duration;

use ppspp_dissector::integrity::{Hash, KeyError, PublicKey, TreeHash};
use ppspp_dissector::wire::{
    Bin, ChunkAddressing, ChunkRange, ChunkSpec, ContentIntegrity, DiscardWindow, Layout, Message,
    encode_message,
};

use super::config::Profile;
use super::time::Moment;

/// Seconds from 1900, where NTP timestamps count from, to 1970.
const NTP_EPOCH: u64 = 2_208_988_800;

/// How old a signature may be for a peer to tune in by it.
const FRESH: Duration = Duration::from_secs(30);

/// Signs what it is given in parts.
pub type Sign<'a> = dyn FnMut(&[&[u8]]) -> Vec<u8> + 'a;

/// What may be set about a live swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveConfig {
    /// Chunks that are kept (RFC 7574, section 7.9); `u64::MAX` keeps all.
    pub window: u64,
    /// Chunks to a signature of the injector's, a power of two (section
    /// 6.1.2.1).
    pub chunks_per_signature: u64,
}

impl Default for LiveConfig {
    fn default() -> Self {
        Self {
            window: 8192,
            chunks_per_signature: 32,
        }
    }
}

/// A signature and when it was made, as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) timestamp: u64,
    pub(super) bytes: Vec<u8>,
}

/// What is known of a live stream.
#[derive(Debug)]
pub(super) struct Live {
    /// `None` where nothing protects the stream.
    key: Option<PublicKey>,
    pub(super) config: LiveConfig,
    /// Whether each chunk is signed, and not munros.
    pub(super) signs_chunks: bool,
    addressing: ChunkAddressing,
    chunk_size: u32,
    /// Signatures of munros, or of chunks, by their first chunk.
    signatures: BTreeMap<u64, (Bin, Signature)>,
    /// Whether it is known where the stream is.
    pub(super) tuned_in: bool,
    /// When the munro was signed that told it, in seconds since 1970.
    tuned_at: Option<u64>,
    /// Chunks of the injector that wait for their signature, from `next` on.
    pub(super) group: Vec<Vec<u8>>,
    pub(super) next: u64,
    /// The first chunk that was not given up.
    kept_from: u64,
}

impl Live {
    /// A stream whose swarm ID is a public key, unless nothing protects it.
    pub(super) fn new(
        swarm_id: &[u8],
        integrity: ContentIntegrity,
        addressing: ChunkAddressing,
        chunk_size: u32,
        config: LiveConfig,
    ) -> Result<Self, KeyError> {
        let key = match integrity {
            ContentIntegrity::None => None,
            _ => Some(PublicKey::from_swarm_id(swarm_id)?),
        };
        Ok(Self {
            key,
            config: LiveConfig {
                window: config.window.max(1),
                chunks_per_signature: config.chunks_per_signature.next_power_of_two().max(2),
            },
            signs_chunks: integrity == ContentIntegrity::SignAll,
            addressing,
            chunk_size,
            signatures: BTreeMap::new(),
            tuned_in: false,
            tuned_at: None,
            group: Vec::new(),
            next: 0,
            kept_from: 0,
        })
    }

    /// Whether munros tell where the stream is, and not chunks alone.
    pub(super) const fn has_munros(&self) -> bool {
        self.key.is_some() && !self.signs_chunks
    }

    /// Whether chunks are announced as they come, and need not wait until those of
    /// a munro are there.
    pub(super) const fn announces_each(&self) -> bool {
        !self.has_munros()
    }

    /// Whether a chunk has left the discard window.
    pub(super) const fn has_left(&self, chunk: u64) -> bool {
        chunk < self.kept_from
    }

    /// The discard window as the handshake declares it.
    pub(super) fn window(&self) -> Option<DiscardWindow> {
        DiscardWindow::of_chunks(self.config.window, self.addressing, self.chunk_size)
    }

    /// A chunk specification as it stands on the wire: signatures cover it.
    fn spec_bytes(&self, range: ChunkRange) -> Option<Vec<u8>> {
        let spec = ChunkSpec::of(range, self.addressing, self.chunk_size)?;
        let layout = Layout {
            addressing: self.addressing,
            ..Layout::RFC
        };
        let mut bytes = Vec::new();
        encode_message(&Message::Have(spec), &layout, &mut bytes).ok()?;
        bytes.remove(0);
        Some(bytes)
    }

    /// Makes the signature of a node, or of a chunk: `of` is the hash or the
    /// chunk.
    pub(super) fn sign(
        &mut self,
        now: Moment,
        node: Bin,
        of: &[u8],
        profile: &Profile,
        sign: &mut Sign<'_>,
    ) {
        let Some(spec) = self.spec_bytes(node.range()) else {
            return;
        };
        let (timestamp, bytes) = if profile.signs_hash_alone && !self.signs_chunks {
            (now.microseconds(), sign(&[of]))
        } else {
            let timestamp = ntp(now);
            (timestamp, sign(&[&spec, &timestamp.to_be_bytes(), of]))
        };
        let signature = Signature { timestamp, bytes };
        self.signatures
            .insert(node.range().start(), (node, signature));
    }

    /// Whether a munro's signature is too old to be of use (section 6.1.2.4): it is
    /// not fresh, and was made before the one that told where the stream is. What is
    /// asked for lies behind that, and may come late.
    pub(super) fn is_too_old(&self, signature: &Signature, now: Moment) -> bool {
        let then = seconds(signature.timestamp);
        !is_fresh(signature.timestamp, now) && self.tuned_at.is_none_or(|since| then < since)
    }

    /// A munro has told where the stream is.
    pub(super) fn tuned_in_by(&mut self, signature: &Signature) {
        self.tuned_at.get_or_insert(seconds(signature.timestamp));
    }

    /// Whether a signature fits a munro's hash: over chunk specification,
    /// timestamp and hash, or `takes_hash_alone` over the hash alone, as libswift
    /// signs.
    pub(super) fn verifies_munro(
        &self,
        node: Bin,
        hash: &Hash,
        signature: &Signature,
        takes_hash_alone: bool,
    ) -> bool {
        let Some(spec) = self.spec_bytes(node.range()) else {
            return false;
        };
        let Some(key) = &self.key else {
            return false;
        };
        let timestamp = signature.timestamp.to_be_bytes();
        let whole = [&spec[..], &timestamp, hash.as_bytes()];
        key.verifies(&whole, &signature.bytes)
            || takes_hash_alone && key.verifies(&[hash.as_bytes()], &signature.bytes)
    }

    /// Whether a signature fits a chunk (section 6.1.1).
    pub(super) fn verifies_chunk(&self, chunk: u64, data: &[u8], signature: &Signature) -> bool {
        let Some(spec) = self.spec_bytes(ChunkRange::single(chunk)) else {
            return false;
        };
        let timestamp = signature.timestamp.to_be_bytes();
        let signed = [&spec[..], &timestamp, data];
        let key = self.key.as_ref();
        key.is_some_and(|key| key.verifies(&signed, &signature.bytes))
    }

    /// Keeps a signature that was verified.
    pub(super) fn keep(&mut self, node: Bin, signature: Signature) {
        self.signatures
            .insert(node.range().start(), (node, signature));
    }

    /// Whether the signature of a node is known.
    pub(super) fn has_signature(&self, node: Bin) -> bool {
        self.signature(node).is_some()
    }

    /// The signature of a node.
    pub(super) fn signature(&self, node: Bin) -> Option<&Signature> {
        let (known, signature) = self.signatures.get(&node.range().start())?;
        (*known == node).then_some(signature)
    }

    /// The munro that a chunk hangs below, or the chunk itself where chunks are
    /// signed.
    pub(super) fn signed_above(&self, chunk: u64) -> Option<Bin> {
        let (_, (node, _)) = self.signatures.range(..=chunk).next_back()?;
        node.range().contains(chunk).then_some(*node)
    }

    /// The rightmost node with a signature (section 6.1.2.4).
    pub(super) fn rightmost(&self) -> Option<Bin> {
        self.signatures.values().next_back().map(|(node, _)| *node)
    }

    /// Forgets what has left the discard window, which ends with the last chunk
    /// that we have told of (section 6.2); these chunks are to be given up.
    pub(super) fn slide(&mut self, last: u64) -> Option<ChunkRange> {
        let from = (last + 1).checked_sub(self.config.window)?;
        if from <= self.kept_from {
            return None;
        }
        let gone = ChunkRange::new(self.kept_from, from - 1);
        self.kept_from = from;
        // The munro that the window begins in is still of use.
        while let Some(first) = self.signatures.first_entry()
            && first.get().0.range().end() < from
        {
            first.remove();
        }
        gone
    }
}

/// A moment as an NTP timestamp: seconds since 1900, and 2^-32 parts of one.
fn ntp(now: Moment) -> u64 {
    let (seconds, rest) = (
        now.microseconds() / 1_000_000,
        now.microseconds() % 1_000_000,
    );
    ((seconds + NTP_EPOCH) << 32) | ((rest << 32) / 1_000_000)
}

/// Seconds since 1970 that a signature's timestamp tells. It is NTP, or microseconds
/// since 1970, as libswift writes: these are less than NTP's first second of 1970 for
/// some hundred thousand years.
const fn seconds(timestamp: u64) -> u64 {
    match (timestamp >> 32).checked_sub(NTP_EPOCH) {
        Some(seconds) => seconds,
        None => timestamp / 1_000_000,
    }
}

/// Whether a signature is new enough to tune in by.
pub(super) fn is_fresh(timestamp: u64, now: Moment) -> bool {
    let now = now.microseconds() / 1_000_000;
    now.abs_diff(seconds(timestamp)) <= FRESH.as_secs()
}

/// The hashes of a subtree above `width` chunks, layer by layer from the leaves
/// on; the last one is its top. Chunks that never came have empty hashes.
pub(super) fn subtree(
    function: TreeHash,
    start: u64,
    chunks: &[Vec<u8>],
    width: u64,
) -> Vec<(Bin, Hash)> {
    let mut nodes = Vec::new();
    let hashes = chunks.iter().map(|data| function.chunk(data));
    let hashes = hashes.chain(std::iter::repeat(function.empty()));
    let mut layer: Vec<(Bin, Hash)> = (start..start.saturating_add(width))
        .zip(hashes)
        .filter_map(|(chunk, hash)| Some((Bin::leaf(chunk)?, hash)))
        .collect();
    while layer.len() > 1 {
        let (pairs, _) = layer.as_chunks::<2>();
        let above = pairs
            .iter()
            .filter_map(|[(left, one), (_, other)]| {
                Some((left.parent()?, function.parent(one, other)))
            })
            .collect();
        nodes.append(&mut layer);
        layer = above;
    }
    nodes.append(&mut layer);
    nodes
}
