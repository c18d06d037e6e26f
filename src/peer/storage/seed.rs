//! Opening content in a file to seed it: it is hashed, once.

use std::fs::{File, OpenOptions};
use std::io;
use std::num::NonZeroU32;
use std::path::Path;

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash, root_above};
use rustix::fs::FlockOperation;

use super::disk::NamedDisk;
use super::error::StorageError;
use super::file::FileStore;
use super::hashes::HashTable;
use super::header::Header;
use super::marks::Marks;
use super::open::{begin, create, is_in_order, layout_of, lock, new_header};
use super::options::StoreOptions;
use super::recheck::{count, recheck};
use crate::hashing::hash_chunks;

/// Bytes of content that are read and hashed together.
const BATCH_BYTES: usize = 1024 * 1024;

/// What a sidecar says about content that is to be seeded.
enum Found {
    /// Everything is there and as it was left.
    Closed(Header, Hash),
    /// All is marked, and the process was killed that downloaded it: its swarm
    /// ID tells whether it is all right.
    Unclosed(Header, Hash),
    /// A download is not finished.
    Incomplete { present: u64, size: Option<u64> },
    /// Nothing of use.
    Nothing,
}

impl FileStore {
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
        let path = options.sidecar_path(content);
        let content = Opened::new(File::open(content), content)?;
        if content.disk()?.stamp()?.length == 0 {
            return Err(StorageError::Empty {
                content: content.path.to_owned(),
            });
        }
        let (file, is_writable) = open_sidecar(&path)?;
        let sidecar = Opened { file, path: &path };
        lock(&sidecar.file, &path, FlockOperation::NonBlockingLockShared)?;
        let incomplete = |present, size| StorageError::Incomplete {
            content: content.path.to_owned(),
            sidecar: path.clone(),
            present,
            size,
        };
        match look(
            &content.disk()?,
            &sidecar.disk()?,
            function,
            chunk_size,
            options.force,
        )? {
            Found::Closed(header, root) => {
                let (content, sidecar) = (content.disk()?, sidecar.disk()?);
                let store = Self::new(content, sidecar, header, root, options.sync, true)?;
                return Ok((store, root));
            }
            Found::Unclosed(header, root) if is_writable => {
                lock(
                    &sidecar.file,
                    &path,
                    FlockOperation::NonBlockingLockExclusive,
                )?;
                let (content, sidecar) = (content.disk()?, sidecar.disk()?);
                let mut store = Self::new(content, sidecar, header, root, options.sync, false)?;
                store.recovery = Some(recheck(&mut store, &mut progress)?);
                if store.is_complete() {
                    return Ok((store, root));
                }
                if !options.force {
                    return Err(incomplete(count(&store), store.header.size));
                }
            }
            Found::Incomplete { present, size } if !options.force => {
                return Err(incomplete(present, size));
            }
            Found::Unclosed(..) | Found::Incomplete { .. } | Found::Nothing => {}
        }
        if !is_writable {
            let cause = io::ErrorKind::PermissionDenied.into();
            return Err(StorageError::sidecar(path, "writing", cause));
        }
        lock(
            &sidecar.file,
            &path,
            FlockOperation::NonBlockingLockExclusive,
        )?;
        let (content, disk) = (content.disk()?, sidecar.disk()?);
        let header = begin(&disk, new_header(function, None, chunk_size))?;
        let (header, root) = hash_all(&content, &disk, header, &mut progress)?;
        // Others may seed it as well.
        lock(&sidecar.file, &path, FlockOperation::NonBlockingLockShared)?;
        let store = Self::new(content, disk, header, root, options.sync, true)?;
        Ok((store, root))
    }
}

/// A file that is open, to be handed out more than once. A lock on it stays as
/// long as any of these.
struct Opened<'a> {
    file: File,
    path: &'a Path,
}

impl<'a> Opened<'a> {
    fn new(file: io::Result<File>, path: &'a Path) -> Result<Self, StorageError> {
        match file {
            Ok(file) => Ok(Self { file, path }),
            Err(error) => Err(StorageError::io(path, "opening it to seed", error)),
        }
    }

    fn disk(&self) -> Result<NamedDisk, StorageError> {
        Self::new(self.file.try_clone(), self.path)
            .map(|opened| NamedDisk::new(opened.file, opened.path))
    }
}

/// What the sidecar says.
fn look(
    content: &NamedDisk,
    sidecar: &NamedDisk,
    function: TreeHash,
    chunk_size: NonZeroU32,
    force: bool,
) -> Result<Found, StorageError> {
    let header = match Header::read(sidecar) {
        Err(StorageError::Unreadable { .. }) if force => None,
        header => header?,
    };
    let Some((header, root)) = header.and_then(|header| header.root.map(|root| (header, root)))
    else {
        return Ok(Found::Nothing);
    };
    let marks = Marks::read(layout_of(&root), sidecar)?;
    let present = marks
        .present()
        .iter()
        .map(|run| run.end() - run.start() + 1)
        .sum();
    let size = header.size;
    if size != Some(present) {
        return Ok(Found::Incomplete { present, size });
    }
    if header.function != function || header.chunk_size != chunk_size || !header.is_protected {
        return Ok(Found::Nothing);
    }
    Ok(if is_in_order(&header, content, sidecar)? {
        Found::Closed(header, root)
    } else if header.is_clean {
        // Somebody changed the content on purpose.
        Found::Nothing
    } else {
        Found::Unclosed(header, root)
    })
}

/// Hashes content from its beginning to its end into an empty sidecar.
fn hash_all(
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

/// The sidecar, which is created where there is none, and whether it can be
/// written.
fn open_sidecar(sidecar: &Path) -> Result<(File, bool), StorageError> {
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
