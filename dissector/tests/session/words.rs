//! What peers say: messages, option lists and handshakes, short to write.

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSize, ChunkSpec, ContentIntegrity, DiscardWindow,
    Handshake, HashFunction, Layout, Message, OptionCode, ProtocolOption, SignatureAlgorithm,
    dialect,
};

use super::support::{A, ALICE, B, BOB, Talk, clock, ntp};

/// Option lists as they stand in a handshake.
pub(crate) type Options = Vec<ProtocolOption<'static>>;

/// Static content as most tests have it: the RFC's defaults, chunks of 1024 bytes.
pub(crate) const STATIC: Layout = Layout {
    chunk_size: ChunkSize::Fixed(1024),
    ..Layout::RFC
};

/// A live stream: P-256, the same widths otherwise.
pub(crate) const LIVE: Layout = Layout {
    signature_length: Some(64),
    ..STATIC
};

/// Bytes for chunks, hashes and signatures: no zeros, no pattern of fields.
static BYTES: [u8; 16_384] = noise();

const fn noise() -> [u8; 16_384] {
    let mut bytes = [0; 16_384];
    let mut state = 0x9e37_79b9_u32;
    let mut index = 0;
    while index < bytes.len() {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes[index] = (state >> 24) as u8;
        index += 1;
    }
    bytes
}

/// This many bytes of noise.
pub(crate) fn noise_of(length: usize) -> &'static [u8] {
    &BYTES[..length]
}

/// A swarm ID of static content for a hash function.
pub(crate) fn root(function: HashFunction) -> &'static [u8] {
    &BYTES[100..100 + function.length().expect("an assigned function")]
}

/// The swarm ID of static content in most tests.
pub(crate) fn swarm() -> &'static [u8] {
    root(HashFunction::Sha256)
}

/// The swarm ID of the live stream in most tests: a key on P-256.
pub(crate) static KEY: [u8; 65] = key_p256();

const fn key_p256() -> [u8; 65] {
    let noise = noise();
    let mut key = [0; 65];
    key[0] = 13;
    let mut index = 1;
    while index < key.len() {
        key[index] = noise[200 + index];
        index += 1;
    }
    key
}

/// Messages in the widths of a layout.
pub(crate) trait Say {
    fn spec(&self, start: u64, end: u64) -> ChunkSpec;
    fn have(&self, start: u64, end: u64) -> Message<'static>;
    fn request(&self, start: u64, end: u64) -> Message<'static>;
    fn cancel(&self, start: u64, end: u64) -> Message<'static>;
    fn ack(&self, start: u64, end: u64) -> Message<'static>;
    fn integrity(&self, start: u64, end: u64) -> Message<'static>;
    fn signed(&self, start: u64, end: u64) -> Message<'static>;
    /// A full chunk.
    fn data(&self, chunk: u64) -> Message<'static>;
    fn data_of(&self, start: u64, end: u64, length: usize) -> Message<'static>;
}

impl Say for Layout {
    fn spec(&self, start: u64, end: u64) -> ChunkSpec {
        let range = ChunkRange::new(start, end).expect("ordered");
        ChunkSpec::of(range, self.addressing, self.chunk_size.or_assumed()).expect("a subtree")
    }

    fn have(&self, start: u64, end: u64) -> Message<'static> {
        Message::Have(self.spec(start, end))
    }

    fn request(&self, start: u64, end: u64) -> Message<'static> {
        Message::Request(self.spec(start, end))
    }

    fn cancel(&self, start: u64, end: u64) -> Message<'static> {
        Message::Cancel(self.spec(start, end))
    }

    fn ack(&self, start: u64, end: u64) -> Message<'static> {
        Message::Ack {
            spec: self.spec(start, end),
            delay: if self.dialect.data_timestamp {
                21_000
            } else {
                clock(30)
            },
        }
    }

    fn integrity(&self, start: u64, end: u64) -> Message<'static> {
        Message::Integrity {
            spec: self.spec(start, end),
            hash: noise_of(self.hash_function.length().expect("an assigned function")),
        }
    }

    fn signed(&self, start: u64, end: u64) -> Message<'static> {
        Message::SignedIntegrity {
            spec: self.spec(start, end),
            timestamp: ntp(),
            signature: noise_of(self.signature_length.expect("a live layout")),
        }
    }

    fn data(&self, chunk: u64) -> Message<'static> {
        self.data_of(chunk, chunk, self.chunk_size.or_assumed() as usize)
    }

    fn data_of(&self, start: u64, end: u64, length: usize) -> Message<'static> {
        let spec = match (self.addressing, self.spec(start, end)) {
            // A byte range ends where its bytes do.
            (ChunkAddressing::Byte64, ChunkSpec::Byte64 { start, .. }) => ChunkSpec::Byte64 {
                start,
                end: (start + length as u64).saturating_sub(1),
            },
            (_, spec) => spec,
        };
        Message::Data {
            spec,
            timestamp: self.data_timestamp.then(|| clock(0)),
            data: noise_of(length),
            data_length: length,
        }
    }
}

pub(crate) fn have(start: u64, end: u64) -> Message<'static> {
    STATIC.have(start, end)
}

pub(crate) fn request(start: u64, end: u64) -> Message<'static> {
    STATIC.request(start, end)
}

pub(crate) fn cancel(start: u64, end: u64) -> Message<'static> {
    STATIC.cancel(start, end)
}

pub(crate) fn ack(start: u64, end: u64) -> Message<'static> {
    STATIC.ack(start, end)
}

pub(crate) fn integrity(start: u64, end: u64) -> Message<'static> {
    STATIC.integrity(start, end)
}

pub(crate) fn data(chunk: u64) -> Message<'static> {
    STATIC.data(chunk)
}

/// A HANDSHAKE.
pub(crate) fn handshake<'m>(source_channel: u32, options: &[ProtocolOption<'m>]) -> Message<'m> {
    Message::Handshake(Handshake {
        source_channel: ChannelId(source_channel),
        options: options.to_vec(),
        has_end: true,
    })
}

/// A closing HANDSHAKE.
pub(crate) fn close() -> Message<'static> {
    handshake(0, &[])
}

/// A HANDSHAKE whose list is not ended.
pub(crate) fn endless<'m>(source_channel: u32, options: &[ProtocolOption<'m>]) -> Message<'m> {
    Message::Handshake(Handshake {
        source_channel: ChannelId(source_channel),
        options: options.to_vec(),
        has_end: false,
    })
}

/// Legacy swift's HANDSHAKE, which has no options and no end.
pub(crate) fn bare_handshake(source_channel: u32) -> Message<'static> {
    handshake(source_channel, &[])
}

/// Everything that the initiator must say of static content.
pub(crate) fn options() -> Options {
    options_in(&STATIC, swarm())
}

/// The same for other widths and another swarm.
pub(crate) fn options_in(layout: &Layout, id: &'static [u8]) -> Options {
    let mut options = vec![
        ProtocolOption::Version(1),
        ProtocolOption::MinimumVersion(1),
        ProtocolOption::SwarmId(id),
        ProtocolOption::ContentIntegrity(ContentIntegrity::Merkle),
        ProtocolOption::HashFunction(layout.hash_function),
        ProtocolOption::ChunkAddressing(layout.addressing),
    ];
    options.extend(layout.chunk_size.to_option().map(ProtocolOption::ChunkSize));
    options
}

/// Everything that the initiator must say of a live stream.
pub(crate) fn live_options() -> Options {
    live_options_in(&LIVE, &KEY)
}

/// The same for other widths and another key.
pub(crate) fn live_options_in(layout: &Layout, id: &'static [u8]) -> Options {
    let window = match DiscardWindow::is_wide(layout.addressing) {
        Some(true) => DiscardWindow::Bits64(u64::MAX),
        _ => DiscardWindow::Bits32(u32::MAX),
    };
    let algorithm = SignatureAlgorithm::from_code(id[0]);
    options_in(layout, id)
        .with(ProtocolOption::ContentIntegrity(
            ContentIntegrity::UnifiedMerkle,
        ))
        .with(ProtocolOption::SignatureAlgorithm(algorithm))
        .with(ProtocolOption::LiveDiscardWindow(window))
}

/// What libswift says: no chunk size; in a live stream no hash function either.
pub(crate) fn libswift(options: Options) -> Options {
    options.without(OptionCode::ChunkSize)
}

/// Changing a list of options.
pub(crate) trait Change {
    fn without(self, code: OptionCode) -> Self;
    /// In its place in the order, or instead of one with the same code.
    fn with(self, option: ProtocolOption<'static>) -> Self;
    /// What a responder says: no swarm, no minimum version.
    fn reply(self) -> Self;
}

impl Change for Options {
    fn without(mut self, code: OptionCode) -> Self {
        self.retain(|option| option.code() != code);
        self
    }

    fn with(self, option: ProtocolOption<'static>) -> Self {
        let mut options = self.without(option.code());
        options.push(option);
        options.sort_by_key(|option| option.code().code());
        options
    }

    fn reply(self) -> Self {
        self.without(OptionCode::SwarmId)
            .without(OptionCode::MinimumVersion)
    }
}

/// How legacy swift writes.
pub(crate) fn legacy() -> Layout {
    Layout::of_dialect(&dialect::LEGACY_SWIFT)
}

impl Talk {
    /// Alice opens a channel to Bob with these options and these messages behind them.
    pub(crate) fn open(
        &mut self,
        alice: &[ProtocolOption<'_>],
        bob: &[ProtocolOption<'_>],
        progress: &[Message<'_>],
    ) -> &mut Self {
        self.from(ALICE)
            .to(BOB)
            .channel(0)
            .send([handshake(A, alice)]);
        let mut reply = vec![handshake(B, bob)];
        reply.extend_from_slice(progress);
        self.from(BOB).to(ALICE).channel(A).send(&reply);
        self
    }

    /// A channel to Bob, who has the chunks 0 to 7 of static content.
    pub(crate) fn download(&mut self) -> &mut Self {
        self.open(&options(), &options().reply(), &[have(0, 7)])
    }

    /// A download whose first chunk has come: peaks are known, nothing is owed.
    pub(crate) fn under_way(&mut self) -> &mut Self {
        self.download();
        self.alice([request(0, 7)]);
        self.bob([
            integrity(0, 7),
            integrity(4, 7),
            integrity(2, 3),
            integrity(1, 1),
            data(0),
        ]);
        self.alice([ack(0, 0)]);
        self
    }

    /// A channel to Bob, who injects a live stream and has announced nothing yet.
    pub(crate) fn live(&mut self) -> &mut Self {
        self.layout = LIVE;
        self.open(&live_options(), &live_options().reply(), &[])
    }
}
