//! What must hold of any datagrams, whatever they follow. An input is a row of
//! pieces: a byte of flags, two bytes of length, so many bytes of datagram.

use std::net::{Ipv4Addr, SocketAddr};

use ppsp_inspect::capture::Counters;
use ppspp_dissector::session::{Analyzer, Datagram, Record, Time, Transport, recycle};

use super::outputs::Outputs;

/// Bytes in front of a datagram.
const HEADER: usize = 3;
/// Two of four ends: the lowest bit tells the direction.
const ENDS: u8 = 0b11;
/// The datagram was longer than its bytes.
const CUT: u8 = 0b100;
/// It came over TCP.
const TCP: u8 = 0b1000;
/// The capture tells no time.
const TIMELESS: u8 = 0b1_0000;
/// A minute has passed.
const LATE: u8 = 0b10_0000;

/// Splits an input into flags and datagrams; the last one may be short.
fn pieces(mut input: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let ([flags, high, low], rest) = input.split_first_chunk::<HEADER>()?;
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (payload, rest) = rest.split_at(length);
        input = rest;
        Some((*flags, payload))
    })
}

fn end(number: u8) -> SocketAddr {
    SocketAddr::from((
        Ipv4Addr::new(192, 0, 2, 1 + number),
        6778 + u16::from(number),
    ))
}

pub(crate) fn check(input: &[u8]) {
    let mut out = std::io::sink();
    let mut outputs = Outputs::new(&mut out);
    let mut analyzer = Analyzer::default();
    let mut counters = Counters::default();
    let mut room = Vec::new();
    let mut nanoseconds = 1_795_322_041_000_000_000;
    let mut shown = 0;
    for (flags, payload) in pieces(input) {
        nanoseconds += if flags & LATE == 0 {
            1_000_000
        } else {
            60_000_000_000
        };
        counters.frames += 1;
        let ends = flags & ENDS;
        let datagram = Datagram {
            frame: counters.frames,
            time: (flags & TIMELESS == 0).then_some(Time::from_nanoseconds(nanoseconds)),
            source: end(ends),
            destination: end(ends ^ 1),
            transport: if flags & TCP == 0 {
                Transport::Udp
            } else {
                Transport::TcpFramed
            },
            payload,
            wire_length: payload.len() + if flags & CUT == 0 { 0 } else { 100 },
            fragments: 1,
        };
        let mut messages = recycle(room);
        if let Some(record) = analyzer.datagram(&datagram, &mut messages) {
            look_at(&datagram, &record);
            outputs.datagram(&datagram, &record, None);
            shown += 1;
        }
        room = recycle(messages);
    }
    let totals = analyzer.totals();
    assert_eq!(totals.datagrams, shown);
    assert_eq!(totals.datagrams + totals.not_ppspp, counters.frames);
    assert!(totals.malformed <= totals.datagrams);
    let of_channels: u64 = analyzer.channels().map(|channel| channel.datagrams).sum();
    assert!(
        of_channels <= totals.datagrams,
        "no datagram is on two channels"
    );
    outputs.summary(&counters, &analyzer);
    drop(analyzer.into_learned());
}

/// Messages tile the datagram up to what was not decoded.
fn look_at(datagram: &Datagram<'_>, record: &Record<'_, '_>) {
    let mut position = 4;
    for located in record.messages {
        assert_eq!(located.offset, position, "ranges leave no gap");
        position += located.length;
    }
    assert!(record.messages.is_empty() || position <= datagram.wire_length);
    assert!(record.undecoded.len() <= datagram.payload.len());
    let whole = record.fault.is_none() && !datagram.is_cut() && record.channel_id.is_some();
    if whole {
        assert_eq!(position, datagram.payload.len(), "nothing is left over");
        assert!(record.undecoded.is_empty());
    }
    assert_eq!(record.channel.is_some(), record.swarm.is_some());
}
