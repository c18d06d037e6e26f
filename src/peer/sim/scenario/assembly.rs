//! From the scenario to a network, for whoever knows how to make its nodes.

use super::{Going, HostSettings, Role, Scenario};
use crate::peer::sim::clock::Nanotime;
use crate::peer::sim::host::{Departure, Host, LinkId, NetworkError};
use crate::peer::sim::network::Network;
use crate::peer::sim::node::Node;
use crate::peer::sim::recording::Vantage;
use crate::peer::sim::reno::{Reno, RenoReceiver, RenoSender, RenoSettings};

impl Scenario {
    /// The network at the moment `began`. `make` makes each host's node, told the
    /// host's index; the network's hosts have the order of
    /// [`hosts`](Self::hosts).
    ///
    /// # Errors
    /// Where a scenario that was not parsed, or was changed, names links that it
    /// does not have, or the same address twice.
    pub fn network<N: Node>(
        &self,
        began: Nanotime,
        mut make: impl FnMut(usize, &HostSettings) -> N,
    ) -> Result<Network<N>, NetworkError> {
        let mut network = Network::new(self.seed, began);
        for bottleneck in &self.bottlenecks {
            network.add_link(bottleneck.link.clone());
        }
        let links = |indices: &[usize]| indices.iter().map(|&index| LinkId(index as u32)).collect();
        for (index, host) in self.hosts.iter().enumerate() {
            network.add_host(Host {
                address: host.address,
                node: make(index, host),
                uplink: host.uplink.clone(),
                downlink: host.downlink.clone(),
                uplink_via: links(&host.uplink_via),
                downlink_via: links(&host.downlink_via),
                start: began + host.start,
                departure: host.going.map(|going| match going {
                    Going::Crash(time) => Departure::Crash(began + time),
                    Going::Leave(time) => Departure::Leave(began + time),
                }),
            })?;
        }
        Ok(network)
    }

    /// The names of the shared links in [`network`](Self::network), as
    /// [`Summary::of`](crate::peer::sim::Summary::of) wants them.
    pub fn shared_links(&self) -> Vec<(String, LinkId)> {
        let names = self
            .bottlenecks
            .iter()
            .map(|bottleneck| bottleneck.name.clone());
        names.zip((0..).map(LinkId)).collect()
    }

    /// The node of a host that is not a peer; `None` for peers.
    pub fn reno(&self, host: &HostSettings) -> Option<Reno> {
        match host.role {
            Role::Reno => {
                let sink = self.hosts.get(host.to?)?;
                let settings = RenoSettings::endless(sink.address);
                Some(Reno::Sender(Box::new(RenoSender::new(settings))))
            }
            Role::Sink => Some(Reno::Receiver(RenoReceiver::new())),
            Role::Seeder | Role::Leecher | Role::Injector | Role::Viewer => None,
        }
    }

    /// Where the capture is to be taken, if one is to be written.
    pub fn vantage(&self) -> Option<Vantage> {
        let output = self.output.as_ref()?;
        if output.at.is_empty() {
            return Some(Vantage::Everywhere);
        }
        let hosts = output.at.iter().filter_map(|&index| self.hosts.get(index));
        let hosts = hosts.map(|host| (host.name.clone(), host.address));
        Some(Vantage::At(hosts.collect()))
    }
}
