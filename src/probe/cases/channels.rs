//! Channels and their IDs (RFC 7574, sections 3.11, 8.3 and 12.1).

use std::collections::BTreeSet;

use ppspp_dissector::wire::MessageType;

use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;

/// Handshakes that the statistical test looks at.
const SAMPLES: usize = 40;

const REPLY: &[MessageType] = &[MessageType::Handshake];

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.11/own-channel-id",
        title: "The target does not take our channel ID for its own",
        requirement: "The two peers of a channel use different IDs for it, each chosen at random.",
        awaits: REPLY,
        run: own_channel_id,
        finds: &[M::EchoesChannelAsOwn],
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.11/random-channel-ids",
        title: "Channel IDs are random",
        requirement: "Channel IDs are random numbers that nobody can guess (12.1, RFC 4960, \
                      5.1.3): they alone tell a channel's datagrams from forged ones. Over 40 \
                      handshakes none comes twice, no bit stands still, they do not follow each \
                      other, ones and zeros are balanced, and no generator without seed makes them.",
        awaits: REPLY,
        run: random_channel_ids,
        finds: &[M::CountsChannels, M::SmallChannelIds, M::OneChannelId],
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.11/two-channels-of-one-address",
        title: "Two channels from one address live side by side",
        requirement: "Channels let several swarms and peers share a transport address: it is the \
                      ID that tells them apart, not the address.",
        awaits: &[MessageType::Data],
        run: two_channels,
        finds: &[M::OneChannelAnAddress, M::OneChannelId],
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.3/datagrams-carry-our-channel",
        title: "Every datagram carries the channel ID that we chose",
        requirement: "Each datagram is prefixed with the channel ID that its receiver allocated.",
        awaits: &[MessageType::Data],
        run: datagrams_carry_our_channel,
        finds: &[M::DataToChannelZero],
        ..Case::USUAL
    },
];

fn own_channel_id(it: &mut Conversation<'_>) -> Outcome {
    let port = it.first_port()?;
    let (channel, reply) = it.shake(port)?;
    if channel.theirs == Some(channel.ours) {
        return Err(Stop::violation(
            "an ID of its own",
            format!("ours, {}", channel.ours),
            [reply.frame],
        ));
    }
    Ok(())
}

fn random_channel_ids(it: &mut Conversation<'_>) -> Outcome {
    let mut ids = Vec::with_capacity(SAMPLES);
    let mut frames = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        // Some take an address for a peer.
        let port = it.port()?;
        let (channel, reply) = it.shake(port)?;
        // Some count channels that are half-open.
        it.send(&channel, &[])?;
        it.close(&channel)?;
        ids.push(channel.destination().0);
        frames.push(reply.frame);
    }
    must_be_random(&ids, frames)
}

/// IDs, and the frames that they came in, must be random.
pub(super) fn must_be_random(ids: &[u32], frames: Vec<usize>) -> Outcome {
    match objection(ids) {
        None => Ok(()),
        Some(objection) => Err(Stop::violation(
            "32 bits that nobody can guess",
            objection,
            frames.into_iter().take(4),
        )),
    }
}

/// What speaks against a list of IDs being random.
fn objection(ids: &[u32]) -> Option<String> {
    let distinct: BTreeSet<u32> = ids.iter().copied().collect();
    let first = ids.first()?;
    if distinct.len() < ids.len() {
        return Some(format!(
            "{} of {} IDs differ; the first is {first:08x}",
            distinct.len(),
            ids.len()
        ));
    }
    let changing = ids.iter().fold(0, |bits, id| bits | (id ^ first));
    if changing != u32::MAX {
        return Some(format!(
            "{} bits are the same in all of {} IDs",
            (!changing).count_ones(),
            ids.len()
        ));
    }
    let near = ids.windows(2).filter(|pair| {
        let apart = pair[0].abs_diff(pair[1]).min(pair[0] ^ pair[1]);
        apart < 1 << 16
    });
    let near = near.count();
    if near > ids.len() / 4 {
        return Some(format!(
            "{near} of {} IDs differ from the one before in their low 16 bits only",
            ids.len() - 1
        ));
    }
    let ones: u32 = ids.iter().map(|id| id.count_ones()).sum();
    let expected = ids.len() as f64 * 16.0;
    // Six standard deviations: one honest target in 500 million.
    let tolerance = 6.0 * (ids.len() as f64 * 8.0).sqrt();
    if (f64::from(ones) - expected).abs() > tolerance {
        return Some(format!("{ones} of {} bits are ones", ids.len() * 32));
    }
    let unseeded: BTreeSet<u32> = unseeded_rand().take(20_000).collect();
    let known = ids.iter().filter(|id| unseeded.contains(id)).count();
    if known >= 3 {
        return Some(format!(
            "{known} of {} IDs are what C's rand() yields where nobody has seeded it",
            ids.len()
        ));
    }
    None
}

/// What `rand()` of the GNU C library yields without a seed.
fn unseeded_rand() -> impl Iterator<Item = u32> {
    let mut state: Vec<u32> = vec![1];
    for index in 1..31 {
        let before = i64::from(state[index - 1]);
        state.push((before * 16_807 % 2_147_483_647) as u32);
    }
    for index in 31..34 {
        state.push(state[index - 31]);
    }
    let mut drawn = 0;
    std::iter::from_fn(move || {
        loop {
            let length = state.len();
            let next = state[length - 31].wrapping_add(state[length - 3]);
            state.push(next);
            drawn += 1;
            if drawn > 310 {
                return Some(next >> 1);
            }
        }
    })
}

fn two_channels(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.second_chunk()?;
    let port = it.port()?;
    let first = it.open_at(port)?;
    let second = match it.open_at(port) {
        Err(Stop::Inconclusive(_)) => {
            return Err(Stop::silence(
                "a reply to the HANDSHAKE for another channel",
                "nothing, while a channel from the same address is open",
            ));
        }
        other => other?,
    };
    if first.theirs == second.theirs {
        return Err(Stop::violation(
            "a channel ID for each channel",
            format!("{} for both", first.destination()),
            [],
        ));
    }
    for (channel, which) in [(&first, "first"), (&second, "second")] {
        if !it.serves(channel, chunk)? {
            return Err(Stop::silence(
                format!("DATA {chunk} on both channels"),
                format!("none on the {which} one"),
            ));
        }
    }
    Ok(())
}

fn datagrams_carry_our_channel(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let port = it.port()?;
    let (channel, _) = it.shake(port)?;
    let chunk = it.second_chunk()?;
    it.request(&channel, chunk, chunk)?;
    let within = it.patience().quiet;
    for heard in it.hear_all(within)? {
        if heard.port == port && heard.channel() != Some(channel.ours) {
            return Err(Stop::violation(
                format!("datagrams to channel {}", channel.ours),
                match heard.channel() {
                    Some(other) => format!("one to channel {other}"),
                    None => format!("one of {} bytes", heard.bytes.len()),
                },
                [heard.frame],
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha12Rng;
    use rand_core::{Rng as _, SeedableRng as _};

    use super::*;

    #[test]
    fn random_ids_raise_no_objection() {
        for seed in 0..200 {
            let mut random = ChaCha12Rng::from_seed([seed; 32]);
            let ids: Vec<u32> = (0..SAMPLES).map(|_| random.next_u32()).collect();
            assert_eq!(objection(&ids), None, "seed {seed}");
        }
    }

    #[test]
    fn counters_small_numbers_and_repeats_are_found() {
        let base = 0x5bd1_e995_u32;
        let counted: Vec<u32> = (0..40).map(|count| base ^ count).collect();
        assert!(
            objection(&counted)
                .expect("found")
                .contains("the same in all")
        );
        let mut random = ChaCha12Rng::from_seed([7; 32]);
        let small: Vec<u32> = (0..40).map(|_| random.next_u32() & 0xffff).collect();
        assert!(objection(&small).is_some());
        assert!(objection(&[9; 40]).expect("found").starts_with("1 of 40"));
    }

    #[test]
    fn an_unseeded_rand_begins_as_everybody_knows() {
        let first: Vec<u32> = unseeded_rand().take(3).collect();
        assert_eq!(first, [1_804_289_383, 846_930_886, 1_681_692_777]);
        let ids: Vec<u32> = unseeded_rand().skip(100).take(40).collect();
        assert!(objection(&ids).is_some());
    }
}
