//! The RFC's registries as enums that keep values they do not know.

use std::fmt;

/// Defines one registry: an enum over one octet, its names, and an
/// `Unassigned` variant so that decoding and encoding lose nothing.
macro_rules! registry {
    (
        $(#[$meta:meta])*
        $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $code:literal $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
            /// A value that the RFC leaves unassigned or reserved.
            Unassigned(u8),
        }

        impl $name {
            /// Every assigned value, in the registry's order.
            pub const ASSIGNED: &'static [Self] = &[$( Self::$variant ),+];

            /// The value that an octet stands for.
            #[inline]
            pub const fn from_code(code: u8) -> Self {
                match code {
                    $( $code => Self::$variant, )+
                    other => Self::Unassigned(other),
                }
            }

            /// The octet on the wire.
            #[inline]
            pub const fn code(self) -> u8 {
                match self {
                    $( Self::$variant => $code, )+
                    Self::Unassigned(other) => other,
                }
            }

            /// The name of an assigned value; `None` for an unassigned one.
            pub const fn name(self) -> Option<&'static str> {
                match self {
                    $( Self::$variant => Some($text), )+
                    Self::Unassigned(_) => None,
                }
            }

            /// Whether the registry assigns this value.
            pub const fn is_assigned(self) -> bool {
                !matches!(self, Self::Unassigned(_))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.pad(name),
                    None => write!(f, "unassigned-{}", self.code()),
                }
            }
        }
    };
}

registry! {
    /// Message types (RFC 7574, Table 7). 255 is reserved, 14 to 254 are unassigned.
    MessageType {
        /// Opens, answers or closes a channel.
        Handshake = 0 "HANDSHAKE",
        /// A chunk.
        Data = 1 "DATA",
        /// A chunk has come, with its one-way delay.
        Ack = 2 "ACK",
        /// Chunks that the sender has.
        Have = 3 "HAVE",
        /// A hash of the tree.
        Integrity = 4 "INTEGRITY",
        /// The IPv4 address of a peer.
        PexResV4 = 5 "PEX_RESv4",
        /// Asks for addresses of peers.
        PexReq = 6 "PEX_REQ",
        /// A signature of the injector.
        SignedIntegrity = 7 "SIGNED_INTEGRITY",
        /// Chunks that the sender wants.
        Request = 8 "REQUEST",
        /// Chunks that the sender no longer wants.
        Cancel = 9 "CANCEL",
        /// The sender will not serve for now.
        Choke = 10 "CHOKE",
        /// The sender serves again.
        Unchoke = 11 "UNCHOKE",
        /// The IPv6 address of a peer.
        PexResV6 = 12 "PEX_RESv6",
        /// A membership certificate of a peer.
        PexResCert = 13 "PEX_REScert",
    }
}

registry! {
    /// Protocol options of a HANDSHAKE (RFC 7574, Table 2).
    OptionCode {
        /// Highest protocol version that the sender speaks.
        Version = 0 "version",
        /// Lowest protocol version that the sender speaks.
        MinimumVersion = 1 "minimum_version",
        /// The swarm.
        SwarmId = 2 "swarm_id",
        /// How the content is protected.
        ContentIntegrity = 3 "content_integrity",
        /// Hash function of the Merkle tree.
        HashFunction = 4 "hash_function",
        /// Signature algorithm of a live stream.
        SignatureAlgorithm = 5 "signature_algorithm",
        /// How chunks are named.
        ChunkAddressing = 6 "chunk_addressing",
        /// How much of a live stream the sender keeps.
        LiveDiscardWindow = 7 "live_discard_window",
        /// Message types that the sender understands.
        SupportedMessages = 8 "supported_messages",
        /// Size of a chunk.
        ChunkSize = 9 "chunk_size",
        /// Ends the list.
        End = 255 "end",
    }
}

registry! {
    /// Content integrity protection methods (RFC 7574, Table 4).
    ContentIntegrity {
        /// No integrity protection.
        None = 0 "none",
        /// Merkle hash tree, for static content (section 5.1).
        Merkle = 1 "merkle",
        /// Every chunk signed, for live content (section 6.1.1).
        SignAll = 2 "sign-all",
        /// Unified Merkle tree, for live content (section 6.1.2).
        UnifiedMerkle = 3 "unified-merkle",
    }
}

impl ContentIntegrity {
    /// Whether the method is one for live content (RFC 7574, section 7.5).
    pub const fn is_live(self) -> bool {
        matches!(self, Self::SignAll | Self::UnifiedMerkle)
    }

    /// Whether the method uses a Merkle tree.
    pub const fn has_tree(self) -> bool {
        matches!(self, Self::Merkle | Self::UnifiedMerkle)
    }
}

registry! {
    /// Hash functions of the Merkle tree (RFC 7574, Table 5).
    HashFunction {
        /// SHA-1, 20 bytes.
        Sha1 = 0 "sha1",
        /// SHA-224, 28 bytes.
        Sha224 = 1 "sha224",
        /// SHA-256, 32 bytes; the default.
        Sha256 = 2 "sha256",
        /// SHA-384, 48 bytes.
        Sha384 = 3 "sha384",
        /// SHA-512, 64 bytes.
        Sha512 = 4 "sha512",
    }
}

impl HashFunction {
    /// Length of a hash in bytes; `None` for an unassigned function.
    #[inline]
    pub const fn length(self) -> Option<usize> {
        match self {
            Self::Sha1 => Some(20),
            Self::Sha224 => Some(28),
            Self::Sha256 => Some(32),
            Self::Sha384 => Some(48),
            Self::Sha512 => Some(64),
            Self::Unassigned(_) => None,
        }
    }

    /// The function whose hashes have this many bytes.
    pub fn from_length(length: usize) -> Option<Self> {
        Self::ASSIGNED
            .iter()
            .copied()
            .find(|function| function.length() == Some(length))
    }
}

registry! {
    /// Chunk addressing methods (RFC 7574, Table 6).
    ChunkAddressing {
        /// 32-bit bins.
        Bin32 = 0 "bin32",
        /// 64-bit byte ranges.
        Byte64 = 1 "byte64",
        /// 32-bit chunk ranges; the default.
        Chunk32 = 2 "chunk32",
        /// 64-bit bins.
        Bin64 = 3 "bin64",
        /// 64-bit chunk ranges.
        Chunk64 = 4 "chunk64",
    }
}

registry! {
    /// Live signature algorithms: the DNSSEC algorithm numbers that RFC 7574,
    /// section 7.7, makes mandatory.
    SignatureAlgorithm {
        /// RSA with SHA-1 (RFC 4034).
        RsaSha1 = 5 "RSASHA1",
        /// RSA with SHA-256 (RFC 5702).
        RsaSha256 = 8 "RSASHA256",
        /// ECDSA on P-256 with SHA-256 (RFC 6605); the default.
        EcdsaP256Sha256 = 13 "ECDSAP256SHA256",
        /// ECDSA on P-384 with SHA-384 (RFC 6605).
        EcdsaP384Sha384 = 14 "ECDSAP384SHA384",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_octet_survives_every_registry() {
        for code in 0..=255 {
            assert_eq!(MessageType::from_code(code).code(), code);
            assert_eq!(OptionCode::from_code(code).code(), code);
            assert_eq!(ContentIntegrity::from_code(code).code(), code);
            assert_eq!(HashFunction::from_code(code).code(), code);
            assert_eq!(ChunkAddressing::from_code(code).code(), code);
            assert_eq!(SignatureAlgorithm::from_code(code).code(), code);
        }
    }

    #[test]
    fn unassigned_values_are_named_by_their_number() {
        assert_eq!(MessageType::from_code(14).to_string(), "unassigned-14");
        assert_eq!(MessageType::from_code(13).to_string(), "PEX_REScert");
        assert_eq!(HashFunction::from_length(48), Some(HashFunction::Sha384));
        assert_eq!(HashFunction::from_length(33), None);
    }
}
