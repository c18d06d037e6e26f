//! Chunks: which ones the target has that a case may ask for, and asking for them.

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ChunkSpec, ContentIntegrity, Located, Message};

use super::{Channel, Conversation};
use crate::peer::engine::Chunks;
use crate::probe::case::Stop;

impl Conversation<'_> {
    /// The number of chunks of the content, at least `least`.
    ///
    /// # Errors
    /// A skip, where the content is too small or its size is not known.
    pub fn chunks(&self, least: u64) -> Result<u64, Stop> {
        // A stream of ours has as many as anybody waits for.
        if self.source.is_some() && self.swarm.is_live() {
            return Ok(u64::MAX);
        }
        match self.known.size {
            Some(size) if size >= least => Ok(size),
            Some(size) => Err(Stop::Skip(format!(
                "the content has {size} chunks; this needs {least}"
            ))),
            None => Err(Stop::Skip(
                "the target told neither peaks nor HAVEs, so the content's size is not known"
                    .to_owned(),
            )),
        }
    }

    /// The first of so many chunks in a row that the target has: of static
    /// content chunk 0, of a live stream one of the latest, so that it is still
    /// there in the end. Aligned, so that bins can name them.
    ///
    /// # Errors
    /// A skip, where there are not so many; as [`Conversation::tune_in`].
    pub fn first_of(&mut self, count: u64) -> Result<u64, Stop> {
        if !self.swarm.is_live() {
            return self.chunks(count).map(|_| 0);
        }
        let range = self.tune_in()?;
        let alignment = count.next_power_of_two();
        let start = (range.end() + 1)
            .checked_sub(count)
            .map(|start| start / alignment * alignment);
        start
            .filter(|start| *start >= range.start())
            .ok_or_else(|| {
                Stop::Skip(format!(
                    "of the stream the chunks {range} are there; this needs {count} in a row"
                ))
            })
    }

    /// A chunk next to the first one that the target has, or that one where there
    /// is no other.
    ///
    /// # Errors
    /// As [`Conversation::first_of`].
    pub fn second_chunk(&mut self) -> Result<u64, Stop> {
        match self.first_of(2) {
            Ok(first) => Ok(first + 1),
            Err(_) => self.first_of(1),
        }
    }

    /// The number of the first chunk that does not exist, or not yet.
    ///
    /// # Errors
    /// As [`Conversation::first_of`].
    pub fn end(&mut self) -> Result<u64, Stop> {
        if self.swarm.is_live() {
            Ok(self.tune_in()?.end() + 1)
        } else {
            self.chunks(1)
        }
    }

    /// A chunk in the midst of the content, or of what is there of a live stream.
    ///
    /// # Errors
    /// As [`Conversation::first_of`].
    pub fn inner_chunk(&mut self) -> Result<u64, Stop> {
        if !self.swarm.is_live() {
            return Ok(self.chunks(1)? / 2);
        }
        match self.first_of(32) {
            Ok(first) => Ok(first + 19),
            Err(_) => self.first_of(1),
        }
    }

    /// The chunks at the end of a live stream that the target offers now, in one
    /// range; it is asked once a case.
    ///
    /// # Errors
    /// Inconclusive, where it offers none.
    pub fn tune_in(&mut self) -> Result<ChunkRange, Stop> {
        if let Some(range) = self.stream {
            return Ok(range);
        }
        let port = self.port()?;
        self.note("where is the stream?");
        let (channel, reply) = self.shake(port)?;
        self.send(&channel, &[])?;
        let size = self.swarm.chunk_size;
        let mut offered = Chunks::new();
        let mut add = |messages: &[Located<'_>]| {
            for located in messages {
                if let Message::Have(spec) = located.message
                    && let Some(range) = spec.chunks(size).range()
                {
                    offered.insert(range.start()..=range.end());
                }
            }
            !offered.is_empty()
        };
        if !add(&reply.read(&channel.reads).0) {
            let within = self.patience.answer * 2;
            self.hear_on(&channel, within, |_, messages| add(messages).then_some(()))?;
        }
        // Some have no room for all in one datagram.
        let settle = self.known.round_trip * 2 + Duration::from_millis(30);
        self.hear_on::<()>(&channel, settle, |_, messages| {
            add(messages);
            None
        })?;
        self.close(&channel)?;
        let last = offered.iter().next_back();
        let Some(range) = last.and_then(|it| ChunkRange::new(*it.start(), *it.end())) else {
            return Err(Stop::Inconclusive(
                "the target announces no chunk of the stream".to_owned(),
            ));
        };
        // What has left its window is no longer there (RFC 7574, section 6.2).
        let window = channel.declared.window;
        let window = window.map_or(u64::MAX, |it| self.swarm.window_chunks(it));
        let oldest = (range.end() + 1).saturating_sub(window);
        let range = ChunkRange::new(range.start().max(oldest), range.end()).unwrap_or(range);
        self.stream = Some(range);
        Ok(range)
    }

    /// Goes on only where the target serves chunks.
    ///
    /// # Errors
    /// A skip, where it did not serve the first one that it was asked for.
    pub fn needs_service(&self) -> Result<(), Stop> {
        if self.known.serves {
            Ok(())
        } else {
            Err(Stop::Inconclusive(
                "the target did not serve a chunk to begin with".to_owned(),
            ))
        }
    }

    /// Goes on only where the target protects its content by hashes.
    ///
    /// # Errors
    /// A skip, where it declares that it does not.
    pub fn needs_hashes(&self) -> Result<(), Stop> {
        self.needs_service()?;
        let declared = self.known.declared.integrity;
        if !self.known.protects && declared == Some(ContentIntegrity::None) {
            return Err(Stop::Skip(
                "the target declares that nothing protects its content".to_owned(),
            ));
        }
        Ok(())
    }

    /// A chunk specification as the channel names it.
    ///
    /// # Errors
    /// A skip, where its method can't: bins are aligned.
    pub fn spec(&self, channel: &Channel, start: u64, end: u64) -> Result<ChunkSpec, Stop> {
        ChunkRange::new(start, end)
            .and_then(|range| {
                ChunkSpec::of(range, channel.writes.addressing, self.swarm.chunk_size)
            })
            .ok_or_else(|| {
                Stop::Skip(format!(
                    "{} can't name the chunks {start}-{end}",
                    channel.writes.addressing
                ))
            })
    }

    /// Asks for chunks.
    ///
    /// # Errors
    /// As [`Conversation::send_to`] and [`Conversation::spec`].
    pub fn request(&mut self, channel: &Channel, start: u64, end: u64) -> Result<usize, Stop> {
        let spec = self.spec(channel, start, end)?;
        self.send(channel, &[Message::Request(spec)])
    }

    /// Acknowledges a chunk, with a delay sample in microseconds.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn acknowledge(&mut self, channel: &Channel, chunk: u64, delay: u64) -> Result<(), Stop> {
        let spec = self.spec(channel, chunk, chunk)?;
        let have = Message::Have(spec);
        self.send(channel, &[Message::Ack { spec, delay }, have])?;
        Ok(())
    }

    /// Whether the channel still serves: asks for a chunk and waits for it.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn serves(&mut self, channel: &Channel, chunk: u64) -> Result<bool, Stop> {
        for _ in 0..2 {
            self.request(channel, chunk, chunk)?;
            let size = self.swarm.chunk_size;
            let came = self.hear_on(channel, self.patience.answer, |_, messages| {
                messages.iter().find_map(|located| match &located.message {
                    Message::Data { spec, .. } => {
                        spec.chunks(size).range().filter(|it| it.contains(chunk))
                    }
                    _ => None,
                })
            })?;
            if came.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
