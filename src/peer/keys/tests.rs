use proptest::prelude::*;
use rsa::pkcs8::der::zeroize::ZeroizeOnDrop;
use sha2::Digest as _;

use super::*;

#[path = "../../../tests/support/openssl_keys.rs"]
mod openssl_keys;

use openssl_keys as openssl;

const ALGORITHMS: &[SignatureAlgorithm] = SignatureAlgorithm::ASSIGNED;
const SHA1: Option<SignatureAlgorithm> = Some(SignatureAlgorithm::RsaSha1);
const SHA256: Option<SignatureAlgorithm> = Some(SignatureAlgorithm::RsaSha256);

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all");
        text
    })
}

/// A small key that is the same in every run.
pub(super) fn key(algorithm: SignatureAlgorithm) -> SigningKey {
    let bits = is_rsa(algorithm).then_some(1024);
    SigningKey::generate_from_seed(algorithm, bits, &[7; 32]).expect("a key")
}

fn is_rsa(algorithm: SignatureAlgorithm) -> bool {
    matches!(
        algorithm,
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256
    )
}

/// The dissector reads the key's ID, and believes its signatures but no others.
#[track_caller]
fn assert_agrees_with_the_dissector(key: &SigningKey) {
    let public = PublicKey::from_swarm_id(&key.swarm_id()).expect("a swarm ID");
    assert_eq!(public.algorithm(), key.algorithm());
    assert_eq!(public.signature_length(), key.signature_length());
    let parts: [&[u8]; 4] = [b"spec", b"", b"timestamp", &[7; 3000]];
    let signature = key.sign(&parts);
    assert_eq!(signature.len(), key.signature_length());
    assert!(public.verifies(&parts, &signature));
    // It does not matter where the message is cut.
    assert_eq!(key.sign(&[&parts.concat()]), signature);
    assert!(public.verifies(&[&parts.concat()], &signature));
    assert!(!public.verifies(&parts[1..], &signature));
    assert!(public.verifies(&[], &key.sign(&[])));
    assert!(key.public_key().is_ok());
}

#[test]
fn the_dissector_believes_what_every_algorithm_signs() {
    for &algorithm in ALGORITHMS {
        let key = key(algorithm);
        assert_eq!(key.algorithm(), algorithm);
        assert_agrees_with_the_dissector(&key);
    }
}

#[test]
fn rsa_keys_of_all_lengths_sign() {
    // The ends of a limb and of an octet, and what lies between them.
    for bits in [1024, 1025, 1031, 1032, 1088, 1536] {
        let key =
            SigningKey::generate_from_seed(SignatureAlgorithm::RsaSha256, Some(bits), &[1; 32]);
        let key = key.expect("a key");
        assert_eq!(key.bits(), bits);
        assert_agrees_with_the_dissector(&key);
    }
    let key = SigningKey::from_pem(openssl::RSA_4096_PKCS8, SHA256).expect("a key");
    assert_eq!((key.bits(), key.signature_length()), (4096, 512));
    assert_agrees_with_the_dissector(&key);
}

#[test]
fn lengths_that_rsa_keys_may_not_have() {
    for bits in [0, 1, 512, 1023, 4097, usize::MAX] {
        let made = SigningKey::generate(SignatureAlgorithm::RsaSha1, Some(bits));
        assert_eq!(made.err(), Some(KeyError::ModulusSize { bits }));
    }
    assert_eq!(
        SigningKey::from_pem(openssl::RSA_512_PKCS1, SHA1).err(),
        Some(KeyError::ModulusSize { bits: 512 })
    );
}

#[test]
fn only_rsa_takes_bits_and_only_known_algorithms_have_keys() {
    for &algorithm in ALGORITHMS.iter().filter(|&&it| !is_rsa(it)) {
        assert_eq!(
            SigningKey::generate(algorithm, Some(256)).err(),
            Some(KeyError::BitsWithoutRsa(algorithm))
        );
    }
    assert_eq!(
        SigningKey::generate(SignatureAlgorithm::from_code(15), None).err(),
        Some(KeyError::UnassignedAlgorithm(15))
    );
}

#[test]
fn a_seed_makes_one_key_and_chance_makes_others() {
    let p256 = SignatureAlgorithm::EcdsaP256Sha256;
    for &algorithm in ALGORITHMS {
        assert_eq!(key(algorithm).swarm_id(), key(algorithm).swarm_id());
    }
    let other = SigningKey::generate_from_seed(p256, None, &[8; 32]).expect("a key");
    assert_ne!(key(p256).swarm_id(), other.swarm_id());
    let chance = || SigningKey::generate(p256, None).expect("a key").swarm_id();
    assert_ne!(chance(), chance());
    // Simulations of years to come want the same swarm.
    assert_eq!(
        hex(&key(p256).swarm_id()),
        "0d83ac0e47ab019d90a7795d86473f23fd963944228db60f708a9aa5ac4b8ee789\
         0a321201c60c44da5780dbf038aa5f4c6f8e364101d96aabb7c158af9a770631"
    );
}

#[test]
fn chance_makes_rsa_keys_too() {
    let key = SigningKey::generate(SignatureAlgorithm::RsaSha256, Some(1024)).expect("a key");
    assert_agrees_with_the_dissector(&key);
}

#[test]
fn signatures_are_those_that_openssl_makes() {
    for text in [openssl::RSA_1024_PKCS1, openssl::RSA_1024_PKCS8] {
        for (algorithm, signature) in [
            (SHA1, openssl::RSA_1024_SHA1),
            (SHA256, openssl::RSA_1024_SHA256),
        ] {
            let key = SigningKey::from_pem(text, algorithm).expect("a key");
            assert_eq!(hex(&key.sign(&[openssl::MESSAGE.as_bytes()])), signature);
        }
    }
    let key = SigningKey::from_pem(openssl::RSA_4096_PKCS8, SHA256).expect("a key");
    let signature = key.sign(&[b"a munro ", b"of chunks"]);
    assert_eq!(
        hex(&Sha256::digest(signature)),
        openssl::RSA_4096_SHA256_DIGEST
    );
}

#[test]
fn signatures_are_those_of_rfc_6979() {
    // RFC 6979, appendix A.2.5, SHA-256 and "sample".
    let secret = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721";
    let secret: Vec<u8> = (0..32)
        .map(|at| u8::from_str_radix(&secret[2 * at..2 * at + 2], 16).expect("hexadecimal"))
        .collect();
    let key = p256::ecdsa::SigningKey::from_slice(&secret).expect("a key");
    assert_eq!(
        hex(&SigningKey(Key::P256(key)).sign(&[b"sam", b"ple"])),
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
         f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"
    );
}

#[test]
fn swarm_ids_are_what_openssl_says_of_its_keys() {
    for (text, id) in [
        (openssl::P256_SEC1, openssl::P256_SEC1_ID),
        (openssl::P256_PKCS8, openssl::P256_PKCS8_ID),
        (openssl::P384_SEC1, openssl::P384_SEC1_ID),
    ] {
        let key = SigningKey::from_pem(text, None).expect("a key");
        assert_eq!(hex(&key.swarm_id()), id);
        assert_agrees_with_the_dissector(&key);
    }
    for text in [openssl::RSA_1024_PKCS1, openssl::RSA_1024_PKCS8] {
        for (algorithm, octet) in [(SHA1, "05"), (SHA256, "08")] {
            let key = SigningKey::from_pem(text, algorithm).expect("a key");
            assert_eq!(
                hex(&key.swarm_id()),
                format!("{octet}{}", openssl::RSA_1024_PUBLIC)
            );
            assert_agrees_with_the_dissector(&key);
        }
    }
}

#[test]
fn a_key_that_was_written_is_read_again_with_its_algorithm() {
    for &algorithm in ALGORITHMS {
        let key = key(algorithm);
        let text = key.to_pem().expect("PEM");
        let read = SigningKey::from_pem(&text, None).expect("a key");
        assert_eq!(read.swarm_id(), key.swarm_id());
        assert_eq!(*read.to_pem().expect("PEM"), *text);
        // Windows has been at it.
        let read = SigningKey::from_pem(&text.replace('\n', "\r\n"), None).expect("a key");
        assert_eq!(read.swarm_id(), key.swarm_id());
    }
}

#[test]
fn who_names_the_algorithm_is_believed_where_the_key_can_do_it() {
    let text = key(SignatureAlgorithm::RsaSha1).to_pem().expect("PEM");
    assert!(text.starts_with("Algorithm: 5 (RSASHA1)\n-----BEGIN PRIVATE KEY-----\n"));
    let read = SigningKey::from_pem(&text, SHA256).expect("a key");
    assert_eq!(read.algorithm(), SignatureAlgorithm::RsaSha256);
    // No sense in the note is no note.
    for note in [
        "Algorithm: 8",
        "Algorithm: eight",
        "Algorithm: ",
        "Algorithm: 13",
    ] {
        let found = SigningKey::from_pem(&format!("{note}\n{}", openssl::RSA_1024_PKCS8), None);
        match note {
            "Algorithm: 8" => assert_eq!(found.expect("a key").algorithm(), SHA256.expect("one")),
            "Algorithm: 13" => assert!(matches!(found, Err(KeyError::OtherAlgorithm { .. }))),
            _ => assert_eq!(found.err(), Some(KeyError::HashUnknown)),
        }
    }
    for (text, algorithm) in [
        (openssl::RSA_1024_PKCS1, SignatureAlgorithm::EcdsaP256Sha256),
        (openssl::P256_SEC1, SignatureAlgorithm::EcdsaP384Sha384),
        (openssl::P256_PKCS8, SignatureAlgorithm::RsaSha256),
        (openssl::P384_SEC1, SignatureAlgorithm::EcdsaP256Sha256),
        (openssl::P384_SEC1, SignatureAlgorithm::from_code(3)),
    ] {
        let found = SigningKey::from_pem(text, Some(algorithm));
        assert!(
            matches!(found, Err(KeyError::OtherAlgorithm { wanted, .. }) if wanted == algorithm),
            "{algorithm}: {found:?}"
        );
    }
}

#[test]
fn what_is_no_usable_key_is_told_apart() {
    let error = |text: &str| SigningKey::from_pem(text, SHA256).err();
    assert_eq!(error(""), Some(KeyError::NotPem));
    assert_eq!(error("-----BEGIN "), Some(KeyError::NotPem));
    assert_eq!(
        error(openssl::PUBLIC),
        Some(KeyError::NotPrivate("PUBLIC KEY".to_owned()))
    );
    for text in [openssl::ENCRYPTED_PKCS8, openssl::ENCRYPTED_SEC1] {
        assert_eq!(error(text), Some(KeyError::Encrypted));
    }
    assert_eq!(
        error("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"),
        Some(KeyError::Format("OPENSSH PRIVATE KEY".to_owned()))
    );
    assert_eq!(error(openssl::ED25519_PKCS8), Some(KeyError::Kind));
    assert_eq!(error(openssl::P521_SEC1), Some(KeyError::Sec1));
    assert_eq!(
        error(openssl::RSA_COMPOSITE_PKCS1),
        Some(KeyError::Damaged("RSA key"))
    );
    assert_eq!(
        SigningKey::from_pem(openssl::RSA_1024_PKCS1, None).err(),
        Some(KeyError::HashUnknown)
    );
}

#[test]
fn a_private_key_is_found_behind_other_things() {
    let text = format!("a certificate\n{}{}", openssl::PUBLIC, openssl::P256_PKCS8);
    let key = SigningKey::from_pem(&text, None).expect("a key");
    assert_eq!(hex(&key.swarm_id()), openssl::P256_PKCS8_ID);
}

#[test]
fn weak_keys_are_called_weak() {
    let weakness = |text, algorithm| {
        SigningKey::from_pem(text, algorithm)
            .expect("a key")
            .weakness()
    };
    assert_eq!(weakness(openssl::P256_SEC1, None), None);
    assert_eq!(weakness(openssl::RSA_4096_PKCS8, SHA256), None);
    let of_sha1 = weakness(openssl::RSA_4096_PKCS8, SHA1).expect("weak");
    assert!(of_sha1.contains("SHA-1") && !of_sha1.contains("factored"));
    let of_bits = weakness(openssl::RSA_1024_PKCS1, SHA256).expect("weak");
    assert!(of_bits.contains("with 1024 bits is weak: its modulus") && !of_bits.contains("SHA-1 "));
    let of_both = weakness(openssl::RSA_1024_PKCS1, SHA1).expect("weak");
    assert!(of_both.contains("factored") && of_both.contains("SHA-1"));
}

#[test]
fn secrets_are_not_shown_and_are_overwritten() {
    fn overwritten<T: ZeroizeOnDrop>() {}
    overwritten::<p256::ecdsa::SigningKey>();
    overwritten::<p384::ecdsa::SigningKey>();
    overwritten::<pkcs1v15::SigningKey<Sha1>>();
    overwritten::<pkcs1v15::SigningKey<Sha256>>();
    let key = key(SignatureAlgorithm::EcdsaP256Sha256);
    assert_eq!(format!("{key:?}"), "SigningKey(ECDSAP256SHA256, 256 bits)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_makes_a_panic(text in "\\PC{0,200}") {
        let _ = SigningKey::from_pem(&text, SHA256);
        let block = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
        prop_assert!(SigningKey::from_pem(&block, SHA256).is_err());
    }

    /// What survives damage can still sign.
    #[test]
    fn no_damage_makes_a_panic(
        which in 0..5_usize,
        at in any::<prop::sample::Index>(),
        byte in "[A-Za-z0-9+/=\n -]",
    ) {
        let text = [
            openssl::P256_SEC1, openssl::P384_SEC1, openssl::P256_PKCS8,
            openssl::RSA_1024_PKCS1, openssl::RSA_1024_PKCS8,
        ][which];
        let at = at.index(text.len());
        let damaged = format!("{}{byte}{}", &text[..at], &text[at + 1..]);
        for algorithm in [None, SHA1] {
            if let Ok(key) = SigningKey::from_pem(&damaged, algorithm) {
                assert_agrees_with_the_dissector(&key);
            }
        }
    }
}

#[test]
fn large_rsa_keys_are_made() {
    for bits in [2048, 4096] {
        let key =
            SigningKey::generate_from_seed(SignatureAlgorithm::RsaSha256, Some(bits), &[2; 32]);
        let key = key.expect("a key");
        assert_eq!(key.bits(), bits);
        assert_agrees_with_the_dissector(&key);
    }
}
