//! Membership certificates (RFC 7574, sections 8.13 and 12.2.1): an issuer states
//! that a peer at an address is a member of a swarm from some time to another.
//!
//! They are X.509 certificates with one critical Subject Alternative Name, the
//! URL `file://ADDRESS:PORT/SWARM-ID`. The RFC leaves it open who issues them; a
//! tracker may. Here the issuer is a certificate that the user names and trusts:
//! nothing else of a public key infrastructure is asked for.
//!
//! A host that is named by DNS and not by its address is not looked up, and its
//! certificate not used.

mod error;

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use p256::ecdsa::signature::Verifier as _;
use p256::pkcs8::DecodePublicKey as _;
use rsa::PublicKey as RsaKey;
use rsa::traits::PublicKeyParts as _;
use sha2::Sha256;
use x509_cert::Certificate;
use x509_cert::der::oid::{AssociatedOid as _, ObjectIdentifier};
use x509_cert::der::{Decode as _, DecodePem as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, KeyUsage, SubjectAltName};

pub use self::error::{MembershipError, Refusal};
use super::engine::Moment;

/// Bytes of a certificate that fits a datagram with some room.
const MOST_BYTES: usize = 1400;

/// Bits of an RSA key that is worth something, and that costs little.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_WITH_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const RSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");

/// A certificate of our own, to be handed out.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    /// The swarm that it is for.
    pub swarm_id: Vec<u8>,
    /// The address that it names.
    pub address: SocketAddr,
    /// Its bytes, DER.
    pub der: Vec<u8>,
}

impl OwnCertificate {
    /// Reads a certificate in PEM. Who signed it is not asked: receivers will.
    ///
    /// # Errors
    /// When it can't be read, names no address and swarm, or is too large for a
    /// datagram.
    pub fn read(path: &Path) -> Result<Self, MembershipError> {
        let certificate = read(path)?;
        let unusable = |cause| MembershipError::Unusable {
            path: path.to_owned(),
            cause,
        };
        let (address, swarm_id) = member(&certificate).map_err(unusable)?;
        let der = certificate
            .to_der()
            .map_err(|cause| unusable(cause.into()))?;
        if der.len() > MOST_BYTES {
            return Err(MembershipError::TooLarge {
                path: path.to_owned(),
                length: der.len(),
                most: MOST_BYTES,
            });
        }
        Ok(Self {
            swarm_id,
            address,
            der,
        })
    }
}

/// Who is trusted to say who is a member.
#[derive(Clone, Debug)]
pub struct Issuer {
    certificate: Certificate,
    key: Key,
}

/// The issuer's public key.
#[derive(Clone, Debug)]
enum Key {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(Box<rsa::pkcs1v15::VerifyingKey<Sha256>>),
}

impl Issuer {
    /// Reads the issuer's certificate in PEM: its name and its public key count.
    ///
    /// # Errors
    /// When it can't be read, or its key is of a kind or length that is not used.
    pub fn read(path: &Path) -> Result<Self, MembershipError> {
        Self::of(read(path)?).ok_or_else(|| MembershipError::Key {
            path: path.to_owned(),
        })
    }

    fn of(certificate: Certificate) -> Option<Self> {
        let key = certificate.tbs_certificate().subject_public_key_info();
        let key = key.to_der().ok()?;
        let rsa = || {
            let key = RsaKey::from_public_key_der(&key).ok()?;
            let is_usable = RSA_BITS.contains(&key.n().bit_width());
            is_usable.then(|| Key::Rsa(Box::new(rsa::pkcs1v15::VerifyingKey::new(key))))
        };
        let p256 = p256::ecdsa::VerifyingKey::from_public_key_der(&key).ok();
        let p384 = || p384::ecdsa::VerifyingKey::from_public_key_der(&key).ok();
        let key = p256
            .map(Key::P256)
            .or_else(|| p384().map(Key::P384))
            .or_else(rsa)?;
        Some(Self { certificate, key })
    }

    /// The address of a member of a swarm, and until when its certificate says so.
    ///
    /// # Errors
    /// Why the certificate can't be trusted.
    pub fn check(
        &self,
        der: &[u8],
        swarm_id: &[u8],
        now: Moment,
    ) -> Result<(SocketAddr, Moment), Refusal> {
        let certificate = Certificate::from_der(der)?;
        let (address, swarm) = member(&certificate)?;
        if swarm != swarm_id {
            return Err(Refusal::OtherSwarm);
        }
        let statement = certificate.tbs_certificate();
        let ours = self.certificate.tbs_certificate();
        if statement.issuer() != ours.subject() {
            return Err(Refusal::OtherIssuer);
        }
        let now = Duration::from_micros(now.microseconds());
        for validity in [ours.validity(), statement.validity()] {
            if now < validity.not_before.to_unix_duration() {
                return Err(Refusal::NotYetValid);
            }
            if now > validity.not_after.to_unix_duration() {
                return Err(Refusal::Expired);
            }
        }
        self.verify(&certificate)?;
        let until = statement.validity().not_after.to_unix_duration();
        Ok((address, Moment::default() + until))
    }

    fn verify(&self, certificate: &Certificate) -> Result<(), Refusal> {
        let statement = certificate.tbs_certificate().to_der()?;
        let algorithm = certificate.signature_algorithm();
        let signature = certificate.signature().as_bytes().unwrap_or_default();
        // It is named twice, and one of them is signed.
        if algorithm != certificate.tbs_certificate().signature() {
            return Err(Refusal::Signature);
        }
        let is_valid = match (&self.key, algorithm.oid) {
            (Key::P256(key), ECDSA_WITH_SHA256) => {
                let signature = p256::ecdsa::Signature::from_der(signature);
                signature.is_ok_and(|it| key.verify(&statement, &it).is_ok())
            }
            (Key::P384(key), ECDSA_WITH_SHA384) => {
                let signature = p384::ecdsa::Signature::from_der(signature);
                signature.is_ok_and(|it| key.verify(&statement, &it).is_ok())
            }
            (Key::Rsa(key), RSA_WITH_SHA256) => {
                let signature = rsa::pkcs1v15::Signature::try_from(signature);
                signature.is_ok_and(|it| key.verify(&statement, &it).is_ok())
            }
            _ => return Err(Refusal::Algorithm),
        };
        is_valid.then_some(()).ok_or(Refusal::Signature)
    }
}

fn read(path: &Path) -> Result<Certificate, MembershipError> {
    let text = std::fs::read(path).map_err(|cause| MembershipError::Read {
        path: path.to_owned(),
        cause,
    })?;
    Certificate::from_pem(text).map_err(|cause| MembershipError::NoCertificate {
        path: path.to_owned(),
        cause,
    })
}

/// The address and the swarm ID that a certificate names.
fn member(certificate: &Certificate) -> Result<(SocketAddr, Vec<u8>), Refusal> {
    let statement = certificate.tbs_certificate();
    let known = [SubjectAltName::OID, BasicConstraints::OID, KeyUsage::OID];
    let extensions = statement.extensions().into_iter().flatten();
    // Who does not understand a critical extension must not use the certificate
    // (RFC 5280, section 4.2).
    if extensions
        .filter(|it| it.critical)
        .any(|it| !known.contains(&it.extn_id))
    {
        return Err(Refusal::UnknownExtension);
    }
    let (is_critical, names) = statement
        .get_extension::<SubjectAltName>()?
        .ok_or(Refusal::NoName)?;
    if !is_critical {
        return Err(Refusal::NotCritical);
    }
    let [GeneralName::UniformResourceIdentifier(url)] = &names.0[..] else {
        return Err(Refusal::NoName);
    };
    parse_url(url.as_str())
}

/// The address and the swarm ID of `file://ADDRESS:PORT/SWARM-ID`.
fn parse_url(url: &str) -> Result<(SocketAddr, Vec<u8>), Refusal> {
    let is_scheme = |scheme: &&str| scheme.eq_ignore_ascii_case("file://");
    let scheme = url.get(..7).filter(is_scheme);
    let rest = scheme.and_then(|scheme| url.get(scheme.len()..));
    let (authority, path) = rest
        .and_then(|rest| rest.split_once('/'))
        .ok_or(Refusal::Url)?;
    let address: SocketAddr = authority.parse().map_err(|_| Refusal::Host)?;
    let (pairs, odd) = path.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let bytes = pairs
        .iter()
        .map(|&[high, low]| Some((digit(high)? * 16 + digit(low)?) as u8));
    let id: Option<Vec<u8>> = bytes.collect();
    let id = id.filter(|id| odd.is_empty() && !id.is_empty());
    Ok((address, id.ok_or(Refusal::Url)?))
}
