//! What is said of chunks, hashes and signatures.

use std::fmt;
use std::net::SocketAddr;

use super::swarm::SwarmIndex;
use crate::integrity::Ruling;
use crate::wire::{ChunkRange, MessageType};

/// Whether a chunk, hash or signature is what the swarm ID promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It is.
    Verified,
    /// It is not.
    Failed,
    /// The capture holds too little to say, so far.
    Unverified,
    /// Nothing protects this swarm's content (RFC 7574, section 7.5).
    Unprotected,
}

impl Verdict {
    /// The word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Failed => "failed",
            Self::Unverified => "unverified",
            Self::Unprotected => "unprotected",
        }
    }

    /// What is said of several chunks together: that of the worst one.
    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Failed, _) | (_, Self::Failed) => Self::Failed,
            (Self::Unverified, _) | (_, Self::Unverified) => Self::Unverified,
            (Self::Unprotected, _) | (_, Self::Unprotected) => Self::Unprotected,
            (Self::Verified, Self::Verified) => Self::Verified,
        }
    }

    pub(super) const fn of(ruling: Ruling) -> Self {
        match ruling {
            Ruling::Proven => Self::Verified,
            Ruling::Refuted | Ruling::Contradicted => Self::Failed,
            Ruling::Open => Self::Unverified,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The chunk's hash is another than the one that is proven for it.
    WrongChunk,
    /// The chunk and the hashes sent for it lead to another hash than the
    /// trusted one above them.
    Contradiction,
    /// Another hash is proven for these chunks.
    WrongHash,
    /// The signature is not the injector's for what it came with.
    WrongSignature,
    /// The signature that came with the chunk is not the injector's for it.
    WrongSignedChunk,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongChunk => "the chunk is not the one that the proven hash is of",
            Self::Contradiction => {
                "the chunk and the hashes sent for it do not lead to the trusted hash above them"
            }
            Self::WrongHash => "another hash is proven for these chunks",
            Self::WrongSignature => "the signature is not by the swarm's key over what it names",
            Self::WrongSignedChunk => "the chunk does not fit the signature sent for it",
        })
    }
}

/// A message whose content is not what the swarm ID promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Frame of the capture that holds it.
    pub frame: u64,
    /// Offset of the message in its datagram.
    pub offset: usize,
    /// DATA, INTEGRITY or `SIGNED_INTEGRITY`.
    pub kind: MessageType,
    /// The chunks that it names.
    pub chunks: ChunkRange,
    /// The swarm.
    pub swarm: SwarmIndex,
    /// Who sent it.
    pub source: SocketAddr,
    /// Why.
    pub reason: Reason,
}

/// A message of an earlier datagram whose verdict is known now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Late {
    /// Frame of the capture that holds it.
    pub frame: u64,
    /// Offset of the message in its datagram.
    pub offset: usize,
    /// DATA, INTEGRITY or `SIGNED_INTEGRITY`.
    pub kind: MessageType,
    /// The chunks that it names.
    pub chunks: ChunkRange,
    /// The swarm.
    pub swarm: SwarmIndex,
    /// The verdict.
    pub verdict: Verdict,
}

/// How many messages got which verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Verified ones.
    pub verified: u64,
    /// Failed ones.
    pub failed: u64,
    /// Those that the capture holds too little for.
    pub unverified: u64,
    /// Those that nothing protects.
    pub unprotected: u64,
}

impl Tally {
    /// Whether nothing was counted.
    pub const fn is_empty(&self) -> bool {
        self.verified == 0 && self.failed == 0 && self.unverified == 0 && self.unprotected == 0
    }

    pub(super) const fn add(&mut self, verdict: Verdict) {
        let count = match verdict {
            Verdict::Verified => &mut self.verified,
            Verdict::Failed => &mut self.failed,
            Verdict::Unverified => &mut self.unverified,
            Verdict::Unprotected => &mut self.unprotected,
        };
        *count += 1;
    }

    /// What counted as unverified has got a verdict.
    pub(super) const fn settle(&mut self, verdict: Verdict) {
        self.unverified = self.unverified.saturating_sub(1);
        self.add(verdict);
    }
}
