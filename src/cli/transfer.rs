//! `peer seed` and `peer leech`.

use std::io::{self, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroU32;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use super::peer_args::{LeechArgs, SeedArgs, SwarmArgs, WorkArgs};
use super::{BAD, UNREADABLE, USAGE, complain};
use crate::output::{
    Hex, TransferSummary, write_event, write_event_json, write_transfer, write_transfer_json,
};
use crate::peer::engine::{
    Event, LiveConfig, Moment, Peer, PeerConfig, Picking, SwarmConfig, SwarmKey,
};
use crate::peer::net::{Driver, Link};
use crate::peer::storage::{FileStore, StoreOptions};
use crate::peer::task::{End, News, Until, run};
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
        let options = options(&args.swarm, false);
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
        let now = driver.now();
        let key = driver.peer.join(now, config, Box::new(store))?;
        swarms.push((key, root.as_bytes().to_vec()));
        announce(
            &args.work,
            &driver,
            root.as_bytes(),
            &file.display().to_string(),
        )?;
    }
    let end = work(
        &mut driver,
        &swarms,
        &args.swarm,
        &args.work,
        Until::Stopped,
        None,
    )?;
    Ok(match end {
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
    for address in from {
        driver.peer.connect(now, key, address);
    }
    let until = if args.keep {
        Until::Stopped
    } else {
        Until::Complete
    };
    let patience = (!args.keep).then(|| Duration::from_secs(args.patience));
    let swarms = [(key, id.clone())];
    let end = work(
        &mut driver,
        &swarms,
        &args.swarm,
        &args.work,
        until,
        patience,
    )?;
    let complete = driver.peer.is_complete(key);
    // Closes the store in order.
    drop(driver);
    Ok(match end {
        _ if complete => ExitCode::SUCCESS,
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
            .with_context(|| format!("--from {name}"))?
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
    let config = PeerConfig {
        upload_rate: args.rate,
        ..PeerConfig::default()
    };
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| anyhow::anyhow!("no random numbers: {error}"))?;
    Ok(Driver::new(Peer::new(config, seed), link))
}

/// Says what is served where.
fn announce(args: &WorkArgs, driver: &Driver, id: &[u8], file: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let (id, address) = (Hex(id), driver.link().address());
    if args.json {
        let object = serde_json::json!({
            "event": "seeding",
            "swarm": id.to_string(),
            "listen": address.to_string(),
            "file": file,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{id}  {file}  on {address}")?;
    }
    out.flush()?;
    Ok(())
}

/// Works until the end, and tells of it.
fn work(
    driver: &mut Driver,
    swarms: &[(SwarmKey, Vec<u8>)],
    swarm: &SwarmArgs,
    args: &WorkArgs,
    until: Until,
    patience: Option<Duration>,
) -> Result<End> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let keys: Vec<_> = swarms.iter().map(|(key, _)| *key).collect();
    let mut before: Vec<(Moment, u64, u64)> = vec![(driver.now(), 0, 0); swarms.len()];
    let live = io::stderr().is_terminal();
    let end = run(
        driver,
        &keys,
        until,
        patience,
        &stop,
        |driver, now, news| {
            // Nobody may be left to read it.
            let _ = tell(
                driver,
                now,
                &news,
                swarms,
                swarm.chunk_size,
                &mut before,
                args.json,
                live,
            );
        },
    )?;
    if live && !args.json {
        let _ = writeln!(io::stderr());
    }
    Ok(end)
}

#[expect(clippy::too_many_arguments, reason = "what is told, of what, and how")]
fn tell(
    driver: &Driver,
    now: Moment,
    news: &News<'_>,
    swarms: &[(SwarmKey, Vec<u8>)],
    chunk_size: u32,
    before: &mut [(Moment, u64, u64)],
    json: bool,
    live: bool,
) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut errors = io::stderr().lock();
    match news {
        News::Event(event) if json => {
            write_event_json(&mut out, now, event)?;
            out.flush()?;
        }
        News::Event(event) => {
            if matches!(event, Event::PeerFound { .. }) {
                return Ok(());
            }
            if live {
                write!(errors, "\r\x1b[K")?;
            }
            write_event(&mut errors, event)?;
            writeln!(errors)?;
        }
        News::Tick => {
            for ((swarm, id), before) in swarms.iter().zip(before) {
                let totals = driver.peer.totals(*swarm);
                let summary = TransferSummary {
                    peer: &driver.peer,
                    swarm: *swarm,
                    id,
                    chunk_size,
                    received: totals.received - before.1,
                    sent: totals.sent - before.2,
                    within: now.since(before.0),
                };
                *before = (now, totals.received, totals.sent);
                if json {
                    write_transfer_json(&mut out, now, &summary)?;
                } else if live {
                    write!(errors, "\r\x1b[K")?;
                    write_transfer(&mut errors, &summary)?;
                }
            }
            out.flush()?;
        }
    }
    errors.flush()
}
