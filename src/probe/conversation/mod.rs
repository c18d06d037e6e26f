//! What a case has in hand: channels, datagrams as it likes them, time, and a
//! record of all that was said.

mod channel;
mod chunks;
mod datagram;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use ppspp_dissector::wire::{
    ChannelId, ChunkRange, Located, Message, MessageType, encode_datagram,
};
use rand_chacha::ChaCha12Rng;

pub use self::channel::Channel;
pub(super) use self::channel::closing;
pub use self::datagram::{Frame, Heard};
use super::case::Stop;
use super::net::{Net, Port};
use super::serve::{Fate, Invitation, Source};
use super::swarm::{Declared, Known, Manner, Swarm};
use crate::peer::engine::{Chunks, Moment};

/// Datagrams of one case that are recorded, and bytes of them: a target that
/// floods must not fill our memory.
const MOST_FRAMES: usize = 20_000;
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For what has to come.
    pub answer: Duration,
    /// Where nothing may come.
    pub quiet: Duration,
    /// For how long datagrams are mutated, a round of them at least.
    pub mutation: Duration,
}

impl Patience {
    /// From the longest time that an answer may take.
    pub fn of(answer: Duration) -> Self {
        Self {
            answer,
            quiet: (answer / 2).max(Duration::from_millis(300)),
            mutation: Duration::ZERO,
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
    /// Datagrams of rounds before this one.
    forgotten: u64,
    first_port: Option<Port>,
    /// Channels that are to be closed in the end: port and the target's ID.
    open: Vec<(Port, ChannelId)>,
    note: Option<String>,
    /// What the target offers of a live stream, once that was asked.
    stream: Option<ChunkRange>,
}

/// Whom a probe is of, which is the same in all its conversations.
#[derive(Clone, Copy, Debug)]
pub struct Party<'a> {
    /// The target's address; one that comes to us is anywhere.
    pub target: SocketAddr,
    /// The swarm.
    pub swarm: &'a Swarm,
    /// How long is waited.
    pub patience: Patience,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Error(format!("the socket fails: {error}"))
    }
}

impl<'a> Conversation<'a> {
    /// A conversation that has not begun, with a party of which so much is known,
    /// and that may take so long.
    pub fn new(
        net: &'a mut dyn Net,
        party: Party<'a>,
        known: &'a Known,
        random: ChaCha12Rng,
        limit: Duration,
    ) -> Self {
        let deadline = net.now() + limit;
        Self {
            net,
            target: party.target,
            swarm: party.swarm,
            known,
            source: None,
            limit,
            patience: party.patience,
            random,
            awaits: &[],
            deadline,
            frames: Vec::new(),
            bytes: 0,
            unrecorded: 0,
            forgotten: 0,
            first_port: None,
            open: Vec::new(),
            note: None,
            stream: None,
        }
    }

    /// The same, for a case that waits for these messages.
    #[must_use]
    pub const fn awaiting(mut self, awaits: &'static [MessageType]) -> Self {
        self.awaits = awaits;
        self
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
        let (at, source) = (self.net.now(), self.net.address(port));
        let number = self.record(at, (source, self.target), bytes, notes);
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

    /// Ends the conversation: closes what is open, gives up the ports, and hands
    /// out the record.
    pub fn finish(mut self) -> Vec<Frame> {
        self.hang_up();
        if self.unrecorded > 0 {
            let text = format!("{} further datagrams are not recorded", self.unrecorded);
            if let Some(last) = self.frames.last_mut() {
                last.notes.push(text);
            }
        }
        if self.forgotten > 0 {
            let text = format!(
                "{} earlier datagrams, which did no harm, are not recorded",
                self.forgotten
            );
            if let Some(first) = self.frames.first_mut() {
                first.notes.push(text);
            }
        }
        self.frames
    }

    /// Closes all channels and ports.
    fn hang_up(&mut self) {
        let layout = self.known.manner.layout(self.swarm);
        for (port, theirs) in std::mem::take(&mut self.open) {
            let mut bytes = Vec::new();
            if encode_datagram(theirs, &[closing(&layout)], &layout, &mut bytes).is_ok() {
                // A target that is gone need not be told.
                let _ = self.send_bytes(port, &bytes);
            }
        }
        self.net.close_all();
        self.first_port = None;
    }

    /// Begins again, within the same limit: closes all channels and ports, and forgets
    /// the datagrams, which have done no harm.
    pub fn begin_anew(&mut self) {
        self.hang_up();
        self.forgotten += self.frames.len() as u64 + self.unrecorded;
        self.frames.clear();
        (self.bytes, self.unrecorded) = (0, 0);
        self.deadline = self.net.now() + self.limit;
    }

    /// Records a datagram; its place, which for those beyond the limit is that
    /// of the last one.
    fn record(
        &mut self,
        at: Moment,
        (source, destination): (SocketAddr, SocketAddr),
        bytes: &[u8],
        notes: Vec<String>,
    ) -> usize {
        let fits = self.frames.len() < MOST_FRAMES && self.bytes + bytes.len() <= MOST_BYTES;
        if fits {
            self.bytes += bytes.len();
            self.frames.push(Frame {
                at,
                source,
                destination,
                bytes: bytes.to_vec(),
                notes,
            });
        } else {
            self.unrecorded += 1;
        }
        self.frames.len().saturating_sub(1)
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
            let ends = (arrival.source, self.net.address(arrival.port));
            let frame = self.record(arrival.at, ends, &arrival.bytes, Vec::new());
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
