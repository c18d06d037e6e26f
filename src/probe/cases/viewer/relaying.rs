//! What the target passes on to others of the stream (RFC 7574, sections 6.1.2.1 to
//! 6.1.2.4).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, MessageType};

use super::VIEWER;
use super::support::needs_munros;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::cases::leecher::support::{another, asked, begun};
use crate::probe::cases::support::describe;
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::fetch::{Acks, Delivery, Piece};
use crate::probe::proof::Check;
use crate::probe::serve::{Forgery, Gift, Seeder};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1.2.4/viewer-tells-munro",
        title: "The target tells others the last signed munro that it knows",
        requirement: "Each peer shares its knowledge of the stream: who has answered a HANDSHAKE \
                      sends its rightmost signed munro from the fourth datagram on.",
        awaits: &[MessageType::SignedIntegrity],
        finds: &[M::NoTuneIn, M::NoSignatures],
        run: tells_munro,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.3/relayed-chunk-verifies",
        title: "What the target passes on verifies as the injector's",
        requirement: "Whoever sends a chunk, the injector or another peer, sends the signed munro \
                      and the uncles, or the chunk's signature, before it.",
        awaits: &[MessageType::Data],
        finds: &[M::NoSignatures, M::WrongSignature],
        run: relayed,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.1/verify-before-forwarding",
        title: "A munro that no signature proves is not passed on",
        requirement: "A peer checks a signature before it forwards what it is for to others.",
        finds: &[M::SpreadsAnyMunro, M::DiesOfWrongSignature],
        run: not_forwarded,
        ..VIEWER
    },
];

/// Completes another one's channel, and takes what comes until something has been
/// said, or for some time.
fn completed(
    it: &mut Conversation<'_>,
    channel: &Channel,
    reply: &Heard,
    within: Duration,
    is_done: impl FnMut(&Delivery) -> bool,
) -> Result<Delivery, Stop> {
    let mut delivery = Delivery::new(it);
    let size = it.swarm().chunk_size;
    delivery.take(channel, reply, size);
    it.send(channel, &[])?;
    it.collect(channel, &mut delivery, within, Acks::None, is_done)?;
    Ok(delivery)
}

fn tells_munro(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let seeder = begun(it, 8)?;
    let (channel, reply) = another(it, &seeder)?;
    let before = it.frames().len();
    let within = it.patience().answer * 2;
    let delivery = completed(it, &channel, &reply, within, |it| !it.signed.is_empty())?;
    let told = delivery.signed.first();
    // Of the datagrams behind the third one, keep-alives and repeated replies aside.
    let mut pieces = delivery.pieces.iter();
    let is_reply = |piece: &Piece| {
        let mut pieces = delivery.pieces.iter();
        pieces.any(|it| it.frame == piece.frame && it.kind == MessageType::Handshake)
    };
    let fourth = pieces.find(|piece| piece.frame >= before && !is_reply(piece));
    match (told, fourth) {
        (Some(told), Some(fourth)) if told.frame > fourth.frame => {
            let heard = &it.frames()[fourth.frame];
            let heard = Heard {
                frame: fourth.frame,
                at: heard.at,
                port: channel.port,
                source: heard.source,
                bytes: heard.bytes.clone(),
            };
            Err(Stop::violation(
                "SIGNED_INTEGRITY of the last munro in the fourth datagram",
                describe(&heard, &channel.reads),
                [fourth.frame, told.frame],
            ))
        }
        (Some(_), _) => Ok(()),
        (None, _) => Err(Stop::silence(
            "SIGNED_INTEGRITY of the last munro that the target knows",
            "none",
        )),
    }
}

fn relayed(it: &mut Conversation<'_>) -> Outcome {
    let seeder = begun(it, 8)?;
    let acknowledged = seeder.log.acknowledged();
    let Some(chunk) = acknowledged.first().map(|range| *range.start()) else {
        return Err(Stop::Inconclusive("no chunk is acknowledged".to_owned()));
    };
    let (channel, reply) = another(it, &seeder)?;
    let mut delivery = completed(it, &channel, &reply, it.patience().quiet, |_| false)?;
    for _ in 0..3 {
        it.request(&channel, chunk, chunk)?;
        let within = it.patience().answer;
        it.collect(&channel, &mut delivery, within, Acks::Each(1000), |it| {
            it.has(chunk)
        })?;
        if delivery.has(chunk) {
            break;
        }
    }
    let Some(came) = delivery.chunk(chunk) else {
        return Err(Stop::Skip(
            "the target gives no chunk to others, as it may".to_owned(),
        ));
    };
    let actual = match came.check {
        Check::Right => return Ok(()),
        Check::Unsigned => "a chunk for which no signature holds",
        Check::Missing(_) => "a chunk without the hashes that lead to its munro",
        Check::Wrong => "a chunk that its hashes or its signature contradict",
    };
    Err(Stop::violation(
        format!("chunk {chunk} with what verifies it"),
        actual,
        [came.frame],
    ))
}

/// A seeder that has told a munro whose signature is wrong, and given chunks below
/// it; which.
fn forged(it: &mut Conversation<'_>) -> Result<(Seeder, ChunkRange), Stop> {
    let mut seeder = asked(it)?;
    // The right munro is told by nothing else.
    seeder.introduction = None;
    let bad = seeder
        .content
        .group(seeder.content.group(seeder.first()).end() + 1);
    let wrong = Gift::Forged(Forgery::Bytes);
    let mut given = 0;
    let gift = |chunk: u64, _| {
        if !bad.contains(chunk) {
            return Gift::Right;
        }
        given += 1;
        if given <= 3 { wrong } else { Gift::Nothing }
    };
    let within = it.patience().answer * 4;
    let came = seeder.serve(it, within, gift, |seeder| {
        let given = seeder.given.iter();
        given
            .filter(|(chunk, it)| bad.contains(**chunk) && it.frame > 0)
            .count()
            > 0
    })?;
    if !came {
        return Err(Stop::Inconclusive(format!(
            "no chunk of {bad} is asked for"
        )));
    }
    seeder.watch(it, Duration::from_millis(50), |_| false)?;
    Ok((seeder, bad))
}

fn not_forwarded(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let (seeder, bad) = forged(it)?;
    let (channel, reply) = another(it, &seeder)?;
    let delivery = completed(it, &channel, &reply, it.patience().quiet * 2, |_| false)?;
    let is_bad = |chunks: ChunkRange| chunks.start() <= bad.end() && bad.start() <= chunks.end();
    let spreads = [
        MessageType::SignedIntegrity,
        MessageType::Have,
        MessageType::Data,
    ];
    let mut pieces = delivery.pieces.iter();
    let found =
        pieces.find(|piece| spreads.contains(&piece.kind) && piece.chunks.is_some_and(is_bad));
    match found {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            format!("nothing of {bad}: the signature that came with it is wrong"),
            piece.kind.to_string(),
            [piece.frame],
        )),
    }
}
