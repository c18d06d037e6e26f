//! Captures damaged at random, through everything that the program does with a
//! capture: no panic, no hang, no memory to speak of.
//!
//! `DAMAGE_CASES` sets how many there are and `DAMAGE_FIRST` with which one they
//! begin, so that `DAMAGE_FIRST=4711 DAMAGE_CASES=1` is that one again.

mod support;

use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ppsp_inspect::capture::Capture;
use ppspp_dissector::session::Learned;
use support::capture_writer::{
    Blocks, Compression, File, Link, Order, Outer, Recipe, Step, Timed, compress,
};
use support::outputs::{Outcome, read_with_all_outputs};
use support::random::Random;
use support::samples::{ip_packets, real_captures, samples};

/// The most that the process may ever hold, tests and all.
const MOST_MEMORY: u64 = 200 * 1024 * 1024;

/// A case takes milliseconds; one that takes this long hangs.
const LONGEST: Duration = Duration::from_secs(20);

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |value| {
        value
            .parse()
            .unwrap_or_else(|_| panic!("{variable} is no number: {value}"))
    })
}

/// Captures worth damaging: the samples, and where they are the smaller captures
/// of other implementations; as files, and as packets to be written.
struct Seeds {
    files: Vec<Vec<u8>>,
    packets: Vec<Vec<Timed>>,
    recipes: Vec<Recipe>,
}

impl Seeds {
    fn new() -> Self {
        const LARGEST: usize = 400 * 1024;
        let mut seeds = Self {
            files: Vec::new(),
            packets: Vec::new(),
            recipes: layered(),
        };
        for (_, path) in samples().into_iter().chain(real_captures()) {
            let file = fs::read(&path).expect("a capture");
            if file.len() <= LARGEST {
                seeds.files.push(file);
                seeds.packets.push(ip_packets(&path));
            }
        }
        seeds
    }

    /// The damaged capture that a number stands for: the file itself is damaged,
    /// or packets in it, or both.
    fn case(&self, number: u64) -> Vec<u8> {
        let mut random = Random::new(number);
        let kind = random.below(4);
        if kind == 0 {
            let mut file = random.pick(&self.files).clone();
            damage(&mut file, 24, &mut random);
            return file;
        }
        let mut packets = random.pick(&self.packets).clone();
        if kind >= 2 {
            let one_in = 1 + random.below(20);
            for packet in &mut packets {
                if random.below(one_in) == 0 {
                    let first = packet.bytes[0];
                    // Behind the headers of IPv4 and UDP, most of the time.
                    damage(&mut packet.bytes, 28, &mut random);
                    // What writes the capture must still find a header.
                    packet.bytes.resize(packet.bytes.len().clamp(60, 60_000), 0);
                    packet.bytes[0] = first;
                }
            }
        }
        let recipe = Recipe {
            compression: Compression::None,
            ..random.pick(&self.recipes).clone()
        };
        let mut file = recipe.write_ip(&packets);
        if kind != 2 {
            damage(&mut file, 24, &mut random);
        }
        let mut file = match random.below(12) {
            0 => compress(&file, Compression::Gzip),
            1 => compress(&file, Compression::Zstd),
            _ => return file,
        };
        if random.below(2) == 0 {
            damage(&mut file, 12, &mut random);
        }
        file
    }
}

fn layered() -> Vec<Recipe> {
    let pcapng = |order, blocks| File::Pcapng { order, blocks };
    vec![
        Recipe {
            file: File::PCAPNG,
            ..Recipe::default()
        },
        Recipe {
            file: pcapng(Order::Big, Blocks::Obsolete),
            link: Link::CookedV2,
            steps: vec![Step::Fragment(64), Step::Vxlan(Outer::V6)],
            ..Recipe::default()
        },
        Recipe {
            file: pcapng(Order::Little, Blocks::Simple),
            link: Link::Ethernet(vec![0x88a8, 0x8100]),
            steps: vec![Step::Extend, Step::Gre(Outer::V4, [true; 3])],
            snap: Some(120),
            ..Recipe::default()
        },
        Recipe {
            link: Link::PppoeOverEthernet,
            steps: vec![Step::IpInIp(Outer::V6), Step::FragmentBackwards(128)],
            ..Recipe::default()
        },
        Recipe {
            link: Link::Raw(101),
            steps: vec![Step::Authenticate, Step::GreEthernet(Outer::V6)],
            ..Recipe::default()
        },
    ]
}

/// Damages bytes in one to eight ways. The header in front is spared most of the
/// time, as otherwise there is nothing to read.
fn damage(file: &mut Vec<u8>, header: usize, random: &mut Random) {
    for _ in 0..=random.below(8) {
        let spared = if random.below(8) == 0 { 0 } else { header };
        if file.len() <= spared + 1 {
            return;
        }
        let at = spared + random.below(file.len() - spared);
        let longest = (file.len() - at).min(1 << random.below(11));
        let length = 1 + random.below(longest);
        match random.below(9) {
            0 | 1 => {
                for _ in 0..=random.below(32) {
                    let at = spared + random.below(file.len() - spared);
                    file[at] ^= 1 << random.below(8);
                }
            }
            2 => file.truncate(at),
            3 => {
                file.drain(at..at + length);
            }
            4 => {
                let copy = file[at..at + length].to_vec();
                let to = spared + random.below(file.len() - spared);
                file.splice(to..to, copy);
            }
            5 => {
                let to = at + random.below(file.len() - at);
                let length = length.min(file.len() - to).min(to - at);
                let (head, tail) = file.split_at_mut(to);
                head[at..at + length].swap_with_slice(&mut tail[..length]);
            }
            6 => file[at..at + length].fill(0),
            7 => {
                let extremes: [&[u8]; 6] = [
                    &[0xff; 2],
                    &[0xff; 4],
                    &[0xff; 8],
                    &[0xff, 0xff, 0xff, 0x7f],
                    &[0x7f, 0xff, 0xff, 0xff],
                    &[0, 0, 0, 0x80],
                ];
                let extreme = random.pick(&extremes);
                let end = (at + extreme.len()).min(file.len());
                file[at..end].copy_from_slice(&extreme[..end - at]);
            }
            _ => {
                let junk = random.bytes(length);
                file[at..at + length].copy_from_slice(&junk);
            }
        }
    }
}

/// The most memory that the process ever held, where the system tells it.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Ends the process when a case takes too long: a loop can't be interrupted.
struct Watchdog {
    case: AtomicU64,
    done: AtomicBool,
}

impl Watchdog {
    fn watch(&self) {
        let mut seen = (u64::MAX, Instant::now());
        while !self.done.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(20));
            let case = self.case.load(Ordering::Relaxed);
            if case != seen.0 {
                seen = (case, Instant::now());
            } else if seen.1.elapsed() > LONGEST {
                eprintln!("case {case} hangs");
                std::process::abort();
            }
        }
    }
}

/// Reads a capture as the program reads files: twice, the second time with what
/// the first one learned. `None` when it is no capture any more.
fn read_twice(file: &[u8]) -> Option<Outcome> {
    let open = || Capture::from_reader("damaged", Cursor::new(file.to_vec())).ok();
    let out = &mut std::io::sink();
    let (_, learned) = read_with_all_outputs(open()?, Learned::default(), out);
    let (outcome, _) = read_with_all_outputs(open()?, learned, out);
    Some(outcome)
}

#[test]
fn damaged_captures_are_read_without_panic_hang_or_much_memory() {
    let first = number_from("DAMAGE_FIRST", 0);
    let cases = number_from("DAMAGE_CASES", 400);
    let seeds = Seeds::new();
    let started = Instant::now();
    let watchdog = Watchdog {
        case: AtomicU64::new(first),
        done: AtomicBool::new(false),
    };
    let mut longest = Duration::ZERO;
    let (mut opened, mut faults, mut datagrams) = (0_u64, 0_u64, 0_u64);
    let panicked = std::thread::scope(|scope| {
        scope.spawn(|| watchdog.watch());
        let panicked = (first..first + cases).find(|&number| {
            watchdog.case.store(number, Ordering::Relaxed);
            let begin = Instant::now();
            let file = seeds.case(number);
            let result = std::panic::catch_unwind(|| read_twice(&file));
            longest = longest.max(begin.elapsed());
            match result {
                Ok(Some(outcome)) => {
                    opened += 1;
                    faults += u64::from(outcome.has_faults);
                    datagrams += outcome.datagrams;
                }
                Ok(None) => {}
                Err(_) => return true,
            }
            peak_memory().is_some_and(|peak| peak > MOST_MEMORY)
        });
        watchdog.done.store(true, Ordering::Relaxed);
        panicked
    });
    println!(
        "{cases} damaged captures in {:.1} s, the longest {longest:?}; {opened} could be opened, \
         {faults} of them not to their end; {datagrams} datagrams; peak memory {}",
        started.elapsed().as_secs_f64(),
        peak_memory().map_or("unknown".to_owned(), |peak| format!("{} MiB", peak >> 20)),
    );
    if let Some(number) = panicked {
        let path: PathBuf = std::env::temp_dir().join(format!("ppsp-damaged-{number}"));
        let written =
            fs::File::create(&path).and_then(|mut file| file.write_all(&seeds.case(number)));
        panic!(
            "case {number} panicked or took too much memory: {} {written:?}",
            path.display()
        );
    }
}
