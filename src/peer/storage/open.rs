//! Opening content in a file to download it, and what seeding shares with it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use ppspp_dissector::integrity::{Hash, TreeHash};
use rustix::fs::{FlockOperation, flock};

use super::disk::{NamedDisk, Stamp};
use super::error::StorageError;
use super::file::FileStore;
use super::header::Header;
use super::layout::Layout;
use super::marks::Marks;
use super::options::StoreOptions;
use super::recheck::recheck;

impl FileStore {
    /// Opens content to download it, or to go on with that: a file that is
    /// created, or one whose sidecar tells what of it is there. `root` is the
    /// swarm ID. `progress` is told the bytes that were hashed, where the store
    /// was not closed in order and has to be checked.
    ///
    /// # Errors
    /// When there is a file without a sidecar, or its sidecar is of another
    /// swarm, hash function or chunk size, of a newer version, damaged or in
    /// use, or when the system refuses something.
    pub fn leech(
        content: &Path,
        root: &Hash,
        function: TreeHash,
        chunk_size: NonZeroU32,
        options: &StoreOptions,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, StorageError> {
        check_root(root, function)?;
        let new = new_header(function, Some(*root), chunk_size);
        Self::go_on(content, root, new, options, &mut progress)
    }

    /// As [`FileStore::leech`], for content that nothing protects (RFC 7574,
    /// section 7.5, method 0). The store hashes each chunk when it comes, so that
    /// it finds out what the end of the power has cost; whether the chunk was
    /// right then, nobody knows.
    ///
    /// # Errors
    /// As [`FileStore::leech`].
    pub fn leech_unprotected(
        content: &Path,
        swarm_id: &[u8],
        function: TreeHash,
        chunk_size: NonZeroU32,
        options: &StoreOptions,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, StorageError> {
        let name = function.chunk(swarm_id);
        let new = Header {
            is_protected: false,
            ..new_header(function, Some(name), chunk_size)
        };
        Self::go_on(content, &name, new, options, &mut progress)
    }

    /// Opens content whose state begins with a head, or is to be gone on with.
    fn go_on(
        content: &Path,
        root: &Hash,
        new: Header,
        options: &StoreOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, StorageError> {
        let sidecar = options.sidecar_path(content);
        let exists = fs::symlink_metadata(content).is_ok();
        let mut opening = OpenOptions::new();
        opening.read(true).write(true);
        let (file, is_new) = match opening.open(&sidecar) {
            Ok(file) => (file, false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if exists && !options.force {
                    return Err(StorageError::ContentExists {
                        content: content.to_owned(),
                        sidecar,
                    });
                }
                (create(&sidecar)?, true)
            }
            Err(error) => return Err(StorageError::sidecar(sidecar, "opening", error)),
        };
        lock(&file, &sidecar, FlockOperation::NonBlockingLockExclusive)?;
        let sidecar = NamedDisk::new(file, sidecar);
        let header = if is_new {
            None
        } else {
            usable(&sidecar, &new, options.force)?
        };
        let is_new = header.is_none();
        let is_there = fs::metadata(content).is_ok_and(|metadata| metadata.len() > 0);
        if is_new && is_there && !options.force {
            return Err(StorageError::ContentExists {
                content: content.to_owned(),
                sidecar: sidecar.path,
            });
        }
        let layout = layout_of(root);
        if header.is_some() && !exists && !options.force {
            let marks = Marks::read(layout, &sidecar)?;
            if !marks.present().is_empty() {
                return Err(StorageError::ContentMissing {
                    content: content.to_owned(),
                    sidecar: sidecar.path,
                });
            }
        }
        let header = match header {
            Some(header) if exists || !options.force => header,
            _ => begin(&sidecar, new)?,
        };
        let file = opening
            .create(true)
            .truncate(is_new)
            .open(content)
            .map_err(|error| StorageError::io(content, "opening it to write", error))?;
        synchronise_directory(content);
        let content = NamedDisk::new(file, content);
        if is_new {
            return Self::new(content, sidecar, header, *root, options.sync, false);
        }
        Self::of_disks(content, sidecar, header, *root, options, progress)
    }

    /// The store of two files that were there, checked where that is necessary.
    pub(super) fn of_disks(
        content: NamedDisk,
        sidecar: NamedDisk,
        header: Header,
        root: Hash,
        options: &StoreOptions,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Self, StorageError> {
        let is_in_order = is_in_order(&header, &content, &sidecar)?;
        let mut store = Self::new(content, sidecar, header, root, options.sync, false)?;
        if !is_in_order {
            store.recovery = Some(recheck(&mut store, progress)?);
        }
        if store.is_complete() {
            store.trim()?;
        }
        Ok(store)
    }
}

/// The head of a state that begins.
pub(super) fn new_header(function: TreeHash, root: Option<Hash>, chunk_size: NonZeroU32) -> Header {
    Header {
        generation: 0,
        is_clean: false,
        function,
        root,
        is_protected: true,
        chunk_size,
        size: None,
        last_length: None,
        content: Stamp::default(),
        sidecar_length: 0,
    }
}

/// Empties a sidecar and gives it its head.
pub(super) fn begin(sidecar: &NamedDisk, mut header: Header) -> Result<Header, StorageError> {
    sidecar.set_length(0)?;
    header.write(sidecar)?;
    sidecar.sync()?;
    Ok(header)
}

/// The head of a sidecar that can be gone on with; `None` where it is empty, or
/// something else and to be overwritten.
pub(super) fn usable(
    sidecar: &NamedDisk,
    wanted: &Header,
    force: bool,
) -> Result<Option<Header>, StorageError> {
    let path = || sidecar.path.clone();
    let found = match Header::read(sidecar) {
        Err(StorageError::Unreadable { .. }) if force => None,
        found => found?,
    };
    let Some(found) = found else {
        return Ok(None);
    };
    let error = match (found.root, wanted.root) {
        (None, _) => StorageError::UnfinishedSeed { sidecar: path() },
        _ if found.is_protected != wanted.is_protected => StorageError::OtherProtection {
            sidecar: path(),
            is_protected: found.is_protected,
        },
        _ if found.function != wanted.function => StorageError::OtherFunction {
            sidecar: path(),
            kept: found.function.function(),
            wanted: wanted.function.function(),
        },
        _ if found.chunk_size != wanted.chunk_size => StorageError::OtherChunkSize {
            sidecar: path(),
            kept: found.chunk_size.get(),
            wanted: wanted.chunk_size.get(),
        },
        (kept, root) if !wanted.is_protected && kept != root => {
            StorageError::OtherUnprotectedSwarm { sidecar: path() }
        }
        (Some(kept), Some(wanted)) if kept != wanted => StorageError::OtherSwarm {
            sidecar: path(),
            kept: Box::new(kept),
            wanted: Box::new(wanted),
        },
        _ => return Ok(Some(found)),
    };
    if force { Ok(None) } else { Err(error) }
}

/// Whether both files are as they were left when the store was closed.
pub(super) fn is_in_order(
    header: &Header,
    content: &NamedDisk,
    sidecar: &NamedDisk,
) -> Result<bool, StorageError> {
    Ok(header.is_clean
        && content.stamp()? == header.content
        && sidecar.stamp()?.length == header.sidecar_length)
}

pub(super) fn check_root(root: &Hash, function: TreeHash) -> Result<(), StorageError> {
    let length = root.as_bytes().len();
    if length != function.empty().as_bytes().len() {
        return Err(StorageError::NotARoot {
            length,
            function: function.function(),
        });
    }
    Ok(())
}

pub(super) fn layout_of(hash: &Hash) -> Layout {
    Layout {
        hash_length: hash.as_bytes().len(),
    }
}

pub(super) fn create(sidecar: &Path) -> Result<File, StorageError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(sidecar)
        .map_err(|error| StorageError::sidecar(sidecar, "creating", error))?;
    synchronise_directory(sidecar);
    Ok(file)
}

/// Makes a new file's name outlast the end of the power. Some file systems can
/// not do that, and then there is nothing to be done about it.
fn synchronise_directory(file: &Path) {
    let directory = file
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    if let Ok(directory) = File::open(directory.unwrap_or(Path::new("."))) {
        let _ = directory.sync_all();
    }
}

pub(super) fn lock(
    file: &File,
    sidecar: &Path,
    operation: FlockOperation,
) -> Result<(), StorageError> {
    flock(file, operation).map_err(|error| {
        let error = io::Error::from(error);
        if error.kind() == io::ErrorKind::WouldBlock {
            StorageError::InUse {
                sidecar: sidecar.to_owned(),
            }
        } else {
            StorageError::io(sidecar, "locking", error)
        }
    })
}
