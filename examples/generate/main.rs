//! Writes a large capture for benchmarks: seeders sending static content to
//! leechers, in as many datagrams as wanted.
//!
//! `generate FILE [--datagrams N] [--swarms N] [--seed N] [--hostile KIND]`
//!
//! KIND is one of swarms, long-ids, strangers, scattered, hashes, noise: datagrams that
//! are meant to cost an analyzer much.
//!
//! Content, IDs and times follow from the seed, so the same arguments write
//! the same file. All hashes are real. Frames are written as they are made;
//! memory goes to the hash trees, 64 bytes a chunk.

#[path = "../captures/catalog/content.rs"]
mod content;
mod hostile;
#[path = "../captures/catalog/packet.rs"]
mod packet;
#[path = "../captures/catalog/pcap.rs"]
mod pcap;
mod swarm;
#[path = "../captures/catalog/tree.rs"]
mod tree;

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::{env, process};

use hostile::{Attack, Hostility};
use swarm::Transfer;

/// 2026-11-22T04:34:01Z in microseconds.
const START: u64 = 1_795_322_041_000_000;

/// Microseconds between two datagrams: about 1 Gbit/s.
const GAP: u64 = 9;

struct Arguments {
    file: PathBuf,
    datagrams: u64,
    swarms: u64,
    chunk_size: u32,
    seed: u64,
    hostile: Option<Hostility>,
}

fn main() -> io::Result<()> {
    let Some(arguments) = arguments() else {
        eprintln!(
            "usage: generate FILE [--datagrams N] [--swarms N] [--chunk-size BYTES] [--seed N] \
             [--hostile swarms|long-ids|strangers|scattered|hashes|noise]"
        );
        process::exit(2);
    };
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&arguments.file)?);
    match arguments.hostile {
        Some(hostility) => write_attack(&arguments, hostility, &mut out)?,
        None => write_capture(&arguments, &mut out)?,
    }
    out.flush()
}

fn arguments() -> Option<Arguments> {
    let mut given = env::args_os().skip(1);
    let mut arguments = Arguments {
        // An option in its place is a question for the usage.
        file: PathBuf::from(
            given
                .next()
                .filter(|name| !name.to_string_lossy().starts_with('-'))?,
        ),
        datagrams: 1_000_000,
        swarms: 4,
        chunk_size: 1024,
        seed: 1,
        hostile: None,
    };
    while let Some(name) = given.next() {
        let value = given.next()?;
        let value = value.to_str()?;
        if name == "--hostile" {
            arguments.hostile = Some(Hostility::by_name(value)?);
            continue;
        }
        let number = value.parse().ok()?;
        match name.to_str()? {
            "--datagrams" => arguments.datagrams = number,
            "--swarms" if number > 0 => arguments.swarms = number,
            "--chunk-size" if (1..=60_000).contains(&number) => {
                arguments.chunk_size = number as u32;
            }
            "--seed" => arguments.seed = number,
            _ => return None,
        }
    }
    Some(arguments)
}

fn write_attack(
    arguments: &Arguments,
    hostility: Hostility,
    out: &mut impl Write,
) -> io::Result<()> {
    pcap::write_header(out)?;
    let mut attack = Attack::new(hostility, arguments.seed);
    let mut frame = Vec::new();
    for number in 0..arguments.datagrams {
        let (source, destination, payload) = attack.next_datagram();
        frame.clear();
        packet::push_frame(source, destination, number as u16, payload, &mut frame);
        pcap::write_frame(out, START + number * GAP, &frame)?;
    }
    Ok(())
}

fn write_capture(arguments: &Arguments, out: &mut impl Write) -> io::Result<()> {
    // Nearly every datagram brings a chunk, so this content does not run out.
    let chunks = arguments.datagrams / arguments.swarms + 1;
    let mut transfers: Vec<_> = (0..arguments.swarms)
        .map(|number| {
            let seed = arguments.seed << 32 | number;
            Transfer::new(seed, number, chunks, arguments.chunk_size)
        })
        .collect();
    pcap::write_header(out)?;
    let mut frame = Vec::new();
    let mut time = START;
    let mut written = 0;
    // Bursts of one swarm, then of the next, as several downloads share a line.
    for turn in 0.. {
        let count = transfers.len();
        let transfer = &mut transfers[turn % count];
        for _ in 0..BURST {
            if written == arguments.datagrams {
                return Ok(());
            }
            let (source, destination, payload) = transfer.next_datagram(time);
            frame.clear();
            packet::push_frame(source, destination, written as u16, payload, &mut frame);
            pcap::write_frame(out, time, &frame)?;
            time += GAP;
            written += 1;
        }
    }
    Ok(())
}

/// Datagrams of one swarm before the next one has its turn.
const BURST: usize = 8;
