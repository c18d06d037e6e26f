//! Opening content in a file: to seed it, or to download it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash, root_above};
use rustix::fs::{FlockOperation, flock};

use super::disk::{NamedDisk, Stamp};
use super::error::StorageError;
use super::file::FileStore;
use super::hashes::HashTable;
use super::header::Header;
use super::layout::Layout;
use super::marks::Marks;
use super::options::StoreOptions;
use super::recheck::{count, recheck};
use crate::hashing::hash_chunks;

/// Bytes of content that are read and hashed together while seeding begins.
const BATCH_BYTES: usize = 1024 * 1024;

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
        let sidecar = options.sidecar_path(content);
        let exists = fs::symlink_metadata(content).is_ok();
        let new = new_header(function, Some(*root), chunk_size);
        check_root(root, function)?;
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
        Self::of_disks(content, sidecar, header, *root, options, &mut progress)
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

    /// Opens content that is all there, to seed it; returns its root hash as
    /// well, which is its swarm ID. It is hashed, unless a sidecar is there from
    /// the last time and the file has not changed since. `progress` is told the
    /// bytes that were hashed.
    ///
    /// The content is only read. Several processes may seed the same file.
    ///
    /// # Errors
    /// When the content is empty, incomplete as its sidecar tells, or changes
    /// meanwhile; when the sidecar can't be written or used.
    pub fn seed(
        content: &Path,
        function: TreeHash,
        chunk_size: NonZeroU32,
        options: &StoreOptions,
        mut progress: impl FnMut(u64),
    ) -> Result<(Self, Hash), StorageError> {
        let sidecar = options.sidecar_path(content);
        let file = File::open(content)
            .map_err(|error| StorageError::io(content, "opening it to seed", error))?;
        let content = NamedDisk::new(file, content);
        if content.stamp()?.length == 0 {
            return Err(StorageError::Empty {
                content: content.path,
            });
        }
        let (file, is_writable) = open_for_seed(&sidecar)?;
        lock(&file, &sidecar, FlockOperation::NonBlockingLockShared)?;
        let shared = file
            .try_clone()
            .map_err(|error| StorageError::io(&sidecar, "opening it once more", error))?;
        let sidecar = NamedDisk::new(shared, sidecar);

        let found = match Header::read(&sidecar) {
            Err(StorageError::Unreadable { .. }) if options.force => None,
            found => found?,
        };
        if let Some((header, root)) =
            found.and_then(|header| header.root.map(|root| (header, root)))
        {
            let marks = Marks::read(layout_of(&root), &sidecar)?;
            let present = marks
                .present()
                .iter()
                .map(|run| run.end() - run.start() + 1);
            let present: u64 = present.sum();
            let is_complete = header.size == Some(present);
            let is_same = header.function == function && header.chunk_size == chunk_size;
            if is_complete && is_same && is_in_order(&header, &content, &sidecar)? {
                let store = Self::new(content, sidecar, header, root, options.sync, true)?;
                return Ok((store, root));
            }
            let size = header.size;
            if is_complete && is_same && !header.is_clean && is_writable {
                // The process was killed that downloaded it: its swarm ID tells
                // whether it is all right.
                let path = sidecar.path.clone();
                lock(&file, &path, FlockOperation::NonBlockingLockExclusive)?;
                let read = File::open(&content.path)
                    .map_err(|error| StorageError::io(&content.path, "opening it", error))?;
                let again = NamedDisk::new(read, &content.path);
                let mut store = Self::new(again, sidecar, header, root, options.sync, false)?;
                store.recovery = Some(recheck(&mut store, &mut progress)?);
                if store.is_complete() {
                    return Ok((store, root));
                }
                if !options.force {
                    return Err(StorageError::Incomplete {
                        present: count(&store),
                        content: content.path,
                        sidecar: path,
                        size,
                    });
                }
                drop(store);
                return Self::seed(&content.path, function, chunk_size, options, progress);
            }
            if !is_complete && !options.force {
                return Err(StorageError::Incomplete {
                    content: content.path,
                    sidecar: sidecar.path,
                    present,
                    size,
                });
            }
        }
        if !is_writable {
            return Err(StorageError::sidecar(
                &sidecar.path,
                "writing",
                io::ErrorKind::PermissionDenied.into(),
            ));
        }
        lock(
            &file,
            &sidecar.path,
            FlockOperation::NonBlockingLockExclusive,
        )?;
        let header = begin(&sidecar, new_header(function, None, chunk_size))?;
        let (header, root) = hash_all(&content, &sidecar, header, &mut progress)?;
        // Others may seed it as well.
        lock(&file, &sidecar.path, FlockOperation::NonBlockingLockShared)?;
        let store = Self::new(content, sidecar, header, root, options.sync, true)?;
        Ok((store, root))
    }
}

/// Hashes content from its beginning to its end into an empty sidecar.
pub(super) fn hash_all(
    content: &NamedDisk,
    sidecar: &NamedDisk,
    mut header: Header,
    progress: &mut dyn FnMut(u64),
) -> Result<(Header, Hash), StorageError> {
    let function = header.function;
    let layout = layout_of(&function.empty());
    let stamp = content.stamp()?;
    let chunk_size = header.chunk_size.get() as usize;
    let mut hashes = HashTable::new(layout);
    let mut tree = ContentTree::new(function);
    let mut buffer = vec![0; BATCH_BYTES.div_ceil(chunk_size) * chunk_size];
    let mut length = 0;
    let mut last_length = 0;
    let mut found = Vec::new();
    loop {
        let read = content.read(&mut buffer, length)?;
        let pieces = buffer[..read].chunks(chunk_size);
        last_length = pieces.clone().last().map_or(last_length, <[u8]>::len);
        hash_chunks(pieces.map(|piece| (function, piece)), |hash| {
            tree.push_hash_with(hash, |bin, hash| found.push((bin, hash)));
        });
        length += read as u64;
        let is_over = read < buffer.len();
        if is_over {
            root_above(function, tree.peaks(), |bin, hash| found.push((bin, hash)));
        }
        for (bin, hash) in found.drain(..) {
            hashes.put(sidecar, bin, &hash)?;
        }
        hashes.write(sidecar)?;
        progress(length);
        if is_over {
            break;
        }
    }
    if content.stamp()? != stamp || length != stamp.length {
        return Err(StorageError::Changed {
            content: content.path.clone(),
        });
    }
    let Some(root) = tree.root() else {
        return Err(StorageError::Empty {
            content: content.path.clone(),
        });
    };
    Marks::new(layout).mark(sidecar, &[0..=tree.chunks() - 1])?;
    header.size = Some(tree.chunks());
    header.last_length = NonZeroU32::new(last_length as u32);
    header.root = Some(root);
    header.content = stamp;
    header.sidecar_length = sidecar.stamp()?.length;
    header.is_clean = true;
    // What the head promises has to be there before it.
    sidecar.sync()?;
    header.write(sidecar)?;
    sidecar.sync()?;
    Ok((header, root))
}

/// The head of a state that begins.
pub(super) fn new_header(function: TreeHash, root: Option<Hash>, chunk_size: NonZeroU32) -> Header {
    Header {
        generation: 0,
        is_clean: false,
        function,
        root,
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
        (Some(kept), Some(wanted)) if kept != wanted => StorageError::OtherSwarm {
            sidecar: path(),
            kept,
            wanted,
        },
        _ => return Ok(Some(found)),
    };
    if force { Ok(None) } else { Err(error) }
}

/// Whether both files are as they were left when the store was closed.
fn is_in_order(
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

fn layout_of(hash: &Hash) -> Layout {
    Layout {
        hash_length: hash.as_bytes().len(),
    }
}

/// The sidecar, which is created where there is none, and whether it can be
/// written.
fn open_for_seed(sidecar: &Path) -> Result<(File, bool), StorageError> {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};

    let opened = OpenOptions::new().read(true).write(true).open(sidecar);
    match opened.map_err(|error| (error.kind(), error)) {
        Ok(file) => Ok((file, true)),
        Err((NotFound, _)) => create(sidecar).map(|file| (file, true)),
        Err((PermissionDenied | ReadOnlyFilesystem, error)) => match File::open(sidecar) {
            Ok(file) => Ok((file, false)),
            Err(_) => Err(StorageError::sidecar(sidecar, "opening", error)),
        },
        Err((_, error)) => Err(StorageError::sidecar(sidecar, "opening", error)),
    }
}

fn create(sidecar: &Path) -> Result<File, StorageError> {
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

fn lock(file: &File, sidecar: &Path, operation: FlockOperation) -> Result<(), StorageError> {
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
