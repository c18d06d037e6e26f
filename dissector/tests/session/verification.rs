//! Verdicts on chunks, hashes and signatures.

use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::session::{Failure, Late, Reason, Verdict, Verification};
use ppspp_dissector::wire::{ContentIntegrity, Message, MessageType, ProtocolOption};

use crate::content::{Over, chunk, hash, options, several, sign, signed, wrong_chunk, wrong_hash};
use crate::support::{BOB, CAROL, Seen, Talk, ntp};
use crate::words::{Change, LIVE, Say, handshake, have, request};

/// The channel IDs of Carol and Bob.
const CAROLS: u32 = 0xca20_71d6;
const BOBS: u32 = 0x3fe8_550b;

/// The content, each chunk with the hashes that it needs and Alice lacks.
fn transfer() -> Vec<Vec<Message<'static>>> {
    vec![
        vec![hash(0, 7), hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)],
        vec![chunk(1)],
        vec![hash(3, 3), chunk(2)],
        vec![chunk(3)],
        vec![hash(6, 7), hash(5, 5), chunk(4)],
        vec![chunk(5)],
        vec![hash(7, 7), chunk(6)],
        vec![chunk(7)],
    ]
}

/// Ends the capture: all verdicts that came late, and all that failed.
fn end(talk: &mut Talk) -> (Vec<Late>, Vec<Failure>) {
    let (last_late, last_failures) = talk.analyzer.close();
    let seen = talk.seen();
    let mut late: Vec<_> = seen.iter().flat_map(|seen| seen.late.clone()).collect();
    let mut failures: Vec<_> = seen.iter().flat_map(|seen| seen.failures.clone()).collect();
    late.extend(last_late);
    failures.extend(last_failures);
    (late, failures)
}

fn verification(talk: &Talk) -> &Verification {
    talk.swarm().verification.as_deref().expect("some verdicts")
}

fn verified(talk: &Talk) -> Vec<u64> {
    (0..8)
        .filter(|&chunk| verification(talk).verified().contains(chunk))
        .collect()
}

/// The verdict on the last message.
fn last(seen: &Seen) -> Verdict {
    *seen.verdicts.last().expect("messages")
}

/// The last verdict on the message of this frame at this offset.
fn final_verdict(late: &[Late], seen: &Seen, place: usize) -> Verdict {
    late.iter()
        .rev()
        .find(|late| late.frame == seen.frame && late.offset == seen.offsets[place])
        .map_or(seen.verdicts[place], |late| late.verdict)
}

#[test]
fn every_chunk_that_comes_with_its_uncles_is_verified_at_once() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    for datagram in transfer() {
        let seen = talk.bob(&datagram);
        assert!(seen.verdicts.iter().all(|it| *it == Verdict::Verified));
        assert_eq!(
            seen.receiver_verdicts.last(),
            Some(&Some(Verdict::Verified))
        );
    }
    let (late, failures) = end(&mut talk);
    assert_eq!((late, failures), (vec![], vec![]));
    assert_eq!(talk.findings(), [""; 0]);
    assert!(verification(&talk).is_complete());
    assert_eq!(verification(&talk).content_length(Some(1024)), Some(8192));
}

#[test]
fn a_chunk_is_verified_once_its_uncles_have_come() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let early = talk.bob([hash(0, 7), hash(4, 7), hash(2, 3), chunk(0)]);
    assert_eq!(last(&early), Verdict::Unverified);
    assert_eq!(early.receiver_verdicts[3], Some(Verdict::Unverified));
    assert_eq!(verification(&talk).messages().unverified, 1);
    let later = talk.bob([hash(1, 1)]);
    let of_chunk: Vec<_> = later
        .late
        .iter()
        .filter(|late| late.kind == MessageType::Data)
        .collect();
    let [late] = of_chunk[..] else {
        panic!("{:?}", later.late);
    };
    assert_eq!((late.frame, late.offset), (early.frame, early.offsets[3]));
    assert_eq!(late.chunks.start(), 0);
    assert_eq!(late.verdict, Verdict::Verified);
    let tally = verification(&talk).messages();
    assert_eq!((tally.verified, tally.unverified), (1, 0));
    // Its receiver still could not when it came.
    let (_, receiver) = verification(&talk).receivers().next().expect("Alice");
    assert_eq!(receiver.tally().unverified, 1);
}

#[test]
fn what_another_receiver_was_sent_verifies_a_chunk_for_us_but_not_for_its_receiver() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let to_alice = talk.bob(&transfer()[0]);
    assert_eq!(to_alice.receiver_verdicts[4], Some(Verdict::Verified));
    talk.from(CAROL)
        .to(BOB)
        .send([handshake(CAROLS, &options())]);
    let reply = [handshake(BOBS, &options().reply()), have(0, 7)];
    talk.from(BOB).to(CAROL).channel(CAROLS).send(reply);
    talk.from(CAROL).to(BOB).channel(BOBS).send([request(0, 7)]);
    let seen = talk.from(BOB).to(CAROL).channel(CAROLS).send([chunk(0)]);
    assert_eq!(seen.verdicts, [Verdict::Verified]);
    assert_eq!(seen.receiver_verdicts, [Some(Verdict::Unverified)]);
    assert!(seen.has("integrity.uncles-missing"));
    for (address, receiver) in verification(&talk).receivers() {
        let tally = receiver.tally();
        let expected = if *address == CAROL { (0, 1) } else { (1, 0) };
        assert_eq!((tally.verified, tally.unverified), expected, "{address}");
    }
}

#[test]
fn a_changed_chunk_that_is_never_sent_again_is_the_one_failure() {
    for number in 0..8u64 {
        let mut talk = Talk::default();
        talk.ask_for_content();
        let mut changed = None;
        let mut sent = Vec::new();
        for (at, mut datagram) in transfer().into_iter().enumerate() {
            if at as u64 == number {
                *datagram.last_mut().expect("a chunk") = wrong_chunk(number);
            }
            let seen = talk.bob(&datagram);
            if at as u64 == number {
                changed = Some(seen.clone());
            }
            sent.push(seen);
        }
        let changed = changed.expect("one of eight");
        assert_eq!(last(&changed), Verdict::Failed, "chunk {number}");
        // Of each pair the second chunk's hash was proven by the first.
        let at_once = number % 2 == 1;
        assert_eq!(changed.failures.len(), usize::from(at_once));
        let (late, failures) = end(&mut talk);
        let [failure] = failures[..] else {
            panic!("chunk {number}: {failures:?}");
        };
        assert_eq!(failure.frame, changed.frame, "chunk {number}");
        assert_eq!(Some(&failure.offset), changed.offsets.last());
        assert_eq!(failure.kind, MessageType::Data);
        assert_eq!(failure.chunks.start(), number);
        assert_eq!(failure.source, BOB);
        let reason = if at_once {
            Reason::WrongChunk
        } else {
            Reason::Contradiction
        };
        assert_eq!(failure.reason, reason, "chunk {number}");
        for seen in sent.iter().filter(|seen| seen.frame != changed.frame) {
            let verdict = final_verdict(&late, seen, seen.offsets.len() - 1);
            assert_ne!(verdict, Verdict::Failed, "chunk {number}: {seen:?}");
        }
        assert!(!verified(&talk).contains(&number));
        let tally = verification(&talk).messages();
        assert_eq!(tally.failed, 1, "chunk {number}");
        assert_eq!(tally.verified + tally.unverified, 7, "chunk {number}");
    }
}

#[test]
fn a_changed_chunk_of_a_pair_fails_at_the_end_by_contradiction() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let seen = talk.bob([
        hash(0, 7),
        hash(4, 7),
        hash(2, 3),
        hash(1, 1),
        wrong_chunk(0),
    ]);
    assert!(seen.failures.is_empty());
    let (_, failures) = talk.analyzer.close();
    let [failure] = failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(failure.frame, seen.frame);
    assert_eq!(failure.kind, MessageType::Data);
    assert_eq!(failure.reason, Reason::Contradiction);
}

#[test]
fn a_changed_chunk_that_is_sent_again_is_the_one_failure_and_all_is_verified() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let mut datagrams = transfer();
    datagrams[4][2] = wrong_chunk(4);
    let sent: Vec<_> = datagrams.iter().map(|it| talk.bob(it)).collect();
    talk.bob([chunk(4)]);
    let (_, failures) = end(&mut talk);
    let [failure] = failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(failure.frame, sent[4].frame);
    assert_eq!(failure.kind, MessageType::Data);
    assert_eq!(verified(&talk), (0..8).collect::<Vec<_>>());
    assert!(verification(&talk).failed().contains(4));
}

#[test]
fn a_changed_hash_is_the_one_failure_where_all_content_is_there() {
    // By datagram and place; that of the root hash is named by the swarm ID.
    let hashes = [
        (0, 0, (0, 7)),
        (0, 1, (4, 7)),
        (0, 2, (2, 3)),
        (0, 3, (1, 1)),
        (2, 0, (3, 3)),
        (4, 0, (6, 7)),
        (4, 1, (5, 5)),
        (6, 0, (7, 7)),
    ];
    for (at, place, (first, end_chunk)) in hashes {
        let what = format!("hash of {first} to {end_chunk}");
        let mut talk = Talk::default();
        talk.ask_for_content();
        let mut datagrams = transfer();
        datagrams[at][place] = wrong_hash(first, end_chunk);
        let sent: Vec<_> = datagrams.iter().map(|it| talk.bob(it)).collect();
        let (late, failures) = end(&mut talk);
        let [failure] = failures[..] else {
            panic!("{what}: {failures:?}");
        };
        assert_eq!(failure.frame, sent[at].frame, "{what}");
        assert_eq!(failure.offset, sent[at].offsets[place], "{what}");
        assert_eq!(failure.kind, MessageType::Integrity, "{what}");
        assert_eq!(failure.reason, Reason::WrongHash, "{what}");
        assert_eq!(verified(&talk), (0..8).collect::<Vec<_>>(), "{what}");
        let tally = verification(&talk).messages();
        assert_eq!((tally.verified, tally.failed), (8, 0), "{what}");
        for (number, seen) in sent.iter().enumerate() {
            for other in 0..seen.offsets.len() {
                let expected = if (number, other) == (at, place) {
                    Verdict::Failed
                } else {
                    Verdict::Verified
                };
                let verdict = final_verdict(&late, seen, other);
                assert_eq!(verdict, expected, "{what}: {number}, {other}");
            }
        }
    }
}

#[test]
fn a_signed_munro_proves_the_chunks_below_it() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::UnifiedMerkle);
    let signature = sign(0, 7, ntp(), Over::Munro);
    let munro = signed(0, 7, ntp(), &signature);
    let seen = talk.bob([hash(0, 7), munro, LIVE.have(0, 7)]);
    assert_eq!(seen.verdicts[1], Verdict::Verified);
    assert_eq!(seen.verdicts[0], Verdict::Verified);
    for datagram in &transfer() {
        let seen = talk.bob(datagram);
        assert_eq!(last(&seen), Verdict::Verified);
        assert_eq!(
            seen.receiver_verdicts.last(),
            Some(&Some(Verdict::Verified))
        );
    }
    assert_eq!(end(&mut talk).1, []);
    assert_eq!(verification(&talk).signatures().verified, 1);
}

#[test]
fn a_munro_with_a_wrong_signature_proves_nothing() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::UnifiedMerkle);
    let mut signature = sign(0, 7, ntp(), Over::Munro);
    signature[9] ^= 1;
    let munro = signed(0, 7, ntp(), &signature);
    let seen = talk.bob([hash(0, 7), munro, LIVE.have(0, 7)]);
    assert_eq!(seen.verdicts[1], Verdict::Failed);
    for datagram in &transfer() {
        talk.bob(datagram);
    }
    let (_, failures) = end(&mut talk);
    let [failure] = failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(
        (failure.frame, failure.offset),
        (seen.frame, seen.offsets[1])
    );
    assert_eq!(failure.kind, MessageType::SignedIntegrity);
    assert_eq!(failure.reason, Reason::WrongSignature);
    assert_eq!(verified(&talk), [0; 0]);
}

#[test]
fn with_sign_all_a_signature_verifies_its_chunk_and_no_other() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::SignAll);
    let [zero, one] = [0, 1].map(|chunk| sign(chunk, chunk, ntp(), Over::Chunk));
    let right = talk.bob([signed(0, 0, ntp(), &zero), chunk(0)]);
    assert_eq!(right.verdicts, [Verdict::Verified; 2]);
    assert_eq!(right.receiver_verdicts[1], Some(Verdict::Verified));
    let changed = talk.bob([signed(1, 1, ntp(), &one), wrong_chunk(1)]);
    assert_eq!(changed.verdicts[1], Verdict::Failed);
    assert!(changed.has("data.wrong-chunk"));
    let (_, failures) = end(&mut talk);
    let [failure] = failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(
        (failure.frame, failure.offset),
        (changed.frame, changed.offsets[1])
    );
    assert_eq!(failure.kind, MessageType::Data);
    assert_eq!(failure.reason, Reason::WrongSignedChunk);
    assert_eq!(verified(&talk), [0]);
    assert!(verification(&talk).failed().contains(1));
}

#[test]
fn with_sign_all_a_signature_that_comes_later_settles_its_chunk() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::SignAll);
    let zero = sign(0, 0, ntp(), Over::Chunk);
    let early = talk.bob([chunk(0)]);
    assert_eq!(early.verdicts, [Verdict::Unverified]);
    let seen = talk.bob([signed(0, 0, ntp(), &zero)]);
    assert_eq!(seen.verdicts, [Verdict::Verified]);
    let [late] = seen.late[..] else {
        panic!("{:?}", seen.late);
    };
    assert_eq!(
        (late.frame, late.offset, late.kind, late.verdict),
        (
            early.frame,
            early.offsets[0],
            MessageType::Data,
            Verdict::Verified
        )
    );
    let tally = *verification(&talk).messages();
    assert_eq!((tally.verified, tally.unverified), (1, 0));
    assert_eq!(verified(&talk), [0]);
    assert_eq!(end(&mut talk).1, []);
}

#[test]
fn with_sign_all_a_signature_behind_its_chunk_in_the_datagram_counts_once() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::SignAll);
    let zero = sign(0, 0, ntp(), Over::Chunk);
    let seen = talk.bob([chunk(0), signed(0, 0, ntp(), &zero)]);
    assert_eq!(seen.verdicts, [Verdict::Verified; 2]);
    assert_eq!(seen.late, []);
    let tally = *verification(&talk).messages();
    assert_eq!((tally.verified, tally.unverified), (1, 0));
    assert_eq!(verified(&talk), [0]);
}

#[test]
fn with_sign_all_a_chunk_that_no_later_signature_fits_has_failed_in_the_end() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::SignAll);
    let one = sign(1, 1, ntp(), Over::Chunk);
    let early = talk.bob([wrong_chunk(1)]);
    assert_eq!(talk.bob([signed(1, 1, ntp(), &one)]).late, []);
    let (late, failures) = end(&mut talk);
    let ([late], [failure]) = (&late[..], &failures[..]) else {
        panic!("{late:?} {failures:?}");
    };
    assert_eq!(late.verdict, Verdict::Failed);
    assert_eq!(
        (failure.frame, failure.kind),
        (early.frame, MessageType::Data)
    );
    assert_eq!(failure.reason, Reason::WrongSignedChunk);
    assert_eq!(verification(&talk).messages().failed, 1);
}

#[test]
fn a_message_of_several_chunks_is_verified_chunk_by_chunk() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let (right, wrong) = (several(0, &[false, false]), several(0, &[false, true]));
    let hashes = [hash(0, 7), hash(4, 7), hash(2, 3)];
    let seen = talk.bob([&hashes[..], std::slice::from_ref(&wrong)].concat());
    assert_eq!(*seen.verdicts.last().expect("DATA"), Verdict::Unverified);
    let seen = talk.bob([&hashes[..], &[right]].concat());
    assert_eq!(*seen.verdicts.last().expect("DATA"), Verdict::Verified);
    assert_eq!(seen.receiver_verdicts[3], Some(Verdict::Verified));
    assert_eq!(verified(&talk), [0, 1]);
    // Of the first message, one chunk was right.
    let chunks = seen.late.iter().filter(|it| it.kind == MessageType::Data);
    let mut late: Vec<_> = chunks.map(|it| (it.chunks.start(), it.verdict)).collect();
    late.sort_by_key(|(chunk, _)| *chunk);
    assert_eq!(late, [(0, Verdict::Verified), (1, Verdict::Failed)]);
    let tally = *verification(&talk).messages();
    assert_eq!((tally.verified, tally.failed, tally.unverified), (3, 1, 0));
    assert_eq!(last(&talk.bob([wrong])), Verdict::Failed);
}

/// Carol, to whom Bob has sent everything, so that all of the tree is proven.
fn send_everything_to_carol(talk: &mut Talk) {
    let reply = [handshake(BOBS, &options().reply()), have(0, 7)];
    let opening = [handshake(CAROLS, &options())];
    talk.from(CAROL).to(BOB).send(opening);
    talk.from(BOB).to(CAROL).channel(CAROLS).send(reply);
    talk.from(CAROL).to(BOB).channel(BOBS).send([request(0, 7)]);
    for datagram in transfer() {
        let to_carol = talk.from(BOB).to(CAROL).channel(CAROLS);
        assert_eq!(last(&to_carol.send(&datagram)), Verdict::Verified);
    }
}

#[test]
fn who_has_announced_a_chunk_knows_the_hashes_around_it() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    send_everything_to_carol(&mut talk);
    talk.alice([have(0, 3)]);
    // Beside what Alice has, and so below a node that she has the hash of.
    let seen = talk.bob([hash(6, 7), hash(5, 5), chunk(4)]);
    assert!(!seen.has("integrity.uncles-missing"));
    // By what was sent to her, she could not verify it.
    assert_eq!(seen.receiver_verdicts[2], Some(Verdict::Unverified));
    // What lies below that node she was not sent.
    let mut talk = Talk::default();
    talk.ask_for_content();
    send_everything_to_carol(&mut talk);
    talk.alice([have(0, 3)]);
    let seen = talk.bob([hash(6, 7), chunk(4)]);
    assert_eq!(seen.receiver_verdicts[1], Some(Verdict::Unverified));
    assert!(seen.has("integrity.uncles-missing"));
}

#[test]
fn what_a_peer_with_chunks_knows_of_hashes_that_were_never_seen_is_not_guessed() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    talk.alice([have(0, 3)]);
    let seen = talk.bob([hash(6, 7), hash(5, 5), chunk(4)]);
    assert_eq!(seen.verdicts[2], Verdict::Unverified);
    assert!(!seen.has("integrity.uncles-missing"));
}

#[test]
fn without_protection_a_chunk_is_neither_right_nor_wrong() {
    let mut talk = Talk::default();
    talk.verify();
    let all = options().with(ProtocolOption::ContentIntegrity(ContentIntegrity::None));
    talk.open(&all, &all.clone().reply(), &[have(0, 7)]);
    talk.alice([request(0, 7)]);
    for seen in [talk.bob([chunk(0)]), talk.bob([wrong_chunk(1)])] {
        assert_eq!(seen.verdicts, [Verdict::Unprotected]);
    }
    assert_eq!(end(&mut talk), (vec![], vec![]));
    assert_eq!(verification(&talk).messages().unprotected, 2);
    assert!(verification(&talk).unprotected().contains(1));
    assert_eq!(verified(&talk), [0; 0]);
}

#[test]
fn without_being_asked_nothing_is_verified() {
    let mut talk = Talk::default();
    let all = options();
    talk.open(&all, &all.clone().reply(), &[have(0, 7)]);
    talk.alice([request(0, 7)]);
    talk.bob([
        hash(0, 7),
        hash(4, 7),
        hash(2, 3),
        hash(1, 1),
        wrong_chunk(0),
    ]);
    assert!(talk.swarm().verification.is_none());
    assert_eq!(talk.findings(), [""; 0]);
}

#[test]
fn beside_a_wrong_hash_a_right_signature_is_verified_once_the_right_hash_has_come() {
    let mut talk = Talk::default();
    talk.tune_in(ContentIntegrity::UnifiedMerkle);
    let signature = sign(0, 7, ntp(), Over::Munro);
    let munro = signed(0, 7, ntp(), &signature);
    let first = talk.bob([wrong_hash(0, 7), munro.clone(), LIVE.have(0, 7)]);
    assert_eq!(first.verdicts[1], Verdict::Failed);
    talk.bob([hash(0, 7), munro, LIVE.have(0, 7)]);
    let (late, failures) = end(&mut talk);
    assert_eq!(final_verdict(&late, &first, 1), Verdict::Verified);
    let [failure] = failures[..] else {
        panic!("{failures:?}");
    };
    assert_eq!(failure.kind, MessageType::Integrity);
    assert_eq!(failure.frame, first.frame);
    assert_eq!(verification(&talk).signatures().verified, 2);
}

#[test]
fn the_chunks_of_a_known_channel_are_foreseen_and_no_others() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let seen = talk.bob([hash(0, 7), hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)]);
    // With the uncles beside it, beside both, and beside all four.
    assert_eq!(seen.foreseen, (1, 3));
    assert_eq!(talk.bob([hash(3, 3)]).foreseen, (0, 0));
    assert_eq!(talk.bob([chunk(2)]).foreseen, (1, 0));
    // Of a channel that nobody announced, nothing is known beforehand.
    let stranger = talk.from(BOB).channel(BOBS).send([chunk(3)]);
    assert_eq!(stranger.foreseen, (0, 0));
}

#[test]
fn a_hash_that_was_made_before_is_the_one_that_counts() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    talk.hasher = Some(TreeHash::chunk);
    for datagram in transfer() {
        assert_eq!(last(&talk.bob(&datagram)), Verdict::Verified);
    }
    let mut talk = Talk::default();
    talk.ask_for_content();
    talk.bob(&transfer()[0]);
    talk.hasher = Some(|function, _| function.chunk(b"another chunk"));
    assert_eq!(last(&talk.bob([chunk(1)])), Verdict::Failed);
}
