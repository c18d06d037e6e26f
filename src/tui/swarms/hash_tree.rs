//! The part of a Merkle tree that proves one chunk: which hashes were sent, which
//! follow from others, which are missing; and the datagrams that brought them.

use std::time::Duration;

use ppspp_dissector::integrity::peak_ranges;
use ppspp_dissector::session::{Analyzer, Knowledge, NodeHash, Swarm, SwarmIndex, Verification};
use ppspp_dissector::wire::{Bin, ContentIntegrity};
use ratatui::style::Style;

use super::super::keys::Action;
use super::super::list::Cursor;
use super::super::screen::Canvas;
use super::super::theme::Theme;
use super::super::view::{Common, Outcome};
use crate::index::{Origin, OriginSearch, Store};
use crate::output::Hex;

/// How long searching may keep a key waiting.
const SLICE: Duration = Duration::from_millis(3);

/// What stands over the tree.
const LEGEND: &str = "✓ received  = computed  ? unproven  – missing";

/// A line of the tree.
struct Line {
    bin: Bin,
    /// How deep below the topmost one.
    depth: u16,
    /// Whether it lies on the way to the chunk.
    is_way: bool,
    hash: NodeHash,
    /// The chunk that a leaf is of, where it was seen, and what became of it.
    chunk: Option<(Origin, char)>,
    note: &'static str,
}

impl Line {
    /// Where its hash came from, as far as a datagram has brought that.
    const fn origin(&self) -> Option<Origin> {
        match self.hash.knowledge {
            Knowledge::Sent => Some(Origin::Hash(self.bin)),
            _ => None,
        }
    }
}

/// The tree around a chunk, and where the user is in it.
#[derive(Default)]
pub(super) struct HashTree {
    chunk: Option<u64>,
    lines: Vec<Line>,
    cursor: Cursor,
    search: Option<(Vec<Origin>, OriginSearch)>,
    /// Whether everything was indexed when the search began.
    was_done: bool,
}

impl HashTree {
    /// Looks at the tree around a chunk.
    fn load(&mut self, common: &Common, analyzer: &Analyzer, index: SwarmIndex, chunk: u64) {
        let swarm = analyzer.swarm(index);
        self.lines = match swarm.verification.as_deref() {
            Some(found) => lines(found, swarm, chunk),
            None => Vec::new(),
        };
        if self.chunk != Some(chunk) {
            self.chunk = Some(chunk);
            let leaf = |line: &Line| line.is_way && line.bin.range().is_single();
            self.cursor = Cursor::default();
            self.cursor.selected = self.lines.iter().position(leaf).unwrap_or(0);
        }
        let wanted: Vec<Origin> = self
            .lines
            .iter()
            .flat_map(|line| {
                let chunk = line.chunk.map(|(origin, _)| origin);
                line.origin().into_iter().chain(chunk)
            })
            .collect();
        let is_done = common.store.status().done;
        let is_known = self
            .search
            .as_ref()
            .is_some_and(|(asked, _)| *asked == wanted && self.was_done == is_done);
        if !is_known {
            let search = OriginSearch::new(&common.store, index, wanted.iter().copied());
            self.search = Some((wanted, search));
            self.was_done = is_done;
        }
    }

    /// Searches on; returns whether there is more to be done.
    pub(super) fn work(&mut self, store: &Store) -> bool {
        let Some((_, search)) = self.search.as_mut().filter(|(_, search)| search.has_more()) else {
            return false;
        };
        search.advance(store, SLICE);
        // What was found is to be drawn.
        true
    }

    /// The frame of a line, or what is to be said in its place, and its row.
    fn place(&self, wanted: Origin) -> Option<Result<crate::index::Place, &'static str>> {
        let (_, search) = self.search.as_ref()?;
        match search.found(wanted) {
            Some(place) => Some(Ok(place)),
            None if search.is_open(wanted) => Some(Err("in a frame that is searched …")),
            None => None,
        }
    }

    /// Moves, or jumps to the datagram of the selected line; `None` where the action
    /// means nothing here.
    pub(super) fn act(
        &mut self,
        action: Action,
        count: Option<usize>,
        common: &mut Common,
    ) -> Option<Outcome> {
        if self.cursor.act(action, count, self.lines.len()) {
            return Some(Outcome::Done);
        }
        let line = self.lines.get(self.cursor.selected)?;
        match action {
            Action::Open => {
                let chunk = line.chunk.map(|(origin, _)| origin);
                let known = line.origin().into_iter().chain(chunk);
                let row = known
                    .filter_map(|origin| self.place(origin)?.ok())
                    .map(|place| place.row)
                    .next()
                    .or_else(|| common.row_of(line.hash.frame?));
                Some(row.map_or_else(
                    || Outcome::Say("no datagram has brought this hash as such".to_owned()),
                    Outcome::Show,
                ))
            }
            Action::Copy => {
                let beginning = line.hash.beginning?;
                Some(Outcome::Copy(Hex(&beginning).to_string()))
            }
            _ => None,
        }
    }

    /// Selects a line.
    pub(super) fn click(&mut self, y: u16) -> bool {
        let line = self.cursor.top + usize::from(y);
        let was_selected = line == self.cursor.selected;
        if line < self.lines.len() {
            self.cursor.selected = line;
        }
        was_selected
    }

    /// Draws the way from the root down to a chunk, with the sibling at each step.
    pub(super) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        common: &Common,
        analyzer: &Analyzer,
        index: SwarmIndex,
        chunk: u64,
        is_focused: bool,
    ) {
        self.load(common, analyzer, index, chunk);
        let theme = &common.settings.theme;
        let swarm = analyzer.swarm(index);
        let title = format!("Tree around chunk {chunk}   {LEGEND}");
        canvas.rule(0, &title, theme, is_focused);
        let (width, height) = (canvas.width(), canvas.height().saturating_sub(1));
        let mut part = canvas.part(0, 1, width, height);
        if self.lines.is_empty() {
            part.put(1, 0, why_empty(swarm), theme.faint);
            return;
        }
        let window = self.cursor.window(self.lines.len(), height.into());
        let top = window.start;
        let shallowest = self.lines.get(top).map_or(0, |line| line.depth);
        for (y, number) in (0..).zip(window) {
            let Some(line) = self.lines.get(number) else {
                break;
            };
            // Deep trees move to the left with what is in sight.
            let x = 1 + 2 * line.depth.saturating_sub(shallowest).min(24);
            self.draw_line(&mut part, theme, line, (x, y));
            if number == self.cursor.selected && is_focused {
                part.fill(y, theme.selected);
                part.put(0, y, ">", theme.selected);
            }
        }
        if top > 0 {
            let above = format!(" ↑ {top} more ");
            canvas.put_right(width, 0, &above, theme.faint);
        }
    }

    fn draw_line(&self, canvas: &mut Canvas<'_>, theme: &Theme, line: &Line, (x, y): (u16, u16)) {
        let branch = if line.is_way { "● " } else { "├ " };
        let mut x = canvas.put(x, y, branch, theme.faint);
        let (sign, style) = match line.hash.knowledge {
            Knowledge::Sent => ("✓ ", theme.good),
            Knowledge::Computed => ("= ", theme.good),
            Knowledge::Unproven => ("? ", theme.unknown),
            Knowledge::Missing => ("– ", theme.faint),
        };
        x = canvas.put(x, y, sign, style);
        let name_style = if line.is_way {
            theme.heading
        } else {
            theme.text
        };
        x = canvas.put(x, y, &line.bin.range().to_string(), name_style);
        if !line.note.is_empty() {
            x = canvas.put(x, y, " ", theme.text);
            x = canvas.put(x, y, line.note, theme.heading);
        }
        x = canvas.put(x, y, "  ", theme.text);
        if let Some(beginning) = line.hash.beginning {
            let digits = Hex(beginning.get(..6).unwrap_or_default());
            x = canvas.put(x, y, &format!("{digits}…  "), theme.message);
        }
        x = canvas.put(x, y, &self.came_from(line), style);
        if let Some((origin, mark)) = line.chunk {
            let style: Style = match mark {
                '✓' => theme.good,
                '✗' => theme.bad,
                '?' => theme.unknown,
                _ => theme.plain,
            };
            let place = match self.place(origin) {
                Some(Ok(place)) => format!(" in frame {}", place.frame),
                _ => String::new(),
            };
            let is_of_it = line.hash.knowledge == Knowledge::Computed;
            let between = if is_of_it { " from chunk" } else { "  chunk" };
            canvas.put(x, y, &format!("{between} {mark}{place}"), style);
        }
    }

    /// Where a hash came from.
    fn came_from(&self, line: &Line) -> String {
        let came = self.in_words(line);
        if line.note == "root" && line.hash.knowledge == Knowledge::Sent {
            return format!("the swarm ID, {came}");
        }
        came
    }

    fn in_words(&self, line: &Line) -> String {
        match line.hash.knowledge {
            Knowledge::Sent => match self.place(Origin::Hash(line.bin)) {
                Some(Ok(place)) => format!("received in frame {}", place.frame),
                Some(Err(text)) => format!("received {text}"),
                None if line.chunk.is_some() => "known with its chunk".to_owned(),
                None => "received".to_owned(),
            },
            Knowledge::Computed if line.note == "root" => "the swarm ID".to_owned(),
            Knowledge::Computed if line.bin.range().is_single() => "computed".to_owned(),
            Knowledge::Computed => "computed from the two below".to_owned(),
            Knowledge::Unproven => {
                let frame = line.hash.frame.map_or_else(
                    || "computed".to_owned(),
                    |frame| format!("in frame {frame}"),
                );
                let disputed = if line.hash.is_disputed {
                    "; others say otherwise"
                } else {
                    ""
                };
                format!("{frame}, nothing proves it{disputed}")
            }
            Knowledge::Missing if line.note == "empty" => "beyond the content".to_owned(),
            Knowledge::Missing => "missing".to_owned(),
        }
    }
}

/// Why there is no tree.
fn why_empty(swarm: &Swarm) -> &'static str {
    match swarm.content_integrity {
        Some(ContentIntegrity::None) => "No tree: nothing protects this content (method None).",
        Some(ContentIntegrity::SignAll) => {
            "No tree: each chunk has a signature of its own (Sign All)."
        }
        _ => "No tree: no chunk or hash was seen, or no handshake says how to check them.",
    }
}

/// The nodes from the top down to a chunk, each with its sibling.
fn lines(found: &Verification, swarm: &Swarm, chunk: u64) -> Vec<Line> {
    let Some(leaf) = Bin::leaf(chunk) else {
        return Vec::new();
    };
    if !found.has_tree() {
        return Vec::new();
    }
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
    let mut lines = Vec::with_capacity(2 * way.len());
    for (depth, bin) in (0..).zip(&way) {
        let sibling = bin.sibling().filter(|_| depth > 0);
        let pair = if bin.is_left() {
            [Some(*bin), sibling]
        } else {
            [sibling, Some(*bin)]
        };
        for shown in pair.into_iter().flatten() {
            lines.push(Line {
                bin: shown,
                depth,
                is_way: shown == *bin,
                hash: found.node_hash(shown),
                chunk: chunk_of(found, swarm, shown),
                note: note(found, shown),
            });
        }
    }
    lines
}

/// What a node is beside a node.
fn note(found: &Verification, bin: Bin) -> &'static str {
    let range = bin.range();
    if found.root_bin() == Some(bin) {
        return "root";
    }
    let Some(size) = found.size() else {
        return "";
    };
    if range.start() >= size {
        "empty"
    } else if peak_ranges(size).into_iter().any(|peak| peak == range) {
        "peak"
    } else {
        ""
    }
}

/// The chunk of a leaf, where it was seen, and the mark of its verdict.
fn chunk_of(found: &Verification, swarm: &Swarm, bin: Bin) -> Option<(Origin, char)> {
    if !bin.range().is_single() {
        return None;
    }
    let chunk = bin.range().start();
    if found.verified().contains(chunk) {
        Some((Origin::VerifiedChunk(chunk), '✓'))
    } else if found.failed().contains(chunk) {
        Some((Origin::Chunk(chunk), '✗'))
    } else if found.unprotected().contains(chunk) {
        Some((Origin::Chunk(chunk), '·'))
    } else {
        let seen = swarm.seen.contains(chunk);
        seen.then_some((Origin::Chunk(chunk), '?'))
    }
}
