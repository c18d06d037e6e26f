//! What may go wrong with content in a file, and what to do about it.

use std::io;
use std::path::PathBuf;

use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::HashFunction;

use crate::peer::engine::StoreError;

/// Why content could not be opened, or kept, in a file.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The system refused something.
    #[error("{}: {doing}: {cause}{hint}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        cause: io::Error,
        /// What to do, after a semicolon; empty where nothing is known to help.
        hint: &'static str,
    },
    /// There is a file already, and no sidecar that tells what of it is there.
    #[error(
        "{}: the file exists, and {} does not: it is not overwritten; move it away, name another \
         file, or use --force to start anew", content.display(), sidecar.display()
    )]
    ContentExists {
        /// The content's file.
        content: PathBuf,
        /// Where its sidecar would be.
        sidecar: PathBuf,
    },
    /// A sidecar tells of chunks, and the file is not there.
    #[error(
        "{}: the file is gone of which {} keeps the state; put it back, or use --force to start anew",
        content.display(), sidecar.display()
    )]
    ContentMissing {
        /// The content's file.
        content: PathBuf,
        /// Its sidecar.
        sidecar: PathBuf,
    },
    /// The sidecar is of another swarm.
    #[error(
        "{}: this is the state of swarm {kept}, and swarm {wanted} was asked for; name another \
         file or state directory, or use --force to start anew", sidecar.display()
    )]
    OtherSwarm {
        /// The sidecar.
        sidecar: PathBuf,
        /// The swarm that it is of.
        kept: Box<Hash>,
        /// The swarm that was asked for.
        wanted: Box<Hash>,
    },
    /// The same of a swarm without integrity protection, whose sidecar does not
    /// name it.
    #[error(
        "{}: this is the state of another swarm than the one that was asked for; name another \
         file or state directory, or use --force to start anew", sidecar.display()
    )]
    OtherUnprotectedSwarm {
        /// The sidecar.
        sidecar: PathBuf,
    },
    /// The sidecar is of a swarm that is protected otherwise.
    #[error(
        "{}: this is the state of a download {} integrity protection; ask for the same \
         (--integrity), or use --force to start anew", sidecar.display(),
        if *is_protected { "with" } else { "without" }
    )]
    OtherProtection {
        /// The sidecar.
        sidecar: PathBuf,
        /// Whether a root hash proves its content.
        is_protected: bool,
    },
    /// The sidecar is of another hash function.
    #[error(
        "{}: this content was hashed with {kept}, and {wanted} was asked for; ask for the same, \
         or use --force to start anew", sidecar.display()
    )]
    OtherFunction {
        /// The sidecar.
        sidecar: PathBuf,
        /// Its hash function.
        kept: HashFunction,
        /// The one that was asked for.
        wanted: HashFunction,
    },
    /// The sidecar is of another chunk size.
    #[error(
        "{}: this content has chunks of {kept} bytes, and {wanted} were asked for; ask for the \
         same, or use --force to start anew", sidecar.display()
    )]
    OtherChunkSize {
        /// The sidecar.
        sidecar: PathBuf,
        /// Bytes of its chunks.
        kept: u32,
        /// Bytes that were asked for.
        wanted: u32,
    },
    /// Another process has it open.
    #[error("{}: another process has this content open; end it first", sidecar.display())]
    InUse {
        /// The sidecar.
        sidecar: PathBuf,
    },
    /// No sidecar is in that file, or its head is damaged.
    #[error(
        "{}: {}; move it away, or use --force to start anew", sidecar.display(),
        if *is_damaged { "the head of this state file is damaged" }
        else { "this is no state file of this program" }
    )]
    Unreadable {
        /// The file.
        sidecar: PathBuf,
        /// Whether it looks as if it had been one.
        is_damaged: bool,
    },
    /// A newer version of this program wrote the sidecar.
    #[error(
        "{}: a newer version of this program wrote this state file (format {version}); use that \
         version, or move the file away", sidecar.display()
    )]
    Newer {
        /// The sidecar.
        sidecar: PathBuf,
        /// Its format's version.
        version: u32,
    },
    /// A seeder was stopped while it hashed this content.
    #[error(
        "{}: hashing this content to seed it was not finished; seed it again, or use --force to \
         start anew", sidecar.display()
    )]
    UnfinishedSeed {
        /// The sidecar.
        sidecar: PathBuf,
    },
    /// What shall be seeded is not there in full.
    #[error(
        "{}: only {present} of {} chunks are there, as {} tells; download the rest first, or \
         use --force to take it as it is", content.display(),
        size.map_or("an unknown number of".to_owned(), |size| size.to_string()), sidecar.display()
    )]
    Incomplete {
        /// The content's file.
        content: PathBuf,
        /// Its sidecar.
        sidecar: PathBuf,
        /// Chunks that are there.
        present: u64,
        /// Chunks that there should be, where that is known.
        size: Option<u64>,
    },
    /// Empty content has no root hash.
    #[error("{}: the file is empty: content has at least one chunk; name another", content.display())]
    Empty {
        /// The content's file.
        content: PathBuf,
    },
    /// Somebody wrote to the content while it was hashed.
    #[error("{}: the file changed while it was hashed; wait until it is finished", content.display())]
    Changed {
        /// The content's file.
        content: PathBuf,
    },
    /// The root hash is not of the hash function.
    #[error("a swarm ID of {length} bytes is no hash of {function}; correct one of the two")]
    NotARoot {
        /// Bytes of the swarm ID.
        length: usize,
        /// The hash function.
        function: HashFunction,
    },
    /// The store takes nothing: it seeds.
    #[error("{}: the content is complete and only read", content.display())]
    ReadOnly {
        /// The content's file.
        content: PathBuf,
    },
    /// A chunk, a size or a node does not fit the content.
    #[error("{}: {what} does not fit: {cause}", content.display())]
    Misfit {
        /// The content's file.
        content: PathBuf,
        /// What was to be kept or read.
        what: String,
        /// Why it does not fit.
        cause: String,
    },
}

impl StorageError {
    /// Something the system refused, with what is known to help.
    pub(super) fn io(path: impl Into<PathBuf>, doing: &'static str, cause: io::Error) -> Self {
        let hint = match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "; free some space and go on: what was committed is safe"
            }
            io::ErrorKind::FileTooLarge => "; use a file system, or a limit, for larger files",
            io::ErrorKind::UnexpectedEof => "; start again, and what is missing is found out",
            _ => "",
        };
        Self::Io {
            path: path.into(),
            doing,
            cause,
            hint,
        }
    }

    /// As [`StorageError::io`], where a sidecar was to be opened for writing.
    pub(super) fn sidecar(path: impl Into<PathBuf>, doing: &'static str, cause: io::Error) -> Self {
        let mut error = Self::io(path, doing, cause);
        if let Self::Io { cause, hint, .. } = &mut error {
            use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
            if matches!(
                cause.kind(),
                PermissionDenied | ReadOnlyFilesystem | NotFound
            ) {
                *hint =
                    "; name a directory that can be written as the state directory (--state-dir)";
            }
        }
        error
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        Self {
            what: "Keeping content in a file".to_owned(),
            cause: Box::new(error),
        }
    }
}
