//! What filters mean, by example.

use ppspp_dissector::fields::{FIELDS, FieldId, Level};
use ppspp_dissector::filter::{Filter, check};

use crate::support::{Imagined, Owned, address, chunks, filter, imagine, number, word};

/// DATA that failed beside an INTEGRITY that did not, and an ACK.
fn datagram() -> Imagined {
    let kind = |name| vec![word("ppspp.msg.type", name)];
    let verdict = |name| vec![word("ppspp.integrity", name)];
    imagine(
        &[
            ("frame.number", vec![number(12)]),
            ("frame.time", vec![number(1_795_322_041_500_000_000)]),
            ("frame.time_relative", vec![number(1_500_000_000)]),
            ("ip.addr", vec![address("10.1.2.3"), address("192.0.2.1")]),
            ("ip.src", vec![address("10.1.2.3")]),
            ("ip.dst", vec![address("192.0.2.1")]),
            ("udp.port", vec![number(6778), number(7005)]),
            ("udp.srcport", vec![number(6778)]),
            ("udp.dstport", vec![number(7005)]),
            (
                "ppspp.channel",
                vec![Owned::Bytes(vec![0xfc, 0x78, 0x96, 0x64])],
            ),
            (
                "ppspp.swarm",
                vec![Owned::Bytes(vec![0x24, 0xfb, 0xf1, 0x15])],
            ),
        ],
        &[
            &[
                ("ppspp.msg.type", kind("INTEGRITY")),
                ("ppspp.chunks", vec![chunks(4, 5)]),
                ("ppspp.chunk.start", vec![number(4)]),
                ("ppspp.integrity", verdict("verified")),
            ],
            &[
                ("ppspp.msg.type", kind("DATA")),
                ("ppspp.chunks", vec![chunks(0, 0)]),
                ("ppspp.chunk.start", vec![number(0)]),
                ("ppspp.integrity", verdict("failed")),
                (
                    "ppspp.data.payload",
                    vec![Owned::Bytes(b"..\xff.moov".to_vec())],
                ),
                (
                    "ppspp.finding.id",
                    vec![word("ppspp.finding.id", "data.unrequested")],
                ),
                (
                    "ppspp.finding.severity",
                    vec![word("ppspp.finding.severity", "warning")],
                ),
            ],
            &[
                ("ppspp.msg.type", kind("ACK")),
                ("ppspp.chunks", vec![chunks(7, 9)]),
                ("ppspp.chunk.start", vec![number(7)]),
                ("ppspp.ack.delay_us", vec![number(-20_000)]),
            ],
        ],
    )
}

#[track_caller]
fn assert_fit(texts: &[&str]) {
    for text in texts {
        assert!(filter(text).matches(&datagram()), "{text} should fit");
    }
}

#[track_caller]
fn assert_unfit(texts: &[&str]) {
    for text in texts {
        assert!(!filter(text).matches(&datagram()), "{text} should not fit");
    }
}

#[test]
fn the_examples_of_the_design_work() {
    assert_fit(&[
        r#"ppspp.msg.type == "DATA" && ppspp.chunk.start >= 5"#,
        "ip.addr == 10.0.0.0/8",
        "udp.port in {6778, 7000..7010}",
        r#"ppspp.finding.id == "data.unrequested""#,
        r#"ppspp.finding.severity >= "warning""#,
        r#"ppspp.integrity == "failed""#,
        "",
        "  ",
    ]);
    assert_unfit(&[
        r#"ppspp.msg.type == "DATA" && ppspp.chunk.start >= 10"#,
        "ip.addr == 11.0.0.0/8",
        "udp.port in {6779..6999, 7006}",
        r#"ppspp.finding.severity > "warning""#,
    ]);
}

#[test]
fn a_field_with_several_values_fits_as_in_wireshark() {
    // Equal: any. Unequal: none is equal. ===: all are. !==: any is not.
    assert_fit(&[
        "udp.port == 6778",
        "udp.port != 80",
        "udp.port !== 6778",
        "udp.port ~= 6778",
        "any udp.port > 7000",
        "all udp.port > 6000",
        "udp.port any_ne 6778",
        "udp.port all_ne 80",
    ]);
    assert_unfit(&[
        "udp.port != 6778",
        "udp.port === 6778",
        "all udp.port > 7000",
        "!(udp.port == 6778)",
        "udp.port not in {6778}",
    ]);
}

#[test]
fn a_field_that_is_not_there_fits_nothing_but_a_negation() {
    assert_unfit(&[
        "tcp",
        "tcp.port != 80",
        "all tcp.port == 80",
        "tcp.port in {80}",
    ]);
    assert_fit(&[
        "!tcp",
        "not tcp.port == 80",
        "tcp.port not in {80}",
        "ip.addr",
    ]);
}

#[test]
fn conditions_may_be_met_by_different_messages_unless_one_must_meet_them_all() {
    assert_fit(&[
        r#"ppspp.msg.type == "DATA" && ppspp.integrity == "verified""#,
        r#"message(ppspp.msg.type == "DATA" && ppspp.integrity == "failed")"#,
        r#"message(ppspp.msg.type == "INTEGRITY" && ppspp.chunks == 5)"#,
        r#"message(ppspp.msg.type == "DATA" && udp.port == 6778 && ppspp.finding.id)"#,
        r#"!message(ppspp.msg.type == "ACK" && ppspp.integrity)"#,
        "message(!ppspp.integrity)",
    ]);
    assert_unfit(&[
        r#"message(ppspp.msg.type == "DATA" && ppspp.integrity == "verified")"#,
        r#"message(ppspp.msg.type == "INTEGRITY" && ppspp.finding.id)"#,
    ]);
}

#[test]
fn a_message_names_every_chunk_of_its_range() {
    assert_fit(&[
        "ppspp.chunks == 8",
        "ppspp.chunks == 8..20",
        "ppspp.chunks in {1..3, 9}",
        "ppspp.chunks contains 7..8",
        "ppspp.chunks != 6",
        "ppspp.chunks > 8",
        "all ppspp.chunks < 10",
        "message(ppspp.chunks === 7..9)",
    ]);
    assert_unfit(&[
        "ppspp.chunks == 6",
        "ppspp.chunks contains 5..7",
        "ppspp.chunks != 8",
        "ppspp.chunks === 7..9",
        "ppspp.chunks in {1..3}",
    ]);
}

#[test]
fn times_and_durations_are_written_as_people_write_them() {
    assert_fit(&[
        r#"frame.time == "2026-11-22 04:34:01.5""#,
        r#"frame.time < "2026-11-22T05:34:02+01:00""#,
        "frame.time == 1795322041.5",
        "frame.time_relative == 1.5",
        "frame.time_relative <= 1500ms",
        "frame.time_relative in {1..2}",
        "ppspp.ack.delay_us < -10ms",
        "ppspp.ack.delay_us == -20000",
    ]);
    assert_unfit(&[r#"frame.time > "2026-11-23""#, "ppspp.ack.delay_us > 0"]);
}

#[test]
fn bytes_have_slices_and_patterns() {
    assert_fit(&[
        "ppspp.channel == fc789664",
        "ppspp.channel == 0xfc789664",
        "ppspp.channel == fc:78:96:64",
        r#"ppspp.channel == "fc789664""#,
        "ppspp.channel > fc000000",
        "ppspp.swarm[0:2] == 24:fb",
        "ppspp.swarm[1-2] == fb:f1",
        "ppspp.swarm[-1] == 15",
        "ppspp.swarm[2:] == f115",
        "ppspp.swarm contains fb:f1",
        r#"ppspp.swarm matches "^24FBF1""#,
        "len(ppspp.swarm) == 4",
        "count(ppspp.msg.type) == 3",
        r#"ppspp.data.payload contains "moov""#,
        r#"ppspp.data.payload matches r"^...\.+MOOV$""#,
        r#"ppspp.data.payload matches "\xff""#,
        "ppspp.data.payload[0:2] == \"..\"",
    ]);
    assert_unfit(&[
        "ppspp.swarm == 24fbf1",
        "ppspp.swarm[0:5] == 24fbf115",
        r#"ppspp.data.payload matches "(?-i)MOOV""#,
        r#"ppspp.data.payload matches "\xc3""#,
    ]);
}

#[test]
fn words_have_numbers_and_parts() {
    assert_fit(&[
        "ppspp.msg.type == 1",
        "ppspp.msg.type == DATA",
        r#"ppspp.msg.type in {"DATA", "HAVE"}"#,
        r#"ppspp.finding.id contains "unrequested""#,
        r#"ppspp.finding.id matches "^data\.""#,
    ]);
    assert_unfit(&[r#"ppspp.msg.type matches "^(HAVE|REQUEST)$""#]);
}

#[test]
fn fields_are_compared_with_fields() {
    assert_fit(&[
        "udp.srcport < udp.dstport",
        "ip.src == ip.addr",
        "ip.src != ip.dst",
        "len(ppspp.swarm) == len(ppspp.channel)",
    ]);
    assert_unfit(&["ip.src == ip.dst", "udp.srcport == tcp.srcport"]);
}

#[test]
fn and_binds_more_strongly_than_or_and_not_most_of_all() {
    assert_fit(&[
        "udp || udp && tcp || ip.addr",
        "!tcp && udp.port",
        "not tcp and udp.port",
        "(tcp or udp.port) and frame.number == 12",
    ]);
    assert_unfit(&["!(tcp || udp.port)", "(udp.port || tcp) && tcp"]);
    let written = filter("!tcp&&(udp or ip)and frame.number==0x10").to_string();
    assert_eq!(written, "!(tcp) && (udp || ip) && frame.number == 16");
}

#[test]
fn a_filter_tells_what_must_be_known_for_it() {
    for (text, level) in [
        ("", Level::Head),
        ("udp.port == 1 && ppspp.channel == 00000001", Level::Head),
        ("udp.port == 1 || ppspp.swarm", Level::Messages),
        ("message(udp.port == 1)", Level::Messages),
        ("!ppspp.integrity", Level::Session),
        ("udp.port == 1 && ppspp.finding.id", Level::Session),
    ] {
        assert_eq!(filter(text).level(), level, "{text}");
    }
}

#[test]
fn the_head_decides_what_it_can() {
    let head = Imagined {
        level: Some(Level::Head),
        ..datagram()
    };
    for (text, expected) in [
        ("udp.port == 6778", Some(true)),
        ("udp.port == 1 && ppspp.swarm", Some(false)),
        ("ppspp.swarm && udp.port == 1", Some(false)),
        ("udp.port == 6778 && ppspp.swarm", None),
        ("udp.port == 6778 || ppspp.swarm", Some(true)),
        ("!(udp.port == 1 && ppspp.swarm)", Some(true)),
        ("message(udp.port == 1)", Some(false)),
        ("message(udp.port == 6778)", None),
    ] {
        assert_eq!(filter(text).decide(&head), expected, "{text}");
    }
}

#[test]
fn every_field_can_be_asked_for_and_is_written_as_it_is_read() {
    for field in FIELDS {
        let read = filter(field.name);
        assert_eq!(read.to_string(), field.name);
        assert_eq!(read.level(), field.level);
        assert_eq!(FieldId::by_name(field.name), Some(field.id));
    }
}

#[test]
fn deep_and_long_filters_are_refused_not_suffered() {
    let deep = |depth| format!("{}udp{}", "(".repeat(depth), ")".repeat(depth));
    assert!(check(&deep(60)).is_ok());
    assert!(check(&deep(5_000)).is_err());
    assert!(check(&"!".repeat(60_000)).is_err());
    assert!(check(&"!".repeat(70_000)).is_err());
    let long = vec!["udp.port == 1"; 3_000].join(" || ");
    assert!(Filter::parse(&long).is_ok());
}
