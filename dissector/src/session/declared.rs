//! What a peer declared in its HANDSHAKE, and the layouts that follow from it.

use std::sync::Arc;

use super::config::Config;
use crate::wire::{
    ChunkAddressing, ChunkSize, ContentIntegrity, Dialect, DiscardWindow, Handshake, HashFunction,
    Layout, ProtocolOption, SignatureAlgorithm, dialect,
};

/// The options of one peer's HANDSHAKE (RFC 7574, section 7).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Declared {
    /// Option 0.
    pub version: Option<u8>,
    /// Option 1.
    pub minimum_version: Option<u8>,
    /// Option 2.
    pub swarm_id: Option<Arc<[u8]>>,
    /// Option 3.
    pub content_integrity: Option<ContentIntegrity>,
    /// Option 4.
    pub hash_function: Option<HashFunction>,
    /// Option 5.
    pub signature_algorithm: Option<SignatureAlgorithm>,
    /// Option 6.
    pub chunk_addressing: Option<ChunkAddressing>,
    /// Option 7.
    pub live_discard_window: Option<DiscardWindow>,
    /// Option 8 as a bit mask: bit N for message type N.
    pub supported_messages: Option<u32>,
    /// Option 9.
    pub chunk_size: Option<u32>,
}

impl Declared {
    /// Reads the options; of an option that stands twice the last one counts.
    pub fn of(handshake: &Handshake<'_>) -> Self {
        let mut declared = Self::default();
        for option in &handshake.options {
            match *option {
                ProtocolOption::Version(value) => declared.version = Some(value),
                ProtocolOption::MinimumVersion(value) => declared.minimum_version = Some(value),
                ProtocolOption::SwarmId(id) => declared.swarm_id = Some(id.into()),
                ProtocolOption::ContentIntegrity(value) => {
                    declared.content_integrity = Some(value);
                }
                ProtocolOption::HashFunction(value) => declared.hash_function = Some(value),
                ProtocolOption::SignatureAlgorithm(value) => {
                    declared.signature_algorithm = Some(value);
                }
                ProtocolOption::ChunkAddressing(value) => declared.chunk_addressing = Some(value),
                ProtocolOption::LiveDiscardWindow(value) => {
                    declared.live_discard_window = Some(value);
                }
                ProtocolOption::SupportedMessages(bitmap) => {
                    let mask = bitmap
                        .iter()
                        .take(4)
                        .enumerate()
                        .map(|(index, byte)| u32::from(byte.reverse_bits()) << (8 * index))
                        .sum();
                    declared.supported_messages = Some(mask);
                }
                ProtocolOption::ChunkSize(value) => declared.chunk_size = Some(value),
                ProtocolOption::Foreign { .. } => {}
            }
        }
        declared
    }

    /// These options, and where one is missing the other peer's.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        Self {
            version: self.version.or(other.version),
            minimum_version: self.minimum_version.or(other.minimum_version),
            swarm_id: self.swarm_id.clone().or_else(|| other.swarm_id.clone()),
            content_integrity: self.content_integrity.or(other.content_integrity),
            hash_function: self.hash_function.or(other.hash_function),
            signature_algorithm: self.signature_algorithm.or(other.signature_algorithm),
            chunk_addressing: self.chunk_addressing.or(other.chunk_addressing),
            live_discard_window: self.live_discard_window.or(other.live_discard_window),
            supported_messages: self.supported_messages.or(other.supported_messages),
            chunk_size: self.chunk_size.or(other.chunk_size),
        }
    }
}

/// Length of a signature by the key that a live swarm's ID is (RFC 7574,
/// sections 6.1 and 8.9); `None` when the ID is no such key.
pub fn signature_length(swarm_id: &[u8]) -> Option<usize> {
    let (&algorithm, key) = swarm_id.split_first()?;
    match SignatureAlgorithm::from_code(algorithm) {
        SignatureAlgorithm::EcdsaP256Sha256 if key.len() == 64 => Some(64),
        SignatureAlgorithm::EcdsaP384Sha384 if key.len() == 96 => Some(96),
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256 => {
            // RFC 3110: a length octet, or zero and two octets; exponent; modulus.
            let (&length, rest) = key.split_first()?;
            let (exponent, rest) = if length == 0 {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            } else {
                (usize::from(length), rest)
            };
            let modulus = rest.len().checked_sub(exponent)?;
            (exponent > 0 && modulus >= 64).then_some(modulus)
        }
        _ => None,
    }
}

/// The layouts that a sender may use, the likeliest first: one where the
/// handshakes and the user told everything, several where not.
///
/// `sender` are its own options and, where it left some out, its peer's;
/// `hash_function` is what the swarm's other channels have shown.
pub(super) fn candidates(
    sender: &Declared,
    receiver: &Declared,
    swarm_id: Option<&[u8]>,
    dialect: &'static Dialect,
    hash_function: Option<HashFunction>,
    config: &Config,
) -> Vec<Layout> {
    let base = Layout {
        chunk_size: sender
            .chunk_size
            .map(ChunkSize::from_option)
            .or(config.chunk_size)
            .unwrap_or(ChunkSize::Unknown),
        ..Layout::of_dialect(dialect)
    };
    if !dialect.handshake_options {
        return vec![base];
    }
    // A method that nobody knows tells no width: the datagrams may.
    let told = |method: &ChunkAddressing| method.is_assigned();
    let addressings = one_or(
        sender.chunk_addressing.filter(told).or(config.addressing),
        &likely_addressings(),
    );
    let known_hash = sender
        .hash_function
        .or(hash_function)
        .filter(|function| function.is_assigned())
        .or(config.hash_function)
        .or_else(|| match sender.content_integrity {
            // The swarm ID of static content is a hash of the tree.
            Some(ContentIntegrity::Merkle) => {
                swarm_id.and_then(|id| HashFunction::from_length(id.len()))
            }
            Some(ContentIntegrity::SignAll) => Some(HashFunction::Sha256),
            _ => None,
        });
    let hashes = one_or(known_hash, &likely_hashes());
    let key = swarm_id.and_then(signature_length);
    let by_algorithm = match sender.signature_algorithm {
        Some(SignatureAlgorithm::EcdsaP256Sha256) => Some(64),
        Some(SignatureAlgorithm::EcdsaP384Sha384) => Some(96),
        _ => None,
    };
    let signatures = match (sender.content_integrity, key.or(by_algorithm)) {
        // Without protection there is nothing to sign: libswift sends twenty zeros.
        (Some(ContentIntegrity::None), Some(length)) => vec![Some(20), Some(length)],
        (Some(ContentIntegrity::None), None) => vec![Some(20), None],
        // The key, of which the capture lacks the swarm ID, has a usual size.
        (_, None)
            if matches!(
                sender.signature_algorithm,
                Some(SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256)
            ) =>
        {
            vec![Some(128), Some(256), Some(512)]
        }
        (_, length) => vec![length],
    };
    // libswift leaves the timestamp out towards a peer of another version.
    let timestamps: &[bool] = match receiver.version {
        Some(version) if version != 1 => &[true, false],
        _ => &[true],
    };
    let mut layouts = Vec::new();
    for &addressing in &addressings {
        for &hash_function in &hashes {
            for &signature_length in &signatures {
                for &data_timestamp in timestamps {
                    layouts.push(Layout {
                        addressing,
                        hash_function,
                        signature_length,
                        data_timestamp,
                        ..base
                    });
                }
            }
        }
    }
    layouts
}

/// The layouts of a sender that no handshake tells anything of.
pub(super) fn candidates_of_stranger(config: &Config) -> Vec<Layout> {
    let nothing = Declared::default();
    let mut layouts = candidates(&nothing, &nothing, None, &dialect::RFC7574, None, config);
    let addressing_fits = config
        .addressing
        .is_none_or(|addressing| Some(addressing) == dialect::LEGACY_SWIFT.addressing);
    if addressing_fits {
        layouts.push(Layout::of_dialect(&dialect::LEGACY_SWIFT));
    }
    layouts
}

fn one_or<T: Copy>(known: Option<T>, likely: &[T]) -> Vec<T> {
    known.map_or_else(|| likely.to_vec(), |value| vec![value])
}

/// The default first, then by how often they are met.
fn likely_addressings() -> [ChunkAddressing; 5] {
    [
        ChunkAddressing::Chunk32,
        ChunkAddressing::Bin32,
        ChunkAddressing::Chunk64,
        ChunkAddressing::Bin64,
        ChunkAddressing::Byte64,
    ]
}

/// The default first, then by how often they are met.
fn likely_hashes() -> [HashFunction; 5] {
    [
        HashFunction::Sha256,
        HashFunction::Sha1,
        HashFunction::Sha512,
        HashFunction::Sha384,
        HashFunction::Sha224,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_length_follows_from_the_key() {
        let key = |algorithm: u8, rest: &[u8]| [&[algorithm], rest].concat();
        assert_eq!(signature_length(&key(13, &[1; 64])), Some(64));
        assert_eq!(signature_length(&key(14, &[1; 96])), Some(96));
        assert_eq!(signature_length(&key(13, &[1; 63])), None);
        // RSA with 1024 bits: a three-byte exponent and a modulus of 128 bytes.
        let rsa = [&[3, 1, 0, 1][..], &[9; 128]].concat();
        assert_eq!(signature_length(&key(5, &rsa)), Some(128));
        let long = [&[0, 0, 3, 1, 0, 1][..], &[9; 256]].concat();
        assert_eq!(signature_length(&key(8, &long)), Some(256));
        assert_eq!(signature_length(&[]), None);
        assert_eq!(signature_length(&[5]), None);
        assert_eq!(signature_length(&[5, 200, 1]), None);
    }

    #[test]
    fn a_full_handshake_leaves_nothing_to_infer() {
        let declared = Declared {
            version: Some(1),
            content_integrity: Some(ContentIntegrity::Merkle),
            hash_function: Some(HashFunction::Sha1),
            chunk_addressing: Some(ChunkAddressing::Bin32),
            ..Declared::default()
        };
        let layouts = candidates(
            &declared,
            &declared,
            Some(&[0; 20]),
            &dialect::RFC7574,
            None,
            &Config::default(),
        );
        assert_eq!(layouts.len(), 1);
        assert_eq!(layouts[0].addressing, ChunkAddressing::Bin32);
    }

    #[test]
    fn supported_messages_become_a_mask() {
        let bitmap = [0b1101_1001, 0b1111_0000];
        let handshake = Handshake {
            source_channel: crate::wire::ChannelId(1),
            options: vec![ProtocolOption::SupportedMessages(&bitmap)],
            has_end: true,
        };
        assert_eq!(
            Declared::of(&handshake).supported_messages,
            Some(0b1111_1001_1011)
        );
    }
}
