//! DATA and INTEGRITY: what comes with a chunk, in which order, and whether it
//! is the content (RFC 7574, sections 3.3, 5 and 8.6).

use ppspp_dissector::wire::{Bin, ChunkRange, Message, MessageType, encode_message};

use crate::peer::misbehave::Misbehaviour as M;
use crate::probe::case::{Case, Level, Outcome, Role, Stop};
use crate::probe::conversation::{Channel, Conversation};
use crate::probe::fetch::{Delivery, Piece};
use crate::probe::proof::{Check, Proof};

const CHUNK: &[MessageType] = &[MessageType::Data, MessageType::Integrity];

/// A live stream has neither peaks nor a last chunk.
const STATIC: &[Role] = &[Role::Seeder];

/// Bytes that surely go in one datagram over Ethernet.
const ONE_DATAGRAM: usize = 1400;

pub(in crate::probe) const CASES: &[Case] = &[
    Case {
        id: "rfc7574/3.3/data-names-one-chunk",
        title: "A DATA message names one chunk and holds it",
        requirement: "A DATA message holds the ID of the chunk and the chunk itself; its chunk \
                      specification describes the single chunk.",
        awaits: CHUNK,
        finds: &[M::DataNamesTwo],
        run: data_names_one_chunk,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.2/chunks-verify",
        title: "Chunks are the content that the swarm ID promises",
        requirement: "The hashes that come with a chunk lead from its own hash to the root hash, \
                      which is the swarm ID.",
        awaits: CHUNK,
        finds: &[M::WrongChunk],
        run: chunks_verify,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.6.2/last-chunk-exact",
        title: "The last chunk comes in its own length",
        requirement: "Only the last chunk may be shorter than the chunk size; its length tells the \
                      exact size of the content, and only the right one verifies.",
        awaits: CHUNK,
        finds: &[M::PadsLastChunk],
        roles: STATIC,
        run: last_chunk_exact,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.6/data-last",
        title: "The DATA message is at the end of its datagram",
        requirement: "Where a datagram holds one DATA message it is the last one.",
        awaits: CHUNK,
        finds: &[M::DataNotLast],
        run: data_last,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.6/timestamp-runs",
        title: "DATA's timestamp is a clock in microseconds",
        requirement: "DATA holds the sender's current time, 64 bits with the accuracy of a \
                      microsecond, between chunk specification and chunk.",
        awaits: CHUNK,
        finds: &[M::TimestampFrozen, M::TimestampMilliseconds],
        run: timestamp_runs,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.3/hashes-come-before-data",
        title: "What verifies a chunk is there when it comes",
        requirement: "The hashes that a receiver lacks go in the same datagram before the DATA \
                      message, or in datagrams before that.",
        awaits: CHUNK,
        finds: &[
            M::HashesAfterData,
            M::NoPeaks,
            M::HashesOnlyOnce,
            M::NoSignatures,
            M::WrongSignature,
        ],
        run: hashes_come_before_data,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.3/hashes-in-same-datagram",
        title: "Hashes go with their chunk where there is room",
        requirement: "Messages that depend on each other should not be spread over datagrams: the \
                      hashes that verify a chunk go with it, unless they do not fit.",
        level: Level::Should,
        awaits: CHUNK,
        finds: &[M::HashesApart],
        run: hashes_in_same_datagram,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.4/integrity-descending",
        title: "INTEGRITY messages are sorted, the highest node first",
        requirement: "The hashes of a chunk's uncles are sent in the order of their height in the \
                      tree, descending.",
        awaits: CHUNK,
        finds: &[M::AscendingHashes, M::NoSignatures],
        run: integrity_descending,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.4/integrity-names-subtree",
        title: "An INTEGRITY message names the chunks below one node",
        requirement: "The chunk specification of a hash is the range of chunks that the leaves \
                      below its node form: a power of two of them, aligned.",
        awaits: CHUNK,
        finds: &[M::HashOfNoNode, M::MunroUnaligned],
        run: integrity_names_subtree,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.6.2/peaks-come-first",
        title: "The peaks come before the first chunk",
        requirement: "Before the first DATA to a peer that has acknowledged nothing, all peak \
                      hashes are sent.",
        awaits: CHUNK,
        finds: &[M::NoPeaks, M::HashesOnlyOnce, M::HashesAfterData],
        roles: STATIC,
        run: peaks_come_first,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.6.2/peaks-before-uncles",
        title: "The peaks come before the uncles",
        requirement: "Peak hashes are an extra list before the list of the chunk's uncles.",
        awaits: CHUNK,
        finds: &[M::PeaksLast],
        roles: STATIC,
        run: peaks_before_uncles,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/5.3/hashes-again-for-stranger",
        title: "Another channel gets all hashes anew",
        requirement: "The sender puts into the datagram the hashes that the receiver needs: what \
                      one peer has acknowledged tells nothing of another.",
        awaits: CHUNK,
        finds: &[
            M::HashesOnlyOnce,
            M::HashesAfterData,
            M::NoPeaks,
            M::NoSignatures,
            M::WrongSignature,
        ],
        run: hashes_again_for_stranger,
        ..Case::USUAL
    },
    Case {
        id: "rfc7574/8.2/datagrams-decode",
        title: "Everything that comes with chunks can be read",
        requirement: "Datagrams hold messages of the types of Table 7 and nothing else, in network \
                      byte order, with the widths that the options settle.",
        awaits: CHUNK,
        finds: &[M::GarbageOnOpenChannels],
        run: datagrams_decode,
        ..Case::USUAL
    },
];

/// Fetches chunks on a new channel.
fn fetched(it: &mut Conversation<'_>, chunks: &[u64]) -> Result<(Channel, Delivery), Stop> {
    it.needs_service()?;
    let channel = it.open()?;
    let delivery = it.fetch(&channel, chunks)?;
    Ok((channel, delivery))
}

/// Some chunks of all of the content: the first ones, one from the middle.
fn sample(it: &mut Conversation<'_>) -> Result<Vec<u64>, Stop> {
    if it.swarm().is_live() {
        return Ok(match it.first_of(8) {
            Ok(first) => vec![first + 1, first + 5, first + 6],
            Err(_) => vec![it.first_of(1)?],
        });
    }
    let size = it.chunks(1)?;
    let mut sample: Vec<u64> = [1, 5, 6, size / 2]
        .into_iter()
        .filter(|chunk| *chunk < size)
        .collect();
    if sample.is_empty() {
        sample.push(0);
    }
    sample.dedup();
    Ok(sample)
}

fn data_names_one_chunk(it: &mut Conversation<'_>) -> Outcome {
    let sample = sample(it)?;
    let (_, delivery) = fetched(it, &sample)?;
    let mut data = delivery
        .pieces
        .iter()
        .filter(|piece| piece.kind == MessageType::Data)
        .peekable();
    if data.peek().is_none() {
        return Err(Stop::silence("DATA messages", "none"));
    }
    match data.find(|piece| !piece.chunks.is_some_and(ChunkRange::is_single)) {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            "DATA that names one chunk",
            match piece.chunks {
                Some(range) => format!("DATA {range}"),
                None => "DATA that names no chunk".to_owned(),
            },
            [piece.frame],
        )),
    }
}

/// The first chunk of a delivery that all its hashes prove wrong.
fn wrong_chunk(delivery: &Delivery) -> Option<(u64, usize, usize)> {
    let mut proof = delivery.proof.clone()?;
    let wrong = delivery
        .chunks
        .iter()
        .find(|it| proof.check(it.chunk, &it.data) == Check::Wrong)?;
    Some((wrong.chunk, wrong.data.len(), wrong.frame))
}

fn chunks_verify(it: &mut Conversation<'_>) -> Outcome {
    it.needs_hashes()?;
    let sample = sample(it)?;
    let (_, delivery) = fetched(it, &sample)?;
    if delivery.chunks.is_empty() {
        return Err(Stop::silence("DATA", "none"));
    }
    match wrong_chunk(&delivery) {
        None => Ok(()),
        Some((chunk, length, frame)) => Err(Stop::violation(
            format!("chunk {chunk} with the hash that its uncles lead to the root"),
            format!("{length} bytes that do not fit the hashes that came"),
            [frame],
        )),
    }
}

fn last_chunk_exact(it: &mut Conversation<'_>) -> Outcome {
    it.needs_hashes()?;
    let last = it.chunks(1)? - 1;
    let (_, delivery) = fetched(it, &[last])?;
    if !delivery.has(last) {
        return Err(Stop::silence(format!("DATA {last}"), "none"));
    }
    match wrong_chunk(&delivery) {
        None => Ok(()),
        Some((_, length, frame)) => Err(Stop::violation(
            format!("chunk {last}, the last one, as its hash has it"),
            format!("{length} bytes that do not fit the hashes that came"),
            [frame],
        )),
    }
}

fn data_last(it: &mut Conversation<'_>) -> Outcome {
    let sample = sample(it)?;
    let (_, delivery) = fetched(it, &sample)?;
    let data: Vec<&Piece> = delivery
        .pieces
        .iter()
        .filter(|piece| piece.kind == MessageType::Data)
        .collect();
    // Several DATA of full chunks may share a datagram.
    let wrong = data.iter().find(|piece| {
        let in_datagram = |other: &&&Piece| other.frame == piece.frame;
        !piece.is_last && data.iter().filter(in_datagram).count() == 1
    });
    match wrong {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            "nothing behind the DATA message",
            "more messages",
            [piece.frame],
        )),
    }
}

fn timestamp_runs(it: &mut Conversation<'_>) -> Outcome {
    it.needs_service()?;
    // Some never serve chunk 0 alone.
    let second = it.second_chunk()?;
    let channel = it.open()?;
    let pause = std::time::Duration::from_millis(400);
    let first = it.fetch(&channel, &[second])?;
    it.hear_all(pause)?;
    // On another channel, so that the same chunk may be asked for.
    let other = it.open()?;
    let later = it.fetch(&other, &[second])?;
    let (Some(one), Some(two)) = (first.chunks.first(), later.chunks.last()) else {
        return Err(Stop::Inconclusive("the chunks did not come".to_owned()));
    };
    let (Some(before), Some(after)) = (one.timestamp, two.timestamp) else {
        return Err(Stop::Skip("the dialect's DATA has no timestamp".to_owned()));
    };
    let passed = two.at.since(one.at).as_micros() as f64;
    let told = after.wrapping_sub(before) as i64 as f64;
    if (0.5..2.0).contains(&(told / passed)) {
        return Ok(());
    }
    Err(Stop::violation(
        format!("about {passed:.0} microseconds between the timestamps of two DATA messages"),
        format!("{told:.0}"),
        [one.frame, two.frame],
    ))
}

/// A channel that asks for a chunk in the middle of the content, and what came.
fn stranger(it: &mut Conversation<'_>) -> Result<(Channel, Delivery, u64), Stop> {
    it.needs_hashes()?;
    let chunk = it.inner_chunk()?;
    let (channel, delivery) = fetched(it, &[chunk])?;
    if !delivery.has(chunk) {
        return Err(Stop::silence(format!("DATA {chunk}"), "none"));
    }
    Ok((channel, delivery, chunk))
}

/// The chunk could be verified when it came.
fn verifiable(delivery: &Delivery, chunk: u64) -> Outcome {
    let Some(came) = delivery.chunk(chunk) else {
        return Err(Stop::silence(format!("DATA {chunk}"), "none"));
    };
    match came.check {
        Check::Missing(node) => Err(Stop::violation(
            format!("all hashes that verify chunk {chunk}, before it"),
            format!("no hash of the chunks {}", node.range()),
            [came.frame],
        )),
        Check::Unsigned => Err(Stop::violation(
            format!("a signature that holds for chunk {chunk}, before it"),
            "none",
            [came.frame],
        )),
        Check::Right | Check::Wrong => Ok(()),
    }
}

fn hashes_come_before_data(it: &mut Conversation<'_>) -> Outcome {
    let (_, delivery, chunk) = stranger(it)?;
    verifiable(&delivery, chunk)
}

fn hashes_again_for_stranger(it: &mut Conversation<'_>) -> Outcome {
    let (_, _, chunk) = stranger(it)?;
    let port = it.port()?;
    let (channel, _) = it.shake(port)?;
    it.send(&channel, &[])?;
    let delivery = it.fetch(&channel, &[chunk])?;
    verifiable(&delivery, chunk)
}

fn hashes_in_same_datagram(it: &mut Conversation<'_>) -> Outcome {
    it.needs_hashes()?;
    let first = it.first_of(8)?;
    let channel = it.open()?;
    // The first one brings the peaks, which may be many, or the signed munro.
    it.fetch(&channel, &[first])?;
    let chunk = if it.swarm().is_live() {
        first + 4
    } else {
        it.chunks(8)? / 2 + 1
    };
    let delivery = it.fetch(&channel, &[chunk])?;
    let Some(data) = delivery.chunk(chunk) else {
        return Err(Stop::silence(format!("DATA {chunk}"), "none"));
    };
    let hashes: Vec<&Piece> = delivery
        .pieces
        .iter()
        .filter(|piece| piece.kind == MessageType::Integrity)
        // Peaks and munros may have come long before.
        .filter(|piece| {
            let node = piece.chunks.and_then(Bin::covering);
            let sibling = node.and_then(Bin::sibling);
            let is_top = delivery
                .signed
                .iter()
                .any(|it| Some(it.chunks) == piece.chunks);
            !is_top && sibling.is_some_and(|sibling| sibling.range().contains(chunk))
        })
        .collect();
    let apart = hashes.iter().filter(|piece| piece.frame != data.frame);
    let apart: Vec<usize> = apart.map(|piece| piece.frame).collect();
    let mut message = Vec::new();
    let spec = it.spec(&channel, chunk, chunk)?;
    // A HAVE is a type and a chunk specification.
    let is_written = encode_message(&Message::Have(spec), &channel.writes, &mut message).is_ok();
    let hash = message.len() + it.swarm().hash_function.length().unwrap_or(0);
    let bytes = 4 + hashes.len() * hash + message.len() + 8 + data.data.len();
    if apart.is_empty() || !is_written || bytes > ONE_DATAGRAM {
        return Ok(());
    }
    Err(Stop::violation(
        format!(
            "the {} hashes of chunk {chunk} in its datagram",
            hashes.len()
        ),
        format!("{} of them in others", apart.len()),
        apart.into_iter().chain([data.frame]),
    ))
}

/// Heights of the uncles before each DATA, without the peaks and munros.
fn uncle_heights(delivery: &Delivery) -> Vec<(u32, usize)> {
    let peaks = delivery.proof.iter().flat_map(Proof::peaks);
    let munros = delivery.signed.iter().map(|signed| signed.chunks);
    let peaks: Vec<_> = peaks.map(|peak| peak.chunks).chain(munros).collect();
    let hashes = delivery
        .pieces
        .iter()
        .filter(|piece| piece.kind == MessageType::Integrity);
    hashes
        .filter_map(|piece| {
            let range = piece.chunks?;
            let bin = Bin::covering(range).filter(|_| !peaks.contains(&range))?;
            Some((bin.layer(), piece.frame))
        })
        .collect()
}

fn integrity_descending(it: &mut Conversation<'_>) -> Outcome {
    it.first_of(4)?;
    let (_, delivery, chunk) = stranger(it)?;
    let mut heights = uncle_heights(&delivery);
    // A chunk that is sent again brings its hashes again.
    let Some(data) = delivery.chunk(chunk) else {
        return Ok(());
    };
    heights.retain(|(_, frame)| *frame <= data.frame);
    if heights.is_sorted_by(|one, next| one.0 > next.0) {
        return Ok(());
    }
    let list: Vec<String> = heights
        .iter()
        .map(|(height, _)| height.to_string())
        .collect();
    Err(Stop::violation(
        format!("the uncles of chunk {chunk} with falling heights"),
        format!("heights {}", list.join(", ")),
        [data.frame],
    ))
}

fn integrity_names_subtree(it: &mut Conversation<'_>) -> Outcome {
    let (_, delivery, _) = stranger(it)?;
    let wrong = delivery.pieces.iter().find(|piece| {
        piece.kind == MessageType::Integrity && !piece.chunks.is_some_and(ChunkRange::is_subtree)
    });
    match wrong {
        None => Ok(()),
        Some(piece) => Err(Stop::violation(
            "hashes of nodes of the tree",
            match piece.chunks {
                Some(range) => format!("INTEGRITY {range}, which no node has below it"),
                None => "INTEGRITY without chunks".to_owned(),
            },
            [piece.frame],
        )),
    }
}

fn peaks_come_first(it: &mut Conversation<'_>) -> Outcome {
    let (_, delivery, chunk) = stranger(it)?;
    let proof = delivery.proof.as_ref();
    let Some(data) = delivery.chunk(chunk) else {
        return Ok(());
    };
    let Some(peaks) = proof.map(Proof::peaks).filter(|it| !it.is_empty()) else {
        return Err(Stop::violation(
            "hashes of nodes from chunk 0 on that lead to the root: the peaks",
            "none such",
            [data.frame],
        ));
    };
    let late = peaks.iter().find(|peak| {
        let is_it = |piece: &&Piece| {
            piece.kind == MessageType::Integrity && piece.chunks == Some(peak.chunks)
        };
        let place = delivery.pieces.iter().find(is_it);
        place.is_some_and(|piece| piece.frame > data.frame)
    });
    match late {
        None => Ok(()),
        Some(peak) => Err(Stop::violation(
            format!("the peak over {} before DATA {chunk}", peak.chunks),
            "it came later",
            [data.frame],
        )),
    }
}

fn peaks_before_uncles(it: &mut Conversation<'_>) -> Outcome {
    it.chunks(4)?;
    let (_, delivery, _) = stranger(it)?;
    let Some(proof) = delivery.proof.as_ref().filter(|it| !it.peaks().is_empty()) else {
        return Err(Stop::Skip("no peaks came".to_owned()));
    };
    let is_peak = |piece: &Piece| {
        let mut peaks = proof.peaks().iter();
        peaks.any(|peak| Some(peak.chunks) == piece.chunks)
    };
    let hashes = || {
        let pieces = delivery.pieces.iter();
        let is_node = |piece: &&Piece| piece.chunks.is_some_and(ChunkRange::is_subtree);
        pieces
            .filter(|piece| piece.kind == MessageType::Integrity)
            .filter(is_node)
    };
    let first_uncle = hashes().position(|piece| !is_peak(piece));
    let mut known = Vec::new();
    let late = hashes().enumerate().find(|(place, piece)| {
        // One that is sent again is no matter.
        let is_new = !known.contains(&piece.chunks);
        known.push(piece.chunks);
        is_peak(piece) && is_new && first_uncle.is_some_and(|first| *place > first)
    });
    match late {
        None => Ok(()),
        Some((_, piece)) => Err(Stop::violation(
            "all peaks before the first uncle",
            format!(
                "the peak over {} behind it",
                piece
                    .chunks
                    .map_or(String::new(), |range| range.to_string())
            ),
            [piece.frame],
        )),
    }
}

fn datagrams_decode(it: &mut Conversation<'_>) -> Outcome {
    let sample = sample(it)?;
    let (_, delivery) = fetched(it, &sample)?;
    match delivery.faults.first() {
        None => Ok(()),
        Some((frame, fault)) => Err(Stop::violation(
            "messages up to the end of each datagram",
            fault.clone(),
            [*frame],
        )),
    }
}
