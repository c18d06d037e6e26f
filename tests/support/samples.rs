//! The captures that tests read: the sample captures, and those of other
//! implementations where they are.
#![allow(dead_code, unreachable_pub)]

use std::fs;
use std::path::{Path, PathBuf};

use super::capture_writer::Timed;

/// Where the sample captures are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")
}

/// The path of a sample capture, by its name without `.pcap`.
pub fn sample(name: &str) -> PathBuf {
    folder().join(format!("{name}.pcap"))
}

/// All sample captures, by name.
pub fn samples() -> Vec<(String, PathBuf)> {
    captures_in(&folder())
}

/// The captures in `$PPSP_CAPTURES`; says that there are none where it is unset.
pub fn real_captures() -> Vec<(String, PathBuf)> {
    let Some(folder) = std::env::var_os("PPSP_CAPTURES") else {
        println!("skipped: PPSP_CAPTURES names no folder with captures of other implementations");
        return Vec::new();
    };
    let captures = captures_in(Path::new(&folder));
    assert!(!captures.is_empty(), "PPSP_CAPTURES has no captures");
    captures
}

/// The sample captures and, where they are, these captures of other
/// implementations.
pub fn samples_and(real: &[&str]) -> Vec<(String, PathBuf)> {
    let chosen = real_captures()
        .into_iter()
        .filter(|(name, _)| real.contains(&name.as_str()));
    samples().into_iter().chain(chosen).collect()
}

fn captures_in(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut captures: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "pcap"))
        .map(|path| {
            let name = path.file_stem().expect("a name").to_string_lossy();
            (name.into_owned(), path)
        })
        .collect();
    captures.sort();
    captures
}

/// The IP packets of a capture as tcpdump writes it on Ethernet, without the
/// padding of short frames.
pub fn ip_packets(path: &Path) -> Vec<Timed> {
    let file = fs::read(path).expect("a capture");
    assert_eq!(file[..4], [0xd4, 0xc3, 0xb2, 0xa1], "not what it reads");
    assert_eq!(file[20], 1, "not Ethernet");
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"));
    let mut packets = Vec::new();
    let mut at = 24;
    while at < file.len() {
        let length = number(at + 8) as usize;
        assert_eq!(number(at + 8), number(at + 12), "a cut packet");
        let frame = &file[at + 16..at + 16 + length];
        let field = |at: usize| usize::from(u16::from_be_bytes([frame[at], frame[at + 1]]));
        let end = match field(12) {
            0x0800 => Some(14 + field(16)),
            0x86dd => Some(54 + field(18)),
            _ => None,
        };
        if let Some(end) = end {
            packets.push(Timed {
                nanoseconds: u64::from(number(at)) * 1_000_000_000
                    + u64::from(number(at + 4)) * 1_000,
                bytes: frame[14..end].to_vec(),
                comment: None,
            });
        }
        at += 16 + length;
    }
    packets
}
