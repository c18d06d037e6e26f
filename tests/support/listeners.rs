//! Analyzers that listen in to simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use ppsp_inspect::peer::sim::{Misbehaviour, Passage, Scenario, Sighting, Tap};
use ppspp_dissector::session::{Analyzer, Config, Datagram, Time, Transport};

/// An analyzer at every honest node, which sees what the node sends when it is
/// sent and what reaches it when it does: it knows what the node can know of
/// others. And one that sees all that is sent: it knows what others got elsewhere.
/// What counts is what both find. The one at a node looks away where it talks with
/// a peer that sends what is wrong: what is found there is about what that sent,
/// whoever answers it.
pub(crate) struct Listeners {
    everywhere: Analyzer,
    nodes: BTreeMap<SocketAddr, Analyzer>,
    /// Who sends what is wrong.
    wrong: BTreeSet<SocketAddr>,
    /// What was found in what these nodes sent, more than notes.
    grave: BTreeMap<&'static str, u64>,
    seen: u64,
}

impl Listeners {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let is_wrong = |misbehaviour: Option<Misbehaviour>| {
            matches!(
                misbehaviour,
                Some(Misbehaviour::Liar | Misbehaviour::WrongHash | Misbehaviour::Flooder)
            )
        };
        let wrong = scenario.hosts.iter();
        let wrong = wrong.filter(|host| is_wrong(host.misbehaviour));
        let honest = scenario.hosts.iter();
        let honest = honest.filter(|host| host.misbehaviour.is_none());
        let analyzer = || {
            Analyzer::new(Config {
                verify: true,
                ..Config::default()
            })
        };
        Self {
            everywhere: analyzer(),
            nodes: honest.map(|host| (host.address, analyzer())).collect(),
            wrong: wrong.map(|host| host.address).collect(),
            grave: BTreeMap::new(),
            seen: 0,
        }
    }

    /// What was found that is more than a note, and how often.
    pub(crate) fn grave(self) -> BTreeMap<&'static str, u64> {
        assert!(self.seen > 0);
        self.grave
    }
}

impl Tap for Listeners {
    fn see(&mut self, sighting: &Sighting<'_>) {
        let at = match sighting.passage {
            Passage::Sent => sighting.source,
            Passage::Delivered => sighting.destination,
            _ => return,
        };
        self.seen += 1;
        let is_sent = sighting.passage == Passage::Sent;
        let overall = if is_sent {
            grave(&mut self.everywhere, sighting, self.seen)
        } else {
            Vec::new()
        };
        let is_with_wrong =
            self.wrong.contains(&sighting.source) || self.wrong.contains(&sighting.destination);
        if let Some(analyzer) = self.nodes.get_mut(&at).filter(|_| !is_with_wrong) {
            let found = grave(analyzer, sighting, self.seen);
            for name in found.into_iter().filter(|name| overall.contains(name)) {
                *self.grave.entry(name).or_default() += 1;
            }
        }
    }
}

/// What an analyzer finds in a datagram that is more than a note.
fn grave(analyzer: &mut Analyzer, sighting: &Sighting<'_>, frame: u64) -> Vec<&'static str> {
    let datagram = Datagram {
        frame,
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
    let record = analyzer.datagram(&datagram, &mut messages);
    let findings = record.iter().flat_map(|record| record.findings);
    findings
        .map(|finding| finding.id.entry())
        .filter(|entry| entry.severity.name() != "note")
        .map(|entry| entry.name)
        .collect()
}
