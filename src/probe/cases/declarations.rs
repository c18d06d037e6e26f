//! What the options of a HANDSHAKE say, whoever sent it: replies and first datagrams
//! are judged alike. And what we declare that does not fit a swarm, which nobody may
//! take (RFC 7574, section 7).

use std::fmt::Display;

use ppspp_dissector::wire::{
    ChunkAddressing, ContentIntegrity, HashFunction, MessageType, OptionCode, ProtocolOption,
    SignatureAlgorithm, bitmap_supports,
};

use crate::probe::case::{Outcome, Stop};
use crate::probe::swarm::{Declared, Swarm};

/// The options are sorted, so none comes twice. `frame` is where they are in the
/// record, here and below.
pub(super) fn are_sorted(declared: &Declared, frame: usize) -> Outcome {
    if declared.codes.is_sorted_by(|one, next| one < next) {
        return Ok(());
    }
    Err(Stop::violation(
        "option codes in ascending order",
        names(declared),
        [frame],
    ))
}

/// The end option is there.
pub(super) fn have_end(declared: &Declared, frame: usize) -> Outcome {
    if declared.has_end {
        return Ok(());
    }
    Err(Stop::violation(
        "the end option (255) behind the others",
        format!("{} and no end", codes(declared)),
        [frame],
    ))
}

/// The version comes first.
pub(super) fn begin_with_version(declared: &Declared, frame: usize) -> Outcome {
    if declared.codes.first() == Some(&OptionCode::Version.code()) {
        return Ok(());
    }
    Err(Stop::violation(
        "option 0, the version, first",
        codes(declared),
        [frame],
    ))
}

/// An option is there, and says what the swarm uses.
pub(super) fn tell<T: PartialEq + Display>(
    declared: &Declared,
    frame: usize,
    option: OptionCode,
    found: Option<T>,
    wanted: &T,
) -> Outcome {
    let actual = match found {
        Some(found) if found == *wanted => return Ok(()),
        Some(found) => found.to_string(),
        None => codes(declared),
    };
    let expected = format!("option {} ({option}): {wanted}", option.code());
    Err(Stop::violation(expected, actual, [frame]))
}

/// The bitmap of supported messages.
///
/// # Errors
/// A skip, where there is none.
pub(super) fn bitmap(declared: &Declared) -> Result<&[u8], Stop> {
    declared.messages.as_deref().ok_or_else(|| {
        Stop::Skip("the target declares no supported messages, so it supports all".to_owned())
    })
}

/// The bitmap is cut behind its last byte that is not zero; of no message at all
/// nothing is left.
pub(super) fn bitmap_is_cut(declared: &Declared, frame: usize) -> Outcome {
    let bitmap = bitmap(declared)?;
    if bitmap.len() <= 32 && bitmap.last().is_none_or(|last| *last != 0) {
        return Ok(());
    }
    Err(Stop::violation(
        "a bitmap of 32 bytes at most, whose last byte is not zero",
        format!("{bitmap:02x?}"),
        [frame],
    ))
}

/// The bitmap names the types that were sent, each with a datagram that it came in.
pub(super) fn bitmap_names(
    bitmap: &[u8],
    sent: impl IntoIterator<Item = (MessageType, usize)>,
) -> Outcome {
    let mut sent = sent.into_iter();
    match sent.find(|(kind, _)| !bitmap_supports(bitmap, *kind)) {
        None => Ok(()),
        Some((kind, frame)) => Err(Stop::violation(
            format!("messages that its bitmap {bitmap:02x?} has"),
            kind.to_string(),
            [frame],
        )),
    }
}

/// The options in words.
pub(super) fn codes(declared: &Declared) -> String {
    format!("the options {}", names(declared))
}

fn names(declared: &Declared) -> String {
    let names: Vec<String> = declared.codes.iter().map(u8::to_string).collect();
    names.join(", ")
}

/// A method of chunk addressing that nobody knows.
pub(super) const UNASSIGNED: ProtocolOption<'static> =
    ProtocolOption::ChunkAddressing(ChunkAddressing::Unassigned(9));

/// An option of the swarm's metadata with another value than the swarm's.
///
/// # Errors
/// An error for an option that has no such value.
pub(super) fn misfit(swarm: &Swarm, option: OptionCode) -> Result<ProtocolOption<'static>, Stop> {
    Ok(match option {
        OptionCode::ContentIntegrity => ProtocolOption::ContentIntegrity(match swarm.integrity {
            ContentIntegrity::SignAll => ContentIntegrity::UnifiedMerkle,
            _ => ContentIntegrity::SignAll,
        }),
        OptionCode::HashFunction => ProtocolOption::HashFunction(match swarm.hash_function {
            HashFunction::Sha512 => HashFunction::Sha384,
            _ => HashFunction::Sha512,
        }),
        OptionCode::SignatureAlgorithm => {
            ProtocolOption::SignatureAlgorithm(match swarm.signature_algorithm() {
                Some(SignatureAlgorithm::EcdsaP384Sha384) => SignatureAlgorithm::EcdsaP256Sha256,
                _ => SignatureAlgorithm::EcdsaP384Sha384,
            })
        }
        OptionCode::ChunkAddressing => ProtocolOption::ChunkAddressing(match swarm.addressing {
            ChunkAddressing::Bin32 => ChunkAddressing::Chunk32,
            _ => ChunkAddressing::Bin32,
        }),
        OptionCode::ChunkSize => ProtocolOption::ChunkSize(swarm.chunk_size.saturating_mul(2)),
        _ => return Err(Stop::Error(format!("{option} is no part of the metadata"))),
    })
}

/// Puts options in the place of those with their codes.
pub(super) fn replace<'o>(
    options: &mut Vec<ProtocolOption<'o>>,
    others: impl IntoIterator<Item = ProtocolOption<'o>>,
) {
    for other in others {
        options.retain(|option| option.code() != other.code());
        options.push(other);
    }
    options.sort_by_key(|option| option.code().code());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn swarm(integrity: ContentIntegrity, chunk_size: u32) -> Swarm {
        Swarm {
            id: vec![13; 65],
            integrity,
            hash_function: HashFunction::Sha256,
            addressing: ChunkAddressing::Chunk32,
            chunk_size,
        }
    }

    #[test]
    fn a_bitmap_is_judged_by_its_last_byte_and_length() {
        let of = |bitmap: Option<Vec<u8>>| {
            let declared = Declared {
                messages: bitmap,
                ..Declared::default()
            };
            bitmap_is_cut(&declared, 3)
        };
        assert!(matches!(of(None), Err(Stop::Skip(_))));
        // Who supports nothing has no byte that is not zero.
        assert_eq!(of(Some(vec![])), Ok(()));
        assert_eq!(of(Some(vec![0xff, 0x80])), Ok(()));
        assert_eq!(of(Some(vec![1; 32])), Ok(()));
        for wrong in [vec![0], vec![0xff, 0], vec![1; 33]] {
            assert!(matches!(of(Some(wrong)), Err(Stop::Violation(_))));
        }
    }

    #[test]
    fn an_empty_bitmap_names_no_message() {
        let sent = [(MessageType::Handshake, 7)];
        assert!(matches!(bitmap_names(&[], sent), Err(Stop::Violation(_))));
        assert_eq!(bitmap_names(&[0x80], sent), Ok(()));
    }

    #[test]
    fn what_does_not_fit_is_another_value_in_every_swarm() {
        for integrity in [
            ContentIntegrity::Merkle,
            ContentIntegrity::SignAll,
            ContentIntegrity::UnifiedMerkle,
        ] {
            for chunk_size in [1, 2, 3, 1024, 60_000] {
                let swarm = swarm(integrity, chunk_size);
                let own = swarm.options(&crate::probe::swarm::Manner::rfc());
                for option in [
                    OptionCode::ContentIntegrity,
                    OptionCode::HashFunction,
                    OptionCode::SignatureAlgorithm,
                    OptionCode::ChunkAddressing,
                    OptionCode::ChunkSize,
                ] {
                    let other = misfit(&swarm, option).expect("metadata");
                    assert_eq!(other.code(), option);
                    assert!(!own.contains(&other), "{option}");
                }
                assert!(!own.contains(&UNASSIGNED));
            }
        }
    }

    #[test]
    fn options_stay_sorted_where_others_take_their_places() {
        let swarm = swarm(ContentIntegrity::Merkle, 1024);
        let mut options = swarm.options(&crate::probe::swarm::Manner::rfc());
        let before = options.len();
        replace(
            &mut options,
            [ProtocolOption::ChunkSize(7), ProtocolOption::Version(2)],
        );
        assert_eq!(options.len(), before);
        assert!(options.is_sorted_by_key(|option| option.code().code()));
        assert!(options.contains(&ProtocolOption::ChunkSize(7)));
        assert!(options.contains(&ProtocolOption::Version(2)));
    }
}
