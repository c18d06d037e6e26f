//! What the target makes of chunks and hashes, right and wrong (RFC 7574,
//! sections 3.4, 4.3, 5 and 8.7).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::wire::{ChunkAddressing, MessageType};

use super::support::{AGAIN, another, asked, begun, count, needs_fetching, none_accepted};
use super::{FETCHER, LEECHER};
use crate::peer::engine::Chunks;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Acks, Delivery};
use crate::probe::serve::{Acked, Gift, Seeder};

const ACK: &[MessageType] = &[MessageType::Ack];
const HAVE: &[MessageType] = &[MessageType::Have];

/// Chunks that are right before one is wrong.
const RIGHT: u64 = 4;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.4/chunks-acknowledged",
        title: "Chunks that are right are acknowledged",
        requirement: "A receiver that has successfully checked the integrity of a chunk sends an \
                      ACK with a chunk specification for it.",
        awaits: ACK,
        finds: &[M::NoAcks],
        run: acknowledged,
        ..FETCHER
    },
    Case {
        id: "rfc7574/4.3.2/ack-biggest-interval",
        title: "ACK names the biggest complete interval",
        requirement: "An ACK names the biggest complete interval of chunks that are there and \
                      covers the one that came.",
        awaits: ACK,
        // To who declares no chunk size, our own engine acknowledges singly.
        finds: &[M::SingleAcks, M::DropsChunkSize],
        run: biggest_interval,
        ..FETCHER
    },
    Case {
        id: "rfc7574/8.7/delay-samples",
        title: "Delay samples follow the timestamps of DATA",
        requirement: "An ACK holds the one-way delay: the receiver's time less the timestamp of \
                      the DATA, in microseconds. A timestamp that is ahead lessens the sample by \
                      as much.",
        awaits: ACK,
        finds: &[M::ConstantDelay, M::NoAcks, M::AcksEverything],
        run: delay_samples,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.2/no-have-to-seeder",
        title: "A seeder gets no HAVE",
        requirement: "HAVE should not be sent to peers that have the complete content already.",
        level: Level::Should,
        finds: &[M::HavesToSeeder],
        run: no_have_to_seeder,
        ..LEECHER
    },
    Case {
        id: "rfc7574/3.2/announces-what-it-has",
        title: "Others are told what the target has fetched, and no more",
        requirement: "A receiver that has successfully checked a chunk sends HAVE for it to all \
                      peers that it wants to let download it, and HAVE names verified chunks only.",
        awaits: HAVE,
        finds: &[M::NoHaves],
        run: announces,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.1/wrong-chunk-refused",
        title: "A chunk with other bytes is not accepted",
        requirement: "The hash tree tells directly when fake content is distributed: only a chunk \
                      that was successfully checked is acknowledged or announced.",
        finds: &[M::AcksEverything, M::TakesAnyChunk],
        run: wrong_chunk,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.3/wrong-hash-refused",
        title: "A chunk with a wrong uncle hash is not accepted",
        requirement: "A chunk is checked against the root hash by its uncle hashes; if one of them \
                      is wrong, the check fails.",
        finds: &[M::AcksEverything],
        run: wrong_hash,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.3/missing-hashes-refused",
        title: "A chunk without hashes is not accepted",
        requirement: "Where hashes are missing to check a chunk it can't be accepted: it is \
                      discarded or waits.",
        finds: &[M::AcksEverything],
        run: missing_hashes,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.6.2/missing-peaks-refused",
        title: "A chunk without peaks is not accepted",
        requirement: "The peak hashes are checked against the root hash; until they have come, \
                      uncles below them prove nothing.",
        finds: &[M::AcksEverything],
        run: missing_peaks,
        ..LEECHER
    },
    Case {
        id: "rfc7574/5.6.2/wrong-peaks-refused",
        title: "Peaks that do not make the root are not believed",
        requirement: "The receiver checks the peak hashes against the root hash.",
        finds: &[M::AcksEverything],
        run: wrong_peaks,
        ..LEECHER
    },
    Case {
        id: "rfc7574/12.6.3/unasked-chunk-refused",
        title: "A bogus chunk that was not asked for is not accepted",
        requirement: "Bogus chunks are found by the integrity protection, whether or not they were \
                      asked for.",
        finds: &[M::AcksEverything, M::TakesAnyChunk],
        run: unasked_chunk,
        ..FETCHER
    },
    Case {
        id: "rfc7574/12.7/liar-left",
        title: "Who sends nothing but wrong chunks is left",
        requirement: "A receiver can detect a malicious sender, which it can then ignore; if \
                      hashes do not check out it stops asking.",
        level: Level::Should,
        limit: Duration::from_secs(40),
        finds: &[M::KeepsAskingLiars],
        run: liar_left,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.3/hashes-after-chunk",
        title: "A chunk whose hashes come later is fetched all the same",
        requirement: "Datagrams may change their order on the way: a chunk that lacked hashes when \
                      it came is verified later or asked for again.",
        level: Level::Robustness,
        awaits: ACK,
        finds: &[M::DiesOfLateHashes],
        limit: Duration::from_secs(30),
        run: hashes_after_chunk,
        ..FETCHER
    },
];

fn acknowledged(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    let within = it.patience().answer * 3;
    let mut given = 0;
    let gift = |_, _| {
        given += 1;
        if given <= 16 {
            Gift::Right
        } else {
            Gift::Nothing
        }
    };
    seeder.serve(it, within, gift, |seeder| {
        let acknowledged = seeder.log.acknowledged();
        let given = seeder.given.iter().filter(|(_, it)| it.frame > 0);
        let mut right = given.map(|(chunk, _)| *chunk).peekable();
        right.peek().is_some()
            && seeder.given.len() >= 4
            && right.all(|it| acknowledged.contains(&it))
    })?;
    let acknowledged = seeder.log.acknowledged();
    let missing: Vec<u64> = seeder
        .given
        .iter()
        .filter(|(chunk, it)| it.frame > 0 && !acknowledged.contains(chunk))
        .map(|(chunk, _)| *chunk)
        .collect();
    match missing.first() {
        None => Ok(()),
        Some(chunk) => Err(Stop::silence(
            "ACKs for all chunks that were given",
            format!("none for {} of them, such as {chunk}", missing.len()),
        )),
    }
}

/// Gives chunks in their order, each when the one before is acknowledged.
fn one_by_one(it: &mut Conversation<'_>, seeder: &mut Seeder, chunks: u64) -> Outcome {
    let first = seeder.first();
    for chunk in first..first + chunks {
        let has = |seeder: &Seeder| seeder.log.acknowledged().contains(&chunk);
        for _ in 0..3 {
            seeder.give(it, chunk, Gift::Right)?;
            if seeder.watch(it, it.patience().answer, has)? {
                break;
            }
        }
        if !has(seeder) {
            return Err(Stop::Inconclusive(format!(
                "chunk {chunk} is not acknowledged"
            )));
        }
    }
    Ok(())
}

fn biggest_interval(it: &mut Conversation<'_>) -> Outcome {
    it.chunks(8)?;
    let mut seeder = asked(it)?;
    one_by_one(it, &mut seeder, 8)?;
    seeder.watch(it, Duration::from_millis(50), |_| false)?;
    let is_bins = matches!(
        it.swarm().addressing,
        ChunkAddressing::Bin32 | ChunkAddressing::Bin64
    );
    // Of eight chunks in a row, ranges and bins name all at the end.
    let (first, end) = (seeder.first(), seeder.first() + 7);
    if is_bins && first % 8 != 0 {
        return Err(Stop::Skip(
            "no bin names eight chunks from where the stream is".to_owned(),
        ));
    }
    let mut last = seeder.log.acks.iter().rev();
    let ack = last.find(|ack| ack.said.chunks.contains(end));
    let is_whole = |ack: &Acked| ack.said.chunks.contains(first) && ack.said.chunks.contains(end);
    match ack {
        Some(_) if seeder.log.acks.iter().any(is_whole) => Ok(()),
        Some(ack) => Err(Stop::violation(
            format!(
                "ACK {first}-{end}{}",
                if is_bins { ", which is one bin" } else { "" }
            ),
            format!("ACK {}", ack.said.chunks),
            [ack.said.frame],
        )),
        None => Err(Stop::silence(
            format!("ACK {first}-{end}"),
            format!("no ACK for chunk {end}"),
        )),
    }
}

/// How far timestamps are ahead: more than any delay here.
const AHEAD: u64 = 400_000;

fn delay_samples(it: &mut Conversation<'_>) -> Outcome {
    it.chunks(8)?;
    let mut seeder = asked(it)?;
    one_by_one(it, &mut seeder, 3).map_err(|stop| match stop {
        Stop::Inconclusive(actual) => {
            Stop::silence("ACKs with delay samples of the chunks", actual)
        }
        other => other,
    })?;
    let plain = seeder.log.acks.last().copied();
    let before = seeder.log.acks.len();
    it.note("the timestamp is 400 ms ahead");
    let chunk = seeder.first() + 3;
    seeder.give(it, chunk, Gift::Ahead(AHEAD))?;
    let within = it.patience().answer * 2;
    seeder.watch(it, within, |seeder| seeder.log.acks.len() > before)?;
    let (Some(plain), Some(ahead)) = (plain, seeder.log.acks.get(before)) else {
        return Err(Stop::silence(format!("an ACK of chunk {chunk}"), "none"));
    };
    // Samples are differences of clocks that nobody has set to each other.
    let lessened = plain.delay.wrapping_sub(ahead.delay) as i64;
    let error = lessened - AHEAD as i64;
    if error.unsigned_abs() < AHEAD / 2 {
        return Ok(());
    }
    Err(Stop::violation(
        format!("a delay sample about {AHEAD} us less than the one before"),
        format!("{} us, after {} us", ahead.delay as i64, plain.delay as i64),
        [plain.said.frame, ahead.said.frame],
    ))
}

fn no_have_to_seeder(it: &mut Conversation<'_>) -> Outcome {
    let seeder = begun(it, 16)?;
    match seeder.log.haves.first() {
        None => Ok(()),
        Some(said) => Err(Stop::violation(
            "no HAVE to us, who have announced everything",
            format!("HAVE {}", said.chunks),
            [said.frame],
        )),
    }
}

fn announces(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 16)?;
    let fetched = seeder.log.accepted().clone();
    let (channel, reply) = another(it, &seeder)?;
    let mut delivery = Delivery::new(it);
    let chunk_size = seeder.swarm.chunk_size;
    delivery.take(&channel, &reply, chunk_size);
    it.send(&channel, &[])?;
    let told = |delivery: &Delivery| {
        let mut all = Chunks::new();
        let haves = delivery
            .pieces
            .iter()
            .filter(|it| it.kind == MessageType::Have);
        for range in haves.filter_map(|it| it.chunks) {
            all.insert(range.start()..=range.end());
        }
        all
    };
    let within = it.patience().answer * 3;
    it.collect(&channel, &mut delivery, within, Acks::None, |it| {
        !told(it).is_empty()
    })?;
    let told = told(&delivery);
    if told.is_empty() {
        return Err(Stop::silence(
            "HAVEs for what the target has acknowledged",
            "none",
        ));
    }
    // What it has got since is not known to be wrong.
    seeder.watch(it, Duration::from_millis(50), |_| false)?;
    let given = seeder.chunks_given();
    for range in told.iter() {
        for chunk in range.clone() {
            if !fetched.contains(&chunk) && !given.contains(&chunk) {
                let frames = delivery.pieces.iter().map(|it| it.frame);
                return Err(Stop::violation(
                    "HAVEs for chunks that we have given",
                    format!("HAVE {}-{}", range.start(), range.end()),
                    frames.take(1).collect::<Vec<_>>(),
                ));
            }
        }
    }
    Ok(())
}

/// Gives some chunks right, then others so; those may not be accepted.
fn refused(it: &mut Conversation<'_>, right: u64, wrong: Gift, because: &str) -> Outcome {
    needs_fetching(it)?;
    if !it.known().protects {
        return Err(Stop::Skip(
            "the target declares that nothing protects its content".to_owned(),
        ));
    }
    let mut seeder = asked(it)?;
    let mut good = BTreeSet::new();
    let bad = RefCell::new(BTreeSet::new());
    let quiet = it.patience().quiet * 2;
    let within = it.patience().answer * 2 + quiet;
    let began = it.now();
    seeder.serve(
        it,
        within,
        |chunk, _| {
            // Whatever came right once stays right.
            if (good.len() as u64) < right || good.contains(&chunk) {
                good.insert(chunk);
                return Gift::Right;
            }
            // Whoever has all chunks below a node needs no hash for it.
            if wrong == Gift::NoHashes && chunk % 2 == 1 {
                return Gift::Nothing;
            }
            bad.borrow_mut().insert(chunk);
            wrong
        },
        // Once is enough.
        |seeder| seeder.log.acceptance(&bad.borrow()).is_some(),
    )?;
    let bad = bad.into_inner();
    if bad.is_empty() {
        return Err(Stop::Inconclusive(format!(
            "within {} s only {} chunks are asked for",
            it.now().since(began).as_secs(),
            seeder.given.len()
        )));
    }
    none_accepted(&seeder, &bad, because)
}

fn wrong_chunk(it: &mut Conversation<'_>) -> Outcome {
    refused(it, RIGHT, Gift::Spoilt, "the chunk is not the content's")
}

/// Goes on only where a tree leads to the chunks.
fn needs_tree(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity.has_tree() {
        return Ok(());
    }
    Err(Stop::Skip(
        "each chunk of the stream is signed, and has no hashes".to_owned(),
    ))
}

fn wrong_hash(it: &mut Conversation<'_>) -> Outcome {
    needs_tree(it)?;
    refused(it, 0, Gift::WrongUncle, "one of its uncle hashes is wrong")
}

fn missing_hashes(it: &mut Conversation<'_>) -> Outcome {
    needs_tree(it)?;
    refused(it, 0, Gift::NoHashes, "no hash has come")
}

fn missing_peaks(it: &mut Conversation<'_>) -> Outcome {
    refused(it, 0, Gift::NoPeaks, "the peaks have not come")
}

fn wrong_peaks(it: &mut Conversation<'_>) -> Outcome {
    refused(
        it,
        0,
        Gift::WrongPeaks,
        "the peaks do not make the root hash",
    )
}

fn unasked_chunk(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    it.chunks(FAR + 1)?;
    let mut seeder = begun(it, RIGHT)?;
    let asked = seeder.log.asked();
    // Of a stream one before those that are of interest.
    let candidates = match seeder.first() {
        0 => 0..FAR + 1,
        first => first.saturating_sub(FAR)..first,
    };
    let Some(chunk) = candidates.rev().find(|chunk| !asked.contains(chunk)) else {
        return Err(Stop::Skip(
            "the target asks for everything at once".to_owned(),
        ));
    };
    it.note("nobody has asked for this");
    seeder.give(it, chunk, Gift::Spoilt)?;
    seeder.watch(it, it.patience().quiet * 2, |_| false)?;
    let bad = BTreeSet::from([chunk]);
    none_accepted(&seeder, &bad, "the chunk is not the content's")
}

/// A chunk that is not asked for soon.
const FAR: u64 = 150;

fn liar_left(it: &mut Conversation<'_>) -> Outcome {
    if !it.known().protects {
        return Err(Stop::Skip(
            "the target declares that nothing protects its content".to_owned(),
        ));
    }
    let mut seeder = asked(it)?;
    it.note("from now on every chunk is wrong");
    let mut lies = 0_u32;
    let within = it.patience().answer * 6;
    let is_left = seeder.serve(
        it,
        within,
        |_, _| {
            lies += 1;
            Gift::Spoilt
        },
        |seeder| !seeder.log.closed.is_empty(),
    )?;
    // Who does not say that it leaves shows it by asking for nothing more.
    if is_left {
        seeder.watch(it, it.patience().answer, |_| false)?;
    }
    let last = seeder.log.requests.last();
    let end = it.now();
    let is_quiet = last.is_none_or(|said| end.since(said.at) > it.patience().answer * 2);
    let after_close = seeder.log.closed.first().is_some_and(|closed| {
        let mut requests = seeder.log.requests.iter();
        requests.all(|said| said.frame <= *closed)
    });
    if is_quiet || after_close {
        return Ok(());
    }
    let asked = last.map_or(0, |said| said.frame);
    Err(Stop::violation(
        "no REQUESTs any more after so many wrong chunks",
        format!("REQUESTs still, after {lies} wrong chunks"),
        [asked],
    ))
}

fn hashes_after_chunk(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, RIGHT)?;
    let before = count(&seeder);
    let mut late = 0;
    let done = seeder.serve(
        it,
        AGAIN,
        |_, times| {
            late += 1;
            if late <= 3 && times == 0 {
                Gift::HashesLater
            } else {
                Gift::Right
            }
        },
        |seeder| {
            // Those that were late, too.
            count(seeder) >= before + 6
                && seeder
                    .given
                    .iter()
                    .all(|(chunk, it)| it.frame == 0 || seeder.log.accepted().contains(chunk))
        },
    )?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        "ACKs for the chunks whose hashes came behind them",
        format!(
            "{} chunks are acknowledged, {before} were before",
            count(&seeder)
        ),
    ))
}
