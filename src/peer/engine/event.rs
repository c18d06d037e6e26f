//! What the engine tells whoever drives it.

use std::net::SocketAddr;
use std::sync::Arc;

use super::store::StoreError;
use super::swarm::SwarmKey;

/// Why a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The other end closed it.
    ByPeer,
    /// We closed it, asked to.
    ByUs,
    /// The other end never answered.
    Unanswered,
    /// The other end fell silent (RFC 7574, section 3.12).
    Dead,
    /// The other end declared what does not fit the swarm.
    Incompatible(&'static str),
    /// The other end sent what is not the content.
    Malicious(&'static str),
    /// The other end sent too much that nobody asked it for (section 12.6).
    Abusive,
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A channel is open, both ways.
    Connected {
        /// In which swarm.
        swarm: SwarmKey,
        /// To whom.
        address: SocketAddr,
    },
    /// A channel has ended.
    Disconnected {
        /// In which swarm.
        swarm: SwarmKey,
        /// To whom.
        address: SocketAddr,
        /// Why.
        ending: Ending,
    },
    /// The content's size is proven.
    SizeKnown {
        /// In which swarm.
        swarm: SwarmKey,
        /// Chunks.
        chunks: u64,
    },
    /// It is known where a live stream is (RFC 7574, section 6.1.2.4).
    TunedIn {
        /// In which swarm.
        swarm: SwarmKey,
        /// The first chunk that is asked for.
        chunk: u64,
    },
    /// Everything is there, verified and committed.
    Complete {
        /// In which swarm.
        swarm: SwarmKey,
    },
    /// A peer sent the membership certificate of another one, or its own. Whoever
    /// drives the peer checks it and says [`certified`] or [`not_certified`].
    ///
    /// [`certified`]: super::Peer::certified
    /// [`not_certified`]: super::Peer::not_certified
    MembershipClaimed {
        /// In which swarm.
        swarm: SwarmKey,
        /// Who sent it.
        address: SocketAddr,
        /// The certificate, DER.
        certificate: Arc<[u8]>,
    },
    /// A membership certificate is not trusted.
    MembershipRefused {
        /// In which swarm.
        swarm: SwarmKey,
        /// Who sent it.
        address: SocketAddr,
        /// Why.
        reason: String,
    },
    /// A peer named another one.
    PeerFound {
        /// In which swarm.
        swarm: SwarmKey,
        /// Where.
        address: SocketAddr,
    },
    /// Content could not be read or kept; the swarm rests.
    StoreFailed {
        /// In which swarm.
        swarm: SwarmKey,
        /// Why.
        error: StoreError,
    },
}
