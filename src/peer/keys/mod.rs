//! Private keys of live swarms: what an injector signs with (RFC 7574,
//! section 6.1), made, written and read.
//!
//! The dissector's [`PublicKey`] is the other half: it reads the swarm IDs that
//! come from here, and verifies the signatures.

mod error;
mod file;
mod pem;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::RangeInclusive;

use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::SignatureAlgorithm;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use rsa::pkcs1v15;
use rsa::signature::{MultipartSigner, RandomizedMultipartSigner, SignatureEncoding as _};
use rsa::traits::PublicKeyParts as _;
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

pub use error::{KeyError, KeyFileError};
pub use file::{read_key_file, write_key_file};

/// Bits of the RSA keys that are made and read. Less is what nobody should sign
/// with, though libswift's default is 1024; more is what RFC 5702, section 2.1, forbids.
pub const RSA_BITS: RangeInclusive<usize> = 1024..=4096;

/// Bits of an RSA key unless told.
pub const DEFAULT_RSA_BITS: usize = 2048;

/// Bits of an RSA key from which on it counts as strong (NIST SP 800-131A).
const STRONG_RSA_BITS: usize = 2048;

/// The private key of a live swarm, by one of the four algorithms that RFC 7574,
/// section 7.7, makes mandatory. Its secrets are overwritten when it is dropped,
/// and never shown by `Debug`.
#[derive(Clone)]
pub struct SigningKey(Key);

#[derive(Clone)]
enum Key {
    RsaSha1(pkcs1v15::SigningKey<Sha1>),
    RsaSha256(pkcs1v15::SigningKey<Sha256>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
}

impl SigningKey {
    /// Makes a key from the operating system's random numbers. `bits` is for RSA
    /// only, where [`DEFAULT_RSA_BITS`] stand in for `None`.
    ///
    /// # Errors
    /// When `algorithm` is unassigned, `bits` are not for it or beyond
    /// [`RSA_BITS`], or the operating system gives no random numbers.
    pub fn generate(algorithm: SignatureAlgorithm, bits: Option<usize>) -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Randomness)?;
        Self::generate_from_seed(algorithm, bits, &seed)
    }

    /// Makes the key that follows from `seed`: for simulations and tests. Who
    /// knows the seed has the key.
    ///
    /// ECDSA keys stay the same for good. RSA keys stay the same as long as the
    /// search for primes in the crates used does.
    ///
    /// # Errors
    /// As [`Self::generate`].
    pub fn generate_from_seed(
        algorithm: SignatureAlgorithm,
        bits: Option<usize>,
        seed: &[u8; 32],
    ) -> Result<Self, KeyError> {
        let mut random = ChaCha20Rng::from_seed(*seed);
        // Keys for different algorithms have nothing in common.
        random.set_stream(algorithm.code().into());
        let key = match algorithm {
            SignatureAlgorithm::RsaSha1 => {
                Key::RsaSha1(pkcs1v15::SigningKey::new(rsa_key(&mut random, bits)?))
            }
            SignatureAlgorithm::RsaSha256 => {
                Key::RsaSha256(pkcs1v15::SigningKey::new(rsa_key(&mut random, bits)?))
            }
            SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::EcdsaP384Sha384
                if bits.is_some() =>
            {
                return Err(KeyError::BitsWithoutRsa(algorithm));
            }
            SignatureAlgorithm::EcdsaP256Sha256 => Key::P256(curve_key::<32, _>(
                &mut random,
                p256::ecdsa::SigningKey::from_slice,
            )),
            SignatureAlgorithm::EcdsaP384Sha384 => Key::P384(curve_key::<48, _>(
                &mut random,
                p384::ecdsa::SigningKey::from_slice,
            )),
            SignatureAlgorithm::Unassigned(code) => {
                return Err(KeyError::UnassignedAlgorithm(code));
            }
        };
        Ok(Self(key))
    }

    /// An RSA key that signs by `algorithm`.
    ///
    /// # Errors
    /// When `algorithm` is none of RSA.
    fn from_rsa(key: rsa::PrivateKey, algorithm: SignatureAlgorithm) -> Result<Self, KeyError> {
        match algorithm {
            SignatureAlgorithm::RsaSha1 => Ok(Self(Key::RsaSha1(pkcs1v15::SigningKey::new(key)))),
            SignatureAlgorithm::RsaSha256 => {
                Ok(Self(Key::RsaSha256(pkcs1v15::SigningKey::new(key))))
            }
            wanted => Err(KeyError::OtherAlgorithm {
                wanted,
                found: "RSA",
            }),
        }
    }

    /// The algorithm, as the Live Signature Algorithm option (RFC 7574, section
    /// 7.7) and the first octet of the swarm ID name it.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            Key::RsaSha1(_) => SignatureAlgorithm::RsaSha1,
            Key::RsaSha256(_) => SignatureAlgorithm::RsaSha256,
            Key::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Key::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }

    /// Bits of the modulus of RSA, or of the curve of ECDSA.
    pub fn bits(&self) -> usize {
        match &self.0 {
            Key::RsaSha1(key) => modulus_bits(key.as_ref()),
            Key::RsaSha256(key) => modulus_bits(key.as_ref()),
            Key::P256(_) => 256,
            Key::P384(_) => 384,
        }
    }

    /// Bytes of every signature: as many as the modulus has, or r and s of ECDSA
    /// (RFC 7574, section 8.9).
    pub fn signature_length(&self) -> usize {
        match &self.0 {
            Key::RsaSha1(_) | Key::RsaSha256(_) => self.bits().div_ceil(8),
            Key::P256(_) => 64,
            Key::P384(_) => 96,
        }
    }

    /// The ID of the swarm that this key signs for: an octet for the algorithm,
    /// then the public key as in a DNSKEY record without Base64 (RFC 7574,
    /// section 6.1).
    pub fn swarm_id(&self) -> Vec<u8> {
        let mut id = vec![self.algorithm().code()];
        match &self.0 {
            Key::RsaSha1(key) => push_rsa(key.as_ref(), &mut id),
            Key::RsaSha256(key) => push_rsa(key.as_ref(), &mut id),
            // RFC 6605, section 4: without the octet that says "uncompressed".
            Key::P256(key) => {
                id.extend_from_slice(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
            }
            Key::P384(key) => {
                id.extend_from_slice(&key.verifying_key().to_sec1_point(false).as_bytes()[1..]);
            }
        }
        id
    }

    /// The public half.
    ///
    /// # Errors
    /// Never for a key that was made here or read: reading looks, and refuses
    /// what the dissector would.
    pub fn public_key(&self) -> Result<PublicKey, ppspp_dissector::integrity::KeyError> {
        PublicKey::from_swarm_id(&self.swarm_id())
    }

    /// The signature over the parts, one after the other, as an RRSIG record has
    /// it without Base64 (RFC 7574, section 8.9): by PKCS #1 v1.5 for RSA (RFC
    /// 5702, section 3), r and s for ECDSA (RFC 6605, section 4).
    ///
    /// The same parts always give the same signature: PKCS #1 v1.5 takes no random
    /// number, and ECDSA makes its own from key and message (RFC 6979).
    ///
    /// # Panics
    /// When the machine miscalculates: reading a key proves it able to sign.
    pub fn sign(&self, parts: &[&[u8]]) -> Vec<u8> {
        let signed = match &self.0 {
            Key::RsaSha1(key) => key
                .try_multipart_sign_with_rng(&mut blinding(), parts)
                .map(|signature| signature.to_vec()),
            Key::RsaSha256(key) => key
                .try_multipart_sign_with_rng(&mut blinding(), parts)
                .map(|signature| signature.to_vec()),
            Key::P256(key) => key
                .try_multipart_sign(parts)
                .map(|signature: p256::ecdsa::Signature| signature.to_vec()),
            Key::P384(key) => key
                .try_multipart_sign(parts)
                .map(|signature: p384::ecdsa::Signature| signature.to_vec()),
        };
        signed.expect("the numbers of a key that was proven fit together")
    }

    /// Why nobody should sign with this key where there is a choice, if so. Weak keys
    /// are there for what signs so already: libswift's RSA keys have SHA-1 and 1024
    /// bits.
    pub fn weakness(&self) -> Option<String> {
        let rsa = matches!(self.0, Key::RsaSha1(_) | Key::RsaSha256(_));
        let short = rsa && self.bits() < STRONG_RSA_BITS;
        let sha1 = matches!(self.0, Key::RsaSha1(_));
        let reasons = match (short, sha1) {
            (false, false) => return None,
            (true, false) => "its modulus is short enough to be factored",
            (false, true) => "two messages with one SHA-1 digest can be made",
            (true, true) => {
                "its modulus is short enough to be factored, \
                 and two messages with one SHA-1 digest can be made"
            }
        };
        Some(format!(
            "{} with {} bits is weak: {reasons}; \
             ECDSAP256SHA256, which every peer has to know, is not",
            self.algorithm(),
            self.bits()
        ))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {} bits)", self.algorithm(), self.bits())
    }
}

/// An RSA key of random primes.
fn rsa_key(random: &mut ChaCha20Rng, bits: Option<usize>) -> Result<rsa::PrivateKey, KeyError> {
    let bits = bits.unwrap_or(DEFAULT_RSA_BITS);
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::ModulusSize { bits });
    }
    loop {
        // It fails where both primes are the same, which they never are.
        if let Ok(key) = rsa::PrivateKey::new(random, bits) {
            return Ok(key);
        }
    }
}

/// A random number below the order of a curve's group: those that are not are
/// drawn again, as reducing them would make some keys likelier than others.
fn curve_key<const LENGTH: usize, K>(
    random: &mut ChaCha20Rng,
    key: impl Fn(&[u8]) -> Result<K, p256::ecdsa::Error>,
) -> K {
    let mut secret = Zeroizing::new([0; LENGTH]);
    loop {
        random.fill_bytes(secret.as_mut_slice());
        if let Ok(key) = key(secret.as_slice()) {
            return key;
        }
    }
}

/// Random numbers that hide from those who measure how long RSA takes what it
/// calculates with. They leave no trace in the signature.
fn blinding() -> ChaCha20Rng {
    let mut seed = Zeroizing::new([0; 32]);
    // Without random numbers nothing is hidden, but a live stream goes on.
    let _ = getrandom::fill(seed.as_mut_slice());
    ChaCha20Rng::from_seed(*seed)
}

fn modulus_bits(key: &rsa::PrivateKey) -> usize {
    key.n().bit_width_vartime() as usize
}

/// Appends a public key as RFC 3110, section 2, has it: the exponent's length in
/// an octet, the exponent, the modulus; neither begins with zeros.
fn push_rsa(key: &rsa::PrivateKey, out: &mut Vec<u8>) {
    let exponent = key.e().to_be_bytes();
    let exponent = without_zeros(&exponent);
    // At most 33 bits: the crate takes no larger exponent.
    out.push(exponent.len() as u8);
    out.extend_from_slice(exponent);
    out.extend_from_slice(without_zeros(&key.n().to_be_bytes()));
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}
