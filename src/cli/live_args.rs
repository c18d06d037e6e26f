//! The command line of live streams: `peer inject` and `peer view`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use ppspp_dissector::wire::ContentIntegrity;

use super::args::HashArg;
use crate::peer::engine::Profile;
use crate::peer::misbehave::Misbehaviour;

use super::peer_args::{KeyArgs, SwarmArgs, SwarmId, WorkArgs, misbehaviour, rate, whole_swarm_id};

pub(super) const INJECT_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer inject recording.ts --key live.pem --pace 500K
  ppsp-inspect peer inject recording.ts --key live.pem --integrity sign-all
  ppsp-inspect peer inject recording.ts --integrity none --swarm-id 00c0ffee
  ffmpeg -re -i in.mp4 -f mpegts - | ppsp-inspect peer inject --key live.pem --listen 0.0.0.0:6778

Prints the swarm ID, which viewers need: it is the key's public half (`peer keygen`
makes keys). The source may also be a server: http://camera/stream, or
tcp://encoder:9000. Ends when the stream does, --linger seconds after its last chunk.

With --integrity none nothing is signed: anybody can forge the stream, and its
swarm ID is whatever --swarm-id says.

Exit status: 0 ended or stopped, 2 wrong usage, 3 the key, the stream or the socket
could not be used.";

pub(super) const VIEW_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect peer view SWARM-ID --from 192.0.2.1:6778 -o recording.ts
  ppsp-inspect peer view SWARM-ID --from 192.0.2.1:6778 | mpv -
  ppsp-inspect peer view SWARM-ID --from 127.0.0.1:7000 --dialect libswift --hash sha1 -o out.ts
  ppsp-inspect peer view SWARM-ID --from 192.0.2.1:6778 --integrity none -o out.ts

Begins at the latest chunks whose signature is fresh, writes what is verified in
its order, and serves it to others. What has left the window before it came is
left out, and said so.

Exit status: 0 the stream ended or was stopped, 1 chunks are missing, 2 wrong usage,
3 nothing came, or the output or the socket could not be used.";

/// How a live stream is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum LiveIntegrityArg {
    /// A signature for each subtree of chunks
    UnifiedMerkle,
    /// A signature for each chunk
    SignAll,
    /// None: whatever comes is taken
    None,
}

impl From<LiveIntegrityArg> for ContentIntegrity {
    fn from(argument: LiveIntegrityArg) -> Self {
        match argument {
            LiveIntegrityArg::UnifiedMerkle => Self::UnifiedMerkle,
            LiveIntegrityArg::SignAll => Self::SignAll,
            LiveIntegrityArg::None => Self::None,
        }
    }
}

/// What is special about a live swarm.
#[derive(Debug, Args)]
pub(super) struct LiveArgs {
    /// Content integrity protection method; unified-merkle unless given, or none
    /// for pyppspp
    #[arg(long, value_name = "METHOD")]
    integrity: Option<LiveIntegrityArg>,

    /// Hash function of the tree
    #[arg(long, value_name = "FUNCTION", default_value = "sha256")]
    pub(super) hash: HashArg,

    /// Chunks that are kept: the live discard window
    #[arg(long, value_name = "CHUNKS", default_value_t = 8192,
          value_parser = clap::value_parser!(u64).range(2..))]
    pub(super) window: u64,
}

impl LiveArgs {
    /// The content integrity protection method, given or implied by the dialect.
    pub(super) fn method(&self, dialect: &Profile) -> ContentIntegrity {
        match self.integrity {
            Some(method) => method.into(),
            None if dialect.is_unprotected => ContentIntegrity::None,
            None => ContentIntegrity::UnifiedMerkle,
        }
    }
}

/// What `peer inject` takes.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    /// The stream: a file, - (standard input), tcp://HOST:PORT, http://…
    #[arg(value_name = "SOURCE", default_value = "-")]
    pub(super) source: String,

    /// The private key, in PEM
    #[arg(long, value_name = "FILE")]
    pub(super) key: Option<PathBuf>,

    /// The swarm ID where nothing protects the stream, which then has no key
    #[arg(long, value_name = "SWARM-ID", value_parser = whole_swarm_id)]
    pub(super) swarm_id: Option<SwarmId>,

    #[command(flatten)]
    pub(super) kind: KeyArgs,

    /// Chunks to a signature, a power of two
    #[arg(long, value_name = "CHUNKS", default_value_t = 32, value_parser = power_of_two)]
    pub(super) per_signature: u64,

    /// Most bytes a second to read, such as 500K: a file's bit rate
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(super) pace: Option<u64>,

    /// Seconds to go on serving when the stream has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(super) linger: u64,

    /// Do one thing wrong, for tests of those who probe it
    #[arg(long, value_name = "NAME", hide = true, value_parser = misbehaviour)]
    pub(super) misbehave: Option<Misbehaviour>,

    #[command(flatten)]
    pub(super) live: LiveArgs,

    #[command(flatten)]
    pub(super) swarm: SwarmArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,
}

/// What `peer view` takes.
#[derive(Debug, Args)]
pub(super) struct ViewArgs {
    /// The swarm ID: the public key in hexadecimal digits
    #[arg(value_name = "SWARM-ID", value_parser = whole_swarm_id)]
    pub(super) id: SwarmId,

    /// A peer to begin with; may be repeated
    #[arg(long, value_name = "HOST:PORT", required = true)]
    pub(super) from: Vec<String>,

    /// File for the stream; standard output unless given
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Overwrite a file that exists
    #[arg(long)]
    pub(super) force: bool,

    /// End when nothing has come for so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub(super) patience: u64,

    /// Do one thing wrong, for tests of those who probe it
    #[arg(long, value_name = "NAME", hide = true, value_parser = misbehaviour)]
    pub(super) misbehave: Option<Misbehaviour>,

    #[command(flatten)]
    pub(super) live: LiveArgs,

    #[command(flatten)]
    pub(super) swarm: SwarmArgs,

    #[command(flatten)]
    pub(super) work: WorkArgs,
}

fn power_of_two(text: &str) -> Result<u64, String> {
    text.parse::<u64>()
        .ok()
        .filter(|number| (2..=1 << 20).contains(number) && number.is_power_of_two())
        .ok_or_else(|| "a power of two from 2 to 1048576".to_owned())
}
