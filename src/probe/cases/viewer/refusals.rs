//! Chunks for which no signature holds: none may be accepted (RFC 7574, sections
//! 6.1.1 and 6.1.2).

use std::collections::BTreeSet;

use super::support::{needs_munros, needs_signed_chunks, needs_whole_signatures};
use super::{ROBUST, VIEWER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::leecher::support::{
    asked, goes_on_or_leaves, needs_fetching, none_accepted,
};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Forgery, Gift, Offer, Seeder, Shape};

/// Chunks of a stream of signed chunks that are right before one is wrong.
const RIGHT: u64 = 4;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1/wrong-signature-refused",
        title: "A chunk whose signature is wrong is not accepted",
        requirement: "Peers check the signature of a chunk, or of the munro above it, by the \
                      public key that the swarm ID is; a munro's signature is checked before the \
                      chunks below it are passed on.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: |it| refused(it, Gift::Forged(Forgery::Bytes), "its signature is wrong"),
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1/other-key-refused",
        title: "A chunk that another key has signed is not accepted",
        requirement: "The swarm ID of a live stream is the public key by which its signatures are \
                      checked: those of others mean nothing.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: |it| refused(it, Gift::Forged(Forgery::Key), "another key has signed it"),
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1/other-chunks-refused",
        title: "A signature that was made for other chunks is not accepted",
        requirement: "A signature is computed over the chunk specification as it is on the wire, \
                      the timestamp, and the munro's hash or the chunk: what is signed has its \
                      place in the stream.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: other_chunks,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1/redated-refused",
        title: "A signature that was made at another time than it says is not accepted",
        requirement: "The timestamp is part of what is signed: nobody can date a signature anew.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: redated,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1/other-content-refused",
        title: "A signature that was made for another hash, or another chunk, is not accepted",
        requirement: "The munro's hash, or the chunk, is part of what is signed.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: |it| {
            refused(
                it,
                Gift::Forged(Forgery::Hash),
                "its signature was made for something else",
            )
        },
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.1/chunk-alone-refused",
        title: "A signature of the chunk alone is not accepted",
        requirement: "A chunk's signature is computed over chunk specification, timestamp and \
                      chunk: one that leaves the others out lets anybody move the chunk.",
        finds: &[M::AcksEverything, M::TakesAnyChunk, M::TakesHashAlone],
        run: chunk_alone,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.2/hash-alone-refused",
        title: "A signature of the munro's hash alone is not accepted",
        requirement: "A munro's signature is computed over chunk specification, timestamp and \
                      hash: one that leaves the timestamp out can be dated anew by anybody.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesHashAlone,
            M::BelievesHashAloneOnly,
            M::DiesOfWrongSignature,
            // Who declares no chunk size is libswift to our own engine.
            M::DropsChunkSize,
        ],
        run: hash_alone,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.2/signature-taken",
        title: "A signature over chunk specification, timestamp and hash is taken",
        requirement: "The signature is computed over the munro's chunk specification as it is on \
                      the wire, the timestamp in NTP's format and the hash, in that order.",
        finds: &[M::BelievesHashAloneOnly, M::NoAcks],
        run: signature_taken,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.1/wrong-munro-refused",
        title: "A chunk below a munro whose hash is not the signed one is not accepted",
        requirement: "Chunks are verified against the munro hash, which is trusted when its \
                      signature was verified.",
        finds: &[
            M::AcksEverything,
            M::TakesAnySignature,
            M::TakesAnyChunk,
            M::DiesOfWrongSignature,
        ],
        run: wrong_munro,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.3/missing-signature-refused",
        title: "A chunk for which no signature has come is not accepted",
        requirement: "Who is sent a chunk gets its signature, or its munro's, before: without it \
                      the chunk can't be checked, and is not accepted.",
        finds: &[M::AcksEverything, M::TakesUnsigned],
        run: |it| refused(it, Gift::NoPeaks, "no signature has come for it"),
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1/unverified-not-written",
        title: "A chunk whose signature is wrong is not written out",
        requirement: "Upon receiving a chunk peers check its signature, or its munro's: what does \
                      not hold is not the stream's, and nobody is to see it.",
        finds: &[M::WritesUnverified, M::DiesOfWrongSignature],
        run: not_written,
        ..VIEWER
    },
    Case {
        id: "rfc7574/12.6.5/wrong-signature-survived",
        title: "A wrong signature does no harm",
        requirement: "Bogus INTEGRITY and SIGNED_INTEGRITY messages make their receiver check \
                      them; where they do not hold it may leave their sender, or go on.",
        finds: &[M::DiesOfWrongSignature],
        run: wrong_signature_survived,
        ..ROBUST
    },
];

/// The first chunk that may be given wrong: the signature of those before has come.
fn first_wrong(seeder: &Seeder) -> u64 {
    let first = seeder.first();
    if seeder.content.has_munros() {
        seeder.content.group(first).end() + 1
    } else {
        first + RIGHT
    }
}

/// Gives some chunks right, then others so; those may not be accepted.
fn refused(it: &mut Conversation<'_>, wrong: Gift, because: &str) -> Outcome {
    let mut seeder = asked(it)?;
    // The right munro is told by nothing else.
    seeder.introduction = None;
    let from = first_wrong(&seeder);
    let within = it.patience().answer * 4;
    let mut bad = BTreeSet::new();
    let mut begin = None;
    let mut gift = |chunk: u64, _| {
        if chunk < from {
            return Gift::Right;
        }
        bad.insert(chunk);
        wrong
    };
    // The target has to come to them first.
    seeder.serve(it, within, &mut gift, |seeder| {
        begin = begin.or_else(|| seeder.given.keys().copied().find(|it| *it >= from));
        begin.is_some()
    })?;
    seeder.serve(it, it.patience().quiet * 2, gift, |_| false)?;
    if bad.is_empty() {
        return Err(Stop::Inconclusive(format!(
            "no chunk from {from} on is asked for, {} before",
            seeder.given.len()
        )));
    }
    none_accepted(&seeder, &bad, because)
}

fn other_chunks(it: &mut Conversation<'_>) -> Outcome {
    needs_whole_signatures(it)?;
    let because = "its signature was made for other chunks";
    refused(it, Gift::Forged(Forgery::Chunks), because)
}

fn redated(it: &mut Conversation<'_>) -> Outcome {
    needs_whole_signatures(it)?;
    let because = "its signature was made an hour before it says";
    refused(it, Gift::Forged(Forgery::Time), because)
}

fn chunk_alone(it: &mut Conversation<'_>) -> Outcome {
    needs_signed_chunks(it)?;
    let because = "its signature covers neither chunk specification nor timestamp";
    refused(it, Gift::Forged(Forgery::HashAlone), because)
}

fn hash_alone(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    if it.known().manner.signs_hash_alone {
        needs_fetching(it)?;
        return Err(Stop::violation(
            "signatures that cover more than a hash are believed, and others are not",
            "the target believes those that cover the hash alone",
            [],
        ));
    }
    let because = "its signature covers neither chunk specification nor timestamp";
    refused(it, Gift::Forged(Forgery::HashAlone), because)
}

fn signature_taken(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    super::support::stream(&mut seeder)?.sign_hash_alone(false);
    seeder.welcome(it, Offer::All)?;
    let within = it.patience().answer * 4;
    let done = seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| !seeder.log.accepted().is_empty(),
    )?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        "ACKs of chunks below munros that are signed as the RFC has it",
        if it.known().manner.signs_hash_alone {
            "none; signatures of the hash alone it believes"
        } else {
            "none"
        },
    ))
}

fn wrong_munro(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    refused(
        it,
        Gift::WrongPeaks,
        "its munro has another hash than was signed",
    )
}

fn not_written(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    // The right munro is told by nothing else.
    seeder.introduction = None;
    let from = first_wrong(&seeder);
    let mut bad = BTreeSet::new();
    let gift = |chunk: u64, _| {
        if chunk < from {
            return Gift::Right;
        }
        if bad.len() >= 3 {
            return Gift::Nothing;
        }
        bad.insert(chunk);
        Gift::Forged(Forgery::Bytes)
    };
    let within = it.patience().answer * 4;
    seeder.serve(it, within, gift, |seeder| {
        seeder.given.keys().filter(|it| **it >= from).count() >= 3
    })?;
    seeder.watch(it, it.patience().quiet, |_| false)?;
    if bad.is_empty() {
        return Err(Stop::Inconclusive(format!(
            "no chunk from {from} on is asked for"
        )));
    }
    let Some(written) = it.output() else {
        return Err(Stop::Skip(
            "what the target writes is not known; {output} in --exec tells it where".to_owned(),
        ));
    };
    for chunk in bad {
        let data = seeder.content.chunk(chunk).unwrap_or_default();
        let mut places = written.windows(data.len().max(1));
        if places.any(|place| place == data) {
            let given = seeder.given.get(&chunk).map(|it| it.frame);
            return Err(Stop::violation(
                format!("nothing of chunk {chunk} in what is written: its signature is wrong"),
                "it is there",
                given,
            ));
        }
    }
    Ok(())
}

fn wrong_signature_survived(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    let from = first_wrong(&seeder);
    let mut wrong = 0;
    let gift = |chunk: u64, _| {
        if chunk < from || wrong >= 3 {
            return Gift::Right;
        }
        wrong += 1;
        Gift::Forged(Forgery::Bytes)
    };
    let within = it.patience().answer * 4;
    seeder.serve(it, within, gift, |seeder| {
        seeder.given.keys().filter(|it| **it >= from).count() > 3
    })?;
    if seeder.given.keys().all(|it| *it < from) {
        return Err(Stop::Inconclusive(format!(
            "no chunk from {from} on is asked for"
        )));
    }
    goes_on_or_leaves(it, &mut seeder, "wrong signatures")
}
