//! HAVE and keep-alive (RFC 7574, sections 3.2, 3.12, 4.3.1 and 8.14).

use std::time::Duration;

use ppspp_dissector::wire::{ChunkAddressing, Message, MessageType};

use crate::peer::engine::Chunks;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Role, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::fetch::{Acks, Delivery};

const HAVE: &[MessageType] = &[MessageType::Have];

/// After how long a silent peer is surely dead: three minutes, and some time to
/// notice it.
const DEAD: Duration = Duration::from_secs(240);

/// A live stream is never complete.
const STATIC: &[Role] = &[Role::Seeder];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.2/announces-chunks",
        title: "A seeder announces all that it has",
        requirement: "A peer sends HAVE for the chunks that it has verified to all peers that it \
                      wants to let download them.",
        awaits: HAVE,
        finds: &[M::NoHaves],
        run: announces_chunks,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/4.3.1/biggest-interval",
        title: "HAVE names the biggest complete interval",
        requirement: "HAVE names the biggest complete interval of all chunks that are there: with \
                      chunk ranges all of the content is one.",
        awaits: HAVE,
        finds: &[M::HavesInBins, M::NoHaves],
        roles: STATIC,
        run: biggest_interval,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.5/announces-only-content",
        title: "HAVE names no chunk beyond the content",
        requirement: "HAVE states that its sender has chunks and has checked them: that can't be \
                      said of chunks that do not exist.",
        awaits: HAVE,
        finds: &[M::HavesTooMuch],
        roles: STATIC,
        run: announces_only_content,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.2/no-have-to-complete-peer",
        title: "A peer that has everything gets no HAVE",
        requirement: "HAVE should not be sent to peers that have the complete content already.",
        level: Level::Should,
        finds: &[
            M::HavesToEverybody,
            // They lose a HAVE that says that there is everything.
            M::SwallowsBehindBitmap,
            M::DeafToThird,
            M::HaveCancelsNothing,
        ],
        roles: STATIC,
        run: no_have_to_complete_peer,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.14/keep-alive-taken",
        title: "Keep-alives keep a channel open",
        requirement: "A datagram that is nothing but the channel ID is a keep-alive; it says that \
                      its sender is there, and nothing else.",
        awaits: &[MessageType::Data],
        finds: &[M::KeepAliveEnds],
        run: keep_alive_taken,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.12/sends-keep-alives",
        title: "The target keeps an idle channel alive",
        requirement: "A peer should send keep-alives to each peer that it is interested in; after \
                      three minutes of silence others take it for dead.",
        level: Level::Should,
        limit: Duration::from_secs(200),
        is_slow: true,
        finds: &[M::NoKeepAlives],
        run: sends_keep_alives,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.12/forgets-dead-peers",
        title: "A peer that is silent for minutes is forgotten",
        requirement: "A peer from which nothing came for three minutes, and that was sent three \
                      datagrams meanwhile, is dead: its channel is closed, and it is sent nothing \
                      any more. After four minutes it should be so.",
        level: Level::Should,
        limit: Duration::from_secs(420),
        is_slow: true,
        finds: &[M::NeverForgets],
        run: forgets_dead_peers,
        ..Case::USUAL
    },
];

/// What the target announces within the time of an answer, until it is all.
fn announced(it: &mut Conversation<'_>) -> Result<(Delivery, Chunks), Stop> {
    let size = it.chunks(1)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    // The reply has been heard by then: HAVEs in it count.
    let reply = it
        .frames()
        .iter()
        .rposition(|frame| frame.source == it.target());
    if let Some(frame) = reply {
        let heard = crate::probe::conversation::Heard {
            frame,
            at: it.frames()[frame].at,
            port: channel.port,
            source: it.target(),
            bytes: it.frames()[frame].bytes.clone(),
        };
        let chunk_size = it.swarm().chunk_size;
        delivery.take(&channel, &heard, chunk_size);
    }
    let within = it.patience().answer * 2;
    it.collect(&channel, &mut delivery, within, Acks::None, |it| {
        let all = haves(it);
        all.gaps(&(0..=size - 1)).next().is_none()
    })?;
    let all = haves(&delivery);
    Ok((delivery, all))
}

fn haves(delivery: &Delivery) -> Chunks {
    let mut all = Chunks::new();
    for piece in &delivery.pieces {
        if let (MessageType::Have, Some(range)) = (piece.kind, piece.chunks) {
            all.insert(range.start()..=range.end());
        }
    }
    all
}

fn announces_chunks(it: &mut Conversation<'_>) -> Outcome {
    if it.swarm().is_live() {
        // Which ones they are, only HAVEs tell.
        return match it.tune_in() {
            Err(Stop::Inconclusive(reason)) => Err(Stop::silence("HAVE", reason)),
            result => result.map(|_| ()),
        };
    }
    it.needs_service()?;
    let size = it.chunks(1)?;
    let (_, all) = announced(it)?;
    match all.gaps(&(0..=size - 1)).next() {
        None => Ok(()),
        Some(gap) => Err(Stop::silence(
            format!("HAVEs for all {size} chunks"),
            format!("none for {}-{}", gap.start(), gap.end()),
        )),
    }
}

fn biggest_interval(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let size = it.chunks(3)?;
    if matches!(
        it.swarm().addressing,
        ChunkAddressing::Bin32 | ChunkAddressing::Bin64
    ) {
        return Err(Stop::Skip(
            "bins can't name intervals of any length".to_owned(),
        ));
    }
    let (delivery, all) = announced(it)?;
    let is_whole = all.len() == 1 && all.contains(&0) && all.contains(&(size - 1));
    let parts: Vec<_> = delivery
        .pieces
        .iter()
        .filter(|piece| piece.kind == MessageType::Have)
        .filter_map(|piece| Some((piece.chunks?, piece.frame)))
        .collect();
    let expected = format!("HAVE 0-{}", size - 1);
    if parts.is_empty() {
        return Err(Stop::silence(expected, "no HAVE"));
    }
    // One that is split is known by having all chunks in parts.
    if !is_whole || parts.iter().all(|(range, _)| range.count() >= size) {
        return Ok(());
    }
    let list: Vec<String> = parts.iter().map(|(range, _)| range.to_string()).collect();
    Err(Stop::violation(
        expected,
        format!("HAVE {}", list.join(", ")),
        parts.iter().map(|(_, frame)| *frame),
    ))
}

fn announces_only_content(it: &mut Conversation<'_>) -> Outcome {
    it.needs_hashes()?;
    let channel = it.open()?;
    let delivery = it.fetch(&channel, &[0])?;
    let proof = delivery.proof.as_ref();
    let Some(size) = proof.and_then(crate::probe::proof::Proof::size) else {
        return Err(Stop::Skip(
            "no peaks came that tell the content's size".to_owned(),
        ));
    };
    let (haves, _) = announced(it)?;
    let wrong = haves.pieces.iter().find(|piece| {
        let beyond = piece.chunks.is_some_and(|range| range.end() >= size);
        piece.kind == MessageType::Have && beyond
    });
    match wrong.and_then(|piece| Some((piece.chunks?, piece.frame))) {
        None => Ok(()),
        Some((range, frame)) => Err(Stop::violation(
            format!("HAVEs up to chunk {}", size - 1),
            format!("HAVE {range}"),
            [frame],
        )),
    }
}

fn no_have_to_complete_peer(it: &mut Conversation<'_>) -> Outcome {
    let size = it.chunks(1)?;
    let port = it.port()?;
    let mut channel = it.channel(port);
    let spec = it.spec(&channel, 0, size - 1)?;
    it.note("we have everything");
    it.begin(&channel, &[Message::Have(spec)])?;
    let within = it.patience().answer;
    let Some(reply) = it.reply(&mut channel, within)? else {
        return Err(Stop::Inconclusive("that is not answered".to_owned()));
    };
    it.send(&channel, &[Message::Have(spec)])?;
    let mut delivery = Delivery::new(it);
    let chunk_size = it.swarm().chunk_size;
    delivery.take(&channel, &reply, chunk_size);
    let quiet = it.patience().quiet;
    it.collect(&channel, &mut delivery, quiet, Acks::None, |_| false)?;
    let is_have = |kind| kind == MessageType::Have;
    match delivery.pieces.iter().find(|piece| is_have(piece.kind)) {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            "no HAVE to a peer that has everything",
            match piece.chunks {
                Some(range) => format!("HAVE {range}"),
                None => "HAVE".to_owned(),
            },
            [piece.frame],
        )),
    }
}

fn keep_alive_taken(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.second_chunk()?;
    let channel = it.open()?;
    for _ in 0..3 {
        it.note("a keep-alive");
        it.send(&channel, &[])?;
        it.hear_all(Duration::from_millis(30))?;
    }
    if it.serves(&channel, chunk)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {chunk}, also after keep-alives"),
        "the channel no longer serves",
    ))
}

fn sends_keep_alives(it: &mut Conversation<'_>) -> Outcome {
    let channel = it.open()?;
    // What the opening brings does not count.
    it.hear_all(Duration::from_secs(5))?;
    let within = Duration::from_secs(170);
    let came = it.hear_on(&channel, within, |heard, _| Some(heard.frame))?;
    if came.is_some() {
        return Ok(());
    }
    Err(Stop::violation(
        "a datagram on the idle channel within three minutes",
        "none",
        [],
    ))
}

fn forgets_dead_peers(it: &mut Conversation<'_>) -> Outcome {
    let chunk = it.second_chunk()?;
    let channel = it.open()?;
    it.note("from here on we are silent");
    it.send(&channel, &[])?;
    let mut on_channel = |within: Duration| -> Result<Vec<usize>, Stop> {
        let mut frames = Vec::new();
        it.hear_on::<()>(&channel, within, |heard, _| {
            frames.push(heard.frame);
            None
        })?;
        Ok(frames)
    };
    let before = on_channel(DEAD)?;
    if before.len() < 3 {
        return Err(Stop::Skip(format!(
            "the target sent {} datagrams meanwhile: it takes three until a peer is dead",
            before.len()
        )));
    }
    // Two keep-alives may be two minutes apart.
    let after = on_channel(Duration::from_secs(130))?;
    if !after.is_empty() {
        return Err(Stop::violation(
            format!(
                "nothing more on a channel on which nothing came for {} seconds",
                DEAD.as_secs()
            ),
            format!("{} datagrams", after.len()),
            after.into_iter().take(4),
        ));
    }
    it.note("on a channel that is dead");
    it.request(&channel, chunk, chunk)?;
    let quiet = it.patience().quiet;
    match it.awaited_data(&channel, quiet)? {
        None => Ok(()),
        Some(heard) => Err(Stop::violation(
            "silence on a channel that is closed",
            "DATA",
            [heard.frame],
        )),
    }
}
