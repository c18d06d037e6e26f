//! A live stream as it goes on: tuning in, announcements, the discard window, and
//! REQUESTs for what is not there (RFC 7574, sections 6.1, 6.1.2.4 and 6.2).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ContentIntegrity, Message, MessageType};

use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Role, Stop};
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::fetch::{Acks, Delivered, Delivery};
use crate::probe::proof::Check;

/// How long a stream may take to have another chunk, or another munro.
const NEWS: Duration = Duration::from_secs(15);

/// What all cases of this file have in common.
const LIVE: Case = Case {
    roles: &[Role::Injector],
    awaits: &[MessageType::Have, MessageType::SignedIntegrity],
    limit: Duration::from_secs(40),
    ..Case::USUAL
};

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1/announces-new-chunks",
        title: "New chunks are announced as they come",
        requirement: "An injector announces the chunks that it makes by HAVE messages, to peers \
                      that say nothing too.",
        finds: &[M::NoNews],
        run: announces_new_chunks,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.3/announces-signed-chunks",
        title: "Only chunks below a signed munro are announced",
        requirement: "An injector sends no HAVE for the chunks of a new subtree before it has \
                      signed its munro: the last chunk that is announced is the last one of a \
                      munro, and can be had with it.",
        finds: &[M::HavesTooMuch, M::NoSignatures, M::HashesAfterData],
        run: announces_signed_chunks,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.4/munro-in-fourth-datagram",
        title: "The fourth datagram has the last signed munro",
        requirement: "Who answered a HANDSHAKE sends its rightmost signed munro from the fourth \
                      datagram on, unless the other end has shown to know it.",
        finds: &[
            M::NoTuneIn,
            M::NoSignatures,
            M::SignatureApart,
            M::HashesAfterData,
        ],
        run: munro_in_fourth_datagram,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.4/munro-is-rightmost",
        title: "The munro to tune in by is the last one",
        requirement: "It is the rightmost signed munro that tells a peer where the stream is: the \
                      one above the last chunk that is announced.",
        finds: &[M::TellsOldMunro, M::HavesTooMuch],
        run: munro_is_rightmost,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1.2.4/munro-until-known",
        title: "The last signed munro is told again until it is known",
        requirement: "The rightmost signed munro is in the fourth datagram and in later ones, \
                      until the other end shows a chunk below it or a later one: the fourth may \
                      be lost.",
        finds: &[M::MunroOnce],
        run: munro_until_known,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.2/window-is-served",
        title: "Chunks inside the discard window are served",
        requirement: "The discard window says how many chunks are kept before the last one that \
                      was announced: what lies in it can be had.",
        awaits: &[MessageType::Data],
        finds: &[M::RefusesOldChunks],
        run: window_is_served,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.2/announces-window-only",
        title: "HAVE names no chunk that has left the discard window",
        requirement: "HAVE tells which chunks can be had. Others take away what has left the \
                      window since, but what had left it before need not be announced.",
        level: Level::Should,
        finds: &[M::HavesDiscarded, M::HavesTooMuch, M::HavesToEverybody],
        run: announces_window_only,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.2/discarded-chunk-request",
        title: "A REQUEST for a chunk that was discarded does no harm",
        requirement: "Others may ask for chunks that have left the discard window meanwhile; they \
                      get the right ones or nothing.",
        level: Level::Robustness,
        awaits: &[MessageType::Data],
        is_alone: true,
        finds: &[M::DiesOfOldRequest],
        run: discarded_chunk_request,
        ..LIVE
    },
    Case {
        id: "rfc7574/6.1/future-chunk-request",
        title: "A REQUEST for chunks that are still to come does no harm",
        requirement: "Nobody can send chunks that were not made yet, nor may others be sent \
                      instead; the channel goes on.",
        level: Level::Robustness,
        awaits: &[MessageType::Data],
        is_alone: true,
        finds: &[M::ServesFuture, M::DiesOfRequestBeyondEnd],
        run: future_chunk_request,
        ..LIVE
    },
];

fn needs_munros(it: &Conversation<'_>) -> Outcome {
    if it.swarm().integrity == ContentIntegrity::UnifiedMerkle {
        return Ok(());
    }
    Err(Stop::Skip(
        "each chunk of the stream is signed, and no munros".to_owned(),
    ))
}

/// The last chunk that a delivery's HAVEs name, and where.
fn latest(delivery: &Delivery) -> Option<(u64, usize)> {
    let haves = delivery.pieces.iter();
    let haves = haves.filter(|piece| piece.kind == MessageType::Have);
    let ends = haves.filter_map(|piece| Some((piece.chunks?.end(), piece.frame)));
    ends.max()
}

/// Opens a channel and completes it with a keep-alive; what came with the reply.
fn opened(it: &mut Conversation<'_>) -> Result<(Channel, Delivery), Stop> {
    let port = it.port()?;
    let (channel, reply) = it.shake(port)?;
    let mut delivery = Delivery::new(it);
    let size = it.swarm().chunk_size;
    delivery.take(&channel, &reply, size);
    it.send(&channel, &[])?;
    Ok((channel, delivery))
}

fn announces_new_chunks(it: &mut Conversation<'_>) -> Outcome {
    let (channel, mut delivery) = opened(it)?;
    let within = it.patience().answer;
    it.collect(&channel, &mut delivery, within, Acks::None, |it| {
        latest(it).is_some()
    })?;
    let known = latest(&delivery).map_or(0, |(chunk, _)| chunk);
    let is_news = |delivery: &Delivery| latest(delivery).is_some_and(|(chunk, _)| chunk > known);
    it.collect(&channel, &mut delivery, NEWS, Acks::None, is_news)?;
    if is_news(&delivery) {
        return Ok(());
    }
    // Whether there is anything to announce, somebody else is told.
    let now = it.tune_in()?;
    if now.end() <= known {
        return Err(Stop::Inconclusive(format!(
            "no new chunk within {} seconds: does the stream run?",
            NEWS.as_secs()
        )));
    }
    Err(Stop::silence(
        format!(
            "HAVEs beyond chunk {known} within {} seconds",
            NEWS.as_secs()
        ),
        format!(
            "none, and to a new channel chunk {} is announced",
            now.end()
        ),
    ))
}

fn announces_signed_chunks(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.tune_in()?.end();
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &[chunk])?;
    let Some(came) = delivery.chunk(chunk) else {
        return Err(Stop::silence(
            format!("DATA {chunk}, which is the last chunk that is announced"),
            "none",
        ));
    };
    if needs_munros(it).is_err() {
        return Ok(());
    }
    let above = delivery.signed.iter().find(|it| it.chunks.contains(chunk));
    let Some(above) = above else {
        return Err(Stop::violation(
            format!("a signed munro above chunk {chunk}, which is announced"),
            "none",
            [came.frame],
        ));
    };
    if above.chunks.end() == chunk {
        return Ok(());
    }
    // The stream has ended, where its last munro is not full.
    let (_, newer) = opened(it)?;
    if latest(&newer).is_some_and(|(end, _)| end == chunk) {
        return Ok(());
    }
    Err(Stop::violation(
        "HAVEs up to the end of a munro",
        format!("HAVEs up to {chunk}, and the munro is {}", above.chunks),
        [came.frame],
    ))
}

/// The ranges that a datagram's signatures are for.
fn munros(heard: &Heard, channel: &Channel, size: u32) -> Vec<ChunkRange> {
    let (messages, _) = heard.read(&channel.reads);
    let signed = messages.iter().filter_map(|located| match located.message {
        Message::SignedIntegrity { spec, .. } => spec.chunks(size).range(),
        _ => None,
    });
    signed.collect()
}

/// Datagrams behind the third one, as many as are wanted and no keep-alives.
/// Nothing is acknowledged. A REQUEST for an older chunk makes the target talk.
fn later_datagrams(
    it: &mut Conversation<'_>,
    channel: &Channel,
    asked: u64,
    count: usize,
) -> Result<Vec<Heard>, Stop> {
    let mut later = Vec::new();
    for _ in 0..3 {
        let until = it.now() + it.patience().answer;
        while later.len() < count
            && let Some(heard) = it.hear(until)?
        {
            let is_ours = heard.port == channel.port && heard.channel() == Some(channel.ours);
            let (messages, _) = heard.read(&channel.reads);
            let is_reply = messages
                .iter()
                .any(|it| it.message.kind() == MessageType::Handshake);
            if is_ours && !heard.is_keep_alive() && !is_reply {
                later.push(heard);
            }
        }
        if later.len() >= count {
            break;
        }
        it.request(channel, asked, asked)?;
    }
    Ok(later)
}

fn munro_in_fourth_datagram(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let old = it.inner_chunk()?;
    let (channel, _) = opened(it)?;
    let later = later_datagrams(it, &channel, old, 1)?;
    let Some(fourth) = later.first() else {
        return Err(Stop::silence(
            "a datagram with the last signed munro, behind the third one",
            "nothing",
        ));
    };
    if !munros(fourth, &channel, it.swarm().chunk_size).is_empty() {
        return Ok(());
    }
    Err(Stop::violation(
        "SIGNED_INTEGRITY of the last munro in the fourth datagram",
        super::support::describe(fourth, &channel.reads),
        [fourth.frame],
    ))
}

fn munro_is_rightmost(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    let old = it.inner_chunk()?;
    let (channel, mut delivery) = opened(it)?;
    let size = it.swarm().chunk_size;
    for heard in later_datagrams(it, &channel, old, 1)? {
        delivery.take(&channel, &heard, size);
    }
    let Some((last, frame)) = latest(&delivery) else {
        return Err(Stop::Inconclusive("no HAVE came before it".to_owned()));
    };
    let told = delivery.signed.iter().map(|it| it.chunks);
    let Some(told) = told.max_by_key(|range| range.end()) else {
        return Err(Stop::Inconclusive("no munro came".to_owned()));
    };
    if told.end() >= last {
        return Ok(());
    }
    Err(Stop::violation(
        format!("the munro above chunk {last}, which is announced"),
        format!("that of {told}"),
        delivery.signed.iter().map(|it| it.frame).chain([frame]),
    ))
}

fn munro_until_known(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    it.needs_service()?;
    // Its own munro is not the last one.
    let old = it.first_of(64)?;
    let (channel, mut delivery) = opened(it)?;
    let size = it.swarm().chunk_size;
    let later = later_datagrams(it, &channel, old, 4)?;
    let mut told = Vec::new();
    for heard in &later {
        delivery.take(&channel, heard, size);
        let Some((last, _)) = latest(&delivery) else {
            return Err(Stop::Inconclusive("no HAVE came before it".to_owned()));
        };
        let munros = munros(heard, &channel, size);
        // Of what was announced with it the munro may still be on its way.
        let width = munros.iter().map(|range| range.count()).max().unwrap_or(0);
        let is_last = |it: &ChunkRange| it.end() + width >= last && it.start() > old;
        if munros.iter().any(is_last) {
            told.push(heard.frame);
        }
    }
    let fourth = later.first().map(|heard| heard.frame);
    match told[..] {
        _ if told.first() != fourth.as_ref() => Err(Stop::Inconclusive(
            "the fourth datagram does not have it; another case tells that".to_owned(),
        )),
        _ if later.len() < 2 => Err(Stop::Inconclusive(
            "too few datagrams came to tell".to_owned(),
        )),
        [once] => Err(Stop::violation(
            "SIGNED_INTEGRITY of the last munro again: we have shown no chunk below it",
            format!("{} datagrams, of which one has it", later.len()),
            [once].into_iter().chain(later.iter().map(|it| it.frame)),
        )),
        _ => Ok(()),
    }
}

fn window_is_served(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let range = it.tune_in()?;
    // The stream goes on while we ask.
    let chunk = range.start() + range.count() / 8;
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &[chunk])?;
    if delivery.has(chunk) {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {chunk}: the chunks {range} are announced and in the discard window"),
        "none",
    ))
}

/// The declared window in chunks.
fn window(it: &Conversation<'_>) -> Result<u64, Stop> {
    let Some(window) = it.known().declared.window else {
        return Err(Stop::Skip(
            "the reply declares no discard window".to_owned(),
        ));
    };
    if window.is_everything() {
        return Err(Stop::Skip("the target discards nothing".to_owned()));
    }
    Ok(it.swarm().window_chunks(window))
}

fn announces_window_only(it: &mut Conversation<'_>) -> Outcome {
    let window = window(it)?;
    let (channel, mut delivery) = opened(it)?;
    let within = it.patience().answer;
    it.collect(&channel, &mut delivery, within, Acks::None, |it| {
        latest(it).is_some()
    })?;
    let Some((last, _)) = latest(&delivery) else {
        return Err(Stop::Inconclusive("no HAVE came".to_owned()));
    };
    let oldest = (last + 1).saturating_sub(window);
    let early = delivery.pieces.iter().find_map(|piece| {
        let range = piece.chunks.filter(|_| piece.kind == MessageType::Have)?;
        (range.start() < oldest).then_some((range, piece.frame))
    });
    match early {
        None => Ok(()),
        Some((range, frame)) => Err(Stop::violation(
            format!("HAVEs from chunk {oldest} on: the window is {window}, the last chunk {last}"),
            format!("HAVE {range}"),
            [frame],
        )),
    }
}

fn discarded_chunk_request(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    window(it)?;
    let range = it.tune_in()?;
    let Some(chunk) = (range.start() / 2).checked_sub(1) else {
        return Err(Stop::Skip("nothing was discarded yet".to_owned()));
    };
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    it.note("a chunk that has left the discard window");
    it.request(&channel, chunk, chunk)?;
    let quiet = it.patience().quiet;
    it.collect(&channel, &mut delivery, quiet, Acks::None, |it| {
        it.has(chunk)
    })?;
    if let Some(came) = delivery.chunk(chunk)
        && came.check != Check::Right
    {
        return Err(Stop::violation(
            format!("the right chunk {chunk}, or nothing"),
            what_came(came),
            [came.frame],
        ));
    }
    still_serves(it, &channel, range.end(), "a chunk that was discarded")
}

fn future_chunk_request(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let last = it.tune_in()?.end();
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    // Bins can name it; it may come into being before the answer.
    let start = (last + 1).next_multiple_of(256) + 64;
    it.note("chunks that are still to come");
    it.request(&channel, start, start + 63)?;
    let quiet = it.patience().quiet;
    it.collect(&channel, &mut delivery, quiet, Acks::None, |_| false)?;
    let wrong = delivery
        .chunks
        .iter()
        .find(|it| it.chunk >= start && it.check != Check::Right);
    if let Some(came) = wrong {
        return Err(Stop::violation(
            format!("no DATA {}: chunks up to {last} are announced", came.chunk),
            what_came(came),
            [came.frame],
        ));
    }
    still_serves(it, &channel, last, "chunks that are still to come")
}

/// A chunk that does not verify, in words.
fn what_came(came: &Delivered) -> String {
    let why = match came.check {
        Check::Unsigned => "for which no signature holds",
        Check::Missing(_) => "without the hashes that lead to its munro",
        Check::Wrong | Check::Right => "that its hashes contradict",
    };
    format!("a chunk of {} bytes {why}", came.data.len())
}

/// The channel must serve after a REQUEST for something else.
fn still_serves(it: &mut Conversation<'_>, channel: &Channel, chunk: u64, asked: &str) -> Outcome {
    if it.serves(channel, chunk)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {chunk}, also after a REQUEST for {asked}"),
        "the channel no longer serves",
    ))
}
