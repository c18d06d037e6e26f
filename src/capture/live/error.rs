//! What can go wrong with live captures, and what to do about it.

use std::io;
use std::path::PathBuf;

/// Why there is no capture, or no more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The system does not tell its interfaces.
    #[error("the interfaces can't be listed: {reason}")]
    List {
        /// What the system says.
        reason: String,
    },
    /// No interface was named and none is up.
    #[error("there is no interface to capture on; `ppsp-inspect interfaces` lists them")]
    NoInterface,
    /// There is no such interface.
    #[error("there is no interface {name:?}; there are: {known}")]
    UnknownInterface {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The user may not capture.
    #[error("capturing on {name} needs privileges that this process lacks ({reason}).\n{advice}")]
    Privileges {
        /// The interface.
        name: String,
        /// What the system says.
        reason: String,
        /// How to give them.
        advice: String,
    },
    /// The interface could not be opened.
    #[error("{name} can't be opened: {reason}")]
    Open {
        /// The interface.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// The capture filter is wrong.
    #[error(
        "the capture filter {filter:?} is refused: {reason} (this is libpcap's language, as in \
         tcpdump: `udp port 6778`; -Y takes display filters)"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What libpcap says.
        reason: String,
    },
    /// Root could not be given up.
    #[error("root could not be given up after opening the interfaces: {0}")]
    DropRoot(#[source] io::Error),
    /// A capture in progress broke.
    #[error("the capture on {name} ended early: {reason}")]
    Broken {
        /// The interface.
        name: String,
        /// What the system says.
        reason: String,
    },
    /// A file could not be written.
    #[error("{path}: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What waited to be decoded could not be put on disk.
    #[error(
        "decoding fell behind and the temporary file for what waits can't be written: {source}; \
         some packets are not decoded"
    )]
    Spill {
        /// Why.
        source: io::Error,
    },
    /// No thread could be started.
    #[error("no thread could be started: {0}")]
    Thread(#[source] io::Error),
}

impl LiveError {
    /// Whether what the user asked for is wrong, rather than that it failed.
    pub const fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::NoInterface | Self::UnknownInterface { .. } | Self::Filter { .. }
        )
    }
}
