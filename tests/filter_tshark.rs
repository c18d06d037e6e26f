//! Fields and filters that tshark has, too, give what tshark gives. Skipped where
//! it is not installed.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use ppsp_inspect::capture::Input;
use ppsp_inspect::pipeline::{self, Manner};
use ppspp_dissector::fields::{FieldId, RecordValues, Value, Values};
use ppspp_dissector::session::Config;
use support::program::run;
use support::samples::{real_captures, samples, samples_and};

/// What tshark prints, a line a frame; `None` where there is no tshark.
fn tshark(path: &Path, arguments: &[&str]) -> Option<Vec<String>> {
    let output = Command::new("tshark")
        // Ports have meanings that would hide the lengths of UDP from nobody,
        // but dissecting further costs time.
        .args(["-n", "-r"])
        .arg(path)
        .args(arguments)
        .env("TZ", "UTC")
        .output();
    let Ok(output) = output else {
        println!("skipped: tshark is not installed");
        return None;
    };
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("text");
    Some(text.lines().map(str::to_owned).collect())
}

/// The fields that are compared: ours, and tshark's name where it differs.
const FIELDS: [(FieldId, &str); 11] = [
    (FieldId::FrameNumber, "frame.number"),
    (FieldId::FrameTime, "frame.time_epoch"),
    (FieldId::FrameTimeRelative, "frame.time_relative"),
    (FieldId::FrameLength, "frame.len"),
    (FieldId::IpSource, "ip.src"),
    (FieldId::IpDestination, "ip.dst"),
    (FieldId::Ipv6Source, "ipv6.src"),
    (FieldId::Ipv6Destination, "ipv6.dst"),
    (FieldId::UdpSourcePort, "udp.srcport"),
    (FieldId::UdpDestinationPort, "udp.dstport"),
    (FieldId::UdpLength, "udp.length"),
];

/// A value as tshark writes it.
fn shown(field: FieldId, value: Value<'_>) -> String {
    match value {
        Value::Number(number)
            if matches!(field, FieldId::FrameTime | FieldId::FrameTimeRelative) =>
        {
            let sign = if number < 0 { "-" } else { "" };
            let parts = number.unsigned_abs();
            format!(
                "{sign}{}.{:09}",
                parts / 1_000_000_000,
                parts % 1_000_000_000
            )
        }
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        other => panic!("{other:?}"),
    }
}

/// The values of every PPSPP datagram over UDP, by frame.
fn ours(path: &Path) -> BTreeMap<u64, Vec<String>> {
    let mut rows = BTreeMap::new();
    pipeline::run(
        &[Input::File(path.into())],
        Config::default(),
        Manner {
            quiet: true,
            ..Manner::default()
        },
        |datagram, record, frame| {
            let values = RecordValues::new(datagram, record, frame);
            let row = FIELDS.map(|(field, _)| {
                let mut all = Vec::new();
                let _ = values.visit(field, None, &mut |value| {
                    all.push(shown(field, value));
                    ControlFlow::Continue(())
                });
                all.join(",")
            });
            let is_udp = values.visit(FieldId::Udp, None, &mut |_| ControlFlow::Break(()));
            if is_udp.is_break() {
                rows.insert(datagram.frame, row.to_vec());
            }
            Ok(ControlFlow::Continue(()))
        },
    )
    .expect("a capture");
    rows
}

#[test]
fn values_below_ppspp_are_tsharks() {
    let mut arguments = vec!["-T", "fields"];
    for (_, name) in FIELDS {
        arguments.extend(["-e", name]);
    }
    let mut compared = 0;
    for (name, path) in samples().into_iter().chain(real_captures()) {
        let Some(lines) = tshark(&path, &arguments) else {
            return;
        };
        let theirs: BTreeMap<u64, Vec<String>> = lines
            .iter()
            .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>())
            .map(|row| (row[0].parse().expect("a number"), row))
            .collect();
        for (frame, row) in ours(&path) {
            assert_eq!(row, theirs[&frame], "{name}, frame {frame}");
            compared += 1;
        }
    }
    assert!(compared > 100, "{compared} datagrams");
}

const FILTERS: [&str; 16] = [
    "udp.port == 6778 || udp.port in {18010, 18020..18030}",
    "udp.port != 6778",
    "udp.srcport < udp.dstport",
    "!(udp.dstport >= 18011)",
    "udp.length > 100 && udp.length <= 1100",
    "frame.len > 200 and not frame.number == 7",
    "ip.addr == 192.0.2.0/24",
    "ip.src == 127.0.0.0/8 || ip.src == 198.51.100.20",
    "ip.addr != 192.0.2.33",
    "ip.src != ip.dst",
    "ip.src < 192.0.2.33",
    "frame.time_relative >= 0.05 && frame.time_relative < 0.12",
    "frame.time > \"2026-11-01 00:00:00\"",
    "udp.port !== 6778",
    "ipv6.addr == ::1 || ipv6",
    "!ip.addr",
];

#[test]
fn filters_choose_what_tshark_chooses() {
    let mut chosen = 0;
    for (name, path) in samples_and(&["libswift-vod-seven", "libswift-live-none-lab"])
        .into_iter()
        .filter(|(name, _)| {
            [
                "merkle-sha256-seven-chunks",
                "every-message",
                "libswift-vod-seven",
            ]
            .contains(&name.as_str())
        })
    {
        let ppspp: BTreeSet<u64> = ours(&path).into_keys().collect();
        for filter in FILTERS {
            let arguments = ["-Y", filter, "-T", "fields", "-e", "frame.number"];
            let Some(lines) = tshark(&path, &arguments) else {
                return;
            };
            let theirs: Vec<u64> = lines
                .iter()
                .map(|line| line.parse().expect("a number"))
                .filter(|frame| ppspp.contains(frame))
                .collect();
            let text = path.display().to_string();
            let ours: Vec<u64> = run(["read", "-T", "jsonl", "--no-verify", "-Y", filter, &text])
                .json_lines()
                .iter()
                .map(|line| line["frame"].as_u64().expect("a frame"))
                .filter(|frame| ppspp.contains(frame))
                .collect();
            assert_eq!(ours, theirs, "{name}: {filter}");
            chosen += ours.len();
        }
    }
    assert!(chosen > 50, "{chosen} datagrams chosen");
}
