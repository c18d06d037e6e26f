//! Hashes and the functions that make them.

use std::fmt;

use sha1::Sha1;
use sha2::block_api::compress256;
use sha2::digest::Digest;
use sha2::{Sha224, Sha256, Sha384, Sha512};

use crate::wire::HashFunction;

/// Bytes of the longest hash, that of SHA-512.
const LONGEST: usize = 64;

/// The hash of a node of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Hash {
    /// A hash from its bytes; `None` when there are more than any function makes.
    #[inline]
    pub fn from_bytes(hash: &[u8]) -> Option<Self> {
        // That of nearly all content; a copy of known length needs no call.
        if let Ok(hash) = <[u8; 32]>::try_from(hash) {
            return Some(hash.into());
        }
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..hash.len())?.copy_from_slice(hash);
        Some(Self {
            bytes,
            length: hash.len() as u8,
        })
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// Whether this is the empty hash: zeros, for chunks beyond the content
    /// (RFC 7574, section 5.1).
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes == [0; LONGEST]
    }
}

/// A hash of SHA-1's length.
impl From<[u8; 20]> for Hash {
    #[inline]
    fn from(hash: [u8; 20]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..20].copy_from_slice(&hash);
        Self { bytes, length: 20 }
    }
}

/// A hash of SHA-256's length.
impl From<[u8; 32]> for Hash {
    #[inline]
    fn from(hash: [u8; 32]) -> Self {
        let mut bytes = [0; LONGEST];
        bytes[..32].copy_from_slice(&hash);
        Self { bytes, length: 32 }
    }
}

/// Hexadecimal digits.
impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A hash function of Table 5, one that is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeHash(HashFunction);

impl TreeHash {
    /// The function; `None` when Table 5 does not assign it.
    pub const fn new(function: HashFunction) -> Option<Self> {
        if function.is_assigned() {
            Some(Self(function))
        } else {
            None
        }
    }

    /// Which function it is.
    pub const fn function(self) -> HashFunction {
        self.0
    }

    /// The hash of a chunk.
    pub fn chunk(self, chunk: &[u8]) -> Hash {
        self.of(&[chunk])
    }

    /// The hash of a node from those of its children. Two empty hashes make an
    /// empty one (RFC 7574, section 5.1).
    pub fn parent(self, left: &Hash, right: &Hash) -> Hash {
        if left.is_empty() && right.is_empty() {
            return self.empty();
        }
        match (
            self.0,
            left.as_bytes().first_chunk(),
            right.as_bytes().first_chunk(),
        ) {
            (HashFunction::Sha256, Some(left), Some(right)) => sha256_of_two(left, right),
            _ => self.of(&[left.as_bytes(), right.as_bytes()]),
        }
    }

    /// The empty hash: as many zeros as a hash has bytes.
    pub fn empty(self) -> Hash {
        Hash {
            bytes: [0; LONGEST],
            length: self.0.length().unwrap_or(0) as u8,
        }
    }

    fn of(self, parts: &[&[u8]]) -> Hash {
        fn digest<D: Digest>(parts: &[&[u8]]) -> Hash {
            let mut digest = D::new();
            for part in parts {
                digest.update(part);
            }
            let output = digest.finalize();
            let mut bytes = [0; LONGEST];
            bytes[..output.len()].copy_from_slice(&output);
            Hash {
                bytes,
                length: output.len() as u8,
            }
        }
        match self.0 {
            HashFunction::Sha1 => digest::<Sha1>(parts),
            HashFunction::Sha224 => digest::<Sha224>(parts),
            HashFunction::Sha384 => digest::<Sha384>(parts),
            HashFunction::Sha512 => digest::<Sha512>(parts),
            // `new` lets no unassigned function in.
            HashFunction::Sha256 | HashFunction::Unassigned(_) => digest::<Sha256>(parts),
        }
    }
}

/// SHA-256 of two hashes of its own: just one block and the padding, which is
/// always the same.
fn sha256_of_two(left: &[u8; 32], right: &[u8; 32]) -> Hash {
    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    const PADDING: [u8; 64] = {
        let mut padding = [0; 64];
        padding[0] = 0x80;
        // 512 bits.
        padding[62] = 2;
        padding
    };
    let mut blocks = [[0; 64], PADDING];
    blocks[0][..32].copy_from_slice(left);
    blocks[0][32..].copy_from_slice(right);
    let mut state = INITIAL;
    compress256(&mut state, &blocks);
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_functions_are_those_of_fips_180() {
        let of = |function| {
            TreeHash::new(function)
                .expect("assigned")
                .chunk(b"abc")
                .to_string()
        };
        assert_eq!(
            of(HashFunction::Sha1),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        assert_eq!(
            of(HashFunction::Sha224),
            "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"
        );
        assert_eq!(
            of(HashFunction::Sha256),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(of(HashFunction::Sha384).starts_with("cb00753f45a35e8bb5a03d699ac65007272c32ab"));
        assert!(of(HashFunction::Sha512).starts_with("ddaf35a193617abacc417349ae20413112e6fa4e"));
    }

    #[test]
    fn hashes_are_as_long_as_their_function_says() {
        for &function in HashFunction::ASSIGNED {
            let hash = TreeHash::new(function).expect("assigned");
            assert_eq!(Some(hash.chunk(b"").as_bytes().len()), function.length());
            assert_eq!(Some(hash.empty().as_bytes().len()), function.length());
        }
        assert_eq!(TreeHash::new(HashFunction::Unassigned(9)), None);
    }

    #[test]
    fn a_parent_is_the_hash_of_its_children_one_after_the_other() {
        for &function in HashFunction::ASSIGNED {
            let function = TreeHash::new(function).expect("assigned");
            let (left, right) = (function.chunk(b"left"), function.chunk(b"right"));
            let both = [left.as_bytes(), right.as_bytes()].concat();
            assert_eq!(function.parent(&left, &right), function.chunk(&both));
        }
    }

    #[test]
    fn two_empty_hashes_make_an_empty_one_and_one_does_not() {
        let sha1 = TreeHash::new(HashFunction::Sha1).expect("assigned");
        let chunk = sha1.chunk(b"x");
        assert!(sha1.parent(&sha1.empty(), &sha1.empty()).is_empty());
        assert!(!sha1.parent(&chunk, &sha1.empty()).is_empty());
    }
}
