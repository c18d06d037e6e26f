//! What a peer knows of a swarm.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use super::channel::ChannelKey;
use super::config::SwarmConfig;
use super::content::Content;
use super::live::Live;
use super::members::Members;
use super::picker::Picker;
use super::reciprocity::Policy;
use super::store::Chunks;
use super::time::Moment;

/// How often it is decided anew who is served.
pub(super) const REVIEW: Duration = Duration::from_secs(10);

/// Which of the peer's swarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SwarmKey(pub(super) usize);

/// One swarm.
#[derive(Debug)]
pub(super) struct Swarm {
    pub(super) config: SwarmConfig,
    pub(super) content: Content,
    /// Of a live stream, its signatures.
    pub(super) live: Option<Live>,
    pub(super) picker: Box<dyn Picker>,
    pub(super) policy: Box<dyn Policy>,
    pub(super) channels: BTreeSet<ChannelKey>,
    /// Chunks that are there or asked for.
    pub(super) claimed: Chunks,
    /// Where a player is.
    pub(super) playhead: u64,
    pub(super) next_review: Moment,
    /// Whether the store has failed.
    pub(super) failed: bool,
    pub(super) told_complete: bool,
    /// Peers that have shown to be malicious.
    pub(super) banned: BTreeSet<SocketAddr>,
    /// Who is a member, by certificates that were checked.
    pub(super) members: Members,
    pub(super) totals: SwarmTotals,
}

/// What a swarm has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SwarmTotals {
    /// Chunks that were verified and kept.
    pub verified: u64,
    /// Chunks that came again.
    pub duplicate: u64,
    /// Chunks that were wrong.
    pub wrong: u64,
    /// Chunks that lacked hashes when they came.
    pub unproven: u64,
    /// Bytes of content that were received and sent.
    pub received: u64,
    /// See `received`.
    pub sent: u64,
    /// Chunks that were sent again.
    pub resent: u64,
}

impl Swarm {
    pub(super) fn new(
        config: SwarmConfig,
        content: Content,
        live: Option<Live>,
        now: Moment,
    ) -> Self {
        let claimed = content.present().clone();
        Self {
            picker: config.picking.picker(),
            policy: config.reciprocity.policy(),
            channels: BTreeSet::new(),
            claimed,
            playhead: 0,
            next_review: now + REVIEW,
            failed: false,
            told_complete: false,
            banned: BTreeSet::new(),
            members: Members::default(),
            totals: SwarmTotals::default(),
            config,
            content,
            live,
        }
    }

    /// Whether chunks are still to be fetched.
    pub(super) fn is_hungry(&self) -> bool {
        let tuned_in = self.live.as_ref().is_none_or(|live| live.tuned_in);
        self.config.wants_content && tuned_in && !self.failed && !self.content.is_complete()
    }

    /// Whether more peers are wanted: also to learn where a stream is.
    pub(super) fn wants_peers(&self) -> bool {
        self.config.wants_content && !self.failed && !self.content.is_complete()
    }

    /// A chunk is no longer asked for.
    pub(super) fn unclaim(&mut self, chunk: u64) {
        if !self.content.has(chunk) {
            self.claimed.remove(chunk..=chunk);
        }
    }
}
