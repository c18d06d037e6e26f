//! What `hash` tells about content: its swarm ID, its peaks, its tree.

use std::io::{self, Write};

use crate::extraction::ContentFile;
use ppspp_dissector::integrity::Hash;
use ppspp_dissector::wire::{Bin, ChunkRange, HashFunction};
use serde_json::json;

use super::style::Style;
use crate::content::HashedContent;

/// Columns from one leaf to the next in a drawn tree.
const LEAF: usize = 4;

/// Content and how it was cut and hashed.
#[derive(Clone, Copy, Debug)]
pub struct ContentSummary<'a> {
    /// The content.
    pub content: &'a HashedContent,
    /// Its root hash, which is the swarm ID of static content.
    pub root: Hash,
    /// The hash function.
    pub function: HashFunction,
    /// Bytes to a chunk.
    pub chunk_size: u32,
}

/// Writes the summary for people.
///
/// # Errors
/// What `out` answers.
pub fn write_content(
    out: &mut impl Write,
    summary: &ContentSummary<'_>,
    style: Style,
) -> io::Result<()> {
    let ContentSummary {
        content,
        root,
        function,
        chunk_size,
    } = summary;
    let chunks = content.tree.chunks();
    let last = content.length - (chunks - 1) * u64::from(*chunk_size);
    writeln!(out, "Swarm ID  {}", style.swarm(root))?;
    writeln!(out, "Hash      {function}")?;
    writeln!(out, "Content   {} bytes", content.length)?;
    writeln!(
        out,
        "Chunks    {chunks} of {chunk_size} bytes, the last one of {last}"
    )?;
    for (index, peak) in content.tree.peaks().iter().enumerate() {
        let heading = if index == 0 { "Peaks" } else { "" };
        writeln!(out, "{heading:<9} {} {}", peak.hash, peak.chunks)?;
    }
    Ok(())
}

/// Writes the summary as one JSON object, as DESIGN.md fixes it.
///
/// # Errors
/// What `out` answers.
pub fn write_content_json(out: &mut impl Write, summary: &ContentSummary<'_>) -> io::Result<()> {
    let peaks: Vec<_> = summary
        .content
        .tree
        .peaks()
        .iter()
        .map(|peak| {
            json!({
                "chunks": [peak.chunks.start(), peak.chunks.end()],
                "hash": peak.hash.to_string(),
            })
        })
        .collect();
    let object = json!({
        "swarm_id": summary.root.to_string(),
        "hash_function": summary.function.to_string(),
        "chunk_size": summary.chunk_size,
        "chunks": summary.content.tree.chunks(),
        "content_length": summary.content.length,
        "peaks": peaks,
    });
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}

/// Draws the tree as in RFC 7574, Figure 4: bins, chunks, peaks marked `*`,
/// empty hashes as `E`; below it the hash of every filled node. Only for
/// content whose nodes were kept.
///
/// # Errors
/// What `out` answers.
pub fn write_content_tree(
    out: &mut impl Write,
    content: &HashedContent,
    style: Style,
) -> io::Result<()> {
    let chunks = content.tree.chunks();
    let width = chunks.next_power_of_two();
    let is_peak = |range: ChunkRange| content.tree.peaks().iter().any(|peak| peak.chunks == range);
    for layer in (0..=width.ilog2()).rev() {
        let span = 1u64 << layer;
        let mut names = Row::default();
        let mut links = Row::default();
        for start in (0..width).step_by(span as usize) {
            let Some(range) = ChunkRange::new(start, start + span - 1) else {
                continue;
            };
            let Some(bin) = Bin::covering(range) else {
                continue;
            };
            let mark = if is_peak(range) { "*" } else { "" };
            names.put(column(range), &format!("{}{mark}", bin.number()));
            if layer > 0 {
                let middle = start + span / 2;
                let left = ChunkRange::new(start, middle - 1).map_or(0, column);
                let right = ChunkRange::new(middle, range.end()).map_or(0, column);
                let center = column(range);
                links.put(left, "┌");
                links.put(left + 1, &"─".repeat(center - left - 1));
                links.put(center, "┴");
                links.put(center + 1, &"─".repeat(right - center - 1));
                links.put(right, "┐");
            }
        }
        writeln!(out, "{}", names.text)?;
        if layer > 0 {
            writeln!(out, "{}", style.faint(links.text))?;
        }
    }
    let mut leaves = Row::default();
    for chunk in 0..width {
        let name = if chunk < chunks {
            format!("C{chunk}")
        } else {
            "E".to_owned()
        };
        leaves.put(column(ChunkRange::single(chunk)), &name);
    }
    writeln!(out, "{}\n", leaves.text)?;
    let mut nodes = content.nodes.clone();
    nodes.sort_by_key(|(bin, _)| bin.number());
    for (bin, hash) in nodes {
        let mark = if is_peak(bin.range()) { "*" } else { " " };
        writeln!(out, "{:>4}{mark} {hash} {}", bin.number(), bin.range())?;
    }
    Ok(())
}

/// The column of a node: in the middle above its chunks.
fn column(range: ChunkRange) -> usize {
    (range.start() + range.end()) as usize * LEAF / 2
}

/// A line of text that grows to the right.
#[derive(Default)]
struct Row {
    text: String,
    columns: usize,
}

impl Row {
    fn put(&mut self, column: usize, text: &str) {
        while self.columns < column {
            self.text.push(' ');
            self.columns += 1;
        }
        self.text.push_str(text);
        self.columns += text.chars().count();
    }
}

/// Writes what was extracted, a line a file.
///
/// # Errors
/// What `out` answers.
pub fn write_extraction(out: &mut impl Write, files: &[ContentFile]) -> io::Result<()> {
    for file in files {
        let chunks: u64 = file
            .ranges
            .iter()
            .map(|range| range.chunks[1] - range.chunks[0] + 1)
            .sum();
        let protection = if file.verified {
            "verified"
        } else {
            "unprotected"
        };
        let complete = if file.complete { ", complete" } else { "" };
        writeln!(
            out,
            "{}  {} bytes, {chunks} chunks {protection} in {} ranges{complete}",
            file.file,
            file.length,
            file.ranges.len(),
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use ppspp_dissector::integrity::TreeHash;

    use super::*;
    use crate::content::hash_content;

    #[test]
    fn the_tree_of_figure_4_is_drawn() {
        let function = TreeHash::new(HashFunction::Sha1).expect("assigned");
        let content = hash_content(&[1u8; 7162][..], function, 1024, |_| {}).expect("it reads");
        let mut out = Vec::new();
        write_content_tree(&mut out, &content, Style::new(false)).expect("a vector takes all");
        let text = String::from_utf8(out).expect("UTF-8");
        let drawing = text.split("\n\n").next().expect("a drawing");
        assert_eq!(
            drawing,
            "              7\n      \
                   ┌───────┴───────┐\n      \
                   3*              11\n  \
               ┌───┴───┐       ┌───┴───┐\n  \
               1       5       9*      13\n\
             ┌─┴─┐   ┌─┴─┐   ┌─┴─┐   ┌─┴─┐\n\
             0   2   4   6   8   10  12* 14\n\
             C0  C1  C2  C3  C4  C5  C6  E"
        );
        assert_eq!(text.lines().count(), 8 + 1 + 11);
    }
}
