//! How a download ends: the content's size and bytes, closing, keep-alives (RFC
//! 7574, sections 3.12, 5.6, 8.4 and 8.14).

use std::time::Duration;

use ppspp_dissector::wire::ChunkRange;

use super::support::{AGAIN, begun, goes_on, needs_fetching};
use super::{FETCHER, LEECHER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Fate, Gift, Offer, Seeder, Shape};

/// How long a whole download may take.
const DOWNLOAD: Duration = Duration::from_secs(25);

/// How long a peer may be silent until it counts as dead (section 3.12).
const DEAD: Duration = Duration::from_secs(180);

/// What fetches everything: those that never ask for the last chunk do not.
const WHOLE: Case = Case {
    limit: Duration::from_secs(40),
    ..LEECHER
};

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/5.6/short-last-chunk",
        title: "Content with a short last chunk is fetched whole",
        requirement: "The content's size is told by the peaks and the size of the last chunk, \
                      which may be shorter.",
        finds: &[M::NeverAsksLast, M::NoAcks],
        run: short_last_chunk,
        ..WHOLE
    },
    Case {
        id: "rfc7574/5.6/full-last-chunk",
        title: "Content of whole chunks, a power of two of them, is fetched whole",
        requirement: "A tree whose leaves are all filled has one peak, the root itself.",
        finds: &[M::NeverAsksLast, M::NoAcks],
        run: full_last_chunk,
        ..WHOLE
    },
    Case {
        id: "rfc7574/5.6/one-chunk",
        title: "Content of one chunk is fetched",
        requirement: "Content of a single chunk has that chunk's hash for its root hash.",
        finds: &[M::NeverAsksLast, M::NoAcks],
        run: one_chunk,
        ..WHOLE
    },
    Case {
        id: "rfc7574/5.6/one-byte",
        title: "Content of one byte is fetched",
        requirement: "The last chunk may have any length up to the chunk size.",
        finds: &[M::NeverAsksLast, M::NoAcks],
        run: one_byte,
        ..WHOLE
    },
    Case {
        id: "rfc7574/5.1/content-identical",
        title: "The content that is written out is what was served",
        requirement: "Every chunk is checked against the root hash, so what a peer has is the \
                      content, byte for byte.",
        finds: &[M::WritesWrong, M::NeverAsksLast, M::NoAcks],
        run: content_identical,
        ..WHOLE
    },
    Case {
        id: "rfc7574/8.4/leecher-closes",
        title: "Who leaves closes its channel",
        requirement: "A peer that no longer wants to communicate should close the channel by a \
                      HANDSHAKE with the source channel 0, whose list of options is empty or \
                      holds the highest version.",
        level: Level::Should,
        finds: &[M::LeavesWithoutClose],
        run: closes,
        ..WHOLE
    },
    Case {
        id: "rfc7574/8.4/close-obeyed",
        title: "After our closing HANDSHAKE nothing comes on the channel",
        requirement: "A HANDSHAKE with the source channel 0 closes the channel: its sender no \
                      longer wants to communicate.",
        finds: &[M::IgnoresClose],
        run: close_obeyed,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.12/leecher-keeps-alive",
        title: "The target keeps an idle channel alive",
        requirement: "A peer should send keep-alives to each peer that it is interested in; after \
                      three minutes of silence others take it for dead.",
        level: Level::Should,
        limit: Duration::from_secs(240),
        is_slow: true,
        finds: &[M::FallsSilent],
        run: keeps_alive,
        ..FETCHER
    },
    Case {
        id: "rfc7574/8.14/keep-alives-taken-by-leecher",
        title: "Keep-alives keep a channel open",
        requirement: "A datagram that is nothing but the channel ID is a keep-alive; it says that \
                      its sender is there, and nothing else.",
        finds: &[M::KeepAliveEnds],
        run: keep_alives_taken,
        ..FETCHER
    },
];

/// The whole of some content must be fetched.
fn fetched(it: &mut Conversation<'_>, shape: Shape) -> Result<Seeder, Stop> {
    needs_fetching(it)?;
    let mut seeder = Seeder::open(it, shape, Offer::All)?;
    if seeder.serve_all(it, DOWNLOAD, AGAIN)? {
        return Ok(seeder);
    }
    let accepted = seeder.log.accepted();
    let last = seeder.content.size() - 1;
    let gaps: Vec<String> = accepted
        .gaps(&(0..=last))
        .take(4)
        .map(|gap| format!("{}-{}", gap.start(), gap.end()))
        .collect();
    let died = match it.fate() {
        Fate::Crashed(how) | Fate::Ended(how) => format!("; {how}"),
        _ => String::new(),
    };
    Err(Stop::silence(
        format!("ACKs for all of 0-{last}"),
        format!("none for {}{died}", gaps.join(", ")),
    ))
}

/// The same, of which nothing more is asked.
fn is_fetched(it: &mut Conversation<'_>, shape: Shape) -> Outcome {
    fetched(it, shape).map(drop)
}

fn short_last_chunk(it: &mut Conversation<'_>) -> Outcome {
    let chunks = 13;
    is_fetched(it, Shape::Exactly { chunks, last: 77 })
}

fn full_last_chunk(it: &mut Conversation<'_>) -> Outcome {
    is_fetched(it, Shape::Whole(16))
}

fn one_chunk(it: &mut Conversation<'_>) -> Outcome {
    let last = it.swarm().chunk_size / 2 + 1;
    is_fetched(it, Shape::Exactly { chunks: 1, last })
}

fn one_byte(it: &mut Conversation<'_>) -> Outcome {
    is_fetched(it, Shape::Exactly { chunks: 1, last: 1 })
}

fn content_identical(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = fetched(it, Shape::Usual)?;
    // It may want to close, and to write.
    let within = it.patience().answer;
    seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| !seeder.log.closed.is_empty(),
    )?;
    let Some(written) = it.output() else {
        return Err(Stop::Skip(
            "what the target writes is not known; {output} in --exec tells it where".to_owned(),
        ));
    };
    let all = ChunkRange::new(0, seeder.content.size() - 1);
    let content = all.map_or(Vec::new(), |all| seeder.content.bytes(all));
    if written == content {
        return Ok(());
    }
    let first = content.iter().zip(&written).position(|(a, b)| a != b);
    let what = match first {
        Some(at) => format!("another byte at {at}"),
        None => format!("{} bytes", written.len()),
    };
    Err(Stop::violation(
        format!("the {} bytes that were served", content.len()),
        what,
        [],
    ))
}

fn closes(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = match fetched(it, Shape::Usual) {
        Err(Stop::Violation(violation)) => return Err(Stop::Inconclusive(violation.actual)),
        result => result?,
    };
    let within = it.patience().answer * 3;
    seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| !seeder.log.closed.is_empty(),
    )?;
    if let Some(frame) = seeder.log.closed.first() {
        let frame = *frame;
        let bytes = it.frames()[frame].bytes.clone();
        let (_, messages, _) =
            ppspp_dissector::wire::decode_datagram(&bytes, &seeder.channel.reads);
        let closing = messages.iter().find_map(|located| {
            crate::probe::swarm::handshake_of(&located.message).filter(|it| it.is_closing())
        });
        let codes: Vec<u8> = closing.map_or(Vec::new(), |it| {
            it.options.iter().map(|it| it.code().code()).collect()
        });
        return match codes.as_slice() {
            [] | [0] => Ok(()),
            _ => Err(Stop::violation(
                "no option, or the version only",
                format!("the options {codes:?}"),
                [frame],
            )),
        };
    }
    match it.fate() {
        Fate::Ended(how) => Err(Stop::silence(
            "a closing HANDSHAKE before the target ends",
            format!("{how}, without one"),
        )),
        _ => Err(Stop::Skip(
            "the target stays when it has everything, as it may".to_owned(),
        )),
    }
}

fn close_obeyed(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    it.note("we close the channel");
    seeder.close(it)?;
    // What was on its way does not count.
    let settle = it.known().round_trip * 3 + Duration::from_millis(100);
    seeder.watch(it, settle, |_| false)?;
    let before = seeder.log.datagrams.len();
    seeder.watch(it, it.patience().answer * 2, |seeder| {
        seeder.log.datagrams.len() > before
    })?;
    match seeder.log.datagrams.get(before) {
        None => Ok(()),
        Some((_, frame)) => Err(Stop::violation(
            "nothing on the channel that is closed",
            "a datagram",
            [*frame],
        )),
    }
}

fn keeps_alive(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    // It has what we announce, and waits for more.
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(4))?;
    let within = it.patience().answer * 2;
    seeder.serve(it, within, |_, _| Gift::Right, |_| false)?;
    let before = seeder.log.datagrams.len();
    let is_alive = seeder.watch(it, DEAD, |seeder| seeder.log.datagrams.len() > before)?;
    if is_alive {
        return Ok(());
    }
    Err(Stop::silence(
        "a keep-alive, or anything else, within three minutes",
        "nothing",
    ))
}

fn keep_alives_taken(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    for _ in 0..3 {
        it.note("a keep-alive");
        seeder.say(it, &[])?;
        seeder.watch(it, Duration::from_millis(30), |_| false)?;
    }
    goes_on(it, &mut seeder, "keep-alives")
}
