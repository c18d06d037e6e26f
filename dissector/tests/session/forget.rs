//! Beginning anew while datagrams go on coming.

use ppspp_dissector::session::{Time, Verdict};

use crate::content::{chunk, hash};
use crate::support::{ALICE, BOB, CAROL, Talk};
use crate::words::{Change, close, handshake, options, request};

const MINUTE: i64 = 60_000_000_000;

#[test]
fn open_channels_go_on_being_understood_and_verified() {
    let mut talk = Talk::default();
    talk.ask_for_content();
    let peaks = [hash(0, 7), hash(4, 7), hash(2, 3), hash(1, 1), chunk(0)];
    talk.bob(&peaks);
    talk.analyzer.forget(None);
    let swarm = talk.swarm();
    assert_eq!((swarm.seen.len(), swarm.data_messages), (0, 0));
    assert!(swarm.id.is_some());
    let verification = swarm.verification.as_deref().expect("proven hashes");
    assert!(verification.verified().is_empty() && verification.messages().is_empty());
    assert_eq!(talk.channel().datagrams, 0);
    assert_eq!(talk.analyzer.totals().datagrams, 0);
    assert_eq!(talk.analyzer.finding_counts().count(), 0);
    // Its sibling was sent before, and no hash comes with it.
    let seen = talk.bob(&[chunk(1)]);
    assert_eq!(seen.verdicts, [Verdict::Verified]);
    assert!(seen.swarm.is_some());
    assert_eq!(talk.channel().datagrams, 1);
    let verification = talk.swarm().verification.as_deref();
    assert_eq!(verification.map(|found| found.verified().len()), Some(1));
}

#[test]
fn channels_that_are_over_are_forgotten_with_their_swarms() {
    let mut talk = Talk::default();
    talk.open(&options(), &options().reply(), &[]);
    talk.alice([close()]);
    let other = [0x5a; 20].as_slice();
    let named = crate::words::options_in(&crate::words::STATIC, other);
    talk.from(CAROL).to(BOB).send([handshake(77, &named)]);
    assert_eq!((talk.channels().len(), talk.swarms().len()), (2, 2));
    talk.analyzer.forget(None);
    assert_eq!((talk.channels().len(), talk.swarms().len()), (1, 1));
    assert_eq!(talk.swarm().id.as_deref(), Some(other));
    assert_eq!(talk.swarm().peers().count(), 2);
    // The answer finds the channel, which has another place by now.
    let seen = talk
        .from(BOB)
        .to(CAROL)
        .channel(77)
        .send([handshake(99, &named.clone().reply())]);
    assert_eq!(seen.swarm.as_deref(), Some(other));
    let seen = talk.from(CAROL).to(BOB).channel(99).send([request(0, 0)]);
    assert_eq!(seen.swarm.as_deref(), Some(other));
    assert_eq!(talk.channels().len(), 1);
    // The closed one is opened like one that never was.
    talk.from(ALICE).to(BOB).send([handshake(5, &options())]);
    assert_eq!((talk.channels().len(), talk.swarms().len()), (2, 2));
}

#[test]
fn a_channel_that_was_silent_for_three_minutes_is_over() {
    for (minutes, left) in [(2, 1), (4, 0)] {
        let mut talk = Talk::default();
        talk.download();
        let last = talk.now();
        let now = Time::from_nanoseconds(last + minutes * MINUTE);
        talk.analyzer.forget(Some(now));
        assert_eq!(talk.channels().len(), left, "after {minutes} minutes");
    }
}

#[test]
fn forgetting_again_and_again_gives_every_place_back() {
    let mut talk = Talk::default();
    for round in 0..3_u32 {
        for number in 0..10_000_u32 {
            let id = round * 10_000 + number + 1;
            talk.from(ALICE).to(BOB).send([handshake(id, &options())]);
            talk.from(ALICE).to(BOB).channel(0).send([close()]);
        }
        let later = Time::from_nanoseconds(talk.now() + 4 * MINUTE);
        assert_eq!(talk.channels().len(), 10_000, "no cap was reached");
        talk.analyzer.forget(Some(later));
        assert_eq!(talk.channels().len(), 0);
    }
}
