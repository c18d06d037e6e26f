//! Content at hand: reading it in chunks and hashing them.

use std::io::{self, Read};

use ppspp_dissector::integrity::{ContentTree, Hash, TreeHash};
use ppspp_dissector::wire::Bin;

/// Bytes that are read at once, at least.
const READ: usize = 256 * 1024;

/// What hashing content found out.
#[derive(Clone, Debug)]
pub struct HashedContent {
    /// Its tree.
    pub tree: ContentTree,
    /// Its length in bytes.
    pub length: u64,
    /// Filled nodes and their hashes, as long as there were few; otherwise empty.
    pub nodes: Vec<(Bin, Hash)>,
}

/// Chunks up to which the nodes of the tree are kept, to be drawn.
pub const DRAWN_CHUNKS: u64 = 16;

/// Reads content to its end and hashes it in chunks of `chunk_size` bytes, of
/// which the last may be shorter. `progress` is told the bytes read so far.
///
/// # Errors
/// What `content` answers.
pub fn hash_content(
    mut content: impl Read,
    function: TreeHash,
    chunk_size: usize,
    mut progress: impl FnMut(u64),
) -> io::Result<HashedContent> {
    let chunk_size = chunk_size.max(1);
    let mut tree = ContentTree::new(function);
    let mut nodes = Vec::new();
    let mut length = 0u64;
    // A whole number of chunks, so that none lies across two reads.
    let mut buffer = vec![0; READ.div_ceil(chunk_size) * chunk_size];
    loop {
        let filled = fill(&mut content, &mut buffer)?;
        for chunk in buffer[..filled].chunks(chunk_size) {
            tree.push_with(chunk, |bin, hash| {
                if nodes.len() < 2 * DRAWN_CHUNKS as usize {
                    nodes.push((bin, hash));
                }
            });
        }
        length += filled as u64;
        progress(length);
        if filled < buffer.len() {
            break;
        }
    }
    if tree.chunks() > DRAWN_CHUNKS {
        nodes.clear();
    }
    Ok(HashedContent {
        tree,
        length,
        nodes,
    })
}

/// Reads until the buffer is full or the content ends; returns how many bytes.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::wire::HashFunction;

    use super::*;

    /// Gives one byte at a time, as a slow pipe may.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let (Some((first, rest)), Some(slot)) = (self.0.split_first(), buffer.first_mut())
            else {
                return Ok(0);
            };
            *slot = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn chunks_do_not_depend_on_how_the_bytes_come() {
        let content: Vec<u8> = (0..7162u32).map(|i| (i * 7) as u8).collect();
        let function = TreeHash::new(HashFunction::Sha256).expect("assigned");
        let whole = hash_content(&content[..], function, 1024, |_| {}).expect("a slice reads");
        let slow = hash_content(Trickle(&content), function, 1024, |_| {}).expect("it reads");
        assert_eq!(whole.tree.root(), slow.tree.root());
        assert_eq!((whole.tree.chunks(), whole.length), (7, 7162));
        assert_eq!(whole.nodes.len(), 11);
    }

    #[test]
    fn a_chunk_may_be_larger_than_a_read() {
        let content = vec![5u8; 3 * READ];
        let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
        let hashed = hash_content(&content[..], function, 2 * READ, |_| {}).expect("a slice reads");
        assert_eq!(hashed.tree.chunks(), 2);
        let empty = hash_content(&[][..], function, 1024, |_| {}).expect("nothing to read");
        assert_eq!((empty.tree.chunks(), empty.tree.root()), (0, None));
    }
}
