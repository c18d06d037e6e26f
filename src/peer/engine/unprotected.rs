//! The end of content that nothing protects (RFC 7574, section 7.5, method 0).
//!
//! No peaks prove how many chunks there are. Either that is known when the swarm
//! is joined, or a short chunk tells, or, where all chunks are full, somebody
//! outside who knows what the content should be.

use super::channel::State;
use super::peer::Peer;
use super::store::{StoreError, last_of};
use super::swarm::SwarmKey;
use super::{Chunks, Event};

impl Peer {
    /// How many chunks unprotected content may have whose end is not known:
    /// everything that somebody offers is there, without a gap.
    pub fn possible_size(&self, swarm: SwarmKey) -> Option<u64> {
        let found = self.swarms.get(swarm.0)?;
        if !found.content.is_open_ended() {
            return None;
        }
        let chunks = whole(found.content.present())?;
        let channels = found
            .channels
            .iter()
            .filter_map(|key| self.channels.get(key));
        let mut offers = channels
            .filter(|channel| channel.state == State::Open)
            .filter_map(|channel| last_of(&channel.has))
            .peekable();
        let is_offered = offers.peek().is_some();
        (is_offered && offers.all(|last| last < chunks)).then_some(chunks)
    }

    /// Takes unprotected content whose end is not known to have so many chunks.
    ///
    /// # Errors
    /// When that can't be kept, or more are there.
    pub fn settle_size(&mut self, swarm: SwarmKey, chunks: u64) -> Result<(), StoreError> {
        let Some(found) = self.swarms.get_mut(swarm.0) else {
            return Ok(());
        };
        if found.content.is_open_ended() {
            found.content.set_size(chunks)?;
            self.events.push_back(Event::SizeKnown { swarm, chunks });
            self.tell_complete(swarm);
        }
        Ok(())
    }
}

/// How many chunks a set has that has all from the first on.
fn whole(chunks: &Chunks) -> Option<u64> {
    let mut runs = chunks.iter();
    let first = runs.next().filter(|run| *run.start() == 0)?;
    runs.next().is_none().then(|| first.end() + 1)
}
