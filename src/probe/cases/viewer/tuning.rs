//! Where the target begins, and how it follows the stream (RFC 7574, sections 6,
//! 6.1.2.4 and 6.2).

use std::time::Duration;

use ppspp_dissector::wire::{MessageType, OptionCode};

use super::support::needs_munros;
use super::{ROBUST, VIEWER};
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::cases::leecher::support::{
    AGAIN, asked, begun, count, needs_fetching, none_accepted,
};
use crate::probe::conversation::Conversation;
use crate::probe::serve::{Forgery, Gift, Offer, Seeder, Shape};

const REQUEST: &[MessageType] = &[MessageType::Request];

/// How long the source is away.
const AWAY: Duration = Duration::from_secs(4);

pub(super) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/6.1.2.4/tunes-in",
        title: "The target begins with the newest chunks",
        requirement: "A peer that tunes in to a stream has to find out which chunk is the last \
                      one; the rightmost signed munro tells it, and is used to pick where to \
                      begin.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::AsksFromStart],
        run: tunes_in,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.4/later-munro-taken",
        title: "A munro that comes later than others tunes in, too",
        requirement: "The rightmost signed munro is told until its receiver shows to know it: the \
                      first datagrams with it may be lost. A receiver uses it when it comes.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::MunrosAtOnceOnly, M::DeafToLaterHaves, M::NoAcks],
        run: later_munro,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.4/old-munro-discarded",
        title: "A munro whose signature is a day old proves nothing",
        requirement: "A SIGNED_INTEGRITY message of a munro whose timestamp is too old is \
                      discarded, so that nobody is made to tune in at a past point (12.6.5).",
        finds: &[M::AcksEverything, M::TakesOldMunros],
        run: old_munro,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2.4/fresh-munro-after-old",
        title: "After a munro that is too old a fresh one tunes in",
        requirement: "A munro that is too old is discarded, and nothing else: one that is not is \
                      used to find out where the stream is.",
        finds: &[
            M::OldMunroEnds,
            M::MunrosAtOnceOnly,
            M::DeafToLaterHaves,
            M::NoAcks,
        ],
        run: fresh_after_old,
        ..ROBUST
    },
    Case {
        id: "rfc7574/6/follows-stream",
        title: "New chunks are asked for as they are announced",
        requirement: "The injector of a stream announces the chunks that it makes by HAVE \
                      messages, and peers retrieve them by REQUESTs.",
        level: Level::May,
        awaits: REQUEST,
        finds: &[M::DeafToLaterHaves, M::NeverAsksAgain],
        run: follows_stream,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.1.2/stream-identical",
        title: "What is written out is the stream, in its order",
        requirement: "Every chunk is checked against a signature of the injector's, so what a \
                      peer has is the stream, byte for byte.",
        finds: &[M::WritesWrong],
        run: stream_identical,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.2/window-respected",
        title: "What lies before our discard window is not asked for",
        requirement: "A peer's discard window is applied as a sliding filter to what it has \
                      announced: what lies before is no longer there.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::AsksDiscarded, M::AsksFromStart],
        run: window_respected,
        ..VIEWER
    },
    Case {
        id: "rfc7574/6.2/window-moves",
        title: "What has left our discard window meanwhile is not asked for again",
        requirement: "The discard window moves with the last chunk that was announced: chunks \
                      that did not come in time are gone.",
        level: Level::Should,
        awaits: REQUEST,
        finds: &[M::AsksDiscarded, M::DeafToLaterHaves],
        run: window_moves,
        ..VIEWER
    },
    Case {
        id: "rfc7574/3.12/source-returns",
        title: "A source that was silent for some seconds is asked again",
        requirement: "A peer counts as dead after three minutes of silence; one that comes back \
                      before is there.",
        finds: &[M::GivesUpOnSilence, M::NeverAsksAgain],
        limit: Duration::from_secs(40),
        run: source_returns,
        ..ROBUST
    },
];

/// Whether anything from a chunk on was asked for.
fn asks_from(seeder: &Seeder, chunk: u64) -> bool {
    let mut requests = seeder.log.requests.iter();
    requests.any(|said| said.chunks.end() >= chunk)
}

fn tunes_in(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    needs_fetching(it)?;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::All)?;
    let newest = seeder.first();
    let within = it.patience().answer * 3;
    let begins = |seeder: &Seeder| asks_from(seeder, newest);
    let has_begun = seeder.serve(it, within, |_, _| Gift::Right, begins)?;
    seeder.serve(it, it.patience().quiet, |_, _| Gift::Right, |_| false)?;
    // Half of what was streamed so far is long past.
    let past = newest / 2;
    let mut requests = seeder.log.requests.iter();
    if let Some(said) = requests.find(|said| said.chunks.start() < past) {
        return Err(Stop::violation(
            format!("REQUESTs for the latest chunks: the last munro begins with {newest}"),
            format!("REQUEST {}", said.chunks),
            [said.frame],
        ));
    }
    if has_begun {
        return Ok(());
    }
    Err(Stop::silence(
        format!("a REQUEST for chunks from {newest} on, where the last munro begins"),
        "none",
    ))
}

/// The target fetches something now.
fn fetches(it: &mut Conversation<'_>, seeder: &mut Seeder, after: &str) -> Outcome {
    let done = seeder.serve(it, AGAIN, |_, _| Gift::Right, |seeder| count(seeder) >= 3)?;
    if done {
        return Ok(());
    }
    Err(Stop::silence(
        format!("ACKs of chunks after {after}"),
        format!("{} chunks are acknowledged", count(seeder)),
    ))
}

fn later_munro(it: &mut Conversation<'_>) -> Outcome {
    needs_munros(it)?;
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    seeder.introduction = None;
    seeder.welcome(it, Offer::All)?;
    seeder.watch(it, it.patience().answer, |_| false)?;
    seeder.introduction = Some(Gift::Right);
    let chunk = seeder.content.last_group(1);
    seeder.tell_munro(it, chunk)?;
    fetches(it, &mut seeder, "the munro that is told a second late")
}

/// A seeder whose only munro is a day old.
fn of_yesterday(it: &mut Conversation<'_>, offer: Offer) -> Result<Seeder, Stop> {
    needs_munros(it)?;
    needs_fetching(it)?;
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    seeder.introduction = Some(Gift::Forged(Forgery::Old));
    seeder.welcome(it, offer)?;
    Ok(seeder)
}

fn old_munro(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = of_yesterday(it, Offer::Some(16))?;
    let old = Gift::Forged(Forgery::Old);
    // Who asks gets it, and who does not gets some all the same.
    seeder.serve(it, it.patience().quiet, |_, _| old, |_| false)?;
    for chunk in seeder.first()..seeder.first() + 4 {
        it.note("a chunk whose munro was signed a day ago");
        seeder.give(it, chunk, old)?;
    }
    seeder.watch(it, it.patience().quiet * 2, |_| false)?;
    let given = seeder.chunks_given();
    none_accepted(&seeder, &given, "the munro above was signed a day ago")
}

fn fresh_after_old(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = of_yesterday(it, Offer::All)?;
    seeder.watch(it, it.patience().answer, |_| false)?;
    seeder.introduction = Some(Gift::Right);
    let chunk = seeder.content.last_group(1);
    seeder.tell_munro(it, chunk)?;
    fetches(it, &mut seeder, "a fresh munro behind one of yesterday")
}

fn follows_stream(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = asked(it)?;
    seeder.serve(it, it.patience().answer * 2, |_, _| Gift::Right, |_| false)?;
    let newest = seeder.content.last_group(1);
    let within = it.patience().answer * 2;
    let follows = |seeder: &Seeder| asks_from(seeder, newest);
    if seeder.serve(it, within, |_, _| Gift::Right, follows)? {
        return Ok(());
    }
    let last = seeder.log.requests.last();
    Err(Stop::silence(
        format!("REQUESTs for chunks from {newest} on, which were announced as they came"),
        last.map_or("none".to_owned(), |said| {
            format!("the last one is REQUEST {}", said.chunks)
        }),
    ))
}

fn stream_identical(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 48)?;
    seeder.serve(it, it.patience().quiet, |_, _| Gift::Right, |_| false)?;
    let Some(written) = it.output() else {
        return Err(Stop::Skip(
            "what the target writes is not known; {output} in --exec tells it where".to_owned(),
        ));
    };
    if written.is_empty() {
        return Err(Stop::Inconclusive(
            "the target has written nothing yet".to_owned(),
        ));
    }
    // Some leave place for what they did not fetch. Where it begins is its own choice.
    let size = it.swarm().chunk_size.max(1) as usize;
    let mut pieces = written.chunks(size).enumerate();
    let is_there = |piece: &[u8]| piece.iter().any(|byte| *byte != 0);
    let Some((place, beginning)) = pieces.find(|(_, piece)| is_there(piece)) else {
        return Err(Stop::Inconclusive(
            "what the target has written is all zeros".to_owned(),
        ));
    };
    let begins = |chunk: &u64| {
        let data = seeder.content.chunk(*chunk);
        data.is_some_and(|data| data.starts_with(beginning))
    };
    let Some(first) = (0..seeder.content.size()).rev().find(begins) else {
        return Err(Stop::violation(
            "chunks of the stream",
            format!("{} bytes that begin with none", written.len()),
            [],
        ));
    };
    let differs = pieces.find(|(at, piece)| {
        let chunk = seeder.content.chunk(first + (at - place) as u64);
        is_there(piece) && !chunk.is_some_and(|chunk| chunk.starts_with(piece))
    });
    let Some((at, _)) = differs else {
        return Ok(());
    };
    Err(Stop::violation(
        format!("the chunks of the stream from {first} on"),
        format!(
            "other bytes in the place of chunk {}",
            first + (at - place) as u64
        ),
        [],
    ))
}

/// A seeder of everything that keeps few chunks, and how many.
fn forgetful(it: &mut Conversation<'_>) -> Result<(Seeder, u64), Stop> {
    needs_fetching(it)?;
    let option = OptionCode::LiveDiscardWindow;
    if it.known().manner.left_out.contains(&option.code()) {
        return Err(Stop::Skip(format!(
            "the target takes no reply with the option {option}, so nothing can be asked of its value"
        )));
    }
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let window = seeder.content.group(0).count().max(32) * 2;
    seeder.window = Some(window);
    seeder.welcome(it, Offer::All)?;
    Ok((seeder, window))
}

/// Serves for some time, in which nothing may be asked for that has left the window:
/// of the REQUESTs that are `next` and later.
fn asks_inside(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    window: u64,
    mut next: usize,
) -> Outcome {
    let within = it.patience().answer * 2;
    // What was announced last may be on its way.
    let slack = window / 2;
    let mut wrong = None;
    seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| {
            let oldest = seeder.announced().saturating_sub(window + slack);
            let mut new = seeder.log.requests[next..].iter();
            let old = new.find(|said| said.chunks.start() < oldest);
            wrong = wrong.or(old.map(|said| (*said, seeder.announced() - window)));
            next = seeder.log.requests.len();
            wrong.is_some()
        },
    )?;
    match wrong {
        None if next == 0 => Err(Stop::Inconclusive("no REQUEST comes".to_owned())),
        None => Ok(()),
        Some((said, oldest)) => Err(Stop::violation(
            format!("REQUESTs from chunk {oldest} on: our discard window is {window} chunks"),
            format!("REQUEST {}", said.chunks),
            [said.frame],
        )),
    }
}

fn window_respected(it: &mut Conversation<'_>) -> Outcome {
    let (mut seeder, window) = forgetful(it)?;
    asks_inside(it, &mut seeder, window, 0)
}

fn window_moves(it: &mut Conversation<'_>) -> Outcome {
    let (mut seeder, window) = forgetful(it)?;
    let begin = seeder.content.size();
    let mut waited = Duration::ZERO;
    let step = it.patience().answer;
    // Nothing is given until all that was there is gone.
    while seeder.content.size() < begin + window * 2 && waited < AGAIN {
        seeder.watch(it, step, |_| false)?;
        waited += step;
    }
    let settle = it.known().round_trip * 2 + Duration::from_millis(20);
    seeder.watch(it, settle, |_| false)?;
    seeder.forget_requests();
    let next = seeder.log.requests.len();
    asks_inside(it, &mut seeder, window, next)
}

fn source_returns(it: &mut Conversation<'_>) -> Outcome {
    let mut seeder = begun(it, 4)?;
    seeder.follow(false);
    seeder.watch(it, AWAY, |_| false)?;
    seeder.forget_requests();
    let before = seeder.log.requests.len();
    seeder.follow(true);
    let asks = |seeder: &Seeder| seeder.log.requests.len() > before;
    if seeder.serve(it, AGAIN, |_, _| Gift::Right, asks)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("REQUESTs after {} seconds of silence", AWAY.as_secs()),
        "none",
    ))
}
