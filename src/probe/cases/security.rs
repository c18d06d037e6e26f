//! Amplification, congestion control and limits (RFC 7574, sections 8.15 and
//! 12).

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ppspp_dissector::wire::{Message, MessageType};

use super::support::{describe_all, serves_elsewhere};
use crate::peer::engine::Moment;
use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::fetch::{Acks, Delivery};

const CHUNK: &[MessageType] = &[MessageType::Data];

/// How many bytes may come back for one before the sender has shown to be where
/// it says. QUIC allows three, and HAVEs of a large swarm take some.
const AMPLIFICATION: usize = 3;

/// Chunks that may be under way before anything is acknowledged. RFC 6817
/// begins with two segments; who begins as TCP does has ten (RFC 6928).
const FIRST_FLIGHT: usize = 10;

/// How long ACKs are held back where no queue is told of: a round trip that is
/// long against what a queue adds.
const CALM: Duration = Duration::from_millis(300);

/// A queue that no target delay allows: RFC 6817 has 100 milliseconds at most.
const QUEUE: Duration = Duration::from_millis(300);

/// First datagrams of a flood.
const FLOOD: usize = 300;

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/12.1.1/amplification",
        title: "One forged datagram does not become many bytes",
        requirement: "Before it has shown that it gets what it is sent, a peer is not sent much \
                      more than it has sent: measured over three seconds, three bytes for one at \
                      most.",
        awaits: &[MessageType::Handshake],
        finds: &[M::Amplifies, M::DataBeforeThird],
        run: amplification,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.1.2/flood-of-handshakes",
        title: "A flood of HANDSHAKEs does not shut others out",
        requirement: "Many HANDSHAKEs allocate state at their receiver; that has to be bounded, and \
                      a peer at another address must still be able to talk.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::FloodEnds],
        is_alone: true,
        run: flood_of_handshakes,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.15/first-flight",
        title: "Without acknowledgements little is sent",
        requirement: "LEDBAT is the congestion control (8, 8.15): what is under way is bounded by \
                      the window, which begins with a few segments.",
        awaits: CHUNK,
        finds: &[M::NoCongestionControl],
        run: first_flight,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.15/timeouts-back-off",
        title: "Who acknowledges nothing is sent less and less",
        requirement: "Where nothing is acknowledged for the congestion timeout, the window falls to \
                      one segment and the timeout doubles (RFC 6817, 2.4.2).",
        awaits: CHUNK,
        finds: &[M::ResendsForEver],
        run: timeouts_back_off,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.15/window-grows",
        title: "With acknowledgements more is under way",
        requirement: "LEDBAT's window grows while the delay stays below its target.",
        level: Level::Should,
        awaits: CHUNK,
        finds: &[M::StopAndWait],
        run: window_grows,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.15/delay-backs-off",
        title: "Rising delay makes the window fall",
        requirement: "LEDBAT takes one-way delay for a sign of queues: where the samples in ACKs \
                      rise far above their minimum, it sends less.",
        awaits: CHUNK,
        finds: &[M::DeafToDelay, M::NoCongestionControl],
        run: delay_backs_off,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.6.4/ack-of-nothing",
        title: "ACKs of chunks that do not exist do no harm",
        requirement: "Who acknowledges chunks that were never sent is detected; the sender's own \
                      state must not suffer.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::DiesOfAckOfNothing],
        run: ack_of_nothing,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.6.3/unasked-data",
        title: "Chunks that nobody asked for do not become content",
        requirement: "Bogus chunks are known by the content integrity protection: a seeder that is \
                      sent some goes on serving the right ones.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::BelievesAnyData],
        run: unasked_data,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.6.5/bogus-integrity",
        title: "Bogus hashes do not spoil what is served",
        requirement: "Hashes that were not proven are not passed on.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::BelievesAnyHash],
        run: bogus_integrity,
        ..Case::USUAL
    },
];

fn amplification(it: &mut Conversation<'_>) -> Outcome {
    let first = it.first_of(1)?;
    let port = it.port()?;
    let channel = it.channel(port);
    let spec = it.spec(&channel, first, first)?;
    it.note("the only datagram: it might be forged");
    let frame = it.begin(&channel, &[Message::Request(spec), Message::PexReq])?;
    let sent = it.frames()[frame].bytes.len();
    let mut came = it.hear_all(Duration::from_secs(3))?;
    came.retain(|heard| heard.port == port);
    let bytes: usize = came.iter().map(|heard| heard.bytes.len()).sum();
    if bytes <= sent * AMPLIFICATION {
        return Ok(());
    }
    Err(Stop::violation(
        format!(
            "at most {} bytes for the {sent} that were sent",
            sent * AMPLIFICATION
        ),
        format!(
            "{bytes} bytes in {} datagrams: {}",
            came.len(),
            describe_all(&came, &channel.reads)
        ),
        came.iter().map(|heard| heard.frame),
    ))
}

fn flood_of_handshakes(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let chunk = it.second_chunk()?;
    let port = it.port()?;
    for _ in 0..FLOOD {
        let channel = it.channel(port);
        it.begin(&channel, &[])?;
    }
    it.hear_all(it.patience().quiet)?;
    serves_elsewhere(
        it,
        chunk,
        format!("a reply at another address, also after {FLOOD} HANDSHAKEs from one"),
        format!("DATA {chunk} at another address, also after {FLOOD} HANDSHAKEs from one"),
    )
}

/// DATA messages that come for a large REQUEST without any ACK.
fn unacknowledged(it: &mut Conversation<'_>, within: Duration) -> Result<Delivery, Stop> {
    it.needs_service()?;
    let first = it.first_of(64)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    it.request(&channel, first, first + 63)?;
    it.collect(&channel, &mut delivery, within, Acks::None, |_| false)?;
    if delivery.chunks.is_empty() {
        return Err(Stop::Inconclusive("the REQUEST is not served".to_owned()));
    }
    Ok(delivery)
}

fn first_flight(it: &mut Conversation<'_>) -> Outcome {
    // Before the least congestion timeout of RFC 6817, a second.
    let delivery = unacknowledged(it, Duration::from_millis(800))?;
    // How often each is sent again is another matter.
    let chunks: BTreeSet<u64> = delivery.chunks.iter().map(|it| it.chunk).collect();
    let count = chunks.len();
    if count <= FIRST_FLIGHT {
        return Ok(());
    }
    Err(Stop::violation(
        format!("at most {FIRST_FLIGHT} chunks before the first ACK"),
        format!("{count} within 0.8 seconds"),
        delivery.chunks.iter().map(|it| it.frame).take(12),
    ))
}

fn timeouts_back_off(it: &mut Conversation<'_>) -> Outcome {
    let delivery = unacknowledged(it, Duration::from_secs(6))?;
    let Some(first) = delivery.chunks.first() else {
        return Ok(());
    };
    let late = delivery
        .chunks
        .iter()
        .filter(|it| it.at.since(first.at) > Duration::from_secs(2));
    let late: Vec<usize> = late.map(|it| it.frame).collect();
    if delivery.is_overrun() {
        return Err(Stop::violation(
            "ever fewer DATA messages where nothing is acknowledged",
            format!("{} in less than 6 seconds", delivery.chunks.len()),
            delivery.chunks.iter().map(|it| it.frame).take(12),
        ));
    }
    // One a timeout, which is doubled each time.
    if late.len() <= FIRST_FLIGHT {
        return Ok(());
    }
    Err(Stop::violation(
        format!("at most {FIRST_FLIGHT} DATA messages in the seconds 2 to 6 without ACK"),
        format!("{}", late.len()),
        late.into_iter().take(12),
    ))
}

/// How many DATA messages are under way at once: everything that waits is
/// acknowledged, and then nothing until no more comes.
fn flight(
    it: &mut Conversation<'_>,
    channel: &Channel,
    delivery: &mut Delivery,
    unanswered: &mut Vec<u64>,
    delay: u64,
) -> Result<usize, Stop> {
    for chunk in unanswered.drain(..) {
        it.acknowledge(channel, chunk, delay)?;
    }
    let before = delivery.chunks.len();
    let settle = it.known().round_trip * 2 + Duration::from_millis(60);
    it.collect(channel, delivery, settle, Acks::None, |_| false)?;
    let came: Vec<u64> = delivery.chunks[before..]
        .iter()
        .map(|it| it.chunk)
        .collect();
    let count = came.len();
    unanswered.extend(came);
    Ok(count)
}

fn window_grows(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(256)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    it.request(&channel, first, first + 255)?;
    let (mut waiting, mut most) = (Vec::new(), 0);
    for _ in 0..12 {
        let now = flight(it, &channel, &mut delivery, &mut waiting, 1000)?;
        most = most.max(now);
        if most > 4 {
            return Ok(());
        }
    }
    if delivery.chunks.len() < 8 {
        return Err(Stop::Inconclusive(
            "the target does not serve what it was asked for".to_owned(),
        ));
    }
    let frames = delivery.chunks.iter().map(|it| it.frame).take(12);
    Err(Stop::violation(
        "more than 4 DATA messages under way after a dozen round trips",
        format!("{most} at most"),
        frames,
    ))
}

/// A path whose ACKs are on their way for a time that the case sets.
struct Path {
    delivery: Delivery,
    /// ACKs that are due: when, and for which chunk.
    due: VecDeque<(Moment, u64)>,
}

impl Path {
    /// Lets time pass; the most chunks that were unacknowledged at once. `hold`
    /// tells how long an ACK takes, by how much of the time has passed, 0 to 1.
    fn run(
        &mut self,
        it: &mut Conversation<'_>,
        channel: &Channel,
        time: Duration,
        hold: impl Fn(f64) -> Duration,
    ) -> Result<usize, Stop> {
        let (start, end) = (it.now(), it.now() + time);
        let chunk_size = it.swarm().chunk_size;
        let mut most = self.due.len();
        while it.now() < end && !self.is_exhausted() {
            let now = it.now();
            let passed = now.since(start).as_secs_f64() / time.as_secs_f64();
            let hold = hold(passed);
            if let Some(&(at, chunk)) = self.due.front()
                && at <= now
            {
                self.due.pop_front();
                // What the ACK's way takes beyond the calm is queue.
                let queue = hold.saturating_sub(CALM).as_micros() as u64;
                it.acknowledge(channel, chunk, 1000 + queue)?;
                continue;
            }
            let next = self.due.front().map_or(end, |(at, _)| (*at).min(end));
            if let Some(heard) = it.hear(next)?
                && heard.channel() == Some(channel.ours)
            {
                for chunk in self.delivery.take(channel, &heard, chunk_size) {
                    self.due.push_back((heard.at + hold, chunk));
                }
                most = most.max(self.due.len());
            }
        }
        Ok(most)
    }

    /// Whether nearly all that was asked for has come: then the flight ends by
    /// itself.
    fn is_exhausted(&self) -> bool {
        let chunks: BTreeSet<u64> = self.delivery.chunks.iter().map(|it| it.chunk).collect();
        chunks.len() >= 250
    }
}

fn delay_backs_off(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(256)?;
    let channel = it.open()?;
    let mut path = Path {
        delivery: Delivery::new(it),
        due: VecDeque::new(),
    };
    it.request(&channel, first, first + 255)?;
    let mut widest = 0;
    for _ in 0..5 {
        let now = path.run(it, &channel, CALM, |_| CALM)?;
        widest = now.max(widest);
        // Enough is to be left for the second half.
        if widest >= 10 {
            break;
        }
    }
    if widest < 4 {
        return Err(Stop::Skip(
            "the target has few chunks under way anyhow".to_owned(),
        ));
    }
    it.note("from now on the delay rises");
    // ACKs come as much later as they tell, and not all at once, so that no
    // timeout is what makes the window fall.
    let rise = |passed: f64| CALM + QUEUE.mul_f64(passed);
    let rising = path.run(it, &channel, QUEUE * 4, rise)?;
    let high = path.run(it, &channel, QUEUE * 7, |_| CALM + QUEUE)?;
    widest = widest.max(rising).max(high);
    let is_exhausted = path.is_exhausted();
    let last = if is_exhausted {
        rising.max(high)
    } else {
        path.run(it, &channel, QUEUE * 3, |_| CALM + QUEUE)?
    };
    if last < widest || last <= 3 {
        return Ok(());
    }
    Err(Stop::violation(
        format!("fewer than {widest} chunks under way while the delay is 0.3 seconds higher"),
        format!("{last}"),
        path.delivery.chunks.iter().map(|it| it.frame).rev().take(4),
    ))
}

fn ack_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let wanted = it.first_of(4)? + 3;
    let channel = it.open()?;
    // Far beyond the content; aligned, so that bins can say it.
    let start = (it.end()? + 1).next_power_of_two() * 4;
    let spec = it.spec(&channel, start, start)?;
    it.note("an ACK of a chunk that does not exist");
    it.send(
        &channel,
        &[Message::Ack {
            spec,
            delay: u64::MAX,
        }],
    )?;
    it.hear_all(Duration::from_millis(50))?;
    // With who does this the target may stop to talk.
    let other = it.port()?;
    let (stranger, _) = it.shake(other)?;
    it.send(&stranger, &[])?;
    if it.serves(&stranger, wanted)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {wanted} to somebody else, also after an ACK of a chunk that does not exist"),
        "no DATA",
    ))
}

/// After these messages a stranger is still served the right chunk.
fn still_right(
    it: &mut Conversation<'_>,
    messages: &[Message<'_>],
    what: &str,
    wanted: u64,
) -> Outcome {
    it.needs_hashes()?;
    let channel = it.open()?;
    it.note(what);
    it.send(&channel, messages)?;
    it.hear_all(Duration::from_millis(50))?;
    let other = it.port()?;
    let (stranger, _) = it.shake(other)?;
    it.send(&stranger, &[])?;
    let delivery = it.fetch(&stranger, &[wanted])?;
    let Some(chunk) = delivery.chunk(wanted) else {
        let expected = format!("DATA {wanted} also after {what}");
        return Err(Stop::silence(expected, "none"));
    };
    let mut proof = delivery.proof.clone();
    let check = proof.as_mut().map(|proof| proof.check(wanted, &chunk.data));
    if check == Some(crate::probe::proof::Check::Wrong) {
        return Err(Stop::violation(
            format!("the right chunk {wanted}, also after {what}"),
            "a chunk or hashes that are wrong",
            [chunk.frame],
        ));
    }
    Ok(())
}

fn unasked_data(it: &mut Conversation<'_>) -> Outcome {
    let wanted = it.first_of(4)? + 2;
    let port = it.first_port()?;
    let channel = it.channel(port);
    let spec = it.spec(&channel, wanted, wanted)?;
    let bogus = vec![0xa5; it.swarm().chunk_size as usize];
    let timestamp = channel
        .writes
        .data_timestamp
        .then(|| it.now().microseconds());
    let data = Message::Data {
        spec,
        timestamp,
        data: &bogus,
        data_length: bogus.len(),
    };
    let what = format!("a wrong chunk {wanted} that nobody asked for");
    still_right(it, &[data], &what, wanted)
}

fn bogus_integrity(it: &mut Conversation<'_>) -> Outcome {
    let first = it.first_of(4)?;
    let port = it.first_port()?;
    let channel = it.channel(port);
    let hash = vec![0xa5; it.swarm().hash_function.length().unwrap_or(0)];
    let mut messages = Vec::new();
    for (start, end) in [(0, 3), (0, 1), (2, 3), (3, 3), (2, 2)] {
        let spec = it.spec(&channel, first + start, first + end)?;
        messages.push(Message::Integrity { spec, hash: &hash });
    }
    let what = "wrong hashes that nobody asked for";
    still_right(it, &messages, what, first + 3)
}
