//! `peer seed` and `peer leech`.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use super::peer_args::{LeechArgs, SeedArgs, SwarmArgs, WorkArgs};
use super::transfer_news::{Teller, announce};
use super::{BAD, UNREADABLE, USAGE, complain};
use crate::capture::WriteError;
use crate::peer::engine::{LiveConfig, Peer, PeerConfig, Picking, SwarmConfig};
use crate::peer::misbehave::Rogue;
use crate::peer::net::{Driver, Link, Recorder};
use crate::peer::storage::{FileStore, StoreOptions};
use crate::peer::task::{End, Task, Until, run};
use crate::progress::Progress;

/// Serves files.
pub(super) fn seed(args: &SeedArgs) -> Result<ExitCode> {
    let function = HashFunction::from(args.hash);
    let (tree, chunk_size) = shape(function, args.swarm.chunk_size)?;
    let mut driver = open(&args.work)?;
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
        let config = swarm(
            &args.swarm,
            root.as_bytes(),
            function,
            Picking::Sequential,
            false,
        );
        if args.misbehave.is_some() {
            driver.mislead(Rogue::new(args.misbehave, &config));
        }
        let now = driver.now();
        let key = driver.peer.join(now, config, Box::new(store))?;
        // That its own content is there is no news of a seeder.
        while driver.peer.event().is_some() {}
        swarms.push((key, root.as_bytes().to_vec()));
    }
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
    let by_length = HashFunction::from_length(id.len());
    let Some(function) = args.hash.map(HashFunction::from).or(by_length) else {
        complain(format_args!(
            "a swarm ID of {} bytes is no root hash; static content has one of 20, 28, 32, 48 or 64",
            id.len()
        ));
        return Ok(ExitCode::from(USAGE));
    };
    let (tree, chunk_size) = shape(function, args.swarm.chunk_size)?;
    let Some(root) = Hash::from_bytes(id).filter(|_| Some(id.len()) == function.length()) else {
        complain(format_args!(
            "a swarm ID of {} bytes is no root hash of {function}",
            id.len()
        ));
        return Ok(ExitCode::from(USAGE));
    };
    let from = addresses(&args.from)?;
    let mut driver = open(&args.work)?;
    let mut progress = Progress::new(args.work.json);
    let mut hashed = 0;
    let store = FileStore::leech(
        &args.output,
        &root,
        tree,
        chunk_size,
        &options(&args.swarm, args.force),
        |bytes| {
            hashed += bytes;
            progress.update(hashed, None);
        },
    )?;
    progress.finish();
    let config = swarm(&args.swarm, id, function, args.picking, true);
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
    let task = Task {
        swarms: &[key],
        from: &from,
        until,
        patience,
    };
    let swarms = vec![(key, id.clone())];
    let mut teller = Teller::new(&args.work, swarms, args.swarm.chunk_size, now);
    let stop = stop_signal()?;
    let end = work(&mut driver, task, &stop, &mut teller)?;
    let complete = driver.peer.is_complete(key);
    // Closes the store in order.
    drop(driver);
    Ok(match end {
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
            complain(format_args!(
                "nothing has come for {} seconds; what is there is kept, \
                 the same command goes on with it",
                args.patience
            ));
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
    }
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
    let link = Link::open(args.listen)?;
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

/// What a signal to end sets.
fn stop_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    Ok(stop)
}
