//! What several areas ask in the same way of a target that fetches.

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, Message, MessageType, bitmap_supports};

use crate::probe::case::{Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation, Heard};
use crate::probe::serve::{Fate, Gift, Offer, Said, Seeder, Shape};

/// How long a target may take to ask again for what it did not get: some wait
/// for eight seconds.
pub(in crate::probe::cases) const AGAIN: Duration = Duration::from_secs(12);

/// The round trip that is waited for at most, where only the time that the handshake
/// took is known: some answer it by the clock.
const SETTLED: Duration = Duration::from_millis(200);

/// Goes on only where the target fetched something when it was met.
pub(in crate::probe::cases) fn needs_fetching(it: &Conversation<'_>) -> Outcome {
    if it.known().serves {
        return Ok(());
    }
    Err(Stop::Inconclusive(
        "the target asked for no chunk to begin with".to_owned(),
    ))
}

/// A seeder of everything whose target has asked for something.
pub(in crate::probe::cases) fn asked(it: &mut Conversation<'_>) -> Result<Seeder, Stop> {
    needs_fetching(it)?;
    let mut seeder = Seeder::open(it, Shape::Usual, Offer::All)?;
    let within = it.patience().answer * 3;
    if seeder.watch(it, within, |seeder| !seeder.log.requests.is_empty())? {
        return Ok(seeder);
    }
    Err(Stop::Inconclusive("no REQUEST comes".to_owned()))
}

/// A seeder that has given so many chunks, all right, and they were acknowledged.
/// What else was asked for the target still waits for.
pub(in crate::probe::cases) fn begun(
    it: &mut Conversation<'_>,
    chunks: u64,
) -> Result<Seeder, Stop> {
    let mut seeder = asked(it)?;
    let within = it.patience().answer * 4;
    let mut left = chunks;
    let done = seeder.serve(
        it,
        within,
        |_, times| {
            // One that is asked for again is the same.
            if times == 0 && left == 0 {
                return Gift::Later;
            }
            left -= u64::from(times == 0);
            Gift::Right
        },
        |seeder| count(seeder) >= chunks,
    )?;
    if done {
        return Ok(seeder);
    }
    Err(Stop::Inconclusive(format!(
        "of the first {chunks} chunks, {} are acknowledged",
        count(&seeder)
    )))
}

/// How many chunks the target holds for right.
pub(in crate::probe::cases) fn count(seeder: &Seeder) -> u64 {
    let last = seeder.content.size() - 1;
    // Of what a flood names, most is no part of the content.
    let whole = 0..=last;
    let ranges = seeder.log.accepted().overlapping(&whole);
    ranges
        .map(|range| range.end().min(&last) - range.start() + 1)
        .sum()
}

/// Whether the target goes on to fetch: three more chunks are acknowledged, or
/// others are asked for than before.
pub(in crate::probe::cases) fn goes_on(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    after: &str,
) -> Outcome {
    goes_on_unless(it, seeder, after, |_| false)
}

/// The same after what no honest peer sends: the target may give the channel up
/// for it, and say so, or open another one.
pub(in crate::probe::cases) fn goes_on_or_leaves(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    after: &str,
) -> Outcome {
    goes_on_unless(it, seeder, after, |seeder| {
        !seeder.log.closed.is_empty() || begins_anew(seeder)
    })
}

/// The same after datagrams that may have said anything, CHOKE included.
pub(super) fn recovers(it: &mut Conversation<'_>, seeder: &mut Seeder, after: &str) -> Outcome {
    if needs_message(it, MessageType::Unchoke).is_ok() {
        seeder.say(it, &[Message::Unchoke])?;
    }
    let last = seeder.content.size() - 1;
    let haves = seeder.haves(&[(0, last)]);
    seeder.say(it, &haves)?;
    goes_on_or_leaves(it, seeder, after)
}

/// Whether the target accepts all these chunks, some of them when they come again.
pub(in crate::probe::cases) fn takes_all(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    chunks: &[u64],
) -> Result<bool, Stop> {
    seeder.serve(
        it,
        AGAIN,
        |_, _| Gift::Right,
        |seeder| {
            let accepted = seeder.log.accepted();
            chunks.iter().all(|chunk| accepted.contains(chunk))
        },
    )
}

/// Whether the target has opened another channel.
pub(in crate::probe::cases) fn begins_anew(seeder: &Seeder) -> bool {
    let openings = seeder.log.openings.iter();
    let mut channels = openings.filter_map(|(_, it)| it.channel);
    channels.any(|channel| channel != seeder.theirs())
}

fn goes_on_unless(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    after: &str,
    may_leave: impl Fn(&Seeder) -> bool,
) -> Outcome {
    // What was on its way does not count.
    let settle = it.known().round_trip.min(SETTLED) * 2 + Duration::from_millis(20);
    seeder.watch(it, settle, |_| false)?;
    // What got lost on purpose not all ask for again, which another case tells.
    seeder.owe();
    let before = count(seeder);
    let wanted = (before + 3).min(seeder.content.size());
    let asked = seeder.log.asked().clone();
    let done = seeder.serve(
        it,
        AGAIN,
        |_, _| Gift::Right,
        |seeder| {
            let is_new = |said: &Said| !asked.contains(&said.chunks.end());
            let goes_on = count(seeder) >= wanted || seeder.log.requests.iter().any(is_new);
            goes_on || may_leave(seeder)
        },
    )?;
    if done {
        return Ok(());
    }
    let died = match it.fate() {
        Fate::Crashed(how) | Fate::Ended(how) => format!("; {how}"),
        _ => String::new(),
    };
    Err(Stop::silence(
        format!("the target goes on to fetch after {after}"),
        format!(
            "{} chunks were acknowledged before and {} are now{died}",
            before,
            count(seeder)
        ),
    ))
}

/// Another one of ours, whom the target does not know yet and who wants the content
/// from it: its channel, and the target's reply.
pub(in crate::probe::cases) fn another(
    it: &mut Conversation<'_>,
    seeder: &Seeder,
) -> Result<(Channel, Heard), Stop> {
    let port = it.port()?;
    let mut channel = it.channel(port);
    channel.writes = seeder.channel.writes;
    channel.reads = seeder.channel.reads;
    for _ in 0..2 {
        let options = seeder.swarm.options(&it.known().manner);
        let handshake = Conversation::handshake(&channel, options);
        it.note("another one of ours, who wants the content");
        it.send_to(&channel, ChannelId::ZERO, &[handshake])?;
        if let Some(reply) = it.reply(&mut channel, it.patience().answer)? {
            return Ok((channel, reply));
        }
    }
    Err(Stop::Skip(
        "the target answers no HANDSHAKE: it fetches only".to_owned(),
    ))
}

/// None of these chunks may have been accepted.
pub(in crate::probe::cases) fn none_accepted(
    seeder: &Seeder,
    chunks: &BTreeSet<u64>,
    because: &str,
) -> Outcome {
    match seeder.log.acceptance(chunks) {
        None => Ok(()),
        Some((what, frame)) => {
            let given = chunks.iter().filter_map(|it| seeder.given.get(it));
            let frames = given.map(|it| it.frame).take(3).chain([frame]);
            Err(Stop::violation(
                format!("neither ACK nor HAVE: {because}"),
                what,
                frames.collect::<Vec<_>>(),
            ))
        }
    }
}

/// Goes on only where the target says that it supports a message type, or says
/// nothing of that.
pub(in crate::probe::cases) fn needs_message(it: &Conversation<'_>, kind: MessageType) -> Outcome {
    let bitmap = it.known().declared.messages.as_deref();
    if bitmap.is_some_and(|bitmap| !bitmap_supports(bitmap, kind)) {
        return Err(Stop::Skip(format!(
            "the target declares that it does not support {kind}"
        )));
    }
    Ok(())
}
