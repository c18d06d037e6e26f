//! Certificates of issuers and members, made for tests.
#![allow(dead_code, unreachable_pub)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use p256::ecdsa::signature::{Keypair, Signer};
use p256::pkcs8::EncodePublicKey;
use p256::pkcs8::spki::{
    DynSignatureAlgorithmIdentifier, SignatureBitStringEncoding, SubjectPublicKeyInfoRef,
};
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder as _, CertificateBuilder, Result};
use x509_cert::certificate::TbsCertificate;
use x509_cert::der::asn1::{Ia5String, OctetString, UtcTime};
use x509_cert::der::oid::{AssociatedOid as _, ObjectIdentifier};
use x509_cert::der::{Decode as _, Encode as _, EncodePem as _, pem::LineEnding};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::SubjectPublicKeyInfo;
use x509_cert::time::{Time, Validity};

/// What a certificate shall state.
#[derive(Clone, Debug)]
pub struct Statement {
    pub issuer: &'static str,
    pub subject: &'static str,
    /// The URLs of the Subject Alternative Name; where there is none, it has none.
    pub urls: Vec<String>,
    pub is_critical: bool,
    /// A critical extension that nobody knows.
    pub has_unknown: bool,
    /// From when to when, in seconds since 1970.
    pub validity: (u64, u64),
}

impl Statement {
    /// An issuer of this name.
    pub fn issuer(name: &'static str) -> Self {
        Self {
            issuer: name,
            subject: name,
            urls: Vec::new(),
            is_critical: true,
            has_unknown: false,
            validity: around(now()),
        }
    }

    /// A member, by the URL that names it.
    pub fn member(issuer: &'static str, url: String) -> Self {
        Self {
            subject: "CN=member",
            urls: vec![url],
            ..Self::issuer(issuer)
        }
    }
}

/// An hour before and after.
pub fn around(seconds: u64) -> (u64, u64) {
    (seconds - 3600, seconds + 3600)
}

pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("after 1970").as_secs()
}

/// The URL of a member of a swarm.
pub fn url(address: &str, swarm_id: &[u8]) -> String {
    format!("file://{address}/{}", ppsp_inspect::output::Hex(swarm_id))
}

/// The key of an issuer or a member.
pub fn key(seed: u8) -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[seed; 32]).expect("a scalar")
}

/// A certificate that a P-256 key signs, in PEM.
pub fn pem(statement: &Statement, signer: &p256::ecdsa::SigningKey) -> String {
    let signature = issue::<_, p256::ecdsa::DerSignature>(statement, signer);
    signature.to_pem(LineEnding::LF).expect("encodable")
}

/// The same in DER.
pub fn der(statement: &Statement, signer: &p256::ecdsa::SigningKey) -> Vec<u8> {
    let signature = issue::<_, p256::ecdsa::DerSignature>(statement, signer);
    signature.to_der().expect("encodable")
}

/// A certificate that any key signs. Its own key is the signer's: nobody looks
/// at a member's.
pub fn issue<K, S>(statement: &Statement, signer: &K) -> x509_cert::Certificate
where
    K: Keypair + DynSignatureAlgorithmIdentifier + Signer<S>,
    K::VerifyingKey: EncodePublicKey,
    S: SignatureBitStringEncoding,
{
    let key = signer.verifying_key().to_public_key_der().expect("a key");
    let key = SubjectPublicKeyInfo::from_der(key.as_bytes()).expect("a key");
    let time = |seconds| {
        let time = UtcTime::from_unix_duration(Duration::from_secs(seconds));
        Time::UtcTime(time.expect("before 2050"))
    };
    let (from, to) = statement.validity;
    let validity = Validity::new(time(from), time(to));
    let serial = SerialNumber::from(1u32);
    let builder = CertificateBuilder::new(Profile(statement), serial, validity, key);
    builder
        .and_then(|builder| builder.build(signer))
        .expect("a certificate")
}

struct Profile<'a>(&'a Statement);

impl BuilderProfile for Profile<'_> {
    fn get_issuer(&self, _: &Name) -> Name {
        self.0.issuer.parse().expect("a name")
    }

    fn get_subject(&self) -> Name {
        self.0.subject.parse().expect("a name")
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        _: &TbsCertificate,
    ) -> Result<Vec<Extension>> {
        let Statement {
            urls,
            is_critical,
            has_unknown,
            ..
        } = self.0;
        let mut extensions = Vec::new();
        if !urls.is_empty() {
            let name =
                |url: &String| Ia5String::new(url).map(GeneralName::UniformResourceIdentifier);
            let names = urls
                .iter()
                .map(name)
                .collect::<std::result::Result<_, _>>()?;
            extensions.push(Extension {
                extn_id: SubjectAltName::OID,
                critical: *is_critical,
                extn_value: OctetString::new(SubjectAltName(names).to_der()?)?,
            });
        }
        if *has_unknown {
            extensions.push(Extension {
                extn_id: ObjectIdentifier::new_unwrap("1.3.6.1.4.1.99999.1"),
                critical: true,
                extn_value: OctetString::new([5, 0])?,
            });
        }
        Ok(extensions)
    }
}
