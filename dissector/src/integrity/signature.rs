//! Keys that live swarms are named by, and their signatures.

use std::fmt;
use std::ops::RangeInclusive;

use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::BoxedUint;
use rsa::traits::PublicKeyParts;
use sha1::Sha1;
use sha2::digest::{Digest, Output};
use sha2::{Sha256, Sha384};

use crate::wire::SignatureAlgorithm;

/// Bits of an RSA modulus: RFC 5702, section 2.1, for both hashes. Small keys have
/// to do, as libswift's have 1024 bits.
const MODULUS_BITS: RangeInclusive<usize> = 512..=4096;

/// The key that the ID of a live swarm is (RFC 7574, section 6.1): an octet for
/// the algorithm, then the key as DNSSEC writes it, by RFC 3110, section 2, for
/// RSA and by RFC 6605, section 4, for ECDSA.
#[derive(Clone, Debug)]
pub struct PublicKey(Key);

impl PublicKey {
    /// Reads a swarm ID.
    ///
    /// # Errors
    ///
    /// When the ID is no key, or one that costs too much to use: RSA moduli have
    /// 512 to 4096 bits, and exponents at most 33.
    pub fn from_swarm_id(swarm_id: &[u8]) -> Result<Self, KeyError> {
        let (&code, key) = swarm_id.split_first().ok_or(KeyError::Empty)?;
        let key = match SignatureAlgorithm::from_code(code) {
            SignatureAlgorithm::RsaSha1 => Key::RsaSha1(rsa_key(key)?),
            SignatureAlgorithm::RsaSha256 => Key::RsaSha256(rsa_key(key)?),
            SignatureAlgorithm::EcdsaP256Sha256 => Key::P256(
                p256::ecdsa::VerifyingKey::from_sec1_bytes(&sec1::<64, 65>(key)?)
                    .map_err(|_| KeyError::NotOnCurve)?,
            ),
            SignatureAlgorithm::EcdsaP384Sha384 => Key::P384(
                p384::ecdsa::VerifyingKey::from_sec1_bytes(&sec1::<96, 97>(key)?)
                    .map_err(|_| KeyError::NotOnCurve)?,
            ),
            SignatureAlgorithm::Unassigned(code) => {
                return Err(KeyError::UnassignedAlgorithm(code));
            }
        };
        Ok(Self(key))
    }

    /// The algorithm that the first octet names.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            Key::RsaSha1(_) => SignatureAlgorithm::RsaSha1,
            Key::RsaSha256(_) => SignatureAlgorithm::RsaSha256,
            Key::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Key::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
        }
    }

    /// Bytes of every signature by this key: as many as the modulus has, or r
    /// and s of ECDSA (RFC 6605, section 4).
    pub fn signature_length(&self) -> usize {
        match &self.0 {
            Key::RsaSha1(key) | Key::RsaSha256(key) => key.size(),
            Key::P256(_) => 64,
            Key::P384(_) => 96,
        }
    }

    /// Whether `signature` is this key's over the parts of `message`, one after
    /// the other (RFC 7574, section 7.7): by PKCS #1 v1.5 for RSA (RFC 5702,
    /// section 3), r and s for ECDSA (RFC 6605, section 4).
    pub fn verifies(&self, message: &[&[u8]], signature: &[u8]) -> bool {
        match &self.0 {
            Key::RsaSha1(key) => key
                .pkcs1v15_verify_prehash::<Sha1>(&digest::<Sha1>(message), signature)
                .is_ok(),
            Key::RsaSha256(key) => key
                .pkcs1v15_verify_prehash::<Sha256>(&digest::<Sha256>(message), signature)
                .is_ok(),
            Key::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_prehash(&digest::<Sha256>(message), &it).is_ok()),
            Key::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|it| key.verify_prehash(&digest::<Sha384>(message), &it).is_ok()),
        }
    }
}

/// Why a swarm ID is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// No bytes at all.
    Empty,
    /// An algorithm that RFC 7574, section 7.7, does not make mandatory.
    UnassignedAlgorithm(u8),
    /// An ECDSA key that is not as long as the curve's points.
    PointLength {
        /// Bytes of x and y.
        wanted: usize,
        /// Bytes that there are.
        found: usize,
    },
    /// An ECDSA key whose x and y are no point of the curve.
    NotOnCurve,
    /// An RSA key that ends before its exponent does, or has none.
    ExponentMissing,
    /// An RSA exponent that is even, less than 3, or longer than 33 bits. RFC 3110
    /// allows 4096; such a key would make every signature slow to check.
    ExponentUnusable,
    /// An RSA exponent or modulus that begins with a zero octet, which RFC 3110,
    /// section 2, prohibits.
    LeadingZero,
    /// An RSA modulus of fewer bits than 512 or more than 4096.
    ModulusSize {
        /// Bits that there are.
        bits: usize,
    },
    /// An RSA modulus that is even, as no product of two large primes is.
    ModulusEven,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("expected a key, found no bytes"),
            Self::UnassignedAlgorithm(code) => write!(
                f,
                "expected a signature algorithm of section 7.7 (5, 8, 13, 14), found {code}"
            ),
            Self::PointLength { wanted, found } => {
                write!(f, "expected a point of {wanted} bytes, found {found}")
            }
            Self::NotOnCurve => f.write_str("the point is not on the curve"),
            Self::ExponentMissing => f.write_str("the key ends before its exponent does"),
            Self::ExponentUnusable => {
                f.write_str("expected an odd exponent from 3 up to 33 bits, found another")
            }
            Self::LeadingZero => f.write_str("the exponent or the modulus begins with a zero"),
            Self::ModulusSize { bits } => write!(
                f,
                "expected a modulus of {} to {} bits, found {bits}",
                MODULUS_BITS.start(),
                MODULUS_BITS.end()
            ),
            Self::ModulusEven => f.write_str("expected an odd modulus, found an even one"),
        }
    }
}

impl std::error::Error for KeyError {}

#[derive(Clone, Debug)]
enum Key {
    RsaSha1(rsa::PublicKey),
    RsaSha256(rsa::PublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

/// An RSA key by RFC 3110, section 2: the exponent's length as an octet, or as
/// zero and two octets; exponent; modulus.
fn rsa_key(key: &[u8]) -> Result<rsa::PublicKey, KeyError> {
    let (length, rest) = match key {
        [0, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        [0, ..] | [] => return Err(KeyError::ExponentMissing),
        [length, rest @ ..] => (usize::from(*length), rest),
    };
    let (exponent, modulus) = rest
        .split_at_checked(length)
        .filter(|(exponent, _)| !exponent.is_empty())
        .ok_or(KeyError::ExponentMissing)?;
    if exponent.starts_with(&[0]) || modulus.starts_with(&[0]) {
        return Err(KeyError::LeadingZero);
    }
    // Before any arithmetic: what that costs grows with the square of the length.
    let bits = modulus.first().map_or(0, |first| {
        8 * modulus.len() - first.leading_zeros() as usize
    });
    if !MODULUS_BITS.contains(&bits) {
        return Err(KeyError::ModulusSize { bits });
    }
    let exponent =
        BoxedUint::from_be_slice(exponent, u64::BITS).map_err(|_| KeyError::ExponentUnusable)?;
    let modulus = BoxedUint::from_be_slice_vartime(modulus);
    rsa::PublicKey::new_with_size_limits(modulus, exponent, MODULUS_BITS).map_err(|error| {
        match error {
            rsa::Error::InvalidModulus => KeyError::ModulusEven,
            _ => KeyError::ExponentUnusable,
        }
    })
}

/// The point of x and y as SEC 1 writes it: with the octet for "uncompressed",
/// which DNSSEC leaves out.
fn sec1<const POINT: usize, const ENCODED: usize>(key: &[u8]) -> Result<[u8; ENCODED], KeyError> {
    let point: &[u8; POINT] = key.try_into().map_err(|_| KeyError::PointLength {
        wanted: POINT,
        found: key.len(),
    })?;
    let mut encoded = [0; ENCODED];
    encoded[0] = 4;
    encoded[1..].copy_from_slice(point);
    Ok(encoded)
}

fn digest<D: Digest>(message: &[&[u8]]) -> Output<D> {
    let mut digest = D::new();
    for part in message {
        digest.update(part);
    }
    digest.finalize()
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
