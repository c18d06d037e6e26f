//! Membership certificates (RFC 7574, section 8.13): X.509v3 in DER, with the
//! peer and the swarm in a critical subject alternative name.

use std::net::SocketAddr;

use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};

use super::script::hex;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const UTF8_STRING: u8 = 0x0c;
const UTC_TIME: u8 = 0x17;
/// `GeneralName`, `uniformResourceIdentifier`.
const URI: u8 = 0x86;

/// BOOLEAN TRUE.
const CRITICAL: &[u8] = b"\x01\x01\xff";
/// Object identifiers, each whole: ecdsa-with-SHA256, id-ecPublicKey,
/// prime256v1, commonName, subjectAltName.
const ECDSA_SHA256: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02";
const EC_PUBLIC_KEY: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const PRIME256V1: &[u8] = b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const COMMON_NAME: &[u8] = b"\x06\x03\x55\x04\x03";
const SUBJECT_ALT_NAME: &[u8] = b"\x06\x03\x55\x1d\x11";

/// One DER value: tag, length, contents.
fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let mut value = vec![tag];
    match contents.len() {
        length @ 0..=0x7f => value.push(length as u8),
        length @ 0x80..=0xff => value.extend([0x81, length as u8]),
        length => value.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    value.extend(contents);
    value
}

/// A positive INTEGER from its big-endian bytes.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
    let digits = &bytes[zeros..];
    // A first bit of one would make it negative.
    let sign: &[u8] = match digits.first() {
        Some(0..=0x7f) => &[],
        _ => &[0],
    };
    der(INTEGER, &[sign, digits])
}

fn name(common_name: &str) -> Vec<u8> {
    let value = der(UTF8_STRING, &[common_name.as_bytes()]);
    let attribute = der(SEQUENCE, &[COMMON_NAME, &value]);
    der(SEQUENCE, &[&der(SET, &[&attribute])])
}

/// States that the peer at `address` is a member of the swarm, from a minute
/// before the sample captures begin and for an hour; signed by `issuer`, which
/// also stands in for the peer's own key.
pub(crate) fn membership(issuer: &SigningKey, address: SocketAddr, swarm_id: &[u8]) -> Vec<u8> {
    let algorithm = der(SEQUENCE, &[ECDSA_SHA256]);
    let validity = der(
        SEQUENCE,
        &[
            &der(UTC_TIME, &[b"261122043301Z"]),
            &der(UTC_TIME, &[b"261122053301Z"]),
        ],
    );
    let point = issuer.verifying_key().to_sec1_point(false);
    let key = der(
        SEQUENCE,
        &[
            &der(SEQUENCE, &[EC_PUBLIC_KEY, PRIME256V1]),
            &der(BIT_STRING, &[&[0], point.as_bytes()]),
        ],
    );
    let url = format!("file://{address}/{}", hex(swarm_id));
    let names = der(SEQUENCE, &[&der(URI, &[url.as_bytes()])]);
    let extension = der(
        SEQUENCE,
        &[SUBJECT_ALT_NAME, CRITICAL, &der(OCTET_STRING, &[&names])],
    );
    let to_be_signed = der(
        SEQUENCE,
        &[
            // Version 3, which is written as 2.
            &der(0xa0, &[&integer(&[2])]),
            &integer(&[1]),
            &algorithm,
            &name("Sample membership issuer"),
            &validity,
            &name("Sample peer"),
            &key,
            &der(0xa3, &[&der(SEQUENCE, &[&extension])]),
        ],
    );
    let signature: Signature = issuer.sign(&to_be_signed);
    let signature = signature.to_bytes();
    let (r, s) = signature.split_at(32);
    let signature = der(SEQUENCE, &[&integer(r), &integer(s)]);
    der(
        SEQUENCE,
        &[
            &to_be_signed,
            &algorithm,
            &der(BIT_STRING, &[&[0], &signature]),
        ],
    )
}
