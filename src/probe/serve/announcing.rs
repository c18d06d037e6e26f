//! What a seeder tells of what it has: HAVEs with its reply, those of a stream as it
//! goes on, and the munro by which the target tunes in (RFC 7574, sections 3.2, 6.1 and
//! 6.1.2.4).

use ppspp_dissector::wire::{ChunkRange, ChunkSpec, Message};

use super::seeder::{Offer, Seeder};
use crate::probe::case::Stop;
use crate::probe::conversation::Conversation;

impl Seeder {
    /// HAVEs for what is offered from now on. Of a stream that starts with the last
    /// chunks that are proven together.
    pub fn offer(&mut self, offer: Offer) -> Vec<Message<'static>> {
        let size = self.content.size();
        let (start, end) = match offer {
            Offer::All => {
                self.first = self.content.last_group(1);
                self.follows = self.content.is_stream();
                (0, size - 1)
            }
            Offer::Some(count) => {
                self.first = self.content.last_group(count);
                (self.first, (self.first + count).min(size) - 1)
            }
        };
        self.announced = end + 1;
        // Where no munro tells where a stream is, its first HAVE does.
        if self.content.is_stream() && !self.content.has_munros() {
            return self.haves(&[(self.first, self.first), (start, end)]);
        }
        self.haves(&[(start, end)])
    }

    /// The first chunk that is of interest to the target: of a stream it does not
    /// begin with chunk 0.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Says again, of a stream, what stands behind the reply's HANDSHAKE: who can't
    /// read that hears nothing else for a second, and may give us up.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub(super) fn repeat(
        &self,
        it: &mut Conversation<'_>,
        haves: &[Message<'_>],
    ) -> Result<(), Stop> {
        if self.content.is_stream() && !haves.is_empty() {
            self.say(it, haves)?;
        }
        Ok(())
    }

    /// Tells the target where the stream is, once it may be told (RFC 7574, section
    /// 6.1.2.4).
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub(super) fn introduce(&mut self, it: &mut Conversation<'_>) -> Result<(), Stop> {
        let may = !self.log.datagrams.is_empty() && self.announced > 0;
        if !may || std::mem::replace(&mut self.is_introduced, true) {
            return Ok(());
        }
        self.tell_munro(it, self.first)
    }

    /// Tells the target of the munro above a chunk, as it is introduced.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn tell_munro(&mut self, it: &mut Conversation<'_>, chunk: u64) -> Result<(), Stop> {
        let gift = self.introduction.filter(|_| self.content.has_munros());
        let (Some(gift), Some(stream)) = (gift, self.content.stream()) else {
            return Ok(());
        };
        let evidence = stream.introduction(chunk, gift);
        let messages = self.messages(&evidence)?;
        it.note("the munro by which the target may tune in");
        self.say(it, &messages)?;
        Ok(())
    }

    /// Announces what has come to the stream, and is to be announced.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub(super) fn tell_news(&mut self, it: &mut Conversation<'_>) -> Result<(), Stop> {
        let now = it.now();
        if let Some(stream) = self.content.stream() {
            stream.advance(now);
        }
        let size = self.content.size();
        // Before it has shown that it takes our reply it is told nothing more.
        if self.follows && self.announced < size && !self.log.datagrams.is_empty() {
            // Until it shows to know one, the target is told of the last munro.
            if self.log.accepted().is_empty() {
                self.tell_munro(it, size - 1)?;
            }
            let haves = self.haves(&[(self.announced, size - 1)]);
            self.announced = size;
            self.say(it, &haves)?;
        }
        Ok(())
    }

    /// How many chunks were announced, counted from chunk 0.
    pub const fn announced(&self) -> u64 {
        self.announced
    }

    /// Stops or goes on to tell the target of new chunks.
    pub const fn follow(&mut self, follows: bool) {
        self.follows = follows;
    }

    /// HAVEs for these chunks; bins need several.
    pub fn haves(&self, ranges: &[(u64, u64)]) -> Vec<Message<'static>> {
        let (addressing, size) = (self.channel.writes.addressing, self.swarm.chunk_size);
        let ranges = ranges
            .iter()
            .filter_map(|&(start, end)| ChunkRange::new(start, end));
        ranges
            .flat_map(|range| ChunkSpec::parts(range, addressing, size).map(Message::Have))
            .collect()
    }
}
