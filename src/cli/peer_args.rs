//! The command line of `peer`: what there is to say, and the help that explains
//! it.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ppspp_dissector::wire::SignatureAlgorithm;

use super::args::ColorArg;
use crate::peer::keys::RSA_BITS;

pub(super) const PEER_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer keygen -o live.pem         the key of a new live stream
  ppsp-inspect peer id live.pem                the swarm ID that viewers need";

const KEYGEN_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer keygen -o key.pem
  ppsp-inspect peer keygen -o key.pem --force --algorithm ECDSAP384SHA384
  ppsp-inspect peer keygen -o rsa.pem --algorithm RSASHA256 --bits 3072
  ppsp-inspect peer keygen -o other.pem --json | jq -r .swarm_id

Writes PKCS #8 in PEM that only its owner may read. Who has the file can sign for
the swarm; who loses it never can again. Viewers need nothing but the swarm ID.

libswift takes these files by its -K, but knows no RSASHA256. Its own RSA keys are
RSASHA1 with 1024 bits, which is weak; ECDSA serves it as well.

Exit status: 0 all fine, 2 wrong usage, 3 the file exists or could not be written.";

const ID_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer id stream.pem
  ppsp-inspect peer id --json stream.pem | jq -r .swarm_id

Reads PEM: PKCS #8, and what OpenSSL wrote before it, \"RSA PRIVATE KEY\" and
\"EC PRIVATE KEY\". An RSA key that was not made by `peer keygen` does not tell its
hash: --algorithm has to, with RSASHA1 for libswift's. Files that others may read
are refused.

Exit status: 0 all fine, 2 wrong usage, 3 the file could not be read or is no key.";

/// What `peer` takes.
#[derive(Debug, Args)]
pub(super) struct PeerArgs {
    /// What to do
    #[command(subcommand)]
    pub(super) command: PeerCommand,
}

/// The commands of `peer`.
#[derive(Debug, Subcommand)]
pub(super) enum PeerCommand {
    /// Make the key that a live stream is signed with
    #[command(after_help = KEYGEN_AFTER_HELP)]
    Keygen(KeygenArgs),
    /// Print the swarm ID of a key
    #[command(after_help = ID_AFTER_HELP)]
    Id(IdArgs),
}

/// What `peer keygen` takes.
#[derive(Debug, Args)]
pub(super) struct KeygenArgs {
    /// File for the key
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Signature algorithm, by its name in DNSSEC
    #[arg(
        long,
        value_name = "ALGORITHM",
        default_value = "ECDSAP256SHA256",
        ignore_case = true
    )]
    pub(super) algorithm: AlgorithmArg,

    /// Bits of an RSA key, 1024 to 4096; 2048 unless told
    #[arg(long, value_name = "N", value_parser = bits)]
    pub(super) bits: Option<usize>,

    /// Overwrite a file that exists
    #[arg(long)]
    pub(super) force: bool,

    #[command(flatten)]
    pub(super) print: PrintArgs,
}

/// What `peer id` takes.
#[derive(Debug, Args)]
pub(super) struct IdArgs {
    /// The key
    #[arg(value_name = "FILE")]
    pub(super) file: PathBuf,

    #[command(flatten)]
    pub(super) key: KeyArgs,

    #[command(flatten)]
    pub(super) print: PrintArgs,
}

/// What is known about a key that is read.
#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// Signature algorithm where the key does not tell it, as RSA keys don't
    #[arg(long, value_name = "ALGORITHM", ignore_case = true)]
    algorithm: Option<AlgorithmArg>,
}

impl KeyArgs {
    /// The algorithm, where the user told it.
    pub(super) fn algorithm(&self) -> Option<SignatureAlgorithm> {
        self.algorithm.map(Into::into)
    }
}

/// How a key is shown.
#[derive(Debug, Args)]
pub(super) struct PrintArgs {
    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorArg,
}

/// Signature algorithms (RFC 7574, section 7.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum AlgorithmArg {
    /// ECDSA on P-256 with SHA-256
    #[value(name = "ECDSAP256SHA256")]
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384
    #[value(name = "ECDSAP384SHA384")]
    EcdsaP384Sha384,
    /// RSA with SHA-256
    #[value(name = "RSASHA256")]
    RsaSha256,
    /// RSA with SHA-1, which is weak
    #[value(name = "RSASHA1")]
    RsaSha1,
}

impl From<AlgorithmArg> for SignatureAlgorithm {
    fn from(argument: AlgorithmArg) -> Self {
        match argument {
            AlgorithmArg::EcdsaP256Sha256 => Self::EcdsaP256Sha256,
            AlgorithmArg::EcdsaP384Sha384 => Self::EcdsaP384Sha384,
            AlgorithmArg::RsaSha256 => Self::RsaSha256,
            AlgorithmArg::RsaSha1 => Self::RsaSha1,
        }
    }
}

/// Bits of an RSA modulus.
fn bits(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|bits| RSA_BITS.contains(bits))
        .ok_or_else(|| {
            let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
            format!("an RSA key has {least} to {most} bits")
        })
}
