//! Plays a live stream: takes what is there in its order, from where the peer has
//! tuned in, and goes on behind what does not come.

use std::time::Duration;

use super::engine::{Moment, Peer, StoreError, SwarmKey};

/// Where a player of a live stream is.
#[derive(Debug)]
pub struct Player {
    /// How long a missing chunk is waited for while later ones are there.
    gap: Duration,
    latest: Moment,
    skipped: u64,
    chunk: Vec<u8>,
}

impl Player {
    /// Nothing was played yet.
    pub const fn new(gap: Duration, now: Moment) -> Self {
        Self {
            gap,
            latest: now,
            skipped: 0,
            chunk: Vec::new(),
        }
    }

    /// When something was played last, or the player began.
    pub const fn latest(&self) -> Moment {
        self.latest
    }

    /// Chunks that were left out because they did not come in time.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Gives `out` each chunk of a swarm that is there and whose turn it is, and tells the
    /// peer where the player is then.
    ///
    /// # Errors
    /// What `out` answers, or a chunk can't be read.
    pub fn play<E: From<StoreError>>(
        &mut self,
        now: Moment,
        peer: &mut Peer,
        swarm: SwarmKey,
        mut out: impl FnMut(u64, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(mut at) = peer.playhead(swarm) else {
            return Ok(());
        };
        let begun = at;
        while let Some(present) = peer.present(swarm) {
            if !present.contains(&at) {
                let starts = present.iter().map(|range| *range.start());
                let later = starts.filter(|&start| start > at).min();
                let Some(later) = later.filter(|_| now.since(self.latest) >= self.gap) else {
                    break;
                };
                self.skipped += later - at;
                at = later;
            }
            self.chunk.clear();
            peer.read(swarm, at, &mut self.chunk)?;
            out(at, &self.chunk)?;
            self.latest = now;
            at += 1;
        }
        if at != begun {
            peer.set_playhead(swarm, at);
        }
        Ok(())
    }
}
