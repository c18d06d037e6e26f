//! The injector of a live stream (RFC 7574, section 6.1).

use ppspp_dissector::wire::Bin;

use super::live::{Sign, subtree};
use super::peer::Peer;
use super::store::{StoreError, last_of};
use super::swarm::SwarmKey;
use super::time::Moment;

impl Peer {
    /// Adds the next chunk to a live stream of ours. It is announced once it, or
    /// the munro above it, is signed: `sign` makes signatures with the private
    /// key whose public key the swarm ID is. Where nothing protects the stream,
    /// nothing is signed.
    ///
    /// # Errors
    /// When the chunk can't be kept.
    pub fn inject(
        &mut self,
        now: Moment,
        swarm: SwarmKey,
        chunk: &[u8],
        sign: &mut Sign<'_>,
    ) -> Result<(), StoreError> {
        let Some(found) = self.swarms.get_mut(swarm.0) else {
            return Ok(());
        };
        let Some(live) = &mut found.live else {
            return Ok(());
        };
        live.group.push(chunk.to_vec());
        let is_full =
            live.announces_each() || live.group.len() as u64 >= live.config.chunks_per_signature;
        if is_full {
            self.sign_group(now, swarm, sign)?;
        }
        Ok(())
    }

    /// Signs and announces the chunks of a live stream that still wait for their
    /// munro to be full: the stream has ended.
    ///
    /// # Errors
    /// When they can't be kept.
    pub fn finish_stream(
        &mut self,
        now: Moment,
        swarm: SwarmKey,
        sign: &mut Sign<'_>,
    ) -> Result<(), StoreError> {
        let live = self.swarms.get(swarm.0).and_then(|it| it.live.as_ref());
        if live.is_none_or(|live| live.group.is_empty()) {
            return Ok(());
        }
        self.sign_group(now, swarm, sign)
    }

    /// Signs the chunks that wait.
    fn sign_group(
        &mut self,
        now: Moment,
        key: SwarmKey,
        sign: &mut Sign<'_>,
    ) -> Result<(), StoreError> {
        let swarm = &mut self.swarms[key.0];
        let profile = swarm.config.profile;
        let Some(live) = &mut swarm.live else {
            return Ok(());
        };
        let group = std::mem::take(&mut live.group);
        let start = live.next;
        live.next += group.len() as u64;
        live.tuned_in = true;
        for (chunk, data) in (start..).zip(&group) {
            swarm.content.keep(chunk, data)?;
            swarm.claimed.insert(chunk..=chunk);
            if live.signs_chunks
                && let Some(leaf) = Bin::leaf(chunk)
            {
                live.sign(now, leaf, data, profile, sign);
            }
        }
        if live.has_munros() {
            let width = live.config.chunks_per_signature;
            let nodes = subtree(swarm.content.function(), start, &group, width);
            for (node, hash) in &nodes {
                swarm.content.trust(*node, hash)?;
            }
            if let Some((top, hash)) = nodes.last() {
                live.sign(now, *top, hash.as_bytes(), profile, sign);
            }
        }
        self.commit(now);
        self.slide(key);
        let channels: Vec<_> = self.swarms[key.0].channels.iter().copied().collect();
        for channel in channels {
            self.line_up(channel);
        }
        Ok(())
    }

    /// Gives up what has left the discard window of a live stream.
    pub(super) fn slide(&mut self, key: SwarmKey) {
        let swarm = &mut self.swarms[key.0];
        let last = last_of(swarm.content.present());
        let live = swarm.live.as_mut();
        let gone = live.zip(last).and_then(|(live, last)| live.slide(last));
        if let Some(gone) = gone
            && let Err(error) = swarm.content.discard(gone)
        {
            self.fail(key, error);
        }
    }
}
