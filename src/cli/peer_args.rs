//! The command line of `peer`: what there is to say, and the help that explains
//! it.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use ppspp_dissector::wire::{ContentIntegrity, SignatureAlgorithm};

use super::args::{AddressingArg, ColorArg, HashArg};
use super::live_args::{INJECT_AFTER_HELP, InjectArgs, VIEW_AFTER_HELP, ViewArgs};
use crate::peer::engine::{Picking, Profile, Reciprocity};
use crate::peer::keys::RSA_BITS;
use crate::peer::misbehave::Misbehaviour;
use crate::peer::net::Offload;

pub(super) const PEER_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer keygen -o live.pem         the key of a new live stream
  ppsp-inspect peer id live.pem                the swarm ID that viewers need";

const SEED_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer seed video.mp4 --listen 0.0.0.0:6778
  ppsp-inspect peer seed first.iso second.iso --rate 2M -w own.pcapng
  ppsp-inspect peer seed video.mp4 --hash sha1 --dialect libswift
  ppsp-inspect peer seed video.mp4 --dialect pyppspp
  ppsp-inspect peer seed video.mp4 --pex-issuer tracker.pem

Prints the swarm ID of each file, which leechers need. Hashes and marks are kept
beside the file in FILE.ppspp, so that the next start need not hash again;
--state-dir puts them elsewhere. Ctrl-C closes all channels. -w records what the
peer sends and receives, for `ppsp-inspect verify own.pcapng` and the like; where
it listens on every address, packets have the one that was used.

--integrity none sends no hashes: leechers take what comes, from anybody. PyPPSPP
knows nothing else.

--pex-issuer names a certificate: a peer that others name is believed in where that
issuer certifies it (RFC 7574, section 12.2), and named to others with its
certificate. --pex-certificate is our own, whose one critical Subject Alternative
Name is URI:file://ADDRESS:PORT/SWARM-ID.

Exit status: 0 stopped, 2 wrong usage, 3 a file or the socket could not be used.";

const LEECH_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer leech SWARM-ID --from 192.0.2.1:6778 -o video.mp4
  ppsp-inspect peer leech SWARM-ID --from host1:6778 --from host2:6778 -o video.mp4 --keep
  ppsp-inspect peer leech SWARM-ID --from 192.0.2.1:6778 -o video.mp4 -w own.pcapng --json
  ppsp-inspect peer leech SWARM-ID --from 127.0.0.1:7000 -o video.mp4 --dialect libswift
  ppsp-inspect peer leech SWARM-ID --from 127.0.0.1:6778 -o video.mp4 --dialect pyppspp

Every chunk is verified before it is stored, and stored before it is announced. A
download that was interrupted goes on where it was, also after a kill -9: what is
there is kept in FILE.ppspp. A peer of --from that has gone is asked again.

With --integrity none nothing is verified until all is there. A chunk that is
shorter than others is taken for the last one; where there is none, --size has to
tell the length, unless the swarm ID is the content's root hash, as it is with
PyPPSPP. Whether the content matches the swarm ID is said at the end.

Exit status: 0 complete, 1 stopped before, or what came without protection does not
match a swarm ID that is as long as its root hash, 2 wrong usage, 3 a file or the
socket could not be used, or nobody served.";

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
    /// Serve files
    #[command(after_help = SEED_AFTER_HELP)]
    Seed(SeedArgs),
    /// Fetch a file
    #[command(after_help = LEECH_AFTER_HELP)]
    Leech(LeechArgs),
    /// Stream live
    #[command(after_help = INJECT_AFTER_HELP)]
    Inject(InjectArgs),
    /// Watch a live stream
    #[command(after_help = VIEW_AFTER_HELP)]
    View(ViewArgs),
    /// Make the key that a live stream is signed with
    #[command(after_help = KEYGEN_AFTER_HELP)]
    Keygen(KeygenArgs),
    /// Print the swarm ID of a key
    #[command(after_help = ID_AFTER_HELP)]
    Id(IdArgs),
}

/// What `peer seed` takes.
#[derive(Debug, Args)]
pub(super) struct SeedArgs {
    /// The content, a swarm a file
    #[arg(value_name = "FILE", required = true)]
    pub(super) files: Vec<PathBuf>,

    /// Hash function of the Merkle tree; sha256 unless given, or sha1 for pyppspp
    #[arg(long, value_name = "FUNCTION")]
    pub(super) hash: Option<HashArg>,

    /// The swarm ID where nothing protects the content; its root hash unless given
    #[arg(long, value_name = "SWARM-ID", value_parser = whole_swarm_id)]
    pub(super) swarm_id: Option<SwarmId>,

    #[command(flatten)]
    pub(super) protection: ProtectionArgs,

    /// Hash the file as it is, whatever its state says
    #[arg(long)]
    pub(super) force: bool,

    /// Do one thing wrong, for tests of those who probe it
    #[arg(long, value_name = "NAME", hide = true, value_parser = misbehaviour)]
    pub(super) misbehave: Option<Misbehaviour>,

    #[command(flatten)]
    pub(super) swarm: SwarmArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,
}

/// What `peer leech` takes.
#[derive(Debug, Args)]
pub(super) struct LeechArgs {
    /// The swarm ID: the content's root hash in hexadecimal digits
    #[arg(value_name = "SWARM-ID", value_parser = whole_swarm_id)]
    pub(super) id: SwarmId,

    /// A peer to begin with; may be repeated
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub(super) from: Vec<String>,

    /// File for the content
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) output: PathBuf,

    /// Hash function; told by the swarm ID's length unless given
    #[arg(long, value_name = "FUNCTION")]
    pub(super) hash: Option<HashArg>,

    /// Which chunks to ask for first: sequential, in-order, rarest-first
    #[arg(long, value_name = "POLICY", default_value = "sequential", value_parser = picking)]
    pub(super) picking: Picking,

    /// Bytes of the content, where no root hash proves them
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) size: Option<u64>,

    #[command(flatten)]
    pub(super) protection: ProtectionArgs,

    /// Go on serving when everything is there
    #[arg(long)]
    pub(super) keep: bool,

    /// Overwrite a file that exists
    #[arg(long)]
    pub(super) force: bool,

    /// Give up when nothing has come for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub(super) patience: u64,

    /// Do one thing wrong, for tests of those who probe it
    #[arg(long, value_name = "NAME", hide = true, value_parser = misbehaviour)]
    pub(super) misbehave: Option<Misbehaviour>,

    #[command(flatten)]
    pub(super) swarm: SwarmArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,
}

/// A swarm ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SwarmId(pub(super) Vec<u8>);

pub(super) fn whole_swarm_id(text: &str) -> Result<SwarmId, String> {
    let digits = text.as_bytes().as_chunks::<2>();
    let byte = |pair: &[u8; 2]| {
        let text = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(text, 16).ok()
    };
    let bytes: Option<Vec<u8>> = digits.0.iter().map(byte).collect();
    bytes
        .filter(|bytes| !bytes.is_empty() && digits.1.is_empty())
        .map(SwarmId)
        .ok_or_else(|| "a swarm ID is an even number of hexadecimal digits".to_owned())
}

/// One of several by its name.
fn named<T: Copy>(text: &str, all: &[(&str, T)]) -> Result<T, String> {
    let found = all.iter().find(|(name, _)| *name == text);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn picking(text: &str) -> Result<Picking, String> {
    named(text, &Picking::ALL.map(|it| (it.name(), it)))
}

pub(super) fn misbehaviour(text: &str) -> Result<Misbehaviour, String> {
    Misbehaviour::named(text).ok_or_else(|| {
        let names: Vec<&str> = Misbehaviour::ALL.iter().map(|it| it.name()).collect();
        format!("it is one of {}", names.join(", "))
    })
}

fn reciprocity(text: &str) -> Result<Reciprocity, String> {
    named(text, &Reciprocity::ALL.map(|it| (it.name(), it)))
}

fn offload(text: &str) -> Result<Offload, String> {
    named(text, &Offload::ALL.map(|it| (it.name(), it)))
}

fn profile(text: &str) -> Result<&'static Profile, String> {
    named(text, &Profile::ALL.map(|it| (it.name, it)))
}

/// Bytes of a chunk.
fn chunk_size(text: &str) -> Result<u32, String> {
    let size = text.parse::<u32>().map_err(|error| error.to_string());
    if text.eq_ignore_ascii_case("variable") || size == Ok(u32::MAX) {
        return Err(
            "chunks of variable sizes (RFC 7574, section 7.11) are not supported: \
             content is kept by the numbers of its chunks, of which all but the last have one size"
                .to_owned(),
        );
    }
    let size = size?;
    if (1..=60_000).contains(&size) {
        Ok(size)
    } else {
        Err(format!("{size} is not in 1..=60000"))
    }
}

/// Bytes a second, with K, M or G.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 1_000),
        Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
        Some((at, 'g' | 'G')) => (&text[..at], 1_000_000_000),
        _ => (text, 1),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|&rate| rate > 0)
        .ok_or_else(|| "bytes a second, such as 500K or 2M".to_owned())
}

/// How static content is protected.
#[derive(Debug, Args)]
pub(super) struct ProtectionArgs {
    /// Content integrity protection method; merkle unless given, or none for pyppspp
    #[arg(long, value_name = "METHOD")]
    pub(super) integrity: Option<IntegrityArg>,
}

impl ProtectionArgs {
    /// The method, given or implied by the dialect.
    pub(super) fn method(&self, dialect: &Profile) -> ContentIntegrity {
        match self.integrity {
            Some(IntegrityArg::None) => ContentIntegrity::None,
            None if dialect.is_unprotected => ContentIntegrity::None,
            Some(IntegrityArg::Merkle) | None => ContentIntegrity::Merkle,
        }
    }
}

/// Methods for static content (RFC 7574, section 7.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IntegrityArg {
    /// A Merkle tree, whose root hash is the swarm ID
    Merkle,
    /// None: whatever comes is taken
    None,
}

/// What is known of a swarm besides its ID.
#[derive(Debug, Args)]
pub(super) struct SwarmArgs {
    /// Chunk size in bytes
    #[arg(long, value_name = "BYTES", default_value_t = 1024, value_parser = chunk_size)]
    pub(super) chunk_size: u32,

    /// Chunk addressing method
    #[arg(long, value_name = "METHOD", default_value = "chunk32")]
    pub(super) addressing: AddressingArg,

    /// How others take handshakes: auto (rfc7574, then libswift where nobody answers),
    /// rfc7574, libswift, libperegrine, pyppspp
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = profile)]
    pub(super) dialect: &'static Profile,

    /// Whom to serve: none (everybody), tit-for-tat
    #[arg(long, value_name = "POLICY", default_value = "none", value_parser = reciprocity)]
    pub(super) reciprocity: Reciprocity,

    /// Directory for hashes and marks, instead of beside the content
    #[arg(long, value_name = "DIR")]
    pub(super) state_dir: Option<PathBuf>,
}

/// How a peer works.
#[derive(Debug, Args)]
pub(super) struct WorkArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "0.0.0.0:0")]
    pub(super) listen: SocketAddr,

    /// Most bytes a second to send, such as 500K or 2M
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(super) rate: Option<u64>,

    /// Hand several datagrams to the system at once: never, loopback, always. That is
    /// faster, but a capture on this host shows them as one
    #[arg(long, value_name = "WHERE", default_value = "never", value_parser = offload)]
    pub(super) offload: Offload,

    /// Record the peer's own traffic as a pcapng capture
    #[arg(short = 'w', long = "write", value_name = "CAPTURE")]
    pub(super) write: Option<PathBuf>,

    #[command(flatten)]
    pub(super) members: MemberArgs,

    /// One JSON object a line on standard output for what happens
    #[arg(long)]
    pub(super) json: bool,
}

/// Who is believed to be a member.
#[derive(Debug, Args)]
pub(super) struct MemberArgs {
    /// Believe in peers that others name only where this issuer certifies them
    #[arg(long, value_name = "CERT.pem")]
    pub(super) pex_issuer: Option<PathBuf>,

    /// Our own membership certificate, for those who ask for peers; may be repeated
    #[arg(long, value_name = "CERT.pem")]
    pub(super) pex_certificate: Vec<PathBuf>,
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
