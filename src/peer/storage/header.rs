//! The head of a sidecar: whose state this is, and whether it was left in order.
//!
//! It stands twice, and changes are written to the two places in turn: a head
//! that was cut off in the middle of a write is not taken, and the one before
//! it still stands.

use std::num::NonZeroU32;

use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::HashFunction;
use sha2::{Digest, Sha256};

use super::disk::{NamedDisk, Stamp};
use super::error::StorageError;
use super::layout::HEADER_SPACING;

const MAGIC: [u8; 8] = *b"PPSPP\r\n\x1a";
const VERSION: u32 = 1;
/// The version of heads of unprotected content, which older programs would take
/// for protected.
const UNPROTECTED_VERSION: u32 = 2;
/// Bytes of a head; one sector, which a disk writes as a whole.
const LENGTH: usize = 512;
/// Where the checksum stands: SHA-256 of all before it.
const CHECKSUM: usize = LENGTH - 32;
/// Where the fields' space begins that has the root hash.
const ROOT: usize = 80;

/// What a sidecar's head says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Counts up with each change.
    pub(super) generation: u64,
    /// Whether nothing was changed since the store was closed, with everything
    /// on the disk.
    pub(super) is_clean: bool,
    /// The hash function of the tree.
    pub(super) function: TreeHash,
    /// The swarm ID, or of unprotected content the hash of the swarm ID; `None`
    /// while a seeder hashes the content.
    pub(super) root: Option<Hash>,
    /// Whether the root hash proves the content.
    pub(super) is_protected: bool,
    /// Bytes of all chunks but the last.
    pub(super) chunk_size: NonZeroU32,
    /// Number of chunks, once it is known.
    pub(super) size: Option<u64>,
    /// Bytes of the last chunk, once it was there.
    pub(super) last_length: Option<NonZeroU32>,
    /// How the content's file was left, when clean.
    pub(super) content: Stamp,
    /// How long the sidecar was, when clean.
    pub(super) sidecar_length: u64,
}

/// What stands where a head should.
enum Slot {
    Header(Header),
    Newer(u32),
    Damaged,
    Foreign,
}

impl Header {
    /// The head that the sidecar has; `None` where the file is empty.
    pub(super) fn read(sidecar: &NamedDisk) -> Result<Option<Self>, StorageError> {
        let mut best: Option<Self> = None;
        let (mut newer, mut is_damaged, mut is_empty) = (None, false, true);
        for slot in 0..2 {
            let mut bytes = [0; LENGTH];
            is_empty &= sidecar.read(&mut bytes, slot * HEADER_SPACING)? == 0;
            match Self::decode(&bytes) {
                Slot::Header(header) => {
                    if best
                        .as_ref()
                        .is_none_or(|best| best.generation < header.generation)
                    {
                        best = Some(header);
                    }
                }
                Slot::Newer(version) => newer = Some(version),
                Slot::Damaged => is_damaged = true,
                Slot::Foreign => {}
            }
        }
        let path = || sidecar.path.clone();
        match (newer, best) {
            (Some(version), _) => Err(StorageError::Newer {
                sidecar: path(),
                version,
            }),
            (None, None) if is_empty => Ok(None),
            (None, None) => Err(StorageError::Unreadable {
                sidecar: path(),
                is_damaged,
            }),
            (None, best) => Ok(best),
        }
    }

    /// Writes the head, as the next generation.
    pub(super) fn write(&mut self, sidecar: &NamedDisk) -> Result<(), StorageError> {
        self.generation += 1;
        sidecar.write(&self.encode(), self.generation % 2 * HEADER_SPACING)
    }

    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
        put(0, &MAGIC);
        let version = if self.is_protected {
            VERSION
        } else {
            UNPROTECTED_VERSION
        };
        put(8, &version.to_be_bytes());
        put(12, &self.chunk_size.get().to_be_bytes());
        put(16, &self.generation.to_be_bytes());
        put(24, &self.size.unwrap_or(0).to_be_bytes());
        put(
            32,
            &self.last_length.map_or(0, NonZeroU32::get).to_be_bytes(),
        );
        put(
            36,
            &[u8::from(self.is_clean), self.function.function().code()],
        );
        put(40, &self.content.length.to_be_bytes());
        put(48, &self.content.seconds.to_be_bytes());
        put(56, &self.content.nanoseconds.to_be_bytes());
        put(64, &self.sidecar_length.to_be_bytes());
        if let Some(root) = &self.root {
            put(38, &[root.as_bytes().len() as u8]);
            put(ROOT, root.as_bytes());
        }
        let checksum = Sha256::digest(&bytes[..CHECKSUM]);
        bytes[CHECKSUM..].copy_from_slice(&checksum);
        bytes
    }

    fn decode(bytes: &[u8; LENGTH]) -> Slot {
        fn field<const N: usize>(bytes: &[u8; LENGTH], at: usize) -> [u8; N] {
            let mut field = [0; N];
            field.copy_from_slice(&bytes[at..at + N]);
            field
        }
        if bytes[..8] != MAGIC {
            return Slot::Foreign;
        }
        let version = u32::from_be_bytes(field(bytes, 8));
        if version > UNPROTECTED_VERSION {
            return Slot::Newer(version);
        }
        if bytes[CHECKSUM..] != Sha256::digest(&bytes[..CHECKSUM])[..] {
            return Slot::Damaged;
        }
        let number = |at| u64::from_be_bytes(field(bytes, at));
        let root_length = usize::from(bytes[38]);
        let root = match bytes
            .get(ROOT..ROOT + root_length)
            .and_then(Hash::from_bytes)
        {
            Some(root) if root_length > 0 => Some(root),
            _ => None,
        };
        let (Some(function), Some(chunk_size)) = (
            TreeHash::new(HashFunction::from_code(bytes[37])),
            NonZeroU32::new(u32::from_be_bytes(field(bytes, 12))),
        ) else {
            return Slot::Damaged;
        };
        Slot::Header(Self {
            generation: number(16),
            is_clean: bytes[36] != 0,
            function,
            root,
            is_protected: version != UNPROTECTED_VERSION,
            chunk_size,
            size: Some(number(24)).filter(|size| *size > 0),
            last_length: NonZeroU32::new(u32::from_be_bytes(field(bytes, 32))),
            content: Stamp {
                length: number(40),
                seconds: i64::from_be_bytes(field(bytes, 48)),
                nanoseconds: u32::from_be_bytes(field(bytes, 56)),
            },
            sidecar_length: number(64),
        })
    }

    /// The content's length in bytes, once the last chunk was there.
    pub(super) fn content_length(&self) -> Option<u64> {
        let (size, last) = (self.size?, self.last_length?);
        Some((size - 1) * u64::from(self.chunk_size.get()) + u64::from(last.get()))
    }
}
