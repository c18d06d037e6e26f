//! Whether content that its swarm does not protect is what the swarm ID names.
//!
//! `PyPPSPP`'s swarm IDs are root hashes although its swarms have no integrity
//! protection. So what can't be verified chunk by chunk can be at the end.

use std::fs::File;
use std::io::{self, Read as _};
use std::num::NonZeroU32;
use std::path::PathBuf;

use ppspp_dissector::integrity::{Hash, TreeHash};
use ppspp_dissector::wire::HashFunction;

use crate::content::hash_content;

/// Content in a file, and the swarm ID that may be its root hash.
#[derive(Clone, Debug)]
pub struct RootCheck {
    content: PathBuf,
    root: Hash,
    function: TreeHash,
    chunk_size: NonZeroU32,
}

impl RootCheck {
    /// The check of a file; `None` where no hash of `function` is as long as the
    /// swarm ID.
    pub fn new(
        content: impl Into<PathBuf>,
        swarm_id: &[u8],
        function: TreeHash,
        chunk_size: NonZeroU32,
    ) -> Option<Self> {
        let is_possible = function.function().length() == Some(swarm_id.len());
        let root = Hash::from_bytes(swarm_id).filter(|_| is_possible)?;
        Some(Self {
            content: content.into(),
            root,
            function,
            chunk_size,
        })
    }

    /// The hash function of the tree.
    pub const fn function(&self) -> HashFunction {
        self.function.function()
    }

    /// Whether the swarm ID is the root hash of the file's first chunks, so many
    /// of them. The last one may be short.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn matches(&self, chunks: u64) -> io::Result<bool> {
        let chunk_size = self.chunk_size.get();
        let most = chunks.saturating_mul(chunk_size.into());
        let content = File::open(&self.content)?.take(most);
        let hashed = hash_content(content, self.function, chunk_size as usize, |_| {})?;
        Ok(hashed.tree.chunks() == chunks && hashed.tree.root() == Some(self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_chunks_match_their_root_hash_and_no_other() {
        let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
        let size = NonZeroU32::new(4).expect("not zero");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), b"0123456789ab and more").expect("written");
        let root = |content: &[u8]| {
            let hashed = hash_content(content, function, 4, |_| {}).expect("a slice reads");
            hashed.tree.root().expect("not empty")
        };
        let three = root(b"0123456789ab");
        let check = |id: &[u8]| RootCheck::new(file.path(), id, function, size);
        let check_three = check(three.as_bytes()).expect("a hash");
        assert!(check_three.matches(3).expect("readable"));
        assert!(!check_three.matches(2).expect("readable"));
        assert!(!check_three.matches(4).expect("readable"));
        assert!(!check_three.matches(300).expect("readable"));
        assert!(check(b"no root hash").is_none());
    }
}
