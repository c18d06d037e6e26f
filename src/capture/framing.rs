//! Cutting one direction of a TCP stream into datagrams, each preceded by its
//! length in four bytes, as `PyPPSPP` does.
//!
//! The RFC has no such encapsulation, and nothing on the wire announces it,
//! so a stream has to look like it before it is believed.

use std::collections::VecDeque;

use super::flow::Flow;

/// The longest datagram that is believed, in bytes.
const LONGEST_DATAGRAM: usize = 1024 * 1024;
const PREFIX: usize = 4;
/// After so many segments that do not begin with a datagram, a stream whose
/// start was not captured is taken for something else.
const TRIES: u32 = 64;

/// The highest message type of RFC 7574.
const LAST_MESSAGE_TYPE: u8 = 13;
const HANDSHAKE: u8 = 0;
const END_OPTION: u8 = 255;
/// The highest protocol option: nine in RFC 7574, ten in `PyPPSPP`.
const LAST_OPTION: u8 = 10;

/// Datagrams that were cut out and wait to be handed on.
#[derive(Default)]
pub(super) struct Ready {
    /// The bytes of all of them.
    pub(super) bytes: Vec<u8>,
    pub(super) datagrams: VecDeque<ReadyDatagram>,
}

/// One of them.
pub(super) struct ReadyDatagram {
    pub(super) flow: Flow,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its length as its frame says; more than `start..end` when bytes of the
    /// stream are missing.
    pub(super) wire: usize,
}

impl Ready {
    fn push(&mut self, flow: Flow, parts: [&[u8]; 2], wire: usize) {
        let start = self.bytes.len();
        for part in parts {
            self.bytes.extend_from_slice(part);
        }
        let end = self.bytes.len();
        self.datagrams.push_back(ReadyDatagram {
            flow,
            start,
            end,
            wire,
        });
    }
}

/// What a direction of a stream is known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Its first bytes are not enough to tell.
    Opening,
    /// Datagrams; the next so many bytes belong to one that was given out
    /// already, because a part of it is missing.
    Framed { skip: usize },
    /// Datagrams perhaps, but where the next one begins is not known. Tries
    /// that are left.
    Lost { tries: u32 },
    /// Something else.
    Other,
}

/// Cuts one direction of a stream.
#[derive(Debug)]
pub(super) struct Framer {
    state: State,
    /// The beginning of a datagram, with its prefix.
    buffer: Vec<u8>,
}

/// Whether bytes are what was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// There are too few of them to tell.
    Undecided,
}

impl Framer {
    /// At the start of a stream.
    pub(super) fn at_start() -> Self {
        Self {
            state: State::Opening,
            buffer: Vec::new(),
        }
    }

    /// Somewhere within a stream.
    pub(super) fn within() -> Self {
        Self {
            state: State::Lost { tries: TRIES },
            buffer: Vec::new(),
        }
    }

    /// Of a stream that is something else, or over.
    pub(super) fn hopeless() -> Self {
        Self {
            state: State::Other,
            buffer: Vec::new(),
        }
    }

    /// Whether this is, as far as is known, a stream of datagrams.
    pub(super) fn is_framed(&self) -> bool {
        match self.state {
            State::Framed { .. } => true,
            State::Lost { tries } => tries > TRIES,
            State::Opening | State::Other => false,
        }
    }

    /// Whether more bytes can't bring a datagram.
    pub(super) fn is_hopeless(&self) -> bool {
        self.state == State::Other
    }

    /// Memory held, in bytes.
    pub(super) fn footprint(&self) -> usize {
        self.buffer.capacity()
    }

    /// Takes a segment's bytes, which follow directly on what came before.
    pub(super) fn feed(&mut self, flow: Flow, mut bytes: &[u8], ready: &mut Ready) {
        match &mut self.state {
            State::Other => {}
            State::Lost { tries } => match begins_with_datagram(bytes) {
                Verdict::Yes => {
                    self.state = State::Framed { skip: 0 };
                    self.cut(flow, bytes, ready);
                }
                _ if *tries == 0 => self.state = State::Other,
                // A stream that was framed stays worth trying for ever.
                _ => *tries -= u32::from(*tries <= TRIES),
            },
            State::Opening => {
                self.buffer.extend_from_slice(bytes);
                match begins_with_datagram(&self.buffer) {
                    Verdict::Yes => {
                        self.state = State::Framed { skip: 0 };
                        let opening = std::mem::take(&mut self.buffer);
                        self.cut(flow, &opening, ready);
                    }
                    Verdict::No => self.give_up(State::Other),
                    Verdict::Undecided => {}
                }
            }
            State::Framed { skip } => {
                let skipped = (*skip).min(bytes.len());
                *skip -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                self.cut(flow, bytes, ready);
            }
        }
    }

    /// Takes note that the next `length` bytes of the stream are missing. A
    /// datagram of which the beginning is there is given out as far as it
    /// goes; where it ends within the hole, the place of the next is unknown.
    pub(super) fn hole(&mut self, flow: Flow, length: usize, ready: &mut Ready) {
        match &mut self.state {
            State::Opening => self.give_up(State::Lost { tries: TRIES }),
            State::Lost { .. } | State::Other => {}
            State::Framed { skip } if *skip >= length => *skip -= length,
            State::Framed { skip: 1.. } => self.lose(),
            State::Framed { .. } => {
                let Some((wire, begun)) = prefixed(&self.buffer) else {
                    self.lose();
                    return;
                };
                ready.push(flow, [begun, &[]], wire);
                match (wire - begun.len()).checked_sub(length) {
                    Some(skip) => self.give_up(State::Framed { skip }),
                    None => self.lose(),
                }
            }
        }
    }

    fn lose(&mut self) {
        self.give_up(State::Lost { tries: u32::MAX });
    }

    fn give_up(&mut self, state: State) {
        self.state = state;
        self.buffer = Vec::new();
    }

    /// Cuts off whole datagrams, and keeps the beginning of the next.
    fn cut(&mut self, flow: Flow, mut bytes: &[u8], ready: &mut Ready) {
        // First the one that was begun.
        while !self.buffer.is_empty() {
            let needed = match prefixed(&self.buffer) {
                None => PREFIX,
                Some((wire, _)) if wire > LONGEST_DATAGRAM => return self.lose(),
                Some((wire, _)) => PREFIX + wire,
            };
            let missing = needed - self.buffer.len();
            let (more, rest) = bytes.split_at(missing.min(bytes.len()));
            if more.len() == missing
                && let Some((wire, begun)) = prefixed(&self.buffer)
            {
                ready.push(flow, [begun, more], wire);
                self.buffer = Vec::new();
                bytes = rest;
                break;
            }
            self.buffer.extend_from_slice(more);
            bytes = rest;
            if more.len() < missing {
                return;
            }
        }
        while let Some((wire, rest)) = prefixed(bytes) {
            if wire > LONGEST_DATAGRAM {
                return self.lose();
            }
            let Some((datagram, next)) = rest.split_at_checked(wire) else {
                break;
            };
            ready.push(flow, [datagram, &[]], wire);
            bytes = next;
        }
        self.buffer.extend_from_slice(bytes);
    }
}

/// The length that a prefix announces, and what follows the prefix.
fn prefixed(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    Some((u32::from_be_bytes(*prefix) as usize, rest))
}

/// Whether a stream that begins with these bytes begins with a datagram: a
/// plausible length, a channel, and then nothing or a message of a known type.
fn begins_with_datagram(bytes: &[u8]) -> Verdict {
    let Some((length, datagram)) = prefixed(bytes) else {
        return Verdict::Undecided;
    };
    if !(4..=LONGEST_DATAGRAM).contains(&length) {
        return Verdict::No;
    }
    // PyPPSPP's tracker frames JSON in the same way. A channel may happen to
    // begin like an object, but then a message type follows, not text.
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let head = datagram.get(..datagram.len().min(8)).unwrap_or_default();
    if head.first() == Some(&b'{') && head.len() == 8 && head.iter().all(is_text) {
        return Verdict::No;
    }
    let verdict = match datagram.get(4) {
        _ if length == 4 && datagram.len() >= 4 => Verdict::Yes,
        None => Verdict::Undecided,
        Some(&HANDSHAKE) => match datagram.get(9) {
            // The options, if the datagram has any, begin after the channel.
            _ if length < 10 => Verdict::Yes,
            None => Verdict::Undecided,
            Some(&(0..=LAST_OPTION | END_OPTION)) => Verdict::Yes,
            Some(_) => Verdict::No,
        },
        Some(&(1..=LAST_MESSAGE_TYPE)) => Verdict::Yes,
        Some(_) => Verdict::No,
    };
    // Where another datagram follows, its length has to be plausible too.
    match datagram.get(length..).and_then(prefixed) {
        Some((next, _)) if next > LONGEST_DATAGRAM => Verdict::No,
        _ => verdict,
    }
}
