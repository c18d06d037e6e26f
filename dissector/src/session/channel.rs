//! A channel between two peers: its ends, its state, what each end did.

use std::net::SocketAddr;

use super::chunk_set::{ChunkSet, PageBudget};
use super::counts::MessageCounts;
use super::declared::Declared;
use super::infer::Inference;
use super::input::{Time, Transport};
use super::liveness::{Burst, Silence};
use super::swarm::SwarmIndex;
use crate::wire::{ChannelId, ChunkAddressing, ChunkRange, Layout};

/// Nanoseconds after a channel is established during which a copy of its first
/// datagrams may still come, delayed on its way.
const DELAYED_COPY: i64 = 500_000_000;

/// A channel's place in the analyzer's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelIndex(pub(super) u32);

impl ChannelIndex {
    /// The place as a number, from 0, for who keeps it in few bytes.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The place with this number.
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// One of the two ends of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The peer that sent the first HANDSHAKE; of a channel without handshake,
    /// the one that was seen sending first.
    Initiator,
    /// The other one.
    Responder,
}

impl Side {
    /// The other end.
    #[inline]
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// How far a channel has come (RFC 7574, section 3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The initiator's HANDSHAKE was seen, no answer yet.
    HalfOpen,
    /// The responder has answered.
    Answered,
    /// The initiator has used the responder's channel: the handshake is complete.
    Established,
    /// No handshake was seen: the capture began too late.
    Joined,
    /// A closing HANDSHAKE was sent by this side.
    Closed(Side),
}

/// One channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// The swarm that it belongs to.
    pub swarm: SwarmIndex,
    /// How far it has come.
    pub state: State,
    /// What carries its datagrams.
    pub transport: Transport,
    /// Datagrams of both directions.
    pub datagrams: u64,
    /// Messages of both directions.
    pub messages: MessageCounts,
    /// Whether its handshake was seen, so that what was requested, sent and
    /// announced is known from the beginning.
    pub from_start: bool,
    /// Whether the capture cut off messages on this channel, so that what it
    /// does not show may have been there all the same.
    pub(super) blind: bool,
    pub(super) ends: [End; 2],
    pub(super) closed_at: Option<Time>,
    /// When the responder's latest HANDSHAKE came.
    pub(super) answered_at: Option<Time>,
    /// Whether the responder spoke without having answered.
    pub(super) unanswered: bool,
    pub(super) established_at: Option<Time>,
    /// The address that a side was last heard from when it was not its own.
    pub(super) heard_at: Option<(Side, SocketAddr)>,
    /// The channel that took over: two handshakes that crossed are one channel.
    pub(super) merged_into: Option<ChannelIndex>,
}

impl Channel {
    pub(super) fn new(
        swarm: SwarmIndex,
        state: State,
        transport: Transport,
        initiator: End,
        responder: End,
    ) -> Self {
        Self {
            swarm,
            from_start: state == State::HalfOpen,
            state,
            transport,
            datagrams: 0,
            messages: MessageCounts::default(),
            blind: false,
            ends: [initiator, responder],
            closed_at: None,
            answered_at: None,
            unanswered: false,
            established_at: None,
            heard_at: None,
            merged_into: None,
        }
    }

    /// One end.
    #[inline]
    pub const fn end(&self, side: Side) -> &End {
        match side {
            Side::Initiator => &self.ends[0],
            Side::Responder => &self.ends[1],
        }
    }

    #[inline]
    pub(super) const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Initiator => &mut self.ends[0],
            Side::Responder => &mut self.ends[1],
        }
    }

    /// Both ends at once: the sender's and the receiver's.
    #[inline]
    pub(super) const fn sender_and_receiver(&mut self, sender: Side) -> (&mut End, &mut End) {
        let [initiator, responder] = &mut self.ends;
        match sender {
            Side::Initiator => (initiator, responder),
            Side::Responder => (responder, initiator),
        }
    }

    /// Whether everything that was said on this channel is known.
    #[inline]
    pub(super) const fn is_complete(&self) -> bool {
        self.from_start && !self.blind
    }

    /// Whether a HANDSHAKE that comes now may be a copy of one before: sent
    /// again because no answer came, or delayed on its way.
    pub(super) fn may_be_copy(&self, now: Option<Time>) -> bool {
        match (self.state, self.established_at, now) {
            (State::HalfOpen | State::Answered, ..) => true,
            (State::Established, Some(then), Some(now)) => now.since(then) < DELAYED_COPY,
            _ => false,
        }
    }

    /// Whether datagrams may still be expected.
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed(_))
    }

    /// Who closed the channel.
    pub const fn closed_by(&self) -> Option<SocketAddr> {
        match self.state {
            State::Closed(side) => Some(self.end(side).address),
            _ => None,
        }
    }
}

/// One end of a channel, as receiver and as sender.
#[derive(Clone, Debug)]
pub struct End {
    /// Where the peer is.
    pub address: SocketAddr,
    /// The channel ID that datagrams to this peer carry; `None` before it told.
    pub id: Option<ChannelId>,
    /// What its HANDSHAKE declared; `None` before one was seen.
    pub declared: Option<Box<Declared>>,
    /// How its messages are read.
    pub layout: Layout,
    pub(super) inference: Option<Box<Inference>>,
    /// Whether the layout was inferred from its messages.
    pub(super) judged: bool,
    /// Whether hashes were among them.
    pub(super) hashes_seen: bool,
    /// Whether the findings about what was inferred were raised.
    pub(super) noted_addressing: bool,
    pub(super) noted_timestamp: bool,
    pub(super) noted_hashes: bool,
    pub(super) tracking: Option<Box<Tracking>>,
    /// Its messages so far were those of a peer that has sent DATA to complete.
    pub(super) choking: bool,
    pub(super) pex_asked: bool,
    /// How many datagrams the channel had when this end last asked for peers,
    /// and when.
    pub(super) pex_asked_at: Option<(u64, Time)>,
    pub(super) keep_alives: Burst,
    pub(super) silence: Silence,
    /// Whether it has had its occasion to send its rightmost munro.
    pub(super) tuned_in: bool,
    /// Message types that the peer's HANDSHAKE says it understands.
    pub(super) supported: u32,
}

impl End {
    pub(super) fn new(address: SocketAddr, id: Option<ChannelId>) -> Self {
        Self {
            address,
            id,
            declared: None,
            layout: Layout::RFC,
            inference: None,
            judged: false,
            hashes_seen: false,
            noted_addressing: false,
            noted_timestamp: false,
            noted_hashes: false,
            tracking: None,
            choking: false,
            pex_asked: false,
            pex_asked_at: None,
            keep_alives: Burst::default(),
            silence: Silence::default(),
            tuned_in: false,
            supported: u32::MAX,
        }
    }

    /// How many chunks it keeps of a live stream; `None` where it keeps all or
    /// did not say (RFC 7574, section 7.9).
    pub(super) fn window(&self, layout: &Layout) -> Option<u64> {
        let window = self.declared.as_ref()?.live_discard_window?;
        window.chunks(layout.addressing, layout.chunk_size.or_assumed())
    }

    /// What this end announced, asked for and got; made when first needed.
    #[inline]
    pub(super) fn tracking(&mut self) -> &mut Tracking {
        self.tracking.get_or_insert_default()
    }

    /// The addressing method of this end's messages, once it is beyond doubt.
    pub(super) fn sure_addressing(&self) -> Option<ChunkAddressing> {
        match &self.inference {
            Some(inference) => inference.sure_addressing(),
            // An end that never sent anything has no layout of its own.
            None => (self.declared.is_some() || self.judged).then_some(self.layout.addressing),
        }
    }
}

/// What one end did with chunks on this channel.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracking {
    /// Chunks that it announced or acknowledged.
    pub(super) announced: ChunkSet,
    /// Chunks that it asked for.
    pub(super) requested: ChunkSet,
    /// Chunks that were sent to it.
    pub(super) received: ChunkSet,
    /// Chunks whose signature was sent to it, with Sign All.
    pub(super) signed: ChunkSet,
    /// The highest chunk that it announced.
    pub(super) highest: Option<u64>,
    /// Whether it acknowledged anything.
    pub(super) acknowledges: bool,
    /// The first hash that was sent to it, and in which frame.
    pub(super) first_hash: Option<(ChunkRange, u64)>,
    /// Whether it was told that hashes are missing.
    pub(super) hashes_missed: bool,
    /// The latest chunks that it cancelled, and when.
    pub(super) cancelled: Vec<(ChunkRange, Option<Time>)>,
    /// Requests for what it had requested before.
    pub(super) repetitions: Burst,
}

impl Tracking {
    /// Forgets everything and gives its places back.
    pub(super) fn clear(&mut self, budget: &mut PageBudget) {
        for set in [
            &mut self.announced,
            &mut self.requested,
            &mut self.received,
            &mut self.signed,
        ] {
            set.clear(budget);
        }
    }
}
