//! Channels: opened, named, closed, opened again, opened twice.

use ppspp_dissector::session::State;
use ppspp_dissector::wire::{ChannelId, ContentIntegrity, HashFunction, ProtocolOption};

use super::support::{A, ALICE, B, BOB, CAROL, Talk};
use super::words::{
    Change, STATIC, ack, close, data, endless, handshake, have, integrity, noise_of, options,
    options_in, request, root, swarm,
};

const OTHER: u32 = 0x7788_1122;

#[test]
fn a_channel_is_found_from_the_handshakes_of_both_sides() {
    let mut talk = Talk::default();
    talk.download();
    let third = talk.alice([request(0, 0)]);
    assert_eq!(
        third.channel,
        Some((Some(ChannelId(A)), Some(ChannelId(B))))
    );
    assert_eq!(third.swarm.as_deref(), Some(swarm()));
    assert_eq!(talk.channel().state, State::Established);
    let back = talk.bob([integrity(0, 7), data(0)]);
    assert_eq!(back.swarm.as_deref(), Some(swarm()));
    assert_ne!(back.sender, third.sender);
    assert_eq!(talk.channel().datagrams, 4);
    talk.assert_read_as_sent();
}

#[test]
fn many_swarms_share_one_pair_of_sockets() {
    let mut talk = Talk::default();
    let functions = HashFunction::ASSIGNED;
    for (index, &function) in (0u32..).zip(functions) {
        let id = 0x1357_0000 * (index + 1) + 77;
        let options =
            options_in(&STATIC, root(function)).with(ProtocolOption::HashFunction(function));
        talk.from(ALICE).to(BOB).send([handshake(id, &options)]);
        talk.from(BOB)
            .to(ALICE)
            .channel(id)
            .send([handshake(!id, &options.clone().reply()), have(0, 3)]);
    }
    for (index, &function) in (0u32..).zip(functions) {
        let id = 0x1357_0000 * (index + 1) + 77;
        let seen = talk.from(ALICE).to(BOB).channel(!id).send([request(0, 0)]);
        assert_eq!(seen.swarm.as_deref(), Some(root(function)));
        assert_eq!(seen.layout.hash_function, function);
    }
    assert_eq!(talk.channels().len(), functions.len());
    assert_eq!(talk.swarms().len(), functions.len());
}

#[test]
fn a_responder_may_leave_the_swarm_out_or_name_it() {
    for reply in [options().reply(), options()] {
        let mut talk = Talk::default();
        talk.open(&options(), &reply, &[]);
        assert_eq!(talk.seen()[1].swarm.as_deref(), Some(swarm()));
        assert_eq!(talk.swarms().len(), 1);
        assert_eq!(talk.findings(), [""; 0]);
    }
}

#[test]
fn a_responder_that_names_another_swarm_stays_in_the_initiators() {
    let mut talk = Talk::default();
    let other = noise_of(32);
    talk.open(&options(), &options_in(&STATIC, other), &[]);
    assert!(talk.seen()[1].has("handshake.swarm-id-differs"));
    assert_eq!(talk.seen()[1].swarm.as_deref(), Some(swarm()));
    assert_eq!(talk.swarms().len(), 1);
}

#[test]
fn either_side_may_close_with_or_without_the_end_option() {
    for by in [ALICE, BOB] {
        for message in [
            close(),
            handshake(0, &[ProtocolOption::Version(1)]),
            endless(0, &[]),
        ] {
            let mut talk = Talk::default();
            talk.under_way();
            let ended = message != endless(0, &[]);
            let seen = if by == ALICE {
                talk.alice([message])
            } else {
                talk.bob([message])
            };
            assert_eq!(seen.has("handshake.end-missing"), !ended);
            assert_eq!(talk.channel().closed_by(), Some(by));
        }
    }
}

#[test]
fn a_close_is_not_taken_for_a_new_channel_of_either_side() {
    let mut talk = Talk::default();
    talk.under_way();
    talk.alice([close()]);
    talk.bob([close()]);
    assert_eq!(talk.channel().closed_by(), Some(ALICE));
    assert_eq!(talk.findings(), [""; 0]);
}

#[test]
fn a_refusal_to_channel_zero_belongs_to_the_channel_that_waits() {
    let mut talk = Talk::default();
    talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    let seen = talk.from(BOB).to(ALICE).send([close()]);
    assert!(seen.has("handshake.close-to-channel-zero"));
    assert_eq!(seen.channel, Some((Some(ChannelId(A)), None)));
    assert_eq!(talk.channels().len(), 1);
}

#[test]
fn an_id_may_be_used_again_after_the_channel_was_closed() {
    let mut talk = Talk::default();
    talk.under_way();
    talk.alice([close()]);
    talk.wait(5_000);
    talk.download();
    let seen = talk.alice([request(0, 0)]);
    assert_eq!(talk.channels().len(), 2);
    assert_eq!(talk.channels()[1].datagrams, 3);
    assert!(!seen.has("channel.used-after-close"));
    assert_eq!(talk.count("channel.id-in-use"), 0);
    assert_eq!(talk.count("handshake.retransmitted"), 0);
}

#[test]
fn an_id_used_again_while_the_channel_is_open_makes_a_new_channel() {
    let mut talk = Talk::default();
    talk.under_way();
    talk.wait(60_000);
    let seen = talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    assert!(seen.has("channel.id-in-use"));
    assert_eq!(talk.channels().len(), 2);
}

#[test]
fn a_repeated_first_handshake_is_one_channel() {
    let mut talk = Talk::default();
    for _ in 0..3 {
        talk.wait(1_200);
        talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    }
    assert_eq!(talk.count("handshake.retransmitted"), 2);
    assert_eq!(talk.channel().datagrams, 3);
    assert_eq!(talk.channel().state, State::HalfOpen);
}

#[test]
fn a_repeated_reply_is_one_channel() {
    let mut talk = Talk::default();
    talk.download();
    for _ in 0..2 {
        talk.wait(1_200);
        let seen = talk.bob([handshake(B, &options().reply()), have(0, 7)]);
        assert_eq!(seen.findings(), ["handshake.retransmitted"]);
    }
    talk.alice([request(0, 0)]);
    assert_eq!(talk.channel().datagrams, 5);
}

#[test]
fn delayed_copies_of_both_handshakes_change_nothing() {
    let mut talk = Talk::default();
    talk.download();
    talk.alice([request(0, 7)]);
    let first = talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    assert_eq!(first.findings(), ["handshake.retransmitted"]);
    let reply = talk.bob([handshake(B, &options().reply()), have(0, 7)]);
    assert_eq!(reply.findings(), ["handshake.retransmitted"]);
    assert_eq!(talk.channel().state, State::Established);
    assert_eq!(talk.channel().datagrams, 5);
}

#[test]
fn a_responder_that_answers_twice_with_different_ids_keeps_one_channel() {
    let mut talk = Talk::default();
    talk.download();
    let seen = talk.bob([handshake(OTHER, &options().reply()), have(0, 7)]);
    assert!(seen.has("handshake.reply-channel-differs"));
    for id in [B, OTHER] {
        let seen = talk.from(ALICE).to(BOB).channel(id).send([request(0, 0)]);
        assert_eq!(seen.swarm.as_deref(), Some(swarm()));
    }
    assert_eq!(talk.channel().datagrams, 5);
}

#[test]
fn options_declared_again_replace_the_old_ones() {
    let mut talk = Talk::default();
    talk.under_way();
    talk.wait(5_000);
    let bins = ppspp_dissector::wire::ChunkAddressing::Bin32;
    let again = options().with(ProtocolOption::ChunkAddressing(bins));
    let seen = talk.alice([handshake(A, &again)]);
    assert!(seen.has("handshake.repeated"), "{:?}", seen.findings());
    let layout = ppspp_dissector::wire::Layout {
        addressing: bins,
        ..STATIC
    };
    let seen = talk.from(ALICE).to(BOB).channel(B).in_layout(layout).send([
        ppspp_dissector::wire::Message::Request(ppspp_dissector::wire::ChunkSpec::Bin32(3)),
    ]);
    assert!(seen.as_sent);
    assert_eq!(talk.channels().len(), 1);
}

#[test]
fn an_initiator_that_changes_its_id_keeps_its_channel() {
    let mut talk = Talk::default();
    talk.under_way();
    talk.wait(5_000);
    let seen = talk.alice([handshake(OTHER, &options())]);
    assert!(seen.has("handshake.repeated"));
    assert!(!seen.has("handshake.reply-channel-differs"));
    let seen = talk.from(BOB).to(ALICE).channel(OTHER).send([data(1)]);
    assert_eq!(seen.swarm.as_deref(), Some(swarm()));
    assert_eq!(talk.channels().len(), 1);
}

/// Alice and Bob open channels to each other at the same time.
fn both_open() -> Talk {
    let mut talk = Talk::default();
    talk.from(ALICE).to(BOB).send([handshake(A, &options())]);
    talk.from(BOB).to(ALICE).send([handshake(B, &options())]);
    talk
}

#[test]
fn handshakes_that_cross_and_are_both_answered_are_two_channels() {
    let mut talk = both_open();
    talk.from(BOB)
        .to(ALICE)
        .channel(A)
        .send([handshake(0x2222_0202, &options().reply()), have(0, 7)]);
    talk.from(ALICE)
        .to(BOB)
        .channel(B)
        .send([handshake(0x1111_0101, &options().reply())]);
    let one = talk
        .from(ALICE)
        .to(BOB)
        .channel(0x2222_0202)
        .send([request(0, 0)]);
    let two = talk
        .from(BOB)
        .to(ALICE)
        .channel(0x1111_0101)
        .send([have(0, 7)]);
    assert_ne!(one.channel, two.channel);
    assert_eq!(talk.channels().len(), 2);
    assert_eq!(talk.count("channel.simultaneous-open"), 0);
    assert!(talk.channels().iter().all(|channel| channel.datagrams == 3));
}

#[test]
fn handshakes_that_cross_and_are_not_answered_become_one_channel() {
    for first in [ALICE, BOB] {
        let mut talk = both_open();
        let seen = if first == ALICE {
            talk.alice([have(0, 7)])
        } else {
            talk.bob([have(0, 7)])
        };
        assert!(seen.has("channel.simultaneous-open"));
        assert_eq!(seen.channel, Some((Some(ChannelId(A)), Some(ChannelId(B)))));
        talk.bob([request(0, 0)]);
        talk.alice([integrity(0, 7), data(0)]);
        talk.bob([ack(0, 0)]);
        assert_eq!(talk.channel().datagrams, 6, "first {first}");
        assert_eq!(talk.swarms().len(), 1);
        talk.assert_read_as_sent();
    }
}

#[test]
fn three_peers_have_a_channel_for_each_pair() {
    let mut talk = Talk::default();
    talk.download();
    talk.from(CAROL).to(BOB).send([handshake(A, &options())]);
    let seen = talk
        .from(BOB)
        .to(CAROL)
        .channel(A)
        .send([handshake(OTHER, &options().reply())]);
    assert_eq!(
        seen.channel,
        Some((Some(ChannelId(A)), Some(ChannelId(OTHER))))
    );
    assert_eq!(talk.channels().len(), 2);
    assert_eq!(talk.swarm().peers().count(), 3);
    assert_eq!(
        talk.swarm().content_integrity,
        Some(ContentIntegrity::Merkle)
    );
}

#[test]
fn a_copy_half_a_second_late_is_a_copy_and_a_minute_late_it_is_not() {
    for (ms, name) in [
        (400, "handshake.retransmitted"),
        (60_000, "handshake.repeated"),
    ] {
        let mut talk = Talk::default();
        talk.download();
        talk.alice([request(0, 7)]);
        let copy = [handshake(B, &options().reply()), have(0, 7)];
        let seen = talk.from(BOB).to(ALICE).channel(A).at(ms).send(copy);
        assert_eq!(seen.findings(), [name]);
    }
}

#[test]
fn a_capture_without_times_is_followed_all_the_same() {
    let mut talk = Talk::default();
    let first = [handshake(A, &options())];
    talk.from(ALICE).to(BOB).untimed().send(first);
    let reply = [handshake(B, &options().reply()), have(0, 7)];
    talk.from(BOB).to(ALICE).channel(A).untimed().send(reply);
    talk.from(ALICE)
        .to(BOB)
        .channel(B)
        .untimed()
        .send([request(0, 0)]);
    let chunk = [integrity(0, 7), data(0)];
    talk.from(BOB).to(ALICE).channel(A).untimed().send(chunk);
    talk.from(ALICE)
        .to(BOB)
        .channel(B)
        .untimed()
        .send([ack(0, 0)]);
    assert_eq!(talk.findings(), [""; 0]);
    talk.assert_read_as_sent();
}

#[test]
fn a_datagram_cut_by_the_capture_is_no_fault_of_its_sender() {
    let mut talk = Talk::default();
    talk.under_way();
    for bytes in [4, 5, 20, 96, 500] {
        let sending = talk.from(BOB).to(ALICE).channel(A).cut_to(bytes);
        let seen = sending.send([integrity(4, 7), data(1)]);
        assert!(seen.is_ppspp && seen.fault.is_none());
        assert!(seen.cut, "{bytes}: {seen:#?}");
    }
    assert_eq!(talk.analyzer.totals().malformed, 0);
    assert_eq!(talk.channel().datagrams, 10);
}
