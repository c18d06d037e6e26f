//! A live injector: unified Merkle trees with signed munros (RFC 7574,
//! section 6.1.2).

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use ppspp_dissector::wire::{
    ChunkRange, ChunkSpec, ContentIntegrity, DiscardWindow, Layout, Message, ProtocolOption,
    SignatureAlgorithm, encode_message,
};

use super::content::pseudo_random;
use super::swarm::range;
use super::tree::{Tree, digest, path};

/// `NCHUNKS_PER_SIG`: width of a munro's subtree.
pub(crate) const MUNRO_WIDTH: u64 = 4;

/// Bytes of an ECDSA signature on P-256 in DNSSEC's form.
pub(crate) const SIGNATURE_LENGTH: usize = 64;

/// The injector of one live swarm with endless content.
pub(crate) struct Injector {
    pub(crate) layout: Layout,
    pub(crate) key: SigningKey,
    seed: u64,
    /// The swarm ID: algorithm octet and public key (section 8.9).
    pub(crate) id: Vec<u8>,
}

/// The hash and the signature of one munro.
pub(crate) struct Munro {
    spec: ChunkSpec,
    hash: Vec<u8>,
    timestamp: u64,
    signature: Vec<u8>,
}

impl Munro {
    /// The two messages that prove the munro.
    pub(crate) fn messages(&self) -> [Message<'_>; 2] {
        [
            Message::Integrity {
                spec: self.spec,
                hash: &self.hash,
            },
            Message::SignedIntegrity {
                spec: self.spec,
                timestamp: self.timestamp,
                signature: &self.signature,
            },
        ]
    }
}

impl Injector {
    /// An injector whose key and content follow from `seed`.
    ///
    /// # Panics
    /// When the seed makes no key, which one in 2^32 does not.
    pub(crate) fn new(layout: Layout, seed: u64) -> Self {
        let secret = digest(
            ppspp_dissector::wire::HashFunction::Sha256,
            &[b"ppsp-inspect sample captures", &seed.to_be_bytes()],
        );
        let key = SigningKey::from_slice(&secret).expect("a key below the group's order");
        let mut id = vec![SignatureAlgorithm::EcdsaP256Sha256.code()];
        // RFC 6605: the point without the octet that says "uncompressed".
        id.extend_from_slice(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
        Self {
            layout: Layout {
                signature_length: Some(SIGNATURE_LENGTH),
                ..layout
            },
            key,
            seed,
            id,
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

    /// The munro over `chunk`.
    pub(crate) fn munro_of(chunk: u64) -> ChunkRange {
        let start = chunk / MUNRO_WIDTH * MUNRO_WIDTH;
        range(start, start + MUNRO_WIDTH - 1)
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

    /// Signs the munro over `chunk` at `time`, in microseconds since 1970.
    ///
    /// # Panics
    /// Never: a specification under the layout's own addressing has an encoding.
    pub(crate) fn sign(&self, chunk: u64, time: u64) -> Munro {
        let node = Self::munro_of(chunk);
        let spec = self.spec(node);
        let hash = self.hash(node);
        let timestamp = ntp(time);
        // Section 6.1.2.2: the specification as it stands in messages, the
        // timestamp, the hash. A HAVE is a type octet and a specification.
        let mut plaintext = Vec::new();
        encode_message(&Message::Have(spec), &self.layout, &mut plaintext)
            .expect("a specification of this layout");
        plaintext.remove(0);
        plaintext.extend_from_slice(&timestamp.to_be_bytes());
        plaintext.extend_from_slice(&hash);
        let signature: Signature = self.key.sign(&plaintext);
        Munro {
            spec,
            hash,
            timestamp,
            signature: signature.to_bytes().to_vec(),
        }
    }

    /// The uncles of `chunk` below its munro, highest first, without those
    /// for which `is_known` holds, with their hashes.
    pub(crate) fn uncles(
        &self,
        chunk: u64,
        is_known: impl Fn(ChunkRange) -> bool,
    ) -> Vec<(ChunkSpec, Vec<u8>)> {
        path(chunk, Self::munro_of(chunk), &is_known)
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
        if initiates {
            options.push(ProtocolOption::MinimumVersion(1));
            options.push(ProtocolOption::SwarmId(&self.id));
        }
        options.extend([
            ProtocolOption::ContentIntegrity(ContentIntegrity::UnifiedMerkle),
            ProtocolOption::HashFunction(self.layout.hash_function),
            ProtocolOption::SignatureAlgorithm(SignatureAlgorithm::EcdsaP256Sha256),
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
