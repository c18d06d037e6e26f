//! Captures of simulations: scenarios in `scenarios/samples`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ppsp_inspect::peer::sim::{Passage, Recording, Scenario, Sighting, Simulation, Tap, Vantage};
use ppspp_dissector::session::{Analyzer, Datagram, Time, Transport};

/// A capture's name, its scenario's, and the scenario.
type Sample = (&'static str, &'static str, &'static str);

macro_rules! sample {
    ($name:literal) => {
        (
            concat!("simulated-", $name, ".pcapng"),
            concat!("scenarios/samples/", $name, ".toml"),
            include_str!(concat!("../../../scenarios/samples/", $name, ".toml")),
        )
    };
}

const SAMPLES: &[Sample] = &[
    sample!("crash"),
    sample!("liar"),
    sample!("libswift"),
    sample!("live-relay"),
    sample!("live-sign-all-rsasha1"),
    sample!("live-umt-p256"),
    sample!("live-umt-p384"),
    sample!("live-umt-rsasha256"),
    sample!("lossy"),
    sample!("pex"),
    sample!("static-sha1-bin32"),
    sample!("static-sha224-byte64"),
    sample!("static-sha256-chunk32"),
    sample!("static-sha384-bin64"),
    sample!("static-sha512-chunk64"),
    sample!("tit-for-tat"),
];

/// Records what is sent, and counts it.
struct Recorder {
    recording: Recording<Vec<u8>>,
    analyzer: Analyzer,
    datagrams: u64,
    messages: BTreeMap<&'static str, u64>,
}

impl Tap for Recorder {
    fn see(&mut self, sighting: &Sighting<'_>) {
        self.recording.see(sighting);
        if sighting.passage != Passage::Sent {
            return;
        }
        self.datagrams += 1;
        let datagram = Datagram {
            frame: self.datagrams,
            time: Some(Time::from_nanoseconds(
                sighting.time.nanoseconds().cast_signed(),
            )),
            source: sighting.source,
            destination: sighting.destination,
            transport: Transport::Udp,
            payload: sighting.payload,
            wire_length: sighting.payload.len(),
            fragments: 1,
        };
        let mut messages = Vec::new();
        if let Some(record) = self.analyzer.datagram(&datagram, &mut messages) {
            let names = record.messages.iter().map(|located| located.message.name());
            for name in names.chain(record.is_keep_alive().then_some("KEEPALIVE")) {
                *self.messages.entry(name).or_default() += 1;
            }
        }
    }
}

/// The captures, and what the manifest says of them.
pub(crate) fn captures() -> (Vec<(&'static str, Vec<u8>)>, String) {
    let mut files = Vec::new();
    let mut manifest = String::new();
    for &(name, path, text) in SAMPLES {
        let scenario = Scenario::parse(text).expect("a sample's scenario");
        let mut recorder = Recorder {
            recording: Recording::new(Vec::new(), &Vantage::Everywhere, &[path])
                .expect("memory takes all"),
            analyzer: Analyzer::default(),
            datagrams: 0,
            messages: BTreeMap::new(),
        };
        let mut simulation = Simulation::new(scenario).expect("a sample's simulation");
        simulation.run(&mut recorder);
        let about: Vec<_> = text
            .lines()
            .map_while(|line| line.strip_prefix("# "))
            .collect();
        let counts: Vec<_> = recorder
            .messages
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        // Writing to a string does not fail.
        let _ = writeln!(
            manifest,
            "\n## {name}\n\n{}\n\n- Datagrams: {}\n- Messages: {}\n- Scenario: `{path}`",
            about.join("\n"),
            recorder.datagrams,
            counts.join(", "),
        );
        let bytes = recorder.recording.finish().expect("memory takes all");
        files.push((name, bytes));
    }
    (files, manifest)
}
