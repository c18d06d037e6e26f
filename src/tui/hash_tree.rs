//! The part of a Merkle tree that proves one chunk.

use ppspp_dissector::integrity::peak_ranges;
use ppspp_dissector::session::{Knowledge, Swarm, Verification};
use ppspp_dissector::wire::Bin;

use super::screen::Canvas;
use super::theme::Theme;

/// Draws the way from the root down to a chunk, with the sibling at each step:
/// which hashes were sent, which follow from others, which are missing.
pub(super) fn draw_hash_tree(
    canvas: &mut Canvas<'_>,
    theme: &Theme,
    found: &Verification,
    swarm: &Swarm,
    chunk: u64,
) {
    let Some(leaf) = Bin::leaf(chunk) else {
        return;
    };
    // Of a stream, whose tree grows, as far up as anything is known.
    let mut way = vec![leaf];
    let root = found.root_bin();
    let mut node = leaf;
    while Some(node) != root && way.len() < 63 {
        let Some(parent) = node.parent() else {
            break;
        };
        let known = |bin: Bin| found.node(bin) != Knowledge::Missing;
        let goes_on = root.is_some() || known(parent) || node.sibling().is_some_and(known);
        if !goes_on {
            break;
        }
        way.push(parent);
        node = parent;
    }
    way.reverse();
    let height = usize::from(canvas.height());
    // Each step is a line for the node and one for its sibling.
    let lines = 2 * way.len() - 1;
    let skipped = if lines > height {
        (lines - height).div_ceil(2) + 1
    } else {
        0
    };
    let mut y = 0;
    if skipped > 0 {
        let text = format!("… {skipped} levels above, up to the root");
        canvas.put(1, y, &text, theme.faint);
        y += 1;
    }
    let size = found.size();
    for (depth, bin) in way.iter().enumerate().skip(skipped) {
        let indent = 1 + 2 * (depth - skipped) as u16;
        let sibling = bin.sibling().filter(|_| depth > 0);
        let sibling_first = !bin.is_left();
        let pair = if sibling_first {
            [sibling, Some(*bin)]
        } else {
            [Some(*bin), sibling]
        };
        for shown in pair.into_iter().flatten() {
            let is_way = shown == *bin;
            draw_node(
                canvas,
                theme,
                found,
                swarm,
                shown,
                (indent, y),
                is_way,
                size,
            );
            y += 1;
        }
    }
}

#[allow(clippy::too_many_arguments)]
fn draw_node(
    canvas: &mut Canvas<'_>,
    theme: &Theme,
    found: &Verification,
    swarm: &Swarm,
    bin: Bin,
    (x, y): (u16, u16),
    is_way: bool,
    size: Option<u64>,
) {
    let range = bin.range();
    let is_root = found.root_bin() == Some(bin);
    let is_empty = size.is_some_and(|size| range.start() >= size);
    let peaks = size.into_iter().flat_map(peak_ranges);
    let is_peak = peaks.into_iter().any(|peak| peak == range);
    let (text, style) = match found.node(bin) {
        _ if is_empty => ("empty", theme.faint),
        Knowledge::Sent => ("✓ sent and proven", theme.good),
        Knowledge::Computed if is_root => ("✓ the swarm ID", theme.good),
        Knowledge::Computed => ("✓ computed from those below, proven", theme.good),
        Knowledge::Unproven => ("? known, nothing proves it", theme.unknown),
        Knowledge::Missing => ("missing", theme.faint),
    };
    let branch = if is_way { "● " } else { "├ " };
    let mut x = canvas.put(x, y, branch, theme.faint);
    let name_style = if is_way { theme.heading } else { theme.text };
    x = canvas.put(x, y, &range.to_string(), name_style);
    if is_root {
        x = canvas.put(x, y, " root", theme.heading);
    }
    if is_peak && !is_root {
        x = canvas.put(x, y, " peak", theme.heading);
    }
    x = canvas.put(x + 1, y, text, style);
    if range.is_single() {
        let chunk = range.start();
        let (text, style) = if found.verified().contains(chunk) {
            ("  chunk ✓ verified", theme.good)
        } else if found.failed().contains(chunk) {
            ("  chunk ✗ failed", theme.bad)
        } else if swarm.seen.contains(chunk) {
            ("  chunk ? not verified", theme.unknown)
        } else {
            ("", theme.faint)
        };
        canvas.put(x, y, text, style);
    }
}
