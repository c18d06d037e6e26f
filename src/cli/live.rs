//! `peer inject` and `peer view`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result};
use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::ContentIntegrity;

use super::live_args::{InjectArgs, LiveArgs, ViewArgs};
use super::members::Members;
use super::peer_args::{MemberArgs, SwarmArgs, WorkArgs};
use super::signals::stop_signal;
use super::transfer::{addresses, misfit, open};
use super::{BAD, UNREADABLE, USAGE, complain};
use crate::output::{Hex, write_event, write_event_json};
use crate::peer::engine::{
    Event, LiveConfig, Membership, Moment, Picking, SwarmConfig, SwarmKey, Unprotected,
};
use crate::peer::keys::{SigningKey, read_key_file};
use crate::peer::misbehave::Rogue;
use crate::peer::net::Driver;
use crate::peer::player::Player;
use crate::peer::source::{Next, Source};
use crate::peer::storage::MemoryStore;

/// How long the loop waits for something to do, at most.
const STEP: Duration = Duration::from_millis(5);

/// Chunks that are injected before datagrams are looked at.
const BURST: usize = 64;

/// How long a missing chunk is waited for while later ones are there.
const GAP: Duration = Duration::from_secs(3);

/// Streams what a source has.
pub(super) fn inject(args: &InjectArgs) -> Result<ExitCode> {
    let integrity = args.live.method(args.swarm.dialect);
    let is_protected = integrity != ContentIntegrity::None;
    let complaint = misfit(&args.swarm).or(match (&args.key, &args.swarm_id) {
        (None, _) if is_protected => {
            Some("--key names the private key that signs the stream; `peer keygen` makes one")
        }
        (_, Some(_)) if is_protected => {
            Some("--swarm-id is for --integrity none: the swarm ID is the key's public half")
        }
        (Some(_), _) if !is_protected => Some("--key signs nothing with --integrity none"),
        (_, None) if !is_protected => Some("--swarm-id names a stream that has no key"),
        _ => None,
    });
    if let Some(complaint) = complaint {
        complain(format_args!("{complaint}"));
        return Ok(ExitCode::from(USAGE));
    }
    let key = args
        .key
        .as_ref()
        .map(|key| read_key_file(key, args.kind.algorithm()))
        .transpose()?;
    let given = args.swarm_id.as_ref().map(|id| id.0.clone());
    let id = match &key {
        Some(key) => key.swarm_id(),
        None => given.unwrap_or_default(),
    };
    if let Some(weakness) = key.as_ref().and_then(SigningKey::weakness) {
        complain(format_args!("{weakness}"));
    }
    let source = Source::open(&args.source, args.swarm.chunk_size as usize, args.pace)?;
    let stop = stop_signal()?;
    let mut driver = open(&args.work)?;
    let config = swarm(
        &args.live,
        &args.swarm,
        id.clone(),
        args.per_signature,
        false,
    );
    if args.misbehave.is_some() {
        let rogue = Rogue::new(args.misbehave, &config);
        driver.mislead(match &key {
            Some(key) => rogue.with_key(key),
            None => rogue,
        });
    }
    let swarm = join(&mut driver, config, &args.work.members)?;
    announce(&args.work, &driver, &id)?;
    let mut sign = |parts: &[&[u8]]| match &key {
        Some(key) => key.sign(parts),
        // Nothing is signed where nothing protects the stream.
        None => Vec::new(),
    };
    let mut ended: Option<Moment> = None;
    let mut broken = None;
    loop {
        let mut idle = true;
        for _ in 0..BURST {
            if ended.is_some() {
                break;
            }
            let now = driver.now();
            match source.next_chunk() {
                Next::Chunk(chunk) => {
                    idle = false;
                    driver.peer.inject(now, swarm, &chunk, &mut sign)?;
                }
                Next::Wait => break,
                Next::End(end) => {
                    driver.peer.finish_stream(now, swarm, &mut sign)?;
                    broken = end.err();
                    ended = Some(now);
                }
            }
        }
        driver.step(if idle { STEP } else { Duration::ZERO })?;
        let now = driver.now();
        while let Some(event) = driver.event() {
            tell(&args.work, now, &event)?;
        }
        let is_over = ended.is_some_and(|at| now.since(at) >= Duration::from_secs(args.linger));
        if is_over || stop.load(Ordering::Relaxed) {
            break;
        }
    }
    driver.close()?;
    match broken {
        Some(error) => {
            complain(format_args!("{error}"));
            Ok(ExitCode::from(UNREADABLE))
        }
        None => Ok(ExitCode::SUCCESS),
    }
}

/// Watches a stream.
pub(super) fn view(args: &ViewArgs) -> Result<ExitCode> {
    if let Some(complaint) = misfit(&args.swarm) {
        complain(format_args!("{complaint}"));
        return Ok(ExitCode::from(USAGE));
    }
    let is_protected = args.live.method(args.swarm.dialect) != ContentIntegrity::None;
    if is_protected && let Err(error) = PublicKey::from_swarm_id(&args.id.0) {
        complain(format_args!(
            "SWARM-ID: {error}; a live stream's is what `peer keygen` or `peer id` prints"
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let from = addresses(&args.from)?;
    let mut out = output(args.output.as_deref(), args.force)?;
    let stop = stop_signal()?;
    let mut driver = open(&args.work)?;
    let mut config = swarm(&args.live, &args.swarm, args.id.0.clone(), 2, true);
    if let Some(misbehaviour) = args.misbehave {
        misbehaviour.prepare(&mut config);
        driver.mislead(Rogue::new(args.misbehave, &config));
    }
    let swarm = join(&mut driver, config, &args.work.members)?;
    let now = driver.now();
    for address in from {
        driver.peer.connect(now, swarm, address);
    }
    let mut player = Player::new(GAP, now);
    let mut written = 0;
    let patience = Duration::from_secs(args.patience);
    let mut deserted = false;
    loop {
        driver.step(STEP)?;
        let now = driver.now();
        while let Some(event) = driver.event() {
            tell_aside(&args.work, now, &event)?;
        }
        match play(&mut driver, &mut player, swarm, &mut out) {
            Ok(more) => written += more,
            // Who reads it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => {
                driver.close()?;
                return Err(error).context("writing the stream");
            }
        }
        let silent = now.since(player.latest());
        // A source that has gone sends nothing more.
        let is_alone = driver.peer.channels(swarm).next().is_none() && written > 0;
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if silent >= patience || (is_alone && silent >= patience.min(GAP)) {
            deserted = true;
            break;
        }
    }
    driver.close()?;
    out.flush().context("writing the stream")?;
    if player.skipped() > 0 {
        complain(format_args!(
            "{} chunks did not come in time and are left out",
            player.skipped()
        ));
        return Ok(ExitCode::from(BAD));
    }
    if deserted && written == 0 {
        complain(format_args!(
            "nothing came for {} seconds: no peer answered, or the stream has ended",
            args.patience
        ));
        return Ok(ExitCode::from(UNREADABLE));
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes what is there of the stream, in its order; how many bytes.
fn play(
    driver: &mut Driver,
    player: &mut Player,
    swarm: SwarmKey,
    out: &mut dyn Write,
) -> io::Result<u64> {
    let now = driver.now();
    let mut written = 0;
    player.play(now, &mut driver.peer, swarm, |_, chunk| {
        written += chunk.len() as u64;
        out.write_all(chunk)
    })?;
    if written > 0 {
        out.flush()?;
    }
    Ok(written)
}

fn output(file: Option<&Path>, force: bool) -> Result<Box<dyn Write>> {
    let Some(path) = file else {
        return Ok(Box::new(io::stdout()));
    };
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(force)
        .create_new(!force)
        .truncate(force);
    let file = options.open(path).with_context(|| {
        let advice = if path.exists() && !force {
            "; --force overwrites it"
        } else {
            ""
        };
        format!("writing {}{advice}", path.display())
    })?;
    Ok(Box::new(file))
}

fn swarm(
    live: &LiveArgs,
    args: &SwarmArgs,
    id: Vec<u8>,
    chunks_per_signature: u64,
    wants_content: bool,
) -> SwarmConfig {
    SwarmConfig {
        id,
        integrity: live.method(args.dialect),
        hash_function: live.hash.into(),
        addressing: args.addressing.into(),
        chunk_size: args.chunk_size,
        profile: args.dialect,
        picking: Picking::InOrder,
        reciprocity: args.reciprocity,
        wants_content,
        live: LiveConfig {
            window: live.window,
            chunks_per_signature,
        },
        unprotected: Unprotected {
            is_live: true,
            length: None,
        },
        membership: Membership::default(),
    }
}

fn join(driver: &mut Driver, mut config: SwarmConfig, args: &MemberArgs) -> Result<SwarmKey> {
    let mut members = Members::read(args, driver)?;
    config.membership = members.of(&config.id);
    members.complain_of_others();
    let chunk_size = NonZeroU32::new(config.chunk_size).context("chunks must have a size")?;
    let now = driver.now();
    let store = Box::new(MemoryStore::for_stream(chunk_size));
    Ok(driver.peer.join(now, config, store)?)
}

/// Says what is streamed where.
fn announce(args: &WorkArgs, driver: &Driver, id: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    let (id, address) = (Hex(id), driver.link().address());
    if args.json {
        let object = serde_json::json!({
            "event": "streaming",
            "swarm": id.to_string(),
            "listen": address.to_string(),
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{id}  on {address}")?;
    }
    out.flush()?;
    Ok(())
}

fn tell(args: &WorkArgs, now: Moment, event: &Event) -> io::Result<()> {
    if args.json {
        let mut out = io::stdout().lock();
        write_event_json(&mut out, now, event)?;
        return out.flush();
    }
    tell_aside(args, now, event)
}

/// The same on standard error: standard output may be the stream.
fn tell_aside(args: &WorkArgs, now: Moment, event: &Event) -> io::Result<()> {
    let mut errors = io::stderr().lock();
    if args.json {
        return write_event_json(&mut errors, now, event);
    }
    if matches!(event, Event::PeerFound { .. }) {
        return Ok(());
    }
    write_event(&mut errors, event)?;
    writeln!(errors)
}
