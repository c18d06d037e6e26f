//! One end of a channel: what it knows of the other.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ppspp_dissector::wire::{Bin, ChannelId, ChunkAddressing, DiscardWindow, Layout};

use super::conduct::Conduct;
use super::config::{PeerConfig, Profile};
use super::download::Download;
use super::store::{Chunks, last_of};
use super::swarm::SwarmKey;
use super::time::Moment;
use super::upload::Upload;

/// Which of the peer's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ChannelKey(pub(super) usize);

/// How far the handshake is (RFC 7574, section 3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// We have to send, or have sent, the first HANDSHAKE.
    Opening,
    /// We have to send, or have sent, the reply; the other end has not shown yet
    /// that it gets our datagrams.
    Answering,
    /// Both ends know that the other one gets their datagrams.
    Open,
    /// Only the closing HANDSHAKE is left to be sent.
    Closing,
}

/// One end of a channel.
#[derive(Debug)]
pub(super) struct Channel {
    pub(super) swarm: SwarmKey,
    pub(super) address: SocketAddr,
    pub(super) state: State,
    pub(super) ours: ChannelId,
    /// `None` until the other end has told it.
    pub(super) theirs: Option<ChannelId>,
    /// How we write to this peer.
    pub(super) profile: &'static Profile,
    /// How our messages are laid out, and how theirs are.
    pub(super) writes: Layout,
    pub(super) reads: Layout,
    /// HANDSHAKEs that were sent.
    pub(super) handshakes: u32,
    /// When the HANDSHAKE is to be sent, again or for the first time.
    pub(super) handshake_due: Option<Moment>,
    /// How long the handshake took to come back.
    pub(super) round_trip: Option<Duration>,
    /// When it was opened.
    pub(super) opened: Moment,
    /// When we heard of the peer last, and when we sent it something last.
    pub(super) heard: Moment,
    pub(super) spoke: Moment,
    /// Datagrams that were sent since the peer was heard.
    pub(super) unanswered: u32,

    /// Chunks that the peer has said to have.
    pub(super) has: Chunks,
    /// How many chunks it keeps before the last one of a live stream, where it
    /// discards any (section 7.9), as it has declared it.
    pub(super) window: Option<DiscardWindow>,
    /// Chunks of ours that it was not told of yet, and when it is to be.
    pub(super) news: Chunks,
    pub(super) news_due: Option<Moment>,
    /// When it is reminded of our last chunk, unless it has it, and how long it
    /// is waited until the next time: nobody acknowledges a HAVE.
    pub(super) reminder: Option<Moment>,
    pub(super) reminder_wait: Duration,
    /// Chunks to acknowledge, with their delay samples in microseconds.
    pub(super) acknowledgements: Vec<(u64, u64)>,
    /// Messages without content that wait for a datagram.
    pub(super) notices: VecDeque<Notice>,
    pub(super) upload: Upload,
    pub(super) download: Download,
    /// What it has said that was of no use.
    pub(super) conduct: Conduct,

    /// Whether we serve it (section 3.8).
    pub(super) choked: bool,
    /// Whether it serves us.
    pub(super) chokes_us: bool,
    /// When it may be told again that it is choked.
    pub(super) tell_choked: Moment,
    /// Bytes of content since the last reckoning: reciprocity's measure.
    pub(super) received: u64,
    pub(super) sent: u64,
    /// When it was asked for peers last.
    pub(super) asked_for_peers: Option<Moment>,
    /// Addresses that it may name until it is asked again.
    pub(super) peers_due: u8,
    /// When it is looked at next whether to ask it.
    pub(super) ask_again: Option<Moment>,
    /// When it may ask us again.
    pub(super) may_ask: Moment,
    /// For when it is in the timers.
    pub(super) timer: Option<Moment>,
    /// Whether it stands in line to send.
    pub(super) in_line: bool,
    /// Its count of bytes among those that share the upload rate.
    pub(super) turn: u64,
    /// Whether it waits for the upload rate.
    pub(super) waits: bool,
    /// Membership certificates that it sent and that were not to be trusted.
    pub(super) defective_certificates: u32,
    /// Whether it has shown to know the peaks: it has acknowledged a chunk.
    pub(super) knows_peaks: bool,
    /// The signed munro that it was told of last.
    pub(super) told_munro: Option<Bin>,
    /// Whether the third datagram of the handshake is still to be sent, be it a
    /// keep-alive.
    pub(super) owes_third: bool,
    /// Whether its peer was told to the outside as connected.
    pub(super) connected: bool,
}

/// A message that goes with the next datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    Choke,
    Unchoke,
    Peer(SocketAddr),
    Certificate(Arc<[u8]>),
    Cancel(u64),
}

/// How long it is waited before a peer is reminded of what we have.
pub(super) const REMIND_AFTER: Duration = Duration::from_secs(1);

/// How often a peer is asked for others: by who knows enough of them, and by who
/// does not. The first answers of a swarm that begins name next to nobody.
const ASK_EVERY: Duration = Duration::from_secs(60);
const ASK_SOON: Duration = Duration::from_secs(2);

/// Channels of a swarm that are enough.
const ENOUGH_CHANNELS: usize = 20;

/// How long it is waited before a peer is asked for others again, by a swarm of
/// so many channels that still wants some or not.
pub(super) const fn ask_every(is_hungry: bool, channels: usize) -> Duration {
    if is_hungry && channels < ENOUGH_CHANNELS {
        ASK_SOON
    } else {
        ASK_EVERY
    }
}

/// Addresses that a peer may name when it is asked for others.
pub(super) const PEERS_ASKED: u8 = 16;

/// How long it is waited until a peer that goes on to ask is told again that it
/// is choked (section 12.6.8).
const TELL_CHOKED_EVERY: Duration = Duration::from_secs(1);

/// How long the initiator may take to show that it got our reply.
pub(super) const HALF_OPEN: Duration = Duration::from_secs(20);

impl Channel {
    /// When something is due, besides content that waits for the upload rate.
    pub(super) fn deadline(&self, config: &PeerConfig) -> Option<Moment> {
        match self.state {
            State::Opening => self.handshake_due,
            State::Answering => Some(self.heard + HALF_OPEN),
            State::Closing => None,
            State::Open => {
                let round_trip = self.answer_time();
                let chunk = self.writes.chunk_size.or_assumed();
                let content = (self.has_content_to_send() && !self.in_line && !self.waits)
                    .then(|| self.upload.next_send(chunk))
                    .flatten();
                [
                    Some(self.spoke + config.keep_alive),
                    (self.unanswered >= 3).then(|| self.heard + config.dead_after),
                    self.news_due,
                    self.reminder,
                    self.upload.deadline(),
                    self.download.deadline(round_trip),
                    self.ask_again,
                    content,
                ]
                .into_iter()
                .flatten()
                .min()
            }
        }
    }

    /// How long an answer of the peer takes, or a guess.
    pub(super) fn answer_time(&self) -> Duration {
        let measured = self.upload.ledbat.smoothed_round_trip();
        measured
            .or(self.round_trip)
            .unwrap_or(Duration::from_millis(500))
    }

    /// Whether the peer waits for content that it may have.
    pub(super) fn has_content_to_send(&self) -> bool {
        self.state == State::Open && !self.choked && self.upload.has_waiting()
    }

    /// Whether it may be sent now, as far as the path lets it.
    pub(super) fn may_send_content(&self, now: Moment) -> bool {
        let chunk = self.writes.chunk_size.or_assumed();
        self.has_content_to_send() && self.upload.ledbat.may_send(now, chunk)
    }

    /// Chokes or unchokes the peer; whether that has changed anything.
    pub(super) fn set_choked(&mut self, choked: bool) -> bool {
        if self.choked == choked {
            return false;
        }
        self.choked = choked;
        if choked {
            self.upload.clear();
        }
        let notices = &mut self.notices;
        notices.retain(|notice| !matches!(notice, Notice::Choke | Notice::Unchoke));
        notices.push_back(if choked {
            Notice::Choke
        } else {
            Notice::Unchoke
        });
        true
    }

    /// Takes out of what the peer has what it has discarded (section 6.2).
    pub(super) fn forget_discarded(&mut self) {
        let window = match self.window {
            None | Some(DiscardWindow::Bits32(u32::MAX)) => return,
            Some(DiscardWindow::Bits32(window)) => window.into(),
            Some(DiscardWindow::Bits64(window)) => window,
        };
        let window = match self.reads.addressing {
            ChunkAddressing::Byte64 => window / u64::from(self.reads.chunk_size.or_assumed()),
            _ => window,
        };
        let gone = last_of(&self.has).and_then(|last| last.checked_sub(window));
        if let Some(gone) = gone {
            self.has.remove(0..=gone);
        }
    }

    /// The peer has asked for chunks though it is choked: it may not know.
    pub(super) fn asked_choked(&mut self, now: Moment) {
        if now >= self.tell_choked && !self.notices.contains(&Notice::Choke) {
            self.tell_choked = now + TELL_CHOKED_EVERY;
            self.notices.push_back(Notice::Choke);
        }
    }

    /// Whether the peer has every chunk of content of `size` chunks.
    pub(super) fn has_all(&self, size: Option<u64>) -> bool {
        size.is_some_and(|size| size > 0 && self.has.gaps(&(0..=size - 1)).next().is_none())
    }
}
