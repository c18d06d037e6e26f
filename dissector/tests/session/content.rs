//! Content with a real tree, and an injector with a real key.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash};
use ppspp_dissector::wire::{
    Bin, ChunkRange, ContentIntegrity, HashFunction, Message, ProtocolOption,
};

use crate::support::Talk;
use crate::words::{
    Change, LIVE, Options, STATIC, Say, have, live_options_in, noise_of, options_in, request,
};

/// Eight chunks and the hashes of all nodes above them.
pub(crate) struct Content {
    chunks: Vec<Vec<u8>>,
    hashes: BTreeMap<u64, Hash>,
    root: Hash,
    /// The same with one byte changed.
    wrong_chunks: Vec<Vec<u8>>,
    wrong_hashes: BTreeMap<u64, Vec<u8>>,
}

/// The content of every conversation here.
pub(crate) static CONTENT: LazyLock<Content> = LazyLock::new(Content::new);

/// The key of the injector: any number that is not zero.
static SECRET: LazyLock<SigningKey> =
    LazyLock::new(|| SigningKey::from_slice(&[7; 32]).expect("a scalar"));

/// The swarm ID that the injector's key is.
static PUBLIC: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let point = SECRET.verifying_key().to_sec1_point(false);
    [&[13], &point.as_bytes()[1..]].concat()
});

fn flip(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[5] ^= 1;
    bytes
}

fn bin(start: u64, end: u64) -> u64 {
    let range = ChunkRange::new(start, end).expect("ordered");
    Bin::covering(range).expect("a subtree").number()
}

impl Content {
    fn new() -> Self {
        let mut tree = ContentTree::new(TreeHash::new(HashFunction::Sha256).expect("assigned"));
        let mut hashes = BTreeMap::new();
        let chunks: Vec<_> = (0..8)
            .map(|number| noise_of(1024 * (number + 1))[1024 * number..].to_vec())
            .collect();
        for chunk in &chunks {
            tree.push_with(chunk, |bin, hash| {
                hashes.insert(bin.number(), hash);
            });
        }
        Self {
            wrong_chunks: chunks.iter().map(|chunk| flip(chunk)).collect(),
            wrong_hashes: hashes
                .iter()
                .map(|(&bin, hash)| (bin, flip(hash.as_bytes())))
                .collect(),
            root: tree.root().expect("chunks"),
            chunks,
            hashes,
        }
    }
}

/// The hash of these chunks.
pub(crate) fn hash(start: u64, end: u64) -> Message<'static> {
    Message::Integrity {
        spec: STATIC.spec(start, end),
        hash: CONTENT.hashes[&bin(start, end)].as_bytes(),
    }
}

/// A hash that differs from the right one in a bit.
pub(crate) fn wrong_hash(start: u64, end: u64) -> Message<'static> {
    Message::Integrity {
        spec: STATIC.spec(start, end),
        hash: &CONTENT.wrong_hashes[&bin(start, end)],
    }
}

fn data_with(number: u64, data: &'static [u8]) -> Message<'static> {
    with_bytes(STATIC.data(number), data)
}

fn with_bytes(message: Message<'static>, data: &'static [u8]) -> Message<'static> {
    match message {
        Message::Data {
            spec,
            timestamp,
            data_length,
            ..
        } => Message::Data {
            spec,
            timestamp,
            data,
            data_length,
        },
        other => other,
    }
}

/// A chunk.
pub(crate) fn chunk(number: u64) -> Message<'static> {
    data_with(number, &CONTENT.chunks[number as usize])
}

/// A chunk that differs from the right one in a bit.
pub(crate) fn wrong_chunk(number: u64) -> Message<'static> {
    data_with(number, &CONTENT.wrong_chunks[number as usize])
}

/// Chunks that follow each other in one message, right or with a byte changed.
pub(crate) fn several(first: u64, are_wrong: &[bool]) -> Message<'static> {
    let chunks = are_wrong.iter().zip(first as usize..);
    let bytes: Vec<u8> = chunks
        .flat_map(|(is_wrong, number)| match is_wrong {
            false => &CONTENT.chunks[number],
            true => &CONTENT.wrong_chunks[number],
        })
        .copied()
        .collect();
    let last = first + are_wrong.len() as u64 - 1;
    with_bytes(STATIC.data_of(first, last, bytes.len()), bytes.leak())
}

/// What a signature is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    /// Specification, timestamp, and hash of these chunks.
    Munro,
    /// The hash alone, as libswift signs.
    HashOnly,
    /// Specification, timestamp and the chunk itself.
    Chunk,
}

/// The injector's signature.
pub(crate) fn sign(start: u64, end: u64, timestamp: u64, over: Over) -> Vec<u8> {
    let mut message = Vec::new();
    if over != Over::HashOnly {
        message.extend((start as u32).to_be_bytes());
        message.extend((end as u32).to_be_bytes());
        message.extend(timestamp.to_be_bytes());
    }
    message.extend_from_slice(match over {
        Over::Chunk => &CONTENT.chunks[start as usize],
        Over::Munro | Over::HashOnly => CONTENT.hashes[&bin(start, end)].as_bytes(),
    });
    let signature: Signature = SECRET.sign(&message);
    signature.to_bytes().to_vec()
}

/// A `SIGNED_INTEGRITY` with this signature.
pub(crate) fn signed(start: u64, end: u64, timestamp: u64, signature: &[u8]) -> Message<'_> {
    Message::SignedIntegrity {
        spec: LIVE.spec(start, end),
        timestamp,
        signature,
    }
}

/// What the initiator says of the content.
pub(crate) fn options() -> Options {
    options_in(&STATIC, CONTENT.root.as_bytes())
}

impl Talk {
    /// Alice asks Bob for the content; everything is verified.
    pub(crate) fn ask_for_content(&mut self) -> &mut Self {
        self.verify();
        let all = options();
        self.open(&all, &all.clone().reply(), &[have(0, 7)]);
        self.alice([request(0, 7)]);
        self
    }

    /// Alice is about to be sent a stream of Bob's, who has the key; everything
    /// is verified.
    pub(crate) fn tune_in(&mut self, method: ContentIntegrity) -> &mut Self {
        self.verify();
        self.layout = LIVE;
        let all = live_options_in(&LIVE, &PUBLIC).with(ProtocolOption::ContentIntegrity(method));
        self.open(&all, &all.clone().reply(), &[]);
        self.alice([Message::PexReq]);
        self
    }
}
