//! The command line of `live` and `interfaces`: what there is to say, and the
//! help that explains it.

use std::path::PathBuf;

use clap::Args;

use super::args::{KnownArgs, ShowArgs};
use crate::capture::live::{BUFFER_BYTES, Limit, LiveOptions, SNAP_LENGTH};

pub(super) const SNIFF_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect live -i eth0                    the terminal UI, as datagrams come
  ppsp-inspect live -i eth0 --text             a line a datagram
  ppsp-inspect live -i lo -f 'udp port 6778' -T jsonl
  ppsp-inspect live -i eth0 -i wlan0 -Y 'ppspp.finding.severity == \"error\"'
  ppsp-inspect live -i any --stats 10          a line of figures every ten seconds
  ppsp-inspect live -i eth0 -w own.pcapng -q   only record
  ppsp-inspect live -i eth0 -w own.pcapng -b filesize:100M -b files:24 -a duration:3600
                                               the last 24 files of 100 MB, for an hour

On a terminal the UI opens; where the output goes elsewhere, or text, figures or a
number of datagrams are asked for, lines are printed. -f takes libpcap's capture filters, as tcpdump does: what does not fit is not
captured. -Y takes display filters: what does not fit is not printed.

Ctrl-C ends the capture; what was captured until then is still printed and
written. Packets that the system had to drop are counted and told at the end.

Exit status: 0 all fine, 2 wrong usage, 3 an interface could not be opened, or
failed, or a file could not be written.";

pub(super) const INTERFACES_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect interfaces
  ppsp-inspect interfaces --json | jq -r '.[] | select(.up).name'";

/// What `live` takes.
#[derive(Debug, Args)]
pub(super) struct SniffArgs {
    /// Capture on this interface; may be repeated. Unless told, the first that
    /// leads somewhere
    #[arg(short = 'i', long = "interface", value_name = "NAME")]
    interface: Vec<String>,

    /// Capture filter in libpcap's language
    #[arg(
        short = 'f',
        long = "capture-filter",
        value_name = "FILTER",
        default_value = ""
    )]
    capture_filter: String,

    /// Write what is captured to this pcapng file
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    write: Option<PathBuf>,

    /// When to go on in another file: duration:SECONDS, filesize:KILOBYTES (or
    /// with K, M, G), packets:N; files:N keeps only the newest N
    #[arg(
        short = 'b',
        long = "ring-buffer",
        value_name = "WHEN",
        requires = "write"
    )]
    ring_buffer: Vec<Limit>,

    /// When to stop: duration:SECONDS, filesize:KILOBYTES, packets:N, files:N
    #[arg(short = 'a', long = "autostop", value_name = "WHEN")]
    autostop: Vec<Limit>,

    /// Bytes of each packet that are kept, at most
    #[arg(short = 's', long = "snapshot-length", value_name = "BYTES",
          default_value_t = SNAP_LENGTH, value_parser = clap::value_parser!(u32).range(64..=SNAP_LENGTH.into()))]
    snapshot_length: u32,

    /// Mebibytes that the system may keep for each interface
    #[arg(short = 'B', long = "buffer-size", value_name = "MIB",
          default_value_t = BUFFER_BYTES >> 20, value_parser = clap::value_parser!(u32).range(1..=2047))]
    buffer_size: u32,

    /// Leave interfaces as they are: only packets from and to this machine
    #[arg(long)]
    no_promiscuous_mode: bool,

    /// Print no datagrams: only record and count
    #[arg(short = 'q', long, conflicts_with_all = ["stats", "format", "verbose", "hex"])]
    pub(super) quiet: bool,

    /// Print text, on a terminal too
    #[arg(long)]
    pub(super) text: bool,

    /// Configuration of the terminal UI
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Print figures every so many seconds instead of datagrams, and a summary
    /// at the end
    #[arg(long, value_name = "SECONDS", conflicts_with_all = ["verbose", "hex"],
          value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) stats: Option<u32>,

    /// Keep root and capabilities after the interfaces are open
    #[arg(long)]
    keep_privileges: bool,

    #[command(flatten)]
    pub(super) show: ShowArgs,

    #[command(flatten)]
    pub(super) known: KnownArgs,
}

impl SniffArgs {
    /// What is to be captured.
    pub(super) fn options(&self) -> LiveOptions {
        LiveOptions {
            interfaces: self.interface.clone(),
            filter: self.capture_filter.clone(),
            snap_length: self.snapshot_length,
            buffer_bytes: self.buffer_size << 20,
            promiscuous: !self.no_promiscuous_mode,
            file: self.write.clone(),
            rotate: self.ring_buffer.iter().copied().collect(),
            stop: self.autostop.iter().copied().collect(),
            decode: !self.quiet,
            keep_privileges: self.keep_privileges,
        }
    }
}

/// What `interfaces` takes.
#[derive(Debug, Args)]
pub(super) struct InterfacesArgs {
    /// JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
}
