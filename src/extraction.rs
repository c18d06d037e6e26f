//! Content out of captures: the chunks that were verified, a file a swarm.
//!
//! Chunks go to a spool file as they come. Only at the end is it known which of
//! them later hashes have verified, how long chunks are where no handshake said
//! so, and where a live stream begins; then the files are put together.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use ppspp_dissector::integrity::Hash;
use ppspp_dissector::session::{Datagram, Late, Record, Swarm, SwarmIndex, Verdict};
use ppspp_dissector::wire::{MessageType, Pieces};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Bytes that are copied at once.
const COPY: usize = 256 * 1024;

/// Bytes of holes that are hashed as zeros, at most.
const HASHED_HOLES: u64 = 4 << 30;

/// Bytes of the longest file that is written.
const LONGEST_FILE: u64 = 8 << 40;

/// A chunk's place in the spool.
#[derive(Clone, Copy, Debug)]
struct Spooled {
    position: u64,
    length: u32,
}

/// Chunks of captures on their way into files.
#[derive(Debug)]
pub struct Extraction {
    directory: PathBuf,
    force: bool,
    unprotected: bool,
    /// A file without a name, which the system removes whatever ends the program.
    spool: BufWriter<File>,
    spooled: u64,
    /// What goes into the files: the first copy of each chunk that counts.
    chunks: HashMap<SwarmIndex, BTreeMap<u64, Spooled>>,
    /// Chunks without verdict, by frame, offset of the message, and number.
    undecided: HashMap<(u64, usize, u64), Spooled>,
}

/// Consecutive chunks of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentRange {
    /// First and last chunk.
    pub chunks: [u64; 2],
    /// Where they begin in the file, bytes.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
    /// SHA-256 of these bytes.
    pub sha256: String,
}

/// What one file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ContentFile {
    /// The swarm ID in hexadecimal digits.
    pub swarm: String,
    /// Its name in the directory.
    pub file: String,
    /// Whether the chunks were verified; otherwise nothing protected them.
    pub verified: bool,
    /// Whether all chunks of static content are there.
    pub complete: bool,
    /// Bytes of the file, holes included.
    pub length: u64,
    /// SHA-256 of the file, holes read as zeros; `None` where those are huge.
    pub sha256: Option<String>,
    /// Number of the chunk that the file begins with: 0 but for live streams.
    pub first_chunk: u64,
    /// What is there.
    pub ranges: Vec<ContentRange>,
    /// Chunks whose place is too far out for a file.
    pub left_out: u64,
}

impl Extraction {
    /// Makes the directory where it is missing. `unprotected` lets chunks
    /// through that nothing protects.
    ///
    /// # Errors
    /// When the directory can't be made or written to, or holds a manifest and
    /// `force` is not set.
    pub fn into(directory: &Path, force: bool, unprotected: bool) -> Result<Self> {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        refuse(&directory.join(MANIFEST), force)?;
        let spool = tempfile::tempfile_in(directory)
            .with_context(|| format!("{}: no room for the chunks", directory.display()))?;
        Ok(Self {
            directory: directory.to_owned(),
            force,
            unprotected,
            spool: BufWriter::with_capacity(COPY, spool),
            spooled: 0,
            chunks: HashMap::new(),
            undecided: HashMap::new(),
        })
    }

    /// Takes the chunks of a datagram of swarm `index`.
    ///
    /// # Errors
    /// When the spool can't be written.
    pub fn take(
        &mut self,
        datagram: &Datagram<'_>,
        record: &Record<'_, '_>,
        index: SwarmIndex,
    ) -> Result<()> {
        for (place, located) in record.messages.iter().enumerate() {
            for piece in Pieces::of(located, &record.layout) {
                let is_known = self
                    .chunks
                    .get(&index)
                    .is_some_and(|chunks| chunks.contains_key(&piece.chunk));
                let verdict = record.chunk_verdict(place, piece.chunk);
                if is_known || (verdict == Verdict::Unprotected && !self.unprotected) {
                    continue;
                }
                let spooled = self.append(piece.data)?;
                if matches!(verdict, Verdict::Verified | Verdict::Unprotected) {
                    self.count(index, piece.chunk, spooled);
                } else {
                    let place = (datagram.frame, located.offset, piece.chunk);
                    self.undecided.insert(place, spooled);
                }
            }
        }
        self.settle(record.late);
        Ok(())
    }

    /// Takes verdicts on earlier chunks.
    pub fn settle(&mut self, late: &[Late]) {
        for late in late {
            if late.kind != MessageType::Data {
                continue;
            }
            let chunk = late.chunks.start();
            if let Some(spooled) = self.undecided.remove(&(late.frame, late.offset, chunk))
                && late.verdict == Verdict::Verified
            {
                self.count(late.swarm, chunk, spooled);
            }
        }
    }

    fn count(&mut self, index: SwarmIndex, chunk: u64, spooled: Spooled) {
        let chunks = self.chunks.entry(index).or_default();
        chunks.entry(chunk).or_insert(spooled);
    }

    fn append(&mut self, data: &[u8]) -> Result<Spooled> {
        let position = self.spooled;
        self.spool
            .write_all(data)
            .with_context(|| self.spool_name())?;
        self.spooled += data.len() as u64;
        Ok(Spooled {
            position,
            length: data.len() as u32,
        })
    }

    /// What an error calls the spool.
    fn spool_name(&self) -> String {
        format!("{}: the chunks on their way", self.directory.display())
    }

    /// Writes the files and the manifest. `swarm` yields a swarm by its place.
    ///
    /// # Errors
    /// When a file exists already and may not be overwritten, or can't be written.
    pub fn finish<'s>(
        mut self,
        swarm: impl Fn(SwarmIndex) -> &'s Swarm,
    ) -> Result<Vec<ContentFile>> {
        let chunks = std::mem::take(&mut self.chunks);
        let mut order: Vec<_> = chunks.keys().copied().collect();
        order.sort_unstable();
        for index in &order {
            refuse(&self.directory.join(file_name(swarm(*index))), self.force)?;
        }
        self.spool.flush().with_context(|| self.spool_name())?;
        let mut files = Vec::new();
        for index in order {
            files.push(self.write_file(swarm(index), &chunks[&index])?);
        }
        let manifest = serde_json::to_vec_pretty(&Manifest { swarms: &files })?;
        self.replace(MANIFEST, |out| {
            out.write_all(&manifest)?;
            out.write_all(b"\n")
        })?;
        Ok(files)
    }

    fn write_file(
        &mut self,
        swarm: &Swarm,
        chunks: &BTreeMap<u64, Spooled>,
    ) -> Result<ContentFile> {
        let found = swarm.verification.as_deref();
        let first_chunk = if swarm.is_live() {
            chunks.keys().next().copied().unwrap_or(0)
        } else {
            0
        };
        let size = swarm.chunk_size().map(|known| u64::from(known.value));
        let total = found.and_then(|found| found.content_length(size.map(|size| size as u32)));
        let name = file_name(swarm);
        let mut spool = BufReader::with_capacity(COPY, self.spool.get_ref().try_clone()?);
        let mut ranges = Vec::new();
        let mut length = 0;
        let mut whole = Sha256::new();
        let (mut holes, mut left_out) = (0u64, 0u64);
        self.replace(&name, |out| {
            let mut range: Option<(ContentRange, Sha256)> = None;
            let mut spool_at = None;
            let mut buffer = Vec::new();
            for (&chunk, spooled) in chunks {
                // Where chunks differ in size, what is there follows each other.
                let offset = match size {
                    Some(size) => (chunk - first_chunk).saturating_mul(size),
                    None => length,
                };
                if offset > LONGEST_FILE {
                    left_out += 1;
                    continue;
                }
                if spool_at != Some(spooled.position) {
                    spool.seek(SeekFrom::Start(spooled.position))?;
                }
                buffer.resize(spooled.length as usize, 0);
                spool.read_exact(&mut buffer)?;
                spool_at = Some(spooled.position + u64::from(spooled.length));
                if offset != length {
                    out.seek(SeekFrom::Start(offset))?;
                    let hole = offset.saturating_sub(length);
                    holes += hole;
                    if holes <= HASHED_HOLES {
                        hash_zeros(&mut whole, hole);
                    }
                }
                out.write_all(&buffer)?;
                whole.update(&buffer);
                length = offset + buffer.len() as u64;
                let continues = range.as_ref().is_some_and(|(range, _)| {
                    range.chunks[1] + 1 == chunk && range.offset + range.length == offset
                });
                if !continues {
                    ranges.extend(range.take().map(finish_range));
                }
                let (range, hash) = range.get_or_insert_with(|| {
                    let range = ContentRange {
                        chunks: [chunk, chunk],
                        offset,
                        length: 0,
                        sha256: String::new(),
                    };
                    (range, Sha256::new())
                });
                range.chunks[1] = chunk;
                range.length += buffer.len() as u64;
                hash.update(&buffer);
            }
            ranges.extend(range.take().map(finish_range));
            if let Some(total) = total
                && (length + 1..=LONGEST_FILE).contains(&total)
            {
                out.flush()?;
                out.get_ref().set_len(total)?;
                holes += total - length;
                if holes <= HASHED_HOLES {
                    hash_zeros(&mut whole, total - length);
                }
                length = total;
            }
            Ok(())
        })?;
        let is_all = |found: &ppspp_dissector::session::Verification| {
            found.size() == Some(chunks.len() as u64)
        };
        Ok(ContentFile {
            swarm: swarm.id_digits(),
            file: name,
            verified: chunks
                .keys()
                .all(|&chunk| found.is_some_and(|found| found.verified().contains(chunk))),
            complete: found.is_some_and(is_all),
            length,
            sha256: (holes <= HASHED_HOLES).then(|| digits(whole)),
            first_chunk,
            ranges,
            left_out,
        })
    }

    /// Writes a file under another name first, so that it is never half there.
    fn replace(
        &self,
        name: &str,
        write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<()> {
        let path = self.directory.join(name);
        let part = self
            .directory
            .join(format!(".{name}.part-{}", std::process::id()));
        let written = (|| {
            let mut out = BufWriter::with_capacity(COPY, File::create(&part)?);
            write(&mut out)?;
            out.flush()?;
            fs::rename(&part, &path)
        })();
        if written.is_err() {
            // What is left of it is of no use to anybody.
            let _ = fs::remove_file(&part);
        }
        written.with_context(|| path.display().to_string())
    }
}

/// Name of the file that lists the others.
const MANIFEST: &str = "manifest.json";

#[derive(Serialize)]
struct Manifest<'a> {
    swarms: &'a [ContentFile],
}

/// `<first 16 hex digits of the swarm ID>.content`.
fn file_name(swarm: &Swarm) -> String {
    let id = swarm.id_digits();
    match id.get(..16).unwrap_or(&id) {
        "" => "unknown.content".to_owned(),
        digits => format!("{digits}.content"),
    }
}

fn refuse(path: &Path, force: bool) -> Result<()> {
    if !force && path.try_exists().unwrap_or(true) {
        bail!("{}: exists already; --force overwrites it", path.display());
    }
    Ok(())
}

fn finish_range((mut range, hash): (ContentRange, Sha256)) -> ContentRange {
    range.sha256 = digits(hash);
    range
}

fn digits(hash: Sha256) -> String {
    let hash = Hash::from_bytes(&hash.finalize());
    hash.map(|hash| hash.to_string()).unwrap_or_default()
}

fn hash_zeros(hash: &mut Sha256, mut count: u64) {
    let zeros = [0u8; 4096];
    while count > 0 {
        let step = count.min(zeros.len() as u64);
        hash.update(&zeros[..step as usize]);
        count -= step;
    }
}
