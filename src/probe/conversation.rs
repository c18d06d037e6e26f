//! What a case has in hand: channels, datagrams as it likes them, time, and a
//! record of all that was said.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::wire::{
    ChannelId, ChunkRange, ChunkSpec, ContentIntegrity, DecodeError, Handshake, Layout, Located,
    Message, MessageType, ProtocolOption, decode_datagram, encode_datagram,
};
use rand_chacha::ChaCha12Rng;
use rand_core::Rng as _;

use super::case::Stop;
use super::net::{Net, Port};
use super::serve::{Fate, Invitation, Source};
use super::swarm::{Declared, Known, Manner, Swarm, handshake_of};
use crate::peer::engine::{Chunks, Moment};

/// Datagrams of one case that are recorded, and bytes of them: a target that
/// floods must not fill our memory.
const MOST_FRAMES: usize = 20_000;
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How often an unanswered HANDSHAKE or REQUEST is sent.
const TRIES: u32 = 3;

/// A datagram of the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When it was sent or came.
    pub at: Moment,
    /// Where from.
    pub source: SocketAddr,
    /// Where to.
    pub destination: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
    /// What the case says of it.
    pub notes: Vec<String>,
}

/// A datagram of the target.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its place in the record.
    pub frame: usize,
    /// When it came.
    pub at: Moment,
    /// Where to.
    pub port: Port,
    /// Where from.
    pub source: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

impl Heard {
    /// The channel that it was sent to.
    pub fn channel(&self) -> Option<ChannelId> {
        let id = self.bytes.first_chunk::<4>()?;
        Some(ChannelId(u32::from_be_bytes(*id)))
    }

    /// Its messages under a layout, and the fault that ended decoding.
    pub fn read(&self, layout: &Layout) -> (Vec<Located<'_>>, Option<DecodeError>) {
        let (_, messages, fault) = decode_datagram(&self.bytes, layout);
        (messages, fault)
    }

    /// Whether it is a keep-alive (RFC 7574, section 8.14).
    pub fn is_keep_alive(&self) -> bool {
        self.bytes.len() == 4
    }
}

/// Our end of a channel.
#[derive(Clone, Debug)]
pub struct Channel {
    /// At which of our addresses.
    pub port: Port,
    /// Our ID.
    pub ours: ChannelId,
    /// The target's ID, once its reply told it.
    pub theirs: Option<ChannelId>,
    /// How the target's messages are laid out.
    pub reads: Layout,
    /// How ours are.
    pub writes: Layout,
    /// What the reply declared.
    pub declared: Declared,
}

impl Channel {
    /// The ID that the target wants to see; channel 0 before its reply.
    pub fn destination(&self) -> ChannelId {
        self.theirs.unwrap_or(ChannelId::ZERO)
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For what has to come.
    pub answer: Duration,
    /// Where nothing may come.
    pub quiet: Duration,
}

impl Patience {
    /// From the longest time that an answer may take.
    pub fn of(answer: Duration) -> Self {
        Self {
            answer,
            quiet: (answer / 2).max(Duration::from_millis(300)),
        }
    }
}

/// One case's talk with the target.
#[derive(Debug)]
pub struct Conversation<'a> {
    net: &'a mut dyn Net,
    target: SocketAddr,
    swarm: &'a Swarm,
    known: &'a Known,
    /// What we serve, where the target comes to us.
    source: Option<&'a Source>,
    limit: Duration,
    patience: Patience,
    /// Seeded: the same case does the same again.
    pub random: ChaCha12Rng,
    awaits: &'static [MessageType],
    deadline: Moment,
    frames: Vec<Frame>,
    bytes: usize,
    /// Datagrams beyond what is recorded.
    unrecorded: u64,
    first_port: Option<Port>,
    /// Channels that are to be closed in the end: port and the target's ID.
    open: Vec<(Port, ChannelId)>,
    note: Option<String>,
    /// What the target offers of a live stream, once that was asked.
    stream: Option<ChunkRange>,
}

/// What a conversation begins with.
#[derive(Debug)]
pub struct Setting<'a> {
    /// The way to the target.
    pub net: &'a mut dyn Net,
    /// Its address.
    pub target: SocketAddr,
    /// The swarm.
    pub swarm: &'a Swarm,
    /// What is known of the target.
    pub known: &'a Known,
    /// How long is waited.
    pub patience: Patience,
    /// Randomness.
    pub random: ChaCha12Rng,
    /// What the case waits for.
    pub awaits: &'static [MessageType],
    /// How long it may take.
    pub limit: Duration,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Error(format!("the socket fails: {error}"))
    }
}

impl<'a> Conversation<'a> {
    /// A conversation that has not begun.
    pub fn new(setting: Setting<'a>) -> Self {
        let deadline = setting.net.now() + setting.limit;
        Self {
            net: setting.net,
            target: setting.target,
            swarm: setting.swarm,
            known: setting.known,
            source: None,
            limit: setting.limit,
            patience: setting.patience,
            random: setting.random,
            awaits: setting.awaits,
            deadline,
            frames: Vec::new(),
            bytes: 0,
            unrecorded: 0,
            first_port: None,
            open: Vec::new(),
            note: None,
            stream: None,
        }
    }

    /// A conversation in which we serve: the target is whoever comes when it is
    /// invited.
    #[must_use]
    pub fn serving(mut self, source: Option<&'a Source>) -> Self {
        self.source = source;
        self
    }

    /// What we serve.
    ///
    /// # Errors
    /// An error, in a case that is for targets that serve.
    pub fn source(&self) -> Result<&'a Source, Stop> {
        self.source
            .ok_or_else(|| Stop::Error("there is nothing to serve".to_owned()))
    }

    /// Has the target started that is to come to us, and waits so long that it
    /// may: only then the case's time begins.
    ///
    /// # Errors
    /// When it can't be started.
    pub fn invite(&mut self, invitation: &Invitation, within: Duration) -> Result<(), Stop> {
        self.net.invite(invitation)?;
        self.target = SocketAddr::new(invitation.address.ip(), 0);
        self.deadline = self.net.now() + within + self.limit;
        Ok(())
    }

    /// The target is at this address.
    pub const fn met(&mut self, target: SocketAddr) {
        self.target = target;
    }

    /// Whether the target can be told of any content.
    pub fn takes_other_content(&self) -> bool {
        self.net.takes_other_content()
    }

    /// What has become of the target that was invited.
    pub fn fate(&mut self) -> Fate {
        self.net.fate()
    }

    /// The content as the target has written it.
    pub fn output(&mut self) -> Option<Vec<u8>> {
        self.net.output()
    }

    /// The swarm.
    pub const fn swarm(&self) -> &'a Swarm {
        self.swarm
    }

    /// What is known of the target.
    pub const fn known(&self) -> &'a Known {
        self.known
    }

    /// The target's address.
    pub const fn target(&self) -> SocketAddr {
        self.target
    }

    /// How long is waited.
    pub const fn patience(&self) -> Patience {
        self.patience
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.net.now()
    }

    /// The record so far.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// The number of chunks of the content, at least `least`.
    ///
    /// # Errors
    /// A skip, where the content is too small or its size is not known.
    pub fn chunks(&self, least: u64) -> Result<u64, Stop> {
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

    /// Another address of ours.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn port(&mut self) -> Result<Port, Stop> {
        Ok(self.net.open()?)
    }

    /// The address of ours that most cases do with.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn first_port(&mut self) -> Result<Port, Stop> {
        if let Some(port) = self.first_port {
            return Ok(port);
        }
        let port = self.net.open()?;
        self.first_port = Some(port);
        Ok(port)
    }

    /// The address of a port.
    pub fn address(&self, port: Port) -> SocketAddr {
        self.net.address(port)
    }

    /// Our end of a new channel.
    pub fn channel(&mut self, port: Port) -> Channel {
        let manner = &self.known.manner;
        Channel {
            port,
            ours: ChannelId(self.random.next_u32().max(1)),
            theirs: None,
            reads: manner.reads(self.swarm),
            writes: manner.layout(self.swarm),
            declared: Declared::default(),
        }
    }

    /// The options of a HANDSHAKE of ours, as the target takes them.
    pub fn options(&self) -> Vec<ProtocolOption<'a>> {
        self.swarm.options(&self.known.manner)
    }

    /// Says of the next datagram what it is for.
    pub fn note(&mut self, text: impl Into<String>) {
        self.note = Some(text.into());
    }

    /// Says of a recorded datagram what it shows.
    pub fn remark(&mut self, frame: usize, text: impl Into<String>) {
        if let Some(frame) = self.frames.get_mut(frame) {
            frame.notes.push(text.into());
        }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the port no longer works.
    pub fn send_bytes(&mut self, port: Port, bytes: &[u8]) -> Result<usize, Stop> {
        let notes = self.note.take().into_iter().collect();
        let frame = Frame {
            at: self.net.now(),
            source: self.net.address(port),
            destination: self.target,
            bytes: bytes.to_vec(),
            notes,
        };
        let number = self.record(frame);
        self.net.send(port, self.target, bytes)?;
        Ok(number)
    }

    /// Sends messages to any channel of the target, in the layout of ours.
    ///
    /// # Errors
    /// When they can't be written, or the port no longer works.
    pub fn send_to(
        &mut self,
        channel: &Channel,
        destination: ChannelId,
        messages: &[Message<'_>],
    ) -> Result<usize, Stop> {
        let mut bytes = Vec::new();
        encode_datagram(destination, messages, &channel.writes, &mut bytes)
            .map_err(|error| Stop::Error(format!("a datagram of ours can't be: {error}")))?;
        self.send_bytes(channel.port, &bytes)
    }

    /// Sends messages on a channel.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn send(&mut self, channel: &Channel, messages: &[Message<'_>]) -> Result<usize, Stop> {
        self.send_to(channel, channel.destination(), messages)
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

    /// Waits for the target's next datagram. What others send is recorded and
    /// passed over.
    ///
    /// # Errors
    /// When a port no longer works, or the case has taken too long.
    pub fn hear(&mut self, until: Moment) -> Result<Option<Heard>, Stop> {
        loop {
            let now = self.net.now();
            if now >= self.deadline {
                return Err(Stop::Inconclusive(
                    "the case has taken longer than it may".to_owned(),
                ));
            }
            let Some(arrival) = self.net.receive(until.min(self.deadline))? else {
                if until > self.deadline {
                    continue;
                }
                return Ok(None);
            };
            let frame = self.record(Frame {
                at: arrival.at,
                source: arrival.source,
                destination: self.net.address(arrival.port),
                bytes: arrival.bytes.clone(),
                notes: Vec::new(),
            });
            if arrival.source == self.target || self.target.port() == 0 {
                return Ok(Some(Heard {
                    frame,
                    at: arrival.at,
                    port: arrival.port,
                    source: arrival.source,
                    bytes: arrival.bytes,
                }));
            }
        }
    }

    /// All datagrams that come within a time, as far as they are remembered.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn hear_all(&mut self, within: Duration) -> Result<Vec<Heard>, Stop> {
        let until = self.now() + within;
        let mut all = Vec::new();
        let mut bytes = 0;
        while let Some(heard) = self.hear(until)? {
            if all.len() < MOST_FRAMES && bytes < MOST_BYTES {
                bytes += heard.bytes.len();
                all.push(heard);
            }
        }
        Ok(all)
    }

    /// Waits on a channel for a datagram of which `pick` makes something. It is
    /// given the messages.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn hear_on<T>(
        &mut self,
        channel: &Channel,
        within: Duration,
        mut pick: impl FnMut(&Heard, &[Located<'_>]) -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        let until = self.now() + within;
        while let Some(heard) = self.hear(until)? {
            if heard.port != channel.port || heard.channel() != Some(channel.ours) {
                continue;
            }
            let (messages, _) = heard.read(&channel.reads);
            if let Some(found) = pick(&heard, &messages) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Waits for one of the messages that the case awaits, on a channel.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn awaited(
        &mut self,
        channel: &Channel,
        within: Duration,
    ) -> Result<Option<(Heard, MessageType)>, Stop> {
        let awaits = self.awaits;
        self.hear_on(channel, within, |heard, messages| {
            let kinds = messages.iter().map(|located| located.message.kind());
            let found = kinds.into_iter().find(|kind| awaits.contains(kind))?;
            Some((heard.clone(), found))
        })
    }

    /// Waits for a datagram with DATA on a channel.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn awaited_data(
        &mut self,
        channel: &Channel,
        within: Duration,
    ) -> Result<Option<Heard>, Stop> {
        self.hear_on(channel, within, |heard, messages| {
            let is_data = |it: &Located<'_>| it.message.kind() == MessageType::Data;
            messages.iter().any(is_data).then(|| heard.clone())
        })
    }

    /// A HANDSHAKE of ours with these options.
    pub fn handshake<'o>(channel: &Channel, options: Vec<ProtocolOption<'o>>) -> Message<'o> {
        Message::Handshake(Handshake {
            source_channel: channel.ours,
            options,
            has_end: channel.writes.dialect.handshake_options,
        })
    }

    /// What opens a channel in the target's manner; legacy swift wants the swarm
    /// ID as a hash before.
    fn opening(&self, channel: &Channel) -> Vec<Message<'a>> {
        let mut messages = Vec::new();
        if self.known.manner.is_legacy {
            messages.push(Message::Integrity {
                spec: ChunkSpec::Bin32(u32::MAX >> 1),
                hash: &self.swarm.id,
            });
            messages.push(Self::handshake(channel, Vec::new()));
        } else {
            messages.push(Self::handshake(channel, self.options()));
        }
        messages
    }

    /// Sends the first datagram of a channel, with further messages behind.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn begin(&mut self, channel: &Channel, further: &[Message<'_>]) -> Result<usize, Stop> {
        let mut messages: Vec<Message<'_>> = self.opening(channel);
        messages.extend(further.iter().cloned());
        self.send_to(channel, ChannelId::ZERO, &messages)
    }

    /// Waits for the reply to a HANDSHAKE of ours and takes note of what it
    /// declares: the reply, or nothing.
    ///
    /// # Errors
    /// As [`Conversation::hear`].
    pub fn reply(
        &mut self,
        channel: &mut Channel,
        within: Duration,
    ) -> Result<Option<Heard>, Stop> {
        let found = self.hear_on(channel, within, |heard, messages| {
            let mut handshakes = messages.iter().filter_map(|it| handshake_of(&it.message));
            let handshake = handshakes.find(|it| !it.source_channel.is_zero())?;
            Some((heard.clone(), Declared::by(handshake)))
        })?;
        let Some((heard, declared)) = found else {
            return Ok(None);
        };
        self.learn(channel, declared);
        Ok(Some(heard))
    }

    /// Takes note of what a reply declares.
    pub fn learn(&mut self, channel: &mut Channel, declared: Declared) {
        if let Some(theirs) = declared.channel {
            channel.theirs = Some(theirs);
            if !self.open.contains(&(channel.port, theirs)) {
                self.open.push((channel.port, theirs));
            }
        }
        if let Some(addressing) = declared.addressing {
            channel.reads.addressing = addressing;
        }
        channel.declared = declared;
    }

    /// Opens a channel: HANDSHAKE, reply. The third datagram is the caller's.
    ///
    /// # Errors
    /// Inconclusive, where the target does not answer.
    pub fn shake(&mut self, port: Port) -> Result<(Channel, Heard), Stop> {
        let mut channel = self.channel(port);
        for _ in 0..TRIES {
            self.begin(&channel, &[])?;
            if let Some(heard) = self.reply(&mut channel, self.patience.answer)? {
                return Ok((channel, heard));
            }
        }
        Err(Stop::Inconclusive(
            "the target did not answer the HANDSHAKE that this begins with".to_owned(),
        ))
    }

    /// Opens a channel at an address of its own (some targets take an address for
    /// a peer), and completes it with a keep-alive.
    ///
    /// # Errors
    /// As [`Conversation::shake`].
    pub fn open(&mut self) -> Result<Channel, Stop> {
        let port = self.port()?;
        self.open_at(port)
    }

    /// The same at a certain address of ours.
    ///
    /// # Errors
    /// As [`Conversation::shake`].
    pub fn open_at(&mut self, port: Port) -> Result<Channel, Stop> {
        let (channel, _) = self.shake(port)?;
        self.send(&channel, &[])?;
        Ok(channel)
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

    /// Sends a closing HANDSHAKE.
    ///
    /// # Errors
    /// As [`Conversation::send_to`].
    pub fn close(&mut self, channel: &Channel) -> Result<(), Stop> {
        let Some(theirs) = channel.theirs else {
            return Ok(());
        };
        self.open.retain(|open| *open != (channel.port, theirs));
        self.send(channel, &[closing(&channel.writes)])?;
        Ok(())
    }

    /// Ends the conversation: closes what is open, gives up the ports, and hands
    /// out the record.
    pub fn finish(mut self) -> Vec<Frame> {
        let layout = self.known.manner.layout(self.swarm);
        for (port, theirs) in std::mem::take(&mut self.open) {
            let mut bytes = Vec::new();
            if encode_datagram(theirs, &[closing(&layout)], &layout, &mut bytes).is_ok() {
                // A target that is gone need not be told.
                let _ = self.send_bytes(port, &bytes);
            }
        }
        self.net.close_all();
        if self.unrecorded > 0 {
            let text = format!("{} further datagrams are not recorded", self.unrecorded);
            if let Some(last) = self.frames.last_mut() {
                last.notes.push(text);
            }
        }
        self.frames
    }

    /// Records a datagram; its place, which for those beyond the limit is that
    /// of the last one.
    fn record(&mut self, frame: Frame) -> usize {
        let fits = self.frames.len() < MOST_FRAMES && self.bytes + frame.bytes.len() <= MOST_BYTES;
        if fits {
            self.bytes += frame.bytes.len();
            self.frames.push(frame);
        } else {
            self.unrecorded += 1;
        }
        self.frames.len().saturating_sub(1)
    }
}

/// The HANDSHAKE that closes a channel.
pub(super) fn closing(layout: &Layout) -> Message<'static> {
    Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options: Vec::new(),
        has_end: layout.dialect.handshake_options,
    })
}

/// The manner of a target of which nothing is known yet.
pub(super) fn stranger(manner: Manner) -> Known {
    Known {
        manner,
        declared: Declared::default(),
        round_trip: Duration::ZERO,
        has: Chunks::new(),
        size: None,
        serves: false,
        verifies: false,
        is_garbled: false,
        protects: false,
    }
}
