//! Targets that flood a prober over real sockets: it ends in time, by itself, and its
//! memory stays small. Between the prober and an honest peer of ours sits a relay that
//! adds what nobody asked for.

mod support;

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};
use std::{fs, process};

use support::program::program;
use support::transfer::{Peer, Seeder, content, write};

/// Kilobytes that a prober may use: what it keeps of a case has a limit of 16 MiB, and
/// what it keeps of all one of 256.
const MOST_MEMORY: u64 = 450_000;

/// What is added.
#[derive(Clone, Copy, Debug)]
enum Flood {
    /// Datagrams of so many bytes that mean nothing, on the channel of the last one.
    Garbage(usize),
    /// A thousand messages each about chunks that nobody asked for: of these types, with
    /// so many bytes behind the chunks.
    Messages(&'static [(u8, usize)]),
}

const FROM_SEEDER: Flood = Flood::Messages(&[(1, 8), (3, 0), (4, 32)]);
const FROM_LEECHER: Flood = Flood::Messages(&[(2, 8), (3, 0), (8, 0)]);

/// How long between two datagrams of a flood.
const PACE: Duration = Duration::from_micros(300);

impl Flood {
    fn datagram(self, channel: [u8; 4], round: u64) -> Vec<u8> {
        let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        let mut bytes = channel.to_vec();
        match self {
            Self::Garbage(length) => {
                bytes.push((round % 16) as u8);
                while bytes.len() < length {
                    bytes.extend(next().to_be_bytes());
                }
                bytes.truncate(length);
            }
            Self::Messages(kinds) => {
                for round in 0..1000 {
                    let (kind, rest) = kinds[round % kinds.len()];
                    let chunk = (next() as u32) >> (next() % 32);
                    bytes.push(kind);
                    bytes.extend(chunk.to_be_bytes());
                    bytes.extend(chunk.to_be_bytes());
                    bytes.resize(bytes.len() + rest, 0x5a);
                }
            }
        }
        bytes
    }
}

/// Whom a relay floods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// Those that come to it.
    Clients,
    /// The one that it leads to.
    Server,
}

/// A relay to a server, which floods one side.
struct Relay {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn start(server: SocketAddr, victim: Victim, flood: Flood) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = front.local_addr().expect("an address");
        front.set_nonblocking(true).expect("set");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = spawn(move || {
            // The latest client is the last one.
            let mut clients: VecDeque<(SocketAddr, UdpSocket)> = VecDeque::new();
            let mut channels = [None; 2];
            let mut buffer = vec![0; 65_536];
            let mut round = 0;
            while !stopped.load(Ordering::Relaxed) {
                while let Ok((length, client)) = front.recv_from(&mut buffer) {
                    if let Some(place) = clients.iter().position(|(it, _)| *it == client) {
                        clients.rotate_left(place + 1);
                    } else {
                        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
                        socket.set_nonblocking(true).expect("set");
                        clients.push_back((client, socket));
                    }
                    if clients.len() > 32 {
                        clients.pop_front();
                    }
                    let datagram = &buffer[..length];
                    channels[1] = datagram.first_chunk::<4>().copied().or(channels[1]);
                    let (_, socket) = clients.back().expect("a client");
                    let _ = socket.send_to(datagram, server);
                }
                for (client, socket) in &clients {
                    while let Ok((length, _)) = socket.recv_from(&mut buffer) {
                        let datagram = &buffer[..length];
                        channels[0] = datagram.first_chunk::<4>().copied().or(channels[0]);
                        let _ = front.send_to(datagram, client);
                    }
                }
                round += 1;
                if let Some((client, socket)) = clients.back() {
                    let _ = match (victim, channels) {
                        (Victim::Clients, [Some(channel), _]) => {
                            front.send_to(&flood.datagram(channel, round), client)
                        }
                        (Victim::Server, [_, Some(channel)]) if channel != [0; 4] => {
                            socket.send_to(&flood.datagram(channel, round), server)
                        }
                        _ => Ok(0),
                    };
                }
                sleep(PACE);
            }
        });
        Self {
            address,
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Kilobytes that a process uses now.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    number.and_then(|it| it.parse().ok()).unwrap_or(0)
}

/// Waits until a prober ends by itself; its exit status and the most memory that it used.
#[track_caller]
fn watch(mut prober: Child, within: Duration) -> (process::ExitStatus, u64) {
    let began = Instant::now();
    let mut most = 0;
    loop {
        if let Some(status) = prober.try_wait().expect("a process") {
            return (status, most);
        }
        most = most.max(memory(prober.id()));
        if began.elapsed() > within {
            let _ = prober.kill();
            panic!("it hangs");
        }
        sleep(Duration::from_millis(20));
    }
}

#[track_caller]
fn check((status, memory): (process::ExitStatus, u64)) {
    let code = status.code();
    // It may find whatever it wants, or nobody.
    assert!(matches!(code, Some(0 | 1 | 3)), "{status}");
    assert!(memory < MOST_MEMORY, "{memory} kB");
    eprintln!("status {code:?}, {memory} kB at most");
}

/// Probes a seeder behind a flood.
fn flooded_by_seeder(folder: &Path, flood: Flood, cases: &[&str], within: Duration) {
    write(folder, "a.bin", &content(1, 40_000));
    let seeder = Seeder::start(folder, "a.bin", &[]);
    let server = seeder.address.parse().expect("an address");
    let relay = Relay::start(server, Victim::Clients, flood);
    let target = relay.address.to_string();
    let prober = program()
        .args(["probe", &target, "--swarm", &seeder.id, "--timeout", "0.2"])
        .args(cases)
        .stdout(Stdio::null())
        .spawn()
        .expect("it starts");
    check(watch(prober, within));
}

/// Probes leechers behind a flood.
fn flooded_by_leecher(folder: &Path, flood: Flood, cases: &[&str], within: Duration) {
    let mut prober = program()
        .args(["probe", "--serve", "127.0.0.1", "--timeout", "0.2"])
        .args(cases)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let invitations = BufReader::new(prober.stderr.take().expect("a pipe"));
    let folder = folder.to_owned();
    let leechers = spawn(move || {
        // The one before and its relay are gone when the next one comes.
        let mut running: Option<(Peer, Relay)> = None;
        for (count, line) in invitations.lines().map_while(Result::ok).enumerate() {
            drop(running.take());
            let Some((_, invitation)) = line.split_once("waiting for a leecher of swarm ") else {
                panic!("{line}");
            };
            let (id, address) = invitation.split_once(" at ").expect("where");
            let server = address.parse().expect("an address");
            let relay = Relay::start(server, Victim::Server, flood);
            let from = relay.address.to_string();
            let output = format!("got-{count}");
            let leecher = Peer::start(&folder, ["leech", id, "--from", &from, "-o", &output]);
            running = Some((leecher, relay));
        }
    });
    check(watch(prober, within));
    leechers.join().expect("they end");
}

const SOME: &[&str] = &["--case", "3.7", "--case", "7.1", "--case", "8.2"];

#[test]
fn a_seeder_that_floods_costs_neither_a_hang_nor_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    for flood in [Flood::Garbage(60_000), FROM_SEEDER] {
        flooded_by_seeder(folder.path(), flood, SOME, Duration::from_secs(300));
    }
}

#[test]
fn a_leecher_that_floods_costs_neither_a_hang_nor_memory() {
    let folder = tempfile::tempdir().expect("a folder");
    let some = &["--case", "7.1/opening*", "--case", "3.7/asks*"];
    for flood in [Flood::Garbage(60_000), FROM_LEECHER] {
        flooded_by_leecher(folder.path(), flood, some, Duration::from_secs(300));
    }
}

/// Every case, again and again: `cargo test --release --test probe_hostile -- --ignored
/// --nocapture`.
#[test]
#[ignore = "it takes ten minutes and more"]
fn ten_minutes_of_floods_are_borne() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(600) {
        let folder = tempfile::tempdir().expect("a folder");
        let within = Duration::from_secs(3600);
        for flood in [Flood::Garbage(60_000), Flood::Garbage(1400), FROM_SEEDER] {
            eprintln!("{:?}: a seeder, {flood:?}", began.elapsed());
            flooded_by_seeder(folder.path(), flood, &[], within);
        }
        for flood in [Flood::Garbage(60_000), Flood::Garbage(1400), FROM_LEECHER] {
            eprintln!("{:?}: a leecher, {flood:?}", began.elapsed());
            flooded_by_leecher(folder.path(), flood, &[], within);
        }
    }
}
