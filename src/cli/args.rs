//! The command line: what there is to say, and the help that explains it.

use std::ffi::OsString;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ppspp_dissector::filter::Filter;
use ppspp_dissector::session::Config;
use ppspp_dissector::wire::{ChunkAddressing, ChunkSize, HashFunction};

use super::generated::{COMPLETIONS_AFTER_HELP, CompletionsArgs, MAN_AFTER_HELP, ManArgs};
use super::keep_args::KeepArgs;
use super::peer_args::{PEER_AFTER_HELP, PeerArgs};
use super::probe_args::{PROBE_AFTER_HELP, ProbeArgs};
use super::requirements::{REQUIREMENTS_AFTER_HELP, RequirementsArgs};
use super::simulate_args::{SIMULATE_AFTER_HELP, SimulateArgs};
use super::sniff_args::{INTERFACES_AFTER_HELP, InterfacesArgs, SNIFF_AFTER_HELP, SniffArgs};
use crate::capture::Input;
use crate::output::TimeStyle;
use crate::pipeline::Manner;

/// Threads that are started, at most.
const MOST_JOBS: NonZeroUsize = NonZeroUsize::new(64).expect("not zero");

const AFTER_HELP: &str = "\
Examples:
  ppsp-inspect capture.pcap                    look through it, on a terminal
  ppsp-inspect capture.pcap | less             every PPSPP datagram, a line each
  ppsp-inspect -V -c 3 capture.pcapng.gz       the first three with all their fields
  tcpdump -w - udp port 6778 | ppsp-inspect -  live from another program
  ppsp-inspect read -T jsonl capture.pcap      for programs, an object a line
  ppsp-inspect stats capture.pcap              messages, swarms, channels, findings
  ppsp-inspect verify capture.pcap             is it the content?
  ppsp-inspect extract -o DIR capture.pcap     the content, from its chunks
  ppsp-inspect live -i eth0 -w own.pcapng      as it happens, and recorded
  ppsp-inspect findings                        what the analyzer can tell
  ppsp-inspect hash video.mp4                  the swarm ID of content
  ppsp-inspect peer keygen -o stream.pem       the key of a live stream
  ppsp-inspect probe HOST:PORT --swarm ID      does it conform?
  ppsp-inspect simulate scenarios/swarm.toml   peers on a network in virtual time

Exit status: 0 all fine, 1 verification failed, 2 wrong usage, 3 an input could
not be read (to its end).";

const READ_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect read seeder.pcap leecher.pcap   both files, merged by time
  ppsp-inspect read -x -c 1 capture.pcap       the first datagram and its bytes
  ppsp-inspect read -T jsonl capture.pcap | jq .messages
  ppsp-inspect read -Y 'ip.src == 198.51.100.0/24 && ppspp.chunks == 4' capture.pcap
                                               what fits a display filter: see `fields`
  ppsp-inspect read --addressing bin32 --hash sha1 --port 7000 late.pcap
                                               a capture without handshakes";

const STATS_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect stats capture.pcap
  ppsp-inspect stats --json capture.pcap.zst | jq '.findings'
  ppsp-inspect stats -Y 'udp.port in {6778, 7000..7010}' capture.pcap
  zcat old.pcap.gz | ppsp-inspect stats -

With -Y, datagrams, messages, channels and findings are counted where they fit;
of swarms that have such datagrams, the whole is told.";

const VERIFY_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect verify capture.pcap
  ppsp-inspect verify --json seeder.pcap leecher.pcap | jq .failures
  ppsp-inspect verify --swarm 3e2a60ef capture.pcap

A chunk counts as verified where any hashes in the captures prove it, also such
that come later or went to another peer. What each receiver could know when the
chunk came is counted apart.

Exit status: 0 nothing failed, 1 something did, 2 wrong usage or no such swarm,
3 an input could not be read (to its end).";

const EXTRACT_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect extract -o content capture.pcap
  ppsp-inspect extract -o content --force --swarm 3e2a60ef seeder.pcap leecher.pcap
  ppsp-inspect extract -o all --unprotected capture.pcap

Writes DIR/<first 16 digits of the swarm ID>.content with the verified chunks,
holes where chunks are missing, and DIR/manifest.json: ranges, lengths, SHA-256.
A live stream's file begins with its first chunk.

Exit status: 0 all fine, 2 wrong usage or no such swarm, 3 an input could not be
read (to its end), or a file exists or could not be written.";

const HASH_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect hash video.mp4                  swarm ID with the RFC's defaults
  ppsp-inspect hash --hash sha1 video.mp4      as libswift and libperegrine do
  ppsp-inspect hash --json --chunk-size 8192 video.mp4
  head -c 7162 video.mp4 | ppsp-inspect hash --tree -

Exit status: 0 all fine, 2 wrong usage, 3 the content could not be read.";

const FINDINGS_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect findings
  ppsp-inspect findings --json | jq -r '.[] | select(.severity == \"error\").id'";

const FIELDS_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect fields
  ppsp-inspect fields --json | jq -r '.[] | select(.kind == \"word\") | .name'

A display filter (-Y) names a field and what is asked of it, in Wireshark's syntax:
  udp.port in {6778, 7000..7010}     numbers, also < <= > >= != and names of fields
  ip.addr == 10.0.0.0/8              either address, in a network
  frame.time_relative < 1.5          seconds, or 20ms, 100us
  ppspp.chunks == 7                  a message names chunk 7, alone or in a range
  ppspp.swarm contains 24:fb:f1      bytes; ppspp.swarm[0:3] == 24:fb:f1
  ppspp.finding.id matches \"^ack\"    a regular expression, in any case
  ppspp.handshake.chunk_size         there is such a field
  message(ppspp.msg.type == \"DATA\" && ppspp.integrity == \"failed\")
                                     both about one message
and joins that with &&, ||, ! and parentheses.";

/// Analyzer for PPSPP, the Peer-to-Peer Streaming Peer Protocol (RFC 7574)
///
/// Decodes PPSPP from capture files of any kind and tells where it departs
/// from the RFC. Without a command the captures are shown in a terminal UI where
/// standard output is a terminal, and else printed as by `read`.
#[derive(Debug, Parser)]
#[command(
    name = "ppsp-inspect",
    version,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    // -V is tshark's for "all fields".
    disable_version_flag = true
)]
pub(super) struct Cli {
    /// What to do
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) read: ReadArgs,

    /// Configuration of the terminal UI: keys, colours, columns
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Print a configuration with all that can be set
    #[arg(long, exclusive = true)]
    pub(super) print_config: bool,

    /// Print the version
    #[arg(long, action = clap::ArgAction::Version)]
    version: Option<bool>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print every PPSPP datagram of captures
    #[command(after_help = READ_AFTER_HELP)]
    Read(ReadArgs),
    /// Print what captures hold: messages, swarms, channels, findings
    #[command(after_help = STATS_AFTER_HELP)]
    Stats(StatsArgs),
    /// Verify every chunk, hash and signature in captures
    #[command(after_help = VERIFY_AFTER_HELP)]
    Verify(VerifyArgs),
    /// Write the content that captures hold into files
    #[command(after_help = EXTRACT_AFTER_HELP)]
    Extract(ExtractArgs),
    /// Print the swarm ID, root hash and peaks of content
    #[command(after_help = HASH_AFTER_HELP)]
    Hash(HashArgs),
    /// Capture on interfaces, and print PPSPP datagrams as they come
    #[command(after_help = SNIFF_AFTER_HELP)]
    Live(SniffArgs),
    /// List the interfaces that can be captured on
    #[command(after_help = INTERFACES_AFTER_HELP)]
    Interfaces(InterfacesArgs),
    /// Print the catalogue of findings: ids, severities, RFC sections
    #[command(after_help = FINDINGS_AFTER_HELP)]
    Findings(FindingsArgs),
    /// Print the fields that display filters know
    #[command(after_help = FIELDS_AFTER_HELP)]
    Fields(FieldsArgs),
    /// Print what RFC 7574 requires, and what checks each requirement
    #[command(after_help = REQUIREMENTS_AFTER_HELP)]
    Requirements(RequirementsArgs),
    /// Make the keys of live streams, and show their swarm IDs
    #[command(after_help = PEER_AFTER_HELP)]
    Peer(PeerArgs),
    /// Probe another implementation for conformance, case by case
    #[command(after_help = PROBE_AFTER_HELP)]
    Probe(ProbeArgs),
    /// Run peers on a simulated network, in virtual time
    #[command(after_help = SIMULATE_AFTER_HELP)]
    Simulate(SimulateArgs),
    /// Print what a shell completes of this program's command line
    #[command(after_help = COMPLETIONS_AFTER_HELP)]
    Completions(CompletionsArgs),
    /// Print the manual page, or write those of all commands
    #[command(after_help = MAN_AFTER_HELP)]
    Man(ManArgs),
}

/// Which captures, and what is known about them.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Capture files (pcap or pcapng, plain, gzip or zstd); - is standard input
    #[arg(value_name = "CAPTURE", required = true)]
    captures: Vec<OsString>,

    #[command(flatten)]
    pub(super) known: KnownArgs,
}

/// What is known about the traffic, and how it is shown.
#[derive(Debug, Args)]
pub(super) struct KnownArgs {
    /// Only datagrams from or to this port, and all of them; may be repeated
    #[arg(long, short = 'p', value_name = "PORT", value_delimiter = ',')]
    port: Vec<u16>,

    /// Chunk addressing method where no handshake tells it
    #[arg(long, value_name = "METHOD")]
    addressing: Option<AddressingArg>,

    /// Hash function where no handshake tells it
    #[arg(long, value_name = "FUNCTION")]
    hash: Option<HashArg>,

    /// Chunk size in bytes where no handshake tells it
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..))]
    chunk_size: Option<u32>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

impl InputArgs {
    /// The inputs in their order.
    pub(super) fn inputs(&self) -> Vec<Input> {
        self.captures
            .iter()
            .map(|name| {
                if name == "-" {
                    Input::Stdin
                } else {
                    Input::File(name.into())
                }
            })
            .collect()
    }
}

impl KnownArgs {
    /// Whether only certain ports are wanted.
    pub(super) fn has_ports(&self) -> bool {
        !self.port.is_empty()
    }

    /// What the user told about the captures.
    pub(super) fn config(&self, verify: bool) -> Config {
        Config {
            ports: self.port.iter().copied().collect(),
            addressing: self.addressing.map(Into::into),
            hash_function: self.hash.map(Into::into),
            chunk_size: self.chunk_size.map(ChunkSize::from_option),
            verify,
            seed: RandomState::new().hash_one(0),
            ..Config::default()
        }
    }
}

/// Which datagrams.
#[derive(Debug, Args)]
pub(super) struct FilterArg {
    /// Only datagrams that fit this display filter, in Wireshark's syntax
    #[arg(short = 'Y', long = "filter", value_name = "FILTER", value_parser = filter)]
    pub(super) filter: Option<Filter>,
}

/// Reads a display filter; what is wrong with it is marked under its text.
fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|error| error.with_text(text).to_string())
}

/// What `read` takes.
#[derive(Debug, Args)]
pub(super) struct ReadArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,

    #[command(flatten)]
    pub(super) show: ShowArgs,
}

/// Which datagrams are printed, and how.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) filter: FilterArg,

    /// Output: a line of text or a JSON object a datagram
    #[arg(
        short = 'T',
        long = "format",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub(super) format: FormatArg,

    /// Every field of every message, as a tree
    #[arg(short = 'V', long = "verbose", conflicts_with = "format")]
    pub(super) verbose: bool,

    /// The bytes of every datagram
    #[arg(short = 'x', long = "hex", conflicts_with = "format")]
    pub(super) hex: bool,

    /// Stop after this many datagrams
    #[arg(short = 'c', long = "count", value_name = "N",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,

    /// How text shows the time of a datagram
    #[arg(
        short = 't',
        long = "time",
        value_name = "STYLE",
        default_value = "relative"
    )]
    pub(super) time: TimeStyle,

    /// Verify nothing, which is several times as fast
    #[arg(long)]
    pub(super) no_verify: bool,

    #[command(flatten)]
    pub(super) keep: KeepArgs,
}

/// What `stats` takes.
#[derive(Debug, Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,

    #[command(flatten)]
    pub(super) filter: FilterArg,

    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// Verify nothing, which is several times as fast
    #[arg(long)]
    pub(super) no_verify: bool,
}

/// How many threads work.
#[derive(Debug, Default, Args)]
pub(super) struct JobsArg {
    /// Threads, 64 at most; as many as there are processors unless told
    #[arg(long, short = 'j', value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

impl JobsArg {
    /// How the inputs are gone through.
    pub(super) fn manner(&self) -> Manner {
        let processors = || thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Manner {
            jobs: self.jobs.unwrap_or_else(processors).min(MOST_JOBS),
            ..Manner::default()
        }
    }
}

/// What `verify` takes.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,

    #[command(flatten)]
    pub(super) jobs: JobsArg,

    /// Only this swarm, by the first hexadecimal digits of its ID
    #[arg(long, value_name = "ID", value_parser = swarm_digits)]
    pub(super) swarm: Option<String>,

    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}

/// What `extract` takes.
#[derive(Debug, Args)]
pub(super) struct ExtractArgs {
    #[command(flatten)]
    pub(super) input: InputArgs,

    #[command(flatten)]
    pub(super) jobs: JobsArg,

    /// Directory for the content, made where it is missing
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    pub(super) output: PathBuf,

    /// Only this swarm, by the first hexadecimal digits of its ID
    #[arg(long, value_name = "ID", value_parser = swarm_digits)]
    pub(super) swarm: Option<String>,

    /// Overwrite files that exist
    #[arg(long)]
    pub(super) force: bool,

    /// Also chunks of swarms that have no integrity protection
    #[arg(long)]
    pub(super) unprotected: bool,
}

/// The beginning of a swarm ID.
fn swarm_digits(text: &str) -> Result<String, String> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("a swarm ID is hexadecimal digits, of which the first few will do".to_owned())
    }
}

/// What `hash` takes.
#[derive(Debug, Args)]
pub(super) struct HashArgs {
    /// The content; - is standard input
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    /// Hash function of the Merkle tree
    #[arg(long, value_name = "FUNCTION", default_value = "sha256")]
    pub(super) hash: HashArg,

    /// Chunk size in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=MOST_CHUNK_SIZE))]
    pub(super) chunk_size: u32,

    /// One JSON object, for programs
    #[arg(long, conflicts_with = "tree")]
    pub(super) json: bool,

    /// Draw the tree, of 16 chunks at most, with all its hashes
    #[arg(long)]
    pub(super) tree: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

/// Bytes of the largest chunk that content is cut into: no datagram holds more
/// than 64 KiB, and this leaves room for experiments.
const MOST_CHUNK_SIZE: i64 = 64 * 1024 * 1024;

/// What `findings` takes.
#[derive(Debug, Args)]
pub(super) struct FindingsArgs {
    /// One JSON array, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

/// What `fields` takes.
#[derive(Debug, Args)]
pub(super) struct FieldsArgs {
    /// One JSON array, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

impl ShowArgs {
    /// Whether the user asked for what only text can give.
    pub(super) fn wants_text(&self) -> bool {
        self.format != FormatArg::Text || self.verbose || self.hex || self.count.is_some()
    }
}

/// How `read` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum FormatArg {
    /// A line of text a datagram
    Text,
    /// A JSON object a datagram
    Jsonl,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorArg {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Chunk addressing methods (RFC 7574, Table 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AddressingArg {
    /// 32-bit bins
    Bin32,
    /// 64-bit byte ranges
    Byte64,
    /// 32-bit chunk ranges
    Chunk32,
    /// 64-bit bins
    Bin64,
    /// 64-bit chunk ranges
    Chunk64,
}

impl From<AddressingArg> for ChunkAddressing {
    fn from(argument: AddressingArg) -> Self {
        match argument {
            AddressingArg::Bin32 => Self::Bin32,
            AddressingArg::Byte64 => Self::Byte64,
            AddressingArg::Chunk32 => Self::Chunk32,
            AddressingArg::Bin64 => Self::Bin64,
            AddressingArg::Chunk64 => Self::Chunk64,
        }
    }
}

/// Hash functions (RFC 7574, Table 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum HashArg {
    /// SHA-1, 20 bytes
    Sha1,
    /// SHA-224, 28 bytes
    Sha224,
    /// SHA-256, 32 bytes
    Sha256,
    /// SHA-384, 48 bytes
    Sha384,
    /// SHA-512, 64 bytes
    Sha512,
}

impl From<HashArg> for HashFunction {
    fn from(argument: HashArg) -> Self {
        match argument {
            HashArg::Sha1 => Self::Sha1,
            HashArg::Sha224 => Self::Sha224,
            HashArg::Sha256 => Self::Sha256,
            HashArg::Sha384 => Self::Sha384,
            HashArg::Sha512 => Self::Sha512,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_capture_needs_no_command() {
        let cli = Cli::try_parse_from(["ppsp-inspect", "-V", "a.pcap", "-"]).expect("valid");
        assert!(cli.command.is_none() && cli.read.show.verbose);
        assert_eq!(
            cli.read.input.inputs(),
            [Input::File("a.pcap".into()), Input::Stdin]
        );
    }
}
