//! Getting to know a target that leeches before the first case: the nearest
//! reply that it takes, and whether it asks for chunks.

use std::collections::BTreeSet;
use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, ContentIntegrity, OptionCode};
use rand_chacha::ChaCha12Rng;

use super::seeded::{Shape, Source};
use super::seeder::Seeder;
use crate::probe::acquaintance::{Acquaintance, DOUBTFUL, Unreachable};
use crate::probe::case::Stop;
use crate::probe::conversation::{Conversation, Party, stranger};
use crate::probe::net::Net;
use crate::probe::swarm::{Declared, Known, Manner};

/// How long getting to know it may take, besides its start.
const LIMIT: Duration = Duration::from_secs(60);

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
fn manners(declared: &Declared) -> Vec<Manner> {
    let unknown: Vec<OptionCode> = DOUBTFUL
        .into_iter()
        .filter(|option| !declared.has(*option))
        .collect();
    let all: BTreeSet<u8> = DOUBTFUL.iter().map(|option| option.code()).collect();
    let mut manners = vec![Manner::rfc()];
    manners.extend(DOUBTFUL.map(|option| Manner::without(&[option])));
    manners.push(Manner::without(&unknown));
    for (index, one) in DOUBTFUL.iter().enumerate() {
        let others = DOUBTFUL.iter().skip(index + 1);
        manners.extend(others.map(|other| Manner::without(&[*one, *other])));
    }
    manners.push(Manner {
        left_out: all,
        is_legacy: false,
        foreign: None,
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

fn look(it: &mut Conversation<'_>) -> Result<Known, Stop> {
    let mut seeder = Seeder::expect(it, Shape::Usual)?;
    let last = seeder.content.size() - 1;
    let haves = seeder.haves(&[(0, last)]);
    let mut found = None;
    'all: for manner in manners(&seeder.declared) {
        for _ in 0..if manner.is_rfc() { 2 } else { 1 } {
            it.note(format!("is this reply taken? {}", manner.describe()));
            // Another channel each time: which one it uses tells what it took.
            seeder.channel.ours = ChannelId(seeder.channel.ours.0.wrapping_add(2).max(1));
            let mut options = seeder.swarm.options(&manner);
            options.retain(|option| option.code() != OptionCode::SwarmId);
            let began = it.now();
            seeder.reply(it, options, &haves)?;
            if seeder.goes_on(it, it.patience().answer)? {
                found = Some((manner, it.now().since(began)));
                break 'all;
            }
        }
    }
    let Some((manner, round_trip)) = found else {
        return Err(Stop::silence(
            "a datagram on our channel",
            "the target goes on after no reply of ours, neither as the RFC writes it nor otherwise; check --chunk-size, --hash and --addressing",
        ));
    };
    // Some do not read what stands behind a reply's HANDSHAKE.
    seeder.say(it, &haves)?;
    seeder.serve(
        it,
        it.patience().answer * 3,
        |_, _| super::seeder::Gift::Right,
        |seeder| seeder.log.acks.len() >= 3,
    )?;
    // How long it takes to answer a HANDSHAKE may be a matter of its clock.
    let acks = seeder.log.acks.iter().map(|it| it.said);
    let answers = acks.filter_map(|said| {
        let given = seeder.given.get(&said.chunks.end())?;
        (given.times == 1).then(|| said.at.since(given.at))
    });
    let round_trip = answers.min().map_or(round_trip, |it| it.min(round_trip));
    let integrity = seeder.declared.integrity;
    Ok(Known {
        declared: seeder.declared.clone(),
        round_trip,
        size: Some(seeder.content.size()),
        serves: !seeder.log.requests.is_empty(),
        protects: integrity.is_none_or(ContentIntegrity::has_tree),
        ..stranger(manner)
    })
}
