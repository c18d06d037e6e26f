//! REQUEST, CANCEL, CHOKE, and the order of messages (RFC 7574, sections 3, 3.7
//! to 3.9).

use std::time::Duration;

use ppspp_dissector::wire::{Message, MessageType, encode_message};

use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::fetch::{Acks, Delivery};

const CHUNK: &[MessageType] = &[MessageType::Data];

/// A message type that Table 7 leaves unassigned.
const UNASSIGNED: u8 = 0xee;

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.7/range-served",
        title: "All chunks of a range are served",
        requirement: "A REQUEST names one or more chunks; who serves it sends them as DATA.",
        awaits: CHUNK,
        finds: &[M::ServesFirstOfRange],
        run: range_served,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.7/several-requests",
        title: "Several REQUESTs in a datagram are all served",
        requirement: "A datagram may hold several REQUESTs, as for rare chunks; messages are \
                      multiplexed into datagrams.",
        level: Level::May,
        awaits: CHUNK,
        finds: &[M::OneRequestADatagram],
        run: several_requests,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.7/requests-in-order",
        title: "REQUESTs are served in their order",
        requirement: "REQUESTs of the same peer should be processed in the order in which they \
                      came.",
        level: Level::Should,
        awaits: CHUNK,
        finds: &[
            M::ServesSorted,
            M::ProcessesBackwards,
            M::OneRequestADatagram,
        ],
        run: requests_in_order,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3/messages-in-order",
        title: "The messages of a datagram are processed in their order",
        requirement: "Messages in a datagram are processed strictly in the order in which they \
                      stand: a CANCEL before a REQUEST does not cancel it.",
        awaits: CHUNK,
        finds: &[M::ProcessesBackwards],
        run: messages_in_order,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3/invalid-message-discards-rest",
        title: "What follows an invalid message is discarded",
        requirement: "Where a datagram holds an invalid message the remaining messages are \
                      discarded.",
        finds: &[M::SkipsInvalid],
        run: invalid_discards_rest,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.8/cancel-stops",
        title: "CANCEL ends a REQUEST",
        requirement: "CANCEL names chunks that are no longer wanted: those that were not sent yet \
                      are not sent any more.",
        level: Level::Should,
        awaits: CHUNK,
        finds: &[M::IgnoresCancel],
        run: cancel_stops,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.8/have-cancels",
        title: "HAVE ends a REQUEST for the same chunks",
        requirement: "A HAVE for chunks that its sender has asked for is an implicit CANCEL: the \
                      earlier REQUEST must be cancelled.",
        awaits: CHUNK,
        finds: &[M::HaveCancelsNothing],
        run: have_cancels,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/12.6.7/cancel-of-nothing",
        title: "CANCEL of what was not asked for does no harm",
        requirement: "CANCELs for content that was never requested are detected and ignored.",
        level: Level::Robustness,
        awaits: CHUNK,
        finds: &[M::CancelOfNothingEnds],
        run: cancel_of_nothing,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/3.9/choked-target-serves",
        title: "A peer that is choked still serves",
        requirement: "CHOKE says that its sender no longer answers REQUESTs; its own REQUESTs are \
                      not touched by that.",
        level: Level::May,
        awaits: CHUNK,
        finds: &[M::ChokeEndsService],
        run: choked_target_serves,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.2/repeated-request",
        title: "A REQUEST that is sent twice is no other than one",
        requirement: "Messages are idempotent: a REQUEST may be resent without problems, and the \
                      channel goes on.",
        awaits: CHUNK,
        finds: &[M::RepeatedRequestEnds],
        run: repeated_request,
        ..Case::USUAL
    },
];

/// Takes what comes, acknowledges it, until these chunks are there.
fn until_all(
    it: &mut Conversation<'_>,
    channel: &Channel,
    delivery: &mut Delivery,
    chunks: &[u64],
) -> Outcome {
    let within = it.patience().answer * 2;
    it.collect(channel, delivery, within, Acks::Each(1000), |it| {
        chunks.iter().all(|chunk| it.has(*chunk))
    })
}

fn missing(delivery: &Delivery, chunks: &[u64]) -> Outcome {
    let missing: Vec<String> = chunks
        .iter()
        .filter(|chunk| !delivery.has(**chunk))
        .map(u64::to_string)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA of {} chunks", chunks.len()),
        format!("none of {}", missing.join(", ")),
    ))
}

fn range_served(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(12)? + 8;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    let chunks = [first, first + 1, first + 2, first + 3];
    for _ in 0..2 {
        it.request(&channel, first, first + 3)?;
        until_all(it, &channel, &mut delivery, &chunks)?;
    }
    missing(&delivery, &chunks)
}

fn several_requests(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let start = it.first_of(10)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    let chunks = [start + 2, start + 8];
    for _ in 0..2 {
        let [first, second] = chunks;
        let first = Message::Request(it.spec(&channel, first, first)?);
        let second = Message::Request(it.spec(&channel, second, second)?);
        it.send(&channel, &[first, second])?;
        until_all(it, &channel, &mut delivery, &chunks)?;
        if chunks.iter().all(|chunk| delivery.has(*chunk)) {
            break;
        }
    }
    missing(&delivery, &chunks)
}

fn requests_in_order(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let start = it.first_of(10)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    let chunks = [start + 9, start + 3, start + 6];
    let mut requests = Vec::new();
    for chunk in chunks {
        requests.push(Message::Request(it.spec(&channel, chunk, chunk)?));
    }
    it.send(&channel, &requests)?;
    until_all(it, &channel, &mut delivery, &chunks)?;
    let mut came: Vec<u64> = delivery.chunks.iter().map(|it| it.chunk).collect();
    came.dedup();
    missing(&delivery, &chunks)?;
    if came.starts_with(&chunks) {
        return Ok(());
    }
    let list = |chunks: &[u64]| {
        let list: Vec<String> = chunks.iter().map(u64::to_string).collect();
        list.join(", ")
    };
    Err(Stop::violation(
        format!("DATA {}", list(&chunks)),
        format!("DATA {}", list(&came)),
        delivery.chunks.iter().map(|it| it.frame),
    ))
}

fn messages_in_order(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(4)?;
    let wanted = first + 3;
    let channel = it.open()?;
    it.fetch(&channel, &[first])?;
    let mut delivery = Delivery::new(it);
    for _ in 0..2 {
        let spec = it.spec(&channel, wanted, wanted)?;
        it.note("CANCEL before REQUEST: the chunk is wanted");
        it.send(&channel, &[Message::Cancel(spec), Message::Request(spec)])?;
        let within = it.patience().answer;
        it.collect(&channel, &mut delivery, within, Acks::None, |it| {
            it.has(wanted)
        })?;
        if delivery.has(wanted) {
            return Ok(());
        }
    }
    missing(&delivery, &[wanted])
}

fn invalid_discards_rest(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let wanted = it.first_of(4)? + 3;
    let channel = it.open()?;
    let mut bytes = channel.destination().0.to_be_bytes().to_vec();
    bytes.push(UNASSIGNED);
    let request = Message::Request(it.spec(&channel, wanted, wanted)?);
    encode_message(&request, &channel.writes, &mut bytes)
        .map_err(|error| Stop::Error(error.to_string()))?;
    it.note("an unassigned message type, then a REQUEST");
    it.send_bytes(channel.port, &bytes)?;
    let quiet = it.patience().quiet;
    match it.awaited_data(&channel, quiet)? {
        None => Ok(()),
        Some(heard) => Err(Stop::violation(
            "nothing: the REQUEST stands behind an invalid message",
            "DATA",
            [heard.frame],
        )),
    }
}

/// Asks for many chunks, takes some back, and looks whether those still come.
fn takes_back(
    it: &mut Conversation<'_>,
    message: fn(ppspp_dissector::wire::ChunkSpec) -> Message<'static>,
    how: &str,
) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(128)?;
    let channel = it.open()?;
    let mut delivery = Delivery::new(it);
    // Aligned, so that bins can say it.
    let (half, last) = (first + 64, first + 127);
    it.request(&channel, first, last)?;
    let within = it.patience().answer;
    it.collect(&channel, &mut delivery, within, Acks::None, |it| {
        !it.chunks.is_empty()
    })?;
    if delivery.chunks.is_empty() {
        return Err(Stop::Inconclusive("the REQUEST is not served".to_owned()));
    }
    let spec = it.spec(&channel, half, last)?;
    it.note(format!("the second half is taken back by {how}"));
    it.send(&channel, &[message(spec)])?;
    // What was under way by then does not count.
    let settle = it.known().round_trip * 3 + Duration::from_millis(30);
    it.collect(&channel, &mut delivery, settle, Acks::None, |_| false)?;
    let early = delivery.chunks.iter().any(|it| it.chunk >= half);
    if early {
        return Err(Stop::Inconclusive(
            "all chunks were sent before they could be taken back".to_owned(),
        ));
    }
    // Now everything is acknowledged, so that nothing holds the target back.
    let came: Vec<u64> = delivery.chunks.iter().map(|it| it.chunk).collect();
    for chunk in came {
        it.acknowledge(&channel, chunk, 1000)?;
    }
    let quiet = it.patience().quiet * 2;
    it.collect(&channel, &mut delivery, quiet, Acks::Each(1000), |it| {
        it.chunks.iter().any(|it| it.chunk >= half)
    })?;
    match delivery.chunks.iter().find(|it| it.chunk >= half) {
        None => Ok(()),
        Some(chunk) => Err(Stop::violation(
            format!("no chunk from {half} on: they were taken back by {how}"),
            format!("DATA {}", chunk.chunk),
            [chunk.frame],
        )),
    }
}

fn cancel_stops(it: &mut Conversation<'_>) -> Outcome {
    takes_back(it, Message::Cancel, "CANCEL")
}

fn have_cancels(it: &mut Conversation<'_>) -> Outcome {
    takes_back(it, Message::Have, "HAVE")
}

/// The channel must serve after these messages.
fn serves_after(
    it: &mut Conversation<'_>,
    messages: &[Message<'_>],
    channel: &Channel,
    wanted: u64,
    what: &str,
) -> Outcome {
    it.note(what);
    it.send(channel, messages)?;
    it.hear_all(it.patience().quiet / 4)?;
    if it.serves(channel, wanted)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {wanted} also after {what}"),
        "the channel no longer serves",
    ))
}

fn cancel_of_nothing(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(4)?;
    let channel = it.open()?;
    let spec = it.spec(&channel, first, first + 3)?;
    serves_after(
        it,
        &[Message::Cancel(spec)],
        &channel,
        first + 3,
        "a CANCEL of nothing",
    )
}

fn choked_target_serves(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let wanted = it.first_of(4)? + 3;
    if it.known().manner.is_legacy {
        return Err(Stop::Skip("the legacy protocol has no CHOKE".to_owned()));
    }
    let channel = it.open()?;
    serves_after(it, &[Message::Choke], &channel, wanted, "our CHOKE")
}

fn repeated_request(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    let first = it.first_of(4)?;
    let channel = it.open()?;
    let request = Message::Request(it.spec(&channel, first + 2, first + 2)?);
    let mut delivery = Delivery::new(it);
    for _ in 0..2 {
        it.send(&channel, std::slice::from_ref(&request))?;
    }
    // What comes is acknowledged: no window is to be full of it.
    let settle = it.patience().quiet / 2;
    it.collect(&channel, &mut delivery, settle, Acks::Each(1000), |_| false)?;
    let wanted = first + 3;
    if it.serves(&channel, wanted)? {
        return Ok(());
    }
    Err(Stop::silence(
        format!("DATA {wanted} also after a REQUEST for the second time"),
        "the channel no longer serves",
    ))
}
