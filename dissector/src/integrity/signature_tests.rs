use proptest::prelude::*;

use super::*;

/// A key, a message and the key's signature over it; all hexadecimal.
struct Example {
    name: &'static str,
    /// The octet of the algorithm, and what stands before a modulus.
    head: &'static str,
    key: &'static str,
    message: &'static str,
    signature: &'static str,
}

// Made once with OpenSSL for these tests.
const MODULUS_1024: &str = "cd7ac33423d98b140070b0a9796e0906e2d2f31aeb3024887a8aa29cd4beed8e\
    50a2fa5775429cd4ba2aad3a5720f22d418711c82d56bc2dd052ddb8c0688188\
    af3e0472e95aa4b804ea6bd39cfb55853d83822e3091f1e72473924c08d45607\
    23a8626cf2096880115c4037b6893be96c63f5f073c06f3f73df136b64e48ad1";
const MODULUS_2048: &str = "af909a35009cb9a07e69e2b73eed01dffe3b030c13cc782e06e8e4750c8bfab6\
    3210e6d55ebfca840e533c467f66b505d5900b3b61a56eb928725e0fed350d9d\
    2bc70e174d37723c8aec972fd61dd82d1e92a98f24ea8f45d38e97e7aa6fa70f\
    78d70045b192e6075ada98072d450e7496d48c0690d44a9e2da8c28939f24fda\
    190c021c30df344425b82c684556f87dafe19ca748ec5d69a4d4eb067d8af7b1\
    f2339baf84cb0b2beff0a569a75af7702209dbc72ca4aa52935e820548938891\
    e46cc1b9220994d9450719908bb6af0366890bac1ec3af308b910fad5a357a95\
    ebe6d18b1841bcc4faa2d664ad4f2ca2f6ed3cc6960a131739aeaae36caca209";
const MUNRO: &str = "61206d756e726f206f66206368756e6b73";

const EXAMPLES: &[Example] = &[
    Example {
        name: "RFC 5702, section 6.1: RSASHA256 with 512 bits",
        head: "0803010001",
        key: "c15c1ac6b1c5d822bae1a60a45489b2e21f7d0aa4fb8f0637a5ec4f19c9d416d\
            476161dfa069a27730b6467870082dbdde10b3c3e4c54769ea9fc395498e6dd9",
        message: "0001080300000e1070dbd880386d43802349076578616d706c65036e65740003\
            777777076578616d706c65036e6574000001000100000e100004c000025b",
        signature: "91108e1fabbb974406cbdaa90bd975b0b9dc25c38a14b27b1a18943a26eee2d7\
            98a79544f519dcae24a164dcfce66c2532034469c1582bf94fb4f89560fe1bc2",
    },
    Example {
        name: "RFC 6605, section 6.1: ECDSAP256SHA256",
        head: "0d",
        key: "1a88c88615d437fbb8bf9e1942a1929f28562706ae6c2bd399e7b1bfb6d1e9e7\
            5b92b4aa42917ae1c61b701ef035c3fe7be3009cbafe5a2f71316c902dcf0d00",
        message: "00010d0300000e104c88b1374c63c737d960076578616d706c65036e65740003\
            777777076578616d706c65036e6574000001000100000e100004c0000201",
        signature: "ab1eb02d8aa687e97da0229337aa8873e6f0eb26be289f28333d183f5d3b7a95\
            c0c869adfb748daee3c5286eed6682c12e5533186baced9c26c167a9ebae950b",
    },
    Example {
        name: "RFC 6605, section 6.2: ECDSAP384SHA384",
        head: "0e",
        key: "c4a61a36159d18e7c9fa73eb2fcfdaae4c1fd8463730327e484aca8af0554ae9\
            b5c3f7a0b17bd2003b4d261c9e9b94423a9810e8af17d43452124adb610f8e07\
            ebfcfee5f8e4d07063cae9eb917a1a5babf08fe695536017a5bfa93237ee6e34",
        message: "00010e0300000e104c88b4e94c63cae92a13076578616d706c65036e65740003\
            777777076578616d706c65036e6574000001000100000e100004c0000201",
        signature: "fcbe610ca22f183c88d5f700457df3eb9aab98fb15cfbdd00f532be4212a3a22\
            cff79871428baeae81827993afcc56b1b13f0696bef885b6af44a6b224dbb274\
            2bb35934923ddcfbc27a972f96dd709ceeb1d9c8d1148c44ec71c068a959c266",
    },
    Example {
        name: "RFC 6979, section A.2.5: P-256, SHA-256",
        head: "0d",
        key: "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6\
            7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
        message: "73616d706c65",
        signature: "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716\
            f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    },
    Example {
        name: "RFC 6979, section A.2.6: P-384, SHA-384",
        head: "0e",
        key: "ec3a4e415b4e19a4568618029f427fa5da9a8bc4ae92e02e06aae5286b300c64\
            def8f0ea9055866064a254515480bc138015d9b72d7d57244ea8ef9ac0c62189\
            6708a59367f9dfb9f54ca84b3f1c9db1288b231c3ae0d4fe7344fd2533264720",
        message: "73616d706c65",
        signature: "94edbb92a5ecb8aad4736e56c691916b3f88140666ce9fa73d64c4ea95ad133c\
            81a648152e44acf96e36dd1e80fabe4699ef4aeb15f178cea1fe40db2603138f\
            130e740a19624526203b6351d0a3a94fa329c145786e679e7b82c71a38628ac8",
    },
    Example {
        name: "RSASHA1 with 1024 bits",
        head: "0503010001",
        key: MODULUS_1024,
        message: MUNRO,
        signature: "1570cbcd9ac0c7c55e3b22214a0c242c6143c61015e4fd02fcca122be2db0bb8\
            010e3f719ddff02946869230a754e25bb77b52f33dee1ad192f7e6ed9d93001e\
            ea1185bec3f301e792ac75d8a83970511701653a7498ddbc967e73b0ce5b1993\
            15003f6e021d2a014036137b01b2e328ef99ba950254ef446ffb1a17cc6c5f1f",
    },
    Example {
        name: "RSASHA256 with 1024 bits",
        head: "0803010001",
        key: MODULUS_1024,
        message: MUNRO,
        signature: "a1a7b611cafde7c3db2b5e683271223863e6e134b9904a7594fe804c4c2418dc\
            d82513de9b102fcf658291172c21f3652fe528059afbfa2171aa175319b3a0f5\
            05bccec6d3fd1c127fb2bfb36b9702046fef21c08ede26f014f88caa07f5720f\
            e15a3ddef711b6d4424e27f27d41909fe9070c41a33b5d877898769879fe8abb",
    },
    Example {
        name: "RSASHA1 with 2048 bits",
        head: "0503010001",
        key: MODULUS_2048,
        message: MUNRO,
        signature: "640357fd46022b4edfa3fbd019fa6e96532875a2d9e22d4f6170f7664c1664bc\
            55d6d25ec181cfa3caf3203a33e8e8639be46c2513414ef4b5cbced7248b5510\
            14ecb14861666400475ce202b39b0d62a05a77370388f79856647c1eeeda1dd9\
            9a9dc1e9fde8540da2b14abe6ce7415bb3b3e90d0d7777d25426330b0debcee7\
            26ab7e28beac44eeb029b2c0d8c10dcea21ecb20db56d72ac9481d53f8a6ed2a\
            3ce471130424c63a2df98d75b26cd6900f43c9da54fa296e03846427832af4ba\
            071304c6353c1d4b40914177223640b4265da587d02d8651e9e21fca1d9b91cf\
            63fcaa1c3969d80e72982905c1a2ee9b3d3d8ad8498372748968db4fb169aaf9",
    },
    Example {
        name: "RSASHA256 with 2048 bits",
        head: "0803010001",
        key: MODULUS_2048,
        message: MUNRO,
        signature: "39c6e8a1c62af54561be2b3721ef6b68e431a38f12516c60f79bff309ae8c13b\
            b5d5776c033eea1b2a2977b9b5a09187a7898e29b3eaa2ccc6ea2dafcda5607d\
            2c4d3ba264f92d0f4b5aece11a575a2f52b670baed390aa5cc4de2abab5c7a81\
            f3ed8b1051525e3b5e9d2915048bc9fe9d6ba6c6c4a8c60b637df6987550c743\
            a706294d27d49ba8f94b11720789678cd5e575b3a35a6e54d09732edc5d359ca\
            5e1150cd723f0a9a30a6bf2003fc75a57c2d2ba9c128733e93d8811559d40763\
            53337d56c0a149a1405617566439dae703475cf2aa718b1048de44d6c77f298f\
            d912e71bab77fd6c8b4f3dd9237eee9feec6f4833f99a5e661bf449ae5cf40c1",
    },
];

impl Example {
    fn swarm_id(&self) -> Vec<u8> {
        [bytes(self.head), bytes(self.key)].concat()
    }

    fn public_key(&self) -> PublicKey {
        PublicKey::from_swarm_id(&self.swarm_id()).expect(self.name)
    }

    fn message(&self) -> Vec<u8> {
        bytes(self.message)
    }

    fn signature(&self) -> Vec<u8> {
        bytes(self.signature)
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// Every way to flip one bit of every byte, another one in each.
fn flipped(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).map(|at| {
        let mut other = bytes.to_vec();
        other[at] ^= 1 << (at % 8);
        other
    })
}

fn error(swarm_id: &[u8]) -> Option<KeyError> {
    PublicKey::from_swarm_id(swarm_id).err()
}

/// An RSA key of this exponent and a modulus that begins and ends so.
fn rsa_id(exponent: &[u8], first: u8, length: usize, last: u8) -> Vec<u8> {
    let mut modulus = vec![0x5a; length];
    modulus[0] = first;
    modulus[length - 1] = last;
    [&[8, exponent.len() as u8], exponent, &modulus].concat()
}

#[test]
fn signatures_verify_with_the_key_that_made_them() {
    for example in EXAMPLES {
        let key = example.public_key();
        let (message, signature) = (example.message(), example.signature());
        assert_eq!(key.algorithm().code(), example.swarm_id()[0]);
        assert_eq!(key.signature_length(), signature.len(), "{}", example.name);
        assert!(key.verifies(&[&message], &signature), "{}", example.name);
    }
    for &algorithm in SignatureAlgorithm::ASSIGNED {
        let shown = |example: &Example| example.public_key().algorithm() == algorithm;
        assert!(EXAMPLES.iter().any(shown), "{algorithm}");
    }
}

#[test]
fn it_does_not_matter_where_a_message_is_cut() {
    for example in EXAMPLES {
        let (key, message) = (example.public_key(), example.message());
        for at in 0..=message.len() {
            let (before, after) = message.split_at(at);
            assert!(key.verifies(&[before, &[], after], &example.signature()));
        }
        let (before, after) = message.split_at(3);
        assert!(!key.verifies(&[after, before], &example.signature()));
        assert!(!key.verifies(&[], &example.signature()));
    }
}

#[test]
fn one_flipped_bit_of_signature_message_or_key_is_too_many() {
    for example in EXAMPLES {
        let key = example.public_key();
        let (message, signature) = (example.message(), example.signature());
        for other in flipped(&signature) {
            assert!(!key.verifies(&[&message], &other), "{}", example.name);
        }
        for other in flipped(&message) {
            assert!(!key.verifies(&[&other], &signature), "{}", example.name);
        }
        for other in flipped(&example.swarm_id()) {
            let verifies = PublicKey::from_swarm_id(&other)
                .is_ok_and(|key| key.verifies(&[&message], &signature));
            assert!(!verifies, "{}", example.name);
        }
    }
}

#[test]
fn a_signature_of_another_length_does_not_verify() {
    for example in EXAMPLES {
        let (key, signature) = (example.public_key(), example.signature());
        let message = example.message();
        for other in [
            Vec::new(),
            signature[1..].to_vec(),
            signature[..signature.len() - 1].to_vec(),
            [&[0], &signature[..]].concat(),
            [&signature[..], &[0]].concat(),
            [&signature[..], &signature[..]].concat(),
            vec![0; signature.len()],
            vec![0xff; signature.len()],
            vec![0xff; 1 << 16],
        ] {
            assert!(!key.verifies(&[&message], &other), "{}", example.name);
        }
    }
}

#[test]
fn a_signature_counts_for_the_hash_that_the_key_names_only() {
    for example in EXAMPLES {
        let mut id = example.swarm_id();
        id[0] = match id[0] {
            5 => 8,
            8 => 5,
            _ => continue,
        };
        let other = PublicKey::from_swarm_id(&id).expect(example.name);
        assert!(!other.verifies(&[&example.message()], &example.signature()));
    }
}

#[test]
fn the_exponent_may_have_its_length_in_three_octets() {
    let example = &EXAMPLES[0];
    let id = [&bytes("08000003010001")[..], &bytes(example.key)].concat();
    let key = PublicKey::from_swarm_id(&id).expect("a key");
    assert!(key.verifies(&[&example.message()], &example.signature()));
}

#[test]
fn a_layout_has_room_for_the_signatures_of_its_key() {
    for example in EXAMPLES {
        assert_eq!(
            crate::session::signature_length(&example.swarm_id()),
            Some(example.public_key().signature_length())
        );
    }
}

#[test]
fn what_is_no_key_is_told_from_what_is() {
    assert_eq!(error(&[]), Some(KeyError::Empty));
    for code in (0..=255).filter(|code| ![5, 8, 13, 14].contains(code)) {
        let id = [&[code], &[1; 64][..]].concat();
        assert_eq!(error(&id), Some(KeyError::UnassignedAlgorithm(code)));
    }
    for (code, wanted) in [(13, 64), (14, 96)] {
        for found in [0, 1, wanted / 2 + 1, wanted - 1, wanted + 1, 1000] {
            let id = [&[code], &vec![2; found][..]].concat();
            assert_eq!(error(&id), Some(KeyError::PointLength { wanted, found }));
        }
        // Neither the point at infinity nor coordinates beyond the field.
        for byte in [0, 1, 0xff] {
            let id = [&[code], &vec![byte; wanted][..]].concat();
            assert_eq!(error(&id), Some(KeyError::NotOnCurve));
        }
    }
    for cut in [
        &[][..],
        &[0],
        &[0, 1],
        &[0, 0, 0],
        &[0, 0, 0, 3],
        &[1],
        &[3, 1, 0],
    ] {
        for code in [5, 8] {
            let id = [&[code], cut].concat();
            assert_eq!(error(&id), Some(KeyError::ExponentMissing), "{id:?}");
        }
    }
}

#[test]
fn rsa_keys_have_from_512_to_4096_bits() {
    let size = |first, length| error(&rsa_id(&[3], first, length, 1));
    for length in 64..=512 {
        assert_eq!(size(0x80, length), None, "{length} bytes");
    }
    // What counts is bits: the octet need not be full.
    assert_eq!(size(1, 65), None);
    assert_eq!(size(0x7f, 64), Some(KeyError::ModulusSize { bits: 511 }));
    assert_eq!(size(1, 513), Some(KeyError::ModulusSize { bits: 4097 }));
    let huge = KeyError::ModulusSize { bits: 8 << 20 };
    assert_eq!(size(0xff, 1 << 20), Some(huge));
    assert_eq!(
        error(&[8, 1, 3]),
        Some(KeyError::ModulusSize { bits: 0 }),
        "no modulus"
    );
    let even = rsa_id(&[3], 0x80, 64, 2);
    assert_eq!(error(&even), Some(KeyError::ModulusEven));
}

#[test]
fn rsa_exponents_are_odd_and_short() {
    let with = |exponent: &[u8]| error(&rsa_id(exponent, 0x80, 128, 1));
    for exponent in [
        &[3][..],
        &[17],
        &[1, 0, 1],
        &[1, 0, 0, 0, 1],
        &[1, 0xff, 0xff, 0xff, 0xff],
    ] {
        assert_eq!(with(exponent), None, "{exponent:?}");
    }
    for exponent in [
        &[1][..],
        &[2],
        &[4],
        &[2, 0, 0, 0, 1],
        &[0xff; 8],
        &[0xff; 9],
        &[0xff; 255],
    ] {
        assert_eq!(
            with(exponent),
            Some(KeyError::ExponentUnusable),
            "{exponent:?}"
        );
    }
    let longest = [vec![8, 0, 0xff, 0xff], vec![0xff; 0xffff + 128]].concat();
    assert_eq!(error(&longest), Some(KeyError::ExponentUnusable));
}

#[test]
fn rsa_numbers_begin_with_no_zero() {
    for id in [
        rsa_id(&[0, 3], 0x80, 128, 1),
        rsa_id(&[0], 0x80, 128, 1),
        rsa_id(&[3], 0, 128, 1),
    ] {
        assert_eq!(error(&id), Some(KeyError::LeadingZero));
    }
}

#[test]
fn errors_say_what_is_wrong_with_the_key() {
    assert_eq!(
        KeyError::UnassignedAlgorithm(7).to_string(),
        "expected a signature algorithm of section 7.7 (5, 8, 13, 14), found 7"
    );
    assert_eq!(
        KeyError::ModulusSize { bits: 8192 }.to_string(),
        "expected a modulus of 512 to 4096 bits, found 8192"
    );
}

proptest! {
    #[test]
    fn no_bytes_make_a_panic(
        id in prop::collection::vec(any::<u8>(), 0..600),
        algorithm in prop::sample::select(vec![5, 8, 13, 14]),
        signature in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        for id in [id.clone(), [&[algorithm], &id[..]].concat()] {
            if let Ok(key) = PublicKey::from_swarm_id(&id) {
                key.verifies(&[&id], &signature);
            }
        }
    }

    /// Bytes that are a key, and bytes of the right length for a signature.
    #[test]
    fn no_rsa_key_and_no_signature_make_a_panic(
        algorithm in prop::sample::select(vec![5, 8]),
        exponent in 1..1_u64 << 32,
        mut modulus in prop::collection::vec(any::<u8>(), 65..=300),
        mut signature in prop::collection::vec(any::<u8>(), 300),
    ) {
        modulus[0] |= 1;
        *modulus.last_mut().expect("a modulus") |= 1;
        let exponent = (2 * exponent + 1).to_be_bytes();
        let zeros = exponent.iter().take_while(|&&byte| byte == 0).count();
        let exponent = &exponent[zeros..];
        let id = [&[algorithm, exponent.len() as u8], exponent, &modulus].concat();
        let key = PublicKey::from_swarm_id(&id).expect("a key");
        signature.truncate(key.signature_length());
        prop_assert!(!key.verifies(&[b"x"], &signature));
        // The modulus itself, and what is less than it.
        prop_assert!(!key.verifies(&[b"x"], &modulus));
        signature[0] = 0;
        prop_assert!(!key.verifies(&[b"x"], &signature));
    }

    #[test]
    fn no_ecdsa_signature_makes_a_panic(
        signature in prop::collection::vec(any::<u8>(), 96),
    ) {
        for example in EXAMPLES {
            let key = example.public_key();
            let length = key.signature_length().min(96);
            prop_assert!(!key.verifies(&[&example.message()], &signature[..length]));
        }
    }
}
