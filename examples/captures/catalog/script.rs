//! A scripted exchange: who sends what when, and what is to be said about it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ppspp_dissector::wire::{ChannelId, Layout, Message, decode_datagram, encode_datagram};

use super::{packet, pcap};

/// 2026-11-22T04:34:01Z in microseconds.
pub(crate) const START: u64 = 1_795_322_041_000_000;

/// One end of a channel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its UDP socket.
    pub(crate) address: SocketAddr,
    /// The channel ID that it wants to see.
    pub(crate) channel: ChannelId,
}

impl Peer {
    /// A peer at `address`.
    ///
    /// # Panics
    /// When `address` is none.
    pub(crate) fn new(address: &str, channel: u32) -> Self {
        Self {
            address: address.parse().expect("an address and a port"),
            channel: ChannelId(channel),
        }
    }
}

struct Sent {
    time: u64,
    source: SocketAddr,
    destination: SocketAddr,
    payload: Vec<u8>,
}

/// One capture file in the making.
pub(crate) struct Script {
    /// Name of the file.
    pub(crate) file: &'static str,
    /// What it shows, in Markdown.
    pub(crate) about: &'static str,
    /// Dialect that an analyzer names.
    pub(crate) dialect: &'static str,
    /// Swarms, channels and the like, one line each.
    pub(crate) facts: Vec<String>,
    /// What is to be said about single frames, by number.
    pub(crate) notes: Vec<(usize, &'static str)>,
    /// Messages by name.
    pub(crate) counts: BTreeMap<&'static str, usize>,
    now: u64,
    sent: Vec<Sent>,
}

impl Script {
    /// Begins a capture at [`START`].
    pub(crate) fn new(file: &'static str, dialect: &'static str, about: &'static str) -> Self {
        Self {
            file,
            about,
            dialect,
            facts: Vec::new(),
            notes: Vec::new(),
            counts: BTreeMap::new(),
            now: START + 123_456,
            sent: Vec::new(),
        }
    }

    /// Microseconds since 1970.
    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Lets `microseconds` pass.
    pub(crate) fn wait(&mut self, microseconds: u64) {
        self.now += microseconds;
    }

    /// Number of datagrams so far.
    pub(crate) fn datagrams(&self) -> usize {
        self.sent.len()
    }

    /// Sends messages from one end of a channel to the other.
    ///
    /// # Panics
    /// When a message does not fit the layout.
    pub(crate) fn send(&mut self, from: Peer, to: Peer, layout: &Layout, messages: &[Message<'_>]) {
        let mut payload = Vec::new();
        encode_datagram(to.channel, messages, layout, &mut payload)
            .expect("a script's messages fit its layout");
        self.send_bytes(from, to, layout, payload);
    }

    /// Sends bytes that need be no right datagram. `layout` is what an
    /// analyzer that knows the channel reads them with.
    pub(crate) fn send_bytes(&mut self, from: Peer, to: Peer, layout: &Layout, payload: Vec<u8>) {
        let (_, messages, _) = decode_datagram(&payload, layout);
        for located in &messages {
            *self.counts.entry(located.message.name()).or_default() += 1;
        }
        if payload.len() == 4 {
            *self.counts.entry("KEEPALIVE").or_default() += 1;
        }
        self.sent.push(Sent {
            time: self.now,
            source: from.address,
            destination: to.address,
            payload,
        });
    }

    /// Says something about the datagram sent last.
    pub(crate) fn note(&mut self, text: &'static str) {
        self.notes.push((self.sent.len(), text));
    }

    /// States something about the whole capture.
    pub(crate) fn fact(&mut self, text: String) {
        self.facts.push(text);
    }

    /// The capture file.
    ///
    /// # Panics
    /// Never: memory takes every byte.
    pub(crate) fn pcap(&self) -> Vec<u8> {
        let mut file = Vec::new();
        pcap::write_header(&mut file).expect("memory takes every byte");
        let mut frame = Vec::new();
        for (number, sent) in self.sent.iter().enumerate() {
            frame.clear();
            packet::push_frame(
                sent.source,
                sent.destination,
                number as u16,
                &sent.payload,
                &mut frame,
            );
            pcap::write_frame(&mut file, sent.time, &frame).expect("memory takes every byte");
        }
        file
    }
}

/// Bytes as lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
