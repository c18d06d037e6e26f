//! Keys of live injectors: one for each algorithm that RFC 7574, section 6.1,
//! makes mandatory.

use ppspp_dissector::wire::{HashFunction, SignatureAlgorithm};
use rsa::BoxedUint;
use rsa::pkcs1v15;
use rsa::signature::{SignatureEncoding, Signer};
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use sha2::Sha256;

use super::tree::digest;

/// The public exponent of every RSA key here.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// Primes of an RSA key with 1024 bits, made for the samples: it guards nothing.
const PRIMES_1024: [&str; 2] = [
    "ebcd53ae233f2335090d88454b5fb149ac4c248d47252cc00b0cde2d8ad79a75\
     a142250aa0435c5acbae341b147208b4520f246f077d088b31a47916a7222e79",
    "ea2bf346651dd5e07290142b7858607b7954a8c4266b90a669d49d7d2b77f1ad\
     e9c83981a94745e29bcc6d1bd8dd72408a2bed52be2e2690ac2c4e1360e47b73",
];

/// Primes of an RSA key with 2048 bits, made for the samples: it guards nothing.
const PRIMES_2048: [&str; 2] = [
    "ec93cdb4166fec9150e3c0906da609fc7c1caec6dbee9f6900c5110a9579700f\
     af03106fa9c795939c9bbfbf799d2d7f2eaef3c510e571f123fae1c3df387781\
     4a876e771744e72c756d74ced859e84fdc31760082f17c64fcb3c82a6ed350c1\
     fa883c90fbc27e6880f39fd2ad947d114b5e22765ac55fb49757fd6090672053",
    "cfdde9c6d2b7d2a3ae1a1ae7fd718822982e2dd2122dde9b2adfe5f0080529fe\
     90109dd8d9b01992b93cfe6829f635858dfc251018ac1d8ec7308f5d84b099de\
     aba1673dec6e55deda9af4f677b7fe021f0ccd54c65200a948cb7babf5813ae5\
     257d90d21cdbf887c3f971f841df35bb0c30826286db67de0bf798522b9a9187",
];

/// What an injector signs with.
pub(crate) enum Key {
    /// RSA with SHA-1 (RFC 4034).
    RsaSha1(pkcs1v15::SigningKey<Sha1>),
    /// RSA with SHA-256 (RFC 5702).
    RsaSha256(pkcs1v15::SigningKey<Sha256>),
    /// ECDSA on P-256 with SHA-256 (RFC 6605).
    P256(p256::ecdsa::SigningKey),
    /// ECDSA on P-384 with SHA-384 (RFC 6605).
    P384(p384::ecdsa::SigningKey),
}

impl Key {
    /// The RSA key with 1024 bits, for SHA-1.
    pub(crate) fn rsa_sha1() -> Self {
        Self::RsaSha1(pkcs1v15::SigningKey::new(rsa_key(&PRIMES_1024)))
    }

    /// The RSA key with 2048 bits, for SHA-256.
    pub(crate) fn rsa_sha256() -> Self {
        Self::RsaSha256(pkcs1v15::SigningKey::new(rsa_key(&PRIMES_2048)))
    }

    /// A key on P-256 that follows from `seed`.
    pub(crate) fn p256(seed: u64) -> Self {
        Self::P256(p256_key(seed))
    }

    /// A key on P-384 that follows from `seed`.
    ///
    /// # Panics
    /// When the seed makes no key, which one in 2^190 does not.
    pub(crate) fn p384(seed: u64) -> Self {
        let secret = secret(HashFunction::Sha384, seed);
        Self::P384(
            p384::ecdsa::SigningKey::from_slice(&secret).expect("a key below the group's order"),
        )
    }

    /// The number that DNSSEC gave the algorithm (section 7.7).
    pub(crate) fn algorithm(&self) -> SignatureAlgorithm {
        match self {
            Self::RsaSha1(_) => SignatureAlgorithm::RsaSha1,
            Self::RsaSha256(_) => SignatureAlgorithm::RsaSha256,
            Self::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Self::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }

    /// The swarm ID: the algorithm's octet and the public key as in a DNSKEY
    /// record (section 6.1).
    pub(crate) fn swarm_id(&self) -> Vec<u8> {
        let mut id = vec![self.algorithm().code()];
        match self {
            Self::RsaSha1(key) => push_rsa(key.as_ref(), &mut id),
            Self::RsaSha256(key) => push_rsa(key.as_ref(), &mut id),
            // RFC 6605: the point without the octet that says "uncompressed".
            Self::P256(key) => {
                id.extend_from_slice(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
            }
            Self::P384(key) => {
                id.extend_from_slice(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
            }
        }
        id
    }

    /// Bytes of a signature in DNSSEC's form (section 8.9).
    pub(crate) fn signature_length(&self) -> usize {
        match self {
            Self::RsaSha1(key) => key.as_ref().size(),
            Self::RsaSha256(key) => key.as_ref().size(),
            Self::P256(_) => 64,
            Self::P384(_) => 96,
        }
    }

    /// The signature over `plaintext` in DNSSEC's form. It is the same in
    /// every run: PKCS #1 v1.5 takes no random number and ECDSA here makes its
    /// own from key and plaintext (RFC 6979).
    pub(crate) fn sign(&self, plaintext: &[u8]) -> Vec<u8> {
        match self {
            Self::RsaSha1(key) => key.sign(plaintext).to_vec(),
            Self::RsaSha256(key) => key.sign(plaintext).to_vec(),
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(plaintext);
                signature.to_bytes().to_vec()
            }
            Self::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(plaintext);
                signature.to_bytes().to_vec()
            }
        }
    }
}

/// The key on P-256 that follows from `seed`.
///
/// # Panics
/// When the seed makes no key, which one in 2^32 does not.
pub(crate) fn p256_key(seed: u64) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&secret(HashFunction::Sha256, seed))
        .expect("a key below the group's order")
}

fn secret(function: HashFunction, seed: u64) -> Vec<u8> {
    digest(
        function,
        &[b"ppsp-inspect sample captures", &seed.to_be_bytes()],
    )
}

/// The RSA key of two primes in hex.
fn rsa_key(primes: &[&str; 2]) -> rsa::PrivateKey {
    let [p, q] = primes.map(|prime| {
        BoxedUint::from_be_hex(prime, 4 * prime.len() as u32).expect("hex of this length")
    });
    let exponent = BoxedUint::from_be_slice_vartime(&EXPONENT);
    rsa::PrivateKey::from_p_q(p, q, exponent).expect("two primes")
}

/// Appends a public key as RFC 3110 has it: the exponent's length in one
/// octet, the exponent, the modulus.
fn push_rsa(key: &rsa::PrivateKey, out: &mut Vec<u8>) {
    out.push(EXPONENT.len() as u8);
    out.extend_from_slice(&EXPONENT);
    out.extend_from_slice(&key.n().to_be_bytes());
}
