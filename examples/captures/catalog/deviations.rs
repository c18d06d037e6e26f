//! Deliberate violations of the RFC, one after the other.

use ppspp_dissector::wire::{
    ChannelId, ChunkAddressing, ChunkRange, ChunkSpec, ContentIntegrity, Handshake, HashFunction,
    Message, OptionCode, ProtocolOption,
};

use super::content::pseudo_random;
use super::script::{Peer, Script, hex};
use super::swarm::{Channel, StaticSwarm, handshake, layout, range};

const LEECHER: &str = "203.0.113.5:45001";
const SEEDER: &str = "198.51.100.66:6778";

/// All 14 message types, and a zero byte too many.
const PADDED_BITMAP: &[u8] = &[0xff, 0xfc, 0];

/// First broken handshakes, each on a channel of its own, then broken
/// messages on a channel that was opened well.
pub(crate) fn script() -> Script {
    let mut script = Script::new(
        "deviations.pcap",
        "rfc7574",
        "A collection of deliberate violations, each with its frame below: broken handshakes on \
         channels of their own, then broken messages on one channel that was opened well. \
         Nothing here makes an analyzer stop.",
    );
    let swarm = StaticSwarm::new(
        layout(ChunkAddressing::Chunk32, HashFunction::Sha256, 1024),
        pseudo_random(66, 5 * 1024 - 1),
    );
    broken_handshakes(&mut script, &swarm);
    let mut channel = Channel::new(
        &swarm,
        Peer::new(LEECHER, 0x44d0_9a3f),
        Peer::new(SEEDER, 0xe17b_258c),
    );
    script.wait(50_000);
    channel.open(&mut script);
    broken_transfer(&mut script, &mut channel);
    broken_datagrams(&mut script, &channel);
    broken_close(&mut script, &channel);

    script.fact(format!(
        "Swarm: `{}`, 5 chunks, of which 0 to 3 verify; chunk 4 comes damaged",
        hex(swarm.id())
    ));
    script.fact(channel.fact());
    script
}

/// One try to open a channel: its options, and what is wrong with them.
fn attempt<'a>(
    script: &mut Script,
    swarm: &'a StaticSwarm,
    source_channel: u32,
    change: impl FnOnce(&mut Vec<ProtocolOption<'a>>),
    note: &'static str,
) {
    let mut options = swarm.options(true);
    change(&mut options);
    let leecher = Peer::new(LEECHER, source_channel);
    Channel::new(swarm, leecher, Peer::new(SEEDER, 0)).initiate(script, options, &[]);
    script.note(note);
    script.wait(20_000);
}

fn broken_handshakes(script: &mut Script, swarm: &StaticSwarm) {
    let without = |options: &mut Vec<ProtocolOption<'_>>, code: OptionCode| {
        options.retain(|option| option.code() != code);
    };
    attempt(
        script,
        swarm,
        0x9f3c_1b01,
        |options| without(options, OptionCode::ChunkSize),
        "The chunk size is missing (7.11)",
    );
    attempt(
        script,
        swarm,
        0x27a8_5e02,
        |options| without(options, OptionCode::MinimumVersion),
        "The initiator's minimum version is missing (7.3)",
    );
    attempt(
        script,
        swarm,
        0xd261_8703,
        |options| without(options, OptionCode::SwarmId),
        "The initiator names no swarm (7.4)",
    );
    attempt(
        script,
        swarm,
        0x5b0e_f404,
        |options| options.reverse(),
        "The options are not sorted, the version is not first (7, 7.2)",
    );
    attempt(
        script,
        swarm,
        0xc897_3205,
        |options| options.insert(1, ProtocolOption::Version(1)),
        "The version comes twice (7)",
    );
    attempt(
        script,
        swarm,
        0x316f_dd06,
        |options| {
            options.retain(|option| option.code() != OptionCode::ContentIntegrity);
            options.insert(
                3,
                ProtocolOption::ContentIntegrity(ContentIntegrity::from_code(9)),
            );
        },
        "Content integrity protection method 9 is unassigned (7.5)",
    );
    attempt(
        script,
        swarm,
        0x8e45_7607,
        |options| options.insert(6, ProtocolOption::SupportedMessages(PADDED_BITMAP)),
        "The bitmap of supported messages is not cut behind its last non-zero byte (7.10)",
    );
    attempt(
        script,
        swarm,
        0xf4d2_c908,
        |options| options[0] = ProtocolOption::Version(2),
        "Version 2, which is unassigned (7.2)",
    );

    // What follows has no encoding as values, or another than `attempt` makes.
    let leecher = Peer::new(LEECHER, 0x6a1b_e409);
    let zero = Peer::new(SEEDER, 0);
    let no_end = Message::Handshake(Handshake {
        source_channel: leecher.channel,
        options: swarm.options(true),
        has_end: false,
    });
    script.send(leecher, zero, &swarm.layout, &[no_end]);
    script.note("The end option is missing (7.1)");
    script.wait(20_000);

    let mut unknown = vec![0, 0, 0, 0, 0, 0x15, 0x9c, 0x70, 0x0a];
    unknown.extend_from_slice(&[0, 1, 1, 1, 42, 7, 255]);
    script.send_bytes(leecher, zero, &swarm.layout, unknown);
    script.note("Option 42 is unknown, so nobody knows how long it is (Table 2)");
    script.wait(20_000);

    let eager = Peer::new(LEECHER, 0xb7f0_630b);
    Channel::new(swarm, eager, zero).initiate(
        script,
        swarm.options(true),
        &[Message::Have(swarm.spec(ChunkRange::single(0)))],
    );
    script.note("HAVE before the handshake is complete (3.2)");
}

fn broken_transfer(script: &mut Script, channel: &mut Channel<'_>) {
    let swarm = channel.swarm;
    let request = |chunks| Message::Request(swarm.spec(chunks));
    script.wait(500);
    channel.request(script, range(0, 4));

    // Chunk 0: hashes from the leaves upwards instead of downwards.
    script.wait(23_000);
    let (_, uncles) = channel.missing_hashes(0);
    let mut messages: Vec<_> = swarm.peaks().collect();
    messages.extend(uncles.into_iter().map(|node| swarm.integrity(node)));
    messages.push(swarm.data(0, script.now() - 11_000));
    channel.seeder_sends(script, &messages);
    script.note("Uncle hashes in ascending order (5.4)");
    channel.acknowledge(script, 0);

    // Chunk 1: a message behind DATA.
    script.wait(23_000);
    let messages = [swarm.data(1, script.now() - 11_000), Message::Unchoke];
    channel.seeder_sends(script, &messages);
    script.note("The only DATA of a datagram is not at its tail (8.6)");
    let _ = channel.acknowledgement(script, 1);
    let ack = Message::Ack {
        spec: swarm.spec(ChunkRange::single(1)),
        delay: 11_000,
    };
    channel.leecher_sends(script, &[ack, Message::Have(swarm.spec(range(0, 1)))]);
    script.note(
        "ACK of less than the biggest complete interval (4.3.2), HAVE to a peer that has \
         everything (3.2)",
    );

    // Choking.
    script.wait(3_000);
    channel.seeder_sends(script, &[Message::Choke]);
    script.wait(40_000);
    channel.leecher_sends(script, &[request(range(2, 3))]);
    script.note("REQUEST while choked (3.9)");
    script.wait(40_000);
    channel.seeder_sends(script, &[Message::Unchoke]);
    script.wait(400);
    channel.leecher_sends(script, &[request(range(2, 4))]);

    channel.serve(script, 2);
    channel.acknowledge(script, 2);
    channel.serve(script, 3);
    channel.acknowledge(script, 3);

    // Chunk 4: one bit is wrong.
    script.wait(23_000);
    let mut damaged = swarm.chunk(4).to_vec();
    damaged[500] ^= 0x10;
    let data = Message::Data {
        spec: swarm.spec(ChunkRange::single(4)),
        timestamp: Some(script.now() - 11_000),
        data: &damaged,
        data_length: damaged.len(),
    };
    channel.seeder_sends(script, &[data]);
    script.note("Chunk 4 does not match its hash (5.2)");

    script.wait(1_000_000);
    channel.leecher_sends(script, &[request(range(4, 9))]);
    script.note("REQUEST for chunks beyond the content");
    let reversed = Message::Request(ChunkSpec::Chunk32 { start: 4, end: 2 });
    script.wait(1_000);
    channel.leecher_sends(script, &[reversed]);
    script.note("A range that ends before it starts (4.1)");
    script.wait(1_000);
    channel.leecher_sends(script, &[Message::PexReq]);
    script.wait(24_000);
    let peers = [
        Message::PexResV4 {
            address: [192, 168, 1, 7].into(),
            port: 6778,
        },
        Message::PexResV6 {
            address: "fe80::7".parse().expect("a link-local address"),
            port: 6778,
        },
    ];
    channel.seeder_sends(script, &peers);
    script.note("A private and a link-local address sent to a peer with a public one (8.13)");
}

fn broken_datagrams(script: &mut Script, channel: &Channel<'_>) {
    let swarm = channel.swarm;
    let (leecher, seeder) = (channel.leecher, channel.seeder);
    let to_seeder = |script: &mut Script, rest: &[u8], note: &'static str| {
        let mut bytes = seeder.channel.0.to_be_bytes().to_vec();
        bytes.extend_from_slice(rest);
        script.wait(5_000);
        script.send_bytes(leecher, seeder, &swarm.layout, bytes);
        script.note(note);
    };
    to_seeder(
        script,
        &[6, 99, 1, 2, 3],
        "PEX_REQ, then message type 99, which nobody knows (Table 7)",
    );
    to_seeder(
        script,
        &[255],
        "Message type 255, which is reserved (Table 7)",
    );
    to_seeder(
        script,
        &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x2b],
        "An ACK that ends within its delay sample (8.7)",
    );
    script.wait(5_000);
    script.send_bytes(leecher, seeder, &swarm.layout, vec![0xe1, 0x7b]);
    script.note("A datagram of two bytes, too short for a channel ID (8.3)");
    script.wait(5_000);
    script.send_bytes(leecher, seeder, &swarm.layout, Vec::new());
    script.note("An empty datagram (8.3)");
    script.wait(5_000);
    script.send_bytes(leecher, seeder, &swarm.layout, vec![0; 4]);
    script.note("A keep-alive on channel 0, which is nobody's (8.14)");
    let stranger = Peer {
        channel: ChannelId(0x0bad_cafe),
        ..seeder
    };
    script.wait(5_000);
    let have = Message::Have(swarm.spec(ChunkRange::single(0)));
    script.send(leecher, stranger, &swarm.layout, &[have]);
    script.note("A channel that no handshake opened (3.11)");
}

fn broken_close(script: &mut Script, channel: &Channel<'_>) {
    script.wait(5_000);
    let options = vec![
        ProtocolOption::Version(1),
        ProtocolOption::ChunkAddressing(ChunkAddressing::Chunk32),
    ];
    channel.leecher_sends(script, &[handshake(ChannelId::ZERO, options)]);
    script.note("A closing handshake with more options than the version (8.4)");
    script.wait(60_000);
    channel.seeder_sends(script, &[Message::Have(channel.swarm.spec(range(0, 4)))]);
    script.note("A message on a channel that was closed (8.4)");
}
