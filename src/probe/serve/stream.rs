//! A live stream that we inject: its chunks as they come, and signatures, right
//! ones and others (RFC 7574, section 6.1).

use std::collections::BTreeMap;
use std::time::Duration;

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash};
use ppspp_dissector::wire::{Bin, ChunkRange, ContentIntegrity, SignatureAlgorithm};

use super::content::Evidence;
use super::seeder::Gift;
use crate::peer::engine::Moment;
use crate::peer::keys::SigningKey;
use crate::probe::signature::{ntp, on_the_wire};
use crate::probe::swarm::Swarm;

/// How long a chunk takes to be made.
const INTERVAL: Duration = Duration::from_millis(10);

/// Chunks, at least, that were made before anybody comes.
const BACKLOG: u64 = 2048;

/// By how much a signature's date is wrong that can't be right.
const DAY: Duration = Duration::from_secs(86_400);

/// The key of a live stream, and how it is signed.
#[derive(Clone, Debug)]
pub struct Signer {
    /// The private half of the swarm's ID.
    pub key: SigningKey,
    /// Chunks to a munro (section 6.1.2.1).
    pub chunks_per_signature: u64,
}

impl PartialEq for Signer {
    fn eq(&self, other: &Self) -> bool {
        self.key.swarm_id() == other.key.swarm_id()
            && self.chunks_per_signature == other.chunks_per_signature
    }
}

impl Eq for Signer {}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Its bytes are others.
    Bytes,
    /// Another key has made it.
    Key,
    /// It was made for other chunks.
    Chunks,
    /// It was made at another time than is said.
    Time,
    /// It was made for another hash than is sent, or another chunk.
    Hash,
    /// It covers the munro's hash alone, or the chunk alone.
    HashAlone,
    /// It holds, and is a day old.
    Old,
    /// It holds, and is dated in the year 1900.
    Undated,
    /// It holds, and is dated tomorrow.
    Ahead,
}

/// What is signed together, and its hashes.
#[derive(Clone, Debug)]
struct Munro {
    range: ChunkRange,
    hash: Hash,
    /// Hashes below it, by their nodes' numbers.
    below: BTreeMap<u64, Hash>,
    /// The right signature, once it was wanted: when it was made, and its bytes.
    signature: Option<(u64, Vec<u8>)>,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct Stream {
    signer: Signer,
    swarm: Swarm,
    function: TreeHash,
    /// What it is made of, again and again.
    bytes: Vec<u8>,
    /// When its first chunk was begun.
    began: Moment,
    /// Chunks that are made and signed.
    made: u64,
    /// Whether signatures cover hashes alone and are dated in microseconds since
    /// 1970, as libswift has it.
    signs_hash_alone: bool,
    munros: BTreeMap<u64, Munro>,
    /// Whoever else could sign.
    stranger: Option<SigningKey>,
}

impl Stream {
    /// A stream that has gone on for a while. `None` for a hash function that is
    /// none, or nothing to stream.
    pub fn new(bytes: &[u8], signer: &Signer, swarm: &Swarm, now: Moment) -> Option<Self> {
        let width = signer.chunks_per_signature.max(1);
        let backlog = BACKLOG.next_multiple_of(width).max(width * 2);
        let past = INTERVAL.saturating_mul(u32::try_from(backlog).unwrap_or(u32::MAX));
        Some(Self {
            function: swarm.tree_hash()?,
            signer: signer.clone(),
            swarm: swarm.clone(),
            bytes: (!bytes.is_empty()).then(|| bytes.to_vec())?,
            began: now - past,
            made: backlog,
            signs_hash_alone: false,
            munros: BTreeMap::new(),
            stranger: None,
        })
    }

    /// Chunks that were made.
    pub const fn size(&self) -> u64 {
        self.made
    }

    /// Whether munros are signed, and not chunks.
    pub fn has_munros(&self) -> bool {
        self.swarm.integrity == ContentIntegrity::UnifiedMerkle
    }

    /// Signs as libswift does from now on.
    pub fn sign_hash_alone(&mut self, does: bool) {
        self.signs_hash_alone = does;
        for munro in self.munros.values_mut() {
            munro.signature = None;
        }
    }

    /// How many chunks are signed together.
    pub fn width(&self) -> u64 {
        self.signer.chunks_per_signature.max(1)
    }

    /// The chunks that are signed together with one.
    pub fn group(&self, chunk: u64) -> ChunkRange {
        let width = self.width();
        let start = chunk / width * width;
        ChunkRange::new(start, start + width - 1).unwrap_or(ChunkRange::single(chunk))
    }

    fn made_at(&self, chunk: u64) -> Moment {
        let times = u32::try_from(chunk + 1).unwrap_or(u32::MAX);
        self.began + INTERVAL.saturating_mul(times)
    }

    /// When the next chunks are there.
    pub fn next_at(&self) -> Moment {
        self.made_at(self.group(self.made).end())
    }

    /// Makes what was to be made until now.
    pub fn advance(&mut self, now: Moment) {
        while self.next_at() <= now {
            self.made = self.group(self.made).end() + 1;
        }
    }

    /// The bytes of a chunk that was made.
    pub fn chunk(&self, chunk: u64) -> Option<Vec<u8>> {
        if chunk >= self.made {
            return None;
        }
        let size = u64::from(self.swarm.chunk_size);
        let length = self.bytes.len() as u64;
        let start = (chunk * size % length) as usize;
        let endless = self.bytes[start..].iter().chain(self.bytes.iter().cycle());
        Some(endless.take(size as usize).copied().collect())
    }

    /// What is signed together with a chunk.
    fn munro(&mut self, chunk: u64) -> Option<&mut Munro> {
        let range = self.group(chunk);
        if !self.munros.contains_key(&range.start()) {
            let mut tree = ContentTree::new(self.function);
            let mut below = BTreeMap::new();
            for chunk in range.start()..=range.end() {
                let data = self.chunk(chunk)?;
                tree.push_with(&data, |bin, hash| {
                    let local = bin.range();
                    let start = range.start() + local.start();
                    let node = ChunkRange::new(start, start + local.count() - 1);
                    if let Some(node) = node.and_then(Bin::covering) {
                        below.insert(node.number(), hash);
                    }
                });
            }
            let munro = Munro {
                range,
                hash: tree.root()?,
                below,
                signature: None,
            };
            self.munros.insert(range.start(), munro);
        }
        self.munros.get_mut(&range.start())
    }

    /// The hash and the signature of the munro above a chunk.
    pub fn introduction(&mut self, chunk: u64, gift: Gift) -> Vec<Evidence> {
        let forgery = gift.forgery();
        let at = self.made_at(self.group(chunk).end());
        let Some(munro) = self.munro(chunk) else {
            return Vec::new();
        };
        let (range, hash) = (munro.range, munro.hash);
        let known = munro.signature.clone().filter(|_| forgery.is_none());
        let (timestamp, signature) = match known {
            Some(known) => known,
            None => self.sign(range, hash.as_bytes(), at, forgery),
        };
        if forgery.is_none()
            && let Some(munro) = self.munro(chunk)
        {
            munro.signature = Some((timestamp, signature.clone()));
        }
        let mut hash = hash.as_bytes().to_vec();
        if gift == Gift::WrongPeaks {
            spoil(&mut hash);
        }
        let mut proofs = vec![
            Evidence::Hash(range, hash),
            Evidence::Signature(range, timestamp, signature),
        ];
        if gift == Gift::SignatureFirst {
            proofs.reverse();
        }
        proofs
    }

    /// A munro that the stream does not have, signed as of now: its hash is made up,
    /// unless it is that of the two munros below it, or of the one chunk.
    pub fn foreign_munro(&mut self, range: ChunkRange, now: Moment) -> Vec<Evidence> {
        let halves = Bin::covering(range).and_then(Bin::children);
        let halves = halves.filter(|(left, _)| left.range() == self.group(range.start()));
        let hash = halves.and_then(|(left, right)| {
            let left = self.munro(left.range().start())?.hash;
            let right = self.munro(right.range().start())?.hash;
            Some(self.function.parent(&left, &right))
        });
        let leaf = self.chunk(range.start()).filter(|_| range.is_single());
        let hash = hash.or_else(|| Some(self.function.chunk(&leaf?)));
        let hash = hash.unwrap_or_else(|| self.function.chunk(b"no such munro"));
        let (timestamp, signature) = self.sign(range, hash.as_bytes(), now, None);
        vec![
            Evidence::Hash(range, hash.as_bytes().to_vec()),
            Evidence::Signature(range, timestamp, signature),
        ]
    }

    /// What goes before a chunk: its munro, unless the target has shown to know
    /// it, and the uncles up to that, the highest first; or the chunk's own
    /// signature.
    pub fn proofs(&mut self, chunk: u64, gift: Gift, knows: bool) -> Vec<Evidence> {
        if gift == Gift::NoHashes {
            return Vec::new();
        }
        if !self.has_munros() {
            return self.chunk_signature(chunk, gift).into_iter().collect();
        }
        let mut proofs = match gift {
            Gift::NoPeaks => Vec::new(),
            _ if knows && gift.forgery().is_none() && gift != Gift::WrongPeaks => Vec::new(),
            _ => self.introduction(chunk, gift),
        };
        let from = proofs.len();
        let Some(munro) = self.munro(chunk) else {
            return Vec::new();
        };
        let top = munro.range;
        let mut node = Bin::leaf(chunk);
        while let Some(at) = node
            && at.range() != top
        {
            let sibling = at.sibling();
            let uncle = sibling.and_then(|it| Some((it, munro.below.get(&it.number())?)));
            proofs.extend(
                uncle.map(|(node, hash)| Evidence::Hash(node.range(), hash.as_bytes().to_vec())),
            );
            node = at.parent();
        }
        proofs[from..].reverse();
        if gift == Gift::WrongUncle
            && let Some(Evidence::Hash(_, hash)) = proofs[from..].last_mut()
        {
            spoil(hash);
        }
        proofs
    }

    /// The signature of a chunk, as Sign All has it.
    fn chunk_signature(&mut self, chunk: u64, gift: Gift) -> Option<Evidence> {
        if gift == Gift::NoPeaks {
            return None;
        }
        let mut forgery = gift.forgery();
        if matches!(gift, Gift::WrongPeaks | Gift::WrongUncle) {
            forgery = Some(Forgery::Hash);
        }
        let data = self.chunk(chunk)?;
        let range = ChunkRange::single(chunk);
        let at = self.made_at(chunk);
        let (timestamp, signature) = self.sign(range, &data, at, forgery);
        Some(Evidence::Signature(range, timestamp, signature))
    }

    /// A signature of a hash or a chunk.
    fn sign(
        &mut self,
        range: ChunkRange,
        of: &[u8],
        at: Moment,
        forgery: Option<Forgery>,
    ) -> (u64, Vec<u8>) {
        let microseconds = self.signs_hash_alone;
        let date = |at: Moment| {
            if microseconds {
                at.microseconds()
            } else {
                ntp(at)
            }
        };
        let timestamp = match forgery {
            Some(Forgery::Old) => date(at - DAY),
            Some(Forgery::Ahead) => date(at + DAY),
            Some(Forgery::Undated) => 0,
            _ => date(at),
        };
        // Signed an hour before it is said to be.
        let signed_at = match forgery {
            Some(Forgery::Time) => date(at - DAY / 24),
            _ => timestamp,
        };
        let signed_for = match forgery {
            // Those that come next.
            Some(Forgery::Chunks) => {
                let next = range.end() + 1;
                ChunkRange::new(next, next + range.count() - 1).unwrap_or(range)
            }
            _ => range,
        };
        let spec = self.swarm.spec(signed_for);
        let spec = spec.map(on_the_wire).unwrap_or_default();
        let mut of = of.to_vec();
        if forgery == Some(Forgery::Hash) {
            spoil(&mut of);
        }
        let alone = self.signs_hash_alone || forgery == Some(Forgery::HashAlone);
        let time = signed_at.to_be_bytes();
        let parts: &[&[u8]] = if alone { &[&of] } else { &[&spec, &time, &of] };
        let mut signature = match forgery {
            Some(Forgery::Key) => self.stranger().sign(parts),
            _ => self.signer.key.sign(parts),
        };
        if forgery == Some(Forgery::Bytes) {
            spoil(&mut signature);
        }
        (timestamp, signature)
    }

    /// Another key of the same kind.
    fn stranger(&mut self) -> &SigningKey {
        let key = &self.signer.key;
        self.stranger.get_or_insert_with(|| {
            let is_rsa = matches!(
                key.algorithm(),
                SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256
            );
            let bits = is_rsa.then(|| key.bits());
            // Where there is no other key, this one signs: the case will fail
            // rather than pass for nothing.
            SigningKey::generate_from_seed(key.algorithm(), bits, &[0x5e; 32])
                .unwrap_or_else(|_| key.clone())
        })
    }
}

/// Makes bytes others.
pub(super) fn spoil(bytes: &mut [u8]) {
    for byte in bytes {
        *byte ^= 0x55;
    }
}
