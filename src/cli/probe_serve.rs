//! `probe --serve`: what is served, where, and to whom.

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction, SignatureAlgorithm};

use super::complain;
use super::probe_args::ProbeArgs;
use crate::output::Hex;
use crate::peer::engine::Moment;
use crate::peer::keys::{SigningKey, read_key_file};
use crate::probe::serve::{Expecting, Invitation, ServingNet, Shape, Signer, Source};
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
        let integrity = match (args.live, args.integrity.map(ContentIntegrity::from)) {
            (true, integrity) => integrity.unwrap_or(ContentIntegrity::UnifiedMerkle),
            (false, None) => ContentIntegrity::Merkle,
            (false, Some(_)) => {
                return Ok(Err(
                    "--integrity is how a live stream is protected: --serve --live streams one"
                        .to_owned(),
                ));
            }
        };
        if args.live && !integrity.is_live() {
            return Ok(Err(
                "--integrity none: a target that protects nothing is not probed".to_owned(),
            ));
        }
        let hash_function = args.hash.map_or(HashFunction::Sha256, HashFunction::from);
        let mut source = Source::of_numbers(args.chunk_size);
        if let Some(path) = &args.content {
            source.bytes =
                fs::read(path).with_context(|| format!("--content {}", path.display()))?;
        }
        source.is_fixed = args.exec.is_none();
        source.signer = signer(args)?;
        let blank = Swarm {
            id: Vec::new(),
            integrity,
            hash_function,
            addressing: args.addressing.into(),
            chunk_size: args.chunk_size,
        };
        let Ok((_, swarm)) = source.shaped(Shape::Usual, &blank, Moment::default()) else {
            return Ok(Err(
                "--content: an empty file has nothing to serve".to_owned()
            ));
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

/// Who signs a live stream: the key of a file, or one that the seed makes, so that
/// the same command streams in the same swarm.
fn signer(args: &ProbeArgs) -> Result<Option<Signer>> {
    if !args.live {
        return Ok(None);
    }
    let algorithm = args.algorithm.map(SignatureAlgorithm::from);
    let key = if let Some(path) = &args.key {
        read_key_file(path, algorithm)?
    } else {
        let algorithm = algorithm.unwrap_or(SignatureAlgorithm::EcdsaP256Sha256);
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&args.seed.to_le_bytes());
        SigningKey::generate_from_seed(algorithm, None, &seed)?
    };
    Ok(Some(Signer {
        key,
        chunks_per_signature: args.per_signature,
    }))
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
        "waiting for a {} of swarm {} at {}",
        invitation.swarm.fetcher().name(),
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
