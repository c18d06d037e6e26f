//! `probe --serve`: what is served, where, and to whom.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use super::complain;
use super::probe_args::ProbeArgs;
use crate::output::Hex;
use crate::probe::serve::{Expecting, Invitation, ServingNet, Shape, Source};
use crate::probe::{Swarm, UdpNet, UsedPorts};

/// What is served to a target that comes to us.
#[derive(Debug)]
pub(super) struct Serving {
    /// Where.
    pub(super) address: SocketAddr,
    /// In which swarm.
    pub(super) swarm: Swarm,
    /// What.
    pub(super) source: Arc<Source>,
    /// Where the target comes from.
    expecting: Expecting,
    /// The ports that it and those beside it have used.
    used: UsedPorts,
}

impl Serving {
    /// What the arguments of `--serve` say. Or what is wrong with them.
    pub(super) fn of(args: &ProbeArgs, at: SocketAddr) -> Result<Result<Self, String>> {
        if at.ip().is_unspecified() {
            return Ok(Err(nowhere(at)));
        }
        if args.jobs > 1 && (args.exec.is_none() || at.port() != 0) {
            return Ok(Err(
                "--jobs runs several targets at once: that needs --exec, and --serve without a port"
                    .to_owned(),
            ));
        }
        let hash_function = args.hash.map_or(HashFunction::Sha256, HashFunction::from);
        let mut source = match &args.content {
            None => Source::of_numbers(args.chunk_size),
            Some(path) => Source {
                bytes: fs::read(path).with_context(|| format!("--content {}", path.display()))?,
                is_fixed: false,
            },
        };
        source.is_fixed = args.exec.is_none();
        let blank = Swarm {
            id: Vec::new(),
            integrity: ContentIntegrity::Merkle,
            hash_function,
            addressing: args.addressing.into(),
            chunk_size: args.chunk_size,
        };
        let Ok((_, swarm)) = source.shaped(Shape::Usual, &blank) else {
            return Ok(Err("--content: an empty file has no root hash".to_owned()));
        };
        let (address, expecting) = match &args.exec {
            Some(command) => (at, Expecting::Command(command.clone())),
            // Whoever starts the target has to know where to.
            None => (known(at)?, Expecting::Others(invite)),
        };
        Ok(Ok(Self {
            address,
            swarm,
            source: Arc::new(source),
            expecting,
            used: UsedPorts::default(),
        }))
    }

    /// A way to such a target.
    pub(super) fn net(&self) -> ServingNet {
        ServingNet::at(self.address, self.expecting.clone(), &self.used)
    }

    /// How reports name the target.
    pub(super) fn name(&self, args: &ProbeArgs) -> String {
        match &args.exec {
            Some(command) => command.clone(),
            None => format!("who comes to {}", self.address),
        }
    }
}

/// That nobody can connect to an address which stands for all, and to which they
/// can.
fn nowhere(at: SocketAddr) -> String {
    let given = |ip: IpAddr| match (at.port(), ip) {
        (0, ip) => ip.to_string(),
        (port, ip) => SocketAddr::from((ip, port)).to_string(),
    };
    let (elsewhere, here): (IpAddr, IpAddr) = if at.is_ipv4() {
        (
            Ipv4Addr::new(192, 0, 2, 1).into(),
            Ipv4Addr::LOCALHOST.into(),
        )
    } else {
        let of_documentation = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
        (of_documentation.into(), Ipv6Addr::LOCALHOST.into())
    };
    let outer = UdpNet::towards((elsewhere, 9).into()).our_ip().ok();
    let outer = outer.filter(|ip| !ip.is_loopback() && !ip.is_unspecified());
    let mut text = format!(
        "--serve {}: nobody can connect to that address; write --serve {} for targets on this machine",
        given(at.ip()),
        given(here)
    );
    if let Some(outer) = outer {
        let _ = write!(text, ", --serve {} for others", given(outer));
    }
    text
}

/// An address with a port that is free.
fn known(at: SocketAddr) -> Result<SocketAddr> {
    let socket = UdpSocket::bind(at).with_context(|| format!("--serve {at}"))?;
    Ok(socket.local_addr()?)
}

/// Asks people for a target.
fn invite(invitation: &Invitation) {
    complain(format_args!(
        "waiting for a leecher of swarm {} at {}",
        Hex(&invitation.swarm.id),
        invitation.address
    ));
}

/// Reads `ADDRESS` or `ADDRESS:PORT`.
pub(super) fn serving_address(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse::<SocketAddr>();
    with_port
        .or_else(|_| text.parse::<IpAddr>().map(|ip| (ip, 0).into()))
        .map_err(|_| "an IP address, with a port or without".to_owned())
}
