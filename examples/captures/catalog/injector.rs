//! A live injector: "Sign All" and unified Merkle trees with signed munros
//! (RFC 7574, section 6.1).

use ppspp_dissector::wire::{
    ChunkRange, ChunkSpec, ContentIntegrity, DiscardWindow, Layout, Message, ProtocolOption,
    encode_message,
};

use super::content::pseudo_random;
use super::key::Key;
use super::swarm::range;
use super::tree::{Tree, digest, path};

/// `NCHUNKS_PER_SIG`: width of a munro's subtree.
pub(crate) const MUNRO_WIDTH: u64 = 4;

/// What an injector signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Every chunk: its specification, the NTP timestamp and its bytes
    /// (section 6.1.1).
    SignAll,
    /// Every munro: its specification, the NTP timestamp and its hash
    /// (section 6.1.2.2).
    UnifiedMerkle,
    /// Every munro as libswift does: nothing but its hash. The timestamp,
    /// which nothing vouches for, counts microseconds since 1970. Handshakes
    /// don't say which hash function and chunk size they mean: SHA-1 and 1024.
    Libswift,
}

impl Method {
    /// How handshakes name it (section 7.5).
    fn content_integrity(self) -> ContentIntegrity {
        match self {
            Self::SignAll => ContentIntegrity::SignAll,
            Self::UnifiedMerkle | Self::Libswift => ContentIntegrity::UnifiedMerkle,
        }
    }
}

/// The injector of one live swarm with endless content.
pub(crate) struct Injector {
    pub(crate) layout: Layout,
    pub(crate) method: Method,
    key: Key,
    seed: u64,
    /// The swarm ID: algorithm octet and public key (section 8.9).
    pub(crate) id: Vec<u8>,
}

/// What proves the chunks that one signature covers.
pub(crate) struct Proof {
    spec: ChunkSpec,
    /// The munro's hash. "Sign All" has no hashes.
    hash: Option<Vec<u8>>,
    timestamp: u64,
    signature: Vec<u8>,
}

impl Proof {
    /// The messages that bring the proof: INTEGRITY, where there is a hash,
    /// and right after it `SIGNED_INTEGRITY` (section 6.1.2.3).
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message<'_>> {
        let integrity = self.hash.as_ref().map(|hash| Message::Integrity {
            spec: self.spec,
            hash,
        });
        let signed = Message::SignedIntegrity {
            spec: self.spec,
            timestamp: self.timestamp,
            signature: &self.signature,
        };
        integrity.into_iter().chain([signed])
    }
}

impl Injector {
    /// An injector that signs with `key` and whose content follows from `seed`.
    pub(crate) fn new(layout: Layout, method: Method, key: Key, seed: u64) -> Self {
        Self {
            layout: Layout {
                signature_length: Some(key.signature_length()),
                ..layout
            },
            method,
            id: key.swarm_id(),
            key,
            seed,
        }
    }

    /// The specification of some chunks.
    ///
    /// # Panics
    /// When the addressing method has none.
    pub(crate) fn spec(&self, range: ChunkRange) -> ChunkSpec {
        ChunkSpec::of(range, self.layout.addressing, self.chunk_size())
            .expect("scripts ask for what their addressing can name")
    }

    fn chunk_size(&self) -> u32 {
        self.layout.chunk_size.or_assumed()
    }

    /// Bytes of one chunk.
    pub(crate) fn chunk(&self, chunk: u64) -> Vec<u8> {
        pseudo_random((self.seed << 32) | chunk, self.chunk_size() as usize)
    }

    /// The chunks that one signature covers together with `chunk`.
    pub(crate) fn signed_with(&self, chunk: u64) -> ChunkRange {
        match self.method {
            Method::SignAll => ChunkRange::single(chunk),
            Method::UnifiedMerkle | Method::Libswift => {
                let start = chunk / MUNRO_WIDTH * MUNRO_WIDTH;
                range(start, start + MUNRO_WIDTH - 1)
            }
        }
    }

    /// The hash of one chunk, or of the node over several within a munro.
    pub(crate) fn hash(&self, node: ChunkRange) -> Vec<u8> {
        let leaves = (node.start()..=node.end())
            .flat_map(|chunk| digest(self.layout.hash_function, &[&self.chunk(chunk)]))
            .collect();
        Tree::over(self.layout.hash_function, leaves)
            .root()
            .to_vec()
    }

    /// Signs `chunk`, or the munro over it, at `time`, in microseconds since 1970.
    pub(crate) fn sign(&self, chunk: u64, time: u64) -> Proof {
        let signed = self.signed_with(chunk);
        let spec = self.spec(signed);
        let (hash, timestamp, plaintext) = match self.method {
            Method::SignAll => {
                let timestamp = ntp(time);
                let content = self.chunk(chunk);
                (None, timestamp, self.plaintext(spec, timestamp, &content))
            }
            Method::UnifiedMerkle => {
                let (hash, timestamp) = (self.hash(signed), ntp(time));
                let plaintext = self.plaintext(spec, timestamp, &hash);
                (Some(hash), timestamp, plaintext)
            }
            Method::Libswift => {
                let hash = self.hash(signed);
                (Some(hash.clone()), time, hash)
            }
        };
        Proof {
            spec,
            hash,
            timestamp,
            signature: self.key.sign(&plaintext),
        }
    }

    /// What the RFC has signed: the specification as it stands in messages,
    /// the timestamp, then the chunk (section 6.1.1) or the munro's hash
    /// (section 6.1.2.2).
    ///
    /// # Panics
    /// Never: a specification under the layout's own addressing has an encoding.
    fn plaintext(&self, spec: ChunkSpec, timestamp: u64, subject: &[u8]) -> Vec<u8> {
        // A HAVE is a type octet and a specification.
        let mut plaintext = Vec::new();
        encode_message(&Message::Have(spec), &self.layout, &mut plaintext)
            .expect("a specification of this layout");
        plaintext.remove(0);
        plaintext.extend_from_slice(&timestamp.to_be_bytes());
        plaintext.extend_from_slice(subject);
        plaintext
    }

    /// The uncles of `chunk` below its munro, highest first, without those
    /// for which `is_known` holds, with their hashes. A chunk that is signed
    /// itself has none.
    pub(crate) fn uncles(
        &self,
        chunk: u64,
        is_known: impl Fn(ChunkRange) -> bool,
    ) -> Vec<(ChunkSpec, Vec<u8>)> {
        path(chunk, self.signed_with(chunk), &is_known)
            .into_iter()
            .rev()
            .filter(|&(_, uncle)| !is_known(uncle))
            .map(|(_, uncle)| (self.spec(uncle), self.hash(uncle)))
            .collect()
    }

    /// The options of a HANDSHAKE, sorted. The window has the layout's width.
    pub(crate) fn options(
        &self,
        initiates: bool,
        window: DiscardWindow,
    ) -> Vec<ProtocolOption<'_>> {
        let mut options = vec![ProtocolOption::Version(1)];
        // Section 7.3 wants the minimum version of the initiator alone.
        if initiates || self.method == Method::Libswift {
            options.push(ProtocolOption::MinimumVersion(1));
        }
        if initiates {
            options.push(ProtocolOption::SwarmId(&self.id));
        }
        options.push(ProtocolOption::ContentIntegrity(
            self.method.content_integrity(),
        ));
        if self.method == Method::UnifiedMerkle {
            options.push(ProtocolOption::HashFunction(self.layout.hash_function));
        }
        options.extend([
            ProtocolOption::SignatureAlgorithm(self.key.algorithm()),
            ProtocolOption::ChunkAddressing(self.layout.addressing),
            ProtocolOption::LiveDiscardWindow(window),
        ]);
        options.extend(
            self.layout
                .chunk_size
                .to_option()
                .map(ProtocolOption::ChunkSize),
        );
        options
    }
}

/// Microseconds since 1970 as an NTP timestamp: seconds since 1900 and, in the
/// lower half, their 2^32nd parts.
fn ntp(time: u64) -> u64 {
    const FROM_1900_TO_1970: u64 = 2_208_988_800;
    let seconds = time / 1_000_000 + FROM_1900_TO_1970;
    let fraction = ((time % 1_000_000) << 32) / 1_000_000;
    (seconds << 32) | fraction
}
