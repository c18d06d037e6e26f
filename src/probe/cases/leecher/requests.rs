//! What the target asks for (RFC 7574, sections 3.2, 3.7, 3.9 and 12.6).

use std::time::Duration;

use ppspp_dissector::wire::{Message, MessageType};

use super::support::{AGAIN, asked, begun, count, goes_on, needs_fetching, needs_message};
use super::{FETCHER, LEECHER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Gift, Offer, Seeder, Shape};

const REQUEST: &[MessageType] = &[MessageType::Request];

/// REQUEST datagrams within twice the time of an answer that are no flood, though
/// nothing is given.
const PATIENT: usize = 60;

/// Chunks of which the target is told at first, where it is not told of all.
const FIRST: u64 = 16;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.7/asks",
        title: "What is announced is asked for",
        requirement: "A REQUEST names the chunks that its sender wants to download; who wants \
                      content asks peers that have announced it.",
        awaits: REQUEST,
        finds: &[],
        run: asks,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.2/asks-announced-only",
        title: "Only chunks that were announced are asked for",
        requirement: "HAVE tells which chunks a peer has for download: without it others are \
                      effectively prevented from downloading them.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::AsksBeyondHaves],
        run: announced_only,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.2/later-haves-used",
        title: "Chunks that are announced later are asked for, too",
        requirement: "HAVEs serve for a complete overview as well as for updates to it.",
        level: Level::May,
        awaits: REQUEST,
        finds: &[M::DeafToLaterHaves],
        run: later_haves,
        ..FETCHER
    },
    Case {
        id: "rfc7574/5.6/asks-within-content",
        title: "Nothing behind the content is asked for",
        requirement: "The peaks prove how many chunks the content has: a HAVE that names more does \
                      not make them.",
        level: Level::Robustness,
        awaits: REQUEST,
        finds: &[M::AsksBeyondHaves],
        run: within_content,
        ..LEECHER
    },
    Case {
        id: "rfc7574/3.7/asks-for-what-it-lacks",
        title: "What is there is not asked for again",
        requirement: "A REQUEST names chunks that its sender wants to download; it has no use for \
                      those that it has acknowledged.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::AsksTwice],
        run: lacks_only,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.7/asks-again-after-loss",
        title: "A chunk that was lost is asked for again",
        requirement: "REQUESTs and DATA may get lost, and nobody else notices: who lacks a chunk \
                      asks for it again.",
        level: Level::Robustness,
        awaits: REQUEST,
        limit: Duration::from_secs(40),
        finds: &[M::NeverAsksAgain],
        run: again_after_loss,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.7/requests-no-flood",
        title: "Who does not serve is not flooded with REQUESTs",
        requirement: "Answers to REQUESTs are optional; a peer that gives none counts as a slow \
                      one (12.6.2), and is not asked in a tight loop.",
        level: Level::Robustness,
        awaits: REQUEST,
        finds: &[M::AsksInLoop],
        run: no_flood,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.9/choked-asks-nothing",
        title: "After CHOKE nothing is asked for",
        requirement: "A peer that receives a CHOKE sends no new REQUEST.",
        finds: &[M::IgnoresChoke],
        run: choked,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.9/have-is-no-unchoke",
        title: "A HAVE is no UNCHOKE",
        requirement: "A peer that is choked and receives a HAVE is not unchoked by that, and sends \
                      no new REQUEST.",
        finds: &[M::IgnoresChoke, M::HaveUnchokes],
        run: have_no_unchoke,
        ..FETCHER
    },
    Case {
        id: "rfc7574/3.9/unchoked-asks-again",
        title: "After UNCHOKE the target asks again",
        requirement: "UNCHOKE signals that its sender will respond to new REQUESTs again.",
        level: Level::May,
        awaits: REQUEST,
        finds: &[M::IgnoresUnchoke],
        limit: Duration::from_secs(40),
        run: unchoked,
        ..FETCHER
    },
    Case {
        id: "rfc7574/12.6.9/unchoke-of-nothing",
        title: "UNCHOKE of who was not choked does no harm",
        requirement: "An UNCHOKE without a CHOKE before is a violation that can be detected, and \
                      is ignored.",
        level: Level::Robustness,
        awaits: REQUEST,
        finds: &[],
        run: unchoke_of_nothing,
        ..FETCHER
    },
];

fn asks(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::All)?;
    let within = it.patience().answer * 3;
    if seeder.watch(it, within, |seeder| !seeder.log.requests.is_empty())? {
        return Ok(());
    }
    Err(Stop::silence("REQUESTs for what we have announced", "none"))
}

/// Serves the first chunks only, which are all that is announced.
fn first_only(it: &mut Conversation<'_>) -> Result<Seeder, Stop> {
    needs_fetching(it)?;
    it.chunks(FIRST * 2)?;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(FIRST))?;
    seeder.serve(
        it,
        it.patience().answer * 2,
        |_, _| Gift::Right,
        |seeder| count(seeder) >= FIRST,
    )?;
    Ok(seeder)
}

fn announced_only(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = first_only(it)?;
    seeder.watch(it, it.patience().quiet, |_| false)?;
    let (first, end) = (seeder.first(), seeder.first() + FIRST);
    let mut requests = seeder.log.requests.iter();
    let beyond = requests.find(|it| it.chunks.end() >= end);
    match beyond {
        None if seeder.log.requests.is_empty() => {
            Err(Stop::Inconclusive("no REQUEST comes".to_owned()))
        }
        None => Ok(()),
        Some(said) => Err(Stop::violation(
            format!("REQUESTs within {first}-{}, which is announced", end - 1),
            format!("REQUEST {}", said.chunks),
            [said.frame],
        )),
    }
}

fn later_haves(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = first_only(it)?;
    if count(&seeder) == 0 {
        return Err(Stop::Inconclusive(
            "not even the first chunks are fetched".to_owned(),
        ));
    }
    // A stream may have to go on for that.
    let start = seeder.first() + FIRST;
    let wait = it.patience().answer / 2;
    if seeder.content.size() < start + FIRST {
        seeder.watch(it, wait, |_| false)?;
    }
    let end = (start + FIRST).min(seeder.content.size()) - 1;
    let haves = seeder.haves(&[(start, end)]);
    for _ in 0..3 {
        it.note("more is there");
        seeder.say(it, &haves)?;
        let within = it.patience().answer * 2;
        let wants = |seeder: &Seeder| {
            let mut requests = seeder.log.requests.iter();
            requests.any(|it| it.chunks.end() >= start)
        };
        if seeder.serve(it, within, |_, _| Gift::Right, wants)? {
            return Ok(());
        }
    }
    Err(Stop::silence(
        format!("REQUESTs within {start}-{end}, which was announced later"),
        "none",
    ))
}

fn within_content(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let size = it.chunks(4)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    // Aligned, so that bins can say it.
    let end = size.next_power_of_two() * 2 - 1;
    it.note("we say to have more than there is");
    let haves = seeder.haves(&[(0, end)]);
    seeder.welcome_with(it, &haves)?;
    let within = it.patience().answer * 4;
    seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| count(seeder) >= size,
    )?;
    let Some(known) = seeder.log.acks.first().map(|it| it.said.frame) else {
        return Err(Stop::Inconclusive(
            "no chunk is acknowledged, so the target may not know the peaks".to_owned(),
        ));
    };
    // What was on its way when the peaks came does not count.
    let later = seeder.log.requests.iter().filter(|it| it.frame > known);
    let mut beyond = later.filter(|it| it.chunks.end() >= size);
    match beyond.next() {
        None => Ok(()),
        Some(said) => Err(Stop::violation(
            format!("REQUESTs within 0-{}: the peaks prove that", size - 1),
            format!("REQUEST {}", said.chunks),
            [known, said.frame],
        )),
    }
}

fn lacks_only(it: &mut Conversation<'_>) -> Outcome {
    let seeder = begun(it, 48)?;
    for ack in &seeder.log.acks {
        let overlap = |said: &&crate::probe::serve::Said| {
            said.frame > ack.said.frame
                && said.chunks.start() <= ack.said.chunks.end()
                && ack.said.chunks.start() <= said.chunks.end()
        };
        if let Some(said) = seeder.log.requests.iter().find(overlap) {
            return Err(Stop::violation(
                format!("no REQUEST for {}, which is acknowledged", ack.said.chunks),
                format!("REQUEST {}", said.chunks),
                [ack.said.frame, said.frame],
            ));
        }
    }
    Ok(())
}

fn again_after_loss(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    let lost = |seeder: &Seeder| {
        let mut given = seeder.given.iter();
        given
            .find(|(_, it)| it.times == 1 && it.frame == 0)
            .map(|(chunk, _)| *chunk)
    };
    let mut count = 0;
    // The fifth chunk and the one after it get lost once.
    let done = seeder.serve(
        it,
        AGAIN,
        |_, times| {
            count += 1;
            if times == 0 && (count == 5 || count == 6) {
                Gift::Nothing
            } else {
                Gift::Right
            }
        },
        |seeder| {
            let twice = seeder.given.values().filter(|it| it.times > 1).count();
            twice > 0 && lost(seeder).is_none()
        },
    )?;
    if done {
        return Ok(());
    }
    match lost(&seeder) {
        None => Err(Stop::Inconclusive(
            "too few chunks are asked for".to_owned(),
        )),
        Some(chunk) => Err(Stop::silence(
            format!(
                "another REQUEST for chunk {chunk} within {} s: it did not come",
                AGAIN.as_secs()
            ),
            "none",
        )),
    }
}

fn no_flood(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    let within = it.patience().answer * 2;
    seeder.watch(it, within, |_| false)?;
    let mut frames: Vec<usize> = seeder.log.requests.iter().map(|it| it.frame).collect();
    frames.dedup();
    if frames.len() <= PATIENT {
        return Ok(());
    }
    Err(Stop::violation(
        format!("at most {PATIENT} datagrams with REQUESTs"),
        format!("{} within {} s", frames.len(), within.as_secs_f64()),
        frames.into_iter().take(4),
    ))
}

/// Chokes the target in the middle of its fetching, and lets what is under way
/// pass.
fn choke(it: &mut Conversation<'_>) -> Result<(Seeder, usize), Stop> {
    needs_message(it, MessageType::Choke)?;
    it.chunks(FIRST * 4)?;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::Some(FIRST * 4))?;
    // It has something to ask for all the time.
    seeder.serve(
        it,
        it.patience().answer * 3,
        |_, _| Gift::Right,
        |seeder| count(seeder) >= 4,
    )?;
    if count(&seeder) < 4 {
        return Err(Stop::Inconclusive("no chunks are fetched".to_owned()));
    }
    let sent = seeder.say(it, &[Message::Choke])?;
    let settle = it.known().round_trip * 3 + Duration::from_millis(100);
    seeder.watch(it, settle, |_| false)?;
    seeder.forget_requests();
    Ok((seeder, sent))
}

/// Whether nothing is asked for.
fn asks_nothing(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    cause: usize,
    because: &str,
) -> Outcome {
    let before = seeder.log.requests.len();
    let within = it.patience().answer * 2;
    seeder.watch(it, within, |seeder| seeder.log.requests.len() > before)?;
    match seeder.log.requests.get(before) {
        None => Ok(()),
        Some(said) => Err(Stop::violation(
            format!("no REQUEST: {because}"),
            format!("REQUEST {}", said.chunks),
            [cause, said.frame],
        )),
    }
}

fn choked(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let (mut seeder, sent) = choke(it)?;
    asks_nothing(it, &mut seeder, sent, "we have choked the target")
}

fn have_no_unchoke(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let (mut seeder, _) = choke(it)?;
    let haves = seeder.haves(&[(0, seeder.content.size() - 1)]);
    it.note("a HAVE while the target is choked");
    let sent = seeder.say(it, &haves)?;
    asks_nothing(it, &mut seeder, sent, "a HAVE does not unchoke")
}

fn unchoked(it: &mut Conversation<'_>) -> Outcome {
    needs_fetching(it)?;
    let (mut seeder, _) = choke(it)?;
    let before = seeder.log.requests.len();
    for _ in 0..2 {
        seeder.say(it, &[Message::Unchoke])?;
        let within = it.patience().answer * 3;
        if seeder.watch(it, within, |seeder| seeder.log.requests.len() > before)? {
            return Ok(());
        }
    }
    Err(Stop::silence("REQUESTs after UNCHOKE", "none"))
}

fn unchoke_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    needs_message(it, MessageType::Unchoke)?;
    let mut seeder = begun(it, 4)?;
    seeder.say(it, &[Message::Unchoke])?;
    goes_on(it, &mut seeder, "an UNCHOKE of nothing")
}
