//! The command line of `probe`: what there is to say, and the help that
//! explains it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::args::{AddressingArg, ColorArg, HashArg};
use super::live_args::LiveIntegrityArg;
use super::peer_args::{AlgorithmArg, SwarmId, whole_swarm_id};
use super::probe_serve::serving_address;
use crate::probe::Level;

pub(super) const PROBE_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect probe HOST:PORT --swarm ID      every case, a line each
  ppsp-inspect probe HOST:PORT --swarm ID -w probe.pcapng
                                               and all that was said
  ppsp-inspect probe HOST:PORT --swarm ID --case 3.1.1 --case '7.*'
  ppsp-inspect probe HOST:PORT --swarm ID --level must --json | jq .summary
  ppsp-inspect probe HOST:PORT --swarm ID --exec 'ppsp-inspect peer seed video.mp4 --listen {addr}'
                                               starts the target, again after a crash
  ppsp-inspect probe HOST:PORT --swarm PUBLIC-KEY
                                               the source of a live stream
  ppsp-inspect probe 127.0.0.1:7000 --swarm PUBLIC-KEY --hash sha1
                                               one of libswift's
  ppsp-inspect probe --serve --exec 'ppsp-inspect peer leech {swarm} --from {addr} -o {output}'
                                               a leecher, which is started for each case
  ppsp-inspect probe --serve --hash sha1 --exec 'swift -h {swarm} -t {addr} -o {folder} -w 0s'
                                               libswift as a leecher
  ppsp-inspect probe --serve 192.0.2.7:7000 --content video.mp4
                                               a leecher that somebody else starts
  ppsp-inspect probe --serve --live --exec 'ppsp-inspect peer view {swarm} --from {addr}'
                                               a viewer of a live stream
  ppsp-inspect probe --serve --live --hash sha1 --exec 'swift -k -h {swarm} -t {addr} -o {folder}'
                                               libswift as a viewer
  ppsp-inspect probe matrix targets.toml       several targets beside each other
  ppsp-inspect probe --list                    all cases

The target is a seeder of static content, where the ID is the content's root hash,
or the source of a live stream, where it is the public key (`peer id` prints it). A
stream has to run while it is probed. --case and --exclude take ids, sections
and patterns with * and ?.

With --serve the target is a leecher, or with --live a viewer. Each case wants it
anew: --exec starts it and kills it after, with these filled in:

  {addr}, {host}, {port}  where we are: both, or one of them
  {swarm}, {hash}         the swarm ID in digits, and its hash function (sha256)
  {chunk-size}, {length}  of what we serve, in bytes; a stream has the length 0
  {listen}, {listen-port} an address of its own that is free, or its port only
  {output}, {folder}      a file to write to that is not there yet, and the folder
                          that it would be in, empty; what is written is compared

Without --exec it is waited for: a line on standard error tells for whom and where,
each time; and content of one length only is served.

Verdicts: pass; fail; warn, a SHOULD that is not met (--strict makes it a failure);
skip, the case says nothing about this target; inconclusive, it could not be
brought to its end; error, we could not do our part.

--expect names a file of failures that are known, a line each: case id, #, why.
One that passes all the same is a failure.

Exit status: 0 it conforms, 1 it does not, 2 wrong usage or nothing selected, 3 the
target could not be reached, or a file not be written.";

pub(super) const MATRIX_AFTER_HELP: &str = r#"Examples:
  ppsp-inspect probe matrix targets.toml       cases against targets, as a table
  ppsp-inspect probe matrix targets.toml --html matrix.html --markdown matrix.md

The file has a table for each target; a key is an option of `probe` without its
dashes (not those of reports). [defaults] holds for all that do not say otherwise:

  [defaults]
  timeout = 0.6
  jobs = 6

  [[targets]]
  name = "ours"
  exec = "ppsp-inspect peer seed video.mp4 --listen {addr}"
  swarm = "c0b9a954747d46ab4bd8e7cad127756b4102521f"
  expect = "ours.expect"

  [[targets]]
  name = "theirs"
  address = "192.0.2.1:6778"
  swarm = "c0b9a954747d46ab4bd8e7cad127756b4102521f"
  exclude = ["8.15", "12.1.1"]

  [[targets]]
  name = "our leecher"
  serve = true
  exec = "ppsp-inspect peer leech {swarm} --from {addr} -o {output}"

Without an address a target is started (exec) at a free port of 127.0.0.1, or with
serve comes to us. Files that are named (expect, write, content, key) are relative to
the file of targets. A target that can't be probed has a column that says why.

Exit status: 0 all conform, 1 one does not, 2 wrong usage or nothing selected, 3 a
target could not be probed (and the others conform), or a file not be written."#;

/// Options that say where reports go: a target of the matrix has none of its own.
/// The capture is an exception, as it is not drawn with the others'.
pub(super) const REPORT_OPTIONS: [&str; 7] =
    ["list", "json", "junit", "markdown", "html", "color", "help"];

/// What else `probe` can do.
#[derive(Debug, Subcommand)]
pub(super) enum ProbeCommand {
    /// Probe several targets, and draw cases against targets as one page
    #[command(after_help = MATRIX_AFTER_HELP)]
    Matrix(MatrixArgs),
}

/// What `probe matrix` takes.
#[derive(Debug, Args)]
pub(super) struct MatrixArgs {
    /// The targets, a TOML file
    #[arg(value_name = "TARGETS.toml")]
    pub(super) targets: PathBuf,

    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// Write the table and what failed as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Write the table and what failed as one HTML page
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

/// What `probe` takes.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    disable_help_subcommand = true
)]
pub(super) struct ProbeArgs {
    /// Several targets at once
    #[command(subcommand)]
    pub(super) command: Option<ProbeCommand>,

    /// Whom to probe
    #[arg(value_name = "HOST:PORT", required_unless_present_any = ["list", "serve"])]
    pub(super) target: Option<String>,

    /// The swarm ID in hexadecimal digits: the content's root hash, or a live
    /// stream's public key
    #[arg(long, value_name = "ID", value_parser = whole_swarm_id,
          required_unless_present_any = ["list", "serve"])]
    pub(super) swarm: Option<SwarmId>,

    /// Probe who comes to us, a leecher or (--live) a viewer: serve here, at any free
    /// port unless given
    #[arg(long, value_name = "ADDRESS[:PORT]", num_args = 0..=1,
          default_missing_value = "127.0.0.1", value_parser = serving_address,
          conflicts_with_all = ["target", "swarm"])]
    pub(super) serve: Option<SocketAddr>,

    /// Probe a viewer: what is served is a live stream
    #[arg(long, requires = "serve")]
    pub(super) live: bool,

    /// The private key of the live stream, in PEM; one that --seed makes unless given
    #[arg(long, value_name = "FILE", requires = "live")]
    pub(super) key: Option<PathBuf>,

    /// Signature algorithm of the live stream, where its key does not tell it, as RSA
    /// keys don't; ECDSAP256SHA256 where one is made
    #[arg(long, value_name = "ALGORITHM", requires = "live", ignore_case = true)]
    pub(super) algorithm: Option<AlgorithmArg>,

    /// Chunks to a signature of the live stream, a power of two
    #[arg(long, value_name = "CHUNKS", default_value_t = 32, requires = "live",
          value_parser = chunks_per_signature)]
    pub(super) per_signature: u64,

    /// What a leecher or viewer is served; random bytes unless given
    #[arg(long, value_name = "FILE", requires = "serve")]
    pub(super) content: Option<PathBuf>,

    /// Hash function; told by a root hash's length, sha256 for a live stream unless
    /// given
    #[arg(long, value_name = "FUNCTION")]
    pub(super) hash: Option<HashArg>,

    /// How a live stream is protected; unified-merkle unless given
    #[arg(long, value_name = "METHOD")]
    pub(super) integrity: Option<LiveIntegrityArg>,

    /// Chunk size in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(1..=60_000))]
    pub(super) chunk_size: u32,

    /// Chunk addressing method
    #[arg(long, value_name = "METHOD", default_value = "chunk32")]
    pub(super) addressing: AddressingArg,

    /// Only these cases; may be repeated
    #[arg(long = "case", value_name = "PATTERN")]
    pub(super) cases: Vec<String>,

    /// Not these cases; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(super) exclude: Vec<String>,

    /// Only cases of this level; may be repeated
    #[arg(long, value_name = "LEVEL")]
    pub(super) level: Vec<LevelArg>,

    /// Also cases that take minutes
    #[arg(long)]
    pub(super) slow: bool,

    /// A SHOULD that is not met is a failure
    #[arg(long)]
    pub(super) strict: bool,

    /// How long an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(super) timeout: f64,

    /// How long cases of random mutation go on, each; a round of 400 datagrams at least
    #[arg(long, value_name = "SECONDS", default_value_t = 0.0, value_parser = mutation,
          hide_default_value = true)]
    pub(super) mutate: f64,

    /// Run each case so often; the worst counts
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) repeat: u32,

    /// Run so many cases at once, where they allow it
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(super) jobs: u8,

    /// What the cases' random numbers come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed: u64,

    /// An erratum to the RFC that applies; may be repeated
    #[arg(long, value_name = "NUMBER")]
    pub(super) errata: Vec<u32>,

    /// Failures that are known, with reasons
    #[arg(long, value_name = "FILE")]
    pub(super) expect: Option<PathBuf>,

    /// Start the target so, again after a crash; {addr} and {swarm} are filled in
    #[arg(long, value_name = "COMMAND")]
    pub(super) exec: Option<String>,

    /// Print the cases and end
    #[arg(long)]
    pub(super) list: bool,

    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// Write the report for continuous integration, in XML as of `JUnit`
    #[arg(long, value_name = "FILE")]
    pub(super) junit: Option<PathBuf>,

    /// Write the report as Markdown
    #[arg(long, value_name = "FILE")]
    pub(super) markdown: Option<PathBuf>,

    /// Write the report as one HTML page, which needs nothing but itself
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,

    /// Write all datagrams as a pcapng capture, with comments
    #[arg(short = 'w', long = "write", value_name = "CAPTURE")]
    pub(super) write: Option<PathBuf>,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.01..=60.0).contains(seconds))
        .ok_or_else(|| "seconds, 0.01 to 60".to_owned())
}

/// So many that the target soon has some to ask for.
fn chunks_per_signature(text: &str) -> Result<u64, String> {
    text.parse()
        .ok()
        .filter(|number: &u64| (2..=256).contains(number) && number.is_power_of_two())
        .ok_or_else(|| "a power of two from 2 to 256".to_owned())
}

fn mutation(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .ok_or_else(|| "seconds, up to 86400".to_owned())
}

/// Levels of requirements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LevelArg {
    /// The RFC says MUST
    Must,
    /// The RFC says SHOULD
    Should,
    /// Others may do it, the target has to take it
    May,
    /// Nothing may end or mislead the target
    Robustness,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Must => Self::Must,
            LevelArg::Should => Self::Should,
            LevelArg::May => Self::May,
            LevelArg::Robustness => Self::Robustness,
        }
    }
}
