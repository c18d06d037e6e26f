//! `peer seed` and `peer leech`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

use super::members::Members;
use super::peer_args::{LeechArgs, SeedArgs, SwarmArgs, WorkArgs};
use super::signals::stop_signal;
use super::transfer_news::{Teller, Vouching, announce};
use super::{BAD, UNREADABLE, USAGE, complain};
use crate::capture::WriteError;
use crate::peer::engine::{
    LiveConfig, Membership, Peer, PeerConfig, Picking, SwarmConfig, Unprotected,
};
use crate::peer::misbehave::Rogue;
use crate::peer::net::{Driver, Link, Recorder};
use crate::peer::root_check::RootCheck;
use crate::peer::storage::{FileStore, StoreOptions};
use crate::peer::task::{End, Task, Until, run};
use crate::progress::Progress;

/// Serves files.
pub(super) fn seed(args: &SeedArgs) -> Result<ExitCode> {
    let by_dialect = if args.swarm.dialect.is_unprotected {
        HashFunction::Sha1
    } else {
        HashFunction::Sha256
    };
    let function = args.hash.map_or(by_dialect, HashFunction::from);
    let integrity = args.protection.method(args.swarm.dialect);
    if let Some(complaint) = misused_swarm_id(args, integrity).or_else(|| misfit(&args.swarm)) {
        complain(format_args!("{complaint}"));
        return Ok(ExitCode::from(USAGE));
    }
    let (tree, chunk_size) = shape(function, args.swarm.chunk_size)?;
    let mut driver = open(&args.work)?;
    let mut members = Members::read(&args.work.members, &mut driver)?;
    let mut swarms = Vec::new();
    for file in &args.files {
        let length = std::fs::metadata(file).map_or(0, |data| data.len());
        let mut progress = Progress::new(args.work.json);
        let mut hashed = 0;
        let options = options(&args.swarm, args.force);
        let (store, root) = FileStore::seed(file, tree, chunk_size, &options, |bytes| {
            hashed += bytes;
            progress.update(hashed, Some(length));
        })?;
        progress.finish();
        let id = match &args.swarm_id {
            Some(id) => id.0.clone(),
            None => root.as_bytes().to_vec(),
        };
        let config = SwarmConfig {
            integrity,
            membership: members.of(&id),
            ..swarm(&args.swarm, &id, function, Picking::Sequential, false)
        };
        if args.misbehave.is_some() {
            driver.mislead(Rogue::new(args.misbehave, &config));
        }
        let now = driver.now();
        let key = driver.peer.join(now, config, Box::new(store))?;
        // That its own content is there is no news of a seeder.
        while driver.event().is_some() {}
        swarms.push((key, id));
    }
    members.complain_of_others();
    // Who reads where it listens may stop it at once, and it must end in order.
    let stop = stop_signal()?;
    for ((_, id), file) in swarms.iter().zip(&args.files) {
        announce(&args.work, &driver, id, &file.display().to_string())?;
    }
    let keys: Vec<_> = swarms.iter().map(|(key, _)| *key).collect();
    let task = Task {
        swarms: &keys,
        from: &[],
        until: Until::Stopped,
        patience: None,
        check: None,
    };
    let mut teller = Teller::new(&args.work, swarms, args.swarm.chunk_size, driver.now());
    Ok(match work(&mut driver, task, &stop, &mut teller)? {
        End::Failed => ExitCode::from(UNREADABLE),
        _ => ExitCode::SUCCESS,
    })
}

/// Fetches a file.
pub(super) fn leech(args: &LeechArgs) -> Result<ExitCode> {
    let id = &args.id.0;
    let integrity = args.protection.method(args.swarm.dialect);
    let is_protected = integrity != ContentIntegrity::None;
    let complaint = misfit(&args.swarm).or_else(|| {
        let is_given = args.size.is_some() && is_protected;
        is_given.then_some("--size is for --integrity none: the root hash proves the length")
    });
    if let Some(complaint) = complaint {
        complain(format_args!("{complaint}"));
        return Ok(ExitCode::from(USAGE));
    }
    let by_length = HashFunction::from_length(id.len());
    // What needs no root hash is hashed all the same, to notice damage on the disk.
    let any = (!is_protected).then_some(HashFunction::Sha256);
    let Some(function) = args.hash.map(HashFunction::from).or(by_length).or(any) else {
        complain(format_args!(
            "a swarm ID of {} bytes is no root hash; static content has one of 20, 28, 32, 48 or 64",
            id.len()
        ));
        return Ok(ExitCode::from(USAGE));
    };
    let (tree, chunk_size) = shape(function, args.swarm.chunk_size)?;
    let root = Hash::from_bytes(id).filter(|_| Some(id.len()) == function.length());
    if is_protected && root.is_none() {
        complain(format_args!(
            "a swarm ID of {} bytes is no root hash of {function}",
            id.len()
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let from = addresses(&args.from)?;
    let mut driver = open(&args.work)?;
    let mut members = Members::read(&args.work.members, &mut driver)?;
    let membership = members.of(id);
    members.complain_of_others();
    let mut progress = Progress::new(args.work.json);
    let mut hashed = 0;
    let options = options(&args.swarm, args.force);
    let file = &args.output;
    let hashing = |bytes| {
        hashed += bytes;
        progress.update(hashed, None);
    };
    let store = match root.filter(|_| is_protected) {
        Some(root) => FileStore::leech(file, &root, tree, chunk_size, &options, hashing),
        None => FileStore::leech_unprotected(file, id, tree, chunk_size, &options, hashing),
    }?;
    progress.finish();
    let config = SwarmConfig {
        integrity,
        unprotected: Unprotected {
            is_live: false,
            length: args.size,
        },
        membership,
        ..swarm(&args.swarm, id, function, args.picking, true)
    };
    if args.misbehave.is_some() {
        driver.mislead(Rogue::new(args.misbehave, &config));
    }
    let now = driver.now();
    let key = driver.peer.join(now, config, Box::new(store))?;
    for &address in &from {
        driver.peer.connect(now, key, address);
    }
    let until = if args.keep {
        Until::Stopped
    } else {
        Until::Complete
    };
    let patience = (!args.keep).then(|| Duration::from_secs(args.patience));
    let check = RootCheck::new(file, id, tree, chunk_size).filter(|_| !is_protected);
    let task = Task {
        swarms: &[key],
        from: &from,
        until,
        patience,
        check: check.as_ref(),
    };
    let swarms = vec![(key, id.clone())];
    let mut teller = Teller::new(&args.work, swarms, args.swarm.chunk_size, now);
    if !is_protected {
        teller.vouch(Vouching::new(check.clone(), id.len()));
    }
    let stop = stop_signal()?;
    let end = work(&mut driver, task, &stop, &mut teller)?;
    let complete = driver.peer.is_complete(key);
    // Closes the store in order.
    drop(driver);
    Ok(match end {
        _ if complete && teller.has_doubts() => ExitCode::from(BAD),
        _ if complete => ExitCode::SUCCESS,
        End::Deserted if !teller.has_met() => {
            complain(format_args!(
                "no peer at {} serves this swarm: nobody has answered for {} seconds; \
                 check the swarm ID, the addresses and --dialect",
                args.from.join(", "),
                args.patience
            ));
            ExitCode::from(UNREADABLE)
        }
        End::Deserted => {
            match teller.possible_size() {
                Some(chunks) => complain(format_args!(
                    "the {chunks} chunks that were offered are there, and nothing tells whether \
                     they are all: if so, the same command with --size {} takes them",
                    chunks * u64::from(args.swarm.chunk_size)
                )),
                None => complain(format_args!(
                    "nothing has come for {} seconds; what is there is kept, \
                     the same command goes on with it",
                    args.patience
                )),
            }
            ExitCode::from(UNREADABLE)
        }
        End::Failed => ExitCode::from(UNREADABLE),
        End::Stopped | End::Complete => ExitCode::from(BAD),
    })
}

fn shape(function: HashFunction, chunk_size: u32) -> Result<(TreeHash, NonZeroU32)> {
    let tree = TreeHash::new(function).context("no such hash function")?;
    let size = NonZeroU32::new(chunk_size).context("chunks must have a size")?;
    Ok((tree, size))
}

fn options(args: &SwarmArgs, force: bool) -> StoreOptions {
    StoreOptions {
        state_directory: args.state_dir.clone(),
        force,
        ..StoreOptions::default()
    }
}

fn swarm(
    args: &SwarmArgs,
    id: &[u8],
    hash_function: HashFunction,
    picking: Picking,
    wants_content: bool,
) -> SwarmConfig {
    SwarmConfig {
        id: id.to_vec(),
        integrity: ContentIntegrity::Merkle,
        hash_function,
        addressing: args.addressing.into(),
        chunk_size: args.chunk_size,
        profile: args.dialect,
        picking,
        reciprocity: args.reciprocity,
        wants_content,
        live: LiveConfig::default(),
        unprotected: Unprotected::default(),
        membership: Membership::default(),
    }
}

/// Why `--swarm-id` can't be used as it is.
fn misused_swarm_id(args: &SeedArgs, integrity: ContentIntegrity) -> Option<&'static str> {
    args.swarm_id.as_ref()?;
    if integrity != ContentIntegrity::None {
        return Some(
            "--swarm-id is for --integrity none: a Merkle tree's root hash is its swarm ID",
        );
    }
    (args.files.len() > 1).then_some("--swarm-id names one swarm, and several files are several")
}

/// What the dialect does not know of what the swarm shall have.
pub(super) fn misfit(args: &SwarmArgs) -> Option<&'static str> {
    let is_pyppspp = args.dialect.is_unprotected;
    let is_known = args.chunk_size == 1024
        && ChunkAddressing::from(args.addressing) == ChunkAddressing::Chunk32;
    (is_pyppspp && !is_known)
        .then_some("PyPPSPP knows nothing but --chunk-size 1024 and --addressing chunk32")
}

/// The addresses of peers, by name or number.
pub(super) fn addresses(names: &[String]) -> Result<Vec<SocketAddr>> {
    let mut all = Vec::new();
    for name in names {
        let found = name
            .to_socket_addrs()
            .with_context(|| {
                format!("--from {name}: this is no HOST:PORT that can be resolved; check the name, or give an IP address and a port")
            })?
            .next();
        match found {
            Some(address) => all.push(address),
            None => bail!("--from {name}: the name has no address"),
        }
    }
    Ok(all)
}

pub(super) fn open(args: &WorkArgs) -> Result<Driver> {
    let link = Link::open(args.listen)?.with_offload(args.offload);
    let recorder = args.write.as_ref().map(|path| {
        Recorder::create(path, link.address(), complain_of_recording)
            .with_context(|| format!("-w {}", path.display()))
    });
    let recorder = recorder.transpose()?;
    let config = PeerConfig {
        upload_rate: args.rate,
        ..PeerConfig::default()
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    let mut driver = Driver::new(Peer::new(config, seed), link);
    if let Some(recorder) = recorder {
        driver.record(recorder);
    }
    Ok(driver)
}

fn complain_of_recording(path: &Path, error: &WriteError) {
    complain(format_args!(
        "-w {}: {error}; recording has stopped, the transfer goes on",
        path.display()
    ));
}

/// Works until the end, and tells of it.
fn work(
    driver: &mut Driver,
    task: Task<'_>,
    stop: &AtomicBool,
    teller: &mut Teller,
) -> Result<End> {
    let end = run(driver, task, stop, |driver, now, news| {
        // Nobody may be left to read it.
        let _ = teller.tell(driver, now, &news);
    })?;
    teller.end();
    Ok(end)
}
