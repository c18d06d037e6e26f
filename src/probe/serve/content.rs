//! What we serve: content that is there as a whole, or a stream that goes on.

use ppspp_dissector::wire::{ChunkRange, ContentIntegrity};

use super::seeded::Seeded;
use super::seeder::Gift;
use super::stream::{Signer, Stream, spoil};
use crate::peer::engine::Moment;
use crate::probe::case::Stop;
use crate::probe::swarm::Swarm;

/// Chunks of the content that most cases serve, besides a short one at the end.
pub(super) const USUAL: u64 = 203;

/// Bytes of that last chunk, at most.
const SHORT: u32 = 77;

/// How much content a case serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// What most cases do with: some hundred chunks, the last one short; or a
    /// stream as it is.
    Usual,
    /// So many chunks, the last one with so many bytes.
    Exactly {
        /// How many.
        chunks: u64,
        /// Bytes of the last one.
        last: u32,
    },
    /// So many chunks, the last one whole.
    Whole(u64),
    /// A stream with so many chunks to a munro.
    Munros(u64),
}

/// What there is to serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The content; a stream is made of it, again and again.
    pub bytes: Vec<u8>,
    /// Whether it is served as it is only: the target has been told its swarm ID
    /// already.
    pub is_fixed: bool,
    /// Who signs, where it is a live stream.
    pub signer: Option<Signer>,
}

impl Source {
    /// Content of numbers, for who brings none.
    pub fn of_numbers(chunk_size: u32) -> Self {
        let length = USUAL * u64::from(chunk_size) + u64::from(SHORT.min(chunk_size));
        Self {
            bytes: numbers(length as usize),
            is_fixed: false,
            signer: None,
        }
    }

    /// Content of a shape, and the swarm that has it. A stream goes on from now.
    ///
    /// # Errors
    /// A skip, where another content can't be served.
    pub fn shaped(
        &self,
        shape: Shape,
        swarm: &Swarm,
        now: Moment,
    ) -> Result<(Content, Swarm), Stop> {
        let nothing = || Stop::Error("there is no content to serve".to_owned());
        if let Some(signer) = &self.signer {
            let signer = Signer {
                chunks_per_signature: match shape {
                    Shape::Munros(width) => width,
                    _ => signer.chunks_per_signature,
                },
                ..signer.clone()
            };
            let swarm = Swarm {
                id: signer.key.swarm_id(),
                ..swarm.clone()
            };
            let stream = Stream::new(&self.bytes, &signer, &swarm, now).ok_or_else(nothing)?;
            return Ok((Content::Stream(Box::new(stream)), swarm));
        }
        let size = u64::from(swarm.chunk_size);
        let most = self.bytes.len() as u64;
        let length = match shape {
            _ if self.is_fixed => most,
            Shape::Usual | Shape::Munros(_) => most.min(USUAL * size + u64::from(SHORT).min(size)),
            Shape::Exactly { chunks, last } => (chunks - 1) * size + u64::from(last).min(size),
            Shape::Whole(chunks) => chunks * size,
        };
        if self.is_fixed && shape != Shape::Usual {
            return Err(Stop::Skip(
                "this needs content of another length, which only a target that we start (--exec) can be told of".to_owned(),
            ));
        }
        let mut bytes = self.bytes.clone();
        if length > most {
            bytes.extend(numbers((length - most) as usize));
        }
        bytes.truncate(length as usize);
        let seeded = Seeded::new(&bytes, swarm).ok_or_else(nothing)?;
        let swarm = Swarm {
            id: seeded.root().as_bytes().to_vec(),
            integrity: ContentIntegrity::Merkle,
            ..swarm.clone()
        };
        Ok((Content::Whole(seeded), swarm))
    }
}

/// Bytes without a pattern, the same each time.
fn numbers(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        })
        .collect()
}

/// What stands in a datagram before a chunk, to prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// INTEGRITY.
    Hash(ChunkRange, Vec<u8>),
    /// `SIGNED_INTEGRITY`: the chunks, the timestamp, the signature.
    Signature(ChunkRange, u64, Vec<u8>),
}

/// What is served.
#[derive(Clone, Debug)]
pub enum Content {
    /// Static content.
    Whole(Seeded),
    /// A live stream.
    Stream(Box<Stream>),
}

impl Content {
    /// Number of chunks; of a stream those that were made until now.
    pub fn size(&self) -> u64 {
        match self {
            Self::Whole(seeded) => seeded.size(),
            Self::Stream(stream) => stream.size(),
        }
    }

    /// Bytes of all of it; nothing for a stream.
    pub fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(seeded) => Some(seeded.length()),
            Self::Stream(_) => None,
        }
    }

    /// A stream.
    pub fn stream(&mut self) -> Option<&mut Stream> {
        match self {
            Self::Whole(_) => None,
            Self::Stream(stream) => Some(stream),
        }
    }

    /// Whether it is a stream.
    pub const fn is_stream(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// Whether munros lead to its chunks.
    pub fn has_munros(&self) -> bool {
        match self {
            Self::Whole(_) => false,
            Self::Stream(stream) => stream.has_munros(),
        }
    }

    /// The chunks that can be proven only together with one: those below its munro.
    pub fn group(&self, chunk: u64) -> ChunkRange {
        match self {
            Self::Stream(stream) => stream.group(chunk),
            Self::Whole(_) => ChunkRange::single(chunk),
        }
    }

    /// When there is more of it.
    pub fn next_at(&self) -> Option<Moment> {
        match self {
            Self::Whole(_) => None,
            Self::Stream(stream) => Some(stream.next_at()),
        }
    }

    /// The first of the last chunks, at least `count`, which are proven together;
    /// of static content chunk 0.
    pub fn last_group(&self, count: u64) -> u64 {
        match self {
            Self::Whole(_) => 0,
            Self::Stream(stream) => stream.group(stream.size().saturating_sub(count)).start(),
        }
    }

    /// Bytes of some chunks that are there.
    pub fn bytes(&self, chunks: ChunkRange) -> Vec<u8> {
        let chunks = chunks.start()..=chunks.end();
        chunks.filter_map(|it| self.chunk(it)).flatten().collect()
    }

    /// A chunk.
    pub fn chunk(&self, chunk: u64) -> Option<Vec<u8>> {
        match self {
            Self::Whole(seeded) => seeded.chunk(chunk).map(<[u8]>::to_vec),
            Self::Stream(stream) => stream.chunk(chunk),
        }
    }

    /// What goes with a chunk; `knows_top` tells whether the target has shown to
    /// know the peaks, or the munro (sections 5.4, 5.6.2 and 6.1.2.3).
    pub fn proofs(&mut self, chunk: u64, gift: Gift, knows_top: bool) -> Vec<Evidence> {
        match self {
            Self::Whole(seeded) => hashes(seeded, chunk, gift, knows_top),
            Self::Stream(stream) => stream.proofs(chunk, gift, knows_top),
        }
    }
}

/// The hashes that go with a chunk of static content.
fn hashes(seeded: &Seeded, chunk: u64, gift: Gift, knows_peaks: bool) -> Vec<Evidence> {
    let mut hashes = Vec::new();
    if gift == Gift::NoHashes {
        return hashes;
    }
    let proof = |chunks, hash: &[u8]| Evidence::Hash(chunks, hash.to_vec());
    if gift != Gift::NoPeaks && (!knows_peaks || gift == Gift::WrongPeaks) {
        let peaks = seeded.peaks().iter();
        hashes.extend(peaks.map(|it| proof(it.chunks, it.hash.as_bytes())));
        if gift == Gift::WrongPeaks
            && let Some(Evidence::Hash(_, hash)) = hashes.last_mut()
        {
            spoil(hash);
        }
    }
    let uncles = seeded.uncles(chunk);
    let from = hashes.len();
    hashes.extend(
        uncles
            .iter()
            .map(|(bin, hash)| proof(bin.range(), hash.as_bytes())),
    );
    if gift == Gift::WrongUncle
        && let Some(Evidence::Hash(_, hash)) = hashes[from..].last_mut()
    {
        spoil(hash);
    }
    hashes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ppspp_dissector::wire::{ChunkAddressing, HashFunction, SignatureAlgorithm};

    use super::super::stream::Forgery;
    use super::*;
    use crate::peer::keys::SigningKey;
    use crate::probe::proof::{Check, Proof};

    const NOW: Moment = Moment::from_microseconds(1_795_322_041_000_000);

    fn swarm(integrity: ContentIntegrity) -> Swarm {
        Swarm {
            id: vec![0; 32],
            integrity,
            hash_function: HashFunction::Sha256,
            addressing: ChunkAddressing::Chunk32,
            chunk_size: 1024,
        }
    }

    fn shaped(source: &Source, shape: Shape, integrity: ContentIntegrity) -> (Content, Swarm) {
        let shaped = source.shaped(shape, &swarm(integrity), NOW);
        shaped.expect("content")
    }

    fn stream(integrity: ContentIntegrity) -> (Content, Swarm) {
        let key =
            SigningKey::generate_from_seed(SignatureAlgorithm::EcdsaP256Sha256, None, &[1; 32]);
        let source = Source {
            signer: Some(Signer {
                key: key.expect("a key"),
                chunks_per_signature: 8,
            }),
            ..Source::of_numbers(1024)
        };
        shaped(&source, Shape::Usual, integrity)
    }

    fn add(proof: &mut Proof, swarm: &Swarm, evidence: &[Evidence]) {
        for it in evidence {
            match it {
                Evidence::Hash(chunks, hash) => proof.add(*chunks, hash),
                Evidence::Signature(chunks, timestamp, signature) => {
                    let spec = swarm.spec(*chunks).expect("a range");
                    proof.sign(spec, *chunks, *timestamp, signature);
                }
            }
        }
    }

    /// What a chunk is, given in this way.
    fn check(content: &mut Content, swarm: &Swarm, chunk: u64, gift: Gift) -> Check {
        let mut proof = Proof::new(swarm).expect("a tree");
        let evidence = content.proofs(chunk, gift, false);
        add(&mut proof, swarm, &evidence);
        let data = content.chunk(chunk).expect("a chunk");
        proof.check(chunk, &data)
    }

    #[test]
    fn what_goes_with_a_chunk_proves_it() {
        let (fixed, its) = shaped(
            &Source::of_numbers(1024),
            Shape::Usual,
            ContentIntegrity::Merkle,
        );
        let (munros, theirs) = stream(ContentIntegrity::UnifiedMerkle);
        let (signed, whose) = stream(ContentIntegrity::SignAll);
        for (mut content, swarm) in [(fixed, its), (munros, theirs), (signed, whose)] {
            let last = content.size() - 1;
            for chunk in [0, 5, 77, last - 2, last] {
                for gift in [Gift::Right, Gift::SignatureFirst] {
                    let found = check(&mut content, &swarm, chunk, gift);
                    assert_eq!(found, Check::Right, "{chunk} {gift:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_forged_proves_nothing() {
        for integrity in [ContentIntegrity::UnifiedMerkle, ContentIntegrity::SignAll] {
            let (mut content, swarm) = stream(integrity);
            for forgery in [
                Forgery::Bytes,
                Forgery::Key,
                Forgery::Chunks,
                Forgery::Time,
                Forgery::Hash,
            ] {
                let found = check(&mut content, &swarm, 9, Gift::Forged(forgery));
                assert_ne!(found, Check::Right, "{forgery:?}");
            }
            // These hold; they are another's to refuse.
            for forgery in [Forgery::Old, Forgery::Undated, Forgery::Ahead] {
                let found = check(&mut content, &swarm, 9, Gift::Forged(forgery));
                assert_eq!(found, Check::Right, "{forgery:?}");
            }
            for gift in [
                Gift::NoHashes,
                Gift::NoPeaks,
                Gift::WrongPeaks,
                Gift::WrongUncle,
            ] {
                assert_ne!(
                    check(&mut content, &swarm, 9, gift),
                    Check::Right,
                    "{gift:?}"
                );
            }
        }
    }

    #[test]
    fn a_stream_goes_on_by_whole_munros() {
        let (mut content, swarm) = stream(ContentIntegrity::UnifiedMerkle);
        let before = content.size();
        let stream = content.stream().expect("a stream");
        stream.advance(NOW + Duration::from_millis(79));
        assert_eq!(stream.size(), before);
        stream.advance(NOW + Duration::from_millis(80));
        assert_eq!(stream.size(), before + 8);
        stream.advance(NOW + Duration::from_secs(2));
        let after = content.size();
        assert_eq!(after, before + 200);
        assert_eq!(content.group(after - 1).count(), 8);
        assert_eq!(content.last_group(1), after - 8);
        assert_eq!(content.last_group(17), after - 24);
        assert_eq!(
            check(&mut content, &swarm, after - 3, Gift::Right),
            Check::Right
        );
    }

    #[test]
    fn content_is_cut_or_filled_up_to_a_shape() {
        let source = Source {
            bytes: vec![7; 5000],
            is_fixed: false,
            signer: None,
        };
        let length = |shape| {
            let (content, _) = shaped(&source, shape, ContentIntegrity::Merkle);
            (content.size(), content.length())
        };
        assert_eq!(length(Shape::Usual), (5, Some(5000)));
        assert_eq!(length(Shape::Whole(8)), (8, Some(8192)));
        assert_eq!(length(Shape::Exactly { chunks: 1, last: 9 }), (1, Some(9)));
        let fixed = Source {
            is_fixed: true,
            ..source
        };
        assert!(matches!(
            fixed.shaped(Shape::Whole(8), &swarm(ContentIntegrity::Merkle), NOW),
            Err(Stop::Skip(_))
        ));
    }
}
