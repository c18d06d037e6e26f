//! Private keys as text: PKCS #8, and what OpenSSL wrote before it and partly still
//! writes. libswift's keys are either.

use crypto_primes::{Flavor, is_prime};
use ppspp_dissector::wire::SignatureAlgorithm;
use rsa::pkcs1::RsaPrivateKeyRef;
use rsa::pkcs8::der::{Decode as _, SecretDocument};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding, ObjectIdentifier, PrivateKeyInfoRef};
use rsa::traits::PrivateKeyParts as _;
use zeroize::Zeroizing;

use super::{Key, KeyError, RSA_BITS, SigningKey, modulus_bits, without_zeros};

/// What begins a block.
const BEGIN: &str = "-----BEGIN ";
/// What ends the line that begins or ends a block.
const DASHES: &str = "-----";

/// Characters of a block's label that errors show.
const LABEL: usize = 40;

/// What stands above an RSA key that was written here: PEM has no place for the
/// hash it signs with, and what is above a block is for comments (RFC 7468,
/// section 5.2). The form is that of BIND's key files.
const NOTE: &str = "Algorithm: ";

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// `id-ecPublicKey` (RFC 5480, section 2.1.1).
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// `secp256r1` and `secp384r1` (RFC 5480, section 2.1.1.1).
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

impl SigningKey {
    /// The key as PKCS #8 in PEM (RFC 5958, RFC 7468, section 10). Above an RSA key
    /// a line tells the algorithm, which [`Self::from_pem`] and no other program
    /// needs.
    ///
    /// # Errors
    /// When the key can't be written as PKCS #8, which any key from here can.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let pem = match &self.0 {
            Key::RsaSha1(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::RsaSha256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::P256(key) => key.to_pkcs8_pem(LineEnding::LF),
            Key::P384(key) => key.to_pkcs8_pem(LineEnding::LF),
        };
        let pem = pem.map_err(|_| KeyError::Damaged("key"))?;
        if !matches!(self.0, Key::RsaSha1(_) | Key::RsaSha256(_)) {
            return Ok(pem);
        }
        let algorithm = self.algorithm();
        let note = format!("{NOTE}{} ({algorithm})\n", algorithm.code());
        // In one allocation: one that grows leaves a copy of the key behind.
        let mut text = Zeroizing::new(String::with_capacity(note.len() + pem.len()));
        text.push_str(&note);
        text.push_str(&pem);
        Ok(text)
    }

    /// Reads the first private key of a text in PEM: PKCS #8, or OpenSSL's
    /// traditional formats, PKCS #1 ("RSA PRIVATE KEY") and SEC 1 ("EC PRIVATE
    /// KEY").
    ///
    /// An RSA key of other programs does not tell the hash that it signs with;
    /// `algorithm` has to. What `algorithm` tells counts more than what stands
    /// above a key that was written here.
    ///
    /// # Errors
    /// When there is no such key, it is encrypted, damaged or unusable, or not for
    /// `algorithm`.
    pub fn from_pem(text: &str, algorithm: Option<SignatureAlgorithm>) -> Result<Self, KeyError> {
        let block = Block::private_key(text)?;
        let algorithm = algorithm.or(block.noted);
        let key = match block.label {
            "PRIVATE KEY" => pkcs8(block.der()?.as_bytes(), algorithm)?,
            "RSA PRIVATE KEY" => rsa(block.der()?.as_bytes(), algorithm)?,
            "EC PRIVATE KEY" => sec1(block.der()?.as_bytes())?,
            other => return Err(KeyError::Format(other.chars().take(LABEL).collect())),
        };
        if let Some(wanted) = algorithm
            && wanted != key.algorithm()
        {
            return Err(KeyError::OtherAlgorithm {
                wanted,
                found: match key.0 {
                    Key::RsaSha1(_) | Key::RsaSha256(_) => "RSA",
                    Key::P256(_) => "ECDSAP256SHA256",
                    Key::P384(_) => "ECDSAP384SHA384",
                },
            });
        }
        Ok(key)
    }
}

/// A PEM block.
struct Block<'a> {
    label: &'a str,
    /// From its first line to its last one.
    text: &'a str,
    /// The algorithm that stands above it.
    noted: Option<SignatureAlgorithm>,
}

impl<'a> Block<'a> {
    /// The first block that is labelled a private key. OpenSSL puts the curve's
    /// name into one of its own before it.
    fn private_key(text: &'a str) -> Result<Self, KeyError> {
        let mut other = None;
        let mut at = 0;
        while let Some(begin) = text[at..].find(BEGIN).map(|found| at + found) {
            let rest = &text[begin + BEGIN.len()..];
            let Some((label, _)) = rest.split_once(DASHES) else {
                break;
            };
            if label.ends_with("PRIVATE KEY") {
                return Self::from_first_line(text, begin, label);
            }
            other.get_or_insert(label);
            at = begin + BEGIN.len();
        }
        Err(other.map_or(KeyError::NotPem, |label| {
            KeyError::NotPrivate(label.chars().take(LABEL).collect())
        }))
    }

    fn der(&self) -> Result<SecretDocument, KeyError> {
        SecretDocument::from_pem(self.text)
            .map(|(_, der)| der)
            .map_err(|_| KeyError::Damaged("PEM"))
    }

    fn from_first_line(text: &'a str, begin: usize, label: &'a str) -> Result<Self, KeyError> {
        let end = format!("-----END {label}-----");
        let end = text[begin..]
            .find(&end)
            .map(|found| begin + found + end.len())
            .ok_or(KeyError::Damaged("PEM"))?;
        let block = &text[begin..end];
        // PKCS #8 has a label for it; OpenSSL's older formats, a header (RFC 1421).
        if label == "ENCRYPTED PRIVATE KEY" || block.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(KeyError::Encrypted);
        }
        Ok(Self {
            label,
            text: block,
            noted: text[..begin].lines().find_map(noted_algorithm),
        })
    }
}

fn noted_algorithm(line: &str) -> Option<SignatureAlgorithm> {
    let code = line.strip_prefix(NOTE)?.split_whitespace().next()?;
    Some(SignatureAlgorithm::from_code(code.parse().ok()?))
        .filter(|algorithm| SignatureAlgorithm::ASSIGNED.contains(algorithm))
}

fn pkcs8(der: &[u8], algorithm: Option<SignatureAlgorithm>) -> Result<SigningKey, KeyError> {
    let damaged = KeyError::Damaged("PKCS #8 key");
    let info = PrivateKeyInfoRef::from_der(der).map_err(|_| damaged.clone())?;
    let curve = info.algorithm.parameters_oid().ok();
    match (info.algorithm.oid, curve) {
        (RSA, _) => rsa(info.private_key.as_bytes(), algorithm),
        (EC, Some(P256)) => p256::SecretKey::try_from(info)
            .map(|key| SigningKey(Key::P256(key.into())))
            .map_err(|_| damaged),
        (EC, Some(P384)) => p384::SecretKey::try_from(info)
            .map(|key| SigningKey(Key::P384(key.into())))
            .map_err(|_| damaged),
        _ => Err(KeyError::Kind),
    }
}

fn sec1(der: &[u8]) -> Result<SigningKey, KeyError> {
    // The curve may be named, or follow from the length: each refuses the other's.
    let p256 = || p256::SecretKey::from_sec1_der(der).map(|key| Key::P256(key.into()));
    let p384 = || p384::SecretKey::from_sec1_der(der).map(|key| Key::P384(key.into()));
    p256()
        .or_else(|_| p384())
        .map(SigningKey)
        .map_err(|_| KeyError::Sec1)
}

fn rsa(der: &[u8], algorithm: Option<SignatureAlgorithm>) -> Result<SigningKey, KeyError> {
    let damaged = KeyError::Damaged("RSA key");
    let parts = RsaPrivateKeyRef::try_from(der).map_err(|_| damaged.clone())?;
    // Before any arithmetic: what that costs grows with the size.
    let modulus = without_zeros(parts.modulus.as_bytes());
    let bits = modulus.first().map_or(0, |first| {
        8 * modulus.len() - first.leading_zeros() as usize
    });
    if !RSA_BITS.contains(&bits) {
        return Err(KeyError::ModulusSize { bits });
    }
    let key = rsa::PrivateKey::try_from(parts).map_err(|_| damaged.clone())?;
    // The crate trusts that they are. With others not every signature succeeds.
    if !key
        .primes()
        .iter()
        .all(|prime| is_prime(Flavor::Any, prime.as_ref()))
    {
        return Err(damaged);
    }
    debug_assert_eq!(modulus_bits(&key), bits);
    let key = SigningKey::from_rsa(key, algorithm.ok_or(KeyError::HashUnknown)?)?;
    // Such as an exponent that peers would refuse.
    key.public_key().map_err(|_| damaged)?;
    Ok(key)
}
