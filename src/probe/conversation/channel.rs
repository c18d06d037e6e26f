//! Channels: opening them, our end of them, and closing them (RFC 7574, sections
//! 3.1.1 and 8.4).

use std::time::Duration;

use ppspp_dissector::wire::{ChannelId, ChunkSpec, Handshake, Layout, Message, ProtocolOption};
use rand_core::Rng as _;

use super::{Conversation, Heard};
use crate::probe::case::Stop;
use crate::probe::net::Port;
use crate::probe::swarm::{Declared, handshake_of};

/// How often an unanswered HANDSHAKE is sent.
const TRIES: u32 = 3;

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

impl<'a> Conversation<'a> {
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
}

/// The HANDSHAKE that closes a channel.
pub(in crate::probe) fn closing(layout: &Layout) -> Message<'static> {
    Message::Handshake(Handshake {
        source_channel: ChannelId::ZERO,
        options: Vec::new(),
        has_end: layout.dialect.handshake_options,
    })
}
