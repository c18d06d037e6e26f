//! Every finding of the catalogue: a conversation that raises it, and one
//! close by that is right and does not.

mod channel;
mod chunks;
mod data;
mod docs;
mod handshake;
mod integrity;
mod notes;
mod pex;
mod verification;

use std::collections::BTreeSet;

use ppspp_dissector::finding::{CATALOGUE, FindingId};

use super::support::Talk;

/// What a finding points at.
#[derive(Clone, Copy, Debug)]
enum At {
    /// The whole datagram, or the channel.
    Datagram,
    /// The message of this number in its datagram.
    Message(usize),
    /// This byte: bytes that are no message.
    Byte(usize),
}

/// One test of one finding.
struct Case {
    name: &'static str,
    at: At,
    raises: fn(&mut Talk),
    does_not: fn(&mut Talk),
}

const fn case(name: &'static str, at: At, raises: fn(&mut Talk), does_not: fn(&mut Talk)) -> Case {
    Case {
        name,
        at,
        raises,
        does_not,
    }
}

fn cases() -> impl Iterator<Item = &'static Case> {
    [
        channel::CASES,
        handshake::CASES,
        chunks::CASES,
        data::CASES,
        integrity::CASES,
        pex::CASES,
        notes::CASES,
        verification::CASES,
    ]
    .into_iter()
    .flatten()
}

#[test]
fn every_finding_of_the_catalogue_has_a_conversation() {
    let tested: BTreeSet<_> = cases().map(|case| case.name).collect();
    for entry in CATALOGUE {
        assert!(tested.contains(entry.name), "nothing raises {}", entry.name);
    }
    for name in tested {
        assert!(FindingId::by_name(name).is_some(), "{name} is no finding");
    }
}

#[test]
fn every_finding_is_raised_where_it_should_be() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut talk = Talk::default();
        (case.raises)(&mut talk);
        let found = talk
            .seen()
            .iter()
            .find_map(|seen| Some((seen, seen.finding(case.name)?)));
        let Some((seen, finding)) = found else {
            wrong.push(format!(
                "{} is not raised: {:?}",
                case.name,
                talk.findings()
            ));
            continue;
        };
        let expected = match case.at {
            At::Datagram => None,
            At::Message(index) => Some(seen.offsets[index]),
            At::Byte(offset) => Some(offset),
        };
        if finding.offset != expected {
            let found = finding.offset;
            wrong.push(format!("{} at {found:?}, not {expected:?}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_finding_is_raised_where_all_is_right() {
    let mut wrong = Vec::new();
    for case in cases() {
        let mut talk = Talk::default();
        (case.does_not)(&mut talk);
        assert!(!talk.seen().is_empty(), "{} has no conversation", case.name);
        if talk.count(case.name) > 0 {
            wrong.push(case.name);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_finding_says_what_it_is_about() {
    for case in cases() {
        let mut talk = Talk::default();
        (case.raises)(&mut talk);
        for finding in talk.seen().iter().flat_map(|seen| &seen.findings) {
            let text = finding.to_string();
            assert!(text.starts_with(finding.id.entry().text), "{text}");
        }
    }
}
