//! What may be set about a file store.

use std::path::{Path, PathBuf};

/// When a file store waits until the disk has what was written. It always does
/// so when it is closed, and before its first change.
///
/// The end of the process loses nothing that was committed, whatever the
/// policy; the end of the power may lose what was not synchronised, and that is
/// found out when the store is opened again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncPolicy {
    /// Never in between: the system writes when it thinks fit.
    #[default]
    Never,
    /// Each time that so many bytes of content were committed.
    Interval {
        /// The bytes.
        bytes: u64,
    },
    /// With each commit, marks after everything else.
    EachCommit,
}

/// What may be set about a file store.
#[derive(Clone, Debug, Default)]
pub struct StoreOptions {
    /// Where the sidecar is; beside the content where this is `None`. It is
    /// named after the content's file, whose name must be the only one there.
    pub state_directory: Option<PathBuf>,
    /// When to wait for the disk.
    pub sync: SyncPolicy,
    /// To start anew where that loses something: a file that exists, the state
    /// of another swarm.
    pub force: bool,
}

impl StoreOptions {
    /// The sidecar's file for a content's file: `NAME.ppspp`.
    pub fn sidecar_path(&self, content: &Path) -> PathBuf {
        let mut name = content.file_name().unwrap_or_default().to_owned();
        name.push(".ppspp");
        match &self.state_directory {
            Some(directory) => directory.join(name),
            None => content.with_file_name(name),
        }
    }
}
