//! The interfaces that this machine can capture on.

use std::net::IpAddr;

use super::error::LiveError;

/// An interface, as the system describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, as `-i` takes it.
    pub name: String,
    /// What it is, where the system knows.
    pub description: Option<String>,
    /// Its IP addresses.
    pub addresses: Vec<IpAddr>,
    /// Whether it is switched on.
    pub is_up: bool,
    /// Whether it has a carrier.
    pub is_running: bool,
    /// Whether it leads to this machine only.
    pub is_loopback: bool,
    /// Whether it is a wireless one.
    pub is_wireless: bool,
}

impl From<pcap::Device> for Interface {
    fn from(device: pcap::Device) -> Self {
        Self {
            addresses: device.addresses.iter().map(|a| a.addr).collect(),
            is_up: device.flags.is_up(),
            is_running: device.flags.is_running(),
            is_loopback: device.flags.is_loopback(),
            is_wireless: device.flags.is_wireless(),
            name: device.name,
            description: device.desc,
        }
    }
}

/// All interfaces, in the system's order: those first that are most likely
/// wanted.
///
/// # Errors
/// When the system does not tell them.
pub fn interfaces() -> Result<Vec<Interface>, LiveError> {
    let devices = pcap::Device::list().map_err(|error| LiveError::List {
        reason: error.to_string(),
    })?;
    Ok(devices.into_iter().map(Interface::from).collect())
}

/// The interface that is captured on where none is named: the first that is up,
/// has an address and is no loopback, or else the loopback.
pub(super) fn default_interface(all: &[Interface]) -> Option<&Interface> {
    let usable = |interface: &&Interface| interface.is_up && !interface.addresses.is_empty();
    let outward = |interface: &&Interface| usable(interface) && !interface.is_loopback;
    all.iter().find(outward).or_else(|| all.iter().find(usable))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(name: &str, is_up: bool, is_loopback: bool, address: Option<&str>) -> Interface {
        Interface {
            name: name.to_owned(),
            description: None,
            addresses: address
                .iter()
                .map(|a| a.parse().expect("an address"))
                .collect(),
            is_up,
            is_running: is_up,
            is_loopback,
            is_wireless: false,
        }
    }

    #[test]
    fn the_first_interface_that_leads_somewhere_is_the_default() {
        let all = [
            interface("any", true, false, None),
            interface("lo", true, true, Some("127.0.0.1")),
            interface("eth0", false, false, Some("192.0.2.1")),
            interface("eth1", true, false, Some("192.0.2.2")),
        ];
        let name = |all: &[Interface]| default_interface(all).map(|i| i.name.clone());
        assert_eq!(name(&all).as_deref(), Some("eth1"));
        assert_eq!(name(&all[..3]).as_deref(), Some("lo"));
        assert_eq!(name(&all[..1]), None);
    }
}
