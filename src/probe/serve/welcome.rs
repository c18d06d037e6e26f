//! Getting to know a target that fetches before the first case: the nearest reply
//! that it takes, whether it asks for chunks, and which signatures it believes.

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, OptionCode};
use rand_chacha::ChaCha12Rng;

use super::content::{Shape, Source};
use super::seeder::{Gift, Offer, Seeder};
use crate::probe::acquaintance::{Acquaintance, Unreachable, doubtful};
use crate::probe::case::Stop;
use crate::probe::conversation::{Conversation, Party, stranger};
use crate::probe::net::Net;
use crate::probe::swarm::{Declared, Known, Manner, Swarm};

/// How long getting to know it may take, besides its start.
const LIMIT: Duration = Duration::from_secs(60);

/// ACKs after which it is known.
const ENOUGH: usize = 3;

/// Gets to know a target that comes to us.
///
/// # Errors
/// When it does not come, or goes on after no reply.
pub fn welcome(
    net: &mut dyn Net,
    source: &Source,
    party: Party<'_>,
    random: &ChaCha12Rng,
) -> Result<Acquaintance, Unreachable> {
    let nobody = stranger(Manner::rfc());
    let mut conversation =
        Conversation::new(net, party, &nobody, random.clone(), LIMIT).serving(Some(source));
    conversation.note("getting to know the target");
    let known = look(&mut conversation);
    let record = conversation.finish();
    net.dismiss();
    match known {
        Ok(known) => Ok(Acquaintance { known, record }),
        Err(Stop::Error(error)) => Err(Unreachable::Ours(error)),
        Err(Stop::Violation(violation)) => Err(Unreachable::Deaf(violation.actual)),
        Err(Stop::Skip(reason) | Stop::Inconclusive(reason)) => Err(Unreachable::Absent(reason)),
    }
}

/// The replies that are tried, the nearest to the RFC first; what the target's
/// own HANDSHAKE lacks, it is likely not to know.
fn manners(declared: &Declared, swarm: &Swarm) -> Vec<Manner> {
    let doubtful = doubtful(swarm);
    let unknown: Vec<OptionCode> = doubtful
        .iter()
        .copied()
        .filter(|option| !declared.has(*option))
        .collect();
    let all: BTreeSet<u8> = doubtful.iter().map(|option| option.code()).collect();
    let mut manners = vec![Manner::rfc()];
    manners.extend(doubtful.iter().map(|option| Manner::without(&[*option])));
    manners.push(Manner::without(&unknown));
    for (index, one) in doubtful.iter().enumerate() {
        let others = doubtful.iter().skip(index + 1);
        manners.extend(others.map(|other| Manner::without(&[*one, *other])));
    }
    manners.push(Manner {
        left_out: all,
        ..Manner::default()
    });
    // Each once, and what is likely before what is not.
    let mut tried: Vec<Manner> = Vec::new();
    for manner in manners {
        if !tried.contains(&manner) {
            tried.push(manner);
        }
    }
    let likely = Manner::without(&unknown);
    tried[1..].sort_by_key(|manner| *manner != likely);
    tried
}

/// Answers in these manners, one after the other, until the target goes on; which
/// it took, and how long that was.
fn answer(
    it: &mut Conversation<'_>,
    seeder: &mut Seeder,
    manners: Vec<Manner>,
) -> Result<Option<(Manner, Duration)>, Stop> {
    let haves = seeder.offer(Offer::All);
    for manner in manners {
        for _ in 0..if manner.is_rfc() { 2 } else { 1 } {
            it.note(format!("is this reply taken? {}", manner.describe()));
            // Another channel each time: which one it uses tells what it took.
            seeder.channel.ours = ChannelId(seeder.channel.ours.0.wrapping_add(2).max(1));
            let mut options = seeder.swarm.options(&manner);
            options.retain(|option| option.code() != OptionCode::SwarmId);
            let began = it.now();
            seeder.reply(it, options, &haves)?;
            seeder.repeat(it, &haves)?;
            if seeder.goes_on(it, it.patience().answer)? {
                let took = it.now().since(began);
                // Some do not read what stands behind a reply's HANDSHAKE.
                seeder.say(it, &haves)?;
                return Ok(Some((manner, took)));
            }
        }
    }
    Ok(None)
}

/// Serves until so much is acknowledged that the target is known.
fn serve(it: &mut Conversation<'_>, seeder: &mut Seeder) -> Result<bool, Stop> {
    let within = it.patience().answer * 3;
    seeder.serve(
        it,
        within,
        |_, _| Gift::Right,
        |seeder| seeder.log.acks.len() >= ENOUGH,
    )
}

fn look(it: &mut Conversation<'_>) -> Result<Known, Stop> {
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let manners = manners(&seeder.declared, &seeder.swarm);
    let Some((mut manner, round_trip)) = answer(it, &mut seeder, manners)? else {
        return Err(Stop::silence(
            "a datagram on our channel",
            "the target goes on after no reply of ours, neither as the RFC writes it nor otherwise; check --chunk-size, --hash and --addressing",
        ));
    };
    let is_served = serve(it, &mut seeder)?;
    if !is_served && seeder.log.acks.is_empty() && seeder.content.has_munros() {
        // It may want other signatures.
        let mut other = Seeder::expect(it, Shape::Usual)?;
        if let Some(stream) = other.content.stream() {
            stream.sign_hash_alone(true);
        }
        it.note("signatures of munro hashes alone, as libswift makes them");
        answer(it, &mut other, vec![manner.clone()])?;
        serve(it, &mut other)?;
        if !other.log.acks.is_empty() {
            manner.signs_hash_alone = true;
            seeder = other;
        }
    }
    // How long it takes to answer a HANDSHAKE may be a matter of its clock.
    let acks = seeder.log.acks.iter().map(|it| it.said);
    let answers = acks.filter_map(|said| {
        let given = seeder.given.get(&said.chunks.end())?;
        (given.times == 1).then(|| said.at.since(given.at))
    });
    let round_trip = answers.min().map_or(round_trip, |it| it.min(round_trip));
    let integrity = seeder.declared.integrity;
    let size = seeder.content.size();
    Ok(Known {
        declared: seeder.declared.clone(),
        round_trip,
        size: (!seeder.content.is_stream()).then_some(size),
        serves: !seeder.log.requests.is_empty(),
        protects: integrity.is_none_or(|it| it.has_tree() || it.is_live()),
        ..stranger(manner)
    })
}
